/* SPDX-License-Identifier: MIT */
/* Walks through the streams of a submission and decides where its pieces begin. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/replay/cut_class.h"
#include "host/replay/cut_priv.h"
#include "host/replay/queue.h"
#include "protocol/sl_ids.h"
#include "protocol/wire.h"

/* A dispatch of a pipeline that has not been measured is cut into so many ranges, of which the
 * first tells how many to start at once. */
#define GUESS_RANGES 64u
/* Ranges of one dispatch; with --cut=always there are that many in all directions. */
#define MAX_RANGES    1024u
#define ALWAYS_RANGES 5u
/* What is this much longer than it should be is not cut. */
#define TOLERANCE 1.25
/* The same of a whole submission. Each piece costs the driver a start: two guests with jobs of 1
 * ms, as long as a piece, got 0.66 of what two native programs do, and 0.80 since their jobs are no
 * longer cut (lavapipe, one engine, two CPUs). */
#define WHOLE_TOLERANCE 2.0

struct plan {
	struct sl_cut *cut;
	double target_ns;
	bool is_always;
	uint32_t batch;
	const struct sl_recording *recording; /* the one walked through */
	struct sl_cut_cost *pipeline;	      /* that is bound for compute; NULL: not known */
	uint32_t depth;			      /* of scopes */
	const uint8_t *scope;		      /* where the outermost began */
	double scope_draws;
	bool is_refused; /* the command buffer stays whole */
	enum sl_stats_whole why;
	int error; /* 0 or -ENOMEM */
};

static struct sl_cut_piece *open_piece(const struct plan *plan)
{
	return &plan->cut->pieces[plan->cut->piece_count - 1];
}

static void add_piece(struct plan *plan)
{
	struct sl_cut *cut = plan->cut;

	if (cut->piece_count == cut->piece_capacity) {
		uint32_t capacity = cut->piece_capacity == 0 ? 16 : cut->piece_capacity * 2;
		struct sl_cut_piece *pieces = reallocarray(cut->pieces, capacity, sizeof(*pieces));

		if (pieces == NULL) {
			plan->error = -ENOMEM;
			return;
		}
		cut->pieces = pieces;
		cut->piece_capacity = capacity;
	}
	cut->pieces[cut->piece_count++] = (struct sl_cut_piece){ 0 };
}

/* Returns NULL if memory is short. */
static struct sl_cut_segment *add_segment(struct plan *plan, const uint8_t *start)
{
	struct sl_cut *cut = plan->cut;

	if (cut->segment_count == cut->segment_capacity) {
		uint32_t capacity = cut->segment_capacity == 0 ? 16 : cut->segment_capacity * 2;
		struct sl_cut_segment *segments =
			reallocarray(cut->segments, capacity, sizeof(*segments));

		if (segments == NULL) {
			plan->error = -ENOMEM;
			return NULL;
		}
		cut->segments = segments;
		cut->segment_capacity = capacity;
	}
	struct sl_cut_segment *segment = &cut->segments[cut->segment_count++];

	*segment = (struct sl_cut_segment){
		.piece = cut->piece_count - 1,
		.batch = plan->batch,
		.recording = plan->recording,
		.start = start,
		.end = start,
	};
	return segment;
}

/* Should something that takes so long begin a new piece? at: the command, NULL: of no stream. */
static bool begins_piece(const struct plan *plan, double guess_ns, const uint8_t *at)
{
	const struct sl_cut *cut = plan->cut;
	double open_ns = open_piece(plan)->guess_ns;

	if (cut->piece_count == SL_CUT_MAX_PIECES) {
		return false;
	}
	if (plan->is_always) {
		return open_ns > 0 ||
		       (at != NULL && cut->segments[cut->segment_count - 1].start != at);
	}
	return open_ns > 0 && open_ns + guess_ns > plan->target_ns;
}

