/* SPDX-License-Identifier: MIT */
/* Contexts, what is attached to them, submissions, fences and capsets, with a back end that only
 * remembers. */
#include "host/vgpu/virtio_gpu.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/fake_host3d.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define OK	      VIRTIO_GPU_RESP_OK_NODATA
#define ERR_UNSPEC    VIRTIO_GPU_RESP_ERR_UNSPEC
#define ERR_MEMORY    VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
#define ERR_RESOURCE  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define ERR_CONTEXT   VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID
#define ERR_PARAMETER VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define MAGIC	      0x31434c53u
#define MAX_CONTEXTS  8u

struct fake_context {
	struct sl_vgpu_context *device_context;
	uint32_t id;
	char name[80];
	bool alive;
	uint32_t attached; /* bit: resource id */
	uint32_t detach_count;
	size_t submitted;
	uint64_t fence_id;
};

/* One of the protocols that the device offers. */
struct fake_backend {
	struct fake_context contexts[MAX_CONTEXTS];
	uint32_t created;
	int create_result;
	int attach_result;
	int submit_result;
	int release_result; /* 0: at once, -EINPROGRESS: later */
	bool signal_at_once;
	struct sl_vgpu_pages pages; /* of the last attach; ranges are not kept */
	uint64_t first_addr;
};

static const void *get_capset(void *backend, size_t *ret_size)
{
	*ret_size = 9;
	return "capsdata";
}

static struct fake_backend *the_backend; /* contexts know their index only */

static int create_context(void *data, uint32_t context_id, const char *name,
			  struct sl_vgpu_context *device_context, void **ret_context)
{
	struct fake_backend *backend = data;
	struct fake_context *context = &backend->contexts[backend->created % MAX_CONTEXTS];

	if (backend->create_result < 0) {
		return backend->create_result;
	}
	backend->created++;
	*context = (struct fake_context){ .device_context = device_context,
					  .id = context_id,
					  .alive = true };
	strcpy(context->name, name);
	*ret_context = context;
	return 0;
}

static int destroy_context(void *data)
{
	struct fake_context *context = data;

	context->alive = false;
	return the_backend->release_result;
}

static int attach_pages(void *data, const struct sl_vgpu_pages *pages)
{
	struct fake_context *context = data;

	if (the_backend->attach_result < 0) {
		return the_backend->attach_result;
	}
	the_backend->pages = *pages;
	the_backend->first_addr = pages->ranges[0].addr;
	assert_int_equal(context->attached & 1u << pages->resource_id, 0);
	context->attached |= 1u << pages->resource_id;
	return 0;
}

static int detach_pages(void *data, uint32_t resource_id)
{
	struct fake_context *context = data;

	assert_int_not_equal(context->attached & 1u << resource_id, 0);
	context->attached &= ~(1u << resource_id);
	context->detach_count++;
	return the_backend->release_result;
}

static int submit_data(void *data, const uint8_t *bytes, size_t size)
{
	struct fake_context *context = data;

	context->submitted += size;
	return the_backend->submit_result;
}

static void add_fence(void *data, uint64_t fence_id)
{
	struct fake_context *context = data;

	context->fence_id = fence_id;
	if (the_backend->signal_at_once) {
		sl_vgpu_context_signal(context->device_context, fence_id);
	}
}

#define BACKEND_FUNCTIONS                                                                   \
	.get_capset = get_capset, .create_context = create_context,                         \
	.destroy_context = destroy_context, .attach = attach_pages, .detach = detach_pages, \
	.submit = submit_data, .fence = add_fence

static const struct sl_vgpu_backend_ops hinting_ops = {
	.capset_id = 0x10,
	.capset_version = 1,
	.magic = MAGIC,
	BACKEND_FUNCTIONS,
};

static const struct sl_vgpu_backend_ops host3d_context_ops = {
	.capset_id = 2,
	.capset_version = 2,
	.is_host3d = true,
	BACKEND_FUNCTIONS,
};

struct fixture {
	struct fake_guest guest;
	struct fake_backend backend;
	struct fake_host3d host3d;
};

static void init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	the_backend = &f->backend;
	fake_guest_init(&f->guest);
	fake_guest_create_device(&f->guest, 1 << 20);
	assert_int_equal(sl_vgpu_get_features(f->guest.vgpu), 1 << VIRTIO_GPU_F_EDID);
	assert_int_equal(sl_vgpu_add_backend(f->guest.vgpu, &hinting_ops, &f->backend), 0);
	assert_int_equal(sl_vgpu_add_backend(f->guest.vgpu, &host3d_context_ops, &f->backend), 0);
}

static struct sl_vgpu_usage usage(struct fixture *f)
{
	struct sl_vgpu_usage usage;

	sl_vgpu_get_usage(f->guest.vgpu, &usage);
	return usage;
}

