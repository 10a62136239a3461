/* SPDX-License-Identifier: MIT */
/* A guest driver that sends any command in any order. The input is a sequence of commands: a byte
 * for the type, one for the length of what follows the header, one for flags and context, the
 * bytes. A type past the table makes the back end or the display do something instead. */
#include "host/vgpu/virtio_gpu.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_guest.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_COMMANDS 128

static const uint32_t types[] = {
	VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
	VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
	VIRTIO_GPU_CMD_RESOURCE_UNREF,
	VIRTIO_GPU_CMD_SET_SCANOUT,
	VIRTIO_GPU_CMD_RESOURCE_FLUSH,
	VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
	VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
	VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
	VIRTIO_GPU_CMD_GET_CAPSET_INFO,
	VIRTIO_GPU_CMD_GET_CAPSET,
	VIRTIO_GPU_CMD_GET_EDID,
	VIRTIO_GPU_CMD_CTX_CREATE,
	VIRTIO_GPU_CMD_CTX_DESTROY,
	VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
	VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
	VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
	VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
	VIRTIO_GPU_CMD_SUBMIT_3D,
	VIRTIO_GPU_CMD_UPDATE_CURSOR,
	VIRTIO_GPU_CMD_MOVE_CURSOR,
	VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
	VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
	VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
};
#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

/* A back end that lets go late. Contexts are remembered by slot. */
struct slot {
	struct sl_vgpu_context *context;
	bool dying;
};

struct backend {
	struct slot slots[8];
	bool slow;
};

/* Back ends are handed their context's data only. */
static struct backend backend;

static const void *get_capset(void *data, size_t *ret_size)
{
	*ret_size = 4;
	return "caps";
}

static int create_context(void *data, uint32_t context_id, const char *name,
			  struct sl_vgpu_context *context, void **ret_context)
{
	for (size_t i = 0; i < 8; i++) {
		if (backend.slots[i].context == NULL) {
			backend.slots[i] = (struct slot){ .context = context };
			*ret_context = &backend.slots[i];
			return 0;
		}
	}
	return -ENOSPC;
}

static int destroy_context(void *data)
{
	struct slot *slot = data;

	slot->dying = true;
	if (!backend.slow) {
		slot->context = NULL;
		return 0;
	}
	return -EINPROGRESS;
}

static int attach(void *data, const struct sl_vgpu_pages *pages)
{
	return pages->resource_id % 16 == 15 ? -ENOMEM : 0;
}

static int detach(void *data, uint32_t resource_id)
{
	return backend.slow ? -EINPROGRESS : 0;
}

static int submit(void *data, const uint8_t *bytes, size_t size)
{
	return bytes[0] == 255 ? -EINVAL : 0;
}

static void fence(void *data, uint64_t fence_id)
{
}

static const struct sl_vgpu_backend_ops backend_ops = {
	.capset_id = 0x10,
	.capset_version = 1,
	.get_capset = get_capset,
	.create_context = create_context,
	.destroy_context = destroy_context,
	.attach = attach,
	.detach = detach,
	.submit = submit,
	.fence = fence,
};

static void set_scanout(void *data, uint32_t scanout_id, uint32_t width, uint32_t height)
{
}

static void update(void *data, uint32_t scanout_id, const struct sl_vgpu_rect *rect)
{
	struct fake_guest *guest = data;
	size_t stride = (size_t)rect->width * 4;
	void *pixels = malloc(stride * rect->height);

	if (pixels == NULL ||
	    sl_vgpu_read_scanout(guest->vgpu, scanout_id, rect, pixels, stride) < 0) {
		abort(); /* an update outside its scanout */
	}
	free(pixels);
}

static void move_cursor(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, bool visible)
{
}

static void define_cursor(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, uint32_t hot_x,
			  uint32_t hot_y, const uint32_t *pixels)
{
}

static int query_info(void *data)
{
	return 0;
}

static int query_edid(void *data, uint32_t scanout_id)
{
	return scanout_id < 4 ? 0 : -ENOTSUP;
}

static const struct sl_vgpu_display_ops display_ops = {
	.set_scanout = set_scanout,
	.update = update,
	.move_cursor = move_cursor,
	.define_cursor = define_cursor,
	.query_info = query_info,
	.query_edid = query_edid,
};

/* Something happens on the host. */
static void run_event(struct fake_guest *guest, uint8_t kind, uint8_t argument)
{
	struct virtio_gpu_display_one modes[SL_VGPU_MAX_SCANOUTS] = { { .enabled = argument } };
	struct slot *slot = &backend.slots[argument % 8];

	switch (kind % 8) {
	case 0:
		sl_vgpu_set_display_info(guest->vgpu, modes);
		break;
	case 1:
		sl_vgpu_set_edid(guest->vgpu, argument % 16, &argument, 1);
		break;
	case 2:
		if (slot->context != NULL) {
			sl_vgpu_context_signal(slot->context, argument);
		}
		break;
	case 3:
		if (slot->context != NULL) {
			sl_vgpu_context_detached(slot->context, argument / 8);
		}
		break;
	case 4:
		if (slot->context != NULL && slot->dying) {
			sl_vgpu_context_gone(slot->context);
			slot->context = NULL;
		}
		break;
	case 5:
		backend.slow = (argument & 1) != 0;
		break;
	case 6:
		sl_vgpu_set_display(guest->vgpu, (argument & 1) != 0 ? &display_ops : NULL, guest);
		break;
	default:
		if ((argument & 1) != 0) {
			sl_vgpu_flush_waiting(guest->vgpu);
		} else {
			sl_vgpu_reset(guest->vgpu);
		}
	}
}

static void run_command(struct fake_guest *guest, struct fuzz_input *in)
{
	uint8_t head[3];
	uint8_t bytes[24 + 255];
	struct virtio_gpu_ctrl_hdr header = { 0 };

	fuzz_take(in, head, sizeof(head));
	if (head[0] >= TYPE_COUNT) {
		run_event(guest, head[0], head[1]);
		return;
	}
	header.type = types[head[0]];
	header.flags = head[2] & 3;
	header.fence_id = head[1];
	header.ctx_id = head[2] >> 2 & 7;
	header.ring_idx = head[2] >> 5;
	memcpy(bytes, &header, sizeof(header));
	fuzz_take(in, bytes + sizeof(header), head[1]);
	fake_guest_send_on(guest,
			   header.type >= VIRTIO_GPU_CMD_UPDATE_CURSOR ? SL_VGPU_QUEUE_CURSOR
								       : SL_VGPU_QUEUE_CONTROL,
			   bytes, sizeof(header) + head[1], NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct fake_guest guest;
	struct sl_vgpu_usage usage;

	memset(&backend, 0, sizeof(backend));
	fake_guest_init(&guest);
	fake_guest_create_blob_device(&guest);
	sl_vgpu_add_backend(guest.vgpu, &backend_ops, NULL);
	sl_vgpu_set_display(guest.vgpu, &display_ops, &guest);
	for (int i = 0; i < MAX_COMMANDS && in.size > 0; i++) {
		run_command(&guest, &in);
	}
	backend.slow = false;
	sl_vgpu_reset(guest.vgpu);
	sl_vgpu_get_usage(guest.vgpu, &usage);
	if (usage.resources != 0 || usage.attachments != 0 || usage.requests != 0 ||
	    usage.host_bytes != 0 || usage.page_entries != 0) {
		abort(); /* something outlived the reset */
	}
	fake_guest_finish(&guest);
	return 0;
}
