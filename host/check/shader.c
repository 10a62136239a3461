/* SPDX-License-Identifier: MIT */
/* Shaders and the layouts of their pipelines: compilers read the one at the places that the other
 * names. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/shader_use.h"

#include <errno.h>
#include <stdlib.h>

/* Those that an entry point's execution model tells. */
#define KNOWN_STAGES                                                          \
	(VK_SHADER_STAGE_ALL_GRAPHICS | VK_SHADER_STAGE_COMPUTE_BIT |         \
	 VK_SHADER_STAGE_TASK_BIT_EXT | VK_SHADER_STAGE_MESH_BIT_EXT |        \
	 VK_SHADER_STAGE_RAYGEN_BIT_KHR | VK_SHADER_STAGE_ANY_HIT_BIT_KHR |   \
	 VK_SHADER_STAGE_CLOSEST_HIT_BIT_KHR | VK_SHADER_STAGE_MISS_BIT_KHR | \
	 VK_SHADER_STAGE_INTERSECTION_BIT_KHR | VK_SHADER_STAGE_CALLABLE_BIT_KHR)

static int find_use(struct sl_check *check, const VkShaderModuleCreateInfo *info,
		    struct sl_shader_use **ret_use)
{
	int r = sl_shader_use_find(info->pCode, info->codeSize / 4, ret_use);

	return r == -EBADMSG ? sl_check_fail(check, "SPIR-V: descriptors that cannot be told") : r;
}

int sl_check_note_vkCreateShaderModule(struct sl_check *check, struct sl_vkCreateShaderModule *args)
{
	struct sl_check_node *node = sl_check_node_of(args->created[0]);
	struct sl_shader_use *use = NULL;

	if (node == NULL) {
		return 0;
	}
	int r = find_use(check, args->pCreateInfo, &use);

	node->extra = use;
	return r;
}

/* Descriptors that a variable of this kind can stand for (Vulkan 15.5.3, "DescriptorSet and Binding
 * Assignment"). */
static bool is_of_kind(VkDescriptorType type, enum sl_shader_resource_kind kind)
{
	switch (type) {
	case VK_DESCRIPTOR_TYPE_SAMPLER:
		return kind == SL_SHADER_SAMPLER;
	case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
		return kind == SL_SHADER_SAMPLER || kind == SL_SHADER_SAMPLED_IMAGE ||
		       kind == SL_SHADER_IMAGE_AND_SAMPLER;
	case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
		return kind == SL_SHADER_SAMPLED_IMAGE;
	case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
		return kind == SL_SHADER_STORAGE_IMAGE;
	case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT:
		return kind == SL_SHADER_INPUT_ATTACHMENT;
	case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
		return kind == SL_SHADER_UNIFORM_TEXELS;
	case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
		return kind == SL_SHADER_STORAGE_TEXELS;
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
	case VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK:
		return kind == SL_SHADER_UNIFORM_BUFFER;
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
		return kind == SL_SHADER_STORAGE_BUFFER;
	case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR:
	case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_NV:
		return kind == SL_SHADER_ACCELERATION_STRUCTURE;
	default:
		return true;
	}
}

/* A software driver gives descriptors of each type numbers of their own, in each stage that may use
 * them: what is not there has a number that is none. */
static int check_binding(struct sl_check *check, const struct sl_shader_resource *resource,
			 const struct sl_check_binding *binding, VkShaderStageFlagBits stage)
{
	if ((binding->stages & stage) == 0) {
		return sl_check_fail(check, "set %u binding %u is not for shaders of stage 0x%x",
				     resource->set, resource->binding, stage);
	}
	if (resource->kind != SL_SHADER_OTHER && !is_of_kind(binding->type, resource->kind)) {
		return sl_check_fail(check, "set %u binding %u has descriptors of type %d",
				     resource->set, resource->binding, binding->type);
	}
	if (resource->count > binding->count &&
	    binding->type != VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK) {
		return sl_check_fail(check, "set %u binding %u has %u descriptors, not %u",
				     resource->set, resource->binding, binding->count,
				     resource->count);
	}
	return 0;
}

