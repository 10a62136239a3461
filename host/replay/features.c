/* SPDX-License-Identifier: MIT */
/* The features that Sluice cannot carry, by struct and member. */
#include "host/replay/replay_priv.h"

struct masked_feature {
	VkStructureType type;
	size_t offset; /* of a VkBool32 */
};

static const struct masked_feature masked_features[] = {
	/* Protected memory cannot be shared with a guest. */
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
	  offsetof(VkPhysicalDeviceVulkan11Features, protectedMemory) },
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROTECTED_MEMORY_FEATURES,
	  offsetof(VkPhysicalDeviceProtectedMemoryFeatures, protectedMemory) },
	/* Commands that read the application's memory through addresses in structs. */
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR,
	  offsetof(VkPhysicalDeviceAccelerationStructureFeaturesKHR,
		   accelerationStructureHostCommands) },
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_OPACITY_MICROMAP_FEATURES_EXT,
	  offsetof(VkPhysicalDeviceOpacityMicromapFeaturesEXT, micromapHostCommands) },
	/* Output whose size only a property tells. */
	{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT,
	  offsetof(VkPhysicalDeviceDescriptorBufferFeaturesEXT, descriptorBufferCaptureReplay) },
};

void sl_features_mask(void *chain)
{
	for (VkBaseOutStructure *at = chain; at != NULL; at = at->pNext) {
		for (size_t i = 0; i < sizeof(masked_features) / sizeof(masked_features[0]); i++) {
			if (masked_features[i].type == at->sType) {
				*(VkBool32 *)((char *)at + masked_features[i].offset) = VK_FALSE;
			}
		}
	}
}
