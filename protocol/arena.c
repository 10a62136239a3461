/* SPDX-License-Identifier: MIT */
/* A bump allocator for decoded messages. */
#include "protocol/arena.h"

#include "protocol/limits.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Under ASan every allocation is followed by a poisoned gap, so that a decoder that writes past
 * its array is caught although malloc() knows only blocks. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
/* Takes a poisoned region for one that is read. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define ARENA_GAP	   16u
#define POISON(at, size)   __asan_poison_memory_region(at, size)
#define UNPOISON(at, size) __asan_unpoison_memory_region(at, size)
#else
#define ARENA_GAP	   0u
#define POISON(at, size)   ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

#define ARENA_ALIGN	 16u
#define ARENA_FIRST_SIZE (16u << 10)
#define ARENA_KEEP_SIZE	 (1u << 20) /* a larger block is given back at the next reset */

struct sl_arena_block {
	struct sl_arena_block *next;
	size_t size; /* bytes of data */
	_Alignas(ARENA_ALIGN) uint8_t data[];
};
static_assert(sizeof(struct sl_arena_block) % ARENA_ALIGN == 0, "data is aligned");
static_assert(_Alignof(max_align_t) >= ARENA_ALIGN, "so is what malloc() returns");

static void free_block(struct sl_arena_block *block)
{
	UNPOISON(block->data, block->size);
	free(block);
}

void sl_arena_init(struct sl_arena *arena, size_t limit)
{
	assert(limit <= SL_MAX_ARENA_SIZE);
	*arena = (struct sl_arena){ .limit = limit };
}

void sl_arena_finish(struct sl_arena *arena)
{
	while (arena->blocks != NULL) {
		struct sl_arena_block *block = arena->blocks;

		arena->blocks = block->next;
		free_block(block);
	}
	*arena = (struct sl_arena){ .limit = arena->limit };
}

void sl_arena_reset(struct sl_arena *arena)
{
	struct sl_arena_block *keep = NULL;

	/* The largest block that is worth keeping: a run of similar messages then settles on
	 * one block and never calls malloc(). */
	while (arena->blocks != NULL) {
		struct sl_arena_block *block = arena->blocks;

		arena->blocks = block->next;
		if (block->size > ARENA_KEEP_SIZE || (keep != NULL && block->size <= keep->size)) {
			free_block(block);
			continue;
		}
		if (keep != NULL) {
			free_block(keep);
		}
		keep = block;
	}
	arena->used = 0;
	arena->blocks = keep;
	arena->cur = NULL;
	arena->end = NULL;
	if (keep != NULL) {
		keep->next = NULL;
		POISON(keep->data, keep->size);
		arena->cur = keep->data;
		arena->end = keep->data + keep->size;
	}
}

/* A block for need bytes at the arena's head, zeroed if it is for one large allocation. */
static void *alloc_from_new_block(struct sl_arena *arena, size_t need)
{
	size_t last = arena->blocks != NULL ? arena->blocks->size : ARENA_FIRST_SIZE / 2;
	size_t size = last < ARENA_KEEP_SIZE ? last * 2 : ARENA_KEEP_SIZE;
	bool is_own = need > size / 2;

	if (is_own) {
		size = need;
	}
	/* calloc() takes large blocks from fresh zero pages, which nobody has to clear. */
	struct sl_arena_block *block =
		is_own ? calloc(1, sizeof(*block) + size) : malloc(sizeof(*block) + size);
	if (block == NULL) {
		return NULL;
	}
	block->size = size;
	POISON(block->data, size);
	if (is_own && arena->blocks != NULL) {
		/* Go on filling the block at the head. */
		block->next = arena->blocks->next;
		arena->blocks->next = block;
		return block->data;
	}
	block->next = arena->blocks;
	arena->blocks = block;
	arena->cur = block->data + need;
	arena->end = block->data + size;
	if (!is_own) {
		UNPOISON(block->data, need);
		memset(block->data, 0, need);
	}
	return block->data;
}

void *sl_arena_alloc(struct sl_arena *arena, size_t size)
{
	size_t left = arena->limit - arena->used;

	if (size > left) {
		return NULL;
	}
	size_t padded =
		size > 0 ? (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
	if (padded > left) {
		return NULL;
	}

	uint8_t *at = arena->cur;
	if (padded + ARENA_GAP <= (size_t)(arena->end - at)) {
		arena->cur = at + padded + ARENA_GAP;
		UNPOISON(at, padded);
		memset(at, 0, padded);
	} else {
		at = alloc_from_new_block(arena, padded + ARENA_GAP);
		if (at == NULL) {
			return NULL;
		}
	}
	arena->used += padded;
	POISON(at, padded + ARENA_GAP);
	UNPOISON(at, size);
	return at;
}
