/* SPDX-License-Identifier: MIT */
/* protocol/reader: every way in which a message can be shorter or other than it claims. */
#include "protocol/limits.h"
#include "protocol/reader.h"

#include "tests/unit/sl_test.h"

#include <stdlib.h>

struct fixture {
	struct sl_arena arena;
	struct sl_reader in;
	uint8_t *bytes; /* exactly as long as the message, so that ASan sees what is read past it */
};

static void start(struct fixture *f, const void *data, size_t size)
{
	sl_arena_init(&f->arena, 1u << 20);
	f->bytes = malloc(size > 0 ? size : 1);
	assert_non_null(f->bytes);
	memcpy(f->bytes, data, size);
	f->in = (struct sl_reader){ .cur = f->bytes, .end = f->bytes + size, .arena = &f->arena };
}

static void end(struct fixture *f)
{
	sl_arena_finish(&f->arena);
	free(f->bytes);
}

static void test_scalars(void **state)
{
	const uint32_t words[] = { 7, 0x89abcdef, 0x01234567 };
	struct fixture f;

	start(&f, words, sizeof(words));
	assert_int_equal(sl_reader_u32(&f.in), 7);
	assert_true(sl_reader_u64(&f.in) == 0x0123456789abcdefull);
	assert_false(sl_reader_failed(&f.in));
	assert_int_equal(sl_reader_u32(&f.in), 0);
	assert_string_equal(f.in.why, "message is truncated");
	end(&f);
}

