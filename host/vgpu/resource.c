/* SPDX-License-Identifier: MIT */
/* Resources: 2D pictures with the host's copy of their pixels, and runs of guest memory that 3D
 * contexts share. */
#include "host/vgpu/virtio_gpu_priv.h"

#include <errno.h>
#include <pixman.h>
#include <stdlib.h>
#include <string.h>

struct format {
	uint32_t virtio; /* names bytes in memory */
	pixman_format_code_t pixman;
};

/* pixman names the bits of a little-endian word. */
static const struct format formats[] = {
	{ VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, PIXMAN_a8r8g8b8 },
	{ VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, PIXMAN_x8r8g8b8 },
	{ VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, PIXMAN_b8g8r8a8 },
	{ VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, PIXMAN_b8g8r8x8 },
	{ VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, PIXMAN_a8b8g8r8 },
	{ VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, PIXMAN_r8g8b8x8 },
	{ VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, PIXMAN_r8g8b8a8 },
	{ VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, PIXMAN_x8b8g8r8 },
};

#define BYTES_PER_PIXEL 4u

bool sl_vgpu_find_format(uint32_t virtio, uint32_t *ret_format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].virtio == virtio) {
			*ret_format = formats[i].pixman;
			return true;
		}
	}
	return false;
}

struct sl_vgpu_resource *sl_vgpu_find_any_resource(struct sl_vgpu *vgpu, uint32_t id)
{
	struct sl_vgpu_resource *resource;

	LIST_FOREACH(resource, &vgpu->resources[id % SL_VGPU_BUCKETS], link)
	{
		if (resource->id == id) {
			return resource;
		}
	}
	return NULL;
}

struct sl_vgpu_resource *sl_vgpu_find_resource(struct sl_vgpu *vgpu, uint32_t id)
{
	struct sl_vgpu_resource *resource = sl_vgpu_find_any_resource(vgpu, id);

	return resource != NULL && !resource->dying ? resource : NULL;
}

bool sl_vgpu_resource_is_dropping(struct sl_vgpu *vgpu, uint32_t id)
{
	struct sl_vgpu_resource *resource = sl_vgpu_find_any_resource(vgpu, id);
	struct sl_vgpu_attachment *attachment;

	if (resource == NULL) {
		return false;
	}
	if (resource->releasing > 0) {
		return true;
	}
	LIST_FOREACH(attachment, &resource->attachments, link)
	{
		if (attachment->dropping) {
			return true;
		}
	}
	return false;
}

static void free_backing(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	vgpu->page_entries -= resource->range_count;
	free(resource->ranges);
	free(resource->range_ends);
	resource->ranges = NULL;
	resource->range_ends = NULL;
	resource->range_count = 0;
}

void sl_vgpu_destroy_resource(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	sl_vgpu_hide_resource(vgpu, resource);
	sl_vgpu_host3d_drop_dmabuf(resource);
	free_backing(vgpu, resource);
	resource->mapped = false;
	sl_vgpu_release_window(vgpu, resource);
	if (resource->image != NULL) {
		pixman_image_unref(resource->image);
	}
	if (resource->kind == SL_VGPU_RESOURCE_2D) {
		vgpu->host_bytes -= resource->size;
	}
	free(resource->pixels);
	LIST_REMOVE(resource, link);
	vgpu->resource_count--;
	free(resource);
}

void sl_vgpu_clear_resources(struct sl_vgpu *vgpu)
{
	for (uint32_t i = 0; i < SL_VGPU_BUCKETS; i++) {
		struct sl_vgpu_resource *resource;

		while ((resource = LIST_FIRST(&vgpu->resources[i])) != NULL) {
			sl_vgpu_destroy_resource(vgpu, resource);
		}
	}
}

uint32_t sl_vgpu_check_new_id(struct sl_vgpu *vgpu, uint32_t id)
{
	if (id == 0) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource id 0");
	}
	if (sl_vgpu_find_any_resource(vgpu, id) != NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u exists", id);
	}
	if (vgpu->resource_count >= SL_VGPU_MAX_RESOURCES) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
				      "more than %u resources", SL_VGPU_MAX_RESOURCES);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static struct sl_vgpu_resource *new_resource(uint32_t id, enum sl_vgpu_resource_kind kind)
{
	struct sl_vgpu_resource *resource = calloc(1, sizeof(*resource));

	if (resource != NULL) {
		resource->id = id;
		resource->kind = kind;
		LIST_INIT(&resource->attachments);
	}
	return resource;
}

