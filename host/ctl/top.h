/* SPDX-License-Identifier: MIT */
/* Who has the GPU, shown again and again like processes by top(1). */
#ifndef SL_HOST_CTL_TOP_H
#define SL_HOST_CTL_TOP_H

#include <stdbool.h>
#include <stdint.h>

/* fd: the control socket, lent. Runs until it is interrupted or the daemon ends; is_once: for one
 * interval. is_json: one object per interval and line. Returns an exit status. */
int sl_top_run(int fd, uint64_t interval_ns, bool is_once, bool is_json);

#endif
