/* SPDX-License-Identifier: MIT */
/* The quota page: device memory that all programs of one guest may have together. One page per
 * guest in a memfd of the daemon's, mapped by all of the guest's renderers. Each renderer has a
 * slot and writes only that; so what a renderer held is free again when the daemon, once the
 * process has ended, clears its slot. A renderer that lies can harm only its own guest. */
#ifndef SL_HOST_BASE_QUOTA_H
#define SL_HOST_BASE_QUOTA_H

#include <stdatomic.h>
#include <stdint.h>

#define SL_QUOTA_SLOTS 4096u /* the most programs that a guest can have at a time */

struct sl_quota {
	_Atomic uint64_t limit; /* bytes; the daemon may change it at any time */
	/* One past the highest slot that was ever given out. */
	_Atomic uint32_t slot_end;
	uint32_t reserved;
	_Atomic uint64_t slots[SL_QUOTA_SLOTS]; /* bytes */
};

/* Take size bytes. Two that ask at the same time may both be refused where one would have had
 * room; never do both get what only one has room for. Returns 0 or -ENOMEM. */
int sl_quota_charge(struct sl_quota *quota, uint32_t slot, uint64_t size);
void sl_quota_uncharge(struct sl_quota *quota, uint32_t slot, uint64_t size);

/* Of all slots together. */
uint64_t sl_quota_get_used(const struct sl_quota *quota);
/* 0 if there is none left. */
uint64_t sl_quota_get_left(const struct sl_quota *quota);

#endif
