/* SPDX-License-Identifier: MIT */
/* The display socket: state in, messages out as the socket takes them, one question at a time. */
#include "host/vgpu/display.h"

#include <errno.h>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <pixman.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/vgpu/vhost_user_msg.h"

/* The other side does not answer for outputs that it does not have, and not while its window
 * system blocks it. */
#define ANSWER_TIMEOUT_US 1000000u

/* An update is cut into bands, so that the buffer stays small. A picture of 1280x800 fits. */
#define MAX_UPDATE_BYTES (4u << 20)
/* What there is always room for: each message but an update, and some rows of that. */
#define MIN_OUT_BYTES ((64u << 10) + sizeof(struct sl_vhost_gpu_cursor))
/* Scattered updates are joined into one rectangle. */
#define MAX_DIRTY_RECTS 16

enum question {
	QUESTION_NONE,
	QUESTION_FEATURES,
	QUESTION_INFO,
	QUESTION_EDID,
	QUESTION_SHOWN, /* a change of a DMA-BUF */
};

struct scanout {
	uint32_t width; /* as the device has it; 0: nothing is shown */
	uint32_t height;
	uint32_t told_width; /* as the other side was told */
	uint32_t told_height;
	pixman_region32_t dirty; /* within width x height */
	struct sl_vhost_gpu_dmabuf dmabuf;
	int dmabuf_fd;	      /* shown in place of pixels that are sent; -1: none */
	bool dmabuf_is_new;   /* the other side was not told */
	bool dmabuf_was_told; /* the other side shows one, this or an earlier */
	struct sl_vhost_gpu_cursor cursor;
	bool cursor_visible;
	bool cursor_moved;
	bool cursor_defined;
	uint64_t edid_turn; /* 0: no question about it waits */
};

struct sl_vgpu_display {
	sd_event *event;
	struct sl_vgpu *vgpu;
	int fd;
	sd_event_source *source;
	sd_event_source *timer; /* for the answer to the question */
	bool closed;

	enum question question; /* what was asked and not yet answered */
	uint32_t question_scanout_id;
	bool ready; /* the protocol's features are agreed on */
	bool has_edid;
	bool has_dmabuf2; /* the other side knows modifiers */
	uint64_t last_turn;
	uint64_t info_turn; /* 0: no such question waits */
	struct scanout scanouts[SL_VGPU_MAX_SCANOUTS];

	uint8_t *out; /* the message being written */
	size_t out_capacity;
	size_t out_size;
	size_t out_sent;
	int out_fd; /* goes with its first byte; -1: none. A scanout's */

	struct sl_vhost_gpu_header in_header;
	union {
		uint64_t u64;
		struct virtio_gpu_resp_display_info info;
		struct virtio_gpu_resp_edid edid;
	} in;
	size_t received;
};

static void close_display(struct sl_vgpu_display *display)
{
	if (display->closed) {
		return;
	}
	display->closed = true;
	sd_event_source_set_enabled(display->source, SD_EVENT_OFF);
	sd_event_source_set_enabled(display->timer, SD_EVENT_OFF);
	sl_vgpu_set_display(display->vgpu, NULL, NULL);
}

/* Room for a message with size bytes of payload; NULL if memory is short, which it never is for up
 * to MIN_OUT_BYTES with the header. */
static void *begin_message(struct sl_vgpu_display *display, uint32_t request, size_t size)
{
	struct sl_vhost_gpu_header header = { .request = request, .size = (uint32_t)size };
	size_t total = sizeof(header) + size;

	if (total > display->out_capacity) {
		uint8_t *out = realloc(display->out, total);

		if (out == NULL) {
			return NULL;
		}
		display->out = out;
		display->out_capacity = total;
	}
	memcpy(display->out, &header, sizeof(header));
	display->out_size = total;
	display->out_sent = 0;
	return display->out + sizeof(header);
}

static bool put_message(struct sl_vgpu_display *display, uint32_t request, const void *data,
			size_t size)
{
	void *payload = begin_message(display, request, size);

	if (payload != NULL && size > 0) {
		memcpy(payload, data, size);
	}
	return payload != NULL;
}

