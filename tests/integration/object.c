/* SPDX-License-Identifier: MIT */
/* Objects and what can be asked of them: caches, names, private data, pools, creation results. */
#include "cases.h"

#include "color_frag.h"
#include "double_comp.h"
#include "scan_comp.h"
#include "triangle_vert.h"

#include <stdlib.h>
#include <string.h>

static VkPipelineCache create_cache(struct vkt *t, const void *data, size_t size)
{
	const VkPipelineCacheCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
		.initialDataSize = size,
		.pInitialData = data,
	};
	VkPipelineCache cache;

	VKT_OK(vkCreatePipelineCache(t->device, &info, NULL, &cache));
	VKT_OWN(t, PIPELINE_CACHE, cache);
	return cache;
}

static void pipeline_cache(struct vkt *t)
{
	struct vkt_buffer words =
		vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	VkPipelineCache caches[] = { create_cache(t, NULL, 0), create_cache(t, NULL, 0),
				     create_cache(t, NULL, 0) };
	const VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
			   .module = vkt_create_shader(t, VKT_CODE(scan_comp)),
			   .pName = "main" },
		.layout = kernel.layout,
	};
	uint8_t data[4096];
	size_t size = 0;
	VkPipeline pipeline;

	VKT_OK(vkCreateComputePipelines(t->device, caches[0], 1, &info, NULL, &pipeline));
	VKT_OWN(t, PIPELINE, pipeline);
	VKT_OK(vkMergePipelineCaches(t->device, caches[1], 2,
				     (VkPipelineCache[]){ caches[0], caches[2] }));
	VKT_OK(vkGetPipelineCacheData(t->device, caches[1], &size, NULL));
	vkt_put_u64(t, "size", size);
	VKT_EXPECT(size >= 32 && size <= sizeof(data));
	VKT_OK(vkGetPipelineCacheData(t->device, caches[1], &size, data));
	/* The header names the device: programs compare it before they load a cache. */
	VKT_EXPECT(memcmp(data + 16, t->properties.pipelineCacheUUID, VK_UUID_SIZE) == 0);
	VKT_EXPECT(memcmp(data + 8, &t->properties.vendorID, 4) == 0);
	vkt_put(t, "header", data, 32);
	size_t small = 10;
	vkt_put_result(t, "too small", vkGetPipelineCacheData(t->device, caches[1], &small, data));
	vkt_put_u64(t, "written", small);
	create_cache(t, data, size);
	create_cache(t, "no cache at all, but many bytes of something", 44);
}

/* Several pipelines in one call; a derivative; feedback; and one that may not be compiled. */
static void pipeline_creation(struct vkt *t)
{
	struct vkt_buffer words =
		vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	VkPipelineCreationFeedback feedback = { 0 }, stage_feedback = { 0 };
	const VkPipelineCreationFeedbackCreateInfo feedback_info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO,
		.pPipelineCreationFeedback = &feedback,
		.pipelineStageCreationFeedbackCount = 1,
		.pPipelineStageCreationFeedbacks = &stage_feedback,
	};
	VkComputePipelineCreateInfo infos[3];
	VkPipeline pipelines[3];

	for (int i = 0; i < 3; i++) {
		infos[i] = (VkComputePipelineCreateInfo){
			.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
			.pNext = i == 2 ? &feedback_info : NULL,
			.flags = i == 0	  ? VK_PIPELINE_CREATE_ALLOW_DERIVATIVES_BIT
				 : i == 1 ? VK_PIPELINE_CREATE_DERIVATIVE_BIT
					  : 0,
			.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
				   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
				   .module = vkt_create_shader(t, i == 1 ? VKT_CODE(scan_comp)
									 : VKT_CODE(double_comp)),
				   .pName = "main" },
			.layout = kernel.layout,
			.basePipelineIndex = i == 1 ? 0 : -1,
		};
	}
	VKT_OK(vkCreateComputePipelines(t->device, VK_NULL_HANDLE, 3, infos, NULL, pipelines));
	for (int i = 0; i < 3; i++) {
		VKT_OWN(t, PIPELINE, pipelines[i]);
	}
	vkt_put_u64(t, "feedback", feedback.flags & VK_PIPELINE_CREATION_FEEDBACK_VALID_BIT);

	VkCommandBuffer cmd = vkt_begin(t);
	vkt_fill_pattern(words.map, words.size, 1);
	for (int i = 0; i < 3; i++) {
		vkt_bind_kernel(cmd, &kernel);
		vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipelines[i]);
		vkCmdDispatch(cmd, 1, 1, 1);
		vkt_barrier(cmd);
	}
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "words", &words);
}

