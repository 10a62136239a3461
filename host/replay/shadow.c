/* SPDX-License-Identifier: MIT */
/* The merge. Both sides are shared with others who may write: each word is loaded once, and only
 * bytes that changed are stored, so that nobody's neighbouring bytes are overwritten. */
#include "host/replay/shadow.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

static inline uint64_t load_word(const uint8_t *at)
{
	/* Pairs with nothing: completion and submission order the contents. */
	return atomic_load_explicit((const _Atomic uint64_t *)(const void *)at,
				    memory_order_relaxed);
}

static inline void store_word(uint8_t *at, uint64_t value)
{
	atomic_store_explicit((_Atomic uint64_t *)(void *)at, value, memory_order_relaxed);
}

static inline void store_byte(uint8_t *at, uint8_t value)
{
	atomic_store_explicit((_Atomic uint8_t *)at, value, memory_order_relaxed);
}

static bool all_bytes_differ(uint64_t difference)
{
	/* The classic test for a zero byte. */
	return ((difference - 0x0101010101010101u) & ~difference & 0x8080808080808080u) == 0;
}

/* Returns the bytes that changed. */
static size_t merge_bytes(uint8_t *to, const uint8_t *bytes, uint8_t *base, size_t size)
{
	size_t changed = 0;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != base[i]) {
			base[i] = bytes[i];
			store_byte(to + i, bytes[i]);
			changed++;
		}
	}
	return changed;
}

static size_t merge_word(uint8_t *to, uint64_t word, uint8_t *base)
{
	uint64_t old;

	memcpy(&old, base, 8);
	if (all_bytes_differ(word ^ old)) {
		memcpy(base, &word, 8);
		store_word(to, word);
		return 8;
	}
	return merge_bytes(to, (const uint8_t *)&word, base, 8);
}

static size_t merge(uint8_t *to, const uint8_t *from, uint8_t *base, size_t size)
{
	size_t changed = 0;
	size_t at = 0;

	/* Blocks of 64 bytes, most of which are equal: one branch each. */
	for (; at + 64 <= size; at += 64) {
		uint64_t words[8];
		uint64_t old[8];
		uint64_t difference = 0;

		memcpy(old, base + at, 64);
		for (unsigned int i = 0; i < 8; i++) {
			words[i] = load_word(from + at + i * 8);
			difference |= words[i] ^ old[i];
		}
		for (unsigned int i = 0; i < 8 && difference != 0; i++) {
			if (words[i] != old[i]) {
				changed += merge_word(to + at + i * 8, words[i], base + at + i * 8);
			}
		}
	}
	for (; at < size; at++) {
		uint8_t byte = atomic_load_explicit((const _Atomic uint8_t *)(from + at),
						    memory_order_relaxed);

		changed += merge_bytes(to + at, &byte, base + at, 1);
	}
	return changed;
}

size_t sl_shadow_to_host(struct sl_shadow *shadow)
{
	return merge(shadow->host, shadow->guest, shadow->base, shadow->size);
}

size_t sl_shadow_to_guest(struct sl_shadow *shadow)
{
	return merge(shadow->guest, shadow->host, shadow->base, shadow->size);
}
