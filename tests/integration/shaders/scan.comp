#version 450
// An inclusive prefix sum over a workgroup in shared memory.
layout(local_size_x = 256) in;
layout(binding = 0) buffer Words { uint words[]; };
shared uint line[2][256];

void main()
{
	uint i = gl_LocalInvocationIndex;
	uint from = 0;
	line[0][i] = words[gl_GlobalInvocationID.x];
	barrier();
	for (uint step = 1; step < 256; step *= 2) {
		line[1 - from][i] = line[from][i] + (i >= step ? line[from][i - step] : 0);
		from = 1 - from;
		barrier();
	}
	words[gl_GlobalInvocationID.x] = line[from][i];
}
