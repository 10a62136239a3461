/* SPDX-License-Identifier: MIT */
/* Attachments that may be rendered to together. */
#include "host/check/check_priv.h"
#include "tests/unit/sl_test.h"

#include <errno.h>

static struct sl_check *create(bool is_software)
{
	static const VkPhysicalDeviceLimits limits = {
		.framebufferColorSampleCounts =
			VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT | VK_SAMPLE_COUNT_8_BIT,
		.framebufferDepthSampleCounts = VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT,
	};
	struct sl_check *check = sl_check_create(&(struct sl_check_options){
		.limits = &limits,
		.is_software = is_software,
		.is_mesa_22 = is_software,
	});

	assert_non_null(check);
	return check;
}

static void test_as_many_of_each(void **state)
{
	struct sl_check *check = create(true);

	(void)state;
	assert_int_equal(sl_check_samples(check, 0, NULL), 0);
	assert_int_equal(sl_check_samples(check, VK_SAMPLE_COUNT_1_BIT, NULL), 0);
	assert_int_equal(sl_check_samples(check, VK_SAMPLE_COUNT_4_BIT, NULL), 0);
	assert_int_equal(
		sl_check_samples(check, VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT, NULL),
		-EBADMSG);
	sl_check_destroy(check);
}

static void test_gpus_may_mix(void **state)
{
	struct sl_check *check = create(false);

	(void)state;
	assert_int_equal(
		sl_check_samples(check, VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT, NULL), 0);
	sl_check_destroy(check);
}

static void test_single_sampled(void **state)
{
	static const struct {
		VkSampleCountFlags seen;
		VkSampleCountFlags samples;
		int result;
	} cases[] = {
		{ 0, VK_SAMPLE_COUNT_4_BIT, 0 },
		{ VK_SAMPLE_COUNT_1_BIT, VK_SAMPLE_COUNT_4_BIT, 0 },
		{ VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT, VK_SAMPLE_COUNT_4_BIT, 0 },
		{ VK_SAMPLE_COUNT_1_BIT, VK_SAMPLE_COUNT_1_BIT, 0 },
		{ VK_SAMPLE_COUNT_4_BIT, VK_SAMPLE_COUNT_1_BIT, -EBADMSG },
		{ VK_SAMPLE_COUNT_1_BIT, VK_SAMPLE_COUNT_2_BIT, -EBADMSG },
		{ VK_SAMPLE_COUNT_1_BIT, VK_SAMPLE_COUNT_8_BIT, -EBADMSG },
		{ VK_SAMPLE_COUNT_1_BIT, 0, -EBADMSG },
		{ VK_SAMPLE_COUNT_1_BIT, VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT, -EBADMSG },
	};
	struct sl_check *check = create(true);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const VkMultisampledRenderToSingleSampledInfoEXT info = {
			.sType = VK_STRUCTURE_TYPE_MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_INFO_EXT,
			.multisampledRenderToSingleSampledEnable = VK_TRUE,
			.rasterizationSamples = (VkSampleCountFlagBits)cases[i].samples,
		};

		assert_int_equal(sl_check_samples(check, cases[i].seen, &info), cases[i].result);
	}
	sl_check_destroy(check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_many_of_each),
		cmocka_unit_test(test_gpus_may_mix),
		cmocka_unit_test(test_single_sampled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
