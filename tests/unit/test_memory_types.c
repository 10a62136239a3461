/* SPDX-License-Identifier: MIT */
/* Memory types as guests see them, for the tables of real drivers. */
#include "host/gpu/memory_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DL   VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define HV   VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define HC   VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define HK   VK_MEMORY_PROPERTY_HOST_CACHED_BIT
#define LAZY VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT
#define PROT VK_MEMORY_PROPERTY_PROTECTED_BIT
#define ADC  VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD
#define ALL  (SL_MEMORY_HOST | SL_MEMORY_IMPORT | SL_MEMORY_SHADOW)
#define ADU  VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD

static const VkPhysicalDeviceMemoryProperties lavapipe = {
	.memoryTypeCount = 1,
	.memoryTypes = { { DL | HV | HC | HK, 0 } },
	.memoryHeapCount = 1,
	.memoryHeaps = { { 2ull << 30, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } },
};

static const VkPhysicalDeviceMemoryProperties nvidia = {
	.memoryTypeCount = 5,
	.memoryTypes = { { 0, 1 },
			 { DL, 0 },
			 { HV | HC, 1 },
			 { HV | HC | HK, 1 },
			 { DL | HV | HC, 2 } },
	.memoryHeapCount = 3,
	.memoryHeaps = { { 24ull << 30, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT },
			 { 64ull << 30, 0 },
			 { 246ull << 20, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } },
};

static const VkPhysicalDeviceMemoryProperties radv = {
	.memoryTypeCount = 7,
	.memoryTypes = { { DL, 0 },
			 { HV | HC, 1 },
			 { DL | HV | HC, 2 },
			 { HV | HC | HK, 1 },
			 { DL | ADC | ADU, 0 },
			 { HV | HC | ADC | ADU, 1 },
			 { DL | HV | HC | ADC | ADU, 2 } },
	.memoryHeapCount = 3,
	.memoryHeaps = { { 8ull << 30, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT },
			 { 16ull << 30, 0 },
			 { 256ull << 20, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } },
};

/* An integrated GPU without a shared last-level cache. */
static const VkPhysicalDeviceMemoryProperties intel = {
	.memoryTypeCount = 3,
	.memoryTypes = { { DL | HV | HC, 0 }, { DL | HV | HK, 0 }, { PROT | DL, 0 } },
	.memoryHeapCount = 1,
	.memoryHeaps = { { 12ull << 30, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } },
};

static void assert_type(const struct sl_memory_types *types, uint32_t guest_index,
			VkMemoryPropertyFlags flags, uint32_t host_index, enum sl_memory_kind kind)
{
	assert_true(guest_index < types->guest.memoryTypeCount);
	assert_int_equal(types->guest.memoryTypes[guest_index].propertyFlags, flags);
	assert_int_equal(types->guest.memoryTypes[guest_index].heapIndex,
			 types->host.memoryTypes[host_index].heapIndex);
	assert_int_equal(types->types[guest_index].host_index, host_index);
	assert_int_equal(types->types[guest_index].kind, kind);
}

/* What the specification promises to every application. */
static void assert_spec(const struct sl_memory_types *types)
{
	const VkPhysicalDeviceMemoryProperties *guest = &types->guest;
	uint32_t coherent = 0;
	uint32_t local = 0;

	for (uint32_t i = 0; i < guest->memoryTypeCount; i++) {
		VkMemoryPropertyFlags flags = guest->memoryTypes[i].propertyFlags;

		coherent += (flags & (HV | HC)) == (HV | HC);
		local += (flags & DL) != 0;
		assert_true((flags & HV) != 0 || (flags & (HC | HK)) == 0);
		for (uint32_t j = i + 1; j < guest->memoryTypeCount; j++) {
			VkMemoryPropertyFlags later = guest->memoryTypes[j].propertyFlags;

			assert_false(later != flags && (later & flags) == later);
		}
	}
	assert_true(coherent > 0);
	assert_true(local > 0);
	assert_int_equal(guest->memoryHeapCount, types->host.memoryHeapCount);
}

static void test_lavapipe_type_is_host_and_imported(void **state)
{
	struct sl_memory_types types;

	(void)state;
	sl_memory_types_init(&types, &lavapipe, 1);
	assert_spec(&types);
	assert_int_equal(types.guest.memoryTypeCount, 3);
	assert_type(&types, 0, DL, 0, SL_MEMORY_HOST);
	assert_type(&types, 1, DL | HV | HC | HK, 0, SL_MEMORY_IMPORT);
	assert_type(&types, 2, DL | HV | HC | HK, 0, SL_MEMORY_SHADOW);
	assert_true(sl_memory_types_host_can_map(&types, 0));
}

static void test_lavapipe_copies(void **state)
{
	struct sl_memory_types types;

	(void)state;
	sl_memory_types_init(&types, &lavapipe, 0);
	assert_spec(&types);
	assert_int_equal(types.guest.memoryTypeCount, 2);
	assert_type(&types, 0, DL, 0, SL_MEMORY_HOST);
	assert_type(&types, 1, DL | HV | HC | HK, 0, SL_MEMORY_SHADOW);
}