static void finish(struct fixture *f)
{
	f->backend.release_result = 0;
	sl_vgpu_reset(f->guest.vgpu);
	assert_int_equal(usage(f).resources, 0);
	assert_int_equal(usage(f).contexts, 0);
	assert_int_equal(usage(f).attachments, 0);
	assert_int_equal(usage(f).requests, 0);
	fake_guest_finish(&f->guest);
}

static uint32_t create_context_cmd(struct fixture *f, uint32_t id, uint32_t context_init)
{
	struct virtio_gpu_ctx_create cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = id },
		.nlen = 7,
		.context_init = context_init,
		.debug_name = "app\nlog, and more",
	};

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t destroy_context_cmd(struct fixture *f, uint32_t id)
{
	struct virtio_gpu_ctx_destroy cmd = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_DESTROY,
						       .ctx_id = id } };

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t context_resource(struct fixture *f, uint32_t type, uint32_t context_id,
				 uint32_t resource_id)
{
	struct virtio_gpu_ctx_resource cmd = { .hdr = { .type = type, .ctx_id = context_id },
					       .resource_id = resource_id };

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t attach(struct fixture *f, uint32_t context_id, uint32_t resource_id)
{
	return context_resource(f, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, context_id, resource_id);
}

static uint32_t detach(struct fixture *f, uint32_t context_id, uint32_t resource_id)
{
	return context_resource(f, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, context_id, resource_id);
}

static struct virtio_gpu_resource_create_3d buffer(uint32_t id, uint32_t size)
{
	return (struct virtio_gpu_resource_create_3d){
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		.resource_id = id,
		.format = 64,
		.width = size,
		.height = 1,
		.depth = 1,
		.array_size = 1,
		.flags = SL_VGPU_RESOURCE_FLAG_GUEST,
	};
}

static uint32_t create_buffer(struct fixture *f, uint32_t id, uint32_t size)
{
	struct virtio_gpu_resource_create_3d cmd = buffer(id, size);

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t back(struct fixture *f, uint32_t id, uint64_t addr, uint32_t size)
{
	struct virtio_gpu_resource_attach_backing cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = id,
		.nr_entries = 1,
	};
	struct virtio_gpu_mem_entry entry = { .addr = addr, .length = size };

	return fake_guest_send_on(&f->guest, SL_VGPU_QUEUE_CONTROL, &cmd, sizeof(cmd), &entry,
				  sizeof(entry));
}

static uint32_t simple(struct fixture *f, uint32_t type, uint32_t resource_id)
{
	struct virtio_gpu_resource_unref cmd = { .hdr.type = type, .resource_id = resource_id };

	return fake_guest_send(&f->guest, &cmd);
}

static uint32_t submit(struct fixture *f, uint32_t context_id, uint32_t magic, uint64_t fence_id)
{
	struct virtio_gpu_cmd_submit cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
			 .flags = fence_id != 0 ? VIRTIO_GPU_FLAG_FENCE : 0,
			 .fence_id = fence_id,
			 .ctx_id = context_id },
		.size = sizeof(magic),
	};

	return fake_guest_send_on(&f->guest, SL_VGPU_QUEUE_CONTROL, &cmd, sizeof(cmd), &magic,
				  sizeof(magic));
}

static void test_capsets(void **state)
{
	struct virtio_gpu_get_capset_info info = { .hdr.type = VIRTIO_GPU_CMD_GET_CAPSET_INFO };
	struct virtio_gpu_get_capset get = { .hdr.type = VIRTIO_GPU_CMD_GET_CAPSET,
					     .capset_id = 0x10,
					     .capset_version = 1 };
	struct virtio_gpu_config config;
	uint32_t answer[3];
	struct fixture f;

	init(&f);
	sl_vgpu_get_config(f.guest.vgpu, &config);
	assert_int_equal(config.num_capsets, 2);
	assert_int_equal(sl_vgpu_get_features(f.guest.vgpu),
			 1 << VIRTIO_GPU_F_EDID | 1 << VIRTIO_GPU_F_VIRGL);
	info.capset_index = 1;
	assert_int_equal(fake_guest_send(&f.guest, &info), VIRTIO_GPU_RESP_OK_CAPSET_INFO);
	memcpy(answer, f.guest.answer.payload, sizeof(answer));
	assert_int_equal(answer[0], 2);
	assert_int_equal(answer[1], 2);
	assert_int_equal(answer[2], 9);
	info.capset_index = 2;
	assert_int_equal(fake_guest_send(&f.guest, &info), ERR_PARAMETER);
	info.capset_index = UINT32_MAX;
	assert_int_equal(fake_guest_send(&f.guest, &info), ERR_PARAMETER);
	assert_int_equal(fake_guest_send(&f.guest, &get), VIRTIO_GPU_RESP_OK_CAPSET);
	assert_string_equal((char *)f.guest.answer.payload, "capsdata");
	get.capset_version = 2;
	assert_int_equal(fake_guest_send(&f.guest, &get), ERR_PARAMETER);
	get.capset_id = 1;
	assert_int_equal(fake_guest_send(&f.guest, &get), ERR_PARAMETER);
	finish(&f);
}

