#version 450
// Leave every workgroup's and invocation's coordinates.
layout(local_size_x = 4, local_size_y = 2, local_size_z = 1) in;
layout(binding = 0) buffer Result { uint count; uint words[]; };

void main()
{
	uvec3 id = gl_WorkGroupID;
	uint slot = (id.z * 16 + id.y) * 16 + id.x;
	words[slot * 8 + gl_LocalInvocationIndex] =
		id.x | id.y << 8 | id.z << 16 | gl_LocalInvocationIndex << 24;
	atomicAdd(count, 1);
}
