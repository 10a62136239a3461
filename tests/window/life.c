/* SPDX-License-Identifier: MIT */
/* Windows that change their size or go away, and swapchains that come and go. */
#include <stdio.h>

#include "tests/window/cases.h"
#include "tests/window/chain.h"

#define RESIZES	    60
#define STORMS	    40
#define GIVE_UP	    1000
#define MAX_TIMEOUT UINT64_C(5000000000)

/* A program that makes a new swapchain when it is told to. */
static void run_resize(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 100, 100);
	struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_MAILBOX_KHR,
		.format = first_format(t, window->surface),
	};
	struct chain chain;
	struct chain next;

	vkt_require(system->resize != NULL, "windows that somebody else resizes");
	chain_create(&chain, t, window, &spec);
	for (uint32_t i = 0; i < RESIZES; i++) {
		VkResult result = VK_SUCCESS;
		struct vkt_buffer pixels = chain_create_pixels(&chain, i);
		/* Two changes at once now and then. */
		system->resize(window, 64 + i * 37 % 171, 64 + i * 53 % 149);
		if (i % 5 == 0) {
			system->resize(window, 64 + i * 31 % 171, 64 + i * 59 % 149);
		}
		for (uint32_t frame = 0; frame < GIVE_UP && result == VK_SUCCESS; frame++) {
			result = chain_frame(&chain, &pixels);
		}
		if (result != VK_ERROR_OUT_OF_DATE_KHR) {
			VKT_RESULT(VK_SUBOPTIMAL_KHR, result);
		}
		spec.old = chain.handle;
		chain_create(&next, t, window, &spec);
		chain_destroy(&chain);
		chain = next;
		VKT_EXPECT(chain.extent.width == window->width);
		VKT_EXPECT(chain.extent.height == window->height);
		vkt_destroy_owned(t);
	}
	struct vkt_buffer pixels = chain_create_pixels(&chain, 1);
	VKT_OK(chain_frame(&chain, &pixels));
	chain_expect_shown(&chain, &pixels);
	chain_destroy(&chain);
	system->destroy(t, window);
}

/* Draw until there is an error; nothing may hang. */
static VkResult draw_until_error(struct chain *chain, const struct vkt_buffer *pixels)
{
	for (uint32_t frame = 0; frame < GIVE_UP; frame++) {
		uint32_t index = 0;
		VkResult result = chain_acquire(chain, MAX_TIMEOUT, &index);
		if (result < 0) {
			return result;
		}
		VKT_EXPECT(result != VK_TIMEOUT);
		chain_draw(chain, index, pixels);
		result = chain_present(chain, index, NULL);
		if (result < 0) {
			return result;
		}
	}
	return VK_SUCCESS;
}

static void run_window_ends(struct vkt *t, const struct window_system *system)
{
	VkPresentModeKHR modes[MAX_SURFACE_MODES];
	struct window *window = system->create(t, 0, 200, 100);
	uint32_t mode_count = list_modes(t, window->surface, modes);

	vkt_require(system->end != NULL, "windows that end before their surface");
	system->destroy(t, window);
	for (uint32_t i = 0; i < mode_count; i++) {
		window = system->create(t, 0, 200, 100);
		const struct chain_spec spec = {
			.mode = modes[i],
			.format = first_format(t, window->surface),
		};
		struct chain chain;
		struct chain other;
		chain_create(&chain, t, window, &spec);
		struct vkt_buffer pixels = chain_create_pixels(&chain, i);
		for (uint32_t frame = 0; frame < 4; frame++) {
			VKT_OK(chain_frame(&chain, &pixels));
		}
		system->end(window);
		VkResult result = draw_until_error(&chain, &pixels);
		VKT_EXPECT(result == VK_ERROR_SURFACE_LOST_KHR ||
			   result == VK_ERROR_OUT_OF_DATE_KHR);
		VKT_RESULT(VK_ERROR_SURFACE_LOST_KHR, chain_try_create(&other, t, window, &spec));
		chain_destroy(&chain);
		system->destroy(t, window);
	}
}

/* Swapchains, surfaces and windows that end while their images are on their way. */
static void run_storm(struct vkt *t, const struct window_system *system)
{
	for (uint32_t i = 0; i < STORMS; i++) {
		struct window *window = system->create(t, i % 3, 150, 80 + i);
		VkPresentModeKHR modes[MAX_SURFACE_MODES];
		uint32_t mode_count = list_modes(t, window->surface, modes);
		const struct chain_spec spec = {
			.mode = modes[i % mode_count],
			.format = first_format(t, window->surface),
		};
		struct chain chain;
		chain_create(&chain, t, window, &spec);
		struct vkt_buffer pixels = chain_create_pixels(&chain, i);
		for (uint32_t frame = 0; frame < i % 7; frame++) {
			VKT_OK(chain_frame(&chain, &pixels));
		}
		chain_destroy(&chain);
		system->destroy(t, window);
		vkt_destroy_owned(t);
	}
}

