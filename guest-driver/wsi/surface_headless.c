/* SPDX-License-Identifier: MIT */
/* Surfaces that nobody sees: presenting gives the image back once the GPU has done with it. */
#include "guest-driver/wsi/surface.h"

#include "guest-driver/wsi/swapchain.h"
#include "protocol/sl_entries.h"

static const VkPresentModeKHR modes[] = {
	VK_PRESENT_MODE_IMMEDIATE_KHR,
	VK_PRESENT_MODE_MAILBOX_KHR,
	VK_PRESENT_MODE_FIFO_KHR,
	VK_PRESENT_MODE_FIFO_RELAXED_KHR,
};

static VkResult get_layouts(struct sl_surface *surface, uint32_t *ret_layouts)
{
	*ret_layouts = (1u << SL_PIXEL_LAYOUT_COUNT) - 1;
	return VK_SUCCESS;
}

static VkResult get_capabilities(struct sl_surface *surface, VkSurfaceCapabilitiesKHR *caps)
{
	caps->minImageCount = 2;
	caps->currentExtent = (VkExtent2D){ UINT32_MAX, UINT32_MAX };
	caps->supportedCompositeAlpha =
		VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR | VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR;
	return VK_SUCCESS;
}

static VkResult attach(struct sl_swapchain *swapchain)
{
	return VK_SUCCESS;
}

static VkResult add_image(struct sl_swapchain *swapchain, struct sl_swapchain_image *image)
{
	return VK_SUCCESS;
}

static void show(struct sl_swapchain *swapchain, const struct sl_present *present)
{
	sl_swapchain_set_shown(swapchain, present->present_id);
	sl_swapchain_release(swapchain, present->image);
}

static void detach(struct sl_swapchain *swapchain)
{
}

static const struct sl_surface_ops ops = {
	.get_layouts = get_layouts,
	.get_capabilities = get_capabilities,
	.modes = modes,
	.mode_count = sizeof(modes) / sizeof(modes[0]),
	.attach = attach,
	.add_image = add_image,
	.show = show,
	.detach = detach,
};

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateHeadlessSurfaceEXT(
	VkInstance instance, const VkHeadlessSurfaceCreateInfoEXT *pCreateInfo,
	const VkAllocationCallbacks *pAllocator, VkSurfaceKHR *pSurface)
{
	struct sl_surface *surface = sl_surface_create(instance, &ops, sizeof(*surface));

	*pSurface = (VkSurfaceKHR)(uintptr_t)surface;
	return surface != NULL ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}
