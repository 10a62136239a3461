/* SPDX-License-Identifier: MIT */
/* Start-time fair queueing over guests, and over the contexts within each guest. */
#include "host/sched/sched.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

/* A weight counts this often in class normal and realtime, once in class background. */
#define CLASS_FACTOR 100u
/* Virtual time advances by used_ns * VIRTUAL_SCALE / effective weight. Tags are compared by
 * signed difference, so that they may wrap. */
#define VIRTUAL_SCALE 1024u
/* The most GPU time that a guest may owe or be ahead by when it asks again. */
#define DEBT_MAX_NS 1000000000ull
/* No grant stands before the GPU has been uncontended for this long: two guests that take turns
 * would only take standing grants away from each other. */
#define STANDING_AFTER_NS 50000000ull
/* The same for contention by a guest with a deadline, or of class realtime: a frame that comes late
 * once, or is not needed for a while, must not find the GPU with a job that is not cut. */
#define STANDING_AFTER_URGENT_NS 1000000000ull
/* A capped guest may save up this much wall time's worth of its cap: over 5 s it gets at most 1 %
 * more than its cap. Less would cost it what it is entitled to where the daemon is late: on a
 * machine with six busy threads per CPU a guest with a cap of 25 % got 17 to 20 % with 20 ms. */
#define CAP_BURST_NS 40000000ull

struct sl_sched_context {
	LIST_ENTRY(sl_sched_context) link; /* sl_sched_guest.contexts */
	struct sl_sched_guest *guest;
	void *data;
	uint64_t start_tag; /* in the guest's virtual time */
	bool waiting;
	uint64_t since_ns; /* when it began to wait */
	uint64_t asked_ns; /* since when its work is due within the guest's period */
};

struct sl_sched_guest {
	LIST_ENTRY(sl_sched_guest) link; /* sl_sched.guests */
	LIST_HEAD(, sl_sched_context) contexts;
	struct sl_sched_guest_params params;
	struct sl_sched_usage usage;
	uint64_t start_tag;
	uint64_t virtual_now; /* of its contexts */
	uint32_t waiting_count;
	bool paused;
	bool is_over_cap;      /* when it was last looked at */
	int64_t cap_tokens_ns; /* GPU time it may use before the cap bites; < 0: owed */
	uint64_t cap_refill_ns;
};

struct sl_sched {
	LIST_HEAD(, sl_sched_guest) guests;
	enum sl_sched_policy policy;
	uint64_t slice_ns;
	uint64_t virtual_now;
	struct sl_sched_context *holder;
	struct sl_sched_context *next; /* gets the GPU after the holder; NULL: not known yet */
	uint64_t holder_slice_ns;
	uint64_t holder_used_ns; /* charged for this grant so far */
	uint64_t contended_ns; /* since when somebody waits beside the holder; UINT64_MAX: nobody */
	uint64_t standing_ns;  /* no grant stands before then */
	uint64_t urgent_ns;    /* until then a guest with a deadline is expected back */
};

static bool is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return is_before(a, b) ? b : a;
}

static uint64_t to_virtual(uint64_t used_ns, uint64_t effective_weight)
{
	return (uint64_t)((unsigned __int128)used_ns * VIRTUAL_SCALE / effective_weight);
}

static uint64_t effective_weight(const struct sl_sched *sched, const struct sl_sched_guest *guest)
{
	uint64_t weight = sched->policy == SL_SCHED_EQUAL ? 1 : guest->params.weight;

	return guest->params.class == SL_SCHED_BACKGROUND ? weight : weight * CLASS_FACTOR;
}

/* The share of wall time, in thousandths, that the guest may not exceed. */
static uint64_t ceiling_permille(const struct sl_sched *sched, const struct sl_sched_guest *guest)
{
	uint64_t ceiling = guest->params.cap_permille;

	if (sched->policy == SL_SCHED_FIXED) {
		const struct sl_sched_guest *other;
		uint64_t total = 0;

		LIST_FOREACH(other, &sched->guests, link)
		{
			total += other->params.weight;
		}
		uint64_t share = guest->params.weight * 1000ull / total;
		ceiling = share < ceiling ? share : ceiling;
	}
	return ceiling > 0 ? ceiling : 1;
}

