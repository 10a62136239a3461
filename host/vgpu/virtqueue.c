/* SPDX-License-Identifier: MIT */
/* Split virtqueues: taking requests from hostile rings, giving them back. */
#include "host/vgpu/virtqueue.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "virtio is little-endian");

void sl_chain_finish(struct sl_chain *chain)
{
	free(chain->ranges);
	*chain = (struct sl_chain){ 0 };
}

/* Walk count ranges from offset and copy through to_guest or from_guest. Returns bytes copied. */
static uint64_t copy_ranges(const struct sl_guest_ram *ram, const struct sl_guest_range *ranges,
			    uint32_t count, uint64_t offset, void *from_guest, const void *to_guest,
			    uint64_t size)
{
	uint64_t copied = 0;

	for (uint32_t i = 0; i < count && copied < size; i++) {
		if (offset >= ranges[i].size) {
			offset -= ranges[i].size;
			continue;
		}
		uint64_t here = ranges[i].size - offset;
		here = here < size - copied ? here : size - copied;
		uint64_t addr = ranges[i].addr + offset;
		int r = from_guest != NULL
				? sl_guest_ram_read(ram, addr, (uint8_t *)from_guest + copied, here)
				: sl_guest_ram_write(ram, addr, (const uint8_t *)to_guest + copied,
						     here);
		if (r < 0) {
			break;
		}
		copied += here;
		offset = 0;
	}
	return copied;
}

int sl_chain_read(const struct sl_chain *chain, const struct sl_guest_ram *ram, uint64_t offset,
		  void *dst, size_t size)
{
	if (offset > chain->readable_size || size > chain->readable_size - offset) {
		return -EFAULT;
	}
	uint64_t copied =
		copy_ranges(ram, chain->ranges, chain->readable_count, offset, dst, NULL, size);

	return copied == size ? 0 : -EFAULT;
}

uint32_t sl_chain_write(const struct sl_chain *chain, const struct sl_guest_ram *ram,
			uint64_t offset, const void *src, size_t size)
{
	return (uint32_t)copy_ranges(ram, chain->ranges + chain->readable_count,
				     chain->writable_count, offset, NULL, src, size);
}

uint64_t sl_virtqueue_descriptors_size(uint32_t size)
{
	return (uint64_t)size * sizeof(struct vring_desc);
}

uint64_t sl_virtqueue_available_size(uint32_t size)
{
	return sizeof(struct vring_avail) + (uint64_t)size * sizeof(uint16_t) + sizeof(uint16_t);
}

uint64_t sl_virtqueue_used_size(uint32_t size)
{
	return sizeof(struct vring_used) + (uint64_t)size * sizeof(struct vring_used_elem) +
	       sizeof(uint16_t);
}

void sl_virtqueue_init(struct sl_virtqueue *queue, const struct sl_guest_ram *ram)
{
	*queue = (struct sl_virtqueue){ .ram = ram };
}

void sl_virtqueue_finish(struct sl_virtqueue *queue)
{
	free(queue->indirect);
	*queue = (struct sl_virtqueue){ 0 };
}

static struct vring_avail *avail_ring(const struct sl_virtqueue *queue)
{
	return queue->layout.available;
}

static struct vring_used *used_ring(const struct sl_virtqueue *queue)
{
	return queue->layout.used;
}

/* The event fields lie behind the rings. */
static uint16_t *used_event(const struct sl_virtqueue *queue)
{
	return &avail_ring(queue)->ring[queue->layout.size];
}

static uint16_t *avail_event(const struct sl_virtqueue *queue)
{
	return (uint16_t *)(void *)&used_ring(queue)->ring[queue->layout.size];
}

static bool is_aligned(const void *pointer, uintptr_t align)
{
	return pointer != NULL && ((uintptr_t)pointer & (align - 1)) == 0;
}

int sl_virtqueue_start(struct sl_virtqueue *queue, const struct sl_virtqueue_layout *layout,
		       uint32_t in_flight)
{
	if (layout->size == 0 || layout->size > SL_VIRTQUEUE_MAX_SIZE ||
	    (layout->size & (layout->size - 1)) != 0 || !is_aligned(layout->descriptors, 16) ||
	    !is_aligned(layout->available, 2) || !is_aligned(layout->used, 4)) {
		return -EINVAL;
	}
	queue->layout = *layout;
	queue->next_avail = layout->base;
	queue->next_used = __atomic_load_n(&used_ring(queue)->idx, __ATOMIC_RELAXED);
	queue->signalled_valid = false;
	queue->in_flight = in_flight;
	queue->broken_why = NULL;
	queue->started = true;
	return 0;
}