static void test_failed_reader_yields_zeros_and_keeps_first_reason(void **state)
{
	const uint32_t words[] = { 1, 2, 3, 4, 5, 6 };
	uint8_t copy[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct fixture f;

	start(&f, words, sizeof(words));
	assert_int_equal(sl_reader_u32(&f.in), 1);
	sl_reader_fail(&f.in, "first");
	sl_reader_fail(&f.in, "second");
	assert_int_equal(sl_reader_u32(&f.in), 0);
	assert_int_equal(sl_reader_u64(&f.in), 0);
	assert_int_equal(sl_reader_count(&f.in, 100, 1), 0);
	assert_null(sl_reader_string(&f.in));
	assert_null(sl_reader_alloc(&f.in, 1, 1));
	assert_int_equal(sl_reader_handle(&f.in, 1, true), 0);
	assert_int_equal(sl_reader_new_handle(&f.in, 1), 0);
	sl_reader_bytes(&f.in, copy, sizeof(copy));
	for (size_t i = 0; i < sizeof(copy); i++) {
		assert_int_equal(copy[i], 0);
	}
	assert_string_equal(f.in.why, "first");
	end(&f);
}

static void test_u64_does_not_read_half(void **state)
{
	const uint32_t words[] = { 1 };
	struct fixture f;

	start(&f, words, sizeof(words));
	assert_int_equal(sl_reader_u64(&f.in), 0);
	assert_true(sl_reader_failed(&f.in));
	end(&f);
}

static void test_bytes_skip_padding(void **state)
{
	const uint8_t data[] = { 1, 2, 3, 4, 5, 0, 0, 0, 9, 0, 0, 0 };
	uint8_t copy[5];
	struct fixture f;

	start(&f, data, sizeof(data));
	sl_reader_bytes(&f.in, NULL, 0);
	sl_reader_bytes(&f.in, copy, 5);
	assert_memory_equal(copy, data, 5);
	assert_int_equal(sl_reader_u32(&f.in), 9);
	assert_false(sl_reader_failed(&f.in));
	end(&f);

	/* The bytes are there, the padding is not. */
	start(&f, data, 7);
	sl_reader_bytes(&f.in, copy, 5);
	assert_true(sl_reader_failed(&f.in));
	assert_int_equal(copy[0], 0);
	end(&f);
}

static void test_huge_sizes_fail(void **state)
{
	const uint32_t words[] = { 1, 2 };
	struct fixture f;

	start(&f, words, sizeof(words));
	assert_null(sl_reader_take(&f.in, SIZE_MAX));
	assert_true(sl_reader_failed(&f.in));
	end(&f);
	start(&f, words, sizeof(words));
	assert_null(sl_reader_alloc(&f.in, SIZE_MAX / 2, 4));
	assert_string_equal(f.in.why, "array size overflows");
	end(&f);
	start(&f, words, sizeof(words));
	assert_null(sl_reader_alloc(&f.in, 1u << 20, 16));
	assert_string_equal(f.in.why, "decoded message needs too much memory");
	end(&f);
}

static void test_count_is_bounded_by_max_and_message(void **state)
{
	const uint32_t words[] = { 3, 0, 0, 0 };
	struct fixture f;

	start(&f, words, sizeof(words));
	assert_int_equal(sl_reader_count(&f.in, 3, 4), 3);
	assert_false(sl_reader_failed(&f.in));
	end(&f);
	start(&f, words, sizeof(words));
	assert_int_equal(sl_reader_count(&f.in, 2, 4), 0);
	assert_true(sl_reader_failed(&f.in));
	end(&f);
	start(&f, words, sizeof(words));
	assert_int_equal(sl_reader_count(&f.in, 100, 5), 0);
	assert_true(sl_reader_failed(&f.in));
	end(&f);
	start(&f, words, sizeof(words));
	assert_int_equal(sl_reader_count(&f.in, 100, SIZE_MAX), 0);
	assert_true(sl_reader_failed(&f.in));
	end(&f);
	/* Elements that take nothing of the message: output arrays in a request. */
	start(&f, words, 4);
	assert_int_equal(sl_reader_count(&f.in, 100, 0), 3);
	assert_false(sl_reader_failed(&f.in));
	end(&f);
}

static void check_string(const void *data, size_t size, const char *expected)
{
	struct fixture f;

	start(&f, data, size);
	const char *string = sl_reader_string(&f.in);
	if (expected == NULL) {
		assert_null(string);
		assert_true(sl_reader_failed(&f.in));
	} else {
		assert_string_equal(string, expected);
		assert_false(sl_reader_failed(&f.in));
		assert_ptr_equal(f.in.cur, f.in.end);
	}
	end(&f);
}

static void test_strings(void **state)
{
	check_string("\4\0\0\0abc\0", 8, "abc");
	check_string("\1\0\0\0\0\0\0\0", 8, "");
	check_string("\0\0\0\0\0\0\0\0", 8, NULL);	/* not even the NUL */
	check_string("\4\0\0\0abcd", 8, NULL);		/* no NUL */
	check_string("\4\0\0\0a\0c\0", 8, NULL);	/* inner NUL */
	check_string("\5\0\0\0abcd", 8, NULL);		/* longer than the message */
	check_string("\3\0\0\0ab\0", 7, NULL);		/* padding missing */
	check_string("\377\377\377\377abc\0", 8, NULL); /* past the limit */
}

static void test_string_limit(void **state)
{
	size_t size = SL_MAX_STRING_LENGTH + 8;
	uint8_t *data = malloc(4 + size);
	uint32_t length = SL_MAX_STRING_LENGTH + 1;

	assert_non_null(data);
	memset(data + 4, 'x', size);
	memcpy(data, &length, 4);
	data[4 + length - 1] = '\0';
	struct fixture f;
	start(&f, data, 4 + size);
	assert_int_equal(strlen(sl_reader_string(&f.in)), SL_MAX_STRING_LENGTH);
	end(&f);

	length++;
	memcpy(data, &length, 4);
	data[4 + length - 2] = 'x';
	data[4 + length - 1] = '\0';
	check_string(data, 4 + size, NULL);
	free(data);
}

static uint64_t find(void *data, uint32_t object_type, uint64_t id)
{
	return object_type == 9 && id == 5 ? 0x1000 : 0;
}

static uint64_t create(void *data, uint32_t object_type, uint64_t id)
{
	return object_type == 9 && id == 6 ? id : 0;
}

static void test_handles(void **state)
{
	const struct sl_resolver resolver = { .find = find, .create = create };
	const struct {
		uint64_t id;
		uint32_t type;
		bool nullable;
		uint64_t handle;
		bool fails;
	} cases[] = {
		{ 5, 9, false, 0x1000, false }, { 5, 9, true, 0x1000, false },
		{ 0, 9, true, 0, false },	{ 0, 9, false, 0, true },
		{ 4, 9, true, 0, true },	{ 5, 8, true, 0, true },
	};
	struct fixture f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&f, &cases[i].id, 8);
		f.in.resolver = &resolver;
		assert_true(sl_reader_handle(&f.in, cases[i].type, cases[i].nullable) ==
			    cases[i].handle);
		assert_int_equal(sl_reader_failed(&f.in), cases[i].fails);
		end(&f);
	}
}

static void test_new_handles(void **state)
{
	const struct sl_resolver resolver = { .find = find, .create = create };
	const struct {
		uint64_t id;
		uint64_t handle;
		bool fails;
	} cases[] = { { 6, 6, false }, { 5, 0, true }, { 0, 0, true } };
	struct fixture f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&f, &cases[i].id, 8);
		f.in.resolver = &resolver;
		assert_true(sl_reader_new_handle(&f.in, 9) == cases[i].handle);
		assert_int_equal(sl_reader_failed(&f.in), cases[i].fails);
		end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_failed_reader_yields_zeros_and_keeps_first_reason),
		cmocka_unit_test(test_u64_does_not_read_half),
		cmocka_unit_test(test_bytes_skip_padding),
		cmocka_unit_test(test_huge_sizes_fail),
		cmocka_unit_test(test_count_is_bounded_by_max_and_message),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_string_limit),
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_new_handles),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
