/* SPDX-License-Identifier: MIT */
/* The display socket: what QEMU's end of it sees. */
#include "host/base/fd.h"
#include "host/vgpu/display.h"
#include "host/vgpu/vhost_user_msg.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/fake_host3d.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_PAYLOAD (8u << 20)

struct fixture {
	struct fake_guest guest;
	sd_event *event;
	struct sl_vgpu_display *display;
	int fd; /* QEMU's end */
	struct sl_vhost_gpu_header header;
	uint8_t *payload; /* MAX_PAYLOAD bytes */
};

static void run(struct fixture *f)
{
	for (int i = 0; i < 50 && sd_event_run(f->event, 0) > 0; i++) {
	}
}

static void init(struct fixture *f)
{
	int fds[2];

	memset(f, 0, sizeof(*f));
	fake_guest_init(&f->guest);
	fake_guest_create_device(&f->guest, 64 << 20);
	f->payload = malloc(MAX_PAYLOAD);
	assert_non_null(f->payload);
	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	f->fd = fds[0];
	assert_int_equal(sl_vgpu_display_create(f->event, fds[1], f->guest.vgpu, &f->display), 0);
}

static void finish(struct fixture *f)
{
	sl_vgpu_display_destroy(f->display);
	sd_event_unref(f->event);
	sl_fd_close(f->fd);
	free(f->payload);
	fake_guest_finish(&f->guest);
}

/* Bytes from the socket, letting the device write while we read. Returns false if none come. */
static bool read_all(struct fixture *f, void *dst, size_t size)
{
	size_t done = 0;
	int idle = 0;

	while (done < size && idle < 3) {
		run(f);
		ssize_t n = recv(f->fd, (uint8_t *)dst + done, size - done, MSG_DONTWAIT);
		idle = n > 0 ? 0 : idle + 1;
		done += n > 0 ? (size_t)n : 0;
	}
	return done == size;
}

/* The next message. Returns its request, or 0 if there is none. */
static uint32_t next(struct fixture *f)
{
	if (!read_all(f, &f->header, sizeof(f->header))) {
		return 0;
	}
	assert_true(f->header.size <= MAX_PAYLOAD);
	assert_true(read_all(f, f->payload, f->header.size));
	return f->header.request;
}

static void reply(struct fixture *f, uint32_t request, const void *payload, uint32_t size)
{
	struct sl_vhost_gpu_header header = { request, SL_VHOST_GPU_REPLY, size };

	assert_int_equal(write(f->fd, &header, sizeof(header)), sizeof(header));
	if (size > 0) {
		assert_int_equal(write(f->fd, payload, size), size);
	}
	run(f);
}

static void negotiate(struct fixture *f, uint64_t features)
{
	assert_int_equal(next(f), SL_VHOST_GPU_GET_PROTOCOL_FEATURES);
	reply(f, SL_VHOST_GPU_GET_PROTOCOL_FEATURES, &features, sizeof(features));
	assert_int_equal(next(f), SL_VHOST_GPU_SET_PROTOCOL_FEATURES);
	memcpy(&features, f->payload, sizeof(features));
	assert_true(features <= 3);
}

static uint32_t send_type(struct fixture *f, uint32_t type)
{
	struct virtio_gpu_cmd_get_edid cmd = { .hdr.type = type };

	return fake_guest_send(&f->guest, &cmd);
}

