/* SPDX-License-Identifier: MIT */
/* States of pipelines: within the device's limits, which drivers have arrays for. */
#include "host/check/check_priv.h"
#include "host/check/regular.h"
#include "protocol/conditions.h"

/* Those that a software driver knows; it jumps into the void for others, or looks for what
 * comes with them (Mesa 22.3). */
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
	case VK_DYNAMIC_STATE_SAMPLE_LOCATIONS_ENABLE_EXT:
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

static bool is_any_missing(const void *array, uint32_t count)
{
	return array == NULL && count > 0;
}

static bool has_dynamic_blending(const VkGraphicsPipelineCreateInfo *info)
{
	return sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_COLOR_BLEND_ENABLE_EXT) &&
	       sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_COLOR_BLEND_EQUATION_EXT) &&
	       sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_COLOR_WRITE_MASK_EXT);
}

/* What states count must be there, unless it is dynamic or nobody looks at it. */
static int check_arrays(struct sl_check *check, const VkGraphicsPipelineCreateInfo *info,
			const VkPipelineRenderingCreateInfo *rendering)
{
	const VkPipelineViewportStateCreateInfo *viewport =
		sl_pipeline_reads_viewport(info) ? info->pViewportState : NULL;
	const VkPipelineColorBlendStateCreateInfo *blend = info->pColorBlendState;
	bool is_part = sl_check_chain_find(
			       info->pNext,
			       VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT) != NULL;

	if (!check->is_software) {
		return 0;
	}
	if (viewport != NULL && sl_pipeline_reads_viewports(info) &&
	    is_any_missing(viewport->pViewports, viewport->viewportCount)) {
		return sl_check_fail(check, "%u viewports are not there", viewport->viewportCount);
	}
	if (viewport != NULL && sl_pipeline_reads_scissors(info) &&
	    is_any_missing(viewport->pScissors, viewport->scissorCount)) {
		return sl_check_fail(check, "%u scissors are not there", viewport->scissorCount);
	}
	if (blend != NULL && !has_dynamic_blending(info) &&
	    is_any_missing(blend->pAttachments, blend->attachmentCount)) {
		return sl_check_fail(check, "%u attachments are not there", blend->attachmentCount);
	}
	if (rendering != NULL && sl_pipeline_reads_formats(info) &&
	    (is_part || sl_pipeline_reads_multisample(info)) &&
	    is_any_missing(rendering->pColorAttachmentFormats, rendering->colorAttachmentCount)) {
		return sl_check_fail(check, "%u formats are not there",
				     rendering->colorAttachmentCount);
	}
	return 0;
}

static int check_points(struct sl_check *check, const VkGraphicsPipelineCreateInfo *info)
{
	uint32_t count = info->pTessellationState->patchControlPoints;

	if (count == 0 && sl_pipeline_reads_tessellation(info) &&
	    !sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_PATCH_CONTROL_POINTS_EXT)) {
		return sl_check_fail(check, "patches of no control points");
	}
	return check_count(check, "control points", count, check->limits.maxTessellationPatchSize);
}

int sl_check_states(struct sl_check *check, const VkGraphicsPipelineCreateInfo *info)
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
		r = check_points(check, info);
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
	r = r == 0 ? check_arrays(check, info, rendering) : r;
	return r == 0 ? check_dynamic_states(check, info->pDynamicState) : r;
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
