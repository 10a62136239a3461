/* SPDX-License-Identifier: MIT */
/* Shaders of guests, checked before a driver's compiler sees them. */
#ifndef SL_HOST_REPLAY_SPIRV_H
#define SL_HOST_REPLAY_SPIRV_H

#include <stddef.h>
#include <stdint.h>

struct sl_spirv;

/* Returns 0 or -ENOMEM. */
int sl_spirv_create(struct sl_spirv **ret_spirv);
/* Accepts NULL. */
void sl_spirv_destroy(struct sl_spirv *spirv);

/* Check size bytes of code: that they are SPIR-V of a size and depth that compilers can be asked to
 * take, and valid for Vulkan as SPIRV-Tools sees it. One thread at a time.
 *
 * Returns 0, -EBADMSG with a line in ret_why, -ENOMEM. */
int sl_spirv_check(struct sl_spirv *spirv, const uint32_t *code, size_t size, char *ret_why,
		   size_t why_size);

#endif
