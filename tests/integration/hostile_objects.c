/* SPDX-License-Identifier: MIT */
/* Lies that are well-formed messages: about objects that are gone or in use, and about parts that
 * objects do not have. Each is named after the command that must be refused. */
#include "hostile.h"

#include <stdlib.h>

#define BUFFER_SIZE HOSTILE_BUFFER_SIZE
#define IMAGE_SIZE  16u /* texels of 4 bytes, 2 levels, 3 layers */

static void make_buffer(struct hostile *h)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = BUFFER_SIZE,
		.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
			 VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
			 VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |
			 VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT,
	};
	VkBuffer buffer = HANDLE(h, BUFFER, VkBuffer);

	hostile_send(h, MESSAGE(h, vkCreateBuffer, .device = device(h), .pCreateInfo = &info,
				.pBuffer = &buffer));
}

/* Of the host's own. */
static void make_memory(struct hostile *h, enum object object, VkDeviceSize size)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = size,
	};
	VkDeviceMemory memory = HANDLE(h, object, VkDeviceMemory);

	hostile_send(h, MESSAGE(h, slAllocateMemory, .device = device(h), .pAllocateInfo = &info,
				.pMemory = &memory));
}

static void bind_buffer(struct hostile *h, VkDeviceSize offset)
{
	hostile_send(h,
		     MESSAGE(h, vkBindBufferMemory, .device = device(h),
			     .buffer = HANDLE(h, BUFFER, VkBuffer),
			     .memory = HANDLE(h, MEMORY, VkDeviceMemory), .memoryOffset = offset));
}

void hostile_make_world(struct hostile *h)
{
	hostile_make_commands(h);
	make_buffer(h);
	make_memory(h, MEMORY, 65536);
	bind_buffer(h, 0);
}

static void make_image(struct hostile *h)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
		.mipLevels = 2,
		.arrayLayers = 3,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT |
			 VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
	};
	VkImage image = HANDLE(h, IMAGE, VkImage);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateImage, .device = device(h), .pCreateInfo = &info,
				.pImage = &image));
	make_memory(h, IMAGE_MEMORY, 1u << 20);
	hostile_send(h, MESSAGE(h, vkBindImageMemory, .device = device(h), .image = image,
				.memory = HANDLE(h, IMAGE_MEMORY, VkDeviceMemory)));
}

/* More levels than a driver has room for: it never sees the image, and nobody else has it. */
static void lie_image_levels(struct hostile *h)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
		.mipLevels = 1000,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT,
	};
	VkImage image = HANDLE(h, IMAGE, VkImage);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateImage, .device = device(h), .pCreateInfo = &info,
				.pImage = &image));
	make_memory(h, IMAGE_MEMORY, 1u << 20);
	hostile_send(h, MESSAGE(h, vkBindImageMemory, .device = device(h), .image = image,
				.memory = HANDLE(h, IMAGE_MEMORY, VkDeviceMemory)));
}

void hostile_submit(struct hostile *h, uint32_t count)
{
	const VkCommandBuffer commands[] = { HANDLE(h, CMD, VkCommandBuffer),
					     HANDLE(h, CMD, VkCommandBuffer) };
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = count,
		.pCommandBuffers = commands,
	};

	hostile_send(h, MESSAGE(h, vkQueueSubmit, .queue = HANDLE(h, QUEUE, VkQueue),
				.submitCount = 1, .pSubmits = &info));
}

static void fill(struct hostile *h, VkDeviceSize offset, VkDeviceSize size)
{
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdFillBuffer, .dstBuffer = HANDLE(h, BUFFER, VkBuffer),
			       .dstOffset = offset, .size = size));
}

/* --- Lifetimes --- */

static void lie_submit_destroyed(struct hostile *h)
{
	hostile_make_world(h);
	fill(h, 0, VK_WHOLE_SIZE);
	hostile_send(h, MESSAGE(h, vkDestroyBuffer, .device = device(h),
				.buffer = HANDLE(h, BUFFER, VkBuffer)));
	hostile_submit(h, 1);
}

static void lie_submit_unrecorded(struct hostile *h)
{
	hostile_make_world(h);
	hostile_submit(h, 1);
}

