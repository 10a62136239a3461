/* SPDX-License-Identifier: MIT */
/* The control socket: one JSON object per line asks, one per line answers; sluicectl(1) speaks it.
 *
 * A request is {"command": NAME, …}, an answer {"ok": true, …} or {"ok": false, "error": TEXT}.
 *	status                            the daemon and the device it renders on
 *	list                              guests, what they use, and their programs
 *	add-guest     name [socket] [users: [name or number, …]] [keep_existing: true], and
 *	              as for set
 *	remove-guest  name
 *	end-program   context
 *	kill          target: a guest, or a context's number
 *	set           name, and any of weight, cap, class, deadline, slice, memory
 *	pause         name: its programs' work waits
 *	resume        name
 *	ledger        what the GPU did with its time, and for whom
 *	policy        [policy]
 *	hold          pid: the daemon ends when the last process it is held by has ended */
#ifndef SL_HOST_DAEMON_CONTROL_H
#define SL_HOST_DAEMON_CONTROL_H

struct sl_control;
struct sl_daemon;

/* listen_fd: a listening stream socket, consumed also on failure. Only root and the daemon's own
 * user are answered. Returns 0 or -errno. */
int sl_control_create(struct sl_daemon *daemon, int listen_fd, struct sl_control **ret_control);
/* Accepts NULL. */
void sl_control_destroy(struct sl_control *control);

#endif
