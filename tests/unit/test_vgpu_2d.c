/* SPDX-License-Identifier: MIT */
/* The 2D device: every command, as a driver sends it and as no driver should. */
#include "host/vgpu/edid.h"
#include "host/vgpu/virtio_gpu.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <string.h>

#define OK	       VIRTIO_GPU_RESP_OK_NODATA
#define ERR_UNSPEC     VIRTIO_GPU_RESP_ERR_UNSPEC
#define ERR_MEMORY     VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
#define ERR_SCANOUT    VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID
#define ERR_RESOURCE   VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define ERR_PARAMETER  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define MAX_HOST_BYTES (16u << 20)
#define FORMAT	       VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM

/* What the display was told last. */
struct watcher {
	uint32_t scanout_id;
	uint32_t width;
	uint32_t height;
	uint32_t scanout_count;
	struct sl_vgpu_rect rect;
	uint32_t update_count;
	uint32_t updated; /* bit: scanout */
	uint32_t cursor_x;
	uint32_t cursor_y;
	uint32_t hot_x;
	bool cursor_visible;
	uint32_t define_count;
	uint32_t pixels[64 * 64];
	uint32_t info_count;
	uint32_t edid_count;
	int answer; /* of the queries */
};

static void on_scanout(void *data, uint32_t scanout_id, uint32_t width, uint32_t height)
{
	struct watcher *watcher = data;

	watcher->scanout_id = scanout_id;
	watcher->width = width;
	watcher->height = height;
	watcher->scanout_count++;
}

static void on_update(void *data, uint32_t scanout_id, const struct sl_vgpu_rect *rect)
{
	struct watcher *watcher = data;

	watcher->rect = *rect;
	watcher->updated |= 1u << scanout_id;
	watcher->update_count++;
}

static void on_move(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, bool visible)
{
	struct watcher *watcher = data;

	watcher->cursor_x = x;
	watcher->cursor_y = y;
	watcher->cursor_visible = visible;
}

static void on_define(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, uint32_t hot_x,
		      uint32_t hot_y, const uint32_t *pixels)
{
	struct watcher *watcher = data;

	on_move(data, scanout_id, x, y, true);
	watcher->hot_x = hot_x;
	watcher->define_count++;
	memcpy(watcher->pixels, pixels, sizeof(watcher->pixels));
}

static int on_query_info(void *data)
{
	struct watcher *watcher = data;

	watcher->info_count++;
	return watcher->answer;
}

static int on_query_edid(void *data, uint32_t scanout_id)
{
	struct watcher *watcher = data;

	watcher->edid_count++;
	return watcher->answer;
}

static const struct sl_vgpu_display_ops watcher_ops = {
	.set_scanout = on_scanout,
	.update = on_update,
	.move_cursor = on_move,
	.define_cursor = on_define,
	.query_info = on_query_info,
	.query_edid = on_query_edid,
};

struct fixture {
	struct fake_guest guest;
	struct watcher watcher;
};

static void init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	fake_guest_init(&f->guest);
	fake_guest_create_device(&f->guest, MAX_HOST_BYTES);
	sl_vgpu_set_display(f->guest.vgpu, &watcher_ops, &f->watcher);
}

static void finish(struct fixture *f)
{
	struct sl_vgpu_usage usage;

	sl_vgpu_reset(f->guest.vgpu);
	sl_vgpu_get_usage(f->guest.vgpu, &usage);
	assert_int_equal(usage.resources, 0);
	assert_int_equal(usage.requests, 0);
	assert_int_equal(usage.host_bytes, 0);
	assert_int_equal(usage.page_entries, 0);
	fake_guest_finish(&f->guest);
}

static uint32_t create(struct fixture *f, uint32_t id, uint32_t format, uint32_t width,
		       uint32_t height)
{
	struct virtio_gpu_resource_create_2d cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = id,
		.format = format,
		.width = width,
		.height = height,
	};

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t unref(struct fixture *f, uint32_t id)
{
	struct virtio_gpu_resource_unref cmd = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
						 .resource_id = id };

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t attach_entries(struct fixture *f, uint32_t id, uint32_t nr_entries,
			       const struct virtio_gpu_mem_entry *entries, uint32_t sent)
{
	struct virtio_gpu_resource_attach_backing cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = id,
		.nr_entries = nr_entries,
	};

	return fake_guest_send_on(&f->guest, SL_VGPU_QUEUE_CONTROL, &cmd, sizeof(cmd), entries,
				  sent * sizeof(*entries));
}

