/* SPDX-License-Identifier: MIT */
/* Each command of virtio-gpu, cut short at each byte, and with each of its words replaced by what
 * breaks sums and products: there is an answer, and nothing outlives a reset. */
#include "host/vgpu/virtio_gpu.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <string.h>

enum {
	PICTURE = 1,
	BUFFER = 2,
	CONTEXT = 1,
	CAPSET_ID = 0x10,
	TAIL_SIZE = 64
};

/* Room for any command, and for what follows it. */
union command {
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
	struct virtio_gpu_ctx_create ctx_create;
	struct virtio_gpu_ctx_destroy ctx_destroy;
	struct virtio_gpu_ctx_resource ctx_resource;
	struct virtio_gpu_cmd_submit submit;
	struct virtio_gpu_update_cursor cursor;
	uint32_t words[64];
};

static const struct {
	size_t size;
	union command command; /* one that is right, after prepare() */
} commands[] = {
	{ sizeof(struct virtio_gpu_ctrl_hdr), { .header.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO } },
	{ sizeof(struct virtio_gpu_resource_create_2d),
	  { .create_2d = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
			   .resource_id = 9,
			   .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
			   .width = 8,
			   .height = 8 } } },
	{ sizeof(struct virtio_gpu_resource_create_3d),
	  { .create_3d = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
			   .resource_id = 9,
			   .format = 64,
			   .width = 4096,
			   .height = 1,
			   .depth = 1,
			   .array_size = 1,
			   .flags = SL_VGPU_RESOURCE_FLAG_GUEST } } },
	{ sizeof(struct virtio_gpu_resource_unref),
	  { .unref = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF, .resource_id = PICTURE } } },
	{ sizeof(struct virtio_gpu_set_scanout),
	  { .set_scanout = { .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
			     .r = { 1, 1, 32, 32 },
			     .resource_id = PICTURE } } },
	{ sizeof(struct virtio_gpu_resource_flush),
	  { .flush = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
		       .r = { 1, 1, 32, 32 },
		       .resource_id = PICTURE } } },
	{ sizeof(struct virtio_gpu_transfer_to_host_2d),
	  { .transfer_2d = { .hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
			     .r = { 1, 1, 32, 32 },
			     .offset = 260,
			     .resource_id = PICTURE } } },
	{ sizeof(struct virtio_gpu_transfer_host_3d),
	  { .transfer_3d = { .hdr = { .type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
				      .ctx_id = CONTEXT },
			     .box = { .w = 16, .h = 1, .d = 1 },
			     .resource_id = BUFFER } } },
	{ sizeof(struct virtio_gpu_resource_attach_backing),
	  { .attach_backing = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
				.resource_id = BUFFER,
				.nr_entries = 1 } } },
	{ sizeof(struct virtio_gpu_resource_detach_backing),
	  { .detach_backing = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
				.resource_id = PICTURE } } },
	{ sizeof(struct virtio_gpu_get_capset_info),
	  { .capset_info.hdr.type = VIRTIO_GPU_CMD_GET_CAPSET_INFO } },
	{ sizeof(struct virtio_gpu_get_capset),
	  { .capset = { .hdr.type = VIRTIO_GPU_CMD_GET_CAPSET,
			.capset_id = CAPSET_ID,
			.capset_version = 1 } } },
	{ sizeof(struct virtio_gpu_cmd_get_edid), { .edid.hdr.type = VIRTIO_GPU_CMD_GET_EDID } },
	{ sizeof(struct virtio_gpu_ctx_create),
	  { .ctx_create = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = 5 },
			    .nlen = 3,
			    .debug_name = "app" } } },
	{ sizeof(struct virtio_gpu_ctx_destroy),
	  { .ctx_destroy.hdr = { .type = VIRTIO_GPU_CMD_CTX_DESTROY, .ctx_id = CONTEXT } } },
	{ sizeof(struct virtio_gpu_ctx_resource),
	  { .ctx_resource = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
				       .ctx_id = CONTEXT },
			      .resource_id = BUFFER } } },
	{ sizeof(struct virtio_gpu_ctx_resource),
	  { .ctx_resource = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
				       .ctx_id = CONTEXT },
			      .resource_id = BUFFER } } },
	{ sizeof(struct virtio_gpu_cmd_submit),
	  { .submit = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = CONTEXT },
			.size = 8 } } },
	{ sizeof(struct virtio_gpu_update_cursor),
	  { .cursor = { .hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR, .resource_id = PICTURE } } },
	{ sizeof(struct virtio_gpu_update_cursor),
	  { .cursor = { .hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR, .resource_id = PICTURE } } },
};

