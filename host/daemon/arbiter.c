/* SPDX-License-Identifier: MIT */
/* Grants the GPU to one renderer after the other. */
#include "host/daemon/arbiter.h"

#include <errno.h>
#include <stdlib.h>

#include "host/base/clock.h"
#include "host/base/stats.h"
#include "host/daemon/worker.h"

/* A daemon that comes so late to look was itself kept from running. */
#define LATE_NS 100000000ull

struct sl_arbiter_context {
	struct sl_arbiter *arbiter;
	struct sl_arbiter_guest *guest;
	struct sl_sched_context *sched;
	struct sl_worker *worker;
	const struct sl_stats *stats;
	void *data;
};

struct sl_arbiter_guest {
	struct sl_sched_guest *sched;
	uint64_t used_ns;
	uint64_t stamped_ns; /* of that */
	uint64_t gap_ns;
};

struct sl_arbiter {
	sd_event *event;
	struct sl_sched *sched;
	struct sl_arbiter_options options;
	void (*overrun)(void *context_data);
	/* One timer: for the holder to give back, or for a cap to let somebody run. */
	sd_event_source *timer;
	uint64_t timer_ns;   /* when it is due; UINT64_MAX: never */
	uint64_t grant;	     /* number of the last */
	uint64_t granted_ns; /* when the holder could first give the driver work */
	uint64_t ahead_ns;   /* the same, of who is next */
	uint64_t slice_ns;   /* of the present grant; UINT64_MAX: standing */
	bool is_revoked;
	uint64_t cut_ns;  /* when the last work of the grant before this one ended, with more to do;
			   * 0: it had no more, or the GPU was idle since */
	uint64_t busy_ns; /* the holder's GPU time, as far as it is on the account */
	uint64_t stamped_ns; /* of that, what its renderer says of timestamps */
	uint64_t start_ns;
	uint64_t settled_ns; /* up to when the account is complete */
	struct sl_arbiter_account account;
};

static void arm_timer(struct sl_arbiter *arbiter, uint64_t time_ns)
{
	arbiter->timer_ns = time_ns;
	sd_event_source_set_time(arbiter->timer, time_ns / 1000 + 1);
	sd_event_source_set_enabled(arbiter->timer,
				    time_ns == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void send_grant(const struct sl_arbiter_context *context, uint64_t number, uint32_t flags,
		       const struct sl_sched_grant *grant)
{
	bool is_standing = grant->slice_ns == UINT64_MAX;
	const struct sl_sched_msg msg = {
		.type = SL_SCHED_MSG_GRANT,
		.flags = flags,
		.grant = number,
		.time_ns = is_standing ? 0 : grant->slice_ns,
		.piece_ns = is_standing ? 0 : grant->piece_ns,
	};

	sl_worker_send_sched(context->worker, &msg);
}

static void send_revoke(const struct sl_arbiter_context *context, uint64_t number)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_REVOKE, .grant = number };

	sl_worker_send_sched(context->worker, &msg);
}

static const struct sl_arbiter_context *get_holder(const struct sl_arbiter *arbiter)
{
	const struct sl_sched_context *holder = sl_sched_get_holder(arbiter->sched);

	return holder != NULL ? sl_sched_get_data(holder) : NULL;
}

/* What the holder's GPU time was measured by. Never more than there is of it. */
static void settle_stamped(struct sl_arbiter *arbiter, const struct sl_arbiter_context *holder)
{
	struct sl_arbiter_guest *guest = holder->guest;
	uint64_t now_ns = sl_stats_get(&holder->stats->gpu_stamped_ns);
	uint64_t added_ns = now_ns > arbiter->stamped_ns ? now_ns - arbiter->stamped_ns : 0;
	uint64_t max_ns = guest->used_ns - guest->stamped_ns;

	arbiter->stamped_ns = now_ns;
	added_ns = added_ns < max_ns ? added_ns : max_ns;
	guest->stamped_ns += added_ns;
	arbiter->account.stamped_ns += added_ns;
}

/* Put the time since the last call on the account of whom it belongs to. Before every change of
 * who holds the GPU, wants it, or may have it. */
