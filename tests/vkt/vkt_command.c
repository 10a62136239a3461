/* SPDX-License-Identifier: MIT */
/* Recording and running commands, and moving images' contents in and out. */
#include "vkt.h"

#include <string.h>

VkCommandBuffer vkt_allocate_command_buffer(struct vkt *t, VkCommandBufferLevel level)
{
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = t->pool,
		.level = level,
		.commandBufferCount = 1,
	};
	VkCommandBuffer cmd;

	VKT_OK(vkAllocateCommandBuffers(t->device, &info, &cmd));
	return cmd;
}

VkCommandBuffer vkt_begin(struct vkt *t)
{
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	VkCommandBuffer cmd = vkt_allocate_command_buffer(t, VK_COMMAND_BUFFER_LEVEL_PRIMARY);

	VKT_OK(vkBeginCommandBuffer(cmd, &info));
	return cmd;
}

void vkt_run(struct vkt *t, VkCommandBuffer cmd)
{
	const VkFenceCreateInfo fence_info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &cmd,
	};
	VkFence fence;

	VKT_OK(vkCreateFence(t->device, &fence_info, NULL, &fence));
	VKT_OK(vkQueueSubmit(t->queue, 1, &info, fence));
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkDestroyFence(t->device, fence, NULL);
}

void vkt_end_and_run(struct vkt *t, VkCommandBuffer cmd)
{
	VKT_OK(vkEndCommandBuffer(cmd));
	vkt_run(t, cmd);
}

VkFence vkt_create_fence(struct vkt *t, VkFenceCreateFlags flags)
{
	const VkFenceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
		.flags = flags,
	};
	VkFence fence;

	VKT_OK(vkCreateFence(t->device, &info, NULL, &fence));
	VKT_OWN(t, FENCE, fence);
	return fence;
}

VkSemaphore vkt_create_semaphore(struct vkt *t)
{
	const VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO };
	VkSemaphore semaphore;

	VKT_OK(vkCreateSemaphore(t->device, &info, NULL, &semaphore));
	VKT_OWN(t, SEMAPHORE, semaphore);
	return semaphore;
}

VkSemaphore vkt_create_timeline(struct vkt *t, uint64_t value)
{
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
		.initialValue = value,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};
	VkSemaphore semaphore;

	VKT_OK(vkCreateSemaphore(t->device, &info, NULL, &semaphore));
	VKT_OWN(t, SEMAPHORE, semaphore);
	return semaphore;
}

void vkt_barrier(VkCommandBuffer cmd)
{
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT |
				 VK_ACCESS_HOST_READ_BIT,
	};

	vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
			     VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
			     &barrier, 0, NULL, 0, NULL);
}

void vkt_transition(VkCommandBuffer cmd, const struct vkt_image *image, VkImageLayout old_layout,
		    VkImageLayout new_layout)
{
	const VkImageMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
		.oldLayout = old_layout,
		.newLayout = new_layout,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = image->handle,
		.subresourceRange = vkt_whole(image),
	};

	vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
			     VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

static VkExtent3D level_extent(const struct vkt_image *image, uint32_t level)
{
	VkExtent3D extent = image->extent;

	extent.width = extent.width >> level > 0 ? extent.width >> level : 1;
	extent.height = extent.height >> level > 0 ? extent.height >> level : 1;
	extent.depth = extent.depth >> level > 0 ? extent.depth >> level : 1;
	return extent;
}

/* Bytes of a texel of one aspect in a buffer. */
static uint32_t aspect_size(const struct vkt_image *image, VkImageAspectFlagBits aspect)
{
	return aspect == VK_IMAGE_ASPECT_STENCIL_BIT ? 1 : vkt_format_size(image->format);
}

static VkDeviceSize level_size(const struct vkt_image *image, VkImageAspectFlagBits aspect,
			       uint32_t level)
{
	VkExtent3D extent = level_extent(image, level);
	VkDeviceSize size = (VkDeviceSize)extent.width * extent.height * extent.depth *
			    image->layers * aspect_size(image, aspect);

	return (size + 15) & ~(VkDeviceSize)15;
}

