/* SPDX-License-Identifier: MIT */
/* What every Vulkan handle of this driver points to. */
#ifndef SL_GUEST_DRIVER_VK_OBJECT_H
#define SL_GUEST_DRIVER_VK_OBJECT_H

#include "protocol/handle.h"

#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_context;

/* First member of every guest object. */
struct sl_guest_object {
	struct sl_handle handle;
	struct sl_context *context;
	VkObjectType type;
	/* Set while a VkPrivateDataSlot may hold a value for this object. */
	uint32_t has_private_data;
};

/* A zeroed object of size bytes (sizeof(struct sl_guest_object) at least) with a new wire id in
 * the context of parent. The caller destroys it. Any thread.
 *
 * Returns NULL if memory or ids ran out. */
void *sl_guest_object_create(struct sl_guest_object *parent, VkObjectType type, size_t size);
/* The same in a context whose instance does not exist yet. */
void *sl_guest_object_create_in(struct sl_context *context, VkObjectType type, size_t size);

/* Frees the object and its id: call it after the message that destroys the host's object has
 * been sent. Accepts NULL. */
void sl_guest_object_destroy(void *object);

/* The object behind any handle, dispatchable or not. */
#define SL_GUEST_OBJECT(handle) ((struct sl_guest_object *)(uintptr_t)(handle))

#endif
