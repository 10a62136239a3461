/* SPDX-License-Identifier: MIT */
/* 3D contexts: which back end a context belongs to, the resources attached to it, submissions.
 *
 * A guest's kernel reuses a resource's pages as soon as it hears that their backing is detached, or
 * the resource gone. A context lives in another process that may have the pages mapped, so those
 * commands are answered only when that process has let go (sl_vgpu_backend_ops.detach). */
#include "host/vgpu/virtio_gpu_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fd.h"

/* Submissions of up to so many bytes need no memory of the heap. */
#define SMALL_SUBMIT_SIZE 256u

/* Contexts that are ending have no id any more. */
struct sl_vgpu_context *sl_vgpu_find_context(struct sl_vgpu *vgpu, uint32_t id)
{
	struct sl_vgpu_context *context;

	LIST_FOREACH(context, &vgpu->contexts, link)
	{
		if (context->id == id && id != 0) {
			return context;
		}
	}
	return NULL;
}

static struct sl_vgpu_attachment *find_attachment(struct sl_vgpu_resource *resource,
						  const struct sl_vgpu_context *context)
{
	struct sl_vgpu_attachment *attachment;

	LIST_FOREACH(attachment, &resource->attachments, link)
	{
		if (attachment->context == context) {
			return attachment;
		}
	}
	return NULL;
}

static struct sl_vgpu_pages make_pages(const struct sl_vgpu_resource *resource)
{
	return (struct sl_vgpu_pages){
		.resource_id = resource->id,
		.size = resource->size,
		.ranges = resource->ranges,
		.range_count = resource->range_count,
	};
}

static void forget_entries(struct sl_vgpu *vgpu, struct sl_vgpu_attachment *attachment)
{
	vgpu->attached_entries -= attachment->entries;
	attachment->entries = 0;
}

/* Give the back end the pages. Returns 0, also if there is nothing to tell yet, or -errno. */
static int tell_pages(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource,
		      struct sl_vgpu_attachment *attachment)
{
	struct sl_vgpu_context *context = attachment->context;
	const struct sl_vgpu_pages pages = make_pages(resource);

	bool is_memory = resource->kind == SL_VGPU_RESOURCE_GUEST ||
			 resource->kind == SL_VGPU_RESOURCE_WINDOW;

	if (context->data == NULL || !is_memory || resource->ranges == NULL || attachment->known) {
		return 0;
	}
	/* A guest may attach one list to all its contexts. */
	if (vgpu->attached_entries + pages.range_count > SL_VGPU_MAX_ENTRIES_TOTAL) {
		sl_vgpu_refuse(vgpu, 0, "more than %u runs of pages attached to contexts",
			       SL_VGPU_MAX_ENTRIES_TOTAL);
		return -ENOMEM;
	}
	int r = context->backend->ops->attach(context->data, &pages);
	if (r == 0) {
		attachment->known = true;
		attachment->entries = pages.range_count;
		vgpu->attached_entries += pages.range_count;
	}
	return r;
}

static void remove_attachment(struct sl_vgpu *vgpu, struct sl_vgpu_attachment *attachment)
{
	forget_entries(vgpu, attachment);
	LIST_REMOVE(attachment, link);
	vgpu->attachment_count--;
	free(attachment);
}

/* Have the back end let go; the attachment may be freed. */
static void drop_pages(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource,
		       struct sl_vgpu_attachment *attachment, bool detach)
{
	struct sl_vgpu_context *context = attachment->context;

	if (detach && !attachment->detached && resource->kind == SL_VGPU_RESOURCE_HOST) {
		sl_vgpu_host3d_attach(context, resource, false);
	}
	attachment->detached = attachment->detached || detach;
	if (attachment->known) {
		attachment->known = false;
		attachment->dropping =
			context->backend->ops->detach(context->data, resource->id) == -EINPROGRESS;
	}
	if (!attachment->dropping) {
		forget_entries(vgpu, attachment);
	}
	if (attachment->detached && !attachment->dropping) {
		remove_attachment(vgpu, attachment);
	}
}

int sl_vgpu_announce_pages(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	struct sl_vgpu_attachment *attachment;
	const struct sl_vgpu_pages pages = make_pages(resource);
	int r = sl_vgpu_host3d_attach_pages(vgpu, &pages, resource);

	LIST_FOREACH(attachment, &resource->attachments, link)
	{
		if (r == 0) {
			r = tell_pages(vgpu, resource, attachment);
		}
	}
	return r;
}

void sl_vgpu_withdraw_pages(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource, bool detach)
{
	struct sl_vgpu_attachment *attachment = LIST_FIRST(&resource->attachments);

	while (attachment != NULL) {
		struct sl_vgpu_attachment *next = LIST_NEXT(attachment, link);

		drop_pages(vgpu, resource, attachment, detach);
		attachment = next;
	}
}

