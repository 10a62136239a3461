/* SPDX-License-Identifier: MIT */
/* Barriers, and clears of whole subresources: they name parts of buffers and images. */
#include "host/check/check_priv.h"
#include "host/check/range.h"

struct barriers {
	struct sl_check *check;
	const struct sl_object_list *named;
	uint32_t cursor;
};

static int check_buffer(struct barriers *barriers, VkBuffer handle, VkDeviceSize offset,
			VkDeviceSize size)
{
	const struct sl_check_buffer *buffer =
		sl_check_find(barriers->named, &barriers->cursor, VK_OBJECT_TYPE_BUFFER,
			      (uint64_t)(uintptr_t)handle);

	return buffer == NULL || sl_check_range(offset, size, buffer->size)
		       ? 0
		       : sl_check_fail(barriers->check, "a barrier beyond its buffer's %llu bytes",
				       (unsigned long long)buffer->size);
}

/* The slices of a 3D image may be named as layers. */
static int check_image(struct barriers *barriers, VkImage handle,
		       const VkImageSubresourceRange *range)
{
	const struct sl_check_image *image =
		sl_check_find(barriers->named, &barriers->cursor, VK_OBJECT_TYPE_IMAGE,
			      (uint64_t)(uintptr_t)handle);

	if (image == NULL) {
		return 0;
	}
	struct sl_check_image seen = *image;

	if (image->type == VK_IMAGE_TYPE_3D && image->extent.depth > seen.layer_count) {
		seen.layer_count = image->extent.depth;
	}
	return sl_check_levels(barriers->check, &seen, range);
}

static int check_all(struct sl_check *check, const struct sl_object_list *named,
		     uint32_t buffer_count, const VkBufferMemoryBarrier *buffers,
		     uint32_t image_count, const VkImageMemoryBarrier *images)
{
	struct barriers barriers = { check, named, 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < buffer_count; i++) {
		r = check_buffer(&barriers, buffers[i].buffer, buffers[i].offset, buffers[i].size);
	}
	for (uint32_t i = 0; r == 0 && i < image_count; i++) {
		r = check_image(&barriers, images[i].image, &images[i].subresourceRange);
		r = r == 0 ? sl_check_sample_locations_in(check, images[i].pNext) : r;
	}
	return r;
}

static int check_dependency(struct sl_check *check, const struct sl_object_list *named,
			    const VkDependencyInfo *info, uint32_t *cursor)
{
	struct barriers barriers = { check, named, *cursor };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->bufferMemoryBarrierCount; i++) {
		const VkBufferMemoryBarrier2 *barrier = &info->pBufferMemoryBarriers[i];

		r = check_buffer(&barriers, barrier->buffer, barrier->offset, barrier->size);
	}
	for (uint32_t i = 0; r == 0 && i < info->imageMemoryBarrierCount; i++) {
		const VkImageMemoryBarrier2 *barrier = &info->pImageMemoryBarriers[i];

		r = check_image(&barriers, barrier->image, &barrier->subresourceRange);
		r = r == 0 ? sl_check_sample_locations_in(check, barrier->pNext) : r;
	}
	*cursor = barriers.cursor;
	return r;
}

int sl_check_vkCmdPipelineBarrier(struct sl_check *check, struct sl_vkCmdPipelineBarrier *args)
{
	return check_all(check, args->named, args->bufferMemoryBarrierCount,
			 args->pBufferMemoryBarriers, args->imageMemoryBarrierCount,
			 args->pImageMemoryBarriers);
}

int sl_check_vkCmdWaitEvents(struct sl_check *check, struct sl_vkCmdWaitEvents *args)
{
	return check_all(check, args->named, args->bufferMemoryBarrierCount,
			 args->pBufferMemoryBarriers, args->imageMemoryBarrierCount,
			 args->pImageMemoryBarriers);
}

int sl_check_vkCmdPipelineBarrier2(struct sl_check *check, struct sl_vkCmdPipelineBarrier2 *args)
{
	uint32_t cursor = 0;

	return check_dependency(check, args->named, args->pDependencyInfo, &cursor);
}

int sl_check_vkCmdSetEvent2(struct sl_check *check, struct sl_vkCmdSetEvent2 *args)
{
	uint32_t cursor = 0;

	return check_dependency(check, args->named, args->pDependencyInfo, &cursor);
}

int sl_check_vkCmdWaitEvents2(struct sl_check *check, struct sl_vkCmdWaitEvents2 *args)
{
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->eventCount; i++) {
		r = check_dependency(check, args->named, &args->pDependencyInfos[i], &cursor);
	}
	return r;
}

static int check_ranges(struct sl_check *check, const struct sl_object_list *named, VkImage handle,
			uint32_t count, const VkImageSubresourceRange *ranges)
{
	uint32_t cursor = 0;
	const struct sl_check_image *image =
		sl_check_find(named, &cursor, VK_OBJECT_TYPE_IMAGE, (uint64_t)(uintptr_t)handle);
	int r = 0;

	for (uint32_t i = 0; r == 0 && image != NULL && i < count; i++) {
		r = sl_check_subresources(check, image, &ranges[i]);
	}
	return r;
}

int sl_check_vkCmdClearColorImage(struct sl_check *check, struct sl_vkCmdClearColorImage *args)
{
	return check_ranges(check, args->named, args->image, args->rangeCount, args->pRanges);
}

int sl_check_vkCmdClearDepthStencilImage(struct sl_check *check,
					 struct sl_vkCmdClearDepthStencilImage *args)
{
	return check_ranges(check, args->named, args->image, args->rangeCount, args->pRanges);
}
