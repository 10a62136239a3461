/* SPDX-License-Identifier: MIT */
/* The device's end of a split virtqueue, with guests that keep the rules and guests that do not. */
#include "host/vgpu/virtqueue.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <string.h>

#define NEXT	 VRING_DESC_F_NEXT
#define WRITE	 VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

struct fixture {
	struct fake_guest guest;
	struct sl_virtqueue queue;
	struct sl_chain chain;
};

static int start(struct fixture *f, bool event_idx)
{
	struct sl_virtqueue_layout layout = fake_guest_layout(&f->guest, event_idx);

	return sl_virtqueue_start(&f->queue, &layout, 0);
}

static void init(struct fixture *f, bool event_idx)
{
	memset(f, 0, sizeof(*f));
	fake_guest_init(&f->guest);
	sl_virtqueue_init(&f->queue, &f->guest.ram);
	assert_int_equal(start(f, event_idx), 0);
}

static void finish(struct fixture *f)
{
	sl_chain_finish(&f->chain);
	sl_virtqueue_finish(&f->queue);
	fake_guest_finish(&f->guest);
}

static void put(struct fixture *f, uint16_t index, uint64_t addr, uint32_t size, uint16_t flags,
		uint16_t next)
{
	f->guest.desc[index] =
		(struct vring_desc){ .addr = addr, .len = size, .flags = flags, .next = next };
}

static int pop(struct fixture *f)
{
	return sl_virtqueue_pop(&f->queue, &f->chain);
}

/* The queue is stopped by the guest's fault, and stays so. */
static void assert_broken(struct fixture *f, const char *why)
{
	assert_int_equal(pop(f), -EBADMSG);
	assert_string_equal(f->queue.broken_why, why);
	assert_int_equal(pop(f), -EBADMSG);
}

static void test_chain_is_taken_and_given_back(void **state)
{
	struct fixture f;
	char text[8] = { 0 };

	init(&f, false);
	assert_int_equal(pop(&f), 0);
	put(&f, 3, FAKE_DATA_ADDR, 4, NEXT, 5);
	put(&f, 5, FAKE_DATA_ADDR + 100, 4, NEXT, 4);
	put(&f, 4, FAKE_DATA_ADDR + 200, 16, WRITE, 0);
	memcpy(fake_guest_at(&f.guest, FAKE_DATA_ADDR), "abcd", 4);
	memcpy(fake_guest_at(&f.guest, FAKE_DATA_ADDR + 100), "efgh", 4);
	fake_guest_offer(&f.guest, 3);
	assert_int_equal(pop(&f), 1);
	assert_int_equal(f.chain.head, 3);
	assert_int_equal(f.chain.readable_size, 8);
	assert_int_equal(f.chain.writable_size, 16);
	assert_int_equal(sl_chain_read(&f.chain, &f.guest.ram, 2, text, 6), 0);
	assert_memory_equal(text, "cdefgh", 6);
	assert_int_equal(sl_chain_read(&f.chain, &f.guest.ram, 3, text, 6), -EFAULT);
	assert_int_equal(sl_chain_read(&f.chain, &f.guest.ram, UINT64_MAX, text, 6), -EFAULT);
	assert_int_equal(sl_chain_write(&f.chain, &f.guest.ram, 0, "answer", 6), 6);
	assert_int_equal(sl_chain_write(&f.chain, &f.guest.ram, 14, "answer", 6), 2);
	assert_memory_equal(fake_guest_at(&f.guest, FAKE_DATA_ADDR + 200), "answer", 6);
	sl_virtqueue_push(&f.queue, 3, 6);
	assert_int_equal(f.guest.used->idx, 1);
	assert_int_equal(f.guest.used->ring[0].id, 3);
	assert_int_equal(f.guest.used->ring[0].len, 6);
	assert_int_equal(pop(&f), 0);
	finish(&f);
}

static void test_indices_wrap(void **state)
{
	struct fixture f;

	init(&f, true);
	put(&f, 0, FAKE_DATA_ADDR, 4, 0, 0);
	for (uint32_t i = 0; i < 70000; i++) {
		fake_guest_offer(&f.guest, 0);
		assert_int_equal(pop(&f), 1);
		sl_virtqueue_push(&f.queue, 0, 0);
		assert_int_equal(f.guest.used->idx, (uint16_t)(i + 1));
	}
	finish(&f);
}

