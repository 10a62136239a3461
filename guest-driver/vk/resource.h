/* SPDX-License-Identifier: MIT */
/* Buffers and images; memory requirements are remembered by the bytes of the create info. */
#ifndef SL_GUEST_DRIVER_VK_RESOURCE_H
#define SL_GUEST_DRIVER_VK_RESOURCE_H

#include "guest-driver/vk/object.h"

#include <pthread.h>
#include <stdbool.h>

/* What the host said about one create info; shared by all resources made with it. */
struct sl_requirements {
	bool created; /* one such resource exists; guarded by the device's requirements_lock, like
			 all below */
	bool known;   /* what follows is known */
	VkMemoryRequirements memory;
	VkBool32 prefers_dedicated;
	VkBool32 requires_dedicated;
};

/* A VkBuffer or a VkImage. */
struct sl_resource {
	struct sl_guest_object base;
	struct sl_requirements *requirements; /* NULL: the cache is full, ask each time */
};

#endif
