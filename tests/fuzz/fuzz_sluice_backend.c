/* SPDX-License-Identifier: MIT */
/* Programs in a guest and renderers on the host that say anything to the vgpu's back end. The input
 * is a sequence of steps of eight bytes: what happens, and with which arguments. */
#include "host/vgpu/sluice_backend.h"
#include "protocol/handshake.h"
#include "protocol/limits.h"
#include "protocol/sync_page.h"
#include "protocol/virtio.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_guest.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/base/fd.h"

#define MAX_STEPS	96
#define MAX_CONNECTIONS 4
#define RING_SIZE	SL_RING_MIN_SIZE

struct world {
	struct fake_guest guest;
	sd_event *event;
	struct sl_vgpu_sluice *backend;
	int renderers[MAX_CONNECTIONS]; /* their ends; -1: none */
	uint64_t fence_id;
};

static void run(struct world *world)
{
	for (int i = 0; i < 16 && sd_event_run(world->event, 0) > 0; i++) {
	}
}

static int connect_renderer(void *data)
{
	struct world *world = data;
	int fds[2];

	for (int i = 0; i < MAX_CONNECTIONS; i++) {
		if (world->renderers[i] < 0) {
			if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				       fds) < 0) {
				abort();
			}
			world->renderers[i] = fds[0];
			return fds[1];
		}
	}
	return -ECONNREFUSED;
}

static void send_simple(struct world *world, uint32_t type, uint32_t context_id,
			uint32_t resource_id)
{
	struct virtio_gpu_ctx_resource cmd = { .hdr = { .type = type, .ctx_id = context_id },
					       .resource_id = resource_id };

	fake_guest_send(&world->guest, &cmd);
}

static void create_context(struct world *world, uint32_t id)
{
	struct virtio_gpu_ctx_create cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = id },
		.nlen = 1,
		.debug_name = "f",
	};

	fake_guest_send(&world->guest, &cmd);
}

/* A resource of pages in two runs, large enough for what a hello shares or only one page. */
static void create_resource(struct world *world, uint32_t id, uint8_t kind)
{
	static const uint32_t sizes[] = { 4096, RING_SIZE + 4096, SL_REPLY_AREA_SIZE,
					  SL_SYNC_PAGE_SIZE };
	uint32_t size = sizes[kind % 4];
	struct virtio_gpu_resource_create_3d create = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		.resource_id = id,
		.format = 64,
		.width = size,
		.height = 1,
		.depth = 1,
		.array_size = 1,
		.flags = SL_VIRTIO_RESOURCE_FLAG,
	};
	struct virtio_gpu_resource_attach_backing back = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = id,
		.nr_entries = 2,
	};
	struct virtio_gpu_mem_entry entries[2] = {
		{ .addr = FAKE_DATA_ADDR + (kind & 0x80 ? 64 : 0), .length = 4096 },
		{ .addr = FAKE_DATA_ADDR + 8192, .length = size },
	};

	fake_guest_send(&world->guest, &create);
	fake_guest_send_on(&world->guest, SL_VGPU_QUEUE_CONTROL, &back, sizeof(back), entries,
			   sizeof(entries));
}

static void submit(struct world *world, uint32_t context_id, const uint8_t step[8],
		   const void *packet, uint32_t packet_size)
{
	struct {
		struct virtio_gpu_cmd_submit cmd;
		struct sl_virtio_submit command;
	} message = {
		.cmd = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
				  .flags = step[7] & VIRTIO_GPU_FLAG_FENCE,
				  .fence_id = ++world->fence_id,
				  .ctx_id = context_id },
			 .size = (uint32_t)sizeof(struct sl_virtio_submit) + packet_size },
		.command = { .magic = SL_VIRTIO_MAGIC,
			     .op = step[2],
			     .resource_ids = { step[3] & 7u, step[4] & 7u, step[5] & 7u },
			     .value = step[6],
			     .packet_size = packet_size },
	};

	fake_guest_send_on(&world->guest, SL_VGPU_QUEUE_CONTROL, &message, sizeof(message), packet,
			   packet_size);
}

