/* SPDX-License-Identifier: MIT */
/* A guest that sends anything to OpenGL: packets as its device passes them on, through the server,
 * virglrenderer and llvmpipe. Fences, guest memory and screens are the target's own. */
#include "host/base/clock.h"
#include "host/base/fd.h"
#include "host/base/quota.h"
#include "host/base/stats.h"
#include "host/virgl/renderer.h"
#include "host/virgl/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/virgl_packets.h"

#include <epoxy/gl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_SIZE (16u << 20)
#define SCREEN_SIDE 64u
#define MAX_RUNS    64u
#define MAX_OBJECTS 256u
#define MAX_BYTES   (64u << 20) /* of the guest's resources */
/* What libFuzzer exits with after a timeout: a shader may loop for ever. */
#define TIMEOUT_STATUS 70
#define TIMEOUT_S      20u

struct world {
	struct sl_virgl_server *server;
	int vgpu; /* its end of the connection */
	struct {
		uint32_t type; /* of the packet that ends it */
		uint32_t id;
	} objects[MAX_OBJECTS]; /* of the input, in their order */
	size_t object_count;
};

static struct sl_virgl_renderer *open_renderer(void)
{
	static struct sl_virgl_renderer renderer;
	char why[256] = "";

	setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
	setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
	if (sl_virgl_renderer_init(&renderer, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s\n", why);
		exit(77);
	}
	return &renderer;
}

static struct sl_virgl_renderer *renderer;
static uint64_t timed; /* pieces whose time was asked for */

/* Run what was sent. Returns false once the server has ended the connection. */
static bool run_message(struct world *world)
{
	uint8_t answer[128];
	uint32_t draws;
	int r;

	do {
		r = sl_virgl_server_receive(world->server);
		while (r == 0 && sl_virgl_server_has_packet(world->server)) {
			bool is_work = sl_virgl_server_needs_gpu(world->server);

			r = sl_virgl_server_run(world->server, 4, &draws);
			if (r == 0 && is_work) {
				r = sl_virgl_renderer_mark(renderer, 0);
			}
		}
	} while (r == 0 && sl_virgl_server_has_more(world->server));
	while (recv(world->vgpu, answer, sizeof(answer), MSG_DONTWAIT) > 0) {
	}
	return r == 0;
}

static bool send_packet(struct world *world, const void *packet, size_t size, int fd)
{
	return sl_fd_send(world->vgpu, packet, size, &fd, fd >= 0 ? 1 : 0) == 0 &&
	       run_message(world);
}

static bool send_memory(struct world *world)
{
	const struct sl_virgl_memory memory = { .header.type = SL_VIRGL_MEMORY };
	const struct sl_virgl_screen screen = { .header.type = SL_VIRGL_SCREEN,
						.stride = SCREEN_SIDE * 4,
						.height = SCREEN_SIDE };
	SL_AUTO_CLOSE int ram = sl_fd_create_memory("fuzz-ram", MEMORY_SIZE);
	SL_AUTO_CLOSE int pixels = sl_fd_create_memory("fuzz-screen", SCREEN_SIDE * screen.stride);

	return send_packet(world, &memory, sizeof(memory), ram) &&
	       send_packet(world, &screen, sizeof(screen), pixels);
}

/* Wherever the guest says that its pages are, they are in its memory: the device sees to it. */
static bool send_backing(struct world *world, const uint8_t *packet, size_t payload)
{
	struct {
		struct sl_virgl_backing packet;
		struct sl_virgl_run runs[MAX_RUNS];
	} all;
	size_t count = payload / sizeof(struct sl_virgl_run);

	count = count < MAX_RUNS ? count : MAX_RUNS;
	memcpy(&all.packet, packet, sizeof(all.packet));
	memcpy(all.runs, packet + sizeof(all.packet), count * sizeof(all.runs[0]));
	for (size_t i = 0; i < count; i++) {
		struct sl_virgl_run *run = &all.runs[i];

		run->memory = 0;
		run->offset %= MEMORY_SIZE;
		if (run->size > MEMORY_SIZE - run->offset) {
			run->size = (uint32_t)(MEMORY_SIZE - run->offset);
		}
		run->size = run->size > 0 ? run->size : 1;
	}
	all.packet.run_count = (uint32_t)count;
	all.packet.header.payload = (uint32_t)(count * sizeof(all.runs[0]));
	return send_packet(world, &all, sizeof(all.packet) + all.packet.header.payload, -1);
}

static bool send_long(struct world *world, const uint8_t *packet, size_t fixed, size_t payload)
{
	SL_AUTO_CLOSE int fd = memfd_create("fuzz-payload", MFD_CLOEXEC);

	return fd >= 0 && sl_fd_write_all(fd, packet + fixed, payload) == 0 &&
	       send_packet(world, packet, fixed, fd);
}

/* Whatever is left at the end goes. */
static bool remember(struct world *world, const uint8_t *packet)
{
	struct sl_virgl_resource object; /* contexts have their id at the same place */

	memcpy(&object, packet, sizeof(object));
	if (object.header.type != SL_VIRGL_CREATE && object.header.type != SL_VIRGL_CONTEXT) {
		return true;
	}
	if (world->object_count == MAX_OBJECTS) {
		return false;
	}
	world->objects[world->object_count].type =
		object.header.type == SL_VIRGL_CREATE ? SL_VIRGL_DESTROY : SL_VIRGL_CONTEXT_END;
	world->objects[world->object_count++].id = object.resource_id;
	return true;
}

static bool handle(struct world *world, const uint8_t *packet, size_t size)
{
	struct sl_virgl_header header;

	memcpy(&header, packet, sizeof(header));
	size_t fixed = fuzz_virgl_size(header.type);
	if (fixed == 0 || size != fixed + header.payload || !remember(world, packet)) {
		return false;
	}
	if (header.type == SL_VIRGL_BACKING) {
		return send_backing(world, packet, header.payload);
	}
	if (header.payload > SL_VIRGL_MAX_INLINE) {
		return send_long(world, packet, fixed, header.payload);
	}
	return send_packet(world, packet, size, -1);
}

/* Contexts first, newest first: as a kernel does for a program that has ended. */
static void end_all(struct world *world)
{
	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = world->object_count; i-- > 0;) {
			struct sl_virgl_context packet = { .header.type = world->objects[i].type,
							   .context_id = world->objects[i].id };
			bool is_context = packet.header.type == SL_VIRGL_CONTEXT_END;

			/* Those that the input ended itself are unknown. */
			if (is_context == (pass == 0)) {
				send_packet(world, &packet, fuzz_virgl_size(packet.header.type),
					    -1);
			}
		}
	}
	glFinish();
	sl_virgl_renderer_poll();
	for (uint64_t now_ns = sl_clock_now_ns(); timed < renderer->completed;) {
		sl_virgl_timer_take(&renderer->timer, ++timed, now_ns);
	}
}

