/* SPDX-License-Identifier: MIT */
/* Descriptors: every kind, every way to write them, and pools that run out. */
#include "cases.h"

#include "add_comp.h"
#include "arrayed_comp.h"
#include "descriptors_comp.h"
#include "inline_comp.h"

#include <string.h>

enum {
	ADD_WORDS = 256
};

static const VkDescriptorType add_types[] = {
	VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
	VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
	VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
	VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
};

struct add_buffers {
	struct vkt_buffer a, b, c, scale;
};

static struct add_buffers create_add_buffers(struct vkt *t)
{
	const VkDeviceSize size = ADD_WORDS * 4;
	struct add_buffers buffers = {
		.a = vkt_create_buffer(t, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST),
		.b = vkt_create_buffer(t, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST),
		.c = vkt_create_buffer(t, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST),
		.scale = vkt_create_buffer(t, 16, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, VKT_HOST),
	};

	vkt_fill_pattern(buffers.a.map, size, 1);
	vkt_fill_pattern(buffers.b.map, size, 2);
	memset(buffers.c.map, 0, size);
	memcpy(buffers.scale.map, (uint32_t[]){ 3, 1000, 0, 0 }, 16);
	return buffers;
}

static VkDescriptorBufferInfo whole(const struct vkt_buffer *buffer)
{
	return (VkDescriptorBufferInfo){ buffer->handle, 0, VK_WHOLE_SIZE };
}

static void fill_add_infos(const struct add_buffers *buffers, VkDescriptorBufferInfo infos[4])
{
	infos[0] = whole(&buffers->a);
	infos[1] = whole(&buffers->b);
	infos[2] = whole(&buffers->c);
	infos[3] = whole(&buffers->scale);
}

static void run_add(struct vkt *t, VkPipelineLayout layout, VkPipeline pipeline,
		    VkDescriptorSet set, struct vkt_buffer *result)
{
	VkCommandBuffer cmd = vkt_begin(t);

	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
	vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, NULL);
	vkCmdDispatch(cmd, ADD_WORDS / 64, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "sum", result);
}

/* One write over three consecutive bindings, a copy from another set, rewriting a set. */
static void descriptor_writes(struct vkt *t)
{
	struct add_buffers buffers = create_add_buffers(t);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, add_types, 4, 0);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(add_comp), NULL);
	VkDescriptorSet first = vkt_create_set(t, set_layout, add_types, 4);
	VkDescriptorSet second = vkt_create_set(t, set_layout, add_types, 4);
	VkDescriptorBufferInfo infos[4];

	fill_add_infos(&buffers, infos);
	const VkWriteDescriptorSet writes[] = {
		{ .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		  .dstSet = first,
		  .descriptorCount = 3,
		  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		  /* Ignored for buffers: must not be read. */
		  .pImageInfo = (const VkDescriptorImageInfo *)(uintptr_t)16,
		  .pBufferInfo = infos,
		  .pTexelBufferView = (const VkBufferView *)(uintptr_t)16 },
		{ .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		  .dstSet = first,
		  .dstBinding = 3,
		  .descriptorCount = 1,
		  .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
		  .pBufferInfo = &infos[3] },
	};
	VkCopyDescriptorSet copies[4];
	for (uint32_t i = 0; i < 4; i++) {
		/* The first two bindings change places. */
		copies[i] = (VkCopyDescriptorSet){
			.sType = VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET,
			.srcSet = first,
			.srcBinding = i < 2 ? 1 - i : i,
			.dstSet = second,
			.dstBinding = i,
			.descriptorCount = 1,
		};
	}
	vkUpdateDescriptorSets(t->device, 2, writes, 0, NULL);
	vkUpdateDescriptorSets(t->device, 0, NULL, 4, copies);
	run_add(t, layout, pipeline, first, &buffers.c);
	run_add(t, layout, pipeline, second, &buffers.c);
	vkt_set_buffer(t, second, 0, add_types[0], &buffers.b);
	run_add(t, layout, pipeline, second, &buffers.c);
}

static VkDescriptorUpdateTemplate create_template(struct vkt *t,
						  VkDescriptorUpdateTemplateType type,
						  VkDescriptorSetLayout set_layout,
						  VkPipelineLayout layout, size_t stride)
{
	const VkDescriptorUpdateTemplateEntry entries[] = {
		{ 0, 0, 3, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 8, stride },
		{ 3, 0, 1, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 8 + 3 * stride, 0 },
	};
	const VkDescriptorUpdateTemplateCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO,
		.descriptorUpdateEntryCount = VKT_COUNT(entries),
		.pDescriptorUpdateEntries = entries,
		.templateType = type,
		.descriptorSetLayout = set_layout,
		.pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE,
		.pipelineLayout = layout,
	};
	VkDescriptorUpdateTemplate update;

	VKT_OK(vkCreateDescriptorUpdateTemplate(t->device, &info, NULL, &update));
	VKT_OWN(t, DESCRIPTOR_UPDATE_TEMPLATE, update);
	return update;
}

