/* SPDX-License-Identifier: MIT */
/* Render passes with their images and framebuffers. */
#include "vkt.h"

struct attachments {
	VkAttachmentDescription list[9];
	VkImageView views[9];
	uint32_t count;
	VkAttachmentReference colors[4], resolves[4], depth;
	uint32_t color_count;
};

static VkSampleCountFlagBits spec_samples(const struct vkt_target_spec *spec)
{
	return spec->samples != 0 ? spec->samples : VK_SAMPLE_COUNT_1_BIT;
}

static void add_attachment(struct attachments *attachments, VkFormat format,
			   VkSampleCountFlagBits samples, bool clear, VkImageLayout final)
{
	const VkAttachmentLoadOp load =
		clear ? VK_ATTACHMENT_LOAD_OP_CLEAR : VK_ATTACHMENT_LOAD_OP_DONT_CARE;

	attachments->list[attachments->count++] = (VkAttachmentDescription){
		.format = format,
		.samples = samples,
		.loadOp = load,
		.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
		.stencilLoadOp = load,
		.stencilStoreOp = VK_ATTACHMENT_STORE_OP_STORE,
		.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
		.finalLayout = final,
	};
}

/* Colours first, then what they resolve to, then depth. */
static void fill_attachments(const struct vkt_target_spec *spec, struct attachments *attachments)
{
	const VkSampleCountFlagBits samples = spec_samples(spec);
	const bool resolve = samples != VK_SAMPLE_COUNT_1_BIT;
	const VkImageLayout color_layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;

	*attachments = (struct attachments){ .count = 0 };
	for (uint32_t i = 0; i < 4 && spec->colors[i] != VK_FORMAT_UNDEFINED; i++) {
		attachments->colors[attachments->color_count++] =
			(VkAttachmentReference){ attachments->count, color_layout };
		add_attachment(attachments, spec->colors[i], samples, true,
			       resolve ? color_layout : VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
	}
	for (uint32_t i = 0; resolve && i < attachments->color_count; i++) {
		attachments->resolves[i] =
			(VkAttachmentReference){ attachments->count, color_layout };
		add_attachment(attachments, spec->colors[i], VK_SAMPLE_COUNT_1_BIT, false,
			       VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
	}
	attachments->depth = (VkAttachmentReference){ VK_ATTACHMENT_UNUSED, 0 };
	if (spec->depth != VK_FORMAT_UNDEFINED) {
		attachments->depth.attachment = attachments->count;
		attachments->depth.layout = VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL;
		add_attachment(attachments, spec->depth, samples, true, attachments->depth.layout);
	}
}

VkRenderPass vkt_create_render_pass(struct vkt *t, const struct vkt_target_spec *spec)
{
	struct attachments attachments;
	VkRenderPass render_pass;

	fill_attachments(spec, &attachments);
	const VkSubpassDescription subpass = {
		.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
		.colorAttachmentCount = attachments.color_count,
		.pColorAttachments = attachments.colors,
		.pResolveAttachments =
			spec_samples(spec) != VK_SAMPLE_COUNT_1_BIT ? attachments.resolves : NULL,
		.pDepthStencilAttachment = &attachments.depth,
	};
	/* Both ends are synchronized with everything: the tests read what the pass wrote. */
	const VkAccessFlags reads_and_writes =
		VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
	const VkSubpassDependency dependencies[] = {
		{ VK_SUBPASS_EXTERNAL, 0, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		  VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT, VK_ACCESS_MEMORY_WRITE_BIT, reads_and_writes,
		  0 },
		{ 0, VK_SUBPASS_EXTERNAL, VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT,
		  VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_ACCESS_MEMORY_WRITE_BIT, reads_and_writes,
		  0 },
	};
	const VkRenderPassMultiviewCreateInfo multiview = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_MULTIVIEW_CREATE_INFO,
		.subpassCount = 1,
		.pViewMasks = &spec->view_mask,
	};
	const VkRenderPassCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
		.pNext = spec->view_mask != 0 ? &multiview : NULL,
		.attachmentCount = attachments.count,
		.pAttachments = attachments.list,
		.subpassCount = 1,
		.pSubpasses = &subpass,
		.dependencyCount = 2,
		.pDependencies = dependencies,
	};
	VKT_OK(vkCreateRenderPass(t->device, &info, NULL, &render_pass));
	VKT_OWN(t, RENDER_PASS, render_pass);
	return render_pass;
}

