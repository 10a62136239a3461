/* SPDX-License-Identifier: MIT */
/* A vgpu that sends anything to a sluice-virgl, whose renderer only remembers. */
#include "host/base/fd.h"
#include "host/base/quota.h"
#include "host/base/stats.h"
#include "host/virgl/server.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_SIZE 16384u

struct fixture {
	int vgpu; /* the other end */
	int socket;
	struct sl_virgl_server *server;
	struct sl_quota quota;
	struct sl_stats stats;
	char calls[512];
	int result; /* of the renderer's functions */
	uint32_t submitted;
	struct iovec *runs; /* of the last attach_pages() */
	uint8_t *memory;    /* the guest's */
};

static void log_call(struct fixture *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void log_call(struct fixture *f, const char *format, ...)
{
	size_t used = strlen(f->calls);
	va_list args;

	va_start(args, format);
	vsnprintf(f->calls + used, sizeof(f->calls) - used, format, args);
	va_end(args);
}

static int create_resource(void *data, const struct sl_virgl_create *create)
{
	struct fixture *f = data;

	log_call(f, "create %u;", create->resource_id);
	return f->result;
}

static void destroy_resource(void *data, uint32_t resource_id)
{
	log_call(data, "destroy %u;", resource_id);
}

static int attach_pages(void *data, uint32_t resource_id, struct iovec *runs, uint32_t count)
{
	struct fixture *f = data;

	f->runs = runs;
	log_call(f, "pages %u x%u;", resource_id, count);
	return f->result;
}

static void detach_pages(void *data, uint32_t resource_id)
{
	log_call(data, "no pages %u;", resource_id);
}

static int create_context(void *data, uint32_t context_id, const char *name)
{
	struct fixture *f = data;

	log_call(f, "context %u %s;", context_id, name);
	return f->result;
}

static void destroy_context(void *data, uint32_t context_id)
{
	log_call(data, "end %u;", context_id);
}

static void attach(void *data, uint32_t context_id, uint32_t resource_id)
{
	log_call(data, "attach %u %u;", context_id, resource_id);
}

static void detach(void *data, uint32_t context_id, uint32_t resource_id)
{
	log_call(data, "detach %u %u;", context_id, resource_id);
}

static int transfer(void *data, const struct sl_virgl_transfer *transfer)
{
	struct fixture *f = data;

	log_call(f, "transfer %u;", transfer->resource_id);
	return f->result;
}

static int submit(void *data, uint32_t context_id, uint32_t *words, uint32_t count)
{
	struct fixture *f = data;

	f->submitted += count;
	log_call(f, "submit %u x%u;", context_id, count);
	return f->result;
}

static int export_resource(void *data, uint32_t resource_id, struct sl_virgl_exported *ret_exported)
{
	struct fixture *f = data;

	log_call(f, "export %u;", resource_id);
	ret_exported->fourcc = 7;
	return f->result < 0 ? f->result : sl_fd_create_memory("picture", 4096);
}

static int read_pixels(void *data, const struct sl_virgl_read *read, uint32_t stride, void *pixels,
		       size_t size)
{
	struct fixture *f = data;

	/* All that may be written. */
	memset(pixels, 7, size);
	log_call(f, "read %u %u;", read->resource_id, stride);
	return f->result;
}

static const struct sl_virgl_ops ops = {
	.create_resource = create_resource,
	.destroy_resource = destroy_resource,
	.attach_pages = attach_pages,
	.detach_pages = detach_pages,
	.create_context = create_context,
	.destroy_context = destroy_context,
	.attach = attach,
	.detach = detach,
	.transfer = transfer,
	.submit = submit,
	.export_resource = export_resource,
	.read = read_pixels,
};

static void init(struct fixture *f)
{
	struct sl_virgl_server_options options = { .ops = &ops, .data = f };
	int fds[2];

	memset(f, 0, sizeof(*f));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	f->vgpu = fds[0];
	f->socket = fds[1];
	atomic_store(&f->quota.limit, 1 << 20);
	atomic_store(&f->quota.slot_end, 1);
	options.socket = f->socket;
	options.quota = &f->quota;
	options.stats = &f->stats;
	assert_int_equal(sl_virgl_server_create(&options, &f->server), 0);
}

static void finish(struct fixture *f)
{
	sl_virgl_server_destroy(f->server);
	if (f->memory != NULL) {
		munmap(f->memory, MEMORY_SIZE);
	}
	close(f->vgpu);
	close(f->socket);
}

/* Send a message and run its packets whole. Returns what the server says. */
static int handle(struct fixture *f, const void *packet, size_t size, int fd)
{
	uint32_t draws;

	assert_int_equal(sl_fd_send(f->vgpu, packet, size, &fd, fd >= 0 ? 1 : 0), 0);
	int r;

	do {
		r = sl_virgl_server_receive(f->server);
		while (r == 0 && sl_virgl_server_has_packet(f->server)) {
			r = sl_virgl_server_run(f->server, UINT32_MAX, &draws);
		}
	} while (r == 0 && sl_virgl_server_has_more(f->server));
	/* The process would end: the rest is nobody's. */
	while (sl_virgl_server_has_more(f->server)) {
		(void)sl_virgl_server_receive(f->server);
	}
	return r;
}

#define HANDLE(f, packet) handle(f, &(packet), sizeof(packet), -1)

static int answer(struct fixture *f, void *packet, size_t size)
{
	ssize_t got = recv(f->vgpu, packet, size, MSG_DONTWAIT);

	return got == (ssize_t)size ? 0 : -1;
}

static struct sl_virgl_create texture(uint32_t id)
{
	return (struct sl_virgl_create){ .header.type = SL_VIRGL_CREATE,
					 .resource_id = id,
					 .target = 2,
					 .format = 1,
					 .width = 64,
					 .height = 64,
					 .depth = 1,
					 .array_size = 1 };
}

static int add_texture(struct fixture *f, uint32_t id)
{
	struct sl_virgl_create packet = texture(id);

	return HANDLE(f, packet);
}

static int simple(struct fixture *f, uint32_t type, uint32_t id)
{
	struct sl_virgl_resource packet = { .header.type = type, .resource_id = id };

	return HANDLE(f, packet);
}

static int context(struct fixture *f, uint32_t type, uint32_t id)
{
	struct sl_virgl_context packet = { .header.type = type, .context_id = id, .name = "x" };

	return HANDLE(f, packet);
}

static int attach_packet(struct fixture *f, uint32_t type, uint32_t context_id,
			 uint32_t resource_id)
{
	struct sl_virgl_attach packet = { .header.type = type,
					  .context_id = context_id,
					  .resource_id = resource_id };

	return HANDLE(f, packet);
}

static int share_memory(struct fixture *f)
{
	struct sl_virgl_memory packet = { .header.type = SL_VIRGL_MEMORY };
	int fd = sl_fd_create_memory("ram", MEMORY_SIZE);

	f->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(f->memory, MAP_FAILED);
	int r = handle(f, &packet, sizeof(packet), fd);
	close(fd);
	return r;
}

static int back(struct fixture *f, uint32_t id, const struct sl_virgl_run *runs, uint32_t count)
{
	struct {
		struct sl_virgl_backing packet;
		struct sl_virgl_run runs[4];
	} all = { .packet = { .header = { SL_VIRGL_BACKING, count * sizeof(*runs) },
			      .resource_id = id,
			      .run_count = count } };

	memcpy(all.runs, runs, count * sizeof(*runs));
	return handle(f, &all, sizeof(all.packet) + count * sizeof(*runs), -1);
}

static int submit_words(struct fixture *f, uint32_t id, const uint32_t *words, uint32_t count)
{
	struct {
		struct sl_virgl_submit packet;
		uint32_t words[64];
	} all = { .packet = { .header = { SL_VIRGL_SUBMIT, count * 4 }, .context_id = id } };

	if (count > 0) {
		memcpy(all.words, words, count * 4);
	}
	return handle(f, &all, sizeof(all.packet) + count * 4, -1);
}

static void test_objects_come_and_go(void **state)
{
	const struct sl_virgl_run runs[] = { { 4096, 4096, 0 }, { 0, 100, 0 } };
	struct sl_virgl_resource released;
	struct fixture f;

	init(&f);
	assert_int_equal(share_memory(&f), 0);
	assert_int_equal(add_texture(&f, 5), 0);
	assert_int_equal(sl_quota_get_used(&f.quota), 64 * 64 * 4);
	assert_int_equal(back(&f, 5, runs, 2), 0);
	f.memory[4096] = 42;
	assert_int_equal(*(uint8_t *)f.runs[0].iov_base, 42);
	assert_int_equal(f.runs[1].iov_len, 100);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 5), 0); /* ids of each kind */
	assert_int_equal(attach_packet(&f, SL_VIRGL_ATTACH, 5, 5), 0);
	assert_int_equal(attach_packet(&f, SL_VIRGL_DETACH, 5, 5), 0);
	assert_int_equal(simple(&f, SL_VIRGL_NO_BACKING, 5), 0);
	assert_int_equal(answer(&f, &released, sizeof(released)), 0);
	assert_int_equal(released.header.type, SL_VIRGL_RELEASED);
	assert_int_equal(back(&f, 5, runs, 1), 0);
	assert_int_equal(simple(&f, SL_VIRGL_DESTROY, 5), 0);
	assert_int_equal(answer(&f, &released, sizeof(released)), 0);
	assert_int_equal(released.resource_id, 5);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT_END, 5), 0);
	assert_string_equal(f.calls, "create 5;pages 5 x2;context 5 x;attach 5 5;detach 5 5;"
				     "no pages 5;pages 5 x1;no pages 5;destroy 5;end 5;");
	assert_int_equal(sl_quota_get_used(&f.quota), 0);
	assert_int_equal(sl_stats_get(&f.stats.objects), 0);
	assert_int_equal(sl_stats_get(&f.stats.shared_memory_bytes), 0);
	finish(&f);
}

