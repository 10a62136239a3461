/* SPDX-License-Identifier: MIT */
/* The message loop's body, and the commands of recorded streams. */
#include "host/decode/decode_priv.h"

#include "host/objects/objects.h"
#include "protocol/limits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int sl_decode_create(const struct sl_decode_options *options, struct sl_decode **ret_decode)
{
	struct sl_decode *decode = calloc(1, sizeof(*decode));

	if (decode == NULL) {
		return -ENOMEM;
	}
	decode->options = *options;
	sl_arena_init(&decode->arena, SL_MAX_ARENA_SIZE);
	sl_arena_init(&decode->stream_arena, SL_MAX_ARENA_SIZE);

	int r = sl_objects_create(options->max_objects, &decode->objects);
	if (r < 0) {
		sl_decode_destroy(decode);
		return r;
	}
	sl_scope_init(&decode->scope, decode->objects);
	sl_scope_init(&decode->stream_scope, decode->objects);
	decode->stream_scope.is_stream = true;
	*ret_decode = decode;
	return 0;
}

struct sl_arena *sl_decode_get_arena(struct sl_decode *decode)
{
	return &decode->arena;
}

void sl_decode_destroy(struct sl_decode *decode)
{
	if (decode == NULL) {
		return;
	}
	sl_arena_finish(&decode->arena);
	sl_arena_finish(&decode->stream_arena);
	sl_scope_finish(&decode->scope);
	sl_scope_finish(&decode->stream_scope);
	sl_objects_destroy(decode->objects);
	free(decode);
}

const char *sl_decode_get_error(const struct sl_decode *decode)
{
	return decode->error;
}

struct sl_objects *sl_decode_get_objects(const struct sl_decode *decode)
{
	return decode->objects;
}

uint32_t sl_decode_get_object_count(const struct sl_decode *decode)
{
	return sl_objects_get_count(decode->objects);
}

uint16_t sl_decode_get_last_command(const struct sl_decode *decode)
{
	return decode->last_command_id;
}

/* Keep the first reason: an op that ran a stream fails with the stream's. Returns r. */
static int fail(struct sl_decode *decode, uint16_t command_id, int r, const char *why)
{
	if (decode->error[0] == '\0') {
		const struct sl_command_info *info = sl_command_get_info(command_id);

		if (info != NULL) {
			snprintf(decode->error, sizeof(decode->error), "%s: %s", info->name, why);
		} else {
			snprintf(decode->error, sizeof(decode->error), "command %u: %s", command_id,
				 why);
		}
	}
	return r;
}

/* The reason why a message was refused: what the scope knows is more precise. */
static int fail_read(struct sl_decode *decode, uint16_t command_id, const struct sl_scope *scope,
		     const struct sl_reader *in)
{
	if (scope->error == -ENOMEM) {
		return fail(decode, command_id, -ENOMEM, "out of memory");
	}
	return fail(decode, command_id, -EBADMSG, scope->why != NULL ? scope->why : in->why);
}

/* Note and show that a command begins. */
static void begin_command(struct sl_decode *decode, const struct sl_wire_header *header)
{
	decode->last_command_id = header->command_id;
	if (decode->options.trace != NULL) {
		fprintf(decode->options.trace, "%s, %u bytes%s\n",
			sl_command_name(header->command_id), header->size,
			(header->flags & SL_WIRE_REPLY) != 0 ? ", wants a reply" : "");
	}
}

bool sl_decode_adopt(struct sl_decode *decode, struct sl_decode_call *call, VkObjectType owner_type,
		     void *handles)
{
	if (!sl_scope_adopt(&decode->scope, owner_type)) {
		sl_reader_fail(&call->in, "names no owner of the new object");
		return false;
	}
	if (decode->scope.created.count > 0) {
		memset(handles, 0, decode->scope.created.count * sizeof(uint64_t));
	}
	return true;
}

int sl_decode_settle(struct sl_decode *decode, struct sl_decode_call *call, void *handles)
{
	struct sl_scope *scope = &decode->scope;

	/* Of a single object that failed the driver may have left anything in its place; where
	 * several are made at once, null tells which failed. */
	if (scope->created.count == 1 && call->result < 0) {
		memset(handles, 0, sizeof(uint64_t));
	}
	return sl_scope_settle(scope, handles, call->wants_reply, call->command_id, call->payload,
			       call->payload_size);
}

void sl_decode_drop_failed(const struct sl_decode *decode, const void *handles, uint32_t count)
{
	/* The array lies in the arena; Vulkan's parameters are const. */
	uint64_t *array = (uint64_t *)(uintptr_t)handles;

	for (uint32_t i = 0; decode->scope.has_failed && i < count; i++) {
		if (array[i] == SL_SCOPE_FAILED) {
			array[i] = 0;
		}
	}
}

int sl_decode_begin_reply(struct sl_decode *decode, struct sl_decode_call *call, size_t size,
			  struct sl_writer *ret_out)
{
	const struct sl_decode_sink *sink = &decode->options.sink;
	uint8_t *payload = NULL;
	int r = sink->begin_reply(sink->data, &call->slot, size, &payload);

	if (r < 0) {
		sl_reader_fail(&call->in, "the reply has no place in its slot");
		return r;
	}
	*ret_out = (struct sl_writer){
		.cur = payload,
		.end = payload + size,
		.caps = decode->options.caps,
	};
	return 0;
}

void sl_decode_commit_reply(struct sl_decode *decode)
{
	decode->options.sink.commit_reply(decode->options.sink.data);
}

