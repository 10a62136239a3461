/* SPDX-License-Identifier: MIT */
/* What the parts of the daemon share. Everything runs in the one thread of the event loop. */
#ifndef SL_HOST_DAEMON_DAEMON_H
#define SL_HOST_DAEMON_DAEMON_H

#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

struct sl_arbiter;
struct sl_config;
struct sl_guest;
struct sl_holder;
struct sl_pool;
struct sl_refusal;

struct sl_daemon {
	sd_event *event;
	struct sl_config *config; /* replaced as a whole by a reload */
	struct sl_pool *pool;
	struct sl_arbiter *arbiter;
	TAILQ_HEAD(, sl_guest) guests; /* in the order of their creation */
	LIST_HEAD(, sl_refusal) refusals;
	uint32_t refusal_count;
	LIST_HEAD(, sl_holder) holders;
	uint32_t context_count; /* live, of all guests */
	uint64_t last_context_id;
	uint64_t start_ns; /* CLOCK_MONOTONIC */
};

#endif
