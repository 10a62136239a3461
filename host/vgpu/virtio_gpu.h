/* SPDX-License-Identifier: MIT */
/* The virtio-gpu device, whatever carries it: commands come in as requests from a front end
 * (vhost_user.c, vfio_user.c), pictures go out to a display (display.c), 3D contexts go to a back
 * end. Every byte of a command is the guest's and is checked; a wrong command is answered with
 * virtio-gpu's error response and never harms the device. One thread only. */
#ifndef SL_HOST_VGPU_VIRTIO_GPU_H
#define SL_HOST_VGPU_VIRTIO_GPU_H

#include "host/vgpu/virtqueue.h"

#include <linux/virtio_gpu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define SL_VGPU_MAX_SCANOUTS VIRTIO_GPU_MAX_SCANOUTS
#define SL_VGPU_CURSOR_SIZE  64u /* pixels, both ways */

/* Caps on what a guest kernel may have at a time. */
#define SL_VGPU_MAX_RESOURCES	  65536u
#define SL_VGPU_MAX_CONTEXTS	  1024u
#define SL_VGPU_MAX_ATTACHMENTS	  262144u
#define SL_VGPU_MAX_DIMENSION	  16384u     /* pixels of a 2D resource, each way */
#define SL_VGPU_MAX_PAGE_ENTRIES  262144u    /* of one resource: 1 GiB of single pages */
#define SL_VGPU_MAX_ENTRIES_TOTAL 2097152u   /* of all resources, merged runs counted */
#define SL_VGPU_MAX_SUBMIT_SIZE	  (4u << 20) /* bytes */
#define SL_VGPU_MAX_CAPSETS	  4u
/* Unreached hints that may occupy the control queue: the oldest is answered when one more comes,
 * else a guest of many waiting threads would leave no room for the command they wait for. */
#define SL_VGPU_MAX_HINTS 32u

enum sl_vgpu_queue {
	SL_VGPU_QUEUE_CONTROL = 0,
	SL_VGPU_QUEUE_CURSOR = 1,
	SL_VGPU_QUEUE_COUNT = 2,
};

struct sl_vgpu;
struct sl_vgpu_context;

/* A command on its way through the device. The front end fills chain and queue. */
struct sl_vgpu_request {
	struct sl_chain chain;
	enum sl_vgpu_queue queue;
	uint32_t written; /* the front end's, once the request is answered */

	/* The device's own, from here on. */
	TAILQ_ENTRY(sl_vgpu_request) link;
	struct virtio_gpu_ctrl_hdr header; /* private copy */
	uint32_t response;		   /* enum virtio_gpu_ctrl_type */
	void *payload;			   /* behind the response's header; heap or NULL */
	size_t payload_size;
	uint32_t scanout_id;  /* whose EDID it waits for */
	uint32_t resource_id; /* whose release it waits for, or 0 */
	uint32_t context_id;  /* whose fence it waits for, or 0 */
	uint64_t number;      /* of the fence of the host's store that it waits for, or 0 */
	bool asked;	      /* the display was asked on behalf of it */
	bool ordered;	      /* later fences must not be answered before this one */
	bool done;
};
TAILQ_HEAD(sl_vgpu_request_list, sl_vgpu_request);

/* Free a request and what it holds. Accepts NULL. */
void sl_vgpu_request_destroy(struct sl_vgpu_request *request);

struct sl_vgpu_frontend_ops {
	/* The answer is written; the front end owns the request again. Called from within
	 * sl_vgpu_handle() or later. */
	void (*complete)(void *data, struct sl_vgpu_request *request, uint32_t written);
	/* A part of the window becomes zeros that take no memory. NULL where there is no window. */
	void (*clear_window)(void *data, uint64_t offset, uint64_t size);
};

struct sl_vgpu_rect {
	uint32_t x;
	uint32_t y;
	uint32_t width;
	uint32_t height;
};

