/* SPDX-License-Identifier: MIT */
/* Process attributes, descriptors, and the system call filter. */
#include "host/sandbox/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Enough for a driver's devices and caches; shared memory keeps no descriptor. */
#define MAX_FDS 1024

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

int sl_sandbox_enter(int keep_fd)
{
	pid_t parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		return -errno;
	}
	if (getppid() != parent) {
		return -ESRCH; /* it died before it was watched */
	}
	int r = close_strays(keep_fd);

	if (r < 0) {
		return r;
	}
	r = limit(RLIMIT_CORE, 0);
	return r < 0 ? r : limit(RLIMIT_NOFILE, MAX_FDS);
}

static const int denied_calls[] = {
	/* Other programs and processes. */
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(kcmp),
	SCMP_SYS(rt_sigqueueinfo),
	SCMP_SYS(rt_tgsigqueueinfo),
	SCMP_SYS(tkill),
	SCMP_SYS(setrlimit),
	/* The network. */
	SCMP_SYS(socket),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	/* The system's configuration. */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(reboot),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(acct),
	SCMP_SYS(quotactl),
	SCMP_SYS(syslog),
	SCMP_SYS(personality),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	/* Large parts of the kernel that no driver needs. */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(lookup_dcookie),
	SCMP_SYS(vhangup),
};

/* Signals: to itself only. */
static int deny_reaching_others(scmp_filter_ctx filter)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(kill), 1,
				 SCMP_A0(SCMP_CMP_NE, self));

	if (r == 0) {
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_NE, self));
	}
	/* Limits may be read, and are final. */
	if (r == 0) {
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1,
				     SCMP_A2(SCMP_CMP_NE, 0));
	}
	return r;
}

/* Threads yes, processes no. clone3() hides its flags from filters: without it the C library
 * falls back to clone(). */
static int deny_children(scmp_filter_ctx filter)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (r == 0) {
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	}
	return r;
}

static int fill_filter(scmp_filter_ctx filter)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	/* A tree instead of a list: the depth of the filter is paid at each system call on
	 * kernels that do not cache its verdicts. */
	if (r == 0) {
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		r = deny_children(filter);
	}
	if (r == 0) {
		r = deny_reaching_others(filter);
	}
	for (size_t i = 0; r == 0 && i < sizeof(denied_calls) / sizeof(denied_calls[0]); i++) {
		/* Negative numbers stand for calls that this machine does not have. */
		if (denied_calls[i] >= 0) {
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied_calls[i], 0);
		}
	}
	return r;
}

int sl_sandbox_lock(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (filter == NULL) {
		return -ENOMEM;
	}
	int r = fill_filter(filter);

	if (r == 0) {
		r = seccomp_load(filter);
	}
	seccomp_release(filter);
	return r;
}