static uint32_t attach(struct fixture *f, uint32_t id, uint64_t addr, uint32_t size)
{
	struct virtio_gpu_mem_entry entry = { .addr = addr, .length = size };

	return attach_entries(f, id, 1, &entry, 1);
}

static uint32_t detach(struct fixture *f, uint32_t id)
{
	struct virtio_gpu_resource_detach_backing cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, .resource_id = id
	};

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t transfer(struct fixture *f, uint32_t id, struct virtio_gpu_rect rect,
			 uint64_t offset)
{
	struct virtio_gpu_transfer_to_host_2d cmd = {
		.hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
		.r = rect,
		.offset = offset,
		.resource_id = id,
	};

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t set_scanout(struct fixture *f, uint32_t scanout_id, uint32_t id,
			    struct virtio_gpu_rect rect)
{
	struct virtio_gpu_set_scanout cmd = {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		.r = rect,
		.scanout_id = scanout_id,
		.resource_id = id,
	};

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t flush(struct fixture *f, uint32_t id, struct virtio_gpu_rect rect)
{
	struct virtio_gpu_resource_flush cmd = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
						 .r = rect,
						 .resource_id = id };

	return fake_guest_send(&f->guest, &cmd);
}

static struct virtio_gpu_rect rect(uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	return (struct virtio_gpu_rect){ x, y, width, height };
}

static uint32_t pixel(struct fixture *f, uint32_t scanout_id, uint32_t x, uint32_t y)
{
	struct sl_vgpu_rect at = { x, y, 1, 1 };
	uint32_t value = 0;

	assert_int_equal(sl_vgpu_read_scanout(f->guest.vgpu, scanout_id, &at, &value, 4), 0);
	return value & 0xffffff;
}

static void test_create_checks_everything(void **state)
{
	struct fixture f;
	struct sl_vgpu_usage usage;

	init(&f);
	assert_int_equal(create(&f, 0, FORMAT, 16, 16), ERR_RESOURCE);
	assert_int_equal(create(&f, 1, FORMAT, 16, 16), OK);
	assert_int_equal(create(&f, 1, FORMAT, 16, 16), ERR_RESOURCE);
	assert_int_equal(create(&f, 2, 0, 16, 16), ERR_PARAMETER);
	assert_int_equal(create(&f, 2, 5, 16, 16), ERR_PARAMETER);
	assert_int_equal(create(&f, 2, UINT32_MAX, 16, 16), ERR_PARAMETER);
	assert_int_equal(create(&f, 2, FORMAT, 0, 16), ERR_PARAMETER);
	assert_int_equal(create(&f, 2, FORMAT, 16, 0), ERR_PARAMETER);
	/* width * height * 4 wraps around 32 bits, to 0 or to something small. */
	assert_int_equal(create(&f, 2, FORMAT, 0x8000, 0x8000), ERR_PARAMETER);
	assert_int_equal(create(&f, 2, FORMAT, 0x40000001, 1), ERR_PARAMETER);
	assert_int_equal(create(&f, 2, FORMAT, UINT32_MAX, UINT32_MAX), ERR_PARAMETER);
	assert_int_equal(create(&f, 2, FORMAT, 16384, 16384), ERR_MEMORY);
	assert_int_equal(create(&f, 2, FORMAT, 2048, 2048), ERR_MEMORY); /* 1 KiB is taken */
	sl_vgpu_get_usage(f.guest.vgpu, &usage);
	assert_int_equal(usage.resources, 1);
	assert_int_equal(usage.host_bytes, 16 * 16 * 4);
	assert_int_equal(unref(&f, 1), OK);
	assert_int_equal(create(&f, 2, FORMAT, 2048, 2048), OK);
	assert_int_equal(create(&f, UINT32_MAX, FORMAT, 1, 1), ERR_MEMORY);
	finish(&f);
}

static void test_unref_checks_everything(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(unref(&f, 0), ERR_RESOURCE);
	assert_int_equal(unref(&f, 7), ERR_RESOURCE);
	assert_int_equal(create(&f, 7, FORMAT, 16, 16), OK);
	assert_int_equal(attach(&f, 7, FAKE_DATA_ADDR, 1024), OK);
	assert_int_equal(set_scanout(&f, 0, 7, rect(0, 0, 16, 16)), OK);
	assert_int_equal(f.watcher.width, 16);
	assert_int_equal(unref(&f, 7), OK);
	assert_int_equal(f.watcher.width, 0); /* the scanout ended with it */
	assert_int_equal(unref(&f, 7), ERR_RESOURCE);
	finish(&f);
}

static void test_backing_checks_everything(void **state)
{
	const uint64_t end = FAKE_RAM_ADDR + FAKE_RAM_SIZE;
	struct virtio_gpu_mem_entry entries[3] = {
		{ .addr = FAKE_DATA_ADDR, .length = 0x1000 },
		{ .addr = FAKE_DATA_ADDR + 0x1000, .length = 0x1000 },
		{ .addr = FAKE_DATA_ADDR, .length = 0x1000 },
	};
	struct sl_vgpu_usage usage;
	struct fixture f;

	init(&f);
	assert_int_equal(attach(&f, 1, FAKE_DATA_ADDR, 0x1000), ERR_RESOURCE);
	assert_int_equal(create(&f, 1, FORMAT, 16, 16), OK);
	assert_int_equal(detach(&f, 1), ERR_UNSPEC);
	assert_int_equal(detach(&f, 2), ERR_RESOURCE);
	assert_int_equal(attach_entries(&f, 1, 0, NULL, 0), ERR_PARAMETER);
	assert_int_equal(attach_entries(&f, 1, 3, entries, 2), ERR_PARAMETER);
	assert_int_equal(attach_entries(&f, 1, SL_VGPU_MAX_PAGE_ENTRIES, entries, 3),
			 ERR_PARAMETER);
	assert_int_equal(attach_entries(&f, 1, SL_VGPU_MAX_PAGE_ENTRIES + 1, entries, 3),
			 ERR_PARAMETER);
	assert_int_equal(attach_entries(&f, 1, UINT32_MAX, entries, 3), ERR_PARAMETER);
	assert_int_equal(attach_entries(&f, 1, 0x10000001, entries, 3), ERR_PARAMETER);
	assert_int_equal(attach(&f, 1, FAKE_DATA_ADDR, 0), ERR_PARAMETER);
	assert_int_equal(attach(&f, 1, 0, 0x1000), ERR_PARAMETER);
	assert_int_equal(attach(&f, 1, end - 1, 2), ERR_PARAMETER);
	assert_int_equal(attach(&f, 1, UINT64_MAX, 2), ERR_PARAMETER);
	sl_vgpu_get_usage(f.guest.vgpu, &usage);
	assert_int_equal(usage.page_entries, 0);
	assert_int_equal(attach_entries(&f, 1, 3, entries, 3), OK);
	sl_vgpu_get_usage(f.guest.vgpu, &usage);
	assert_int_equal(usage.page_entries, 2); /* runs that touch are one */
	assert_int_equal(attach(&f, 1, FAKE_DATA_ADDR, 0x1000), ERR_UNSPEC);
	assert_int_equal(detach(&f, 1), OK);
	assert_int_equal(detach(&f, 1), ERR_UNSPEC);
	assert_int_equal(attach(&f, 1, end - 1, 1), OK);
	finish(&f);
}

static void test_transfer_copies_what_was_asked(void **state)
{
	struct virtio_gpu_mem_entry entries[2] = {
		/* A row of 16 pixels is 64 bytes: the seam is in the middle of the second. */
		{ .addr = FAKE_DATA_ADDR, .length = 96 },
		{ .addr = FAKE_DATA_ADDR + 0x1000, .length = 0x1000 },
	};
	struct fixture f;

	init(&f);
	uint32_t *first = fake_guest_at(&f.guest, FAKE_DATA_ADDR);
	uint32_t *second = fake_guest_at(&f.guest, FAKE_DATA_ADDR + 0x1000);
	for (uint32_t i = 0; i < 256; i++) {
		if (i < 24) {
			first[i] = 0x010000 + i;
		} else {
			second[i - 24] = 0x010000 + i;
		}
	}
	assert_int_equal(create(&f, 1, FORMAT, 16, 16), OK);
	assert_int_equal(attach_entries(&f, 1, 2, entries, 2), OK);
	assert_int_equal(set_scanout(&f, 0, 1, rect(0, 0, 16, 16)), OK);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 16, 16), 0), OK);
	for (uint32_t i = 0; i < 256; i++) {
		assert_int_equal(pixel(&f, 0, i % 16, i / 16), 0x010000 + i);
	}
	/* Part of it: the offset is that of the first pixel. */
	second[2 * 16 + 3 - 24] = 0xabcdef;
	second[3 * 16 + 4 - 24] = 0xfedcba;
	second[2 * 16 + 5 - 24] = 0x123456;
	assert_int_equal(transfer(&f, 1, rect(3, 2, 2, 2), (2 * 16 + 3) * 4), OK);
	assert_int_equal(pixel(&f, 0, 3, 2), 0xabcdef);
	assert_int_equal(pixel(&f, 0, 4, 3), 0xfedcba);
	assert_int_equal(pixel(&f, 0, 5, 2), 0x010000 + 2 * 16 + 5);
	/* From elsewhere in the backing. */
	assert_int_equal(transfer(&f, 1, rect(0, 0, 1, 1), (2 * 16 + 5) * 4), OK);
	assert_int_equal(pixel(&f, 0, 0, 0), 0x123456);
	finish(&f);
}

