/* SPDX-License-Identifier: MIT */
/* Memory that the guest shares later: which regions there are, who holds them, how many may be. */
#include "host/base/fd.h"
#include "host/link/host_link_priv.h"
#include "protocol/clock.h"
#include "protocol/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PAGE_SIZE      4096u
#define LATE_PACKET_NS (2000 * SL_NS_PER_MS)

const char *sl_host_link_check_memory(int fd, uint64_t *ret_size)
{
	struct stat info;
	struct statfs place;
	/* Only memory files have seals. Without this one the guest could cut the file short under
	 * our mapping, and an access would be a SIGBUS. */
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
		return "shared memory is not sealed against shrinking";
	}
	/* Huge pages can run out when a page is first touched, which is a SIGBUS too. */
	if (fstatfs(fd, &place) < 0 || place.f_type != TMPFS_MAGIC) {
		return "shared memory is not made of ordinary pages";
	}
	if (fstat(fd, &info) < 0 || info.st_size < 0) {
		return "shared memory has no size";
	}
	*ret_size = (uint64_t)info.st_size;
	return NULL;
}

const char *sl_host_link_map(const struct sl_host_link *link, int fd, size_t size, void **ret_data)
{
	uint64_t file_size = 0;

	if (size == 0 || size % PAGE_SIZE != 0) {
		return "shared memory has a bad size";
	}
	if (sl_host_link_has_pages(link)) {
		return sl_host_link_map_pages(link, fd, size, ret_data);
	}
	const char *why = sl_host_link_check_memory(fd, &file_size);
	if (why != NULL) {
		return why;
	}
	if (file_size < size) {
		return "shared memory is smaller than it claims";
	}
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED) {
		return "shared memory cannot be mapped";
	}
	*ret_data = data;
	return NULL;
}

static struct sl_host_region **bucket_of(struct sl_host_link *link, uint32_t region_id)
{
	/* Guests count up: neighbours go to different buckets. */
	return &link->buckets[region_id % SL_HOST_REGION_BUCKETS];
}

struct sl_host_region *sl_host_link_find_region(struct sl_host_link *link, uint32_t region_id)
{
	struct sl_host_region *region = *bucket_of(link, region_id);

	if (region_id == SL_REGION_REPLY) {
		return &link->reply_area;
	}
	while (region != NULL && region->id != region_id) {
		region = region->next;
	}
	return region;
}

static void unmap_region(struct sl_host_link *link, struct sl_host_region *region)
{
	struct sl_host_region **at = bucket_of(link, region->id);

	while (*at != region) {
		at = &(*at)->next;
	}
	*at = region->next;
	if (region->is_counted) {
		link->counted_bytes -= region->size;
		link->counted_regions--;
	}
	link->mapped_bytes -= region->size;
	link->mapped_regions--;
	munmap(region->data, region->size);
	sl_host_link_tell_released(link, region->id);
	free(region);
}

void sl_host_link_unmap_regions(struct sl_host_link *link)
{
	for (uint32_t i = 0; i < SL_HOST_REGION_BUCKETS; i++) {
		while (link->buckets[i] != NULL) {
			unmap_region(link, link->buckets[i]);
		}
	}
}

/* Room for one more? The real limits hold in the order of the ring's messages, see
 * sl_host_link_hold_region(); a packet may overtake the message that lets go of old regions. So a
 * guest which keeps to the limits has at most twice as much here. */
static bool may_map(const struct sl_host_link *link, uint64_t size)
{
	uint64_t limit;

	if (__builtin_mul_overflow(link->max_region_bytes, 2, &limit)) {
		limit = UINT64_MAX;
	}
	return link->mapped_regions / 2 < link->max_regions && size <= limit &&
	       link->mapped_bytes <= limit - size;
}

/* Returns NULL, else what is wrong. */
static const char *add_region(struct sl_host_link *link, const struct sl_packet_region *packet,
			      int fd)
{
	if (packet->region_id < SL_REGION_FIRST || packet->reserved != 0 ||
	    sl_host_link_find_region(link, packet->region_id) != NULL) {
		return "region has a bad id";
	}
	if (packet->size > SIZE_MAX || !may_map(link, packet->size)) {
		return "regions are past the limits of the context";
	}
	struct sl_host_region *region = calloc(1, sizeof(*region));
	if (region == NULL) {
		return "out of memory";
	}
	const char *why = sl_host_link_map(link, fd, (size_t)packet->size, &region->data);
	if (why != NULL) {
		free(region);
		return why;
	}
	struct sl_host_region **bucket = bucket_of(link, packet->region_id);
	region->id = packet->region_id;
	region->size = (size_t)packet->size;
	region->next = *bucket;
	*bucket = region;
	link->mapped_bytes += region->size;
	link->mapped_regions++;
	return NULL;
}

/* No new holds. region may be NULL. Returns 0 or -ENOENT. */
static int forget(struct sl_host_link *link, struct sl_host_region *region)
{
	if (region == NULL || region->is_forgotten || region->id == SL_REGION_REPLY) {
		return -ENOENT;
	}
	region->is_forgotten = true;
	if (region->hold_count == 0) {
		unmap_region(link, region);
	}
	return 0;
}

