/* SPDX-License-Identifier: MIT */
/* One message to the host: begin, encode into out, then send it, or wait for the reply. */
#ifndef SL_GUEST_DRIVER_VK_CALL_H
#define SL_GUEST_DRIVER_VK_CALL_H

#include "guest-driver/link/guest_link.h"
#include "guest-driver/vk/context.h"
#include "guest-driver/vk/object.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Larger messages are encoded into heap memory. */
#define SL_CALL_INLINE_SIZE 1024

struct sl_call {
	struct sl_writer out; /* the payload is encoded through this */
	struct sl_context *context;
	uint8_t *payload; /* inline_payload, or heap */
	size_t payload_size;
	struct sl_wire_header header;
	bool has_reply;
	struct sl_guest_reply reply;
	uint8_t inline_payload[SL_CALL_INLINE_SIZE];
};

static inline const struct sl_caps *sl_call_caps(const struct sl_guest_object *self)
{
	return self->context->caps;
}

/* NULL, or where the commands of this context are to be dumped once their arguments are
 * complete: if ((trace = sl_call_trace(self)) != NULL) { sl_dump_vkX(trace, &args); } */
static inline FILE *sl_call_trace(const struct sl_guest_object *self)
{
	return __builtin_expect(self->context->trace, 0) ? stderr : NULL;
}

/* Prepare call->out for exactly payload_size bytes. self: any object of the context.
 *
 * Returns false if memory is short or the host has no such command; then the call has ended. Else
 * end it with sl_call_send(),
 * or with sl_call_wait() or sl_call_cached() and sl_call_finish(). */
bool sl_call_begin(struct sl_call *call, struct sl_guest_object *self, uint16_t command_id,
		   size_t payload_size);

/* Send without waiting; ends the call. On a lost context the message is dropped. */
void sl_call_send(struct sl_call *call);

/* Send and wait for the reply, of reply_capacity payload bytes at most. ret_reply stays valid
 * until sl_call_finish(), which must follow whatever the result.
 *
 * Returns 0, -ENOMEM, or -EPIPE once the context is lost. */
int sl_call_wait(struct sl_call *call, size_t reply_capacity, struct sl_reader *ret_reply);

/* The halves of sl_call_wait(), so that several calls can be on their way at once: each started
 * call must be received (if start gave 0), then finished. */
int sl_call_start(struct sl_call *call, size_t reply_capacity);
int sl_call_receive(struct sl_call *call, struct sl_reader *ret_reply);

/* Like sl_call_wait(), for questions whose answer never changes: asks the host only if these
 * very bytes have not been asked before in the context. */
int sl_call_cached(struct sl_call *call, size_t reply_capacity, struct sl_reader *ret_reply);

void sl_call_finish(struct sl_call *call);

#endif
