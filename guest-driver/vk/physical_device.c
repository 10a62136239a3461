/* SPDX-License-Identifier: MIT */
/* Physical devices: versions, memory types and extensions as the guest sees them. */
#include "guest-driver/vk/physical_device.h"

#include <stdlib.h>

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/format.h"
#include "guest-driver/vk/instance.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

/* Enough for every driver of today in one round trip. */
#define EXTENSION_GUESS 512

struct sl_physical_device *sl_physical_device_create(struct sl_instance *instance)
{
	struct sl_physical_device *device = sl_guest_object_create(
		&instance->base, VK_OBJECT_TYPE_PHYSICAL_DEVICE, sizeof(*device));

	if (device == NULL) {
		return NULL;
	}
	device->instance = instance;
	pthread_mutex_init(&device->lock, NULL);
	return device;
}

void sl_physical_device_destroy(struct sl_physical_device *device)
{
	if (device == NULL) {
		return;
	}
	sl_format_table_destroy(device->formats);
	free(device->spec_versions);
	pthread_mutex_destroy(&device->lock);
	sl_guest_object_destroy(device);
}

/* The registry that this driver is made from bounds what it can carry. */
static void clamp_version(VkPhysicalDeviceProperties *properties)
{
	if (properties->apiVersion > SL_API_VERSION) {
		properties->apiVersion = SL_API_VERSION;
	}
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceProperties(VkPhysicalDevice physicalDevice,
							    VkPhysicalDeviceProperties *pProperties)
{
	struct sl_vkGetPhysicalDeviceProperties args = {
		.physicalDevice = physicalDevice,
		.pProperties = pProperties,
	};

	if (SL_MESSAGE_ASK_CACHED(SL_GUEST_OBJECT(physicalDevice), vkGetPhysicalDeviceProperties,
				  &args) < 0) {
		*pProperties = (VkPhysicalDeviceProperties){ 0 };
	}
	clamp_version(pProperties);
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceProperties2(
	VkPhysicalDevice physicalDevice, VkPhysicalDeviceProperties2 *pProperties)
{
	struct sl_vkGetPhysicalDeviceProperties2 args = {
		.physicalDevice = physicalDevice,
		.pProperties = pProperties,
	};

	if (SL_MESSAGE_ASK_CACHED(SL_GUEST_OBJECT(physicalDevice), vkGetPhysicalDeviceProperties2,
				  &args) < 0) {
		pProperties->properties = (VkPhysicalDeviceProperties){ 0 };
	}
	clamp_version(&pProperties->properties);
}

/* Of extensions that are made in this driver and have no part on the host. */
static void fill_guest_features(void *next)
{
	for (VkBaseOutStructure *at = next; at != NULL; at = at->pNext) {
		if (at->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_ID_FEATURES_KHR) {
			((VkPhysicalDevicePresentIdFeaturesKHR *)at)->presentId = VK_TRUE;
		} else if (at->sType ==
			   VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRESENT_WAIT_FEATURES_KHR) {
			((VkPhysicalDevicePresentWaitFeaturesKHR *)at)->presentWait = VK_TRUE;
		}
	}
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceFeatures2(VkPhysicalDevice physicalDevice,
							   VkPhysicalDeviceFeatures2 *pFeatures)
{
	struct sl_vkGetPhysicalDeviceFeatures2 args = {
		.physicalDevice = physicalDevice,
		.pFeatures = pFeatures,
	};

	if (SL_MESSAGE_ASK_CACHED(SL_GUEST_OBJECT(physicalDevice), vkGetPhysicalDeviceFeatures2,
				  &args) < 0) {
		pFeatures->features = (VkPhysicalDeviceFeatures){ 0 };
	}
	fill_guest_features(pFeatures->pNext);
}

const VkPhysicalDeviceMemoryProperties *
sl_physical_device_get_memory(struct sl_physical_device *device)
{
	struct sl_vkGetPhysicalDeviceMemoryProperties args = {
		.physicalDevice = (VkPhysicalDevice)device,
		.pMemoryProperties = &device->memory,
	};

	pthread_mutex_lock(&device->lock);
	if (!device->has_memory) {
		int r = SL_MESSAGE_ASK(&device->base, vkGetPhysicalDeviceMemoryProperties, &args);
		device->has_memory = r == 0;
	}
	pthread_mutex_unlock(&device->lock);
	return &device->memory;
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceMemoryProperties(
	VkPhysicalDevice physicalDevice, VkPhysicalDeviceMemoryProperties *pMemoryProperties)
{
	*pMemoryProperties =
		*sl_physical_device_get_memory((struct sl_physical_device *)physicalDevice);
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceMemoryProperties2(
	VkPhysicalDevice physicalDevice, VkPhysicalDeviceMemoryProperties2 *pMemoryProperties)
{
	struct sl_vkGetPhysicalDeviceMemoryProperties2 args = {
		.physicalDevice = physicalDevice,
		.pMemoryProperties = pMemoryProperties,
	};

	/* What may be chained (budgets) changes all the time. */
	if (pMemoryProperties->pNext == NULL ||
	    SL_MESSAGE_ASK(SL_GUEST_OBJECT(physicalDevice), vkGetPhysicalDeviceMemoryProperties2,
			   &args) < 0) {
		sl_vkGetPhysicalDeviceMemoryProperties(physicalDevice,
						       &pMemoryProperties->memoryProperties);
	}
}

/* The host's extensions that the link can carry, and those made in this driver. */
static void select_extensions(struct sl_physical_device *device, uint32_t count,
			      const VkExtensionProperties *host)
{
	struct sl_context *context = device->base.context;

	for (uint32_t i = 0; i < SL_EXTENSION_COUNT; i++) {
		device->spec_versions[i] = UINT32_MAX;
		if (sl_extension_list[i].is_device && sl_extension_list[i].is_guest) {
			sl_extension_set_add(&device->extensions, i);
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		int index = sl_extension_index(host[i].extensionName);
		if (index < 0 || !sl_extension_list[index].is_device ||
		    sl_extension_list[index].is_guest) {
			continue;
		}
		if (sl_guest_link_has_extension(context->link, host[i].extensionName) &&
		    sl_extension_is_carried((uint32_t)index, context->caps)) {
			sl_extension_set_add(&device->extensions, (uint32_t)index);
			device->spec_versions[index] = host[i].specVersion;
		}
	}
}

static VkResult ask_extensions(struct sl_physical_device *device, uint32_t *count,
			       VkExtensionProperties *properties)
{
	struct sl_vkEnumerateDeviceExtensionProperties args = {
		.physicalDevice = (VkPhysicalDevice)device,
		.pPropertyCount = count,
		.pProperties = properties,
	};
	int r = SL_MESSAGE_ASK(&device->base, vkEnumerateDeviceExtensionProperties, &args);

	return r < 0 ? SL_VK_RESULT(vkEnumerateDeviceExtensionProperties, r) : args.ret;
}

static VkResult load_extensions(struct sl_physical_device *device)
{
	uint32_t count = EXTENSION_GUESS;
	VkExtensionProperties *properties = calloc(count, sizeof(*properties));

	device->spec_versions = calloc(SL_EXTENSION_COUNT, sizeof(*device->spec_versions));
	if (properties == NULL || device->spec_versions == NULL) {
		free(properties);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = ask_extensions(device, &count, properties);
	if (result >= 0) {
		select_extensions(device, count, properties);
		result = VK_SUCCESS;
	}
	free(properties);
	return result;
}

VkResult sl_physical_device_load_extensions(struct sl_physical_device *device)
{
	VkResult result = VK_SUCCESS;

	pthread_mutex_lock(&device->lock);
	if (!device->has_extensions) {
		free(device->spec_versions);
		result = load_extensions(device);
		device->has_extensions = result == VK_SUCCESS;
	}
	pthread_mutex_unlock(&device->lock);
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkEnumerateDeviceExtensionProperties(
	VkPhysicalDevice physicalDevice, const char *pLayerName, uint32_t *pPropertyCount,
	VkExtensionProperties *pProperties)
{
	struct sl_physical_device *device = (struct sl_physical_device *)physicalDevice;

	if (pLayerName != NULL) {
		return VK_ERROR_LAYER_NOT_PRESENT;
	}
	VkResult result = sl_physical_device_load_extensions(device);
	if (result != VK_SUCCESS) {
		/* The loader sorts devices without a look at the result. */
		*pPropertyCount = 0;
		return result;
	}
	return sl_instance_list_extensions(&device->extensions, device->spec_versions,
					   pPropertyCount, pProperties);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkEnumerateDeviceLayerProperties(VkPhysicalDevice physicalDevice,
								   uint32_t *pPropertyCount,
								   VkLayerProperties *pProperties)
{
	*pPropertyCount = 0;
	return VK_SUCCESS;
}