static bool ask(struct sl_vgpu_display *display, enum question question, uint32_t request,
		const void *data, size_t size)
{
	display->question = question;
	sd_event_source_set_time_relative(display->timer, ANSWER_TIMEOUT_US);
	sd_event_source_set_enabled(display->timer, SD_EVENT_ONESHOT);
	return put_message(display, request, data, size);
}

/* Returns true if a message was put into the buffer. */
static bool put_question(struct sl_vgpu_display *display)
{
	if (display->question != QUESTION_NONE) {
		return false;
	}
	if (!display->ready) {
		return ask(display, QUESTION_FEATURES, SL_VHOST_GPU_GET_PROTOCOL_FEATURES, NULL, 0);
	}
	/* In their turn: Linux looks at its outputs again when it has the display info, and asks
	 * for the EDIDs before it. */
	uint64_t *first = display->info_turn != 0 ? &display->info_turn : NULL;
	uint32_t scanout_id = SL_VGPU_MAX_SCANOUTS;
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		uint64_t *turn = &display->scanouts[i].edid_turn;

		if (*turn != 0 && (first == NULL || *turn < *first)) {
			first = turn;
			scanout_id = i;
		}
	}
	if (first == NULL) {
		return false;
	}
	*first = 0;
	if (scanout_id == SL_VGPU_MAX_SCANOUTS) {
		return ask(display, QUESTION_INFO, SL_VHOST_GPU_GET_DISPLAY_INFO, NULL, 0);
	}
	display->question_scanout_id = scanout_id;
	return ask(display, QUESTION_EDID, SL_VHOST_GPU_GET_EDID, &scanout_id, sizeof(scanout_id));
}

static bool put_cursor(struct sl_vgpu_display *display, struct scanout *scanout)
{
	if (scanout->cursor_defined) {
		scanout->cursor_defined = false;
		scanout->cursor_moved = false;
		return put_message(display, SL_VHOST_GPU_CURSOR_UPDATE, &scanout->cursor,
				   sizeof(scanout->cursor));
	}
	if (scanout->cursor_moved) {
		scanout->cursor_moved = false;
		return put_message(display,
				   scanout->cursor_visible ? SL_VHOST_GPU_CURSOR_POS
							   : SL_VHOST_GPU_CURSOR_POS_HIDE,
				   &scanout->cursor, SL_VHOST_GPU_CURSOR_POS_SIZE);
	}
	return false;
}

/* Returns true if a message was put into the buffer. */
static bool put_dmabuf(struct sl_vgpu_display *display, struct scanout *scanout)
{
	struct sl_vhost_gpu_dmabuf none = { .scanout_id = scanout->dmabuf.scanout_id };

	if (scanout->dmabuf_fd < 0 && scanout->dmabuf_was_told) {
		scanout->dmabuf_was_told = false;
		return put_message(display, SL_VHOST_GPU_DMABUF_SCANOUT, &none,
				   SL_VHOST_GPU_DMABUF_SIZE);
	}
	if (!scanout->dmabuf_is_new) {
		return false;
	}
	scanout->dmabuf_is_new = false;
	scanout->dmabuf_was_told = true;
	if (!put_message(display,
			 display->has_dmabuf2 ? SL_VHOST_GPU_DMABUF_SCANOUT2
					      : SL_VHOST_GPU_DMABUF_SCANOUT,
			 &scanout->dmabuf,
			 display->has_dmabuf2 ? sizeof(scanout->dmabuf)
					      : SL_VHOST_GPU_DMABUF_SIZE)) {
		return false;
	}
	display->out_fd = scanout->dmabuf_fd;
	return true;
}

/* What changed is where the other side sees it; that it has shown it it says. */
static bool put_dmabuf_update(struct sl_vgpu_display *display, uint32_t id)
{
	struct scanout *scanout = &display->scanouts[id];
	const pixman_box32_t *box = pixman_region32_extents(&scanout->dirty);
	struct sl_vhost_gpu_update update = { id, (uint32_t)box->x1, (uint32_t)box->y1,
					      (uint32_t)(box->x2 - box->x1),
					      (uint32_t)(box->y2 - box->y1) };

	if (!pixman_region32_not_empty(&scanout->dirty) || display->question != QUESTION_NONE) {
		return false;
	}
	pixman_region32_clear(&scanout->dirty);
	return ask(display, QUESTION_SHOWN, SL_VHOST_GPU_DMABUF_UPDATE, &update, sizeof(update));
}

