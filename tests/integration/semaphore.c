/* SPDX-License-Identifier: MIT */
/* Binary and timeline semaphores, and barriers. */
#include "cases.h"

#include "double_comp.h"

#include <pthread.h>
#include <string.h>

static const uint64_t millisecond = 1000000;

struct work {
	struct vkt_buffer words;
	struct vkt_kernel kernel;
	VkCommandBuffer cmd;
};

static struct work create_work(struct vkt *t)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
	};
	struct work work = {
		.words = vkt_create_buffer(t, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST),
		.cmd = vkt_allocate_command_buffer(t, VK_COMMAND_BUFFER_LEVEL_PRIMARY),
	};
	const struct vkt_buffer *buffers[] = { &work.words };

	vkt_fill_pattern(work.words.map, work.words.size, 1);
	work.kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	VKT_OK(vkBeginCommandBuffer(work.cmd, &begin));
	vkt_bind_kernel(work.cmd, &work.kernel);
	vkCmdDispatch(work.cmd, 1, 1, 1);
	vkt_barrier(work.cmd);
	VKT_OK(vkEndCommandBuffer(work.cmd));
	return work;
}

struct link {
	VkSemaphore wait, signal; /* VK_NULL_HANDLE: none */
	uint64_t wait_value, signal_value;
};

static void submit_link(struct vkt *t, VkCommandBuffer cmd, const struct link *link, VkFence fence)
{
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = link->wait != VK_NULL_HANDLE,
		.pWaitSemaphoreValues = &link->wait_value,
		.signalSemaphoreValueCount = link->signal != VK_NULL_HANDLE,
		.pSignalSemaphoreValues = &link->signal_value,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = t->flags & VKT_PLAIN ? NULL : &timeline,
		.waitSemaphoreCount = link->wait != VK_NULL_HANDLE,
		.pWaitSemaphores = &link->wait,
		.pWaitDstStageMask = &stage,
		.commandBufferCount = cmd != VK_NULL_HANDLE,
		.pCommandBuffers = &cmd,
		.signalSemaphoreCount = link->signal != VK_NULL_HANDLE,
		.pSignalSemaphores = &link->signal,
	};

	VKT_OK(vkQueueSubmit(t->queue, 1, &info, fence));
}

static void binary_semaphores(struct vkt *t)
{
	struct work work = create_work(t);
	VkFence fence = vkt_create_fence(t, 0);
	VkSemaphore semaphores[2] = { vkt_create_semaphore(t), vkt_create_semaphore(t) };
	const uint32_t count = 50;

	for (uint32_t i = 0; i < count; i++) {
		const struct link link = {
			.wait = i > 0 ? semaphores[(i - 1) % 2] : VK_NULL_HANDLE,
			.signal = i + 1 < count ? semaphores[i % 2] : VK_NULL_HANDLE,
		};
		submit_link(t, work.cmd, &link, i + 1 < count ? VK_NULL_HANDLE : fence);
	}
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkt_put_buffer(t, "words", &work.words);
}

static uint64_t read_counter(struct vkt *t, VkSemaphore semaphore)
{
	uint64_t value = 0;

	VKT_OK(vkGetSemaphoreCounterValue(t->device, semaphore, &value));
	return value;
}

static void signal_from_host(struct vkt *t, VkSemaphore semaphore, uint64_t value)
{
	const VkSemaphoreSignalInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = semaphore,
		.value = value,
	};

	VKT_OK(vkSignalSemaphore(t->device, &info));
}

static VkResult wait_for(struct vkt *t, uint32_t count, const VkSemaphore *semaphores,
			 const uint64_t *values, VkSemaphoreWaitFlags flags, uint64_t timeout)
{
	const VkSemaphoreWaitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.flags = flags,
		.semaphoreCount = count,
		.pSemaphores = semaphores,
		.pValues = values,
	};

	return vkWaitSemaphores(t->device, &info, timeout);
}