static void settle(struct sl_arbiter *arbiter, uint64_t now_ns)
{
	const struct sl_arbiter_context *holder = get_holder(arbiter);
	uint64_t elapsed_ns = now_ns - arbiter->settled_ns;

	arbiter->settled_ns = now_ns;
	if (holder == NULL) {
		arbiter->account.idle_ns += elapsed_ns;
		return;
	}
	uint64_t busy_ns = sl_stats_get_gpu_busy(holder->stats, now_ns);
	uint64_t used_ns = busy_ns > arbiter->busy_ns ? busy_ns - arbiter->busy_ns : 0;
	bool is_wanted = arbiter->slice_ns != UINT64_MAX || arbiter->is_revoked;

	/* Whatever a renderer says, no time counts twice. How long something takes that is under
	 * way is known once it has ended: it may have counted for too much, or too little. */
	used_ns = used_ns < elapsed_ns ? used_ns : elapsed_ns;
	arbiter->busy_ns += used_ns;
	arbiter->account.used_ns += used_ns;
	holder->guest->used_ns += used_ns;
	settle_stamped(arbiter, holder);
	if (is_wanted) {
		arbiter->account.gap_ns += elapsed_ns - used_ns;
		holder->guest->gap_ns += elapsed_ns - used_ns;
	} else {
		arbiter->account.idle_ns += elapsed_ns - used_ns;
	}
	/* What counts is how long nobody else could have the GPU, not what the renderer says. */
	sl_sched_charge(arbiter->sched, is_wanted ? elapsed_ns : used_ns, now_ns);
}

/* Give the GPU to whoever is next; nobody holds it. */
static void grant_next(struct sl_arbiter *arbiter, uint64_t now_ns)
{
	const struct sl_sched_context *next = sl_sched_get_next(arbiter->sched);
	struct sl_sched_grant grant = sl_sched_pick(arbiter->sched, now_ns);

	if (grant.context == NULL) {
		arbiter->cut_ns = 0;
		arm_timer(arbiter, grant.retry_ns);
		return;
	}
	const struct sl_arbiter_context *context = sl_sched_get_data(grant.context);
	bool is_standing = grant.slice_ns == UINT64_MAX;

	arbiter->grant++;
	arbiter->granted_ns = next != NULL ? arbiter->ahead_ns : now_ns;
	arbiter->slice_ns = grant.slice_ns;
	arbiter->is_revoked = false;
	arbiter->busy_ns = sl_stats_get_gpu_busy(context->stats, now_ns);
	arbiter->stamped_ns = sl_stats_get(&context->stats->gpu_stamped_ns);
	send_grant(context, arbiter->grant, 0, &grant);
	arm_timer(arbiter,
		  now_ns + (is_standing ? 0 : grant.slice_ns) + arbiter->options.run_limit_ns);
}

/* The holder says that it will give the GPU back in left_ns: let who is next have work ready. That
 * is all that it can bring about by saying so. */
static void choose_next(struct sl_arbiter *arbiter, uint64_t left_ns, uint64_t now_ns)
{
	if (sl_sched_get_next(arbiter->sched) != NULL) {
		return;
	}
	struct sl_sched_grant grant = sl_sched_pick_next(arbiter->sched, left_ns, now_ns);

	if (grant.context != NULL) {
		arbiter->ahead_ns = now_ns;
		send_grant(sl_sched_get_data(grant.context), arbiter->grant + 1, SL_SCHED_MSG_AHEAD,
			   &grant);
	}
}

static void revoke_grant(struct sl_arbiter *arbiter, const struct sl_arbiter_context *holder,
			 uint64_t now_ns)
{
	if (arbiter->is_revoked) {
		return;
	}
	arbiter->is_revoked = true;
	send_revoke(holder, arbiter->grant);
	if (arbiter->slice_ns == UINT64_MAX) {
		arm_timer(arbiter, now_ns + arbiter->options.run_limit_ns);
	}
}

/* After every change. */
static void update(struct sl_arbiter *arbiter, uint64_t now_ns)
{
	const struct sl_arbiter_context *holder = get_holder(arbiter);

	if (holder == NULL) {
		grant_next(arbiter, now_ns);
		return;
	}
	/* A slice ends by itself; only a pause and a deadline cut it short. */
	if (sl_sched_is_contended(arbiter->sched) &&
	    (arbiter->slice_ns == UINT64_MAX || sl_sched_is_paused(holder->guest->sched) ||
	     sl_sched_is_overtaken(arbiter->sched, now_ns))) {
		revoke_grant(arbiter, holder, now_ns);
	}
}

