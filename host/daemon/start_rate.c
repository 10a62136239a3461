/* SPDX-License-Identifier: MIT */
/* A bucket that leaks. */
#include "host/daemon/start_rate.h"

#define GAP_NS	  UINT64_C(250000000)
#define AT_ONCE	  4
#define MAX_AHEAD 32

uint32_t sl_start_rate_note(struct sl_start_rate *rate, uint64_t now_ns)
{
	uint64_t due_ns = rate->due_ns > now_ns ? rate->due_ns : now_ns;

	if (due_ns - now_ns > MAX_AHEAD * GAP_NS) {
		due_ns = now_ns + MAX_AHEAD * GAP_NS;
	}
	rate->due_ns = due_ns + GAP_NS;
	uint32_t ahead = (uint32_t)((due_ns - now_ns) / GAP_NS);

	return ahead < AT_ONCE ? 0 : ahead - AT_ONCE + 1;
}
