/* SPDX-License-Identifier: MIT */
/* Resources that another process stores: what the guest does with them is passed on, and what is
 * shown of them is read back. */
#include <errno.h>
#include <pixman.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/vgpu/virtio_gpu_priv.h"

/* Screens are numbered: the scanouts' pictures, then their cursors. */
#define CURSOR_SCREENS SL_VGPU_MAX_SCANOUTS

uint32_t sl_vgpu_host3d_create(struct sl_vgpu *vgpu,
			       const struct virtio_gpu_resource_create_3d *cmd)
{
	struct sl_vgpu_resource *resource =
		sl_vgpu_add_resource(vgpu, cmd->resource_id, SL_VGPU_RESOURCE_HOST);

	if (resource == NULL) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	resource->width = cmd->width;
	resource->height = cmd->height;
	resource->format = cmd->format;
	if (vgpu->host3d->create(vgpu->host3d_data, cmd) < 0) {
		/* The guest goes on as if there was one. */
		resource->is_lost = true;
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	vgpu->uses_host3d = true;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t sl_vgpu_host3d_transfer(struct sl_vgpu *vgpu, const struct sl_vgpu_resource *resource,
				 const struct virtio_gpu_transfer_host_3d *cmd)
{
	struct sl_vgpu_context *context = sl_vgpu_find_context(vgpu, cmd->hdr.ctx_id);

	if (context == NULL && cmd->hdr.ctx_id != 0) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
				      "context %u is unknown", cmd->hdr.ctx_id);
	}
	if (resource->is_lost || (context != NULL && context->failed)) {
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	}
	if (context != NULL && context->data == NULL) {
		uint32_t response = sl_vgpu_context_choose_host3d(vgpu, context);

		if (response != VIRTIO_GPU_RESP_OK_NODATA) {
			return response;
		}
	}
	if (context != NULL && !context->backend->ops->is_host3d) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "context %u (%s) has no textures", context->id,
				      context->name);
	}
	if (vgpu->host3d->transfer(vgpu->host3d_data, cmd) < 0) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	vgpu->uses_host3d = true;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

int sl_vgpu_host3d_attach_pages(struct sl_vgpu *vgpu, const struct sl_vgpu_pages *pages,
				const struct sl_vgpu_resource *resource)
{
	if (resource->kind != SL_VGPU_RESOURCE_HOST || resource->is_lost) {
		return 0;
	}
	return vgpu->host3d->attach_pages(vgpu->host3d_data, pages);
}

void sl_vgpu_host3d_detach_pages(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource,
				 bool is_end)
{
	const struct sl_vgpu_host3d_ops *ops = vgpu->host3d;

	if (resource->kind != SL_VGPU_RESOURCE_HOST || resource->is_lost) {
		return;
	}
	int r = is_end ? ops->destroy(vgpu->host3d_data, resource->id)
		       : ops->detach_pages(vgpu->host3d_data, resource->id);
	if (r == -EINPROGRESS) {
		resource->releasing++;
	}
}

static struct sl_vgpu_resource *find_releasing(struct sl_vgpu *vgpu, uint32_t id)
{
	struct sl_vgpu_resource *resource;

	LIST_FOREACH(resource, &vgpu->resources[id % SL_VGPU_BUCKETS], link)
	{
		if (resource->id == id && resource->releasing > 0) {
			return resource;
		}
	}
	return NULL;
}

void sl_vgpu_host3d_released(struct sl_vgpu *vgpu, uint32_t resource_id)
{
	struct sl_vgpu_resource *resource = find_releasing(vgpu, resource_id);

	if (resource == NULL) {
		return;
	}
	resource->releasing--;
	if (resource->dying && resource->releasing == 0 && LIST_EMPTY(&resource->attachments)) {
		sl_vgpu_destroy_resource(vgpu, resource);
	}
	sl_vgpu_check_releases(vgpu);
}

void sl_vgpu_host3d_attach(struct sl_vgpu_context *context, const struct sl_vgpu_resource *resource,
			   bool is_attached)
{
	const struct sl_vgpu *vgpu = context->vgpu;

	if (resource->is_lost || context->data == NULL || !context->backend->ops->is_host3d) {
		return;
	}
	if (is_attached) {
		vgpu->host3d->attach(vgpu->host3d_data, context->data, resource->id);
	} else {
		vgpu->host3d->detach(vgpu->host3d_data, context->data, resource->id);
	}
}

