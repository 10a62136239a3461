/* SPDX-License-Identifier: MIT */
/* One walk over the instructions; what is undeclared is put before all else. */
#include "host/replay/spirv_repair.h"

#include <stdbool.h>
#include <string.h>

#define LENGTH(array)	 (sizeof(array) / sizeof((array)[0]))
#define HEADER_WORDS	 5u
#define OP_CAPABILITY	 17u
#define OP_DECORATE	 71u
#define OP_DEMOTE	 5380u
#define CAPABILITY_WORDS 2u
#define BUILT_IN	 11u

/* What an instruction needs (SPIR-V 3.21, SPV_EXT_demote_to_helper_invocation). */
static const struct {
	uint32_t opcode;
	uint32_t built_in; /* of OpDecorate */
	uint32_t capability;
} needs[] = {
	{ OP_DECORATE, 10, 57 }, /* ViewportIndex: MultiViewport */
	{ OP_DECORATE, 18, 35 }, /* SampleId: SampleRateShading */
	{ OP_DECORATE, 19, 35 }, /* SamplePosition: SampleRateShading */
	{ OP_DEMOTE, 0, 5379 },	 /* DemoteToHelperInvocation */
};

static bool does_need(size_t kind, const uint32_t *words, uint32_t length)
{
	return needs[kind].opcode == (words[0] & 0xffff) &&
	       (needs[kind].opcode != OP_DECORATE ||
		(length >= 4 && words[2] == BUILT_IN && words[3] == needs[kind].built_in));
}

static void add(uint32_t *capabilities, size_t *count, uint32_t capability)
{
	for (size_t i = 0; i < *count; i++) {
		if (capabilities[i] == capability) {
			return;
		}
	}
	capabilities[(*count)++] = capability;
}

/* Of a capability that the module declares, there is nothing to repair. */
static void remove_declared(uint32_t *capabilities, size_t *count, const uint32_t *code,
			    size_t word_count)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		bool is_declared = false;

		/* Capabilities come before all else. */
		for (size_t at = HEADER_WORDS;
		     at + 1 < word_count && code[at] == (CAPABILITY_WORDS << 16 | OP_CAPABILITY);
		     at += CAPABILITY_WORDS) {
			is_declared |= code[at + 1] == capabilities[i];
		}
		if (!is_declared) {
			capabilities[kept++] = capabilities[i];
		}
	}
	*count = kept;
}

size_t sl_spirv_find_undeclared(const uint32_t *code, size_t word_count,
				uint32_t ret_capabilities[SL_SPIRV_MAX_UNDECLARED])
{
	size_t count = 0;
	uint32_t length;

	for (size_t at = HEADER_WORDS; at < word_count; at += length) {
		length = code[at] >> 16;
		if (length == 0 || length > word_count - at) {
			break;
		}
		for (size_t i = 0; i < LENGTH(needs); i++) {
			if (does_need(i, code + at, length)) {
				add(ret_capabilities, &count, needs[i].capability);
			}
		}
	}
	remove_declared(ret_capabilities, &count, code, word_count);
	return count;
}

size_t sl_spirv_declare(const uint32_t *code, size_t word_count, const uint32_t *capabilities,
			size_t count, uint32_t *ret_code)
{
	size_t at = HEADER_WORDS;

	memcpy(ret_code, code, HEADER_WORDS * sizeof(*code));
	for (size_t i = 0; i < count; i++) {
		ret_code[at++] = CAPABILITY_WORDS << 16 | OP_CAPABILITY;
		ret_code[at++] = capabilities[i];
	}
	memcpy(ret_code + at, code + HEADER_WORDS, (word_count - HEADER_WORDS) * sizeof(*code));
	return at + word_count - HEADER_WORDS;
}
