/* SPDX-License-Identifier: MIT */
/* The sync page: what the host tells the guest without being asked. Written by the host, but for
 * wake_seq and sleepers, which both sides write. It is SL_SYNC_PAGE_SIZE bytes long. */
#ifndef SL_PROTOCOL_SYNC_PAGE_H
#define SL_PROTOCOL_SYNC_PAGE_H

#include "protocol/limits.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define SL_SYNC_PAGE_SIZE 8192u

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
	/* Futex word of every guest thread that sleeps. Whoever changes something that a sleeper
	 * may wait for adds 1, then wakes all if sleepers is not 0. */
	_Atomic uint32_t wake_seq;
	_Atomic uint32_t sleepers; /* guest threads asleep or about to be */
	_Atomic uint32_t lost;	   /* enum sl_lost_reason; set once */
	uint32_t reserved0;
	uint64_t reserved1[6];
	char lost_text[448]; /* why, NUL-terminated; written before lost */
	struct sl_sync_queue queues[SL_MAX_QUEUES];
};
static_assert(sizeof(struct sl_sync_page) <= SL_SYNC_PAGE_SIZE, "shared struct");

/* Head of a reply slot in the reply area or in a region of the guest's. */
struct sl_reply_header {
	_Atomic uint32_t state; /* enum sl_reply_state; the guest sets PENDING, the host DONE */
	uint32_t size;		/* payload bytes, written before state */
};

enum sl_reply_state {
	SL_REPLY_PENDING = 1,
	SL_REPLY_DONE = 2,
};

#endif
