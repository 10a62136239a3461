/* SPDX-License-Identifier: MIT */
/* The vhost-user protocol, back-end side. */
#include "host/vgpu/vhost_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/vgpu/display.h"
#include "host/vgpu/request_queue.h"
#include "host/vgpu/vhost_user_msg.h"

struct queue {
	struct sl_vhost_user *vhost;
	enum sl_vgpu_queue index;
	struct sl_request_queue requests;
	uint32_t size;
	uint16_t base;
	bool have_addr;
	struct sl_vhost_user_vring_addr addr;
	int kick_fd;
	int call_fd;
	int err_fd;
	sd_event_source *kick_source;
};

struct sl_vhost_user {
	struct sl_vhost_user_options options;
	sd_event *event;
	int fd;
	sd_event_source *source;
	sd_event_source *end_source; /* calls options.ended from the event loop */
	int end_result;
	bool ended;

	struct sl_guest_ram ram;
	struct sl_vgpu *vgpu;
	struct sl_vgpu_display *display;
	uint64_t features;
	uint64_t protocol_features;
	struct queue queues[SL_VGPU_QUEUE_COUNT];

	/* The message being received. */
	struct sl_vhost_user_header header;
	union sl_vhost_user_payload payload;
	size_t received; /* bytes of header and payload */
	int fds[SL_VHOST_USER_MAX_FDS];
	unsigned int fd_count;
};

/* What a message handler wants to send back. */
struct reply {
	bool wanted;
	uint32_t size;
	union sl_vhost_user_payload payload;
};

static void reply_u64(struct reply *reply, uint64_t value)
{
	reply->wanted = true;
	reply->size = sizeof(value);
	reply->payload.u64 = value;
}

static uint64_t offered_features(const struct sl_vhost_user *vhost)
{
	return sl_vgpu_get_features(vhost->vgpu) | 1ull << VIRTIO_F_VERSION_1 |
	       1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_RING_F_INDIRECT_DESC |
	       1ull << SL_VHOST_USER_F_PROTOCOL_FEATURES;
}

static const uint64_t offered_protocol_features =
	1ull << SL_VHOST_USER_PROTOCOL_F_MQ | 1ull << SL_VHOST_USER_PROTOCOL_F_REPLY_ACK |
	1ull << SL_VHOST_USER_PROTOCOL_F_CONFIG | 1ull << SL_VHOST_USER_PROTOCOL_F_RESET_DEVICE |
	1ull << SL_VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS;

static void signal_fd(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN) {
		sl_log(SL_LOG_DEBUG, "cannot signal a queue: %s", strerror(errno));
	}
}

static void interrupt(void *data, enum sl_vgpu_queue index)
{
	const struct sl_vhost_user *vhost = data;

	signal_fd(vhost->queues[index].call_fd);
}

static void on_broken(void *data, enum sl_vgpu_queue index)
{
	const struct sl_vhost_user *vhost = data;

	signal_fd(vhost->queues[index].err_fd);
}

static const struct sl_request_queue_ops queue_ops = {
	.interrupt = interrupt,
	.broken = on_broken,
};

static void complete(void *data, struct sl_vgpu_request *request, uint32_t written)
{
	struct sl_vhost_user *vhost = data;

	sl_request_queue_complete(&vhost->queues[request->queue].requests, request, written);
}

static const struct sl_vgpu_frontend_ops frontend_ops = { .complete = complete };

static int on_kick(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct queue *queue = data;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR) {
		sl_log(SL_LOG_WARNING, "cannot read the kick of queue %d: %s", (int)queue->index,
		       strerror(errno));
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		return 0;
	}
	sl_request_queue_take(&queue->requests);
	return 0;
}

static void stop_queue(struct queue *queue)
{
	if (queue->requests.ring.started) {
		queue->base = sl_request_queue_stop(&queue->requests);
	}
	queue->kick_source = sd_event_source_disable_unref(queue->kick_source);
	sl_fd_close(queue->kick_fd);
	queue->kick_fd = -1;
}

