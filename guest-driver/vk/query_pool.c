/* SPDX-License-Identifier: MIT */
/* Query pools. The host is never asked to wait: the guest waits on the sync page and asks again. */
#include <stdlib.h>

#include "guest-driver/vk/device.h"
#include "guest-driver/vk/fence.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/queue.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

/* How long to wait for a submission to complete before asking again anyway: a query may become
 * available in the middle of one. Doubles up to the second value. */
#define FIRST_PATIENCE_NS 200000u
#define LAST_PATIENCE_NS  8000000u

struct sl_query_pool {
	struct sl_guest_object base;
	uint32_t value_count; /* of each query's result */
};

/* One vkGetQueryPoolResults of the application. */
struct results {
	uint32_t count;
	uint32_t value_count;
	size_t value_size; /* 4 or 8 bytes */
	VkQueryResultFlags flags;
	VkDeviceSize stride;
	uint8_t *data;
};

struct progress {
	const struct sl_device *device;
	uint64_t completed;
};

static uint32_t get_value_count(const VkQueryPoolCreateInfo *info)
{
	switch (info->queryType) {
	case VK_QUERY_TYPE_PIPELINE_STATISTICS:
		return (uint32_t)__builtin_popcount(info->pipelineStatistics);
	case VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT:
		return 2;
	default:
		return 1;
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateQueryPool(VkDevice device,
						    const VkQueryPoolCreateInfo *pCreateInfo,
						    const VkAllocationCallbacks *pAllocator,
						    VkQueryPool *pQueryPool)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_query_pool *pool =
		sl_guest_object_create(self, VK_OBJECT_TYPE_QUERY_POOL, sizeof(*pool));

	*pQueryPool = VK_NULL_HANDLE;
	if (pool == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkQueryPool handle = (VkQueryPool)(uintptr_t)pool;
	const struct sl_vkCreateQueryPool args = {
		.device = device,
		.pCreateInfo = pCreateInfo,
		.pQueryPool = &handle,
	};
	pool->value_count = get_value_count(pCreateInfo);
	SL_MESSAGE_SEND(self, vkCreateQueryPool, &args);
	*pQueryPool = handle;
	return VK_SUCCESS;
}

static uint64_t count_completed(const struct sl_device *device)
{
	uint64_t completed = 0;

	for (const struct sl_queue *queue = device->queues; queue != NULL; queue = queue->next) {
		completed += atomic_load_explicit(
			&device->base.context->sync->queues[queue->slot].completed,
			memory_order_acquire); /* pairs with the host's release */
	}
	return completed;
}

static bool has_progress(void *data)
{
	const struct progress *progress = data;

	return count_completed(progress->device) != progress->completed;
}

/* Ask until all is there, if the application wants to wait. args->pData is this driver's own. */
static VkResult ask_results(struct sl_device *device, struct sl_vkGetQueryPoolResults *args,
			    bool waits)
{
	struct sl_context *context = device->base.context;
	uint64_t patience_ns = FIRST_PATIENCE_NS;

	for (;;) {
		struct progress progress = { device, count_completed(device) };
		int r = SL_MESSAGE_ASK(&device->base, vkGetQueryPoolResults, args);
		if (r < 0) {
			return SL_VK_RESULT(vkGetQueryPoolResults, r);
		}
		if (args->ret != VK_NOT_READY || !waits) {
			return args->ret;
		}
		r = sl_guest_link_wait(context->link, has_progress, &progress,
				       sl_fence_deadline(patience_ns));
		if (r == -EPIPE) {
			return VK_ERROR_DEVICE_LOST;
		}
		if (patience_ns < LAST_PATIENCE_NS) {
			patience_ns *= 2;
		}
	}
}

static bool is_available(const struct results *results, const uint8_t *query)
{
	uint64_t word = 0;

	memcpy(&word, query + results->value_count * results->value_size, results->value_size);
	return word != 0;
}

/* from: packed results, each with its availability. Memory of the application between the results,
 * and of queries that are not available, is left alone. */
static void write_results(const struct results *results, const uint8_t *from)
{
	size_t values_size = results->value_count * results->value_size;
	bool is_partial = (results->flags & VK_QUERY_RESULT_PARTIAL_BIT) != 0;

	for (uint32_t i = 0; i < results->count; i++) {
		uint8_t *to = results->data + i * results->stride;
		if (is_partial || is_available(results, from)) {
			memcpy(to, from, values_size);
		}
		if ((results->flags & VK_QUERY_RESULT_WITH_AVAILABILITY_BIT) != 0) {
			memcpy(to + values_size, from + values_size, results->value_size);
		}
		from += values_size + results->value_size;
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetQueryPoolResults(VkDevice device, VkQueryPool queryPool,
							uint32_t firstQuery, uint32_t queryCount,
							size_t dataSize, void *pData,
							VkDeviceSize stride,
							VkQueryResultFlags flags)
{
	const struct sl_query_pool *pool = (const struct sl_query_pool *)(uintptr_t)queryPool;
	const struct results results = {
		.count = queryCount,
		.value_count = pool->value_count,
		.value_size = (flags & VK_QUERY_RESULT_64_BIT) != 0 ? 8 : 4,
		.flags = flags,
		.stride = stride,
		.data = pData,
	};
	bool waits = (flags & VK_QUERY_RESULT_WAIT_BIT) != 0;
	size_t packed_stride = (results.value_count + 1) * results.value_size;
	struct sl_vkGetQueryPoolResults args = {
		.device = device,
		.queryPool = queryPool,
		.firstQuery = firstQuery,
		.queryCount = queryCount,
		.dataSize = queryCount * packed_stride,
		.pData = calloc(queryCount, packed_stride),
		.stride = packed_stride,
		.flags = (flags & VK_QUERY_RESULT_64_BIT) | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT,
	};

	if (args.pData == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (!waits) {
		args.flags |= flags & VK_QUERY_RESULT_PARTIAL_BIT;
	}
	VkResult result = ask_results((struct sl_device *)device, &args, waits);
	if (result >= 0) {
		write_results(&results, args.pData);
	}
	free(args.pData);
	return result;
}
