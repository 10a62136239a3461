/* SPDX-License-Identifier: MIT */
/* The command ring: a stream of bytes in shared memory from one producer (the guest) to one
 * consumer (the renderer). Both ends are here, so that the barriers that pair stand together.
 *
 * Neither end trusts the other: an index is loaded once, checked, and only the private copy used.
 * Nothing here blocks or makes a system call; how an end sleeps is its link's business. */
#ifndef SL_PROTOCOL_RING_H
#define SL_PROTOCOL_RING_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the data starts in the ring's memory. */
#define SL_RING_DATA_OFFSET 4096u

/* At the start of the ring's memory. Each word has a cache line of its own, so that an end
 * which polls one does not slow down the other's stores to the next. */
struct sl_ring_shared {
	_Alignas(64) _Atomic uint32_t head;    /* bytes ever written, modulo 2^32; producer's */
	_Atomic uint32_t producer_cpu;	       /* where it published last, + 1; 0: unknown */
	_Alignas(64) _Atomic uint32_t tail;    /* bytes ever read, modulo 2^32; consumer's */
	_Atomic uint32_t consumer_cpu;	       /* where it read last, + 1; 0: unknown */
	_Alignas(64) _Atomic uint32_t asleep;  /* 1: the consumer needs the doorbell */
	_Alignas(64) _Atomic uint32_t waiting; /* 1: the producer waits for space */
};
static_assert(sizeof(struct sl_ring_shared) <= SL_RING_DATA_OFFSET, "shared struct");

/* Either end's private view. */
struct sl_ring {
	struct sl_ring_shared *shared;
	uint8_t *data;
	uint32_t size;	/* of data; a power of two */
	uint32_t own;	/* this end's index; may be ahead of the shared one */
	uint32_t other; /* the other end's index as last loaded and checked */
	/* NULL: the ends do not share their CPUs. */
	_Atomic uint32_t *own_cpu;
	_Atomic uint32_t *other_cpu;
	uint32_t told_cpu; /* what own_cpu is */
};

/* Power of two within SL_RING_MIN_SIZE..SL_RING_MAX_SIZE. */
bool sl_ring_size_is_valid(size_t size);
size_t sl_ring_memory_size(size_t size);

/* memory: sl_ring_memory_size(size) bytes, zeroed, which outlive the ring. */
void sl_ring_init(struct sl_ring *ring, void *memory, uint32_t size);

/* Both ends are on the same machine: from now on this end tells the other on which CPU it runs. */
void sl_ring_share_cpus(struct sl_ring *ring, bool is_producer);
/* A hint: true if the other end ran last on the CPU on which the caller runs now. Then waiting
 * for it there only keeps it from running. */
bool sl_ring_other_is_here(const struct sl_ring *ring);

/* The producer's end; one thread at a time. */

/* Copy as much of size bytes as there is space for, data == NULL: zeros. Not visible to the
 * consumer before sl_ring_publish(). Returns 0, -EBADMSG if the consumer's index is impossible. */
int sl_ring_write(struct sl_ring *ring, const void *data, size_t size, size_t *ret_written);
/* Let the consumer see what was written. Returns true if the doorbell must be rung. */
bool sl_ring_publish(struct sl_ring *ring);
/* True if there is space, or the consumer's index is impossible (sl_ring_write() will tell). If
 * not, the consumer wakes the producer once it has made some. Call it again after each wake-up. */
bool sl_ring_has_space_or_arm(struct sl_ring *ring);

/* The consumer's end; one thread only. */

bool sl_ring_is_empty(const struct sl_ring *ring);
/* Copy as much as there is, at most capacity bytes. Returns 0, -EBADMSG if the producer's index
 * is impossible: further ahead than the ring is large, or behind where it was. */
int sl_ring_read(struct sl_ring *ring, uint8_t *data, size_t capacity, size_t *ret_read);
/* Give the space of what was read back. Returns true if the producer must be woken. */
bool sl_ring_release(struct sl_ring *ring);
/* Returns true if the ring is empty, and whatever is published from now on rings the doorbell. */
bool sl_ring_prepare_sleep(struct sl_ring *ring);
void sl_ring_end_sleep(struct sl_ring *ring);

#endif
