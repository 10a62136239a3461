/* SPDX-License-Identifier: MIT */
/* A Wayland compositor without a screen that takes dma-bufs, which those in Debian do not where
 * there is no GPU. For each picture it prints what its buffer was, shm or dmabuf, and the colours
 * in the middle of its four quarters. With --refuse it offers to take dma-bufs and takes none.
 *
 * It knows one window, in full screen, and 32-bit pixels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wayland-server.h>

#include "linux-dmabuf-server.h"
#include "xdg-shell-server.h"

#define WIDTH	 320
#define HEIGHT	 240
#define XRGB8888 0x34325258
#define ARGB8888 0x34325241

static bool refuses;

struct surface {
	struct wl_resource *next_buffer; /* attached, not committed */
	struct wl_list frames;
	struct wl_resource *toplevel;
	struct wl_resource *xdg_surface;
	bool is_configured;
};

/* Also what parameters are collected in. */
struct dmabuf {
	uint8_t *data;
	size_t size;
	uint32_t offset, stride;
	int32_t width, height;
};

static void destroy_resource(struct wl_client *client, struct wl_resource *resource)
{
	wl_resource_destroy(resource);
}

static void create_resource(struct wl_client *client, const struct wl_interface *interface,
			    uint32_t version, uint32_t id, const void *requests, void *data,
			    wl_resource_destroy_func_t destroy)
{
	struct wl_resource *resource = wl_resource_create(client, interface, (int)version, id);

	wl_resource_set_implementation(resource, requests, data, destroy);
}

/* dma-bufs. */
static void free_dmabuf(struct wl_resource *resource)
{
	struct dmabuf *dmabuf = wl_resource_get_user_data(resource);

	if (dmabuf != NULL && dmabuf->data != NULL) {
		munmap(dmabuf->data, dmabuf->size);
	}
	free(dmabuf);
}

static const struct wl_buffer_interface buffer_requests = { .destroy = destroy_resource };

static void add_plane(struct wl_client *client, struct wl_resource *resource, int32_t fd,
		      uint32_t index, uint32_t offset, uint32_t stride, uint32_t modifier_hi,
		      uint32_t modifier_lo)
{
	struct dmabuf *dmabuf = wl_resource_get_user_data(resource);
	struct stat status;

	if (index == 0 && modifier_hi == 0 && modifier_lo == 0 && fstat(fd, &status) == 0) {
		dmabuf->size = (size_t)status.st_size;
		dmabuf->offset = offset;
		dmabuf->stride = stride;
		void *data = mmap(NULL, dmabuf->size, PROT_READ, MAP_SHARED, fd, 0);
		dmabuf->data = data == MAP_FAILED ? NULL : data;
	}
	close(fd);
}

static void create_dmabuf(struct wl_client *client, struct wl_resource *resource, int32_t width,
			  int32_t height, uint32_t format, uint32_t flags)
{
	struct dmabuf *params = wl_resource_get_user_data(resource);

	if (refuses || params->data == NULL || (format != XRGB8888 && format != ARGB8888) ||
	    params->offset + (size_t)height * params->stride > params->size ||
	    params->stride < (size_t)width * 4) {
		zwp_linux_buffer_params_v1_send_failed(resource);
		return;
	}
	struct wl_resource *buffer = wl_resource_create(client, &wl_buffer_interface, 1, 0);
	params->width = width;
	params->height = height;
	wl_resource_set_implementation(buffer, &buffer_requests, params, free_dmabuf);
	wl_resource_set_user_data(resource, NULL);
	zwp_linux_buffer_params_v1_send_created(resource, buffer);
}

static const struct zwp_linux_buffer_params_v1_interface params_requests = {
	.destroy = destroy_resource,
	.add = add_plane,
	.create = create_dmabuf,
};

static void create_params(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
	create_resource(client, &zwp_linux_buffer_params_v1_interface, 3, id, &params_requests,
			calloc(1, sizeof(struct dmabuf)), free_dmabuf);
}

static const struct zwp_linux_dmabuf_v1_interface dmabuf_requests = {
	.destroy = destroy_resource,
	.create_params = create_params,
};

static void bind_dmabuf(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct wl_resource *resource =
		wl_resource_create(client, &zwp_linux_dmabuf_v1_interface, (int)version, id);

	wl_resource_set_implementation(resource, &dmabuf_requests, NULL, NULL);
	zwp_linux_dmabuf_v1_send_modifier(resource, XRGB8888, 0, 0);
	zwp_linux_dmabuf_v1_send_modifier(resource, ARGB8888, 0, 0);
}

/* Surfaces. */
static void print_picture(const char *kind, const uint8_t *pixels, int32_t width, int32_t height,
			  uint32_t stride)
{
	printf("%s", kind);
	for (int32_t y = height / 4; y < height; y += height / 2) {
		for (int32_t x = width / 4; x < width; x += width / 2) {
			uint32_t pixel;
			memcpy(&pixel, pixels + (size_t)y * stride + (size_t)x * 4, sizeof(pixel));
			printf(" %06x", pixel & 0xffffff);
		}
	}
	printf("\n");
	fflush(stdout);
}

static void show(struct wl_resource *buffer)
{
	struct wl_shm_buffer *shm = wl_shm_buffer_get(buffer);

	if (shm == NULL) {
		const struct dmabuf *dmabuf = wl_resource_get_user_data(buffer);
		print_picture("dmabuf", dmabuf->data + dmabuf->offset, dmabuf->width,
			      dmabuf->height, dmabuf->stride);
		return;
	}
	wl_shm_buffer_begin_access(shm);
	print_picture("shm", wl_shm_buffer_get_data(shm), wl_shm_buffer_get_width(shm),
		      wl_shm_buffer_get_height(shm), (uint32_t)wl_shm_buffer_get_stride(shm));
	wl_shm_buffer_end_access(shm);
}

