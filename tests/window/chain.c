/* SPDX-License-Identifier: MIT */
/* Drawing to swapchains, and looking at what comes out. */
#include "tests/window/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOW_TIMEOUT_NS UINT64_C(5000000000)

/* Where the red, green and blue bits of a pixel are. */
struct pixel_layout {
	VkFormat format;
	uint32_t size; /* bytes */
	uint8_t first[3];
	uint8_t bits[3];
};

static const struct pixel_layout layouts[] = {
	{ VK_FORMAT_B8G8R8A8_UNORM, 4, { 16, 8, 0 }, { 8, 8, 8 } },
	{ VK_FORMAT_B8G8R8A8_SRGB, 4, { 16, 8, 0 }, { 8, 8, 8 } },
	{ VK_FORMAT_R8G8B8A8_UNORM, 4, { 0, 8, 16 }, { 8, 8, 8 } },
	{ VK_FORMAT_R8G8B8A8_SRGB, 4, { 0, 8, 16 }, { 8, 8, 8 } },
	{ VK_FORMAT_A2R10G10B10_UNORM_PACK32, 4, { 20, 10, 0 }, { 10, 10, 10 } },
	{ VK_FORMAT_A2B10G10R10_UNORM_PACK32, 4, { 0, 10, 20 }, { 10, 10, 10 } },
	{ VK_FORMAT_R5G6B5_UNORM_PACK16, 2, { 11, 5, 0 }, { 5, 6, 5 } },
};

static const struct pixel_layout *find_layout(VkFormat format)
{
	for (size_t i = 0; i < VKT_COUNT(layouts); i++) {
		if (layouts[i].format == format) {
			return &layouts[i];
		}
	}
	fprintf(stderr, "format %d is not one of windows\n", format);
	exit(1);
}

static VkCompositeAlphaFlagBitsKHR choose_alpha(const VkSurfaceCapabilitiesKHR *caps)
{
	return (caps->supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR) != 0
		       ? VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
		       : VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR;
}

static void load_procs(struct chain *chain)
{
	struct vkt *t = chain->t;

	chain->vk = (struct chain_procs){
		.create = VKT_DEVICE_PROC(t, vkCreateSwapchainKHR),
		.destroy = VKT_DEVICE_PROC(t, vkDestroySwapchainKHR),
		.get_images = VKT_DEVICE_PROC(t, vkGetSwapchainImagesKHR),
		.acquire = VKT_DEVICE_PROC(t, vkAcquireNextImageKHR),
		.present = VKT_DEVICE_PROC(t, vkQueuePresentKHR),
	};
}

static void create_view(struct chain *chain, uint32_t i)
{
	const VkImageViewCreateInfo view = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.image = chain->images[i],
		.viewType = VK_IMAGE_VIEW_TYPE_2D,
		.format = chain->format,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
	};

	VKT_OK(vkCreateImageView(chain->t->device, &view, NULL, &chain->views[i]));
}

static void create_frame(struct chain *chain, uint32_t i)
{
	struct vkt *t = chain->t;
	const VkFenceCreateInfo fence = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
		.flags = VK_FENCE_CREATE_SIGNALED_BIT,
	};
	const VkSemaphoreCreateInfo semaphore = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
	};
	const VkCommandBufferAllocateInfo commands = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = chain->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};

	create_view(chain, i);
	VKT_OK(vkCreateFence(t->device, &fence, NULL, &chain->fences[i]));
	VKT_OK(vkCreateSemaphore(t->device, &semaphore, NULL, &chain->acquired[i]));
	VKT_OK(vkCreateSemaphore(t->device, &semaphore, NULL, &chain->rendered[i]));
	VKT_OK(vkAllocateCommandBuffers(t->device, &commands, &chain->commands[i]));
}

static void create_frames(struct chain *chain)
{
	struct vkt *t = chain->t;
	const VkSemaphoreCreateInfo semaphore = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
	};
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = t->family,
	};

	VKT_OK(vkCreateSemaphore(t->device, &semaphore, NULL, &chain->spare));
	VKT_OK(vkCreateCommandPool(t->device, &pool, NULL, &chain->pool));
	for (uint32_t i = 0; i < chain->count; i++) {
		create_frame(chain, i);
	}
}

