/* SPDX-License-Identifier: MIT */
/* The daemon's arbiter with workers that are no processes, on a clock that the test sets. */
#include "host/daemon/arbiter.h"

#include "sl_test.h"

#include "host/base/clock.h"
#include "host/base/stats.h"
#include "host/daemon/worker.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define MS	  1000000ull
#define SLICE_NS  (2 * MS)
#define MAX_COUNT 3

/* What the arbiter has told it last. */
struct sl_worker {
	struct sl_sched_msg msg;
	int msg_count;
};

struct world {
	sd_event *event;
	struct sl_arbiter *arbiter;
	struct sl_arbiter_guest *guests[MAX_COUNT];
	struct sl_arbiter_context *contexts[MAX_COUNT];
	struct sl_worker workers[MAX_COUNT];
	struct sl_stats stats[MAX_COUNT];
};

static uint64_t fake_now_ns;
static int overrun_count;

uint64_t sl_clock_now_ns(void)
{
	return fake_now_ns;
}

void sl_worker_send_sched(struct sl_worker *worker, const struct sl_sched_msg *msg)
{
	worker->msg = *msg;
	worker->msg_count++;
}

static void overrun(void *context_data)
{
	assert_non_null(context_data);
	overrun_count++;
}

static uint64_t real_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void start(struct world *world, uint64_t run_limit_ns)
{
	const struct sl_sched_guest_params params = { .weight = 1,
						      .cap_permille = 1000,
						      .class = SL_SCHED_NORMAL };
	const struct sl_arbiter_options options = { .policy = SL_SCHED_BEST_EFFORT,
						    .slice_ns = SLICE_NS,
						    .run_limit_ns = run_limit_ns };

	memset(world, 0, sizeof(*world));
	overrun_count = 0;
	/* The timers of the event loop are real. */
	fake_now_ns = real_now_ns();
	assert_true(sd_event_new(&world->event) >= 0);
	assert_int_equal(sl_arbiter_create(world->event, &options, overrun, &world->arbiter), 0);
	for (int i = 0; i < MAX_COUNT; i++) {
		world->guests[i] = sl_arbiter_add_guest(world->arbiter, &params);
		assert_non_null(world->guests[i]);
		world->contexts[i] =
			sl_arbiter_add_context(world->arbiter, world->guests[i], &world->workers[i],
					       &world->stats[i], world);
		assert_non_null(world->contexts[i]);
	}
}

static void stop(struct world *world)
{
	for (int i = 0; i < MAX_COUNT; i++) {
		sl_arbiter_remove_context(world->contexts[i]);
		sl_arbiter_remove_guest(world->arbiter, world->guests[i]);
	}
	sl_arbiter_destroy(world->arbiter);
	sd_event_unref(world->event);
}

static void ask(struct world *world, int i)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_REQUEST };

	sl_arbiter_handle(world->contexts[i], &msg);
}

static void give_back(struct world *world, int i, bool wants_more)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_RETURN,
					  .flags = wants_more ? SL_SCHED_MSG_WANTS_MORE : 0,
					  .grant = world->workers[i].msg.grant };

	sl_arbiter_handle(world->contexts[i], &msg);
}

static bool was_told(struct world *world, int i, uint32_t type)
{
	bool told = world->workers[i].msg_count == 1 && world->workers[i].msg.type == type;

	world->workers[i].msg_count = 0;
	return told;
}

/* The GPU works for a context. */
static void work(struct world *world, int i, uint64_t time_ns)
{
	sl_stats_set_gpu_busy(&world->stats[i], 0, fake_now_ns);
	fake_now_ns += time_ns;
	sl_stats_set_gpu_busy(&world->stats[i], time_ns, 0);
}

