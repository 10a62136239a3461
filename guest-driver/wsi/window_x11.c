/* SPDX-License-Identifier: MIT */
/* Showing images in an X window.
 *
 * The shared pages of an image are a pixmap of the X server (MIT-SHM), which the Present extension
 * copies to the window when it is time, and which is idle when it says so. Where the server makes
 * no such pixmaps, the present thread has it copy the pages into the window (MIT-SHM), or sends the
 * pixels through the connection; Present then only tells the time. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xcb/present.h>
#include <xcb/shm.h>

#include "guest-driver/wsi/surface_x11.h"
#include "guest-driver/wsi/swapchain.h"

struct window {
	struct sl_swapchain *swapchain;
	xcb_connection_t *connection; /* our own */
	xcb_window_t id;
	uint8_t depth;
	uint8_t present_opcode;
	uint32_t present_event_id;
	bool has_present;
	bool has_segments; /* the server maps descriptors that we send */
	bool has_pixmaps;  /* and makes pixmaps of them */
	xcb_gcontext_t gc; /* where there are no pixmaps */
	uint32_t serial;   /* of the last present, from a random one on; present thread */

	pthread_t thread;
	bool has_thread;
	/* Guarded by the swapchain's lock. */
	uint64_t msc; /* of the last completed present */
	uint32_t completed;
};

/* Events of a window's presents come to everybody who listens to the window: also those of a
 * swapchain before this one, whose connection's ids may be ours now, and those of other programs.
 * Ours have our serials. With the lock held; NULL: not ours. */
static struct sl_swapchain_image *find_presented(struct sl_swapchain *swapchain, uint32_t serial)
{
	for (uint32_t i = 0; i < swapchain->image_count; i++) {
		if (swapchain->images[i].is_presented && swapchain->images[i].serial == serial) {
			return &swapchain->images[i];
		}
	}
	return NULL;
}

static void complete(struct window *window, const xcb_present_complete_notify_event_t *event)
{
	struct sl_swapchain *swapchain = window->swapchain;
	uint64_t shown_id = 0;

	pthread_mutex_lock(&swapchain->lock);
	const struct sl_swapchain_image *image = find_presented(swapchain, event->serial);
	if (image != NULL) {
		window->completed = event->serial;
		window->msc = event->msc;
		shown_id = image->present_id;
		sl_swapchain_wake(swapchain);
	}
	pthread_mutex_unlock(&swapchain->lock);
	sl_swapchain_set_shown(swapchain, shown_id);
}

static void release(struct window *window, const xcb_present_idle_notify_event_t *event)
{
	struct sl_swapchain *swapchain = window->swapchain;

	pthread_mutex_lock(&swapchain->lock);
	struct sl_swapchain_image *image = find_presented(swapchain, event->serial);
	pthread_mutex_unlock(&swapchain->lock);
	if (image != NULL) {
		sl_swapchain_release(swapchain, image);
	}
}

static void resize(struct window *window, uint16_t width, uint16_t height)
{
	VkExtent2D extent = window->swapchain->extent;

	/* The server cuts what is too large: it still shows, but not as it should. */
	if (width != extent.width || height != extent.height) {
		sl_swapchain_set_status(window->swapchain, VK_SUBOPTIMAL_KHR);
	}
}

static void handle_present_event(struct window *window, const xcb_ge_generic_event_t *event)
{
	switch (event->event_type) {
	case XCB_PRESENT_EVENT_COMPLETE_NOTIFY:
		complete(window, (const xcb_present_complete_notify_event_t *)event);
		break;
	case XCB_PRESENT_EVENT_IDLE_NOTIFY:
		release(window, (const xcb_present_idle_notify_event_t *)event);
		break;
	default:
		break;
	}
}

