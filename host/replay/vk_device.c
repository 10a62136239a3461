/* SPDX-License-Identifier: MIT */
/* Devices: what the guest asked for, and what Sluice adds to it. */
#include "host/replay/replay_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/timeslice.h"
#include "host/replay/clear.h"
#include "host/replay/queue.h"
#include "protocol/sl_checked_ops.h"
#include "protocol/sl_types.h"

/* Extensions that the replay itself adds at most. */
#define MAX_ADDED_EXTENSIONS 3
/* Of the driver's threads. The one that starts a job on a queue when the last one has ended, which
 * a software driver does by a thread, should not wait for those that the end of the last has woken.
 */
#define DRIVER_TIMESLICE_NS 100000

struct device_setup {
	struct sl_replay *replay;
	struct sl_replay_physical_device *physical;
	VkDeviceCreateInfo info; /* what the driver gets */
	const char **names;
	uint32_t name_count;
	/* Filled in if the guest does not bring its own. */
	VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
	VkPhysicalDeviceHostQueryResetFeatures reset;
	VkPhysicalDeviceFeatures features;
	bool resets_queries;
};

static bool can_import(const struct sl_memory_types *types)
{
	for (uint32_t i = 0; i < types->guest.memoryTypeCount; i++) {
		if (types->types[i].kind == SL_MEMORY_IMPORT) {
			return true;
		}
	}
	return false;
}

static void add_name(struct device_setup *setup, const char *name)
{
	for (uint32_t i = 0; i < setup->name_count; i++) {
		if (strcmp(setup->names[i], name) == 0) {
			return;
		}
	}
	setup->names[setup->name_count++] = name;
}