static void test_transfer_checks_everything(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create(&f, 1, FORMAT, 16, 16), OK);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 16, 16), 0), ERR_RESOURCE);
	assert_int_equal(attach(&f, 1, FAKE_DATA_ADDR, 1024), OK);
	assert_int_equal(transfer(&f, 2, rect(0, 0, 16, 16), 0), ERR_RESOURCE);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 17, 16), 0), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(1, 0, 16, 16), 0), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(0, 17, 1, 1), 0), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 0, 16), 0), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(UINT32_MAX, 0, 2, 1), 0), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(1, 1, UINT32_MAX, UINT32_MAX), 0), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 16, 16), 1), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 1, 1), 1021), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 1, 1), UINT64_MAX), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 1, 2), 1020 - 60), ERR_PARAMETER);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 1, 1), 1020), OK);
	/* The monitor takes memory away. */
	struct sl_guest_ram_slot slot = { FAKE_RAM_ADDR + FAKE_RAM_SPLIT,
					  FAKE_RAM_SIZE - FAKE_RAM_SPLIT,
					  FAKE_USER_ADDR + FAKE_USER_GAP, 0 };
	assert_int_equal(detach(&f, 1), OK);
	assert_int_equal(attach(&f, 1, FAKE_RAM_ADDR + FAKE_RAM_SPLIT - 8, 1024), OK);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 16, 16), 0), OK);
	assert_int_equal(sl_guest_ram_remove(&f.guest.ram, &slot), 0);
	assert_int_equal(transfer(&f, 1, rect(0, 0, 16, 16), 0), ERR_UNSPEC);
	finish(&f);
}

