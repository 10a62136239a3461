/* SPDX-License-Identifier: MIT */
/* A context's rings and shared memory as the renderer sees them. */
#ifndef SL_HOST_LINK_HOST_LINK_H
#define SL_HOST_LINK_HOST_LINK_H

#include "protocol/caps.h"
#include "protocol/sync_page.h"
#include "protocol/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_host_link;

struct sl_host_link_options {
	uint64_t spin_ns;	   /* how long the renderer polls an empty ring before it sleeps */
	uint64_t max_region_bytes; /* all regions of the context together */
	uint32_t max_regions;
	/* What this host can do, before the intersection: names of extensions, NULL-terminated. */
	const char *const *extensions;
	/* Called on the ring thread when the guest has sent nothing for SL_HOST_IDLE_MS, and
	 * SL_HOST_BUSY_BYTES or more since the last time; NULL: never. */
	void (*idle)(void);
};

#define SL_HOST_IDLE_MS	   2000
#define SL_HOST_BUSY_BYTES (1024u * 1024)

/* One message, private to the host. */
struct sl_message {
	uint8_t *data; /* header included, 8-byte aligned */
	size_t size;
};

/* Do the handshake on a connected SOCK_SEQPACKET socket: read the guest's hello with its fds,
 * check versions, sizes and seals, map the rings, send the welcome (or a refusal with its text).
 * Waits at most 10 s for the hello.
 *
 * Consumes fd, also on failure. ret_why: one line for the log.
 * Returns 0, -EPROTO (a bad hello), -EPIPE (the guest went away), -ETIMEDOUT, -errno. */
int sl_host_link_accept(int fd, const struct sl_host_link_options *options,
			struct sl_host_link **ret_link, char *ret_why, size_t why_size);
void sl_host_link_destroy(struct sl_host_link *link);

const struct sl_caps *sl_host_link_get_caps(const struct sl_host_link *link);
/* The program's name as the guest tells it, in printable characters: for logs, never for policy. */
const char *sl_host_link_get_program(const struct sl_host_link *link);
/* Its process id as the guest tells it (in its own namespace): for logs. */
uint32_t sl_host_link_get_guest_pid(const struct sl_host_link *link);

/* The next message, copied out of the ring once; spins, then sleeps until there is one. The
 * message is valid until the next call. Its header's size and seqno have been checked, nothing
 * else. What a guest wrote before it closed its end still arrives. Renderer's ring thread only.
 *
 * Returns 0, -EPIPE (the guest closed its end), -EBADMSG (hostile ring indices or size; *ret_why
 * is static text), -ENOMEM. */
int sl_host_link_receive(struct sl_host_link *link, struct sl_message *ret_message,
			 const char **ret_why);
/* Take the buffer of the message last received; the caller frees it with free(). NULL if memory
 * is short. */
uint8_t *sl_host_link_steal_message(struct sl_host_link *link);

/* Reply: reserve size payload bytes of the slot, write them (never read), then commit.
 * Returns 0, -EBADMSG (the slot is outside its region, or too small). Ring thread only. */
int sl_host_link_begin_reply(struct sl_host_link *link, const struct sl_wire_reply_slot *slot,
			     size_t size, uint8_t **ret_payload);
void sl_host_link_commit_reply(struct sl_host_link *link);

/* Publish that submissions up to number completed on a queue slot (below SL_MAX_QUEUES), and
 * wake. completed may be 0, for a new queue in an old slot. Any thread, one per slot. */
void sl_host_link_publish(struct sl_host_link *link, uint32_t queue_slot, uint64_t completed);

/* Tell the guest that its context is lost, and why; only the first call has an effect. Any thread.
 */
void sl_host_link_set_lost(struct sl_host_link *link, enum sl_lost_reason reason, const char *text);

/* The mapping of a region the guest registered: it stays valid until every hold is released, also
 * when the guest lets go of it. Reads the socket if the id is not known yet.
 * Returns 0, -ENOENT, -ENOMEM (past the limits of the context). Ring thread only. */
int sl_host_link_hold_region(struct sl_host_link *link, uint32_t region_id, void **ret_data,
			     size_t *ret_size);
void sl_host_link_release_region(struct sl_host_link *link, uint32_t region_id);
/* The guest's slReleaseRegion: no new holds; unmapped with the last hold. -ENOENT if unknown. */
int sl_host_link_forget_region(struct sl_host_link *link, uint32_t region_id);

#endif
