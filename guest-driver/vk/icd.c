/* SPDX-License-Identifier: MIT */
/* What the Vulkan loader sees: the only exported symbols. */
#include <vulkan/vk_icd.h>

#include "guest-driver/vk/device.h"
#include "guest-driver/vk/instance.h"
#include "protocol/sl_entries.h"

/* 5: versions above 1.0 are allowed, physical-device functions can be looked up. */
#define LOADER_INTERFACE_VERSION 5

#define EXPORT __attribute__((visibility("default"))) VKAPI_ATTR

EXPORT VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *pVersion);
EXPORT PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance,
							       const char *pName);
EXPORT PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(VkInstance instance,
								     const char *pName);

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL sl_vkGetInstanceProcAddr(VkInstance handle,
								  const char *pName)
{
	const struct sl_instance *instance = (const struct sl_instance *)handle;
	const struct sl_entry *entry = sl_entry_find(pName);

	if (entry == NULL) {
		return NULL;
	}
	/* Since Vulkan 1.2.193 this function finds itself without an instance too. */
	if (entry->level == SL_ENTRY_GLOBAL ||
	    entry->function == (PFN_vkVoidFunction)sl_vkGetInstanceProcAddr) {
		return entry->function;
	}
	if (instance == NULL) {
		return NULL;
	}
	/* Of any device: which extensions it will have enabled is not known yet. */
	if (entry->level == SL_ENTRY_DEVICE ||
	    sl_entry_is_enabled(entry, VK_API_VERSION_MINOR(SL_API_VERSION),
				&instance->extensions)) {
		return entry->function;
	}
	return NULL;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL sl_vkGetDeviceProcAddr(VkDevice handle, const char *pName)
{
	const struct sl_device *device = (const struct sl_device *)handle;
	const struct sl_entry *entry = sl_entry_find(pName);

	if (entry == NULL || entry->level != SL_ENTRY_DEVICE ||
	    !sl_entry_is_enabled(entry, VK_API_VERSION_MINOR(device->api_version),
				 &device->extensions)) {
		return NULL;
	}
	return entry->function;
}

EXPORT VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *pVersion)
{
	if (*pVersion > LOADER_INTERFACE_VERSION) {
		*pVersion = LOADER_INTERFACE_VERSION;
	}
	return VK_SUCCESS;
}

EXPORT PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance,
							       const char *pName)
{
	return sl_vkGetInstanceProcAddr(instance, pName);
}

EXPORT PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(VkInstance instance,
								     const char *pName)
{
	const struct sl_entry *entry = sl_entry_find(pName);

	return entry != NULL && entry->level == SL_ENTRY_PHYSICAL_DEVICE ? entry->function : NULL;
}
