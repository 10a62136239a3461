/* SPDX-License-Identifier: MIT */
/* Queues: every submission of a guest queue gets the next number, which the host's timeline
 * semaphore of the queue reaches when it completes; one thread per queue waits for that and
 * publishes it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/replay/clear.h"
#include "host/replay/replay_priv.h"

/* How many submissions' start times are remembered; of more in flight the oldest are forgotten,
 * and their busy time counts from the end of their predecessor. */
#define START_TIMES 256u

/* How long destroying a device waits for work that the guest should have waited for. */
#define DRAIN_NS 2000000000ull

struct sl_replay_queue {
	struct sl_replay_device *device;
	VkQueue handle;
	uint32_t slot; /* in the sync page */
	VkSemaphore timeline;
	uint64_t submitted;			/* ring thread */
	uint64_t completed;			/* waiter */
	uint64_t last_end_ns;			/* waiter */
	_Atomic uint64_t start_ns[START_TIMES]; /* by number; any thread */
	atomic_bool is_ending;
	bool has_waiter;
	pthread_t waiter;
	struct sl_replay_queue *next; /* of the device */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Time in which the queue was not idle: from the start of what completed first, or the end of
 * what completed before, to now. */
static void account(struct sl_replay_queue *queue, uint64_t completed)
{
	struct sl_stats *stats = queue->device->replay->options.stats;
	uint64_t end_ns = now_ns();
	uint64_t start_ns = atomic_load_explicit(
		&queue->start_ns[(queue->completed + 1) % START_TIMES], memory_order_relaxed);

	if (start_ns < queue->last_end_ns) {
		start_ns = queue->last_end_ns;
	}
	if (start_ns < end_ns) {
		sl_stats_add(&stats->gpu_busy_ns, end_ns - start_ns);
	}
	queue->last_end_ns = end_ns;
	sl_stats_add(&stats->completed, completed - queue->completed);
}

static VkResult wait_for(struct sl_replay_queue *queue, uint64_t number, uint64_t timeout_ns)
{
	struct sl_replay_device *device = queue->device;
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &queue->timeline,
		.pValues = &number,
	};

	return device->vkd.WaitSemaphores(device->handle, &wait, timeout_ns);
}

/* The waiter waits for the next number even before it is submitted: then nobody needs to wake it
 * at submission. Its end is announced by a number that no submission has. */
static void *run_waiter(void *data)
{
	struct sl_replay_queue *queue = data;
	struct sl_replay_device *device = queue->device;
	const struct sl_replay_link *link = &device->replay->options.link;

	for (;;) {
		uint64_t value = 0;
		VkResult result = wait_for(queue, queue->completed + 1, UINT64_MAX);

		if (atomic_load_explicit(&queue->is_ending, memory_order_relaxed)) {
			return NULL;
		}
		if (result == VK_SUCCESS) {
			result = device->vkd.GetSemaphoreCounterValue(device->handle,
								      queue->timeline, &value);
		}
		if (result < 0) {
			sl_replay_lose(device->replay, "vkWaitSemaphores failed (%d)", result);
			return NULL;
		}
		if (value <= queue->completed) {
			continue;
		}
		account(queue, value);
		sl_replay_shadows_to_guest(device);
		queue->completed = value;
		link->publish(link->data, queue->slot, value);
	}
}

static int start_waiter(struct sl_replay_queue *queue)
{
	if (queue->has_waiter) {
		return 0;
	}
	if (pthread_create(&queue->waiter, NULL, run_waiter, queue) != 0) {
		return sl_replay_lose(queue->device->replay, "no memory for a thread");
	}
	char name[16]; /* the kernel's limit */

	snprintf(name, sizeof(name), "sluice-queue-%u", queue->slot % 100);
	pthread_setname_np(queue->waiter, name);
	queue->has_waiter = true;
	return 0;
}

static void destroy_queue(struct sl_replay_queue *queue)
{
	struct sl_replay_device *device = queue->device;
	struct sl_replay *replay = device->replay;
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = queue->timeline,
		.value = queue->submitted + 1,
	};

	if (queue->has_waiter) {
		atomic_store_explicit(&queue->is_ending, true, memory_order_relaxed);
		device->vkd.SignalSemaphore(device->handle, &signal);
		pthread_join(queue->waiter, NULL);
	}
	device->vkd.DestroySemaphore(device->handle, queue->timeline, NULL);
	replay->queue_slots[queue->slot / 64] &= ~(1ull << queue->slot % 64);
	free(queue);
}

int sl_replay_device_stop_queues(struct sl_replay_device *device)
{
	for (struct sl_replay_queue *queue = device->queues; queue != NULL; queue = queue->next) {
		if (queue->submitted > 0 &&
		    wait_for(queue, queue->submitted, DRAIN_NS) != VK_SUCCESS) {
			return sl_replay_lose(device->replay,
					      "the device was destroyed while its queues worked");
		}
	}
	while (device->queues != NULL) {
		struct sl_replay_queue *queue = device->queues;

		device->queues = queue->next;
		destroy_queue(queue);
	}
	return 0;
}