static void add_resource(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	LIST_INSERT_HEAD(&vgpu->resources[resource->id % SL_VGPU_BUCKETS], resource, link);
	vgpu->resource_count++;
}

struct sl_vgpu_resource *sl_vgpu_add_resource(struct sl_vgpu *vgpu, uint32_t id,
					      enum sl_vgpu_resource_kind kind)
{
	struct sl_vgpu_resource *resource = new_resource(id, kind);

	if (resource != NULL) {
		add_resource(vgpu, resource);
	}
	return resource;
}

uint32_t sl_vgpu_create_2d(struct sl_vgpu *vgpu, const struct virtio_gpu_resource_create_2d *cmd)
{
	uint32_t format;
	uint32_t response = sl_vgpu_check_new_id(vgpu, cmd->resource_id);

	if (response != VIRTIO_GPU_RESP_OK_NODATA) {
		return response;
	}
	if (!sl_vgpu_find_format(cmd->format, &format)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "format %u is unknown", cmd->format);
	}
	if (cmd->width == 0 || cmd->height == 0 || cmd->width > SL_VGPU_MAX_DIMENSION ||
	    cmd->height > SL_VGPU_MAX_DIMENSION) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "%u x %u pixels",
				      cmd->width, cmd->height);
	}
	uint64_t size = (uint64_t)cmd->width * cmd->height * BYTES_PER_PIXEL;
	if (size > vgpu->options.max_host_bytes - vgpu->host_bytes) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
				      "%u x %u pixels would exceed the VM's %llu MiB of pictures "
				      "(--max-memory)",
				      cmd->width, cmd->height,
				      (unsigned long long)(vgpu->options.max_host_bytes >> 20));
	}
	struct sl_vgpu_resource *resource = new_resource(cmd->resource_id, SL_VGPU_RESOURCE_2D);
	if (resource == NULL) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	resource->width = cmd->width;
	resource->height = cmd->height;
	resource->pixels = calloc(1, size);
	if (resource->pixels != NULL) {
		resource->image = pixman_image_create_bits(
			(pixman_format_code_t)format, (int)cmd->width, (int)cmd->height,
			resource->pixels, (int)(cmd->width * BYTES_PER_PIXEL));
	}
	if (resource->image == NULL) {
		free(resource->pixels);
		free(resource);
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	resource->size = size;
	vgpu->host_bytes += size;
	add_resource(vgpu, resource);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t sl_vgpu_create_3d(struct sl_vgpu *vgpu, const struct virtio_gpu_resource_create_3d *cmd)
{
	uint32_t response = sl_vgpu_check_new_id(vgpu, cmd->resource_id);

	if (response != VIRTIO_GPU_RESP_OK_NODATA) {
		return response;
	}
	if ((cmd->flags & SL_VGPU_RESOURCE_FLAG_GUEST) == 0 && vgpu->host3d != NULL) {
		return sl_vgpu_host3d_create(vgpu, cmd);
	}
	if ((cmd->flags & SL_VGPU_RESOURCE_FLAG_GUEST) == 0) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "no 3D protocol with textures is offered");
	}
	/* A buffer: bytes along the first dimension. */
	if (cmd->target != 0 || cmd->width == 0 || cmd->height != 1 || cmd->depth != 1 ||
	    cmd->array_size != 1 || cmd->last_level != 0 || cmd->nr_samples != 0) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "guest memory that is no plain buffer");
	}
	struct sl_vgpu_resource *resource =
		sl_vgpu_add_resource(vgpu, cmd->resource_id, SL_VGPU_RESOURCE_GUEST);
	if (resource == NULL) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	resource->size = cmd->width;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t sl_vgpu_unref(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
		       const struct virtio_gpu_resource_unref *cmd)
{
	struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);

	if (resource == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown", cmd->resource_id);
	}
	sl_vgpu_hide_resource(vgpu, resource);
	resource->dying = true;
	sl_vgpu_withdraw_pages(vgpu, resource, true);
	sl_vgpu_host3d_detach_pages(vgpu, resource, true);
	if (!sl_vgpu_resource_is_dropping(vgpu, cmd->resource_id)) {
		sl_vgpu_destroy_resource(vgpu, resource);
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	return sl_vgpu_wait_release(vgpu, request, cmd->resource_id);
}

