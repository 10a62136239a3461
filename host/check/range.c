/* SPDX-License-Identifier: MIT */
/* Texels in buffers. */
#include "host/check/range.h"

#include "protocol/sl_formats.h"

/* Bytes of a block of one aspect in a buffer. */
static uint32_t bytes_of(const struct sl_format *format, VkImageAspectFlags aspect)
{
	switch (aspect) {
	case VK_IMAGE_ASPECT_STENCIL_BIT:
		return 1;
	case VK_IMAGE_ASPECT_PLANE_1_BIT:
		return format->planes[1].block_size;
	case VK_IMAGE_ASPECT_PLANE_2_BIT:
		return format->planes[2].block_size;
	default:
		return format->planes[0].block_size;
	}
}

struct sl_check_blocks sl_check_to_blocks(const struct sl_format *format, VkExtent3D extent)
{
	const uint8_t *block = format->block_extent;

	return (struct sl_check_blocks){ {
		((uint64_t)extent.width + block[0] - 1) / block[0],
		((uint64_t)extent.height + block[1] - 1) / block[1],
		((uint64_t)extent.depth + block[2] - 1) / block[2],
	} };
}

bool sl_check_texels(const struct sl_format *format, const VkBufferImageCopy2 *region,
		     VkDeviceSize *ret_size)
{
	const VkExtent3D *extent = &region->imageExtent;
	uint32_t width = region->bufferRowLength != 0 ? region->bufferRowLength : extent->width;
	uint32_t height =
		region->bufferImageHeight != 0 ? region->bufferImageHeight : extent->height;
	const struct sl_check_blocks box = sl_check_to_blocks(format, *extent);
	const struct sl_check_blocks slice =
		sl_check_to_blocks(format, (VkExtent3D){ width, height, 1 });
	uint64_t slices, blocks;

	*ret_size = 0;
	if (width < extent->width || height < extent->height ||
	    __builtin_mul_overflow(box.size[2], region->imageSubresource.layerCount, &slices)) {
		return false;
	}
	if (box.size[0] == 0 || box.size[1] == 0 || slices == 0) {
		return true;
	}
	/* The last row ends with its last block. */
	return !__builtin_mul_overflow(slices - 1, slice.size[1], &blocks) &&
	       !__builtin_add_overflow(blocks, box.size[1] - 1, &blocks) &&
	       !__builtin_mul_overflow(blocks, slice.size[0], &blocks) &&
	       !__builtin_add_overflow(blocks, box.size[0], &blocks) &&
	       !__builtin_mul_overflow(
		       blocks, bytes_of(format, region->imageSubresource.aspectMask), ret_size);
}
