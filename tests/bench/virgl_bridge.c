/* SPDX-License-Identifier: MIT */
/* To be preloaded into a program with Mesa's virpipe driver: what that would say to virglrenderer's
 * vtest server is turned into packets for the sluice-virgl of a daemon, whose vgpu is played here.
 * So the same program runs natively over either, with one process at the other end, and what
 * Sluice's side of OpenGL costs can be told from what a guest's CPU does.
 *
 * SLUICE_BRIDGE: path of the daemon's socket for OpenGL.
 * The program is trusted, as it is by vtest, and uses each connection from one thread at a time. */
#include "host/base/fd.h"
#include "host/virgl/virgl_msg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* vtest's commands: two words, how many words follow and which it is. */
enum vtest {
	VTEST_GET_CAPS = 1,
	VTEST_RESOURCE_UNREF = 3,
	VTEST_SUBMIT = 6,
	VTEST_BUSY_WAIT = 7,
	VTEST_CREATE_RENDERER = 8,
	VTEST_GET_CAPS2 = 9,
	VTEST_PING_VERSION = 10,
	VTEST_VERSION = 11,
	VTEST_RESOURCE_CREATE2 = 12,
	VTEST_TRANSFER_GET2 = 13,
	VTEST_TRANSFER_PUT2 = 14,
};

#define VTEST_PROTOCOL 2u
/* Mesa's path of it. */
#define VTEST_SOCKET "/tmp/.virgl_test"
#define EXPORT	     __attribute__((visibility("default")))
/* A resource of this size is a fence of Mesa's, made for each frame: it is neither read nor
 * written, so all of them have the same memory. */
#define FENCE_SIZE 8u
/* So many resources that have gone are told of together: each is answered. */
#define MAX_GONE   32u
#define CONTEXT_ID 1u

/* Memory that the program sees as a resource's, and sluice-virgl as the guest's. It is used again
 * when its resource has gone. */
struct memory {
	LIST_ENTRY(memory) link;
	uint32_t number; /* as sluice-virgl knows it */
	uint32_t size;
	int fd;
};

struct resource {
	LIST_ENTRY(resource) link;
	uint32_t id;
	struct memory *memory; /* NULL: it has none */
};

struct bridge {
	LIST_ENTRY(bridge) link;
	int program; /* the descriptor that the program has */
	int host;
	int shared_fd; /* that the program receives next; -1: none */
	struct sl_virgl_welcome welcome;
	uint8_t capsets[2][SL_VIRGL_MAX_CAPSET];
	struct memory *fences; /* NULL: there was none yet */
	LIST_HEAD(, memory) unused;
	LIST_HEAD(, resource) resources;
	uint32_t memory_count;
	uint32_t gone[MAX_GONE]; /* ids of resources */
	uint32_t gone_count;
	uint64_t fence;	   /* the last one's number */
	uint64_t reached;  /* the last one that was */
	size_t input_size; /* of what the program has sent and no command was made of */
	size_t input_room;
	uint8_t *input;
	const uint8_t *arguments; /* of the command that runs */
	size_t output_at;	  /* from here to output_size is what the program has yet to read */
	size_t output_size;
	size_t message_size; /* gathered for sluice-virgl */
	uint8_t output[4 * SL_VIRGL_MAX_CAPSET];
	uint8_t message[SL_VIRGL_MAX_PACKET];
};

static LIST_HEAD(, bridge) bridges;

static void fail(const char *what)
{
	fprintf(stderr, "virgl_bridge: %s\n", what);
	_exit(EXIT_FAILURE);
}

/* Take the next arguments of the command. */
static void take(struct bridge *bridge, void *data, size_t size)
{
	memcpy(data, bridge->arguments, size);
	bridge->arguments += size;
}

static void answer_program(struct bridge *bridge, uint32_t length, uint32_t command,
			   const void *data, size_t size)
{
	const uint32_t header[2] = { length, command };

	if (sizeof(header) + size > sizeof(bridge->output) - bridge->output_size) {
		fail("the program does not read");
	}
	memcpy(bridge->output + bridge->output_size, header, sizeof(header));
	memcpy(bridge->output + bridge->output_size + sizeof(header), data, size);
	bridge->output_size += sizeof(header) + size;
}

/* Take what sluice-virgl says next. */
static void receive_host(struct bridge *bridge)
{
	struct sl_virgl_fence packet;
	ssize_t size = sl_fd_receive(bridge->host, &packet, sizeof(packet), NULL, 0, NULL);

	if (size < (ssize_t)sizeof(packet.header)) {
		fail("sluice-virgl has gone");
	}
	if (packet.header.type == SL_VIRGL_REACHED) {
		bridge->reached = packet.number;
	}
}

