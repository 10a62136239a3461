/* SPDX-License-Identifier: MIT */
/* Lies that are well-formed messages about pipelines of graphics: states and parts that they lack,
 * and what their draws need. */
#include "hostile.h"

#include "curve_tesc.h"
#include "curve_tese.h"
#include "triangle_vert.h"

#include <stdlib.h>
#include <string.h>

#define ALL_PARTS                                                         \
	(VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT |    \
	 VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT | \
	 VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT |           \
	 VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT)

/* A pipeline of vertices, or of tessellation, before it is made. */
struct draft {
	VkPipelineShaderStageCreateInfo stages[3];
	VkPipelineVertexInputStateCreateInfo input;
	VkPipelineInputAssemblyStateCreateInfo assembly;
	VkPipelineTessellationStateCreateInfo tessellation;
	VkViewport viewport;
	VkRect2D scissor;
	VkPipelineViewportStateCreateInfo viewports;
	VkPipelineRasterizationStateCreateInfo rasterization;
	VkPipelineMultisampleStateCreateInfo multisample;
	VkPipelineColorBlendStateCreateInfo blend;
	VkDynamicState dynamic_state;
	VkPipelineDynamicStateCreateInfo dynamic;
	VkFormat format;
	VkPipelineRenderingCreateInfo rendering;
	VkGraphicsPipelineCreateInfo info;
};

static void make_module(struct hostile *h, enum object object, const uint32_t *code, size_t size)
{
	const VkShaderModuleCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = size,
		.pCode = code,
	};
	VkShaderModule module = HANDLE(h, object, VkShaderModule);

	hostile_send(h, MESSAGE(h, vkCreateShaderModule, .device = device(h), .pCreateInfo = &info,
				.pShaderModule = &module));
}

static void add_stage(struct hostile *h, struct draft *draft, VkShaderStageFlagBits stage,
		      enum object module)
{
	draft->stages[draft->info.stageCount++] = (VkPipelineShaderStageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
		.stage = stage,
		.module = HANDLE(h, module, VkShaderModule),
		.pName = "main",
	};
}

/* The states of a pipeline that draws triangles to a texture of one color. */
static void set_states(struct draft *draft)
{
	draft->input.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO;
	draft->assembly.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO;
	draft->assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	draft->tessellation.sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO;
	draft->tessellation.patchControlPoints = 3;
	draft->viewport = (VkViewport){ 0, 0, 16, 16, 0, 1 };
	draft->scissor.extent = (VkExtent2D){ 16, 16 };
	draft->viewports.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO;
	draft->viewports.viewportCount = 1;
	draft->viewports.pViewports = &draft->viewport;
	draft->viewports.scissorCount = 1;
	draft->viewports.pScissors = &draft->scissor;
	draft->rasterization.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO;
	draft->rasterization.lineWidth = 1.0f;
	draft->multisample.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO;
	draft->multisample.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
	draft->blend.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO;
	draft->dynamic.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO;
	draft->dynamic.pDynamicStates = &draft->dynamic_state;
	draft->format = VK_FORMAT_R8G8B8A8_UNORM;
	draft->rendering.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO;
	draft->rendering.colorAttachmentCount = 1;
	draft->rendering.pColorAttachmentFormats = &draft->format;
}

static void start_draft(struct hostile *h, struct draft *draft)
{
	const VkPipelineLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
	};
	VkPipelineLayout layout = HANDLE(h, LAYOUT, VkPipelineLayout);

	*draft = (struct draft){ 0 };
	set_states(draft);
	draft->info = (VkGraphicsPipelineCreateInfo){
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = &draft->rendering,
		.pStages = draft->stages,
		.pVertexInputState = &draft->input,
		.pInputAssemblyState = &draft->assembly,
		.pTessellationState = &draft->tessellation,
		.pViewportState = &draft->viewports,
		.pRasterizationState = &draft->rasterization,
		.pMultisampleState = &draft->multisample,
		.pColorBlendState = &draft->blend,
		.pDynamicState = &draft->dynamic,
		.layout = layout,
	};
	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreatePipelineLayout, .device = device(h),
				.pCreateInfo = &layout_info, .pPipelineLayout = &layout));
	make_module(h, SHADER, triangle_vert, sizeof(triangle_vert));
	add_stage(h, draft, VK_SHADER_STAGE_VERTEX_BIT, SHADER);
}

