/* SPDX-License-Identifier: MIT */
/* Writes wire data into memory whose size was predicted exactly. Scalars take 4 or 8 bytes and
 * are aligned to 4; byte arrays are padded with zeros to 4. */
#ifndef SL_PROTOCOL_WRITER_H
#define SL_PROTOCOL_WRITER_H

#include "protocol/caps.h"
#include "protocol/handle.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sl_writer {
	uint8_t *cur;
	uint8_t *end;
	const struct sl_caps *caps; /* which structs of a pNext chain may be sent */
};

static inline uint8_t *sl_writer_reserve(struct sl_writer *out, size_t size)
{
	uint8_t *at = out->cur;

	assert(size <= (size_t)(out->end - at));
	out->cur = at + size;
	return at;
}

static inline void sl_writer_u32(struct sl_writer *out, uint32_t value)
{
	memcpy(sl_writer_reserve(out, 4), &value, 4);
}

static inline void sl_writer_u64(struct sl_writer *out, uint64_t value)
{
	memcpy(sl_writer_reserve(out, 8), &value, 8);
}

static inline void sl_writer_handle(struct sl_writer *out, uint64_t handle)
{
	sl_writer_u64(out, sl_handle_id(handle));
}

/* size bytes, then zeros up to a multiple of 4. data may be NULL if size is 0. */
static inline void sl_writer_bytes(struct sl_writer *out, const void *data, size_t size)
{
	size_t padded = (size + 3) & ~(size_t)3;
	uint8_t *at = sl_writer_reserve(out, padded);

	if (size > 0) {
		if (padded != size) {
			memset(at + padded - 4, 0, 4);
		}
		memcpy(at, data, size);
	}
}

/* A u32 size, then the string with its NUL, padded: the counterpart of sl_reader_string(). */
static inline void sl_writer_string(struct sl_writer *out, const char *string)
{
	size_t size = strlen(string) + 1;

	sl_writer_u32(out, (uint32_t)size);
	sl_writer_bytes(out, string, size);
}

/* Bytes that sl_writer_bytes() and sl_writer_string() write. */
static inline size_t sl_writer_bytes_size(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

static inline size_t sl_writer_string_size(const char *string)
{
	return 4 + sl_writer_bytes_size(strlen(string) + 1);
}

#endif