static void pipeline_compile_required(struct vkt *t)
{
	struct vkt_buffer words =
		vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	VkComputePipelineCreateInfo infos[2];
	VkPipeline pipelines[2];

	vkt_require(t->features->v13.pipelineCreationCacheControl, "pipelineCreationCacheControl");
	for (int i = 0; i < 2; i++) {
		infos[i] = (VkComputePipelineCreateInfo){
			.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
			.flags = i == 0 ? VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT
					: 0,
			.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
				   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
				   .module = vkt_create_shader(t, VKT_CODE(double_comp)),
				   .pName = "main" },
			.layout = kernel.layout,
		};
	}
	VkResult result =
		vkCreateComputePipelines(t->device, VK_NULL_HANDLE, 2, infos, NULL, pipelines);
	vkt_put_result(t, "result", result);
	for (int i = 0; i < 2; i++) {
		vkt_put_u64(t, "made", pipelines[i] != VK_NULL_HANDLE);
		if (pipelines[i] != VK_NULL_HANDLE) {
			VKT_OWN(t, PIPELINE, pipelines[i]);
		}
	}
}

static void private_data(struct vkt *t)
{
	const VkPrivateDataSlotCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO,
	};
	struct vkt_buffer buffer = vkt_create_buffer(t, 64, 0, VKT_HOST);
	VkPrivateDataSlot slots[2];
	uint64_t value = 1;

	vkt_require(t->features->v13.privateData, "privateData");
	for (int i = 0; i < 2; i++) {
		VKT_OK(vkCreatePrivateDataSlot(t->device, &info, NULL, &slots[i]));
	}
	const uint64_t handle = (uint64_t)buffer.handle;
	vkGetPrivateData(t->device, VK_OBJECT_TYPE_BUFFER, handle, slots[0], &value);
	vkt_put_u64(t, "unset", value);
	VKT_OK(vkSetPrivateData(t->device, VK_OBJECT_TYPE_BUFFER, handle, slots[0], 0x123456789ab));
	VKT_OK(vkSetPrivateData(t->device, VK_OBJECT_TYPE_BUFFER, handle, slots[1], 77));
	VKT_OK(vkSetPrivateData(t->device, VK_OBJECT_TYPE_DEVICE, (uint64_t)t->device, slots[1],
				5));
	vkGetPrivateData(t->device, VK_OBJECT_TYPE_BUFFER, handle, slots[0], &value);
	vkt_put_u64(t, "first", value);
	vkGetPrivateData(t->device, VK_OBJECT_TYPE_BUFFER, handle, slots[1], &value);
	vkt_put_u64(t, "second", value);
	VKT_OK(vkSetPrivateData(t->device, VK_OBJECT_TYPE_BUFFER, handle, slots[0], 9));
	vkGetPrivateData(t->device, VK_OBJECT_TYPE_BUFFER, handle, slots[0], &value);
	vkt_put_u64(t, "changed", value);
	vkGetPrivateData(t->device, VK_OBJECT_TYPE_DEVICE, (uint64_t)t->device, slots[1], &value);
	vkt_put_u64(t, "of the device", value);
	for (int i = 0; i < 2; i++) {
		vkDestroyPrivateDataSlot(t->device, slots[i], NULL);
	}
}

static void debug_names(struct vkt *t)
{
	struct vkt_buffer words =
		vkt_create_buffer(t, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	PFN_vkSetDebugUtilsObjectNameEXT set_name =
		(PFN_vkSetDebugUtilsObjectNameEXT)vkGetInstanceProcAddr(
			t->instance, "vkSetDebugUtilsObjectNameEXT");

	vkt_require(set_name != NULL, "VK_EXT_debug_utils");
	PFN_vkSetDebugUtilsObjectTagEXT set_tag = VKT_INSTANCE_PROC(t, vkSetDebugUtilsObjectTagEXT);
	PFN_vkCmdBeginDebugUtilsLabelEXT begin = VKT_INSTANCE_PROC(t, vkCmdBeginDebugUtilsLabelEXT);
	PFN_vkCmdEndDebugUtilsLabelEXT end = VKT_INSTANCE_PROC(t, vkCmdEndDebugUtilsLabelEXT);
	PFN_vkCmdInsertDebugUtilsLabelEXT insert =
		VKT_INSTANCE_PROC(t, vkCmdInsertDebugUtilsLabelEXT);
	PFN_vkQueueBeginDebugUtilsLabelEXT queue_begin =
		VKT_INSTANCE_PROC(t, vkQueueBeginDebugUtilsLabelEXT);
	PFN_vkQueueEndDebugUtilsLabelEXT queue_end =
		VKT_INSTANCE_PROC(t, vkQueueEndDebugUtilsLabelEXT);
	const VkDebugUtilsObjectNameInfoEXT names[] = {
		{ VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, NULL, VK_OBJECT_TYPE_BUFFER,
		  (uint64_t)words.handle, "the words" },
		{ VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, NULL, VK_OBJECT_TYPE_QUEUE,
		  (uint64_t)t->queue, "the queue" },
		{ VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, NULL, VK_OBJECT_TYPE_BUFFER,
		  (uint64_t)words.handle, "" },
	};
	const VkDebugUtilsObjectTagInfoEXT tag = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_TAG_INFO_EXT,
		.objectType = VK_OBJECT_TYPE_PIPELINE,
		.objectHandle = (uint64_t)kernel.pipeline,
		.tagName = 42,
		.tagSize = 5,
		.pTag = "12345",
	};
	const VkDebugUtilsLabelEXT label = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
		.pLabelName = "a part of the work",
		.color = { 1, 0, 0, 1 },
	};
	VkCommandBuffer cmd = vkt_begin(t);

	for (size_t i = 0; i < VKT_COUNT(names); i++) {
		VKT_OK(set_name(t->device, &names[i]));
	}
	VKT_OK(set_tag(t->device, &tag));
	vkt_fill_pattern(words.map, words.size, 2);
	begin(cmd, &label);
	vkt_bind_kernel(cmd, &kernel);
	insert(cmd, &label);
	vkCmdDispatch(cmd, 1, 1, 1);
	end(cmd);
	vkt_barrier(cmd);
	queue_begin(t->queue, &label);
	vkt_end_and_run(t, cmd);
	queue_end(t->queue);
	vkt_put_buffer(t, "words", &words);
}

