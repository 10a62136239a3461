/* SPDX-License-Identifier: MIT */
/* The order in which a process gives things up. */
#include "host/sandbox/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/sandbox/sandbox_priv.h"

/* Enough for a driver's devices and caches; shared memory keeps no descriptor. */
#define MAX_FDS 1024
/* Of the process, where it has a user namespace to be counted in. */
#define MAX_THREADS 1024

static int close_range_from(unsigned int first, unsigned int last)
{
	if (first > last) {
		return 0;
	}
	return syscall(SYS_close_range, first, last, 0) < 0 ? -errno : 0;
}

/* Whatever the parent forgot to mark close-on-exec. */
static int close_strays(int keep_fd)
{
	unsigned int keep = (unsigned int)keep_fd;
	int r = keep > STDERR_FILENO ? close_range_from(STDERR_FILENO + 1, keep - 1) : 0;

	return r < 0 ? r : close_range_from(keep + 1, ~0u);
}

static int limit(int resource, rlim_t value)
{
	struct rlimit current;

	if (getrlimit(resource, &current) < 0) {
		return -errno;
	}
	if (current.rlim_max > value) {
		current.rlim_max = value;
	}
	if (current.rlim_cur > current.rlim_max) {
		current.rlim_cur = current.rlim_max;
	}
	return setrlimit(resource, &current) < 0 ? -errno : 0;
}

/* Private memory that can be written. 0: not known. */
static uint64_t get_own_bytes(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file != NULL) {
		if (fscanf(file, "%*u %*u %*u %*u %*u %llu", &pages) != 1) {
			pages = 0;
		}
		fclose(file);
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A control group counts what is shared and the kernel's, too, and is the better limit. */
static int limit_memory(const struct sl_sandbox_options *options, uint64_t own_bytes)
{
	uint64_t limit_bytes;

	if (options->memory_bytes == 0 || (options->namespaces & SL_SANDBOX_CGROUP) != 0 ||
	    __builtin_add_overflow(own_bytes, options->memory_bytes, &limit_bytes)) {
		return 0;
	}
	return limit(RLIMIT_DATA, limit_bytes);
}

static int set_limits(bool has_user_ns)
{
	static const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, MAX_FDS },
		{ RLIMIT_MSGQUEUE, 0 },
		{ RLIMIT_RTPRIO, 0 },
	};
	int r = has_user_ns ? limit(RLIMIT_NPROC, MAX_THREADS) : 0;

	for (size_t i = 0; r == 0 && i < sizeof(limits) / sizeof(limits[0]); i++) {
		r = limit((int)limits[i].resource, limits[i].value);
	}
	return r;
}

/* A process that was not started in namespaces gives itself those that need no new process.
 * Returns the mask of what it has. */
static uint32_t make_namespaces(const struct sl_sandbox_options *options)
{
	const int flags = CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS;
	const uint32_t others = SL_SANDBOX_NET_NS | SL_SANDBOX_IPC_NS | SL_SANDBOX_MOUNT_NS;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if ((options->namespaces & SL_SANDBOX_NAMESPACES) != 0) {
		return options->namespaces & SL_SANDBOX_NAMESPACES;
	}
	if (unshare(CLONE_NEWUSER | flags) == 0) {
		return sl_sandbox_map_ids(uid, gid) < 0 ? SL_SANDBOX_USER_NS
							: SL_SANDBOX_USER_NS | others;
	}
	return unshare(flags) == 0 ? others : 0;
}

