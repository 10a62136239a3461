/* SPDX-License-Identifier: MIT */
/* The control socket: connections, lines, and who may ask. */
#include "host/daemon/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/daemon/command.h"
#include "host/daemon/daemon.h"
#include "host/daemon/drop.h"
#include "host/daemon/listener.h"

#define MAX_CLIENTS   32
#define MAX_LINE_SIZE (64u << 10)

struct control_client {
	LIST_ENTRY(control_client) link;
	struct sl_control *control;
	int fd;
	sd_event_source *io;
	size_t line_size;
	char *answer; /* not yet written; NULL: none */
	size_t answer_size;
	size_t answer_written;
	char line[MAX_LINE_SIZE];
};

struct sl_control {
	struct sl_daemon *daemon;
	struct sl_listener *listener;
	LIST_HEAD(, control_client) clients;
	uint32_t client_count;
};

static void destroy_client(struct control_client *client)
{
	LIST_REMOVE(client, link);
	client->control->client_count--;
	sd_event_source_disable_unref(client->io);
	sl_drop_fd(client->fd);
	free(client->answer);
	free(client);
}

/* Answers one line; false: no memory. */
static bool answer_line(struct control_client *client, const char *line, size_t size)
{
	json_error_t error;
	json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
	json_t *answer;

	if (json_is_object(request)) {
		answer = sl_command_run(client->control->daemon, request);
	} else {
		answer = json_pack("{s:b, s:s}", "ok", 0, "error",
				   request == NULL ? error.text : "not a JSON object");
	}
	json_decref(request);
	char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	if (text == NULL) {
		return false;
	}
	client->answer = text;
	client->answer_size = strlen(text);
	/* The newline takes the place of the terminator, which is not needed any more. */
	text[client->answer_size++] = '\n';
	client->answer_written = 0;
	return true;
}

/* Returns 0 once all is written, -EAGAIN, or -errno. */
static int write_answer(struct control_client *client)
{
	while (client->answer_written < client->answer_size) {
		ssize_t n = send(client->fd, client->answer + client->answer_written,
				 client->answer_size - client->answer_written,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		client->answer_written += n > 0 ? (size_t)n : 0;
	}
	free(client->answer);
	client->answer = NULL;
	return 0;
}

/* Answer the lines that have arrived, as long as the client takes the answers. */
static int answer_lines(struct control_client *client)
{
	for (;;) {
		if (client->answer != NULL) {
			int r = write_answer(client);

			if (r == -EAGAIN) {
				sd_event_source_set_io_events(client->io, EPOLLOUT);
				return 0;
			}
			if (r < 0) {
				return r;
			}
		}
		char *end = memchr(client->line, '\n', client->line_size);
		if (end == NULL) {
			sd_event_source_set_io_events(client->io, EPOLLIN);
			return client->line_size == sizeof(client->line) ? -EMSGSIZE : 0;
		}
		size_t size = (size_t)(end - client->line);
		if (!answer_line(client, client->line, size)) {
			return -ENOMEM;
		}
		client->line_size -= size + 1;
		memmove(client->line, end + 1, client->line_size);
	}
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct control_client *client = data;

	if (client->answer == NULL) {
		ssize_t n = recv(fd, client->line + client->line_size,
				 sizeof(client->line) - client->line_size, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			return 0;
		}
		if (n <= 0) {
			destroy_client(client);
			return 0;
		}
		client->line_size += (size_t)n;
	}
	if (answer_lines(client) < 0) {
		destroy_client(client);
	}
	return 0;
}

static void on_connection(int connected_fd, void *data)
{
	struct sl_control *control = data;
	SL_AUTO_CLOSE int fd = connected_fd;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
		return;
	}
	if (peer.uid != 0 && peer.uid != geteuid()) {
		sl_log(SL_LOG_WARNING, "control: process %d of user %u may not give orders",
		       (int)peer.pid, (unsigned int)peer.uid);
		sl_drop_fd(sl_steal_fd(&fd));
		return;
	}
	if (control->client_count == MAX_CLIENTS) {
		sl_log(SL_LOG_WARNING, "control: more than %d connections", MAX_CLIENTS);
		return;
	}
	struct control_client *client = calloc(1, sizeof(*client));
	if (client == NULL) {
		return;
	}
	client->control = control;
	client->fd = sl_steal_fd(&fd);
	LIST_INSERT_HEAD(&control->clients, client, link);
	control->client_count++;
	if (sd_event_add_io(control->daemon->event, &client->io, client->fd, EPOLLIN, on_client,
			    client) < 0) {
		destroy_client(client);
	}
}

int sl_control_create(struct sl_daemon *daemon, int listen_fd, struct sl_control **ret_control)
{
	struct sl_control *control = calloc(1, sizeof(*control));

	if (control == NULL) {
		sl_fd_close(listen_fd);
		return -ENOMEM;
	}
	control->daemon = daemon;
	LIST_INIT(&control->clients);
	int r = sl_listener_create(daemon->event, listen_fd, "control", on_connection, control,
				   &control->listener);
	if (r < 0) {
		sl_control_destroy(control);
		return r;
	}
	*ret_control = control;
	return 0;
}

void sl_control_destroy(struct sl_control *control)
{
	if (control == NULL) {
		return;
	}
	while (!LIST_EMPTY(&control->clients)) {
		destroy_client(LIST_FIRST(&control->clients));
	}
	sl_listener_destroy(control->listener);
	free(control);
}
