/* SPDX-License-Identifier: MIT */
/* What a swapchain's images are made of: for images that an application makes itself and binds to
 * the same memory (VkImageSwapchainCreateInfoKHR, VkBindImageMemorySwapchainInfoKHR). */
#ifndef SL_GUEST_DRIVER_VK_PRESENTABLE_H
#define SL_GUEST_DRIVER_VK_PRESENTABLE_H

#include "guest-driver/vk/object.h"

#include <stdint.h>

#define SL_MAX_SWAPCHAIN_IMAGES 16

/* First member of every VkSwapchainKHR. Does not change once the application has the swapchain. */
struct sl_presentable {
	struct sl_guest_object base;
	VkImageTiling tiling;
	VkImageUsageFlags usage;  /* of the images: what was asked for, and more */
	VkImageCreateFlags flags; /* likewise */
	VkDeviceMemory memories[SL_MAX_SWAPCHAIN_IMAGES]; /* each bound at offset 0 */
};

static inline const struct sl_presentable *sl_presentable_from_handle(VkSwapchainKHR swapchain)
{
	return (const struct sl_presentable *)(uintptr_t)swapchain;
}

#endif
