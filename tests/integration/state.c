/* SPDX-License-Identifier: MIT */
/* State that is set while recording, and pipelines that are made in unusual ways. */
#include "cases.h"

#include "color_frag.h"
#include "constant_frag.h"
#include "mesh_vert.h"
#include "quad_vert.h"
#include "tint_frag.h"
#include "triangle_vert.h"

#include <string.h>

struct quad {
	float tint[4];
	float rect[4];
	float depth;
};

static struct vkt_target create_depth_target(struct vkt *t)
{
	return vkt_create_target(t, &(struct vkt_target_spec){
					    .width = 64,
					    .height = 64,
					    .colors = { VK_FORMAT_R8G8B8A8_UNORM },
					    .depth = VK_FORMAT_D32_SFLOAT_S8_UINT,
				    });
}

static struct vkt_pipeline_spec quad_spec(struct vkt *t, const struct vkt_target *target,
					  const VkDynamicState *dynamic, uint32_t count)
{
	return (struct vkt_pipeline_spec){
		.vert = VKT_CODE(quad_vert),
		.frag = VKT_CODE(tint_frag),
		.layout = vkt_create_layout(t, VK_NULL_HANDLE, 36),
		.render_pass = target->render_pass,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
		.color_count = 1,
		.extent = target->extent,
		.dynamic = dynamic,
		.dynamic_count = count,
	};
}

static void draw_quad(VkCommandBuffer cmd, VkPipelineLayout layout, float x, float y, float depth)
{
	const struct quad quad = { { 0.5f + x / 2, 0.5f + y / 2, 1.0f - depth, 0.6f },
				   { x, y, x + 0.8f, y + 0.8f },
				   depth };

	vkCmdPushConstants(cmd, layout, VK_SHADER_STAGE_ALL, 0, 36, &quad);
	vkCmdDraw(cmd, 4, 1, 0, 0);
}

static void end_pass(struct vkt *t, VkCommandBuffer cmd, const struct vkt_target *target)
{
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", target);
	if (target->depth.handle != VK_NULL_HANDLE) {
		vkt_put_image(t, "depth", &target->depth,
			      VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL);
	}
}

/* The dynamic state of Vulkan 1.0. */
static void dynamic_state(struct vkt *t)
{
	const VkDynamicState dynamic[] = {
		VK_DYNAMIC_STATE_VIEWPORT,	     VK_DYNAMIC_STATE_SCISSOR,
		VK_DYNAMIC_STATE_BLEND_CONSTANTS,    VK_DYNAMIC_STATE_STENCIL_COMPARE_MASK,
		VK_DYNAMIC_STATE_STENCIL_WRITE_MASK, VK_DYNAMIC_STATE_STENCIL_REFERENCE,
		VK_DYNAMIC_STATE_DEPTH_BIAS,	     VK_DYNAMIC_STATE_LINE_WIDTH,
	};
	const VkPipelineColorBlendAttachmentState blend = {
		VK_TRUE,
		VK_BLEND_FACTOR_CONSTANT_COLOR,
		VK_BLEND_FACTOR_ONE,
		VK_BLEND_OP_ADD,
		VK_BLEND_FACTOR_ONE,
		VK_BLEND_FACTOR_ZERO,
		VK_BLEND_OP_ADD,
		0xf,
	};
	const VkStencilOpState replace = { VK_STENCIL_OP_KEEP, VK_STENCIL_OP_REPLACE,
					   VK_STENCIL_OP_KEEP, VK_COMPARE_OP_ALWAYS };
	const VkPipelineDepthStencilStateCreateInfo depth = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthTestEnable = VK_TRUE,
		.depthWriteEnable = VK_TRUE,
		.depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL,
		.stencilTestEnable = VK_TRUE,
		.front = replace,
		.back = replace,
	};
	struct vkt_target target = create_depth_target(t);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, dynamic, VKT_COUNT(dynamic));
	VkCommandBuffer cmd = vkt_begin(t);

	spec.blend = &blend;
	spec.depth = &depth;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdSetLineWidth(cmd, 1.0f);
	for (uint32_t i = 0; i < 4; i++) {
		const float step = (float)i;
		const VkViewport viewport = { step * 8, step * 4, 64 - step * 8, 64, 0, 1 };
		const VkRect2D scissor = { { (int32_t)i * 3, 2 }, { 40, 60 - i * 10 } };
		vkCmdSetViewport(cmd, 0, 1, &viewport);
		vkCmdSetScissor(cmd, 0, 1, &scissor);
		vkCmdSetBlendConstants(cmd, (float[]){ step * 0.3f, 1, 1 - step * 0.2f, 0 });
		vkCmdSetStencilCompareMask(cmd, VK_STENCIL_FACE_FRONT_AND_BACK, 0xff);
		vkCmdSetStencilWriteMask(cmd, VK_STENCIL_FACE_FRONT_AND_BACK, 0x0f << i);
		vkCmdSetStencilReference(cmd, VK_STENCIL_FACE_FRONT_BIT, 0x21 * i);
		vkCmdSetStencilReference(cmd, VK_STENCIL_FACE_BACK_BIT, 0x55);
		vkCmdSetDepthBias(cmd, step, 0, step);
		draw_quad(cmd, spec.layout, -0.9f + 0.3f * step, -0.7f, 0.4f);
	}
	end_pass(t, cmd, &target);
}

