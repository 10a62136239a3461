/* SPDX-License-Identifier: MIT */
/* virglrenderer on the host's software OpenGL: that pieces complete, and when. */
#include "host/base/clock.h"
#include "host/virgl/renderer.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIDE	 512u
#define RESOURCE 1u
#define CONTEXT	 1u

/* virgl's. */
#define TARGET_2D     2u
#define FORMAT_BGRA   1u
#define BIND_TARGET   2u
#define COMMAND(n, l) ((n) | (uint32_t)(l) << 16)
#define SURFACE	      8u

static struct sl_virgl_renderer renderer;
static const struct sl_virgl_ops *const ops = &sl_virgl_renderer_ops;

static int begin(void **state)
{
	const struct sl_virgl_create create = { .resource_id = RESOURCE,
						.target = TARGET_2D,
						.format = FORMAT_BGRA,
						.bind = BIND_TARGET,
						.width = SIDE,
						.height = SIDE,
						.depth = 1,
						.array_size = 1 };

	assert_int_equal(ops->create_resource(&renderer, &create), 0);
	assert_int_equal(ops->create_context(&renderer, CONTEXT, "test"), 0);
	ops->attach(&renderer, CONTEXT, RESOURCE);
	return 0;
}

static int end(void **state)
{
	ops->destroy_context(&renderer, CONTEXT);
	ops->destroy_resource(&renderer, RESOURCE);
	return 0;
}

/* Clear the texture count times. */
static void clear(uint32_t count)
{
	uint32_t setup[] = {
		COMMAND(1 | SURFACE << 8, 5), 7, RESOURCE, FORMAT_BGRA, 0, 0, COMMAND(5, 3), 1, 0, 7
	};
	/* Buffers, red, green, blue, alpha, depth, stencil. */
	uint32_t words[] = { COMMAND(7, 8), 4, 0x3f800000, 0, 0, 0x3f800000, 0, 0, 0 };

	assert_int_equal(ops->submit(&renderer, CONTEXT, setup, sizeof(setup) / 4), 0);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(ops->submit(&renderer, CONTEXT, words, sizeof(words) / 4), 0);
	}
}

static void read_all(uint32_t *ret_pixels)
{
	const struct sl_virgl_read read = { .resource_id = RESOURCE,
					    .width = SIDE,
					    .height = SIDE };

	assert_int_equal(ops->read(&renderer, &read, SIDE * 4, ret_pixels, SIDE * SIDE * 4), 0);
}

/* But where it is always looked. */
static void dont_look(void)
{
	renderer.looks = (struct sl_backoff){ .skip = 1000 };
}

static void wait_for(uint64_t piece)
{
	for (int i = 0; i < 500 && renderer.completed < piece; i++) {
		struct pollfd fd = { .fd = sl_virgl_renderer_get_fd(), .events = POLLIN };

		poll(&fd, 1, 20);
		sl_virgl_renderer_poll();
	}
	assert_int_equal(renderer.completed, piece);
}

static void test_pieces_complete_in_their_time(void **state)
{
	for (int i = 0; i < 8; i++) {
		uint64_t start_ns = sl_clock_now_ns();

		/* So that some piece is not complete at once. */
		dont_look();
		clear(20);
		assert_int_equal(sl_virgl_renderer_mark(&renderer, NULL), 0);
		wait_for(renderer.submitted);
		uint64_t now_ns = sl_clock_now_ns();
		uint64_t end_ns = sl_virgl_timer_take(&renderer.timer, renderer.completed, now_ns);

		if (renderer.timer.is_there) {
			assert_in_range(end_ns, start_ns, now_ns);
		}
		/* It has been asked. */
		assert_int_equal(sl_virgl_timer_take(&renderer.timer, renderer.completed, now_ns),
				 0);
	}
}

static void test_what_has_been_read_is_complete_at_once(void **state)
{
	static uint32_t pixels[SIDE * SIDE];

	dont_look();
	clear(1);
	read_all(pixels);
	assert_int_equal(pixels[0], 0xffff0000);
	assert_int_equal(pixels[SIDE * SIDE - 1], 0xffff0000);
	assert_int_equal(sl_virgl_renderer_mark(&renderer, NULL), 0);
	assert_int_equal(renderer.completed, renderer.submitted);
}

