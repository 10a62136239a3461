/* SPDX-License-Identifier: MIT */
/* The policy, case by case, on a mock GPU. */
#include "host/sched/sched.h"

#include "mock_gpu.h"

static void test_weights_divide_the_gpu(void **state)
{
	static const struct {
		uint32_t weights[8];
		uint64_t jobs_us[8];
		int count;
	} cases[] = {
		{ { 1, 1 }, { 1000, 1000 }, 2 },
		{ { 3, 1 }, { 100, 50000 }, 2 },
		{ { 3, 1 }, { 50000, 100 }, 2 },
		{ { 5, 3, 2 }, { 2000, 300, 20000 }, 3 },
		{ { 1, 1, 1, 1, 1, 1, 1, 1 },
		  { 100, 500, 1000, 2000, 5000, 10000, 20000, 50000 },
		  8 },
		{ { 10000, 1 }, { 1000, 100 }, 2 },
	};

	for (size_t round = 0; round < 2 * sizeof(cases) / sizeof(cases[0]); round++) {
		size_t i = round / 2;
		struct world world = { .is_ahead = round % 2 == 1 };
		uint32_t total = 0;

		for (int k = 0; k < cases[i].count; k++) {
			struct sl_sched_guest_params params = NORMAL;

			params.weight = cases[i].weights[k];
			total += params.weight;
			add(&world, params, cases[i].jobs_us[k] * 1000, 0);
		}
		start(&world, SL_SCHED_BEST_EFFORT);
		run_for(&world, 20 * SECOND);
		assert_int_equal(world.idle_ns, 0);
		for (int k = 0; k < cases[i].count; k++) {
			assert_share(&world, k, (double)cases[i].weights[k] / total, 0.02);
		}
		sl_sched_destroy(world.sched);
	}
}

static void test_weights_change_midway(void **state)
{
	struct world world = { 0 };

	add(&world, NORMAL, 1 * MS, 0);
	add(&world, NORMAL, 3 * MS, 0);
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 2 * SECOND);
	assert_share(&world, 0, 0.5, 0.02);

	struct sl_sched_guest_params params = NORMAL;
	params.weight = 4;
	assert_int_equal(sl_sched_set_guest(world.clients[0].guest, &params), 0);
	forget_usage(&world);
	run_for(&world, 2 * SECOND);
	assert_share(&world, 0, 0.8, 0.02);
	sl_sched_destroy(world.sched);
}

static void test_equal_ignores_weights(void **state)
{
	struct world world = { 0 };
	struct sl_sched_guest_params heavy = NORMAL;

	heavy.weight = 50;
	add(&world, heavy, 1 * MS, 0);
	add(&world, NORMAL, 1 * MS, 0);
	start(&world, SL_SCHED_EQUAL);
	run_for(&world, 2 * SECOND);
	assert_share(&world, 0, 0.5, 0.02);
	sl_sched_destroy(world.sched);
}

static void test_fixed_share_is_a_ceiling(void **state)
{
	struct world world = { 0 };
	struct sl_sched_guest_params params = NORMAL;

	params.weight = 3;
	add(&world, NORMAL, 1 * MS, 0);
	add(&world, params, 1 * MS, 0)->arrives_ns = 100 * SECOND; /* never comes */
	start(&world, SL_SCHED_FIXED);
	run_for(&world, 5 * SECOND);
	assert_share(&world, 0, 0.25, 0.01);
	sl_sched_destroy(world.sched);
}

static void test_cap_holds_alone_and_contended(void **state)
{
	for (int others = 0; others < 3; others++) {
		struct world world = { 0 };
		struct sl_sched_guest_params params = NORMAL;

		params.cap_permille = 250;
		params.weight = 100;
		add(&world, params, 1 * MS, 0);
		for (int i = 0; i < others; i++) {
			add(&world, NORMAL, 5 * MS, 0);
		}
		start(&world, SL_SCHED_BEST_EFFORT);
		run_for(&world, 5 * SECOND);
		assert_share(&world, 0, 0.25, 0.01);
		assert_true(others == 0 || world.idle_ns == 0);
		sl_sched_destroy(world.sched);
	}
}

