/* SPDX-License-Identifier: MIT */
/* The guest driver's table of entry points: names, aliases, and what enables them. */
#include "protocol/sl_entries.h"
#include "tests/unit/sl_test.h"

static bool is_enabled(const char *name, uint32_t api_minor, const char *first, const char *second)
{
	const struct sl_entry *entry = sl_entry_find(name);
	struct sl_extension_set enabled = { 0 };

	assert_non_null(entry);
	if (first != NULL) {
		sl_extension_set_add(&enabled, (uint32_t)sl_extension_index(first));
	}
	if (second != NULL) {
		sl_extension_set_add(&enabled, (uint32_t)sl_extension_index(second));
	}
	return sl_entry_is_enabled(entry, api_minor, &enabled);
}

static void test_names_are_found(void **state)
{
	const struct sl_entry *entry = sl_entry_find("vkCreateBuffer");

	assert_string_equal(entry->name, "vkCreateBuffer");
	assert_ptr_equal(entry->function, sl_vkCreateBuffer);
	assert_int_equal(entry->level, SL_ENTRY_DEVICE);
	assert_int_equal(sl_entry_find("vkCreateInstance")->level, SL_ENTRY_GLOBAL);
	assert_int_equal(sl_entry_find("vkDestroyInstance")->level, SL_ENTRY_INSTANCE);
	assert_int_equal(sl_entry_find("vkCreateDevice")->level, SL_ENTRY_PHYSICAL_DEVICE);
	assert_null(sl_entry_find("vkCreateSharedSwapchainsKHR"));
	assert_null(sl_entry_find("slCreateQueue"));
	assert_null(sl_entry_find("vkCreateBuffe"));
	assert_null(sl_entry_find(""));
}

static void test_aliases_share_their_function(void **state)
{
	assert_ptr_equal(sl_entry_find("vkCmdBeginRenderingKHR")->function,
			 sl_entry_find("vkCmdBeginRendering")->function);
	assert_ptr_equal(sl_entry_find("vkCmdDrawIndirectCountAMD")->function,
			 sl_vkCmdDrawIndirectCount);
}

static void test_core_needs_its_version(void **state)
{
	assert_true(is_enabled("vkCmdDraw", 0, NULL, NULL));
	assert_false(is_enabled("vkCmdBeginRendering", 2, NULL, NULL));
	assert_true(is_enabled("vkCmdBeginRendering", 3, NULL, NULL));
	/* The extension brings its own names only. */
	assert_false(is_enabled("vkCmdBeginRendering", 2, "VK_KHR_dynamic_rendering", NULL));
	assert_true(is_enabled("vkCmdBeginRenderingKHR", 2, "VK_KHR_dynamic_rendering", NULL));
	assert_false(is_enabled("vkCmdBeginRenderingKHR", 3, NULL, NULL));
}

static void test_any_extension_that_has_it_will_do(void **state)
{
	const char *name = "vkCmdSetViewportSwizzleNV";

	assert_true(is_enabled(name, 3, "VK_EXT_extended_dynamic_state3", NULL));
	assert_false(is_enabled(name, 3, "VK_EXT_extended_dynamic_state2", NULL));
}

static void test_some_need_two_extensions(void **state)
{
	const char *name = "vkCmdWriteBufferMarker2AMD";

	assert_false(is_enabled(name, 3, "VK_KHR_synchronization2", NULL));
	assert_false(is_enabled(name, 3, "VK_AMD_buffer_marker", NULL));
	assert_true(is_enabled(name, 3, "VK_KHR_synchronization2", "VK_AMD_buffer_marker"));
}

static void test_physical_devices_do_not_wait_for_device_extensions(void **state)
{
	assert_true(is_enabled("vkGetPhysicalDeviceFragmentShadingRatesKHR", 0, NULL, NULL));
	assert_false(is_enabled("vkGetPhysicalDeviceFeatures2KHR", 0, NULL, NULL));
	assert_true(is_enabled("vkGetPhysicalDeviceFeatures2KHR", 0,
			       "VK_KHR_get_physical_device_properties2", NULL));
}

static void test_refused_commands_say_so(void **state)
{
	const VkCopyMicromapInfoEXT info = { .sType = VK_STRUCTURE_TYPE_COPY_MICROMAP_INFO_EXT };

	assert_int_equal(sl_vkCopyMicromapEXT(VK_NULL_HANDLE, VK_NULL_HANDLE, &info),
			 VK_ERROR_FEATURE_NOT_PRESENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_found),
		cmocka_unit_test(test_aliases_share_their_function),
		cmocka_unit_test(test_core_needs_its_version),
		cmocka_unit_test(test_any_extension_that_has_it_will_do),
		cmocka_unit_test(test_some_need_two_extensions),
		cmocka_unit_test(test_physical_devices_do_not_wait_for_device_extensions),
		cmocka_unit_test(test_refused_commands_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
