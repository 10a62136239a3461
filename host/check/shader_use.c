/* SPDX-License-Identifier: MIT */
/* One walk notes what ids stand for and which ids each function names; then the functions that each
 * entry point reaches are gone through. */
#include "host/check/shader_use.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/spirv_words.h"
#include "protocol/limits.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
/* More than any shader of use; a table takes 24 bytes per id. */
#define MAX_BOUND (4u << 20)
/* Ids that are looked at for all entry points together. */
#define MAX_STEPS     (16u << 20)
#define MAX_RESOURCES (256u << 10)
#define MAX_NESTING   64u

/* Of the SPIR-V specification, as far as they are looked at. */
enum {
	OP_EXT_INST_IMPORT = 11,
	OP_EXT_INST = 12,
	OP_ENTRY_POINT = 15,
	OP_TYPE_IMAGE = 25,
	OP_TYPE_SAMPLER = 26,
	OP_TYPE_SAMPLED_IMAGE = 27,
	OP_TYPE_ARRAY = 28,
	OP_TYPE_RUNTIME_ARRAY = 29,
	OP_TYPE_STRUCT = 30,
	OP_TYPE_POINTER = 32,
	OP_CONSTANT = 43,
	OP_FUNCTION = 54,
	OP_FUNCTION_END = 56,
	OP_VARIABLE = 59,
	OP_DECORATE = 71,
	OP_GROUP_DECORATE = 74,
	OP_TYPE_ACCELERATION_STRUCTURE = 5341,
	DECORATION_BUFFER_BLOCK = 3,
	DECORATION_BINDING = 33,
	DECORATION_DESCRIPTOR_SET = 34,
	STORAGE_UNIFORM_CONSTANT = 0,
	STORAGE_UNIFORM = 2,
	STORAGE_STORAGE_BUFFER = 12,
	DIM_BUFFER = 5,
	DIM_SUBPASS_DATA = 6,
	IMAGE_IS_SAMPLED = 1,
	IMAGE_IS_STORAGE = 2,
};

/* Which words of an instruction may be pointers to variables: those of first to end - 1 (0: all),
 * each step. Literals, which look like ids, are not among them. */
static const struct operands {
	uint16_t from; /* opcodes */
	uint16_t to;
	uint8_t first;
	uint8_t end;
	uint8_t step;
} operands[] = {
	{ 12, 12, 5, 0, 1 },	 /* OpExtInst, of GLSL.std.450 */
	{ 57, 57, 3, 0, 1 },	 /* OpFunctionCall; the function too */
	{ 60, 61, 3, 4, 1 },	 /* OpImageTexelPointer, OpLoad */
	{ 62, 64, 1, 3, 1 },	 /* OpStore, OpCopyMemory, OpCopyMemorySized */
	{ 65, 68, 3, 4, 1 },	 /* access chains, OpArrayLength */
	{ 70, 70, 3, 4, 1 },	 /* OpInBoundsPtrAccessChain */
	{ 83, 83, 3, 4, 1 },	 /* OpCopyObject */
	{ 169, 169, 4, 6, 1 },	 /* OpSelect */
	{ 227, 227, 3, 4, 1 },	 /* OpAtomicLoad */
	{ 228, 228, 1, 2, 1 },	 /* OpAtomicStore */
	{ 229, 242, 3, 4, 1 },	 /* OpAtomicExchange to OpAtomicXor */
	{ 245, 245, 3, 0, 2 },	 /* OpPhi */
	{ 254, 254, 1, 2, 1 },	 /* OpReturnValue */
	{ 318, 318, 3, 4, 1 },	 /* OpAtomicFlagTestAndSet */
	{ 319, 319, 1, 2, 1 },	 /* OpAtomicFlagClear */
	{ 401, 403, 3, 5, 1 },	 /* OpPtrEqual, OpPtrNotEqual, OpPtrDiff */
	{ 4457, 4457, 3, 4, 1 }, /* OpCooperativeMatrixLoadKHR */
	{ 4458, 4458, 1, 2, 1 }, /* OpCooperativeMatrixStoreKHR */
	{ 5359, 5359, 3, 4, 1 }, /* OpCooperativeMatrixLoadNV */
	{ 5360, 5360, 1, 2, 1 }, /* OpCooperativeMatrixStoreNV */
	{ 5614, 5615, 3, 4, 1 }, /* OpAtomicFMinEXT, OpAtomicFMaxEXT */
	{ 6035, 6035, 3, 4, 1 }, /* OpAtomicFAddEXT */
};

