/* SPDX-License-Identifier: MIT */
/* A mock GPU under the scheduling policy: it runs one job at a time, on a clock of its own that is
 * stepped by hand. For cmocka programs: what must not happen fails the test. */
#ifndef SL_TESTS_UNIT_MOCK_GPU_H
#define SL_TESTS_UNIT_MOCK_GPU_H

#include "sl_test.h"

#include "host/sched/sched.h"

#define MS	    1000000ull
#define SECOND	    (1000 * MS)
#define MAX_CLIENTS 64

/* One context that submits jobs of job_ns. After each job it does nothing for gap_ns. */
struct client {
	struct sl_sched_guest_params params;
	uint64_t job_ns;
	uint64_t gap_ns;
	int guest_of; /* index of the client whose guest it shares, or -1: its own */
	uint64_t arrives_ns;
	struct sl_sched_guest *guest;
	struct sl_sched_context *context;
	uint64_t ready_ns; /* when it has its next job */
	uint64_t used_ns;
	uint64_t latency_max_ns; /* from ready to done */
};

struct world {
	struct sl_sched *sched;
	uint64_t now_ns;
	uint64_t idle_ns;
	struct client clients[MAX_CLIENTS];
	int count;
	bool is_ahead; /* who is next is chosen before the last job of a slice has ended */
	/* Called after each grant; NULL: nothing to do. */
	void (*check)(struct world *world, void *data);
	void *check_data;
};

extern const struct sl_sched_guest_params NORMAL;

/* Before start(). */
struct client *add(struct world *world, struct sl_sched_guest_params params, uint64_t job_ns,
		   uint64_t gap_ns);
void start(struct world *world, enum sl_sched_policy policy);

void run_for(struct world *world, uint64_t duration_ns);
/* What was used so far does not count. */
void forget_usage(struct world *world);
/* error: of the share. */
void assert_share(const struct world *world, int client, double share, double error);

#endif
