/* SPDX-License-Identifier: MIT */
/* Reads a private copy of a message: what is not worth inlining. */
#include "protocol/reader.h"

#include "protocol/limits.h"

void sl_reader_fail(struct sl_reader *in, const char *why)
{
	if (in->why == NULL) {
		in->why = why;
	}
	/* Nothing is left to read: from now on every read fails by itself. */
	in->cur = in->end;
}

void sl_reader_bytes(struct sl_reader *in, void *dst, size_t size)
{
	size_t left = (size_t)(in->end - in->cur);
	size_t padded;

	if (__builtin_add_overflow(size, 3, &padded) || (padded & ~(size_t)3) > left) {
		sl_reader_fail(in, "message is truncated");
		if (size > 0) {
			memset(dst, 0, size);
		}
		return;
	}
	if (size > 0) {
		memcpy(dst, in->cur, size);
	}
	in->cur += padded & ~(size_t)3;
}

uint32_t sl_reader_count(struct sl_reader *in, uint32_t max, size_t min_wire_size)
{
	uint32_t count = sl_reader_u32(in);
	size_t wire_size;

	if (count > max) {
		sl_reader_fail(in, "count is past its limit");
		return 0;
	}
	if (__builtin_mul_overflow((size_t)count, min_wire_size, &wire_size) ||
	    wire_size > (size_t)(in->end - in->cur)) {
		sl_reader_fail(in, "count is larger than the message");
		return 0;
	}
	return count;
}

void *sl_reader_alloc(struct sl_reader *in, size_t count, size_t size)
{
	size_t total;

	if (in->why != NULL) {
		return NULL;
	}
	if (__builtin_mul_overflow(count, size, &total)) {
		sl_reader_fail(in, "array size overflows");
		return NULL;
	}
	void *memory = sl_arena_alloc(in->arena, total);
	if (memory == NULL) {
		sl_reader_fail(in, "decoded message needs too much memory");
	}
	return memory;
}

char *sl_reader_string(struct sl_reader *in)
{
	uint32_t size = sl_reader_count(in, SL_MAX_STRING_LENGTH + 1, 1);

	if (in->why != NULL) {
		return NULL;
	}
	/* Looked at in the message itself: that is private memory already. */
	if (size == 0 || memchr(in->cur, '\0', size) != in->cur + size - 1) {
		sl_reader_fail(in, "string does not end where its length says");
		return NULL;
	}
	char *string = sl_reader_alloc(in, size, 1);
	if (string == NULL) {
		return NULL;
	}
	sl_reader_bytes(in, string, size);
	return in->why == NULL ? string : NULL;
}

uint64_t sl_reader_find(struct sl_reader *in, uint32_t object_type, uint64_t id, bool nullable)
{
	if (id == 0) {
		if (!nullable) {
			sl_reader_fail(in, "null handle");
		}
		return 0;
	}
	uint64_t handle = 0;
	if (in->resolver != NULL) {
		handle = in->resolver->find(in->resolver->data, object_type, id);
	}
	if (handle == 0) {
		sl_reader_fail(in, "no live object of this type has this id");
	}
	return handle;
}

uint64_t sl_reader_handle(struct sl_reader *in, uint32_t object_type, bool nullable)
{
	return sl_reader_find(in, object_type, sl_reader_u64(in), nullable);
}

uint64_t sl_reader_new_handle(struct sl_reader *in, uint32_t object_type)
{
	uint64_t id = sl_reader_u64(in);
	uint64_t handle = 0;

	if (id != 0 && in->resolver != NULL) {
		handle = in->resolver->create(in->resolver->data, object_type, id);
	}
	if (handle == 0) {
		sl_reader_fail(in, "bad id for a new object");
	}
	return handle;
}
