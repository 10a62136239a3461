#version 450
// Atomics in a loop whose results nobody looks at, and one after it that is looked at.
layout(local_size_x = 64) in;
layout(binding = 0) buffer Words { uint done; uint bins[256]; uint words[]; };

void main()
{
	for (uint i = 0; i < 64; i++) {
		atomicAdd(bins[words[gl_GlobalInvocationID.x * 64 + i] & 255], 1);
	}
	if (atomicAdd(done, 1) == 7) {
		words[0] = 1;
	}
}
