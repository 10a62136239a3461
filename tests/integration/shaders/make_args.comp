#version 450
// Write arguments of an indirect dispatch.
layout(local_size_x = 1) in;
layout(binding = 0) buffer Args { uint args[]; };

void main()
{
	args[0] = 0;
	args[1] = 3;
	args[2] = 2;
	args[3] = 4;
}
