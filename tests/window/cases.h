/* SPDX-License-Identifier: MIT */
/* The lists of window tests, each ended by an entry without a name. */
#ifndef SL_TESTS_WINDOW_CASES_H
#define SL_TESTS_WINDOW_CASES_H

#include "tests/window/window.h"

struct window_case {
	const char *name;
	void (*run)(struct vkt *t, const struct window_system *system);
};

extern const struct window_case picture_cases[];
extern const struct window_case life_cases[];
extern const struct window_case sync_cases[];

#define MAX_SURFACE_FORMATS 16
#define MAX_SURFACE_MODES   8

/* What a surface offers. */
uint32_t list_formats(struct vkt *t, VkSurfaceKHR surface,
		      VkSurfaceFormatKHR formats[MAX_SURFACE_FORMATS]);
uint32_t list_modes(struct vkt *t, VkSurfaceKHR surface, VkPresentModeKHR modes[MAX_SURFACE_MODES]);
/* The first format; what tests use that are not about formats. */
VkFormat first_format(struct vkt *t, VkSurfaceKHR surface);

#endif
