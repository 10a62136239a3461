/* SPDX-License-Identifier: MIT */
/* Finds out by trial which memory types shared pages can be imported as. Drivers differ in what
 * they say (some accept only anonymous pages), so only what worked counts. */
#include "host/gpu/gpu_priv.h"

#include <sys/mman.h>
#include <unistd.h>

#include "host/base/fd.h"

struct trial {
	VkDevice device;
	void *page;
	size_t size;
	PFN_vkAllocateMemory allocate;
	PFN_vkFreeMemory free;
};

static VkDevice create_device(struct sl_gpu *gpu, VkPhysicalDevice handle,
			      const struct sl_gpu_device *device)
{
	static const char *const names[] = { VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME };
	static const float priority = 1.0f;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = 1,
		.ppEnabledExtensionNames = names,
	};
	VkDevice result = VK_NULL_HANDLE;

	if (!sl_gpu_device_has_extension(device, names[0])) {
		return VK_NULL_HANDLE;
	}
	if (SL_GPU_PROC(gpu, gpu->instance.handle, vkCreateDevice)(handle, &info, NULL, &result) !=
	    VK_SUCCESS) {
		return VK_NULL_HANDLE;
	}
	return result;
}

static bool try_type(const struct trial *trial, uint32_t type_index)
{
	const VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
		.pHostPointer = trial->page,
	};
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = &import,
		.allocationSize = trial->size,
		.memoryTypeIndex = type_index,
	};
	VkDeviceMemory memory = VK_NULL_HANDLE;

	if (trial->allocate(trial->device, &info, NULL, &memory) != VK_SUCCESS) {
		return false;
	}
	trial->free(trial->device, memory, NULL);
	return true;
}

static uint32_t try_types(struct sl_gpu *gpu, const struct trial *trial)
{
	PFN_vkGetDeviceProcAddr get_proc =
		SL_GPU_PROC(gpu, gpu->instance.handle, vkGetDeviceProcAddr);
	PFN_vkGetMemoryHostPointerPropertiesEXT get_types =
		(PFN_vkGetMemoryHostPointerPropertiesEXT)(void (*)(void))get_proc(
			trial->device, "vkGetMemoryHostPointerPropertiesEXT");
	VkMemoryHostPointerPropertiesEXT types = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
	};
	uint32_t bits = 0;

	if (get_types == NULL ||
	    get_types(trial->device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
		      trial->page, &types) != VK_SUCCESS) {
		return 0;
	}
	for (uint32_t i = 0; i < VK_MAX_MEMORY_TYPES; i++) {
		if ((types.memoryTypeBits >> i & 1) != 0 && try_type(trial, i)) {
			bits |= 1u << i;
		}
	}
	return bits;
}

void sl_gpu_probe_import(struct sl_gpu *gpu, VkPhysicalDevice handle, struct sl_gpu_device *device)
{
	VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT,
	};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &host,
	};
	struct trial trial = {
		.device = create_device(gpu, handle, device),
		.size = (size_t)sysconf(_SC_PAGESIZE),
		.allocate = SL_GPU_PROC(gpu, gpu->instance.handle, vkAllocateMemory),
		.free = SL_GPU_PROC(gpu, gpu->instance.handle, vkFreeMemory),
	};

	if (trial.device == VK_NULL_HANDLE) {
		return;
	}
	SL_GPU_PROC(gpu, gpu->instance.handle, vkGetPhysicalDeviceProperties2)(handle, &properties);
	device->import_alignment = host.minImportedHostPointerAlignment;
	SL_AUTO_CLOSE int fd = sl_fd_create_memory("sluice-probe", trial.size);
	trial.page = fd < 0 ? MAP_FAILED
			    : mmap(NULL, trial.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* Guest memory is aligned to pages and no more. */
	if (trial.page != MAP_FAILED && device->import_alignment <= trial.size) {
		device->importable = try_types(gpu, &trial);
	}
	SL_GPU_PROC(gpu, gpu->instance.handle, vkDestroyDevice)(trial.device, NULL);
	if (trial.page != MAP_FAILED) {
		munmap(trial.page, trial.size);
	}
}