static struct vkt_image create_attachment(struct vkt *t, const struct vkt_target_spec *spec,
					  VkFormat format, VkSampleCountFlagBits samples)
{
	return vkt_create_image(
		t, &(struct vkt_image_spec){
			   .format = format,
			   .width = spec->width,
			   .height = spec->height,
			   .layers = spec->layers,
			   .samples = samples,
			   .usage = vkt_format_aspect(format) == VK_IMAGE_ASPECT_COLOR_BIT
					    ? VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT
					    : VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
		   });
}

struct vkt_target vkt_create_target(struct vkt *t, const struct vkt_target_spec *spec)
{
	const VkSampleCountFlagBits samples = spec_samples(spec);
	struct vkt_target target = { .extent = { spec->width, spec->height } };
	VkImageView views[9];
	uint32_t count = 0;

	target.render_pass = vkt_create_render_pass(t, spec);
	while (target.color_count < 4 && spec->colors[target.color_count] != VK_FORMAT_UNDEFINED) {
		target.color_count++;
	}
	if (samples != VK_SAMPLE_COUNT_1_BIT) {
		for (uint32_t i = 0; i < target.color_count; i++) {
			target.multisampled[i] =
				create_attachment(t, spec, spec->colors[i], samples);
			views[count++] = target.multisampled[i].view;
		}
	}
	for (uint32_t i = 0; i < target.color_count; i++) {
		target.colors[i] =
			create_attachment(t, spec, spec->colors[i], VK_SAMPLE_COUNT_1_BIT);
		views[count++] = target.colors[i].view;
	}
	if (spec->depth != VK_FORMAT_UNDEFINED) {
		target.depth = create_attachment(t, spec, spec->depth, samples);
		views[count++] = target.depth.view;
	}

	const VkFramebufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
		.renderPass = target.render_pass,
		.attachmentCount = count,
		.pAttachments = views,
		.width = spec->width,
		.height = spec->height,
		.layers = spec->view_mask == 0 && spec->layers > 0 ? spec->layers : 1,
	};
	VKT_OK(vkCreateFramebuffer(t->device, &info, NULL, &target.framebuffer));
	VKT_OWN(t, FRAMEBUFFER, target.framebuffer);
	return target;
}

void vkt_begin_target(VkCommandBuffer cmd, const struct vkt_target *target,
		      VkSubpassContents contents)
{
	VkClearValue clears[9] = { 0 };
	uint32_t count = 0;

	for (uint32_t i = 0; i < target->color_count; i++, count++) {
		clears[count].color = (VkClearColorValue){ .float32 = { 0.1f, 0.2f, 0.3f, 1.0f } };
	}
	if (target->multisampled[0].handle != VK_NULL_HANDLE) {
		count += target->color_count;
	}
	if (target->depth.handle != VK_NULL_HANDLE) {
		clears[count++].depthStencil = (VkClearDepthStencilValue){ 1.0f, 0 };
	}
	const VkRenderPassBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
		.renderPass = target->render_pass,
		.framebuffer = target->framebuffer,
		.renderArea = { .extent = target->extent },
		.clearValueCount = count,
		.pClearValues = clears,
	};
	vkCmdBeginRenderPass(cmd, &info, contents);
}

void vkt_put_target(struct vkt *t, const char *label, const struct vkt_target *target)
{
	for (uint32_t i = 0; i < target->color_count; i++) {
		vkt_put_image(t, label, &target->colors[i], VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
	}
}

struct vkt_target vkt_create_plain_target(struct vkt *t)
{
	return vkt_create_target(t, &(struct vkt_target_spec){
					    .width = 64,
					    .height = 64,
					    .colors = { VK_FORMAT_R8G8B8A8_UNORM },
				    });
}
