/* SPDX-License-Identifier: MIT */
/* Instance and device, checks, and what must be destroyed at the end. */
#include "vkt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct vkt_undo {
	VkObjectType type;
	uint64_t handle;
};

struct feature_struct {
	const char *extension; /* NULL: core */
	VkStructureType type;
	size_t offset;
};

#define FEATURE(extension, type, member)                             \
	{                                                            \
		extension, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##type, \
			offsetof(struct vkt_features, member)        \
	}

static const struct feature_struct feature_structs[] = {
	FEATURE(NULL, FEATURES_2, core),
	FEATURE(NULL, VULKAN_1_1_FEATURES, v11),
	FEATURE(NULL, VULKAN_1_2_FEATURES, v12),
	FEATURE(NULL, VULKAN_1_3_FEATURES, v13),
	FEATURE("VK_EXT_transform_feedback", TRANSFORM_FEEDBACK_FEATURES_EXT, transform_feedback),
	FEATURE("VK_EXT_extended_dynamic_state", EXTENDED_DYNAMIC_STATE_FEATURES_EXT,
		dynamic_state),
	FEATURE("VK_EXT_extended_dynamic_state2", EXTENDED_DYNAMIC_STATE_2_FEATURES_EXT,
		dynamic_state2),
	FEATURE("VK_EXT_extended_dynamic_state3", EXTENDED_DYNAMIC_STATE_3_FEATURES_EXT,
		dynamic_state3),
	FEATURE("VK_EXT_vertex_input_dynamic_state", VERTEX_INPUT_DYNAMIC_STATE_FEATURES_EXT,
		vertex_input),
	FEATURE("VK_EXT_custom_border_color", CUSTOM_BORDER_COLOR_FEATURES_EXT, border_color),
	FEATURE("VK_EXT_conditional_rendering", CONDITIONAL_RENDERING_FEATURES_EXT,
		conditional_rendering),
	FEATURE("VK_EXT_multi_draw", MULTI_DRAW_FEATURES_EXT, multi_draw),
	FEATURE("VK_EXT_index_type_uint8", INDEX_TYPE_UINT8_FEATURES_EXT, index_uint8),
	FEATURE("VK_EXT_graphics_pipeline_library", GRAPHICS_PIPELINE_LIBRARY_FEATURES_EXT,
		pipeline_library),
	FEATURE("VK_EXT_line_rasterization", LINE_RASTERIZATION_FEATURES_EXT, lines),
	FEATURE("VK_EXT_vertex_attribute_divisor", VERTEX_ATTRIBUTE_DIVISOR_FEATURES_EXT, divisor),
	FEATURE("VK_EXT_color_write_enable", COLOR_WRITE_ENABLE_FEATURES_EXT, color_write),
	FEATURE("VK_EXT_provoking_vertex", PROVOKING_VERTEX_FEATURES_EXT, provoking_vertex),
	FEATURE("VK_EXT_depth_clip_enable", DEPTH_CLIP_ENABLE_FEATURES_EXT, depth_clip),
	FEATURE("VK_EXT_primitives_generated_query", PRIMITIVES_GENERATED_QUERY_FEATURES_EXT,
		primitives_generated),
	FEATURE("VK_EXT_primitive_topology_list_restart",
		PRIMITIVE_TOPOLOGY_LIST_RESTART_FEATURES_EXT, list_restart),
	FEATURE("VK_EXT_robustness2", ROBUSTNESS_2_FEATURES_EXT, robustness),
	FEATURE("VK_KHR_present_id", PRESENT_ID_FEATURES_KHR, present_id),
	FEATURE("VK_KHR_present_wait", PRESENT_WAIT_FEATURES_KHR, present_wait),
};

/* Enabled where the device has them, besides those with a feature struct. */
static const char *const plain_extensions[] = {
	"VK_KHR_push_descriptor",	 "VK_KHR_pipeline_library",
	"VK_KHR_copy_commands2",	 "VK_KHR_synchronization2",
	"VK_KHR_timeline_semaphore",	 "VK_KHR_dynamic_rendering",
	"VK_KHR_create_renderpass2",	 "VK_KHR_draw_indirect_count",
	"VK_KHR_buffer_device_address",	 "VK_EXT_calibrated_timestamps",
	"VK_EXT_host_query_reset",	 "VK_EXT_sampler_filter_minmax",
	"VK_EXT_memory_budget",		 "VK_EXT_private_data",
	"VK_EXT_shader_subgroup_ballot",
};