static const uint32_t hostile_words[] = {
	0,	    1,		2,	    15,		16,	    64,
	65,	    4097,	16384,	    16385,	0x10000,    0x3fffffff,
	0x40000000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
};

static const void *get_capset(void *data, size_t *ret_size)
{
	*ret_size = 4;
	return "caps";
}

static int create_context(void *data, uint32_t context_id, const char *name,
			  struct sl_vgpu_context *context, void **ret_context)
{
	*ret_context = context;
	return 0;
}

static int destroy_context(void *data)
{
	return 0;
}

static int attach(void *data, const struct sl_vgpu_pages *pages)
{
	return 0;
}

static int detach(void *data, uint32_t resource_id)
{
	return 0;
}

static int submit(void *data, const uint8_t *bytes, size_t size)
{
	return 0;
}

static void fence(void *data, uint64_t fence_id)
{
}

static const struct sl_vgpu_backend_ops backend_ops = {
	.capset_id = CAPSET_ID,
	.capset_version = 1,
	.get_capset = get_capset,
	.create_context = create_context,
	.destroy_context = destroy_context,
	.attach = attach,
	.detach = detach,
	.submit = submit,
	.fence = fence,
};

/* A run of pages for ATTACH_BACKING; for other commands just bytes. */
static uint32_t send(struct fake_guest *guest, const union command *command, size_t size)
{
	const struct virtio_gpu_mem_entry tail[TAIL_SIZE / sizeof(struct virtio_gpu_mem_entry)] = {
		{ FAKE_DATA_ADDR, 64 * 64 * 4, 0 },
	};
	const enum sl_vgpu_queue queue =
		command->header.type == VIRTIO_GPU_CMD_UPDATE_CURSOR ||
				command->header.type == VIRTIO_GPU_CMD_MOVE_CURSOR
			? SL_VGPU_QUEUE_CURSOR
			: SL_VGPU_QUEUE_CONTROL;

	return fake_guest_send_on(guest, queue, command, size, tail, sizeof(tail));
}

/* A picture on a scanout, a context with a buffer. */
static void prepare(struct fake_guest *guest)
{
	union command command = { .create_2d = {
					  .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
					  .resource_id = PICTURE,
					  .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
					  .width = 64,
					  .height = 64,
				  } };

	assert_int_equal(send(guest, &command, sizeof(command.create_2d)),
			 VIRTIO_GPU_RESP_OK_NODATA);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const uint32_t type = commands[i].command.header.type;

		command = commands[i].command;
		if (type == VIRTIO_GPU_CMD_CTX_CREATE) {
			command.header.ctx_id = CONTEXT;
		} else if (type == VIRTIO_GPU_CMD_RESOURCE_CREATE_3D) {
			command.create_3d.resource_id = BUFFER;
		} else if (type == VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING) {
			command.attach_backing.resource_id = PICTURE;
		} else if (type != VIRTIO_GPU_CMD_SET_SCANOUT) {
			continue;
		}
		assert_int_equal(send(guest, &command, commands[i].size),
				 VIRTIO_GPU_RESP_OK_NODATA);
	}
}

static void init(struct fake_guest *guest)
{
	fake_guest_init(guest);
	fake_guest_create_device(guest, 1 << 20);
	assert_int_equal(sl_vgpu_add_backend(guest->vgpu, &backend_ops, NULL), 0);
}

static void reset(struct fake_guest *guest)
{
	struct sl_vgpu_usage usage;

	sl_vgpu_reset(guest->vgpu);
	sl_vgpu_get_usage(guest->vgpu, &usage);
	assert_int_equal(usage.resources, 0);
	assert_int_equal(usage.attachments, 0);
	assert_int_equal(usage.requests, 0);
	assert_int_equal(usage.host_bytes, 0);
	assert_int_equal(usage.page_entries, 0);
}

static void test_what_is_right_is_done(void **state)
{
	struct fake_guest guest;

	init(&guest);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		prepare(&guest);
		uint32_t response = send(&guest, &commands[i].command, commands[i].size);
		uint32_t type = commands[i].command.header.type;

		/* The queue of cursors has no room for answers; contents of buffers are shared. */
		if (type != VIRTIO_GPU_CMD_UPDATE_CURSOR && type != VIRTIO_GPU_CMD_MOVE_CURSOR &&
		    type != VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D &&
		    type != VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE) {
			assert_in_range(response, VIRTIO_GPU_RESP_OK_NODATA,
					VIRTIO_GPU_RESP_OK_NODATA + 0xff);
		}
		reset(&guest);
	}
	fake_guest_finish(&guest);
}

