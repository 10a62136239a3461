/* SPDX-License-Identifier: MIT */
/* Letting go of what others have sent.
 *
 * Descriptors that wait in a socket which is closed, or that come with a packet which nobody wants,
 * are closed by whoever drops them: by the daemon, if it is the last to have them. Their sender may
 * have chosen them so that this takes long: a TCP socket with SO_LINGER waits for its peer. A
 * signal ends such a wait, so between begin and end one comes every millisecond. */
#ifndef SL_HOST_DAEMON_DROP_H
#define SL_HOST_DAEMON_DROP_H

/* Once, before the others: handles SIGURG. Returns 0 or -errno. */
int sl_drop_init(void);

/* Around a call that may drop descriptors; system calls in between may be interrupted. */
void sl_drop_begin(void);
/* errno is kept. */
void sl_drop_end(void);

/* Close if fd >= 0; it may be a socket with packets that nobody has read. errno is kept. */
void sl_drop_fd(int fd);

#endif