static void test_background_yields_but_does_not_starve(void **state)
{
	struct world world = { 0 };
	struct sl_sched_guest_params background = NORMAL;

	background.class = SL_SCHED_BACKGROUND;
	add(&world, background, 1 * MS, 0);
	add(&world, NORMAL, 1 * MS, 0);
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 10 * SECOND);
	assert_share(&world, 0, 1.0 / 101, 0.1);
	assert_true(world.clients[0].latency_max_ns < 500 * MS);
	sl_sched_destroy(world.sched);
}

/* 60 frames of 1 ms a second beside three hogs: each frame waits for at most the job under way. */
static void test_frames_wait_for_one_job_at_most(void **state)
{
	struct world world = { 0 };
	struct sl_sched_guest_params framed = NORMAL;

	framed.period_ns = 16666667;
	add(&world, framed, 1 * MS, 15666667);
	for (int i = 0; i < 3; i++) {
		add(&world, NORMAL, 2 * MS, 0);
	}
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 10 * SECOND);
	assert_true(world.clients[0].latency_max_ns <= 3 * MS);
	assert_int_equal(world.idle_ns, 0);
	sl_sched_destroy(world.sched);
}

/* A deadline is no way to get more than one's weight. */
static void test_deadline_gains_no_share(void **state)
{
	struct world world = { 0 };
	struct sl_sched_guest_params greedy = NORMAL;

	greedy.period_ns = 1 * MS;
	greedy.class = SL_SCHED_REALTIME;
	add(&world, greedy, 1 * MS, 0);
	add(&world, NORMAL, 1 * MS, 0);
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 5 * SECOND);
	assert_share(&world, 0, 0.5, 0.02);
	sl_sched_destroy(world.sched);
}

static void test_time_alone_is_not_owed(void **state)
{
	struct world world = { 0 };

	add(&world, NORMAL, 1 * MS, 0);
	add(&world, NORMAL, 1 * MS, 0)->arrives_ns = 30 * SECOND;
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 30 * SECOND);
	forget_usage(&world);
	run_for(&world, 200 * MS);
	assert_share(&world, 0, 0.5, 0.05);
	sl_sched_destroy(world.sched);
}

static void test_idleness_saves_nothing_up(void **state)
{
	struct world world = { 0 };

	add(&world, NORMAL, 1 * MS, 0);
	add(&world, NORMAL, 1 * MS, 0);
	add(&world, NORMAL, 1 * MS, 0)->arrives_ns = 10 * SECOND;
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 10 * SECOND);
	forget_usage(&world);
	run_for(&world, 300 * MS);
	assert_share(&world, 2, 1.0 / 3, 0.05);
	sl_sched_destroy(world.sched);
}

/* One job of 20 s is paid back, but not for 20 s. */
static void test_debt_is_bounded(void **state)
{
	struct world world = { 0 };
	struct client *hog = add(&world, NORMAL, 20 * SECOND, 0);

	add(&world, NORMAL, 1 * MS, 0);
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 100 * MS);
	hog->job_ns = 1 * MS;
	hog->ready_ns = world.now_ns + 50 * MS; /* it pauses, then asks again */
	run_for(&world, 1 * SECOND);
	forget_usage(&world);
	run_for(&world, 2 * SECOND);
	assert_true(hog->used_ns > 900 * MS);
	sl_sched_destroy(world.sched);
}

static void test_contexts_share_their_guests_part(void **state)
{
	struct world world = { 0 };

	add(&world, NORMAL, 1 * MS, 0);
	for (int i = 0; i < 3; i++) {
		struct client *client = add(&world, NORMAL, (uint64_t)(i + 1) * MS, 0);

		client->guest_of = i == 0 ? -1 : 1;
	}
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 5 * SECOND);
	assert_share(&world, 0, 0.5, 0.02);
	for (int i = 1; i < 4; i++) {
		assert_share(&world, i, 0.5 / 3, 0.03);
	}
	sl_sched_destroy(world.sched);
}

