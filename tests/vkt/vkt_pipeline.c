/* SPDX-License-Identifier: MIT */
/* Shaders, descriptors and pipelines of test programs. */
#include "vkt.h"

VkShaderModule vkt_create_shader(struct vkt *t, struct vkt_code code)
{
	const VkShaderModuleCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = code.size,
		.pCode = code.words,
	};
	VkShaderModule module;

	VKT_OK(vkCreateShaderModule(t->device, &info, NULL, &module));
	VKT_OWN(t, SHADER_MODULE, module);
	return module;
}

VkPipelineLayout vkt_create_layout(struct vkt *t, VkDescriptorSetLayout set_layout,
				   uint32_t push_size)
{
	const VkPushConstantRange range = { VK_SHADER_STAGE_ALL, 0, push_size };
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = set_layout != VK_NULL_HANDLE ? 1 : 0,
		.pSetLayouts = &set_layout,
		.pushConstantRangeCount = push_size > 0 ? 1 : 0,
		.pPushConstantRanges = &range,
	};
	VkPipelineLayout layout;

	VKT_OK(vkCreatePipelineLayout(t->device, &info, NULL, &layout));
	VKT_OWN(t, PIPELINE_LAYOUT, layout);
	return layout;
}

VkDescriptorSetLayout vkt_create_set_layout(struct vkt *t, const VkDescriptorType *types,
					    uint32_t count, VkDescriptorSetLayoutCreateFlags flags)
{
	VkDescriptorSetLayoutBinding bindings[16];
	const VkDescriptorSetLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.flags = flags,
		.bindingCount = count,
		.pBindings = bindings,
	};
	VkDescriptorSetLayout layout;

	VKT_EXPECT(count <= VKT_COUNT(bindings));
	for (uint32_t i = 0; i < count; i++) {
		bindings[i] = (VkDescriptorSetLayoutBinding){
			.binding = i,
			.descriptorType = types[i],
			.descriptorCount = 1,
			.stageFlags = types[i] == VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT
					      ? VK_SHADER_STAGE_FRAGMENT_BIT
					      : VK_SHADER_STAGE_ALL,
		};
	}
	VKT_OK(vkCreateDescriptorSetLayout(t->device, &info, NULL, &layout));
	VKT_OWN(t, DESCRIPTOR_SET_LAYOUT, layout);
	return layout;
}

VkDescriptorSet vkt_create_set(struct vkt *t, VkDescriptorSetLayout layout,
			       const VkDescriptorType *types, uint32_t count)
{
	VkDescriptorPoolSize sizes[16];
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = 1,
		.poolSizeCount = count,
		.pPoolSizes = sizes,
	};
	VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorSetCount = 1,
		.pSetLayouts = &layout,
	};
	VkDescriptorSet set;

	VKT_EXPECT(count <= VKT_COUNT(sizes));
	for (uint32_t i = 0; i < count; i++) {
		sizes[i] = (VkDescriptorPoolSize){ types[i], 1 };
	}
	VKT_OK(vkCreateDescriptorPool(t->device, &pool_info, NULL, &info.descriptorPool));
	VKT_OWN(t, DESCRIPTOR_POOL, info.descriptorPool);
	VKT_OK(vkAllocateDescriptorSets(t->device, &info, &set));
	return set;
}

void vkt_set_buffer(struct vkt *t, VkDescriptorSet set, uint32_t binding, VkDescriptorType type,
		    const struct vkt_buffer *buffer)
{
	const VkDescriptorBufferInfo info = { buffer->handle, 0, VK_WHOLE_SIZE };
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = set,
		.dstBinding = binding,
		.descriptorCount = 1,
		.descriptorType = type,
		.pBufferInfo = &info,
	};

	vkUpdateDescriptorSets(t->device, 1, &write, 0, NULL);
}

void vkt_set_image(struct vkt *t, VkDescriptorSet set, uint32_t binding, VkDescriptorType type,
		   VkImageView view, VkImageLayout layout, VkSampler sampler)
{
	const VkDescriptorImageInfo info = { sampler, view, layout };
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = set,
		.dstBinding = binding,
		.descriptorCount = 1,
		.descriptorType = type,
		.pImageInfo = &info,
	};

	vkUpdateDescriptorSets(t->device, 1, &write, 0, NULL);
}

