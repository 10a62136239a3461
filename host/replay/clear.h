/* SPDX-License-Identifier: MIT */
/* Clears device memory which the CPU cannot reach, on a queue of its own where the device has one
 * to spare: vkCmdFillBuffer, and a timeline semaphore that every later submission waits for
 * until the clear is known to be done. Clears go through the gate, in pieces, like the guest's own
 * work, and on its account. Ring thread. */
#ifndef SL_HOST_REPLAY_CLEAR_H
#define SL_HOST_REPLAY_CLEAR_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_replay;
struct sl_replay_clear;
struct sl_replay_device;
struct sl_replay_physical_device;

/* Which queue will clear. */
struct sl_clear_plan {
	bool is_needed; /* false: all memory can be mapped */
	uint32_t family;
	uint32_t queue_index;
};

/* Choose the queue, and add it to info, with memory of the replay's scratch. */
VkResult sl_clear_plan(struct sl_replay *replay, const struct sl_replay_physical_device *physical,
		       VkDeviceCreateInfo *info, struct sl_clear_plan *ret_plan);

/* *ret_clear is NULL if the plan needs none. */
VkResult sl_clear_create(struct sl_replay_device *device, const struct sl_clear_plan *plan,
			 struct sl_replay_clear **ret_clear);
/* Accepts NULL. Waits for what is being cleared; no submission may wait for more. */
void sl_clear_destroy(struct sl_replay_clear *clear);

/* Allocate memory and start to clear it. size of info may grow to what the clearing buffer needs.
 * ret_number: for sl_clear_stop() before the memory is freed; 0: nothing is cleared. */
VkResult sl_clear_allocate(struct sl_replay_clear *clear, VkMemoryAllocateInfo *info,
			   VkDeviceMemory *ret_memory, uint64_t *ret_number);
/* What of it has not begun will not; waits for the rest. */
void sl_clear_stop(struct sl_replay_clear *clear, uint64_t number);

/* True if a submission must wait for the semaphore to reach the value. Accepts NULL. */
bool sl_clear_get_pending(struct sl_replay_clear *clear, VkSemaphore *ret_semaphore,
			  uint64_t *ret_value);

#endif
