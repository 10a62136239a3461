/* SPDX-License-Identifier: MIT */
/* Limits for each renderer in a control group of its own, where the daemon may make some. */
#ifndef SL_HOST_SANDBOX_CGROUP_H
#define SL_HOST_SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sl_sandbox_cgroup;

/* Make the process's own control group one that holds others: it moves to one of them.
 *
 * Returns 0; -EBUSY: others are in the group, so it is not for this process to divide; -ENOTSUP:
 * the kernel has none of version 2; or -errno, where it may not, or has no limits to give. */
int sl_sandbox_cgroup_create(struct sl_sandbox_cgroup **ret_cgroup);
/* The groups stay. Accepts NULL. */
void sl_sandbox_cgroup_destroy(struct sl_sandbox_cgroup *cgroup);

/* Make a group that may have so much memory (UINT64_MAX: any), and no more than 1024 threads.
 * Returns 0 with its number, or -errno. */
int sl_sandbox_cgroup_add(struct sl_sandbox_cgroup *cgroup, uint64_t memory_bytes,
			  uint64_t *ret_id);
/* Put a process into it. Returns 0 or -errno. */
int sl_sandbox_cgroup_move(const struct sl_sandbox_cgroup *cgroup, uint64_t id, pid_t pid);
/* Has the kernel ended a process of it for its memory? */
bool sl_sandbox_cgroup_overran(const struct sl_sandbox_cgroup *cgroup, uint64_t id);
/* Its processes have been waited for. */
void sl_sandbox_cgroup_remove(const struct sl_sandbox_cgroup *cgroup, uint64_t id);

#endif
