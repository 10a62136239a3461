/* SPDX-License-Identifier: MIT */
/* Which files a GPU driver is loaded from, and works with. */
#include "host/sandbox/sandbox_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/fd.h"

/* Programs' and libraries' trees, and what the loaders and drivers look up in /etc. Secrets of the
 * host, homes and sockets are in none of them. */
static const char *const system_paths[] = {
	"/usr",
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	"/opt",
	"/nix/store",
	"/gnu/store",
	"/run/opengl-driver",
	"/sys",
	"/etc/alternatives",
	"/etc/drirc",
	"/etc/glvnd",
	"/etc/ld.so.cache",
	"/etc/ld.so.conf",
	"/etc/ld.so.conf.d",
	"/etc/localtime",
	"/etc/nvidia",
	"/etc/OpenCL",
	"/etc/vulkan",
};

static const char *const device_patterns[] = {
	"/dev/null",	"/dev/zero", "/dev/full",    "/dev/random",
	"/dev/urandom", "/dev/dri",  "/dev/nvidia*", "/dev/nvhost*",
	"/dev/nvmap",	"/dev/kfd",  "/dev/dxg",     "/dev/mali*",
	"/dev/kgsl*",	"/dev/pvr*", "/dev/udmabuf", "/dev/dma_heap",
};

#define MANIFEST_SIZE 4096

static const char *const scratch_paths[] = { "/tmp", "/dev/shm" };

static int add(struct sl_sandbox_paths *paths, const char *path, enum sl_sandbox_access access_kind)
{
	if (paths->count == SL_SANDBOX_MAX_PATHS || access(path, F_OK) < 0) {
		return 0;
	}
	char *copy = strdup(path);

	if (copy == NULL) {
		return -ENOMEM;
	}
	paths->paths[paths->count++] = (struct sl_sandbox_path){ copy, access_kind };
	return 0;
}

/* Scratch covers nothing: it is empty, and what is below it on the host is not there. */
static bool is_covered(const struct sl_sandbox_paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->count; i++) {
		size_t length = strlen(paths->paths[i].path);

		if (paths->paths[i].access != SL_SANDBOX_SCRATCH &&
		    strncmp(paths->paths[i].path, path, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/')) {
			return true;
		}
	}
	return false;
}

/* A path that the environment names: where it really is, unless it is there already. */
static int add_named(struct sl_sandbox_paths *paths, const char *path)
{
	SL_AUTO_FREE char *real = realpath(path, NULL);

	if (real == NULL || strcmp(real, "/") == 0) {
		return 0;
	}
	int r = is_covered(paths, real) ? 0 : add(paths, real, SL_SANDBOX_READ);

	/* It may be named through a link. */
	if (r == 0 && path[0] == '/' && strcmp(real, path) != 0 && !is_covered(paths, path)) {
		r = add(paths, path, SL_SANDBOX_READ);
	}
	return r;
}

static int add_devices(struct sl_sandbox_paths *paths)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(device_patterns) / sizeof(device_patterns[0]); i++) {
		glob_t found;

		if (glob(device_patterns[i], 0, NULL, &found) != 0) {
			continue;
		}
		for (size_t j = 0; j < found.gl_pathc && r == 0; j++) {
			r = add(paths, found.gl_pathv[j], SL_SANDBOX_DEVICE);
		}
		globfree(&found);
	}
	return r;
}

/* Returns the directory part; path is changed. */
static const char *directory_of(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL) {
		return ".";
	}
	*slash = '\0';
	return path[0] != '\0' ? path : "/";
}

/* What a driver's manifest names as its library, by a path or a mere name; NULL: nothing. */
static char *library_of(char *text)
{
	static const char key[] = "\"library_path\"";
	char *at = strstr(text, key);

	at = at != NULL ? strchr(at + sizeof(key) - 1, '"') : NULL;
	char *end = at != NULL ? strchr(at + 1, '"') : NULL;
	if (end == NULL) {
		return NULL;
	}
	*end = '\0';
	return at + 1;
}

/* Returns false if there is nothing to read. */
static bool read_manifest(const char *path, char text[MANIFEST_SIZE])
{
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		return false;
	}
	text[fread(text, 1, MANIFEST_SIZE - 1, file)] = '\0';
	fclose(file);
	return true;
}

