/* SPDX-License-Identifier: MIT */
/* Descriptor sets: which descriptors they have, and what these name. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"
#include "protocol/limits.h"

#include <errno.h>
#include <stdlib.h>

/* Of one set; more than any device allows. */
#define MAX_SLOTS (1u << 26)

static const struct sl_check_layout *layout_of(const struct sl_check_node *node)
{
	return node != NULL ? node->extra : NULL;
}

static VkDescriptorBindingFlags flags_of(const VkDescriptorSetLayoutBindingFlagsCreateInfo *flags,
					 uint32_t index)
{
	return flags != NULL && index < flags->bindingCount ? flags->pBindingFlags[index] : 0;
}

static int compare_bindings(const void *a, const void *b)
{
	const struct sl_check_binding *left = a, *right = b;

	return left->number < right->number ? -1 : left->number > right->number;
}

static bool is_dynamic(VkDescriptorType type)
{
	return type == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC ||
	       type == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC;
}

/* May pushed descriptors, or those that change their type, be of this one? */
static bool is_changeable(VkDescriptorType type)
{
	return !is_dynamic(type) && type != VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK;
}

/* Returns false if two bindings have one number, or there are too many descriptors. */
static bool number_slots(struct sl_check_layout *layout)
{
	uint64_t count = 0;

	qsort(layout->bindings, layout->binding_count, sizeof(layout->bindings[0]),
	      compare_bindings);
	for (uint32_t i = 0; i < layout->binding_count; i++) {
		struct sl_check_binding *binding = &layout->bindings[i];

		if (i > 0 && binding->number == binding[-1].number) {
			return false;
		}
		binding->first = (uint32_t)count;
		count += binding->count;
		if (count > MAX_SLOTS) {
			return false;
		}
		binding->first_dynamic = layout->dynamic_count;
		layout->dynamic_count += is_dynamic(binding->type) ? binding->count : 0;
	}
	layout->slot_count = (uint32_t)count;
	return true;
}

static struct sl_check_layout *make_layout(const VkDescriptorSetLayoutCreateInfo *info)
{
	const VkDescriptorSetLayoutBindingFlagsCreateInfo *flags = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO);
	struct sl_check_layout *layout =
		calloc(1, sizeof(*layout) + info->bindingCount * sizeof(layout->bindings[0]));

	if (layout == NULL) {
		return NULL;
	}
	layout->is_push =
		(info->flags & VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR) != 0;
	layout->binding_count = info->bindingCount;
	for (uint32_t i = 0; i < info->bindingCount; i++) {
		const VkDescriptorSetLayoutBinding *binding = &info->pBindings[i];

		layout->bindings[i] = (struct sl_check_binding){
			.number = binding->binding,
			.count = binding->descriptorCount,
			.type = binding->descriptorType,
			.stages = binding->stageFlags,
			.flags = flags_of(flags, i),
			.has_samplers = binding->pImmutableSamplers != NULL,
		};
	}
	return layout;
}

/* Drivers keep arrays as long as the largest number. Pushed descriptors have no offsets that they
 * could add, and no memory for bytes. */
int sl_check_vkCreateDescriptorSetLayout(struct sl_check *check,
					 struct sl_vkCreateDescriptorSetLayout *args)
{
	const VkDescriptorSetLayoutCreateInfo *info = args->pCreateInfo;
	bool is_push = (info->flags & VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR) != 0;
	uint64_t count = 0;

	for (uint32_t i = 0; i < info->bindingCount; i++) {
		if (info->pBindings[i].binding >= SL_MAX_BINDINGS) {
			return sl_check_fail(check, "a binding of number %u",
					     info->pBindings[i].binding);
		}
		if (is_push && !is_changeable(info->pBindings[i].descriptorType)) {
			return sl_check_fail(check, "pushed descriptors of type %d",
					     info->pBindings[i].descriptorType);
		}
		count += info->pBindings[i].descriptorCount;
	}
	return count <= MAX_SLOTS ? sl_check_set_room(check, info)
				  : sl_check_fail(check, "%llu descriptors in a set",
						  (unsigned long long)count);
}

int sl_check_note_vkCreateDescriptorSetLayout(struct sl_check *check,
					      struct sl_vkCreateDescriptorSetLayout *args)
{
	struct sl_check_node *node = sl_check_node_of(args->created[0]);

	if (node == NULL) {
		return 0;
	}
	struct sl_check_layout *layout = make_layout(args->pCreateInfo);

