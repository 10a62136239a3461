/* SPDX-License-Identifier: MIT */
/* One renderer process as the daemon sees it. */
#include "host/daemon/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/daemon/drop.h"
#include "host/daemon/priority.h"
#include "host/sandbox/cgroup.h"
#include "host/sched/sched_msg.h"

#define CHILD_CONTROL_FD 3

struct sl_worker {
	pid_t pid; /* 0: it has been waited for */
	bool is_lowered;
	const struct sl_sandbox_cgroup *cgroup; /* NULL: in none of its own */
	uint64_t cgroup_id;
	int control_fd;
	sd_event_source *control;
	sd_event_source *child;
	const struct sl_worker_owner *owner;
	void *data;
};

/* What a renderer must not inherit: layers and drivers meant for the daemon's own user, and the
 * service manager's variables. */
static const char *const dropped_variables[] = {
	"VK_INSTANCE_LAYERS", "VK_ADD_DRIVER_FILES", "SLUICE_SOCKET", "SLUICE_TRACE",
	"NOTIFY_SOCKET",      "LISTEN_FDS",	     "LISTEN_PID",    "LISTEN_FDNAMES",
	"WATCHDOG_PID",	      "WATCHDOG_USEC",
};

/* Drivers allocate for each recorded command and free with the command buffer. A heap that shrinks
 * and grows again with each frame is paid for in page faults, which cost more than the frame: it
 * stays large, in huge pages where the kernel has them, until the guest is idle. Bytes; each of
 * the C library's arenas may keep as much. */
static const char malloc_tunables[] =
	"glibc.malloc.trim_threshold=134217728:glibc.malloc.top_pad=4194304:"
	"glibc.malloc.mmap_threshold=33554432:glibc.malloc.hugetlb=1";

static void set_environment(const struct sl_worker_options *options)
{
	for (size_t i = 0; i < sizeof(dropped_variables) / sizeof(dropped_variables[0]); i++) {
		unsetenv(dropped_variables[i]);
	}
	/* The second name is the one older loaders know. */
	setenv("VK_DRIVER_FILES", options->driver != NULL ? options->driver : "", 1);
	setenv("VK_ICD_FILENAMES", options->driver != NULL ? options->driver : "", 1);
	/* Overlays and capture tools of the user have no business in front of a guest's commands.
	 */
	setenv("VK_LOADER_LAYERS_DISABLE", "~implicit~", 1);
	/* What drivers keep on disk all guests would share. The second name is the one of Mesa
	 * before 22, the third NVIDIA's. */
	setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
	setenv("MESA_GLSL_CACHE_DISABLE", "true", 1);
	setenv("__GL_SHADER_DISK_CACHE", "0", 1);
	setenv("GLIBC_TUNABLES", malloc_tunables, 0);
}

/* In the child, which has one thread: become the renderer. */
static void exec_renderer(const struct sl_worker_options *options, int control_fd, pid_t daemon,
			  bool has_cgroup)
{
	char control[32];
	char level[32];
	char sandbox[32];
	char namespaces[32];
	char memory[48];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Ctrl-C in a terminal is for the program, which may need its renderer to end in peace. */
	setpgid(0, 0);
	if (options->is_lowered) {
		sl_priority_lower();
	}
	/* A context without its daemon would be on no account and under no limit. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* In a namespace the daemon is not to be seen; the control socket will tell. */
	if (options->namespaces == 0 && getppid() != daemon) {
		_exit(0);
	}
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		_exit(126);
	}
	if (control_fd == CHILD_CONTROL_FD ? fcntl(control_fd, F_SETFD, 0) < 0
					   : dup2(control_fd, CHILD_CONTROL_FD) < 0) {
		_exit(126);
	}
	close_range(CHILD_CONTROL_FD + 1, ~0U, 0);
	set_environment(options);
	snprintf(control, sizeof(control), "--control-fd=%d", CHILD_CONTROL_FD);
	snprintf(level, sizeof(level), "--log-level=%s", sl_log_level_name(options->log_level));
	snprintf(sandbox, sizeof(sandbox), "--sandbox=%s", sl_sandbox_mode_name(options->sandbox));
	snprintf(namespaces, sizeof(namespaces), "--namespaces=%u",
		 options->namespaces | (has_cgroup ? (uint32_t)SL_SANDBOX_CGROUP : 0));
	snprintf(memory, sizeof(memory), "--memory=%llu",
		 (unsigned long long)options->memory_bytes);
	execl(options->renderer, options->renderer, control, level, sandbox, namespaces, memory,
	      (char *)NULL);
	sl_log(SL_LOG_ERROR, "renderer %s cannot be started: %s", options->renderer,
	       strerror(errno));
	_exit(127);
}

