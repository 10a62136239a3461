/* SPDX-License-Identifier: MIT */
/* A timeline semaphore's value is the highest of what the application signalled and of what
 * submissions signalled that the sync page reports as completed. */
#include "guest-driver/vk/semaphore.h"

#include <stdlib.h>

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/fence.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/queue.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

#define INLINE_SIGNALS 8

struct pending_signal {
	uint64_t number;
	uint64_t value;
	uint32_t slot;
};

struct sl_semaphore {
	struct sl_guest_object base;
	bool is_timeline;
	atomic_bool is_local_signal; /* counted in the context's local_signals */
	pthread_mutex_t lock;	     /* guards all below */
	uint64_t value;
	uint32_t count;
	uint32_t capacity;
	struct pending_signal *signals; /* inline_signals, or heap */
	struct pending_signal inline_signals[INLINE_SIGNALS];
};

struct semaphore_wait {
	const VkSemaphoreWaitInfo *info;
	bool all;
};

static struct sl_semaphore *from_handle(VkSemaphore handle)
{
	return (struct sl_semaphore *)(uintptr_t)handle;
}

bool sl_semaphore_is_timeline(VkSemaphore semaphore)
{
	return from_handle(semaphore)->is_timeline;
}

void sl_semaphore_signal_locally(VkSemaphore handle)
{
	struct sl_semaphore *semaphore = from_handle(handle);

	if (semaphore != NULL && !atomic_exchange(&semaphore->is_local_signal, true)) {
		atomic_fetch_add(&semaphore->base.context->local_signals, 1);
	}
}

bool sl_semaphore_take_local_signal(VkSemaphore handle)
{
	struct sl_semaphore *semaphore = from_handle(handle);

	if (!atomic_exchange(&semaphore->is_local_signal, false)) {
		return false;
	}
	atomic_fetch_sub(&semaphore->base.context->local_signals, 1);
	return true;
}

/* Take what has completed into the value. */
static void fold_signals(struct sl_semaphore *semaphore)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < semaphore->count; i++) {
		struct pending_signal signal = semaphore->signals[i];
		if (!sl_queue_slot_has_completed(semaphore->base.context, signal.slot,
						 signal.number)) {
			semaphore->signals[kept++] = signal;
		} else if (signal.value > semaphore->value) {
			semaphore->value = signal.value;
		}
	}
	semaphore->count = kept;
}

static uint64_t get_value(struct sl_semaphore *semaphore)
{
	pthread_mutex_lock(&semaphore->lock);
	fold_signals(semaphore);
	uint64_t value = semaphore->value;
	pthread_mutex_unlock(&semaphore->lock);
	return value;
}

static bool grow_signals(struct sl_semaphore *semaphore)
{
	uint32_t capacity = semaphore->capacity * 2;
	bool is_inline = semaphore->signals == semaphore->inline_signals;
	struct pending_signal *signals =
		realloc(is_inline ? NULL : semaphore->signals, capacity * sizeof(*signals));

	if (signals == NULL) {
		return false;
	}
	if (is_inline) {
		memcpy(signals, semaphore->inline_signals, sizeof(semaphore->inline_signals));
	}
	semaphore->signals = signals;
	semaphore->capacity = capacity;
	return true;
}

static VkResult add_signal_locked(struct sl_semaphore *semaphore, struct pending_signal signal)
{
	if (semaphore->count == semaphore->capacity) {
		fold_signals(semaphore);
	}
	if (semaphore->count == semaphore->capacity && !grow_signals(semaphore)) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	semaphore->signals[semaphore->count++] = signal;
	return VK_SUCCESS;
}

VkResult sl_semaphore_add_signal(VkSemaphore handle, uint32_t slot, uint64_t number, uint64_t value)
{
	struct sl_semaphore *semaphore = from_handle(handle);
	struct pending_signal signal = { .number = number, .value = value, .slot = slot };

	pthread_mutex_lock(&semaphore->lock);
	VkResult result = add_signal_locked(semaphore, signal);
	pthread_mutex_unlock(&semaphore->lock);
	return result;
}

void sl_semaphore_drop_signals(VkSemaphore handle, uint32_t slot, uint64_t number)
{
	struct sl_semaphore *semaphore = from_handle(handle);
	uint32_t kept = 0;

	pthread_mutex_lock(&semaphore->lock);
	for (uint32_t i = 0; i < semaphore->count; i++) {
		struct pending_signal signal = semaphore->signals[i];
		if (signal.slot != slot || signal.number != number) {
			semaphore->signals[kept++] = signal;
		}
	}
	semaphore->count = kept;
	pthread_mutex_unlock(&semaphore->lock);
}

