#version 450
// Waits within the workgroup only.
layout(local_size_x = 64) in;
layout(binding = 0) buffer Words { uint words[]; };
shared uint next;

void main()
{
	next = 0;
	barrier();
	for (uint i = atomicAdd(next, 1); i < 1000; i = atomicAdd(next, 1)) {
		words[gl_WorkGroupID.x * 1000 + i] = i;
	}
}
