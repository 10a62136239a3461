/* SPDX-License-Identifier: MIT */
/* Scanouts: which resource shows where, the cursor, and what the display is like. */
#include "host/vgpu/virtio_gpu_priv.h"

#include <errno.h>
#include <pixman.h>
#include <string.h>

#include "host/vgpu/edid.h"

void sl_vgpu_announce(struct sl_vgpu *vgpu, uint32_t scanout_id)
{
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];
	const struct sl_vgpu_display_ops *display = vgpu->display;
	const struct sl_vgpu_resource *resource = scanout->resource;

	scanout->is_shared = display != NULL && display->set_dmabuf != NULL && resource != NULL &&
			     resource->is_shared &&
			     display->set_dmabuf(vgpu->display_data, scanout_id, &resource->dmabuf,
						 &scanout->rect) == 0;
	if (display != NULL && !scanout->is_shared) {
		display->set_scanout(vgpu->display_data, scanout_id,
				     resource != NULL ? scanout->rect.width : 0,
				     resource != NULL ? scanout->rect.height : 0);
	}
}

void sl_vgpu_set_display(struct sl_vgpu *vgpu, const struct sl_vgpu_display_ops *ops, void *data)
{
	vgpu->display = NULL;
	sl_vgpu_give_up_display(vgpu);
	vgpu->display = ops;
	vgpu->display_data = data;
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		if (vgpu->scanouts[i].resource != NULL) {
			sl_vgpu_announce(vgpu, i);
		}
	}
}

static void disable(struct sl_vgpu *vgpu, uint32_t scanout_id)
{
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];

	if (scanout->resource != NULL) {
		scanout->resource->scanouts &= ~(1u << scanout_id);
		scanout->resource = NULL;
		sl_vgpu_announce(vgpu, scanout_id);
	}
}

void sl_vgpu_hide_resource(struct sl_vgpu *vgpu, struct sl_vgpu_resource *resource)
{
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		if (vgpu->scanouts[i].resource == resource) {
			disable(vgpu, i);
		}
	}
}

static bool is_inside(const struct virtio_gpu_rect *rect, const struct sl_vgpu_resource *resource)
{
	return rect->width > 0 && rect->height > 0 && rect->x <= resource->width &&
	       rect->y <= resource->height && rect->width <= resource->width - rect->x &&
	       rect->height <= resource->height - rect->y;
}

static bool is_picture(const struct sl_vgpu_resource *resource)
{
	return resource != NULL &&
	       (resource->kind == SL_VGPU_RESOURCE_2D || resource->kind == SL_VGPU_RESOURCE_HOST);
}

static uint32_t show(struct sl_vgpu *vgpu, uint32_t scanout_id, struct sl_vgpu_resource *resource,
		     struct sl_vgpu_rect rect)
{
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];
	bool was_host =
		scanout->resource != NULL && scanout->resource->kind == SL_VGPU_RESOURCE_HOST;
	bool is_same_size =
		scanout->rect.width == rect.width && scanout->rect.height == rect.height;

	if (resource->kind == SL_VGPU_RESOURCE_HOST) {
		uint32_t response = sl_vgpu_host3d_show(vgpu, scanout_id, resource, &rect);

		if (response != VIRTIO_GPU_RESP_OK_NODATA) {
			/* The old picture made room for the new one. */
			disable(vgpu, scanout_id);
			return response;
		}
	}
	if (scanout->resource != NULL) {
		scanout->resource->scanouts &= ~(1u << scanout_id);
	}
	scanout->resource = resource;
	scanout->rect = rect;
	resource->scanouts |= 1u << scanout_id;
	/* What the display has of one frame stays until the next one is read. */
	if (resource->kind != SL_VGPU_RESOURCE_HOST || !was_host || !is_same_size ||
	    resource->is_shared || scanout->is_shared) {
		sl_vgpu_announce(vgpu, scanout_id);
	}
	if (resource->kind == SL_VGPU_RESOURCE_HOST) {
		sl_vgpu_host3d_ask_dmabuf(vgpu, resource);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t sl_vgpu_set_scanout(struct sl_vgpu *vgpu, const struct virtio_gpu_set_scanout *cmd)
{
	const struct virtio_gpu_rect *rect = &cmd->r;

	if (cmd->scanout_id >= SL_VGPU_MAX_SCANOUTS) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
				      "scanout %u (of %u)", cmd->scanout_id, SL_VGPU_MAX_SCANOUTS);
	}
	if (cmd->resource_id == 0) {
		disable(vgpu, cmd->scanout_id);
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);
	if (!is_picture(resource)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown or no picture", cmd->resource_id);
	}
	if (!is_inside(rect, resource)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "%ux%u at %u,%u is outside resource %u of %ux%u", rect->width,
				      rect->height, rect->x, rect->y, resource->id, resource->width,
				      resource->height);
	}
	return show(vgpu, cmd->scanout_id, resource,
		    (struct sl_vgpu_rect){ rect->x, rect->y, rect->width, rect->height });
}

