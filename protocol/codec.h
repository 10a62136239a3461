/* SPDX-License-Identifier: MIT */
/* What the generated codec calls: fixed-size parts, arrays, checks, and pNext chains. */
#ifndef SL_PROTOCOL_CODEC_H
#define SL_PROTOCOL_CODEC_H

#include "protocol/reader.h"
#include "protocol/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <vulkan/vulkan_core.h>

/* Handles of all types are pointers on the systems that Sluice runs on. */
#define SL_U64(handle)	((uint64_t)(uintptr_t)(handle))
#define SL_HANDLE(bits) ((void *)(uintptr_t)(bits))
static_assert(sizeof(VkBuffer) == sizeof(uint64_t), "handles are 64-bit pointers");

#define SL_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The struct lies in memory as on the wire, so that it can be copied as a whole. */
#define SL_ASSERT_IMAGE(type, size) static_assert(sizeof(type) == (size), #type " has no padding")
/* The same of the members first to last. */
#define SL_ASSERT_SPAN(type, first, last, size)                             \
	static_assert(offsetof(type, last) + sizeof(((type *)NULL)->last) - \
				      offsetof(type, first) ==              \
			      (size),                                       \
		      #type " has no padding")

/* Fixed-size parts: at points into memory that sl_writer_reserve() or sl_reader_take() gave. */

static inline void sl_put_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, 4);
}

static inline void sl_put_u64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, 8);
}

static inline void sl_put_f32(uint8_t *at, float value)
{
	memcpy(at, &value, 4);
}

static inline void sl_put_f64(uint8_t *at, double value)
{
	memcpy(at, &value, 8);
}

static inline void sl_put_bool(uint8_t *at, VkBool32 value)
{
	sl_put_u32(at, value != 0);
}

/* A handle of the guest. */
static inline void sl_put_handle(uint8_t *at, uint64_t handle)
{
	sl_put_u64(at, sl_handle_id(handle));
}

/* size bytes and zeros up to a multiple of 4. */
static inline void sl_put_bytes(uint8_t *at, const void *data, size_t size)
{
	if (size % 4 != 0) {
		memset(at + size - size % 4, 0, 4);
	}
	memcpy(at, data, size);
}

static inline uint32_t sl_get_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return value;
}

static inline uint64_t sl_get_u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, 8);
	return value;
}

static inline float sl_get_f32(const uint8_t *at)
{
	float value;

	memcpy(&value, at, 4);
	return value;
}

static inline double sl_get_f64(const uint8_t *at)
{
	double value;

	memcpy(&value, at, 8);
	return value;
}

static inline VkBool32 sl_get_bool(const uint8_t *at)
{
	return sl_get_u32(at) != 0;
}

/* Writes whether something optional follows, and returns the same. */
static inline bool sl_writer_present(struct sl_writer *out, bool present)
{
	sl_writer_u32(out, present);
	return present;
}

static inline bool sl_reader_present(struct sl_reader *in)
{
	return sl_reader_u32(in) != 0;
}

/* Element i of an array whose elements lie stride bytes apart. */
static inline const void *sl_at_stride(const void *array, size_t i, size_t stride)
{
	return (const uint8_t *)array + i * stride;
}

/* Arrays: all return NULL after failing. */

/* Zeroed memory for count elements that take min_wire_size bytes of the message or more each. */
void *sl_reader_array(struct sl_reader *in, uint64_t count, size_t min_wire_size, size_t size);

/* A copy of count elements that lie in the message as in memory, padding excluded. */
void *sl_reader_copy(struct sl_reader *in, uint64_t count, size_t size);

/* The same, where they lie in the message: aligned to 4 bytes. */
const void *sl_reader_borrow(struct sl_reader *in, uint64_t count, size_t size);

/* Zeroed memory for results: count elements of size bytes. */
void *sl_reader_output(struct sl_reader *in, uint64_t count, size_t size);

/* The number of results of which the caller has room for capacity at most; fails if it is
 * larger. */
uint32_t sl_reader_count32(struct sl_reader *in, uint32_t capacity);
uint64_t sl_reader_count64(struct sl_reader *in, uint64_t capacity);

/* Fails if a bit outside of known is set. */
static inline void sl_check_bits(struct sl_reader *in, uint64_t bits, uint64_t known)
{
	if ((bits & ~known) != 0) {
		sl_reader_fail(in, "unknown flag bit");
	}
}

/* Whatever is not 0 becomes 1. */
void sl_fix_bools(VkBool32 *bools, size_t count);

/* Chains: u32 count, then for each struct u32 sType and its body. types is the sorted list of the
 * structs that the chain may hold; context goes on to their encoders. */

#define SL_CHAIN(types) (types), SL_ARRAY_COUNT(types)

/* Requests. Structs that are not in types or that the other end does not have, and repeated ones,
 * are not written. */
size_t sl_chain_size(const struct sl_caps *caps, const void *next, const VkStructureType *types,
		     size_t count, const void *context);
void sl_chain_encode(struct sl_writer *out, const void *next, const VkStructureType *types,
		     size_t count, const void *context);
/* Appends to base, a struct with sType and pNext. */
void sl_chain_decode(struct sl_reader *in, void *base, const VkStructureType *types, size_t count);

/* The skeleton of a chain that the implementation fills. */
size_t sl_chain_skeleton_size(const struct sl_caps *caps, const void *next,
			      const VkStructureType *types, size_t count);
void sl_chain_skeleton_encode(struct sl_writer *out, const void *next, const VkStructureType *types,
			      size_t count);
void sl_chain_skeleton_decode(struct sl_reader *in, void *base, const VkStructureType *types,
			      size_t count);

/* Replies: what was filled. The decoder writes into the structs of the application's chain. */
size_t sl_chain_reply_size(const struct sl_caps *caps, const void *next,
			   const VkStructureType *types, size_t count);
void sl_chain_reply_encode(struct sl_writer *out, const void *next, const VkStructureType *types,
			   size_t count);
void sl_chain_reply_decode(struct sl_reader *in, const void *next, const VkStructureType *types,
			   size_t count);

/* Generated: one struct of a chain, without sType and pNext. */
size_t sl_chained_sizeof(VkStructureType type);
size_t sl_chained_size(const struct sl_caps *caps, const VkBaseInStructure *item,
		       const void *context);
void sl_chained_encode(struct sl_writer *out, const VkBaseInStructure *item, const void *context);
void sl_chained_decode(struct sl_reader *in, VkBaseOutStructure *item);
size_t sl_chained_skeleton_size(const struct sl_caps *caps, const VkBaseInStructure *item);
void sl_chained_skeleton_encode(struct sl_writer *out, const VkBaseInStructure *item);
void sl_chained_skeleton_decode(struct sl_reader *in, VkBaseOutStructure *item);
size_t sl_chained_reply_size(const struct sl_caps *caps, const VkBaseInStructure *item);
void sl_chained_reply_encode(struct sl_writer *out, const VkBaseInStructure *item);
void sl_chained_reply_decode(struct sl_reader *in, VkBaseOutStructure *item);

#endif
