/* SPDX-License-Identifier: MIT */
/* What all objects of one VkInstance share: the link to the host, ids, caches. */
#ifndef SL_GUEST_DRIVER_VK_CONTEXT_H
#define SL_GUEST_DRIVER_VK_CONTEXT_H

#include "guest-driver/link/guest_link.h"
#include "guest-driver/vk/id_allocator.h"
#include "guest-driver/vk/bytes_map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sl_messenger;
struct sl_private_slot;

struct sl_context {
	struct sl_guest_link *link;
	const struct sl_caps *caps;
	const struct sl_sync_page *sync;
	bool trace; /* SLUICE_TRACE: print every command */

	struct sl_id_allocator ids;
	struct sl_bytes_map replies; /* of questions whose answer never changes */

	atomic_bool loss_reported;
	atomic_bool missing_reported;
	atomic_uint local_signals;	       /* semaphores that are signalled in the guest only */
	pthread_mutex_t lock;		       /* guards all below */
	uint64_t queue_slots[2];	       /* bit: the slot of the sync page is in use */
	uint32_t next_queue_slot;	       /* where the search for a free slot starts */
	struct sl_messenger *messengers;       /* newest first */
	struct sl_private_slot *private_slots; /* newest first */
};

/* Connect to the host. On failure ret_why is one line for a person.
 * Returns 0 or -errno. */
int sl_context_create(struct sl_context **ret_context, char *ret_why, size_t why_size);
/* Accepts NULL. Every object of the context must be gone, or never be used again. */
void sl_context_destroy(struct sl_context *context);

/* A slot of the sync page for a new queue; the host starts it at 0 when the queue is created.
 * Returns 0 or -ENOSPC. */
int sl_context_take_queue_slot(struct sl_context *context, uint32_t *ret_slot);
void sl_context_drop_queue_slot(struct sl_context *context, uint32_t slot);

/* For a command that cannot travel because the host has no such command (a version of Sluice with
 * less in it); the first is told through the debug messengers and on stderr. Optional ones are not
 * worth a word. */
void sl_context_report_missing(struct sl_context *context, uint16_t command_id);

/* True once the context is lost; the first call that notices tells why, through the debug
 * messengers and on stderr. */
bool sl_context_is_lost(struct sl_context *context);
/* The same for entry points that are polled: now and then it looks whether the host is there. */
bool sl_context_check_lost(struct sl_context *context);

#endif
