/* SPDX-License-Identifier: MIT */
/* A virtual machine monitor, and the guest behind it, that say anything over vfio-user. The input
 * is a sequence of messages: command, flags, which descriptors come along, length, payload.
 * Versions are exchanged before, unless the first byte says not. The guest's rings hold what the
 * input ends with. */
#include "host/vgpu/vfio_user.h"
#include "host/vgpu/vfio_user_msg.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/base/fd.h"

#define MAX_MESSAGES 96
#define WINDOW_SIZE  0x10000u

struct monitor {
	struct fake_guest guest;
	sd_event *event;
	int fd;
	int call;
};

static void run(struct monitor *monitor)
{
	uint8_t answers[8192];
	int fd = -1;

	for (int i = 0; i < 16 && sd_event_run(monitor->event, 0) > 0; i++) {
	}
	while (sl_fd_receive(monitor->fd, answers, sizeof(answers), &fd, 1, NULL) > 0) {
		sl_fd_close(fd);
		fd = -1;
	}
}

/* Returns how many descriptors the message carries. */
static unsigned int choose_fds(struct monitor *monitor, uint8_t kind, int fds[8])
{
	for (unsigned int i = 0; i < 8; i++) {
		fds[i] = kind % 2 == 0 ? monitor->guest.fd : monitor->call;
	}
	return kind / 2 % 9;
}

static void send_message(struct monitor *monitor, const uint8_t head[4], const uint8_t *payload,
			 size_t size)
{
	struct {
		struct sl_vfio_user_header header;
		uint8_t payload[255];
	} message = { .header = { .command = head[0],
				  .size = (uint32_t)(sizeof(message.header) + size),
				  .flags = head[1] } };
	int fds[8];

	memcpy(message.payload, payload, size);
	unsigned int fd_count = choose_fds(monitor, head[2], fds);
	if (sl_fd_send(monitor->fd, &message, message.header.size, fds, fd_count) == 0) {
		run(monitor);
	}
}

static void exchange_versions(struct monitor *monitor)
{
	const uint8_t head[4] = { SL_VFIO_USER_VERSION };
	const uint8_t version[4] = { 0 };

	send_message(monitor, head, version, sizeof(version));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_vfio_user_options options = { .max_host_bytes = 1 << 20,
						.window_size = WINDOW_SIZE };
	struct fuzz_input in = { data, size };
	struct sl_vfio_user *vfio = NULL;
	struct monitor monitor;
	int fds[2];

	fake_guest_init(&monitor.guest);
	if (sd_event_new(&monitor.event) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0 ||
	    sl_vfio_user_create(monitor.event, fds[1], &options, &vfio) < 0) {
		abort();
	}
	monitor.fd = fds[0];
	monitor.call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* The end of the input is the guest's: it fills the page of the ring's descriptors. */
	size_t ring = size < 1024 ? size : 1024;
	memcpy(monitor.guest.desc, data + size - ring, ring);
	memcpy(monitor.guest.avail, data + size - (ring < 64 ? ring : 64), ring < 64 ? ring : 64);
	uint8_t first = 0;
	fuzz_take(&in, &first, 1);
	if (first % 16 != 15) {
		exchange_versions(&monitor);
	}
	for (int i = 0; i < MAX_MESSAGES && in.size > 0; i++) {
		uint8_t head[4];
		uint8_t payload[255];

		fuzz_take(&in, head, sizeof(head));
		fuzz_take(&in, payload, head[3]);
		send_message(&monitor, head, payload, head[3]);
	}
	sl_vfio_user_destroy(vfio);
	sd_event_unref(monitor.event);
	close(monitor.fd);
	close(monitor.call);
	fake_guest_finish(&monitor.guest);
	return 0;
}
