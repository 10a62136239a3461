/* SPDX-License-Identifier: MIT */
/* What is presented is what is seen, in every mode and format. */
#include <stdio.h>
#include <string.h>

#include "tests/window/cases.h"
#include "tests/window/chain.h"

/* A row of 203 pixels does not end where memory likes rows to end. */
#define WIDTH  203
#define HEIGHT 149
#define FRAMES 7

uint32_t list_formats(struct vkt *t, VkSurfaceKHR surface,
		      VkSurfaceFormatKHR formats[MAX_SURFACE_FORMATS])
{
	uint32_t count = MAX_SURFACE_FORMATS;

	VKT_OK(VKT_INSTANCE_PROC(t, vkGetPhysicalDeviceSurfaceFormatsKHR)(t->physical, surface,
									  &count, formats));
	VKT_EXPECT(count > 0);
	return count;
}

uint32_t list_modes(struct vkt *t, VkSurfaceKHR surface, VkPresentModeKHR modes[MAX_SURFACE_MODES])
{
	uint32_t count = MAX_SURFACE_MODES;

	VKT_OK(VKT_INSTANCE_PROC(t, vkGetPhysicalDeviceSurfacePresentModesKHR)(t->physical, surface,
									       &count, modes));
	VKT_EXPECT(count > 0);
	return count;
}

VkFormat first_format(struct vkt *t, VkSurfaceKHR surface)
{
	VkSurfaceFormatKHR formats[MAX_SURFACE_FORMATS];

	list_formats(t, surface, formats);
	return formats[0].format;
}

static void show_pictures(struct vkt *t, struct window *window, VkPresentModeKHR mode,
			  VkFormat format)
{
	const struct chain_spec spec = { .mode = mode, .format = format };
	struct chain chain;

	chain_create(&chain, t, window, &spec);
	struct vkt_buffer last = { 0 };
	for (uint32_t frame = 0; frame < FRAMES; frame++) {
		last = chain_create_pixels(&chain, frame + 100 * mode);
		VKT_OK(chain_frame(&chain, &last));
	}
	chain_expect_shown(&chain, &last);
	chain_destroy(&chain);
	vkt_destroy_owned(t);
}

static void run_pictures(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, WIDTH, HEIGHT);
	VkSurfaceFormatKHR formats[MAX_SURFACE_FORMATS];
	VkPresentModeKHR modes[MAX_SURFACE_MODES];
	uint32_t format_count = list_formats(t, window->surface, formats);
	uint32_t mode_count = list_modes(t, window->surface, modes);

	for (uint32_t m = 0; m < mode_count; m++) {
		for (uint32_t f = 0; f < format_count; f++) {
			printf("mode %d, format %d\n", modes[m], formats[f].format);
			show_pictures(t, window, modes[m], formats[f].format);
		}
	}
	system->destroy(t, window);
}

/* Three windows, shown by one present. */
static void run_several_windows(struct vkt *t, const struct window_system *system)
{
	enum {
		COUNT = 3
	};
	struct window *windows[COUNT];
	struct chain chains[COUNT];
	struct vkt_buffer pixels[COUNT];
	VkSwapchainKHR handles[COUNT];
	VkSemaphore rendered[COUNT];
	VkResult results[COUNT];
	uint32_t indexes[COUNT];

	for (uint32_t i = 0; i < COUNT; i++) {
		windows[i] = system->create(t, i, WIDTH, HEIGHT + i);
		const struct chain_spec spec = {
			.mode = VK_PRESENT_MODE_FIFO_KHR,
			.format = first_format(t, windows[i]->surface),
		};
		chain_create(&chains[i], t, windows[i], &spec);
		pixels[i] = chain_create_pixels(&chains[i], i + 1);
		handles[i] = chains[i].handle;
	}
	for (uint32_t frame = 0; frame < FRAMES; frame++) {
		for (uint32_t i = 0; i < COUNT; i++) {
			VKT_OK(chain_acquire(&chains[i], FOREVER, &indexes[i]));
			chain_draw(&chains[i], indexes[i], &pixels[i]);
			rendered[i] = chains[i].rendered[indexes[i]];
			memset(&results[i], 0xff, sizeof(results[i]));
		}
		const VkPresentInfoKHR info = {
			.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
			.waitSemaphoreCount = COUNT,
			.pWaitSemaphores = rendered,
			.swapchainCount = COUNT,
			.pSwapchains = handles,
			.pImageIndices = indexes,
			.pResults = results,
		};
		VKT_OK(chains[0].vk.present(t->queue, &info));
		for (uint32_t i = 0; i < COUNT; i++) {
			VKT_EXPECT(results[i] == VK_SUCCESS);
			system->poll(windows[i]);
		}
	}
	chain_expect_all_shown(chains, pixels, COUNT);
}

