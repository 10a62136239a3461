/* SPDX-License-Identifier: MIT */
/* How a process of the daemon's begins: its options, its sandbox, its one context. */
#ifndef SL_HOST_SANDBOX_ENTRY_H
#define SL_HOST_SANDBOX_ENTRY_H

#include "host/base/renderer_msg.h"
#include "host/sandbox/sandbox.h"

#include <stddef.h>

struct sl_quota;
struct sl_stats;

/* What comes with SL_RENDERER_ASSIGN. */
struct sl_entry_context {
	int fd; /* the guest's connection */
	struct sl_stats *stats;
	struct sl_quota *quota;
	int record_fd; /* -1: nothing is recorded */
};

/* Read the options that the daemon gives, and start the log. name: of the program. usage: printed
 * for --help, which ends the process. Sets all of sandbox but its role. Returns 0 or -EINVAL. */
int sl_entry_parse(int argc, char **argv, const char *name, const char *usage,
		   struct sl_sandbox_options *sandbox);

/* Enter the sandbox. Returns 0, or -errno with a line in ret_why. */
int sl_entry_enter(const struct sl_sandbox_options *sandbox, uint32_t *ret_missing, char *ret_why,
		   size_t why_size);

/* Wait for the context. Returns 1; 0 if the daemon has no use for this process any more; or -errno,
 * after logging why. */
int sl_entry_receive(int control_fd, struct sl_renderer_assign *ret_assign,
		     struct sl_entry_context *ret_context);

#endif
