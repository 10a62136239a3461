/* SPDX-License-Identifier: MIT */
/* sluice-vgpu: the virtio-gpu device of one virtual machine, as a process of its own. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/base/event_loop.h"
#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/paths.h"
#include "host/base/quantity.h"
#include "host/sandbox/sandbox.h"
#include "host/vgpu/connector.h"
#include "host/vgpu/sluice_backend.h"
#include "host/vgpu/vfio_user.h"
#include "host/vgpu/vhost_user.h"
#include "host/vgpu/virgl_backend.h"

#define DEFAULT_MAX_MEMORY (256ull << 20)
#define MAX_MAX_MEMORY	   (1ull << 40)
#define DEFAULT_WINDOW	   (256ull << 20)

enum front_end {
	FRONT_END_VHOST_USER,
	FRONT_END_VFIO_USER,
};

struct arguments {
	enum front_end front_end;
	const char *socket_path;
	const char *daemon_path;
	int fd;
	bool print_capabilities;
	const char *name;
	uint64_t max_memory; /* bytes */
	uint64_t window;     /* bytes */
	bool shares_pictures;
	enum sl_log_level log_level;
	enum sl_sandbox_mode sandbox;
};

enum option_key {
	OPTION_SOCKET_PATH = 's',
	OPTION_FD = 'f',
	OPTION_PRINT_CAPABILITIES = 'c',
	OPTION_NAME = 'n',
	OPTION_MAX_MEMORY = 'm',
	OPTION_LOG_LEVEL = 'l',
	OPTION_DAEMON = 'd',
	OPTION_SANDBOX = 'x',
	OPTION_FRONT_END = 'e',
	OPTION_WINDOW = 'w',
	OPTION_DMABUF = 'b',
};

static const struct argp_option options[] = {
	{ "socket-path", OPTION_SOCKET_PATH, "PATH", 0,
	  "Listen for QEMU on this Unix socket; serve the first that connects", 0 },
	{ "fd", OPTION_FD, "FDNUM", 0, "Serve this connected socket (libvirt starts it so)", 0 },
	{ "front-end", OPTION_FRONT_END, "PROTOCOL", 0,
	  "vhost-user (default), or vfio-user for QEMU 10.1 and newer", 0 },
	{ "print-capabilities", OPTION_PRINT_CAPABILITIES, NULL, 0,
	  "Print what libvirt wants to know, as JSON, and exit", 0 },
	{ "daemon", OPTION_DAEMON, "PATH", 0,
	  "The socket of sluiced for this guest (default: SLUICE_SOCKET, else guest.sock in "
	  "$XDG_RUNTIME_DIR/sluice or /run/sluice)",
	  0 },
	{ "name", OPTION_NAME, "NAME", 0, "The guest's name, for logs", 0 },
	{ "max-memory", OPTION_MAX_MEMORY, "SIZE", 0,
	  "How much the guest's 2D pictures may take on the host (default: 256M)", 0 },
	{ "window", OPTION_WINDOW, "SIZE", 0,
	  "With vfio-user: how much of the host's memory the guest can map, a power of two, or 0 "
	  "(default: 256M)",
	  0 },
	{ "dmabuf", OPTION_DMABUF, NULL, 0,
	  "Hand OpenGL pictures to QEMU as DMA-BUFs where the host's driver shares them, instead of "
	  "reading them back",
	  0 },
	{ "sandbox", OPTION_SANDBOX, "MODE", 0,
	  "auto (default: all that the kernel gives), required or off", 0 },
	{ "log-level", OPTION_LOG_LEVEL, "LEVEL", 0, "error, warning, info (default) or debug", 0 },
	{ 0 },
};

