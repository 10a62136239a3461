/* SPDX-License-Identifier: MIT */
/* Inside the renderer's end of the link. */
#ifndef SL_HOST_LINK_HOST_LINK_PRIV_H
#define SL_HOST_LINK_HOST_LINK_PRIV_H

#include "host/link/host_link.h"
#include "protocol/handshake.h"
#include "protocol/ring.h"

#include <stdatomic.h>

#define SL_HOST_REGION_BUCKETS 1024u
/* What is copied out of the ring in one go: small enough to stay in the cache until it has been
 * decoded. */
#define SL_HOST_BUFFER_SIZE (128u << 10)

/* Memory of the guest's. It lives as long as the guest has not let go of it, or somebody holds it.
 */
struct sl_host_region {
	struct sl_host_region *next; /* of the same bucket */
	uint32_t id;
	uint32_t hold_count;
	bool is_forgotten;
	bool is_counted; /* against the limits: since the first hold */
	void *data;
	size_t size;
};

struct sl_host_link {
	int socket;
	int doorbell; /* eventfd; the guest has it too, so it is never read */
	int epoll;
	uint64_t spin_ns;
	void (*idle)(void);
	uint64_t busy_bytes;	/* read since idle() was called last */
	uint32_t sharing_count; /* replies in a row on the guest's CPU */
	uint64_t left_cpu;	/* when it was left; CLOCK_MONOTONIC, ns */
	bool was_quiet;		/* before the present message, for SL_CLOCK_QUIET_NS */
	struct sl_caps caps;
	char program[SL_HELLO_PROGRAM_SIZE];
	uint32_t guest_pid; /* as the guest tells it */

	struct sl_ring ring;
	void *ring_memory;
	size_t ring_memory_size;
	struct sl_sync_page *sync;
	struct sl_host_region reply_area;
	atomic_bool is_lost; /* somebody set the sync page's lost */

	/* Bytes copied out of the ring: messages lie in [start, end). */
	uint8_t *buffer;
	size_t start;
	size_t end;
	uint8_t *large;		   /* a message too large for the buffer, in its own memory */
	struct sl_message message; /* the last one handed out; data == large, or in buffer */
	uint32_t seqno;		   /* the next message's */

	/* The reply being written. */
	struct sl_reply_header *reply; /* NULL: none */
	size_t reply_size;
	uint32_t reply_region_id; /* held; 0: it is in the reply area */

	struct sl_host_region *buckets[SL_HOST_REGION_BUCKETS];
	uint64_t max_region_bytes;
	uint32_t max_regions;
	uint64_t counted_bytes; /* of regions that were ever held */
	uint32_t counted_regions;
	uint64_t mapped_bytes; /* of all regions */
	uint32_t mapped_regions;
	const char *packet_why; /* what was wrong with a packet; NULL: nothing */

	/* Where the guest is a virtual machine; see host_pages.c. */
	int wake; /* eventfd: sleeping guest threads are to be woken; -1: they sleep in our kernel
		   */
	int memories[SL_MEMORY_MAX_COUNT];
	uint64_t memory_sizes[SL_MEMORY_MAX_COUNT];
	uint32_t memory_count;
};

/* sl_host_link_accept() with lists of the caller's choice. */
int sl_host_link_accept_lists(int fd, const struct sl_host_link_options *options,
			      const struct sl_handshake_lists *own, struct sl_host_link **ret_link,
			      char *ret_why, size_t why_size);

/* Map size bytes of a descriptor that came from the guest: a memfd, or a list of pages. The
 * descriptor stays the caller's. Returns NULL, else what is wrong with it (static text). */
const char *sl_host_link_map(const struct sl_host_link *link, int fd, size_t size, void **ret_data);
/* Check that accesses to a file of the guest's cannot raise SIGBUS within its first bytes.
 * Returns NULL and its size, else what is wrong with it (static text). */
const char *sl_host_link_check_memory(int fd, uint64_t *ret_size);

/* Take the files of a MEMORY packet over: entries of fds that were taken are -1 afterwards.
 * Returns NULL, else what is wrong. */
const char *sl_host_link_add_memories(struct sl_host_link *link, const uint8_t *bytes, size_t size,
				      int *fds, uint32_t fd_count);
/* Map the pages that a list names, one after the other. Returns NULL, else what is wrong. */
const char *sl_host_link_map_pages(const struct sl_host_link *link, int list_fd, size_t size,
				   void **ret_data);
/* True if shared memory comes as lists of pages. */
bool sl_host_link_has_pages(const struct sl_host_link *link);
/* Tell the vgpu that a region's pages are no longer mapped; nothing on other links. */
void sl_host_link_tell_released(const struct sl_host_link *link, uint32_t region_id);
void sl_host_link_finish_pages(struct sl_host_link *link);

/* Read all packets that wait on the socket. Returns 0, -EPIPE (end of the stream: nothing will
 * ever come), -EBADMSG (now and ever after, link->packet_why says why). */
int sl_host_link_read_packets(struct sl_host_link *link);
struct sl_host_region *sl_host_link_find_region(struct sl_host_link *link, uint32_t region_id);
void sl_host_link_unmap_regions(struct sl_host_link *link);

#endif
