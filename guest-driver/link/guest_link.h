/* SPDX-License-Identifier: MIT */
/* A context's connection as the guest driver sees it: one ring towards the host, a reply area,
 * the sync page and shared regions. What carries them (socket, virtio-gpu) stays behind it.
 * All functions may be called from any thread unless they say otherwise. */
#ifndef SL_GUEST_DRIVER_LINK_GUEST_LINK_H
#define SL_GUEST_DRIVER_LINK_GUEST_LINK_H

#include "protocol/caps.h"
#include "protocol/sync_page.h"
#include "protocol/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct sl_guest_link;
struct sl_region_node;

/* Memory shared with the renderer, page aligned and zeroed. */
struct sl_region {
	uint32_t id;
	void *data;
	size_t size;		     /* bytes, as asked for, rounded up to pages */
	struct sl_region_node *node; /* the link's own */
};

/* A reply that has arrived, or is on its way. */
struct sl_guest_reply {
	struct sl_reply_header *header;
	const uint8_t *payload;
	size_t size;		 /* payload bytes */
	struct sl_region region; /* data != NULL: too large for the reply area */
	uint32_t slot;		 /* first unit of the reply area */
	uint32_t slot_count;
};

/* Connect to the host, do the handshake, share the rings.
 *
 * On failure ret_why holds one line for a person: what was tried, what failed, what to do.
 * Returns 0 or -errno. */
int sl_guest_link_open(struct sl_guest_link **ret_link, char *ret_why, size_t why_size);

/* Accepts NULL. No other thread may use the link any more; its regions are unmapped too.
 *
 * In a child that fork() made, a link of the parent's is lost: all that is left is to close it. */
void sl_guest_link_close(struct sl_guest_link *link);

/* What both ends can speak. */
const struct sl_caps *sl_guest_link_get_caps(const struct sl_guest_link *link);
/* True if both ends know the extension (name as in the registry). */
bool sl_guest_link_has_extension(const struct sl_guest_link *link, const char *name);
const struct sl_sync_page *sl_guest_link_get_sync(const struct sl_guest_link *link);

/* Write one message. header->size is set (a multiple of 8, the header included) and may exceed
 * the ring; seqno is filled in here; what the payload lacks is padded with zeros. Blocks while
 * the ring is full; messages of different threads never interleave.
 *
 * Returns 0; -EMSGSIZE (larger than SL_MAX_MESSAGE_SIZE: nothing was sent); -EPIPE once the
 * context is lost. */
int sl_guest_link_send(struct sl_guest_link *link, struct sl_wire_header *header,
		       const struct iovec *payload, int payload_count);

/* Send a message that asks for a reply (SL_WIRE_REPLY and the reply slot are added here, and
 * to header->size) and return at once. capacity: the most payload bytes the reply may have.
 *
 * Returns 0; -ENOMEM; -EMSGSIZE; -EPIPE once the context is lost. On 0 the caller must call
 * sl_guest_link_call_wait(), then sl_guest_link_call_finish(). */
int sl_guest_link_call_start(struct sl_guest_link *link, struct sl_wire_header *header,
			     const struct iovec *payload, int payload_count, size_t capacity,
			     struct sl_guest_reply *ret_reply);
/* Returns 0 with payload and size set, or -EPIPE once the context is lost. */
int sl_guest_link_call_wait(struct sl_guest_link *link, struct sl_guest_reply *reply);
void sl_guest_link_call_finish(struct sl_guest_link *link, struct sl_guest_reply *reply);

/* Wait until ready(data) holds: spin for a short, configurable time, then sleep. ready() must be
 * cheap and may be called often; what it reads must be followed by a wake-up (the host's
 * publications are; the guest's own changes need sl_guest_link_wake()).
 *
 * deadline_ns: CLOCK_MONOTONIC, UINT64_MAX: none, 0: look once.
 * Returns 0, -ETIMEDOUT, or -EPIPE once the context is lost. */
int sl_guest_link_wait(struct sl_guest_link *link, bool (*ready)(void *data), void *data,
		       uint64_t deadline_ns);
void sl_guest_link_wake(struct sl_guest_link *link);

/* Cheap: one load. True once the context is lost. */
bool sl_guest_link_is_lost(const struct sl_guest_link *link);
/* The same, and at most every 100 ms looks whether the host is still there: for entry points that
 * an application may poll without ever waiting or sending anything (fence status, counter
 * values). sl_guest_link_wait() does so itself. 30 ns. */
bool sl_guest_link_check_lost(struct sl_guest_link *link);

/* Share size bytes with the renderer under a new id. Returns 0; -ENOMEM (also: past what the host
 * allows this context); -EPIPE; -errno. */
int sl_guest_link_create_region(struct sl_guest_link *link, size_t size,
				struct sl_region *ret_region);
/* The same, and a descriptor of the region's pages that another process of the guest can map:
 * offset 0 is the region's first byte. The caller closes it. *ret_fd is -1 where the carrier has
 * none to give. */
int sl_guest_link_create_shared_region(struct sl_guest_link *link, size_t size,
				       struct sl_region *ret_region, int *ret_fd);
/* Unmap and forget. A message that makes the host forget it (slReleaseRegion) must have been
 * sent before. Accepts a zeroed region. */
void sl_guest_link_destroy_region(struct sl_guest_link *link, struct sl_region *region);

#endif
