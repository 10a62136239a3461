/* SPDX-License-Identifier: MIT */
/* The way to the daemon: connect to the control socket, ask, read the answer. */
#include "host/ctl/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/paths.h"

/* The user's own daemon before the system's. */
static int find_control(char path[static sizeof(((struct sockaddr_un *)0)->sun_path)], size_t size)
{
	int r = sl_paths_default_socket("control.sock", path, size);

	if (r == 0 && access(path, F_OK) < 0 && access("/run/sluice/control.sock", F_OK) == 0) {
		snprintf(path, size, "/run/sluice/control.sock");
	}
	return r;
}

int sl_client_connect(const char *given)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	SL_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (given != NULL && strlen(given) >= sizeof(address.sun_path)) {
		fprintf(stderr, "sluicectl: %s: the path is too long for a socket\n", given);
		return -1;
	}
	if (given != NULL) {
		strcpy(address.sun_path, given);
	} else if (find_control(address.sun_path, sizeof(address.sun_path)) < 0) {
		fprintf(stderr, "sluicectl: XDG_RUNTIME_DIR is too long for a socket\n");
		return -1;
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		bool is_absent = errno == ENOENT || errno == ECONNREFUSED;

		fprintf(stderr, "sluicectl: %s: %s\n", address.sun_path,
			is_absent ? "no sluiced listens there (is it running? "
				    "its socket elsewhere: --control PATH)"
				  : strerror(errno));
		return -1;
	}
	return sl_steal_fd(&fd);
}

json_t *sl_client_ask(int fd, json_t *request)
{
	SL_AUTO_FREE char *text = json_dumps(request, JSON_COMPACT);
	json_error_t error;

	if (text == NULL || dprintf(fd, "%s\n", text) < 0) {
		fprintf(stderr, "sluicectl: cannot ask: %s\n", strerror(errno));
		return NULL;
	}
	/* The daemon answers with one line, which ends the object. */
	json_t *answer = json_loadfd(fd, JSON_DISABLE_EOF_CHECK, &error);
	if (answer == NULL) {
		fprintf(stderr, "sluicectl: the daemon did not answer; only root and the user who "
				"runs it may ask\n");
	}
	return answer;
}

bool sl_client_check(const json_t *answer)
{
	if (json_is_true(json_object_get(answer, "ok"))) {
		return true;
	}
	const char *text = json_string_value(json_object_get(answer, "error"));

	fprintf(stderr, "sluicectl: %s\n", text != NULL ? text : "the daemon refused");
	return false;
}
