/* SPDX-License-Identifier: MIT */
/* What a locked process can do and what it cannot. Each test runs in a child of its own, since
 * there is no way back. */
#include "host/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/base/log.h"

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

static int enter_with(enum sl_sandbox_role role, int keep_fd)
{
	const struct sl_sandbox_options options = { .role = role, .keep_fd = keep_fd };
	uint32_t missing = 0;

	return sl_sandbox_enter(&options, &missing);
}

static int enter(int keep_fd)
{
	return enter_with(SL_SANDBOX_RENDERER, keep_fd);
}

static int lock_as(enum sl_sandbox_role role)
{
	const struct sl_sandbox_options options = { .role = role };

	return sl_sandbox_lock(&options, false);
}

static int lock(void)
{
	int r = enter(STDERR_FILENO);

	return r < 0 ? r : lock_as(SL_SANDBOX_RENDERER);
}

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
	CHECK(enter(kept) == 0);
	CHECK(fcntl(stray, F_GETFD) == -1);
	CHECK(fcntl(other, F_GETFD) == -1);
	CHECK(fcntl(kept, F_GETFD) != -1);
	CHECK(fcntl(STDERR_FILENO, F_GETFD) != -1);
	return 0;
}

static int attributes_are_set(void)
{
	struct rlimit limit;
	int signal_number = 0;

	CHECK(enter(STDERR_FILENO) == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_DUMPABLE) == 0);
	CHECK(prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == SIGKILL);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= 1024);
	CHECK(getrlimit(RLIMIT_MSGQUEUE, &limit) == 0 && limit.rlim_max == 0);
	CHECK(getrlimit(RLIMIT_RTPRIO, &limit) == 0 && limit.rlim_max == 0);
	return 0;
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
	CHECK(is_denied(socketpair(AF_TIPC, SOCK_STREAM, 0, pair)));
	CHECK(is_denied(socketpair(AF_INET, SOCK_STREAM, 0, pair)));
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

/* The kernel sends signals for descriptors to whom their owner names. */
static int descriptors_signal_nobody(enum sl_sandbox_role role)
{
	const struct f_owner_ex owner = { .type = F_OWNER_PID, .pid = getppid() };
	int ends[2];

	CHECK(pipe(ends) == 0 && enter_with(role, ends[1]) == 0 && lock_as(role) == 0);
	CHECK(is_denied(fcntl(ends[1], F_SETOWN, getppid())));
	CHECK(is_denied(fcntl(ends[1], F_SETOWN_EX, &owner)));
	CHECK(is_denied(fcntl(ends[1], F_SETSIG, SIGKILL)));
	CHECK(is_denied(fcntl(ends[1], F_SETLEASE, F_RDLCK)));
	CHECK(is_denied(fcntl(ends[1], F_NOTIFY, DN_ACCESS)));
	CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
	CHECK(fcntl(ends[1], F_DUPFD_CLOEXEC, 0) >= 0);
	return 0;
}

static int descriptors_of_a_renderer_signal_nobody(void)
{
	return descriptors_signal_nobody(SL_SANDBOX_RENDERER);
}

static int descriptors_of_a_device_signal_nobody(void)
{
	return descriptors_signal_nobody(SL_SANDBOX_VGPU);
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

	CHECK(enter(STDERR_FILENO) == 0);
	CHECK(pipe(ends) == 0);
	CHECK(pthread_create(&thread, NULL, wait_for_lock, &ends[0]) == 0);
	CHECK(lock_as(SL_SANDBOX_RENDERER) == 0);
	CHECK(write(ends[1], "x", 1) == 1);
	CHECK(pthread_join(thread, &result) == 0 && result != NULL);
	return 0;
}

