/* SPDX-License-Identifier: MIT */
/* Both ends of the connector with a peer that sends anything. The input is a sequence of packets: a
 * byte for the length, one for how many descriptors come along, the bytes. First they are answers
 * that the device's process reads, then requests of a device that was taken over. */
#include "host/vgpu/connector.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/base/fd.h"

#define MAX_PACKETS  32
#define CHILD_STATUS 7

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	if (dir == NULL) {
		abort();
	}
	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

/* Returns false once nobody takes more. */
static bool send_packet(int socket, struct fuzz_input *in)
{
	uint8_t head[2];
	uint8_t bytes[255];
	int fds[SL_FD_MAX_SENT];

	fuzz_take(in, head, sizeof(head));
	fuzz_take(in, bytes, head[0]);
	for (int i = 0; i < SL_FD_MAX_SENT; i++) {
		fds[i] = socket;
	}
	return sl_fd_send(socket, bytes, head[0], fds, head[1] % (SL_FD_MAX_SENT + 1)) >= 0;
}

static void make_pair(int ret_sockets[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_sockets) < 0) {
		abort();
	}
}

static void read_answers(struct fuzz_input in)
{
	int sockets[2];

	make_pair(sockets);
	while (in.size > 0) {
		if (!send_packet(sockets[0], &in)) {
			break;
		}
		int fd = sl_vgpu_connector_receive(sockets[1]);
		if (fd >= 0 && fcntl(fd, F_GETFD) < 0) {
			abort(); /* it promised a descriptor */
		}
		sl_fd_close(fd);
	}
	close(sockets[0]);
	close(sockets[1]);
}

/* The device's process says what the input says, and ends. */
static void answer_requests(struct fuzz_input in)
{
	int sockets[2];

	make_pair(sockets);
	pid_t child = fork();
	if (child < 0) {
		abort();
	}
	if (child == 0) {
		close(sockets[0]);
		for (int i = 0; i < MAX_PACKETS && in.size > 0 && send_packet(sockets[1], &in);
		     i++) {
		}
		_exit(CHILD_STATUS);
	}
	close(sockets[1]);
	int r = sl_vgpu_connector_run(sockets[0], sockets[0], "/nonexistent/guest.sock", child);
	/* It killed the child, or passes on how that ended. */
	if (r != CHILD_STATUS && r != 128 + 9) {
		abort();
	}
	close(sockets[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int count = count_fds();

	read_answers((struct fuzz_input){ data, size });
	answer_requests((struct fuzz_input){ data, size });
	if (count_fds() != count) {
		abort();
	}
	return 0;
}
