/* SPDX-License-Identifier: MIT */
/* Keeps what a sluice-virgl has not yet taken. */
#include "host/vgpu/virgl_queue.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/virgl/virgl_msg.h"

/* So much is sent at once without waiting for the end of the burst, so that work begins. */
#define MAX_GATHERED (16u << 10) /* bytes */

/* So many packets that must go may be waiting while memory is short. */
#define SPARE_COUNT 32

/* Loading a driver on a host that is busy. */
#define AWAIT_MS 20000

struct packet {
	STAILQ_ENTRY(packet) link;
	int fd; /* sent along; -1: none */
	bool is_spare;
	size_t size;
	size_t payload_size;
	uint8_t bytes[]; /* the packet, then its payload */
};

/* Room for a packet that must go where memory is short. */
struct spare {
	_Alignas(struct packet) uint8_t bytes[sizeof(struct packet) + SL_VIRGL_QUEUE_MAX_INSISTED];
};

STAILQ_HEAD(packets, packet);

struct sl_virgl_queue {
	int socket;
	sd_event_source *source;
	sd_event_source *burst_end; /* sends what was gathered */
	const struct sl_virgl_queue_ops *ops;
	void *data;
	struct packets packets; /* in their order */
	struct packets unused;	/* of the spares */
	size_t waiting_bytes;
	bool is_writing; /* the event loop tells when the socket takes more */
	bool is_broken;	 /* a packet is missing that had to go: none goes any more */
	struct spare spares[SPARE_COUNT];
	uint8_t message[SL_VIRGL_MAX_PACKET];
};

static void free_packet(struct sl_virgl_queue *queue, struct packet *packet)
{
	sl_fd_close(packet->fd);
	if (packet->is_spare) {
		STAILQ_INSERT_HEAD(&queue->unused, packet, link);
	} else {
		free(packet);
	}
}

/* Returns NULL if memory is short. */
static struct packet *allocate(size_t bytes)
{
	struct packet *packet = malloc(bytes);

	if (packet != NULL) {
		packet->is_spare = false;
	}
	return packet;
}

static struct packet *take_spare(struct sl_virgl_queue *queue)
{
	struct packet *packet = STAILQ_FIRST(&queue->unused);

	if (packet != NULL) {
		STAILQ_REMOVE_HEAD(&queue->unused, link);
	}
	return packet;
}

static void init_spares(struct sl_virgl_queue *queue)
{
	STAILQ_INIT(&queue->unused);
	for (int i = 0; i < SPARE_COUNT; i++) {
		struct packet *packet = (struct packet *)queue->spares[i].bytes;

		packet->is_spare = true;
		STAILQ_INSERT_TAIL(&queue->unused, packet, link);
	}
}

/* A long payload goes in a memfd. Returns 0 or -errno. */
static int move_payload(struct packet *packet)
{
	SL_AUTO_CLOSE int fd = memfd_create("sluice-payload", MFD_CLOEXEC);
	int r = fd < 0 ? -errno
		       : sl_fd_write_all(fd, packet->bytes + packet->size, packet->payload_size);

	if (r == 0) {
		packet->fd = sl_steal_fd(&fd);
	}
	return r;
}

/* Returns 0, -EAGAIN or -errno. */
static int write_packet(struct sl_virgl_queue *queue, struct packet *packet)
{
	if (packet->payload_size <= SL_VIRGL_MAX_INLINE) {
		return sl_fd_send(queue->socket, packet->bytes, packet->size + packet->payload_size,
				  &packet->fd, packet->fd >= 0 ? 1 : 0);
	}
	int r = packet->fd < 0 ? move_payload(packet) : 0;

	return r < 0 ? r : sl_fd_send(queue->socket, packet->bytes, packet->size, &packet->fd, 1);
}

static void watch(struct sl_virgl_queue *queue, bool is_writing)
{
	if (is_writing != queue->is_writing) {
		queue->is_writing = is_writing;
		sd_event_source_set_io_events(queue->source,
					      (uint32_t)EPOLLIN | (is_writing ? EPOLLOUT : 0));
	}
}

