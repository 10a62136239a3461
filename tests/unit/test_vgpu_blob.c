/* SPDX-License-Identifier: MIT */
/* Blobs in guest memory and in the window, and fences of contexts with rings, with a back end that
 * only remembers. */
#include "host/vgpu/virtio_gpu.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define OK	      VIRTIO_GPU_RESP_OK_NODATA
#define OK_MAP	      VIRTIO_GPU_RESP_OK_MAP_INFO
#define ERR_UNSPEC    VIRTIO_GPU_RESP_ERR_UNSPEC
#define ERR_RESOURCE  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define ERR_PARAMETER VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define HOST	      VIRTIO_GPU_BLOB_MEM_HOST3D
#define GUEST	      VIRTIO_GPU_BLOB_MEM_GUEST
#define MAPPABLE      VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE
#define CAPSET	      0x10u
#define CONTEXT	      7u

/* The back end, its only context, and the pages it has. */
struct fixture {
	struct fake_guest guest;
	struct sl_vgpu_context *context;
	uint32_t attached; /* bit: resource id */
	struct sl_guest_range range;
	uint64_t size;
	bool is_slow; /* lets go later */
	uint64_t fence_id;
};

static const void *get_capset(void *backend, size_t *ret_size)
{
	*ret_size = 4;
	return "caps";
}

static int create_context(void *data, uint32_t context_id, const char *name,
			  struct sl_vgpu_context *device_context, void **ret_context)
{
	((struct fixture *)data)->context = device_context;
	*ret_context = data;
	return 0;
}

static int destroy_context(void *data)
{
	return 0;
}

static int attach(void *data, const struct sl_vgpu_pages *pages)
{
	struct fixture *f = data;

	f->attached |= 1u << pages->resource_id;
	f->range = pages->ranges[0];
	f->size = pages->size;
	return 0;
}

static int detach(void *data, uint32_t resource_id)
{
	struct fixture *f = data;

	f->attached &= ~(1u << resource_id);
	return f->is_slow ? -EINPROGRESS : 0;
}

static int submit(void *data, const uint8_t *bytes, size_t size)
{
	return 0;
}

static void fence(void *data, uint64_t fence_id)
{
	((struct fixture *)data)->fence_id = fence_id;
}

static const struct sl_vgpu_backend_ops backend_ops = {
	.capset_id = CAPSET,
	.capset_version = 1,
	.get_capset = get_capset,
	.create_context = create_context,
	.destroy_context = destroy_context,
	.attach = attach,
	.detach = detach,
	.submit = submit,
	.fence = fence,
};

static uint32_t send_submit(struct fixture *f, uint64_t fence_id, int ring)
{
	struct {
		struct virtio_gpu_cmd_submit submit;
		uint32_t bytes;
	} message = { .submit = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = CONTEXT },
				  .size = 4 } };

	if (fence_id != 0) {
		message.submit.hdr.flags = VIRTIO_GPU_FLAG_FENCE;
		message.submit.hdr.fence_id = fence_id;
	}
	if (ring >= 0) {
		message.submit.hdr.flags |= VIRTIO_GPU_FLAG_INFO_RING_IDX;
		message.submit.hdr.ring_idx = (uint8_t)ring;
	}
	return fake_guest_send(&f->guest, &message);
}

static void init(struct fixture *f)
{
	const struct virtio_gpu_ctx_create create = {
		.hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = CONTEXT },
		.context_init = CAPSET,
	};

	memset(f, 0, sizeof(*f));
	fake_guest_init(&f->guest);
	fake_guest_create_blob_device(&f->guest);
	assert_int_equal(sl_vgpu_add_backend(f->guest.vgpu, &backend_ops, f), 0);
	assert_int_equal(fake_guest_send(&f->guest, &create), OK);
	assert_int_equal(send_submit(f, 0, -1), OK);
	assert_non_null(f->context);
}

static void finish(struct fixture *f)
{
	fake_guest_finish(&f->guest);
}

static uint32_t create(struct fixture *f, uint32_t id, uint32_t memory, uint64_t size,
		       uint32_t flags)
{
	const struct virtio_gpu_resource_create_blob blob = {
		.hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, .ctx_id = CONTEXT },
		.resource_id = id,
		.blob_mem = memory,
		.blob_flags = flags,
		.size = size,
	};

	return fake_guest_send(&f->guest, &blob);
}

