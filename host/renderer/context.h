/* SPDX-License-Identifier: MIT */
/* One guest context in a renderer, from its handshake to its end. */
#ifndef SL_HOST_RENDERER_CONTEXT_H
#define SL_HOST_RENDERER_CONTEXT_H

#include "host/base/renderer_msg.h"

struct sl_gpu;
struct sl_quota;
struct sl_stats;

/* Shared with the daemon, or from it. */
struct sl_context_pages {
	struct sl_stats *stats;
	struct sl_quota *quota;
	int record_fd; /* every message goes there (recording.h); -1: it does not */
};

/* Serve the context on the calling thread until it ends, for whatever reason; what is to be said
 * about it is logged here. The GPU may still work for it, threads of the host driver may still run:
 * the process has to end without waiting for them.
 *
 * Consumes fd, the guest's socket. control_fd, the daemon's, stays the caller's and must stay open.
 * ret_report: all but its type. */
void sl_context_serve(struct sl_gpu *gpu, const struct sl_renderer_assign *assign, int control_fd,
		      int fd, const struct sl_context_pages *pages,
		      struct sl_renderer_report *ret_report);

#endif