static bool count_down(void *data)
{
	int *left = data;

	return (*left)-- > 0;
}

static void test_a_piece_can_be_waited_for(void **state)
{
	int left = 20000;
	const struct sl_virgl_patience patience = { count_down, &left, 1000000 };

	dont_look();
	clear(20);
	assert_int_equal(sl_virgl_renderer_mark(&renderer, &patience), 0);
	assert_int_equal(renderer.completed, renderer.submitted);
}

/* It completes all the same. */
static void test_patience_ends(void **state)
{
	int left = 0;
	const struct sl_virgl_patience patience = { count_down, &left, UINT64_MAX };

	clear(20);
	assert_int_equal(sl_virgl_renderer_mark(&renderer, &patience), 0);
	/* It was asked at most once; not at all where the piece was complete by then. */
	assert_in_range(-left, 0, 1);
	wait_for(renderer.submitted);
}

/* virglrenderer gives the guest the result of a query when it sees a fence of its own behind it. */
static void test_queries_are_not_complete_at_once(void **state)
{
	static uint32_t pixels[SIDE * SIDE];
	uint32_t words[] = { COMMAND(21, 2), 1, 1 };

	clear(1);
	/* There is no such query, which does not matter here. */
	(void)ops->submit(&renderer, CONTEXT, words, 3);
	read_all(pixels);
	dont_look();
	assert_int_equal(sl_virgl_renderer_mark(&renderer, NULL), 0);
	assert_int_equal(renderer.completed, renderer.submitted - 1);
	wait_for(renderer.submitted);
	clear(1);
	read_all(pixels);
	dont_look();
	assert_int_equal(sl_virgl_renderer_mark(&renderer, NULL), 0);
	assert_int_equal(renderer.completed, renderer.submitted);
}

/* Software shares nothing; what a driver shares is whole. */
static void test_pictures_are_shared_or_not(void **state)
{
	struct sl_virgl_exported exported = { 0 };
	int fd = ops->export_resource(&renderer, RESOURCE, &exported);

	if (fd >= 0) {
		assert_int_equal(exported.width, SIDE);
		assert_true(exported.stride >= SIDE * 4);
		assert_int_not_equal(exported.fourcc, 0);
		close(fd);
	} else {
		assert_int_equal(fd, -ENOTSUP);
	}
	assert_true(ops->export_resource(&renderer, RESOURCE + 1, &exported) < 0);
	assert_int_equal(eglGetError(), EGL_SUCCESS);
}

static void test_a_context_takes_its_timestamps_along(void **state)
{
	dont_look();
	clear(1);
	assert_int_equal(sl_virgl_renderer_mark(&renderer, NULL), 0);
	ops->destroy_context(&renderer, CONTEXT);
	wait_for(renderer.submitted);
	assert_int_equal(
		sl_virgl_timer_take(&renderer.timer, renderer.completed, sl_clock_now_ns()), 0);
	assert_int_equal(ops->create_context(&renderer, CONTEXT, "test"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pieces_complete_in_their_time, begin, end),
		cmocka_unit_test_setup_teardown(test_what_has_been_read_is_complete_at_once, begin,
						end),
		cmocka_unit_test_setup_teardown(test_a_piece_can_be_waited_for, begin, end),
		cmocka_unit_test_setup_teardown(test_patience_ends, begin, end),
		cmocka_unit_test_setup_teardown(test_queries_are_not_complete_at_once, begin, end),
		cmocka_unit_test_setup_teardown(test_pictures_are_shared_or_not, begin, end),
		cmocka_unit_test_setup_teardown(test_a_context_takes_its_timestamps_along, begin,
						end),
	};
	char why[256] = "";

	setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
	if (sl_virgl_renderer_init(&renderer, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s\n", why);
		return 77;
	}
	/* Good enough here, where nothing is flushed before it. */
	renderer.timer.is_there = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
