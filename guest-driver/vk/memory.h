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

#endif
