/* SPDX-License-Identifier: MIT */
/* Linear probing; removal moves later entries of the run back, so that there are no tombstones. */
#include "host/replay/handle_map.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define FIRST_CAPACITY 64u

static uint32_t home_of(const struct sl_handle_map *map, uint64_t handle)
{
	/* Drivers' handles are addresses or small counts: spread both (Fibonacci hashing). */
	return (uint32_t)((handle * 0x9e3779b97f4a7c15u) >> 32) & (map->capacity - 1);
}

static struct sl_handle_map_entry *find_entry(const struct sl_handle_map *map, uint64_t handle)
{
	uint32_t at = home_of(map, handle);

	while (map->entries[at].handle != 0 && map->entries[at].handle != handle) {
		at = (at + 1) & (map->capacity - 1);
	}
	return &map->entries[at];
}

void sl_handle_map_finish(struct sl_handle_map *map)
{
	free(map->entries);
	*map = (struct sl_handle_map){ 0 };
}

void *sl_handle_map_find(const struct sl_handle_map *map, uint64_t handle)
{
	if (map->count == 0 || handle == 0) {
		return NULL;
	}
	return find_entry(map, handle)->value;
}

static int grow(struct sl_handle_map *map)
{
	struct sl_handle_map larger = {
		.capacity = map->capacity == 0 ? FIRST_CAPACITY : map->capacity * 2,
		.count = map->count,
	};

	larger.entries = calloc(larger.capacity, sizeof(*larger.entries));
	if (larger.entries == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < map->capacity; i++) {
		if (map->entries[i].handle != 0) {
			*find_entry(&larger, map->entries[i].handle) = map->entries[i];
		}
	}
	free(map->entries);
	*map = larger;
	return 0;
}

int sl_handle_map_put(struct sl_handle_map *map, uint64_t handle, void *value)
{
	if ((map->count + 1) * 2 > map->capacity) {
		int r = grow(map);

		if (r < 0) {
			return r;
		}
	}
	struct sl_handle_map_entry *entry = find_entry(map, handle);

	map->count += entry->handle == 0 ? 1 : 0;
	*entry = (struct sl_handle_map_entry){ handle, value };
	return 0;
}

/* Fill the hole at index from the rest of its run. */
static void close_hole(struct sl_handle_map *map, uint32_t hole)
{
	uint32_t mask = map->capacity - 1;

	for (uint32_t at = (hole + 1) & mask; map->entries[at].handle != 0; at = (at + 1) & mask) {
		uint32_t home = home_of(map, map->entries[at].handle);

		/* May the entry move to the hole? Only if its home is not after the hole. */
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			map->entries[hole] = map->entries[at];
			hole = at;
		}
	}
	map->entries[hole] = (struct sl_handle_map_entry){ 0 };
}

void *sl_handle_map_remove(struct sl_handle_map *map, uint64_t handle)
{
	if (map->count == 0 || handle == 0) {
		return NULL;
	}
	struct sl_handle_map_entry *entry = find_entry(map, handle);
	void *value = entry->value;

	if (entry->handle != 0) {
		map->count--;
		close_hole(map, (uint32_t)(entry - map->entries));
	}
	return value;
}

void *sl_handle_map_any(const struct sl_handle_map *map, uint64_t *ret_handle)
{
	for (uint32_t i = 0; map->count > 0 && i < map->capacity; i++) {
		if (map->entries[i].handle != 0) {
			*ret_handle = map->entries[i].handle;
			return map->entries[i].value;
		}
	}
	return NULL;
}