uint16_t sl_virtqueue_stop(struct sl_virtqueue *queue)
{
	queue->started = false;
	return queue->next_avail;
}

static int fail(struct sl_virtqueue *queue, const char *why)
{
	queue->broken_why = why;
	return -EBADMSG;
}

/* Each field is loaded once. The relaxed loads come after the acquire of the available index. */
static struct vring_desc load_descriptor(const struct vring_desc *at)
{
	struct vring_desc desc;

	desc.addr = __atomic_load_n(&at->addr, __ATOMIC_RELAXED);
	desc.len = __atomic_load_n(&at->len, __ATOMIC_RELAXED);
	desc.flags = __atomic_load_n(&at->flags, __ATOMIC_RELAXED);
	desc.next = __atomic_load_n(&at->next, __ATOMIC_RELAXED);
	return desc;
}

static int reserve_range(struct sl_chain *chain, uint32_t count)
{
	if (count < chain->capacity) {
		return 0;
	}
	uint32_t capacity = chain->capacity == 0 ? 8 : chain->capacity * 2;
	struct sl_guest_range *ranges = realloc(chain->ranges, capacity * sizeof(*ranges));
	if (ranges == NULL) {
		return -ENOMEM;
	}
	chain->ranges = ranges;
	chain->capacity = capacity;
	return 0;
}

static int add_descriptor(struct sl_virtqueue *queue, struct sl_chain *chain,
			  const struct vring_desc *desc)
{
	uint32_t count = chain->readable_count + chain->writable_count;

	if (desc->len == 0) {
		return fail(queue, "a descriptor of zero length");
	}
	if (count == SL_VIRTQUEUE_MAX_DESCRIPTORS) {
		return fail(queue, "a chain of too many descriptors");
	}
	if (!sl_guest_ram_contains(queue->ram, desc->addr, desc->len)) {
		return fail(queue, "a descriptor outside guest memory");
	}
	if (reserve_range(chain, count) < 0) {
		return -ENOMEM;
	}
	chain->ranges[count] = (struct sl_guest_range){ .addr = desc->addr, .size = desc->len };
	if ((desc->flags & VRING_DESC_F_WRITE) != 0) {
		chain->writable_count++;
		chain->writable_size += desc->len;
	} else if (chain->writable_count > 0) {
		return fail(queue, "a readable descriptor behind a writable one");
	} else {
		chain->readable_count++;
		chain->readable_size += desc->len;
	}
	return 0;
}

/* Copy an indirect table; it may be longer than the queue. */
static int load_indirect(struct sl_virtqueue *queue, const struct vring_desc *desc,
			 uint32_t *ret_count)
{
	uint32_t count = desc->len / sizeof(struct vring_desc);

	if (count == 0 || desc->len % sizeof(struct vring_desc) != 0) {
		return fail(queue, "an indirect table whose length is no multiple of 16");
	}
	if (count > SL_VIRTQUEUE_MAX_DESCRIPTORS) {
		return fail(queue, "an indirect table of too many descriptors");
	}
	if (count > queue->indirect_capacity) {
		struct vring_desc *table = realloc(queue->indirect, count * sizeof(*table));

		if (table == NULL) {
			return -ENOMEM;
		}
		queue->indirect = table;
		queue->indirect_capacity = count;
	}
	if (sl_guest_ram_read(queue->ram, desc->addr, queue->indirect, desc->len) < 0) {
		return fail(queue, "an indirect table outside guest memory");
	}
	*ret_count = count;
	return 0;
}

/* A chain is any number of direct descriptors; an indirect one can only be the last of them. */
static int walk_chain(struct sl_virtqueue *queue, struct sl_chain *chain)
{
	const struct vring_desc *table = queue->layout.descriptors;
	uint32_t table_count = queue->layout.size;
	uint32_t index = chain->head;
	bool in_indirect = false;
	int r;

	for (uint32_t seen = 0;; seen++) {
		if (seen == table_count) {
			return fail(queue, "a chain that loops");
		}
		if (index >= table_count) {
			return fail(queue, "a descriptor index past its table");
		}
		struct vring_desc desc = load_descriptor(&table[index]);
		if ((desc.flags & VRING_DESC_F_INDIRECT) != 0) {
			if (in_indirect) {
				return fail(queue, "an indirect table inside an indirect table");
			}
			if ((desc.flags & VRING_DESC_F_NEXT) != 0) {
				return fail(queue, "an indirect table that is not the last");
			}
			r = load_indirect(queue, &desc, &table_count);
			if (r < 0) {
				return r;
			}
			table = queue->indirect;
			in_indirect = true;
			index = 0;
			seen = UINT32_MAX; /* becomes 0: the table's own length bounds the rest */
			continue;
		}
		r = add_descriptor(queue, chain, &desc);
		if (r < 0) {
			return r;
		}
		if ((desc.flags & VRING_DESC_F_NEXT) == 0) {
			return 0;
		}
		index = desc.next;
	}
}