/* Where the ring is in guest memory; parts of it may be missing (NULL). */
static struct sl_virtqueue_layout find_ring(const struct queue *queue, uint16_t base)
{
	const struct sl_guest_ram *ram = &queue->vhost->ram;

	return (struct sl_virtqueue_layout){
		.size = queue->size,
		.event_idx = (queue->vhost->features & 1ull << VIRTIO_RING_F_EVENT_IDX) != 0,
		.base = base,
		.descriptors = sl_guest_ram_at_user(ram, queue->addr.descriptors,
						    sl_virtqueue_descriptors_size(queue->size)),
		.available = sl_guest_ram_at_user(ram, queue->addr.available,
						  sl_virtqueue_available_size(queue->size)),
		.used = sl_guest_ram_at_user(ram, queue->addr.used,
					     sl_virtqueue_used_size(queue->size)),
	};
}

/* The memory table changed: what the rings pointed to may be elsewhere, or nowhere. */
static void move_rings(struct sl_vhost_user *vhost)
{
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		struct queue *queue = &vhost->queues[i];

		if (!queue->requests.ring.started) {
			continue;
		}
		queue->base = queue->requests.ring.next_avail;
		const struct sl_virtqueue_layout layout = find_ring(queue, queue->base);
		if (sl_request_queue_move(&queue->requests, &layout) < 0) {
			sl_log(SL_LOG_WARNING, "virtqueue %u lies in memory that was taken away",
			       i);
			stop_queue(queue);
		}
	}
}

/* Whatever is inside the device is dropped unanswered: the guest has forgotten it. */
static void forget_requests(struct sl_vhost_user *vhost)
{
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		sl_request_queue_forget(&vhost->queues[i].requests);
	}
	sl_vgpu_reset(vhost->vgpu);
}

static void reset_device(struct sl_vhost_user *vhost)
{
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		stop_queue(&vhost->queues[i]);
		vhost->queues[i].base = 0;
		vhost->queues[i].requests.enabled = false;
	}
	forget_requests(vhost);
}

/* The queue that a message names; NULL if there is no such queue. */
static struct queue *find_queue(struct sl_vhost_user *vhost, uint32_t index)
{
	return index < SL_VGPU_QUEUE_COUNT ? &vhost->queues[index] : NULL;
}

static int add_region(struct sl_vhost_user *vhost, const struct sl_vhost_user_region *region,
		      int fd)
{
	struct sl_guest_ram_slot slot = {
		.guest_addr = region->guest_addr,
		.size = region->size,
		.user_addr = region->user_addr,
		.fd_offset = region->mmap_offset,
	};
	int r = sl_guest_ram_add(&vhost->ram, &slot, fd);

	if (r < 0) {
		sl_log(SL_LOG_ERROR,
		       "cannot map guest memory (%llu bytes at guest address 0x%llx): %s",
		       (unsigned long long)region->size, (unsigned long long)region->guest_addr,
		       strerror(-r));
	}
	return r;
}

static int set_mem_table(struct sl_vhost_user *vhost)
{
	const struct sl_vhost_user_memory *memory = &vhost->payload.memory;
	int r = 0;

	if (memory->count > SL_VHOST_USER_MAX_REGIONS || memory->count != vhost->fd_count ||
	    vhost->header.size < 8 + memory->count * sizeof(memory->regions[0])) {
		return -EBADMSG;
	}
	sl_guest_ram_clear(&vhost->ram);
	for (uint32_t i = 0; i < memory->count && r == 0; i++) {
		r = add_region(vhost, &memory->regions[i], sl_steal_fd(&vhost->fds[i]));
	}
	move_rings(vhost);
	return r;
}

