#version 450
// One bit for each odd number from first on: is it prime? And how many are.
layout(local_size_x = 64) in;
layout(push_constant) uniform Job {
	uint first; // odd
	uint word_count;
};
layout(set = 0, binding = 0) writeonly buffer Bits {
	uint bits[];
};
layout(set = 0, binding = 1) buffer Count {
	uint prime_count;
};

bool is_prime(uint n)
{
	if (n < 2u) {
		return false;
	}
	for (uint divisor = 3u; divisor * divisor <= n; divisor += 2u) {
		if (n % divisor == 0u) {
			return false;
		}
	}
	return true;
}

void main()
{
	uint word = gl_GlobalInvocationID.x;
	uint found = 0u;

	if (word >= word_count) {
		return;
	}
	for (uint bit = 0u; bit < 32u; bit++) {
		if (is_prime(first + (word * 32u + bit) * 2u)) {
			found |= 1u << bit;
		}
	}
	bits[word] = found;
	atomicAdd(prime_count, bitCount(found));
}
