/* SPDX-License-Identifier: MIT */
/* VK_EXT_sample_locations: drivers copy as many as they are told to arrays as long as the device's
 * limits, and read as many as a grid of pixels has. */
#include "host/check/check_priv.h"

static bool fit(const struct sl_check_more_limits *limits, const VkSampleLocationsInfoEXT *info)
{
	uint32_t samples = info->sampleLocationsPerPixel;
	VkExtent2D grid = info->sampleLocationGridSize;

	/* All of it may be 0 where it says nothing. */
	return (samples & (samples - 1)) == 0 && (samples & ~limits->location_samples) == 0 &&
	       grid.width <= limits->location_grid.width &&
	       grid.height <= limits->location_grid.height &&
	       info->sampleLocationsCount == (uint64_t)samples * grid.width * grid.height;
}

int sl_check_sample_locations(struct sl_check *check, const VkSampleLocationsInfoEXT *info)
{
	return info == NULL || fit(&check->more, info)
		       ? 0
		       : sl_check_fail(check, "%u sample locations, %u for each of %u x %u pixels",
				       info->sampleLocationsCount, info->sampleLocationsPerPixel,
				       info->sampleLocationGridSize.width,
				       info->sampleLocationGridSize.height);
}

int sl_check_sample_locations_in(struct sl_check *check, const void *chain)
{
	return sl_check_sample_locations(
		check, sl_check_chain_find(chain, VK_STRUCTURE_TYPE_SAMPLE_LOCATIONS_INFO_EXT));
}

int sl_check_sample_locations_of_pass(struct sl_check *check, const struct sl_check_pass *pass,
				      const void *chain)
{
	const VkRenderPassSampleLocationsBeginInfoEXT *info = sl_check_chain_find(
		chain, VK_STRUCTURE_TYPE_RENDER_PASS_SAMPLE_LOCATIONS_BEGIN_INFO_EXT);
	int r = 0;

	for (uint32_t i = 0;
	     info != NULL && r == 0 && i < info->attachmentInitialSampleLocationsCount; i++) {
		const VkAttachmentSampleLocationsEXT *locations =
			&info->pAttachmentInitialSampleLocations[i];

		r = locations->attachmentIndex < pass->attachment_count
			    ? sl_check_sample_locations(check, &locations->sampleLocationsInfo)
			    : sl_check_fail(check, "sample locations of attachment %u of %u",
					    locations->attachmentIndex, pass->attachment_count);
	}
	for (uint32_t i = 0; info != NULL && r == 0 && i < info->postSubpassSampleLocationsCount;
	     i++) {
		const VkSubpassSampleLocationsEXT *locations =
			&info->pPostSubpassSampleLocations[i];

		r = locations->subpassIndex < pass->subpass_count
			    ? sl_check_sample_locations(check, &locations->sampleLocationsInfo)
			    : sl_check_fail(check, "sample locations of subpass %u of %u",
					    locations->subpassIndex, pass->subpass_count);
	}
	return r;
}

int sl_check_vkCmdSetSampleLocationsEXT(struct sl_check *check,
					struct sl_vkCmdSetSampleLocationsEXT *args)
{
	return sl_check_sample_locations(check, args->pSampleLocationsInfo);
}