static void add_tessellation(struct hostile *h, struct draft *draft)
{
	draft->assembly.topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;
	make_module(h, PASS, curve_tesc, sizeof(curve_tesc));
	make_module(h, FRAMEBUFFER, curve_tese, sizeof(curve_tese));
	add_stage(h, draft, VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT, PASS);
	add_stage(h, draft, VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, FRAMEBUFFER);
}

static void set_dynamic(struct draft *draft, VkDynamicState state)
{
	draft->dynamic_state = state;
	draft->dynamic.dynamicStateCount = 1;
}

static void create(struct hostile *h, const struct draft *draft, enum object object)
{
	VkPipeline pipeline = HANDLE(h, object, VkPipeline);

	hostile_send(h, MESSAGE(h, vkCreateGraphicsPipelines, .device = device(h),
				.createInfoCount = 1, .pCreateInfos = &draft->info,
				.pPipelines = &pipeline));
}

/* Without attachments. */
static struct message begin_message(struct hostile *h)
{
	const VkRenderingInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
		.renderArea.extent = { 16, 16 },
		.layerCount = 1,
	};

	return MESSAGE(h, vkCmdBeginRendering, .pRenderingInfo = &info);
}

static struct message bind_message(struct hostile *h, enum object pipeline)
{
	return MESSAGE(h, vkCmdBindPipeline, .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
		       .pipeline = HANDLE(h, pipeline, VkPipeline));
}

static struct message draw_message(struct hostile *h)
{
	return MESSAGE(h, vkCmdDraw, .vertexCount = 3, .instanceCount = 1);
}

static struct message end_message(struct hostile *h)
{
	return MESSAGE(h, vkCmdEndRendering, .commandBuffer = HANDLE(h, CMD, VkCommandBuffer));
}

/* Draw with the pipeline VIEW. */
static void draw(struct hostile *h)
{
	const struct message messages[] = { begin_message(h), bind_message(h, VIEW),
					    draw_message(h), end_message(h) };

	hostile_record_all(h, CMD, COUNT(messages), messages);
	hostile_submit(h, 1);
}

