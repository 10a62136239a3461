/* SPDX-License-Identifier: MIT */
/* Waiting: for images, for what acquiring signals, for what is seen. */
#include <pthread.h>

#include "tests/window/cases.h"
#include "tests/window/chain.h"

#define MS 1000000u

static void open_fifo(struct chain *chain, struct vkt *t, struct window *window)
{
	const struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = first_format(t, window->surface),
	};

	chain_create(chain, t, window, &spec);
}

static void run_timeouts(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 100, 100);
	uint32_t indexes[CHAIN_MAX_IMAGES];
	struct chain chain;
	uint32_t other = 0;

	open_fifo(&chain, t, window);
	for (uint32_t i = 0; i < chain.count; i++) {
		VKT_OK(chain_acquire(&chain, 0, &indexes[i]));
	}
	VKT_RESULT(VK_NOT_READY, chain_acquire(&chain, 0, &other));
	uint64_t start_ns = vkt_now_ns();
	VKT_RESULT(VK_TIMEOUT, chain_acquire(&chain, 20 * MS, &other));
	VKT_EXPECT(vkt_now_ns() - start_ns >= 20 * MS);
	struct vkt_buffer pixels = chain_create_pixels(&chain, 0);
	for (uint32_t i = 0; i < chain.count; i++) {
		chain_draw(&chain, indexes[i], &pixels);
		VKT_OK(chain_present(&chain, indexes[i], NULL));
	}
	VKT_OK(chain_acquire(&chain, FOREVER, &other));
	chain_draw(&chain, other, &pixels);
	VKT_OK(chain_present(&chain, other, NULL));
	chain_destroy(&chain);
	system->destroy(t, window);
}

/* Of three waits the one in the middle is dropped: the values stay with their semaphores. */
static void wait_between_values(struct vkt *t, VkSemaphore binary, VkSemaphore timeline)
{
	const VkSemaphore waits[] = { timeline, binary, timeline };
	const uint64_t wait_values[] = { 3, 0, 5 };
	const uint64_t signal_value = 7;
	const VkPipelineStageFlags stages[] = {
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
		VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
	};
	const VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = VKT_COUNT(wait_values),
		.pWaitSemaphoreValues = wait_values,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &signal_value,
	};
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &values,
		.waitSemaphoreCount = VKT_COUNT(waits),
		.pWaitSemaphores = waits,
		.pWaitDstStageMask = stages,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &timeline,
	};
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = timeline,
		.value = 5,
	};
	uint64_t value = 0;

	VKT_OK(vkQueueSubmit(t->queue, 1, &submit, VK_NULL_HANDLE));
	VKT_OK(vkSignalSemaphore(t->device, &signal));
	VKT_OK(vkQueueWaitIdle(t->queue));
	VKT_OK(vkGetSemaphoreCounterValue(t->device, timeline, &value));
	VKT_EXPECT(value == 7);
}

/* A fence, a wait in vkQueueSubmit2, a wait between timeline values, and presenting what was only
 * acquired. */
static void run_acquire_signals(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 100, 100);
	VkFence fence = vkt_create_fence(t, 0);
	VkSemaphore binary = vkt_create_semaphore(t);
	VkSemaphore timeline = vkt_create_timeline(t, 0);
	/* Two images stay acquired. */
	const struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = first_format(t, window->surface),
		.image_count = 6,
	};
	struct chain chain;
	uint32_t index = 0;

	chain_create(&chain, t, window, &spec);
	struct vkt_buffer pixels = chain_create_pixels(&chain, 9);
	VKT_OK(chain.vk.acquire(t->device, chain.handle, FOREVER, binary, fence, &index));
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, FOREVER));
	VKT_OK(vkGetFenceStatus(t->device, fence));

	wait_between_values(t, binary, timeline);
	/* The semaphore can be used again, on the GPU and by acquiring. */
	const VkSemaphoreSubmitInfo binary_info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		.semaphore = binary,
		.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
	};
	const VkSubmitInfo2 submits[] = {
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
		  .signalSemaphoreInfoCount = 1,
		  .pSignalSemaphoreInfos = &binary_info },
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
		  .waitSemaphoreInfoCount = 1,
		  .pWaitSemaphoreInfos = &binary_info },
	};
	VKT_OK(vkQueueSubmit2(t->queue, 2, submits, VK_NULL_HANDLE));
	VKT_OK(vkQueueWaitIdle(t->queue));
	uint32_t other = 0;
	VKT_OK(chain.vk.acquire(t->device, chain.handle, FOREVER, binary, VK_NULL_HANDLE, &other));
	VKT_OK(vkQueueSubmit2(t->queue, 1, &submits[1], VK_NULL_HANDLE));
	VKT_OK(vkQueueWaitIdle(t->queue));
	for (uint32_t frame = 0; frame < 4; frame++) {
		VKT_OK(chain_frame(&chain, &pixels));
	}
	chain_expect_shown(&chain, &pixels);
	chain_destroy(&chain);
	system->destroy(t, window);
}

