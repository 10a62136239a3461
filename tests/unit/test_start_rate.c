/* SPDX-License-Identifier: MIT */
/* Who starts how many programs. */
#include "host/daemon/start_rate.h"

#include "sl_test.h"

#define SECOND_NS UINT64_C(1000000000)

static void test_few_are_ahead_of_nothing(void **state)
{
	struct sl_start_rate rate = { 0 };
	uint64_t now_ns = 5 * SECOND_NS;

	for (int i = 0; i < 4; i++) {
		assert_int_equal(sl_start_rate_note(&rate, now_ns), 0);
	}
	for (int i = 0; i < 100; i++) {
		now_ns += SECOND_NS / 4;
		assert_int_equal(sl_start_rate_note(&rate, now_ns), 0);
	}
	(void)state;
}

static void test_many_are_counted_and_forgotten(void **state)
{
	struct sl_start_rate rate = { 0 };
	uint64_t now_ns = 5 * SECOND_NS;
	uint32_t rank = 0;

	for (uint32_t i = 0; i < 10; i++) {
		rank = sl_start_rate_note(&rate, now_ns);
		assert_int_equal(rank, i < 4 ? 0 : i - 3);
	}
	for (int i = 0; i < 100000; i++) {
		rank = sl_start_rate_note(&rate, now_ns);
	}
	/* However many there were: after so long it is like any other. */
	assert_true(rank > 20 && rank < 40);
	assert_int_equal(sl_start_rate_note(&rate, now_ns + 10 * SECOND_NS), 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_are_ahead_of_nothing),
		cmocka_unit_test(test_many_are_counted_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