/* An update must never reach the other side before its scanout, or after the scanout's end: QEMU
 * would draw into a surface that it does not have. */
static bool put_scanout(struct sl_vgpu_display *display, uint32_t id)
{
	struct scanout *scanout = &display->scanouts[id];
	struct sl_vhost_gpu_scanout message = { id, scanout->width, scanout->height };

	if (put_dmabuf(display, scanout)) {
		return true;
	}
	if (scanout->dmabuf_fd >= 0) {
		return false;
	}
	if (scanout->told_width == scanout->width && scanout->told_height == scanout->height) {
		return false;
	}
	scanout->told_width = scanout->width;
	scanout->told_height = scanout->height;
	return put_message(display, SL_VHOST_GPU_SCANOUT, &message, sizeof(message));
}

/* Room for an update of so many rows, or of fewer where memory is short; NULL: of none. */
static uint8_t *begin_update(struct sl_vgpu_display *display, size_t stride, uint32_t *rows)
{
	const size_t head = sizeof(struct sl_vhost_gpu_update);
	uint8_t *payload = begin_message(display, SL_VHOST_GPU_UPDATE, head + stride * *rows);

	if (payload == NULL) {
		size_t room = display->out_capacity - sizeof(struct sl_vhost_gpu_header) - head;

		*rows = (uint32_t)(room / stride);
		payload = *rows > 0 ? begin_message(display, SL_VHOST_GPU_UPDATE,
						    head + stride * *rows)
				    : NULL;
	}
	return payload;
}

static bool put_update(struct sl_vgpu_display *display, uint32_t id)
{
	struct scanout *scanout = &display->scanouts[id];
	int count = 0;

	if (scanout->dmabuf_fd >= 0) {
		return put_dmabuf_update(display, id);
	}
	const pixman_box32_t *box = pixman_region32_rectangles(&scanout->dirty, &count);

	if (count == 0) {
		return false;
	}
	if (count > MAX_DIRTY_RECTS) {
		box = pixman_region32_extents(&scanout->dirty);
	}
	struct sl_vgpu_rect rect = { (uint32_t)box->x1, (uint32_t)box->y1,
				     (uint32_t)(box->x2 - box->x1), (uint32_t)(box->y2 - box->y1) };
	size_t stride = (size_t)rect.width * 4;
	uint32_t max_rows = (uint32_t)(MAX_UPDATE_BYTES / stride);
	rect.height = rect.height < max_rows ? rect.height : max_rows;

	uint8_t *payload = begin_update(display, stride, &rect.height);
	struct sl_vhost_gpu_update update = { id, rect.x, rect.y, rect.width, rect.height };
	pixman_region32_t sent;
	pixman_region32_init_rect(&sent, box->x1, box->y1, rect.width, rect.height);
	pixman_region32_subtract(&scanout->dirty, &scanout->dirty, &sent);
	pixman_region32_fini(&sent);
	if (payload == NULL) {
		return false;
	}
	memcpy(payload, &update, sizeof(update));
	if (sl_vgpu_read_scanout(display->vgpu, id, &rect, payload + sizeof(update), stride) < 0) {
		display->out_size = 0;
		return false;
	}
	return true;
}

/* Put the next message into the empty buffer. False: there is nothing to say. */
static bool put_next(struct sl_vgpu_display *display)
{
	if (put_question(display)) {
		return true;
	}
	if (!display->ready) {
		return false;
	}
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		if (put_scanout(display, i) || put_cursor(display, &display->scanouts[i])) {
			return true;
		}
	}
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		if (put_update(display, i)) {
			return true;
		}
	}
	return false;
}

