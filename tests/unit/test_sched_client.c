/* SPDX-License-Identifier: MIT */
/* The renderer's end of the arbiter's protocol, on a fake clock. */
#include "host/sched/sched_client.h"

#include "sl_test.h"

#define US 1000ull
#define MS 1000000ull

struct world {
	struct sl_sched_client client;
	struct sl_sched_msg sent[8];
	int sent_count;
	uint64_t now_ns;
};

static void send(void *data, const struct sl_sched_msg *msg)
{
	struct world *world = data;

	assert_true(world->sent_count < 8);
	world->sent[world->sent_count++] = *msg;
}

static void start(struct world *world)
{
	*world = (struct world){ .now_ns = 7 * MS };
	sl_sched_client_init(&world->client, send, world);
}

static uint64_t settle(struct world *world, bool has_work)
{
	return sl_sched_client_settle(&world->client, has_work, world->now_ns);
}

static void grant(struct world *world, uint64_t number, uint64_t slice_ns)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_GRANT,
					  .grant = number,
					  .time_ns = slice_ns,
					  .piece_ns = slice_ns / 2 };

	assert_true(sl_sched_client_handle(&world->client, &msg, world->now_ns));
}

static void revoke(struct world *world, uint64_t number)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_REVOKE, .grant = number };

	assert_true(sl_sched_client_handle(&world->client, &msg, world->now_ns));
}

static bool may_start(const struct world *world)
{
	return sl_sched_client_may_start(&world->client, world->now_ns);
}

static void run(struct world *world, uint64_t job_ns)
{
	assert_true(may_start(world));
	sl_sched_client_start(&world->client, world->now_ns);
	world->now_ns += job_ns;
	sl_sched_client_complete(&world->client, 1, world->now_ns);
}

static void assert_returned(struct world *world, uint64_t number, uint32_t flags, uint64_t used_ns)
{
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(world->sent[0].type, SL_SCHED_MSG_RETURN);
	assert_int_equal(world->sent[0].grant, number);
	assert_int_equal(world->sent[0].flags, flags);
	assert_int_equal(world->sent[0].time_ns, used_ns);
	world->sent_count = 0;
}

static void test_it_asks_once(void **state)
{
	struct world world;

	start(&world);
	assert_true(settle(&world, false) == UINT64_MAX);
	assert_int_equal(world.sent_count, 0);
	assert_false(may_start(&world));
	assert_true(settle(&world, true) == UINT64_MAX);
	settle(&world, true);
	assert_int_equal(world.sent_count, 1);
	assert_int_equal(world.sent[0].type, SL_SCHED_MSG_REQUEST);
}

static void test_a_standing_grant_needs_no_messages(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 0);
	for (int i = 0; i < 1000; i++) {
		run(&world, 3 * MS);
		assert_true(settle(&world, false) == UINT64_MAX);
		world.now_ns += 50 * MS;
	}
	assert_int_equal(world.sent_count, 0);
}

static void test_a_standing_grant_is_revoked_after_what_runs(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 5, 0);
	sl_sched_client_start(&world.client, world.now_ns);
	revoke(&world, 4); /* of another grant */
	assert_false(world.client.is_revoked);
	revoke(&world, 5);
	assert_false(may_start(&world));
	settle(&world, true);
	assert_int_equal(world.sent_count, 0);
	world.now_ns += 9 * MS;
	sl_sched_client_complete(&world.client, 1, world.now_ns);
	settle(&world, true);
	assert_int_equal(world.sent[0].begin_ns, 7 * MS);
	assert_int_equal(world.sent[0].end_ns, 16 * MS);
	assert_returned(&world, 5, SL_SCHED_MSG_WANTS_MORE, 9 * MS);
	/* The revocation came too late for another grant. */
	grant(&world, 6, 0);
	revoke(&world, 5);
	assert_true(may_start(&world));
}

static void test_an_idle_standing_grant_is_revoked_at_once(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 0);
	revoke(&world, 1);
	settle(&world, false);
	assert_int_equal(world.sent[0].begin_ns, 0);
	assert_int_equal(world.sent[0].end_ns, 0);
	assert_returned(&world, 1, 0, 0);
	assert_false(may_start(&world));
}