static void test_paused_guest_waits_and_comes_back(void **state)
{
	struct world world = { 0 };

	add(&world, NORMAL, 1 * MS, 0);
	add(&world, NORMAL, 1 * MS, 0);
	start(&world, SL_SCHED_BEST_EFFORT);
	sl_sched_set_paused(world.sched, world.clients[0].guest, true, world.now_ns);
	run_for(&world, 1 * SECOND);
	assert_int_equal(world.clients[0].used_ns, 0);
	assert_int_equal(world.idle_ns, 0);
	sl_sched_set_paused(world.sched, world.clients[0].guest, false, world.now_ns);
	forget_usage(&world);
	run_for(&world, 200 * MS);
	assert_share(&world, 0, 0.5, 0.05);
	sl_sched_destroy(world.sched);
}

/* Somebody who may not run must not hold virtual time back: the others would run into the bound
 * on debt, and forget their weights. */
static void test_who_may_not_run_disturbs_nobody(void **state)
{
	for (int is_paused = 0; is_paused < 2; is_paused++) {
		struct world world = { 0 };
		struct sl_sched_guest_params params = NORMAL;

		params.cap_permille = 10;
		add(&world, params, 1 * MS, 0);
		params = NORMAL;
		params.weight = 3;
		add(&world, params, 1 * MS, 0);
		add(&world, NORMAL, 1 * MS, 0);
		start(&world, SL_SCHED_BEST_EFFORT);
		run_for(&world, 100 * MS);
		sl_sched_set_paused(world.sched, world.clients[0].guest, is_paused == 1,
				    world.now_ns);
		run_for(&world, 20 * SECOND);
		forget_usage(&world);
		run_for(&world, 10 * SECOND);
		double part = is_paused == 1 ? 1 : 0.99;
		assert_share(&world, 1, 0.75 * part, 0.02);
		assert_share(&world, 2, 0.25 * part, 0.02);
		/* And it finds no hole to fill when it comes back. */
		sl_sched_set_paused(world.sched, world.clients[0].guest, false, world.now_ns);
		params.cap_permille = 1000;
		params.weight = 1;
		sl_sched_set_guest(world.clients[0].guest, &params);
		forget_usage(&world);
		run_for(&world, 500 * MS);
		assert_share(&world, 0, 0.2, 0.1);
		sl_sched_destroy(world.sched);
	}
}

/* What was used before there was a cap is not owed to it. */
static void test_a_new_cap_looks_forward_only(void **state)
{
	struct world world = { 0 };
	struct sl_sched_guest_params params = NORMAL;

	add(&world, NORMAL, 1 * MS, 0);
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 10 * SECOND);
	params.cap_permille = 500;
	sl_sched_set_guest(world.clients[0].guest, &params);
	forget_usage(&world);
	run_for(&world, 5 * SECOND);
	assert_share(&world, 0, 0.5, 0.01);
	sl_sched_destroy(world.sched);
}

static void test_a_cap_ends_a_standing_grant(void **state)
{
	struct sl_sched *sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	struct sl_sched_guest *guest = sl_sched_add_guest(sched, &NORMAL);
	struct sl_sched_context *context = sl_sched_add_context(guest, NULL);
	struct sl_sched_guest_params params = NORMAL;

	sl_sched_request(sched, context, 0);
	assert_true(sl_sched_pick(sched, 0).slice_ns == UINT64_MAX);
	params.cap_permille = 500;
	sl_sched_set_guest(guest, &params);
	assert_true(sl_sched_is_contended(sched));
	sl_sched_destroy(sched);
}

static void test_states_are_told(void **state)
{
	struct sl_sched *sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	struct sl_sched_guest_params params = NORMAL;
	struct sl_sched_guest *first = sl_sched_add_guest(sched, &NORMAL);
	params.weight = 3;
	params.cap_permille = 100;
	struct sl_sched_guest *second = sl_sched_add_guest(sched, &params);
	struct sl_sched_context *a = sl_sched_add_context(first, NULL);
	struct sl_sched_context *b = sl_sched_add_context(second, NULL);

	assert_int_equal(sl_sched_get_entitlement(sched, first), 250);
	assert_int_equal(sl_sched_get_entitlement(sched, second), 100);
	assert_int_equal(sl_sched_get_state(sched, first), SL_SCHED_IDLE);
	sl_sched_request(sched, b, SECOND);
	assert_int_equal(sl_sched_get_state(sched, second), SL_SCHED_WAITS);
	sl_sched_pick(sched, SECOND);
	assert_int_equal(sl_sched_get_state(sched, second), SL_SCHED_HOLDS);
	sl_sched_release(sched, 50 * MS, true, SECOND + 50 * MS);
	sl_sched_request(sched, a, SECOND + 50 * MS);
	assert_ptr_equal(sl_sched_pick(sched, SECOND + 50 * MS).context, a);
	assert_int_equal(sl_sched_get_state(sched, second), SL_SCHED_CAPPED);
	sl_sched_set_paused(sched, second, true, SECOND + 50 * MS);
	assert_int_equal(sl_sched_get_state(sched, second), SL_SCHED_PAUSED);
	assert_true(sl_sched_get_usage(second)->overshoot_ns >= 48 * MS);
	sl_sched_destroy(sched);
}