static void test_unknown_ids_end_the_connection(void **state)
{
	const struct sl_virgl_run run = { 0, 4096, 0 };
	const uint32_t word = 0;
	struct sl_virgl_transfer move = { .header.type = SL_VIRGL_TRANSFER, .resource_id = 9 };
	struct sl_virgl_read read = { .header.type = SL_VIRGL_READ, .resource_id = 9 };
	struct fixture f;

	init(&f);
	assert_int_equal(add_texture(&f, 0), -EBADMSG);
	assert_int_equal(add_texture(&f, 1), 0);
	assert_int_equal(add_texture(&f, 1), -EBADMSG);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 0), -EBADMSG);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 1), 0);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 1), -EBADMSG);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT_END, 2), -EBADMSG);
	assert_int_equal(simple(&f, SL_VIRGL_DESTROY, 2), -EBADMSG);
	assert_int_equal(simple(&f, SL_VIRGL_NO_BACKING, 2), -EBADMSG);
	assert_int_equal(attach_packet(&f, SL_VIRGL_ATTACH, 1, 2), -EBADMSG);
	assert_int_equal(attach_packet(&f, SL_VIRGL_ATTACH, 2, 1), -EBADMSG);
	assert_int_equal(submit_words(&f, 2, &word, 1), -EBADMSG);
	assert_int_equal(back(&f, 2, &run, 1), -EBADMSG);
	assert_int_equal(HANDLE(&f, move), -EBADMSG);
	assert_int_equal(HANDLE(&f, read), -EBADMSG);
	move.resource_id = 1;
	move.context_id = 2;
	assert_int_equal(HANDLE(&f, move), -EBADMSG);
	finish(&f);
}

