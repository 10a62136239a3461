/* SPDX-License-Identifier: MIT */
/* The generated tables of ids, structs and extensions. */
#include "protocol/sl_ids.h"
#include "protocol/sl_types.h"
#include "tests/unit/sl_test.h"

#include <string.h>

static void test_ids_have_names(void **state)
{
	assert_string_equal(sl_command_name(SL_COMMAND_vkCmdDraw), "vkCmdDraw");
	assert_true(sl_command_get_info(SL_COMMAND_vkCmdDraw)->is_recorded);
	assert_false(sl_command_get_info(SL_COMMAND_vkCreateBuffer)->is_recorded);
	assert_null(sl_command_get_info(0));
	assert_null(sl_command_get_info(SL_COMMAND_COUNT));
	assert_null(sl_command_get_info(UINT16_MAX));
	assert_string_equal(sl_command_name(UINT16_MAX), "unknown command");
}

static void test_every_stype_is_found(void **state)
{
	for (uint32_t i = 0; i < SL_STYPE_COUNT; i++) {
		assert_int_equal(sl_stype_index(sl_stype_list[i]), i);
		assert_true(i == 0 || sl_stype_list[i - 1] < sl_stype_list[i]);
		assert_true(sl_stype_size(i) >= sizeof(VkBaseInStructure));
	}
	int index = sl_stype_index(VK_STRUCTURE_TYPE_SUBMIT_INFO);
	assert_string_equal(sl_stype_name((uint32_t)index), "VkSubmitInfo");
	assert_int_equal(sl_stype_size((uint32_t)index), sizeof(VkSubmitInfo));
}

static void test_other_stypes_are_not_found(void **state)
{
	static const uint32_t values[] = {
		60,	    999,	1000,	    999999999,	1000000999,
		1000999000, 2000000000, 0x7fffffff, 0x80000000, 0xffffffff,
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_int_equal(sl_stype_index((VkStructureType)values[i]), -1);
	}
	assert_int_equal(sl_stype_index(VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR), -1);
	assert_int_equal(sl_stype_index(VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO), -1);
}

static void test_extensions_are_found(void **state)
{
	for (uint32_t i = 0; i < SL_EXTENSION_COUNT; i++) {
		assert_int_equal(sl_extension_index(sl_extension_list[i].name), i);
	}
	assert_int_equal(sl_extension_index("VK_KHR_display_swapchain"), -1);
	assert_int_equal(sl_extension_index(""), -1);

	const struct sl_extension *extension =
		&sl_extension_list[sl_extension_index("VK_KHR_synchronization2")];
	assert_true(extension->is_device);
	assert_false(extension->is_guest);
	assert_int_equal(extension->promoted_minor, 3);
	assert_int_equal(extension->spec_version, VK_KHR_SYNCHRONIZATION_2_SPEC_VERSION);
	assert_true(sl_extension_list[sl_extension_index("VK_EXT_debug_utils")].is_guest);
}

static void test_extension_needs_its_commands_and_structs(void **state)
{
	struct sl_caps all = { 0 };
	uint32_t index = (uint32_t)sl_extension_index("VK_KHR_dynamic_rendering");
	int info = sl_stype_index(VK_STRUCTURE_TYPE_RENDERING_INFO);

	sl_command_fill_caps(&all);
	sl_stype_fill_caps(&all);
	for (uint32_t i = 0; i < SL_EXTENSION_COUNT; i++) {
		assert_true(sl_extension_is_carried(i, &all));
	}

	struct sl_caps caps = all;
	caps.commands[SL_COMMAND_vkCmdBeginRendering / 32] &=
		~(1u << (SL_COMMAND_vkCmdBeginRendering % 32));
	assert_false(sl_extension_is_carried(index, &caps));
	caps = all;
	caps.structs[info / 32] &= ~(1u << (info % 32));
	assert_false(sl_extension_is_carried(index, &caps));
}

static void test_extension_sets(void **state)
{
	struct sl_extension_set set = { 0 };

	sl_extension_set_add(&set, SL_EXTENSION_COUNT - 1);
	assert_true(sl_extension_set_has(&set, SL_EXTENSION_COUNT - 1));
	assert_false(sl_extension_set_has(&set, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_have_names),
		cmocka_unit_test(test_every_stype_is_found),
		cmocka_unit_test(test_other_stypes_are_not_found),
		cmocka_unit_test(test_extensions_are_found),
		cmocka_unit_test(test_extension_needs_its_commands_and_structs),
		cmocka_unit_test(test_extension_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