static VkResult choose_extensions(struct device_setup *setup, const VkDeviceCreateInfo *asked)
{
	const struct sl_gpu_device *gpu = setup->physical->gpu;

	setup->names = sl_replay_scratch(setup->replay,
					 asked->enabledExtensionCount + MAX_ADDED_EXTENSIONS,
					 sizeof(*setup->names));
	if (setup->names == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < asked->enabledExtensionCount; i++) {
		const char *name = asked->ppEnabledExtensionNames[i];
		int index = sl_extension_index(name);

		if (index < 0) {
			return VK_ERROR_EXTENSION_NOT_PRESENT;
		}
		if (sl_gpu_device_has_extension(gpu, name)) {
			add_name(setup, name);
		} else if (!sl_extension_list[index].is_guest) {
			return VK_ERROR_EXTENSION_NOT_PRESENT;
		}
	}
	if (can_import(&setup->physical->memory_types)) {
		add_name(setup, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
	}
	if (gpu->properties.apiVersion < VK_API_VERSION_1_2) {
		add_name(setup, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
	}
	setup->info.enabledExtensionCount = setup->name_count;
	setup->info.ppEnabledExtensionNames = setup->names;
	setup->info.enabledLayerCount = 0;
	return VK_SUCCESS;
}

/* Guests' shaders cannot be trusted to stay inside of their buffers. */
static void force_robustness(struct device_setup *setup)
{
	VkPhysicalDeviceFeatures2 *features2 =
		sl_chain_find(setup->info.pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);

	if (features2 != NULL) {
		features2->features.robustBufferAccess = VK_TRUE;
		return;
	}
	if (setup->info.pEnabledFeatures != NULL) {
		setup->features = *setup->info.pEnabledFeatures;
	}
	setup->features.robustBufferAccess = VK_TRUE;
	setup->info.pEnabledFeatures = &setup->features;
}

/* Every host queue is numbered by a timeline semaphore. */
static void force_timeline_semaphores(struct device_setup *setup)
{
	VkPhysicalDeviceVulkan12Features *vulkan12 = sl_chain_find(
		setup->info.pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
	VkPhysicalDeviceTimelineSemaphoreFeatures *timeline = sl_chain_find(
		setup->info.pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES);

	if (vulkan12 != NULL) {
		vulkan12->timelineSemaphore = VK_TRUE;
	} else if (timeline != NULL) {
		timeline->timelineSemaphore = VK_TRUE;
	} else {
		setup->timeline = (VkPhysicalDeviceTimelineSemaphoreFeatures){
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
			.pNext = (void *)setup->info.pNext,
			.timelineSemaphore = VK_TRUE,
		};
		setup->info.pNext = &setup->timeline;
	}
}

static bool can_reset_queries(const struct device_setup *setup)
{
	VkPhysicalDeviceHostQueryResetFeatures reset = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_HOST_QUERY_RESET_FEATURES,
	};
	VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &reset,
	};

	if (setup->physical->gpu->properties.apiVersion < VK_API_VERSION_1_2) {
		return false;
	}
	setup->replay->vki.GetPhysicalDeviceFeatures2(setup->physical->handle, &features);
	return reset.hostQueryReset == VK_TRUE;
}

/* Queues that only copy cannot reset the queries of their timestamps. */
static void ask_for_query_reset(struct device_setup *setup)
{
	VkPhysicalDeviceVulkan12Features *vulkan12 = sl_chain_find(
		setup->info.pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
	VkPhysicalDeviceHostQueryResetFeatures *reset = sl_chain_find(
		setup->info.pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_HOST_QUERY_RESET_FEATURES);

	setup->resets_queries = can_reset_queries(setup);
	if (!setup->resets_queries) {
		return;
	}
	if (vulkan12 != NULL) {
		vulkan12->hostQueryReset = VK_TRUE;
	} else if (reset != NULL) {
		reset->hostQueryReset = VK_TRUE;
	} else {
		setup->reset = (VkPhysicalDeviceHostQueryResetFeatures){
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_HOST_QUERY_RESET_FEATURES,
			.pNext = (void *)setup->info.pNext,
			.hostQueryReset = VK_TRUE,
		};
		setup->info.pNext = &setup->reset;
	}
}

static VkResult prepare(struct device_setup *setup, const VkDeviceCreateInfo *asked)
{
	VkResult result;

	sl_replay_scratch_reset(setup->replay);
	setup->info = *asked;
	sl_features_mask((void *)setup->info.pNext);
	result = choose_extensions(setup, asked);
	if (result != VK_SUCCESS) {
		return result;
	}
	force_robustness(setup);
	force_timeline_semaphores(setup);
	ask_for_query_reset(setup);
	return VK_SUCCESS;
}

/* Remember which queues the guest may get: drivers do not check what vkGetDeviceQueue() is
 * asked for. */
static int keep_queue_requests(struct sl_replay_device *device, const VkDeviceCreateInfo *asked)
{
	device->queue_requests =
		calloc(asked->queueCreateInfoCount + 1, sizeof(*device->queue_requests));
	if (device->queue_requests == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < asked->queueCreateInfoCount; i++) {
		device->queue_requests[i] = (struct sl_replay_queue_request){
			.family = asked->pQueueCreateInfos[i].queueFamilyIndex,
			.count = asked->pQueueCreateInfos[i].queueCount,
			.flags = asked->pQueueCreateInfos[i].flags,
		};
	}
	device->queue_request_count = asked->queueCreateInfoCount;
	return 0;
}

/* Returns 0 or -EIO: then its queues still work, and everything stays. */
static int destroy_device(struct sl_replay_device *device)
{
	if (device->handle != VK_NULL_HANDLE) {
		int r = sl_replay_device_stop_queues(device);

		if (r < 0) {
			return r;
		}
		if (device->object != NULL) {
			sl_check_destroy(device->object->check);
		}
		sl_replay_device_free_memories(device);
		sl_clear_destroy(device->clear);
		sl_cutter_finish(device);
		device->vkd.DestroyDevice(device->handle, NULL);
	}
	sl_recordings_forget(device);
	sl_handle_map_finish(&device->memories);
	sl_handle_map_finish(&device->odd_kinds);
	sl_gate_forget_semaphores(device);
	pthread_mutex_destroy(&device->shadow_lock);
	free(device->queue_requests);
	free(device);
	return 0;
}

static struct sl_replay_device *create_device(struct sl_replay *replay,
					      struct sl_replay_physical_device *physical,
					      const VkDeviceCreateInfo *asked)
{
	struct sl_replay_device *device = calloc(1, sizeof(*device));

	if (device == NULL) {
		return NULL;
	}
	pthread_mutex_init(&device->shadow_lock, NULL);
	device->replay = replay;
	device->physical = physical;
	device->can_import = can_import(&physical->memory_types);
	LIST_INIT(&device->recordings.all);
	sl_cutter_init(&device->cutter);
	if (keep_queue_requests(device, asked) < 0) {
		destroy_device(device);
		return NULL;
	}
	return device;
}

static void destroy_object(void *data, VkObjectType type, uint64_t handle)
{
	struct sl_replay_device *device = data;

	sl_checked_destroy(device->replay, device->object, type, handle);
}

/* The driver leaves alone what it does not know. */
static struct sl_check_more_limits get_more_limits(const struct sl_replay_device *device)
{
	VkPhysicalDeviceTransformFeedbackPropertiesEXT feedback = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_PROPERTIES_EXT,
	};
	VkPhysicalDeviceDiscardRectanglePropertiesEXT rectangles = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DISCARD_RECTANGLE_PROPERTIES_EXT,
		.pNext = &feedback,
	};
	VkPhysicalDeviceSampleLocationsPropertiesEXT locations = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SAMPLE_LOCATIONS_PROPERTIES_EXT,
		.pNext = &rectangles,
	};
	VkPhysicalDeviceRayTracingPropertiesNV ray_nv = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PROPERTIES_NV,
		.pNext = &locations,
	};
	VkPhysicalDeviceRayTracingPipelinePropertiesKHR ray = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR,
		.pNext = &ray_nv,
	};
	VkPhysicalDeviceDescriptorBufferPropertiesEXT descriptors = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_PROPERTIES_EXT,
		.pNext = &ray,
	};
	VkPhysicalDeviceInlineUniformBlockProperties blocks = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_INLINE_UNIFORM_BLOCK_PROPERTIES,
		.pNext = &descriptors,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &blocks,
	};

	device->replay->vki.GetPhysicalDeviceProperties2(device->physical->handle, &properties);
	return (struct sl_check_more_limits){
		.feedback_buffers = feedback.maxTransformFeedbackBuffers,
		.feedback_streams = feedback.maxTransformFeedbackStreams,
		.descriptor_buffers = descriptors.maxDescriptorBufferBindings,
		.inline_block_size = blocks.maxInlineUniformBlockSize,
		.inline_blocks = blocks.maxPerStageDescriptorInlineUniformBlocks,
		.discard_rectangles = rectangles.maxDiscardRectangles,
		.group_handle_size = ray.shaderGroupHandleSize > ray_nv.shaderGroupHandleSize
					     ? ray.shaderGroupHandleSize
					     : ray_nv.shaderGroupHandleSize,
		.group_capture_size = ray.shaderGroupHandleCaptureReplaySize,
		.location_samples = locations.sampleLocationSampleCounts,
		.location_grid = locations.maxSampleLocationGridSize,
	};
}

