/* SPDX-License-Identifier: MIT */
/* Opens the host's Vulkan and looks at its devices. */
#include "host/gpu/gpu_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fd.h"
#include "host/base/log.h"

/* What the replay uses of every device: memory import is VK_EXT_external_memory_host on top of
 * 1.1, queues are numbered by timeline semaphores. */
#define INSTANCE_API_VERSION VK_API_VERSION_1_3
#define MIN_DEVICE_VERSION   VK_API_VERSION_1_1

static void explain(char *why, size_t why_size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void explain(char *why, size_t why_size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, why_size, format, args);
	va_end(args);
}

static bool has_extension(const VkExtensionProperties *extensions, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(extensions[i].extensionName, name) == 0) {
			return true;
		}
	}
	return false;
}

static int open_loader(struct sl_gpu *gpu, char *ret_why, size_t why_size)
{
	gpu->library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	if (gpu->library == NULL) {
		explain(ret_why, why_size, "cannot load the Vulkan loader: %s", dlerror());
		return -ENOENT;
	}
	gpu->get_proc = (PFN_vkGetInstanceProcAddr)(void (*)(void))dlsym(gpu->library,
									 "vkGetInstanceProcAddr");
	if (gpu->get_proc == NULL) {
		explain(ret_why, why_size, "libvulkan.so.1 lacks vkGetInstanceProcAddr");
		return -ENOENT;
	}
	PFN_vkEnumerateInstanceVersion get_version =
		SL_GPU_PROC(gpu, NULL, vkEnumerateInstanceVersion);

	gpu->api_version = VK_API_VERSION_1_0;
	if (get_version != NULL) {
		get_version(&gpu->api_version);
	}
	if (gpu->api_version < MIN_DEVICE_VERSION) {
		explain(ret_why, why_size, "the Vulkan loader is older than Vulkan 1.1");
		return -ENOENT;
	}
	return 0;
}

static int list_instance_extensions(struct sl_gpu *gpu)
{
	PFN_vkEnumerateInstanceExtensionProperties list =
		SL_GPU_PROC(gpu, NULL, vkEnumerateInstanceExtensionProperties);
	uint32_t count = 0;

	if (list(NULL, &count, NULL) != VK_SUCCESS) {
		return -EIO;
	}
	gpu->extensions = calloc(count + 1, sizeof(*gpu->extensions));
	if (gpu->extensions == NULL) {
		return -ENOMEM;
	}
	if (list(NULL, &count, gpu->extensions) != VK_SUCCESS) {
		return -EIO;
	}
	gpu->extension_count = count;
	return 0;
}

static int list_device_extensions(struct sl_gpu *gpu, VkPhysicalDevice handle,
				  struct sl_gpu_device *device)
{
	PFN_vkEnumerateDeviceExtensionProperties list =
		SL_GPU_PROC(gpu, gpu->instance.handle, vkEnumerateDeviceExtensionProperties);
	uint32_t count = 0;

	if (list(handle, NULL, &count, NULL) != VK_SUCCESS) {
		return -EIO;
	}
	device->extensions = calloc(count + 1, sizeof(*device->extensions));
	if (device->extensions == NULL) {
		return -ENOMEM;
	}
	if (list(handle, NULL, &count, device->extensions) != VK_SUCCESS) {
		return -EIO;
	}
	device->extension_count = count;
	return 0;
}

static bool has_timeline_semaphores(struct sl_gpu *gpu, VkPhysicalDevice handle,
				    const struct sl_gpu_device *device)
{
	VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
	};
	VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.pNext = &timeline,
	};

	if (device->properties.apiVersion < VK_API_VERSION_1_2 &&
	    !sl_gpu_device_has_extension(device, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME)) {
		return false;
	}
	SL_GPU_PROC(gpu, gpu->instance.handle, vkGetPhysicalDeviceFeatures2)(handle, &features);
	return timeline.timelineSemaphore == VK_TRUE;
}

static void get_identity(const struct sl_gpu *gpu, VkInstance instance, VkPhysicalDevice handle,
			 VkPhysicalDeviceIDProperties *ret_id,
			 VkPhysicalDeviceDriverProperties *ret_driver,
			 VkPhysicalDeviceProperties2 *ret_properties)
{
	*ret_driver = (VkPhysicalDeviceDriverProperties){
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
	};
	*ret_id = (VkPhysicalDeviceIDProperties){
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
		.pNext = ret_driver,
	};
	*ret_properties = (VkPhysicalDeviceProperties2){
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = ret_id,
	};
	SL_GPU_PROC(gpu, instance, vkGetPhysicalDeviceProperties2)(handle, ret_properties);
}

