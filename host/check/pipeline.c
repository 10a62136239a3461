/* SPDX-License-Identifier: MIT */
/* Pipelines: within the device's limits, which drivers have arrays for, and bound where they can
 * be used. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"

#define GRAPHICS_STAGES ((VkShaderStageFlags)VK_SHADER_STAGE_ALL_GRAPHICS)
#define TESSELLATION_STAGES                                             \
	((VkShaderStageFlags)VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT | \
	 VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT)

static VkShaderStageFlags stages_of(const VkGraphicsPipelineCreateInfo *info)
{
	VkShaderStageFlags stages = 0;

	for (uint32_t i = 0; info->pStages != NULL && i < info->stageCount; i++) {
		stages |= (VkShaderStageFlags)info->pStages[i].stage;
	}
	return stages;
}

/* A software driver takes for granted that there are vertices, and both stages of tessellation. */
static int check_stage_set(struct sl_check *check, const VkGraphicsPipelineCreateInfo *info)
{
	const VkPipelineLibraryCreateInfoKHR *libraries = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
	VkShaderStageFlags stages = stages_of(info);
	VkShaderStageFlags tessellation = stages & TESSELLATION_STAGES;
	bool is_complete = (info->flags & VK_PIPELINE_CREATE_LIBRARY_BIT_KHR) == 0 &&
			   (libraries == NULL || libraries->libraryCount == 0);

	if (!check->is_software) {
		return 0;
	}
	if ((stages & ~GRAPHICS_STAGES) != 0) {
		return sl_check_fail(check, "shaders of stages 0x%x", stages);
	}
	if (tessellation != 0 && tessellation != TESSELLATION_STAGES) {
		return sl_check_fail(check, "half of tessellation");
	}
	return !is_complete || (stages & (VkShaderStageFlags)VK_SHADER_STAGE_VERTEX_BIT) != 0
		       ? 0
		       : sl_check_fail(check, "no vertex shader");
}

/* Of libraries within libraries: one for each part that a pipeline has is more than enough. */
#define MAX_DEPTH 8u

static int check_libraries(struct sl_check *check, const struct sl_object_list *named,
			   const VkGraphicsPipelineCreateInfo *info)
{
	const VkPipelineLibraryCreateInfoKHR *libraries = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
	uint32_t cursor = 0;

	for (uint32_t i = 0; libraries != NULL && i < libraries->libraryCount; i++) {
		const struct sl_check_pipeline *library =
			sl_check_find(named, &cursor, VK_OBJECT_TYPE_PIPELINE,
				      (uint64_t)(uintptr_t)libraries->pLibraries[i]);

		if (library == NULL || !library->is_library ||
		    library->point != VK_PIPELINE_BIND_POINT_GRAPHICS) {
			return sl_check_fail(check, "not a library of graphics");
		}
		if (library->depth >= MAX_DEPTH) {
			return sl_check_fail(check, "libraries within libraries nest too deep");
		}
	}
	return 0;
}

