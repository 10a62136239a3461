/* SPDX-License-Identifier: MIT */
/* QEMU's part of machine.c: vhost-user, and a display. */
#include "tests/integration/machine.h"

#include "host/base/fd.h"
#include "host/vgpu/vhost_user_msg.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE SL_VGPU_QUEUE_CONTROL

static void send_message(struct machine *machine, uint32_t request, const void *payload,
			 uint32_t size, int fd)
{
	struct {
		struct sl_vhost_user_header header;
		uint8_t payload[512];
	} message = { .header = { request, SL_VHOST_USER_VERSION, size } };

	if (size > 0) {
		memcpy(message.payload, payload, size);
	}
	if (sl_fd_send(machine->fd, &message, sizeof(message.header) + size, &fd, fd >= 0 ? 1 : 0) <
	    0) {
		machine_end();
	}
}

static void send_u64(struct machine *machine, uint32_t request, uint64_t value, int fd)
{
	send_message(machine, request, &value, sizeof(value), fd);
}

static void send_state(struct machine *machine, uint32_t request, uint32_t value)
{
	const struct sl_vhost_user_vring_state state = { QUEUE, value };

	send_message(machine, request, &state, sizeof(state), -1);
}

static uint64_t ask(struct machine *machine, uint32_t request)
{
	struct pollfd fd = { .fd = machine->fd, .events = POLLIN };
	struct {
		struct sl_vhost_user_header header;
		uint64_t value;
	} __attribute__((packed)) answer;

	send_message(machine, request, NULL, 0, -1);
	if (poll(&fd, 1, ANSWER_MS) == 0) {
		machine_fail("the monitor's message %u is not answered", request);
	}
	if (recv(machine->fd, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer)) {
		machine_end();
	}
	return answer.value;
}

static uint64_t user_address(const struct machine *machine, const void *at)
{
	return FAKE_USER_ADDR + (uint64_t)((const uint8_t *)at - machine->guest.memory);
}

static bool receive_all(int fd, void *data, size_t size)
{
	return recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

static void answer_display(const struct machine *machine, uint32_t request, size_t size)
{
	struct {
		struct sl_vhost_gpu_header header;
		uint8_t payload[2048];
	} message = { .header = { request, SL_VHOST_GPU_REPLY, (uint32_t)size } };

	if (request == SL_VHOST_GPU_GET_DISPLAY_INFO) {
		struct virtio_gpu_resp_display_info info = {
			.hdr.type = VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
			.pmodes[0] = { .r = { .width = 640, .height = 480 }, .enabled = 1 },
		};

		memcpy(message.payload, &info, sizeof(info));
	}
	(void)!send(machine->display, &message, sizeof(message.header) + size, MSG_NOSIGNAL);
}

/* QEMU's display: answers, and looks at what it is to show. */
static void *run_display(void *data)
{
	struct machine *machine = data;
	struct sl_vhost_gpu_header header;
	struct sl_vhost_gpu_update update;
	static uint8_t payload[8u << 20];

	while (receive_all(machine->display, &header, sizeof(header)) &&
	       header.size <= sizeof(payload) &&
	       (header.size == 0 || receive_all(machine->display, payload, header.size))) {
		if (header.request == SL_VHOST_GPU_GET_PROTOCOL_FEATURES) {
			answer_display(machine, header.request, sizeof(uint64_t));
		} else if (header.request == SL_VHOST_GPU_GET_DISPLAY_INFO) {
			answer_display(machine, header.request,
				       sizeof(struct virtio_gpu_resp_display_info));
		} else if (header.request == SL_VHOST_GPU_DMABUF_UPDATE) {
			answer_display(machine, header.request, 0);
			atomic_fetch_add(&machine->shared_updates, 1);
		} else if (header.request == SL_VHOST_GPU_UPDATE &&
			   header.size >= sizeof(update) + 4) {
			uint32_t pixel;

			memcpy(&pixel, payload + sizeof(update), sizeof(pixel));
			atomic_store(&machine->shown, pixel);
		}
	}
	return NULL;
}

static void start_display(struct machine *machine)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		machine_fail("no display: %s", strerror(errno));
	}
	machine->display = fds[0];
	if (pthread_create(&machine->display_thread, NULL, run_display, machine) != 0) {
		machine_fail("no thread");
	}
	send_message(machine, SL_VHOST_USER_GPU_SET_SOCKET, NULL, 0, fds[1]);
	close(fds[1]);
}

/* As QEMU does, up to the driver's DRIVER_OK. */
void machine_start_vhost_user(struct machine *machine)
{
	const struct sl_vhost_user_memory memory = {
		.count = 1,
		.regions = { { FAKE_RAM_ADDR, FAKE_RAM_SIZE, FAKE_USER_ADDR, 0 } },
	};
	const struct sl_vhost_user_vring_addr addr = {
		.index = QUEUE,
		.descriptors = user_address(machine, machine->guest.desc),
		.used = user_address(machine, machine->guest.used),
		.available = user_address(machine, machine->guest.avail),
	};
	uint64_t features = ask(machine, SL_VHOST_USER_GET_FEATURES);

	features &= 1ull << VIRTIO_F_VERSION_1 | 1ull << SL_VHOST_USER_F_PROTOCOL_FEATURES |
		    1ull << VIRTIO_GPU_F_VIRGL | 1ull << VIRTIO_GPU_F_EDID;
	ask(machine, SL_VHOST_USER_GET_PROTOCOL_FEATURES);
	send_u64(machine, SL_VHOST_USER_SET_PROTOCOL_FEATURES,
		 1ull << SL_VHOST_USER_PROTOCOL_F_CONFIG, -1);
	send_message(machine, SL_VHOST_USER_SET_OWNER, NULL, 0, -1);
	start_display(machine);
	send_u64(machine, SL_VHOST_USER_SET_FEATURES, features, -1);
	send_state(machine, SL_VHOST_USER_SET_VRING_ENABLE, 1);
	send_message(machine, SL_VHOST_USER_SET_MEM_TABLE, &memory, sizeof(memory),
		     machine->guest.fd);
	send_state(machine, SL_VHOST_USER_SET_VRING_NUM, FAKE_RING_SIZE);
	send_state(machine, SL_VHOST_USER_SET_VRING_BASE, 0);
	send_message(machine, SL_VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1);
	send_u64(machine, SL_VHOST_USER_SET_VRING_KICK, QUEUE, machine->kick);
	send_u64(machine, SL_VHOST_USER_SET_VRING_CALL, QUEUE, machine->call);
}
