#version 450
// Takes work until there is none: the loop depends on what other workgroups do.
layout(local_size_x = 64) in;
layout(binding = 0) buffer Words { uint next; uint words[]; };

void main()
{
	for (uint i = atomicAdd(next, 1); i < 1000; i = atomicAdd(next, 1)) {
		words[i] = i;
	}
}
