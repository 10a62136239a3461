/* SPDX-License-Identifier: MIT */
/* protocol/ring: both ends on one memory, and what happens when the other end lies. */
#include "protocol/limits.h"
#include "protocol/ring.h"

#include "tests/unit/sl_test.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define SIZE SL_RING_MIN_SIZE

struct fixture {
	void *memory;
	struct sl_ring producer;
	struct sl_ring consumer;
	uint8_t *bytes; /* 2 * SIZE of some pattern */
	uint8_t *copy;	/* as many */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->memory = aligned_alloc(4096, sl_ring_memory_size(SIZE));
	f->bytes = malloc(2 * SIZE);
	f->copy = malloc(2 * SIZE);
	assert_true(f->memory != NULL && f->bytes != NULL && f->copy != NULL);
	memset(f->memory, 0, sl_ring_memory_size(SIZE));
	for (size_t i = 0; i < 2 * SIZE; i++) {
		f->bytes[i] = (uint8_t)(i * 7 + i / 251);
	}
	sl_ring_init(&f->producer, f->memory, SIZE);
	sl_ring_init(&f->consumer, f->memory, SIZE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->memory);
	free(f->bytes);
	free(f->copy);
	free(f);
	return 0;
}

static size_t write_bytes(struct fixture *f, const void *data, size_t size)
{
	size_t written = 99;

	assert_int_equal(sl_ring_write(&f->producer, data, size, &written), 0);
	return written;
}

static size_t read_bytes(struct fixture *f, size_t capacity)
{
	size_t count = 99;

	assert_int_equal(sl_ring_read(&f->consumer, f->copy, capacity, &count), 0);
	return count;
}

static void test_sizes(void **state)
{
	assert_false(sl_ring_size_is_valid(0));
	assert_false(sl_ring_size_is_valid(SL_RING_MIN_SIZE / 2));
	assert_false(sl_ring_size_is_valid(SL_RING_MIN_SIZE + 8));
	assert_false(sl_ring_size_is_valid(SL_RING_MAX_SIZE * 2));
	assert_true(sl_ring_size_is_valid(SL_RING_MIN_SIZE));
	assert_true(sl_ring_size_is_valid(SL_RING_DEFAULT_SIZE));
	assert_true(sl_ring_size_is_valid(SL_RING_MAX_SIZE));
	assert_int_equal(sl_ring_memory_size(SIZE) % 4096, 0);
}

static void test_empty_ring_has_nothing(void **state)
{
	struct fixture *f = *state;

	assert_true(sl_ring_is_empty(&f->consumer));
	assert_int_equal(read_bytes(f, SIZE), 0);
}

static void test_nothing_is_seen_before_publish(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write_bytes(f, f->bytes, 24), 24);
	assert_true(sl_ring_is_empty(&f->consumer));
	assert_int_equal(read_bytes(f, SIZE), 0);
	assert_false(sl_ring_publish(&f->producer));
	assert_false(sl_ring_is_empty(&f->consumer));
	assert_int_equal(read_bytes(f, SIZE), 24);
	assert_memory_equal(f->copy, f->bytes, 24);
	assert_true(sl_ring_is_empty(&f->consumer));
}

static void test_full_ring_takes_no_more(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write_bytes(f, f->bytes, SIZE + 8), SIZE);
	sl_ring_publish(&f->producer);
	assert_int_equal(write_bytes(f, f->bytes, 8), 0);
	assert_false(sl_ring_has_space_or_arm(&f->producer));

	/* Reading alone makes no space: the consumer may still be copying. */
	assert_int_equal(read_bytes(f, 16), 16);
	assert_int_equal(write_bytes(f, f->bytes, 8), 0);
	assert_true(sl_ring_release(&f->consumer)); /* the producer waits */
	assert_true(sl_ring_has_space_or_arm(&f->producer));
	assert_int_equal(write_bytes(f, f->bytes + SIZE, 24), 16);
	sl_ring_publish(&f->producer);
	assert_int_equal(read_bytes(f, 2 * SIZE), SIZE);
	assert_memory_equal(f->copy, f->bytes + 16, SIZE - 16);
	assert_memory_equal(f->copy + SIZE - 16, f->bytes + SIZE, 16);
}

static void test_wrap_keeps_order(void **state)
{
	struct fixture *f = *state;
	size_t at = 0;

	/* Pieces that do not divide the ring, over many rounds, and over 2^32 bytes. */
	atomic_store(&f->producer.shared->head, UINT32_MAX - 3 * SIZE + 1);
	atomic_store(&f->producer.shared->tail, UINT32_MAX - 3 * SIZE + 1);
	f->producer.own = f->producer.other = UINT32_MAX - 3 * SIZE + 1;
	f->consumer.own = f->consumer.other = f->producer.own;
	for (int i = 0; i < 1000; i++) {
		size_t size = 8 + (size_t)i * 88 % 4096;

		assert_int_equal(write_bytes(f, f->bytes + at % SIZE, size), size);
		sl_ring_publish(&f->producer);
		assert_int_equal(read_bytes(f, 2 * SIZE), size);
		assert_memory_equal(f->copy, f->bytes + at % SIZE, size);
		assert_false(sl_ring_release(&f->consumer));
		at += size;
	}
	assert_true(f->producer.own < UINT32_MAX / 2); /* it went over 2^32 */
}

static void test_null_writes_zeros(void **state)
{
	struct fixture *f = *state;
	const uint8_t zeros[64] = { 0 };

	memset(f->producer.data, 0xff, SIZE);
	assert_int_equal(write_bytes(f, NULL, 64), 64);
	sl_ring_publish(&f->producer);
	assert_int_equal(read_bytes(f, SIZE), 64);
	assert_memory_equal(f->copy, zeros, 64);
}

