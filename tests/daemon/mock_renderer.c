/* SPDX-License-Identifier: MIT */
/* Stands in for sluice-renderer in tests of the daemon: no Vulkan, and it does what its guest says.
 *
 * The driver's file name says how it starts: "fails" reports an error, "dies" crashes, anything
 * else names the device. A guest's packets: "work" counts a submission and is echoed, a flag is
 * echoed if the renderer was started with it, "crash" and "exit" end the renderer without a report,
 * "report" ends it with one. */
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/renderer_msg.h"
#include "host/base/stats.h"

static int send_ready(int control_fd)
{
	const char *driver = getenv("VK_DRIVER_FILES");
	struct sl_renderer_ready ready = { .type = SL_RENDERER_READY };

	if (driver == NULL || strstr(driver, "dies") != NULL) {
		abort();
	}
	if (strstr(driver, "fails") != NULL) {
		strcpy(ready.error, "mock failure");
	} else {
		ready.device_count = 1;
		ready.can_import = 1;
		ready.device_type = strstr(driver, "gpu") != NULL ? 2 : 4;
		strcpy(ready.device_name, "mock device");
		strcpy(ready.driver_name, "mock driver");
	}
	return sl_fd_send(control_fd, &ready, sizeof(ready), NULL, 0);
}

static void report(int control_fd, enum sl_renderer_end end, const char *text)
{
	struct sl_renderer_report packet = { .type = SL_RENDERER_REPORT, .end = end };

	snprintf(packet.text, sizeof(packet.text), "%s", text);
	sl_fd_send(control_fd, &packet, sizeof(packet), NULL, 0);
	exit(EXIT_SUCCESS);
}

static bool has_flag(char *const *argv, const char *flag)
{
	while (*argv != NULL && strcmp(*argv, flag) != 0) {
		argv++;
	}
	return *argv != NULL;
}

static void serve(int control_fd, int guest_fd, struct sl_stats *stats, char *const *argv)
{
	for (;;) {
		struct pollfd fds[] = { { .fd = guest_fd, .events = POLLIN },
					{ .fd = control_fd, .events = POLLIN } };
		char packet[64] = "";

		/* The daemon's order to end goes first. */
		poll(fds, 2, -1);
		if (fds[1].revents != 0) {
			exit(EXIT_SUCCESS);
		}
		ssize_t n = recv(guest_fd, packet, sizeof(packet) - 1, 0);

		if (n <= 0) {
			report(control_fd, SL_RENDERER_END_CLOSED, "");
		}
		if (strcmp(packet, "work") == 0) {
			sl_stats_add(&stats->submissions, 1);
			sl_stats_add(&stats->gpu_busy_ns, 1000000);
			sl_stats_set(&stats->device_memory_bytes, 4096);
		} else if (strcmp(packet, "crash") == 0) {
			abort();
		} else if (strcmp(packet, "exit") == 0) {
			exit(3);
		} else if (packet[0] == '-' && !has_flag(argv, packet)) {
			packet[0] = '?';
		} else if (strcmp(packet, "report") == 0) {
			report(control_fd, SL_RENDERER_END_PROTOCOL, "mock protocol error");
		}
		if (send(guest_fd, packet, (size_t)n, MSG_NOSIGNAL) < 0) {
			exit(EXIT_FAILURE);
		}
	}
}

int main(int argc, char **argv)
{
	struct sl_renderer_assign assign;
	unsigned int fd_count;
	int control_fd = -1;
	int fds[3];

	if (argc < 2 || sscanf(argv[1], "--control-fd=%d", &control_fd) != 1 ||
	    send_ready(control_fd) < 0) {
		return EXIT_FAILURE;
	}
	ssize_t n = sl_fd_receive(control_fd, &assign, sizeof(assign), fds, 3, &fd_count);
	if (n == 0) {
		return EXIT_SUCCESS;
	}
	if (n != sizeof(assign) || fd_count != 3 || assign.type != SL_RENDERER_ASSIGN) {
		return EXIT_FAILURE;
	}
	void *stats = mmap(NULL, SL_STATS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
	if (stats == MAP_FAILED) {
		return EXIT_FAILURE;
	}
	serve(control_fd, fds[0], stats, argv);
	return EXIT_SUCCESS;
}
