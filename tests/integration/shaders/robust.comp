#version 450
// Read beyond the end of a buffer.
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Words { uint words[]; };
layout(binding = 1) buffer Result { uint result[]; };
layout(push_constant) uniform Push { uint stride; };

void main()
{
	uint i = gl_GlobalInvocationID.x;
	result[i] = words[i * stride] == 0 ? 0 : 1;
}
