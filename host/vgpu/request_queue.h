/* SPDX-License-Identifier: MIT */
/* One of the device's queues, as every front end runs it: requests are taken from the ring and
 * handed to the device, answers go back into the ring, and the guest is told. One thread only. */
#ifndef SL_HOST_VGPU_REQUEST_QUEUE_H
#define SL_HOST_VGPU_REQUEST_QUEUE_H

#include "host/vgpu/virtio_gpu.h"
#include "host/vgpu/virtqueue.h"

#include <systemd/sd-event.h>

struct sl_request_queue_ops {
	/* The guest wants to be interrupted for what has been answered. */
	void (*interrupt)(void *data, enum sl_vgpu_queue index);
	/* The ring makes no sense, which has been logged; it yields nothing more until it is
	 * started anew. */
	void (*broken)(void *data, enum sl_vgpu_queue index);
};

struct sl_request_queue_options {
	sd_event *event;
	struct sl_vgpu *vgpu;		/* must outlive the queue's last request */
	const struct sl_guest_ram *ram; /* must outlive the queue */
	enum sl_vgpu_queue index;
	const struct sl_request_queue_ops *ops;
	void *data;
};

struct sl_request_queue {
	struct sl_request_queue_options options;
	struct sl_virtqueue ring;
	bool enabled; /* requests are taken only then; the front end's to set */

	/* The queue's own. */
	sd_event_source *more_source; /* off, or once: requests are left after the budget */
	struct sl_vgpu_request *spare;
	struct sl_vgpu_request_list held; /* answered while the ring was stopped */
	uint32_t outstanding;		  /* taken from the ring and not given back */
	bool taking;			  /* the guest is told of answers when it ends */
	bool broken_logged;
};

/* The queue must not move afterwards. Returns 0 or -errno. */
int sl_request_queue_init(struct sl_request_queue *queue,
			  const struct sl_request_queue_options *options);
/* Accepts a queue of zeros. Requests inside the device must be gone. */
void sl_request_queue_finish(struct sl_request_queue *queue);

/* Begin, or go on after a stop: what was answered in between is given back. Returns 0 or -EINVAL,
 * as sl_virtqueue_start(). */
int sl_request_queue_start(struct sl_request_queue *queue,
			   const struct sl_virtqueue_layout *layout);
/* The same ring elsewhere: one that is broken stays so. Returns 0, else it is stopped. */
int sl_request_queue_move(struct sl_request_queue *queue, const struct sl_virtqueue_layout *layout);
/* No guest memory is touched afterwards. Returns the base to go on from; 0 if it was stopped. */
uint16_t sl_request_queue_stop(struct sl_request_queue *queue);
/* What is unanswered is not the queue's any more, and what is answered is dropped: the guest has
 * forgotten it. sl_vgpu_reset() must follow. */
void sl_request_queue_forget(struct sl_request_queue *queue);

/* Take requests until there are none; after some of them other events have their turn first. */
void sl_request_queue_take(struct sl_request_queue *queue);
/* Take them when what is being done now is over. */
void sl_request_queue_schedule(struct sl_request_queue *queue);
/* For sl_vgpu_frontend_ops.complete. */
void sl_request_queue_complete(struct sl_request_queue *queue, struct sl_vgpu_request *request,
			       uint32_t written);

#endif
