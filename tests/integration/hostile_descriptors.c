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

/* --- Layouts that a driver has no room for --- */

static void create_set_layout(struct hostile *h, enum object object,
			      VkDescriptorSetLayoutCreateFlags flags, uint32_t count,
			      const VkDescriptorSetLayoutBinding *bindings)
{
	const VkDescriptorSetLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.flags = flags,
		.bindingCount = count,
		.pBindings = bindings,
	};
	VkDescriptorSetLayout layout = HANDLE(h, object, VkDescriptorSetLayout);

	hostile_send(h, MESSAGE(h, vkCreateDescriptorSetLayout, .device = device(h),
				.pCreateInfo = &info, .pSetLayout = &layout));
}

static VkDescriptorSetLayoutBinding binding_of(VkDescriptorType type, uint32_t count,
					       VkShaderStageFlags stages)
{
	return (VkDescriptorSetLayoutBinding){
		.descriptorType = type,
		.descriptorCount = count,
		.stageFlags = stages,
	};
}

static void lie_layout_of(struct hostile *h, VkDescriptorType type, uint32_t count,
			  VkShaderStageFlags stages)
{
	const VkDescriptorSetLayoutBinding binding = binding_of(type, count, stages);

	hostile_make_world(h);
	create_set_layout(h, SET_LAYOUT, 0, 1, &binding);
}

static void lie_layout_count(struct hostile *h)
{
	lie_layout_of(h, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 65537, VK_SHADER_STAGE_COMPUTE_BIT);
}

static void lie_block_size(struct hostile *h)
{
	lie_layout_of(h, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 65540,
		      VK_SHADER_STAGE_COMPUTE_BIT);
}

/* A driver has bytes for it in the stages that see it. */
static void lie_block_stages(struct hostile *h)
{
	lie_layout_of(h, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 256, 0);
}

static void lie_block_count(struct hostile *h)
{
	VkDescriptorSetLayoutBinding bindings[64];

	for (uint32_t i = 0; i < COUNT(bindings); i++) {
		bindings[i] = binding_of(VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 16,
					 VK_SHADER_STAGE_COMPUTE_BIT);
		bindings[i].binding = i;
	}
	hostile_make_world(h);
	create_set_layout(h, SET_LAYOUT, 0, COUNT(bindings), bindings);
}

static void lie_layout_pushed(struct hostile *h)
{
	const VkDescriptorSetLayoutBinding binding = binding_of(
		VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, 1, VK_SHADER_STAGE_COMPUTE_BIT);

	hostile_make_world(h);
	create_set_layout(h, SET_LAYOUT, VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR, 1,
			  &binding);
}

static void create_layout(struct hostile *h, enum object set_layout)
{
	const VkDescriptorSetLayout handle = HANDLE(h, set_layout, VkDescriptorSetLayout);
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &handle,
	};
	VkPipelineLayout layout = HANDLE(h, LAYOUT, VkPipelineLayout);

	hostile_send(h, MESSAGE(h, vkCreatePipelineLayout, .device = device(h),
				.pCreateInfo = &info, .pPipelineLayout = &layout));
}

static void lie_layout_stage(struct hostile *h)
{
	lie_layout_of(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1000, VK_SHADER_STAGE_COMPUTE_BIT);
	create_layout(h, SET_LAYOUT);
}

/* --- Descriptors of other bindings --- */

/* next: of the pool's create-info. */
static void allocate_in(struct hostile *h, enum object set, enum object pool, const void *next,
			VkDescriptorPoolSize size)
{
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.pNext = next,
		.maxSets = 4,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};
	VkDescriptorSetLayout layout = HANDLE(h, SET_LAYOUT, VkDescriptorSetLayout);
	VkDescriptorPool pool_handle = HANDLE(h, pool, VkDescriptorPool);
	VkDescriptorSet set_handle = HANDLE(h, set, VkDescriptorSet);
	const VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = pool_handle,
		.descriptorSetCount = 1,
		.pSetLayouts = &layout,
	};

	hostile_send(h, MESSAGE(h, vkCreateDescriptorPool, .device = device(h),
				.pCreateInfo = &pool_info, .pDescriptorPool = &pool_handle));
	hostile_send(h, MESSAGE(h, vkAllocateDescriptorSets, .device = device(h),
				.pAllocateInfo = &info, .pDescriptorSets = &set_handle));
}

