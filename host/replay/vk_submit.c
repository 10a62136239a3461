/* SPDX-License-Identifier: MIT */
/* Submissions of every kind: Sluice's own waits and signals are added to the guest's batches, then
 * they go through the gate. */
#include <errno.h>

#include "host/replay/clear.h"
#include "host/replay/queue.h"
#include "host/replay/replay_priv.h"

/* The semaphores that a batch signals, wherever its type keeps them. */
struct signals {
	uint32_t *count;
	const VkSemaphore **semaphores;
	const void **chain;
};

/* One more value in the batch's VkTimelineSemaphoreSubmitInfo; a new one if it has none. */
static int add_value(struct sl_replay *replay, const struct signals *signals, uint32_t count,
		     uint64_t value)
{
	VkTimelineSemaphoreSubmitInfo *info =
		sl_chain_find(*signals->chain, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
	uint64_t *values = sl_replay_scratch(replay, count + 1, sizeof(*values));

	if (values == NULL) {
		return -ENOMEM;
	}
	if (info == NULL) {
		info = sl_replay_scratch(replay, 1, sizeof(*info));
		if (info == NULL) {
			return -ENOMEM;
		}
		*info = (VkTimelineSemaphoreSubmitInfo){
			.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
			.pNext = *signals->chain,
		};
		*signals->chain = info;
	}
	for (uint32_t i = 0; i < count && i < info->signalSemaphoreValueCount; i++) {
		values[i] = info->pSignalSemaphoreValues[i];
	}
	values[count] = value;
	info->signalSemaphoreValueCount = count + 1;
	info->pSignalSemaphoreValues = values;
	return 0;
}

/* Binary semaphores need no values; drivers read one for each of all, if there are any. */
static int fit_values(struct sl_replay *replay, const uint64_t **values, uint32_t *value_count,
		      uint32_t count)
{
	if (*value_count == 0 || *value_count >= count) {
		return 0;
	}
	uint64_t *longer = sl_replay_scratch(replay, count, sizeof(*longer));

	if (longer == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		longer[i] = i < *value_count ? (*values)[i] : 0;
	}
	*values = longer;
	*value_count = count;
	return 0;
}

/* chain: of a batch with this many semaphores, in the message's memory. */
static int fit_chain(struct sl_replay *replay, const void *chain, uint32_t wait_count,
		     uint32_t signal_count)
{
	VkTimelineSemaphoreSubmitInfo *info =
		sl_chain_find(chain, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);

	if (info == NULL) {
		return 0;
	}
	int r = fit_values(replay, &info->pWaitSemaphoreValues, &info->waitSemaphoreValueCount,
			   wait_count);

	return r == 0 ? fit_values(replay, &info->pSignalSemaphoreValues,
				   &info->signalSemaphoreValueCount, signal_count)
		      : r;
}

/* With device groups each signal names its device. */
static int add_device_index(struct sl_replay *replay, const struct signals *signals, uint32_t count)
{
	VkDeviceGroupSubmitInfo *info =
		sl_chain_find(*signals->chain, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);

	if (info == NULL) {
		return 0;
	}
	uint32_t *indices = sl_replay_scratch(replay, count + 1, sizeof(*indices));

	if (indices == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count && i < info->signalSemaphoreCount; i++) {
		indices[i] = info->pSignalSemaphoreDeviceIndices[i];
	}
	info->signalSemaphoreCount = count + 1;
	info->pSignalSemaphoreDeviceIndices = indices;
	return 0;
}

static int add_signal(struct sl_replay *replay, const struct signals *signals,
		      VkSemaphore semaphore, uint64_t value)
{
	uint32_t count = *signals->count;
	VkSemaphore *semaphores = sl_replay_scratch(replay, count + 1, sizeof(*semaphores));

	if (semaphores == NULL || add_value(replay, signals, count, value) < 0 ||
	    add_device_index(replay, signals, count) < 0) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		semaphores[i] = (*signals->semaphores)[i];
	}
	semaphores[count] = semaphore;
	*signals->semaphores = semaphores;
	*signals->count = count + 1;
	return 0;
}

