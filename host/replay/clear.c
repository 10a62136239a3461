/* SPDX-License-Identifier: MIT */
/* Clears device memory on the GPU. */
#include "host/replay/clear.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/log.h"
#include "host/replay/queue.h"
#include "host/replay/replay_priv.h"

/* No buffer is larger: drivers differ in how large one may be. */
#define CHUNK_SIZE (1ull << 30)

/* What is cleared at once: 64 us at 1 TB/s, 3 ms at 20 GB/s. */
#define PIECE_SIZE (64ull << 20)

/* How long the end of a memory waits for the GPU. */
#define WAIT_NS 5000000000ull

/* One submission. */
struct clear_piece {
	VkCommandBuffer commands;
	uint64_t value; /* that the queue's timeline reaches with it */
	VkTimelineSemaphoreSubmitInfo values;
	VkSubmitInfo info;
};

/* One memory. */
struct clear_job {
	uint64_t first_number; /* of its pieces */
	uint64_t number;       /* of the last; 0: nothing was submitted */
	struct clear_piece *pieces;
	uint32_t piece_count;
	VkBuffer *buffers;
	uint32_t buffer_count;
	struct clear_job *next;
};

struct sl_replay_clear {
	struct sl_replay_device *device;
	struct sl_replay_queue *queue;
	VkCommandPool pool;
	struct clear_job *jobs; /* not known to be done, newest first */
	bool is_warned;
};

static bool needs_gpu(const VkPhysicalDeviceMemoryProperties *memory)
{
	for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
		VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;

		if ((flags & (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
			      VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
			      VK_MEMORY_PROPERTY_PROTECTED_BIT)) == 0) {
			return true;
		}
	}
	return false;
}

/* The queues that the guest asked for of a family, or UINT32_MAX if their flags forbid sharing the
 * request. */
static uint32_t count_requested(const VkDeviceCreateInfo *info, uint32_t family, uint32_t *ret_at)
{
	*ret_at = UINT32_MAX;
	for (uint32_t i = 0; i < info->queueCreateInfoCount; i++) {
		if (info->pQueueCreateInfos[i].queueFamilyIndex != family) {
			continue;
		}
		if (info->pQueueCreateInfos[i].flags != 0 ||
		    info->pQueueCreateInfos[i].pNext != NULL) {
			return UINT32_MAX;
		}
		*ret_at = i;
		return info->pQueueCreateInfos[i].queueCount;
	}
	return 0;
}