/* Write what there is to say until the socket is full. */
static void write_messages(struct sl_vgpu_display *display)
{
	while (display->out_size > 0 || put_next(display)) {
		ssize_t n = sl_fd_send_some(display->fd, display->out + display->out_sent,
					    display->out_size - display->out_sent, &display->out_fd,
					    display->out_fd >= 0 ? 1 : 0);

		if (n == -EAGAIN) {
			sd_event_source_set_io_events(display->source, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0) {
			close_display(display);
			return;
		}
		display->out_fd = -1;
		display->out_sent += (size_t)n;
		if (display->out_sent == display->out_size) {
			display->out_size = 0;
		}
	}
	sd_event_source_set_io_events(display->source, EPOLLIN);
}

/* There is something to say: from the event loop, where a burst is one message. */
static void wake(struct sl_vgpu_display *display)
{
	sd_event_source_set_io_events(display->source, EPOLLIN | EPOLLOUT);
}

/* The question is answered; size 0: nobody answered. */
static void take_answer(struct sl_vgpu_display *display, size_t size)
{
	enum question question = display->question;

	display->question = QUESTION_NONE;
	sd_event_source_set_enabled(display->timer, SD_EVENT_OFF);
	switch (question) {
	case QUESTION_FEATURES:
		display->ready = true;
		display->has_edid =
			size > 0 && (display->in.u64 & 1u << SL_VHOST_GPU_PROTOCOL_F_EDID) != 0;
		if (size > 0) {
			uint64_t features =
				display->in.u64 & (1u << SL_VHOST_GPU_PROTOCOL_F_EDID |
						   1u << SL_VHOST_GPU_PROTOCOL_F_DMABUF2);

			display->has_dmabuf2 =
				(features & 1u << SL_VHOST_GPU_PROTOCOL_F_DMABUF2) != 0;

			put_message(display, SL_VHOST_GPU_SET_PROTOCOL_FEATURES, &features,
				    sizeof(features));
		}
		break;
	case QUESTION_INFO:
		if (size > 0) {
			sl_vgpu_set_display_info(display->vgpu, display->in.info.pmodes);
		} else {
			sl_vgpu_keep_display_info(display->vgpu);
		}
		break;
	case QUESTION_EDID:
		sl_vgpu_set_edid(display->vgpu, display->question_scanout_id, display->in.edid.edid,
				 size > 0 ? display->in.edid.size : 0);
		break;
	default:
		break;
	}
	wake(display);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	struct sl_vgpu_display *display = data;

	sl_log(SL_LOG_DEBUG, "the display does not answer");
	take_answer(display, 0);
	return 0;
}

static bool answers_question(const struct sl_vgpu_display *display)
{
	uint32_t size = display->in_header.size;

	switch (display->question) {
	case QUESTION_FEATURES:
		return display->in_header.request == SL_VHOST_GPU_GET_PROTOCOL_FEATURES &&
		       size == sizeof(display->in.u64);
	case QUESTION_INFO:
		return display->in_header.request == SL_VHOST_GPU_GET_DISPLAY_INFO &&
		       size == sizeof(display->in.info);
	case QUESTION_EDID:
		return display->in_header.request == SL_VHOST_GPU_GET_EDID &&
		       size == sizeof(display->in.edid);
	case QUESTION_SHOWN:
		return display->in_header.request == SL_VHOST_GPU_DMABUF_UPDATE && size == 0;
	default:
		return false;
	}
}

/* Returns 0, or -errno if the socket is of no more use. */
static int receive(struct sl_vgpu_display *display)
{
	const size_t head = sizeof(display->in_header);
	bool in_header = display->received < head;
	uint8_t *dst = in_header ? (uint8_t *)&display->in_header + display->received
				 : (uint8_t *)&display->in + (display->received - head);
	size_t wanted = (in_header ? head : head + display->in_header.size) - display->received;
	ssize_t n = sl_fd_receive(display->fd, dst, wanted, NULL, 0, NULL);

	if (n <= 0) {
		return n == 0 ? -EPIPE : n == -EAGAIN ? 0 : (int)n;
	}
	display->received += (size_t)n;
	if (display->received < head) {
		return 0;
	}
	if (display->in_header.size > sizeof(display->in)) {
		sl_log(SL_LOG_ERROR, "display message %u has %u bytes", display->in_header.request,
		       display->in_header.size);
		return -EBADMSG;
	}
	if (display->received < head + display->in_header.size) {
		return 0;
	}
	display->received = 0;
	/* An answer that came too late answers nothing. */
	if (answers_question(display)) {
		take_answer(display, display->in_header.size);
	}
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct sl_vgpu_display *display = data;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && receive(display) < 0) {
		close_display(display);
		return 0;
	}
	if ((events & EPOLLOUT) != 0) {
		write_messages(display);
	}
	return 0;
}

