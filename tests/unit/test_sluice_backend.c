/* SPDX-License-Identifier: MIT */
/* A guest kernel's commands on one side, a renderer's end of the link on the other, and the vgpu's
 * back end between them. */
#include "host/base/fd.h"
#include "host/link/host_link.h"
#include "host/vgpu/sluice_backend.h"
#include "protocol/handshake.h"
#include "protocol/limits.h"
#include "protocol/ring.h"
#include "protocol/sync_page.h"
#include "protocol/virtio.h"
#include "protocol/wire.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OK	   VIRTIO_GPU_RESP_OK_NODATA
#define CONTEXT_ID 1u

/* Resources, and where their pages are: the reply area crosses two memory slots. */
#define RING	    1u
#define REPLY	    2u
#define SYNC	    3u
#define REGION	    4u
#define RING_ADDR   (FAKE_RAM_ADDR + 0x100000)
#define REPLY_ADDR  (FAKE_RAM_ADDR + 0x180000)
#define SYNC_ADDR   (FAKE_RAM_ADDR + 0x300000)
#define REGION_ADDR (FAKE_RAM_ADDR + 0x380000)
#define RING_BYTES  (SL_RING_MIN_SIZE + 4096u)

static const char *const extensions[] = { "VK_KHR_synchronization2", NULL };

struct fixture {
	struct fake_guest guest;
	sd_event *event;
	struct sl_vgpu_sluice *backend;
	char directory[32];
	char path[64];
	int listener;
	pthread_t thread;
	struct sl_host_link *host; /* the renderer's end */
	int accept_result;
	char why[256];
	uint64_t fence_id;
};

static void run(struct fixture *f)
{
	for (int i = 0; i < 100 && sd_event_run(f->event, 0) > 0; i++) {
	}
}

static int connect_daemon(void *data)
{
	const struct fixture *f = data;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, f->path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static void init(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(f, 0, sizeof(*f));
	fake_guest_init(&f->guest);
	fake_guest_create_device(&f->guest, 1 << 20);
	assert_true(sd_event_new(&f->event) >= 0);
	strcpy(f->directory, "/tmp/sluice-test-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	strcpy(stpcpy(f->path, f->directory), "/guest.sock");
	strcpy(address.sun_path, f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	const struct sl_vgpu_sluice_options options = {
		.event = f->event,
		.ram = &f->guest.ram,
		.connect = connect_daemon,
		.data = f,
	};
	assert_int_equal(sl_vgpu_sluice_create(&options, &f->backend), 0);
	assert_int_equal(sl_vgpu_add_backend(f->guest.vgpu, &sl_vgpu_sluice_ops, f->backend), 0);
}

static void finish(struct fixture *f)
{
	sl_host_link_destroy(f->host);
	sl_vgpu_reset(f->guest.vgpu);
	run(f);
	assert_int_equal(sl_vgpu_sluice_get_count(f->backend), 0);
	sl_vgpu_destroy(f->guest.vgpu);
	f->guest.vgpu = NULL;
	sl_vgpu_sluice_destroy(f->backend);
	sd_event_unref(f->event);
	close(f->listener);
	unlink(f->path);
	rmdir(f->directory);
	fake_guest_finish(&f->guest);
}

static void create_context(struct fixture *f)
{
	struct virtio_gpu_ctx_create cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = CONTEXT_ID },
		.nlen = 4,
		.debug_name = "test",
	};

	assert_int_equal(fake_guest_send(&f->guest, &cmd), OK);
}

/* A resource whose pages are these runs, attached to the context. */
static void create_resource(struct fixture *f, uint32_t id, uint32_t size,
			    const struct virtio_gpu_mem_entry *entries, uint32_t count)
{
	struct virtio_gpu_resource_create_3d create = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		.resource_id = id,
		.format = 64,
		.width = size,
		.height = 1,
		.depth = 1,
		.array_size = 1,
		.flags = SL_VIRTIO_RESOURCE_FLAG,
	};
	struct virtio_gpu_resource_attach_backing back = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = id,
		.nr_entries = count,
	};
	struct virtio_gpu_ctx_resource attach = {
		.hdr = { .type = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, .ctx_id = CONTEXT_ID },
		.resource_id = id,
	};

	assert_int_equal(fake_guest_send(&f->guest, &create), OK);
	assert_int_equal(fake_guest_send_on(&f->guest, SL_VGPU_QUEUE_CONTROL, &back, sizeof(back),
					    entries, count * sizeof(*entries)),
			 OK);
	assert_int_equal(fake_guest_send(&f->guest, &attach), OK);
}