static void add_work(struct plan *plan, struct sl_cut_cost *cost, double units, double guess_ns)
{
	struct sl_cut_piece *piece = open_piece(plan);

	piece->guess_ns += guess_ns;
	for (uint32_t i = 0; i < piece->share_count; i++) {
		if (piece->shares[i].cost == cost) {
			piece->shares[i].units += units;
			return;
		}
	}
	if (piece->share_count < SL_CUT_SHARES) {
		/* Relaxed: the caller's map has a reference as well. */
		atomic_fetch_add_explicit(&cost->refs, 1, memory_order_relaxed);
		piece->shares[piece->share_count++] = (struct sl_cut_share){ cost, units };
	}
}

static bool guess(const struct sl_cut_cost *cost, double units, double *ret_ns)
{
	/* Relaxed: any value that it once had will do. */
	uint64_t unit_ps = atomic_load_explicit(&cost->unit_ps, memory_order_relaxed);

	*ret_ns = unit_ps != 0 ? (double)unit_ps * units / 1000 : SL_CUT_GUESS_NS;
	return unit_ps != 0;
}

double sl_cut_guess(const struct sl_cut_piece *piece, bool *ret_is_guess)
{
	double total_ns = 0;

	*ret_is_guess = false;
	for (uint32_t i = 0; i < piece->share_count; i++) {
		double share_ns;

		if (!guess(piece->shares[i].cost, piece->shares[i].units, &share_ns)) {
			*ret_is_guess = true;
		}
		total_ns += share_ns;
	}
	return total_ns;
}

static void refuse(struct plan *plan, enum sl_stats_whole why)
{
	if (!plan->is_refused) {
		plan->is_refused = true;
		plan->why = why;
	}
}

/* Commands that have to be looked into: their ops here only look. The plan is the object's data. */
static int look_at_pipeline(struct sl_replay *replay, struct sl_vkCmdBindPipeline *args)
{
	struct plan *plan = ((struct sl_object *)args->self)->data;

	(void)replay;
	if (args->pipelineBindPoint == VK_PIPELINE_BIND_POINT_COMPUTE) {
		plan->pipeline =
			sl_handle_map_find(&plan->cut->device->pipelines, (uint64_t)args->pipeline);
	}
	return 0;
}

static int look_at_rendering(struct sl_replay *replay, struct sl_vkCmdBeginRendering *args)
{
	const VkRenderingFlags flags = args->pRenderingInfo->flags;

	(void)replay;
	if ((flags & (VK_RENDERING_SUSPENDING_BIT | VK_RENDERING_RESUMING_BIT)) != 0) {
		refuse(((struct sl_object *)args->self)->data, SL_STATS_WHOLE_SUSPENDED);
	}
	return 0;
}

/* Executed once more, a secondary command buffer would take the first primary one's validity. */
static int look_at_secondaries(struct sl_replay *replay, struct sl_vkCmdExecuteCommands *args)
{
	struct plan *plan = ((struct sl_object *)args->self)->data;

	(void)replay;
	for (uint32_t i = 0; i < args->commandBufferCount; i++) {
		const struct sl_recording *secondary =
			sl_recording_find(plan->cut->device, args->pCommandBuffers[i]);

		if (secondary == NULL || !secondary->is_simultaneous) {
			refuse(plan, SL_STATS_WHOLE_SECONDARY);
		}
	}
	return 0;
}

static void look_at(struct plan *plan, const uint8_t *command, uint32_t size)
{
	static const struct sl_ops ops = {
		.vkCmdBindPipeline = look_at_pipeline,
		.vkCmdBeginRendering = look_at_rendering,
		.vkCmdExecuteCommands = look_at_secondaries,
	};
	const struct sl_replay_link *link = &plan->cut->device->replay->options.link;
	struct sl_object object = { .type = VK_OBJECT_TYPE_COMMAND_BUFFER, .data = plan };

	if (link->run_commands(link->data, &ops, &object, command, size) < 0) {
		refuse(plan, SL_STATS_WHOLE_OBJECT);
	}
}

/* End the piece before a command. */
static void cut_at(struct plan *plan, const uint8_t *at)
{
	struct sl_cut_segment *segment = &plan->cut->segments[plan->cut->segment_count - 1];

	segment->end = at;
	if (segment->start == at) {
		plan->cut->segment_count--;
	}
	add_piece(plan);
	if (plan->error == 0) {
		add_segment(plan, at);
	}
}