static int add_mem_reg(struct sl_vhost_user *vhost)
{
	if (vhost->fd_count != 1) {
		return -EBADMSG;
	}
	return add_region(vhost, &vhost->payload.slot.region, sl_steal_fd(&vhost->fds[0]));
}

static int remove_mem_reg(struct sl_vhost_user *vhost)
{
	const struct sl_vhost_user_region *region = &vhost->payload.slot.region;
	struct sl_guest_ram_slot slot = {
		.guest_addr = region->guest_addr,
		.size = region->size,
		.user_addr = region->user_addr,
	};
	int r = sl_guest_ram_remove(&vhost->ram, &slot);

	move_rings(vhost);
	return r;
}

static int set_vring_state(struct sl_vhost_user *vhost, struct reply *reply)
{
	const struct sl_vhost_user_vring_state *state = &vhost->payload.state;
	struct queue *queue = find_queue(vhost, state->index);

	if (queue == NULL) {
		return -EBADMSG;
	}
	switch (vhost->header.request) {
	case SL_VHOST_USER_SET_VRING_NUM:
		if (queue->requests.ring.started || state->value == 0 ||
		    state->value > SL_VIRTQUEUE_MAX_SIZE) {
			return -EBADMSG;
		}
		queue->size = state->value;
		return 0;
	case SL_VHOST_USER_SET_VRING_BASE:
		if (queue->requests.ring.started || state->value > UINT16_MAX) {
			return -EBADMSG;
		}
		queue->base = (uint16_t)state->value;
		return 0;
	case SL_VHOST_USER_SET_VRING_ENABLE:
		queue->requests.enabled = state->value != 0;
		sl_request_queue_take(&queue->requests);
		return 0;
	default: /* GET_VRING_BASE: the ring stops */
		sl_vgpu_flush_waiting(vhost->vgpu);
		stop_queue(queue);
		reply->wanted = true;
		reply->size = sizeof(*state);
		reply->payload.state.index = queue->index;
		reply->payload.state.value = queue->base;
		return 0;
	}
}

static int set_vring_addr(struct sl_vhost_user *vhost)
{
	struct queue *queue = find_queue(vhost, vhost->payload.addr.index);

	if (queue == NULL || queue->requests.ring.started) {
		return -EBADMSG;
	}
	queue->addr = vhost->payload.addr;
	queue->have_addr = true;
	return 0;
}

static int start_queue(struct queue *queue, int fd)
{
	struct sl_vhost_user *vhost = queue->vhost;

	stop_queue(queue);
	queue->kick_fd = fd;
	if (queue->size == 0 || !queue->have_addr) {
		return -EBADMSG;
	}
	/* A monitor that cannot say that the device was reset starts its rings anew. */
	if ((vhost->protocol_features & 1ull << SL_VHOST_USER_PROTOCOL_F_RESET_DEVICE) == 0 &&
	    queue->index == SL_VGPU_QUEUE_CONTROL && queue->base == 0) {
		forget_requests(vhost);
	}
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		return -errno;
	}
	const struct sl_virtqueue_layout layout = find_ring(queue, queue->base);
	int r = sl_request_queue_start(&queue->requests, &layout);
	if (r < 0) {
		return r;
	}
	/* Without protocol features a ring has no enable message. */
	if ((vhost->features & 1ull << SL_VHOST_USER_F_PROTOCOL_FEATURES) == 0) {
		queue->requests.enabled = true;
	}
	r = sd_event_add_io(vhost->event, &queue->kick_source, fd, EPOLLIN, on_kick, queue);
	if (r < 0) {
		return r;
	}
	/* There may be requests whose kick went to the ring's previous descriptor. */
	sl_request_queue_take(&queue->requests);
	return 0;
}

