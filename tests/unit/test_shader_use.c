/* SPDX-License-Identifier: MIT */
/* Which descriptors the entry points of a module use. */
#include "tests/unit/sl_test.h"

#include "host/check/shader_use.h"

#include "attachment_frag.h"
#include "resources_comp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array)	 (sizeof(array) / sizeof((array)[0]))
#define OP(opcode, ...)	 ((1 + COUNT(((uint32_t[]){ __VA_ARGS__ }))) << 16 | (opcode)), __VA_ARGS__
#define OP_ALONE(opcode) (1u << 16 | (opcode))
#define DESCRIPTOR_SET	 34
#define BINDING		 33
#define NAME(first)	 (first) /* a string of up to three characters */
#define HEADER(bound)	 0x07230203, 0x00010000, 0, bound, 0

/* Two entry points: "a" names %3, in set 1, binding 2; "b" calls a function that names %4, which a
 * group puts into set 0, binding 5. */
static const uint32_t two_entries[] = {
	HEADER(20),
	OP(15, 5, 6, NAME('a')),
	OP(15, 4, 7, NAME('b')),
	OP(5, 3, NAME('v')),
	OP(71, 3, DESCRIPTOR_SET, 1),
	OP(71, 3, BINDING, 2),
	OP(71, 9, DESCRIPTOR_SET, 0),
	OP(71, 9, BINDING, 5),
	OP(73, 9),
	OP(74, 9, 4),
	OP(26, 10),
	OP(32, 11, 0, 10),
	OP(59, 11, 3, 0),
	OP(59, 11, 4, 0),
	/* %6 */
	OP(54, 1, 6, 0, 2),
	OP(61, 10, 15, 3),
	OP_ALONE(56),
	/* %7, which calls %8 and names %3 as a literal only */
	OP(54, 1, 7, 0, 2),
	OP(57, 1, 16, 8),
	OP(81, 1, 17, 16, 3),
	OP_ALONE(56),
	/* %8, which calls itself */
	OP(54, 1, 8, 0, 2),
	OP(61, 10, 18, 4),
	OP(57, 1, 19, 8),
	OP_ALONE(56),
};

static struct sl_shader_use *find(const uint32_t *words, size_t count)
{
	struct sl_shader_use *use = NULL;

	assert_int_equal(sl_shader_use_find(words, count, &use), 0);
	assert_non_null(use);
	return use;
}

static const struct sl_shader_resource *at(const struct sl_shader_entry *entry, uint32_t set,
					   uint32_t binding)
{
	for (uint32_t i = 0; i < entry->resource_count; i++) {
		if (entry->resources[i].set == set && entry->resources[i].binding == binding) {
			return &entry->resources[i];
		}
	}
	fail_msg("set %u binding %u is not used", set, binding);
	return NULL;
}

static void check(const struct sl_shader_entry *entry, uint32_t set, uint32_t binding,
		  uint32_t count, enum sl_shader_resource_kind kind)
{
	const struct sl_shader_resource *resource = at(entry, set, binding);

	assert_int_equal(resource->count, count);
	assert_int_equal(resource->kind, kind);
}

static void test_kinds(void **state)
{
	struct sl_shader_use *use = find(resources_comp, COUNT(resources_comp));
	const struct sl_shader_entry *entry =
		sl_shader_use_entry(use, "main", VK_SHADER_STAGE_COMPUTE_BIT);

	(void)state;
	assert_non_null(entry);
	assert_int_equal(entry->resource_count, 9);
	check(entry, 0, 0, 1, SL_SHADER_UNIFORM_BUFFER);
	check(entry, 0, 1, 3, SL_SHADER_STORAGE_BUFFER);
	check(entry, 0, 2, 8, SL_SHADER_IMAGE_AND_SAMPLER);
	check(entry, 1, 0, 1, SL_SHADER_SAMPLED_IMAGE);
	check(entry, 1, 1, 1, SL_SHADER_SAMPLER);
	check(entry, 1, 2, 1, SL_SHADER_STORAGE_IMAGE);
	check(entry, 1, 3, 1, SL_SHADER_UNIFORM_TEXELS);
	check(entry, 1, 4, 1, SL_SHADER_STORAGE_TEXELS);
	check(entry, 1, 9, 1, SL_SHADER_STORAGE_IMAGE);
	free(use);

	use = find(attachment_frag, COUNT(attachment_frag));
	entry = sl_shader_use_entry(use, "main", VK_SHADER_STAGE_FRAGMENT_BIT);
	assert_non_null(entry);
	assert_int_equal(entry->resource_count, 1);
	check(entry, 2, 5, 1, SL_SHADER_INPUT_ATTACHMENT);
	free(use);
}

static void test_entry_points(void **state)
{
	struct sl_shader_use *use = find(two_entries, COUNT(two_entries));
	const struct sl_shader_entry *a =
		sl_shader_use_entry(use, "a", VK_SHADER_STAGE_COMPUTE_BIT);
	const struct sl_shader_entry *b =
		sl_shader_use_entry(use, "b", VK_SHADER_STAGE_FRAGMENT_BIT);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(a->resource_count, 1);
	assert_int_equal(b->resource_count, 1);
	check(a, 1, 2, 1, SL_SHADER_SAMPLER);
	check(b, 0, 5, 1, SL_SHADER_SAMPLER);
	assert_null(sl_shader_use_entry(use, "a", VK_SHADER_STAGE_FRAGMENT_BIT));
	assert_null(sl_shader_use_entry(use, "main", VK_SHADER_STAGE_COMPUTE_BIT));
	free(use);
}

