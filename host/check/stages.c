/* SPDX-License-Identifier: MIT */
/* What the descriptors of layouts take of the arrays that lavapipe of Mesa 22 has for each stage.
 * It counts them in 16 bits, and looks at no limit. GPUs have memory for as many as there are. */
#include "host/check/check_priv.h"

/* Stages that it has. */
#define STAGE_COUNT 6u
/* Of one set. */
#define MAX_DESCRIPTORS UINT16_MAX

/* The arrays; one for all kinds of image that shaders write. */
enum array {
	UNIFORM_BUFFERS,
	STORAGE_BUFFERS,
	SAMPLERS,
	SAMPLED_IMAGES,
	IMAGES,
	INLINE_BLOCKS,
	ARRAY_COUNT,
};

static void add(uint64_t counts[ARRAY_COUNT], const struct sl_check_binding *binding)
{
	switch (binding->type) {
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
		counts[UNIFORM_BUFFERS] += binding->count;
		break;
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
		counts[STORAGE_BUFFERS] += binding->count;
		break;
	case VK_DESCRIPTOR_TYPE_SAMPLER:
		counts[SAMPLERS] += binding->count;
		break;
	case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
		counts[SAMPLERS] += binding->count;
		counts[SAMPLED_IMAGES] += binding->count;
		break;
	case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
	case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
		counts[SAMPLED_IMAGES] += binding->count;
		break;
	case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
	case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
	case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT:
		counts[IMAGES] += binding->count;
		break;
	case VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK:
		counts[INLINE_BLOCKS] += 1;
		break;
	default:
		break;
	}
}

int sl_check_stage_room(struct sl_check *check, const struct sl_check_layout *const *sets,
			uint32_t set_count)
{
	const VkPhysicalDeviceLimits *limits = &check->limits;
	const uint64_t ends[ARRAY_COUNT] = {
		[UNIFORM_BUFFERS] = limits->maxPerStageDescriptorUniformBuffers,
		[STORAGE_BUFFERS] = limits->maxPerStageDescriptorStorageBuffers,
		[SAMPLERS] = limits->maxPerStageDescriptorSamplers,
		[SAMPLED_IMAGES] = limits->maxPerStageDescriptorSampledImages,
		[IMAGES] = limits->maxPerStageDescriptorStorageImages,
		[INLINE_BLOCKS] = check->more.inline_blocks,
	};

	for (uint32_t stage = 0; check->is_mesa_22 && stage < STAGE_COUNT; stage++) {
		uint64_t counts[ARRAY_COUNT] = { 0 };

		for (uint32_t i = 0; i < set_count; i++) {
			for (uint32_t k = 0; sets[i] != NULL && k < sets[i]->binding_count; k++) {
				if ((sets[i]->bindings[k].stages >> stage & 1) != 0) {
					add(counts, &sets[i]->bindings[k]);
				}
			}
		}
		for (uint32_t k = 0; k < ARRAY_COUNT; k++) {
			if (counts[k] > ends[k]) {
				return sl_check_fail(check,
						     "%llu descriptors of one kind in a stage that "
						     "has %llu",
						     (unsigned long long)counts[k],
						     (unsigned long long)ends[k]);
			}
		}
	}
	return 0;
}

int sl_check_set_room(struct sl_check *check, const VkDescriptorSetLayoutCreateInfo *info)
{
	uint64_t count = 0;
	uint32_t block_count = 0;

	for (uint32_t i = 0; check->is_mesa_22 && i < info->bindingCount; i++) {
		const VkDescriptorSetLayoutBinding *binding = &info->pBindings[i];

		if (binding->descriptorType != VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK) {
			count += binding->descriptorCount;
			continue;
		}
		/* The bytes are those of the stages that see the block. */
		if (binding->descriptorCount > check->more.inline_block_size ||
		    (binding->descriptorCount > 0 && binding->stageFlags == 0)) {
			return sl_check_fail(check, "a uniform block of %u bytes for stages 0x%x",
					     binding->descriptorCount, binding->stageFlags);
		}
		count++;
		block_count++;
	}
	return count <= MAX_DESCRIPTORS && block_count <= check->more.inline_blocks
		       ? 0
		       : sl_check_fail(check, "%llu descriptors, %u uniform blocks in a set",
				       (unsigned long long)count, block_count);
}
