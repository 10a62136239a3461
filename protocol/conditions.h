/* SPDX-License-Identifier: MIT */
/* Which parts of what an application passes are read: Vulkan ignores the others, so that pointers
 * and handles there may be garbage, and encoders must not look at them. commands.txt says where
 * these conditions apply. */
#ifndef SL_PROTOCOL_CONDITIONS_H
#define SL_PROTOCOL_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

/* What a descriptor of this type is written from (VkWriteDescriptorSet). */
bool sl_descriptor_has_sampler(VkDescriptorType type);
bool sl_descriptor_has_image_info(VkDescriptorType type);
bool sl_descriptor_has_buffer_info(VkDescriptorType type);
bool sl_descriptor_has_texel_buffer_view(VkDescriptorType type);

/* basePipelineHandle is read. */
bool sl_pipeline_has_base(VkPipelineCreateFlags flags, int32_t base_index);

/* The dynamic states that a pipeline is created with include this one. */
bool sl_pipeline_is_dynamic(const VkGraphicsPipelineCreateInfo *info, VkDynamicState state);

/* The parts that info itself states; the others come from libraries, or later. See
 * VkGraphicsPipelineLibraryCreateInfoEXT on what its absence means. */
VkGraphicsPipelineLibraryFlagsEXT sl_pipeline_parts(const VkGraphicsPipelineCreateInfo *info);

/* Both tessellation stages are among the stages. */
bool sl_stages_tessellate(uint32_t count, const VkPipelineShaderStageCreateInfo *stages);

/* The member of that name is read: it depends on the parts of a pipeline that are created, the
 * shader stages, and the dynamic states. What depends on the attachments of a render pass counts
 * as read. */
bool sl_pipeline_reads_stages(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_vertex_input(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_input_assembly(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_tessellation(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_viewport(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_rasterization(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_multisample(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_depth_stencil(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_color_blend(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_layout(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_render_pass(const VkGraphicsPipelineCreateInfo *info);

/* pViewports and pScissors of the viewport state. */
bool sl_pipeline_reads_viewports(const VkGraphicsPipelineCreateInfo *info);
bool sl_pipeline_reads_scissors(const VkGraphicsPipelineCreateInfo *info);

/* The formats of VkPipelineRenderingCreateInfo. */
bool sl_pipeline_reads_formats(const VkGraphicsPipelineCreateInfo *info);

#endif