/* A resource of this size on scanout 0, whose pixels count up. */
static void show(struct fixture *f, uint32_t id, uint32_t width, uint32_t height)
{
	struct virtio_gpu_resource_create_2d create = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = id,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = width,
		.height = height,
	};
	struct virtio_gpu_resource_attach_backing attach = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = id,
		.nr_entries = 1,
	};
	struct virtio_gpu_mem_entry entry = { FAKE_DATA_ADDR, width * height * 4, 0 };
	struct virtio_gpu_transfer_to_host_2d transfer = {
		.hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
		.r = { .width = width, .height = height },
		.resource_id = id,
	};
	struct virtio_gpu_set_scanout scanout = {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		.r = { .width = width, .height = height },
		.resource_id = id,
	};
	uint32_t *pixels = fake_guest_at(&f->guest, FAKE_DATA_ADDR);

	for (uint32_t i = 0; i < width * height; i++) {
		pixels[i] = i & 0xffffff;
	}
	assert_int_equal(fake_guest_send(&f->guest, &create), VIRTIO_GPU_RESP_OK_NODATA);
	assert_int_equal(fake_guest_send_on(&f->guest, SL_VGPU_QUEUE_CONTROL, &attach,
					    sizeof(attach), &entry, sizeof(entry)),
			 VIRTIO_GPU_RESP_OK_NODATA);
	assert_int_equal(fake_guest_send(&f->guest, &transfer), VIRTIO_GPU_RESP_OK_NODATA);
	assert_int_equal(fake_guest_send(&f->guest, &scanout), VIRTIO_GPU_RESP_OK_NODATA);
}

static void flush(struct fixture *f, uint32_t id, uint32_t x, uint32_t y, uint32_t width,
		  uint32_t height)
{
	struct virtio_gpu_resource_flush cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
		.r = { x, y, width, height },
		.resource_id = id,
	};

	assert_int_equal(fake_guest_send(&f->guest, &cmd), VIRTIO_GPU_RESP_OK_NODATA);
}

static void hide(struct fixture *f)
{
	struct virtio_gpu_set_scanout cmd = { .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT };

	assert_int_equal(fake_guest_send(&f->guest, &cmd), VIRTIO_GPU_RESP_OK_NODATA);
}

static void assert_scanout(struct fixture *f, uint32_t width, uint32_t height)
{
	struct sl_vhost_gpu_scanout scanout;

	assert_int_equal(next(f), SL_VHOST_GPU_SCANOUT);
	memcpy(&scanout, f->payload, sizeof(scanout));
	assert_int_equal(scanout.scanout_id, 0);
	assert_int_equal(scanout.width, width);
	assert_int_equal(scanout.height, height);
}

static struct sl_vhost_gpu_update assert_update(struct fixture *f)
{
	struct sl_vhost_gpu_update update;

	assert_int_equal(next(f), SL_VHOST_GPU_UPDATE);
	memcpy(&update, f->payload, sizeof(update));
	assert_int_equal(f->header.size, sizeof(update) + update.width * update.height * 4);
	return update;
}

static uint32_t pixel(struct fixture *f, uint32_t index)
{
	uint32_t value;

	memcpy(&value, f->payload + sizeof(struct sl_vhost_gpu_update) + index * 4, 4);
	return value & 0xffffff;
}

static void test_pictures_arrive(void **state)
{
	struct fixture f;

	init(&f);
	negotiate(&f, 3);
	show(&f, 1, 32, 16);
	assert_scanout(&f, 32, 16);
	struct sl_vhost_gpu_update update = assert_update(&f);
	assert_int_equal(update.width, 32);
	assert_int_equal(update.height, 16);
	assert_int_equal(pixel(&f, 511), 511);
	assert_int_equal(next(&f), 0);
	flush(&f, 1, 3, 5, 4, 2);
	update = assert_update(&f);
	assert_int_equal(update.x, 3);
	assert_int_equal(update.y, 5);
	assert_int_equal(update.width, 4);
	assert_int_equal(pixel(&f, 4), 6 * 32 + 3);
	hide(&f);
	assert_scanout(&f, 0, 0);
	assert_int_equal(next(&f), 0);
	finish(&f);
}

static void test_no_update_without_a_scanout(void **state)
{
	struct fixture f;

	init(&f);
	/* Nothing is said before the features are agreed on; then only what still holds. */
	show(&f, 1, 32, 16);
	flush(&f, 1, 0, 0, 32, 16);
	hide(&f);
	negotiate(&f, 1);
	assert_int_equal(next(&f), 0);
	show(&f, 2, 16, 16);
	flush(&f, 2, 0, 0, 16, 16);
	show(&f, 3, 8, 8);
	assert_scanout(&f, 8, 8);
	assert_int_equal(assert_update(&f).width, 8);
	/* A page flip of the same size needs no new scanout. */
	show(&f, 4, 8, 8);
	assert_int_equal(assert_update(&f).width, 8);
	assert_int_equal(next(&f), 0);
	finish(&f);
}

