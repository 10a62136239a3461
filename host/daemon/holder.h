/* SPDX-License-Identifier: MIT */
/* Processes for whose sake the daemon runs: when the last of them has ended, so does the daemon.
 * A daemon without any runs until it is told to end. */
#ifndef SL_HOST_DAEMON_HOLDER_H
#define SL_HOST_DAEMON_HOLDER_H

#include <sys/types.h>

struct sl_daemon;

/* Returns 0, -ESRCH (no such process) or -errno. */
int sl_holder_add(struct sl_daemon *daemon, pid_t pid);

/* Forget all of them. */
void sl_holder_finish(struct sl_daemon *daemon);

#endif
