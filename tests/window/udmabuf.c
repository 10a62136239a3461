/* SPDX-License-Identifier: MIT */
/* A library to preload where there is no /dev/udmabuf: it takes what the kernel would take, and
 * what it makes of a memfd can be mapped like a dma-buf. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define EXPORT	  __attribute__((visibility("default")))
#define DEVICE	  "/dev/udmabuf"
#define PAGE_SIZE 4096u

typedef int (*open_function)(const char *path, int flags, ...);
typedef int (*ioctl_function)(int fd, unsigned long request, ...);

static bool has_mode(int flags)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

/* To the linker it is open64(), as it is for whoever has 64-bit offsets. */
EXPORT int open(const char *path, int flags, ...)
{
	open_function real = (open_function)dlsym(RTLD_NEXT, "open64");
	va_list arguments;

	va_start(arguments, flags);
	mode_t mode = has_mode(flags) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return strcmp(path, DEVICE) == 0 ? memfd_create("udmabuf", MFD_CLOEXEC)
					 : real(path, flags, mode);
}

/* The kernel's conditions: drivers/dma-buf/udmabuf.c. */
static int create_dmabuf(const struct udmabuf_create *create)
{
	int seals = fcntl((int)create->memfd, F_GET_SEALS);
	struct stat status;

	if (seals < 0 || fstat((int)create->memfd, &status) < 0) {
		errno = EBADFD;
		return -1;
	}
	if ((seals & F_SEAL_SHRINK) == 0 || (seals & F_SEAL_WRITE) != 0 ||
	    create->offset % PAGE_SIZE != 0 || create->size % PAGE_SIZE != 0 || create->size == 0 ||
	    create->offset + create->size > (uint64_t)status.st_size) {
		errno = EINVAL;
		return -1;
	}
	return fcntl((int)create->memfd, F_DUPFD_CLOEXEC, 3);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	ioctl_function real = (ioctl_function)dlsym(RTLD_NEXT, "ioctl");
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return request == UDMABUF_CREATE ? create_dmabuf(argument) : real(fd, request, argument);
}