static void play(struct world *world, const uint8_t *data, size_t size)
{
	bool goes_on = send_memory(world);

	for (size_t at = 0; goes_on && size - at >= sizeof(struct sl_virgl_header);) {
		size_t end = fuzz_virgl_end(data, size, at);

		goes_on = handle(world, data + at, end - at);
		at = end;
	}
	end_all(world);
}

static void on_alarm(int number)
{
	_exit(TIMEOUT_STATUS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_quota quota;
	static struct sl_stats stats;
	struct sl_virgl_server_options options = { .ops = &sl_virgl_renderer_ops,
						   .quota = &quota,
						   .stats = &stats };
	struct world world = { 0 };
	int fds[2];

	if (renderer == NULL) {
		renderer = open_renderer();
		signal(SIGALRM, on_alarm);
	}
	memset(&quota, 0, sizeof(quota));
	atomic_store(&quota.limit, MAX_BYTES);
	atomic_store(&quota.slot_end, 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		abort();
	}
	options.data = renderer;
	options.socket = fds[1];
	world.vgpu = fds[0];
	if (sl_virgl_server_create(&options, &world.server) < 0) {
		abort();
	}
	alarm(TIMEOUT_S);
	play(&world, data, size);
	alarm(0);
	sl_virgl_server_destroy(world.server);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
