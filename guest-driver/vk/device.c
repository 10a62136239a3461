/* SPDX-License-Identifier: MIT */
/* Making and unmaking devices. */
#include "guest-driver/vk/device.h"

#include "guest-driver/vk/instance.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/physical_device.h"
#include "guest-driver/vk/queue.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

static VkResult create_queues(struct sl_device *device, const VkDeviceQueueCreateInfo *info)
{
	for (uint32_t i = 0; i < info->queueCount; i++) {
		struct sl_queue *queue = NULL;
		VkResult result =
			sl_queue_create(device, info->queueFamilyIndex, i, info->flags, &queue);
		if (result != VK_SUCCESS) {
			return result;
		}
		queue->next = device->queues;
		device->queues = queue;
	}
	return VK_SUCCESS;
}

static VkResult ask_host(struct sl_device *device, const VkDeviceCreateInfo *info)
{
	VkDevice handle = (VkDevice)device;
	VkDeviceCreateInfo host_info = *info;
	struct sl_vkCreateDevice args = {
		.physicalDevice = (VkPhysicalDevice)device->physical_device,
		.pCreateInfo = &host_info,
		.pDevice = &handle,
	};

	/* Ignored since Vulkan 1.0, and may be garbage. */
	host_info.enabledLayerCount = 0;
	host_info.ppEnabledLayerNames = NULL;
	int r = SL_MESSAGE_ASK(&device->base, vkCreateDevice, &args);
	return r < 0 ? SL_VK_RESULT(vkCreateDevice, r) : args.ret;
}

/* Frees the guest's part. */
static void destroy_device(struct sl_device *device)
{
	while (device->queues != NULL) {
		struct sl_queue *queue = device->queues;
		device->queues = queue->next;
		sl_queue_destroy(queue);
	}
	sl_bytes_map_finish(&device->requirements);
	pthread_mutex_destroy(&device->requirements_lock);
	sl_guest_object_destroy(device);
}

static uint32_t min_version(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static struct sl_device *alloc_device(struct sl_physical_device *physical_device)
{
	VkPhysicalDeviceProperties properties;
	struct sl_device *device = sl_guest_object_create(&physical_device->base,
							  VK_OBJECT_TYPE_DEVICE, sizeof(*device));

	if (device == NULL) {
		return NULL;
	}
	sl_vkGetPhysicalDeviceProperties((VkPhysicalDevice)physical_device, &properties);
	device->physical_device = physical_device;
	device->extensions = physical_device->instance->extensions;
	device->api_version =
		min_version(properties.apiVersion, physical_device->instance->api_version);
	sl_bytes_map_init(&device->requirements);
	pthread_mutex_init(&device->requirements_lock, NULL);
	return device;
}

static VkResult init_device(struct sl_device *device, const VkDeviceCreateInfo *info)
{
	struct sl_physical_device *physical_device = device->physical_device;
	VkResult result = sl_physical_device_load_extensions(physical_device);

	if (result == VK_SUCCESS) {
		result = sl_instance_add_extensions(
			info->enabledExtensionCount, info->ppEnabledExtensionNames,
			&physical_device->extensions, &device->extensions);
	}
	if (result == VK_SUCCESS) {
		result = ask_host(device, info);
	}
	return result;
}

static void send_destroy(struct sl_device *device)
{
	const struct sl_vkDestroyDevice args = { .device = (VkDevice)device };

	SL_MESSAGE_SEND(&device->base, vkDestroyDevice, &args);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateDevice(VkPhysicalDevice physicalDevice,
						 const VkDeviceCreateInfo *pCreateInfo,
						 const VkAllocationCallbacks *pAllocator,
						 VkDevice *pDevice)
{
	struct sl_device *device = alloc_device((struct sl_physical_device *)physicalDevice);

	*pDevice = VK_NULL_HANDLE;
	if (device == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = init_device(device, pCreateInfo);
	if (result != VK_SUCCESS) {
		destroy_device(device);
		return result;
	}
	for (uint32_t i = 0; i < pCreateInfo->queueCreateInfoCount && result == VK_SUCCESS; i++) {
		result = create_queues(device, &pCreateInfo->pQueueCreateInfos[i]);
	}
	if (result != VK_SUCCESS) {
		send_destroy(device);
		destroy_device(device);
		return result;
	}
	*pDevice = (VkDevice)device;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyDevice(VkDevice device,
					      const VkAllocationCallbacks *pAllocator)
{
	if (device != VK_NULL_HANDLE) {
		send_destroy((struct sl_device *)device);
		destroy_device((struct sl_device *)device);
	}
}

/* A group has one device, which reaches its own memory in every way. */
VKAPI_ATTR void VKAPI_CALL sl_vkGetDeviceGroupPeerMemoryFeatures(
	VkDevice device, uint32_t heapIndex, uint32_t localDeviceIndex, uint32_t remoteDeviceIndex,
	VkPeerMemoryFeatureFlags *pPeerMemoryFeatures)
{
	*pPeerMemoryFeatures =
		VK_PEER_MEMORY_FEATURE_COPY_SRC_BIT | VK_PEER_MEMORY_FEATURE_COPY_DST_BIT |
		VK_PEER_MEMORY_FEATURE_GENERIC_SRC_BIT | VK_PEER_MEMORY_FEATURE_GENERIC_DST_BIT;
}
