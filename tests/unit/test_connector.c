/* SPDX-License-Identifier: MIT */
/* The process that connects to the daemon for the device's. */
#include "host/base/fd.h"
#include "host/vgpu/connector.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	HANG_SECONDS = 30,
	RUNS = 100,
	DEVICE_STATUS = 5
};

struct fixture {
	char directory[32];
	struct sockaddr_un addr;
	int listener;
	int sockets[2]; /* the connector's, the device's */
};

static void init(struct fixture *f)
{
	*f = (struct fixture){ .addr.sun_family = AF_UNIX };
	strcpy(f->directory, "/tmp/sl-connector.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->addr.sun_path, sizeof(f->addr.sun_path), "%s/guest.sock", f->directory);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&f->addr, sizeof(f->addr)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->sockets), 0);
}

static void finish(struct fixture *f)
{
	sl_fd_close(f->listener);
	sl_fd_close(f->sockets[0]);
	unlink(f->addr.sun_path);
	rmdir(f->directory);
}

/* Run the connector with device() as the other process. Returns what the connector returns. */
static int run(struct fixture *f, int (*device)(int socket))
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		close(f->sockets[0]);
		_exit(device(f->sockets[1]));
	}
	close(f->sockets[1]);
	alarm(HANG_SECONDS);
	int status = sl_vgpu_connector_run(f->sockets[0], f->listener, f->addr.sun_path, child);
	alarm(0);
	return status;
}

static int connect_twice(int socket)
{
	int serve = sl_vgpu_connector_receive(socket);

	for (int i = 0; i < 2; i++) {
		int fd = sl_vgpu_connector_connect(socket, false);

		if (serve < 0 || fd < 0) {
			return 1;
		}
		sl_fd_close(fd);
	}
	return DEVICE_STATUS;
}

static void test_connects_as_often_as_asked(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(run(&f, connect_twice), DEVICE_STATUS);
	finish(&f);
}

static int connect_to_nobody(int socket)
{
	int serve = sl_vgpu_connector_receive(socket);
	int fd = sl_vgpu_connector_connect(socket, false);

	return serve >= 0 && fd == -ENOENT ? DEVICE_STATUS : 1;
}

static void test_missing_daemon_is_told(void **state)
{
	struct fixture f;

	init(&f);
	unlink(f.addr.sun_path);
	assert_int_equal(run(&f, connect_to_nobody), DEVICE_STATUS);
	finish(&f);
}

/* Continues its parent once that has stopped. */
static void continue_parent(void)
{
	pid_t parent = getppid();
	char path[64];
	char stat[256] = "";

	snprintf(path, sizeof(path), "/proc/%d/stat", parent);
	do {
		SL_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t size = fd >= 0 ? read(fd, stat, sizeof(stat) - 1) : 0;

		stat[size > 0 ? size : 0] = '\0';
	} while (strstr(stat, ") T ") == NULL && getppid() == parent);
	kill(parent, SIGCONT);
	_exit(0);
}

static int stop_and_connect(int socket)
{
	int serve = sl_vgpu_connector_receive(socket);
	pid_t helper = fork();

	if (helper == 0) {
		continue_parent();
	}
	raise(SIGSTOP);
	waitpid(helper, NULL, 0);
	int fd = sl_vgpu_connector_connect(socket, false);
	return serve >= 0 && fd >= 0 ? DEVICE_STATUS : 1;
}

/* As a debugger does it. */
static void test_stopped_device_goes_on(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(run(&f, stop_and_connect), DEVICE_STATUS);
	finish(&f);
}

static int crash(int socket)
{
	raise(SIGKILL);
	return 0;
}

static void test_killed_device_is_told(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(run(&f, crash), 128 + SIGKILL);
	finish(&f);
}

/* Another thread may be given a signal that both wait for. */
static void *take_signals(void *arg)
{
	atomic_bool *stopping = arg;
	const struct timespec soon = { .tv_nsec = 10000000 };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	while (!atomic_load(stopping)) {
		sigtimedwait(&mask, NULL, &soon);
	}
	return NULL;
}

static void test_signal_taken_by_another(void **state)
{
	atomic_bool stopping = false;
	pthread_t thread;
	struct fixture f;

	assert_int_equal(pthread_create(&thread, NULL, take_signals, &stopping), 0);
	for (int i = 0; i < RUNS; i++) {
		init(&f);
		assert_int_equal(run(&f, connect_twice), DEVICE_STATUS);
		finish(&f);
	}
	atomic_store(&stopping, true);
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connects_as_often_as_asked),
		cmocka_unit_test(test_missing_daemon_is_told),
		cmocka_unit_test(test_stopped_device_goes_on),
		cmocka_unit_test(test_killed_device_is_told),
		cmocka_unit_test(test_signal_taken_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
