/* SPDX-License-Identifier: MIT */
/* A display that says anything, to a guest that draws and asks. The input is a sequence of steps: a
 * byte for what happens, one for its argument, then the bytes that the step needs. */
#include "host/vgpu/display.h"
#include "host/vgpu/vhost_user_msg.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_guest.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_STEPS 64

struct peer {
	struct fake_guest guest;
	sd_event *event;
	int fd;		/* the display's end; -1: it has gone */
	uint32_t asked; /* commands that the guest must have an answer to in the end */
};

static void run(struct peer *peer)
{
	for (int i = 0; i < 16 && sd_event_run(peer->event, 0) > 0; i++) {
	}
}

/* What the device said is taken off the socket, or it would wait for room. */
static void drain(struct peer *peer)
{
	static uint8_t bytes[1 << 16];

	for (int i = 0; i < 64 && recv(peer->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0; i++) {
		run(peer);
	}
}

/* A message with a payload of which the input has the first bytes; size is what the header says,
 * and what is sent unless it is too much for any answer. */
static void say(struct peer *peer, uint32_t request, uint32_t size, struct fuzz_input *in)
{
	struct {
		struct sl_vhost_gpu_header header;
		uint8_t payload[2048];
	} message = { .header = { request, SL_VHOST_GPU_REPLY, size } };
	size_t sent = size < sizeof(message.payload) ? size : sizeof(message.payload);

	fuzz_take(in, message.payload, sent < 64 ? sent : 64);
	if (send(peer->fd, &message, sizeof(message.header) + sent, MSG_DONTWAIT | MSG_NOSIGNAL) >
	    0) {
		run(peer);
	}
}

/* The answer of the right size to each question there is. */
static void answer(struct peer *peer, uint8_t which, struct fuzz_input *in)
{
	static const struct {
		uint32_t request;
		uint32_t size;
	} answers[] = {
		{ SL_VHOST_GPU_GET_PROTOCOL_FEATURES, sizeof(uint64_t) },
		{ SL_VHOST_GPU_GET_DISPLAY_INFO, sizeof(struct virtio_gpu_resp_display_info) },
		{ SL_VHOST_GPU_GET_EDID, sizeof(struct virtio_gpu_resp_edid) },
	};

	say(peer, answers[which % 3].request, answers[which % 3].size, in);
}

static void say_bytes(struct peer *peer, uint8_t count, struct fuzz_input *in)
{
	uint8_t bytes[255];

	fuzz_take(in, bytes, count);
	if (send(peer->fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
		run(peer);
	}
}

static void ask(struct peer *peer, uint8_t scanout)
{
	const struct virtio_gpu_cmd_get_edid cmd = {
		.hdr.type = (scanout & 128) != 0 ? VIRTIO_GPU_CMD_GET_DISPLAY_INFO
						 : VIRTIO_GPU_CMD_GET_EDID,
		.scanout = scanout & 31,
	};

	peer->asked++;
	(void)fake_guest_send(&peer->guest, &cmd);
}

/* A picture on a scanout, or none. */
static void draw(struct peer *peer, uint8_t scanout)
{
	const uint32_t id = 1 + (scanout >> 5);
	const uint32_t side = id * 24;
	const struct virtio_gpu_resource_create_2d create = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = id,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = side,
		.height = side,
	};
	const struct virtio_gpu_set_scanout set = {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		.r = { scanout % 8, 0, side - scanout % 8, side },
		.scanout_id = scanout & 15,
		.resource_id = (scanout & 16) != 0 ? 0 : id,
	};
	const struct virtio_gpu_resource_flush flush = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
		.r = { 0, 0, side, side },
		.resource_id = id,
	};
	const struct virtio_gpu_update_cursor cursor = {
		.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR,
		.pos = { .scanout_id = scanout & 15, .x = scanout },
		.resource_id = scanout & 1,
	};

	(void)fake_guest_send(&peer->guest, &create);
	(void)fake_guest_send(&peer->guest, &set);
	(void)fake_guest_send(&peer->guest, &flush);
	(void)fake_guest_send_on(&peer->guest, SL_VGPU_QUEUE_CURSOR, &cursor, sizeof(cursor), NULL,
				 0);
	peer->asked += 3;
}

static void step(struct peer *peer, struct fuzz_input *in)
{
	uint8_t kind = fuzz_u8(in);
	uint8_t argument = fuzz_u8(in);

	switch (kind % 7) {
	case 0:
		answer(peer, argument, in);
		break;
	case 1:
		say(peer, argument, (uint32_t)fuzz_u8(in) << (argument % 32), in);
		break;
	case 2:
		say_bytes(peer, argument, in);
		break;
	case 3:
		ask(peer, argument);
		break;
	case 4:
		draw(peer, argument);
		break;
	case 5:
		run(peer);
		drain(peer);
		break;
	default:
		shutdown(peer->fd, (argument & 1) != 0 ? SHUT_RDWR : SHUT_WR);
		run(peer);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct sl_vgpu_display *display = NULL;
	struct peer peer = { 0 };
	int fds[2];

	fake_guest_init(&peer.guest);
	fake_guest_create_device(&peer.guest, 1 << 20);
	if (sd_event_new(&peer.event) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    sl_vgpu_display_create(peer.event, fds[1], peer.guest.vgpu, &display) < 0) {
		abort();
	}
	peer.fd = fds[0];
	run(&peer);
	for (int i = 0; i < MAX_STEPS && in.size > 0; i++) {
		step(&peer, &in);
	}
	/* A display that goes leaves nobody waiting. */
	sl_vgpu_display_destroy(display);
	sl_vgpu_flush_waiting(peer.guest.vgpu);
	if (peer.guest.answer.count < peer.asked) {
		abort();
	}
	sd_event_unref(peer.event);
	close(peer.fd);
	fake_guest_finish(&peer.guest);
	return 0;
}