static void plan_work(struct plan *plan, const uint8_t *command, struct sl_cut_cost *cost,
		      double units)
{
	double guess_ns;

	if (!guess(cost, units, &guess_ns)) {
		open_piece(plan)->is_guess = true;
	}
	if (plan->depth > 0) {
		plan->scope_draws += units;
		return;
	}
	if (begins_piece(plan, guess_ns, command)) {
		cut_at(plan, command);
	}
	if (plan->error == 0) {
		add_work(plan, cost, units, guess_ns);
	}
}

static bool read_dispatch(const uint8_t *command, uint32_t size, uint16_t id,
			  struct sl_cut_range *ret_range)
{
	const uint8_t *payload = command + sizeof(struct sl_wire_header);
	size_t base_size = id == SL_COMMAND_vkCmdDispatchBase ? sizeof(ret_range->base) : 0;

	*ret_range = (struct sl_cut_range){ 0 };
	if (size < sizeof(struct sl_wire_header) + base_size + sizeof(ret_range->count)) {
		return false;
	}
	memcpy(ret_range->base, payload, base_size);
	memcpy(ret_range->count, payload + base_size, sizeof(ret_range->count));
	return true;
}

/* How many workgroups a range should have; 0: do not cut. */
static double range_groups(struct plan *plan, double groups)
{
	double guess_ns;

	if (groups < 2) {
		return 0;
	}
	if (plan->is_always) {
		return groups / ALWAYS_RANGES;
	}
	if (!guess(plan->pipeline, groups, &guess_ns)) {
		return groups / GUESS_RANGES;
	}
	return guess_ns <= plan->target_ns * TOLERANCE ? 0 : groups * plan->target_ns / guess_ns;
}

/* Would have been cut: why not? Returns false if nothing speaks against it. */
static bool must_be_whole(const struct plan *plan)
{
	const struct sl_replay_device *device = plan->cut->device;

	if (plan->depth > 0) {
		sl_cut_count_whole(device, SL_STATS_WHOLE_SCOPE);
	} else if (plan->pipeline->verdict == SL_SPIRV_READS_COUNT) {
		sl_cut_count_whole(device, SL_STATS_WHOLE_READS_COUNT);
	} else if (plan->pipeline->verdict == SL_SPIRV_MAY_WAIT) {
		sl_cut_count_whole(device, SL_STATS_WHOLE_MAY_WAIT);
	} else if (plan->pipeline->verdict != SL_SPIRV_DIVISIBLE ||
		   device->vkd.CmdDispatchBase == NULL) {
		sl_cut_count_whole(device, SL_STATS_WHOLE_SHADER);
	} else {
		return false;
	}
	return true;
}

static void plan_range(struct plan *plan, const uint8_t *command, uint32_t size,
		       const struct sl_cut_range *range)
{
	double groups = sl_cut_range_get_groups(range);
	double guess_ns;
	bool is_guess = !guess(plan->pipeline, groups, &guess_ns);

	/* Its cost would be known after the first. */
	guess_ns = is_guess ? plan->target_ns : guess_ns;
	if (begins_piece(plan, guess_ns, NULL)) {
		add_piece(plan);
	}
	struct sl_cut_segment *segment = plan->error == 0 ? add_segment(plan, command) : NULL;

	if (segment == NULL) {
		return;
	}
	segment->end = command + size;
	segment->is_range = true;
	segment->range = *range;
	if (is_guess) {
		open_piece(plan)->is_guess = true;
	}
	add_work(plan, plan->pipeline, groups, guess_ns);
}

static void plan_dispatch(struct plan *plan, const uint8_t *command, uint32_t size, uint16_t id)
{
	struct sl_cut_ranges ranges;
	struct sl_cut_range range;

	if (!read_dispatch(command, size, id, &range) || plan->pipeline == NULL) {
		plan_work(plan, command, &plan->cut->device->cutter.work, 1);
		return;
	}
	double groups = sl_cut_range_get_groups(&range);
	double step = range_groups(plan, groups);

	if (step == 0 || must_be_whole(plan) ||
	    plan->cut->piece_count + MAX_RANGES > SL_CUT_MAX_PIECES) {
		plan_work(plan, command, plan->pipeline, groups);
		return;
	}
	struct sl_cut_segment *before = &plan->cut->segments[plan->cut->segment_count - 1];

	before->end = command;
	if (before->start == command) {
		plan->cut->segment_count--;
	}
	sl_cut_ranges_init(&ranges, &range, step, MAX_RANGES);
	while (plan->error == 0 && sl_cut_ranges_next(&ranges, &range)) {
		plan_range(plan, command, size, &range);
	}
	if (plan->error == 0) {
		add_segment(plan, command + size);
	}
}

