/* SPDX-License-Identifier: MIT */
/* A recording's message is shown when it is complete: what vkBeginCommandBuffer was given is gone
 * by then, and is decoded from the message. */
#include "guest-driver/vk/trace.h"

#include "guest-driver/vk/command_buffer.h"
#include "guest-driver/vk/message.h"
#include "protocol/arena.h"
#include "protocol/limits.h"

/* The dump asks handles for their ids only. data: the arena. */
static uint64_t find(void *data, uint32_t object_type, uint64_t id)
{
	struct sl_handle *handle = sl_arena_alloc(data, sizeof(*handle));

	if (handle == NULL) {
		return 0;
	}
	*handle = (struct sl_handle){ .id = id };
	return (uint64_t)(uintptr_t)handle;
}

void sl_trace_recording(const struct sl_command_buffer *commands)
{
	FILE *trace = sl_call_trace(&commands->base);
	struct sl_slRecordCommandBuffer args = { 0 };
	struct sl_arena arena;

	if (trace == NULL) {
		return;
	}
	sl_arena_init(&arena, SL_MAX_ARENA_SIZE);
	const struct sl_resolver resolver = { .find = find, .data = &arena };
	struct sl_reader in = {
		.cur = commands->head,
		.end = commands->head + commands->head_size,
		.arena = &arena,
		.resolver = &resolver,
	};
	sl_decode_slRecordCommandBuffer(&in, &args);
	if (!sl_reader_failed(&in)) {
		/* The stream's commands have been shown already. */
		args.streamSize = commands->full_size;
		args.pStream = NULL;
		sl_dump_slRecordCommandBuffer(trace, &args);
	}
	sl_arena_finish(&arena);
}
