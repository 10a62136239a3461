/* SPDX-License-Identifier: MIT */
/* The guest's memory table. */
#include "host/base/fd.h"
#include "host/vgpu/guest_ram.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void test_addresses_are_found(void **state)
{
	struct fake_guest guest;
	uint64_t size = 0;
	uint64_t offset = 0;
	int fd = -1;

	fake_guest_init(&guest);
	uint8_t *at = sl_guest_ram_at(&guest.ram, FAKE_RAM_ADDR + 16, &size);
	assert_non_null(at);
	assert_int_equal(size, FAKE_RAM_SPLIT - 16);
	*at = 42;
	assert_int_equal(guest.memory[16], 42);
	assert_null(sl_guest_ram_at(&guest.ram, FAKE_RAM_ADDR - 1, &size));
	assert_null(sl_guest_ram_at(&guest.ram, FAKE_RAM_ADDR + FAKE_RAM_SIZE, &size));
	assert_int_equal(sl_guest_ram_locate(&guest.ram, FAKE_RAM_ADDR + FAKE_RAM_SPLIT + 5, &fd,
					     &offset, &size),
			 0);
	assert_int_equal(offset, FAKE_RAM_SPLIT + 5);
	assert_true(fd >= 0);
	assert_int_equal(sl_guest_ram_locate(&guest.ram, 0, &fd, &offset, &size), -EFAULT);
	fake_guest_finish(&guest);
}

static void test_user_addresses_stay_in_one_slot(void **state)
{
	struct fake_guest guest;

	fake_guest_init(&guest);
	assert_ptr_not_equal(sl_guest_ram_at_user(&guest.ram, FAKE_USER_ADDR, FAKE_RAM_SPLIT),
			     NULL);
	assert_null(sl_guest_ram_at_user(&guest.ram, FAKE_USER_ADDR, FAKE_RAM_SPLIT + 1));
	assert_null(sl_guest_ram_at_user(&guest.ram, FAKE_USER_ADDR + 1, UINT64_MAX));
	assert_null(sl_guest_ram_at_user(&guest.ram, 0, 1));
	assert_non_null(sl_guest_ram_at_user(&guest.ram, FAKE_USER_ADDR + FAKE_USER_GAP, 1));
	fake_guest_finish(&guest);
}

static void test_copies_cross_slots(void **state)
{
	struct fake_guest guest;
	const uint64_t seam = FAKE_RAM_ADDR + FAKE_RAM_SPLIT;
	char text[12] = { 0 };

	fake_guest_init(&guest);
	assert_true(sl_guest_ram_contains(&guest.ram, FAKE_RAM_ADDR, FAKE_RAM_SIZE));
	assert_false(sl_guest_ram_contains(&guest.ram, FAKE_RAM_ADDR, FAKE_RAM_SIZE + 1));
	assert_false(sl_guest_ram_contains(&guest.ram, FAKE_RAM_ADDR + 1, UINT64_MAX));
	assert_int_equal(sl_guest_ram_write(&guest.ram, seam - 6, "across slots", 12), 0);
	assert_int_equal(sl_guest_ram_read(&guest.ram, seam - 6, text, 12), 0);
	assert_memory_equal(text, "across slots", 12);
	assert_memory_equal(guest.memory + FAKE_RAM_SPLIT - 6, "across slots", 12);
	assert_int_equal(sl_guest_ram_read(&guest.ram, FAKE_RAM_ADDR + FAKE_RAM_SIZE - 2, text, 3),
			 -EFAULT);
	fake_guest_finish(&guest);
}

static int try_slot(struct fake_guest *guest, uint64_t guest_addr, uint64_t size,
		    uint64_t user_addr, uint64_t fd_offset)
{
	struct sl_guest_ram_slot slot = { guest_addr, size, user_addr, fd_offset };

	return sl_guest_ram_add(&guest->ram, &slot, dup(guest->fd));
}

static void test_bad_slots_are_refused(void **state)
{
	struct fake_guest guest;
	struct sl_guest_ram_slot slot = { FAKE_RAM_ADDR, FAKE_RAM_SPLIT, FAKE_USER_ADDR, 0 };

	fake_guest_init(&guest);
	assert_int_equal(try_slot(&guest, 1ull << 40, 0, 1, 0), -EINVAL);
	assert_int_equal(try_slot(&guest, UINT64_MAX - 0xfff, 0x2000, 1, 0), -EINVAL);
	assert_int_equal(try_slot(&guest, 1ull << 40, 0x1000, UINT64_MAX, 0), -EINVAL);
	assert_int_equal(try_slot(&guest, 1ull << 40, 0x1000, 1, UINT64_MAX), -EINVAL);
	/* Past the end of its descriptor. */
	assert_int_equal(try_slot(&guest, 1ull << 40, 0x1000, 1, FAKE_RAM_SIZE), -EINVAL);
	assert_int_equal(try_slot(&guest, 1ull << 40, FAKE_RAM_SIZE + 1, 1, 0), -EINVAL);
	/* Over another slot, in either space. */
	assert_int_equal(try_slot(&guest, FAKE_RAM_ADDR - 1, 2, 1, 0), -EINVAL);
	assert_int_equal(try_slot(&guest, 1ull << 40, 0x1000, FAKE_USER_ADDR + 5, 0), -EINVAL);
	assert_int_equal(sl_guest_ram_add(&guest.ram, &slot, -1), -EINVAL);

	assert_int_equal(sl_guest_ram_remove(&guest.ram, &slot), 0);
	assert_int_equal(sl_guest_ram_remove(&guest.ram, &slot), -ENOENT);
	assert_false(sl_guest_ram_contains(&guest.ram, FAKE_RAM_ADDR, 1));
	assert_true(sl_guest_ram_contains(&guest.ram, FAKE_RAM_ADDR + FAKE_RAM_SPLIT, 1));
	assert_true(sl_guest_ram_add(&guest.ram, &slot, -1) < 0);
	fake_guest_finish(&guest);
}

static void test_offsets_need_no_alignment(void **state)
{
	struct fake_guest guest;
	uint64_t size;

	fake_guest_init(&guest);
	guest.memory[0x123] = 7;
	assert_int_equal(try_slot(&guest, 1ull << 40, 0x100, 1, 0x123), 0);
	assert_int_equal(*(uint8_t *)sl_guest_ram_at(&guest.ram, 1ull << 40, &size), 7);
	assert_int_equal(size, 0x100);
	fake_guest_finish(&guest);
}

static void test_table_has_a_cap(void **state)
{
	struct fake_guest guest;
	int r = 0;

	fake_guest_init(&guest);
	for (uint64_t i = 0; i < SL_GUEST_RAM_MAX_SLOTS && r == 0; i++) {
		r = try_slot(&guest, (1ull << 40) + (i << 12), 0x1000, (1ull << 40) + (i << 12), 0);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(guest.ram.count, SL_GUEST_RAM_MAX_SLOTS);
	sl_guest_ram_clear(&guest.ram);
	assert_int_equal(guest.ram.count, 0);
	fake_guest_finish(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_are_found),
		cmocka_unit_test(test_user_addresses_stay_in_one_slot),
		cmocka_unit_test(test_copies_cross_slots),
		cmocka_unit_test(test_bad_slots_are_refused),
		cmocka_unit_test(test_offsets_need_no_alignment),
		cmocka_unit_test(test_table_has_a_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
