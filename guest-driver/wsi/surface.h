/* SPDX-License-Identifier: MIT */
/* VkSurfaceKHR: a window of the guest's window system, or nothing at all. What differs from one
 * window system to the next is behind struct sl_surface_ops. */
#ifndef SL_GUEST_DRIVER_WSI_SURFACE_H
#define SL_GUEST_DRIVER_WSI_SURFACE_H

#include "guest-driver/vk/object.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_swapchain;
struct sl_swapchain_image;
struct sl_present;
struct sl_surface;

/* Pixels as window systems describe them: from the highest bits of a little-endian word down. */
enum sl_pixel_layout {
	SL_PIXEL_XRGB8888,
	SL_PIXEL_RGB565,
	SL_PIXEL_XBGR8888,
	SL_PIXEL_XRGB2101010,
	SL_PIXEL_XBGR2101010,
	SL_PIXEL_LAYOUT_COUNT,
};

/* More than any window system has. */
#define SL_MAX_PRESENT_MODES 4

struct sl_surface_ops {
	/* Bit i of *ret_layouts: pixels of enum sl_pixel_layout i can be shown; 0: nothing can.
	 * Returns VK_SUCCESS or VK_ERROR_SURFACE_LOST_KHR. */
	VkResult (*get_layouts)(struct sl_surface *surface, uint32_t *ret_layouts);
	/* currentExtent, minImageCount and supportedCompositeAlpha; the rest is filled in.
	 * Returns VK_SUCCESS or VK_ERROR_SURFACE_LOST_KHR. */
	VkResult (*get_capabilities)(struct sl_surface *surface, VkSurfaceCapabilitiesKHR *caps);
	const VkPresentModeKHR *modes;
	uint32_t mode_count;
	bool is_seen; /* somebody else reads the pixels: images are in shared pages */
	void (*destroy)(struct sl_surface *surface);

	/* Begin to show a swapchain; what is set up hangs on swapchain->window, also on failure. */
	VkResult (*attach)(struct sl_swapchain *swapchain);
	/* Tell the window system of an image's pixels; image->fd is used up. */
	VkResult (*add_image)(struct sl_swapchain *swapchain, struct sl_swapchain_image *image);
	/* Show an image whose pixels are there. Present thread; may wait only for what the present
	 * mode says, by sl_swapchain_wait(). */
	void (*show)(struct sl_swapchain *swapchain, const struct sl_present *present);
	/* Take notice of what the window system has said so far, without waiting. NULL: that
	 * happens by itself. Any thread. */
	void (*poll)(struct sl_swapchain *swapchain);
	/* Nobody waits for the window system any more (swapchain->waiters is 0 again; when it
	 * becomes 1, changed is signalled). With the swapchain's lock held. NULL: no matter. */
	void (*stop_waiting)(struct sl_swapchain *swapchain);
	/* The present thread has ended; swapchain->window is not NULL. */
	void (*detach)(struct sl_swapchain *swapchain);
};

/* First member of every window system's surface. */
struct sl_surface {
	struct sl_guest_object base;
	const struct sl_surface_ops *ops;
};

/* For vkCreate*SurfaceKHR: a zeroed surface of size bytes, or NULL. */
struct sl_surface *sl_surface_create(VkInstance instance, const struct sl_surface_ops *ops,
				     size_t size);

static inline struct sl_surface *sl_surface_from_handle(VkSurfaceKHR handle)
{
	return (struct sl_surface *)(uintptr_t)handle;
}

/* The layout of a format's pixels; -1: no window system shows it. */
int sl_surface_format_layout(VkFormat format);
/* Bytes per pixel of a format that window systems show. */
uint32_t sl_surface_pixel_size(VkFormat format);

#endif
