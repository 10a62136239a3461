/* SPDX-License-Identifier: MIT */
/* A listening socket in the event loop. */
#ifndef SL_HOST_DAEMON_LISTENER_H
#define SL_HOST_DAEMON_LISTENER_H

#include <systemd/sd-event.h>

struct sl_listener;

/* The connection is close-on-exec, and blocks; it is the callee's. */
typedef void sl_listener_accept(int fd, void *data);

/* name is for the log, and borrowed. Where the process runs out of descriptors or memory, whoever
 * wants to connect waits in the kernel's queue until there are some again: it is asked ten times a
 * second.
 *
 * Consumes fd, also on failure. Returns 0 or -errno. */
int sl_listener_create(sd_event *event, int fd, const char *name, sl_listener_accept *accept,
		       void *data, struct sl_listener **ret_listener);
/* Closes the socket. Accepts NULL. */
void sl_listener_destroy(struct sl_listener *listener);

#endif