/* After an attachment has let go: it may end, and with it a resource that waited. */
static void finish_drop(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource,
			struct sl_vgpu_attachment *attachment)
{
	attachment->dropping = false;
	forget_entries(vgpu, attachment);
	if (attachment->detached) {
		remove_attachment(vgpu, attachment);
	}
	if (resource->dying && resource->releasing == 0 && LIST_EMPTY(&resource->attachments)) {
		sl_vgpu_destroy_resource(vgpu, resource);
	}
}

void sl_vgpu_context_detached(struct sl_vgpu_context *context, uint32_t resource_id)
{
	struct sl_vgpu *vgpu = context->vgpu;
	struct sl_vgpu_resource *resource;

	LIST_FOREACH(resource, &vgpu->resources[resource_id % SL_VGPU_BUCKETS], link)
	{
		struct sl_vgpu_attachment *attachment =
			resource->id == resource_id ? find_attachment(resource, context) : NULL;

		if (attachment != NULL && attachment->dropping) {
			finish_drop(vgpu, resource, attachment);
			break;
		}
	}
	sl_vgpu_check_releases(vgpu);
}

/* Nothing refers to the context afterwards, but for requests. */
static void forget_attachments(struct sl_vgpu *vgpu, struct sl_vgpu_context *context)
{
	for (uint32_t i = 0; i < SL_VGPU_BUCKETS; i++) {
		struct sl_vgpu_resource *resource = LIST_FIRST(&vgpu->resources[i]);

		while (resource != NULL) {
			struct sl_vgpu_resource *next = LIST_NEXT(resource, link);
			struct sl_vgpu_attachment *attachment = find_attachment(resource, context);

			if (attachment != NULL) {
				attachment->detached = true;
				finish_drop(vgpu, resource, attachment);
			}
			resource = next;
		}
	}
}

static void free_context(struct sl_vgpu *vgpu, struct sl_vgpu_context *context)
{
	forget_attachments(vgpu, context);
	LIST_REMOVE(context, link);
	vgpu->context_count--;
	free(context);
}

void sl_vgpu_context_gone(struct sl_vgpu_context *context)
{
	struct sl_vgpu *vgpu = context->vgpu;

	context->data = NULL;
	free_context(vgpu, context);
	sl_vgpu_check_releases(vgpu);
}

void sl_vgpu_clear_contexts(struct sl_vgpu *vgpu)
{
	struct sl_vgpu_context *context = LIST_FIRST(&vgpu->contexts);

	while (context != NULL) {
		struct sl_vgpu_context *next = LIST_NEXT(context, link);

		if (!context->dying && context->data != NULL) {
			context->dying = true;
			if (context->backend->ops->destroy_context(context->data) == 0) {
				context->data = NULL;
			}
		}
		forget_attachments(vgpu, context);
		if (context->data == NULL) {
			free_context(vgpu, context);
		} else {
			/* sl_vgpu_context_gone() frees it; the next guest may have its id. */
			context->id = 0;
		}
		context = next;
	}
}

void sl_vgpu_free_contexts(struct sl_vgpu *vgpu)
{
	struct sl_vgpu_context *context;

	while ((context = LIST_FIRST(&vgpu->contexts)) != NULL) {
		free_context(vgpu, context);
	}
}