/* Command buffers that are reset, recorded anew, freed; pools that are reset and trimmed. */
static void command_pools(struct vkt *t)
{
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
		.queueFamilyIndex = t->family,
	};
	const VkCommandBufferBeginInfo once = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
		/* Ignored for primary command buffers: must not be read. */
		.pInheritanceInfo = t->messenger == VK_NULL_HANDLE
					    ? (const VkCommandBufferInheritanceInfo *)(uintptr_t)16
					    : NULL,
	};
	struct vkt_buffer words = vkt_create_buffer(t, 256, 0, VKT_HOST);
	VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 4,
	};
	VkCommandBuffer cmds[4];

	VKT_OK(vkCreateCommandPool(t->device, &pool_info, NULL, &allocate.commandPool));
	VKT_OWN(t, COMMAND_POOL, allocate.commandPool);
	VKT_OK(vkAllocateCommandBuffers(t->device, &allocate, cmds));
	memset(words.map, 0, words.size);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 4; i++) {
			VKT_OK(vkBeginCommandBuffer(cmds[i], &once));
			vkCmdFillBuffer(cmds[i], words.handle, i * 64, 32 + round * 8,
					round * 100 + i);
			vkt_barrier(cmds[i]);
			vkt_end_and_run(t, cmds[i]);
		}
		vkt_put_buffer(t, "words", &words);
		VKT_OK(vkResetCommandPool(t->device, allocate.commandPool,
					  round == 1 ? VK_COMMAND_POOL_RESET_RELEASE_RESOURCES_BIT
						     : 0));
	}
	vkTrimCommandPool(t->device, allocate.commandPool, 0);
	vkFreeCommandBuffers(t->device, allocate.commandPool, 2,
			     (VkCommandBuffer[]){ cmds[1], VK_NULL_HANDLE });
	vkFreeCommandBuffers(t->device, allocate.commandPool, 1, &cmds[3]);

	/* One that is recorded over without being reset in between, and one without commands. */
	VkCommandBuffer again = vkt_begin(t);
	vkCmdFillBuffer(again, words.handle, 0, 128, 1);
	VKT_OK(vkEndCommandBuffer(again));
	VKT_OK(vkBeginCommandBuffer(again, &once));
	vkCmdFillBuffer(again, words.handle, 128, 64, 0x99);
	vkt_barrier(again);
	vkt_end_and_run(t, again);
	VKT_OK(vkResetCommandBuffer(again, VK_COMMAND_BUFFER_RESET_RELEASE_RESOURCES_BIT));
	vkt_end_and_run(t, vkt_begin(t));
	vkt_put_buffer(t, "words", &words);
}

static void calibrated_timestamps(struct vkt *t)
{
	VkTimeDomainEXT domains[8];
	VkCalibratedTimestampInfoEXT infos[8];
	uint64_t first[8], second[8], deviation;
	uint32_t count = VKT_COUNT(domains);

	vkt_require_extension(t, "VK_EXT_calibrated_timestamps");
	VKT_OK(VKT_INSTANCE_PROC(t, vkGetPhysicalDeviceCalibrateableTimeDomainsEXT)(
		t->physical, &count, domains));
	vkt_put(t, "domains", domains, count * sizeof(domains[0]));
	PFN_vkGetCalibratedTimestampsEXT get = VKT_DEVICE_PROC(t, vkGetCalibratedTimestampsEXT);
	for (uint32_t i = 0; i < count; i++) {
		infos[i] = (VkCalibratedTimestampInfoEXT){
			.sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
			.timeDomain = domains[i],
		};
	}
	VKT_OK(get(t->device, count, infos, first, &deviation));
	VKT_OK(get(t->device, count, infos, second, &deviation));
	for (uint32_t i = 0; i < count; i++) {
		VKT_EXPECT(second[i] >= first[i] && first[i] != 0);
	}
}

