/* SPDX-License-Identifier: MIT */
/* Copies, blits and resolves between images, and between images and buffers. */
#include "cases.h"

#include <string.h>

static const VkFormat rgba8 = VK_FORMAT_R8G8B8A8_UNORM;
static const VkImageLayout src_layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
static const VkImageLayout dst_layout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;

static VkImageSubresourceLayers color_layers(uint32_t level, uint32_t first, uint32_t count)
{
	return (VkImageSubresourceLayers){ VK_IMAGE_ASPECT_COLOR_BIT, level, first, count };
}

/* An image of which every byte is known, so that what a copy leaves alone is known too. */
static struct vkt_image create_known(struct vkt *t, struct vkt_image_spec spec, uint32_t seed,
				     VkImageLayout layout)
{
	struct vkt_image image = vkt_create_image(t, &spec);

	vkt_upload_pattern(t, &image, layout, seed);
	return image;
}

static void copy_image(struct vkt *t)
{
	const struct vkt_image_spec spec = {
		.format = rgba8, .width = 32, .height = 16, .levels = 3, .layers = 4
	};
	struct vkt_image from = create_known(t, spec, 1, src_layout);
	struct vkt_image to = create_known(t, spec, 2, dst_layout);
	const VkImageCopy regions[] = {
		{ color_layers(0, 0, 1),
		  { 0, 0, 0 },
		  color_layers(0, 3, 1),
		  { 0, 0, 0 },
		  { 32, 16, 1 } },
		{ color_layers(0, 1, 2),
		  { 3, 5, 0 },
		  color_layers(0, 0, 2),
		  { 17, 1, 0 },
		  { 13, 7, 1 } },
		{ color_layers(1, 2, 1),
		  { 0, 0, 0 },
		  color_layers(0, 2, 1),
		  { 0, 0, 0 },
		  { 16, 8, 1 } },
		{ color_layers(2, 0, 4),
		  { 1, 1, 0 },
		  color_layers(2, 0, 4),
		  { 0, 0, 0 },
		  { 7, 3, 1 } },
	};
	VkCommandBuffer cmd = vkt_begin(t);

	vkCmdCopyImage(cmd, from.handle, src_layout, to.handle, dst_layout, VKT_COUNT(regions),
		       regions);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "to", &to, dst_layout);
}

/* Formats of the same size, and layers of a 2D image to slices of a 3D one. */
static void copy_image_kinds(struct vkt *t)
{
	struct vkt_image flat = create_known(
		t,
		(struct vkt_image_spec){
			.format = VK_FORMAT_R32_SFLOAT, .width = 16, .height = 16, .layers = 4 },
		3, src_layout);
	struct vkt_image deep = create_known(
		t,
		(struct vkt_image_spec){
			.format = VK_FORMAT_R32_SFLOAT, .width = 16, .height = 16, .depth = 8 },
		4, dst_layout);
	struct vkt_image other = create_known(
		t, (struct vkt_image_spec){ .format = rgba8, .width = 16, .height = 16 }, 5,
		dst_layout);
	const VkImageCopy to_slices = { color_layers(0, 0, 4),
					{ 2, 2, 0 },
					color_layers(0, 0, 1),
					{ 0, 4, 3 },
					{ 14, 12, 4 } };
	const VkImageCopy between_formats = { color_layers(0, 1, 1),
					      { 0, 0, 0 },
					      color_layers(0, 0, 1),
					      { 4, 4, 0 },
					      { 12, 12, 1 } };
	const VkImageCopy within = {
		color_layers(0, 0, 1), { 0, 0, 0 }, color_layers(0, 0, 1), { 8, 8, 4 }, { 8, 8, 4 }
	};
	VkCommandBuffer cmd = vkt_begin(t);

	if ((t->flags & VKT_PLAIN) == 0) {
		vkCmdCopyImage(cmd, flat.handle, src_layout, deep.handle, dst_layout, 1,
			       &to_slices);
	}
	vkCmdCopyImage(cmd, flat.handle, src_layout, other.handle, dst_layout, 1, &between_formats);
	vkt_transition(cmd, &deep, dst_layout, VK_IMAGE_LAYOUT_GENERAL);
	vkCmdCopyImage(cmd, deep.handle, VK_IMAGE_LAYOUT_GENERAL, deep.handle,
		       VK_IMAGE_LAYOUT_GENERAL, 1, &within);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "deep", &deep, VK_IMAGE_LAYOUT_GENERAL);
	vkt_put_image(t, "other", &other, dst_layout);
}

