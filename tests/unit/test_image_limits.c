/* SPDX-License-Identifier: MIT */
/* Images beyond what a driver said of their formats; the driver is the test. */
#include "host/replay/image_limits.h"

#include "sl_test.h"

#include <string.h>

#include "host/replay/replay_priv.h"

#define BAD_MODIFIER 13

/* What the driver answers, and what it was asked last. */
static struct {
	VkResult result;
	VkImageFormatProperties limits;
	VkExternalMemoryFeatureFlags features;
	VkPhysicalDeviceImageFormatInfo2 info;
	VkImageUsageFlags stencil_usage;
	VkExternalMemoryHandleTypeFlagBits elsewhere;
	uint32_t format_count;
	uint32_t count;
} driver;

static struct sl_replay replay;
static struct sl_replay_physical_device physical;
static const struct sl_replay_device device = { .replay = &replay, .physical = &physical };

static bool note_chain(const VkBaseInStructure *element)
{
	bool is_bad = false;

	for (; element != NULL; element = element->pNext) {
		switch (element->sType) {
		case VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO:
			driver.stencil_usage =
				((const VkImageStencilUsageCreateInfo *)element)->stencilUsage;
			break;
		case VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO:
			driver.format_count =
				((const VkImageFormatListCreateInfo *)element)->viewFormatCount;
			break;
		case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO:
			driver.elsewhere =
				((const VkPhysicalDeviceExternalImageFormatInfo *)element)
					->handleType;
			break;
		case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT:
			is_bad = ((const VkPhysicalDeviceImageDrmFormatModifierInfoEXT *)element)
					 ->drmFormatModifier == BAD_MODIFIER;
			break;
		default:
			fail_msg("sType %d", element->sType);
		}
	}
	return is_bad;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_properties(VkPhysicalDevice handle,
						     const VkPhysicalDeviceImageFormatInfo2 *info,
						     VkImageFormatProperties2 *properties)
{
	VkExternalImageFormatProperties *external = properties->pNext;
	bool is_bad = note_chain(info->pNext);

	(void)handle;
	driver.count++;
	driver.info = *info;
	properties->imageFormatProperties = driver.limits;
	if (external != NULL) {
		external->externalMemoryProperties.externalMemoryFeatures = driver.features;
	}
	return is_bad ? VK_ERROR_FORMAT_NOT_SUPPORTED : driver.result;
}

static int setup(void **state)
{
	(void)state;
	memset(&driver, 0, sizeof(driver));
	driver.limits = (VkImageFormatProperties){
		.maxExtent = { 1024, 512, 256 },
		.maxMipLevels = 9,
		.maxArrayLayers = 12,
		.sampleCounts = VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT,
	};
	replay.vki.GetPhysicalDeviceImageFormatProperties2 = get_properties;
	return 0;
}

static VkImageCreateInfo plain(void)
{
	return (VkImageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8_UNORM,
		.extent = { 16, 8, 4 },
		.mipLevels = 5,
		.arrayLayers = 12,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT,
	};
}

static VkResult check(const VkImageCreateInfo *info)
{
	return sl_image_limits_check(&device, info, 0, NULL);
}

/* The plain image with one thing changed. */
#define CHECK(member, value)                         \
	({                                           \
		VkImageCreateInfo changed = plain(); \
		changed.member = value;              \
		check(&changed);                     \
	})
#define ASSERT_FITS(member, value) assert_int_equal(CHECK(member, value), VK_SUCCESS)
#define ASSERT_EXCEEDS(member, value) \
	assert_int_equal(CHECK(member, value), VK_ERROR_FORMAT_NOT_SUPPORTED)

static void test_extent(void **state)
{
	(void)state;
	ASSERT_FITS(extent.width, 1024);
	ASSERT_EXCEEDS(extent.width, 1025);
	ASSERT_EXCEEDS(extent.width, UINT32_MAX);
	ASSERT_FITS(extent.height, 512);
	ASSERT_EXCEEDS(extent.height, 513);
	ASSERT_EXCEEDS(extent.height, 0);
	ASSERT_FITS(extent.depth, 256);
	ASSERT_EXCEEDS(extent.depth, 257);
	ASSERT_EXCEEDS(extent.depth, 0);
	VkImageCreateInfo info = plain();
	info.extent.width = 0;
	info.mipLevels = 1;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
}

static void test_levels_and_layers(void **state)
{
	VkImageCreateInfo info = plain();

	(void)state;
	ASSERT_EXCEEDS(mipLevels, 0);
	ASSERT_EXCEEDS(mipLevels, 6);
	ASSERT_EXCEEDS(mipLevels, UINT32_MAX);
	info.extent.height = 512;
	info.mipLevels = 9;
	assert_int_equal(check(&info), VK_SUCCESS);
	info.mipLevels = 10;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
	ASSERT_EXCEEDS(arrayLayers, 0);
	ASSERT_EXCEEDS(arrayLayers, 13);
}

static void test_samples(void **state)
{
	VkImageCreateInfo info = plain();

	(void)state;
	info.mipLevels = 1;
	info.samples = VK_SAMPLE_COUNT_4_BIT;
	assert_int_equal(check(&info), VK_SUCCESS);
	info.samples = VK_SAMPLE_COUNT_2_BIT;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
	info.samples = VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
	info.samples = 0;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
	ASSERT_EXCEEDS(samples, VK_SAMPLE_COUNT_4_BIT);
}

static void test_cube(void **state)
{
	VkImageCreateInfo info = plain();

	(void)state;
	info.flags = VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
	info.extent.height = info.extent.width;
	assert_int_equal(check(&info), VK_SUCCESS);
	info.arrayLayers = 5;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
}

static void test_question(void **state)
{
	const VkDedicatedAllocationImageCreateInfoNV unrelated = {
		.sType = VK_STRUCTURE_TYPE_DEDICATED_ALLOCATION_IMAGE_CREATE_INFO_NV,
	};
	const VkImageFormatListCreateInfo formats = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
		.pNext = &unrelated,
		.viewFormatCount = 7,
	};
	const VkImageStencilUsageCreateInfo stencil = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO,
		.pNext = &formats,
		.stencilUsage = VK_IMAGE_USAGE_STORAGE_BIT,
	};
	VkExternalMemoryFeatureFlags features = 0;
	VkImageCreateInfo info = plain();

	(void)state;
	info.pNext = &stencil;
	info.flags = VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT;
	driver.features = VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
	assert_int_equal(sl_image_limits_check(
				 &device, &info,
				 VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, &features),
			 VK_SUCCESS);
	assert_int_equal(features, VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT);
	assert_int_equal(driver.elsewhere, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT);
	assert_int_equal(driver.format_count, 7);
	assert_int_equal(driver.stencil_usage, VK_IMAGE_USAGE_STORAGE_BIT);
	assert_int_equal(driver.info.format, info.format);
	assert_int_equal(driver.info.type, info.imageType);
	assert_int_equal(driver.info.tiling, info.tiling);
	assert_int_equal(driver.info.usage, info.usage);
	assert_int_equal(driver.info.flags, info.flags);
	assert_ptr_equal(info.pNext, &stencil);
	assert_ptr_equal(formats.pNext, &unrelated);
}