/* The old swapchain gives out no more images; what was acquired can still be shown. */
static void run_retired(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 120, 90);
	struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = first_format(t, window->surface),
	};
	struct chain old;
	struct chain chain;
	uint32_t index = 0;
	uint32_t other = 0;

	chain_create(&old, t, window, &spec);
	struct vkt_buffer pixels = chain_create_pixels(&old, 3);
	VKT_OK(chain_frame(&old, &pixels));
	VKT_OK(chain_acquire(&old, FOREVER, &index));
	spec.old = old.handle;
	chain_create(&chain, t, window, &spec);
	VKT_RESULT(VK_ERROR_OUT_OF_DATE_KHR, chain_acquire(&old, 0, &other));
	chain_draw(&old, index, &pixels);
	VkResult result = chain_present(&old, index, NULL);
	VKT_EXPECT(result == VK_SUCCESS || result == VK_ERROR_OUT_OF_DATE_KHR);
	chain_destroy(&old);
	struct vkt_buffer others = chain_create_pixels(&chain, 4);
	for (uint32_t frame = 0; frame < 5; frame++) {
		VKT_OK(chain_frame(&chain, &others));
	}
	chain_expect_shown(&chain, &others);
	chain_destroy(&chain);
	system->destroy(t, window);
}

/* Where the window is as large as its pictures are, each swapchain may change that. */
static void run_extents(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 120, 90);
	struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = first_format(t, window->surface),
	};
	VkExtent2D whole = { window->width, window->height };
	struct chain chain;
	struct chain next;

	vkt_require(system->resize == NULL, "windows that the swapchain resizes");
	chain_create(&chain, t, window, &spec);
	for (uint32_t i = 0; i < RESIZES; i++) {
		struct vkt_buffer pixels = chain_create_pixels(&chain, i);
		for (uint32_t frame = 0; frame < i % 4; frame++) {
			VKT_OK(chain_frame(&chain, &pixels));
		}
		spec.extent = i + 1 == RESIZES
				      ? whole
				      : (VkExtent2D){ 40 + i * 37 % 171, 40 + i * 53 % 149 };
		spec.old = chain.handle;
		chain_create(&next, t, window, &spec);
		chain_destroy(&chain);
		chain = next;
		vkt_destroy_owned(t);
	}
	struct vkt_buffer pixels = chain_create_pixels(&chain, 1);
	VKT_OK(chain_frame(&chain, &pixels));
	chain_expect_shown(&chain, &pixels);
	chain_destroy(&chain);
	system->destroy(t, window);
}

/* The server ends while programs draw: somebody kills it when we say that we do. */
static void run_server_ends(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, 120, 90);
	VkPresentModeKHR modes[MAX_SURFACE_MODES];
	uint32_t mode_count = list_modes(t, window->surface, modes);
	const struct chain_spec spec = {
		.mode = modes[mode_count - 1],
		.format = first_format(t, window->surface),
	};
	VkResult result = VK_SUCCESS;
	struct chain chain;

	vkt_require(system != &window_headless, "a server");
	chain_create(&chain, t, window, &spec);
	struct vkt_buffer pixels = chain_create_pixels(&chain, 1);
	VKT_OK(chain_frame(&chain, &pixels));
	printf("shown\n");
	fflush(stdout);
	while (result >= 0) {
		uint32_t index = 0;
		result = chain_acquire(&chain, MAX_TIMEOUT, &index);
		VKT_EXPECT(result != VK_TIMEOUT);
		if (result >= 0) {
			chain_draw(&chain, index, &pixels);
			result = chain_present_unseen(&chain, index, NULL);
		}
	}
	VKT_RESULT(VK_ERROR_SURFACE_LOST_KHR, result);
	chain_destroy(&chain);
	VKT_INSTANCE_PROC(t, vkDestroySurfaceKHR)(t->instance, window->surface, NULL);
}

const struct window_case life_cases[] = {
	{ "resize", run_resize },
	{ "window_ends", run_window_ends },
	{ "storm", run_storm },
	{ "retired", run_retired },
	{ "extents", run_extents },
	{ "server_ends", run_server_ends },
	{ NULL, NULL },
};
