/* SPDX-License-Identifier: MIT */
/* Queues: every submission of a guest queue gets the next number, which the host's timeline
 * semaphore of the queue reaches when it completes; one thread per queue waits for that and
 * publishes it. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/base/clock.h"
#include "host/replay/queue.h"
#include "host/replay/replay_priv.h"

/* How long destroying a device waits for work that the guest should have waited for. */
#define DRAIN_NS 2000000000ull
/* Giving way to the driver's thread takes longer only where others want the CPU too. */
#define MAX_YIELD_NS 250000

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
 * at submission. The validation layer, though, knows only values that a submission signals, and
 * takes the wait for another, lower one for its own mistake. */
static VkResult wait_for_next(struct sl_replay_queue *queue)
{
	uint64_t value = queue->completed + 1;

	if (queue->device->replay->options.validate) {
		value = sl_gate_await_value(queue);
		if (value == 0) {
			return VK_SUCCESS;
		}
	}
	return wait_for(queue, value, UINT64_MAX);
}

/* A software driver begins its next job by a thread, which has just woken this one. It has to go
 * first: until it has run the engine is idle, while the ones that this thread wakes, the program's
 * and by that the ring's, would take the CPU from it. Not where others keep the CPU for long then.
 */
static void give_way(struct sl_replay_queue *queue)
{
	uint64_t start_ns = sl_clock_now_ns();

	sched_yield();
	sl_backoff_tell(&queue->giving_way, sl_clock_now_ns() - start_ns <= MAX_YIELD_NS);
}

static bool must_give_way(struct sl_replay_queue *queue, uint64_t value)
{
	return sl_replay_is_software(queue->device) &&
	       value < atomic_load_explicit(&queue->started, memory_order_relaxed) &&
	       sl_backoff_may_try(&queue->giving_way);
}

/* The value that the timeline has reached. */
static VkResult read_timeline(struct sl_replay_queue *queue, uint64_t *ret_value)
{
	const struct sl_replay_device *device = queue->device;
	VkResult result;

	result = device->vkd.GetSemaphoreCounterValue(device->handle, queue->timeline, ret_value);
	if (result == VK_SUCCESS && must_give_way(queue, *ret_value)) {
		give_way(queue);
		result = device->vkd.GetSemaphoreCounterValue(device->handle, queue->timeline,
							      ret_value);
	}
	return result;
}

/* The timeline has reached value: tell the guest how many submissions have completed. */
static void tell_progress(struct sl_replay_queue *queue, uint64_t value)
{
	struct sl_replay_device *device = queue->device;
	const struct sl_replay_link *link = &device->replay->options.link;
	uint64_t number = value >> SL_CUT_VALUE_BITS;
	uint64_t count = number - (queue->completed >> SL_CUT_VALUE_BITS);

	if (count == 0) {
		return;
	}
	if (!queue->is_own) {
		sl_replay_shadows_to_guest(device);
		sl_stats_add(&device->replay->options.stats->completed, count);
	}
	/* Before the guest knows: it may free what the submission used. Pairs with the acquire in
	 * sl_replay_queue_get_completed(). */
	atomic_store_explicit(&queue->completed_number, number, memory_order_release);
	if (!queue->is_own) {
		link->publish(link->data, queue->slot, number);
	}
}

/* Its end is announced by a number that no submission has. */
static void *run_waiter(void *data)
{
	struct sl_replay_queue *queue = data;
	struct sl_replay_device *device = queue->device;

	for (;;) {
		uint64_t value = 0;
		VkResult result = wait_for_next(queue);

		if (result == VK_SUCCESS) {
			result = read_timeline(queue, &value);
		}
		/* Looked at after the value, which may be the number that no submission has. */
		if (atomic_load_explicit(&queue->is_ending, memory_order_relaxed)) {
			return NULL;
		}
		if (result < 0) {
			sl_replay_lose(device->replay, "vkWaitSemaphores failed (%d)", result);
			sl_gate_abandon(device->replay);
			return NULL;
		}
		if (value <= queue->completed) {
			continue;
		}
		tell_progress(queue, value);
		queue->completed = value;
		sl_gate_complete(queue, value);
	}
}

uint64_t sl_replay_queue_get_completed(const void *queue)
{
	const struct sl_replay_queue *self = queue;

	/* Pairs with the release in run_waiter(). */
	return atomic_load_explicit(&self->completed_number, memory_order_acquire);
}

uint64_t sl_replay_queue_get_submitted(const void *queue)
{
	const struct sl_replay_queue *self = queue;

	return self->submitted;
}

bool sl_replay_queue_wait(void *queue, uint64_t number, uint64_t timeout_ns)
{
	return wait_for(queue, sl_cut_value(number, 0), timeout_ns) == VK_SUCCESS;
}

