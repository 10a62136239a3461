/* SPDX-License-Identifier: MIT */
/* Ranges of workgroups, and the state that a piece begins with. */
#include "tests/unit/sl_test.h"

#include "host/replay/cut_class.h"
#include "host/replay/cut_range.h"
#include "host/replay/cut_state.h"
#include "protocol/sl_ids.h"
#include "protocol/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every workgroup is in one box, and boxes come in the order of the dimensions. Returns how many
 * there were. */
static uint32_t cover(const struct sl_cut_range *all, double groups, uint32_t max_boxes)
{
	uint32_t total = (uint32_t)sl_cut_range_get_groups(all);
	uint8_t *hits = calloc(total, 1);
	struct sl_cut_ranges ranges;
	struct sl_cut_range range;
	uint32_t boxes = 0;

	sl_cut_ranges_init(&ranges, all, groups, max_boxes);
	while (sl_cut_ranges_next(&ranges, &range)) {
		boxes++;
		for (uint32_t z = 0; z < range.count[2]; z++) {
			for (uint32_t y = 0; y < range.count[1]; y++) {
				for (uint32_t x = 0; x < range.count[0]; x++) {
					uint32_t at = ((range.base[2] - all->base[2] + z) *
							       all->count[1] +
						       range.base[1] - all->base[1] + y) *
							      all->count[0] +
						      range.base[0] - all->base[0] + x;

					assert_true(at < total);
					hits[at]++;
				}
			}
		}
	}
	for (uint32_t i = 0; i < total; i++) {
		assert_int_equal(hits[i], 1);
	}
	free(hits);
	assert_true(boxes <= max_boxes);
	return boxes;
}

static void test_ranges_cover_all(void **state)
{
	(void)state;
	for (uint32_t x = 1; x < 12; x += 3) {
		for (uint32_t y = 1; y < 12; y += 3) {
			for (uint32_t z = 1; z < 6; z += 2) {
				const struct sl_cut_range all = { { 5, 0, 7 }, { x, y, z } };

				for (double groups = 0.1; groups < 600; groups *= 1.7) {
					cover(&all, groups, 4096);
					cover(&all, groups, 3);
				}
			}
		}
	}
}

static void test_ranges_are_as_long_as_asked(void **state)
{
	const struct sl_cut_range row = { { 0 }, { 1000, 1, 1 } };
	const struct sl_cut_range rows = { { 0 }, { 10, 100, 1 } };
	const struct sl_cut_range layers = { { 0 }, { 10, 10, 10 } };

	(void)state;
	assert_int_equal(cover(&row, 100, 1000), 10);
	assert_int_equal(cover(&row, 99, 1000), 11);
	assert_int_equal(cover(&rows, 100, 1000), 10);
	assert_int_equal(cover(&layers, 250, 1000), 5);
	assert_int_equal(cover(&layers, 1e9, 1000), 1);
}

/* Whatever would be left over is on all of them. */
static void test_ranges_are_alike(void **state)
{
	const struct sl_cut_range all = { { 0 }, { 64, 1, 1 } };

	(void)state;
	for (double groups = 1; groups < 64; groups++) {
		uint32_t least = UINT32_MAX;
		uint32_t most = 0;
		struct sl_cut_ranges ranges;
		struct sl_cut_range range;

		sl_cut_ranges_init(&ranges, &all, groups, 64);
		while (sl_cut_ranges_next(&ranges, &range)) {
			least = range.count[0] < least ? range.count[0] : least;
			most = range.count[0] > most ? range.count[0] : most;
		}
		assert_true(most <= groups && most - least <= 1);
	}
}

static void test_ranges_of_huge_dispatches_end(void **state)
{
	const struct sl_cut_range all = { { 0 }, { UINT32_MAX, UINT32_MAX, UINT32_MAX } };
	struct sl_cut_ranges ranges;
	struct sl_cut_range range;
	uint32_t boxes = 0;

	(void)state;
	sl_cut_ranges_init(&ranges, &all, 1, 1024);
	while (sl_cut_ranges_next(&ranges, &range)) {
		boxes++;
	}
	assert_true(boxes > 1 && boxes <= 1024);
}

/* A command whose payload is words. */
struct command {
	struct sl_wire_header header;
	uint32_t words[6];
};

