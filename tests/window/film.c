/* SPDX-License-Identifier: MIT */
/* A library to preload that makes a program's pictures the same each time it is run, and keeps
 * them.
 *
 * The program's own clock moves by 20 ms each time it looks at it; libraries have the real one.
 * With FILM_PICTURES=FILE each OpenGL picture is appended to that file before it is shown: a line
 * "WIDTH HEIGHT\n", then RGBA. With FILM_STOP=N the program stands still when it has shown picture
 * N, after having written "shown\n" to its standard output. */
#include <GLES2/gl2.h>
#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#define EXPORT	__attribute__((visibility("default")))
#define TICK_NS 20000000

/* What the library puts itself before, where no header that is included declares it. */
EXPORT void glXSwapBuffers(void *display, unsigned long drawable);
EXPORT unsigned int eglSwapBuffers(void *display, void *surface);
EXPORT VkResult vkQueuePresentKHR(VkQueue queue, const VkPresentInfoKHR *info);
EXPORT PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance, const char *name);

typedef void *(*dlsym_function)(void *handle, const char *name);
typedef void (*get_integers_function)(GLenum what, GLint *ret_values);
typedef void (*read_pixels_function)(GLint x, GLint y, GLsizei width, GLsizei height, GLenum format,
				     GLenum type, void *ret_pixels);
typedef void *(*get_proc_function)(const char *name);
typedef unsigned int (*swap_egl_function)(void *display, void *surface);
typedef void (*swap_glx_function)(void *display, unsigned long drawable);

static void *real_dlsym(void *handle, const char *name)
{
	static dlsym_function real;

	/* The only one of its kind that dlsym() itself is not needed for. */
	if (real == NULL) {
		real = (dlsym_function)dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
	}
	return real(handle, name);
}

/* Whether code at that address is the program's, not a library's. */
static bool is_program(const void *address)
{
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	size_t count = getauxval(AT_PHNUM);
	uintptr_t base = 0;

	for (size_t i = 0; i < count; i++) {
		if (headers[i].p_type == PT_PHDR) {
			base = (uintptr_t)headers - headers[i].p_vaddr;
		}
	}
	for (size_t i = 0; i < count; i++) {
		uintptr_t offset = (uintptr_t)address - base - headers[i].p_vaddr;

		if (headers[i].p_type == PT_LOAD && offset < headers[i].p_memsz) {
			return true;
		}
	}
	return false;
}

static struct timespec tick(void)
{
	static uint64_t ticks;
	uint64_t now_ns = __atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED) * TICK_NS;

	return (struct timespec){ .tv_sec = (time_t)(now_ns / 1000000000),
				  .tv_nsec = (long)(now_ns % 1000000000) };
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	static int (*real)(clockid_t, struct timespec *);

	if (is_program(__builtin_return_address(0))) {
		*ret_time = tick();
		return 0;
	}
	if (real == NULL) {
		*(void **)&real = real_dlsym(RTLD_NEXT, "clock_gettime");
	}
	return real(clock, ret_time);
}

EXPORT int gettimeofday(struct timeval *ret_time, void *zone)
{
	static int (*real)(struct timeval *, void *);

	if (is_program(__builtin_return_address(0))) {
		struct timespec now = tick();

		*ret_time = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
		return 0;
	}
	if (real == NULL) {
		*(void **)&real = real_dlsym(RTLD_NEXT, "gettimeofday");
	}
	return real(ret_time, zone);
}

static void keep_picture(get_proc_function get_proc)
{
	static FILE *file;
	const char *path = getenv("FILM_PICTURES");
	GLint viewport[4] = { 0 };

	if (path == NULL) {
		return;
	}
	if (file == NULL) {
		file = fopen(path, "we");
	}
	get_integers_function get_integers = (get_integers_function)get_proc("glGetIntegerv");
	read_pixels_function read_pixels = (read_pixels_function)get_proc("glReadPixels");
	if (file == NULL || get_integers == NULL || read_pixels == NULL) {
		fprintf(stderr, "film: no pictures can be kept\n");
		_exit(1);
	}
	get_integers(GL_VIEWPORT, viewport);
	size_t size = 4 * (size_t)viewport[2] * (size_t)viewport[3];
	void *pixels = calloc(1, size + 1);
	if (pixels == NULL) {
		_exit(1);
	}
	read_pixels(0, 0, viewport[2], viewport[3], GL_RGBA, GL_UNSIGNED_BYTE, pixels);
	fprintf(file, "%d %d\n", viewport[2], viewport[3]);
	fwrite(pixels, 1, size, file);
	fflush(file);
	free(pixels);
}