static void refill_cap(const struct sl_sched *sched, struct sl_sched_guest *guest, uint64_t now_ns)
{
	uint64_t ceiling = ceiling_permille(sched, guest);
	int64_t most = (int64_t)(CAP_BURST_NS * ceiling / 1000);
	uint64_t elapsed = now_ns - guest->cap_refill_ns;
	unsigned __int128 earned = (unsigned __int128)elapsed * ceiling / 1000;

	guest->cap_refill_ns = now_ns;
	if (guest->cap_tokens_ns >= most ||
	    earned >= (unsigned __int128)(most - guest->cap_tokens_ns)) {
		guest->cap_tokens_ns = most;
	} else {
		guest->cap_tokens_ns += (int64_t)earned;
	}
}

/* Wall time until the guest's cap lets it run; 0: now. */
static uint64_t cap_delay_ns(const struct sl_sched *sched, struct sl_sched_guest *guest,
			     uint64_t now_ns)
{
	uint64_t ceiling = ceiling_permille(sched, guest);

	if (ceiling >= 1000) {
		return 0;
	}
	refill_cap(sched, guest, now_ns);
	if (guest->cap_tokens_ns > 0) {
		return 0;
	}
	return ((uint64_t)-guest->cap_tokens_ns + 1) * 1000 / ceiling + 1;
}

static bool params_are_valid(const struct sl_sched_guest_params *params)
{
	bool slice_is_valid = params->slice_ns == 0 || (params->slice_ns >= SL_SCHED_SLICE_MIN_NS &&
							params->slice_ns <= SL_SCHED_SLICE_MAX_NS);

	return params->weight >= 1 && params->weight <= SL_SCHED_WEIGHT_MAX &&
	       params->cap_permille >= 1 && params->cap_permille <= 1000 &&
	       params->class <= SL_SCHED_BACKGROUND && slice_is_valid;
}

struct sl_sched *sl_sched_create(enum sl_sched_policy policy, uint64_t slice_ns)
{
	assert(slice_ns >= SL_SCHED_SLICE_MIN_NS && slice_ns <= SL_SCHED_SLICE_MAX_NS);
	struct sl_sched *sched = calloc(1, sizeof(*sched));

	if (sched != NULL) {
		sched->policy = policy;
		sched->slice_ns = slice_ns;
		sched->contended_ns = UINT64_MAX;
	}
	return sched;
}

void sl_sched_destroy(struct sl_sched *sched)
{
	if (sched == NULL) {
		return;
	}
	while (!LIST_EMPTY(&sched->guests)) {
		struct sl_sched_guest *guest = LIST_FIRST(&sched->guests);

		while (!LIST_EMPTY(&guest->contexts)) {
			struct sl_sched_context *context = LIST_FIRST(&guest->contexts);

			LIST_REMOVE(context, link);
			free(context);
		}
		LIST_REMOVE(guest, link);
		free(guest);
	}
	free(sched);
}

void sl_sched_set_policy(struct sl_sched *sched, enum sl_sched_policy policy)
{
	sched->policy = policy;
}

enum sl_sched_policy sl_sched_get_policy(const struct sl_sched *sched)
{
	return sched->policy;
}

void sl_sched_set_slice(struct sl_sched *sched, uint64_t slice_ns)
{
	assert(slice_ns >= SL_SCHED_SLICE_MIN_NS && slice_ns <= SL_SCHED_SLICE_MAX_NS);
	sched->slice_ns = slice_ns;
}

struct sl_sched_guest *sl_sched_add_guest(struct sl_sched *sched,
					  const struct sl_sched_guest_params *params)
{
	struct sl_sched_guest *guest = params_are_valid(params) ? calloc(1, sizeof(*guest)) : NULL;

	if (guest != NULL) {
		guest->params = *params;
		guest->start_tag = sched->virtual_now;
		LIST_INIT(&guest->contexts);
		LIST_INSERT_HEAD(&sched->guests, guest, link);
	}
	return guest;
}