static uint32_t create_guest(struct fixture *f, uint32_t id, uint64_t size, uint32_t count,
			     const struct virtio_gpu_mem_entry *entries, uint32_t sent)
{
	const struct virtio_gpu_resource_create_blob blob = {
		.hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB },
		.resource_id = id,
		.blob_mem = GUEST,
		.blob_flags = MAPPABLE,
		.nr_entries = count,
		.size = size,
	};

	return fake_guest_send_on(&f->guest, SL_VGPU_QUEUE_CONTROL, &blob, sizeof(blob), entries,
				  sent * sizeof(*entries));
}

static uint32_t map(struct fixture *f, uint32_t id, uint64_t offset)
{
	const struct virtio_gpu_resource_map_blob command = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
		.resource_id = id,
		.offset = offset,
	};

	return fake_guest_send(&f->guest, &command);
}

static uint32_t unmap(struct fixture *f, uint32_t id)
{
	const struct virtio_gpu_resource_unmap_blob command = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
		.resource_id = id,
	};

	return fake_guest_send(&f->guest, &command);
}

static uint32_t unref(struct fixture *f, uint32_t id)
{
	const struct virtio_gpu_resource_unref command = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
		.resource_id = id,
	};

	return fake_guest_send(&f->guest, &command);
}

static uint32_t attach_to_context(struct fixture *f, uint32_t id)
{
	const struct virtio_gpu_ctx_resource command = {
		.hdr = { .type = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, .ctx_id = CONTEXT },
		.resource_id = id,
	};

	return fake_guest_send(&f->guest, &command);
}

static uint64_t window_bytes(struct fixture *f)
{
	struct stat st;

	assert_int_equal(fstat(f->guest.window_fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void fill_window(struct fixture *f, uint64_t offset, uint64_t size)
{
	uint8_t page[4096];

	memset(page, 0xa5, sizeof(page));
	for (uint64_t i = 0; i < size; i += sizeof(page)) {
		assert_int_equal(sl_guest_ram_write(&f->guest.ram, FAKE_WINDOW_ADDR + offset + i,
						    page, sizeof(page)),
				 0);
	}
}

static void test_features(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(sl_vgpu_get_features(f.guest.vgpu),
			 1 << VIRTIO_GPU_F_EDID | 1 << VIRTIO_GPU_F_VIRGL |
				 1 << VIRTIO_GPU_F_RESOURCE_BLOB | 1 << VIRTIO_GPU_F_CONTEXT_INIT);
	finish(&f);
}

static void test_blobs_check_everything(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create(&f, 0, HOST, 4096, MAPPABLE), ERR_RESOURCE);
	assert_int_equal(create(&f, 1, 0, 4096, MAPPABLE), ERR_PARAMETER);
	assert_int_equal(create(&f, 1, VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST, 4096, MAPPABLE),
			 ERR_PARAMETER);
	assert_int_equal(create(&f, 1, HOST, 4096, MAPPABLE | 8), ERR_PARAMETER);
	const struct virtio_gpu_resource_create_blob own = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
		.resource_id = 1,
		.blob_mem = HOST,
		.blob_flags = MAPPABLE,
		.blob_id = 1,
		.size = 4096,
	};
	assert_int_equal(fake_guest_send(&f.guest, &own), ERR_PARAMETER);
	assert_int_equal(create(&f, 1, HOST, 4096, 0), ERR_PARAMETER);
	assert_int_equal(create(&f, 1, HOST, 0, MAPPABLE), ERR_PARAMETER);
	assert_int_equal(create(&f, 1, HOST, 4095, MAPPABLE), ERR_PARAMETER);
	assert_int_equal(create(&f, 1, HOST, FAKE_WINDOW_SIZE + 4096, MAPPABLE), ERR_PARAMETER);
	assert_int_equal(create(&f, 1, HOST, UINT64_MAX - 4095, MAPPABLE), ERR_PARAMETER);
	assert_int_equal(create(&f, 1, GUEST, 4096, MAPPABLE), ERR_PARAMETER);
	assert_int_equal(create(&f, 1, HOST, 8192, MAPPABLE), OK);
	assert_int_equal(create(&f, 1, HOST, 8192, MAPPABLE), ERR_RESOURCE);

	assert_int_equal(map(&f, 2, 0), ERR_RESOURCE);
	assert_int_equal(map(&f, 1, 1), ERR_PARAMETER);
	assert_int_equal(map(&f, 1, FAKE_WINDOW_SIZE - 4096), ERR_PARAMETER);
	assert_int_equal(map(&f, 1, UINT64_MAX - 4095), ERR_PARAMETER);
	assert_int_equal(unmap(&f, 1), ERR_UNSPEC);
	assert_int_equal(map(&f, 1, 4096), OK_MAP);
	assert_int_equal(map(&f, 1, 65536), ERR_PARAMETER);
	assert_int_equal(create(&f, 2, HOST, 4096, MAPPABLE), OK);
	assert_int_equal(map(&f, 2, 8192), ERR_PARAMETER);
	assert_int_equal(map(&f, 2, 0), OK_MAP);
	assert_int_equal(unmap(&f, 1), OK);
	assert_int_equal(unmap(&f, 1), ERR_UNSPEC);
	assert_int_equal(unmap(&f, 9), ERR_RESOURCE);

	/* What has its memory in the window takes no pages. */
	const struct virtio_gpu_mem_entry entry = { FAKE_DATA_ADDR, 8192, 0 };
	const struct virtio_gpu_resource_attach_backing backing = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = 1,
		.nr_entries = 1,
	};
	const struct virtio_gpu_resource_detach_backing none = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
		.resource_id = 2,
	};
	assert_int_equal(fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CONTROL, &backing,
					    sizeof(backing), &entry, sizeof(entry)),
			 ERR_UNSPEC);
	assert_int_equal(fake_guest_send(&f.guest, &none), ERR_UNSPEC);
	finish(&f);
}

