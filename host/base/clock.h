/* SPDX-License-Identifier: MIT */
/* The one clock that everything is measured with. */
#ifndef SL_HOST_BASE_CLOCK_H
#define SL_HOST_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t sl_clock_now_ns(void);

#endif
