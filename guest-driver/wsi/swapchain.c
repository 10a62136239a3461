/* SPDX-License-Identifier: MIT */
/* The life of swapchains, and who has which image. */
#include "guest-driver/wsi/swapchain.h"

#include <stdlib.h>
#include <time.h>

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/context.h"
#include "guest-driver/vk/device.h"
#include "guest-driver/vk/fence.h"
#include "guest-driver/vk/semaphore.h"
#include "guest-driver/wsi/surface.h"
#include "protocol/sl_entries.h"

static struct sl_swapchain *from_handle(VkSwapchainKHR handle)
{
	return (struct sl_swapchain *)(uintptr_t)handle;
}

void sl_swapchain_wake(struct sl_swapchain *swapchain)
{
	pthread_cond_broadcast(&swapchain->changed);
}

void sl_swapchain_release(struct sl_swapchain *swapchain, struct sl_swapchain_image *image)
{
	pthread_mutex_lock(&swapchain->lock);
	/* A window system may say so twice, e.g. when it skips an image that it has shown. */
	if (image->state == SL_IMAGE_SHOWN) {
		image->state = SL_IMAGE_FREE;
		image->freed = ++swapchain->free_count;
		sl_swapchain_wake(swapchain);
	}
	pthread_mutex_unlock(&swapchain->lock);
}

void sl_swapchain_set_shown(struct sl_swapchain *swapchain, uint64_t present_id)
{
	pthread_mutex_lock(&swapchain->lock);
	if (present_id > swapchain->shown_id) {
		swapchain->shown_id = present_id;
		sl_swapchain_wake(swapchain);
	}
	pthread_mutex_unlock(&swapchain->lock);
}

/* Errors are worse than being suboptimal, and the first of them is the reason for the others. */
void sl_swapchain_set_status(struct sl_swapchain *swapchain, VkResult status)
{
	pthread_mutex_lock(&swapchain->lock);
	if (swapchain->status >= 0 && status != VK_SUCCESS) {
		swapchain->status = status;
		sl_swapchain_wake(swapchain);
	}
	pthread_mutex_unlock(&swapchain->lock);
}

/* With the lock held, around waiting for changed. */
static void begin_wait(struct sl_swapchain *swapchain)
{
	if (swapchain->waiters++ == 0) {
		sl_swapchain_wake(swapchain);
	}
}

static void end_wait(struct sl_swapchain *swapchain)
{
	const struct sl_surface_ops *ops = swapchain->surface->ops;

	if (--swapchain->waiters == 0 && ops->stop_waiting != NULL) {
		ops->stop_waiting(swapchain);
	}
}

bool sl_swapchain_wait(struct sl_swapchain *swapchain, bool (*ready)(void *data), void *data)
{
	pthread_mutex_lock(&swapchain->lock);
	begin_wait(swapchain);
	while (!ready(data) && swapchain->status >= 0 && !swapchain->is_stopping) {
		pthread_cond_wait(&swapchain->changed, &swapchain->lock);
	}
	end_wait(swapchain);
	bool is_alive = swapchain->status >= 0 && !swapchain->is_stopping;
	pthread_mutex_unlock(&swapchain->lock);
	return is_alive;
}

