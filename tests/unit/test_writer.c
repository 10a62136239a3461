/* SPDX-License-Identifier: MIT */
/* protocol/writer: bytes on the wire, and that the reader gets back what was written. */
#include "protocol/reader.h"
#include "protocol/writer.h"

#include "tests/unit/sl_test.h"

static void test_layout(void **state)
{
	uint8_t bytes[28];
	struct sl_writer out = { .cur = bytes, .end = bytes + sizeof(bytes) };
	const uint8_t expected[28] = { 4, 3, 2, 1, 8, 7, 6,   5,   4, 3, 2, 1, 'a', 'b',
				       0, 0, 3, 0, 0, 0, 'x', 'y', 0, 0, 9, 0, 0,   0 };

	memset(bytes, 0xff, sizeof(bytes));
	sl_writer_u32(&out, 0x01020304);
	sl_writer_u64(&out, 0x0102030405060708ull);
	sl_writer_bytes(&out, "ab", 2);
	sl_writer_bytes(&out, NULL, 0);
	sl_writer_string(&out, "xy");
	sl_writer_u32(&out, 9);
	assert_ptr_equal(out.cur, out.end);
	assert_memory_equal(bytes, expected, sizeof(bytes));
}

static void test_predicted_sizes(void **state)
{
	uint8_t bytes[64];
	const char *strings[] = { "", "a", "ab", "abc", "abcd" };

	for (size_t size = 0; size < 10; size++) {
		struct sl_writer out = { .cur = bytes, .end = bytes + sizeof(bytes) };

		sl_writer_bytes(&out, "0123456789", size);
		assert_int_equal(out.cur - bytes, sl_writer_bytes_size(size));
		assert_int_equal(sl_writer_bytes_size(size) % 4, 0);
	}
	for (size_t i = 0; i < 5; i++) {
		struct sl_writer out = { .cur = bytes, .end = bytes + sizeof(bytes) };

		sl_writer_string(&out, strings[i]);
		assert_int_equal(out.cur - bytes, sl_writer_string_size(strings[i]));
	}
}

static void test_reader_gets_it_back(void **state)
{
	uint8_t bytes[64];
	uint8_t copy[7];
	struct sl_arena arena;

	for (size_t size = 0; size <= sizeof(copy); size++) {
		struct sl_writer out = { .cur = bytes, .end = bytes + sizeof(bytes) };

		sl_writer_u64(&out, size);
		sl_writer_bytes(&out, "abcdefg", size);
		sl_writer_string(&out, "hello");
		sl_arena_init(&arena, 4096);
		struct sl_reader in = { .cur = bytes, .end = out.cur, .arena = &arena };
		assert_int_equal(sl_reader_u64(&in), size);
		sl_reader_bytes(&in, copy, size);
		assert_memory_equal(copy, "abcdefg", size);
		assert_string_equal(sl_reader_string(&in), "hello");
		assert_false(sl_reader_failed(&in));
		assert_ptr_equal(in.cur, in.end);
		sl_arena_finish(&arena);
	}
}

static void test_handles_become_ids(void **state)
{
	struct sl_handle object = { .id = 0x5000001 };
	uint8_t bytes[16];
	struct sl_writer out = { .cur = bytes, .end = bytes + sizeof(bytes) };
	uint64_t ids[2];

	sl_writer_handle(&out, (uint64_t)(uintptr_t)&object);
	sl_writer_handle(&out, 0);
	memcpy(ids, bytes, sizeof(ids));
	assert_true(ids[0] == 0x5000001);
	assert_true(ids[1] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_predicted_sizes),
		cmocka_unit_test(test_reader_gets_it_back),
		cmocka_unit_test(test_handles_become_ids),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