static void allocate_set(struct hostile *h, VkDescriptorType type)
{
	allocate_in(h, SET, SET_POOL, NULL, (VkDescriptorPoolSize){ type, 64 });
}

static void write_set(struct hostile *h, VkDescriptorType type, uint32_t count, const void *next)
{
	VkDescriptorBufferInfo buffers[16];
	VkDescriptorImageInfo images[16];
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.pNext = next,
		.dstSet = HANDLE(h, SET, VkDescriptorSet),
		.descriptorCount = count,
		.descriptorType = type,
		.pBufferInfo = buffers,
		.pImageInfo = images,
	};

	for (uint32_t i = 0; i < COUNT(buffers); i++) {
		buffers[i] = (VkDescriptorBufferInfo){ HANDLE(h, BUFFER, VkBuffer), 0, 256 };
		images[i] = (VkDescriptorImageInfo){ .sampler = HANDLE(h, SECOND, VkSampler) };
	}
	hostile_send(h, MESSAGE(h, vkUpdateDescriptorSets, .device = device(h),
				.descriptorWriteCount = 1, .pDescriptorWrites = &write));
}

/* Whatever mutable descriptors become, they are never dynamic. */
static void lie_mutable_dynamic(struct hostile *h)
{
	lie_layout_of(h, VK_DESCRIPTOR_TYPE_MUTABLE_EXT, 16, VK_SHADER_STAGE_COMPUTE_BIT);
	allocate_set(h, VK_DESCRIPTOR_TYPE_MUTABLE_EXT);
	write_set(h, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC, 16, NULL);
}

/* Nor bytes: they would go where a descriptor points to. */
static void lie_mutable_block(struct hostile *h)
{
	static const uint8_t bytes[16];
	const VkWriteDescriptorSetInlineUniformBlock block = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK,
		.dataSize = sizeof(bytes),
		.pData = bytes,
	};

	lie_layout_of(h, VK_DESCRIPTOR_TYPE_MUTABLE_EXT, 16, VK_SHADER_STAGE_COMPUTE_BIT);
	allocate_set(h, VK_DESCRIPTOR_TYPE_MUTABLE_EXT);
	write_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, NULL);
	write_set(h, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, sizeof(bytes), &block);
}

/* One run over two bindings that only different stages see: a driver would look for all of it in
 * those of the first. */
static void lie_push_stages(struct hostile *h)
{
	VkDescriptorSetLayoutBinding bindings[] = {
		binding_of(VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 8, VK_SHADER_STAGE_VERTEX_BIT),
		binding_of(VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 8, VK_SHADER_STAGE_FRAGMENT_BIT),
	};
	VkDescriptorBufferInfo buffers[16];
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.descriptorCount = COUNT(buffers),
		.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
		.pBufferInfo = buffers,
	};

	for (uint32_t i = 0; i < COUNT(buffers); i++) {
		buffers[i] = (VkDescriptorBufferInfo){ HANDLE(h, BUFFER, VkBuffer), 0, 256 };
	}
	bindings[1].binding = 1;
	hostile_make_world(h);
	create_set_layout(h, SET_LAYOUT, VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR,
			  COUNT(bindings), bindings);
	create_layout(h, SET_LAYOUT);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdPushDescriptorSetKHR,
			       .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
			       .layout = HANDLE(h, LAYOUT, VkPipelineLayout),
			       .descriptorWriteCount = 1, .pDescriptorWrites = &write));
}

static void make_sampler(struct hostile *h)
{
	const VkSamplerCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO };
	VkSampler sampler = HANDLE(h, SECOND, VkSampler);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateSampler, .device = device(h), .pCreateInfo = &info,
				.pSampler = &sampler));
}

/* One run over two bindings of which one has immutable samplers. */
static void lie_run_samplers(struct hostile *h)
{
	const VkSampler sampler = HANDLE(h, SECOND, VkSampler);
	VkDescriptorSetLayoutBinding bindings[] = {
		binding_of(VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1,
			   VK_SHADER_STAGE_COMPUTE_BIT),
		binding_of(VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 15,
			   VK_SHADER_STAGE_COMPUTE_BIT),
	};

	bindings[0].pImmutableSamplers = &sampler;
	bindings[1].binding = 1;
	make_sampler(h);
	create_set_layout(h, SET_LAYOUT, 0, COUNT(bindings), bindings);
	allocate_set(h, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER);
	write_set(h, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 16, NULL);
}

