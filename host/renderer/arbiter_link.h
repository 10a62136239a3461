/* SPDX-License-Identifier: MIT */
/* A renderer's connection to the daemon once it has its context: a thread that hands the arbiter's
 * packets to the replay, the timer that the replay sets, and the order to end. */
#ifndef SL_HOST_RENDERER_ARBITER_LINK_H
#define SL_HOST_RENDERER_ARBITER_LINK_H

#include <stdint.h>

struct sl_arbiter_link;
struct sl_replay;
struct sl_sched_msg;

/* control_fd is lent, and must outlive the process's last use of the link: it is never destroyed.
 * Returns 0 or -errno. */
int sl_arbiter_link_create(int control_fd, struct sl_arbiter_link **ret_link);

/* Begin to listen. ended(data, why): the daemon ends the context; then the process exits.
 * Returns 0 or -errno. */
int sl_arbiter_link_start(struct sl_arbiter_link *link, struct sl_replay *replay,
			  void (*ended)(void *data, const char *why), void *data);

/* struct sl_replay_sched; data is the link. */
void sl_arbiter_link_send(void *data, const struct sl_sched_msg *msg);
void sl_arbiter_link_set_timer(void *data, uint64_t time_ns);

#endif
