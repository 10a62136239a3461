/* SPDX-License-Identifier: MIT */
/* Command buffers, whose recording comes as one message: decode runs its commands between the two
 * functions here. Pools, shaders and compute pipelines, as far as cutting depends on them. */
#include "host/replay/recording.h"

#include <stdlib.h>
#include <string.h>

#include "host/replay/replay_priv.h"

struct sl_cut_cost *sl_cut_cost_create(enum sl_spirv_verdict verdict)
{
	struct sl_cut_cost *cost = calloc(1, sizeof(*cost));

	if (cost != NULL) {
		atomic_init(&cost->refs, 1);
		cost->verdict = verdict;
	}
	return cost;
}

void sl_cut_cost_unref(struct sl_cut_cost *cost)
{
	/* Acquire and release: the last one frees what others have written. */
	if (cost != NULL && atomic_fetch_sub_explicit(&cost->refs, 1, memory_order_acq_rel) == 1) {
		free(cost);
	}
}

struct sl_recording *sl_recording_find(const struct sl_replay_device *device,
				       VkCommandBuffer handle)
{
	return sl_handle_map_find(&device->recorded, (uint64_t)(uintptr_t)handle);
}

static void drop_stream(struct sl_replay_device *device, struct sl_recording *recording)
{
	if (recording->message == NULL) {
		return;
	}
	device->recordings.bytes -= recording->stream_size;
	sl_stats_sub(&device->replay->options.stats->recorded_bytes, recording->stream_size);
	free(recording->message);
	recording->message = NULL;
	recording->stream = NULL;
	recording->stream_size = 0;
}

static void destroy_recording(struct sl_replay_device *device, struct sl_recording *recording)
{
	sl_handle_map_remove(&device->recorded, (uint64_t)(uintptr_t)recording->handle);
	drop_stream(device, recording);
	sl_cut_cost_unref(recording->cost);
	LIST_REMOVE(recording, link);
	free(recording);
}

static struct sl_recording *create_recording(struct sl_replay_device *device,
					     VkCommandBuffer handle, VkCommandPool pool)
{
	struct sl_recording *recording = calloc(1, sizeof(*recording));

	if (recording == NULL) {
		return NULL;
	}
	recording->handle = handle;
	recording->pool = pool;
	recording->cost = sl_cut_cost_create(SL_SPIRV_UNREADABLE);
	if (recording->cost == NULL ||
	    sl_handle_map_put(&device->recorded, (uint64_t)(uintptr_t)handle, recording) < 0) {
		sl_cut_cost_unref(recording->cost);
		free(recording);
		return NULL;
	}
	LIST_INSERT_HEAD(&device->recordings.all, recording, link);
	return recording;
}

/* Not those that only a driver of several devices understands, nor secondary ones. */
static bool is_plain(const VkCommandBufferBeginInfo *info)
{
	return info->pNext == NULL && info->pInheritanceInfo == NULL;
}

/* What cannot be kept is left whole. */
static void keep_recording(struct sl_replay *replay, const struct sl_slRecordCommandBuffer *args)
{
	const struct sl_object *object = args->self;
	struct sl_replay_device *device = object->device->data;
	const struct sl_replay_link *link = &replay->options.link;
	struct sl_recording *recording = sl_recording_find(device, args->commandBuffer);

	if (recording == NULL && object->owner != NULL) {
		VkCommandPool pool = (VkCommandPool)(uintptr_t)object->owner->handle;

		recording = create_recording(device, args->commandBuffer, pool);
	}
	if (recording == NULL) {
		return;
	}
	drop_stream(device, recording);
	recording->is_simultaneous =
		(args->pBeginInfo->flags & VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT) != 0;
	if (!is_plain(args->pBeginInfo) || link->keep_message == NULL ||
	    args->streamSize > SL_RECORDINGS_MAX_BYTES - device->recordings.bytes) {
		return;
	}
	const void *stream = args->pStream;

	recording->message = link->keep_message(link->data, &stream);
	if (recording->message != NULL) {
		recording->stream = stream;
		recording->stream_size = args->streamSize;
		device->recordings.bytes += args->streamSize;
		sl_stats_add(&replay->options.stats->recorded_bytes, args->streamSize);
	}
}

/* The guest believes that recording succeeded. */
static int expect(struct sl_replay *replay, VkResult result, const char *command)
{
	return result >= 0 ? 0 : sl_replay_lose(replay, "%s failed (%d)", command, result);
}

int sl_replay_slRecordCommandBuffer(struct sl_replay *replay, struct sl_slRecordCommandBuffer *args)
{
	const struct sl_object *object = args->self;

	return expect(replay,
		      object->vkd->BeginCommandBuffer(args->commandBuffer, args->pBeginInfo),
		      "vkBeginCommandBuffer");
}

int sl_replay_slEndRecording(struct sl_replay *replay, struct sl_slRecordCommandBuffer *args)
{
	const struct sl_object *object = args->self;
	int r = expect(replay, object->vkd->EndCommandBuffer(args->commandBuffer),
		       "vkEndCommandBuffer");

	if (r == 0 && replay->options.cut != SL_REPLAY_NEVER) {
		keep_recording(replay, args);
	}
	return r;
}