static const struct {
	uint16_t model;
	VkShaderStageFlagBits stage;
} stages[] = {
	{ 0, VK_SHADER_STAGE_VERTEX_BIT },
	{ 1, VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT },
	{ 2, VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT },
	{ 3, VK_SHADER_STAGE_GEOMETRY_BIT },
	{ 4, VK_SHADER_STAGE_FRAGMENT_BIT },
	{ 5, VK_SHADER_STAGE_COMPUTE_BIT },
	{ 5267, VK_SHADER_STAGE_TASK_BIT_EXT },
	{ 5268, VK_SHADER_STAGE_MESH_BIT_EXT },
	{ 5313, VK_SHADER_STAGE_RAYGEN_BIT_KHR },
	{ 5314, VK_SHADER_STAGE_INTERSECTION_BIT_KHR },
	{ 5315, VK_SHADER_STAGE_ANY_HIT_BIT_KHR },
	{ 5316, VK_SHADER_STAGE_CLOSEST_HIT_BIT_KHR },
	{ 5317, VK_SHADER_STAGE_MISS_BIT_KHR },
	{ 5318, VK_SHADER_STAGE_CALLABLE_BIT_KHR },
	{ 5364, VK_SHADER_STAGE_TASK_BIT_EXT },
	{ 5365, VK_SHADER_STAGE_MESH_BIT_EXT },
};

struct id {
	uint32_t defined; /* word of a type, constant, variable or function; 0: none */
	uint32_t mark;	  /* the function or entry point that named it last */
	uint32_t set;
	uint32_t binding;
	uint32_t first_named; /* of a function: scan.named */
	uint32_t named_end : 29;
	uint32_t has_set : 1;
	uint32_t has_binding : 1;
	uint32_t is_buffer_block : 1;
};

struct scan {
	struct sl_spirv_words code;
	struct id *ids;
	uint32_t *named; /* ids that functions name, function by function */
	uint32_t named_count;
	uint32_t *stack; /* functions to be gone through */
	uint32_t glsl;	 /* id of GLSL.std.450 */
	uint32_t steps;
	uint32_t entry_count;
	size_t name_bytes;
	struct sl_shader_resource *resources;
	uint32_t resource_count;
	uint32_t resource_capacity;
};

/* The instruction that defines an id, if it is one of these; otherwise 0. */
static uint32_t definition(const struct scan *scan, uint32_t id, uint16_t op)
{
	uint32_t at = scan->ids[id].defined;

	return at != 0 && sl_spirv_opcode(&scan->code, at) == op ? at : 0;
}

static bool set_binding(struct id *id, uint32_t binding)
{
	bool is_news = !id->has_binding || id->binding == binding;

	id->has_binding = true;
	id->binding = binding;
	return is_news;
}

static bool set_set(struct id *id, uint32_t set)
{
	bool is_news = !id->has_set || id->set == set;

	id->has_set = true;
	id->set = set;
	return is_news;
}

static bool decorate(struct scan *scan, uint32_t at)
{
	struct id *id = &scan->ids[sl_spirv_id(&scan->code, at, 1)];

	switch (sl_spirv_operand(&scan->code, at, 2)) {
	case DECORATION_BUFFER_BLOCK:
		id->is_buffer_block = true;
		return true;
	case DECORATION_BINDING:
		return set_binding(id, sl_spirv_operand(&scan->code, at, 3));
	case DECORATION_DESCRIPTOR_SET:
		return set_set(id, sl_spirv_operand(&scan->code, at, 3));
	default:
		return true;
	}
}

/* Decorations of a group come before the group is applied (SPIR-V 3.52.3). */
static bool decorate_with_group(struct scan *scan, uint32_t at)
{
	const struct id *group = &scan->ids[sl_spirv_id(&scan->code, at, 1)];
	bool is_good = true;

	for (uint32_t i = 2; is_good && i < sl_spirv_length(&scan->code, at); i++) {
		struct id *id = &scan->ids[sl_spirv_id(&scan->code, at, i)];

		id->is_buffer_block |= group->is_buffer_block;
		is_good = (!group->has_binding || set_binding(id, group->binding)) &&
			  (!group->has_set || set_set(id, group->set));
	}
	return is_good;
}

/* Returns false if its name has no end. */
static bool note_entry(struct scan *scan, uint32_t at)
{
	size_t room = sl_spirv_length(&scan->code, at) > 3
			      ? (size_t)(sl_spirv_length(&scan->code, at) - 3) * 4
			      : 0;
	size_t name_length = strnlen((const char *)&scan->code.words[at + 3], room);

	scan->entry_count++;
	scan->name_bytes += name_length + 1;
	return name_length < room;
}