static void test_refused(void **state)
{
	const VkImageCreateInfo info = plain();

	(void)state;
	driver.result = VK_ERROR_OUT_OF_HOST_MEMORY;
	assert_int_equal(check(&info), VK_ERROR_OUT_OF_HOST_MEMORY);
}

static void test_modifiers(void **state)
{
	uint64_t list[] = { 1, 2, 3 };
	VkImageDrmFormatModifierListCreateInfoEXT several = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT,
		.drmFormatModifierCount = 3,
		.pDrmFormatModifiers = list,
	};
	VkImageDrmFormatModifierExplicitCreateInfoEXT one = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT,
		.drmFormatModifier = 1,
	};
	VkImageCreateInfo info = plain();

	(void)state;
	info.tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
	info.pNext = &one;
	assert_int_equal(check(&info), VK_SUCCESS);
	one.drmFormatModifier = BAD_MODIFIER;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
	info.pNext = &several;
	driver.count = 0;
	assert_int_equal(check(&info), VK_SUCCESS);
	assert_int_equal(driver.count, 3);
	list[1] = BAD_MODIFIER;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
	several.drmFormatModifierCount = 0;
	assert_int_equal(check(&info), VK_ERROR_FORMAT_NOT_SUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_extent, setup),
		cmocka_unit_test_setup(test_levels_and_layers, setup),
		cmocka_unit_test_setup(test_samples, setup),
		cmocka_unit_test_setup(test_cube, setup),
		cmocka_unit_test_setup(test_question, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_modifiers, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
