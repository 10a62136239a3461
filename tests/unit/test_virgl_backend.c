/* SPDX-License-Identifier: MIT */
/* What the device offers of a sluice-virgl's capsets, and how often it has one started. */
#include "host/base/fd.h"
#include "host/vgpu/virgl_backend.h"
#include "host/virgl/virgl_msg.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAPABILITIES 392u

struct fixture {
	struct fake_guest guest;
	sd_event *event;
	struct sl_vgpu_virgl *backend;
	int process; /* its end */
	uint32_t process_count;
	uint32_t welcome_sizes[2];
};

static int connect_process(void *data)
{
	struct {
		struct sl_virgl_welcome welcome;
		uint8_t data[808];
	} packet = { .welcome = { .header = { SL_VIRGL_WELCOME, 808 }, .versions = { 1, 2 } } };
	struct fixture *f = data;
	int fds[2];

	memcpy(packet.welcome.sizes, f->welcome_sizes, sizeof(f->welcome_sizes));
	memset(packet.data, 0xff, sizeof(packet.data));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	assert_int_equal(sl_fd_send(fds[0], &packet, sizeof(packet), NULL, 0), 0);
	sl_fd_close(f->process);
	f->process = fds[0];
	f->process_count++;
	return fds[1];
}

/* Returns what creating the back end does. */
static int init(struct fixture *f, bool has_blobs, uint32_t size1, uint32_t size2)
{
	struct sl_vgpu_virgl_options options = { .connect = connect_process,
						 .data = f,
						 .has_blobs = has_blobs };

	memset(f, 0, sizeof(*f));
	f->process = -1;
	f->welcome_sizes[0] = size1;
	f->welcome_sizes[1] = size2;
	fake_guest_init(&f->guest);
	if (has_blobs) {
		fake_guest_create_blob_device(&f->guest);
	} else {
		fake_guest_create_device(&f->guest, 1 << 20);
	}
	assert_true(sd_event_new(&f->event) >= 0);
	options.event = f->event;
	options.ram = &f->guest.ram;
	options.vgpu = f->guest.vgpu;
	return sl_vgpu_virgl_create(&options, &f->backend);
}

static void finish(struct fixture *f)
{
	/* The device first: it gives its contexts back. */
	fake_guest_finish(&f->guest);
	sl_vgpu_virgl_destroy(f->backend);
	sd_event_unref(f->event);
	sl_fd_close(f->process);
}

/* A byte of a capset as the guest gets it. */
static uint8_t capset_byte(struct fixture *f, uint32_t id, uint32_t offset)
{
	const struct virtio_gpu_get_capset cmd = { .hdr.type = VIRTIO_GPU_CMD_GET_CAPSET,
						   .capset_id = id,
						   .capset_version = id };

	assert_int_equal(fake_guest_send(&f->guest, &cmd), VIRTIO_GPU_RESP_OK_CAPSET);
	return f->guest.answer.payload[offset];
}

static void test_capsets_are_passed_on(void **state)
{
	struct fixture f;

	assert_int_equal(init(&f, false, 308, 500), 0);
	assert_int_equal(capset_byte(&f, VIRTIO_GPU_CAPSET_VIRGL, 307), 0xff);
	assert_int_equal(capset_byte(&f, VIRTIO_GPU_CAPSET_VIRGL2, CAPABILITIES + 3), 0xff);
	finish(&f);
}

/* Mesa would want blobs that sluice-virgl cannot share. */
static void test_no_buffer_storage_beside_blobs(void **state)
{
	struct fixture f;

	assert_int_equal(init(&f, true, 308, 500), 0);
	for (uint32_t i = 0; i < 500; i++) {
		assert_int_equal(capset_byte(&f, VIRTIO_GPU_CAPSET_VIRGL2, i),
				 i == CAPABILITIES + 3 ? 0x7f : 0xff);
	}
	finish(&f);
	/* One that has no such field. */
	assert_int_equal(init(&f, true, 308, CAPABILITIES + 3), 0);
	assert_int_equal(capset_byte(&f, VIRTIO_GPU_CAPSET_VIRGL2, CAPABILITIES + 2), 0xff);
	finish(&f);
}

static void test_nonsense_is_not_offered(void **state)
{
	struct fixture f;

	assert_int_equal(init(&f, false, 308, 501), -EBADMSG);
	finish(&f);
	assert_int_equal(init(&f, false, UINT32_MAX, 0), -EBADMSG);
	finish(&f);
}

static uint32_t create_texture(struct fixture *f)
{
	const struct virtio_gpu_resource_create_3d cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		.resource_id = 1,
		.target = 2,
		.format = 1,
		.width = 4,
		.height = 4,
		.depth = 1,
		.array_size = 1,
	};

	return fake_guest_send(&f->guest, &cmd);
}

/* A guest that makes its process crash, and resets its device: the first process may have ended for
 * no fault of the guest's, and all that this test does lasts less than a second. */
static void test_resets_start_no_processes(void **state)
{
	struct fixture f;

	assert_int_equal(init(&f, false, 308, 500), 0);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(create_texture(&f), i < 2 ? VIRTIO_GPU_RESP_OK_NODATA
							   : VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
		assert_int_equal(f.process_count, i < 2 ? i + 1 : 2);
		sl_fd_close(sl_steal_fd(&f.process));
		while (sd_event_run(f.event, 0) > 0) {
		}
		sl_vgpu_reset(f.guest.vgpu);
	}
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capsets_are_passed_on),
		cmocka_unit_test(test_no_buffer_storage_beside_blobs),
		cmocka_unit_test(test_nonsense_is_not_offered),
		cmocka_unit_test(test_resets_start_no_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
