/* SPDX-License-Identifier: MIT */
/* What must hold for whatever guests do, on a mock GPU with random mixtures of them:
 * docs/scheduling.md states the bounds. */
#include "host/sched/sched.h"

#include "mock_gpu.h"

#include <stdlib.h>

#define SLICE	      SL_SCHED_SLICE_DEFAULT_NS
#define SEEDS	      40
#define WEIGHT_MAX    8
#define JOB_MAX	      (20 * MS)
#define CAP_BURST     (40 * MS)
#define DEBT_MAX      SECOND
#define MAX_POINTS    4096
#define CHURN_STEP_NS (30 * MS)

/* At least 0, less than count. */
static uint64_t pick(uint64_t count)
{
	return (uint64_t)random() % count;
}

static uint64_t random_job(void)
{
	/* As many short ones as long ones. */
	return pick(2) == 0 ? 100000 + pick(MS) : MS + pick(JOB_MAX - MS);
}

/* Clients that always have work. */
static void add_hogs(struct world *world, int count)
{
	for (int i = 0; i < count; i++) {
		struct sl_sched_guest_params params = NORMAL;

		params.weight = 1 + (uint32_t)pick(WEIGHT_MAX);
		params.period_ns = pick(4) == 0 ? 10 * MS : 0;
		params.slice_ns = pick(4) == 0 ? SL_SCHED_SLICE_MIN_NS + pick(5 * MS) : 0;
		add(world, params, random_job(), 0);
	}
}

/* The most that one grant takes, and how far a deadline may bring a guest ahead. */
static double grant_max(const struct client *client)
{
	uint64_t slice_ns = client->params.slice_ns != 0 ? client->params.slice_ns : SLICE;
	double most_ns = (double)(slice_ns + client->job_ns);

	return client->params.period_ns != 0 ? most_ns + (double)slice_ns : most_ns;
}

static double weight_of(const struct client *client)
{
	return client->params.weight;
}

/* Goyal's theorem 1, for each pair, whenever somebody gives the GPU back. */
static void check_lags(struct world *world, void *data)
{
	(void)data;
	for (int i = 0; i < world->count; i++) {
		const struct client *a = &world->clients[i];

		for (int k = 0; k < i; k++) {
			const struct client *b = &world->clients[k];
			double lag = (double)a->used_ns / weight_of(a) -
				     (double)b->used_ns / weight_of(b);
			double bound = grant_max(a) / weight_of(a) + grant_max(b) / weight_of(b);

			if (lag > bound || lag < -bound) {
				fail_msg("lag of %d to %d: %.0f ns of %.0f", i, k, lag, bound);
			}
		}
	}
}

static void test_lags_are_bounded_and_nobody_starves(void **state)
{
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		struct world world = { .is_ahead = pick(2) == 1, .check = check_lags };
		double weights = 0;
		double grants = 0;

		srandom(seed);
		add_hogs(&world, 2 + (int)pick(8));
		start(&world, SL_SCHED_BEST_EFFORT);
		run_for(&world, 20 * SECOND);
		assert_int_equal(world.idle_ns, 0);
		for (int i = 0; i < world.count; i++) {
			weights += weight_of(&world.clients[i]);
			grants += grant_max(&world.clients[i]);
		}
		for (int i = 0; i < world.count; i++) {
			const struct client *client = &world.clients[i];
			/* Until it is next, the others use what it has been ahead by. */
			double bound = grant_max(client) * weights / weight_of(client) + grants;

			assert_true((double)client->latency_max_ns <= bound);
			assert_share(&world, i, weight_of(client) / weights, 0.05);
		}
		sl_sched_destroy(world.sched);
	}
}

struct points {
	int client;
	int count;
	uint64_t now_ns[MAX_POINTS];
	uint64_t used_ns[MAX_POINTS];
};

static void note_point(struct world *world, void *data)
{
	struct points *points = data;

	if (points->count < MAX_POINTS) {
		points->now_ns[points->count] = world->now_ns;
		points->used_ns[points->count++] = world->clients[points->client].used_ns;
	}
}

/* Over every window from one grant's end to another's. */
static void assert_ceiling(const struct points *points, double share, uint64_t job_ns)
{
	for (int i = 0; i < points->count; i++) {
		for (int k = i + 1; k < points->count; k++) {
			double window_ns = (double)(points->now_ns[k] - points->now_ns[i]);
			double used_ns = (double)(points->used_ns[k] - points->used_ns[i]);

			if (used_ns > share * (window_ns + CAP_BURST) + (double)job_ns) {
				fail_msg("%.0f ns of %.0f, %.3f are allowed", used_ns, window_ns,
					 share);
			}
		}
	}
}