/* The part of rect that a scanout shows, in the scanout's coordinates. False: none of it. */
static bool clip_to_scanout(const struct virtio_gpu_rect *rect, const struct sl_vgpu_rect *shown,
			    struct sl_vgpu_rect *ret_rect)
{
	/* Both lie within a resource, so the sums cannot overflow. */
	uint32_t left = rect->x > shown->x ? rect->x : shown->x;
	uint32_t top = rect->y > shown->y ? rect->y : shown->y;
	uint32_t right = rect->x + rect->width;
	uint32_t bottom = rect->y + rect->height;

	right = right < shown->x + shown->width ? right : shown->x + shown->width;
	bottom = bottom < shown->y + shown->height ? bottom : shown->y + shown->height;
	if (left >= right || top >= bottom) {
		return false;
	}
	*ret_rect = (struct sl_vgpu_rect){ left - shown->x, top - shown->y, right - left,
					   bottom - top };
	return true;
}

uint32_t sl_vgpu_flush(struct sl_vgpu *vgpu, const struct virtio_gpu_resource_flush *cmd)
{
	struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);

	if (!is_picture(resource)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
				      "resource %u is unknown or no picture", cmd->resource_id);
	}
	if (!is_inside(&cmd->r, resource)) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
				      "%ux%u at %u,%u is outside resource %u of %ux%u",
				      cmd->r.width, cmd->r.height, cmd->r.x, cmd->r.y, resource->id,
				      resource->width, resource->height);
	}
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS && vgpu->display != NULL; i++) {
		struct sl_vgpu_rect part;

		if ((resource->scanouts & 1u << i) == 0 ||
		    !clip_to_scanout(&cmd->r, &vgpu->scanouts[i].rect, &part)) {
			continue;
		}
		if (resource->kind == SL_VGPU_RESOURCE_HOST && !vgpu->scanouts[i].is_shared) {
			sl_vgpu_host3d_update(vgpu, i, &part);
		} else {
			vgpu->display->update(vgpu->display_data, i, &part);
		}
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

int sl_vgpu_read_scanout(struct sl_vgpu *vgpu, uint32_t scanout_id, const struct sl_vgpu_rect *rect,
			 void *dst, size_t stride)
{
	const struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];

	if (scanout->resource == NULL || rect->x > scanout->rect.width ||
	    rect->y > scanout->rect.height || rect->width > scanout->rect.width - rect->x ||
	    rect->height > scanout->rect.height - rect->y) {
		return -EINVAL;
	}
	pixman_image_t *image = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)rect->width,
							 (int)rect->height, dst, (int)stride);
	if (image == NULL) {
		return -ENOMEM;
	}
	bool is_screen = scanout->resource->kind == SL_VGPU_RESOURCE_HOST;

	pixman_image_composite32(PIXMAN_OP_SRC,
				 is_screen ? scanout->screen.image : scanout->resource->image, NULL,
				 image, (int32_t)(rect->x + (is_screen ? 0 : scanout->rect.x)),
				 (int32_t)(rect->y + (is_screen ? 0 : scanout->rect.y)), 0, 0, 0, 0,
				 (int32_t)rect->width, (int32_t)rect->height);
	pixman_image_unref(image);
	return 0;
}

static pixman_format_code_t with_alpha(pixman_format_code_t format)
{
	switch (format) {
	case PIXMAN_x8r8g8b8:
		return PIXMAN_a8r8g8b8;
	case PIXMAN_b8g8r8x8:
		return PIXMAN_b8g8r8a8;
	case PIXMAN_x8b8g8r8:
		return PIXMAN_a8b8g8r8;
	case PIXMAN_r8g8b8x8:
		return PIXMAN_r8g8b8a8;
	default:
		return format;
	}
}

static bool copy_cursor(pixman_image_t *from, pixman_image_t *to)
{
	/* Linux's cursors are in resources without alpha, and have it all the same. */
	pixman_image_t *source = pixman_image_create_bits(
		with_alpha(pixman_image_get_format(from)), SL_VGPU_CURSOR_SIZE, SL_VGPU_CURSOR_SIZE,
		pixman_image_get_data(from), pixman_image_get_stride(from));

	if (source == NULL) {
		return false;
	}
	pixman_image_composite32(PIXMAN_OP_SRC, source, NULL, to, 0, 0, 0, 0, 0, 0,
				 SL_VGPU_CURSOR_SIZE, SL_VGPU_CURSOR_SIZE);
	pixman_image_unref(source);
	return true;
}