/* Append a run, merged with the one before where they touch. */
static void append_range(struct sl_vgpu_resource *resource, uint64_t addr, uint64_t size)
{
	uint32_t count = resource->range_count;
	uint64_t end = count > 0 ? resource->range_ends[count - 1] : 0;

	if (count > 0 &&
	    resource->ranges[count - 1].addr + resource->ranges[count - 1].size == addr) {
		resource->ranges[count - 1].size += size;
		resource->range_ends[count - 1] = end + size;
		return;
	}
	resource->ranges[count] = (struct sl_guest_range){ .addr = addr, .size = size };
	resource->range_ends[count] = end + size;
	resource->range_count++;
}

/* Read the page list at offset of the request into the resource. */
static uint32_t read_entries(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			     struct sl_vgpu_resource *resource, uint32_t count, size_t offset)
{
	const size_t size = count * sizeof(struct virtio_gpu_mem_entry);
	struct virtio_gpu_mem_entry *entries = malloc(size);
	uint32_t response = VIRTIO_GPU_RESP_OK_NODATA;

	resource->ranges = calloc(count, sizeof(*resource->ranges));
	resource->range_ends = calloc(count, sizeof(*resource->range_ends));
	if (entries == NULL || resource->ranges == NULL || resource->range_ends == NULL) {
		response = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	} else if (sl_chain_read(&request->chain, vgpu->ram, offset, entries, size) < 0) {
		response = sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
					  "the list of %u pages is cut short", count);
	}
	for (uint32_t i = 0; i < count && response == VIRTIO_GPU_RESP_OK_NODATA; i++) {
		if (entries[i].length == 0 ||
		    !sl_guest_ram_contains(vgpu->ram, entries[i].addr, entries[i].length)) {
			response = sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
						  "page entry %u is not guest memory", i);
			break;
		}
		append_range(resource, entries[i].addr, entries[i].length);
	}
	free(entries);
	return response;
}

/* Give back what merging runs has saved. */
static void shrink_ranges(struct sl_vgpu_resource *resource)
{
	void *ranges = realloc(resource->ranges, resource->range_count * sizeof(*resource->ranges));
	void *ends = realloc(resource->range_ends,
			     resource->range_count * sizeof(*resource->range_ends));

	resource->ranges = ranges != NULL ? ranges : resource->ranges;
	resource->range_ends = ends != NULL ? ends : resource->range_ends;
}

uint32_t sl_vgpu_set_backing(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			     struct sl_vgpu_resource *resource, uint32_t count, size_t offset)
{
	if (count == 0 || count > SL_VGPU_MAX_PAGE_ENTRIES) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "%u page entries (at most %u)", count,
				      SL_VGPU_MAX_PAGE_ENTRIES);
	}
	uint32_t response = read_entries(vgpu, request, resource, count, offset);
	vgpu->page_entries += resource->range_count;
	if (response == VIRTIO_GPU_RESP_OK_NODATA &&
	    vgpu->page_entries > SL_VGPU_MAX_ENTRIES_TOTAL) {
		response = sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
					  "more than %u runs of pages", SL_VGPU_MAX_ENTRIES_TOTAL);
	}
	if (response == VIRTIO_GPU_RESP_OK_NODATA && resource->kind == SL_VGPU_RESOURCE_GUEST &&
	    resource->range_ends[resource->range_count - 1] < resource->size) {
		response = sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
					  "fewer pages than resource %u is long", resource->id);
	}
	if (response == VIRTIO_GPU_RESP_OK_NODATA) {
		shrink_ranges(resource);
		if (sl_vgpu_announce_pages(vgpu, resource) < 0) {
			sl_vgpu_withdraw_pages(vgpu, resource, false);
			response = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
		}
	}
	if (response != VIRTIO_GPU_RESP_OK_NODATA) {
		free_backing(vgpu, resource);
	}
	return response;
}

uint32_t sl_vgpu_attach_backing(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
				const struct virtio_gpu_resource_attach_backing *cmd)
{
	struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);

	if (resource == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown", cmd->resource_id);
	}
	if (resource->ranges != NULL || resource->kind == SL_VGPU_RESOURCE_WINDOW ||
	    sl_vgpu_resource_is_dropping(vgpu, resource->id)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_UNSPEC,
				      "resource %u has a backing already", resource->id);
	}
	return sl_vgpu_set_backing(vgpu, request, resource, cmd->nr_entries, sizeof(*cmd));
}

