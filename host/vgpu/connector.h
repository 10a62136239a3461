/* SPDX-License-Identifier: MIT */
/* The device's process sees none of the host's files, so it cannot connect to the daemon for a new
 * context. Its parent can, and does nothing else: one request on a socket between the two, one
 * connected descriptor back. */
#ifndef SL_HOST_VGPU_CONNECTOR_H
#define SL_HOST_VGPU_CONNECTOR_H

#include <stdbool.h>
#include <sys/types.h>

/* The parent's part: send the child the descriptor that it is to serve, then connect to path
 * whenever it asks. SIGTERM and SIGINT are passed on. Returns when the child has ended, with its
 * exit status (128 + the signal that killed it), or -errno. The descriptors stay the caller's. */
int sl_vgpu_connector_run(int socket, int serve_fd, const char *path, pid_t child);

/* The child's part. */

/* Returns the descriptor to serve, or -errno. */
int sl_vgpu_connector_receive(int socket);
/* Returns a descriptor connected to the daemon (non-blocking), or -errno. to_gl: for OpenGL
 * (host/virgl), not for a context of Sluice's. */
int sl_vgpu_connector_connect(int socket, bool to_gl);

#endif
