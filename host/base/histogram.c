/* SPDX-License-Identifier: MIT */
/* Times, counted in buckets. */
#include "host/base/histogram.h"

#define FIRST_SHIFT 10u /* the second bucket begins at 2^FIRST_SHIFT ns */

void sl_histogram_add(struct sl_histogram *histogram, uint64_t time_ns)
{
	uint32_t bucket = 0;

	if (time_ns >> FIRST_SHIFT != 0) {
		uint32_t shift = 63 - (uint32_t)__builtin_clzll(time_ns);

		bucket = 1 + 4 * (shift - FIRST_SHIFT) + (uint32_t)(time_ns >> (shift - 2) & 3);
	}
	if (bucket >= SL_HISTOGRAM_BUCKETS) {
		bucket = SL_HISTOGRAM_BUCKETS - 1;
	}
	histogram->counts[bucket]++;
}

uint64_t sl_histogram_get_count(const struct sl_histogram *histogram)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < SL_HISTOGRAM_BUCKETS; i++) {
		count += histogram->counts[i];
	}
	return count;
}

uint64_t sl_histogram_get_end(uint32_t bucket)
{
	uint64_t quarters = bucket == 0 ? 4 : 5 + (bucket - 1) % 4;
	uint32_t shift = bucket == 0 ? FIRST_SHIFT : FIRST_SHIFT + (bucket - 1) / 4;

	return quarters << (shift - 2);
}

uint64_t sl_histogram_get_quantile(const struct sl_histogram *histogram, uint32_t permille)
{
	uint64_t count = sl_histogram_get_count(histogram);
	uint64_t rank = (uint64_t)((unsigned __int128)count * permille / 1000);
	uint64_t seen = 0;

	if (count == 0) {
		return 0;
	}
	for (uint32_t i = 0; i < SL_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen > rank || seen == count) {
			uint64_t begin = i == 0 ? 0 : sl_histogram_get_end(i - 1);

			return begin + (sl_histogram_get_end(i) - begin) / 2;
		}
	}
	return 0;
}
