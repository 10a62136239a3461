/* SPDX-License-Identifier: MIT */
/* sd-event's loop, which goes on after there was no memory. */
#ifndef SL_HOST_BASE_EVENT_LOOP_H
#define SL_HOST_BASE_EVENT_LOOP_H

#include <signal.h>
#include <systemd/sd-event.h>

/* Instead of sd_event_add_signal(), which loses a signal that it has no memory for, and all that
 * follow. They must be blocked. on_readable calls sl_event_loop_read_signal(). Returns 0 or -errno.
 */
int sl_event_loop_add_signals(sd_event *event, const sigset_t *signals,
			      sd_event_io_handler_t on_readable, void *data);

/* The number of a signal that has arrived; 0 if there is none. fd: that of the handler. */
int sl_event_loop_read_signal(int fd);

/* Until sd_event_exit(), whose code it returns. What the loop itself asks memory for is asked for
 * again, and nothing is lost meanwhile. Returns -errno, which it logs, where the loop has failed
 * otherwise. */
int sl_event_loop_run(sd_event *event);

#endif
