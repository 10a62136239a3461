/* SPDX-License-Identifier: MIT */
/* Parks submissions until they may and can run. */
#include "host/replay/gate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "host/base/clock.h"
#include "host/replay/queue.h"
#include "host/replay/replay_priv.h"

/* What the gate knows of a guest's semaphore: how far it will come with what the driver has. */
struct gate_semaphore {
	bool is_timeline;
	uint64_t value; /* timeline: the highest value signalled or under way; binary: 0 or 1 */
	uint64_t walk;	/* the walk that found a signal of it in the submission itself */
	uint64_t walk_value; /* the highest of those */
};

void sl_gate_init(struct sl_replay *replay)
{
	struct sl_gate *gate = &replay->gate;
	const struct sl_replay_sched *sched = &replay->options.sched;

	pthread_mutex_init(&gate->lock, NULL);
	TAILQ_INIT(&gate->waiting);
	sl_sched_client_init(&gate->client, sched->send, sched->data);
}

static void free_submission(struct sl_submission *submission)
{
	sl_arena_finish(&submission->message);
	sl_arena_finish(&submission->scratch);
	free(submission);
}

void sl_gate_finish(struct sl_replay *replay)
{
	pthread_mutex_destroy(&replay->gate.lock);
}

static struct gate_semaphore *find_semaphore(const struct sl_submission *submission,
					     VkSemaphore semaphore)
{
	return sl_handle_map_find(&submission->queue->device->semaphores, (uint64_t)semaphore);
}

/* Called for each semaphore of a submission in the order of the batches, a batch's waits first.
 * Returns false to stop. */
typedef bool visit_semaphore(struct sl_gate *gate, struct gate_semaphore *semaphore, uint64_t value,
			     bool is_signal);

static bool visit_one(const struct sl_submission *submission, VkSemaphore handle, uint64_t value,
		      bool is_signal, visit_semaphore *visit)
{
	/* Not the guest's: Sluice's own, which never wait for the guest. */
	struct gate_semaphore *semaphore = find_semaphore(submission, handle);

	return semaphore == NULL || visit(&submission->queue->device->replay->gate, semaphore,
					  semaphore->is_timeline ? value : 1, is_signal);
}

static uint64_t value_at(const uint64_t *values, uint32_t count, uint32_t index)
{
	return index < count ? values[index] : 0;
}

/* What VkSubmitInfo and VkBindSparseInfo have in common. */
struct batch_semaphores {
	const void *chain;
	uint32_t wait_count;
	const VkSemaphore *waits;
	uint32_t signal_count;
	const VkSemaphore *signals;
};

static bool visit_batch(const struct sl_submission *submission,
			const struct batch_semaphores *batch, visit_semaphore *visit)
{
	static const VkTimelineSemaphoreSubmitInfo none;
	const VkTimelineSemaphoreSubmitInfo *values =
		sl_chain_find(batch->chain, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);

	values = values != NULL ? values : &none;
	for (uint32_t i = 0; i < batch->wait_count; i++) {
		uint64_t value =
			value_at(values->pWaitSemaphoreValues, values->waitSemaphoreValueCount, i);

		if (!visit_one(submission, batch->waits[i], value, false, visit)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < batch->signal_count; i++) {
		uint64_t value = value_at(values->pSignalSemaphoreValues,
					  values->signalSemaphoreValueCount, i);

		if (!visit_one(submission, batch->signals[i], value, true, visit)) {
			return false;
		}
	}
	return true;
}

static bool visit_submit2(const struct sl_submission *submission, const VkSubmitInfo2 *batch,
			  visit_semaphore *visit)
{
	for (uint32_t i = 0; i < batch->waitSemaphoreInfoCount; i++) {
		const VkSemaphoreSubmitInfo *info = &batch->pWaitSemaphoreInfos[i];

		if (!visit_one(submission, info->semaphore, info->value, false, visit)) {
			return false;
		}
	}
	for (uint32_t i = 0; i < batch->signalSemaphoreInfoCount; i++) {
		const VkSemaphoreSubmitInfo *info = &batch->pSignalSemaphoreInfos[i];

		if (!visit_one(submission, info->semaphore, info->value, true, visit)) {
			return false;
		}
	}
	return true;
}

static struct batch_semaphores semaphores_of(const struct sl_submission *submission, uint32_t index)
{
	if (submission->kind == SL_SUBMISSION_SUBMIT) {
		const VkSubmitInfo *batch = &((const VkSubmitInfo *)submission->batches)[index];

		return (struct batch_semaphores){
			.chain = batch->pNext,
			.wait_count = batch->waitSemaphoreCount,
			.waits = batch->pWaitSemaphores,
			.signal_count = batch->signalSemaphoreCount,
			.signals = batch->pSignalSemaphores,
		};
	}
	const VkBindSparseInfo *batch = &((const VkBindSparseInfo *)submission->batches)[index];

	return (struct batch_semaphores){
		.chain = batch->pNext,
		.wait_count = batch->waitSemaphoreCount,
		.waits = batch->pWaitSemaphores,
		.signal_count = batch->signalSemaphoreCount,
		.signals = batch->pSignalSemaphores,
	};
}

static bool visit_semaphores(const struct sl_submission *submission, visit_semaphore *visit)
{
	for (uint32_t i = 0; i < submission->batch_count; i++) {
		if (submission->kind == SL_SUBMISSION_SUBMIT2) {
			const VkSubmitInfo2 *batches = submission->batches;

			if (!visit_submit2(submission, &batches[i], visit)) {
				return false;
			}
			continue;
		}
		const struct batch_semaphores batch = semaphores_of(submission, i);

		if (!visit_batch(submission, &batch, visit)) {
			return false;
		}
	}
	return true;
}

/* Does everything waited for come without the guest doing more? */
static bool check_semaphore(struct sl_gate *gate, struct gate_semaphore *semaphore, uint64_t value,
			    bool is_signal)
{
	if (is_signal) {
		if (semaphore->walk != gate->walk || value > semaphore->walk_value) {
			semaphore->walk = gate->walk;
			semaphore->walk_value = value;
		}
		return true;
	}
	return value <= semaphore->value ||
	       (semaphore->walk == gate->walk && value <= semaphore->walk_value);
}

static bool can_run(struct sl_gate *gate, const struct sl_submission *submission)
{
	gate->walk++;
	return visit_semaphores(submission, check_semaphore);
}

static bool note_semaphore(struct sl_gate *gate, struct gate_semaphore *semaphore, uint64_t value,
			   bool is_signal)
{
	(void)gate;
	if (!semaphore->is_timeline) {
		semaphore->value = is_signal;
	} else if (is_signal && value > semaphore->value) {
		semaphore->value = value;
	}
	return true;
}

static VkResult call_driver(const struct sl_submission *submission)
{
	const struct sl_vk_device_table *vkd = &submission->queue->device->vkd;
	VkQueue queue = submission->queue->handle;
	uint32_t count = submission->batch_count;

	switch (submission->kind) {
	case SL_SUBMISSION_SUBMIT:
		return vkd->QueueSubmit(queue, count, submission->batches, VK_NULL_HANDLE);
	case SL_SUBMISSION_SUBMIT2:
		return vkd->QueueSubmit2(queue, count, submission->batches, VK_NULL_HANDLE);
	case SL_SUBMISSION_BIND_SPARSE:
		return vkd->QueueBindSparse(queue, count, submission->batches, VK_NULL_HANDLE);
	}
	return VK_ERROR_UNKNOWN;
}

/* Lock held. */
static int start(struct sl_replay *replay, const struct sl_submission *submission, uint64_t now_ns)
{
	struct sl_gate *gate = &replay->gate;

	sl_sched_client_start(&gate->client, now_ns);
	if (gate->client.in_flight == 1) {
		sl_stats_set_gpu_busy(replay->options.stats, 0, now_ns);
	}
	sl_replay_shadows_to_host(submission->queue->device);
	VkResult result = call_driver(submission);

	if (result != VK_SUCCESS) {
		gate->is_lost = true;
		return sl_replay_lose(replay, "a submission failed (%d)", result);
	}
	visit_semaphores(submission, note_semaphore);
	sl_stats_add(&replay->options.stats->submissions, 1);
	return 0;
}

/* Start what may and can start; a signal of one queue may free another. Lock held.
 * Returns true if there is something left that only the GPU is missing for. */
static bool start_parked(struct sl_replay *replay)
{
	struct sl_gate *gate = &replay->gate;
	struct sl_replay_queue *queue = TAILQ_FIRST(&gate->waiting);
	bool has_work = false;

	while (queue != NULL) {
		struct sl_replay_queue *next = TAILQ_NEXT(queue, gate_link);
		struct sl_submission *submission = TAILQ_FIRST(&queue->parked);
		uint64_t now_ns = sl_clock_now_ns();

		if (!can_run(gate, submission)) {
			queue = next;
			continue;
		}
		if (!sl_sched_client_may_start(&gate->client, now_ns)) {
			has_work = true;
			queue = next;
			continue;
		}
		if (start(replay, submission, now_ns) < 0) {
			return false;
		}
		TAILQ_REMOVE(&queue->parked, submission, link);
		if (TAILQ_EMPTY(&queue->parked)) {
			TAILQ_REMOVE(&gate->waiting, queue, gate_link);
		}
		free_submission(submission);
		has_work = false;
		queue = TAILQ_FIRST(&gate->waiting);
	}
	return has_work;
}

/* Do what is due after a change. Lock held. */
static void settle(struct sl_replay *replay)
{
	struct sl_gate *gate = &replay->gate;
	const struct sl_replay_sched *sched = &replay->options.sched;
	bool has_work = !gate->is_lost && !TAILQ_EMPTY(&gate->waiting) && start_parked(replay);
	uint64_t now_ns = sl_clock_now_ns();

	if (gate->is_lost) {
		/* Nothing runs any more, so nobody needs to wait for it. */
		sl_sched_client_abandon(&gate->client, now_ns);
		sl_stats_set_gpu_busy(replay->options.stats, 0, 0);
		has_work = false;
	}
	uint64_t timer_ns = sl_sched_client_settle(&gate->client, has_work, now_ns);

	if (timer_ns != gate->timer_ns) {
		gate->timer_ns = timer_ns;
		sched->set_timer(sched->data, timer_ns);
	}
}

static int park(struct sl_replay *replay, const struct sl_submission *template)
{
	struct sl_submission *submission = malloc(sizeof(*submission));
	struct sl_replay_queue *queue = template->queue;

	if (submission == NULL) {
		return sl_replay_lose(replay, "out of memory for a submission");
	}
	*submission = *template;
	submission->message = *replay->message_arena;
	submission->scratch = replay->scratch;
	sl_arena_init(replay->message_arena, submission->message.limit);
	sl_arena_init(&replay->scratch, submission->scratch.limit);
	if (TAILQ_EMPTY(&queue->parked)) {
		TAILQ_INSERT_TAIL(&replay->gate.waiting, queue, gate_link);
	}
	TAILQ_INSERT_TAIL(&queue->parked, submission, link);
	return 0;
}

int sl_gate_submit(struct sl_replay *replay, const struct sl_submission *submission)
{
	struct sl_gate *gate = &replay->gate;
	int r;

	pthread_mutex_lock(&gate->lock);
	uint64_t now_ns = sl_clock_now_ns();
	bool is_first = TAILQ_EMPTY(&submission->queue->parked);

	if (gate->is_lost) {
		r = -EIO;
	} else if (is_first && sl_sched_client_may_start(&gate->client, now_ns) &&
		   can_run(gate, submission)) {
		r = start(replay, submission, now_ns);
	} else {
		r = park(replay, submission);
	}
	settle(replay);
	pthread_mutex_unlock(&gate->lock);
	return r;
}

void sl_gate_complete(struct sl_replay *replay, uint32_t count)
{
	struct sl_gate *gate = &replay->gate;

	pthread_mutex_lock(&gate->lock);
	uint64_t now_ns = sl_clock_now_ns();
	uint64_t busy_ns = now_ns - gate->client.completed_ns;

	if (!gate->is_lost) {
		sl_sched_client_complete(&gate->client, count, now_ns);
		sl_stats_set_gpu_busy(replay->options.stats, busy_ns,
				      gate->client.in_flight > 0 ? now_ns : 0);
	}
	settle(replay);
	pthread_mutex_unlock(&gate->lock);
}

void sl_gate_abandon(struct sl_replay *replay)
{
	pthread_mutex_lock(&replay->gate.lock);
	replay->gate.is_lost = true;
	settle(replay);
	pthread_mutex_unlock(&replay->gate.lock);
}

int sl_gate_add_semaphore(struct sl_replay_device *device, VkSemaphore semaphore, bool is_timeline,
			  uint64_t value)
{
	struct sl_gate *gate = &device->replay->gate;
	struct gate_semaphore *known = calloc(1, sizeof(*known));

	if (known == NULL) {
		return -ENOMEM;
	}
	known->is_timeline = is_timeline;
	known->value = value;
	pthread_mutex_lock(&gate->lock);
	int r = sl_handle_map_put(&device->semaphores, (uint64_t)semaphore, known);
	pthread_mutex_unlock(&gate->lock);
	if (r < 0) {
		free(known);
	}
	return r;
}

void sl_gate_remove_semaphore(struct sl_replay_device *device, VkSemaphore semaphore)
{
	struct sl_gate *gate = &device->replay->gate;

	pthread_mutex_lock(&gate->lock);
	free(sl_handle_map_remove(&device->semaphores, (uint64_t)semaphore));
	pthread_mutex_unlock(&gate->lock);
}

void sl_gate_forget_semaphores(struct sl_replay_device *device)
{
	uint64_t handle;
	struct gate_semaphore *semaphore;

	while ((semaphore = sl_handle_map_any(&device->semaphores, &handle)) != NULL) {
		sl_handle_map_remove(&device->semaphores, handle);
		free(semaphore);
	}
	sl_handle_map_finish(&device->semaphores);
}

VkResult sl_gate_signal_semaphore(struct sl_replay_device *device,
				  const VkSemaphoreSignalInfo *info)
{
	struct sl_replay *replay = device->replay;
	struct sl_gate *gate = &replay->gate;

	pthread_mutex_lock(&gate->lock);
	VkResult result = device->vkd.SignalSemaphore(device->handle, info);
	struct gate_semaphore *semaphore =
		sl_handle_map_find(&device->semaphores, (uint64_t)info->semaphore);

	if (semaphore != NULL && info->value > semaphore->value) {
		semaphore->value = info->value;
	}
	settle(replay);
	pthread_mutex_unlock(&gate->lock);
	return result;
}

bool sl_gate_is_waiting(struct sl_replay *replay, struct sl_replay_queue *queue)
{
	pthread_mutex_lock(&replay->gate.lock);
	bool is_waiting = !TAILQ_EMPTY(&queue->parked);
	pthread_mutex_unlock(&replay->gate.lock);
	return is_waiting;
}

void sl_replay_handle_sched(struct sl_replay *replay, const struct sl_sched_msg *msg)
{
	pthread_mutex_lock(&replay->gate.lock);
	sl_sched_client_handle(&replay->gate.client, msg, sl_clock_now_ns());
	settle(replay);
	pthread_mutex_unlock(&replay->gate.lock);
}

void sl_replay_tick(struct sl_replay *replay)
{
	pthread_mutex_lock(&replay->gate.lock);
	settle(replay);
	pthread_mutex_unlock(&replay->gate.lock);
}
