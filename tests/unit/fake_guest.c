/* SPDX-License-Identifier: MIT */
/* A guest for tests of the virtual GPU. */
#include "tests/unit/fake_guest.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/base/fd.h"

#define RING_ADDR (FAKE_RAM_ADDR + 0x1000)

void *fake_guest_at(struct fake_guest *guest, uint64_t addr)
{
	return guest->memory + (addr - FAKE_RAM_ADDR);
}

static void add_slot(struct fake_guest *guest, uint64_t offset, uint64_t size, uint64_t user_addr)
{
	struct sl_guest_ram_slot slot = {
		.guest_addr = FAKE_RAM_ADDR + offset,
		.size = size,
		.user_addr = user_addr,
		.fd_offset = offset,
	};
	int r = sl_guest_ram_add(&guest->ram, &slot, dup(guest->fd));

	assert(r == 0);
}

void fake_guest_init(struct fake_guest *guest)
{
	memset(guest, 0, sizeof(*guest));
	guest->window_fd = -1;
	guest->fd = sl_fd_create_memory("guest", FAKE_RAM_SIZE);
	assert(guest->fd >= 0);
	guest->memory = mmap(NULL, FAKE_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, guest->fd, 0);
	assert(guest->memory != MAP_FAILED);
	sl_guest_ram_init(&guest->ram);
	add_slot(guest, FAKE_RAM_SPLIT, FAKE_RAM_SIZE - FAKE_RAM_SPLIT,
		 FAKE_USER_ADDR + FAKE_USER_GAP);
	add_slot(guest, 0, FAKE_RAM_SPLIT, FAKE_USER_ADDR);
	guest->desc = fake_guest_at(guest, RING_ADDR);
	guest->avail = fake_guest_at(guest, RING_ADDR + 0x1000);
	guest->used = fake_guest_at(guest, RING_ADDR + 0x2000);
}

void fake_guest_finish(struct fake_guest *guest)
{
	sl_vgpu_destroy(guest->vgpu);
	sl_guest_ram_finish(&guest->ram);
	munmap(guest->memory, FAKE_RAM_SIZE);
	close(guest->fd);
	sl_fd_close(guest->window_fd);
}

struct sl_virtqueue_layout fake_guest_layout(struct fake_guest *guest, bool event_idx)
{
	return (struct sl_virtqueue_layout){
		.size = FAKE_RING_SIZE,
		.event_idx = event_idx,
		.descriptors = guest->desc,
		.available = guest->avail,
		.used = guest->used,
	};
}

void fake_guest_offer(struct fake_guest *guest, uint16_t head)
{
	guest->avail->ring[guest->avail->idx % FAKE_RING_SIZE] = head;
	guest->avail->idx++;
}

static void complete(void *data, struct sl_vgpu_request *request, uint32_t written)
{
	struct fake_guest *guest = data;
	struct fake_answer *answer = &guest->answer;
	const uint8_t *at = NULL;

	answer->count++;
	answer->written = written;
	answer->type = 0;
	memset(&answer->header, 0, sizeof(answer->header));
	if (request->chain.writable_count > 0) {
		at = fake_guest_at(guest,
				   request->chain.ranges[request->chain.readable_count].addr);
	}
	if (at != NULL && written >= sizeof(answer->header)) {
		size_t size = written - sizeof(answer->header);

		memcpy(&answer->header, at, sizeof(answer->header));
		answer->type = answer->header.type;
		size = size < sizeof(answer->payload) ? size : sizeof(answer->payload);
		memcpy(answer->payload, at + sizeof(answer->header), size);
		if ((answer->header.flags & VIRTIO_GPU_FLAG_FENCE) != 0 &&
		    answer->fence_count < 64) {
			answer->fence_ids[answer->fence_count++] = answer->header.fence_id;
		}
	}
	sl_vgpu_request_destroy(request);
}

static const struct sl_vgpu_frontend_ops frontend_ops = { .complete = complete };

void fake_guest_create_device(struct fake_guest *guest, uint64_t max_host_bytes)
{
	struct sl_vgpu_options options = {
		.max_host_bytes = max_host_bytes,
		.width = 1024,
		.height = 768,
		.frontend = &frontend_ops,
		.frontend_data = guest,
	};
	int r = sl_vgpu_create(&guest->ram, &options, &guest->vgpu);

	assert(r == 0);
}

static void clear_window(void *data, uint64_t offset, uint64_t size)
{
	struct fake_guest *guest = data;
	int r = fallocate(guest->window_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)offset, (off_t)size);

	assert(r == 0);
}

static const struct sl_vgpu_frontend_ops blob_frontend_ops = {
	.complete = complete,
	.clear_window = clear_window,
};

void fake_guest_create_blob_device(struct fake_guest *guest)
{
	const struct sl_guest_ram_slot slot = {
		.guest_addr = FAKE_WINDOW_ADDR,
		.size = FAKE_WINDOW_SIZE,
		.user_addr = FAKE_WINDOW_ADDR,
	};
	const struct sl_vgpu_options options = {
		.max_host_bytes = 1 << 20,
		.width = 1024,
		.height = 768,
		.has_blobs = true,
		.window = { .addr = FAKE_WINDOW_ADDR, .size = FAKE_WINDOW_SIZE },
		.frontend = &blob_frontend_ops,
		.frontend_data = guest,
	};

	guest->window_fd = sl_fd_create_memory("window", FAKE_WINDOW_SIZE);
	int r = sl_guest_ram_add(&guest->ram, &slot, dup(guest->window_fd));
	assert(guest->window_fd >= 0 && r == 0);
	r = sl_vgpu_create(&guest->ram, &options, &guest->vgpu);
	assert(r == 0);
}

uint32_t fake_guest_send_on(struct fake_guest *guest, enum sl_vgpu_queue queue, const void *command,
			    size_t size, const void *tail, size_t tail_size)
{
	struct sl_vgpu_request *request = calloc(1, sizeof(*request));
	/* The device may answer late: each request has its own room. */
	static uint32_t serial;
	uint64_t answer_addr = FAKE_ANSWER_ADDR + serial++ % 64 * sizeof(struct fake_answer);
	uint32_t count = guest->answer.count;

	assert(request != NULL);
	memcpy(fake_guest_at(guest, FAKE_COMMAND_ADDR), command, size);
	if (tail_size > 0) {
		memcpy(fake_guest_at(guest, FAKE_COMMAND_ADDR + size), tail, tail_size);
	}
	request->queue = queue;
	request->chain.ranges = calloc(2, sizeof(*request->chain.ranges));
	assert(request->chain.ranges != NULL);
	request->chain.ranges[0].addr = FAKE_COMMAND_ADDR;
	request->chain.ranges[0].size = size + tail_size;
	request->chain.readable_count = 1;
	request->chain.readable_size = size + tail_size;
	if (queue == SL_VGPU_QUEUE_CONTROL) {
		request->chain.ranges[1].addr = answer_addr;
		request->chain.ranges[1].size = sizeof(struct virtio_gpu_resp_edid) + 512;
		request->chain.writable_count = 1;
		request->chain.writable_size = request->chain.ranges[1].size;
	}
	sl_vgpu_handle(guest->vgpu, request);
	return guest->answer.count > count ? guest->answer.type : 0;
}