/* What all kinds of submission do first. */
static int begin_submission(struct sl_replay_queue *queue, VkFence fence)
{
	struct sl_replay *replay = queue->device->replay;

	if (fence != VK_NULL_HANDLE) {
		return sl_replay_fail(replay, "fences stay in the guest");
	}
	sl_replay_scratch_reset(replay);
	return sl_replay_queue_start_waiter(queue);
}

static int end_submission(struct sl_replay_queue *queue, enum sl_submission_kind kind,
			  uint32_t batch_count, void *batches)
{
	struct sl_submission submission = {
		.queue = queue,
		.kind = kind,
		.number = ++queue->submitted,
		.batch_count = batch_count,
		.batches = batches,
	};
	uint64_t piece_ns =
		kind != SL_SUBMISSION_BIND_SPARSE ? sl_gate_get_piece_ns(queue) : UINT64_MAX;

	if (piece_ns != UINT64_MAX) {
		submission.cut = sl_cut_create(&submission, piece_ns);
	}
	return sl_gate_submit(queue->device->replay, &submission);
}

static int out_of_memory(struct sl_replay *replay)
{
	return sl_replay_lose(replay, "out of memory for a submission");
}

/* A batch in front that waits until new memory is cleared. */
static int wait_for_clear(struct sl_replay *replay, VkSubmitInfo *batch, VkSemaphore semaphore,
			  uint64_t value)
{
	static const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	VkTimelineSemaphoreSubmitInfo *info = sl_replay_scratch(replay, 1, sizeof(*info));
	VkSemaphore *semaphores = sl_replay_scratch(replay, 1, sizeof(*semaphores));
	uint64_t *values = sl_replay_scratch(replay, 1, sizeof(*values));

	if (info == NULL || semaphores == NULL || values == NULL) {
		return -ENOMEM;
	}
	*semaphores = semaphore;
	*values = value;
	*info = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = values,
	};
	*batch = (VkSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = info,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = semaphores,
		.pWaitDstStageMask = &all,
	};
	return 0;
}

int sl_replay_vkQueueSubmit(struct sl_replay *replay, struct sl_vkQueueSubmit *args)
{
	struct sl_replay_queue *queue = ((struct sl_object *)args->self)->data;
	VkSemaphore cleared;
	uint64_t cleared_value;
	int r = begin_submission(queue, args->fence);

	if (r < 0) {
		return r;
	}
	VkSubmitInfo *batches = sl_replay_scratch(replay, args->submitCount + 2, sizeof(*batches));
	uint32_t count = 0;

	if (batches == NULL) {
		return out_of_memory(replay);
	}
	if (sl_clear_get_pending(queue->device->clear, &cleared, &cleared_value)) {
		if (wait_for_clear(replay, &batches[count++], cleared, cleared_value) < 0) {
			return out_of_memory(replay);
		}
	}
	for (uint32_t i = 0; i < args->submitCount; i++) {
		const VkSubmitInfo *batch = &args->pSubmits[i];

		if (fit_chain(replay, batch->pNext, batch->waitSemaphoreCount,
			      batch->signalSemaphoreCount) < 0) {
			return out_of_memory(replay);
		}
		batches[count++] = *batch;
	}
	if (count == 0) {
		batches[count++] = (VkSubmitInfo){ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };
	}
	VkSubmitInfo *last = &batches[count - 1];
	const struct signals signals = { &last->signalSemaphoreCount, &last->pSignalSemaphores,
					 &last->pNext };

	if (add_signal(replay, &signals, queue->timeline, sl_cut_value(queue->submitted + 1, 0)) <
	    0) {
		return out_of_memory(replay);
	}
	args->ret = VK_SUCCESS;
	return end_submission(queue, SL_SUBMISSION_SUBMIT, count, batches);
}

