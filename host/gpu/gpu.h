/* SPDX-License-Identifier: MIT */
/* The host's Vulkan: the loader, its devices, and what was found out about them before any guest
 * came. One per process; nothing of it changes after sl_gpu_open(). */
#ifndef SL_HOST_GPU_GPU_H
#define SL_HOST_GPU_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_gpu;

/* One physical device of the host. */
struct sl_gpu_device {
	uint8_t device_uuid[VK_UUID_SIZE];
	uint8_t driver_uuid[VK_UUID_SIZE];
	VkPhysicalDeviceProperties properties;
	char driver_name[VK_MAX_DRIVER_NAME_SIZE];
	char driver_info[VK_MAX_DRIVER_INFO_SIZE];
	VkPhysicalDeviceMemoryProperties memory;
	/* Bits of the memory types that shared pages were imported as, in a trial; 0: the driver
	 * cannot import. Then import_alignment is the unit of addresses and sizes. */
	uint32_t importable;
	VkDeviceSize import_alignment;
	VkExtensionProperties *extensions;
	uint32_t extension_count;
};

/* Load libvulkan and the drivers, and look at every device that can serve a guest (Vulkan 1.1 and
 * timeline semaphores). The drivers stay loaded until sl_gpu_close().
 *
 * On failure ret_why holds one line for a person. Returns 0, -ENOENT (no loader, no device),
 * -ENOMEM or -EIO (a Vulkan call failed). */
int sl_gpu_open(struct sl_gpu **ret_gpu, char *ret_why, size_t why_size);
/* Accepts NULL. Every instance must be gone. */
void sl_gpu_close(struct sl_gpu *gpu);

uint32_t sl_gpu_get_device_count(const struct sl_gpu *gpu);
const struct sl_gpu_device *sl_gpu_get_device(const struct sl_gpu *gpu, uint32_t index);
bool sl_gpu_device_has_extension(const struct sl_gpu_device *device, const char *name);

/* True if the loader or a driver offers the instance extension. */
bool sl_gpu_has_instance_extension(const struct sl_gpu *gpu, const char *name);
PFN_vkGetInstanceProcAddr sl_gpu_get_loader(const struct sl_gpu *gpu);

struct sl_gpu_instance {
	VkInstance handle;
	VkDebugUtilsMessengerEXT messenger;
};

/* vkCreateInstance, with the API version raised to what the replay itself uses and, if validate,
 * with the Khronos validation layer, whose messages go to the log and are counted. */
VkResult sl_gpu_create_instance(struct sl_gpu *gpu, const VkInstanceCreateInfo *info, bool validate,
				struct sl_gpu_instance *ret_instance);
/* Accepts a zeroed instance. */
void sl_gpu_destroy_instance(struct sl_gpu *gpu, struct sl_gpu_instance *instance);

/* Which of the devices a handle of any instance is; NULL: one that cannot serve a guest. */
const struct sl_gpu_device *sl_gpu_find_device(const struct sl_gpu *gpu, VkInstance instance,
					       VkPhysicalDevice handle);

/* Errors that the validation layer reported so far, in all instances. */
uint64_t sl_gpu_get_validation_errors(struct sl_gpu *gpu);
/* Log one line that counts and names what the validation layer reported, if it did. */
void sl_gpu_log_validation(struct sl_gpu *gpu);

#endif
