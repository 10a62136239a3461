/* SPDX-License-Identifier: MIT */
/* One pass notes types, constants and blocks; a block is suspicious if it reads what another
 * workgroup may have just written, or calls what does. A suspicious block on a cycle may wait. */
#include "host/replay/spirv_scan.h"

#include <stdbool.h>
#include <stdlib.h>

#include "host/base/spirv_words.h"

/* More than any shader of use; the tables take 17 bytes per id. */
#define MAX_BOUND (4u << 20)
/* Steps that looking for cycles may take. */
#define MAX_STEPS (16u << 20)
#define NONE	  UINT32_MAX

/* Of the SPIR-V specification, as far as they are looked at. */
enum {
	OP_LINE = 8,
	OP_ENTRY_POINT = 15,
	OP_TYPE_POINTER = 32,
	OP_CONSTANT = 43,
	OP_FUNCTION = 54,
	OP_FUNCTION_PARAMETER = 55,
	OP_FUNCTION_CALL = 57,
	OP_VARIABLE = 59,
	OP_IMAGE_TEXEL_POINTER = 60,
	OP_LOAD = 61,
	OP_ACCESS_CHAIN = 65,
	OP_PTR_ACCESS_CHAIN = 67,
	OP_DECORATE = 71,
	OP_MEMBER_DECORATE = 72,
	OP_COPY_OBJECT = 83,
	OP_IMAGE_READ = 98,
	OP_CONTROL_BARRIER = 224,
	OP_ATOMIC_LOAD = 227,
	OP_ATOMIC_STORE = 228,
	OP_ATOMIC_XOR = 242,
	OP_LABEL = 248,
	OP_BRANCH = 249,
	OP_BRANCH_CONDITIONAL = 250,
	OP_SWITCH = 251,
	OP_ATOMIC_FLAG_TEST = 318,
	OP_IMAGE_SPARSE_READ = 320,
	OP_ATOMIC_FMIN = 5614,
	OP_ATOMIC_FMAX = 5615,
	OP_ATOMIC_FADD = 6035,
	DECORATION_BUILT_IN = 11,
	DECORATION_VOLATILE = 21,
	DECORATION_COHERENT = 23,
	BUILT_IN_NUM_WORKGROUPS = 24,
	STORAGE_WORKGROUP = 4,
	STORAGE_PRIVATE = 6,
	STORAGE_FUNCTION = 7,
	SCOPE_WORKGROUP = 2,
	SCOPE_INVOCATION = 4,
	ACCESS_VOLATILE = 1 << 0,
	ACCESS_MAKE_VISIBLE = 1 << 4,
	TEXEL_MAKE_VISIBLE = 1 << 9,
	TEXEL_VOLATILE = 1 << 11,
};

struct block {
	uint32_t function;   /* index */
	uint32_t first_word; /* of its first instruction, OpLabel */
	uint32_t terminator; /* word of the instruction that ends it; 0: none */
	uint32_t visit;	     /* the search that came here last */
	bool is_suspicious;
};

struct scan {
	struct sl_spirv_words code;
	uint32_t *pointer_type; /* by id: the type of a pointer value, 0: not noted */
	uint32_t *storage;	/* by id of a pointer type: its storage class + 1 */
	uint32_t *constant;	/* by id: low word + 1 of an OpConstant */
	uint32_t *target;	/* by id of a label: block, of an OpFunction: function; + 1 */
	uint8_t *seen;		/* by id: 2: occurs more than once */
	struct block *blocks;
	uint32_t block_count;
	bool *suspicious; /* by function */
	uint32_t function_count;
	uint32_t *stack;
	bool reads_count;
	bool is_coherent; /* some variable is decorated so, or volatile */
	bool may_wait;
};

static bool is_sound(const struct scan *scan)
{
	for (uint32_t at = SL_SPIRV_HEADER_WORDS; at < scan->code.count;
	     at += sl_spirv_length(&scan->code, at)) {
		if (sl_spirv_length(&scan->code, at) == 0 ||
		    sl_spirv_length(&scan->code, at) > scan->code.count - at) {
			return false;
		}
	}
	return true;
}

static void note_decoration(struct scan *scan, uint32_t decoration, uint32_t value)
{
	if (decoration == DECORATION_BUILT_IN && value == BUILT_IN_NUM_WORKGROUPS) {
		scan->reads_count = true;
	}
	if (decoration == DECORATION_VOLATILE || decoration == DECORATION_COHERENT) {
		scan->is_coherent = true;
	}
}

