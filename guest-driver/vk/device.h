/* SPDX-License-Identifier: MIT */
/* VkDevice: queues, enabled extensions, remembered memory requirements. */
#ifndef SL_GUEST_DRIVER_VK_DEVICE_H
#define SL_GUEST_DRIVER_VK_DEVICE_H

#include "guest-driver/vk/bytes_map.h"
#include "guest-driver/vk/object.h"
#include "protocol/sl_types.h"

#include <pthread.h>

struct sl_physical_device;
struct sl_queue;

struct sl_device {
	struct sl_guest_object base;
	struct sl_physical_device *physical_device;
	struct sl_queue *queues; /* sl_queue.next; never changes once the device is made */
	uint32_t api_version;	 /* what the application may use of core */
	struct sl_extension_set extensions;
	struct sl_bytes_map requirements;  /* create info → struct sl_requirements */
	pthread_mutex_t requirements_lock; /* guards the values in requirements */
};

#endif
