/* SPDX-License-Identifier: MIT */
/* Amounts as people read and write them. */
#include "host/base/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *text, uint64_t *ret_number, const char **ret_rest)
{
	char *rest;

	if (!isdigit((unsigned char)text[0])) {
		return -EINVAL;
	}
	errno = 0;
	*ret_number = strtoull(text, &rest, 10);
	if (errno != 0) {
		return -ERANGE;
	}
	*ret_rest = rest;
	return 0;
}

int sl_quantity_parse_bytes(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	const char *rest;
	uint64_t number;
	uint64_t unit = 1;
	int r = parse(text, &number, &rest);

	if (r < 0) {
		return r;
	}
	if (rest[0] != '\0') {
		const char *at = strchr(units, toupper((unsigned char)rest[0]));

		if (at == NULL || rest[1] != '\0') {
			return -EINVAL;
		}
		unit = UINT64_C(1) << 10 * (at - units + 1);
	}
	return __builtin_mul_overflow(number, unit, ret_bytes) ? -ERANGE : 0;
}

int sl_quantity_parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	const char *rest;
	uint64_t number;
	int r = parse(text, &number, &rest);

	if (r < 0) {
		return r;
	}
	if (rest[0] != '\0') {
		return -EINVAL;
	}
	if (number > max) {
		return -ERANGE;
	}
	*ret_number = number;
	return 0;
}

/* A decimal number with at most six digits after the point, in millionths. */
static int parse_decimal(const char *text, uint64_t *ret_millionths, const char **ret_rest)
{
	uint64_t unit = 1000000;
	uint64_t number;
	int r = parse(text, &number, &text);

	if (r < 0) {
		return r;
	}
	if (__builtin_mul_overflow(number, unit, &number)) {
		return -ERANGE;
	}
	if (text[0] == '.') {
		if (!isdigit((unsigned char)text[1])) {
			return -EINVAL;
		}
		for (text++; isdigit((unsigned char)text[0]); text++) {
			unit /= 10;
			if (__builtin_add_overflow(number, unit * (uint64_t)(text[0] - '0'),
						   &number)) {
				return -ERANGE;
			}
		}
	}
	*ret_millionths = number;
	*ret_rest = text;
	return 0;
}

int sl_quantity_parse_time(const char *text, uint64_t *ret_time_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	const char *rest;
	uint64_t number;
	int r = parse_decimal(text, &number, &rest);

	if (r < 0) {
		return r;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].name) == 0) {
			unsigned __int128 time_ns =
				(unsigned __int128)number * units[i].ns / 1000000;

			*ret_time_ns = (uint64_t)time_ns;
			return time_ns > UINT64_MAX ? -ERANGE : 0;
		}
	}
	return -EINVAL;
}

int sl_quantity_parse_percent(const char *text, uint64_t *ret_permille)
{
	const char *rest;
	uint64_t number;
	int r = parse_decimal(text, &number, &rest);

	if (r < 0) {
		return r;
	}
	if ((rest[0] != '\0' && strcmp(rest, "%") != 0) || number % 100000 != 0) {
		return -EINVAL;
	}
	*ret_permille = number / 100000;
	return 0;
}

int sl_quantity_parse_rate(const char *text, uint64_t *ret_period_ns)
{
	const char *rest;
	uint64_t number;
	int r = parse_decimal(text, &number, &rest);

	if (r < 0) {
		return r;
	}
	if (strcmp(rest, "fps") != 0 || number == 0) {
		return -EINVAL;
	}
	*ret_period_ns = UINT64_C(1000000000000000) / number;
	return 0;
}

const char *sl_quantity_format_bytes(uint64_t bytes, char text[SL_QUANTITY_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		value /= 1024;
		unit++;
	}
	snprintf(text, SL_QUANTITY_SIZE, unit > 0 && value < 100 ? "%.1f %s" : "%.0f %s", value,
		 units[unit]);
	return text;
}

const char *sl_quantity_format_time(uint64_t time_ns, char text[SL_QUANTITY_SIZE])
{
	double value = (double)time_ns;

	if (time_ns == 0) {
		snprintf(text, SL_QUANTITY_SIZE, "0 s");
	} else if (value < 1e6) {
		snprintf(text, SL_QUANTITY_SIZE, "%.0f us", value / 1e3);
	} else if (value < 1e9) {
		snprintf(text, SL_QUANTITY_SIZE, "%.2f ms", value / 1e6);
	} else {
		snprintf(text, SL_QUANTITY_SIZE, "%.2f s", value / 1e9);
	}
	return text;
}

const char *sl_quantity_format_percent(uint64_t permille, char text[SL_QUANTITY_SIZE])
{
	snprintf(text, SL_QUANTITY_SIZE, permille % 10 == 0 ? "%.0f%%" : "%.1f%%",
		 (double)permille / 10);
	return text;
}
