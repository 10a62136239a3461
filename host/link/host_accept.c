/* SPDX-License-Identifier: MIT */
/* The handshake with a guest, and the end of it all. */
#include "host/base/fd.h"
#include "host/link/host_link_priv.h"
#include "protocol/clock.h"
#include "protocol/limits.h"
#include "protocol/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define HELLO_TIMEOUT_MS 10000

/* What a hello brings, before it belongs to a link. */
struct hello {
	struct sl_packet_hello fixed;
	struct sl_handshake_peer peer;
	int fds[SL_FD_MAX_SENT]; /* what is not there is -1 */
	uint8_t *packet;
};

__attribute__((format(printf, 3, 4))) static void say(char *why, size_t why_size,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, why_size, format, arguments);
	va_end(arguments);
}

static void close_hello_fds(struct hello *hello)
{
	for (int i = 0; i < SL_FD_MAX_SENT; i++) {
		sl_fd_close(sl_steal_fd(&hello->fds[i]));
	}
}

/* Guest memory of a virtual machine comes before its hello. Returns true if this was some. */
static bool take_memory(struct sl_host_link *link, struct hello *hello, size_t size,
			uint32_t fd_count, const char **ret_why)
{
	struct sl_packet_header header;

	*ret_why = NULL;
	if (size < sizeof(header)) {
		return false;
	}
	memcpy(&header, hello->packet, sizeof(header));
	if (header.magic != SL_PACKET_MAGIC || header.type != SL_PACKET_MEMORY) {
		return false;
	}
	*ret_why = sl_host_link_add_memories(link, hello->packet, size, hello->fds, fd_count);
	close_hello_fds(hello);
	return true;
}

/* Returns the packet's size, -errno with ret_why filled in. */
static ssize_t receive_hello(struct sl_host_link *link, struct hello *hello, char *ret_why,
			     size_t why_size)
{
	const int fd = link->socket;
	uint64_t end_ns = sl_clock_now_ns() + HELLO_TIMEOUT_MS * SL_NS_PER_MS;
	unsigned int fd_count = 0;

	for (;;) {
		const char *why;
		ssize_t size = sl_fd_receive(fd, hello->packet, SL_PACKET_MAX_SIZE, hello->fds,
					     SL_FD_MAX_SENT, &fd_count);
		if (size > 0 && take_memory(link, hello, (size_t)size, fd_count, &why)) {
			if (why != NULL) {
				say(ret_why, why_size, "the guest's memory: %s", why);
				return -EPROTO;
			}
			continue;
		}
		if (size > 0 && fd_count == SL_HELLO_FD_COUNT) {
			return size;
		}
		if (size > 0 || size == -EMSGSIZE) {
			say(ret_why, why_size,
			    "hello has a wrong number of descriptors or a "
			    "wrong size");
			return -EPROTO;
		}
		if (size == 0) {
			say(ret_why, why_size, "guest closed its end before its hello");
			return -EPIPE;
		}
		uint64_t now = sl_clock_now_ns();
		if (size != -EAGAIN || now >= end_ns) {
			int r = size == -EAGAIN ? -ETIMEDOUT : (int)size;

			say(ret_why, why_size, "no hello from the guest: %s", strerror(-r));
			return r;
		}
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		(void)poll(&wait, 1, (int)((end_ns - now) / SL_NS_PER_MS) + 1);
	}
}

