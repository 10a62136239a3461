/* SPDX-License-Identifier: MIT */
/* Queues: both ends number a queue's submissions from 1, the host publishes what completed. */
#ifndef SL_GUEST_DRIVER_VK_QUEUE_H
#define SL_GUEST_DRIVER_VK_QUEUE_H

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/object.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sl_device;

struct sl_queue {
	struct sl_guest_object base;
	struct sl_device *device;
	struct sl_queue *next; /* of the device */
	uint32_t family;
	uint32_t index;
	VkDeviceQueueCreateFlags flags;
	uint32_t slot;		    /* in the sync page */
	_Atomic uint64_t submitted; /* number of the last submission; the queue's thread writes */
};

/* True if submission number of the queue in slot has completed. Any thread. */
static inline bool sl_queue_slot_has_completed(const struct sl_context *context, uint32_t slot,
					       uint64_t number)
{
	/* pairs with the host's release when it publishes */
	return atomic_load_explicit(&context->sync->queues[slot].completed, memory_order_acquire) >=
	       number;
}

/* Make a queue of a device that the host has created, and tell the host.
 * Returns VK_SUCCESS, VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_TOO_MANY_OBJECTS. */
VkResult sl_queue_create(struct sl_device *device, uint32_t family, uint32_t index,
			 VkDeviceQueueCreateFlags flags, struct sl_queue **ret_queue);
/* After the host's device is gone. */
void sl_queue_destroy(struct sl_queue *queue);

#endif