static int set_vring_fd(struct sl_vhost_user *vhost)
{
	struct queue *queue =
		find_queue(vhost, vhost->payload.u64 & SL_VHOST_USER_VRING_INDEX_MASK);
	bool have_fd = (vhost->payload.u64 & SL_VHOST_USER_VRING_NO_FD) == 0;

	if (queue == NULL || have_fd != (vhost->fd_count == 1)) {
		return -EBADMSG;
	}
	int fd = have_fd ? sl_steal_fd(&vhost->fds[0]) : -1;
	switch (vhost->header.request) {
	case SL_VHOST_USER_SET_VRING_KICK:
		if (!have_fd) {
			sl_log(SL_LOG_ERROR, "queues that must be polled are not supported");
			return -EINVAL;
		}
		return start_queue(queue, fd);
	case SL_VHOST_USER_SET_VRING_CALL:
		sl_fd_close(queue->call_fd);
		queue->call_fd = fd;
		/* An answer may have been signalled to the descriptor that is no longer. */
		if (queue->requests.ring.started) {
			signal_fd(fd);
		}
		return 0;
	default:
		sl_fd_close(queue->err_fd);
		queue->err_fd = fd;
		return 0;
	}
}

static int access_config(struct sl_vhost_user *vhost, struct reply *reply)
{
	const struct sl_vhost_user_config *config = &vhost->payload.config;
	const uint32_t head = 12;
	struct virtio_gpu_config own;

	if (config->size > SL_VHOST_USER_MAX_CONFIG || vhost->header.size < head + config->size) {
		return -EBADMSG;
	}
	if (vhost->header.request == SL_VHOST_USER_SET_CONFIG) {
		return 0; /* what a guest can write (events) the monitor keeps itself */
	}
	sl_vgpu_get_config(vhost->vgpu, &own);
	reply->wanted = true;
	if (config->offset > sizeof(own) || config->size > sizeof(own) - config->offset) {
		reply->size = 0;
		return 0;
	}
	reply->size = head + config->size;
	reply->payload.config.offset = config->offset;
	reply->payload.config.size = config->size;
	reply->payload.config.flags = config->flags;
	memcpy(reply->payload.config.data, (uint8_t *)&own + config->offset, config->size);
	return 0;
}

static int set_display_socket(struct sl_vhost_user *vhost)
{
	if (vhost->fd_count != 1) {
		return -EBADMSG;
	}
	sl_vgpu_display_destroy(vhost->display);
	vhost->display = NULL;
	return sl_vgpu_display_create(vhost->event, sl_steal_fd(&vhost->fds[0]), vhost->vgpu,
				      &vhost->display);
}

/* QEMU acknowledges some features of the transport that were not offered (RING_RESET, for one);
 * they change nothing here. Those that would change the rings, or the device, must not pass. */
static int set_features(struct sl_vhost_user *vhost)
{
	const uint64_t device_bits = (1ull << VIRTIO_TRANSPORT_F_START) - 1;
	const uint64_t ring_bits = 1ull << VIRTIO_F_ACCESS_PLATFORM | 1ull << VIRTIO_F_RING_PACKED;
	uint64_t bad = vhost->payload.u64 & ~offered_features(vhost) & (device_bits | ring_bits);

	if (bad != 0) {
		sl_log(SL_LOG_ERROR, "features 0x%llx were not offered", (unsigned long long)bad);
		return -EBADMSG;
	}
	vhost->features = vhost->payload.u64;
	return 0;
}

