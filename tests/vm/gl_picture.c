/* SPDX-License-Identifier: MIT */
/* Renders a scene with OpenGL ES, without a window, and writes its pixels to a file, so that
 * pictures of a guest can be compared with the host's. With --frames it renders the scene over and
 * over, and says how often it did. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl3.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIZE 256

static const char vertex_shader[] =
	"#version 300 es\n"
	"layout(location = 0) in vec4 position;\n"
	"layout(location = 1) in vec4 color;\n"
	"layout(location = 2) in vec2 where;\n"
	"uniform vec4 turn;\n"
	"out vec4 shade;\n"
	"out vec2 place;\n"
	"void main() {\n"
	"	mat2 m = mat2(turn.x, turn.y, -turn.y, turn.x);\n"
	"	gl_Position = vec4(m * position.xy + turn.zw, position.zw);\n"
	"	shade = color;\n"
	"	place = where;\n"
	"}\n";

static const char fragment_shader[] =
	"#version 300 es\n"
	"precision highp float;\n"
	"uniform sampler2D image;\n"
	"uniform int loops;\n"
	"in vec4 shade;\n"
	"in vec2 place;\n"
	"out vec4 result;\n"
	"void main() {\n"
	"	vec4 sum = vec4(0.0);\n"
	"	for (int i = 0; i < loops; i++) {\n"
	"		sum += texture(image, place + float(i) * 0.0625);\n"
	"	}\n"
	"	result = shade * sum / float(loops);\n"
	"}\n";

static void fail(const char *what)
{
	fprintf(stderr, "gl_picture: %s (EGL 0x%x)\n", what, (unsigned int)eglGetError());
	exit(EXIT_FAILURE);
}

/* What is left of a context that has lost its host does not matter; only that nothing hangs. */
static void open_context(void)
{
	static const EGLint attributes[] = { EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE };
	EGLDisplay display =
		eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);

	if (display == EGL_NO_DISPLAY || !eglInitialize(display, NULL, NULL)) {
		fail("no display");
	}
	eglBindAPI(EGL_OPENGL_ES_API);
	EGLContext context =
		eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes);
	if (context == EGL_NO_CONTEXT ||
	    !eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context)) {
		fail("no context");
	}
}

static GLuint compile(GLenum kind, const char *text)
{
	GLuint shader = glCreateShader(kind);
	GLint is_good = 0;

	glShaderSource(shader, 1, &text, NULL);
	glCompileShader(shader);
	glGetShaderiv(shader, GL_COMPILE_STATUS, &is_good);
	if (!is_good) {
		fail("a shader does not compile");
	}
	return shader;
}

static GLuint link_program(void)
{
	GLuint program = glCreateProgram();
	GLint is_good = 0;

	glAttachShader(program, compile(GL_VERTEX_SHADER, vertex_shader));
	glAttachShader(program, compile(GL_FRAGMENT_SHADER, fragment_shader));
	glLinkProgram(program);
	glGetProgramiv(program, GL_LINK_STATUS, &is_good);
	if (!is_good) {
		fail("the program does not link");
	}
	glUseProgram(program);
	return program;
}

/* A texture with all its levels, made on the GPU. */
static void make_image(void)
{
	uint8_t texels[64][64][4];
	GLuint image;

	for (int y = 0; y < 64; y++) {
		for (int x = 0; x < 64; x++) {
			texels[y][x][0] = (uint8_t)(x * 4);
			texels[y][x][1] = (uint8_t)(y * 4);
			texels[y][x][2] = ((x ^ y) & 8) != 0 ? 255 : 40;
			texels[y][x][3] = 255;
		}
	}
	glGenTextures(1, &image);
	glBindTexture(GL_TEXTURE_2D, image);
	glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, 64, 64, 0, GL_RGBA, GL_UNSIGNED_BYTE, texels);
	glGenerateMipmap(GL_TEXTURE_2D);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
}

static void make_target(void)
{
	GLuint buffers[2];
	GLuint framebuffer;

	glGenRenderbuffers(2, buffers);
	glBindRenderbuffer(GL_RENDERBUFFER, buffers[0]);
	glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, SIZE, SIZE);
	glBindRenderbuffer(GL_RENDERBUFFER, buffers[1]);
	glRenderbufferStorage(GL_RENDERBUFFER, GL_DEPTH24_STENCIL8, SIZE, SIZE);
	glGenFramebuffers(1, &framebuffer);
	glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
	glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER,
				  buffers[0]);
	glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_STENCIL_ATTACHMENT, GL_RENDERBUFFER,
				  buffers[1]);
	if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE) {
		fail("the framebuffer is not complete");
	}
	glViewport(0, 0, SIZE, SIZE);
}

