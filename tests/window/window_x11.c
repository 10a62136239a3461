/* SPDX-License-Identifier: MIT */
/* Windows of an X server, which can be read back. What is said to the server goes through XCB; the
 * surface is one of XCB or of Xlib. */
#include <X11/Xlib-xcb.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>

#include "tests/window/window.h"
#include <vulkan/vulkan_xcb.h>
#include <vulkan/vulkan_xlib.h>

struct x11_window {
	struct window base;
	xcb_window_t id;
};

static Display *display; /* NULL: only XCB */
static xcb_connection_t *connection;
static xcb_screen_t *screen;

static bool open_x11(void)
{
	connection = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(connection)) {
		xcb_disconnect(connection);
		return false;
	}
	screen = xcb_setup_roots_iterator(xcb_get_setup(connection)).data;
	return true;
}

static void close_x11(void)
{
	xcb_disconnect(connection);
}

static bool open_xlib(void)
{
	display = XOpenDisplay(NULL);
	if (display == NULL) {
		return false;
	}
	connection = XGetXCBConnection(display);
	screen = xcb_setup_roots_iterator(xcb_get_setup(connection)).data;
	return true;
}

static void close_xlib(void)
{
	XCloseDisplay(display);
}

static void create_surface(struct vkt *t, struct x11_window *window)
{
	const VkXcbSurfaceCreateInfoKHR xcb_info = {
		.sType = VK_STRUCTURE_TYPE_XCB_SURFACE_CREATE_INFO_KHR,
		.connection = connection,
		.window = window->id,
	};
	const VkXlibSurfaceCreateInfoKHR xlib_info = {
		.sType = VK_STRUCTURE_TYPE_XLIB_SURFACE_CREATE_INFO_KHR,
		.dpy = display,
		.window = window->id,
	};

	if (display != NULL) {
		VKT_EXPECT(VKT_INSTANCE_PROC(t, vkGetPhysicalDeviceXlibPresentationSupportKHR)(
			t->physical, t->family, display, screen->root_visual));
		VKT_OK(VKT_INSTANCE_PROC(t, vkCreateXlibSurfaceKHR)(t->instance, &xlib_info, NULL,
								    &window->base.surface));
	} else {
		VKT_EXPECT(VKT_INSTANCE_PROC(t, vkGetPhysicalDeviceXcbPresentationSupportKHR)(
			t->physical, t->family, connection, screen->root_visual));
		VKT_OK(VKT_INSTANCE_PROC(t, vkCreateXcbSurfaceKHR)(t->instance, &xcb_info, NULL,
								   &window->base.surface));
	}
}

static struct window *create(struct vkt *t, uint32_t index, uint32_t width, uint32_t height)
{
	struct x11_window *window = calloc(1, sizeof(*window));

	VKT_EXPECT(window != NULL);
	window->base = (struct window){ display != NULL ? &window_xlib : &window_x11,
					VK_NULL_HANDLE, width, height };
	window->id = xcb_generate_id(connection);
	xcb_create_window(connection, XCB_COPY_FROM_PARENT, window->id, screen->root,
			  (int16_t)(index * 240), 0, (uint16_t)width, (uint16_t)height, 0,
			  XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, 0, NULL);
	xcb_map_window(connection, window->id);
	create_surface(t, window);
	return &window->base;
}

static void end(struct window *base)
{
	struct x11_window *window = (struct x11_window *)base;

	xcb_destroy_window(connection, window->id);
	xcb_flush(connection);
	window->id = XCB_NONE;
}

static void destroy(struct vkt *t, struct window *base)
{
	VKT_INSTANCE_PROC(t, vkDestroySurfaceKHR)(t->instance, base->surface, NULL);
	if (((struct x11_window *)base)->id != XCB_NONE) {
		end(base);
	}
	free(base);
}

static void resize(struct window *base, uint32_t width, uint32_t height)
{
	const uint32_t values[] = { width, height };

	base->width = width;
	base->height = height;
	xcb_configure_window(connection, ((struct x11_window *)base)->id,
			     XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, values);
	xcb_flush(connection);
}

static bool read_pixels(struct window *base, uint32_t *ret_pixels)
{
	xcb_get_image_cookie_t cookie = xcb_get_image(
		connection, XCB_IMAGE_FORMAT_Z_PIXMAP, ((struct x11_window *)base)->id, 0, 0,
		(uint16_t)base->width, (uint16_t)base->height, ~0u);
	xcb_get_image_reply_t *reply = xcb_get_image_reply(connection, cookie, NULL);
	size_t pixel_size = screen->root_depth == 16 ? 2 : 4;
	size_t stride = (base->width * pixel_size + 3) & ~(size_t)3;
	bool is_there =
		reply != NULL && (size_t)xcb_get_image_data_length(reply) == stride * base->height;

	for (uint32_t y = 0; is_there && y < base->height; y++) {
		const uint8_t *row = xcb_get_image_data(reply) + y * stride;
		for (uint32_t x = 0; x < base->width; x++) {
			ret_pixels[y * base->width + x] = pixel_size == 2
								  ? ((const uint16_t *)row)[x]
								  : ((const uint32_t *)row)[x];
		}
	}
	free(reply);
	return is_there;
}

static void poll_events(struct window *window)
{
	xcb_generic_event_t *event;

	while ((event = xcb_poll_for_event(connection)) != NULL) {
		/* Nothing that a swapchain does may trouble the application's connection. */
		VKT_EXPECT(event->response_type != 0);
		free(event);
	}
}

const struct window_system window_x11 = {
	.name = "x11",
	.open = open_x11,
	.close = close_x11,
	.create = create,
	.destroy = destroy,
	.resize = resize,
	.end = end,
	.read = read_pixels,
	.poll = poll_events,
};

const struct window_system window_xlib = {
	.name = "xlib",
	.open = open_xlib,
	.close = close_xlib,
	.create = create,
	.destroy = destroy,
	.resize = resize,
	.end = end,
	.read = read_pixels,
	.poll = poll_events,
};