static void test_indirect_may_be_longer_than_the_queue(void **state)
{
	const uint32_t count = FAKE_RING_SIZE * 10;
	struct fixture f;

	init(&f, false);
	struct vring_desc *table = fake_guest_at(&f.guest, FAKE_DATA_ADDR);
	for (uint32_t i = 0; i < count; i++) {
		table[i] = (struct vring_desc){
			.addr = FAKE_RAM_ADDR + i,
			.len = 1,
			.flags = (uint16_t)((i + 1 < count ? NEXT : 0) | (i < 100 ? 0 : WRITE)),
			.next = (uint16_t)(i + 1),
		};
	}
	put(&f, 0, FAKE_DATA_ADDR, count * 16, INDIRECT, 0);
	fake_guest_offer(&f.guest, 0);
	assert_int_equal(pop(&f), 1);
	assert_int_equal(f.chain.readable_count, 100);
	assert_int_equal(f.chain.writable_count, count - 100);
	finish(&f);
}

static void test_indirect_may_follow_direct(void **state)
{
	struct fixture f;

	init(&f, false);
	struct vring_desc *table = fake_guest_at(&f.guest, FAKE_DATA_ADDR);
	table[0] = (struct vring_desc){ .addr = FAKE_RAM_ADDR, .len = 8, .flags = WRITE };
	put(&f, 0, FAKE_RAM_ADDR, 5, NEXT, 1);
	put(&f, 1, FAKE_DATA_ADDR, 16, INDIRECT, 0);
	fake_guest_offer(&f.guest, 0);
	assert_int_equal(pop(&f), 1);
	assert_int_equal(f.chain.readable_size, 5);
	assert_int_equal(f.chain.writable_size, 8);
	finish(&f);
}

static void test_loops_end(void **state)
{
	struct fixture f;

	init(&f, false);
	put(&f, 0, FAKE_DATA_ADDR, 4, NEXT, 1);
	put(&f, 1, FAKE_DATA_ADDR, 4, NEXT, 0);
	fake_guest_offer(&f.guest, 0);
	assert_broken(&f, "a chain that loops");
	finish(&f);

	init(&f, false);
	struct vring_desc *table = fake_guest_at(&f.guest, FAKE_DATA_ADDR);
	for (int i = 0; i < 3; i++) {
		table[i] = (struct vring_desc){ .addr = FAKE_RAM_ADDR, .len = 1, .flags = NEXT };
	}
	put(&f, 0, FAKE_DATA_ADDR, 48, INDIRECT, 0);
	fake_guest_offer(&f.guest, 0);
	assert_broken(&f, "a chain that loops");
	finish(&f);
}

static void test_indices_out_of_range(void **state)
{
	struct fixture f;

	init(&f, false);
	fake_guest_offer(&f.guest, FAKE_RING_SIZE);
	assert_broken(&f, "a descriptor index past its table");
	finish(&f);

	init(&f, false);
	put(&f, 0, FAKE_DATA_ADDR, 4, NEXT, 0xffff);
	fake_guest_offer(&f.guest, 0);
	assert_broken(&f, "a descriptor index past its table");
	finish(&f);

	init(&f, false);
	struct vring_desc *table = fake_guest_at(&f.guest, FAKE_DATA_ADDR);
	table[0] = (struct vring_desc){ .addr = FAKE_RAM_ADDR, .len = 1, .flags = NEXT, .next = 1 };
	put(&f, 0, FAKE_DATA_ADDR, 16, INDIRECT, 0);
	fake_guest_offer(&f.guest, 0);
	assert_int_equal(pop(&f), -EBADMSG);
	finish(&f);

	init(&f, false);
	f.guest.avail->idx = FAKE_RING_SIZE + 1;
	assert_broken(&f, "an available index that jumps past the ring");
	finish(&f);
}

