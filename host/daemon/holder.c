/* SPDX-License-Identifier: MIT */
/* Processes for whose sake the daemon runs. */
#include "host/daemon/holder.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/pidfd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/daemon/daemon.h"

struct sl_holder {
	LIST_ENTRY(sl_holder) link;
	struct sl_daemon *daemon;
	int fd; /* readable once the process has ended */
	sd_event_source *ended;
};

static void holder_destroy(struct sl_holder *holder)
{
	LIST_REMOVE(holder, link);
	sd_event_source_disable_unref(holder->ended);
	sl_fd_close(holder->fd);
	free(holder);
}

static int on_ended(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct sl_holder *holder = data;
	struct sl_daemon *daemon = holder->daemon;

	holder_destroy(holder);
	if (!LIST_EMPTY(&daemon->holders)) {
		return 0;
	}
	sl_log(SL_LOG_INFO, "ending: the last process it was started for has ended");
	return sd_event_exit(daemon->event, 0);
}

int sl_holder_add(struct sl_daemon *daemon, pid_t pid)
{
	SL_AUTO_CLOSE int fd = pidfd_open(pid, 0);
	struct sl_holder *holder;
	int r;

	if (fd < 0) {
		return -errno;
	}
	holder = calloc(1, sizeof(*holder));
	if (holder == NULL) {
		return -ENOMEM;
	}
	holder->daemon = daemon;
	holder->fd = sl_steal_fd(&fd);
	LIST_INSERT_HEAD(&daemon->holders, holder, link);
	r = sd_event_add_io(daemon->event, &holder->ended, holder->fd, EPOLLIN, on_ended, holder);
	if (r < 0) {
		holder_destroy(holder);
		return r;
	}
	return 0;
}

void sl_holder_finish(struct sl_daemon *daemon)
{
	while (!LIST_EMPTY(&daemon->holders)) {
		holder_destroy(LIST_FIRST(&daemon->holders));
	}
}