/* With VKT_WINDOWS, where they are there. */
static const char *const window_instance_extensions[] = {
	"VK_KHR_surface",	  "VK_KHR_xcb_surface",	     "VK_KHR_xlib_surface",
	"VK_KHR_wayland_surface", "VK_EXT_headless_surface", "VK_KHR_get_surface_capabilities2",
};

static const char *const window_extensions[] = {
	"VK_KHR_swapchain",
	"VK_KHR_swapchain_mutable_format",
	"VK_KHR_incremental_present",
};

static const char layer_name[] = "VK_LAYER_KHRONOS_validation";

VkResult vkt_check_result(VkResult result, VkResult want, const char *what, const char *file,
			  int line)
{
	if (result != want) {
		fprintf(stderr, "%s:%d: %s returned %d, not %d\n", file, line, what, result, want);
		exit(1);
	}
	return result;
}

void vkt_check(bool condition, const char *what, const char *file, int line)
{
	if (!condition) {
		fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
		exit(1);
	}
}

void vkt_require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "skipped: this device lacks %s\n", what);
		exit(77);
	}
}

uint64_t vkt_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool vkt_has_extension(const struct vkt *t, const char *name)
{
	for (uint32_t i = 0; i < t->extension_count; i++) {
		if (strcmp(t->extensions[i], name) == 0) {
			return true;
		}
	}
	return false;
}

void vkt_require_extension(const struct vkt *t, const char *name)
{
	vkt_require(vkt_has_extension(t, name), name);
}

PFN_vkVoidFunction vkt_device_proc(const struct vkt *t, const char *name)
{
	PFN_vkVoidFunction proc = vkGetDeviceProcAddr(t->device, name);

	if (proc == NULL) {
		fprintf(stderr, "vkGetDeviceProcAddr does not know %s\n", name);
		exit(1);
	}
	return proc;
}

PFN_vkVoidFunction vkt_instance_proc(const struct vkt *t, const char *name)
{
	PFN_vkVoidFunction proc = vkGetInstanceProcAddr(t->instance, name);

	if (proc == NULL) {
		fprintf(stderr, "vkGetInstanceProcAddr does not know %s\n", name);
		exit(1);
	}
	return proc;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL print_message(
	VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
	const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
	struct vkt *t = user;

	if ((types & VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT) == 0) {
		__atomic_fetch_add(&t->message_count, 1, __ATOMIC_RELAXED);
		fprintf(stderr, "validation: %s\n", data->pMessage);
	}
	return VK_FALSE;
}

static bool instance_has(const char *layer, const char *extension)
{
	VkExtensionProperties list[64];
	uint32_t count = VKT_COUNT(list);

	vkEnumerateInstanceExtensionProperties(layer, &count, list);
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(list[i].extensionName, extension) == 0) {
			return true;
		}
	}
	return false;
}

static void create_instance(struct vkt *t, const struct vkt_options *options)
{
	VkDebugUtilsMessengerCreateInfoEXT messenger = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
		.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
				   VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
		.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
			       VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
		.pfnUserCallback = print_message,
		.pUserData = t,
	};
	const VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "vkt",
		.applicationVersion = 1,
		.apiVersion = t->flags & VKT_PLAIN ? VK_API_VERSION_1_0 : VK_API_VERSION_1_3,
	};
	const char *layers[] = { layer_name };
	const char *debug_utils = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
	const char *extensions[VKT_COUNT(window_instance_extensions) + 1];
	uint32_t extension_count = 0;

	if (options->validate || (t->flags & VKT_MESSAGES && instance_has(NULL, debug_utils))) {
		extensions[extension_count++] = debug_utils;
	}
	for (size_t i = 0; t->flags & VKT_WINDOWS && i < VKT_COUNT(window_instance_extensions);
	     i++) {
		if (instance_has(NULL, window_instance_extensions[i])) {
			extensions[extension_count++] = window_instance_extensions[i];
		}
	}
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pNext = options->validate ? &messenger : NULL,
		.pApplicationInfo = &app,
		.enabledLayerCount = options->validate ? 1 : 0,
		.ppEnabledLayerNames = layers,
		.enabledExtensionCount = extension_count,
		.ppEnabledExtensionNames = extensions,
	};

	VKT_OK(vkCreateInstance(&info, NULL, &t->instance));
	if (options->validate) {
		VKT_OK(VKT_INSTANCE_PROC(t, vkCreateDebugUtilsMessengerEXT)(t->instance, &messenger,
									    NULL, &t->messenger));
	}
}

