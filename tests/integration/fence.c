/* SPDX-License-Identifier: MIT */
/* Fences, idleness, events and the ways to submit. */
#include "cases.h"

#include "double_comp.h"

#include <pthread.h>
#include <string.h>

enum {
	WORDS = 64
};

static const uint64_t millisecond = 1000000;

/* A buffer that a dispatch changes so that the number and the order of dispatches show. */
struct work {
	struct vkt_buffer words;
	struct vkt_kernel kernel;
	VkCommandBuffer cmd; /* may be pending more than once */
};

static struct work create_work(struct vkt *t)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
	};
	struct work work = {
		.words = vkt_create_buffer(t, WORDS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
					   VKT_HOST),
		.cmd = vkt_allocate_command_buffer(t, VK_COMMAND_BUFFER_LEVEL_PRIMARY),
	};
	const struct vkt_buffer *buffers[] = { &work.words };

	vkt_fill_pattern(work.words.map, work.words.size, 1);
	work.kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	VKT_OK(vkBeginCommandBuffer(work.cmd, &begin));
	vkt_barrier(work.cmd);
	vkt_bind_kernel(work.cmd, &work.kernel);
	vkCmdDispatch(work.cmd, 1, 1, 1);
	vkt_barrier(work.cmd);
	VKT_OK(vkEndCommandBuffer(work.cmd));
	return work;
}

static void submit(struct vkt *t, const VkCommandBuffer *cmds, uint32_t count, VkFence fence)
{
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = count,
		.pCommandBuffers = cmds,
	};

	VKT_OK(vkQueueSubmit(t->queue, 1, &info, fence));
}

static void fence_status(struct vkt *t)
{
	struct work work = create_work(t);
	VkFence plain = vkt_create_fence(t, 0);
	VkFence signaled = vkt_create_fence(t, VK_FENCE_CREATE_SIGNALED_BIT);

	vkt_put_result(t, "new", vkGetFenceStatus(t->device, plain));
	vkt_put_result(t, "created signalled", vkGetFenceStatus(t->device, signaled));
	vkt_put_result(t, "wait 0", vkWaitForFences(t->device, 1, &plain, VK_TRUE, 0));
	vkt_put_result(t, "wait 1 ms", vkWaitForFences(t->device, 1, &plain, VK_TRUE, millisecond));
	vkt_put_result(t, "wait for signalled",
		       vkWaitForFences(t->device, 1, &signaled, VK_TRUE, 0));
	VKT_OK(vkResetFences(t->device, 1, &signaled));
	vkt_put_result(t, "reset", vkGetFenceStatus(t->device, signaled));
	submit(t, &work.cmd, 1, plain);
	VKT_OK(vkWaitForFences(t->device, 1, &plain, VK_TRUE, UINT64_MAX));
	vkt_put_result(t, "waited", vkGetFenceStatus(t->device, plain));
	vkt_put_buffer(t, "words", &work.words);
	VKT_OK(vkResetFences(t->device, 2, (VkFence[]){ plain, signaled }));
	vkt_put_result(t, "reset again", vkGetFenceStatus(t->device, plain));
	/* A submission of nothing signals too. */
	VKT_OK(vkQueueSubmit(t->queue, 0, NULL, plain));
	VKT_OK(vkWaitForFences(t->device, 1, &plain, VK_TRUE, UINT64_MAX));
}

static void fence_wait_any(struct vkt *t)
{
	struct work work = create_work(t);
	VkFence fences[4];

	for (int i = 0; i < 4; i++) {
		fences[i] = vkt_create_fence(t, i == 2 ? VK_FENCE_CREATE_SIGNALED_BIT : 0);
	}
	vkt_put_result(t, "any", vkWaitForFences(t->device, 4, fences, VK_FALSE, UINT64_MAX));
	vkt_put_result(t, "all", vkWaitForFences(t->device, 4, fences, VK_TRUE, millisecond));
	vkt_put_result(t, "all, at once", vkWaitForFences(t->device, 4, fences, VK_TRUE, 0));
	vkt_put_result(t, "any of two", vkWaitForFences(t->device, 2, fences, VK_FALSE, 1000));
	VKT_OK(vkResetFences(t->device, 1, &fences[2]));
	for (int i = 0; i < 4; i++) {
		submit(t, &work.cmd, 1, fences[i]);
		vkt_put_result(t, "any of those",
			       vkWaitForFences(t->device, 4, fences, VK_FALSE, UINT64_MAX));
	}
	vkt_put_result(t, "all done", vkWaitForFences(t->device, 4, fences, VK_TRUE, UINT64_MAX));
	vkt_put_result(t, "all still", vkWaitForFences(t->device, 4, fences, VK_TRUE, 0));
	vkt_put_buffer(t, "words", &work.words);
}

