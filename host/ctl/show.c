/* SPDX-License-Identifier: MIT */
/* The daemon's answers as text for people. */
#include "host/ctl/show.h"

#include <stdio.h>
#include <string.h>

#include "host/base/quantity.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "-";
}

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static const char *percent_of(const json_t *object, const char *key, char text[SL_QUANTITY_SIZE])
{
	double percent = json_number_value(json_object_get(object, key));

	return sl_quantity_format_percent((uint64_t)(percent * 10 + 0.5), text);
}

void sl_show_status(const json_t *answer)
{
	const json_t *device = json_object_get(answer, "device");
	char text[SL_QUANTITY_SIZE];

	printf("sluiced %s, process %d, running for %s\n", text_of(answer, "version"),
	       (int)number_of(answer, "pid"),
	       sl_quantity_format_time(number_of(answer, "age_ns"), text));
	if (json_is_object(device)) {
		printf("device     %s (%s), %s\n", text_of(device, "name"), text_of(device, "type"),
		       sl_quantity_format_bytes(number_of(device, "memory_bytes"), text));
		printf("driver     %s, %s\n", text_of(device, "driver"),
		       text_of(answer, "driver_files"));
		printf("memory     %s; the driver can%s import guest pages\n",
		       text_of(answer, "memory"),
		       json_is_true(json_object_get(device, "can_import")) ? "" : "not");
	} else {
		printf("device     none yet: no renderer has loaded its driver (see the log)\n");
	}
	printf("renderers  %d idle, %d with a program\n", (int)number_of(answer, "idle_renderers"),
	       (int)number_of(answer, "programs"));
	printf("sandbox    %s; %s\n", text_of(answer, "sandbox_mode"), text_of(answer, "sandbox"));
	printf("guests     connect at %s\n", text_of(answer, "socket"));
}

void sl_show_guests(const json_t *answer)
{
	const json_t *guests = json_object_get(answer, "guests");
	size_t i;
	json_t *guest;

	printf("%-16s %6s %6s %-10s %7s %-7s %8s %12s %10s %10s %10s\n", "GUEST", "WEIGHT", "CAP",
	       "CLASS", "SHARE", "STATE", "PROGRAMS", "SUBMISSIONS", "GPU TIME", "DEVICE MEM",
	       "SHARED MEM");
	json_array_foreach(guests, i, guest)
	{
		const json_t *usage = json_object_get(guest, "usage");
		const json_t *share = json_object_get(guest, "share");
		char cap[SL_QUANTITY_SIZE];
		char entitled[SL_QUANTITY_SIZE];
		char gpu[SL_QUANTITY_SIZE];
		char device[SL_QUANTITY_SIZE];
		char shared[SL_QUANTITY_SIZE];

		printf("%-16s %6llu %6s %-10s %7s %-7s %8llu %12llu %10s %10s %10s\n",
		       text_of(guest, "name"), (unsigned long long)number_of(share, "weight"),
		       percent_of(share, "cap_percent", cap), text_of(share, "class"),
		       percent_of(share, "entitlement_percent", entitled), text_of(share, "state"),
		       (unsigned long long)number_of(guest, "program_count"),
		       (unsigned long long)number_of(usage, "submissions"),
		       sl_quantity_format_time(number_of(usage, "gpu_busy_ns"), gpu),
		       sl_quantity_format_bytes(number_of(usage, "device_memory_bytes"), device),
		       sl_quantity_format_bytes(number_of(usage, "shared_memory_bytes"), shared));
	}
	json_array_foreach(guests, i, guest)
	{
		const char *error = text_of(guest, "last_error");

		if (error[0] != '\0' && strcmp(error, "-") != 0) {
			printf("%s: last failure: %s\n", text_of(guest, "name"), error);
		}
	}
	const char *sandbox = text_of(answer, "sandbox");

	if (strcmp(sandbox, "complete") != 0) {
		printf("the renderers' sandbox: %s\n", sandbox);
	}
}

