/* SPDX-License-Identifier: MIT */
/* What a guest is told about a physical device. */
#include "host/replay/replay_priv.h"

#include <string.h>

#include "protocol/sl_types.h"

/* Queue abilities that Sluice does not carry. */
#define QUEUE_FLAGS_MASKED                                                                       \
	(VK_QUEUE_PROTECTED_BIT | VK_QUEUE_VIDEO_DECODE_BIT_KHR | VK_QUEUE_OPTICAL_FLOW_BIT_NV | \
	 QUEUE_VIDEO_ENCODE)
#define QUEUE_VIDEO_ENCODE ((VkQueueFlags)0x40) /* in the beta headers only */

static const struct sl_vk_instance_table *table_of(void *self)
{
	return ((struct sl_object *)self)->vki;
}

int sl_replay_vkGetPhysicalDeviceFeatures(struct sl_replay *replay,
					  struct sl_vkGetPhysicalDeviceFeatures *args)
{
	(void)replay;
	table_of(args->self)->GetPhysicalDeviceFeatures(args->physicalDevice, args->pFeatures);
	return 0;
}

int sl_replay_vkGetPhysicalDeviceFeatures2(struct sl_replay *replay,
					   struct sl_vkGetPhysicalDeviceFeatures2 *args)
{
	(void)replay;
	table_of(args->self)->GetPhysicalDeviceFeatures2(args->physicalDevice, args->pFeatures);
	sl_features_mask(args->pFeatures);
	return 0;
}

/* A guest must not hear of core versions whose commands have no wire id. */
static void limit_version(VkPhysicalDeviceProperties *properties)
{
	if (properties->apiVersion >= VK_MAKE_API_VERSION(0, 1, 4, 0)) {
		properties->apiVersion = VK_MAKE_API_VERSION(0, 1, 3, VK_HEADER_VERSION);
	}
}

int sl_replay_vkGetPhysicalDeviceProperties(struct sl_replay *replay,
					    struct sl_vkGetPhysicalDeviceProperties *args)
{
	(void)replay;
	table_of(args->self)->GetPhysicalDeviceProperties(args->physicalDevice, args->pProperties);
	limit_version(args->pProperties);
	return 0;
}

int sl_replay_vkGetPhysicalDeviceProperties2(struct sl_replay *replay,
					     struct sl_vkGetPhysicalDeviceProperties2 *args)
{
	(void)replay;
	table_of(args->self)->GetPhysicalDeviceProperties2(args->physicalDevice, args->pProperties);
	limit_version(&args->pProperties->properties);

	VkPhysicalDeviceVulkan11Properties *vulkan11 = sl_chain_find(
		args->pProperties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
	if (vulkan11 != NULL) {
		vulkan11->protectedNoFault = VK_FALSE;
	}
	return 0;
}

int sl_replay_vkGetPhysicalDeviceQueueFamilyProperties(
	struct sl_replay *replay, struct sl_vkGetPhysicalDeviceQueueFamilyProperties *args)
{
	(void)replay;
	table_of(args->self)
		->GetPhysicalDeviceQueueFamilyProperties(args->physicalDevice,
							 args->pQueueFamilyPropertyCount,
							 args->pQueueFamilyProperties);
	for (uint32_t i = 0;
	     args->pQueueFamilyProperties != NULL && i < *args->pQueueFamilyPropertyCount; i++) {
		args->pQueueFamilyProperties[i].queueFlags &= ~QUEUE_FLAGS_MASKED;
	}
	return 0;
}

int sl_replay_vkGetPhysicalDeviceQueueFamilyProperties2(
	struct sl_replay *replay, struct sl_vkGetPhysicalDeviceQueueFamilyProperties2 *args)
{
	(void)replay;
	table_of(args->self)
		->GetPhysicalDeviceQueueFamilyProperties2(args->physicalDevice,
							  args->pQueueFamilyPropertyCount,
							  args->pQueueFamilyProperties);
	for (uint32_t i = 0;
	     args->pQueueFamilyProperties != NULL && i < *args->pQueueFamilyPropertyCount; i++) {
		args->pQueueFamilyProperties[i].queueFamilyProperties.queueFlags &=
			~QUEUE_FLAGS_MASKED;
	}
	return 0;
}

int sl_replay_vkGetPhysicalDeviceMemoryProperties(
	struct sl_replay *replay, struct sl_vkGetPhysicalDeviceMemoryProperties *args)
{
	(void)replay;
	*args->pMemoryProperties = sl_replay_physical_device_of(args->self)->memory_types.guest;
	return 0;
}

/* A quota is of host-allocated memory as a whole: what is left of it is left in every heap. */
static void limit_budget(const struct sl_replay *replay,
			 const struct sl_replay_physical_device *device,
			 VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget)
{
	const VkPhysicalDeviceMemoryProperties *memory = &device->memory_types.guest;
	uint64_t left = sl_quota_get_left(replay->options.quota);

	for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
		uint64_t used = device->heap_used[i];
		VkDeviceSize most = memory->memoryHeaps[i].size;

		if (left < most && used + left < most) {
			most = used + left;
		}
		if (budget->heapBudget[i] > most) {
			budget->heapBudget[i] = most;
		}
		/* The driver may count what other programs use, which is none of this one's
		 * business. */
		budget->heapUsage[i] = used;
	}
}