static void test_memory_out_of_range(void **state)
{
	const uint64_t end = FAKE_RAM_ADDR + FAKE_RAM_SIZE;
	const struct {
		uint64_t addr;
		uint32_t size;
	} bad[] = {
		{ 0, 1 },
		{ end, 1 },
		{ end - 1, 2 },
		{ UINT64_MAX, 2 },
		{ FAKE_RAM_ADDR, UINT32_MAX },
	};
	struct fixture f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		init(&f, false);
		put(&f, 0, bad[i].addr, bad[i].size, 0, 0);
		fake_guest_offer(&f.guest, 0);
		assert_broken(&f, "a descriptor outside guest memory");
		finish(&f);

		init(&f, false);
		put(&f, 0, bad[i].addr, (bad[i].size & ~15u) + 16, INDIRECT, 0);
		fake_guest_offer(&f.guest, 0);
		assert_int_equal(pop(&f), -EBADMSG);
		finish(&f);
	}
}

static void test_odd_descriptors(void **state)
{
	const struct {
		struct vring_desc desc;
		const char *why;
	} bad[] = {
		{ { FAKE_DATA_ADDR, 0, 0, 0 }, "a descriptor of zero length" },
		{ { FAKE_DATA_ADDR, 0, INDIRECT, 0 },
		  "an indirect table whose length is no multiple of 16" },
		{ { FAKE_DATA_ADDR, 17, INDIRECT, 0 },
		  "an indirect table whose length is no multiple of 16" },
		{ { FAKE_DATA_ADDR, 16, INDIRECT | NEXT, 1 },
		  "an indirect table that is not the last" },
		{ { FAKE_DATA_ADDR, (SL_VIRTQUEUE_MAX_DESCRIPTORS + 1) * 16, INDIRECT, 0 },
		  "an indirect table of too many descriptors" },
	};
	struct fixture f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		init(&f, false);
		f.guest.desc[0] = bad[i].desc;
		fake_guest_offer(&f.guest, 0);
		assert_broken(&f, bad[i].why);
		finish(&f);
	}
	init(&f, false);
	struct vring_desc *table = fake_guest_at(&f.guest, FAKE_DATA_ADDR);
	table[0] = (struct vring_desc){ .addr = FAKE_DATA_ADDR, .len = 16, .flags = INDIRECT };
	put(&f, 0, FAKE_DATA_ADDR, 16, INDIRECT, 0);
	fake_guest_offer(&f.guest, 0);
	assert_broken(&f, "an indirect table inside an indirect table");
	finish(&f);

	init(&f, false);
	put(&f, 0, FAKE_DATA_ADDR, 4, WRITE | NEXT, 1);
	put(&f, 1, FAKE_DATA_ADDR, 4, 0, 0);
	fake_guest_offer(&f.guest, 0);
	assert_broken(&f, "a readable descriptor behind a writable one");
	finish(&f);
}

static void test_one_head_is_not_taken_forever(void **state)
{
	struct fixture f;

	init(&f, false);
	put(&f, 0, FAKE_DATA_ADDR, 4, 0, 0);
	for (uint32_t i = 0; i < FAKE_RING_SIZE; i++) {
		fake_guest_offer(&f.guest, 0);
		assert_int_equal(pop(&f), 1);
	}
	fake_guest_offer(&f.guest, 0);
	assert_broken(&f, "more requests in flight than the ring holds");
	finish(&f);
}

static void test_event_idx_says_when_to_signal(void **state)
{
	struct fixture f;
	uint16_t *used_event;
	uint16_t *avail_event;

	init(&f, true);
	used_event = &f.guest.avail->ring[FAKE_RING_SIZE];
	avail_event = (uint16_t *)(void *)&f.guest.used->ring[FAKE_RING_SIZE];
	put(&f, 0, FAKE_DATA_ADDR, 4, 0, 0);
	assert_false(sl_virtqueue_enable_kick(&f.queue));
	assert_int_equal(*avail_event, 0);
	fake_guest_offer(&f.guest, 0);
	assert_true(sl_virtqueue_enable_kick(&f.queue)); /* it came in between */
	assert_int_equal(pop(&f), 1);
	*used_event = 0;
	sl_virtqueue_push(&f.queue, 0, 0);
	assert_true(sl_virtqueue_should_signal(&f.queue));
	assert_false(sl_virtqueue_should_signal(&f.queue)); /* nothing new */
	*used_event = 3;				    /* not before the fourth */
	for (int i = 1; i < 5; i++) {
		fake_guest_offer(&f.guest, 0);
		assert_int_equal(pop(&f), 1);
		sl_virtqueue_push(&f.queue, 0, 0);
		assert_int_equal(sl_virtqueue_should_signal(&f.queue), i == 3);
	}
	assert_false(sl_virtqueue_enable_kick(&f.queue));
	assert_int_equal(*avail_event, 5);
	finish(&f);
}