/* Returns whether sluice-virgl has said something, which was taken. */
static bool poll_host(struct bridge *bridge, short events, int timeout_ms)
{
	struct pollfd fd = { .fd = bridge->host, .events = events };
	bool is_there = poll(&fd, 1, timeout_ms) > 0 && (fd.revents & POLLIN) != 0;

	if (is_there) {
		receive_host(bridge);
	}
	return is_there;
}

/* Never waits without listening: sluice-virgl may be waiting until it is heard. */
static void send_message(struct bridge *bridge, const void *message, size_t size, int fd)
{
	ssize_t n;

	while ((n = sl_fd_send_some(bridge->host, message, size, &fd, fd >= 0 ? 1 : 0)) ==
	       -EAGAIN) {
		poll_host(bridge, POLLIN | POLLOUT, -1);
	}
	if (n != (ssize_t)size) {
		fail("sluice-virgl has gone");
	}
}

static void flush_host(struct bridge *bridge)
{
	if (bridge->message_size > 0) {
		send_message(bridge, bridge->message, bridge->message_size, -1);
		bridge->message_size = 0;
	}
}

/* Room for a packet in the message that is sent next. */
static uint8_t *add_room(struct bridge *bridge, size_t size)
{
	if (size > sizeof(bridge->message) - bridge->message_size) {
		flush_host(bridge);
	}
	bridge->message_size += size;
	return bridge->message + bridge->message_size - size;
}

/* About an object: goes with the next work. Mesa makes a resource to wait for with each frame here,
 * where in a guest its kernel has fences. */
static void add_packet(struct bridge *bridge, const void *packet, size_t size)
{
	memcpy(add_room(bridge, size), packet, size);
}

static void send_with_fd(struct bridge *bridge, const void *packet, size_t size, int fd)
{
	flush_host(bridge);
	send_message(bridge, packet, size, fd);
}

/* Work, which is in the message by now, begins at once. Each piece has a fence, as a guest's kernel
 * makes them. */
static void send_work(struct bridge *bridge)
{
	struct sl_virgl_fence fence = { .header.type = SL_VIRGL_FENCE, .number = ++bridge->fence };

	add_packet(bridge, &fence, sizeof(fence));
	flush_host(bridge);
}

static void connect_host(struct bridge *bridge)
{
	const char *path = getenv("SLUICE_BRIDGE");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct sl_virgl_context context = { .header.type = SL_VIRGL_CONTEXT,
					    .context_id = CONTEXT_ID,
					    .name = "bench" };

	strncpy(addr.sun_path, path != NULL ? path : "", sizeof(addr.sun_path) - 1);
	bridge->host = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bridge->host < 0 || connect(bridge->host, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		fail("no daemon");
	}
	ssize_t size = sl_fd_receive(bridge->host, bridge->message, sizeof(bridge->message), NULL,
				     0, NULL);
	size_t at = sizeof(bridge->welcome);
	if (size < (ssize_t)at) {
		fail("no sluice-virgl");
	}
	memcpy(&bridge->welcome, bridge->message, at);
	for (int i = 0; i < 2; i++) {
		memcpy(bridge->capsets[i], bridge->message + at, bridge->welcome.sizes[i]);
		at += bridge->welcome.sizes[i];
	}
	add_packet(bridge, &context, sizeof(context));
}

static void run_submit(struct bridge *bridge, uint32_t words)
{
	struct sl_virgl_submit packet = { .header = { SL_VIRGL_SUBMIT, words * 4 },
					  .context_id = CONTEXT_ID };

	if (words * 4 <= SL_VIRGL_MAX_INLINE) {
		uint8_t *room = add_room(bridge, sizeof(packet) + words * 4);

		memcpy(room, &packet, sizeof(packet));
		take(bridge, room + sizeof(packet), words * 4);
		send_work(bridge);
		return;
	}
	SL_AUTO_CLOSE int fd = memfd_create("submit", MFD_CLOEXEC);
	if (words * 4 > SL_VIRGL_MAX_SUBMIT) {
		fail("a submission is too long");
	}
	if (fd < 0 || sl_fd_write_all(fd, bridge->arguments, (size_t)words * 4) < 0) {
		fail("no memory");
	}
	send_with_fd(bridge, &packet, sizeof(packet), fd);
	send_work(bridge);
}

static struct memory *take_memory(struct bridge *bridge, uint32_t size)
{
	const struct sl_virgl_memory packet = { .header.type = SL_VIRGL_MEMORY };
	struct memory *memory;
	uint32_t rounded = 4096;