static void extended_dynamic_state(struct vkt *t)
{
	const VkDynamicState dynamic[] = {
		VK_DYNAMIC_STATE_CULL_MODE,
		VK_DYNAMIC_STATE_FRONT_FACE,
		VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY,
		VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT,
		VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT,
		VK_DYNAMIC_STATE_DEPTH_TEST_ENABLE,
		VK_DYNAMIC_STATE_DEPTH_WRITE_ENABLE,
		VK_DYNAMIC_STATE_DEPTH_COMPARE_OP,
		VK_DYNAMIC_STATE_STENCIL_TEST_ENABLE,
		VK_DYNAMIC_STATE_STENCIL_OP,
		VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE,
		VK_DYNAMIC_STATE_DEPTH_BIAS_ENABLE,
		VK_DYNAMIC_STATE_PRIMITIVE_RESTART_ENABLE,
	};
	struct vkt_target target = create_depth_target(t);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, dynamic, VKT_COUNT(dynamic));
	const VkViewport viewport = { 0, 0, 64, 64, 0, 1 };
	const VkRect2D scissor = { { 0, 0 }, { 64, 60 } };
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdSetViewportWithCount(cmd, 1, &viewport);
	vkCmdSetScissorWithCount(cmd, 1, &scissor);
	vkCmdSetPrimitiveRestartEnable(cmd, VK_FALSE);
	vkCmdSetDepthBiasEnable(cmd, VK_FALSE);
	vkCmdSetPrimitiveTopology(cmd, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP);
	for (uint32_t i = 0; i < 6; i++) {
		vkCmdSetCullMode(cmd, i == 1 ? VK_CULL_MODE_BACK_BIT : VK_CULL_MODE_NONE);
		vkCmdSetFrontFace(cmd, i % 2 ? VK_FRONT_FACE_CLOCKWISE
					     : VK_FRONT_FACE_COUNTER_CLOCKWISE);
		vkCmdSetDepthTestEnable(cmd, i != 3);
		vkCmdSetDepthWriteEnable(cmd, i != 4);
		vkCmdSetDepthCompareOp(cmd, i == 5 ? VK_COMPARE_OP_GREATER : VK_COMPARE_OP_LESS);
		vkCmdSetStencilTestEnable(cmd, i >= 2);
		vkCmdSetStencilOp(cmd, VK_STENCIL_FACE_FRONT_AND_BACK, VK_STENCIL_OP_KEEP,
				  VK_STENCIL_OP_INVERT, VK_STENCIL_OP_KEEP, VK_COMPARE_OP_ALWAYS);
		vkCmdSetRasterizerDiscardEnable(cmd, i == 2);
		draw_quad(cmd, spec.layout, -1.0f + 0.2f * (float)i, -0.9f + 0.15f * (float)i,
			  0.2f + 0.1f * (float)i);
	}
	end_pass(t, cmd, &target);
}

