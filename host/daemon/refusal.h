/* SPDX-License-Identifier: MIT */
/* Telling a guest program why it may not connect. */
#ifndef SL_HOST_DAEMON_REFUSAL_H
#define SL_HOST_DAEMON_REFUSAL_H

struct sl_daemon;

/* Send the text to the program at the other end of fd and close it once the program has had time
 * to read it. Consumes fd. */
void sl_refusal_send(struct sl_daemon *daemon, int fd, const char *text);

/* Close all connections that still linger. */
void sl_refusal_finish(struct sl_daemon *daemon);

#endif