	if (layout == NULL) {
		return -ENOMEM;
	}
	node->extra = layout;
	return number_slots(layout)
		       ? 0
		       : sl_check_fail(check, "a binding twice, or too many descriptors");
}

static uint32_t variable_count(const VkDescriptorSetAllocateInfo *info, uint32_t index)
{
	const VkDescriptorSetVariableDescriptorCountAllocateInfo *counts = sl_check_chain_find(
		info->pNext,
		VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO);

	return counts != NULL && index < counts->descriptorSetCount
		       ? counts->pDescriptorCounts[index]
		       : 0;
}

static const struct sl_check_binding *last_binding(const struct sl_check_layout *layout)
{
	return layout->binding_count > 0 ? &layout->bindings[layout->binding_count - 1] : NULL;
}

static bool is_variable(const struct sl_check_binding *binding)
{
	return (binding->flags & VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT) != 0;
}

int sl_check_vkAllocateDescriptorSets(struct sl_check *check,
				      struct sl_vkAllocateDescriptorSets *args)
{
	const VkDescriptorSetAllocateInfo *info = args->pAllocateInfo;
	uint32_t cursor = 0;

	for (uint32_t i = 0; i < info->descriptorSetCount; i++) {
		const struct sl_check_layout *layout = layout_of(
			sl_check_find(args->named, &cursor, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT,
				      (uint64_t)(uintptr_t)info->pSetLayouts[i]));

		if (layout == NULL || layout->is_push) {
			return sl_check_fail(check, "the layout is for pushed descriptors");
		}
		const struct sl_check_binding *last = last_binding(layout);

		if (last != NULL && is_variable(last) && variable_count(info, i) > last->count) {
			return sl_check_fail(check, "%u descriptors in a binding of at most %u",
					     variable_count(info, i), last->count);
		}
	}
	return 0;
}

static int prepare_set(struct sl_check *check, struct sl_check_set *set,
		       struct sl_check_node *layout_node, uint32_t count)
{
	const struct sl_check_layout *layout = layout_of(layout_node);
	const struct sl_check_binding *last = last_binding(layout);

	set->layout = layout;
	set->slot_count = layout->slot_count;
	if (last != NULL && is_variable(last)) {
		set->slot_count = last->first + count;
	}
	size_t slots_size = check->is_software ? set->slot_count * sizeof(*set->slots) : 0;
	size_t size = slots_size + layout->dynamic_count * sizeof(uint64_t);

	if (size > 0) {
		set->node.extra = calloc(1, size);
		if (set->node.extra == NULL) {
			return -ENOMEM;
		}
		set->slots = slots_size > 0 ? set->node.extra : NULL;
		set->dynamic_ends = (uint64_t *)((uint8_t *)set->node.extra + slots_size);
	}
	for (uint32_t i = 0; i < layout->dynamic_count; i++) {
		set->dynamic_ends[i] = UINT64_MAX;
	}
	return sl_check_add_need(&set->node, layout_node);
}

int sl_check_note_vkAllocateDescriptorSets(struct sl_check *check,
					   struct sl_vkAllocateDescriptorSets *args)
{
	const VkDescriptorSetAllocateInfo *info = args->pAllocateInfo;
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->descriptorSetCount; i++) {
		struct sl_check_set *set =
			(struct sl_check_set *)sl_check_node_of(args->created[i]);
		struct sl_check_node *layout =
			sl_check_find(args->named, &cursor, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT,
				      (uint64_t)(uintptr_t)info->pSetLayouts[i]);

		r = set != NULL ? prepare_set(check, set, layout, variable_count(info, i)) : 0;
	}
	return r;
}

int sl_check_vkFreeDescriptorSets(struct sl_check *check, struct sl_vkFreeDescriptorSets *args)
{
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->descriptorSetCount; i++) {
		uint64_t handle = (uint64_t)(uintptr_t)args->pDescriptorSets[i];

		if (handle != 0) {
			r = sl_check_drop(check, sl_check_find_object(args->named, &cursor,
								      VK_OBJECT_TYPE_DESCRIPTOR_SET,
								      handle));
		}
	}
	return r;
}

int sl_check_vkResetDescriptorPool(struct sl_check *check, struct sl_vkResetDescriptorPool *args)
{
	uint32_t cursor = 0;

	return sl_check_empty_pool(check, sl_check_find(args->named, &cursor,
							VK_OBJECT_TYPE_DESCRIPTOR_POOL,
							(uint64_t)(uintptr_t)args->descriptorPool));
}

