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
#include "host/vgpu/vhost_user_msg.h"

/* Requests taken from a queue before other events have their turn. */
#define QUEUE_BUDGET 64u

struct queue {
	struct sl_vhost_user *vhost;
	uint32_t index;
	struct sl_virtqueue ring;
	uint32_t size;
	uint16_t base;
	bool have_addr;
	struct sl_vhost_user_vring_addr addr;
	bool enabled;
	int kick_fd;
	int call_fd;
	int err_fd;
	sd_event_source *kick_source;
	sd_event_source *more_source; /* off, or once: requests are left after the budget */
	struct sl_vgpu_request *spare;
	struct sl_vgpu_request_list held; /* answered while the ring was stopped */
	uint32_t outstanding;		  /* taken from the ring and not given back */
	bool taking;			  /* the guest is told of answers when it ends */
	bool broken_logged;
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

static void signal_guest(struct queue *queue)
{
	if (sl_virtqueue_should_signal(&queue->ring)) {
		signal_fd(queue->call_fd);
	}
}

static void push(struct queue *queue, struct sl_vgpu_request *request, uint32_t written)
{
	sl_virtqueue_push(&queue->ring, request->chain.head, written);
	queue->outstanding--;
	if (queue->spare == NULL) {
		struct sl_chain chain = request->chain;

		free(request->payload);
		*request = (struct sl_vgpu_request){ .chain = chain };
		queue->spare = request;
	} else {
		sl_vgpu_request_destroy(request);
	}
}

static void complete(void *data, struct sl_vgpu_request *request, uint32_t written)
{
	struct sl_vhost_user *vhost = data;
	struct queue *queue = &vhost->queues[request->queue];

	if (!queue->ring.started) {
		request->written = written;
		TAILQ_INSERT_TAIL(&queue->held, request, link);
		return;
	}
	push(queue, request, written);
	if (!queue->taking) {
		signal_guest(queue);
	}
}

static const struct sl_vgpu_frontend_ops frontend_ops = { .complete = complete };

static void report_broken(struct queue *queue)
{
	if (!queue->broken_logged) {
		queue->broken_logged = true;
		sl_log(SL_LOG_WARNING, "the guest's virtqueue %u makes no sense: %s; it is stopped",
		       queue->index, queue->ring.broken_why);
	}
	signal_fd(queue->err_fd);
}

/* Take requests until there are none, or the budget is used. */
static void take_requests(struct queue *queue)
{
	uint32_t budget = QUEUE_BUDGET;
	int r = 1;

	if (!queue->ring.started || !queue->enabled || queue->ring.broken_why != NULL) {
		return;
	}
	queue->taking = true;
	sl_virtqueue_disable_kick(&queue->ring);
	while (budget > 0 && r > 0) {
		if (queue->spare == NULL) {
			queue->spare = calloc(1, sizeof(*queue->spare));
		}
		r = queue->spare != NULL ? sl_virtqueue_pop(&queue->ring, &queue->spare->chain)
					 : -ENOMEM;
		if (r > 0) {
			struct sl_vgpu_request *request = sl_steal_ptr(queue->spare);

			request->queue = (enum sl_vgpu_queue)queue->index;
			queue->outstanding++;
			budget--;
			sl_vgpu_handle(queue->vhost->vgpu, request);
		} else if (r == 0) {
			r = sl_virtqueue_enable_kick(&queue->ring) ? 1 : 0;
		}
	}
	queue->taking = false;
	signal_guest(queue);
	if (r == -EBADMSG) {
		report_broken(queue);
	} else if (r != 0) {
		sd_event_source_set_enabled(queue->more_source, SD_EVENT_ONESHOT);
	}
}

static int on_kick(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct queue *queue = data;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR) {
		sl_log(SL_LOG_WARNING, "cannot read the kick of queue %u: %s", queue->index,
		       strerror(errno));
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		return 0;
	}
	take_requests(queue);
	return 0;
}

static int on_more(sd_event_source *source, void *data)
{
	take_requests(data);
	return 0;
}

static void stop_queue(struct queue *queue)
{
	if (queue->ring.started) {
		queue->base = sl_virtqueue_stop(&queue->ring);
	}
	queue->kick_source = sd_event_source_disable_unref(queue->kick_source);
	sd_event_source_set_enabled(queue->more_source, SD_EVENT_OFF);
	sl_fd_close(queue->kick_fd);
	queue->kick_fd = -1;
}

