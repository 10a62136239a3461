/* SPDX-License-Identifier: MIT */
/* Acquiring a swapchain image signals a semaphore at once, and only in the guest. A submission that
 * waits for it is sent without that wait: so the signal costs no message and no submission. */
#ifndef SL_GUEST_DRIVER_VK_LOCAL_WAITS_H
#define SL_GUEST_DRIVER_VK_LOCAL_WAITS_H

#include "guest-driver/vk/context.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

/* False nearly always: then nothing needs to be dropped. */
static inline bool sl_local_waits_any(const struct sl_context *context)
{
	return atomic_load_explicit(&context->local_signals, memory_order_relaxed) != 0;
}

/* Make *batches point to copies without the waits for semaphores that are signalled in the guest,
 * which no longer are. Nothing is copied if there are none. The caller frees *ret_copy when the
 * batches have been encoded.
 *
 * Returns VK_SUCCESS or VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult sl_local_waits_drop(uint32_t count, const VkSubmitInfo **batches, void **ret_copy);
VkResult sl_local_waits_drop2(uint32_t count, const VkSubmitInfo2 **batches, void **ret_copy);
VkResult sl_local_waits_drop_bind(uint32_t count, const VkBindSparseInfo **batches,
				  void **ret_copy);

#endif
