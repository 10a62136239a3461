/* SPDX-License-Identifier: MIT */
/* A context's connection: sending, waiting, regions. Whatever depends on the carrier is behind
 * link->ops. */
#include "guest-driver/link/guest_link.h"

#include "guest-driver/link/guest_link_priv.h"
#include "protocol/clock.h"
#include "protocol/limits.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whoever sleeps looks this often whether the host is still there. */
#define HANGUP_INTERVAL_NS (100 * SL_NS_PER_MS)
/* Of a message larger than this the host gets to read the first part while we write the next. */
#define PUBLISH_SIZE (64u << 10)
#define PAGE_SIZE    4096u
/* A yield that takes longer than this has let somebody else run (else 0.5 us). */
#define SHARING_NS  1500u
#define SHARING_MAX 8u

const struct sl_caps *sl_guest_link_get_caps(const struct sl_guest_link *link)
{
	return &link->caps;
}

const struct sl_sync_page *sl_guest_link_get_sync(const struct sl_guest_link *link)
{
	return link->sync;
}

bool sl_guest_link_is_lost(const struct sl_guest_link *link)
{
	/* Acquire: lost_text is complete; pairs with the release in sl_sync_set_lost(). */
	return atomic_load_explicit(&link->sync->lost, memory_order_acquire) != SL_LOST_NOT;
}

void sl_guest_link_set_lost(struct sl_guest_link *link, enum sl_lost_reason reason,
			    const char *text)
{
	pthread_mutex_lock(&link->lost_lock);
	sl_sync_set_lost(link->sync, reason, text);
	link->ops->wake(link->carrier, link->sync);
	pthread_mutex_unlock(&link->lost_lock);
}

bool sl_guest_link_check_lost(struct sl_guest_link *link)
{
	if (sl_guest_link_is_lost(link)) {
		return true;
	}
	uint64_t now = sl_clock_now_ns();
	/* Relaxed: a thread that sees an old time checks once too often. */
	uint64_t last = atomic_load_explicit(&link->hangup_checked, memory_order_relaxed);
	if (now - last < HANGUP_INTERVAL_NS) {
		return false;
	}
	atomic_store_explicit(&link->hangup_checked, now, memory_order_relaxed);
	if (!link->ops->is_hung_up(link->carrier)) {
		return false;
	}
	sl_guest_link_set_lost(link, SL_LOST_RENDERER, "the renderer on the host has ended");
	return true;
}

void sl_guest_link_wake(struct sl_guest_link *link)
{
	link->ops->wake(link->carrier, link->sync);
}

/* Whoever spins on the CPU of whom it waits for keeps it from running. Where the renderer's CPU is
 * known to be ours, nobody spins; measured with both on one CPU of a busy machine, in sessions of
 * their own (so that giving the CPU away does not reach the other): a call 5 us instead of 109, an
 * empty submission and its wait 18 us instead of 110. Else spinning gives the CPU away soon. But
 * then the two may stay on that CPU forever, taking turns, since the scheduler sees no reason to
 * move either. Sleeping gives it one: it puts a thread that wakes up on an idle CPU. So after some
 * waits in a row in which the CPU was given away and somebody took it, the next wait sleeps. */
static void note_sharing(struct sl_guest_link *link, bool is_sharing)
{
	/* Relaxed throughout: a hint, of all threads together. */
	if (is_sharing) {
		atomic_fetch_add_explicit(&link->sharing_count, 1, memory_order_relaxed);
	} else if (atomic_load_explicit(&link->sharing_count, memory_order_relaxed) != 0) {
		atomic_store_explicit(&link->sharing_count, 0, memory_order_relaxed);
	}
}

static bool must_part(struct sl_guest_link *link)
{
	if (atomic_load_explicit(&link->sharing_count, memory_order_relaxed) < SHARING_MAX) {
		return false;
	}
	atomic_store_explicit(&link->sharing_count, 0, memory_order_relaxed);
	return true;
}

/* A renderer that has just been woken up may have been put on this CPU, and then runs at once.
 * Not one that is woken up again and again: the two would never part.
 * Returns true if there was one. */
