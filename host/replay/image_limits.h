/* SPDX-License-Identifier: MIT */
/* What the driver's formats allow of images. Drivers take for granted that images stay within it:
 * they have arrays for as many levels, and write as many samples, as they say. */
#ifndef SL_HOST_REPLAY_IMAGE_LIMITS_H
#define SL_HOST_REPLAY_IMAGE_LIMITS_H

#include <vulkan/vulkan_core.h>

struct sl_replay_device;

/* May such an image be made, to be bound to memory from elsewhere (0: to the driver's own)?
 * ret_features: what the driver can do with memory from there; NULL unless there is any.
 * Returns VK_SUCCESS, or what the guest is told instead. */
VkResult sl_image_limits_check(const struct sl_replay_device *device, const VkImageCreateInfo *info,
			       VkExternalMemoryHandleTypeFlagBits elsewhere,
			       VkExternalMemoryFeatureFlags *ret_features);

#endif
