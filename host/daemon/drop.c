/* SPDX-License-Identifier: MIT */
/* Interrupts what waits. */
#include "host/daemon/drop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "host/base/fd.h"

#define TICK_NS 1000000

static struct {
	timer_t timer;
	bool is_ready;
} tick;

static void interrupt_wait(int signal_number)
{
	(void)signal_number;
}

int sl_drop_init(void)
{
	/* Without SA_RESTART. */
	const struct sigaction action = { .sa_handler = interrupt_wait };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	if (sigaction(SIGURG, &action, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &tick.timer) < 0) {
		return -errno;
	}
	tick.is_ready = true;
	return 0;
}

static void set_tick(long tick_ns)
{
	const struct itimerspec times = {
		.it_interval.tv_nsec = tick_ns,
		.it_value.tv_nsec = tick_ns,
	};

	if (tick.is_ready) {
		timer_settime(tick.timer, 0, &times, NULL);
	}
}

void sl_drop_begin(void)
{
	set_tick(TICK_NS);
}

void sl_drop_end(void)
{
	int saved_errno = errno;

	set_tick(0);
	errno = saved_errno;
}

void sl_drop_fd(int fd)
{
	if (fd >= 0) {
		sl_drop_begin();
		sl_fd_close(fd);
		sl_drop_end();
	}
}
