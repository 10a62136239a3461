/* SPDX-License-Identifier: MIT */
/* Copies, blits, resolves and clears: what they read and write lies in their buffers and images.
 * Boxes are compared in blocks, since formats of different blocks can be copied to each other. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "protocol/sl_formats.h"

#include <errno.h>

/* The objects of one copy. */
struct copy {
	struct sl_check *check;
	const struct sl_object_list *named;
	uint32_t cursor;
};

static const struct sl_check_buffer *find_buffer(struct copy *copy, VkBuffer handle)
{
	return sl_check_find(copy->named, &copy->cursor, VK_OBJECT_TYPE_BUFFER,
			     (uint64_t)(uintptr_t)handle);
}

static const struct sl_check_image *find_image(struct copy *copy, VkImage handle)
{
	return sl_check_find(copy->named, &copy->cursor, VK_OBJECT_TYPE_IMAGE,
			     (uint64_t)(uintptr_t)handle);
}

static int fail_region(struct copy *copy, uint32_t index, const char *what)
{
	return sl_check_fail(copy->check, "region %u lies beyond the %s", index, what);
}

static int check_buffers(struct copy *copy, VkBuffer from, VkBuffer to, const VkBufferCopy2 *region,
			 uint32_t index)
{
	const struct sl_check_buffer *source = find_buffer(copy, from);
	const struct sl_check_buffer *target = find_buffer(copy, to);

	if (source == NULL || !sl_check_bytes(region->srcOffset, region->size, source->size)) {
		return fail_region(copy, index, "source");
	}
	if (target == NULL || !sl_check_bytes(region->dstOffset, region->size, target->size)) {
		return fail_region(copy, index, "destination");
	}
	return 0;
}

int sl_check_vkCmdCopyBuffer(struct sl_check *check, struct sl_vkCmdCopyBuffer *args)
{
	struct copy copy = { check, args->named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->regionCount; i++) {
		const VkBufferCopy2 region = {
			.srcOffset = args->pRegions[i].srcOffset,
			.dstOffset = args->pRegions[i].dstOffset,
			.size = args->pRegions[i].size,
		};

		r = check_buffers(&copy, args->srcBuffer, args->dstBuffer, &region, i);
	}
	return r;
}

int sl_check_vkCmdCopyBuffer2(struct sl_check *check, struct sl_vkCmdCopyBuffer2 *args)
{
	const VkCopyBufferInfo2 *info = args->pCopyBufferInfo;
	struct copy copy = { check, args->named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->regionCount; i++) {
		r = check_buffers(&copy, info->srcBuffer, info->dstBuffer, &info->pRegions[i], i);
	}
	return r;
}

static bool has_blocks(const struct sl_check_image *image, const VkImageSubresourceLayers *layers,
		       const VkOffset3D *offset, const struct sl_check_blocks *size)
{
	const struct sl_check_blocks level = sl_check_to_blocks(
		image->format, sl_check_level_extent(image, layers->mipLevel, layers->aspectMask));
	const int32_t at[] = { offset->x, offset->y, offset->z };

	for (uint32_t i = 0; i < 3; i++) {
		int32_t block = image->format->block_extent[i];

		if (at[i] < 0 || at[i] % block != 0 ||
		    !sl_check_bytes((uint64_t)(at[i] / block), size->size[i], level.size[i])) {
			return false;
		}
	}
	return true;
}

/* How many layers, and how many slices of them, an image takes part with in a copy to an image
 * of another type. */
static bool split_depth(const struct sl_check_image *image, const struct sl_check_image *other,
			const VkImageSubresourceLayers *layers, uint32_t depth, uint32_t *ret_depth)
{
	bool is_deep = image->type == VK_IMAGE_TYPE_3D;

	*ret_depth = is_deep ? depth : 1;
	if (is_deep || other->type == VK_IMAGE_TYPE_3D) {
		return is_deep || depth == layers->layerCount;
	}
	return depth == 1;
}

static int check_images(struct copy *copy, const struct sl_check_image *source,
			const struct sl_check_image *target, const VkImageCopy2 *region,
			uint32_t index, bool is_resolve)
{
	VkExtent3D from = region->extent, to = region->extent;
	int r = source == NULL || target == NULL || source->format == NULL || target->format == NULL
			? sl_check_fail(copy->check, "an image of an unknown format")
			: sl_check_layers(copy->check, source, &region->srcSubresource);

	r = r == 0 ? sl_check_layers(copy->check, target, &region->dstSubresource) : r;
	if (r < 0) {
		return r;
	}
	bool has_depths = split_depth(source, target, &region->srcSubresource, region->extent.depth,
				      &from.depth) &&
			  split_depth(target, source, &region->dstSubresource, region->extent.depth,
				      &to.depth);

	if (!has_depths ||
	    (source->type == target->type &&
	     region->srcSubresource.layerCount != region->dstSubresource.layerCount)) {
		return sl_check_fail(copy->check, "region %u has layers that do not match", index);
	}
	if (!is_resolve &&
	    !sl_check_copies_to(copy->check, source, region->srcSubresource.aspectMask, target,
				region->dstSubresource.aspectMask)) {
		return sl_check_fail(copy->check, "region %u has texels of another size", index);
	}
	/* The extent is the source's, in texels; each block of it goes to a block. */
	struct sl_check_blocks blocks = sl_check_to_blocks(source->format, from);

	if (!has_blocks(source, &region->srcSubresource, &region->srcOffset, &blocks)) {
		return fail_region(copy, index, "source");
	}
	blocks.size[2] = sl_check_to_blocks(target->format, to).size[2];
	return has_blocks(target, &region->dstSubresource, &region->dstOffset, &blocks)
		       ? 0
		       : fail_region(copy, index, "destination");
}

