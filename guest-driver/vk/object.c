/* SPDX-License-Identifier: MIT */
/* Creation and destruction of guest objects. */
#include "guest-driver/vk/object.h"

#include <assert.h>
#include <stdlib.h>
#include <vulkan/vk_icd.h>

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/private_data.h"

void *sl_guest_object_create_in(struct sl_context *context, VkObjectType type, size_t size)
{
	assert(size >= sizeof(struct sl_guest_object));
	struct sl_guest_object *object = calloc(1, size);
	if (object == NULL) {
		return NULL;
	}
	uint64_t id = sl_id_allocator_take(&context->ids);
	if (id == 0) {
		free(object);
		return NULL;
	}
	/* The loader checks for its magic in dispatchable objects and ignores it in all others. */
	object->handle = (struct sl_handle){ .loader_data = ICD_LOADER_MAGIC, .id = id };
	object->context = context;
	object->type = type;
	return object;
}

void *sl_guest_object_create(struct sl_guest_object *parent, VkObjectType type, size_t size)
{
	return sl_guest_object_create_in(parent->context, type, size);
}

void sl_guest_object_destroy(void *object)
{
	struct sl_guest_object *self = object;

	if (self == NULL) {
		return;
	}
	if (self->has_private_data) {
		sl_private_data_forget(self);
	}
	sl_id_allocator_drop(&self->context->ids, self->handle.id);
	free(self);
}
