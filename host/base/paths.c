/* SPDX-License-Identifier: MIT */
/* Where the sockets of a daemon lie. */
#include "host/base/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/base/fd.h"

int sl_paths_default_socket(const char *name, char *ret_path, size_t path_size)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	int n;

	if (runtime_dir == NULL || runtime_dir[0] != '/') {
		runtime_dir = "/run";
	}
	n = snprintf(ret_path, path_size, "%s/sluice/%s", runtime_dir, name);
	return n < 0 || (size_t)n >= path_size ? -ENAMETOOLONG : 0;
}

int sl_paths_create_parent(const char *path)
{
	SL_AUTO_FREE char *parent = strdup(path);

	if (parent == NULL) {
		return -ENOMEM;
	}
	char *slash = strrchr(parent, '/');
	if (slash == NULL || slash == parent) {
		return 0;
	}
	*slash = '\0';
	if (mkdir(parent, 0755) == 0) {
		return 1;
	}
	return errno == EEXIST ? 0 : -errno;
}
