/* SPDX-License-Identifier: MIT */
/* The link over a Unix socket: memfds for what is shared, an eventfd for the doorbell. For
 * containers, users of the host, and tests. */
#include "guest-driver/link/guest_link_priv.h"
#include "protocol/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEM_SOCKET "/run/sluice/guest.sock"
/* The daemon may have to start a renderer and load a driver first. */
#define GREETING_TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_S   10 /* only where the daemon hangs */
#define SEND_TIMEOUT_MS	    100

struct sl_guest_carrier {
	int socket;
	int doorbell;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

union control {
	char bytes[CMSG_SPACE(SL_HELLO_FD_COUNT * sizeof(int))];
	struct cmsghdr align;
};

__attribute__((format(printf, 3, 4))) static void say(char *why, size_t why_size,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, why_size, format, arguments);
	va_end(arguments);
}

static void close_fd(int fd)
{
	if (fd >= 0) {
		close(fd);
	}
}

/* Programs that closed their standard streams write to whatever gets those numbers next. */
static int move_above_standard_streams(int fd)
{
	if (fd < 0 || fd > STDERR_FILENO) {
		return fd;
	}
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int error = errno;
	close(fd);
	errno = error;
	return moved;
}

/* Send one packet, its descriptors stay the caller's. Returns 0 or -errno; -EAGAIN: queue is full.
 */
static int send_with_fds(int socket, const void *data, size_t size, const int *fds, int fd_count)
{
	struct iovec part = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;

	if (fd_count > 0) {
		size_t fds_size = (size_t)fd_count * sizeof(int);

		memset(&control, 0, sizeof(control));
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fds_size);
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		*head = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(fds_size),
		};
		memcpy(CMSG_DATA(head), fds, fds_size);
	}
	for (;;) {
		if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
			return 0;
		}
		if (errno != EINTR) {
			return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
		}
	}
}

/* Receive one packet with at most one descriptor; *ret_fd is -1 if none came. Returns its size, 0
 * at the end of the stream, or -errno. */
static ssize_t receive_with_fd(int socket, void *data, size_t size, int *ret_fd)
{
	struct iovec part = { .iov_base = data, .iov_len = size };
	union control control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	ssize_t received;

	*ret_fd = -1;
	do {
		received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (received < 0 && errno == EINTR);
	if (received < 0) {
		return -errno;
	}
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int))) {
		memcpy(ret_fd, CMSG_DATA(head), sizeof(int));
	}
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		close_fd(*ret_fd);
		*ret_fd = -1;
		return -EMSGSIZE;
	}
	return received;
}

