/* SPDX-License-Identifier: MIT */
/* The virtio-gpu device: commands are checked and run, answers are written, fences are kept. */
#include "host/vgpu/virtio_gpu.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/log.h"
#include "host/vgpu/virtio_gpu_priv.h"

union command_data {
	struct virtio_gpu_ctrl_hdr header;
	struct virtio_gpu_resource_create_2d create_2d;
	struct virtio_gpu_resource_create_3d create_3d;
	struct virtio_gpu_resource_unref unref;
	struct virtio_gpu_set_scanout set_scanout;
	struct virtio_gpu_resource_flush flush;
	struct virtio_gpu_transfer_to_host_2d transfer_2d;
	struct virtio_gpu_transfer_host_3d transfer_3d;
	struct virtio_gpu_resource_attach_backing attach_backing;
	struct virtio_gpu_resource_detach_backing detach_backing;
	struct virtio_gpu_get_capset_info capset_info;
	struct virtio_gpu_get_capset capset;
	struct virtio_gpu_cmd_get_edid edid;
	struct virtio_gpu_update_cursor cursor;
	struct virtio_gpu_ctx_create context_create;
	struct virtio_gpu_ctx_resource context_resource;
	struct virtio_gpu_cmd_submit submit;
	struct virtio_gpu_resource_create_blob create_blob;
	struct virtio_gpu_resource_map_blob map_blob;
	struct virtio_gpu_resource_unmap_blob unmap_blob;
};

struct command {
	uint32_t type;
	const char *name;
	size_t size;
	enum sl_vgpu_queue queue;
};

#define CONTROL SL_VGPU_QUEUE_CONTROL
#define CURSOR	SL_VGPU_QUEUE_CURSOR
#define NONE	struct virtio_gpu_ctrl_hdr

/* clang-format off */
static const struct command commands[] = {
	{ VIRTIO_GPU_CMD_GET_DISPLAY_INFO, "get display info", sizeof(NONE), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, "create 2D resource",
	  sizeof(struct virtio_gpu_resource_create_2d), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_UNREF, "unref resource",
	  sizeof(struct virtio_gpu_resource_unref), CONTROL },
	{ VIRTIO_GPU_CMD_SET_SCANOUT, "set scanout",
	  sizeof(struct virtio_gpu_set_scanout), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_FLUSH, "flush resource",
	  sizeof(struct virtio_gpu_resource_flush), CONTROL },
	{ VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, "transfer to host 2D",
	  sizeof(struct virtio_gpu_transfer_to_host_2d), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, "attach backing",
	  sizeof(struct virtio_gpu_resource_attach_backing), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, "detach backing",
	  sizeof(struct virtio_gpu_resource_detach_backing), CONTROL },
	{ VIRTIO_GPU_CMD_GET_CAPSET_INFO, "get capset info",
	  sizeof(struct virtio_gpu_get_capset_info), CONTROL },
	{ VIRTIO_GPU_CMD_GET_CAPSET, "get capset", sizeof(struct virtio_gpu_get_capset), CONTROL },
	{ VIRTIO_GPU_CMD_GET_EDID, "get EDID", sizeof(struct virtio_gpu_cmd_get_edid), CONTROL },
	{ VIRTIO_GPU_CMD_CTX_CREATE, "create context",
	  sizeof(struct virtio_gpu_ctx_create), CONTROL },
	{ VIRTIO_GPU_CMD_CTX_DESTROY, "destroy context",
	  sizeof(struct virtio_gpu_ctx_destroy), CONTROL },
	{ VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, "attach resource to context",
	  sizeof(struct virtio_gpu_ctx_resource), CONTROL },
	{ VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, "detach resource from context",
	  sizeof(struct virtio_gpu_ctx_resource), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, "create 3D resource",
	  sizeof(struct virtio_gpu_resource_create_3d), CONTROL },
	{ VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, "transfer to host 3D",
	  sizeof(struct virtio_gpu_transfer_host_3d), CONTROL },
	{ VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, "transfer from host 3D",
	  sizeof(struct virtio_gpu_transfer_host_3d), CONTROL },
	{ VIRTIO_GPU_CMD_SUBMIT_3D, "submit 3D", sizeof(struct virtio_gpu_cmd_submit), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, "create blob",
	  sizeof(struct virtio_gpu_resource_create_blob), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, "map blob",
	  sizeof(struct virtio_gpu_resource_map_blob), CONTROL },
	{ VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, "unmap blob",
	  sizeof(struct virtio_gpu_resource_unmap_blob), CONTROL },
	{ VIRTIO_GPU_CMD_UPDATE_CURSOR, "update cursor",
	  sizeof(struct virtio_gpu_update_cursor), CURSOR },
	{ VIRTIO_GPU_CMD_MOVE_CURSOR, "move cursor",
	  sizeof(struct virtio_gpu_update_cursor), CURSOR },
};
/* clang-format on */

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))
static_assert(COMMAND_COUNT < 62, "sl_vgpu.complained has a bit for each, and two more");
#define COMPLAINED_UNKNOWN 62
#define COMPLAINED_ROOM	   63

