/* SPDX-License-Identifier: MIT */
/* The life of a sluice-virgl with its virtual machine: packets in, work on the GPU when the
 * daemon's arbiter gives it, completions out. */
#ifndef SL_HOST_VIRGL_LOOP_H
#define SL_HOST_VIRGL_LOOP_H

#include "host/virgl/renderer.h"
#include "host/virgl/server.h"

struct sl_stats;

struct sl_virgl_loop_options {
	struct sl_virgl_renderer *renderer;
	struct sl_virgl_server *server;
	struct sl_stats *stats;
	int socket;	/* the vgpu's */
	int control_fd; /* the daemon's */
};

/* Returns when it is over: -EPIPE (the vgpu has gone), -ECONNRESET (the daemon has), -EBADMSG (the
 * vgpu sent nonsense) or -errno. */
int sl_virgl_loop_run(const struct sl_virgl_loop_options *options);

#endif