static void end_scope(struct plan *plan)
{
	struct sl_cut_cost *cost = &plan->cut->device->cutter.scope;
	double units = 1 + plan->scope_draws;
	double guess_ns;

	if (plan->depth == 0) {
		refuse(plan, SL_STATS_WHOLE_COMMAND);
		return;
	}
	if (--plan->depth > 0) {
		return;
	}
	guess(cost, units, &guess_ns);
	if (guess_ns > plan->target_ns * TOLERANCE) {
		sl_cut_count_whole(plan->cut->device, SL_STATS_WHOLE_SCOPE);
	}
	plan_work(plan, plan->scope, cost, units);
}

static void begin_scope(struct plan *plan, const uint8_t *command)
{
	if (plan->depth++ == 0) {
		plan->scope = command;
		plan->scope_draws = 0;
	}
}

static void plan_command(struct plan *plan, const uint8_t *command, uint32_t size, uint16_t id)
{
	struct sl_cutter *cutter = &plan->cut->device->cutter;

	switch ((enum sl_cut_class)sl_cut_classify(id).class) {
	case SL_CUT_UNKNOWN:
		refuse(plan, SL_STATS_WHOLE_COMMAND);
		break;
	case SL_CUT_STATE:
		if (id == SL_COMMAND_vkCmdBindPipeline) {
			look_at(plan, command, size);
		}
		break;
	case SL_CUT_ORDER:
		break;
	case SL_CUT_WORK:
		if (id == SL_COMMAND_vkCmdDispatchIndirect) {
			sl_cut_count_whole(plan->cut->device, SL_STATS_WHOLE_INDIRECT);
		}
		plan_work(plan, command, &cutter->work, 1);
		break;
	case SL_CUT_DISPATCH:
		plan_dispatch(plan, command, size, id);
		break;
	case SL_CUT_SECONDARY:
		look_at(plan, command, size);
		plan_work(plan, command, &cutter->scope, 1);
		break;
	case SL_CUT_RENDERING:
		look_at(plan, command, size);
		begin_scope(plan, command);
		break;
	case SL_CUT_BEGIN:
		begin_scope(plan, command);
		break;
	case SL_CUT_END:
		end_scope(plan);
		break;
	case SL_CUT_INSIDE:
		plan->scope_draws++;
		break;
	}
}

/* The guest's own command buffer, of which nothing else is known. */
static void plan_whole(struct plan *plan, VkCommandBuffer handle)
{
	double guess_ns = SL_CUT_GUESS_NS;
	bool is_guess = plan->recording == NULL || !guess(plan->recording->cost, 1, &guess_ns);

	if (begins_piece(plan, guess_ns, NULL)) {
		add_piece(plan);
	}
	struct sl_cut_segment *segment = plan->error == 0 ? add_segment(plan, NULL) : NULL;

	if (segment == NULL) {
		return;
	}
	segment->handle = handle;
	segment->is_whole = true;
	open_piece(plan)->is_guess |= is_guess;
	if (plan->recording != NULL) {
		add_work(plan, plan->recording->cost, 1, guess_ns);
	} else {
		open_piece(plan)->guess_ns += guess_ns;
	}
}

static void walk(struct plan *plan)
{
	const uint8_t *at = plan->recording->stream;
	const uint8_t *end = at + plan->recording->stream_size;

	add_segment(plan, at);
	while (at < end && plan->error == 0 && !plan->is_refused) {
		struct sl_wire_header header;

		/* The stream has been run once: it is sound. */
		memcpy(&header, at, sizeof(header));
		plan_command(plan, at, header.size, header.command_id);
		at += header.size;
	}
	if (plan->depth > 0) {
		refuse(plan, SL_STATS_WHOLE_COMMAND);
	}
	if (plan->error == 0) {
		plan->cut->segments[plan->cut->segment_count - 1].end = end;
	}
}