static void test_contexts_check_everything(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create_context_cmd(&f, 0, 0), ERR_CONTEXT);
	assert_int_equal(create_context_cmd(&f, 1, 0), OK);
	assert_int_equal(create_context_cmd(&f, 1, 0), ERR_CONTEXT);
	assert_int_equal(create_context_cmd(&f, 2, 0x11), ERR_PARAMETER);
	assert_int_equal(create_context_cmd(&f, 2, 0x10), OK);
	assert_int_equal(destroy_context_cmd(&f, 3), ERR_CONTEXT);
	assert_int_equal(destroy_context_cmd(&f, 0), ERR_CONTEXT);
	assert_int_equal(destroy_context_cmd(&f, 1), OK);
	assert_int_equal(destroy_context_cmd(&f, 1), ERR_CONTEXT);
	uint32_t response = OK;
	for (uint32_t i = 0; i < SL_VGPU_MAX_CONTEXTS && response == OK; i++) {
		response = create_context_cmd(&f, 100 + i, 0);
	}
	assert_int_equal(response, ERR_MEMORY);
	finish(&f);
}

static void test_first_submission_tells_whose_it_is(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create_context_cmd(&f, 1, 0), OK);
	assert_int_equal(f.backend.created, 0);
	assert_int_equal(submit(&f, 1, MAGIC, 0), OK);
	assert_int_equal(f.backend.created, 1);
	assert_string_equal(f.backend.contexts[0].name, "app?log");
	assert_int_equal(submit(&f, 1, 0, 0), OK); /* known by now */
	assert_int_equal(f.backend.contexts[0].submitted, 8);
	assert_int_equal(submit(&f, 2, MAGIC, 0), ERR_CONTEXT);
	f.backend.submit_result = -EINVAL;
	assert_int_equal(submit(&f, 1, MAGIC, 7), ERR_PARAMETER);
	assert_int_equal(f.guest.answer.header.fence_id, 7); /* an error does not wait */
	f.backend.submit_result = -ENOMEM;
	assert_int_equal(submit(&f, 1, MAGIC, 0), ERR_MEMORY);
	/* A context that could not be made stays useless, and is asked for once. */
	f.backend.create_result = -ECONNREFUSED;
	assert_int_equal(create_context_cmd(&f, 2, 0), OK);
	assert_int_equal(submit(&f, 2, MAGIC, 0), ERR_UNSPEC);
	f.backend.create_result = 0;
	assert_int_equal(submit(&f, 2, MAGIC, 0), ERR_UNSPEC);
	assert_int_equal(destroy_context_cmd(&f, 2), OK);
	finish(&f);
}

static void test_submissions_have_a_size(void **state)
{
	struct virtio_gpu_cmd_submit cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = 1 },
	};
	const uint32_t bad[] = { 0, 5, SL_VGPU_MAX_SUBMIT_SIZE, SL_VGPU_MAX_SUBMIT_SIZE + 1,
				 UINT32_MAX };
	struct fixture f;

	init(&f);
	assert_int_equal(create_context_cmd(&f, 1, 0x10), OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cmd.size = bad[i];
		assert_int_equal(fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CONTROL, &cmd,
						    sizeof(cmd), "abcd", 4),
				 ERR_PARAMETER);
	}
	assert_int_equal(f.backend.created, 0);
	finish(&f);
}

static void test_buffers_check_everything(void **state)
{
	struct virtio_gpu_resource_create_3d cmd;
	struct fixture f;

	init(&f);
	assert_int_equal(create_buffer(&f, 1, 8192), OK);
	assert_int_equal(create_buffer(&f, 1, 8192), ERR_RESOURCE);
	assert_int_equal(create_buffer(&f, 0, 8192), ERR_RESOURCE);
	assert_int_equal(create_buffer(&f, 2, 0), ERR_PARAMETER);
	for (int i = 0; i < 7; i++) {
		cmd = buffer(2, 4096);
		cmd.flags = i == 0 ? 0 : cmd.flags;
		cmd.target = i == 1 ? 2 : 0;
		cmd.height = i == 2 ? 2 : 1;
		cmd.depth = i == 3 ? 0 : 1;
		cmd.array_size = i == 4 ? UINT32_MAX : 1;
		cmd.last_level = i == 5 ? 1 : 0;
		cmd.nr_samples = i == 6 ? 4 : 0;
		assert_int_equal(fake_guest_send(&f.guest, &cmd), ERR_PARAMETER);
	}
	assert_int_equal(back(&f, 1, FAKE_DATA_ADDR, 8191), ERR_PARAMETER); /* too short */
	assert_int_equal(back(&f, 1, FAKE_DATA_ADDR, 8192), OK);
	/* No picture. */
	struct virtio_gpu_set_scanout scanout = { .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
						  .r = { .width = 1, .height = 1 },
						  .resource_id = 1 };
	assert_int_equal(fake_guest_send(&f.guest, &scanout), ERR_RESOURCE);
	struct virtio_gpu_transfer_host_3d transfer = {
		.hdr.type = VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, .resource_id = 1
	};
	assert_int_equal(fake_guest_send(&f.guest, &transfer), OK);
	transfer.resource_id = 2;
	assert_int_equal(fake_guest_send(&f.guest, &transfer), ERR_RESOURCE);
	finish(&f);
}

