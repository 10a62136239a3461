/* SPDX-License-Identifier: MIT */
/* Packets between a virtual machine's vgpu and its sluice-virgl, on a SOCK_SEQPACKET socket that
 * the vgpu opened at the daemon's GL socket of its guest. docs/virgl.md is normative.
 *
 * Each packet is one of the structures below; some have a payload. A payload follows it, or, if it
 * is longer than SL_VIRGL_MAX_INLINE, is the content of a memfd that comes with it. A message to
 * sluice-virgl is one packet with a descriptor, or several without, of SL_VIRGL_MAX_PACKET bytes
 * together; one from it is one packet. Both programs are built together: there is no version to
 * negotiate. Each checks the other's packets like a stranger's; what is wrong ends the connection.
 */
#ifndef SL_HOST_VIRGL_VIRGL_MSG_H
#define SL_HOST_VIRGL_VIRGL_MSG_H

#include <assert.h>
#include <stdint.h>

/* Added to the path of a guest's socket. */
#define SL_VIRGL_SOCKET_SUFFIX ".gl"

#define SL_VIRGL_MAX_INLINE	 (32u << 10)		      /* bytes of payload */
#define SL_VIRGL_MAX_PACKET	 (SL_VIRGL_MAX_INLINE + 128u) /* bytes of a message */
#define SL_VIRGL_MAX_SUBMIT	 (4u << 20)
#define SL_VIRGL_MAX_RUNS	 262144u
#define SL_VIRGL_MAX_MEMORIES	 1024u
#define SL_VIRGL_MAX_SCREENS	 32u
#define SL_VIRGL_MAX_SCREEN_SIZE (1u << 30) /* bytes */
#define SL_VIRGL_MAX_RESOURCES	 65536u
#define SL_VIRGL_MAX_CONTEXTS	 1024u
#define SL_VIRGL_NAME_SIZE	 64u
#define SL_VIRGL_MAX_CAPSET	 4096u /* bytes */

enum sl_virgl_type {
	/* vgpu → sluice-virgl */
	SL_VIRGL_MEMORY = 1,
	SL_VIRGL_CREATE = 2,
	SL_VIRGL_DESTROY = 3,
	SL_VIRGL_BACKING = 4,
	SL_VIRGL_NO_BACKING = 5,
	SL_VIRGL_CONTEXT = 6,
	SL_VIRGL_CONTEXT_END = 7,
	SL_VIRGL_ATTACH = 8,
	SL_VIRGL_DETACH = 9,
	SL_VIRGL_TRANSFER = 10,
	SL_VIRGL_SUBMIT = 11,
	SL_VIRGL_FENCE = 12,
	SL_VIRGL_SCREEN = 13,
	SL_VIRGL_READ = 14,
	SL_VIRGL_EXPORT = 15,
	/* sluice-virgl → vgpu */
	SL_VIRGL_WELCOME = 32,
	SL_VIRGL_REACHED = 33,
	SL_VIRGL_RELEASED = 34,
	SL_VIRGL_READ_DONE = 35,
	SL_VIRGL_EXPORTED = 36,
};

struct sl_virgl_header {
	uint32_t type;	  /* enum sl_virgl_type */
	uint32_t payload; /* bytes; 0: none */
};
static_assert(sizeof(struct sl_virgl_header) == 8, "packet");

/* MEMORY, with the descriptor of a file of guest memory, sealed against shrinking. Files are
 * numbered from 0 in the order in which they come. */
struct sl_virgl_memory {
	struct sl_virgl_header header;
};

/* CREATE: a resource, as in virtio-gpu's RESOURCE_CREATE_3D. */
struct sl_virgl_create {
	struct sl_virgl_header header;
	uint32_t resource_id;
	uint32_t target;
	uint32_t format;
	uint32_t bind;
	uint32_t width;
	uint32_t height;
	uint32_t depth;
	uint32_t array_size;
	uint32_t last_level;
	uint32_t nr_samples;
	uint32_t flags;
	uint32_t reserved;
};
static_assert(sizeof(struct sl_virgl_create) == 56, "packet");

/* DESTROY a resource and let go of its pages, or only let go (NO_BACKING): RELEASED follows. And,
 * the other way, RELEASED. EXPORT: EXPORTED follows. */