static void test_large_pictures_come_in_bands(void **state)
{
	struct fixture f;
	uint32_t rows = 0;

	init(&f);
	negotiate(&f, 1);
	/* Its backing is short, so only the size counts: 1500 x 1000 x 4 is over 4 MiB. */
	struct virtio_gpu_resource_create_2d create = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = 1,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = 1500,
		.height = 1000,
	};
	struct virtio_gpu_set_scanout scanout = {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		.r = { .width = 1500, .height = 1000 },
		.resource_id = 1,
	};
	fake_guest_send(&f.guest, &create);
	assert_int_equal(fake_guest_send(&f.guest, &scanout), VIRTIO_GPU_RESP_OK_NODATA);
	assert_scanout(&f, 1500, 1000);
	for (int i = 0; i < 2; i++) {
		struct sl_vhost_gpu_update update = assert_update(&f);

		assert_int_equal(update.y, rows);
		rows += update.height;
	}
	assert_int_equal(rows, 1000);
	assert_int_equal(next(&f), 0);
	finish(&f);
}

static void test_slow_display_costs_no_memory(void **state)
{
	struct fixture f;
	uint32_t updates = 0;

	init(&f);
	negotiate(&f, 1);
	show(&f, 1, 512, 512);
	for (uint32_t i = 0; i < 10000; i++) {
		flush(&f, 1, i % 500, i * 7 % 500, 12, 12);
		if (i % 100 == 0) {
			run(&f);
		}
	}
	assert_scanout(&f, 512, 512);
	while (next(&f) == SL_VHOST_GPU_UPDATE) {
		updates++;
	}
	assert_true(updates > 0);
	assert_true(updates < 50);
	finish(&f);
}

