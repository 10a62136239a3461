/* SPDX-License-Identifier: MIT */
/* Images that drivers may be shown: what they say of a format, beside what a guest asks for. */
#include "host/replay/image_limits.h"
#include "host/replay/replay_priv.h"

#include <stddef.h>
#include <string.h>

/* What the driver is asked, with what of the image's chain has a say in the answer. */
struct question {
	VkPhysicalDeviceImageFormatInfo2 info;
	VkPhysicalDeviceExternalImageFormatInfo elsewhere;
	VkPhysicalDeviceImageDrmFormatModifierInfoEXT modifier;
	VkImageFormatListCreateInfo formats;
	VkImageStencilUsageCreateInfo stencil;
	VkImageCompressionControlEXT compression;
	VkOpticalFlowImageFormatInfoNV flow;
};

static void chain(struct question *question, void *element)
{
	memcpy((uint8_t *)element + offsetof(VkBaseInStructure, pNext), &question->info.pNext,
	       sizeof(question->info.pNext));
	question->info.pNext = element;
}

/* Chain in a copy of the image's struct of this sType, if it has one. */
static void chain_copy(struct question *question, const VkImageCreateInfo *info,
		       VkStructureType type, void *copy, size_t size)
{
	const void *found = sl_chain_find(info->pNext, type);

	if (found != NULL) {
		memcpy(copy, found, size);
		chain(question, copy);
	}
}

static void ask(struct question *question, const VkImageCreateInfo *info,
		VkExternalMemoryHandleTypeFlagBits elsewhere)
{
	question->info = (VkPhysicalDeviceImageFormatInfo2){
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
		.format = info->format,
		.type = info->imageType,
		.tiling = info->tiling,
		.usage = info->usage,
		.flags = info->flags,
	};
	if (elsewhere != 0) {
		question->elsewhere = (VkPhysicalDeviceExternalImageFormatInfo){
			.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
			.handleType = elsewhere,
		};
		chain(question, &question->elsewhere);
	}
	chain_copy(question, info, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
		   &question->formats, sizeof(question->formats));
	chain_copy(question, info, VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO,
		   &question->stencil, sizeof(question->stencil));
	chain_copy(question, info, VK_STRUCTURE_TYPE_IMAGE_COMPRESSION_CONTROL_EXT,
		   &question->compression, sizeof(question->compression));
	chain_copy(question, info, VK_STRUCTURE_TYPE_OPTICAL_FLOW_IMAGE_FORMAT_INFO_NV,
		   &question->flow, sizeof(question->flow));
}

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Levels down to one texel. */
static uint32_t count_levels(VkExtent3D extent)
{
	return 32 - (uint32_t)__builtin_clz(
			    max_of(max_of(extent.width, extent.height), extent.depth) | 1);
}

static bool has_extent(const VkImageCreateInfo *info, const VkExtent3D *max)
{
	const VkExtent3D *extent = &info->extent;

	return extent->width > 0 && extent->height > 0 && extent->depth > 0 &&
	       extent->width <= max->width && extent->height <= max->height &&
	       extent->depth <= max->depth;
}

/* The faces of a cube are squares. */
static bool has_faces(const VkImageCreateInfo *info)
{
	return (info->flags & VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT) == 0 ||
	       (info->extent.width == info->extent.height && info->arrayLayers >= 6);
}

static bool has_samples(const VkImageCreateInfo *info, VkSampleCountFlags allowed)
{
	return __builtin_popcount(info->samples) == 1 && (info->samples & allowed) != 0 &&
	       (info->samples == VK_SAMPLE_COUNT_1_BIT || info->mipLevels == 1);
}

static bool is_within(const VkImageCreateInfo *info, const VkImageFormatProperties *limits)
{
	return has_extent(info, &limits->maxExtent) && has_faces(info) &&
	       has_samples(info, limits->sampleCounts) && info->mipLevels > 0 &&
	       info->mipLevels <= limits->maxMipLevels &&
	       info->mipLevels <= count_levels(info->extent) && info->arrayLayers > 0 &&
	       info->arrayLayers <= limits->maxArrayLayers;
}

static VkResult answer(const struct sl_replay_device *device, const VkImageCreateInfo *info,
		       const struct question *question, VkExternalMemoryFeatureFlags *ret_features)
{
	VkExternalImageFormatProperties external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
	};
	VkImageFormatProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
		.pNext = ret_features != NULL ? &external : NULL,
	};
	VkResult result = device->replay->vki.GetPhysicalDeviceImageFormatProperties2(
		device->physical->handle, &question->info, &properties);

	if (result != VK_SUCCESS) {
		return result;
	}
	if (ret_features != NULL) {
		*ret_features = external.externalMemoryProperties.externalMemoryFeatures;
	}
	return is_within(info, &properties.imageFormatProperties) ? VK_SUCCESS
								  : VK_ERROR_FORMAT_NOT_SUPPORTED;
}

/* The driver may choose any of the modifiers. */
static VkResult answer_modifiers(const struct sl_replay_device *device,
				 const VkImageCreateInfo *info, struct question *question,
				 const uint64_t *modifiers, uint32_t count)
{
	VkResult result = VK_ERROR_FORMAT_NOT_SUPPORTED;

	question->modifier = (VkPhysicalDeviceImageDrmFormatModifierInfoEXT){
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT,
		.sharingMode = info->sharingMode,
		.queueFamilyIndexCount = info->queueFamilyIndexCount,
		.pQueueFamilyIndices = info->pQueueFamilyIndices,
	};
	chain(question, &question->modifier);
	for (uint32_t i = 0; i < count; i++) {
		question->modifier.drmFormatModifier = modifiers[i];
		result = answer(device, info, question, NULL);
		if (result != VK_SUCCESS) {
			break;
		}
	}
	return result;
}

VkResult sl_image_limits_check(const struct sl_replay_device *device, const VkImageCreateInfo *info,
			       VkExternalMemoryHandleTypeFlagBits elsewhere,
			       VkExternalMemoryFeatureFlags *ret_features)
{
	const VkImageDrmFormatModifierListCreateInfoEXT *list = sl_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT);
	const VkImageDrmFormatModifierExplicitCreateInfoEXT *one = sl_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT);
	struct question question;

	ask(&question, info, elsewhere);
	if (info->tiling != VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT) {
		return answer(device, info, &question, ret_features);
	}
	if (list != NULL) {
		return answer_modifiers(device, info, &question, list->pDrmFormatModifiers,
					list->drmFormatModifierCount);
	}
	return one != NULL ? answer_modifiers(device, info, &question, &one->drmFormatModifier, 1)
			   : VK_ERROR_FORMAT_NOT_SUPPORTED;
}
