/* SPDX-License-Identifier: MIT */
/* Writes and reads the GPU's timestamps. */
#include "host/replay/stamp.h"

#include <stdlib.h>
#include <string.h>

#include "host/replay/replay_priv.h"

void sl_stamp_clock_init(struct sl_stamp_clock *clock, uint32_t valid_bits, double period_ns)
{
	*clock = (struct sl_stamp_clock){
		.mask = valid_bits >= 64 ? UINT64_MAX : (1ull << valid_bits) - 1,
		.period_ns = period_ns,
	};
}

/* Is a before b, on a clock that wraps around? Both are of times that are not far apart. */
static bool is_before(const struct sl_stamp_clock *clock, uint64_t a, uint64_t b)
{
	uint64_t ahead = (b - a) & clock->mask;

	return ahead != 0 && ahead <= clock->mask / 2;
}

uint64_t sl_stamp_clock_take(struct sl_stamp_clock *clock, uint64_t begin, uint64_t end)
{
	if (clock->has_end && is_before(clock, begin, clock->end)) {
		begin = clock->end;
	}
	if (is_before(clock, end, begin)) {
		return 0;
	}
	clock->end = end;
	clock->has_end = true;
	return (uint64_t)((double)((end - begin) & clock->mask) * clock->period_ns);
}

void sl_stamp_clock_rest(struct sl_stamp_clock *clock)
{
	clock->has_end = false;
}

/* On lavapipe two more command buffers made a hand-over 50 to 70 us longer, and its clock is the
 * one that completions are measured with. */
static bool is_wanted(const struct sl_replay_device *device)
{
	switch (device->replay->options.timestamps) {
	case SL_REPLAY_AUTO:
		return !sl_replay_is_software(device);
	case SL_REPLAY_ALWAYS:
		return true;
	case SL_REPLAY_NEVER:
		break;
	}
	return false;
}

void sl_stamps_init(struct sl_stamps *stamps, struct sl_replay_device *device, uint32_t family)
{
	const struct sl_replay_physical_device *physical = device->physical;
	const VkQueueFlags resetting = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
	VkQueueFamilyProperties *families;
	uint32_t count = 0;

	*stamps = (struct sl_stamps){ .device = device, .family = family };
	if (!is_wanted(device)) {
		return;
	}
	device->replay->vki.GetPhysicalDeviceQueueFamilyProperties(physical->handle, &count, NULL);
	families = calloc(count + 1, sizeof(*families));
	if (families == NULL) {
		return;
	}
	device->replay->vki.GetPhysicalDeviceQueueFamilyProperties(physical->handle, &count,
								   families);
	if (family < count) {
		stamps->resets_on_queue = (families[family].queueFlags & resetting) != 0;
		if (stamps->resets_on_queue || device->resets_queries) {
			sl_stamp_clock_init(&stamps->clock, families[family].timestampValidBits,
					    physical->gpu->properties.limits.timestampPeriod);
		}
	}
	free(families);
}

void sl_stamps_finish(struct sl_stamps *stamps)
{
	struct sl_replay_device *device = stamps->device;

	if (device == NULL) {
		return;
	}
	device->vkd.DestroyCommandPool(device->handle, stamps->pool, NULL);
	device->vkd.DestroyQueryPool(device->handle, stamps->queries, NULL);
	free(stamps->copy);
}

static bool create_pools(struct sl_stamps *stamps)
{
	struct sl_replay_device *device = stamps->device;
	const VkQueryPoolCreateInfo queries = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = VK_QUERY_TYPE_TIMESTAMP,
		.queryCount = 2 * SL_STAMP_SLOTS,
	};
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.queueFamilyIndex = stamps->family,
	};

	return device->vkd.CreateQueryPool(device->handle, &queries, NULL, &stamps->queries) ==
		       VK_SUCCESS &&
	       device->vkd.CreateCommandPool(device->handle, &pool, NULL, &stamps->pool) ==
		       VK_SUCCESS;
}

static bool record(const struct sl_stamps *stamps, VkCommandBuffer commands, uint32_t slot,
		   bool is_front)
{
	const struct sl_vk_device_table *vkd = &stamps->device->vkd;
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};

	if (vkd->BeginCommandBuffer(commands, &begin) != VK_SUCCESS) {
		return false;
	}
	if (is_front && stamps->resets_on_queue) {
		vkd->CmdResetQueryPool(commands, stamps->queries, 2 * slot, 2);
	}
	vkd->CmdWriteTimestamp(commands,
			       is_front ? VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT
					: VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
			       stamps->queries, 2 * slot + (is_front ? 0 : 1));
	return vkd->EndCommandBuffer(commands) == VK_SUCCESS;
}

/* What a slot needs, when it is first used. Returns false if the driver has no memory for it. */
static bool prepare_slot(struct sl_stamps *stamps, uint32_t slot)
{
	struct sl_replay_device *device = stamps->device;
	VkCommandBuffer commands[2];

	if (stamps->queries == VK_NULL_HANDLE && !create_pools(stamps)) {
		return false;
	}
	if (!stamps->resets_on_queue) {
		device->vkd.ResetQueryPool(device->handle, stamps->queries, 2 * slot, 2);
	}
	if (stamps->fronts[slot] != VK_NULL_HANDLE) {
		return true;
	}
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = stamps->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 2,
	};
	if (device->vkd.AllocateCommandBuffers(device->handle, &info, commands) != VK_SUCCESS ||
	    !record(stamps, commands[0], slot, true) || !record(stamps, commands[1], slot, false)) {
		return false;
	}
	stamps->fronts[slot] = commands[0];
	stamps->backs[slot] = commands[1];
	return true;
}