uint32_t sl_vgpu_context_create(struct sl_vgpu *vgpu, const struct virtio_gpu_ctx_create *cmd)
{
	const uint32_t id = cmd->hdr.ctx_id;
	uint32_t capset_id = cmd->context_init & VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK;
	uint32_t length =
		cmd->nlen < sizeof(cmd->debug_name) ? cmd->nlen : (uint32_t)sizeof(cmd->debug_name);

	if (id == 0 || sl_vgpu_find_context(vgpu, id) != NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
				      "context %u exists or is no id", id);
	}
	if (vgpu->context_count >= SL_VGPU_MAX_CONTEXTS) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
				      "more than %u contexts", SL_VGPU_MAX_CONTEXTS);
	}
	struct sl_vgpu_context *context = calloc(1, sizeof(*context));
	if (context == NULL) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	context->vgpu = vgpu;
	context->id = id;
	for (uint32_t i = 0; i < length && cmd->debug_name[i] != '\0'; i++) {
		char c = cmd->debug_name[i];

		context->name[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	for (uint32_t i = 0; i < vgpu->backend_count && capset_id != 0; i++) {
		if (vgpu->backends[i].ops->capset_id == capset_id) {
			context->backend = &vgpu->backends[i];
		}
	}
	if (capset_id != 0 && context->backend == NULL) {
		free(context);
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "capset %u is not offered", capset_id);
	}
	LIST_INSERT_HEAD(&vgpu->contexts, context, link);
	vgpu->context_count++;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* A guest's kernel does not wait for the answer before it uses the id again. What the context still
 * has of the guest's memory it lets go of later; who frees such memory waits for that. */
uint32_t sl_vgpu_context_destroy(struct sl_vgpu *vgpu, uint32_t id)
{
	struct sl_vgpu_context *context = sl_vgpu_find_context(vgpu, id);

	if (context == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
				      "context %u is unknown", id);
	}
	context->dying = true;
	context->id = 0;
	if (context->data == NULL ||
	    context->backend->ops->destroy_context(context->data) != -EINPROGRESS) {
		context->data = NULL;
		free_context(vgpu, context);
		sl_vgpu_check_releases(vgpu);
	}
	sl_vgpu_drop_fences(vgpu, id);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Look up both ends of an attachment. Returns OK_NODATA, or the error's response. */
static uint32_t find_both(struct sl_vgpu *vgpu, const struct virtio_gpu_ctx_resource *cmd,
			  struct sl_vgpu_context **ret_context,
			  struct sl_vgpu_resource **ret_resource)
{
	*ret_context = sl_vgpu_find_context(vgpu, cmd->hdr.ctx_id);
	*ret_resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);
	if (*ret_context == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
				      "context %u is unknown", cmd->hdr.ctx_id);
	}
	if (*ret_resource == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown", cmd->resource_id);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t sl_vgpu_context_attach(struct sl_vgpu *vgpu, const struct virtio_gpu_ctx_resource *cmd)
{
	struct sl_vgpu_context *context;
	struct sl_vgpu_resource *resource;
	uint32_t response = find_both(vgpu, cmd, &context, &resource);

	if (response != VIRTIO_GPU_RESP_OK_NODATA) {
		return response;
	}
	struct sl_vgpu_attachment *attachment = find_attachment(resource, context);
	if (attachment != NULL && !attachment->detached) {
		/* A guest's kernel attaches once for each handle that a program opens. */
		attachment->count++;
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	if (attachment != NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is being detached from context %u", resource->id,
				      context->id);
	}
	if (vgpu->attachment_count >= SL_VGPU_MAX_ATTACHMENTS) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
				      "more than %u attachments", SL_VGPU_MAX_ATTACHMENTS);
	}
	attachment = calloc(1, sizeof(*attachment));
	if (attachment == NULL) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	attachment->context = context;
	attachment->count = 1;
	LIST_INSERT_HEAD(&resource->attachments, attachment, link);
	vgpu->attachment_count++;
	if (tell_pages(vgpu, resource, attachment) < 0) {
		remove_attachment(vgpu, attachment);
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	if (resource->kind == SL_VGPU_RESOURCE_HOST) {
		sl_vgpu_host3d_attach(context, resource, true);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t sl_vgpu_context_detach(struct sl_vgpu *vgpu, const struct virtio_gpu_ctx_resource *cmd)
{
	struct sl_vgpu_context *context;
	struct sl_vgpu_resource *resource;
	uint32_t response = find_both(vgpu, cmd, &context, &resource);

	if (response != VIRTIO_GPU_RESP_OK_NODATA) {
		return response;
	}
	struct sl_vgpu_attachment *attachment = find_attachment(resource, context);
	if (attachment == NULL || attachment->detached) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is not attached to context %u", resource->id,
				      context->id);
	}
	if (--attachment->count > 0) {
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	/* The pages stay the resource's: only who frees them must wait. */
	drop_pages(vgpu, resource, attachment, true);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* A context has got its back end: what was attached before. */
static uint32_t tell_all_pages(struct sl_vgpu *vgpu, struct sl_vgpu_context *context)
{
	for (uint32_t i = 0; i < SL_VGPU_BUCKETS; i++) {
		struct sl_vgpu_resource *resource;

		LIST_FOREACH(resource, &vgpu->resources[i], link)
		{
			struct sl_vgpu_attachment *attachment = find_attachment(resource, context);

			if (attachment == NULL || attachment->detached) {
				continue;
			}
			if (tell_pages(vgpu, resource, attachment) < 0) {
				return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
			}
			if (resource->kind == SL_VGPU_RESOURCE_HOST) {
				sl_vgpu_host3d_attach(context, resource, true);
			}
		}
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t begin_context(struct sl_vgpu *vgpu, struct sl_vgpu_context *context)
{
	if (context->backend->ops->create_context(context->backend->data, context->id,
						  context->name, context, &context->data) < 0) {
		context->data = NULL;
		context->failed = true;
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	}
	return tell_all_pages(vgpu, context);
}

/* A context that did not say whose it is shows it by its first submission. */
static uint32_t choose_backend(struct sl_vgpu *vgpu, struct sl_vgpu_context *context,
			       const uint8_t *data, size_t size)
{
	uint32_t magic = 0;

	memcpy(&magic, data, size < sizeof(magic) ? size : sizeof(magic));
	for (uint32_t i = 0; i < vgpu->backend_count && context->backend == NULL; i++) {
		uint32_t wanted = vgpu->backends[i].ops->magic;

		if (wanted == 0 || wanted == magic) {
			context->backend = &vgpu->backends[i];
		}
	}
	if (context->backend == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "context %u (%s) speaks no protocol that is offered",
				      context->id, context->name);
	}
	return begin_context(vgpu, context);
}

uint32_t sl_vgpu_context_choose_host3d(struct sl_vgpu *vgpu, struct sl_vgpu_context *context)
{
	for (uint32_t i = 0; i < vgpu->backend_count && context->backend == NULL; i++) {
		if (vgpu->backends[i].ops->is_host3d) {
			context->backend = &vgpu->backends[i];
		}
	}
	if (context->failed || context->backend == NULL || !context->backend->ops->is_host3d) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "context %u (%s) has no textures", context->id,
				      context->name);
	}
	return context->data != NULL ? VIRTIO_GPU_RESP_OK_NODATA : begin_context(vgpu, context);
}

uint32_t sl_vgpu_submit(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			const struct virtio_gpu_cmd_submit *cmd)
{
	struct sl_vgpu_context *context = sl_vgpu_find_context(vgpu, cmd->hdr.ctx_id);
	uint32_t response = VIRTIO_GPU_RESP_OK_NODATA;

	if (context == NULL) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
				      "context %u is unknown", cmd->hdr.ctx_id);
	}
	if (context->failed) {
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	}
	if (cmd->size == 0 || cmd->size > SL_VGPU_MAX_SUBMIT_SIZE) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "a submission of %u bytes", cmd->size);
	}
	/* A doorbell is heard, too, where memory is short: nobody would ring it again. */
	uint8_t small[SMALL_SUBMIT_SIZE];
	SL_AUTO_FREE uint8_t *large = cmd->size > sizeof(small) ? malloc(cmd->size) : NULL;
	uint8_t *data = cmd->size > sizeof(small) ? large : small;
	if (data == NULL) {
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	if (sl_chain_read(&request->chain, vgpu->ram, sizeof(*cmd), data, cmd->size) < 0) {
		response = sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
					  "a submission of %u bytes is cut short", cmd->size);
	}
	if (response == VIRTIO_GPU_RESP_OK_NODATA && context->data == NULL) {
		response = choose_backend(vgpu, context, data, cmd->size);
	}
	if (response == VIRTIO_GPU_RESP_OK_NODATA) {
		int r = context->backend->ops->submit(context->data, data, cmd->size);

		vgpu->uses_host3d = context->backend->ops->is_host3d;
		if (r < 0) {
			response = sl_vgpu_refuse(
				vgpu,
				r == -ENOMEM ? VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
					     : VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				"context %u (%s): %s", context->id, context->name, strerror(-r));
		}
	}
	return response;
}