struct sl_virgl_resource {
	struct sl_virgl_header header;
	uint32_t resource_id;
	uint32_t reserved;
};
static_assert(sizeof(struct sl_virgl_resource) == 16, "packet");

/* BACKING: the guest's pages of a resource. Payload: struct sl_virgl_run, in their order. */
struct sl_virgl_backing {
	struct sl_virgl_header header;
	uint32_t resource_id;
	uint32_t run_count;
};
static_assert(sizeof(struct sl_virgl_backing) == 16, "packet");

struct sl_virgl_run {
	uint64_t offset; /* into the file */
	uint32_t size;
	uint32_t memory; /* number of the file */
};
static_assert(sizeof(struct sl_virgl_run) == 16, "packet");

/* CONTEXT begins one, CONTEXT_END ends it. */
struct sl_virgl_context {
	struct sl_virgl_header header;
	uint32_t context_id;
	uint32_t reserved;
	char name[SL_VIRGL_NAME_SIZE]; /* printable, NUL-terminated; for logs */
};
static_assert(sizeof(struct sl_virgl_context) == 80, "packet");

/* ATTACH, DETACH: a context may use a resource, or no longer. */
struct sl_virgl_attach {
	struct sl_virgl_header header;
	uint32_t context_id;
	uint32_t resource_id;
};
static_assert(sizeof(struct sl_virgl_attach) == 16, "packet");

/* TRANSFER: between a resource and its pages. */
struct sl_virgl_transfer {
	struct sl_virgl_header header;
	uint32_t context_id;
	uint32_t resource_id;
	uint32_t to_host; /* 1; 0: to the guest */
	uint32_t level;
	uint32_t stride;
	uint32_t layer_stride;
	uint32_t x, y, z;
	uint32_t width, height, depth;
	uint64_t offset; /* into the pages */
};
static_assert(sizeof(struct sl_virgl_transfer) == 64, "packet");

/* SUBMIT. Payload: virgl's commands, a multiple of 4 bytes. */
struct sl_virgl_submit {
	struct sl_virgl_header header;
	uint32_t context_id;
	uint32_t reserved;
};
static_assert(sizeof(struct sl_virgl_submit) == 16, "packet");

/* FENCE: REACHED with the same number follows when all that came before is complete. Numbers
 * grow. */
struct sl_virgl_fence {
	struct sl_virgl_header header;
	uint64_t number;
};
static_assert(sizeof(struct sl_virgl_fence) == 16, "packet");

/* SCREEN: where pictures are read to; with a memfd of stride * height bytes, sealed. Replaces an
 * earlier one of the same number. */
struct sl_virgl_screen {
	struct sl_virgl_header header;
	uint32_t screen_id; /* below SL_VIRGL_MAX_SCREENS */
	uint32_t stride;
	uint32_t height;
	uint32_t reserved;
};
static_assert(sizeof(struct sl_virgl_screen) == 24, "packet");

/* READ part of level 0 of a resource of 4 bytes a pixel to a screen; READ_DONE, which repeats it,
 * follows. */
struct sl_virgl_read {
	struct sl_virgl_header header;
	uint32_t screen_id;
	uint32_t resource_id;
	uint32_t x, y; /* in the resource */
	uint32_t width, height;
	uint32_t screen_x, screen_y;
};
static_assert(sizeof(struct sl_virgl_read) == 40, "packet");

/* EXPORTED: a resource's picture as a DMA-BUF, whose descriptor comes with it; fourcc 0: there is
 * none, nor a descriptor. */
struct sl_virgl_exported {
	struct sl_virgl_header header;
	uint32_t resource_id;
	uint32_t width;
	uint32_t height;
	uint32_t stride;
	uint32_t fourcc;   /* DRM_FORMAT_* */
	uint32_t flags;	   /* as with CREATE: which end is up */
	uint64_t modifier; /* DRM_FORMAT_MOD_* */
};
static_assert(sizeof(struct sl_virgl_exported) == 40, "packet");

/* WELCOME. Payload: the capsets VIRGL and VIRGL2, one after the other. */
struct sl_virgl_welcome {
	struct sl_virgl_header header;
	uint32_t versions[2];
	uint32_t sizes[2];
};
static_assert(sizeof(struct sl_virgl_welcome) == 24, "packet");

#endif
