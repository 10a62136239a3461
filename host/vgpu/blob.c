/* SPDX-License-Identifier: MIT */
/* Blobs: resources that are bytes and nothing else. Those in guest memory come with their pages.
 * Those of the host have memory only while the guest has them mapped, and it is the window's: the
 * guest's kernel chooses where in the window, so there is nowhere else it could be. */
#include "host/vgpu/virtio_gpu_priv.h"

#include <stdlib.h>

#define PAGE_SIZE 4096u

static const uint32_t known_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE |
				    VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE |
				    VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE;

/* Returns OK_NODATA if the device can make such a blob. */
static uint32_t check_blob(struct sl_vgpu *vgpu, const struct virtio_gpu_resource_create_blob *cmd)
{
	bool is_host = cmd->blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D;

	if (!vgpu->options.has_blobs || (!is_host && cmd->blob_mem != VIRTIO_GPU_BLOB_MEM_GUEST) ||
	    (cmd->blob_flags & ~known_flags) != 0) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "a blob of memory %u with flags 0x%x is not offered",
				      cmd->blob_mem, cmd->blob_flags);
	}
	if (cmd->size == 0 || (is_host && (cmd->size % PAGE_SIZE != 0 || cmd->nr_entries != 0 ||
					   cmd->size > vgpu->options.window.size))) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "a blob of %llu bytes, %u page entries and memory %u",
				      (unsigned long long)cmd->size, cmd->nr_entries,
				      cmd->blob_mem);
	}
	/* One that a context has made by its own commands has an id. */
	if (is_host &&
	    ((cmd->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) == 0 || cmd->blob_id != 0)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "a blob of the host that cannot be mapped, or is a "
				      "context's own");
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t sl_vgpu_create_blob(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			     const struct virtio_gpu_resource_create_blob *cmd)
{
	bool is_host = cmd->blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D;
	uint32_t response = check_blob(vgpu, cmd);

	if (response == VIRTIO_GPU_RESP_OK_NODATA) {
		response = sl_vgpu_check_new_id(vgpu, cmd->resource_id);
	}
	if (response != VIRTIO_GPU_RESP_OK_NODATA) {
		return response;
	}
	struct sl_vgpu_resource *resource = sl_vgpu_add_resource(
		vgpu, cmd->resource_id, is_host ? SL_VGPU_RESOURCE_WINDOW : SL_VGPU_RESOURCE_GUEST);
	if (resource == NULL) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	resource->size = cmd->size;
	if (!is_host) {
		response =
			sl_vgpu_set_backing(vgpu, request, resource, cmd->nr_entries, sizeof(*cmd));
		if (response != VIRTIO_GPU_RESP_OK_NODATA) {
			sl_vgpu_destroy_resource(vgpu, resource);
		}
	}
	return response;
}

/* Returns OK_NODATA with a blob of the host, else the error's response. */
static uint32_t find_host_blob(struct sl_vgpu *vgpu, uint32_t id,
			       struct sl_vgpu_resource **ret_resource)
{
	*ret_resource = sl_vgpu_find_resource(vgpu, id);
	if (*ret_resource == NULL || (*ret_resource)->kind != SL_VGPU_RESOURCE_WINDOW) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown or no blob of the host", id);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static bool is_free(const struct sl_vgpu *vgpu, uint64_t offset, uint64_t size)
{
	const struct sl_vgpu_resource *user;

	LIST_FOREACH(user, &vgpu->window_users, window_link)
	{
		if (offset < user->window_offset + user->size &&
		    user->window_offset < offset + size) {
			return false;
		}
	}
	return true;
}

/* One range: the blob's part of the window. */
static bool set_window_range(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource,
			     uint64_t offset)
{
	resource->ranges = calloc(1, sizeof(*resource->ranges));
	resource->range_ends = calloc(1, sizeof(*resource->range_ends));
	if (resource->ranges == NULL || resource->range_ends == NULL) {
		free(resource->ranges);
		free(resource->range_ends);
		resource->ranges = NULL;
		resource->range_ends = NULL;
		return false;
	}
	resource->ranges[0] = (struct sl_guest_range){ .addr = vgpu->options.window.addr + offset,
						       .size = resource->size };
	resource->range_ends[0] = resource->size;
	resource->range_count = 1;
	vgpu->page_entries++;
	return true;
}

static void drop_window_range(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	free(resource->ranges);
	free(resource->range_ends);
	resource->ranges = NULL;
	resource->range_ends = NULL;
	vgpu->page_entries -= resource->range_count;
	resource->range_count = 0;
	resource->mapped = false;
	sl_vgpu_withdraw_pages(vgpu, resource, false);
}

uint32_t sl_vgpu_map_blob(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			  const struct virtio_gpu_resource_map_blob *cmd)
{
	const size_t head = sizeof(struct virtio_gpu_ctrl_hdr);
	const struct virtio_gpu_resp_map_info info = { .map_info = VIRTIO_GPU_MAP_CACHE_CACHED };
	struct sl_vgpu_resource *resource;
	uint32_t response = find_host_blob(vgpu, cmd->resource_id, &resource);

	if (response != VIRTIO_GPU_RESP_OK_NODATA) {
		return response;
	}
	if (resource->holds_window || cmd->offset % PAGE_SIZE != 0 ||
	    cmd->offset > vgpu->options.window.size - resource->size ||
	    !is_free(vgpu, cmd->offset, resource->size)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "blob %u of %llu bytes cannot be at 0x%llx of the window",
				      resource->id, (unsigned long long)resource->size,
				      (unsigned long long)cmd->offset);
	}
	if (!set_window_range(vgpu, resource, cmd->offset)) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	resource->mapped = true;
	resource->holds_window = true;
	resource->window_offset = cmd->offset;
	LIST_INSERT_HEAD(&vgpu->window_users, resource, window_link);
	/* The guest can write into the window where nothing is mapped. */
	vgpu->options.frontend->clear_window(vgpu->options.frontend_data, cmd->offset,
					     resource->size);
	if (sl_vgpu_announce_pages(vgpu, resource) < 0 ||
	    !sl_vgpu_set_payload(request, (const uint8_t *)&info + head, sizeof(info) - head)) {
		drop_window_range(vgpu, resource);
		sl_vgpu_release_window(vgpu, resource);
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	return VIRTIO_GPU_RESP_OK_MAP_INFO;
}

uint32_t sl_vgpu_unmap_blob(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			    const struct virtio_gpu_resource_unmap_blob *cmd)
{
	struct sl_vgpu_resource *resource;
	uint32_t response = find_host_blob(vgpu, cmd->resource_id, &resource);

	if (response != VIRTIO_GPU_RESP_OK_NODATA) {
		return response;
	}
	if (!resource->mapped) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_UNSPEC, "blob %u is not mapped",
				      resource->id);
	}
	drop_window_range(vgpu, resource);
	if (sl_vgpu_resource_is_dropping(vgpu, resource->id)) {
		return sl_vgpu_wait_release(vgpu, request, resource->id);
	}
	sl_vgpu_release_window(vgpu, resource);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

void sl_vgpu_release_window(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	if (!resource->holds_window || resource->mapped) {
		return;
	}
	resource->holds_window = false;
	LIST_REMOVE(resource, window_link);
	vgpu->options.frontend->clear_window(vgpu->options.frontend_data, resource->window_offset,
					     resource->size);
}
