/* SPDX-License-Identifier: MIT */
/* Ownership of file descriptors and heap memory; packets with descriptors. */
#include "host/base/fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void sl_fd_close(int fd)
{
	if (fd >= 0) {
		int saved_errno = errno;

		close(fd);
		errno = saved_errno;
	}
}

void sl_fd_cleanup(int *fd)
{
	sl_fd_close(*fd);
}

void sl_free_cleanup(void *pointer_to_pointer)
{
	void *pointer;

	memcpy(&pointer, pointer_to_pointer, sizeof(pointer));
	free(pointer);
}

/* Returns how much was sent, or -errno. */
static ssize_t send_message(int socket, const void *data, size_t size, const int *fds,
			    unsigned int fd_count, int flags)
{
	union {
		char buffer[CMSG_SPACE(SL_FD_MAX_SENT * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	assert(fd_count <= SL_FD_MAX_SENT);
	if (fd_count > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buffer;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	}
	do {
		n = sendmsg(socket, &msg, MSG_NOSIGNAL | flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return errno == ECONNRESET ? -EPIPE : -errno;
	}
	return n;
}

int sl_fd_send(int socket, const void *data, size_t size, const int *fds, unsigned int fd_count)
{
	ssize_t n = send_message(socket, data, size, fds, fd_count, 0);

	return n < 0 ? (int)n : (size_t)n == size ? 0 : -EMSGSIZE;
}

ssize_t sl_fd_send_some(int socket, const void *data, size_t size, const int *fds,
			unsigned int fd_count)
{
	return send_message(socket, data, size, fds, fd_count, MSG_DONTWAIT);
}

/* Move the descriptors of one control message into fds; what does not fit is closed. */
static int take_fds(const struct cmsghdr *cmsg, int *fds, unsigned int fd_max, unsigned int *count)
{
	size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	const unsigned char *at = CMSG_DATA(cmsg);
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, at + i * sizeof(int), sizeof(fd));
		if (*count < fd_max) {
			fds[(*count)++] = fd;
		} else {
			sl_fd_close(fd);
			r = -EMSGSIZE;
		}
	}
	return r;
}

ssize_t sl_fd_receive(int socket, void *data, size_t size, int *ret_fds, unsigned int fd_max,
		      unsigned int *ret_fd_count)
{
	union {
		char buffer[CMSG_SPACE(SL_FD_MAX_SENT * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buffer,
			      .msg_controllen = sizeof(control.buffer) };
	unsigned int count = 0;
	ssize_t n;
	int r = 0;

	for (unsigned int i = 0; i < fd_max; i++) {
		ret_fds[i] = -1;
	}
	do {
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return errno == ECONNRESET ? 0 : -errno;
	}
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
		    take_fds(cmsg, ret_fds, fd_max, &count) < 0) {
			r = -EMSGSIZE;
		}
	}
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		r = -EMSGSIZE;
	}
	if (r < 0) {
		for (unsigned int i = 0; i < count; i++) {
			sl_fd_close(ret_fds[i]);
			ret_fds[i] = -1;
		}
		count = 0;
	}
	if (ret_fd_count != NULL) {
		*ret_fd_count = count;
	}
	return r < 0 ? r : n;
}

int sl_fd_create_memory(const char *name, size_t size)
{
	SL_AUTO_CLOSE int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		return -errno;
	}
	return sl_steal_fd(&fd);
}

int sl_fd_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return 0;
}
