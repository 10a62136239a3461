/* SPDX-License-Identifier: MIT */
/* How often something is tried that may be in vain. */
#include "host/virgl/backoff.h"
#include "tests/unit/sl_test.h"

/* Returns how many occasions were passed by before the next try. */
static uint32_t count_skipped(struct sl_virgl_backoff *backoff)
{
	uint32_t count = 0;

	while (!sl_virgl_backoff_may_try(backoff)) {
		count++;
	}
	return count;
}

static void test_good_tries_go_on(void **state)
{
	struct sl_virgl_backoff backoff = { 0 };

	for (int i = 0; i < 100; i++) {
		assert_int_equal(count_skipped(&backoff), 0);
		sl_virgl_backoff_tell(&backoff, true);
	}
}

static void test_tries_in_vain_become_rare_but_never_end(void **state)
{
	static const uint32_t expected[] = { 0, 1, 3, 7, 15, 31, 63, 63, 63 };
	struct sl_virgl_backoff backoff = { 0 };

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(count_skipped(&backoff), expected[i]);
		sl_virgl_backoff_tell(&backoff, false);
	}
}

static void test_each_good_try_halves(void **state)
{
	static const uint32_t expected[] = { 63, 31, 15, 7, 3, 1, 0, 0 };
	struct sl_virgl_backoff backoff = { .skip = SL_VIRGL_BACKOFF_MAX };

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(count_skipped(&backoff), expected[i]);
		sl_virgl_backoff_tell(&backoff, true);
	}
}

/* As often good as not: no more than every second occasion or so is tried, and the rest is not
 * given up. */
static void test_mixed_tries_stay_near(void **state)
{
	struct sl_virgl_backoff backoff = { 0 };

	for (int i = 0; i < 100; i++) {
		assert_in_range(count_skipped(&backoff), 0, 1);
		sl_virgl_backoff_tell(&backoff, i % 2 != 0);
	}
}

/* What tells nothing changes nothing: the next occasion is tried. */
static void test_a_try_may_stay_untold(void **state)
{
	struct sl_virgl_backoff backoff = { 0 };

	sl_virgl_backoff_tell(&backoff, false);
	assert_int_equal(count_skipped(&backoff), 1);
	assert_int_equal(count_skipped(&backoff), 0);
	sl_virgl_backoff_tell(&backoff, false);
	assert_int_equal(count_skipped(&backoff), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_tries_go_on),
		cmocka_unit_test(test_tries_in_vain_become_rare_but_never_end),
		cmocka_unit_test(test_each_good_try_halves),
		cmocka_unit_test(test_mixed_tries_stay_near),
		cmocka_unit_test(test_a_try_may_stay_untold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
