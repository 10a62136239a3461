/* SPDX-License-Identifier: MIT */
/* A sluiced of the test's own. What has no event to wait for is polled every millisecond. */
#include "tests/daemon/daemon_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/handshake.h"
#include "tests/unit/sl_test.h"

#define MAX_ARGUMENTS 32
#define POLL_COUNT    10000

int fixture_set_up(void **state)
{
	struct daemon_fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	strcpy(fixture->dir, "/tmp/sluiced-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	snprintf(fixture->guest, sizeof(fixture->guest), "%s/guest.sock", fixture->dir);
	snprintf(fixture->control, sizeof(fixture->control), "%s/control.sock", fixture->dir);
	snprintf(fixture->config, sizeof(fixture->config), "%s/sluiced.conf", fixture->dir);
	fixture->log_fd = -1;
	fixture->passed_fd = -1;
	*state = fixture;
	return 0;
}

static void remove_file(const struct daemon_fixture *fixture, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
	unlink(path);
}

int fixture_tear_down(void **state)
{
	struct daemon_fixture *fixture = *state;

	if (fixture->pid > 0) {
		kill(fixture->pid, SIGTERM);
		fixture_wait(fixture);
	}
	close(fixture->log_fd);
	unlink(fixture->driver);
	remove_file(fixture, "sluiced.conf");
	remove_file(fixture, "log");
	/* Also shows that the daemon has left nothing behind. */
	assert_int_equal(rmdir(fixture->dir), 0);
	free(fixture);
	return 0;
}

/* In the child: the descriptors where the daemon looks for them, and the log. */
static void place_descriptors(const struct daemon_fixture *fixture, int ready_fd)
{
	char pid[32];

	dup2(fixture->log_fd, STDERR_FILENO);
	/* Out of the way of 3 and 4. */
	ready_fd = fcntl(ready_fd, F_DUPFD_CLOEXEC, 10);
	int passed_fd = fcntl(fixture->passed_fd, F_DUPFD_CLOEXEC, 10);
	if (passed_fd >= 0) {
		dup2(passed_fd, 3);
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
	}
	dup2(ready_fd, 4);
}

static void write_manifest(struct daemon_fixture *fixture, const char *driver)
{
	snprintf(fixture->driver, sizeof(fixture->driver), "%s/%s.json", fixture->dir, driver);
	FILE *file = fopen(fixture->driver, "w");
	assert_non_null(file);
	fprintf(file, "{\"ICD\": {\"library_path\": \"libmock.so\"}}\n");
	fclose(file);
}

bool fixture_start(struct daemon_fixture *fixture, const char *driver, const char *const *arguments)
{
	const char *argv[MAX_ARGUMENTS] = { getenv("SLUICED"), "--socket", fixture->guest,
					    "--control", fixture->control, "--renderer",
					    getenv("MOCK_RENDERER"), "--driver", fixture->driver,
					    "--ready-fd", "4", "--config", fixture->config,
					    /* The mock dies by signals, as process 1 would not. */
					    "--sandbox=off" };
	size_t argc = 14;
	char path[96];
	int ready[2];

	assert_non_null(argv[0]);
	assert_non_null(argv[6]);
	write_manifest(fixture, driver);
	/* Without a file of the test's the daemon must not read the system's. */
	close(open(fixture->config, O_CREAT | O_RDONLY | O_CLOEXEC, 0600));
	for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++) {
		argv[argc++] = arguments[i];
	}
	snprintf(path, sizeof(path), "%s/log", fixture->dir);
	fixture->log_fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fixture->log_fd >= 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	fixture->pid = fork();
	if (fixture->pid == 0) {
		place_descriptors(fixture, ready[1]);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(ready[1]);
	ssize_t n = read(ready[0], path, sizeof(path));
	close(ready[0]);
	return n > 0;
}

int fixture_wait(struct daemon_fixture *fixture)
{
	int status = 0;

	assert_int_equal(waitpid(fixture->pid, &status, 0), fixture->pid);
	fixture->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *fixture_read_log(const struct daemon_fixture *fixture)
{
	struct stat st;

	assert_int_equal(fstat(fixture->log_fd, &st), 0);
	char *text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_true(pread(fixture->log_fd, text, (size_t)st.st_size, 0) >= 0);
	return text;
}

void fixture_await_log(const struct daemon_fixture *fixture, const char *text)
{
	for (int i = 0; i < POLL_COUNT; i++) {
		char *log = fixture_read_log(fixture);
		bool found = strstr(log, text) != NULL;

		free(log);
		if (found) {
			return;
		}
		usleep(1000);
	}
	fail_msg("the log does not say '%s'", text);
}

static int connect_to(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval timeout = { .tv_sec = 10 };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int program_connect(const char *path)
{
	return connect_to(path, SOCK_SEQPACKET);
}

bool program_say(int fd, const char *word)
{
	char answer[64] = "";

	if (send(fd, word, strlen(word), MSG_NOSIGNAL) < 0) {
		return false;
	}
	return recv(fd, answer, sizeof(answer) - 1, 0) == (ssize_t)strlen(word) &&
	       strcmp(answer, word) == 0;
}

void program_read_refusal(int fd, char *ret_text, size_t size)
{
	struct sl_packet_refused packet = { 0 };

	ret_text[0] = '\0';
	if (recv(fd, &packet, sizeof(packet), 0) == (ssize_t)sizeof(packet) &&
	    packet.header.type == SL_PACKET_REFUSED) {
		snprintf(ret_text, size, "%s", packet.text);
	}
}

json_t *control_ask(const struct daemon_fixture *fixture, const char *request)
{
	json_error_t error;
	int fd = connect_to(fixture->control, SOCK_STREAM);

	assert_true(fd >= 0);
	dprintf(fd, "%s\n", request);
	json_t *answer = json_loadfd(fd, JSON_DISABLE_EOF_CHECK, &error);
	close(fd);
	return answer;
}

json_t *control_get_guest(const struct daemon_fixture *fixture, const char *name)
{
	json_t *answer = control_ask(fixture, "{\"command\": \"list\"}");
	json_t *found = NULL;
	json_t *guest;
	size_t i;

	json_array_foreach(json_object_get(answer, "guests"), i, guest)
	{
		if (strcmp(json_string_value(json_object_get(guest, "name")), name) == 0) {
			found = json_incref(guest);
		}
	}
	json_decref(answer);
	return found;
}

void control_await(const struct daemon_fixture *fixture, const char *guest, const char *key,
		   json_int_t value)
{
	json_int_t last = -1;

	for (int i = 0; i < POLL_COUNT; i++) {
		json_t *entry = control_get_guest(fixture, guest);

		assert_non_null(entry);
		last = json_integer_value(json_object_get(entry, key));
		json_decref(entry);
		if (last == value) {
			return;
		}
		usleep(1000);
	}
	fail_msg("%s of guest %s is %lld, not %lld", key, guest, (long long)last, (long long)value);
}