static void handle_event(struct window *window, const xcb_generic_event_t *event)
{
	const xcb_ge_generic_event_t *generic = (const xcb_ge_generic_event_t *)event;
	const xcb_configure_notify_event_t *configured =
		(const xcb_configure_notify_event_t *)event;

	switch (event->response_type & 0x7f) {
	case 0:
		/* All requests but those that draw are checked when they are made. */
		sl_swapchain_set_status(window->swapchain, VK_ERROR_SURFACE_LOST_KHR);
		break;
	case XCB_DESTROY_NOTIFY:
		sl_swapchain_set_status(window->swapchain, VK_ERROR_SURFACE_LOST_KHR);
		break;
	case XCB_CONFIGURE_NOTIFY:
		resize(window, configured->width, configured->height);
		break;
	case XCB_GE_GENERIC:
		if (generic->extension == window->present_opcode) {
			handle_present_event(window, generic);
		}
		break;
	default:
		break;
	}
}

/* Ends when detach() shuts the connection down, or the server does. */
static void *run_event_thread(void *data)
{
	struct window *window = data;
	xcb_generic_event_t *event;

	while ((event = xcb_wait_for_event(window->connection)) != NULL) {
		handle_event(window, event);
		free(event);
	}
	sl_swapchain_set_status(window->swapchain, VK_ERROR_SURFACE_LOST_KHR);
	return NULL;
}

static bool is_present(xcb_connection_t *connection, xcb_extension_t *extension)
{
	const xcb_query_extension_reply_t *reply = xcb_get_extension_data(connection, extension);

	return reply != NULL && reply->present != 0;
}

/* Descriptors pass through local sockets only. */
static bool is_local(xcb_connection_t *connection)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);

	return getsockname(xcb_get_file_descriptor(connection), (struct sockaddr *)&address,
			   &size) == 0 &&
	       address.ss_family == AF_UNIX;
}

static void ask_extensions(struct window *window)
{
	xcb_connection_t *connection = window->connection;

	xcb_prefetch_extension_data(connection, &xcb_shm_id);
	xcb_prefetch_extension_data(connection, &xcb_present_id);
	if (is_present(connection, &xcb_present_id)) {
		xcb_present_query_version_reply_t *reply = xcb_present_query_version_reply(
			connection, xcb_present_query_version(connection, 1, 2), NULL);
		window->present_opcode =
			xcb_get_extension_data(connection, &xcb_present_id)->major_opcode;
		window->has_present = reply != NULL;
		free(reply);
	}
	if (is_present(connection, &xcb_shm_id) && is_local(connection)) {
		xcb_shm_query_version_reply_t *reply = xcb_shm_query_version_reply(
			connection, xcb_shm_query_version(connection), NULL);
		/* Since version 1.2 a segment can be a descriptor. */
		window->has_segments =
			reply != NULL && (reply->major_version > 1 || reply->minor_version >= 2);
		window->has_pixmaps =
			window->has_present && window->has_segments && reply->shared_pixmaps != 0;
		free(reply);
	}
}

static VkResult check(struct window *window, xcb_void_cookie_t cookie, VkResult on_error)
{
	xcb_generic_error_t *error = xcb_request_check(window->connection, cookie);

	if (error == NULL) {
		return xcb_connection_has_error(window->connection) ? VK_ERROR_SURFACE_LOST_KHR
								    : VK_SUCCESS;
	}
	free(error);
	return on_error;
}

/* Ask for the window's events, then for its size: no change is missed in between. */
static VkResult watch_window(struct window *window)
{
	const uint32_t events = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
	xcb_connection_t *connection = window->connection;
	xcb_void_cookie_t cookie = xcb_change_window_attributes_checked(connection, window->id,
									XCB_CW_EVENT_MASK, &events);
	xcb_get_geometry_reply_t *geometry =
		xcb_get_geometry_reply(connection, xcb_get_geometry(connection, window->id), NULL);
	VkResult result = check(window, cookie, VK_ERROR_SURFACE_LOST_KHR);

	if (geometry == NULL) {
		return VK_ERROR_SURFACE_LOST_KHR;
	}
	window->depth = geometry->depth;
	resize(window, geometry->width, geometry->height);
	free(geometry);
	return result;
}

