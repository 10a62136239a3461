/* SPDX-License-Identifier: MIT */
/* The system calls of each role. What is not listed fails with EPERM and is logged once, by its
 * name: the kernel delivers SIGSYS, and the handler answers in the system call's place. */
#include "host/sandbox/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include "host/base/log.h"

#define MAX_CALLS     512u
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* A signal handler reaches nothing else. Written before the filter is installed. */
static struct {
	char *names[MAX_CALLS]; /* NULL: no such call */
	atomic_uchar is_logged[MAX_CALLS];
} blocked;

/* Threads, memory, time, and the descriptors that a process has or is sent. */
static const int core_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(lseek),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fadvise64),
	SCMP_SYS(memfd_create),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(msync),
	SCMP_SYS(mincore),
	SCMP_SYS(membarrier),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(futex_waitv),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_getattr),
	SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler),
	SCMP_SYS(sched_get_priority_max),
	SCMP_SYS(sched_get_priority_min),
	SCMP_SYS(getpriority),
	SCMP_SYS(getcpu),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getpgrp),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getgroups),
	SCMP_SYS(getresuid),
	SCMP_SYS(getresgid),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrusage),
	SCMP_SYS(times),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(eventfd2),
	SCMP_SYS(signalfd4),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(arch_prctl),
	SCMP_SYS(set_tid_address),
};

/* Files to read, which drivers, their compilers and layers load late. Which files those may be the
 * mount namespace and Landlock decide. */
static const int file_calls[] = {
	SCMP_SYS(open),	      SCMP_SYS(openat),	  SCMP_SYS(stat),	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat), SCMP_SYS(statx),	  SCMP_SYS(access),	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),     SCMP_SYS(statfs),	  SCMP_SYS(flock),
};

static const int hardware_calls[] = {
	SCMP_SYS(mlock),	 SCMP_SYS(munlock), SCMP_SYS(mlock2),
	SCMP_SYS(get_mempolicy), SCMP_SYS(kcmp),
};

/* ioctl numbers of the devices in paths.c, by their type byte: DRM, sync files, DMA buffers,
 * udmabuf and heaps, NVIDIA, KFD, DirectX (WSL), Mali, KGSL, NvMap. */
static const unsigned int hardware_ioctl_types[] = {
	'd', '>', 'b', 'u', 'H', 'F', 'K', 'G', 0x80, 0x09, 'N', 'W',
};

/* On any descriptor; what a terminal could be made to do is not among them. */
static const unsigned int common_ioctls[] = { FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS };

/* Calls that find nothing to change here, and that careful programs make all the same: refused
 * in silence. */
static const struct {
	int call;
	uint16_t error;
} quiet_calls[] = {
	/* It hides its flags from filters; without it the C library falls back to clone(). */
	{ SCMP_SYS(clone3), ENOSYS },
	{ SCMP_SYS(mkdir), EACCES },
	{ SCMP_SYS(mkdirat), EACCES },
	{ SCMP_SYS(rmdir), EACCES },
	{ SCMP_SYS(unlink), EACCES },
	{ SCMP_SYS(unlinkat), EACCES },
	{ SCMP_SYS(rename), EACCES },
	{ SCMP_SYS(renameat), EACCES },
	{ SCMP_SYS(renameat2), EACCES },
	{ SCMP_SYS(setpriority), EPERM },
	{ SCMP_SYS(sched_setscheduler), EPERM },
};

/* Not what has the kernel signal another process, or another process's open() wait. */
static const unsigned int allowed_fcntls[] = {
	F_DUPFD,  F_DUPFD_CLOEXEC, F_GETFD,	F_SETFD,      F_GETFL,	    F_SETFL,
	F_GETLK,  F_SETLK,	   F_SETLKW,	F_OFD_GETLK,  F_OFD_SETLK,  F_OFD_SETLKW,
	F_GETOWN, F_ADD_SEALS,	   F_GET_SEALS, F_GETPIPE_SZ, F_SETPIPE_SZ,
};

static const unsigned long allowed_prctls[] = {
	PR_SET_NAME,	     PR_GET_NAME,	PR_GET_DUMPABLE, PR_GET_PDEATHSIG,
	PR_GET_NO_NEW_PRIVS, PR_SET_TIMERSLACK, 0x53564d41, /* PR_SET_VMA: names of mappings */
};

static void answer_for_kernel(int signal_number, siginfo_t *info, void *data)
{
	ucontext_t *context = data;
	unsigned int call = (unsigned int)info->si_syscall;
	const char *name = call < MAX_CALLS ? blocked.names[call] : NULL;

	/* Calls newer than the list: programs expect kernels that do not have them. */
	long result = name != NULL ? -EPERM : -ENOSYS;
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
	context->uc_mcontext.regs[0] = (unsigned long)result;
#else
#error "which register holds the result of a system call?"
#endif
	if (name != NULL && atomic_exchange(&blocked.is_logged[call], 1) == 0) {
		sl_log(SL_LOG_WARNING, "the sandbox refused the system call %s", name);
	}
}

