/* SPDX-License-Identifier: MIT */
/* Accepts connections, and pauses where there is nothing to accept them with: the socket stays
 * readable, so that the event loop would spin on it. */
#include "host/daemon/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/daemon/drop.h"

#define PAUSE_US UINT64_C(100000)

struct sl_listener {
	int fd;
	const char *name;
	sl_listener_accept *accept;
	void *data;
	sd_event_source *readable;
	sd_event_source *pause;
	bool is_short; /* and that was logged */
};

static void set_paused(struct sl_listener *listener, bool is_paused)
{
	sd_event_source_set_enabled(listener->readable, is_paused ? SD_EVENT_OFF : SD_EVENT_ON);
	if (is_paused) {
		sd_event_source_set_time_relative(listener->pause, PAUSE_US);
	}
	sd_event_source_set_enabled(listener->pause, is_paused ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_pause_end(sd_event_source *source, uint64_t usec, void *data)
{
	struct sl_listener *listener = data;

	/* The kernel may have no memory for it; then this is tried again. */
	set_paused(listener, sd_event_source_set_enabled(listener->readable, SD_EVENT_ON) < 0);
	return 0;
}

static int on_readable(sd_event_source *source, int listen_fd, uint32_t events, void *data)
{
	struct sl_listener *listener = data;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		listener->is_short = false;
		listener->accept(fd, listener->data);
		return 0;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		if (!listener->is_short) {
			sl_log(SL_LOG_ERROR, "%s: nobody can connect for now: %s", listener->name,
			       strerror(errno));
		}
		listener->is_short = true;
		set_paused(listener, true);
	}
	return 0;
}

int sl_listener_create(sd_event *event, int fd, const char *name, sl_listener_accept *accept,
		       void *data, struct sl_listener **ret_listener)
{
	struct sl_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		sl_fd_close(fd);
		return -ENOMEM;
	}
	*listener = (struct sl_listener){ .fd = fd, .name = name, .accept = accept, .data = data };
	/* The service manager's sockets block. */
	int r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;

	if (r >= 0) {
		r = sd_event_add_time(event, &listener->pause, CLOCK_MONOTONIC, UINT64_MAX, 0,
				      on_pause_end, listener);
	}
	if (r >= 0) {
		r = sd_event_source_set_enabled(listener->pause, SD_EVENT_OFF);
	}
	if (r >= 0) {
		r = sd_event_add_io(event, &listener->readable, fd, EPOLLIN, on_readable, listener);
	}
	if (r < 0) {
		sl_listener_destroy(listener);
		return r;
	}
	*ret_listener = listener;
	return 0;
}

void sl_listener_destroy(struct sl_listener *listener)
{
	if (listener == NULL) {
		return;
	}
	sd_event_source_disable_unref(listener->readable);
	sd_event_source_disable_unref(listener->pause);
	/* With the connections that wait there. */
	sl_drop_fd(listener->fd);
	free(listener);
}
