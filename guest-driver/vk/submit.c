/* SPDX-License-Identifier: MIT */
/* vkQueueSubmit, vkQueueSubmit2, vkQueueBindSparse: each message is one numbered submission. */
#include <stdlib.h>

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/fence.h"
#include "guest-driver/vk/local_waits.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/queue.h"
#include "guest-driver/vk/result.h"
#include "guest-driver/vk/semaphore.h"
#include "protocol/sl_entries.h"

struct signal {
	VkSemaphore semaphore;
	uint64_t value;
};

/* What the three commands do differently. */
struct batch_type {
	size_t size;
	/* Signal operation index of a batch; false past the last. */
	bool (*get_signal)(const void *batch, uint32_t index, struct signal *ret_signal);
	bool (*encode)(struct sl_call *call, struct sl_queue *queue, uint32_t count,
		       const void *batches);
};

static uint64_t get_timeline_value(const void *next, uint32_t index)
{
	const VkTimelineSemaphoreSubmitInfo *values =
		sl_chain_find(next, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);

	return values != NULL && index < values->signalSemaphoreValueCount
		       ? values->pSignalSemaphoreValues[index]
		       : 0;
}

static bool get_submit_signal(const void *batch, uint32_t index, struct signal *ret_signal)
{
	const VkSubmitInfo *submit = batch;

	if (index >= submit->signalSemaphoreCount) {
		return false;
	}
	ret_signal->semaphore = submit->pSignalSemaphores[index];
	ret_signal->value = get_timeline_value(submit->pNext, index);
	return true;
}

static bool get_submit2_signal(const void *batch, uint32_t index, struct signal *ret_signal)
{
	const VkSubmitInfo2 *submit = batch;

	if (index >= submit->signalSemaphoreInfoCount) {
		return false;
	}
	ret_signal->semaphore = submit->pSignalSemaphoreInfos[index].semaphore;
	ret_signal->value = submit->pSignalSemaphoreInfos[index].value;
	return true;
}

static bool get_bind_signal(const void *batch, uint32_t index, struct signal *ret_signal)
{
	const VkBindSparseInfo *bind = batch;

	if (index >= bind->signalSemaphoreCount) {
		return false;
	}
	ret_signal->semaphore = bind->pSignalSemaphores[index];
	ret_signal->value = get_timeline_value(bind->pNext, index);
	return true;
}

/* The fence stays in the guest: the host gets none. */
static bool encode_submit(struct sl_call *call, struct sl_queue *queue, uint32_t count,
			  const void *batches)
{
	const struct sl_vkQueueSubmit args = {
		.queue = (VkQueue)queue,
		.submitCount = count,
		.pSubmits = batches,
	};

	SL_MESSAGE_TRACE(&queue->base, vkQueueSubmit, &args);
	return SL_MESSAGE_ENCODE(call, &queue->base, vkQueueSubmit, &args);
}

static bool encode_submit2(struct sl_call *call, struct sl_queue *queue, uint32_t count,
			   const void *batches)
{
	const struct sl_vkQueueSubmit2 args = {
		.queue = (VkQueue)queue,
		.submitCount = count,
		.pSubmits = batches,
	};

	SL_MESSAGE_TRACE(&queue->base, vkQueueSubmit2, &args);
	return SL_MESSAGE_ENCODE(call, &queue->base, vkQueueSubmit2, &args);
}

static bool encode_bind(struct sl_call *call, struct sl_queue *queue, uint32_t count,
			const void *batches)
{
	const struct sl_vkQueueBindSparse args = {
		.queue = (VkQueue)queue,
		.bindInfoCount = count,
		.pBindInfo = batches,
	};

	SL_MESSAGE_TRACE(&queue->base, vkQueueBindSparse, &args);
	return SL_MESSAGE_ENCODE(call, &queue->base, vkQueueBindSparse, &args);
}

static const struct batch_type submit_type = {
	.size = sizeof(VkSubmitInfo),
	.get_signal = get_submit_signal,
	.encode = encode_submit,
};

static const struct batch_type submit2_type = {
	.size = sizeof(VkSubmitInfo2),
	.get_signal = get_submit2_signal,
	.encode = encode_submit2,
};

static const struct batch_type bind_type = {
	.size = sizeof(VkBindSparseInfo),
	.get_signal = get_bind_signal,
	.encode = encode_bind,
};

static bool signals_timeline(const struct batch_type *type, const void *batch)
{
	struct signal signal;

	for (uint32_t i = 0; type->get_signal(batch, i, &signal); i++) {
		if (sl_semaphore_is_timeline(signal.semaphore)) {
			return true;
		}
	}
	return false;
}