/* FIFO shows one image per refresh, 60 times a second on a screen that is none. */
static void run_paced(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 100, 100);
	const uint32_t frames = 30;
	struct chain chain;

	vkt_require(system != &window_headless, "a screen");
	open_fifo(&chain, t, window);
	struct vkt_buffer pixels = chain_create_pixels(&chain, 0);
	uint64_t start_ns = vkt_now_ns();
	for (uint32_t frame = 0; frame < frames; frame++) {
		VKT_OK(chain_frame(&chain, &pixels));
	}
	/* The last ones are still on their way, and screens may be as fast as 144 Hz. */
	VKT_EXPECT(vkt_now_ns() - start_ns >= (frames - chain.count - 1) * 6 * MS);
	chain_destroy(&chain);
	system->destroy(t, window);
}

static void run_present_wait(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 100, 100);
	struct chain chain;

	vkt_require_extension(t, "VK_KHR_present_wait");
	PFN_vkWaitForPresentKHR wait = VKT_DEVICE_PROC(t, vkWaitForPresentKHR);
	open_fifo(&chain, t, window);
	struct vkt_buffer pixels = chain_create_pixels(&chain, 0);
	VKT_RESULT(VK_TIMEOUT, wait(t->device, chain.handle, 1, 0));
	for (uint64_t id = 1; id <= 10; id++) {
		const VkPresentIdKHR ids = {
			.sType = VK_STRUCTURE_TYPE_PRESENT_ID_KHR,
			.swapchainCount = 1,
			.pPresentIds = &id,
		};
		uint32_t index = 0;
		VKT_OK(chain_acquire(&chain, FOREVER, &index));
		chain_draw(&chain, index, &pixels);
		VKT_OK(chain_present(&chain, index, &ids));
		VKT_OK(wait(t->device, chain.handle, id, FOREVER));
	}
	VKT_RESULT(VK_TIMEOUT, wait(t->device, chain.handle, 11, 5 * MS));
	chain_destroy(&chain);
	system->destroy(t, window);
}