/* Those that a software driver knows; it jumps into the void for others (Mesa 22.3). */
static bool is_known(VkDynamicState state)
{
	switch (state) {
	case VK_DYNAMIC_STATE_VIEWPORT_W_SCALING_NV:
	case VK_DYNAMIC_STATE_RAY_TRACING_PIPELINE_STACK_SIZE_KHR:
	case VK_DYNAMIC_STATE_VIEWPORT_SHADING_RATE_PALETTE_NV:
	case VK_DYNAMIC_STATE_VIEWPORT_COARSE_SAMPLE_ORDER_NV:
	case VK_DYNAMIC_STATE_EXCLUSIVE_SCISSOR_NV:
	case VK_DYNAMIC_STATE_EXTRA_PRIMITIVE_OVERESTIMATION_SIZE_EXT:
	case VK_DYNAMIC_STATE_COLOR_BLEND_ADVANCED_EXT:
	case VK_DYNAMIC_STATE_VIEWPORT_W_SCALING_ENABLE_NV:
	case VK_DYNAMIC_STATE_VIEWPORT_SWIZZLE_NV:
	case VK_DYNAMIC_STATE_COVERAGE_TO_COLOR_ENABLE_NV:
	case VK_DYNAMIC_STATE_COVERAGE_TO_COLOR_LOCATION_NV:
	case VK_DYNAMIC_STATE_COVERAGE_MODULATION_MODE_NV:
	case VK_DYNAMIC_STATE_COVERAGE_MODULATION_TABLE_ENABLE_NV:
	case VK_DYNAMIC_STATE_COVERAGE_MODULATION_TABLE_NV:
	case VK_DYNAMIC_STATE_SHADING_RATE_IMAGE_ENABLE_NV:
	case VK_DYNAMIC_STATE_REPRESENTATIVE_FRAGMENT_TEST_ENABLE_NV:
	case VK_DYNAMIC_STATE_COVERAGE_REDUCTION_MODE_NV:
		return false;
	default:
		return true;
	}
}

static int check_dynamic_states(struct sl_check *check,
				const VkPipelineDynamicStateCreateInfo *info)
{
	for (uint32_t i = 0; info != NULL && check->is_software && i < info->dynamicStateCount;
	     i++) {
		if (!is_known(info->pDynamicStates[i])) {
			return sl_check_fail(check, "dynamic state %d", info->pDynamicStates[i]);
		}
	}
	return 0;
}

static int check_place(struct sl_check *check, const char *what, uint32_t place, uint32_t end)
{
	return place < end
		       ? 0
		       : sl_check_fail(check, "%s %u, where the device has %u", what, place, end);
}

static int check_count(struct sl_check *check, const char *what, uint32_t count, uint32_t end)
{
	return count <= end
		       ? 0
		       : sl_check_fail(check, "%u %s, where the device has %u", count, what, end);
}

static int check_vertex_input(struct sl_check *check,
			      const VkPipelineVertexInputStateCreateInfo *info)
{
	const VkPhysicalDeviceLimits *limits = &check->limits;
	const VkPipelineVertexInputDivisorStateCreateInfoEXT *divisors = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_DIVISOR_STATE_CREATE_INFO_EXT);
	int r = check_count(check, "vertex bindings", info->vertexBindingDescriptionCount,
			    limits->maxVertexInputBindings);

	for (uint32_t i = 0; r == 0 && divisors != NULL && i < divisors->vertexBindingDivisorCount;
	     i++) {
		r = check_place(check, "vertex binding",
				divisors->pVertexBindingDivisors[i].binding,
				limits->maxVertexInputBindings);
	}

	r = r == 0 ? check_count(check, "vertex attributes", info->vertexAttributeDescriptionCount,
				 limits->maxVertexInputAttributes)
		   : r;
	for (uint32_t i = 0; r == 0 && i < info->vertexBindingDescriptionCount; i++) {
		r = check_place(check, "vertex binding",
				info->pVertexBindingDescriptions[i].binding,
				limits->maxVertexInputBindings);
	}
	for (uint32_t i = 0; r == 0 && i < info->vertexAttributeDescriptionCount; i++) {
		const VkVertexInputAttributeDescription *attribute =
			&info->pVertexAttributeDescriptions[i];

		r = check_place(check, "vertex attribute", attribute->location,
				limits->maxVertexInputAttributes);
		r = r == 0 ? check_place(check, "vertex binding", attribute->binding,
					 limits->maxVertexInputBindings)
			   : r;
	}
	return r;
}

static int check_locations(struct sl_check *check, const VkPipelineMultisampleStateCreateInfo *info)
{
	const VkPipelineSampleLocationsStateCreateInfoEXT *locations = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_SAMPLE_LOCATIONS_STATE_CREATE_INFO_EXT);

	return locations != NULL && locations->sampleLocationsEnable
		       ? sl_check_sample_locations(check, &locations->sampleLocationsInfo)
		       : 0;
}

