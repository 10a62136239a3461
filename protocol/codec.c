/* SPDX-License-Identifier: MIT */
/* What the generated codec calls: arrays, checks, and pNext chains. */
#include "protocol/codec.h"

#include "protocol/limits.h"
#include "protocol/sl_types.h"

void *sl_reader_array(struct sl_reader *in, uint64_t count, size_t min_wire_size, size_t size)
{
	size_t wire_size;

	if (count > SL_MAX_ARRAY_COUNT) {
		sl_reader_fail(in, "count is past its limit");
		return NULL;
	}
	if (__builtin_mul_overflow((size_t)count, min_wire_size, &wire_size) ||
	    wire_size > (size_t)(in->end - in->cur)) {
		sl_reader_fail(in, "count is larger than the message");
		return NULL;
	}
	return sl_reader_alloc(in, (size_t)count, size);
}

void *sl_reader_copy(struct sl_reader *in, uint64_t count, size_t size)
{
	void *array = sl_reader_array(in, count, size, size);

	if (array == NULL) {
		return NULL;
	}
	sl_reader_bytes(in, array, (size_t)count * size);
	return sl_reader_failed(in) ? NULL : array;
}

const void *sl_reader_borrow(struct sl_reader *in, uint64_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow((size_t)count, size, &bytes) ||
	    bytes > (size_t)(in->end - in->cur)) {
		sl_reader_fail(in, "count is larger than the message");
		return NULL;
	}
	return sl_reader_take(in, (bytes + 3) & ~(size_t)3);
}

void *sl_reader_output(struct sl_reader *in, uint64_t count, size_t size)
{
	return sl_reader_alloc(in, (size_t)count, size);
}

uint32_t sl_reader_count32(struct sl_reader *in, uint32_t capacity)
{
	uint32_t count = sl_reader_u32(in);

	if (count > capacity) {
		sl_reader_fail(in, "more results than there is room for");
		return 0;
	}
	return count;
}

uint64_t sl_reader_count64(struct sl_reader *in, uint64_t capacity)
{
	uint64_t count = sl_reader_u64(in);

	if (count > capacity) {
		sl_reader_fail(in, "more results than there is room for");
		return 0;
	}
	return count;
}

void sl_fix_bools(VkBool32 *bools, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bools[i] = bools[i] != 0;
	}
}

/* Walks those structs of a chain that travel. */
struct walk {
	const VkBaseInStructure *next;
	const struct sl_caps *caps;
	const VkStructureType *types;
	size_t count;
	uint32_t left; /* how many more structs may travel */
	uint32_t seen[SL_CAPS_STRUCT_WORDS];
};

