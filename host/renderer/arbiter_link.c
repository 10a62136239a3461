/* SPDX-License-Identifier: MIT */
/* Packets to and from the daemon's arbiter. */
#include "host/renderer/arbiter_link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/renderer_msg.h"
#include "host/replay/replay.h"
#include "host/sched/sched_msg.h"

struct sl_arbiter_link {
	int control_fd;
	int timer_fd;
	struct sl_replay *replay;
	void (*ended)(void *data, const char *why);
	void *data;
};

int sl_arbiter_link_create(int control_fd, struct sl_arbiter_link **ret_link)
{
	struct sl_arbiter_link *link = calloc(1, sizeof(*link));

	if (link == NULL) {
		return -ENOMEM;
	}
	link->control_fd = control_fd;
	link->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (link->timer_fd < 0) {
		int r = -errno;

		free(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

void sl_arbiter_link_send(void *data, const struct sl_sched_msg *msg)
{
	const struct sl_arbiter_link *link = data;

	/* A daemon that has gone takes this process with it. */
	sl_fd_send(link->control_fd, msg, sizeof(*msg), NULL, 0);
}

void sl_arbiter_link_set_timer(void *data, uint64_t time_ns)
{
	const struct sl_arbiter_link *link = data;
	struct itimerspec when = { 0 };

	if (time_ns != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(time_ns / 1000000000);
		when.it_value.tv_nsec = (long)(time_ns % 1000000000);
	}
	timerfd_settime(link->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Whatever the context's other threads are at: they may wait for a GPU that does not answer. */
static void obey_end(struct sl_arbiter_link *link, struct sl_renderer_end_order *order)
{
	order->text[sizeof(order->text) - 1] = '\0';
	link->ended(link->data, order->text);
	_exit(0);
}

/* Returns false once the daemon has gone. */
static bool receive_packet(struct sl_arbiter_link *link)
{
	union {
		struct sl_sched_msg sched;
		struct sl_renderer_end_order end;
	} packet;
	ssize_t size = sl_fd_receive(link->control_fd, &packet, sizeof(packet), NULL, 0, NULL);

	if (size == (ssize_t)sizeof(packet.sched)) {
		sl_replay_handle_sched(link->replay, &packet.sched);
	} else if (size == (ssize_t)sizeof(packet.end)) {
		obey_end(link, &packet.end);
	} else if (size > 0) {
		sl_log(SL_LOG_ERROR, "unexpected packet of %zd bytes from the daemon", size);
	}
	return size > 0 || size == -EINTR || size == -EAGAIN;
}

static void *run(void *data)
{
	struct sl_arbiter_link *link = data;
	struct pollfd fds[] = {
		{ .fd = link->control_fd, .events = POLLIN },
		{ .fd = link->timer_fd, .events = POLLIN },
	};

	for (;;) {
		uint64_t expired;

		if (poll(fds, 2, -1) < 0) {
			continue;
		}
		if (fds[0].revents != 0 && !receive_packet(link)) {
			return NULL;
		}
		if ((fds[1].revents & POLLIN) != 0 &&
		    read(link->timer_fd, &expired, sizeof(expired)) == sizeof(expired)) {
			sl_replay_tick(link->replay);
		}
	}
}

int sl_arbiter_link_start(struct sl_arbiter_link *link, struct sl_replay *replay,
			  void (*ended)(void *data, const char *why), void *data)
{
	pthread_t thread;

	link->replay = replay;
	link->ended = ended;
	link->data = data;
	return -pthread_create(&thread, NULL, run, link);
}
