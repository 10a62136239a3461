/* SPDX-License-Identifier: MIT */
/* Which of the host's Vulkan drivers the renderers use. The daemon reads manifests only: loading
 * a driver is left to renderers. */
#include "host/daemon/driver.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fd.h"

#define OWN_LIBRARY "libvulkan_sluice"

/* The loader's system directories, in its order. */
static const char *const manifest_dirs[] = {
	"/usr/local/etc/vulkan/icd.d",
	"/etc/vulkan/icd.d",
	"/usr/local/share/vulkan/icd.d",
	"/usr/share/vulkan/icd.d",
};

static const char *const software_names[] = { "lvp", "swiftshader", "swrast" };

/* Any of these means that a driver for hardware may find some. */
static const char *const device_nodes[] = {
	"/dev/dri/renderD*", "/dev/nvidia[0-9]*", "/dev/dxg", "/dev/mali*", "/dev/kgsl*",
};

static bool has_device_node(void)
{
	bool found = false;

	for (size_t i = 0; i < sizeof(device_nodes) / sizeof(device_nodes[0]) && !found; i++) {
		glob_t matches;

		if (glob(device_nodes[i], GLOB_NOSORT, NULL, &matches) == 0) {
			found = matches.gl_pathc > 0;
			globfree(&matches);
		}
	}
	return found;
}

static bool is_software(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(software_names) / sizeof(software_names[0]); i++) {
		if (strstr(name, software_names[i]) != NULL) {
			return true;
		}
	}
	return false;
}

/* Returns 0, -ELOOP (Sluice's own manifest), -EINVAL (not a manifest), -errno. */
static int check_manifest(const char *path)
{
	if (access(path, R_OK) < 0) {
		return -errno;
	}
	json_t *root = json_load_file(path, 0, NULL);
	const char *library =
		json_string_value(json_object_get(json_object_get(root, "ICD"), "library_path"));
	int r = 0;

	if (library == NULL) {
		r = -EINVAL;
	} else if (strstr(library, OWN_LIBRARY) != NULL) {
		r = -ELOOP;
	}
	json_decref(root);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct sl_driver *)a)->path, ((const struct sl_driver *)b)->path);
}

static size_t find_in(const char *dir_path, struct sl_driver *drivers, size_t count)
{
	DIR *dir = opendir(dir_path);
	size_t first = count;

	if (dir == NULL) {
		return count;
	}
	for (struct dirent *entry = readdir(dir); entry != NULL && count < SL_DRIVER_MAX_COUNT;
	     entry = readdir(dir)) {
		struct sl_driver *driver = &drivers[count];
		size_t length = strlen(entry->d_name);

		if (length < 5 || strcmp(entry->d_name + length - 5, ".json") != 0) {
			continue;
		}
		snprintf(driver->path, sizeof(driver->path), "%s/%s", dir_path, entry->d_name);
		driver->is_software = is_software(driver->path);
		if (check_manifest(driver->path) == 0) {
			count++;
		}
	}
	closedir(dir);
	qsort(drivers + first, count - first, sizeof(*drivers), compare_names);
	return count;
}

size_t sl_driver_find(struct sl_driver **ret_drivers)
{
	struct sl_driver *found = calloc(SL_DRIVER_MAX_COUNT, sizeof(*found));
	SL_AUTO_FREE struct sl_driver *sorted = calloc(SL_DRIVER_MAX_COUNT, sizeof(*sorted));
	bool software_first = !has_device_node();
	size_t count = 0;
	size_t used = 0;

	*ret_drivers = NULL;
	if (found == NULL || sorted == NULL) {
		free(found);
		return 0;
	}
	for (size_t i = 0; i < sizeof(manifest_dirs) / sizeof(manifest_dirs[0]); i++) {
		count = find_in(manifest_dirs[i], found, count);
	}
	for (int pass = 0; pass < 2; pass++) {
		bool wanted = (pass == 0) == software_first;

		for (size_t i = 0; i < count; i++) {
			if (found[i].is_software == wanted) {
				sorted[used++] = found[i];
			}
		}
	}
	memcpy(found, sorted, count * sizeof(*found));
	*ret_drivers = found;
	return count;
}

/* ": installed are A, B" or what to do if there are none. */
static void describe_installed(char *text, size_t size)
{
	SL_AUTO_FREE struct sl_driver *drivers = NULL;
	size_t count = sl_driver_find(&drivers);
	size_t used = (size_t)snprintf(
		text, size, "%s",
		count > 0 ? "; installed are"
			  : "; no Vulkan driver is installed (Debian: mesa-vulkan-drivers)");

	for (size_t i = 0; i < count && used < size; i++) {
		used += (size_t)snprintf(text + used, size - used, "%s %s", i > 0 ? "," : "",
					 drivers[i].path);
	}
}

int sl_driver_check(const char *paths, char *ret_why, size_t why_size)
{
	SL_AUTO_FREE char *copy = strdup(paths);
	char installed[512];
	char *rest = NULL;

	if (copy == NULL) {
		snprintf(ret_why, why_size, "driver: out of memory");
		return -ENOMEM;
	}
	for (char *path = strtok_r(copy, ":", &rest); path != NULL;
	     path = strtok_r(NULL, ":", &rest)) {
		int r = check_manifest(path);

		if (r == 0) {
			continue;
		}
		describe_installed(installed, sizeof(installed));
		snprintf(ret_why, why_size, "driver %s: %s%s", path,
			 r == -EINVAL  ? "not the manifest of a Vulkan driver"
			 : r == -ELOOP ? "is the Sluice driver itself, which is for guests"
				       : strerror(-r),
			 installed);
		return r;
	}
	return 0;
}
