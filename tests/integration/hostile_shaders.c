/* SPDX-License-Identifier: MIT */
/* Lies that are well-formed messages about pipelines: shaders whose descriptors the layout does not
 * have, or has otherwise. */
#include "hostile.h"

#include "add_comp.h"
#include "inline_comp.h"

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

static void make_pipeline_of(struct hostile *h, const char *entry, const uint32_t *code,
			     size_t size)
{
	const VkShaderModuleCreateInfo module_info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = size,
		.pCode = code,
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

static void make_pipeline(struct hostile *h, const char *entry)
{
	make_pipeline_of(h, entry, add_comp, sizeof(add_comp));
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

static void lie_no_layout(struct hostile *h)
{
	hostile_make_world(h);
	h->objects[LAYOUT].id = 0;
	make_pipeline(h, "main");
}

/* Blocks that a driver copies with the constants, of a set that is not bound. */
static void lie_blocks(struct hostile *h)
{
	static const VkDescriptorSetLayoutBinding bindings[] = {
		{ 0, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 64, VK_SHADER_STAGE_COMPUTE_BIT },
		{ 1, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 32, VK_SHADER_STAGE_COMPUTE_BIT },
		{ 2, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT },
	};
	static const uint32_t words[4];

	make_layout(h, bindings, COUNT(bindings), 1);
	make_pipeline_of(h, "main", inline_comp, sizeof(inline_comp));
	const struct message messages[] = {
		MESSAGE(h, vkCmdBindPipeline, .pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE,
			.pipeline = HANDLE(h, SECOND, VkPipeline)),
		MESSAGE(h, vkCmdPushConstants, .layout = HANDLE(h, LAYOUT, VkPipelineLayout),
			.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = sizeof(words),
			.pValues = words),
		MESSAGE(h, vkCmdDispatch, .groupCountX = 1, .groupCountY = 1, .groupCountZ = 1),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
	hostile_submit(h, 1);
}

const struct lie hostile_shader_lies[] = {
	{ "vkCmdDispatch:blocks", lie_blocks },
	{ "vkCreateComputePipelines:layout", lie_no_layout },
	{ "vkCreateComputePipelines:set", lie_set },
	{ "vkCreateComputePipelines:binding", lie_binding },
	{ "vkCreateComputePipelines:type", lie_type },
	{ "vkCreateComputePipelines:stage", lie_stage },
	{ "vkCreateComputePipelines:entry", lie_entry_point },
	{ NULL, NULL },
};