static bool is_listed(const VkStructureType *types, size_t count, VkStructureType type)
{
	size_t first = 0;
	size_t end = count;

	while (first < end) {
		size_t middle = (first + end) / 2;

		if (types[middle] == type) {
			return true;
		}
		if (types[middle] < type) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return false;
}

/* True the first time that it is called with a type, if the struct has a codec. */
static bool is_first(uint32_t *seen, int index)
{
	if (index < 0 || (seen[index / 32] >> (index % 32) & 1) != 0) {
		return false;
	}
	seen[index / 32] |= 1u << (index % 32);
	return true;
}

static struct walk walk_begin(const struct sl_caps *caps, const void *next,
			      const VkStructureType *types, size_t count)
{
	return (struct walk){ .next = next,
			      .caps = caps,
			      .types = types,
			      .count = count,
			      .left = SL_MAX_CHAIN_LENGTH };
}

static const VkBaseInStructure *walk_next(struct walk *walk)
{
	while (walk->next != NULL && walk->left > 0) {
		const VkBaseInStructure *item = walk->next;
		int index = sl_stype_index(item->sType);

		walk->next = item->pNext;
		if (index >= 0 && sl_caps_has_struct(walk->caps, (uint32_t)index) &&
		    is_listed(walk->types, walk->count, item->sType) &&
		    is_first(walk->seen, index)) {
			walk->left--;
			return item;
		}
	}
	return NULL;
}

size_t sl_chain_size(const struct sl_caps *caps, const void *next, const VkStructureType *types,
		     size_t count, const void *context)
{
	size_t size = 4;

	if (next == NULL) {
		return size;
	}
	struct walk walk = walk_begin(caps, next, types, count);
	const VkBaseInStructure *item;
	while ((item = walk_next(&walk)) != NULL) {
		size += 4 + sl_chained_size(caps, item, context);
	}
	return size;
}

void sl_chain_encode(struct sl_writer *out, const void *next, const VkStructureType *types,
		     size_t count, const void *context)
{
	uint8_t *count_at = sl_writer_reserve(out, 4);
	uint32_t written = 0;

	if (next != NULL) {
		struct walk walk = walk_begin(out->caps, next, types, count);
		const VkBaseInStructure *item;
		while ((item = walk_next(&walk)) != NULL) {
			sl_writer_u32(out, (uint32_t)item->sType);
			sl_chained_encode(out, item, context);
			written++;
		}
	}
	sl_put_u32(count_at, written);
}

/* Read a chain's structs one by one and append them to base. */
static void chain_decode(struct sl_reader *in, void *base, const VkStructureType *types,
			 size_t count,
			 void (*decode)(struct sl_reader *in, VkBaseOutStructure *item))
{
	uint32_t length = sl_reader_count(in, SL_MAX_CHAIN_LENGTH, 4);
	uint32_t seen[SL_CAPS_STRUCT_WORDS];
	VkBaseOutStructure *last = base;

	if (length > 0) {
		memset(seen, 0, sizeof(seen));
	}
	for (uint32_t i = 0; i < length; i++) {
		VkStructureType type = (VkStructureType)sl_reader_u32(in);

		if (!is_listed(types, count, type)) {
			sl_reader_fail(in, "struct does not belong into this pNext chain");
			return;
		}
		if (!is_first(seen, sl_stype_index(type))) {
			sl_reader_fail(in, "struct is twice in a pNext chain");
			return;
		}
		VkBaseOutStructure *item = sl_reader_alloc(in, 1, sl_chained_sizeof(type));
		if (item == NULL) {
			return;
		}
		item->sType = type;
		decode(in, item);
		if (sl_reader_failed(in)) {
			return;
		}
		last->pNext = item;
		last = item;
	}
}

void sl_chain_decode(struct sl_reader *in, void *base, const VkStructureType *types, size_t count)
{
	chain_decode(in, base, types, count, sl_chained_decode);
}

size_t sl_chain_skeleton_size(const struct sl_caps *caps, const void *next,
			      const VkStructureType *types, size_t count)
{
	struct walk walk = walk_begin(caps, next, types, count);
	const VkBaseInStructure *item;
	size_t size = 4;

	while ((item = walk_next(&walk)) != NULL) {
		size += 4 + sl_chained_skeleton_size(caps, item);
	}
	return size;
}

void sl_chain_skeleton_encode(struct sl_writer *out, const void *next, const VkStructureType *types,
			      size_t count)
{
	struct walk walk = walk_begin(out->caps, next, types, count);
	const VkBaseInStructure *item;
	uint8_t *count_at = sl_writer_reserve(out, 4);
	uint32_t written = 0;

	while ((item = walk_next(&walk)) != NULL) {
		sl_writer_u32(out, (uint32_t)item->sType);
		sl_chained_skeleton_encode(out, item);
		written++;
	}
	sl_put_u32(count_at, written);
}

void sl_chain_skeleton_decode(struct sl_reader *in, void *base, const VkStructureType *types,
			      size_t count)
{
	chain_decode(in, base, types, count, sl_chained_skeleton_decode);
}

size_t sl_chain_reply_size(const struct sl_caps *caps, const void *next,
			   const VkStructureType *types, size_t count)
{
	struct walk walk = walk_begin(caps, next, types, count);
	const VkBaseInStructure *item;
	size_t size = 4;

	while ((item = walk_next(&walk)) != NULL) {
		size += 4 + sl_chained_reply_size(caps, item);
	}
	return size;
}

void sl_chain_reply_encode(struct sl_writer *out, const void *next, const VkStructureType *types,
			   size_t count)
{
	struct walk walk = walk_begin(out->caps, next, types, count);
	const VkBaseInStructure *item;
	uint8_t *count_at = sl_writer_reserve(out, 4);
	uint32_t written = 0;

	while ((item = walk_next(&walk)) != NULL) {
		sl_writer_u32(out, (uint32_t)item->sType);
		sl_chained_reply_encode(out, item);
		written++;
	}
	sl_put_u32(count_at, written);
}

void sl_chain_reply_decode(struct sl_reader *in, const void *next, const VkStructureType *types,
			   size_t count)
{
	uint32_t length = sl_reader_count(in, SL_MAX_CHAIN_LENGTH, 4);
	const VkBaseInStructure *item = next;

	/* Both ends walk the chain in the same order. */
	for (uint32_t i = 0; i < length; i++) {
		VkStructureType type = (VkStructureType)sl_reader_u32(in);

		while (item != NULL && item->sType != type) {
			item = item->pNext;
		}
		if (item == NULL || !is_listed(types, count, type)) {
			sl_reader_fail(in, "reply holds a struct that was not asked for");
			return;
		}
		/* What the implementation fills is never const to the application. */
		sl_chained_reply_decode(in, (VkBaseOutStructure *)(uintptr_t)item);
		if (sl_reader_failed(in)) {
			return;
		}
		item = item->pNext;
	}
}
