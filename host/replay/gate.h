/* SPDX-License-Identifier: MIT */
/* Between the guest's submissions and the host driver's queues: a submission goes to the driver
 * when what it waits for is under way and the context has the GPU (host/sched); until then it is
 * parked, in the order of its queue. So whatever the driver holds can run, and a context can give
 * the GPU back by letting that end.
 *
 * Submissions, semaphores: ring thread. Completions, packets, ticks: any thread. */
#ifndef SL_HOST_REPLAY_GATE_H
#define SL_HOST_REPLAY_GATE_H

#include "host/sched/sched_client.h"
#include "protocol/arena.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <vulkan/vulkan_core.h>

struct sl_cut;
struct sl_replay;
struct sl_replay_device;
struct sl_replay_queue;

enum sl_submission_kind {
	SL_SUBMISSION_SUBMIT,	   /* batches: VkSubmitInfo */
	SL_SUBMISSION_SUBMIT2,	   /* VkSubmitInfo2 */
	SL_SUBMISSION_BIND_SPARSE, /* VkBindSparseInfo */
};

/* One call of a vkQueueSubmit kind, ready for the driver. */
struct sl_submission {
	TAILQ_ENTRY(sl_submission) link; /* sl_replay_queue.parked */
	struct sl_replay_queue *queue;
	enum sl_submission_kind kind;
	uint64_t number; /* of the queue */
	uint32_t batch_count;
	void *batches;
	struct sl_cut *cut; /* NULL: it is left whole */
	bool is_kept;	    /* the caller keeps the batches until it has completed */
	/* Where the batches and what they point to lie; only while parked, unless is_kept. */
	struct sl_arena message;
	struct sl_arena scratch;
};
TAILQ_HEAD(sl_submission_list, sl_submission);

/* A call of the driver that has not completed. */
struct sl_flight {
	uint64_t value; /* of the queue's timeline, once it has */
	uint64_t start_ns;
	uint32_t stamp;	    /* its slot of the queue's sl_stamps, or SL_STAMP_NONE */
	struct sl_cut *cut; /* NULL: a whole submission */
	uint32_t first_piece;
	uint32_t end_piece;
};

struct sl_gate {
	pthread_cond_t started; /* a submission has gone to the driver, or a queue ends */
	pthread_mutex_t lock;	/* guards all below, and the driver's queues */
	struct sl_sched_client client;
	TAILQ_HEAD(, sl_replay_queue) waiting; /* queues with parked submissions */
	uint64_t walk;			       /* counts looks at submissions */
	uint64_t timer_ns;
	uint64_t counted_ns; /* of the time since client.busy_ns: GPU time on the account */
	bool is_mixed;	     /* since then, more than one queue had work at a time */
	bool is_lost;	     /* the device; nothing is submitted any more */
};

void sl_gate_init(struct sl_replay *replay);
void sl_gate_finish(struct sl_replay *replay);

/* Hand a submission of the replay's scratch arena and the present message over. Once it is parked
 * both arenas are its own, and empty ones in their place; unless is_kept.
 *
 * Returns 0, or -EIO once the context is lost. */
int sl_gate_submit(struct sl_replay *replay, const struct sl_submission *submission);

/* A submission without work, which waits for nothing and is on no account. queue may be one of the
 * guest's, to which completions submit as well. Returns what the driver says. */
VkResult sl_gate_submit_nothing(struct sl_replay_device *device, VkQueue queue);

/* What the queue has parked of these numbers, first to last, still signals, but does no work: the
 * batches, which are VkSubmitInfo and is_kept, lose their command buffers.
 *
 * Returns the highest of the numbers that is with the driver already; 0: none. */
uint64_t sl_gate_cancel(struct sl_replay_queue *queue, uint64_t first, uint64_t last);
/* Forget what the queue has parked: nobody waits for it. Returns how many there were. */
uint32_t sl_gate_drop(struct sl_replay_queue *queue);

/* The queue's timeline has reached value, and the guest knows. */
void sl_gate_complete(struct sl_replay_queue *queue, uint64_t value);

/* How long the pieces of the queue's next submission should be: UINT64_MAX: leave it whole. */
uint64_t sl_gate_get_piece_ns(struct sl_replay_queue *queue);

/* The device is lost: what it holds will not complete, and the GPU is the others'. */
void sl_gate_abandon(struct sl_replay *replay);

/* The guest's semaphores. value: a timeline's first; is_timeline false: 0. Returns 0 or -ENOMEM. */
int sl_gate_add_semaphore(struct sl_replay_device *device, VkSemaphore semaphore, bool is_timeline,
			  uint64_t value);
void sl_gate_remove_semaphore(struct sl_replay_device *device, VkSemaphore semaphore);
/* The value that the timeline of the queue reaches next: of the oldest that the driver has. Waits
 * until it has one. Returns 0 once queue->is_ending. Any thread. */
uint64_t sl_gate_await_value(struct sl_replay_queue *queue);
/* queue->is_ending has been set. */
void sl_gate_end_await(struct sl_replay_queue *queue);

/* Those that the guest did not destroy with its device. */
void sl_gate_forget_semaphores(struct sl_replay_device *device);
/* The guest signals a timeline itself. Returns what the driver says. */
VkResult sl_gate_signal_semaphore(struct sl_replay_device *device,
				  const VkSemaphoreSignalInfo *info);

/* True if a submission of the queue is parked. */
bool sl_gate_is_waiting(struct sl_replay *replay, struct sl_replay_queue *queue);

#endif
