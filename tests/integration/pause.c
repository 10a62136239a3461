/* SPDX-License-Identifier: MIT */
/* To be preloaded: threads pause after they have woken others, so that those can be quick.
 *
 * A driver's thread that signals the end of some work, and is not done with it yet, finds then
 * that the program has gone on. Not the process's first thread, which is the program. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define EXPORT	 __attribute__((visibility("default")))
#define PAUSE_NS 5000000

static __thread bool has_woken;

static void *next(void **known, const char *name)
{
	if (*known == NULL) {
		*known = dlsym(RTLD_NEXT, name);
	}
	return *known;
}

/* A lock is given back after its condition was signalled: then the others run. */
static void pause_if_due(void)
{
	const struct timespec time = { .tv_nsec = PAUSE_NS };

	if (has_woken && getpid() != gettid()) {
		nanosleep(&time, NULL);
	}
	has_woken = false;
}

EXPORT int pthread_cond_broadcast(pthread_cond_t *condition)
{
	static void *known;
	int (*function)(pthread_cond_t *) = next(&known, "pthread_cond_broadcast");

	has_woken = true;
	return function(condition);
}

EXPORT int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	static void *known;
	int (*function)(pthread_mutex_t *) = next(&known, "pthread_mutex_unlock");
	int r = function(mutex);

	pause_if_due();
	return r;
}

EXPORT int cnd_broadcast(cnd_t *condition)
{
	static void *known;
	int (*function)(cnd_t *) = next(&known, "cnd_broadcast");

	has_woken = true;
	return function(condition);
}

EXPORT int mtx_unlock(mtx_t *mutex)
{
	static void *known;
	int (*function)(mtx_t *) = next(&known, "mtx_unlock");
	int r = function(mutex);

	pause_if_due();
	return r;
}