static void lie_submit_reset(struct hostile *h)
{
	hostile_make_world(h);
	fill(h, 0, VK_WHOLE_SIZE);
	hostile_send(h, MESSAGE(h, vkResetCommandPool, .device = device(h),
				.commandPool = HANDLE(h, POOL, VkCommandPool)));
	hostile_submit(h, 1);
}

static void lie_submit_twice(struct hostile *h)
{
	hostile_make_world(h);
	fill(h, 0, VK_WHOLE_SIZE);
	hostile_submit(h, 2);
}

static void lie_free_twice(struct hostile *h)
{
	const VkCommandBuffer commands[] = { HANDLE(h, CMD, VkCommandBuffer),
					     HANDLE(h, CMD, VkCommandBuffer) };

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkFreeCommandBuffers, .device = device(h),
				.commandPool = HANDLE(h, POOL, VkCommandPool),
				.commandBufferCount = 2, .pCommandBuffers = commands));
}

/* A submission that waits for a semaphore nobody signals still has the command buffer. */
static void lie_record_pending(struct hostile *h)
{
	static const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkSemaphoreCreateInfo semaphore_info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
	};
	VkSemaphore semaphore = HANDLE(h, SECOND, VkSemaphore);
	const VkCommandBuffer commands = HANDLE(h, CMD, VkCommandBuffer);
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &semaphore,
		.pWaitDstStageMask = &stage,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateSemaphore, .device = device(h),
				.pCreateInfo = &semaphore_info, .pSemaphore = &semaphore));
	fill(h, 0, VK_WHOLE_SIZE);
	hostile_send(h, MESSAGE(h, vkQueueSubmit, .queue = HANDLE(h, QUEUE, VkQueue),
				.submitCount = 1, .pSubmits = &info));
	fill(h, 0, VK_WHOLE_SIZE);
}

static void lie_execute_itself(struct hostile *h)
{
	const VkCommandBuffer commands = HANDLE(h, CMD, VkCommandBuffer);

	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdExecuteCommands, .commandBufferCount = 1,
			       .pCommandBuffers = &commands));
}

static void lie_no_memory(struct hostile *h)
{
	hostile_make_commands(h);
	make_buffer(h);
	fill(h, 0, VK_WHOLE_SIZE);
}

static void lie_place_beyond(struct hostile *h)
{
	hostile_make_commands(h);
	make_buffer(h);
	make_memory(h, MEMORY, 65536);
	bind_buffer(h, 65536 - BUFFER_SIZE + 64);
}

static void lie_place_overflow(struct hostile *h)
{
	hostile_make_commands(h);
	make_buffer(h);
	make_memory(h, MEMORY, 65536);
	bind_buffer(h, UINT64_MAX - 63);
}

static void lie_place_unaligned(struct hostile *h)
{
	hostile_make_commands(h);
	make_buffer(h);
	make_memory(h, MEMORY, 65536);
	bind_buffer(h, 1);
}

static void lie_place_twice(struct hostile *h)
{
	hostile_make_world(h);
	bind_buffer(h, 8192);
}

/* --- Ranges of buffers --- */

static void lie_fill_beyond(struct hostile *h)
{
	hostile_make_world(h);
	fill(h, BUFFER_SIZE - 4, 8);
}

static void lie_fill_overflow(struct hostile *h)
{
	hostile_make_world(h);
	fill(h, UINT64_MAX - 3, 8);
}

/* Three bytes more would be written. */
static void lie_fill_odd(struct hostile *h)
{
	hostile_make_world(h);
	fill(h, BUFFER_SIZE - 4, 1);
}

static void lie_copy_beyond(struct hostile *h)
{
	const VkBufferCopy region = { .dstOffset = UINT64_MAX - 3, .size = 4 };

	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdCopyBuffer, .srcBuffer = HANDLE(h, BUFFER, VkBuffer),
			       .dstBuffer = HANDLE(h, BUFFER, VkBuffer), .regionCount = 1,
			       .pRegions = &region));
}

static void lie_index_beyond(struct hostile *h)
{
	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBindIndexBuffer, .buffer = HANDLE(h, BUFFER, VkBuffer),
			       .offset = BUFFER_SIZE, .indexType = VK_INDEX_TYPE_UINT16));
}