int sl_replay_queue_start_waiter(struct sl_replay_queue *queue)
{
	if (queue->has_waiter) {
		return 0;
	}
	if (pthread_create(&queue->waiter, NULL, run_waiter, queue) != 0) {
		return sl_replay_lose(queue->device->replay, "no memory for a thread");
	}
	char name[16]; /* the kernel's limit */

	if (queue->is_own) {
		snprintf(name, sizeof(name), "sluice-own");
	} else {
		snprintf(name, sizeof(name), "sluice-queue-%u", queue->slot % 100);
	}
	pthread_setname_np(queue->waiter, name);
	queue->has_waiter = true;
	return 0;
}

/* Everything but its slot. */
static void free_queue(struct sl_replay_queue *queue)
{
	struct sl_replay_device *device = queue->device;
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = queue->timeline,
		.value = sl_cut_value(queue->submitted + 1, 0),
	};

	if (queue->has_waiter) {
		atomic_store_explicit(&queue->is_ending, true, memory_order_relaxed);
		sl_gate_end_await(queue);
		device->vkd.SignalSemaphore(device->handle, &signal);
		pthread_join(queue->waiter, NULL);
		/* What it did not come to tell: the GPU must not be thought to be at work still. */
		sl_gate_complete(queue, sl_cut_value(queue->submitted, 0));
	}
	device->vkd.DestroySemaphore(device->handle, queue->timeline, NULL);
	sl_stamps_finish(&queue->stamps);
	free(queue->flights);
	free(queue);
}

static void destroy_queue(struct sl_replay_queue *queue)
{
	struct sl_replay *replay = queue->device->replay;

	replay->queue_slots[queue->slot / 64] &= ~(1ull << queue->slot % 64);
	free_queue(queue);
}

int sl_replay_device_stop_queues(struct sl_replay_device *device)
{
	for (struct sl_replay_queue *queue = device->queues; queue != NULL; queue = queue->next) {
		if (sl_gate_is_waiting(device->replay, queue) ||
		    (queue->submitted > 0 &&
		     wait_for(queue, sl_cut_value(queue->submitted, 0), DRAIN_NS) != VK_SUCCESS)) {
			return sl_replay_lose(device->replay,
					      "the device was destroyed while its queues worked");
		}
	}
	/* A semaphore that has been signalled is not the driver's last word (host/check/pending.c),
	 * and now its semaphores will be destroyed. Meanwhile nothing may be submitted: memory that
	 * is being cleared is, by whoever brings a grant. */
	if (device->queues != NULL) {
		pthread_mutex_lock(&device->replay->gate.lock);
		device->vkd.DeviceWaitIdle(device->handle);
		pthread_mutex_unlock(&device->replay->gate.lock);
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

/* Without a handle. Returns NULL if memory is short. */
static struct sl_replay_queue *create_queue(struct sl_replay_device *device, uint32_t family)
{
	struct sl_replay_queue *queue = calloc(1, sizeof(*queue));

	if (queue != NULL) {
		TAILQ_INIT(&queue->parked);
		queue->device = device;
		queue->family = family;
		sl_stamps_init(&queue->stamps, device, family);
	}
	return queue;
}

int sl_replay_queue_create_own(struct sl_replay_device *device, VkQueue handle, uint32_t family,
			       struct sl_replay_queue **ret_queue)
{
	struct sl_replay_queue *queue = create_queue(device, family);

	if (queue == NULL) {
		return -ENOMEM;
	}
	queue->handle = handle;
	queue->is_own = true;
	if (create_timeline(queue) != VK_SUCCESS) {
		queue->timeline = VK_NULL_HANDLE;
		free_queue(queue);
		return -EIO;
	}
	int r = sl_gate_add_semaphore(device, queue->timeline, true, 0);

	if (r < 0) {
		free_queue(queue);
		return r;
	}
	*ret_queue = queue;
	return 0;
}

void sl_replay_queue_destroy_own(struct sl_replay_queue *queue)
{
	if (queue != NULL) {
		sl_gate_remove_semaphore(queue->device, queue->timeline);
		free_queue(queue);
	}
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
	struct sl_replay_queue *queue = create_queue(device, args->queueFamilyIndex);

	if (queue == NULL) {
		return sl_replay_lose(replay, "out of memory");
	}
	queue->slot = args->slot;
	queue->is_odd = args->flags != 0;
	if (args->flags == 0) {
		device->vkd.GetDeviceQueue(device->handle, args->queueFamilyIndex, args->queueIndex,
					   &queue->handle);
	} else {
		device->vkd.GetDeviceQueue2(device->handle, &info, &queue->handle);
	}
	VkResult result = create_timeline(queue);

	if (result != VK_SUCCESS || queue->handle == VK_NULL_HANDLE) {
		queue->timeline = result == VK_SUCCESS ? queue->timeline : VK_NULL_HANDLE;
		free_queue(queue);
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