/* What all instructions may refer to. */
static void note_instruction(struct scan *scan, uint32_t at)
{
	switch (sl_spirv_opcode(&scan->code, at)) {
	case OP_DECORATE:
		note_decoration(scan, sl_spirv_operand(&scan->code, at, 2),
				sl_spirv_operand(&scan->code, at, 3));
		break;
	case OP_MEMBER_DECORATE:
		note_decoration(scan, sl_spirv_operand(&scan->code, at, 3),
				sl_spirv_operand(&scan->code, at, 4));
		break;
	case OP_TYPE_POINTER:
		scan->storage[sl_spirv_id(&scan->code, at, 1)] =
			sl_spirv_operand(&scan->code, at, 2) + 1;
		break;
	case OP_CONSTANT:
		scan->constant[sl_spirv_id(&scan->code, at, 2)] =
			sl_spirv_operand(&scan->code, at, 3) + 1;
		break;
	case OP_FUNCTION_PARAMETER:
	case OP_VARIABLE:
	case OP_IMAGE_TEXEL_POINTER:
	case OP_ACCESS_CHAIN:
	case OP_ACCESS_CHAIN + 1:
	case OP_PTR_ACCESS_CHAIN:
	case OP_COPY_OBJECT:
		scan->pointer_type[sl_spirv_id(&scan->code, at, 2)] =
			sl_spirv_id(&scan->code, at, 1);
		break;
	case OP_FUNCTION:
		scan->function_count++;
		scan->target[sl_spirv_id(&scan->code, at, 2)] = scan->function_count;
		break;
	case OP_LABEL:
		scan->block_count++;
		scan->target[sl_spirv_id(&scan->code, at, 1)] = scan->block_count;
		break;
	default:
		break;
	}
}

/* Literals look like ids: then a result seems used that is not. Names and decorations do not use
 * what they are about. */
static void note_uses(struct scan *scan, uint32_t at)
{
	uint16_t op = sl_spirv_opcode(&scan->code, at);

	if (op <= OP_LINE || op == OP_ENTRY_POINT || op == OP_DECORATE ||
	    op == OP_MEMBER_DECORATE) {
		return;
	}
	for (uint32_t i = 1; i < sl_spirv_length(&scan->code, at); i++) {
		uint8_t *seen = &scan->seen[sl_spirv_id(&scan->code, at, i)];

		*seen = *seen < 2 ? *seen + 1 : 2;
	}
}

/* Can no other workgroup write what the pointer points to? */
static bool is_private(const struct scan *scan, uint32_t pointer)
{
	uint32_t storage = scan->storage[scan->pointer_type[pointer]];

	return storage == STORAGE_WORKGROUP + 1 || storage == STORAGE_PRIVATE + 1 ||
	       storage == STORAGE_FUNCTION + 1;
}

static bool is_atomic_read(uint16_t op)
{
	return (op >= OP_ATOMIC_LOAD && op <= OP_ATOMIC_XOR && op != OP_ATOMIC_STORE) ||
	       op == OP_ATOMIC_FLAG_TEST || op == OP_ATOMIC_FMIN || op == OP_ATOMIC_FMAX ||
	       op == OP_ATOMIC_FADD;
}

/* Does the instruction read what another workgroup may be writing? */
static bool is_shared_read(const struct scan *scan, uint32_t at)
{
	uint16_t op = sl_spirv_opcode(&scan->code, at);

	if (is_atomic_read(op)) {
		return scan->seen[sl_spirv_id(&scan->code, at, 2)] > 1 &&
		       !is_private(scan, sl_spirv_id(&scan->code, at, 3));
	}
	if (op == OP_LOAD) {
		uint32_t access = sl_spirv_operand(&scan->code, at, 4);

		return (scan->is_coherent ||
			(access & (ACCESS_VOLATILE | ACCESS_MAKE_VISIBLE)) != 0) &&
		       !is_private(scan, sl_spirv_id(&scan->code, at, 3));
	}
	if (op == OP_IMAGE_READ || op == OP_IMAGE_SPARSE_READ) {
		return scan->is_coherent || (sl_spirv_operand(&scan->code, at, 5) &
					     (TEXEL_MAKE_VISIBLE | TEXEL_VOLATILE)) != 0;
	}
	return false;
}

static bool is_wide_barrier(const struct scan *scan, uint32_t at)
{
	if (sl_spirv_opcode(&scan->code, at) != OP_CONTROL_BARRIER) {
		return false;
	}
	uint32_t scope = scan->constant[sl_spirv_id(&scan->code, at, 1)];

	return scope < SCOPE_WORKGROUP + 1 || scope > SCOPE_INVOCATION + 1;
}

static void note_blocks(struct scan *scan)
{
	struct block *block = NULL;
	uint32_t function = 0;
	uint32_t count = 0;

	for (uint32_t at = SL_SPIRV_HEADER_WORDS; at < scan->code.count;
	     at += sl_spirv_length(&scan->code, at)) {
		uint16_t op = sl_spirv_opcode(&scan->code, at);

		if (op == OP_FUNCTION) {
			function++;
			block = NULL;
		} else if (op == OP_LABEL) {
			block = &scan->blocks[count++];
			block->function = function;
			block->first_word = at;
		} else if (block != NULL) {
			if (op >= OP_BRANCH && op <= OP_SWITCH) {
				block->terminator = at;
			}
			if (is_shared_read(scan, at)) {
				block->is_suspicious = true;
				scan->suspicious[function] = true;
			}
			scan->may_wait = scan->may_wait || is_wide_barrier(scan, at);
		}
	}
}