static void set_slot(struct sl_check *check, struct sl_check_node **slot,
		     struct sl_check_node *node)
{
	struct sl_check_node *old = *slot;

	if (node != NULL) {
		node->was_described = true;
		sl_check_use(node);
	}
	*slot = node;
	sl_check_unuse(check, old);
}

void sl_check_set_reset(struct sl_check *check, struct sl_check_set *set)
{
	for (uint32_t i = 0; set->slots != NULL && i < set->slot_count; i++) {
		set_slot(check, &set->slots[i][0], NULL);
		set_slot(check, &set->slots[i][1], NULL);
	}
}

const struct sl_check_binding *sl_check_find_binding(const struct sl_check_layout *layout,
						     uint32_t number)
{
	const struct sl_check_binding key = { .number = number };

	return bsearch(&key, layout->bindings, layout->binding_count, sizeof(key),
		       compare_bindings);
}

/* A run of descriptors of one set. */
struct run {
	const struct sl_check_layout *layout;
	uint32_t slot_count; /* of the set */
	uint32_t binding;
	uint32_t element;
	uint32_t count;
	VkDescriptorType type;
	/* Found. */
	uint32_t first_slot;
	VkDescriptorBindingFlags flags;
	bool has_samplers;
};

static bool has_type(const struct sl_check_binding *binding, VkDescriptorType type)
{
	return binding->type == type ||
	       (binding->type == VK_DESCRIPTOR_TYPE_MUTABLE_EXT && is_changeable(type));
}

/* Descriptors run over into the next bindings: VkWriteDescriptorSet, "consecutive binding
 * updates". Bytes of inline uniform blocks do not. type VK_DESCRIPTOR_TYPE_MAX_ENUM: that of the
 * binding. Returns 0 or -EBADMSG. */
static int find_run(struct sl_check *check, struct run *run)
{
	const struct sl_check_layout *layout = run->layout;
	const struct sl_check_binding *binding = sl_check_find_binding(layout, run->binding);

	if (binding == NULL) {
		return sl_check_fail(check, "the set has no binding %u", run->binding);
	}
	if (run->type == VK_DESCRIPTOR_TYPE_MAX_ENUM) {
		run->type = binding->type;
	}
	run->first_slot = binding->first + run->element;
	run->flags = binding->flags;
	uint64_t end = (uint64_t)binding->first + run->element + run->count;
	uint64_t limit = run->type == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK
				 ? binding->first + (uint64_t)binding->count
				 : run->slot_count;

	if (end > limit || end > run->slot_count) {
		return sl_check_fail(check, "descriptors %u to %llu of binding %u are not there",
				     run->element, (unsigned long long)run->element + run->count,
				     run->binding);
	}
	run->has_samplers = binding->has_samplers;
	for (const struct sl_check_binding *at = binding;
	     at < layout->bindings + layout->binding_count && at->first < end; at++) {
		if (at->count > 0 && !has_type(at, run->type)) {
			return sl_check_fail(check, "binding %u has descriptors of another type",
					     at->number);
		}
		if (at->count > 0 && (at->has_samplers != binding->has_samplers ||
				      (layout->is_push && at->stages != binding->stages))) {
			return sl_check_fail(check,
					     "bindings %u and %u have not the same stages, "
					     "or immutable samplers",
					     binding->number, at->number);
		}
	}
	return 0;
}

/* Sets change only while no submission uses them, unless their bindings say otherwise. */
static int settle_set(struct sl_check *check, struct sl_check_set *set, const struct run *run)
{
	const VkDescriptorBindingFlags any_time =
		VK_DESCRIPTOR_BINDING_UPDATE_AFTER_BIND_BIT |
		VK_DESCRIPTOR_BINDING_UPDATE_UNUSED_WHILE_PENDING_BIT;

	return (run->flags & any_time) != 0 ? 0 : sl_check_settle(check, &set->node);
}

static int check_buffer_info(struct sl_check *check, const struct sl_object_list *named,
			     uint32_t *cursor, const VkDescriptorBufferInfo *info)
{
	uint64_t handle = (uint64_t)(uintptr_t)info->buffer;

	if (handle == 0) {
		return 0;
	}
	const struct sl_object *object =
		sl_check_find_object(named, cursor, VK_OBJECT_TYPE_BUFFER, handle);
	const struct sl_check_buffer *buffer = object != NULL ? object->check : NULL;

	if (buffer == NULL || object->is_incomplete) {
		return sl_check_fail(check, "a descriptor of a buffer without memory");
	}
	if (!sl_check_range(info->offset, info->range, buffer->size)) {
		return sl_check_fail(check, "a descriptor beyond its buffer's %llu bytes",
				     (unsigned long long)buffer->size);
	}
	return 0;
}

