#version 450
// Reduce words with atomics: to shared memory first, then one atomic of each kind a workgroup.
layout(local_size_x = 128) in;
layout(binding = 0) readonly buffer Input { uint words[]; };
layout(binding = 1) buffer Result { uint sum, least, greatest, all_xor, all_or, all_and, count; };
shared uint part_sum, part_least, part_greatest, part_xor;

void main()
{
	uint value = words[gl_GlobalInvocationID.x];
	if (gl_LocalInvocationIndex == 0) {
		part_sum = 0;
		part_least = 0xffffffffu;
		part_greatest = 0;
		part_xor = 0;
	}
	barrier();
	atomicAdd(part_sum, value);
	atomicMin(part_least, value);
	atomicMax(part_greatest, value);
	atomicXor(part_xor, value);
	atomicOr(all_or, value);
	atomicAnd(all_and, value);
	barrier();
	if (gl_LocalInvocationIndex == 0) {
		atomicAdd(sum, part_sum);
		atomicMin(least, part_least);
		atomicMax(greatest, part_greatest);
		atomicXor(all_xor, part_xor);
		atomicAdd(count, gl_WorkGroupSize.x);
	}
}