static void create_plain(struct fixture *f, uint32_t id, uint64_t addr, uint32_t size)
{
	struct virtio_gpu_mem_entry entry = { .addr = addr, .length = size };

	create_resource(f, id, size, &entry, 1);
}

static void create_shared(struct fixture *f)
{
	create_context(f);
	create_plain(f, RING, RING_ADDR, RING_BYTES);
	create_plain(f, REPLY, REPLY_ADDR, SL_REPLY_AREA_SIZE);
	create_plain(f, SYNC, SYNC_ADDR, SL_SYNC_PAGE_SIZE);
}

static uint32_t submit(struct fixture *f, const struct sl_virtio_submit *command,
		       const void *packet, bool fenced)
{
	struct {
		struct virtio_gpu_cmd_submit cmd;
		struct sl_virtio_submit command;
	} message = {
		.cmd = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
				  .flags = fenced ? VIRTIO_GPU_FLAG_FENCE : 0,
				  .fence_id = fenced ? ++f->fence_id : 0,
				  .ctx_id = CONTEXT_ID },
			 .size = (uint32_t)sizeof(*command) + command->packet_size },
		.command = *command,
	};

	return fake_guest_send_on(&f->guest, SL_VGPU_QUEUE_CONTROL, &message, sizeof(message),
				  packet, command->packet_size);
}

static uint32_t submit_op(struct fixture *f, enum sl_virtio_op op, uint32_t value, bool fenced)
{
	const struct sl_virtio_submit command = { .magic = SL_VIRTIO_MAGIC,
						  .op = op,
						  .value = value };

	return submit(f, &command, NULL, fenced);
}

static uint32_t send_hello(struct fixture *f)
{
	struct sl_handshake_lists lists;

	sl_handshake_init_lists(&lists);
	lists.extensions = extensions;
	size_t size = sizeof(struct sl_packet_hello) + sl_handshake_lists_size(&lists);
	struct sl_packet_hello *hello = calloc(1, size);
	assert_non_null(hello);
	sl_handshake_init_header(&hello->header, SL_PACKET_HELLO, size);
	hello->ring_size = SL_RING_MIN_SIZE;
	hello->reply_size = SL_REPLY_AREA_SIZE;
	hello->sync_size = SL_SYNC_PAGE_SIZE;
	strcpy(hello->program, "vm-test");
	sl_handshake_write_lists((uint8_t *)hello, offsetof(struct sl_packet_hello, lists), &lists);
	const struct sl_virtio_submit command = {
		.magic = SL_VIRTIO_MAGIC,
		.op = SL_VIRTIO_HELLO,
		.resource_ids = { RING, REPLY, SYNC },
		.packet_size = (uint32_t)size,
	};
	uint32_t response = submit(f, &command, hello, true);
	free(hello);
	return response;
}

static void *accept_guest(void *data)
{
	struct fixture *f = data;
	const struct sl_host_link_options options = {
		.max_region_bytes = 1 << 20,
		.max_regions = 8,
		.extensions = extensions,
	};
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);

	f->accept_result = sl_host_link_accept(fd, &options, &f->host, f->why, sizeof(f->why));
	return NULL;
}

static uint32_t greeting_type(struct fixture *f)
{
	const struct sl_virtio_greeting *greeting = fake_guest_at(&f->guest, REPLY_ADDR);
	struct sl_packet_header header;

	if (greeting->size == 0) {
		return 0;
	}
	memcpy(&header, greeting + 1, sizeof(header));
	return header.type;
}

/* A context that is connected to f->host. */
static void connect_guest(struct fixture *f)
{
	assert_int_equal(pthread_create(&f->thread, NULL, accept_guest, f), 0);
	create_shared(f);
	assert_int_equal(send_hello(f), 0); /* its fence waits for the answer */
	pthread_join(f->thread, NULL);
	assert_int_equal(f->accept_result, 0);
	assert_string_equal(sl_host_link_get_program(f->host), "vm-test");
	uint32_t count = f->guest.answer.fence_count;
	run(f);
	assert_int_equal(f->guest.answer.fence_count, count + 1);
	assert_int_equal(greeting_type(f), SL_PACKET_WELCOME);
}