void sl_vgpu_request_destroy(struct sl_vgpu_request *request)
{
	if (request == NULL) {
		return;
	}
	sl_chain_finish(&request->chain);
	free(request->payload);
	free(request);
}

int sl_vgpu_create(const struct sl_guest_ram *ram, const struct sl_vgpu_options *options,
		   struct sl_vgpu **ret_vgpu)
{
	struct sl_vgpu *vgpu = calloc(1, sizeof(*vgpu));

	if (vgpu == NULL) {
		return -ENOMEM;
	}
	vgpu->ram = ram;
	vgpu->options = *options;
	for (uint32_t i = 0; i < SL_VGPU_BUCKETS; i++) {
		LIST_INIT(&vgpu->resources[i]);
	}
	LIST_INIT(&vgpu->window_users);
	LIST_INIT(&vgpu->contexts);
	TAILQ_INIT(&vgpu->display_waiters);
	TAILQ_INIT(&vgpu->fenced);
	TAILQ_INIT(&vgpu->release_waiters);
	sl_vgpu_default_modes(vgpu);
	*ret_vgpu = vgpu;
	return 0;
}

static void drop_requests(struct sl_vgpu_request_list *list)
{
	struct sl_vgpu_request *request;

	while ((request = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, request, link);
		sl_vgpu_request_destroy(request);
	}
}

void sl_vgpu_reset(struct sl_vgpu *vgpu)
{
	drop_requests(&vgpu->display_waiters);
	drop_requests(&vgpu->fenced);
	drop_requests(&vgpu->release_waiters);
	vgpu->hints = 0;
	sl_vgpu_clear_contexts(vgpu);
	sl_vgpu_clear_resources(vgpu);
	sl_vgpu_host3d_reset(vgpu);
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		vgpu->scanouts[i].cursor_x = 0;
		vgpu->scanouts[i].cursor_y = 0;
	}
}

void sl_vgpu_destroy(struct sl_vgpu *vgpu)
{
	if (vgpu == NULL) {
		return;
	}
	vgpu->display = NULL;
	sl_vgpu_reset(vgpu);
	sl_vgpu_free_contexts(vgpu);
	free(vgpu);
}

int sl_vgpu_add_backend(struct sl_vgpu *vgpu, const struct sl_vgpu_backend_ops *ops, void *data)
{
	if (vgpu->backend_count == SL_VGPU_MAX_CAPSETS) {
		return -ENOSPC;
	}
	vgpu->backends[vgpu->backend_count++] =
		(struct sl_vgpu_backend){ .ops = ops, .data = data };
	return 0;
}

void sl_vgpu_set_host3d(struct sl_vgpu *vgpu, const struct sl_vgpu_host3d_ops *ops, void *data)
{
	vgpu->host3d = ops;
	vgpu->host3d_data = data;
}

