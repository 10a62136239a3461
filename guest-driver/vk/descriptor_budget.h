/* SPDX-License-Identifier: MIT */
/* How many descriptors a set layout needs, and how many a pool has left. Counting them here is what
 * makes vkAllocateDescriptorSets answer without asking the host. */
#ifndef SL_GUEST_DRIVER_VK_DESCRIPTOR_BUDGET_H
#define SL_GUEST_DRIVER_VK_DESCRIPTOR_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_descriptor_need {
	VkDescriptorType type;
	uint32_t count; /* descriptors; bytes for inline uniform blocks */
};

/* What a set of one layout takes from a pool, and what it needs no write for. Shared by the layout,
 * its sets and pipeline layouts, which may outlive it. */
struct sl_descriptor_needs {
	_Atomic uint32_t ref_count;
	bool has_variable; /* variable_type: as many as the allocation says, in addition */
	bool has_mutable;  /* which descriptors a mutable one takes is the driver's secret */
	VkDescriptorType variable_type;
	uint32_t inline_blocks; /* bindings that are inline uniform blocks */
	uint32_t immutable_count;
	uint32_t *immutable_bindings; /* those with immutable samplers; behind types */
	uint32_t type_count;
	struct sl_descriptor_need types[];
};

/* Each type's total and use in one pool. */
struct sl_descriptor_room {
	VkDescriptorType type;
	uint32_t total;
	uint32_t used;
};

struct sl_descriptor_budget {
	uint32_t max_sets;
	uint32_t set_count;
	uint32_t max_inline_blocks;
	uint32_t inline_blocks;
	bool was_freed;	 /* sets were freed one by one since the last reset */
	bool is_uniform; /* all sets since the last reset took the same */
	const struct sl_descriptor_needs *uniform_needs; /* referenced; NULL: no set yet */
	uint32_t uniform_variable_count;
	uint32_t type_count;
	struct sl_descriptor_room *rooms;
};

/* Returns NULL if memory is short; the caller owns one reference. */
struct sl_descriptor_needs *sl_descriptor_needs_create(const VkDescriptorSetLayoutCreateInfo *info);
struct sl_descriptor_needs *sl_descriptor_needs_ref(struct sl_descriptor_needs *needs);
/* Accepts NULL. */
void sl_descriptor_needs_unref(struct sl_descriptor_needs *needs);
/* The layout states the samplers of this binding: those in a write are ignored. */
bool sl_descriptor_needs_is_immutable(const struct sl_descriptor_needs *needs, uint32_t binding);

/* Returns VK_SUCCESS or VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult sl_descriptor_budget_init(struct sl_descriptor_budget *budget,
				   const VkDescriptorPoolCreateInfo *info);
void sl_descriptor_budget_finish(struct sl_descriptor_budget *budget);

/* Take one set. Returns VK_SUCCESS, or VK_ERROR_OUT_OF_POOL_MEMORY having taken nothing. */
VkResult sl_descriptor_budget_take(struct sl_descriptor_budget *budget,
				   struct sl_descriptor_needs *needs, uint32_t variable_count);
/* The opposite of taking, for an allocation that did not happen. */
void sl_descriptor_budget_untake(struct sl_descriptor_budget *budget,
				 const struct sl_descriptor_needs *needs, uint32_t variable_count);
/* One set is freed. */
void sl_descriptor_budget_free(struct sl_descriptor_budget *budget,
			       const struct sl_descriptor_needs *needs, uint32_t variable_count);
void sl_descriptor_budget_reset(struct sl_descriptor_budget *budget);

/* True if a driver must not fail the sets taken so far for fragmentation: nothing was freed, or
 * all sets are alike (VkDescriptorPool, "fragmentation"). */
bool sl_descriptor_budget_cannot_fragment(const struct sl_descriptor_budget *budget);

#endif
