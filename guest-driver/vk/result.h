/* SPDX-License-Identifier: MIT */
/* From -errno to VkResult, at the edge. */
#ifndef SL_GUEST_DRIVER_VK_RESULT_H
#define SL_GUEST_DRIVER_VK_RESULT_H

#include <errno.h>
#include <vulkan/vulkan_core.h>

/* For commands that may return VK_ERROR_DEVICE_LOST and VK_TIMEOUT. */
static inline VkResult sl_vk_result(int r)
{
	switch (r) {
	case 0:
		return VK_SUCCESS;
	case -ETIMEDOUT:
		return VK_TIMEOUT;
	case -ENOMEM:
	case -EMSGSIZE:
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	default:
		return VK_ERROR_DEVICE_LOST;
	}
}

#endif