/* Ask for one queue more. at: the guest's request for the family, UINT32_MAX: it made none. */
static VkResult add_queue(struct sl_replay *replay, VkDeviceCreateInfo *info, uint32_t family,
			  uint32_t at)
{
	uint32_t count = info->queueCreateInfoCount;
	VkDeviceQueueCreateInfo *queues = sl_replay_scratch(replay, count + 1, sizeof(*queues));

	if (queues == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	memcpy(queues, info->pQueueCreateInfos, count * sizeof(*queues));
	if (at == UINT32_MAX) {
		at = count;
		queues[at] = (VkDeviceQueueCreateInfo){
			.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
			.queueFamilyIndex = family,
		};
		info->queueCreateInfoCount++;
	}
	uint32_t old_count = queues[at].queueCount;
	float *priorities = sl_replay_scratch(replay, old_count + 1, sizeof(*priorities));

	if (priorities == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < old_count; i++) {
		priorities[i] = queues[at].pQueuePriorities[i];
	}
	priorities[old_count] = 1.0f;
	queues[at].queueCount++;
	queues[at].pQueuePriorities = priorities;
	info->pQueueCreateInfos = queues;
	return VK_SUCCESS;
}

VkResult sl_clear_plan(struct sl_replay *replay, const struct sl_replay_physical_device *physical,
		       VkDeviceCreateInfo *info, struct sl_clear_plan *ret_plan)
{
	const VkQueueFlags able =
		VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
	uint32_t count = 0;
	bool have_shared = false;

	*ret_plan = (struct sl_clear_plan){ .is_needed = needs_gpu(&physical->gpu->memory) };
	if (!ret_plan->is_needed) {
		return VK_SUCCESS;
	}
	replay->vki.GetPhysicalDeviceQueueFamilyProperties(physical->handle, &count, NULL);
	VkQueueFamilyProperties *families = sl_replay_scratch(replay, count, sizeof(*families));

	if (families == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	replay->vki.GetPhysicalDeviceQueueFamilyProperties(physical->handle, &count, families);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at;
		uint32_t requested = count_requested(info, i, &at);

		if ((families[i].queueFlags & able) == 0 || requested == UINT32_MAX) {
			continue;
		}
		if (requested < families[i].queueCount) {
			ret_plan->family = i;
			ret_plan->queue_index = requested;
			return add_queue(replay, info, i, at);
		}
		/* All of the family are the guest's: share one if nothing better comes. */
		if (!have_shared) {
			have_shared = true;
			ret_plan->family = i;
			ret_plan->queue_index = 0;
		}
	}
	return have_shared ? VK_SUCCESS : VK_ERROR_INITIALIZATION_FAILED;
}

VkResult sl_clear_create(struct sl_replay_device *device, const struct sl_clear_plan *plan,
			 struct sl_replay_clear **ret_clear)
{
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
		.queueFamilyIndex = plan->family,
	};
	VkQueue handle;

	*ret_clear = NULL;
	if (!plan->is_needed) {
		return VK_SUCCESS;
	}
	struct sl_replay_clear *clear = calloc(1, sizeof(*clear));

	if (clear == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	clear->device = device;
	device->vkd.GetDeviceQueue(device->handle, plan->family, plan->queue_index, &handle);
	VkResult result = device->vkd.CreateCommandPool(device->handle, &pool, NULL, &clear->pool);

	if (result == VK_SUCCESS &&
	    sl_replay_queue_create_own(device, handle, plan->family, &clear->queue) < 0) {
		result = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (result != VK_SUCCESS) {
		sl_clear_destroy(clear);
		return result;
	}
	*ret_clear = clear;
	return VK_SUCCESS;
}

static void destroy_job(struct sl_replay_clear *clear, struct clear_job *job)
{
	struct sl_replay_device *device = clear->device;

	for (uint32_t i = 0; i < job->buffer_count; i++) {
		device->vkd.DestroyBuffer(device->handle, job->buffers[i], NULL);
	}
	for (uint32_t i = 0; i < job->piece_count; i++) {
		device->vkd.FreeCommandBuffers(device->handle, clear->pool, 1,
					       &job->pieces[i].commands);
	}
	free(job->pieces);
	free(job->buffers);
	free(job);
}

/* Free what belongs to jobs that are done. */
static void reap_jobs(struct sl_replay_clear *clear)
{
	uint64_t completed = sl_replay_queue_get_completed(clear->queue);
	struct clear_job **link = &clear->jobs;

	while (*link != NULL) {
		struct clear_job *job = *link;

		if (job->number <= completed) {
			*link = job->next;
			destroy_job(clear, job);
		} else {
			link = &job->next;
		}
	}
}

void sl_clear_stop(struct sl_replay_clear *clear, uint64_t number)
{
	const struct clear_job *job = clear->jobs;

	while (job != NULL && job->number != number) {
		job = job->next;
	}
	if (job == NULL) {
		return;
	}
	/* Waiting for what has not begun could take for ever: the GPU may be kept from the guest.
	 */
	uint64_t started = sl_gate_cancel(clear->queue, job->first_number, job->number);

	if (started != 0) {
		sl_replay_queue_wait(clear->queue, started, WAIT_NS);
	}
	reap_jobs(clear);
}

void sl_clear_destroy(struct sl_replay_clear *clear)
{
	if (clear == NULL) {
		return;
	}
	struct sl_replay_device *device = clear->device;

	if (clear->queue != NULL) {
		uint64_t started = clear->queue->submitted - sl_gate_drop(clear->queue);

		sl_replay_queue_wait(clear->queue, started, WAIT_NS);
	}
	/* Its thread looks at what is under way, and ends first. */
	sl_replay_queue_destroy_own(clear->queue);
	while (clear->jobs != NULL) {
		struct clear_job *job = clear->jobs;

		clear->jobs = job->next;
		destroy_job(clear, job);
	}
	device->vkd.DestroyCommandPool(device->handle, clear->pool, NULL);
	free(clear);
}

/* Make the buffers that will cover the memory. info->allocationSize grows to what they need.
 * Returns VK_ERROR_FEATURE_NOT_PRESENT if the memory type holds no buffers. */
static VkResult create_buffers(struct sl_replay_clear *clear, struct clear_job *job,
			       VkMemoryAllocateInfo *info)
{
	struct sl_replay_device *device = clear->device;
	VkDeviceSize end = (info->allocationSize + 3) & ~3ull;
	uint64_t count = (end + CHUNK_SIZE - 1) / CHUNK_SIZE;

	job->buffers = calloc(count, sizeof(*job->buffers));
	if (job->buffers == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint64_t i = 0; i < count; i++) {
		VkDeviceSize offset = i * CHUNK_SIZE;
		const VkBufferCreateInfo buffer = {
			.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
			.size = end - offset < CHUNK_SIZE ? end - offset : CHUNK_SIZE,
			.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
		};
		VkMemoryRequirements needs;
		VkResult result =
			device->vkd.CreateBuffer(device->handle, &buffer, NULL, &job->buffers[i]);

		if (result != VK_SUCCESS) {
			return result;
		}
		job->buffer_count++;
		device->vkd.GetBufferMemoryRequirements(device->handle, job->buffers[i], &needs);
		if ((needs.memoryTypeBits >> info->memoryTypeIndex & 1) == 0) {
			return VK_ERROR_FEATURE_NOT_PRESENT;
		}
		if (offset + needs.size > info->allocationSize) {
			info->allocationSize = offset + needs.size;
		}
	}
	return VK_SUCCESS;
}

static VkResult record_piece(struct sl_replay_clear *clear, struct clear_piece *piece,
			     VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size)
{
	struct sl_replay_device *device = clear->device;
	const VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = clear->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};
	VkResult result =
		device->vkd.AllocateCommandBuffers(device->handle, &allocate, &piece->commands);

	if (result != VK_SUCCESS) {
		piece->commands = VK_NULL_HANDLE;
		return result;
	}
	result = device->vkd.BeginCommandBuffer(piece->commands, &begin);
	if (result != VK_SUCCESS) {
		return result;
	}
	device->vkd.CmdFillBuffer(piece->commands, buffer, offset, size, 0);
	return device->vkd.EndCommandBuffer(piece->commands);
}

static VkResult record(struct sl_replay_clear *clear, struct clear_job *job, VkDeviceMemory memory,
		       VkDeviceSize size)
{
	struct sl_replay_device *device = clear->device;
	VkResult result = VK_SUCCESS;

	job->pieces = calloc((size + PIECE_SIZE - 1) / PIECE_SIZE, sizeof(*job->pieces));
	if (job->pieces == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < job->buffer_count && result == VK_SUCCESS; i++) {
		VkDeviceSize start = i * CHUNK_SIZE;
		VkDeviceSize end = size - start < CHUNK_SIZE ? size : start + CHUNK_SIZE;

		result = device->vkd.BindBufferMemory(device->handle, job->buffers[i], memory,
						      start);
		for (VkDeviceSize at = start; at < end && result == VK_SUCCESS; at += PIECE_SIZE) {
			result = record_piece(clear, &job->pieces[job->piece_count++],
					      job->buffers[i], at - start,
					      end - at < PIECE_SIZE ? end - at : PIECE_SIZE);
		}
	}
	return result;
}

static VkResult submit_piece(struct sl_replay_clear *clear, struct clear_piece *piece)
{
	struct sl_replay_queue *queue = clear->queue;
	const struct sl_submission submission = {
		.queue = queue,
		.kind = SL_SUBMISSION_SUBMIT,
		.number = ++queue->submitted,
		.batch_count = 1,
		.batches = &piece->info,
		.is_kept = true,
	};

	piece->value = sl_cut_value(submission.number, 0);
	piece->values = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &piece->value,
	};
	piece->info = (VkSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &piece->values,
		.commandBufferCount = 1,
		.pCommandBuffers = &piece->commands,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &queue->timeline,
	};
	return sl_gate_submit(clear->device->replay, &submission) == 0 ? VK_SUCCESS
								       : VK_ERROR_DEVICE_LOST;
}

