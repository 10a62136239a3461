/* SPDX-License-Identifier: MIT */
/* Command pools own their command buffers and the memory that recordings use. */
#ifndef SL_GUEST_DRIVER_VK_COMMAND_POOL_H
#define SL_GUEST_DRIVER_VK_COMMAND_POOL_H

#include "guest-driver/vk/object.h"

#include <stddef.h>
#include <stdint.h>

struct sl_command_buffer;

/* A piece of a recording: whole messages. */
struct sl_recording_chunk {
	struct sl_recording_chunk *next;
	size_t size; /* bytes written; set when the chunk is full or recording ends */
	size_t capacity;
	_Alignas(8) uint8_t data[];
};

/* Externally synchronized, like Vulkan's. */
struct sl_command_pool {
	struct sl_guest_object base;
	struct sl_command_buffer *buffers;
	struct sl_recording_chunk *free_chunks; /* all of the usual size */
};

/* A chunk for at least size bytes, not yet in any list; NULL if memory is short. */
struct sl_recording_chunk *sl_command_pool_take_chunk(struct sl_command_pool *pool, size_t size);
void sl_command_pool_drop_chunk(struct sl_command_pool *pool, struct sl_recording_chunk *chunk);

#endif
