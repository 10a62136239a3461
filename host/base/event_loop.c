/* SPDX-License-Identifier: MIT */
/* sd-event has a queue of the sources that have something to do, and an array for what the kernel
 * reports. Both grow while it runs. */
#include "host/base/event_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"

#define PAUSE_MS 10

int sl_event_loop_add_signals(sd_event *event, const sigset_t *signals,
			      sd_event_io_handler_t on_readable, void *data)
{
	SL_AUTO_CLOSE int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	sd_event_source *source;

	if (fd < 0) {
		return -errno;
	}
	int r = sd_event_add_io(event, &source, fd, EPOLLIN, on_readable, data);

	if (r < 0) {
		return r;
	}
	sd_event_source_set_io_fd_own(source, true);
	sl_steal_fd(&fd);
	/* It is the loop's from now on. */
	sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
	return 0;
}

int sl_event_loop_read_signal(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

int sl_event_loop_run(sd_event *event)
{
	bool is_short = false;
	int code = 0;

	while (sd_event_get_state(event) != SD_EVENT_FINISHED) {
		/* A timer that there was no memory for is not armed again, but found due. */
		int r = sd_event_run(event, is_short ? 0 : UINT64_MAX);

		if (r < 0 && r != -ENOMEM) {
			sl_log(SL_LOG_ERROR, "the event loop has failed: %s", strerror(-r));
			return r;
		}
		if (r < 0 && !is_short) {
			sl_log(SL_LOG_ERROR, "nobody is served for now: %s", strerror(-r));
		}
		is_short = r < 0;
		if (is_short) {
			poll(NULL, 0, PAUSE_MS);
		}
	}
	sd_event_get_exit_code(event, &code);
	return code;
}
