/* SPDX-License-Identifier: MIT */
/* The orders of the control socket, as listed in control.h. */
#ifndef SL_HOST_DAEMON_COMMAND_H
#define SL_HOST_DAEMON_COMMAND_H

#include <jansson.h>

struct sl_daemon;

/* Returns a new object, the answer; NULL if memory is short. */
json_t *sl_command_run(struct sl_daemon *daemon, json_t *request);

#endif