static void timeline_host(struct vkt *t)
{
	VkSemaphore list[] = { vkt_create_timeline(t, 7), vkt_create_timeline(t, 0) };

	vkt_put_u64(t, "initial", read_counter(t, list[0]));
	vkt_put_u64(t, "initial", read_counter(t, list[1]));
	vkt_put_result(t, "reached", wait_for(t, 1, list, (uint64_t[]){ 7 }, 0, 0));
	vkt_put_result(t, "below", wait_for(t, 1, list, (uint64_t[]){ 3 }, 0, UINT64_MAX));
	vkt_put_result(t, "not yet", wait_for(t, 1, list, (uint64_t[]){ 8 }, 0, 0));
	vkt_put_result(t, "2 ms", wait_for(t, 1, list, (uint64_t[]){ 8 }, 0, 2 * millisecond));
	signal_from_host(t, list[0], 100);
	vkt_put_u64(t, "signalled", read_counter(t, list[0]));
	vkt_put_result(t, "now", wait_for(t, 1, list, (uint64_t[]){ 8 }, 0, 0));
	vkt_put_result(t, "all", wait_for(t, 2, list, (uint64_t[]){ 100, 1 }, 0, millisecond));
	vkt_put_result(t, "any",
		       wait_for(t, 2, list, (uint64_t[]){ 100, 1 }, VK_SEMAPHORE_WAIT_ANY_BIT,
				UINT64_MAX));
	vkt_put_result(t, "none",
		       wait_for(t, 2, list, (uint64_t[]){ 101, 1 }, VK_SEMAPHORE_WAIT_ANY_BIT,
				millisecond));
	signal_from_host(t, list[1], UINT32_MAX + 5ull);
	vkt_put_u64(t, "large", read_counter(t, list[1]));
	vkt_put_result(t, "all now",
		       wait_for(t, 2, list, (uint64_t[]){ 100, UINT32_MAX + 5ull }, 0, 0));
}

static void timeline_device(struct vkt *t)
{
	struct work work = create_work(t);
	VkSemaphore timeline = vkt_create_timeline(t, 0);

	for (uint64_t i = 1; i <= 20; i++) {
		const struct link link = { .signal = timeline, .signal_value = i * 10 };
		submit_link(t, work.cmd, &link, VK_NULL_HANDLE);
		if (i % 5 == 0) {
			VKT_OK(wait_for(t, 1, &timeline, &link.signal_value, 0, UINT64_MAX));
			vkt_put_u64(t, "value", read_counter(t, timeline));
			vkt_put_buffer(t, "words", &work.words);
		}
	}
	/* Values that went by unwatched are reached as well. */
	vkt_put_result(t, "between", wait_for(t, 1, &timeline, (uint64_t[]){ 155 }, 0, 0));
}

/* Work that waits for a value which is only signalled later: by the host, then by work. */
static void timeline_wait_before_signal(struct vkt *t)
{
	struct work work = create_work(t);
	VkSemaphore gate = vkt_create_timeline(t, 0), done = vkt_create_timeline(t, 0);
	const struct link links[] = {
		{ gate, done, 3, 1 },
		{ done, done, 1, 2 },
		{ gate, done, 4, 3 },
	};

	for (size_t i = 0; i < VKT_COUNT(links); i++) {
		submit_link(t, work.cmd, &links[i], VK_NULL_HANDLE);
	}
	vkt_put_u64(t, "nothing yet", read_counter(t, done));
	vkt_put_result(t, "10 ms", wait_for(t, 1, &done, (uint64_t[]){ 1 }, 0, 10 * millisecond));
	signal_from_host(t, gate, 3);
	VKT_OK(wait_for(t, 1, &done, (uint64_t[]){ 2 }, 0, UINT64_MAX));
	vkt_put_u64(t, "two", read_counter(t, done));
	vkt_put_buffer(t, "words", &work.words);
	signal_from_host(t, gate, 4);
	VKT_OK(wait_for(t, 1, &done, (uint64_t[]){ 3 }, 0, UINT64_MAX));
	vkt_put_buffer(t, "words", &work.words);
}

/* A binary and a timeline semaphore in one submission; host and device share a timeline. */
static void timeline_mixed(struct vkt *t)
{
	struct work work = create_work(t);
	VkSemaphore timeline = vkt_create_timeline(t, 1), binary = vkt_create_semaphore(t);
	const VkSemaphore both[] = { binary, timeline };
	const VkPipelineStageFlags stages[] = { VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
						VK_PIPELINE_STAGE_ALL_COMMANDS_BIT };

	for (uint64_t round = 0; round < 5; round++) {
		const uint64_t base = round * 4 + 1;
		const uint64_t signal_values[] = { 777, base + 1 };
		const uint64_t wait_values[] = { 888, base + 2 };
		const uint64_t last_value = base + 3;
		const VkTimelineSemaphoreSubmitInfo first_timeline = {
			.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
			.signalSemaphoreValueCount = 2,
			.pSignalSemaphoreValues = signal_values,
		};
		const VkTimelineSemaphoreSubmitInfo second_timeline = {
			.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
			.waitSemaphoreValueCount = 2,
			.pWaitSemaphoreValues = wait_values,
			.signalSemaphoreValueCount = 1,
			.pSignalSemaphoreValues = &last_value,
		};
		const VkSubmitInfo infos[] = {
			{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
			  .pNext = &first_timeline,
			  .commandBufferCount = 1,
			  .pCommandBuffers = &work.cmd,
			  .signalSemaphoreCount = 2,
			  .pSignalSemaphores = both },
			{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
			  .pNext = &second_timeline,
			  .waitSemaphoreCount = 2,
			  .pWaitSemaphores = both,
			  .pWaitDstStageMask = stages,
			  .commandBufferCount = 1,
			  .pCommandBuffers = &work.cmd,
			  .signalSemaphoreCount = 1,
			  .pSignalSemaphores = &timeline },
		};
		VKT_OK(vkQueueSubmit(t->queue, 2, infos, VK_NULL_HANDLE));
		VKT_OK(wait_for(t, 1, &timeline, &signal_values[1], 0, UINT64_MAX));
		signal_from_host(t, timeline, base + 2);
		VKT_OK(wait_for(t, 1, &timeline, &last_value, 0, UINT64_MAX));
		signal_from_host(t, timeline, base + 4);
		vkt_put_u64(t, "value", read_counter(t, timeline));
	}
	vkt_put_buffer(t, "words", &work.words);
}

