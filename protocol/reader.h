/* SPDX-License-Identifier: MIT */
/* Reads a private copy of a message. After the first bad read a reader yields zeros and stays
 * failed: read straight through, check once, then act. */
#ifndef SL_PROTOCOL_READER_H
#define SL_PROTOCOL_READER_H

#include "protocol/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How the reader turns wire ids into this side's handles. All ids are non-zero here: the
 * reader turns 0 into VK_NULL_HANDLE where null is allowed and fails elsewhere. */
struct sl_resolver {
	/* object_type is a VkObjectType. Returns the handle of a live object of exactly that type,
	 * else 0, which fails the reader. */
	uint64_t (*find)(void *data, uint32_t object_type, uint64_t id);
	/* The id of an object which this message creates. Returns what the decoded handle
	 * array shall hold until the object exists (on the host: the id), else 0. */
	uint64_t (*create)(void *data, uint32_t object_type, uint64_t id);
	void *data;
};

struct sl_reader {
	const uint8_t *cur;
	const uint8_t *end;
	struct sl_arena *arena;
	const struct sl_resolver *resolver;
	const char *why; /* the first failure, static text; NULL: none */
};

static inline bool sl_reader_failed(const struct sl_reader *in)
{
	return in->why != NULL;
}

/* Only the first reason is kept. why: static text. */
void sl_reader_fail(struct sl_reader *in, const char *why);

/* size bytes of the message, not padded; NULL if they are not there. */
static inline const uint8_t *sl_reader_take(struct sl_reader *in, size_t size)
{
	if (size > (size_t)(in->end - in->cur)) {
		sl_reader_fail(in, "message is truncated");
		return NULL;
	}
	const uint8_t *at = in->cur;
	in->cur = at + size;
	return at;
}

static inline uint32_t sl_reader_u32(struct sl_reader *in)
{
	const uint8_t *at = sl_reader_take(in, 4);
	uint32_t value = 0;

	if (at != NULL) {
		memcpy(&value, at, 4);
	}
	return value;
}

static inline uint64_t sl_reader_u64(struct sl_reader *in)
{
	const uint8_t *at = sl_reader_take(in, 8);
	uint64_t value = 0;

	if (at != NULL) {
		memcpy(&value, at, 8);
	}
	return value;
}

/* Copy size bytes and skip the padding up to a multiple of 4; zeros after failing. */
void sl_reader_bytes(struct sl_reader *in, void *dst, size_t size);

/* An element count of at most max whose elements take at least min_wire_size bytes each of
 * what is left of the message, so that a count cannot ask for more memory than was sent. */
uint32_t sl_reader_count(struct sl_reader *in, uint32_t max, size_t min_wire_size);

/* count * size zeroed bytes of the arena; NULL after failing (overflow, limit). */
void *sl_reader_alloc(struct sl_reader *in, size_t count, size_t size);

/* A u32 size (the NUL included), then the bytes, padded. Returns a NUL-terminated copy in the
 * arena; NULL after failing (length, missing NUL, inner NUL). */
char *sl_reader_string(struct sl_reader *in);

/* A live object's handle; 0 only if the id is 0 and nullable, or after failing. */
uint64_t sl_reader_handle(struct sl_reader *in, uint32_t object_type, bool nullable);

/* The same for an id that has been read. */
uint64_t sl_reader_find(struct sl_reader *in, uint32_t object_type, uint64_t id, bool nullable);

/* The placeholder of an object that this message creates; never 0 unless failed. */
uint64_t sl_reader_new_handle(struct sl_reader *in, uint32_t object_type);

#endif
