/* SPDX-License-Identifier: MIT */
/* OpenGL contexts without a window: on the first GPU that has a driver, else on a software one. */
#ifndef SL_HOST_VIRGL_EGL_H
#define SL_HOST_VIRGL_EGL_H

#include <epoxy/egl.h>
#include <stdbool.h>
#include <stddef.h>

struct sl_virgl_egl {
	EGLDisplay display;
	EGLConfig config; /* EGL_NO_CONFIG_KHR where contexts do without */
	bool is_software;
};

/* Returns 0, or -ENODEV with a line in ret_why. */
int sl_virgl_egl_init(struct sl_virgl_egl *egl, char *ret_why, size_t why_size);
void sl_virgl_egl_finish(struct sl_virgl_egl *egl);

/* share: whose objects it sees too, or EGL_NO_CONTEXT. Returns EGL_NO_CONTEXT if the driver has no
 * such version. */
EGLContext sl_virgl_egl_create_context(const struct sl_virgl_egl *egl, int major, int minor,
				       EGLContext share);
void sl_virgl_egl_destroy_context(const struct sl_virgl_egl *egl, EGLContext context);
/* A picture outside of OpenGL. */
struct sl_virgl_egl_buffer {
	int fd; /* a DMA-BUF, the receiver's */
	uint32_t stride;
	uint32_t fourcc;
	uint64_t modifier;
};

/* Of a 2D texture of the current context's. Returns 0, or -ENOTSUP: the driver does not share it,
 * or not as one plane from the buffer's beginning. */
int sl_virgl_egl_export(const struct sl_virgl_egl *egl, uint32_t texture,
			struct sl_virgl_egl_buffer *ret_buffer);

/* In the calling thread. Returns 0 or -EIO. */
int sl_virgl_egl_make_current(const struct sl_virgl_egl *egl, EGLContext context);

#endif