/* Returns false if the code makes no sense. */
static bool note_instruction(struct scan *scan, uint32_t at)
{
	static const char glsl[] = "GLSL.std.450";

	switch (sl_spirv_opcode(&scan->code, at)) {
	case OP_EXT_INST_IMPORT:
		if (sl_spirv_length(&scan->code, at) == 2 + (sizeof(glsl) + 3) / 4 &&
		    memcmp(&scan->code.words[at + 2], glsl, sizeof(glsl)) == 0) {
			scan->glsl = sl_spirv_id(&scan->code, at, 1);
		}
		return true;
	case OP_ENTRY_POINT:
		return note_entry(scan, at);
	case OP_DECORATE:
		return decorate(scan, at);
	case OP_GROUP_DECORATE:
		return decorate_with_group(scan, at);
	case OP_TYPE_IMAGE:
	case OP_TYPE_SAMPLER:
	case OP_TYPE_SAMPLED_IMAGE:
	case OP_TYPE_ARRAY:
	case OP_TYPE_RUNTIME_ARRAY:
	case OP_TYPE_STRUCT:
	case OP_TYPE_POINTER:
	case OP_TYPE_ACCELERATION_STRUCTURE:
		scan->ids[sl_spirv_id(&scan->code, at, 1)].defined = at;
		return true;
	case OP_CONSTANT:
	case OP_FUNCTION:
	case OP_VARIABLE:
		scan->ids[sl_spirv_id(&scan->code, at, 2)].defined = at;
		return true;
	default:
		return true;
	}
}

static const struct operands *find_operands(uint16_t op)
{
	for (size_t i = 0; i < LENGTH(operands); i++) {
		if (op >= operands[i].from && op <= operands[i].to) {
			return &operands[i];
		}
	}
	return NULL;
}

static void note_named(struct scan *scan, uint32_t function, uint32_t at)
{
	const struct operands *which = find_operands(sl_spirv_opcode(&scan->code, at));

	if (which == NULL || (sl_spirv_opcode(&scan->code, at) == OP_EXT_INST &&
			      sl_spirv_id(&scan->code, at, 3) != scan->glsl)) {
		return;
	}
	uint32_t end = which->end == 0 || which->end > sl_spirv_length(&scan->code, at)
			       ? sl_spirv_length(&scan->code, at)
			       : which->end;

	for (uint32_t i = which->first; i < end; i += which->step) {
		uint32_t id = sl_spirv_id(&scan->code, at, i);

		if (scan->ids[id].mark != function) {
			scan->ids[id].mark = function;
			scan->named[scan->named_count++] = id;
		}
	}
}

/* Returns 0 or -EBADMSG. */
static int note_all(struct scan *scan)
{
	uint32_t function = 0;

	for (uint32_t at = SL_SPIRV_HEADER_WORDS; at < scan->code.count;
	     at += sl_spirv_length(&scan->code, at)) {
		if (sl_spirv_length(&scan->code, at) == 0 ||
		    sl_spirv_length(&scan->code, at) > scan->code.count - at ||
		    !note_instruction(scan, at)) {
			return -EBADMSG;
		}
		if (sl_spirv_opcode(&scan->code, at) == OP_FUNCTION) {
			function = sl_spirv_id(&scan->code, at, 2);
			scan->ids[function].first_named = scan->named_count;
		} else if (sl_spirv_opcode(&scan->code, at) == OP_FUNCTION_END) {
			scan->ids[function].named_end = scan->named_count;
			function = 0;
		} else if (function != 0) {
			note_named(scan, function, at);
		}
	}
	return 0;
}

static enum sl_shader_resource_kind kind_of_image(const struct scan *scan, uint32_t at)
{
	uint32_t dim = sl_spirv_operand(&scan->code, at, 3);

	if (dim == DIM_SUBPASS_DATA) {
		return SL_SHADER_INPUT_ATTACHMENT;
	}
	switch (sl_spirv_operand(&scan->code, at, 7)) {
	case IMAGE_IS_SAMPLED:
		return dim == DIM_BUFFER ? SL_SHADER_UNIFORM_TEXELS : SL_SHADER_SAMPLED_IMAGE;
	case IMAGE_IS_STORAGE:
		return dim == DIM_BUFFER ? SL_SHADER_STORAGE_TEXELS : SL_SHADER_STORAGE_IMAGE;
	default:
		return SL_SHADER_OTHER;
	}
}

/* Compilers of old declare buffers of texels with samplers, which these have no use for. */
static enum sl_shader_resource_kind kind_of_sampled(const struct scan *scan, uint32_t at)
{
	uint32_t image = definition(scan, sl_spirv_id(&scan->code, at, 2), OP_TYPE_IMAGE);