/* What an application hands to a template: the infos lie apart, with other data between. */
struct template_data {
	uint64_t before;
	struct {
		VkDescriptorBufferInfo info;
		uint64_t other[2];
	} entries[4];
};

static void fill_template_data(const struct add_buffers *buffers, struct template_data *data)
{
	VkDescriptorBufferInfo infos[4];

	fill_add_infos(buffers, infos);
	memset(data, 0xee, sizeof(*data));
	for (int i = 0; i < 4; i++) {
		data->entries[i].info = infos[i];
	}
}

static void update_template(struct vkt *t)
{
	struct add_buffers buffers = create_add_buffers(t);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, add_types, 4, 0);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(add_comp), NULL);
	VkDescriptorSet set = vkt_create_set(t, set_layout, add_types, 4);
	struct template_data data;
	VkDescriptorUpdateTemplate update =
		create_template(t, VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET, set_layout,
				VK_NULL_HANDLE, sizeof(data.entries[0]));

	fill_template_data(&buffers, &data);
	vkUpdateDescriptorSetWithTemplate(t->device, set, update, &data);
	run_add(t, layout, pipeline, set, &buffers.c);
}

static void push_descriptor(struct vkt *t)
{
	struct add_buffers buffers = create_add_buffers(t);
	VkDescriptorBufferInfo infos[4];
	VkWriteDescriptorSet writes[4];

	vkt_require_extension(t, "VK_KHR_push_descriptor");
	PFN_vkCmdPushDescriptorSetKHR push = VKT_DEVICE_PROC(t, vkCmdPushDescriptorSetKHR);
	PFN_vkCmdPushDescriptorSetWithTemplateKHR push_template =
		VKT_DEVICE_PROC(t, vkCmdPushDescriptorSetWithTemplateKHR);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(
		t, add_types, 4, VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(add_comp), NULL);
	struct template_data data;
	VkDescriptorUpdateTemplate update =
		create_template(t, VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_PUSH_DESCRIPTORS_KHR,
				VK_NULL_HANDLE, layout, sizeof(data.entries[0]));
	VkCommandBuffer cmd = vkt_begin(t);

	fill_add_infos(&buffers, infos);
	for (uint32_t i = 0; i < 4; i++) {
		writes[i] = (VkWriteDescriptorSet){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			/* Ignored here: must not be looked at. */
			.dstSet = (VkDescriptorSet)(uintptr_t)0x1230,
			.dstBinding = i,
			.descriptorCount = 1,
			.descriptorType = add_types[i],
			.pBufferInfo = &infos[i],
		};
	}
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
	push(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 4, writes);
	vkCmdDispatch(cmd, ADD_WORDS / 64, 1, 1);
	vkt_barrier(cmd);
	/* a and c change places, by the template; b stays what it was. */
	fill_template_data(&buffers, &data);
	data.entries[0].info = infos[2];
	data.entries[2].info = infos[0];
	push_template(cmd, update, layout, 0, &data);
	vkCmdDispatch(cmd, ADD_WORDS / 64, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "a", &buffers.a);
	vkt_put_buffer(t, "c", &buffers.c);
}

