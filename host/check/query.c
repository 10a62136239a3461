/* SPDX-License-Identifier: MIT */
/* Query pools, and the memory that their results go to. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"

/* More than a device has memory for, and fewer than drivers can count the bytes of. */
#define MAX_QUERIES (1u << 26)

int sl_check_vkCreateQueryPool(struct sl_check *check, struct sl_vkCreateQueryPool *args)
{
	return args->pCreateInfo->queryCount <= MAX_QUERIES
		       ? 0
		       : sl_check_fail(check, "%u queries", args->pCreateInfo->queryCount);
}

int sl_check_note_vkCreateQueryPool(struct sl_check *check, struct sl_vkCreateQueryPool *args)
{
	const VkQueryPoolCreateInfo *info = args->pCreateInfo;
	struct sl_check_query_pool *pool =
		(struct sl_check_query_pool *)sl_check_node_of(args->created[0]);

	(void)check;
	if (pool == NULL) {
		return 0;
	}
	pool->type = info->queryType;
	pool->count = info->queryCount;
	pool->value_count = 1;
	if (info->queryType == VK_QUERY_TYPE_PIPELINE_STATISTICS) {
		pool->value_count = (uint32_t)__builtin_popcount(info->pipelineStatistics);
	} else if (info->queryType == VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT) {
		pool->value_count = 2;
	}
	return 0;
}

struct sl_check_query_pool *sl_check_find_pool(const struct sl_object_list *named,
					       VkQueryPool handle)
{
	uint32_t cursor = 0;

	return sl_check_find(named, &cursor, VK_OBJECT_TYPE_QUERY_POOL,
			     (uint64_t)(uintptr_t)handle);
}

/* The first active query of some, or NULL. */
static struct sl_check_active *find_active(struct sl_check_commands *commands,
					   const struct sl_check_query_pool *pool, uint32_t first,
					   uint32_t count)
{
	for (uint32_t i = 0; i < commands->active_query_count; i++) {
		struct sl_check_active *active = &commands->active_queries[i];

		if (active->pool == pool && active->query >= first &&
		    active->query - first < count) {
			return active;
		}
	}
	return NULL;
}

/* A software driver keeps pointers to queries while they are active, wherever they end. */
static int begin_query(struct sl_check *check, const void *self,
		       const struct sl_check_query_pool *pool, uint32_t query)
{
	struct sl_check_commands *commands = sl_check_commands_of(self);

	if (pool == NULL || !check->is_software) {
		return 0;
	}
	if (pool->type == VK_QUERY_TYPE_TIMESTAMP) {
		return sl_check_fail(check, "timestamps do not begin");
	}
	if (find_active(commands, pool, query, 1) != NULL ||
	    commands->active_query_count == SL_CHECK_MAX_ACTIVE) {
		return sl_check_fail(check, "the query is active, or too many are");
	}
	commands->active_queries[commands->active_query_count++] =
		(struct sl_check_active){ pool, query };
	return 0;
}

static int end_query(struct sl_check *check, const void *self,
		     const struct sl_check_query_pool *pool, uint32_t query)
{
	struct sl_check_commands *commands = sl_check_commands_of(self);
	struct sl_check_active *active = find_active(commands, pool, query, 1);

	if (pool == NULL || !check->is_software) {
		return 0;
	}
	if (active == NULL) {
		return sl_check_fail(check, "the query is not active");
	}
	*active = commands->active_queries[--commands->active_query_count];
	return 0;
}

int sl_check_vkCmdBeginQuery(struct sl_check *check, struct sl_vkCmdBeginQuery *args)
{
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->query, 1);

	return r == 0 ? begin_query(check, args->self,
				    sl_check_find_pool(args->named, args->queryPool), args->query)
		      : r;
}

int sl_check_vkCmdEndQuery(struct sl_check *check, struct sl_vkCmdEndQuery *args)
{
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->query, 1);

	return r == 0 ? end_query(check, args->self,
				  sl_check_find_pool(args->named, args->queryPool), args->query)
		      : r;
}