static struct sl_sync_page *sync_page(struct fixture *f)
{
	return fake_guest_at(&f->guest, SYNC_ADDR);
}

static void test_messages_and_replies(void **state)
{
	struct fixture f;
	struct sl_ring ring;
	struct sl_message message;
	struct sl_wire_header header = { .size = 24, .command_id = 5 };
	const uint64_t payload = 0x1234;
	uint8_t *reply = NULL;
	const char *why;
	size_t written;

	init(&f);
	connect_guest(&f);
	sl_ring_init(&ring, fake_guest_at(&f.guest, RING_ADDR), SL_RING_MIN_SIZE);
	assert_int_equal(sl_ring_write(&ring, &header, sizeof(header), &written), 0);
	assert_int_equal(sl_ring_write(&ring, &payload, sizeof(payload), &written), 0);
	sl_ring_publish(&ring);
	assert_int_equal(submit_op(&f, SL_VIRTIO_DOORBELL, 0, true), OK);
	assert_int_equal(sl_host_link_receive(f.host, &message, &why), 0);
	assert_int_equal(message.size, 24);
	assert_memory_equal(message.data + 16, &payload, sizeof(payload));

	const struct sl_wire_reply_slot slot = { .region_id = SL_REGION_REPLY,
						 .offset = 0x90000,
						 .capacity = 64 };
	assert_int_equal(sl_host_link_begin_reply(f.host, &slot, 6, &reply), 0);
	memcpy(reply, "answer", 6);
	sl_host_link_commit_reply(f.host);
	/* Behind the seam of the guest's memory slots. */
	assert_memory_equal((char *)fake_guest_at(&f.guest, REPLY_ADDR + 0x90000 + 8), "answer", 6);
	finish(&f);
}

enum {
	BUSY_MESSAGES = 500
};

static void *receive_all(void *data)
{
	struct fixture *f = data;
	struct sl_message message;
	const char *why;

	for (int i = 0; i < BUSY_MESSAGES + 1 && f->accept_result == 0; i++) {
		f->accept_result = sl_host_link_receive(f->host, &message, &why);
	}
	return NULL;
}

/* Returns true if the doorbell must be rung for it. */
static bool send_numbered(struct sl_ring *ring, uint32_t seqno)
{
	const struct sl_wire_header header = { .size = 16, .command_id = 5, .seqno = seqno };
	size_t written;

	assert_int_equal(sl_ring_write(ring, &header, sizeof(header), &written), 0);
	return sl_ring_publish(ring);
}

static void wait_until_read(const struct sl_ring *ring)
{
	while (atomic_load(&ring->shared->tail) != ring->own) {
		sched_yield();
	}
}

/* A program that goes on sending never leaves its CPU; one that pauses does, once. */
static void test_busy_guest_rings_no_doorbell(void **state)
{
	struct fixture f;
	struct sl_ring ring;
	uint32_t rings = 0;

	init(&f);
	connect_guest(&f);
	sl_ring_init(&ring, fake_guest_at(&f.guest, RING_ADDR), SL_RING_MIN_SIZE);
	assert_int_equal(pthread_create(&f.thread, NULL, receive_all, &f), 0);
	for (uint32_t i = 0; i < BUSY_MESSAGES; i++) {
		if (send_numbered(&ring, i)) {
			rings++;
			assert_int_equal(submit_op(&f, SL_VIRTIO_DOORBELL, 0, true), OK);
		}
		wait_until_read(&ring);
	}
	/* Some, where somebody else had the machine for a while. */
	assert_true(rings < BUSY_MESSAGES / 10);
	while (atomic_load(&ring.shared->asleep) == 0) {
		sched_yield();
	}
	assert_true(send_numbered(&ring, BUSY_MESSAGES));
	assert_int_equal(submit_op(&f, SL_VIRTIO_DOORBELL, 0, true), OK);
	pthread_join(f.thread, NULL);
	assert_int_equal(f.accept_result, 0);
	finish(&f);
}