void sl_sched_remove_guest(struct sl_sched_guest *guest)
{
	assert(LIST_EMPTY(&guest->contexts));
	LIST_REMOVE(guest, link);
	free(guest);
}

int sl_sched_set_guest(struct sl_sched_guest *guest, const struct sl_sched_guest_params *params)
{
	if (!params_are_valid(params)) {
		return -EINVAL;
	}
	guest->params = *params;
	return 0;
}

const struct sl_sched_usage *sl_sched_get_usage(const struct sl_sched_guest *guest)
{
	return &guest->usage;
}

const struct sl_sched_guest_params *sl_sched_get_params(const struct sl_sched_guest *guest)
{
	return &guest->params;
}

enum sl_sched_state sl_sched_get_state(const struct sl_sched *sched,
				       const struct sl_sched_guest *guest)
{
	if (sched->holder != NULL && sched->holder->guest == guest) {
		return SL_SCHED_HOLDS;
	}
	if (guest->paused) {
		return SL_SCHED_PAUSED;
	}
	if (guest->waiting_count == 0) {
		return SL_SCHED_IDLE;
	}
	return guest->is_over_cap ? SL_SCHED_CAPPED : SL_SCHED_WAITS;
}

/* What caps keep their guests from taking is left for the others: not counted here. */
uint32_t sl_sched_get_entitlement(const struct sl_sched *sched, const struct sl_sched_guest *guest)
{
	const struct sl_sched_guest *other;
	uint64_t ceiling = ceiling_permille(sched, guest);
	uint64_t total = 0;

	LIST_FOREACH(other, &sched->guests, link)
	{
		total += effective_weight(sched, other);
	}
	uint64_t share = effective_weight(sched, guest) * 1000 / total;

	return (uint32_t)(share < ceiling ? share : ceiling);
}

struct sl_sched_context *sl_sched_add_context(struct sl_sched_guest *guest, void *data)
{
	struct sl_sched_context *context = calloc(1, sizeof(*context));

	if (context != NULL) {
		context->guest = guest;
		context->data = data;
		context->start_tag = guest->virtual_now;
		LIST_INSERT_HEAD(&guest->contexts, context, link);
	}
	return context;
}

void sl_sched_remove_context(struct sl_sched *sched, struct sl_sched_context *context,
			     uint64_t used_ns, uint64_t now_ns)
{
	if (sched->holder == context) {
		sl_sched_release(sched, used_ns, false, now_ns);
	}
	if (sched->next == context) {
		sched->next = NULL;
	}
	sl_sched_withdraw(context, now_ns);
	LIST_REMOVE(context, link);
	free(context);
}

void *sl_sched_get_data(const struct sl_sched_context *context)
{
	return context->data;
}

struct sl_sched_guest *sl_sched_get_guest(const struct sl_sched_context *context)
{
	return context->guest;
}

struct sl_sched_context *sl_sched_get_holder(const struct sl_sched *sched)
{
	return sched->holder;
}

struct sl_sched_context *sl_sched_get_next(const struct sl_sched *sched)
{
	return sched->next;
}

/* Keep a debt from starving its owner. */
static void bound_tag(uint64_t *tag, uint64_t virtual_now, uint64_t debt_max)
{
	if (is_before(virtual_now + debt_max, *tag)) {
		*tag = virtual_now + debt_max;
	}
}

/* Give a tag whose owner was idle its place: not before virtual time, so that nothing is saved up
 * while idle. */
static void place_tag(uint64_t *tag, uint64_t virtual_now, uint64_t debt_max)
{
	*tag = later_of(*tag, virtual_now);
	bound_tag(tag, virtual_now, debt_max);
}

/* Holds the GPU, or wants it and may have it. Who is paused or over its cap is like one who wants
 * nothing: it must not hold virtual time back, or everybody else would run into the bound on debt
 * and lose their order. */
static bool guest_is_active(const struct sl_sched *sched, const struct sl_sched_guest *guest)
{
	return (guest->waiting_count > 0 && !guest->paused && !guest->is_over_cap) ||
	       (sched->holder != NULL && sched->holder->guest == guest);
}

