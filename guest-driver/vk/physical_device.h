/* SPDX-License-Identifier: MIT */
/* VkPhysicalDevice: what the host said about it, kept. */
#ifndef SL_GUEST_DRIVER_VK_PHYSICAL_DEVICE_H
#define SL_GUEST_DRIVER_VK_PHYSICAL_DEVICE_H

#include "guest-driver/vk/object.h"
#include "protocol/sl_types.h"

#include <pthread.h>
#include <stdbool.h>

struct sl_instance;
struct sl_format_table;

struct sl_physical_device {
	struct sl_guest_object base;
	struct sl_instance *instance;
	pthread_mutex_t lock; /* guards loading of what follows; once loaded nothing changes */
	bool has_memory;
	bool has_extensions;
	VkPhysicalDeviceMemoryProperties memory;
	struct sl_extension_set extensions;
	uint32_t *spec_versions; /* by index of sl_extension_list[]: the host's */
	struct sl_format_table *formats;
};

struct sl_physical_device *sl_physical_device_create(struct sl_instance *instance);
/* Accepts NULL. The host's physical devices end with the instance: nothing is sent. */
void sl_physical_device_destroy(struct sl_physical_device *device);

/* All zeros on a lost context. Any thread. */
const VkPhysicalDeviceMemoryProperties *
sl_physical_device_get_memory(struct sl_physical_device *device);

/* The device extensions offered to the application, into device->extensions.
 * Returns VK_SUCCESS or what vkEnumerateDeviceExtensionProperties may return. Any thread. */
VkResult sl_physical_device_load_extensions(struct sl_physical_device *device);

#endif
