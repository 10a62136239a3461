/* SPDX-License-Identifier: MIT */
/* Says who renders OpenGL ES and OpenGL on one of EGL's platforms, after having rendered: programs
 * do not notice when they get another renderer than the one they were meant to have. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES2/gl2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	EGLenum platform;
} platforms[] = {
	{ "x11", EGL_PLATFORM_X11_KHR },
	{ "wayland", EGL_PLATFORM_WAYLAND_KHR },
	{ "surfaceless", EGL_PLATFORM_SURFACELESS_MESA },
};

static void expect(EGLBoolean condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s failed: 0x%x\n", what, eglGetError());
		exit(1);
	}
}

static EGLDisplay open_display(const char *name)
{
	for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
		if (strcmp(platforms[i].name, name) == 0) {
			return eglGetPlatformDisplay(platforms[i].platform, EGL_DEFAULT_DISPLAY,
						     NULL);
		}
	}
	fprintf(stderr, "usage: gl_renderer x11|wayland|surfaceless\n");
	exit(2);
}

static void print_renderer(EGLDisplay display, EGLenum api, EGLint bit)
{
	const EGLint wanted[] = { EGL_RENDERABLE_TYPE, bit, EGL_SURFACE_TYPE, EGL_DONT_CARE,
				  EGL_NONE };
	const EGLint version[] = { EGL_CONTEXT_MAJOR_VERSION, api == EGL_OPENGL_ES_API ? 2 : 3,
				   EGL_NONE };
	unsigned char pixel[4] = { 0 };
	EGLConfig config;
	EGLint count = 0;
	GLuint framebuffer;
	GLuint texture;

	expect(eglBindAPI(api), "eglBindAPI");
	expect(eglChooseConfig(display, wanted, &config, 1, &count) && count > 0,
	       "eglChooseConfig");
	EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, version);
	expect(context != EGL_NO_CONTEXT, "eglCreateContext");
	expect(eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context), "eglMakeCurrent");
	glGenTextures(1, &texture);
	glBindTexture(GL_TEXTURE_2D, texture);
	glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, 16, 16, 0, GL_RGBA, GL_UNSIGNED_BYTE, NULL);
	glGenFramebuffers(1, &framebuffer);
	glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
	glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture, 0);
	glClearColor(1, 0, 1, 1);
	glClear(GL_COLOR_BUFFER_BIT);
	glReadPixels(8, 8, 1, 1, GL_RGBA, GL_UNSIGNED_BYTE, pixel);
	expect(pixel[0] == 255 && pixel[1] == 0 && pixel[2] == 255, "glClear");
	printf("%s by %s\n", (const char *)glGetString(GL_VERSION),
	       (const char *)glGetString(GL_RENDERER));
	eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
	eglDestroyContext(display, context);
}

int main(int argc, char **argv)
{
	EGLDisplay display = open_display(argc > 1 ? argv[1] : "");

	expect(display != EGL_NO_DISPLAY, "eglGetPlatformDisplay");
	expect(eglInitialize(display, NULL, NULL), "eglInitialize");
	print_renderer(display, EGL_OPENGL_ES_API, EGL_OPENGL_ES2_BIT);
	print_renderer(display, EGL_OPENGL_API, EGL_OPENGL_BIT);
	eglTerminate(display);
	return 0;
}
