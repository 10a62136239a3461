/* SPDX-License-Identifier: MIT */
/* Presenting: the queue waits for the semaphores and copies what must be copied; then the
 * swapchain's present thread, once the GPU has done that, hands the image to the window system. So
 * neither the application nor its queue waits for the window system. */
#include <stdlib.h>
#include <string.h>

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/context.h"
#include "guest-driver/vk/queue.h"
#include "guest-driver/wsi/surface.h"
#include "guest-driver/wsi/swapchain.h"
#include "protocol/sl_entries.h"

/* More semaphores or swapchains need heap memory. */
#define INLINE_COUNT 8

static bool pixels_are_there(void *data)
{
	const struct sl_present *present = data;

	return sl_queue_slot_has_completed(present->queue->base.context, present->queue->slot,
					   present->number);
}

static void show(struct sl_swapchain *swapchain, struct sl_present *present)
{
	struct sl_swapchain_image *image = present->image;
	struct sl_context *context = swapchain->presentable.base.context;

	if (sl_guest_link_wait(context->link, pixels_are_there, present, UINT64_MAX) < 0) {
		sl_swapchain_set_status(swapchain, VK_ERROR_DEVICE_LOST);
		return;
	}
	if (image->shared_copy != NULL) {
		memcpy(image->shared_copy, image->pixels, image->size);
	}
	pthread_mutex_lock(&swapchain->lock);
	image->state = SL_IMAGE_SHOWN;
	image->present_id = present->present_id;
	pthread_mutex_unlock(&swapchain->lock);
	swapchain->surface->ops->show(swapchain, present);
}

static bool take_present(struct sl_swapchain *swapchain, struct sl_present *ret_present)
{
	pthread_mutex_lock(&swapchain->lock);
	while (swapchain->present_count == 0 && !swapchain->is_stopping) {
		pthread_cond_wait(&swapchain->changed, &swapchain->lock);
	}
	bool is_stopping = swapchain->is_stopping;
	if (!is_stopping) {
		*ret_present = swapchain->presents[swapchain->first_present];
		swapchain->first_present = (swapchain->first_present + 1) % SL_MAX_SWAPCHAIN_IMAGES;
		swapchain->present_count--;
	}
	pthread_mutex_unlock(&swapchain->lock);
	return !is_stopping;
}

static void *run_present_thread(void *data)
{
	struct sl_swapchain *swapchain = data;
	struct sl_present present;

	while (take_present(swapchain, &present)) {
		show(swapchain, &present);
	}
	return NULL;
}