/* A descriptor that is about to be written stays with its message. */
static void drop_dmabuf(struct sl_vgpu_display *display, struct scanout *scanout)
{
	if (scanout->dmabuf_fd >= 0 && scanout->dmabuf_fd == display->out_fd) {
		/* Nothing of it was written: it need not be at all. */
		display->out_fd = -1;
		display->out_size = 0;
	}
	sl_fd_close(scanout->dmabuf_fd);
	scanout->dmabuf_fd = -1;
	scanout->dmabuf_is_new = false;
}

static void show(struct sl_vgpu_display *display, struct scanout *scanout, uint32_t width,
		 uint32_t height)
{
	scanout->width = width;
	scanout->height = height;
	pixman_region32_fini(&scanout->dirty);
	pixman_region32_init_rect(&scanout->dirty, 0, 0, width, height);
	wake(display);
}

static void set_scanout(void *data, uint32_t scanout_id, uint32_t width, uint32_t height)
{
	struct sl_vgpu_display *display = data;
	struct scanout *scanout = &display->scanouts[scanout_id];

	if (scanout->dmabuf_was_told) {
		/* The other side has no surface. */
		scanout->told_width = 0;
		scanout->told_height = 0;
	}
	drop_dmabuf(display, scanout);
	show(display, scanout, width, height);
}

static int set_dmabuf(void *data, uint32_t scanout_id, const struct sl_vgpu_dmabuf *dmabuf,
		      const struct sl_vgpu_rect *rect)
{
	struct sl_vgpu_display *display = data;
	struct scanout *scanout = &display->scanouts[scanout_id];
	bool needs_modifier = dmabuf->modifier != DRM_FORMAT_MOD_LINEAR &&
			      dmabuf->modifier != DRM_FORMAT_MOD_INVALID;
	SL_AUTO_CLOSE int fd = -1;

	if (display->ready && (!needs_modifier || display->has_dmabuf2)) {
		fd = fcntl(dmabuf->fd, F_DUPFD_CLOEXEC, 3);
	}
	if (fd < 0) {
		return -ENOTSUP;
	}
	drop_dmabuf(display, scanout);
	scanout->dmabuf_fd = sl_steal_fd(&fd);
	scanout->dmabuf_is_new = true;
	scanout->dmabuf = (struct sl_vhost_gpu_dmabuf){
		.scanout_id = scanout_id,
		.x = rect->x,
		.y = rect->y,
		.width = rect->width,
		.height = rect->height,
		.fd_width = dmabuf->width,
		.fd_height = dmabuf->height,
		.fd_stride = dmabuf->stride,
		.fd_flags = dmabuf->flags,
		.fd_fourcc = dmabuf->fourcc,
		.modifier = { (uint32_t)dmabuf->modifier, (uint32_t)(dmabuf->modifier >> 32) },
	};
	show(display, scanout, rect->width, rect->height);
	return 0;
}

static void update(void *data, uint32_t scanout_id, const struct sl_vgpu_rect *rect)
{
	struct sl_vgpu_display *display = data;
	struct scanout *scanout = &display->scanouts[scanout_id];

	pixman_region32_union_rect(&scanout->dirty, &scanout->dirty, (int)rect->x, (int)rect->y,
				   rect->width, rect->height);
	if (pixman_region32_n_rects(&scanout->dirty) > MAX_DIRTY_RECTS) {
		pixman_box32_t box = *pixman_region32_extents(&scanout->dirty);

		pixman_region32_reset(&scanout->dirty, &box);
	}
	wake(display);
}

