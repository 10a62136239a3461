/* SPDX-License-Identifier: MIT */
/* Render passes, subpasses, dynamic rendering and secondary command buffers. */
#include "cases.h"

#include "color_frag.h"
#include "full_vert.h"
#include "quad_vert.h"
#include "subpass_frag.h"
#include "tint_frag.h"
#include "triangle_vert.h"
#include "view_vert.h"

#include <string.h>

static const VkFormat rgba8 = VK_FORMAT_R8G8B8A8_UNORM;

static struct vkt_pipeline_spec triangle_spec(struct vkt *t)
{
	return (struct vkt_pipeline_spec){
		.vert = VKT_CODE(triangle_vert),
		.frag = VKT_CODE(color_frag),
		.layout = vkt_create_layout(t, VK_NULL_HANDLE, 0),
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.color_count = 1,
		.extent = { 64, 64 },
	};
}

static struct vkt_image create_color(struct vkt *t, VkSampleCountFlagBits samples,
				     VkImageUsageFlags more)
{
	return vkt_create_image(t, &(struct vkt_image_spec){
					   .format = rgba8,
					   .width = 64,
					   .height = 64,
					   .samples = samples,
					   .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | more,
				   });
}

/* The first subpass draws two colours, the second reads both and writes a third. */
static VkRenderPass create_two_subpasses(struct vkt *t)
{
	VkAttachmentDescription attachments[3];
	const VkAttachmentReference written[] = {
		{ 0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL },
		{ 1, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL },
	};
	const VkAttachmentReference read[] = {
		{ 0, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL },
		{ 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL },
	};
	const VkAttachmentReference result = { 2, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL };
	const VkSubpassDescription subpasses[] = {
		{ .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
		  .colorAttachmentCount = 2,
		  .pColorAttachments = written },
		{ .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
		  .inputAttachmentCount = 2,
		  .pInputAttachments = read,
		  .colorAttachmentCount = 1,
		  .pColorAttachments = &result },
	};
	const VkSubpassDependency dependencies[] = {
		{ 0, 1, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
		  VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT, VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
		  VK_ACCESS_INPUT_ATTACHMENT_READ_BIT, VK_DEPENDENCY_BY_REGION_BIT },
		{ 1, VK_SUBPASS_EXTERNAL, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
		  VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
		  VK_ACCESS_TRANSFER_READ_BIT, 0 },
	};
	const VkRenderPassCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
		.attachmentCount = 3,
		.pAttachments = attachments,
		.subpassCount = 2,
		.pSubpasses = subpasses,
		.dependencyCount = 2,
		.pDependencies = dependencies,
	};
	VkRenderPass render_pass;

	for (uint32_t i = 0; i < 3; i++) {
		attachments[i] = (VkAttachmentDescription){
			.format = rgba8,
			.samples = VK_SAMPLE_COUNT_1_BIT,
			.loadOp = i < 2 ? VK_ATTACHMENT_LOAD_OP_CLEAR
					: VK_ATTACHMENT_LOAD_OP_DONT_CARE,
			.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
			.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
			.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
			.finalLayout = i < 2 ? VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL
					     : VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
		};
	}
	VKT_OK(vkCreateRenderPass(t->device, &info, NULL, &render_pass));
	VKT_OWN(t, RENDER_PASS, render_pass);
	return render_pass;
}

static void begin_pass(VkCommandBuffer cmd, VkRenderPass render_pass, VkFramebuffer framebuffer,
		       uint32_t clear_count, VkSubpassContents contents)
{
	const VkClearValue clears[] = { { .color.float32 = { 0.1f, 0.3f, 0.5f, 1.0f } },
					{ .color.float32 = { 0.9f, 0.6f, 0.3f, 0.0f } } };
	const VkRenderPassBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
		.renderPass = render_pass,
		.framebuffer = framebuffer,
		.renderArea = { .extent = { 64, 64 } },
		.clearValueCount = clear_count,
		.pClearValues = clears,
	};

	vkCmdBeginRenderPass(cmd, &info, contents);
}

