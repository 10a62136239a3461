/* SPDX-License-Identifier: MIT */
/* The map from host handles, against a plain array. */
#include "host/replay/handle_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HANDLES 500u

static uint64_t handle_at(unsigned int index)
{
	/* Addresses, small counts, and handles that share their low bits. */
	switch (index % 3) {
	case 0:
		return 0x7f0000001000u + index * 64;
	case 1:
		return index + 1;
	default:
		return (uint64_t)(index + 1) << 40;
	}
}

static void test_empty_map_finds_nothing(void **state)
{
	struct sl_handle_map map = { 0 };
	uint64_t handle;

	(void)state;
	assert_null(sl_handle_map_find(&map, 1));
	assert_null(sl_handle_map_find(&map, 0));
	assert_null(sl_handle_map_remove(&map, 1));
	assert_null(sl_handle_map_any(&map, &handle));
	sl_handle_map_finish(&map);
}

static void test_put_replaces(void **state)
{
	struct sl_handle_map map = { 0 };
	int a;
	int b;

	(void)state;
	assert_int_equal(sl_handle_map_put(&map, 7, &a), 0);
	assert_int_equal(sl_handle_map_put(&map, 7, &b), 0);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(sl_handle_map_find(&map, 7), &b);
	assert_ptr_equal(sl_handle_map_remove(&map, 7), &b);
	assert_null(sl_handle_map_find(&map, 7));
	sl_handle_map_finish(&map);
}

static void test_removal_keeps_the_rest(void **state)
{
	struct sl_handle_map map = { 0 };
	bool is_in[HANDLES] = { false };
	char values[HANDLES];
	uint32_t seed = 1;

	(void)state;
	for (unsigned int step = 0; step < 20000; step++) {
		seed = seed * 1664525u + 1013904223u;
		unsigned int at = (seed >> 8) % HANDLES;

		if (is_in[at]) {
			assert_ptr_equal(sl_handle_map_remove(&map, handle_at(at)), &values[at]);
		} else {
			assert_int_equal(sl_handle_map_put(&map, handle_at(at), &values[at]), 0);
		}
		is_in[at] = !is_in[at];
		at = (seed >> 16) % HANDLES;
		assert_ptr_equal(sl_handle_map_find(&map, handle_at(at)),
				 is_in[at] ? &values[at] : NULL);
	}
	for (unsigned int i = 0; i < HANDLES; i++) {
		assert_ptr_equal(sl_handle_map_find(&map, handle_at(i)),
				 is_in[i] ? &values[i] : NULL);
	}
	sl_handle_map_finish(&map);
}

static void test_any_takes_the_map_apart(void **state)
{
	struct sl_handle_map map = { 0 };
	int value;
	uint64_t handle;
	unsigned int count = 0;

	(void)state;
	for (unsigned int i = 0; i < HANDLES; i++) {
		assert_int_equal(sl_handle_map_put(&map, handle_at(i), &value), 0);
	}
	while (sl_handle_map_any(&map, &handle) != NULL) {
		assert_ptr_equal(sl_handle_map_remove(&map, handle), &value);
		count++;
	}
	assert_int_equal(count, HANDLES);
	assert_int_equal(map.count, 0);
	sl_handle_map_finish(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_map_finds_nothing),
		cmocka_unit_test(test_put_replaces),
		cmocka_unit_test(test_removal_keeps_the_rest),
		cmocka_unit_test(test_any_takes_the_map_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