/* Views of an sRGB swapchain that do not convert. */
static void run_mutable(struct vkt *t, const struct window_system *system)
{
	const VkFormat formats[] = { VK_FORMAT_B8G8R8A8_SRGB, VK_FORMAT_B8G8R8A8_UNORM };
	const VkImageFormatListCreateInfo list = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
		.viewFormatCount = VKT_COUNT(formats),
		.pViewFormats = formats,
	};
	const struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = formats[0],
		.flags = VK_SWAPCHAIN_CREATE_MUTABLE_FORMAT_BIT_KHR,
		.next = &list,
	};
	struct window *window = system->create(t, 0, WIDTH, HEIGHT);
	struct chain chain;
	VkImageView view;

	vkt_require_extension(t, "VK_KHR_swapchain_mutable_format");
	vkt_require(first_format(t, window->surface) == formats[0], "an sRGB format");
	chain_create(&chain, t, window, &spec);
	const VkImageViewCreateInfo view_info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.image = chain.images[0],
		.viewType = VK_IMAGE_VIEW_TYPE_2D,
		.format = formats[1],
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
	};
	VKT_OK(vkCreateImageView(t->device, &view_info, NULL, &view));
	struct vkt_buffer pixels = chain_create_pixels(&chain, 5);
	VKT_OK(chain_frame(&chain, &pixels));
	chain_expect_shown(&chain, &pixels);
	vkDestroyImageView(t->device, view, NULL);
	chain_destroy(&chain);
	system->destroy(t, window);
}

/* Images that the application makes, of the memory of a swapchain's images. */
static void run_aliases(struct vkt *t, const struct window_system *system)
{
	const struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = VK_FORMAT_B8G8R8A8_UNORM,
	};
	struct window *window = system->create(t, 0, WIDTH, HEIGHT);
	VkImage aliases[CHAIN_MAX_IMAGES];
	struct chain chain;

	chain_create(&chain, t, window, &spec);
	for (uint32_t i = 0; i < chain.count; i++) {
		const VkImageSwapchainCreateInfoKHR of_chain = {
			.sType = VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR,
			.swapchain = chain.handle,
		};
		const VkImageCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
			.pNext = &of_chain,
			.imageType = VK_IMAGE_TYPE_2D,
			.format = chain.format,
			.extent = { chain.extent.width, chain.extent.height, 1 },
			.mipLevels = 1,
			.arrayLayers = 1,
			.samples = VK_SAMPLE_COUNT_1_BIT,
			.tiling = VK_IMAGE_TILING_OPTIMAL,
			.usage = CHAIN_USAGE,
		};
		const VkBindImageMemorySwapchainInfoKHR of_image = {
			.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_SWAPCHAIN_INFO_KHR,
			.swapchain = chain.handle,
			.imageIndex = i,
		};
		VkBindImageMemoryInfo bind = {
			.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO,
			.pNext = &of_image,
		};
		VKT_OK(vkCreateImage(t->device, &info, NULL, &aliases[i]));
		bind.image = aliases[i];
		VKT_OK(vkBindImageMemory2(t->device, 1, &bind));
	}
	chain_replace_images(&chain, aliases);
	struct vkt_buffer pixels = { 0 };
	for (uint32_t frame = 0; frame < FRAMES; frame++) {
		pixels = chain_create_pixels(&chain, frame);
		VKT_OK(chain_frame(&chain, &pixels));
	}
	chain_expect_shown(&chain, &pixels);
	uint32_t count = chain.count;
	chain_destroy(&chain);
	for (uint32_t i = 0; i < count; i++) {
		vkDestroyImage(t->device, aliases[i], NULL);
	}
	system->destroy(t, window);
}