static int check_states(struct sl_check *check, const VkGraphicsPipelineCreateInfo *info)
{
	const VkPhysicalDeviceLimits *limits = &check->limits;
	const VkPipelineRenderingCreateInfo *rendering =
		sl_check_chain_find(info->pNext, VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO);
	const VkPipelineDiscardRectangleStateCreateInfoEXT *rectangles = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_DISCARD_RECTANGLE_STATE_CREATE_INFO_EXT);
	int r = info->pVertexInputState != NULL ? check_vertex_input(check, info->pVertexInputState)
						: 0;

	if (r == 0 && info->pViewportState != NULL) {
		r = check_count(check, "viewports", info->pViewportState->viewportCount,
				limits->maxViewports);
		r = r == 0 ? check_count(check, "scissors", info->pViewportState->scissorCount,
					 limits->maxViewports)
			   : r;
	}
	if (r == 0 && info->pTessellationState != NULL) {
		r = check_count(check, "control points",
				info->pTessellationState->patchControlPoints,
				limits->maxTessellationPatchSize);
	}
	if (r == 0 && info->pColorBlendState != NULL) {
		r = check_count(check, "color attachments", info->pColorBlendState->attachmentCount,
				limits->maxColorAttachments);
	}
	if (r == 0 && info->pMultisampleState != NULL) {
		r = check_locations(check, info->pMultisampleState);
	}
	if (r == 0 && rectangles != NULL) {
		r = check_count(check, "discard rectangles", rectangles->discardRectangleCount,
				check->more.discard_rectangles);
	}
	if (r == 0 && rendering != NULL) {
		r = check_count(check, "color attachments", rendering->colorAttachmentCount,
				limits->maxColorAttachments);
	}
	return r;
}

/* Stages that do not belong to the part of a pipeline that is made are nothing. */
static int check_stages(struct sl_check *check, const struct sl_object_list *named,
			const VkGraphicsPipelineCreateInfo *info)
{
	const VkGraphicsPipelineLibraryCreateInfoEXT *part = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT);
	const VkPipelineLibraryCreateInfoKHR *parts = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
	VkGraphicsPipelineLibraryFlagsEXT own = UINT32_MAX;
	int r = 0;

	if (part != NULL || (parts != NULL && parts->libraryCount > 0)) {
		own = part != NULL ? part->flags : 0;
	}
	for (uint32_t i = 0; r == 0 && info->pStages != NULL && i < info->stageCount; i++) {
		VkGraphicsPipelineLibraryFlagsEXT needed =
			info->pStages[i].stage == VK_SHADER_STAGE_FRAGMENT_BIT
				? VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT
				: VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT;

		if ((own & needed) != 0) {
			r = sl_check_stages(check, named, &info->pStages[i], 1, info->layout);
		}
	}
	return r;
}

int sl_check_vkCreateGraphicsPipelines(struct sl_check *check,
				       struct sl_vkCreateGraphicsPipelines *args)
{
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkGraphicsPipelineCreateInfo *info = &args->pCreateInfos[i];
		uint64_t handle = (uint64_t)(uintptr_t)info->renderPass;
		const struct sl_check_node *node =
			handle != 0 ? sl_check_find(args->named, &cursor,
						    VK_OBJECT_TYPE_RENDER_PASS, handle)
				    : NULL;
		const struct sl_check_pass *pass = node != NULL ? node->extra : NULL;

		r = check_stage_set(check, info);
		r = r == 0 ? check_stages(check, args->named, info) : r;
		r = r == 0 ? check_libraries(check, args->named, info) : r;
		r = r == 0 ? check_dynamic_states(check, info->pDynamicState) : r;
		r = r == 0 ? check_states(check, info) : r;
		if (r == 0 && pass != NULL && info->subpass >= pass->subpass_count) {
			r = sl_check_fail(check, "subpass %u of %u", info->subpass,
					  pass->subpass_count);
		}
	}
	return r;
}

