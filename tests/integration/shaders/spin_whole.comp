#version 450
// As spin.comp, but it must be run as a whole: it looks at how many workgroups there are.
layout(local_size_x = 64) in;
layout(binding = 0) buffer Words { uint words[]; };
layout(push_constant) uniform Push { uint rounds; };

void main()
{
	uint state = words[gl_GlobalInvocationID.x] + gl_NumWorkGroups.x;
	for (uint i = 0; i < rounds; i++) {
		state = state * 1664525u + 1013904223u;
		state ^= state >> 13;
	}
	words[gl_GlobalInvocationID.x] = state;
}