static struct sl_semaphore *create_semaphore(struct sl_guest_object *device,
					     const VkSemaphoreCreateInfo *info)
{
	const VkSemaphoreTypeCreateInfo *type =
		sl_chain_find(info->pNext, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
	struct sl_semaphore *semaphore =
		sl_guest_object_create(device, VK_OBJECT_TYPE_SEMAPHORE, sizeof(*semaphore));

	if (semaphore == NULL) {
		return NULL;
	}
	pthread_mutex_init(&semaphore->lock, NULL);
	semaphore->signals = semaphore->inline_signals;
	semaphore->capacity = INLINE_SIGNALS;
	if (type != NULL && type->semaphoreType == VK_SEMAPHORE_TYPE_TIMELINE) {
		semaphore->is_timeline = true;
		semaphore->value = type->initialValue;
	}
	return semaphore;
}

static void destroy_semaphore(struct sl_semaphore *semaphore)
{
	(void)sl_semaphore_take_local_signal((VkSemaphore)(uintptr_t)semaphore);
	if (semaphore->signals != semaphore->inline_signals) {
		free(semaphore->signals);
	}
	pthread_mutex_destroy(&semaphore->lock);
	sl_guest_object_destroy(semaphore);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateSemaphore(VkDevice device,
						    const VkSemaphoreCreateInfo *pCreateInfo,
						    const VkAllocationCallbacks *pAllocator,
						    VkSemaphore *pSemaphore)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_semaphore *semaphore = create_semaphore(self, pCreateInfo);

	*pSemaphore = VK_NULL_HANDLE;
	if (semaphore == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	*pSemaphore = (VkSemaphore)(uintptr_t)semaphore;
	const struct sl_vkCreateSemaphore args = {
		.device = device,
		.pCreateInfo = pCreateInfo,
		.pSemaphore = pSemaphore,
	};
	if (SL_MESSAGE_SEND(self, vkCreateSemaphore, &args) < 0) {
		destroy_semaphore(semaphore);
		*pSemaphore = VK_NULL_HANDLE;
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroySemaphore(VkDevice device, VkSemaphore semaphore,
						 const VkAllocationCallbacks *pAllocator)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	const struct sl_vkDestroySemaphore args = { .device = device, .semaphore = semaphore };

	if (semaphore != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(self, vkDestroySemaphore, &args);
		destroy_semaphore(from_handle(semaphore));
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetSemaphoreCounterValue(VkDevice device, VkSemaphore semaphore,
							     uint64_t *pValue)
{
	*pValue = get_value(from_handle(semaphore));
	return sl_context_check_lost(SL_GUEST_OBJECT(device)->context) ? VK_ERROR_DEVICE_LOST
								       : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkSignalSemaphore(VkDevice device,
						    const VkSemaphoreSignalInfo *pSignalInfo)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_semaphore *semaphore = from_handle(pSignalInfo->semaphore);
	const struct sl_vkSignalSemaphore args = { .device = device, .pSignalInfo = pSignalInfo };

	/* First the message, then the value: who sees the value may destroy the semaphore, and
	 * the host must see that later. */
	SL_MESSAGE_SEND(self, vkSignalSemaphore, &args);
	pthread_mutex_lock(&semaphore->lock);
	if (pSignalInfo->value > semaphore->value) {
		semaphore->value = pSignalInfo->value;
	}
	pthread_mutex_unlock(&semaphore->lock);
	sl_guest_link_wake(self->context->link);
	return VK_SUCCESS;
}

static bool semaphores_are_ready(void *data)
{
	const struct semaphore_wait *wait = data;
	const VkSemaphoreWaitInfo *info = wait->info;

	for (uint32_t i = 0; i < info->semaphoreCount; i++) {
		uint64_t value = get_value(from_handle(info->pSemaphores[i]));
		if ((value >= info->pValues[i]) != wait->all) {
			return !wait->all;
		}
	}
	return wait->all;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkWaitSemaphores(VkDevice device,
						   const VkSemaphoreWaitInfo *pWaitInfo,
						   uint64_t timeout)
{
	struct sl_context *context = SL_GUEST_OBJECT(device)->context;
	struct semaphore_wait wait = {
		.info = pWaitInfo,
		.all = (pWaitInfo->flags & VK_SEMAPHORE_WAIT_ANY_BIT) == 0,
	};

	if (semaphores_are_ready(&wait)) {
		return VK_SUCCESS;
	}
	int r = sl_guest_link_wait(context->link, semaphores_are_ready, &wait,
				   sl_fence_deadline(timeout));
	if (r == -EPIPE) {
		(void)sl_context_is_lost(context);
	}
	return SL_VK_RESULT(vkWaitSemaphores, r);
}
