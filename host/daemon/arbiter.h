/* SPDX-License-Identifier: MIT */
/* The arbiter of the GPU: asks the policy (host/sched) who is next, tells the renderers, and
 * measures how long each has held the GPU. One grant is out at a time. */
#ifndef SL_HOST_DAEMON_ARBITER_H
#define SL_HOST_DAEMON_ARBITER_H

#include "host/sched/sched.h"
#include "host/sched/sched_msg.h"

#include <stdint.h>
#include <systemd/sd-event.h>

struct sl_arbiter;
struct sl_arbiter_context;
struct sl_worker;

struct sl_arbiter_options {
	enum sl_sched_policy policy;
	uint64_t slice_ns;
	/* How long a context may keep the GPU after it was told to give it back. */
	uint64_t run_limit_ns;
};

/* What the GPU did with its time, in wall time. The four add up to the time since start. */
struct sl_arbiter_account {
	uint64_t wall_ns;
	uint64_t busy_ns;     /* held, and working as the holders say */
	uint64_t held_ns;     /* held, but not working: launch gaps, a context that lingers */
	uint64_t idle_ns;     /* held by nobody, wanted by nobody that may have it */
	uint64_t handover_ns; /* on its way from one context to the next */
	uint64_t handovers;
};

/* overrun(): the context kept the GPU past run_limit_ns; it must be ended (from the event loop).
 * Returns 0 or -errno. */
int sl_arbiter_create(sd_event *event, const struct sl_arbiter_options *options,
		      void (*overrun)(void *context_data), struct sl_arbiter **ret_arbiter);
void sl_arbiter_destroy(struct sl_arbiter *arbiter);

void sl_arbiter_set_policy(struct sl_arbiter *arbiter, enum sl_sched_policy policy);
struct sl_arbiter_account sl_arbiter_get_account(const struct sl_arbiter *arbiter);

/* NULL if params are out of range or memory is short. */
struct sl_sched_guest *sl_arbiter_add_guest(struct sl_arbiter *arbiter,
					    const struct sl_sched_guest_params *params);
/* Its contexts must have been removed. Accepts NULL. */
void sl_arbiter_remove_guest(struct sl_arbiter *arbiter, struct sl_sched_guest *guest);
/* Returns 0 or -EINVAL. */
int sl_arbiter_set_guest(struct sl_arbiter *arbiter, struct sl_sched_guest *guest,
			 const struct sl_sched_guest_params *params);
/* A paused guest's work waits; what is on the GPU ends first. */
void sl_arbiter_set_paused(struct sl_arbiter *arbiter, struct sl_sched_guest *guest, bool paused);

/* worker is lent until the context is removed; data is for overrun(). NULL: no memory. */
struct sl_arbiter_context *sl_arbiter_add_context(struct sl_arbiter *arbiter,
						  struct sl_sched_guest *guest,
						  struct sl_worker *worker, void *data);
/* Accepts NULL. */
void sl_arbiter_remove_context(struct sl_arbiter_context *context);

/* A packet of the context's renderer, which may be hostile: what makes no sense is ignored. */
void sl_arbiter_handle(struct sl_arbiter_context *context, const struct sl_sched_msg *msg);

#endif
