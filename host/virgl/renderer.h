/* SPDX-License-Identifier: MIT */
/* virglrenderer, behind the functions that the server calls. There is one in a process, since
 * virglrenderer is one. */
#ifndef SL_HOST_VIRGL_RENDERER_H
#define SL_HOST_VIRGL_RENDERER_H

#include "host/base/backoff.h"
#include "host/virgl/egl.h"
#include "host/virgl/server.h"
#include "host/virgl/timer.h"

struct sl_virgl_renderer {
	struct sl_virgl_egl egl;
	EGLContext first;   /* whose objects shared contexts see */
	uint64_t submitted; /* pieces whose completion is watched */
	uint64_t completed;
	uint64_t query_piece;	 /* the last one that asked for a query's result */
	uint64_t read_piece;	 /* the last one that read pixels, for which OpenGL waits */
	struct sl_backoff looks; /* at whether a piece is complete at once */
	struct sl_virgl_timer timer;
};

/* Whether a piece may be waited for. */
struct sl_virgl_patience {
	bool (*may_wait)(void *data); /* asked each time before slice_ns of waiting */
	void *data;
	uint64_t slice_ns;
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
 * context that it ended in is current. patience: NULL: it is not waited for. Returns 0 or -errno.
 */
int sl_virgl_renderer_mark(struct sl_virgl_renderer *renderer,
			   const struct sl_virgl_patience *patience);
/* Readable when sl_virgl_renderer_poll() will find something; -1: nothing tells, look often. */
int sl_virgl_renderer_get_fd(void);
/* Updates completed. */
void sl_virgl_renderer_poll(void);

#endif
