/* SPDX-License-Identifier: MIT */
/* Contexts of Sluice's own protocol: packets between a guest program and its renderer. */
#include "host/vgpu/sluice_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "protocol/limits.h"
#include "protocol/sync_page.h"
#include "protocol/virtio.h"
#include "protocol/wire.h"

/* A renderer that does not let go of a region, or does not end, by then is given up. */
#define RELEASE_TIMEOUT_US (30 * 1000000ull)
#define END_TIMEOUT_US	   (10 * 1000000ull)
#define PAGE_SIZE	   4096u

struct sl_vgpu_sluice {
	struct sl_vgpu_sluice_options options;
	sd_event *event;
	const struct sl_guest_ram *ram;
	struct sl_virtio_capset capset;
	LIST_HEAD(, context) contexts;
};

/* Pages that the guest attached to a context. */
struct pages {
	LIST_ENTRY(pages) link;
	uint32_t resource_id;
	uint64_t size;
	struct sl_guest_range *ranges;
	uint32_t range_count;
	/* What the renderer has of them. */
	uint32_t region_id; /* 0: nothing, or not as a region */
	bool is_shared;	    /* in the hello: for as long as the context lives */
	bool is_detaching;  /* the device waits for the renderer to let go */
};

struct memory {
	dev_t device;
	ino_t inode;
};

enum context_state {
	CONTEXT_NEW,	  /* nothing heard from the program */
	CONTEXT_GREETING, /* the renderer's answer is awaited */
	CONTEXT_OPEN,
	CONTEXT_CLOSED, /* there is no renderer any more */
};

struct context {
	LIST_ENTRY(context) link;
	struct sl_vgpu_sluice *backend;
	struct sl_vgpu_context *device_context; /* NULL: the device does not want to hear of it */
	uint32_t id;
	char name[65];
	enum context_state state;
	bool is_ending; /* the device waits for its end */
	int socket;
	int doorbell; /* the renderer's */
	int wake;     /* eventfd; the renderer has guest threads woken */
	sd_event_source *socket_source;
	sd_event_source *wake_source;
	sd_event_source *timer;
	LIST_HEAD(, pages) pages;
	struct pages *reply_area; /* where the greeting goes; NULL: there was no hello */
	struct pages *sync;
	struct memory memories[SL_MEMORY_MAX_COUNT]; /* that the renderer has, by number */
	uint32_t memory_count;
	bool waits;	   /* the last submission's fence is for the next wake-up */
	uint64_t fence_id; /* the latest fence that waits for one */

	/* What the guest left its CPU for. */
	uint64_t packet_count;
	uint64_t doorbell_count;
	uint64_t wait_count;
	uint64_t wake_up_count; /* of waits */
};

static struct pages *find_pages(struct context *context, uint32_t resource_id)
{
	struct pages *pages;

	LIST_FOREACH(pages, &context->pages, link)
	{
		if (pages->resource_id == resource_id) {
			return pages;
		}
	}
	return NULL;
}

static struct pages *find_region(struct context *context, uint32_t region_id)
{
	struct pages *pages;

	LIST_FOREACH(pages, &context->pages, link)
	{
		if (pages->region_id == region_id) {
			return pages;
		}
	}
	return NULL;
}

static void free_pages(struct context *context, struct pages *pages)
{
	if (context->reply_area == pages) {
		context->reply_area = NULL;
	}
	if (context->sync == pages) {
		context->sync = NULL;
	}
	LIST_REMOVE(pages, link);
	free(pages->ranges);
	free(pages);
}

/* Write into guest pages; what is no memory any more is dropped. */
static void write_pages(const struct context *context, const struct pages *pages, uint64_t offset,
			const void *data, size_t size)
{
	const uint8_t *at = data;

	for (uint32_t i = 0; i < pages->range_count && size > 0; i++) {
		const struct sl_guest_range *range = &pages->ranges[i];

		if (offset >= range->size) {
			offset -= range->size;
			continue;
		}
		uint64_t here = range->size - offset;
		here = here < size ? here : size;
		(void)sl_guest_ram_write(context->backend->ram, range->addr + offset, at, here);
		at += here;
		size -= here;
		offset = 0;
	}
}

