/* SPDX-License-Identifier: MIT */
/* A program that destroys each semaphore as soon as it may: vulkan_hasty ROUNDS */
#include "tests/vkt/vkt.h"

#include <stdlib.h>

/* The second of two submissions waits for the first. */
static void submit_two(struct vkt *t, VkSemaphore semaphore, VkFence fence)
{
	static const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	static const uint64_t value = 1;
	const VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &value,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &value,
	};
	const VkSubmitInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &values,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &semaphore,
	};
	const VkSubmitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &values,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &semaphore,
		.pWaitDstStageMask = &stage,
	};

	VKT_OK(vkQueueSubmit(t->queue, 1, &signal, VK_NULL_HANDLE));
	VKT_OK(vkQueueSubmit(t->queue, 1, &wait, fence));
}

int main(int argc, char **argv)
{
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};
	struct vkt t;

	vkt_open(&t, &(struct vkt_options){ 0 });
	VkFence fence = vkt_create_fence(&t, 0);

	for (int rounds = argc > 1 ? atoi(argv[1]) : 1; rounds > 0; rounds--) {
		VkSemaphore semaphore;

		VKT_OK(vkCreateSemaphore(t.device, &info, NULL, &semaphore));
		submit_two(&t, semaphore, fence);
		VKT_OK(vkWaitForFences(t.device, 1, &fence, VK_TRUE, UINT64_MAX));
		VKT_OK(vkResetFences(t.device, 1, &fence));
		vkDestroySemaphore(t.device, semaphore, NULL);
	}
	vkt_close(&t);
	return 0;
}