static void test_pages_must_be_guest_memory(void **state)
{
	const struct sl_virgl_run bad[] = {
		{ 0, 4096, 1 },
		{ 0, MEMORY_SIZE + 1, 0 },
		{ 0, 0, 0 },
		{ MEMORY_SIZE, 1, 0 },
		{ UINT64_MAX, 4096, 0 },
		{ 1, UINT32_MAX, 0 },
		{ MEMORY_SIZE - 4095, 4096, 0 },
		{ 0, 4096, UINT32_MAX },
	};
	const struct sl_virgl_run good = { MEMORY_SIZE - 1, 1, 0 };
	struct sl_virgl_memory memory = { .header.type = SL_VIRGL_MEMORY };
	struct fixture f;

	init(&f);
	assert_int_equal(add_texture(&f, 1), 0);
	assert_int_equal(back(&f, 1, &good, 1), -EBADMSG); /* there is none yet */
	assert_int_equal(share_memory(&f), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(back(&f, 1, &bad[i], 1), -EBADMSG);
	}
	assert_int_equal(back(&f, 1, &good, 0), -EBADMSG);
	assert_int_equal(back(&f, 1, &good, 1), 0);
	assert_int_equal(back(&f, 1, &good, 1), -EBADMSG); /* it has some */
	/* What could be cut off under us. */
	int fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(handle(&f, &memory, sizeof(memory), fd), -EBADMSG);
	close(fd);
	assert_int_equal(handle(&f, &memory, sizeof(memory), -1), -EBADMSG);
	finish(&f);
}