void sl_show_programs(const json_t *answer)
{
	const json_t *guests = json_object_get(answer, "guests");
	size_t i;
	size_t j;
	json_t *guest;
	json_t *program;

	printf("%7s %-16s %-16s %8s %10s %12s %10s %10s %10s\n", "CONTEXT", "GUEST", "PROGRAM",
	       "PID", "AGE", "SUBMISSIONS", "GPU TIME", "DEVICE MEM", "SHARED MEM");
	json_array_foreach(guests, i, guest)
	{
		json_array_foreach(json_object_get(guest, "programs"), j, program)
		{
			const json_t *usage = json_object_get(program, "usage");
			char age[SL_QUANTITY_SIZE];
			char gpu[SL_QUANTITY_SIZE];
			char device[SL_QUANTITY_SIZE];
			char shared[SL_QUANTITY_SIZE];

			printf("%7llu %-16s %-16s %8d %10s %12llu %10s %10s %10s\n",
			       (unsigned long long)number_of(program, "context"),
			       text_of(guest, "name"), text_of(program, "program"),
			       (int)number_of(program, "pid"),
			       sl_quantity_format_time(number_of(program, "age_ns"), age),
			       (unsigned long long)number_of(usage, "submissions"),
			       sl_quantity_format_time(number_of(usage, "gpu_busy_ns"), gpu),
			       sl_quantity_format_bytes(number_of(usage, "device_memory_bytes"),
							device),
			       sl_quantity_format_bytes(number_of(usage, "shared_memory_bytes"),
							shared));
		}
	}
}

/* The part of the GPU time that was measured by timestamps. */
static double stamped_percent(const json_t *of)
{
	uint64_t used_ns = number_of(of, "used_ns");
	uint64_t stamped_ns = number_of(json_object_get(of, "measured"), "timestamps_ns");

	return used_ns != 0 ? 100.0 * (double)stamped_ns / (double)used_ns : 0;
}

static void show_ledger_row(const char *name, const json_t *guest, uint64_t wall_ns)
{
	uint64_t used_ns = number_of(guest, "used_ns");
	char used[SL_QUANTITY_SIZE];
	char gap[SL_QUANTITY_SIZE];
	char wait[SL_QUANTITY_SIZE];
	char p50[SL_QUANTITY_SIZE];
	char p99[SL_QUANTITY_SIZE];
	char overshoot[SL_QUANTITY_SIZE];

	printf("%-16s %10s %6.2f%% %7.2f%% %10s %10s %10s %10s %10llu %10s\n", name,
	       sl_quantity_format_time(used_ns, used),
	       wall_ns != 0 ? 100.0 * (double)used_ns / (double)wall_ns : 0, stamped_percent(guest),
	       sl_quantity_format_time(number_of(guest, "gap_ns"), gap),
	       sl_quantity_format_time(number_of(guest, "wait_ns"), wait),
	       sl_quantity_format_time(number_of(guest, "wait_p50_ns"), p50),
	       sl_quantity_format_time(number_of(guest, "wait_p99_ns"), p99),
	       (unsigned long long)number_of(guest, "grants"),
	       sl_quantity_format_time(number_of(guest, "overshoot_ns"), overshoot));
}

static void show_ledger_line(const char *name, uint64_t time_ns, uint64_t wall_ns)
{
	char text[SL_QUANTITY_SIZE];

	printf("%-16s %10s %6.2f%%\n", name, sl_quantity_format_time(time_ns, text),
	       wall_ns != 0 ? 100.0 * (double)time_ns / (double)wall_ns : 0);
}

void sl_show_ledger(const json_t *answer)
{
	uint64_t wall_ns = number_of(answer, "wall_ns");
	char p50[SL_QUANTITY_SIZE];
	char p99[SL_QUANTITY_SIZE];
	size_t i;
	json_t *guest;

	printf("%-16s %10s %7s %8s %10s %10s %10s %10s %10s %10s\n", "GUEST", "GPU TIME", "PART",
	       "STAMPED", "GAPS", "WAITED", "WAIT P50", "WAIT P99", "GRANTS", "OVERSHOOT");
	json_array_foreach(json_object_get(answer, "guests"), i, guest)
	{
		show_ledger_row(text_of(guest, "name"), guest, wall_ns);
	}
	show_ledger_line("(removed guests)", number_of(answer, "removed_used_ns"), wall_ns);
	show_ledger_line("all guests", number_of(answer, "used_ns"), wall_ns);
	show_ledger_line("gaps", number_of(answer, "gap_ns"), wall_ns);
	show_ledger_line("idle", number_of(answer, "idle_ns"), wall_ns);
	show_ledger_line("wall", wall_ns, wall_ns);
	printf("policy %s; %.2f%% of the GPU time is measured by GPU timestamps, the rest by "
	       "completion times; %llu hand-overs, p50 %s, p99 %s\n",
	       text_of(answer, "policy"), stamped_percent(answer),
	       (unsigned long long)number_of(answer, "handovers"),
	       sl_quantity_format_time(number_of(answer, "handover_p50_ns"), p50),
	       sl_quantity_format_time(number_of(answer, "handover_p99_ns"), p99));
}

void sl_show_policy(const json_t *answer)
{
	printf("%s\n", text_of(answer, "policy"));
}

void sl_show_socket(const json_t *answer)
{
	printf("%s\n", text_of(answer, "socket"));
}