static struct sl_swapchain *alloc_swapchain(struct sl_device *device,
					    const VkSwapchainCreateInfoKHR *info)
{
	struct sl_swapchain *swapchain = sl_guest_object_create(
		&device->base, VK_OBJECT_TYPE_SWAPCHAIN_KHR, sizeof(*swapchain));
	pthread_condattr_t attributes;

	if (swapchain == NULL) {
		return NULL;
	}
	swapchain->device = device;
	swapchain->surface = sl_surface_from_handle(info->surface);
	swapchain->format = info->imageFormat;
	swapchain->extent = info->imageExtent;
	swapchain->mode = info->presentMode;
	swapchain->alpha = info->compositeAlpha;
	pthread_mutex_init(&swapchain->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&swapchain->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return swapchain;
}

static void destroy_swapchain(struct sl_swapchain *swapchain)
{
	sl_swapchain_stop(swapchain);
	if (swapchain->window != NULL) {
		swapchain->surface->ops->detach(swapchain);
	}
	sl_swapchain_destroy_images(swapchain);
	pthread_cond_destroy(&swapchain->changed);
	pthread_mutex_destroy(&swapchain->lock);
	sl_guest_object_destroy(swapchain);
}

static VkResult init_swapchain(struct sl_swapchain *swapchain, const VkSwapchainCreateInfoKHR *info)
{
	const struct sl_surface_ops *ops = swapchain->surface->ops;
	VkResult result = ops->attach(swapchain);

	if (result != VK_SUCCESS) {
		return result;
	}
	result = sl_swapchain_create_images(swapchain, info);
	for (uint32_t i = 0; result == VK_SUCCESS && i < swapchain->image_count; i++) {
		result = ops->add_image(swapchain, &swapchain->images[i]);
	}
	return result == VK_SUCCESS ? sl_swapchain_start(swapchain) : result;
}

/* What its images show may still come, but no new image is given out: the swapchain that replaces
 * it draws to the same window. */
static void retire(struct sl_swapchain *swapchain)
{
	if (swapchain != NULL) {
		pthread_mutex_lock(&swapchain->lock);
		swapchain->is_retired = true;
		sl_swapchain_wake(swapchain);
		pthread_mutex_unlock(&swapchain->lock);
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateSwapchainKHR(VkDevice handle,
						       const VkSwapchainCreateInfoKHR *pCreateInfo,
						       const VkAllocationCallbacks *pAllocator,
						       VkSwapchainKHR *pSwapchain)
{
	struct sl_device *device = (struct sl_device *)handle;
	struct sl_swapchain *swapchain = alloc_swapchain(device, pCreateInfo);

	*pSwapchain = VK_NULL_HANDLE;
	/* The old one is retired even if there is no new one. */
	retire(from_handle(pCreateInfo->oldSwapchain));
	if (swapchain == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = init_swapchain(swapchain, pCreateInfo);
	if (result != VK_SUCCESS) {
		destroy_swapchain(swapchain);
		return result;
	}
	*pSwapchain = (VkSwapchainKHR)(uintptr_t)swapchain;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroySwapchainKHR(VkDevice device, VkSwapchainKHR swapchain,
						    const VkAllocationCallbacks *pAllocator)
{
	if (swapchain != VK_NULL_HANDLE) {
		destroy_swapchain(from_handle(swapchain));
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetSwapchainImagesKHR(VkDevice device, VkSwapchainKHR handle,
							  uint32_t *pSwapchainImageCount,
							  VkImage *pSwapchainImages)
{
	const struct sl_swapchain *swapchain = from_handle(handle);
	uint32_t total = swapchain->image_count;

	if (pSwapchainImages == NULL) {
		*pSwapchainImageCount = total;
		return VK_SUCCESS;
	}
	uint32_t count = *pSwapchainImageCount < total ? *pSwapchainImageCount : total;
	for (uint32_t i = 0; i < count; i++) {
		pSwapchainImages[i] = swapchain->images[i].handle;
	}
	*pSwapchainImageCount = count;
	return count < total ? VK_INCOMPLETE : VK_SUCCESS;
}

/* The image that has been free for the longest time, or NULL. */
static struct sl_swapchain_image *find_free(struct sl_swapchain *swapchain)
{
	struct sl_swapchain_image *found = NULL;

	for (uint32_t i = 0; i < swapchain->image_count; i++) {
		struct sl_swapchain_image *image = &swapchain->images[i];
		if (image->state == SL_IMAGE_FREE &&
		    (found == NULL || image->freed < found->freed)) {
			found = image;
		}
	}
	return found;
}

/* With the lock held; false: the time is over. */
static bool wait_until(struct sl_swapchain *swapchain, uint64_t deadline_ns)
{
	const struct timespec deadline = {
		.tv_sec = (time_t)(deadline_ns / 1000000000u),
		.tv_nsec = (long)(deadline_ns % 1000000000u),
	};

	if (deadline_ns == 0) {
		return false;
	}
	/* Past this a time_t may overflow. */
	if (deadline_ns > INT64_MAX) {
		return pthread_cond_wait(&swapchain->changed, &swapchain->lock) == 0;
	}
	return pthread_cond_timedwait(&swapchain->changed, &swapchain->lock, &deadline) == 0;
}

static VkResult acquire_locked(struct sl_swapchain *swapchain, uint64_t timeout_ns,
			       struct sl_swapchain_image **ret_image)
{
	uint64_t deadline_ns = sl_fence_deadline(timeout_ns);
	bool has_time = true;

	for (;;) {
		if (swapchain->status < 0) {
			return swapchain->status;
		}
		if (swapchain->is_retired) {
			return VK_ERROR_OUT_OF_DATE_KHR;
		}
		*ret_image = find_free(swapchain);
		if (*ret_image != NULL) {
			(*ret_image)->state = SL_IMAGE_ACQUIRED;
			return swapchain->status;
		}
		if (!has_time) {
			return timeout_ns == 0 ? VK_NOT_READY : VK_TIMEOUT;
		}
		has_time = wait_until(swapchain, deadline_ns);
	}
}

/* No image was free: hear what the window system has to say. */
static VkResult acquire_later(struct sl_swapchain *swapchain, uint64_t timeout_ns,
			      struct sl_swapchain_image **ret_image)
{
	const struct sl_surface_ops *ops = swapchain->surface->ops;

	if (ops->poll != NULL) {
		ops->poll(swapchain);
	}
	pthread_mutex_lock(&swapchain->lock);
	begin_wait(swapchain);
	VkResult result = acquire_locked(swapchain, timeout_ns, ret_image);
	end_wait(swapchain);
	pthread_mutex_unlock(&swapchain->lock);
	return result;
}

static VkResult acquire(VkSwapchainKHR handle, uint64_t timeout_ns, VkSemaphore semaphore,
			VkFence fence, uint32_t *ret_index)
{
	struct sl_swapchain *swapchain = from_handle(handle);
	struct sl_swapchain_image *image = NULL;

	if (sl_context_is_lost(swapchain->presentable.base.context)) {
		return VK_ERROR_DEVICE_LOST;
	}
	pthread_mutex_lock(&swapchain->lock);
	VkResult result = acquire_locked(swapchain, 0, &image);
	pthread_mutex_unlock(&swapchain->lock);
	if (result == VK_NOT_READY) {
		result = acquire_later(swapchain, timeout_ns, &image);
	}
	if (image == NULL) {
		return result;
	}
	/* The window system has done with it: there is nothing left to wait for. */
	sl_semaphore_signal_locally(semaphore);
	sl_fence_signal(fence);
	*ret_index = (uint32_t)(image - swapchain->images);
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkAcquireNextImageKHR(VkDevice device, VkSwapchainKHR swapchain,
							uint64_t timeout, VkSemaphore semaphore,
							VkFence fence, uint32_t *pImageIndex)
{
	return acquire(swapchain, timeout, semaphore, fence, pImageIndex);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkAcquireNextImage2KHR(
	VkDevice device, const VkAcquireNextImageInfoKHR *pAcquireInfo, uint32_t *pImageIndex)
{
	return acquire(pAcquireInfo->swapchain, pAcquireInfo->timeout, pAcquireInfo->semaphore,
		       pAcquireInfo->fence, pImageIndex);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkWaitForPresentKHR(VkDevice device, VkSwapchainKHR handle,
						      uint64_t presentId, uint64_t timeout)
{
	struct sl_swapchain *swapchain = from_handle(handle);
	uint64_t deadline_ns = sl_fence_deadline(timeout);
	const struct sl_surface_ops *ops = swapchain->surface->ops;
	bool has_time = true;

	if (ops->poll != NULL) {
		ops->poll(swapchain);
	}
	pthread_mutex_lock(&swapchain->lock);
	begin_wait(swapchain);
	while (swapchain->shown_id < presentId && swapchain->status >= 0 && has_time) {
		has_time = wait_until(swapchain, deadline_ns);
	}
	VkResult result = swapchain->shown_id >= presentId ? VK_SUCCESS
			  : swapchain->status < 0	   ? swapchain->status
							   : VK_TIMEOUT;
	end_wait(swapchain);
	pthread_mutex_unlock(&swapchain->lock);
	return result;
}
