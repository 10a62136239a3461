/* SPDX-License-Identifier: MIT */
/* Arithmetic of ranges. Nothing here overflows, whatever the numbers are. */
#ifndef SL_HOST_CHECK_RANGE_H
#define SL_HOST_CHECK_RANGE_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_format;

/* Do size bytes from offset lie in the first end bytes? */
static inline bool sl_check_bytes(uint64_t offset, uint64_t size, uint64_t end)
{
	return offset <= end && size <= end - offset;
}

/* The same where VK_WHOLE_SIZE stands for what is left, which must not be nothing. */
static inline bool sl_check_range(uint64_t offset, uint64_t size, uint64_t end)
{
	return size == VK_WHOLE_SIZE ? offset < end : sl_check_bytes(offset, size, end);
}

/* The same for count things from first, where VK_REMAINING_MIP_LEVELS (or ARRAY_LAYERS) stands for
 * what is left, which must not be nothing. */
static inline bool sl_check_part(uint32_t first, uint32_t count, uint32_t end)
{
	return first < end && (count == VK_REMAINING_MIP_LEVELS || count <= end - first);
}

/* count things of size bytes, one every stride bytes from offset. */
static inline bool sl_check_strided(uint64_t offset, uint32_t count, uint64_t stride, uint64_t size,
				    uint64_t end)
{
	uint64_t last;

	if (count == 0) {
		return true;
	}
	return !__builtin_mul_overflow(count - 1, stride, &last) &&
	       !__builtin_add_overflow(last, size, &last) && sl_check_bytes(offset, last, end);
}

/* A box of texels in blocks of its format; parts of blocks count. */
struct sl_check_blocks {
	uint64_t size[3];
};

struct sl_check_blocks sl_check_to_blocks(const struct sl_format *format, VkExtent3D extent);

/* The bytes of a buffer, from bufferOffset, that a copy of texels to or from it touches.
 * Returns false if rows or slices overlap, or the bytes are too many to count. */
bool sl_check_texels(const struct sl_format *format, const VkBufferImageCopy2 *region,
		     VkDeviceSize *ret_size);

#endif
