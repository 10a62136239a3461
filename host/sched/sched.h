/* SPDX-License-Identifier: MIT */
/* The scheduling policy of one GPU: who runs next, for how long, and what is owed.
 *
 * Pure: no I/O, no clock, no threads; the caller says what time it is and serializes the calls.
 * Times are nanoseconds of one monotonic clock and must not go backwards.
 *
 * The order is start-time fair queueing (Goyal, Vin, Cheng 1996) over GPU time measured after the
 * fact: a guest's start tag is max(virtual time, its last finish tag), its finish tag is that plus
 * used time / weight, and virtual time is the start tag of whoever holds the GPU. Inside its
 * entitlement a guest with a deadline goes first, earliest deadline first. docs/scheduling.md
 * states and derives the bounds. */
#ifndef SL_HOST_SCHED_SCHED_H
#define SL_HOST_SCHED_SCHED_H

#include "host/base/histogram.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_sched;
struct sl_sched_guest;
struct sl_sched_context;

#define SL_SCHED_SLICE_MIN_NS	  500000ull
#define SL_SCHED_SLICE_MAX_NS	  30000000ull
#define SL_SCHED_SLICE_DEFAULT_NS 2000000ull
#define SL_SCHED_WEIGHT_MAX	  10000u

enum sl_sched_policy {
	SL_SCHED_BEST_EFFORT, /* work-conserving, by weight */
	SL_SCHED_EQUAL,	      /* work-conserving, weights ignored */
	SL_SCHED_FIXED,	      /* a guest's share of all declared weights is a ceiling too */
};

enum sl_sched_class {
	SL_SCHED_REALTIME, /* goes first while inside its entitlement */
	SL_SCHED_NORMAL,
	SL_SCHED_BACKGROUND, /* 1/100 of its weight while others want the GPU */
};

struct sl_sched_guest_params {
	uint32_t weight;       /* 1..SL_SCHED_WEIGHT_MAX */
	uint32_t cap_permille; /* of wall time, 1..1000; 1000: none */
	enum sl_sched_class class;
	uint64_t slice_ns;  /* 0: the scheduler's default */
	uint64_t period_ns; /* of a frame: work is due one period after it was asked for; 0: none */
};

/* What was decided. */
struct sl_sched_grant {
	struct sl_sched_context *context; /* NULL: nobody may run now */
	uint64_t slice_ns; /* GPU time that it may start work within; UINT64_MAX: standing */
	uint64_t piece_ns; /* how long a piece of its work should be, unless it is standing */
	uint64_t retry_ns; /* context NULL: when to ask again (a cap refills); UINT64_MAX: never */
};

struct sl_sched_usage {
	uint64_t used_ns;     /* GPU time charged */
	uint64_t wait_ns;     /* asked for the GPU, did not have it; not while paused */
	uint64_t wait_max_ns; /* the longest such wait */
	uint64_t grants;
	uint64_t overshoot_ns; /* used beyond slices */
	struct sl_histogram waits;
};

enum sl_sched_state {
	SL_SCHED_IDLE,	 /* wants nothing */
	SL_SCHED_WAITS,	 /* for its turn */
	SL_SCHED_CAPPED, /* waits for its cap to let it run */
	SL_SCHED_HOLDS,	 /* one of its contexts has the GPU */
	SL_SCHED_PAUSED,
};

/* slice_ns: the default slice, within MIN..MAX. Returns NULL if memory is short. */
struct sl_sched *sl_sched_create(enum sl_sched_policy policy, uint64_t slice_ns);
void sl_sched_destroy(struct sl_sched *sched);
void sl_sched_set_policy(struct sl_sched *sched, enum sl_sched_policy policy);
enum sl_sched_policy sl_sched_get_policy(const struct sl_sched *sched);
/* Of guests that have none of their own; within MIN..MAX. */
void sl_sched_set_slice(struct sl_sched *sched, uint64_t slice_ns);

/* NULL if params are out of range or memory is short. */
struct sl_sched_guest *sl_sched_add_guest(struct sl_sched *sched,
					  const struct sl_sched_guest_params *params);