uint64_t sl_vgpu_get_features(const struct sl_vgpu *vgpu)
{
	const uint64_t blobs =
		1ull << VIRTIO_GPU_F_RESOURCE_BLOB | 1ull << VIRTIO_GPU_F_CONTEXT_INIT;

	return 1ull << VIRTIO_GPU_F_EDID | (vgpu->options.has_blobs ? blobs : 0) |
	       (vgpu->backend_count > 0 ? 1ull << VIRTIO_GPU_F_VIRGL : 0);
}

void sl_vgpu_get_config(const struct sl_vgpu *vgpu, struct virtio_gpu_config *ret_config)
{
	*ret_config = (struct virtio_gpu_config){
		.num_scanouts = 1,
		.num_capsets = vgpu->backend_count,
	};
}

void sl_vgpu_get_usage(const struct sl_vgpu *vgpu, struct sl_vgpu_usage *ret_usage)
{
	const struct sl_vgpu_request *request;
	uint32_t requests = 0;

	TAILQ_FOREACH(request, &vgpu->display_waiters, link)
	{
		requests++;
	}
	TAILQ_FOREACH(request, &vgpu->fenced, link)
	{
		requests++;
	}
	TAILQ_FOREACH(request, &vgpu->release_waiters, link)
	{
		requests++;
	}
	*ret_usage = (struct sl_vgpu_usage){
		.resources = vgpu->resource_count,
		.contexts = vgpu->context_count,
		.attachments = vgpu->attachment_count,
		.requests = requests,
		.host_bytes = vgpu->host_bytes,
		.page_entries = vgpu->page_entries,
	};
}

uint32_t sl_vgpu_refuse(struct sl_vgpu *vgpu, uint32_t response, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(vgpu->why, sizeof(vgpu->why), format, args);
	va_end(args);
	return response;
}

/* Log a misuse, the first time only: a guest must not fill the host's log. */
static void complain(struct sl_vgpu *vgpu, uint32_t bit, const char *command)
{
	if ((vgpu->complained >> bit & 1) == 0) {
		vgpu->complained |= 1ull << bit;
		sl_log(SL_LOG_WARNING,
		       "the guest's driver sent a wrong command: %s: %s (said once)", command,
		       vgpu->why);
	}
}

bool sl_vgpu_set_payload(struct sl_vgpu_request *request, const void *data, size_t size)
{
	request->payload = malloc(size);
	if (request->payload == NULL) {
		return false;
	}
	memcpy(request->payload, data, size);
	request->payload_size = size;
	return true;
}

/* Write the answer and give the request back. */
static void deliver(struct sl_vgpu *vgpu, struct sl_vgpu_request *request)
{
	const uint32_t kept_flags = VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX;
	struct virtio_gpu_ctrl_hdr header = { .type = request->response };
	uint32_t written = 0;

	if ((request->header.flags & VIRTIO_GPU_FLAG_FENCE) != 0) {
		header.flags = request->header.flags & kept_flags;
		header.fence_id = request->header.fence_id;
		header.ctx_id = request->header.ctx_id;
		header.ring_idx = request->header.ring_idx;
	}
	if (request->chain.writable_size >= sizeof(header)) {
		written = sl_chain_write(&request->chain, vgpu->ram, 0, &header, sizeof(header));
		if (written == sizeof(header) && request->payload_size > 0) {
			written += sl_chain_write(&request->chain, vgpu->ram, written,
						  request->payload, request->payload_size);
		}
	} else if (request->queue == SL_VGPU_QUEUE_CONTROL) {
		sl_vgpu_refuse(vgpu, 0, "no room for the answer");
		complain(vgpu, COMPLAINED_ROOM, "a command");
	}
	vgpu->options.frontend->complete(vgpu->options.frontend_data, request, written);
}

