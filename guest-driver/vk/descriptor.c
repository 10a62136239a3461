/* SPDX-License-Identifier: MIT */
/* Sets are allocated without asking the host, unless its pool may be fragmented. */
#include "guest-driver/vk/descriptor.h"

#include <stdlib.h>

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/result.h"
#include "protocol/limits.h"
#include "protocol/sl_entries.h"

static struct sl_descriptor_set_layout *from_layout(VkDescriptorSetLayout handle)
{
	return (struct sl_descriptor_set_layout *)(uintptr_t)handle;
}

static struct sl_descriptor_pool *from_pool(VkDescriptorPool handle)
{
	return (struct sl_descriptor_pool *)(uintptr_t)handle;
}

static struct sl_descriptor_set *from_set(VkDescriptorSet handle)
{
	return (struct sl_descriptor_set *)(uintptr_t)handle;
}

static void destroy_layout(struct sl_descriptor_set_layout *layout)
{
	sl_descriptor_needs_unref(layout->needs);
	sl_guest_object_destroy(layout);
}

/* The host takes no others. */
static bool has_small_numbers(const VkDescriptorSetLayoutCreateInfo *info)
{
	uint32_t i = 0;

	while (i < info->bindingCount && info->pBindings[i].binding < SL_MAX_BINDINGS) {
		i++;
	}
	return i == info->bindingCount;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateDescriptorSetLayout(
	VkDevice device, const VkDescriptorSetLayoutCreateInfo *pCreateInfo,
	const VkAllocationCallbacks *pAllocator, VkDescriptorSetLayout *pSetLayout)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_descriptor_set_layout *layout =
		sl_guest_object_create(self, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, sizeof(*layout));

	*pSetLayout = VK_NULL_HANDLE;
	if (layout == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkDescriptorSetLayout handle = (VkDescriptorSetLayout)(uintptr_t)layout;
	const struct sl_vkCreateDescriptorSetLayout args = {
		.device = device,
		.pCreateInfo = pCreateInfo,
		.pSetLayout = &handle,
	};
	layout->needs =
		has_small_numbers(pCreateInfo) ? sl_descriptor_needs_create(pCreateInfo) : NULL;
	if (layout->needs == NULL ||
	    SL_MESSAGE_SEND(self, vkCreateDescriptorSetLayout, &args) < 0) {
		destroy_layout(layout);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	*pSetLayout = handle;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL
sl_vkDestroyDescriptorSetLayout(VkDevice device, VkDescriptorSetLayout descriptorSetLayout,
				const VkAllocationCallbacks *pAllocator)
{
	const struct sl_vkDestroyDescriptorSetLayout args = {
		.device = device,
		.descriptorSetLayout = descriptorSetLayout,
	};

	if (descriptorSetLayout != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkDestroyDescriptorSetLayout, &args);
		destroy_layout(from_layout(descriptorSetLayout));
	}
}

/* Take a set out of its pool's list, and end it. */
static void destroy_set(struct sl_descriptor_pool *pool, struct sl_descriptor_set *set)
{
	if (set->prev != NULL) {
		set->prev->next = set->next;
	} else {
		pool->sets = set->next;
	}
	if (set->next != NULL) {
		set->next->prev = set->prev;
	}
	sl_descriptor_needs_unref(set->needs);
	sl_guest_object_destroy(set);
}

static void destroy_pool(struct sl_descriptor_pool *pool)
{
	while (pool->sets != NULL) {
		destroy_set(pool, pool->sets);
	}
	sl_descriptor_budget_finish(&pool->budget);
	sl_guest_object_destroy(pool);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateDescriptorPool(
	VkDevice device, const VkDescriptorPoolCreateInfo *pCreateInfo,
	const VkAllocationCallbacks *pAllocator, VkDescriptorPool *pDescriptorPool)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_descriptor_pool *pool =
		sl_guest_object_create(self, VK_OBJECT_TYPE_DESCRIPTOR_POOL, sizeof(*pool));

	*pDescriptorPool = VK_NULL_HANDLE;
	if (pool == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkDescriptorPool handle = (VkDescriptorPool)(uintptr_t)pool;
	const struct sl_vkCreateDescriptorPool args = {
		.device = device,
		.pCreateInfo = pCreateInfo,
		.pDescriptorPool = &handle,
	};
	if (sl_descriptor_budget_init(&pool->budget, pCreateInfo) != VK_SUCCESS ||
	    SL_MESSAGE_SEND(self, vkCreateDescriptorPool, &args) < 0) {
		destroy_pool(pool);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	*pDescriptorPool = handle;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyDescriptorPool(VkDevice device,
						      VkDescriptorPool descriptorPool,
						      const VkAllocationCallbacks *pAllocator)
{
	const struct sl_vkDestroyDescriptorPool args = {
		.device = device,
		.descriptorPool = descriptorPool,
	};

	if (descriptorPool != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkDestroyDescriptorPool, &args);
		destroy_pool(from_pool(descriptorPool));
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkResetDescriptorPool(VkDevice device,
							VkDescriptorPool descriptorPool,
							VkDescriptorPoolResetFlags flags)
{
	struct sl_descriptor_pool *pool = from_pool(descriptorPool);
	const struct sl_vkResetDescriptorPool args = {
		.device = device,
		.descriptorPool = descriptorPool,
		.flags = flags,
	};

	SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkResetDescriptorPool, &args);
	while (pool->sets != NULL) {
		destroy_set(pool, pool->sets);
	}
	sl_descriptor_budget_reset(&pool->budget);
	return VK_SUCCESS;
}

/* Take one set out of the budget and make its object, first in the pool's list. */
static VkResult create_set(struct sl_descriptor_pool *pool,
			   const struct sl_descriptor_set_layout *layout, uint32_t variable_count,
			   VkDescriptorSet *ret_set)
{
	VkResult result = sl_descriptor_budget_take(&pool->budget, layout->needs, variable_count);

	if (result != VK_SUCCESS) {
		return result;
	}
	struct sl_descriptor_set *set =
		sl_guest_object_create(&pool->base, VK_OBJECT_TYPE_DESCRIPTOR_SET, sizeof(*set));
	if (set == NULL) {
		sl_descriptor_budget_untake(&pool->budget, layout->needs, variable_count);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	set->needs = sl_descriptor_needs_ref(layout->needs);
	set->variable_count = variable_count;
	set->next = pool->sets;
	if (pool->sets != NULL) {
		pool->sets->prev = set;
	}
	pool->sets = set;
	*ret_set = (VkDescriptorSet)(uintptr_t)set;
	return VK_SUCCESS;
}

/* The host did not make the last count sets after all. */
static void undo_sets(struct sl_descriptor_pool *pool, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct sl_descriptor_set *set = pool->sets;
		sl_descriptor_budget_untake(&pool->budget, set->needs, set->variable_count);
		destroy_set(pool, set);
	}
}

static VkResult create_sets(struct sl_descriptor_pool *pool,
			    const VkDescriptorSetAllocateInfo *info, VkDescriptorSet *sets)
{
	const VkDescriptorSetVariableDescriptorCountAllocateInfo *variable = sl_chain_find(
		info->pNext,
		VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO);
	bool has_counts = variable != NULL && variable->descriptorSetCount != 0;

	for (uint32_t i = 0; i < info->descriptorSetCount; i++) {
		uint32_t count = has_counts ? variable->pDescriptorCounts[i] : 0;
		VkResult result =
			create_set(pool, from_layout(info->pSetLayouts[i]), count, &sets[i]);
		if (result != VK_SUCCESS) {
			undo_sets(pool, i);
			return result;
		}
	}
	return VK_SUCCESS;
}

static VkResult tell_host(VkDevice device, const VkDescriptorSetAllocateInfo *info,
			  VkDescriptorSet *sets, bool must_ask)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_vkAllocateDescriptorSets args = {
		.device = device,
		.pAllocateInfo = info,
		.pDescriptorSets = sets,
	};

	if (!must_ask) {
		return SL_VK_RESULT(vkAllocateDescriptorSets,
				    SL_MESSAGE_SEND(self, vkAllocateDescriptorSets, &args));
	}
	int r = SL_MESSAGE_ASK(self, vkAllocateDescriptorSets, &args);
	return r < 0 ? SL_VK_RESULT(vkAllocateDescriptorSets, r) : args.ret;
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkAllocateDescriptorSets(VkDevice device, const VkDescriptorSetAllocateInfo *pAllocateInfo,
			    VkDescriptorSet *pDescriptorSets)
{
	struct sl_descriptor_pool *pool = from_pool(pAllocateInfo->descriptorPool);
	VkResult result = create_sets(pool, pAllocateInfo, pDescriptorSets);

	if (result == VK_SUCCESS) {
		bool must_ask = !sl_descriptor_budget_cannot_fragment(&pool->budget);
		result = tell_host(device, pAllocateInfo, pDescriptorSets, must_ask);
		if (result != VK_SUCCESS) {
			undo_sets(pool, pAllocateInfo->descriptorSetCount);
		}
	}
	if (result != VK_SUCCESS) {
		memset(pDescriptorSets, 0,
		       pAllocateInfo->descriptorSetCount * sizeof(*pDescriptorSets));
	}
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkFreeDescriptorSets(VkDevice device,
						       VkDescriptorPool descriptorPool,
						       uint32_t descriptorSetCount,
						       const VkDescriptorSet *pDescriptorSets)
{
	struct sl_descriptor_pool *pool = from_pool(descriptorPool);
	const struct sl_vkFreeDescriptorSets args = {
		.device = device,
		.descriptorPool = descriptorPool,
		.descriptorSetCount = descriptorSetCount,
		.pDescriptorSets = pDescriptorSets,
	};

	if (SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkFreeDescriptorSets, &args) < 0) {
		return VK_SUCCESS; /* they end with the pool; there is no error to return */
	}
	for (uint32_t i = 0; i < descriptorSetCount; i++) {
		struct sl_descriptor_set *set = from_set(pDescriptorSets[i]);
		if (set != NULL) {
			sl_descriptor_budget_free(&pool->budget, set->needs, set->variable_count);
			destroy_set(pool, set);
		}
	}
	return VK_SUCCESS;
}