static size_t screen_size(const struct sl_vgpu_screen *screen)
{
	return (size_t)screen->width * screen->height * 4;
}

static void finish_screen(struct sl_vgpu *vgpu, struct sl_vgpu_screen *screen)
{
	if (screen->image != NULL) {
		pixman_image_unref(screen->image);
		munmap(screen->pixels, screen_size(screen));
		vgpu->host_bytes -= screen_size(screen);
	}
	*screen = (struct sl_vgpu_screen){ 0 };
}

/* Map memory for a screen, and let the other process have it. Returns 0 or -errno. */
static int share_screen(struct sl_vgpu *vgpu, struct sl_vgpu_screen *screen, uint32_t screen_id,
			uint32_t pixman_format)
{
	SL_AUTO_CLOSE int fd = sl_fd_create_memory("sluice-screen", screen_size(screen));

	if (fd < 0) {
		return fd;
	}
	void *pixels = mmap(NULL, screen_size(screen), PROT_READ, MAP_SHARED, fd, 0);
	if (pixels == MAP_FAILED) {
		return -errno;
	}
	screen->image =
		pixman_image_create_bits((pixman_format_code_t)pixman_format, (int)screen->width,
					 (int)screen->height, pixels, (int)screen->width * 4);
	int r = screen->image == NULL ? -ENOMEM
				      : vgpu->host3d->set_screen(vgpu->host3d_data, screen_id, fd,
								 screen->width, screen->height);
	if (r < 0) {
		if (screen->image != NULL) {
			pixman_image_unref(screen->image);
			screen->image = NULL;
		}
		munmap(pixels, screen_size(screen));
		return r;
	}
	screen->pixels = pixels;
	vgpu->host_bytes += screen_size(screen);
	return 0;
}

/* Make the screen fit. *ret_is_new: nothing is on it. Returns OK_NODATA or an error. */
static uint32_t fit_screen(struct sl_vgpu *vgpu, struct sl_vgpu_screen *screen, uint32_t screen_id,
			   const struct sl_vgpu_resource *resource, uint32_t width, uint32_t height,
			   bool *ret_is_new)
{
	uint32_t pixman_format;
	uint64_t size = (uint64_t)width * height * 4;

	*ret_is_new = false;
	if (screen->image != NULL && screen->width == width && screen->height == height &&
	    screen->format == resource->format) {
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	if (!sl_vgpu_find_format(resource->format, &pixman_format)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "format %u cannot be shown", resource->format);
	}
	finish_screen(vgpu, screen);
	if (width > SL_VGPU_MAX_DIMENSION || height > SL_VGPU_MAX_DIMENSION ||
	    size > vgpu->options.max_host_bytes - vgpu->host_bytes) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
				      "showing %u x %u pixels would exceed the VM's %llu MiB of "
				      "pictures (--max-memory)",
				      width, height,
				      (unsigned long long)(vgpu->options.max_host_bytes >> 20));
	}
	*screen = (struct sl_vgpu_screen){ .format = resource->format,
					   .width = width,
					   .height = height };
	*ret_is_new = true;
	return share_screen(vgpu, screen, screen_id, pixman_format) < 0
		       ? VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
		       : VIRTIO_GPU_RESP_OK_NODATA;
}

static struct sl_vgpu_rect join(const struct sl_vgpu_rect *a, const struct sl_vgpu_rect *b)
{
	uint32_t left = a->x < b->x ? a->x : b->x;
	uint32_t top = a->y < b->y ? a->y : b->y;
	uint32_t right = a->x + a->width > b->x + b->width ? a->x + a->width : b->x + b->width;
	uint32_t bottom = a->y + a->height > b->y + b->height ? a->y + a->height : b->y + b->height;

	return (struct sl_vgpu_rect){ left, top, right - left, bottom - top };
}

/* part: of the screen, which shows the resource from x, y on. While one read is under way the next
 * ones are gathered, so a guest that flushes faster than pictures can be read costs nothing. */
