#version 450
// Waits for the workgroup before, in a function of its own.
layout(local_size_x = 1) in;
layout(binding = 0) coherent volatile buffer Words { uint words[]; };

uint look(uint i)
{
	return words[i];
}

void main()
{
	uint i = gl_WorkGroupID.x;
	while (i > 0 && look(i - 1) == 0) {
	}
	words[i] = 1;
}
