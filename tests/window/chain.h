/* SPDX-License-Identifier: MIT */
/* A swapchain with what it takes to draw to it, as programs have it. */
#ifndef SL_TESTS_WINDOW_CHAIN_H
#define SL_TESTS_WINDOW_CHAIN_H

#include "tests/window/window.h"

#define CHAIN_MAX_IMAGES  16
#define CHAIN_MAX_WINDOWS 4
#define CHAIN_USAGE	  (VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT)
#define FOREVER		  UINT64_MAX

struct chain_procs {
	PFN_vkCreateSwapchainKHR create;
	PFN_vkDestroySwapchainKHR destroy;
	PFN_vkGetSwapchainImagesKHR get_images;
	PFN_vkAcquireNextImageKHR acquire;
	PFN_vkQueuePresentKHR present;
};

struct chain {
	struct vkt *t;
	struct window *window;
	struct chain_procs vk;
	VkSwapchainKHR handle;
	VkFormat format;
	const struct pixel_layout *layout;
	VkExtent2D extent;
	uint32_t count;
	VkImage images[CHAIN_MAX_IMAGES];
	VkImageView views[CHAIN_MAX_IMAGES];
	VkCommandPool pool;
	VkCommandBuffer commands[CHAIN_MAX_IMAGES];
	VkFence fences[CHAIN_MAX_IMAGES]; /* of the last frame of each image */
	VkSemaphore rendered[CHAIN_MAX_IMAGES];
	VkSemaphore acquired[CHAIN_MAX_IMAGES]; /* of the last frame of each image */
	VkSemaphore spare;			/* for the next acquire */
};

struct pixel_layout; /* where a format's colours are */

struct chain_spec {
	VkPresentModeKHR mode;
	VkFormat format;
	VkExtent2D extent; /* 0: the window's */
	VkSwapchainKHR old;
	uint32_t image_count; /* 0: as few as possible */
	VkSwapchainCreateFlagsKHR flags;
	const void *next;
};

VkResult chain_try_create(struct chain *chain, struct vkt *t, struct window *window,
			  const struct chain_spec *spec);
void chain_create(struct chain *chain, struct vkt *t, struct window *window,
		  const struct chain_spec *spec);
/* Draw to these images from now on; they are the caller's. */
void chain_replace_images(struct chain *chain, const VkImage *images);
/* Waits for the frames. */
void chain_destroy(struct chain *chain);

/* Returns what vkAcquireNextImageKHR does. */
VkResult chain_acquire(struct chain *chain, uint64_t timeout_ns, uint32_t *ret_index);
/* Fill the acquired image with pixels (of its format and size), draw a white square by
 * rendering, submit. */
void chain_draw(struct chain *chain, uint32_t index, const struct vkt_buffer *pixels);
/* A barrier that waits for everything. */
void chain_transition(VkCommandBuffer commands, VkImage image, VkImageLayout from,
		      VkImageLayout to);
/* Returns what vkQueuePresentKHR does. */
VkResult chain_present(struct chain *chain, uint32_t index, const void *next);
/* The same, without a word to the server of our own. */
VkResult chain_present_unseen(struct chain *chain, uint32_t index, const void *next);
/* All of the above but the last. Returns the worse of both results. */
VkResult chain_frame(struct chain *chain, const struct vkt_buffer *pixels);

/* The place of the white square. */
#define SQUARE_AT   8
#define SQUARE_SIZE 16

struct vkt_buffer chain_create_pixels(struct chain *chain, uint32_t seed);
/* One pixel of a buffer, from its top left corner. */
void chain_set_pixel(const struct chain *chain, const struct vkt_buffer *pixels, uint32_t x,
		     uint32_t y, uint8_t red, uint8_t green, uint8_t blue);
/* Fails unless the window shows the pixels, with the square, within a few seconds. */
void chain_expect_shown(struct chain *chain, const struct vkt_buffer *pixels);
/* The same for several windows, which end here, and so do their chains: where they hide each other,
 * each is looked at when those above it are gone. */
void chain_expect_all_shown(struct chain *chains, const struct vkt_buffer *pixels, uint32_t count);

#endif