struct state3 {
	PFN_vkCmdSetPolygonModeEXT polygon_mode;
	PFN_vkCmdSetColorBlendEnableEXT blend_enable;
	PFN_vkCmdSetColorBlendEquationEXT blend_equation;
	PFN_vkCmdSetColorWriteMaskEXT write_mask;
	PFN_vkCmdSetDepthClampEnableEXT depth_clamp;
	PFN_vkCmdSetSampleMaskEXT sample_mask;
	PFN_vkCmdSetRasterizationSamplesEXT samples;
	PFN_vkCmdSetLogicOpEnableEXT logic_enable;
	PFN_vkCmdSetLogicOpEXT logic_op;
};

static struct state3 load_state3(struct vkt *t)
{
	return (struct state3){
		.polygon_mode = VKT_DEVICE_PROC(t, vkCmdSetPolygonModeEXT),
		.blend_enable = VKT_DEVICE_PROC(t, vkCmdSetColorBlendEnableEXT),
		.blend_equation = VKT_DEVICE_PROC(t, vkCmdSetColorBlendEquationEXT),
		.write_mask = VKT_DEVICE_PROC(t, vkCmdSetColorWriteMaskEXT),
		.depth_clamp = VKT_DEVICE_PROC(t, vkCmdSetDepthClampEnableEXT),
		.sample_mask = VKT_DEVICE_PROC(t, vkCmdSetSampleMaskEXT),
		.samples = VKT_DEVICE_PROC(t, vkCmdSetRasterizationSamplesEXT),
		.logic_enable = VKT_DEVICE_PROC(t, vkCmdSetLogicOpEnableEXT),
		.logic_op = VKT_DEVICE_PROC(t, vkCmdSetLogicOpEXT),
	};
}

static void extended_dynamic_state3(struct vkt *t)
{
	const VkDynamicState dynamic[] = {
		VK_DYNAMIC_STATE_POLYGON_MODE_EXT,
		VK_DYNAMIC_STATE_COLOR_BLEND_ENABLE_EXT,
		VK_DYNAMIC_STATE_COLOR_BLEND_EQUATION_EXT,
		VK_DYNAMIC_STATE_COLOR_WRITE_MASK_EXT,
		VK_DYNAMIC_STATE_DEPTH_CLAMP_ENABLE_EXT,
		VK_DYNAMIC_STATE_SAMPLE_MASK_EXT,
		VK_DYNAMIC_STATE_RASTERIZATION_SAMPLES_EXT,
		VK_DYNAMIC_STATE_LOGIC_OP_ENABLE_EXT,
		VK_DYNAMIC_STATE_LOGIC_OP_EXT,
	};
	const VkSampleMask mask = 0xffffffff;

	vkt_require(t->features->dynamic_state3.extendedDynamicState3PolygonMode &&
			    t->features->dynamic_state3.extendedDynamicState3ColorBlendEquation &&
			    t->features->dynamic_state2.extendedDynamicState2LogicOp,
		    "extendedDynamicState3");
	struct state3 set = load_state3(t);
	struct vkt_target target = create_depth_target(t);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, dynamic, VKT_COUNT(dynamic));
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	set.sample_mask(cmd, VK_SAMPLE_COUNT_1_BIT, &mask);
	set.samples(cmd, VK_SAMPLE_COUNT_1_BIT);
	for (uint32_t i = 0; i < 5; i++) {
		const VkBool32 enable = i % 2;
		const VkColorBlendEquationEXT equation = {
			VK_BLEND_FACTOR_SRC_ALPHA,
			VK_BLEND_FACTOR_ONE,
			i == 3 ? VK_BLEND_OP_SUBTRACT : VK_BLEND_OP_ADD,
			VK_BLEND_FACTOR_ONE,
			VK_BLEND_FACTOR_ZERO,
			VK_BLEND_OP_ADD,
		};
		const VkColorComponentFlags write_mask = i == 2 ? 0x5 : 0xf;
		set.polygon_mode(cmd, i == 1 ? VK_POLYGON_MODE_LINE : VK_POLYGON_MODE_FILL);
		set.blend_enable(cmd, 0, 1, &enable);
		set.blend_equation(cmd, 0, 1, &equation);
		set.write_mask(cmd, 0, 1, &write_mask);
		set.depth_clamp(cmd, i == 0);
		set.logic_enable(cmd, i == 4);
		set.logic_op(cmd, VK_LOGIC_OP_XOR);
		draw_quad(cmd, spec.layout, -1.0f + 0.25f * (float)i, -0.9f + 0.2f * (float)i,
			  i == 0 ? 1.5f : 0.5f);
	}
	end_pass(t, cmd, &target);
}

