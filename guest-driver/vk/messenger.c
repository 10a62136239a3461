/* SPDX-License-Identifier: MIT */
/* VK_EXT_debug_utils messengers and VK_EXT_debug_report callbacks, kept in the guest. */
#include "guest-driver/vk/messenger.h"

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/object.h"
#include "protocol/sl_entries.h"

/* A message reaches at most this many callbacks: they are copied to the stack, because the
 * callbacks run without the lock. */
#define MAX_RECEIVERS 16

struct sl_messenger {
	struct sl_guest_object base;
	struct sl_messenger *next; /* guarded by the context's lock */
	/* Exactly one of the callbacks is set. */
	PFN_vkDebugUtilsMessengerCallbackEXT utils;
	PFN_vkDebugReportCallbackEXT report;
	VkDebugUtilsMessageSeverityFlagsEXT severities;
	VkDebugUtilsMessageTypeFlagsEXT types;
	VkDebugReportFlagsEXT report_flags;
	void *user_data;
};

static void add_messenger(struct sl_context *context, struct sl_messenger *messenger)
{
	pthread_mutex_lock(&context->lock);
	messenger->next = context->messengers;
	context->messengers = messenger;
	pthread_mutex_unlock(&context->lock);
}

static void remove_messenger(struct sl_messenger *messenger)
{
	if (messenger == NULL) {
		return;
	}
	struct sl_context *context = messenger->base.context;
	pthread_mutex_lock(&context->lock);
	struct sl_messenger **at = &context->messengers;
	while (*at != messenger) {
		at = &(*at)->next;
	}
	*at = messenger->next;
	pthread_mutex_unlock(&context->lock);
	sl_guest_object_destroy(messenger);
}

static uint32_t copy_messengers(struct sl_context *context,
				struct sl_messenger copies[MAX_RECEIVERS])
{
	uint32_t count = 0;

	pthread_mutex_lock(&context->lock);
	for (const struct sl_messenger *at = context->messengers;
	     at != NULL && count < MAX_RECEIVERS; at = at->next) {
		copies[count++] = *at;
	}
	pthread_mutex_unlock(&context->lock);
	return count;
}

static void send_utils_message(struct sl_context *context,
			       VkDebugUtilsMessageSeverityFlagBitsEXT severity,
			       VkDebugUtilsMessageTypeFlagsEXT types,
			       const VkDebugUtilsMessengerCallbackDataEXT *data)
{
	struct sl_messenger receivers[MAX_RECEIVERS];
	uint32_t count = copy_messengers(context, receivers);

	for (uint32_t i = 0; i < count; i++) {
		const struct sl_messenger *to = &receivers[i];
		if (to->utils != NULL && (to->severities & severity) != 0 &&
		    (to->types & types) != 0) {
			to->utils(severity, types, data, to->user_data);
		}
	}
}

static void send_report_message(struct sl_context *context, VkDebugReportFlagsEXT flags,
				VkDebugReportObjectTypeEXT type, uint64_t object, size_t location,
				int32_t code, const char *prefix, const char *text)
{
	struct sl_messenger receivers[MAX_RECEIVERS];
	uint32_t count = copy_messengers(context, receivers);

	for (uint32_t i = 0; i < count; i++) {
		const struct sl_messenger *to = &receivers[i];
		if (to->report != NULL && (to->report_flags & flags) != 0) {
			to->report(flags, type, object, location, code, prefix, text,
				   to->user_data);
		}
	}
}

void sl_messenger_report_error(struct sl_context *context, const char *message_id, const char *text)
{
	const VkDebugUtilsMessengerCallbackDataEXT data = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT,
		.pMessageIdName = message_id,
		.pMessage = text,
	};

	send_utils_message(context, VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
			   VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT, &data);
	send_report_message(context, VK_DEBUG_REPORT_ERROR_BIT_EXT,
			    VK_DEBUG_REPORT_OBJECT_TYPE_UNKNOWN_EXT, 0, 0, 0, message_id, text);
}

void sl_messenger_destroy_all(struct sl_context *context)
{
	while (context->messengers != NULL) {
		struct sl_messenger *messenger = context->messengers;
		context->messengers = messenger->next;
		sl_guest_object_destroy(messenger);
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateDebugUtilsMessengerEXT(
	VkInstance instance, const VkDebugUtilsMessengerCreateInfoEXT *pCreateInfo,
	const VkAllocationCallbacks *pAllocator, VkDebugUtilsMessengerEXT *pMessenger)
{
	struct sl_messenger *messenger = sl_guest_object_create(
		SL_GUEST_OBJECT(instance), VK_OBJECT_TYPE_DEBUG_UTILS_MESSENGER_EXT,
		sizeof(*messenger));

	*pMessenger = VK_NULL_HANDLE;
	if (messenger == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	messenger->utils = pCreateInfo->pfnUserCallback;
	messenger->severities = pCreateInfo->messageSeverity;
	messenger->types = pCreateInfo->messageType;
	messenger->user_data = pCreateInfo->pUserData;
	add_messenger(messenger->base.context, messenger);
	*pMessenger = (VkDebugUtilsMessengerEXT)(uintptr_t)messenger;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL
sl_vkDestroyDebugUtilsMessengerEXT(VkInstance instance, VkDebugUtilsMessengerEXT messenger,
				   const VkAllocationCallbacks *pAllocator)
{
	remove_messenger((struct sl_messenger *)(uintptr_t)messenger);
}

VKAPI_ATTR void VKAPI_CALL sl_vkSubmitDebugUtilsMessageEXT(
	VkInstance instance, VkDebugUtilsMessageSeverityFlagBitsEXT messageSeverity,
	VkDebugUtilsMessageTypeFlagsEXT messageTypes,
	const VkDebugUtilsMessengerCallbackDataEXT *pCallbackData)
{
	send_utils_message(SL_GUEST_OBJECT(instance)->context, messageSeverity, messageTypes,
			   pCallbackData);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateDebugReportCallbackEXT(
	VkInstance instance, const VkDebugReportCallbackCreateInfoEXT *pCreateInfo,
	const VkAllocationCallbacks *pAllocator, VkDebugReportCallbackEXT *pCallback)
{
	struct sl_messenger *messenger = sl_guest_object_create(
		SL_GUEST_OBJECT(instance), VK_OBJECT_TYPE_DEBUG_REPORT_CALLBACK_EXT,
		sizeof(*messenger));

	*pCallback = VK_NULL_HANDLE;
	if (messenger == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	messenger->report = pCreateInfo->pfnCallback;
	messenger->report_flags = pCreateInfo->flags;
	messenger->user_data = pCreateInfo->pUserData;
	add_messenger(messenger->base.context, messenger);
	*pCallback = (VkDebugReportCallbackEXT)(uintptr_t)messenger;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL
sl_vkDestroyDebugReportCallbackEXT(VkInstance instance, VkDebugReportCallbackEXT callback,
				   const VkAllocationCallbacks *pAllocator)
{
	remove_messenger((struct sl_messenger *)(uintptr_t)callback);
}

VKAPI_ATTR void VKAPI_CALL sl_vkDebugReportMessageEXT(VkInstance instance,
						      VkDebugReportFlagsEXT flags,
						      VkDebugReportObjectTypeEXT objectType,
						      uint64_t object, size_t location,
						      int32_t messageCode, const char *pLayerPrefix,
						      const char *pMessage)
{
	send_report_message(SL_GUEST_OBJECT(instance)->context, flags, objectType, object, location,
			    messageCode, pLayerPrefix, pMessage);
}
