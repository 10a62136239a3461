/* SPDX-License-Identifier: MIT */
/* Shaders of compilers that use a capability without declaring it. Drivers take them; the
 * validator does not. */
#ifndef SL_HOST_REPLAY_SPIRV_REPAIR_H
#define SL_HOST_REPLAY_SPIRV_REPAIR_H

#include <stddef.h>
#include <stdint.h>

#define SL_SPIRV_MAX_UNDECLARED 3

/* The capabilities that code, of any contents, uses undeclared: of those that Mesa's Zink is known
 * to forget (22.3 to 25.0). Returns how many. */
size_t sl_spirv_find_undeclared(const uint32_t *code, size_t word_count,
				uint32_t ret_capabilities[SL_SPIRV_MAX_UNDECLARED]);

/* Write code with these capabilities declared to ret_code, which has room for word_count +
 * 2 * count words. Returns how many words there are. */
size_t sl_spirv_declare(const uint32_t *code, size_t word_count, const uint32_t *capabilities,
			size_t count, uint32_t *ret_code);

#endif