static void read_part(struct sl_vgpu *vgpu, struct sl_vgpu_screen *screen, uint32_t screen_id,
		      const struct sl_vgpu_resource *resource, uint32_t x, uint32_t y,
		      const struct sl_vgpu_rect *part)
{
	struct sl_vgpu_rect from = { x + part->x, y + part->y, part->width, part->height };

	if (screen->is_reading) {
		screen->dirty = screen->is_dirty ? join(&screen->dirty, part) : *part;
		screen->is_dirty = true;
		return;
	}
	screen->reading = *part;
	screen->is_reading =
		!resource->is_lost && vgpu->host3d->read(vgpu->host3d_data, screen_id, resource->id,
							 &from, part->x, part->y) == 0;
}

uint32_t sl_vgpu_host3d_show(struct sl_vgpu *vgpu, uint32_t scanout_id,
			     const struct sl_vgpu_resource *resource,
			     const struct sl_vgpu_rect *rect)
{
	struct sl_vgpu_screen *screen = &vgpu->scanouts[scanout_id].screen;
	const struct sl_vgpu_rect all = { 0, 0, rect->width, rect->height };
	bool is_new;
	uint32_t response =
		fit_screen(vgpu, screen, scanout_id, resource, rect->width, rect->height, &is_new);

	if (response == VIRTIO_GPU_RESP_OK_NODATA && is_new) {
		read_part(vgpu, screen, scanout_id, resource, rect->x, rect->y, &all);
	}
	return response;
}

void sl_vgpu_host3d_update(struct sl_vgpu *vgpu, uint32_t scanout_id,
			   const struct sl_vgpu_rect *part)
{
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];

	read_part(vgpu, &scanout->screen, scanout_id, scanout->resource, scanout->rect.x,
		  scanout->rect.y, part);
}

static void read_cursor(struct sl_vgpu *vgpu, struct sl_vgpu_scanout *scanout, uint32_t scanout_id)
{
	const struct sl_vgpu_rect all = { 0, 0, SL_VGPU_CURSOR_SIZE, SL_VGPU_CURSOR_SIZE };
	const struct sl_vgpu_resource *resource =
		sl_vgpu_find_resource(vgpu, scanout->cursor_cmd.resource_id);

	if (resource != NULL && resource->kind == SL_VGPU_RESOURCE_HOST) {
		read_part(vgpu, &scanout->cursor, CURSOR_SCREENS + scanout_id, resource, 0, 0,
			  &all);
	}
}

uint32_t sl_vgpu_host3d_cursor(struct sl_vgpu *vgpu, const struct virtio_gpu_update_cursor *cmd,
			       const struct sl_vgpu_resource *resource)
{
	uint32_t scanout_id = cmd->pos.scanout_id;
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];
	bool is_new;
	uint32_t response = fit_screen(vgpu, &scanout->cursor, CURSOR_SCREENS + scanout_id,
				       resource, SL_VGPU_CURSOR_SIZE, SL_VGPU_CURSOR_SIZE, &is_new);

	if (response == VIRTIO_GPU_RESP_OK_NODATA) {
		scanout->cursor_cmd = *cmd;
		read_cursor(vgpu, scanout, scanout_id);
	}
	return response;
}

static void show_cursor(struct sl_vgpu *vgpu, uint32_t scanout_id)
{
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];

	if (vgpu->display != NULL) {
		sl_vgpu_define_cursor(vgpu, &scanout->cursor_cmd, scanout->cursor.image);
	}
	if (scanout->cursor.is_dirty) {
		scanout->cursor.is_dirty = false;
		read_cursor(vgpu, scanout, scanout_id);
	}
}

void sl_vgpu_host3d_read(struct sl_vgpu *vgpu, uint32_t screen_id)
{
	bool is_cursor = screen_id >= CURSOR_SCREENS;
	uint32_t scanout_id = screen_id % SL_VGPU_MAX_SCANOUTS;
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];
	struct sl_vgpu_screen *screen = is_cursor ? &scanout->cursor : &scanout->screen;

	if (screen_id >= 2 * SL_VGPU_MAX_SCANOUTS || !screen->is_reading) {
		return;
	}
	screen->is_reading = false;
	if (is_cursor) {
		show_cursor(vgpu, scanout_id);
		return;
	}
	/* It may show something else by now. */
	if (scanout->is_shared || scanout->resource == NULL ||
	    scanout->resource->kind != SL_VGPU_RESOURCE_HOST) {
		screen->is_dirty = false;
		return;
	}
	if (vgpu->display != NULL) {
		vgpu->display->update(vgpu->display_data, scanout_id, &screen->reading);
	}
	if (screen->is_dirty) {
		screen->is_dirty = false;
		read_part(vgpu, screen, screen_id, scanout->resource, scanout->rect.x,
			  scanout->rect.y, &screen->dirty);
	}
}