static void test_nonsense_costs_only_the_resource(void **state)
{
	const struct sl_virgl_run run = { 0, 4096, 0 };
	struct sl_virgl_transfer move = { .header.type = SL_VIRGL_TRANSFER, .resource_id = 1 };
	struct sl_virgl_create packet;
	struct sl_virgl_resource released;
	struct fixture f;

	init(&f);
	assert_int_equal(share_memory(&f), 0);
	for (uint32_t i = 1; i <= 8; i++) {
		packet = texture(i);
		packet.target = i == 1 ? 9 : 2;
		packet.width = i == 2 ? 0 : i == 3 ? UINT32_MAX : 64;
		packet.height = i == 4 ? UINT32_MAX : 64;
		packet.depth = i == 5 ? UINT32_MAX : 1;
		packet.array_size = i == 6 ? UINT32_MAX : 1;
		packet.last_level = i == 7 ? 16 : 0;
		packet.nr_samples = i == 8 ? 33 : 0;
		assert_int_equal(HANDLE(&f, packet), 0);
	}
	/* Too large for the quota, though its sizes are all allowed. */
	packet = texture(9);
	packet.width = packet.height = 32768;
	packet.array_size = packet.depth = 4096;
	packet.nr_samples = 32;
	packet.format = 31;
	assert_int_equal(HANDLE(&f, packet), 0);
	assert_string_equal(f.calls, "");
	assert_int_equal(sl_quota_get_used(&f.quota), 0);
	assert_int_equal(back(&f, 1, &run, 1), 0);
	assert_int_equal(HANDLE(&f, move), 0);
	assert_int_equal(simple(&f, SL_VIRGL_DESTROY, 1), 0);
	assert_int_equal(answer(&f, &released, sizeof(released)), 0);
	assert_string_equal(f.calls, "");
	/* Nor does one that the renderer refuses stay charged. */
	f.result = -EINVAL;
	assert_int_equal(add_texture(&f, 1), 0);
	assert_int_equal(sl_quota_get_used(&f.quota), 0);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 1), 0);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT_END, 1), 0);
	assert_string_equal(f.calls, "create 1;context 1 x;");
	finish(&f);
}