static void inline_uniform_block(struct vkt *t)
{
	const VkDescriptorSetLayoutBinding bindings[] = {
		{ 0, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 64, VK_SHADER_STAGE_COMPUTE_BIT,
		  NULL },
		{ 1, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 32, VK_SHADER_STAGE_COMPUTE_BIT,
		  NULL },
		{ 2, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL },
	};
	const VkDescriptorSetLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = 3,
		.pBindings = bindings,
	};
	const VkDescriptorPoolInlineUniformBlockCreateInfo inline_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO,
		.maxInlineUniformBlockBindings = 2,
	};
	const VkDescriptorPoolSize sizes[] = { { VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 96 },
					       { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1 } };
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.pNext = &inline_info,
		.maxSets = 1,
		.poolSizeCount = 2,
		.pPoolSizes = sizes,
	};
	VkDescriptorSetAllocateInfo set_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorSetCount = 1,
	};
	VkDescriptorSetLayout set_layout;
	VkDescriptorSet set;
	uint8_t bytes[96];

	vkt_require(t->features->v13.inlineUniformBlock, "inlineUniformBlock");
	struct vkt_buffer result =
		vkt_create_buffer(t, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	VKT_OK(vkCreateDescriptorSetLayout(t->device, &layout_info, NULL, &set_layout));
	VKT_OWN(t, DESCRIPTOR_SET_LAYOUT, set_layout);
	VKT_OK(vkCreateDescriptorPool(t->device, &pool_info, NULL, &set_info.descriptorPool));
	VKT_OWN(t, DESCRIPTOR_POOL, set_info.descriptorPool);
	set_info.pSetLayouts = &set_layout;
	VKT_OK(vkAllocateDescriptorSets(t->device, &set_info, &set));
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(inline_comp), NULL);

	vkt_fill_pattern(bytes, sizeof(bytes), 3);
	const VkWriteDescriptorSetInlineUniformBlock blocks[] = {
		{ VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK, NULL, 64, bytes },
		{ VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK, NULL, 16,
		  bytes + 64 },
		{ VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK, NULL, 16,
		  bytes + 80 },
	};
	VkWriteDescriptorSet writes[3];
	for (uint32_t i = 0; i < 3; i++) {
		writes[i] = (VkWriteDescriptorSet){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.pNext = &blocks[i],
			.dstSet = set,
			.dstBinding = i > 0,
			.dstArrayElement = i == 2 ? 16 : 0,
			.descriptorCount = blocks[i].dataSize,
			.descriptorType = VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK,
		};
	}
	vkUpdateDescriptorSets(t->device, 3, writes, 0, NULL);
	vkt_set_buffer(t, set, 2, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, &result);
	run_add(t, layout, pipeline, set, &result);
}

static const VkDescriptorType kinds[] = {
	VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
	VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC,
	VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
	VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC,
	VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
	VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER,
	VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
	VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE,
	VK_DESCRIPTOR_TYPE_SAMPLER,
	VK_DESCRIPTOR_TYPE_STORAGE_IMAGE,
};

struct kinds_resources {
	struct vkt_buffer uniforms, result, words, texels;
	struct vkt_image sampled, stored;
};

static VkBufferView create_texel_view(struct vkt *t, const struct vkt_buffer *buffer,
				      VkDeviceSize offset)
{
	const VkBufferViewCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
		.buffer = buffer->handle,
		.format = VK_FORMAT_R32_UINT,
		.offset = offset,
		.range = 1024,
	};
	VkBufferView view;

	VKT_OK(vkCreateBufferView(t->device, &info, NULL, &view));
	VKT_OWN(t, BUFFER_VIEW, view);
	return view;
}

static struct kinds_resources create_kinds_resources(struct vkt *t)
{
	const VkBufferUsageFlags texel =
		VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT;
	struct kinds_resources r = {
		.uniforms =
			vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, VKT_HOST),
		.result = vkt_create_buffer(t, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST),
		.words = vkt_create_buffer(t, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST),
		.texels = vkt_create_buffer(t, 2048, texel, VKT_HOST),
	};
	struct vkt_image_spec spec = {
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.width = 16,
		.height = 16,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT,
	};

	r.sampled = vkt_create_image(t, &spec);
	r.stored = vkt_create_image(t, &spec);
	vkt_upload_pattern(t, &r.sampled, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, 1);
	vkt_upload_pattern(t, &r.stored, VK_IMAGE_LAYOUT_GENERAL, 2);
	vkt_fill_pattern(r.uniforms.map, 1024, 3);
	vkt_fill_pattern(r.words.map, 4096, 4);
	vkt_fill_pattern(r.texels.map, 2048, 5);
	memset(r.result.map, 0, 4096);
	return r;
}

