/* SPDX-License-Identifier: MIT */
/* A guest that sends anything, as far as the decoder: every command succeeds and does nothing, so
 * that this gets to more of them, and faster, than with a driver behind it. Each is traced as well.
 * An input is a recording; sizes and sequence numbers need not be right. */
#include "host/decode/decode.h"
#include "host/decode/decode_priv.h"
#include "host/objects/object.h"
#include "host/renderer/recording.h"
#include "protocol/limits.h"
#include "protocol/sl_ids.h"
#include "protocol/sl_types.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/null_ops.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_INPUT_SIZE 65536u
#define MAX_REPLY_SIZE (16u << 20)

struct sl_replay {
	struct sl_decode *decode;
	uint8_t *reply;
	FILE *trace;
};

/* An object's handle is its id, which is never 0. */
void sl_null_create(struct sl_replay *replay, void *handles)
{
	const struct sl_object_list *created = &replay->decode->scope.created;

	for (uint32_t i = 0; i < created->count; i++) {
		((uint64_t *)handles)[i] = created->items[i]->id;
	}
}

static int begin_reply(void *data, const struct sl_wire_reply_slot *slot, size_t size,
		       uint8_t **ret_payload)
{
	struct sl_replay *replay = data;

	free(replay->reply);
	/* Of the reply's very size, so that a byte too many is seen. */
	replay->reply = size <= MAX_REPLY_SIZE ? malloc(size) : NULL;
	*ret_payload = replay->reply;
	return replay->reply != NULL ? 0 : -EBADMSG;
}

static void commit_reply(void *data)
{
}

static void command_failed(void *data, uint16_t command_id, VkResult result)
{
}

/* The next message, in memory of its own, with a header that is right as far as it must be.
 * Returns false at the end. */
static bool take_message(struct fuzz_input *in, uint32_t seqno, uint8_t **ret_message,
			 size_t *ret_size)
{
	struct sl_wire_header header;

	if (in->size < sizeof(header)) {
		return false;
	}
	memcpy(&header, in->data, sizeof(header));
	if (header.size > in->size || header.size < sizeof(header)) {
		header.size = (uint32_t)in->size;
	}
	const uint32_t taken = header.size;

	header.size &= ~7u;
	header.seqno = seqno;
	header.flags &= SL_WIRE_FLAGS_KNOWN;
	header.reserved = 0;
	*ret_size = header.size;
	*ret_message = malloc(header.size);
	if (*ret_message == NULL) {
		return false;
	}
	memcpy(*ret_message, in->data, header.size);
	memcpy(*ret_message, &header, sizeof(header));
	in->data += taken;
	in->size -= taken;
	return true;
}

static void run_messages(struct sl_replay *replay, struct fuzz_input *in)
{
	uint8_t *message = NULL;
	size_t size = 0;
	int r = 0;

	for (uint32_t seqno = 0; r == 0 && take_message(in, seqno, &message, &size); seqno++) {
		r = sl_decode_message(replay->decode, message, size);
		free(message);
		/* A copy of the text, so that all of it is read. */
		free(strdup(sl_decode_get_error(replay->decode)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_replay replay;
	static struct sl_caps caps;
	struct fuzz_input in = { data, size };
	uint64_t magic = 0;

	if (replay.trace == NULL) {
		replay.trace = fopen("/dev/null", "we");
		sl_command_fill_caps(&caps);
		sl_stype_fill_caps(&caps);
	}
	const struct sl_decode_options options = {
		.ops = &sl_null_ops,
		.replay = &replay,
		.caps = &caps,
		.sink = { begin_reply, commit_reply, command_failed, &replay },
		.max_objects = 4096,
		.trace = replay.trace,
	};

	if (size > MAX_INPUT_SIZE || replay.trace == NULL ||
	    sl_decode_create(&options, &replay.decode) < 0) {
		return 0;
	}
	if (size >= sizeof(struct sl_recording_header)) {
		memcpy(&magic, data, sizeof(magic));
	}
	if (magic == SL_RECORDING_MAGIC) {
		in.data += sizeof(struct sl_recording_header);
		in.size -= sizeof(struct sl_recording_header);
	}
	run_messages(&replay, &in);
	sl_decode_destroy(replay.decode);
	free(replay.reply);
	replay.reply = NULL;
	return 0;
}