uint32_t sl_vgpu_capset_info(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			     const struct virtio_gpu_get_capset_info *cmd)
{
	const size_t head = sizeof(struct virtio_gpu_ctrl_hdr);
	struct virtio_gpu_resp_capset_info info = { 0 };

	if (cmd->capset_index >= vgpu->backend_count) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "capset number %u (of %u)", cmd->capset_index,
				      vgpu->backend_count);
	}
	const struct sl_vgpu_backend *backend = &vgpu->backends[cmd->capset_index];
	size_t size = 0;
	backend->ops->get_capset(backend->data, &size);
	info.capset_id = backend->ops->capset_id;
	info.capset_max_version = backend->ops->capset_version;
	info.capset_max_size = (uint32_t)size;
	return sl_vgpu_set_payload(request, (uint8_t *)&info + head, sizeof(info) - head)
		       ? VIRTIO_GPU_RESP_OK_CAPSET_INFO
		       : VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
}

uint32_t sl_vgpu_capset(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			const struct virtio_gpu_get_capset *cmd)
{
	for (uint32_t i = 0; i < vgpu->backend_count; i++) {
		const struct sl_vgpu_backend *backend = &vgpu->backends[i];

		if (backend->ops->capset_id == cmd->capset_id &&
		    cmd->capset_version <= backend->ops->capset_version) {
			size_t size = 0;
			const void *data = backend->ops->get_capset(backend->data, &size);

			return sl_vgpu_set_payload(request, data, size)
				       ? VIRTIO_GPU_RESP_OK_CAPSET
				       : VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
		}
	}
	return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
			      "capset %u version %u is not offered", cmd->capset_id,
			      cmd->capset_version);
}
