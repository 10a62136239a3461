/* SPDX-License-Identifier: MIT */
/* Connecting to the daemon on behalf of a process that may not. */
#include "host/vgpu/connector.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/virgl/virgl_msg.h"

/* A request says where to, an answer has 0 and a descriptor, or an error. */
struct connector_packet {
	int32_t error;	/* errno, or 0 */
	uint32_t to_gl; /* 1: to the daemon's GL socket of the guest */
};

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	SL_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		return -errno;
	}
	if (strlen(path) >= sizeof(addr.sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		return -errno;
	}
	return sl_steal_fd(&fd);
}

static int answer(int socket, int fd_or_error)
{
	struct connector_packet packet = { .error = fd_or_error < 0 ? -fd_or_error : 0 };

	return sl_fd_send(socket, &packet, sizeof(packet), &fd_or_error, fd_or_error < 0 ? 0 : 1);
}

static const char *advise(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return "start sluiced, or name its socket for this guest with --daemon";
	case EACCES:
	case EPERM:
		return "the user that sluice-vgpu runs as must be able to write to it (group sluice)";
	case EAGAIN:
		return "sluiced does not keep up, or hangs";
	default:
		return "--daemon names the socket of sluiced for this guest";
	}
}

/* The same trouble is told once until there is another, or none: the guest decides how often it
 * comes. */
static void report(const char *path, int fd_or_error, int *last_error)
{
	int error = fd_or_error < 0 ? -fd_or_error : 0;

	if (error != 0 && error != *last_error) {
		sl_log(SL_LOG_ERROR, "cannot connect to %s: %s; %s", path, strerror(error),
		       advise(error));
	}
	*last_error = error;
}

/* Returns 0, -EPIPE (the child has gone), -EBADMSG or -errno. */
static int answer_request(int socket, const char *path, int *last_error)
{
	struct connector_packet packet;
	ssize_t size = sl_fd_receive(socket, &packet, sizeof(packet), NULL, 0, NULL);

	if (size <= 0) {
		return size == 0 ? -EPIPE : (int)size;
	}
	char gl_path[PATH_MAX];

	if (size != sizeof(packet)) {
		return -EBADMSG;
	}
	snprintf(gl_path, sizeof(gl_path), "%s" SL_VIRGL_SOCKET_SUFFIX, path);
	const char *wanted = packet.to_gl != 0 ? gl_path : path;
	SL_AUTO_CLOSE int fd = connect_to(wanted);
	report(wanted, fd, last_error);
	return answer(socket, fd);
}

/* options: as waitpid() has them. Returns 0 (it goes on) with WNOHANG, 1 with its exit status, or
 * -errno. A child that is stopped or continued raises SIGCHLD too. */
static int wait_for_end(pid_t child, int options, int *ret_status)
{
	int status = 0;
	pid_t pid;

	do {
		pid = waitpid(child, &status, options);
	} while (pid < 0 && errno == EINTR);
	if (pid <= 0) {
		return pid < 0 ? -errno : 0;
	}
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 1;
}

/* Returns as wait_for_end(). */
static int take_signal(int signals, pid_t child, int *ret_status)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info)) {
		return 0;
	}
	if (info.ssi_signo == SIGCHLD) {
		return wait_for_end(child, WNOHANG, ret_status);
	}
	kill(child, SIGTERM);
	return 0;
}

/* Never blocks when read: what poll() saw may be another thread's by then. */
static int open_signals(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0) {
		return -errno;
	}
	int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int sl_vgpu_connector_run(int socket, int serve_fd, const char *path, pid_t child)
{
	SL_AUTO_CLOSE int signals = open_signals();
	struct pollfd fds[2] = { { .fd = signals, .events = POLLIN },
				 { .fd = socket, .events = POLLIN } };
	int last_error = 0;
	int status = 0;
	int r = signals < 0 ? signals : answer(socket, serve_fd);

	while (r == 0) {
		/* A child that ended before its signal was blocked has closed its socket. */
		if (poll(fds, 2, -1) < 0) {
			continue;
		}
		if ((fds[0].revents & POLLIN) != 0) {
			r = take_signal(signals, child, &status);
		}
		if (r == 0 && fds[1].revents != 0) {
			r = answer_request(socket, path, &last_error);
		}
	}
	if (r > 0) {
		return status;
	}
	/* One that has closed its socket is ending by itself, unless it was taken over. */
	kill(child, SIGKILL);
	r = wait_for_end(child, 0, &status);
	if (signals < 0) {
		return signals;
	}
	return r < 0 ? r : status;
}

int sl_vgpu_connector_receive(int socket)
{
	struct connector_packet packet;
	int fd = -1;
	ssize_t size = sl_fd_receive(socket, &packet, sizeof(packet), &fd, 1, NULL);

	if (size != sizeof(packet) || packet.error < 0 || (packet.error == 0) != (fd >= 0)) {
		sl_fd_close(fd);
		return size < 0 ? (int)size : -EPIPE;
	}
	return packet.error != 0 ? -packet.error : fd;
}

int sl_vgpu_connector_connect(int socket, bool to_gl)
{
	const struct connector_packet packet = { .to_gl = to_gl ? 1 : 0 };
	int r = sl_fd_send(socket, &packet, sizeof(packet), NULL, 0);

	return r < 0 ? r : sl_vgpu_connector_receive(socket);
}
