/* SPDX-License-Identifier: MIT */
/* Calls of virglrenderer. */
#include "host/virgl/renderer.h"

#include <epoxy/gl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <virgl/virglrenderer.h>

#include "host/base/log.h"

#define CAPSET_VIRGL  1u
#define CAPSET_VIRGL2 2u
/* Lines of virglrenderer's: a guest must not fill the host's log. */
#define MAX_LINES 50u

/* virgl's command that asks for the result of a query. */
#define GET_QUERY_RESULT 21u

/* Laid out as virglrenderer wants it; its own header is not installed. */
struct virgl_box {
	uint32_t x, y, z;
	uint32_t w, h, d;
};

/* virglrenderer's log comes without a cookie. */
static uint32_t line_count;

static void log_line(const char *format, va_list args)
{
	char line[512];

	if (line_count < MAX_LINES) {
		line_count++;
		vsnprintf(line, sizeof(line), format, args);
		line[strcspn(line, "\n")] = '\0';
		sl_log(SL_LOG_DEBUG, "virglrenderer: %s", line);
	}
}

/* virglrenderer returns errors with either sign. */
static int error_of(int result)
{
	return result > 0 ? -result : result;
}

static virgl_renderer_gl_context create_gl_context(void *cookie, int scanout,
						   struct virgl_renderer_gl_ctx_param *wanted)
{
	struct sl_virgl_renderer *renderer = cookie;
	EGLContext share = wanted->shared ? eglGetCurrentContext() : EGL_NO_CONTEXT;

	(void)scanout;
	if (wanted->shared && share == EGL_NO_CONTEXT) {
		share = renderer->first;
	}
	EGLContext context = sl_virgl_egl_create_context(&renderer->egl, wanted->major_ver,
							 wanted->minor_ver, share);
	if (renderer->first == EGL_NO_CONTEXT) {
		renderer->first = context;
	}
	return context;
}

static void destroy_gl_context(void *cookie, virgl_renderer_gl_context context)
{
	struct sl_virgl_renderer *renderer = cookie;

	sl_virgl_timer_forget(&renderer->timer, context);
	sl_virgl_egl_destroy_context(&renderer->egl, context);
}

static int make_current(void *cookie, int scanout, virgl_renderer_gl_context context)
{
	const struct sl_virgl_renderer *renderer = cookie;

	(void)scanout;
	return sl_virgl_egl_make_current(&renderer->egl, context);
}

/* Fences carry the low half of the count of pieces. */
static void write_fence(void *cookie, uint32_t fence)
{
	struct sl_virgl_renderer *renderer = cookie;
	uint32_t ahead = fence - (uint32_t)renderer->completed;

	if (ahead <= renderer->submitted - renderer->completed) {
		renderer->completed += ahead;
	}
}

static struct virgl_renderer_callbacks callbacks = {
	.version = 1,
	.write_fence = write_fence,
	.create_gl_context = create_gl_context,
	.destroy_gl_context = destroy_gl_context,
	.make_current = make_current,
};

int sl_virgl_renderer_init(struct sl_virgl_renderer *renderer, char *ret_why, size_t why_size)
{
	*renderer = (struct sl_virgl_renderer){ .first = EGL_NO_CONTEXT };
	int r = sl_virgl_egl_init(&renderer->egl, ret_why, why_size);
	if (r < 0) {
		return r;
	}
	virgl_set_debug_callback(log_line);
	r = virgl_renderer_init(renderer, VIRGL_RENDERER_THREAD_SYNC, &callbacks);
	if (r != 0) {
		snprintf(ret_why, why_size, "virglrenderer does not start (%d)", r);
		sl_virgl_egl_finish(&renderer->egl);
		return -ENODEV;
	}
	sl_virgl_timer_init(&renderer->timer, &renderer->egl);
	return 0;
}

void sl_virgl_renderer_get_name(char *ret_name, size_t size)
{
	const char *name = (const char *)glGetString(GL_RENDERER);

	snprintf(ret_name, size, "%s", name != NULL ? name : "?");
}

