/* SPDX-License-Identifier: MIT */
/* A renderer's end of the arbiter's protocol: may this context start work on the GPU now?
 *
 * A state machine without threads, locks or clock: the caller serializes the calls and says what
 * time it is (nanoseconds, CLOCK_MONOTONIC). GPU time is the time in which the context held the GPU
 * and at least one submission of it was with the driver. */
#ifndef SL_HOST_SCHED_SCHED_CLIENT_H
#define SL_HOST_SCHED_SCHED_CLIENT_H

#include "host/sched/sched_msg.h"

#include <stdbool.h>
#include <stdint.h>

/* How long a granted GPU is kept for a context that has run out of work, because a program that
 * waits for its results mostly has more at once. */
#define SL_SCHED_LINGER_NS 150000ull
/* How much work a standing grant may have in flight, so that it can be revoked soon. */
#define SL_SCHED_AHEAD_NS 4000000ull
/* Beyond that, one submission of at most this cost may wait with the driver behind the one that
 * runs, so that the GPU does not idle until a completion was noticed. */
#define SL_SCHED_NEXT_NS 25000000ull

/* This part of a slice has to be left after a piece that is not its first: pieces take about as
 * long as the average says. Of those that just fit a slice would have one or two by chance, and two
 * have a gap between them that the next context cannot fill. */
#define SL_SCHED_SPARE_PART 10u

/* So long before its last piece of a slice ends a context says so. */
#define SL_SCHED_LEAD_NS 400000ull
/* Only of a piece that takes so long on average it is said: it is on the GPU by then. */
#define SL_SCHED_LAST_MIN_NS 550000ull

/* How long a piece should be before a slice is known. */
#define SL_SCHED_PIECE_NS 1000000ull

enum sl_sched_client_state {
	SL_SCHED_CLIENT_IDLE,
	SL_SCHED_CLIENT_ASKED,
	SL_SCHED_CLIENT_AHEAD, /* is next: one piece may be with the driver already */
	SL_SCHED_CLIENT_HOLDS,
};

struct sl_sched_client {
	void (*send)(void *data, const struct sl_sched_msg *msg);
	void *data;
	enum sl_sched_client_state state;
	uint64_t grant;	   /* number of the grant it holds, or held last */
	uint64_t slice_ns; /* UINT64_MAX: standing */
	uint64_t piece_ns; /* of the last grant that was not */
	bool is_revoked;
	bool is_ending;	       /* the arbiter has been told */
	uint64_t granted_ns;   /* since when it holds the GPU */
	uint64_t idle_ns;      /* since when nothing is in flight */
	uint64_t used_ns;      /* GPU time of this grant, but for what is in flight */
	uint64_t begin_ns;     /* when its first work began; 0: there was none yet */
	uint64_t busy_ns;      /* since when something is in flight; not before the grant */
	uint64_t completed_ns; /* when something completed last, or busy_ns */
	uint32_t in_flight;    /* submissions with the driver */
	uint64_t cost_ns;      /* of one submission: moving average */
};

/* send: called from within the other functions. */
void sl_sched_client_init(struct sl_sched_client *client,
			  void (*send)(void *data, const struct sl_sched_msg *msg), void *data);

/* A packet of the arbiter's. Returns false if it is none. What is with the driver begins to count
 * with the grant: busy_ns and completed_ns are now_ns then. */
bool sl_sched_client_handle(struct sl_sched_client *client, const struct sl_sched_msg *msg,
			    uint64_t now_ns);

bool sl_sched_client_may_start(const struct sl_sched_client *client, uint64_t now_ns);
/* How long what is started at once should take, because others want the GPU as well; UINT64_MAX:
 * nobody does. */
uint64_t sl_sched_client_get_piece_ns(const struct sl_sched_client *client);
/* True if what is with the driver now is on the context's account: it holds the GPU. */
bool sl_sched_client_counts(const struct sl_sched_client *client);
/* A submission goes to the driver: may_start() held. */
void sl_sched_client_start(struct sl_sched_client *client, uint64_t now_ns);
/* count submissions have completed. */
void sl_sched_client_complete(struct sl_sched_client *client, uint32_t count, uint64_t now_ns);

/* What is in flight will never complete: the device is lost. The GPU is given back at the next
 * settle(). */
void sl_sched_client_abandon(struct sl_sched_client *client, uint64_t now_ns);

/* To be called after every other call: asks for the GPU, or gives it back, as is due.
 * has_work: some submission could start but for may_start().
 * Returns when to call again at the latest; UINT64_MAX: no need. */
uint64_t sl_sched_client_settle(struct sl_sched_client *client, bool has_work, uint64_t now_ns);

#endif