/* A picture of the host driver's. */
struct sl_vgpu_dmabuf {
	int fd;
	uint32_t width;
	uint32_t height;
	uint32_t stride;   /* bytes */
	uint32_t fourcc;   /* DRM_FORMAT_* */
	uint32_t flags;	   /* of the resource */
	uint64_t modifier; /* DRM_FORMAT_MOD_* */
};

/* Where pictures go. The display may ask for pixels with sl_vgpu_read_scanout() at any time
 * between set_scanout() calls. */
struct sl_vgpu_display_ops {
	/* A scanout now shows something of this size, all of which changed; 0 x 0: nothing. */
	void (*set_scanout)(void *data, uint32_t scanout_id, uint32_t width, uint32_t height);
	/* Instead: a scanout now shows this part of a DMA-BUF, all of which changed, until the next
	 * call of either. All is lent. Returns 0, or -ENOTSUP: not by this display. NULL: by none.
	 */
	int (*set_dmabuf)(void *data, uint32_t scanout_id, const struct sl_vgpu_dmabuf *dmabuf,
			  const struct sl_vgpu_rect *rect);
	/* Part of a scanout changed. rect lies within its size. */
	void (*update)(void *data, uint32_t scanout_id, const struct sl_vgpu_rect *rect);
	void (*move_cursor)(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, bool visible);
	/* pixels: SL_VGPU_CURSOR_SIZE squared, a8r8g8b8, lent. */
	void (*define_cursor)(void *data, uint32_t scanout_id, uint32_t x, uint32_t y,
			      uint32_t hot_x, uint32_t hot_y, const uint32_t *pixels);
	/* Ask for the display configuration, or a scanout's EDID. The answer comes by
	 * sl_vgpu_set_display_info() or sl_vgpu_set_edid(), always. Returns 0, or -ENOTSUP: there
	 * is nobody to ask, the device answers with what it knows itself. */
	int (*query_info)(void *data);
	int (*query_edid)(void *data, uint32_t scanout_id);
};

/* A classic 3D resource or a blob whose storage is guest memory only, carrying this flag: the
 * device keeps its pages for the contexts it is attached to, and no back end stores a copy. */
#define SL_VGPU_RESOURCE_FLAG_GUEST (1u << 31)

/* The pages of a resource as a context sees them. Lent for the call. */
struct sl_vgpu_pages {
	uint32_t resource_id;
	uint64_t size; /* bytes, as created; the ranges hold at least as many */
	const struct sl_guest_range *ranges;
	uint32_t range_count;
};

/* A 3D protocol, offered as a capset. All functions run on the device's thread. */
struct sl_vgpu_backend_ops {
	uint32_t capset_id;
	uint32_t capset_version;
	/* The first four bytes of a submission that tell whom a context belongs to, since the guest
	 * cannot say so when it creates the context (without VIRTIO_GPU_F_CONTEXT_INIT). 0: any. */
	uint32_t magic;
	/* True: its contexts work on the resources that the host stores; their fences are those of
	 * struct sl_vgpu_host3d_ops, and fence() is not called. False: a fence is a wake-up hint,
	 * which may be answered before it is reached. */
	bool is_host3d;

	const void *(*get_capset)(void *backend, size_t *ret_size);
	/* name: printable, NUL-terminated. Returns 0 or -errno, which the guest gets as an error.
	 */
	int (*create_context)(void *backend, uint32_t context_id, const char *name,
			      struct sl_vgpu_context *device_context, void **ret_context);
	/* Returns 0: it is gone; -EINPROGRESS: sl_vgpu_context_gone() follows. */
	int (*destroy_context)(void *context);
	/* Returns 0 or -errno, which the guest gets as an error. */
	int (*attach)(void *context, const struct sl_vgpu_pages *pages);
	/* The guest will use the pages for something else as soon as it hears that this is done.
	 * Returns 0; -EINPROGRESS: sl_vgpu_context_detached() follows. */
	int (*detach)(void *context, uint32_t resource_id);
	/* data: a private copy, lent. Returns 0 or -errno, which the guest gets as an error. */
	int (*submit)(void *context, const uint8_t *data, size_t size);
	/* A fence lies behind the submissions so far: sl_vgpu_context_signal() says when it is
	 * reached, now or later. */
	void (*fence)(void *context, uint64_t fence_id);
};

