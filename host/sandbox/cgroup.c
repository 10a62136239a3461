/* SPDX-License-Identifier: MIT */
/* Control groups (version 2): how much memory and how many threads a renderer may have, whatever it
 * gets them for. The kernel ends one that takes more, and nobody else.
 *
 * The daemon uses what it was given: a group with nobody else in it, where it may make others
 * (systemd: Delegate=). A group that has members cannot limit those below it, so the daemon
 * moves to one of its own. */
#include "host/sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/fd.h"

#define OWN_GROUP "daemon"
/* Of the process; drivers start some for each core. */
#define MAX_PIDS 1024

struct sl_sandbox_cgroup {
	int dir; /* the daemon's old group, which all others are in */
	uint64_t last_id;
};

/* Where version 2 is mounted: alone, or beside version 1. */
static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

static int write_text(int dir, const char *path, const char *text)
{
	SL_AUTO_CLOSE int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	size_t size = strlen(text);

	if (fd < 0) {
		return -errno;
	}
	ssize_t n = write(fd, text, size);

	return n == (ssize_t)size ? 0 : n < 0 ? -errno : -EIO;
}

/* Returns 0 with as much of the file as fits, or -errno. */
static int read_text(int dir, const char *path, char *ret_text, size_t size)
{
	SL_AUTO_CLOSE int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		return -errno;
	}
	ssize_t n = read(fd, ret_text, size - 1);

	if (n < 0) {
		return -errno;
	}
	ret_text[n] = '\0';
	return 0;
}

/* The group that this process is in. Returns a descriptor of its directory, or -errno. */
static int open_own_group(void)
{
	char text[PATH_MAX];
	char path[PATH_MAX + 32];
	int r = read_text(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
	/* With version 1 beside it, its line is one of several; it comes last. */
	char *line = r == 0 ? strstr(text, "0::/") : NULL;

	if (line == NULL || (line != text && line[-1] != '\n')) {
		return -ENOTSUP;
	}
	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		snprintf(path, sizeof(path), "%s%s/cgroup.controllers", mounts[i], line + 3);
		if (access(path, F_OK) == 0) {
			*strrchr(path, '/') = '\0';
			int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			return fd < 0 ? -errno : fd;
		}
	}
	return -ENOTSUP;
}

/* Nobody else in it: then it was made for this process, and may be divided. */
static bool is_alone(int dir)
{
	char text[64];
	char own[32];

	snprintf(own, sizeof(own), "%d\n", (int)getpid());
	return read_text(dir, "cgroup.procs", text, sizeof(text)) == 0 && strcmp(text, own) == 0;
}

/* Returns 0 or -errno; then the process is where it was. */
static int divide(int dir)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (mkdirat(dir, OWN_GROUP, 0755) < 0 && errno != EEXIST) {
		return -errno;
	}
	int r = write_text(dir, OWN_GROUP "/cgroup.procs", pid);

	if (r == 0) {
		r = write_text(dir, "cgroup.subtree_control", "+memory +pids");
		if (r < 0) {
			write_text(dir, "cgroup.procs", pid);
		}
	}
	if (r < 0) {
		unlinkat(dir, OWN_GROUP, AT_REMOVEDIR);
	}
	return r;
}

int sl_sandbox_cgroup_create(struct sl_sandbox_cgroup **ret_cgroup)
{
	SL_AUTO_CLOSE int dir = open_own_group();

	if (dir < 0) {
		return dir;
	}
	if (!is_alone(dir)) {
		return -EBUSY;
	}
	struct sl_sandbox_cgroup *cgroup = calloc(1, sizeof(*cgroup));

	if (cgroup == NULL) {
		return -ENOMEM;
	}
	int r = divide(dir);

	if (r < 0) {
		free(cgroup);
		return r;
	}
	cgroup->dir = sl_steal_fd(&dir);
	*ret_cgroup = cgroup;
	return 0;
}

void sl_sandbox_cgroup_destroy(struct sl_sandbox_cgroup *cgroup)
{
	if (cgroup != NULL) {
		sl_fd_close(cgroup->dir);
		free(cgroup);
	}
}

static void name_group(uint64_t id, char name[32])
{
	snprintf(name, 32, "renderer-%llu", (unsigned long long)id);
}

static int set_limit(int dir, const char *name, const char *limit, uint64_t value)
{
	char path[64];
	char text[32];

	snprintf(path, sizeof(path), "%s/%s", name, limit);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return write_text(dir, path, text);
}

/* The limits of a new group. */
static int set_limits(int dir, const char *name, uint64_t memory_bytes)
{
	int r = set_limit(dir, name, "pids.max", MAX_PIDS);

	if (r < 0 || memory_bytes == UINT64_MAX) {
		return r;
	}
	r = set_limit(dir, name, "memory.max", memory_bytes);
	if (r < 0) {
		return r;
	}
	/* Else it would go on in the host's swap. Not every kernel counts that. */
	r = set_limit(dir, name, "memory.swap.max", 0);
	return r == -ENOENT ? 0 : r;
}

int sl_sandbox_cgroup_add(struct sl_sandbox_cgroup *cgroup, uint64_t memory_bytes, uint64_t *ret_id)
{
	char name[32];
	int r = -EEXIST;

	/* A daemon that was killed left its groups behind. */
	while (r == -EEXIST) {
		name_group(++cgroup->last_id, name);
		unlinkat(cgroup->dir, name, AT_REMOVEDIR);
		r = mkdirat(cgroup->dir, name, 0755) < 0 ? -errno : 0;
	}
	if (r == 0) {
		r = set_limits(cgroup->dir, name, memory_bytes);
		if (r < 0) {
			unlinkat(cgroup->dir, name, AT_REMOVEDIR);
		}
	}
	*ret_id = cgroup->last_id;
	return r;
}

int sl_sandbox_cgroup_move(const struct sl_sandbox_cgroup *cgroup, uint64_t id, pid_t pid)
{
	char name[32];
	char path[64];
	char text[32];

	name_group(id, name);
	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	snprintf(text, sizeof(text), "%d", (int)pid);
	return write_text(cgroup->dir, path, text);
}

bool sl_sandbox_cgroup_overran(const struct sl_sandbox_cgroup *cgroup, uint64_t id)
{
	char name[32];
	char path[64];
	char text[512];

	name_group(id, name);
	snprintf(path, sizeof(path), "%s/memory.events", name);
	if (read_text(cgroup->dir, path, text, sizeof(text)) < 0) {
		return false;
	}
	const char *line = strstr(text, "oom_kill ");

	return line != NULL && strtoull(line + strlen("oom_kill "), NULL, 10) > 0;
}

void sl_sandbox_cgroup_remove(const struct sl_sandbox_cgroup *cgroup, uint64_t id)
{
	char name[32];

	name_group(id, name);
	unlinkat(cgroup->dir, name, AT_REMOVEDIR);
}
