/* SPDX-License-Identifier: MIT */
/* What the lies of the hostile guest share. */
#ifndef SL_TESTS_INTEGRATION_HOSTILE_H
#define SL_TESTS_INTEGRATION_HOSTILE_H

#include "guest-driver/link/guest_link.h"
#include "protocol/sl_args.h"
#include "protocol/sl_codec.h"
#include "protocol/sl_ids.h"

#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum object {
	INSTANCE,
	PHYSICAL,
	DEVICE,
	QUEUE,
	BUFFER,
	POOL,
	CMD,
	MEMORY,
	OTHER, /* made by nobody */
	IMAGE,
	VIEW,
	SET_LAYOUT,
	LAYOUT,
	SET_POOL,
	SET,
	QUERIES,
	PASS,
	FRAMEBUFFER,
	IMAGE_MEMORY,
	DEPTH, /* an image of four samples */
	DEPTH_VIEW,
	SHADER,
	SECOND, /* of anything */
	OBJECT_COUNT,
};

struct hostile {
	struct sl_guest_link *link;
	const struct sl_caps *caps;
	struct sl_handle objects[OBJECT_COUNT]; /* what the encoders take for handles */
};

struct message {
	uint16_t command_id;
	uint8_t *payload;
	size_t size;
};

struct lie {
	const char *name;
	void (*tell)(struct hostile *h); /* returns after it is told */
};

/* Well-formed messages about objects that are not what they say; each ends with a NULL name. */
extern const struct lie hostile_object_lies[];
extern const struct lie hostile_descriptor_lies[];
extern const struct lie hostile_shader_lies[];
extern const struct lie hostile_command_lies[];
extern const struct lie hostile_draw_lies[];

/* End the program. */
void hostile_fail(const char *what) __attribute__((noreturn));
/* size zeroed bytes, and room to make it longer. */
struct message hostile_new_message(uint16_t command_id, size_t size);
/* Both free the message. */
void hostile_send(struct hostile *h, struct message message);
void hostile_call(struct hostile *h, struct message message);
/* Record one command whose message is given. */
void hostile_record(struct hostile *h, enum object commands, struct message command);
/* The same for several. */
void hostile_record_all(struct hostile *h, enum object commands, uint32_t count,
			const struct message *messages);
/* Submit the command buffer CMD, count times. count <= 2. */
void hostile_submit(struct hostile *h, uint32_t count);
/* An instance, a device with a queue, a command buffer. */
void hostile_make_commands(struct hostile *h);
/* These, and a buffer of HOSTILE_BUFFER_SIZE with memory. */
#define HOSTILE_BUFFER_SIZE 4096u
void hostile_make_world(struct hostile *h);

/* A well-formed message. */
#define MESSAGE(h, command, ...)                                                                \
	({                                                                                      \
		const struct sl_##command args = { __VA_ARGS__ };                               \
		struct message made = hostile_new_message(SL_COMMAND_##command,                 \
							  sl_size_##command((h)->caps, &args)); \
		struct sl_writer out = { made.payload, made.payload + made.size, (h)->caps };   \
		sl_encode_##command(&out, &args);                                               \
		made;                                                                           \
	})

#define HANDLE(h, object, type) ((type)(void *)&(h)->objects[object])

static inline VkDevice device(struct hostile *h)
{
	return HANDLE(h, DEVICE, VkDevice);
}

#endif
