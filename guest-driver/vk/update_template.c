/* SPDX-License-Identifier: MIT */
/* Descriptor update templates live in the guest: using one becomes the plain update it stands for.
 */
#include <stdlib.h>
#include <string.h>

#include "guest-driver/vk/command_buffer.h"
#include "guest-driver/vk/object.h"
#include "protocol/sl_entries.h"

/* Updates of up to this size need no heap: about 40 descriptors of one binding each. */
#define STACK_SCRATCH_SIZE 4096

struct sl_update_template {
	struct sl_guest_object base;
	VkPipelineBindPoint bind_point; /* of push templates */
	size_t scratch_size;		/* what expanding takes */
	uint32_t entry_count;
	VkDescriptorUpdateTemplateEntry entries[];
};

/* Memory of one expansion, handed out from the front. */
struct scratch {
	uint8_t *cur;
};

union write_chain {
	VkWriteDescriptorSetInlineUniformBlock block;
	VkWriteDescriptorSetAccelerationStructureKHR khr;
	VkWriteDescriptorSetAccelerationStructureNV nv;
};

static void *take_scratch(struct scratch *scratch, size_t size)
{
	void *at = scratch->cur;

	scratch->cur += (size + 15) & ~(size_t)15;
	return at;
}

/* Bytes of one element in the application's data; 0: the data is bytes, not elements. */
static size_t get_element_size(VkDescriptorType type)
{
	switch (type) {
	case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
		return sizeof(VkBufferView);
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
		return sizeof(VkDescriptorBufferInfo);
	case VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK:
		return 0;
	case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR:
		return sizeof(VkAccelerationStructureKHR);
	case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_NV:
		return sizeof(VkAccelerationStructureNV);
	default:
		return sizeof(VkDescriptorImageInfo);
	}
}

/* The elements side by side: where the application has them, if they lie like that already. */
static const void *gather(struct scratch *scratch, const VkDescriptorUpdateTemplateEntry *entry,
			  size_t element_size, const uint8_t *data)
{
	const uint8_t *from = data + entry->offset;

	if (entry->stride == element_size || entry->descriptorCount == 1) {
		return from;
	}
	uint8_t *elements = take_scratch(scratch, entry->descriptorCount * element_size);
	for (uint32_t i = 0; i < entry->descriptorCount; i++) {
		memcpy(elements + i * element_size, from + i * entry->stride, element_size);
	}
	return elements;
}

static void chain_write(struct scratch *scratch, const VkDescriptorUpdateTemplateEntry *entry,
			const void *elements, VkWriteDescriptorSet *write)
{
	union write_chain *chain = take_scratch(scratch, sizeof(*chain));

	if (entry->descriptorType == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK) {
		chain->block = (VkWriteDescriptorSetInlineUniformBlock){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK,
			.dataSize = entry->descriptorCount,
			.pData = elements,
		};
	} else if (entry->descriptorType == VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR) {
		chain->khr = (VkWriteDescriptorSetAccelerationStructureKHR){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_KHR,
			.accelerationStructureCount = entry->descriptorCount,
			.pAccelerationStructures = elements,
		};
	} else {
		chain->nv = (VkWriteDescriptorSetAccelerationStructureNV){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_NV,
			.accelerationStructureCount = entry->descriptorCount,
			.pAccelerationStructures = elements,
		};
	}
	write->pNext = chain;
}

static VkWriteDescriptorSet expand_entry(struct scratch *scratch,
					 const VkDescriptorUpdateTemplateEntry *entry,
					 VkDescriptorSet set, const uint8_t *data)
{
	size_t element_size = get_element_size(entry->descriptorType);
	VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = set,
		.dstBinding = entry->dstBinding,
		.dstArrayElement = entry->dstArrayElement,
		.descriptorCount = entry->descriptorCount,
		.descriptorType = entry->descriptorType,
	};

	const void *elements = element_size == 0 ? data + entry->offset
						 : gather(scratch, entry, element_size, data);
	switch (entry->descriptorType) {
	case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
		write.pTexelBufferView = elements;
		break;
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
		write.pBufferInfo = elements;
		break;
	case VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK:
	case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR:
	case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_NV:
		chain_write(scratch, entry, elements, &write);
		break;
	default:
		write.pImageInfo = elements;
		break;
	}
	return write;
}

