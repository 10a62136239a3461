/* SPDX-License-Identifier: MIT */
/* Boxes are some layers, or some rows of a layer, or parts of a row. */
#include "host/replay/cut_range.h"

double sl_cut_range_get_groups(const struct sl_cut_range *range)
{
	return (double)range->count[0] * range->count[1] * range->count[2];
}

/* How many parts of a dimension: of groups workgroups each, or one of the dimension. */
static uint32_t divide(double groups, double per_unit, uint32_t count)
{
	double fitting = groups / per_unit;

	if (fitting >= count) {
		return 1;
	}
	uint32_t most = fitting < 1 ? 1 : (uint32_t)fitting;

	return count / most + (count % most != 0 ? 1 : 0);
}

static double count_boxes(const struct sl_cut_ranges *ranges)
{
	return (double)ranges->parts[0] * ranges->parts[1] * ranges->parts[2];
}

static void choose_parts(struct sl_cut_ranges *ranges, double groups)
{
	const uint32_t *count = ranges->all.count;
	uint32_t *parts = ranges->parts;
	double layer = (double)count[0] * count[1];

	parts[0] = divide(groups, 1, count[0]);
	parts[1] = parts[0] > 1 ? count[1] : divide(groups, count[0], count[1]);
	parts[2] = parts[0] > 1 || parts[1] > 1 ? count[2] : divide(groups, layer, count[2]);
}

void sl_cut_ranges_init(struct sl_cut_ranges *ranges, const struct sl_cut_range *all, double groups,
			uint32_t max_boxes)
{
	*ranges = (struct sl_cut_ranges){ .all = *all };
	choose_parts(ranges, groups);
	while (count_boxes(ranges) > max_boxes && groups < sl_cut_range_get_groups(all)) {
		groups = groups < 1 ? 2 : groups * 2;
		choose_parts(ranges, groups);
	}
}

/* Where a part begins. No two of a dimension differ by more than 1. */
static uint32_t begin_of(uint32_t part, uint32_t parts, uint32_t count)
{
	return (uint32_t)((uint64_t)part * count / parts);
}

bool sl_cut_ranges_next(struct sl_cut_ranges *ranges, struct sl_cut_range *ret_range)
{
	const uint32_t *parts = ranges->parts;
	uint32_t *at = ranges->at;

	if (at[2] >= parts[2]) {
		return false;
	}
	for (int i = 0; i < 3; i++) {
		uint32_t count = ranges->all.count[i];
		uint32_t begin = begin_of(at[i], parts[i], count);

		ret_range->base[i] = ranges->all.base[i] + begin;
		ret_range->count[i] = begin_of(at[i] + 1, parts[i], count) - begin;
	}
	for (int i = 0; i < 3 && ++at[i] == parts[i] && i < 2; i++) {
		at[i] = 0;
	}
	return true;
}
