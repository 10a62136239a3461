/* SPDX-License-Identifier: MIT */
/* Nice values. */
#include "host/daemon/priority.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A tenth of the processor beside one thread that wants all of it. */
#define STEPS 10

void sl_priority_lower(void)
{
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + STEPS);
}

/* A thread has the value of the thread that started it: the group's, since the kernel means one
 * thread only by a process. */
void sl_priority_raise(pid_t child)
{
	setpriority(PRIO_PGRP, (id_t)child, getpriority(PRIO_PROCESS, 0));
}

bool sl_priority_probe(void)
{
	int own = getpriority(PRIO_PROCESS, 0);
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		sl_priority_lower();
		_exit(setpriority(PRIO_PROCESS, 0, own) == 0 ? 0 : 1);
	}
	if (child < 0) {
		return false;
	}
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR) {
			return false;
		}
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