/* Where resources are that the host stores (textures and buffers of OpenGL): in another process.
 * All functions run on the device's thread and return at once; what cannot be done there the guest
 * does not hear of. Everything happens in the order of the calls, those of its contexts included.
 */
struct sl_vgpu_host3d_ops {
	/* create and transfer: private copies of the guest's commands, whose values are unchecked;
	 * the resource exists, and the context or none. Returns 0, or -errno which the guest gets
	 * as an error. */
	int (*create)(void *data, const struct virtio_gpu_resource_create_3d *create);
	int (*transfer)(void *data, const struct virtio_gpu_transfer_host_3d *transfer);
	/* Returns 0 or -errno. */
	int (*attach_pages)(void *data, const struct sl_vgpu_pages *pages);
	/* The guest uses the pages for something else as soon as it hears that this is done. The
	 * resource itself goes too (destroy). Returns 0: it is done; -EINPROGRESS:
	 * sl_vgpu_host3d_released() follows. */
	int (*detach_pages)(void *data, uint32_t resource_id);
	int (*destroy)(void *data, uint32_t resource_id);
	/* context: the back end's. */
	void (*attach)(void *data, void *context, uint32_t resource_id);
	void (*detach)(void *data, void *context, uint32_t resource_id);
	/* Pixels of a screen (a scanout's picture, or a cursor's) go to the memory behind fd from
	 * now on: rows of 4 bytes a pixel, without gaps. Lent. Returns 0 or -errno. */
	int (*set_screen)(void *data, uint32_t screen_id, int fd, uint32_t width, uint32_t height);
	/* Copy a part of a resource to a screen at x, y: sl_vgpu_host3d_read() follows. Returns 0
	 * or -errno. */
	int (*read)(void *data, uint32_t screen_id, uint32_t resource_id,
		    const struct sl_vgpu_rect *rect, uint32_t x, uint32_t y);
	/* The picture is to be shown as a DMA-BUF: sl_vgpu_host3d_exported() follows. Returns 0 or
	 * -errno: it does not. */
	int (*export_resource)(void *data, uint32_t resource_id);
	/* sl_vgpu_host3d_reached() follows when all that came before is complete. Numbers grow. */
	void (*fence)(void *data, uint64_t number);
	/* No more calls follow at once: nothing needs to be kept back for them. */
	void (*flush)(void *data);
	/* The guest starts anew: nothing of it is left, and nothing follows any more. */
	void (*reset)(void *data);
};

struct sl_vgpu_options {
	uint64_t max_host_bytes; /* of pixel copies of resources that are shown */
	uint32_t width;		 /* of the first scanout, where no display says otherwise */
	uint32_t height;
	bool has_blobs; /* the front end passes on RESOURCE_BLOB and CONTEXT_INIT */
	/* Memory of the host's that the guest can map (VIRTIO_GPU_SHM_ID_HOST_VISIBLE). ram has it
	 * at this address, where the guest has nothing. Size 0: none; else of whole pages. */
	struct sl_guest_range window;
	const struct sl_vgpu_frontend_ops *frontend;
	void *frontend_data;
};

/* ram must outlive the device. Returns 0 or -ENOMEM. */
int sl_vgpu_create(const struct sl_guest_ram *ram, const struct sl_vgpu_options *options,
		   struct sl_vgpu **ret_vgpu);
/* Requests that are still inside are destroyed unanswered; back ends must not call for its
 * contexts any more. Accepts NULL. */
void sl_vgpu_destroy(struct sl_vgpu *vgpu);