static bool give_way(struct sl_guest_link *link)
{
	/* Relaxed: a hint, of all threads together. */
	if (!atomic_load_explicit(&link->must_give_way, memory_order_relaxed)) {
		return false;
	}
	atomic_store_explicit(&link->must_give_way, false, memory_order_relaxed);
	sched_yield();
	return true;
}

static void ring_doorbell(struct sl_guest_link *link)
{
	uint64_t now = sl_clock_now_ns();
	uint64_t last = atomic_exchange_explicit(&link->last_rung, now, memory_order_relaxed);

	atomic_store_explicit(&link->must_give_way, now - last >= SL_CLOCK_QUIET_NS,
			      memory_order_relaxed);
	link->ops->ring_doorbell(link->carrier);
}

/* Returns 0, -EPIPE, or -EAGAIN when the time for spinning is over. */
static int spin(struct sl_guest_link *link, bool (*ready)(void *data), void *data,
		uint64_t deadline_ns)
{
	uint64_t start_ns = sl_clock_now_ns();
	uint64_t end_ns = start_ns + link->spin_ns;
	uint64_t now = start_ns;
	bool is_sharing = false;

	if (end_ns > deadline_ns) {
		end_ns = deadline_ns;
	}
	while (now < end_ns && !sl_ring_other_is_here(&link->ring)) {
		for (int i = 0; i < SL_CLOCK_RELAX_COUNT; i++) {
			if (ready(data)) {
				note_sharing(link, is_sharing);
				return 0;
			}
			sl_clock_relax();
		}
		if (sl_guest_link_is_lost(link)) {
			return -EPIPE;
		}
		now = sl_clock_now_ns();
		if (now - start_ns >= SL_CLOCK_YIELD_NS) {
			uint64_t before = now;

			sched_yield();
			now = sl_clock_now_ns();
			is_sharing = is_sharing || now - before >= SHARING_NS;
		}
	}
	return -EAGAIN;
}

static int sleep_until(struct sl_guest_link *link, bool (*ready)(void *data), void *data,
		       uint64_t deadline_ns)
{
	uint32_t seq = sl_sync_begin_sleep(link->sync);
	int r = 0;

	while (!ready(data)) {
		if (sl_guest_link_check_lost(link)) {
			r = -EPIPE;
			break;
		}
		uint64_t now = sl_clock_now_ns();
		if (now >= deadline_ns) {
			r = -ETIMEDOUT;
			break;
		}
		uint64_t left = deadline_ns - now;
		link->ops->sleep(link->carrier, link->sync, seq,
				 left < HANGUP_INTERVAL_NS ? left : HANGUP_INTERVAL_NS);
		seq = sl_sync_load_seq(link->sync);
	}
	sl_sync_end_sleep(link->sync);
	return r;
}

int sl_guest_link_wait(struct sl_guest_link *link, bool (*ready)(void *data), void *data,
		       uint64_t deadline_ns)
{
	if (ready(data)) {
		return 0;
	}
	if (deadline_ns == 0) {
		return sl_guest_link_check_lost(link) ? -EPIPE : -ETIMEDOUT;
	}
	if (give_way(link) && ready(data)) {
		return 0;
	}
	int r = must_part(link) ? -EAGAIN : spin(link, ready, data, deadline_ns);
	return r == -EAGAIN ? sleep_until(link, ready, data, deadline_ns) : r;
}

static bool has_space(void *data)
{
	return sl_ring_has_space_or_arm(data);
}

/* Let the host read what is in the ring. send_lock is held. */
static void publish(struct sl_guest_link *link)
{
	if (sl_ring_publish(&link->ring)) {
		ring_doorbell(link);
	}
}

/* Write size bytes, data == NULL: zeros, as space becomes free. send_lock is held.
 * Returns 0 or -EPIPE. */
static int write_bytes(struct sl_guest_link *link, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t part = size < PUBLISH_SIZE ? size : PUBLISH_SIZE;
		size_t written;

		if (sl_ring_write(&link->ring, data, part, &written) < 0) {
			sl_guest_link_set_lost(link, SL_LOST_RENDERER,
					       "the renderer broke the ring's protocol");
			return -EPIPE;
		}
		size -= written;
		if (data != NULL) {
			data += written;
		}
		if (size > 0) {
			publish(link);
		}
		if (written < part &&
		    sl_guest_link_wait(link, has_space, &link->ring, UINT64_MAX) < 0) {
			return -EPIPE;
		}
	}
	return 0;
}

