/* SPDX-License-Identifier: MIT */
/* Two threads on one ring and one sync page, as the two ends of a link use them, but without
 * any spinning, so that both go to sleep all the time. Built with -fsanitize=thread. A lost
 * wake-up is a hang. */
#include "protocol/limits.h"
#include "protocol/ring.h"
#include "protocol/sync_page.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SIZE	      SL_RING_MIN_SIZE
#define MESSAGE_COUNT 60000u
#define TURN_COUNT    60000u
#define MESSAGE_MAX   (3 * SIZE)
#define A_LONG_TIME   (600ull * 1000000000ull) /* past the test's own limit */

struct stress {
	void *memory;
	struct sl_sync_page *sync;
	int doorbell;
	uint64_t sleeps;
	uint64_t waits;
};

/* Mostly small, sometimes around the ring's size, sometimes much larger. */
static uint32_t pick_size(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	uint32_t dice = *seed >> 24;

	if (dice == 0) {
		return SIZE - 64 + (*seed >> 8) % 128;
	}
	if (dice < 3) {
		return (*seed >> 4) % MESSAGE_MAX;
	}
	return 8 + (*seed >> 8) % 300;
}

static void wait_for_space(struct stress *stress, struct sl_ring *ring)
{
	uint32_t seq = sl_sync_begin_sleep(stress->sync);

	while (!sl_ring_has_space_or_arm(ring)) {
		stress->waits++;
		sl_sync_sleep(stress->sync, seq, A_LONG_TIME);
		seq = sl_sync_load_seq(stress->sync);
	}
	sl_sync_end_sleep(stress->sync);
}

static void publish(struct stress *stress, struct sl_ring *ring)
{
	const uint64_t one = 1;

	if (sl_ring_publish(ring)) {
		(void)!write(stress->doorbell, &one, sizeof(one));
	}
}

static void write_all(struct stress *stress, struct sl_ring *ring, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t written;

		if (sl_ring_write(ring, data, size, &written) < 0) {
			fprintf(stderr, "the consumer's index is impossible\n");
			exit(1);
		}
		data += written;
		size -= written;
		if (size > 0) {
			publish(stress, ring);
			wait_for_space(stress, ring);
		}
	}
}

/* Spend 0 to about 4 us, so that one end acts just when the other goes to sleep. */
static void dawdle(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	for (uint32_t i = *seed >> 23; i > 0; i--) {
		__asm__ volatile("" ::: "memory");
	}
}

/* Turns: one small message, then wait for the consumer to say that it has it. Every other turn
 * without sleeping, so that the consumer meets the next message while it goes to sleep. */
static void take_turns(struct stress *stress, struct sl_ring *ring)
{
	_Atomic uint64_t *completed = &stress->sync->queues[0].completed;
	uint32_t seed = 3;

	for (uint64_t i = 1; i <= TURN_COUNT; i++) {
		dawdle(&seed);
		write_all(stress, ring, (const uint8_t *)&i, sizeof(i));
		publish(stress, ring);
		while (i % 2 == 0 && atomic_load_explicit(completed, memory_order_acquire) != i) {
			sched_yield();
		}
		uint32_t seq = sl_sync_begin_sleep(stress->sync);
		while (atomic_load_explicit(completed, memory_order_acquire) != i) {
			sl_sync_sleep(stress->sync, seq, A_LONG_TIME);
			seq = sl_sync_load_seq(stress->sync);
		}
		sl_sync_end_sleep(stress->sync);
	}
}

static void *produce(void *data)
{
	struct stress *stress = data;
	uint8_t *bytes = malloc(MESSAGE_MAX);
	uint32_t seed = 1;
	struct sl_ring ring;

	sl_ring_init(&ring, stress->memory, SIZE);
	for (uint32_t i = 0; i < MESSAGE_COUNT; i++) {
		uint32_t size = pick_size(&seed);

		memset(bytes, (int)(i & 0xff), size);
		write_all(stress, &ring, (const uint8_t *)&size, sizeof(size));
		write_all(stress, &ring, bytes, size);
		publish(stress, &ring);
	}
	free(bytes);
	take_turns(stress, &ring);
	return NULL;
}

static void read_all(struct stress *stress, struct sl_ring *ring, uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t count;

		if (sl_ring_read(ring, data, size, &count) < 0) {
			fprintf(stderr, "the producer's index is impossible\n");
			exit(1);
		}
		data += count;
		size -= count;
		if (count > 0) {
			if (sl_ring_release(ring)) {
				sl_sync_wake(stress->sync);
			}
			continue;
		}
		struct pollfd doorbell = { .fd = stress->doorbell, .events = POLLIN };
		uint64_t value;
		if (sl_ring_prepare_sleep(ring)) {
			stress->sleeps++;
			(void)poll(&doorbell, 1, -1);
			(void)!read(stress->doorbell, &value, sizeof(value));
		}
		sl_ring_end_sleep(ring);
	}
}

static bool answer_turns(struct stress *stress, struct sl_ring *ring)
{
	uint32_t seed = 7;

	for (uint64_t i = 1; i <= TURN_COUNT; i++) {
		uint64_t value;

		read_all(stress, ring, (uint8_t *)&value, sizeof(value));
		if (value != i) {
			fprintf(stderr, "turn %llu is wrong\n", (unsigned long long)i);
			return false;
		}
		if (i % 2 != 0) {
			dawdle(&seed);
		}
		atomic_store_explicit(&stress->sync->queues[0].completed, i, memory_order_release);
		sl_sync_wake(stress->sync);
	}
	return true;
}

static bool consume(struct stress *stress)
{
	uint8_t *bytes = malloc(MESSAGE_MAX);
	uint32_t seed = 1;
	struct sl_ring ring;

	sl_ring_init(&ring, stress->memory, SIZE);
	for (uint32_t i = 0; i < MESSAGE_COUNT; i++) {
		uint32_t expected = pick_size(&seed);
		uint32_t size;

		read_all(stress, &ring, (uint8_t *)&size, sizeof(size));
		if (size != expected) {
			fprintf(stderr, "message %u: size %u, expected %u\n", i, size, expected);
			return false;
		}
		read_all(stress, &ring, bytes, size);
		for (uint32_t k = 0; k < size; k++) {
			if (bytes[k] != (i & 0xff)) {
				fprintf(stderr, "message %u: byte %u is wrong\n", i, k);
				return false;
			}
		}
	}
	free(bytes);
	return answer_turns(stress, &ring) && sl_ring_is_empty(&ring);
}

int main(void)
{
	struct stress stress = {
		.memory = aligned_alloc(4096, sl_ring_memory_size(SIZE)),
		.sync = aligned_alloc(4096, SL_SYNC_PAGE_SIZE),
		.doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	pthread_t producer;

	if (stress.memory == NULL || stress.sync == NULL || stress.doorbell < 0) {
		return 1;
	}
	memset(stress.memory, 0, sl_ring_memory_size(SIZE));
	memset(stress.sync, 0, SL_SYNC_PAGE_SIZE);
	if (pthread_create(&producer, NULL, produce, &stress) != 0) {
		return 1;
	}
	bool is_right = consume(&stress);
	if (is_right) {
		pthread_join(producer, NULL);
		printf("%u messages and %u turns, consumer slept %llu times, producer waited for "
		       "space %llu times\n",
		       MESSAGE_COUNT, TURN_COUNT, (unsigned long long)stress.sleeps,
		       (unsigned long long)stress.waits);
	}
	return is_right ? 0 : 1;
}