static void buffer_to_image(struct vkt *t)
{
	struct vkt_buffer from = vkt_create_buffer(t, 65536, 0, VKT_HOST);
	struct vkt_image to = create_known(
		t,
		(struct vkt_image_spec){
			.format = rgba8, .width = 32, .height = 32, .levels = 6, .layers = 3 },
		6, dst_layout);
	const VkBufferImageCopy regions[] = {
		/* Tightly packed; with a pitch; with a pitch and a height; small levels. */
		{ 0, 0, 0, color_layers(0, 0, 1), { 0, 0, 0 }, { 32, 32, 1 } },
		{ 4096, 64, 0, color_layers(0, 1, 1), { 5, 7, 0 }, { 20, 11, 1 } },
		{ 16, 24, 40, color_layers(1, 0, 3), { 0, 2, 0 }, { 15, 13, 1 } },
		{ 40000, 0, 0, color_layers(5, 2, 1), { 0, 0, 0 }, { 1, 1, 1 } },
	};
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(from.map, from.size, 7);
	vkCmdCopyBufferToImage(cmd, from.handle, to.handle, dst_layout, VKT_COUNT(regions),
			       regions);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "to", &to, dst_layout);
}

static void image_to_buffer(struct vkt *t)
{
	struct vkt_image from = create_known(t,
					     (struct vkt_image_spec){ .format = VK_FORMAT_R16_UINT,
								      .width = 24,
								      .height = 20,
								      .depth = 6,
								      .levels = 2 },
					     8, src_layout);
	struct vkt_image depth = create_known(
		t,
		(struct vkt_image_spec){
			.format = VK_FORMAT_D16_UNORM, .width = 16, .height = 16, .layers = 2 },
		9, src_layout);
	struct vkt_buffer to = vkt_create_buffer(t, 65536, 0, VKT_HOST);
	const VkBufferImageCopy regions[] = {
		{ 100, 0, 0, color_layers(0, 0, 1), { 0, 0, 0 }, { 24, 20, 6 } },
		{ 20000, 40, 30, color_layers(0, 0, 1), { 3, 2, 1 }, { 9, 8, 3 } },
		{ 60000, 0, 0, color_layers(1, 0, 1), { 4, 4, 1 }, { 8, 6, 2 } },
	};
	const VkBufferImageCopy depth_region = {
		40000, 20, 0, { VK_IMAGE_ASPECT_DEPTH_BIT, 0, 1, 1 }, { 0, 0, 0 }, { 16, 16, 1 }
	};
	VkCommandBuffer cmd = vkt_begin(t);

	memset(to.map, 0x77, to.size);
	vkCmdCopyImageToBuffer(cmd, from.handle, src_layout, to.handle, VKT_COUNT(regions),
			       regions);
	vkCmdCopyImageToBuffer(cmd, depth.handle, src_layout, to.handle, 1, &depth_region);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "to", &to);
}