/* The next one begins while the long job runs, and is short: the long one's next grant must not
 * stand only because the asking was long ago. */
static void test_after_a_long_wait_no_grant_stands(void **state)
{
	struct sl_sched *sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	struct sl_sched_guest *first = sl_sched_add_guest(sched, &NORMAL);
	struct sl_sched_guest *second = sl_sched_add_guest(sched, &NORMAL);
	struct sl_sched_context *a = sl_sched_add_context(first, NULL);
	struct sl_sched_context *b = sl_sched_add_context(second, NULL);

	sl_sched_request(sched, a, 0);
	assert_true(sl_sched_pick(sched, 0).slice_ns == UINT64_MAX);
	sl_sched_request(sched, b, 10 * MS);
	sl_sched_release(sched, 200 * MS, true, 200 * MS);
	assert_ptr_equal(sl_sched_pick(sched, 200 * MS).context, b);
	sl_sched_release(sched, 1 * MS, false, 201 * MS);
	struct sl_sched_grant grant = sl_sched_pick(sched, 201 * MS);

	assert_ptr_equal(grant.context, a);
	assert_true(grant.slice_ns == SL_SCHED_SLICE_DEFAULT_NS);
	sl_sched_remove_context(sched, a, 0, 202 * MS);
	sl_sched_remove_context(sched, b, 0, 202 * MS);
	sl_sched_remove_guest(first);
	sl_sched_remove_guest(second);
	sl_sched_destroy(sched);
	(void)state;
}

static void test_alone_the_grant_stands(void **state)
{
	struct sl_sched *sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	struct sl_sched_guest *first = sl_sched_add_guest(sched, &NORMAL);
	struct sl_sched_guest *second = sl_sched_add_guest(sched, &NORMAL);
	struct sl_sched_context *a = sl_sched_add_context(first, NULL);
	struct sl_sched_context *b = sl_sched_add_context(second, NULL);

	sl_sched_request(sched, a, 0);
	assert_true(sl_sched_pick(sched, 0).slice_ns == UINT64_MAX);
	assert_false(sl_sched_is_contended(sched));
	sl_sched_request(sched, b, 10 * MS);
	assert_true(sl_sched_is_contended(sched));
	sl_sched_release(sched, 10 * MS, true, 10 * MS);
	struct sl_sched_grant grant = sl_sched_pick(sched, 10 * MS);
	assert_ptr_equal(grant.context, b);
	assert_int_equal(grant.slice_ns, SL_SCHED_SLICE_DEFAULT_NS);
	sl_sched_destroy(sched);
}