static VkFramebuffer create_framebuffer(struct vkt *t, VkRenderPass render_pass,
					const VkImageView *views, uint32_t count)
{
	const VkFramebufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
		.renderPass = render_pass,
		.attachmentCount = count,
		.pAttachments = views,
		.width = 64,
		.height = 64,
		.layers = 1,
	};
	VkFramebuffer framebuffer;

	VKT_OK(vkCreateFramebuffer(t->device, &info, NULL, &framebuffer));
	VKT_OWN(t, FRAMEBUFFER, framebuffer);
	return framebuffer;
}

static void input_attachments(struct vkt *t)
{
	const VkDescriptorType type = VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
	const VkDescriptorType types[] = { type, type };
	VkRenderPass render_pass = create_two_subpasses(t);
	struct vkt_image images[3];
	VkImageView views[3];

	for (int i = 0; i < 3; i++) {
		images[i] = create_color(t, 0, VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT);
		views[i] = images[i].view;
	}
	VkFramebuffer framebuffer = create_framebuffer(t, render_pass, views, 3);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, types, 2, 0);
	VkDescriptorSet set = vkt_create_set(t, set_layout, types, 2);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	struct vkt_pipeline_spec spec = triangle_spec(t);
	const VkPipelineColorBlendAttachmentState blend[] = { { .colorWriteMask = 0xf },
							      { .colorWriteMask = 0 } };

	for (uint32_t i = 0; i < 2; i++) {
		vkt_set_image(t, set, i, type, views[i], VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
			      VK_NULL_HANDLE);
	}
	spec.render_pass = render_pass;
	spec.color_count = 2;
	spec.blend = blend;
	VkPipeline first = vkt_create_graphics(t, &spec);
	spec = (struct vkt_pipeline_spec){
		.vert = VKT_CODE(full_vert),
		.frag = VKT_CODE(subpass_frag),
		.layout = layout,
		.render_pass = render_pass,
		.subpass = 1,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.color_count = 1,
		.extent = { 64, 64 },
	};
	VkPipeline second = vkt_create_graphics(t, &spec);

	VkCommandBuffer cmd = vkt_begin(t);
	begin_pass(cmd, render_pass, framebuffer, 2, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, first);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdNextSubpass(cmd, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, second);
	vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, layout, 0, 1, &set, 0, NULL);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "result", &images[2], VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
}

static const VkPipelineRenderingCreateInfo dynamic_info = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
	.colorAttachmentCount = 1,
	.pColorAttachmentFormats = &rgba8,
};

static void begin_rendering(VkCommandBuffer cmd, const struct vkt_image *color,
			    const struct vkt_image *resolve, VkAttachmentLoadOp load,
			    VkRenderingFlags flags)
{
	const VkRenderingAttachmentInfo attachment = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
		.imageView = color->view,
		.imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
		.resolveMode = resolve != NULL ? VK_RESOLVE_MODE_AVERAGE_BIT : VK_RESOLVE_MODE_NONE,
		.resolveImageView = resolve != NULL ? resolve->view : VK_NULL_HANDLE,
		.resolveImageLayout = resolve != NULL ? VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL
						      : VK_IMAGE_LAYOUT_UNDEFINED,
		.loadOp = load,
		.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
		.clearValue.color.float32 = { 0.2f, 0.4f, 0.1f, 1.0f },
	};
	const VkRenderingInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
		.flags = flags,
		.renderArea = { .extent = { 64, 64 } },
		.layerCount = 1,
		.colorAttachmentCount = 1,
		.pColorAttachments = &attachment,
	};

	vkCmdBeginRendering(cmd, &info);
}

