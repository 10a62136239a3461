/* SPDX-License-Identifier: MIT */
/* A map from byte strings to values that only grows: for answers that never change. */
#ifndef SL_GUEST_DRIVER_VK_BYTES_MAP_H
#define SL_GUEST_DRIVER_VK_BYTES_MAP_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct sl_bytes_entry;

struct sl_bytes_map {
	pthread_mutex_t lock; /* guards all below */
	struct sl_bytes_entry **buckets;
	uint32_t bucket_count; /* a power of two, or 0 */
	uint32_t entry_count;
	size_t used; /* bytes of keys and values */
};

void sl_bytes_map_init(struct sl_bytes_map *map);
void sl_bytes_map_finish(struct sl_bytes_map *map);

/* The value stored under (kind, key), aligned to 16 bytes and valid until the map is finished,
 * or NULL. Any thread. */
void *sl_bytes_map_find(struct sl_bytes_map *map, uint32_t kind, const void *key, size_t key_size,
			size_t *ret_value_size);

/* Store a copy of value (NULL: zeros) unless the key is there already. Any thread.
 *
 * Returns the stored value like sl_bytes_map_find(); NULL if the map is full or memory short. */
void *sl_bytes_map_add(struct sl_bytes_map *map, uint32_t kind, const void *key, size_t key_size,
		       const void *value, size_t value_size);

#endif