/* Virtual time is the least start tag of those who want the GPU or hold it. It never goes back. */
static void advance_virtual_time(struct sl_sched *sched)
{
	const struct sl_sched_guest *guest;
	const struct sl_sched_guest *least = NULL;

	LIST_FOREACH(guest, &sched->guests, link)
	{
		if (guest_is_active(sched, guest) &&
		    (least == NULL || is_before(guest->start_tag, least->start_tag))) {
			least = guest;
		}
	}
	if (least != NULL) {
		sched->virtual_now = later_of(sched->virtual_now, least->start_tag);
	}
}

/* The guest becomes active. */
static void place_guest(const struct sl_sched *sched, struct sl_sched_guest *guest)
{
	place_tag(&guest->start_tag, sched->virtual_now,
		  to_virtual(DEBT_MAX_NS, effective_weight(sched, guest)));
}

static bool has_deadline(const struct sl_sched_guest *guest)
{
	return guest->params.class == SL_SCHED_REALTIME || guest->params.period_ns != 0;
}

/* A guest wants the GPU, or still wants it, while another one holds it. */
static void note_contention(struct sl_sched *sched, const struct sl_sched_guest *guest,
			    uint64_t now_ns)
{
	uint64_t standing_ns =
		now_ns + (has_deadline(guest) ? STANDING_AFTER_URGENT_NS : STANDING_AFTER_NS);

	if (sched->holder == NULL) {
		return;
	}
	sched->standing_ns = standing_ns > sched->standing_ns ? standing_ns : sched->standing_ns;
	sched->urgent_ns = has_deadline(guest) ? standing_ns : sched->urgent_ns;
	if (sched->contended_ns == UINT64_MAX) {
		sched->contended_ns = now_ns;
	}
}

void sl_sched_request(struct sl_sched *sched, struct sl_sched_context *context, uint64_t now_ns)
{
	struct sl_sched_guest *guest = context->guest;

	if (context->waiting || sched->holder == context) {
		return;
	}
	if (!guest_is_active(sched, guest)) {
		place_guest(sched, guest);
	}
	place_tag(&context->start_tag, guest->virtual_now, to_virtual(DEBT_MAX_NS, 1));
	context->waiting = true;
	context->since_ns = now_ns;
	context->asked_ns = now_ns;
	guest->waiting_count++;
	if (!guest->paused) {
		note_contention(sched, guest, now_ns);
	}
}

static void end_wait(struct sl_sched_context *context, uint64_t now_ns)
{
	struct sl_sched_guest *guest = context->guest;
	uint64_t waited = now_ns - context->since_ns;

	context->waiting = false;
	guest->waiting_count--;
	guest->usage.wait_ns += waited;
	sl_histogram_add(&guest->usage.waits, waited);
	if (waited > guest->usage.wait_max_ns) {
		guest->usage.wait_max_ns = waited;
	}
}

void sl_sched_withdraw(struct sl_sched_context *context, uint64_t now_ns)
{
	if (context->waiting) {
		end_wait(context, now_ns);
	}
}

void sl_sched_set_paused(struct sl_sched *sched, struct sl_sched_guest *guest, bool paused,
			 uint64_t now_ns)
{
	struct sl_sched_context *context;

	if (guest->paused == paused) {
		return;
	}
	guest->paused = paused;
	if (paused || guest->waiting_count == 0) {
		return;
	}
	place_guest(sched, guest);
	note_contention(sched, guest, now_ns);
	/* The pause was no wait for others. */
	LIST_FOREACH(context, &guest->contexts, link)
	{
		context->since_ns = now_ns;
		context->asked_ns = now_ns;
	}
}

static struct sl_sched_context *first_context(const struct sl_sched_guest *guest)
{
	struct sl_sched_context *context;
	struct sl_sched_context *first = NULL;

	LIST_FOREACH(context, &guest->contexts, link)
	{
		if (context->waiting &&
		    (first == NULL || is_before(context->start_tag, first->start_tag) ||
		     (context->start_tag == first->start_tag &&
		      context->since_ns < first->since_ns))) {
			first = context;
		}
	}
	return first;
}

static uint64_t slice_of(const struct sl_sched *sched, const struct sl_sched_guest *guest)
{
	return guest->params.slice_ns != 0 ? guest->params.slice_ns : sched->slice_ns;
}

