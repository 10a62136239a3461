/* SPDX-License-Identifier: MIT */
/* Surfaces without windows. */
#include <stdlib.h>

#include "tests/window/window.h"

static bool open_headless(void)
{
	return true;
}

static void close_headless(void)
{
}

static struct window *create(struct vkt *t, uint32_t index, uint32_t width, uint32_t height)
{
	const VkHeadlessSurfaceCreateInfoEXT info = {
		.sType = VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT,
	};
	struct window *window = calloc(1, sizeof(*window));

	VKT_EXPECT(window != NULL);
	*window = (struct window){ &window_headless, VK_NULL_HANDLE, width, height };
	VKT_OK(VKT_INSTANCE_PROC(t, vkCreateHeadlessSurfaceEXT)(t->instance, &info, NULL,
								&window->surface));
	return window;
}

static void destroy(struct vkt *t, struct window *window)
{
	VKT_INSTANCE_PROC(t, vkDestroySurfaceKHR)(t->instance, window->surface, NULL);
	free(window);
}

static void poll_nothing(struct window *window)
{
}

const struct window_system window_headless = {
	.name = "headless",
	.open = open_headless,
	.close = close_headless,
	.create = create,
	.destroy = destroy,
	.poll = poll_nothing,
};