/* All its contexts must have been removed. */
void sl_sched_remove_guest(struct sl_sched_guest *guest);
/* Takes effect with the next decision; what was used so far stays charged. -EINVAL out of range. */
int sl_sched_set_guest(struct sl_sched_guest *guest, const struct sl_sched_guest_params *params);
/* A paused guest's contexts wait; the one that holds the GPU keeps it until it is released. */
void sl_sched_set_paused(struct sl_sched *sched, struct sl_sched_guest *guest, bool paused,
			 uint64_t now_ns);
/* Lent until the guest is removed. */
const struct sl_sched_usage *sl_sched_get_usage(const struct sl_sched_guest *guest);
const struct sl_sched_guest_params *sl_sched_get_params(const struct sl_sched_guest *guest);
enum sl_sched_state sl_sched_get_state(const struct sl_sched *sched,
				       const struct sl_sched_guest *guest);
/* What the guest may have of the GPU, in thousandths, if all guests want as much as they can. */
uint32_t sl_sched_get_entitlement(const struct sl_sched *sched, const struct sl_sched_guest *guest);

struct sl_sched_context *sl_sched_add_context(struct sl_sched_guest *guest, void *data);
/* If it holds the GPU it is released, charged used_ns. */
void sl_sched_remove_context(struct sl_sched *sched, struct sl_sched_context *context,
			     uint64_t used_ns, uint64_t now_ns);
void *sl_sched_get_data(const struct sl_sched_context *context);
struct sl_sched_guest *sl_sched_get_guest(const struct sl_sched_context *context);

/* The context has work. Legal at any time; asking twice is asking once. */
void sl_sched_request(struct sl_sched *sched, struct sl_sched_context *context, uint64_t now_ns);
/* It has none any more, and does not hold the GPU. */
void sl_sched_withdraw(struct sl_sched_context *context, uint64_t now_ns);

/* Decide who gets the GPU. Only while nobody holds it. Whom sl_sched_pick_next() has chosen gets
 * it; but if others would go before now, only to have ended what it has begun. */
struct sl_sched_grant sl_sched_pick(struct sl_sched *sched, uint64_t now_ns);
/* Choose who gets the GPU next, as far as can be told: the holder will give it back after left_ns.
 * The one chosen may give the driver a piece of work of at most piece_ns already, so that the GPU
 * has something to do at once. Only while somebody holds it, and nobody is chosen.
 *
 * context is NULL if the holder goes on, or nobody wants it, or a guest with a deadline may come,
 * which should not find another's piece in its way. */
struct sl_sched_grant sl_sched_pick_next(struct sl_sched *sched, uint64_t left_ns, uint64_t now_ns);
/* The holder gives the GPU back, having used used_ns of it since it was last charged. wants_more:
 * it asks again at once. */
void sl_sched_release(struct sl_sched *sched, uint64_t used_ns, bool wants_more, uint64_t now_ns);
/* Charge part of a grant while it is held. */
void sl_sched_charge(struct sl_sched *sched, uint64_t used_ns, uint64_t now_ns);

bool sl_sched_is_paused(const struct sl_sched_guest *guest);
/* True if a context of a guest that is not paused waits. */
bool sl_sched_is_wanted(const struct sl_sched *sched);
/* Who holds the GPU; NULL: nobody. */
struct sl_sched_context *sl_sched_get_holder(const struct sl_sched *sched);
/* Whom sl_sched_pick_next() has chosen; NULL: nobody. */
struct sl_sched_context *sl_sched_get_next(const struct sl_sched *sched);
/* True if the holder should give back as soon as it can: another context that may run waits, its
 * guest was paused, or a cap has come over a standing grant. */
bool sl_sched_is_contended(const struct sl_sched *sched);
/* True if the holder's slice should end early, after what runs: a guest with a deadline, or of
 * class realtime, waits inside its entitlement, and the holder has no deadline that is earlier. */
bool sl_sched_is_overtaken(struct sl_sched *sched, uint64_t now_ns);

#endif