/* How long the holder has still to show that it gets on; 0: it has had its time. */
static uint64_t time_left_ns(const struct sl_arbiter *arbiter,
			     const struct sl_arbiter_context *holder, uint64_t now_ns)
{
	uint64_t limit_ns = arbiter->options.run_limit_ns;

	/* Nobody was there to hear it give the GPU back. */
	if (now_ns > arbiter->timer_ns + LATE_NS) {
		return LATE_NS;
	}
	/* Alone it keeps the GPU for as long as it likes, but not with one piece of work. It may
	 * lie about that: then it does so at nobody's expense. */
	if (arbiter->slice_ns == UINT64_MAX && !arbiter->is_revoked) {
		uint64_t since_ns = sl_stats_get_gpu_busy_since(holder->stats);

		if (since_ns == 0 || since_ns > now_ns) {
			return limit_ns;
		}
		return now_ns - since_ns < limit_ns ? since_ns + limit_ns - now_ns : 0;
	}
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct sl_arbiter *arbiter = data;
	const struct sl_arbiter_context *holder = get_holder(arbiter);
	uint64_t now_ns = sl_clock_now_ns();

	(void)source;
	(void)usec;
	if (holder != NULL) {
		uint64_t left_ns = time_left_ns(arbiter, holder, now_ns);

		if (left_ns > 0) {
			arm_timer(arbiter, now_ns + left_ns);
		} else {
			arbiter->overrun(holder->data);
		}
		return 0;
	}
	settle(arbiter, now_ns);
	update(arbiter, now_ns);
	return 0;
}

int sl_arbiter_create(sd_event *event, const struct sl_arbiter_options *options,
		      void (*overrun)(void *context_data), struct sl_arbiter **ret_arbiter)
{
	struct sl_arbiter *arbiter = calloc(1, sizeof(*arbiter));

	if (arbiter == NULL) {
		return -ENOMEM;
	}
	arbiter->event = event;
	arbiter->options = *options;
	arbiter->overrun = overrun;
	arbiter->start_ns = sl_clock_now_ns();
	arbiter->settled_ns = arbiter->start_ns;
	arbiter->sched = sl_sched_create(options->policy, options->slice_ns);
	int r = sd_event_add_time(event, &arbiter->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer,
				  arbiter);
	if (r < 0 || arbiter->sched == NULL) {
		sl_arbiter_destroy(arbiter);
		return r < 0 ? r : -ENOMEM;
	}
	*ret_arbiter = arbiter;
	return 0;
}

void sl_arbiter_destroy(struct sl_arbiter *arbiter)
{
	if (arbiter == NULL) {
		return;
	}
	sd_event_source_disable_unref(arbiter->timer);
	sl_sched_destroy(arbiter->sched);
	free(arbiter);
}

void sl_arbiter_set_options(struct sl_arbiter *arbiter, const struct sl_arbiter_options *options)
{
	uint64_t now_ns = sl_clock_now_ns();

	settle(arbiter, now_ns);
	arbiter->options = *options;
	sl_sched_set_policy(arbiter->sched, options->policy);
	sl_sched_set_slice(arbiter->sched, options->slice_ns);
	update(arbiter, now_ns);
}

const struct sl_arbiter_options *sl_arbiter_get_options(const struct sl_arbiter *arbiter)
{
	return &arbiter->options;
}

const struct sl_arbiter_account *sl_arbiter_get_account(struct sl_arbiter *arbiter)
{
	uint64_t now_ns = sl_clock_now_ns();

	settle(arbiter, now_ns);
	arbiter->account.wall_ns = now_ns - arbiter->start_ns;
	return &arbiter->account;
}

struct sl_arbiter_guest_account sl_arbiter_get_guest(const struct sl_arbiter *arbiter,
						     const struct sl_arbiter_guest *guest)
{
	return (struct sl_arbiter_guest_account){
		.used_ns = guest->used_ns,
		.stamped_ns = guest->stamped_ns,
		.gap_ns = guest->gap_ns,
		.state = sl_sched_get_state(arbiter->sched, guest->sched),
		.entitlement_permille = sl_sched_get_entitlement(arbiter->sched, guest->sched),
		.usage = sl_sched_get_usage(guest->sched),
		.params = sl_sched_get_params(guest->sched),
	};
}

struct sl_arbiter_guest *sl_arbiter_add_guest(struct sl_arbiter *arbiter,
					      const struct sl_sched_guest_params *params)
{
	struct sl_arbiter_guest *guest = calloc(1, sizeof(*guest));

	if (guest == NULL) {
		return NULL;
	}
	guest->sched = sl_sched_add_guest(arbiter->sched, params);
	if (guest->sched == NULL) {
		free(guest);
		return NULL;
	}
	return guest;
}

