/* SPDX-License-Identifier: MIT */
/* Stands between a program with Mesa's virpipe driver, which speaks the protocol of virglrenderer's
 * vtest server, and a sluice-virgl, whose vgpu it plays: so the same program runs natively over
 * either, and what Sluice's side of OpenGL costs can be told from what a guest's CPU does.
 *
 * Programs are trusted here, as vtest's are. */
#include "host/base/fd.h"
#include "host/virgl/virgl_msg.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
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
#define CONTEXT_ID     1u

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
	int program;
	int host;
	struct sl_virgl_welcome welcome;
	uint8_t capsets[2][SL_VIRGL_MAX_CAPSET];
	LIST_HEAD(, memory) unused;
	LIST_HEAD(, resource) resources;
	uint32_t memory_count;
	uint64_t fence;	  /* the last one's number */
	uint64_t reached; /* the last one that was */
	uint8_t message[SL_VIRGL_MAX_PACKET];
};

static void fail(const char *what)
{
	fprintf(stderr, "virgl_bridge: %s\n", what);
	_exit(EXIT_FAILURE);
}

static void read_program(struct bridge *bridge, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(bridge->program, (uint8_t *)data + done, size - done);

		if (n <= 0) {
			_exit(EXIT_SUCCESS); /* the program has ended */
		}
		done += (size_t)n;
	}
}

static void answer_program(struct bridge *bridge, uint32_t length, uint32_t command,
			   const void *data, size_t size)
{
	uint8_t answer[8 + SL_VIRGL_MAX_CAPSET];

	memcpy(answer, &length, 4);
	memcpy(answer + 4, &command, 4);
	memcpy(answer + 8, data, size);
	if (sl_fd_write_all(bridge->program, answer, 8 + size) < 0) {
		_exit(EXIT_SUCCESS);
	}
}

static void send_host(struct bridge *bridge, const void *packet, size_t size, int fd)
{
	if (sl_fd_send(bridge->host, packet, size, &fd, fd >= 0 ? 1 : 0) < 0) {
		fail("sluice-virgl has gone");
	}
}

static void connect_host(struct bridge *bridge, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct sl_virgl_context context = { .header.type = SL_VIRGL_CONTEXT,
					    .context_id = CONTEXT_ID,
					    .name = "bench" };

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
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
	send_host(bridge, &context, sizeof(context), -1);
}

static void receive_host(struct bridge *bridge)
{
	struct sl_virgl_fence packet;
	ssize_t size = sl_fd_receive(bridge->host, bridge->message, sizeof(bridge->message), NULL,
				     0, NULL);

	if (size < (ssize_t)sizeof(packet)) {
		fail("sluice-virgl has gone");
	}
	memcpy(&packet, bridge->message, sizeof(packet));
	if (packet.header.type == SL_VIRGL_REACHED) {
		bridge->reached = packet.number;
	}
}

/* Each command of a guest's is a message, with a fence, as its kernel makes them. */
static void send_with_fence(struct bridge *bridge, size_t size)
{
	struct sl_virgl_fence fence = { .header.type = SL_VIRGL_FENCE, .number = ++bridge->fence };

	memcpy(bridge->message + size, &fence, sizeof(fence));
	send_host(bridge, bridge->message, size + sizeof(fence), -1);
}

static void run_submit(struct bridge *bridge, uint32_t words)
{
	struct sl_virgl_submit packet = { .header = { SL_VIRGL_SUBMIT, words * 4 },
					  .context_id = CONTEXT_ID };

	if (words * 4 <= SL_VIRGL_MAX_INLINE) {
		memcpy(bridge->message, &packet, sizeof(packet));
		read_program(bridge, bridge->message + sizeof(packet), words * 4);
		send_with_fence(bridge, sizeof(packet) + words * 4);
		return;
	}
	SL_AUTO_CLOSE int fd = memfd_create("submit", MFD_CLOEXEC);
	SL_AUTO_FREE uint32_t *data = malloc((size_t)words * 4);
	if (fd < 0 || data == NULL || words * 4 > SL_VIRGL_MAX_SUBMIT) {
		fail("a submission is too long");
	}
	read_program(bridge, data, (size_t)words * 4);
	if (sl_fd_write_all(fd, data, (size_t)words * 4) < 0) {
		fail("no memory");
	}
	send_host(bridge, &packet, sizeof(packet), fd);
	send_with_fence(bridge, 0);
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
	send_host(bridge, &packet, sizeof(packet), memory->fd);
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
	uint8_t zero = 0;

	resource->memory = take_memory(bridge, size);
	all.run.size = size;
	all.run.memory = resource->memory->number;
	send_host(bridge, &all, sizeof(all), -1);
	if (sl_fd_send(bridge->program, &zero, 1, &resource->memory->fd, 1) < 0) {
		_exit(EXIT_SUCCESS);
	}
}