static const struct sl_arbiter_account *check_account(struct world *world)
{
	const struct sl_arbiter_account *account = sl_arbiter_get_account(world->arbiter);
	uint64_t used_ns = account->removed_used_ns;
	uint64_t gap_ns = account->removed_gap_ns;

	for (int i = 0; i < MAX_COUNT; i++) {
		if (world->guests[i] != NULL) {
			struct sl_arbiter_guest_account guest =
				sl_arbiter_get_guest(world->arbiter, world->guests[i]);

			used_ns += guest.used_ns;
			gap_ns += guest.gap_ns;
		}
	}
	assert_int_equal(used_ns, account->used_ns);
	assert_int_equal(gap_ns, account->gap_ns);
	assert_int_equal(account->used_ns + account->gap_ns + account->idle_ns, account->wall_ns);
	return account;
}

static void test_alone_nothing_is_said(void **state)
{
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	assert_int_equal(world.workers[0].msg.time_ns, 0);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_GRANT));
	work(&world, 0, 30 * MS);
	fake_now_ns += 10 * MS;
	assert_int_equal(check_account(&world)->used_ns, 30 * MS);
	/* A standing grant that nobody else wants is no use. */
	assert_int_equal(check_account(&world)->idle_ns, 10 * MS);
	assert_int_equal(world.workers[0].msg_count, 0);
	stop(&world);
}

static void test_work_under_way_is_on_the_account(void **state)
{
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	sl_stats_set_gpu_busy(&world.stats[0], 0, fake_now_ns);
	fake_now_ns += 25 * MS;
	assert_int_equal(check_account(&world)->used_ns, 25 * MS);
	fake_now_ns += 25 * MS;
	sl_stats_set_gpu_busy(&world.stats[0], 50 * MS, 0);
	assert_int_equal(check_account(&world)->used_ns, 50 * MS);
	stop(&world);
}

/* What is under way counts as GPU time so far; what it was is known once it has ended. */
static void test_guesses_are_put_right(void **state)
{
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	sl_stats_set_gpu_busy(&world.stats[0], 0, fake_now_ns);
	fake_now_ns += 20 * MS;
	assert_int_equal(check_account(&world)->used_ns, 20 * MS);
	/* It had begun late. */
	fake_now_ns += 20 * MS;
	sl_stats_set_gpu_busy(&world.stats[0], 15 * MS, fake_now_ns);
	assert_int_equal(check_account(&world)->used_ns, 20 * MS);
	fake_now_ns += 20 * MS;
	sl_stats_set_gpu_busy(&world.stats[0], 20 * MS, 0);
	assert_int_equal(check_account(&world)->used_ns, 35 * MS);
	/* What comes late counts as soon as there is time that it can be. */
	sl_stats_set_gpu_busy(&world.stats[0], 4 * MS, 0);
	assert_int_equal(check_account(&world)->used_ns, 35 * MS);
	fake_now_ns += 20 * MS;
	assert_int_equal(check_account(&world)->used_ns, 39 * MS);
	stop(&world);
}

/* The ledger says how much was measured by timestamps: never more than was used. */
static void test_timestamps_are_told_apart(void **state)
{
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	work(&world, 0, 30 * MS);
	sl_stats_add(&world.stats[0].gpu_stamped_ns, 10 * MS);
	assert_int_equal(check_account(&world)->stamped_ns, 10 * MS);
	sl_stats_add(&world.stats[0].gpu_stamped_ns, 500 * MS);
	fake_now_ns += 500 * MS;
	assert_int_equal(check_account(&world)->stamped_ns, 30 * MS);
	assert_int_equal(check_account(&world)->used_ns, 30 * MS);
	assert_int_equal(sl_arbiter_get_guest(world.arbiter, world.guests[0]).stamped_ns, 30 * MS);
	assert_int_equal(sl_arbiter_get_guest(world.arbiter, world.guests[1]).stamped_ns, 0);
	stop(&world);
}

static void test_the_second_revokes_and_gets_its_slice(void **state)
{
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	was_told(&world, 0, SL_SCHED_MSG_GRANT);
	work(&world, 0, 30 * MS);
	ask(&world, 1);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_REVOKE));
	work(&world, 0, 5 * MS);
	give_back(&world, 0, true);
	assert_int_equal(world.workers[1].msg.time_ns, SLICE_NS);
	assert_true(was_told(&world, 1, SL_SCHED_MSG_GRANT));
	work(&world, 1, 2 * MS);
	fake_now_ns += MS / 10;
	give_back(&world, 1, true);
	/* The first owes for the 5 ms that the second waited. */
	assert_true(was_told(&world, 1, SL_SCHED_MSG_GRANT));
	assert_int_equal(check_account(&world)->gap_ns, MS / 10);
	assert_int_equal(check_account(&world)->used_ns, 37 * MS);
	stop(&world);
}