VkResult sl_swapchain_start(struct sl_swapchain *swapchain)
{
	if (pthread_create(&swapchain->thread, NULL, run_present_thread, swapchain) != 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	swapchain->has_thread = true;
	pthread_setname_np(swapchain->thread, "sluice-present");
	return VK_SUCCESS;
}

void sl_swapchain_stop(struct sl_swapchain *swapchain)
{
	pthread_mutex_lock(&swapchain->lock);
	swapchain->is_stopping = true;
	sl_swapchain_wake(swapchain);
	pthread_mutex_unlock(&swapchain->lock);
	if (swapchain->has_thread) {
		pthread_join(swapchain->thread, NULL);
		swapchain->has_thread = false;
	}
}

static struct sl_swapchain *get_swapchain(const VkPresentInfoKHR *info, uint32_t index)
{
	return (struct sl_swapchain *)(uintptr_t)info->pSwapchains[index];
}

static void add_regions(const VkPresentInfoKHR *info, uint32_t index, struct sl_present *present)
{
	const VkPresentRegionsKHR *regions =
		sl_chain_find(info->pNext, VK_STRUCTURE_TYPE_PRESENT_REGIONS_KHR);

	if (regions == NULL || regions->pRegions == NULL) {
		return;
	}
	const VkPresentRegionKHR *region = &regions->pRegions[index];
	if (region->rectangleCount > SL_MAX_PRESENT_RECTS || region->pRectangles == NULL) {
		return;
	}
	for (uint32_t i = 0; i < region->rectangleCount; i++) {
		present->rects[i] = (VkRect2D){
			region->pRectangles[i].offset,
			region->pRectangles[i].extent,
		};
	}
	present->rect_count = region->rectangleCount;
}

/* Hand an image to its present thread. */
static VkResult add_present(const VkPresentInfoKHR *info, uint32_t index, struct sl_queue *queue)
{
	const VkPresentIdKHR *ids = sl_chain_find(info->pNext, VK_STRUCTURE_TYPE_PRESENT_ID_KHR);
	struct sl_swapchain *swapchain = get_swapchain(info, index);
	struct sl_present present = {
		.image = &swapchain->images[info->pImageIndices[index]],
		.queue = queue,
		.number = atomic_load_explicit(&queue->submitted, memory_order_relaxed),
		.present_id = ids != NULL && ids->pPresentIds != NULL ? ids->pPresentIds[index] : 0,
	};

	add_regions(info, index, &present);
	pthread_mutex_lock(&swapchain->lock);
	VkResult result = swapchain->status;
	if (result >= 0 && present.image->state == SL_IMAGE_ACQUIRED &&
	    swapchain->present_count < SL_MAX_SWAPCHAIN_IMAGES) {
		uint32_t last = swapchain->first_present + swapchain->present_count;
		present.image->state = SL_IMAGE_QUEUED;
		swapchain->presents[last % SL_MAX_SWAPCHAIN_IMAGES] = present;
		swapchain->present_count++;
		sl_swapchain_wake(swapchain);
	}
	pthread_mutex_unlock(&swapchain->lock);
	return result;
}

/* The submission that waits for the semaphores and copies. There is none if there is nothing to
 * wait for and nothing to copy. */
static VkResult submit(struct sl_queue *queue, const VkPresentInfoKHR *info,
		       VkPipelineStageFlags *stages, VkCommandBuffer *copies)
{
	VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.waitSemaphoreCount = info->waitSemaphoreCount,
		.pWaitSemaphores = info->pWaitSemaphores,
		.pWaitDstStageMask = stages,
		.pCommandBuffers = copies,
	};

	for (uint32_t i = 0; i < info->waitSemaphoreCount; i++) {
		stages[i] = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	}
	for (uint32_t i = 0; i < info->swapchainCount; i++) {
		struct sl_swapchain *swapchain = get_swapchain(info, i);
		struct sl_swapchain_image *image = &swapchain->images[info->pImageIndices[i]];
		if (image->buffer == VK_NULL_HANDLE) {
			continue;
		}
		VkResult result = sl_swapchain_get_copy(swapchain, image, queue->family,
							&copies[submit.commandBufferCount]);
		if (result != VK_SUCCESS) {
			return result;
		}
		submit.commandBufferCount++;
	}
	if (submit.waitSemaphoreCount == 0 && submit.commandBufferCount == 0) {
		return VK_SUCCESS;
	}
	return sl_vkQueueSubmit((VkQueue)queue, 1, &submit, VK_NULL_HANDLE);
}

static VkResult present_all(struct sl_queue *queue, const VkPresentInfoKHR *info)
{
	VkResult result = VK_SUCCESS;

	for (uint32_t i = 0; i < info->swapchainCount; i++) {
		VkResult one = add_present(info, i, queue);
		if (info->pResults != NULL) {
			info->pResults[i] = one;
		}
		/* Errors are negative; of successes, suboptimal is the one to tell. */
		if (one < 0 ? result >= 0 : result == VK_SUCCESS) {
			result = one;
		}
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkQueuePresentKHR(VkQueue handle,
						    const VkPresentInfoKHR *pPresentInfo)
{
	struct sl_queue *queue = (struct sl_queue *)handle;
	VkPipelineStageFlags inline_stages[INLINE_COUNT];
	VkCommandBuffer inline_copies[INLINE_COUNT];
	VkPipelineStageFlags *stages = inline_stages;
	VkCommandBuffer *copies = inline_copies;
	VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;

	if (pPresentInfo->waitSemaphoreCount > INLINE_COUNT) {
		stages = calloc(pPresentInfo->waitSemaphoreCount, sizeof(*stages));
	}
	if (pPresentInfo->swapchainCount > INLINE_COUNT) {
		copies = calloc(pPresentInfo->swapchainCount, sizeof(*copies));
	}
	if (stages != NULL && copies != NULL) {
		result = submit(queue, pPresentInfo, stages, copies);
	}
	if (stages != inline_stages) {
		free(stages);
	}
	if (copies != inline_copies) {
		free(copies);
	}
	if (result != VK_SUCCESS) {
		for (uint32_t i = 0;
		     pPresentInfo->pResults != NULL && i < pPresentInfo->swapchainCount; i++) {
			pPresentInfo->pResults[i] = result;
		}
		return result;
	}
	return present_all(queue, pPresentInfo);
}