static void test_bad_parameters_are_refused(void **state)
{
	struct sl_sched *sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	const struct sl_sched_guest_params bad[] = {
		{ .weight = 0, .cap_permille = 1000 },
		{ .weight = SL_SCHED_WEIGHT_MAX + 1, .cap_permille = 1000 },
		{ .weight = 1, .cap_permille = 0 },
		{ .weight = 1, .cap_permille = 1001 },
		{ .weight = 1, .cap_permille = 1000, .slice_ns = 1 },
		{ .weight = 1, .cap_permille = 1000, .slice_ns = SL_SCHED_SLICE_MAX_NS + 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(sl_sched_add_guest(sched, &bad[i]));
	}
	sl_sched_destroy(sched);
}

/* A frame is not made to wait for the rest of another one's slice, … */
static void test_a_deadline_overtakes_a_slice(void **state)
{
	struct sl_sched *sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	struct sl_sched_guest_params framed = NORMAL;
	framed.period_ns = 16 * MS;
	struct sl_sched_guest *hog = sl_sched_add_guest(sched, &NORMAL);
	struct sl_sched_guest *frames = sl_sched_add_guest(sched, &framed);
	struct sl_sched_context *a = sl_sched_add_context(hog, NULL);
	struct sl_sched_context *b = sl_sched_add_context(frames, NULL);

	sl_sched_request(sched, a, 0);
	sl_sched_pick(sched, 0);
	assert_false(sl_sched_is_overtaken(sched, MS));
	sl_sched_request(sched, b, MS);
	assert_true(sl_sched_is_overtaken(sched, MS));
	sl_sched_release(sched, 2 * MS, true, 2 * MS);
	assert_ptr_equal(sl_sched_pick(sched, 2 * MS).context, b);
	/* … nor the other way round. */
	assert_false(sl_sched_is_overtaken(sched, 3 * MS));
	/* Nor once it has had its part, */
	sl_sched_charge(sched, 20 * MS, 22 * MS);
	sl_sched_release(sched, 0, true, 22 * MS);
	assert_ptr_equal(sl_sched_pick(sched, 22 * MS).context, a);
	assert_false(sl_sched_is_overtaken(sched, 23 * MS));
	/* nor while it may not run. */
	sl_sched_charge(sched, 20 * MS, 42 * MS);
	assert_true(sl_sched_is_overtaken(sched, 42 * MS));
	sl_sched_set_paused(sched, frames, true, 42 * MS);
	assert_false(sl_sched_is_overtaken(sched, 42 * MS));
	sl_sched_destroy(sched);
}

/* Of two frames the one that is due first goes first, and being interrupted makes none due later.
 */
static void test_the_earlier_deadline_overtakes(void **state)
{
	struct sl_sched *sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	struct sl_sched_guest_params params = NORMAL;
	params.period_ns = 16 * MS;
	struct sl_sched_guest *slow = sl_sched_add_guest(sched, &params);
	params.period_ns = 8 * MS;
	struct sl_sched_guest *fast = sl_sched_add_guest(sched, &params);
	struct sl_sched_context *a = sl_sched_add_context(slow, NULL);
	struct sl_sched_context *b = sl_sched_add_context(fast, NULL);

	sl_sched_request(sched, a, 0);
	sl_sched_pick(sched, 0);
	sl_sched_request(sched, b, MS);
	assert_true(sl_sched_is_overtaken(sched, MS));
	sl_sched_release(sched, MS, true, MS);
	assert_ptr_equal(sl_sched_pick(sched, MS).context, b);
	sl_sched_release(sched, MS, false, 2 * MS);
	assert_ptr_equal(sl_sched_pick(sched, 2 * MS).context, a);
	/* Due at 16, still, and the next one of b at 17. */
	sl_sched_request(sched, b, 9 * MS);
	assert_false(sl_sched_is_overtaken(sched, 9 * MS));
	sl_sched_destroy(sched);
}

/* It waits for the slice under way, not for those of all who waited before. */
static void test_who_was_idle_goes_before_equals(void **state)
{
	struct world world = { 0 };

	add(&world, NORMAL, 1 * MS, 15666667);
	for (int i = 0; i < 3; i++) {
		add(&world, NORMAL, 2 * MS, 0);
	}
	start(&world, SL_SCHED_BEST_EFFORT);
	run_for(&world, 1 * SECOND);
	forget_usage(&world);
	run_for(&world, 10 * SECOND);
	assert_true(world.clients[0].latency_max_ns <= 3 * MS);
	assert_int_equal(world.idle_ns, 0);
	sl_sched_destroy(world.sched);
}

/* As long as frames come now and then, work of others is cut, and shorter than otherwise. */
static void test_a_deadline_is_remembered(void **state)
{
	struct sl_sched *sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	struct sl_sched_guest_params framed = NORMAL;
	framed.period_ns = 16 * MS;
	struct sl_sched_guest *hog = sl_sched_add_guest(sched, &NORMAL);
	struct sl_sched_guest *frames = sl_sched_add_guest(sched, &framed);
	struct sl_sched_context *a = sl_sched_add_context(hog, NULL);
	struct sl_sched_context *b = sl_sched_add_context(frames, NULL);

	sl_sched_request(sched, a, 0);
	assert_true(sl_sched_pick(sched, 0).slice_ns == UINT64_MAX);
	sl_sched_request(sched, b, MS);
	sl_sched_release(sched, 2 * MS, true, 2 * MS);
	assert_int_equal(sl_sched_pick(sched, 2 * MS).piece_ns, MS * 5 / 4);
	sl_sched_release(sched, MS, false, 3 * MS);
	struct sl_sched_grant grant = sl_sched_pick(sched, 3 * MS);
	assert_int_equal(grant.slice_ns, SL_SCHED_SLICE_DEFAULT_NS);
	assert_int_equal(grant.piece_ns, MS / 2);
	sl_sched_release(sched, 500 * MS, true, 503 * MS);
	assert_int_equal(sl_sched_pick(sched, 503 * MS).piece_ns, MS / 2);
	sl_sched_release(sched, 500 * MS, true, 1003 * MS);
	assert_true(sl_sched_pick(sched, 1003 * MS).slice_ns == UINT64_MAX);
	sl_sched_destroy(sched);
}

struct pair {
	struct sl_sched *sched;
	struct sl_sched_guest *guests[2];
	struct sl_sched_context *contexts[2];
};

/* Both want the GPU, and the first has it for a slice. */
static void start_pair(struct pair *pair, const struct sl_sched_guest_params *second)
{
	pair->sched = sl_sched_create(SL_SCHED_BEST_EFFORT, SL_SCHED_SLICE_DEFAULT_NS);
	for (int i = 0; i < 2; i++) {
		pair->guests[i] = sl_sched_add_guest(pair->sched, i == 0 ? &NORMAL : second);
		pair->contexts[i] = sl_sched_add_context(pair->guests[i], NULL);
		sl_sched_request(pair->sched, pair->contexts[i], (uint64_t)(1 - i));
	}
	assert_ptr_equal(sl_sched_pick(pair->sched, 1).context, pair->contexts[0]);
}

static void test_who_is_next_is_told_ahead(void **state)
{
	struct pair pair;

	start_pair(&pair, &NORMAL);
	struct sl_sched_grant grant = sl_sched_pick_next(pair.sched, MS, MS);

	assert_ptr_equal(grant.context, pair.contexts[1]);
	assert_int_equal(grant.piece_ns, MS * 5 / 4);
	assert_ptr_equal(sl_sched_get_next(pair.sched), pair.contexts[1]);
	assert_ptr_equal(sl_sched_get_holder(pair.sched), pair.contexts[0]);
	sl_sched_release(pair.sched, 2 * MS, true, 2 * MS);
	grant = sl_sched_pick(pair.sched, 2 * MS);
	assert_ptr_equal(grant.context, pair.contexts[1]);
	assert_int_equal(grant.slice_ns, SL_SCHED_SLICE_DEFAULT_NS);
	assert_null(sl_sched_get_next(pair.sched));
	sl_sched_destroy(pair.sched);
}

/* It has a piece on the GPU by then, and no more. */
static void test_who_was_chosen_only_ends_what_it_began(void **state)
{
	struct pair pair;

	start_pair(&pair, &NORMAL);
	assert_non_null(sl_sched_pick_next(pair.sched, MS, MS).context);
	sl_sched_set_paused(pair.sched, pair.guests[1], true, MS);
	sl_sched_release(pair.sched, 2 * MS, true, 2 * MS);
	struct sl_sched_grant grant = sl_sched_pick(pair.sched, 2 * MS);

	assert_ptr_equal(grant.context, pair.contexts[1]);
	assert_int_equal(grant.slice_ns, 1);
	sl_sched_release(pair.sched, MS, true, 3 * MS);
	assert_ptr_equal(sl_sched_pick(pair.sched, 3 * MS).context, pair.contexts[0]);
	sl_sched_destroy(pair.sched);
}

static void test_the_holder_may_be_next_itself(void **state)
{
	struct pair pair;
	struct sl_sched_guest_params background = NORMAL;

	background.class = SL_SCHED_BACKGROUND;
	start_pair(&pair, &background);
	sl_sched_release(pair.sched, 0, true, 1);
	assert_ptr_equal(sl_sched_pick(pair.sched, 1).context, pair.contexts[0]);
	sl_sched_release(pair.sched, 2 * MS, true, 2 * MS);
	/* One slice of the other's is worth a hundred of its own. */
	assert_ptr_equal(sl_sched_pick(pair.sched, 2 * MS).context, pair.contexts[1]);
	sl_sched_release(pair.sched, 2 * MS, true, 4 * MS);
	assert_ptr_equal(sl_sched_pick(pair.sched, 4 * MS).context, pair.contexts[0]);
	assert_null(sl_sched_pick_next(pair.sched, MS, 5 * MS).context);
	sl_sched_destroy(pair.sched);
}

static void test_who_was_chosen_may_go(void **state)
{
	struct pair pair;

	start_pair(&pair, &NORMAL);
	assert_non_null(sl_sched_pick_next(pair.sched, MS, MS).context);
	sl_sched_remove_context(pair.sched, pair.contexts[1], 0, MS);
	assert_null(sl_sched_get_next(pair.sched));
	sl_sched_release(pair.sched, 2 * MS, true, 2 * MS);
	assert_ptr_equal(sl_sched_pick(pair.sched, 2 * MS).context, pair.contexts[0]);
	sl_sched_destroy(pair.sched);
}

/* No piece of another's in the way of a frame that may come. */
static void test_nobody_is_chosen_while_frames_come(void **state)
{
	struct sl_sched_guest_params framed = NORMAL;
	struct pair pair;

	start_pair(&pair, &NORMAL);
	framed.period_ns = 16 * MS;
	struct sl_sched_guest *guest = sl_sched_add_guest(pair.sched, &framed);
	struct sl_sched_context *frames = sl_sched_add_context(guest, NULL);

	sl_sched_request(pair.sched, frames, MS);
	assert_ptr_equal(sl_sched_pick_next(pair.sched, MS, MS).context, frames);
	sl_sched_release(pair.sched, MS, true, MS);
	assert_ptr_equal(sl_sched_pick(pair.sched, MS).context, frames);
	sl_sched_release(pair.sched, MS, false, 2 * MS);
	assert_non_null(sl_sched_pick(pair.sched, 2 * MS).context);
	assert_null(sl_sched_pick_next(pair.sched, 2 * MS, 3 * MS).context);
	sl_sched_destroy(pair.sched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights_divide_the_gpu),
		cmocka_unit_test(test_weights_change_midway),
		cmocka_unit_test(test_equal_ignores_weights),
		cmocka_unit_test(test_fixed_share_is_a_ceiling),
		cmocka_unit_test(test_cap_holds_alone_and_contended),
		cmocka_unit_test(test_background_yields_but_does_not_starve),
		cmocka_unit_test(test_frames_wait_for_one_job_at_most),
		cmocka_unit_test(test_deadline_gains_no_share),
		cmocka_unit_test(test_time_alone_is_not_owed),
		cmocka_unit_test(test_idleness_saves_nothing_up),
		cmocka_unit_test(test_debt_is_bounded),
		cmocka_unit_test(test_contexts_share_their_guests_part),
		cmocka_unit_test(test_paused_guest_waits_and_comes_back),
		cmocka_unit_test(test_who_may_not_run_disturbs_nobody),
		cmocka_unit_test(test_a_new_cap_looks_forward_only),
		cmocka_unit_test(test_a_cap_ends_a_standing_grant),
		cmocka_unit_test(test_states_are_told),
		cmocka_unit_test(test_alone_the_grant_stands),
		cmocka_unit_test(test_after_a_long_wait_no_grant_stands),
		cmocka_unit_test(test_bad_parameters_are_refused),
		cmocka_unit_test(test_a_deadline_overtakes_a_slice),
		cmocka_unit_test(test_the_earlier_deadline_overtakes),
		cmocka_unit_test(test_who_was_idle_goes_before_equals),
		cmocka_unit_test(test_a_deadline_is_remembered),
		cmocka_unit_test(test_who_is_next_is_told_ahead),
		cmocka_unit_test(test_who_was_chosen_only_ends_what_it_began),
		cmocka_unit_test(test_the_holder_may_be_next_itself),
		cmocka_unit_test(test_who_was_chosen_may_go),
		cmocka_unit_test(test_nobody_is_chosen_while_frames_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