static void make_vertices(void)
{
	/* x, y, z, w, r, g, b, a, s, t */
	static const float vertices[] = {
		-0.8f, -0.7f, 0.1f, 1, 1, 0,	 0,    1,    0, 0, 0.8f, -0.7f, 0.1f, 1, 0,
		1,     0,     1,    4, 0, 0.0f,	 0.8f, 0.1f, 1, 0, 0,	 1,	0.6f, 2, 4,
		-0.5f, -0.9f, 0.3f, 1, 1, 1,	 1,    0.5f, 0, 0, 0.9f, 0.1f,	0.0f, 1, 1,
		1,     0,     0.5f, 1, 0, -0.6f, 0.6f, 0.3f, 1, 0, 1,	 1,	0.8f, 0, 1,
	};
	const GLsizei stride = 10 * sizeof(float);
	GLuint array;
	GLuint buffer;

	glGenVertexArrays(1, &array);
	glBindVertexArray(array);
	glGenBuffers(1, &buffer);
	glBindBuffer(GL_ARRAY_BUFFER, buffer);
	glBufferData(GL_ARRAY_BUFFER, sizeof(vertices), vertices, GL_STATIC_DRAW);
	for (GLuint i = 0; i < 3; i++) {
		glEnableVertexAttribArray(i);
		glVertexAttribPointer(i, i < 2 ? 4 : 2, GL_FLOAT, GL_FALSE, stride,
				      (const void *)(i * 4 * sizeof(float)));
	}
}

static void draw(GLint turn, int frame)
{
	glClearColor(0.1f, 0.2f, 0.3f, 1);
	glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT | GL_STENCIL_BUFFER_BIT);
	glEnable(GL_DEPTH_TEST);
	glEnable(GL_BLEND);
	glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
	for (int i = 0; i < 4; i++) {
		float angle = 0.7f * (float)(i + frame);

		glUniform4f(turn, cosf(angle) * 0.8f, sinf(angle) * 0.8f, 0.05f * (float)i, 0);
		glDrawArrays(GL_TRIANGLES, 0, 6);
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void write_picture(const char *path)
{
	static uint8_t pixels[SIZE * SIZE * 4];
	FILE *file = fopen(path, "wb");

	glReadPixels(0, 0, SIZE, SIZE, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
	if (glGetError() != GL_NO_ERROR || file == NULL ||
	    fwrite(pixels, sizeof(pixels), 1, file) != 1 || fclose(file) != 0) {
		fail("the picture cannot be written");
	}
}

/* Each frame is waited for, as by a program that shows it. */
static void render(GLint turn, double seconds)
{
	double start = now();
	double told = start;
	int frames = 0;

	while (now() - start < seconds) {
		uint8_t pixel[4];

		draw(turn, frames++);
		glReadPixels(0, 0, 1, 1, GL_RGBA, GL_UNSIGNED_BYTE, pixel);
		if (now() - told >= 0.5) {
			told = now();
			printf("%d frames\n", frames);
			fflush(stdout);
		}
	}
	printf("%d frames in the end\n", frames);
}

int main(int argc, char **argv)
{
	double seconds = argc > 2 && strcmp(argv[1], "--seconds") == 0 ? atof(argv[2]) : 0;
	int loops = argc > 3 ? atoi(argv[3]) : 2;

	if (argc < 2) {
		fprintf(stderr, "Usage: gl_picture FILE | --seconds SECONDS [LOOPS]\n");
		return 2;
	}
	open_context();
	fprintf(stderr, "%s\n", (const char *)glGetString(GL_RENDERER));
	make_target();
	make_image();
	make_vertices();
	GLuint program = link_program();

	glUniform1i(glGetUniformLocation(program, "loops"), loops);
	GLint turn = glGetUniformLocation(program, "turn");
	if (seconds > 0) {
		render(turn, seconds);
		return EXIT_SUCCESS;
	}
	draw(turn, 0);
	write_picture(argv[1]);
	return EXIT_SUCCESS;
}