static void dynamic_rendering(struct vkt *t)
{
	const VkImageLayout layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
	struct vkt_image color = create_color(t, 0, 0);
	struct vkt_pipeline_spec spec = triangle_spec(t);
	VkCommandBuffer cmd = vkt_begin(t);

	spec.rendering = &dynamic_info;
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	vkt_transition(cmd, &color, VK_IMAGE_LAYOUT_UNDEFINED, layout);
	begin_rendering(cmd, &color, NULL, VK_ATTACHMENT_LOAD_OP_CLEAR, 0);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRendering(cmd);
	vkt_barrier(cmd);
	/* Continue on top of what is there, and leave the pass open for another. */
	begin_rendering(cmd, &color, NULL, VK_ATTACHMENT_LOAD_OP_LOAD, VK_RENDERING_SUSPENDING_BIT);
	vkCmdDraw(cmd, 3, 1, 1, 0);
	vkCmdEndRendering(cmd);
	begin_rendering(cmd, &color, NULL, VK_ATTACHMENT_LOAD_OP_LOAD, VK_RENDERING_RESUMING_BIT);
	vkCmdDraw(cmd, 3, 1, 2, 0);
	vkCmdEndRendering(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "color", &color, layout);
}

static void dynamic_resolve(struct vkt *t)
{
	const VkImageLayout layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
	struct vkt_image color = create_color(t, VK_SAMPLE_COUNT_4_BIT, 0);
	struct vkt_image resolve = create_color(t, 0, 0);
	struct vkt_pipeline_spec spec = triangle_spec(t);
	VkCommandBuffer cmd = vkt_begin(t);

	spec.rendering = &dynamic_info;
	spec.samples = VK_SAMPLE_COUNT_4_BIT;
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	vkt_transition(cmd, &color, VK_IMAGE_LAYOUT_UNDEFINED, layout);
	vkt_transition(cmd, &resolve, VK_IMAGE_LAYOUT_UNDEFINED, layout);
	begin_rendering(cmd, &color, &resolve, VK_ATTACHMENT_LOAD_OP_CLEAR, 0);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRendering(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "resolved", &resolve, layout);
}

/* A secondary command buffer that draws, either within a render pass or dynamic rendering. */
static VkCommandBuffer record_secondary(struct vkt *t, VkRenderPass render_pass,
					VkPipeline pipeline, uint32_t first_vertex)
{
	const VkCommandBufferInheritanceRenderingInfo rendering = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_RENDERING_INFO,
		.colorAttachmentCount = 1,
		.pColorAttachmentFormats = &rgba8,
		.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
	};
	const VkCommandBufferInheritanceInfo inheritance = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
		.pNext = render_pass == VK_NULL_HANDLE ? &rendering : NULL,
		.renderPass = render_pass,
	};
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT |
			 VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
		.pInheritanceInfo = &inheritance,
	};
	VkCommandBuffer cmd = vkt_allocate_command_buffer(t, VK_COMMAND_BUFFER_LEVEL_SECONDARY);

	VKT_OK(vkBeginCommandBuffer(cmd, &info));
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdDraw(cmd, 3, 1, first_vertex, 0);
	VKT_OK(vkEndCommandBuffer(cmd));
	return cmd;
}

/* A secondary command buffer outside of passes: it fills a buffer. */
static VkCommandBuffer record_fill(struct vkt *t, const struct vkt_buffer *buffer)
{
	const VkCommandBufferInheritanceInfo inheritance = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
	};
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.pInheritanceInfo = &inheritance,
	};
	VkCommandBuffer cmd = vkt_allocate_command_buffer(t, VK_COMMAND_BUFFER_LEVEL_SECONDARY);

	VKT_OK(vkBeginCommandBuffer(cmd, &info));
	vkCmdFillBuffer(cmd, buffer->handle, 64, 128, 0xabcdef01);
	VKT_OK(vkEndCommandBuffer(cmd));
	return cmd;
}

static void secondary(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_buffer filled = vkt_create_buffer(t, 256, 0, VKT_HOST);
	struct vkt_pipeline_spec spec = triangle_spec(t);
	VkCommandBuffer cmd = vkt_begin(t);

	memset(filled.map, 0, filled.size);
	spec.render_pass = target.render_pass;
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	const VkCommandBuffer list[] = {
		record_secondary(t, target.render_pass, pipeline, 0),
		record_secondary(t, target.render_pass, pipeline, 1),
	};
	VkCommandBuffer fill = record_fill(t, &filled);

	vkCmdExecuteCommands(cmd, 1, &fill);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_SECONDARY_COMMAND_BUFFERS);
	vkCmdExecuteCommands(cmd, 2, list);
	vkCmdExecuteCommands(cmd, 1, &list[0]);
	vkCmdEndRenderPass(cmd);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", &target);
	vkt_put_buffer(t, "filled", &filled);
}