static void test_blobs_of_guest_pages(void **state)
{
	const struct virtio_gpu_mem_entry entries[] = { { FAKE_DATA_ADDR, 4096, 0 },
							{ FAKE_DATA_ADDR + 4096, 4096, 0 },
							{ 0x10, 4096, 0 } };
	struct sl_vgpu_usage usage;
	struct fixture f;

	init(&f);
	assert_int_equal(create_guest(&f, 3, 8193, 2, entries, 2), ERR_PARAMETER);
	assert_int_equal(create_guest(&f, 3, 8192, 3, entries, 3), ERR_PARAMETER);
	assert_int_equal(create_guest(&f, 3, 8192, 2, entries, 1), ERR_PARAMETER);
	assert_int_equal(create_guest(&f, 3, 8192, UINT32_MAX, entries, 2), ERR_PARAMETER);
	sl_vgpu_get_usage(f.guest.vgpu, &usage);
	assert_int_equal(usage.resources + usage.page_entries, 0);
	assert_int_equal(create_guest(&f, 3, 8192, 2, entries, 2), OK);
	assert_int_equal(map(&f, 3, 0), ERR_RESOURCE);
	assert_int_equal(unmap(&f, 3), ERR_RESOURCE);
	assert_int_equal(attach_to_context(&f, 3), OK);
	assert_int_equal(f.attached, 1 << 3);
	assert_true(f.range.addr == FAKE_DATA_ADDR && f.range.size == 8192 && f.size == 8192);
	assert_int_equal(unref(&f, 3), OK);
	assert_int_equal(f.attached, 0);
	finish(&f);
}

static void test_memory_of_the_window(void **state)
{
	struct fixture f;
	uint32_t word = 1;

	init(&f);
	/* A guest can write where nothing is mapped. */
	fill_window(&f, 0, FAKE_WINDOW_SIZE);
	assert_int_equal(create(&f, 1, HOST, 16384, MAPPABLE), OK);
	assert_int_equal(attach_to_context(&f, 1), OK);
	assert_int_equal(f.attached, 0);
	assert_int_equal(map(&f, 1, 8192), OK_MAP);
	struct virtio_gpu_resp_map_info info;
	memcpy(&info.map_info, f.guest.answer.payload, sizeof(info.map_info));
	assert_int_equal(info.map_info, VIRTIO_GPU_MAP_CACHE_CACHED);
	assert_int_equal(f.attached, 1 << 1);
	assert_true(f.range.addr == FAKE_WINDOW_ADDR + 8192 && f.range.size == 16384);
	const uint64_t before = window_bytes(&f);
	sl_guest_ram_read(&f.guest.ram, f.range.addr, &word, sizeof(word));
	assert_int_equal(word, 0);
	fill_window(&f, 8192, 16384);
	assert_int_equal(window_bytes(&f), before + 16384);
	assert_int_equal(unmap(&f, 1), OK);
	assert_int_equal(f.attached, 0);
	assert_int_equal(window_bytes(&f), before);
	/* Again, elsewhere; the end of the resource is as good as an unmap. */
	assert_int_equal(map(&f, 1, 0), OK_MAP);
	assert_int_equal(f.range.addr, FAKE_WINDOW_ADDR);
	fill_window(&f, 0, 16384);
	assert_int_equal(unref(&f, 1), OK);
	assert_int_equal(f.attached, 0);
	assert_int_equal(window_bytes(&f), before - 8192);
	finish(&f);
}

