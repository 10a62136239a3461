/* SPDX-License-Identifier: MIT */
/* The debug messenger around the replay. */
#include "host/gpu/validation.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "host/base/log.h"

/* The log gets this many messages of each name; the summary counts all. */
#define MESSAGES_PER_NAME 5

void sl_validation_init(struct sl_validation *validation)
{
	*validation = (struct sl_validation){ 0 };
	pthread_mutex_init(&validation->lock, NULL);
}

void sl_validation_finish(struct sl_validation *validation)
{
	pthread_mutex_destroy(&validation->lock);
}

/* Returns how often the name has been seen, this time included. Caller holds lock. */
static uint64_t count_name(struct sl_validation *validation, const char *name)
{
	struct sl_validation_name *entry = NULL;

	for (uint32_t i = 0; i < validation->name_count; i++) {
		if (strncmp(validation->names[i].name, name, SL_VALIDATION_NAME_SIZE - 1) == 0) {
			return ++validation->names[i].count;
		}
	}
	if (validation->name_count == SL_VALIDATION_NAMES) {
		return 1;
	}
	entry = &validation->names[validation->name_count++];
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	return entry->count = 1;
}

static VkBool32 VKAPI_PTR report(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
				 VkDebugUtilsMessageTypeFlagsEXT types,
				 const VkDebugUtilsMessengerCallbackDataEXT *data, void *user_data)
{
	struct sl_validation *validation = user_data;
	const char *name = data->pMessageIdName != NULL ? data->pMessageIdName : "unnamed";
	bool is_error = severity == VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
	uint64_t seen = 0;

	(void)types;
	pthread_mutex_lock(&validation->lock);
	if (is_error) {
		validation->errors++;
		seen = count_name(validation, name);
	} else {
		validation->warnings++;
	}
	pthread_mutex_unlock(&validation->lock);
	if (seen <= MESSAGES_PER_NAME) {
		sl_log(is_error ? SL_LOG_ERROR : SL_LOG_WARNING, "validation: %s", data->pMessage);
	}
	return VK_FALSE;
}

VkDebugUtilsMessengerCreateInfoEXT sl_validation_messenger(struct sl_validation *validation)
{
	return (VkDebugUtilsMessengerCreateInfoEXT){
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
		.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT |
				   VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
		.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
		.pfnUserCallback = report,
		.pUserData = validation,
	};
}

uint64_t sl_validation_get_errors(struct sl_validation *validation)
{
	pthread_mutex_lock(&validation->lock);
	uint64_t errors = validation->errors;
	pthread_mutex_unlock(&validation->lock);
	return errors;
}

void sl_validation_log(struct sl_validation *validation)
{
	char names[700] = "";
	size_t used = 0;

	pthread_mutex_lock(&validation->lock);
	for (uint32_t i = 0; i < validation->name_count && used < sizeof(names); i++) {
		int length = snprintf(names + used, sizeof(names) - used, "%s%s x%llu",
				      i == 0 ? ": " : ", ", validation->names[i].name,
				      (unsigned long long)validation->names[i].count);

		used += (size_t)length;
	}
	uint64_t errors = validation->errors;
	uint64_t warnings = validation->warnings;
	pthread_mutex_unlock(&validation->lock);
	if (errors > 0 || warnings > 0) {
		sl_log(errors > 0 ? SL_LOG_ERROR : SL_LOG_INFO,
		       "validation: %llu errors, %llu warnings%s", (unsigned long long)errors,
		       (unsigned long long)warnings, names);
	}
}
