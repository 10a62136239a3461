/* SPDX-License-Identifier: MIT */
/* Questions about surfaces. */
#include "guest-driver/wsi/surface.h"

#include "guest-driver/vk/chain.h"
#include "protocol/sl_entries.h"

/* In the order of preference, which is Mesa's. */
static const struct {
	VkFormat format;
	enum sl_pixel_layout layout;
} format_layouts[] = {
	{ VK_FORMAT_B8G8R8A8_SRGB, SL_PIXEL_XRGB8888 },
	{ VK_FORMAT_B8G8R8A8_UNORM, SL_PIXEL_XRGB8888 },
	{ VK_FORMAT_R5G6B5_UNORM_PACK16, SL_PIXEL_RGB565 },
	{ VK_FORMAT_R8G8B8A8_SRGB, SL_PIXEL_XBGR8888 },
	{ VK_FORMAT_R8G8B8A8_UNORM, SL_PIXEL_XBGR8888 },
	{ VK_FORMAT_A2R10G10B10_UNORM_PACK32, SL_PIXEL_XRGB2101010 },
	{ VK_FORMAT_A2B10G10R10_UNORM_PACK32, SL_PIXEL_XBGR2101010 },
};

#define FORMAT_COUNT (sizeof(format_layouts) / sizeof(format_layouts[0]))

struct sl_surface *sl_surface_create(VkInstance instance, const struct sl_surface_ops *ops,
				     size_t size)
{
	struct sl_surface *surface =
		sl_guest_object_create(SL_GUEST_OBJECT(instance), VK_OBJECT_TYPE_SURFACE_KHR, size);

	if (surface != NULL) {
		surface->ops = ops;
	}
	return surface;
}

int sl_surface_format_layout(VkFormat format)
{
	for (uint32_t i = 0; i < FORMAT_COUNT; i++) {
		if (format_layouts[i].format == format) {
			return (int)format_layouts[i].layout;
		}
	}
	return -1;
}