/* Indices of no bytes. */
static void lie_index_type(struct hostile *h)
{
	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBindIndexBuffer, .buffer = HANDLE(h, BUFFER, VkBuffer),
			       .indexType = VK_INDEX_TYPE_NONE_KHR));
}

static void lie_vertex_beyond(struct hostile *h)
{
	const VkBuffer buffer = HANDLE(h, BUFFER, VkBuffer);
	const VkDeviceSize offset = BUFFER_SIZE + 4;

	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBindVertexBuffers, .bindingCount = 1, .pBuffers = &buffer,
			       .pOffsets = &offset));
}

static void lie_vertex_binding(struct hostile *h)
{
	const VkBuffer buffer = HANDLE(h, BUFFER, VkBuffer);
	const VkDeviceSize offset = 0;

	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBindVertexBuffers, .firstBinding = 100000, .bindingCount = 1,
			       .pBuffers = &buffer, .pOffsets = &offset));
}

static void lie_barrier_beyond(struct hostile *h)
{
	const VkBufferMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER,
		.buffer = HANDLE(h, BUFFER, VkBuffer),
		.offset = 1,
		.size = BUFFER_SIZE,
	};

	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdPipelineBarrier,
			       .srcStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
			       .dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
			       .bufferMemoryBarrierCount = 1, .pBufferMemoryBarriers = &barrier));
}

static void lie_buffer_view(struct hostile *h)
{
	const VkBufferViewCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
		.buffer = HANDLE(h, BUFFER, VkBuffer),
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.offset = 256,
		.range = BUFFER_SIZE,
	};
	VkBufferView view = HANDLE(h, VIEW, VkBufferView);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateBufferView, .device = device(h), .pCreateInfo = &info,
				.pView = &view));
}

/* --- Places that the device has a number of --- */

static void lie_viewport(struct hostile *h)
{
	const VkViewport viewport = { .width = 1, .height = 1, .maxDepth = 1 };

	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdSetViewport, .firstViewport = 1000, .viewportCount = 1,
			       .pViewports = &viewport));
}

/* --- Images --- */

static const VkImageSubresourceLayers first_level = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 };

static void copy_texels(struct hostile *h, const VkBufferImageCopy *region)
{
	make_image(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdCopyBufferToImage, .srcBuffer = HANDLE(h, BUFFER, VkBuffer),
			       .dstImage = HANDLE(h, IMAGE, VkImage),
			       .dstImageLayout = VK_IMAGE_LAYOUT_GENERAL, .regionCount = 1,
			       .pRegions = region));
}

static void lie_texels_buffer(struct hostile *h)
{
	const VkBufferImageCopy region = {
		.bufferOffset = BUFFER_SIZE - IMAGE_SIZE * IMAGE_SIZE * 4 + 4,
		.imageSubresource = first_level,
		.imageExtent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
	};

	copy_texels(h, &region);
}

static void lie_texels_rows(struct hostile *h)
{
	const VkBufferImageCopy region = {
		.bufferRowLength = UINT32_MAX,
		.bufferImageHeight = UINT32_MAX,
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 3 },
		.imageExtent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
	};

	copy_texels(h, &region);
}

static void lie_texels_image(struct hostile *h)
{
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 1, 0, 1 },
		.imageExtent = { IMAGE_SIZE / 2 + 1, 1, 1 },
	};

	copy_texels(h, &region);
}

static void lie_texels_before(struct hostile *h)
{
	const VkBufferImageCopy region = {
		.imageSubresource = first_level,
		.imageOffset = { -1, 0, 0 },
		.imageExtent = { 1, 1, 1 },
	};

	copy_texels(h, &region);
}

static void lie_texels_level(struct hostile *h)
{
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 2, 0, 1 },
		.imageExtent = { 1, 1, 1 },
	};

	copy_texels(h, &region);
}

/* Of no aspect a driver would copy whole texels. */
static void lie_texels_aspect(struct hostile *h)
{
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT, 0, 0, 1 },
		.imageExtent = { 1, 1, 1 },
	};

	copy_texels(h, &region);
}