static void test_scanouts_show_parts(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create(&f, 1, FORMAT, 64, 32), OK);
	assert_int_equal(attach(&f, 1, FAKE_DATA_ADDR, 64 * 32 * 4), OK);
	uint32_t *at = fake_guest_at(&f.guest, FAKE_DATA_ADDR);
	for (uint32_t i = 0; i < 64 * 32; i++) {
		at[i] = i;
	}
	assert_int_equal(transfer(&f, 1, rect(0, 0, 64, 32), 0), OK);
	assert_int_equal(set_scanout(&f, 0, 1, rect(0, 0, 32, 32)), OK);
	assert_int_equal(set_scanout(&f, 15, 1, rect(32, 8, 32, 24)), OK);
	assert_int_equal(f.watcher.scanout_id, 15);
	assert_int_equal(f.watcher.height, 24);
	assert_int_equal(pixel(&f, 0, 1, 1), 65);
	assert_int_equal(pixel(&f, 15, 1, 1), 9 * 64 + 33);

	assert_int_equal(flush(&f, 1, rect(30, 4, 4, 8)), OK);
	assert_int_equal(f.watcher.updated, 1 | 1 << 15);
	assert_int_equal(f.watcher.rect.x, 0); /* of scanout 15, the later one */
	assert_int_equal(f.watcher.rect.y, 0);
	assert_int_equal(f.watcher.rect.width, 2);
	assert_int_equal(f.watcher.rect.height, 4);
	f.watcher.updated = 0;
	assert_int_equal(flush(&f, 1, rect(32, 0, 4, 8)), OK); /* nobody shows that */
	assert_int_equal(f.watcher.updated, 0);

	/* Another display comes: it is told what is shown. */
	f.watcher.scanout_count = 0;
	sl_vgpu_set_display(f.guest.vgpu, &watcher_ops, &f.watcher);
	assert_int_equal(f.watcher.scanout_count, 2);
	assert_int_equal(set_scanout(&f, 15, 0, rect(0, 0, 0, 0)), OK);
	assert_int_equal(f.watcher.width, 0);
	struct sl_vgpu_rect one = { 0, 0, 1, 1 };
	uint32_t value;
	assert_int_equal(sl_vgpu_read_scanout(f.guest.vgpu, 15, &one, &value, 4), -EINVAL);
	one.x = 32;
	assert_int_equal(sl_vgpu_read_scanout(f.guest.vgpu, 0, &one, &value, 4), -EINVAL);
	finish(&f);
}

