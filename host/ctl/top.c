/* SPDX-License-Identifier: MIT */
/* The difference between two ledgers, again and again. */
#include "host/ctl/top.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/base/histogram.h"
#include "host/base/quantity.h"
#include "host/ctl/client.h"

struct row {
	const char *name;
	const char *state;
	double percent; /* of the wall time of the interval */
	uint64_t used_ns;
	uint64_t wait_p50_ns;
	uint64_t wait_p99_ns;
	uint64_t memory_bytes;
	uint64_t programs;
};

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "-";
}

static const json_t *find_guest(const json_t *ledger, const char *name)
{
	size_t i;
	json_t *guest;

	json_array_foreach(json_object_get(ledger, "guests"), i, guest)
	{
		if (strcmp(text_of(guest, "name"), name) == 0) {
			return guest;
		}
	}
	return NULL;
}

/* old: NULL if there is none. A number that went back belongs to another guest of the name. */
static uint64_t grown(const json_t *old, const json_t *now, const char *key)
{
	uint64_t before = number_of(old, key);
	uint64_t after = number_of(now, key);

	return after > before ? after - before : 0;
}

static void subtract_histogram(const json_t *old, const json_t *now, struct sl_histogram *ret)
{
	const json_t *before = json_object_get(old, "wait_histogram");
	const json_t *after = json_object_get(now, "wait_histogram");

	*ret = (struct sl_histogram){ 0 };
	for (size_t i = 0; i < SL_HISTOGRAM_BUCKETS; i++) {
		json_int_t difference = json_integer_value(json_array_get(after, i)) -
					json_integer_value(json_array_get(before, i));

		ret->counts[i] = difference > 0 ? (uint64_t)difference : 0;
	}
}

static struct row make_row(const json_t *old, const json_t *now, uint64_t wall_ns)
{
	struct sl_histogram waits;
	uint64_t used_ns = grown(old, now, "used_ns");

	subtract_histogram(old, now, &waits);
	return (struct row){
		.name = text_of(now, "name"),
		.state = text_of(json_object_get(now, "share"), "state"),
		.percent = wall_ns != 0 ? 100.0 * (double)used_ns / (double)wall_ns : 0,
		.used_ns = used_ns,
		.wait_p50_ns = sl_histogram_get_quantile(&waits, 500),
		.wait_p99_ns = sl_histogram_get_quantile(&waits, 990),
		.memory_bytes = number_of(now, "memory_bytes"),
		.programs = number_of(now, "program_count"),
	};
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *first = a;
	const struct row *second = b;

	if (first->used_ns != second->used_ns) {
		return first->used_ns > second->used_ns ? -1 : 1;
	}
	return strcmp(first->name, second->name);
}

static void print_row(const struct row *row)
{
	char used[SL_QUANTITY_SIZE];
	char p50[SL_QUANTITY_SIZE];
	char p99[SL_QUANTITY_SIZE];
	char memory[SL_QUANTITY_SIZE];

	printf("%-16s %6.1f%% %10s %10s %10s %10s %8llu  %s\n", row->name, row->percent,
	       sl_quantity_format_time(row->used_ns, used),
	       sl_quantity_format_time(row->wait_p50_ns, p50),
	       sl_quantity_format_time(row->wait_p99_ns, p99),
	       sl_quantity_format_bytes(row->memory_bytes, memory),
	       (unsigned long long)row->programs, row->state);
}

static void print_table(const json_t *old, const json_t *now, const struct row *rows, size_t count)
{
	double wall_ns = (double)grown(old, now, "wall_ns");
	double scale = wall_ns > 0 ? 100 / wall_ns : 0;

	if (isatty(STDOUT_FILENO)) {
		printf("\033[H\033[2J");
	}
	printf("GPU: %.1f%% used, %.1f%% gaps, %.1f%% idle; policy %s\n\n",
	       scale * (double)grown(old, now, "used_ns"),
	       scale * (double)grown(old, now, "gap_ns"),
	       scale * (double)grown(old, now, "idle_ns"), text_of(now, "policy"));
	printf("%-16s %7s %10s %10s %10s %10s %8s  %s\n", "GUEST", "SHARE", "GPU TIME", "WAIT P50",
	       "WAIT P99", "MEMORY", "PROGRAMS", "STATE");
	for (size_t i = 0; i < count; i++) {
		print_row(&rows[i]);
	}
	fflush(stdout);
}

static void print_json(const json_t *old, const json_t *now, const struct row *rows, size_t count)
{
	json_t *guests = json_array();

	for (size_t i = 0; i < count; i++) {
		json_array_append_new(
			guests, json_pack("{s:s, s:s, s:f, s:I, s:I, s:I, s:I, s:I}", "name",
					  rows[i].name, "state", rows[i].state, "share_percent",
					  rows[i].percent, "used_ns", (json_int_t)rows[i].used_ns,
					  "wait_p50_ns", (json_int_t)rows[i].wait_p50_ns,
					  "wait_p99_ns", (json_int_t)rows[i].wait_p99_ns,
					  "memory_bytes", (json_int_t)rows[i].memory_bytes,
					  "program_count", (json_int_t)rows[i].programs));
	}
	json_t *all = json_pack("{s:I, s:I, s:I, s:I, s:s, s:o}", "wall_ns",
				(json_int_t)grown(old, now, "wall_ns"), "used_ns",
				(json_int_t)grown(old, now, "used_ns"), "gap_ns",
				(json_int_t)grown(old, now, "gap_ns"), "idle_ns",
				(json_int_t)grown(old, now, "idle_ns"), "policy",
				text_of(now, "policy"), "guests", guests);

	json_dumpf(all, stdout, JSON_COMPACT);
	printf("\n");
	fflush(stdout);
	json_decref(all);
}

/* Returns false if memory is short. */
static bool print(const json_t *old, const json_t *now, bool is_json)
{
	const json_t *guests = json_object_get(now, "guests");
	size_t count = json_array_size(guests);
	struct row *rows = calloc(count + 1, sizeof(*rows));
	size_t i;
	json_t *guest;

	if (rows == NULL) {
		return false;
	}
	json_array_foreach(guests, i, guest)
	{
		rows[i] = make_row(find_guest(old, text_of(guest, "name")), guest,
				   grown(old, now, "wall_ns"));
	}
	qsort(rows, count, sizeof(*rows), compare_rows);
	(is_json ? print_json : print_table)(old, now, rows, count);
	free(rows);
	return true;
}

static json_t *ask_ledger(int fd)
{
	json_t *request = json_pack("{s:s}", "command", "ledger");
	json_t *answer = sl_client_ask(fd, request);

	json_decref(request);
	if (answer != NULL && !sl_client_check(answer)) {
		json_decref(answer);
		answer = NULL;
	}
	return answer;
}

int sl_top_run(int fd, uint64_t interval_ns, bool is_once, bool is_json)
{
	const struct timespec interval = { .tv_sec = (time_t)(interval_ns / 1000000000),
					   .tv_nsec = (long)(interval_ns % 1000000000) };
	json_t *old = ask_ledger(fd);
	bool goes_on = old != NULL;

	while (goes_on) {
		nanosleep(&interval, NULL);
		json_t *now = ask_ledger(fd);

		goes_on = now != NULL && print(old, now, is_json) && !is_once;
		json_decref(old);
		old = now;
	}
	int status = old != NULL ? EXIT_SUCCESS : EXIT_FAILURE;

	json_decref(old);
	return status;
}
