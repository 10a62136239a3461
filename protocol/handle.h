/* SPDX-License-Identifier: MIT */
/* What a Vulkan handle points to in the guest, as far as the encoders need to know.
 *
 * A wire id is serial << SL_ID_INDEX_BITS | index. The guest allocates the index (from 1) and
 * reuses it with the next serial once the message that destroys the old object has been
 * written to the ring; 0 is VK_NULL_HANDLE. */
#ifndef SL_PROTOCOL_HANDLE_H
#define SL_PROTOCOL_HANDLE_H

#include <stddef.h>
#include <stdint.h>

#define SL_ID_INDEX_BITS 24
#define SL_ID_INDEX(id)	 ((uint32_t)((id) & ((1u << SL_ID_INDEX_BITS) - 1)))

/* First member of every guest object. */
struct sl_handle {
	uintptr_t loader_data; /* dispatchable objects: the loader's dispatch pointer */
	uint64_t id;
};

/* The wire id of any Vulkan handle of the guest driver; 0 for VK_NULL_HANDLE. */
static inline uint64_t sl_handle_id(uint64_t handle)
{
	const struct sl_handle *object = (const struct sl_handle *)(uintptr_t)handle;

	return object != NULL ? object->id : 0;
}

#endif