static void test_questions_are_answered_in_turn(void **state)
{
	struct virtio_gpu_resp_display_info info = { .pmodes = { { .r = { 0, 0, 640, 480 },
								   .enabled = 1 } } };
	struct virtio_gpu_resp_edid edid = { .size = 256, .edid = { 9, 8, 7 } };
	uint32_t got[6];
	struct fixture f;

	init(&f);
	assert_int_equal(send_type(&f, VIRTIO_GPU_CMD_GET_EDID), 0);
	assert_int_equal(send_type(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO), 0);
	negotiate(&f, 1);
	assert_int_equal(next(&f), SL_VHOST_GPU_GET_EDID);
	assert_int_equal(next(&f), 0);				       /* one at a time */
	reply(&f, SL_VHOST_GPU_GET_DISPLAY_INFO, &info, sizeof(info)); /* answers nothing */
	assert_int_equal(f.guest.answer.count, 0);
	reply(&f, SL_VHOST_GPU_GET_EDID, &edid, sizeof(edid));
	assert_int_equal(f.guest.answer.type, VIRTIO_GPU_RESP_OK_EDID);
	assert_int_equal(f.guest.answer.payload[9], 8);
	assert_int_equal(next(&f), SL_VHOST_GPU_GET_DISPLAY_INFO);
	reply(&f, SL_VHOST_GPU_GET_DISPLAY_INFO, &info, sizeof(info));
	assert_int_equal(f.guest.answer.type, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	memcpy(got, f.guest.answer.payload, sizeof(got));
	assert_int_equal(got[2], 640);
	finish(&f);
}

static struct virtio_gpu_cmd_get_edid edid_of(uint32_t scanout)
{
	return (struct virtio_gpu_cmd_get_edid){
		.hdr.type = VIRTIO_GPU_CMD_GET_EDID,
		.scanout = scanout,
	};
}

/* What Linux does when the display has changed: it acts on the last answer. */
static void test_changed_display_is_asked_in_the_guests_order(void **state)
{
	struct virtio_gpu_resp_display_info info = { .pmodes = { { .enabled = 1 } } };
	struct virtio_gpu_resp_edid answer = { .size = 128 };
	const uint32_t order[] = { 2, 0, 1 };
	uint32_t scanout;
	struct fixture f;

	init(&f);
	negotiate(&f, 1);
	for (int i = 0; i < 3; i++) {
		struct virtio_gpu_cmd_get_edid cmd = edid_of(order[i]);
		assert_int_equal(fake_guest_send(&f.guest, &cmd), 0);
	}
	assert_int_equal(send_type(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(next(&f), SL_VHOST_GPU_GET_EDID);
		memcpy(&scanout, f.payload, sizeof(scanout));
		assert_int_equal(scanout, order[i]);
		answer.edid[0] = (uint8_t)(10 + scanout);
		reply(&f, SL_VHOST_GPU_GET_EDID, &answer, sizeof(answer));
		assert_int_equal(f.guest.answer.type, VIRTIO_GPU_RESP_OK_EDID);
		assert_int_equal(f.guest.answer.payload[8], 10 + scanout);
	}
	assert_int_equal(next(&f), SL_VHOST_GPU_GET_DISPLAY_INFO);
	reply(&f, SL_VHOST_GPU_GET_DISPLAY_INFO, &info, sizeof(info));
	assert_int_equal(f.guest.answer.type, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	assert_int_equal(next(&f), 0);
	finish(&f);
}

static void test_display_without_edid(void **state)
{
	struct fixture f;

	init(&f);
	negotiate(&f, 0);
	assert_int_equal(send_type(&f, VIRTIO_GPU_CMD_GET_EDID), VIRTIO_GPU_RESP_OK_EDID);
	finish(&f);
}

static void test_silent_display_does_not_hold_the_guest(void **state)
{
	struct fixture f;

	init(&f);
	negotiate(&f, 1);
	assert_int_equal(send_type(&f, VIRTIO_GPU_CMD_GET_EDID), 0);
	assert_int_equal(next(&f), SL_VHOST_GPU_GET_EDID);
	while (f.guest.answer.count == 0 && sd_event_run(f.event, 5000000) > 0) {
	}
	assert_int_equal(f.guest.answer.type, VIRTIO_GPU_RESP_OK_EDID);
	finish(&f);
}

static void test_cursor_is_one_message(void **state)
{
	struct virtio_gpu_update_cursor cmd = {
		.hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR,
		.pos = { .x = 5, .y = 6 },
		.resource_id = 1,
		.hot_x = 2,
	};
	struct sl_vhost_gpu_cursor cursor;
	struct fixture f;

	init(&f);
	negotiate(&f, 1);
	show(&f, 1, 64, 64);
	hide(&f);
	fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CURSOR, &cmd, sizeof(cmd), NULL, 0);
	cmd.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR;
	cmd.pos.x = 50;
	fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CURSOR, &cmd, sizeof(cmd), NULL, 0);
	assert_int_equal(next(&f), SL_VHOST_GPU_CURSOR_UPDATE);
	assert_int_equal(f.header.size, sizeof(cursor));
	memcpy(&cursor, f.payload, sizeof(cursor));
	assert_int_equal(cursor.x, 50);
	assert_int_equal(cursor.hot_x, 2);
	assert_int_equal(cursor.pixels[100] & 0xffffff, 100);
	fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CURSOR, &cmd, sizeof(cmd), NULL, 0);
	assert_int_equal(next(&f), SL_VHOST_GPU_CURSOR_POS);
	assert_int_equal(f.header.size, 12);
	cmd.resource_id = 0;
	fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CURSOR, &cmd, sizeof(cmd), NULL, 0);
	assert_int_equal(next(&f), SL_VHOST_GPU_CURSOR_POS_HIDE);
	finish(&f);
}