	while (rounded < size) {
		rounded *= 2;
	}
	LIST_FOREACH(memory, &bridge->unused, link)
	{
		if (memory->size == rounded) {
			LIST_REMOVE(memory, link);
			return memory;
		}
	}
	memory = calloc(1, sizeof(*memory));
	if (memory == NULL || bridge->memory_count == SL_VIRGL_MAX_MEMORIES) {
		fail("the program has too many resources");
	}
	memory->number = bridge->memory_count++;
	memory->size = rounded;
	memory->fd = sl_fd_create_memory("bench", rounded);
	if (memory->fd < 0) {
		fail("no memory");
	}
	send_with_fd(bridge, &packet, sizeof(packet), memory->fd);
	return memory;
}

static void attach_memory(struct bridge *bridge, struct resource *resource, uint32_t size)
{
	struct {
		struct sl_virgl_backing packet;
		struct sl_virgl_run run;
	} all = { .packet = { .header = { SL_VIRGL_BACKING, sizeof(struct sl_virgl_run) },
			      .resource_id = resource->id,
			      .run_count = 1 } };

	if (size == FENCE_SIZE && bridge->fences == NULL) {
		bridge->fences = take_memory(bridge, size);
	}
	resource->memory = size == FENCE_SIZE ? bridge->fences : take_memory(bridge, size);
	all.run.size = size;
	all.run.memory = resource->memory->number;
	add_packet(bridge, &all, sizeof(all));
	bridge->shared_fd = resource->memory->fd;
}

static void run_create(struct bridge *bridge)
{
	uint32_t words[11];
	struct sl_virgl_create create = { .header.type = SL_VIRGL_CREATE };
	struct sl_virgl_attach attach = { .header.type = SL_VIRGL_ATTACH,
					  .context_id = CONTEXT_ID };
	struct resource *resource = calloc(1, sizeof(*resource));

	take(bridge, words, sizeof(words));
	if (resource == NULL) {
		fail("no memory");
	}
	/* Id, target, format, bind, sizes, levels, samples: in this order on either side. */
	memcpy(&create.resource_id, words, 10 * sizeof(uint32_t));
	attach.resource_id = resource->id = create.resource_id;
	LIST_INSERT_HEAD(&bridge->resources, resource, link);
	add_packet(bridge, &create, sizeof(create));
	add_packet(bridge, &attach, sizeof(attach));
	if (words[10] > 0) {
		attach_memory(bridge, resource, words[10]);
	}
}

static void tell_gone(struct bridge *bridge)
{
	struct sl_virgl_resource packet = { .header.type = SL_VIRGL_DESTROY };

	for (uint32_t i = 0; i < bridge->gone_count; i++) {
		packet.resource_id = bridge->gone[i];
		add_packet(bridge, &packet, sizeof(packet));
	}
	bridge->gone_count = 0;
}

static void run_unref(struct bridge *bridge)
{
	struct resource *resource;
	uint32_t id;

	take(bridge, &id, sizeof(id));
	bridge->gone[bridge->gone_count++] = id;
	if (bridge->gone_count == MAX_GONE) {
		tell_gone(bridge);
	}
	LIST_FOREACH(resource, &bridge->resources, link)
	{
		if (resource->id == id) {
			break;
		}
	}
	if (resource != NULL) {
		LIST_REMOVE(resource, link);
		if (resource->memory != NULL && resource->memory != bridge->fences) {
			LIST_INSERT_HEAD(&bridge->unused, resource->memory, link);
		}
		free(resource);
	}
}

static void run_transfer(struct bridge *bridge, bool to_host)
{
	uint32_t words[10];
	struct sl_virgl_transfer packet = { .header.type = SL_VIRGL_TRANSFER,
					    .context_id = CONTEXT_ID,
					    .to_host = to_host ? 1 : 0 };

	take(bridge, words, sizeof(words));
	packet.resource_id = words[0];
	packet.level = words[1];
	memcpy(&packet.x, words + 2, 6 * sizeof(uint32_t));
	packet.offset = words[9];
	add_packet(bridge, &packet, sizeof(packet));
	send_work(bridge);
}

static void run_busy_wait(struct bridge *bridge)
{
	uint32_t words[2];

	take(bridge, words, sizeof(words));
	while (bridge->reached < bridge->fence && (words[1] & 1) != 0) {
		receive_host(bridge);
	}
	while (bridge->reached < bridge->fence && poll_host(bridge, POLLIN, 0)) {
	}
	uint32_t is_busy = bridge->reached < bridge->fence;
	answer_program(bridge, 1, VTEST_BUSY_WAIT, &is_busy, sizeof(is_busy));
}

