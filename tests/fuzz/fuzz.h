/* SPDX-License-Identifier: MIT */
/* What a fuzz target defines, and how it takes its input apart. */
#ifndef SL_TESTS_FUZZ_FUZZ_H
#define SL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* libFuzzer's interface; fuzz_main.c calls it where there is no libFuzzer. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* Take size bytes, as many as there are; the rest of dst is zeroed. */
static inline void fuzz_take(struct fuzz_input *in, void *dst, size_t size)
{
	size_t have = size < in->size ? size : in->size;

	memset(dst, 0, size);
	if (have > 0) {
		memcpy(dst, in->data, have);
	}
	in->data += have;
	in->size -= have;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	uint8_t value;

	fuzz_take(in, &value, sizeof(value));
	return value;
}

#endif