int sl_virtqueue_pop(struct sl_virtqueue *queue, struct sl_chain *chain)
{
	if (!queue->started) {
		return 0;
	}
	if (queue->broken_why != NULL) {
		return -EBADMSG;
	}
	/* Pairs with the guest driver's barrier before it publishes the index. */
	uint16_t avail = __atomic_load_n(&avail_ring(queue)->idx, __ATOMIC_ACQUIRE);
	uint16_t waiting = (uint16_t)(avail - queue->next_avail);
	if (waiting == 0) {
		return 0;
	}
	if (waiting > queue->layout.size) {
		return fail(queue, "an available index that jumps past the ring");
	}
	if (queue->in_flight >= queue->layout.size) {
		return fail(queue, "more requests in flight than the ring holds");
	}
	uint16_t slot = queue->next_avail & (uint16_t)(queue->layout.size - 1);
	uint16_t head = __atomic_load_n(&avail_ring(queue)->ring[slot], __ATOMIC_RELAXED);
	struct sl_guest_range *ranges = chain->ranges;
	*chain = (struct sl_chain){ .head = head, .ranges = ranges, .capacity = chain->capacity };
	int r = walk_chain(queue, chain);
	if (r < 0) {
		return r;
	}
	queue->next_avail++;
	queue->in_flight++;
	return 1;
}

void sl_virtqueue_push(struct sl_virtqueue *queue, uint16_t head, uint32_t written)
{
	assert(queue->started && queue->in_flight > 0);
	uint16_t slot = queue->next_used & (uint16_t)(queue->layout.size - 1);
	struct vring_used_elem *elem = &used_ring(queue)->ring[slot];

	__atomic_store_n(&elem->id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&elem->len, written, __ATOMIC_RELAXED);
	queue->next_used++;
	queue->in_flight--;
	/* Pairs with the guest driver's barrier after it loads the index. */
	__atomic_store_n(&used_ring(queue)->idx, queue->next_used, __ATOMIC_RELEASE);
}

bool sl_virtqueue_should_signal(struct sl_virtqueue *queue)
{
	if (!queue->started) {
		return false;
	}
	/* The used index must be visible before the guest's wish is read: pairs with the full
	 * barrier of a guest driver that enables its interrupt and looks at the index again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!queue->layout.event_idx) {
		uint16_t flags = __atomic_load_n(&avail_ring(queue)->flags, __ATOMIC_RELAXED);

		return (flags & VRING_AVAIL_F_NO_INTERRUPT) == 0;
	}
	uint16_t event = __atomic_load_n(used_event(queue), __ATOMIC_RELAXED);
	bool signal = !queue->signalled_valid ||
		      vring_need_event(event, queue->next_used, queue->signalled_used);
	queue->signalled_used = queue->next_used;
	queue->signalled_valid = true;
	return signal;
}

bool sl_virtqueue_enable_kick(struct sl_virtqueue *queue)
{
	if (!queue->started || queue->broken_why != NULL) {
		return false;
	}
	if (queue->layout.event_idx) {
		__atomic_store_n(avail_event(queue), queue->next_avail, __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(&used_ring(queue)->flags, 0, __ATOMIC_RELAXED);
	}
	/* The wish must be visible before the index is read: pairs with the full barrier of a
	 * guest driver between publishing an index and looking whether to kick. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&avail_ring(queue)->idx, __ATOMIC_RELAXED) != queue->next_avail;
}

void sl_virtqueue_disable_kick(struct sl_virtqueue *queue)
{
	if (queue->started && !queue->layout.event_idx) {
		__atomic_store_n(&used_ring(queue)->flags, VRING_USED_F_NO_NOTIFY,
				 __ATOMIC_RELAXED);
	}
}