int sl_check_vkCmdCopyImage(struct sl_check *check, struct sl_vkCmdCopyImage *args)
{
	struct copy copy = { check, args->named, 0 };
	const struct sl_check_image *source = find_image(&copy, args->srcImage);
	const struct sl_check_image *target = find_image(&copy, args->dstImage);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->regionCount; i++) {
		const VkImageCopy *given = &args->pRegions[i];
		const VkImageCopy2 region = {
			.srcSubresource = given->srcSubresource,
			.srcOffset = given->srcOffset,
			.dstSubresource = given->dstSubresource,
			.dstOffset = given->dstOffset,
			.extent = given->extent,
		};

		r = check_images(&copy, source, target, &region, i, false);
	}
	return r;
}

int sl_check_vkCmdCopyImage2(struct sl_check *check, struct sl_vkCmdCopyImage2 *args)
{
	const VkCopyImageInfo2 *info = args->pCopyImageInfo;
	struct copy copy = { check, args->named, 0 };
	const struct sl_check_image *source = find_image(&copy, info->srcImage);
	const struct sl_check_image *target = find_image(&copy, info->dstImage);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->regionCount; i++) {
		r = check_images(&copy, source, target, &info->pRegions[i], i, false);
	}
	return r;
}

static int check_resolve(struct copy *copy, VkImage from, VkImage to, const VkImageResolve2 *region,
			 uint32_t index)
{
	const VkImageCopy2 same = {
		.srcSubresource = region->srcSubresource,
		.srcOffset = region->srcOffset,
		.dstSubresource = region->dstSubresource,
		.dstOffset = region->dstOffset,
		.extent = region->extent,
	};

	return check_images(copy, find_image(copy, from), find_image(copy, to), &same, index, true);
}

int sl_check_vkCmdResolveImage(struct sl_check *check, struct sl_vkCmdResolveImage *args)
{
	struct copy copy = { check, args->named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->regionCount; i++) {
		const VkImageResolve *given = &args->pRegions[i];
		const VkImageResolve2 region = {
			.srcSubresource = given->srcSubresource,
			.srcOffset = given->srcOffset,
			.dstSubresource = given->dstSubresource,
			.dstOffset = given->dstOffset,
			.extent = given->extent,
		};

		r = check_resolve(&copy, args->srcImage, args->dstImage, &region, i);
	}
	return r;
}

int sl_check_vkCmdResolveImage2(struct sl_check *check, struct sl_vkCmdResolveImage2 *args)
{
	const VkResolveImageInfo2 *info = args->pResolveImageInfo;
	struct copy copy = { check, args->named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->regionCount; i++) {
		r = check_resolve(&copy, info->srcImage, info->dstImage, &info->pRegions[i], i);
	}
	return r;
}

static int check_texels(struct copy *copy, VkBuffer buffer_handle, VkImage image_handle,
			const VkBufferImageCopy2 *region, uint32_t index)
{
	const struct sl_check_buffer *buffer = find_buffer(copy, buffer_handle);
	const struct sl_check_image *image = find_image(copy, image_handle);
	VkImageAspectFlags aspect = region->imageSubresource.aspectMask;
	VkDeviceSize size;

	if (buffer == NULL || image == NULL || image->format == NULL) {
		return sl_check_fail(copy->check, "an image of an unknown format");
	}
	int r = sl_check_layers(copy->check, image, &region->imageSubresource);

	if (r < 0) {
		return r;
	}
	const struct sl_check_blocks blocks =
		sl_check_to_blocks(image->format, region->imageExtent);

	if (__builtin_popcount(aspect & image->format->aspects) != 1 ||
	    (aspect & ~image->format->aspects) != 0 ||
	    !has_blocks(image, &region->imageSubresource, &region->imageOffset, &blocks)) {
		return fail_region(copy, index, "image");
	}
	return sl_check_texels(image->format, region, &size) &&
			       sl_check_bytes(region->bufferOffset, size, buffer->size)
		       ? 0
		       : fail_region(copy, index, "buffer");
}