/* May the guest go before others whose start tag is lower? While it is at most one slice ahead of
 * virtual time: then it takes no more than its weight entitles it to, only sooner. */
static bool is_urgent(const struct sl_sched *sched, const struct sl_sched_guest *guest)
{
	uint64_t ahead = to_virtual(slice_of(sched, guest), effective_weight(sched, guest));

	return has_deadline(guest) && !is_before(sched->virtual_now + ahead, guest->start_tag);
}

struct candidate {
	struct sl_sched_context *context;
	bool urgent;
	uint64_t deadline_ns;
};

static struct candidate make_candidate(const struct sl_sched *sched,
				       struct sl_sched_context *context)
{
	const struct sl_sched_guest *guest = context->guest;

	return (struct candidate){ .context = context,
				   .urgent = is_urgent(sched, guest),
				   .deadline_ns = context->asked_ns + guest->params.period_ns };
}

static bool goes_before(const struct candidate *a, const struct candidate *b)
{
	if (b->context == NULL || a->urgent != b->urgent) {
		return b->context == NULL || a->urgent;
	}
	if (a->urgent && a->deadline_ns != b->deadline_ns) {
		return a->deadline_ns < b->deadline_ns;
	}
	uint64_t first = a->context->guest->start_tag;
	uint64_t second = b->context->guest->start_tag;

	if (first != second) {
		return is_before(first, second);
	}
	/* Who comes back from idleness has the tag of who is next, but has not used its part. It
	 * can do so once: then its tag is a later one. */
	return a->context->since_ns > b->context->since_ns;
}

/* Nobody else waits, and no cap or pause has to be enforced: no need to come back. */
static bool is_alone(const struct sl_sched *sched, const struct sl_sched_context *context,
		     uint64_t now_ns)
{
	return now_ns >= sched->standing_ns && !sl_sched_is_wanted(sched) &&
	       ceiling_permille(sched, context->guest) >= 1000;
}

/* Whoever overtakes waits for what is with the driver: at most two pieces. Otherwise a slice is one
 * piece: a second one would not end within it. */
static uint64_t piece_of(const struct sl_sched *sched, const struct sl_sched_guest *guest,
			 uint64_t slice_ns, uint64_t now_ns)
{
	return !has_deadline(guest) && now_ns < sched->urgent_ns ? slice_ns / 4 : slice_ns * 5 / 8;
}

static struct sl_sched_grant grant_to(struct sl_sched *sched, struct sl_sched_context *context,
				      uint64_t now_ns)
{
	struct sl_sched_guest *guest = context->guest;
	uint64_t slice = slice_of(sched, guest);

	end_wait(context, now_ns);
	guest->usage.grants++;
	guest->virtual_now = later_of(guest->virtual_now, context->start_tag);
	if (ceiling_permille(sched, guest) < 1000 && (uint64_t)guest->cap_tokens_ns < slice) {
		slice = (uint64_t)guest->cap_tokens_ns;
		slice = slice < SL_SCHED_SLICE_MIN_NS ? SL_SCHED_SLICE_MIN_NS : slice;
	}
	sched->holder = context;
	sched->holder_used_ns = 0;
	sched->holder_slice_ns = is_alone(sched, context, now_ns) ? UINT64_MAX : slice;
	sched->contended_ns = sched->holder_slice_ns == UINT64_MAX ? UINT64_MAX : now_ns;
	advance_virtual_time(sched);
	return (struct sl_sched_grant){ .context = context,
					.slice_ns = sched->holder_slice_ns,
					.piece_ns = piece_of(sched, guest, slice, now_ns),
					.retry_ns = UINT64_MAX };
}

/* Returns when the first of those over their cap may run again; UINT64_MAX: there is none. */
static uint64_t look_at_caps(struct sl_sched *sched, uint64_t now_ns)
{
	struct sl_sched_guest *guest;
	uint64_t retry_ns = UINT64_MAX;

	LIST_FOREACH(guest, &sched->guests, link)
	{
		if (guest->paused || guest->waiting_count == 0) {
			continue;
		}
		uint64_t delay = cap_delay_ns(sched, guest, now_ns);
		bool was_over_cap = guest->is_over_cap;

		guest->is_over_cap = delay > 0;
		if (guest->is_over_cap) {
			retry_ns = now_ns + delay < retry_ns ? now_ns + delay : retry_ns;
		} else if (was_over_cap) {
			place_guest(sched, guest);
		}
	}
	return retry_ns;
}

