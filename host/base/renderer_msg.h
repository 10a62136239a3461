/* SPDX-License-Identifier: MIT */
/* Packets between the daemon and a renderer, on the SOCK_SEQPACKET socket whose descriptor the
 * renderer is started with (--control-fd=N).
 *
 *	renderer → daemon   READY    the host's Vulkan driver is loaded (or cannot be)
 *	daemon → renderer   ASSIGN   one guest context, with two descriptors
 *	daemon → renderer   END      tell the guest that its context is ended, and why, and exit
 *	renderer → daemon   REPORT   the context has ended, and why; the renderer exits
 *
 * Both are built together: there is no version to negotiate. Texts are NUL-terminated. A renderer
 * that reads end-of-stream before ASSIGN exits; afterwards it serves its context to the end. */
#ifndef SL_HOST_BASE_RENDERER_MSG_H
#define SL_HOST_BASE_RENDERER_MSG_H

#include <assert.h>
#include <stdint.h>

#define SL_RENDERER_NAME_SIZE 64u
#define SL_RENDERER_TEXT_SIZE 256u

enum sl_renderer_msg_type {
	SL_RENDERER_READY = 1,
	SL_RENDERER_ASSIGN = 2,
	SL_RENDERER_REPORT = 3,
	SL_RENDERER_END = 4,
};

enum sl_renderer_memory {
	SL_RENDERER_MEMORY_AUTO = 0,   /* import where the driver can, else copy */
	SL_RENDERER_MEMORY_IMPORT = 1, /* refuse the context where the driver cannot */
	SL_RENDERER_MEMORY_COPY = 2,   /* shadow and copy, also where the driver could import */
};

/* As enum sl_replay_when. */
enum sl_renderer_when {
	SL_RENDERER_AUTO = 0,
	SL_RENDERER_ALWAYS = 1,
	SL_RENDERER_NEVER = 2,
};

enum sl_renderer_flags {
	SL_RENDERER_VALIDATE = 1u << 0, /* the Khronos validation layer around the replay */
	SL_RENDERER_TRACE = 1u << 1,	/* dump every decoded command to standard error */
	SL_RENDERER_RECORD = 1u << 2,	/* write every message to the fourth descriptor */
};

enum sl_renderer_end {
	SL_RENDERER_END_CLOSED = 0,   /* the guest closed its end, or was killed */
	SL_RENDERER_END_REFUSED = 1,  /* the handshake failed */
	SL_RENDERER_END_PROTOCOL = 2, /* the guest broke the protocol */
	SL_RENDERER_END_DEVICE = 3,   /* the host driver lost the device */
	SL_RENDERER_END_LIMIT = 4,    /* a limit of the context was exceeded */
	SL_RENDERER_END_SYSTEM = 5,   /* the host ran out of something */
};

/* error is empty, or one line saying why no context can be served; then nothing else is set. */
struct sl_renderer_ready {
	uint32_t type;
	uint32_t device_type; /* VkPhysicalDeviceType of the first device */
	uint32_t device_count;
	uint32_t can_import;	      /* 1: VK_EXT_external_memory_host */
	uint64_t device_memory_bytes; /* sum of the first device's device-local heaps */
	uint32_t sandbox_missing;     /* enum sl_sandbox_part: what the kernel lacks */
	uint32_t reserved;
	char device_name[SL_RENDERER_TEXT_SIZE]; /* of the first device */
	char driver_name[SL_RENDERER_TEXT_SIZE]; /* driverName and driverInfo */
	char error[SL_RENDERER_TEXT_SIZE];
};
static_assert(sizeof(struct sl_renderer_ready) == 32 + 3 * SL_RENDERER_TEXT_SIZE, "packet");

/* Descriptors: the guest's connected socket, of which nothing has been read; the stats memfd
 * (stats.h), SL_STATS_SIZE bytes; the guest's quota memfd (quota.h); with
 * SL_RENDERER_RECORD a file to write. Limits are never 0. */
struct sl_renderer_assign {
	uint32_t type;
	uint32_t flags;	 /* enum sl_renderer_flags */
	uint32_t memory; /* enum sl_renderer_memory */
	uint32_t cut;	 /* enum sl_renderer_when */
	uint32_t max_regions;
	uint32_t timestamps; /* enum sl_renderer_when */
	uint64_t context_id; /* counts from 1 in the daemon's life: for logs */
	uint64_t spin_ns;
	uint64_t max_region_bytes; /* all regions of the context together */
	uint32_t max_objects;
	uint32_t quota_slot; /* in the quota page */
	uint32_t guest_pid;  /* SO_PEERCRED: for logs */
	uint32_t guest_uid;
	char guest_name[SL_RENDERER_NAME_SIZE];
};
static_assert(sizeof(struct sl_renderer_assign) == 64 + SL_RENDERER_NAME_SIZE, "packet");

/* A renderer that does not obey soon is killed. */
struct sl_renderer_end_order {
	uint32_t type;
	uint32_t reserved;
	char text[SL_RENDERER_TEXT_SIZE]; /* why */
};
static_assert(sizeof(struct sl_renderer_end_order) == 8 + SL_RENDERER_TEXT_SIZE, "packet");

/* The renderer itself has logged what went wrong; the daemon counts and shows it. */
struct sl_renderer_report {
	uint32_t type;
	uint32_t end;			     /* enum sl_renderer_end */
	char program[SL_RENDERER_NAME_SIZE]; /* as the guest tells it; may be cut */
	char text[SL_RENDERER_TEXT_SIZE];    /* why; empty if the guest closed its end */
};
static_assert(sizeof(struct sl_renderer_report) ==
		      8 + SL_RENDERER_NAME_SIZE + SL_RENDERER_TEXT_SIZE,
	      "packet");

#endif
