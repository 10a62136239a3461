/* SPDX-License-Identifier: MIT */
/* Fence status and waits are local reads of the sync page. */
#include "guest-driver/vk/fence.h"

#include "guest-driver/vk/queue.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"
#include "protocol/clock.h"

/* A fence's state: unsignalled, signalled, or slot + 1 above the number of the submission that
 * will signal it. One word, so that waiters need no lock. */
#define UNSIGNALLED UINT64_C(0)
#define SIGNALLED   UINT64_MAX
#define NUMBER_BITS 56
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1)

struct sl_fence {
	struct sl_guest_object base;
	_Atomic uint64_t state;
};

struct fence_wait {
	const VkFence *fences;
	uint32_t count;
	bool all;
};

static struct sl_fence *from_handle(VkFence handle)
{
	return (struct sl_fence *)(uintptr_t)handle;
}

static bool is_signalled(struct sl_fence *fence)
{
	/* pairs with the release in sl_fence_set_pending() */
	uint64_t state = atomic_load_explicit(&fence->state, memory_order_acquire);

	if (state == UNSIGNALLED || state == SIGNALLED) {
		return state == SIGNALLED;
	}
	uint32_t slot = (uint32_t)(state >> NUMBER_BITS) - 1;
	if (!sl_queue_slot_has_completed(fence->base.context, slot, state & NUMBER_MASK)) {
		return false;
	}
	/* Forget the number: the slot may serve another queue one day. A new submission cannot
	 * have taken its place meanwhile, because fences are reset before they are used again;
	 * a reset can, so it must not be overwritten. */
	atomic_compare_exchange_strong(&fence->state, &state, SIGNALLED);
	return true;
}

void sl_fence_set_pending(VkFence fence, uint32_t slot, uint64_t number)
{
	uint64_t state = (uint64_t)(slot + 1) << NUMBER_BITS | number;

	if (fence != VK_NULL_HANDLE) {
		/* pairs with the acquire in is_signalled() */
		atomic_store_explicit(&from_handle(fence)->state, state, memory_order_release);
	}
}

void sl_fence_signal(VkFence fence)
{
	if (fence != VK_NULL_HANDLE) {
		/* pairs with the acquire in is_signalled() */
		atomic_store_explicit(&from_handle(fence)->state, SIGNALLED, memory_order_release);
		sl_guest_link_wake(from_handle(fence)->base.context->link);
	}
}

uint64_t sl_fence_deadline(uint64_t timeout_ns)
{
	uint64_t deadline_ns;

	if (timeout_ns == 0 || timeout_ns == UINT64_MAX) {
		return timeout_ns;
	}
	if (__builtin_add_overflow(sl_clock_now_ns(), timeout_ns, &deadline_ns)) {
		return UINT64_MAX;
	}
	return deadline_ns;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateFence(VkDevice device,
						const VkFenceCreateInfo *pCreateInfo,
						const VkAllocationCallbacks *pAllocator,
						VkFence *pFence)
{
	struct sl_fence *fence = sl_guest_object_create(SL_GUEST_OBJECT(device),
							VK_OBJECT_TYPE_FENCE, sizeof(*fence));

	*pFence = VK_NULL_HANDLE;
	if (fence == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	bool signalled = (pCreateInfo->flags & VK_FENCE_CREATE_SIGNALED_BIT) != 0;
	atomic_init(&fence->state, signalled ? SIGNALLED : UNSIGNALLED);
	*pFence = (VkFence)(uintptr_t)fence;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyFence(VkDevice device, VkFence fence,
					     const VkAllocationCallbacks *pAllocator)
{
	sl_guest_object_destroy(from_handle(fence));
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkResetFences(VkDevice device, uint32_t fenceCount,
						const VkFence *pFences)
{
	for (uint32_t i = 0; i < fenceCount; i++) {
		atomic_store_explicit(&from_handle(pFences[i])->state, UNSIGNALLED,
				      memory_order_relaxed);
	}
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetFenceStatus(VkDevice device, VkFence fence)
{
	if (is_signalled(from_handle(fence))) {
		return VK_SUCCESS;
	}
	return sl_context_check_lost(SL_GUEST_OBJECT(device)->context) ? VK_ERROR_DEVICE_LOST
								       : VK_NOT_READY;
}

static bool fences_are_ready(void *data)
{
	const struct fence_wait *wait = data;

	for (uint32_t i = 0; i < wait->count; i++) {
		if (is_signalled(from_handle(wait->fences[i])) != wait->all) {
			return !wait->all;
		}
	}
	return wait->all;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkWaitForFences(VkDevice device, uint32_t fenceCount,
						  const VkFence *pFences, VkBool32 waitAll,
						  uint64_t timeout)
{
	struct sl_context *context = SL_GUEST_OBJECT(device)->context;
	/* One fence is the same for any and all; "all" stops at the first that is not ready. */
	struct fence_wait wait = { pFences, fenceCount, waitAll != VK_FALSE || fenceCount == 1 };

	if (fences_are_ready(&wait)) {
		return VK_SUCCESS;
	}
	int r = sl_guest_link_wait(context->link, fences_are_ready, &wait,
				   sl_fence_deadline(timeout));
	if (r == -EPIPE) {
		(void)sl_context_is_lost(context);
	}
	return SL_VK_RESULT(vkWaitForFences, r);
}
