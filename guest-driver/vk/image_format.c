/* SPDX-License-Identifier: MIT */
/* Questions about kinds of images. An application may be newer than this driver and ask for
 * formats, usages and flags that it does not know, which the wire does not carry: no device has
 * them. */
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"
#include "protocol/sl_enums.h"

static bool is_known(VkFormat format, VkImageUsageFlags usage, VkImageCreateFlags flags)
{
	return sl_knows_VkFormat(format) && (usage & ~SL_BITS_VkImageUsageFlagBits) == 0 &&
	       (flags & ~SL_BITS_VkImageCreateFlagBits) == 0;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetPhysicalDeviceImageFormatProperties2(
	VkPhysicalDevice physicalDevice, const VkPhysicalDeviceImageFormatInfo2 *pImageFormatInfo,
	VkImageFormatProperties2 *pImageFormatProperties)
{
	struct sl_vkGetPhysicalDeviceImageFormatProperties2 args = {
		.physicalDevice = physicalDevice,
		.pImageFormatInfo = pImageFormatInfo,
		.pImageFormatProperties = pImageFormatProperties,
	};

	if (!is_known(pImageFormatInfo->format, pImageFormatInfo->usage, pImageFormatInfo->flags)) {
		pImageFormatProperties->imageFormatProperties = (VkImageFormatProperties){ 0 };
		return VK_ERROR_FORMAT_NOT_SUPPORTED;
	}
	int r = SL_MESSAGE_ASK_CACHED(SL_GUEST_OBJECT(physicalDevice),
				      vkGetPhysicalDeviceImageFormatProperties2, &args);
	return r < 0 ? SL_VK_RESULT(vkGetPhysicalDeviceImageFormatProperties2, r) : args.ret;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetPhysicalDeviceImageFormatProperties(
	VkPhysicalDevice physicalDevice, VkFormat format, VkImageType type, VkImageTiling tiling,
	VkImageUsageFlags usage, VkImageCreateFlags flags,
	VkImageFormatProperties *pImageFormatProperties)
{
	struct sl_vkGetPhysicalDeviceImageFormatProperties args = {
		.physicalDevice = physicalDevice,
		.format = format,
		.type = type,
		.tiling = tiling,
		.usage = usage,
		.flags = flags,
		.pImageFormatProperties = pImageFormatProperties,
	};

	if (!is_known(format, usage, flags)) {
		*pImageFormatProperties = (VkImageFormatProperties){ 0 };
		return VK_ERROR_FORMAT_NOT_SUPPORTED;
	}
	int r = SL_MESSAGE_ASK_CACHED(SL_GUEST_OBJECT(physicalDevice),
				      vkGetPhysicalDeviceImageFormatProperties, &args);
	return r < 0 ? SL_VK_RESULT(vkGetPhysicalDeviceImageFormatProperties, r) : args.ret;
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceSparseImageFormatProperties2(
	VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSparseImageFormatInfo2 *pFormatInfo,
	uint32_t *pPropertyCount, VkSparseImageFormatProperties2 *pProperties)
{
	struct sl_vkGetPhysicalDeviceSparseImageFormatProperties2 args = {
		.physicalDevice = physicalDevice,
		.pFormatInfo = pFormatInfo,
		.pPropertyCount = pPropertyCount,
		.pProperties = pProperties,
	};

	if (!is_known(pFormatInfo->format, pFormatInfo->usage, 0) ||
	    SL_MESSAGE_ASK_CACHED(SL_GUEST_OBJECT(physicalDevice),
				  vkGetPhysicalDeviceSparseImageFormatProperties2, &args) < 0) {
		*pPropertyCount = 0;
	}
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceSparseImageFormatProperties(
	VkPhysicalDevice physicalDevice, VkFormat format, VkImageType type,
	VkSampleCountFlagBits samples, VkImageUsageFlags usage, VkImageTiling tiling,
	uint32_t *pPropertyCount, VkSparseImageFormatProperties *pProperties)
{
	struct sl_vkGetPhysicalDeviceSparseImageFormatProperties args = {
		.physicalDevice = physicalDevice,
		.format = format,
		.type = type,
		.samples = samples,
		.usage = usage,
		.tiling = tiling,
		.pPropertyCount = pPropertyCount,
		.pProperties = pProperties,
	};

	if (!is_known(format, usage, 0) ||
	    SL_MESSAGE_ASK_CACHED(SL_GUEST_OBJECT(physicalDevice),
				  vkGetPhysicalDeviceSparseImageFormatProperties, &args) < 0) {
		*pPropertyCount = 0;
	}
}