/* Shows a picture of another process: textures are their own to share. */
static void show_texture(struct fixture *f, uint32_t id)
{
	struct virtio_gpu_resource_create_3d create = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		.resource_id = id,
		.target = 2,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = 64,
		.height = 32,
		.depth = 1,
		.array_size = 1,
	};
	struct virtio_gpu_set_scanout scanout = {
		.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		.r = { .x = 4, .width = 60, .height = 32 },
		.resource_id = id,
	};

	assert_int_equal(fake_guest_send(&f->guest, &create), VIRTIO_GPU_RESP_OK_NODATA);
	assert_int_equal(fake_guest_send(&f->guest, &scanout), VIRTIO_GPU_RESP_OK_NODATA);
}

/* The process has one for it. */
static void share(struct fixture *f, uint32_t id, uint64_t modifier)
{
	const struct sl_vgpu_dmabuf dmabuf = {
		.fd = sl_fd_create_memory("picture", 64 * 32 * 4),
		.width = 64,
		.height = 32,
		.stride = 256,
		.fourcc = 0x34325258,
		.flags = 1,
		.modifier = modifier,
	};

	sl_vgpu_host3d_exported(f->guest.vgpu, id, &dmabuf);
}

/* The next message, with its descriptor. */
static uint32_t next_with_fd(struct fixture *f, int *ret_fd)
{
	unsigned int fd_count;

	run(f);
	ssize_t size = sl_fd_receive(f->fd, &f->header, sizeof(f->header), ret_fd, 1, &fd_count);
	assert_int_equal(size, sizeof(f->header));
	assert_true(read_all(f, f->payload, f->header.size));
	return f->header.request;
}

static void test_pictures_are_shared(void **state)
{
	struct fake_host3d host3d = { 0 };
	struct sl_vhost_gpu_dmabuf shown;
	struct sl_vhost_gpu_update update;
	struct fixture f;
	int fd;

	init(&f);
	sl_vgpu_set_host3d(f.guest.vgpu, &fake_host3d_ops, &host3d);
	negotiate(&f, 3);
	show_texture(&f, 1);
	assert_non_null(strstr(fake_host3d_take_calls(&host3d), "export 1;"));
	/* Pixels are sent until it is there. */
	assert_int_equal(next(&f), SL_VHOST_GPU_SCANOUT);
	assert_int_equal(next(&f), SL_VHOST_GPU_UPDATE);
	share(&f, 1, 5);
	assert_int_equal(next_with_fd(&f, &fd), SL_VHOST_GPU_DMABUF_SCANOUT2);
	assert_true(fd >= 0);
	sl_fd_close(fd);
	assert_int_equal(f.header.size, 48);
	memcpy(&shown, f.payload, sizeof(shown));
	assert_int_equal(shown.x, 4);
	assert_int_equal(shown.width, 60);
	assert_int_equal(shown.fd_width, 64);
	assert_int_equal(shown.fd_stride, 256);
	assert_int_equal(shown.modifier[0], 5);
	/* One change after the other: what happens meanwhile is told together. */
	assert_int_equal(next(&f), SL_VHOST_GPU_DMABUF_UPDATE);
	flush(&f, 1, 4, 0, 8, 8);
	flush(&f, 1, 20, 8, 8, 8);
	assert_int_equal(next(&f), 0);
	reply(&f, SL_VHOST_GPU_DMABUF_UPDATE, NULL, 0);
	assert_int_equal(next(&f), SL_VHOST_GPU_DMABUF_UPDATE);
	memcpy(&update, f.payload, sizeof(update));
	assert_int_equal(update.x, 0);
	assert_int_equal(update.width, 24);
	assert_int_equal(update.height, 16);
	assert_string_equal(fake_host3d_take_calls(&host3d), ""); /* nothing is read back */
	reply(&f, SL_VHOST_GPU_DMABUF_UPDATE, NULL, 0);
	/* A picture of the guest's own, and the console. */
	show(&f, 2, 60, 32);
	assert_int_equal(next_with_fd(&f, &fd), SL_VHOST_GPU_DMABUF_SCANOUT);
	assert_int_equal(fd, -1);
	assert_int_equal(f.header.size, 40);
	assert_int_equal(next(&f), SL_VHOST_GPU_SCANOUT);
	assert_int_equal(next(&f), SL_VHOST_GPU_UPDATE);
	finish(&f);
}

