/* SPDX-License-Identifier: MIT */
/* Windows of a Wayland compositor: full screen, so that a screenshot shows them whole. Weston's own
 * program takes it. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <png.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wayland-client.h>

#include "tests/window/window.h"
#include "xdg-shell-client.h"
#include <vulkan/vulkan_wayland.h>

struct wayland_window {
	struct window base;
	struct wl_surface *surface;
	struct xdg_surface *xdg_surface;
	struct xdg_toplevel *toplevel;
	bool is_configured;
};

static struct wl_display *display;
static struct wl_registry *registry;
static struct wl_compositor *compositor;
static struct xdg_wm_base *wm_base;

static void on_ping(void *data, struct xdg_wm_base *base, uint32_t serial)
{
	xdg_wm_base_pong(base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = { .ping = on_ping };

static void on_global(void *data, struct wl_registry *from, uint32_t name, const char *interface,
		      uint32_t version)
{
	if (strcmp(interface, wl_compositor_interface.name) == 0) {
		compositor = wl_registry_bind(from, name, &wl_compositor_interface,
					      version < 4 ? version : 4);
	} else if (strcmp(interface, xdg_wm_base_interface.name) == 0) {
		wm_base = wl_registry_bind(from, name, &xdg_wm_base_interface, 1);
		xdg_wm_base_add_listener(wm_base, &wm_base_listener, NULL);
	}
}

static void on_global_remove(void *data, struct wl_registry *from, uint32_t name)
{
}

static const struct wl_registry_listener registry_listener = { on_global, on_global_remove };

static bool open_wayland(void)
{
	display = wl_display_connect(NULL);
	if (display == NULL) {
		return false;
	}
	registry = wl_display_get_registry(display);
	wl_registry_add_listener(registry, &registry_listener, NULL);
	wl_display_roundtrip(display);
	return compositor != NULL && wm_base != NULL;
}

static void close_wayland(void)
{
	xdg_wm_base_destroy(wm_base);
	wl_compositor_destroy(compositor);
	wl_registry_destroy(registry);
	wl_display_disconnect(display);
}

static void on_configure(void *data, struct xdg_surface *surface, uint32_t serial)
{
	xdg_surface_ack_configure(surface, serial);
	((struct wayland_window *)data)->is_configured = true;
}

static const struct xdg_surface_listener surface_listener = { on_configure };

static void on_toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
				  int32_t height, struct wl_array *states)
{
	struct wayland_window *window = data;

	if (width > 0 && height > 0) {
		window->base.width = (uint32_t)width;
		window->base.height = (uint32_t)height;
	}
}

static void on_toplevel_close(void *data, struct xdg_toplevel *toplevel)
{
}

static const struct xdg_toplevel_listener toplevel_listener = {
	.configure = on_toplevel_configure,
	.close = on_toplevel_close,
};

static struct window *create(struct vkt *t, uint32_t index, uint32_t width, uint32_t height)
{
	struct wayland_window *window = calloc(1, sizeof(*window));

	VKT_EXPECT(window != NULL);
	window->base = (struct window){ &window_wayland, VK_NULL_HANDLE, width, height };
	window->surface = wl_compositor_create_surface(compositor);
	window->xdg_surface = xdg_wm_base_get_xdg_surface(wm_base, window->surface);
	xdg_surface_add_listener(window->xdg_surface, &surface_listener, window);
	window->toplevel = xdg_surface_get_toplevel(window->xdg_surface);
	xdg_toplevel_add_listener(window->toplevel, &toplevel_listener, window);
	xdg_toplevel_set_fullscreen(window->toplevel, NULL);
	wl_surface_commit(window->surface);
	while (!window->is_configured) {
		VKT_EXPECT(wl_display_roundtrip(display) >= 0);
	}
	const VkWaylandSurfaceCreateInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_WAYLAND_SURFACE_CREATE_INFO_KHR,
		.display = display,
		.surface = window->surface,
	};
	VKT_OK(VKT_INSTANCE_PROC(t, vkCreateWaylandSurfaceKHR)(t->instance, &info, NULL,
							       &window->base.surface));
	return &window->base;
}

static void destroy(struct vkt *t, struct window *base)
{
	struct wayland_window *window = (struct wayland_window *)base;

	VKT_INSTANCE_PROC(t, vkDestroySurfaceKHR)(t->instance, base->surface, NULL);
	xdg_toplevel_destroy(window->toplevel);
	xdg_surface_destroy(window->xdg_surface);
	wl_surface_destroy(window->surface);
	free(window);
}

static void poll_events(struct window *window)
{
	VKT_EXPECT(wl_display_roundtrip(display) >= 0);
}

/* The picture in directory, which then is empty. */
static bool load_screenshot(const char *directory, uint32_t width, uint32_t height,
			    uint32_t *ret_pixels)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	bool is_loaded = false;
	char pattern[64];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*.png", directory);
	if (glob(pattern, 0, NULL, &found) != 0) {
		return false;
	}
	if (png_image_begin_read_from_file(&image, found.gl_pathv[0]) != 0) {
		image.format = PNG_FORMAT_BGRA;
		is_loaded = image.width == width && image.height == height &&
			    png_image_finish_read(&image, NULL, ret_pixels, 0, NULL) != 0;
		png_image_free(&image);
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		unlink(found.gl_pathv[i]);
	}
	globfree(&found);
	return is_loaded;
}

static bool take_screenshot(const char *directory)
{
	char program[] = "weston-screenshooter";
	char *const command[] = { program, NULL };
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addchdir_np(&actions, directory);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, command[0], &actions, NULL, command, environ) == 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		}
	}
	posix_spawn_file_actions_destroy(&actions);
	return status == 0;
}

static bool read_screen(struct window *window, uint32_t *ret_pixels)
{
	char directory[] = "/tmp/window-XXXXXX";

	poll_events(window);
	VKT_EXPECT(mkdtemp(directory) != NULL);
	bool is_read = take_screenshot(directory) &&
		       load_screenshot(directory, window->width, window->height, ret_pixels);
	rmdir(directory);
	return is_read;
}

const struct window_system window_wayland = {
	.name = "wayland",
	.open = open_wayland,
	.close = close_wayland,
	.create = create,
	.destroy = destroy,
	.read = read_screen,
	.reads_screen = true,
	.poll = poll_events,
};
