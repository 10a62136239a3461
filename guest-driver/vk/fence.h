/* SPDX-License-Identifier: MIT */
/* Fences live in the guest: a fence is a queue's submission number. */
#ifndef SL_GUEST_DRIVER_VK_FENCE_H
#define SL_GUEST_DRIVER_VK_FENCE_H

#include <stdint.h>
#include <vulkan/vulkan_core.h>

/* The fence signals when submission number of the queue in slot completes. Call it before the
 * submission is sent, so that whoever is woken by its completion sees it. VK_NULL_HANDLE: nothing.
 */
void sl_fence_set_pending(VkFence fence, uint32_t slot, uint64_t number);

/* The fence is signalled at once. VK_NULL_HANDLE: nothing. */
void sl_fence_signal(VkFence fence);

/* CLOCK_MONOTONIC now + timeout_ns, saturating: UINT64_MAX never comes. 0 stays 0: look once. */
uint64_t sl_fence_deadline(uint64_t timeout_ns);

#endif