void sl_virgl_renderer_get_capsets(struct sl_virgl_capsets *ret_capsets)
{
	memset(ret_capsets, 0, sizeof(*ret_capsets));
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t version = 0;
		uint32_t size = 0;

		virgl_renderer_get_cap_set(CAPSET_VIRGL + i, &version, &size);
		if (size > 0 && size <= SL_VIRGL_MAX_CAPSET) {
			ret_capsets->versions[i] = version;
			ret_capsets->sizes[i] = size;
			virgl_renderer_fill_caps(CAPSET_VIRGL + i, version, ret_capsets->data[i]);
		}
	}
}

/* Returns whether it is worth it to look. What came before the piece is not seen from this context;
 * and results of queries are only given to the guest when virglrenderer sees a fence of its own
 * behind them. */
static bool may_look(struct sl_virgl_renderer *renderer, const struct sl_virgl_patience *patience)
{
	if (renderer->completed + 1 != renderer->submitted ||
	    renderer->query_piece > renderer->completed) {
		return false;
	}
	return patience != NULL || renderer->read_piece == renderer->submitted ||
	       sl_backoff_may_try(&renderer->looks);
}

/* A program that waits for its frame, or reads its pixels, has an idle GPU behind it, now or soon:
 * then nobody has to be woken up to say so. */
static bool is_complete_soon(struct sl_virgl_renderer *renderer,
			     const struct sl_virgl_patience *patience)
{
	GLsync fence = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);

	if (fence == NULL) {
		return false;
	}
	GLenum status = glClientWaitSync(fence, GL_SYNC_FLUSH_COMMANDS_BIT, 0);
	while (status == GL_TIMEOUT_EXPIRED && patience != NULL &&
	       patience->may_wait(patience->data)) {
		status = glClientWaitSync(fence, 0, patience->slice_ns);
	}
	glDeleteSync(fence);
	return status == GL_ALREADY_SIGNALED || status == GL_CONDITION_SATISFIED;
}

int sl_virgl_renderer_mark(struct sl_virgl_renderer *renderer,
			   const struct sl_virgl_patience *patience)
{
	renderer->submitted++;
	if (may_look(renderer, patience)) {
		bool is_complete = is_complete_soon(renderer, patience);

		if (patience == NULL && renderer->read_piece != renderer->submitted) {
			sl_backoff_tell(&renderer->looks, is_complete);
		}
		if (is_complete) {
			renderer->completed = renderer->submitted;
			return 0;
		}
	}
	sl_virgl_timer_mark(&renderer->timer, renderer->submitted);
	return error_of(virgl_renderer_create_fence((int)(uint32_t)renderer->submitted, 0));
}

int sl_virgl_renderer_get_fd(void)
{
	return virgl_renderer_get_poll_fd();
}

void sl_virgl_renderer_poll(void)
{
	virgl_renderer_poll();
}

static int create_resource(void *data, const struct sl_virgl_create *create)
{
	struct virgl_renderer_resource_create_args args = {
		.handle = create->resource_id,
		.target = create->target,
		.format = create->format,
		.bind = create->bind,
		.width = create->width,
		.height = create->height,
		.depth = create->depth,
		.array_size = create->array_size,
		.last_level = create->last_level,
		.nr_samples = create->nr_samples,
		.flags = create->flags,
	};

	(void)data;
	return error_of(virgl_renderer_resource_create(&args, NULL, 0));
}

static void destroy_resource(void *data, uint32_t resource_id)
{
	(void)data;
	virgl_renderer_resource_unref(resource_id);
}

static int attach_pages(void *data, uint32_t resource_id, struct iovec *runs, uint32_t count)
{
	(void)data;
	return error_of(virgl_renderer_resource_attach_iov((int)resource_id, runs, (int)count));
}

static void detach_pages(void *data, uint32_t resource_id)
{
	struct iovec *runs = NULL;
	int count = 0;

	(void)data;
	virgl_renderer_resource_detach_iov((int)resource_id, &runs, &count);
}