/* Packets without descriptors go together: each message wakes the other process up. Returns how
 * many there are, at least 1. */
static uint32_t gather(struct sl_virgl_queue *queue, size_t *ret_size)
{
	const struct packet *packet;
	uint32_t count = 0;

	*ret_size = 0;
	STAILQ_FOREACH(packet, &queue->packets, link)
	{
		size_t size = packet->size + packet->payload_size;

		if (packet->fd >= 0 || packet->payload_size > SL_VIRGL_MAX_INLINE ||
		    size > sizeof(queue->message) - *ret_size) {
			break;
		}
		memcpy(queue->message + *ret_size, packet->bytes, size);
		*ret_size += size;
		count++;
	}
	return count > 0 ? count : 1;
}

/* Send the next message. Returns 0, -EAGAIN or -errno. */
static int write_message(struct sl_virgl_queue *queue)
{
	size_t size;
	uint32_t count = gather(queue, &size);
	int r = count > 1 ? sl_fd_send(queue->socket, queue->message, size, NULL, 0)
			  : write_packet(queue, STAILQ_FIRST(&queue->packets));

	for (; r == 0 && count > 0; count--) {
		struct packet *packet = STAILQ_FIRST(&queue->packets);

		STAILQ_REMOVE_HEAD(&queue->packets, link);
		queue->waiting_bytes -= sizeof(*packet) + packet->size + packet->payload_size;
		free_packet(queue, packet);
	}
	return r;
}

/* Returns 0, also if the socket takes no more for now, or -errno. */
static int flush(struct sl_virgl_queue *queue)
{
	int r = 0;

	while (r == 0 && !STAILQ_EMPTY(&queue->packets)) {
		r = write_message(queue);
	}
	watch(queue, r == -EAGAIN);
	return r == -EAGAIN ? 0 : r;
}

void sl_virgl_queue_flush(struct sl_virgl_queue *queue)
{
	if (queue->is_broken) {
		return;
	}
	sd_event_source_set_enabled(queue->burst_end, SD_EVENT_OFF);
	/* What goes wrong the event loop finds: callers are in the middle of something. */
	if (!queue->is_writing && flush(queue) < 0) {
		watch(queue, true);
	}
}

static int on_burst_end(sd_event_source *source, void *data)
{
	struct sl_virgl_queue *queue = data;

	(void)source;
	if (queue->is_broken) {
		queue->ops->ended(queue->data);
	} else {
		sl_virgl_queue_flush(queue);
	}
	return 0;
}

/* What a packet of any origin begins as. */
static void fill(struct packet *waiting, const void *packet, size_t size)
{
	waiting->fd = -1;
	waiting->size = size;
	waiting->payload_size = 0;
	memcpy(waiting->bytes, packet, size);
}

static void append(struct sl_virgl_queue *queue, struct packet *waiting)
{
	STAILQ_INSERT_TAIL(&queue->packets, waiting, link);
	queue->waiting_bytes += sizeof(*waiting) + waiting->size + waiting->payload_size;
	if (queue->waiting_bytes > MAX_GATHERED) {
		sl_virgl_queue_flush(queue);
	} else {
		sd_event_source_set_enabled(queue->burst_end, SD_EVENT_ONESHOT);
	}
}

int sl_virgl_queue_send(struct sl_virgl_queue *queue, const void *packet, size_t size,
			const void *payload, size_t payload_size, int fd)
{
	size_t bytes = sizeof(struct packet) + size + payload_size;
	SL_AUTO_CLOSE int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;

	if (queue->is_broken || queue->waiting_bytes > SL_VIRGL_QUEUE_MAX_BYTES ||
	    bytes > SL_VIRGL_QUEUE_MAX_BYTES - queue->waiting_bytes || (fd >= 0 && copy < 0)) {
		return -ENOMEM;
	}
	struct packet *waiting = allocate(bytes);
	if (waiting == NULL) {
		return -ENOMEM;
	}
	fill(waiting, packet, size);
	waiting->fd = sl_steal_fd(&copy);
	waiting->payload_size = payload_size;
	if (payload_size > 0) {
		memcpy(waiting->bytes + size, payload, payload_size);
	}
	/* What goes at once may still be refused; what waits has no descriptor until it goes. */
	if (payload_size > SL_VIRGL_MAX_INLINE && !queue->is_writing && move_payload(waiting) < 0) {
		free_packet(queue, waiting);
		return -ENOMEM;
	}
	append(queue, waiting);
	return 0;
}