static void secondary_dynamic(struct vkt *t)
{
	const VkImageLayout layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
	struct vkt_image color = create_color(t, 0, 0);
	struct vkt_pipeline_spec spec = triangle_spec(t);
	VkCommandBuffer cmd = vkt_begin(t);

	spec.rendering = &dynamic_info;
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer inner = record_secondary(t, VK_NULL_HANDLE, pipeline, 0);
	vkt_transition(cmd, &color, VK_IMAGE_LAYOUT_UNDEFINED, layout);
	begin_rendering(cmd, &color, NULL, VK_ATTACHMENT_LOAD_OP_CLEAR,
			VK_RENDERING_CONTENTS_SECONDARY_COMMAND_BUFFERS_BIT);
	vkCmdExecuteCommands(cmd, 1, &inner);
	vkCmdEndRendering(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "color", &color, layout);
}

static VkFramebuffer create_imageless(struct vkt *t, VkRenderPass render_pass)
{
	const VkFramebufferAttachmentImageInfo image_info = {
		.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_ATTACHMENT_IMAGE_INFO,
		.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
			 VK_IMAGE_USAGE_TRANSFER_DST_BIT,
		.width = 64,
		.height = 64,
		.layerCount = 1,
		.viewFormatCount = 1,
		.pViewFormats = &rgba8,
	};
	const VkFramebufferAttachmentsCreateInfo attachments = {
		.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_ATTACHMENTS_CREATE_INFO,
		.attachmentImageInfoCount = 1,
		.pAttachmentImageInfos = &image_info,
	};
	const VkFramebufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
		.pNext = &attachments,
		.flags = VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT,
		.renderPass = render_pass,
		.attachmentCount = 1,
		/* Ignored for this kind: must not be read. */
		.pAttachments =
			t->messenger == VK_NULL_HANDLE ? (const VkImageView *)(uintptr_t)16 : NULL,
		.width = 64,
		.height = 64,
		.layers = 1,
	};
	VkFramebuffer framebuffer;

	VKT_OK(vkCreateFramebuffer(t->device, &info, NULL, &framebuffer));
	VKT_OWN(t, FRAMEBUFFER, framebuffer);
	return framebuffer;
}

static void imageless_framebuffer(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);

	vkt_require(t->features->v12.imagelessFramebuffer, "imagelessFramebuffer");
	VkFramebuffer framebuffer = create_imageless(t, target.render_pass);
	const VkRenderPassAttachmentBeginInfo views = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_ATTACHMENT_BEGIN_INFO,
		.attachmentCount = 1,
		.pAttachments = &target.colors[0].view,
	};
	const VkClearValue clear = { .color.float32 = { 0.7f, 0.1f, 0.2f, 1.0f } };
	const VkRenderPassBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
		.pNext = &views,
		.renderPass = target.render_pass,
		.framebuffer = framebuffer,
		.renderArea = { .extent = { 64, 64 } },
		.clearValueCount = 1,
		.pClearValues = &clear,
	};
	struct vkt_pipeline_spec spec = triangle_spec(t);
	VkCommandBuffer cmd = vkt_begin(t);

	spec.render_pass = target.render_pass;
	vkCmdBeginRenderPass(cmd, &begin, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", &target);
}

