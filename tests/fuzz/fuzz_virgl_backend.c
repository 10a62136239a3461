/* SPDX-License-Identifier: MIT */
/* A guest's kernel and a sluice-virgl, both of which say anything, on either side of the device.
 * The input is a sequence of steps of eight bytes. */
#include "host/base/fd.h"
#include "host/vgpu/virgl_backend.h"
#include "host/virgl/virgl_msg.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_guest.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_STEPS 96

struct world {
	struct fake_guest guest;
	sd_event *event;
	struct sl_vgpu_virgl *backend;
	int process; /* its end; -1: none */
	uint64_t fence_id;
};

static void run(struct world *world)
{
	for (int i = 0; i < 16 && sd_event_run(world->event, 0) > 0; i++) {
	}
}

/* A process that is there at once, and says what it can do. */
static int connect_process(void *data)
{
	struct {
		struct sl_virgl_welcome welcome;
		uint8_t data[24];
	} packet = { .welcome = { .header = { SL_VIRGL_WELCOME, 24 },
				  .versions = { 1, 2 },
				  .sizes = { 8, 16 } } };
	struct world *world = data;
	int fds[2];

	if (world->process >= 0) {
		return -ECONNREFUSED;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0 ||
	    sl_fd_send(fds[0], &packet, sizeof(packet), NULL, 0) < 0) {
		abort();
	}
	world->process = fds[0];
	return fds[1];
}

static void create(struct world *world, const uint8_t *step)
{
	struct virtio_gpu_resource_create_3d cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
			 .flags = step[2] & 1,
			 .fence_id = ++world->fence_id },
		.resource_id = step[1] & 7,
		.target = 2,
		.format = step[3] & 3,
		.width = step[4] == 0xff ? UINT32_MAX : step[4],
		.height = step[5],
		.depth = 1,
		.array_size = 1,
	};

	fake_guest_send(&world->guest, &cmd);
}

static void simple(struct world *world, const uint8_t *step)
{
	static const uint32_t types[] = {
		VIRTIO_GPU_CMD_CTX_CREATE,	    VIRTIO_GPU_CMD_CTX_DESTROY,
		VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
		VIRTIO_GPU_CMD_RESOURCE_UNREF,	    VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
	};
	union {
		struct virtio_gpu_ctx_create context;
		struct virtio_gpu_ctx_resource pair;
		struct virtio_gpu_resource_unref resource;
	} cmd;

	memset(&cmd, 0, sizeof(cmd));
	cmd.context.hdr.type = types[step[1] % 6];
	cmd.context.hdr.ctx_id = step[2] & 3;
	if (cmd.context.hdr.type == VIRTIO_GPU_CMD_CTX_CREATE) {
		cmd.context.context_init = step[3] & 3;
	} else {
		cmd.pair.resource_id = step[3] & 7;
	}
	fake_guest_send_on(&world->guest, SL_VGPU_QUEUE_CONTROL, &cmd, sizeof(cmd), NULL, 0);
}

static void back(struct world *world, const uint8_t *step)
{
	struct virtio_gpu_resource_attach_backing cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = step[1] & 7,
		.nr_entries = 2,
	};
	struct virtio_gpu_mem_entry entries[2] = {
		{ .addr = FAKE_RAM_ADDR + FAKE_RAM_SPLIT - 4096u * step[2], .length = 8192 },
		{ .addr = FAKE_DATA_ADDR + step[3], .length = 1u + step[4] },
	};

	fake_guest_send_on(&world->guest, SL_VGPU_QUEUE_CONTROL, &cmd, sizeof(cmd), entries,
			   sizeof(entries));
}

static void submit(struct world *world, const uint8_t *step)
{
	struct virtio_gpu_cmd_submit cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
			 .flags = step[3] & 1,
			 .fence_id = ++world->fence_id,
			 .ctx_id = step[1] & 3 },
		.size = step[2] & 15,
	};

	fake_guest_send_on(&world->guest, SL_VGPU_QUEUE_CONTROL, &cmd, sizeof(cmd), step, 8);
}

