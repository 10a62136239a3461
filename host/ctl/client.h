/* SPDX-License-Identifier: MIT */
/* The way to the daemon. What goes wrong is told to the user here. */
#ifndef SL_HOST_CTL_CLIENT_H
#define SL_HOST_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

/* given: the control socket's path; NULL: the default. Returns a connected socket, or -1 after
 * saying what is wrong. */
int sl_client_connect(const char *given);

/* Returns the daemon's answer, or NULL after saying what is wrong. */
json_t *sl_client_ask(int fd, json_t *request);

/* False after saying what the daemon says is wrong. */
bool sl_client_check(const json_t *answer);

#endif
