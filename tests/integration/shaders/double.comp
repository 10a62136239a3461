#version 450
// Every word twice as large, plus one; the order of dispatches shows.
layout(local_size_x = 64) in;
layout(binding = 0) buffer Words { uint words[]; };

void main()
{
	words[gl_GlobalInvocationID.x] = words[gl_GlobalInvocationID.x] * 2 + 1;
}
