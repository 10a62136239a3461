/* SPDX-License-Identifier: MIT */
/* Remembers replies by the bytes of their requests, for questions whose answer never changes. */
#ifndef SL_GUEST_DRIVER_VK_QUERY_CACHE_H
#define SL_GUEST_DRIVER_VK_QUERY_CACHE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct sl_query_entry;

struct sl_query_cache {
	pthread_mutex_t lock; /* guards all below */
	struct sl_query_entry **buckets;
	uint32_t bucket_count; /* a power of two, or 0 */
	uint32_t entry_count;
};

void sl_query_cache_init(struct sl_query_cache *cache);
void sl_query_cache_finish(struct sl_query_cache *cache);

/* The reply to a request, valid until the cache is finished, or NULL. Any thread. */
const uint8_t *sl_query_cache_find(struct sl_query_cache *cache, uint16_t command_id,
				   const uint8_t *request, size_t request_size,
				   size_t *ret_reply_size);
/* Remember a reply (copied). A full cache or lack of memory only means that it will be asked
 * again. Any thread. */
void sl_query_cache_add(struct sl_query_cache *cache, uint16_t command_id, const uint8_t *request,
			size_t request_size, const uint8_t *reply, size_t reply_size);

#endif
