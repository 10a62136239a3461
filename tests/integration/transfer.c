/* SPDX-License-Identifier: MIT */
/* Transfers between buffers, clears, and the newer forms of all transfers. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>

static const VkFormat rgba8 = VK_FORMAT_R8G8B8A8_UNORM;
static const VkImageLayout src_layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
static const VkImageLayout dst_layout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;

static void copy_buffer(struct vkt *t)
{
	const VkBufferCopy regions[] = {
		{ 0, 100, 50 }, { 1000, 0, 7 }, { 4095, 8191, 1 }, { 17, 301, 1333 }
	};
	const VkBufferCopy whole = { .size = 8192 };
	struct vkt_buffer host = vkt_create_buffer(t, 8192, 0, VKT_HOST);
	struct vkt_buffer device = vkt_create_buffer(t, 8192, 0, VKT_DEVICE);
	struct vkt_buffer result = vkt_create_buffer(t, 8192, 0, VKT_HOST);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(host.map, host.size, 1);
	memset(result.map, 0, result.size);
	vkCmdCopyBuffer(cmd, host.handle, device.handle, 1, &whole);
	vkt_barrier(cmd);
	vkCmdCopyBuffer(cmd, device.handle, result.handle, VKT_COUNT(regions), regions);
	vkt_barrier(cmd);
	/* Within one buffer, apart from each other. */
	vkCmdCopyBuffer(cmd, device.handle, device.handle, 1, &(VkBufferCopy){ 0, 4096, 2048 });
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "result", &result);
	vkt_put_buffer(t, "device", &device);
}

static void fill_and_update(struct vkt *t)
{
	struct vkt_buffer buffer = vkt_create_buffer(t, 70000, 0, VKT_DEVICE);
	uint8_t *data = malloc(65536);
	VkCommandBuffer cmd = vkt_begin(t);

	VKT_EXPECT(data != NULL);
	vkt_fill_pattern(data, 65536, 2);
	vkCmdFillBuffer(cmd, buffer.handle, 0, VK_WHOLE_SIZE, 0x01020304);
	vkt_barrier(cmd);
	vkCmdFillBuffer(cmd, buffer.handle, 65540, 400, 0xdeadbeef);
	vkCmdUpdateBuffer(cmd, buffer.handle, 4, 65532, data);
	vkt_barrier(cmd);
	vkCmdUpdateBuffer(cmd, buffer.handle, 1000, 4, "abcd");
	vkt_barrier(cmd);
	/* The data was taken when the command was recorded. */
	memset(data, 0xff, 65536);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "buffer", &buffer);
	free(data);
}

/* Many updates: more than a megabyte of commands in one command buffer. */
static void large_updates(struct vkt *t)
{
	struct vkt_buffer buffer = vkt_create_buffer(t, 4u << 20, 0, VKT_DEVICE);
	uint8_t *data = malloc(65536);
	VkCommandBuffer cmd = vkt_begin(t);

	VKT_EXPECT(data != NULL);
	for (uint32_t i = 0; i < 64; i++) {
		vkt_fill_pattern(data, 65536, i);
		vkCmdUpdateBuffer(cmd, buffer.handle, i * 65536, 65536, data);
	}
	free(data);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "buffer", &buffer);
}

static struct vkt_image create_image(struct vkt *t, VkFormat format, uint32_t levels,
				     uint32_t layers)
{
	return vkt_create_image(t, &(struct vkt_image_spec){ .format = format,
							     .width = 32,
							     .height = 16,
							     .levels = levels,
							     .layers = layers });
}

static void clear_color(struct vkt *t)
{
	const struct {
		VkFormat format;
		VkClearColorValue value;
	} list[] = {
		{ VK_FORMAT_R8G8B8A8_UNORM, { .float32 = { 0.1f, 0.5f, 0.9f, 2.0f } } },
		{ VK_FORMAT_R32G32B32A32_SFLOAT, { .float32 = { -1.5f, 1e30f, 0.0f, -0.0f } } },
		{ VK_FORMAT_R32G32_UINT, { .uint32 = { 0xffffffff, 0x12345678, 3, 4 } } },
		{ VK_FORMAT_R5G6B5_UNORM_PACK16, { .float32 = { 1.0f, 0.5f, 0.25f, 0 } } },
	};

	for (size_t i = 0; i < VKT_COUNT(list); i++) {
		struct vkt_image image = create_image(t, list[i].format, 4, 3);
		const VkClearColorValue zero = { .uint32 = { 0 } };
		const VkImageSubresourceRange whole = vkt_whole(&image);
		const VkImageSubresourceRange parts[] = {
			{ VK_IMAGE_ASPECT_COLOR_BIT, 1, 1, 0, VK_REMAINING_ARRAY_LAYERS },
			{ VK_IMAGE_ASPECT_COLOR_BIT, 2, VK_REMAINING_MIP_LEVELS, 1, 1 },
		};
		VkCommandBuffer cmd = vkt_begin(t);
		vkt_transition(cmd, &image, VK_IMAGE_LAYOUT_UNDEFINED, dst_layout);
		vkCmdClearColorImage(cmd, image.handle, dst_layout, &zero, 1, &whole);
		vkt_barrier(cmd);
		vkCmdClearColorImage(cmd, image.handle, dst_layout, &list[i].value, 2, parts);
		vkt_transition(cmd, &image, dst_layout, src_layout);
		vkt_end_and_run(t, cmd);
		vkt_put_image(t, "image", &image, src_layout);
	}
}

