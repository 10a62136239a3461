/* SPDX-License-Identifier: MIT */
/* Answers that never change, found by the bytes of the question. */
#include "guest-driver/vk/bytes_map.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES	       65536u
#define MAX_BYTES	       (64u << 20)
#define MIN_BUCKETS	       64u
#define VALUE_OFFSET(key_size) (((key_size) + 15) & ~(size_t)15)

struct sl_bytes_entry {
	struct sl_bytes_entry *next;
	uint64_t hash;
	size_t key_size;
	size_t value_size;
	uint32_t kind;
	_Alignas(16) uint8_t data[]; /* the key, then the value at VALUE_OFFSET() */
};

/* Multiply and fold, eight bytes at a time: keys are a few hundred bytes and come from this
 * very process, so speed matters and resistance to chosen keys does not. */
static uint64_t hash_bytes(uint32_t kind, const uint8_t *key, size_t size)
{
	const uint64_t factor = 0x9e3779b97f4a7c15u;
	uint64_t hash = (kind + 1) * factor ^ size;

	while (size > 0) {
		size_t step = size < 8 ? size : 8;
		uint64_t word = 0;
		memcpy(&word, key, step);
		hash = (hash ^ word) * factor;
		hash ^= hash >> 29;
		key += step;
		size -= step;
	}
	return hash;
}

void sl_bytes_map_init(struct sl_bytes_map *map)
{
	*map = (struct sl_bytes_map){ 0 };
	pthread_mutex_init(&map->lock, NULL);
}

void sl_bytes_map_finish(struct sl_bytes_map *map)
{
	for (uint32_t i = 0; i < map->bucket_count; i++) {
		struct sl_bytes_entry *entry = map->buckets[i];
		while (entry != NULL) {
			struct sl_bytes_entry *next = entry->next;
			free(entry);
			entry = next;
		}
	}
	free(map->buckets);
	pthread_mutex_destroy(&map->lock);
}

static struct sl_bytes_entry *find_entry(struct sl_bytes_map *map, uint64_t hash, uint32_t kind,
					 const void *key, size_t key_size)
{
	if (map->bucket_count == 0) {
		return NULL;
	}
	struct sl_bytes_entry *entry = map->buckets[hash & (map->bucket_count - 1)];
	while (entry != NULL) {
		if (entry->hash == hash && entry->kind == kind && entry->key_size == key_size &&
		    memcmp(entry->data, key, key_size) == 0) {
			return entry;
		}
		entry = entry->next;
	}
	return NULL;
}

static bool grow_buckets(struct sl_bytes_map *map)
{
	uint32_t count = map->bucket_count > 0 ? map->bucket_count * 2 : MIN_BUCKETS;
	struct sl_bytes_entry **buckets = calloc(count, sizeof(struct sl_bytes_entry *));

	if (buckets == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < map->bucket_count; i++) {
		struct sl_bytes_entry *entry = map->buckets[i];
		while (entry != NULL) {
			struct sl_bytes_entry *next = entry->next;
			uint32_t bucket = (uint32_t)(entry->hash & (count - 1));
			entry->next = buckets[bucket];
			buckets[bucket] = entry;
			entry = next;
		}
	}
	free(map->buckets);
	map->buckets = buckets;
	map->bucket_count = count;
	return true;
}

static struct sl_bytes_entry *add_entry(struct sl_bytes_map *map, uint64_t hash, uint32_t kind,
					const void *key, size_t key_size, const void *value,
					size_t value_size)
{
	size_t size = sizeof(struct sl_bytes_entry) + VALUE_OFFSET(key_size) + value_size;

	if (map->entry_count >= MAX_ENTRIES || size > MAX_BYTES - map->used) {
		return NULL;
	}
	if (map->entry_count >= map->bucket_count && !grow_buckets(map)) {
		return NULL;
	}
	struct sl_bytes_entry *entry = calloc(1, size);
	if (entry == NULL) {
		return NULL;
	}
	uint32_t bucket = (uint32_t)(hash & (map->bucket_count - 1));
	entry->next = map->buckets[bucket];
	entry->hash = hash;
	entry->kind = kind;
	entry->key_size = key_size;
	entry->value_size = value_size;
	memcpy(entry->data, key, key_size);
	if (value != NULL) {
		memcpy(entry->data + VALUE_OFFSET(key_size), value, value_size);
	}
	map->buckets[bucket] = entry;
	map->entry_count++;
	map->used += size;
	return entry;
}

void *sl_bytes_map_find(struct sl_bytes_map *map, uint32_t kind, const void *key, size_t key_size,
			size_t *ret_value_size)
{
	uint64_t hash = hash_bytes(kind, key, key_size);

	pthread_mutex_lock(&map->lock);
	struct sl_bytes_entry *entry = find_entry(map, hash, kind, key, key_size);
	pthread_mutex_unlock(&map->lock);

	if (entry == NULL) {
		return NULL;
	}
	*ret_value_size = entry->value_size;
	return entry->data + VALUE_OFFSET(key_size);
}

void *sl_bytes_map_add(struct sl_bytes_map *map, uint32_t kind, const void *key, size_t key_size,
		       const void *value, size_t value_size)
{
	uint64_t hash = hash_bytes(kind, key, key_size);

	pthread_mutex_lock(&map->lock);
	struct sl_bytes_entry *entry = find_entry(map, hash, kind, key, key_size);
	if (entry == NULL) {
		entry = add_entry(map, hash, kind, key, key_size, value, value_size);
	}
	pthread_mutex_unlock(&map->lock);

	return entry != NULL ? entry->data + VALUE_OFFSET(key_size) : NULL;
}
