/* SPDX-License-Identifier: MIT */
/* sluice-virgl: loads the host's OpenGL driver, waits for one virtual machine, serves it, ends. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/quota.h"
#include "host/base/renderer_msg.h"
#include "host/base/stats.h"
#include "host/sandbox/entry.h"
#include "host/sandbox/sandbox.h"
#include "host/virgl/loop.h"
#include "host/virgl/renderer.h"
#include "host/virgl/server.h"

/* enum VkPhysicalDeviceType, which the daemon's packet speaks. */
#define DEVICE_TYPE_OTHER 0
#define DEVICE_TYPE_CPU	  4

static const char usage[] =
	"Usage: sluice-virgl --control-fd=N [--log-level=LEVEL] [--sandbox=MODE]\n"
	"\n"
	"Serves the OpenGL of one virtual machine; started by sluiced, which sends it the machine's\n"
	"connection on the socket that is open as descriptor N.\n"
	"\n"
	"  --log-level=LEVEL  error, warning, info (default) or debug\n"
	"  --sandbox=MODE     auto (default), required or off\n"
	"  --namespaces=MASK  those the daemon started it in\n"
	"  --memory=BYTES     of its own, where no control group limits that\n";

static int send_welcome(int socket)
{
	struct {
		struct sl_virgl_welcome welcome;
		uint8_t data[2 * SL_VIRGL_MAX_CAPSET];
	} packet = { .welcome.header.type = SL_VIRGL_WELCOME };
	struct sl_virgl_capsets capsets;
	size_t size = 0;

	sl_virgl_renderer_get_capsets(&capsets);
	for (int i = 0; i < 2; i++) {
		packet.welcome.versions[i] = capsets.versions[i];
		packet.welcome.sizes[i] = capsets.sizes[i];
		memcpy(packet.data + size, capsets.data[i], capsets.sizes[i]);
		size += capsets.sizes[i];
	}
	packet.welcome.header.payload = (uint32_t)size;
	return sl_fd_send(socket, &packet, sizeof(packet.welcome) + size, NULL, 0);
}

/* Returns how it ended, as sl_virgl_loop_run() does. */
static int serve_machine(struct sl_virgl_renderer *renderer,
			 const struct sl_renderer_assign *assign,
			 const struct sl_entry_context *entry, int control_fd)
{
	struct sl_virgl_server_options options = {
		.socket = entry->fd,
		.ops = &sl_virgl_renderer_ops,
		.data = renderer,
		.quota = entry->quota,
		.quota_slot = assign->quota_slot,
		.stats = entry->stats,
	};
	struct sl_virgl_loop_options loop = {
		.renderer = renderer,
		.stats = entry->stats,
		.socket = entry->fd,
		.control_fd = control_fd,
	};
	int r = sl_virgl_server_create(&options, &loop.server);

	if (r == 0) {
		r = send_welcome(entry->fd);
	}
	if (r == 0) {
		r = sl_virgl_loop_run(&loop);
	}
	sl_virgl_server_destroy(loop.server);
	return r;
}

static void report(int control_fd, int r)
{
	struct sl_renderer_report packet = {
		.type = SL_RENDERER_REPORT,
		.end = SL_RENDERER_END_CLOSED,
		.program = "OpenGL",
	};

	if (r == -EBADMSG) {
		packet.end = SL_RENDERER_END_PROTOCOL;
		snprintf(packet.text, sizeof(packet.text), "its device sent nonsense");
	} else if (r != -EPIPE && r != -ECONNRESET) {
		packet.end = SL_RENDERER_END_SYSTEM;
		snprintf(packet.text, sizeof(packet.text), "%s", strerror(-r));
	}
	if (packet.text[0] != '\0') {
		sl_log(SL_LOG_ERROR, "OpenGL ends: %s", packet.text);
	}
	sl_fd_send(control_fd, &packet, sizeof(packet), NULL, 0);
}

static int serve(struct sl_virgl_renderer *renderer, const struct sl_sandbox_options *sandbox)
{
	struct sl_renderer_assign assign;
	struct sl_entry_context entry;
	char who[SL_RENDERER_NAME_SIZE + 8];
	int r = sl_entry_receive(sandbox->keep_fd, &assign, &entry);

	if (r <= 0) {
		return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	snprintf(who, sizeof(who), "guest %s", assign.guest_name);
	sl_log_set_who(who);
	r = sl_sandbox_lock(sandbox, !renderer->egl.is_software);
	if (r < 0) {
		sl_log(SL_LOG_ERROR, "cannot install the system call filter: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	report(sandbox->keep_fd, serve_machine(renderer, &assign, &entry, sandbox->keep_fd));
	return EXIT_SUCCESS;
}

static void describe(const struct sl_virgl_renderer *renderer, struct sl_renderer_ready *ready)
{
	ready->device_count = 1;
	ready->device_type = renderer->egl.is_software ? DEVICE_TYPE_CPU : DEVICE_TYPE_OTHER;
	sl_virgl_renderer_get_name(ready->device_name, sizeof(ready->device_name));
	snprintf(ready->driver_name, sizeof(ready->driver_name), "OpenGL");
}

int main(int argc, char **argv)
{
	struct sl_renderer_ready ready = { .type = SL_RENDERER_READY };
	struct sl_sandbox_options sandbox = { .role = SL_SANDBOX_VIRGL };
	struct sl_virgl_renderer renderer;

	if (sl_entry_parse(argc, argv, "sluice-virgl", usage, &sandbox) < 0) {
		fputs(usage, stderr);
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	int r = sl_entry_enter(&sandbox, &ready.sandbox_missing, ready.error, sizeof(ready.error));

	if (r == 0) {
		r = sl_virgl_renderer_init(&renderer, ready.error, sizeof(ready.error));
	}
	if (r == 0) {
		describe(&renderer, &ready);
	}
	if (sl_fd_send(sandbox.keep_fd, &ready, sizeof(ready), NULL, 0) < 0 || r < 0) {
		return EXIT_FAILURE;
	}
	/* The driver's threads end with the process, not before it. */
	_exit(serve(&renderer, &sandbox));
}
