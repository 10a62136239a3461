/* SPDX-License-Identifier: MIT */
/* The arbiter of the GPU: asks the policy (host/sched) who is next, tells the renderers, and
 * measures how long each has held the GPU. One context holds it at a time; the next one may be told
 * ahead. */
#ifndef SL_HOST_DAEMON_ARBITER_H
#define SL_HOST_DAEMON_ARBITER_H

#include "host/base/histogram.h"
#include "host/sched/sched.h"
#include "host/sched/sched_msg.h"

#include <stdint.h>
#include <systemd/sd-event.h>

struct sl_arbiter;
struct sl_arbiter_context;
struct sl_arbiter_guest;
struct sl_stats;
struct sl_worker;

struct sl_arbiter_options {
	enum sl_sched_policy policy;
	uint64_t slice_ns;
	/* How long a context may keep the GPU after it was told to give it back, and how long one
	 * piece of work may take while it is alone. */
	uint64_t run_limit_ns;
};

/* What the GPU did with its time since the arbiter began, in wall time:
 * used_ns + gap_ns + idle_ns = wall_ns. All of them only grow.
 *
 * A grant that others wait for is held in full by its guest, whatever it does with it. With a
 * standing grant, which nobody else wants, only what runs is: the rest is idle. */
struct sl_arbiter_account {
	uint64_t wall_ns;
	uint64_t used_ns;    /* held, and something ran, as the holders say */
	uint64_t stamped_ns; /* of that: by the GPU's timestamps; the rest by completion times */
	uint64_t gap_ns; /* held, and nothing ran: hand-over, launch gaps, a context that lingers */
	uint64_t idle_ns;   /* wanted by nobody that might have had it */
	uint64_t handovers; /* from one grant to the next that was waited for */
	struct sl_histogram
		handover_times;	  /* from the end of the last work to the first of the next */
	uint64_t removed_used_ns; /* parts of the above: of guests that have gone */
	uint64_t removed_gap_ns;
};

struct sl_arbiter_guest_account {
	uint64_t used_ns; /* the sum over all guests, and those removed, is the arbiter's */
	uint64_t stamped_ns;
	uint64_t gap_ns;
	enum sl_sched_state state;
	uint32_t entitlement_permille;
	const struct sl_sched_usage *usage; /* lent until the guest is removed */
	const struct sl_sched_guest_params *params;
};

/* overrun(): the context kept the GPU past run_limit_ns; it must be ended (from the event loop).
 * Returns 0 or -errno. */
int sl_arbiter_create(sd_event *event, const struct sl_arbiter_options *options,
		      void (*overrun)(void *context_data), struct sl_arbiter **ret_arbiter);
void sl_arbiter_destroy(struct sl_arbiter *arbiter);

void sl_arbiter_set_options(struct sl_arbiter *arbiter, const struct sl_arbiter_options *options);
const struct sl_arbiter_options *sl_arbiter_get_options(const struct sl_arbiter *arbiter);

/* Brings the account up to date; it is lent. */
const struct sl_arbiter_account *sl_arbiter_get_account(struct sl_arbiter *arbiter);
/* As of the last sl_arbiter_get_account(). */
struct sl_arbiter_guest_account sl_arbiter_get_guest(const struct sl_arbiter *arbiter,
						     const struct sl_arbiter_guest *guest);

/* NULL if params are out of range or memory is short. */
struct sl_arbiter_guest *sl_arbiter_add_guest(struct sl_arbiter *arbiter,
					      const struct sl_sched_guest_params *params);
/* Its contexts must have been removed. Accepts NULL. */
void sl_arbiter_remove_guest(struct sl_arbiter *arbiter, struct sl_arbiter_guest *guest);
/* Returns 0 or -EINVAL. */
int sl_arbiter_set_guest(struct sl_arbiter *arbiter, struct sl_arbiter_guest *guest,
			 const struct sl_sched_guest_params *params);
/* A paused guest's work waits; what is on the GPU ends first. */
void sl_arbiter_set_paused(struct sl_arbiter *arbiter, struct sl_arbiter_guest *guest, bool paused);
bool sl_arbiter_is_paused(const struct sl_arbiter_guest *guest);

/* worker and stats are lent until the context is removed; data is for overrun().
 * NULL: no memory. */
struct sl_arbiter_context *sl_arbiter_add_context(struct sl_arbiter *arbiter,
						  struct sl_arbiter_guest *guest,
						  struct sl_worker *worker,
						  const struct sl_stats *stats, void *data);
/* Accepts NULL. */
void sl_arbiter_remove_context(struct sl_arbiter_context *context);

/* True if it holds the GPU while others want it. */
bool sl_arbiter_is_in_the_way(const struct sl_arbiter_context *context);

/* A packet of the context's renderer, which may be hostile: what makes no sense is ignored. */
void sl_arbiter_handle(struct sl_arbiter_context *context, const struct sl_sched_msg *msg);

#endif