static void lie_image_copy(struct hostile *h)
{
	const VkImageCopy region = {
		.srcSubresource = first_level,
		.dstSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 2, 2 },
		.extent = { 1, 1, 1 },
	};

	make_image(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdCopyImage, .srcImage = HANDLE(h, IMAGE, VkImage),
			       .srcImageLayout = VK_IMAGE_LAYOUT_GENERAL,
			       .dstImage = HANDLE(h, IMAGE, VkImage),
			       .dstImageLayout = VK_IMAGE_LAYOUT_GENERAL, .regionCount = 1,
			       .pRegions = &region));
}

/* Texels of 4 bytes to texels of one. */
static void lie_image_copy_size(struct hostile *h)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8_UNORM,
		.extent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	const VkImageCopy region = {
		.srcSubresource = first_level,
		.dstSubresource = first_level,
		.extent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
	};
	VkImage image = HANDLE(h, SECOND, VkImage);

	make_image(h);
	hostile_send(h, MESSAGE(h, vkCreateImage, .device = device(h), .pCreateInfo = &info,
				.pImage = &image));
	hostile_send(h, MESSAGE(h, vkBindImageMemory, .device = device(h), .image = image,
				.memory = HANDLE(h, IMAGE_MEMORY, VkDeviceMemory),
				.memoryOffset = 1u << 19));
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdCopyImage, .srcImage = HANDLE(h, IMAGE, VkImage),
			       .srcImageLayout = VK_IMAGE_LAYOUT_GENERAL, .dstImage = image,
			       .dstImageLayout = VK_IMAGE_LAYOUT_GENERAL, .regionCount = 1,
			       .pRegions = &region));
}

static void lie_blit(struct hostile *h)
{
	const VkImageBlit region = {
		.srcSubresource = first_level,
		.srcOffsets = { { 0, 0, 0 }, { IMAGE_SIZE + 1, IMAGE_SIZE, 1 } },
		.dstSubresource = first_level,
		.dstOffsets = { { 0, 0, 0 }, { 1, 1, 1 } },
	};

	make_image(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBlitImage, .srcImage = HANDLE(h, IMAGE, VkImage),
			       .srcImageLayout = VK_IMAGE_LAYOUT_GENERAL,
			       .dstImage = HANDLE(h, IMAGE, VkImage),
			       .dstImageLayout = VK_IMAGE_LAYOUT_GENERAL, .regionCount = 1,
			       .pRegions = &region, .filter = VK_FILTER_NEAREST));
}

static void lie_clear(struct hostile *h)
{
	const VkClearColorValue color = { .float32 = { 0 } };
	const VkImageSubresourceRange range = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 3, UINT32_MAX };

	make_image(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdClearColorImage, .image = HANDLE(h, IMAGE, VkImage),
			       .imageLayout = VK_IMAGE_LAYOUT_GENERAL, .pColor = &color,
			       .rangeCount = 1, .pRanges = &range));
}

/* The layer before the first. */
static void lie_clear_none(struct hostile *h)
{
	const VkClearColorValue color = { .float32 = { 0 } };
	const VkImageSubresourceRange range = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 0 };

	make_image(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdClearColorImage, .image = HANDLE(h, IMAGE, VkImage),
			       .imageLayout = VK_IMAGE_LAYOUT_GENERAL, .pColor = &color,
			       .rangeCount = 1, .pRanges = &range));
}

static struct message view_message(struct hostile *h, VkFormat format, uint32_t level_count)
{
	const VkImageViewCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.image = HANDLE(h, IMAGE, VkImage),
		.viewType = VK_IMAGE_VIEW_TYPE_2D,
		.format = format,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, level_count, 0, 1 },
	};
	VkImageView view = HANDLE(h, VIEW, VkImageView);

	return MESSAGE(h, vkCreateImageView, .device = device(h), .pCreateInfo = &info,
		       .pView = &view);
}

static void lie_view_levels(struct hostile *h)
{
	make_image(h);
	hostile_send(h, view_message(h, VK_FORMAT_R8G8B8A8_UNORM, 3));
}

/* Texels of 16 bytes in an image of texels of 4. */
static void lie_view_format(struct hostile *h)
{
	make_image(h);
	hostile_send(h, view_message(h, VK_FORMAT_R32G32B32A32_SFLOAT, 1));
}

/* --- Render passes --- */

