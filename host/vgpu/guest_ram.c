/* SPDX-License-Identifier: MIT */
/* The table of guest memory slots, and copies in and out of them. */
#include "host/vgpu/guest_ram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/fd.h"

struct sl_guest_ram_mapping {
	struct sl_guest_ram_slot slot;
	int fd;
	uint8_t *data; /* the slot's first byte */
	void *map;     /* what mmap() returned: data, or a little before it */
	size_t map_size;
};

void sl_guest_ram_init(struct sl_guest_ram *ram)
{
	*ram = (struct sl_guest_ram){ 0 };
}

static void finish_mapping(struct sl_guest_ram_mapping *mapping)
{
	munmap(mapping->map, mapping->map_size);
	sl_fd_close(mapping->fd);
}

void sl_guest_ram_clear(struct sl_guest_ram *ram)
{
	for (uint32_t i = 0; i < ram->count; i++) {
		finish_mapping(&ram->mappings[i]);
	}
	ram->count = 0;
}

void sl_guest_ram_finish(struct sl_guest_ram *ram)
{
	sl_guest_ram_clear(ram);
	free(ram->mappings);
	ram->mappings = NULL;
}

static bool ranges_overlap(uint64_t a, uint64_t b, uint64_t size_a, uint64_t size_b)
{
	return a < b + size_b && b < a + size_a;
}

static bool slot_is_valid(const struct sl_guest_ram *ram, const struct sl_guest_ram_slot *slot)
{
	uint64_t end;

	if (slot->size == 0 || slot->size > SIZE_MAX / 2 ||
	    __builtin_add_overflow(slot->guest_addr, slot->size, &end) ||
	    __builtin_add_overflow(slot->user_addr, slot->size, &end) ||
	    __builtin_add_overflow(slot->fd_offset, slot->size, &end) || end > INT64_MAX) {
		return false;
	}
	for (uint32_t i = 0; i < ram->count; i++) {
		const struct sl_guest_ram_slot *other = &ram->mappings[i].slot;

		if (ranges_overlap(slot->guest_addr, other->guest_addr, slot->size, other->size) ||
		    ranges_overlap(slot->user_addr, other->user_addr, slot->size, other->size)) {
			return false;
		}
	}
	return true;
}

/* The mapping begins at a multiple of the file's page size, which on hugetlbfs is its block size.
 */
static int map_slot(struct sl_guest_ram_mapping *mapping)
{
	const struct sl_guest_ram_slot *slot = &mapping->slot;
	uint64_t align = (uint64_t)sysconf(_SC_PAGESIZE);
	struct stat st;

	if (fstat(mapping->fd, &st) < 0) {
		return -errno;
	}
	/* Touching a page past the end would raise SIGBUS. */
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < slot->fd_offset + slot->size) {
		return -EINVAL;
	}
	if (S_ISREG(st.st_mode) && st.st_blksize > 0 &&
	    ((uint64_t)st.st_blksize & ((uint64_t)st.st_blksize - 1)) == 0 &&
	    (uint64_t)st.st_blksize > align) {
		align = (uint64_t)st.st_blksize;
	}
	uint64_t skip = slot->fd_offset & (align - 1);
	uint64_t size = skip + slot->size;
	if (S_ISREG(st.st_mode) && align > (uint64_t)sysconf(_SC_PAGESIZE)) {
		size = (size + align - 1) & ~(align - 1);
	}
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			 mapping->fd, (off_t)(slot->fd_offset - skip));
	if (map == MAP_FAILED) {
		return -errno;
	}
	madvise(map, size, MADV_DONTDUMP);
	mapping->map = map;
	mapping->map_size = size;
	mapping->data = (uint8_t *)map + skip;
	return 0;
}

int sl_guest_ram_add(struct sl_guest_ram *ram, const struct sl_guest_ram_slot *slot, int fd)
{
	SL_AUTO_CLOSE int owned_fd = fd;
	struct sl_guest_ram_mapping mapping = { .slot = *slot, .fd = fd };
	uint32_t at = 0;

	if (!slot_is_valid(ram, slot)) {
		return -EINVAL;
	}
	if (ram->count == SL_GUEST_RAM_MAX_SLOTS) {
		return -ENOSPC;
	}
	if (ram->mappings == NULL) {
		ram->mappings = calloc(SL_GUEST_RAM_MAX_SLOTS, sizeof(*ram->mappings));
		if (ram->mappings == NULL) {
			return -ENOMEM;
		}
	}
	int r = map_slot(&mapping);
	if (r < 0) {
		return r;
	}
	sl_steal_fd(&owned_fd);
	while (at < ram->count && ram->mappings[at].slot.guest_addr < slot->guest_addr) {
		at++;
	}
	memmove(&ram->mappings[at + 1], &ram->mappings[at],
		(ram->count - at) * sizeof(*ram->mappings));
	ram->mappings[at] = mapping;
	ram->count++;
	return 0;
}