static void choose_physical(struct vkt *t)
{
	VkQueueFamilyProperties families[16];
	uint32_t count = 1, family_count = VKT_COUNT(families);
	const VkQueueFlags want = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;

	VkResult result = vkEnumeratePhysicalDevices(t->instance, &count, &t->physical);
	VKT_EXPECT(result == VK_SUCCESS || result == VK_INCOMPLETE);
	VKT_EXPECT(count == 1);
	vkGetPhysicalDeviceProperties(t->physical, &t->properties);
	vkGetPhysicalDeviceMemoryProperties(t->physical, &t->memory);
	vkGetPhysicalDeviceQueueFamilyProperties(t->physical, &family_count, families);
	for (t->family = 0; t->family < family_count; t->family++) {
		if ((families[t->family].queueFlags & want) == want) {
			return;
		}
	}
	vkt_require(false, "a queue for graphics and compute");
}

static bool list_has(const VkExtensionProperties *list, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(list[i].extensionName, name) == 0) {
			return true;
		}
	}
	return false;
}

static void add_extension(struct vkt *t, const char *name)
{
	VKT_EXPECT(t->extension_count < VKT_COUNT(t->extensions));
	t->extensions[t->extension_count++] = name;
}

/* Ask for every feature struct the device has, and link them in that order. */
static void choose_features(struct vkt *t, struct vkt_features *features)
{
	VkBaseOutStructure **link = NULL;
	uint32_t count = 0;

	VKT_OK(vkEnumerateDeviceExtensionProperties(t->physical, NULL, &count, NULL));
	VkExtensionProperties *list = calloc(count, sizeof(*list));
	VKT_EXPECT(list != NULL);
	VKT_OK(vkEnumerateDeviceExtensionProperties(t->physical, NULL, &count, list));

	for (size_t i = 0; i < VKT_COUNT(feature_structs); i++) {
		const struct feature_struct *known = &feature_structs[i];
		VkBaseOutStructure *base = (void *)((uint8_t *)features + known->offset);
		if (known->extension != NULL && !list_has(list, count, known->extension)) {
			continue;
		}
		if (base == (void *)&features->v13 &&
		    t->properties.apiVersion < VK_API_VERSION_1_3) {
			continue;
		}
		if (known->offset >= offsetof(struct vkt_features, present_id) &&
		    (t->flags & VKT_WINDOWS) == 0) {
			continue;
		}
		if (known->extension != NULL) {
			add_extension(t, known->extension);
		}
		base->sType = known->type;
		if (link != NULL) {
			*link = base;
		}
		link = &base->pNext;
	}
	for (size_t i = 0; i < VKT_COUNT(plain_extensions); i++) {
		if (list_has(list, count, plain_extensions[i])) {
			add_extension(t, plain_extensions[i]);
		}
	}
	for (size_t i = 0; t->flags & VKT_WINDOWS && i < VKT_COUNT(window_extensions); i++) {
		if (list_has(list, count, window_extensions[i])) {
			add_extension(t, window_extensions[i]);
		}
	}
	free(list);
	vkGetPhysicalDeviceFeatures2(t->physical, &features->core);
}

static void create_device(struct vkt *t)
{
	static const float priority = 1.0f;
	struct vkt_features *features = calloc(1, sizeof(*features));
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = t->family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
	};

	VKT_EXPECT(features != NULL);
	t->features = features;
	if ((t->flags & VKT_PLAIN) == 0) {
		vkt_require(t->properties.apiVersion >= (t->flags & VKT_OLDER ? VK_API_VERSION_1_2
									      : VK_API_VERSION_1_3),
			    "a recent Vulkan");
		choose_features(t, features);
		info.pNext = &features->core;
		info.enabledExtensionCount = t->extension_count;
		info.ppEnabledExtensionNames = t->extensions;
	}
	VKT_OK(vkCreateDevice(t->physical, &info, NULL, &t->device));
	vkGetDeviceQueue(t->device, t->family, 0, &t->queue);
}