static void make_pass(struct hostile *h, uint32_t attachment)
{
	const VkAttachmentDescription description = {
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
		.finalLayout = VK_IMAGE_LAYOUT_GENERAL,
	};
	const VkAttachmentReference color = { attachment, VK_IMAGE_LAYOUT_GENERAL };
	const VkSubpassDescription subpass = {
		.colorAttachmentCount = 1,
		.pColorAttachments = &color,
	};
	const VkRenderPassCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
		.attachmentCount = 1,
		.pAttachments = &description,
		.subpassCount = 1,
		.pSubpasses = &subpass,
	};
	VkRenderPass pass = HANDLE(h, PASS, VkRenderPass);

	make_image(h);
	hostile_send(h, view_message(h, VK_FORMAT_R8G8B8A8_UNORM, 1));
	hostile_send(h, MESSAGE(h, vkCreateRenderPass, .device = device(h), .pCreateInfo = &info,
				.pRenderPass = &pass));
}

static void make_layered_framebuffer(struct hostile *h, uint32_t width, uint32_t layer_count)
{
	const VkImageView view = HANDLE(h, VIEW, VkImageView);
	const VkFramebufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
		.renderPass = HANDLE(h, PASS, VkRenderPass),
		.attachmentCount = 1,
		.pAttachments = &view,
		.width = width,
		.height = IMAGE_SIZE,
		.layers = layer_count,
	};
	VkFramebuffer framebuffer = HANDLE(h, FRAMEBUFFER, VkFramebuffer);

	make_pass(h, 0);
	hostile_send(h, MESSAGE(h, vkCreateFramebuffer, .device = device(h), .pCreateInfo = &info,
				.pFramebuffer = &framebuffer));
}

static void make_framebuffer(struct hostile *h, uint32_t width)
{
	make_layered_framebuffer(h, width, 1);
}

static struct message begin_chain_message(struct hostile *h, uint32_t width, uint32_t clear_count,
					  const void *next)
{
	const VkClearValue clear = { 0 };
	const VkRenderPassBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
		.pNext = next,
		.renderPass = HANDLE(h, PASS, VkRenderPass),
		.framebuffer = HANDLE(h, FRAMEBUFFER, VkFramebuffer),
		.renderArea = { .extent = { width, IMAGE_SIZE } },
		.clearValueCount = clear_count,
		.pClearValues = &clear,
	};

	return MESSAGE(h, vkCmdBeginRenderPass, .pRenderPassBegin = &info,
		       .contents = VK_SUBPASS_CONTENTS_INLINE);
}

static struct message begin_message(struct hostile *h, uint32_t width, uint32_t clear_count)
{
	return begin_chain_message(h, width, clear_count, NULL);
}

static void lie_pass_attachment(struct hostile *h)
{
	make_pass(h, 1);
}

static void lie_framebuffer_large(struct hostile *h)
{
	make_framebuffer(h, IMAGE_SIZE + 1);
}

static void lie_framebuffer_layers(struct hostile *h)
{
	make_layered_framebuffer(h, IMAGE_SIZE, 0);
}

static void lie_begin_clear(struct hostile *h)
{
	make_framebuffer(h, IMAGE_SIZE);
	hostile_record(h, CMD, begin_message(h, IMAGE_SIZE, 0));
}

static void lie_begin_area(struct hostile *h)
{
	make_framebuffer(h, IMAGE_SIZE);
	hostile_record(h, CMD, begin_message(h, IMAGE_SIZE + 1, 1));
}

static void lie_begin_open(struct hostile *h)
{
	make_framebuffer(h, IMAGE_SIZE);
	hostile_record(h, CMD, begin_message(h, IMAGE_SIZE, 1));
}

/* Drivers of one device look at the area of all. */
static void lie_begin_group(struct hostile *h)
{
	const VkRect2D area = { .extent = { 1, 1 } };
	const VkDeviceGroupRenderPassBeginInfo group = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_RENDER_PASS_BEGIN_INFO,
		.deviceMask = 1,
		.deviceRenderAreaCount = 1,
		.pDeviceRenderAreas = &area,
	};

	make_framebuffer(h, IMAGE_SIZE);
	hostile_record(h, CMD, begin_chain_message(h, 4096, 1, &group));
}

