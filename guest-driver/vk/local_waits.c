/* SPDX-License-Identifier: MIT */
/* Copies of submissions that wait for less. */
#include "guest-driver/vk/local_waits.h"

#include <stdlib.h>
#include <string.h>

#include "guest-driver/vk/semaphore.h"
#include "protocol/sl_types.h"

/* What is allocated at once and given out in pieces. */
struct copy {
	uint8_t *cur;
};

static size_t padded(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

static void *take(struct copy *copy, const void *from, size_t size)
{
	void *to = copy->cur;

	copy->cur += padded(size);
	if (from != NULL && size > 0) {
		memcpy(to, from, size);
	}
	return to;
}

/* The size of a struct of a chain; 0: the host never sees it, so neither need the copy. The struct
 * about device groups goes too: it numbers the waits, and says of a single device what holds
 * anyway. */
static size_t chained_size(const VkBaseInStructure *at)
{
	int index = sl_stype_index(at->sType);

	return index < 0 || at->sType == VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO ||
			       at->sType == VK_STRUCTURE_TYPE_DEVICE_GROUP_BIND_SPARSE_INFO
		       ? 0
		       : sl_stype_size((uint32_t)index);
}

static size_t chain_size(const void *next)
{
	size_t size = 0;

	for (const VkBaseInStructure *at = next; at != NULL; at = at->pNext) {
		size += padded(chained_size(at));
	}
	return size;
}

/* ret_values: the copy of the timeline values, if there is one. */
static const void *copy_chain(struct copy *copy, const void *next,
			      VkTimelineSemaphoreSubmitInfo **ret_values)
{
	const void *first = NULL;
	const void **link = &first;

	*ret_values = NULL;
	for (const VkBaseInStructure *at = next; at != NULL; at = at->pNext) {
		size_t size = chained_size(at);
		if (size == 0) {
			continue;
		}
		VkBaseInStructure *to = take(copy, at, size);
		if (to->sType == VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO) {
			*ret_values = (VkTimelineSemaphoreSubmitInfo *)to;
		}
		to->pNext = NULL;
		*link = to;
		link = (const void **)&to->pNext;
	}
	return first;
}

/* The arrays of one batch that belong to its waits. */
struct waits {
	uint32_t *count;
	const VkSemaphore **semaphores;
	const VkPipelineStageFlags **stages; /* NULL: the batch has none */
	VkTimelineSemaphoreSubmitInfo *values;
};

static size_t waits_size(uint32_t count)
{
	return padded(count * sizeof(VkSemaphore)) + padded(count * sizeof(VkPipelineStageFlags)) +
	       padded(count * sizeof(uint64_t));
}

static void drop_waits(struct copy *copy, struct waits *waits)
{
	uint32_t count = *waits->count;
	VkSemaphore *semaphores = take(copy, *waits->semaphores, count * sizeof(VkSemaphore));
	VkPipelineStageFlags *stages =
		take(copy, waits->stages != NULL ? *waits->stages : NULL, count * sizeof(*stages));
	uint32_t value_count = waits->values != NULL ? waits->values->waitSemaphoreValueCount : 0;
	uint64_t *values = take(copy, NULL, count * sizeof(*values));
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (sl_semaphore_take_local_signal(semaphores[i])) {
			continue;
		}
		semaphores[kept] = semaphores[i];
		stages[kept] = stages[i];
		values[kept++] = i < value_count ? waits->values->pWaitSemaphoreValues[i] : 0;
	}
	*waits->count = kept;
	*waits->semaphores = semaphores;
	if (waits->stages != NULL) {
		*waits->stages = stages;
	}
	if (value_count > 0) {
		waits->values->waitSemaphoreValueCount = kept;
		waits->values->pWaitSemaphoreValues = values;
	}
}

VkResult sl_local_waits_drop(uint32_t count, const VkSubmitInfo **batches, void **ret_copy)
{
	const VkSubmitInfo *from = *batches;
	size_t size = padded(count * sizeof(*from));
	uint32_t wait_count = 0;

	for (uint32_t i = 0; i < count; i++) {
		size += chain_size(from[i].pNext) + waits_size(from[i].waitSemaphoreCount);
		wait_count += from[i].waitSemaphoreCount;
	}
	if (wait_count == 0) {
		return VK_SUCCESS;
	}
	struct copy copy = { .cur = calloc(1, size) };
	if (copy.cur == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkSubmitInfo *to = take(&copy, from, count * sizeof(*to));
	for (uint32_t i = 0; i < count; i++) {
		struct waits waits = {
			.count = &to[i].waitSemaphoreCount,
			.semaphores = &to[i].pWaitSemaphores,
			.stages = &to[i].pWaitDstStageMask,
		};
		to[i].pNext = copy_chain(&copy, from[i].pNext, &waits.values);
		drop_waits(&copy, &waits);
	}
	*batches = to;
	*ret_copy = to;
	return VK_SUCCESS;
}

VkResult sl_local_waits_drop_bind(uint32_t count, const VkBindSparseInfo **batches, void **ret_copy)
{
	const VkBindSparseInfo *from = *batches;
	size_t size = padded(count * sizeof(*from));
	uint32_t wait_count = 0;

	for (uint32_t i = 0; i < count; i++) {
		size += chain_size(from[i].pNext) + waits_size(from[i].waitSemaphoreCount);
		wait_count += from[i].waitSemaphoreCount;
	}
	if (wait_count == 0) {
		return VK_SUCCESS;
	}
	struct copy copy = { .cur = calloc(1, size) };
	if (copy.cur == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkBindSparseInfo *to = take(&copy, from, count * sizeof(*to));
	for (uint32_t i = 0; i < count; i++) {
		struct waits waits = {
			.count = &to[i].waitSemaphoreCount,
			.semaphores = &to[i].pWaitSemaphores,
		};
		to[i].pNext = copy_chain(&copy, from[i].pNext, &waits.values);
		drop_waits(&copy, &waits);
	}
	*batches = to;
	*ret_copy = to;
	return VK_SUCCESS;
}

VkResult sl_local_waits_drop2(uint32_t count, const VkSubmitInfo2 **batches, void **ret_copy)
{
	const VkSubmitInfo2 *from = *batches;
	size_t size = padded(count * sizeof(*from));
	uint32_t wait_count = 0;

	for (uint32_t i = 0; i < count; i++) {
		size += padded(from[i].waitSemaphoreInfoCount * sizeof(VkSemaphoreSubmitInfo));
		wait_count += from[i].waitSemaphoreInfoCount;
	}
	if (wait_count == 0) {
		return VK_SUCCESS;
	}
	struct copy copy = { .cur = calloc(1, size) };
	if (copy.cur == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkSubmitInfo2 *to = take(&copy, from, count * sizeof(*to));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t wait_total = from[i].waitSemaphoreInfoCount;
		VkSemaphoreSubmitInfo *waits =
			take(&copy, from[i].pWaitSemaphoreInfos, wait_total * sizeof(*waits));
		uint32_t kept = 0;
		for (uint32_t k = 0; k < wait_total; k++) {
			if (!sl_semaphore_take_local_signal(waits[k].semaphore)) {
				waits[kept++] = waits[k];
			}
		}
		to[i].waitSemaphoreInfoCount = kept;
		to[i].pWaitSemaphoreInfos = waits;
	}
	*batches = to;
	*ret_copy = to;
	return VK_SUCCESS;
}