static void write_kinds(struct vkt *t, VkDescriptorSet set, const struct kinds_resources *r)
{
	VkSampler linear = vkt_create_sampler(t, VK_FILTER_LINEAR, VK_SAMPLER_ADDRESS_MODE_REPEAT);
	VkSampler nearest =
		vkt_create_sampler(t, VK_FILTER_NEAREST, VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE);
	const VkDescriptorBufferInfo dynamic[] = { { r->uniforms.handle, 0, 16 },
						   { r->words.handle, 0, 1024 } };
	const VkBufferView views[] = { create_texel_view(t, &r->texels, 0),
				       create_texel_view(t, &r->texels, 1024) };

	for (uint32_t i = 0; i < 2; i++) {
		const VkWriteDescriptorSet writes[] = {
			{ .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			  .dstSet = set,
			  .dstBinding = 1 + 2 * i,
			  .descriptorCount = 1,
			  .descriptorType = kinds[1 + 2 * i],
			  .pBufferInfo = &dynamic[i] },
			{ .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			  .dstSet = set,
			  .dstBinding = 4 + i,
			  .descriptorCount = 1,
			  .descriptorType = kinds[4 + i],
			  .pTexelBufferView = &views[i] },
		};
		vkUpdateDescriptorSets(t->device, 2, writes, 0, NULL);
	}
	vkt_set_buffer(t, set, 0, kinds[0], &r->uniforms);
	vkt_set_buffer(t, set, 2, kinds[2], &r->result);
	vkt_set_image(t, set, 6, kinds[6], r->sampled.view,
		      VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, linear);
	vkt_set_image(t, set, 7, kinds[7], r->sampled.view,
		      VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, VK_NULL_HANDLE);
	vkt_set_image(t, set, 8, kinds[8], VK_NULL_HANDLE, VK_IMAGE_LAYOUT_UNDEFINED, nearest);
	vkt_set_image(t, set, 9, kinds[9], r->stored.view, VK_IMAGE_LAYOUT_GENERAL, VK_NULL_HANDLE);
}

static void descriptor_kinds(struct vkt *t)
{
	struct kinds_resources r = create_kinds_resources(t);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, kinds, VKT_COUNT(kinds), 0);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(descriptors_comp), NULL);
	VkDescriptorSet set = vkt_create_set(t, set_layout, kinds, VKT_COUNT(kinds));
	VkCommandBuffer cmd = vkt_begin(t);

	write_kinds(t, set, &r);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
	for (uint32_t i = 0; i < 4; i++) {
		const uint32_t align = 256;
		const uint32_t offsets[] = { i * align, (i + 1) % 3 * 1024 };
		vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 2,
					offsets);
		vkCmdDispatch(cmd, 2, 2, 1);
		vkt_barrier(cmd);
	}
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "result", &r.result);
	vkt_put_buffer(t, "words", &r.words);
	vkt_put_buffer(t, "texels", &r.texels);
	vkt_put_image(t, "stored", &r.stored, VK_IMAGE_LAYOUT_GENERAL);
}

static void descriptor_arrays(struct vkt *t)
{
	const VkDescriptorSetLayoutBinding bindings[] = {
		{ 0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 6, VK_SHADER_STAGE_COMPUTE_BIT, NULL },
		{ 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL },
	};
	const VkDescriptorSetLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = 2,
		.pBindings = bindings,
	};
	const VkDescriptorType pool_types[] = {
		bindings[0].descriptorType, bindings[0].descriptorType, bindings[0].descriptorType,
		bindings[0].descriptorType, bindings[0].descriptorType, bindings[0].descriptorType,
		bindings[0].descriptorType
	};
	VkDescriptorBufferInfo infos[7];
	VkDescriptorSetLayout set_layout;

	struct vkt_buffer words =
		vkt_create_buffer(t, 8192, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	struct vkt_buffer result =
		vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	VKT_OK(vkCreateDescriptorSetLayout(t->device, &layout_info, NULL, &set_layout));
	VKT_OWN(t, DESCRIPTOR_SET_LAYOUT, set_layout);
	VkDescriptorSet set = vkt_create_set(t, set_layout, pool_types, 7);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(arrayed_comp), NULL);

	vkt_fill_pattern(words.map, words.size, 6);
	memset(result.map, 0, result.size);
	for (uint32_t i = 0; i < 6; i++) {
		infos[i] = (VkDescriptorBufferInfo){ words.handle, i * 1024, 1024 };
	}
	infos[6] = whole(&result);
	/* One write runs over from the array into the next binding. */
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = set,
		.descriptorCount = 7,
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.pBufferInfo = infos,
	};
	vkUpdateDescriptorSets(t->device, 1, &write, 0, NULL);
	run_add(t, layout, pipeline, set, &result);
}

