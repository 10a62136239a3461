/* SPDX-License-Identifier: MIT */
/* Lies that are well-formed messages about pipelines: shaders whose descriptors the layout does not
 * have, or has otherwise. */
#include "hostile.h"

#include "add_comp.h"

/* What add.comp uses. */
#define GOOD_BINDINGS                                                                             \
	{                                                                                         \
		{ 0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT },         \
			{ 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT }, \
			{ 2, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT }, \
			{ 3, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT }, \
	}

static void make_layout(struct hostile *h, const VkDescriptorSetLayoutBinding *bindings,
			uint32_t binding_count, uint32_t set_count)
{
	const VkDescriptorSetLayoutCreateInfo set_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = binding_count,
		.pBindings = bindings,
	};
	VkDescriptorSetLayout set_layout = HANDLE(h, SET_LAYOUT, VkDescriptorSetLayout);
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = set_count,
		.pSetLayouts = &set_layout,
	};
	VkPipelineLayout layout = HANDLE(h, LAYOUT, VkPipelineLayout);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateDescriptorSetLayout, .device = device(h),
				.pCreateInfo = &set_info, .pSetLayout = &set_layout));
	hostile_send(h, MESSAGE(h, vkCreatePipelineLayout, .device = device(h),
				.pCreateInfo = &info, .pPipelineLayout = &layout));
}

static void make_pipeline(struct hostile *h, const char *entry)
{
	const VkShaderModuleCreateInfo module_info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = sizeof(add_comp),
		.pCode = add_comp,
	};
	VkShaderModule module = HANDLE(h, SHADER, VkShaderModule);
	const VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
			   .module = module,
			   .pName = entry },
		.layout = HANDLE(h, LAYOUT, VkPipelineLayout),
	};
	VkPipeline pipeline = HANDLE(h, SECOND, VkPipeline);

	hostile_send(h, MESSAGE(h, vkCreateShaderModule, .device = device(h),
				.pCreateInfo = &module_info, .pShaderModule = &module));
	hostile_send(h,
		     MESSAGE(h, vkCreateComputePipelines, .device = device(h), .createInfoCount = 1,
			     .pCreateInfos = &info, .pPipelines = &pipeline));
}

static void lie_set(struct hostile *h)
{
	make_layout(h, NULL, 0, 0);
	make_pipeline(h, "main");
}

static void lie_binding(struct hostile *h)
{
	const VkDescriptorSetLayoutBinding bindings[] = GOOD_BINDINGS;

	make_layout(h, bindings, COUNT(bindings) - 1, 1);
	make_pipeline(h, "main");
}

static void lie_type(struct hostile *h)
{
	VkDescriptorSetLayoutBinding bindings[] = GOOD_BINDINGS;

	bindings[3].descriptorType = VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
	make_layout(h, bindings, COUNT(bindings), 1);
	make_pipeline(h, "main");
}

static void lie_stage(struct hostile *h)
{
	VkDescriptorSetLayoutBinding bindings[] = GOOD_BINDINGS;

	bindings[3].stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT;
	make_layout(h, bindings, COUNT(bindings), 1);
	make_pipeline(h, "main");
}

static void lie_entry_point(struct hostile *h)
{
	const VkDescriptorSetLayoutBinding bindings[] = GOOD_BINDINGS;

	make_layout(h, bindings, COUNT(bindings), 1);
	make_pipeline(h, "none");
}

const struct lie hostile_shader_lies[] = {
	{ "vkCreateComputePipelines:set", lie_set },
	{ "vkCreateComputePipelines:binding", lie_binding },
	{ "vkCreateComputePipelines:type", lie_type },
	{ "vkCreateComputePipelines:stage", lie_stage },
	{ "vkCreateComputePipelines:entry", lie_entry_point },
	{ NULL, NULL },
};
