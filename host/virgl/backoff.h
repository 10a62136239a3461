/* SPDX-License-Identifier: MIT */
/* How often to try what is worth it for some streams of work, and costs others: each try in vain
 * about doubles how many occasions are passed by, each good one halves it. */
#ifndef SL_HOST_VIRGL_BACKOFF_H
#define SL_HOST_VIRGL_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define SL_VIRGL_BACKOFF_MAX 63u

/* Zeroed: the next occasion is tried. */
struct sl_virgl_backoff {
	uint32_t skip;	  /* occasions to pass by between tries, at most SL_VIRGL_BACKOFF_MAX */
	uint32_t skipped; /* since the last try */
};

/* There is an occasion. Returns whether to try it; what a try was good for is told, if it says
 * anything. */
bool sl_virgl_backoff_may_try(struct sl_virgl_backoff *backoff);
void sl_virgl_backoff_tell(struct sl_virgl_backoff *backoff, bool was_good);

#endif
