/* SPDX-License-Identifier: MIT */
/* Takes one message after the other: checks it, decodes it, keeps the object table, runs the
 * command through the ops table, encodes the reply. Ring thread only. */
#ifndef SL_HOST_DECODE_DECODE_H
#define SL_HOST_DECODE_DECODE_H

#include "protocol/caps.h"
#include "protocol/wire.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <vulkan/vulkan_core.h>

struct sl_arena;
struct sl_decode;
struct sl_object;
struct sl_objects;
struct sl_ops;
struct sl_replay;

/* Where replies and news go. */
struct sl_decode_sink {
	/* Reserve size payload bytes of the slot, to be written and then committed.
	 * Returns 0, or -EBADMSG if the guest may not have a reply there. */
	int (*begin_reply)(void *data, const struct sl_wire_reply_slot *slot, size_t size,
			   uint8_t **ret_payload);
	void (*commit_reply)(void *data);
	/* The host driver lost the device, or refused a command which the guest believes to have
	 * succeeded. Not for objects that could not be made: using them ends the context. */
	void (*command_failed)(void *data, uint16_t command_id, VkResult result);
	void *data;
};

/* All that is pointed to must outlive the decoder; nothing is owned. */
struct sl_decode_options {
	const struct sl_ops *ops;
	struct sl_replay *replay; /* handed to the ops */
	const struct sl_caps *caps;
	struct sl_decode_sink sink;
	uint32_t max_objects; /* the highest index of an id */
	FILE *trace;	      /* a line for each command goes there; NULL: none */
};

/* Makes the context's object table too. Returns 0 or -ENOMEM. */
int sl_decode_create(const struct sl_decode_options *options, struct sl_decode **ret_decode);
/* Accepts NULL. */
void sl_decode_destroy(struct sl_decode *decode);

/* Where the present message is decoded to. An op that keeps what it was given moves the arena away
 * and leaves an empty one. */
struct sl_arena *sl_decode_get_arena(struct sl_decode *decode);

/* Run one message. data is private memory, aligned to 8 bytes, and not kept. After anything but 0
 * the context is over: only sl_decode_get_error() and destroy may follow.
 *
 * Returns 0, -EBADMSG (the guest broke the protocol), -ENOMEM, or what an op returned. */
int sl_decode_message(struct sl_decode *decode, const uint8_t *data, size_t size);

/* Run the commands of a recorded stream (slRecordCommandBuffer's) on a command buffer, which is
 * recording on the host. The stream is private memory.
 *
 * Returns as sl_decode_message() does. */
int sl_decode_stream(struct sl_decode *decode, struct sl_object *command_buffer,
		     const uint8_t *stream, size_t size);

/* Run commands of such a stream once more, through other ops: the stream has been run before, so
 * that its headers are sound; their first number is of no importance. Within an op of ops.
 *
 * Returns as sl_decode_message() does; but a failure, e.g. because an object is gone, is not the
 * context's: nothing is lost, and there is no error to get. */
int sl_decode_rerun(struct sl_decode *decode, const struct sl_ops *ops,
		    struct sl_object *command_buffer, const uint8_t *commands, size_t size);

/* After a failure: which command, and why: "vkCreateBuffer: null handle". Valid until the decoder
 * is destroyed. */
const char *sl_decode_get_error(const struct sl_decode *decode);

/* The context's objects, with the messages that created them: lent. */
struct sl_objects *sl_decode_get_objects(const struct sl_decode *decode);
uint32_t sl_decode_get_object_count(const struct sl_decode *decode);

/* The wire id of the command that was run last, 0 before the first; those of streams included. */
uint16_t sl_decode_get_last_command(const struct sl_decode *decode);

#endif