VkPipeline vkt_create_compute(struct vkt *t, VkPipelineLayout layout, struct vkt_code code,
			      const VkSpecializationInfo *constants)
{
	const VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.flags = t->flags & VKT_PLAIN ? 0 : VK_PIPELINE_CREATE_DISPATCH_BASE,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.module = vkt_create_shader(t, code),
			.pName = "main",
			.pSpecializationInfo = constants,
		},
		.layout = layout,
	};
	VkPipeline pipeline;

	VKT_OK(vkCreateComputePipelines(t->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
	VKT_OWN(t, PIPELINE, pipeline);
	return pipeline;
}

struct vkt_kernel vkt_create_kernel(struct vkt *t, struct vkt_code code,
				    const struct vkt_buffer *const *buffers, uint32_t count,
				    uint32_t push_size, const VkSpecializationInfo *constants)
{
	VkDescriptorType types[8];
	struct vkt_kernel kernel = { 0 };

	VKT_EXPECT(count <= VKT_COUNT(types));
	for (uint32_t i = 0; i < count; i++) {
		types[i] = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
	}
	if (count > 0) {
		kernel.set_layout = vkt_create_set_layout(t, types, count, 0);
		kernel.set = vkt_create_set(t, kernel.set_layout, types, count);
	}
	for (uint32_t i = 0; i < count; i++) {
		vkt_set_buffer(t, kernel.set, i, types[i], buffers[i]);
	}
	kernel.layout = vkt_create_layout(t, kernel.set_layout, push_size);
	kernel.pipeline = vkt_create_compute(t, kernel.layout, code, constants);
	return kernel;
}

void vkt_bind_kernel(VkCommandBuffer cmd, const struct vkt_kernel *kernel)
{
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
	if (kernel->set != VK_NULL_HANDLE) {
		vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->layout, 0, 1,
					&kernel->set, 0, NULL);
	}
}

static uint32_t fill_stages(struct vkt *t, const struct vkt_pipeline_spec *spec,
			    VkPipelineShaderStageCreateInfo *stages)
{
	const struct {
		struct vkt_code code;
		VkShaderStageFlagBits stage;
	} list[] = {
		{ spec->vert, VK_SHADER_STAGE_VERTEX_BIT },
		{ spec->tesc, VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT },
		{ spec->tese, VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT },
		{ spec->geom, VK_SHADER_STAGE_GEOMETRY_BIT },
		{ spec->frag, VK_SHADER_STAGE_FRAGMENT_BIT },
	};
	uint32_t count = 0;

	for (size_t i = 0; i < VKT_COUNT(list); i++) {
		if (list[i].code.words == NULL) {
			continue;
		}
		stages[count++] = (VkPipelineShaderStageCreateInfo){
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = list[i].stage,
			.module = vkt_create_shader(t, list[i].code),
			.pName = "main",
			.pSpecializationInfo = list[i].stage == VK_SHADER_STAGE_FRAGMENT_BIT
						       ? spec->frag_constants
						       : NULL,
		};
	}
	return count;
}

/* The state blocks that a pipeline points to. */
struct graphics_state {
	VkPipelineShaderStageCreateInfo stages[5];
	VkPipelineVertexInputStateCreateInfo vertex_input;
	VkPipelineInputAssemblyStateCreateInfo assembly;
	VkPipelineTessellationStateCreateInfo tessellation;
	VkViewport viewport;
	VkRect2D scissor;
	VkPipelineViewportStateCreateInfo viewports;
	VkPipelineRasterizationStateCreateInfo rasterization;
	VkPipelineMultisampleStateCreateInfo multisample;
	VkPipelineDepthStencilStateCreateInfo depth;
	VkPipelineColorBlendAttachmentState attachments[8];
	VkPipelineColorBlendStateCreateInfo blend;
	VkPipelineDynamicStateCreateInfo dynamic;
};

