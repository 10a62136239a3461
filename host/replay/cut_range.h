/* SPDX-License-Identifier: MIT */
/* Divides a dispatch into boxes of workgroups, in the order of their numbers. */
#ifndef SL_HOST_REPLAY_CUT_RANGE_H
#define SL_HOST_REPLAY_CUT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct sl_cut_range {
	uint32_t base[3];
	uint32_t count[3];
};

struct sl_cut_ranges {
	struct sl_cut_range all;
	uint32_t
		parts[3]; /* of each dimension; one of the first ones, or single ones of the next */
	uint32_t at[3];	  /* the next box, in parts */
};

/* How many workgroups a range has. */
double sl_cut_range_get_groups(const struct sl_cut_range *range);

/* Boxes of at most groups workgroups, or of 1, about alike; but of more rather than more than
 * max_boxes of them. all has no empty dimension. */
void sl_cut_ranges_init(struct sl_cut_ranges *ranges, const struct sl_cut_range *all, double groups,
			uint32_t max_boxes);

/* Returns false after the last. */
bool sl_cut_ranges_next(struct sl_cut_ranges *ranges, struct sl_cut_range *ret_range);

#endif