/* Others than those of the framebuffer. */
static void lie_begin_attachments(struct hostile *h)
{
	const VkImageView views[] = { HANDLE(h, VIEW, VkImageView), HANDLE(h, VIEW, VkImageView) };
	const VkRenderPassAttachmentBeginInfo attachments = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_ATTACHMENT_BEGIN_INFO,
		.attachmentCount = 2,
		.pAttachments = views,
	};

	make_framebuffer(h, IMAGE_SIZE);
	hostile_record(h, CMD, begin_chain_message(h, IMAGE_SIZE, 1, &attachments));
}

/* The layers up to the one before the first. */
static void lie_clear_attachment(struct hostile *h)
{
	const VkClearAttachment clear = { .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT };
	const VkClearRect rect = { { { 0, 0 }, { 1, 1 } }, 0, 0 };

	make_framebuffer(h, IMAGE_SIZE);
	const struct message messages[] = {
		begin_message(h, IMAGE_SIZE, 1),
		MESSAGE(h, vkCmdClearAttachments, .attachmentCount = 1, .pAttachments = &clear,
			.rectCount = 1, .pRects = &rect),
		MESSAGE(h, vkCmdEndRenderPass, .commandBuffer = NULL),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

/* An attachment that the pass does not have. */
static void lie_pass_rate(struct hostile *h)
{
	const VkAttachmentReference2 reference = {
		.sType = VK_STRUCTURE_TYPE_ATTACHMENT_REFERENCE_2,
		.attachment = 1000000,
		.layout = VK_IMAGE_LAYOUT_GENERAL,
	};
	const VkFragmentShadingRateAttachmentInfoKHR rate = {
		.sType = VK_STRUCTURE_TYPE_FRAGMENT_SHADING_RATE_ATTACHMENT_INFO_KHR,
		.pFragmentShadingRateAttachment = &reference,
		.shadingRateAttachmentTexelSize = { 8, 8 },
	};
	const VkSubpassDescription2 subpass = {
		.sType = VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_2,
		.pNext = &rate,
	};
	const VkRenderPassCreateInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO_2,
		.subpassCount = 1,
		.pSubpasses = &subpass,
	};
	VkRenderPass pass = HANDLE(h, PASS, VkRenderPass);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateRenderPass2, .device = device(h), .pCreateInfo = &info,
				.pRenderPass = &pass));
}

/* A driver would write four samples of each. */
static void lie_pass_samples(struct hostile *h)
{
	const VkAttachmentDescription descriptions[] = {
		{ .format = VK_FORMAT_R8G8B8A8_UNORM,
		  .samples = VK_SAMPLE_COUNT_4_BIT,
		  .finalLayout = VK_IMAGE_LAYOUT_GENERAL },
		{ .format = VK_FORMAT_D16_UNORM,
		  .samples = VK_SAMPLE_COUNT_1_BIT,
		  .finalLayout = VK_IMAGE_LAYOUT_GENERAL },
	};
	const VkAttachmentReference references[] = { { 0, VK_IMAGE_LAYOUT_GENERAL },
						     { 1, VK_IMAGE_LAYOUT_GENERAL } };
	const VkSubpassDescription subpass = {
		.colorAttachmentCount = 1,
		.pColorAttachments = &references[0],
		.pDepthStencilAttachment = &references[1],
	};
	const VkRenderPassCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
		.attachmentCount = 2,
		.pAttachments = descriptions,
		.subpassCount = 1,
		.pSubpasses = &subpass,
	};
	VkRenderPass pass = HANDLE(h, PASS, VkRenderPass);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateRenderPass, .device = device(h), .pCreateInfo = &info,
				.pRenderPass = &pass));
}

static void make_depth(struct hostile *h)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_D16_UNORM,
		.extent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_4_BIT,
		.usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
	};
	const VkImageViewCreateInfo view_info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.image = HANDLE(h, DEPTH, VkImage),
		.viewType = VK_IMAGE_VIEW_TYPE_2D,
		.format = VK_FORMAT_D16_UNORM,
		.subresourceRange = { VK_IMAGE_ASPECT_DEPTH_BIT, 0, 1, 0, 1 },
	};
	VkImage image = HANDLE(h, DEPTH, VkImage);
	VkImageView view = HANDLE(h, DEPTH_VIEW, VkImageView);

	hostile_send(h, MESSAGE(h, vkCreateImage, .device = device(h), .pCreateInfo = &info,
				.pImage = &image));
	hostile_send(h, MESSAGE(h, vkBindImageMemory, .device = device(h), .image = image,
				.memory = HANDLE(h, IMAGE_MEMORY, VkDeviceMemory),
				.memoryOffset = 1u << 19));
	hostile_send(h, MESSAGE(h, vkCreateImageView, .device = device(h),
				.pCreateInfo = &view_info, .pView = &view));
}