	return image != 0 && sl_spirv_operand(&scan->code, image, 3) == DIM_BUFFER
		       ? SL_SHADER_UNIFORM_TEXELS
		       : SL_SHADER_IMAGE_AND_SAMPLER;
}

static enum sl_shader_resource_kind kind_of(const struct scan *scan, uint32_t type,
					    uint32_t storage)
{
	uint32_t at = scan->ids[type].defined;

	if (storage == STORAGE_STORAGE_BUFFER) {
		return SL_SHADER_STORAGE_BUFFER;
	}
	if (storage == STORAGE_UNIFORM) {
		return scan->ids[type].is_buffer_block ? SL_SHADER_STORAGE_BUFFER
						       : SL_SHADER_UNIFORM_BUFFER;
	}
	switch (at != 0 ? sl_spirv_opcode(&scan->code, at) : 0) {
	case OP_TYPE_SAMPLER:
		return SL_SHADER_SAMPLER;
	case OP_TYPE_IMAGE:
		return kind_of_image(scan, at);
	case OP_TYPE_SAMPLED_IMAGE:
		return kind_of_sampled(scan, at);
	case OP_TYPE_ACCELERATION_STRUCTURE:
		return SL_SHADER_ACCELERATION_STRUCTURE;
	default:
		return SL_SHADER_OTHER;
	}
}

/* Of arrays, and arrays of them: the type of what is in them. *count becomes its number. */
static uint32_t unwrap(const struct scan *scan, uint32_t type, uint32_t *count)
{
	for (uint32_t i = 0; i < MAX_NESTING; i++) {
		uint32_t at = scan->ids[type].defined;
		uint16_t op = at != 0 ? sl_spirv_opcode(&scan->code, at) : 0;

		if (op != OP_TYPE_ARRAY && op != OP_TYPE_RUNTIME_ARRAY) {
			break;
		}
		uint32_t size =
			op == OP_TYPE_ARRAY
				? definition(scan, sl_spirv_id(&scan->code, at, 3), OP_CONSTANT)
				: 0;

		if (size != 0 &&
		    __builtin_mul_overflow(*count, sl_spirv_operand(&scan->code, size, 3), count)) {
			*count = UINT32_MAX;
		}
		type = sl_spirv_id(&scan->code, at, 2);
	}
	return type;
}

/* Returns 0, -ENOMEM or -EBADMSG. */
static int add_resource(struct scan *scan, uint32_t id)
{
	uint32_t at = scan->ids[id].defined;
	uint32_t storage = sl_spirv_operand(&scan->code, at, 3);
	uint32_t pointer = definition(scan, sl_spirv_id(&scan->code, at, 1), OP_TYPE_POINTER);

	if (pointer == 0 || (storage != STORAGE_UNIFORM_CONSTANT && storage != STORAGE_UNIFORM &&
			     storage != STORAGE_STORAGE_BUFFER)) {
		return 0;
	}
	if (scan->resource_count == MAX_RESOURCES) {
		return -EBADMSG;
	}
	if (scan->resource_count == scan->resource_capacity) {
		uint32_t capacity = 2 * scan->resource_capacity + 16;
		struct sl_shader_resource *resources =
			reallocarray(scan->resources, capacity, sizeof(*resources));

		if (resources == NULL) {
			return -ENOMEM;
		}
		scan->resources = resources;
		scan->resource_capacity = capacity;
	}
	uint32_t count = 1;
	uint32_t type = unwrap(scan, sl_spirv_id(&scan->code, pointer, 3), &count);

	scan->resources[scan->resource_count++] = (struct sl_shader_resource){
		.set = scan->ids[id].set,
		.binding = scan->ids[id].binding,
		.count = count,
		.kind = kind_of(scan, type, storage),
	};
	return 0;
}

/* The resources of the functions that a function reaches. mark: nobody else's.
 * Returns 0, -ENOMEM, or -EBADMSG if that takes too long. */
static int add_resources(struct scan *scan, uint32_t function, uint32_t mark)
{
	uint32_t depth = 0;
	int r = 0;

	scan->stack[depth++] = function;
	while (r == 0 && depth > 0) {
		const struct id *caller = &scan->ids[scan->stack[--depth]];

		for (uint32_t i = caller->first_named; r == 0 && i < caller->named_end; i++) {
			struct id *id = &scan->ids[scan->named[i]];

			if (++scan->steps > MAX_STEPS) {
				return -EBADMSG;
			}
			if (id->mark == mark) {
				continue;
			}
			id->mark = mark;
			if (definition(scan, scan->named[i], OP_FUNCTION) != 0) {
				scan->stack[depth++] = scan->named[i];
			} else if (definition(scan, scan->named[i], OP_VARIABLE) != 0) {
				r = add_resource(scan, scan->named[i]);
			}
		}
	}
	return r;
}