/* As long as a renderer may have it mapped, a part of the window is nobody else's. */
static void test_window_waits_for_contexts(void **state)
{
	struct fixture f;

	init(&f);
	f.is_slow = true;
	assert_int_equal(create(&f, 1, HOST, 4096, MAPPABLE), OK);
	assert_int_equal(create(&f, 2, HOST, 4096, MAPPABLE), OK);
	assert_int_equal(attach_to_context(&f, 1), OK);
	assert_int_equal(map(&f, 1, 0), OK_MAP);
	fill_window(&f, 0, 4096);
	assert_int_equal(unmap(&f, 1), 0);
	assert_int_equal(map(&f, 2, 0), ERR_PARAMETER);
	assert_int_equal(map(&f, 1, 4096), ERR_PARAMETER);
	assert_int_equal(window_bytes(&f), 4096);
	uint32_t count = f.guest.answer.count;
	sl_vgpu_context_detached(f.context, 1);
	assert_int_equal(f.guest.answer.count, count + 1);
	assert_int_equal(f.guest.answer.type, OK);
	assert_int_equal(window_bytes(&f), 0);
	assert_int_equal(map(&f, 2, 0), OK_MAP);

	assert_int_equal(map(&f, 1, 4096), OK_MAP);
	assert_int_equal(unref(&f, 1), 0);
	assert_int_equal(create(&f, 3, HOST, 4096, MAPPABLE), OK);
	assert_int_equal(map(&f, 3, 4096), ERR_PARAMETER);
	sl_vgpu_context_detached(f.context, 1);
	assert_int_equal(map(&f, 3, 4096), OK_MAP);
	sl_vgpu_reset(f.guest.vgpu);
	struct sl_vgpu_usage usage;
	sl_vgpu_get_usage(f.guest.vgpu, &usage);
	assert_int_equal(usage.resources + usage.page_entries, 0);
	finish(&f);
}

/* What is reached on one ring says nothing about another. */
static void test_rings_do_not_end_each_others_waits(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(send_submit(&f, 10, 1), 0);
	assert_int_equal(send_submit(&f, 11, 0), 0);
	assert_int_equal(send_submit(&f, 12, -1), 0);
	assert_int_equal(send_submit(&f, 13, 1), 0);
	sl_vgpu_context_signal(f.context, 11);
	assert_int_equal(f.guest.answer.fence_count, 1);
	assert_int_equal(f.guest.answer.fence_ids[0], 11);
	assert_int_equal(f.guest.answer.header.ring_idx, 0);
	sl_vgpu_context_signal(f.context, 12);
	assert_int_equal(f.guest.answer.fence_count, 2);
	assert_int_equal(f.guest.answer.fence_ids[1], 12);
	sl_vgpu_context_signal(f.context, 13);
	assert_int_equal(f.guest.answer.fence_count, 4);
	assert_int_equal(f.guest.answer.fence_ids[2], 10);
	assert_int_equal(f.guest.answer.fence_ids[3], 13);
	assert_int_equal(f.guest.answer.header.ring_idx, 1);
	sl_vgpu_context_signal(f.context, 13);
	sl_vgpu_context_signal(f.context, 99);
	assert_int_equal(f.guest.answer.fence_count, 4);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_blobs_check_everything),
		cmocka_unit_test(test_blobs_of_guest_pages),
		cmocka_unit_test(test_memory_of_the_window),
		cmocka_unit_test(test_window_waits_for_contexts),
		cmocka_unit_test(test_rings_do_not_end_each_others_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
