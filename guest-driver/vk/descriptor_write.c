/* SPDX-License-Identifier: MIT */
/* Writing descriptors. Where a binding has immutable samplers, the samplers of a write are ignored
 * and may be garbage: what travels is a copy without them. */
#include <stdlib.h>

#include "guest-driver/vk/command_buffer.h"
#include "guest-driver/vk/descriptor.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/pipeline_layout.h"
#include "protocol/conditions.h"
#include "protocol/sl_entries.h"

/* Copies of up to this size need no heap: some 100 descriptors. */
#define STACK_COPY_SIZE 4096

/* What an application writes, and what travels of it. */
struct writes {
	uint32_t count;
	const VkWriteDescriptorSet *given;
	/* The layout of the set that is pushed; NULL: each write names its set. */
	const struct sl_descriptor_needs *pushed;
	const VkWriteDescriptorSet *clean;
	void *heap; /* what clean has of it */
	_Alignas(16) uint8_t stack[STACK_COPY_SIZE];
};

static bool ignores_samplers(const struct writes *writes, const VkWriteDescriptorSet *write)
{
	const struct sl_descriptor_needs *needs = writes->pushed;

	if (!sl_descriptor_has_sampler(write->descriptorType)) {
		return false;
	}
	if (needs == NULL) {
		needs = ((const struct sl_descriptor_set *)(uintptr_t)write->dstSet)->needs;
	}
	/* A write that runs over into the next bindings finds them like its first. */
	return sl_descriptor_needs_is_immutable(needs, write->dstBinding);
}

/* Bytes of image infos that must be copied. */
static size_t count_copied(const struct writes *writes)
{
	size_t size = 0;

	for (uint32_t i = 0; i < writes->count; i++) {
		if (ignores_samplers(writes, &writes->given[i])) {
			size += (size_t)writes->given[i].descriptorCount *
				sizeof(VkDescriptorImageInfo);
		}
	}
	return size;
}

static void copy_writes(struct writes *writes, void *memory)
{
	VkWriteDescriptorSet *copy = memory;
	VkDescriptorImageInfo *infos = (VkDescriptorImageInfo *)(copy + writes->count);

	for (uint32_t i = 0; i < writes->count; i++) {
		copy[i] = writes->given[i];
		if (!ignores_samplers(writes, &copy[i])) {
			continue;
		}
		for (uint32_t k = 0; k < copy[i].descriptorCount; k++) {
			infos[k] = copy[i].pImageInfo[k];
			infos[k].sampler = VK_NULL_HANDLE;
		}
		copy[i].pImageInfo = infos;
		infos += copy[i].descriptorCount;
	}
	writes->clean = copy;
}

/* Fill clean; writes_finish() follows in any case. Returns false if memory is short. */
static bool writes_clean(struct writes *writes)
{
	size_t copied = count_copied(writes);
	size_t size = writes->count * sizeof(VkWriteDescriptorSet) + copied;

	writes->heap = NULL;
	writes->clean = writes->given;
	if (copied == 0) {
		return true;
	}
	if (size > sizeof(writes->stack)) {
		writes->heap = malloc(size);
		if (writes->heap == NULL) {
			return false;
		}
	}
	copy_writes(writes, writes->heap != NULL ? writes->heap : writes->stack);
	return true;
}

static void writes_finish(struct writes *writes)
{
	free(writes->heap);
}

VKAPI_ATTR void VKAPI_CALL sl_vkUpdateDescriptorSets(VkDevice device, uint32_t descriptorWriteCount,
						     const VkWriteDescriptorSet *pDescriptorWrites,
						     uint32_t descriptorCopyCount,
						     const VkCopyDescriptorSet *pDescriptorCopies)
{
	struct writes writes;

	writes.count = descriptorWriteCount;
	writes.given = pDescriptorWrites;
	writes.pushed = NULL;
	/* A void command has no way to say that memory is short. */
	if (writes_clean(&writes)) {
		const struct sl_vkUpdateDescriptorSets args = {
			.device = device,
			.descriptorWriteCount = descriptorWriteCount,
			.pDescriptorWrites = writes.clean,
			.descriptorCopyCount = descriptorCopyCount,
			.pDescriptorCopies = pDescriptorCopies,
		};
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkUpdateDescriptorSets, &args);
	}
	writes_finish(&writes);
}

static void record_push(const struct sl_vkCmdPushDescriptorSetKHR *args)
{
	size_t size = sl_size_vkCmdPushDescriptorSetKHR(sl_command_buffer_caps(args->commandBuffer),
							args);
	struct sl_writer out;

	SL_MESSAGE_TRACE(SL_GUEST_OBJECT(args->commandBuffer), vkCmdPushDescriptorSetKHR, args);
	if (sl_command_buffer_begin_command(args->commandBuffer,
					    SL_COMMAND_vkCmdPushDescriptorSetKHR, size, &out)) {
		sl_encode_vkCmdPushDescriptorSetKHR(&out, args);
	}
}

VKAPI_ATTR void VKAPI_CALL
sl_vkCmdPushDescriptorSetKHR(VkCommandBuffer commandBuffer, VkPipelineBindPoint pipelineBindPoint,
			     VkPipelineLayout layout, uint32_t set, uint32_t descriptorWriteCount,
			     const VkWriteDescriptorSet *pDescriptorWrites)
{
	static const struct sl_descriptor_needs no_layout;
	const struct sl_pipeline_layout *sets = (const void *)(uintptr_t)layout;
	bool has_layout = set < sets->set_count && sets->sets[set] != NULL;
	struct writes writes;

	writes.count = descriptorWriteCount;
	writes.given = pDescriptorWrites;
	writes.pushed = has_layout ? sets->sets[set] : &no_layout;
	if (writes_clean(&writes)) {
		const struct sl_vkCmdPushDescriptorSetKHR args = {
			.commandBuffer = commandBuffer,
			.pipelineBindPoint = pipelineBindPoint,
			.layout = layout,
			.set = set,
			.descriptorWriteCount = descriptorWriteCount,
			.pDescriptorWrites = writes.clean,
		};
		record_push(&args);
	} else {
		sl_command_buffer_fail((struct sl_command_buffer *)commandBuffer,
				       VK_ERROR_OUT_OF_HOST_MEMORY);
	}
	writes_finish(&writes);
}
