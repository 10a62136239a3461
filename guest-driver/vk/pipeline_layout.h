/* SPDX-License-Identifier: MIT */
/* What is kept of a pipeline layout: its set layouts, for pushed descriptors. */
#ifndef SL_GUEST_DRIVER_VK_PIPELINE_LAYOUT_H
#define SL_GUEST_DRIVER_VK_PIPELINE_LAYOUT_H

#include "guest-driver/vk/object.h"

#include <stdint.h>

struct sl_descriptor_needs;

struct sl_pipeline_layout {
	struct sl_guest_object base;
	uint32_t set_count;
	struct sl_descriptor_needs *sets[]; /* referenced; NULL: no layout */
};

#endif
