/* SPDX-License-Identifier: MIT */
/* Clears device memory on the GPU. */
#include "host/replay/clear.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/log.h"
#include "host/replay/gate.h"
#include "host/replay/replay_priv.h"

/* No buffer is larger: drivers differ in how large one may be. */
#define CHUNK_SIZE (1ull << 30)

/* How long destroying waits for the GPU. */
#define WAIT_NS 5000000000ull

struct clear_job {
	uint64_t number;
	VkCommandBuffer commands;
	VkBuffer *buffers;
	uint32_t buffer_count;
	struct clear_job *next;
};

struct sl_replay_clear {
	struct sl_replay_device *device;
	VkQueue queue;
	VkCommandPool pool;
	VkSemaphore timeline;
	uint64_t submitted;
	uint64_t completed;	/* as far as known */
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
	const VkSemaphoreTypeCreateInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo semaphore = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &timeline,
	};
	VkResult result;

	*ret_clear = NULL;
	if (!plan->is_needed) {
		return VK_SUCCESS;
	}
	struct sl_replay_clear *clear = calloc(1, sizeof(*clear));

	if (clear == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	clear->device = device;
	device->vkd.GetDeviceQueue(device->handle, plan->family, plan->queue_index, &clear->queue);
	result = device->vkd.CreateCommandPool(device->handle, &pool, NULL, &clear->pool);
	if (result == VK_SUCCESS) {
		result = device->vkd.CreateSemaphore(device->handle, &semaphore, NULL,
						     &clear->timeline);
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
	if (job->commands != VK_NULL_HANDLE) {
		device->vkd.FreeCommandBuffers(device->handle, clear->pool, 1, &job->commands);
	}
	free(job->buffers);
	free(job);
}

static void reap_jobs(struct sl_replay_clear *clear)
{
	struct clear_job **link = &clear->jobs;

	while (*link != NULL) {
		struct clear_job *job = *link;

		if (job->number <= clear->completed) {
			*link = job->next;
			destroy_job(clear, job);
		} else {
			link = &job->next;
		}
	}
}

static void look_at_progress(struct sl_replay_clear *clear)
{
	uint64_t value = 0;

	if (clear->completed < clear->submitted &&
	    clear->device->vkd.GetSemaphoreCounterValue(clear->device->handle, clear->timeline,
							&value) == VK_SUCCESS) {
		clear->completed = value;
		reap_jobs(clear);
	}
}

void sl_clear_wait(struct sl_replay_clear *clear, uint64_t number)
{
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &clear->timeline,
		.pValues = &number,
	};

	if (number > clear->completed) {
		clear->device->vkd.WaitSemaphores(clear->device->handle, &wait, WAIT_NS);
		look_at_progress(clear);
	}
}

void sl_clear_destroy(struct sl_replay_clear *clear)
{
	if (clear == NULL) {
		return;
	}
	struct sl_replay_device *device = clear->device;

	if (clear->timeline != VK_NULL_HANDLE) {
		sl_clear_wait(clear, clear->submitted);
	}
	while (clear->jobs != NULL) {
		struct clear_job *job = clear->jobs;

		clear->jobs = job->next;
		destroy_job(clear, job);
	}
	device->vkd.DestroySemaphore(device->handle, clear->timeline, NULL);
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

static VkResult record(struct sl_replay_clear *clear, struct clear_job *job, VkDeviceMemory memory)
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
		device->vkd.AllocateCommandBuffers(device->handle, &allocate, &job->commands);

	if (result != VK_SUCCESS) {
		job->commands = VK_NULL_HANDLE;
		return result;
	}
	result = device->vkd.BeginCommandBuffer(job->commands, &begin);
	for (uint32_t i = 0; i < job->buffer_count && result == VK_SUCCESS; i++) {
		result = device->vkd.BindBufferMemory(device->handle, job->buffers[i], memory,
						      i * CHUNK_SIZE);
		if (result == VK_SUCCESS) {
			device->vkd.CmdFillBuffer(job->commands, job->buffers[i], 0, VK_WHOLE_SIZE,
						  0);
		}
	}
	return result == VK_SUCCESS ? device->vkd.EndCommandBuffer(job->commands) : result;
}

static VkResult submit(struct sl_replay_clear *clear, struct clear_job *job)
{
	const uint64_t number = clear->submitted + 1;
	const VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &number,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &values,
		.commandBufferCount = 1,
		.pCommandBuffers = &job->commands,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &clear->timeline,
	};
	VkResult result = sl_gate_submit_own(clear->device, clear->queue, &info);

	if (result == VK_SUCCESS) {
		clear->submitted = number;
		job->number = number;
		job->next = clear->jobs;
		clear->jobs = job;
	}
	return result;
}

VkResult sl_clear_allocate(struct sl_replay_clear *clear, VkMemoryAllocateInfo *info,
			   VkDeviceMemory *ret_memory, uint64_t *ret_number)
{
	struct sl_replay_device *device = clear->device;
	struct clear_job *job = calloc(1, sizeof(*job));

	*ret_number = 0;
	if (job == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	look_at_progress(clear);
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
	result = record(clear, job, *ret_memory);
	if (result == VK_SUCCESS) {
		result = submit(clear, job);
	}
	if (result != VK_SUCCESS) {
		destroy_job(clear, job);
		device->vkd.FreeMemory(device->handle, *ret_memory, NULL);
		return result;
	}
	*ret_number = clear->submitted;
	return VK_SUCCESS;
}

bool sl_clear_get_pending(struct sl_replay_clear *clear, VkSemaphore *ret_semaphore,
			  uint64_t *ret_value)
{
	if (clear == NULL || clear->completed == clear->submitted) {
		return false;
	}
	look_at_progress(clear);
	*ret_semaphore = clear->timeline;
	*ret_value = clear->submitted;
	return clear->completed < clear->submitted;
}
