/* SPDX-License-Identifier: MIT */
/* virglrenderer, behind the functions that the server calls. There is one in a process, since
 * virglrenderer is one. */
#ifndef SL_HOST_VIRGL_RENDERER_H
#define SL_HOST_VIRGL_RENDERER_H

#include "host/virgl/egl.h"
#include "host/virgl/server.h"
#include "host/virgl/timer.h"

struct sl_virgl_renderer {
	struct sl_virgl_egl egl;
	EGLContext first;   /* whose objects shared contexts see */
	uint64_t submitted; /* pieces whose completion is watched */
	uint64_t completed;
	uint64_t query_piece;  /* the last one that asked for a query's result */
	uint32_t look_skipped; /* pieces since it was last looked whether one is complete at once */
	uint32_t look_skip;    /* how many not to look at, since looking was in vain */
	struct sl_virgl_timer timer;
};

/* For the server, with the renderer as data. */
extern const struct sl_virgl_ops sl_virgl_renderer_ops;

/* The capsets VIRGL and VIRGL2 that it offers. */
struct sl_virgl_capsets {
	uint32_t versions[2];
	uint32_t sizes[2];
	uint8_t data[2][SL_VIRGL_MAX_CAPSET];
};

/* Returns 0, or -errno with a line in ret_why. */
int sl_virgl_renderer_init(struct sl_virgl_renderer *renderer, char *ret_why, size_t why_size);
void sl_virgl_renderer_get_capsets(struct sl_virgl_capsets *ret_capsets);
/* "llvmpipe (LLVM 15.0.6, 256 bits)", cut if long. */
void sl_virgl_renderer_get_name(char *ret_name, size_t size);

/* What has been submitted so far is one more piece; it counts in completed when it is complete. The
 * context that it ended in is current.
 * wait_ns: so long it may be waited for. Returns 0 or -errno. */
int sl_virgl_renderer_mark(struct sl_virgl_renderer *renderer, uint64_t wait_ns);
/* Readable when sl_virgl_renderer_poll() will find something; -1: nothing tells, look often. */
int sl_virgl_renderer_get_fd(void);
/* Updates completed. */
void sl_virgl_renderer_poll(void);

#endif
