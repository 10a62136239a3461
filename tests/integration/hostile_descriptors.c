/* SPDX-License-Identifier: MIT */
/* Lies that are well-formed messages about descriptors: their layouts, sets and push constants. */
#include "hostile.h"

/* A set with 4 storage buffers at binding 3, and a dynamic one at binding 1. */
static void make_set(struct hostile *h)
{
	const VkDescriptorSetLayoutBinding bindings[] = {
		{ .binding = 3,
		  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		  .descriptorCount = 4,
		  .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT },
		{ .binding = 1,
		  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC,
		  .descriptorCount = 1,
		  .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT },
	};
	const VkDescriptorSetLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = COUNT(bindings),
		.pBindings = bindings,
	};
	const VkDescriptorPoolSize sizes[] = {
		{ VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 16 },
		{ VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC, 4 },
	};
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = 4,
		.poolSizeCount = COUNT(sizes),
		.pPoolSizes = sizes,
	};
	VkDescriptorSetLayout layout = HANDLE(h, SET_LAYOUT, VkDescriptorSetLayout);
	VkDescriptorPool pool = HANDLE(h, SET_POOL, VkDescriptorPool);
	VkDescriptorSet set = HANDLE(h, SET, VkDescriptorSet);
	const VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = pool,
		.descriptorSetCount = 1,
		.pSetLayouts = &layout,
	};

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateDescriptorSetLayout, .device = device(h),
				.pCreateInfo = &layout_info, .pSetLayout = &layout));
	hostile_send(h, MESSAGE(h, vkCreateDescriptorPool, .device = device(h),
				.pCreateInfo = &pool_info, .pDescriptorPool = &pool));
	hostile_send(h, MESSAGE(h, vkAllocateDescriptorSets, .device = device(h),
				.pAllocateInfo = &info, .pDescriptorSets = &set));
}

static void write_descriptors(struct hostile *h, uint32_t binding, uint32_t element, uint32_t count,
			      VkDeviceSize range)
{
	VkDescriptorBufferInfo infos[8];
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = HANDLE(h, SET, VkDescriptorSet),
		.dstBinding = binding,
		.dstArrayElement = element,
		.descriptorCount = count,
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.pBufferInfo = infos,
	};

	for (uint32_t i = 0; i < COUNT(infos); i++) {
		infos[i] = (VkDescriptorBufferInfo){ HANDLE(h, BUFFER, VkBuffer), 256, range };
	}
	make_set(h);
	hostile_send(h, MESSAGE(h, vkUpdateDescriptorSets, .device = device(h),
				.descriptorWriteCount = 1, .pDescriptorWrites = &write));
}

static void lie_descriptor_binding(struct hostile *h)
{
	write_descriptors(h, 2, 0, 1, 256);
}

static void lie_descriptor_element(struct hostile *h)
{
	write_descriptors(h, 3, 2, 3, 256);
}

static void lie_descriptor_overflow(struct hostile *h)
{
	write_descriptors(h, 3, UINT32_MAX, 2, 256);
}

static void lie_descriptor_range(struct hostile *h)
{
	write_descriptors(h, 3, 0, 1, HOSTILE_BUFFER_SIZE);
}

/* An array up to the last number, and none of this number and 1. */
static void lie_set_layout(struct hostile *h)
{
	const VkDescriptorSetLayoutBinding binding = {
		.binding = UINT32_MAX,
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.descriptorCount = 1,
		.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
	};
	const VkDescriptorSetLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = 1,
		.pBindings = &binding,
	};
	VkDescriptorSetLayout layout = HANDLE(h, SET_LAYOUT, VkDescriptorSetLayout);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateDescriptorSetLayout, .device = device(h),
				.pCreateInfo = &info, .pSetLayout = &layout));
}

static void make_layout(struct hostile *h, uint32_t push_size)
{
	const VkDescriptorSetLayout set_layout = HANDLE(h, SET_LAYOUT, VkDescriptorSetLayout);
	const VkPushConstantRange range = { VK_SHADER_STAGE_COMPUTE_BIT, 0, push_size };
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &set_layout,
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &range,
	};
	VkPipelineLayout layout = HANDLE(h, LAYOUT, VkPipelineLayout);

	make_set(h);
	hostile_send(h, MESSAGE(h, vkCreatePipelineLayout, .device = device(h),
				.pCreateInfo = &info, .pPipelineLayout = &layout));
}

static void lie_layout_push(struct hostile *h)
{
	make_layout(h, 1u << 20);
}

static void lie_push(struct hostile *h)
{
	const uint32_t words[4] = { 0 };

	make_layout(h, 16);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdPushConstants, .layout = HANDLE(h, LAYOUT, VkPipelineLayout),
			       .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .offset = UINT32_MAX - 15,
			       .size = sizeof(words), .pValues = words));
}

static void bind_sets(struct hostile *h, uint32_t first, uint32_t offset_count, uint32_t offset)
{
	const VkDescriptorSet set = HANDLE(h, SET, VkDescriptorSet);
	const uint32_t offsets[2] = { offset, 0 };
	const VkDescriptorBufferInfo info = { HANDLE(h, BUFFER, VkBuffer), 256, 1024 };
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = set,
		.dstBinding = 1,
		.descriptorCount = 1,
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC,
		.pBufferInfo = &info,
	};

	make_layout(h, 16);
	hostile_send(h, MESSAGE(h, vkUpdateDescriptorSets, .device = device(h),
				.descriptorWriteCount = 1, .pDescriptorWrites = &write));
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBindDescriptorSets,
			       .pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE,
			       .layout = HANDLE(h, LAYOUT, VkPipelineLayout), .firstSet = first,
			       .descriptorSetCount = 1, .pDescriptorSets = &set,
			       .dynamicOffsetCount = offset_count, .pDynamicOffsets = offsets));
}

static void lie_bind_set(struct hostile *h)
{
	bind_sets(h, 1, 1, 0);
}

static void lie_bind_offsets(struct hostile *h)
{
	bind_sets(h, 0, 2, 0);
}

static void lie_bind_beyond(struct hostile *h)
{
	bind_sets(h, 0, 1, HOSTILE_BUFFER_SIZE - 1024);
}

const struct lie hostile_descriptor_lies[] = {
	{ "vkUpdateDescriptorSets:binding", lie_descriptor_binding },
	{ "vkUpdateDescriptorSets:element", lie_descriptor_element },
	{ "vkUpdateDescriptorSets:overflow", lie_descriptor_overflow },
	{ "vkUpdateDescriptorSets:range", lie_descriptor_range },
	{ "vkCreateDescriptorSetLayout:number", lie_set_layout },
	{ "vkCreatePipelineLayout:push", lie_layout_push },
	{ "vkCmdPushConstants:overflow", lie_push },
	{ "vkCmdBindDescriptorSets:set", lie_bind_set },
	{ "vkCmdBindDescriptorSets:offsets", lie_bind_offsets },
	{ "vkCmdBindDescriptorSets:beyond", lie_bind_beyond },
	{ NULL, NULL },
};