/* Heaps are the host's. */
int sl_replay_vkGetPhysicalDeviceMemoryProperties2(
	struct sl_replay *replay, struct sl_vkGetPhysicalDeviceMemoryProperties2 *args)
{
	VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget =
		sl_chain_find(args->pMemoryProperties->pNext,
			      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
	const struct sl_replay_physical_device *device = sl_replay_physical_device_of(args->self);

	table_of(args->self)
		->GetPhysicalDeviceMemoryProperties2(args->physicalDevice, args->pMemoryProperties);
	args->pMemoryProperties->memoryProperties = device->memory_types.guest;
	if (budget != NULL) {
		limit_budget(replay, device, budget);
	}
	return 0;
}

int sl_replay_vkGetPhysicalDeviceImageFormatProperties2(
	struct sl_replay *replay, struct sl_vkGetPhysicalDeviceImageFormatProperties2 *args)
{
	const VkPhysicalDeviceExternalImageFormatInfo *external =
		sl_chain_find(args->pImageFormatInfo->pNext,
			      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);

	(void)replay;
	/* Memory handles of the host mean nothing to a guest. */
	if (external != NULL && external->handleType != 0) {
		args->ret = VK_ERROR_FORMAT_NOT_SUPPORTED;
		return 0;
	}
	args->ret = table_of(args->self)
			    ->GetPhysicalDeviceImageFormatProperties2(args->physicalDevice,
								      args->pImageFormatInfo,
								      args->pImageFormatProperties);
	return 0;
}

/* Those that may pass; the guest driver adds its own and drops what it does not know. */
int sl_replay_vkEnumerateDeviceExtensionProperties(
	struct sl_replay *replay, struct sl_vkEnumerateDeviceExtensionProperties *args)
{
	const struct sl_gpu_device *gpu = sl_replay_physical_device_of(args->self)->gpu;
	uint32_t room = args->pProperties != NULL ? *args->pPropertyCount : 0;
	uint32_t count = 0;

	(void)replay;
	for (uint32_t i = 0; i < gpu->extension_count; i++) {
		const VkExtensionProperties *extension = &gpu->extensions[i];
		int index = sl_extension_index(extension->extensionName);

		if (index < 0 || sl_extension_list[index].is_guest ||
		    !sl_extension_list[index].is_device) {
			continue;
		}
		if (count < room) {
			args->pProperties[count] = *extension;
			if (extension->specVersion > sl_extension_list[index].spec_version) {
				args->pProperties[count].specVersion =
					sl_extension_list[index].spec_version;
			}
		}
		count++;
	}
	args->ret = args->pProperties != NULL && count > room ? VK_INCOMPLETE : VK_SUCCESS;
	*args->pPropertyCount = args->pProperties != NULL && count > room ? room : count;
	return 0;
}