static void test_a_deadline_ends_a_slice(void **state)
{
	struct world world;
	struct sl_sched_guest_params params = {
		.weight = 1, .cap_permille = 1000, .class = SL_SCHED_NORMAL, .period_ns = 16 * MS
	};

	start(&world, 1000 * MS);
	assert_int_equal(sl_arbiter_set_guest(world.arbiter, world.guests[2], &params), 0);
	ask(&world, 0);
	was_told(&world, 0, SL_SCHED_MSG_GRANT);
	ask(&world, 1);
	was_told(&world, 0, SL_SCHED_MSG_REVOKE);
	give_back(&world, 0, true);
	assert_int_equal(world.workers[1].msg.piece_ns, SLICE_NS * 5 / 8);
	assert_true(was_told(&world, 1, SL_SCHED_MSG_GRANT));
	work(&world, 1, MS / 2);
	ask(&world, 2);
	assert_true(was_told(&world, 1, SL_SCHED_MSG_REVOKE));
	give_back(&world, 1, true);
	assert_true(was_told(&world, 2, SL_SCHED_MSG_GRANT));
	give_back(&world, 2, false);
	assert_int_equal(world.workers[0].msg.piece_ns, SLICE_NS / 4);
	check_account(&world);
	stop(&world);
}

static void announce_end(struct world *world, int i, uint64_t grant)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_ENDING,
					  .grant = grant,
					  .time_ns = MS / 4 };

	sl_arbiter_handle(world->contexts[i], &msg);
}

/* The next has work with the driver when the GPU is given back; until then all is on the account of
 * the one that holds it. */
static void test_grants_overlap_and_accounts_do_not(void **state)
{
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	ask(&world, 1);
	give_back(&world, 0, true);
	was_told(&world, 0, SL_SCHED_MSG_GRANT);
	uint64_t grant = world.workers[1].msg.grant;

	assert_true(was_told(&world, 1, SL_SCHED_MSG_GRANT));
	work(&world, 1, 2 * MS);
	announce_end(&world, 0, grant);	    /* by another */
	announce_end(&world, 1, grant - 1); /* of another */
	assert_int_equal(world.workers[0].msg_count, 0);
	announce_end(&world, 1, grant);
	announce_end(&world, 1, grant);
	assert_int_equal(world.workers[0].msg.flags, SL_SCHED_MSG_AHEAD);
	assert_int_equal(world.workers[0].msg.grant, grant + 1);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_GRANT));
	work(&world, 1, MS / 4);
	give_back(&world, 1, true);
	assert_int_equal(world.workers[0].msg.flags, 0);
	assert_int_equal(world.workers[0].msg.grant, grant + 1);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_GRANT));
	work(&world, 0, MS);
	assert_int_equal(check_account(&world)->used_ns, 3 * MS + MS / 4);
	assert_int_equal(sl_arbiter_get_guest(world.arbiter, world.guests[1]).used_ns,
			 2 * MS + MS / 4);
	/* Whoever was chosen may go. */
	announce_end(&world, 0, grant + 1);
	sl_arbiter_remove_context(world.contexts[1]);
	world.contexts[1] = NULL;
	give_back(&world, 0, true);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_GRANT));
	stop(&world);
}