int sl_replay_vkFreeCommandBuffers(struct sl_replay *replay, struct sl_vkFreeCommandBuffers *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	for (uint32_t i = 0; i < args->commandBufferCount; i++) {
		VkCommandBuffer handle = args->pCommandBuffers[i];
		struct sl_recording *recording =
			handle != VK_NULL_HANDLE ? sl_recording_find(device, handle) : NULL;

		if (recording != NULL) {
			destroy_recording(device, recording);
		}
	}
	device->vkd.FreeCommandBuffers(device->handle, args->commandPool, args->commandBufferCount,
				       args->pCommandBuffers);
	return 0;
}

static void destroy_recordings_of(struct sl_replay_device *device, VkCommandPool pool)
{
	struct sl_recording *recording = LIST_FIRST(&device->recordings.all);

	while (recording != NULL) {
		struct sl_recording *next = LIST_NEXT(recording, link);

		if (pool == VK_NULL_HANDLE || recording->pool == pool) {
			destroy_recording(device, recording);
		}
		recording = next;
	}
}

int sl_replay_vkDestroyCommandPool(struct sl_replay *replay, struct sl_vkDestroyCommandPool *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	if (args->commandPool != VK_NULL_HANDLE) {
		destroy_recordings_of(device, args->commandPool);
	}
	device->vkd.DestroyCommandPool(device->handle, args->commandPool, NULL);
	return 0;
}

void sl_recording_note_shader(struct sl_replay_device *device, VkShaderModule shader,
			      const VkShaderModuleCreateInfo *info)
{
	if (device->replay->options.cut == SL_REPLAY_NEVER) {
		return;
	}
	struct sl_cut_cost *verdict =
		sl_cut_cost_create(sl_spirv_scan(info->pCode, info->codeSize / 4));

	if (verdict != NULL && sl_handle_map_put(&device->shaders, (uint64_t)shader, verdict) < 0) {
		sl_cut_cost_unref(verdict);
	}
}

int sl_replay_vkDestroyShaderModule(struct sl_replay *replay, struct sl_vkDestroyShaderModule *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	if (args->shaderModule != VK_NULL_HANDLE) {
		sl_cut_cost_unref(
			sl_handle_map_remove(&device->shaders, (uint64_t)args->shaderModule));
	}
	device->vkd.DestroyShaderModule(device->handle, args->shaderModule, NULL);
	return 0;
}

static enum sl_spirv_verdict judge_pipeline(const struct sl_replay_device *device,
					    const VkComputePipelineCreateInfo *info)
{
	const struct sl_cut_cost *shader = NULL;

	if (info->stage.module != VK_NULL_HANDLE) {
		shader = sl_handle_map_find(&device->shaders, (uint64_t)info->stage.module);
	}
	return shader != NULL ? shader->verdict : SL_SPIRV_UNREADABLE;
}

static void note_pipeline(struct sl_replay_device *device, VkPipeline pipeline,
			  enum sl_spirv_verdict verdict)
{
	struct sl_cut_cost *cost = sl_cut_cost_create(verdict);

	/* Drivers may give equal pipelines one handle. */
	sl_cut_cost_unref(sl_handle_map_remove(&device->pipelines, (uint64_t)pipeline));
	if (cost != NULL && sl_handle_map_put(&device->pipelines, (uint64_t)pipeline, cost) < 0) {
		sl_cut_cost_unref(cost);
	}
}

void sl_recording_prepare_compute(const struct sl_replay_device *device,
				  VkComputePipelineCreateInfo *infos, uint32_t count)
{
	bool may_cut = device->replay->options.cut != SL_REPLAY_NEVER;

	for (uint32_t i = 0; may_cut && i < count; i++) {
		if (judge_pipeline(device, &infos[i]) == SL_SPIRV_DIVISIBLE) {
			infos[i].flags |= VK_PIPELINE_CREATE_DISPATCH_BASE_BIT;
		}
	}
}

void sl_recording_note_compute(struct sl_replay_device *device,
			       const VkComputePipelineCreateInfo *infos, uint32_t count,
			       const VkPipeline *pipelines)
{
	bool may_cut = device->replay->options.cut != SL_REPLAY_NEVER;

	for (uint32_t i = 0; may_cut && i < count; i++) {
		if (pipelines[i] != VK_NULL_HANDLE) {
			note_pipeline(device, pipelines[i], judge_pipeline(device, &infos[i]));
		}
	}
}

int sl_replay_vkDestroyPipeline(struct sl_replay *replay, struct sl_vkDestroyPipeline *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	if (args->pipeline != VK_NULL_HANDLE) {
		sl_cut_cost_unref(
			sl_handle_map_remove(&device->pipelines, (uint64_t)args->pipeline));
	}
	device->vkd.DestroyPipeline(device->handle, args->pipeline, NULL);
	sl_replay_bury_pipeline(device);
	return 0;
}

static void forget_costs(struct sl_handle_map *map)
{
	struct sl_cut_cost *cost;
	uint64_t handle;

	while ((cost = sl_handle_map_any(map, &handle)) != NULL) {
		sl_handle_map_remove(map, handle);
		sl_cut_cost_unref(cost);
	}
	sl_handle_map_finish(map);
}

void sl_recordings_forget(struct sl_replay_device *device)
{
	destroy_recordings_of(device, VK_NULL_HANDLE);
	sl_handle_map_finish(&device->recorded);
	forget_costs(&device->shaders);
	forget_costs(&device->pipelines);
}
