/* SPDX-License-Identifier: MIT */
/* Shared pages as dma-bufs, which a compositor's GPU can read where it would have to copy pixels
 * from wl_shm: a memfd becomes one by /dev/udmabuf, where the guest has that. */
#ifndef SL_GUEST_DRIVER_WSI_LINUX_DMABUF_H
#define SL_GUEST_DRIVER_WSI_LINUX_DMABUF_H

#include "guest-driver/wsi/surface.h"

#include <stdint.h>
#include <wayland-client.h>

struct zwp_linux_dmabuf_v1;

/* A compositor's zwp_linux_dmabuf_v1 and what this process can make for it. */
struct sl_linux_dmabuf {
	struct zwp_linux_dmabuf_v1 *proxy; /* NULL: none, or nothing can be made */
	int udmabuf_fd;			   /* of /dev/udmabuf, while proxy is not NULL */
	/* Bit: enum sl_pixel_layout in rows one after the other. */
	uint32_t opaque;
	uint32_t alpha;
};

/* For a registry's listener: take the global, if it is this one, and dma-bufs can be made. What it
 * says comes with the registry's queue. dmabuf is zeroed, and to be finished in any case. */
void sl_linux_dmabuf_bind(struct sl_linux_dmabuf *dmabuf, struct wl_registry *registry,
			  uint32_t name, const char *interface, uint32_t version);
void sl_linux_dmabuf_finish(struct sl_linux_dmabuf *dmabuf);

/* Pixels of a memfd. */
struct sl_linux_dmabuf_pixels {
	int fd;
	uint32_t offset, stride; /* bytes */
	uint32_t width, height;
	enum sl_pixel_layout layout;
	bool has_alpha;
};

/* A buffer of those pages, whose events come with queue; waits for the compositor's answer. NULL:
 * the compositor does not take it, or the system makes no dma-buf of the memfd. The fd stays the
 * caller's. */
struct wl_buffer *sl_linux_dmabuf_create_buffer(struct sl_linux_dmabuf *dmabuf,
						struct wl_display *display,
						struct wl_event_queue *queue,
						const struct sl_linux_dmabuf_pixels *pixels);

#endif
