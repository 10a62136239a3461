/* SPDX-License-Identifier: MIT */
/* sched_setattr(2), which the C library does not have. */
#include "host/base/timeslice.h"

#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

void sl_timeslice_set(uint64_t time_ns)
{
	struct sched_attr attributes = { .size = sizeof(attributes) };

	if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) < 0) {
		return;
	}
	attributes.sched_flags = 0;
	attributes.sched_runtime = time_ns;
	syscall(SYS_sched_setattr, 0, &attributes, 0);
}
