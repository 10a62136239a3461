/* SPDX-License-Identifier: MIT */
/* Taking requests from a ring, giving answers back. */
#include "host/vgpu/request_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "host/base/fd.h"
#include "host/base/log.h"

/* Requests taken from a queue before other events have their turn. */
#define QUEUE_BUDGET 64u

static void signal_guest(struct sl_request_queue *queue)
{
	if (sl_virtqueue_should_signal(&queue->ring)) {
		queue->options.ops->interrupt(queue->options.data, queue->options.index);
	}
}

static void push(struct sl_request_queue *queue, struct sl_vgpu_request *request, uint32_t written)
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

void sl_request_queue_complete(struct sl_request_queue *queue, struct sl_vgpu_request *request,
			       uint32_t written)
{
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

static void report_broken(struct sl_request_queue *queue)
{
	if (!queue->broken_logged) {
		queue->broken_logged = true;
		sl_log(SL_LOG_WARNING, "the guest's virtqueue %d makes no sense: %s; it is stopped",
		       (int)queue->options.index, queue->ring.broken_why);
	}
	queue->options.ops->broken(queue->options.data, queue->options.index);
}

void sl_request_queue_take(struct sl_request_queue *queue)
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

			request->queue = queue->options.index;
			queue->outstanding++;
			budget--;
			sl_vgpu_handle(queue->options.vgpu, request);
		} else if (r == 0) {
			r = sl_virtqueue_enable_kick(&queue->ring) ? 1 : 0;
		}
	}
	queue->taking = false;
	sl_vgpu_end_burst(queue->options.vgpu);
	signal_guest(queue);
	if (r == -EBADMSG) {
		report_broken(queue);
	} else if (r != 0) {
		sl_request_queue_schedule(queue);
	}
}

void sl_request_queue_schedule(struct sl_request_queue *queue)
{
	sd_event_source_set_enabled(queue->more_source, SD_EVENT_ONESHOT);
}

static int on_more(sd_event_source *source, void *data)
{
	sl_request_queue_take(data);
	return 0;
}

int sl_request_queue_init(struct sl_request_queue *queue,
			  const struct sl_request_queue_options *options)
{
	*queue = (struct sl_request_queue){ .options = *options };
	TAILQ_INIT(&queue->held);
	sl_virtqueue_init(&queue->ring, options->ram);
	int r = sd_event_add_defer(options->event, &queue->more_source, on_more, queue);

	return r < 0 ? r : sd_event_source_set_enabled(queue->more_source, SD_EVENT_OFF);
}

void sl_request_queue_finish(struct sl_request_queue *queue)
{
	sd_event_source_disable_unref(queue->more_source);
	sl_vgpu_request_destroy(queue->spare);
	sl_virtqueue_finish(&queue->ring);
	*queue = (struct sl_request_queue){ 0 };
}

static int start(struct sl_request_queue *queue, const struct sl_virtqueue_layout *layout)
{
	struct sl_vgpu_request *request;
	int r = sl_virtqueue_start(&queue->ring, layout, queue->outstanding);

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

int sl_request_queue_start(struct sl_request_queue *queue, const struct sl_virtqueue_layout *layout)
{
	int r = start(queue, layout);

	queue->broken_logged = r == 0 ? false : queue->broken_logged;
	return r;
}

int sl_request_queue_move(struct sl_request_queue *queue, const struct sl_virtqueue_layout *layout)
{
	const char *broken_why = queue->ring.broken_why;

	sl_virtqueue_stop(&queue->ring);
	int r = start(queue, layout);
	if (r == 0) {
		queue->ring.broken_why = broken_why;
	}
	return r;
}

uint16_t sl_request_queue_stop(struct sl_request_queue *queue)
{
	sd_event_source_set_enabled(queue->more_source, SD_EVENT_OFF);
	return queue->ring.started ? sl_virtqueue_stop(&queue->ring) : 0;
}

void sl_request_queue_forget(struct sl_request_queue *queue)
{
	struct sl_vgpu_request *request;

	queue->outstanding = 0;
	while ((request = TAILQ_FIRST(&queue->held)) != NULL) {
		TAILQ_REMOVE(&queue->held, request, link);
		sl_vgpu_request_destroy(request);
	}
}
