/* SPDX-License-Identifier: MIT */
/* Allocation and mapping. Mapped memory is coherent: flush and invalidate have nothing to do. */
#include "guest-driver/vk/memory.h"

#include <unistd.h>

#include "guest-driver/vk/device.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/physical_device.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

static void release_region(struct sl_memory *memory)
{
	const struct sl_slReleaseRegion args = { .regionId = memory->region.id };

	if (memory->region.data == NULL) {
		return;
	}
	SL_MESSAGE_SEND(&memory->base, slReleaseRegion, &args);
	sl_guest_link_destroy_region(memory->base.context->link, &memory->region);
}

static void destroy_memory(struct sl_memory *memory)
{
	release_region(memory);
	sl_guest_object_destroy(memory);
}

static VkResult ask_host(struct sl_device *device, const VkMemoryAllocateInfo *info,
			 struct sl_memory *memory)
{
	VkDeviceMemory handle = (VkDeviceMemory)(uintptr_t)memory;
	struct sl_slAllocateMemory args = {
		.device = (VkDevice)device,
		.pAllocateInfo = info,
		.regionId = memory->region.id,
		.pMemory = &handle,
	};
	int r = SL_MESSAGE_ASK(&device->base, slAllocateMemory, &args);

	return r < 0 ? SL_VK_RESULT(vkAllocateMemory, r) : args.ret;
}

/* A region for a host-visible type; nothing for the others. */
static VkResult create_region(struct sl_device *device, const VkMemoryAllocateInfo *info,
			      struct sl_memory *memory, int *ret_fd)
{
	const VkPhysicalDeviceMemoryProperties *properties =
		sl_physical_device_get_memory(device->physical_device);

	if (info->memoryTypeIndex >= properties->memoryTypeCount) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	const VkMemoryType *type = &properties->memoryTypes[info->memoryTypeIndex];
	if ((type->propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0) {
		return VK_SUCCESS;
	}
	if (info->allocationSize > properties->memoryHeaps[type->heapIndex].size ||
	    info->allocationSize > SIZE_MAX) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	struct sl_guest_link *link = device->base.context->link;
	size_t size = (size_t)info->allocationSize;
	int r = ret_fd != NULL
			? sl_guest_link_create_shared_region(link, size, &memory->region, ret_fd)
			: sl_guest_link_create_region(link, size, &memory->region);
	return r < 0 && r != -EPIPE ? VK_ERROR_OUT_OF_HOST_MEMORY
				    : SL_VK_RESULT(vkAllocateMemory, r);
}

VkResult sl_memory_allocate(struct sl_device *device, const VkMemoryAllocateInfo *info,
			    VkDeviceMemory *ret_memory, int *ret_fd)
{
	struct sl_memory *memory = sl_guest_object_create(
		&device->base, VK_OBJECT_TYPE_DEVICE_MEMORY, sizeof(*memory));
	int fd = -1;

	*ret_memory = VK_NULL_HANDLE;
	if (memory == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = create_region(device, info, memory, ret_fd != NULL ? &fd : NULL);
	if (result == VK_SUCCESS) {
		result = ask_host(device, info, memory);
	}
	if (result != VK_SUCCESS) {
		if (fd >= 0) {
			close(fd);
		}
		destroy_memory(memory);
		return result;
	}
	if (ret_fd != NULL) {
		*ret_fd = fd;
	}
	*ret_memory = (VkDeviceMemory)(uintptr_t)memory;
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkAllocateMemory(VkDevice device,
						   const VkMemoryAllocateInfo *pAllocateInfo,
						   const VkAllocationCallbacks *pAllocator,
						   VkDeviceMemory *pMemory)
{
	return sl_memory_allocate((struct sl_device *)device, pAllocateInfo, pMemory, NULL);
}

VKAPI_ATTR void VKAPI_CALL sl_vkFreeMemory(VkDevice device, VkDeviceMemory memory,
					   const VkAllocationCallbacks *pAllocator)
{
	const struct sl_vkFreeMemory args = { .device = device, .memory = memory };

	if (memory != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkFreeMemory, &args);
		destroy_memory((struct sl_memory *)(uintptr_t)memory);
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkMapMemory(VkDevice device, VkDeviceMemory handle,
					      VkDeviceSize offset, VkDeviceSize size,
					      VkMemoryMapFlags flags, void **ppData)
{
	struct sl_memory *memory = (struct sl_memory *)(uintptr_t)handle;

	*ppData = NULL;
	if (memory->region.data == NULL || offset >= memory->region.size) {
		return VK_ERROR_MEMORY_MAP_FAILED;
	}
	*ppData = (uint8_t *)memory->region.data + offset;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkUnmapMemory(VkDevice device, VkDeviceMemory memory)
{
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkFlushMappedMemoryRanges(
	VkDevice device, uint32_t memoryRangeCount, const VkMappedMemoryRange *pMemoryRanges)
{
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkInvalidateMappedMemoryRanges(
	VkDevice device, uint32_t memoryRangeCount, const VkMappedMemoryRange *pMemoryRanges)
{
	return VK_SUCCESS;
}