/* memory: template->scratch_size bytes. */
static const VkWriteDescriptorSet *expand(const struct sl_update_template *template, void *memory,
					  VkDescriptorSet set, const void *data)
{
	struct scratch scratch = { .cur = memory };
	VkWriteDescriptorSet *writes =
		take_scratch(&scratch, template->entry_count * sizeof(*writes));

	for (uint32_t i = 0; i < template->entry_count; i++) {
		writes[i] = expand_entry(&scratch, &template->entries[i], set, data);
	}
	return writes;
}

static size_t get_scratch_size(const VkDescriptorUpdateTemplateCreateInfo *info)
{
	size_t size = info->descriptorUpdateEntryCount * sizeof(VkWriteDescriptorSet) + 16;

	for (uint32_t i = 0; i < info->descriptorUpdateEntryCount; i++) {
		const VkDescriptorUpdateTemplateEntry *entry = &info->pDescriptorUpdateEntries[i];
		size += entry->descriptorCount * get_element_size(entry->descriptorType) + 16;
		size += sizeof(union write_chain) + 16;
	}
	return size;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateDescriptorUpdateTemplate(
	VkDevice device, const VkDescriptorUpdateTemplateCreateInfo *pCreateInfo,
	const VkAllocationCallbacks *pAllocator,
	VkDescriptorUpdateTemplate *pDescriptorUpdateTemplate)
{
	size_t entries_size = pCreateInfo->descriptorUpdateEntryCount *
			      sizeof(pCreateInfo->pDescriptorUpdateEntries[0]);
	struct sl_update_template *template = sl_guest_object_create(
		SL_GUEST_OBJECT(device), VK_OBJECT_TYPE_DESCRIPTOR_UPDATE_TEMPLATE,
		sizeof(*template) + entries_size);

	*pDescriptorUpdateTemplate = VK_NULL_HANDLE;
	if (template == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (pCreateInfo->templateType == VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_PUSH_DESCRIPTORS_KHR) {
		template->bind_point = pCreateInfo->pipelineBindPoint;
	}
	template->scratch_size = get_scratch_size(pCreateInfo);
	template->entry_count = pCreateInfo->descriptorUpdateEntryCount;
	memcpy(template->entries, pCreateInfo->pDescriptorUpdateEntries, entries_size);
	*pDescriptorUpdateTemplate = (VkDescriptorUpdateTemplate)(uintptr_t) template;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyDescriptorUpdateTemplate(
	VkDevice device, VkDescriptorUpdateTemplate descriptorUpdateTemplate,
	const VkAllocationCallbacks *pAllocator)
{
	sl_guest_object_destroy(SL_GUEST_OBJECT(descriptorUpdateTemplate));
}

VKAPI_ATTR void VKAPI_CALL sl_vkUpdateDescriptorSetWithTemplate(
	VkDevice device, VkDescriptorSet descriptorSet,
	VkDescriptorUpdateTemplate descriptorUpdateTemplate, const void *pData)
{
	const struct sl_update_template *template =
		(const struct sl_update_template *)(uintptr_t)descriptorUpdateTemplate;
	_Alignas(16) uint8_t stack[STACK_SCRATCH_SIZE];
	bool is_large = template->scratch_size > sizeof(stack);
	void *memory = is_large ? malloc(template->scratch_size) : stack;

	/* A void command has no way to say that memory is short. */
	if (memory != NULL) {
		sl_vkUpdateDescriptorSets(device, template->entry_count,
					  expand(template, memory, descriptorSet, pData), 0, NULL);
	}
	if (is_large) {
		free(memory);
	}
}

VKAPI_ATTR void VKAPI_CALL sl_vkCmdPushDescriptorSetWithTemplateKHR(
	VkCommandBuffer commandBuffer, VkDescriptorUpdateTemplate descriptorUpdateTemplate,
	VkPipelineLayout layout, uint32_t set, const void *pData)
{
	const struct sl_update_template *template =
		(const struct sl_update_template *)(uintptr_t)descriptorUpdateTemplate;
	_Alignas(16) uint8_t stack[STACK_SCRATCH_SIZE];
	bool is_large = template->scratch_size > sizeof(stack);
	void *memory = is_large ? malloc(template->scratch_size) : stack;

	if (memory == NULL) {
		sl_command_buffer_fail((struct sl_command_buffer *)commandBuffer,
				       VK_ERROR_OUT_OF_HOST_MEMORY);
	} else {
		sl_vkCmdPushDescriptorSetKHR(commandBuffer, template->bind_point, layout, set,
					     template->entry_count,
					     expand(template, memory, VK_NULL_HANDLE, pData));
	}
	if (is_large) {
		free(memory);
	}
}
