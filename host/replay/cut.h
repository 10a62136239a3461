/* SPDX-License-Identifier: MIT */
/* A long submission as pieces, which the driver gets one after the other: docs/cutting.md.
 *
 * Made on the ring thread, which has the object table and the streams; taken and counted by the
 * gate under its lock. */
#ifndef SL_HOST_REPLAY_CUT_H
#define SL_HOST_REPLAY_CUT_H

#include "host/replay/recording.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <vulkan/vulkan_core.h>

struct sl_cut;
struct sl_replay_device;
struct sl_replay_queue;
struct sl_submission;

/* A queue's timeline semaphore: the number of a submission, and below it that of its piece. */
#define SL_CUT_VALUE_BITS 12u
#define SL_CUT_MAX_PIECES ((1u << SL_CUT_VALUE_BITS) - 1)

static inline uint64_t sl_cut_value(uint64_t number, uint32_t piece)
{
	return number << SL_CUT_VALUE_BITS | piece;
}

/* A command buffer of Sluice's own, for the pieces of queues of one family. */
struct sl_cut_buffer {
	SLIST_ENTRY(sl_cut_buffer) link;
	VkCommandBuffer handle;
	struct sl_cut_pool *pool;
};
SLIST_HEAD(sl_cut_buffer_list, sl_cut_buffer);

struct sl_cut_pool {
	SLIST_ENTRY(sl_cut_pool) link; /* sl_cutter.pools */
	uint32_t family;
	VkCommandPool handle;
	struct sl_cut_buffer_list free; /* guarded by sl_gate.lock */
};

/* sl_replay_device.cutter. */
struct sl_cutter {
	SLIST_HEAD(, sl_cut_pool) pools;
	struct sl_cut_cost work;  /* of one command: copies, clears, … */
	struct sl_cut_cost scope; /* of one draw, and of beginning */
};

void sl_cutter_init(struct sl_cutter *cutter);
void sl_cutter_finish(struct sl_replay_device *device);

/* True unless something in the submission is about its command buffers one by one: then none may be
 * added or left out. Not for sparse bindings. Any thread. */
bool sl_cut_is_plain(const struct sl_submission *submission);

/* The pieces of a submission, which is of the replay's scratch arena and the present message, and
 * signals its number. target_ns: how long a piece should take. Ring thread.
 *
 * Returns NULL if nothing is known of it, or memory is short. */
struct sl_cut *sl_cut_create(const struct sl_submission *submission, uint64_t target_ns);

/* The rest with sl_gate.lock held. */

/* What goes to the driver next. */
struct sl_cut_part {
	uint32_t first_piece;
	uint32_t end_piece;
	const void *batches; /* of the submission's kind; NULL: all of the submission itself */
	uint32_t first_batch;
	uint32_t batch_count;
	uint64_t value; /* that the queue's timeline will reach */
};

/* Take as much as fits into target_ns, or one piece. in_pieces: false for all at once, where
 * nothing was taken yet. */
void sl_cut_take(struct sl_cut *cut, bool in_pieces, uint64_t target_ns,
		 struct sl_cut_part *ret_part);
bool sl_cut_has_begun(const struct sl_cut *cut);
/* True once all is taken. */
bool sl_cut_is_taken(const struct sl_cut *cut);

/* What was taken has completed; took_ns: 0 if not measured. After the last the cut is freed. */
void sl_cut_complete(struct sl_cut *cut, uint32_t first_piece, uint32_t end_piece,
		     uint64_t took_ns);

#endif