static void move_cursor(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, bool visible)
{
	struct sl_vgpu_display *display = data;
	struct scanout *scanout = &display->scanouts[scanout_id];

	scanout->cursor.scanout_id = scanout_id;
	scanout->cursor.x = x;
	scanout->cursor.y = y;
	scanout->cursor_visible = visible;
	scanout->cursor_moved = true;
	if (!visible) {
		scanout->cursor_defined = false; /* defining shows it */
	}
	wake(display);
}

static void define_cursor(void *data, uint32_t scanout_id, uint32_t x, uint32_t y, uint32_t hot_x,
			  uint32_t hot_y, const uint32_t *pixels)
{
	struct sl_vgpu_display *display = data;
	struct scanout *scanout = &display->scanouts[scanout_id];

	move_cursor(data, scanout_id, x, y, true);
	scanout->cursor.hot_x = hot_x;
	scanout->cursor.hot_y = hot_y;
	memcpy(scanout->cursor.pixels, pixels, sizeof(scanout->cursor.pixels));
	scanout->cursor_defined = true;
}

static int query_info(void *data)
{
	struct sl_vgpu_display *display = data;

	display->info_turn = ++display->last_turn;
	wake(display);
	return 0;
}

static int query_edid(void *data, uint32_t scanout_id)
{
	struct sl_vgpu_display *display = data;

	if (display->ready && !display->has_edid) {
		return -ENOTSUP;
	}
	display->scanouts[scanout_id].edid_turn = ++display->last_turn;
	wake(display);
	return 0;
}

static const struct sl_vgpu_display_ops display_ops = {
	.set_scanout = set_scanout,
	.set_dmabuf = set_dmabuf,
	.update = update,
	.move_cursor = move_cursor,
	.define_cursor = define_cursor,
	.query_info = query_info,
	.query_edid = query_edid,
};

int sl_vgpu_display_create(sd_event *event, int fd, struct sl_vgpu *vgpu,
			   struct sl_vgpu_display **ret_display)
{
	struct sl_vgpu_display *display = calloc(1, sizeof(*display));
	int flags = fcntl(fd, F_GETFL);
	int r = 0;

	if (display == NULL) {
		sl_fd_close(fd);
		return -ENOMEM;
	}
	display->event = sd_event_ref(event);
	display->vgpu = vgpu;
	display->fd = fd;
	display->closed = true;
	display->out_fd = -1;
	display->out = malloc(MIN_OUT_BYTES);
	display->out_capacity = display->out != NULL ? MIN_OUT_BYTES : 0;
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		pixman_region32_init(&display->scanouts[i].dirty);
		display->scanouts[i].dmabuf_fd = -1;
	}
	if (display->out == NULL) {
		r = -ENOMEM;
	} else if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		r = -errno;
	}
	if (r >= 0) {
		r = sd_event_add_io(event, &display->source, fd, EPOLLIN | EPOLLOUT, on_io,
				    display);
	}
	if (r >= 0) {
		r = sd_event_add_time_relative(event, &display->timer, CLOCK_MONOTONIC, 0, 0,
					       on_timeout, display);
	}
	if (r >= 0) {
		r = sd_event_source_set_enabled(display->timer, SD_EVENT_OFF);
	}
	if (r < 0) {
		sl_vgpu_display_destroy(display);
		return r;
	}
	display->closed = false;
	sl_vgpu_set_display(vgpu, &display_ops, display);
	*ret_display = display;
	return 0;
}

void sl_vgpu_display_destroy(struct sl_vgpu_display *display)
{
	if (display == NULL) {
		return;
	}
	close_display(display);
	sd_event_source_disable_unref(display->source);
	sd_event_source_disable_unref(display->timer);
	sd_event_unref(display->event);
	for (uint32_t i = 0; i < SL_VGPU_MAX_SCANOUTS; i++) {
		pixman_region32_fini(&display->scanouts[i].dirty);
		sl_fd_close(display->scanouts[i].dmabuf_fd);
	}
	free(display->out);
	sl_fd_close(display->fd);
	free(display);
}
