/* SPDX-License-Identifier: MIT */
/* A submission's pieces from their making to their completion, and what is learned from that. */
#include "host/replay/cut.h"

#include <errno.h>
#include <stdlib.h>

#include "host/replay/cut_priv.h"
#include "host/replay/queue.h"

/* Kinds of work that one completion tells about. */
#define LEARN_MAX   16u
#define MAX_UNIT_PS 1e17 /* a day */

void sl_cutter_init(struct sl_cutter *cutter)
{
	SLIST_INIT(&cutter->pools);
	/* The device's own reference. */
	atomic_init(&cutter->work.refs, 1);
	atomic_init(&cutter->scope.refs, 1);
}

void sl_cutter_finish(struct sl_replay_device *device)
{
	struct sl_cut_pool *pool;

	while ((pool = SLIST_FIRST(&device->cutter.pools)) != NULL) {
		struct sl_cut_buffer *buffer;

		while ((buffer = SLIST_FIRST(&pool->free)) != NULL) {
			SLIST_REMOVE_HEAD(&pool->free, link);
			free(buffer);
		}
		SLIST_REMOVE_HEAD(&device->cutter.pools, link);
		device->vkd.DestroyCommandPool(device->handle, pool->handle, NULL);
		free(pool);
	}
}

/* What only the first or the last piece could have, or what the pieces' command buffers would have
 * to be made for, is not plain. */
bool sl_cut_is_plain(const struct sl_submission *submission)
{
	for (uint32_t i = 0; i < submission->batch_count; i++) {
		const VkBaseInStructure *chain;

		if (submission->kind == SL_SUBMISSION_SUBMIT2) {
			const VkSubmitInfo2 *batch =
				&((const VkSubmitInfo2 *)submission->batches)[i];

			if (batch->pNext != NULL || batch->flags != 0) {
				return false;
			}
			for (uint32_t k = 0; k < batch->commandBufferInfoCount; k++) {
				if (batch->pCommandBufferInfos[k].pNext != NULL ||
				    batch->pCommandBufferInfos[k].deviceMask > 1) {
					return false;
				}
			}
			continue;
		}
		chain = ((const VkSubmitInfo *)submission->batches)[i].pNext;
		for (; chain != NULL; chain = chain->pNext) {
			if (chain->sType != VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO) {
				return false;
			}
		}
	}
	return true;
}

/* gate.lock held, or nobody else has it yet. */
static void recycle_buffers(struct sl_cut *cut)
{
	struct sl_cut_buffer *buffer;

	while ((buffer = SLIST_FIRST(&cut->buffers)) != NULL) {
		SLIST_REMOVE_HEAD(&cut->buffers, link);
		SLIST_INSERT_HEAD(&buffer->pool->free, buffer, link);
	}
}

static void destroy(struct sl_cut *cut)
{
	recycle_buffers(cut);
	for (uint32_t i = 0; i < cut->piece_count; i++) {
		struct sl_cut_piece *piece = &cut->pieces[i];

		for (uint32_t k = 0; k < piece->share_count; k++) {
			sl_cut_cost_unref(piece->shares[k].cost);
		}
	}
	free(cut->segments);
	free(cut->pieces);
	free(cut);
}

static enum sl_stats_whole why_not_recorded(int r)
{
	return r == -E2BIG    ? SL_STATS_WHOLE_STATE
	       : r == -ENOMEM ? SL_STATS_WHOLE_MEMORY
			      : SL_STATS_WHOLE_OBJECT;
}

/* Whatever keeps it from being recorded keeps it whole. */
static void record(struct sl_cut *cut, const struct sl_submission *submission)
{
	struct sl_replay *replay = cut->device->replay;
	int r = sl_cut_record(cut);

	if (r == 0) {
		r = sl_cut_make_batches(cut, submission);
	}
	if (r < 0) {
		sl_cut_count_whole(cut->device, why_not_recorded(r));
		cut->is_whole = true;
		replay->why[0] = '\0';
		pthread_mutex_lock(&replay->gate.lock);
		recycle_buffers(cut);
		pthread_mutex_unlock(&replay->gate.lock);
	}
}

struct sl_cut *sl_cut_create(const struct sl_submission *submission, uint64_t target_ns)
{
	struct sl_replay_device *device = submission->queue->device;

	if (!sl_cut_is_plain(submission) || submission->queue->is_odd) {
		sl_cut_count_whole(device, SL_STATS_WHOLE_SUBMISSION);
		return NULL;
	}
	struct sl_cut *cut = calloc(1, sizeof(*cut));