static int watch(void)
{
	struct sigaction action = { .sa_sigaction = answer_for_kernel, .sa_flags = SA_SIGINFO };
	sigset_t set;

	for (unsigned int i = 0; i < MAX_CALLS; i++) {
		free(blocked.names[i]);
		blocked.names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)i);
	}
	/* Where it is blocked the kernel ends the process instead. */
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;
}

/* Negative numbers stand for calls that this machine does not have. */
static int allow_calls(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (calls[i] >= 0) {
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
		}
	}
	return r;
}

static int refuse_quietly(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < LENGTH(quiet_calls); i++) {
		if (quiet_calls[i].call >= 0) {
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(quiet_calls[i].error),
					     quiet_calls[i].call, 0);
		}
	}
	return r;
}

/* Threads yes, processes no, and no namespaces. */
static int allow_threads(scmp_filter_ctx filter)
{
	const scmp_datum_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
					CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

	return seccomp_rule_add(
		filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | namespaces, CLONE_THREAD));
}

/* A thread may move itself to another CPU, as the renderer's does, and change its time slice, which
 * is all that the kernel lets it change without privileges: and no other's. */
static int allow_scheduling(scmp_filter_ctx filter)
{
	static const int calls[] = { SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setattr) };
	int r = 0;

	for (size_t i = 0; r == 0 && i < LENGTH(calls); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1, SCMP_A0(SCMP_CMP_EQ, 0));
		if (r == 0) {
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 1,
					     SCMP_A0(SCMP_CMP_NE, 0));
		}
	}
	return r;
}

/* Signals to itself; limits to read; its own name. */
static int allow_process(scmp_filter_ctx filter)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1,
				 SCMP_A0(SCMP_CMP_EQ, self));

	if (r == 0) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_EQ, self));
	}
	if (r == 0) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				     SCMP_A2(SCMP_CMP_EQ, 0));
	}
	for (size_t i = 0; r == 0 && i < LENGTH(allowed_prctls); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				     SCMP_A0(SCMP_CMP_EQ, allowed_prctls[i]));
	}
	return r;
}

/* The kernel looks at 32 bits of the numbers only. Sockets of other families, which some protocols
 * make in pairs, too, would lead into their code. */
static int allow_descriptors(scmp_filter_ctx filter)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, AF_UNIX));

	for (size_t i = 0; r == 0 && i < LENGTH(allowed_fcntls); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, allowed_fcntls[i]));
	}
	return r;
}

/* The kernel looks at 32 bits of the number only. */
static int allow_ioctls(scmp_filter_ctx filter, bool has_hardware)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < LENGTH(common_ioctls); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, common_ioctls[i]));
	}
	for (size_t i = 0; r == 0 && has_hardware && i < LENGTH(hardware_ioctl_types); i++) {
		r = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, hardware_ioctl_types[i] << 8));
	}
	return r;
}

/* The C library's fstat(), which names no file. sd-event asks for the machine's id to spread its
 * timers, and does without. */
static int allow_no_files(scmp_filter_ctx filter)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				 SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));

	return r == 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 0) : r;
}

static int fill_filter(scmp_filter_ctx filter, enum sl_sandbox_role role, bool has_hardware)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	/* A tree instead of a list: the depth of the filter is paid at each system call on
	 * kernels that do not cache its verdicts. */
	if (r == 0) {
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		r = allow_calls(filter, core_calls, LENGTH(core_calls));
	}
	if (r == 0 && role != SL_SANDBOX_VGPU) {
		r = allow_calls(filter, file_calls, LENGTH(file_calls));
	}
	if (r == 0 && role == SL_SANDBOX_VGPU) {
		r = allow_no_files(filter);
	}
	if (r == 0 && has_hardware) {
		r = allow_calls(filter, hardware_calls, LENGTH(hardware_calls));
	}
	if (r == 0) {
		r = allow_threads(filter);
	}
	if (r == 0) {
		r = allow_scheduling(filter);
	}
	if (r == 0) {
		r = allow_process(filter);
	}
	if (r == 0) {
		r = allow_descriptors(filter);
	}
	if (r == 0) {
		r = allow_ioctls(filter, has_hardware);
	}
	return r == 0 ? refuse_quietly(filter) : r;
}

int sl_sandbox_filter_install(enum sl_sandbox_role role, bool has_hardware)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);

	if (filter == NULL) {
		return -ENOMEM;
	}
	int r = fill_filter(filter, role, has_hardware);

	if (r == 0) {
		r = watch();
	}
	if (r == 0) {
		r = seccomp_load(filter);
	}
	seccomp_release(filter);
	return r;
}