static void test_pages_reach_the_context(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(attach(&f, 1, 1), ERR_CONTEXT);
	assert_int_equal(create_context_cmd(&f, 1, 0), OK);
	assert_int_equal(attach(&f, 1, 1), ERR_RESOURCE);
	assert_int_equal(create_buffer(&f, 1, 8192), OK);
	assert_int_equal(create_buffer(&f, 2, 4096), OK);
	assert_int_equal(back(&f, 1, FAKE_DATA_ADDR, 8192), OK);
	assert_int_equal(attach(&f, 1, 1), OK);
	assert_int_equal(attach(&f, 1, 2), OK); /* has no pages yet */
	assert_int_equal(submit(&f, 1, MAGIC, 0), OK);
	assert_int_equal(f.backend.contexts[0].attached, 1 << 1);
	assert_int_equal(f.backend.pages.size, 8192);
	assert_int_equal(f.backend.first_addr, FAKE_DATA_ADDR);
	assert_int_equal(back(&f, 2, FAKE_DATA_ADDR + 8192, 4096), OK);
	assert_int_equal(f.backend.contexts[0].attached, 1 << 1 | 1 << 2);
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 2), OK);
	assert_int_equal(f.backend.contexts[0].attached, 1 << 1);
	assert_int_equal(back(&f, 2, FAKE_DATA_ADDR, 4096), OK);
	assert_int_equal(f.backend.contexts[0].attached, 1 << 1 | 1 << 2);
	/* Attached twice, detached twice. */
	assert_int_equal(attach(&f, 1, 1), OK);
	assert_int_equal(detach(&f, 1, 1), OK);
	assert_int_equal(f.backend.contexts[0].attached, 1 << 1 | 1 << 2);
	assert_int_equal(detach(&f, 1, 1), OK);
	assert_int_equal(f.backend.contexts[0].attached, 1 << 2);
	assert_int_equal(detach(&f, 1, 1), ERR_RESOURCE);
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 2), OK);
	assert_int_equal(f.backend.contexts[0].attached, 0);
	f.backend.attach_result = -ENOMEM;
	assert_int_equal(attach(&f, 1, 1), ERR_MEMORY);
	assert_int_equal(usage(&f).attachments, 0);
	finish(&f);
}

/* A context with resource 1 attached, whose back end lets go only later. */
static void init_slow(struct fixture *f)
{
	init(f);
	assert_int_equal(create_context_cmd(f, 1, 0), OK);
	assert_int_equal(create_buffer(f, 1, 4096), OK);
	assert_int_equal(back(f, 1, FAKE_DATA_ADDR, 4096), OK);
	assert_int_equal(attach(f, 1, 1), OK);
	assert_int_equal(submit(f, 1, MAGIC, 0), OK);
	f->backend.release_result = -EINPROGRESS;
}

static void test_guest_hears_of_release_when_it_is_true(void **state)
{
	struct fixture f;

	init_slow(&f);
	struct fake_context *context = &f.backend.contexts[0];
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), 0);
	assert_int_equal(create_buffer(&f, 1, 4096), ERR_RESOURCE); /* the id is not free yet */
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), ERR_RESOURCE);
	f.guest.answer.type = 0;
	sl_vgpu_context_detached(context->device_context, 2); /* another */
	assert_int_equal(f.guest.answer.type, 0);
	sl_vgpu_context_detached(context->device_context, 1);
	assert_int_equal(f.guest.answer.type, OK);
	assert_int_equal(usage(&f).resources, 0);
	finish(&f);

	init_slow(&f);
	context = &f.backend.contexts[0];
	/* Detached from a context, the pages are not free yet. */
	assert_int_equal(detach(&f, 1, 1), OK);
	assert_int_equal(attach(&f, 1, 1), ERR_RESOURCE);
	sl_vgpu_context_detached(context->device_context, 1);
	assert_int_equal(attach(&f, 1, 1), OK);
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1), 0);
	assert_int_equal(back(&f, 1, FAKE_DATA_ADDR, 4096), ERR_UNSPEC);
	f.guest.answer.type = 0;
	sl_vgpu_context_detached(context->device_context, 1);
	assert_int_equal(f.guest.answer.type, OK);
	assert_int_equal(back(&f, 1, FAKE_DATA_ADDR, 4096), OK);
	assert_int_equal(context->attached, 1 << 1);
	finish(&f);
}