/* Whoever calls a suspicious function is suspicious. Returns true if that is news. */
static bool spread(struct scan *scan)
{
	struct block *block = NULL;
	bool has_changed = false;
	uint32_t count = 0;

	for (uint32_t at = SL_SPIRV_HEADER_WORDS; at < scan->code.count;
	     at += sl_spirv_length(&scan->code, at)) {
		uint16_t op = sl_spirv_opcode(&scan->code, at);

		if (op == OP_LABEL) {
			block = &scan->blocks[count++];
		}
		if (op != OP_FUNCTION_CALL || block == NULL) {
			continue;
		}
		uint32_t callee = scan->target[sl_spirv_id(&scan->code, at, 3)];

		if (callee <= scan->function_count && scan->suspicious[callee] &&
		    !block->is_suspicious) {
			block->is_suspicious = true;
			scan->suspicious[block->function] = true;
			has_changed = true;
		}
	}
	return has_changed;
}

/* Whether control can come back to the block; also true when looking takes too long. */
static bool is_on_cycle(struct scan *scan, uint32_t start, uint32_t *steps)
{
	uint32_t depth = 0;

	scan->stack[depth++] = start;
	while (depth > 0) {
		uint32_t at = scan->blocks[scan->stack[--depth]].terminator;

		for (uint32_t i = 1; at != 0 && i < sl_spirv_length(&scan->code, at); i++) {
			uint32_t target = scan->target[sl_spirv_id(&scan->code, at, i)];

			if (++*steps > MAX_STEPS || target == start + 1) {
				return true;
			}
			if (target == 0 || target > scan->block_count ||
			    scan->blocks[target - 1].visit == start + 1) {
				continue;
			}
			scan->blocks[target - 1].visit = start + 1;
			scan->stack[depth++] = target - 1;
		}
	}
	return false;
}

static void find_waits(struct scan *scan)
{
	uint32_t steps = 0;

	note_blocks(scan);
	for (uint32_t i = 0; i < scan->function_count && spread(scan); i++) {
	}
	for (uint32_t i = 0; i < scan->block_count && !scan->may_wait; i++) {
		scan->may_wait = scan->blocks[i].is_suspicious && is_on_cycle(scan, i, &steps);
	}
}

static bool allocate_ids(struct scan *scan)
{
	scan->pointer_type = calloc(scan->code.bound, sizeof(*scan->pointer_type));
	scan->storage = calloc(scan->code.bound, sizeof(*scan->storage));
	scan->constant = calloc(scan->code.bound, sizeof(*scan->constant));
	scan->target = calloc(scan->code.bound, sizeof(*scan->target));
	scan->seen = calloc(scan->code.bound, 1);
	return scan->pointer_type != NULL && scan->storage != NULL && scan->constant != NULL &&
	       scan->target != NULL && scan->seen != NULL;
}

static bool allocate_blocks(struct scan *scan)
{
	scan->blocks = calloc((size_t)scan->block_count + 1, sizeof(*scan->blocks));
	scan->stack = calloc((size_t)scan->block_count + 1, sizeof(*scan->stack));
	scan->suspicious = calloc((size_t)scan->function_count + 1, sizeof(*scan->suspicious));
	return scan->blocks != NULL && scan->stack != NULL && scan->suspicious != NULL;
}

static enum sl_spirv_verdict judge(struct scan *scan)
{
	if (!is_sound(scan) || !allocate_ids(scan)) {
		return SL_SPIRV_UNREADABLE;
	}
	for (uint32_t at = SL_SPIRV_HEADER_WORDS; at < scan->code.count;
	     at += sl_spirv_length(&scan->code, at)) {
		note_instruction(scan, at);
		note_uses(scan, at);
	}
	if (scan->reads_count) {
		return SL_SPIRV_READS_COUNT;
	}
	if (!allocate_blocks(scan)) {
		return SL_SPIRV_UNREADABLE;
	}
	find_waits(scan);
	return scan->may_wait ? SL_SPIRV_MAY_WAIT : SL_SPIRV_DIVISIBLE;
}

enum sl_spirv_verdict sl_spirv_scan(const uint32_t *words, size_t word_count)
{
	if (word_count < SL_SPIRV_HEADER_WORDS || word_count > UINT32_MAX || words[3] == 0 ||
	    words[3] > MAX_BOUND) {
		return SL_SPIRV_UNREADABLE;
	}
	struct scan scan = { .code = { words, (uint32_t)word_count, words[3] } };
	enum sl_spirv_verdict verdict = judge(&scan);

	free(scan.pointer_type);
	free(scan.storage);
	free(scan.constant);
	free(scan.target);
	free(scan.seen);
	free(scan.blocks);
	free(scan.suspicious);
	free(scan.stack);
	return verdict;
}
