/* SPDX-License-Identifier: MIT */
/* Counting descriptors. */
#include "guest-driver/vk/descriptor_budget.h"

#include <assert.h>
#include <stdlib.h>

#include "guest-driver/vk/chain.h"
#include "protocol/conditions.h"

static void add_need(struct sl_descriptor_needs *needs, VkDescriptorType type, uint32_t count)
{
	for (uint32_t i = 0; i < needs->type_count; i++) {
		if (needs->types[i].type == type) {
			needs->types[i].count += count;
			return;
		}
	}
	needs->types[needs->type_count++] = (struct sl_descriptor_need){ type, count };
}

static bool binding_is_variable(const VkDescriptorSetLayoutBindingFlagsCreateInfo *flags,
				uint32_t index)
{
	return flags != NULL && index < flags->bindingCount &&
	       (flags->pBindingFlags[index] &
		VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT) != 0;
}

struct sl_descriptor_needs *sl_descriptor_needs_create(const VkDescriptorSetLayoutCreateInfo *info)
{
	const VkDescriptorSetLayoutBindingFlagsCreateInfo *flags = sl_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO);
	/* At most one type for each binding. */
	struct sl_descriptor_needs *needs =
		calloc(1, sizeof(*needs) + info->bindingCount *
						   (sizeof(needs->types[0]) + sizeof(uint32_t)));

	if (needs == NULL) {
		return NULL;
	}
	atomic_init(&needs->ref_count, 1);
	needs->immutable_bindings = (uint32_t *)&needs->types[info->bindingCount];
	for (uint32_t i = 0; i < info->bindingCount; i++) {
		const VkDescriptorSetLayoutBinding *binding = &info->pBindings[i];
		if (binding->descriptorCount == 0) {
			continue;
		}
		if (sl_descriptor_has_sampler(binding->descriptorType) &&
		    binding->pImmutableSamplers != NULL) {
			needs->immutable_bindings[needs->immutable_count++] = binding->binding;
		}
		needs->inline_blocks +=
			binding->descriptorType == VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK;
		needs->has_mutable |= binding->descriptorType == VK_DESCRIPTOR_TYPE_MUTABLE_EXT;
		if (binding_is_variable(flags, i)) {
			needs->has_variable = true;
			needs->variable_type = binding->descriptorType;
		} else {
			add_need(needs, binding->descriptorType, binding->descriptorCount);
		}
	}
	return needs;
}

struct sl_descriptor_needs *sl_descriptor_needs_ref(struct sl_descriptor_needs *needs)
{
	atomic_fetch_add_explicit(&needs->ref_count, 1, memory_order_relaxed);
	return needs;
}

void sl_descriptor_needs_unref(struct sl_descriptor_needs *needs)
{
	/* The release of every other unref pairs with the acquire of the last one. */
	if (needs != NULL &&
	    atomic_fetch_sub_explicit(&needs->ref_count, 1, memory_order_acq_rel) == 1) {
		free(needs);
	}
}

bool sl_descriptor_needs_is_immutable(const struct sl_descriptor_needs *needs, uint32_t binding)
{
	for (uint32_t i = 0; i < needs->immutable_count; i++) {
		if (needs->immutable_bindings[i] == binding) {
			return true;
		}
	}
	return false;
}

static struct sl_descriptor_room *find_room(const struct sl_descriptor_budget *budget,
					    VkDescriptorType type)
{
	for (uint32_t i = 0; i < budget->type_count; i++) {
		if (budget->rooms[i].type == type) {
			return &budget->rooms[i];
		}
	}
	return NULL;
}

VkResult sl_descriptor_budget_init(struct sl_descriptor_budget *budget,
				   const VkDescriptorPoolCreateInfo *info)
{
	const VkDescriptorPoolInlineUniformBlockCreateInfo *blocks = sl_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO);

	*budget = (struct sl_descriptor_budget){
		.max_sets = info->maxSets,
		.max_inline_blocks = blocks != NULL ? blocks->maxInlineUniformBlockBindings : 0,
		.is_uniform = true,
		.rooms = calloc(info->poolSizeCount + 1, sizeof(*budget->rooms)),
	};
	if (budget->rooms == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < info->poolSizeCount; i++) {
		const VkDescriptorPoolSize *size = &info->pPoolSizes[i];
		struct sl_descriptor_room *room = find_room(budget, size->type);
		if (room == NULL) {
			room = &budget->rooms[budget->type_count++];
			room->type = size->type;
		}
		if (__builtin_add_overflow(room->total, size->descriptorCount, &room->total)) {
			room->total = UINT32_MAX;
		}
	}
	return VK_SUCCESS;
}