static void test_nvidia_window_is_not_offered(void **state)
{
	struct sl_memory_types types;

	(void)state;
	sl_memory_types_init(&types, &nvidia, 1u << 2 | 1u << 3);
	assert_spec(&types);
	assert_int_equal(types.guest.memoryTypeCount, 5);
	assert_type(&types, 0, 0, 0, SL_MEMORY_HOST);
	assert_type(&types, 1, DL, 1, SL_MEMORY_HOST);
	assert_type(&types, 2, HV | HC, 2, SL_MEMORY_IMPORT);
	assert_type(&types, 3, HV | HC, 2, SL_MEMORY_SHADOW);
	assert_type(&types, 4, HV | HC | HK, 3, SL_MEMORY_IMPORT);
	assert_false(sl_memory_types_host_can_map(&types, 1));
}

static void test_nvidia_copies_through_system_memory(void **state)
{
	struct sl_memory_types types;

	(void)state;
	sl_memory_types_init(&types, &nvidia, 0);
	assert_spec(&types);
	assert_int_equal(types.guest.memoryTypeCount, 4);
	assert_type(&types, 2, HV | HC, 2, SL_MEMORY_SHADOW);
	assert_type(&types, 3, HV | HC | HK, 3, SL_MEMORY_SHADOW);
}

static void test_radv_imports_cached_memory_only(void **state)
{
	struct sl_memory_types types;

	(void)state;
	sl_memory_types_init(&types, &radv, 1u << 3);
	assert_spec(&types);
	assert_int_equal(types.guest.memoryTypeCount, 4);
	assert_type(&types, 0, DL, 0, SL_MEMORY_HOST);
	assert_type(&types, 1, DL | ADC | ADU, 4, SL_MEMORY_HOST);
	assert_type(&types, 2, HV | HC | HK, 3, SL_MEMORY_IMPORT);
	assert_type(&types, 3, HV | HC | HK, 3, SL_MEMORY_SHADOW);
}

static void test_intel_incoherent_type_is_not_imported(void **state)
{
	struct sl_memory_types types;

	(void)state;
	sl_memory_types_init(&types, &intel, 7);
	assert_spec(&types);
	assert_int_equal(types.guest.memoryTypeCount, 3);
	assert_type(&types, 0, DL, 0, SL_MEMORY_HOST);
	assert_type(&types, 1, DL | HV | HC, 0, SL_MEMORY_IMPORT);
	assert_type(&types, 2, DL | HV | HC, 0, SL_MEMORY_SHADOW);
}

static void test_shadow_of_incoherent_type_is_coherent(void **state)
{
	struct sl_memory_types types;

	(void)state;
	sl_memory_types_init(&types, &intel, 0);
	assert_spec(&types);
	assert_int_equal(types.guest.memoryTypeCount, 3);
	assert_type(&types, 1, DL | HV | HC, 0, SL_MEMORY_SHADOW);
	assert_type(&types, 2, DL | HV | HC | HK, 1, SL_MEMORY_SHADOW);
}

static void test_bits_translate_both_ways(void **state)
{
	struct sl_memory_types types;

	(void)state;
	sl_memory_types_init(&types, &nvidia, 1u << 2 | 1u << 3);
	assert_int_equal(sl_memory_types_to_guest(&types, 0x1f, ALL), 0x1f);
	assert_int_equal(sl_memory_types_to_guest(&types, 0x1f, SL_MEMORY_HOST), 0x03);
	assert_int_equal(sl_memory_types_to_guest(&types, 0x1f, SL_MEMORY_IMPORT), 0x14);
	assert_int_equal(sl_memory_types_to_guest(&types, 0x1f, SL_MEMORY_SHADOW), 0x08);
	assert_int_equal(sl_memory_types_to_guest(&types, 1u << 1, ALL), 1u << 1);
	assert_int_equal(sl_memory_types_to_guest(&types, 1u << 2, ALL), 3u << 2);
	assert_int_equal(sl_memory_types_to_guest(&types, 1u << 3, ALL), 1u << 4);
	assert_int_equal(sl_memory_types_to_guest(&types, 1u << 4, ALL), 0);
	assert_int_equal(sl_memory_types_to_host(&types, 0xffffffff), 0xf);
	assert_int_equal(sl_memory_types_to_host(&types, 3u << 2), 1u << 2);
	assert_int_equal(sl_memory_types_to_host(&types, 1u << 4), 1u << 3);
}

static void test_full_table_is_not_exceeded(void **state)
{
	VkPhysicalDeviceMemoryProperties host = { .memoryTypeCount = VK_MAX_MEMORY_TYPES,
						  .memoryHeapCount = 1 };
	struct sl_memory_types types;

	(void)state;
	for (uint32_t i = 0; i < VK_MAX_MEMORY_TYPES; i++) {
		host.memoryTypes[i] = (VkMemoryType){ i % 2 == 0 ? DL : HV | HC, 0 };
	}
	sl_memory_types_init(&types, &host, UINT32_MAX);
	assert_spec(&types);
	assert_int_equal(types.guest.memoryTypeCount, VK_MAX_MEMORY_TYPES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lavapipe_type_is_host_and_imported),
		cmocka_unit_test(test_lavapipe_copies),
		cmocka_unit_test(test_nvidia_window_is_not_offered),
		cmocka_unit_test(test_nvidia_copies_through_system_memory),
		cmocka_unit_test(test_radv_imports_cached_memory_only),
		cmocka_unit_test(test_intel_incoherent_type_is_not_imported),
		cmocka_unit_test(test_shadow_of_incoherent_type_is_coherent),
		cmocka_unit_test(test_bits_translate_both_ways),
		cmocka_unit_test(test_full_table_is_not_exceeded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