/* A whole message, as pieces that are multiples of 4 in size only in sum. send_lock is held. */
static int write_message(struct sl_guest_link *link, struct sl_wire_header *header,
			 const struct sl_wire_reply_slot *slot, const struct iovec *payload,
			 int payload_count)
{
	size_t left = header->size - sizeof(*header);

	header->seqno = link->seqno++;
	int r = write_bytes(link, (const uint8_t *)header, sizeof(*header));
	if (r == 0 && slot != NULL) {
		left -= sizeof(*slot);
		r = write_bytes(link, (const uint8_t *)slot, sizeof(*slot));
	}
	for (int i = 0; r == 0 && i < payload_count; i++) {
		assert(payload[i].iov_len <= left);
		left -= payload[i].iov_len;
		r = write_bytes(link, payload[i].iov_base, payload[i].iov_len);
	}
	if (r == 0) {
		r = write_bytes(link, NULL, left);
	}
	return r;
}

static int send_message(struct sl_guest_link *link, struct sl_wire_header *header,
			const struct sl_wire_reply_slot *slot, const struct iovec *payload,
			int payload_count)
{
	bool must_ring = false;

	assert(header->size >= sizeof(*header) && header->size % 8 == 0);
	if (header->size > SL_MAX_MESSAGE_SIZE) {
		return -EMSGSIZE;
	}
	if (sl_guest_link_is_lost(link)) {
		return -EPIPE;
	}
	pthread_mutex_lock(&link->send_lock);
	/* After a message of which only a part was written nothing may follow. */
	int r = link->send_failed ? -EPIPE
				  : write_message(link, header, slot, payload, payload_count);
	if (r == 0) {
		must_ring = sl_ring_publish(&link->ring);
	} else {
		link->send_failed = true;
	}
	pthread_mutex_unlock(&link->send_lock);
	if (must_ring) {
		ring_doorbell(link);
	}
	return r;
}

int sl_guest_link_send(struct sl_guest_link *link, struct sl_wire_header *header,
		       const struct iovec *payload, int payload_count)
{
	return send_message(link, header, NULL, payload, payload_count);
}

int sl_guest_link_call_start(struct sl_guest_link *link, struct sl_wire_header *header,
			     const struct iovec *payload, int payload_count, size_t capacity,
			     struct sl_guest_reply *ret_reply)
{
	if (header->size > SL_MAX_MESSAGE_SIZE) {
		return -EMSGSIZE;
	}
	if (sl_guest_link_is_lost(link)) {
		return -EPIPE;
	}
	int r = sl_guest_link_take_reply(link, capacity, ret_reply);
	if (r < 0) {
		return r;
	}
	bool is_own = ret_reply->region.data != NULL;
	const struct sl_wire_reply_slot slot = {
		.region_id = is_own ? ret_reply->region.id : SL_REGION_REPLY,
		.offset = is_own ? 0 : ret_reply->slot * SL_REPLY_UNIT,
		.capacity = (uint32_t)capacity,
	};
	/* Relaxed: the message's publication orders it before the host's store of DONE. */
	atomic_store_explicit(&ret_reply->header->state, SL_REPLY_PENDING, memory_order_relaxed);
	ret_reply->size = capacity;
	header->flags |= SL_WIRE_REPLY;
	header->size += sizeof(slot);
	r = send_message(link, header, &slot, payload, payload_count);
	if (r < 0) {
		sl_guest_link_drop_reply(link, ret_reply);
	}
	return r;
}

static bool has_reply(void *data)
{
	struct sl_reply_header *header = data;

	/* Acquire: the payload is there; pairs with the release in sl_host_link_commit_reply(). */
	return atomic_load_explicit(&header->state, memory_order_acquire) == SL_REPLY_DONE;
}

int sl_guest_link_call_wait(struct sl_guest_link *link, struct sl_guest_reply *reply)
{
	int r = sl_guest_link_wait(link, has_reply, reply->header, UINT64_MAX);

	if (r < 0) {
		reply->size = 0;
		return -EPIPE;
	}
	size_t size = *(volatile uint32_t *)&reply->header->size;
	if (size > reply->size) {
		sl_guest_link_set_lost(link, SL_LOST_RENDERER,
				       "the renderer sent a reply larger than its slot");
		reply->size = 0;
		return -EPIPE;
	}
	reply->size = size;
	reply->payload = (const uint8_t *)(reply->header + 1);
	return 0;
}