static void test_each_word_may_be_anything(void **state)
{
	struct fake_guest guest;

	init(&guest);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		for (size_t word = 1; word < commands[i].size / 4; word++) {
			for (size_t k = 0; k < sizeof(hostile_words) / sizeof(uint32_t); k++) {
				union command command = commands[i].command;
				prepare(&guest);
				uint32_t count = guest.answer.count;

				command.words[word] = hostile_words[k];
				(void)send(&guest, &command, commands[i].size);
				sl_vgpu_flush_waiting(guest.vgpu);
				assert_int_equal(guest.answer.count, count + 1);
				reset(&guest);
			}
		}
	}
	fake_guest_finish(&guest);
}

/* The chain ends within the command. */
static void test_each_command_may_be_cut_short(void **state)
{
	struct fake_guest guest;

	init(&guest);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		for (size_t size = 4; size < commands[i].size; size++) {
			prepare(&guest);
			uint32_t response = fake_guest_send_on(&guest, SL_VGPU_QUEUE_CONTROL,
							       &commands[i].command, size, NULL, 0);

			assert_true(response >= VIRTIO_GPU_RESP_ERR_UNSPEC);
			reset(&guest);
		}
	}
	fake_guest_finish(&guest);
}

/* A context that has begun, with the buffer attached. Returns the answer to that. */
static uint32_t attach_to_new_context(struct fake_guest *guest, uint32_t id)
{
	union command command = {
		.ctx_create = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = id },
				.context_init = CAPSET_ID },
	};

	assert_int_equal(send(guest, &command, sizeof(command.ctx_create)),
			 VIRTIO_GPU_RESP_OK_NODATA);
	command = (union command){
		.submit = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = id }, .size = 4 },
	};
	assert_int_equal(send(guest, &command, sizeof(command.submit)), VIRTIO_GPU_RESP_OK_NODATA);
	command = (union command){
		.ctx_resource = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
					   .ctx_id = id },
				  .resource_id = BUFFER },
	};
	return send(guest, &command, sizeof(command.ctx_resource));
}

/* Back ends keep a copy of it for each. */
static void test_a_list_for_all_contexts_has_a_limit(void **state)
{
	enum {
		RUNS = 16384,
		CONTEXTS = SL_VGPU_MAX_ENTRIES_TOTAL / RUNS
	};
	static struct virtio_gpu_mem_entry runs[RUNS];
	struct virtio_gpu_resource_attach_backing backing = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = BUFFER,
		.nr_entries = RUNS,
	};
	struct fake_guest guest;
	union command command;

	init(&guest);
	prepare(&guest);
	for (uint32_t i = 0; i < RUNS; i++) {
		runs[i].addr = FAKE_DATA_ADDR + 8192 * (i % 2);
		runs[i].length = 4096;
	}
	assert_int_equal(fake_guest_send_on(&guest, SL_VGPU_QUEUE_CONTROL, &backing,
					    sizeof(backing), runs, sizeof(runs)),
			 VIRTIO_GPU_RESP_OK_NODATA);
	for (uint32_t i = 0; i < CONTEXTS; i++) {
		assert_int_equal(attach_to_new_context(&guest, 100 + i), VIRTIO_GPU_RESP_OK_NODATA);
	}
	assert_int_equal(attach_to_new_context(&guest, 98), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
	/* One that goes makes room. */
	command = (union command){
		.header = { .type = VIRTIO_GPU_CMD_CTX_DESTROY, .ctx_id = 100 },
	};
	assert_int_equal(send(&guest, &command, sizeof(command.ctx_destroy)),
			 VIRTIO_GPU_RESP_OK_NODATA);
	assert_int_equal(attach_to_new_context(&guest, 99), VIRTIO_GPU_RESP_OK_NODATA);
	reset(&guest);
	/* Nothing is counted any more. */
	prepare(&guest);
	assert_int_equal(fake_guest_send_on(&guest, SL_VGPU_QUEUE_CONTROL, &backing,
					    sizeof(backing), runs, sizeof(runs)),
			 VIRTIO_GPU_RESP_OK_NODATA);
	for (uint32_t i = 0; i < CONTEXTS; i++) {
		assert_int_equal(attach_to_new_context(&guest, 100 + i), VIRTIO_GPU_RESP_OK_NODATA);
	}
	fake_guest_finish(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_right_is_done),
		cmocka_unit_test(test_each_word_may_be_anything),
		cmocka_unit_test(test_each_command_may_be_cut_short),
		cmocka_unit_test(test_a_list_for_all_contexts_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