static void test_flags_say_when_to_signal(void **state)
{
	struct fixture f;

	init(&f, false);
	assert_true(sl_virtqueue_should_signal(&f.queue));
	f.guest.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	assert_false(sl_virtqueue_should_signal(&f.queue));
	sl_virtqueue_disable_kick(&f.queue);
	assert_int_equal(f.guest.used->flags, VRING_USED_F_NO_NOTIFY);
	assert_false(sl_virtqueue_enable_kick(&f.queue));
	assert_int_equal(f.guest.used->flags, 0);
	finish(&f);
}

static void test_stopped_queue_goes_on(void **state)
{
	struct fixture f;

	init(&f, false);
	put(&f, 0, FAKE_DATA_ADDR, 4, 0, 0);
	fake_guest_offer(&f.guest, 0);
	fake_guest_offer(&f.guest, 0);
	assert_int_equal(pop(&f), 1);
	uint16_t base = sl_virtqueue_stop(&f.queue);
	assert_int_equal(base, 1);
	assert_int_equal(pop(&f), 0);
	assert_false(sl_virtqueue_enable_kick(&f.queue));
	assert_false(sl_virtqueue_should_signal(&f.queue));
	struct sl_virtqueue_layout layout = fake_guest_layout(&f.guest, false);
	layout.base = base;
	assert_int_equal(sl_virtqueue_start(&f.queue, &layout, 1), 0);
	sl_virtqueue_push(&f.queue, 0, 0);
	assert_int_equal(f.guest.used->idx, 1);
	assert_int_equal(pop(&f), 1);
	assert_int_equal(pop(&f), 0);
	finish(&f);
}

static void test_bad_layouts_are_refused(void **state)
{
	struct fixture f;

	init(&f, false);
	struct sl_virtqueue_layout good = fake_guest_layout(&f.guest, false);
	struct sl_virtqueue_layout layout = good;
	const uint32_t sizes[] = { 0, 3, SL_VIRTQUEUE_MAX_SIZE * 2, UINT32_MAX };
	for (size_t i = 0; i < 4; i++) {
		layout.size = sizes[i];
		assert_int_equal(sl_virtqueue_start(&f.queue, &layout, 0), -EINVAL);
	}
	layout = good;
	layout.descriptors = NULL;
	assert_int_equal(sl_virtqueue_start(&f.queue, &layout, 0), -EINVAL);
	layout = good;
	layout.used = (uint8_t *)good.used + 2;
	assert_int_equal(sl_virtqueue_start(&f.queue, &layout, 0), -EINVAL);
	layout = good;
	layout.available = (uint8_t *)good.available + 1;
	assert_int_equal(sl_virtqueue_start(&f.queue, &layout, 0), -EINVAL);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_is_taken_and_given_back),
		cmocka_unit_test(test_indices_wrap),
		cmocka_unit_test(test_indirect_may_be_longer_than_the_queue),
		cmocka_unit_test(test_indirect_may_follow_direct),
		cmocka_unit_test(test_loops_end),
		cmocka_unit_test(test_indices_out_of_range),
		cmocka_unit_test(test_memory_out_of_range),
		cmocka_unit_test(test_odd_descriptors),
		cmocka_unit_test(test_one_head_is_not_taken_forever),
		cmocka_unit_test(test_event_idx_says_when_to_signal),
		cmocka_unit_test(test_flags_say_when_to_signal),
		cmocka_unit_test(test_stopped_queue_goes_on),
		cmocka_unit_test(test_bad_layouts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