	if (cut == NULL) {
		return NULL;
	}
	cut->device = device;
	cut->queue = submission->queue;
	cut->number = submission->number;
	SLIST_INIT(&cut->buffers);
	if (sl_cut_plan(cut, submission, target_ns) < 0) {
		pthread_mutex_lock(&device->replay->gate.lock);
		destroy(cut);
		pthread_mutex_unlock(&device->replay->gate.lock);
		return NULL;
	}
	if (!cut->is_whole) {
		record(cut, submission);
	}
	free(cut->segments);
	cut->segments = NULL;
	return cut;
}

bool sl_cut_has_begun(const struct sl_cut *cut)
{
	return cut->taken > 0;
}

bool sl_cut_is_taken(const struct sl_cut *cut)
{
	return cut->taken == cut->piece_count;
}

void sl_cut_take(struct sl_cut *cut, bool in_pieces, uint64_t target_ns,
		 struct sl_cut_part *ret_part)
{
	bool is_guess;

	*ret_part = (struct sl_cut_part){ .first_piece = cut->taken };
	if (cut->is_whole || (!in_pieces && cut->taken == 0)) {
		cut->taken = cut->piece_count;
		ret_part->end_piece = cut->taken;
		ret_part->value = sl_cut_value(cut->number, 0);
		return;
	}
	const struct sl_cut_piece *first = &cut->pieces[cut->taken++];
	double total_ns = sl_cut_guess(first, &is_guess);

	ret_part->batches = cut->batches;
	ret_part->first_batch = first->first_batch;
	ret_part->batch_count = first->batch_count;
	while (!is_guess && cut->taken < cut->piece_count) {
		const struct sl_cut_piece *next = &cut->pieces[cut->taken];

		total_ns += sl_cut_guess(next, &is_guess);
		if (is_guess || total_ns > (double)target_ns) {
			break;
		}
		ret_part->batch_count += next->batch_count;
		cut->taken++;
	}
	ret_part->end_piece = cut->taken;
	ret_part->value = sl_cut_is_taken(cut) ? sl_cut_value(cut->number, 0)
					       : sl_cut_value(cut->number - 1, cut->taken);
}

/* A kind of work that took factor of what was thought: shift its cost there by half, for a single
 * measurement may have been disturbed. */
static void correct(const struct sl_cut_share *share, double factor)
{
	struct sl_cut_cost *cost = share->cost;
	/* Relaxed: gate.lock orders the writers. */
	double unit_ps = (double)atomic_load_explicit(&cost->unit_ps, memory_order_relaxed);

	unit_ps = unit_ps > 0 ? unit_ps * (1 + factor) / 2
			      : SL_CUT_GUESS_NS * 1000 * factor / share->units;
	unit_ps = unit_ps < 1 ? 1 : unit_ps > MAX_UNIT_PS ? MAX_UNIT_PS : unit_ps;
	atomic_store_explicit(&cost->unit_ps, (uint64_t)unit_ps, memory_order_relaxed);
}

static bool has_learned(const struct sl_cut_cost *const *learned, uint32_t count,
			const struct sl_cut_cost *cost)
{
	for (uint32_t i = 0; i < count; i++) {
		if (learned[i] == cost) {
			return true;
		}
	}
	return false;
}

/* Each kind of work once, in what was taken together. */
static void learn(const struct sl_cut *cut, uint32_t first_piece, uint32_t end_piece,
		  uint64_t took_ns)
{
	const struct sl_cut_cost *learned[LEARN_MAX];
	uint32_t count = 0;
	double guess_ns = 0;

	for (uint32_t i = first_piece; i < end_piece; i++) {
		bool is_guess;

		guess_ns += sl_cut_guess(&cut->pieces[i], &is_guess);
	}
	for (uint32_t i = first_piece; i < end_piece && guess_ns > 0; i++) {
		for (uint32_t k = 0; k < cut->pieces[i].share_count && count < LEARN_MAX; k++) {
			const struct sl_cut_share *share = &cut->pieces[i].shares[k];

			if (!has_learned(learned, count, share->cost)) {
				learned[count++] = share->cost;
				correct(share, (double)took_ns / guess_ns);
			}
		}
	}
}

void sl_cut_complete(struct sl_cut *cut, uint32_t first_piece, uint32_t end_piece, uint64_t took_ns)
{
	if (took_ns > 0) {
		learn(cut, first_piece, end_piece, took_ns);
	}
	cut->completed += end_piece - first_piece;
	if (cut->completed == cut->piece_count) {
		destroy(cut);
	}
}
