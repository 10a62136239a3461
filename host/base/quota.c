/* SPDX-License-Identifier: MIT */
/* Device memory of one guest, counted by its renderers. */
#include "host/base/quota.h"

#include <errno.h>

uint64_t sl_quota_get_used(const struct sl_quota *quota)
{
	uint32_t end = atomic_load(&quota->slot_end);
	uint64_t used = 0;

	for (uint32_t i = 0; i < end && i < SL_QUOTA_SLOTS; i++) {
		/* pairs with the addition in sl_quota_charge(): of two that add, at least the later
		 * sees both */
		if (__builtin_add_overflow(used, atomic_load(&quota->slots[i]), &used)) {
			return UINT64_MAX;
		}
	}
	return used;
}

uint64_t sl_quota_get_left(const struct sl_quota *quota)
{
	uint64_t used = sl_quota_get_used(quota);
	uint64_t limit = atomic_load(&quota->limit);

	return used < limit ? limit - used : 0;
}

int sl_quota_charge(struct sl_quota *quota, uint32_t slot, uint64_t size)
{
	/* Also keeps the sum from wrapping. */
	if (size > sl_quota_get_left(quota)) {
		return -ENOMEM;
	}
	atomic_fetch_add(&quota->slots[slot], size);
	if (sl_quota_get_used(quota) > atomic_load(&quota->limit)) {
		sl_quota_uncharge(quota, slot, size);
		return -ENOMEM;
	}
	return 0;
}

void sl_quota_uncharge(struct sl_quota *quota, uint32_t slot, uint64_t size)
{
	atomic_fetch_sub(&quota->slots[slot], size);
}
