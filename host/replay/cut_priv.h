/* SPDX-License-Identifier: MIT */
/* What cut_plan.c, cut_record.c and cut.c share. */
#ifndef SL_HOST_REPLAY_CUT_PRIV_H
#define SL_HOST_REPLAY_CUT_PRIV_H

#include "host/base/stats.h"
#include "host/replay/cut.h"
#include "host/replay/cut_range.h"
#include "host/replay/gate.h"
#include "host/replay/replay_priv.h"

/* What work of which nothing has been measured is thought to take. */
#define SL_CUT_GUESS_NS 50000.0

/* Kinds of work in a piece that are told apart; the rest is lumped together. */
#define SL_CUT_SHARES 4u

struct sl_cut_share {
	struct sl_cut_cost *cost; /* one reference */
	double units;
};

struct sl_cut_piece {
	struct sl_cut_share shares[SL_CUT_SHARES];
	uint32_t share_count;
	double guess_ns; /* what it was thought to take when it was cut */
	bool is_guess;	 /* because nothing of the kind had been measured */
	uint32_t first_batch;
	uint32_t batch_count;
};

/* Consecutive commands of one command buffer, or a range of one dispatch. */
struct sl_cut_segment {
	uint32_t piece;
	uint32_t batch;
	VkCommandBuffer handle; /* the guest's; VK_NULL_HANDLE: the batch has none */
	const struct sl_recording *recording;
	bool is_whole; /* all of the guest's command buffer: itself */
	bool is_range; /* of the dispatch that start..end is */
	const uint8_t *start;
	const uint8_t *end;
	struct sl_cut_range range;
	VkCommandBuffer recorded; /* what the driver gets */
};

struct sl_cut {
	struct sl_replay_device *device;
	struct sl_replay_queue *queue;
	uint64_t number; /* of the submission */
	bool is_whole;	 /* nothing was recorded: it is not worth it, or cannot be */
	struct sl_cut_segment *segments; /* only until it is recorded */
	uint32_t segment_count;
	uint32_t segment_capacity;
	struct sl_cut_piece *pieces;
	uint32_t piece_count;
	uint32_t piece_capacity;
	uint32_t taken;	     /* pieces */
	uint32_t completed;  /* pieces */
	const void *batches; /* of all pieces, in the submission's scratch */
	struct sl_cut_buffer_list buffers;
};

/* Find where to cut. Returns 0 or -ENOMEM. */
int sl_cut_plan(struct sl_cut *cut, const struct sl_submission *submission, uint64_t target_ns);

/* Record what was planned. Returns 0, or a negative error: then it is left whole. */
int sl_cut_record(struct sl_cut *cut);

/* Make the batches of the pieces. Returns 0 or -ENOMEM. */
int sl_cut_make_batches(struct sl_cut *cut, const struct sl_submission *submission);

/* What the pieces' work takes by what has been measured. *ret_is_guess: something has not. */
double sl_cut_guess(const struct sl_cut_piece *piece, bool *ret_is_guess);

/* Something that would have been cut was not. */
static inline void sl_cut_count_whole(const struct sl_replay_device *device,
				      enum sl_stats_whole why)
{
	sl_stats_add(&device->replay->options.stats->left_whole[why], 1);
}

#endif
