/* SPDX-License-Identifier: MIT */
/* Boxes are whole layers, or whole rows of a layer, or parts of a row. */
#include "host/replay/cut_range.h"

double sl_cut_range_get_groups(const struct sl_cut_range *range)
{
	return (double)range->count[0] * range->count[1] * range->count[2];
}

/* How many of a dimension fit, at least 1. */
static uint32_t fit(double groups, double per_unit, uint32_t count)
{
	double fitting = groups / per_unit;

	if (fitting >= count) {
		return count;
	}
	return fitting < 1 ? 1 : (uint32_t)fitting;
}

static double count_boxes(const struct sl_cut_ranges *ranges)
{
	double boxes = 1;

	for (int i = 0; i < 3; i++) {
		uint32_t count = ranges->all.count[i];

		boxes *= count / ranges->step[i] + (count % ranges->step[i] != 0 ? 1 : 0);
	}
	return boxes;
}

static void choose_step(struct sl_cut_ranges *ranges, double groups)
{
	const uint32_t *count = ranges->all.count;
	double layer = (double)count[0] * count[1];

	ranges->step[0] = fit(groups, 1, count[0]);
	ranges->step[1] = ranges->step[0] < count[0] ? 1 : fit(groups, count[0], count[1]);
	ranges->step[2] = ranges->step[1] < count[1] || ranges->step[0] < count[0]
				  ? 1
				  : fit(groups, layer, count[2]);
}

void sl_cut_ranges_init(struct sl_cut_ranges *ranges, const struct sl_cut_range *all, double groups,
			uint32_t max_boxes)
{
	*ranges = (struct sl_cut_ranges){ .all = *all };
	choose_step(ranges, groups);
	while (count_boxes(ranges) > max_boxes && groups < sl_cut_range_get_groups(all)) {
		groups = groups < 1 ? 2 : groups * 2;
		choose_step(ranges, groups);
	}
}

bool sl_cut_ranges_next(struct sl_cut_ranges *ranges, struct sl_cut_range *ret_range)
{
	uint32_t *at = ranges->at;

	if (at[2] >= ranges->all.count[2]) {
		return false;
	}
	for (int i = 0; i < 3; i++) {
		uint32_t left = ranges->all.count[i] - at[i];

		ret_range->base[i] = ranges->all.base[i] + at[i];
		ret_range->count[i] = left < ranges->step[i] ? left : ranges->step[i];
	}
	at[0] += ret_range->count[0];
	if (at[0] >= ranges->all.count[0]) {
		at[0] = 0;
		at[1] += ret_range->count[1];
	}
	if (at[1] >= ranges->all.count[1]) {
		at[1] = 0;
		at[2] += ret_range->count[2];
	}
	return true;
}
