/* SPDX-License-Identifier: MIT */
/* Grants the GPU to one renderer after the other. */
#include "host/daemon/arbiter.h"

#include <errno.h>
#include <stdlib.h>

#include "host/base/clock.h"
#include "host/daemon/worker.h"

struct sl_arbiter_context {
	struct sl_arbiter *arbiter;
	struct sl_sched_context *sched;
	struct sl_worker *worker;
	void *data;
};

struct sl_arbiter {
	sd_event *event;
	struct sl_sched *sched;
	struct sl_arbiter_options options;
	void (*overrun)(void *context_data);
	/* One timer: for the holder to give back, or for a cap to let somebody run. */
	sd_event_source *timer;
	uint64_t grant; /* number of the last */
	uint64_t granted_ns;
	uint64_t slice_ns; /* of the present grant; UINT64_MAX: standing */
	bool is_revoked;
	uint64_t released_ns; /* when the GPU came back last, or start */
	bool was_wanted;      /* somebody waited then */
	uint64_t start_ns;
	struct sl_arbiter_account account; /* but for the present state's part */
};

static void arm_timer(struct sl_arbiter *arbiter, uint64_t time_ns)
{
	sd_event_source_set_time(arbiter->timer, time_ns / 1000 + 1);
	sd_event_source_set_enabled(arbiter->timer,
				    time_ns == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void send_msg(const struct sl_arbiter_context *context, uint32_t type, uint64_t grant,
		     uint64_t time_ns)
{
	const struct sl_sched_msg msg = { .type = type, .grant = grant, .time_ns = time_ns };

	sl_worker_send_sched(context->worker, &msg);
}

/* Give the GPU to whoever is next; nobody holds it. */
static void grant_next(struct sl_arbiter *arbiter, uint64_t now_ns)
{
	struct sl_sched_grant grant = sl_sched_pick(arbiter->sched, now_ns);

	if (grant.context == NULL) {
		arm_timer(arbiter, grant.retry_ns);
		return;
	}
	bool is_standing = grant.slice_ns == UINT64_MAX;

	if (arbiter->was_wanted) {
		arbiter->account.handover_ns += now_ns - arbiter->released_ns;
		arbiter->account.handovers++;
	} else {
		arbiter->account.idle_ns += now_ns - arbiter->released_ns;
	}
	arbiter->grant++;
	arbiter->granted_ns = now_ns;
	arbiter->slice_ns = grant.slice_ns;
	arbiter->is_revoked = false;
	send_msg(sl_sched_get_data(grant.context), SL_SCHED_MSG_GRANT, arbiter->grant,
		 is_standing ? 0 : grant.slice_ns);
	arm_timer(arbiter, is_standing ? UINT64_MAX
				       : now_ns + grant.slice_ns + arbiter->options.run_limit_ns);
}

static void revoke_grant(struct sl_arbiter *arbiter, struct sl_sched_context *holder,
			 uint64_t now_ns)
{
	if (arbiter->is_revoked) {
		return;
	}
	arbiter->is_revoked = true;
	send_msg(sl_sched_get_data(holder), SL_SCHED_MSG_REVOKE, arbiter->grant, 0);
	if (arbiter->slice_ns == UINT64_MAX) {
		arm_timer(arbiter, now_ns + arbiter->options.run_limit_ns);
	}
}

/* After every change. */
static void update(struct sl_arbiter *arbiter, uint64_t now_ns)
{
	struct sl_sched_context *holder = sl_sched_get_holder(arbiter->sched);

	if (holder == NULL) {
		grant_next(arbiter, now_ns);
		return;
	}
	/* A slice ends by itself; only a pause cuts it short. */
	if (sl_sched_is_contended(arbiter->sched) &&
	    (arbiter->slice_ns == UINT64_MAX || sl_sched_is_paused(sl_sched_get_guest(holder)))) {
		revoke_grant(arbiter, holder, now_ns);
	}
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct sl_arbiter *arbiter = data;
	struct sl_sched_context *holder = sl_sched_get_holder(arbiter->sched);

	(void)source;
	(void)usec;
	if (holder != NULL) {
		const struct sl_arbiter_context *context = sl_sched_get_data(holder);

		arbiter->overrun(context->data);
		return 0;
	}
	update(arbiter, sl_clock_now_ns());
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
	arbiter->released_ns = arbiter->start_ns;
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

void sl_arbiter_set_policy(struct sl_arbiter *arbiter, enum sl_sched_policy policy)
{
	sl_sched_set_policy(arbiter->sched, policy);
	update(arbiter, sl_clock_now_ns());
}

struct sl_arbiter_account sl_arbiter_get_account(const struct sl_arbiter *arbiter)
{
	struct sl_arbiter_account account = arbiter->account;
	uint64_t now_ns = sl_clock_now_ns();

	account.wall_ns = now_ns - arbiter->start_ns;
	if (sl_sched_get_holder(arbiter->sched) != NULL) {
		account.held_ns += now_ns - arbiter->granted_ns;
	} else if (arbiter->was_wanted) {
		account.handover_ns += now_ns - arbiter->released_ns;
	} else {
		account.idle_ns += now_ns - arbiter->released_ns;
	}
	return account;
}

struct sl_sched_guest *sl_arbiter_add_guest(struct sl_arbiter *arbiter,
					    const struct sl_sched_guest_params *params)
{
	return sl_sched_add_guest(arbiter->sched, params);
}

void sl_arbiter_remove_guest(struct sl_arbiter *arbiter, struct sl_sched_guest *guest)
{
	(void)arbiter;
	if (guest != NULL) {
		sl_sched_remove_guest(guest);
	}
}

int sl_arbiter_set_guest(struct sl_arbiter *arbiter, struct sl_sched_guest *guest,
			 const struct sl_sched_guest_params *params)
{
	int r = sl_sched_set_guest(guest, params);

	update(arbiter, sl_clock_now_ns());
	return r;
}

void sl_arbiter_set_paused(struct sl_arbiter *arbiter, struct sl_sched_guest *guest, bool paused)
{
	uint64_t now_ns = sl_clock_now_ns();

	sl_sched_set_paused(arbiter->sched, guest, paused, now_ns);
	update(arbiter, now_ns);
}

struct sl_arbiter_context *sl_arbiter_add_context(struct sl_arbiter *arbiter,
						  struct sl_sched_guest *guest,
						  struct sl_worker *worker, void *data)
{
	struct sl_arbiter_context *context = calloc(1, sizeof(*context));

	if (context == NULL) {
		return NULL;
	}
	context->arbiter = arbiter;
	context->worker = worker;
	context->data = data;
	context->sched = sl_sched_add_context(guest, context);
	if (context->sched == NULL) {
		free(context);
		return NULL;
	}
	return context;
}

/* The GPU is back. What the renderer says it used is not believed if it kept the GPU longer: for
 * the account of who waits for whom, what counts is how long nobody else could have it. */
static void release(struct sl_arbiter *arbiter, uint64_t said_ns, bool wants_more, uint64_t now_ns)
{
	uint64_t kept_ns = now_ns - arbiter->granted_ns;
	uint64_t busy_ns = said_ns < kept_ns ? said_ns : kept_ns;

	arbiter->account.busy_ns += busy_ns;
	arbiter->account.held_ns += kept_ns - busy_ns;
	sl_sched_release(arbiter->sched, said_ns > kept_ns ? said_ns : kept_ns, wants_more, now_ns);
	arbiter->released_ns = now_ns;
	arbiter->was_wanted = sl_sched_is_wanted(arbiter->sched);
}

void sl_arbiter_remove_context(struct sl_arbiter_context *context)
{
	if (context == NULL) {
		return;
	}
	struct sl_arbiter *arbiter = context->arbiter;
	uint64_t now_ns = sl_clock_now_ns();

	if (sl_sched_get_holder(arbiter->sched) == context->sched) {
		release(arbiter, 0, false, now_ns);
	}
	sl_sched_remove_context(arbiter->sched, context->sched, 0, now_ns);
	free(context);
	update(arbiter, now_ns);
}

void sl_arbiter_handle(struct sl_arbiter_context *context, const struct sl_sched_msg *msg)
{
	struct sl_arbiter *arbiter = context->arbiter;
	uint64_t now_ns = sl_clock_now_ns();
	bool is_holder = sl_sched_get_holder(arbiter->sched) == context->sched;

	if (msg->type == SL_SCHED_MSG_REQUEST) {
		sl_sched_request(arbiter->sched, context->sched, now_ns);
	} else if (msg->type == SL_SCHED_MSG_RETURN && is_holder && msg->grant == arbiter->grant) {
		release(arbiter, msg->time_ns, (msg->flags & SL_SCHED_MSG_WANTS_MORE) != 0, now_ns);
	} else {
		return;
	}
	update(arbiter, now_ns);
}
