/* SPDX-License-Identifier: MIT */
/* When the machine stood still: stolen CPU…
 *
 * In a virtual machine the host takes a CPU away now and then, for up to tens of milliseconds, and
 * no program is to blame for what is late then. A thread on each of the CPUs, before all others,
 * looks at the clock every millisecond. Prints when it came too late: from when to when, in
 * nanoseconds of CLOCK_MONOTONIC; until it is killed. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD_NS   1000000ull
#define TOO_LATE_NS 300000ull
#define PRIORITY    50

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void settle_on(int cpu)
{
	const struct sched_param first = { .sched_priority = PRIORITY };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &first) < 0) {
		perror("stolen");
		exit(1);
	}
}

static void *watch(void *cpu)
{
	settle_on(*(int *)cpu);
	for (uint64_t due_ns = now_ns() + PERIOD_NS;; due_ns += PERIOD_NS) {
		const struct timespec due = { .tv_sec = (time_t)(due_ns / 1000000000),
					      .tv_nsec = (long)(due_ns % 1000000000) };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		uint64_t came_ns = now_ns();

		if (came_ns - due_ns > TOO_LATE_NS) {
			printf("%llu %llu\n", (unsigned long long)due_ns,
			       (unsigned long long)came_ns);
			fflush(stdout);
			due_ns = came_ns;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int *cpus = calloc((size_t)argc, sizeof(*cpus));
	pthread_t thread = pthread_self();

	for (int i = 1; i < argc && cpus != NULL; i++) {
		cpus[i] = atoi(argv[i]);
		if (pthread_create(&thread, NULL, watch, &cpus[i]) != 0) {
			return 1;
		}
	}
	if (argc < 2 || cpus == NULL) {
		return 2;
	}
	pthread_join(thread, NULL);
	return 0;
}
