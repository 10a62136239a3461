/* SPDX-License-Identifier: MIT */
/* Creates a replay; what all of its files use. */
#include "host/replay/replay_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sl_replay_create(const struct sl_replay_options *options, struct sl_replay **ret_replay)
{
	struct sl_replay *replay = calloc(1, sizeof(*replay));

	if (replay == NULL) {
		return -ENOMEM;
	}
	replay->options = *options;
	pthread_mutex_init(&replay->lost_lock, NULL);
	sl_arena_init(&replay->scratch, SL_MAX_ARENA_SIZE);
	sl_gate_init(replay);
	*ret_replay = replay;
	return 0;
}

void sl_replay_destroy(struct sl_replay *replay)
{
	if (replay == NULL) {
		return;
	}
	sl_gpu_destroy_instance(replay->options.gpu, &replay->instance);
	free(replay->physical_devices);
	sl_arena_finish(&replay->scratch);
	sl_gate_finish(replay);
	sl_spirv_destroy(replay->spirv);
	pthread_mutex_destroy(&replay->lost_lock);
	free(replay);
}

void sl_replay_set_message_arena(struct sl_replay *replay, struct sl_arena *arena)
{
	replay->message_arena = arena;
}

const char *sl_replay_get_why(const struct sl_replay *replay)
{
	return replay->why;
}

bool sl_replay_is_lost(struct sl_replay *replay, char *ret_why, size_t why_size)
{
	pthread_mutex_lock(&replay->lost_lock);
	bool is_lost = replay->lost_why[0] != '\0';

	snprintf(ret_why, why_size, "%s", replay->lost_why);
	pthread_mutex_unlock(&replay->lost_lock);
	return is_lost;
}

int sl_replay_fail(struct sl_replay *replay, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(replay->why, sizeof(replay->why), format, args);
	va_end(args);
	return -EBADMSG;
}

int sl_replay_lose(struct sl_replay *replay, const char *format, ...)
{
	char why[SL_REPLAY_WHY_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	pthread_mutex_lock(&replay->lost_lock);
	if (replay->lost_why[0] == '\0') {
		memcpy(replay->lost_why, why, sizeof(why));
	}
	pthread_mutex_unlock(&replay->lost_lock);
	replay->options.link.set_lost(replay->options.link.data, SL_LOST_DEVICE, why);
	return -EIO;
}

void *sl_replay_scratch(struct sl_replay *replay, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		return NULL;
	}
	return sl_arena_alloc(&replay->scratch, bytes);
}

void sl_replay_scratch_reset(struct sl_replay *replay)
{
	sl_arena_reset(&replay->scratch);
}

void *sl_chain_find(const void *chain, VkStructureType type)
{
	for (const VkBaseInStructure *at = chain; at != NULL; at = at->pNext) {
		if (at->sType == type) {
			return (void *)at;
		}
	}
	return NULL;
}

void *sl_chain_remove(const void *chain, VkStructureType type)
{
	VkBaseOutStructure *first = (VkBaseOutStructure *)chain;
	VkBaseOutStructure **link = &first;

	while (*link != NULL) {
		if ((*link)->sType == type) {
			*link = (*link)->pNext;
		} else {
			link = &(*link)->pNext;
		}
	}
	return first;
}
