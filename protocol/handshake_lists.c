/* SPDX-License-Identifier: MIT */
/* What this build can speak. */
#include "protocol/handshake.h"

#include "protocol/sl_ids.h"
#include "protocol/sl_types.h"

#include <string.h>

static_assert(sizeof(VkStructureType) == sizeof(uint32_t), "an enum is 32 bits wide");

void sl_handshake_init_lists(struct sl_handshake_lists *ret_lists)
{
	struct sl_caps caps = { 0 };

	sl_command_fill_caps(&caps);
	*ret_lists = (struct sl_handshake_lists){
		.stypes = (const uint32_t *)sl_stype_list,
		.stype_count = SL_STYPE_COUNT,
	};
	memcpy(ret_lists->commands, caps.commands, sizeof(ret_lists->commands));
}