/* Returns 0 or -errno. */
static int connect_to(struct sl_guest_carrier *carrier, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	strcpy(carrier->path, path);
	close_fd(carrier->socket);
	carrier->socket =
		move_above_standard_streams(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
	if (carrier->socket < 0) {
		return -errno;
	}
	const struct timeval patience = { .tv_sec = CONNECT_TIMEOUT_S };
	(void)setsockopt(carrier->socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	while (connect(carrier->socket, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Where nobody listens, the next place may still be right. */
static bool is_nobody_there(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;
}

/* The places in their order. Returns 0 or -errno with ret_why filled in. */
static int connect_anywhere(struct sl_guest_carrier *carrier, char *ret_why, size_t why_size)
{
	/* Not from the environment of a set-user-id program. */
	const char *named = secure_getenv("SLUICE_SOCKET");
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	char user_socket[PATH_MAX];
	bool has_user_socket = runtime != NULL && runtime[0] != '\0';
	int r;

	if (named != NULL && named[0] != '\0') {
		r = connect_to(carrier, named);
		if (r < 0) {
			say(ret_why, why_size,
			    "cannot connect to %s (from SLUICE_SOCKET): %s. Is sluiced running?",
			    named, strerror(-r));
		}
		return r;
	}
	if (has_user_socket) {
		snprintf(user_socket, sizeof(user_socket), "%s/sluice/guest.sock", runtime);
		r = connect_to(carrier, user_socket);
		if (r == 0) {
			return 0;
		}
		if (!is_nobody_there(r)) {
			say(ret_why, why_size, "cannot connect to %s: %s", user_socket,
			    strerror(-r));
			return r;
		}
	}
	r = connect_to(carrier, SYSTEM_SOCKET);
	if (r < 0) {
		say(ret_why, why_size,
		    "cannot connect to %s: %s%s%s%s. Start sluiced, or set SLUICE_SOCKET",
		    SYSTEM_SOCKET, strerror(-r), has_user_socket ? " (nor to " : "",
		    has_user_socket ? user_socket : "", has_user_socket ? ")" : "");
	}
	return r;
}

static void socket_close(struct sl_guest_carrier *carrier)
{
	close_fd(carrier->socket);
	close_fd(carrier->doorbell);
	free(carrier);
}

static int socket_open(struct sl_guest_carrier **ret_carrier, char *ret_why, size_t why_size)
{
	struct sl_guest_carrier *carrier = malloc(sizeof(*carrier));

	if (carrier == NULL) {
		say(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	*carrier = (struct sl_guest_carrier){ .socket = -1, .doorbell = -1 };
	int r = connect_anywhere(carrier, ret_why, why_size);
	if (r < 0) {
		socket_close(carrier);
		return r;
	}
	*ret_carrier = carrier;
	return 0;
}

static void socket_abandon(struct sl_guest_carrier *carrier)
{
	close_fd(carrier->socket);
	close_fd(carrier->doorbell);
	carrier->socket = -1;
	carrier->doorbell = -1;
}

static int socket_alloc(struct sl_guest_carrier *carrier, const char *name, size_t size,
			void **ret_data, int *ret_share)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		return -errno;
	}
	/* The host maps it only if it cannot shrink under its feet. */
	void *data = MAP_FAILED;
	if (ftruncate(fd, (off_t)size) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
		data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	if (data == MAP_FAILED) {
		int r = -errno;

		close(fd);
		return r;
	}
	*ret_data = data;
	*ret_share = fd;
	return 0;
}

static int socket_dup(struct sl_guest_carrier *carrier, int share)
{
	int fd = fcntl(share, F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -errno : fd;
}

static void socket_free(struct sl_guest_carrier *carrier, void *data, size_t size, int share)
{
	munmap(data, size);
	close_fd(share);
}

/* Wait for the answer. Returns its size or -errno with ret_why filled in. */
static ssize_t receive_greeting(struct sl_guest_carrier *carrier, void *ret_packet,
				size_t packet_size, char *ret_why, size_t why_size)
{
	uint64_t end_ns = sl_clock_now_ns() + GREETING_TIMEOUT_MS * SL_NS_PER_MS;
	bool was_reset = false;

	for (;;) {
		ssize_t r = receive_with_fd(carrier->socket, ret_packet, packet_size,
					    &carrier->doorbell);
		if (r > 0) {
			return r;
		}
		/* A host that refuses without reading our hello resets the connection, and the
		 * kernel says so before it hands out the refusal. */
		if (r == -ECONNRESET && !was_reset) {
			was_reset = true;
			continue;
		}
		if (r != -EAGAIN) {
			say(ret_why, why_size, "sluiced at %s closed the connection%s%s",
			    carrier->path, r < 0 ? ": " : "; its log says why",
			    r < 0 ? strerror((int)-r) : "");
			return r < 0 ? r : -EPIPE;
		}
		uint64_t now = sl_clock_now_ns();
		if (now >= end_ns) {
			say(ret_why, why_size, "sluiced at %s did not answer within %d s",
			    carrier->path, GREETING_TIMEOUT_MS / 1000);
			return -ETIMEDOUT;
		}
		struct pollfd wait = { .fd = carrier->socket, .events = POLLIN };
		(void)poll(&wait, 1, (int)((end_ns - now) / SL_NS_PER_MS) + 1);
	}
}

static ssize_t socket_greet(struct sl_guest_carrier *carrier, const void *hello, size_t hello_size,
			    const int shares[SL_HELLO_FD_COUNT], void *ret_packet,
			    size_t packet_size, char *ret_why, size_t why_size)
{
	int r = send_with_fds(carrier->socket, hello, hello_size, shares, SL_HELLO_FD_COUNT);

	for (int i = 0; i < SL_HELLO_FD_COUNT; i++) {
		close(shares[i]);
	}
	/* -EPIPE: a refusal may be waiting for us. */
	if (r < 0 && r != -EPIPE) {
		say(ret_why, why_size, "cannot talk to sluiced at %s: %s", carrier->path,
		    strerror(-r));
		return r;
	}
	ssize_t size = receive_greeting(carrier, ret_packet, packet_size, ret_why, why_size);
	struct sl_packet_header header;
	if (size >= (ssize_t)sizeof(header)) {
		memcpy(&header, ret_packet, sizeof(header));
		carrier->doorbell = move_above_standard_streams(carrier->doorbell);
		if (header.type == SL_PACKET_WELCOME && carrier->doorbell < 0) {
			say(ret_why, why_size, "the host's answer has no doorbell");
			return -EPROTO;
		}
	}
	return size;
}

static bool socket_is_hung_up(struct sl_guest_carrier *carrier)
{
	struct pollfd look = { .fd = carrier->socket, .events = POLLRDHUP };

	return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

static int socket_send_packet(struct sl_guest_carrier *carrier, const void *packet, size_t size,
			      int share)
{
	int r;

	for (;;) {
		r = send_with_fds(carrier->socket, packet, size, &share, share >= 0 ? 1 : 0);
		if (r != -EAGAIN || socket_is_hung_up(carrier)) {
			break;
		}
		/* The host reads packets at the latest when it has nothing else to do. */
		struct pollfd wait = { .fd = carrier->socket, .events = POLLOUT };
		(void)poll(&wait, 1, SEND_TIMEOUT_MS);
	}
	close_fd(share);
	return r == -EAGAIN ? -EPIPE : r;
}

static void socket_ring_doorbell(struct sl_guest_carrier *carrier)
{
	const uint64_t one = 1;

	/* It fails only if the counter is full, and then it has been rung. */
	(void)!write(carrier->doorbell, &one, sizeof(one));
}

/* The host's kernel is ours. */
static void socket_sleep(struct sl_guest_carrier *carrier, struct sl_sync_page *sync, uint32_t seq,
			 uint64_t timeout_ns)
{
	sl_sync_sleep(sync, seq, timeout_ns);
}

static void socket_wake(struct sl_guest_carrier *carrier, struct sl_sync_page *sync)
{
	sl_sync_wake(sync);
}

const struct sl_guest_carrier_ops sl_guest_carrier_socket = {
	.shares_cpus = true,
	.open = socket_open,
	.close = socket_close,
	.abandon = socket_abandon,
	.alloc = socket_alloc,
	.dup = socket_dup,
	.free = socket_free,
	.greet = socket_greet,
	.send_packet = socket_send_packet,
	.ring_doorbell = socket_ring_doorbell,
	.is_hung_up = socket_is_hung_up,
	.sleep = socket_sleep,
	.wake = socket_wake,
};
