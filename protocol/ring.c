/* SPDX-License-Identifier: MIT */
/* The command ring.
 *
 * Why no wake-up is lost. Each of the two sleeps is a pair of words, each end storing its own and
 * then loading the other's, all four accesses sequentially consistent:
 *
 *	consumer sleeps		asleep = 1; load head	| producer	head = …; load asleep
 *	producer sleeps		waiting = 1; load tail	| consumer	tail = …; load waiting
 *
 * In their single total order one of the two stores comes first, so the end that loads later sees
 * it: either the sleeper sees that there is work after all, or the other end sees that it sleeps.
 * Who sees it and resets the word to 0 must wake. Both ends may reset it: a sleeper that finds work
 * by itself, and then may get one wake-up too many, which it takes for what it is. */
#include "protocol/ring.h"

#include "protocol/limits.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

bool sl_ring_size_is_valid(size_t size)
{
	return size >= SL_RING_MIN_SIZE && size <= SL_RING_MAX_SIZE && (size & (size - 1)) == 0;
}

size_t sl_ring_memory_size(size_t size)
{
	return SL_RING_DATA_OFFSET + size;
}

void sl_ring_init(struct sl_ring *ring, void *memory, uint32_t size)
{
	assert(sl_ring_size_is_valid(size));
	*ring = (struct sl_ring){
		.shared = memory,
		.data = (uint8_t *)memory + SL_RING_DATA_OFFSET,
		.size = size,
	};
}

/* 2 ns where the C library uses restartable sequences. */
static uint32_t current_cpu(void)
{
	int cpu = sched_getcpu();

	return cpu >= 0 ? (uint32_t)cpu + 1 : 0;
}

void sl_ring_share_cpus(struct sl_ring *ring, bool is_producer)
{
	struct sl_ring_shared *shared = ring->shared;

	ring->own_cpu = is_producer ? &shared->producer_cpu : &shared->consumer_cpu;
	ring->other_cpu = is_producer ? &shared->consumer_cpu : &shared->producer_cpu;
}

static void tell_cpu(struct sl_ring *ring)
{
	if (ring->own_cpu == NULL) {
		return;
	}
	uint32_t cpu = current_cpu();
	/* Relaxed: a hint. */
	if (cpu != ring->told_cpu) {
		ring->told_cpu = cpu;
		atomic_store_explicit(ring->own_cpu, cpu, memory_order_relaxed);
	}
}

bool sl_ring_other_is_here(const struct sl_ring *ring)
{
	if (ring->other_cpu == NULL) {
		return false;
	}
	uint32_t cpu = atomic_load_explicit(ring->other_cpu, memory_order_relaxed);
	return cpu != 0 && cpu == current_cpu();
}

/* Free bytes as the producer sees them, for what it wrote before. Returns 0 or -EBADMSG. */
static int load_space(struct sl_ring *ring, uint32_t *ret_space)
{
	/* Acquire: the consumer has copied the bytes out before they are written over; pairs
	 * with the store in sl_ring_release(). */
	uint32_t tail = atomic_load_explicit(&ring->shared->tail, memory_order_acquire);

	/* Between where it was and where the producer is. */
	if (ring->own - tail > ring->own - ring->other) {
		return -EBADMSG;
	}
	ring->other = tail;
	*ret_space = ring->size - (ring->own - tail);
	return 0;
}

int sl_ring_write(struct sl_ring *ring, const void *data, size_t size, size_t *ret_written)
{
	uint32_t space = ring->size - (ring->own - ring->other);

	/* The consumer's cache line is fetched only when the old value does not do. */
	if (space < size) {
		int r = load_space(ring, &space);

		if (r < 0) {
			return r;
		}
	}
	uint32_t offset = ring->own & (ring->size - 1);
	uint32_t count = size < space ? (uint32_t)size : space;
	uint32_t first = count < ring->size - offset ? count : ring->size - offset;
	if (data != NULL) {
		memcpy(ring->data + offset, data, first);
		memcpy(ring->data, (const uint8_t *)data + first, count - first);
	} else {
		memset(ring->data + offset, 0, first);
		memset(ring->data, 0, count - first);
	}
	ring->own += count;
	*ret_written = count;
	return 0;
}

