/* SPDX-License-Identifier: MIT */
/* Device memory: host-visible types are this process's pages, shared with the renderer. */
#ifndef SL_GUEST_DRIVER_VK_MEMORY_H
#define SL_GUEST_DRIVER_VK_MEMORY_H

#include "guest-driver/link/guest_link.h"
#include "guest-driver/vk/object.h"

struct sl_memory {
	struct sl_guest_object base;
	struct sl_region region; /* data NULL: the host allocates, nobody maps */
};

struct sl_device;

/* vkAllocateMemory. ret_fd: NULL, or gets a descriptor of the pages of a host-visible type that
 * other processes of the guest can map; the caller closes it; -1: there is none. */
VkResult sl_memory_allocate(struct sl_device *device, const VkMemoryAllocateInfo *info,
			    VkDeviceMemory *ret_memory, int *ret_fd);

#endif
