/* SPDX-License-Identifier: MIT */
/* What the files of host/sandbox share. */
#ifndef SL_HOST_SANDBOX_SANDBOX_PRIV_H
#define SL_HOST_SANDBOX_SANDBOX_PRIV_H

#include "host/sandbox/sandbox.h"

#define SL_SANDBOX_MAX_PATHS 96

enum sl_sandbox_access {
	SL_SANDBOX_READ,   /* files and directories below it too */
	SL_SANDBOX_DEVICE, /* read, write, ioctl */
	SL_SANDBOX_SCRATCH /* private and in memory: anything but programs */
};

struct sl_sandbox_path {
	char *path;
	enum sl_sandbox_access access;
};

/* What stays visible of the file system. */
struct sl_sandbox_paths {
	struct sl_sandbox_path paths[SL_SANDBOX_MAX_PATHS];
	size_t count;
};

/* Fill in what a role needs of this machine's files; sl_sandbox_paths_finish() in any case.
 * Returns 0 or -ENOMEM. */
int sl_sandbox_paths_init(struct sl_sandbox_paths *paths, enum sl_sandbox_role role);
void sl_sandbox_paths_finish(struct sl_sandbox_paths *paths);

/* Be uid 0 of a new user namespace; maps the ids that the process had before. -errno. */
int sl_sandbox_map_ids(uid_t uid, gid_t gid);

/* In an own mount namespace: put a root together of these paths, read-only, and change to it.
 * *ret_missing gets SL_SANDBOX_PROC if the process cannot have its own /proc.
 * Returns 0 or -errno; then the old root is still the root. */
int sl_sandbox_root_enter(const struct sl_sandbox_paths *paths, bool has_pid_ns,
			  uint32_t *ret_missing);

/* Allow this thread and its children these paths only. With a root of its own the scratch paths
 * count too. Returns 0, -ENOSYS or -EOPNOTSUPP (no Landlock), -errno. */
int sl_sandbox_landlock_enter(const struct sl_sandbox_paths *paths, bool has_root);

/* Drop every capability, for good. Returns 0 or -errno. */
int sl_sandbox_drop_capabilities(void);

/* Install the role's list of system calls, in all threads. Returns 0 or -errno. */
int sl_sandbox_filter_install(enum sl_sandbox_role role, bool has_hardware);

#endif
