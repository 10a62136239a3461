/* SPDX-License-Identifier: MIT */
/* Messages to the host and their replies. */
#include "guest-driver/vk/call.h"

#include <errno.h>
#include <stdlib.h>

bool sl_call_begin(struct sl_call *call, struct sl_guest_object *self, uint16_t command_id,
		   size_t payload_size)
{
	call->payload = call->inline_payload;
	if (!sl_caps_has_command(self->context->caps, command_id)) {
		sl_context_report_missing(self->context, command_id);
		return false;
	}
	if (payload_size > sizeof(call->inline_payload)) {
		if (payload_size > SL_MAX_MESSAGE_SIZE / 2) {
			return false;
		}
		call->payload = malloc(payload_size);
		if (call->payload == NULL) {
			return false;
		}
	}
	call->context = self->context;
	call->payload_size = payload_size;
	call->has_reply = false;
	call->header = (struct sl_wire_header){
		.size = (uint32_t)((sizeof(struct sl_wire_header) + payload_size + 7) & ~(size_t)7),
		.command_id = command_id,
	};
	call->out = (struct sl_writer){
		.cur = call->payload,
		.end = call->payload + payload_size,
		.caps = self->context->caps,
	};
	return true;
}

static void free_payload(struct sl_call *call)
{
	if (call->payload != call->inline_payload) {
		free(call->payload);
	}
	call->payload = call->inline_payload;
}

void sl_call_send(struct sl_call *call)
{
	struct iovec payload = { .iov_base = call->payload, .iov_len = call->payload_size };

	assert(call->out.cur == call->out.end);
	if (sl_guest_link_send(call->context->link, &call->header, &payload, 1) < 0) {
		(void)sl_context_is_lost(call->context);
	}
	free_payload(call);
}

int sl_call_start(struct sl_call *call, size_t reply_capacity)
{
	struct iovec payload = { .iov_base = call->payload, .iov_len = call->payload_size };

	assert(call->out.cur == call->out.end);
	int r = sl_guest_link_call_start(call->context->link, &call->header, &payload, 1,
					 reply_capacity, &call->reply);
	call->has_reply = r == 0;
	return r;
}

int sl_call_receive(struct sl_call *call, struct sl_reader *ret_reply)
{
	*ret_reply = (struct sl_reader){ .cur = NULL };
	int r = sl_guest_link_call_wait(call->context->link, &call->reply);
	if (r < 0) {
		return r;
	}
	*ret_reply = (struct sl_reader){
		.cur = call->reply.payload,
		.end = call->reply.payload + call->reply.size,
	};
	return 0;
}

int sl_call_wait(struct sl_call *call, size_t reply_capacity, struct sl_reader *ret_reply)
{
	*ret_reply = (struct sl_reader){ .cur = NULL };
	int r = sl_call_start(call, reply_capacity);
	if (r == 0) {
		r = sl_call_receive(call, ret_reply);
	}
	if (r == -EPIPE) {
		(void)sl_context_is_lost(call->context);
	}
	return r;
}

int sl_call_cached(struct sl_call *call, size_t reply_capacity, struct sl_reader *ret_reply)
{
	struct sl_bytes_map *replies = &call->context->replies;
	size_t size = 0;
	const uint8_t *known = sl_bytes_map_find(replies, call->header.command_id, call->payload,
						 call->payload_size, &size);

	if (known != NULL) {
		*ret_reply = (struct sl_reader){ .cur = known, .end = known + size };
		return 0;
	}
	/* call_start() changes the header only; the payload still is the question. */
	int r = sl_call_wait(call, reply_capacity, ret_reply);
	if (r == 0) {
		sl_bytes_map_add(replies, call->header.command_id, call->payload,
				 call->payload_size, ret_reply->cur,
				 (size_t)(ret_reply->end - ret_reply->cur));
	}
	return r;
}

void sl_call_finish(struct sl_call *call)
{
	if (call->has_reply) {
		sl_guest_link_call_finish(call->context->link, &call->reply);
	}
	free_payload(call);
}