int sl_check_vkCreateComputePipelines(struct sl_check *check,
				      struct sl_vkCreateComputePipelines *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkComputePipelineCreateInfo *info = &args->pCreateInfos[i];

		/* Extensions of others have more. */
		if (check->is_software && info->stage.stage != VK_SHADER_STAGE_COMPUTE_BIT) {
			return sl_check_fail(check, "a shader of stage 0x%x", info->stage.stage);
		}
		r = sl_check_stages(check, args->named, &info->stage, 1, info->layout);
	}
	return r;
}

int sl_check_note_pipeline(struct sl_object *object, const struct sl_object_list *named,
			   VkPipelineBindPoint point, VkPipelineCreateFlags flags,
			   VkPipelineLayout layout, VkRenderPass pass)
{
	struct sl_check_pipeline *pipeline = object->check;
	const uint64_t handles[] = { (uint64_t)(uintptr_t)layout, (uint64_t)(uintptr_t)pass };
	const VkObjectType types[] = { VK_OBJECT_TYPE_PIPELINE_LAYOUT, VK_OBJECT_TYPE_RENDER_PASS };
	uint32_t cursor = 0;
	int r = 0;

	if (pipeline == NULL) {
		return 0;
	}
	pipeline->point = point;
	pipeline->is_library = (flags & VK_PIPELINE_CREATE_LIBRARY_BIT_KHR) != 0;
	for (uint32_t i = 0; r == 0 && pipeline->node.need_count < 2 && i < 2; i++) {
		struct sl_check_node *need =
			handles[i] != 0 ? sl_check_find(named, &cursor, types[i], handles[i])
					: NULL;

		r = need != NULL ? sl_check_add_need(&pipeline->node, need) : 0;
	}
	return r;
}

/* A software driver goes on using what their descriptions were. */
static int note_libraries(struct sl_check *check, struct sl_check_pipeline *pipeline,
			  const struct sl_object_list *named,
			  const VkGraphicsPipelineCreateInfo *info)
{
	const VkPipelineLibraryCreateInfoKHR *libraries = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
	uint32_t count = pipeline != NULL && libraries != NULL ? libraries->libraryCount : 0;
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++) {
		struct sl_check_pipeline *library =
			sl_check_find(named, &cursor, VK_OBJECT_TYPE_PIPELINE,
				      (uint64_t)(uintptr_t)libraries->pLibraries[i]);

		if (pipeline->depth <= library->depth) {
			pipeline->depth = library->depth + 1;
		}
		if (check->is_software) {
			r = sl_check_add_need(&pipeline->node, &library->node);
		}
	}
	return r;
}

int sl_check_note_vkCreateGraphicsPipelines(struct sl_check *check,
					    struct sl_vkCreateGraphicsPipelines *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkGraphicsPipelineCreateInfo *info = &args->pCreateInfos[i];

		r = sl_check_note_pipeline(args->created[i], args->named,
					   VK_PIPELINE_BIND_POINT_GRAPHICS, info->flags,
					   info->layout, info->renderPass);
		r = r == 0 ? note_libraries(check, ((struct sl_object *)args->created[i])->check,
					    args->named, info)
			   : r;
	}
	return r;
}

int sl_check_note_vkCreateComputePipelines(struct sl_check *check,
					   struct sl_vkCreateComputePipelines *args)
{
	int r = 0;

	(void)check;
	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkComputePipelineCreateInfo *info = &args->pCreateInfos[i];

		r = sl_check_note_pipeline(args->created[i], args->named,
					   VK_PIPELINE_BIND_POINT_COMPUTE, info->flags,
					   info->layout, VK_NULL_HANDLE);
	}
	return r;
}

/* Drivers look it up for each attribute. */
static bool has_binding(const struct sl_vkCmdSetVertexInputEXT *args, uint32_t binding)
{
	for (uint32_t i = 0; i < args->vertexBindingDescriptionCount; i++) {
		if (args->pVertexBindingDescriptions[i].binding == binding) {
			return true;
		}
	}
	return false;
}

