/* SPDX-License-Identifier: MIT */
/* One queue of the guest, as vk_queue.c, vk_submit.c and gate.c share it. */
#ifndef SL_HOST_REPLAY_QUEUE_H
#define SL_HOST_REPLAY_QUEUE_H

#include "host/base/backoff.h"
#include "host/replay/gate.h"
#include "host/replay/stamp.h"

#include <pthread.h>
#include <stdatomic.h>

struct sl_replay_device;

struct sl_replay_queue {
	struct sl_replay_device *device;
	VkQueue handle;
	uint32_t slot; /* in the sync page */
	uint32_t family;
	bool is_odd;			   /* made with flags: protected */
	bool is_own;			   /* of Sluice's own work: the guest knows nothing of it */
	VkSemaphore timeline;		   /* of sl_cut_value()s */
	uint64_t submitted;		   /* taken from the guest; ring thread */
	uint64_t completed;		   /* value of timeline; waiter */
	_Atomic uint64_t completed_number; /* of submissions; written by the waiter */
	_Atomic uint64_t started;	   /* last value of timeline that the driver was given */
	atomic_bool is_ending;
	struct sl_backoff giving_way; /* waiter */
	bool has_waiter;
	pthread_t waiter;
	struct sl_replay_queue *next;		/* of the device */
	TAILQ_ENTRY(sl_replay_queue) gate_link; /* sl_gate.waiting, while parked is not empty */
	/* Guarded by sl_gate.lock. */
	struct sl_submission_list parked; /* oldest first */
	struct sl_flight *flights;	  /* with the driver, oldest first: a ring */
	uint32_t flight_first;
	uint32_t flight_count;
	uint32_t flight_capacity; /* a power of two, or 0 */
	uint64_t cost_ns;	  /* of a submission: moving average, 0: not known */
	struct sl_stamps stamps;
};

/* A queue for Sluice's own work, which is numbered by queue->submitted like a guest's, goes through
 * the gate and is on the guest's account. handle may be a queue of the guest's as well.
 *
 * Ring thread. Returns 0, -ENOMEM or -EIO. */
int sl_replay_queue_create_own(struct sl_replay_device *device, VkQueue handle, uint32_t family,
			       struct sl_replay_queue **ret_queue);
/* Nothing of it may be parked, nor under way. Accepts NULL. */
void sl_replay_queue_destroy_own(struct sl_replay_queue *queue);

/* Returns 0, or -EIO. */
int sl_replay_queue_start_waiter(struct sl_replay_queue *queue);

/* For host/check: queue is a struct sl_replay_queue. */
uint64_t sl_replay_queue_get_completed(const void *queue);
uint64_t sl_replay_queue_get_submitted(const void *queue);
bool sl_replay_queue_wait(void *queue, uint64_t number, uint64_t timeout_ns);

#endif