/* Submit the work so that it waits until gate reaches value. */
static void submit_behind(struct vkt *t, const struct work *work, VkSemaphore gate, uint64_t value,
			  VkFence fence)
{
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &value,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &timeline,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &gate,
		.pWaitDstStageMask = &stage,
		.commandBufferCount = 1,
		.pCommandBuffers = &work->cmd,
	};

	VKT_OK(vkQueueSubmit(t->queue, 1, &info, fence));
}

static void open_gate(struct vkt *t, VkSemaphore gate, uint64_t value)
{
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = gate,
		.value = value,
	};

	VKT_OK(vkSignalSemaphore(t->device, &signal));
}

/* A submission that cannot start: its fence is not signalled until the host lets it. */
static void fence_pending(struct vkt *t)
{
	struct work work = create_work(t);
	VkSemaphore gate = vkt_create_timeline(t, 5);
	VkFence fence = vkt_create_fence(t, 0);

	submit_behind(t, &work, gate, 6, fence);
	vkt_put_result(t, "pending", vkGetFenceStatus(t->device, fence));
	vkt_put_result(t, "no time", vkWaitForFences(t->device, 1, &fence, VK_TRUE, 0));
	uint64_t start = vkt_now_ns();
	vkt_put_result(t, "20 ms",
		       vkWaitForFences(t->device, 1, &fence, VK_TRUE, 20 * millisecond));
	uint64_t took = vkt_now_ns() - start;
	VKT_EXPECT(took >= 20 * millisecond && took < 5000 * millisecond);
	open_gate(t, gate, 6);
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkt_put_buffer(t, "words", &work.words);
}

static void fence_reuse(struct vkt *t)
{
	struct work work = create_work(t);
	VkFence fences[3];

	for (int i = 0; i < 3; i++) {
		fences[i] = vkt_create_fence(t, VK_FENCE_CREATE_SIGNALED_BIT);
	}
	for (int i = 0; i < 300; i++) {
		VkFence *fence = &fences[i % 3];
		VKT_OK(vkWaitForFences(t->device, 1, fence, VK_TRUE, UINT64_MAX));
		VKT_OK(vkResetFences(t->device, 1, fence));
		submit(t, &work.cmd, 1, *fence);
	}
	VKT_OK(vkWaitForFences(t->device, 3, fences, VK_TRUE, UINT64_MAX));
	vkt_put_buffer(t, "words", &work.words);
}

/* Several batches in one call, several command buffers in a batch, batches of nothing. */
static void submit_batches(struct vkt *t)
{
	struct work work = create_work(t);
	const VkCommandBuffer cmds[] = { work.cmd, work.cmd, work.cmd };
	VkSemaphore semaphore = vkt_create_semaphore(t);
	VkFence fence = vkt_create_fence(t, 0);
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkSubmitInfo infos[] = {
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		  .commandBufferCount = 3,
		  .pCommandBuffers = cmds,
		  .signalSemaphoreCount = 1,
		  .pSignalSemaphores = &semaphore },
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO },
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		  .waitSemaphoreCount = 1,
		  .pWaitSemaphores = &semaphore,
		  .pWaitDstStageMask = &stage },
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		  .commandBufferCount = 2,
		  .pCommandBuffers = cmds },
	};

	VKT_OK(vkQueueSubmit(t->queue, 4, infos, fence));
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkt_put_buffer(t, "words", &work.words);
	VKT_OK(vkQueueSubmit(t->queue, 4, infos, VK_NULL_HANDLE));
	VKT_OK(vkQueueWaitIdle(t->queue));
	vkt_put_buffer(t, "words", &work.words);
}

