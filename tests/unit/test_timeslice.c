/* SPDX-License-Identifier: MIT */
/* Time slices of threads, where the kernel has them. */
#include "host/base/timeslice.h"

#include "sl_test.h"

#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sched_attr get_attributes(void)
{
	struct sched_attr attributes = { .size = sizeof(attributes) };

	assert_int_equal(syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0), 0);
	return attributes;
}

static void test_it_is_inherited(void **state)
{
	const struct sched_attr before = get_attributes();
	int status;

	if (before.sched_runtime == 0) {
		skip(); /* before Linux 6.12 */
	}
	sl_timeslice_set(300000);
	/* Like a thread; <pthread.h> and the kernel's header exclude each other. */
	pid_t child = fork();

	if (child == 0) {
		_exit(get_attributes().sched_runtime == 300000 ? 0 : 1);
	}
	sl_timeslice_set(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(get_attributes().sched_runtime, before.sched_runtime);
}

static void test_all_else_stays(void **state)
{
	const struct sched_attr before = get_attributes();

	sl_timeslice_set(300000);
	const struct sched_attr after = get_attributes();

	assert_int_equal(after.sched_policy, before.sched_policy);
	assert_int_equal(after.sched_nice, before.sched_nice);
	sl_timeslice_set(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_inherited),
		cmocka_unit_test(test_all_else_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
