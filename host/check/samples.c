/* SPDX-License-Identifier: MIT */
/* Samples of the attachments that are rendered to together. A software driver writes as many of
 * each as one of them has. GPUs may have extensions that allow a mixture, and find memory that is
 * not there. */
#include "host/check/check_priv.h"

/* Attachments with one sample stand for some that have as many as this says. */
static bool is_widened(const struct sl_check *check, VkSampleCountFlags seen,
		       const VkMultisampledRenderToSingleSampledInfoEXT *info)
{
	const VkPhysicalDeviceLimits *limits = &check->limits;
	VkSampleCountFlags samples = (VkSampleCountFlags)info->rasterizationSamples;

	return __builtin_popcount(samples) == 1 &&
	       (samples & limits->framebufferColorSampleCounts) != 0 &&
	       (samples & limits->framebufferDepthSampleCounts) != 0 &&
	       (seen & ~(samples | VK_SAMPLE_COUNT_1_BIT)) == 0;
}

int sl_check_samples(struct sl_check *check, VkSampleCountFlags seen, const void *chain)
{
	const VkMultisampledRenderToSingleSampledInfoEXT *info = sl_check_chain_find(
		chain, VK_STRUCTURE_TYPE_MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_INFO_EXT);
	bool fits = info != NULL && info->multisampledRenderToSingleSampledEnable
			    ? is_widened(check, seen, info)
			    : __builtin_popcount(seen) <= 1;

	return fits || !check->is_software
		       ? 0
		       : sl_check_fail(check,
				       "attachments with samples 0x%x are rendered to together",
				       seen);
}
