/* SPDX-License-Identifier: MIT */
/* Showing images on a Wayland surface: their shared pages are dma-bufs if the compositor takes
 * them, else wl_shm buffers. An event thread of the swapchain reads its events, from a queue that
 * is the swapchain's alone. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guest-driver/wsi/surface_wayland.h"
#include "guest-driver/wsi/swapchain.h"

struct window {
	struct sl_swapchain *swapchain;
	struct wl_display *display;
	struct sl_wayland_shm shm;
	struct wl_surface *surface; /* a wrapper: what it makes has our queue */
	int wake_fd;
	pthread_t thread;
	bool has_thread;
	/* Guarded by the swapchain's lock. */
	struct wl_callback *frame; /* NULL: the compositor wants the next image */
	uint64_t frame_id;	   /* present id of the image before */
};

/* What a buffer's event needs to know. */
struct window_image {
	struct wl_buffer *buffer;
	struct sl_swapchain *swapchain;
	struct sl_swapchain_image *image;
};

static void on_release(void *data, struct wl_buffer *buffer)
{
	const struct window_image *image = data;

	sl_swapchain_release(image->swapchain, image->image);
}

static const struct wl_buffer_listener buffer_listener = { .release = on_release };

static void on_frame_done(void *data, struct wl_callback *callback, uint32_t time_ms)
{
	struct window *window = data;
	struct sl_swapchain *swapchain = window->swapchain;

	pthread_mutex_lock(&swapchain->lock);
	uint64_t shown_id = window->frame_id;
	if (window->frame == callback) {
		window->frame = NULL;
	}
	sl_swapchain_wake(swapchain);
	pthread_mutex_unlock(&swapchain->lock);
	wl_callback_destroy(callback);
	sl_swapchain_set_shown(swapchain, shown_id);
}

static const struct wl_callback_listener frame_listener = { .done = on_frame_done };

/* Read and dispatch what has come, or comes until wake_fd is readable. timeout_ms: for poll().
 * False: the connection broke. */
static bool read_events(struct window *window, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = wl_display_get_fd(window->display), .events = POLLIN },
		{ .fd = window->wake_fd, .events = POLLIN },
	};
	uint64_t count;

	while (wl_display_prepare_read_queue(window->display, window->shm.queue) != 0) {
		if (wl_display_dispatch_queue_pending(window->display, window->shm.queue) < 0) {
			return false;
		}
	}
	int r = poll(fds, timeout_ms == 0 ? 1 : 2, timeout_ms);
	if (fds[1].revents != 0) {
		(void)!read(window->wake_fd, &count, sizeof(count));
	}
	if (r <= 0 || fds[0].revents == 0) {
		wl_display_cancel_read(window->display);
		return true;
	}
	return wl_display_read_events(window->display) >= 0 &&
	       wl_display_dispatch_queue_pending(window->display, window->shm.queue) >= 0;
}

/* False: the swapchain ends. */
static bool wait_for_waiters(struct sl_swapchain *swapchain)
{
	pthread_mutex_lock(&swapchain->lock);
	while (swapchain->waiters == 0 && !swapchain->is_stopping) {
		pthread_cond_wait(&swapchain->changed, &swapchain->lock);
	}
	bool is_stopping = swapchain->is_stopping;
	pthread_mutex_unlock(&swapchain->lock);
	return !is_stopping;
}

/* Reads only while somebody waits for an event of ours: there are programs that sleep until their
 * connection has something to read, whatever it is, and it must not be gone when they look. */
static void *run_event_thread(void *data)
{
	struct window *window = data;

	while (wait_for_waiters(window->swapchain)) {
		if (!read_events(window, -1)) {
			sl_swapchain_set_status(window->swapchain, VK_ERROR_SURFACE_LOST_KHR);
			break;
		}
	}
	return NULL;
}

void sl_window_wayland_poll(struct sl_swapchain *swapchain)
{
	if (!read_events(swapchain->window, 0)) {
		sl_swapchain_set_status(swapchain, VK_ERROR_SURFACE_LOST_KHR);
	}
}

void sl_window_wayland_stop_waiting(struct sl_swapchain *swapchain)
{
	const struct window *window = swapchain->window;
	const uint64_t one = 1;

	/* It fails only if the counter is full, and then the thread will wake anyway. */
	(void)!write(window->wake_fd, &one, sizeof(one));
}

