/* SPDX-License-Identifier: MIT */
/* All objects of a context, by wire id. One thread (the ring's) uses a table. */
#ifndef SL_HOST_OBJECTS_OBJECTS_H
#define SL_HOST_OBJECTS_OBJECTS_H

#include "host/objects/object.h"

#include <stddef.h>
#include <stdint.h>

/* The low bits of an id are its index, from 1; the rest tells apart those who had the index. */
#define SL_OBJECTS_INDEX_BITS 24

struct sl_objects;

/* max_objects: the highest index a guest may use. Returns 0 or -ENOMEM. */
int sl_objects_create(uint32_t max_objects, struct sl_objects **ret_objects);
/* Accepts NULL. Frees every object. */
void sl_objects_destroy(struct sl_objects *objects);

/* The live object with this id, or NULL. */
struct sl_object *sl_objects_find(const struct sl_objects *objects, uint64_t id);

/* Add an object that nobody owns yet.
 *
 * Returns 0, -EINVAL (no valid id, or beyond max_objects), -EEXIST (its index is in use),
 * -ENOMEM. */
int sl_objects_add(struct sl_objects *objects, uint64_t id, VkObjectType type,
		   struct sl_object **ret_object);

/* owner may be NULL. The object takes over its device and function tables; it has no owner yet. */
void sl_objects_set_owner(struct sl_object *object, struct sl_object *owner);

/* The object and all that it owns leave the table and are freed. */
void sl_objects_remove(struct sl_objects *objects, struct sl_object *object);
/* The same for what the object owns, but not for itself. */
void sl_objects_remove_owned(struct sl_objects *objects, struct sl_object *object);

uint32_t sl_objects_get_count(const struct sl_objects *objects);

/* The object with the lowest index above that of after (NULL: the first), or NULL: to walk
 * through all of them. */
struct sl_object *sl_objects_get_next(const struct sl_objects *objects,
				      const struct sl_object *after);

#endif
