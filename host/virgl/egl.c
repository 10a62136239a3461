/* SPDX-License-Identifier: MIT */
/* Chooses an EGL device, and makes contexts on it. */
#include "host/virgl/egl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "host/base/fd.h"

#define MAX_DEVICES 32

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; at != NULL && (at = strstr(at, word)) != NULL; at += length) {
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) {
			return true;
		}
	}
	return false;
}

/* Contexts must not need a surface. Some drivers want a configuration all the same. */
static bool find_config(struct sl_virgl_egl *egl)
{
	static const EGLint wanted[] = { EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE,
					 EGL_OPENGL_BIT, EGL_NONE };
	const char *extensions = eglQueryString(egl->display, EGL_EXTENSIONS);
	EGLint count = 0;

	egl->config = EGL_NO_CONFIG_KHR;
	if (!has_word(extensions, "EGL_KHR_surfaceless_context") ||
	    !has_word(extensions, "EGL_KHR_create_context")) {
		return false;
	}
	return has_word(extensions, "EGL_KHR_no_config_context") ||
	       has_word(extensions, "EGL_MESA_configless_context") ||
	       (eglChooseConfig(egl->display, wanted, &egl->config, 1, &count) && count == 1);
}

static bool open_display(struct sl_virgl_egl *egl, EGLenum platform, void *native)
{
	egl->display = eglGetPlatformDisplayEXT(platform, native, NULL);
	if (egl->display == EGL_NO_DISPLAY || !eglInitialize(egl->display, NULL, NULL)) {
		return false;
	}
	if (eglBindAPI(EGL_OPENGL_API) && find_config(egl)) {
		return true;
	}
	eglTerminate(egl->display);
	return false;
}

/* The devices of one kind in their order. */
static bool open_device(struct sl_virgl_egl *egl, bool is_software)
{
	EGLDeviceEXT devices[MAX_DEVICES];
	EGLint count = 0;

	if (!eglQueryDevicesEXT(MAX_DEVICES, devices, &count)) {
		return false;
	}
	for (EGLint i = 0; i < count; i++) {
		const char *extensions = eglQueryDeviceStringEXT(devices[i], EGL_EXTENSIONS);

		if (has_word(extensions, "EGL_MESA_device_software") == is_software &&
		    open_display(egl, EGL_PLATFORM_DEVICE_EXT, devices[i])) {
			egl->is_software = is_software;
			return true;
		}
	}
	return false;
}

int sl_virgl_egl_init(struct sl_virgl_egl *egl, char *ret_why, size_t why_size)
{
	const char *extensions = eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS);

	*egl = (struct sl_virgl_egl){ .display = EGL_NO_DISPLAY };
	if (!has_word(extensions, "EGL_EXT_platform_base")) {
		snprintf(ret_why, why_size, "EGL has no platforms to choose from");
		return -ENODEV;
	}
	if (has_word(extensions, "EGL_EXT_platform_device") &&
	    (has_word(extensions, "EGL_EXT_device_enumeration") ||
	     has_word(extensions, "EGL_EXT_device_base")) &&
	    (open_device(egl, false) || open_device(egl, true))) {
		return 0;
	}
	if (has_word(extensions, "EGL_MESA_platform_surfaceless") &&
	    open_display(egl, EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY)) {
		return 0;
	}
	snprintf(ret_why, why_size,
		 "EGL finds no device with OpenGL (Debian: apt install "
		 "libegl1 libgl1-mesa-dri)");
	return -ENODEV;
}

void sl_virgl_egl_finish(struct sl_virgl_egl *egl)
{
	if (egl->display != EGL_NO_DISPLAY) {
		eglTerminate(egl->display);
		egl->display = EGL_NO_DISPLAY;
	}
}

EGLContext sl_virgl_egl_create_context(const struct sl_virgl_egl *egl, int major, int minor,
				       EGLContext share)
{
	const EGLint attributes[] = { EGL_CONTEXT_MAJOR_VERSION_KHR, major,
				      EGL_CONTEXT_MINOR_VERSION_KHR, minor, EGL_NONE };

	/* What is bound is each thread's own. */
	eglBindAPI(EGL_OPENGL_API);
	return eglCreateContext(egl->display, egl->config, share, attributes);
}

void sl_virgl_egl_destroy_context(const struct sl_virgl_egl *egl, EGLContext context)
{
	eglDestroyContext(egl->display, context);
}

int sl_virgl_egl_make_current(const struct sl_virgl_egl *egl, EGLContext context)
{
	eglBindAPI(EGL_OPENGL_API);
	return eglMakeCurrent(egl->display, EGL_NO_SURFACE, EGL_NO_SURFACE, context) ? 0 : -EIO;
}

static int export_image(const struct sl_virgl_egl *egl, EGLImageKHR image,
			struct sl_virgl_egl_buffer *ret_buffer)
{
	int fourcc = 0;
	int planes = 0;
	EGLuint64KHR modifier = 0;
	EGLint stride = 0;
	EGLint offset = 0;
	int fd = -1;

	/* Arrays with an element for each plane: none may have more than one. */
	if (!eglExportDMABUFImageQueryMESA(egl->display, image, &fourcc, &planes, NULL) ||
	    planes != 1 ||
	    !eglExportDMABUFImageQueryMESA(egl->display, image, &fourcc, &planes, &modifier) ||
	    !eglExportDMABUFImageMESA(egl->display, image, &fd, &stride, &offset) || fd < 0) {
		return -ENOTSUP;
	}
	if (offset != 0 || stride <= 0 || fourcc == 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		sl_fd_close(fd);
		return -ENOTSUP;
	}
	*ret_buffer =
		(struct sl_virgl_egl_buffer){ fd, (uint32_t)stride, (uint32_t)fourcc, modifier };
	return 0;
}

int sl_virgl_egl_export(const struct sl_virgl_egl *egl, uint32_t texture,
			struct sl_virgl_egl_buffer *ret_buffer)
{
	const char *extensions = eglQueryString(egl->display, EGL_EXTENSIONS);

	if (!has_word(extensions, "EGL_MESA_image_dma_buf_export") ||
	    !has_word(extensions, "EGL_KHR_image_base") ||
	    !has_word(extensions, "EGL_KHR_gl_texture_2D_image")) {
		return -ENOTSUP;
	}
	EGLImageKHR image =
		eglCreateImageKHR(egl->display, eglGetCurrentContext(), EGL_GL_TEXTURE_2D_KHR,
				  (EGLClientBuffer)(uintptr_t)texture, NULL);
	if (image == EGL_NO_IMAGE_KHR) {
		return -ENOTSUP;
	}
	int r = export_image(egl, image, ret_buffer);

	eglDestroyImageKHR(egl->display, image);
	return r;
}
