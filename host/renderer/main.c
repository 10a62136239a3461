/* SPDX-License-Identifier: MIT */
/* sluice-renderer: loads the host's Vulkan driver, waits for one guest context, serves it, ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/renderer_msg.h"
#include "host/gpu/gpu.h"
#include "host/renderer/context.h"
#include "host/sandbox/entry.h"
#include "host/sandbox/sandbox.h"
#include "protocol/handshake.h"

static const char usage[] =
	"Usage: sluice-renderer --control-fd=N [--log-level=LEVEL] [--sandbox=MODE]\n"
	"\n"
	"Serves one guest context; started by sluiced, which sends it the context on the socket\n"
	"that is open as descriptor N.\n"
	"\n"
	"  --log-level=LEVEL  error, warning, info (default) or debug\n"
	"  --sandbox=MODE     auto (default), required or off\n"
	"  --namespaces=MASK  those the daemon started it in\n"
	"  --memory=BYTES     of its own, where no control group limits that\n"
	"\n"
	"SLUICE_VALIDATE=1 puts the Khronos validation layer around everything that is replayed;\n"
	"VK_DRIVER_FILES chooses the host's Vulkan driver.\n";

static void describe_device(const struct sl_gpu *gpu, struct sl_renderer_ready *ready)
{
	const struct sl_gpu_device *device = sl_gpu_get_device(gpu, 0);

	ready->device_type = device->properties.deviceType;
	ready->device_count = sl_gpu_get_device_count(gpu);
	ready->can_import = device->importable != 0;
	for (uint32_t i = 0; i < device->memory.memoryHeapCount; i++) {
		if ((device->memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0) {
			ready->device_memory_bytes += device->memory.memoryHeaps[i].size;
		}
	}
	snprintf(ready->device_name, sizeof(ready->device_name), "%s",
		 device->properties.deviceName);
	snprintf(ready->driver_name, sizeof(ready->driver_name), "%.126s %.126s",
		 device->driver_name, device->driver_info);
}

/* Why the context cannot be served at all; NULL: it can. */
static const char *refusal(const struct sl_gpu *gpu, const struct sl_renderer_assign *assign)
{
	if (assign->memory == SL_RENDERER_MEMORY_IMPORT &&
	    sl_gpu_get_device(gpu, 0)->importable == 0) {
		return "memory must be imported, and the host's driver cannot";
	}
	return NULL;
}

static bool is_software(const struct sl_gpu *gpu)
{
	for (uint32_t i = 0; i < sl_gpu_get_device_count(gpu); i++) {
		if (sl_gpu_get_device(gpu, i)->properties.deviceType !=
		    VK_PHYSICAL_DEVICE_TYPE_CPU) {
			return false;
		}
	}
	return true;
}

static int serve(struct sl_gpu *gpu, const struct sl_sandbox_options *sandbox)
{
	const int control_fd = sandbox->keep_fd;
	struct sl_renderer_assign assign;
	struct sl_renderer_report report;
	struct sl_entry_context entry;
	int r = sl_entry_receive(control_fd, &assign, &entry);

	if (r <= 0) {
		return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	struct sl_context_pages pages = {
		.stats = entry.stats,
		.quota = entry.quota,
		.record_fd = entry.record_fd,
	};
	const char *validate = getenv("SLUICE_VALIDATE");

	if (validate != NULL && validate[0] != '\0' && strcmp(validate, "0") != 0) {
		assign.flags |= SL_RENDERER_VALIDATE;
	}
	r = sl_sandbox_lock(sandbox, !is_software(gpu));

	if (r < 0) {
		sl_log(SL_LOG_ERROR, "cannot install the system call filter: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	const char *why = refusal(gpu, &assign);

	if (why != NULL) {
		sl_log(SL_LOG_ERROR, "guest %s is refused: %s", assign.guest_name, why);
		sl_handshake_refuse(entry.fd, why);
		return EXIT_FAILURE;
	}
	sl_context_serve(gpu, &assign, control_fd, entry.fd, &pages, &report);
	sl_fd_send(control_fd, &report, sizeof(report), NULL, 0);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct sl_renderer_ready ready = { .type = SL_RENDERER_READY };
	struct sl_sandbox_options sandbox = { .role = SL_SANDBOX_RENDERER };
	struct sl_gpu *gpu = NULL;

	if (sl_entry_parse(argc, argv, "sluice-renderer", usage, &sandbox) < 0) {
		fputs(usage, stderr);
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	int r = sl_entry_enter(&sandbox, &ready.sandbox_missing, ready.error, sizeof(ready.error));

	if (r == 0) {
		r = sl_gpu_open(&gpu, ready.error, sizeof(ready.error));
		if (r < 0) {
			sl_sandbox_explain_driver(sandbox.mode, ready.error, sizeof(ready.error));
		}
	}
	if (r == 0) {
		describe_device(gpu, &ready);
	}
	if (sl_fd_send(sandbox.keep_fd, &ready, sizeof(ready), NULL, 0) < 0 || r < 0) {
		return EXIT_FAILURE;
	}
	/* The driver's threads and the GPU's work end with the process, not before it: whatever
	 * the guest left running must not keep it. */
	_exit(serve(gpu, &sandbox));
}
