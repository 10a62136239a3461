/* SPDX-License-Identifier: MIT */
/* The vhost-user front end, spoken to as QEMU does and as nobody should. */
#include "host/base/fd.h"
#include "host/vgpu/vhost_user.h"
#include "host/vgpu/vhost_user_msg.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL SL_VGPU_QUEUE_CONTROL
#define COMMAND FAKE_COMMAND_ADDR
#define ALL_RINGS                                                       \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX | \
	 1ull << SL_VHOST_USER_F_PROTOCOL_FEATURES)

struct fixture {
	struct fake_guest guest; /* its memory and ring; the device is the front end's */
	sd_event *event;
	struct sl_vhost_user *vhost;
	int fd;	  /* QEMU's end */
	int kick; /* of the control queue */
	int call;
	int display;
	bool ended;
	int end_result;
};

static void on_ended(void *data, int r)
{
	struct fixture *f = data;

	f->ended = true;
	f->end_result = r;
}

static void init(struct fixture *f)
{
	struct sl_vhost_user_options options = { .max_host_bytes = 16 << 20,
						 .ended = on_ended,
						 .data = f };
	int fds[2];

	memset(f, 0, sizeof(*f));
	fake_guest_init(&f->guest);
	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	f->fd = fds[0];
	f->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->display = -1;
	assert_int_equal(sl_vhost_user_create(f->event, fds[1], &options, &f->vhost), 0);
}

static void finish(struct fixture *f)
{
	sl_vhost_user_destroy(f->vhost);
	sd_event_unref(f->event);
	close(f->fd);
	close(f->kick);
	close(f->call);
	sl_fd_close(f->display);
	fake_guest_finish(&f->guest);
}

static void run(struct fixture *f)
{
	while (sd_event_run(f->event, 0) > 0) {
	}
}

static void send_flags(struct fixture *f, uint32_t request, uint32_t flags, const void *payload,
		       uint32_t size, const int *fds, unsigned int fd_count)
{
	struct {
		struct sl_vhost_user_header header;
		uint8_t payload[512];
	} message = { .header = { request, SL_VHOST_USER_VERSION | flags, size } };

	if (size > 0) {
		memcpy(message.payload, payload, size);
	}
	assert_int_equal(sl_fd_send(f->fd, &message, sizeof(message.header) + size, fds, fd_count),
			 0);
	run(f);
}

static void send_message(struct fixture *f, uint32_t request, const void *payload, uint32_t size)
{
	send_flags(f, request, 0, payload, size, NULL, 0);
}

static void send_u64(struct fixture *f, uint32_t request, uint64_t value)
{
	send_message(f, request, &value, sizeof(value));
}

static void send_fd(struct fixture *f, uint32_t request, uint64_t value, int fd)
{
	send_flags(f, request, 0, &value, sizeof(value), &fd, 1);
}

static void send_state(struct fixture *f, uint32_t request, uint32_t index, uint32_t value)
{
	struct sl_vhost_user_vring_state state = { index, value };

	send_message(f, request, &state, sizeof(state));
}

/* The answer to a message; fails if there is none. Returns its payload's size. */
static uint32_t receive(struct fixture *f, uint32_t request, void *payload, uint32_t size)
{
	struct {
		struct sl_vhost_user_header header;
		uint8_t payload[512];
	} message;
	ssize_t n = recv(f->fd, &message, sizeof(message), MSG_DONTWAIT);

	assert_true(n >= (ssize_t)sizeof(message.header));
	assert_int_equal(message.header.request, request);
	assert_int_equal(message.header.flags, SL_VHOST_USER_VERSION | SL_VHOST_USER_REPLY);
	assert_int_equal(message.header.size, n - (ssize_t)sizeof(message.header));
	memcpy(payload, message.payload, size < message.header.size ? size : message.header.size);
	return message.header.size;
}

static uint64_t ask(struct fixture *f, uint32_t request)
{
	uint64_t value = 0;

	send_message(f, request, NULL, 0);
	assert_int_equal(receive(f, request, &value, sizeof(value)), sizeof(value));
	return value;
}

