/* SPDX-License-Identifier: MIT */
/* How many programs a guest starts: who starts few does not wait behind who starts many. */
#ifndef SL_HOST_DAEMON_START_RATE_H
#define SL_HOST_DAEMON_START_RATE_H

#include <stdint.h>

/* Zeroed: none has started. */
struct sl_start_rate {
	uint64_t due_ns; /* when the next one would be due if they came evenly */
};

/* A program starts at now_ns. Returns by how many the guest is ahead of four in a second, after
 * four at once; 0: of none. What was long ago is forgotten. */
uint32_t sl_start_rate_note(struct sl_start_rate *rate, uint64_t now_ns);

#endif
