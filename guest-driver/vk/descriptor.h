/* SPDX-License-Identifier: MIT */
/* Descriptor set layouts, pools and sets. */
#ifndef SL_GUEST_DRIVER_VK_DESCRIPTOR_H
#define SL_GUEST_DRIVER_VK_DESCRIPTOR_H

#include "guest-driver/vk/descriptor_budget.h"
#include "guest-driver/vk/object.h"

struct sl_descriptor_set_layout {
	struct sl_guest_object base;
	struct sl_descriptor_needs *needs;
};

struct sl_descriptor_set {
	struct sl_guest_object base;
	struct sl_descriptor_needs *needs; /* of its layout, which may be gone; referenced */
	uint32_t variable_count;
	struct sl_descriptor_set *prev; /* in the pool */
	struct sl_descriptor_set *next;
};

/* Externally synchronized, like Vulkan's. */
struct sl_descriptor_pool {
	struct sl_guest_object base;
	struct sl_descriptor_budget budget;
	struct sl_descriptor_set *sets;
};

#endif