static void test_context_ends_when_it_is_gone(void **state)
{
	struct fixture f;

	init_slow(&f);
	struct fake_context *context = &f.backend.contexts[0];
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), 0);
	assert_int_equal(destroy_context_cmd(&f, 1), OK);
	assert_false(context->alive);
	assert_int_equal(submit(&f, 1, MAGIC, 0), ERR_CONTEXT);
	/* Guests' kernels use an id again at once. */
	assert_int_equal(create_context_cmd(&f, 1, 0), OK);
	assert_int_equal(create_context_cmd(&f, 1, 0), ERR_CONTEXT);
	assert_int_equal(submit(&f, 1, MAGIC, 0), OK);
	assert_int_equal(usage(&f).contexts, 2);
	assert_int_equal(usage(&f).resources, 1);
	uint32_t count = f.guest.answer.count;
	sl_vgpu_context_gone(context->device_context);
	assert_int_equal(f.guest.answer.count, count + 1); /* the unref */
	assert_int_equal(usage(&f).resources, 0);
	assert_int_equal(usage(&f).contexts, 1);
	finish(&f);
}

static void test_reset_does_not_wait_for_contexts(void **state)
{
	struct fixture f;

	init_slow(&f);
	struct fake_context *context = &f.backend.contexts[0];
	assert_int_equal(submit(&f, 1, MAGIC, 5), 0);
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), 0);
	sl_vgpu_reset(f.guest.vgpu);
	assert_false(context->alive);
	assert_int_equal(usage(&f).resources, 0);
	assert_int_equal(usage(&f).requests, 0);
	assert_int_equal(usage(&f).contexts, 1); /* on its way out */
	uint32_t count = f.guest.answer.count;
	assert_int_equal(create_context_cmd(&f, 1, 0), OK); /* the next guest's */
	sl_vgpu_context_gone(context->device_context);
	assert_int_equal(f.guest.answer.count, count + 1);
	assert_int_equal(usage(&f).contexts, 1);
	finish(&f);
}

static void test_hints_are_answered_when_overtaken(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create_context_cmd(&f, 1, 0x10), OK);
	assert_int_equal(create_context_cmd(&f, 2, 0x10), OK);
	assert_int_equal(submit(&f, 1, MAGIC, 1), 0);
	assert_int_equal(submit(&f, 2, MAGIC, 2), 0);
	assert_int_equal(submit(&f, 1, MAGIC, 3), 0);
	assert_int_equal(f.guest.answer.fence_count, 0);
	sl_vgpu_context_signal(f.backend.contexts[1].device_context, 2);
	/* In the guest's kernel fence 1 is complete with fence 2. */
	assert_int_equal(f.guest.answer.fence_count, 2);
	assert_int_equal(f.guest.answer.fence_ids[0], 1);
	assert_int_equal(f.guest.answer.fence_ids[1], 2);
	sl_vgpu_context_signal(f.backend.contexts[0].device_context, 1); /* too late */
	assert_int_equal(f.guest.answer.fence_count, 2);
	/* One that is reached at once takes all before it along. */
	f.backend.signal_at_once = true;
	assert_int_equal(submit(&f, 2, MAGIC, 4), OK);
	assert_int_equal(f.guest.answer.fence_count, 4);
	assert_int_equal(usage(&f).requests, 0);
	finish(&f);
}