/* The manifest itself, and the directory of its library: drivers have parts beside it. */
static int add_manifest(struct sl_sandbox_paths *paths, char *manifest)
{
	char text[MANIFEST_SIZE];
	int r = add_named(paths, manifest);
	char *library = read_manifest(manifest, text) ? library_of(text) : NULL;

	if (r < 0 || library == NULL || strchr(library, '/') == NULL) {
		return r;
	}
	/* A path that does not begin at the root begins at the manifest. */
	return add_named(paths, directory_of(library[0] == '/' ? library : manifest));
}

/* What the variables name that the daemon or the user sets for the Vulkan loader. */
static int add_environment(struct sl_sandbox_paths *paths)
{
	static const struct {
		const char *variable;
		bool is_manifest;
	} variables[] = {
		{ "VK_DRIVER_FILES", true },
		{ "VK_LAYER_PATH", false },
		{ "LD_LIBRARY_PATH", false },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i].variable);
		SL_AUTO_FREE char *copy = strdup(value != NULL ? value : "");
		char *rest = NULL;

		if (copy == NULL) {
			return -ENOMEM;
		}
		for (char *path = strtok_r(copy, ":", &rest); path != NULL && r == 0;
		     path = strtok_r(NULL, ":", &rest)) {
			r = variables[i].is_manifest ? add_manifest(paths, path)
						     : add_named(paths, path);
		}
	}
	return r;
}

/* Opens what the loader would have. Returns false if it can be opened. */
static bool explain_manifest(char *manifest, char *ret_why, size_t why_size)
{
	char path[PATH_MAX];
	char text[MANIFEST_SIZE];

	if (!read_manifest(manifest, text)) {
		snprintf(ret_why, why_size, "%s: %s", manifest, strerror(errno));
		return true;
	}
	const char *library = library_of(text);
	if (library == NULL) {
		return false;
	}
	snprintf(path, sizeof(path), "%s", library);
	if (library[0] != '/' && strchr(library, '/') != NULL) {
		snprintf(path, sizeof(path), "%s/%s", directory_of(manifest), library);
	}
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle != NULL) {
		dlclose(handle);
		return false;
	}
	snprintf(ret_why, why_size, "%s", dlerror());
	return true;
}

void sl_sandbox_explain_driver(enum sl_sandbox_mode mode, char *ret_why, size_t why_size)
{
	const char *value = getenv("VK_DRIVER_FILES");
	SL_AUTO_FREE char *copy = strdup(value != NULL ? value : "");
	char *rest = NULL;
	bool is_found = false;

	if (copy == NULL) {
		return;
	}
	for (char *path = strtok_r(copy, ":", &rest); path != NULL && !is_found;
	     path = strtok_r(NULL, ":", &rest)) {
		is_found = explain_manifest(path, ret_why, why_size);
	}
	size_t used = strlen(ret_why);

	if (is_found && mode != SL_SANDBOX_OFF) {
		snprintf(
			ret_why + used, why_size - used,
			"; renderers see /usr, /opt, and what LD_LIBRARY_PATH of sluiced names: add "
			"its folder there, or try --sandbox=off");
	}
}

int sl_sandbox_paths_init(struct sl_sandbox_paths *paths, enum sl_sandbox_role role)
{
	int r = 0;

	paths->count = 0;
	if (role == SL_SANDBOX_VGPU) {
		return 0;
	}
	for (size_t i = 0; r == 0 && i < sizeof(system_paths) / sizeof(system_paths[0]); i++) {
		r = add(paths, system_paths[i], SL_SANDBOX_READ);
	}
	if (r == 0) {
		r = add_devices(paths);
	}
	for (size_t i = 0; r == 0 && i < sizeof(scratch_paths) / sizeof(scratch_paths[0]); i++) {
		r = add(paths, scratch_paths[i], SL_SANDBOX_SCRATCH);
	}
	return r == 0 ? add_environment(paths) : r;
}

void sl_sandbox_paths_finish(struct sl_sandbox_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++) {
		free(paths->paths[i].path);
	}
	paths->count = 0;
}
