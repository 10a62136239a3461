/* SPDX-License-Identifier: MIT */
/* Landlock: the same files once more, by a second mechanism, and no signals or abstract sockets
 * outwards. Numbers are the kernel's; Debian 12's header knows the older half of them. */
#include "host/sandbox/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ACCESS_REFER	 (1ull << 13) /* ABI 2 */
#define ACCESS_TRUNCATE	 (1ull << 14) /* ABI 3 */
#define ACCESS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define NET_ALL		 3ull	      /* ABI 4: bind and connect, TCP */
#define SCOPE_ALL	 3ull	      /* ABI 6: abstract sockets and signals */

#define ACCESS_READ   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_DEVICE (ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_IOCTL_DEV)
#define ACCESS_SCRATCH                                                    \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE |  \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)
/* What a rule for a single file may speak of. */
#define ACCESS_OF_FILES                                                                   \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE | \
	 ACCESS_IOCTL_DEV)

/* struct landlock_ruleset_attr of ABI 6; older kernels take a part of it. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static size_t describe_ruleset(int abi, struct ruleset *ret_ruleset)
{
	uint64_t fs = ACCESS_REFER - 1;

	fs |= abi >= 2 ? ACCESS_REFER : 0;
	fs |= abi >= 3 ? ACCESS_TRUNCATE : 0;
	fs |= abi >= 5 ? ACCESS_IOCTL_DEV : 0;
	*ret_ruleset = (struct ruleset){ .fs = fs, .net = NET_ALL, .scoped = SCOPE_ALL };
	if (abi >= 6) {
		return sizeof(*ret_ruleset);
	}
	return abi >= 4 ? sizeof(uint64_t) * 2 : sizeof(uint64_t);
}

static int allow(int ruleset_fd, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	struct stat st;
	int r = 0;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0) {
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	}
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode)) {
		rule.allowed_access &= ACCESS_OF_FILES;
	}
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0) {
		r = -errno;
	}
	close(rule.parent_fd);
	return r;
}

static int fill_ruleset(int fd, uint64_t handled, const struct sl_sandbox_paths *paths,
			bool has_root)
{
	static const uint64_t accesses[] = {
		[SL_SANDBOX_READ] = ACCESS_READ,
		[SL_SANDBOX_DEVICE] = ACCESS_DEVICE,
		[SL_SANDBOX_SCRATCH] = ACCESS_SCRATCH,
	};
	int r = paths->count > 0 ? allow(fd, "/proc", ACCESS_READ & handled) : 0;

	for (size_t i = 0; i < paths->count && r == 0; i++) {
		const struct sl_sandbox_path *path = &paths->paths[i];

		/* Directories that all processes share are no scratch. */
		if (has_root || path->access != SL_SANDBOX_SCRATCH) {
			r = allow(fd, path->path, accesses[path->access] & handled);
		}
	}
	return r;
}

int sl_sandbox_landlock_enter(const struct sl_sandbox_paths *paths, bool has_root)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset ruleset;

	if (abi < 0) {
		return -errno;
	}
	size_t size = describe_ruleset((int)abi, &ruleset);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	if (fd < 0) {
		return -errno;
	}
	int r = fill_ruleset(fd, ruleset.fs, paths, has_root);
	if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0) {
		r = -errno;
	}
	close(fd);
	return r;
}
