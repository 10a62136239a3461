/* SPDX-License-Identifier: MIT */
/* How long something took, counted in buckets that grow by a quarter of a power of two: a quantile
 * is right to within a fifth of its value, over all times from 1 us to half an hour. */
#ifndef SL_HOST_BASE_HISTOGRAM_H
#define SL_HOST_BASE_HISTOGRAM_H

#include <stdint.h>

#define SL_HISTOGRAM_BUCKETS 124u

struct sl_histogram {
	uint64_t
		counts[SL_HISTOGRAM_BUCKETS]; /* [0]: less than 1024 ns; last: all that is longer */
};

void sl_histogram_add(struct sl_histogram *histogram, uint64_t time_ns);
uint64_t sl_histogram_get_count(const struct sl_histogram *histogram);

/* The first time that is too long for the bucket. */
uint64_t sl_histogram_get_end(uint32_t bucket);

/* The time which a part of all (in thousandths) did not exceed; 0 if there is none. */
uint64_t sl_histogram_get_quantile(const struct sl_histogram *histogram, uint32_t permille);

#endif