/* Drivers have counters for each stream. */
static int check_stream(struct sl_check *check, const struct sl_check_query_pool *pool,
			uint32_t stream)
{
	bool has_streams =
		pool != NULL && (pool->type == VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT ||
				 pool->type == VK_QUERY_TYPE_PRIMITIVES_GENERATED_EXT);

	return stream == 0 || (has_streams && stream < check->more.feedback_streams)
		       ? 0
		       : sl_check_fail(check, "stream %u", stream);
}

int sl_check_vkCmdBeginQueryIndexedEXT(struct sl_check *check,
				       struct sl_vkCmdBeginQueryIndexedEXT *args)
{
	const struct sl_check_query_pool *pool = sl_check_find_pool(args->named, args->queryPool);
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->query, 1);

	r = r == 0 ? check_stream(check, pool, args->index) : r;
	return r == 0 ? begin_query(check, args->self, pool, args->query) : r;
}

int sl_check_vkCmdEndQueryIndexedEXT(struct sl_check *check,
				     struct sl_vkCmdEndQueryIndexedEXT *args)
{
	const struct sl_check_query_pool *pool = sl_check_find_pool(args->named, args->queryPool);
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->query, 1);

	r = r == 0 ? check_stream(check, pool, args->index) : r;
	return r == 0 ? end_query(check, args->self, pool, args->query) : r;
}

int sl_check_vkCmdResetQueryPool(struct sl_check *check, struct sl_vkCmdResetQueryPool *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->firstQuery,
				 args->queryCount);

	if (r == 0 && find_active(commands, sl_check_find_pool(args->named, args->queryPool),
				  args->firstQuery, args->queryCount) != NULL) {
		return sl_check_fail(check, "an active query");
	}
	return r;
}

int sl_check_vkResetQueryPool(struct sl_check *check, struct sl_vkResetQueryPool *args)
{
	struct sl_check_query_pool *pool = sl_check_find_pool(args->named, args->queryPool);
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->firstQuery,
				 args->queryCount);

	return r == 0 && pool != NULL
		       ? sl_check_settle_queries(check, pool, args->firstQuery, args->queryCount)
		       : r;
}

static uint32_t result_size(const struct sl_check_query_pool *pool, VkQueryResultFlags flags)
{
	const VkQueryResultFlags more =
		VK_QUERY_RESULT_WITH_AVAILABILITY_BIT | VK_QUERY_RESULT_WITH_STATUS_BIT_KHR;
	uint32_t values = pool->value_count + ((flags & more) != 0 ? 1 : 0);

	return values * ((flags & VK_QUERY_RESULT_64_BIT) != 0 ? 8 : 4);
}

uint32_t sl_check_get_result_size(const struct sl_object_list *named, VkQueryPool handle,
				  VkQueryResultFlags flags)
{
	const struct sl_check_query_pool *pool = sl_check_find_pool(named, handle);

	return pool != NULL ? result_size(pool, flags) : 0;
}

/* Do the results of some queries lie in end bytes? */
static int check_results(struct sl_check *check, const struct sl_check_query_pool *pool,
			 uint32_t count, VkDeviceSize offset, VkDeviceSize stride,
			 VkQueryResultFlags flags, VkDeviceSize end)
{
	return sl_check_strided(offset, count, stride, result_size(pool, flags), end)
		       ? 0
		       : sl_check_fail(check,
				       "the results of %u queries are longer than %llu bytes",
				       count, (unsigned long long)end);
}

int sl_check_vkGetQueryPoolResults(struct sl_check *check, struct sl_vkGetQueryPoolResults *args)
{
	const struct sl_check_query_pool *pool = sl_check_find_pool(args->named, args->queryPool);
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
	const struct sl_check_query_pool *pool = sl_check_find_pool(args->named, args->queryPool);
	const struct sl_check_buffer *buffer = sl_check_find(
		args->named, &cursor, VK_OBJECT_TYPE_BUFFER, (uint64_t)(uintptr_t)args->dstBuffer);
	int r = sl_check_queries(check, args->self, args->named, args->queryPool, args->firstQuery,
				 args->queryCount);

	return r == 0 && pool != NULL && buffer != NULL
		       ? check_results(check, pool, args->queryCount, args->dstOffset, args->stride,
				       args->flags, buffer->size)
		       : r;
}
