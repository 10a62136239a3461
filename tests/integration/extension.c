/* SPDX-License-Identifier: MIT */
/* What extensions add, and the commands that a device has. */
#include "cases.h"

#include "flat_frag.h"
#include "flat_vert.h"
#include "indexed_comp.h"
#include "quad_vert.h"
#include "texture_frag.h"

#include <stdlib.h>
#include <string.h>

/* Which of all commands of the registry the device gives away. */
static void proc_addresses(struct vkt *t)
{
	static const char *const names[] = {
#include "command_names.inc"
	};

	for (size_t i = 0; i < VKT_COUNT(names); i++) {
		const size_t length = strlen(names[i]);
		/* What has to do with windows is the platform's. Commands that need a second
		 * extension, all of them NVIDIA's, are given away by some drivers without it. */
		if (strstr(names[i], "Swapchain") == NULL && strstr(names[i], "Present") == NULL &&
		    strstr(names[i], "Image2KHR") == NULL &&
		    strcmp(names[i] + length - 2, "NV") != 0) {
			vkt_put_u64(t, names[i], vkGetDeviceProcAddr(t->device, names[i]) != NULL);
		}
	}
}

/* The commands of extensions that have become core are there under both names, and are one. */
static void aliases(struct vkt *t)
{
	struct vkt_buffer buffer = vkt_create_buffer(t, 1024, 0, VKT_HOST);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require_extension(t, "VK_KHR_synchronization2");
	PFN_vkCmdPipelineBarrier2KHR barrier = VKT_DEVICE_PROC(t, vkCmdPipelineBarrier2KHR);
	PFN_vkQueueSubmit2KHR submit = VKT_DEVICE_PROC(t, vkQueueSubmit2KHR);
	PFN_vkWaitSemaphoresKHR wait = VKT_DEVICE_PROC(t, vkWaitSemaphoresKHR);
	PFN_vkGetSemaphoreCounterValueKHR get = VKT_DEVICE_PROC(t, vkGetSemaphoreCounterValueKHR);
	const VkMemoryBarrier2 memory = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
		.srcStageMask = VK_PIPELINE_STAGE_2_CLEAR_BIT,
		.srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT,
		.dstStageMask = VK_PIPELINE_STAGE_2_HOST_BIT,
		.dstAccessMask = VK_ACCESS_2_HOST_READ_BIT,
	};
	const VkDependencyInfo dependency = {
		.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
		.memoryBarrierCount = 1,
		.pMemoryBarriers = &memory,
	};
	VkSemaphore semaphore = vkt_create_timeline(t, 0);
	const VkCommandBufferSubmitInfo cmd_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
		.commandBuffer = cmd,
	};
	const VkSemaphoreSubmitInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		.semaphore = semaphore,
		.value = 3,
		.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
	};
	const VkSubmitInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
		.commandBufferInfoCount = 1,
		.pCommandBufferInfos = &cmd_info,
		.signalSemaphoreInfoCount = 1,
		.pSignalSemaphoreInfos = &signal,
	};
	const VkSemaphoreWaitInfo wait_info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &semaphore,
		.pValues = &signal.value,
	};
	uint64_t value;

	memset(buffer.map, 0, buffer.size);
	vkCmdFillBuffer(cmd, buffer.handle, 0, 512, 0x12345678);
	barrier(cmd, &dependency);
	VKT_OK(vkEndCommandBuffer(cmd));
	VKT_OK(submit(t->queue, 1, &info, VK_NULL_HANDLE));
	VKT_OK(wait(t->device, &wait_info, UINT64_MAX));
	VKT_OK(get(t->device, semaphore, &value));
	vkt_put_u64(t, "value", value);
	vkt_put_buffer(t, "buffer", &buffer);
}