static void clear_depth(struct vkt *t)
{
	const VkFormat formats[] = { VK_FORMAT_D16_UNORM, VK_FORMAT_D32_SFLOAT,
				     VK_FORMAT_D32_SFLOAT_S8_UINT };

	for (size_t i = 0; i < VKT_COUNT(formats); i++) {
		struct vkt_image image = create_image(t, formats[i], 2, 2);
		const VkImageSubresourceRange whole = vkt_whole(&image);
		const VkClearDepthStencilValue first = { 0.75f, 0x5a };
		const VkClearDepthStencilValue second = { 0.125f, 0xa5 };
		VkImageSubresourceRange part = { VK_IMAGE_ASPECT_DEPTH_BIT, 1, 1, 0, 1 };
		VkCommandBuffer cmd = vkt_begin(t);
		vkt_transition(cmd, &image, VK_IMAGE_LAYOUT_UNDEFINED, dst_layout);
		vkCmdClearDepthStencilImage(cmd, image.handle, dst_layout, &first, 1, &whole);
		vkt_barrier(cmd);
		vkCmdClearDepthStencilImage(cmd, image.handle, dst_layout, &second, 1, &part);
		if (image.aspect & VK_IMAGE_ASPECT_STENCIL_BIT) {
			part = (VkImageSubresourceRange){ VK_IMAGE_ASPECT_STENCIL_BIT, 0, 2, 1, 1 };
			vkCmdClearDepthStencilImage(cmd, image.handle, dst_layout, &second, 1,
						    &part);
		}
		vkt_transition(cmd, &image, dst_layout, src_layout);
		vkt_end_and_run(t, cmd);
		vkt_put_image(t, "image", &image, src_layout);
	}
}

/* The structures of the second generation, by their core names and by the extension's. */
struct commands2 {
	PFN_vkCmdCopyBuffer2 copy_buffer;
	PFN_vkCmdCopyBufferToImage2 buffer_to_image;
	PFN_vkCmdCopyImage2 copy_image;
	PFN_vkCmdBlitImage2 blit;
	PFN_vkCmdCopyImageToBuffer2 image_to_buffer;
	PFN_vkCmdResolveImage2 resolve;
};

static void blit_and_resolve2(VkCommandBuffer cmd, const struct commands2 *commands,
			      const struct vkt_image *from, const struct vkt_image *to,
			      const struct vkt_image *samples)
{
	const VkImageSubresourceLayers color = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 };
	const VkImageBlit2 blit_region = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_BLIT_2,
		.srcSubresource = color,
		.srcOffsets = { { 0, 0, 0 }, { 32, 16, 1 } },
		.dstSubresource = color,
		.dstOffsets = { { 30, 2, 0 }, { 3, 14, 1 } },
	};
	const VkBlitImageInfo2 blit = {
		.sType = VK_STRUCTURE_TYPE_BLIT_IMAGE_INFO_2,
		.srcImage = from->handle,
		.srcImageLayout = src_layout,
		.dstImage = to->handle,
		.dstImageLayout = dst_layout,
		.regionCount = 1,
		.pRegions = &blit_region,
		.filter = VK_FILTER_LINEAR,
	};
	const VkImageResolve2 resolve_region = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_RESOLVE_2,
		.srcSubresource = color,
		.srcOffset = { 0, 0, 0 },
		.dstSubresource = color,
		.dstOffset = { 4, 4, 0 },
		.extent = { 8, 3, 1 },
	};
	const VkResolveImageInfo2 resolve = {
		.sType = VK_STRUCTURE_TYPE_RESOLVE_IMAGE_INFO_2,
		.srcImage = samples->handle,
		.srcImageLayout = src_layout,
		.dstImage = to->handle,
		.dstImageLayout = dst_layout,
		.regionCount = 1,
		.pRegions = &resolve_region,
	};

	commands->blit(cmd, &blit);
	vkt_barrier(cmd);
	commands->resolve(cmd, &resolve);
	vkt_barrier(cmd);
}

