/* SPDX-License-Identifier: MIT */
/* What commands bind: descriptor sets that fit a layout, vertex buffers. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"
#include "protocol/conditions.h"

#include <errno.h>
#include <stdlib.h>

static const struct sl_check_layout *find_set_layout(const struct sl_object_list *named,
						     uint32_t *cursor, VkDescriptorSetLayout set)
{
	const struct sl_check_node *node =
		set != VK_NULL_HANDLE
			? sl_check_find(named, cursor, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT,
					(uint64_t)(uintptr_t)set)
			: NULL;

	return node != NULL ? node->extra : NULL;
}

/* More sets than any driver keeps an array of. */
#define MAX_SETS 64u

int sl_check_vkCreatePipelineLayout(struct sl_check *check, struct sl_vkCreatePipelineLayout *args)
{
	const VkPipelineLayoutCreateInfo *info = args->pCreateInfo;
	const struct sl_check_layout *sets[MAX_SETS];
	uint32_t cursor = 0;

	if (info->setLayoutCount > check->limits.maxBoundDescriptorSets ||
	    info->setLayoutCount > MAX_SETS) {
		return sl_check_fail(check, "%u sets, where the device has %u",
				     info->setLayoutCount, check->limits.maxBoundDescriptorSets);
	}
	for (uint32_t i = 0; i < info->pushConstantRangeCount; i++) {
		const VkPushConstantRange *range = &info->pPushConstantRanges[i];

		if (!sl_check_bytes(range->offset, range->size,
				    check->limits.maxPushConstantsSize)) {
			return sl_check_fail(check, "push constants beyond %u bytes",
					     check->limits.maxPushConstantsSize);
		}
	}
	for (uint32_t i = 0; i < info->setLayoutCount; i++) {
		sets[i] = find_set_layout(args->named, &cursor, info->pSetLayouts[i]);
	}
	return sl_check_stage_room(check, sets, info->setLayoutCount);
}

static bool has_blocks(const struct sl_check_layout *set)
{
	for (uint32_t i = 0; set != NULL && i < set->binding_count; i++) {
		if (set->bindings[i].type == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK) {
			return true;
		}
	}
	return false;
}

int sl_check_note_vkCreatePipelineLayout(struct sl_check *check,
					 struct sl_vkCreatePipelineLayout *args)
{
	const VkPipelineLayoutCreateInfo *info = args->pCreateInfo;
	struct sl_check_node *node = sl_check_node_of(args->created[0]);
	uint32_t cursor = 0;

	(void)check;
	if (node == NULL) {
		return 0;
	}
	struct sl_check_pipeline_layout *layout =
		calloc(1, sizeof(*layout) + info->setLayoutCount * sizeof(layout->sets[0]));

	if (layout == NULL) {
		return -ENOMEM;
	}
	node->extra = layout;
	layout->set_count = info->setLayoutCount;
	for (uint32_t i = 0; i < info->setLayoutCount; i++) {
		layout->sets[i] = find_set_layout(args->named, &cursor, info->pSetLayouts[i]);
		layout->has_blocks |= has_blocks(layout->sets[i]);
	}
	return 0;
}

/* "Identically defined": what a pipeline made for one finds in a set made for the other. A software
 * driver has room for what the pipeline's layout has in each stage. */
static bool are_alike(const struct sl_check *check, const struct sl_check_layout *a,
		      const struct sl_check_layout *b)
{
	if (a == b) {
		return true;
	}
	if (a->slot_count != b->slot_count || a->binding_count != b->binding_count) {
		return false;
	}
	for (uint32_t i = 0; i < a->binding_count; i++) {
		const struct sl_check_binding *left = &a->bindings[i], *right = &b->bindings[i];

		if (left->number != right->number || left->count != right->count ||
		    (left->count > 0 && left->type != right->type) ||
		    (left->count > 0 && check->is_software && left->stages != right->stages)) {
			return false;
		}
	}
	return true;
}

static const struct sl_check_pipeline_layout *find_layout(const struct sl_object_list *named,
							  uint32_t *cursor, VkPipelineLayout handle)
{
	const struct sl_check_node *node = sl_check_find(
		named, cursor, VK_OBJECT_TYPE_PIPELINE_LAYOUT, (uint64_t)(uintptr_t)handle);

	return node != NULL ? node->extra : NULL;
}