static VkResult open_window(struct window *window)
{
	xcb_connection_t *connection = window->connection;
	VkResult watched = watch_window(window);

	if (watched != VK_SUCCESS) {
		return watched;
	}
	ask_extensions(window);
	if (!window->has_pixmaps) {
		window->gc = xcb_generate_id(connection);
		VkResult result = check(
			window, xcb_create_gc_checked(connection, window->gc, window->id, 0, NULL),
			VK_ERROR_SURFACE_LOST_KHR);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	if (!window->has_present) {
		return VK_SUCCESS;
	}
	window->present_event_id = xcb_generate_id(connection);
	return check(window,
		     xcb_present_select_input_checked(connection, window->present_event_id,
						      window->id,
						      XCB_PRESENT_EVENT_MASK_COMPLETE_NOTIFY |
							      XCB_PRESENT_EVENT_MASK_IDLE_NOTIFY),
		     VK_ERROR_SURFACE_LOST_KHR);
}

VkResult sl_window_x11_attach(struct sl_swapchain *swapchain)
{
	struct sl_surface_x11 *surface = (struct sl_surface_x11 *)swapchain->surface;
	struct window *window = calloc(1, sizeof(*window));

	if (window == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	swapchain->window = window;
	window->swapchain = swapchain;
	window->id = surface->window;
	(void)!getrandom(&window->serial, sizeof(window->serial), 0);
	/* What the application has done to the window must have reached the server before we ask
	 * on another connection. */
	free(xcb_get_geometry_reply(surface->connection,
				    xcb_get_geometry(surface->connection, window->id), NULL));
	window->connection = sl_x11_connect_again(surface->connection);
	if (xcb_connection_has_error(window->connection)) {
		return VK_ERROR_INITIALIZATION_FAILED;
	}
	VkResult result = open_window(window);
	if (result != VK_SUCCESS) {
		return result;
	}
	if (pthread_create(&window->thread, NULL, run_event_thread, window) != 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	window->has_thread = true;
	pthread_setname_np(window->thread, "sluice-x11");
	return VK_SUCCESS;
}

void sl_window_x11_detach(struct sl_swapchain *swapchain)
{
	struct window *window = swapchain->window;

	if (window->connection != NULL && !xcb_connection_has_error(window->connection)) {
		/* Everything asked for reaches the server; then the event thread reads the end. */
		xcb_flush(window->connection);
		shutdown(xcb_get_file_descriptor(window->connection), SHUT_RDWR);
	}
	if (window->has_thread) {
		pthread_join(window->thread, NULL);
	}
	if (window->connection != NULL) {
		xcb_disconnect(window->connection);
	}
	free(window);
	swapchain->window = NULL;
}

/* As wide as a row with its padding; the window cuts that off. */
static uint16_t row_pixels(const struct sl_swapchain *swapchain,
			   const struct sl_swapchain_image *image)
{
	return (uint16_t)(image->stride / sl_surface_pixel_size(swapchain->format));
}

VkResult sl_window_x11_add_image(struct sl_swapchain *swapchain, struct sl_swapchain_image *image)
{
	struct window *window = swapchain->window;
	xcb_connection_t *connection = window->connection;

	if (!window->has_segments) {
		return VK_SUCCESS;
	}
	/* The segment outlives nothing: closing the connection frees it. */
	xcb_shm_seg_t segment = xcb_generate_id(connection);
	int fd = image->fd;
	image->fd = -1;
	VkResult result = check(window, xcb_shm_attach_fd_checked(connection, segment, fd, 0),
				VK_ERROR_OUT_OF_HOST_MEMORY);
	if (result != VK_SUCCESS) {
		return result;
	}
	if (!window->has_pixmaps) {
		image->window_id = segment;
		return VK_SUCCESS;
	}
	image->window_id = xcb_generate_id(connection);
	return check(window,
		     xcb_shm_create_pixmap_checked(
			     connection, image->window_id, window->id, row_pixels(swapchain, image),
			     (uint16_t)swapchain->extent.height, window->depth, segment,
			     (uint32_t)image->fd_offset),
		     VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

struct completion {
	const struct window *window;
	uint32_t serial;
};

static bool is_completed(void *data)
{
	const struct completion *completion = data;

	return completion->window->completed == completion->serial;
}

/* Give the image the serial of its present, and say when that is due: at the next refresh. */
static struct completion begin_present(struct window *window, struct sl_swapchain_image *image,
				       uint64_t *ret_msc)
{
	struct completion completion = { window, ++window->serial };

	pthread_mutex_lock(&window->swapchain->lock);
	image->is_presented = true;
	image->serial = completion.serial;
	*ret_msc = window->msc + 1;
	pthread_mutex_unlock(&window->swapchain->lock);
	return completion;
}

static void show_pixmap(struct window *window, struct sl_swapchain_image *image)
{
	struct sl_swapchain *swapchain = window->swapchain;
	VkPresentModeKHR mode = swapchain->mode;
	bool is_paced =
		mode == VK_PRESENT_MODE_FIFO_KHR || mode == VK_PRESENT_MODE_FIFO_RELAXED_KHR;
	bool may_tear =
		mode == VK_PRESENT_MODE_IMMEDIATE_KHR || mode == VK_PRESENT_MODE_FIFO_RELAXED_KHR;
	uint64_t msc;
	struct completion completion = begin_present(window, image, &msc);

	xcb_present_pixmap(window->connection, window->id, image->window_id, completion.serial,
			   XCB_NONE, XCB_NONE, 0, 0, XCB_NONE, XCB_NONE, XCB_NONE,
			   may_tear ? XCB_PRESENT_OPTION_ASYNC : XCB_PRESENT_OPTION_NONE,
			   is_paced ? msc : 0, 0, 0, 0, NULL);
	xcb_flush(window->connection);
	if (is_paced) {
		(void)sl_swapchain_wait(swapchain, is_completed, &completion);
	}
}

/* Send the pixels, in as many requests as they need. */
static void put_pixels(struct window *window, const struct sl_swapchain_image *image)
{
	const uint8_t *pixels = image->shared_copy != NULL ? image->shared_copy : image->pixels;
	const struct sl_swapchain *swapchain = window->swapchain;
	uint32_t height = swapchain->extent.height;
	/* In units of 4 bytes, the request's own included. */
	uint32_t room = xcb_get_maximum_request_length(window->connection) - 16;
	uint32_t rows_at_once = room / (image->stride / 4);

	rows_at_once = rows_at_once == 0 ? 1 : rows_at_once;
	for (uint32_t y = 0; y < height; y += rows_at_once) {
		uint32_t rows = height - y < rows_at_once ? height - y : rows_at_once;
		xcb_put_image(window->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, window->id, window->gc,
			      row_pixels(swapchain, image), (uint16_t)rows, 0, (int16_t)y, 0,
			      window->depth, rows * image->stride,
			      pixels + (size_t)y * image->stride);
	}
}

/* Without pixmaps: the server has copied the pixels when it answers. */
static void draw_pixels(struct window *window, struct sl_swapchain_image *image)
{
	struct sl_swapchain *swapchain = window->swapchain;
	xcb_connection_t *connection = window->connection;
	VkExtent2D extent = swapchain->extent;
	uint64_t msc;
	struct completion completion = begin_present(window, image, &msc);

	if (window->has_present && (swapchain->mode == VK_PRESENT_MODE_FIFO_KHR ||
				    swapchain->mode == VK_PRESENT_MODE_FIFO_RELAXED_KHR)) {
		xcb_present_notify_msc(connection, window->id, completion.serial, msc, 0, 0);
		xcb_flush(connection);
		(void)sl_swapchain_wait(swapchain, is_completed, &completion);
	}
	if (window->has_segments) {
		xcb_shm_put_image(connection, window->id, window->gc, row_pixels(swapchain, image),
				  (uint16_t)extent.height, 0, 0, (uint16_t)extent.width,
				  (uint16_t)extent.height, 0, 0, window->depth,
				  XCB_IMAGE_FORMAT_Z_PIXMAP, 0, image->window_id,
				  (uint32_t)image->fd_offset);
	} else {
		put_pixels(window, image);
	}
	free(xcb_get_input_focus_reply(connection, xcb_get_input_focus(connection), NULL));
	sl_swapchain_set_shown(swapchain, image->present_id);
	sl_swapchain_release(swapchain, image);
}

void sl_window_x11_show(struct sl_swapchain *swapchain, const struct sl_present *present)
{
	struct window *window = swapchain->window;

	if (window->has_pixmaps) {
		show_pixmap(window, present->image);
	} else {
		draw_pixels(window, present->image);
	}
}
