/* SPDX-License-Identifier: MIT */
/* From -errno to VkResult, at the edge. */
#ifndef SL_GUEST_DRIVER_VK_RESULT_H
#define SL_GUEST_DRIVER_VK_RESULT_H

#include "protocol/sl_entries.h"

#include <errno.h>
#include <vulkan/vulkan_core.h>

/* The VkResult of an entry, which may return what the registry lists for its command only. */
#define SL_VK_RESULT(command, r) sl_vk_result((r), (VkResult)SL_LOST_##command)

/* lost: of a context that is lost. */
static inline VkResult sl_vk_result(int r, VkResult lost)
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
		return lost;
	}
}

#endif