/* A picture has been handed to the window system. */
static void count_picture(void)
{
	static unsigned long shown;
	const char *stop = getenv("FILM_STOP");

	shown++;
	if (stop != NULL && shown == strtoul(stop, NULL, 10)) {
		static const char text[] = "shown\n";

		if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0) {
			_exit(1);
		}
		while (true) {
			pause();
		}
	}
}

/* Where the program's window system interface is found. */
static void *gl_library = RTLD_NEXT;
static swap_glx_function swap_glx;
static swap_egl_function swap_egl;
static PFN_vkQueuePresentKHR present;
static PFN_vkGetDeviceProcAddr get_device_proc;

EXPORT void glXSwapBuffers(void *display, unsigned long drawable)
{
	if (swap_glx == NULL) {
		swap_glx = (swap_glx_function)real_dlsym(RTLD_NEXT, "glXSwapBuffers");
	}
	keep_picture((get_proc_function)real_dlsym(gl_library, "glXGetProcAddressARB"));
	swap_glx(display, drawable);
	count_picture();
}

EXPORT unsigned int eglSwapBuffers(void *display, void *surface)
{
	if (swap_egl == NULL) {
		swap_egl = (swap_egl_function)real_dlsym(RTLD_NEXT, "eglSwapBuffers");
	}
	keep_picture((get_proc_function)real_dlsym(gl_library, "eglGetProcAddress"));
	unsigned int result = swap_egl(display, surface);
	count_picture();
	return result;
}

EXPORT VkResult vkQueuePresentKHR(VkQueue queue, const VkPresentInfoKHR *info)
{
	if (present == NULL) {
		present = (PFN_vkQueuePresentKHR)real_dlsym(RTLD_NEXT, "vkQueuePresentKHR");
	}
	VkResult result = present(queue, info);
	count_picture();
	return result;
}

static PFN_vkVoidFunction get_device_function(VkDevice device, const char *name)
{
	PFN_vkVoidFunction found = get_device_proc(device, name);

	if (found != NULL && strcmp(name, "vkQueuePresentKHR") == 0) {
		present = (PFN_vkQueuePresentKHR)found;
		return (PFN_vkVoidFunction)vkQueuePresentKHR;
	}
	return found;
}

EXPORT PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance, const char *name)
{
	static PFN_vkGetInstanceProcAddr real;

	if (real == NULL) {
		real = (PFN_vkGetInstanceProcAddr)real_dlsym(RTLD_NEXT, "vkGetInstanceProcAddr");
	}
	PFN_vkVoidFunction found = real(instance, name);
	if (found != NULL && strcmp(name, "vkGetDeviceProcAddr") == 0 &&
	    is_program(__builtin_return_address(0))) {
		get_device_proc = (PFN_vkGetDeviceProcAddr)found;
		return (PFN_vkVoidFunction)get_device_function;
	}
	return found;
}

/* Programs that open their OpenGL library themselves. */
EXPORT void *dlsym(void *handle, const char *name)
{
	void *found = real_dlsym(handle, name);

	if (found == NULL || !is_program(__builtin_return_address(0))) {
		return found;
	}
	if (strcmp(name, "glXSwapBuffers") == 0) {
		swap_glx = (swap_glx_function)found;
		gl_library = handle;
		return (void *)glXSwapBuffers;
	}
	if (strcmp(name, "eglSwapBuffers") == 0) {
		swap_egl = (swap_egl_function)found;
		gl_library = handle;
		return (void *)eglSwapBuffers;
	}
	return found;
}