VkResult chain_try_create(struct chain *chain, struct vkt *t, struct window *window,
			  const struct chain_spec *spec)
{
	VkSurfaceCapabilitiesKHR caps = { 0 };
	VkBool32 supported = VK_FALSE;

	*chain = (struct chain){
		.t = t,
		.window = window,
		.format = spec->format,
		.layout = find_layout(spec->format),
	};
	load_procs(chain);
	VkResult result = VKT_INSTANCE_PROC(t, vkGetPhysicalDeviceSurfaceSupportKHR)(
		t->physical, t->family, window->surface, &supported);
	if (result == VK_SUCCESS) {
		VKT_EXPECT(supported);
		result = VKT_INSTANCE_PROC(t, vkGetPhysicalDeviceSurfaceCapabilitiesKHR)(
			t->physical, window->surface, &caps);
	}
	if (result != VK_SUCCESS) {
		return result;
	}
	chain->extent = caps.currentExtent.width != UINT32_MAX
				? caps.currentExtent
				: (VkExtent2D){ window->width, window->height };
	chain->extent = spec->extent.width != 0 ? spec->extent : chain->extent;
	const VkSwapchainCreateInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
		.pNext = spec->next,
		.flags = spec->flags,
		.surface = window->surface,
		.minImageCount = spec->image_count != 0 ? spec->image_count : caps.minImageCount,
		.imageFormat = spec->format,
		.imageColorSpace = VK_COLOR_SPACE_SRGB_NONLINEAR_KHR,
		.imageExtent = chain->extent,
		.imageArrayLayers = 1,
		.imageUsage = CHAIN_USAGE,
		.preTransform = VK_SURFACE_TRANSFORM_IDENTITY_BIT_KHR,
		.compositeAlpha = choose_alpha(&caps),
		.presentMode = spec->mode,
		.clipped = VK_TRUE,
		.oldSwapchain = spec->old,
	};
	result = chain->vk.create(t->device, &info, NULL, &chain->handle);
	if (result != VK_SUCCESS) {
		return result;
	}
	chain->count = CHAIN_MAX_IMAGES;
	VKT_OK(chain->vk.get_images(t->device, chain->handle, &chain->count, chain->images));
	create_frames(chain);
	return VK_SUCCESS;
}

void chain_create(struct chain *chain, struct vkt *t, struct window *window,
		  const struct chain_spec *spec)
{
	VKT_OK(chain_try_create(chain, t, window, spec));
}

void chain_replace_images(struct chain *chain, const VkImage *images)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		vkDestroyImageView(chain->t->device, chain->views[i], NULL);
		chain->images[i] = images[i];
		create_view(chain, i);
	}
}

void chain_destroy(struct chain *chain)
{
	VkDevice device = chain->t->device;

	if (chain->count > 0) {
		VKT_OK(vkWaitForFences(device, chain->count, chain->fences, VK_TRUE, FOREVER));
		VKT_OK(vkQueueWaitIdle(chain->t->queue));
	}
	for (uint32_t i = 0; i < chain->count; i++) {
		vkDestroyImageView(device, chain->views[i], NULL);
		vkDestroyFence(device, chain->fences[i], NULL);
		vkDestroySemaphore(device, chain->acquired[i], NULL);
		vkDestroySemaphore(device, chain->rendered[i], NULL);
	}
	vkDestroySemaphore(device, chain->spare, NULL);
	vkDestroyCommandPool(device, chain->pool, NULL);
	chain->vk.destroy(device, chain->handle, NULL);
	*chain = (struct chain){ 0 };
}

VkResult chain_acquire(struct chain *chain, uint64_t timeout_ns, uint32_t *ret_index)
{
	VkResult result = chain->vk.acquire(chain->t->device, chain->handle, timeout_ns,
					    chain->spare, VK_NULL_HANDLE, ret_index);

	if (result == VK_SUCCESS || result == VK_SUBOPTIMAL_KHR) {
		VkSemaphore unused = chain->acquired[*ret_index];
		VKT_OK(vkWaitForFences(chain->t->device, 1, &chain->fences[*ret_index], VK_TRUE,
				       FOREVER));
		chain->acquired[*ret_index] = chain->spare;
		chain->spare = unused;
	}
	return result;
}

void chain_transition(VkCommandBuffer commands, VkImage image, VkImageLayout from, VkImageLayout to)
{
	const VkImageMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
		.oldLayout = from,
		.newLayout = to,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = image,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
	};

	vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
			     VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