/* A group of one device: the commands and structs of Vulkan 1.1. */
static void run_device_group(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 100, 100);
	VkDeviceGroupPresentCapabilitiesKHR caps = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_PRESENT_CAPABILITIES_KHR,
	};
	VkDeviceGroupPresentModeFlagsKHR modes = 0;
	uint32_t rect_count = 0;
	VkRect2D rect;
	const VkDeviceGroupSwapchainCreateInfoKHR group = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_SWAPCHAIN_CREATE_INFO_KHR,
		.modes = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR,
	};
	const struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = first_format(t, window->surface),
		.next = &group,
	};
	const uint32_t mask = 1;
	const VkDeviceGroupPresentInfoKHR present = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_PRESENT_INFO_KHR,
		.swapchainCount = 1,
		.pDeviceMasks = &mask,
		.mode = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR,
	};
	struct chain chain;

	VKT_OK(VKT_DEVICE_PROC(t, vkGetDeviceGroupPresentCapabilitiesKHR)(t->device, &caps));
	VKT_EXPECT(caps.presentMask[0] == 1 && caps.presentMask[1] == 0);
	VKT_EXPECT((caps.modes & VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR) != 0);
	VKT_OK(VKT_DEVICE_PROC(t, vkGetDeviceGroupSurfacePresentModesKHR)(t->device,
									  window->surface, &modes));
	VKT_EXPECT((modes & VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR) != 0);
	PFN_vkGetPhysicalDevicePresentRectanglesKHR get_rects =
		VKT_INSTANCE_PROC(t, vkGetPhysicalDevicePresentRectanglesKHR);
	VKT_OK(get_rects(t->physical, window->surface, &rect_count, NULL));
	VKT_EXPECT(rect_count == 1);
	VKT_OK(get_rects(t->physical, window->surface, &rect_count, &rect));

	chain_create(&chain, t, window, &spec);
	struct vkt_buffer pixels = chain_create_pixels(&chain, 6);
	for (uint32_t frame = 0; frame < 5; frame++) {
		VkSemaphore semaphore = chain.spare;
		const VkAcquireNextImageInfoKHR acquire = {
			.sType = VK_STRUCTURE_TYPE_ACQUIRE_NEXT_IMAGE_INFO_KHR,
			.swapchain = chain.handle,
			.timeout = FOREVER,
			.semaphore = semaphore,
			.deviceMask = mask,
		};
		uint32_t index = 0;
		VKT_OK(VKT_DEVICE_PROC(t, vkAcquireNextImage2KHR)(t->device, &acquire, &index));
		VKT_OK(vkWaitForFences(t->device, 1, &chain.fences[index], VK_TRUE, FOREVER));
		chain.spare = chain.acquired[index];
		chain.acquired[index] = semaphore;
		chain_draw(&chain, index, &pixels);
		VKT_OK(chain_present(&chain, index, &present));
	}
	chain_expect_shown(&chain, &pixels);
	chain_destroy(&chain);
	system->destroy(t, window);
}

struct thread_frames {
	struct chain *chain;
	const struct vkt_buffer *pixels;
	pthread_mutex_t *queue_lock;
};

static void *draw_frames(void *data)
{
	struct thread_frames *frames = data;
	struct chain *chain = frames->chain;

	for (uint32_t frame = 0; frame < 40; frame++) {
		uint32_t index = 0;
		/* Only the queue is shared. */
		VKT_OK(chain_acquire(chain, FOREVER, &index));
		pthread_mutex_lock(frames->queue_lock);
		chain_draw(chain, index, frames->pixels);
		VKT_OK(chain_present(chain, index, NULL));
		pthread_mutex_unlock(frames->queue_lock);
	}
	return NULL;
}

static void run_threads(struct vkt *t, const struct window_system *system)
{
	enum {
		COUNT = 3
	};
	pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
	struct thread_frames frames[COUNT];
	struct vkt_buffer pixels[COUNT];
	struct window *windows[COUNT];
	struct chain chains[COUNT];
	pthread_t threads[COUNT];

	for (uint32_t i = 0; i < COUNT; i++) {
		windows[i] = system->create(t, i, 120, 90);
		VkPresentModeKHR modes[MAX_SURFACE_MODES];
		uint32_t mode_count = list_modes(t, windows[i]->surface, modes);
		const struct chain_spec spec = {
			.mode = modes[i % mode_count],
			.format = first_format(t, windows[i]->surface),
		};
		chain_create(&chains[i], t, windows[i], &spec);
		pixels[i] = chain_create_pixels(&chains[i], i);
		frames[i] = (struct thread_frames){ &chains[i], &pixels[i], &queue_lock };
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		VKT_EXPECT(pthread_create(&threads[i], NULL, draw_frames, &frames[i]) == 0);
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		pthread_join(threads[i], NULL);
	}
	chain_expect_all_shown(chains, pixels, COUNT);
}

const struct window_case sync_cases[] = {
	{ "timeouts", run_timeouts },
	{ "acquire_signals", run_acquire_signals },
	{ "paced", run_paced },
	{ "present_wait", run_present_wait },
	{ "threads", run_threads },
	{ "device_group", run_device_group },
	{ NULL, NULL },
};
