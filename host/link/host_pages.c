/* SPDX-License-Identifier: MIT */
/* Shared memory of a virtual machine: lists of pages in the files that are its memory. */
#include "host/base/fd.h"
#include "host/link/host_link_priv.h"
#include "protocol/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PAGE_SIZE      4096u
#define TIMER_SLACK_NS 1000ul

bool sl_host_link_has_pages(const struct sl_host_link *link)
{
	return link->wake >= 0;
}

void sl_host_link_finish_pages(struct sl_host_link *link)
{
	for (uint32_t i = 0; i < link->memory_count; i++) {
		sl_fd_close(link->memories[i]);
	}
	sl_fd_close(link->wake);
}

const char *sl_host_link_add_memories(struct sl_host_link *link, const uint8_t *bytes, size_t size,
				      int *fds, uint32_t fd_count)
{
	struct sl_packet_memory packet;
	bool is_first = link->wake < 0;
	const char *why = sl_handshake_check_header(bytes, size, SL_PACKET_MEMORY, sizeof(packet));

	if (why != NULL) {
		return why;
	}
	memcpy(&packet, bytes, sizeof(packet));
	if (size != sizeof(packet) || packet.reserved != 0 || packet.memory_count == 0 ||
	    packet.memory_count > SL_MEMORY_MAX_COUNT - link->memory_count ||
	    fd_count != packet.memory_count + (is_first ? 1 : 0)) {
		return "memory packet has a bad count";
	}
	for (uint32_t i = 0; i < packet.memory_count; i++) {
		why = sl_host_link_check_memory(fds[i], &link->memory_sizes[link->memory_count]);
		if (why != NULL) {
			return why;
		}
		link->memories[link->memory_count++] = sl_steal_fd(&fds[i]);
	}
	if (is_first) {
		link->wake = sl_steal_fd(&fds[packet.memory_count]);
		/* See nap_while_busy(): naps are shorter than the 50 us of slack that is usual. */
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
	}
	return NULL;
}

/* The runs of a list, checked one by one, and that they make up size bytes. Returns NULL and the
 * runs (free() them), else what is wrong. */
static const char *read_list(const struct sl_host_link *link, int list_fd, size_t size,
			     struct sl_page_run **ret_runs, uint32_t *ret_count)
{
	struct sl_page_list list;
	uint64_t total = 0;

	if (pread(list_fd, &list, sizeof(list), 0) != sizeof(list) || list.reserved != 0 ||
	    list.run_count == 0 || list.run_count > SL_MAX_PAGE_RUNS) {
		return "page list has a bad count";
	}
	SL_AUTO_FREE struct sl_page_run *runs = calloc(list.run_count, sizeof(*runs));
	if (runs == NULL) {
		return "out of memory";
	}
	size_t bytes = list.run_count * sizeof(*runs);
	if (pread(list_fd, runs, bytes, sizeof(list)) != (ssize_t)bytes) {
		return "page list is cut short";
	}
	for (uint32_t i = 0; i < list.run_count; i++) {
		const struct sl_page_run *run = &runs[i];

		if (run->memory >= link->memory_count || run->reserved != 0 || run->size == 0 ||
		    run->size % PAGE_SIZE != 0 || run->offset % PAGE_SIZE != 0 ||
		    run->offset > link->memory_sizes[run->memory] ||
		    run->size > link->memory_sizes[run->memory] - run->offset ||
		    run->size > size - total) {
			return "page list has a bad run";
		}
		total += run->size;
	}
	if (total != size) {
		return "page list is shorter than it claims";
	}
	*ret_runs = sl_steal_ptr(runs);
	*ret_count = list.run_count;
	return NULL;
}

const char *sl_host_link_map_pages(const struct sl_host_link *link, int list_fd, size_t size,
				   void **ret_data)
{
	SL_AUTO_FREE struct sl_page_run *runs = NULL;
	uint32_t count = 0;
	const char *why = read_list(link, list_fd, size, &runs, &count);

	if (why != NULL) {
		return why;
	}
	/* A place where all of it fits, which the runs then fill. */
	uint8_t *data =
		mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (data == MAP_FAILED) {
		return "shared memory cannot be mapped";
	}
	uint8_t *at = data;
	for (uint32_t i = 0; i < count; i++) {
		if (mmap(at, runs[i].size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 link->memories[runs[i].memory], (off_t)runs[i].offset) == MAP_FAILED) {
			munmap(data, size);
			return "shared memory has too many pieces to be mapped";
		}
		at += runs[i].size;
	}
	*ret_data = data;
	return NULL;
}

void sl_host_link_tell_released(const struct sl_host_link *link, uint32_t region_id)
{
	struct sl_packet_region packet = { .region_id = region_id };

	if (!sl_host_link_has_pages(link)) {
		return;
	}
	sl_handshake_init_header(&packet.header, SL_PACKET_RELEASED, sizeof(packet));
	/* A vgpu that does not hear of it ends the context after a while. */
	(void)sl_fd_send(link->socket, &packet, sizeof(packet), NULL, 0);
}
