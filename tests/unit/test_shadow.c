/* SPDX-License-Identifier: MIT */
/* The three-way merge of shadowed memory. */
#include "host/replay/shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 4101 /* blocks, and a rest that is no multiple of 8 */

static int setup(void **state)
{
	struct sl_shadow *shadow = malloc(sizeof(*shadow));

	assert_non_null(shadow);
	*shadow = (struct sl_shadow){
		.guest = calloc(1, SIZE),
		.host = calloc(1, SIZE),
		.base = calloc(1, SIZE),
		.size = SIZE,
	};
	assert_true(shadow->guest != NULL && shadow->host != NULL && shadow->base != NULL);
	*state = shadow;
	return 0;
}

static int teardown(void **state)
{
	struct sl_shadow *shadow = *state;

	free(shadow->guest);
	free(shadow->host);
	free(shadow->base);
	free(shadow);
	return 0;
}

static void assert_in_step(const struct sl_shadow *shadow)
{
	assert_memory_equal(shadow->guest, shadow->host, SIZE);
	assert_memory_equal(shadow->guest, shadow->base, SIZE);
}

static void test_nothing_changed(void **state)
{
	struct sl_shadow *shadow = *state;

	assert_int_equal(sl_shadow_to_host(shadow), 0);
	assert_int_equal(sl_shadow_to_guest(shadow), 0);
}

static void test_every_byte_travels(void **state)
{
	struct sl_shadow *shadow = *state;

	for (unsigned int i = 0; i < SIZE; i++) {
		shadow->guest[i] = (uint8_t)(i % 255 + 1);
	}
	assert_int_equal(sl_shadow_to_host(shadow), SIZE);
	assert_in_step(shadow);
	for (unsigned int i = 0; i < SIZE; i++) {
		shadow->host[i] = (uint8_t)~shadow->host[i];
	}
	assert_int_equal(sl_shadow_to_guest(shadow), SIZE);
	assert_in_step(shadow);
}

static void test_single_bytes_travel(void **state)
{
	struct sl_shadow *shadow = *state;

	for (unsigned int i = 0; i < SIZE; i++) {
		shadow->guest[i] = 1;
		assert_int_equal(sl_shadow_to_host(shadow), 1);
		shadow->host[i] = 2;
		assert_int_equal(sl_shadow_to_guest(shadow), 1);
		assert_int_equal(shadow->guest[i], 2);
	}
	assert_in_step(shadow);
}

static void test_changed_back_travels(void **state)
{
	struct sl_shadow *shadow = *state;

	shadow->guest[100] = 5;
	assert_int_equal(sl_shadow_to_host(shadow), 1);
	shadow->guest[100] = 0;
	assert_int_equal(sl_shadow_to_host(shadow), 1);
	assert_in_step(shadow);
}

/* The CPU and the GPU write neighbouring bytes of one word: both arrive. */
static void test_neighbours_do_not_disturb(void **state)
{
	struct sl_shadow *shadow = *state;

	shadow->guest[64] = 1;
	shadow->guest[66] = 3;
	shadow->host[65] = 2;
	shadow->host[67] = 4;
	assert_int_equal(sl_shadow_to_host(shadow), 2);
	assert_int_equal(sl_shadow_to_guest(shadow), 2);
	assert_in_step(shadow);
	assert_memory_equal(shadow->guest + 64, "\1\2\3\4", 4);
}

/* What the GPU wrote and the guest did not touch is not taken back by a submission. */
static void test_submission_keeps_results(void **state)
{
	struct sl_shadow *shadow = *state;

	memset(shadow->host, 7, SIZE);
	assert_int_equal(sl_shadow_to_host(shadow), 0);
	assert_int_equal(shadow->host[SIZE - 1], 7);
	assert_int_equal(sl_shadow_to_guest(shadow), SIZE);
	assert_in_step(shadow);
}

static void test_random_disjoint_writes(void **state)
{
	struct sl_shadow *shadow = *state;
	uint8_t expected[SIZE] = { 0 };
	uint32_t seed = 1;

	for (unsigned int round = 0; round < 50; round++) {
		for (unsigned int i = 0; i < 200; i++) {
			seed = seed * 1664525u + 1013904223u;
			unsigned int at = (seed >> 8) % SIZE;
			uint8_t *side = (at & 1) != 0 ? shadow->guest : shadow->host;

			side[at] = expected[at] = (uint8_t)(seed >> 24);
		}
		sl_shadow_to_host(shadow);
		sl_shadow_to_guest(shadow);
		assert_in_step(shadow);
		assert_memory_equal(shadow->guest, expected, SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_byte_travels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_single_bytes_travel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_back_travels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_neighbours_do_not_disturb, setup, teardown),
		cmocka_unit_test_setup_teardown(test_submission_keeps_results, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_disjoint_writes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
