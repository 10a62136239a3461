/* SPDX-License-Identifier: MIT */
/* Packets to a sluice-virgl that reads when it can, and packets from it. Sending never waits: what
 * the socket does not take is kept. */
#ifndef SL_HOST_VGPU_VIRGL_QUEUE_H
#define SL_HOST_VGPU_VIRGL_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* The most that is kept; guests' kernels have less under way. */
#define SL_VIRGL_QUEUE_MAX_BYTES    (256u << 20)
#define SL_VIRGL_QUEUE_MAX_INSISTED 80u

struct sl_virgl_queue;

/* From the event loop only. Either may destroy the queue. */
struct sl_virgl_queue_ops {
	/* *fd: what came with it, or -1; closed afterwards unless it is stolen. */
	void (*packet)(void *data, const uint8_t *bytes, size_t size, int *fd);
	/* The other end has gone, or does not take what it is sent. */
	void (*ended)(void *data);
};

/* socket: non-blocking; consumed, also on failure. Returns 0 or -errno. */
int sl_virgl_queue_create(sd_event *event, int socket, const struct sl_virgl_queue_ops *ops,
			  void *data, struct sl_virgl_queue **ret_queue);
/* Accepts NULL. */
void sl_virgl_queue_destroy(struct sl_virgl_queue *queue);

/* Send a packet with its payload (virgl_msg.h); all is copied. fd: sent along, or -1; lent. It goes
 * with those that follow at once: on flush(), or when the event loop gets to it. Returns 0, or
 * -ENOMEM (also: too much is waiting): it is not sent. */
int sl_virgl_queue_send(struct sl_virgl_queue *queue, const void *packet, size_t size,
			const void *payload, size_t payload_size, int fd);

/* Send a packet, of at most SL_VIRGL_QUEUE_MAX_INSISTED bytes, that the other end must get to go on
 * making sense: where memory is short it is kept in the queue's own. If that is used up, or if far
 * too much is waiting, nothing is sent any more, and the event loop says that it has ended. */
void sl_virgl_queue_insist(struct sl_virgl_queue *queue, const void *packet, size_t size);

/* No more packets follow at once. */
void sl_virgl_queue_flush(struct sl_virgl_queue *queue);

/* Wait for one packet. Returns 0, -EPIPE (the other end has gone), -ETIMEDOUT or -errno. */
int sl_virgl_queue_await(struct sl_virgl_queue *queue, void *bytes, size_t size, size_t *ret_size);

#endif
