/* SPDX-License-Identifier: MIT */
/* Arithmetic of ranges, at its edges: nothing may wrap around. */
#include "host/check/range.h"

#include "protocol/sl_formats.h"
#include "tests/unit/sl_test.h"

static void test_bytes(void **state)
{
	assert_true(sl_check_bytes(0, 0, 0));
	assert_true(sl_check_bytes(16, 0, 16));
	assert_true(sl_check_bytes(0, 16, 16));
	assert_true(sl_check_bytes(12, 4, 16));
	assert_false(sl_check_bytes(13, 4, 16));
	assert_false(sl_check_bytes(17, 0, 16));
	assert_false(sl_check_bytes(UINT64_MAX, 2, 16));
	assert_false(sl_check_bytes(8, UINT64_MAX - 4, 16));
	assert_true(sl_check_bytes(UINT64_MAX - 1, 1, UINT64_MAX));
}

static void test_whole_size(void **state)
{
	assert_true(sl_check_range(0, VK_WHOLE_SIZE, 16));
	assert_true(sl_check_range(15, VK_WHOLE_SIZE, 16));
	assert_false(sl_check_range(16, VK_WHOLE_SIZE, 16));
	assert_false(sl_check_range(UINT64_MAX, VK_WHOLE_SIZE, 16));
	assert_false(sl_check_range(1, 16, 16));
}

static void test_remaining(void **state)
{
	assert_true(sl_check_part(0, 4, 4));
	assert_true(sl_check_part(3, VK_REMAINING_MIP_LEVELS, 4));
	assert_false(sl_check_part(4, VK_REMAINING_MIP_LEVELS, 4));
	assert_false(sl_check_part(3, 2, 4));
	assert_false(sl_check_part(UINT32_MAX, 2, 4));
	assert_false(sl_check_part(1, UINT32_MAX - 1, 4));
}

static void test_strides(void **state)
{
	assert_true(sl_check_strided(1000, 0, 16, 16, 16));
	assert_true(sl_check_strided(0, 1, UINT64_MAX, 16, 16));
	assert_true(sl_check_strided(0, 4, 20, 16, 76));
	assert_false(sl_check_strided(0, 4, 20, 16, 75));
	assert_false(sl_check_strided(0, UINT32_MAX, UINT64_MAX / 2, 16, UINT64_MAX));
	assert_false(sl_check_strided(0, 2, UINT64_MAX, 16, UINT64_MAX));
	assert_false(sl_check_strided(UINT64_MAX, 2, 8, 8, 64));
}

struct texels {
	VkFormat format;
	VkImageAspectFlags aspect;
	uint32_t row, height, layers;
	VkExtent3D extent;
	uint64_t size;
};

static bool count_texels(const struct texels *texels, uint64_t *ret_size)
{
	const VkBufferImageCopy2 region = {
		.bufferRowLength = texels->row,
		.bufferImageHeight = texels->height,
		.imageSubresource = { texels->aspect, 0, 0, texels->layers },
		.imageExtent = texels->extent,
	};

	return sl_check_texels(sl_format_find(texels->format), &region, ret_size);
}

static void test_texels(void **state)
{
	const VkImageAspectFlags color = VK_IMAGE_ASPECT_COLOR_BIT;
	const struct texels good[] = {
		{ VK_FORMAT_R8G8B8A8_UNORM, color, 0, 0, 1, { 16, 16, 1 }, 1024 },
		{ VK_FORMAT_R8G8B8A8_UNORM, color, 20, 0, 1, { 16, 16, 1 }, (15 * 20 + 16) * 4 },
		{ VK_FORMAT_R8G8B8A8_UNORM,
		  color,
		  20,
		  30,
		  3,
		  { 16, 2, 1 },
		  (2 * 20 * 30 + 20 + 16) * 4 },
		{ VK_FORMAT_R8_UNORM, color, 0, 8, 1, { 4, 4, 2 }, 4 * 8 + 16 },
		{ VK_FORMAT_R8_UNORM, color, 0, 0, 1, { 0, 4, 2 }, 0 },
		/* Blocks of 4 x 4 in 8 bytes: parts of blocks count. */
		{ VK_FORMAT_BC1_RGB_UNORM_BLOCK, color, 0, 0, 1, { 5, 5, 1 }, 4 * 8 },
		{ VK_FORMAT_BC1_RGB_UNORM_BLOCK, color, 16, 0, 1, { 5, 5, 1 }, (4 + 2) * 8 },
		{ VK_FORMAT_ASTC_12x12_UNORM_BLOCK, color, 0, 0, 1, { 13, 1, 1 }, 2 * 16 },
		{ VK_FORMAT_D24_UNORM_S8_UINT,
		  VK_IMAGE_ASPECT_DEPTH_BIT,
		  0,
		  0,
		  1,
		  { 4, 4, 1 },
		  64 },
		{ VK_FORMAT_D24_UNORM_S8_UINT,
		  VK_IMAGE_ASPECT_STENCIL_BIT,
		  0,
		  0,
		  1,
		  { 4, 4, 1 },
		  16 },
		{ VK_FORMAT_D16_UNORM, VK_IMAGE_ASPECT_DEPTH_BIT, 0, 0, 1, { 4, 4, 1 }, 32 },
		{ VK_FORMAT_G8_B8R8_2PLANE_420_UNORM,
		  VK_IMAGE_ASPECT_PLANE_1_BIT,
		  0,
		  0,
		  1,
		  { 4, 4, 1 },
		  32 },
		{ VK_FORMAT_G16_B16R16_2PLANE_420_UNORM,
		  VK_IMAGE_ASPECT_PLANE_1_BIT,
		  0,
		  0,
		  1,
		  { 4, 4, 1 },
		  64 },
		{ VK_FORMAT_G10X6_B10X6_R10X6_3PLANE_420_UNORM_3PACK16,
		  VK_IMAGE_ASPECT_PLANE_2_BIT,
		  0,
		  0,
		  1,
		  { 4, 4, 1 },
		  32 },
		{ VK_FORMAT_G8B8G8R8_422_UNORM, color, 0, 0, 1, { 4, 4, 1 }, 32 },
	};
	const struct texels bad[] = {
		{ VK_FORMAT_R8_UNORM, color, 15, 0, 1, { 16, 1, 1 }, 0 },
		{ VK_FORMAT_R8_UNORM, color, 0, 15, 1, { 1, 16, 1 }, 0 },
		{ VK_FORMAT_R32G32B32A32_SFLOAT,
		  color,
		  UINT32_MAX,
		  UINT32_MAX,
		  UINT32_MAX,
		  { UINT32_MAX, UINT32_MAX, UINT32_MAX },
		  0 },
		{ VK_FORMAT_R8_UNORM, color, UINT32_MAX, UINT32_MAX, 3, { 1, 1, 1 }, 0 },
	};
	uint64_t size;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(count_texels(&good[i], &size));
		assert_int_equal(size, good[i].size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(count_texels(&bad[i], &size) && size < UINT32_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	  cmocka_unit_test(test_whole_size),
		cmocka_unit_test(test_remaining), cmocka_unit_test(test_strides),
		cmocka_unit_test(test_texels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