int sl_check_vkCmdSetVertexInputEXT(struct sl_check *check, struct sl_vkCmdSetVertexInputEXT *args)
{
	const VkPhysicalDeviceLimits *limits = &check->limits;
	int r = check_count(check, "vertex bindings", args->vertexBindingDescriptionCount,
			    limits->maxVertexInputBindings);

	r = r == 0 ? check_count(check, "vertex attributes", args->vertexAttributeDescriptionCount,
				 limits->maxVertexInputAttributes)
		   : r;

	for (uint32_t i = 0; r == 0 && i < args->vertexBindingDescriptionCount; i++) {
		r = check_place(check, "vertex binding",
				args->pVertexBindingDescriptions[i].binding,
				limits->maxVertexInputBindings);
	}
	for (uint32_t i = 0; r == 0 && i < args->vertexAttributeDescriptionCount; i++) {
		const VkVertexInputAttributeDescription2EXT *attribute =
			&args->pVertexAttributeDescriptions[i];

		r = check_place(check, "vertex attribute", attribute->location,
				limits->maxVertexInputAttributes);
		if (r == 0 && !has_binding(args, attribute->binding)) {
			r = sl_check_fail(check, "an attribute of binding %u, which is not there",
					  attribute->binding);
		}
	}
	return r;
}

int sl_check_vkCmdBindPipeline(struct sl_check *check, struct sl_vkCmdBindPipeline *args)
{
	struct sl_check_commands *commands =
		(struct sl_check_commands *)sl_check_node_of(args->self);
	uint32_t cursor = 0;
	const struct sl_check_pipeline *pipeline = sl_check_find(
		args->named, &cursor, VK_OBJECT_TYPE_PIPELINE, (uint64_t)(uintptr_t)args->pipeline);

	if (pipeline == NULL || pipeline->is_library ||
	    pipeline->point != args->pipelineBindPoint) {
		return sl_check_fail(check, "a pipeline of another kind");
	}
	if (args->pipelineBindPoint == VK_PIPELINE_BIND_POINT_GRAPHICS) {
		commands->has_graphics = true;
	} else if (args->pipelineBindPoint == VK_PIPELINE_BIND_POINT_COMPUTE) {
		commands->has_compute = true;
	}
	return 0;
}

int sl_check_vkCmdBindIndexBuffer(struct sl_check *check, struct sl_vkCmdBindIndexBuffer *args)
{
	struct sl_check_commands *commands =
		(struct sl_check_commands *)sl_check_node_of(args->self);

	if (args->indexType == VK_INDEX_TYPE_NONE_KHR) {
		return sl_check_fail(check, "indices of no type");
	}
	commands->has_indices = true;
	return sl_check_bytes_of(check, args->self, args->named, args->buffer, args->offset,
				 VK_WHOLE_SIZE);
}

int sl_check_draw(struct sl_check *check, const void *self, const struct sl_object_list *named)
{
	const struct sl_check_commands *commands = ((const struct sl_object *)self)->check;

	(void)named;
	if (commands->has_graphics && commands->pass_kind != SL_CHECK_NO_PASS) {
		return 0;
	}
	return sl_check_fail(check, commands->has_graphics ? "outside of a render pass"
							   : "no pipeline is bound");
}

int sl_check_draw_indexed(struct sl_check *check, const void *self,
			  const struct sl_object_list *named)
{
	const struct sl_check_commands *commands = ((const struct sl_object *)self)->check;

	return commands->has_indices ? sl_check_draw(check, self, named)
				     : sl_check_fail(check, "no index buffer is bound");
}

int sl_check_dispatch(struct sl_check *check, const void *self, const struct sl_object_list *named)
{
	const struct sl_check_commands *commands = ((const struct sl_object *)self)->check;

	(void)named;
	return commands->has_compute ? 0 : sl_check_fail(check, "no pipeline is bound");
}
