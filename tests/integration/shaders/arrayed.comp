#version 450
// An array of buffers, chosen by a loop.
layout(local_size_x = 16) in;
layout(binding = 0) readonly buffer Input { uint words[]; } inputs[6];
layout(binding = 1) buffer Result { uint result[]; };

void main()
{
	uint i = gl_GlobalInvocationID.x;
	uint sum = 0;
	for (uint k = 0; k < 6; k++) {
		sum = sum * 31 + inputs[k].words[i];
	}
	result[i] = sum;
}