static void compressed_image(struct vkt *t)
{
	const struct vkt_image_spec spec = { .format = VK_FORMAT_BC1_RGB_UNORM_BLOCK,
					     .width = 32,
					     .height = 16 };
	struct vkt_buffer from = vkt_create_buffer(t, 1024, 0, VKT_HOST);
	struct vkt_buffer to = vkt_create_buffer(t, 1024, 0, VKT_HOST);
	struct vkt_image blocks = vkt_create_image(t, &spec);
	struct vkt_image plain = vkt_create_image(
		t, &(struct vkt_image_spec){
			   .format = VK_FORMAT_R32G32_UINT, .width = 8, .height = 4 });
	const VkBufferImageCopy in = { 0, 0, 0, color_layers(0, 0, 1), { 0, 0, 0 }, { 32, 16, 1 } };
	const VkBufferImageCopy out = {
		8, 40, 0, color_layers(0, 0, 1), { 4, 4, 0 }, { 20, 8, 1 }
	};
	const VkImageCopy across = { color_layers(0, 0, 1),
				     { 0, 0, 0 },
				     color_layers(0, 0, 1),
				     { 0, 0, 0 },
				     { 32, 16, 1 } };
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->core.features.textureCompressionBC, "textureCompressionBC");
	vkt_fill_pattern(from.map, from.size, 10);
	memset(to.map, 0, to.size);
	vkt_transition(cmd, &blocks, VK_IMAGE_LAYOUT_UNDEFINED, dst_layout);
	vkt_transition(cmd, &plain, VK_IMAGE_LAYOUT_UNDEFINED, dst_layout);
	vkCmdCopyBufferToImage(cmd, from.handle, blocks.handle, dst_layout, 1, &in);
	vkt_transition(cmd, &blocks, dst_layout, src_layout);
	vkCmdCopyImageToBuffer(cmd, blocks.handle, src_layout, to.handle, 1, &out);
	vkCmdCopyImage(cmd, blocks.handle, src_layout, plain.handle, dst_layout, 1, &across);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "to", &to);
	vkt_put_image(t, "plain", &plain, dst_layout);
}

static void blit(struct vkt *t)
{
	struct vkt_image from = create_known(
		t,
		(struct vkt_image_spec){ .format = rgba8, .width = 32, .height = 32, .layers = 2 },
		11, src_layout);
	struct vkt_image to =
		create_known(t,
			     (struct vkt_image_spec){ .format = VK_FORMAT_B8G8R8A8_UNORM,
						      .width = 48,
						      .height = 40,
						      .layers = 2 },
			     12, dst_layout);
	const VkImageBlit regions[] = {
		/* Larger; smaller and mirrored; another layer. */
		{ color_layers(0, 0, 1),
		  { { 0, 0, 0 }, { 16, 16, 1 } },
		  color_layers(0, 0, 1),
		  { { 0, 0, 0 }, { 48, 20, 1 } } },
		{ color_layers(0, 1, 1),
		  { { 4, 4, 0 }, { 30, 28, 1 } },
		  color_layers(0, 0, 1),
		  { { 20, 40, 0 }, { 2, 22, 1 } } },
		{ color_layers(0, 0, 2),
		  { { 0, 0, 0 }, { 32, 32, 1 } },
		  color_layers(0, 0, 2),
		  { { 40, 30, 0 }, { 48, 38, 1 } } },
	};
	const VkFilter filters[] = { VK_FILTER_NEAREST, VK_FILTER_LINEAR };

	for (size_t i = 0; i < VKT_COUNT(filters); i++) {
		VkCommandBuffer cmd = vkt_begin(t);
		vkCmdBlitImage(cmd, from.handle, src_layout, to.handle, dst_layout, 3, regions,
			       filters[i]);
		vkt_end_and_run(t, cmd);
		vkt_put_image(t, "to", &to, dst_layout);
	}
}

/* Every level from the one above it. */
static void mip_chain(struct vkt *t)
{
	struct vkt_image image = create_known(
		t,
		(struct vkt_image_spec){
			.format = rgba8, .width = 64, .height = 32, .levels = 7, .layers = 2 },
		13, VK_IMAGE_LAYOUT_GENERAL);
	VkCommandBuffer cmd = vkt_begin(t);

	for (uint32_t level = 1; level < 7; level++) {
		const int32_t width = 64 >> level, height = 32 >> level;
		const VkImageBlit region = {
			color_layers(level - 1, 0, 2),
			{ { 0, 0, 0 }, { width * 2, height > 0 ? height * 2 : 1, 1 } },
			color_layers(level, 0, 2),
			{ { 0, 0, 0 }, { width, height > 0 ? height : 1, 1 } },
		};
		vkCmdBlitImage(cmd, image.handle, VK_IMAGE_LAYOUT_GENERAL, image.handle,
			       VK_IMAGE_LAYOUT_GENERAL, 1, &region, VK_FILTER_LINEAR);
		vkt_barrier(cmd);
	}
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "levels", &image, VK_IMAGE_LAYOUT_GENERAL);
}