static int create_context(void *data, uint32_t context_id, const char *name)
{
	(void)data;
	return error_of(virgl_renderer_context_create(context_id, (uint32_t)strlen(name), name));
}

static void destroy_context(void *data, uint32_t context_id)
{
	(void)data;
	virgl_renderer_context_destroy(context_id);
}

static void attach(void *data, uint32_t context_id, uint32_t resource_id)
{
	(void)data;
	virgl_renderer_ctx_attach_resource((int)context_id, (int)resource_id);
}

static void detach(void *data, uint32_t context_id, uint32_t resource_id)
{
	(void)data;
	virgl_renderer_ctx_detach_resource((int)context_id, (int)resource_id);
}

static int transfer(void *data, const struct sl_virgl_transfer *t)
{
	struct sl_virgl_renderer *renderer = data;
	struct virgl_box box = { t->x, t->y, t->z, t->width, t->height, t->depth };
	int r;

	if (t->to_host != 0) {
		r = virgl_renderer_transfer_write_iov(t->resource_id, t->context_id, (int)t->level,
						      t->stride, t->layer_stride, &box, t->offset,
						      NULL, 0);
	} else {
		renderer->read_piece = renderer->submitted + 1;
		r = virgl_renderer_transfer_read_iov(t->resource_id, t->context_id, t->level,
						     t->stride, t->layer_stride, &box, t->offset,
						     NULL, 0);
	}
	return error_of(r);
}

static bool asks_for_result(const uint32_t *words, uint32_t count)
{
	/* At most 2^16 words a command, so the sum cannot overflow. */
	for (uint32_t at = 0; at < count; at += 1 + (words[at] >> 16)) {
		if ((words[at] & 0xff) == GET_QUERY_RESULT) {
			return true;
		}
	}
	return false;
}

static int submit(void *data, uint32_t context_id, uint32_t *words, uint32_t count)
{
	struct sl_virgl_renderer *renderer = data;

	if (asks_for_result(words, count)) {
		renderer->query_piece = renderer->submitted + 1;
	}
	return error_of(virgl_renderer_submit_cmd(words, (int)context_id, (int)count));
}

static int read_pixels(void *data, const struct sl_virgl_read *read, uint32_t stride, void *pixels,
		       size_t size)
{
	struct virgl_box box = { read->x, read->y, 0, read->width, read->height, 1 };
	struct iovec run = { .iov_base = pixels, .iov_len = size };
	struct virgl_renderer_resource_info info;
	struct sl_virgl_renderer *renderer = data;

	renderer->read_piece = renderer->submitted + 1;
	int r = virgl_renderer_resource_get_info((int)read->resource_id, &info);
	if (r != 0) {
		return error_of(r);
	}
	if (read->x > info.width || read->y > info.height || read->width > info.width - read->x ||
	    read->height > info.height - read->y) {
		return -EINVAL;
	}
	return error_of(virgl_renderer_transfer_read_iov(read->resource_id, 0, 0, stride, 0, &box,
							 0, &run, 1));
}

static int export_resource(void *data, uint32_t resource_id, struct sl_virgl_exported *ret_exported)
{
	const struct sl_virgl_renderer *renderer = data;
	struct virgl_renderer_resource_info info;
	struct sl_virgl_egl_buffer buffer;

	if (virgl_renderer_resource_get_info((int)resource_id, &info) != 0 || info.tex_id == 0 ||
	    info.depth > 1) {
		return -EINVAL;
	}
	int r = sl_virgl_egl_export(&renderer->egl, info.tex_id, &buffer);
	if (r < 0) {
		return r;
	}
	ret_exported->width = info.width;
	ret_exported->height = info.height;
	ret_exported->stride = buffer.stride;
	ret_exported->fourcc = buffer.fourcc;
	ret_exported->flags = info.flags;
	ret_exported->modifier = buffer.modifier;
	return buffer.fd;
}

const struct sl_virgl_ops sl_virgl_renderer_ops = {
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