/* A software driver copies what the sampler is. */
static int check_samplers(struct sl_check *check, const VkWriteDescriptorSet *write,
			  const struct run *run)
{
	for (uint32_t i = 0; check->is_software && !run->has_samplers && i < write->descriptorCount;
	     i++) {
		if (write->pImageInfo[i].sampler == VK_NULL_HANDLE) {
			return sl_check_fail(check, "a descriptor without its sampler");
		}
	}
	return 0;
}

static int check_infos(struct sl_check *check, const struct sl_object_list *named, uint32_t *cursor,
		       const VkWriteDescriptorSet *write, const struct run *run)
{
	int r = 0;

	switch (write->descriptorType) {
	case VK_DESCRIPTOR_TYPE_SAMPLER:
	case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
		return check_samplers(check, write, run);
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
		for (uint32_t i = 0; r == 0 && i < write->descriptorCount; i++) {
			r = check_buffer_info(check, named, cursor, &write->pBufferInfo[i]);
		}
		return r;
	case VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK: {
		const VkWriteDescriptorSetInlineUniformBlock *block = sl_check_chain_find(
			write->pNext, VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK);

		return block != NULL && block->dataSize == write->descriptorCount
			       ? 0
			       : sl_check_fail(check, "an inline uniform block without its bytes");
	}
	default:
		return 0;
	}
}

static struct sl_check_set *find_set(const struct sl_object_list *named, uint32_t *cursor,
				     VkDescriptorSet handle)
{
	return sl_check_find(named, cursor, VK_OBJECT_TYPE_DESCRIPTOR_SET,
			     (uint64_t)(uintptr_t)handle);
}

/* The bit of a binding among the first ones, or 0. */
static uint64_t bit_of(const struct sl_check_set *set, uint32_t number)
{
	const struct sl_check_binding *binding = sl_check_find_binding(set->layout, number);
	size_t place = (size_t)(binding - set->layout->bindings);

	return place < 64 ? 1ull << place : 0;
}

/* lavapipe of Mesa 22 knows only by what was written that a binding is a block: before, it copies
 * as many descriptors as there are bytes. */
static int check_block_copy(struct sl_check *check, const struct sl_check_set *from,
			    struct sl_check_set *to, const VkCopyDescriptorSet *copy)
{
	if (check->is_mesa_22 && (from->blocks & bit_of(from, copy->srcBinding)) == 0) {
		return sl_check_fail(check,
				     "a copy of an inline uniform block that is not written");
	}
	to->blocks |= bit_of(to, copy->dstBinding);
	return 0;
}

static int check_write(struct sl_check *check, const struct sl_object_list *named, uint32_t *cursor,
		       const VkWriteDescriptorSet *write)
{
	struct sl_check_set *set = find_set(named, cursor, write->dstSet);

	if (set == NULL) {
		return sl_check_fail(check, "names no set");
	}
	struct run run = {
		.layout = set->layout,
		.slot_count = set->slot_count,
		.binding = write->dstBinding,
		.element = write->dstArrayElement,
		.count = write->descriptorCount,
		.type = write->descriptorType,
	};
	int r = find_run(check, &run);

	r = r == 0 ? settle_set(check, set, &run) : r;
	r = r == 0 ? check_infos(check, named, cursor, write, &run) : r;
	if (r == 0 && write->descriptorType == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK) {
		set->blocks |= bit_of(set, write->dstBinding);
	}
	return r;
}

int sl_check_pushed(struct sl_check *check, const struct sl_object_list *named,
		    const struct sl_check_layout *layout, const VkWriteDescriptorSet *writes,
		    uint32_t count)
{
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++) {
		struct run run = {
			.layout = layout,
			.slot_count = layout->slot_count,
			.binding = writes[i].dstBinding,
			.element = writes[i].dstArrayElement,
			.count = writes[i].descriptorCount,
			.type = writes[i].descriptorType,
		};

		r = find_run(check, &run);
		r = r == 0 ? check_infos(check, named, &cursor, &writes[i], &run) : r;
	}
	return r;
}

