/* SPDX-License-Identifier: MIT */
/* What programs have used and use. */
#include "host/daemon/usage.h"

#include "host/base/stats.h"

void sl_usage_add_stats(struct sl_usage *usage, const struct sl_stats *stats, bool has_ended)
{
	usage->submissions += sl_stats_get(&stats->submissions);
	usage->completed += sl_stats_get(&stats->completed);
	usage->gpu_busy_ns += sl_stats_get(&stats->gpu_busy_ns);
	usage->messages += sl_stats_get(&stats->messages);
	usage->message_bytes += sl_stats_get(&stats->message_bytes);
	if (!has_ended) {
		usage->device_memory_bytes += sl_stats_get(&stats->device_memory_bytes);
		usage->shared_memory_bytes += sl_stats_get(&stats->shared_memory_bytes);
		usage->objects += sl_stats_get(&stats->objects);
	}
}