static void move(struct world *world, const uint8_t *step)
{
	struct virtio_gpu_transfer_host_3d cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D + (step[3] & 1),
			 .flags = step[3] >> 1 & 1,
			 .fence_id = ++world->fence_id,
			 .ctx_id = step[1] & 3 },
		.resource_id = step[2] & 7,
	};

	fake_guest_send(&world->guest, &cmd);
}

static void show(struct world *world, const uint8_t *step)
{
	struct virtio_gpu_set_scanout scanout = {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		.r = { step[2] & 7, step[3] & 7, step[4], step[5] },
		.scanout_id = step[6] & 1,
		.resource_id = step[1] & 7,
	};
	struct virtio_gpu_resource_flush flush = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
						   .r = scanout.r,
						   .resource_id = step[1] & 7 };
	struct sl_vgpu_rect pixel = { 0, 0, 1, 1 };
	uint32_t color;

	fake_guest_send(&world->guest, &scanout);
	fake_guest_send(&world->guest, &flush);
	(void)sl_vgpu_read_scanout(world->guest.vgpu, step[6] & 1, &pixel, &color, 4);
}

/* The process answers, whether it was asked or not; or it dies. */
static void answer(struct world *world, const uint8_t *step)
{
	static const uint32_t types[] = { SL_VIRGL_REACHED, SL_VIRGL_RELEASED, SL_VIRGL_READ_DONE,
					  SL_VIRGL_EXPORTED };
	uint8_t packet[64] = { 0 };
	static const size_t sizes[] = { sizeof(struct sl_virgl_fence),
					sizeof(struct sl_virgl_resource),
					sizeof(struct sl_virgl_read),
					sizeof(struct sl_virgl_exported) };
	uint8_t sink[SL_VIRGL_MAX_PACKET];

	if (world->process < 0) {
		return;
	}
	while (recv(world->process, sink, sizeof(sink), MSG_DONTWAIT) > 0) {
	}
	if (step[1] >= 250) {
		sl_fd_close(sl_steal_fd(&world->process));
		return;
	}
	int which = step[1] % 4;
	struct sl_virgl_header header = { .type = step[1] < 245 ? types[which] : step[2] };

	memcpy(packet, &header, sizeof(header));
	packet[8] = step[3];
	/* Of a DMA-BUF that is none, in a DMA-BUF's place. */
	SL_AUTO_CLOSE int fd =
		which == 3 && (step[4] & 1) != 0 ? sl_fd_create_memory("fuzz", 4096) : -1;
	packet[24] = step[5] & 1;
	(void)sl_fd_send(world->process, packet, sizes[which], &fd, fd >= 0 ? 1 : 0);
}

static void take_step(struct world *world, const uint8_t *step)
{
	static void (*const steps[])(struct world *, const uint8_t *) = { create, simple, back,
									  submit, move,	  show,
									  answer };

	steps[step[0] % 7](world, step);
	run(world);
	if (step[0] == 0xff) {
		sl_vgpu_reset(world->guest.vgpu);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = { .process = -1 };
	struct fuzz_input in = { data, size };
	struct sl_vgpu_virgl_options options = { .connect = connect_process, .data = &world };

	fake_guest_init(&world.guest);
	fake_guest_create_device(&world.guest, 1 << 20);
	if (sd_event_new(&world.event) < 0) {
		abort();
	}
	options.event = world.event;
	options.ram = &world.guest.ram;
	options.vgpu = world.guest.vgpu;
	if (sl_vgpu_virgl_create(&options, &world.backend) < 0) {
		abort();
	}
	for (int i = 0; i < MAX_STEPS && in.size > 0; i++) {
		uint8_t step[8];

		fuzz_take(&in, step, sizeof(step));
		take_step(&world, step);
	}
	sl_vgpu_destroy(world.guest.vgpu);
	world.guest.vgpu = NULL;
	sl_vgpu_virgl_destroy(world.backend);
	sl_fd_close(world.process);
	sd_event_unref(world.event);
	fake_guest_finish(&world.guest);
	return 0;
}
