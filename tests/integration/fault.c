/* SPDX-License-Identifier: MIT */
/* To be preloaded: one request for memory, a mapping, a thread or a descriptor fails, once.
 *
 *	FAULT_PROGRAM  name of the process in which; others are left alone
 *	FAULT_MODULE   end of the name of the library whose requests count; empty: the program's own
 *	FAULT_EXCEPT   a kind of request, such as strdup, that neither counts nor fails, or unset
 *	FAULT_NUMBER   a file of 8 bytes: the number of the request that fails, from 1
 *	FAULT_LIVE     set: the file is mapped, so that the number can be set while the process runs
 *
 * Says so on standard error when it happens: a program that does not get so far says nothing. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
int __vasprintf_chk(char **ret_text, int flag, const char *format, va_list args);

static const char *module; /* NULL: nothing fails here */
static const char *except;
static _Atomic uint64_t own_left;
static _Atomic uint64_t *left = &own_left;

static __attribute__((constructor)) void begin(void)
{
	const char *program = getenv("FAULT_PROGRAM");
	const char *path = getenv("FAULT_NUMBER");
	uint64_t number;

	if (program == NULL || path == NULL ||
	    strcmp(program, program_invocation_short_name) != 0) {
		return;
	}
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || read(fd, &number, sizeof(number)) != sizeof(number)) {
		abort();
	}
	own_left = number;
	if (getenv("FAULT_LIVE") != NULL) {
		left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	if (left == MAP_FAILED) {
		abort();
	}
	close(fd);
	except = getenv("FAULT_EXCEPT");
	module = getenv("FAULT_MODULE");
}

static bool is_counted(const void *caller, const char *what)
{
	struct dl_find_object object;

	if (module == NULL || atomic_load(left) == 0 ||
	    (except != NULL && strcmp(except, what) == 0) ||
	    _dl_find_object((void *)caller, &object) != 0) {
		return false;
	}
	const char *name = object.dlfo_link_map->l_name;
	size_t length = strlen(name);
	size_t wanted = strlen(module);

	return wanted == 0 ? length == 0
			   : length >= wanted && strcmp(name + length - wanted, module) == 0;
}

/* Is it this request that fails? */
static bool fails(const void *caller, const char *what)
{
	char line[64];

	if (!is_counted(caller, what) || atomic_fetch_sub(left, 1) != 1) {
		return false;
	}
	int size = snprintf(line, sizeof(line), "failed on purpose: %s\n", what);

	if (write(STDERR_FILENO, line, (size_t)size) < 0) {
		abort();
	}
	return true;
}

#define CALLER __builtin_extract_return_addr(__builtin_return_address(0))

/* The next definition of a function that the C library has no other name for. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

EXPORT void *malloc(size_t size)
{
	if (fails(CALLER, "malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	if (fails(CALLER, "calloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(count, size);
}

EXPORT void *realloc(void *memory, size_t size)
{
	if (fails(CALLER, "realloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(memory, size);
}

EXPORT void *reallocarray(void *memory, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || fails(CALLER, "reallocarray")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(memory, bytes);
}

EXPORT char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = fails(CALLER, "strdup") ? NULL : __libc_malloc(size);

	if (copy == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	return memcpy(copy, text, size);
}

EXPORT char *strndup(const char *text, size_t most)
{
	size_t length = strnlen(text, most);
	char *copy = fails(CALLER, "strndup") ? NULL : __libc_malloc(length + 1);

	if (copy == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	copy[length] = '\0';
	return memcpy(copy, text, length);
}

/* What is compiled with _FORTIFY_SOURCE calls vasprintf() by this name. */
EXPORT int __vasprintf_chk(char **ret_text, int flag, const char *format, va_list args)
{
	if (fails(CALLER, "vasprintf")) {
		errno = ENOMEM;
		return -1;
	}
	return NEXT(__vasprintf_chk)(ret_text, flag, format, args);
}

EXPORT void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (fails(CALLER, "mmap")) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return NEXT(mmap)(address, size, protection, flags, fd, offset);
}

EXPORT int memfd_create(const char *name, unsigned int flags)
{
	if (fails(CALLER, "memfd_create")) {
		errno = EMFILE;
		return -1;
	}
	return NEXT(memfd_create)(name, flags);
}

EXPORT int epoll_create1(int flags)
{
	if (fails(CALLER, "epoll_create1")) {
		errno = EMFILE;
		return -1;
	}
	return NEXT(epoll_create1)(flags);
}

EXPORT int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD && fails(CALLER, "epoll_ctl")) {
		errno = ENOMEM;
		return -1;
	}
	return NEXT(epoll_ctl)(epoll_fd, operation, fd, event);
}

EXPORT int timerfd_create(int clock, int flags)
{
	if (fails(CALLER, "timerfd_create")) {
		errno = EMFILE;
		return -1;
	}
	return NEXT(timerfd_create)(clock, flags);
}

EXPORT int signalfd(int fd, const sigset_t *mask, int flags)
{
	if (fd < 0 && fails(CALLER, "signalfd")) {
		errno = EMFILE;
		return -1;
	}
	return NEXT(signalfd)(fd, mask, flags);
}

EXPORT int eventfd(unsigned int count, int flags)
{
	if (fails(CALLER, "eventfd")) {
		errno = EMFILE;
		return -1;
	}
	return NEXT(eventfd)(count, flags);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*run)(void *data), void *data)
{
	if (fails(CALLER, "pthread_create")) {
		return EAGAIN;
	}
	return NEXT(pthread_create)(thread, attributes, run, data);
}
