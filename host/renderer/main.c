/* SPDX-License-Identifier: MIT */
/* sluice-renderer: loads the host's Vulkan driver, waits for one guest context, serves it, ends. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/quota.h"
#include "host/base/renderer_msg.h"
#include "host/base/stats.h"
#include "host/gpu/gpu.h"
#include "host/renderer/context.h"
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
	"\n"
	"SLUICE_VALIDATE=1 puts the Khronos validation layer around everything that is replayed;\n"
	"VK_DRIVER_FILES chooses the host's Vulkan driver.\n";

static int parse_options(int argc, char **argv, struct sl_sandbox_options *sandbox)
{
	static const struct option options[] = {
		{ "control-fd", required_argument, NULL, 'c' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "sandbox", required_argument, NULL, 's' },
		{ "namespaces", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum sl_log_level level = SL_LOG_INFO;
	char *rest = NULL;
	int option;

	sandbox->keep_fd = -1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			sandbox->keep_fd = (int)strtol(optarg, &rest, 10);
			break;
		case 'l':
			if (sl_log_parse_level(optarg, &level) < 0) {
				return -EINVAL;
			}
			break;
		case 's':
			if (sl_sandbox_parse_mode(optarg, &sandbox->mode) < 0) {
				return -EINVAL;
			}
			break;
		case 'n':
			sandbox->namespaces = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			return -EINVAL;
		}
	}
	if (rest == NULL || *rest != '\0' || sandbox->keep_fd < 0 || optind != argc) {
		return -EINVAL;
	}
	sl_log_init("sluice-renderer", level);
	return 0;
}

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

/* Returns 0, or -EINVAL after logging why the packet cannot be used. */
static int check_assign(const struct sl_renderer_assign *assign, ssize_t size, unsigned int fds)
{
	if (size != sizeof(*assign) || assign->type != SL_RENDERER_ASSIGN ||
	    fds != ((assign->flags & SL_RENDERER_RECORD) != 0 ? 4 : 3) ||
	    memchr(assign->guest_name, '\0', sizeof(assign->guest_name)) == NULL) {
		sl_log(SL_LOG_ERROR, "unexpected packet of %zd bytes from the daemon", size);
		return -EINVAL;
	}
	return 0;
}

static void *map_page(int fd, size_t size)
{
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
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
	unsigned int fd_count = 0;
	int fds[4];
	ssize_t size = sl_fd_receive(control_fd, &assign, sizeof(assign), fds, 4, &fd_count);

	if (size == 0) {
		return EXIT_SUCCESS; /* the daemon has no use for this renderer any more */
	}
	if (size < 0) {
		sl_log(SL_LOG_ERROR, "cannot read from the daemon: %s", strerror((int)-size));
		return EXIT_FAILURE;
	}
	if (check_assign(&assign, size, fd_count) < 0) {
		return EXIT_FAILURE;
	}
	struct sl_context_pages pages = {
		.stats = map_page(fds[1], SL_STATS_SIZE),
		.quota = map_page(fds[2], sizeof(struct sl_quota)),
		.record_fd = fd_count == 4 ? fds[3] : -1,
	};
	if (pages.stats == NULL || pages.quota == NULL) {
		return EXIT_FAILURE;
	}
	sl_fd_close(fds[1]);
	sl_fd_close(fds[2]);
	const char *validate = getenv("SLUICE_VALIDATE");

	if (validate != NULL && validate[0] != '\0' && strcmp(validate, "0") != 0) {
		assign.flags |= SL_RENDERER_VALIDATE;
	}
	int r = sl_sandbox_lock(sandbox, !is_software(gpu));

	if (r < 0) {
		sl_log(SL_LOG_ERROR, "cannot install the system call filter: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	const char *why = refusal(gpu, &assign);

	if (why != NULL) {
		sl_log(SL_LOG_ERROR, "guest %s is refused: %s", assign.guest_name, why);
		sl_handshake_refuse(fds[0], why);
		return EXIT_FAILURE;
	}
	sl_context_serve(gpu, &assign, control_fd, fds[0], &pages, &report);
	sl_fd_send(control_fd, &report, sizeof(report), NULL, 0);
	return EXIT_SUCCESS;
}

/* Returns 0, or -errno with a line in ret_why. */
static int enter_sandbox(const struct sl_sandbox_options *sandbox, uint32_t *ret_missing,
			 char *ret_why, size_t why_size)
{
	char text[SL_SANDBOX_TEXT_SIZE];
	int r = sl_sandbox_enter(sandbox, ret_missing);

	if (r < 0) {
		snprintf(ret_why, why_size, "cannot give up privileges: %s", strerror(-r));
	} else if (sandbox->mode == SL_SANDBOX_REQUIRED &&
		   (*ret_missing & SL_SANDBOX_NEEDED) != 0) {
		sl_sandbox_describe(*ret_missing, text, sizeof(text));
		snprintf(ret_why, why_size, "the sandbox is required, and there is %s", text);
		r = -EPERM;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct sl_renderer_ready ready = { .type = SL_RENDERER_READY };
	struct sl_sandbox_options sandbox = { .role = SL_SANDBOX_RENDERER };
	struct sl_gpu *gpu = NULL;

	if (parse_options(argc, argv, &sandbox) < 0) {
		fputs(usage, stderr);
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	int r = enter_sandbox(&sandbox, &ready.sandbox_missing, ready.error, sizeof(ready.error));

	if (r == 0) {
		r = sl_gpu_open(&gpu, ready.error, sizeof(ready.error));
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
