#version 450
// Reads how many workgroups there are.
layout(local_size_x = 64) in;
layout(binding = 0) buffer Words { uint words[]; };

void main()
{
	words[gl_GlobalInvocationID.x] = gl_NumWorkGroups.x;
}
