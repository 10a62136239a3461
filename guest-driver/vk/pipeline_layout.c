/* SPDX-License-Identifier: MIT */
/* Pipeline layouts share what their set layouts know. */
#include "guest-driver/vk/pipeline_layout.h"

#include "guest-driver/vk/descriptor.h"
#include "guest-driver/vk/message.h"
#include "protocol/sl_entries.h"

static struct sl_pipeline_layout *create_layout(VkDevice device,
						const VkPipelineLayoutCreateInfo *info)
{
	struct sl_pipeline_layout *layout = sl_guest_object_create(
		SL_GUEST_OBJECT(device), VK_OBJECT_TYPE_PIPELINE_LAYOUT,
		sizeof(*layout) + info->setLayoutCount * sizeof(layout->sets[0]));

	if (layout == NULL) {
		return NULL;
	}
	layout->set_count = info->setLayoutCount;
	for (uint32_t i = 0; i < layout->set_count; i++) {
		const struct sl_descriptor_set_layout *set =
			(const void *)(uintptr_t)info->pSetLayouts[i];
		if (set != NULL) {
			layout->sets[i] = sl_descriptor_needs_ref(set->needs);
		}
	}
	return layout;
}

static void destroy_layout(struct sl_pipeline_layout *layout)
{
	for (uint32_t i = 0; i < layout->set_count; i++) {
		sl_descriptor_needs_unref(layout->sets[i]);
	}
	sl_guest_object_destroy(layout);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreatePipelineLayout(
	VkDevice device, const VkPipelineLayoutCreateInfo *pCreateInfo,
	const VkAllocationCallbacks *pAllocator, VkPipelineLayout *pPipelineLayout)
{
	struct sl_pipeline_layout *layout = create_layout(device, pCreateInfo);
	VkPipelineLayout handle = (VkPipelineLayout)(uintptr_t)layout;
	const struct sl_vkCreatePipelineLayout args = {
		.device = device,
		.pCreateInfo = pCreateInfo,
		.pPipelineLayout = &handle,
	};

	*pPipelineLayout = VK_NULL_HANDLE;
	if (layout == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkCreatePipelineLayout, &args) < 0) {
		destroy_layout(layout);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	*pPipelineLayout = handle;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyPipelineLayout(VkDevice device,
						      VkPipelineLayout pipelineLayout,
						      const VkAllocationCallbacks *pAllocator)
{
	const struct sl_vkDestroyPipelineLayout args = {
		.device = device,
		.pipelineLayout = pipelineLayout,
	};

	if (pipelineLayout != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkDestroyPipelineLayout, &args);
		destroy_layout((struct sl_pipeline_layout *)(uintptr_t)pipelineLayout);
	}
}
