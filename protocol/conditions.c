/* SPDX-License-Identifier: MIT */
/* Which parts of what an application passes are read. */
#include "protocol/conditions.h"

#include <stddef.h>

bool sl_descriptor_has_sampler(VkDescriptorType type)
{
	return type == VK_DESCRIPTOR_TYPE_SAMPLER ||
	       type == VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
}

bool sl_descriptor_has_image_info(VkDescriptorType type)
{
	switch ((int)type) {
	case VK_DESCRIPTOR_TYPE_SAMPLER:
	case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
	case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
	case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
	case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT:
	case VK_DESCRIPTOR_TYPE_SAMPLE_WEIGHT_IMAGE_QCOM:
	case VK_DESCRIPTOR_TYPE_BLOCK_MATCH_IMAGE_QCOM:
		return true;
	default:
		return false;
	}
}

bool sl_descriptor_has_buffer_info(VkDescriptorType type)
{
	switch ((int)type) {
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
		return true;
	default:
		return false;
	}
}

bool sl_descriptor_has_texel_buffer_view(VkDescriptorType type)
{
	return type == VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER ||
	       type == VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER;
}

bool sl_pipeline_has_base(VkPipelineCreateFlags flags, int32_t base_index)
{
	return (flags & VK_PIPELINE_CREATE_DERIVATIVE_BIT) != 0 && base_index == -1;
}

bool sl_pipeline_is_dynamic(const VkGraphicsPipelineCreateInfo *info, VkDynamicState state)
{
	if (info->pDynamicState == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < info->pDynamicState->dynamicStateCount; i++) {
		if (info->pDynamicState->pDynamicStates[i] == state) {
			return true;
		}
	}
	return false;
}

static const void *find_chained(const void *next, VkStructureType type)
{
	const VkBaseInStructure *item = next;

	while (item != NULL && item->sType != type) {
		item = item->pNext;
	}
	return item;
}

#define PART_VERTEX_INPUT    VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT
#define PART_PRE_RASTER	     VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT
#define PART_FRAGMENT_SHADER VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT
#define PART_OUTPUT	     VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT
#define PART_ALL	     (PART_VERTEX_INPUT | PART_PRE_RASTER | PART_FRAGMENT_SHADER | PART_OUTPUT)

VkGraphicsPipelineLibraryFlagsEXT sl_pipeline_parts(const VkGraphicsPipelineCreateInfo *info)
{
	const VkGraphicsPipelineLibraryCreateInfoEXT *parts = find_chained(
		info->pNext, VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT);
	const VkPipelineLibraryCreateInfoKHR *libraries =
		find_chained(info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);

	if (parts != NULL) {
		return parts->flags;
	}
	if ((info->flags & VK_PIPELINE_CREATE_LIBRARY_BIT_KHR) != 0 ||
	    (libraries != NULL && libraries->libraryCount > 0)) {
		return 0;
	}
	return PART_ALL;
}

static bool has_part(const VkGraphicsPipelineCreateInfo *info,
		     VkGraphicsPipelineLibraryFlagsEXT parts)
{
	return (sl_pipeline_parts(info) & parts) != 0;
}

static VkShaderStageFlags stage_bits(uint32_t count, const VkPipelineShaderStageCreateInfo *stages)
{
	VkShaderStageFlags bits = 0;

	for (uint32_t i = 0; i < count && stages != NULL; i++) {
		bits |= stages[i].stage;
	}
	return bits;
}

static bool has_stage(const VkGraphicsPipelineCreateInfo *info, VkShaderStageFlags stages)
{
	return sl_pipeline_reads_stages(info) &&
	       (stage_bits(info->stageCount, info->pStages) & stages) != 0;
}

/* False if the state itself says that nothing is rasterized. */
static bool is_rasterized(const VkGraphicsPipelineCreateInfo *info)
{
	return !sl_pipeline_reads_rasterization(info) || info->pRasterizationState == NULL ||
	       !info->pRasterizationState->rasterizerDiscardEnable ||
	       sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE);
}

/* Dynamic rendering states its formats; a render pass's attachments are not known here. */
static const VkPipelineRenderingCreateInfo *rendering(const VkGraphicsPipelineCreateInfo *info)
{
	if (!sl_pipeline_reads_formats(info)) {
		return NULL;
	}
	return find_chained(info->pNext, VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO);
}

bool sl_stages_tessellate(uint32_t count, const VkPipelineShaderStageCreateInfo *stages)
{
	VkShaderStageFlags both = VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT |
				  VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT;

	return (stage_bits(count, stages) & both) == both;
}

bool sl_pipeline_reads_stages(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_PRE_RASTER | PART_FRAGMENT_SHADER);
}

bool sl_pipeline_reads_vertex_input(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_VERTEX_INPUT) &&
	       !has_stage(info, VK_SHADER_STAGE_MESH_BIT_EXT) &&
	       !sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_VERTEX_INPUT_EXT);
}

bool sl_pipeline_reads_input_assembly(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_VERTEX_INPUT) && !has_stage(info, VK_SHADER_STAGE_MESH_BIT_EXT);
}

bool sl_pipeline_reads_tessellation(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_PRE_RASTER) &&
	       sl_stages_tessellate(info->stageCount, info->pStages);
}

bool sl_pipeline_reads_viewport(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_PRE_RASTER) && is_rasterized(info);
}

bool sl_pipeline_reads_rasterization(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_PRE_RASTER);
}

bool sl_pipeline_reads_multisample(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_FRAGMENT_SHADER | PART_OUTPUT) && is_rasterized(info);
}

bool sl_pipeline_reads_depth_stencil(const VkGraphicsPipelineCreateInfo *info)
{
	const VkPipelineRenderingCreateInfo *formats = rendering(info);

	if (!has_part(info, PART_FRAGMENT_SHADER) || !is_rasterized(info)) {
		return false;
	}
	return formats == NULL || formats->depthAttachmentFormat != VK_FORMAT_UNDEFINED ||
	       formats->stencilAttachmentFormat != VK_FORMAT_UNDEFINED;
}

bool sl_pipeline_reads_color_blend(const VkGraphicsPipelineCreateInfo *info)
{
	const VkPipelineRenderingCreateInfo *formats = rendering(info);

	if (!has_part(info, PART_OUTPUT) || !is_rasterized(info)) {
		return false;
	}
	return formats == NULL || formats->colorAttachmentCount > 0;
}

bool sl_pipeline_reads_layout(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_PRE_RASTER | PART_FRAGMENT_SHADER);
}

bool sl_pipeline_reads_render_pass(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_PRE_RASTER | PART_FRAGMENT_SHADER | PART_OUTPUT);
}

bool sl_pipeline_reads_viewports(const VkGraphicsPipelineCreateInfo *info)
{
	return !sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_VIEWPORT) &&
	       !sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT);
}

bool sl_pipeline_reads_scissors(const VkGraphicsPipelineCreateInfo *info)
{
	return !sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_SCISSOR) &&
	       !sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT);
}

bool sl_pipeline_reads_formats(const VkGraphicsPipelineCreateInfo *info)
{
	return has_part(info, PART_OUTPUT) &&
	       (!sl_pipeline_reads_render_pass(info) || info->renderPass == VK_NULL_HANDLE);
}
