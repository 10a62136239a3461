/* SPDX-License-Identifier: MIT */
/* VkPrivateDataSlot: an open-addressing map per slot, from object ids to values. */
#include "guest-driver/vk/private_data.h"

#include <stdlib.h>

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/object.h"
#include "protocol/sl_entries.h"

#define MIN_CAPACITY 16u

struct private_value {
	uint64_t id; /* 0: never used */
	uint64_t data;
};

struct sl_private_slot {
	struct sl_guest_object base;
	struct sl_private_slot *next; /* in the context */
	struct private_value *values; /* guarded by the context's lock, like all below */
	uint32_t count;		      /* used, zero data included */
	uint32_t capacity;	      /* a power of two, or 0 */
};

static struct private_value *find_value(const struct sl_private_slot *slot, uint64_t id)
{
	uint32_t mask = slot->capacity - 1;

	/* A third is always free, so the search ends. */
	for (uint32_t i = (uint32_t)((id * 0x9e3779b97f4a7c15u) >> 32);; i++) {
		struct private_value *value = &slot->values[i & mask];
		if (value->id == id || value->id == 0) {
			return value;
		}
	}
}

/* Rebuild with room for more; values of 0 need no place. */
static VkResult grow_values(struct sl_private_slot *slot)
{
	struct sl_private_slot old = *slot;
	uint32_t live = 0;

	for (uint32_t i = 0; i < old.capacity; i++) {
		live += old.values[i].data != 0;
	}
	uint32_t capacity = MIN_CAPACITY;
	while (capacity < live * 3) {
		capacity *= 2;
	}
	struct private_value *values = calloc(capacity, sizeof(*values));
	if (values == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	slot->values = values;
	slot->capacity = capacity;
	slot->count = live;
	for (uint32_t i = 0; i < old.capacity; i++) {
		if (old.values[i].data != 0) {
			*find_value(slot, old.values[i].id) = old.values[i];
		}
	}
	free(old.values);
	return VK_SUCCESS;
}

static VkResult set_value(struct sl_private_slot *slot, uint64_t id, uint64_t data)
{
	if ((slot->count + 1) * 3 > slot->capacity * 2) {
		VkResult result = grow_values(slot);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	struct private_value *value = find_value(slot, id);
	slot->count += value->id == 0;
	*value = (struct private_value){ .id = id, .data = data };
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreatePrivateDataSlot(
	VkDevice device, const VkPrivateDataSlotCreateInfo *pCreateInfo,
	const VkAllocationCallbacks *pAllocator, VkPrivateDataSlot *pPrivateDataSlot)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_context *context = self->context;
	struct sl_private_slot *slot =
		sl_guest_object_create(self, VK_OBJECT_TYPE_PRIVATE_DATA_SLOT, sizeof(*slot));

	*pPrivateDataSlot = VK_NULL_HANDLE;
	if (slot == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	pthread_mutex_lock(&context->lock);
	slot->next = context->private_slots;
	context->private_slots = slot;
	pthread_mutex_unlock(&context->lock);
	*pPrivateDataSlot = (VkPrivateDataSlot)(uintptr_t)slot;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyPrivateDataSlot(VkDevice device,
						       VkPrivateDataSlot privateDataSlot,
						       const VkAllocationCallbacks *pAllocator)
{
	struct sl_private_slot *slot = (struct sl_private_slot *)(uintptr_t)privateDataSlot;

	if (slot == NULL) {
		return;
	}
	struct sl_context *context = slot->base.context;
	pthread_mutex_lock(&context->lock);
	struct sl_private_slot **at = &context->private_slots;
	while (*at != slot) {
		at = &(*at)->next;
	}
	*at = slot->next;
	pthread_mutex_unlock(&context->lock);
	free(slot->values);
	sl_guest_object_destroy(slot);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkSetPrivateData(VkDevice device, VkObjectType objectType,
						   uint64_t objectHandle,
						   VkPrivateDataSlot privateDataSlot, uint64_t data)
{
	struct sl_private_slot *slot = (struct sl_private_slot *)(uintptr_t)privateDataSlot;
	struct sl_guest_object *object = SL_GUEST_OBJECT(objectHandle);
	struct sl_context *context = slot->base.context;

	pthread_mutex_lock(&context->lock);
	VkResult result = set_value(slot, object->handle.id, data);
	object->has_private_data = 1;
	pthread_mutex_unlock(&context->lock);
	return result;
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPrivateData(VkDevice device, VkObjectType objectType,
					       uint64_t objectHandle,
					       VkPrivateDataSlot privateDataSlot, uint64_t *pData)
{
	struct sl_private_slot *slot = (struct sl_private_slot *)(uintptr_t)privateDataSlot;
	struct sl_guest_object *object = SL_GUEST_OBJECT(objectHandle);
	struct sl_context *context = slot->base.context;

	*pData = 0;
	pthread_mutex_lock(&context->lock);
	if (slot->capacity > 0) {
		*pData = find_value(slot, object->handle.id)->data;
	}
	pthread_mutex_unlock(&context->lock);
}

void sl_private_data_forget(struct sl_guest_object *object)
{
	struct sl_context *context = object->context;

	pthread_mutex_lock(&context->lock);
	for (struct sl_private_slot *slot = context->private_slots; slot != NULL;
	     slot = slot->next) {
		if (slot->capacity > 0) {
			find_value(slot, object->handle.id)->data = 0;
		}
	}
	pthread_mutex_unlock(&context->lock);
}