static void send_memory(struct fixture *f, uint32_t count, uint64_t size)
{
	struct sl_vhost_user_memory memory = {
		.count = count,
		.regions = { { FAKE_RAM_ADDR, size, FAKE_USER_ADDR, 0 } },
	};

	send_flags(f, SL_VHOST_USER_SET_MEM_TABLE, 0, &memory, sizeof(memory), &f->guest.fd, 1);
}

static uint64_t user_address(struct fixture *f, const void *at)
{
	return FAKE_USER_ADDR + (uint64_t)((const uint8_t *)at - f->guest.memory);
}

static void send_addr(struct fixture *f, uint32_t index)
{
	struct sl_vhost_user_vring_addr addr = {
		.index = index,
		.descriptors = user_address(f, f->guest.desc),
		.used = user_address(f, f->guest.used),
		.available = user_address(f, f->guest.avail),
	};

	send_message(f, SL_VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr));
}

static void negotiate(struct fixture *f, uint64_t protocol_features)
{
	uint64_t features = ask(f, SL_VHOST_USER_GET_FEATURES);

	assert_true((features & ALL_RINGS) == ALL_RINGS);
	assert_true((features & 1 << VIRTIO_GPU_F_EDID) != 0);
	ask(f, SL_VHOST_USER_GET_PROTOCOL_FEATURES);
	send_u64(f, SL_VHOST_USER_SET_PROTOCOL_FEATURES, protocol_features);
	assert_int_equal(ask(f, SL_VHOST_USER_GET_QUEUE_NUM), 2);
	send_message(f, SL_VHOST_USER_SET_OWNER, NULL, 0);
	/* QEMU acknowledges RING_RESET although nobody offered it. */
	send_u64(f, SL_VHOST_USER_SET_FEATURES,
		 ALL_RINGS | 1 << VIRTIO_GPU_F_EDID | 1ull << VIRTIO_F_RING_RESET);
}

/* As vhost_dev_start() of QEMU, for the control queue. */
static void start(struct fixture *f, uint32_t base)
{
	send_state(f, SL_VHOST_USER_SET_VRING_ENABLE, CONTROL, 1);
	send_memory(f, 1, FAKE_RAM_SIZE);
	send_state(f, SL_VHOST_USER_SET_VRING_NUM, CONTROL, FAKE_RING_SIZE);
	send_state(f, SL_VHOST_USER_SET_VRING_BASE, CONTROL, base);
	send_addr(f, CONTROL);
	send_fd(f, SL_VHOST_USER_SET_VRING_KICK, CONTROL, f->kick);
	send_fd(f, SL_VHOST_USER_SET_VRING_CALL, CONTROL, f->call);
}

static void kick(struct fixture *f)
{
	uint64_t one = 1;

	assert_int_equal(write(f->kick, &one, sizeof(one)), sizeof(one));
	run(f);
}

static bool was_called(struct fixture *f)
{
	uint64_t count;

	return read(f->call, &count, sizeof(count)) == sizeof(count);
}

/* Put a command and room for its answer into the ring, without a kick. */
static void offer(struct fixture *f, uint32_t type)
{
	struct virtio_gpu_ctrl_hdr header = { .type = type };

	memcpy(fake_guest_at(&f->guest, COMMAND), &header, sizeof(header));
	f->guest.desc[0] = (struct vring_desc){ COMMAND, sizeof(header), VRING_DESC_F_NEXT, 1 };
	f->guest.desc[1] = (struct vring_desc){ FAKE_ANSWER_ADDR, 2048, VRING_DESC_F_WRITE, 0 };
	memset(fake_guest_at(&f->guest, FAKE_ANSWER_ADDR), 0, sizeof(header));
	fake_guest_offer(&f->guest, 0);
}

static uint32_t answer(struct fixture *f)
{
	uint32_t type;

	memcpy(&type, fake_guest_at(&f->guest, FAKE_ANSWER_ADDR), sizeof(type));
	return type;
}

