/* SPDX-License-Identifier: MIT */
/* Resolves the ids of one message, and settles what becomes of the objects it makes. */
#include "host/decode/scope.h"

#include "host/objects/objects.h"
#include "host/objects/record.h"
#include "protocol/handle.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static_assert(SL_OBJECTS_INDEX_BITS == SL_ID_INDEX_BITS, "one notion of ids");

static bool append(struct sl_object_list *list, struct sl_object *object)
{
	if (list->count == list->capacity) {
		uint32_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
		struct sl_object **items = reallocarray(list->items, capacity, sizeof(*items));

		if (items == NULL) {
			return false;
		}
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = object;
	return true;
}

static uint64_t find(void *data, uint32_t object_type, uint64_t id)
{
	struct sl_scope *scope = data;
	struct sl_object *object = sl_objects_find(scope->objects, id);

	if (object == NULL || (uint32_t)object->type != object_type) {
		return 0;
	}
	if (scope->self == NULL) {
		scope->self = object;
	}
	if (object->device != scope->device && object->device != NULL) {
		if (scope->device != NULL) {
			scope->error = -EBADMSG;
			scope->why = "names an object of another device";
			return 0;
		}
		scope->device = object->device;
	}
	if (scope->keeps_used && object->mark != scope->mark) {
		object->mark = scope->mark;
		if (!append(&scope->used, object)) {
			scope->error = -ENOMEM;
			return 0;
		}
		if (scope->is_stream && object->is_incomplete) {
			scope->error = -EBADMSG;
			scope->why = "names a buffer or image without memory";
			return 0;
		}
	}
	if (!append(&scope->named, object)) {
		scope->error = -ENOMEM;
		return 0;
	}
	if (object->handle == 0 && object->type == scope->failed_type) {
		scope->has_failed = true;
		return SL_SCOPE_FAILED;
	}
	return object->handle;
}

static uint64_t create(void *data, uint32_t object_type, uint64_t id)
{
	struct sl_scope *scope = data;
	struct sl_object *object = NULL;
	int r = sl_objects_add(scope->objects, id, (VkObjectType)object_type, &object);

	if (r == 0 && !append(&scope->created, object)) {
		r = -ENOMEM;
	}
	if (r == -ENOMEM) {
		scope->error = r;
	} else if (r == -EEXIST) {
		scope->error = -EBADMSG;
		scope->why = "the id of a new object is in use";
	}
	return r == 0 ? id : 0;
}

void sl_scope_init(struct sl_scope *scope, struct sl_objects *objects)
{
	*scope = (struct sl_scope){
		.resolver = { .find = find, .create = create, .data = scope },
		.objects = objects,
	};
}

void sl_scope_finish(struct sl_scope *scope)
{
	free(scope->used.items);
	free(scope->named.items);
	free(scope->created.items);
}

void sl_scope_reset(struct sl_scope *scope)
{
	/* Both scopes of a decoder mark the same objects: one counts even numbers, one odd. */
	scope->mark = (scope->mark | 1) + (scope->is_stream ? 2 : 1);
	scope->self = NULL;
	scope->device = NULL;
	scope->keeps_used = false;
	scope->has_failed = false;
	scope->failed_type = VK_OBJECT_TYPE_UNKNOWN;
	scope->error = 0;
	scope->why = NULL;
	scope->used.count = 0;
	scope->named.count = 0;
	scope->created.count = 0;
}

bool sl_scope_adopt(struct sl_scope *scope, VkObjectType owner_type)
{
	struct sl_object *owner = NULL;

	for (uint32_t i = 0; i < scope->used.count && owner == NULL; i++) {
		if (scope->used.items[i]->type == owner_type) {
			owner = scope->used.items[i];
		}
	}
	if (owner == NULL && owner_type != VK_OBJECT_TYPE_UNKNOWN) {
		return false;
	}
	for (uint32_t i = 0; i < scope->created.count; i++) {
		sl_objects_set_owner(scope->created.items[i], owner);
	}
	return true;
}

static struct sl_record *make_record(const struct sl_scope *scope, uint16_t command_id,
				     const uint8_t *payload, size_t payload_size)
{
	struct sl_record *record =
		sl_record_create(command_id, payload, payload_size, scope->used.count);

	if (record != NULL) {
		for (uint32_t i = 0; i < scope->used.count; i++) {
			record->dependencies[i] = scope->used.items[i]->id;
		}
	}
	return record;
}

int sl_scope_settle(struct sl_scope *scope, const uint64_t *handles, bool removes_failed,
		    uint16_t command_id, const uint8_t *payload, size_t payload_size)
{
	struct sl_record *record = NULL;

	for (uint32_t i = 0; i < scope->created.count; i++) {
		struct sl_object *object = scope->created.items[i];

		if (handles[i] == 0) {
			if (removes_failed) {
				sl_objects_remove(scope->objects, object);
			}
			continue;
		}
		if (record != NULL) {
			sl_record_ref(record);
		} else {
			record = make_record(scope, command_id, payload, payload_size);
			if (record == NULL) {
				return -ENOMEM;
			}
		}
		object->record = record;
		object->handle = handles[i];
	}
	return 0;
}

void sl_scope_remove(struct sl_scope *scope, VkObjectType type)
{
	for (uint32_t i = 0; i < scope->used.count; i++) {
		if (scope->used.items[i]->type == type) {
			sl_objects_remove(scope->objects, scope->used.items[i]);
		}
	}
}

void sl_scope_remove_owned(struct sl_scope *scope, VkObjectType type)
{
	for (uint32_t i = 0; i < scope->used.count; i++) {
		if (scope->used.items[i]->type == type) {
			sl_objects_remove_owned(scope->objects, scope->used.items[i]);
		}
	}
}