static void lie_no_sampler(struct hostile *h)
{
	lie_layout_of(h, VK_DESCRIPTOR_TYPE_SAMPLER, 1, VK_SHADER_STAGE_COMPUTE_BIT);
	allocate_set(h, VK_DESCRIPTOR_TYPE_SAMPLER);
	h->objects[SECOND].id = 0;
	write_set(h, VK_DESCRIPTOR_TYPE_SAMPLER, 1, NULL);
}

/* A set whose stages the pipeline's layout does not count. */
static void lie_bind_stages(struct hostile *h)
{
	const VkDescriptorSetLayoutBinding binding =
		binding_of(VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 8, VK_SHADER_STAGE_FRAGMENT_BIT);
	const VkDescriptorSet set = HANDLE(h, SET, VkDescriptorSet);

	lie_layout_of(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 8, VK_SHADER_STAGE_COMPUTE_BIT);
	allocate_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER);
	create_set_layout(h, SECOND, 0, 1, &binding);
	create_layout(h, SECOND);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBindDescriptorSets,
			       .pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE,
			       .layout = HANDLE(h, LAYOUT, VkPipelineLayout),
			       .descriptorSetCount = 1, .pDescriptorSets = &set));
}

/* --- Sets that are not there --- */

/* A layout of two sets, the first of which others bring along. */
static void make_second_set(struct hostile *h, VkDescriptorType type,
			    VkDescriptorSetLayoutCreateFlags flags)
{
	const VkDescriptorSetLayoutBinding binding = binding_of(type, 1, VK_SHADER_STAGE_ALL);
	const VkDescriptorSetLayout sets[2] = { VK_NULL_HANDLE,
						HANDLE(h, SET_LAYOUT, VkDescriptorSetLayout) };
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.flags = VK_PIPELINE_LAYOUT_CREATE_INDEPENDENT_SETS_BIT_EXT,
		.setLayoutCount = COUNT(sets),
		.pSetLayouts = sets,
	};
	VkPipelineLayout layout = HANDLE(h, LAYOUT, VkPipelineLayout);

	hostile_make_world(h);
	create_set_layout(h, SET_LAYOUT, flags, 1, &binding);
	hostile_send(h, MESSAGE(h, vkCreatePipelineLayout, .device = device(h),
				.pCreateInfo = &info, .pPipelineLayout = &layout));
}

static void bind_one_set(struct hostile *h, VkPipelineBindPoint point, uint32_t first,
			 VkDescriptorSet set)
{
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBindDescriptorSets, .pipelineBindPoint = point,
			       .layout = HANDLE(h, LAYOUT, VkPipelineLayout), .firstSet = first,
			       .descriptorSetCount = 1, .pDescriptorSets = &set));
	hostile_submit(h, 1);
}

static void lie_bind_after(struct hostile *h)
{
	make_second_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 0);
	allocate_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER);
	bind_one_set(h, VK_PIPELINE_BIND_POINT_GRAPHICS, 1, HANDLE(h, SET, VkDescriptorSet));
}

static void lie_bind_after_compute(struct hostile *h)
{
	make_second_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 0);
	allocate_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER);
	bind_one_set(h, VK_PIPELINE_BIND_POINT_COMPUTE, 1, HANDLE(h, SET, VkDescriptorSet));
}

static void lie_bind_none(struct hostile *h)
{
	lie_layout_of(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 8, VK_SHADER_STAGE_COMPUTE_BIT);
	create_layout(h, SET_LAYOUT);
	bind_one_set(h, VK_PIPELINE_BIND_POINT_COMPUTE, 0, VK_NULL_HANDLE);
}

/* A dynamic offset of a set that a driver passes over, which the next set would get. */
static void lie_bind_skipped(struct hostile *h)
{
	const VkDescriptorSet sets[2] = { HANDLE(h, SET, VkDescriptorSet),
					  HANDLE(h, SET, VkDescriptorSet) };
	const VkDescriptorBufferInfo info = { HANDLE(h, BUFFER, VkBuffer), 0, 256 };
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = sets[0],
		.descriptorCount = 1,
		.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC,
		.pBufferInfo = &info,
	};
	const uint32_t offsets[2] = { 0, 0 };

	make_second_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, 0);
	allocate_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC);
	hostile_send(h, MESSAGE(h, vkUpdateDescriptorSets, .device = device(h),
				.descriptorWriteCount = 1, .pDescriptorWrites = &write));
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdBindDescriptorSets,
			       .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
			       .layout = HANDLE(h, LAYOUT, VkPipelineLayout),
			       .descriptorSetCount = COUNT(sets), .pDescriptorSets = sets,
			       .dynamicOffsetCount = COUNT(offsets), .pDynamicOffsets = offsets));
}