static void test_lies_gain_nothing(void **state)
{
	struct world world;
	struct sl_sched_msg msg = { .type = SL_SCHED_MSG_RETURN,
				    .flags = SL_SCHED_MSG_WANTS_MORE,
				    .time_ns = UINT64_MAX,
				    .begin_ns = 1,
				    .end_ns = UINT64_MAX };
	uint64_t told[2] = { 0 };

	start(&world, 1000 * MS);
	ask(&world, 0);
	ask(&world, 1);
	give_back(&world, 0, true);
	/* Context 0 says that it works not at all, or for ever; both keep the GPU for a slice. */
	for (int i = 0; i < 200; i++) {
		int holder = world.workers[0].msg.grant > world.workers[1].msg.grant ? 0 : 1;

		told[holder]++;
		if (holder == 1) {
			work(&world, 1, SLICE_NS);
			give_back(&world, 1, true);
			continue;
		}
		fake_now_ns += SLICE_NS;
		sl_stats_set_gpu_busy(&world.stats[0], i % 4 == 0 ? UINT64_MAX / 2 : 0,
				      i % 3 == 0 ? UINT64_MAX : 1);
		msg.grant = world.workers[0].msg.grant;
		sl_arbiter_handle(world.contexts[0], &msg);
		check_account(&world);
	}
	assert_in_range(told[0], 97, 103);
	stop(&world);
}

static void test_nonsense_is_ignored(void **state)
{
	struct world world;
	const struct sl_sched_msg odd = { .type = SL_SCHED_MSG_GRANT, .grant = 1 };
	const struct sl_sched_msg stale = { .type = SL_SCHED_MSG_RETURN, .grant = 77 };

	start(&world, 1000 * MS);
	give_back(&world, 0, true); /* it has nothing to give back */
	ask(&world, 0);
	ask(&world, 0);
	sl_arbiter_handle(world.contexts[0], &odd);
	sl_arbiter_handle(world.contexts[0], &stale);
	give_back(&world, 1, true);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_GRANT));
	assert_int_equal(world.workers[1].msg_count, 0);
	stop(&world);
}

static void test_the_holders_end_frees_the_gpu(void **state)
{
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	ask(&world, 1);
	work(&world, 0, 5 * MS);
	sl_arbiter_remove_context(world.contexts[0]);
	world.contexts[0] = NULL;
	assert_true(was_told(&world, 1, SL_SCHED_MSG_GRANT));
	sl_arbiter_remove_guest(world.arbiter, world.guests[0]);
	world.guests[0] = NULL;
	assert_int_equal(check_account(&world)->removed_used_ns, 5 * MS);
	stop(&world);
}

static void test_a_pause_takes_the_gpu_and_a_resume_gives_it(void **state)
{
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	was_told(&world, 0, SL_SCHED_MSG_GRANT);
	sl_arbiter_set_paused(world.arbiter, world.guests[0], true);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_REVOKE));
	give_back(&world, 0, true);
	assert_int_equal(world.workers[0].msg_count, 0);
	fake_now_ns += 500 * MS;
	assert_int_equal(check_account(&world)->idle_ns, 500 * MS);
	sl_arbiter_set_paused(world.arbiter, world.guests[0], false);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_GRANT));
	assert_int_equal(sl_arbiter_get_guest(world.arbiter, world.guests[0]).usage->wait_max_ns,
			 0);
	stop(&world);
}

static void test_a_cap_revokes_a_standing_grant(void **state)
{
	const struct sl_sched_guest_params capped = { .weight = 1,
						      .cap_permille = 500,
						      .class = SL_SCHED_NORMAL };
	struct world world;

	start(&world, 1000 * MS);
	ask(&world, 0);
	was_told(&world, 0, SL_SCHED_MSG_GRANT);
	work(&world, 0, 10000 * MS);
	assert_int_equal(sl_arbiter_set_guest(world.arbiter, world.guests[0], &capped), 0);
	assert_true(was_told(&world, 0, SL_SCHED_MSG_REVOKE));
	give_back(&world, 0, true);
	/* The ten seconds without a cap are not owed. */
	assert_true(was_told(&world, 0, SL_SCHED_MSG_GRANT));
	stop(&world);
}

