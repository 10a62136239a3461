/* SPDX-License-Identifier: MIT */
/* Windows of an X server. */
#ifndef SL_GUEST_DRIVER_WSI_SURFACE_X11_H
#define SL_GUEST_DRIVER_WSI_SURFACE_X11_H

#include "guest-driver/wsi/surface.h"

#include <xcb/xcb.h>

struct sl_surface_x11 {
	struct sl_surface base;
	xcb_connection_t *connection; /* the application's */
	xcb_window_t window;
};

/* What swapchains of an X window do: window_x11.c. */
VkResult sl_window_x11_attach(struct sl_swapchain *swapchain);
VkResult sl_window_x11_add_image(struct sl_swapchain *swapchain, struct sl_swapchain_image *image);
void sl_window_x11_show(struct sl_swapchain *swapchain, const struct sl_present *present);
void sl_window_x11_detach(struct sl_swapchain *swapchain);

/* Another connection to the same X server; see xcb_connection_has_error(). The caller ends it with
 * xcb_disconnect(). */
xcb_connection_t *sl_x11_connect_again(xcb_connection_t *connection);

#endif