static void test_sleepers_are_woken(void **state)
{
	struct fixture f;

	init(&f);
	connect_guest(&f);
	struct sl_sync_page *sync = sync_page(&f);
	sync->wake_seq = 7;
	assert_int_equal(submit_op(&f, SL_VIRTIO_WAIT, 6, true), OK); /* it has moved on */
	assert_int_equal(submit_op(&f, SL_VIRTIO_WAIT, 7, true), 0);
	uint32_t count = f.guest.answer.fence_count;
	sl_host_link_publish(f.host, 0, 1); /* nobody sleeps: no need to tell */
	run(&f);
	assert_int_equal(f.guest.answer.fence_count, count);
	sync->sleepers = 1;
	sl_host_link_publish(f.host, 0, 2);
	run(&f);
	assert_int_equal(f.guest.answer.fence_count, count + 1);
	assert_int_equal(sync->wake_seq, 9);
	assert_int_equal(sync->queues[0].completed, 2);
	finish(&f);
}

static uint32_t send_region(struct fixture *f, uint32_t resource_id, uint32_t region_id,
			    uint64_t size)
{
	struct sl_packet_region packet = { .region_id = region_id, .size = size };
	const struct sl_virtio_submit command = {
		.magic = SL_VIRTIO_MAGIC,
		.op = SL_VIRTIO_PACKET,
		.resource_ids = { resource_id },
		.packet_size = sizeof(packet),
	};

	sl_handshake_init_header(&packet.header, SL_PACKET_REGION, sizeof(packet));
	return submit(f, &command, &packet, false);
}

static uint32_t unref(struct fixture *f, uint32_t resource_id)
{
	struct virtio_gpu_ctx_resource detach = {
		.hdr = { .type = VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, .ctx_id = CONTEXT_ID },
		.resource_id = resource_id,
	};
	struct virtio_gpu_resource_unref cmd = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
						 .resource_id = resource_id };

	assert_int_equal(fake_guest_send(&f->guest, &detach), OK);
	return fake_guest_send(&f->guest, &cmd);
}

static void test_region_is_stitched_and_let_go(void **state)
{
	/* Pages in any order. */
	const struct virtio_gpu_mem_entry entries[3] = {
		{ .addr = REGION_ADDR + 0x5000, .length = 0x1000 },
		{ .addr = REGION_ADDR, .length = 0x2000 },
		{ .addr = FAKE_RAM_ADDR + FAKE_RAM_SPLIT - 0x1000, .length = 0x1000 },
	};
	struct fixture f;
	void *data = NULL;
	size_t size = 0;

	init(&f);
	connect_guest(&f);
	create_resource(&f, REGION, 0x4000, entries, 3);
	assert_int_equal(send_region(&f, REGION, 9, 0x4000), OK);
	assert_int_equal(send_region(&f, REGION, 10, 0x4000),
			 VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER); /* it is one already */
	assert_int_equal(sl_host_link_hold_region(f.host, 9, &data, &size), 0);
	assert_int_equal(size, 0x4000);
	strcpy((char *)data, "first");
	strcpy((char *)data + 0x2000, "third");
	strcpy((char *)data + 0x3000, "last");
	assert_string_equal(fake_guest_at(&f.guest, REGION_ADDR + 0x5000), "first");
	assert_string_equal(fake_guest_at(&f.guest, REGION_ADDR + 0x1000), "third");
	assert_string_equal(fake_guest_at(&f.guest, FAKE_RAM_ADDR + FAKE_RAM_SPLIT - 0x1000),
			    "last");
	/* The guest frees it while the renderer still has it: the pages stay. */
	assert_int_equal(unref(&f, REGION), 0);
	assert_int_equal(sl_host_link_forget_region(f.host, 9), 0);
	run(&f);
	assert_int_equal(f.guest.answer.type, OK); /* the submission that failed, before */
	uint32_t count = f.guest.answer.count;
	sl_host_link_release_region(f.host, 9);
	run(&f);
	assert_int_equal(f.guest.answer.count, count + 1);
	assert_int_equal(f.guest.answer.type, OK);
	/* One that the renderer never heard of goes at once. */
	create_resource(&f, REGION, 0x4000, entries, 3);
	assert_int_equal(unref(&f, REGION), OK);
	finish(&f);
}