/* Returns 1 if the device can serve guests, 0 if not, -errno. */
static int look_at_device(struct sl_gpu *gpu, VkPhysicalDevice handle, struct sl_gpu_device *device)
{
	VkPhysicalDeviceIDProperties id;
	VkPhysicalDeviceDriverProperties driver;
	VkPhysicalDeviceProperties2 properties;
	VkPhysicalDeviceProperties basic;

	SL_GPU_PROC(gpu, gpu->instance.handle, vkGetPhysicalDeviceProperties)(handle, &basic);
	if (basic.apiVersion < MIN_DEVICE_VERSION) {
		sl_log(SL_LOG_INFO, "%s is left out: it lacks Vulkan 1.1", basic.deviceName);
		return 0;
	}
	get_identity(gpu, gpu->instance.handle, handle, &id, &driver, &properties);
	memcpy(device->device_uuid, id.deviceUUID, VK_UUID_SIZE);
	memcpy(device->driver_uuid, id.driverUUID, VK_UUID_SIZE);
	memcpy(device->driver_name, driver.driverName, sizeof(device->driver_name));
	memcpy(device->driver_info, driver.driverInfo, sizeof(device->driver_info));
	device->properties = properties.properties;
	SL_GPU_PROC(gpu, gpu->instance.handle, vkGetPhysicalDeviceMemoryProperties)
	(handle, &device->memory);

	int r = list_device_extensions(gpu, handle, device);
	if (r < 0) {
		return r;
	}
	if (!has_timeline_semaphores(gpu, handle, device)) {
		sl_log(SL_LOG_INFO, "%s is left out: it lacks timeline semaphores",
		       device->properties.deviceName);
		return 0;
	}
	sl_gpu_probe_import(gpu, handle, device);
	return 1;
}

static void forget_device(struct sl_gpu_device *device)
{
	free(device->extensions);
	memset(device, 0, sizeof(*device));
}

static int look_at_devices(struct sl_gpu *gpu)
{
	VkPhysicalDevice handles[SL_GPU_MAX_DEVICES];
	uint32_t count = SL_GPU_MAX_DEVICES;
	VkResult result = SL_GPU_PROC(gpu, gpu->instance.handle, vkEnumeratePhysicalDevices)(
		gpu->instance.handle, &count, handles);

	if (result != VK_SUCCESS && result != VK_INCOMPLETE) {
		return -EIO;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct sl_gpu_device *device = &gpu->devices[gpu->device_count];
		int r = look_at_device(gpu, handles[i], device);

		if (r <= 0) {
			forget_device(device);
		}
		if (r < 0) {
			return r;
		}
		gpu->device_count += r > 0 ? 1 : 0;
	}
	return 0;
}

