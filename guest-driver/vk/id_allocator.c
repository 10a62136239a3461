/* SPDX-License-Identifier: MIT */
/* Wire ids: a free list of indices under a lock that is held for a few instructions. */
#include "guest-driver/vk/id_allocator.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "protocol/handle.h"
#include "protocol/limits.h"

#define FIRST_CAPACITY 256u

void sl_id_allocator_init(struct sl_id_allocator *ids)
{
	*ids = (struct sl_id_allocator){ .count = 1 };
	pthread_mutex_init(&ids->lock, NULL);
}

void sl_id_allocator_finish(struct sl_id_allocator *ids)
{
	free(ids->slots);
	pthread_mutex_destroy(&ids->lock);
}

static bool grow_slots(struct sl_id_allocator *ids)
{
	uint32_t capacity = ids->capacity > 0 ? ids->capacity * 2 : FIRST_CAPACITY;

	if (capacity > SL_MAX_OBJECTS) {
		return false;
	}
	struct sl_id_slot *slots = realloc(ids->slots, capacity * sizeof(struct sl_id_slot));
	if (slots == NULL) {
		return false;
	}
	ids->slots = slots;
	ids->capacity = capacity;
	return true;
}

static uint64_t take_locked(struct sl_id_allocator *ids)
{
	uint32_t index = ids->first_free;

	if (index != 0) {
		ids->first_free = ids->slots[index].next_free;
	} else {
		if (ids->count >= ids->capacity && !grow_slots(ids)) {
			return 0;
		}
		index = ids->count++;
		ids->slots[index] = (struct sl_id_slot){ 0 };
	}
	uint64_t serial = ++ids->slots[index].serial;
	return serial << SL_ID_INDEX_BITS | index;
}

uint64_t sl_id_allocator_take(struct sl_id_allocator *ids)
{
	pthread_mutex_lock(&ids->lock);
	uint64_t id = take_locked(ids);
	pthread_mutex_unlock(&ids->lock);
	return id;
}

void sl_id_allocator_drop(struct sl_id_allocator *ids, uint64_t id)
{
	uint32_t index = SL_ID_INDEX(id);

	pthread_mutex_lock(&ids->lock);
	assert(index > 0 && index < ids->count);
	assert(ids->slots[index].serial == id >> SL_ID_INDEX_BITS);
	ids->slots[index].next_free = ids->first_free;
	ids->first_free = index;
	pthread_mutex_unlock(&ids->lock);
}