static void color_write_enable(struct vkt *t)
{
	const VkDynamicState dynamic[] = { VK_DYNAMIC_STATE_COLOR_WRITE_ENABLE_EXT };

	vkt_require(t->features->color_write.colorWriteEnable, "colorWriteEnable");
	PFN_vkCmdSetColorWriteEnableEXT set = VKT_DEVICE_PROC(t, vkCmdSetColorWriteEnableEXT);
	struct vkt_target target = create_depth_target(t);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, dynamic, 1);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	for (uint32_t i = 0; i < 4; i++) {
		const VkBool32 enable = i != 1;
		set(cmd, 1, &enable);
		draw_quad(cmd, spec.layout, -0.9f + 0.3f * (float)i, -0.3f, 0.1f);
	}
	end_pass(t, cmd, &target);
}

/* Vertex input that is set while recording. */
static void vertex_input_state(struct vkt *t)
{
	const VkDynamicState dynamic[] = { VK_DYNAMIC_STATE_VERTEX_INPUT_EXT };
	const float data[] = {
		-0.5f, -0.5f, 0.1f, 0.2f, 1.0f, 0.4f, 0.5f, -0.5f, 0.2f, 1.0f, 0.3f,
		0.2f,  0.0f,  0.7f, 0.3f, 0.1f, 0.1f, 0.9f, 0.1f,  0.2f, 0.0f, 0.8f
	};

	vkt_require(t->features->vertex_input.vertexInputDynamicState, "vertexInputDynamicState");
	PFN_vkCmdSetVertexInputEXT set = VKT_DEVICE_PROC(t, vkCmdSetVertexInputEXT);
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_buffer vertices =
		vkt_create_buffer(t, sizeof(data), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, VKT_HOST);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, dynamic, 1);
	VkCommandBuffer cmd = vkt_begin(t);

	memcpy(vertices.map, data, sizeof(data));
	spec.vert = VKT_CODE(mesh_vert);
	spec.frag = VKT_CODE(color_frag);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	for (uint32_t i = 0; i < 2; i++) {
		const VkVertexInputBindingDescription2EXT bindings[] = {
			{ VK_STRUCTURE_TYPE_VERTEX_INPUT_BINDING_DESCRIPTION_2_EXT, NULL, 0, 24,
			  VK_VERTEX_INPUT_RATE_VERTEX, 1 },
			{ VK_STRUCTURE_TYPE_VERTEX_INPUT_BINDING_DESCRIPTION_2_EXT, NULL, 1, 16,
			  VK_VERTEX_INPUT_RATE_INSTANCE, 1 },
		};
		const VkStructureType type =
			VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT;
		const VkVertexInputAttributeDescription2EXT attributes[] = {
			{ type, NULL, 0, 0, VK_FORMAT_R32G32_SFLOAT, i * 4 },
			{ type, NULL, 1, 0, VK_FORMAT_R32G32B32_SFLOAT, 12 - i * 4 },
			{ type, NULL, 2, 1, VK_FORMAT_R32G32B32A32_SFLOAT, 0 },
		};
		const VkBuffer buffers[] = { vertices.handle, vertices.handle };
		const VkDeviceSize offsets[] = { 0, 18 * 4 };
		set(cmd, 2, bindings, 3, attributes);
		vkCmdBindVertexBuffers2(cmd, 0, 2, buffers, offsets, NULL, NULL);
		vkCmdDraw(cmd, 3, 1, 0, 0);
	}
	end_pass(t, cmd, &target);
}