static void test_capacity_bounds_a_read(void **state)
{
	struct fixture *f = *state;

	write_bytes(f, f->bytes, 100);
	sl_ring_publish(&f->producer);
	assert_int_equal(read_bytes(f, 40), 40);
	assert_int_equal(read_bytes(f, 0), 0);
	assert_int_equal(read_bytes(f, 100), 60);
	assert_memory_equal(f->copy, f->bytes + 40, 60);
}

static void expect_bad_head(struct fixture *f, uint32_t head)
{
	size_t count = 99;

	atomic_store(&f->consumer.shared->head, head);
	memset(f->copy, 0xaa, 2 * SIZE);
	assert_int_equal(sl_ring_read(&f->consumer, f->copy, 2 * SIZE, &count), -EBADMSG);
	assert_int_equal(count, 99);
	assert_int_equal(f->copy[0], 0xaa);
}

static void test_hostile_head(void **state)
{
	struct fixture *f = *state;

	expect_bad_head(f, SIZE + 1);
	expect_bad_head(f, UINT32_MAX);
	expect_bad_head(f, 1u << 31);
	atomic_store(&f->consumer.shared->head, SIZE);
	assert_int_equal(read_bytes(f, 64), 64);
	expect_bad_head(f, SIZE - 8);	   /* behind where it was, though ahead of the consumer */
	expect_bad_head(f, 8);		   /* behind the consumer */
	expect_bad_head(f, SIZE + 64 + 1); /* too far ahead of it */
	atomic_store(&f->consumer.shared->head, SIZE + 64);
	assert_int_equal(read_bytes(f, 2 * SIZE), SIZE);
}

static void expect_bad_tail(struct fixture *f, uint32_t tail)
{
	size_t written = 99;
	uint32_t own = f->producer.own;

	atomic_store(&f->producer.shared->tail, tail);
	assert_int_equal(sl_ring_write(&f->producer, f->bytes, SIZE, &written), -EBADMSG);
	assert_int_equal(written, 99);
	assert_int_equal(f->producer.own, own);
	/* It does not make the producer wait either. */
	assert_true(sl_ring_has_space_or_arm(&f->producer));
}

static void test_hostile_tail(void **state)
{
	struct fixture *f = *state;

	write_bytes(f, f->bytes, SIZE);
	sl_ring_publish(&f->producer);
	atomic_store(&f->producer.shared->tail, 64);
	assert_int_equal(write_bytes(f, f->bytes, 128), 64); /* own is SIZE + 64 now */
	expect_bad_tail(f, SIZE + 64 + 1);		     /* ahead of the producer */
	expect_bad_tail(f, UINT32_MAX);
	expect_bad_tail(f, 1u << 31);
	expect_bad_tail(f, 8); /* behind where it was */
	atomic_store(&f->producer.shared->tail, SIZE + 64);
	assert_int_equal(write_bytes(f, f->bytes, SIZE), SIZE);
}

static void test_doorbell_is_asked_for_once_per_sleep(void **state)
{
	struct fixture *f = *state;

	assert_true(sl_ring_prepare_sleep(&f->consumer));
	write_bytes(f, f->bytes, 8);
	assert_true(sl_ring_publish(&f->producer));
	write_bytes(f, f->bytes, 8);
	assert_false(sl_ring_publish(&f->producer));
	sl_ring_end_sleep(&f->consumer);
	assert_int_equal(read_bytes(f, 64), 16);

	assert_true(sl_ring_prepare_sleep(&f->consumer));
	sl_ring_end_sleep(&f->consumer);
	write_bytes(f, f->bytes, 8);
	assert_false(sl_ring_publish(&f->producer));
	/* Work arrived between looking and going to sleep. */
	assert_false(sl_ring_prepare_sleep(&f->consumer));
}

static void test_waiting_producer_is_woken_once(void **state)
{
	struct fixture *f = *state;

	write_bytes(f, f->bytes, SIZE);
	sl_ring_publish(&f->producer);
	assert_false(sl_ring_has_space_or_arm(&f->producer));
	assert_false(sl_ring_has_space_or_arm(&f->producer));
	read_bytes(f, 64);
	assert_true(sl_ring_release(&f->consumer));
	read_bytes(f, 64);
	assert_false(sl_ring_release(&f->consumer));
	assert_true(sl_ring_has_space_or_arm(&f->producer));
	read_bytes(f, 64);
	assert_false(sl_ring_release(&f->consumer));
}

/* Ends that share their CPUs know whether they share one; the others never believe so. */
static void test_ends_on_one_cpu_know_it(void **state)
{
	struct fixture *f = *state;
	cpu_set_t all;
	cpu_set_t one;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);

	sl_ring_publish(&f->producer);
	assert_false(sl_ring_other_is_here(&f->consumer));
	sl_ring_share_cpus(&f->consumer, false);
	sl_ring_publish(&f->producer);
	sl_ring_release(&f->consumer);
	assert_false(sl_ring_other_is_here(&f->consumer));
	assert_false(sl_ring_other_is_here(&f->producer));
	sl_ring_share_cpus(&f->producer, true);
	assert_true(sl_ring_other_is_here(&f->producer));
	assert_false(sl_ring_other_is_here(&f->consumer));
	sl_ring_publish(&f->producer);
	assert_true(sl_ring_other_is_here(&f->consumer));
	f->producer.shared->producer_cpu++;
	assert_false(sl_ring_other_is_here(&f->consumer));

	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test_setup_teardown(test_empty_ring_has_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_is_seen_before_publish, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_full_ring_takes_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrap_keeps_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_null_writes_zeros, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_capacity_bounds_a_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_head, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends_on_one_cpu_know_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_tail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_doorbell_is_asked_for_once_per_sleep, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_waiting_producer_is_woken_once, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
