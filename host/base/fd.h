/* SPDX-License-Identifier: MIT */
/* Ownership of file descriptors and heap memory in local variables, and descriptors sent over
 * Unix sockets. */
#ifndef SL_HOST_BASE_FD_H
#define SL_HOST_BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The most descriptors one packet may carry. */
#define SL_FD_MAX_SENT 16

/* A local variable that is released when it goes out of scope, unless it was stolen:
 *	SL_AUTO_CLOSE int fd = open(...);
 *	SL_AUTO_FREE char *text = strdup(...); */
#define SL_AUTO_CLOSE __attribute__((cleanup(sl_fd_cleanup)))
#define SL_AUTO_FREE  __attribute__((cleanup(sl_free_cleanup)))

void sl_fd_cleanup(int *fd);
void sl_free_cleanup(void *pointer_to_pointer);

/* Close if fd >= 0. errno is kept. */
void sl_fd_close(int fd);

/* Take the value over; the variable no longer owns it. */
static inline int sl_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#define sl_steal_ptr(pointer)                            \
	({                                               \
		__typeof__(pointer) *sl_at = &(pointer); \
		__typeof__(pointer) sl_stolen = *sl_at;  \
		*sl_at = NULL;                           \
		sl_stolen;                               \
	})

/* Send one packet with fd_count (at most SL_FD_MAX_SENT) descriptors, which the caller keeps.
 * Restarts when interrupted; never raises SIGPIPE.
 *
 * Returns 0; -EPIPE (nobody reads), -EAGAIN (non-blocking socket is full), -errno. */
int sl_fd_send(int socket, const void *data, size_t size, const int *fds, unsigned int fd_count);

/* The same over a stream, which takes what it has room for; the descriptors go with the first byte.
 * Never waits. Returns the number of bytes, -EPIPE, -EAGAIN (there is no room), -errno. */
ssize_t sl_fd_send_some(int socket, const void *data, size_t size, const int *fds,
			unsigned int fd_count);

/* Receive one packet of at most size bytes with at most fd_max descriptors, which the caller
 * owns afterwards (close-on-exec). Entries of ret_fds past *ret_fd_count are set to -1.
 *
 * Returns the packet's size, 0 at the end of the stream; -EMSGSIZE (the packet or its
 * descriptors did not fit; all were dropped), -EAGAIN, -errno. */
ssize_t sl_fd_receive(int socket, void *data, size_t size, int *ret_fds, unsigned int fd_max,
		      unsigned int *ret_fd_count);

/* Write all of it. Returns 0 or -errno. */
int sl_fd_write_all(int fd, const void *data, size_t size);

/* A new memfd of size zero bytes that can neither grow nor shrink. Returns the fd or -errno. */
int sl_fd_create_memory(const char *name, size_t size);

#endif
