/* SPDX-License-Identifier: MIT */
/* Which shaders may run in ranges of workgroups. */
#include "tests/unit/sl_test.h"

#include "host/replay/spirv_scan.h"

#include "count_comp.h"
#include "histogram_comp.h"
#include "local_comp.h"
#include "nested_comp.h"
#include "spin_comp.h"
#include "ticket_comp.h"

#include <stdlib.h>
#include <string.h>

#define SCAN(code) sl_spirv_scan(code, sizeof(code) / sizeof((code)[0]))

static void test_reading_the_count(void **state)
{
	(void)state;
	assert_int_equal(SCAN(count_comp), SL_SPIRV_READS_COUNT);
}

static void test_waiting_for_others(void **state)
{
	(void)state;
	assert_int_equal(SCAN(ticket_comp), SL_SPIRV_MAY_WAIT);
	assert_int_equal(SCAN(spin_comp), SL_SPIRV_MAY_WAIT);
}

static void test_not_waiting(void **state)
{
	(void)state;
	assert_int_equal(SCAN(histogram_comp), SL_SPIRV_DIVISIBLE);
	assert_int_equal(SCAN(local_comp), SL_SPIRV_DIVISIBLE);
	assert_int_equal(SCAN(nested_comp), SL_SPIRV_DIVISIBLE);
}

static void test_not_readable(void **state)
{
	uint32_t words[8] = { 0x07230203, 0x00010000, 0, 0, 0 };

	(void)state;
	assert_int_equal(sl_spirv_scan(words, 5), SL_SPIRV_UNREADABLE); /* no ids */
	assert_int_equal(sl_spirv_scan(words, 3), SL_SPIRV_UNREADABLE);
	words[3] = 10;
	assert_int_equal(sl_spirv_scan(words, 5), SL_SPIRV_DIVISIBLE); /* nothing that waits */
	words[5] = 4u << 16 | 43;
	assert_int_equal(sl_spirv_scan(words, 8), SL_SPIRV_UNREADABLE); /* too long */
	words[5] = 0;
	assert_int_equal(sl_spirv_scan(words, 8), SL_SPIRV_UNREADABLE);
	words[3] = UINT32_MAX;
	assert_int_equal(sl_spirv_scan(words, 5), SL_SPIRV_UNREADABLE);
}

/* Nothing that a guest sends may lead the scan out of its tables: for ASan. */
static void test_damaged_words(void **state)
{
	const size_t count = sizeof(spin_comp) / sizeof(spin_comp[0]);
	uint32_t *words = malloc(sizeof(spin_comp));
	static const uint32_t values[] = { 0, 1, 0xffff, 0x7fffffff, UINT32_MAX };

	(void)state;
	for (size_t at = 3; at < count; at++) {
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			memcpy(words, spin_comp, sizeof(spin_comp));
			words[at] = values[i];
			assert_true(sl_spirv_scan(words, count) <= SL_SPIRV_UNREADABLE);
		}
		memcpy(words, spin_comp, sizeof(spin_comp));
		assert_true(sl_spirv_scan(words, at) <= SL_SPIRV_UNREADABLE);
	}
	free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading_the_count), cmocka_unit_test(test_waiting_for_others),
		cmocka_unit_test(test_not_waiting),	  cmocka_unit_test(test_not_readable),
		cmocka_unit_test(test_damaged_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