static int handle(struct sl_vhost_user *vhost, struct reply *reply)
{
	switch (vhost->header.request) {
	case SL_VHOST_USER_GET_FEATURES:
		reply_u64(reply, offered_features(vhost));
		return 0;
	case SL_VHOST_USER_SET_FEATURES:
		return set_features(vhost);
	case SL_VHOST_USER_GET_PROTOCOL_FEATURES:
		reply_u64(reply, offered_protocol_features);
		return 0;
	case SL_VHOST_USER_SET_PROTOCOL_FEATURES:
		vhost->protocol_features = vhost->payload.u64 & offered_protocol_features;
		return 0;
	case SL_VHOST_USER_GET_QUEUE_NUM:
		reply_u64(reply, SL_VGPU_QUEUE_COUNT);
		return 0;
	case SL_VHOST_USER_GET_MAX_MEM_SLOTS:
		reply_u64(reply, SL_GUEST_RAM_MAX_SLOTS);
		return 0;
	case SL_VHOST_USER_SET_OWNER:
	case SL_VHOST_USER_RESET_OWNER:
		return 0;
	case SL_VHOST_USER_SET_MEM_TABLE:
		return set_mem_table(vhost);
	case SL_VHOST_USER_ADD_MEM_REG:
		return add_mem_reg(vhost);
	case SL_VHOST_USER_REM_MEM_REG:
		return remove_mem_reg(vhost);
	case SL_VHOST_USER_SET_VRING_NUM:
	case SL_VHOST_USER_SET_VRING_BASE:
	case SL_VHOST_USER_GET_VRING_BASE:
	case SL_VHOST_USER_SET_VRING_ENABLE:
		return set_vring_state(vhost, reply);
	case SL_VHOST_USER_SET_VRING_ADDR:
		return set_vring_addr(vhost);
	case SL_VHOST_USER_SET_VRING_KICK:
	case SL_VHOST_USER_SET_VRING_CALL:
	case SL_VHOST_USER_SET_VRING_ERR:
		return set_vring_fd(vhost);
	case SL_VHOST_USER_GET_CONFIG:
	case SL_VHOST_USER_SET_CONFIG:
		return access_config(vhost, reply);
	case SL_VHOST_USER_GPU_SET_SOCKET:
		return set_display_socket(vhost);
	case SL_VHOST_USER_RESET_DEVICE:
		reset_device(vhost);
		return 0;
	default:
		sl_log(SL_LOG_WARNING, "vhost-user message %u is not known", vhost->header.request);
		return -EOPNOTSUPP;
	}
}

/* The payload that a message has at least; SIZE_MAX: not known. */
static size_t payload_size(uint32_t request)
{
	switch (request) {
	case SL_VHOST_USER_SET_FEATURES:
	case SL_VHOST_USER_SET_PROTOCOL_FEATURES:
	case SL_VHOST_USER_SET_VRING_KICK:
	case SL_VHOST_USER_SET_VRING_CALL:
	case SL_VHOST_USER_SET_VRING_ERR:
	case SL_VHOST_USER_SET_MEM_TABLE:
		return sizeof(uint64_t);
	case SL_VHOST_USER_SET_VRING_NUM:
	case SL_VHOST_USER_SET_VRING_BASE:
	case SL_VHOST_USER_GET_VRING_BASE:
	case SL_VHOST_USER_SET_VRING_ENABLE:
		return sizeof(struct sl_vhost_user_vring_state);
	case SL_VHOST_USER_SET_VRING_ADDR:
		return sizeof(struct sl_vhost_user_vring_addr);
	case SL_VHOST_USER_ADD_MEM_REG:
	case SL_VHOST_USER_REM_MEM_REG:
		return sizeof(struct sl_vhost_user_memory_slot);
	case SL_VHOST_USER_GET_CONFIG:
	case SL_VHOST_USER_SET_CONFIG:
		return 12;
	default:
		return 0;
	}
}

static int send_reply(struct sl_vhost_user *vhost, const struct reply *reply)
{
	struct {
		struct sl_vhost_user_header header;
		union sl_vhost_user_payload payload;
	} __attribute__((packed)) message = {
		.header = { .request = vhost->header.request,
			    .flags = SL_VHOST_USER_VERSION | SL_VHOST_USER_REPLY,
			    .size = reply->size },
	};

	memcpy(&message.payload, &reply->payload, reply->size);
	return sl_fd_send(vhost->fd, &message, sizeof(message.header) + reply->size, NULL, 0);
}