/* Returns 0, -EPROTO with ret_why filled in. */
static int check_hello(struct hello *hello, size_t size, char *ret_why, size_t why_size)
{
	struct sl_packet_header header = { 0 };

	memcpy(&header, hello->packet, size < sizeof(header) ? size : sizeof(header));
	if (header.magic == SL_PACKET_MAGIC && header.version != SL_WIRE_VERSION) {
		say(ret_why, why_size,
		    "the guest speaks version %u of the protocol, the host version %u: install "
		    "the same release of Sluice on both",
		    header.version, SL_WIRE_VERSION);
		return -EPROTO;
	}
	const char *why = sl_handshake_check_header(hello->packet, size, SL_PACKET_HELLO,
						    sizeof(hello->fixed));
	if (why == NULL) {
		memcpy(&hello->fixed, hello->packet, sizeof(hello->fixed));
		why = sl_handshake_read_lists(
			hello->packet, size, offsetof(struct sl_packet_hello, lists), &hello->peer);
	}
	if (why != NULL) {
		say(ret_why, why_size, "bad hello: %s", why);
		return -EPROTO;
	}
	if (!sl_ring_size_is_valid(hello->fixed.ring_size) ||
	    hello->fixed.reply_size != SL_REPLY_AREA_SIZE ||
	    hello->fixed.sync_size != SL_SYNC_PAGE_SIZE) {
		say(ret_why, why_size, "bad hello: ring, reply area or sync page has a bad size");
		return -EPROTO;
	}
	return 0;
}

/* Names go into log lines. */
static void copy_program(char *dst, const char *guest_name)
{
	size_t i = 0;

	for (; i < SL_HELLO_PROGRAM_SIZE - 1 && guest_name[i] != '\0'; i++) {
		char c = guest_name[i];

		dst[i] = c > ' ' && c <= '~' ? c : '_';
	}
	dst[i] = '\0';
}

/* Map what the hello shares. Returns 0, -EPROTO with ret_why filled in. */
static int map_shared(struct sl_host_link *link, const struct hello *hello, char *ret_why,
		      size_t why_size)
{
	size_t ring_memory_size = sl_ring_memory_size(hello->fixed.ring_size);
	void *ring_memory = NULL;
	void *reply_area = NULL;
	void *sync = NULL;
	const char *why = sl_host_link_map(link, hello->fds[0], ring_memory_size, &ring_memory);

	if (why == NULL) {
		link->ring_memory = ring_memory;
		link->ring_memory_size = ring_memory_size;
		sl_ring_init(&link->ring, ring_memory, hello->fixed.ring_size);
		/* A guest that does not share its CPUs tells nothing. */
		sl_ring_share_cpus(&link->ring, false);
		why = sl_host_link_map(link, hello->fds[1], SL_REPLY_AREA_SIZE, &reply_area);
	}
	if (why == NULL) {
		link->reply_area = (struct sl_host_region){
			.id = SL_REGION_REPLY,
			.data = reply_area,
			.size = SL_REPLY_AREA_SIZE,
		};
		why = sl_host_link_map(link, hello->fds[2], SL_SYNC_PAGE_SIZE, &sync);
	}
	link->sync = sync;
	if (why != NULL) {
		say(ret_why, why_size, "bad hello: %s", why);
		return -EPROTO;
	}
	return 0;
}

/* The doorbell is ours, not the guest's: descriptors of a guest's choice could block us when
 * we use them. Edge-triggered, so that it need not be read, which could block us as well once the
 * guest has taken O_NONBLOCK off. Returns 0 or -errno. */
static int make_doorbell(struct sl_host_link *link)
{
	link->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	link->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (link->doorbell < 0 || link->epoll < 0) {
		return -errno;
	}
	struct epoll_event doorbell = { .events = EPOLLIN | EPOLLET, .data.fd = link->doorbell };
	struct epoll_event packets = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = link->socket };
	if (epoll_ctl(link->epoll, EPOLL_CTL_ADD, link->doorbell, &doorbell) < 0 ||
	    epoll_ctl(link->epoll, EPOLL_CTL_ADD, link->socket, &packets) < 0) {
		return -errno;
	}
	return 0;
}

