/* SPDX-License-Identifier: MIT */
/* A command buffer records into its own memory; the host sees it when recording ends. */
#ifndef SL_GUEST_DRIVER_VK_COMMAND_BUFFER_H
#define SL_GUEST_DRIVER_VK_COMMAND_BUFFER_H

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/object.h"
#include "protocol/wire.h"
#include "protocol/writer.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_command_pool;
struct sl_recording_chunk;

/* Externally synchronized together with its pool, like Vulkan's: no locks. */
struct sl_command_buffer {
	struct sl_guest_object base;
	/* What is left of the last chunk; both NULL when not recording, or after an error. */
	uint8_t *cur;
	uint8_t *end;
	uint32_t seqno; /* of the next command of the stream */
	bool is_primary;
	bool is_recording;
	VkResult error; /* the first one while recording: what vkEndCommandBuffer returns */
	struct sl_recording_chunk *first_chunk;
	struct sl_recording_chunk *last_chunk;
	uint32_t chunk_count;
	size_t full_size; /* bytes of the stream in all chunks but the last */
	uint8_t *head;	  /* what the recording's message has before the stream */
	size_t head_size;
	size_t head_capacity;
	struct sl_command_pool *pool;
	struct sl_command_buffer *prev; /* in pool */
	struct sl_command_buffer *next;
};

/* Make room for size more bytes. False: not recording, or out of memory (the error is kept). */
bool sl_command_buffer_grow(struct sl_command_buffer *commands, size_t size);

/* Keep an error that a void vkCmd* cannot return; nothing more is recorded. */
void sl_command_buffer_fail(struct sl_command_buffer *commands, VkResult error);

/* Leave out a command that the host does not have; unless that cannot matter, recording fails. */
void sl_command_buffer_miss(struct sl_command_buffer *commands, uint16_t command_id);

/* Forget the recording; the chunks go back to the pool. */
void sl_command_buffer_reset(struct sl_command_buffer *commands);

/* Start the next command of the stream; exactly payload_size bytes (a multiple of 4) must be
 * written to ret_out. The command buffer's thread only.
 *
 * Returns false if the command buffer is in an error state or does not record, or if the host has
 * no such command. */
static inline bool sl_command_buffer_begin_command(VkCommandBuffer handle, uint16_t command_id,
						   size_t payload_size, struct sl_writer *ret_out)
{
	struct sl_command_buffer *commands = (struct sl_command_buffer *)handle;
	const struct sl_caps *caps = commands->base.context->caps;
	size_t size = (sizeof(struct sl_wire_header) + payload_size + 7) & ~(size_t)7;

	if (__builtin_expect(!sl_caps_has_command(caps, command_id), 0)) {
		sl_command_buffer_miss(commands, command_id);
		return false;
	}
	if (__builtin_expect(size > (size_t)(commands->end - commands->cur), 0) &&
	    !sl_command_buffer_grow(commands, size)) {
		return false;
	}
	uint8_t *at = commands->cur;
	const struct sl_wire_header header = {
		.size = (uint32_t)size,
		.command_id = command_id,
		.seqno = commands->seqno++,
	};
	/* Zeros if the payload ends 4 bytes before the message does, else overwritten. */
	memset(at + size - 4, 0, 4);
	memcpy(at, &header, sizeof(header));
	commands->cur = at + size;
	*ret_out = (struct sl_writer){
		.cur = at + sizeof(header),
		.end = at + sizeof(header) + payload_size,
		.caps = caps,
	};
	return true;
}

static inline const struct sl_caps *sl_command_buffer_caps(VkCommandBuffer handle)
{
	return SL_GUEST_OBJECT(handle)->context->caps;
}

#endif
