/* SPDX-License-Identifier: MIT */
/* What decode.c and the generated calls (sl_calls_*.c) share. */
#ifndef SL_HOST_DECODE_DECODE_PRIV_H
#define SL_HOST_DECODE_DECODE_PRIV_H

#include "host/decode/decode.h"
#include "host/decode/scope.h"
#include "protocol/arena.h"
#include "protocol/reader.h"
#include "protocol/sl_ids.h"
#include "protocol/writer.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One message, while its call runs. */
struct sl_decode_call {
	uint16_t command_id;
	bool wants_reply;
	struct sl_wire_reply_slot slot; /* if wants_reply */
	const uint8_t *payload;
	size_t payload_size;
	struct sl_reader in;
	VkResult result; /* the host driver's; VK_SUCCESS for commands without one */
};

struct sl_decode {
	struct sl_decode_options options;
	struct sl_objects *objects;
	struct sl_arena arena;	      /* of the message */
	struct sl_arena stream_arena; /* of one command of a stream */
	struct sl_scope scope;	      /* of the message */
	struct sl_scope stream_scope; /* of the commands of a stream */
	uint32_t seqno;		      /* of the next message */
	uint16_t last_command_id;
	char error[256];
};

/* Decodes one message of its command, runs it and replies. */
typedef int (*sl_decode_function)(struct sl_decode *decode, struct sl_decode_call *call);
/* The same for a command of a stream; the object is the command buffer. */
typedef int (*sl_decode_record_function)(struct sl_decode *decode, struct sl_reader *in,
					 struct sl_object *self);

/* By wire id; generated. NULL: no such command, or it does not belong there. */
extern const sl_decode_function sl_decode_functions[SL_COMMAND_COUNT];
extern const sl_decode_record_function sl_decode_record_functions[SL_COMMAND_COUNT];

/* True if the message was sound, and nothing but its padding is left of it. */
static inline bool sl_decode_is_complete(struct sl_reader *in)
{
	if (in->end - in->cur > 4) {
		sl_reader_fail(in, "message is longer than its command");
	}
	return !sl_reader_failed(in);
}

/* The created objects belong to the first object of owner_type that the message names
 * (VK_OBJECT_TYPE_UNKNOWN: to nobody), and have no handle yet: handles are set to 0.
 * Returns false after failing the reader. */
bool sl_decode_adopt(struct sl_decode *decode, struct sl_decode_call *call, VkObjectType owner_type,
		     void *handles);
/* After the op: what became of the created objects. handles may be NULL if none were.
 * Returns 0 or -ENOMEM. */
int sl_decode_settle(struct sl_decode *decode, struct sl_decode_call *call, void *handles);

/* Set those of count handles to VK_NULL_HANDLE whose objects could not be made. */
void sl_decode_drop_failed(const struct sl_decode *decode, const void *handles, uint32_t count);

/* Reserve the reply's payload of size bytes. Returns 0 or -EBADMSG. */
int sl_decode_begin_reply(struct sl_decode *decode, struct sl_decode_call *call, size_t size,
			  struct sl_writer *ret_out);
void sl_decode_commit_reply(struct sl_decode *decode);

#endif
