/* SPDX-License-Identifier: MIT */
/* VkInstance: the root of a context. */
#ifndef SL_GUEST_DRIVER_VK_INSTANCE_H
#define SL_GUEST_DRIVER_VK_INSTANCE_H

#include "guest-driver/vk/object.h"
#include "protocol/limits.h"
#include "protocol/sl_types.h"

#include <pthread.h>
#include <stdbool.h>

struct sl_physical_device;

/* What this driver implements at most. */
#define SL_API_VERSION VK_MAKE_API_VERSION(0, 1, 3, VK_HEADER_VERSION)

struct sl_instance {
	struct sl_guest_object base;
	uint32_t api_version; /* what the application asked for */
	struct sl_extension_set extensions;
	pthread_mutex_t lock; /* guards all below */
	bool is_enumerated;
	uint32_t physical_device_count;
	/* Filled up to physical_device_count, which may be less than were made: see enumerate(). */
	struct sl_physical_device *physical_devices[SL_MAX_PHYSICAL_DEVICES];
};

/* Add the named extensions to set. Returns VK_SUCCESS, or VK_ERROR_EXTENSION_NOT_PRESENT if one is
 * not in offered. */
VkResult sl_instance_add_extensions(uint32_t count, const char *const *names,
				    const struct sl_extension_set *offered,
				    struct sl_extension_set *set);

/* The two-call idiom of vkEnumerate*ExtensionProperties for the extensions in set. spec_versions:
 * by index of sl_extension_list[], NULL: those of this build's registry. */
VkResult sl_instance_list_extensions(const struct sl_extension_set *set,
				     const uint32_t *spec_versions, uint32_t *count,
				     VkExtensionProperties *properties);

#endif