static bool is_mesa_22(const struct sl_replay_device *device)
{
	unsigned int major;

	return sl_replay_is_software(device) &&
	       sscanf(device->physical->gpu->driver_info, "Mesa %u.", &major) == 1 && major <= 22;
}

/* Returns false if memory is short. */
static bool create_check(struct sl_replay_device *device)
{
	const VkPhysicalDeviceProperties *properties = &device->physical->gpu->properties;

	device->is_mesa_22 = is_mesa_22(device);
	const struct sl_check_options options = {
		.host = {
			.destroy = destroy_object,
			.data = device,
			.get_completed = sl_replay_queue_get_completed,
			.get_submitted = sl_replay_queue_get_submitted,
			.wait = sl_replay_queue_wait,
		},
		.limits = &properties->limits,
		.more = get_more_limits(device),
		.is_software = sl_replay_is_software(device),
		.is_mesa_22 = device->is_mesa_22,
	};

	device->object->check = sl_check_create(&options);
	return device->object->check != NULL;
}

int sl_replay_vkCreateDevice(struct sl_replay *replay, struct sl_vkCreateDevice *args)
{
	struct sl_object *object = args->created[0];
	struct device_setup setup = {
		.replay = replay,
		.physical = sl_replay_physical_device_of(args->self),
	};
	struct sl_clear_plan plan;
	PFN_vkGetDeviceProcAddr get_proc =
		(PFN_vkGetDeviceProcAddr)(void (*)(void))sl_gpu_get_loader(replay->options.gpu)(
			replay->instance.handle, "vkGetDeviceProcAddr");

	args->ret = prepare(&setup, args->pCreateInfo);
	if (args->ret != VK_SUCCESS) {
		return 0;
	}
	args->ret = sl_clear_plan(replay, setup.physical, &setup.info, &plan);
	if (args->ret != VK_SUCCESS) {
		return 0;
	}
	struct sl_replay_device *device = create_device(replay, setup.physical, args->pCreateInfo);

	if (device == NULL) {
		args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
		return 0;
	}
	sl_timeslice_set(DRIVER_TIMESLICE_NS);
	args->ret =
		replay->vki.CreateDevice(args->physicalDevice, &setup.info, NULL, &device->handle);
	sl_timeslice_set(0);
	if (args->ret != VK_SUCCESS) {
		device->handle = VK_NULL_HANDLE;
		destroy_device(device);
		return 0;
	}
	sl_vk_device_table_load(&device->vkd, device->handle, get_proc);
	device->resets_queries = setup.resets_queries;
	args->ret = sl_clear_create(device, &plan, &device->clear);
	if (args->ret != VK_SUCCESS) {
		destroy_device(device);
		return 0;
	}
	device->object = object;
	if (!create_check(device)) {
		destroy_device(device);
		args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
		return 0;
	}
	replay->device_count++;
	object->data = device;
	object->vkd = &device->vkd;
	*args->pDevice = device->handle;
	return 0;
}

int sl_replay_vkDestroyDevice(struct sl_replay *replay, struct sl_vkDestroyDevice *args)
{
	struct sl_object *object = args->self;

	if (object == NULL) {
		return 0;
	}
	int r = destroy_device(object->data);

	replay->device_count -= r == 0 ? 1 : 0;
	return r;
}