/* The first page of what is attached; NULL if it is no memory. Written by the guest too. */
static void *first_page(const struct context *context, const struct pages *pages)
{
	uint64_t size = 0;
	uint8_t *at = NULL;

	if (pages != NULL && pages->ranges[0].addr % PAGE_SIZE == 0 &&
	    pages->ranges[0].size >= PAGE_SIZE) {
		at = sl_guest_ram_at(context->backend->ram, pages->ranges[0].addr, &size);
	}
	return size >= PAGE_SIZE && (uintptr_t)at % 64 == 0 ? at : NULL;
}

/* Guest threads may have reason to look again. */
static void signal_guest(struct context *context)
{
	if (context->device_context != NULL && context->fence_id != 0) {
		uint64_t fence_id = context->fence_id;

		context->fence_id = 0;
		context->wake_up_count++;
		sl_vgpu_context_signal(context->device_context, fence_id);
	}
}

/* Answer the program's hello with a packet. */
static void answer_greeting(struct context *context, const void *packet, size_t size)
{
	struct sl_virtio_greeting *greeting = first_page(context, context->reply_area);

	if (greeting != NULL && size <= SL_PACKET_MAX_SIZE) {
		write_pages(context, context->reply_area, sizeof(*greeting), packet, size);
		/* Release: the packet comes before; pairs with the guest's acquire. */
		atomic_store_explicit(&greeting->size, (uint32_t)size, memory_order_release);
	}
	signal_guest(context);
}

static void refuse(struct context *context, const char *text)
{
	struct sl_packet_refused packet = { 0 };

	sl_handshake_init_header(&packet.header, SL_PACKET_REFUSED, sizeof(packet));
	strncpy(packet.text, text, sizeof(packet.text) - 1);
	answer_greeting(context, &packet, sizeof(packet));
	sl_log(SL_LOG_WARNING, "context %u (%s): refused: %s", context->id, context->name, text);
}

/* Nothing of it is left in this process but what the device has attached. */
static void finish_connection(struct context *context)
{
	context->socket_source = sd_event_source_disable_unref(context->socket_source);
	context->wake_source = sd_event_source_disable_unref(context->wake_source);
	context->timer = sd_event_source_disable_unref(context->timer);
	sl_fd_close(sl_steal_fd(&context->socket));
	sl_fd_close(sl_steal_fd(&context->doorbell));
	sl_fd_close(sl_steal_fd(&context->wake));
}

static void destroy(struct context *context)
{
	struct pages *pages;

	sl_log(SL_LOG_DEBUG,
	       "context %u (%s) ends: %llu packets, %llu doorbells, %llu waits, "
	       "%llu wake-ups",
	       context->id, context->name, (unsigned long long)context->packet_count,
	       (unsigned long long)context->doorbell_count, (unsigned long long)context->wait_count,
	       (unsigned long long)context->wake_up_count);
	finish_connection(context);
	while ((pages = LIST_FIRST(&context->pages)) != NULL) {
		free_pages(context, pages);
	}
	LIST_REMOVE(context, link);
	free(context);
}

/* The renderer has let go of pages that the device waits for; they may be freed. */
static void finish_detach(struct context *context, struct pages *pages)
{
	uint32_t resource_id = pages->resource_id;

	free_pages(context, pages);
	if (context->device_context != NULL) {
		sl_vgpu_context_detached(context->device_context, resource_id);
	}
}