void sl_virgl_queue_insist(struct sl_virgl_queue *queue, const void *packet, size_t size)
{
	const size_t bytes = sizeof(struct packet) + size;
	struct packet *waiting = NULL;

	assert(size <= SL_VIRGL_QUEUE_MAX_INSISTED);
	if (queue->is_broken) {
		return;
	}
	if (bytes + queue->waiting_bytes <= 2 * (size_t)SL_VIRGL_QUEUE_MAX_BYTES) {
		waiting = allocate(bytes);
		waiting = waiting != NULL ? waiting : take_spare(queue);
	}
	if (waiting == NULL) {
		queue->is_broken = true;
		sd_event_source_set_enabled(queue->burst_end, SD_EVENT_ONESHOT);
		return;
	}
	fill(waiting, packet, size);
	append(queue, waiting);
}

static int on_event(sd_event_source *source, int socket, uint32_t events, void *data)
{
	struct sl_virgl_queue *queue = data;
	uint8_t bytes[SL_VIRGL_MAX_PACKET];

	(void)source;
	if ((events & EPOLLOUT) != 0 && flush(queue) < 0) {
		queue->ops->ended(queue->data);
		return 0;
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
		return 0;
	}
	SL_AUTO_CLOSE int fd = -1;
	unsigned int fd_count = 0;
	ssize_t size = sl_fd_receive(socket, bytes, sizeof(bytes), &fd, 1, &fd_count);
	if (size > 0) {
		queue->ops->packet(queue->data, bytes, (size_t)size, &fd);
	} else if (size != -EAGAIN) {
		queue->ops->ended(queue->data);
	}
	return 0;
}

int sl_virgl_queue_create(sd_event *event, int socket, const struct sl_virgl_queue_ops *ops,
			  void *data, struct sl_virgl_queue **ret_queue)
{
	struct sl_virgl_queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL) {
		sl_fd_close(socket);
		return -ENOMEM;
	}
	queue->socket = socket;
	queue->ops = ops;
	queue->data = data;
	STAILQ_INIT(&queue->packets);
	init_spares(queue);
	int r = sd_event_add_io(event, &queue->source, socket, EPOLLIN, on_event, queue);
	if (r >= 0) {
		r = sd_event_add_defer(event, &queue->burst_end, on_burst_end, queue);
	}
	if (r >= 0) {
		r = sd_event_source_set_enabled(queue->burst_end, SD_EVENT_OFF);
	}
	if (r < 0) {
		sl_virgl_queue_destroy(queue);
		return r;
	}
	*ret_queue = queue;
	return 0;
}

void sl_virgl_queue_destroy(struct sl_virgl_queue *queue)
{
	struct packet *packet;

	if (queue == NULL) {
		return;
	}
	sd_event_source_disable_unref(queue->source);
	sd_event_source_disable_unref(queue->burst_end);
	while ((packet = STAILQ_FIRST(&queue->packets)) != NULL) {
		STAILQ_REMOVE_HEAD(&queue->packets, link);
		free_packet(queue, packet);
	}
	sl_fd_close(queue->socket);
	free(queue);
}

int sl_virgl_queue_await(struct sl_virgl_queue *queue, void *bytes, size_t size, size_t *ret_size)
{
	struct pollfd fd = { .fd = queue->socket, .events = POLLIN };
	int r = poll(&fd, 1, AWAIT_MS);

	if (r <= 0) {
		return r == 0 ? -ETIMEDOUT : -errno;
	}
	ssize_t got = sl_fd_receive(queue->socket, bytes, size, NULL, 0, NULL);
	if (got <= 0) {
		return got == 0 ? -EPIPE : (int)got;
	}
	*ret_size = (size_t)got;
	return 0;
}
