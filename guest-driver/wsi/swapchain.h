/* SPDX-License-Identifier: MIT */
/* VkSwapchainKHR: images that go from the application to the GPU, from there to the window system
 * by the swapchain's present thread, and back. */
#ifndef SL_GUEST_DRIVER_WSI_SWAPCHAIN_H
#define SL_GUEST_DRIVER_WSI_SWAPCHAIN_H

#include "guest-driver/vk/presentable.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct sl_device;
struct sl_queue;
struct sl_surface;

/* Parts of an image that a present says have changed; past this it is all of it. */
#define SL_MAX_PRESENT_RECTS 8

enum sl_image_state {
	SL_IMAGE_FREE,	   /* can be acquired */
	SL_IMAGE_ACQUIRED, /* the application's */
	SL_IMAGE_QUEUED,   /* waits for the GPU and for its turn */
	SL_IMAGE_SHOWN,	   /* the window system reads it */
};

struct sl_swapchain_image {
	VkImage handle; /* its memory: struct sl_presentable */
	/* Where the image is not in shared pages itself: what it is copied to by the queue. */
	VkBuffer buffer;
	VkDeviceMemory buffer_memory;
	VkCommandBuffer copy; /* recorded for copy_family; VK_NULL_HANDLE: not yet */
	VkCommandPool copy_pool;
	uint32_t copy_family;

	/* Of the pixels in shared pages. */
	const uint8_t *pixels; /* the first one; NULL: nobody sees them */
	uint8_t *shared_copy;  /* pixels are copied to this before they are shown; NULL: not */
	size_t size;	       /* bytes from pixels to the end of the last row */
	int fd;		       /* -1: there is none; offset 0 is region_offset before pixels */
	size_t fd_offset;
	uint32_t stride;

	uint32_t window_id; /* the window system's */
	void *window_data;  /* the window system's */
	uint64_t freed;	    /* when, in frees of the swapchain; guarded by its lock */
	uint64_t present_id;
	uint32_t serial;   /* the window system's, of the last present; guarded by the lock */
	bool is_presented; /* serial is one */
	enum sl_image_state state; /* guarded by the swapchain's lock */
};

/* An image on its way to the window system. */
struct sl_present {
	struct sl_swapchain_image *image;
	struct sl_queue *queue;
	uint64_t number;     /* the submission of queue after which the pixels are there */
	uint64_t present_id; /* 0: none */
	uint32_t rect_count; /* 0: everything has changed */
	VkRect2D rects[SL_MAX_PRESENT_RECTS];
};

struct sl_swapchain {
	struct sl_presentable presentable;
	struct sl_device *device;
	struct sl_surface *surface;
	VkFormat format;
	VkExtent2D extent;
	VkPresentModeKHR mode;
	VkCompositeAlphaFlagBitsKHR alpha;
	bool is_direct; /* the GPU renders into the shared pages */
	VkImageCreateInfo image_info;
	VkImageFormatListCreateInfo format_list;
	uint32_t image_count;
	struct sl_swapchain_image images[SL_MAX_SWAPCHAIN_IMAGES];
	void *window; /* the window system's */

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	bool is_stopping;
	bool is_retired;
	VkResult status; /* VK_SUCCESS, VK_SUBOPTIMAL_KHR or an error that stays */
	uint64_t free_count;
	uint64_t shown_id; /* highest present id that has been shown */
	uint32_t waiters;  /* threads that wait for changed because of the window system */
	uint32_t first_present;
	uint32_t present_count;
	struct sl_present presents[SL_MAX_SWAPCHAIN_IMAGES]; /* a ring: an image is in it once */
};

/* For window systems: the image can be acquired again. Any thread. */
void sl_swapchain_release(struct sl_swapchain *swapchain, struct sl_swapchain_image *image);
/* For window systems: a present can be seen. Any thread. */
void sl_swapchain_set_shown(struct sl_swapchain *swapchain, uint64_t present_id);
/* For window systems: VK_SUBOPTIMAL_KHR or an error; the worst one stays. Any thread. */
void sl_swapchain_set_status(struct sl_swapchain *swapchain, VkResult status);
/* For show(): wait until ready(data) holds, called with the lock held; what it reads changes with
 * the lock held and is followed by sl_swapchain_wake(). False: the swapchain ends or has failed. */
bool sl_swapchain_wait(struct sl_swapchain *swapchain, bool (*ready)(void *data), void *data);
/* With the lock held. */
void sl_swapchain_wake(struct sl_swapchain *swapchain);

/* Make the images and describe their pixels. On failure what was made stays for
 * sl_swapchain_destroy_images(). */
VkResult sl_swapchain_create_images(struct sl_swapchain *swapchain,
				    const VkSwapchainCreateInfoKHR *info);
void sl_swapchain_destroy_images(struct sl_swapchain *swapchain);
/* The commands that copy an image to its shared pages on a queue of the family; the image is not in
 * use. Returns VK_SUCCESS or an error. */
VkResult sl_swapchain_get_copy(struct sl_swapchain *swapchain, struct sl_swapchain_image *image,
			       uint32_t family, VkCommandBuffer *ret_commands);

/* The present thread. */
VkResult sl_swapchain_start(struct sl_swapchain *swapchain);
void sl_swapchain_stop(struct sl_swapchain *swapchain);

#endif
