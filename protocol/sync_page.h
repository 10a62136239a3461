/* SPDX-License-Identifier: MIT */
/* The sync page: what the host tells the guest without being asked. Written by the host, but for
 * wake_seq and sleepers, which both sides write, and lost, which the guest sets where the host
 * is no more. It is SL_SYNC_PAGE_SIZE bytes long. */
#ifndef SL_PROTOCOL_SYNC_PAGE_H
#define SL_PROTOCOL_SYNC_PAGE_H

#include "protocol/limits.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SL_SYNC_PAGE_SIZE 8192u
#define SL_SYNC_TEXT_SIZE 384u

enum sl_lost_reason {
	SL_LOST_NOT = 0,
	SL_LOST_DEVICE = 1,   /* the host driver reported VK_ERROR_DEVICE_LOST */
	SL_LOST_PROTOCOL = 2, /* the guest broke the protocol */
	SL_LOST_RENDERER = 3, /* the renderer ended */
	SL_LOST_LIMIT = 4,    /* a limit of the context was exceeded */
	SL_LOST_KILLED = 5,   /* an operator or the watchdog ended the context */
};

struct sl_sync_queue {
	_Atomic uint64_t completed; /* highest submission number that has completed */
	uint64_t reserved[7];
};

struct sl_sync_page {
	/* Futex word of every guest thread that sleeps; counts changes that a sleeper may wait
	 * for. Only through sl_sync_wake() and sl_sync_begin_sleep(). */
	_Alignas(64) _Atomic uint32_t wake_seq;
	_Atomic uint32_t sleepers; /* guest threads asleep or about to be */
	/* On a line of its own, since the guest looks at it in every call. */
	_Alignas(64) _Atomic uint32_t lost; /* enum sl_lost_reason; set once */
	uint32_t reserved[15];
	char lost_text[SL_SYNC_TEXT_SIZE]; /* why, NUL-terminated; written before lost */
	struct sl_sync_queue queues[SL_MAX_QUEUES];
};
static_assert(sizeof(struct sl_sync_page) <= SL_SYNC_PAGE_SIZE, "shared struct");

/* Head of a reply slot in the reply area or in a region of the guest's. */
struct sl_reply_header {
	_Atomic uint32_t state; /* enum sl_reply_state; the guest sets PENDING, the host DONE */
	uint32_t size;		/* payload bytes, written before state */
};
static_assert(sizeof(struct sl_reply_header) == 8, "shared struct");

enum sl_reply_state {
	SL_REPLY_PENDING = 1,
	SL_REPLY_DONE = 2,
};

/* Wake every sleeper, so that it looks again. Call it after the change, which must have been
 * stored at least relaxed. No system call where nobody sleeps. Any thread of either side. */
void sl_sync_wake(struct sl_sync_page *sync);
/* The first half of it, for those who wake sleepers in another way than by the kernel that both
 * sides share: returns true if somebody sleeps. */
bool sl_sync_count_change(struct sl_sync_page *sync);

/* Sleeping, guest side:
 *
 *	seq = sl_sync_begin_sleep(sync);
 *	while (!ready() && !timed out) {
 *		sl_sync_sleep(sync, seq, timeout_ns);
 *		seq = sl_sync_load_seq(sync);
 *	}
 *	sl_sync_end_sleep(sync);
 */
uint32_t sl_sync_begin_sleep(struct sl_sync_page *sync);
uint32_t sl_sync_load_seq(struct sl_sync_page *sync);
/* Sleep unless there was a wake-up since seq was loaded. May return early for no reason. Needs
 * the host's kernel to be the guest's. */
void sl_sync_sleep(struct sl_sync_page *sync, uint32_t seq, uint64_t timeout_ns);
void sl_sync_end_sleep(struct sl_sync_page *sync);

/* Set text and reason unless it is set already, then wake. The caller sees to it that one thread
 * per side calls it. */
void sl_sync_set_lost(struct sl_sync_page *sync, enum sl_lost_reason reason, const char *text);

#endif
