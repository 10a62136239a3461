/* SPDX-License-Identifier: MIT */
/* Begin, record into chunks, end: one message carries the whole recording. */
#include "guest-driver/vk/command_buffer.h"

#include <stdlib.h>

#include "guest-driver/vk/command_pool.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/result.h"
#include "guest-driver/vk/trace.h"
#include "protocol/sl_entries.h"

/* Recordings of more chunks (2 MiB) need heap memory for the list of them. */
#define STACK_PIECES 64

void sl_command_buffer_fail(struct sl_command_buffer *commands, VkResult error)
{
	if (commands->error == VK_SUCCESS) {
		commands->error = error;
	}
	commands->cur = NULL;
	commands->end = NULL;
}

void sl_command_buffer_miss(struct sl_command_buffer *commands, uint16_t command_id)
{
	if (!sl_command_get_info(command_id)->is_optional) {
		sl_context_report_missing(commands->base.context, command_id);
		sl_command_buffer_fail(commands, VK_ERROR_OUT_OF_HOST_MEMORY);
	}
}

void sl_command_buffer_reset(struct sl_command_buffer *commands)
{
	while (commands->first_chunk != NULL) {
		struct sl_recording_chunk *chunk = commands->first_chunk;
		commands->first_chunk = chunk->next;
		sl_command_pool_drop_chunk(commands->pool, chunk);
	}
	commands->last_chunk = NULL;
	commands->chunk_count = 0;
	commands->full_size = 0;
	commands->cur = NULL;
	commands->end = NULL;
	commands->seqno = 0;
	commands->is_recording = false;
	commands->error = VK_SUCCESS;
}

/* The last chunk gets no more. */
static void close_chunk(struct sl_command_buffer *commands)
{
	struct sl_recording_chunk *chunk = commands->last_chunk;

	if (chunk != NULL) {
		chunk->size = (size_t)(commands->cur - chunk->data);
		commands->full_size += chunk->size;
	}
}

bool sl_command_buffer_grow(struct sl_command_buffer *commands, size_t size)
{
	if (!commands->is_recording || commands->error != VK_SUCCESS) {
		return false;
	}
	close_chunk(commands);
	struct sl_recording_chunk *chunk = NULL;
	if (size <= SL_MAX_MESSAGE_SIZE / 2 &&
	    commands->full_size <= SL_MAX_MESSAGE_SIZE / 2 - size) {
		chunk = sl_command_pool_take_chunk(commands->pool, size);
	}
	if (chunk == NULL) {
		sl_command_buffer_fail(commands, VK_ERROR_OUT_OF_HOST_MEMORY);
		return false;
	}
	if (commands->last_chunk != NULL) {
		commands->last_chunk->next = chunk;
	} else {
		commands->first_chunk = chunk;
	}
	commands->last_chunk = chunk;
	commands->chunk_count++;
	commands->cur = chunk->data;
	commands->end = chunk->data + chunk->capacity;
	return true;
}

/* Everything of slRecordCommandBuffer up to the stream, which is not known yet. */
static VkResult encode_head(struct sl_command_buffer *commands,
			    const VkCommandBufferBeginInfo *info)
{
	const struct sl_slRecordCommandBuffer args = {
		.commandBuffer = (VkCommandBuffer)commands,
		.pBeginInfo = info,
	};
	const struct sl_caps *caps = sl_call_caps(&commands->base);
	size_t size = sl_size_slRecordCommandBuffer(caps, &args);

	if (size > commands->head_capacity) {
		uint8_t *head = realloc(commands->head, size);
		if (head == NULL) {
			return VK_ERROR_OUT_OF_HOST_MEMORY;
		}
		commands->head = head;
		commands->head_capacity = size;
	}
	struct sl_writer out = {
		.cur = commands->head,
		.end = commands->head + size,
		.caps = caps,
	};
	sl_encode_slRecordCommandBuffer(&out, &args);
	commands->head_size = size;
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkBeginCommandBuffer(VkCommandBuffer commandBuffer,
						       const VkCommandBufferBeginInfo *pBeginInfo)
{
	struct sl_command_buffer *commands = (struct sl_command_buffer *)commandBuffer;
	VkCommandBufferBeginInfo info = *pBeginInfo;

	sl_command_buffer_reset(commands);
	if (commands->is_primary) {
		info.pInheritanceInfo = NULL; /* ignored, and may be garbage */
	}
	VkResult result = encode_head(commands, &info);
	commands->is_recording = result == VK_SUCCESS;
	return result;
}

/* The stream's size is the last word of the head: the stream follows it. */
static VkResult send_recording(struct sl_command_buffer *commands, struct iovec *pieces)
{
	struct sl_context *context = commands->base.context;
	uint64_t stream_size = commands->full_size;
	size_t size = sizeof(struct sl_wire_header) + commands->head_size + commands->full_size;
	struct sl_wire_header header = {
		.size = (uint32_t)((size + 7) & ~(size_t)7),
		.command_id = SL_COMMAND_slRecordCommandBuffer,
	};
	int count = 1;

	memcpy(commands->head + commands->head_size - sizeof(stream_size), &stream_size,
	       sizeof(stream_size));
	pieces[0] = (struct iovec){ commands->head, commands->head_size };
	for (struct sl_recording_chunk *at = commands->first_chunk; at != NULL; at = at->next) {
		pieces[count++] = (struct iovec){ at->data, at->size };
	}
	int r = sl_guest_link_send(context->link, &header, pieces, count);
	if (r == -EPIPE) {
		/* No error for that is listed here; submitting the command buffer will tell. */
		(void)sl_context_is_lost(context);
		return VK_SUCCESS;
	}
	return SL_VK_RESULT(vkEndCommandBuffer, r);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkEndCommandBuffer(VkCommandBuffer commandBuffer)
{
	struct sl_command_buffer *commands = (struct sl_command_buffer *)commandBuffer;
	struct iovec stack_pieces[STACK_PIECES];
	struct iovec *pieces = stack_pieces;
	VkResult result = commands->error;

	if (result == VK_SUCCESS) {
		close_chunk(commands);
		sl_trace_recording(commands);
		if (commands->chunk_count + 1 > STACK_PIECES) {
			pieces = malloc((commands->chunk_count + 1) * sizeof(*pieces));
		}
		result = pieces != NULL ? send_recording(commands, pieces)
					: VK_ERROR_OUT_OF_HOST_MEMORY;
		if (pieces != stack_pieces) {
			free(pieces);
		}
	}
	sl_command_buffer_reset(commands);
	return result;
}

/* Beginning a command buffer resets the host's too, so only its memory may matter before. */
VKAPI_ATTR VkResult VKAPI_CALL sl_vkResetCommandBuffer(VkCommandBuffer commandBuffer,
						       VkCommandBufferResetFlags flags)
{
	struct sl_command_buffer *commands = (struct sl_command_buffer *)commandBuffer;
	const struct sl_vkResetCommandBuffer args = {
		.commandBuffer = commandBuffer,
		.flags = flags,
	};

	sl_command_buffer_reset(commands);
	if ((flags & VK_COMMAND_BUFFER_RESET_RELEASE_RESOURCES_BIT) != 0) {
		SL_MESSAGE_SEND(&commands->base, vkResetCommandBuffer, &args);
	}
	return VK_SUCCESS;
}
