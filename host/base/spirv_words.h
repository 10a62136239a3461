/* SPDX-License-Identifier: MIT */
/* Reading the instructions of a SPIR-V module, which may be any words: SPIR-V 2.3, "Physical Layout
 * of a SPIR-V Module and Instruction". */
#ifndef SL_HOST_BASE_SPIRV_WORDS_H
#define SL_HOST_BASE_SPIRV_WORDS_H

#include <stdint.h>

#define SL_SPIRV_HEADER_WORDS 5u

struct sl_spirv_words {
	const uint32_t *words;
	uint32_t count;
	uint32_t bound; /* above all ids */
};

static inline uint16_t sl_spirv_opcode(const struct sl_spirv_words *code, uint32_t at)
{
	return (uint16_t)code->words[at];
}

/* In words. An instruction has 1 or more and ends within the module, or the module is none. */
static inline uint32_t sl_spirv_length(const struct sl_spirv_words *code, uint32_t at)
{
	return code->words[at] >> 16;
}

/* 0: the instruction has no such word. */
static inline uint32_t sl_spirv_operand(const struct sl_spirv_words *code, uint32_t at,
					uint32_t index)
{
	return index < sl_spirv_length(code, at) ? code->words[at + index] : 0;
}

/* As an index of a table of ids: 0, which is no id, if it is none. */
static inline uint32_t sl_spirv_id(const struct sl_spirv_words *code, uint32_t at, uint32_t index)
{
	uint32_t id = sl_spirv_operand(code, at, index);

	return id < code->bound ? id : 0;
}

#endif