/* first: the set's first dynamic offset. */
static int check_offsets(struct sl_check *check, const struct sl_check_set *set,
			 const struct sl_vkCmdBindDescriptorSets *args, uint32_t first)
{
	if (set->layout->dynamic_count > args->dynamicOffsetCount - first) {
		return sl_check_fail(check, "%u dynamic offsets are too few",
				     args->dynamicOffsetCount);
	}
	for (uint32_t i = 0; i < set->layout->dynamic_count; i++) {
		if (args->pDynamicOffsets[first + i] > set->dynamic_ends[i]) {
			return sl_check_fail(check, "dynamic offset %u lies beyond the buffer",
					     args->pDynamicOffsets[first + i]);
		}
	}
	return 0;
}

/* Where the layout has no set lavapipe passes over what is bound for graphics, but not over its
 * dynamic offsets. For compute it looks into the layout and the set (NULL: none). */
static bool has_set(const struct sl_check *check, VkPipelineBindPoint point,
		    const struct sl_check_set *set, const struct sl_check_layout *expected)
{
	if (check->is_mesa_22 && point != VK_PIPELINE_BIND_POINT_GRAPHICS &&
	    (set == NULL || expected == NULL)) {
		return false;
	}
	if (set == NULL) {
		return true;
	}
	return expected != NULL ? are_alike(check, set->layout, expected)
				: !check->is_mesa_22 || set->layout->dynamic_count == 0;
}

/* lavapipe copies what the samplers are, whether shaders use them or not: those of the
 * stages that a set is bound for must be there. */
static int check_samplers(struct sl_check *check, VkPipelineBindPoint point,
			  const struct sl_check_set *set)
{
	const VkShaderStageFlags stages = point == VK_PIPELINE_BIND_POINT_GRAPHICS
						  ? (VkShaderStageFlags)VK_SHADER_STAGE_ALL_GRAPHICS
						  : (VkShaderStageFlags)VK_SHADER_STAGE_COMPUTE_BIT;

	for (uint32_t i = 0; check->is_mesa_22 && i < set->layout->binding_count; i++) {
		const struct sl_check_binding *binding = &set->layout->bindings[i];

		if (!sl_descriptor_has_sampler(binding->type) || binding->has_samplers ||
		    (binding->stages & stages) == 0) {
			continue;
		}
		for (uint32_t k = binding->first; k < binding->first + binding->count; k++) {
			if (k >= set->slot_count || set->slots[k][0] == NULL) {
				return sl_check_fail(check, "binding %u lacks sampler %u",
						     binding->number, k - binding->first);
			}
		}
	}
	return 0;
}

/* lavapipe looks into the layouts of all sets before those that are bound. */
static int check_sets_before(struct sl_check *check, const struct sl_check_pipeline_layout *layout,
			     uint32_t first)
{
	for (uint32_t i = 0; check->is_mesa_22 && i < first; i++) {
		if (layout->sets[i] == NULL) {
			return sl_check_fail(check, "set %u of a layout without set %u", first, i);
		}
	}
	return 0;
}

static void note_bound(const struct sl_vkCmdBindDescriptorSets *args, uint32_t number,
		       const struct sl_check_set *set)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	uint32_t point = (uint32_t)args->pipelineBindPoint;

	if (point < 2 && number < SL_CHECK_MAX_BOUND) {
		commands->bound[point].sets[number] = set;
	}
}

int sl_check_vkCmdBindDescriptorSets(struct sl_check *check,
				     struct sl_vkCmdBindDescriptorSets *args)
{
	uint32_t cursor = 0;
	const struct sl_check_pipeline_layout *layout =
		find_layout(args->named, &cursor, args->layout);
	uint32_t dynamic_count = 0;

	if (layout == NULL ||
	    !sl_check_bytes(args->firstSet, args->descriptorSetCount, layout->set_count)) {
		return sl_check_fail(check, "%u sets from %u, where the layout has %u",
				     args->descriptorSetCount, args->firstSet,
				     layout != NULL ? layout->set_count : 0);
	}
	int r = check_sets_before(check, layout, args->firstSet);

