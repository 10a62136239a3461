/* SPDX-License-Identifier: MIT */
/* To be preloaded into sluice-virgl and sluice-vgpu on a host whose OpenGL shares no pictures: each
 * texture of machine.c is shared as the same memory file, which passes for a DMA-BUF. What is in
 * it is nothing. */
#include <dlfcn.h>
#include <drm_fourcc.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define STRIDE (64 * 4)
#define SIZE   (64 * STRIDE)

#define EGL_EXTENSIONS 0x3055

static const char *query_string(void *display, int name)
{
	static char extensions[8192];
	void *egl = dlopen("libEGL.so.1", RTLD_LAZY);
	const char *(*real)(void *display, int name) =
		(const char *(*)(void *display, int name))dlsym(egl, "eglQueryString");
	const char *text = real(display, name);

	if (display == NULL || name != EGL_EXTENSIONS) {
		return text;
	}
	snprintf(extensions, sizeof(extensions),
		 "%s EGL_MESA_image_dma_buf_export EGL_KHR_image_base EGL_KHR_gl_texture_2D_image ",
		 text);
	return extensions;
}

static void *create_image(void *display, void *context, unsigned int target, void *buffer,
			  const int *attributes)
{
	static char image;

	return &image;
}

static unsigned int destroy_image(void *display, void *image)
{
	return 1;
}

static unsigned int query_export(void *display, void *image, int *fourcc, int *planes,
				 uint64_t *modifiers)
{
	*fourcc = DRM_FORMAT_XRGB8888;
	*planes = 1;
	if (modifiers != NULL) {
		*modifiers = DRM_FORMAT_MOD_LINEAR;
	}
	return 1;
}

static unsigned int export(void *display, void *image, int *fds, int *strides, int *offsets)
{
	int fd = memfd_create("dmabuf", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, SIZE) < 0) {
		return 0;
	}
	*fds = fd;
	*strides = STRIDE;
	*offsets = 0;
	return 1;
}

/* libepoxy calls what these point to. */
EXPORT const char *(*epoxy_eglQueryString)(void *display, int name) = query_string;
EXPORT void *(*epoxy_eglCreateImageKHR)(void *display, void *context, unsigned int target,
					void *buffer, const int *attributes) = create_image;
EXPORT unsigned int (*epoxy_eglDestroyImageKHR)(void *display, void *image) = destroy_image;
EXPORT unsigned int (*epoxy_eglExportDMABUFImageQueryMESA)(void *display, void *image, int *fourcc,
							   int *planes,
							   uint64_t *modifiers) = query_export;
EXPORT unsigned int (*epoxy_eglExportDMABUFImageMESA)(void *display, void *image, int *fds,
						      int *strides, int *offsets) = export;

/* sluice-vgpu asks of memory files only whether they are pictures. To the linker it is fstatfs64().
 */
EXPORT int fstatfs(int fd, struct statfs *ret_status)
{
	int (*real)(int fd, struct statfs *ret_status) =
		(int (*)(int fd, struct statfs *ret_status))dlsym(RTLD_NEXT, "fstatfs64");
	int r = real(fd, ret_status);

	if (r == 0 && ret_status->f_type == TMPFS_MAGIC &&
	    strcmp(program_invocation_short_name, "sluice-vgpu") == 0) {
		ret_status->f_type = DMA_BUF_MAGIC;
	}
	return r;
}