bool sl_ring_publish(struct sl_ring *ring)
{
	tell_cpu(ring);
	/* Release: the bytes before the index; pairs with the acquire in sl_ring_read(). Seq_cst
	 * with the load below: pairs with the store and load in sl_ring_prepare_sleep(). */
	atomic_store_explicit(&ring->shared->head, ring->own, memory_order_seq_cst);
	if (atomic_load_explicit(&ring->shared->asleep, memory_order_seq_cst) == 0) {
		return false;
	}
	/* The first who sees it rings, so that a burst of messages rings once. Pairs with the
	 * store in sl_ring_prepare_sleep(). */
	return atomic_exchange_explicit(&ring->shared->asleep, 0, memory_order_seq_cst) != 0;
}

bool sl_ring_has_space_or_arm(struct sl_ring *ring)
{
	/* Pairs with the store of tail and the load in sl_ring_release(). */
	atomic_store_explicit(&ring->shared->waiting, 1, memory_order_seq_cst);
	uint32_t tail = atomic_load_explicit(&ring->shared->tail, memory_order_seq_cst);

	/* Full means one value only. Anything else is progress, or a matter for sl_ring_write(). */
	if (tail == ring->own - ring->size) {
		return false;
	}
	/* Only saves a wake-up: whoever resets it later is as good. */
	atomic_store_explicit(&ring->shared->waiting, 0, memory_order_relaxed);
	return true;
}

bool sl_ring_is_empty(const struct sl_ring *ring)
{
	/* Relaxed: only a hint to call sl_ring_read(), which loads it again. */
	return atomic_load_explicit(&ring->shared->head, memory_order_relaxed) == ring->own;
}

int sl_ring_read(struct sl_ring *ring, uint8_t *data, size_t capacity, size_t *ret_read)
{
	/* Pairs with the store in sl_ring_publish(): the bytes before head are there. */
	uint32_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
	uint32_t available = head - ring->own;

	if (available > ring->size || available < ring->other - ring->own) {
		return -EBADMSG;
	}
	ring->other = head;
	uint32_t offset = ring->own & (ring->size - 1);
	uint32_t count = available < capacity ? available : (uint32_t)capacity;
	uint32_t first = count < ring->size - offset ? count : ring->size - offset;
	memcpy(data, ring->data + offset, first);
	memcpy(data + first, ring->data, count - first);
	ring->own += count;
	*ret_read = count;
	return 0;
}

bool sl_ring_release(struct sl_ring *ring)
{
	tell_cpu(ring);
	/* Release: copying out comes before the index; pairs with the acquire in load_space().
	 * Seq_cst with the load below: pairs with sl_ring_has_space_or_arm(). */
	atomic_store_explicit(&ring->shared->tail, ring->own, memory_order_seq_cst);
	if (atomic_load_explicit(&ring->shared->waiting, memory_order_seq_cst) == 0) {
		return false;
	}
	/* A producer that is still waiting after the wake-up sets it again. */
	return atomic_exchange_explicit(&ring->shared->waiting, 0, memory_order_seq_cst) != 0;
}

bool sl_ring_prepare_sleep(struct sl_ring *ring)
{
	/* Pairs with the store of head and the load in sl_ring_publish(). */
	atomic_store_explicit(&ring->shared->asleep, 1, memory_order_seq_cst);
	return atomic_load_explicit(&ring->shared->head, memory_order_seq_cst) == ring->own;
}

void sl_ring_end_sleep(struct sl_ring *ring)
{
	/* Relaxed: a producer that still sees 1 rings in vain. */
	atomic_store_explicit(&ring->shared->asleep, 0, memory_order_relaxed);
}