/* Returns the mask of what is missing, or -errno. */
static int enter_files(const struct sl_sandbox_options *options, uint32_t namespaces)
{
	struct sl_sandbox_paths paths;
	uint32_t missing = 0;
	bool has_root = false;
	int r = sl_sandbox_paths_init(&paths, options->role);

	if (r == 0 && (namespaces & SL_SANDBOX_MOUNT_NS) != 0) {
		has_root = sl_sandbox_root_enter(&paths, (namespaces & SL_SANDBOX_PID_NS) != 0,
						 &missing) == 0;
	}
	if (!has_root) {
		missing |= SL_SANDBOX_MOUNT_NS | SL_SANDBOX_PROC;
	}
	if (r == 0 && (sl_sandbox_drop_capabilities() < 0)) {
		missing |= SL_SANDBOX_CAPABILITIES;
	}
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		r = -errno;
	}
	if (r == 0 && sl_sandbox_landlock_enter(&paths, has_root) < 0) {
		missing |= SL_SANDBOX_LANDLOCK;
	}
	sl_sandbox_paths_finish(&paths);
	return r < 0 ? r : (int)missing;
}

static void end_process(int signal_number)
{
	_exit(128 + signal_number);
}

/* Process 1 of a namespace gets no signal that it does not handle, nor its own SIGABRT. */
static void be_process_1(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGABRT };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		signal(signals[i], end_process);
	}
}

/* The renderer dies with the daemon; a virtual machine's device outlives who started it. */
static int bind_life(enum sl_sandbox_role role, pid_t parent)
{
	if (role == SL_SANDBOX_VGPU) {
		return 0;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
		return -errno;
	}
	return getppid() == parent ? 0 : -ESRCH; /* it died before it was watched */
}

int sl_sandbox_enter(const struct sl_sandbox_options *options, uint32_t *ret_missing)
{
	pid_t parent = getppid();
	uint64_t own_bytes = get_own_bytes();
	uint32_t namespaces = 0;
	int r = close_strays(options->keep_fd);

	*ret_missing = 0;
	if (r == 0 && options->mode != SL_SANDBOX_OFF) {
		namespaces = make_namespaces(options);
		r = enter_files(options, namespaces);
		if (r >= 0) {
			*ret_missing = (uint32_t)r | (SL_SANDBOX_NAMESPACES & ~namespaces);
		}
		/* A device is where who started it has put it. */
		if (r >= 0 && options->role != SL_SANDBOX_VGPU) {
			*ret_missing |= SL_SANDBOX_CGROUP & ~options->namespaces;
		}
	}
	/* After the others: new credentials undo what is set here. */
	if ((namespaces & SL_SANDBOX_PID_NS) != 0) {
		be_process_1();
	}
	if (r >= 0) {
		r = set_limits((namespaces & SL_SANDBOX_USER_NS) != 0);
	}
	if (r >= 0) {
		r = limit_memory(options, own_bytes);
	}
	if (r >= 0 &&
	    (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)) {
		r = -errno;
	}
	return r < 0 ? r : bind_life(options->role, parent);
}

int sl_sandbox_lock(const struct sl_sandbox_options *options, bool has_hardware)
{
	return options->mode == SL_SANDBOX_OFF
		       ? 0
		       : sl_sandbox_filter_install(options->role, has_hardware);
}

static const char *const mode_names[] = {
	[SL_SANDBOX_AUTO] = "auto",
	[SL_SANDBOX_REQUIRED] = "required",
	[SL_SANDBOX_OFF] = "off",
};

const char *sl_sandbox_mode_name(enum sl_sandbox_mode mode)
{
	return mode_names[mode];
}

int sl_sandbox_parse_mode(const char *name, enum sl_sandbox_mode *ret_mode)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (strcmp(name, mode_names[i]) == 0) {
			*ret_mode = (enum sl_sandbox_mode)i;
			return 0;
		}
	}
	return -EINVAL;
}

void sl_sandbox_describe(uint32_t missing, char *ret_text, size_t size)
{
	static const char *const names[] = {
		"no user namespace",	     "no pid namespace",
		"no network namespace",	     "no ipc namespace",
		"no file system of its own", "no /proc of its own",
		"capabilities kept",	     "no Landlock",
		"no system call filter",     "no control group of its own",
	};
	size_t used = 0;

	snprintf(ret_text, size, "complete");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && used < size; i++) {
		if ((missing >> i & 1) != 0) {
			used += (size_t)snprintf(ret_text + used, size - used, "%s%s",
						 used > 0 ? ", " : "", names[i]);
		}
	}
}
