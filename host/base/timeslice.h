/* SPDX-License-Identifier: MIT */
/* How soon the kernel's scheduler lets a thread run that wakes up (EEVDF, Linux 6.12 and later): of
 * two threads the one with the shorter time slice goes first. It gets no more of the CPU for it. */
#ifndef SL_HOST_BASE_TIMESLICE_H
#define SL_HOST_BASE_TIMESLICE_H

#include <stdint.h>

/* Of the calling thread, and of threads that it starts from now on; 0: the kernel's default. The
 * kernel takes 0.1 to 100 ms. Where it knows no such thing, or refuses, all stays as it is. */
void sl_timeslice_set(uint64_t time_ns);

#endif
