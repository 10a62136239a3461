/* SPDX-License-Identifier: MIT */
/* Surfaces made of X windows, and what their visuals can show. */
#include "guest-driver/wsi/surface_x11.h"

#include <X11/Xlib-xcb.h>
#include <stdlib.h>

#include "protocol/sl_entries.h"
#include "protocol/sl_entries_platform.h"

static const VkPresentModeKHR modes[] = {
	VK_PRESENT_MODE_IMMEDIATE_KHR,
	VK_PRESENT_MODE_MAILBOX_KHR,
	VK_PRESENT_MODE_FIFO_KHR,
	VK_PRESENT_MODE_FIFO_RELAXED_KHR,
};

/* NULL: there is no such visual. */
static const xcb_visualtype_t *find_visual(xcb_connection_t *connection, xcb_visualid_t id,
					   uint8_t *ret_depth)
{
	xcb_screen_iterator_t screen = xcb_setup_roots_iterator(xcb_get_setup(connection));

	for (; screen.rem > 0; xcb_screen_next(&screen)) {
		xcb_depth_iterator_t depth = xcb_screen_allowed_depths_iterator(screen.data);
		for (; depth.rem > 0; xcb_depth_next(&depth)) {
			xcb_visualtype_iterator_t visual = xcb_depth_visuals_iterator(depth.data);
			for (; visual.rem > 0; xcb_visualtype_next(&visual)) {
				if (visual.data->visual_id == id) {
					*ret_depth = depth.data->depth;
					return visual.data;
				}
			}
		}
	}
	return NULL;
}

/* What a window of this visual can show, as for get_layouts(). */
static uint32_t visual_layouts(xcb_connection_t *connection, xcb_visualid_t id)
{
	uint8_t depth = 0;
	const xcb_visualtype_t *visual = find_visual(connection, id, &depth);
	bool is_8 = depth == 24 || depth == 32;

	if (visual == NULL || (visual->_class != XCB_VISUAL_CLASS_TRUE_COLOR &&
			       visual->_class != XCB_VISUAL_CLASS_DIRECT_COLOR)) {
		return 0;
	}
	if (is_8 && visual->red_mask == 0xff0000 && visual->blue_mask == 0xff) {
		return 1u << SL_PIXEL_XRGB8888;
	}
	if (is_8 && visual->red_mask == 0xff && visual->blue_mask == 0xff0000) {
		return 1u << SL_PIXEL_XBGR8888;
	}
	if (depth == 16 && visual->red_mask == 0xf800 && visual->blue_mask == 0x1f) {
		return 1u << SL_PIXEL_RGB565;
	}
	if (depth == 30 && visual->red_mask == 0x3ff00000 && visual->blue_mask == 0x3ff) {
		return 1u << SL_PIXEL_XRGB2101010;
	}
	if (depth == 30 && visual->red_mask == 0x3ff && visual->blue_mask == 0x3ff00000) {
		return 1u << SL_PIXEL_XBGR2101010;
	}
	return 0;
}

/* Visual and size of the window in one round trip; false: it is gone. */
static bool ask_window(struct sl_surface_x11 *surface, xcb_visualid_t *ret_visual,
		       VkExtent2D *ret_extent)
{
	xcb_connection_t *connection = surface->connection;
	xcb_get_window_attributes_cookie_t attributes_cookie =
		xcb_get_window_attributes(connection, surface->window);
	xcb_get_geometry_cookie_t geometry_cookie = xcb_get_geometry(connection, surface->window);
	xcb_get_window_attributes_reply_t *attributes =
		xcb_get_window_attributes_reply(connection, attributes_cookie, NULL);
	xcb_get_geometry_reply_t *geometry =
		xcb_get_geometry_reply(connection, geometry_cookie, NULL);
	bool is_there = attributes != NULL && geometry != NULL;

	if (is_there) {
		*ret_visual = attributes->visual;
		*ret_extent = (VkExtent2D){ geometry->width, geometry->height };
	}
	free(attributes);
	free(geometry);
	return is_there;
}

static VkResult get_layouts(struct sl_surface *base, uint32_t *ret_layouts)
{
	struct sl_surface_x11 *surface = (struct sl_surface_x11 *)base;
	xcb_visualid_t id;
	VkExtent2D extent;

	*ret_layouts = 0;
	if (!ask_window(surface, &id, &extent)) {
		return VK_ERROR_SURFACE_LOST_KHR;
	}
	*ret_layouts = visual_layouts(surface->connection, id);
	return VK_SUCCESS;
}

static VkResult get_capabilities(struct sl_surface *base, VkSurfaceCapabilitiesKHR *caps)
{
	struct sl_surface_x11 *surface = (struct sl_surface_x11 *)base;
	xcb_visualid_t id;
	uint8_t depth = 0;

	caps->minImageCount = 3;
	if (!ask_window(surface, &id, &caps->currentExtent)) {
		return VK_ERROR_SURFACE_LOST_KHR;
	}
	/* The X server decides what a window's alpha means; windows of depth 24 have none. */
	caps->supportedCompositeAlpha =
		VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR | VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
	(void)find_visual(surface->connection, id, &depth);
	if (depth == 32) {
		caps->supportedCompositeAlpha = VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR |
						VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR;
	}
	return VK_SUCCESS;
}

static const struct sl_surface_ops ops = {
	.get_layouts = get_layouts,
	.get_capabilities = get_capabilities,
	.modes = modes,
	.mode_count = sizeof(modes) / sizeof(modes[0]),
	.is_seen = true,
	.attach = sl_window_x11_attach,
	.add_image = sl_window_x11_add_image,
	.show = sl_window_x11_show,
	.detach = sl_window_x11_detach,
};

static VkResult create_surface(VkInstance instance, xcb_connection_t *connection,
			       xcb_window_t window, VkSurfaceKHR *ret_surface)
{
	struct sl_surface_x11 *surface =
		(struct sl_surface_x11 *)sl_surface_create(instance, &ops, sizeof(*surface));

	*ret_surface = (VkSurfaceKHR)(uintptr_t)surface;
	if (surface == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	surface->connection = connection;
	surface->window = window;
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkCreateXcbSurfaceKHR(VkInstance instance, const VkXcbSurfaceCreateInfoKHR *pCreateInfo,
			 const VkAllocationCallbacks *pAllocator, VkSurfaceKHR *pSurface)
{
	return create_surface(instance, pCreateInfo->connection, pCreateInfo->window, pSurface);
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkCreateXlibSurfaceKHR(VkInstance instance, const VkXlibSurfaceCreateInfoKHR *pCreateInfo,
			  const VkAllocationCallbacks *pAllocator, VkSurfaceKHR *pSurface)
{
	return create_surface(instance, XGetXCBConnection(pCreateInfo->dpy),
			      (xcb_window_t)pCreateInfo->window, pSurface);
}

VKAPI_ATTR VkBool32 VKAPI_CALL sl_vkGetPhysicalDeviceXcbPresentationSupportKHR(
	VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex, xcb_connection_t *connection,
	xcb_visualid_t visual_id)
{
	return visual_layouts(connection, visual_id) != 0;
}

VKAPI_ATTR VkBool32 VKAPI_CALL sl_vkGetPhysicalDeviceXlibPresentationSupportKHR(
	VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex, Display *dpy, VisualID visualID)
{
	return sl_vkGetPhysicalDeviceXcbPresentationSupportKHR(
		physicalDevice, queueFamilyIndex, XGetXCBConnection(dpy), (xcb_visualid_t)visualID);
}
