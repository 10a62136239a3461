/* SPDX-License-Identifier: MIT */
/* The host driver's handles to what replay keeps about them: a hash table with open addressing.
 * Handles are not 0 and not UINT64_MAX. */
#ifndef SL_HOST_REPLAY_HANDLE_MAP_H
#define SL_HOST_REPLAY_HANDLE_MAP_H

#include <stdint.h>

struct sl_handle_map_entry {
	uint64_t handle; /* 0: free */
	void *value;
};

/* Zeroed memory is an empty map. */
struct sl_handle_map {
	struct sl_handle_map_entry *entries;
	uint32_t capacity; /* a power of two, or 0 */
	uint32_t count;
};

void sl_handle_map_finish(struct sl_handle_map *map);

/* Returns NULL if the handle is not in the map. */
void *sl_handle_map_find(const struct sl_handle_map *map, uint64_t handle);

/* Put or replace; value is not NULL. Returns 0 or -ENOMEM. */
int sl_handle_map_put(struct sl_handle_map *map, uint64_t handle, void *value);

/* Returns what was there, or NULL. */
void *sl_handle_map_remove(struct sl_handle_map *map, uint64_t handle);

/* Any value of the map, NULL if it is empty: to take a map apart. */
void *sl_handle_map_any(const struct sl_handle_map *map, uint64_t *ret_handle);

#endif