static void render_square(struct chain *chain, VkCommandBuffer commands, VkImageView view)
{
	const VkRenderingAttachmentInfo attachment = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
		.imageView = view,
		.imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
		.loadOp = VK_ATTACHMENT_LOAD_OP_LOAD,
		.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
	};
	const VkRenderingInfo rendering = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
		.renderArea = { { 0, 0 }, chain->extent },
		.layerCount = 1,
		.colorAttachmentCount = 1,
		.pColorAttachments = &attachment,
	};
	const VkClearAttachment clear = {
		.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
		.clearValue.color.float32 = { 1, 1, 1, 1 },
	};
	const VkClearRect rect = { { { SQUARE_AT, SQUARE_AT }, { SQUARE_SIZE, SQUARE_SIZE } },
				   0,
				   1 };
	vkCmdBeginRendering(commands, &rendering);
	vkCmdClearAttachments(commands, 1, &clear, 1, &rect);
	vkCmdEndRendering(commands);
}

void chain_draw(struct chain *chain, uint32_t index, const struct vkt_buffer *pixels)
{
	VkCommandBuffer commands = chain->commands[index];
	VkImage image = chain->images[index];
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	const VkBufferImageCopy copy = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { chain->extent.width, chain->extent.height, 1 },
	};
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &chain->acquired[index],
		.pWaitDstStageMask = &stage,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &chain->rendered[index],
	};

	VKT_OK(vkBeginCommandBuffer(commands, &begin));
	chain_transition(commands, image, VK_IMAGE_LAYOUT_UNDEFINED,
			 VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
	vkCmdCopyBufferToImage(commands, pixels->handle, image,
			       VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
	chain_transition(commands, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
			 VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
	render_square(chain, commands, chain->views[index]);
	chain_transition(commands, image, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
			 VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
	VKT_OK(vkEndCommandBuffer(commands));
	VKT_OK(vkResetFences(chain->t->device, 1, &chain->fences[index]));
	VKT_OK(vkQueueSubmit(chain->t->queue, 1, &submit, chain->fences[index]));
}

VkResult chain_present_unseen(struct chain *chain, uint32_t index, const void *next)
{
	const VkPresentInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
		.pNext = next,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &chain->rendered[index],
		.swapchainCount = 1,
		.pSwapchains = &chain->handle,
		.pImageIndices = &index,
	};

	return chain->vk.present(chain->t->queue, &info);
}

VkResult chain_present(struct chain *chain, uint32_t index, const void *next)
{
	chain->window->system->poll(chain->window);
	return chain_present_unseen(chain, index, next);
}

VkResult chain_frame(struct chain *chain, const struct vkt_buffer *pixels)
{
	uint32_t index = 0;
	VkResult acquired = chain_acquire(chain, FOREVER, &index);

	if (acquired < 0) {
		return acquired;
	}
	chain_draw(chain, index, pixels);
	VkResult presented = chain_present(chain, index, NULL);
	return presented != VK_SUCCESS ? presented : acquired;
}

/* The bits of a pixel that are no colour. */
static uint32_t alpha_mask(const struct chain *chain)
{
	uint32_t mask = chain->layout->size == 2 ? 0xffff : UINT32_MAX;

	for (int i = 0; i < 3; i++) {
		mask &= ~(((1u << chain->layout->bits[i]) - 1) << chain->layout->first[i]);
	}
	return mask;
}

/* Screenshots are black where the alpha bits are 0, though the window is opaque. */
static void make_opaque(const struct chain *chain, const struct vkt_buffer *pixels)
{
	uint32_t count = chain->extent.width * chain->extent.height;
	uint32_t alpha = alpha_mask(chain);

	for (uint32_t i = 0; i < count && alpha != 0; i++) {
		((uint32_t *)pixels->map)[i] |= alpha;
	}
}

struct vkt_buffer chain_create_pixels(struct chain *chain, uint32_t seed)
{
	VkDeviceSize size =
		(VkDeviceSize)chain->extent.width * chain->extent.height * chain->layout->size;
	struct vkt_buffer buffer =
		vkt_create_buffer(chain->t, size, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, VKT_HOST);

	vkt_fill_pattern(buffer.map, size, seed);
	if (chain->window->system->reads_screen) {
		make_opaque(chain, &buffer);
	}
	return buffer;
}

static bool is_in_square(uint32_t x, uint32_t y)
{
	return x >= SQUARE_AT && x < SQUARE_AT + SQUARE_SIZE && y >= SQUARE_AT &&
	       y < SQUARE_AT + SQUARE_SIZE;
}

static uint32_t get_pixel(const struct chain *chain, const struct vkt_buffer *pixels, uint32_t at)
{
	return chain->layout->size == 2 ? ((const uint16_t *)pixels->map)[at]
					: ((const uint32_t *)pixels->map)[at];
}

void chain_set_pixel(const struct chain *chain, const struct vkt_buffer *pixels, uint32_t x,
		     uint32_t y, uint8_t red, uint8_t green, uint8_t blue)
{
	const struct pixel_layout *layout = chain->layout;
	const uint8_t color[] = { red, green, blue };
	uint32_t at = y * chain->extent.width + x;
	uint32_t pixel = alpha_mask(chain);

	for (int i = 0; i < 3; i++) {
		uint32_t max = (1u << layout->bits[i]) - 1;
		pixel |= (color[i] * max + 127) / 255 << layout->first[i];
	}
	if (layout->size == 2) {
		((uint16_t *)pixels->map)[at] = (uint16_t)pixel;
	} else {
		((uint32_t *)pixels->map)[at] = pixel;
	}
}

/* True if found shows the pixel want. */
static bool is_shown(const struct chain *chain, uint32_t found, uint32_t want)
{
	bool is_screen = chain->window->system->reads_screen;
	const struct pixel_layout *layout = chain->layout;
	const struct pixel_layout *found_layout = is_screen ? &layouts[0] : layout;

	for (int i = 0; i < 3; i++) {
		int max = (1 << layout->bits[i]) - 1;
		int found_max = (1 << found_layout->bits[i]) - 1;
		int found_value = (int)(found >> found_layout->first[i]) & found_max;
		int want_value = (int)(want >> layout->first[i]) & max;
		/* Who makes 8 bits of more or less may round as he likes. */
		int tolerance = found_max == max ? 0 : 1;
		if (abs(found_value - want_value * found_max / max) > tolerance) {
			return false;
		}
	}
	return true;
}

static uint32_t count_wrong(const struct chain *chain, const uint32_t *found,
			    const struct vkt_buffer *pixels)
{
	uint32_t wrong = 0;

	for (uint32_t y = 0; y < chain->extent.height; y++) {
		for (uint32_t x = 0; x < chain->extent.width; x++) {
			uint32_t at = y * chain->extent.width + x;
			uint32_t want =
				is_in_square(x, y) ? UINT32_MAX : get_pixel(chain, pixels, at);
			wrong += !is_shown(chain, found[at], want);
		}
	}
	return wrong;
}

/* How many pixels of the window are not as they should be. */
static uint32_t look(const struct chain *chain, const struct vkt_buffer *pixels)
{
	struct window *window = chain->window;
	uint32_t wrong = UINT32_MAX;

	VKT_EXPECT(window->width == chain->extent.width && window->height == chain->extent.height);
	uint32_t *found = calloc(window->width * window->height, sizeof(*found));
	VKT_EXPECT(found != NULL);
	if (window->system->read(window, found)) {
		wrong = count_wrong(chain, found, pixels);
	}
	free(found);
	return wrong;
}

static uint32_t find_shown(struct chain *const *chains, const struct vkt_buffer *const *pixels,
			   uint32_t count)
{
	uint64_t end_ns = vkt_now_ns() + SHOW_TIMEOUT_NS;
	uint32_t least = UINT32_MAX;

	do {
		for (uint32_t i = 0; i < count; i++) {
			uint32_t wrong = look(chains[i], pixels[i]);
			if (wrong == 0) {
				return i;
			}
			least = wrong < least ? wrong : least;
		}
	} while (vkt_now_ns() < end_ns);
	fprintf(stderr, "%u of %u pixels of the window are wrong\n", least,
		chains[0]->extent.width * chains[0]->extent.height);
	exit(1);
}

void chain_expect_shown(struct chain *chain, const struct vkt_buffer *pixels)
{
	if (chain->window->system->read != NULL) {
		(void)find_shown(&chain, &pixels, 1);
	}
}

void chain_expect_all_shown(struct chain *chains, const struct vkt_buffer *pixels, uint32_t count)
{
	struct chain *left[CHAIN_MAX_WINDOWS];
	const struct vkt_buffer *left_pixels[CHAIN_MAX_WINDOWS];

	VKT_EXPECT(count <= CHAIN_MAX_WINDOWS);
	for (uint32_t i = 0; i < count; i++) {
		left[i] = &chains[i];
		left_pixels[i] = &pixels[i];
	}
	for (; count > 0; count--) {
		struct window *window = left[0]->window;
		uint32_t i = window->system->read != NULL ? find_shown(left, left_pixels, count)
							  : count - 1;
		struct vkt *t = left[i]->t;
		window = left[i]->window;
		chain_destroy(left[i]);
		window->system->destroy(t, window);
		left[i] = left[count - 1];
		left_pixels[i] = left_pixels[count - 1];
	}
}
