/* SPDX-License-Identifier: MIT */
/* A program with long work pending, for tests that end it or its host in the middle: it prints
 * "working", then waits in the way that its argument names, and prints what it got. */
#include "tests/vkt/vkt.h"

#include "spin_comp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WORDS = 65536,
	DISPATCHES = 800
};

struct stuck {
	struct vkt t;
	struct vkt_buffer words;
	VkCommandBuffer cmd;
	VkFence fence;
	VkSemaphore timeline;
	VkQueryPool queries;
	VkEvent event;
};

static void record_work(struct stuck *stuck)
{
	const uint32_t rounds = 20000;
	const struct vkt_buffer *buffers[] = { &stuck->words };
	struct vkt_kernel kernel =
		vkt_create_kernel(&stuck->t, VKT_CODE(spin_comp), buffers, 1, 4, NULL);

	stuck->cmd = vkt_begin(&stuck->t);
	vkCmdResetQueryPool(stuck->cmd, stuck->queries, 0, 1);
	vkt_bind_kernel(stuck->cmd, &kernel);
	vkCmdPushConstants(stuck->cmd, kernel.layout, VK_SHADER_STAGE_ALL, 0, 4, &rounds);
	for (int i = 0; i < DISPATCHES; i++) {
		vkCmdDispatch(stuck->cmd, WORDS / 64, 1, 1);
		vkt_barrier(stuck->cmd);
	}
	vkCmdWriteTimestamp(stuck->cmd, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, stuck->queries, 0);
	VKT_OK(vkEndCommandBuffer(stuck->cmd));
}

static VkResult submit_work(struct stuck *stuck)
{
	const uint64_t value = 1;
	const VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &value,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &timeline,
		.commandBufferCount = 1,
		.pCommandBuffers = &stuck->cmd,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &stuck->timeline,
	};

	return vkQueueSubmit(stuck->t.queue, 1, &info, stuck->fence);
}

static void init_stuck(struct stuck *stuck)
{
	const VkQueryPoolCreateInfo query_info = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = VK_QUERY_TYPE_TIMESTAMP,
		.queryCount = 1,
	};
	const VkEventCreateInfo event_info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };
	struct vkt *t = &stuck->t;

	vkt_open(t, &(struct vkt_options){ 0 });
	stuck->words =
		vkt_create_buffer(t, WORDS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	stuck->fence = vkt_create_fence(t, 0);
	stuck->timeline = vkt_create_timeline(t, 0);
	VKT_OK(vkCreateQueryPool(t->device, &query_info, NULL, &stuck->queries));
	VKT_OWN(t, QUERY_POOL, stuck->queries);
	VKT_OK(vkCreateEvent(t->device, &event_info, NULL, &stuck->event));
	VKT_OWN(t, EVENT, stuck->event);
	record_work(stuck);
}

static VkResult wait_for_fence(struct stuck *stuck)
{
	return vkWaitForFences(stuck->t.device, 1, &stuck->fence, VK_TRUE, UINT64_MAX);
}

static VkResult poll_fence(struct stuck *stuck)
{
	VkResult result;

	do {
		result = vkGetFenceStatus(stuck->t.device, stuck->fence);
	} while (result == VK_NOT_READY);
	return result;
}

static VkResult wait_for_queue(struct stuck *stuck)
{
	return vkQueueWaitIdle(stuck->t.queue);
}

static VkResult wait_for_device(struct stuck *stuck)
{
	return vkDeviceWaitIdle(stuck->t.device);
}

static VkResult wait_for_timeline(struct stuck *stuck)
{
	const uint64_t value = 1;
	const VkSemaphoreWaitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &stuck->timeline,
		.pValues = &value,
	};

	return vkWaitSemaphores(stuck->t.device, &info, UINT64_MAX);
}

static VkResult poll_timeline(struct stuck *stuck)
{
	uint64_t value = 0;
	VkResult result;

	do {
		result = vkGetSemaphoreCounterValue(stuck->t.device, stuck->timeline, &value);
	} while (result == VK_SUCCESS && value == 0);
	return result;
}

static VkResult wait_for_query(struct stuck *stuck)
{
	uint64_t time;

	return vkGetQueryPoolResults(stuck->t.device, stuck->queries, 0, 1, 8, &time, 8,
				     VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
}

/* A call that has to be answered by the host, again and again. */
static VkResult call_on(struct stuck *stuck)
{
	VkResult result;

	do {
		result = vkGetEventStatus(stuck->t.device, stuck->event);
	} while (result == VK_EVENT_RESET && vkGetFenceStatus(stuck->t.device, stuck->fence) != 0);
	return result;
}

/* Fill what is between the program and the host with commands. */
static VkResult record_on(struct stuck *stuck)
{
	static uint8_t data[65536];
	VkResult result;

	do {
		VkCommandBuffer cmd = vkt_begin(&stuck->t);
		const VkSubmitInfo info = {
			.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
			.commandBufferCount = 1,
			.pCommandBuffers = &cmd,
		};
		for (int i = 0; i < 16; i++) {
			vkCmdUpdateBuffer(cmd, stuck->words.handle, 0, sizeof(data), data);
		}
		result = vkEndCommandBuffer(cmd);
		if (result == VK_SUCCESS) {
			result = vkQueueSubmit(stuck->t.queue, 1, &info, VK_NULL_HANDLE);
		}
		vkFreeCommandBuffers(stuck->t.device, stuck->t.pool, 1, &cmd);
	} while (result == VK_SUCCESS);
	return result;
}

/* Work that never starts: the wait is all that goes on. */
static VkResult wait_for_nothing(struct stuck *stuck)
{
	const uint64_t value = 2;
	const VkSemaphoreWaitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &stuck->timeline,
		.pValues = &value,
	};

	return vkWaitSemaphores(stuck->t.device, &info, 2000000000);
}

static VkResult leave(struct stuck *stuck)
{
	exit(0);
}

static VkResult leave_at_once(struct stuck *stuck)
{
	_exit(0);
}

static VkResult crash(struct stuck *stuck)
{
	abort();
}

static const struct {
	const char *name;
	VkResult (*wait)(struct stuck *stuck);
} ways[] = {
	{ "fence", wait_for_fence },
	{ "fence-status", poll_fence },
	{ "queue", wait_for_queue },
	{ "device", wait_for_device },
	{ "timeline", wait_for_timeline },
	{ "timeline-value", poll_timeline },
	{ "query", wait_for_query },
	{ "call", call_on },
	{ "record", record_on },
	{ "nothing", wait_for_nothing },
	{ "exit", leave },
	{ "_exit", leave_at_once },
	{ "abort", crash },
};

int main(int argc, char **argv)
{
	struct stuck stuck = { 0 };

	for (size_t i = 0; i < VKT_COUNT(ways); i++) {
		if (argc != 2 || strcmp(argv[1], ways[i].name) != 0) {
			continue;
		}
		init_stuck(&stuck);
		if (ways[i].wait != wait_for_nothing) {
			VKT_OK(submit_work(&stuck));
		}
		puts("working");
		fflush(stdout);
		VkResult result = ways[i].wait(&stuck);
		printf("result %d\n", result);
		/* Cleaning up after a loss must work too. */
		vkt_close(&stuck.t);
		return 0;
	}
	fprintf(stderr, "usage: vulkan_stuck WAY, one of:");
	for (size_t i = 0; i < VKT_COUNT(ways); i++) {
		fprintf(stderr, " %s", ways[i].name);
	}
	fputc('\n', stderr);
	return 2;
}