static void test_ordered_fences_are_never_overtaken(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create_context_cmd(&f, 1, 2), OK);
	assert_int_equal(create_context_cmd(&f, 2, 0x10), OK);
	sl_vgpu_set_host3d(f.guest.vgpu, &fake_host3d_ops, &f.host3d);
	assert_int_equal(submit(&f, 2, MAGIC, 1), 0); /* a hint */
	assert_int_equal(submit(&f, 1, 0, 2), 0);     /* ordered */
	uint64_t ordered = f.host3d.fence_number;
	assert_int_equal(submit(&f, 2, MAGIC, 3), 0); /* a hint */
	/* The first submission created its context first. */
	sl_vgpu_context_signal(f.backend.contexts[0].device_context, 3);
	assert_int_equal(f.guest.answer.fence_count, 1); /* 3 must wait for 2 */
	assert_int_equal(f.guest.answer.fence_ids[0], 1);
	/* So must a fence of the 2D part. */
	struct virtio_gpu_resource_flush flush = {
		.hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
			 .flags = VIRTIO_GPU_FLAG_FENCE,
			 .fence_id = 4 },
	};
	assert_int_equal(fake_guest_send(&f.guest, &flush), 0);
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 9), ERR_RESOURCE); /* no fence */
	sl_vgpu_host3d_reached(f.guest.vgpu, ordered - 1);
	assert_int_equal(f.guest.answer.fence_count, 1);
	sl_vgpu_host3d_reached(f.guest.vgpu, ordered);
	assert_int_equal(f.guest.answer.fence_count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(f.guest.answer.fence_ids[i], i + 1);
	}
	/* A hint that an ordered one overtakes is answered with it. */
	assert_int_equal(submit(&f, 2, MAGIC, 5), 0);
	assert_int_equal(submit(&f, 1, 0, 6), 0);
	sl_vgpu_host3d_reached(f.guest.vgpu, f.host3d.fence_number);
	assert_int_equal(f.guest.answer.fence_count, 6);
	/* Nobody waits for ever for a process that has gone. */
	assert_int_equal(submit(&f, 1, 0, 7), 0);
	sl_vgpu_host3d_lost(f.guest.vgpu);
	assert_int_equal(f.guest.answer.fence_ids[6], 7);
	assert_int_equal(submit(&f, 1, 0, 8), ERR_UNSPEC);
	assert_int_equal(submit(&f, 2, MAGIC, 9), 0);
	finish(&f);
	assert_int_not_equal(f.host3d.reset_count, 0);
}

static struct virtio_gpu_resource_create_3d texture(uint32_t id)
{
	struct virtio_gpu_resource_create_3d cmd = buffer(id, 64);

	cmd.target = 2;
	cmd.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM;
	cmd.height = 64;
	cmd.flags = 0;
	return cmd;
}

static uint32_t create_texture(struct fixture *f, uint32_t id)
{
	struct virtio_gpu_resource_create_3d cmd = texture(id);

	return fake_guest_send(&f->guest, &cmd);
}

static void test_textures_are_passed_on(void **state)
{
	struct virtio_gpu_transfer_host_3d transfer = {
		.hdr = { .type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, .ctx_id = 1 },
		.resource_id = 1,
	};
	struct fixture f;

	init(&f);
	assert_int_equal(create_texture(&f, 1), ERR_PARAMETER); /* nobody has textures */
	sl_vgpu_set_host3d(f.guest.vgpu, &fake_host3d_ops, &f.host3d);
	assert_int_equal(create_texture(&f, 1), OK);
	assert_int_equal(create_texture(&f, 1), ERR_RESOURCE);
	assert_int_equal(create_context_cmd(&f, 1, 0), OK);
	assert_int_equal(create_context_cmd(&f, 2, 0x10), OK);
	assert_int_equal(back(&f, 1, FAKE_DATA_ADDR, 4096), OK);
	assert_int_equal(attach(&f, 1, 1), OK); /* nobody knows yet whose context this is */
	assert_string_equal(fake_host3d_take_calls(&f.host3d), "create 1;pages 1;");
	transfer.hdr.ctx_id = 2;
	assert_int_equal(submit(&f, 2, MAGIC, 0), OK);
	assert_int_equal(fake_guest_send(&f.guest, &transfer), ERR_PARAMETER); /* Sluice's own */
	transfer.hdr.ctx_id = 3;
	assert_int_equal(fake_guest_send(&f.guest, &transfer), ERR_CONTEXT);
	transfer.hdr.ctx_id = 1;
	assert_int_equal(fake_guest_send(&f.guest, &transfer), OK);
	assert_string_equal(fake_host3d_take_calls(&f.host3d), "attach 1;transfer 1;");
	assert_int_equal(detach(&f, 1, 1), OK);
	f.host3d.release_result = -EINPROGRESS;
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1), 0);
	assert_string_equal(fake_host3d_take_calls(&f.host3d), "detach 1;no pages 1;");
	f.guest.answer.type = 0;
	sl_vgpu_host3d_released(f.guest.vgpu, 2);
	assert_int_equal(f.guest.answer.type, 0);
	sl_vgpu_host3d_released(f.guest.vgpu, 1);
	assert_int_equal(f.guest.answer.type, OK);
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), 0);
	assert_int_equal(usage(&f).resources, 1);
	sl_vgpu_host3d_released(f.guest.vgpu, 1);
	assert_int_equal(usage(&f).resources, 0);
	sl_vgpu_host3d_released(f.guest.vgpu, 1); /* once too often */
	/* One that waits when the process dies has not to wait. */
	assert_int_equal(create_texture(&f, 2), OK);
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 2), 0);
	sl_vgpu_host3d_lost(f.guest.vgpu);
	assert_int_equal(usage(&f).resources, 0);
	finish(&f);
}