/* Find the ring in guest memory and go on at base. Returns 0 or -EINVAL. */
static int start_ring(struct queue *queue)
{
	const struct sl_guest_ram *ram = &queue->vhost->ram;
	struct sl_virtqueue_layout layout = {
		.size = queue->size,
		.event_idx = (queue->vhost->features & 1ull << VIRTIO_RING_F_EVENT_IDX) != 0,
		.base = queue->base,
		.descriptors = sl_guest_ram_at_user(ram, queue->addr.descriptors,
						    sl_virtqueue_descriptors_size(queue->size)),
		.available = sl_guest_ram_at_user(ram, queue->addr.available,
						  sl_virtqueue_available_size(queue->size)),
		.used = sl_guest_ram_at_user(ram, queue->addr.used,
					     sl_virtqueue_used_size(queue->size)),
	};
	struct sl_vgpu_request *request;
	int r = sl_virtqueue_start(&queue->ring, &layout, queue->outstanding);

	if (r < 0) {
		return r;
	}
	while ((request = TAILQ_FIRST(&queue->held)) != NULL) {
		TAILQ_REMOVE(&queue->held, request, link);
		push(queue, request, request->written);
	}
	signal_guest(queue);
	return 0;
}

/* The memory table changed: what the rings pointed to may be elsewhere, or nowhere. */
static void move_rings(struct sl_vhost_user *vhost)
{
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		struct queue *queue = &vhost->queues[i];
		const char *broken_why = queue->ring.broken_why;

		if (!queue->ring.started) {
			continue;
		}
		queue->base = sl_virtqueue_stop(&queue->ring);
		if (start_ring(queue) < 0) {
			sl_log(SL_LOG_WARNING, "virtqueue %u lies in memory that was taken away",
			       queue->index);
			stop_queue(queue);
			continue;
		}
		queue->ring.broken_why = broken_why;
	}
}

/* Whatever is inside the device is dropped unanswered: the guest has forgotten it. */
static void forget_requests(struct sl_vhost_user *vhost)
{
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		struct queue *queue = &vhost->queues[i];
		struct sl_vgpu_request *request;

		queue->outstanding = 0;
		while ((request = TAILQ_FIRST(&queue->held)) != NULL) {
			TAILQ_REMOVE(&queue->held, request, link);
			sl_vgpu_request_destroy(request);
		}
	}
	sl_vgpu_reset(vhost->vgpu);
}

static void reset_device(struct sl_vhost_user *vhost)
{
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		stop_queue(&vhost->queues[i]);
		vhost->queues[i].base = 0;
		vhost->queues[i].enabled = false;
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
		if (queue->ring.started || state->value == 0 ||
		    state->value > SL_VIRTQUEUE_MAX_SIZE) {
			return -EBADMSG;
		}
		queue->size = state->value;
		return 0;
	case SL_VHOST_USER_SET_VRING_BASE:
		if (queue->ring.started || state->value > UINT16_MAX) {
			return -EBADMSG;
		}
		queue->base = (uint16_t)state->value;
		return 0;
	case SL_VHOST_USER_SET_VRING_ENABLE:
		queue->enabled = state->value != 0;
		take_requests(queue);
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

	if (queue == NULL || queue->ring.started) {
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
	int r = start_ring(queue);
	if (r < 0) {
		return r;
	}
	queue->broken_logged = false;
	/* Without protocol features a ring has no enable message. */
	if ((vhost->features & 1ull << SL_VHOST_USER_F_PROTOCOL_FEATURES) == 0) {
		queue->enabled = true;
	}
	r = sd_event_add_io(vhost->event, &queue->kick_source, fd, EPOLLIN, on_kick, queue);
	if (r < 0) {
		return r;
	}
	/* There may be requests whose kick went to the ring's previous descriptor. */
	take_requests(queue);
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
		if (queue->ring.started) {
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

static void init_queue(struct sl_vhost_user *vhost, uint32_t index)
{
	struct queue *queue = &vhost->queues[index];

	queue->vhost = vhost;
	queue->index = index;
	queue->kick_fd = -1;
	queue->call_fd = -1;
	queue->err_fd = -1;
	TAILQ_INIT(&queue->held);
	sl_virtqueue_init(&queue->ring, &vhost->ram);
}

/* A source that runs when it is switched to SD_EVENT_ONESHOT. */
static int add_defer(struct sl_vhost_user *vhost, sd_event_handler_t handler, void *data,
		     sd_event_source **ret_source)
{
	int r = sd_event_add_defer(vhost->event, ret_source, handler, data);

	return r < 0 ? r : sd_event_source_set_enabled(*ret_source, SD_EVENT_OFF);
}

static int init_sources(struct sl_vhost_user *vhost)
{
	int flags = fcntl(vhost->fd, F_GETFL);
	int r;

	if (flags < 0 || fcntl(vhost->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		return -errno;
	}
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		r = add_defer(vhost, on_more, &vhost->queues[i], &vhost->queues[i].more_source);
		if (r < 0) {
			return r;
		}
	}
	r = add_defer(vhost, on_end, vhost, &vhost->end_source);
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
		init_queue(vhost, i);
	}
	int r = init_device(vhost);
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

		sd_event_source_disable_unref(queue->more_source);
		sl_fd_close(queue->call_fd);
		sl_fd_close(queue->err_fd);
		sl_vgpu_request_destroy(queue->spare);
		sl_virtqueue_finish(&queue->ring);
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
