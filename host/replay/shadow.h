/* SPDX-License-Identifier: MIT */
/* Memory in two places, the guest's pages and the host driver's mapping, kept equal by a
 * three-way merge: whichever side differs from the last common contents has changed.
 *
 * Where both changed the same byte the side that is copied from wins: an application that lets
 * that happen has a race. The guest may write its pages, and the GPU the host's, during a merge; a
 * byte that nobody writes meanwhile arrives. */
#ifndef SL_HOST_REPLAY_SHADOW_H
#define SL_HOST_REPLAY_SHADOW_H

#include <stddef.h>
#include <stdint.h>

struct sl_shadow {
	uint8_t *guest; /* size bytes each, aligned to 8 */
	uint8_t *host;
	uint8_t *base; /* the last common contents; private */
	size_t size;
};

/* Copy what one side changed to the other. The caller keeps merges of one shadow apart.
 * Returns the bytes that changed. */
size_t sl_shadow_to_host(struct sl_shadow *shadow);
size_t sl_shadow_to_guest(struct sl_shadow *shadow);

#endif
