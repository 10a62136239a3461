/* SPDX-License-Identifier: MIT */
/* The device's end of a split virtqueue (virtio 1.2, section 2.7), with EVENT_IDX and indirect
 * descriptors. The guest owns the ring's memory and may write anything there at any time: each
 * field is loaded once, and what does not make sense stops the queue. One thread only. */
#ifndef SL_HOST_VGPU_VIRTQUEUE_H
#define SL_HOST_VGPU_VIRTQUEUE_H

#include "host/vgpu/guest_ram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_VIRTQUEUE_MAX_SIZE 1024u
/* An indirect table may be longer than its queue; 16384 entries cover a page list of 4 MiB, each
 * page on its own. */
#define SL_VIRTQUEUE_MAX_DESCRIPTORS 16384u

/* One request: what the device reads comes first, then what it writes. */
struct sl_chain {
	uint16_t head;
	uint32_t readable_count;
	uint32_t writable_count;
	uint64_t readable_size; /* bytes */
	uint64_t writable_size;
	struct sl_guest_range *ranges; /* readable_count + writable_count */
	uint32_t capacity;
};

void sl_chain_finish(struct sl_chain *chain);

/* Copy size bytes of the readable part, from offset. Returns 0 or -EFAULT (too short, or no
 * memory there any more). */
int sl_chain_read(const struct sl_chain *chain, const struct sl_guest_ram *ram, uint64_t offset,
		  void *dst, size_t size);
/* Copy to the start of the writable part, at most as much as fits. Returns the bytes written. */
uint32_t sl_chain_write(const struct sl_chain *chain, const struct sl_guest_ram *ram,
			uint64_t offset, const void *src, size_t size);

struct sl_virtqueue_layout {
	uint32_t size;	   /* descriptors, a power of two up to SL_VIRTQUEUE_MAX_SIZE */
	bool event_idx;	   /* VIRTIO_RING_F_EVENT_IDX was negotiated */
	uint16_t base;	   /* the next entry of the available ring to look at */
	void *descriptors; /* host pointers, valid until sl_virtqueue_stop() */
	void *available;
	void *used;
};

/* Bytes of the three parts of a ring of size descriptors, the event fields included. */
uint64_t sl_virtqueue_descriptors_size(uint32_t size);
uint64_t sl_virtqueue_available_size(uint32_t size);
uint64_t sl_virtqueue_used_size(uint32_t size);

struct sl_virtqueue {
	const struct sl_guest_ram *ram;
	struct sl_virtqueue_layout layout;
	bool started;
	const char *broken_why; /* static text: the guest's fault that stopped the queue; or NULL */
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t signalled_used; /* next_used when the guest was last told */
	bool signalled_valid;
	uint32_t in_flight;
	struct vring_desc *indirect; /* private copy of the table being walked */
	uint32_t indirect_capacity;
};

/* ram must outlive the queue. */
void sl_virtqueue_init(struct sl_virtqueue *queue, const struct sl_guest_ram *ram);
void sl_virtqueue_finish(struct sl_virtqueue *queue);

/* Begin, or go on after a stop. in_flight: requests popped before the stop and not pushed yet.
 * Returns 0 or -EINVAL (size, alignment). */
int sl_virtqueue_start(struct sl_virtqueue *queue, const struct sl_virtqueue_layout *layout,
		       uint32_t in_flight);
/* No guest memory is touched afterwards. Returns the base to go on from. */
uint16_t sl_virtqueue_stop(struct sl_virtqueue *queue);

/* Take the next request. chain must be zeroed or used before; its memory is reused.
 *
 * Returns 1, 0 (none), -ENOMEM, or -EBADMSG: the ring makes no sense, broken_why says why, and the
 * queue yields nothing more until it is started anew. */
int sl_virtqueue_pop(struct sl_virtqueue *queue, struct sl_chain *chain);

/* Give a request back; written: bytes of its writable part that were filled. */
void sl_virtqueue_push(struct sl_virtqueue *queue, uint16_t head, uint32_t written);

/* True if the guest wants an interrupt for what was pushed since the last call. */
bool sl_virtqueue_should_signal(struct sl_virtqueue *queue);

/* Ask the guest for a kick when it adds a request. True: there is one already; look again. */
bool sl_virtqueue_enable_kick(struct sl_virtqueue *queue);
/* While requests are being taken no kicks are needed. */
void sl_virtqueue_disable_kick(struct sl_virtqueue *queue);

#endif