static void test_scanout_checks_everything(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create(&f, 1, FORMAT, 16, 16), OK);
	assert_int_equal(set_scanout(&f, 16, 1, rect(0, 0, 16, 16)), ERR_SCANOUT);
	assert_int_equal(set_scanout(&f, UINT32_MAX, 0, rect(0, 0, 16, 16)), ERR_SCANOUT);
	assert_int_equal(set_scanout(&f, 0, 2, rect(0, 0, 16, 16)), ERR_RESOURCE);
	assert_int_equal(set_scanout(&f, 0, 1, rect(0, 0, 17, 16)), ERR_PARAMETER);
	assert_int_equal(set_scanout(&f, 0, 1, rect(0, 0, 0, 0)), ERR_PARAMETER);
	assert_int_equal(set_scanout(&f, 0, 1, rect(UINT32_MAX, 0, 1, 1)), ERR_PARAMETER);
	assert_int_equal(set_scanout(&f, 0, 1, rect(1, 1, UINT32_MAX, 1)), ERR_PARAMETER);
	assert_int_equal(f.watcher.scanout_count, 0);
	assert_int_equal(flush(&f, 2, rect(0, 0, 1, 1)), ERR_RESOURCE);
	assert_int_equal(flush(&f, 1, rect(0, 0, 17, 1)), ERR_PARAMETER);
	assert_int_equal(flush(&f, 1, rect(1, 1, UINT32_MAX, 1)), ERR_PARAMETER);
	assert_int_equal(flush(&f, 1, rect(0, 0, 16, 16)), OK);
	finish(&f);
}

static void test_formats_are_converted(void **state)
{
	const struct {
		uint32_t format;
		uint8_t bytes[4];
	} cases[] = {
		{ VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, { 0x33, 0x22, 0x11, 0xff } },
		{ VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, { 0x33, 0x22, 0x11, 0 } },
		{ VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, { 0xff, 0x11, 0x22, 0x33 } },
		{ VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, { 0, 0x11, 0x22, 0x33 } },
		{ VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, { 0x11, 0x22, 0x33, 0xff } },
		{ VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, { 0, 0x33, 0x22, 0x11 } },
		{ VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, { 0xff, 0x33, 0x22, 0x11 } },
		{ VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, { 0x11, 0x22, 0x33, 0 } },
	};
	struct fixture f;

	init(&f);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(fake_guest_at(&f.guest, FAKE_DATA_ADDR), cases[i].bytes, 4);
		assert_int_equal(create(&f, i + 1, cases[i].format, 1, 1), OK);
		assert_int_equal(attach(&f, i + 1, FAKE_DATA_ADDR, 4), OK);
		assert_int_equal(transfer(&f, i + 1, rect(0, 0, 1, 1), 0), OK);
		assert_int_equal(set_scanout(&f, 0, i + 1, rect(0, 0, 1, 1)), OK);
		assert_int_equal(pixel(&f, 0, 0, 0), 0x112233);
	}
	finish(&f);
}

