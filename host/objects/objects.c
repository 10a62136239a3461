/* SPDX-License-Identifier: MIT */
/* The object table: an array indexed by the low bits of a wire id. */
#include "host/objects/objects.h"

#include "host/objects/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAPACITY 256u

struct sl_objects {
	struct sl_object **slots; /* by index; NULL: free */
	uint32_t capacity;	  /* a power of two, or 0 */
	uint32_t count;
	uint32_t max_objects;
};

static uint32_t get_index(uint64_t id)
{
	return (uint32_t)(id & ((1u << SL_OBJECTS_INDEX_BITS) - 1));
}

int sl_objects_create(uint32_t max_objects, struct sl_objects **ret_objects)
{
	struct sl_objects *objects = calloc(1, sizeof(*objects));

	if (objects == NULL) {
		return -ENOMEM;
	}
	objects->max_objects = max_objects;
	*ret_objects = objects;
	return 0;
}

void sl_objects_destroy(struct sl_objects *objects)
{
	if (objects == NULL) {
		return;
	}
	for (uint32_t i = 0; i < objects->capacity; i++) {
		/* From the root of its tree, so that the owned go before their owner. */
		struct sl_object *object = objects->slots[i];

		if (object != NULL) {
			while (object->owner != NULL) {
				object = object->owner;
			}
			sl_objects_remove(objects, object);
		}
	}
	free(objects->slots);
	free(objects);
}

struct sl_object *sl_objects_find(const struct sl_objects *objects, uint64_t id)
{
	uint32_t index = get_index(id);

	if (index >= objects->capacity) {
		return NULL;
	}
	struct sl_object *object = objects->slots[index];

	return object != NULL && object->id == id ? object : NULL;
}

static int grow(struct sl_objects *objects, uint32_t index)
{
	uint32_t capacity = objects->capacity == 0 ? MIN_CAPACITY : objects->capacity;

	while (capacity <= index) {
		capacity *= 2;
	}
	struct sl_object **slots = reallocarray(objects->slots, capacity, sizeof(*slots));

	if (slots == NULL) {
		return -ENOMEM;
	}
	memset(slots + objects->capacity, 0, (capacity - objects->capacity) * sizeof(*slots));
	objects->slots = slots;
	objects->capacity = capacity;
	return 0;
}

int sl_objects_add(struct sl_objects *objects, uint64_t id, VkObjectType type,
		   struct sl_object **ret_object)
{
	uint32_t index = get_index(id);

	if (index == 0 || index > objects->max_objects) {
		return -EINVAL;
	}
	if (index >= objects->capacity) {
		int r = grow(objects, index);

		if (r < 0) {
			return r;
		}
	}
	if (objects->slots[index] != NULL) {
		return -EEXIST;
	}
	struct sl_object *object = calloc(1, sizeof(*object));

	if (object == NULL) {
		return -ENOMEM;
	}
	object->id = id;
	object->type = type;
	objects->slots[index] = object;
	objects->count++;
	*ret_object = object;
	return 0;
}

void sl_objects_set_owner(struct sl_object *object, struct sl_object *owner)
{
	object->owner = owner;
	if (owner == NULL) {
		return;
	}
	object->device = object->type == VK_OBJECT_TYPE_DEVICE ? object : owner->device;
	object->vkd = owner->vkd;
	object->vki = owner->vki;
	object->next_owned = owner->first_owned;
	if (owner->first_owned != NULL) {
		owner->first_owned->prev_owned = object;
	}
	owner->first_owned = object;
}

/* An object that owns nothing. */
static void remove_leaf(struct sl_objects *objects, struct sl_object *object)
{
	if (object->next_owned != NULL) {
		object->next_owned->prev_owned = object->prev_owned;
	}
	if (object->prev_owned != NULL) {
		object->prev_owned->next_owned = object->next_owned;
	} else if (object->owner != NULL) {
		object->owner->first_owned = object->next_owned;
	}
	objects->slots[get_index(object->id)] = NULL;
	objects->count--;
	sl_record_unref(object->record);
	free(object);
}

void sl_objects_remove_owned(struct sl_objects *objects, struct sl_object *object)
{
	struct sl_object *at = object;

	/* Down to a leaf, remove it, up to its owner, until object itself owns nothing. */
	for (;;) {
		while (at->first_owned != NULL) {
			at = at->first_owned;
		}
		if (at == object) {
			return;
		}
		struct sl_object *owner = at->owner;

		remove_leaf(objects, at);
		at = owner;
	}
}

void sl_objects_remove(struct sl_objects *objects, struct sl_object *object)
{
	sl_objects_remove_owned(objects, object);
	remove_leaf(objects, object);
}

uint32_t sl_objects_get_count(const struct sl_objects *objects)
{
	return objects->count;
}

struct sl_object *sl_objects_get_next(const struct sl_objects *objects,
				      const struct sl_object *after)
{
	uint32_t index = after != NULL ? get_index(after->id) + 1 : 1;

	for (; index < objects->capacity; index++) {
		if (objects->slots[index] != NULL) {
			return objects->slots[index];
		}
	}
	return NULL;
}