static VkDescriptorSetLayout create_indexed_layout(struct vkt *t)
{
	const VkDescriptorBindingFlags flags[] = {
		0,
		VK_DESCRIPTOR_BINDING_PARTIALLY_BOUND_BIT |
			VK_DESCRIPTOR_BINDING_UPDATE_AFTER_BIND_BIT |
			VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT,
	};
	const VkDescriptorSetLayoutBindingFlagsCreateInfo flags_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO,
		.bindingCount = 2,
		.pBindingFlags = flags,
	};
	const VkDescriptorSetLayoutBinding bindings[] = {
		{ 0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL },
		{ 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 64, VK_SHADER_STAGE_COMPUTE_BIT, NULL },
	};
	const VkDescriptorSetLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.pNext = &flags_info,
		.flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_UPDATE_AFTER_BIND_POOL_BIT,
		.bindingCount = 2,
		.pBindings = bindings,
	};
	VkDescriptorSetLayout layout;

	VKT_OK(vkCreateDescriptorSetLayout(t->device, &info, NULL, &layout));
	VKT_OWN(t, DESCRIPTOR_SET_LAYOUT, layout);
	return layout;
}

static VkDescriptorSet create_indexed_set(struct vkt *t, VkDescriptorSetLayout layout)
{
	const uint32_t variable_count = 20;
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 65 };
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.flags = VK_DESCRIPTOR_POOL_CREATE_UPDATE_AFTER_BIND_BIT,
		.maxSets = 1,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};
	const VkDescriptorSetVariableDescriptorCountAllocateInfo count_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO,
		.descriptorSetCount = 1,
		.pDescriptorCounts = &variable_count,
	};
	VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.pNext = &count_info,
		.descriptorSetCount = 1,
		.pSetLayouts = &layout,
	};
	VkDescriptorSet set;

	VKT_OK(vkCreateDescriptorPool(t->device, &pool_info, NULL, &info.descriptorPool));
	VKT_OWN(t, DESCRIPTOR_POOL, info.descriptorPool);
	VKT_OK(vkAllocateDescriptorSets(t->device, &info, &set));
	return set;
}

static void descriptor_indexing(struct vkt *t)
{
	const VkPhysicalDeviceVulkan12Features *features = &t->features->v12;

	vkt_require(features->descriptorIndexing && features->runtimeDescriptorArray &&
			    features->descriptorBindingVariableDescriptorCount &&
			    features->descriptorBindingPartiallyBound &&
			    features->descriptorBindingStorageBufferUpdateAfterBind &&
			    features->shaderStorageBufferArrayNonUniformIndexing,
		    "descriptorIndexing");
	struct vkt_buffer words =
		vkt_create_buffer(t, 8192, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	struct vkt_buffer result =
		vkt_create_buffer(t, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	VkDescriptorSetLayout set_layout = create_indexed_layout(t);
	VkDescriptorSet set = create_indexed_set(t, set_layout);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(indexed_comp), NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(words.map, words.size, 1);
	vkt_set_buffer(t, set, 0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, &result);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
	vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0, NULL);
	vkCmdDispatch(cmd, 2, 1, 1);
	vkt_barrier(cmd);
	VKT_OK(vkEndCommandBuffer(cmd));
	/* Written after they are bound, and only those that are used. */
	for (uint32_t i = 0; i < 14; i += 2) {
		const VkDescriptorBufferInfo info = { words.handle, i * 512, 512 };
		const VkWriteDescriptorSet write = {
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = set,
			.dstBinding = 1,
			.dstArrayElement = i,
			.descriptorCount = 1,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.pBufferInfo = &info,
		};
		vkUpdateDescriptorSets(t->device, 1, &write, 0, NULL);
	}
	vkt_run(t, cmd);
	vkt_put_buffer(t, "result", &result);
}

static struct vkt_pipeline_spec flat_spec(struct vkt *t, const struct vkt_target *target)
{
	return (struct vkt_pipeline_spec){
		.vert = VKT_CODE(flat_vert),
		.frag = VKT_CODE(flat_frag),
		.layout = vkt_create_layout(t, VK_NULL_HANDLE, 0),
		.render_pass = target->render_pass,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.color_count = 1,
		.extent = target->extent,
	};
}

static void draw_flat(struct vkt *t, const struct vkt_target *target,
		      const struct vkt_pipeline_spec *spec)
{
	VkPipeline pipeline = vkt_create_graphics(t, spec);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", target);
}

static void provoking_vertex(struct vkt *t)
{
	const VkProvokingVertexModeEXT modes[] = { VK_PROVOKING_VERTEX_MODE_FIRST_VERTEX_EXT,
						   VK_PROVOKING_VERTEX_MODE_LAST_VERTEX_EXT };
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = flat_spec(t, &target);

	vkt_require(t->features->provoking_vertex.provokingVertexLast, "provokingVertexLast");
	for (int i = 0; i < 2; i++) {
		const VkPipelineRasterizationProvokingVertexStateCreateInfoEXT state = {
			.sType =
				VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_PROVOKING_VERTEX_STATE_CREATE_INFO_EXT,
			.provokingVertexMode = modes[i],
		};
		spec.rasterization_next = &state;
		draw_flat(t, &target, &spec);
	}
}

static void depth_clip(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = flat_spec(t, &target);

	vkt_require(t->features->depth_clip.depthClipEnable, "depthClipEnable");
	for (uint32_t i = 0; i < 2; i++) {
		const VkPipelineRasterizationDepthClipStateCreateInfoEXT state = {
			.sType =
				VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_DEPTH_CLIP_STATE_CREATE_INFO_EXT,
			.depthClipEnable = i,
		};
		spec.rasterization_next = &state;
		draw_flat(t, &target, &spec);
	}
}

static VkSampler create_border_sampler(struct vkt *t, VkClearColorValue color)
{
	const VkSamplerCustomBorderColorCreateInfoEXT border = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CUSTOM_BORDER_COLOR_CREATE_INFO_EXT,
		.customBorderColor = color,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
	};
	const VkSamplerCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
		.pNext = &border,
		.addressModeU = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
		.addressModeV = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
		.addressModeW = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
		.borderColor = VK_BORDER_COLOR_FLOAT_CUSTOM_EXT,
	};
	VkSampler sampler;

	VKT_OK(vkCreateSampler(t->device, &info, NULL, &sampler));
	VKT_OWN(t, SAMPLER, sampler);
	return sampler;
}