static void test_a_slice_ends_after_the_job_that_exceeds_it(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 2 * MS);
	run(&world, 800 * US);
	settle(&world, true);
	assert_int_equal(world.sent_count, 0);
	run(&world, 50 * MS);
	assert_false(may_start(&world));
	settle(&world, true);
	assert_returned(&world, 1, SL_SCHED_MSG_WANTS_MORE, 50 * MS + 800 * US);
}

static void test_pieces_that_just_fit_do_not_share_a_slice(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 2 * MS);
	run(&world, 990 * US);
	assert_false(may_start(&world));
	settle(&world, true);
	assert_returned(&world, 1, SL_SCHED_MSG_WANTS_MORE, 990 * US);
}

static void test_it_lingers_for_more_work(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 2 * MS);
	run(&world, 100 * US);
	uint64_t time_ns = settle(&world, false);
	assert_true(time_ns == world.now_ns + SL_SCHED_LINGER_NS);
	world.now_ns = time_ns - 1;
	run(&world, 100 * US);
	time_ns = settle(&world, false);
	assert_true(time_ns == world.now_ns + SL_SCHED_LINGER_NS);
	world.now_ns = time_ns;
	assert_true(settle(&world, false) == UINT64_MAX);
	assert_returned(&world, 1, 0, 200 * US);
}

/* More of what it has would not end within the slice. */
static void test_it_does_not_linger_for_nothing(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 2 * MS);
	run(&world, 2 * MS - 10 * US);
	assert_false(may_start(&world));
	assert_true(settle(&world, false) == UINT64_MAX);
	assert_returned(&world, 1, 0, 2 * MS - 10 * US);
}

static void grant_ahead(struct world *world, uint64_t number)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_GRANT,
					  .flags = SL_SCHED_MSG_AHEAD,
					  .grant = number,
					  .time_ns = 2 * MS,
					  .piece_ns = MS };

	assert_true(sl_sched_client_handle(&world->client, &msg, world->now_ns));
}

static void test_the_last_piece_is_announced(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 3, 1900 * US);
	sl_sched_client_start(&world.client, world.now_ns); /* 1 ms, as is thought at first */
	uint64_t time_ns = settle(&world, true);

	/* A second would not end within the slice. */
	assert_true(time_ns == world.now_ns + MS - SL_SCHED_LEAD_NS);
	assert_int_equal(world.sent_count, 0);
	world.now_ns = time_ns + 10 * US;
	assert_true(settle(&world, true) == UINT64_MAX);
	settle(&world, true);
	assert_int_equal(world.sent_count, 1);
	assert_int_equal(world.sent[0].type, SL_SCHED_MSG_ENDING);
	assert_int_equal(world.sent[0].grant, 3);
	assert_int_equal(world.sent[0].time_ns, SL_SCHED_LEAD_NS - 10 * US);
}

static void test_a_grant_ahead_is_for_one_piece(void **state)
{
	struct world world;

	start(&world);
	settle(&world, true);
	world.sent_count = 0;
	grant_ahead(&world, 9);
	assert_true(sl_sched_client_get_piece_ns(&world.client) == MS);
	assert_true(may_start(&world));
	sl_sched_client_start(&world.client, world.now_ns);
	assert_false(may_start(&world));
	assert_false(sl_sched_client_counts(&world.client));
	world.now_ns += 300 * US;
	settle(&world, true);
	assert_int_equal(world.sent_count, 0);
	/* The other has given the GPU back: it counts from now on. */
	grant(&world, 9, 2 * MS);
	assert_true(sl_sched_client_counts(&world.client));
	world.now_ns += 1500 * US;
	sl_sched_client_complete(&world.client, 1, world.now_ns);
	settle(&world, true);
	assert_int_equal(world.sent[0].begin_ns, 7 * MS);
	assert_returned(&world, 9, SL_SCHED_MSG_WANTS_MORE, 1500 * US);
}

static void test_what_ends_ahead_is_not_counted(void **state)
{
	struct world world;
	uint64_t cost_ns;

	start(&world);
	cost_ns = world.client.cost_ns;
	settle(&world, true);
	world.sent_count = 0;
	grant_ahead(&world, 9);
	run(&world, 100 * US);
	assert_false(may_start(&world));
	assert_int_equal(world.client.cost_ns, cost_ns);
	grant(&world, 9, 2 * MS);
	assert_true(may_start(&world));
	revoke(&world, 9);
	settle(&world, false);
	assert_returned(&world, 9, 0, 0);
}