static void test_late_region_is_waited_for(void **state)
{
	struct fixture f;
	void *data = NULL;
	size_t size = 0;

	init(&f);
	connect_guest(&f);
	assert_int_equal(sl_host_link_hold_region(f.host, 9, &data, &size), -ENOENT);
	finish(&f);
}

static void test_renderer_ends(void **state)
{
	struct fixture f;

	init(&f);
	connect_guest(&f);
	struct sl_sync_page *sync = sync_page(&f);
	assert_int_equal(submit_op(&f, SL_VIRTIO_WAIT, sync->wake_seq, true), 0);
	uint32_t count = f.guest.answer.fence_count;
	sl_host_link_destroy(f.host);
	f.host = NULL;
	run(&f);
	assert_int_equal(f.guest.answer.fence_count, count + 1);
	assert_int_equal(sync->lost, SL_LOST_RENDERER);
	assert_true(strlen(sync->lost_text) > 0);
	/* The guest's program goes on with its dead context, and lets go of it. */
	assert_int_equal(submit_op(&f, SL_VIRTIO_DOORBELL, 0, true), OK);
	assert_int_equal(submit_op(&f, SL_VIRTIO_WAIT, sync->wake_seq, true), OK);
	assert_int_equal(unref(&f, RING), OK);
	finish(&f);
}

static void test_program_is_killed(void **state)
{
	struct virtio_gpu_ctx_destroy destroy = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_DESTROY,
							   .ctx_id = CONTEXT_ID } };
	struct fixture f;
	struct sl_message message;
	const char *why;

	init(&f);
	connect_guest(&f);
	/* As a guest's kernel does it: resources first, then the context. */
	assert_int_equal(unref(&f, RING), 0);
	assert_int_equal(unref(&f, REPLY), 0);
	assert_int_equal(fake_guest_send(&f.guest, &destroy), OK);
	assert_int_equal(sl_host_link_receive(f.host, &message, &why), -EPIPE);
	uint32_t count = f.guest.answer.count;
	run(&f);
	assert_int_equal(f.guest.answer.count, count); /* the renderer still has the pages */
	sl_host_link_destroy(f.host);
	f.host = NULL;
	run(&f);
	assert_int_equal(f.guest.answer.count, count + 2);
	assert_int_equal(sl_vgpu_sluice_get_count(f.backend), 0);
	finish(&f);
}

/* Whatever a renderer gives instead of its doorbell holds nobody up, and ends nobody. */
static void test_wrong_doorbells_are_refused(void **state)
{
	uint8_t packet[SL_PACKET_MAX_SIZE];
	int fds[SL_FD_MAX_SENT];
	unsigned int fd_count;

	for (int i = 0; i < 3; i++) {
		struct sl_packet_header welcome;
		struct fixture f;
		int ends[2];

		init(&f);
		assert_int_equal(i == 0 ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends),
				 0);
		create_shared(&f);
		assert_int_equal(send_hello(&f), 0);
		int renderer = accept4(f.listener, NULL, NULL, SOCK_CLOEXEC);

		while (sl_fd_receive(renderer, packet, sizeof(packet), fds, SL_FD_MAX_SENT,
				     &fd_count) > 0 &&
		       fd_count != SL_HELLO_FD_COUNT) {
			for (unsigned int j = 0; j < fd_count; j++) {
				close(fds[j]);
			}
		}
		for (unsigned int j = 0; j < fd_count; j++) {
			close(fds[j]);
		}
		sl_handshake_init_header(&welcome, SL_PACKET_WELCOME, sizeof(welcome));
		assert_int_equal(
			sl_fd_send(renderer, &welcome, sizeof(welcome), &ends[1], i < 2 ? 1 : 0),
			0);
		run(&f);
		close(ends[0]);
		assert_int_equal(submit_op(&f, SL_VIRTIO_DOORBELL, 0, true), OK);
		assert_int_equal(greeting_type(&f), SL_PACKET_REFUSED);
		close(ends[1]);
		close(renderer);
		finish(&f);
	}
	(void)state;
}

