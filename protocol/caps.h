/* SPDX-License-Identifier: MIT */
/* What both ends of a context can speak: the intersection made by the handshake. */
#ifndef SL_PROTOCOL_CAPS_H
#define SL_PROTOCOL_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#define SL_CAPS_COMMAND_WORDS 64 /* 32 wire ids each */
#define SL_CAPS_STRUCT_WORDS  64 /* 32 entries of the generated sl_stype_list[] each */

struct sl_caps {
	uint32_t commands[SL_CAPS_COMMAND_WORDS]; /* bit: wire id */
	uint32_t structs[SL_CAPS_STRUCT_WORDS];	  /* bit: index into this side's sl_stype_list[] */
};

static inline bool sl_caps_has_command(const struct sl_caps *caps, uint16_t command_id)
{
	return command_id < SL_CAPS_COMMAND_WORDS * 32 &&
	       (caps->commands[command_id / 32] >> (command_id % 32) & 1) != 0;
}

static inline bool sl_caps_has_struct(const struct sl_caps *caps, uint32_t index)
{
	return (caps->structs[index / 32] >> (index % 32) & 1) != 0;
}

#endif