static void test_work_ahead_is_bounded(void **state)
{
	struct world world;
	uint64_t count = 0;

	start(&world);
	grant(&world, 1, 0);
	for (int i = 0; i < 50; i++) {
		run(&world, 1 * MS);
	}
	while (may_start(&world)) {
		sl_sched_client_start(&world.client, world.now_ns);
		count++;
	}
	/* The cost is an average that comes close. */
	assert_in_range(count, SL_SCHED_AHEAD_NS / MS, SL_SCHED_AHEAD_NS / MS + 1);
	sl_sched_client_complete(&world.client, (uint32_t)count, world.now_ns);
	grant(&world, 2, 2 * MS);
	for (int i = 0; i < 50; i++) {
		world.client.granted_ns = world.now_ns;
		run(&world, 500 * US);
	}
	world.client.granted_ns = world.now_ns;
	for (count = 0; may_start(&world); count++) {
		sl_sched_client_start(&world.client, world.now_ns);
	}
	assert_in_range(count, 3, 4);
}

static void test_one_more_waits_behind_what_runs(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 0);
	for (int i = 0; i < 50; i++) {
		run(&world, 15 * MS);
	}
	sl_sched_client_start(&world.client, world.now_ns);
	assert_true(may_start(&world));
	sl_sched_client_start(&world.client, world.now_ns);
	assert_false(may_start(&world));
	sl_sched_client_complete(&world.client, 2, world.now_ns);
	for (int i = 0; i < 50; i++) {
		run(&world, 60 * MS);
	}
	sl_sched_client_start(&world.client, world.now_ns);
	assert_false(may_start(&world));
}

static void test_time_counts_once_for_what_overlaps(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 0);
	sl_sched_client_start(&world.client, world.now_ns);
	world.now_ns += 1 * MS;
	sl_sched_client_start(&world.client, world.now_ns);
	world.now_ns += 1 * MS;
	sl_sched_client_complete(&world.client, 1, world.now_ns);
	world.now_ns += 1 * MS;
	sl_sched_client_complete(&world.client, 1, world.now_ns);
	revoke(&world, 1);
	settle(&world, false);
	assert_returned(&world, 1, 0, 3 * MS);
}

static void test_what_never_completes_is_abandoned(void **state)
{
	struct world world;

	start(&world);
	grant(&world, 1, 0);
	sl_sched_client_start(&world.client, world.now_ns);
	sl_sched_client_start(&world.client, world.now_ns);
	world.now_ns += 1 * MS;
	sl_sched_client_abandon(&world.client, world.now_ns);
	settle(&world, false);
	assert_returned(&world, 1, 0, 1 * MS);
}

static void test_other_packets_are_none(void **state)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_RETURN };
	struct world world;

	start(&world);
	assert_false(sl_sched_client_handle(&world.client, &msg, world.now_ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_asks_once),
		cmocka_unit_test(test_a_standing_grant_needs_no_messages),
		cmocka_unit_test(test_a_standing_grant_is_revoked_after_what_runs),
		cmocka_unit_test(test_an_idle_standing_grant_is_revoked_at_once),
		cmocka_unit_test(test_a_slice_ends_after_the_job_that_exceeds_it),
		cmocka_unit_test(test_pieces_that_just_fit_do_not_share_a_slice),
		cmocka_unit_test(test_it_lingers_for_more_work),
		cmocka_unit_test(test_it_does_not_linger_for_nothing),
		cmocka_unit_test(test_the_last_piece_is_announced),
		cmocka_unit_test(test_a_grant_ahead_is_for_one_piece),
		cmocka_unit_test(test_what_ends_ahead_is_not_counted),
		cmocka_unit_test(test_work_ahead_is_bounded),
		cmocka_unit_test(test_one_more_waits_behind_what_runs),
		cmocka_unit_test(test_time_counts_once_for_what_overlaps),
		cmocka_unit_test(test_what_never_completes_is_abandoned),
		cmocka_unit_test(test_other_packets_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