static void begin_rendering(struct hostile *h, uint32_t color_count, enum object depth_view,
			    uint32_t layer_count)
{
	const VkRenderingAttachmentInfo color = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
		.imageView = HANDLE(h, VIEW, VkImageView),
		.imageLayout = VK_IMAGE_LAYOUT_GENERAL,
	};
	const VkRenderingAttachmentInfo depth = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
		.imageView = HANDLE(h, depth_view, VkImageView),
		.imageLayout = VK_IMAGE_LAYOUT_GENERAL,
	};
	const VkRenderingInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
		.renderArea = { .extent = { 1, 1 } },
		.layerCount = layer_count,
		.colorAttachmentCount = color_count,
		.pColorAttachments = &color,
		.pDepthAttachment = &depth,
	};

	hostile_record(h, CMD, MESSAGE(h, vkCmdBeginRendering, .pRenderingInfo = &info));
}

static void lie_rendering_samples(struct hostile *h)
{
	make_image(h);
	hostile_send(h, view_message(h, VK_FORMAT_R8G8B8A8_UNORM, 1));
	make_depth(h);
	begin_rendering(h, 1, DEPTH_VIEW, 1);
}

static void lie_rendering_layers(struct hostile *h)
{
	make_image(h);
	hostile_send(h, view_message(h, VK_FORMAT_R8G8B8A8_UNORM, 1));
	h->objects[SECOND].id = 0;
	begin_rendering(h, 1, SECOND, 0);
}

/* The image was made to be a color only. */
static void lie_rendering_usage(struct hostile *h)
{
	make_image(h);
	hostile_send(h, view_message(h, VK_FORMAT_R8G8B8A8_UNORM, 1));
	begin_rendering(h, 0, VIEW, 1);
}

/* --- Queries --- */

static void make_queries(struct hostile *h)
{
	const VkQueryPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = VK_QUERY_TYPE_OCCLUSION,
		.queryCount = 4,
	};
	VkQueryPool pool = HANDLE(h, QUERIES, VkQueryPool);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateQueryPool, .device = device(h), .pCreateInfo = &info,
				.pQueryPool = &pool));
}

static void lie_query(struct hostile *h)
{
	make_queries(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBeginQuery, .queryPool = HANDLE(h, QUERIES, VkQueryPool),
			       .query = 4));
}

static void lie_query_reset(struct hostile *h)
{
	make_queries(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdResetQueryPool, .queryPool = HANDLE(h, QUERIES, VkQueryPool),
			       .firstQuery = UINT32_MAX, .queryCount = 2));
}

static void lie_query_results(struct hostile *h)
{
	make_queries(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdCopyQueryPoolResults,
			       .queryPool = HANDLE(h, QUERIES, VkQueryPool), .queryCount = 4,
			       .dstBuffer = HANDLE(h, BUFFER, VkBuffer),
			       .dstOffset = BUFFER_SIZE - 24, .stride = 8,
			       .flags = VK_QUERY_RESULT_64_BIT));
}

/* --- State --- */

static void lie_draw(struct hostile *h)
{
	hostile_make_world(h);
	hostile_record(h, CMD, MESSAGE(h, vkCmdDraw, .vertexCount = 3, .instanceCount = 1));
}

static void lie_dispatch(struct hostile *h)
{
	hostile_make_world(h);
	hostile_record(
		h, CMD,
		MESSAGE(h, vkCmdDispatch, .groupCountX = 1, .groupCountY = 1, .groupCountZ = 1));
}

static void lie_clear_outside(struct hostile *h)
{
	const VkClearAttachment clear = { .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT };
	const VkClearRect rect = { { { 0, 0 }, { 1, 1 } }, 0, 1 };

	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdClearAttachments, .attachmentCount = 1,
			       .pAttachments = &clear, .rectCount = 1, .pRects = &rect));
}

