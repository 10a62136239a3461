/* SPDX-License-Identifier: MIT */
/* What the parts of the device share: virtio_gpu.c (commands, answers, fences), resource.c,
 * scanout.c, context.c. Functions that run a command return its response type, or
 * SL_VGPU_WAITS if the request is answered later. */
#ifndef SL_HOST_VGPU_VIRTIO_GPU_PRIV_H
#define SL_HOST_VGPU_VIRTIO_GPU_PRIV_H

#include "host/vgpu/virtio_gpu.h"

union pixman_image;

#define SL_VGPU_WAITS 0u

#define SL_VGPU_BUCKETS 1024u

enum sl_vgpu_resource_kind {
	SL_VGPU_RESOURCE_2D,	 /* a picture; the host keeps a copy of its pixels */
	SL_VGPU_RESOURCE_GUEST,	 /* bytes in guest memory, of which the host has no copy */
	SL_VGPU_RESOURCE_HOST,	 /* a texture or buffer in another process (host3d.c) */
	SL_VGPU_RESOURCE_WINDOW, /* bytes in the window, where they are only while mapped */
};

/* A context may use a resource. */
struct sl_vgpu_attachment {
	LIST_ENTRY(sl_vgpu_attachment) link; /* in sl_vgpu_resource.attachments */
	struct sl_vgpu_context *context;
	uint32_t count;	  /* how often the guest attached it */
	uint32_t entries; /* runs of pages that the back end has a copy of */
	bool known;	  /* the back end has its pages */
	bool dropping;	  /* the back end was told to let go and has not yet said that it has */
	bool detached;	  /* goes away when it has */
};

struct sl_vgpu_resource {
	LIST_ENTRY(sl_vgpu_resource) link; /* in sl_vgpu.resources[] */
	uint32_t id;
	enum sl_vgpu_resource_kind kind;
	bool dying; /* unref waits for contexts to let go; invisible to commands */

	/* SL_VGPU_RESOURCE_2D, SL_VGPU_RESOURCE_HOST */
	uint32_t width;
	uint32_t height;
	uint32_t scanouts; /* bit: a scanout that shows it */

	/* SL_VGPU_RESOURCE_2D */
	union pixman_image *image; /* 4 bytes a pixel, rows of width pixels */
	uint32_t *pixels;

	/* SL_VGPU_RESOURCE_HOST */
	uint32_t format;    /* the guest's number */
	uint32_t releasing; /* how often the other process has yet to say that it has let go */
	bool is_lost;	    /* the process that had it has gone */
	bool was_asked;	    /* for a DMA-BUF */
	bool is_shared;	    /* as this one */
	struct sl_vgpu_dmabuf dmabuf;

	uint64_t size; /* bytes: of the host's copy, or of guest memory */

	struct sl_guest_range *ranges; /* backing: merged runs, checked to be guest memory when
					* attached; NULL: none */
	uint64_t *range_ends;	       /* byte offset behind each run */
	uint32_t range_count;

	/* SL_VGPU_RESOURCE_WINDOW */
	LIST_ENTRY(sl_vgpu_resource) window_link; /* in sl_vgpu.window_users */
	uint64_t window_offset;
	bool mapped;	   /* the guest has it mapped; its range is the only one */
	bool holds_window; /* mapped, or contexts have not let go yet */

	LIST_HEAD(, sl_vgpu_attachment) attachments;
};

/* Where the pixels of a resource in another process are read to. */
struct sl_vgpu_screen {
	union pixman_image *image; /* NULL: there is none */
	uint32_t *pixels;	   /* shared with that process, which writes at any time */
	uint32_t format;
	uint32_t width;
	uint32_t height;
	bool is_reading;
	bool is_dirty;		     /* more changed while it was being read */
	struct sl_vgpu_rect reading; /* in the screen's coordinates, as dirty */
	struct sl_vgpu_rect dirty;
};

struct sl_vgpu_scanout {
	struct sl_vgpu_resource *resource; /* NULL: disabled */
	struct sl_vgpu_screen screen;	   /* of a resource in another process */
	struct sl_vgpu_screen cursor;
	struct virtio_gpu_update_cursor cursor_cmd; /* what the cursor is being read for */
	struct sl_vgpu_rect rect;		    /* within the resource */
	bool is_shared;				    /* the display has its DMA-BUF */
	bool edid_pending;			    /* the display was asked */
	uint32_t cursor_x;
	uint32_t cursor_y;
};

struct sl_vgpu_backend {
	const struct sl_vgpu_backend_ops *ops;
	void *data;
};

struct sl_vgpu_context {
	LIST_ENTRY(sl_vgpu_context) link; /* in sl_vgpu.contexts */
	struct sl_vgpu *vgpu;
	uint32_t id;
	char name[65];
	const struct sl_vgpu_backend *backend; /* NULL: not yet known whose it is */
	void *data;			       /* the back end's; NULL: none yet, or gone */
	bool failed;			       /* no back end would have it */
	bool dying;
};