static void forget_uniform(struct sl_descriptor_budget *budget)
{
	sl_descriptor_needs_unref((struct sl_descriptor_needs *)budget->uniform_needs);
	budget->uniform_needs = NULL;
	budget->is_uniform = true;
}

void sl_descriptor_budget_finish(struct sl_descriptor_budget *budget)
{
	forget_uniform(budget);
	free(budget->rooms);
}

static bool take_type(struct sl_descriptor_budget *budget, VkDescriptorType type, uint32_t count)
{
	struct sl_descriptor_room *room = find_room(budget, type);

	if (count == 0) {
		return true;
	}
	if (room == NULL || count > room->total - room->used) {
		return false;
	}
	room->used += count;
	return true;
}

static void give_type(struct sl_descriptor_budget *budget, VkDescriptorType type, uint32_t count)
{
	struct sl_descriptor_room *room = find_room(budget, type);

	if (count > 0) {
		assert(room != NULL && room->used >= count);
		room->used -= count;
	}
}

static bool take_all(struct sl_descriptor_budget *budget, const struct sl_descriptor_needs *needs,
		     uint32_t variable_count)
{
	uint32_t taken = 0;

	if (budget->set_count == budget->max_sets ||
	    needs->inline_blocks > budget->max_inline_blocks - budget->inline_blocks) {
		return false;
	}
	while (taken < needs->type_count &&
	       take_type(budget, needs->types[taken].type, needs->types[taken].count)) {
		taken++;
	}
	if (taken == needs->type_count &&
	    (!needs->has_variable || take_type(budget, needs->variable_type, variable_count))) {
		budget->set_count++;
		budget->inline_blocks += needs->inline_blocks;
		return true;
	}
	while (taken > 0) {
		taken--;
		give_type(budget, needs->types[taken].type, needs->types[taken].count);
	}
	return false;
}

static bool needs_are_equal(const struct sl_descriptor_needs *a,
			    const struct sl_descriptor_needs *b)
{
	if (a == b) {
		return true;
	}
	if (a->type_count != b->type_count || a->has_variable != b->has_variable ||
	    a->variable_type != b->variable_type || a->inline_blocks != b->inline_blocks) {
		return false;
	}
	for (uint32_t i = 0; i < a->type_count; i++) {
		if (a->types[i].type != b->types[i].type ||
		    a->types[i].count != b->types[i].count) {
			return false;
		}
	}
	return true;
}

VkResult sl_descriptor_budget_take(struct sl_descriptor_budget *budget,
				   struct sl_descriptor_needs *needs, uint32_t variable_count)
{
	if (!take_all(budget, needs, variable_count)) {
		return VK_ERROR_OUT_OF_POOL_MEMORY;
	}
	if (budget->uniform_needs == NULL) {
		budget->uniform_needs = sl_descriptor_needs_ref(needs);
		budget->uniform_variable_count = variable_count;
	} else if (budget->uniform_variable_count != variable_count ||
		   !needs_are_equal(budget->uniform_needs, needs)) {
		budget->is_uniform = false;
	}
	/* Two mutable descriptors need not be of the same size. */
	budget->is_uniform &= !needs->has_mutable;
	return VK_SUCCESS;
}

void sl_descriptor_budget_untake(struct sl_descriptor_budget *budget,
				 const struct sl_descriptor_needs *needs, uint32_t variable_count)
{
	assert(budget->set_count > 0 && budget->inline_blocks >= needs->inline_blocks);
	budget->set_count--;
	budget->inline_blocks -= needs->inline_blocks;
	for (uint32_t i = 0; i < needs->type_count; i++) {
		give_type(budget, needs->types[i].type, needs->types[i].count);
	}
	if (needs->has_variable) {
		give_type(budget, needs->variable_type, variable_count);
	}
}

void sl_descriptor_budget_free(struct sl_descriptor_budget *budget,
			       const struct sl_descriptor_needs *needs, uint32_t variable_count)
{
	sl_descriptor_budget_untake(budget, needs, variable_count);
	budget->was_freed = true;
}

void sl_descriptor_budget_reset(struct sl_descriptor_budget *budget)
{
	budget->set_count = 0;
	budget->inline_blocks = 0;
	budget->was_freed = false;
	forget_uniform(budget);
	for (uint32_t i = 0; i < budget->type_count; i++) {
		budget->rooms[i].used = 0;
	}
}

bool sl_descriptor_budget_cannot_fragment(const struct sl_descriptor_budget *budget)
{
	return !budget->was_freed || budget->is_uniform;
}