void sl_vgpu_define_cursor(struct sl_vgpu *vgpu, const struct virtio_gpu_update_cursor *cmd,
			   pixman_image_t *source)
{
	uint32_t pixels[SL_VGPU_CURSOR_SIZE * SL_VGPU_CURSOR_SIZE];
	pixman_image_t *image =
		pixman_image_create_bits(PIXMAN_a8r8g8b8, SL_VGPU_CURSOR_SIZE, SL_VGPU_CURSOR_SIZE,
					 pixels, SL_VGPU_CURSOR_SIZE * 4);

	if (image == NULL) {
		return;
	}
	if (copy_cursor(source, image)) {
		vgpu->display->define_cursor(vgpu->display_data, cmd->pos.scanout_id, cmd->pos.x,
					     cmd->pos.y, cmd->hot_x, cmd->hot_y, pixels);
	}
	pixman_image_unref(image);
}

uint32_t sl_vgpu_cursor(struct sl_vgpu *vgpu, const struct virtio_gpu_update_cursor *cmd)
{
	if (cmd->pos.scanout_id >= SL_VGPU_MAX_SCANOUTS) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
				      "scanout %u (of %u)", cmd->pos.scanout_id,
				      SL_VGPU_MAX_SCANOUTS);
	}
	if (cmd->hdr.type == VIRTIO_GPU_CMD_UPDATE_CURSOR && cmd->resource_id != 0) {
		struct sl_vgpu_resource *resource = sl_vgpu_find_resource(vgpu, cmd->resource_id);

		if (!is_picture(resource)) {
			return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
					      "resource %u is unknown or no picture",
					      cmd->resource_id);
		}
		if (resource->width != SL_VGPU_CURSOR_SIZE ||
		    resource->height != SL_VGPU_CURSOR_SIZE) {
			return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
					      "a cursor of %ux%u pixels", resource->width,
					      resource->height);
		}
		if (vgpu->display != NULL && resource->kind == SL_VGPU_RESOURCE_HOST) {
			return sl_vgpu_host3d_cursor(vgpu, cmd, resource);
		}
		if (vgpu->display != NULL) {
			sl_vgpu_define_cursor(vgpu, cmd, resource->image);
		}
	} else if (vgpu->display != NULL) {
		bool visible = cmd->resource_id != 0;

		vgpu->display->move_cursor(vgpu->display_data, cmd->pos.scanout_id, cmd->pos.x,
					   cmd->pos.y, visible);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

void sl_vgpu_default_modes(struct sl_vgpu *vgpu)
{
	memset(vgpu->modes, 0, sizeof(vgpu->modes));
	vgpu->modes[0].r.width = vgpu->options.width;
	vgpu->modes[0].r.height = vgpu->options.height;
	vgpu->modes[0].enabled = 1;
}

static uint32_t fill_info(struct sl_vgpu *vgpu, struct sl_vgpu_request *request)
{
	return sl_vgpu_set_payload(request, vgpu->modes, sizeof(vgpu->modes))
		       ? VIRTIO_GPU_RESP_OK_DISPLAY_INFO
		       : VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
}

/* size 0: make one up from the scanout's mode. */
static uint32_t fill_edid(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
			  const uint8_t *edid, size_t size)
{
	const size_t head = sizeof(struct virtio_gpu_ctrl_hdr);
	struct virtio_gpu_resp_edid answer = { 0 };

	if (size > 0 && size <= sizeof(answer.edid)) {
		memcpy(answer.edid, edid, size);
		answer.size = (uint32_t)size;
	} else {
		const struct virtio_gpu_rect *mode = &vgpu->modes[request->scanout_id].r;
		bool known = mode->width > 0 && mode->height > 0;

		sl_edid_make(known ? mode->width : vgpu->options.width,
			     known ? mode->height : vgpu->options.height, request->scanout_id,
			     answer.edid);
		answer.size = SL_EDID_SIZE;
	}
	return sl_vgpu_set_payload(request, (uint8_t *)&answer + head, sizeof(answer) - head)
		       ? VIRTIO_GPU_RESP_OK_EDID
		       : VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
}

static bool ask_info(struct sl_vgpu *vgpu)
{
	return vgpu->display != NULL && vgpu->display->query_info(vgpu->display_data) == 0;
}

static bool ask_edid(struct sl_vgpu *vgpu, uint32_t scanout_id)
{
	return vgpu->display != NULL &&
	       vgpu->display->query_edid(vgpu->display_data, scanout_id) == 0;
}

uint32_t sl_vgpu_display_info(struct sl_vgpu *vgpu, struct sl_vgpu_request *request)
{
	if (!vgpu->info_pending) {
		vgpu->info_pending = ask_info(vgpu);
		if (!vgpu->info_pending) {
			return fill_info(vgpu, request);
		}
		request->asked = true;
	}
	TAILQ_INSERT_TAIL(&vgpu->display_waiters, request, link);
	return SL_VGPU_WAITS;
}

uint32_t sl_vgpu_edid(struct sl_vgpu *vgpu, struct sl_vgpu_request *request,
		      const struct virtio_gpu_cmd_get_edid *cmd)
{
	if (cmd->scanout >= SL_VGPU_MAX_SCANOUTS) {
		return sl_vgpu_refuse(vgpu, VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
				      "scanout %u (of %u)", cmd->scanout, SL_VGPU_MAX_SCANOUTS);
	}
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[cmd->scanout];
	request->scanout_id = cmd->scanout;
	if (!scanout->edid_pending) {
		scanout->edid_pending = ask_edid(vgpu, cmd->scanout);
		if (!scanout->edid_pending) {
			return fill_edid(vgpu, request, NULL, 0);
		}
		request->asked = true;
	}
	TAILQ_INSERT_TAIL(&vgpu->display_waiters, request, link);
	return SL_VGPU_WAITS;
}

static bool waits_for_info(const struct sl_vgpu_request *request)
{
	return request->header.type == VIRTIO_GPU_CMD_GET_DISPLAY_INFO;
}

static bool waits_for_edid(const struct sl_vgpu_request *request, uint32_t scanout_id)
{
	return !waits_for_info(request) && request->scanout_id == scanout_id;
}

/* Those who came after the question was put get an answer of their own: the display may have
 * changed in between. */
void sl_vgpu_set_display_info(struct sl_vgpu *vgpu,
			      const struct virtio_gpu_display_one modes[SL_VGPU_MAX_SCANOUTS])
{
	struct sl_vgpu_request *request = TAILQ_FIRST(&vgpu->display_waiters);
	bool ask_again = false;

	memcpy(vgpu->modes, modes, sizeof(vgpu->modes));
	vgpu->info_pending = false;
	while (request != NULL) {
		struct sl_vgpu_request *next = TAILQ_NEXT(request, link);

		if (waits_for_info(request)) {
			if (!request->asked && !ask_again) {
				ask_again = true;
				vgpu->info_pending = ask_info(vgpu);
			}
			if (!request->asked && vgpu->info_pending) {
				request->asked = true;
			} else {
				TAILQ_REMOVE(&vgpu->display_waiters, request, link);
				sl_vgpu_answer(vgpu, request, fill_info(vgpu, request));
			}
		}
		request = next;
	}
}

void sl_vgpu_keep_display_info(struct sl_vgpu *vgpu)
{
	struct virtio_gpu_display_one modes[SL_VGPU_MAX_SCANOUTS];

	memcpy(modes, vgpu->modes, sizeof(modes));
	sl_vgpu_set_display_info(vgpu, modes);
}

void sl_vgpu_set_edid(struct sl_vgpu *vgpu, uint32_t scanout_id, const uint8_t *edid, size_t size)
{
	struct sl_vgpu_request *request = TAILQ_FIRST(&vgpu->display_waiters);
	struct sl_vgpu_scanout *scanout = &vgpu->scanouts[scanout_id];
	bool ask_again = false;

	scanout->edid_pending = false;
	while (request != NULL) {
		struct sl_vgpu_request *next = TAILQ_NEXT(request, link);

		if (waits_for_edid(request, scanout_id)) {
			if (!request->asked && !ask_again) {
				ask_again = true;
				scanout->edid_pending = ask_edid(vgpu, scanout_id);
			}
			if (!request->asked && scanout->edid_pending) {
				request->asked = true;
			} else {
				TAILQ_REMOVE(&vgpu->display_waiters, request, link);
				sl_vgpu_answer(vgpu, request, fill_edid(vgpu, request, edid, size));
			}
		}
		request = next;
	}
}

void sl_vgpu_give_up_display(struct sl_vgpu *vgpu)
{
	struct sl_vgpu_request *request;

	vgpu->info_pending = false;
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		vgpu->scanouts[i].edid_pending = false;
	}
	while ((request = TAILQ_FIRST(&vgpu->display_waiters)) != NULL) {
		TAILQ_REMOVE(&vgpu->display_waiters, request, link);
		sl_vgpu_answer(vgpu, request,
			       waits_for_info(request) ? fill_info(vgpu, request)
						       : fill_edid(vgpu, request, NULL, 0));
	}
}
