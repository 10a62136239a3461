/* SPDX-License-Identifier: MIT */
/* The tools of the generated functions that make random arguments. */
#include "tests/roundtrip/roundtrip.h"

#include "protocol/sl_types.h"

#include <stdlib.h>

void rt_init(struct rt *rt)
{
	memset(rt, 0, sizeof(*rt));
	rt->objects = calloc(RT_MAX_HANDLES, sizeof(*rt->objects));
	assert(rt->objects != NULL);
}

static void free_blocks(struct rt *rt)
{
	for (size_t i = 0; i < rt->block_count; i++) {
		free(rt->blocks[i]);
	}
	rt->block_count = 0;
}

void rt_finish(struct rt *rt)
{
	free_blocks(rt);
	free(rt->blocks);
	free(rt->objects);
}

void rt_reset(struct rt *rt, uint64_t seed, enum rt_mode mode)
{
	free_blocks(rt);
	rt->random = seed * 0x9e3779b97f4a7c15ull + 1;
	rt->mode = mode;
}

static struct rt_object *object_at(struct rt *rt, uint64_t id)
{
	uint64_t index = id - 1;

	return index < rt->object_count ? &rt->objects[index] : NULL;
}

static uint64_t find_object(void *data, uint32_t type, uint64_t id)
{
	struct rt_object *object = object_at(data, id);

	return object != NULL && object->type == type ? SL_U64(&object->handle) : 0;
}

const struct sl_resolver *rt_get_resolver(struct rt *rt, struct sl_resolver *resolver)
{
	*resolver = (struct sl_resolver){ .find = find_object, .create = find_object, .data = rt };
	return resolver;
}

void *rt_alloc(struct rt *rt, size_t count, size_t size)
{
	if (rt->block_count == rt->block_room) {
		rt->block_room = rt->block_room * 2 + 64;
		rt->blocks = realloc(rt->blocks, rt->block_room * sizeof(*rt->blocks));
		assert(rt->blocks != NULL);
	}
	void *block = malloc(count * size > 0 ? count * size : 1);
	assert(block != NULL);
	memset(block, 0xa5, count * size);
	rt->blocks[rt->block_count++] = block;
	return block;
}

uint64_t rt_u64(struct rt *rt)
{
	/* xorshift64* */
	rt->random ^= rt->random >> 12;
	rt->random ^= rt->random << 25;
	rt->random ^= rt->random >> 27;
	return rt->random * 0x2545f4914f6cdd1dull;
}

uint32_t rt_u32(struct rt *rt)
{
	return (uint32_t)(rt_u64(rt) >> 32);
}

float rt_f32(struct rt *rt)
{
	return (float)(int32_t)rt_u32(rt) / 1024.0f;
}

uint64_t rt_upto(struct rt *rt, uint64_t max)
{
	return max == UINT64_MAX ? rt_u64(rt) : rt_u64(rt) % (max + 1);
}

uint32_t rt_count(struct rt *rt)
{
	switch (rt->mode) {
	case RT_MINIMAL:
		return 0;
	case RT_FULL:
		return 2;
	default:
		return (uint32_t)rt_upto(rt, 3);
	}
}

bool rt_chance(struct rt *rt)
{
	return rt_upto(rt, 3) > 0;
}

bool rt_optional(struct rt *rt)
{
	switch (rt->mode) {
	case RT_MINIMAL:
		return false;
	case RT_FULL:
		return true;
	default:
		return rt_chance(rt);
	}
}

uint64_t rt_bits(struct rt *rt, uint64_t known)
{
	return rt_u64(rt) & known;
}

int rt_pick(struct rt *rt, const int *values, size_t count)
{
	return values[rt_upto(rt, count - 1)];
}

void rt_bytes(struct rt *rt, void *data, size_t size)
{
	uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		bytes[i] = (uint8_t)rt_u32(rt);
	}
}

char *rt_string(struct rt *rt)
{
	size_t length = (size_t)rt_upto(rt, 12);
	char *string = rt_alloc(rt, length + 1, 1);

	for (size_t i = 0; i < length; i++) {
		string[i] = (char)('a' + rt_upto(rt, 25));
	}
	string[length] = '\0';
	return string;
}

void *rt_handle(struct rt *rt, uint32_t type, bool nullable)
{
	if (nullable && !rt_optional(rt)) {
		return NULL;
	}
	/* Two of each type. */
	uint64_t skip = rt_upto(rt, 1);
	for (uint32_t i = 0; i < rt->object_count; i++) {
		if (rt->objects[i].type == type && skip-- == 0) {
			return &rt->objects[i].handle;
		}
	}
	assert(rt->object_count < RT_MAX_HANDLES);
	struct rt_object *object = &rt->objects[rt->object_count++];
	object->handle.id = rt->object_count;
	object->type = type;
	return &object->handle;
}

static void *chain_item(struct rt *rt, VkStructureType type, const void *context,
			void (*fill)(struct rt *rt, VkBaseOutStructure *item, const void *context))
{
	VkBaseOutStructure *item = rt_alloc(rt, 1, sl_chained_sizeof(type));
	int index = sl_stype_index(type);

	assert(index >= 0);
	rt->seen[index / 32] |= 1u << (index % 32);
	item->sType = type;
	item->pNext = NULL;
	fill(rt, item, context);
	return item;
}

static void *unknown_item(struct rt *rt)
{
	VkBaseOutStructure *item = rt_alloc(rt, 1, sizeof(*item));

	/* What the loader puts into chains. */
	item->sType = VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO;
	item->pNext = NULL;
	return item;
}

void *rt_chain(struct rt *rt, const VkStructureType *types, size_t count, const void *context,
	       void (*fill)(struct rt *rt, VkBaseOutStructure *item, const void *context))
{
	VkBaseOutStructure *first = NULL;
	VkBaseOutStructure **last = &first;
	size_t start = count > 0 && rt->mode != RT_FULL ? (size_t)rt_upto(rt, count - 1) : 0;

	if (rt->mode == RT_MINIMAL) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		/* Long chains are tested by RT_FULL; few structs find more here. */
		if (rt->mode != RT_FULL && rt_upto(rt, count) > 4) {
			continue;
		}
		VkStructureType type = types[(start + i) % count];
		*last = chain_item(rt, type, context, fill);
		last = &(*last)->pNext;
		if (rt->mode == RT_DIRTY && rt_chance(rt)) {
			*last = chain_item(rt, type, context, fill);
			last = &(*last)->pNext;
		}
	}
	if (rt->mode == RT_DIRTY) {
		*last = unknown_item(rt);
	}
	return first;
}

void rt_result_chain(struct rt *rt, const void *next)
{
	for (const VkBaseOutStructure *item = next; item != NULL; item = item->pNext) {
		rt_result_chained(rt, item);
	}
}

void rt_garble_chain(const void *next, const void *context)
{
	for (const VkBaseOutStructure *item = next; item != NULL; item = item->pNext) {
		rt_garble_chained((VkBaseOutStructure *)(uintptr_t)item, context);
	}
}