/* Of those who wait and may have the GPU. context is NULL if there is nobody. */
static struct candidate find_first(const struct sl_sched *sched)
{
	const struct sl_sched_guest *guest;
	struct candidate first = { 0 };

	LIST_FOREACH(guest, &sched->guests, link)
	{
		if (guest->waiting_count == 0 || !guest_is_active(sched, guest)) {
			continue;
		}
		struct candidate next = make_candidate(sched, first_context(guest));

		if (goes_before(&next, &first)) {
			first = next;
		}
	}
	return first;
}

/* It was chosen before, and may have a piece of work on the GPU. */
static struct sl_sched_grant grant_to_next(struct sl_sched *sched,
					   const struct sl_sched_context *first, uint64_t now_ns)
{
	struct sl_sched_context *context = sched->next;
	struct sl_sched_grant grant = grant_to(sched, context, now_ns);

	sched->next = NULL;
	if (context != first) {
		grant.slice_ns = 1;
		sched->holder_slice_ns = grant.slice_ns;
		sched->contended_ns = now_ns;
	}
	return grant;
}

struct sl_sched_grant sl_sched_pick(struct sl_sched *sched, uint64_t now_ns)
{
	assert(sched->holder == NULL);
	uint64_t retry_ns = look_at_caps(sched, now_ns);

	advance_virtual_time(sched);
	const struct candidate first = find_first(sched);

	if (sched->next != NULL) {
		return grant_to_next(sched, first.context, now_ns);
	}
	if (first.context == NULL) {
		return (struct sl_sched_grant){ .retry_ns = retry_ns };
	}
	return grant_to(sched, first.context, now_ns);
}

/* Is its turn not before that of the holder, who will have used left_ns more? Half a slice does not
 * matter: it will be owed. */
static bool goes_after_holder(const struct sl_sched *sched, const struct candidate *candidate,
			      uint64_t left_ns)
{
	const struct sl_sched_context *context = candidate->context;
	const struct sl_sched_context *holder = sched->holder;
	const struct sl_sched_guest *guest = holder->guest;
	uint64_t slice_ns = slice_of(sched, guest);
	uint64_t used_ns = (left_ns < slice_ns ? left_ns : slice_ns) + slice_ns / 2;

	if (context->guest == guest) {
		return !is_before(context->start_tag, holder->start_tag + to_virtual(used_ns, 1));
	}
	uint64_t tag = guest->start_tag + to_virtual(used_ns, effective_weight(sched, guest));

	return !candidate->urgent && !is_before(context->guest->start_tag, tag);
}

struct sl_sched_grant sl_sched_pick_next(struct sl_sched *sched, uint64_t left_ns, uint64_t now_ns)
{
	assert(sched->holder != NULL && sched->next == NULL);
	look_at_caps(sched, now_ns);
	advance_virtual_time(sched);
	const struct candidate first = find_first(sched);

	if (first.context == NULL || goes_after_holder(sched, &first, left_ns) ||
	    (now_ns < sched->urgent_ns && !has_deadline(first.context->guest))) {
		return (struct sl_sched_grant){ .retry_ns = UINT64_MAX };
	}
	uint64_t slice_ns = slice_of(sched, first.context->guest);

	sched->next = first.context;
	return (struct sl_sched_grant){
		.context = first.context,
		.slice_ns = slice_ns,
		.piece_ns = piece_of(sched, first.context->guest, slice_ns, now_ns),
		.retry_ns = UINT64_MAX,
	};
}

/* What was used before anybody else wanted the GPU is counted, but owed to nobody. */
static uint64_t owed_part(const struct sl_sched *sched, uint64_t used_ns, uint64_t now_ns)
{
	if (sched->contended_ns == UINT64_MAX) {
		return 0;
	}
	uint64_t contended = now_ns - sched->contended_ns;

	return sched->holder_slice_ns == UINT64_MAX && contended < used_ns ? contended : used_ns;
}