/* Draw with it what lies beyond the buffer. */
static void draw_beyond(struct hostile *h)
{
	const struct message messages[] = {
		begin_message(h),
		bind_message(h, VIEW),
		MESSAGE(h, vkCmdDrawIndirect, .buffer = HANDLE(h, BUFFER, VkBuffer),
			.drawCount = HOSTILE_BUFFER_SIZE / 16 + 1, .stride = 16),
		end_message(h),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

static void lie_indirect_beyond(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	create(h, &draft, VIEW);
	draw_beyond(h);
}

/* --- Patches of no control points --- */

static void lie_patches(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	draft.assembly.topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;
	create(h, &draft, VIEW);
	draw(h);
}

static void lie_dynamic_patches(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	set_dynamic(&draft, VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY);
	create(h, &draft, VIEW);
	const struct message messages[] = {
		begin_message(h),
		bind_message(h, VIEW),
		MESSAGE(h, vkCmdSetPrimitiveTopology,
			.primitiveTopology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST),
		draw_message(h),
		end_message(h),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
	hostile_submit(h, 1);
}

static void lie_no_points(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	add_tessellation(h, &draft);
	draft.tessellation.patchControlPoints = 0;
	create(h, &draft, VIEW);
	draw(h);
}

static void lie_points_not_set(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	add_tessellation(h, &draft);
	set_dynamic(&draft, VK_DYNAMIC_STATE_PATCH_CONTROL_POINTS_EXT);
	create(h, &draft, VIEW);
	draw(h);
}

static void make_secondary(struct hostile *h)
{
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = HANDLE(h, POOL, VkCommandPool),
		.level = VK_COMMAND_BUFFER_LEVEL_SECONDARY,
		.commandBufferCount = 1,
	};
	const VkCommandBufferInheritanceInfo inheritance = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.pInheritanceInfo = &inheritance,
	};
	VkCommandBuffer commands = HANDLE(h, SECOND, VkCommandBuffer);
	const struct message message = bind_message(h, IMAGE);
	uint8_t stream[256] = { 0 };
	const struct sl_wire_header header = {
		.size = (uint32_t)((sizeof(header) + message.size + 7) & ~7u),
		.command_id = message.command_id,
	};

	memcpy(stream, &header, sizeof(header));
	memcpy(stream + sizeof(header), message.payload, message.size);
	free(message.payload);
	hostile_send(h, MESSAGE(h, vkAllocateCommandBuffers, .device = device(h),
				.pAllocateInfo = &info, .pCommandBuffers = &commands));
	hostile_send(h,
		     MESSAGE(h, slRecordCommandBuffer, .commandBuffer = commands,
			     .pBeginInfo = &begin, .streamSize = header.size, .pStream = stream));
}

/* A pipeline that a secondary command buffer leaves behind. */
static void lie_points_left(struct hostile *h)
{
	const VkCommandBuffer secondary = HANDLE(h, SECOND, VkCommandBuffer);
	struct draft draft;

	start_draft(h, &draft);
	create(h, &draft, VIEW);
	add_tessellation(h, &draft);
	set_dynamic(&draft, VK_DYNAMIC_STATE_PATCH_CONTROL_POINTS_EXT);
	create(h, &draft, IMAGE);
	make_secondary(h);
	const struct message messages[] = {
		bind_message(h, VIEW),
		MESSAGE(h, vkCmdExecuteCommands, .commandBufferCount = 1,
			.pCommandBuffers = &secondary),
		begin_message(h),
		draw_message(h),
		end_message(h),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
	hostile_submit(h, 1);
}

/* --- States --- */

static void lie_viewports(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	draft.viewports.pViewports = NULL;
	create(h, &draft, VIEW);
}

static void lie_scissors(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	draft.viewports.pScissors = NULL;
	create(h, &draft, VIEW);
}

static void lie_blending(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	draft.blend.attachmentCount = 1;
	create(h, &draft, VIEW);
}

static void lie_formats(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	draft.rendering.pColorAttachmentFormats = NULL;
	create(h, &draft, VIEW);
}

static void lie_locations(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	set_dynamic(&draft, VK_DYNAMIC_STATE_SAMPLE_LOCATIONS_ENABLE_EXT);
	create(h, &draft, VIEW);
}

static void lie_no_layout(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	draft.info.layout = VK_NULL_HANDLE;
	create(h, &draft, VIEW);
	draw(h);
}

/* A driver looks for each of these and must find something. That can be drawn with; what cannot is
 * what follows. */
static void lie_no_states(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	add_tessellation(h, &draft);
	draft.info.pVertexInputState = NULL;
	draft.info.pInputAssemblyState = NULL;
	draft.info.pTessellationState = NULL;
	draft.info.pViewportState = NULL;
	draft.info.pRasterizationState = NULL;
	draft.info.pMultisampleState = NULL;
	draft.info.pColorBlendState = NULL;
	draft.rendering.depthAttachmentFormat = VK_FORMAT_D32_SFLOAT;
	create(h, &draft, VIEW);
	draw(h);
	draw_beyond(h);
}

/* --- Parts --- */

/* A library of some parts. */
static void create_library(struct hostile *h, struct draft *draft, enum object object,
			   VkGraphicsPipelineLibraryFlagsEXT parts)
{
	const VkGraphicsPipelineLibraryCreateInfoEXT part = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
		.pNext = &draft->rendering,
		.flags = parts,
	};

	draft->info.pNext = &part;
	draft->info.flags = VK_PIPELINE_CREATE_LIBRARY_BIT_KHR;
	create(h, draft, object);
	draft->info.pNext = &draft->rendering;
	draft->info.flags = 0;
}

/* Link the pipeline VIEW from IMAGE, count times, and draw with it. */
static void link_pipeline(struct hostile *h, struct draft *draft, uint32_t count)
{
	const VkPipeline pipelines[2] = { HANDLE(h, IMAGE, VkPipeline),
					  HANDLE(h, IMAGE, VkPipeline) };
	const VkPipelineLibraryCreateInfoKHR libraries = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
		.libraryCount = count,
		.pLibraries = pipelines,
	};

	draft->info.pNext = &libraries;
	create(h, draft, VIEW);
	draw(h);
}

