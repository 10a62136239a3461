/* SPDX-License-Identifier: MIT */
/* Counts occasions that are passed by. */
#include "host/virgl/backoff.h"

bool sl_virgl_backoff_may_try(struct sl_virgl_backoff *backoff)
{
	if (backoff->skipped < backoff->skip) {
		backoff->skipped++;
		return false;
	}
	return true;
}

void sl_virgl_backoff_tell(struct sl_virgl_backoff *backoff, bool was_good)
{
	backoff->skipped = 0;
	if (was_good) {
		backoff->skip /= 2;
	} else if (backoff->skip < SL_VIRGL_BACKOFF_MAX) {
		backoff->skip = backoff->skip * 2 + 1;
	}
}