/* There is no renderer any more: nobody has pages, nobody answers. The context may be freed. */
static void end_connection(struct context *context, const char *why)
{
	bool was_greeting = context->state == CONTEXT_GREETING;
	struct sl_sync_page *sync = first_page(context, context->sync);

	context->state = CONTEXT_CLOSED;
	finish_connection(context);
	if (was_greeting) {
		refuse(context, why);
	} else if (sync != NULL) {
		/* Unless the renderer has told a better reason. */
		sl_sync_set_lost(sync, SL_LOST_RENDERER, why);
	}
	signal_guest(context);
	struct pages *pages = LIST_FIRST(&context->pages);
	while (pages != NULL) {
		struct pages *next = LIST_NEXT(pages, link);

		pages->region_id = 0;
		pages->is_shared = false;
		if (pages->is_detaching) {
			finish_detach(context, pages);
		}
		pages = next;
	}
	if (context->is_ending) {
		struct sl_vgpu_context *device_context = context->device_context;

		destroy(context);
		if (device_context != NULL) {
			sl_vgpu_context_gone(device_context);
		}
	}
}

/* Ask the renderer to end; end_connection() follows. */
static void hang_up(struct context *context, uint64_t timeout_us)
{
	shutdown(context->socket, SHUT_WR);
	sd_event_source_set_time_relative(context->timer, timeout_us);
	sd_event_source_set_enabled(context->timer, SD_EVENT_ONESHOT);
}

/* Where the renderer has let go of all that it was to let go of, nothing is late. */
static void stop_waiting(struct context *context)
{
	const struct pages *pages;

	LIST_FOREACH(pages, &context->pages, link)
	{
		if (pages->is_detaching) {
			return;
		}
	}
	if (!context->is_ending) {
		sd_event_source_set_enabled(context->timer, SD_EVENT_OFF);
	}
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	struct context *context = data;

	sl_log(SL_LOG_WARNING, "context %u (%s): its renderer does not let go; it is given up",
	       context->id, context->name);
	end_connection(context, "the renderer did not let go of memory");
	return 0;
}

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *data)
{
	signal_guest(data);
	return 0;
}

/* What is written to must neither wait for whoever reads it nor raise SIGPIPE. Of all that has no
 * file behind it only eventfds can be written to. */
