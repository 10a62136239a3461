/* SPDX-License-Identifier: MIT */
/* Records the pieces' command buffers from the kept streams, and makes the batches around them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/replay/cut_class.h"
#include "host/replay/cut_priv.h"
#include "host/replay/cut_state.h"
#include "host/replay/queue.h"
#include "protocol/sl_replay_ops.h"
#include "protocol/wire.h"

struct recorder {
	struct sl_cut *cut;
	struct sl_cut_pool *pool;
	struct sl_cut_state state;
	const struct sl_recording *recording; /* whose state it is */
	const uint8_t *state_end;	      /* up to where in its stream */
	struct sl_object object;	      /* the command buffer being recorded */
};

static struct sl_cut_pool *get_pool(struct sl_replay_device *device, uint32_t family)
{
	struct sl_cut_pool *pool;
	const VkCommandPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT |
			 VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = family,
	};

	SLIST_FOREACH(pool, &device->cutter.pools, link)
	{
		if (pool->family == family) {
			return pool;
		}
	}
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL) {
		return NULL;
	}
	pool->family = family;
	if (device->vkd.CreateCommandPool(device->handle, &info, NULL, &pool->handle) !=
	    VK_SUCCESS) {
		free(pool);
		return NULL;
	}
	SLIST_INSERT_HEAD(&device->cutter.pools, pool, link);
	return pool;
}

static struct sl_cut_buffer *create_buffer(struct sl_replay_device *device,
					   struct sl_cut_pool *pool)
{
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = pool->handle,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	struct sl_cut_buffer *buffer = calloc(1, sizeof(*buffer));

	if (buffer != NULL && device->vkd.AllocateCommandBuffers(device->handle, &info,
								 &buffer->handle) != VK_SUCCESS) {
		free(buffer);
		return NULL;
	}
	if (buffer != NULL) {
		buffer->pool = pool;
	}
	return buffer;
}

static int begin_buffer(struct recorder *recorder)
{
	struct sl_cut *cut = recorder->cut;
	struct sl_replay_device *device = cut->device;
	pthread_mutex_t *lock = &device->replay->gate.lock;
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	pthread_mutex_lock(lock);
	struct sl_cut_buffer *buffer = SLIST_FIRST(&recorder->pool->free);

	if (buffer != NULL) {
		SLIST_REMOVE_HEAD(&recorder->pool->free, link);
	}
	pthread_mutex_unlock(lock);
	buffer = buffer != NULL ? buffer : create_buffer(device, recorder->pool);
	if (buffer == NULL) {
		return -ENOMEM;
	}
	SLIST_INSERT_HEAD(&cut->buffers, buffer, link);
	recorder->object = (struct sl_object){
		.handle = (uint64_t)(uintptr_t)buffer->handle,
		.type = VK_OBJECT_TYPE_COMMAND_BUFFER,
		.device = device->object,
		.vkd = &device->vkd,
		.vki = &device->replay->vki,
	};
	return device->vkd.BeginCommandBuffer(buffer->handle, &info) == VK_SUCCESS ? 0 : -ENOMEM;
}

static int run(struct recorder *recorder, const uint8_t *commands, size_t size)
{
	const struct sl_replay_link *link = &recorder->cut->device->replay->options.link;

	return size == 0 ? 0
			 : link->run_commands(link->data, &sl_replay_ops, &recorder->object,
					      commands, size);
}

static uint32_t size_of(const uint8_t *command)
{
	struct sl_wire_header header;

	memcpy(&header, command, sizeof(header));
	return header.size;
}

/* The state as the stream has set it up to a command. */
static int advance_state(struct recorder *recorder, const struct sl_cut_segment *segment)
{
	int r = 0;

	if (recorder->recording != segment->recording || recorder->state_end > segment->start) {
		sl_cut_state_reset(&recorder->state);
		recorder->recording = segment->recording;
		recorder->state_end = segment->recording->stream;
	}
	while (recorder->state_end < segment->start && r == 0) {
		struct sl_wire_header header;

		memcpy(&header, recorder->state_end, sizeof(header));
		struct sl_cut_command command = sl_cut_classify(header.command_id);

		if (command.class == SL_CUT_STATE) {
			r = sl_cut_state_note(&recorder->state, recorder->state_end, command.key);
		}
		recorder->state_end += header.size;
	}
	return r;
}

static int repeat_state(struct recorder *recorder)
{
	int r = 0;

	for (uint32_t i = 0; i < recorder->state.count && r == 0; i++) {
		const uint8_t *command = recorder->state.commands[i];

		r = run(recorder, command, size_of(command));
	}
	return r;
}