void sl_arbiter_remove_guest(struct sl_arbiter *arbiter, struct sl_arbiter_guest *guest)
{
	if (guest == NULL) {
		return;
	}
	arbiter->account.removed_used_ns += guest->used_ns;
	arbiter->account.removed_gap_ns += guest->gap_ns;
	sl_sched_remove_guest(guest->sched);
	free(guest);
}

int sl_arbiter_set_guest(struct sl_arbiter *arbiter, struct sl_arbiter_guest *guest,
			 const struct sl_sched_guest_params *params)
{
	uint64_t now_ns = sl_clock_now_ns();

	settle(arbiter, now_ns);
	int r = sl_sched_set_guest(guest->sched, params);

	update(arbiter, now_ns);
	return r;
}

void sl_arbiter_set_paused(struct sl_arbiter *arbiter, struct sl_arbiter_guest *guest, bool paused)
{
	uint64_t now_ns = sl_clock_now_ns();

	settle(arbiter, now_ns);
	sl_sched_set_paused(arbiter->sched, guest->sched, paused, now_ns);
	update(arbiter, now_ns);
}

bool sl_arbiter_is_paused(const struct sl_arbiter_guest *guest)
{
	return sl_sched_is_paused(guest->sched);
}

struct sl_arbiter_context *sl_arbiter_add_context(struct sl_arbiter *arbiter,
						  struct sl_arbiter_guest *guest,
						  struct sl_worker *worker,
						  const struct sl_stats *stats, void *data)
{
	struct sl_arbiter_context *context = calloc(1, sizeof(*context));

	if (context == NULL) {
		return NULL;
	}
	context->arbiter = arbiter;
	context->guest = guest;
	context->worker = worker;
	context->stats = stats;
	context->data = data;
	context->sched = sl_sched_add_context(guest->sched, context);
	if (context->sched == NULL) {
		free(context);
		return NULL;
	}
	return context;
}

bool sl_arbiter_is_in_the_way(const struct sl_arbiter_context *context)
{
	return get_holder(context->arbiter) == context &&
	       sl_sched_is_contended(context->arbiter->sched);
}

/* A renderer's times are taken for the measure of hand-overs only, and only if they are possible.
 */
static void measure_handover(struct sl_arbiter *arbiter, const struct sl_sched_msg *msg,
			     uint64_t now_ns)
{
	bool wants_more = (msg->flags & SL_SCHED_MSG_WANTS_MORE) != 0;

	if (msg->begin_ns < arbiter->granted_ns || msg->end_ns < msg->begin_ns ||
	    msg->end_ns > now_ns) {
		arbiter->cut_ns = 0;
		return;
	}
	if (arbiter->cut_ns != 0) {
		bool is_late = msg->begin_ns > arbiter->cut_ns;

		arbiter->account.handovers++;
		sl_histogram_add(&arbiter->account.handover_times,
				 is_late ? msg->begin_ns - arbiter->cut_ns : 0);
	}
	arbiter->cut_ns = wants_more ? msg->end_ns : 0;
}

void sl_arbiter_remove_context(struct sl_arbiter_context *context)
{
	if (context == NULL) {
		return;
	}
	struct sl_arbiter *arbiter = context->arbiter;
	uint64_t now_ns = sl_clock_now_ns();

	settle(arbiter, now_ns);
	if (get_holder(arbiter) == context) {
		arbiter->cut_ns = 0;
	}
	sl_sched_remove_context(arbiter->sched, context->sched, 0, now_ns);
	free(context);
	update(arbiter, now_ns);
}

void sl_arbiter_handle(struct sl_arbiter_context *context, const struct sl_sched_msg *msg)
{
	struct sl_arbiter *arbiter = context->arbiter;
	uint64_t now_ns = sl_clock_now_ns();
	bool is_holder = get_holder(arbiter) == context;

	if (msg->type == SL_SCHED_MSG_REQUEST) {
		settle(arbiter, now_ns);
		sl_sched_request(arbiter->sched, context->sched, now_ns);
	} else if (msg->type == SL_SCHED_MSG_RETURN && is_holder && msg->grant == arbiter->grant) {
		settle(arbiter, now_ns);
		measure_handover(arbiter, msg, now_ns);
		sl_sched_release(arbiter->sched, 0, (msg->flags & SL_SCHED_MSG_WANTS_MORE) != 0,
				 now_ns);
	} else if (msg->type == SL_SCHED_MSG_ENDING && is_holder && msg->grant == arbiter->grant) {
		settle(arbiter, now_ns);
		choose_next(arbiter, msg->time_ns, now_ns);
	} else {
		return;
	}
	update(arbiter, now_ns);
}
