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

	printf("%-16s %8s %8s %7s %12s %10s %10s %10s\n", "GUEST", "PROGRAMS", "ENDED", "FAILED",
	       "SUBMISSIONS", "GPU TIME", "DEVICE MEM", "SHARED MEM");
	json_array_foreach(guests, i, guest)
	{
		const json_t *usage = json_object_get(guest, "usage");
		uint64_t running = number_of(guest, "program_count");
		char gpu[SL_QUANTITY_SIZE];
		char device[SL_QUANTITY_SIZE];
		char shared[SL_QUANTITY_SIZE];

		printf("%-16s %8llu %8llu %7llu %12llu %10s %10s %10s\n", text_of(guest, "name"),
		       (unsigned long long)running,
		       (unsigned long long)(number_of(guest, "programs_total") - running),
		       (unsigned long long)number_of(guest, "programs_failed"),
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

void sl_show_socket(const json_t *answer)
{
	printf("%s\n", text_of(answer, "socket"));
}