/* Returns NULL, else what is wrong. Entries of fds that were taken over are -1 afterwards. */
static const char *take_packet(struct sl_host_link *link, const uint8_t *bytes, size_t size,
			       int *fds, uint32_t fd_count)
{
	struct sl_packet_region packet;
	struct sl_packet_header header;
	const char *why;

	if (size < sizeof(header)) {
		return "packet has a wrong size";
	}
	memcpy(&header, bytes, sizeof(header));
	if (header.type == SL_PACKET_MEMORY && sl_host_link_has_pages(link)) {
		return sl_host_link_add_memories(link, bytes, size, fds, fd_count);
	}
	if (size != sizeof(packet)) {
		return "packet has a wrong size";
	}
	memcpy(&packet, bytes, sizeof(packet));
	if (packet.header.type == SL_PACKET_RELEASE) {
		why = sl_handshake_check_header(bytes, size, SL_PACKET_RELEASE, size);
		if (why == NULL && (packet.reserved != 0 || packet.size != 0 || fd_count != 0)) {
			return "packet says more than it should";
		}
		struct sl_host_region *region = sl_host_link_find_region(link, packet.region_id);
		if (why == NULL && forget(link, region) < 0) {
			return "region has a bad id";
		}
		return why;
	}
	why = sl_handshake_check_header(bytes, size, SL_PACKET_REGION, size);
	if (why == NULL && fd_count > 1) {
		return "packet cannot be received";
	}
	return why != NULL ? why : add_region(link, &packet, fds[0]);
}

/* Returns 0, -EAGAIN (none waits), -EPIPE, -EBADMSG with link->packet_why. */
static int read_packet(struct sl_host_link *link)
{
	uint8_t bytes[sizeof(struct sl_packet_region)];
	int fds[SL_FD_MAX_SENT];
	unsigned int fd_count = 0;
	ssize_t size =
		sl_fd_receive(link->socket, bytes, sizeof(bytes), fds, SL_FD_MAX_SENT, &fd_count);

	if (size == -EAGAIN || size == -EINTR) {
		return -EAGAIN;
	}
	if (size == 0 || size == -ECONNRESET) {
		return -EPIPE;
	}
	if (size < 0) {
		link->packet_why = "packet cannot be received";
		return -EBADMSG;
	}
	link->packet_why = take_packet(link, bytes, (size_t)size, fds, fd_count);
	for (unsigned int i = 0; i < fd_count; i++) {
		sl_fd_close(fds[i]);
	}
	return link->packet_why != NULL ? -EBADMSG : 0;
}

int sl_host_link_read_packets(struct sl_host_link *link)
{
	int r = link->packet_why != NULL ? -EBADMSG : 0;

	while (r == 0) {
		r = read_packet(link);
	}
	return r == -EAGAIN ? 0 : r;
}

/* A region that a message mentions. On a socket its packet was sent before the message. The
 * packets of a virtual machine take another way than its messages, and may be late. */
static struct sl_host_region *expect_region(struct sl_host_link *link, uint32_t region_id)
{
	struct sl_host_region *region = sl_host_link_find_region(link, region_id);
	struct pollfd wait = { .fd = link->socket, .events = POLLIN };
	uint64_t end_ns = sl_clock_now_ns() + LATE_PACKET_NS;

	/* What is wrong with any packet sl_host_link_receive() will tell. */
	while (region == NULL && sl_host_link_read_packets(link) == 0) {
		region = sl_host_link_find_region(link, region_id);
		uint64_t now = sl_clock_now_ns();
		if (region != NULL || !sl_host_link_has_pages(link) || now >= end_ns) {
			break;
		}
		(void)poll(&wait, 1, (int)((end_ns - now) / SL_NS_PER_MS) + 1);
	}
	return region != NULL ? region : sl_host_link_find_region(link, region_id);
}

int sl_host_link_hold_region(struct sl_host_link *link, uint32_t region_id, void **ret_data,
			     size_t *ret_size)
{
	struct sl_host_region *region = expect_region(link, region_id);

	if (region == NULL || region->is_forgotten || region_id == SL_REGION_REPLY) {
		return -ENOENT;
	}
	if (!region->is_counted) {
		if (link->counted_regions >= link->max_regions ||
		    region->size > link->max_region_bytes - link->counted_bytes) {
			return -ENOMEM;
		}
		region->is_counted = true;
		link->counted_regions++;
		link->counted_bytes += region->size;
	}
	region->hold_count++;
	*ret_data = region->data;
	*ret_size = region->size;
	return 0;
}

void sl_host_link_release_region(struct sl_host_link *link, uint32_t region_id)
{
	struct sl_host_region *region = sl_host_link_find_region(link, region_id);

	assert(region != NULL && region->hold_count > 0);
	region->hold_count--;
	if (region->is_forgotten && region->hold_count == 0) {
		unmap_region(link, region);
	}
}

int sl_host_link_forget_region(struct sl_host_link *link, uint32_t region_id)
{
	return forget(link, expect_region(link, region_id));
}
