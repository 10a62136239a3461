/* SPDX-License-Identifier: MIT */
/* States of pipelines that lavapipe of Mesa 22 reads although they may be absent: all
 * that is in them may be dynamic, or there is nothing that they are about. */
#include "host/replay/pipeline_states.h"

#include "host/replay/replay_priv.h"
#include "protocol/conditions.h"

#include <stdbool.h>
#include <stddef.h>

#define PART_OUTPUT VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT

static const VkPipelineVertexInputStateCreateInfo no_vertices = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
};
static const VkPipelineInputAssemblyStateCreateInfo points = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
};
static const VkPipelineTessellationStateCreateInfo one_point = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO,
	.patchControlPoints = 1,
};
static const VkPipelineViewportStateCreateInfo no_viewports = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
};
static const VkPipelineRasterizationStateCreateInfo plain_rasterization = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
	.lineWidth = 1.0f,
};
static const VkPipelineMultisampleStateCreateInfo one_sample = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
	.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
};
static const VkPipelineDepthStencilStateCreateInfo no_tests = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
};
static const VkPipelineColorBlendStateCreateInfo no_blending = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
};
static const VkGraphicsPipelineLibraryCreateInfoEXT no_parts = {
	.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
};

/* One without libraries counts as absent, which the driver does not know. */
static void drop_empty_library(VkGraphicsPipelineCreateInfo *info)
{
	VkBaseOutStructure *at = (VkBaseOutStructure *)info;

	while (at->pNext != NULL) {
		if (at->pNext->sType == VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR &&
		    ((VkPipelineLibraryCreateInfoKHR *)at->pNext)->libraryCount == 0) {
			at->pNext = at->pNext->pNext;
		} else {
			at = at->pNext;
		}
	}
}

static void complete_input(VkGraphicsPipelineCreateInfo *info)
{
	if (info->pVertexInputState == NULL && sl_pipeline_reads_vertex_input(info)) {
		info->pVertexInputState = &no_vertices;
	}
	if (info->pInputAssemblyState == NULL && sl_pipeline_reads_input_assembly(info)) {
		info->pInputAssemblyState = &points;
	}
	if (info->pTessellationState == NULL && sl_pipeline_reads_tessellation(info)) {
		info->pTessellationState = &one_point;
	}
}

/* is_part: the driver does not look at whether anything is rasterized. */
static void complete_output(VkGraphicsPipelineCreateInfo *info, bool is_part)
{
	if (info->pRasterizationState == NULL && sl_pipeline_reads_rasterization(info)) {
		info->pRasterizationState = &plain_rasterization;
	}
	if (info->pViewportState == NULL && sl_pipeline_reads_viewport(info)) {
		info->pViewportState = &no_viewports;
	}
	if (info->pDepthStencilState == NULL &&
	    (is_part || sl_pipeline_reads_depth_stencil(info))) {
		info->pDepthStencilState = &no_tests;
	}
	if (info->pColorBlendState == NULL && (is_part || sl_pipeline_reads_color_blend(info))) {
		info->pColorBlendState = &no_blending;
	}
	/* That of fragment shaders would take the place of that of another part. */
	if (info->pMultisampleState == NULL && (sl_pipeline_parts(info) & PART_OUTPUT) != 0 &&
	    (is_part || sl_pipeline_reads_multisample(info))) {
		info->pMultisampleState = &one_sample;
	}
}

void sl_pipeline_states_complete(VkGraphicsPipelineCreateInfo *info)
{
	bool is_part =
		sl_chain_find(info->pNext,
			      VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT) != NULL;

	drop_empty_library(info);
	if (info->pStages == NULL) {
		info->stageCount = 0;
	}
	complete_input(info);
	complete_output(info, is_part);
	if (!is_part && (info->flags & VK_PIPELINE_CREATE_LIBRARY_BIT_KHR) != 0 &&
	    sl_chain_find(info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR) ==
		    NULL) {
		info->pNext = &no_parts;
	}
}
