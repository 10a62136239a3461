/* SPDX-License-Identifier: MIT */
/* Measures how long a frame takes whose picture is one colour: what is left of it is the way from
 * the queue to the window and back. scripts/bench.sh windows runs it on several drivers. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/window/chain.h"

#define WARM_UP_FRAMES 100

static void record(struct chain *chain, uint32_t index)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	const VkImageSubresourceRange range = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 };
	const VkClearColorValue color = { .float32 = { 0.2f, (float)index / 4, 0.6f, 1 } };
	VkCommandBuffer commands = chain->commands[index];
	VkImage image = chain->images[index];

	VKT_OK(vkBeginCommandBuffer(commands, &begin));
	chain_transition(commands, image, VK_IMAGE_LAYOUT_UNDEFINED,
			 VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
	vkCmdClearColorImage(commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &color, 1,
			     &range);
	chain_transition(commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
			 VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
	VKT_OK(vkEndCommandBuffer(commands));
}

static void show_frame(struct chain *chain)
{
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
	uint32_t index = 0;

	VKT_OK(chain_acquire(chain, FOREVER, &index));
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &chain->acquired[index],
		.pWaitDstStageMask = &stage,
		.commandBufferCount = 1,
		.pCommandBuffers = &chain->commands[index],
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &chain->rendered[index],
	};
	VKT_OK(vkResetFences(chain->t->device, 1, &chain->fences[index]));
	VKT_OK(vkQueueSubmit(chain->t->queue, 1, &submit, chain->fences[index]));
	VKT_OK(chain_present_unseen(chain, index, NULL));
}

static void measure(struct vkt *t, struct window *window, VkPresentModeKHR mode, uint32_t frames)
{
	const struct chain_spec spec = { .mode = mode, .format = VK_FORMAT_B8G8R8A8_UNORM };
	struct chain chain;

	chain_create(&chain, t, window, &spec);
	for (uint32_t i = 0; i < chain.count; i++) {
		record(&chain, i);
	}
	for (uint32_t i = 0; i < WARM_UP_FRAMES; i++) {
		show_frame(&chain);
	}
	uint64_t start_ns = vkt_now_ns();
	for (uint32_t i = 0; i < frames; i++) {
		show_frame(&chain);
	}
	printf("%.3f\n", (double)(vkt_now_ns() - start_ns) / frames / 1000);
	chain_destroy(&chain);
}

int main(int argc, char **argv)
{
	const struct vkt_options options = { .flags = VKT_WINDOWS };
	const struct window_system *system = argc == 6 ? window_system_find(argv[1]) : NULL;
	struct vkt t;

	if (system == NULL) {
		fprintf(stderr,
			"usage: window_bench x11|xlib|wayland|headless WIDTH HEIGHT MODE FRAMES\n"
			"Prints microseconds per frame. MODE: a VkPresentModeKHR.\n");
		return 2;
	}
	VKT_EXPECT(system->open());
	vkt_open(&t, &options);
	struct window *window =
		system->create(&t, 0, (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]));
	measure(&t, window, (VkPresentModeKHR)atoi(argv[4]), (uint32_t)atoi(argv[5]));
	system->destroy(&t, window);
	vkt_close(&t);
	system->close();
	return 0;
}
