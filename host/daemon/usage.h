/* SPDX-License-Identifier: MIT */
/* What programs have used and use, as their renderers tell. */
#ifndef SL_HOST_DAEMON_USAGE_H
#define SL_HOST_DAEMON_USAGE_H

#include "host/base/stats.h"

#include <stdbool.h>
#include <stdint.h>

struct sl_usage {
	uint64_t submissions;
	uint64_t completed;
	uint64_t gpu_busy_ns;
	uint64_t messages;
	uint64_t message_bytes;
	uint64_t cut_submissions;
	uint64_t pieces; /* of those */
	uint64_t left_whole[SL_STATS_WHOLE_REASONS];
	/* In use now; not counted for a program that has ended. */
	uint64_t device_memory_bytes;
	uint64_t shared_memory_bytes;
	uint64_t objects;
};

/* has_ended: leave out what is in use now. */
void sl_usage_add_stats(struct sl_usage *usage, const struct sl_stats *stats, bool has_ended);

#endif