static bool has_own_timeline(const struct sl_vgpu_request *request)
{
	return (request->header.flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0;
}

static bool is_same_ring(const struct sl_vgpu_request *a, const struct sl_vgpu_request *b)
{
	return has_own_timeline(a) == has_own_timeline(b) &&
	       (!has_own_timeline(a) || a->header.ring_idx == b->header.ring_idx);
}

static void deliver_fenced(struct sl_vgpu *vgpu, struct sl_vgpu_request *request)
{
	TAILQ_REMOVE(&vgpu->fenced, request, link);
	if (!request->done && !request->ordered) {
		vgpu->hints--;
	}
	deliver(vgpu, request);
}

/* Answer what may be answered. Without ring indices all fences of the device share one timeline
 * in the guest's kernel, where a fence that is answered completes every earlier one. So nothing
 * may overtake an ordered fence; and a hint that is overtaken is answered too, for nobody waits
 * for it any more and it would occupy the queue. */
static void answer_fences(struct sl_vgpu *vgpu)
{
	struct sl_vgpu_request *request;
	struct sl_vgpu_request *next;
	struct sl_vgpu_request *last = NULL;

	TAILQ_FOREACH(request, &vgpu->fenced, link)
	{
		if (has_own_timeline(request)) {
			continue;
		}
		if (!request->done && request->ordered) {
			break;
		}
		if (request->done) {
			last = request;
		}
	}
	for (request = TAILQ_FIRST(&vgpu->fenced); request != NULL; request = next) {
		next = TAILQ_NEXT(request, link);
		if (has_own_timeline(request)) {
			if (request->done) {
				deliver_fenced(vgpu, request);
			}
		} else if (last != NULL) {
			bool is_last = request == last;

			deliver_fenced(vgpu, request);
			last = is_last ? NULL : last;
		}
	}
}

static void set_done(struct sl_vgpu *vgpu, struct sl_vgpu_request *request)
{
	if (!request->done) {
		request->done = true;
		if (!request->ordered) {
			vgpu->hints--;
		}
	}
}

void sl_vgpu_context_signal(struct sl_vgpu_context *context, uint64_t fence_id)
{
	struct sl_vgpu *vgpu = context->vgpu;
	const struct sl_vgpu_request *reached = NULL;
	struct sl_vgpu_request *request;

	TAILQ_FOREACH(request, &vgpu->fenced, link)
	{
		if (context->id != 0 && request->context_id == context->id &&
		    request->header.fence_id == fence_id) {
			reached = request;
		}
	}
	TAILQ_FOREACH(request, &vgpu->fenced, link)
	{
		if (reached != NULL && request->context_id == context->id &&
		    request->header.fence_id <= fence_id && is_same_ring(request, reached)) {
			set_done(vgpu, request);
		}
	}
	answer_fences(vgpu);
}

void sl_vgpu_drop_fences(struct sl_vgpu *vgpu, uint32_t context_id)
{
	struct sl_vgpu_request *request;

	TAILQ_FOREACH(request, &vgpu->fenced, link)
	{
		if (request->context_id == context_id) {
			set_done(vgpu, request);
		}
	}
	answer_fences(vgpu);
}

void sl_vgpu_answer(struct sl_vgpu *vgpu, struct sl_vgpu_request *request, uint32_t response)
{
	request->response = response;
	if ((request->header.flags & VIRTIO_GPU_FLAG_FENCE) == 0) {
		deliver(vgpu, request);
		return;
	}
	request->done = true;
	TAILQ_INSERT_TAIL(&vgpu->fenced, request, link);
	answer_fences(vgpu);
}

/* A command for resources in another process, with a fence: the answer waits until that process has
 * completed what was asked of it so far. */
static bool wait_for_host3d(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			    uint32_t response)
{
	if (!vgpu->uses_host3d || (request->header.flags & VIRTIO_GPU_FLAG_FENCE) == 0 ||
	    response != VIRTIO_GPU_RESP_OK_NODATA) {
		return false;
	}
	request->response = response;
	request->ordered = true;
	request->number = ++vgpu->last_number;
	TAILQ_INSERT_TAIL(&vgpu->fenced, request, link);
	vgpu->host3d->fence(vgpu->host3d_data, vgpu->last_number);
	return true;
}

void sl_vgpu_host3d_reached(struct sl_vgpu *vgpu, uint64_t number)
{
	struct sl_vgpu_request *request;

	TAILQ_FOREACH(request, &vgpu->fenced, link)
	{
		if (request->number != 0 && request->number <= number) {
			set_done(vgpu, request);
		}
	}
	answer_fences(vgpu);
}

/* A submission with a fence: the answer waits until the back end has reached it. */
static bool wait_for_backend(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			     uint32_t response)
{
	if (request->header.type != VIRTIO_GPU_CMD_SUBMIT_3D ||
	    (request->header.flags & VIRTIO_GPU_FLAG_FENCE) == 0 ||
	    response != VIRTIO_GPU_RESP_OK_NODATA) {
		return false;
	}
	struct sl_vgpu_context *context = sl_vgpu_find_context(vgpu, request->header.ctx_id);
	if (context == NULL || context->data == NULL) {
		return false;
	}
	request->response = response;
	request->context_id = context->id;
	TAILQ_INSERT_TAIL(&vgpu->fenced, request, link);
	if (++vgpu->hints > SL_VGPU_MAX_HINTS) {
		struct sl_vgpu_request *oldest = TAILQ_FIRST(&vgpu->fenced);

		while (oldest->done || oldest->ordered) {
			oldest = TAILQ_NEXT(oldest, link);
		}
		set_done(vgpu, oldest);
		answer_fences(vgpu);
	}
	/* May come back through sl_vgpu_context_signal() at once: the request is not ours then. */
	uint64_t fence_id = request->header.fence_id;
	context->backend->ops->fence(context->data, fence_id);
	return true;
}

static uint32_t run_command(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			    const union command_data *data)
{
	switch (request->header.type) {
	case VIRTIO_GPU_CMD_GET_DISPLAY_INFO:
		return sl_vgpu_display_info(vgpu, request);
	case VIRTIO_GPU_CMD_RESOURCE_CREATE_2D:
		return sl_vgpu_create_2d(vgpu, &data->create_2d);
	case VIRTIO_GPU_CMD_RESOURCE_UNREF:
		return sl_vgpu_unref(vgpu, request, &data->unref);
	case VIRTIO_GPU_CMD_SET_SCANOUT:
		return sl_vgpu_set_scanout(vgpu, &data->set_scanout);
	case VIRTIO_GPU_CMD_RESOURCE_FLUSH:
		return sl_vgpu_flush(vgpu, &data->flush);
	case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D:
		return sl_vgpu_transfer_2d(vgpu, &data->transfer_2d);
	case VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING:
		return sl_vgpu_attach_backing(vgpu, request, &data->attach_backing);
	case VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING:
		return sl_vgpu_detach_backing(vgpu, request, &data->detach_backing);
	case VIRTIO_GPU_CMD_GET_CAPSET_INFO:
		return sl_vgpu_capset_info(vgpu, request, &data->capset_info);
	case VIRTIO_GPU_CMD_GET_CAPSET:
		return sl_vgpu_capset(vgpu, request, &data->capset);
	case VIRTIO_GPU_CMD_GET_EDID:
		return sl_vgpu_edid(vgpu, request, &data->edid);
	case VIRTIO_GPU_CMD_CTX_CREATE:
		return sl_vgpu_context_create(vgpu, &data->context_create);
	case VIRTIO_GPU_CMD_CTX_DESTROY:
		return sl_vgpu_context_destroy(vgpu, request->header.ctx_id);
	case VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE:
		return sl_vgpu_context_attach(vgpu, &data->context_resource);
	case VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE:
		return sl_vgpu_context_detach(vgpu, &data->context_resource);
	case VIRTIO_GPU_CMD_RESOURCE_CREATE_3D:
		return sl_vgpu_create_3d(vgpu, &data->create_3d);
	case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D:
	case VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D:
		return sl_vgpu_transfer_3d(vgpu, &data->transfer_3d);
	case VIRTIO_GPU_CMD_SUBMIT_3D:
		return sl_vgpu_submit(vgpu, request, &data->submit);
	case VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB:
		return sl_vgpu_create_blob(vgpu, request, &data->create_blob);
	case VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB:
		return sl_vgpu_map_blob(vgpu, request, &data->map_blob);
	case VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB:
		return sl_vgpu_unmap_blob(vgpu, request, &data->unmap_blob);
	default:
		return sl_vgpu_cursor(vgpu, &data->cursor);
	}
}

static const struct command *find_command(uint32_t type, enum sl_vgpu_queue queue)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (commands[i].type == type && commands[i].queue == queue) {
			return &commands[i];
		}
	}
	return NULL;
}