/* Returns 0 or -errno. */
static int send_welcome(struct sl_host_link *link, const struct sl_handshake_lists *own)
{
	size_t size = sizeof(struct sl_packet_welcome) + sl_handshake_lists_size(own);
	struct sl_packet_welcome *welcome = calloc(1, size);

	if (welcome == NULL) {
		return -ENOMEM;
	}
	sl_handshake_init_header(&welcome->header, SL_PACKET_WELCOME, size);
	welcome->max_regions = link->max_regions;
	welcome->max_region_bytes = link->max_region_bytes;
	sl_handshake_write_lists((uint8_t *)welcome, offsetof(struct sl_packet_welcome, lists),
				 own);
	int r = sl_fd_send(link->socket, welcome, size, &link->doorbell, 1);
	free(welcome);
	return r;
}

static int set_up(struct sl_host_link *link, const struct sl_handshake_lists *own,
		  struct hello *hello, char *ret_why, size_t why_size)
{
	ssize_t size = receive_hello(link, hello, ret_why, why_size);

	if (size < 0) {
		return (int)size;
	}
	int r = check_hello(hello, (size_t)size, ret_why, why_size);
	if (r == 0) {
		copy_program(link->program, hello->fixed.program);
		link->guest_pid = hello->fixed.pid;
		sl_handshake_intersect(own, &hello->peer, &link->caps);
		r = map_shared(link, hello, ret_why, why_size);
	}
	if (r < 0) {
		return r;
	}
	r = make_doorbell(link);
	if (r == 0) {
		r = send_welcome(link, own);
	}
	if (r < 0) {
		say(ret_why, why_size, "cannot welcome %s: %s", link->program, strerror(-r));
	}
	return r;
}

int sl_host_link_accept_lists(int fd, const struct sl_host_link_options *options,
			      const struct sl_handshake_lists *own, struct sl_host_link **ret_link,
			      char *ret_why, size_t why_size)
{
	struct hello hello;
	struct sl_host_link *link = calloc(1, sizeof(*link));

	if (link == NULL) {
		sl_fd_close(fd);
		say(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	hello = (struct hello){ 0 };
	for (int i = 0; i < SL_FD_MAX_SENT; i++) {
		hello.fds[i] = -1;
	}
	link->socket = fd;
	link->wake = -1;
	link->doorbell = -1;
	link->epoll = -1;
	link->spin_ns = options->spin_ns;
	link->idle = options->idle;
	link->max_regions =
		options->max_regions < SL_MAX_REGIONS ? options->max_regions : SL_MAX_REGIONS;
	link->max_region_bytes = options->max_region_bytes;
	link->buffer = malloc(SL_HOST_BUFFER_SIZE);
	hello.packet = malloc(SL_PACKET_MAX_SIZE);

	int r = -ENOMEM;
	if (link->buffer == NULL || hello.packet == NULL) {
		say(ret_why, why_size, "out of memory");
	} else if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		say(ret_why, why_size, "the guest's socket is unusable: %s", strerror(-r));
	} else {
		r = set_up(link, own, &hello, ret_why, why_size);
	}
	close_hello_fds(&hello);
	free(hello.packet);
	if (r < 0) {
		sl_handshake_refuse(fd, ret_why);
		sl_host_link_destroy(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

int sl_host_link_accept(int fd, const struct sl_host_link_options *options,
			struct sl_host_link **ret_link, char *ret_why, size_t why_size)
{
	struct sl_handshake_lists own;

	sl_handshake_init_lists(&own);
	own.extensions = options->extensions;
	return sl_host_link_accept_lists(fd, options, &own, ret_link, ret_why, why_size);
}

void sl_host_link_destroy(struct sl_host_link *link)
{
	if (link == NULL) {
		return;
	}
	sl_host_link_unmap_regions(link);
	if (link->ring_memory != NULL) {
		munmap(link->ring_memory, link->ring_memory_size);
	}
	if (link->reply_area.data != NULL) {
		munmap(link->reply_area.data, link->reply_area.size);
	}
	if (link->sync != NULL) {
		munmap(link->sync, SL_SYNC_PAGE_SIZE);
	}
	sl_host_link_finish_pages(link);
	sl_fd_close(link->epoll);
	sl_fd_close(link->doorbell);
	sl_fd_close(link->socket);
	free(link->buffer);
	free(link->large);
	free(link);
}