static void fill_geometry_state(const struct vkt_pipeline_spec *spec, struct graphics_state *state)
{
	state->vertex_input = (VkPipelineVertexInputStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
	};
	state->assembly = (VkPipelineInputAssemblyStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
		.topology = spec->topology,
		.primitiveRestartEnable = spec->primitive_restart,
	};
	state->tessellation = (VkPipelineTessellationStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO,
		.patchControlPoints = spec->patch_points,
	};
	state->viewport =
		(VkViewport){ 0, 0, (float)spec->extent.width, (float)spec->extent.height, 0, 1 };
	state->scissor = (VkRect2D){ .extent = spec->extent };
	state->viewports = (VkPipelineViewportStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
		.viewportCount = 1,
		.pViewports = &state->viewport,
		.scissorCount = 1,
		.pScissors = &state->scissor,
	};
	for (uint32_t i = 0; i < spec->dynamic_count; i++) {
		if (spec->dynamic[i] == VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT) {
			state->viewports.viewportCount = 0;
		}
		if (spec->dynamic[i] == VK_DYNAMIC_STATE_SCISSOR_WITH_COUNT) {
			state->viewports.scissorCount = 0;
		}
	}
	state->rasterization = (VkPipelineRasterizationStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
		.pNext = spec->rasterization_next,
		.rasterizerDiscardEnable = spec->discard,
		.polygonMode = spec->polygon,
		.cullMode = spec->cull,
		.frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE,
		.lineWidth = 1.0f,
	};
}

static void fill_output_state(const struct vkt_pipeline_spec *spec, struct graphics_state *state)
{
	state->multisample = (VkPipelineMultisampleStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
		.rasterizationSamples = spec->samples != 0 ? spec->samples : VK_SAMPLE_COUNT_1_BIT,
	};
	state->depth = (VkPipelineDepthStencilStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthCompareOp = VK_COMPARE_OP_ALWAYS,
		.front.compareOp = VK_COMPARE_OP_ALWAYS,
		.back.compareOp = VK_COMPARE_OP_ALWAYS,
	};
	VKT_EXPECT(spec->color_count <= VKT_COUNT(state->attachments));
	for (uint32_t i = 0; i < spec->color_count; i++) {
		state->attachments[i] = (VkPipelineColorBlendAttachmentState){
			.colorWriteMask = VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT |
					  VK_COLOR_COMPONENT_B_BIT | VK_COLOR_COMPONENT_A_BIT,
		};
	}
	state->blend = (VkPipelineColorBlendStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
		.attachmentCount = spec->color_count,
		.pAttachments = spec->blend != NULL ? spec->blend : state->attachments,
	};
	for (int i = 0; i < 4; i++) {
		state->blend.blendConstants[i] = spec->blend_constants[i];
	}
	state->dynamic = (VkPipelineDynamicStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
		.dynamicStateCount = spec->dynamic_count,
		.pDynamicStates = spec->dynamic,
	};
}

VkPipeline vkt_create_graphics(struct vkt *t, const struct vkt_pipeline_spec *spec)
{
	struct graphics_state state;
	VkPipeline pipeline;

	fill_geometry_state(spec, &state);
	fill_output_state(spec, &state);
	const VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = spec->rendering,
		.stageCount = fill_stages(t, spec, state.stages),
		.pStages = state.stages,
		.pVertexInputState =
			spec->vertex_input != NULL ? spec->vertex_input : &state.vertex_input,
		.pInputAssemblyState = &state.assembly,
		.pTessellationState = spec->tesc.words != NULL ? &state.tessellation : NULL,
		.pViewportState = &state.viewports,
		.pRasterizationState = &state.rasterization,
		.pMultisampleState = &state.multisample,
		.pDepthStencilState = spec->depth != NULL ? spec->depth : &state.depth,
		.pColorBlendState = &state.blend,
		.pDynamicState = spec->dynamic_count > 0 ? &state.dynamic : NULL,
		.layout = spec->layout,
		.renderPass = spec->render_pass,
		.subpass = spec->subpass,
	};
	VKT_OK(vkCreateGraphicsPipelines(t->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
	VKT_OWN(t, PIPELINE, pipeline);
	return pipeline;
}