struct sl_vgpu {
	const struct sl_guest_ram *ram;
	struct sl_vgpu_options options;
	const struct sl_vgpu_display_ops *display;
	void *display_data;
	struct sl_vgpu_backend backends[SL_VGPU_MAX_CAPSETS];
	uint32_t backend_count;
	const struct sl_vgpu_host3d_ops *host3d; /* NULL: there is none */
	void *host3d_data;
	uint64_t last_number; /* of its fences */
	bool uses_host3d;     /* the command being run does */
	bool cannot_export;   /* its driver shares no pictures */

	LIST_HEAD(, sl_vgpu_resource) resources[SL_VGPU_BUCKETS];
	LIST_HEAD(, sl_vgpu_resource) window_users;
	LIST_HEAD(, sl_vgpu_context) contexts;
	struct sl_vgpu_scanout scanouts[SL_VGPU_MAX_SCANOUTS];
	struct virtio_gpu_display_one modes[SL_VGPU_MAX_SCANOUTS]; /* as last heard */

	struct sl_vgpu_request_list display_waiters; /* display information and EDIDs */
	struct sl_vgpu_request_list fenced;	     /* in the order of their arrival */
	struct sl_vgpu_request_list release_waiters; /* for a context to let go of something */
	bool info_pending;
	uint32_t hints; /* unreached, in fenced */

	uint64_t host_bytes;
	uint64_t page_entries;
	uint32_t resource_count;
	uint32_t context_count;
	uint32_t attachment_count;
	uint64_t attached_entries; /* of all attachments */

	char why[160];	     /* of the command that is being refused; empty: nothing to say */
	uint64_t complained; /* bit: a command whose misuse has been logged */
};