/* vkCreateRenderPass2 with a depth resolve, begun and ended by the newer commands. */
static VkRenderPass create_render_pass2(struct vkt *t)
{
	const VkImageLayout depth_layout = VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL;
	VkAttachmentDescription2 attachments[2];
	const VkAttachmentReference2 references[] = {
		{ .sType = VK_STRUCTURE_TYPE_ATTACHMENT_REFERENCE_2,
		  .attachment = 0,
		  .layout = depth_layout,
		  .aspectMask = VK_IMAGE_ASPECT_DEPTH_BIT },
		{ .sType = VK_STRUCTURE_TYPE_ATTACHMENT_REFERENCE_2,
		  .attachment = 1,
		  .layout = depth_layout,
		  .aspectMask = VK_IMAGE_ASPECT_DEPTH_BIT },
	};
	const VkSubpassDescriptionDepthStencilResolve resolve = {
		.sType = VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_DEPTH_STENCIL_RESOLVE,
		.depthResolveMode = VK_RESOLVE_MODE_SAMPLE_ZERO_BIT,
		.stencilResolveMode = VK_RESOLVE_MODE_SAMPLE_ZERO_BIT,
		.pDepthStencilResolveAttachment = &references[1],
	};
	const VkSubpassDescription2 subpass = {
		.sType = VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_2,
		.pNext = &resolve,
		.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
		.pDepthStencilAttachment = &references[0],
	};
	const VkRenderPassCreateInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO_2,
		.attachmentCount = 2,
		.pAttachments = attachments,
		.subpassCount = 1,
		.pSubpasses = &subpass,
	};
	VkRenderPass render_pass;

	for (int i = 0; i < 2; i++) {
		attachments[i] = (VkAttachmentDescription2){
			.sType = VK_STRUCTURE_TYPE_ATTACHMENT_DESCRIPTION_2,
			.format = VK_FORMAT_D16_UNORM,
			.samples = i == 0 ? VK_SAMPLE_COUNT_4_BIT : VK_SAMPLE_COUNT_1_BIT,
			.loadOp = i == 0 ? VK_ATTACHMENT_LOAD_OP_CLEAR
					 : VK_ATTACHMENT_LOAD_OP_DONT_CARE,
			.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
			.finalLayout = depth_layout,
		};
	}
	VKT_OK(vkCreateRenderPass2(t->device, &info, NULL, &render_pass));
	VKT_OWN(t, RENDER_PASS, render_pass);
	return render_pass;
}

static void depth_resolve(struct vkt *t)
{
	const VkSubpassBeginInfo subpass_begin = {
		.sType = VK_STRUCTURE_TYPE_SUBPASS_BEGIN_INFO,
		.contents = VK_SUBPASS_CONTENTS_INLINE,
	};
	const VkSubpassEndInfo subpass_end = { .sType = VK_STRUCTURE_TYPE_SUBPASS_END_INFO };
	const VkPipelineDepthStencilStateCreateInfo write_depth = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthTestEnable = VK_TRUE,
		.depthWriteEnable = VK_TRUE,
		.depthCompareOp = VK_COMPARE_OP_ALWAYS,
	};
	const VkClearValue clears[] = { { .depthStencil = { 0.75f, 0 } }, { { { 0 } } } };
	VkRenderPass render_pass = create_render_pass2(t);
	struct vkt_image images[2];
	VkImageView views[2];
	VkCommandBuffer cmd = vkt_begin(t);

	for (int i = 0; i < 2; i++) {
		images[i] = vkt_create_image(
			t, &(struct vkt_image_spec){
				   .format = VK_FORMAT_D16_UNORM,
				   .width = 64,
				   .height = 64,
				   .samples = i == 0 ? VK_SAMPLE_COUNT_4_BIT : 0,
				   .usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT });
		views[i] = images[i].view;
	}
	struct vkt_pipeline_spec spec = triangle_spec(t);
	spec.frag = (struct vkt_code){ NULL, 0 };
	spec.render_pass = render_pass;
	spec.color_count = 0;
	spec.samples = VK_SAMPLE_COUNT_4_BIT;
	spec.depth = &write_depth;
	const VkRenderPassBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
		.renderPass = render_pass,
		.framebuffer = create_framebuffer(t, render_pass, views, 2),
		.renderArea = { .extent = { 64, 64 } },
		.clearValueCount = 2,
		.pClearValues = clears,
	};
	vkCmdBeginRenderPass2(cmd, &begin, &subpass_begin);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass2(cmd, &subpass_end);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "resolved", &images[1], VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL);
}

