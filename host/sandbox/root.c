/* SPDX-License-Identifier: MIT */
/* A root directory in memory, with the few things bound into it that stay visible. */
#include "host/sandbox/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/base/fd.h"

/* Anywhere that exists on every system; hidden behind the new root afterwards. */
#define NEW_ROOT "/tmp"

/* mount(2) as a whole, not mount_setattr(2)'s header, which the C library's clashes with. */
static int make_read_only(const char *path, bool recursive)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

	return syscall(SYS_mount_setattr, AT_FDCWD, path, recursive ? AT_RECURSIVE : 0, &attributes,
		       sizeof(attributes)) < 0
		       ? -errno
		       : 0;
}

/* Make the directories on the way to path, below the new root. */
static int make_parents(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + sizeof(NEW_ROOT), '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST) {
			return -errno;
		}
		*slash = '/';
	}
	return 0;
}

static int make_target(const char *target, bool is_directory)
{
	if (is_directory) {
		return mkdir(target, 0755) < 0 && errno != EEXIST ? -errno : 0;
	}
	int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0) {
		return -errno;
	}
	close(fd);
	return 0;
}

/* fd: of what is to be seen, opened before the new root lay on top of the path. */
static int bind_file(int fd, const char *target, bool is_read_only)
{
	char source[64];
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	int r = make_target(target, S_ISDIR(st.st_mode));
	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	/* Recursive: what is mounted below may not be uncovered by an unprivileged user. */
	if (r == 0 && mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0) {
		r = -errno;
	}
	return r == 0 && is_read_only ? make_read_only(target, true) : r;
}

static int mount_scratch(const char *target)
{
	int r = make_target(target, true);

	if (r == 0 && mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV,
			    "size=64m,nr_inodes=1024,mode=1777") < 0) {
		r = -errno;
	}
	return r;
}

/* fd: the path's on the host. */
static int add_path(int fd, const struct sl_sandbox_path *path)
{
	char target[PATH_MAX];
	char link[PATH_MAX];

	if (snprintf(target, sizeof(target), NEW_ROOT "%s", path->path) >= (int)sizeof(target)) {
		return -ENAMETOOLONG;
	}
	int r = make_parents(target);
	if (r < 0) {
		return r;
	}
	if (path->access == SL_SANDBOX_SCRATCH) {
		return mount_scratch(target);
	}
	ssize_t n = readlinkat(fd, "", link, sizeof(link) - 1);
	if (n > 0) {
		link[n] = '\0';
		return symlink(link, target) < 0 && errno != EEXIST ? -errno : 0;
	}
	return bind_file(fd, target, path->access == SL_SANDBOX_READ);
}

/* Returns SL_SANDBOX_PROC if the process gets the old one to read, else 0 or -errno. */
static int add_proc(bool has_pid_ns)
{
	static const char target[] = NEW_ROOT "/proc";
	SL_AUTO_CLOSE int fd = open("/proc", O_PATH | O_CLOEXEC);

	if (fd < 0 || mkdir(target, 0555) < 0) {
		return -errno;
	}
	if (has_pid_ns && mount("proc", target, "proc",
				MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) == 0) {
		return 0;
	}
	int r = bind_file(fd, target, true);

	return r < 0 ? r : SL_SANDBOX_PROC;
}

/* The descriptors are those of the paths; -1: it went away, or cannot be seen, and is not missed.
 */
static int fill_root(const struct sl_sandbox_paths *paths, const int *fds, bool has_pid_ns)
{
	for (size_t i = 0; i < paths->count; i++) {
		int r = fds[i] >= 0 ? add_path(fds[i], &paths->paths[i]) : 0;

		if (r < 0 && r != -ENOENT && r != -EACCES) {
			return r;
		}
	}
	return paths->count > 0 ? add_proc(has_pid_ns) : 0;
}

/* pivot_root(2) does not work from a kernel's first root file system; there the old root is
 * moved over instead, and no path leads back. */
static int change_root(void)
{
	if (chdir(NEW_ROOT) < 0) {
		return -errno;
	}
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0) {
			return -errno;
		}
	} else if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0) {
		return -errno;
	}
	return chdir("/") < 0 ? -errno : make_read_only("/", false);
}

int sl_sandbox_root_enter(const struct sl_sandbox_paths *paths, bool has_pid_ns,
			  uint32_t *ret_missing)
{
	int fds[SL_SANDBOX_MAX_PATHS];
	int r = 0;

	for (size_t i = 0; i < paths->count; i++) {
		fds[i] = open(paths->paths[i].path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755") < 0) {
		r = -errno;
	}
	if (r == 0) {
		r = fill_root(paths, fds, has_pid_ns);
	}
	for (size_t i = 0; i < paths->count; i++) {
		sl_fd_close(fds[i]);
	}
	if (r < 0) {
		return r;
	}
	*ret_missing |= (uint32_t)r;
	return change_root();
}