/* Remember why a command is refused, for the log. Returns response. */
uint32_t sl_vgpu_refuse(struct sl_vgpu *vgpu, uint32_t response, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Answer a request that waited. It must be in no list. */
void sl_vgpu_answer(struct sl_vgpu *vgpu, struct sl_vgpu_request *request, uint32_t response);
/* Hand over what goes behind the header of the response; copied. Returns false if memory is
 * short. */
bool sl_vgpu_set_payload(struct sl_vgpu_request *request, const void *data, size_t size);
/* The request waits until no context has pages of the resource any more; see
 * sl_vgpu_check_releases(). */
uint32_t sl_vgpu_wait_release(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			      uint32_t resource_id);
/* Answer the requests that waited for what has just been let go. */
void sl_vgpu_check_releases(struct sl_vgpu *vgpu);
/* A context is gone: nothing will reach its fences. */
void sl_vgpu_drop_fences(struct sl_vgpu *vgpu, uint32_t context_id);

/* resource.c */
struct sl_vgpu_resource *sl_vgpu_find_resource(struct sl_vgpu *vgpu, uint32_t id);
/* Also one that is dying. */
struct sl_vgpu_resource *sl_vgpu_find_any_resource(struct sl_vgpu *vgpu, uint32_t id);
/* Give a resource the pages listed in the request, count entries from offset on; its contexts are
 * told. On failure it has none. */
uint32_t sl_vgpu_set_backing(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			     struct sl_vgpu_resource *resource, uint32_t count, size_t offset);
/* True while a context still has pages that it was told to let go. */
bool sl_vgpu_resource_is_dropping(struct sl_vgpu *vgpu, uint32_t id);
void sl_vgpu_clear_resources(struct sl_vgpu *vgpu);
/* Free it, and an unref that was waiting can be answered. */
void sl_vgpu_destroy_resource(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource);
uint32_t sl_vgpu_create_2d(struct sl_vgpu *vgpu, const struct virtio_gpu_resource_create_2d *cmd);
uint32_t sl_vgpu_create_3d(struct sl_vgpu *vgpu, const struct virtio_gpu_resource_create_3d *cmd);
uint32_t sl_vgpu_unref(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
		       const struct virtio_gpu_resource_unref *cmd);
uint32_t sl_vgpu_attach_backing(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
				const struct virtio_gpu_resource_attach_backing *cmd);
uint32_t sl_vgpu_detach_backing(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
				const struct virtio_gpu_resource_detach_backing *cmd);
uint32_t sl_vgpu_transfer_2d(struct sl_vgpu *vgpu,
			     const struct virtio_gpu_transfer_to_host_2d *cmd);
uint32_t sl_vgpu_transfer_3d(struct sl_vgpu *vgpu, const struct virtio_gpu_transfer_host_3d *cmd);

/* pixman's number of a format of 4 bytes a pixel. */
bool sl_vgpu_find_format(uint32_t virtio, uint32_t *ret_format);
/* Returns OK_NODATA if a resource of this id may be created. */
uint32_t sl_vgpu_check_new_id(struct sl_vgpu *vgpu, uint32_t id);
/* Returns a new resource of the device, or NULL. */
struct sl_vgpu_resource *sl_vgpu_add_resource(struct sl_vgpu *vgpu, uint32_t id,
					      enum sl_vgpu_resource_kind kind);

/* host3d.c: what concerns resources in another process. */
uint32_t sl_vgpu_host3d_create(struct sl_vgpu *vgpu,
			       const struct virtio_gpu_resource_create_3d *cmd);
uint32_t sl_vgpu_host3d_transfer(struct sl_vgpu *vgpu, const struct sl_vgpu_resource *resource,
				 const struct virtio_gpu_transfer_host_3d *cmd);
int sl_vgpu_host3d_attach_pages(struct sl_vgpu *vgpu, const struct sl_vgpu_pages *pages,
				const struct sl_vgpu_resource *resource);
/* is_end: the resource goes too. */
void sl_vgpu_host3d_detach_pages(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource,
				 bool is_end);
/* A context that works there may use the resource, or no longer. */
void sl_vgpu_host3d_attach(struct sl_vgpu_context *context, const struct sl_vgpu_resource *resource,
			   bool is_attached);
/* The scanout shows the resource: make room for its pixels. Returns OK_NODATA or an error. */
uint32_t sl_vgpu_host3d_show(struct sl_vgpu *vgpu, uint32_t scanout_id,
			     const struct sl_vgpu_resource *resource,
			     const struct sl_vgpu_rect *rect);
/* A part of the scanout has changed. */
void sl_vgpu_host3d_update(struct sl_vgpu *vgpu, uint32_t scanout_id,
			   const struct sl_vgpu_rect *part);
uint32_t sl_vgpu_host3d_cursor(struct sl_vgpu *vgpu, const struct virtio_gpu_update_cursor *cmd,
			       const struct sl_vgpu_resource *resource);
/* Ask for a DMA-BUF of a picture that is shown, once. */
void sl_vgpu_host3d_ask_dmabuf(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource);
void sl_vgpu_host3d_drop_dmabuf(struct sl_vgpu_resource *resource);
void sl_vgpu_host3d_reset(struct sl_vgpu *vgpu);

/* blob.c */
uint32_t sl_vgpu_create_blob(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			     const struct virtio_gpu_resource_create_blob *cmd);
uint32_t sl_vgpu_map_blob(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			  const struct virtio_gpu_resource_map_blob *cmd);
uint32_t sl_vgpu_unmap_blob(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			    const struct virtio_gpu_resource_unmap_blob *cmd);
/* If nobody uses a resource's part of the window any more, others may. */
void sl_vgpu_release_window(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource);

/* scanout.c */
/* Tell the display what a scanout shows. */
void sl_vgpu_announce(struct sl_vgpu *vgpu, uint32_t scanout_id);
/* Show a cursor of SL_VGPU_CURSOR_SIZE squared pixels. */
void sl_vgpu_define_cursor(struct sl_vgpu *vgpu, const struct virtio_gpu_update_cursor *cmd,
			   union pixman_image *source);
uint32_t sl_vgpu_set_scanout(struct sl_vgpu *vgpu, const struct virtio_gpu_set_scanout *cmd);
uint32_t sl_vgpu_flush(struct sl_vgpu *vgpu, const struct virtio_gpu_resource_flush *cmd);
uint32_t sl_vgpu_cursor(struct sl_vgpu *vgpu, const struct virtio_gpu_update_cursor *cmd);
uint32_t sl_vgpu_display_info(struct sl_vgpu *vgpu, struct sl_vgpu_request *request);
uint32_t sl_vgpu_edid(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
		      const struct virtio_gpu_cmd_get_edid *cmd);
/* No scanout shows the resource any more. */
void sl_vgpu_hide_resource(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource);
void sl_vgpu_default_modes(struct sl_vgpu *vgpu);
/* Answer what waits for the display with what is known. */
void sl_vgpu_give_up_display(struct sl_vgpu *vgpu);

/* context.c */
/* Whose context it is has become known: a back end's of resources in another process, the first
 * one. Returns OK_NODATA or an error. */
uint32_t sl_vgpu_context_choose_host3d(struct sl_vgpu *vgpu, struct sl_vgpu_context *context);
struct sl_vgpu_context *sl_vgpu_find_context(struct sl_vgpu *vgpu, uint32_t id);
void sl_vgpu_clear_contexts(struct sl_vgpu *vgpu);
/* Free also those that are still ending. */
void sl_vgpu_free_contexts(struct sl_vgpu *vgpu);
/* Tell the contexts it is attached to about a resource's new pages. Returns 0 or -errno. */
int sl_vgpu_announce_pages(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource);
/* Have all contexts let go of a resource's pages; detach: and of the resource. */
void sl_vgpu_withdraw_pages(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource, bool detach);
uint32_t sl_vgpu_context_create(struct sl_vgpu *vgpu, const struct virtio_gpu_ctx_create *cmd);
uint32_t sl_vgpu_context_destroy(struct sl_vgpu *vgpu, uint32_t id);
uint32_t sl_vgpu_context_attach(struct sl_vgpu *vgpu, const struct virtio_gpu_ctx_resource *cmd);
uint32_t sl_vgpu_context_detach(struct sl_vgpu *vgpu, const struct virtio_gpu_ctx_resource *cmd);
uint32_t sl_vgpu_submit(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			const struct virtio_gpu_cmd_submit *cmd);
uint32_t sl_vgpu_capset_info(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			     const struct virtio_gpu_get_capset_info *cmd);
uint32_t sl_vgpu_capset(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			const struct virtio_gpu_get_capset *cmd);

#endif
