/* SPDX-License-Identifier: MIT */
/* The guest's memory as this process sees it: a table of slots, each mapped from a descriptor.
 * Every access names guest-physical addresses and is checked against the table at that moment, so
 * that nothing dangles when the virtual machine monitor changes the table. One thread only. */
#ifndef SL_HOST_VGPU_GUEST_RAM_H
#define SL_HOST_VGPU_GUEST_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_GUEST_RAM_MAX_SLOTS 256u

struct sl_guest_ram_slot {
	uint64_t guest_addr; /* guest-physical */
	uint64_t size;
	uint64_t user_addr; /* where the monitor has it; vring addresses are in these terms */
	uint64_t fd_offset; /* where the slot begins in its descriptor */
};

/* A run of guest-physical memory. */
struct sl_guest_range {
	uint64_t addr;
	uint64_t size;
};

struct sl_guest_ram_mapping;

struct sl_guest_ram {
	struct sl_guest_ram_mapping *mappings; /* sorted by guest address */
	uint32_t count;
};

void sl_guest_ram_init(struct sl_guest_ram *ram);
void sl_guest_ram_finish(struct sl_guest_ram *ram);

/* Map one more slot. Consumes fd, also on failure.
 *
 * Returns 0; -EINVAL (empty, wraps around, overlaps another slot, or the descriptor is shorter
 * than the slot), -ENOSPC (table full), -ENOMEM or mmap()'s -errno. */
int sl_guest_ram_add(struct sl_guest_ram *ram, const struct sl_guest_ram_slot *slot, int fd);

/* Unmap the slot with this guest address, user address and size. Returns 0 or -ENOENT. */
int sl_guest_ram_remove(struct sl_guest_ram *ram, const struct sl_guest_ram_slot *slot);

void sl_guest_ram_clear(struct sl_guest_ram *ram);

/* True if any of the range, which does not wrap around, is memory. */
bool sl_guest_ram_overlaps(const struct sl_guest_ram *ram, uint64_t addr, uint64_t size);

/* True if all of the range lies in guest memory; it may cross from slot to slot. */
bool sl_guest_ram_contains(const struct sl_guest_ram *ram, uint64_t addr, uint64_t size);

/* Where addr is mapped. *ret_size: how many bytes follow in the same mapping. NULL: not memory.
 * The pointer is valid until the table changes. The guest writes there at any time: copy, then
 * look. */
void *sl_guest_ram_at(const struct sl_guest_ram *ram, uint64_t addr, uint64_t *ret_size);

/* The same for size bytes at a user address, all in one slot; NULL otherwise. */
void *sl_guest_ram_at_user(const struct sl_guest_ram *ram, uint64_t user_addr, uint64_t size);

/* Which descriptor holds addr, and where in it. *ret_size as in sl_guest_ram_at(). The
 * descriptor stays the table's. Returns 0 or -EFAULT. */
int sl_guest_ram_locate(const struct sl_guest_ram *ram, uint64_t addr, int *ret_fd,
			uint64_t *ret_offset, uint64_t *ret_size);

/* Copy size bytes from or to guest memory. Returns 0, or -EFAULT if any of it is not memory; the
 * bytes before that may have been copied. */
int sl_guest_ram_read(const struct sl_guest_ram *ram, uint64_t addr, void *dst, size_t size);
int sl_guest_ram_write(const struct sl_guest_ram *ram, uint64_t addr, const void *src, size_t size);

#endif