static void submit2(struct vkt *t)
{
	struct work work = create_work(t);
	const VkCommandBufferSubmitInfo cmds[] = {
		{ .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
		  .commandBuffer = work.cmd },
		{ .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
		  .commandBuffer = work.cmd },
	};
	VkFence fence = vkt_create_fence(t, 0);
	VkSemaphore timeline = vkt_create_timeline(t, 0), binary = vkt_create_semaphore(t);
	const VkSemaphoreSubmitInfo signals[] = {
		{ .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		  .semaphore = binary,
		  .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT },
		{ .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		  .semaphore = timeline,
		  .value = 10,
		  .stageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT },
	};
	const VkSemaphoreSubmitInfo second_signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		.semaphore = timeline,
		.value = 11,
		.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
	};
	const VkSubmitInfo2 infos[] = {
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
		  .commandBufferInfoCount = 2,
		  .pCommandBufferInfos = cmds,
		  .signalSemaphoreInfoCount = 2,
		  .pSignalSemaphoreInfos = signals },
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
		  .waitSemaphoreInfoCount = 2,
		  .pWaitSemaphoreInfos = signals,
		  .commandBufferInfoCount = 1,
		  .pCommandBufferInfos = cmds,
		  .signalSemaphoreInfoCount = 1,
		  .pSignalSemaphoreInfos = &second_signal },
	};
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &timeline,
		.pValues = &second_signal.value,
	};
	uint64_t value;

	VKT_OK(vkQueueSubmit2(t->queue, 2, infos, fence));
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
	/* Drivers may signal a fence a moment before the semaphores of its submission. */
	VKT_OK(vkWaitSemaphores(t->device, &wait, UINT64_MAX));
	VKT_OK(vkGetSemaphoreCounterValue(t->device, timeline, &value));
	vkt_put_u64(t, "value", value);
	vkt_put_buffer(t, "words", &work.words);
	VKT_OK(vkResetFences(t->device, 1, &fence));
	VKT_OK(vkQueueSubmit2(t->queue, 0, NULL, fence));
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
}

static void wait_idle(struct vkt *t)
{
	struct work work = create_work(t);

	VKT_OK(vkQueueWaitIdle(t->queue));
	VKT_OK(vkDeviceWaitIdle(t->device));
	for (int i = 0; i < 20; i++) {
		submit(t, &work.cmd, 1, VK_NULL_HANDLE);
		VKT_OK(i % 2 == 0 ? vkQueueWaitIdle(t->queue) : vkDeviceWaitIdle(t->device));
		vkt_put(t, "word", work.words.map, 4);
	}
}

static VkEvent create_event(struct vkt *t)
{
	const VkEventCreateInfo info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };
	VkEvent event;

	VKT_OK(vkCreateEvent(t->device, &info, NULL, &event));
	VKT_OWN(t, EVENT, event);
	return event;
}

static void events(struct vkt *t)
{
	struct work work = create_work(t);
	VkEvent event = create_event(t);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_put_result(t, "new", vkGetEventStatus(t->device, event));
	VKT_OK(vkSetEvent(t->device, event));
	vkt_put_result(t, "set", vkGetEventStatus(t->device, event));
	VKT_OK(vkResetEvent(t->device, event));
	vkt_put_result(t, "reset", vkGetEventStatus(t->device, event));

	vkCmdSetEvent(cmd, event, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
	vkt_end_and_run(t, cmd);
	vkt_put_result(t, "set by the device", vkGetEventStatus(t->device, event));
	cmd = vkt_begin(t);
	vkCmdResetEvent(cmd, event, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
	vkt_end_and_run(t, cmd);
	vkt_put_result(t, "reset by the device", vkGetEventStatus(t->device, event));

	cmd = vkt_begin(t);
	vkt_bind_kernel(cmd, &work.kernel);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkCmdSetEvent(cmd, event, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT);
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
	};
	vkCmdWaitEvents(cmd, 1, &event, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
			VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 1, &barrier, 0, NULL, 0, NULL);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "words", &work.words);
}