VkResult sl_window_wayland_attach(struct sl_swapchain *swapchain)
{
	struct sl_surface_wayland *surface = (struct sl_surface_wayland *)swapchain->surface;
	struct window *window = calloc(1, sizeof(*window));

	if (window == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	swapchain->window = window;
	window->swapchain = swapchain;
	window->display = surface->display;
	window->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	VkResult result = sl_wayland_shm_init(&window->shm, surface->display);
	if (result != VK_SUCCESS) {
		return result;
	}
	window->surface = wl_proxy_create_wrapper(surface->surface);
	if (window->wake_fd < 0 || window->surface == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	wl_proxy_set_queue((struct wl_proxy *)window->surface, window->shm.queue);
	if (pthread_create(&window->thread, NULL, run_event_thread, window) != 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	window->has_thread = true;
	pthread_setname_np(window->thread, "sluice-wayland");
	return VK_SUCCESS;
}

static void stop_event_thread(struct window *window)
{
	if (window->has_thread) {
		sl_window_wayland_stop_waiting(window->swapchain);
		pthread_join(window->thread, NULL);
	}
	if (window->wake_fd >= 0) {
		close(window->wake_fd);
	}
}

void sl_window_wayland_detach(struct sl_swapchain *swapchain)
{
	struct window *window = swapchain->window;

	stop_event_thread(window);
	for (uint32_t i = 0; i < swapchain->image_count; i++) {
		struct window_image *image = swapchain->images[i].window_data;
		if (image != NULL) {
			wl_buffer_destroy(image->buffer);
			free(image);
		}
	}
	if (window->frame != NULL) {
		wl_callback_destroy(window->frame);
	}
	if (window->surface != NULL) {
		wl_proxy_wrapper_destroy(window->surface);
	}
	sl_wayland_shm_finish(&window->shm);
	(void)wl_display_flush(window->display);
	free(window);
	swapchain->window = NULL;
}

static struct wl_buffer *create_buffer(struct window *window,
				       const struct sl_swapchain_image *image)
{
	const struct sl_swapchain *swapchain = window->swapchain;
	int layout = sl_surface_format_layout(swapchain->format);
	bool has_alpha = swapchain->alpha != VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
	size_t size = image->fd_offset + image->size;

	if (layout < 0 || size > INT32_MAX) {
		return NULL;
	}
	const struct sl_linux_dmabuf_pixels pixels = {
		.fd = image->fd,
		.offset = (uint32_t)image->fd_offset,
		.stride = image->stride,
		.width = swapchain->extent.width,
		.height = swapchain->extent.height,
		.layout = (enum sl_pixel_layout)layout,
		.has_alpha = has_alpha,
	};
	struct wl_buffer *shared = sl_linux_dmabuf_create_buffer(
		&window->shm.dmabuf, window->display, window->shm.queue, &pixels);
	if (shared != NULL) {
		return shared;
	}
	struct wl_shm_pool *pool = wl_shm_create_pool(window->shm.shm, image->fd, (int32_t)size);
	if (pool == NULL) {
		return NULL;
	}
	struct wl_buffer *buffer = wl_shm_pool_create_buffer(
		pool, (int32_t)image->fd_offset, (int32_t)swapchain->extent.width,
		(int32_t)swapchain->extent.height, (int32_t)image->stride,
		sl_wayland_shm_format((enum sl_pixel_layout)layout, has_alpha));
	wl_shm_pool_destroy(pool);
	return buffer;
}

VkResult sl_window_wayland_add_image(struct sl_swapchain *swapchain,
				     struct sl_swapchain_image *image)
{
	struct window_image *data = calloc(1, sizeof(*data));

	if (data == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	data->swapchain = swapchain;
	data->image = image;
	data->buffer = create_buffer(swapchain->window, image);
	if (data->buffer == NULL) {
		free(data);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	wl_buffer_add_listener(data->buffer, &buffer_listener, data);
	image->window_data = data;
	return VK_SUCCESS;
}

static void damage(struct window *window, const struct sl_present *present)
{
	uint32_t version = wl_proxy_get_version((struct wl_proxy *)window->surface);
	bool has_parts = version >= WL_SURFACE_DAMAGE_BUFFER_SINCE_VERSION;

	for (uint32_t i = 0; has_parts && i < present->rect_count; i++) {
		const VkRect2D *rect = &present->rects[i];
		wl_surface_damage_buffer(window->surface, rect->offset.x, rect->offset.y,
					 (int32_t)rect->extent.width, (int32_t)rect->extent.height);
	}
	if (!has_parts || present->rect_count == 0) {
		wl_surface_damage(window->surface, 0, 0, INT32_MAX, INT32_MAX);
	}
}

static void flush(struct window *window)
{
	while (wl_display_flush(window->display) < 0 && errno == EAGAIN) {
		struct pollfd wait = { .fd = wl_display_get_fd(window->display),
				       .events = POLLOUT };
		(void)poll(&wait, 1, -1);
	}
}

static bool is_wanted(void *data)
{
	return ((const struct window *)data)->frame == NULL;
}

void sl_window_wayland_show(struct sl_swapchain *swapchain, const struct sl_present *present)
{
	struct window *window = swapchain->window;
	const struct window_image *image = present->image->window_data;
	bool is_paced = swapchain->mode != VK_PRESENT_MODE_MAILBOX_KHR;

	if (is_paced && !sl_swapchain_wait(swapchain, is_wanted, window)) {
		return;
	}
	wl_surface_attach(window->surface, image->buffer, 0, 0);
	damage(window, present);
	if (is_paced) {
		pthread_mutex_lock(&swapchain->lock);
		window->frame = wl_surface_frame(window->surface);
		window->frame_id = present->present_id;
		wl_callback_add_listener(window->frame, &frame_listener, window);
		pthread_mutex_unlock(&swapchain->lock);
	}
	wl_surface_commit(window->surface);
	flush(window);
	if (!is_paced) {
		sl_swapchain_set_shown(swapchain, present->present_id);
	}
}
