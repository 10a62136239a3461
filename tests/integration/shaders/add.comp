#version 450
// c = a + b, b being scaled by a uniform block.
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer A { uint a[]; };
layout(binding = 1) readonly buffer B { uint b[]; };
layout(binding = 2) buffer C { uint c[]; };
layout(binding = 3) uniform Scale { uint scale; uint offset; };

void main()
{
	uint i = gl_GlobalInvocationID.x;
	c[i] = a[i] + b[i] * scale + offset;
}