void sl_guest_link_call_finish(struct sl_guest_link *link, struct sl_guest_reply *reply)
{
	sl_guest_link_drop_reply(link, reply);
}

/* Count a region against the host's limits, give it an id. Returns 0 or -ENOMEM. */
static int admit_region(struct sl_guest_link *link, struct sl_region *region)
{
	int r = -ENOMEM;

	pthread_mutex_lock(&link->region_lock);
	if (link->region_count < link->max_regions && link->next_region_id != UINT32_MAX &&
	    region->size <= link->max_region_bytes - link->region_bytes) {
		link->region_count++;
		link->region_bytes += region->size;
		region->id = link->next_region_id++;
		struct sl_region_node *node = region->node;
		*node = (struct sl_region_node){
			.next = link->regions,
			.data = region->data,
			.size = region->size,
		};
		if (node->next != NULL) {
			node->next->prev = node;
		}
		link->regions = node;
		r = 0;
	}
	pthread_mutex_unlock(&link->region_lock);
	return r;
}

static void dismiss_region(struct sl_guest_link *link, struct sl_region *region)
{
	struct sl_region_node *node = region->node;

	pthread_mutex_lock(&link->region_lock);
	link->region_count--;
	link->region_bytes -= region->size;
	if (node->next != NULL) {
		node->next->prev = node->prev;
	}
	if (node->prev != NULL) {
		node->prev->next = node->next;
	} else {
		link->regions = node->next;
	}
	pthread_mutex_unlock(&link->region_lock);
}

/* ret_fd: NULL, or see sl_guest_link_create_shared_region(). */
static int create_region(struct sl_guest_link *link, size_t size, struct sl_region *ret_region,
			 int *ret_fd)
{
	struct sl_region region = { 0 };
	int fd = -1;
	int share;

	if (sl_guest_link_is_lost(link)) {
		return -EPIPE;
	}
	if (size == 0 || size > SIZE_MAX - PAGE_SIZE) {
		return -ENOMEM;
	}
	region.size = (size + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
	region.node = malloc(sizeof(*region.node));
	if (region.node == NULL) {
		return -ENOMEM;
	}
	int r = link->ops->alloc(link->carrier, "sluice-region", region.size, &region.data, &share);
	if (r < 0) {
		free(region.node);
		return r;
	}
	r = admit_region(link, &region);
	if (r < 0) {
		goto fail;
	}
	if (ret_fd != NULL && link->ops->dup != NULL) {
		fd = link->ops->dup(link->carrier, share);
	}
	struct sl_packet_region packet = { .region_id = region.id, .size = region.size };
	sl_handshake_init_header(&packet.header, SL_PACKET_REGION, sizeof(packet));
	r = link->ops->send_packet(link->carrier, &packet, sizeof(packet), share);
	share = -1;
	if (r < 0) {
		dismiss_region(link, &region);
		goto fail;
	}
	*ret_region = region;
	if (ret_fd != NULL) {
		*ret_fd = fd < 0 ? -1 : fd;
	}
	return 0;

fail:
	if (fd >= 0) {
		close(fd);
	}
	link->ops->free(link->carrier, region.data, region.size, share);
	free(region.node);
	return r;
}

int sl_guest_link_create_region(struct sl_guest_link *link, size_t size,
				struct sl_region *ret_region)
{
	return create_region(link, size, ret_region, NULL);
}

int sl_guest_link_create_shared_region(struct sl_guest_link *link, size_t size,
				       struct sl_region *ret_region, int *ret_fd)
{
	return create_region(link, size, ret_region, ret_fd);
}

void sl_guest_link_destroy_region(struct sl_guest_link *link, struct sl_region *region)
{
	if (region->data == NULL) {
		return;
	}
	/* A child that fork() made may find the lock taken by a thread that it does not have. */
	if (!link->is_abandoned) {
		dismiss_region(link, region);
		free(region->node);
	}
	link->ops->free(link->carrier, region->data, region->size, -1);
	*region = (struct sl_region){ 0 };
}