static void copies2(VkCommandBuffer cmd, const struct commands2 *commands,
		    const struct vkt_buffer *buffer, const struct vkt_image *from,
		    const struct vkt_image *to)
{
	const VkImageSubresourceLayers color = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 };
	const VkBufferCopy2 buffer_region = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_COPY_2,
		.dstOffset = 2048,
		.size = 2048,
	};
	const VkCopyBufferInfo2 buffer_info = {
		.sType = VK_STRUCTURE_TYPE_COPY_BUFFER_INFO_2,
		.srcBuffer = buffer->handle,
		.dstBuffer = buffer->handle,
		.regionCount = 1,
		.pRegions = &buffer_region,
	};
	const VkBufferImageCopy2 region = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_IMAGE_COPY_2,
		.bufferOffset = 64,
		.imageSubresource = color,
		.imageExtent = { 32, 16, 1 },
	};
	const VkCopyBufferToImageInfo2 upload = {
		.sType = VK_STRUCTURE_TYPE_COPY_BUFFER_TO_IMAGE_INFO_2,
		.srcBuffer = buffer->handle,
		.dstImage = from->handle,
		.dstImageLayout = dst_layout,
		.regionCount = 1,
		.pRegions = &region,
	};
	const VkImageCopy2 image_region = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_COPY_2,
		.srcSubresource = color,
		.srcOffset = { 4, 2, 0 },
		.dstSubresource = color,
		.dstOffset = { 8, 1, 0 },
		.extent = { 16, 10, 1 },
	};
	const VkCopyImageInfo2 image_info = {
		.sType = VK_STRUCTURE_TYPE_COPY_IMAGE_INFO_2,
		.srcImage = from->handle,
		.srcImageLayout = src_layout,
		.dstImage = to->handle,
		.dstImageLayout = dst_layout,
		.regionCount = 1,
		.pRegions = &image_region,
	};

	commands->copy_buffer(cmd, &buffer_info);
	vkt_barrier(cmd);
	vkt_transition(cmd, from, VK_IMAGE_LAYOUT_UNDEFINED, dst_layout);
	commands->buffer_to_image(cmd, &upload);
	vkt_transition(cmd, from, dst_layout, src_layout);
	commands->copy_image(cmd, &image_info);
	vkt_barrier(cmd);
}

static void run_commands2(struct vkt *t, const struct commands2 *commands)
{
	const VkClearColorValue blue = { .float32 = { 0, 0, 1, 1 } };
	struct vkt_buffer buffer = vkt_create_buffer(t, 4096, 0, VKT_HOST);
	struct vkt_image from = create_image(t, rgba8, 1, 1), to = create_image(t, rgba8, 1, 1);
	struct vkt_image samples = vkt_create_image(
		t, &(struct vkt_image_spec){ .format = rgba8,
					     .width = 16,
					     .height = 16,
					     .samples = VK_SAMPLE_COUNT_4_BIT,
					     .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT });
	const VkImageSubresourceRange range = vkt_whole(&to);
	const VkBufferImageCopy2 download_region = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_IMAGE_COPY_2,
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { 32, 16, 1 },
	};
	const VkCopyImageToBufferInfo2 download = {
		.sType = VK_STRUCTURE_TYPE_COPY_IMAGE_TO_BUFFER_INFO_2,
		.srcImage = to.handle,
		.srcImageLayout = src_layout,
		.dstBuffer = buffer.handle,
		.regionCount = 1,
		.pRegions = &download_region,
	};
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(buffer.map, buffer.size, 3);
	vkt_transition(cmd, &to, VK_IMAGE_LAYOUT_UNDEFINED, dst_layout);
	vkt_transition(cmd, &samples, VK_IMAGE_LAYOUT_UNDEFINED, dst_layout);
	vkCmdClearColorImage(cmd, to.handle, dst_layout, &blue, 1, &range);
	vkCmdClearColorImage(cmd, samples.handle, dst_layout, &blue, 1, &range);
	vkt_transition(cmd, &samples, dst_layout, src_layout);
	copies2(cmd, commands, &buffer, &from, &to);
	blit_and_resolve2(cmd, commands, &from, &to, &samples);
	vkt_transition(cmd, &to, dst_layout, src_layout);
	commands->image_to_buffer(cmd, &download);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "buffer", &buffer);
}

static void copy_commands2(struct vkt *t)
{
	const struct commands2 core = {
		vkCmdCopyBuffer2, vkCmdCopyBufferToImage2, vkCmdCopyImage2,
		vkCmdBlitImage2,  vkCmdCopyImageToBuffer2, vkCmdResolveImage2,
	};

	run_commands2(t, &core);
	if (vkt_has_extension(t, "VK_KHR_copy_commands2")) {
		const struct commands2 khr = {
			VKT_DEVICE_PROC(t, vkCmdCopyBuffer2KHR),
			VKT_DEVICE_PROC(t, vkCmdCopyBufferToImage2KHR),
			VKT_DEVICE_PROC(t, vkCmdCopyImage2KHR),
			VKT_DEVICE_PROC(t, vkCmdBlitImage2KHR),
			VKT_DEVICE_PROC(t, vkCmdCopyImageToBuffer2KHR),
			VKT_DEVICE_PROC(t, vkCmdResolveImage2KHR),
		};
		run_commands2(t, &khr);
	}
}

const struct vkt_case transfer_cases[] = {
	{ "copy_buffer", copy_buffer, VKT_PLAIN },
	{ "fill_and_update", fill_and_update, VKT_PLAIN },
	{ "large_updates", large_updates, VKT_PLAIN },
	{ "clear_color", clear_color, VKT_PLAIN },
	{ "clear_depth", clear_depth, VKT_PLAIN },
	{ "copy_commands2", copy_commands2, 0 },
	{ NULL, NULL, 0 },
};