static uint32_t cursor(struct fixture *f, uint32_t type, uint32_t scanout_id, uint32_t resource_id)
{
	struct virtio_gpu_update_cursor cmd = {
		.hdr.type = type,
		.pos = { .scanout_id = scanout_id, .x = 10, .y = 20 },
		.resource_id = resource_id,
		.hot_x = 3,
		.hot_y = 4,
	};

	return fake_guest_send_on(&f->guest, SL_VGPU_QUEUE_CURSOR, &cmd, sizeof(cmd), NULL, 0);
}

static void test_cursor(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create(&f, 1, VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 64, 64), OK);
	assert_int_equal(create(&f, 2, FORMAT, 64, 63), OK);
	assert_int_equal(attach(&f, 1, FAKE_DATA_ADDR, 64 * 64 * 4), OK);
	uint32_t *at = fake_guest_at(&f.guest, FAKE_DATA_ADDR);
	at[65] = 0x80ff0000;
	assert_int_equal(transfer(&f, 1, rect(0, 0, 64, 64), 0), OK);
	cursor(&f, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 1);
	assert_int_equal(f.watcher.define_count, 1);
	assert_int_equal(f.watcher.pixels[65], 0x80ff0000);
	assert_int_equal(f.watcher.hot_x, 3);
	assert_true(f.watcher.cursor_visible);
	cursor(&f, VIRTIO_GPU_CMD_MOVE_CURSOR, 0, 1);
	assert_int_equal(f.watcher.cursor_y, 20);
	cursor(&f, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 0);
	assert_false(f.watcher.cursor_visible);
	cursor(&f, VIRTIO_GPU_CMD_UPDATE_CURSOR, 16, 1);
	cursor(&f, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 2);
	cursor(&f, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 3);
	assert_int_equal(f.watcher.define_count, 1);
	assert_int_equal(f.guest.answer.written, 0); /* its queue has no room for answers */
	finish(&f);
}

/* Linux puts cursors into resources of formats without alpha. */
static void test_cursor_keeps_its_alpha(void **state)
{
	static const struct {
		uint32_t format;
		uint32_t guest; /* little-endian words */
	} cases[] = {
		{ VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 0x40112233 },
		{ VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, 0x33221140 },
		{ VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, 0x40332211 },
		{ VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, 0x11223340 },
	};
	struct fixture f;

	init(&f);
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t *at = fake_guest_at(&f.guest, FAKE_DATA_ADDR);

		assert_int_equal(create(&f, i + 1, cases[i].format, 64, 64), OK);
		assert_int_equal(attach(&f, i + 1, FAKE_DATA_ADDR, 64 * 64 * 4), OK);
		at[130] = cases[i].guest;
		at[131] = 0;
		assert_int_equal(transfer(&f, i + 1, rect(0, 0, 64, 64), 0), OK);
		cursor(&f, VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, i + 1);
		assert_int_equal(f.watcher.pixels[130], 0x40112233);
		assert_int_equal(f.watcher.pixels[131], 0);
	}
	finish(&f);
}