/* Each frame changes a line, and says so; all lines are seen. */
static void run_incremental(struct vkt *t, const struct window_system *system)
{
	struct window *window = system->create(t, 0, WIDTH, HEIGHT);
	const struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = first_format(t, window->surface),
	};
	struct chain chain;

	vkt_require_extension(t, "VK_KHR_incremental_present");
	chain_create(&chain, t, window, &spec);
	struct vkt_buffer pixels = chain_create_pixels(&chain, 1);
	VKT_OK(chain_frame(&chain, &pixels));
	for (uint32_t frame = 0; frame < 3 * FRAMES; frame++) {
		uint32_t line = SQUARE_AT + SQUARE_SIZE + 5 * frame;
		/* Past some number of rectangles a driver may show everything. */
		VkRectLayerKHR rects[12];
		uint32_t rect_count = frame % 3 == 2 ? VKT_COUNT(rects) : frame % 3;
		for (uint32_t i = 0; i < VKT_COUNT(rects); i++) {
			rects[i] = (VkRectLayerKHR){
				.offset = { 0, (int32_t)line },
				.extent = { chain.extent.width, 1 },
			};
		}
		const VkPresentRegionKHR region = {
			.rectangleCount = rect_count,
			.pRectangles = rects,
		};
		const VkPresentRegionsKHR regions = {
			.sType = VK_STRUCTURE_TYPE_PRESENT_REGIONS_KHR,
			.swapchainCount = 1,
			.pRegions = &region,
		};
		uint32_t index = 0;
		/* Who draws from the buffer must have drawn before it changes. */
		VKT_OK(vkDeviceWaitIdle(t->device));
		for (uint32_t x = 0; x < chain.extent.width; x++) {
			chain_set_pixel(&chain, &pixels, x, line, 255, (uint8_t)(9 * frame), 0);
		}
		VKT_OK(chain_acquire(&chain, FOREVER, &index));
		chain_draw(&chain, index, &pixels);
		VKT_OK(chain_present(&chain, index, rect_count > 0 ? &regions : NULL));
	}
	chain_expect_shown(&chain, &pixels);
	chain_destroy(&chain);
	system->destroy(t, window);
}

/* What a screenshot of the whole screen is compared with: four quarters, each of one colour. Waits
 * for the end of standard input while the window shows them. */
static void run_quarters(struct vkt *t, const struct window_system *system)
{
	static const uint8_t colors[][3] = {
		{ 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 }, { 255, 255, 255 }
	};
	struct window *window = system->create(t, 0, WIDTH, HEIGHT);
	const struct chain_spec spec = {
		.mode = VK_PRESENT_MODE_FIFO_KHR,
		.format = first_format(t, window->surface),
	};
	struct chain chain;

	chain_create(&chain, t, window, &spec);
	struct vkt_buffer pixels = chain_create_pixels(&chain, 0);
	for (uint32_t y = 0; y < chain.extent.height; y++) {
		for (uint32_t x = 0; x < chain.extent.width; x++) {
			uint32_t right = x >= chain.extent.width / 2;
			uint32_t below = y >= chain.extent.height / 2;
			const uint8_t *color = colors[below * 2 + right];
			chain_set_pixel(&chain, &pixels, x, y, color[0], color[1], color[2]);
		}
	}
	for (uint32_t frame = 0; frame < FRAMES; frame++) {
		VKT_OK(chain_frame(&chain, &pixels));
	}
	printf("shown\n");
	fflush(stdout);
	while (getchar() != EOF) {
	}
	chain_destroy(&chain);
	system->destroy(t, window);
}

const struct window_case picture_cases[] = {
	{ "pictures", run_pictures },
	{ "several_windows", run_several_windows },
	{ "mutable_format", run_mutable },
	{ "aliases", run_aliases },
	{ "incremental", run_incremental },
	{ "quarters", run_quarters },
	{ NULL, NULL },
};
