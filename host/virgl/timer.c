/* SPDX-License-Identifier: MIT */
/* Timestamp queries, each in the context that the piece ended in. */
#include "host/virgl/timer.h"

#include <epoxy/gl.h>

#include "host/base/clock.h"

/* The two clocks are compared so often. */
#define COMPARE_NS UINT64_C(100000000)

void sl_virgl_timer_init(struct sl_virgl_timer *timer, const struct sl_virgl_egl *egl)
{
	GLint bits = 0;

	*timer = (struct sl_virgl_timer){ .egl = egl };
	if (epoxy_gl_version() >= 33 || epoxy_has_gl_extension("GL_ARB_timer_query")) {
		glGetQueryiv(GL_TIMESTAMP, GL_QUERY_COUNTER_BITS, &bits);
	}
	/* Fewer would turn over within seconds. llvmpipe takes the time at once where nothing is
	 * recorded, though what was flushed before still runs. */
	timer->is_there = bits >= 36 && !egl->is_software;
}

static void compare_clocks(struct sl_virgl_timer *timer)
{
	uint64_t before_ns = sl_clock_now_ns();
	GLint64 gpu_ns = 0;

	if (timer->set_ns != 0 && before_ns - timer->set_ns < COMPARE_NS) {
		return;
	}
	glGetInteger64v(GL_TIMESTAMP, &gpu_ns);
	timer->set_ns = sl_clock_now_ns();
	timer->offset_ns = (int64_t)(before_ns + (timer->set_ns - before_ns) / 2) - gpu_ns;
}

static struct sl_virgl_timestamp *stamp_of(struct sl_virgl_timer *timer, uint64_t piece)
{
	return &timer->stamps[piece % SL_VIRGL_TIMER_PIECES];
}

void sl_virgl_timer_mark(struct sl_virgl_timer *timer, uint64_t piece)
{
	struct sl_virgl_timestamp *stamp = stamp_of(timer, piece);
	EGLContext context = eglGetCurrentContext();

	if (!timer->is_there || stamp->piece != 0 || context == EGL_NO_CONTEXT) {
		return;
	}
	compare_clocks(timer);
	glGenQueries(1, &stamp->query);
	glQueryCounter(stamp->query, GL_TIMESTAMP);
	stamp->piece = piece;
	stamp->context = context;
}

void sl_virgl_timer_forget(struct sl_virgl_timer *timer, EGLContext context)
{
	for (uint32_t i = 0; i < SL_VIRGL_TIMER_PIECES; i++) {
		if (timer->stamps[i].context == context) {
			timer->stamps[i] = (struct sl_virgl_timestamp){ 0 };
		}
	}
}

/* The GPU's time; 0: it has none. */
static uint64_t read_query(GLuint query)
{
	GLuint is_available = 0;
	GLuint64 gpu_ns = 0;

	/* A guest may have broken the context: what waits for it would wait for ever. */
	glGetQueryObjectuiv(query, GL_QUERY_RESULT_AVAILABLE, &is_available);
	if (is_available != 0) {
		glGetQueryObjectui64v(query, GL_QUERY_RESULT, &gpu_ns);
	}
	glDeleteQueries(1, &query);
	return gpu_ns;
}

uint64_t sl_virgl_timer_take(struct sl_virgl_timer *timer, uint64_t piece, uint64_t now_ns)
{
	struct sl_virgl_timestamp *stamp = stamp_of(timer, piece);
	EGLContext current = eglGetCurrentContext();
	bool must_switch = stamp->context != current;

	if (piece == 0 || stamp->piece != piece) {
		return 0;
	}
	stamp->piece = 0;
	if (must_switch && sl_virgl_egl_make_current(timer->egl, stamp->context) < 0) {
		return 0;
	}
	uint64_t gpu_ns = read_query(stamp->query);
	/* virglrenderer takes it that nobody else switches. */
	if (must_switch) {
		sl_virgl_egl_make_current(timer->egl, current);
	}
	int64_t end_ns = (int64_t)gpu_ns + timer->offset_ns;

	if (gpu_ns == 0 || end_ns <= 0) {
		return 0;
	}
	return (uint64_t)end_ns < now_ns ? (uint64_t)end_ns : now_ns;
}