/* A sampler that no shader uses, but a driver copies. */
static void lie_bind_unwritten(struct hostile *h)
{
	lie_layout_of(h, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 2,
		      VK_SHADER_STAGE_FRAGMENT_BIT);
	allocate_set(h, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER);
	create_layout(h, SET_LAYOUT);
	bind_one_set(h, VK_PIPELINE_BIND_POINT_GRAPHICS, 0, HANDLE(h, SET, VkDescriptorSet));
}

static void allocate_blocks(struct hostile *h, enum object set, enum object pool)
{
	const VkDescriptorPoolInlineUniformBlockCreateInfo blocks = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO,
		.maxInlineUniformBlockBindings = 4,
	};

	allocate_in(h, set, pool, &blocks,
		    (VkDescriptorPoolSize){ VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 16384 });
}

/* A driver would copy as many descriptors as there are bytes. */
static void lie_copy_block(struct hostile *h)
{
	const VkCopyDescriptorSet copy = {
		.sType = VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET,
		.srcSet = HANDLE(h, SET, VkDescriptorSet),
		.dstSet = HANDLE(h, SECOND, VkDescriptorSet),
		.descriptorCount = 4096,
	};

	lie_layout_of(h, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 4096,
		      VK_SHADER_STAGE_COMPUTE_BIT);
	allocate_blocks(h, SECOND, SET_POOL);
	allocate_blocks(h, SET, QUERIES);
	hostile_send(h, MESSAGE(h, vkUpdateDescriptorSets, .device = device(h),
				.descriptorCopyCount = 1, .pDescriptorCopies = &copy));
}

static void lie_push_after(struct hostile *h)
{
	const VkDescriptorBufferInfo buffer = { HANDLE(h, BUFFER, VkBuffer), 0, 256 };
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.descriptorCount = 1,
		.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
		.pBufferInfo = &buffer,
	};

	make_second_set(h, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
			VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdPushDescriptorSetKHR,
			       .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
			       .layout = HANDLE(h, LAYOUT, VkPipelineLayout), .set = 1,
			       .descriptorWriteCount = 1, .pDescriptorWrites = &write));
	hostile_submit(h, 1);
}

const struct lie hostile_descriptor_lies[] = {
	{ "vkCmdBindDescriptorSets:after", lie_bind_after },
	{ "vkCmdBindDescriptorSets:after-compute", lie_bind_after_compute },
	{ "vkCmdBindDescriptorSets:none", lie_bind_none },
	{ "vkCmdBindDescriptorSets:skipped", lie_bind_skipped },
	{ "vkCmdBindDescriptorSets:unwritten", lie_bind_unwritten },
	{ "vkUpdateDescriptorSets:copy-block", lie_copy_block },
	{ "vkCmdPushDescriptorSetKHR:after", lie_push_after },
	{ "vkCreateDescriptorSetLayout:count", lie_layout_count },
	{ "vkCreateDescriptorSetLayout:block-size", lie_block_size },
	{ "vkCreateDescriptorSetLayout:block-stages", lie_block_stages },
	{ "vkCreateDescriptorSetLayout:block-count", lie_block_count },
	{ "vkCreateDescriptorSetLayout:pushed", lie_layout_pushed },
	{ "vkCreatePipelineLayout:stage", lie_layout_stage },
	{ "vkUpdateDescriptorSets:mutable-dynamic", lie_mutable_dynamic },
	{ "vkUpdateDescriptorSets:mutable-block", lie_mutable_block },
	{ "vkCmdPushDescriptorSetKHR:stages", lie_push_stages },
	{ "vkUpdateDescriptorSets:samplers", lie_run_samplers },
	{ "vkUpdateDescriptorSets:no-sampler", lie_no_sampler },
	{ "vkCmdBindDescriptorSets:stages", lie_bind_stages },
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
