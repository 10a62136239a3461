/* SPDX-License-Identifier: MIT */
/* A virtual machine monitor that says anything. The input is a sequence of messages: request,
 * flags, which descriptors come along, length, payload. Addresses in the guest's memory are
 * written as the seeds do it; the guest's rings hold what the input ends with. */
#include "host/vgpu/vhost_user.h"
#include "host/vgpu/vhost_user_msg.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_guest.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/base/fd.h"

#define MAX_MESSAGES 64

struct monitor {
	struct fake_guest guest;
	sd_event *event;
	int fd;
	int kick;
	int display[2];
};

static void run(struct monitor *monitor)
{
	for (int i = 0; i < 16 && sd_event_run(monitor->event, 0) > 0; i++) {
	}
}

/* Returns how many descriptors the message carries. */
static unsigned int choose_fds(struct monitor *monitor, uint8_t kind, int fds[8])
{
	for (unsigned int i = 0; i < 8; i++) {
		fds[i] = monitor->guest.fd;
	}
	switch (kind % 5) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		fds[0] = monitor->kick;
		return 1;
	case 3:
		fds[0] = monitor->display[1];
		return 1;
	default:
		return 1 + kind / 5 % 8;
	}
}

static void send_message(struct monitor *monitor, struct fuzz_input *in)
{
	uint8_t head[4];
	struct {
		struct sl_vhost_user_header header;
		uint8_t payload[256];
	} message;
	int fds[8];
	uint8_t answers[1024];

	fuzz_take(in, head, sizeof(head));
	message.header.request = head[0];
	message.header.flags = head[1];
	message.header.size = head[3];
	fuzz_take(in, message.payload, head[3]);
	unsigned int fd_count = choose_fds(monitor, head[2], fds);
	if (sl_fd_send(monitor->fd, &message, sizeof(message.header) + head[3], fds, fd_count) <
	    0) {
		return;
	}
	run(monitor);
	if ((head[2] & 0x80) != 0) {
		const uint64_t one = 1;

		if (write(monitor->kick, &one, sizeof(one)) == sizeof(one)) {
			run(monitor);
		}
	}
	while (recv(monitor->fd, answers, sizeof(answers), MSG_DONTWAIT) > 0) {
	}
	while (recv(monitor->display[0], answers, sizeof(answers), MSG_DONTWAIT) > 0) {
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_vhost_user_options options = { .max_host_bytes = 1 << 20 };
	struct fuzz_input in = { data, size };
	struct sl_vhost_user *vhost = NULL;
	struct monitor monitor;
	int fds[2];

	fake_guest_init(&monitor.guest);
	if (sd_event_new(&monitor.event) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor.display) < 0 ||
	    sl_vhost_user_create(monitor.event, fds[1], &options, &vhost) < 0) {
		abort();
	}
	monitor.fd = fds[0];
	monitor.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* The end of the input is the guest's: it fills the page of the ring's descriptors. */
	size_t ring = size < 1024 ? size : 1024;
	memcpy(monitor.guest.desc, data + size - ring, ring);
	memcpy(monitor.guest.avail, data + size - (ring < 64 ? ring : 64), ring < 64 ? ring : 64);
	for (int i = 0; i < MAX_MESSAGES && in.size > 0; i++) {
		send_message(&monitor, &in);
	}
	sl_vhost_user_destroy(vhost);
	sd_event_unref(monitor.event);
	close(monitor.fd);
	close(monitor.kick);
	close(monitor.display[0]);
	close(monitor.display[1]);
	fake_guest_finish(&monitor.guest);
	return 0;
}