static int record_segment(struct recorder *recorder, struct sl_cut_segment *segment)
{
	const struct sl_vk_device_table *vkd = &recorder->cut->device->vkd;
	const struct sl_cut_range *range = &segment->range;
	int r = advance_state(recorder, segment);

	if (r == 0) {
		r = begin_buffer(recorder);
	}
	if (r == 0) {
		r = repeat_state(recorder);
	}
	if (r < 0) {
		return r;
	}
	segment->recorded = (VkCommandBuffer)(uintptr_t)recorder->object.handle;
	if (segment->is_range) {
		vkd->CmdDispatchBase(segment->recorded, range->base[0], range->base[1],
				     range->base[2], range->count[0], range->count[1],
				     range->count[2]);
	} else {
		r = run(recorder, segment->start, (size_t)(segment->end - segment->start));
	}
	if (r == 0 && vkd->EndCommandBuffer(segment->recorded) != VK_SUCCESS) {
		r = -ENOMEM;
	}
	return r;
}

int sl_cut_record(struct sl_cut *cut)
{
	struct recorder recorder = {
		.cut = cut,
		.pool = get_pool(cut->device, cut->queue->family),
	};
	int r = recorder.pool != NULL ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < cut->segment_count && r == 0; i++) {
		struct sl_cut_segment *segment = &cut->segments[i];

		if (segment->is_whole) {
			segment->recorded = segment->handle;
		} else if (segment->recording != NULL) {
			r = record_segment(&recorder, segment);
		}
	}
	sl_cut_state_finish(&recorder.state);
	return r;
}

/* A batch of the submission, as far as it is in one piece. */
struct part {
	uint32_t batch;
	uint32_t first_segment;
	uint32_t end_segment;
	bool is_first; /* of the batch: what it waits for */
	bool is_last;  /* what it signals */
	bool ends_piece;
	uint64_t value; /* ends_piece: the queue's timeline; 0: the submission does that itself */
};

static uint32_t count_buffers(const struct sl_cut *cut, const struct part *part)
{
	uint32_t count = 0;

	for (uint32_t i = part->first_segment; i < part->end_segment; i++) {
		count += cut->segments[i].recorded != VK_NULL_HANDLE ? 1 : 0;
	}
	return count;
}

/* The part that begins with a segment. */
static struct part get_part(const struct sl_cut *cut, uint32_t first)
{
	const struct sl_cut_segment *start = &cut->segments[first];
	struct part part = { .batch = start->batch, .first_segment = first };
	uint32_t end = first;

	while (end < cut->segment_count && cut->segments[end].batch == start->batch &&
	       cut->segments[end].piece == start->piece) {
		end++;
	}
	part.end_segment = end;
	part.is_first = first == 0 || cut->segments[first - 1].batch != start->batch;
	part.is_last = end == cut->segment_count || cut->segments[end].batch != start->batch;
	part.ends_piece = end == cut->segment_count || cut->segments[end].piece != start->piece;
	if (part.ends_piece && end < cut->segment_count) {
		part.value = sl_cut_value(cut->number - 1, start->piece + 1);
	}
	return part;
}

static VkSemaphore *add_semaphore(struct sl_replay *replay, const VkSemaphore *old, uint32_t count,
				  VkSemaphore semaphore)
{
	VkSemaphore *all = sl_replay_scratch(replay, count + 1, sizeof(*all));

	if (all != NULL) {
		for (uint32_t i = 0; i < count; i++) {
			all[i] = old[i];
		}
		all[count] = semaphore;
	}
	return all;
}

/* The values of what is left of a batch's semaphores, and one more signal. */
static int set_values(struct sl_replay *replay, const VkSubmitInfo *batch, const struct part *part,
		      uint32_t signal_count, VkSubmitInfo *info)
{
	const VkTimelineSemaphoreSubmitInfo *old =
		sl_chain_find(batch->pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
	VkTimelineSemaphoreSubmitInfo *values = sl_replay_scratch(replay, 1, sizeof(*values));
	uint64_t *signals = sl_replay_scratch(replay, signal_count + 1, sizeof(*signals));

	if (values == NULL || signals == NULL) {
		return -ENOMEM;
	}
	*values = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = signal_count,
		.pSignalSemaphoreValues = signals,
	};
	if (old != NULL && part->is_first) {
		values->waitSemaphoreValueCount = old->waitSemaphoreValueCount;
		values->pWaitSemaphoreValues = old->pWaitSemaphoreValues;
	}
	for (uint32_t i = 0;
	     old != NULL && part->is_last && i < signal_count && i < old->signalSemaphoreValueCount;
	     i++) {
		signals[i] = old->pSignalSemaphoreValues[i];
	}
	if (part->value != 0) {
		signals[signal_count - 1] = part->value;
	}
	info->pNext = values;
	return 0;
}