static void create_pool(struct vkt *t)
{
	const VkCommandPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = t->family,
	};

	VKT_OK(vkCreateCommandPool(t->device, &info, NULL, &t->pool));
}

void vkt_open(struct vkt *t, const struct vkt_options *options)
{
	*t = (struct vkt){ .flags = options->flags };
	if (options->result_path != NULL) {
		t->sink = vkt_sink_create(options->result_path);
	}
	create_instance(t, options);
	choose_physical(t);
	create_device(t);
	create_pool(t);
}

void vkt_free_commands(struct vkt *t)
{
	vkDestroyCommandPool(t->device, t->pool, NULL);
	create_pool(t);
}

void vkt_own(struct vkt *t, VkObjectType type, uint64_t handle)
{
	if (t->undo_count == t->undo_capacity) {
		t->undo_capacity = t->undo_capacity * 2 + 64;
		t->undo = realloc(t->undo, t->undo_capacity * sizeof(*t->undo));
		VKT_EXPECT(t->undo != NULL);
	}
	t->undo[t->undo_count++] = (struct vkt_undo){ type, handle };
}

void vkt_disown(struct vkt *t, uint64_t handle)
{
	for (size_t i = t->undo_count; i-- > 0;) {
		if (t->undo[i].handle == handle) {
			t->undo[i].type = VK_OBJECT_TYPE_UNKNOWN;
			return;
		}
	}
	VKT_EXPECT(!"the object was owned");
}

#define DESTROY(type, name)                                               \
	case VK_OBJECT_TYPE_##type:                                       \
		vkDestroy##name(t->device, (Vk##name)undo->handle, NULL); \
		break

static void destroy_object(struct vkt *t, const struct vkt_undo *undo)
{
	switch (undo->type) {
		DESTROY(BUFFER, Buffer);
		DESTROY(BUFFER_VIEW, BufferView);
		DESTROY(COMMAND_POOL, CommandPool);
		DESTROY(DESCRIPTOR_POOL, DescriptorPool);
		DESTROY(DESCRIPTOR_SET_LAYOUT, DescriptorSetLayout);
		DESTROY(DESCRIPTOR_UPDATE_TEMPLATE, DescriptorUpdateTemplate);
		DESTROY(EVENT, Event);
		DESTROY(FENCE, Fence);
		DESTROY(FRAMEBUFFER, Framebuffer);
		DESTROY(IMAGE, Image);
		DESTROY(IMAGE_VIEW, ImageView);
		DESTROY(PIPELINE, Pipeline);
		DESTROY(PIPELINE_CACHE, PipelineCache);
		DESTROY(PIPELINE_LAYOUT, PipelineLayout);
		DESTROY(QUERY_POOL, QueryPool);
		DESTROY(RENDER_PASS, RenderPass);
		DESTROY(SAMPLER, Sampler);
		DESTROY(SEMAPHORE, Semaphore);
		DESTROY(SHADER_MODULE, ShaderModule);
	case VK_OBJECT_TYPE_DEVICE_MEMORY:
		vkFreeMemory(t->device, (VkDeviceMemory)undo->handle, NULL);
		break;
	case VK_OBJECT_TYPE_UNKNOWN:
		break;
	default:
		VKT_EXPECT(!"a type that the framework can destroy");
	}
}

void vkt_destroy_owned(struct vkt *t)
{
	vkDeviceWaitIdle(t->device);
	while (t->undo_count > 0) {
		destroy_object(t, &t->undo[--t->undo_count]);
	}
	free(t->undo);
	t->undo = NULL;
	t->undo_capacity = 0;
}

bool vkt_close(struct vkt *t)
{
	vkt_destroy_owned(t);
	vkDestroyCommandPool(t->device, t->pool, NULL);
	vkDestroyDevice(t->device, NULL);
	if (t->messenger != VK_NULL_HANDLE) {
		VKT_INSTANCE_PROC(t, vkDestroyDebugUtilsMessengerEXT)
		(t->instance, t->messenger, NULL);
	}
	vkDestroyInstance(t->instance, NULL);
	vkt_sink_destroy(t->sink);
	free((void *)t->features);
	return t->message_count == 0;
}

void vkt_flush(struct vkt *t)
{
	vkt_sink_flush(t->sink);
}