static void test_what_cannot_be_shared_is_read(void **state)
{
	const struct sl_vgpu_dmabuf none = { .fd = -1 };
	struct fake_host3d host3d = { 0 };
	struct fixture f;

	init(&f);
	sl_vgpu_set_host3d(f.guest.vgpu, &fake_host3d_ops, &host3d);
	negotiate(&f, 1);
	show_texture(&f, 1);
	assert_int_equal(next(&f), SL_VHOST_GPU_SCANOUT);
	assert_int_equal(next(&f), SL_VHOST_GPU_UPDATE);
	/* This display knows no modifiers, so the pixels go on. */
	share(&f, 1, 5);
	assert_int_equal(next(&f), SL_VHOST_GPU_UPDATE);
	fake_host3d_take_calls(&host3d);
	flush(&f, 1, 4, 0, 8, 8);
	sl_vgpu_host3d_read(f.guest.vgpu, 0);
	assert_non_null(strstr(fake_host3d_take_calls(&host3d), "read 1"));
	/* Linear ones need none. */
	show_texture(&f, 2);
	share(&f, 2, 0);
	assert_int_equal(next(&f), SL_VHOST_GPU_DMABUF_SCANOUT);
	assert_int_equal(f.header.size, 40);
	/* Nor is it asked for ever. */
	fake_host3d_take_calls(&host3d);
	sl_vgpu_host3d_exported(f.guest.vgpu, 2, &none);
	show_texture(&f, 3);
	assert_null(strstr(fake_host3d_take_calls(&host3d), "export"));
	share(&f, 3, 0);  /* nobody asked */
	share(&f, 99, 0); /* nor for this */
	finish(&f);
}

static void test_bad_answers_close_it(void **state)
{
	struct sl_vhost_gpu_header huge = { SL_VHOST_GPU_GET_EDID, SL_VHOST_GPU_REPLY, UINT32_MAX };
	uint64_t features = 1;
	struct fixture f;

	init(&f);
	negotiate(&f, 1);
	assert_int_equal(send_type(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO), 0);
	assert_int_equal(write(f.fd, &huge, sizeof(huge)), sizeof(huge));
	run(&f);
	assert_int_equal(f.guest.answer.type, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	assert_int_equal(send_type(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO),
			 VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	show(&f, 1, 8, 8);
	finish(&f);

	/* The other side goes in the middle of everything. */
	init(&f);
	assert_int_equal(send_type(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO), 0);
	show(&f, 1, 8, 8);
	assert_int_equal(next(&f), SL_VHOST_GPU_GET_PROTOCOL_FEATURES);
	reply(&f, SL_VHOST_GPU_GET_PROTOCOL_FEATURES, &features, 4); /* half of it */
	sl_fd_close(f.fd);
	f.fd = -1;
	run(&f);
	assert_int_equal(f.guest.answer.type, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	flush(&f, 1, 0, 0, 8, 8);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pictures_arrive),
		cmocka_unit_test(test_no_update_without_a_scanout),
		cmocka_unit_test(test_large_pictures_come_in_bands),
		cmocka_unit_test(test_slow_display_costs_no_memory),
		cmocka_unit_test(test_questions_are_answered_in_turn),
		cmocka_unit_test(test_changed_display_is_asked_in_the_guests_order),
		cmocka_unit_test(test_display_without_edid),
		cmocka_unit_test(test_silent_display_does_not_hold_the_guest),
		cmocka_unit_test(test_cursor_is_one_message),
		cmocka_unit_test(test_pictures_are_shared),
		cmocka_unit_test(test_what_cannot_be_shared_is_read),
		cmocka_unit_test(test_bad_answers_close_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