static int fill_submit(const struct sl_cut *cut, const struct part *part, const VkSubmitInfo *batch,
		       VkSubmitInfo *info)
{
	struct sl_replay *replay = cut->device->replay;
	uint32_t count = count_buffers(cut, part);
	VkCommandBuffer *buffers = sl_replay_scratch(replay, count, sizeof(VkCommandBuffer));
	uint32_t signal_count = part->is_last ? batch->signalSemaphoreCount : 0;

	*info = (VkSubmitInfo){ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };
	if (buffers == NULL) {
		return -ENOMEM;
	}
	info->pCommandBuffers = buffers;
	for (uint32_t i = part->first_segment; i < part->end_segment; i++) {
		if (cut->segments[i].recorded != VK_NULL_HANDLE) {
			buffers[info->commandBufferCount++] = cut->segments[i].recorded;
		}
	}
	if (part->is_first) {
		info->waitSemaphoreCount = batch->waitSemaphoreCount;
		info->pWaitSemaphores = batch->pWaitSemaphores;
		info->pWaitDstStageMask = batch->pWaitDstStageMask;
	}
	info->pSignalSemaphores = batch->pSignalSemaphores;
	if (part->value != 0) {
		info->pSignalSemaphores = add_semaphore(replay, batch->pSignalSemaphores,
							signal_count, cut->queue->timeline);
		signal_count++;
	}
	info->signalSemaphoreCount = signal_count;
	return info->pSignalSemaphores == NULL && signal_count > 0
		       ? -ENOMEM
		       : set_values(replay, batch, part, signal_count, info);
}

static int fill_submit2(const struct sl_cut *cut, const struct part *part,
			const VkSubmitInfo2 *batch, VkSubmitInfo2 *info)
{
	struct sl_replay *replay = cut->device->replay;
	uint32_t count = count_buffers(cut, part);
	VkCommandBufferSubmitInfo *buffers = sl_replay_scratch(replay, count, sizeof(*buffers));
	uint32_t signal_count = part->is_last ? batch->signalSemaphoreInfoCount : 0;
	VkSemaphoreSubmitInfo *signals =
		sl_replay_scratch(replay, signal_count + 1, sizeof(*signals));

	*info = (VkSubmitInfo2){ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2 };
	if (buffers == NULL || signals == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = part->first_segment; i < part->end_segment; i++) {
		if (cut->segments[i].recorded != VK_NULL_HANDLE) {
			buffers[info->commandBufferInfoCount++] = (VkCommandBufferSubmitInfo){
				.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
				.commandBuffer = cut->segments[i].recorded,
			};
		}
	}
	info->pCommandBufferInfos = buffers;
	if (part->is_first) {
		info->waitSemaphoreInfoCount = batch->waitSemaphoreInfoCount;
		info->pWaitSemaphoreInfos = batch->pWaitSemaphoreInfos;
	}
	for (uint32_t i = 0; i < signal_count; i++) {
		signals[i] = batch->pSignalSemaphoreInfos[i];
	}
	if (part->value != 0) {
		signals[signal_count++] = (VkSemaphoreSubmitInfo){
			.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
			.semaphore = cut->queue->timeline,
			.value = part->value,
			.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
		};
	}
	info->signalSemaphoreInfoCount = signal_count;
	info->pSignalSemaphoreInfos = signals;
	return 0;
}

int sl_cut_make_batches(struct sl_cut *cut, const struct sl_submission *submission)
{
	struct sl_replay *replay = cut->device->replay;
	bool is_first_kind = submission->kind == SL_SUBMISSION_SUBMIT;
	size_t size = is_first_kind ? sizeof(VkSubmitInfo) : sizeof(VkSubmitInfo2);
	uint8_t *batches = sl_replay_scratch(replay, cut->segment_count, size);
	uint32_t count = 0;
	int r = batches != NULL ? 0 : -ENOMEM;

	for (uint32_t first = 0; first < cut->segment_count && r == 0; count++) {
		struct part part = get_part(cut, first);
		struct sl_cut_piece *piece = &cut->pieces[cut->segments[first].piece];
		void *info = batches + count * size;

		piece->first_batch = piece->batch_count == 0 ? count : piece->first_batch;
		piece->batch_count++;
		if (is_first_kind) {
			const VkSubmitInfo *all = submission->batches;

			r = fill_submit(cut, &part, &all[part.batch], info);
		} else {
			const VkSubmitInfo2 *all = submission->batches;

			r = fill_submit2(cut, &part, &all[part.batch], info);
		}
		first = part.end_segment;
	}
	cut->batches = batches;
	return r;
}