/* Timeline semaphores which the batch signals learn the submission's number. */
static VkResult add_signals(const struct batch_type *type, const void *batch,
			    const struct sl_queue *queue, uint64_t number)
{
	struct signal signal;

	for (uint32_t i = 0; type->get_signal(batch, i, &signal); i++) {
		if (!sl_semaphore_is_timeline(signal.semaphore)) {
			continue;
		}
		VkResult result = sl_semaphore_add_signal(signal.semaphore, queue->slot, number,
							  signal.value);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	return VK_SUCCESS;
}

static void drop_signals(const struct batch_type *type, const void *batch,
			 const struct sl_queue *queue, uint64_t number)
{
	struct signal signal;

	for (uint32_t i = 0; type->get_signal(batch, i, &signal); i++) {
		if (sl_semaphore_is_timeline(signal.semaphore)) {
			sl_semaphore_drop_signals(signal.semaphore, queue->slot, number);
		}
	}
}

/* Send count batches, of which only the last may signal timeline semaphores, as one submission.
 * All guest state changes before the message goes: whoever sees it complete sees them too. */
static VkResult submit_piece(struct sl_queue *queue, const struct batch_type *type, uint32_t count,
			     const uint8_t *batches, VkFence fence)
{
	uint64_t number = atomic_load_explicit(&queue->submitted, memory_order_relaxed) + 1;
	const uint8_t *last = batches + (count - 1) * type->size;
	struct sl_call call;

	if (!type->encode(&call, queue, count, batches)) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = add_signals(type, last, queue, number);
	if (result != VK_SUCCESS) {
		drop_signals(type, last, queue, number);
		sl_call_finish(&call);
		return result;
	}
	atomic_store_explicit(&queue->submitted, number, memory_order_relaxed);
	sl_fence_set_pending(fence, queue->slot, number);
	sl_call_send(&call);
	return VK_SUCCESS;
}

/* The host reports completion per message. A later batch may wait for something that the
 * application does only once it has seen an earlier batch's timeline signal, so a message ends
 * after each batch that signals a timeline semaphore. */
static VkResult submit(VkQueue handle, const struct batch_type *type, uint32_t count,
		       const void *batches, VkFence fence)
{
	struct sl_queue *queue = (struct sl_queue *)handle;
	const uint8_t *first = batches;
	uint32_t piece = 0;

	if (sl_context_is_lost(queue->base.context)) {
		return VK_ERROR_DEVICE_LOST;
	}
	if (count == 0) {
		/* The fence signals with what has been submitted before. */
		sl_fence_set_pending(fence, queue->slot,
				     atomic_load_explicit(&queue->submitted, memory_order_relaxed));
		return VK_SUCCESS;
	}
	for (uint32_t i = 0; i < count; i++) {
		piece++;
		if (i + 1 < count && !signals_timeline(type, first + (piece - 1) * type->size)) {
			continue;
		}
		VkResult result = submit_piece(queue, type, piece, first,
					       i + 1 < count ? VK_NULL_HANDLE : fence);
		if (result != VK_SUCCESS) {
			return result;
		}
		first += piece * type->size;
		piece = 0;
	}
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkQueueSubmit(VkQueue queue, uint32_t submitCount,
						const VkSubmitInfo *pSubmits, VkFence fence)
{
	void *copy = NULL;

	if (sl_local_waits_any(SL_GUEST_OBJECT(queue)->context)) {
		VkResult result = sl_local_waits_drop(submitCount, &pSubmits, &copy);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	VkResult result = submit(queue, &submit_type, submitCount, pSubmits, fence);
	free(copy);
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkQueueSubmit2(VkQueue queue, uint32_t submitCount,
						 const VkSubmitInfo2 *pSubmits, VkFence fence)
{
	void *copy = NULL;

	if (sl_local_waits_any(SL_GUEST_OBJECT(queue)->context)) {
		VkResult result = sl_local_waits_drop2(submitCount, &pSubmits, &copy);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	VkResult result = submit(queue, &submit2_type, submitCount, pSubmits, fence);
	free(copy);
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkQueueBindSparse(VkQueue queue, uint32_t bindInfoCount,
						    const VkBindSparseInfo *pBindInfo,
						    VkFence fence)
{
	void *copy = NULL;

	if (sl_local_waits_any(SL_GUEST_OBJECT(queue)->context)) {
		VkResult result = sl_local_waits_drop_bind(bindInfoCount, &pBindInfo, &copy);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	VkResult result = submit(queue, &bind_type, bindInfoCount, pBindInfo, fence);
	free(copy);
	return result;
}
