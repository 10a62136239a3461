/* SPDX-License-Identifier: MIT */
/* Shaders that a guest may send, and those it may not. */
#include "host/replay/spirv.h"
#include "host/replay/spirv_repair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "protocol/limits.h"

#define HEADER(bound)	  0x07230203, 0x00010000, 0, (bound), 0
#define OP(opcode, words) ((uint32_t)(words) << 16 | (opcode))
#define MAX_WORDS	  4096u

/* void main() {}, for one invocation. */
static const uint32_t smallest[] = {
	HEADER(8),  OP(17, 2), 1 /* Shader */,
	OP(14, 3),  0,	       1,
	OP(15, 5),  5,	       1,
	0x6e69616d, 0,	       OP(16, 6),
	1,	    17,	       1,
	1,	    1,	       OP(19, 2),
	2,	    OP(33, 3), 3,
	2,	    OP(54, 5), 2,
	1,	    0,	       3,
	OP(248, 2), 4,	       OP(253, 1),
	OP(56, 1),
};

/* A fragment shader with an input that is SampleId, as Mesa 22.3's Zink makes them for copies of
 * multisampled images. */
static const uint32_t sample_id[] = {
	HEADER(8),  OP(17, 2),	1 /* Shader */,
	OP(14, 3),  0,		1,
	OP(15, 6),  4,		1,
	0x6e69616d, 0,		6,
	OP(16, 3),  1,		7,
	OP(71, 4),  6,		11,
	18,	    OP(71, 3),	6,
	14,	    OP(19, 2),	2,
	OP(33, 3),  3,		2,
	OP(21, 4),  4,		32,
	1,	    OP(32, 4),	5,
	1,	    4,		OP(59, 4),
	5,	    6,		1,
	OP(54, 5),  2,		1,
	0,	    3,		OP(248, 2),
	7,	    OP(253, 1), OP(56, 1),
};

static struct sl_spirv *spirv;
static char why[512];

static int check(const uint32_t *code, size_t words)
{
	why[0] = '\0';
	return sl_spirv_check(spirv, code, words * 4, why, sizeof(why));
}

static int set_up(void **state)
{
	return sl_spirv_create(&spirv);
}

static int tear_down(void **state)
{
	sl_spirv_destroy(spirv);
	return 0;
}

static void test_valid_code(void **state)
{
	struct timespec start;
	struct timespec end;
	const int rounds = 100;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < rounds; i++) {
		assert_int_equal(check(smallest, sizeof(smallest) / 4), 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("%.1f us for the smallest shader\n",
		      ((double)(end.tv_sec - start.tv_sec) * 1e6 +
		       (double)(end.tv_nsec - start.tv_nsec) / 1e3) /
			      rounds);
}

/* Every word of it, changed or cut off: an answer, and no crash. */
static void test_damaged_code(void **state)
{
	static const uint32_t values[] = { 0, 1, 0xffff, 0x10000, 0xffffffff, 0x7fffffff };
	uint32_t code[sizeof(smallest) / 4];
	size_t count = sizeof(smallest) / 4;

	for (size_t i = 0; i < count; i++) {
		int r = check(smallest, i);

		assert_true(r == -EBADMSG && why[0] != '\0');
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			memcpy(code, smallest, sizeof(code));
			code[i] = values[v];
			check(code, count);
		}
	}
	assert_int_equal(sl_spirv_check(spirv, smallest, sizeof(smallest) - 1, why, sizeof(why)),
			 -EBADMSG);
}

static void test_invalid_code(void **state)
{
	uint32_t code[sizeof(smallest) / 4];

	/* The function's type is an id that nothing defines. */
	memcpy(code, smallest, sizeof(code));
	code[25] = 7;
	assert_int_equal(check(code, sizeof(code) / 4), -EBADMSG);
	assert_non_null(strstr(why, "SPIR-V: "));
}

static void test_bound_is_capped(void **state)
{
	const uint32_t code[] = { HEADER(0x3fffff) };

	assert_int_equal(check(code, 5), -EBADMSG);
	assert_non_null(strstr(why, "bound"));
}

/* struct { struct { … } }, one type more than is allowed. */
static void test_depth_is_capped(void **state)
{
	uint32_t code[MAX_WORDS] = { HEADER(200), OP(22, 3), 1, 32 };
	size_t at = 8;

	for (uint32_t id = 2; id < SL_MAX_SHADER_TYPE_DEPTH + 3; id++) {
		code[at++] = OP(30, 3);
		code[at++] = id;
		code[at++] = id - 1;
	}
	assert_int_equal(check(code, at), -EBADMSG);
	assert_non_null(strstr(why, "nest too deep"));
}

static void test_undeclared_capability(void **state)
{
	const size_t count = sizeof(sample_id) / 4;
	uint32_t capabilities[SL_SPIRV_MAX_UNDECLARED];
	uint32_t code[sizeof(sample_id) / 4 + 2];

	assert_int_equal(check(sample_id, count), -EBADMSG);
	assert_non_null(strstr(why, "SampleRateShading"));
	assert_int_equal(sl_spirv_find_undeclared(sample_id, count, capabilities), 1);
	assert_int_equal(sl_spirv_declare(sample_id, count, capabilities, 1, code), count + 2);
	assert_int_equal(check(code, count + 2), 0);
	assert_int_equal(sl_spirv_find_undeclared(code, count + 2, capabilities), 0);
	assert_int_equal(sl_spirv_find_undeclared(smallest, sizeof(smallest) / 4, capabilities), 0);
}

/* Cut off anywhere, or with lengths that lie. */
static void test_repair_of_damaged_code(void **state)
{
	uint32_t capabilities[SL_SPIRV_MAX_UNDECLARED];
	uint32_t code[sizeof(sample_id) / 4];
	size_t count = sizeof(sample_id) / 4;

	for (size_t i = 0; i < count; i++) {
		memcpy(code, sample_id, sizeof(code));
		assert_in_range(sl_spirv_find_undeclared(code, i, capabilities), 0, 1);
		code[i] |= 0xffff0000;
		assert_in_range(sl_spirv_find_undeclared(code, count, capabilities), 0, 1);
	}
}

/* Drivers keep arrays of inputs and outputs; lavapipe wrote beyond its own. */
static void test_locations_that_no_device_has(void **state)
{
	uint32_t code[sizeof(sample_id) / 4];
	size_t at = 0;

	memcpy(code, sample_id, sizeof(code));
	while (code[at] != OP(71, 4)) {
		at++;
	}
	code[at + 2] = 30; /* Location, in the place of BuiltIn */
	code[at + 3] = 3;
	assert_int_equal(check(code, sizeof(code) / 4), 0);
	code[at + 3] = 1000249002;
	assert_int_equal(check(code, sizeof(code) / 4), -EBADMSG);
	assert_non_null(strstr(why, "a location that no device has"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_code),
		cmocka_unit_test(test_damaged_code),
		cmocka_unit_test(test_invalid_code),
		cmocka_unit_test(test_bound_is_capped),
		cmocka_unit_test(test_depth_is_capped),
		cmocka_unit_test(test_undeclared_capability),
		cmocka_unit_test(test_repair_of_damaged_code),
		cmocka_unit_test(test_locations_that_no_device_has),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