void sl_vgpu_handle(struct sl_vgpu *vgpu, struct sl_vgpu_request *request)
{
	union command_data data = { 0 };
	const struct command *command = NULL;
	uint32_t response;

	vgpu->why[0] = '\0';
	vgpu->uses_host3d = false;
	if (sl_chain_read(&request->chain, vgpu->ram, 0, &request->header,
			  sizeof(request->header)) < 0) {
		request->header = (struct virtio_gpu_ctrl_hdr){ 0 };
		response = sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_UNSPEC,
					  "shorter than a command's header");
	} else {
		command = find_command(request->header.type, request->queue);
		if (command == NULL) {
			response = sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_UNSPEC,
						  "type 0x%x on queue %d is unknown",
						  request->header.type, (int)request->queue);
		} else if (sl_chain_read(&request->chain, vgpu->ram, sizeof(request->header),
					 (uint8_t *)&data + sizeof(request->header),
					 command->size - sizeof(request->header)) < 0) {
			response = sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
						  "shorter than %zu bytes", command->size);
		} else {
			data.header = request->header;
			response = run_command(vgpu, request, &data);
		}
	}
	if (response == SL_VGPU_WAITS) {
		return;
	}
	if (vgpu->why[0] != '\0') {
		complain(vgpu,
			 command == NULL ? COMPLAINED_UNKNOWN : (uint32_t)(command - commands),
			 command == NULL ? "unknown command" : command->name);
	}
	if (!wait_for_host3d(vgpu, request, response) &&
	    !wait_for_backend(vgpu, request, response)) {
		sl_vgpu_answer(vgpu, request, response);
	}
}

