/* SPDX-License-Identifier: MIT */
/* Sleeping and waking on the sync page.
 *
 * Why no wake-up is lost. Waker and sleeper both do a read-modify-write of wake_seq, and those
 * are in one order:
 *
 *	waker			sleeper
 *	change something	sleepers += 1
 *	wake_seq += 1		seq = wake_seq += 0
 *	load sleepers		look at everything; sleep while wake_seq == seq
 *
 * If the waker's comes first, the sleeper's acquires what the waker released: it sees the change
 * and does not sleep. If the sleeper's comes first, the waker's acquires what the sleeper released:
 * it sees sleepers > 0 and calls the kernel, which compares wake_seq with seq under its own lock,
 *so that a sleeper which has not reached the kernel yet does not sleep either. The same holds for
 * every further turn of the sleeper's loop, whose load of wake_seq is such an addition of 0. */
#include "protocol/sync_page.h"

#include "protocol/clock.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

bool sl_sync_count_change(struct sl_sync_page *sync)
{
	/* Pairs with the addition of 0 in sl_sync_load_seq(). */
	atomic_fetch_add_explicit(&sync->wake_seq, 1, memory_order_acq_rel);
	return atomic_load_explicit(&sync->sleepers, memory_order_relaxed) != 0;
}

void sl_sync_wake(struct sl_sync_page *sync)
{
	if (sl_sync_count_change(sync)) {
		syscall(SYS_futex, &sync->wake_seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	}
}

uint32_t sl_sync_load_seq(struct sl_sync_page *sync)
{
	/* A read-modify-write, not a load: see above. Pairs with sl_sync_wake(). */
	return atomic_fetch_add_explicit(&sync->wake_seq, 0, memory_order_acq_rel);
}

uint32_t sl_sync_begin_sleep(struct sl_sync_page *sync)
{
	/* Relaxed: ordered by the read-modify-write of wake_seq that follows. */
	atomic_fetch_add_explicit(&sync->sleepers, 1, memory_order_relaxed);
	return sl_sync_load_seq(sync);
}

void sl_sync_sleep(struct sl_sync_page *sync, uint32_t seq, uint64_t timeout_ns)
{
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / SL_NS_PER_S),
		.tv_nsec = (long)(timeout_ns % SL_NS_PER_S),
	};

	syscall(SYS_futex, &sync->wake_seq, FUTEX_WAIT, seq, &timeout, NULL, 0);
}

void sl_sync_end_sleep(struct sl_sync_page *sync)
{
	/* Relaxed: whoever still sees the old count wakes in vain. */
	atomic_fetch_sub_explicit(&sync->sleepers, 1, memory_order_relaxed);
}

void sl_sync_set_lost(struct sl_sync_page *sync, enum sl_lost_reason reason, const char *text)
{
	/* Acquire: the text is complete if it is set; pairs with the release below. */
	if (atomic_load_explicit(&sync->lost, memory_order_acquire) != SL_LOST_NOT) {
		return;
	}
	snprintf(sync->lost_text, sizeof(sync->lost_text), "%s", text);
	/* Release: the text comes before; pairs with the acquire of whoever loads lost. */
	atomic_store_explicit(&sync->lost, reason, memory_order_release);
	sl_sync_wake(sync);
}