static void custom_border_color(struct vkt *t)
{
	const VkDescriptorType type = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
	const float push[9] = { 1, 1, 1, 1, -1, -1, 1, 1, 0 };
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = flat_spec(t, &target);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, &type, 1, 0);
	VkDescriptorSet set = vkt_create_set(t, set_layout, &type, 1);
	struct vkt_image image = vkt_create_image(
		t, &(struct vkt_image_spec){ .format = VK_FORMAT_R8G8B8A8_UNORM,
					     .width = 8,
					     .height = 8,
					     .usage = VK_IMAGE_USAGE_SAMPLED_BIT });

	vkt_require(t->features->border_color.customBorderColors, "customBorderColors");
	vkt_upload_pattern(t, &image, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, 1);
	vkt_set_image(t, set, 0, type, image.view, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
		      create_border_sampler(
			      t, (VkClearColorValue){ .float32 = { 0.2f, 0.9f, 0.4f, 1 } }));
	spec.vert = VKT_CODE(quad_vert);
	spec.frag = VKT_CODE(texture_frag);
	spec.layout = vkt_create_layout(t, set_layout, sizeof(push));
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_begin(t);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, spec.layout, 0, 1, &set, 0,
				NULL);
	vkCmdPushConstants(cmd, spec.layout, VK_SHADER_STAGE_ALL, 0, sizeof(push), push);
	vkCmdDraw(cmd, 4, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", &target);
}

const struct vkt_case extension_cases[] = {
	{ "proc_addresses", proc_addresses, 0 },
	{ "proc_addresses_plain", proc_addresses, VKT_PLAIN },
	{ "aliases", aliases, 0 },
	{ "descriptor_indexing", descriptor_indexing, 0 },
	{ "provoking_vertex", provoking_vertex, 0 },
	{ "depth_clip", depth_clip, 0 },
	{ "custom_border_color", custom_border_color, 0 },
	{ NULL, NULL, 0 },
};
