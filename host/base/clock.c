/* SPDX-License-Identifier: MIT */
/* The one clock that everything is measured with. */
#include "host/base/clock.h"

#include <time.h>

uint64_t sl_clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
