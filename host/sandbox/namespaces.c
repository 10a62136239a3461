/* SPDX-License-Identifier: MIT */
/* Children in namespaces of their own, and capabilities. */
#include "host/sandbox/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_NAMESPACES (CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS)

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		return -errno;
	}
	ssize_t n = write(fd, text, strlen(text));
	int r = n < 0 ? -errno : 0;

	close(fd);
	return r;
}

int sl_sandbox_map_ids(uid_t uid, gid_t gid)
{
	char text[64];
	int r = write_file("/proc/self/setgroups", "deny");

	if (r < 0 && r != -ENOENT) {
		return r;
	}
	snprintf(text, sizeof(text), "0 %u 1\n", uid);
	r = write_file("/proc/self/uid_map", text);
	if (r < 0) {
		return r;
	}
	snprintf(text, sizeof(text), "0 %u 1\n", gid);
	return write_file("/proc/self/gid_map", text);
}

static unsigned long clone_flags(uint32_t namespaces)
{
	unsigned long flags = 0;

	if ((namespaces & ~(uint32_t)SL_SANDBOX_USER_NS) != 0) {
		flags |= OTHER_NAMESPACES;
	}
	return (namespaces & SL_SANDBOX_USER_NS) != 0 ? flags | CLONE_NEWUSER : flags;
}

/* There is no clone() without a stack of its own in the C library. */
static pid_t clone_process(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	return pid < 0 ? -errno : (pid_t)pid;
}

pid_t sl_sandbox_fork(uint32_t namespaces)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (namespaces == 0) {
		pid_t pid = fork();

		return pid < 0 ? -errno : pid;
	}
	pid_t pid = clone_process(clone_flags(namespaces));
	if (pid == 0 && (namespaces & SL_SANDBOX_USER_NS) != 0 &&
	    sl_sandbox_map_ids(uid, gid) < 0) {
		_exit(125);
	}
	return pid;
}

/* Some systems give a user namespace, but no rights in it. */
static bool can_fork(uint32_t namespaces)
{
	int status;
	pid_t pid = sl_sandbox_fork(namespaces);

	if (pid < 0) {
		return false;
	}
	if (pid == 0) {
		bool has_rights = mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
				  mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0;

		_exit(has_rights ? 0 : 1);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			return false;
		}
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

uint32_t sl_sandbox_probe(void)
{
	const uint32_t without_user = SL_SANDBOX_NAMESPACES & ~(uint32_t)SL_SANDBOX_USER_NS;

	if (can_fork(SL_SANDBOX_NAMESPACES)) {
		return SL_SANDBOX_NAMESPACES;
	}
	/* A user who may do anything needs no user namespace for the others. */
	return geteuid() == 0 && can_fork(without_user) ? without_user : 0;
}

int sl_sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { 0 };
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* Takes a capability itself: a process without any has nothing to take from. */
	prctl(PR_SET_SECUREBITS, bits);
	for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++) {
		prctl(PR_CAPBSET_DROP, i);
	}
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}