/* What a pool says when it has no room, after freeing and after a reset. */
static void descriptor_pools(struct vkt *t)
{
	const VkDescriptorPoolSize sizes[] = { { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 30 },
					       { VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 10 } };
	const VkDescriptorPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT,
		.maxSets = 8,
		.poolSizeCount = 2,
		.pPoolSizes = sizes,
	};
	struct add_buffers buffers = create_add_buffers(t);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, add_types, 4, 0);
	VkDescriptorSetLayout layouts[8];
	VkDescriptorSet sets[8], ninth;
	VkDescriptorSetAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.pSetLayouts = layouts,
	};

	for (uint32_t i = 0; i < 8; i++) {
		layouts[i] = set_layout;
	}
	VKT_OK(vkCreateDescriptorPool(t->device, &info, NULL, &allocate.descriptorPool));
	VKT_OWN(t, DESCRIPTOR_POOL, allocate.descriptorPool);
	allocate.descriptorSetCount = 8;
	vkt_put_result(t, "eight", vkAllocateDescriptorSets(t->device, &allocate, sets));
	allocate.descriptorSetCount = 1;
	/* Drivers may have more room than they were asked for; Mesa's lavapipe does. */
	VkResult full = vkAllocateDescriptorSets(t->device, &allocate, &ninth);
	VKT_EXPECT(full == VK_SUCCESS || full == VK_ERROR_OUT_OF_POOL_MEMORY);
	VKT_OK(vkResetDescriptorPool(t->device, allocate.descriptorPool, 0));
	for (uint32_t i = 0; i < 8; i++) {
		VKT_OK(vkAllocateDescriptorSets(t->device, &allocate, &sets[i]));
	}
	VKT_OK(vkFreeDescriptorSets(t->device, allocate.descriptorPool, 3, &sets[2]));
	allocate.descriptorSetCount = 3;
	VKT_OK(vkAllocateDescriptorSets(t->device, &allocate, &sets[2]));

	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(add_comp), NULL);
	for (uint32_t i = 0; i < 8; i++) {
		vkt_set_buffer(t, sets[i], 0, add_types[0], &buffers.a);
		vkt_set_buffer(t, sets[i], 1, add_types[1], i % 2 ? &buffers.a : &buffers.b);
		vkt_set_buffer(t, sets[i], 2, add_types[2], &buffers.c);
		vkt_set_buffer(t, sets[i], 3, add_types[3], &buffers.scale);
		run_add(t, layout, pipeline, sets[i], &buffers.c);
	}
}

/* Immutable samplers, an empty binding, a set layout without bindings. */
static void set_layouts(struct vkt *t)
{
	VkSampler sampler = vkt_create_sampler(t, VK_FILTER_LINEAR, VK_SAMPLER_ADDRESS_MODE_REPEAT);
	const VkSampler samplers[] = { sampler, sampler };
	/* For buffers samplers are ignored and must not be read; the validation layer does. */
	const VkSampler *ignored =
		t->messenger == VK_NULL_HANDLE ? (const VkSampler *)(uintptr_t)16 : NULL;
	const VkDescriptorSetLayoutBinding bindings[] = {
		{ 7, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 2, VK_SHADER_STAGE_ALL, samplers },
		{ 2, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0, VK_SHADER_STAGE_ALL, NULL },
		{ 3, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, 4, VK_SHADER_STAGE_VERTEX_BIT,
		  ignored },
	};
	VkDescriptorSetLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = 3,
		.pBindings = bindings,
	};
	VkDescriptorSetLayoutSupport support = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_SUPPORT,
	};
	VkDescriptorSetLayout layouts[2];

	vkGetDescriptorSetLayoutSupport(t->device, &info, &support);
	vkt_put_u64(t, "supported", support.supported);
	VKT_OK(vkCreateDescriptorSetLayout(t->device, &info, NULL, &layouts[0]));
	VKT_OWN(t, DESCRIPTOR_SET_LAYOUT, layouts[0]);
	info.bindingCount = 0;
	VKT_OK(vkCreateDescriptorSetLayout(t->device, &info, NULL, &layouts[1]));
	VKT_OWN(t, DESCRIPTOR_SET_LAYOUT, layouts[1]);

	const VkPipelineLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 2,
		.pSetLayouts = layouts,
	};
	VkPipelineLayout layout;
	VKT_OK(vkCreatePipelineLayout(t->device, &layout_info, NULL, &layout));
	VKT_OWN(t, PIPELINE_LAYOUT, layout);
}

const struct vkt_case descriptor_cases[] = {
	{ "descriptor_writes", descriptor_writes, VKT_PLAIN },
	{ "update_template", update_template, 0 },
	{ "push_descriptor", push_descriptor, 0 },
	{ "inline_uniform_block", inline_uniform_block, 0 },
	{ "descriptor_kinds", descriptor_kinds, VKT_PLAIN },
	{ "descriptor_arrays", descriptor_arrays, VKT_PLAIN },
	{ "descriptor_pools", descriptor_pools, 0 },
	{ "set_layouts", set_layouts, 0 },
	{ NULL, NULL, 0 },
};