/* Creation that fails, and what it says. */
static void creation_results(struct vkt *t)
{
	static const float priority = 1.0f;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = t->family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const char *unknown[] = { "VK_EXT_no_such_extension" };
	VkPhysicalDeviceFeatures features;
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = 1,
		.ppEnabledExtensionNames = unknown,
	};
	VkDevice device;

	vkt_put_result(t, "extension", vkCreateDevice(t->physical, &info, NULL, &device));
	vkGetPhysicalDeviceFeatures(t->physical, &features);
	if (!features.sparseBinding) {
		features.sparseBinding = VK_TRUE;
		info.enabledExtensionCount = 0;
		info.pEnabledFeatures = &features;
		vkt_put_result(t, "feature", vkCreateDevice(t->physical, &info, NULL, &device));
	}
	vkt_put_u64(t, "unknown command",
		    vkGetDeviceProcAddr(t->device, "vkNoSuchCommand") != NULL);
	vkt_put_u64(t, "instance command",
		    vkGetDeviceProcAddr(t->device, "vkCreateInstance") != NULL);
	/* Destroying nothing is allowed. */
	vkDestroyBuffer(t->device, VK_NULL_HANDLE, NULL);
	vkDestroyPipeline(t->device, VK_NULL_HANDLE, NULL);
	vkFreeMemory(t->device, VK_NULL_HANDLE, NULL);
	vkDestroyFence(t->device, VK_NULL_HANDLE, NULL);
	vkDestroyCommandPool(t->device, VK_NULL_HANDLE, NULL);
}

/* A pipeline lives on when what it was made from is gone. */
static void early_destruction(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	VkShaderModule modules[2] = { vkt_create_shader(t, VKT_CODE(triangle_vert)),
				      vkt_create_shader(t, VKT_CODE(color_frag)) };
	const struct vkt_target_spec like = { .width = 64,
					      .height = 64,
					      .colors = { VK_FORMAT_R8G8B8A8_UNORM } };
	VkRenderPass other = vkt_create_render_pass(t, &like);
	struct vkt_pipeline_spec spec = {
		.vert = VKT_CODE(triangle_vert),
		.frag = VKT_CODE(color_frag),
		.layout = vkt_create_layout(t, VK_NULL_HANDLE, 0),
		.render_pass = other,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.color_count = 1,
		.extent = { 64, 64 },
	};
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_begin(t);

	for (int i = 0; i < 2; i++) {
		vkt_disown(t, (uint64_t)modules[i]);
		vkDestroyShaderModule(t->device, modules[i], NULL);
	}
	vkt_disown(t, (uint64_t)other);
	vkDestroyRenderPass(t->device, other, NULL);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", &target);
}

/* Handles come and go: ids must not run out, nor be mixed up. */
static void many_objects(struct vkt *t)
{
	enum {
		COUNT = 300
	};
	VkSampler samplers[COUNT];
	VkEvent events[COUNT];
	const VkSamplerCreateInfo sampler_info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
	};
	const VkEventCreateInfo event_info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < COUNT; i++) {
			VKT_OK(vkCreateSampler(t->device, &sampler_info, NULL, &samplers[i]));
			VKT_OK(vkCreateEvent(t->device, &event_info, NULL, &events[i]));
			if (i % 3 == 0) {
				VKT_OK(vkSetEvent(t->device, events[i]));
			}
		}
		for (int i = 0; i < COUNT; i++) {
			VKT_RESULT(i % 3 == 0 ? VK_EVENT_SET : VK_EVENT_RESET,
				   vkGetEventStatus(t->device, events[i]));
			vkDestroySampler(t->device, samplers[(i * 7) % COUNT], NULL);
			vkDestroyEvent(t->device, events[i], NULL);
		}
	}
}

const struct vkt_case object_cases[] = {
	{ "pipeline_cache", pipeline_cache, VKT_PLAIN },
	{ "pipeline_creation", pipeline_creation, 0 },
	{ "pipeline_compile_required", pipeline_compile_required, 0 },
	{ "private_data", private_data, 0 },
	{ "debug_names", debug_names, VKT_MESSAGES },
	{ "command_pools", command_pools, 0 },
	{ "calibrated_timestamps", calibrated_timestamps, 0 },
	{ "creation_results", creation_results, VKT_PLAIN },
	{ "early_destruction", early_destruction, VKT_PLAIN },
	{ "many_objects", many_objects, VKT_PLAIN },
	{ NULL, NULL, 0 },
};
