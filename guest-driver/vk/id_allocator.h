/* SPDX-License-Identifier: MIT */
/* Wire ids of a context: an index that is reused, and a serial that makes each use distinct. */
#ifndef SL_GUEST_DRIVER_VK_ID_ALLOCATOR_H
#define SL_GUEST_DRIVER_VK_ID_ALLOCATOR_H

#include <pthread.h>
#include <stdint.h>

struct sl_id_slot {
	uint64_t serial;    /* of the id in use, or of the last one */
	uint32_t next_free; /* index, 0: none; meaningful while free */
};

struct sl_id_allocator {
	pthread_mutex_t lock;	  /* guards all below */
	struct sl_id_slot *slots; /* by index; index 0 is never used */
	uint32_t count;		  /* slots that were ever used, index 0 included */
	uint32_t capacity;
	uint32_t first_free; /* last freed first: its cache lines are warm */
};

void sl_id_allocator_init(struct sl_id_allocator *ids);
void sl_id_allocator_finish(struct sl_id_allocator *ids);

/* A new id, never given before; 0 if memory or SL_MAX_OBJECTS ran out. Any thread. */
uint64_t sl_id_allocator_take(struct sl_id_allocator *ids);
/* The message that destroys the id's object must be in the ring already. Any thread. */
void sl_id_allocator_drop(struct sl_id_allocator *ids, uint64_t id);

#endif
