/* SPDX-License-Identifier: MIT */
/* Where replies go. Most take one unit of the reply area, which costs one atomic operation and
 * no lock; larger ones take several; what does not fit gets a region for the one call.
 *
 * Each unit starts a page, so that threads waiting for their replies share no cache line. */
#include "guest-driver/link/guest_link_priv.h"
#include "protocol/limits.h"

#include <assert.h>
#include <errno.h>

#define NO_UNIT UINT32_MAX

static_assert(SL_REPLY_SMALL_COUNT == 64, "small_replies is one word");
static_assert(SL_REPLY_UNIT_COUNT % 64 == 0, "large_replies is whole words");

static uint32_t take_small(struct sl_guest_link *link)
{
	/* Relaxed throughout: a unit's bytes are ordered by the call itself, between the host's
	 * store of DONE (acquired by the last user) and the next user's message. The unit
	 * passes between guest threads by the release and acquire of these operations. */
	uint64_t used = atomic_load_explicit(&link->small_replies, memory_order_relaxed);

	while (~used != 0) {
		/* The lowest free unit: its memory is the most likely to be in the cache. */
		uint32_t unit = (uint32_t)__builtin_ctzll(~used);

		/* Acquire: pairs with the release in sl_guest_link_drop_reply(). */
		if (atomic_compare_exchange_weak_explicit(&link->small_replies, &used,
							  used | 1ull << unit, memory_order_acquire,
							  memory_order_relaxed)) {
			return unit;
		}
	}
	return NO_UNIT;
}

static bool is_large_used(const struct sl_guest_link *link, uint32_t unit)
{
	return (link->large_replies[unit / 64] >> (unit % 64) & 1) != 0;
}

static void mark_large(struct sl_guest_link *link, uint32_t unit, uint32_t count, bool is_used)
{
	for (uint32_t i = unit; i < unit + count; i++) {
		uint64_t bit = 1ull << (i % 64);

		if (is_used) {
			link->large_replies[i / 64] |= bit;
		} else {
			link->large_replies[i / 64] &= ~bit;
		}
	}
}

/* The first run of count free units. */
static uint32_t take_large(struct sl_guest_link *link, uint32_t count)
{
	uint32_t unit = NO_UNIT;
	uint32_t run = 0;

	pthread_mutex_lock(&link->reply_lock);
	for (uint32_t i = SL_REPLY_SMALL_COUNT; i < SL_REPLY_UNIT_COUNT; i++) {
		run = is_large_used(link, i) ? 0 : run + 1;
		if (run == count) {
			unit = i + 1 - count;
			mark_large(link, unit, count, true);
			break;
		}
	}
	pthread_mutex_unlock(&link->reply_lock);
	return unit;
}

int sl_guest_link_take_reply(struct sl_guest_link *link, size_t capacity,
			     struct sl_guest_reply *ret_reply)
{
	size_t size = sizeof(struct sl_reply_header) + capacity;
	uint32_t unit = NO_UNIT;

	if (capacity > SL_MAX_MESSAGE_SIZE) {
		return -ENOMEM;
	}
	*ret_reply = (struct sl_guest_reply){
		.slot_count = (uint32_t)((size + SL_REPLY_UNIT - 1) / SL_REPLY_UNIT),
	};
	if (ret_reply->slot_count == 1) {
		unit = take_small(link);
	}
	if (unit == NO_UNIT && ret_reply->slot_count <= SL_REPLY_UNIT_COUNT) {
		unit = take_large(link, ret_reply->slot_count);
	}
	if (unit != NO_UNIT) {
		ret_reply->slot = unit;
		ret_reply->header = (void *)(link->reply_area + (size_t)unit * SL_REPLY_UNIT);
		return 0;
	}
	int r = sl_guest_link_create_region(link, size, &ret_reply->region);
	if (r == 0) {
		ret_reply->header = ret_reply->region.data;
	}
	return r;
}

static void release_region(struct sl_guest_link *link, struct sl_region *region)
{
	struct sl_packet_region packet = { .region_id = region->id };

	sl_handshake_init_header(&packet.header, SL_PACKET_RELEASE, sizeof(packet));
	/* Where it cannot be sent, nobody is left who would have to know. */
	(void)link->ops->send_packet(link->carrier, &packet, sizeof(packet), -1);
	sl_guest_link_destroy_region(link, region);
}

void sl_guest_link_drop_reply(struct sl_guest_link *link, struct sl_guest_reply *reply)
{
	if (link->is_abandoned) {
		return;
	}
	if (reply->region.data != NULL) {
		release_region(link, &reply->region);
	} else if (reply->slot < SL_REPLY_SMALL_COUNT) {
		/* Release: pairs with the acquire in take_small(). */
		atomic_fetch_and_explicit(&link->small_replies, ~(1ull << reply->slot),
					  memory_order_release);
	} else {
		pthread_mutex_lock(&link->reply_lock);
		mark_large(link, reply->slot, reply->slot_count, false);
		pthread_mutex_unlock(&link->reply_lock);
	}
}
