/* SPDX-License-Identifier: MIT */
/* Which of the host's Vulkan drivers the renderers use. */
#ifndef SL_HOST_DAEMON_DRIVER_H
#define SL_HOST_DAEMON_DRIVER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define SL_DRIVER_MAX_COUNT 64

struct sl_driver {
	char path[PATH_MAX]; /* its manifest */
	bool is_software;    /* renders on the CPU, as far as the file's name tells */
};

/* The installed drivers in the order in which to try them: those for hardware first where the
 * machine has a GPU's device node, else the software ones first. The Sluice driver itself is left
 * out. Returns their number, at most SL_DRIVER_MAX_COUNT; *ret_drivers is to be freed. */
size_t sl_driver_find(struct sl_driver **ret_drivers);

/* Check that each manifest of a ':'-separated list is there, is one, and is not Sluice's own.
 * Returns 0 or -errno with a line in ret_why. */
int sl_driver_check(const char *paths, char *ret_why, size_t why_size);

#endif