static int check_copy(struct sl_check *check, const struct sl_object_list *named, uint32_t *cursor,
		      const VkCopyDescriptorSet *copy, struct run *ret_from, struct run *ret_to)
{
	struct sl_check_set *from = find_set(named, cursor, copy->srcSet);
	struct sl_check_set *to = find_set(named, cursor, copy->dstSet);

	if (from == NULL || to == NULL) {
		return sl_check_fail(check, "names no set");
	}
	*ret_from = (struct run){
		.layout = from->layout,
		.slot_count = from->slot_count,
		.binding = copy->srcBinding,
		.element = copy->srcArrayElement,
		.count = copy->descriptorCount,
		.type = VK_DESCRIPTOR_TYPE_MAX_ENUM,
	};
	int r = find_run(check, ret_from);

	*ret_to = (struct run){
		.layout = to->layout,
		.slot_count = to->slot_count,
		.binding = copy->dstBinding,
		.element = copy->dstArrayElement,
		.count = copy->descriptorCount,
		.type = ret_from->type == VK_DESCRIPTOR_TYPE_MUTABLE_EXT
				? VK_DESCRIPTOR_TYPE_MAX_ENUM
				: ret_from->type,
	};
	r = r == 0 ? find_run(check, ret_to) : r;
	if (r == 0 && ret_from->type == VK_DESCRIPTOR_TYPE_MUTABLE_EXT &&
	    ret_to->type != VK_DESCRIPTOR_TYPE_MUTABLE_EXT && !is_changeable(ret_to->type)) {
		return sl_check_fail(check, "descriptors of another type");
	}
	if (r == 0 && ret_from->type == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK) {
		r = check_block_copy(check, from, to, copy);
	}
	return r == 0 ? settle_set(check, to, ret_to) : r;
}

int sl_check_vkUpdateDescriptorSets(struct sl_check *check, struct sl_vkUpdateDescriptorSets *args)
{
	struct run from, to;
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->descriptorWriteCount; i++) {
		r = check_write(check, args->named, &cursor, &args->pDescriptorWrites[i]);
	}
	for (uint32_t i = 0; r == 0 && i < args->descriptorCopyCount; i++) {
		r = check_copy(check, args->named, &cursor, &args->pDescriptorCopies[i], &from,
			       &to);
	}
	return r;
}

/* What a descriptor names: view and sampler, or one of the other kinds. */
struct described {
	VkObjectType types[2];
	uint64_t handles[2];
};

static struct described describe(const VkWriteDescriptorSet *write, uint32_t index)
{
	switch (write->descriptorType) {
	case VK_DESCRIPTOR_TYPE_SAMPLER:
	case VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER:
	case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
	case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
	case VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT:
		return (struct described){
			{ VK_OBJECT_TYPE_SAMPLER, VK_OBJECT_TYPE_IMAGE_VIEW },
			{ (uint64_t)(uintptr_t)write->pImageInfo[index].sampler,
			  (uint64_t)(uintptr_t)write->pImageInfo[index].imageView },
		};
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER:
	case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC:
	case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC:
		return (struct described){
			{ VK_OBJECT_TYPE_BUFFER },
			{ (uint64_t)(uintptr_t)write->pBufferInfo[index].buffer },
		};
	case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
	case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
		return (struct described){
			{ VK_OBJECT_TYPE_BUFFER_VIEW },
			{ (uint64_t)(uintptr_t)write->pTexelBufferView[index] },
		};
	case VK_DESCRIPTOR_TYPE_ACCELERATION_STRUCTURE_KHR: {
		const VkWriteDescriptorSetAccelerationStructureKHR *structures =
			sl_check_chain_find(
				write->pNext,
				VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_ACCELERATION_STRUCTURE_KHR);

		if (structures != NULL && index < structures->accelerationStructureCount) {
			return (struct described){
				{ VK_OBJECT_TYPE_ACCELERATION_STRUCTURE_KHR },
				{ (uint64_t)(uintptr_t)structures->pAccelerationStructures[index] },
			};
		}
		return (struct described){ 0 };
	}
	default:
		return (struct described){ 0 };
	}
}