static uint32_t get_info(struct fixture *f)
{
	struct virtio_gpu_ctrl_hdr cmd = { .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO };

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t get_edid(struct fixture *f, uint32_t scanout_id)
{
	struct virtio_gpu_cmd_get_edid cmd = { .hdr.type = VIRTIO_GPU_CMD_GET_EDID,
					       .scanout = scanout_id };

	return fake_guest_send(&f->guest, &cmd);
}

static void test_display_info_waits_for_the_display(void **state)
{
	struct virtio_gpu_display_one modes[SL_VGPU_MAX_SCANOUTS] = {
		[0] = { .r = { .width = 800, .height = 600 }, .enabled = 1 }
	};
	struct virtio_gpu_display_one got;
	struct fixture f;

	init(&f);
	f.watcher.answer = -ENOTSUP;
	assert_int_equal(get_info(&f), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	assert_int_equal(f.guest.answer.written, sizeof(struct virtio_gpu_resp_display_info));
	memcpy(&got, f.guest.answer.payload, sizeof(got));
	assert_int_equal(got.r.width, 1024); /* the device's own */
	assert_int_equal(got.enabled, 1);

	f.watcher.answer = 0;
	f.watcher.info_count = 0;
	f.guest.answer.count = 0;
	assert_int_equal(get_info(&f), 0);
	assert_int_equal(get_info(&f), 0);
	assert_int_equal(f.watcher.info_count, 1);
	/* The second came after the question: it gets an answer of its own. */
	sl_vgpu_set_display_info(f.guest.vgpu, modes);
	assert_int_equal(f.guest.answer.count, 1);
	assert_int_equal(f.watcher.info_count, 2);
	modes[0].r.width = 640;
	sl_vgpu_set_display_info(f.guest.vgpu, modes);
	assert_int_equal(f.guest.answer.count, 2);
	memcpy(&got, f.guest.answer.payload, sizeof(got));
	assert_int_equal(got.r.width, 640);
	/* Unasked: kept for the next who asks in vain. */
	modes[0].r.width = 320;
	sl_vgpu_set_display_info(f.guest.vgpu, modes);
	assert_int_equal(f.guest.answer.count, 2);
	assert_int_equal(get_info(&f), 0);
	sl_vgpu_keep_display_info(f.guest.vgpu);
	memcpy(&got, f.guest.answer.payload, sizeof(got));
	assert_int_equal(got.r.width, 320);
	finish(&f);
}

static void test_edid(void **state)
{
	uint8_t edid[256] = { 1, 2, 3 };
	uint8_t sum = 0;
	struct fixture f;

	init(&f);
	assert_int_equal(get_edid(&f, 16), ERR_SCANOUT);
	assert_int_equal(get_edid(&f, 3), 0);
	sl_vgpu_set_edid(f.guest.vgpu, 0, edid, sizeof(edid)); /* nobody asked */
	assert_int_equal(f.guest.answer.count, 1);
	sl_vgpu_set_edid(f.guest.vgpu, 3, edid, sizeof(edid));
	assert_int_equal(f.guest.answer.type, VIRTIO_GPU_RESP_OK_EDID);
	assert_int_equal(f.guest.answer.payload[0] | f.guest.answer.payload[1] << 8, 256);
	assert_int_equal(f.guest.answer.payload[8 + 2], 3);
	/* A made-up one, and one that is too long to be true. */
	for (size_t size = 0; size < 5000; size += 4000) {
		assert_int_equal(get_edid(&f, 0), 0);
		sl_vgpu_set_edid(f.guest.vgpu, 0, edid, size);
		assert_int_equal(f.guest.answer.payload[0], SL_EDID_SIZE);
		sum = 0;
		for (uint32_t i = 0; i < SL_EDID_SIZE; i++) {
			sum = (uint8_t)(sum + f.guest.answer.payload[8 + i]);
		}
		assert_int_equal(sum, 0);
		/* 1024 active pixels in the first detailed timing. */
		assert_int_equal(f.guest.answer.payload[8 + 56], 0);
		assert_int_equal(f.guest.answer.payload[8 + 58] >> 4, 4);
	}
	finish(&f);
}

static void test_display_goes_while_guest_waits(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(get_info(&f), 0);
	assert_int_equal(get_edid(&f, 0), 0);
	sl_vgpu_set_display(f.guest.vgpu, NULL, NULL);
	assert_int_equal(f.guest.answer.count, 2);
	assert_int_equal(get_info(&f), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	assert_int_equal(create(&f, 1, FORMAT, 16, 16), OK);
	assert_int_equal(set_scanout(&f, 0, 1, rect(0, 0, 16, 16)), OK);
	assert_int_equal(flush(&f, 1, rect(0, 0, 16, 16)), OK);
	cursor(&f, VIRTIO_GPU_CMD_MOVE_CURSOR, 0, 0);
	finish(&f);
}

static void test_reset_while_guest_waits(void **state)
{
	struct fixture f;
	struct virtio_gpu_display_one modes[SL_VGPU_MAX_SCANOUTS] = { 0 };

	init(&f);
	assert_int_equal(get_info(&f), 0);
	assert_int_equal(create(&f, 1, FORMAT, 16, 16), OK);
	assert_int_equal(set_scanout(&f, 2, 1, rect(0, 0, 16, 16)), OK);
	sl_vgpu_reset(f.guest.vgpu);
	assert_int_equal(f.watcher.scanout_id, 2);
	assert_int_equal(f.watcher.width, 0);
	uint32_t count = f.guest.answer.count;
	sl_vgpu_set_display_info(f.guest.vgpu, modes);
	assert_int_equal(f.guest.answer.count, count);
	assert_int_equal(get_info(&f), 0);
	finish(&f);
}

static void test_fence_comes_back(void **state)
{
	struct virtio_gpu_resource_unref cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
			 .flags = VIRTIO_GPU_FLAG_FENCE | 0xff00,
			 .fence_id = 0x123456789,
			 .ctx_id = 5 },
		.resource_id = 1,
	};
	struct fixture f;

	init(&f);
	assert_int_equal(fake_guest_send(&f.guest, &cmd), ERR_RESOURCE);
	assert_int_equal(f.guest.answer.header.flags, VIRTIO_GPU_FLAG_FENCE);
	assert_int_equal(f.guest.answer.header.fence_id, 0x123456789);
	assert_int_equal(f.guest.answer.header.ctx_id, 5);
	cmd.hdr.flags = 0;
	assert_int_equal(fake_guest_send(&f.guest, &cmd), ERR_RESOURCE);
	assert_int_equal(f.guest.answer.header.flags, 0);
	assert_int_equal(f.guest.answer.header.fence_id, 0);
	finish(&f);
}

static void test_short_and_unknown_commands(void **state)
{
	static const uint32_t types[] = { 0,	 1,	 0x100,	    0x101, 0x102, 0x103, 0x104,
					  0x105, 0x106,	 0x107,	    0x108, 0x109, 0x10a, 0x10b,
					  0x10c, 0x10d,	 0x200,	    0x201, 0x202, 0x203, 0x204,
					  0x205, 0x206,	 0x207,	    0x208, 0x209, 0x300, 0x301,
					  0x302, 0x1100, UINT32_MAX };
	uint8_t bytes[128];
	struct fixture f;

	init(&f);
	f.watcher.answer = -ENOTSUP;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (size_t size = 1; size < sizeof(bytes); size++) {
			memset(bytes, 0, sizeof(bytes));
			memcpy(bytes, &types[i], sizeof(types[i]));
			uint32_t count = f.guest.answer.count;
			fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CONTROL, bytes, size, NULL, 0);
			assert_int_equal(f.guest.answer.count, count + 1);
			if (size < 24 || types[i] >= 0x300 || types[i] < 0x100) {
				assert_int_equal(f.guest.answer.type, ERR_UNSPEC);
			}
			fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CURSOR, bytes, size, NULL, 0);
			assert_int_equal(f.guest.answer.count, count + 2);
		}
	}
	finish(&f);
}