static void test_packets_have_their_size(void **state)
{
	uint8_t bytes[SL_VIRGL_MAX_PACKET] = { 0 };
	struct sl_virgl_submit long_one = { .header = { SL_VIRGL_SUBMIT, 40000 }, .context_id = 1 };
	struct fixture f;

	init(&f);
	for (uint32_t type = 0; type < 40; type++) {
		struct sl_virgl_header header = { .type = type };

		memcpy(bytes, &header, sizeof(header));
		assert_int_equal(handle(&f, bytes, 7, -1), -EBADMSG);
		assert_int_equal(handle(&f, bytes, 200, -1), -EBADMSG);
		header.payload = UINT32_MAX;
		memcpy(bytes, &header, sizeof(header));
		assert_int_equal(handle(&f, bytes, 64, -1), -EBADMSG);
	}
	/* A payload in a file that is shorter than it should be, or none at all. */
	assert_int_equal(handle(&f, &long_one, sizeof(long_one), -1), -EBADMSG);
	int fd = sl_fd_create_memory("payload", 39996);
	assert_int_equal(handle(&f, &long_one, sizeof(long_one), fd), -EBADMSG);
	close(fd);
	fd = sl_fd_create_memory("payload", 40000);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 1), 0);
	assert_int_equal(handle(&f, &long_one, sizeof(long_one), fd), 0);
	assert_int_equal(f.submitted, 10000);
	close(fd);
	shutdown(f.vgpu, SHUT_WR);
	assert_int_equal(sl_virgl_server_receive(f.server), -EPIPE);
	finish(&f);
}

static void test_a_message_has_several_packets(void **state)
{
	struct {
		struct sl_virgl_context context;
		struct sl_virgl_submit submit;
		uint32_t words[3];
		struct sl_virgl_create create;
		struct sl_virgl_memory last;
	} all = { .context = { .header.type = SL_VIRGL_CONTEXT, .context_id = 1, .name = "x" },
		  .submit = { .header = { SL_VIRGL_SUBMIT, 12 }, .context_id = 1 },
		  .create = texture(7),
		  .last.header.type = SL_VIRGL_MEMORY };
	const size_t size = offsetof(__typeof__(all), last);
	uint32_t draws;
	struct fixture f;

	init(&f);
	assert_int_equal(handle(&f, &all, size, -1), 0);
	assert_string_equal(f.calls, "context 1 x;submit 1 x3;create 7;");
	/* What is behind a packet that makes no sense is dropped with it. */
	f.calls[0] = '\0';
	assert_int_equal(handle(&f, &all, size, -1), -EBADMSG); /* that context again */
	assert_int_equal(sl_fd_send(f.vgpu, &all.submit, 27, NULL, 0), 0);
	assert_int_equal(sl_virgl_server_receive(f.server), -EBADMSG); /* cut short */
	assert_false(sl_virgl_server_has_more(f.server));
	/* A descriptor comes with one packet, and a packet that wants one alone. */
	int fd = sl_fd_create_memory("ram", 4096);
	struct sl_virgl_memory two[2] = { all.last, all.last };
	assert_int_equal(handle(&f, two, sizeof(two), fd), -EBADMSG);
	assert_int_equal(handle(&f, &all.create, sizeof(all.create) + 8, -1), -EBADMSG);
	assert_int_equal(sl_fd_send(f.vgpu, two, sizeof(two[0]), &fd, 1), 0);
	assert_int_equal(sl_virgl_server_receive(f.server), 0);
	assert_int_equal(sl_virgl_server_run(f.server, 1, &draws), 0);
	close(fd);
	finish(&f);
}