static void test_commands_run(void **state)
{
	struct fixture f;

	init(&f);
	negotiate(&f, ~0ull);
	start(&f, 0);
	while (was_called(&f)) {
	}
	offer(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	kick(&f);
	assert_int_equal(answer(&f), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	assert_int_equal(f.guest.used->idx, 1);
	assert_true(was_called(&f));
	for (uint32_t i = 0; i < 200; i++) { /* wraps the ring, and is more than the budget */
		offer(&f, 0xdead);
		if (i % 16 == 15) {
			kick(&f);
		}
	}
	kick(&f);
	assert_int_equal(f.guest.used->idx, 201);
	assert_int_equal(answer(&f), VIRTIO_GPU_RESP_ERR_UNSPEC);
	assert_false(f.ended);
	close(f.fd);
	run(&f);
	assert_true(f.ended);
	assert_int_equal(f.end_result, 0);
	f.fd = -1;
	finish(&f);
}

static void test_messages_may_come_in_pieces(void **state)
{
	struct sl_vhost_user_header header = { SL_VHOST_USER_GET_FEATURES, SL_VHOST_USER_VERSION,
					       0 };
	uint64_t value;
	struct fixture f;

	init(&f);
	for (size_t i = 0; i < sizeof(header); i++) {
		assert_int_equal(write(f.fd, (uint8_t *)&header + i, 1), 1);
		run(&f);
	}
	receive(&f, SL_VHOST_USER_GET_FEATURES, &value, sizeof(value));
	/* And several at once. */
	struct sl_vhost_user_header two[2] = { header, header };
	assert_int_equal(write(f.fd, two, sizeof(two)), sizeof(two));
	run(&f);
	uint8_t answers[40];
	assert_int_equal(recv(f.fd, answers, sizeof(answers), MSG_DONTWAIT), 40);
	finish(&f);
}

static void test_config_space(void **state)
{
	struct sl_vhost_user_config config = { .size = sizeof(struct virtio_gpu_config) };
	struct virtio_gpu_config own;
	struct fixture f;

	init(&f);
	negotiate(&f, ~0ull);
	send_message(&f, SL_VHOST_USER_GET_CONFIG, &config, 12 + config.size);
	assert_int_equal(receive(&f, SL_VHOST_USER_GET_CONFIG, &config, sizeof(config)),
			 12 + config.size);
	memcpy(&own, config.data, sizeof(own));
	assert_int_equal(own.num_scanouts, 1);
	send_message(&f, SL_VHOST_USER_SET_CONFIG, &config, 12 + config.size);
	/* Past its end: an empty answer says so. */
	config.offset = UINT32_MAX;
	send_message(&f, SL_VHOST_USER_GET_CONFIG, &config, 12 + config.size);
	assert_int_equal(receive(&f, SL_VHOST_USER_GET_CONFIG, &config, sizeof(config)), 0);
	assert_false(f.ended);
	finish(&f);
}

static void test_memory_slots(void **state)
{
	struct sl_vhost_user_memory_slot slot = { .region = { FAKE_RAM_ADDR, FAKE_RAM_SIZE,
							      FAKE_USER_ADDR, 0 } };
	uint64_t ack = 1;
	struct fixture f;

	init(&f);
	negotiate(&f, ~0ull);
	assert_true(ask(&f, SL_VHOST_USER_GET_MAX_MEM_SLOTS) >= 32);
	send_flags(&f, SL_VHOST_USER_ADD_MEM_REG, SL_VHOST_USER_NEED_REPLY, &slot, sizeof(slot),
		   &f.guest.fd, 1);
	receive(&f, SL_VHOST_USER_ADD_MEM_REG, &ack, sizeof(ack));
	assert_int_equal(ack, 0);
	assert_int_equal(sl_vhost_user_get_ram(f.vhost)->count, 1);
	/* Again: it overlaps. The monitor is told, the connection goes on. */
	send_flags(&f, SL_VHOST_USER_ADD_MEM_REG, SL_VHOST_USER_NEED_REPLY, &slot, sizeof(slot),
		   &f.guest.fd, 1);
	receive(&f, SL_VHOST_USER_ADD_MEM_REG, &ack, sizeof(ack));
	assert_int_equal(ack, 1);
	send_flags(&f, SL_VHOST_USER_REM_MEM_REG, 0, &slot, sizeof(slot), &f.guest.fd, 1);
	assert_int_equal(sl_vhost_user_get_ram(f.vhost)->count, 0);
	assert_false(f.ended);
	send_message(&f, SL_VHOST_USER_REM_MEM_REG, &slot, sizeof(slot));
	assert_true(f.ended);
	finish(&f);
}

static void test_table_may_change_while_running(void **state)
{
	struct fixture f;

	init(&f);
	negotiate(&f, ~0ull);
	start(&f, 0);
	offer(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	kick(&f);
	send_memory(&f, 1, FAKE_RAM_SIZE);
	offer(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	kick(&f);
	assert_int_equal(f.guest.used->idx, 2);
	/* The ring itself is taken away: it stops, nothing else does. */
	send_memory(&f, 1, 0x1000);
	offer(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	kick(&f);
	assert_int_equal(f.guest.used->idx, 2);
	assert_false(f.ended);
	finish(&f);
}

static void test_stop_and_go_on(void **state)
{
	struct sl_vhost_user_vring_state base;
	struct fixture f;

	init(&f);
	negotiate(&f, ~0ull);
	start(&f, 0);
	offer(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	kick(&f);
	send_state(&f, SL_VHOST_USER_GET_VRING_BASE, CONTROL, 0);
	receive(&f, SL_VHOST_USER_GET_VRING_BASE, &base, sizeof(base));
	assert_int_equal(base.value, 1);
	offer(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	kick(&f);
	assert_int_equal(f.guest.used->idx, 1);
	start(&f, base.value);
	assert_int_equal(f.guest.used->idx, 2); /* without a kick */
	finish(&f);
}

/* Create resource 1 by way of the ring. Returns the answer. */
static uint32_t create_resource(struct fixture *f)
{
	struct virtio_gpu_resource_create_2d cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = 1,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.width = 8,
		.height = 8,
	};

	offer(f, 0);
	memcpy(fake_guest_at(&f->guest, COMMAND), &cmd, sizeof(cmd));
	f->guest.desc[0].len = sizeof(cmd);
	kick(f);
	return answer(f);
}

static void reset_ring(struct fixture *f)
{
	f->guest.avail->idx = 0;
	f->guest.used->idx = 0;
}

static void test_reset_forgets(void **state)
{
	struct sl_vhost_user_vring_state base;
	struct fixture f;

	init(&f);
	negotiate(&f, ~0ull);
	start(&f, 0);
	assert_int_equal(create_resource(&f), VIRTIO_GPU_RESP_OK_NODATA);
	assert_int_equal(create_resource(&f), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	send_message(&f, SL_VHOST_USER_RESET_DEVICE, NULL, 0);
	reset_ring(&f);
	start(&f, 0);
	assert_int_equal(create_resource(&f), VIRTIO_GPU_RESP_OK_NODATA);
	/* A pause is no reset. */
	send_state(&f, SL_VHOST_USER_GET_VRING_BASE, CONTROL, 0);
	receive(&f, SL_VHOST_USER_GET_VRING_BASE, &base, sizeof(base));
	start(&f, base.value);
	assert_int_equal(create_resource(&f), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	finish(&f);

	/* A monitor without the message starts the ring anew. */
	init(&f);
	negotiate(&f, 1 << SL_VHOST_USER_PROTOCOL_F_CONFIG);
	start(&f, 0);
	assert_int_equal(create_resource(&f), VIRTIO_GPU_RESP_OK_NODATA);
	send_state(&f, SL_VHOST_USER_GET_VRING_BASE, CONTROL, 0);
	receive(&f, SL_VHOST_USER_GET_VRING_BASE, &base, sizeof(base));
	reset_ring(&f);
	start(&f, 0);
	assert_int_equal(create_resource(&f), VIRTIO_GPU_RESP_OK_NODATA);
	finish(&f);
}

static void test_broken_ring_is_reported(void **state)
{
	int err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t count;
	struct fixture f;

	init(&f);
	negotiate(&f, ~0ull);
	send_fd(&f, SL_VHOST_USER_SET_VRING_ERR, CONTROL, err);
	start(&f, 0);
	offer(&f, VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	f.guest.desc[0].next = 0;
	kick(&f);
	assert_int_equal(read(err, &count, sizeof(count)), sizeof(count));
	assert_int_equal(f.guest.used->idx, 0);
	kick(&f);
	assert_false(f.ended);
	close(err);
	finish(&f);
}

/* Each must end the connection, from a state in which the queue runs. */
static void test_malformed_messages_end_it(void **state)
{
	static const struct {
		uint32_t request;
		uint32_t size;
		uint64_t words[5];
	} bad[] = {
		{ SL_VHOST_USER_SET_FEATURES, 4, { 0 } },
		{ SL_VHOST_USER_SET_FEATURES, 8, { 1ull << VIRTIO_F_RING_PACKED } },
		{ SL_VHOST_USER_SET_FEATURES, 8, { 1 << VIRTIO_GPU_F_RESOURCE_BLOB } },
		{ SL_VHOST_USER_SET_MEM_TABLE, 8, { 1 } }, /* without its descriptor */
		{ SL_VHOST_USER_SET_MEM_TABLE, 8, { 9 } },
		{ SL_VHOST_USER_SET_MEM_TABLE, 8, { UINT32_MAX } },
		{ SL_VHOST_USER_SET_VRING_NUM, 8, { CONTROL | 16ull << 32 } }, /* running */
		{ SL_VHOST_USER_SET_VRING_NUM, 8, { 1 } },
		{ SL_VHOST_USER_SET_VRING_NUM, 8, { 1 | 1ull << 63 } },
		{ SL_VHOST_USER_SET_VRING_NUM, 8, { 2 | 16ull << 32 } },
		{ SL_VHOST_USER_SET_VRING_NUM, 4, { 1 } },
		{ SL_VHOST_USER_SET_VRING_BASE, 8, { CONTROL } },
		{ SL_VHOST_USER_SET_VRING_BASE, 8, { 1 | 0x10000ull << 32 } },
		{ SL_VHOST_USER_GET_VRING_BASE, 8, { UINT32_MAX } },
		{ SL_VHOST_USER_SET_VRING_ENABLE, 8, { 2 } },
		{ SL_VHOST_USER_SET_VRING_ADDR, 40, { CONTROL } },
		{ SL_VHOST_USER_SET_VRING_ADDR, 40, { 77 } },
		{ SL_VHOST_USER_SET_VRING_ADDR, 39, { 1 } },
		{ SL_VHOST_USER_SET_VRING_KICK, 8, { 1 } }, /* without its descriptor */
		{ SL_VHOST_USER_SET_VRING_KICK, 8, { 1 | 1 << 8 } },
		{ SL_VHOST_USER_SET_VRING_CALL, 8, { 255 | 1 << 8 } },
		{ SL_VHOST_USER_GET_CONFIG, 8, { 0 } },
		{ SL_VHOST_USER_GET_CONFIG, 12, { 16ull << 32 } },
		{ SL_VHOST_USER_GET_CONFIG, 12, { 0xffffffffull << 32 } },
		{ SL_VHOST_USER_GPU_SET_SOCKET, 0, { 0 } },
		{ SL_VHOST_USER_ADD_MEM_REG, 40, { 0 } },
		{ SL_VHOST_USER_ADD_MEM_REG, 8, { 0 } },
		{ SL_VHOST_USER_REM_MEM_REG, 40, { 0 } },
	};
	struct fixture f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		init(&f);
		negotiate(&f, ~0ull);
		start(&f, 0);
		send_message(&f, bad[i].request, bad[i].words, bad[i].size);
		assert_true(f.ended);
		assert_true(f.end_result < 0);
		finish(&f);
	}
}

static void test_malformed_headers_end_it(void **state)
{
	static const struct sl_vhost_user_header bad[] = {
		{ SL_VHOST_USER_GET_FEATURES, 0, 0 },
		{ SL_VHOST_USER_GET_FEATURES, 2, 0 },
		{ SL_VHOST_USER_GET_FEATURES, SL_VHOST_USER_VERSION | SL_VHOST_USER_REPLY, 0 },
		{ SL_VHOST_USER_GET_FEATURES, SL_VHOST_USER_VERSION, UINT32_MAX },
		{ SL_VHOST_USER_SET_FEATURES, SL_VHOST_USER_VERSION, 4096 },
	};
	struct fixture f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		init(&f);
		assert_int_equal(write(f.fd, &bad[i], sizeof(bad[i])), sizeof(bad[i]));
		run(&f);
		assert_true(f.ended);
		finish(&f);
	}
}

static void test_unknown_messages_are_passed_over(void **state)
{
	uint64_t ack = 0;
	struct fixture f;

	init(&f);
	negotiate(&f, ~0ull);
	send_u64(&f, 999, 1);
	send_flags(&f, 0, SL_VHOST_USER_NEED_REPLY, NULL, 0, NULL, 0);
	receive(&f, 0, &ack, sizeof(ack));
	assert_int_equal(ack, 1);
	assert_false(f.ended);
	finish(&f);
}

static void test_queue_needs_all_it_needs(void **state)
{
	struct fixture f;

	/* No memory, no size, no address, in any order: never a crash. */
	for (uint32_t missing = 0; missing < 3; missing++) {
		init(&f);
		negotiate(&f, ~0ull);
		if (missing != 0) {
			send_memory(&f, 1, FAKE_RAM_SIZE);
		}
		if (missing != 1) {
			send_state(&f, SL_VHOST_USER_SET_VRING_NUM, CONTROL, FAKE_RING_SIZE);
		}
		if (missing != 2) {
			send_addr(&f, CONTROL);
		}
		send_fd(&f, SL_VHOST_USER_SET_VRING_KICK, CONTROL, f.kick);
		assert_true(f.ended);
		finish(&f);
	}
	/* A size that is no power of two. */
	init(&f);
	negotiate(&f, ~0ull);
	send_memory(&f, 1, FAKE_RAM_SIZE);
	send_state(&f, SL_VHOST_USER_SET_VRING_NUM, CONTROL, 15);
	send_addr(&f, CONTROL);
	send_fd(&f, SL_VHOST_USER_SET_VRING_KICK, CONTROL, f.kick);
	assert_true(f.ended);
	finish(&f);
}

static void test_surplus_descriptors_are_closed(void **state)
{
	struct fixture f;
	int pipe_fds[2];
	int many[8];

	init(&f);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	for (int i = 0; i < 8; i++) {
		many[i] = pipe_fds[1];
	}
	send_flags(&f, SL_VHOST_USER_GET_FEATURES, 0, NULL, 0, many, 8);
	send_flags(&f, SL_VHOST_USER_SET_VRING_CALL, 0, &(uint64_t){ CONTROL }, 8, many, 8);
	assert_true(f.ended);
	close(pipe_fds[1]);
	/* Nobody has the other end any more: the pipe is at its end. */
	char byte;
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0);
	close(pipe_fds[0]);
	finish(&f);
}

static void test_no_descriptor_stays_open(void **state)
{
	struct fixture f;
	int before = dup(0);
	int fds[2];

	close(before);
	init(&f);
	negotiate(&f, ~0ull);
	start(&f, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	f.display = fds[0];
	send_flags(&f, SL_VHOST_USER_GPU_SET_SOCKET, 0, NULL, 0, &fds[1], 1);
	close(fds[1]);
	send_message(&f, SL_VHOST_USER_RESET_DEVICE, NULL, 0);
	start(&f, 0);
	finish(&f);
	int after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands_run),
		cmocka_unit_test(test_messages_may_come_in_pieces),
		cmocka_unit_test(test_config_space),
		cmocka_unit_test(test_memory_slots),
		cmocka_unit_test(test_table_may_change_while_running),
		cmocka_unit_test(test_stop_and_go_on),
		cmocka_unit_test(test_reset_forgets),
		cmocka_unit_test(test_broken_ring_is_reported),
		cmocka_unit_test(test_malformed_messages_end_it),
		cmocka_unit_test(test_malformed_headers_end_it),
		cmocka_unit_test(test_unknown_messages_are_passed_over),
		cmocka_unit_test(test_queue_needs_all_it_needs),
		cmocka_unit_test(test_surplus_descriptors_are_closed),
		cmocka_unit_test(test_no_descriptor_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
