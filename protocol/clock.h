/* SPDX-License-Identifier: MIT */
/* Time and patience while spinning. */
#ifndef SL_PROTOCOL_CLOCK_H
#define SL_PROTOCOL_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SL_NS_PER_MS 1000000ull
#define SL_NS_PER_S  1000000000ull

/* While spinning: look at the clock after so many turns, and give the CPU away after so long,
 * since who is waited for may be the next to run on it. Measured on two CPUs, a call after 10 ms
 * of idleness: 145 us without giving it away, 35 us with; 2 us is no worse than 1 or 4. */
#define SL_CLOCK_RELAX_COUNT 16
#define SL_CLOCK_YIELD_NS    2000u

/* Whoever was woken up after so long gets the CPU of who woke it, if that is where it was put. */
#define SL_CLOCK_QUIET_NS 1000000u

/* CLOCK_MONOTONIC; 23 ns where the kernel's clock is the TSC. */
static inline uint64_t sl_clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SL_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* One turn of a spinning loop. */
static inline void sl_clock_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif
