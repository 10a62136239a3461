/* SPDX-License-Identifier: MIT */
/* Parks submissions until they may and can run. */
#include "host/replay/gate.h"

#include <errno.h>
#include <stdlib.h>

#include "host/base/clock.h"
#include "host/replay/queue.h"
#include "host/replay/replay_priv.h"

/* Submissions that take longer on average are prepared for being cut when they have to wait, also
 * while nobody else wants the GPU: what that costs the CPU does not matter beside. */
#define LONG_NS 4000000ull

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
	pthread_cond_init(&gate->started, NULL);
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
	pthread_cond_destroy(&replay->gate.started);
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

/* The first piece of several takes the waits with it, … */
static bool note_wait(struct sl_gate *gate, struct gate_semaphore *semaphore, uint64_t value,
		      bool is_signal)
{
	(void)gate;
	(void)value;
	if (!semaphore->is_timeline && !is_signal) {
		semaphore->value = 0;
	}
	return true;
}

/* … the last one the signals: but for those that the submission itself has waited for, which
 * nobody else sees. */
static bool note_signal(struct sl_gate *gate, struct gate_semaphore *semaphore, uint64_t value,
			bool is_signal)
{
	if (is_signal) {
		semaphore->walk = gate->walk;
		return note_semaphore(gate, semaphore, value, true);
	}
	return semaphore->walk != gate->walk || note_semaphore(gate, semaphore, value, false);
}

static void note_part(struct sl_gate *gate, const struct sl_submission *submission, bool is_first,
		      bool is_last)
{
	if (is_first && is_last) {
		visit_semaphores(submission, note_semaphore);
	} else if (is_first) {
		visit_semaphores(submission, note_wait);
	} else if (is_last) {
		gate->walk++;
		visit_semaphores(submission, note_signal);
	}
}

/* What of a submission the driver is to be called with. */
static struct sl_stamp_call make_call(const struct sl_submission *submission,
				      const struct sl_cut_part *part)
{
	struct sl_stamp_call call = {
		.batches = submission->batches,
		.count = submission->batch_count,
		.is_submit2 = submission->kind == SL_SUBMISSION_SUBMIT2,
	};

	if (part->batches != NULL) {
		call.batches = call.is_submit2
				       ? (const void *)((const VkSubmitInfo2 *)part->batches +
							part->first_batch)
				       : (const void *)((const VkSubmitInfo *)part->batches +
							part->first_batch);
		call.count = part->batch_count;
	}
	return call;
}

static VkResult call_driver(const struct sl_submission *submission,
			    const struct sl_stamp_call *call)
{
	const struct sl_vk_device_table *vkd = &submission->queue->device->vkd;
	VkQueue queue = submission->queue->handle;

	switch (submission->kind) {
	case SL_SUBMISSION_SUBMIT:
		return vkd->QueueSubmit(queue, call->count, call->batches, VK_NULL_HANDLE);
	case SL_SUBMISSION_SUBMIT2:
		return vkd->QueueSubmit2(queue, call->count, call->batches, VK_NULL_HANDLE);
	case SL_SUBMISSION_BIND_SPARSE:
		return vkd->QueueBindSparse(queue, call->count, call->batches, VK_NULL_HANDLE);
	}
	return VK_ERROR_UNKNOWN;
}

/* Put timestamps around the call where the account depends on it: while the GPU is shared. Alone,
 * completions tell when it was busy, and the driver gets nothing that the guest did not send. */
static uint32_t stamp(const struct sl_replay *replay, const struct sl_submission *submission,
		      struct sl_stamp_call *call)
{
	struct sl_replay_queue *queue = submission->queue;
	bool is_shared = sl_sched_client_get_piece_ns(&replay->gate.client) != UINT64_MAX;

	if ((!is_shared && replay->options.timestamps != SL_REPLAY_ALWAYS) || queue->is_odd ||
	    submission->kind == SL_SUBMISSION_BIND_SPARSE || !sl_cut_is_plain(submission)) {
		return SL_STAMP_NONE;
	}
	return sl_stamps_wrap(&queue->stamps, call);
}

/* Returns 0 or -ENOMEM. */
static int add_flight(struct sl_replay_queue *queue, const struct sl_flight *flight)
{
	if (queue->flight_count == queue->flight_capacity) {
		uint32_t capacity = queue->flight_capacity == 0 ? 16 : queue->flight_capacity * 2;
		struct sl_flight *flights = calloc(capacity, sizeof(*flights));

		if (flights == NULL) {
			return -ENOMEM;
		}
		for (uint32_t i = 0; i < queue->flight_count; i++) {
			uint32_t at = (queue->flight_first + i) & (queue->flight_capacity - 1);

			flights[i] = queue->flights[at];
		}
		free(queue->flights);
		queue->flights = flights;
		queue->flight_first = 0;
		queue->flight_capacity = capacity;
	}
	uint32_t end = queue->flight_first + queue->flight_count++;

	queue->flights[end & (queue->flight_capacity - 1)] = *flight;
	atomic_store_explicit(&queue->started, flight->value, memory_order_relaxed);
	return 0;
}

/* What of a submission goes to the driver now. */
static struct sl_cut_part take_part(struct sl_replay *replay,
				    const struct sl_submission *submission)
{
	uint64_t piece_ns = sl_sched_client_get_piece_ns(&replay->gate.client);
	bool is_always = replay->options.cut == SL_REPLAY_ALWAYS;
	struct sl_cut_part part = { .value = sl_cut_value(submission->number, 0) };

	if (submission->cut != NULL) {
		sl_cut_take(submission->cut, is_always || piece_ns != UINT64_MAX,
			    is_always ? 0 : piece_ns, &part);
	}
	return part;
}

static void count_part(struct sl_stats *stats, const struct sl_cut_part *part, bool is_first,
		       bool is_last)
{
	if (is_last) {
		sl_stats_add(&stats->submissions, 1);
	}
	if (part->batches != NULL) {
		sl_stats_add(&stats->pieces, 1);
		sl_stats_add(&stats->cut_submissions, is_first ? 1 : 0);
	}
}

/* GPU time is on the context's account from now on, if it holds the GPU. */
static void begin_count(struct sl_replay *replay, uint64_t now_ns)
{
	if (sl_sched_client_counts(&replay->gate.client)) {
		replay->gate.counted_ns = 0;
		sl_stats_set_gpu_busy(replay->options.stats, 0, now_ns);
	}
}

/* The queue has got one flight more. */
static void note_start(struct sl_replay *replay, const struct sl_replay_queue *queue,
		       uint64_t now_ns)
{
	struct sl_gate *gate = &replay->gate;

	sl_sched_client_start(&gate->client, now_ns);
	if (gate->client.in_flight == 1) {
		gate->is_mixed = false;
		begin_count(replay, now_ns);
	} else if (gate->client.in_flight != queue->flight_count) {
		gate->is_mixed = true;
	}
}

/* Lock held. Returns 0 if all of the submission is with the driver, 1 if pieces are left, or -EIO.
 */
static int start(struct sl_replay *replay, const struct sl_submission *submission, uint64_t now_ns)
{
	struct sl_gate *gate = &replay->gate;
	struct sl_cut *cut = submission->cut;
	bool is_first = cut == NULL || !sl_cut_has_begun(cut);
	const struct sl_cut_part part = take_part(replay, submission);
	bool is_last = cut == NULL || sl_cut_is_taken(cut);
	struct sl_stamp_call call = make_call(submission, &part);
	const struct sl_flight flight = {
		.value = part.value,
		.start_ns = now_ns,
		.stamp = stamp(replay, submission, &call),
		.cut = cut,
		.first_piece = part.first_piece,
		.end_piece = part.end_piece,
	};

	if (add_flight(submission->queue, &flight) < 0) {
		gate->is_lost = true;
		return sl_replay_lose(replay, "out of memory for a submission");
	}
	note_start(replay, submission->queue, now_ns);
	if (is_first && !submission->queue->is_own) {
		sl_replay_shadows_to_host(submission->queue->device);
	}
	VkResult result = call_driver(submission, &call);

	if (result != VK_SUCCESS) {
		gate->is_lost = true;
		return sl_replay_lose(replay, "a submission failed (%d)", result);
	}
	pthread_cond_broadcast(&gate->started);
	note_part(gate, submission, is_first, is_last);
	if (!submission->queue->is_own) {
		count_part(replay->options.stats, &part, is_first, is_last);
	}
	return is_last ? 0 : 1;
}

/* Once it has begun there is nothing more to wait for. */
static bool may_go_on(struct sl_gate *gate, const struct sl_submission *submission)
{
	return (submission->cut != NULL && sl_cut_has_begun(submission->cut)) ||
	       can_run(gate, submission);
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

		if (!may_go_on(gate, submission)) {
			queue = next;
			continue;
		}
		if (!sl_sched_client_may_start(&gate->client, now_ns)) {
			has_work = true;
			queue = next;
			continue;
		}
		int r = start(replay, submission, now_ns);

		if (r < 0) {
			return false;
		}
		if (r > 0) {
			continue;
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
	if (!submission->is_kept) {
		submission->message = *replay->message_arena;
		submission->scratch = replay->scratch;
		sl_arena_init(replay->message_arena, submission->message.limit);
		sl_arena_init(&replay->scratch, submission->scratch.limit);
	}
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
		r = r > 0 ? park(replay, submission) : r;
	} else {
		r = park(replay, submission);
	}
	settle(replay);
	pthread_mutex_unlock(&gate->lock);
	return r;
}

VkResult sl_gate_submit_nothing(struct sl_replay_device *device, VkQueue queue)
{
	const VkSubmitInfo empty = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };
	struct sl_gate *gate = &device->replay->gate;

	pthread_mutex_lock(&gate->lock);
	VkResult result = device->vkd.QueueSubmit(queue, 1, &empty, VK_NULL_HANDLE);
	pthread_mutex_unlock(&gate->lock);
	return result;
}

uint64_t sl_gate_cancel(struct sl_replay_queue *queue, uint64_t first, uint64_t last)
{
	struct sl_gate *gate = &queue->device->replay->gate;
	struct sl_submission *submission;

	pthread_mutex_lock(&gate->lock);
	submission = TAILQ_FIRST(&queue->parked);
	uint64_t started = submission != NULL ? submission->number - 1 : queue->submitted;

	TAILQ_FOREACH(submission, &queue->parked, link)
	{
		VkSubmitInfo *batches = submission->batches;

		if (submission->number >= first && submission->number <= last) {
			for (uint32_t i = 0; i < submission->batch_count; i++) {
				batches[i].commandBufferCount = 0;
			}
		}
	}
	pthread_mutex_unlock(&gate->lock);
	started = started < last ? started : last;
	return started >= first ? started : 0;
}

uint32_t sl_gate_drop(struct sl_replay_queue *queue)
{
	struct sl_replay *replay = queue->device->replay;
	struct sl_gate *gate = &replay->gate;
	struct sl_submission *submission;
	uint32_t count = 0;

	pthread_mutex_lock(&gate->lock);
	if (!TAILQ_EMPTY(&queue->parked)) {
		TAILQ_REMOVE(&gate->waiting, queue, gate_link);
	}
	while ((submission = TAILQ_FIRST(&queue->parked)) != NULL) {
		TAILQ_REMOVE(&queue->parked, submission, link);
		free_submission(submission);
		count++;
	}
	settle(replay);
	pthread_mutex_unlock(&gate->lock);
	return count;
}

static uint32_t count_flights(const struct sl_replay_queue *queue, uint64_t value)
{
	uint32_t count = 0;

	while (count < queue->flight_count) {
		uint32_t at = (queue->flight_first + count) & (queue->flight_capacity - 1);

		if (queue->flights[at].value > value) {
			break;
		}
		count++;
	}
	return count;
}

/* What has been measured of flights that have completed. */
struct measure {
	uint64_t stamped_ns; /* of those with timestamps */
	bool is_complete;    /* all have them */
};

/* How long the oldest flight took. Without timestamps that is known of a single one only: 0. */
static uint64_t measure_flight(struct sl_replay_queue *queue, bool is_single, uint64_t now_ns,
			       struct measure *measure)
{
	const struct sl_gate *gate = &queue->device->replay->gate;
	const struct sl_flight *flight = &queue->flights[queue->flight_first];
	uint64_t took_ns;

	if (flight->stamp != SL_STAMP_NONE &&
	    sl_stamps_read(&queue->stamps, flight->stamp, &took_ns)) {
		measure->stamped_ns += took_ns;
		return took_ns;
	}
	measure->is_complete = false;
	if (!is_single || !sl_sched_client_counts(&gate->client)) {
		return 0;
	}
	return now_ns - (flight->start_ns > gate->client.completed_ns ? flight->start_ns
								      : gate->client.completed_ns);
}

/* The oldest ones have completed. */
static struct measure end_flights(struct sl_replay_queue *queue, uint32_t count, uint64_t now_ns)
{
	struct measure measure = { .is_complete = true };

	for (uint32_t i = 0; i < count; i++) {
		const struct sl_flight *flight = &queue->flights[queue->flight_first];
		uint64_t took_ns = measure_flight(queue, count == 1, now_ns, &measure);

		if (took_ns > 0 && flight->cut == NULL) {
			queue->cost_ns =
				queue->cost_ns != 0 ? (queue->cost_ns + took_ns) / 2 : took_ns;
		}
		if (flight->cut != NULL) {
			sl_cut_complete(flight->cut, flight->first_piece, flight->end_piece,
					took_ns);
		}
		queue->flight_first = (queue->flight_first + 1) & (queue->flight_capacity - 1);
		queue->flight_count--;
	}
	if (queue->flight_count == 0) {
		sl_stamp_clock_rest(&queue->stamps.clock);
	}
	return measure;
}

/* GPU time by timestamps, if all has them and no other queue worked meanwhile: their clocks cannot
 * be compared. Else by completions. is_more: others are under way. Before the completion is noted.
 */
static void account(struct sl_replay *replay, const struct measure *measure, bool is_more,
		    uint64_t now_ns)
{
	struct sl_gate *gate = &replay->gate;
	struct sl_stats *stats = replay->options.stats;
	uint64_t max_ns = now_ns - gate->client.busy_ns - gate->counted_ns;
	uint64_t added_ns = now_ns - gate->client.completed_ns;

	if (measure->is_complete && !gate->is_mixed) {
		/* What ran before its completion was noticed counts here; but nothing runs longer
		 * than since it was begun, whatever a clock says. */
		added_ns = measure->stamped_ns < max_ns ? measure->stamped_ns : max_ns;
		sl_stats_add(&stats->gpu_stamped_ns, added_ns);
	}
	gate->counted_ns += added_ns;
	sl_stats_set_gpu_busy(stats, added_ns, is_more ? now_ns : 0);
}

uint64_t sl_gate_await_value(struct sl_replay_queue *queue)
{
	struct sl_gate *gate = &queue->device->replay->gate;
	uint64_t value = 0;

	pthread_mutex_lock(&gate->lock);
	while (queue->flight_count == 0 && !atomic_load(&queue->is_ending)) {
		pthread_cond_wait(&gate->started, &gate->lock);
	}
	if (queue->flight_count > 0) {
		value = queue->flights[queue->flight_first].value;
	}
	pthread_mutex_unlock(&gate->lock);
	return value;
}

void sl_gate_end_await(struct sl_replay_queue *queue)
{
	struct sl_gate *gate = &queue->device->replay->gate;

	pthread_mutex_lock(&gate->lock);
	pthread_cond_broadcast(&gate->started);
	pthread_mutex_unlock(&gate->lock);
}

void sl_gate_complete(struct sl_replay_queue *queue, uint64_t value)
{
	struct sl_replay *replay = queue->device->replay;
	struct sl_gate *gate = &replay->gate;

	pthread_mutex_lock(&gate->lock);
	uint64_t now_ns = sl_clock_now_ns();
	uint32_t count = count_flights(queue, value);

	if (!gate->is_lost && count > 0) {
		const struct measure measure = end_flights(queue, count, now_ns);

		if (sl_sched_client_counts(&gate->client)) {
			account(replay, &measure, gate->client.in_flight > count, now_ns);
		}
		sl_sched_client_complete(&gate->client, count, now_ns);
	}
	settle(replay);
	pthread_mutex_unlock(&gate->lock);
}

uint64_t sl_gate_get_piece_ns(struct sl_replay_queue *queue)
{
	struct sl_replay *replay = queue->device->replay;
	struct sl_gate *gate = &replay->gate;

	if (replay->options.cut != SL_REPLAY_AUTO) {
		return replay->options.cut == SL_REPLAY_ALWAYS ? 1 : UINT64_MAX;
	}
	pthread_mutex_lock(&gate->lock);
	uint64_t piece_ns = sl_sched_client_get_piece_ns(&gate->client);
	bool is_long = queue->cost_ns == 0 || queue->cost_ns > LONG_NS;

	/* The GPU may be contended by the time that it starts. */
	if (piece_ns == UINT64_MAX && is_long &&
	    (!TAILQ_EMPTY(&queue->parked) ||
	     !sl_sched_client_may_start(&gate->client, sl_clock_now_ns()))) {
		piece_ns = SL_SCHED_PIECE_NS;
	}
	pthread_mutex_unlock(&gate->lock);
	return piece_ns;
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
	struct sl_gate *gate = &replay->gate;

	pthread_mutex_lock(&gate->lock);
	uint64_t now_ns = sl_clock_now_ns();
	bool counted = sl_sched_client_counts(&gate->client);

	sl_sched_client_handle(&gate->client, msg, now_ns);
	if (!counted && gate->client.in_flight > 0) {
		begin_count(replay, now_ns);
	}
	settle(replay);
	pthread_mutex_unlock(&gate->lock);
}

void sl_replay_tick(struct sl_replay *replay)
{
	pthread_mutex_lock(&replay->gate.lock);
	settle(replay);
	pthread_mutex_unlock(&replay->gate.lock);
}