/* header: how many words follow, and the command. */
static void run_command(struct bridge *bridge, const uint32_t *header)
{
	const uint32_t *sizes = bridge->welcome.sizes;
	uint32_t version = VTEST_PROTOCOL;

	switch (header[1]) {
	case VTEST_GET_CAPS:
		answer_program(bridge, sizes[0] + 1, 1, bridge->capsets[0], sizes[0]);
		break;
	case VTEST_GET_CAPS2:
		answer_program(bridge, sizes[1] + 1, 2, bridge->capsets[1], sizes[1]);
		break;
	case VTEST_RESOURCE_UNREF:
		run_unref(bridge);
		break;
	case VTEST_SUBMIT:
		run_submit(bridge, header[0]);
		break;
	case VTEST_BUSY_WAIT:
		run_busy_wait(bridge);
		break;
	case VTEST_CREATE_RENDERER:
		break;
	case VTEST_PING_VERSION:
		answer_program(bridge, 0, VTEST_PING_VERSION, NULL, 0);
		break;
	case VTEST_VERSION:
		answer_program(bridge, 1, VTEST_VERSION, &version, sizeof(version));
		break;
	case VTEST_RESOURCE_CREATE2:
		run_create(bridge);
		break;
	case VTEST_TRANSFER_GET2:
	case VTEST_TRANSFER_PUT2:
		run_transfer(bridge, header[1] == VTEST_TRANSFER_PUT2);
		break;
	default:
		fail("an unknown command");
	}
}

/* Run what is complete of the program's commands. */
static void run_commands(struct bridge *bridge)
{
	size_t at = 0;
	uint32_t header[2];

	while (bridge->input_size - at >= sizeof(header)) {
		memcpy(header, bridge->input + at, sizeof(header));
		/* A name's length is in bytes. */
		size_t size = sizeof(header) +
			      (size_t)header[0] * (header[1] == VTEST_CREATE_RENDERER ? 1 : 4);

		if (size > bridge->input_size - at) {
			break;
		}
		bridge->arguments = bridge->input + at + sizeof(header);
		run_command(bridge, header);
		at += size;
	}
	bridge->input_size -= at;
	memmove(bridge->input, bridge->input + at, bridge->input_size);
}

static struct bridge *find_bridge(int fd)
{
	struct bridge *bridge;

	LIST_FOREACH(bridge, &bridges, link)
	{
		if (bridge->program == fd) {
			break;
		}
	}
	return bridge;
}

/* The functions of the C library that Mesa speaks to the server with. */
EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t length)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)addr;

	if (addr->sa_family != AF_UNIX || strcmp(un->sun_path, VTEST_SOCKET) != 0) {
		return (int)syscall(SYS_connect, fd, addr, length);
	}
	struct bridge *bridge = calloc(1, sizeof(*bridge));
	if (bridge == NULL) {
		fail("no memory");
	}
	bridge->program = fd;
	bridge->shared_fd = -1;
	connect_host(bridge);
	LIST_INSERT_HEAD(&bridges, bridge, link);
	return 0;
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
	struct bridge *bridge = find_bridge(fd);

	if (bridge == NULL) {
		return syscall(SYS_write, fd, data, size);
	}
	if (size > bridge->input_room - bridge->input_size) {
		bridge->input_room = 2 * (bridge->input_size + size);
		bridge->input = realloc(bridge->input, bridge->input_room);
		if (bridge->input == NULL) {
			fail("no memory");
		}
	}
	memcpy(bridge->input + bridge->input_size, data, size);
	bridge->input_size += size;
	run_commands(bridge);
	return (ssize_t)size;
}

EXPORT ssize_t read(int fd, void *data, size_t size)
{
	struct bridge *bridge = find_bridge(fd);

	if (bridge == NULL) {
		return syscall(SYS_read, fd, data, size);
	}
	size_t left = bridge->output_size - bridge->output_at;

	size = size < left ? size : left;
	memcpy(data, bridge->output + bridge->output_at, size);
	bridge->output_at += size;
	if (bridge->output_at == bridge->output_size) {
		bridge->output_at = bridge->output_size = 0;
	}
	return (ssize_t)size;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct bridge *bridge = find_bridge(fd);

	if (bridge == NULL) {
		return syscall(SYS_recvmsg, fd, msg, flags);
	}
	int copy = fcntl(bridge->shared_fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0 || msg->msg_controllen < CMSG_SPACE(sizeof(copy))) {
		fail("a resource's memory cannot be handed over");
	}
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	bridge->shared_fd = -1;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(copy));
	memcpy(CMSG_DATA(cmsg), &copy, sizeof(copy));
	msg->msg_controllen = CMSG_SPACE(sizeof(copy));
	*(uint8_t *)msg->msg_iov[0].iov_base = 0;
	return 1;
}

/* sluice-virgl ends with its connection; what else there is ends with the program. */
EXPORT int close(int fd)
{
	struct bridge *bridge = find_bridge(fd);

	if (bridge != NULL) {
		LIST_REMOVE(bridge, link);
		syscall(SYS_close, bridge->host);
	}
	return (int)syscall(SYS_close, fd);
}