void sl_vgpu_host3d_ask_dmabuf(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	if (resource->was_asked || resource->is_lost || vgpu->cannot_export ||
	    vgpu->display == NULL || vgpu->display->set_dmabuf == NULL) {
		return;
	}
	resource->was_asked = vgpu->host3d->export_resource(vgpu->host3d_data, resource->id) == 0;
	vgpu->cannot_export = !resource->was_asked;
}

void sl_vgpu_host3d_drop_dmabuf(struct sl_vgpu_resource *resource)
{
	if (resource->is_shared) {
		sl_fd_close(resource->dmabuf.fd);
		resource->is_shared = false;
	}
}

void sl_vgpu_host3d_exported(struct sl_vgpu *vgpu, uint32_t resource_id,
			     const struct sl_vgpu_dmabuf *dmabuf)
{
	SL_AUTO_CLOSE int fd = dmabuf->fd;
	struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, resource_id);

	if (fd < 0 && !vgpu->cannot_export) {
		vgpu->cannot_export = true;
		sl_log(SL_LOG_INFO,
		       "the host's OpenGL does not share pictures: they are read back");
	}
	/* The id may be another resource's by now. */
	if (fd < 0 || resource == NULL || !resource->was_asked || resource->is_shared ||
	    resource->is_lost || dmabuf->width < resource->width ||
	    dmabuf->height < resource->height) {
		return;
	}
	resource->dmabuf = *dmabuf;
	resource->dmabuf.fd = sl_steal_fd(&fd);
	resource->is_shared = true;
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		if (vgpu->scanouts[i].resource == resource) {
			sl_vgpu_announce(vgpu, i);
		}
	}
}

static void forget_contexts(struct sl_vgpu *vgpu)
{
	struct sl_vgpu_context *context;

	LIST_FOREACH(context, &vgpu->contexts, link)
	{
		if (context->backend != NULL && context->backend->ops->is_host3d) {
			context->data = NULL;
			context->failed = true;
		}
	}
}

static void forget_resource(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	if (resource->kind != SL_VGPU_RESOURCE_HOST) {
		return;
	}
	/* What the display has of it stays; its memory lives as long as somebody has it. */
	resource->is_lost = true;
	resource->releasing = 0;
	if (resource->dying && LIST_EMPTY(&resource->attachments)) {
		sl_vgpu_destroy_resource(vgpu, resource);
	}
}

void sl_vgpu_host3d_lost(struct sl_vgpu *vgpu)
{
	forget_contexts(vgpu);
	for (uint32_t i = 0; i < SL_VGPU_BUCKETS; i++) {
		struct sl_vgpu_resource *resource = LIST_FIRST(&vgpu->resources[i]);

		while (resource != NULL) {
			struct sl_vgpu_resource *next = LIST_NEXT(resource, link);

			forget_resource(vgpu, resource);
			resource = next;
		}
	}
	/* What a screen shows stays, until the guest shows something else. */
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		struct sl_vgpu_scanout *scanout = &vgpu->scanouts[i];

		scanout->screen.is_reading = false;
		scanout->screen.is_dirty = false;
		scanout->screen.format = 0;
		finish_screen(vgpu, &scanout->cursor);
	}
	sl_vgpu_check_releases(vgpu);
	sl_vgpu_host3d_reached(vgpu, vgpu->last_number);
}

void sl_vgpu_host3d_reset(struct sl_vgpu *vgpu)
{
	if (vgpu->host3d == NULL) {
		return;
	}
	vgpu->host3d->reset(vgpu->host3d_data);
	forget_contexts(vgpu);
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		finish_screen(vgpu, &vgpu->scanouts[i].screen);
		finish_screen(vgpu, &vgpu->scanouts[i].cursor);
	}
}