void sl_sched_charge(struct sl_sched *sched, uint64_t used_ns, uint64_t now_ns)
{
	struct sl_sched_context *context = sched->holder;

	assert(context != NULL);
	struct sl_sched_guest *guest = context->guest;
	uint64_t owed = owed_part(sched, used_ns, now_ns);

	if (sched->contended_ns != UINT64_MAX) {
		sched->contended_ns = now_ns;
	}
	guest->usage.used_ns += used_ns;
	sched->holder_used_ns += used_ns;
	refill_cap(sched, guest, now_ns);
	/* What was used while there was no cap must not be owed once there is one. */
	if (ceiling_permille(sched, guest) < 1000) {
		guest->cap_tokens_ns -= (int64_t)used_ns;
	}
	guest->start_tag += to_virtual(owed, effective_weight(sched, guest));
	context->start_tag += to_virtual(owed, 1);
	advance_virtual_time(sched);
	bound_tag(&guest->start_tag, sched->virtual_now,
		  to_virtual(DEBT_MAX_NS, effective_weight(sched, guest)));
}

/* Whoever waits has done so until now, however long ago he asked. */
static void note_waiting(struct sl_sched *sched, uint64_t now_ns)
{
	const struct sl_sched_guest *guest;

	LIST_FOREACH(guest, &sched->guests, link)
	{
		if (!guest->paused && guest->waiting_count > 0) {
			note_contention(sched, guest, now_ns);
		}
	}
}

void sl_sched_release(struct sl_sched *sched, uint64_t used_ns, bool wants_more, uint64_t now_ns)
{
	struct sl_sched_context *context = sched->holder;

	assert(context != NULL);
	sl_sched_charge(sched, used_ns, now_ns);
	if (sched->holder_slice_ns != UINT64_MAX &&
	    sched->holder_used_ns > sched->holder_slice_ns) {
		context->guest->usage.overshoot_ns +=
			sched->holder_used_ns - sched->holder_slice_ns;
	}
	note_waiting(sched, now_ns);
	if (wants_more) {
		/* It stays active, so its tag is not placed anew. And what it had to do when it was
		 * interrupted is not due any later for that. */
		context->waiting = true;
		context->since_ns = now_ns;
		if (now_ns - context->asked_ns >= context->guest->params.period_ns) {
			context->asked_ns = now_ns;
		}
		context->guest->waiting_count++;
	}
	sched->holder = NULL;
	sched->contended_ns = UINT64_MAX;
}

bool sl_sched_is_paused(const struct sl_sched_guest *guest)
{
	return guest->paused;
}

bool sl_sched_is_wanted(const struct sl_sched *sched)
{
	const struct sl_sched_guest *guest;

	LIST_FOREACH(guest, &sched->guests, link)
	{
		if (!guest->paused && guest->waiting_count > 0) {
			return true;
		}
	}
	return false;
}

bool sl_sched_is_contended(const struct sl_sched *sched)
{
	if (sched->holder == NULL) {
		return false;
	}
	const struct sl_sched_guest *guest = sched->holder->guest;
	bool is_standing = sched->holder_slice_ns == UINT64_MAX;

	return guest->paused || sl_sched_is_wanted(sched) ||
	       (is_standing && ceiling_permille(sched, guest) < 1000);
}

bool sl_sched_is_overtaken(struct sl_sched *sched, uint64_t now_ns)
{
	struct sl_sched_guest *guest;

	if (sched->holder == NULL) {
		return false;
	}
	const struct candidate holder = make_candidate(sched, sched->holder);

	LIST_FOREACH(guest, &sched->guests, link)
	{
		if (guest == sched->holder->guest || guest->paused || guest->waiting_count == 0 ||
		    !is_urgent(sched, guest) || cap_delay_ns(sched, guest, now_ns) > 0) {
			continue;
		}
		const struct candidate next = make_candidate(sched, first_context(guest));

		if (!holder.urgent || next.deadline_ns < holder.deadline_ns) {
			return true;
		}
	}
	return false;
}