	for (uint32_t i = 0; r == 0 && i < args->descriptorSetCount; i++) {
		uint64_t handle = (uint64_t)(uintptr_t)args->pDescriptorSets[i];
		const struct sl_check_layout *expected = layout->sets[args->firstSet + i];
		const struct sl_check_set *set =
			handle != 0 ? sl_check_find(args->named, &cursor,
						    VK_OBJECT_TYPE_DESCRIPTOR_SET, handle)
				    : NULL;

		if (!has_set(check, args->pipelineBindPoint, set, expected)) {
			return sl_check_fail(check, "set %u has another layout than the pipeline",
					     args->firstSet + i);
		}
		if (set != NULL) {
			r = check_offsets(check, set, args, dynamic_count);
			dynamic_count += set->layout->dynamic_count;
		}
		if (r == 0 && set != NULL && expected != NULL) {
			r = check_samplers(check, args->pipelineBindPoint, set);
			note_bound(args, args->firstSet + i, set);
		}
	}
	return r < 0 || dynamic_count == args->dynamicOffsetCount
		       ? r
		       : sl_check_fail(check, "%u dynamic offsets for %u descriptors",
				       args->dynamicOffsetCount, dynamic_count);
}

int sl_check_vkCmdPushDescriptorSetKHR(struct sl_check *check,
				       struct sl_vkCmdPushDescriptorSetKHR *args)
{
	uint32_t cursor = 0;
	const struct sl_check_pipeline_layout *layout =
		find_layout(args->named, &cursor, args->layout);

	if (layout == NULL || args->set >= layout->set_count || layout->sets[args->set] == NULL ||
	    !layout->sets[args->set]->is_push) {
		return sl_check_fail(check, "set %u is not for pushed descriptors", args->set);
	}
	int r = check_sets_before(check, layout, args->set);

	return r == 0 ? sl_check_pushed(check, args->named, layout->sets[args->set],
					args->pDescriptorWrites, args->descriptorWriteCount)
		      : r;
}

int sl_check_bound(struct sl_check *check, const struct sl_object_list *named, uint32_t count,
		   const VkBuffer *buffers, const VkDeviceSize *offsets, const VkDeviceSize *sizes)
{
	uint32_t cursor = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t handle = (uint64_t)(uintptr_t)buffers[i];
		const struct sl_check_buffer *buffer =
			handle != 0 ? sl_check_find(named, &cursor, VK_OBJECT_TYPE_BUFFER, handle)
				    : NULL;
		uint64_t size = sizes != NULL && sizes[i] != VK_WHOLE_SIZE ? sizes[i] : 0;

		if (buffer != NULL && !sl_check_bytes(offsets[i], size, buffer->size)) {
			return sl_check_fail(check,
					     "binding %u lies beyond its buffer's %llu bytes", i,
					     (unsigned long long)buffer->size);
		}
	}
	return 0;
}

int sl_check_vkCmdBindVertexBuffers(struct sl_check *check, struct sl_vkCmdBindVertexBuffers *args)
{
	int r = sl_check_places(check, args->self, args->named, args->firstBinding,
				args->bindingCount, SL_CHECK_VERTEX_BINDINGS);

	return r == 0 ? sl_check_bound(check, args->named, args->bindingCount, args->pBuffers,
				       args->pOffsets, NULL)
		      : r;
}

int sl_check_vkCmdBindVertexBuffers2(struct sl_check *check,
				     struct sl_vkCmdBindVertexBuffers2 *args)
{
	int r = sl_check_places(check, args->self, args->named, args->firstBinding,
				args->bindingCount, SL_CHECK_VERTEX_BINDINGS);

	return r == 0 ? sl_check_bound(check, args->named, args->bindingCount, args->pBuffers,
				       args->pOffsets, args->pSizes)
		      : r;
}

int sl_check_vkCmdBeginConditionalRenderingEXT(struct sl_check *check,
					       struct sl_vkCmdBeginConditionalRenderingEXT *args)
{
	const VkConditionalRenderingBeginInfoEXT *info = args->pConditionalRenderingBegin;
	struct sl_check_commands *commands = sl_check_commands_of(args->self);

	if (check->is_software && commands->has_condition) {
		return sl_check_fail(check, "within conditional rendering");
	}
	commands->has_condition = true;

	/* The condition is a word. */
	return sl_check_bytes_of(check, args->self, args->named, info->buffer, info->offset, 4);
}

int sl_check_vkCmdEndConditionalRenderingEXT(struct sl_check *check,
					     struct sl_vkCmdEndConditionalRenderingEXT *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);

	if (check->is_software && !commands->has_condition) {
		return sl_check_fail(check, "there is no conditional rendering");
	}
	commands->has_condition = false;
	return 0;
}