static int check_resource(struct sl_check *check, const struct sl_shader_resource *resource,
			  const struct sl_check_pipeline_layout *layout,
			  VkShaderStageFlagBits stage)
{
	const struct sl_check_layout *set = layout != NULL && resource->set < layout->set_count
						    ? layout->sets[resource->set]
						    : NULL;
	const struct sl_check_binding *binding =
		set != NULL ? sl_check_find_binding(set, resource->binding) : NULL;

	if (binding == NULL || binding->count == 0) {
		return sl_check_fail(
			check, "a shader uses set %u binding %u, which the pipeline's layout lacks",
			resource->set, resource->binding);
	}
	return check->is_software ? check_binding(check, resource, binding, stage) : 0;
}

static int check_use(struct sl_check *check, const struct sl_shader_use *use,
		     const VkPipelineShaderStageCreateInfo *stage,
		     const struct sl_check_pipeline_layout *layout)
{
	const struct sl_shader_entry *entry = sl_shader_use_entry(use, stage->pName, stage->stage);
	int r = 0;

	if (entry == NULL) {
		return sl_check_fail(check, "a shader without an entry point %.64s for stage 0x%x",
				     stage->pName, stage->stage);
	}
	for (uint32_t i = 0; r == 0 && i < entry->resource_count; i++) {
		r = check_resource(check, &entry->resources[i], layout, stage->stage);
	}
	return r;
}

/* Code that comes with the stage may be any: what cannot be read the replay refuses. */
static int check_own_code(struct sl_check *check, const VkPipelineShaderStageCreateInfo *stage,
			  const struct sl_check_pipeline_layout *layout)
{
	const VkShaderModuleCreateInfo *info =
		sl_check_chain_find(stage->pNext, VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
	struct sl_shader_use *use = NULL;

	if (info == NULL) {
		return 0;
	}
	int r = find_use(check, info, &use);

	r = r == 0 ? check_use(check, use, stage, layout) : r;
	free(use);
	return r;
}

static int check_shader(struct sl_check *check, const struct sl_object_list *named,
			const VkPipelineShaderStageCreateInfo *stage,
			const struct sl_check_pipeline_layout *layout)
{
	uint64_t handle = (uint64_t)(uintptr_t)stage->module;
	uint32_t cursor = 0;

	if ((stage->stage & KNOWN_STAGES) != stage->stage) {
		return 0;
	}
	if (handle == 0) {
		return check_own_code(check, stage, layout);
	}
	const struct sl_check_node *node =
		sl_check_find(named, &cursor, VK_OBJECT_TYPE_SHADER_MODULE, handle);

	return node != NULL && node->extra != NULL ? check_use(check, node->extra, stage, layout)
						   : 0;
}

static int check_constants(struct sl_check *check, const VkSpecializationInfo *info)
{
	for (uint32_t i = 0; info != NULL && i < info->mapEntryCount; i++) {
		const VkSpecializationMapEntry *entry = &info->pMapEntries[i];

		if (!sl_check_bytes(entry->offset, entry->size, info->dataSize)) {
			return sl_check_fail(check, "a constant beyond %zu bytes", info->dataSize);
		}
	}
	return 0;
}

int sl_check_stages(struct sl_check *check, const struct sl_object_list *named,
		    const VkPipelineShaderStageCreateInfo *stages, uint32_t count,
		    VkPipelineLayout layout)
{
	uint64_t handle = (uint64_t)(uintptr_t)layout;
	uint32_t cursor = 0;
	const struct sl_check_node *node =
		handle != 0 ? sl_check_find(named, &cursor, VK_OBJECT_TYPE_PIPELINE_LAYOUT, handle)
			    : NULL;
	int r = 0;

	for (uint32_t i = 0; r == 0 && stages != NULL && i < count; i++) {
		r = check_constants(check, stages[i].pSpecializationInfo);
		r = r == 0 ? check_shader(check, named, &stages[i],
					  node != NULL ? node->extra : NULL)
			   : r;
	}
	return r;
}
