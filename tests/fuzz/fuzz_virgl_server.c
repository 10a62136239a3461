/* SPDX-License-Identifier: MIT */
/* A vgpu that sends anything to a sluice-virgl, whose renderer touches what it is given. The input
 * is a sequence of packets: a byte for the type, a byte for its length, then the packet's fields.
 */
#include "host/base/fd.h"
#include "host/base/quota.h"
#include "host/base/stats.h"
#include "host/virgl/server.h"
#include "tests/fuzz/fuzz.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_PACKETS 64
#define MEMORY_SIZE 8192u

static struct iovec *runs_of[16];
static uint32_t run_counts[16];

static int create_resource(void *data, const struct sl_virgl_create *create)
{
	return create->bind == 0xff ? -22 : 0;
}

static void destroy_resource(void *data, uint32_t resource_id)
{
	/* The server lets go of pages first. */
	if (runs_of[resource_id % 16] != NULL && resource_id < 16) {
		abort();
	}
}

static int attach_pages(void *data, uint32_t resource_id, struct iovec *runs, uint32_t count)
{
	if (resource_id < 16) {
		runs_of[resource_id] = runs;
		run_counts[resource_id] = count;
	}
	return 0;
}

static void detach_pages(void *data, uint32_t resource_id)
{
	if (resource_id < 16) {
		runs_of[resource_id] = NULL;
	}
}

static int create_context(void *data, uint32_t context_id, const char *name)
{
	return name[0] == 'f' ? -12 : 0;
}

static void ignore_context(void *data, uint32_t context_id)
{
}

static void ignore_pair(void *data, uint32_t context_id, uint32_t resource_id)
{
}

/* Every byte that virglrenderer might touch. */
static int transfer(void *data, const struct sl_virgl_transfer *transfer)
{
	if (transfer->resource_id < 16 && runs_of[transfer->resource_id] != NULL) {
		for (uint32_t i = 0; i < run_counts[transfer->resource_id]; i++) {
			const struct iovec *run = &runs_of[transfer->resource_id][i];

			memset(run->iov_base, 1, run->iov_len);
		}
	}
	return 0;
}

static int submit(void *data, uint32_t context_id, uint32_t *words, uint32_t count)
{
	memset(words, 0, count * sizeof(*words));
	return 0;
}

static int export_resource(void *data, uint32_t resource_id, struct sl_virgl_exported *ret_exported)
{
	ret_exported->fourcc = resource_id;
	return (resource_id & 1) != 0 ? sl_fd_create_memory("fuzz", 4096) : -95;
}

static int read_pixels(void *data, const struct sl_virgl_read *read, uint32_t stride, void *pixels,
		       size_t size)
{
	size_t needed = (size_t)stride * (read->height - 1) + (size_t)read->width * 4;

	if (needed > size) {
		abort();
	}
	memset(pixels, 2, needed);
	return 0;
}

static const struct sl_virgl_ops ops = {
	.create_resource = create_resource,
	.destroy_resource = destroy_resource,
	.attach_pages = attach_pages,
	.detach_pages = detach_pages,
	.create_context = create_context,
	.destroy_context = ignore_context,
	.attach = ignore_pair,
	.detach = ignore_pair,
	.transfer = transfer,
	.submit = submit,
	.export_resource = export_resource,
	.read = read_pixels,
};

/* Returns false once the server has ended the connection. */
static bool handle(struct sl_virgl_server *server, int vgpu, struct fuzz_input *in)
{
	struct {
		struct sl_virgl_header header;
		uint8_t bytes[248];
	} packet;
	uint8_t type = fuzz_u8(in);
	uint8_t size = fuzz_u8(in);
	uint8_t answer[128];
	uint32_t draws;
	int fd = -1;

	memset(&packet, 0, sizeof(packet));
	packet.header.type = type & 0x3f;
	packet.header.payload = fuzz_u8(in);
	fuzz_take(in, packet.bytes, size < sizeof(packet.bytes) ? size : sizeof(packet.bytes));
	if ((type & 0x40) != 0) {
		fd = sl_fd_create_memory("fuzz", MEMORY_SIZE);
	}
	size_t length = sizeof(packet.header) + (size < sizeof(packet.bytes) ? size : 248u);
	int r = sl_fd_send(vgpu, &packet, length, &fd, fd >= 0 ? 1 : 0);
	sl_fd_close(fd);
	do {
		r = r < 0 ? r : sl_virgl_server_receive(server);
		while (r == 0 && sl_virgl_server_has_packet(server)) {
			r = sl_virgl_server_run(server, 1 + (type & 1), &draws);
		}
	} while (r == 0 && sl_virgl_server_has_more(server));
	if (r == 0 && (size & 1) != 0) {
		r = sl_virgl_server_complete(server, sl_virgl_server_get_piece_count(server));
	}
	while (recv(vgpu, answer, sizeof(answer), MSG_DONTWAIT) > 0) {
	}
	return r == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_quota quota;
	static struct sl_stats stats;
	struct fuzz_input in = { data, size };
	struct sl_virgl_server_options options = { .ops = &ops, .quota = &quota, .stats = &stats };
	struct sl_virgl_server *server;
	int fds[2];

	memset(runs_of, 0, sizeof(runs_of));
	memset(&quota, 0, sizeof(quota));
	atomic_store(&quota.limit, 1 << 20);
	atomic_store(&quota.slot_end, 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		abort();
	}
	options.socket = fds[1];
	if (sl_virgl_server_create(&options, &server) < 0) {
		abort();
	}
	for (int i = 0; i < MAX_PACKETS && in.size > 0 && handle(server, fds[0], &in); i++) {
	}
	sl_virgl_server_destroy(server);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