static int check_all_texels(struct copy *copy, VkBuffer buffer, VkImage image, uint32_t count,
			    const VkBufferImageCopy *regions)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++) {
		const VkBufferImageCopy2 region = {
			.bufferOffset = regions[i].bufferOffset,
			.bufferRowLength = regions[i].bufferRowLength,
			.bufferImageHeight = regions[i].bufferImageHeight,
			.imageSubresource = regions[i].imageSubresource,
			.imageOffset = regions[i].imageOffset,
			.imageExtent = regions[i].imageExtent,
		};

		r = check_texels(copy, buffer, image, &region, i);
	}
	return r;
}

int sl_check_vkCmdCopyBufferToImage(struct sl_check *check, struct sl_vkCmdCopyBufferToImage *args)
{
	struct copy copy = { check, args->named, 0 };

	return check_all_texels(&copy, args->srcBuffer, args->dstImage, args->regionCount,
				args->pRegions);
}

int sl_check_vkCmdCopyImageToBuffer(struct sl_check *check, struct sl_vkCmdCopyImageToBuffer *args)
{
	struct copy copy = { check, args->named, 0 };

	return check_all_texels(&copy, args->dstBuffer, args->srcImage, args->regionCount,
				args->pRegions);
}

int sl_check_vkCmdCopyBufferToImage2(struct sl_check *check,
				     struct sl_vkCmdCopyBufferToImage2 *args)
{
	const VkCopyBufferToImageInfo2 *info = args->pCopyBufferToImageInfo;
	struct copy copy = { check, args->named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->regionCount; i++) {
		r = check_texels(&copy, info->srcBuffer, info->dstImage, &info->pRegions[i], i);
	}
	return r;
}

int sl_check_vkCmdCopyImageToBuffer2(struct sl_check *check,
				     struct sl_vkCmdCopyImageToBuffer2 *args)
{
	const VkCopyImageToBufferInfo2 *info = args->pCopyImageToBufferInfo;
	struct copy copy = { check, args->named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->regionCount; i++) {
		r = check_texels(&copy, info->dstBuffer, info->srcImage, &info->pRegions[i], i);
	}
	return r;
}

/* Two corners, in any order. */
static bool has_corners(const struct sl_check_image *image, const VkImageSubresourceLayers *layers,
			const VkOffset3D corners[2])
{
	const VkExtent3D level = sl_check_level_extent(image, layers->mipLevel, layers->aspectMask);

	for (uint32_t i = 0; i < 2; i++) {
		if (corners[i].x < 0 || (uint32_t)corners[i].x > level.width || corners[i].y < 0 ||
		    (uint32_t)corners[i].y > level.height || corners[i].z < 0 ||
		    (uint32_t)corners[i].z > level.depth) {
			return false;
		}
	}
	return true;
}

static int check_blit(struct copy *copy, VkImage from, VkImage to, const VkImageBlit2 *region,
		      uint32_t index)
{
	const struct sl_check_image *source = find_image(copy, from);
	const struct sl_check_image *target = find_image(copy, to);
	int r = source != NULL && target != NULL
			? sl_check_layers(copy->check, source, &region->srcSubresource)
			: -EBADMSG;

	r = r == 0 ? sl_check_layers(copy->check, target, &region->dstSubresource) : r;
	if (r < 0) {
		return r;
	}
	if (region->srcSubresource.layerCount != region->dstSubresource.layerCount) {
		return sl_check_fail(copy->check, "region %u has layers that do not match", index);
	}
	if (!has_corners(source, &region->srcSubresource, region->srcOffsets)) {
		return fail_region(copy, index, "source");
	}
	return has_corners(target, &region->dstSubresource, region->dstOffsets)
		       ? 0
		       : fail_region(copy, index, "destination");
}

int sl_check_vkCmdBlitImage(struct sl_check *check, struct sl_vkCmdBlitImage *args)
{
	struct copy copy = { check, args->named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->regionCount; i++) {
		const VkImageBlit *given = &args->pRegions[i];
		const VkImageBlit2 region = {
			.srcSubresource = given->srcSubresource,
			.srcOffsets = { given->srcOffsets[0], given->srcOffsets[1] },
			.dstSubresource = given->dstSubresource,
			.dstOffsets = { given->dstOffsets[0], given->dstOffsets[1] },
		};

		r = check_blit(&copy, args->srcImage, args->dstImage, &region, i);
	}
	return r;
}

int sl_check_vkCmdBlitImage2(struct sl_check *check, struct sl_vkCmdBlitImage2 *args)
{
	const VkBlitImageInfo2 *info = args->pBlitImageInfo;
	struct copy copy = { check, args->named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->regionCount; i++) {
		r = check_blit(&copy, info->srcImage, info->dstImage, &info->pRegions[i], i);
	}
	return r;
}
