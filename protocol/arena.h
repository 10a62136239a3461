/* SPDX-License-Identifier: MIT */
/* A bump allocator for decoded messages: everything of one message is freed at once. */
#ifndef SL_PROTOCOL_ARENA_H
#define SL_PROTOCOL_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct sl_arena_block;

struct sl_arena {
	struct sl_arena_block *blocks; /* newest first */
	uint8_t *cur;		       /* 16-byte aligned */
	uint8_t *end;
	size_t used;  /* bytes since the last reset */
	size_t limit; /* bytes that one message may use */
};

/* limit: bytes between two resets, SL_MAX_ARENA_SIZE at most. Allocates nothing yet. */
void sl_arena_init(struct sl_arena *arena, size_t limit);
void sl_arena_finish(struct sl_arena *arena);

/* Forget everything allocated; keeps one block so that the next message allocates nothing. */
void sl_arena_reset(struct sl_arena *arena);

/* Zeroed memory, aligned to 16 bytes, valid until the next reset; NULL past the limit or when
 * memory is short. size 0 gives a valid pointer that must not be read. */
void *sl_arena_alloc(struct sl_arena *arena, size_t size);

#endif