/* The stride comes with the buffers. */
static void dynamic_stride(struct vkt *t)
{
	const VkDynamicState dynamic[] = { VK_DYNAMIC_STATE_VERTEX_INPUT_BINDING_STRIDE };
	const VkVertexInputBindingDescription bindings[] = {
		{ 0, 0, VK_VERTEX_INPUT_RATE_VERTEX },
		{ 1, 0, VK_VERTEX_INPUT_RATE_INSTANCE },
	};
	const VkVertexInputAttributeDescription attributes[] = {
		{ 0, 0, VK_FORMAT_R32G32_SFLOAT, 0 },
		{ 1, 0, VK_FORMAT_R32G32B32_SFLOAT, 8 },
		{ 2, 1, VK_FORMAT_R32G32B32A32_SFLOAT, 0 },
	};
	const VkPipelineVertexInputStateCreateInfo input = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
		.vertexBindingDescriptionCount = 2,
		.pVertexBindingDescriptions = bindings,
		.vertexAttributeDescriptionCount = 3,
		.pVertexAttributeDescriptions = attributes,
	};
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_buffer vertices =
		vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, VKT_HOST);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, dynamic, 1);
	VkCommandBuffer cmd = vkt_begin(t);

	for (uint32_t i = 0; i < 256; i++) {
		/* Instances read from 128 on: where, how deep, how large. */
		((float *)vertices.map)[i] =
			i < 128 ? (float)(i * 37 % 64) / 32.0f - 1.0f : 0.125f * (float)(i % 4);
	}
	spec.vert = VKT_CODE(mesh_vert);
	spec.frag = VKT_CODE(color_frag);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	spec.vertex_input = &input;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	for (uint32_t i = 0; i < 3; i++) {
		const VkBuffer buffers[] = { vertices.handle, vertices.handle };
		const VkDeviceSize offsets[] = { i * 64, 512 }, sizes[] = { 512 - i * 64, 256 };
		const VkDeviceSize strides[] = { 20 + i * 4, 16 };
		vkCmdBindVertexBuffers2(cmd, 0, 2, buffers, offsets, sizes, strides);
		vkCmdDraw(cmd, 9, 1, 0, i);
	}
	end_pass(t, cmd, &target);
}

/* The state that the parts of a pipeline share between them. */
static const VkPipelineVertexInputStateCreateInfo no_input = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
};
static const VkPipelineInputAssemblyStateCreateInfo triangle_assembly = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
	.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
};
static const VkViewport whole_viewport = { 0, 0, 64, 64, 0, 1 };
static const VkRect2D whole_scissor = { { 0, 0 }, { 64, 64 } };
static const VkPipelineViewportStateCreateInfo whole_viewports = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
	.viewportCount = 1,
	.pViewports = &whole_viewport,
	.scissorCount = 1,
	.pScissors = &whole_scissor,
};
static const VkPipelineRasterizationStateCreateInfo plain_rasterization = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
	.lineWidth = 1,
};
static const VkPipelineMultisampleStateCreateInfo single_sample = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
	.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
};
static const VkPipelineDepthStencilStateCreateInfo no_depth = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
};
static const VkPipelineColorBlendAttachmentState replace_color = { .colorWriteMask = 0xf };
static const VkPipelineColorBlendStateCreateInfo replace_colors = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
	.attachmentCount = 1,
	.pAttachments = &replace_color,
};