int sl_gpu_open(struct sl_gpu **ret_gpu, char *ret_why, size_t why_size)
{
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "sluice-renderer",
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};
	struct sl_gpu *gpu = calloc(1, sizeof(*gpu));

	if (gpu == NULL) {
		explain(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	sl_validation_init(&gpu->validation);
	int r = open_loader(gpu, ret_why, why_size);
	if (r < 0) {
		goto fail;
	}
	r = list_instance_extensions(gpu);
	if (r < 0) {
		explain(ret_why, why_size, "the Vulkan loader cannot list its extensions");
		goto fail;
	}
	VkResult result = sl_gpu_create_instance(gpu, &info, false, &gpu->instance);
	if (result != VK_SUCCESS) {
		explain(ret_why, why_size,
			"vkCreateInstance failed (%d): is a Vulkan driver installed, and does "
			"VK_DRIVER_FILES name it?",
			result);
		r = -ENOENT;
		goto fail;
	}
	r = look_at_devices(gpu);
	if (r == 0 && gpu->device_count == 0) {
		r = -ENOENT;
	}
	if (r < 0) {
		explain(ret_why, why_size, "no Vulkan device can serve guests");
		goto fail;
	}
	*ret_gpu = gpu;
	return 0;
fail:
	sl_gpu_close(gpu);
	return r;
}

void sl_gpu_close(struct sl_gpu *gpu)
{
	if (gpu == NULL) {
		return;
	}
	sl_gpu_destroy_instance(gpu, &gpu->instance);
	for (uint32_t i = 0; i < gpu->device_count; i++) {
		forget_device(&gpu->devices[i]);
	}
	free(gpu->extensions);
	sl_validation_finish(&gpu->validation);
	if (gpu->library != NULL) {
		dlclose(gpu->library);
	}
	free(gpu);
}

uint32_t sl_gpu_get_device_count(const struct sl_gpu *gpu)
{
	return gpu->device_count;
}

const struct sl_gpu_device *sl_gpu_get_device(const struct sl_gpu *gpu, uint32_t index)
{
	return &gpu->devices[index];
}

bool sl_gpu_device_has_extension(const struct sl_gpu_device *device, const char *name)
{
	return has_extension(device->extensions, device->extension_count, name);
}

bool sl_gpu_has_instance_extension(const struct sl_gpu *gpu, const char *name)
{
	return has_extension(gpu->extensions, gpu->extension_count, name);
}

PFN_vkGetInstanceProcAddr sl_gpu_get_loader(const struct sl_gpu *gpu)
{
	return gpu->get_proc;
}

/* The caller's extensions and, unless it is there, one more. Returns NULL: no memory. */
static const char **add_extension(const VkInstanceCreateInfo *info, const char *name,
				  uint32_t *ret_count)
{
	uint32_t count = info->enabledExtensionCount;
	const char **names = calloc(count + 1, sizeof(*names));

	if (names == NULL) {
		return NULL;
	}
	names[count] = name;
	*ret_count = count + 1;
	for (uint32_t i = 0; i < count; i++) {
		names[i] = info->ppEnabledExtensionNames[i];
		if (strcmp(names[i], name) == 0) {
			*ret_count = count;
		}
	}
	return names;
}

static VkResult create_validated(struct sl_gpu *gpu, VkInstanceCreateInfo *info,
				 struct sl_gpu_instance *ret_instance)
{
	static const char *const layers[] = { SL_VALIDATION_LAYER };
	VkDebugUtilsMessengerCreateInfoEXT messenger = sl_validation_messenger(&gpu->validation);
	SL_AUTO_FREE const char **names = add_extension(info, VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
							&info->enabledExtensionCount);

	if (names == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	info->ppEnabledExtensionNames = names;
	info->enabledLayerCount = 1;
	info->ppEnabledLayerNames = layers;

	VkResult result =
		SL_GPU_PROC(gpu, NULL, vkCreateInstance)(info, NULL, &ret_instance->handle);
	if (result != VK_SUCCESS) {
		if (result == VK_ERROR_LAYER_NOT_PRESENT) {
			sl_log(SL_LOG_ERROR, "%s is not installed", SL_VALIDATION_LAYER);
		}
		return result;
	}
	result = SL_GPU_PROC(gpu, ret_instance->handle, vkCreateDebugUtilsMessengerEXT)(
		ret_instance->handle, &messenger, NULL, &ret_instance->messenger);
	if (result != VK_SUCCESS) {
		sl_gpu_destroy_instance(gpu, ret_instance);
	}
	return result;
}

VkResult sl_gpu_create_instance(struct sl_gpu *gpu, const VkInstanceCreateInfo *info, bool validate,
				struct sl_gpu_instance *ret_instance)
{
	VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO };
	VkInstanceCreateInfo copy = *info;

	if (info->pApplicationInfo != NULL) {
		application = *info->pApplicationInfo;
	}
	if (application.apiVersion < INSTANCE_API_VERSION) {
		application.apiVersion = INSTANCE_API_VERSION;
	}
	copy.pApplicationInfo = &application;
	copy.enabledLayerCount = 0; /* layers run in the guest */
	*ret_instance = (struct sl_gpu_instance){ 0 };
	if (validate) {
		return create_validated(gpu, &copy, ret_instance);
	}
	return SL_GPU_PROC(gpu, NULL, vkCreateInstance)(&copy, NULL, &ret_instance->handle);
}

void sl_gpu_destroy_instance(struct sl_gpu *gpu, struct sl_gpu_instance *instance)
{
	if (instance->handle == VK_NULL_HANDLE) {
		return;
	}
	if (instance->messenger != VK_NULL_HANDLE) {
		SL_GPU_PROC(gpu, instance->handle, vkDestroyDebugUtilsMessengerEXT)
		(instance->handle, instance->messenger, NULL);
	}
	SL_GPU_PROC(gpu, instance->handle, vkDestroyInstance)(instance->handle, NULL);
	*instance = (struct sl_gpu_instance){ 0 };
}

const struct sl_gpu_device *sl_gpu_find_device(const struct sl_gpu *gpu, VkInstance instance,
					       VkPhysicalDevice handle)
{
	VkPhysicalDeviceIDProperties id;
	VkPhysicalDeviceDriverProperties driver;
	VkPhysicalDeviceProperties2 properties;

	PFN_vkGetPhysicalDeviceProperties get_basic =
		SL_GPU_PROC(gpu, instance, vkGetPhysicalDeviceProperties);
	VkPhysicalDeviceProperties basic;

	get_basic(handle, &basic);
	if (basic.apiVersion < MIN_DEVICE_VERSION) {
		return NULL;
	}
	get_identity(gpu, instance, handle, &id, &driver, &properties);
	for (uint32_t i = 0; i < gpu->device_count; i++) {
		const struct sl_gpu_device *device = &gpu->devices[i];

		if (memcmp(device->device_uuid, id.deviceUUID, VK_UUID_SIZE) == 0 &&
		    memcmp(device->driver_uuid, id.driverUUID, VK_UUID_SIZE) == 0) {
			return device;
		}
	}
	return NULL;
}

uint64_t sl_gpu_get_validation_errors(struct sl_gpu *gpu)
{
	return sl_validation_get_errors(&gpu->validation);
}

void sl_gpu_log_validation(struct sl_gpu *gpu)
{
	sl_validation_log(&gpu->validation);
}
