/* SPDX-License-Identifier: MIT */
/* protocol/arena: alignment, zeroing, limits, what a reset keeps. */
#include "protocol/arena.h"
#include "protocol/limits.h"

#include "tests/unit/sl_test.h"

#include <string.h>

static void assert_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		assert_int_equal(bytes[i], 0);
	}
}

static void test_memory_is_aligned_zeroed_and_apart(void **state)
{
	struct sl_arena arena;
	uint8_t *at[200];

	sl_arena_init(&arena, 1u << 20);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 200; i++) {
			at[i] = sl_arena_alloc(&arena, i);
			assert_non_null(at[i]);
			assert_int_equal((uintptr_t)at[i] % 16, 0);
			assert_zero(at[i], i);
			memset(at[i], (int)i + 1, i);
		}
		for (size_t i = 0; i < 200; i++) {
			for (size_t k = 0; k < i; k++) {
				assert_int_equal(at[i][k], (uint8_t)(i + 1));
			}
		}
		sl_arena_reset(&arena);
	}
	sl_arena_finish(&arena);
}

static void test_limit_holds_exactly(void **state)
{
	struct sl_arena arena;

	sl_arena_init(&arena, 4096);
	assert_null(sl_arena_alloc(&arena, 4097));
	assert_null(sl_arena_alloc(&arena, SIZE_MAX));
	assert_null(sl_arena_alloc(&arena, SIZE_MAX - 8));
	assert_non_null(sl_arena_alloc(&arena, 4096 - 16));
	assert_non_null(sl_arena_alloc(&arena, 1)); /* takes 16 */
	assert_null(sl_arena_alloc(&arena, 1));
	assert_null(sl_arena_alloc(&arena, 0));
	sl_arena_reset(&arena);
	assert_non_null(sl_arena_alloc(&arena, 4096));
	sl_arena_finish(&arena);
}

static void test_empty_allocations_count(void **state)
{
	struct sl_arena arena;
	int count = 0;

	sl_arena_init(&arena, 1024);
	while (sl_arena_alloc(&arena, 0) != NULL) {
		count++;
	}
	assert_int_equal(count, 64);
	sl_arena_finish(&arena);
}

static void test_large_allocation_leaves_head_in_use(void **state)
{
	struct sl_arena arena;

	sl_arena_init(&arena, 64u << 20);
	uint8_t *small = sl_arena_alloc(&arena, 64);
	uint8_t *large = sl_arena_alloc(&arena, 8u << 20);
	uint8_t *next = sl_arena_alloc(&arena, 64);

	assert_non_null(small);
	assert_non_null(large);
	assert_zero(large, 8u << 20);
	memset(large, 0xff, 8u << 20);
	assert_true(next > small && next < small + 1024);
	sl_arena_finish(&arena);
}

static void test_reset_keeps_a_bounded_block(void **state)
{
	struct sl_arena arena;

	sl_arena_init(&arena, 64u << 20);
	assert_non_null(sl_arena_alloc(&arena, 32u << 20));
	sl_arena_reset(&arena);
	assert_null(arena.blocks);

	for (int i = 0; i < 1000; i++) {
		assert_non_null(sl_arena_alloc(&arena, 3000));
	}
	sl_arena_reset(&arena);
	const struct sl_arena_block *kept = arena.blocks;
	assert_non_null(kept);
	for (int i = 0; i < 100; i++) {
		uint8_t *bytes = sl_arena_alloc(&arena, 3000);

		assert_zero(bytes, 3000);
		memset(bytes, 0xff, 3000);
	}
	assert_ptr_equal(arena.blocks, kept);
	sl_arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_aligned_zeroed_and_apart),
		cmocka_unit_test(test_limit_holds_exactly),
		cmocka_unit_test(test_empty_allocations_count),
		cmocka_unit_test(test_large_allocation_leaves_head_in_use),
		cmocka_unit_test(test_reset_keeps_a_bounded_block),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