int sl_guest_ram_remove(struct sl_guest_ram *ram, const struct sl_guest_ram_slot *slot)
{
	for (uint32_t i = 0; i < ram->count; i++) {
		const struct sl_guest_ram_slot *here = &ram->mappings[i].slot;

		if (here->guest_addr == slot->guest_addr && here->user_addr == slot->user_addr &&
		    here->size == slot->size) {
			finish_mapping(&ram->mappings[i]);
			ram->count--;
			memmove(&ram->mappings[i], &ram->mappings[i + 1],
				(ram->count - i) * sizeof(*ram->mappings));
			return 0;
		}
	}
	return -ENOENT;
}

static const struct sl_guest_ram_mapping *find_mapping(const struct sl_guest_ram *ram,
						       uint64_t addr)
{
	uint32_t low = 0;
	uint32_t high = ram->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct sl_guest_ram_slot *slot = &ram->mappings[middle].slot;

		if (addr < slot->guest_addr) {
			high = middle;
		} else if (addr - slot->guest_addr >= slot->size) {
			low = middle + 1;
		} else {
			return &ram->mappings[middle];
		}
	}
	return NULL;
}

void *sl_guest_ram_at(const struct sl_guest_ram *ram, uint64_t addr, uint64_t *ret_size)
{
	const struct sl_guest_ram_mapping *mapping = find_mapping(ram, addr);

	if (mapping == NULL) {
		return NULL;
	}
	uint64_t offset = addr - mapping->slot.guest_addr;
	*ret_size = mapping->slot.size - offset;
	return mapping->data + offset;
}

void *sl_guest_ram_at_user(const struct sl_guest_ram *ram, uint64_t user_addr, uint64_t size)
{
	for (uint32_t i = 0; i < ram->count; i++) {
		const struct sl_guest_ram_slot *slot = &ram->mappings[i].slot;

		if (user_addr >= slot->user_addr && user_addr - slot->user_addr < slot->size) {
			uint64_t offset = user_addr - slot->user_addr;

			return size <= slot->size - offset ? ram->mappings[i].data + offset : NULL;
		}
	}
	return NULL;
}

int sl_guest_ram_locate(const struct sl_guest_ram *ram, uint64_t addr, int *ret_fd,
			uint64_t *ret_offset, uint64_t *ret_size)
{
	const struct sl_guest_ram_mapping *mapping = find_mapping(ram, addr);

	if (mapping == NULL) {
		return -EFAULT;
	}
	uint64_t offset = addr - mapping->slot.guest_addr;
	*ret_fd = mapping->fd;
	*ret_offset = mapping->slot.fd_offset + offset;
	*ret_size = mapping->slot.size - offset;
	return 0;
}

bool sl_guest_ram_overlaps(const struct sl_guest_ram *ram, uint64_t addr, uint64_t size)
{
	for (uint32_t i = 0; i < ram->count; i++) {
		const struct sl_guest_ram_slot *slot = &ram->mappings[i].slot;

		if (ranges_overlap(addr, slot->guest_addr, size, slot->size)) {
			return true;
		}
	}
	return false;
}

bool sl_guest_ram_contains(const struct sl_guest_ram *ram, uint64_t addr, uint64_t size)
{
	uint64_t end;

	if (__builtin_add_overflow(addr, size, &end)) {
		return false;
	}
	while (size > 0) {
		const struct sl_guest_ram_mapping *mapping = find_mapping(ram, addr);

		if (mapping == NULL) {
			return false;
		}
		uint64_t here = mapping->slot.size - (addr - mapping->slot.guest_addr);
		here = here < size ? here : size;
		addr += here;
		size -= here;
	}
	return true;
}

/* The barrier keeps the compiler from reading guest memory a second time instead of the copy. */
static void copy_once(void *dst, const void *src, size_t size)
{
	memcpy(dst, src, size);
	__asm__ volatile("" ::: "memory");
}

int sl_guest_ram_read(const struct sl_guest_ram *ram, uint64_t addr, void *dst, size_t size)
{
	uint8_t *at = dst;

	while (size > 0) {
		uint64_t here;
		const void *src = sl_guest_ram_at(ram, addr, &here);

		if (src == NULL) {
			return -EFAULT;
		}
		here = here < size ? here : size;
		copy_once(at, src, here);
		at += here;
		addr += here;
		size -= here;
	}
	return 0;
}

int sl_guest_ram_write(const struct sl_guest_ram *ram, uint64_t addr, const void *src, size_t size)
{
	const uint8_t *at = src;

	while (size > 0) {
		uint64_t here;
		void *dst = sl_guest_ram_at(ram, addr, &here);

		if (dst == NULL) {
			return -EFAULT;
		}
		here = here < size ? here : size;
		copy_once(dst, at, here);
		at += here;
		addr += here;
		size -= here;
	}
	return 0;
}
