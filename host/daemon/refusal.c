/* SPDX-License-Identifier: MIT */
/* Telling a guest program why it may not connect.
 *
 * A Unix socket closed with unread data makes the peer's next read fail with ECONNRESET before it
 * sees the text. So what the program sends is thrown away until it hangs up, for a while. */
#include "host/daemon/refusal.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "host/daemon/daemon.h"
#include "host/daemon/drop.h"
#include "protocol/handshake.h"

#define LINGER_US     UINT64_C(2000000)
#define MAX_LINGERING 64

struct sl_refusal {
	LIST_ENTRY(sl_refusal) link;
	struct sl_daemon *daemon;
	int fd;
	sd_event_source *readable;
	sd_event_source *timeout;
};

static void refusal_destroy(struct sl_refusal *refusal)
{
	LIST_REMOVE(refusal, link);
	refusal->daemon->refusal_count--;
	sd_event_source_disable_unref(refusal->readable);
	sd_event_source_disable_unref(refusal->timeout);
	sl_drop_fd(refusal->fd);
	free(refusal);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
	char byte;

	/* The rest of the packet and its descriptors are dropped by the kernel. */
	sl_drop_begin();
	ssize_t n = recv(fd, &byte, sizeof(byte), MSG_DONTWAIT);
	sl_drop_end();
	if (n <= 0) {
		refusal_destroy(data);
	}
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	refusal_destroy(data);
	return 0;
}

void sl_refusal_send(struct sl_daemon *daemon, int fd, const char *text)
{
	struct sl_refusal *refusal = NULL;

	sl_handshake_refuse(fd, text);
	shutdown(fd, SHUT_WR);
	if (daemon->refusal_count < MAX_LINGERING) {
		refusal = calloc(1, sizeof(*refusal));
	}
	if (refusal == NULL) {
		sl_drop_fd(fd);
		return;
	}
	refusal->daemon = daemon;
	refusal->fd = fd;
	LIST_INSERT_HEAD(&daemon->refusals, refusal, link);
	daemon->refusal_count++;
	if (sd_event_add_io(daemon->event, &refusal->readable, refusal->fd, EPOLLIN, on_readable,
			    refusal) < 0 ||
	    sd_event_add_time_relative(daemon->event, &refusal->timeout, CLOCK_MONOTONIC, LINGER_US,
				       0, on_timeout, refusal) < 0) {
		refusal_destroy(refusal);
	}
}

void sl_refusal_finish(struct sl_daemon *daemon)
{
	while (!LIST_EMPTY(&daemon->refusals)) {
		refusal_destroy(LIST_FIRST(&daemon->refusals));
	}
}