static void run_create(struct bridge *bridge)
{
	uint32_t words[11];
	struct sl_virgl_create create = { .header.type = SL_VIRGL_CREATE };
	struct sl_virgl_attach attach = { .header.type = SL_VIRGL_ATTACH,
					  .context_id = CONTEXT_ID };
	struct resource *resource = calloc(1, sizeof(*resource));

	read_program(bridge, words, sizeof(words));
	if (resource == NULL) {
		fail("no memory");
	}
	/* Id, target, format, bind, sizes, levels, samples: in this order on either side. */
	memcpy(&create.resource_id, words, 10 * sizeof(uint32_t));
	attach.resource_id = resource->id = create.resource_id;
	LIST_INSERT_HEAD(&bridge->resources, resource, link);
	send_host(bridge, &create, sizeof(create), -1);
	send_host(bridge, &attach, sizeof(attach), -1);
	if (words[10] > 0) {
		attach_memory(bridge, resource, words[10]);
	}
}

static void run_unref(struct bridge *bridge)
{
	struct sl_virgl_resource packet = { .header.type = SL_VIRGL_DESTROY };
	struct resource *resource;

	read_program(bridge, &packet.resource_id, sizeof(packet.resource_id));
	send_host(bridge, &packet, sizeof(packet), -1);
	LIST_FOREACH(resource, &bridge->resources, link)
	{
		if (resource->id == packet.resource_id) {
			break;
		}
	}
	if (resource != NULL) {
		LIST_REMOVE(resource, link);
		if (resource->memory != NULL) {
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

	read_program(bridge, words, sizeof(words));
	packet.resource_id = words[0];
	packet.level = words[1];
	memcpy(&packet.x, words + 2, 6 * sizeof(uint32_t));
	packet.offset = words[9];
	memcpy(bridge->message, &packet, sizeof(packet));
	send_with_fence(bridge, sizeof(packet));
}

static bool is_readable(const struct bridge *bridge)
{
	struct pollfd fd = { .fd = bridge->host, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static void run_busy_wait(struct bridge *bridge)
{
	uint32_t words[2];

	read_program(bridge, words, sizeof(words));
	while (bridge->reached < bridge->fence && ((words[1] & 1) != 0 || is_readable(bridge))) {
		receive_host(bridge);
	}
	uint32_t is_busy = bridge->reached < bridge->fence;
	answer_program(bridge, 1, VTEST_BUSY_WAIT, &is_busy, sizeof(is_busy));
}

static void skip_name(struct bridge *bridge, uint32_t size)
{
	char name[64];

	for (uint32_t part; size > 0; size -= part) {
		part = size < sizeof(name) ? size : (uint32_t)sizeof(name);
		read_program(bridge, name, part);
	}
}

static void run_command(struct bridge *bridge)
{
	const uint32_t *sizes = bridge->welcome.sizes;
	uint32_t version;
	uint32_t header[2];

	read_program(bridge, header, sizeof(header));
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
		skip_name(bridge, header[0]);
		break;
	case VTEST_PING_VERSION:
		answer_program(bridge, 0, VTEST_PING_VERSION, NULL, 0);
		break;
	case VTEST_VERSION:
		read_program(bridge, &version, sizeof(version));
		version = VTEST_PROTOCOL;
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

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct bridge bridge = { 0 };

	if (argc != 3) {
		fprintf(stderr, "Usage: virgl_bridge LISTEN-SOCKET DAEMON-GL-SOCKET\n");
		return 2;
	}
	strncpy(addr.sun_path, argv[1], sizeof(addr.sun_path) - 1);
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(listener, 8) < 0) {
		fail("cannot listen");
	}
	signal(SIGCHLD, SIG_IGN);
	while ((bridge.program = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (fork() == 0) {
			connect_host(&bridge, argv[2]);
			for (;;) {
				run_command(&bridge);
			}
		}
		close(bridge.program);
	}
	return EXIT_FAILURE;
}
