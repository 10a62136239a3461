/* SPDX-License-Identifier: MIT */
/* What is kept of a render pass: which states of a pipeline its subpasses make Vulkan ignore. */
#ifndef SL_GUEST_DRIVER_VK_RENDER_PASS_H
#define SL_GUEST_DRIVER_VK_RENDER_PASS_H

#include "guest-driver/vk/object.h"

#include <stdbool.h>
#include <stdint.h>

/* Attachments that are VK_ATTACHMENT_UNUSED do not count. */
struct sl_subpass {
	bool uses_color;
	bool uses_depth_stencil;
};

struct sl_render_pass {
	struct sl_guest_object base;
	uint32_t subpass_count;
	struct sl_subpass subpasses[];
};

#endif
