/* SPDX-License-Identifier: MIT */
/* The window systems that there are windows of. */
#include "tests/window/window.h"

#include <string.h>

static const struct window_system *const systems[] = {
	&window_x11,
	&window_xlib,
	&window_wayland,
	&window_headless,
};

const struct window_system *window_system_find(const char *name)
{
	for (size_t i = 0; i < VKT_COUNT(systems); i++) {
		if (strcmp(systems[i]->name, name) == 0) {
			return systems[i];
		}
	}
	return NULL;
}