static void test_lost_textures_do_nothing(void **state)
{
	struct virtio_gpu_transfer_host_3d transfer = {
		.hdr = { .type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, .ctx_id = 1 },
		.resource_id = 1,
	};
	struct fixture f;

	init(&f);
	sl_vgpu_set_host3d(f.guest.vgpu, &fake_host3d_ops, &f.host3d);
	assert_int_equal(create_texture(&f, 1), OK);
	assert_int_equal(create_context_cmd(&f, 1, 2), OK);
	assert_int_equal(attach(&f, 1, 1), OK);
	assert_int_equal(submit(&f, 1, 0, 0), OK);
	fake_host3d_take_calls(&f.host3d);
	sl_vgpu_host3d_lost(f.guest.vgpu);
	assert_int_equal(fake_guest_send(&f.guest, &transfer), ERR_UNSPEC);
	assert_int_equal(back(&f, 1, FAKE_DATA_ADDR, 4096), OK);
	assert_int_equal(detach(&f, 1, 1), OK);
	assert_int_equal(simple(&f, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
	assert_int_equal(destroy_context_cmd(&f, 1), OK);
	assert_string_equal(fake_host3d_take_calls(&f.host3d), "");
	assert_int_equal(create_texture(&f, 1), OK);
	assert_int_equal(create_context_cmd(&f, 1, 2), OK);
	assert_int_equal(submit(&f, 1, 0, 0), OK);
	assert_string_equal(fake_host3d_take_calls(&f.host3d), "create 1;");
	finish(&f);
}

/* What the display was told last. */
struct fake_display {
	uint32_t width;
	uint32_t update_count;
	struct sl_vgpu_rect updated;
	uint32_t cursor_pixel;
};

static void on_scanout(void *data, uint32_t scanout_id, uint32_t width, uint32_t height)
{
	struct fake_display *display = data;

	display->width = width;
}

static void on_update(void *data, uint32_t scanout_id, const struct sl_vgpu_rect *rect)
{
	struct fake_display *display = data;

	display->update_count++;
	display->updated = *rect;
}

static void on_move(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, bool visible)
{
}

static void on_cursor(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, uint32_t hot_x,
		      uint32_t hot_y, const uint32_t *pixels)
{
	struct fake_display *display = data;

	display->cursor_pixel = pixels[5];
}

static const struct sl_vgpu_display_ops display_ops = {
	.set_scanout = on_scanout,
	.update = on_update,
	.move_cursor = on_move,
	.define_cursor = on_cursor,
};

static uint32_t flush(struct fixture *f, uint32_t id, uint32_t x, uint32_t width)
{
	struct virtio_gpu_resource_flush cmd = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
						 .r = { x, 1, width, 1 },
						 .resource_id = id };

	return fake_guest_send(&f->guest, &cmd);
}

static void test_textures_are_shown_once_they_are_read(void **state)
{
	struct virtio_gpu_set_scanout scanout = { .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
						  .r = { 8, 0, 32, 64 },
						  .resource_id = 1 };
	const struct sl_vgpu_rect corner = { 1, 2, 1, 1 };
	struct fake_display display = { 0 };
	uint32_t pixel = 0;
	struct fixture f;

	init(&f);
	sl_vgpu_set_host3d(f.guest.vgpu, &fake_host3d_ops, &f.host3d);
	sl_vgpu_set_display(f.guest.vgpu, &display_ops, &display);
	assert_int_equal(create_texture(&f, 1), OK);
	assert_int_equal(create_texture(&f, 2), OK);
	fake_host3d_take_calls(&f.host3d);
	assert_int_equal(fake_guest_send(&f.guest, &scanout), OK);
	assert_string_equal(fake_host3d_take_calls(&f.host3d),
			    "screen 0 32x64;read 1 to 0: 32x64 at 8,0 to 0,0;");
	assert_int_equal(display.width, 32);
	/* What changes meanwhile is gathered, and read at once afterwards. */
	assert_int_equal(flush(&f, 1, 9, 2), OK);
	assert_int_equal(flush(&f, 1, 20, 4), OK);
	assert_string_equal(fake_host3d_take_calls(&f.host3d), "");
	assert_int_equal(display.update_count, 0);
	sl_vgpu_host3d_read(f.guest.vgpu, 0);
	assert_int_equal(display.update_count, 1);
	assert_int_equal(display.updated.width, 32);
	assert_string_equal(fake_host3d_take_calls(&f.host3d), "read 1 to 0: 15x1 at 9,1 to 1,1;");
	sl_vgpu_host3d_read(f.guest.vgpu, 0);
	assert_int_equal(display.updated.width, 15);
	sl_vgpu_host3d_read(f.guest.vgpu, 0); /* once too often */
	sl_vgpu_host3d_read(f.guest.vgpu, 31);
	sl_vgpu_host3d_read(f.guest.vgpu, UINT32_MAX);
	assert_int_equal(display.update_count, 2);
	/* The next frame is in another texture: the old one stays until it is there. */
	display.width = 0;
	scanout.resource_id = 2;
	assert_int_equal(fake_guest_send(&f.guest, &scanout), OK);
	assert_int_equal(display.width, 0);
	assert_int_equal(flush(&f, 2, 8, 32), OK);
	assert_string_equal(fake_host3d_take_calls(&f.host3d), "read 2 to 0: 32x1 at 8,1 to 0,1;");
	f.host3d.screen[2 * 32 + 1] = 0x123456;
	assert_int_equal(sl_vgpu_read_scanout(f.guest.vgpu, 0, &corner, &pixel, 4), 0);
	assert_int_equal(pixel, 0x123456);
	assert_int_equal(munmap(f.host3d.screen, f.host3d.screen_size), 0);
	sl_vgpu_reset(f.guest.vgpu);
	assert_int_equal(usage(&f).host_bytes, 0);
	finish(&f);
}

static void test_cursors_may_be_textures(void **state)
{
	struct virtio_gpu_update_cursor cursor = { .hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR,
						   .resource_id = 1 };
	struct fake_display display = { 0 };
	struct fixture f;

	init(&f);
	sl_vgpu_set_host3d(f.guest.vgpu, &fake_host3d_ops, &f.host3d);
	sl_vgpu_set_display(f.guest.vgpu, &display_ops, &display);
	assert_int_equal(create_texture(&f, 1), OK);
	fake_host3d_take_calls(&f.host3d);
	/* That queue has no answers. */
	fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CURSOR, &cursor, sizeof(cursor), NULL, 0);
	assert_string_equal(fake_host3d_take_calls(&f.host3d),
			    "screen 16 64x64;read 1 to 16: 64x64 at 0,0 to 0,0;");
	f.host3d.screen[5] = 0xff112233;
	sl_vgpu_host3d_read(f.guest.vgpu, 16);
	assert_int_equal(display.cursor_pixel, 0xff112233);
	assert_int_equal(munmap(f.host3d.screen, f.host3d.screen_size), 0);
	finish(&f);
}