static struct command make(uint16_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return (struct command){
		.header = { .size = sizeof(struct command), .command_id = id },
		.words = { a, b, c },
	};
}

static void note(struct sl_cut_state *state, const struct command *command)
{
	struct sl_cut_command class = sl_cut_classify(command->header.command_id);

	assert_int_equal(class.class, SL_CUT_STATE);
	assert_int_equal(sl_cut_state_note(state, (const uint8_t *)command, class.key), 0);
}

static void test_later_state_replaces_earlier(void **state)
{
	struct sl_cut_state tracked = { 0 };
	const struct command commands[] = {
		make(SL_COMMAND_vkCmdBindPipeline, 0, 11, 0),
		make(SL_COMMAND_vkCmdBindPipeline, 1, 22, 0), /* compute */
		make(SL_COMMAND_vkCmdSetViewport, 0, 1, 5),
		make(SL_COMMAND_vkCmdSetViewport, 1, 1, 6),
		make(SL_COMMAND_vkCmdBindPipeline, 0, 33, 0), /* replaces the first */
		make(SL_COMMAND_vkCmdSetViewport, 0, 1, 7),   /* replaces the third */
		make(SL_COMMAND_vkCmdSetLineWidth, 1, 0, 0),
		make(SL_COMMAND_vkCmdSetLineWidth, 2, 0, 0), /* replaces that before */
	};
	const int expected[] = { 1, 3, 4, 5, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		note(&tracked, &commands[i]);
	}
	assert_int_equal(tracked.count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_ptr_equal(tracked.commands[i], &commands[expected[i]]);
	}
	sl_cut_state_reset(&tracked);
	assert_int_equal(tracked.count, 0);
	sl_cut_state_finish(&tracked);
}

static void test_pushed_descriptors_add_up(void **state)
{
	struct sl_cut_state tracked = { 0 };
	const struct command first = make(SL_COMMAND_vkCmdPushDescriptorSetKHR, 1, 2, 3);
	const struct command other = make(SL_COMMAND_vkCmdPushDescriptorSetKHR, 1, 2, 4);
	const struct command again = first;

	(void)state;
	note(&tracked, &first);
	note(&tracked, &other);
	note(&tracked, &again);
	assert_int_equal(tracked.count, 2);
	assert_ptr_equal(tracked.commands[0], &other);
	assert_ptr_equal(tracked.commands[1], &again);
	sl_cut_state_finish(&tracked);
}

static void test_too_much_state_is_refused(void **state)
{
	struct sl_cut_state tracked = { 0 };
	struct command *commands = calloc(SL_CUT_STATE_MAX + 1, sizeof(*commands));
	int r = 0;

	(void)state;
	for (uint32_t i = 0; i <= SL_CUT_STATE_MAX; i++) {
		assert_int_equal(r, 0);
		commands[i] = make(SL_COMMAND_vkCmdPushDescriptorSetKHR, i, 0, 0);
		r = sl_cut_state_note(&tracked, (const uint8_t *)&commands[i], SL_CUT_KEY_ALL);
	}
	assert_int_equal(r, -E2BIG);
	free(commands);
	sl_cut_state_finish(&tracked);
}

static void test_classes(void **state)
{
	(void)state;
	assert_int_equal(sl_cut_classify(SL_COMMAND_vkCmdDispatch).class, SL_CUT_DISPATCH);
	assert_int_equal(sl_cut_classify(SL_COMMAND_vkCmdDraw).class, SL_CUT_INSIDE);
	assert_int_equal(sl_cut_classify(SL_COMMAND_vkCmdSetDeviceMask).class, SL_CUT_UNKNOWN);
	assert_int_equal(sl_cut_classify(UINT16_MAX).class, SL_CUT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_cover_all),
		cmocka_unit_test(test_ranges_are_as_long_as_asked),
		cmocka_unit_test(test_ranges_are_alike),
		cmocka_unit_test(test_ranges_of_huge_dispatches_end),
		cmocka_unit_test(test_later_state_replaces_earlier),
		cmocka_unit_test(test_pushed_descriptors_add_up),
		cmocka_unit_test(test_too_much_state_is_refused),
		cmocka_unit_test(test_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
