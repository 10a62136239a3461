/* SPDX-License-Identifier: MIT */
/* The guest's memory of answers that never change. */
#include <string.h>

#include "guest-driver/vk/bytes_map.h"
#include "tests/unit/sl_test.h"

static void test_finds_what_was_added(void **state)
{
	struct sl_bytes_map map;
	size_t size = 0;

	(void)state;
	sl_bytes_map_init(&map);
	assert_null(sl_bytes_map_find(&map, 1, "key", 3, &size));
	assert_non_null(sl_bytes_map_add(&map, 1, "key", 3, "value", 6));
	const char *value = sl_bytes_map_find(&map, 1, "key", 3, &size);
	assert_string_equal(value, "value");
	assert_int_equal(size, 6);
	sl_bytes_map_finish(&map);
}

static void test_kind_and_length_tell_keys_apart(void **state)
{
	struct sl_bytes_map map;
	size_t size = 0;

	(void)state;
	sl_bytes_map_init(&map);
	sl_bytes_map_add(&map, 1, "key\0", 4, "a", 2);
	assert_null(sl_bytes_map_find(&map, 2, "key\0", 4, &size));
	assert_null(sl_bytes_map_find(&map, 1, "key", 3, &size));
	assert_null(sl_bytes_map_find(&map, 1, "key\0\0", 5, &size));
	sl_bytes_map_finish(&map);
}

static void test_first_value_stays(void **state)
{
	struct sl_bytes_map map;

	(void)state;
	sl_bytes_map_init(&map);
	void *first = sl_bytes_map_add(&map, 1, "key", 3, "a", 2);
	assert_ptr_equal(sl_bytes_map_add(&map, 1, "key", 3, "b", 2), first);
	assert_string_equal(first, "a");
	sl_bytes_map_finish(&map);
}

static void test_values_stay_where_they_are(void **state)
{
	struct sl_bytes_map map;
	size_t size = 0;

	(void)state;
	sl_bytes_map_init(&map);
	void *first = sl_bytes_map_add(&map, 7, "", 0, NULL, 64);
	assert_int_equal((uintptr_t)first % 16, 0);
	for (uint64_t i = 0; i < 5000; i++) {
		assert_non_null(sl_bytes_map_add(&map, 7, &i, sizeof(i), &i, sizeof(i)));
	}
	for (uint64_t i = 0; i < 5000; i++) {
		const void *value = sl_bytes_map_find(&map, 7, &i, sizeof(i), &size);
		assert_memory_equal(value, &i, sizeof(i));
	}
	assert_ptr_equal(sl_bytes_map_find(&map, 7, "", 0, &size), first);
	sl_bytes_map_finish(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_was_added),
		cmocka_unit_test(test_kind_and_length_tell_keys_apart),
		cmocka_unit_test(test_first_value_stays),
		cmocka_unit_test(test_values_stay_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