struct ping {
	struct vkt *t;
	VkSemaphore from_main, from_thread;
	uint32_t rounds;
};

static void *answer_pings(void *data)
{
	struct ping *ping = data;

	for (uint64_t i = 1; i <= ping->rounds; i++) {
		VKT_OK(wait_for(ping->t, 1, &ping->from_main, &i, 0, UINT64_MAX));
		signal_from_host(ping->t, ping->from_thread, i);
	}
	return NULL;
}

/* Two threads that wake each other through semaphores alone. */
static void timeline_threads(struct vkt *t)
{
	struct ping ping = {
		.t = t,
		.from_main = vkt_create_timeline(t, 0),
		.from_thread = vkt_create_timeline(t, 0),
		.rounds = 500,
	};
	pthread_t thread;

	VKT_EXPECT(pthread_create(&thread, NULL, answer_pings, &ping) == 0);
	for (uint64_t i = 1; i <= ping.rounds; i++) {
		signal_from_host(t, ping.from_main, i);
		VKT_OK(wait_for(t, 1, &ping.from_thread, &i, 0, UINT64_MAX));
	}
	VKT_EXPECT(pthread_join(thread, NULL) == 0);
	vkt_put_u64(t, "value", read_counter(t, ping.from_thread));
}

/* Buffer and image barriers of both generations, with layouts on the way. */
static void barriers(struct vkt *t)
{
	struct vkt_buffer a =
		vkt_create_buffer(t, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_DEVICE);
	struct vkt_image image = vkt_create_image(
		t, &(struct vkt_image_spec){ .format = VK_FORMAT_R8G8B8A8_UNORM,
					     .width = 32,
					     .height = 32,
					     .usage = VK_IMAGE_USAGE_SAMPLED_BIT });
	const VkBufferMemoryBarrier buffer_barrier = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.buffer = a.handle,
		.offset = 1024,
		.size = 2048,
	};
	VkImageMemoryBarrier2 image_barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
		.srcStageMask = VK_PIPELINE_STAGE_2_NONE,
		.dstStageMask = VK_PIPELINE_STAGE_2_COPY_BIT,
		.dstAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT,
		.newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = image.handle,
		.subresourceRange = vkt_whole(&image),
	};
	const VkDependencyInfo dependency = {
		.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
		.imageMemoryBarrierCount = 1,
		.pImageMemoryBarriers = &image_barrier,
	};
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { 32, 32, 1 },
	};
	VkCommandBuffer cmd = vkt_begin(t);

	vkCmdFillBuffer(cmd, a.handle, 0, VK_WHOLE_SIZE, 0x11223344);
	vkt_barrier(cmd);
	vkCmdFillBuffer(cmd, a.handle, 1024, 512, 0x55667788);
	vkCmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0,
			     0, NULL, 1, &buffer_barrier, 0, NULL);
	vkCmdPipelineBarrier2(cmd, &dependency);
	vkCmdCopyBufferToImage(cmd, a.handle, image.handle, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
			       &region);
	image_barrier.srcStageMask = VK_PIPELINE_STAGE_2_COPY_BIT;
	image_barrier.srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT;
	image_barrier.dstStageMask = VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT;
	image_barrier.dstAccessMask = VK_ACCESS_2_SHADER_SAMPLED_READ_BIT;
	image_barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
	image_barrier.newLayout = VK_IMAGE_LAYOUT_READ_ONLY_OPTIMAL;
	vkCmdPipelineBarrier2(cmd, &dependency);
	vkt_end_and_run(t, cmd);
	vkt_put_image(t, "image", &image, VK_IMAGE_LAYOUT_READ_ONLY_OPTIMAL);
}

const struct vkt_case semaphore_cases[] = {
	{ "binary_semaphores", binary_semaphores, VKT_PLAIN },
	{ "timeline_host", timeline_host, 0 },
	{ "timeline_device", timeline_device, 0 },
	{ "timeline_wait_before_signal", timeline_wait_before_signal, 0 },
	{ "timeline_mixed", timeline_mixed, 0 },
	{ "timeline_threads", timeline_threads, 0 },
	{ "barriers", barriers, 0 },
	{ NULL, NULL, 0 },
};