/* A descriptor of the whole buffer has nowhere to move to. */
static void note_dynamic(const struct sl_object_list *named, uint32_t *cursor,
			 const struct sl_check_set *set, const VkWriteDescriptorSet *write)
{
	uint32_t first = sl_check_find_binding(set->layout, write->dstBinding)->first_dynamic +
			 write->dstArrayElement;

	for (uint32_t i = 0; i < write->descriptorCount; i++) {
		const VkDescriptorBufferInfo *info = &write->pBufferInfo[i];
		uint64_t handle = (uint64_t)(uintptr_t)info->buffer;
		const struct sl_check_buffer *buffer =
			handle != 0 ? sl_check_find(named, cursor, VK_OBJECT_TYPE_BUFFER, handle)
				    : NULL;
		uint64_t end = UINT64_MAX;

		if (buffer != NULL) {
			end = info->range == VK_WHOLE_SIZE
				      ? 0
				      : buffer->size - info->offset - info->range;
		}
		set->dynamic_ends[first + i] = end;
	}
}

static void note_write(struct sl_check *check, const struct sl_object_list *named, uint32_t *cursor,
		       const VkWriteDescriptorSet *write)
{
	struct sl_check_set *set = find_set(named, cursor, write->dstSet);
	uint32_t first = sl_check_find_binding(set->layout, write->dstBinding)->first +
			 write->dstArrayElement;

	if (write->descriptorType == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK) {
		return;
	}
	if (is_dynamic(write->descriptorType)) {
		note_dynamic(named, cursor, set, write);
	}
	for (uint32_t i = 0; set->slots != NULL && i < write->descriptorCount; i++) {
		const struct described described = describe(write, i);

		for (uint32_t k = 0; k < 2; k++) {
			struct sl_check_node *node =
				described.handles[k] != 0
					? sl_check_find(named, cursor, described.types[k],
							described.handles[k])
					: NULL;

			set_slot(check, &set->slots[first + i][k], node);
		}
	}
}

static void note_copy(struct sl_check *check, const struct sl_object_list *named, uint32_t *cursor,
		      const VkCopyDescriptorSet *copy)
{
	const struct sl_check_set *from = find_set(named, cursor, copy->srcSet);
	struct sl_check_set *to = find_set(named, cursor, copy->dstSet);
	const struct sl_check_binding *source =
		sl_check_find_binding(from->layout, copy->srcBinding);
	const struct sl_check_binding *target = sl_check_find_binding(to->layout, copy->dstBinding);
	uint32_t first = source->first + copy->srcArrayElement;
	uint32_t to_first = target->first + copy->dstArrayElement;

	for (uint32_t i = 0; to->slots != NULL && i < copy->descriptorCount; i++) {
		set_slot(check, &to->slots[to_first + i][0], from->slots[first + i][0]);
		set_slot(check, &to->slots[to_first + i][1], from->slots[first + i][1]);
	}
	first = source->first_dynamic + copy->srcArrayElement;
	to_first = target->first_dynamic + copy->dstArrayElement;
	for (uint32_t i = 0; is_dynamic(source->type) && i < copy->descriptorCount; i++) {
		to->dynamic_ends[to_first + i] = from->dynamic_ends[first + i];
	}
}

int sl_check_note_vkUpdateDescriptorSets(struct sl_check *check,
					 struct sl_vkUpdateDescriptorSets *args)
{
	uint32_t cursor = 0;

	for (uint32_t i = 0; i < args->descriptorWriteCount; i++) {
		note_write(check, args->named, &cursor, &args->pDescriptorWrites[i]);
	}
	for (uint32_t i = 0; i < args->descriptorCopyCount; i++) {
		note_copy(check, args->named, &cursor, &args->pDescriptorCopies[i]);
	}
	return 0;
}

int sl_check_vkGetDescriptorSetLayoutBindingOffsetEXT(
	struct sl_check *check, struct sl_vkGetDescriptorSetLayoutBindingOffsetEXT *args)
{
	uint32_t cursor = 0;
	const struct sl_check_node *node =
		sl_check_find(args->named, &cursor, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT,
			      (uint64_t)(uintptr_t)args->layout);

	return node != NULL && sl_check_find_binding(layout_of(node), args->binding) != NULL
		       ? 0
		       : sl_check_fail(check, "the layout has no binding %u", args->binding);
}

int sl_check_vkCmdSetDescriptorBufferOffsetsEXT(struct sl_check *check,
						struct sl_vkCmdSetDescriptorBufferOffsetsEXT *args)
{
	int r = sl_check_places(check, args->self, args->named, args->firstSet, args->setCount,
				SL_CHECK_DESCRIPTOR_SETS);

	for (uint32_t i = 0; r == 0 && i < args->setCount; i++) {
		r = sl_check_places(check, args->self, args->named, args->pBufferIndices[i], 1,
				    SL_CHECK_DESCRIPTOR_BUFFERS);
	}
	return r;
}