static void attach(struct wl_client *client, struct wl_resource *resource,
		   struct wl_resource *buffer, int32_t x, int32_t y)
{
	((struct surface *)wl_resource_get_user_data(resource))->next_buffer = buffer;
}

static void damage(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y,
		   int32_t width, int32_t height)
{
}

static void forget_frame(struct wl_resource *resource)
{
	wl_list_remove(wl_resource_get_link(resource));
}

static void frame(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
	struct surface *surface = wl_resource_get_user_data(resource);
	struct wl_resource *callback = wl_resource_create(client, &wl_callback_interface, 1, id);

	wl_resource_set_implementation(callback, NULL, NULL, forget_frame);
	wl_list_insert(surface->frames.prev, wl_resource_get_link(callback));
}

static void set_region(struct wl_client *client, struct wl_resource *resource,
		       struct wl_resource *region)
{
}

static void configure(struct surface *surface)
{
	struct wl_array states;

	wl_array_init(&states);
	xdg_toplevel_send_configure(surface->toplevel, WIDTH, HEIGHT, &states);
	xdg_surface_send_configure(surface->xdg_surface, 1);
	wl_array_release(&states);
	surface->is_configured = true;
}

static void commit(struct wl_client *client, struct wl_resource *resource)
{
	struct surface *surface = wl_resource_get_user_data(resource);
	struct wl_resource *callback;
	struct wl_resource *next;

	if (surface->toplevel != NULL && !surface->is_configured) {
		configure(surface);
	}
	if (surface->next_buffer != NULL) {
		show(surface->next_buffer);
		wl_buffer_send_release(surface->next_buffer);
		surface->next_buffer = NULL;
	}
	wl_resource_for_each_safe(callback, next, &surface->frames)
	{
		wl_callback_send_done(callback, 0);
		wl_resource_destroy(callback);
	}
}

static const struct wl_surface_interface surface_requests = {
	.destroy = destroy_resource,
	.attach = attach,
	.damage = damage,
	.frame = frame,
	.set_opaque_region = set_region,
	.set_input_region = set_region,
	.commit = commit,
	.damage_buffer = damage,
};

static void free_surface(struct wl_resource *resource)
{
	struct surface *surface = wl_resource_get_user_data(resource);
	struct wl_resource *callback;
	struct wl_resource *next;

	wl_resource_for_each_safe(callback, next, &surface->frames)
	{
		wl_resource_destroy(callback);
	}
	free(surface);
}

static void create_surface(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
	struct surface *surface = calloc(1, sizeof(*surface));

	wl_list_init(&surface->frames);
	create_resource(client, &wl_surface_interface, 4, id, &surface_requests, surface,
			free_surface);
}

static const struct wl_compositor_interface compositor_requests = {
	.create_surface = create_surface,
};

/* Windows. */
static void set_fullscreen(struct wl_client *client, struct wl_resource *resource,
			   struct wl_resource *output)
{
}

static const struct xdg_toplevel_interface toplevel_requests = {
	.destroy = destroy_resource,
	.set_fullscreen = set_fullscreen,
};

static void get_toplevel(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
	struct surface *surface = wl_resource_get_user_data(resource);

	surface->xdg_surface = resource;
	surface->toplevel = wl_resource_create(client, &xdg_toplevel_interface, 1, id);
	wl_resource_set_implementation(surface->toplevel, &toplevel_requests, NULL, NULL);
}

static void ack_configure(struct wl_client *client, struct wl_resource *resource, uint32_t serial)
{
}

static const struct xdg_surface_interface xdg_surface_requests = {
	.destroy = destroy_resource,
	.get_toplevel = get_toplevel,
	.ack_configure = ack_configure,
};

static void get_xdg_surface(struct wl_client *client, struct wl_resource *resource, uint32_t id,
			    struct wl_resource *surface)
{
	create_resource(client, &xdg_surface_interface, 1, id, &xdg_surface_requests,
			wl_resource_get_user_data(surface), NULL);
}

static const struct xdg_wm_base_interface wm_base_requests = {
	.destroy = destroy_resource,
	.get_xdg_surface = get_xdg_surface,
};

static void bind_compositor(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	create_resource(client, &wl_compositor_interface, version, id, &compositor_requests, NULL,
			NULL);
}

static void bind_wm_base(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	create_resource(client, &xdg_wm_base_interface, version, id, &wm_base_requests, NULL, NULL);
}

int main(int argc, char **argv)
{
	struct wl_display *display = wl_display_create();

	refuses = argc > 2 && strcmp(argv[2], "--refuse") == 0;
	if (argc < 2 || argc > 3 || (argc == 3 && !refuses)) {
		fprintf(stderr, "usage: compositor SOCKET [--refuse]\n");
		return 2;
	}
	if (wl_display_add_socket(display, argv[1]) < 0 || wl_display_init_shm(display) < 0) {
		fprintf(stderr, "compositor: no socket %s\n", argv[1]);
		return 1;
	}
	wl_global_create(display, &wl_compositor_interface, 4, NULL, bind_compositor);
	wl_global_create(display, &xdg_wm_base_interface, 1, NULL, bind_wm_base);
	wl_global_create(display, &zwp_linux_dmabuf_v1_interface, 3, NULL, bind_dmabuf);
	wl_display_run(display);
	wl_display_destroy(display);
	return 0;
}
