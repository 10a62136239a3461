/* SPDX-License-Identifier: MIT */
/* The two fields of the stats page that belong together. */
#include "host/base/stats.h"

#define MAX_TRIES 16

const char *sl_stats_whole_name(enum sl_stats_whole why)
{
	static const char *const names[SL_STATS_WHOLE_REASONS] = {
		[SL_STATS_WHOLE_READS_COUNT] = "reads_count",
		[SL_STATS_WHOLE_MAY_WAIT] = "may_wait",
		[SL_STATS_WHOLE_SHADER] = "shader",
		[SL_STATS_WHOLE_INDIRECT] = "indirect",
		[SL_STATS_WHOLE_SCOPE] = "scope",
		[SL_STATS_WHOLE_SECONDARY] = "secondary",
		[SL_STATS_WHOLE_COMMAND] = "command",
		[SL_STATS_WHOLE_SUSPENDED] = "suspended",
		[SL_STATS_WHOLE_STATE] = "state",
		[SL_STATS_WHOLE_STREAM] = "stream",
		[SL_STATS_WHOLE_OBJECT] = "object",
		[SL_STATS_WHOLE_SUBMISSION] = "submission",
		[SL_STATS_WHOLE_MEMORY] = "memory",
	};

	return names[why];
}

void sl_stats_set_gpu_busy(struct sl_stats *stats, uint64_t added_ns, uint64_t since_ns)
{
	uint64_t turn = sl_stats_get(&stats->gpu_busy_turn);

	atomic_store_explicit(&stats->gpu_busy_turn, turn + 1, memory_order_relaxed);
	/* pairs with the acquire fence in sl_stats_get_gpu_busy() */
	atomic_thread_fence(memory_order_release);
	sl_stats_add(&stats->gpu_busy_ns, added_ns);
	sl_stats_set(&stats->gpu_busy_since_ns, since_ns);
	/* pairs with the first load in sl_stats_get_gpu_busy() */
	atomic_store_explicit(&stats->gpu_busy_turn, turn + 2, memory_order_release);
}

uint64_t sl_stats_get_gpu_busy(const struct sl_stats *stats, uint64_t now_ns)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		/* pairs with the last store in sl_stats_set_gpu_busy() */
		uint64_t turn = atomic_load_explicit(&stats->gpu_busy_turn, memory_order_acquire);
		uint64_t busy_ns = sl_stats_get(&stats->gpu_busy_ns);
		uint64_t since_ns = sl_stats_get(&stats->gpu_busy_since_ns);

		/* pairs with the release fence in sl_stats_set_gpu_busy() */
		atomic_thread_fence(memory_order_acquire);
		if (turn % 2 == 0 && turn == sl_stats_get(&stats->gpu_busy_turn)) {
			return busy_ns +
			       (since_ns != 0 && since_ns < now_ns ? now_ns - since_ns : 0);
		}
	}
	return sl_stats_get(&stats->gpu_busy_ns);
}