/* What is not listed is refused, and logged by its name, once. */
static int check_unlisted_calls(enum sl_sandbox_role role)
{
	char line[512] = "";
	int ends[2];

	CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	sl_log_init("test", SL_LOG_INFO);
	CHECK(enter_with(role, ends[0]) == 0 && lock_as(role) == 0);
	CHECK(is_denied(syscall(SYS_acct, NULL)));
	CHECK(is_denied(syscall(SYS_acct, NULL)));
	CHECK(is_denied(syscall(SYS_unshare, CLONE_NEWUSER)));
	CHECK(read(ends[0], line, sizeof(line) - 1) > 0);
	char *acct = strstr(line, "system call acct\n");
	CHECK(acct != NULL && strstr(acct + 1, "system call acct\n") == NULL);
	CHECK(strstr(line, "refused the system call unshare\n") != NULL);
	return 0;
}

static int unlisted_calls_are_logged(void)
{
	return check_unlisted_calls(SL_SANDBOX_RENDERER);
}

static int unlisted_calls_of_a_device_are_logged(void)
{
	return check_unlisted_calls(SL_SANDBOX_VGPU);
}

static int unlisted_calls_of_opengl_are_logged(void)
{
	return check_unlisted_calls(SL_SANDBOX_VIRGL);
}

static int terminals_are_out_of_reach(void)
{
	char typed = 'x';

	CHECK(lock() == 0);
	CHECK(is_denied(ioctl(STDIN_FILENO, TIOCSTI, &typed)));
	CHECK(is_denied(ioctl(STDIN_FILENO, _IO('d', 0))));
	return 0;
}

static int threads_schedule_only_themselves(void)
{
	cpu_set_t cpus;
	/* As much of struct sched_attr as there has always been. */
	struct {
		uint32_t size;
		uint32_t policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime;
		uint64_t deadline;
		uint64_t period;
	} attributes = { 0 };

	CHECK(lock() == 0);
	CHECK(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
	CHECK(sched_setaffinity(0, sizeof(cpus), &cpus) == 0);
	CHECK(is_denied(sched_setaffinity(getpid(), sizeof(cpus), &cpus)));
	CHECK(syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) == 0);
	CHECK(syscall(SYS_sched_setattr, 0, &attributes, 0) == 0);
	CHECK(is_denied(syscall(SYS_sched_setattr, getpid(), &attributes, 0)));
	return 0;
}

static int a_device_opens_no_files(void)
{
	CHECK(enter_with(SL_SANDBOX_VGPU, STDERR_FILENO) == 0);
	CHECK(open("/", O_RDONLY) < 0 || access("/usr", F_OK) < 0);
	CHECK(lock_as(SL_SANDBOX_VGPU) == 0);
	CHECK(is_denied(open("/dev/null", O_RDWR)));
	CHECK(memfd_create("test", MFD_CLOEXEC) >= 0);
	return 0;
}

/* The rest needs namespaces, which a container may not give. */

static int is_missing_from_proc(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return access(path, F_OK) < 0;
}

static bool is_hidden(const char *path)
{
	return access(path, F_OK) < 0 && open(path, O_RDONLY) < 0;
}

static int check_own_root(uint32_t missing)
{
	CHECK((missing & SL_SANDBOX_MOUNT_NS) == 0);
	CHECK(is_hidden("/root") && is_hidden("/home") && is_hidden("/var") && is_hidden("/run"));
	CHECK(is_hidden("/etc/passwd") && is_hidden("/etc/shadow") && is_hidden("/boot"));
	CHECK(open("/usr/share", O_RDONLY) >= 0 && open("/dev/null", O_RDWR) >= 0);
	CHECK(open("/usr/new", O_RDWR | O_CREAT, 0600) < 0 && mkdir("/new", 0700) < 0);
	CHECK(open("/dev/null2", O_RDWR | O_CREAT, 0600) < 0 && mknod("/tmp/n", S_IFCHR, 0x103));
	CHECK(open("/tmp/scratch", O_RDWR | O_CREAT, 0600) >= 0);
	CHECK((missing & SL_SANDBOX_PROC) != 0 || is_missing_from_proc(2));
	/* The way out that chroot() has. */
	CHECK(chroot("/tmp") < 0 && mount("none", "/usr", NULL, MS_REMOUNT | MS_BIND, NULL) < 0);
	CHECK(chdir("../../../..") == 0 && access("home", F_OK) < 0);
	return 0;
}