static void blit_volume(struct vkt *t)
{
	struct vkt_image from = create_known(
		t,
		(struct vkt_image_spec){ .format = rgba8, .width = 16, .height = 16, .depth = 16 },
		14, src_layout);
	struct vkt_image to = create_known(
		t, (struct vkt_image_spec){ .format = rgba8, .width = 24, .height = 8, .depth = 4 },
		15, dst_layout);
	const VkImageBlit region = { color_layers(0, 0, 1),
				     { { 0, 0, 0 }, { 16, 16, 16 } },
				     color_layers(0, 0, 1),
				     { { 0, 0, 0 }, { 24, 8, 4 } } };
	VkCommandBuffer cmd = vkt_begin(t);

	vkCmdBlitImage(cmd, from.handle, src_layout, to.handle, dst_layout, 1, &region,
		       VK_FILTER_NEAREST);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "to", &to, dst_layout);
}

static void resolve(struct vkt *t)
{
	const VkClearColorValue color = { .float32 = { 0.3f, 0.6f, 0.9f, 1.0f } };
	struct vkt_image from = vkt_create_image(
		t, &(struct vkt_image_spec){ .format = rgba8,
					     .width = 32,
					     .height = 32,
					     .layers = 2,
					     .samples = VK_SAMPLE_COUNT_4_BIT,
					     .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT });
	struct vkt_image to = create_known(
		t,
		(struct vkt_image_spec){ .format = rgba8, .width = 32, .height = 32, .layers = 3 },
		16, dst_layout);
	const VkImageSubresourceRange range = vkt_whole(&from);
	const VkImageResolve regions[] = {
		{ color_layers(0, 0, 2),
		  { 0, 0, 0 },
		  color_layers(0, 1, 2),
		  { 4, 4, 0 },
		  { 20, 20, 1 } },
		{ color_layers(0, 1, 1),
		  { 8, 8, 0 },
		  color_layers(0, 0, 1),
		  { 0, 0, 0 },
		  { 1, 32 - 8, 1 } },
	};
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_transition(cmd, &from, VK_IMAGE_LAYOUT_UNDEFINED, dst_layout);
	vkCmdClearColorImage(cmd, from.handle, dst_layout, &color, 1, &range);
	vkt_transition(cmd, &from, dst_layout, src_layout);
	vkCmdResolveImage(cmd, from.handle, src_layout, to.handle, dst_layout, 2, regions);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "to", &to, dst_layout);
}

/* Images of one dimension. */
static void line_image(struct vkt *t)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_1D,
		.format = rgba8,
		.extent = { 100, 1, 1 },
		.mipLevels = 1,
		.arrayLayers = 3,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	struct vkt_image image = {
		.format = rgba8,
		.extent = info.extent,
		.layers = 3,
		.levels = 1,
		.aspect = VK_IMAGE_ASPECT_COLOR_BIT,
	};
	VkMemoryRequirements requirements;

	VKT_OK(vkCreateImage(t->device, &info, NULL, &image.handle));
	VKT_OWN(t, IMAGE, image.handle);
	vkGetImageMemoryRequirements(t->device, image.handle, &requirements);
	image.memory = vkt_allocate(t, &requirements, VKT_DEVICE, NULL);
	VKT_OK(vkBindImageMemory(t->device, image.handle, image.memory, 0));
	vkt_upload_pattern(t, &image, VK_IMAGE_LAYOUT_GENERAL, 17);
	vkt_put_image(t, "line", &image, VK_IMAGE_LAYOUT_GENERAL);
}

const struct vkt_case image_copy_cases[] = {
	{ "copy_image", copy_image, VKT_PLAIN },
	{ "copy_image_kinds", copy_image_kinds, 0 },
	{ "buffer_to_image", buffer_to_image, VKT_PLAIN },
	{ "image_to_buffer", image_to_buffer, VKT_PLAIN },
	{ "compressed_image", compressed_image, 0 },
	{ "blit", blit, VKT_PLAIN },
	{ "mip_chain", mip_chain, VKT_PLAIN },
	{ "blit_volume", blit_volume, VKT_PLAIN },
	{ "resolve", resolve, VKT_PLAIN },
	{ "line_image", line_image, VKT_PLAIN },
	{ NULL, NULL, 0 },
};