static void close_fds(struct sl_vhost_user *vhost)
{
	for (unsigned int i = 0; i < vhost->fd_count; i++) {
		sl_fd_close(vhost->fds[i]);
		vhost->fds[i] = -1;
	}
	vhost->fd_count = 0;
}

/* A whole message has arrived. Returns 0, or -errno if the connection cannot go on. */
static int handle_message(struct sl_vhost_user *vhost)
{
	struct reply reply = { 0 };
	bool ack = (vhost->header.flags & SL_VHOST_USER_NEED_REPLY) != 0 &&
		   (vhost->protocol_features & 1ull << SL_VHOST_USER_PROTOCOL_F_REPLY_ACK) != 0;
	int r = -EBADMSG;

	if ((vhost->header.flags & SL_VHOST_USER_VERSION_MASK) == SL_VHOST_USER_VERSION &&
	    (vhost->header.flags & SL_VHOST_USER_REPLY) == 0 &&
	    vhost->header.size >= payload_size(vhost->header.request)) {
		r = handle(vhost, &reply);
	}
	close_fds(vhost);
	if (r == -EBADMSG) {
		sl_log(SL_LOG_ERROR, "vhost-user message %u is malformed or out of order",
		       vhost->header.request);
		return r;
	}
	if (!reply.wanted && ack) {
		reply_u64(&reply, r < 0 ? 1 : 0);
		return send_reply(vhost, &reply);
	}
	if (r < 0 && r != -EOPNOTSUPP) {
		return r;
	}
	return reply.wanted ? send_reply(vhost, &reply) : 0;
}

/* Receive what there is of the current message, and not a byte of the next.
 * Returns 1 (a message is whole), 0 (later), -EPIPE (closed) or -errno. */
static int receive(struct sl_vhost_user *vhost)
{
	const size_t head = sizeof(vhost->header);
	bool in_header = vhost->received < head;
	uint8_t *dst = in_header ? (uint8_t *)&vhost->header + vhost->received
				 : (uint8_t *)&vhost->payload + (vhost->received - head);
	size_t wanted = (in_header ? head : head + vhost->header.size) - vhost->received;
	unsigned int fd_count = 0;
	ssize_t n = sl_fd_receive(vhost->fd, dst, wanted, vhost->fds + vhost->fd_count,
				  SL_VHOST_USER_MAX_FDS - vhost->fd_count, &fd_count);

	if (n <= 0) {
		return n == 0 ? -EPIPE : n == -EAGAIN ? 0 : (int)n;
	}
	vhost->fd_count += fd_count;
	vhost->received += (size_t)n;
	if (vhost->received < head) {
		return 0;
	}
	if (vhost->header.size > sizeof(vhost->payload)) {
		sl_log(SL_LOG_ERROR, "vhost-user message %u has %u bytes", vhost->header.request,
		       vhost->header.size);
		return -EBADMSG;
	}
	return vhost->received == head + vhost->header.size ? 1 : 0;
}

static void end_connection(struct sl_vhost_user *vhost, int r)
{
	if (vhost->ended) {
		return;
	}
	vhost->ended = true;
	vhost->end_result = r == -EPIPE ? 0 : r;
	sd_event_source_set_enabled(vhost->source, SD_EVENT_OFF);
	reset_device(vhost);
	sd_event_source_set_enabled(vhost->end_source, SD_EVENT_ONESHOT);
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct sl_vhost_user *vhost = data;
	int r = receive(vhost);

	if (r > 0) {
		r = handle_message(vhost);
		vhost->received = 0;
		memset(&vhost->payload, 0, sizeof(vhost->payload));
	}
	if (r < 0) {
		end_connection(vhost, r);
	}
	return 0;
}

static int on_end(sd_event_source *source, void *data)
{
	struct sl_vhost_user *vhost = data;

	if (vhost->options.ended != NULL) {
		vhost->options.ended(vhost->options.data, vhost->end_result);
	}
	return 0;
}

