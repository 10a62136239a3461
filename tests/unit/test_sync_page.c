/* SPDX-License-Identifier: MIT */
/* protocol/sync_page: layout, sleeping and waking, how a context is told that it is lost. */
#include "protocol/clock.h"
#include "protocol/sync_page.h"

#include "tests/unit/sl_test.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct sl_sync_page *make_page(void)
{
	struct sl_sync_page *sync = aligned_alloc(4096, SL_SYNC_PAGE_SIZE);

	assert_non_null(sync);
	memset(sync, 0, SL_SYNC_PAGE_SIZE);
	return sync;
}

/* Part of the wire: docs/wire-format.md. */
static void test_layout(void **state)
{
	assert_int_equal(offsetof(struct sl_sync_page, wake_seq), 0);
	assert_int_equal(offsetof(struct sl_sync_page, sleepers), 4);
	assert_int_equal(offsetof(struct sl_sync_page, lost), 64);
	assert_int_equal(offsetof(struct sl_sync_page, lost_text), 128);
	assert_int_equal(offsetof(struct sl_sync_page, queues), 512);
	assert_int_equal(sizeof(struct sl_sync_queue), 64);
	assert_true(sizeof(struct sl_sync_page) <= SL_SYNC_PAGE_SIZE);
}

static void test_wake_counts(void **state)
{
	struct sl_sync_page *sync = make_page();

	uint32_t seq = sl_sync_begin_sleep(sync);
	assert_int_equal(atomic_load(&sync->sleepers), 1);
	sl_sync_wake(sync);
	assert_int_equal(sl_sync_load_seq(sync), seq + 1);
	/* Looked before the wake-up: does not sleep. A lost wake-up would take 20 s. */
	uint64_t start_ns = sl_clock_now_ns();
	sl_sync_sleep(sync, seq, 20 * SL_NS_PER_S);
	assert_true(sl_clock_now_ns() - start_ns < 10 * SL_NS_PER_S);
	sl_sync_end_sleep(sync);
	assert_int_equal(atomic_load(&sync->sleepers), 0);
	free(sync);
}

static void test_sleep_ends_by_itself(void **state)
{
	struct sl_sync_page *sync = make_page();
	uint64_t start_ns = sl_clock_now_ns();

	uint32_t seq = sl_sync_begin_sleep(sync);
	sl_sync_sleep(sync, seq, 1000000);
	sl_sync_end_sleep(sync);
	assert_true(sl_clock_now_ns() - start_ns < 10 * SL_NS_PER_S);
	free(sync);
}

static void *sleeper(void *data)
{
	struct sl_sync_page *sync = data;
	uint32_t seq = sl_sync_begin_sleep(sync);

	while (atomic_load_explicit(&sync->queues[3].completed, memory_order_acquire) == 0) {
		sl_sync_sleep(sync, seq, 20 * SL_NS_PER_S);
		seq = sl_sync_load_seq(sync);
	}
	sl_sync_end_sleep(sync);
	return NULL;
}

static void test_all_sleepers_wake(void **state)
{
	struct sl_sync_page *sync = make_page();
	uint64_t start_ns = sl_clock_now_ns();
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, sleeper, sync), 0);
	}
	while (atomic_load(&sync->sleepers) != 4) {
		sl_clock_relax();
	}
	atomic_store_explicit(&sync->queues[3].completed, 1, memory_order_release);
	sl_sync_wake(sync);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_true(sl_clock_now_ns() - start_ns < 10 * SL_NS_PER_S);
	assert_int_equal(atomic_load(&sync->sleepers), 0);
	free(sync);
}

static void test_first_loss_is_kept(void **state)
{
	struct sl_sync_page *sync = make_page();
	uint32_t seq = sl_sync_load_seq(sync);
	char text[2 * SL_SYNC_TEXT_SIZE];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	sl_sync_set_lost(sync, SL_LOST_DEVICE, text);
	assert_int_equal(atomic_load(&sync->lost), SL_LOST_DEVICE);
	assert_int_equal(strlen(sync->lost_text), SL_SYNC_TEXT_SIZE - 1);
	assert_int_equal(sl_sync_load_seq(sync), seq + 1);
	assert_int_equal(atomic_load(&sync->queues[0].completed), 0);

	sl_sync_set_lost(sync, SL_LOST_PROTOCOL, "later");
	assert_int_equal(atomic_load(&sync->lost), SL_LOST_DEVICE);
	assert_int_equal(sync->lost_text[0], 'x');
	free(sync);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_wake_counts),
		cmocka_unit_test(test_sleep_ends_by_itself),
		cmocka_unit_test(test_all_sleepers_wake),
		cmocka_unit_test(test_first_loss_is_kept),
	};

	return cmocka_run_group_tests_name("sync_page", tests, NULL, NULL);
}