/* Once something was submitted the job stays, whatever becomes of the rest. */
static VkResult submit(struct sl_replay_clear *clear, struct clear_job *job)
{
	VkResult result =
		sl_replay_queue_start_waiter(clear->queue) == 0 ? VK_SUCCESS : VK_ERROR_DEVICE_LOST;

	job->first_number = clear->queue->submitted + 1;
	for (uint32_t i = 0; i < job->piece_count && result == VK_SUCCESS; i++) {
		result = submit_piece(clear, &job->pieces[i]);
		if (result == VK_SUCCESS) {
			job->number = clear->queue->submitted;
		}
	}
	if (job->number != 0) {
		job->next = clear->jobs;
		clear->jobs = job;
	}
	return result;
}

VkResult sl_clear_allocate(struct sl_replay_clear *clear, VkMemoryAllocateInfo *info,
			   VkDeviceMemory *ret_memory, uint64_t *ret_number)
{
	struct sl_replay_device *device = clear->device;
	const VkDeviceSize size = info->allocationSize;
	struct clear_job *job = calloc(1, sizeof(*job));

	*ret_number = 0;
	if (job == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	reap_jobs(clear);
	VkResult result = create_buffers(clear, job, info);

	if (result == VK_ERROR_FEATURE_NOT_PRESENT) {
		if (!clear->is_warned) {
			sl_log(SL_LOG_WARNING,
			       "memory type %u holds images only: its memory is not cleared",
			       info->memoryTypeIndex);
			clear->is_warned = true;
		}
		destroy_job(clear, job);
		return device->vkd.AllocateMemory(device->handle, info, NULL, ret_memory);
	}
	if (result == VK_SUCCESS) {
		result = device->vkd.AllocateMemory(device->handle, info, NULL, ret_memory);
	}
	if (result != VK_SUCCESS) {
		destroy_job(clear, job);
		return result;
	}
	result = record(clear, job, *ret_memory, (size + 3) & ~3ull);
	if (result == VK_SUCCESS) {
		result = submit(clear, job);
	}
	if (result == VK_SUCCESS) {
		*ret_number = job->number;
		return VK_SUCCESS;
	}
	/* What has begun on a lost device ends with the process, at the latest. */
	if (job->number == 0) {
		destroy_job(clear, job);
		device->vkd.FreeMemory(device->handle, *ret_memory, NULL);
	}
	*ret_memory = VK_NULL_HANDLE;
	return result;
}

bool sl_clear_get_pending(struct sl_replay_clear *clear, VkSemaphore *ret_semaphore,
			  uint64_t *ret_value)
{
	if (clear == NULL ||
	    sl_replay_queue_get_completed(clear->queue) == clear->queue->submitted) {
		return false;
	}
	*ret_semaphore = clear->queue->timeline;
	*ret_value = sl_cut_value(clear->queue->submitted, 0);
	return true;
}