static void test_caps_hold_over_every_window(void **state)
{
	static struct points points;

	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		struct world world = { .check = note_point, .check_data = &points };
		struct sl_sched_guest_params params = NORMAL;
		bool is_fixed = seed % 4 == 0;
		double weights;

		srandom(seed);
		params.cap_permille = is_fixed ? 1000 : 20 + (uint32_t)pick(900);
		params.weight = 1 + (uint32_t)pick(WEIGHT_MAX);
		params.period_ns = pick(2) * 10 * MS;
		struct client *capped =
			add(&world, params, 100000 + pick(3 * MS), pick(2) * pick(30 * MS));
		add_hogs(&world, (int)pick(4));
		points = (struct points){ .client = 0 };
		start(&world, is_fixed ? SL_SCHED_FIXED : SL_SCHED_BEST_EFFORT);
		run_for(&world, 3 * SECOND);
		weights = 0;
		for (int i = 0; i < world.count; i++) {
			weights += weight_of(&world.clients[i]);
		}
		assert_ceiling(&points,
			       is_fixed ? weight_of(capped) / weights
					: params.cap_permille / 1000.0,
			       capped->job_ns);
		sl_sched_destroy(world.sched);
	}
}

/* Something changes for a guest that is not the first. */
static void disturb(struct world *world)
{
	struct client *client = &world->clients[1 + pick((uint64_t)world->count - 1)];

	switch (pick(3)) {
	case 0:
		sl_sched_set_paused(world->sched, client->guest, !sl_sched_is_paused(client->guest),
				    world->now_ns);
		/* A pause is no wait. */
		client->ready_ns = world->now_ns;
		break;
	case 1:
		client->params.weight = 1 + (uint32_t)pick(WEIGHT_MAX);
		assert_int_equal(sl_sched_set_guest(client->guest, &client->params), 0);
		break;
	default:
		client->gap_ns = pick(2) * pick(20 * MS);
		break;
	}
}

static void come_to_rest(struct world *world)
{
	for (int i = 0; i < world->count; i++) {
		struct client *client = &world->clients[i];

		sl_sched_set_paused(world->sched, client->guest, false, world->now_ns);
		client->gap_ns = 0;
		client->ready_ns = world->now_ns;
	}
	run_for(world, SECOND);
	forget_usage(world);
}

/* Pauses, idleness, new weights: the GPU always works, the first one, for whom nothing changes, is
 * never left waiting, and afterwards everything is as if nothing had been. */
static void test_changes_leave_no_trace(void **state)
{
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		struct world world = { .is_ahead = pick(2) == 1 };
		double weights = 0;

		srandom(seed);
		add_hogs(&world, 3 + (int)pick(6));
		start(&world, SL_SCHED_BEST_EFFORT);
		double grant_ns = JOB_MAX + 2 * SL_SCHED_SLICE_MIN_NS + 10 * MS;

		for (int i = 0; i < 300; i++) {
			disturb(&world);
			run_for(&world, CHURN_STEP_NS);
		}
		assert_int_equal(world.idle_ns, 0);
		assert_true((double)world.clients[0].latency_max_ns <=
			    world.count * grant_ns * (WEIGHT_MAX + 1));
		come_to_rest(&world);
		run_for(&world, 20 * SECOND);
		for (int i = 0; i < world.count; i++) {
			weights += weight_of(&world.clients[i]);
		}
		for (int i = 0; i < world.count; i++) {
			assert_share(&world, i, weight_of(&world.clients[i]) / weights, 0.05);
		}
		sl_sched_destroy(world.sched);
	}
}

/* One huge job is owed, but only for a while; then shares are what they should be. */
static void test_debts_are_bounded(void **state)
{
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		struct world world = { .is_ahead = pick(2) == 1 };
		struct client *hog = &world.clients[0];
		double weights = 0;

		srandom(seed);
		add_hogs(&world, 2 + (int)pick(5));
		hog->job_ns = 2 * SECOND + pick(20 * SECOND);
		start(&world, SL_SCHED_BEST_EFFORT);
		while (hog->used_ns == 0) {
			run_for(&world, SECOND);
		}
		hog->job_ns = MS;
		for (int i = 0; i < world.count; i++) {
			weights += weight_of(&world.clients[i]);
		}
		forget_usage(&world);
		run_for(&world, (uint64_t)((double)(DEBT_MAX + SECOND) * weights / weight_of(hog)));
		assert_true(hog->used_ns > 0);
		forget_usage(&world);
		run_for(&world, 10 * SECOND);
		assert_share(&world, 0, weight_of(hog) / weights, 0.05);
		sl_sched_destroy(world.sched);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lags_are_bounded_and_nobody_starves),
		cmocka_unit_test(test_caps_hold_over_every_window),
		cmocka_unit_test(test_changes_leave_no_trace),
		cmocka_unit_test(test_debts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