static int init_queues(struct sl_vhost_user *vhost)
{
	int r = 0;

	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT && r >= 0; i++) {
		const struct sl_request_queue_options options = {
			.event = vhost->event,
			.vgpu = vhost->vgpu,
			.ram = &vhost->ram,
			.index = (enum sl_vgpu_queue)i,
			.ops = &queue_ops,
			.data = vhost,
		};

		r = sl_request_queue_init(&vhost->queues[i].requests, &options);
	}
	return r;
}

static int init_sources(struct sl_vhost_user *vhost)
{
	int flags = fcntl(vhost->fd, F_GETFL);
	int r;

	if (flags < 0 || fcntl(vhost->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		return -errno;
	}
	r = sd_event_add_defer(vhost->event, &vhost->end_source, on_end, vhost);
	if (r >= 0) {
		r = sd_event_source_set_enabled(vhost->end_source, SD_EVENT_OFF);
	}
	if (r < 0) {
		return r;
	}
	return sd_event_add_io(vhost->event, &vhost->source, vhost->fd, EPOLLIN, on_message, vhost);
}

static int init_device(struct sl_vhost_user *vhost)
{
	struct sl_vgpu_options options = {
		.max_host_bytes = vhost->options.max_host_bytes,
		.width = 1280,
		.height = 800,
		.frontend = &frontend_ops,
		.frontend_data = vhost,
	};

	return sl_vgpu_create(&vhost->ram, &options, &vhost->vgpu);
}

int sl_vhost_user_create(sd_event *event, int fd, const struct sl_vhost_user_options *options,
			 struct sl_vhost_user **ret_vhost)
{
	struct sl_vhost_user *vhost = calloc(1, sizeof(*vhost));

	if (vhost == NULL) {
		sl_fd_close(fd);
		return -ENOMEM;
	}
	vhost->options = *options;
	vhost->event = sd_event_ref(event);
	vhost->fd = fd;
	sl_guest_ram_init(&vhost->ram);
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		vhost->queues[i] = (struct queue){
			.vhost = vhost,
			.index = (enum sl_vgpu_queue)i,
			.kick_fd = -1,
			.call_fd = -1,
			.err_fd = -1,
		};
	}
	int r = init_device(vhost);
	if (r >= 0) {
		r = init_queues(vhost);
	}
	if (r >= 0) {
		r = init_sources(vhost);
	}
	if (r < 0) {
		sl_vhost_user_destroy(vhost);
		return r;
	}
	*ret_vhost = vhost;
	return 0;
}

void sl_vhost_user_release_device(struct sl_vhost_user *vhost)
{
	if (vhost->vgpu != NULL) {
		reset_device(vhost);
	}
	sl_vgpu_display_destroy(vhost->display);
	sl_vgpu_destroy(vhost->vgpu);
	vhost->display = NULL;
	vhost->vgpu = NULL;
}

void sl_vhost_user_destroy(struct sl_vhost_user *vhost)
{
	if (vhost == NULL) {
		return;
	}
	sl_vhost_user_release_device(vhost);
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		struct queue *queue = &vhost->queues[i];

		sl_fd_close(queue->call_fd);
		sl_fd_close(queue->err_fd);
		sl_request_queue_finish(&queue->requests);
	}
	sd_event_source_disable_unref(vhost->source);
	sd_event_source_disable_unref(vhost->end_source);
	close_fds(vhost);
	sl_guest_ram_finish(&vhost->ram);
	sl_fd_close(vhost->fd);
	sd_event_unref(vhost->event);
	free(vhost);
}

struct sl_vgpu *sl_vhost_user_get_device(struct sl_vhost_user *vhost)
{
	return vhost->vgpu;
}

struct sl_guest_ram *sl_vhost_user_get_ram(struct sl_vhost_user *vhost)
{
	return &vhost->ram;
}
