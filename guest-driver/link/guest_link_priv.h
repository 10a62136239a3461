/* SPDX-License-Identifier: MIT */
/* Inside the guest's link: what is common to all carriers, and what a carrier provides. */
#ifndef SL_GUEST_DRIVER_LINK_GUEST_LINK_PRIV_H
#define SL_GUEST_DRIVER_LINK_GUEST_LINK_PRIV_H

#include "guest-driver/link/guest_link.h"
#include "protocol/handshake.h"
#include "protocol/ring.h"

#include <pthread.h>
#include <stdatomic.h>

#define SL_REPLY_UNIT	     4096u
#define SL_REPLY_UNIT_COUNT  (SL_REPLY_AREA_SIZE / SL_REPLY_UNIT)
#define SL_REPLY_SMALL_COUNT 64u /* units of the lock-free part */

/* What carries a link: the memory both sides see, packets, doorbell, sleeping. All functions but
 * open and close may be called from any thread. */
struct sl_guest_carrier;
struct sl_guest_carrier_ops {
	bool shares_cpus; /* the renderer runs on the CPUs that we see */
	/* Returns 0 or -errno with ret_why filled in. */
	int (*open)(struct sl_guest_carrier **ret_carrier, char *ret_why, size_t why_size);
	void (*close)(struct sl_guest_carrier *carrier);
	/* In the child after fork(): let go of what keeps the host believing in the parent. */
	void (*abandon)(struct sl_guest_carrier *carrier);
	/* Zeroed memory that can be shared; size is a multiple of the page size. *ret_share names
	 * it until it has been handed to the host, which ends it also on failure. */
	int (*alloc)(struct sl_guest_carrier *carrier, const char *name, size_t size,
		     void **ret_data, int *ret_share);
	/* A descriptor of what share names, for other processes of the guest to map; -errno. NULL:
	 * the carrier has no such thing. */
	int (*dup)(struct sl_guest_carrier *carrier, int share);
	/* share: -1 once the host has been given it. */
	void (*free)(struct sl_guest_carrier *carrier, void *data, size_t size, int share);
	/* Send HELLO with the shares (ended by this, also on failure), receive WELCOME into
	 * ret_packet. Returns its size or -errno with ret_why filled in. */
	ssize_t (*greet)(struct sl_guest_carrier *carrier, const void *hello, size_t hello_size,
			 const int shares[SL_HELLO_FD_COUNT], void *ret_packet, size_t packet_size,
			 char *ret_why, size_t why_size);
	/* Send REGION with its share (ended by this, also on failure) or RELEASE (share -1).
	 * Returns 0, -EPIPE, -errno. */
	int (*send_packet)(struct sl_guest_carrier *carrier, const void *packet, size_t size,
			   int share);
	void (*ring_doorbell)(struct sl_guest_carrier *carrier);
	/* A system call. True if nobody is at the other end any more. */
	bool (*is_hung_up)(struct sl_guest_carrier *carrier);
	/* Between sl_sync_begin_sleep() and sl_sync_end_sleep(): sleep unless there was a wake-up
	 * since seq was loaded. May return early for no reason. */
	void (*sleep)(struct sl_guest_carrier *carrier, struct sl_sync_page *sync, uint32_t seq,
		      uint64_t timeout_ns);
	/* Something changed on this side: wake this side's sleepers. */
	void (*wake)(struct sl_guest_carrier *carrier, struct sl_sync_page *sync);
};
extern const struct sl_guest_carrier_ops sl_guest_carrier_socket;
/* Its open() returns -ENODEV if there is no such device, ret_why is empty if no virtio-gpu at all.
 */
extern const struct sl_guest_carrier_ops sl_guest_carrier_virtio;

struct sl_region_node {
	struct sl_region_node *next;
	struct sl_region_node *prev;
	void *data;
	size_t size;
};

struct sl_guest_link {
	const struct sl_guest_carrier_ops *ops;
	struct sl_guest_carrier *carrier; /* NULL: not open */
	struct sl_guest_link *next;	  /* list of all links, for fork() */
	struct sl_caps caps;
	const char **extensions; /* sorted; what both sides have */
	uint32_t extension_count;
	char *extension_names; /* the strings */
	uint64_t spin_ns;

	struct sl_sync_page *sync;
	void *ring_memory;
	uint8_t *reply_area;
	uint32_t ring_size;
	bool is_abandoned; /* we are a child that fork() made */

	pthread_mutex_t send_lock;
	struct sl_ring ring; /* guarded by send_lock */
	uint32_t seqno;	     /* guarded by send_lock */
	bool send_failed;    /* guarded by send_lock */

	_Alignas(64) _Atomic uint64_t small_replies; /* bit: unit of the reply area is in use */
	pthread_mutex_t reply_lock;
	uint64_t large_replies[SL_REPLY_UNIT_COUNT / 64]; /* guarded by reply_lock */

	pthread_mutex_t region_lock; /* guards all below */
	struct sl_region_node *regions;
	uint64_t region_bytes;
	uint64_t max_region_bytes;
	uint32_t region_count;
	uint32_t max_regions;
	uint32_t next_region_id;

	_Atomic uint32_t sharing_count;	 /* waits in a row that shared their CPU */
	atomic_bool must_give_way;	 /* the next wait, to a renderer that was asleep */
	_Atomic uint64_t last_rung;	 /* the doorbell; CLOCK_MONOTONIC, ns */
	pthread_mutex_t lost_lock;	 /* only one thread of this side sets sync->lost */
	_Atomic uint64_t hangup_checked; /* CLOCK_MONOTONIC, ns */
};

/* sl_guest_link_open() with a carrier and lists of the caller's choice. */
int sl_guest_link_open_carrier(const struct sl_guest_carrier_ops *ops,
			       const struct sl_handshake_lists *own,
			       struct sl_guest_link **ret_link, char *ret_why, size_t why_size);

/* Mark the context as lost on this side, unless it is already. */
void sl_guest_link_set_lost(struct sl_guest_link *link, enum sl_lost_reason reason,
			    const char *text);

/* Room for a reply of capacity payload bytes. Returns 0 or -errno. */
int sl_guest_link_take_reply(struct sl_guest_link *link, size_t capacity,
			     struct sl_guest_reply *ret_reply);
void sl_guest_link_drop_reply(struct sl_guest_link *link, struct sl_guest_reply *reply);

/* Links in this list are abandoned in a child that fork() makes. */
int sl_guest_link_watch_fork(struct sl_guest_link *link);
void sl_guest_link_unwatch_fork(struct sl_guest_link *link);

#endif