static void drop_shares(struct sl_cut_piece *piece, uint32_t count)
{
	while (piece->share_count > count) {
		sl_cut_cost_unref(piece->shares[--piece->share_count].cost);
	}
}

static void plan_buffer(struct plan *plan, VkCommandBuffer handle)
{
	struct sl_cut *cut = plan->cut;
	uint32_t segment_count = cut->segment_count;
	uint32_t piece_count = cut->piece_count;
	const struct sl_cut_piece before = *open_piece(plan);

	plan->recording = sl_recording_find(cut->device, handle);
	plan->pipeline = NULL;
	plan->depth = 0;
	plan->is_refused = false;
	if (plan->recording == NULL || plan->recording->stream == NULL) {
		sl_cut_count_whole(cut->device, SL_STATS_WHOLE_STREAM);
		plan_whole(plan, handle);
		return;
	}
	walk(plan);
	if (plan->error != 0) {
		return;
	}
	if (plan->is_refused) {
		sl_cut_count_whole(cut->device, plan->why);
		while (cut->piece_count > piece_count) {
			drop_shares(open_piece(plan), 0);
			cut->piece_count--;
		}
		drop_shares(open_piece(plan), before.share_count);
		*open_piece(plan) = before;
		cut->segment_count = segment_count;
		plan_whole(plan, handle);
		return;
	}
	struct sl_cut_segment *last = &cut->segments[cut->segment_count - 1];

	if (cut->segment_count > segment_count + 1 && last->start == last->end) {
		cut->segment_count--;
	} else if (cut->segment_count == segment_count + 1 &&
		   !(plan->is_always && last->start < last->end)) {
		last->handle = handle;
		last->is_whole = true;
	}
}

static uint32_t buffer_count(const struct sl_submission *submission, uint32_t batch)
{
	return submission->kind == SL_SUBMISSION_SUBMIT
		       ? ((const VkSubmitInfo *)submission->batches)[batch].commandBufferCount
		       : ((const VkSubmitInfo2 *)submission->batches)[batch].commandBufferInfoCount;
}

static VkCommandBuffer get_buffer(const struct sl_submission *submission, uint32_t batch,
				  uint32_t index)
{
	if (submission->kind == SL_SUBMISSION_SUBMIT) {
		return ((const VkSubmitInfo *)submission->batches)[batch].pCommandBuffers[index];
	}
	return ((const VkSubmitInfo2 *)submission->batches)[batch]
		.pCommandBufferInfos[index]
		.commandBuffer;
}

static double sum_up(const struct sl_cut *cut, bool *ret_is_guess)
{
	double total_ns = 0;

	*ret_is_guess = false;
	for (uint32_t i = 0; i < cut->piece_count; i++) {
		total_ns += cut->pieces[i].guess_ns;
		*ret_is_guess |= cut->pieces[i].is_guess;
	}
	return total_ns;
}

int sl_cut_plan(struct sl_cut *cut, const struct sl_submission *submission, uint64_t target_ns)
{
	struct plan plan = {
		.cut = cut,
		.target_ns = (double)target_ns,
		.is_always = cut->device->replay->options.cut == SL_REPLAY_ALWAYS,
	};
	bool is_guess = false;

	add_piece(&plan);
	for (uint32_t i = 0; i < submission->batch_count && plan.error == 0; i++) {
		uint32_t count = buffer_count(submission, i);

		plan.batch = i;
		plan.recording = NULL;
		for (uint32_t k = 0; k < count && plan.error == 0; k++) {
			plan_buffer(&plan, get_buffer(submission, i, k));
		}
		if (count == 0 && plan.error == 0) {
			add_segment(&plan, NULL);
		}
	}
	double total_ns = plan.error == 0 ? sum_up(cut, &is_guess) : 0;

	cut->is_whole =
		!plan.is_always && (cut->piece_count == 1 ||
				    (!is_guess && total_ns <= plan.target_ns * WHOLE_TOLERANCE));
	return plan.error;
}