static void test_resources_have_a_cap(void **state)
{
	struct fixture f;
	uint32_t response = OK;

	init(&f);
	for (uint32_t i = 1; i <= SL_VGPU_MAX_RESOURCES; i++) {
		response = create(&f, i * 7919, FORMAT, 1, 1);
		assert_int_equal(response, OK);
	}
	assert_int_equal(create(&f, 1, FORMAT, 1, 1), ERR_MEMORY);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_checks_everything),
		cmocka_unit_test(test_unref_checks_everything),
		cmocka_unit_test(test_backing_checks_everything),
		cmocka_unit_test(test_transfer_copies_what_was_asked),
		cmocka_unit_test(test_transfer_checks_everything),
		cmocka_unit_test(test_scanouts_show_parts),
		cmocka_unit_test(test_scanout_checks_everything),
		cmocka_unit_test(test_formats_are_converted),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_cursor_keeps_its_alpha),
		cmocka_unit_test(test_display_info_waits_for_the_display),
		cmocka_unit_test(test_edid),
		cmocka_unit_test(test_display_goes_while_guest_waits),
		cmocka_unit_test(test_reset_while_guest_waits),
		cmocka_unit_test(test_fence_comes_back),
		cmocka_unit_test(test_short_and_unknown_commands),
		cmocka_unit_test(test_resources_have_a_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