static VkShaderStageFlagBits stage_of(uint32_t model)
{
	for (size_t i = 0; i < LENGTH(stages); i++) {
		if (stages[i].model == model) {
			return stages[i].stage;
		}
	}
	return 0;
}

/* Returns 0, -ENOMEM or -EBADMSG. */
static int add_entries(struct scan *scan, struct sl_shader_entry *entries)
{
	uint32_t count = 0;
	int r = 0;

	for (uint32_t at = SL_SPIRV_HEADER_WORDS; r == 0 && count < scan->entry_count;
	     at += sl_spirv_length(&scan->code, at)) {
		uint32_t first = scan->resource_count;

		if (sl_spirv_opcode(&scan->code, at) == OP_ENTRY_POINT) {
			r = add_resources(scan, sl_spirv_id(&scan->code, at, 2),
					  scan->code.bound + count);
			entries[count++] = (struct sl_shader_entry){
				.name = (const char *)&scan->code.words[at + 3],
				.stage = stage_of(sl_spirv_operand(&scan->code, at, 1)),
				.resource_count = scan->resource_count - first,
			};
		}
	}
	return r;
}

/* Entry points, their resources and their names, one behind the other. */
static struct sl_shader_use *pack(const struct scan *scan, const struct sl_shader_entry *entries)
{
	size_t entries_size = scan->entry_count * sizeof(struct sl_shader_entry);
	size_t resources_size = scan->resource_count * sizeof(struct sl_shader_resource);
	struct sl_shader_use *use =
		malloc(sizeof(*use) + entries_size + resources_size + scan->name_bytes);

	if (use == NULL) {
		return NULL;
	}
	struct sl_shader_entry *own = (struct sl_shader_entry *)(use + 1);
	struct sl_shader_resource *resources =
		(struct sl_shader_resource *)(own + scan->entry_count);
	char *names = (char *)(resources + scan->resource_count);

	use->entry_count = scan->entry_count;
	use->entries = own;
	if (resources_size > 0) {
		memcpy(resources, scan->resources, resources_size);
	}
	for (uint32_t i = 0; i < scan->entry_count; i++) {
		own[i] = entries[i];
		own[i].name = names;
		names = stpcpy(names, entries[i].name) + 1;
		own[i].resources = resources;
		resources += entries[i].resource_count;
	}
	return use;
}

static int find(struct scan *scan, struct sl_shader_use **ret_use)
{
	scan->ids = calloc(scan->code.bound, sizeof(*scan->ids));
	scan->named = calloc(scan->code.count, sizeof(*scan->named));
	int r = scan->ids != NULL && scan->named != NULL ? note_all(scan) : -ENOMEM;

	if (r < 0) {
		return r;
	}
	struct sl_shader_entry *entries = calloc((size_t)scan->entry_count + 1, sizeof(*entries));

	scan->stack = calloc((size_t)scan->named_count + 2, sizeof(*scan->stack));
	r = entries != NULL && scan->stack != NULL ? add_entries(scan, entries) : -ENOMEM;
	if (r == 0) {
		*ret_use = pack(scan, entries);
		r = *ret_use != NULL ? 0 : -ENOMEM;
	}
	free(entries);
	return r;
}

int sl_shader_use_find(const uint32_t *words, size_t word_count, struct sl_shader_use **ret_use)
{
	if (word_count < SL_SPIRV_HEADER_WORDS || word_count > SL_MAX_SHADER_SIZE / 4 ||
	    words[3] == 0 || words[3] > MAX_BOUND) {
		return -EBADMSG;
	}
	struct scan scan = { .code = { words, (uint32_t)word_count, words[3] } };
	int r = find(&scan, ret_use);

	free(scan.ids);
	free(scan.named);
	free(scan.stack);
	free(scan.resources);
	return r;
}

const struct sl_shader_entry *sl_shader_use_entry(const struct sl_shader_use *use, const char *name,
						  VkShaderStageFlagBits stage)
{
	for (uint32_t i = 0; i < use->entry_count; i++) {
		const struct sl_shader_entry *entry = &use->entries[i];

		if (entry->stage == stage && strcmp(entry->name, name) == 0) {
			return entry;
		}
	}
	return NULL;
}