void sl_vgpu_end_burst(struct sl_vgpu *vgpu)
{
	if (vgpu->host3d != NULL) {
		vgpu->host3d->flush(vgpu->host3d_data);
	}
}

uint32_t sl_vgpu_wait_release(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			      uint32_t resource_id)
{
	request->resource_id = resource_id;
	TAILQ_INSERT_TAIL(&vgpu->release_waiters, request, link);
	return SL_VGPU_WAITS;
}

void sl_vgpu_check_releases(struct sl_vgpu *vgpu)
{
	struct sl_vgpu_request *request = TAILQ_FIRST(&vgpu->release_waiters);

	while (request != NULL) {
		struct sl_vgpu_request *next = TAILQ_NEXT(request, link);

		if (!sl_vgpu_resource_is_dropping(vgpu, request->resource_id)) {
			struct sl_vgpu_resource *resource =
				sl_vgpu_find_any_resource(vgpu, request->resource_id);

			if (resource != NULL) {
				sl_vgpu_release_window(vgpu, resource);
			}
			TAILQ_REMOVE(&vgpu->release_waiters, request, link);
			sl_vgpu_answer(vgpu, request, VIRTIO_GPU_RESP_OK_NODATA);
		}
		request = next;
	}
}

void sl_vgpu_flush_waiting(struct sl_vgpu *vgpu)
{
	struct sl_vgpu_request *request;

	sl_vgpu_give_up_display(vgpu);
	TAILQ_FOREACH(request, &vgpu->fenced, link)
	{
		if (!request->ordered) {
			set_done(vgpu, request);
		}
	}
	answer_fences(vgpu);
}
