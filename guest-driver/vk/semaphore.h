/* SPDX-License-Identifier: MIT */
/* Semaphores: binary ones live on the host; the guest also knows a timeline's value. */
#ifndef SL_GUEST_DRIVER_VK_SEMAPHORE_H
#define SL_GUEST_DRIVER_VK_SEMAPHORE_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

bool sl_semaphore_is_timeline(VkSemaphore semaphore);

/* A submission that is about to be sent will signal value on a timeline semaphore.
 * Returns VK_SUCCESS or VK_ERROR_OUT_OF_HOST_MEMORY. Any thread. */
VkResult sl_semaphore_add_signal(VkSemaphore semaphore, uint32_t slot, uint64_t number,
				 uint64_t value);
/* Signal a binary semaphore in the guest: the host never hears of it, because the submission that
 * waits for it drops the wait; see local_waits.h. VK_NULL_HANDLE: nothing. */
void sl_semaphore_signal_locally(VkSemaphore semaphore);
/* True if the semaphore was signalled so; it no longer is. */
bool sl_semaphore_take_local_signal(VkSemaphore semaphore);
/* The submission was not sent after all. */
void sl_semaphore_drop_signals(VkSemaphore semaphore, uint32_t slot, uint64_t number);

#endif
