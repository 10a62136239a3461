/* SPDX-License-Identifier: MIT */
/* Surfaces of a Wayland compositor. */
#ifndef SL_GUEST_DRIVER_WSI_SURFACE_WAYLAND_H
#define SL_GUEST_DRIVER_WSI_SURFACE_WAYLAND_H

#include "guest-driver/wsi/linux_dmabuf.h"
#include "guest-driver/wsi/surface.h"

#include <pthread.h>
#include <wayland-client.h>

struct sl_surface_wayland {
	struct sl_surface base;
	struct wl_display *display; /* the application's, and so is the surface */
	struct wl_surface *surface;
	pthread_mutex_t lock; /* guards all below */
	bool is_asked;
	uint32_t layouts; /* bit: enum sl_pixel_layout */
};

/* wl_shm of the application's compositor, and linux-dmabuf, for one queue of events. */
struct sl_wayland_shm {
	struct wl_event_queue *queue;
	struct wl_shm *shm;
	struct sl_linux_dmabuf dmabuf;
	uint32_t layouts; /* that wl_shm takes with and without alpha */
};

/* Returns VK_SUCCESS, VK_ERROR_OUT_OF_HOST_MEMORY or VK_ERROR_SURFACE_LOST_KHR; shm is to be
 * finished in any case. */
VkResult sl_wayland_shm_init(struct sl_wayland_shm *shm, struct wl_display *display);
void sl_wayland_shm_finish(struct sl_wayland_shm *shm);
/* The wl_shm format of a layout. */
uint32_t sl_wayland_shm_format(enum sl_pixel_layout layout, bool has_alpha);

/* What swapchains of a Wayland surface do: window_wayland.c. */
VkResult sl_window_wayland_attach(struct sl_swapchain *swapchain);
VkResult sl_window_wayland_add_image(struct sl_swapchain *swapchain,
				     struct sl_swapchain_image *image);
void sl_window_wayland_show(struct sl_swapchain *swapchain, const struct sl_present *present);
void sl_window_wayland_poll(struct sl_swapchain *swapchain);
void sl_window_wayland_stop_waiting(struct sl_swapchain *swapchain);
void sl_window_wayland_detach(struct sl_swapchain *swapchain);

#endif