static void submit_packet(struct world *world, uint32_t context_id, const uint8_t step[8])
{
	struct sl_packet_hello hello = { .ring_size = RING_SIZE,
					 .reply_size = SL_REPLY_AREA_SIZE,
					 .sync_size = SL_SYNC_PAGE_SIZE };
	struct sl_packet_region region = { .region_id = step[6] % 8, .size = 4096 };

	if (step[2] == SL_VIRTIO_HELLO) {
		sl_handshake_init_header(&hello.header, SL_PACKET_HELLO, sizeof(hello));
		hello.ring_size = (step[6] & 0x80) != 0 ? UINT32_MAX : RING_SIZE;
		submit(world, context_id, step, &hello, sizeof(hello));
	} else if (step[2] == SL_VIRTIO_PACKET) {
		sl_handshake_init_header(&region.header,
					 step[7] & 2 ? SL_PACKET_RELEASE : SL_PACKET_REGION,
					 sizeof(region));
		submit(world, context_id, step, &region, sizeof(region));
	} else {
		submit(world, context_id, step, step, step[6] & 8u ? 8 : 0);
	}
}

/* What a renderer says: a welcome, what it has let go of, or nonsense. */
static void act_as_renderer(struct world *world, const uint8_t step[8])
{
	int *renderer = &world->renderers[step[2] % MAX_CONNECTIONS];
	struct sl_packet_region packet = { .region_id = step[3] % 8 };
	SL_AUTO_CLOSE int doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint8_t dropped[4096];

	if (*renderer < 0) {
		return;
	}
	while (recv(*renderer, dropped, sizeof(dropped), MSG_DONTWAIT) > 0) {
	}
	if (step[4] % 8 == 0) {
		sl_fd_close(sl_steal_fd(renderer));
		return;
	}
	sl_handshake_init_header(&packet.header,
				 step[4] % 8 == 1   ? SL_PACKET_WELCOME
				 : step[4] % 8 == 2 ? SL_PACKET_REFUSED
						    : SL_PACKET_RELEASED,
				 sizeof(packet));
	(void)sl_fd_send(*renderer, &packet, step[4] % 8 == 3 ? 5 : sizeof(packet), &doorbell,
			 step[4] % 8 == 1 ? 1 : 0);
}

static void run_step(struct world *world, const uint8_t step[8])
{
	const uint32_t context_id = 1 + step[1] % 3;

	switch (step[0] % 10) {
	case 0:
		create_context(world, context_id);
		break;
	case 1:
		send_simple(world, VIRTIO_GPU_CMD_CTX_DESTROY, context_id, 0);
		break;
	case 2:
		create_resource(world, step[2] % 8, step[3]);
		break;
	case 3:
		send_simple(world, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, context_id, step[2] % 8);
		break;
	case 4:
		send_simple(world, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, context_id, step[2] % 8);
		break;
	case 5:
		send_simple(world,
			    step[3] & 1 ? VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING
					: VIRTIO_GPU_CMD_RESOURCE_UNREF,
			    0, step[2] % 8);
		break;
	case 6:
	case 7:
		submit_packet(world, context_id, step);
		break;
	case 8:
		act_as_renderer(world, step);
		break;
	default:
		if ((step[2] & 15) == 0) {
			sl_vgpu_reset(world->guest.vgpu);
		} else {
			sl_vgpu_flush_waiting(world->guest.vgpu);
		}
	}
	run(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct world world = { .renderers = { -1, -1, -1, -1 } };

	fake_guest_init(&world.guest);
	fake_guest_create_device(&world.guest, 1 << 20);
	if (sd_event_new(&world.event) < 0) {
		abort();
	}
	const struct sl_vgpu_sluice_options options = {
		.event = world.event,
		.ram = &world.guest.ram,
		.connect = connect_renderer,
		.data = &world,
	};
	if (sl_vgpu_sluice_create(&options, &world.backend) < 0 ||
	    sl_vgpu_add_backend(world.guest.vgpu, &sl_vgpu_sluice_ops, world.backend) < 0) {
		abort();
	}
	for (int i = 0; i < MAX_STEPS && in.size > 0; i++) {
		uint8_t step[8];

		fuzz_take(&in, step, sizeof(step));
		run_step(&world, step);
	}
	for (int i = 0; i < MAX_CONNECTIONS; i++) {
		sl_fd_close(world.renderers[i]);
	}
	sl_vgpu_reset(world.guest.vgpu);
	run(&world);
	if (sl_vgpu_sluice_get_count(world.backend) != 0) {
		abort(); /* a context outlived the guest and its renderer */
	}
	sl_vgpu_destroy(world.guest.vgpu);
	world.guest.vgpu = NULL;
	sl_vgpu_sluice_destroy(world.backend);
	sd_event_unref(world.event);
	fake_guest_finish(&world.guest);
	return 0;
}