/* What is no plain ASCII becomes '?': the text goes to terminals and into JSON.
 * Returns false if the text does not end. */
static bool clean_text(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\0') {
			return true;
		}
		if ((signed char)text[i] < 0x20 || text[i] == 0x7f) {
			text[i] = '?';
		}
	}
	return false;
}

/* A renderer may have been taken over by its guest: its packets are checked like a stranger's. */
static void handle_packet(struct sl_worker *worker, const void *packet, size_t size)
{
	struct sl_renderer_ready ready;
	struct sl_renderer_report report;
	struct sl_sched_msg sched;
	uint32_t type = 0;

	if (size >= sizeof(type)) {
		memcpy(&type, packet, sizeof(type));
	}
	if (type >= SL_SCHED_MSG_REQUEST && size == sizeof(sched)) {
		memcpy(&sched, packet, sizeof(sched));
		worker->owner->sched(worker, &sched, worker->data);
		return;
	}
	if (type == SL_RENDERER_READY && size == sizeof(ready)) {
		memcpy(&ready, packet, sizeof(ready));
		if (clean_text(ready.device_name, sizeof(ready.device_name)) &&
		    clean_text(ready.driver_name, sizeof(ready.driver_name)) &&
		    clean_text(ready.error, sizeof(ready.error))) {
			worker->owner->ready(worker, &ready, worker->data);
			return;
		}
	} else if (type == SL_RENDERER_REPORT && size == sizeof(report)) {
		memcpy(&report, packet, sizeof(report));
		if (clean_text(report.program, sizeof(report.program)) &&
		    clean_text(report.text, sizeof(report.text))) {
			worker->owner->report(worker, &report, worker->data);
			return;
		}
	}
	sl_log(SL_LOG_WARNING, "renderer %d sent a packet that is none (type %u, %zu bytes)",
	       (int)worker->pid, type, size);
	sl_worker_kill(worker, SIGKILL);
}

/* Returns true if there may be more packets. */
static bool receive_packet(struct sl_worker *worker)
{
	union {
		struct sl_renderer_ready ready;
		struct sl_renderer_report report;
		char bytes[2048];
	} packet;
	sl_drop_begin();
	ssize_t n = sl_fd_receive(worker->control_fd, &packet, sizeof(packet), NULL, 0, NULL);
	sl_drop_end();

	if (n == -EAGAIN) {
		return false;
	}
	if (n == -EMSGSIZE) {
		sl_log(SL_LOG_WARNING, "renderer %d sent a packet that is too large",
		       (int)worker->pid);
		sl_worker_kill(worker, SIGKILL);
	}
	if (n <= 0) {
		/* Its end follows; until then there is nothing to read. */
		worker->control = sd_event_source_disable_unref(worker->control);
		return false;
	}
	handle_packet(worker, &packet, (size_t)n);
	return true;
}

static int on_control(sd_event_source *source, int fd, uint32_t events, void *data)
{
	receive_packet(data);
	return 0;
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *status, void *data)
{
	struct sl_worker *worker = data;

	/* Its last words may still be in the socket. */
	while (worker->control != NULL && receive_packet(worker)) {
	}
	worker->pid = 0;
	worker->owner->exited(worker, status, worker->data);
	return 0;
}