static void test_hints_leave_room_in_the_queue(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(create_context_cmd(&f, 1, 0x10), OK);
	for (uint32_t i = 1; i <= SL_VGPU_MAX_HINTS; i++) {
		assert_int_equal(submit(&f, 1, MAGIC, i), 0);
	}
	assert_int_equal(f.guest.answer.fence_count, 0);
	submit(&f, 1, MAGIC, SL_VGPU_MAX_HINTS + 1);
	assert_int_equal(f.guest.answer.fence_count, 1);
	assert_int_equal(f.guest.answer.fence_ids[0], 1);
	assert_int_equal(usage(&f).requests, SL_VGPU_MAX_HINTS);
	sl_vgpu_flush_waiting(f.guest.vgpu);
	assert_int_equal(usage(&f).requests, 0);
	finish(&f);
}

static void test_rings_have_their_own_timelines(void **state)
{
	struct virtio_gpu_cmd_submit cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
			 .flags = VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX,
			 .fence_id = 2,
			 .ctx_id = 1,
			 .ring_idx = 3 },
		.size = 4,
	};
	struct fixture f;

	init(&f);
	assert_int_equal(create_context_cmd(&f, 1, 0x10), OK);
	assert_int_equal(create_context_cmd(&f, 2, 0x10), OK);
	assert_int_equal(submit(&f, 2, MAGIC, 1), 0);
	assert_int_equal(
		fake_guest_send_on(&f.guest, SL_VGPU_QUEUE_CONTROL, &cmd, sizeof(cmd), "abcd", 4),
		0);
	sl_vgpu_context_signal(f.backend.contexts[1].device_context, 2);
	assert_int_equal(f.guest.answer.fence_count, 1);
	assert_int_equal(f.guest.answer.fence_ids[0], 2);
	assert_int_equal(f.guest.answer.header.ring_idx, 3);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capsets),
		cmocka_unit_test(test_contexts_check_everything),
		cmocka_unit_test(test_first_submission_tells_whose_it_is),
		cmocka_unit_test(test_submissions_have_a_size),
		cmocka_unit_test(test_buffers_check_everything),
		cmocka_unit_test(test_pages_reach_the_context),
		cmocka_unit_test(test_guest_hears_of_release_when_it_is_true),
		cmocka_unit_test(test_context_ends_when_it_is_gone),
		cmocka_unit_test(test_reset_does_not_wait_for_contexts),
		cmocka_unit_test(test_hints_are_answered_when_overtaken),
		cmocka_unit_test(test_ordered_fences_are_never_overtaken),
		cmocka_unit_test(test_textures_are_passed_on),
		cmocka_unit_test(test_lost_textures_do_nothing),
		cmocka_unit_test(test_textures_are_shown_once_they_are_read),
		cmocka_unit_test(test_cursors_may_be_textures),
		cmocka_unit_test(test_hints_leave_room_in_the_queue),
		cmocka_unit_test(test_rings_have_their_own_timelines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