/* Regions for one aspect of all levels, one after the other in a buffer. Returns the size. */
static VkDeviceSize fill_regions(const struct vkt_image *image, VkImageAspectFlagBits aspect,
				 VkBufferImageCopy *regions)
{
	VkDeviceSize offset = 0;

	for (uint32_t level = 0; level < image->levels; level++) {
		regions[level] = (VkBufferImageCopy){
			.bufferOffset = offset,
			.imageSubresource = { aspect, level, 0, image->layers },
			.imageExtent = level_extent(image, level),
		};
		offset += level_size(image, aspect, level);
	}
	return offset;
}

void vkt_upload(struct vkt *t, const struct vkt_image *image, VkImageLayout layout,
		const void *data, size_t size)
{
	VkBufferImageCopy regions[16];
	VkDeviceSize need = fill_regions(image, (VkImageAspectFlagBits)image->aspect, regions);
	struct vkt_buffer staging = vkt_create_buffer(t, need, 0, VKT_HOST);
	VkCommandBuffer cmd = vkt_begin(t);

	memcpy(staging.map, data, size < need ? size : need);
	vkt_transition(cmd, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
	vkCmdCopyBufferToImage(cmd, staging.handle, image->handle,
			       VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, image->levels, regions);
	vkt_transition(cmd, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, layout);
	vkt_end_and_run(t, cmd);
}

void vkt_upload_pattern(struct vkt *t, const struct vkt_image *image, VkImageLayout layout,
			uint32_t seed)
{
	VkBufferImageCopy regions[16];
	VkDeviceSize size = fill_regions(image, (VkImageAspectFlagBits)image->aspect, regions);
	struct vkt_buffer pattern = vkt_create_buffer(t, size, 0, VKT_HOST);

	vkt_fill_pattern(pattern.map, size, seed);
	vkt_upload(t, image, layout, pattern.map, size);
}

static void put_aspect(struct vkt *t, const char *label, const struct vkt_image *image,
		       VkImageLayout layout, VkImageAspectFlagBits aspect)
{
	VkBufferImageCopy regions[16];
	VkDeviceSize size = fill_regions(image, aspect, regions);
	struct vkt_buffer result = vkt_create_buffer(t, size, 0, VKT_HOST);
	VkCommandBuffer cmd = vkt_begin(t);

	memset(result.map, 0, size);
	vkt_transition(cmd, image, layout, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
	vkCmdCopyImageToBuffer(cmd, image->handle, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
			       result.handle, image->levels, regions);
	vkt_transition(cmd, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, layout);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put(t, label, result.map, size);
}

void vkt_put_image(struct vkt *t, const char *label, const struct vkt_image *image,
		   VkImageLayout layout)
{
	const VkImageAspectFlagBits aspects[] = { VK_IMAGE_ASPECT_COLOR_BIT,
						  VK_IMAGE_ASPECT_DEPTH_BIT,
						  VK_IMAGE_ASPECT_STENCIL_BIT };

	for (size_t i = 0; i < VKT_COUNT(aspects); i++) {
		if (image->aspect & aspects[i]) {
			put_aspect(t, label, image, layout, aspects[i]);
		}
	}
}

void vkt_put_buffer(struct vkt *t, const char *label, const struct vkt_buffer *buffer)
{
	const VkBufferCopy region = { .size = buffer->size };

	if (buffer->map != NULL) {
		vkt_put(t, label, buffer->map, buffer->size);
		return;
	}
	struct vkt_buffer copy = vkt_create_buffer(t, buffer->size, 0, VKT_HOST);
	VkCommandBuffer cmd = vkt_begin(t);
	vkt_barrier(cmd);
	vkCmdCopyBuffer(cmd, buffer->handle, copy.handle, 1, &region);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put(t, label, copy.map, copy.size);
}
