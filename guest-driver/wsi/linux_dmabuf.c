/* SPDX-License-Identifier: MIT */
/* dma-bufs of a guest's own pages, for Wayland compositors. */
#include "guest-driver/wsi/linux_dmabuf.h"

#include <drm_fourcc.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-driver/wsi/linux-dmabuf-client.h"

/* The last version that lists its formats by events. */
#define DMABUF_VERSION 3

static const struct {
	uint32_t opaque;
	uint32_t alpha;
} drm_formats[SL_PIXEL_LAYOUT_COUNT] = {
	[SL_PIXEL_XRGB8888] = { DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888 },
	[SL_PIXEL_RGB565] = { DRM_FORMAT_RGB565, DRM_FORMAT_RGB565 },
	[SL_PIXEL_XBGR8888] = { DRM_FORMAT_XBGR8888, DRM_FORMAT_ABGR8888 },
	[SL_PIXEL_XRGB2101010] = { DRM_FORMAT_XRGB2101010, DRM_FORMAT_ARGB2101010 },
	[SL_PIXEL_XBGR2101010] = { DRM_FORMAT_XBGR2101010, DRM_FORMAT_ABGR2101010 },
};

static void on_format(void *data, struct zwp_linux_dmabuf_v1 *proxy, uint32_t format)
{
}

static void on_modifier(void *data, struct zwp_linux_dmabuf_v1 *proxy, uint32_t format,
			uint32_t modifier_hi, uint32_t modifier_lo)
{
	struct sl_linux_dmabuf *dmabuf = data;

	if (((uint64_t)modifier_hi << 32 | modifier_lo) != DRM_FORMAT_MOD_LINEAR) {
		return;
	}
	for (uint32_t i = 0; i < SL_PIXEL_LAYOUT_COUNT; i++) {
		dmabuf->opaque |= (uint32_t)(drm_formats[i].opaque == format) << i;
		dmabuf->alpha |= (uint32_t)(drm_formats[i].alpha == format) << i;
	}
}

static const struct zwp_linux_dmabuf_v1_listener dmabuf_listener = {
	.format = on_format,
	.modifier = on_modifier,
};

void sl_linux_dmabuf_bind(struct sl_linux_dmabuf *dmabuf, struct wl_registry *registry,
			  uint32_t name, const char *interface, uint32_t version)
{
	if (dmabuf->proxy != NULL || version < DMABUF_VERSION ||
	    strcmp(interface, zwp_linux_dmabuf_v1_interface.name) != 0) {
		return;
	}
	int fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	dmabuf->proxy =
		wl_registry_bind(registry, name, &zwp_linux_dmabuf_v1_interface, DMABUF_VERSION);
	if (dmabuf->proxy == NULL) {
		close(fd);
		return;
	}
	dmabuf->udmabuf_fd = fd;
	zwp_linux_dmabuf_v1_add_listener(dmabuf->proxy, &dmabuf_listener, dmabuf);
}

void sl_linux_dmabuf_finish(struct sl_linux_dmabuf *dmabuf)
{
	if (dmabuf->proxy != NULL) {
		zwp_linux_dmabuf_v1_destroy(dmabuf->proxy);
		close(dmabuf->udmabuf_fd);
		dmabuf->proxy = NULL;
	}
}

/* All pages of a memfd. Returns a descriptor, or -1. */
static int export_pages(const struct sl_linux_dmabuf *dmabuf, int fd)
{
	struct udmabuf_create create = { .memfd = (uint32_t)fd, .flags = UDMABUF_FLAGS_CLOEXEC };
	struct stat status;

	if (fstat(fd, &status) < 0) {
		return -1;
	}
	create.size = (uint64_t)status.st_size;
	return ioctl(dmabuf->udmabuf_fd, UDMABUF_CREATE, &create);
}

struct answer {
	struct wl_buffer *buffer;
	bool is_there;
};

static void on_created(void *data, struct zwp_linux_buffer_params_v1 *params,
		       struct wl_buffer *buffer)
{
	*(struct answer *)data = (struct answer){ .buffer = buffer, .is_there = true };
}

static void on_failed(void *data, struct zwp_linux_buffer_params_v1 *params)
{
	((struct answer *)data)->is_there = true;
}

static const struct zwp_linux_buffer_params_v1_listener params_listener = {
	.created = on_created,
	.failed = on_failed,
};

static bool takes(const struct sl_linux_dmabuf *dmabuf, const struct sl_linux_dmabuf_pixels *pixels)
{
	uint32_t layouts = pixels->has_alpha ? dmabuf->alpha : dmabuf->opaque;

	return dmabuf->proxy != NULL && (layouts >> pixels->layout & 1) != 0;
}

struct wl_buffer *sl_linux_dmabuf_create_buffer(struct sl_linux_dmabuf *dmabuf,
						struct wl_display *display,
						struct wl_event_queue *queue,
						const struct sl_linux_dmabuf_pixels *pixels)
{
	struct answer answer = { 0 };

	if (!takes(dmabuf, pixels)) {
		return NULL;
	}
	int fd = export_pages(dmabuf, pixels->fd);
	if (fd < 0) {
		return NULL;
	}
	struct zwp_linux_buffer_params_v1 *params =
		zwp_linux_dmabuf_v1_create_params(dmabuf->proxy);
	if (params != NULL) {
		zwp_linux_buffer_params_v1_add_listener(params, &params_listener, &answer);
		zwp_linux_buffer_params_v1_add(params, fd, 0, pixels->offset, pixels->stride,
					       DRM_FORMAT_MOD_LINEAR >> 32,
					       DRM_FORMAT_MOD_LINEAR & UINT32_MAX);
		zwp_linux_buffer_params_v1_create(
			params, (int32_t)pixels->width, (int32_t)pixels->height,
			pixels->has_alpha ? drm_formats[pixels->layout].alpha
					  : drm_formats[pixels->layout].opaque,
			0);
		/* The compositor's GPU driver may take its time. */
		while (!answer.is_there && wl_display_dispatch_queue(display, queue) >= 0) {
		}
		zwp_linux_buffer_params_v1_destroy(params);
	}
	close(fd);
	return answer.buffer;
}