static void multiview(struct vkt *t)
{
	struct vkt_target target = vkt_create_target(t, &(struct vkt_target_spec){
								.width = 64,
								.height = 32,
								.colors = { rgba8 },
								.layers = 2,
								.view_mask = 3,
							});
	struct vkt_pipeline_spec spec = triangle_spec(t);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->v11.multiview, "multiview");
	spec.vert = VKT_CODE(view_vert);
	spec.render_pass = target.render_pass;
	spec.extent = target.extent;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "views", &target);
}

static void clear_attachments(struct vkt *t)
{
	struct vkt_target target =
		vkt_create_target(t, &(struct vkt_target_spec){
					     .width = 64,
					     .height = 64,
					     .colors = { rgba8, VK_FORMAT_R32_UINT },
					     .depth = VK_FORMAT_D16_UNORM,
				     });
	const VkClearAttachment attachments[] = {
		{ VK_IMAGE_ASPECT_COLOR_BIT, 0, { .color.float32 = { 0.9f, 0.8f, 0.1f, 0.5f } } },
		{ VK_IMAGE_ASPECT_COLOR_BIT, 1, { .color.uint32 = { 0x12345678 } } },
		{ VK_IMAGE_ASPECT_DEPTH_BIT, 0, { .depthStencil = { 0.25f, 0 } } },
	};
	const VkClearRect rects[] = {
		{ { { 4, 8 }, { 20, 10 } }, 0, 1 },
		{ { { 30, 30 }, { 34, 34 } }, 0, 1 },
	};
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdClearAttachments(cmd, 3, attachments, 2, rects);
	vkCmdClearAttachments(cmd, 1, attachments, 1,
			      &(VkClearRect){ { { 0, 60 }, { 64, 4 } }, 0, 1 });
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", &target);
	vkt_put_image(t, "depth", &target.depth, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL);
}

/* What vertex and fragment stages see of push constants that change between draws. */
static void push_constant_stages(struct vkt *t)
{
	const VkPushConstantRange ranges[] = {
		{ VK_SHADER_STAGE_VERTEX_BIT, 0, 36 },
		{ VK_SHADER_STAGE_FRAGMENT_BIT, 0, 36 },
	};
	const VkShaderStageFlags stages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
	const VkPipelineLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.pushConstantRangeCount = 2,
		.pPushConstantRanges = ranges,
	};
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = triangle_spec(t);
	VkCommandBuffer cmd = vkt_begin(t);
	float push[9] = { 1, 0, 0, 1, -1, -1, -0.5f, -0.5f, 0.5f };

	VKT_OK(vkCreatePipelineLayout(t->device, &layout_info, NULL, &spec.layout));
	VKT_OWN(t, PIPELINE_LAYOUT, spec.layout);
	spec.vert = VKT_CODE(quad_vert);
	spec.frag = VKT_CODE(tint_frag);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
	spec.render_pass = target.render_pass;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdPushConstants(cmd, spec.layout, stages, 0, 36, push);
	for (int i = 0; i < 6; i++) {
		const float rect[] = { -1.0f + 0.3f * (float)i, -1.0f + 0.2f * (float)i };
		const float green = 0.15f * (float)i;
		vkCmdPushConstants(cmd, spec.layout, stages, 4, 4, &green);
		vkCmdPushConstants(cmd, spec.layout, stages, 16, 8, rect);
		vkCmdDraw(cmd, 4, 1, 0, 0);
	}
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", &target);
}

const struct vkt_case pass_cases[] = {
	{ "input_attachments", input_attachments, 0 },
	{ "dynamic_rendering", dynamic_rendering, 0 },
	{ "dynamic_resolve", dynamic_resolve, 0 },
	{ "secondary", secondary, VKT_PLAIN },
	{ "secondary_dynamic", secondary_dynamic, 0 },
	{ "imageless_framebuffer", imageless_framebuffer, 0 },
	{ "depth_resolve", depth_resolve, 0 },
	{ "multiview", multiview, 0 },
	{ "clear_attachments", clear_attachments, VKT_PLAIN },
	{ "push_constant_stages", push_constant_stages, VKT_PLAIN },
	{ NULL, NULL, 0 },
};