/* What decides which of two decorations a compiler believes? */
static void test_decorated_twice(void **state)
{
	static const uint32_t twice[] = { HEADER(20), OP(71, 3, DESCRIPTOR_SET, 1),
					  OP(71, 3, DESCRIPTOR_SET, 0) };
	static const uint32_t alike[] = { HEADER(20), OP(71, 3, DESCRIPTOR_SET, 1),
					  OP(71, 3, DESCRIPTOR_SET, 1) };
	struct sl_shader_use *use = NULL;

	(void)state;
	assert_int_equal(sl_shader_use_find(twice, COUNT(twice), &use), -EBADMSG);
	free(find(alike, COUNT(alike)));
}

static void test_not_readable(void **state)
{
	static const uint32_t no_ids[] = { HEADER(0) };
	static const uint32_t many_ids[] = { HEADER(UINT32_MAX) };
	static const uint32_t too_long[] = { HEADER(9), 4u << 16 | 61 };
	static const uint32_t no_length[] = { HEADER(9), 61 };
	static const uint32_t endless_name[] = { HEADER(9), OP(15, 5, 6, 0x61616161) };
	struct sl_shader_use *use = NULL;

	(void)state;
	assert_int_equal(sl_shader_use_find(no_ids, COUNT(no_ids), &use), -EBADMSG);
	assert_int_equal(sl_shader_use_find(no_ids, 3, &use), -EBADMSG);
	assert_int_equal(sl_shader_use_find(many_ids, COUNT(many_ids), &use), -EBADMSG);
	assert_int_equal(sl_shader_use_find(too_long, COUNT(too_long), &use), -EBADMSG);
	assert_int_equal(sl_shader_use_find(no_length, COUNT(no_length), &use), -EBADMSG);
	assert_int_equal(sl_shader_use_find(endless_name, COUNT(endless_name), &use), -EBADMSG);
}

static void damage(const uint32_t *good, size_t count)
{
	static const uint32_t values[] = { 0, 1, 3, 8, 0xffff, 0x7fffffff, UINT32_MAX };
	uint32_t *words = malloc(count * sizeof(*words));

	for (size_t i = 3; i < count; i++) {
		for (size_t k = 0; k < COUNT(values); k++) {
			struct sl_shader_use *use = NULL;

			memcpy(words, good, count * sizeof(*words));
			words[i] = values[k];
			int r = sl_shader_use_find(words, count, &use);
			assert_true(r == 0 ? use != NULL : r == -EBADMSG);
			free(use);
			use = NULL;
			(void)sl_shader_use_find(words, i, &use);
			free(use);
		}
	}
	free(words);
}

/* Nothing that a guest sends may lead out of the tables: for ASan. */
static void test_damaged_words(void **state)
{
	(void)state;
	damage(two_entries, COUNT(two_entries));
	damage(resources_comp, COUNT(resources_comp));
}

/* Each of many entry points reaches all of the variables. */
static void test_too_many_resources(void **state)
{
	enum {
		ENTRIES = 1024,
		VARIABLES = 1024,
		BOUND = VARIABLES + 16
	};
	uint32_t *words = calloc(5 + ENTRIES * 4 + 8 + VARIABLES * 8 + 8, sizeof(*words));
	const uint32_t header[] = { HEADER(BOUND) };
	const uint32_t types[] = { OP(26, 1), OP(32, 2, 0, 1) };
	const uint32_t function[] = { OP(54, 1, 3, 0, 2) };
	struct sl_shader_use *use = NULL;
	size_t count = COUNT(header);

	(void)state;
	memcpy(words, header, sizeof(header));
	for (uint32_t i = 0; i < ENTRIES; i++) {
		memcpy(words + count, (uint32_t[]){ OP(15, 5, 3, NAME('a')) }, 16);
		count += 4;
	}
	memcpy(words + count, types, sizeof(types));
	count += COUNT(types);
	for (uint32_t i = 0; i < VARIABLES; i++) {
		memcpy(words + count, (uint32_t[]){ OP(59, 2, 16 + i, 0) }, 16);
		count += 4;
	}
	memcpy(words + count, function, sizeof(function));
	count += COUNT(function);
	for (uint32_t i = 0; i < VARIABLES; i++) {
		memcpy(words + count, (uint32_t[]){ OP(61, 1, 4, 16 + i) }, 16);
		count += 4;
	}
	words[count++] = OP_ALONE(56);
	assert_int_equal(sl_shader_use_find(words, count, &use), -EBADMSG);
	free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),		cmocka_unit_test(test_entry_points),
		cmocka_unit_test(test_decorated_twice), cmocka_unit_test(test_not_readable),
		cmocka_unit_test(test_damaged_words),	cmocka_unit_test(test_too_many_resources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