static void test_no_daemon(void **state)
{
	struct fixture f;

	init(&f);
	unlink(f.path);
	create_shared(&f);
	assert_int_equal(send_hello(&f), OK);
	assert_int_equal(greeting_type(&f), SL_PACKET_REFUSED);
	const struct sl_virtio_greeting *greeting = fake_guest_at(&f.guest, REPLY_ADDR);
	struct sl_packet_refused packet;
	memcpy(&packet, greeting + 1, sizeof(packet));
	assert_non_null(strstr(packet.text, "cannot reach sluiced: No such file or directory"));
	finish(&f);
}

static void test_unsealed_memory_is_refused(void **state)
{
	struct sl_guest_ram_slot slot = { 1ull << 32, 0x10000, 1ull << 40, 0 };
	int fd = memfd_create("unsealed", MFD_CLOEXEC);
	struct fixture f;

	init(&f);
	assert_int_equal(ftruncate(fd, 0x10000), 0);
	assert_int_equal(sl_guest_ram_add(&f.guest.ram, &slot, fd), 0);
	assert_int_equal(pthread_create(&f.thread, NULL, accept_guest, &f), 0);
	create_context(&f);
	create_plain(&f, RING, RING_ADDR, RING_BYTES);
	create_plain(&f, REPLY, REPLY_ADDR, SL_REPLY_AREA_SIZE);
	create_plain(&f, SYNC, 1ull << 32, SL_SYNC_PAGE_SIZE);
	assert_int_equal(send_hello(&f), 0);
	pthread_join(f.thread, NULL);
	assert_int_equal(f.accept_result, -EPROTO);
	run(&f);
	assert_int_equal(greeting_type(&f), SL_PACKET_REFUSED);
	finish(&f);
}

static void test_wrong_submissions(void **state)
{
	struct sl_virtio_submit command = { .magic = SL_VIRTIO_MAGIC, .op = SL_VIRTIO_HELLO };
	uint8_t zeros[512] = { 0 };
	const uint32_t bad = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	struct fixture f;

	init(&f);
	create_shared(&f);
	assert_int_equal(submit(&f, &command, NULL, true), bad); /* no packet */
	command.packet_size = sizeof(zeros);
	assert_int_equal(submit(&f, &command, zeros, true), bad); /* no resources */
	command.resource_ids[0] = RING;
	command.resource_ids[1] = RING;
	command.resource_ids[2] = RING;
	assert_int_equal(submit(&f, &command, zeros, true), bad); /* one for all */
	command.op = SL_VIRTIO_PACKET;
	assert_int_equal(submit(&f, &command, zeros, true), bad); /* before the hello */
	command.op = 77;
	assert_int_equal(submit(&f, &command, zeros, true), bad);
	command.magic = 0;
	assert_int_equal(submit(&f, &command, zeros, true), bad);
	assert_int_equal(submit_op(&f, SL_VIRTIO_DOORBELL, 0, true), OK); /* rings nowhere */
	assert_int_equal(submit_op(&f, SL_VIRTIO_WAIT, 0, true), OK);	  /* for nobody */
	finish(&f);

	/* The same, connected. */
	init(&f);
	connect_guest(&f);
	assert_int_equal(send_hello(&f), bad);
	assert_int_equal(send_region(&f, RING, 5, 4096), bad);
	assert_int_equal(send_region(&f, 77, 5, 4096), bad);
	create_plain(&f, REGION, REGION_ADDR, 4096);
	assert_int_equal(send_region(&f, REGION, 5, 8192), bad);
	assert_int_equal(send_region(&f, REGION, 0, 4096), bad);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_and_replies),
		cmocka_unit_test(test_busy_guest_rings_no_doorbell),
		cmocka_unit_test(test_sleepers_are_woken),
		cmocka_unit_test(test_region_is_stitched_and_let_go),
		cmocka_unit_test(test_late_region_is_waited_for),
		cmocka_unit_test(test_renderer_ends),
		cmocka_unit_test(test_program_is_killed),
		cmocka_unit_test(test_wrong_doorbells_are_refused),
		cmocka_unit_test(test_no_daemon),
		cmocka_unit_test(test_unsealed_memory_is_refused),
		cmocka_unit_test(test_wrong_submissions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
