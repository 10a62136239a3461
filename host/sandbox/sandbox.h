/* SPDX-License-Identifier: MIT */
/* Takes from a process what it does not need to serve a guest.
 *
 * Three steps, each with less left than before it: the process is started in namespaces of its own
 * (sl_sandbox_fork()), gives up everything but the files a driver is loaded from
 * (sl_sandbox_enter()), and once the driver is loaded may make only the system calls that are
 * listed for its role (sl_sandbox_lock()). */
#ifndef SL_HOST_SANDBOX_SANDBOX_H
#define SL_HOST_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sl_sandbox_mode {
	SL_SANDBOX_AUTO = 0,	 /* as much as the kernel gives */
	SL_SANDBOX_REQUIRED = 1, /* all of it, or the process serves nobody */
	SL_SANDBOX_OFF = 2,	 /* no new privileges, no strange descriptors; for debuggers */
};

enum sl_sandbox_role {
	SL_SANDBOX_RENDERER = 0, /* loads the host's GPU driver, and may be told to JIT */
	SL_SANDBOX_VGPU = 1,	 /* opens nothing, but descriptors that it is sent */
	SL_SANDBOX_VIRGL = 2,	 /* loads the host's OpenGL driver, for one virtual machine */
};

/* The walls. A mask tells which ones stand, or which are missing. */
enum sl_sandbox_part {
	SL_SANDBOX_USER_NS = 1u << 0,
	SL_SANDBOX_PID_NS = 1u << 1,
	SL_SANDBOX_NET_NS = 1u << 2, /* and UTS */
	SL_SANDBOX_IPC_NS = 1u << 3,
	SL_SANDBOX_MOUNT_NS = 1u << 4, /* a root of its own, read-only, with a driver's files */
	SL_SANDBOX_PROC = 1u << 5,     /* a /proc that shows this process only */
	SL_SANDBOX_CAPABILITIES = 1u << 6,
	SL_SANDBOX_LANDLOCK = 1u << 7,
	SL_SANDBOX_SECCOMP = 1u << 8,
	SL_SANDBOX_CGROUP = 1u << 9, /* limits of memory and threads; cgroup.h */
};
#define SL_SANDBOX_NAMESPACES 0x1fu
#define SL_SANDBOX_ALL	      0x3ffu
/* What the mode "required" insists on. Where a service manager or a container hides parts of /proc
 * the kernel gives no new one; the old one shows other processes, not into them. A control group is
 * for the service manager to give. */
#define SL_SANDBOX_NEEDED \
	(SL_SANDBOX_ALL & ~((unsigned int)SL_SANDBOX_PROC | (unsigned int)SL_SANDBOX_CGROUP))
#define SL_SANDBOX_TEXT_SIZE 256u

struct sl_sandbox_options {
	enum sl_sandbox_mode mode;
	enum sl_sandbox_role role;
	uint32_t namespaces; /* enum sl_sandbox_part: those the process was started in, and
				SL_SANDBOX_CGROUP */
	int keep_fd;	     /* stays open, beside the standard descriptors */
	/* What it may have of its own beyond what it has at its start, if no control group limits
	 * that; UINT64_MAX and 0: any. */
	uint64_t memory_bytes;
};

/* Find out which namespaces this process can give its children, by trying.
 * Returns a mask of enum sl_sandbox_part, and never more than SL_SANDBOX_NAMESPACES. */
uint32_t sl_sandbox_probe(void);

/* fork(), with the child in these namespaces (a mask from sl_sandbox_probe()): all or none. There
 * the child is process 1 and without a parent that it could see; signals that it does not handle
 * pass it by, but for SIGKILL. The caller has one thread.
 *
 * Returns as fork() does, or -errno. */
pid_t sl_sandbox_fork(uint32_t namespaces);

/* First thing in main(), before any other thread exists. Process 1 of a namespace then ends by
 * signals as others do, but with 128 + their number as its exit status. Vulkan's variables of the
 * environment tell which files beyond the system's stay readable.
 *
 * ret_missing: a mask of the walls that this kernel does not give; 0 if the mode is "off".
 * Returns 0 or -errno. */
int sl_sandbox_enter(const struct sl_sandbox_options *options, uint32_t *ret_missing);

/* Before the first byte of a guest is read, once everything is loaded. A system call that is not on
 * the role's list fails with EPERM in any thread of the process, and is logged by its name, once.
 * has_hardware: the driver talks to devices, which takes a few calls more.
 *
 * Returns 0 or -errno. */
int sl_sandbox_lock(const struct sl_sandbox_options *options, bool has_hardware);

/* The Vulkan loader found no driver among those of VK_DRIVER_FILES, and does not say why: if one of
 * their files cannot be opened, ret_why becomes a line with its name, why, and what to do about it;
 * else it stays. Loads drivers. */
void sl_sandbox_explain_driver(enum sl_sandbox_mode mode, char *ret_why, size_t why_size);

/* The name of a mode, and the mode of a name (-EINVAL: it is none). */
const char *sl_sandbox_mode_name(enum sl_sandbox_mode mode);
int sl_sandbox_parse_mode(const char *name, enum sl_sandbox_mode *ret_mode);

/* "no mount namespace, no Landlock"; "complete". */
void sl_sandbox_describe(uint32_t missing, char *ret_text, size_t size);

#endif
