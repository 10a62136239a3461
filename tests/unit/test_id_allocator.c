/* SPDX-License-Identifier: MIT */
/* Wire ids: indices come back, ids do not. */
#include <stdlib.h>

#include "guest-driver/vk/id_allocator.h"
#include "protocol/handle.h"
#include "protocol/limits.h"
#include "tests/unit/sl_test.h"

#define THREAD_COUNT 4
#define ROUNDS	     2000
#define HELD	     8

static void test_first_id_is_not_null(void **state)
{
	struct sl_id_allocator ids;

	(void)state;
	sl_id_allocator_init(&ids);
	uint64_t id = sl_id_allocator_take(&ids);
	assert_int_not_equal(id, 0);
	assert_int_equal(SL_ID_INDEX(id), 1);
	sl_id_allocator_finish(&ids);
}

static void test_index_returns_with_new_serial(void **state)
{
	struct sl_id_allocator ids;

	(void)state;
	sl_id_allocator_init(&ids);
	uint64_t first = sl_id_allocator_take(&ids);
	uint64_t other = sl_id_allocator_take(&ids);
	sl_id_allocator_drop(&ids, first);
	uint64_t again = sl_id_allocator_take(&ids);
	assert_int_equal(SL_ID_INDEX(again), SL_ID_INDEX(first));
	assert_int_not_equal(again, first);
	assert_int_not_equal(SL_ID_INDEX(again), SL_ID_INDEX(other));
	sl_id_allocator_finish(&ids);
}

static void test_all_indices_then_none(void **state)
{
	struct sl_id_allocator ids;
	uint64_t last = 0;

	(void)state;
	sl_id_allocator_init(&ids);
	for (uint32_t i = 1; i < SL_MAX_OBJECTS; i++) {
		last = sl_id_allocator_take(&ids);
		assert_int_equal(SL_ID_INDEX(last), i);
	}
	assert_int_equal(sl_id_allocator_take(&ids), 0);
	sl_id_allocator_drop(&ids, last);
	assert_int_equal(SL_ID_INDEX(sl_id_allocator_take(&ids)), SL_ID_INDEX(last));
	assert_int_equal(sl_id_allocator_take(&ids), 0);
	sl_id_allocator_finish(&ids);
}

struct worker {
	pthread_t thread;
	struct sl_id_allocator *ids;
	uint64_t highest;
};

static void *run_worker(void *data)
{
	struct worker *worker = data;
	uint64_t held[HELD] = { 0 };

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t *at = &held[i % HELD];
		if (*at != 0) {
			sl_id_allocator_drop(worker->ids, *at);
		}
		*at = sl_id_allocator_take(worker->ids);
		if (SL_ID_INDEX(*at) > worker->highest) {
			worker->highest = SL_ID_INDEX(*at);
		}
	}
	return NULL;
}

static void test_threads_share_few_indices(void **state)
{
	struct sl_id_allocator ids;
	struct worker workers[THREAD_COUNT];

	(void)state;
	sl_id_allocator_init(&ids);
	for (int i = 0; i < THREAD_COUNT; i++) {
		workers[i] = (struct worker){ .ids = &ids };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]),
				 0);
	}
	for (int i = 0; i < THREAD_COUNT; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_true(workers[i].highest <= THREAD_COUNT * HELD);
	}
	sl_id_allocator_finish(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_id_is_not_null),
		cmocka_unit_test(test_index_returns_with_new_serial),
		cmocka_unit_test(test_all_indices_then_none),
		cmocka_unit_test(test_threads_share_few_indices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