static void test_submissions_are_cut_at_draws(void **state)
{
	/* State, draw, state, clear, draw; the last one claims to be longer than it is. */
	const uint32_t words[] = { 1 | 2 << 16, 0,	     0, 8 | 1 << 16,	   0,
				   3 | 0 << 16, 7 | 1 << 16, 0, 8 | 0xffffu << 16, 0 };
	struct {
		struct sl_virgl_submit packet;
		uint32_t words[10];
	} all = { .packet = { .header = { SL_VIRGL_SUBMIT, sizeof(words) }, .context_id = 1 } };
	uint32_t draws;
	struct fixture f;

	init(&f);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 1), 0);
	f.calls[0] = '\0';
	memcpy(all.words, words, sizeof(words));
	assert_int_equal(sl_fd_send(f.vgpu, &all, sizeof(all), NULL, 0), 0);
	assert_int_equal(sl_virgl_server_receive(f.server), 0);
	assert_true(sl_virgl_server_needs_gpu(f.server));
	for (int i = 0; i < 3; i++) {
		assert_true(sl_virgl_server_has_packet(f.server));
		assert_int_equal(sl_virgl_server_run(f.server, 1, &draws), 0);
		assert_int_equal(draws, 1);
	}
	assert_false(sl_virgl_server_has_packet(f.server));
	assert_int_equal(sl_virgl_server_get_piece_count(f.server), 3);
	assert_string_equal(f.calls, "submit 1 x5;submit 1 x3;submit 1 x2;");
	/* Bytes that are no words. */
	all.packet.header.payload = 3;
	assert_int_equal(handle(&f, &all, sizeof(all.packet) + 3, -1), -EBADMSG);
	/* What fails is not gone on with. */
	all.packet.header.payload = sizeof(words);
	f.result = -EINVAL;
	assert_int_equal(sl_fd_send(f.vgpu, &all, sizeof(all), NULL, 0), 0);
	assert_int_equal(sl_virgl_server_receive(f.server), 0);
	assert_int_equal(sl_virgl_server_run(f.server, 1, &draws), 0);
	assert_false(sl_virgl_server_has_packet(f.server));
	finish(&f);
}

static int fence(struct fixture *f, uint64_t number)
{
	struct sl_virgl_fence packet = { .header.type = SL_VIRGL_FENCE, .number = number };

	return HANDLE(f, packet);
}

static void test_a_submission_may_be_empty(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 1), 0);
	f.calls[0] = '\0';
	assert_int_equal(submit_words(&f, 1, NULL, 0), 0);
	assert_string_equal(f.calls, "");
	finish(&f);
}

static void test_fences_wait_for_what_came_before(void **state)
{
	const uint32_t word = 0;
	struct sl_virgl_fence reached;
	struct fixture f;

	init(&f);
	assert_int_equal(context(&f, SL_VIRGL_CONTEXT, 1), 0);
	assert_int_equal(fence(&f, 1), 0); /* nothing did */
	assert_int_equal(answer(&f, &reached, sizeof(reached)), 0);
	assert_int_equal(reached.number, 1);
	assert_int_equal(submit_words(&f, 1, &word, 1), 0);
	assert_int_equal(fence(&f, 2), 0);
	assert_int_equal(submit_words(&f, 1, &word, 1), 0);
	assert_int_equal(fence(&f, 3), 0);
	assert_int_equal(fence(&f, 7), 0);
	assert_int_not_equal(answer(&f, &reached, sizeof(reached)), 0);
	assert_int_equal(sl_virgl_server_complete(f.server, 1), 0);
	assert_int_equal(answer(&f, &reached, sizeof(reached)), 0);
	assert_int_equal(reached.number, 2);
	assert_int_equal(sl_virgl_server_complete(f.server, 2), 0);
	assert_int_equal(answer(&f, &reached, sizeof(reached)), 0);
	assert_int_equal(reached.number, 7);
	assert_int_not_equal(answer(&f, &reached, sizeof(reached)), 0);
	assert_int_equal(fence(&f, 7), -EBADMSG);
	finish(&f);
}

