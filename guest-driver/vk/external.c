/* SPDX-License-Identifier: MIT */
/* What leaves a process or comes into it: no handle type can, and no tool looks on. */
#include "protocol/sl_entries.h"

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceExternalBufferProperties(
	VkPhysicalDevice physicalDevice, const VkPhysicalDeviceExternalBufferInfo *pInfo,
	VkExternalBufferProperties *pProperties)
{
	pProperties->externalMemoryProperties = (VkExternalMemoryProperties){ 0 };
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceExternalFenceProperties(
	VkPhysicalDevice physicalDevice, const VkPhysicalDeviceExternalFenceInfo *pInfo,
	VkExternalFenceProperties *pProperties)
{
	pProperties->exportFromImportedHandleTypes = 0;
	pProperties->compatibleHandleTypes = 0;
	pProperties->externalFenceFeatures = 0;
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceExternalSemaphoreProperties(
	VkPhysicalDevice physicalDevice, const VkPhysicalDeviceExternalSemaphoreInfo *pInfo,
	VkExternalSemaphoreProperties *pProperties)
{
	pProperties->exportFromImportedHandleTypes = 0;
	pProperties->compatibleHandleTypes = 0;
	pProperties->externalSemaphoreFeatures = 0;
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkGetPhysicalDeviceToolProperties(VkPhysicalDevice physicalDevice, uint32_t *pToolCount,
				     VkPhysicalDeviceToolProperties *pToolProperties)
{
	*pToolCount = 0;
	return VK_SUCCESS;
}
