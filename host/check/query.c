/* SPDX-License-Identifier: MIT */
/* Query pools, and the memory that their results go to. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"

int sl_check_note_vkCreateQueryPool(struct sl_check *check, struct sl_vkCreateQueryPool *args)
{
	const VkQueryPoolCreateInfo *info = args->pCreateInfo;
	struct sl_check_query_pool *pool =
		(struct sl_check_query_pool *)sl_check_node_of(args->created[0]);

	(void)check;
	if (pool == NULL) {
		return 0;
	}
	pool->count = info->queryCount;
	pool->value_count = 1;
	if (info->queryType == VK_QUERY_TYPE_PIPELINE_STATISTICS) {
		pool->value_count = (uint32_t)__builtin_popcount(info->pipelineStatistics);
	} else if (info->queryType == VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT) {
		pool->value_count = 2;
	}
	return 0;
}

/* Do the results of some queries lie in end bytes? */
static int check_results(struct sl_check *check, const struct sl_check_query_pool *pool,
			 uint32_t count, VkDeviceSize offset, VkDeviceSize stride,
			 VkQueryResultFlags flags, VkDeviceSize end)
{
	const VkQueryResultFlags more =
		VK_QUERY_RESULT_WITH_AVAILABILITY_BIT | VK_QUERY_RESULT_WITH_STATUS_BIT_KHR;
	uint32_t values = pool->value_count + ((flags & more) != 0 ? 1 : 0);
	uint32_t size = values * ((flags & VK_QUERY_RESULT_64_BIT) != 0 ? 8 : 4);

	return sl_check_strided(offset, count, stride, size, end)
		       ? 0
		       : sl_check_fail(check,
				       "the results of %u queries are longer than %llu bytes",
				       count, (unsigned long long)end);
}

int sl_check_vkGetQueryPoolResults(struct sl_check *check, struct sl_vkGetQueryPoolResults *args)
{
	uint32_t cursor = 0;
	const struct sl_check_query_pool *pool =
		sl_check_find(args->named, &cursor, VK_OBJECT_TYPE_QUERY_POOL,
			      (uint64_t)(uintptr_t)args->queryPool);
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->firstQuery,
				 args->queryCount);

	return r == 0 && pool != NULL ? check_results(check, pool, args->queryCount, 0,
						      args->stride, args->flags, args->dataSize)
				      : r;
}

int sl_check_vkCmdCopyQueryPoolResults(struct sl_check *check,
				       struct sl_vkCmdCopyQueryPoolResults *args)
{
	uint32_t cursor = 0;
	const struct sl_check_query_pool *pool =
		sl_check_find(args->named, &cursor, VK_OBJECT_TYPE_QUERY_POOL,
			      (uint64_t)(uintptr_t)args->queryPool);
	const struct sl_check_buffer *buffer = sl_check_find(
		args->named, &cursor, VK_OBJECT_TYPE_BUFFER, (uint64_t)(uintptr_t)args->dstBuffer);
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->firstQuery,
				 args->queryCount);

	return r == 0 && pool != NULL && buffer != NULL
		       ? check_results(check, pool, args->queryCount, args->dstOffset, args->stride,
				       args->flags, buffer->size)
		       : r;
}