static int check_no_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { 0 };

	CHECK(syscall(SYS_capget, &header, sets) == 0);
	CHECK(sets[0].effective == 0 && sets[0].permitted == 0 && sets[0].inheritable == 0);
	CHECK(sets[1].effective == 0 && sets[1].permitted == 0 && sets[1].inheritable == 0);
	CHECK(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 0);
	return 0;
}

static bool is_mappable(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED && munmap(memory, size) == 0;
}

static int memory_is_limited(void)
{
	const struct sl_sandbox_options options = { .keep_fd = STDERR_FILENO,
						    .memory_bytes = 64 << 20 };
	uint32_t missing = 0;

	CHECK(sl_sandbox_enter(&options, &missing) == 0);
	CHECK(is_mappable(32 << 20));
	CHECK(!is_mappable(128 << 20));
	return 0;
}

/* Its group does that. */
static int memory_of_a_group_is_not_limited(void)
{
	const struct sl_sandbox_options options = { .keep_fd = STDERR_FILENO,
						    .namespaces = SL_SANDBOX_CGROUP,
						    .memory_bytes = 64 << 20 };
	uint32_t missing = 0;

	CHECK(sl_sandbox_enter(&options, &missing) == 0);
	CHECK(is_mappable(128 << 20));
	return 0;
}

static int run_in_namespaces(void)
{
	uint32_t missing = 0;
	int r = 0;

	const struct sl_sandbox_options options = { .keep_fd = STDERR_FILENO,
						    .namespaces = SL_SANDBOX_NAMESPACES };

	CHECK(getpid() == 1 && getppid() == 0);
	CHECK(sl_sandbox_enter(&options, &missing) == 0);
	CHECK((missing & SL_SANDBOX_NAMESPACES) == 0);
	CHECK(if_nametoindex("lo") <= 1 && if_nametoindex("eth0") == 0);
	r = check_own_root(missing);
	return r != 0 ? r : check_no_capabilities();
}

static void test_namespaces(void **state)
{
	uint32_t namespaces = sl_sandbox_probe();
	int status;

	if (namespaces != SL_SANDBOX_NAMESPACES) {
		skip();
	}
	pid_t child = sl_sandbox_fork(namespaces);
	assert_true(child >= 0);
	if (child == 0) {
		_exit(run_in_namespaces());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_texts(void **state)
{
	char text[SL_SANDBOX_TEXT_SIZE];
	enum sl_sandbox_mode mode;

	sl_sandbox_describe(0, text, sizeof(text));
	assert_string_equal(text, "complete");
	sl_sandbox_describe(SL_SANDBOX_PID_NS | SL_SANDBOX_LANDLOCK, text, sizeof(text));
	assert_string_equal(text, "no pid namespace, no Landlock");
	sl_sandbox_describe(SL_SANDBOX_ALL, text, sizeof(text));
	assert_int_equal(sl_sandbox_parse_mode("required", &mode), 0);
	assert_int_equal(mode, SL_SANDBOX_REQUIRED);
	assert_int_equal(sl_sandbox_parse_mode("on", &mode), -EINVAL);
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
		SANDBOX_TEST(descriptors_of_a_renderer_signal_nobody),
		SANDBOX_TEST(descriptors_of_a_device_signal_nobody),
		SANDBOX_TEST(unlisted_calls_are_logged),
		SANDBOX_TEST(unlisted_calls_of_a_device_are_logged),
		SANDBOX_TEST(unlisted_calls_of_opengl_are_logged),
		SANDBOX_TEST(terminals_are_out_of_reach),
		SANDBOX_TEST(threads_schedule_only_themselves),
		SANDBOX_TEST(a_device_opens_no_files),
		SANDBOX_TEST(memory_is_limited),
		SANDBOX_TEST(memory_of_a_group_is_not_limited),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
