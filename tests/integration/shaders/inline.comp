#version 450
// Two inline uniform blocks.
layout(local_size_x = 1) in;
layout(binding = 0) uniform First { uvec4 first[4]; };
layout(binding = 1) uniform Second { uvec4 second[2]; };
layout(binding = 2) buffer Result { uvec4 result[]; };

void main()
{
	for (uint i = 0; i < 4; i++) {
		result[i] = first[i] + second[i % 2];
	}
}