/* One part of a pipeline; the others are given by other libraries. */
static VkPipeline create_part(struct vkt *t, const struct vkt_pipeline_spec *spec,
			      VkGraphicsPipelineLibraryFlagsEXT part)
{
	const VkGraphicsPipelineLibraryCreateInfoEXT library = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
		.flags = part,
	};
	const bool vertex = part == VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT;
	const bool fragment = part == VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT;
	const VkPipelineShaderStageCreateInfo stage = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
		.stage = vertex ? VK_SHADER_STAGE_VERTEX_BIT : VK_SHADER_STAGE_FRAGMENT_BIT,
		.module = vkt_create_shader(t, vertex ? spec->vert : spec->frag),
		.pName = "main",
	};
	const VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = &library,
		.flags = VK_PIPELINE_CREATE_LIBRARY_BIT_KHR,
		.stageCount = vertex || fragment ? 1 : 0,
		.pStages = &stage,
		.pVertexInputState = &no_input,
		.pInputAssemblyState = &triangle_assembly,
		.pViewportState = &whole_viewports,
		.pRasterizationState = &plain_rasterization,
		.pMultisampleState = &single_sample,
		.pDepthStencilState = &no_depth,
		.pColorBlendState = &replace_colors,
		.layout = vertex || fragment ? spec->layout : VK_NULL_HANDLE,
		.renderPass = spec->render_pass,
	};
	VkPipeline pipeline;

	VKT_OK(vkCreateGraphicsPipelines(t->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
	VKT_OWN(t, PIPELINE, pipeline);
	return pipeline;
}

static void pipeline_library(struct vkt *t)
{
	const VkGraphicsPipelineLibraryFlagsEXT parts[] = {
		VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT,
		VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT,
		VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT,
		VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT,
	};
	VkPipeline libraries[4], pipeline;

	vkt_require(t->features->pipeline_library.graphicsPipelineLibrary,
		    "graphicsPipelineLibrary");
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, NULL, 0);
	spec.vert = VKT_CODE(triangle_vert);
	spec.frag = VKT_CODE(color_frag);
	for (int i = 0; i < 4; i++) {
		libraries[i] = create_part(t, &spec, parts[i]);
	}
	const VkPipelineLibraryCreateInfoKHR linked = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
		.libraryCount = 4,
		.pLibraries = libraries,
	};
	const VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = &linked,
		.layout = spec.layout,
	};
	VKT_OK(vkCreateGraphicsPipelines(t->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
	VKT_OWN(t, PIPELINE, pipeline);

	VkCommandBuffer cmd = vkt_begin(t);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	end_pass(t, cmd, &target);
}

/* Pipelines with constants in the fragment stage only; a derivative of one of them. */
static void pipeline_constants(struct vkt *t)
{
	const VkSpecializationMapEntry entries[] = { { 0, 4, 4 }, { 1, 0, 4 } };
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, NULL, 0);
	VkCommandBuffer cmd = vkt_begin(t);

	spec.vert = VKT_CODE(triangle_vert);
	spec.frag = VKT_CODE(constant_frag);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	for (int32_t mode = 0; mode < 2; mode++) {
		const struct {
			int32_t mode;
			float red;
		} values = { mode, 0.5f };
		const VkSpecializationInfo constants = { 2, entries, sizeof(values), &values };
		spec.frag_constants = &constants;
		vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS,
				  vkt_create_graphics(t, &spec));
		vkCmdDraw(cmd, 3, 1, 0, 0);
	}
	end_pass(t, cmd, &target);
}

/* Several viewports; the lines of a wide, stippled rectangle. */
static void line_state(struct vkt *t)
{
	const VkDynamicState dynamic[] = { VK_DYNAMIC_STATE_LINE_STIPPLE_EXT,
					   VK_DYNAMIC_STATE_LINE_WIDTH };

	vkt_require(t->features->lines.stippledBresenhamLines, "stippledBresenhamLines");
	PFN_vkCmdSetLineStippleEXT set = VKT_DEVICE_PROC(t, vkCmdSetLineStippleEXT);
	const VkPipelineRasterizationLineStateCreateInfoEXT lines = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_LINE_STATE_CREATE_INFO_EXT,
		.lineRasterizationMode = VK_LINE_RASTERIZATION_MODE_BRESENHAM_EXT,
		.stippledLineEnable = VK_TRUE,
	};
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = quad_spec(t, &target, dynamic, 2);
	VkCommandBuffer cmd = vkt_begin(t);

	spec.topology = VK_PRIMITIVE_TOPOLOGY_LINE_STRIP;
	spec.rasterization_next = &lines;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdSetLineWidth(cmd, 1.0f);
	for (uint32_t i = 0; i < 4; i++) {
		set(cmd, i + 1, (uint16_t)(0x33cc << i));
		draw_quad(cmd, spec.layout, -0.9f + 0.2f * (float)i, -0.8f + 0.2f * (float)i, 0.2f);
	}
	end_pass(t, cmd, &target);
}

const struct vkt_case state_cases[] = {
	{ "dynamic_state", dynamic_state, 0 },
	{ "extended_dynamic_state", extended_dynamic_state, 0 },
	{ "extended_dynamic_state3", extended_dynamic_state3, 0 },
	{ "color_write_enable", color_write_enable, 0 },
	{ "vertex_input_state", vertex_input_state, 0 },
	{ "dynamic_stride", dynamic_stride, 0 },
	{ "pipeline_library", pipeline_library, 0 },
	{ "pipeline_constants", pipeline_constants, VKT_PLAIN },
	{ "line_state", line_state, 0 },
	{ NULL, NULL, 0 },
};
