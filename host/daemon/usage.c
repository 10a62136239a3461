/* SPDX-License-Identifier: MIT */
/* What programs have used and use. */
#include "host/daemon/usage.h"

void sl_usage_add_stats(struct sl_usage *usage, const struct sl_stats *stats, bool has_ended)
{
	usage->submissions += sl_stats_get(&stats->submissions);
	usage->completed += sl_stats_get(&stats->completed);
	usage->gpu_busy_ns += sl_stats_get(&stats->gpu_busy_ns);
	usage->messages += sl_stats_get(&stats->messages);
	usage->message_bytes += sl_stats_get(&stats->message_bytes);
	usage->cut_submissions += sl_stats_get(&stats->cut_submissions);
	usage->pieces += sl_stats_get(&stats->pieces);
	for (uint32_t i = 0; i < SL_STATS_WHOLE_REASONS; i++) {
		usage->left_whole[i] += sl_stats_get(&stats->left_whole[i]);
	}
	if (!has_ended) {
		usage->device_memory_bytes += sl_stats_get(&stats->device_memory_bytes);
		usage->shared_memory_bytes += sl_stats_get(&stats->shared_memory_bytes);
		usage->objects += sl_stats_get(&stats->objects);
	}
}