/* ops may be NULL: nobody watches. Whatever the scanouts show now is announced to the new one. */
void sl_vgpu_set_display(struct sl_vgpu *vgpu, const struct sl_vgpu_display_ops *ops, void *data);
/* Offer a 3D protocol. Before the guest's driver starts. Returns 0 or -ENOSPC. */
int sl_vgpu_add_backend(struct sl_vgpu *vgpu, const struct sl_vgpu_backend_ops *ops, void *data);

/* Store resources on the host. Before the guest's driver starts. */
void sl_vgpu_set_host3d(struct sl_vgpu *vgpu, const struct sl_vgpu_host3d_ops *ops, void *data);

/* Back to the state after power-on: resources, contexts, scanouts and pending requests are gone. */
void sl_vgpu_reset(struct sl_vgpu *vgpu);

/* Takes the request over until frontend->complete() gives it back. */
void sl_vgpu_handle(struct sl_vgpu *vgpu, struct sl_vgpu_request *request);
/* No more requests follow at once. */
void sl_vgpu_end_burst(struct sl_vgpu *vgpu);
/* Answer now whatever waits for a display or for a hint: the front end is about to pause. */
void sl_vgpu_flush_waiting(struct sl_vgpu *vgpu);

uint64_t sl_vgpu_get_features(const struct sl_vgpu *vgpu); /* device bits of VIRTIO_GPU_F_* */
void sl_vgpu_get_config(const struct sl_vgpu *vgpu, struct virtio_gpu_config *ret_config);

/* Answers to the display's queries. */
void sl_vgpu_set_display_info(struct sl_vgpu *vgpu,
			      const struct virtio_gpu_display_one modes[SL_VGPU_MAX_SCANOUTS]);
/* The display did not answer: what was last known holds. */
void sl_vgpu_keep_display_info(struct sl_vgpu *vgpu);
/* size 0: the display could not say; the device makes one up. */
void sl_vgpu_set_edid(struct sl_vgpu *vgpu, uint32_t scanout_id, const uint8_t *edid, size_t size);

/* Copy a part of what a scanout shows as x8r8g8b8, rows of stride bytes. Returns 0, or -EINVAL if
 * the scanout shows nothing or rect is not within it. */
int sl_vgpu_read_scanout(struct sl_vgpu *vgpu, uint32_t scanout_id, const struct sl_vgpu_rect *rect,
			 void *dst, size_t stride);

/* For back ends. The fences of the context up to fence_id are reached, on the ring that this one is
 * on; those that were answered already are ignored. */
void sl_vgpu_context_signal(struct sl_vgpu_context *context, uint64_t fence_id);
/* What detach() or destroy_context() began is done. The context is invalid after gone(). */
void sl_vgpu_context_detached(struct sl_vgpu_context *context, uint32_t resource_id);
void sl_vgpu_context_gone(struct sl_vgpu_context *context);

/* For the host's store of resources. */
void sl_vgpu_host3d_reached(struct sl_vgpu *vgpu, uint64_t number);
void sl_vgpu_host3d_released(struct sl_vgpu *vgpu, uint32_t resource_id);
void sl_vgpu_host3d_read(struct sl_vgpu *vgpu, uint32_t screen_id);
/* dmabuf: lent, but for its descriptor, which is consumed; that is -1 if it cannot be shared. */
void sl_vgpu_host3d_exported(struct sl_vgpu *vgpu, uint32_t resource_id,
			     const struct sl_vgpu_dmabuf *dmabuf);
/* It is gone with all resources and contexts; nothing follows for what was called before. What the
 * guest does with them from now on has no effect; new ones work. */
void sl_vgpu_host3d_lost(struct sl_vgpu *vgpu);

/* How much the guest has made the device hold; all 0 after a reset, but for contexts that their
 * back end is still ending. */
struct sl_vgpu_usage {
	uint32_t resources;
	uint32_t contexts;
	uint32_t attachments;
	uint32_t requests; /* inside the device, unanswered */
	uint64_t host_bytes;
	uint64_t page_entries;
};
void sl_vgpu_get_usage(const struct sl_vgpu *vgpu, struct sl_vgpu_usage *ret_usage);

#endif
