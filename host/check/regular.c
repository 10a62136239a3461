/* SPDX-License-Identifier: MIT */
/* Ranges of buffers and query pools, and numbers of places, that commands.txt names. */
#include "host/check/regular.h"

#include "host/check/check_priv.h"
#include "host/check/range.h"

#include <errno.h>
#include <stdlib.h>

int sl_check_bytes_of(struct sl_check *check, const void *self, const struct sl_object_list *named,
		      VkBuffer handle, VkDeviceSize offset, VkDeviceSize size)
{
	uint32_t cursor = 0;
	const struct sl_check_buffer *buffer =
		sl_check_find(named, &cursor, VK_OBJECT_TYPE_BUFFER, (uint64_t)(uintptr_t)handle);

	(void)self;
	if (buffer == NULL || sl_check_range(offset, size, buffer->size)) {
		return 0;
	}
	return sl_check_fail(check, "%lld bytes from %llu of a buffer of %llu", (long long)size,
			     (unsigned long long)offset, (unsigned long long)buffer->size);
}

int sl_check_structs(struct sl_check *check, const void *self, const struct sl_object_list *named,
		     VkBuffer handle, VkDeviceSize offset, uint32_t count, uint32_t stride,
		     uint32_t struct_size)
{
	uint32_t cursor = 0;
	const struct sl_check_buffer *buffer =
		sl_check_find(named, &cursor, VK_OBJECT_TYPE_BUFFER, (uint64_t)(uintptr_t)handle);

	(void)self;
	if (buffer == NULL || sl_check_strided(offset, count, stride, struct_size, buffer->size)) {
		return 0;
	}
	return sl_check_fail(check, "%u structs, each %u bytes, from %llu of a buffer of %llu",
			     count, stride, (unsigned long long)offset,
			     (unsigned long long)buffer->size);
}

static void extend(struct sl_check_query_range *range, uint32_t first, uint32_t end)
{
	range->first = first < range->first ? first : range->first;
	range->end = end > range->end ? end : range->end;
}

/* Returns 0 or -ENOMEM. */
static int note_queries(struct sl_check_commands *commands, const struct sl_check_query_pool *pool,
			uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < commands->query_range_count; i++) {
		if (commands->query_ranges[i].pool == pool) {
			extend(&commands->query_ranges[i], first, first + count);
			return 0;
		}
	}
	struct sl_check_query_range *ranges =
		reallocarray(commands->query_ranges, commands->query_range_count + 1,
			     sizeof(struct sl_check_query_range));

	if (ranges == NULL) {
		return -ENOMEM;
	}
	commands->query_ranges = ranges;
	ranges[commands->query_range_count++] =
		(struct sl_check_query_range){ pool, first, first + count };
	return 0;
}

int sl_check_queries(struct sl_check *check, const void *self, const struct sl_object_list *named,
		     VkQueryPool handle, uint32_t first, uint32_t count)
{
	const struct sl_check_query_pool *pool = sl_check_find_pool(named, handle);

	if (pool == NULL) {
		return 0;
	}
	if (!sl_check_bytes(first, count, pool->count)) {
		return sl_check_fail(check, "%u queries from %u of a pool of %u", count, first,
				     pool->count);
	}
	bool is_recorded = ((const struct sl_object *)self)->type == VK_OBJECT_TYPE_COMMAND_BUFFER;

	return is_recorded && check->is_software
		       ? note_queries(sl_check_commands_of(self), pool, first, count)
		       : 0;
}

int sl_check_timestamp(struct sl_check *check, const void *self, const struct sl_object_list *named,
		       VkQueryPool handle, uint32_t query)
{
	const struct sl_check_query_pool *pool = sl_check_find_pool(named, handle);

	if (pool != NULL && check->is_software && pool->type != VK_QUERY_TYPE_TIMESTAMP) {
		return sl_check_fail(check, "a timestamp in a pool of other queries");
	}
	return sl_check_queries(check, self, named, handle, query, 1);
}

int sl_check_words(struct sl_check *check, const void *self, const struct sl_object_list *named,
		   VkDeviceSize offset, VkDeviceSize size)
{
	(void)self;
	(void)named;
	return offset % 4 == 0 && (size == VK_WHOLE_SIZE || size % 4 == 0)
		       ? 0
		       : sl_check_fail(check, "%lld bytes from %llu are not words", (long long)size,
				       (unsigned long long)offset);
}

int sl_check_positive(struct sl_check *check, const void *self, const struct sl_object_list *named,
		      uint32_t count)
{
	(void)self;
	(void)named;
	return count > 0 ? 0 : sl_check_fail(check, "0 where there must be more");
}

int sl_check_given(struct sl_check *check, const void *self, const struct sl_object_list *named,
		   const void *array, uint32_t count)
{
	(void)self;
	(void)named;
	return array != NULL || count == 0 ? 0
					   : sl_check_fail(check, "%u of what is not there", count);
}

static uint32_t limit_of(const struct sl_check *check, enum sl_check_limit limit)
{
	const VkPhysicalDeviceLimits *limits = &check->limits;

	switch (limit) {
	case SL_CHECK_VIEWPORTS:
		return limits->maxViewports;
	case SL_CHECK_VERTEX_BINDINGS:
		return limits->maxVertexInputBindings;
	case SL_CHECK_COLOR_ATTACHMENTS:
		return limits->maxColorAttachments;
	case SL_CHECK_PATCH_POINTS:
		return limits->maxTessellationPatchSize;
	case SL_CHECK_PUSH_CONSTANT_BYTES:
		return limits->maxPushConstantsSize;
	case SL_CHECK_DISCARD_RECTANGLES:
		return check->more.discard_rectangles;
	case SL_CHECK_DESCRIPTOR_SETS:
		return limits->maxBoundDescriptorSets;
	case SL_CHECK_DESCRIPTOR_BUFFERS:
		return check->more.descriptor_buffers;
	case SL_CHECK_FEEDBACK_BUFFERS:
		return check->more.feedback_buffers;
	}
	return 0;
}

int sl_check_places(struct sl_check *check, const void *self, const struct sl_object_list *named,
		    uint32_t first, uint32_t count, enum sl_check_limit limit)
{
	uint32_t end = limit_of(check, limit);

	(void)self;
	(void)named;
	if (sl_check_bytes(first, count, end)) {
		return 0;
	}
	return sl_check_fail(check, "%u from %u, where the device has %u", count, first, end);
}