uint32_t sl_surface_pixel_size(VkFormat format)
{
	return sl_surface_format_layout(format) == SL_PIXEL_RGB565 ? 2 : 4;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroySurfaceKHR(VkInstance instance, VkSurfaceKHR handle,
						  const VkAllocationCallbacks *pAllocator)
{
	struct sl_surface *surface = sl_surface_from_handle(handle);

	if (surface != NULL) {
		if (surface->ops->destroy != NULL) {
			surface->ops->destroy(surface);
		}
		sl_guest_object_destroy(surface);
	}
}

/* Every queue can present: the most that it has to do is a copy. */
VKAPI_ATTR VkResult VKAPI_CALL
sl_vkGetPhysicalDeviceSurfaceSupportKHR(VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex,
					VkSurfaceKHR handle, VkBool32 *pSupported)
{
	struct sl_surface *surface = sl_surface_from_handle(handle);
	uint32_t layouts = 0;
	VkResult result = surface->ops->get_layouts(surface, &layouts);

	*pSupported = layouts != 0;
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkGetPhysicalDeviceSurfaceCapabilitiesKHR(VkPhysicalDevice physicalDevice, VkSurfaceKHR handle,
					     VkSurfaceCapabilitiesKHR *pSurfaceCapabilities)
{
	struct sl_surface *surface = sl_surface_from_handle(handle);
	VkSurfaceCapabilitiesKHR *caps = pSurfaceCapabilities;
	VkPhysicalDeviceProperties properties;

	sl_vkGetPhysicalDeviceProperties(physicalDevice, &properties);
	*caps = (VkSurfaceCapabilitiesKHR){
		.maxImageArrayLayers = 1,
		.supportedTransforms = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
		.currentTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
		.supportedUsageFlags =
			VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT |
			VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT |
			VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT,
	};
	VkResult result = surface->ops->get_capabilities(surface, caps);
	if (caps->currentExtent.width == UINT32_MAX) {
		uint32_t max = properties.limits.maxImageDimension2D;
		caps->minImageExtent = (VkExtent2D){ 1, 1 };
		caps->maxImageExtent = (VkExtent2D){ max, max };
	} else {
		caps->minImageExtent = caps->currentExtent;
		caps->maxImageExtent = caps->currentExtent;
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetPhysicalDeviceSurfaceCapabilities2KHR(
	VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSurfaceInfo2KHR *pSurfaceInfo,
	VkSurfaceCapabilities2KHR *pSurfaceCapabilities)
{
	for (VkBaseOutStructure *at = pSurfaceCapabilities->pNext; at != NULL; at = at->pNext) {
		if (at->sType == VK_STRUCTURE_TYPE_SURFACE_PROTECTED_CAPABILITIES_KHR) {
			((VkSurfaceProtectedCapabilitiesKHR *)at)->supportsProtected = VK_FALSE;
		}
	}
	return sl_vkGetPhysicalDeviceSurfaceCapabilitiesKHR(
		physicalDevice, pSurfaceInfo->surface, &pSurfaceCapabilities->surfaceCapabilities);
}

static bool can_render(VkPhysicalDevice device, VkFormat format)
{
	VkFormatProperties properties;

	sl_vkGetPhysicalDeviceFormatProperties(device, format, &properties);
	return (properties.optimalTilingFeatures & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT) != 0;
}

/* The formats of a surface, which the device can render to. */
static VkResult find_formats(VkPhysicalDevice device, VkSurfaceKHR handle, uint32_t *ret_count,
			     VkSurfaceFormatKHR formats[FORMAT_COUNT])
{
	struct sl_surface *surface = sl_surface_from_handle(handle);
	uint32_t layouts = 0;
	VkResult result = surface->ops->get_layouts(surface, &layouts);

	*ret_count = 0;
	for (uint32_t i = 0; i < FORMAT_COUNT; i++) {
		if ((layouts >> format_layouts[i].layout & 1) != 0 &&
		    can_render(device, format_layouts[i].format)) {
			formats[(*ret_count)++] = (VkSurfaceFormatKHR){
				format_layouts[i].format,
				VK_COLOR_SPACE_SRGB_NONLINEAR_KHR,
			};
		}
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetPhysicalDeviceSurfaceFormatsKHR(
	VkPhysicalDevice physicalDevice, VkSurfaceKHR surface, uint32_t *pSurfaceFormatCount,
	VkSurfaceFormatKHR *pSurfaceFormats)
{
	VkSurfaceFormatKHR formats[FORMAT_COUNT];
	uint32_t total = 0;
	VkResult result = find_formats(physicalDevice, surface, &total, formats);

	if (result != VK_SUCCESS || pSurfaceFormats == NULL) {
		*pSurfaceFormatCount = total;
		return result;
	}
	uint32_t count = *pSurfaceFormatCount < total ? *pSurfaceFormatCount : total;
	for (uint32_t i = 0; i < count; i++) {
		pSurfaceFormats[i] = formats[i];
	}
	*pSurfaceFormatCount = count;
	return count < total ? VK_INCOMPLETE : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetPhysicalDeviceSurfaceFormats2KHR(
	VkPhysicalDevice physicalDevice, const VkPhysicalDeviceSurfaceInfo2KHR *pSurfaceInfo,
	uint32_t *pSurfaceFormatCount, VkSurfaceFormat2KHR *pSurfaceFormats)
{
	VkSurfaceFormatKHR formats[FORMAT_COUNT];
	uint32_t total = 0;
	VkResult result = find_formats(physicalDevice, pSurfaceInfo->surface, &total, formats);

	if (result != VK_SUCCESS || pSurfaceFormats == NULL) {
		*pSurfaceFormatCount = total;
		return result;
	}
	uint32_t count = *pSurfaceFormatCount < total ? *pSurfaceFormatCount : total;
	for (uint32_t i = 0; i < count; i++) {
		pSurfaceFormats[i].surfaceFormat = formats[i];
	}
	*pSurfaceFormatCount = count;
	return count < total ? VK_INCOMPLETE : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetPhysicalDeviceSurfacePresentModesKHR(
	VkPhysicalDevice physicalDevice, VkSurfaceKHR surface, uint32_t *pPresentModeCount,
	VkPresentModeKHR *pPresentModes)
{
	const struct sl_surface_ops *ops = sl_surface_from_handle(surface)->ops;
	uint32_t total = ops->mode_count;

	if (pPresentModes == NULL) {
		*pPresentModeCount = total;
		return VK_SUCCESS;
	}
	uint32_t count = *pPresentModeCount < total ? *pPresentModeCount : total;
	for (uint32_t i = 0; i < count; i++) {
		pPresentModes[i] = ops->modes[i];
	}
	*pPresentModeCount = count;
	return count < total ? VK_INCOMPLETE : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkGetPhysicalDevicePresentRectanglesKHR(VkPhysicalDevice physicalDevice, VkSurfaceKHR surface,
					   uint32_t *pRectCount, VkRect2D *pRects)
{
	VkSurfaceCapabilitiesKHR caps;

	if (pRects == NULL) {
		*pRectCount = 1;
		return VK_SUCCESS;
	}
	if (*pRectCount == 0) {
		return VK_INCOMPLETE;
	}
	VkResult result =
		sl_vkGetPhysicalDeviceSurfaceCapabilitiesKHR(physicalDevice, surface, &caps);
	*pRectCount = 1;
	pRects[0] = (VkRect2D){ .extent = caps.currentExtent };
	return result;
}

/* A group has one device, which presents its own images. */
VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetDeviceGroupPresentCapabilitiesKHR(
	VkDevice device, VkDeviceGroupPresentCapabilitiesKHR *pDeviceGroupPresentCapabilities)
{
	for (uint32_t i = 0; i < VK_MAX_DEVICE_GROUP_SIZE; i++) {
		pDeviceGroupPresentCapabilities->presentMask[i] = i == 0 ? 1 : 0;
	}
	pDeviceGroupPresentCapabilities->modes = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR;
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetDeviceGroupSurfacePresentModesKHR(
	VkDevice device, VkSurfaceKHR surface, VkDeviceGroupPresentModeFlagsKHR *pModes)
{
	*pModes = VK_DEVICE_GROUP_PRESENT_MODE_LOCAL_BIT_KHR;
	return VK_SUCCESS;
}
