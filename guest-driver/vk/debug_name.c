/* SPDX-License-Identifier: MIT */
/* Names and tags go to the host for the objects that it has, if it has a use for them. */
#include "guest-driver/vk/message.h"
#include "protocol/sl_entries.h"

static bool is_heard(VkDevice device, uint16_t command_id)
{
	return sl_caps_has_command(sl_call_caps(SL_GUEST_OBJECT(device)), command_id);
}

static bool is_on_host(VkObjectType type)
{
	switch (type) {
	case VK_OBJECT_TYPE_UNKNOWN:
	case VK_OBJECT_TYPE_FENCE:
	case VK_OBJECT_TYPE_DESCRIPTOR_UPDATE_TEMPLATE:
	case VK_OBJECT_TYPE_PRIVATE_DATA_SLOT:
	case VK_OBJECT_TYPE_DEFERRED_OPERATION_KHR:
	case VK_OBJECT_TYPE_DEBUG_UTILS_MESSENGER_EXT:
	case VK_OBJECT_TYPE_DEBUG_REPORT_CALLBACK_EXT:
	case VK_OBJECT_TYPE_SURFACE_KHR:
	case VK_OBJECT_TYPE_SWAPCHAIN_KHR:
	case VK_OBJECT_TYPE_DISPLAY_KHR:
	case VK_OBJECT_TYPE_DISPLAY_MODE_KHR:
		return false;
	default:
		return true;
	}
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkSetDebugUtilsObjectNameEXT(VkDevice device, const VkDebugUtilsObjectNameInfoEXT *pNameInfo)
{
	const struct sl_vkSetDebugUtilsObjectNameEXT args = {
		.device = device,
		.pNameInfo = pNameInfo,
	};

	if (is_on_host(pNameInfo->objectType) &&
	    is_heard(device, SL_COMMAND_vkSetDebugUtilsObjectNameEXT) &&
	    SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkSetDebugUtilsObjectNameEXT, &args) < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkSetDebugUtilsObjectTagEXT(VkDevice device, const VkDebugUtilsObjectTagInfoEXT *pTagInfo)
{
	const struct sl_vkSetDebugUtilsObjectTagEXT args = {
		.device = device,
		.pTagInfo = pTagInfo,
	};

	if (is_on_host(pTagInfo->objectType) &&
	    is_heard(device, SL_COMMAND_vkSetDebugUtilsObjectTagEXT) &&
	    SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkSetDebugUtilsObjectTagEXT, &args) < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return VK_SUCCESS;
}