static void test_pictures_are_shared(void **state)
{
	struct sl_virgl_exported exported;
	unsigned int fd_count;
	struct fixture f;
	int fd;

	init(&f);
	assert_int_equal(simple(&f, SL_VIRGL_EXPORT, 1), -EBADMSG); /* there is none */
	assert_int_equal(add_texture(&f, 1), 0);
	f.calls[0] = '\0';
	for (int i = 0; i < 2; i++) {
		f.result = i == 0 ? 0 : -ENOTSUP;
		assert_int_equal(simple(&f, SL_VIRGL_EXPORT, 1), 0);
		assert_int_equal(
			sl_fd_receive(f.vgpu, &exported, sizeof(exported), &fd, 1, &fd_count),
			sizeof(exported));
		assert_int_equal(exported.header.type, SL_VIRGL_EXPORTED);
		assert_int_equal(exported.resource_id, 1);
		assert_int_equal(exported.fourcc, i == 0 ? 7 : 0);
		assert_int_equal(fd >= 0, i == 0);
		sl_fd_close(fd);
	}
	assert_string_equal(f.calls, "export 1;export 1;");
	finish(&f);
}

static int screen(struct fixture *f, uint32_t id, uint32_t stride, uint32_t height, int fd)
{
	struct sl_virgl_screen packet = {
		.header.type = SL_VIRGL_SCREEN, .screen_id = id, .stride = stride, .height = height
	};

	return handle(f, &packet, sizeof(packet), fd);
}

static void test_pictures_stay_within_their_screen(void **state)
{
	struct sl_virgl_read read = {
		.header.type = SL_VIRGL_READ, .resource_id = 1, .width = 8, .height = 8
	};
	struct sl_virgl_read done;
	struct fixture f;
	int fd = sl_fd_create_memory("screen", 8 * 8 * 4);

	init(&f);
	assert_int_equal(add_texture(&f, 1), 0);
	assert_int_equal(HANDLE(&f, read), -EBADMSG); /* no screen */
	assert_int_equal(screen(&f, SL_VIRGL_MAX_SCREENS, 32, 8, fd), -EBADMSG);
	assert_int_equal(screen(&f, 0, 32, 9, fd), -EBADMSG);
	assert_int_equal(screen(&f, 0, 0, 8, fd), -EBADMSG);
	assert_int_equal(screen(&f, 0, UINT32_MAX, UINT32_MAX, fd), -EBADMSG);
	assert_int_equal(screen(&f, 0, 32, 8, fd), 0);
	assert_int_equal(HANDLE(&f, read), 0);
	assert_int_equal(answer(&f, &done, sizeof(done)), 0);
	assert_int_equal(done.header.type, SL_VIRGL_READ_DONE);
	for (int i = 0; i < 6; i++) {
		struct sl_virgl_read bad = read;

		bad.width = i == 0 ? 9 : i == 1 ? UINT32_MAX : i == 4 ? 0 : 8;
		bad.height = i == 2 ? 9 : 8;
		bad.screen_x = i == 3 ? UINT32_MAX : 0;
		bad.screen_y = i == 5 ? UINT32_MAX : 0;
		assert_int_equal(HANDLE(&f, bad), -EBADMSG);
	}
	assert_int_equal(screen(&f, 0, 16, 4, fd), 0); /* a smaller one in its place */
	assert_int_equal(HANDLE(&f, read), -EBADMSG);
	close(fd);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_come_and_go),
		cmocka_unit_test(test_unknown_ids_end_the_connection),
		cmocka_unit_test(test_pages_must_be_guest_memory),
		cmocka_unit_test(test_nonsense_costs_only_the_resource),
		cmocka_unit_test(test_packets_have_their_size),
		cmocka_unit_test(test_a_message_has_several_packets),
		cmocka_unit_test(test_submissions_are_cut_at_draws),
		cmocka_unit_test(test_a_submission_may_be_empty),
		cmocka_unit_test(test_fences_wait_for_what_came_before),
		cmocka_unit_test(test_pictures_are_shared),
		cmocka_unit_test(test_pictures_stay_within_their_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
