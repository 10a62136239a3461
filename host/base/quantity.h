/* SPDX-License-Identifier: MIT */
/* Amounts as people read and write them. */
#ifndef SL_HOST_BASE_QUANTITY_H
#define SL_HOST_BASE_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

/* "4096", "64K", "512M", "4G", "1T" (powers of 1024, whole numbers only) to
 * bytes. Returns 0, -EINVAL (not such a text) or -ERANGE (more than 64 bits). */
int sl_quantity_parse_bytes(const char *text, uint64_t *ret_bytes);

/* A whole decimal number of at most max. Returns 0, -EINVAL or -ERANGE. */
int sl_quantity_parse_number(const char *text, uint64_t max, uint64_t *ret_number);

/* "16.7ms", "2s", "500us", "100ns" to nanoseconds. Returns 0, -EINVAL or -ERANGE. */
int sl_quantity_parse_time(const char *text, uint64_t *ret_time_ns);

/* "50%", "12.5" to thousandths; at most one decimal. Returns 0, -EINVAL or -ERANGE. */
int sl_quantity_parse_percent(const char *text, uint64_t *ret_permille);

/* "60fps", "59.94fps" to the time of one. Returns 0, -EINVAL or -ERANGE. */
int sl_quantity_parse_rate(const char *text, uint64_t *ret_period_ns);

#define SL_QUANTITY_SIZE 32

/* "0 B", "17.3 MiB"; returns text. */
const char *sl_quantity_format_bytes(uint64_t bytes, char text[SL_QUANTITY_SIZE]);
/* "0 s", "35 us", "1.25 ms", "12.3 s"; returns text. */
const char *sl_quantity_format_time(uint64_t time_ns, char text[SL_QUANTITY_SIZE]);
/* "50%", "0.5%"; returns text. */
const char *sl_quantity_format_percent(uint64_t permille, char text[SL_QUANTITY_SIZE]);

#endif