static VkSemaphoreSubmitInfo *semaphore_info(struct sl_replay *replay, uint32_t count,
					     const VkSemaphoreSubmitInfo *old,
					     VkSemaphore semaphore, uint64_t value)
{
	VkSemaphoreSubmitInfo *infos = sl_replay_scratch(replay, count + 1, sizeof(*infos));

	if (infos == NULL) {
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		infos[i] = old[i];
	}
	infos[count] = (VkSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		.semaphore = semaphore,
		.value = value,
		.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
	};
	return infos;
}

int sl_replay_vkQueueSubmit2(struct sl_replay *replay, struct sl_vkQueueSubmit2 *args)
{
	struct sl_replay_queue *queue = ((struct sl_object *)args->self)->data;
	VkSemaphore cleared;
	uint64_t cleared_value;
	int r = begin_submission(queue, args->fence);

	if (r < 0) {
		return r;
	}
	if (queue->device->vkd.QueueSubmit2 == NULL) {
		return sl_replay_fail(replay, "the device has no vkQueueSubmit2");
	}
	VkSubmitInfo2 *batches = sl_replay_scratch(replay, args->submitCount + 2, sizeof(*batches));
	uint32_t count = 0;

	if (batches == NULL) {
		return out_of_memory(replay);
	}
	if (sl_clear_get_pending(queue->device->clear, &cleared, &cleared_value)) {
		batches[count++] = (VkSubmitInfo2){
			.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
			.waitSemaphoreInfoCount = 1,
			.pWaitSemaphoreInfos =
				semaphore_info(replay, 0, NULL, cleared, cleared_value),
		};
		if (batches[0].pWaitSemaphoreInfos == NULL) {
			return out_of_memory(replay);
		}
	}
	for (uint32_t i = 0; i < args->submitCount; i++) {
		batches[count++] = args->pSubmits[i];
	}
	if (count == 0) {
		batches[count++] = (VkSubmitInfo2){ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2 };
	}
	VkSubmitInfo2 *last = &batches[count - 1];

	last->pSignalSemaphoreInfos =
		semaphore_info(replay, last->signalSemaphoreInfoCount, last->pSignalSemaphoreInfos,
			       queue->timeline, sl_cut_value(queue->submitted + 1, 0));
	last->signalSemaphoreInfoCount++;
	if (last->pSignalSemaphoreInfos == NULL) {
		return out_of_memory(replay);
	}
	args->ret = VK_SUCCESS;
	return end_submission(queue, SL_SUBMISSION_SUBMIT2, count, batches);
}

int sl_replay_vkQueueBindSparse(struct sl_replay *replay, struct sl_vkQueueBindSparse *args)
{
	struct sl_replay_queue *queue = ((struct sl_object *)args->self)->data;
	int r = begin_submission(queue, args->fence);

	if (r < 0) {
		return r;
	}
	uint32_t count = args->bindInfoCount;
	VkBindSparseInfo *batches = sl_replay_scratch(replay, count + 1, sizeof(*batches));

	if (batches == NULL) {
		return out_of_memory(replay);
	}
	for (uint32_t i = 0; i < count; i++) {
		const VkBindSparseInfo *batch = &args->pBindInfo[i];

		if (fit_chain(replay, batch->pNext, batch->waitSemaphoreCount,
			      batch->signalSemaphoreCount) < 0) {
			return out_of_memory(replay);
		}
		batches[i] = *batch;
	}
	if (count == 0) {
		batches[count++] =
			(VkBindSparseInfo){ .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO };
	}
	VkBindSparseInfo *last = &batches[count - 1];
	const struct signals signals = { &last->signalSemaphoreCount, &last->pSignalSemaphores,
					 &last->pNext };

	if (add_signal(replay, &signals, queue->timeline, sl_cut_value(queue->submitted + 1, 0)) <
	    0) {
		return out_of_memory(replay);
	}
	args->ret = VK_SUCCESS;
	return end_submission(queue, SL_SUBMISSION_BIND_SPARSE, count, batches);
}