static int run_call(struct sl_decode *decode, struct sl_decode_call *call)
{
	int r = sl_decode_functions[call->command_id](decode, call);

	if (sl_reader_failed(&call->in) || decode->scope.error != 0) {
		return fail_read(decode, call->command_id, &decode->scope, &call->in);
	}
	if (r < 0) {
		return fail(decode, call->command_id, r,
			    r == -ENOMEM ? "out of memory" : "cannot be replayed");
	}
	bool is_told = call->wants_reply || decode->scope.created.count > 0;
	if (call->result == VK_ERROR_DEVICE_LOST || (call->result < 0 && !is_told)) {
		const struct sl_decode_sink *sink = &decode->options.sink;

		sink->command_failed(sink->data, call->command_id, call->result);
	}
	return 0;
}

int sl_decode_message(struct sl_decode *decode, const uint8_t *data, size_t size)
{
	struct sl_wire_header header = { 0 };
	size_t payload_offset = sizeof(header);

	if (size >= sizeof(header)) {
		memcpy(&header, data, sizeof(header));
	}
	if (header.size != size || size % 8 != 0 || header.reserved != 0 ||
	    (header.flags & ~SL_WIRE_FLAGS_KNOWN) != 0) {
		return fail(decode, header.command_id, -EBADMSG, "bad message header");
	}
	if (header.seqno != decode->seqno) {
		return fail(decode, header.command_id, -EBADMSG, "message out of sequence");
	}
	decode->seqno++;
	if (header.command_id >= SL_COMMAND_COUNT ||
	    sl_decode_functions[header.command_id] == NULL ||
	    !sl_caps_has_command(decode->options.caps, header.command_id)) {
		return fail(decode, header.command_id, -EBADMSG, "not a command of this context");
	}
	struct sl_decode_call call = {
		.command_id = header.command_id,
		.wants_reply = (header.flags & SL_WIRE_REPLY) != 0,
		.result = VK_SUCCESS,
	};
	if (call.wants_reply) {
		payload_offset += sizeof(call.slot);
		if (size < payload_offset) {
			return fail(decode, header.command_id, -EBADMSG, "bad message header");
		}
		memcpy(&call.slot, data + sizeof(header), sizeof(call.slot));
	}
	call.payload = data + payload_offset;
	call.payload_size = size - payload_offset;
	call.in = (struct sl_reader){
		.cur = call.payload,
		.end = data + size,
		.arena = &decode->arena,
		.resolver = &decode->scope.resolver,
	};
	begin_command(decode, &header);
	sl_arena_reset(&decode->arena);
	sl_scope_reset(&decode->scope);
	return run_call(decode, &call);
}

/* The next command of a stream. Returns its size, or a negative error. */
static int64_t run_record(struct sl_decode *decode, struct sl_object *command_buffer,
			  const uint8_t *data, size_t size, uint32_t seqno)
{
	struct sl_wire_header header = { 0 };

	if (size >= sizeof(header)) {
		memcpy(&header, data, sizeof(header));
	}
	if (header.size < sizeof(header) || header.size > size || header.size % 8 != 0 ||
	    header.flags != 0 || header.reserved != 0 || header.seqno != seqno) {
		return fail(decode, header.command_id, -EBADMSG, "bad header in a recording");
	}
	if (header.command_id >= SL_COMMAND_COUNT ||
	    sl_decode_record_functions[header.command_id] == NULL ||
	    !sl_caps_has_command(decode->options.caps, header.command_id)) {
		return fail(decode, header.command_id, -EBADMSG, "cannot be recorded");
	}
	struct sl_reader in = {
		.cur = data + sizeof(header),
		.end = data + header.size,
		.arena = &decode->stream_arena,
		.resolver = &decode->stream_scope.resolver,
	};
	begin_command(decode, &header);
	sl_arena_reset(&decode->stream_arena);
	decode->stream_scope.named.count = 0;

	int r = sl_decode_record_functions[header.command_id](decode, &in, command_buffer);
	if (sl_reader_failed(&in)) {
		return fail_read(decode, header.command_id, &decode->stream_scope, &in);
	}
	if (r < 0) {
		return fail(decode, header.command_id, r,
			    r == -ENOMEM ? "out of memory" : "cannot be replayed");
	}
	return header.size;
}

/* Returns 0 or a negative error. seqno: of the first command. */
static int run_records(struct sl_decode *decode, struct sl_object *command_buffer,
		       const uint8_t *commands, size_t size, uint32_t seqno)
{
	size_t offset = 0;

	sl_scope_reset(&decode->stream_scope);
	decode->stream_scope.keeps_used = true;
	decode->stream_scope.device = command_buffer->device;
	for (; offset < size; seqno++) {
		int64_t r =
			run_record(decode, command_buffer, commands + offset, size - offset, seqno);

		if (r < 0) {
			return (int)r;
		}
		offset += (size_t)r;
	}
	return 0;
}

int sl_decode_stream(struct sl_decode *decode, struct sl_object *command_buffer,
		     const uint8_t *stream, size_t size)
{
	return run_records(decode, command_buffer, stream, size, 0);
}

int sl_decode_rerun(struct sl_decode *decode, const struct sl_ops *ops,
		    struct sl_object *command_buffer, const uint8_t *commands, size_t size)
{
	const struct sl_ops *usual_ops = decode->options.ops;
	uint16_t last_command_id = decode->last_command_id;
	struct sl_wire_header header;

	assert(size >= sizeof(header));
	memcpy(&header, commands, sizeof(header));
	decode->options.ops = ops;
	int r = run_records(decode, command_buffer, commands, size, header.seqno);

	decode->options.ops = usual_ops;
	decode->last_command_id = last_command_id;
	decode->error[0] = '\0';
	return r;
}