uint32_t sl_vgpu_detach_backing(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
				const struct virtio_gpu_resource_detach_backing *cmd)
{
	struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);

	if (resource == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown", cmd->resource_id);
	}
	if (resource->ranges == NULL || resource->kind == SL_VGPU_RESOURCE_WINDOW) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_UNSPEC,
				      "resource %u has no backing", resource->id);
	}
	free_backing(vgpu, resource);
	sl_vgpu_withdraw_pages(vgpu, resource, false);
	sl_vgpu_host3d_detach_pages(vgpu, resource, false);
	if (sl_vgpu_resource_is_dropping(vgpu, resource->id)) {
		return sl_vgpu_wait_release(vgpu, request, resource->id);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Copy size bytes at offset of the backing, which holds them. Returns 0 or -EFAULT. */
static int read_backing(const struct sl_vgpu *vgpu, const struct sl_vgpu_resource *resource,
			uint64_t offset, uint8_t *dst, uint64_t size)
{
	uint32_t low = 0;
	uint32_t high = resource->range_count;

	/* The first run that ends behind offset. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (resource->range_ends[middle] <= offset) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	for (uint32_t i = low; size > 0 && i < resource->range_count; i++) {
		const struct sl_guest_range *range = &resource->ranges[i];
		uint64_t skip = offset - (resource->range_ends[i] - range->size);
		uint64_t here = range->size - skip;

		here = here < size ? here : size;
		if (sl_guest_ram_read(vgpu->ram, range->addr + skip, dst, here) < 0) {
			return -EFAULT;
		}
		dst += here;
		offset += here;
		size -= here;
	}
	return size == 0 ? 0 : -EFAULT;
}

uint32_t sl_vgpu_transfer_2d(struct sl_vgpu *vgpu, const struct virtio_gpu_transfer_to_host_2d *cmd)
{
	struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);
	const struct virtio_gpu_rect *rect = &cmd->r;

	if (resource == NULL || resource->kind != SL_VGPU_RESOURCE_2D) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown or not 2D", cmd->resource_id);
	}
	if (resource->ranges == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u has no backing", resource->id);
	}
	if (rect->width == 0 || rect->height == 0 || rect->x > resource->width ||
	    rect->y > resource->height || rect->width > resource->width - rect->x ||
	    rect->height > resource->height - rect->y) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "%ux%u at %u,%u is outside resource %u of %ux%u", rect->width,
				      rect->height, rect->x, rect->y, resource->id, resource->width,
				      resource->height);
	}
	/* The offset is that of the rectangle's first pixel; rows are as far apart as the
	 * resource is wide. None of this overflows: rect is small by now. */
	uint64_t stride = (uint64_t)resource->width * BYTES_PER_PIXEL;
	uint64_t row_size = (uint64_t)rect->width * BYTES_PER_PIXEL;
	uint64_t span = stride * (rect->height - 1) + row_size;
	uint64_t backing_size = resource->range_ends[resource->range_count - 1];
	if (cmd->offset > backing_size || span > backing_size - cmd->offset) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "offset %llu is too close to the end of the backing",
				      (unsigned long long)cmd->offset);
	}
	uint8_t *dst = (uint8_t *)resource->pixels + rect->y * stride +
		       (uint64_t)rect->x * BYTES_PER_PIXEL;
	uint64_t copies = row_size == stride ? 1 : rect->height;
	uint64_t size = row_size == stride ? span : row_size;
	for (uint64_t i = 0; i < copies; i++) {
		if (read_backing(vgpu, resource, cmd->offset + i * stride, dst + i * stride, size) <
		    0) {
			return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_UNSPEC,
					      "the backing of resource %u is no memory any more",
					      resource->id);
		}
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Guest memory is shared, not copied: there is nothing to transfer. */
uint32_t sl_vgpu_transfer_3d(struct sl_vgpu *vgpu, const struct virtio_gpu_transfer_host_3d *cmd)
{
	const struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);

	if (resource == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown", cmd->resource_id);
	}
	return resource->kind == SL_VGPU_RESOURCE_HOST
		       ? sl_vgpu_host3d_transfer(vgpu, resource, cmd)
		       : VIRTIO_GPU_RESP_OK_NODATA;
}