static bool is_doorbell(int fd)
{
	struct statfs place;

	return fstatfs(fd, &place) == 0 && place.f_type == ANON_INODE_FS_MAGIC &&
	       fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

/* A packet from the renderer. fd: the doorbell, or -1. Returns NULL, else what is wrong. */
static const char *take_packet(struct context *context, const uint8_t *packet, size_t size, int *fd)
{
	struct sl_packet_header header;
	struct sl_packet_region released;

	if (size < sizeof(header)) {
		return "the renderer sent something too short";
	}
	memcpy(&header, packet, sizeof(header));
	if (context->state == CONTEXT_GREETING) {
		if (header.type == SL_PACKET_WELCOME) {
			if (!is_doorbell(*fd)) {
				return "the renderer has no doorbell";
			}
			context->doorbell = sl_steal_fd(fd);
			context->state = CONTEXT_OPEN;
		} else {
			context->state = CONTEXT_CLOSED;
		}
		answer_greeting(context, packet, size);
		return NULL;
	}
	if (header.type != SL_PACKET_RELEASED || size != sizeof(released)) {
		return "the renderer sent something unexpected";
	}
	memcpy(&released, packet, sizeof(released));
	struct pages *pages =
		released.region_id != 0 ? find_region(context, released.region_id) : NULL;
	if (pages != NULL) {
		pages->region_id = 0;
		if (pages->is_detaching) {
			finish_detach(context, pages);
			stop_waiting(context);
		}
	}
	return NULL;
}

static int on_packet(sd_event_source *source, int socket, uint32_t events, void *data)
{
	struct context *context = data;
	uint8_t packet[SL_PACKET_MAX_SIZE];
	SL_AUTO_CLOSE int fd = -1;
	const char *why = "the renderer on the host has ended";
	ssize_t size = sl_fd_receive(socket, packet, sizeof(packet), &fd, 1, NULL);

	if (size == -EAGAIN) {
		return 0;
	}
	if (size > 0) {
		why = take_packet(context, packet, (size_t)size, &fd);
	}
	if (why != NULL) {
		end_connection(context, why);
	}
	return 0;
}

/* The number by which the renderer knows the file; sends it if it is new. The first comes with
 * the eventfd. Returns 0 or -errno. */
static int share_memory(struct context *context, int fd, uint32_t *ret_number)
{
	struct sl_packet_memory packet = { .memory_count = 1 };
	const int fds[2] = { fd, context->wake };
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	for (uint32_t i = 0; i < context->memory_count; i++) {
		if (context->memories[i].device == st.st_dev &&
		    context->memories[i].inode == st.st_ino) {
			*ret_number = i;
			return 0;
		}
	}
	if (context->memory_count == SL_MEMORY_MAX_COUNT) {
		return -ENOSPC;
	}
	sl_handshake_init_header(&packet.header, SL_PACKET_MEMORY, sizeof(packet));
	int r = sl_fd_send(context->socket, &packet, sizeof(packet), fds,
			   context->memory_count == 0 ? 2 : 1);
	if (r < 0) {
		return r;
	}
	*ret_number = context->memory_count;
	context->memories[context->memory_count++] =
		(struct memory){ .device = st.st_dev, .inode = st.st_ino };
	return 0;
}

/* Append the runs of one range, cut where memory changes, and at size. Returns 0 or -errno. */
static int add_runs(struct context *context, const struct sl_guest_range *range, uint64_t size,
		    struct sl_page_run *runs, uint32_t *count)
{
	uint64_t addr = range->addr;
	uint64_t left = range->size < size ? range->size : size;

	while (left > 0) {
		struct sl_page_run run = { 0 };
		int fd = -1;

		if (*count == SL_MAX_PAGE_RUNS) {
			return -E2BIG;
		}
		int r = sl_guest_ram_locate(context->backend->ram, addr, &fd, &run.offset,
					    &run.size);
		if (r == 0) {
			r = share_memory(context, fd, &run.memory);
		}
		if (r < 0) {
			return r;
		}
		run.size = run.size < left ? run.size : left;
		addr += run.size;
		left -= run.size;
		runs[(*count)++] = run;
	}
	return 0;
}

/* A page list of the first size bytes of pages. Returns its descriptor or -errno. */
static int make_list(struct context *context, const struct pages *pages, uint64_t size)
{
	SL_AUTO_FREE struct sl_page_run *runs = malloc(SL_MAX_PAGE_RUNS * sizeof(*runs));
	SL_AUTO_CLOSE int fd = memfd_create("sluice-pages", MFD_CLOEXEC);
	struct sl_page_list list = { 0 };
	int r = 0;

	if (runs == NULL || fd < 0) {
		return runs == NULL ? -ENOMEM : -errno;
	}
	uint64_t left = size;
	for (uint32_t i = 0; i < pages->range_count && left > 0 && r == 0; i++) {
		uint64_t here = pages->ranges[i].size < left ? pages->ranges[i].size : left;

		r = add_runs(context, &pages->ranges[i], left, runs, &list.run_count);
		left -= here;
	}
	if (r < 0 || left > 0) {
		return r < 0 ? r : -EINVAL;
	}
	size_t bytes = list.run_count * sizeof(*runs);
	if (write(fd, &list, sizeof(list)) != sizeof(list) ||
	    write(fd, runs, bytes) != (ssize_t)bytes) {
		return -EIO;
	}
	return sl_steal_fd(&fd);
}

static int add_sources(struct context *context)
{
	sd_event *event = context->backend->event;
	int r = sd_event_add_io(event, &context->socket_source, context->socket, EPOLLIN, on_packet,
				context);

	if (r >= 0) {
		/* Edge-triggered and never read: the renderer has it too. */
		r = sd_event_add_io(event, &context->wake_source, context->wake, EPOLLIN | EPOLLET,
				    on_wake, context);
	}
	if (r >= 0) {
		r = sd_event_add_time_relative(event, &context->timer, CLOCK_MONOTONIC, 0, 0,
					       on_timeout, context);
	}
	if (r >= 0) {
		r = sd_event_source_set_enabled(context->timer, SD_EVENT_OFF);
	}
	return r < 0 ? r : 0;
}

static int open_connection(struct context *context)
{
	const struct sl_vgpu_sluice_options *options = &context->backend->options;

	context->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (context->wake < 0) {
		return -errno;
	}
	context->socket = options->connect(options->data);
	return context->socket < 0 ? context->socket : add_sources(context);
}

/* The size that a hello claims for what it shares; 0: nonsense. */
static uint64_t shared_size(const struct sl_packet_hello *hello, int i)
{
	switch (i) {
	case 0:
		return hello->ring_size <= SL_RING_MAX_SIZE ? hello->ring_size + 4096ull : 0;
	case 1:
		return hello->reply_size == SL_REPLY_AREA_SIZE ? hello->reply_size : 0;
	default:
		return hello->sync_size == SL_SYNC_PAGE_SIZE ? hello->sync_size : 0;
	}
}

/* The hello, with lists of the pages that it shares. Returns 0 or -errno. */
static int forward_hello(struct context *context, struct pages *const shared[SL_HELLO_FD_COUNT],
			 const uint8_t *packet, size_t size)
{
	int fds[SL_HELLO_FD_COUNT] = { -1, -1, -1 };
	struct sl_packet_hello hello;
	int r = open_connection(context);

	memcpy(&hello, packet, sizeof(hello));
	for (int i = 0; i < SL_HELLO_FD_COUNT && r == 0; i++) {
		uint64_t bytes = shared_size(&hello, i);

		fds[i] = bytes != 0 ? make_list(context, shared[i], bytes) : -EINVAL;
		r = fds[i] < 0 ? fds[i] : 0;
	}
	if (r == 0) {
		r = sl_fd_send(context->socket, packet, size, fds, SL_HELLO_FD_COUNT);
	}
	for (int i = 0; i < SL_HELLO_FD_COUNT; i++) {
		sl_fd_close(fds[i]);
	}
	return r;
}

static int submit_hello(struct context *context, const struct sl_virtio_submit *command,
			const uint8_t *packet)
{
	struct pages *shared[SL_HELLO_FD_COUNT];
	char why[SL_REFUSED_TEXT_SIZE];

	if (context->state != CONTEXT_NEW ||
	    command->packet_size < sizeof(struct sl_packet_hello)) {
		return -EINVAL;
	}
	for (int i = 0; i < SL_HELLO_FD_COUNT; i++) {
		shared[i] = find_pages(context, command->resource_ids[i]);
		if (shared[i] == NULL || shared[i]->is_detaching || shared[i]->is_shared) {
			return -EINVAL;
		}
		shared[i]->is_shared = true;
	}
	context->reply_area = shared[1];
	context->sync = shared[2];
	context->state = CONTEXT_GREETING;
	context->waits = true;
	int r = forward_hello(context, shared, packet, command->packet_size);
	if (r < 0) {
		snprintf(why, sizeof(why),
			 context->socket < 0
				 ? "sluice-vgpu cannot reach sluiced: %s (the host's log says more)"
				 : "sluice-vgpu cannot share the program's memory: %s",
			 strerror(-r));
		end_connection(context, why);
		context->waits = false;
	}
	return 0;
}

static int submit_packet(struct context *context, const struct sl_virtio_submit *command,
			 const uint8_t *bytes)
{
	struct sl_packet_region packet;
	struct pages *pages = NULL;
	SL_AUTO_CLOSE int list = -1;

	if (context->state != CONTEXT_OPEN || command->packet_size != sizeof(packet)) {
		return context->state == CONTEXT_CLOSED ? 0 : -EINVAL;
	}
	memcpy(&packet, bytes, sizeof(packet));
	if (packet.header.type == SL_PACKET_REGION) {
		pages = find_pages(context, command->resource_ids[0]);
		if (pages == NULL || pages->is_detaching || pages->is_shared ||
		    pages->region_id != 0 || packet.region_id == 0 ||
		    find_region(context, packet.region_id) != NULL || packet.size > pages->size) {
			return -EINVAL;
		}
		list = make_list(context, pages, packet.size);
		if (list < 0) {
			end_connection(context,
				       list == -E2BIG ? "memory of the guest is in too many pieces"
						      : "sluice-vgpu is short of memory");
			return 0;
		}
	} else if (packet.header.type != SL_PACKET_RELEASE) {
		return -EINVAL;
	}
	int r = sl_fd_send(context->socket, &packet, sizeof(packet), &list, list >= 0 ? 1 : 0);
	if (r < 0) {
		end_connection(context, "the renderer takes no more packets");
		return 0;
	}
	if (pages != NULL) {
		pages->region_id = packet.region_id;
	}
	return 0;
}

static void ring_doorbell(struct context *context)
{
	const uint64_t one = 1;

	/* It fails only if the counter is full, and then it has been rung. */
	if (context->doorbell >= 0) {
		(void)!write(context->doorbell, &one, sizeof(one));
	}
}

/* True if the guest's wake_seq is still what it was when it decided to wait. */
static bool must_wait(struct context *context, uint32_t seq)
{
	struct sl_sync_page *sync = first_page(context, context->sync);

	if (context->state == CONTEXT_GREETING) {
		return true;
	}
	/* Acquire: pairs with whoever counted the change; the eventfd tells of later ones. */
	return context->state == CONTEXT_OPEN && sync != NULL &&
	       atomic_load_explicit(&sync->wake_seq, memory_order_acquire) == seq;
}

static int submit(void *data, const uint8_t *bytes, size_t size)
{
	struct context *context = data;
	struct sl_virtio_submit command;

	if (size < sizeof(command)) {
		return -EINVAL;
	}
	memcpy(&command, bytes, sizeof(command));
	if (command.magic != SL_VIRTIO_MAGIC || command.reserved != 0 ||
	    command.packet_size != size - sizeof(command) ||
	    command.packet_size > SL_PACKET_MAX_SIZE) {
		return -EINVAL;
	}
	context->waits = false;
	switch (command.op) {
	case SL_VIRTIO_HELLO:
		return submit_hello(context, &command, bytes + sizeof(command));
	case SL_VIRTIO_PACKET:
		context->packet_count++;
		return submit_packet(context, &command, bytes + sizeof(command));
	case SL_VIRTIO_DOORBELL:
		context->doorbell_count++;
		ring_doorbell(context);
		return 0;
	case SL_VIRTIO_WAIT:
		context->wait_count++;
		context->waits = must_wait(context, command.value);
		return 0;
	default:
		return -EINVAL;
	}
}

static void fence(void *data, uint64_t fence_id)
{
	struct context *context = data;

	if (context->waits) {
		context->fence_id = fence_id;
	} else {
		sl_vgpu_context_signal(context->device_context, fence_id);
	}
}

static int create_context(void *data, uint32_t context_id, const char *name,
			  struct sl_vgpu_context *device_context, void **ret_context)
{
	struct sl_vgpu_sluice *backend = data;
	struct context *context = calloc(1, sizeof(*context));

	if (context == NULL) {
		return -ENOMEM;
	}
	context->backend = backend;
	context->device_context = device_context;
	context->id = context_id;
	strncpy(context->name, name, sizeof(context->name) - 1);
	context->socket = -1;
	context->doorbell = -1;
	context->wake = -1;
	LIST_INIT(&context->pages);
	LIST_INSERT_HEAD(&backend->contexts, context, link);
	*ret_context = context;
	return 0;
}

static int destroy_context(void *data)
{
	struct context *context = data;

	if (context->socket < 0) {
		destroy(context);
		return 0;
	}
	context->is_ending = true;
	hang_up(context, END_TIMEOUT_US);
	return -EINPROGRESS;
}

static int attach(void *data, const struct sl_vgpu_pages *attached)
{
	struct context *context = data;
	struct pages *pages = calloc(1, sizeof(*pages));

	if (pages == NULL) {
		return -ENOMEM;
	}
	pages->ranges = calloc(attached->range_count, sizeof(*pages->ranges));
	if (pages->ranges == NULL) {
		free(pages);
		return -ENOMEM;
	}
	memcpy(pages->ranges, attached->ranges, attached->range_count * sizeof(*pages->ranges));
	pages->resource_id = attached->resource_id;
	pages->size = attached->size;
	pages->range_count = attached->range_count;
	LIST_INSERT_HEAD(&context->pages, pages, link);
	return 0;
}

/* A region is let go of when the renderer has come to the message that says so. The rings
 * themselves go only with the context. */
static int detach(void *data, uint32_t resource_id)
{
	struct context *context = data;
	struct pages *pages = find_pages(context, resource_id);

	if (context->socket < 0 || (!pages->is_shared && pages->region_id == 0)) {
		free_pages(context, pages);
		return 0;
	}
	pages->is_detaching = true;
	int enabled = SD_EVENT_OFF;
	sd_event_source_get_enabled(context->timer, &enabled);
	if (pages->is_shared) {
		hang_up(context, END_TIMEOUT_US);
	} else if (enabled == SD_EVENT_OFF) {
		sd_event_source_set_time_relative(context->timer, RELEASE_TIMEOUT_US);
		sd_event_source_set_enabled(context->timer, SD_EVENT_ONESHOT);
	}
	return -EINPROGRESS;
}

static const void *get_capset(void *data, size_t *ret_size)
{
	struct sl_vgpu_sluice *backend = data;

	*ret_size = sizeof(backend->capset);
	return &backend->capset;
}

const struct sl_vgpu_backend_ops sl_vgpu_sluice_ops = {
	.capset_id = SL_VIRTIO_CAPSET_ID,
	.capset_version = SL_VIRTIO_CAPSET_VERSION,
	.magic = SL_VIRTIO_MAGIC,
	.get_capset = get_capset,
	.create_context = create_context,
	.destroy_context = destroy_context,
	.attach = attach,
	.detach = detach,
	.submit = submit,
	.fence = fence,
};

int sl_vgpu_sluice_create(const struct sl_vgpu_sluice_options *options,
			  struct sl_vgpu_sluice **ret_backend)
{
	struct sl_vgpu_sluice *backend = calloc(1, sizeof(*backend));

	if (backend == NULL) {
		return -ENOMEM;
	}
	backend->options = *options;
	backend->event = sd_event_ref(options->event);
	backend->ram = options->ram;
	backend->capset = (struct sl_virtio_capset){
		.version = SL_VIRTIO_CAPSET_VERSION,
		.wire_version = SL_WIRE_VERSION,
		.resource_flag = SL_VGPU_RESOURCE_FLAG_GUEST,
		.max_submit_size = SL_VGPU_MAX_SUBMIT_SIZE,
	};
	LIST_INIT(&backend->contexts);
	*ret_backend = backend;
	return 0;
}

void sl_vgpu_sluice_destroy(struct sl_vgpu_sluice *backend)
{
	struct context *context;

	if (backend == NULL) {
		return;
	}
	while ((context = LIST_FIRST(&backend->contexts)) != NULL) {
		destroy(context);
	}
	sd_event_unref(backend->event);
	free(backend);
}

uint32_t sl_vgpu_sluice_get_count(const struct sl_vgpu_sluice *backend)
{
	const struct context *context;
	uint32_t count = 0;

	LIST_FOREACH(context, &backend->contexts, link)
	{
		count++;
	}
	return count;
}