const struct lie hostile_object_lies[] = {
	{ "vkQueueSubmit:destroyed", lie_submit_destroyed },
	{ "vkQueueSubmit:unrecorded", lie_submit_unrecorded },
	{ "vkQueueSubmit:reset", lie_submit_reset },
	{ "vkQueueSubmit:twice", lie_submit_twice },
	{ "vkFreeCommandBuffers:twice", lie_free_twice },
	{ "slRecordCommandBuffer:pending", lie_record_pending },
	{ "slRecordCommandBuffer:open-pass", lie_begin_open },
	{ "vkCmdExecuteCommands:itself", lie_execute_itself },
	{ "vkCmdFillBuffer:no-memory", lie_no_memory },
	{ "vkCmdFillBuffer:beyond", lie_fill_beyond },
	{ "vkCmdFillBuffer:overflow", lie_fill_overflow },
	{ "vkCmdFillBuffer:odd", lie_fill_odd },
	{ "vkBindBufferMemory:beyond", lie_place_beyond },
	{ "vkBindBufferMemory:overflow", lie_place_overflow },
	{ "vkBindBufferMemory:twice", lie_place_twice },
	{ "vkBindBufferMemory:unaligned", lie_place_unaligned },
	{ "vkCmdCopyBuffer:beyond", lie_copy_beyond },
	{ "vkCmdBindIndexBuffer:beyond", lie_index_beyond },
	{ "vkCmdBindIndexBuffer:type", lie_index_type },
	{ "vkCmdBindVertexBuffers:beyond", lie_vertex_beyond },
	{ "vkCmdBindVertexBuffers:binding", lie_vertex_binding },
	{ "vkCmdPipelineBarrier:beyond", lie_barrier_beyond },
	{ "vkCreateBufferView:beyond", lie_buffer_view },
	{ "vkCmdSetViewport:place", lie_viewport },
	{ "vkCmdCopyBufferToImage:buffer", lie_texels_buffer },
	{ "vkCmdCopyBufferToImage:rows", lie_texels_rows },
	{ "vkCmdCopyBufferToImage:image", lie_texels_image },
	{ "vkCmdCopyBufferToImage:before", lie_texels_before },
	{ "vkCmdCopyBufferToImage:level", lie_texels_level },
	{ "vkCmdCopyBufferToImage:aspect", lie_texels_aspect },
	{ "vkCmdCopyImage:layers", lie_image_copy },
	{ "vkCmdCopyImage:size", lie_image_copy_size },
	{ "vkCmdBlitImage:corner", lie_blit },
	{ "vkCmdClearColorImage:layers", lie_clear },
	{ "vkCmdClearColorImage:none", lie_clear_none },
	{ "vkBindImageMemory:levels", lie_image_levels },
	{ "vkCreateImageView:levels", lie_view_levels },
	{ "vkCreateImageView:format", lie_view_format },
	{ "vkCreateRenderPass:attachment", lie_pass_attachment },
	{ "vkCreateRenderPass:samples", lie_pass_samples },
	{ "vkCreateRenderPass2:rate", lie_pass_rate },
	{ "vkCmdBeginRendering:samples", lie_rendering_samples },
	{ "vkCmdBeginRendering:layers", lie_rendering_layers },
	{ "vkCmdBeginRendering:usage", lie_rendering_usage },
	{ "vkCreateFramebuffer:large", lie_framebuffer_large },
	{ "vkCreateFramebuffer:layers", lie_framebuffer_layers },
	{ "vkCmdBeginRenderPass:clear", lie_begin_clear },
	{ "vkCmdBeginRenderPass:area", lie_begin_area },
	{ "vkCmdBeginRenderPass:group", lie_begin_group },
	{ "vkCmdBeginRenderPass:attachments", lie_begin_attachments },
	{ "vkCmdBeginQuery:beyond", lie_query },
	{ "vkCmdResetQueryPool:overflow", lie_query_reset },
	{ "vkCmdCopyQueryPoolResults:beyond", lie_query_results },
	{ "vkCmdDraw:no-pipeline", lie_draw },
	{ "vkCmdDispatch:no-pipeline", lie_dispatch },
	{ "vkCmdClearAttachments:outside", lie_clear_outside },
	{ "vkCmdClearAttachments:layers", lie_clear_attachment },
	{ NULL, NULL },
};