/* The device waits for an event that the host sets once the work is on its way. */
static void event_from_host(struct vkt *t)
{
	struct work work = create_work(t);
	VkEvent event = create_event(t);
	VkFence fence = vkt_create_fence(t, 0);
	VkCommandBuffer cmd = vkt_begin(t);
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_HOST_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
	};

	vkCmdWaitEvents(cmd, 1, &event, VK_PIPELINE_STAGE_HOST_BIT,
			VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 1, &barrier, 0, NULL, 0, NULL);
	vkt_bind_kernel(cmd, &work.kernel);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkt_barrier(cmd);
	VKT_OK(vkEndCommandBuffer(cmd));
	submit(t, &cmd, 1, fence);
	vkt_put_result(t, "waits",
		       vkWaitForFences(t->device, 1, &fence, VK_TRUE, 10 * millisecond));
	/* What the host writes before it sets the event is what the device sees. */
	vkt_fill_pattern(work.words.map, work.words.size, 99);
	VKT_OK(vkSetEvent(t->device, event));
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkt_put_buffer(t, "words", &work.words);
}

static void events2(struct vkt *t)
{
	struct work work = create_work(t);
	VkEvent list[] = { create_event(t), create_event(t) };
	VkCommandBuffer cmd = vkt_begin(t);
	const VkMemoryBarrier2 memory = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
		.srcStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
		.srcAccessMask = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
		.dstStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
		.dstAccessMask =
			VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
	};
	const VkBufferMemoryBarrier2 buffer = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER_2,
		.srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
		.srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
		.dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
		.dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.buffer = work.words.handle,
		.size = VK_WHOLE_SIZE,
	};
	const VkDependencyInfo dependencies[] = {
		{ .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
		  .memoryBarrierCount = 1,
		  .pMemoryBarriers = &memory },
		{ .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
		  .bufferMemoryBarrierCount = 1,
		  .pBufferMemoryBarriers = &buffer },
	};

	vkt_bind_kernel(cmd, &work.kernel);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkCmdSetEvent2(cmd, list[0], &dependencies[0]);
	vkCmdSetEvent2(cmd, list[1], &dependencies[1]);
	vkCmdWaitEvents2(cmd, 2, list, dependencies);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkCmdPipelineBarrier2(cmd, &dependencies[1]);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkCmdResetEvent2(cmd, list[1], VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_result(t, "first", vkGetEventStatus(t->device, list[0]));
	vkt_put_result(t, "second", vkGetEventStatus(t->device, list[1]));
	vkt_put_buffer(t, "words", &work.words);
}

struct waiter {
	struct vkt *t;
	VkFence fence;
	VkResult result;
};

static void *wait_in_thread(void *data)
{
	struct waiter *waiter = data;

	waiter->result =
		vkWaitForFences(waiter->t->device, 1, &waiter->fence, VK_TRUE, 30000 * millisecond);
	return NULL;
}

/* Threads that wait for fences of work which starts only once all of them wait. */
static void fence_threads(struct vkt *t)
{
	struct work work = create_work(t);
	VkSemaphore gate = vkt_create_timeline(t, 0);
	struct waiter waiters[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		waiters[i] = (struct waiter){ .t = t, .fence = vkt_create_fence(t, 0) };
		submit_behind(t, &work, gate, 1, waiters[i].fence);
	}
	for (int i = 0; i < 4; i++) {
		VKT_EXPECT(pthread_create(&threads[i], NULL, wait_in_thread, &waiters[i]) == 0);
	}
	open_gate(t, gate, 1);
	for (int i = 0; i < 4; i++) {
		VKT_EXPECT(pthread_join(threads[i], NULL) == 0);
		vkt_put_result(t, "waited", waiters[i].result);
	}
	vkt_put_buffer(t, "words", &work.words);
}

const struct vkt_case fence_cases[] = {
	{ "fence_status", fence_status, VKT_PLAIN },
	{ "fence_wait_any", fence_wait_any, VKT_PLAIN },
	{ "fence_pending", fence_pending, 0 },
	{ "fence_reuse", fence_reuse, VKT_PLAIN },
	{ "fence_threads", fence_threads, 0 },
	{ "submit_batches", submit_batches, VKT_PLAIN },
	{ "submit2", submit2, 0 },
	{ "wait_idle", wait_idle, VKT_PLAIN },
	{ "events", events, VKT_PLAIN },
	{ "event_from_host", event_from_host, VKT_PLAIN },
	{ "events2", events2, 0 },
	{ NULL, NULL, 0 },
};
