/* SPDX-License-Identifier: MIT */
/* Windows of a test program, of whichever window system it was told to use. */
#ifndef SL_TESTS_WINDOW_WINDOW_H
#define SL_TESTS_WINDOW_WINDOW_H

#include "tests/vkt/vkt.h"

struct window_system;
struct window {
	const struct window_system *system;
	VkSurfaceKHR surface;
	uint32_t width, height;
};

struct window_system {
	const char *name;
	/* False: there is no server. */
	bool (*open)(void);
	void (*close)(void);
	/* index: windows of different index do not hide each other. */
	struct window *(*create)(struct vkt *t, uint32_t index, uint32_t width, uint32_t height);
	/* The surface first. */
	void (*destroy)(struct vkt *t, struct window *window);
	/* NULL: the swapchain decides. */
	void (*resize)(struct window *window, uint32_t width, uint32_t height);
	/* The window ends while its surface lives. NULL: not allowed. */
	void (*end)(struct window *window);
	/* What the window shows, a word per pixel, with the bits of the window's format; false: not
	 * now. NULL: nobody can tell. */
	bool (*read)(struct window *window, uint32_t *ret_pixels);
	/* What read() tells is from the screen: 8 bits each of red, green and blue. */
	bool reads_screen;
	/* Answer the server. */
	void (*poll)(struct window *window);
};

extern const struct window_system window_x11;
extern const struct window_system window_xlib;
extern const struct window_system window_wayland;
extern const struct window_system window_headless;
/* NULL: there is none of that name. */
const struct window_system *window_system_find(const char *name);

#endif