static void test_handovers_are_measured(void **state)
{
	struct world world;
	struct sl_sched_msg msg = { .type = SL_SCHED_MSG_RETURN, .flags = SL_SCHED_MSG_WANTS_MORE };

	start(&world, 1000 * MS);
	ask(&world, 0);
	ask(&world, 1);
	msg.begin_ns = fake_now_ns;
	work(&world, 0, MS);
	msg.end_ns = fake_now_ns;
	msg.grant = world.workers[0].msg.grant;
	fake_now_ns += MS / 50;
	sl_arbiter_handle(world.contexts[0], &msg);
	fake_now_ns += MS / 25;
	msg.begin_ns = fake_now_ns;
	work(&world, 1, MS);
	msg.end_ns = fake_now_ns;
	msg.grant = world.workers[1].msg.grant;
	sl_arbiter_handle(world.contexts[1], &msg);
	assert_int_equal(check_account(&world)->handovers, 1);
	uint64_t time_ns = sl_histogram_get_quantile(&check_account(&world)->handover_times, 500);
	assert_in_range(time_ns, 50000, 70000);
	stop(&world);
}

static void test_who_keeps_the_gpu_is_ended(void **state)
{
	struct world world;

	start(&world, 5 * MS);
	ask(&world, 0);
	ask(&world, 1);
	while (overrun_count == 0) {
		assert_true(sd_event_run(world.event, 5000000) > 0);
	}
	assert_true(real_now_ns() - fake_now_ns >= 5 * MS);
	stop(&world);
}

/* Alone it may keep the GPU, as long as its pieces end. */
static void test_alone_only_a_long_piece_is_too_long(void **state)
{
	struct world world;

	start(&world, 5 * MS);
	ask(&world, 0);
	const uint64_t start_ns = fake_now_ns;
	/* The fake clock is that of the last completion. */
	while (fake_now_ns < start_ns + 20 * MS) {
		fake_now_ns = real_now_ns();
		sl_stats_set_gpu_busy(&world.stats[0], 0, fake_now_ns);
		assert_true(sd_event_run(world.event, 1000) >= 0);
	}
	assert_int_equal(overrun_count, 0);
	uint64_t since_ns = fake_now_ns;
	while (overrun_count == 0) {
		fake_now_ns = real_now_ns();
		assert_true(sd_event_run(world.event, 1000) >= 0);
	}
	assert_true(fake_now_ns - since_ns >= 5 * MS);
	stop(&world);
}

/* Whoever gave the GPU back while the daemon was kept from running is heard first. */
static void test_a_late_daemon_ends_nobody_at_once(void **state)
{
	struct world world;

	start(&world, 5 * MS);
	ask(&world, 0);
	ask(&world, 1);
	fake_now_ns += 500 * MS;
	while (real_now_ns() < fake_now_ns - 480 * MS) {
		assert_true(sd_event_run(world.event, 1000) >= 0);
	}
	assert_int_equal(overrun_count, 0);
	was_told(&world, 0, SL_SCHED_MSG_REVOKE);
	give_back(&world, 0, false);
	assert_int_equal(world.workers[1].msg.type, SL_SCHED_MSG_GRANT);
	stop(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone_nothing_is_said),
		cmocka_unit_test(test_work_under_way_is_on_the_account),
		cmocka_unit_test(test_guesses_are_put_right),
		cmocka_unit_test(test_timestamps_are_told_apart),
		cmocka_unit_test(test_the_second_revokes_and_gets_its_slice),
		cmocka_unit_test(test_a_deadline_ends_a_slice),
		cmocka_unit_test(test_grants_overlap_and_accounts_do_not),
		cmocka_unit_test(test_lies_gain_nothing),
		cmocka_unit_test(test_nonsense_is_ignored),
		cmocka_unit_test(test_the_holders_end_frees_the_gpu),
		cmocka_unit_test(test_a_pause_takes_the_gpu_and_a_resume_gives_it),
		cmocka_unit_test(test_a_cap_revokes_a_standing_grant),
		cmocka_unit_test(test_handovers_are_measured),
		cmocka_unit_test(test_who_keeps_the_gpu_is_ended),
		cmocka_unit_test(test_alone_only_a_long_piece_is_too_long),
		cmocka_unit_test(test_a_late_daemon_ends_nobody_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