/* Room for a copy of the batches, and behind it for `extra` more bytes. */
static void *reserve_copy(struct sl_stamps *stamps, size_t batches_size, size_t extra)
{
	size_t size = batches_size + extra;

	if (size > stamps->copy_size) {
		void *copy = realloc(stamps->copy, size);

		if (copy == NULL) {
			return NULL;
		}
		stamps->copy = copy;
		stamps->copy_size = size;
	}
	return stamps->copy;
}

static bool wrap_submit(struct sl_stamps *stamps, struct sl_stamp_call *call, uint32_t slot)
{
	const VkSubmitInfo *batches = call->batches;
	uint32_t last = call->count - 1;
	size_t size = call->count * sizeof(*batches);
	size_t buffers =
		(size_t)batches[0].commandBufferCount + batches[last].commandBufferCount + 2;
	VkSubmitInfo *copy = reserve_copy(stamps, size, buffers * sizeof(VkCommandBuffer));

	if (copy == NULL) {
		return false;
	}
	VkCommandBuffer *to = (VkCommandBuffer *)(copy + call->count);

	memcpy(copy, batches, size);
	for (uint32_t i = 0; i <= last; i += last > 0 ? last : 1) {
		uint32_t count = batches[i].commandBufferCount;

		copy[i].pCommandBuffers = to;
		copy[i].commandBufferCount = count + (i == 0 ? 1 : 0) + (i == last ? 1 : 0);
		if (i == 0) {
			*to++ = stamps->fronts[slot];
		}
		for (uint32_t k = 0; k < count; k++) {
			*to++ = batches[i].pCommandBuffers[k];
		}
		if (i == last) {
			*to++ = stamps->backs[slot];
		}
	}
	call->batches = copy;
	return true;
}

static VkCommandBufferSubmitInfo make_info(VkCommandBuffer commands)
{
	return (VkCommandBufferSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
		.commandBuffer = commands,
	};
}

static bool wrap_submit2(struct sl_stamps *stamps, struct sl_stamp_call *call, uint32_t slot)
{
	const VkSubmitInfo2 *batches = call->batches;
	uint32_t last = call->count - 1;
	size_t size = call->count * sizeof(*batches);
	size_t buffers = (size_t)batches[0].commandBufferInfoCount +
			 batches[last].commandBufferInfoCount + 2;
	VkSubmitInfo2 *copy =
		reserve_copy(stamps, size, buffers * sizeof(VkCommandBufferSubmitInfo));

	if (copy == NULL) {
		return false;
	}
	VkCommandBufferSubmitInfo *to = (VkCommandBufferSubmitInfo *)(copy + call->count);

	memcpy(copy, batches, size);
	for (uint32_t i = 0; i <= last; i += last > 0 ? last : 1) {
		uint32_t count = batches[i].commandBufferInfoCount;

		copy[i].pCommandBufferInfos = to;
		copy[i].commandBufferInfoCount = count + (i == 0 ? 1 : 0) + (i == last ? 1 : 0);
		if (i == 0) {
			*to++ = make_info(stamps->fronts[slot]);
		}
		for (uint32_t k = 0; k < count; k++) {
			*to++ = batches[i].pCommandBufferInfos[k];
		}
		if (i == last) {
			*to++ = make_info(stamps->backs[slot]);
		}
	}
	call->batches = copy;
	return true;
}

static bool has_commands(const struct sl_stamp_call *call)
{
	for (uint32_t i = 0; i < call->count; i++) {
		if (call->is_submit2
			    ? ((const VkSubmitInfo2 *)call->batches)[i].commandBufferInfoCount > 0
			    : ((const VkSubmitInfo *)call->batches)[i].commandBufferCount > 0) {
			return true;
		}
	}
	return false;
}

uint32_t sl_stamps_wrap(struct sl_stamps *stamps, struct sl_stamp_call *call)
{
	uint32_t slot = (stamps->first + stamps->count) % SL_STAMP_SLOTS;

	if (stamps->clock.mask == 0 || stamps->is_failed || stamps->count == SL_STAMP_SLOTS ||
	    !has_commands(call)) {
		return SL_STAMP_NONE;
	}
	if (!prepare_slot(stamps, slot)) {
		stamps->is_failed = true;
		return SL_STAMP_NONE;
	}
	if (!(call->is_submit2 ? wrap_submit2(stamps, call, slot)
			       : wrap_submit(stamps, call, slot))) {
		return SL_STAMP_NONE;
	}
	stamps->count++;
	return slot;
}

bool sl_stamps_read(struct sl_stamps *stamps, uint32_t slot, uint64_t *ret_time_ns)
{
	struct sl_replay_device *device = stamps->device;
	uint64_t ticks[2] = { 0 };
	VkResult result = device->vkd.GetQueryPoolResults(device->handle, stamps->queries, 2 * slot,
							  2, sizeof(ticks), ticks, sizeof(ticks[0]),
							  VK_QUERY_RESULT_64_BIT);

	stamps->first = (slot + 1) % SL_STAMP_SLOTS;
	stamps->count--;
	if (result != VK_SUCCESS) {
		return false;
	}
	*ret_time_ns = sl_stamp_clock_take(&stamps->clock, ticks[0], ticks[1]);
	return true;
}