int sl_worker_create(sd_event *event, const struct sl_worker_options *options,
		     const struct sl_worker_owner *owner, void *data, struct sl_worker **ret_worker)
{
	SL_AUTO_CLOSE int theirs = -1;
	pid_t daemon = getpid();
	int fds[2];
	int r;

	struct sl_worker *worker = calloc(1, sizeof(*worker));
	if (worker == NULL) {
		return -ENOMEM;
	}
	worker->control_fd = -1;
	worker->owner = owner;
	worker->data = data;
	worker->is_lowered = options->is_lowered;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		r = -errno;
		goto fail;
	}
	worker->control_fd = fds[0];
	theirs = fds[1];
	if (fcntl(worker->control_fd, F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		goto fail;
	}
	if (options->cgroup != NULL && sl_sandbox_cgroup_add(options->cgroup, options->memory_bytes,
							     &worker->cgroup_id) == 0) {
		worker->cgroup = options->cgroup;
	}
	worker->pid = sl_sandbox_fork(options->namespaces);
	if (worker->pid < 0) {
		r = worker->pid;
		worker->pid = 0;
		goto fail;
	}
	if (worker->pid == 0) {
		exec_renderer(options, theirs, daemon, worker->cgroup != NULL);
	}
	r = worker->cgroup != NULL
		    ? sl_sandbox_cgroup_move(worker->cgroup, worker->cgroup_id, worker->pid)
		    : 0;
	if (r < 0) {
		goto fail;
	}
	r = sd_event_add_io(event, &worker->control, worker->control_fd, EPOLLIN, on_control,
			    worker);
	if (r < 0) {
		goto fail;
	}
	r = sd_event_add_child(event, &worker->child, worker->pid, WEXITED, on_exit_of_child,
			       worker);
	if (r < 0) {
		goto fail;
	}
	*ret_worker = worker;
	return 0;
fail:
	sl_worker_destroy(worker);
	return r;
}

void sl_worker_destroy(struct sl_worker *worker)
{
	if (worker == NULL) {
		return;
	}
	sd_event_source_disable_unref(worker->control);
	sd_event_source_disable_unref(worker->child);
	if (worker->pid > 0) {
		kill(worker->pid, SIGKILL);
		waitpid(worker->pid, NULL, 0);
	}
	if (worker->cgroup != NULL) {
		sl_sandbox_cgroup_remove(worker->cgroup, worker->cgroup_id);
	}
	sl_drop_fd(worker->control_fd);
	free(worker);
}

void sl_worker_set_owner(struct sl_worker *worker, const struct sl_worker_owner *owner, void *data)
{
	worker->owner = owner;
	worker->data = data;
}

int sl_worker_assign(struct sl_worker *worker, const struct sl_renderer_assign *assign,
		     const int *fds, unsigned int fd_count)
{
	return sl_fd_send(worker->control_fd, assign, sizeof(*assign), fds, fd_count);
}

void sl_worker_send_sched(struct sl_worker *worker, const struct sl_sched_msg *msg)
{
	int r = sl_fd_send(worker->control_fd, msg, sizeof(*msg), NULL, 0);

	if (r == -EAGAIN) {
		sl_log(SL_LOG_WARNING, "renderer %d does not read its packets", (int)worker->pid);
		sl_worker_kill(worker, SIGKILL);
	}
}

int sl_worker_send_end(struct sl_worker *worker, const char *why)
{
	struct sl_renderer_end_order order = { .type = SL_RENDERER_END };

	snprintf(order.text, sizeof(order.text), "%s", why);
	return sl_fd_send(worker->control_fd, &order, sizeof(order), NULL, 0);
}

void sl_worker_hurry(struct sl_worker *worker)
{
	if (worker->is_lowered && worker->pid > 0) {
		sl_priority_raise(worker->pid);
	}
}

pid_t sl_worker_get_pid(const struct sl_worker *worker)
{
	return worker->pid;
}

void sl_worker_kill(struct sl_worker *worker, int signal_number)
{
	if (worker->pid > 0) {
		kill(worker->pid, signal_number);
	}
}

/* Why, where the signal does not say. */
static const char *explain_signal(const struct sl_worker *worker, int number)
{
	if (number == SIGSYS) {
		return " (its sandbox forbids a system call it made)";
	}
	if (number == SIGKILL && worker->cgroup != NULL &&
	    sl_sandbox_cgroup_overran(worker->cgroup, worker->cgroup_id)) {
		return " (it took more memory than renderer_memory)";
	}
	return "";
}

void sl_worker_describe_exit(const struct sl_worker *worker, const siginfo_t *status,
			     char *ret_text, size_t size)
{
	const char *name;

	int number = status->si_status;

	/* How process 1 of a namespace says it. */
	if (status->si_code == CLD_EXITED && number > 128) {
		number -= 128;
	} else if (status->si_code == CLD_EXITED) {
		snprintf(ret_text, size, "exited with status %d", status->si_status);
		return;
	}
	name = sigabbrev_np(number);
	snprintf(ret_text, size, "was killed by SIG%s%s", name != NULL ? name : "?",
		 explain_signal(worker, number));
}