static int parse_window(const char *text, uint64_t *ret_size)
{
	uint64_t size = 0;

	if (strcmp(text, "0") != 0 &&
	    (sl_quantity_parse_bytes(text, &size) < 0 || size < SL_VFIO_USER_MIN_WINDOW ||
	     size > SL_VFIO_USER_MAX_WINDOW || (size & (size - 1)) != 0)) {
		return -EINVAL;
	}
	*ret_size = size;
	return 0;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	uint64_t value;

	switch (key) {
	case OPTION_SOCKET_PATH:
		arguments->socket_path = text;
		return 0;
	case OPTION_FD:
		if (sl_quantity_parse_number(text, INT32_MAX, &value) < 0) {
			argp_error(state, "--fd: '%s' is no descriptor", text);
		}
		arguments->fd = (int)value;
		return 0;
	case OPTION_FRONT_END:
		if (strcmp(text, "vfio-user") == 0) {
			arguments->front_end = FRONT_END_VFIO_USER;
		} else if (strcmp(text, "vhost-user") != 0) {
			argp_error(state, "--front-end: '%s' is neither vhost-user nor vfio-user",
				   text);
		}
		return 0;
	case OPTION_DAEMON:
		arguments->daemon_path = text;
		return 0;
	case OPTION_PRINT_CAPABILITIES:
		arguments->print_capabilities = true;
		return 0;
	case OPTION_NAME:
		arguments->name = text;
		return 0;
	case OPTION_MAX_MEMORY:
		if (sl_quantity_parse_bytes(text, &arguments->max_memory) < 0 ||
		    arguments->max_memory > MAX_MAX_MEMORY) {
			argp_error(state, "--max-memory: '%s' is no amount such as 256M", text);
		}
		return 0;
	case OPTION_WINDOW:
		if (parse_window(text, &arguments->window) < 0) {
			argp_error(state, "--window: '%s' is no power of two such as 256M", text);
		}
		return 0;
	case OPTION_DMABUF:
		arguments->shares_pictures = true;
		return 0;
	case OPTION_SANDBOX:
		if (sl_sandbox_parse_mode(text, &arguments->sandbox) < 0) {
			argp_error(state, "--sandbox: '%s' is no mode", text);
		}
		return 0;
	case OPTION_LOG_LEVEL:
		if (sl_log_parse_level(text, &arguments->log_level) < 0) {
			argp_error(state, "--log-level: '%s' is no level", text);
		}
		return 0;
	case ARGP_KEY_END:
		if (!arguments->print_capabilities &&
		    (arguments->socket_path == NULL) == (arguments->fd < 0)) {
			argp_error(state, "give either --socket-path or --fd");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse_option,
	NULL,
	"The virtio-gpu device of one virtual machine, for QEMU's -device vhost-user-gpu-pci or "
	"vfio-user-pci.\v"
	"Example:\n"
	"  sluice-vgpu --socket-path=/tmp/gpu.sock &\n"
	"  qemu-system-x86_64 -object memory-backend-memfd,id=ram,size=2G,share=on \\\n"
	"    -machine q35,memory-backend=ram \\\n"
	"    -chardev socket,id=gpu,path=/tmp/gpu.sock \\\n"
	"    -device vhost-user-gpu-pci,chardev=gpu -display gtk,gl=on ...\n\n"
	"With --front-end=vfio-user instead of the last two lines:\n"
	"    -device '{\"driver\":\"vfio-user-pci\",\n"
	"      \"socket\":{\"type\":\"unix\",\"path\":\"/tmp/gpu.sock\"}}' ...\n\n"
	"The process ends with the virtual machine.\n",
	NULL,
	NULL,
	NULL
};

/* Listen, and wait for the one connection. Returns its fd or -errno. */
static int accept_one(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	SL_AUTO_CLOSE int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (listener < 0) {
		return -errno;
	}
	if (strlen(path) >= sizeof(addr.sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, strlen(path));
	/* Only a socket is replaced, such as one that a killed process left. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		unlink(path);
	}
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listener, 1) < 0) {
		return -errno;
	}
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int r = fd < 0 ? -errno : fd;
	unlink(path);
	return r;
}

/* What to do where accept_one() fails. */
static const char *advise(int error)
{
	switch (error) {
	case ENOENT:
		return "; make its folder first";
	case EACCES:
		return "; choose a folder that this user may write to";
	case EADDRINUSE:
		return "; there is a file that is no socket";
	case ENAMETOOLONG:
		return "; the path of a socket has at most 107 bytes";
	default:
		return "";
	}
}

static int check_fd(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	return S_ISSOCK(st.st_mode) ? fd : -ENOTSOCK;
}

static void on_ended(void *data, int r)
{
	sd_event *event = data;

	sd_event_exit(event, r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int on_signal(sd_event_source *source, int fd, uint32_t events, void *data)
{
	return sl_event_loop_read_signal(fd) != 0 ? sd_event_exit(data, EXIT_SUCCESS) : 0;
}

static int add_signals(sd_event *event)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0) {
		return -errno;
	}
	return sl_event_loop_add_signals(event, &mask, on_signal, event);
}

/* Where sluiced listens for this guest. Returns 0 or -ENAMETOOLONG. */
static int find_daemon(const struct arguments *arguments, char *ret_path, size_t size)
{
	const char *named = arguments->daemon_path;

	if (named == NULL) {
		named = getenv("SLUICE_SOCKET");
	}
	if (named == NULL || named[0] == '\0') {
		return sl_paths_default_socket("guest.sock", ret_path, size);
	}
	if (strlen(named) >= size) {
		return -ENAMETOOLONG;
	}
	strcpy(ret_path, named);
	return 0;
}

/* What serves one virtual machine. */
struct service {
	int connector;
	sd_event *event;
	struct sl_vhost_user *vhost; /* one of the two, or none yet */
	struct sl_vfio_user *vfio;
	struct sl_vgpu_sluice *sluice;
	struct sl_vgpu_virgl *virgl; /* NULL: there is no OpenGL */
};

static int connect_daemon(void *data)
{
	const struct service *service = data;

	return sl_vgpu_connector_connect(service->connector, false);
}

static int connect_daemon_for_gl(void *data)
{
	const struct service *service = data;

	return sl_vgpu_connector_connect(service->connector, true);
}

/* The guest does without where the daemon has none. */
static int start_virgl(struct service *service, const struct arguments *arguments)
{
	bool is_vfio = service->vfio != NULL;
	const struct sl_vgpu_virgl_options virgl_options = {
		.event = service->event,
		.ram = is_vfio ? sl_vfio_user_get_ram(service->vfio)
			       : sl_vhost_user_get_ram(service->vhost),
		.vgpu = is_vfio ? sl_vfio_user_get_device(service->vfio)
				: sl_vhost_user_get_device(service->vhost),
		.connect = connect_daemon_for_gl,
		.data = service,
		.has_blobs = is_vfio,
		.shares_pictures = arguments->shares_pictures,
	};
	int r = sl_vgpu_virgl_create(&virgl_options, &service->virgl);

	if (r < 0 && r != -ENOMEM) {
		sl_log(SL_LOG_INFO, "no OpenGL for the guest: %s",
		       r == -ENOENT ? "sluiced offers none" : strerror(-r));
		return 0;
	}
	return r;
}

/* Consumes fd. Returns 0 or -errno. */
static int create_front_end(struct service *service, int fd, const struct arguments *arguments)
{
	if (arguments->front_end == FRONT_END_VFIO_USER) {
		const struct sl_vfio_user_options vfio_options = {
			.max_host_bytes = arguments->max_memory,
			.window_size = arguments->window,
			.ended = on_ended,
			.data = service->event,
		};

		return sl_vfio_user_create(service->event, fd, &vfio_options, &service->vfio);
	}
	const struct sl_vhost_user_options vhost_options = {
		.max_host_bytes = arguments->max_memory,
		.ended = on_ended,
		.data = service->event,
	};

	return sl_vhost_user_create(service->event, fd, &vhost_options, &service->vhost);
}

static int start(struct service *service, const struct arguments *arguments)
{
	SL_AUTO_CLOSE int fd = sl_vgpu_connector_receive(service->connector);
	int r = fd < 0 ? fd : sd_event_new(&service->event);

	if (r >= 0) {
		r = add_signals(service->event);
	}
	if (r >= 0) {
		r = create_front_end(service, sl_steal_fd(&fd), arguments);
	}
	if (r < 0) {
		return r;
	}
	bool is_vfio = service->vfio != NULL;
	const struct sl_vgpu_sluice_options sluice_options = {
		.event = service->event,
		.ram = is_vfio ? sl_vfio_user_get_ram(service->vfio)
			       : sl_vhost_user_get_ram(service->vhost),
		.connect = connect_daemon,
		.data = service,
	};
	r = sl_vgpu_sluice_create(&sluice_options, &service->sluice);
	if (r >= 0) {
		r = sl_vgpu_add_backend(is_vfio ? sl_vfio_user_get_device(service->vfio)
						: sl_vhost_user_get_device(service->vhost),
					&sl_vgpu_sluice_ops, service->sluice);
	}
	return r < 0 ? r : start_virgl(service, arguments);
}

/* Returns the exit status, or -errno if nothing was served. */
static int serve(int connector, const struct sl_sandbox_options *sandbox,
		 const struct arguments *arguments)
{
	struct service service = { .connector = connector };
	int r = start(&service, arguments);

	if (r >= 0) {
		r = sl_sandbox_lock(sandbox, false);
	}
	if (r >= 0) {
		sl_log(SL_LOG_INFO, "serving a virtual machine");
		r = sl_event_loop_run(service.event);
		sl_log(SL_LOG_INFO, "the virtual machine has gone");
	}
	/* The device first: it gives its contexts back to the back end. */
	if (service.vhost != NULL) {
		sl_vhost_user_release_device(service.vhost);
	}
	if (service.vfio != NULL) {
		sl_vfio_user_release_device(service.vfio);
	}
	sl_vgpu_sluice_destroy(service.sluice);
	sl_vgpu_virgl_destroy(service.virgl);
	sl_vhost_user_destroy(service.vhost);
	sl_vfio_user_destroy(service.vfio);
	sd_event_unref(service.event);
	return r;
}

/* The device's process: all that reads what the guest writes. Returns the exit status. */
static int run_device(int connector, uint32_t namespaces, const struct arguments *arguments)
{
	const struct sl_sandbox_options sandbox = {
		.mode = arguments->sandbox,
		.role = SL_SANDBOX_VGPU,
		.namespaces = namespaces,
		.keep_fd = connector,
	};
	uint32_t missing = 0;
	char text[SL_SANDBOX_TEXT_SIZE];
	int r = sl_sandbox_enter(&sandbox, &missing);

	sl_sandbox_describe(missing, text, sizeof(text));
	if (r == 0 && sandbox.mode == SL_SANDBOX_REQUIRED && (missing & SL_SANDBOX_NEEDED) != 0) {
		sl_log(SL_LOG_ERROR, "the sandbox is not complete: %s (see --sandbox)", text);
		return EXIT_FAILURE;
	}
	sl_log(SL_LOG_DEBUG, "sandbox: %s", text);
	if (r == 0) {
		r = serve(connector, &sandbox, arguments);
	}
	if (r < 0) {
		sl_log(SL_LOG_ERROR, "cannot serve: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return r;
}

/* Start the device's process and connect to the daemon on its behalf. Consumes fd. Returns the exit
 * status, or -errno. */
static int run(int fd, const struct arguments *arguments)
{
	SL_AUTO_CLOSE int serve_fd = fd;
	char daemon_path[PATH_MAX];
	uint32_t namespaces = arguments->sandbox != SL_SANDBOX_OFF ? sl_sandbox_probe() : 0;
	int sockets[2];
	int r = find_daemon(arguments, daemon_path, sizeof(daemon_path));

	if (r < 0) {
		return r;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
		return -errno;
	}
	pid_t child = sl_sandbox_fork(namespaces);
	if (child == 0) {
		sl_fd_close(sl_steal_fd(&serve_fd));
		sl_fd_close(sockets[0]);
		_exit(run_device(sockets[1], namespaces, arguments));
	}
	sl_fd_close(sockets[1]);
	r = child < 0 ? (int)child
		      : sl_vgpu_connector_run(sockets[0], serve_fd, daemon_path, child);
	sl_fd_close(sockets[0]);
	return r;
}

/* One guest's: what it has the device say it may have it say again and again. */
static struct sl_log_rate log_rate;

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.fd = -1,
		.max_memory = DEFAULT_MAX_MEMORY,
		.window = DEFAULT_WINDOW,
		.log_level = SL_LOG_INFO,
	};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.print_capabilities) {
		puts("{\n  \"type\": \"gpu\",\n  \"features\": []\n}");
		return EXIT_SUCCESS;
	}
	sl_log_init("sluice-vgpu", arguments.log_level);
	sl_log_set_rate(&log_rate);
	if (arguments.name != NULL) {
		sl_log_set_who(arguments.name);
	}
	/* The process sees all of a guest's memory: nobody may look into it, or make it more. */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	int fd = arguments.fd >= 0 ? check_fd(arguments.fd) : accept_one(arguments.socket_path);
	if (fd < 0) {
		if (arguments.fd >= 0) {
			sl_log(SL_LOG_ERROR,
			       "--fd=%d: %s; it must be a connected socket that was "
			       "left open for sluice-vgpu",
			       arguments.fd, strerror(-fd));
		} else {
			sl_log(SL_LOG_ERROR, "cannot listen on %s: %s%s", arguments.socket_path,
			       strerror(-fd), advise(-fd));
		}
		return EXIT_FAILURE;
	}
	int r = run(fd, &arguments);
	if (r < 0) {
		sl_log(SL_LOG_ERROR, "cannot serve: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return r;
}
