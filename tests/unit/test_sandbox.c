/* SPDX-License-Identifier: MIT */
/* What a locked process can do and what it cannot. Each test runs in a child of its own, since
 * there is no way back. */
#include "host/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Returns the line of the first check that failed in the child, 0 if none did, -1 for a signal. */
static int run_in_child(int (*body)(void))
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		_exit(body());
	}
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Exit statuses hold 8 bits: enough to tell which check it was. */
#define CHECK(condition)                       \
	do {                                   \
		if (!(condition)) {            \
			return __LINE__ & 255; \
		}                              \
	} while (0)

static bool is_denied(long result)
{
	return result == -1 && errno == EPERM;
}

static int strays_are_closed(void)
{
	int stray = open("/dev/null", O_RDONLY);
	int kept = open("/dev/null", O_RDONLY);
	int other = open("/dev/null", O_RDONLY);

	CHECK(stray > STDERR_FILENO && kept > stray && other > kept);
	CHECK(sl_sandbox_enter(kept) == 0);
	CHECK(fcntl(stray, F_GETFD) == -1);
	CHECK(fcntl(other, F_GETFD) == -1);
	CHECK(fcntl(kept, F_GETFD) != -1);
	CHECK(fcntl(STDERR_FILENO, F_GETFD) != -1);
	return 0;
}

static int attributes_are_set(void)
{
	struct rlimit core;
	int signal_number = 0;

	CHECK(sl_sandbox_enter(STDERR_FILENO) == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_DUMPABLE) == 0);
	CHECK(prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == SIGKILL);
	CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	return 0;
}

static int lock(void)
{
	int r = sl_sandbox_enter(STDERR_FILENO);

	return r < 0 ? r : sl_sandbox_lock();
}

static int programs_are_denied(void)
{
	char *const argv[] = { (char *)"true", NULL };

	CHECK(lock() == 0);
	CHECK(is_denied(execv("/bin/true", argv)));
	CHECK(is_denied(fork()));
	CHECK(is_denied(vfork()));
	return 0;
}

static int network_is_denied(void)
{
	int pair[2];

	CHECK(lock() == 0);
	CHECK(is_denied(socket(AF_INET, SOCK_STREAM, 0)));
	CHECK(is_denied(socket(AF_UNIX, SOCK_STREAM, 0)));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	return 0;
}

static int other_processes_are_out_of_reach(void)
{
	struct rlimit limit = { 0 };

	CHECK(lock() == 0);
	CHECK(is_denied(kill(getppid(), 0)));
	CHECK(is_denied(kill(-1, 0)));
	CHECK(kill(getpid(), 0) == 0);
	CHECK(is_denied(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL)));
	CHECK(prlimit(0, RLIMIT_CORE, NULL, &limit) == 0);
	CHECK(is_denied(prlimit(0, RLIMIT_CORE, &limit, NULL)));
	CHECK(is_denied(prlimit(getppid(), RLIMIT_CORE, &limit, NULL)));
	return 0;
}

static void *return_data(void *data)
{
	return data;
}

/* What drivers and their compilers do all the time. */
static int drivers_can_work(void)
{
	pthread_t thread;
	void *result = NULL;
	int fd;

	CHECK(lock() == 0);
	CHECK(pthread_create(&thread, NULL, return_data, &fd) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == &fd);
	fd = open("/dev/null", O_RDWR);
	CHECK(fd >= 0);
	uint8_t *code =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(code != MAP_FAILED);
	CHECK(mprotect(code, 4096, PROT_READ | PROT_EXEC) == 0);
	CHECK(memfd_create("test", MFD_CLOEXEC) >= 0);
	return 0;
}

static void *wait_for_lock(void *data)
{
	int *pipe_end = data;
	char byte;

	if (read(*pipe_end, &byte, 1) != 1) {
		return NULL;
	}
	return is_denied(socket(AF_INET, SOCK_STREAM, 0)) ? data : NULL;
}

/* Threads that the driver started earlier are locked as well. */
static int older_threads_are_locked(void)
{
	int ends[2];
	pthread_t thread;
	void *result = NULL;

	CHECK(sl_sandbox_enter(STDERR_FILENO) == 0);
	CHECK(pipe(ends) == 0);
	CHECK(pthread_create(&thread, NULL, wait_for_lock, &ends[0]) == 0);
	CHECK(sl_sandbox_lock() == 0);
	CHECK(write(ends[1], "x", 1) == 1);
	CHECK(pthread_join(thread, &result) == 0 && result != NULL);
	return 0;
}

static void run_body(void **state)
{
	int (*const *body)(void) = *state;

	assert_int_equal(run_in_child(*body), 0);
}

#define SANDBOX_TEST(body)                                    \
	{                                                     \
		.name = #body, .test_func = run_body,         \
		.initial_state = &(int (*[1])(void)){ body }, \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SANDBOX_TEST(strays_are_closed),
		SANDBOX_TEST(attributes_are_set),
		SANDBOX_TEST(programs_are_denied),
		SANDBOX_TEST(network_is_denied),
		SANDBOX_TEST(other_processes_are_out_of_reach),
		SANDBOX_TEST(drivers_can_work),
		SANDBOX_TEST(older_threads_are_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