static bool is_requested(const struct sl_replay_device *device, const struct sl_slCreateQueue *args)
{
	for (uint32_t i = 0; i < device->queue_request_count; i++) {
		const struct sl_replay_queue_request *request = &device->queue_requests[i];

		if (request->family == args->queueFamilyIndex && request->flags == args->flags &&
		    args->queueIndex < request->count) {
			return true;
		}
	}
	return false;
}

static VkResult create_timeline(struct sl_replay_queue *queue)
{
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};

	return queue->device->vkd.CreateSemaphore(queue->device->handle, &info, NULL,
						  &queue->timeline);
}

int sl_replay_slCreateQueue(struct sl_replay *replay, struct sl_slCreateQueue *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	struct sl_object *object = args->created[0];
	const VkDeviceQueueInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
		.flags = args->flags,
		.queueFamilyIndex = args->queueFamilyIndex,
		.queueIndex = args->queueIndex,
	};

	if (!is_requested(device, args)) {
		return sl_replay_fail(replay, "the device has no queue %u of family %u",
				      args->queueIndex, args->queueFamilyIndex);
	}
	if (args->slot >= SL_MAX_QUEUES ||
	    (replay->queue_slots[args->slot / 64] >> args->slot % 64 & 1) != 0) {
		return sl_replay_fail(replay, "slot %u is in use", args->slot);
	}
	struct sl_replay_queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL) {
		return sl_replay_lose(replay, "out of memory");
	}
	queue->device = device;
	queue->slot = args->slot;
	if (args->flags == 0) {
		device->vkd.GetDeviceQueue(device->handle, args->queueFamilyIndex, args->queueIndex,
					   &queue->handle);
	} else {
		device->vkd.GetDeviceQueue2(device->handle, &info, &queue->handle);
	}
	VkResult result = create_timeline(queue);

	if (result != VK_SUCCESS || queue->handle == VK_NULL_HANDLE) {
		free(queue);
		return sl_replay_lose(replay, "slCreateQueue failed (%d)", result);
	}
	replay->queue_slots[queue->slot / 64] |= 1ull << queue->slot % 64;
	queue->next = device->queues;
	device->queues = queue;
	replay->options.link.publish(replay->options.link.data, queue->slot, 0);
	object->data = queue;
	*args->pQueue = queue->handle;
	return 0;
}

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

/* With device groups each signal names its device. */
static int add_device_index(struct sl_replay *replay, const struct signals *signals, uint32_t count)
{
	VkDeviceGroupSubmitInfo *info =
		sl_chain_find(*signals->chain, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);

	if (info == NULL || info->signalSemaphoreCount == 0) {
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
	sl_replay_shadows_to_host(queue->device);
	atomic_store_explicit(&queue->start_ns[(queue->submitted + 1) % START_TIMES], now_ns(),
			      memory_order_relaxed);
	return start_waiter(queue);
}

static int end_submission(struct sl_replay_queue *queue, VkResult result)
{
	struct sl_replay *replay = queue->device->replay;

	if (result != VK_SUCCESS) {
		return sl_replay_lose(replay, "a submission failed (%d)", result);
	}
	queue->submitted++;
	sl_stats_add(&replay->options.stats->submissions, 1);
	return 0;
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
		batches[count++] = args->pSubmits[i];
	}
	if (count == 0) {
		batches[count++] = (VkSubmitInfo){ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };
	}
	VkSubmitInfo *last = &batches[count - 1];
	const struct signals signals = { &last->signalSemaphoreCount, &last->pSignalSemaphores,
					 &last->pNext };

	if (add_signal(replay, &signals, queue->timeline, queue->submitted + 1) < 0) {
		return out_of_memory(replay);
	}
	args->ret = queue->device->vkd.QueueSubmit(queue->handle, count, batches, VK_NULL_HANDLE);
	return end_submission(queue, args->ret);
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
			       queue->timeline, queue->submitted + 1);
	last->signalSemaphoreInfoCount++;
	if (last->pSignalSemaphoreInfos == NULL) {
		return out_of_memory(replay);
	}
	args->ret = queue->device->vkd.QueueSubmit2(queue->handle, count, batches, VK_NULL_HANDLE);
	return end_submission(queue, args->ret);
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
		batches[i] = args->pBindInfo[i];
	}
	if (count == 0) {
		batches[count++] =
			(VkBindSparseInfo){ .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO };
	}
	VkBindSparseInfo *last = &batches[count - 1];
	const struct signals signals = { &last->signalSemaphoreCount, &last->pSignalSemaphores,
					 &last->pNext };

	if (add_signal(replay, &signals, queue->timeline, queue->submitted + 1) < 0) {
		return out_of_memory(replay);
	}
	args->ret =
		queue->device->vkd.QueueBindSparse(queue->handle, count, batches, VK_NULL_HANDLE);
	return end_submission(queue, args->ret);
}