static void lie_parts(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	create_library(h, &draft, IMAGE,
		       VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT);
	draft.info.stageCount = 0;
	link_pipeline(h, &draft, 1);
}

static void lie_no_input(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	create_library(h, &draft, IMAGE,
		       ALL_PARTS & ~VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT);
	draft.info.stageCount = 0;
	link_pipeline(h, &draft, 1);
}

/* A part that is none of a library. */
static void lie_part_alone(struct hostile *h)
{
	const VkGraphicsPipelineLibraryCreateInfoEXT part = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
		.flags = VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT,
	};
	struct draft draft;

	start_draft(h, &draft);
	draft.info.pNext = &part;
	create(h, &draft, VIEW);
	draw(h);
}

static void lie_part_without_vertices(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	draft.info.stageCount = 0;
	create_library(h, &draft, IMAGE,
		       VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT);
}

static void lie_parts_twice(struct hostile *h)
{
	struct draft draft;

	start_draft(h, &draft);
	create_library(h, &draft, IMAGE, ALL_PARTS);
	draft.info.stageCount = 0;
	link_pipeline(h, &draft, 2);
}

/* Stages of tessellation beside a library that has those before fragments, without. */
static void lie_linked_stages(struct hostile *h)
{
	const VkPipeline pipeline = HANDLE(h, IMAGE, VkPipeline);
	const VkPipelineLibraryCreateInfoKHR libraries = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
		.libraryCount = 1,
		.pLibraries = &pipeline,
	};
	const VkGraphicsPipelineLibraryCreateInfoEXT part = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
		.pNext = (void *)&libraries,
		.flags = VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT,
	};
	struct draft draft;

	start_draft(h, &draft);
	create_library(h, &draft, IMAGE,
		       ALL_PARTS & ~VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT);
	add_tessellation(h, &draft);
	draft.info.pNext = &part;
	create(h, &draft, VIEW);
}

/* A library of nothing, and a pipeline linked from no libraries: both are as Vulkan has it, and a
 * driver must not see that. */
static void lie_no_libraries(struct hostile *h)
{
	const VkPipelineLibraryCreateInfoKHR libraries = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
	};
	struct draft draft;

	start_draft(h, &draft);
	draft.rendering.pNext = &libraries;
	create(h, &draft, VIEW);
	draft.rendering.pNext = NULL;
	draft.info.flags = VK_PIPELINE_CREATE_LIBRARY_BIT_KHR;
	create(h, &draft, IMAGE);
	draw(h);
	draw_beyond(h);
}

const struct lie hostile_draw_lies[] = {
	{ "vkCmdDrawIndirect:no-libraries", lie_no_libraries },
	{ "vkCmdDrawIndirect:beyond", lie_indirect_beyond },
	{ "vkCmdDrawIndirect:no-states", lie_no_states },
	{ "vkCmdDraw:patches", lie_patches },
	{ "vkCmdDraw:dynamic-patches", lie_dynamic_patches },
	{ "vkCmdDraw:points-not-set", lie_points_not_set },
	{ "vkCmdDraw:points-left", lie_points_left },
	{ "vkCreateGraphicsPipelines:points", lie_no_points },
	{ "vkCreateGraphicsPipelines:viewports", lie_viewports },
	{ "vkCreateGraphicsPipelines:scissors", lie_scissors },
	{ "vkCreateGraphicsPipelines:blending", lie_blending },
	{ "vkCreateGraphicsPipelines:formats", lie_formats },
	{ "vkCreateGraphicsPipelines:locations", lie_locations },
	{ "vkCreateGraphicsPipelines:layout", lie_no_layout },
	{ "vkCreateGraphicsPipelines:parts", lie_parts },
	{ "vkCreateGraphicsPipelines:no-input", lie_no_input },
	{ "vkCreateGraphicsPipelines:part-alone", lie_part_alone },
	{ "vkCreateGraphicsPipelines:part-without-vertices", lie_part_without_vertices },
	{ "vkCreateGraphicsPipelines:parts-twice", lie_parts_twice },
	{ "vkCreateGraphicsPipelines:linked-stages", lie_linked_stages },
	{ NULL, NULL },
};
