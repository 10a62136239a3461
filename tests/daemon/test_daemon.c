/* SPDX-License-Identifier: MIT */
/* The daemon from outside: admission, the life of contexts, accounting, the control socket. */
#include "tests/unit/sl_test.h"

#include "host/base/clock.h"
#include "host/base/fd.h"
#include "host/base/log.h"
#include "tests/daemon/daemon_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_log_says(const struct daemon_fixture *fixture, const char *text)
{
	char *log = fixture_read_log(fixture);

	if (strstr(log, text) == NULL) {
		fail_msg("the log does not say '%s' but:\n%s", text, log);
	}
	free(log);
}

static int count_in_log(const struct daemon_fixture *fixture, const char *text)
{
	char *log = fixture_read_log(fixture);
	int count = 0;

	for (const char *at = strstr(log, text); at != NULL; at = strstr(at + 1, text)) {
		count++;
	}
	free(log);
	return count;
}

static void test_a_program_is_served_and_counted(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	int fd = program_connect(fixture->guest);
	assert_true(program_say(fd, "work"));
	assert_true(program_say(fd, "work"));
	json_t *guest = control_get_guest(fixture, "default");
	json_t *usage = json_object_get(guest, "usage");
	assert_int_equal(json_integer_value(json_object_get(guest, "program_count")), 1);
	assert_int_equal(json_integer_value(json_object_get(usage, "submissions")), 2);
	assert_int_equal(json_integer_value(json_object_get(usage, "gpu_busy_ns")), 2000000);
	assert_int_equal(json_integer_value(json_object_get(usage, "device_memory_bytes")), 4096);
	json_decref(guest);
	close(fd);
	/* What was used stays on the account; what was held is given back. */
	control_await(fixture, "default", "program_count", 0);
	guest = control_get_guest(fixture, "default");
	usage = json_object_get(guest, "usage");
	assert_int_equal(json_integer_value(json_object_get(usage, "submissions")), 2);
	assert_int_equal(json_integer_value(json_object_get(usage, "device_memory_bytes")), 0);
	assert_int_equal(json_integer_value(json_object_get(guest, "programs_failed")), 0);
	json_decref(guest);
}

static void test_a_crash_stays_in_its_context(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	int other = program_connect(fixture->guest);
	int fd = program_connect(fixture->guest);
	assert_true(program_say(other, "work"));
	assert_false(program_say(fd, "crash"));
	control_await(fixture, "default", "programs_failed", 1);
	assert_log_says(fixture, "guest default, test_daemon[");
	assert_log_says(fixture, "its renderer was killed by SIGABRT");
	assert_true(program_say(other, "work"));
	int next = program_connect(fixture->guest);
	assert_true(program_say(next, "work"));
	close(fd);
	close(other);
	close(next);
}

static void test_an_exit_without_a_report_is_a_failure(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	int fd = program_connect(fixture->guest);
	assert_false(program_say(fd, "exit"));
	control_await(fixture, "default", "programs_failed", 1);
	assert_log_says(fixture, "its renderer exited with status 3");
	close(fd);
}

static void test_a_reported_end_is_shown_not_logged_again(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	int fd = program_connect(fixture->guest);
	assert_false(program_say(fd, "report"));
	control_await(fixture, "default", "programs_failed", 1);
	json_t *guest = control_get_guest(fixture, "default");
	assert_string_equal(json_string_value(json_object_get(guest, "last_error")),
			    "mock protocol error");
	json_decref(guest);
	assert_int_equal(count_in_log(fixture, "mock protocol error"), 0);
	close(fd);
}

static void test_strangers_are_refused_in_words(void **state)
{
	struct daemon_fixture *fixture = *state;
	const char *const arguments[] = { "--allow-user", "4294967000", NULL };
	char text[256];

	assert_true(fixture_start(fixture, "works", arguments));
	for (int i = 0; i < 3; i++) {
		int fd = program_connect(fixture->guest);

		send(fd, "hello", 5, MSG_NOSIGNAL);
		program_read_refusal(fd, text, sizeof(text));
		assert_non_null(strstr(text, "may not use guest default"));
		close(fd);
	}
	control_await(fixture, "default", "programs_refused", 3);
	assert_int_equal(count_in_log(fixture, "may not connect"), 1);
}

/* A TCP socket whose last close waits for a minute: its peer does not read what it has sent. */
static int make_lingering(void)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 60 };
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	static const char data[65536];
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
		fail_msg("no TCP: %s", strerror(errno));
	}
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)connect(fd, (struct sockaddr *)&address, sizeof(address));
	assert_true(accept(listener, NULL, NULL) >= 0);
	while (send(fd, data, sizeof(data), MSG_NOSIGNAL) > 0) {
	}
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	close(listener);
	return fd;
}

/* The daemon is stopped until the packet alone has the descriptor. */
static void send_lingering(const struct daemon_fixture *fixture, int fd, const char *text)
{
	int lingering = make_lingering();

	assert_int_equal(sl_fd_send(fd, text, strlen(text), &lingering, 1), 0);
	close(lingering);
	kill(fixture->pid, SIGCONT);
}

static void assert_answers(const struct daemon_fixture *fixture)
{
	uint64_t start_ns = sl_clock_now_ns();
	json_t *answer = control_ask(fixture, "{\"command\": \"list\"}");

	assert_non_null(answer);
	json_decref(answer);
	assert_true(sl_clock_now_ns() - start_ns < UINT64_C(5000000000));
}

static void test_what_a_stranger_sends_holds_nobody_up(void **state)
{
	struct daemon_fixture *fixture = *state;
	const char *const arguments[] = { "--allow-user", "4294967000", NULL };

	assert_true(fixture_start(fixture, "works", arguments));
	kill(fixture->pid, SIGSTOP);
	int fd = program_connect(fixture->guest);

	send_lingering(fixture, fd, "hello");
	control_await(fixture, "default", "programs_refused", 1);
	assert_answers(fixture);
	close(fd);
}

static void test_what_comes_with_a_request_holds_nobody_up(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char answer[16] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/metrics.sock", fixture->dir);
	const char *const arguments[] = { "--metrics", address.sun_path, NULL };

	assert_true(fixture_start(fixture, "works", arguments));
	kill(fixture->pid, SIGSTOP);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	send_lingering(fixture, fd, "GET /metrics HTTP/1.0\r\n\r\n");
	assert_true(read(fd, answer, sizeof(answer)) > 0);
	assert_answers(fixture);
	close(fd);
}

static void test_what_a_program_leaves_holds_nobody_up(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	int fd = program_connect(fixture->guest);

	assert_true(program_say(fd, "work"));
	kill(fixture->pid, SIGSTOP);
	assert_int_equal(send(fd, "crash", 5, 0), 5);
	send_lingering(fixture, fd, "hello");
	control_await(fixture, "default", "programs_failed", 1);
	assert_answers(fixture);
	close(fd);
}

static void test_a_guests_limit_is_kept(void **state)
{
	struct daemon_fixture *fixture = *state;
	const char *const arguments[] = { "--max-guest-programs", "1", NULL };
	char text[256];

	assert_true(fixture_start(fixture, "works", arguments));
	int first = program_connect(fixture->guest);
	assert_true(program_say(first, "work"));
	int second = program_connect(fixture->guest);
	program_read_refusal(second, text, sizeof(text));
	assert_string_equal(text, "guest default already runs 1 programs, its limit");
	close(second);
	close(first);
	control_await(fixture, "default", "program_count", 0);
	first = program_connect(fixture->guest);
	assert_true(program_say(first, "work"));
	close(first);
}

static void test_refusals_fill_no_log(void **state)
{
	struct daemon_fixture *fixture = *state;
	const char *const arguments[] = { "--max-guest-programs", "1", NULL };
	const int count = 2 * SL_LOG_AT_ONCE;
	char text[256];

	assert_true(fixture_start(fixture, "works", arguments));
	int first = program_connect(fixture->guest);
	assert_true(program_say(first, "work"));
	for (int i = 0; i < count; i++) {
		int fd = program_connect(fixture->guest);

		program_read_refusal(fd, text, sizeof(text));
		assert_non_null(strstr(text, "its limit"));
		close(fd);
	}
	control_await(fixture, "default", "programs_refused", count);
	/* And two a second, while a test may run. */
	assert_in_range(count_in_log(fixture, "refused: "), SL_LOG_AT_ONCE, SL_LOG_AT_ONCE + 60);
	close(first);
}

static void test_a_driver_that_fails_is_told(void **state)
{
	struct daemon_fixture *fixture = *state;
	char text[256];

	assert_true(fixture_start(fixture, "fails", NULL));
	int fd = program_connect(fixture->guest);
	program_read_refusal(fd, text, sizeof(text));
	assert_non_null(strstr(text, "fails.json cannot be used: mock failure"));
	close(fd);
}

static void test_a_renderer_that_dies_early_is_told(void **state)
{
	struct daemon_fixture *fixture = *state;
	char text[256];

	assert_true(fixture_start(fixture, "dies", NULL));
	int fd = program_connect(fixture->guest);
	program_read_refusal(fd, text, sizeof(text));
	assert_non_null(strstr(text, "was killed by SIGABRT while it loaded driver"));
	close(fd);
}

static void test_guests_come_and_go(void **state)
{
	struct daemon_fixture *fixture = *state;
	char path[96];

	assert_true(fixture_start(fixture, "works", NULL));
	json_t *answer = control_ask(fixture, "{\"command\": \"add-guest\", \"name\": \"web\"}");
	snprintf(path, sizeof(path), "%s/web.sock", fixture->dir);
	assert_string_equal(json_string_value(json_object_get(answer, "socket")), path);
	json_decref(answer);
	answer = control_ask(fixture, "{\"command\": \"add-guest\", \"name\": \"web\"}");
	assert_true(json_is_false(json_object_get(answer, "ok")));
	json_decref(answer);
	int fd = program_connect(path);
	assert_true(program_say(fd, "work"));
	control_await(fixture, "web", "program_count", 1);
	answer = control_ask(fixture, "{\"command\": \"remove-guest\", \"name\": \"web\"}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	assert_false(program_say(fd, "work"));
	assert_int_equal(program_connect(path), -1);
	assert_null(control_get_guest(fixture, "web"));
	close(fd);
}

static void test_a_program_can_be_ended(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	int fd = program_connect(fixture->guest);
	assert_true(program_say(fd, "work"));
	json_t *answer = control_ask(fixture, "{\"command\": \"end-program\", \"context\": 1}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	assert_false(program_say(fd, "work"));
	control_await(fixture, "default", "programs_failed", 1);
	close(fd);
}

static void test_wrong_orders_are_answered(void **state)
{
	static const char *const orders[] = {
		"{",
		"[]",
		"{}",
		"{\"command\": 1}",
		"{\"command\": \"dance\"}",
		"{\"command\": \"add-guest\"}",
		"{\"command\": \"add-guest\", \"name\": \"../x\"}",
		"{\"command\": \"add-guest\", \"name\": \"x\", \"socket\": \"relative\"}",
		"{\"command\": \"add-guest\", \"name\": \"x\", \"users\": [[]]}",
		"{\"command\": \"add-guest\", \"name\": \"x\", \"users\": [\"no-such-user\"]}",
		"{\"command\": \"remove-guest\", \"name\": \"x\"}",
		"{\"command\": \"end-program\", \"context\": 77}",
		"{\"command\": \"hold\", \"pid\": -1}",
		"{\"command\": \"set\", \"name\": \"x\", \"weight\": 2}",
		"{\"command\": \"set\", \"name\": \"default\", \"weight\": 0}",
		"{\"command\": \"set\", \"name\": \"default\", \"weight\": 1.5}",
		"{\"command\": \"set\", \"name\": \"default\", \"weight\": []}",
		"{\"command\": \"set\", \"name\": \"default\", \"socket\": \"/x\"}",
		"{\"command\": \"pause\"}",
		"{\"command\": \"resume\", \"name\": \"x\"}",
		"{\"command\": \"kill\", \"target\": \"x\"}",
		"{\"command\": \"policy\", \"policy\": \"fair\"}",
		"{\"command\": \"add-guest\", \"name\": \"x\", \"cap\": \"0%\"}",
	};
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		json_t *answer = control_ask(fixture, orders[i]);

		assert_true(json_is_false(json_object_get(answer, "ok")));
		assert_true(json_is_string(json_object_get(answer, "error")));
		json_decref(answer);
	}
	json_t *answer = control_ask(fixture, "{\"command\": \"status\"}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
}

static json_t *get_share(const struct daemon_fixture *fixture, const char *name)
{
	json_t *guest = control_get_guest(fixture, name);
	json_t *share = json_incref(json_object_get(guest, "share"));

	json_decref(guest);
	return share;
}

static void test_shares_are_set(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	json_decref(control_ask(fixture, "{\"command\": \"add-guest\", \"name\": \"web\", "
					 "\"weight\": 3, \"cap\": \"50%\"}"));
	json_t *share = get_share(fixture, "web");
	assert_int_equal(json_integer_value(json_object_get(share, "weight")), 3);
	assert_true(json_number_value(json_object_get(share, "cap_percent")) == 50);
	assert_true(json_number_value(json_object_get(share, "entitlement_percent")) == 50);
	json_decref(share);
	/* All or nothing. */
	json_decref(control_ask(fixture, "{\"command\": \"set\", \"name\": \"web\", "
					 "\"weight\": 5, \"class\": \"odd\"}"));
	share = get_share(fixture, "web");
	assert_int_equal(json_integer_value(json_object_get(share, "weight")), 3);
	json_decref(share);
	json_t *answer = control_ask(fixture, "{\"command\": \"set\", \"name\": \"web\", "
					      "\"weight\": \"5\", \"class\": \"background\", "
					      "\"deadline\": \"50fps\", \"memory\": \"2M\"}");
	share = json_object_get(answer, "share");
	assert_int_equal(json_integer_value(json_object_get(share, "weight")), 5);
	assert_string_equal(json_string_value(json_object_get(share, "class")), "background");
	assert_int_equal(json_integer_value(json_object_get(share, "deadline_ns")), 20000000);
	assert_int_equal(json_integer_value(json_object_get(share, "memory_quota_bytes")), 2 << 20);
	json_decref(answer);
}

static void test_a_guest_is_paused_and_killed(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	int first = program_connect(fixture->guest);
	int second = program_connect(fixture->guest);
	assert_true(program_say(first, "work"));
	assert_true(program_say(second, "work"));
	json_decref(control_ask(fixture, "{\"command\": \"pause\", \"name\": \"default\"}"));
	json_t *share = get_share(fixture, "default");
	assert_string_equal(json_string_value(json_object_get(share, "state")), "paused");
	json_decref(share);
	json_decref(control_ask(fixture, "{\"command\": \"resume\", \"name\": \"default\"}"));
	share = get_share(fixture, "default");
	assert_string_equal(json_string_value(json_object_get(share, "state")), "idle");
	json_decref(share);
	json_t *answer = control_ask(fixture, "{\"command\": \"kill\", \"target\": \"default\"}");
	assert_int_equal(json_integer_value(json_object_get(answer, "ended")), 2);
	json_decref(answer);
	assert_false(program_say(first, "work"));
	assert_false(program_say(second, "work"));
	control_await(fixture, "default", "programs_failed", 2);
	close(first);
	close(second);
}

static void test_an_idle_ledger_adds_up(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	json_t *answer = control_ask(fixture, "{\"command\": \"ledger\"}");
	const json_t *measured = json_object_get(answer, "measured");
	assert_int_equal(json_integer_value(json_object_get(measured, "timestamps_ns")), 0);
	assert_int_equal(json_integer_value(json_object_get(measured, "completion_ns")), 0);
	assert_string_equal(json_string_value(json_object_get(answer, "policy")), "best-effort");
	assert_true(json_integer_value(json_object_get(answer, "wall_ns")) > 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "idle_ns")),
			 json_integer_value(json_object_get(answer, "wall_ns")));
	json_decref(answer);
	answer = control_ask(fixture, "{\"command\": \"policy\", \"policy\": \"equal\"}");
	assert_string_equal(json_string_value(json_object_get(answer, "policy")), "equal");
	json_decref(answer);
}

static void test_it_ends_with_the_last_holder(void **state)
{
	struct daemon_fixture *fixture = *state;
	const char *arguments[] = { "--hold", NULL, NULL };
	pid_t holders[2];
	char text[64];

	for (int i = 0; i < 2; i++) {
		holders[i] = fork();
		if (holders[i] == 0) {
			pause();
			_exit(0);
		}
	}
	snprintf(text, sizeof(text), "%d", (int)holders[0]);
	arguments[1] = text;
	assert_true(fixture_start(fixture, "works", arguments));
	char order[64];
	snprintf(order, sizeof(order), "{\"command\": \"hold\", \"pid\": %d}", (int)holders[1]);
	json_decref(control_ask(fixture, order));
	kill(holders[0], SIGKILL);
	waitpid(holders[0], NULL, 0);
	json_t *answer = control_ask(fixture, "{\"command\": \"status\"}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	kill(holders[1], SIGKILL);
	waitpid(holders[1], NULL, 0);
	assert_int_equal(fixture_wait(fixture), 0);
	assert_log_says(fixture, "the last process it was started for has ended");
}

static void write_config(const struct daemon_fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture->config, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_a_reload_changes_guests(void **state)
{
	struct daemon_fixture *fixture = *state;
	char path[96];

	write_config(fixture, "guests = ( { name = \"old\"; }, { name = \"kept\"; } );");
	assert_true(fixture_start(fixture, "works", NULL));
	snprintf(path, sizeof(path), "%s/kept.sock", fixture->dir);
	int kept = program_connect(path);
	assert_true(program_say(kept, "work"));
	write_config(fixture, "guests = ( { name = \"kept\"; limits = { programs = 1; };\n"
			      "             weight = 7; }, { name = \"new\"; } );\n"
			      "policy = \"fixed\";");
	kill(fixture->pid, SIGHUP);
	fixture_await_log(fixture, "has been read again");
	json_t *answer = control_ask(fixture, "{\"command\": \"policy\"}");
	assert_string_equal(json_string_value(json_object_get(answer, "policy")), "fixed");
	json_decref(answer);
	json_t *share = get_share(fixture, "kept");
	assert_int_equal(json_integer_value(json_object_get(share, "weight")), 7);
	json_decref(share);
	json_t *guest = control_get_guest(fixture, "new");
	assert_non_null(guest);
	json_decref(guest);
	assert_null(control_get_guest(fixture, "old"));
	assert_true(program_say(kept, "work"));
	write_config(fixture, "nonsense = 1;\n");
	kill(fixture->pid, SIGHUP);
	fixture_await_log(fixture, "the old configuration stays");
	assert_log_says(fixture, "nonsense: unknown key");
	assert_true(program_say(kept, "work"));
	close(kept);
}

static void test_a_reload_changes_new_renderers(void **state)
{
	struct daemon_fixture *fixture = *state;

	write_config(fixture, "renderer_memory = \"64M\";");
	assert_true(fixture_start(fixture, "works", NULL));
	int first = program_connect(fixture->guest);
	assert_true(program_say(first, "--memory=67108864"));
	write_config(fixture, "renderer_memory = \"65M\";");
	kill(fixture->pid, SIGHUP);
	fixture_await_log(fixture, "has been read again");
	int second = program_connect(fixture->guest);
	assert_true(program_say(second, "--memory=68157440"));
	assert_true(program_say(first, "--memory=67108864"));
	close(first);
	close(second);
}

/* A kernel, or a container, without control groups tells none. */
static bool has_cgroup(void)
{
	char text[4096] = "";
	FILE *file = fopen("/proc/self/cgroup", "re");

	assert_non_null(file);
	size_t size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	return size > 0 &&
	       (strstr(text, "0::/") != NULL || strstr(text, ":name=systemd:/") != NULL);
}

static void test_programs_are_matched_to_guests(void **state)
{
	struct daemon_fixture *fixture = *state;
	char text[256];

	snprintf(text, sizeof(text),
		 "guests = ( { name = \"group\"; match = \"cgroup:/no/such/*\"; },\n"
		 "           { name = \"machine\"; match = \"vm:none\"; },\n"
		 "           { name = \"mine\"; match = \"user:%u\"; },\n"
		 "           { name = \"late\"; match = \"cgroup:/*\"; } );",
		 (unsigned int)getuid());
	write_config(fixture, text);
	assert_true(fixture_start(fixture, "works", NULL));
	int fd = program_connect(fixture->guest);
	assert_true(program_say(fd, "work"));
	control_await(fixture, "mine", "programs_total", 1);
	write_config(fixture, "guests = ( { name = \"mine\"; }, { name = \"group\"; match = "
			      "\"cgroup:/*\"; } );");
	kill(fixture->pid, SIGHUP);
	fixture_await_log(fixture, "has been read again");
	int second = program_connect(fixture->guest);
	assert_true(program_say(second, "work"));
	control_await(fixture, has_cgroup() ? "group" : "default", "programs_total", 1);
	close(fd);
	close(second);
}

static void test_a_second_daemon_is_refused(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	struct daemon_fixture second = *fixture;
	assert_false(fixture_start(&second, "works", NULL));
	assert_int_equal(fixture_wait(&second), 1);
	assert_log_says(&second, "in use: another daemon listens there");
	close(second.log_fd);
	int fd = program_connect(fixture->guest);
	assert_true(program_say(fd, "work"));
	close(fd);
}

static void test_a_dead_daemons_sockets_are_replaced(void **state)
{
	struct daemon_fixture *fixture = *state;

	assert_true(fixture_start(fixture, "works", NULL));
	kill(fixture->pid, SIGKILL);
	fixture_wait(fixture);
	close(fixture->log_fd);
	assert_true(fixture_start(fixture, "works", NULL));
	int fd = program_connect(fixture->guest);
	assert_true(program_say(fd, "work"));
	close(fd);
}

static void test_a_passed_socket_is_served_and_kept(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	fixture->passed_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, fixture->guest);
	assert_int_equal(bind(fixture->passed_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fixture->passed_fd, 4), 0);
	/* Connected before there is a daemon. */
	int fd = program_connect(fixture->guest);
	assert_true(fixture_start(fixture, "works", NULL));
	assert_true(program_say(fd, "work"));
	close(fd);
	kill(fixture->pid, SIGTERM);
	assert_int_equal(fixture_wait(fixture), 0);
	assert_int_equal(access(fixture->guest, F_OK), 0);
	unlink(fixture->guest);
	close(fixture->passed_fd);
}

static void test_a_wrong_driver_is_named(void **state)
{
	struct daemon_fixture *fixture = *state;
	const char *const arguments[] = { "--driver", "/no/such/driver.json", NULL };

	assert_false(fixture_start(fixture, "works", arguments));
	assert_int_equal(fixture_wait(fixture), 1);
	assert_log_says(fixture, "driver /no/such/driver.json: No such file or directory");
}

#define DAEMON_TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_a_program_is_served_and_counted),
		DAEMON_TEST(test_a_crash_stays_in_its_context),
		DAEMON_TEST(test_an_exit_without_a_report_is_a_failure),
		DAEMON_TEST(test_a_reported_end_is_shown_not_logged_again),
		DAEMON_TEST(test_strangers_are_refused_in_words),
		DAEMON_TEST(test_what_a_stranger_sends_holds_nobody_up),
		DAEMON_TEST(test_what_comes_with_a_request_holds_nobody_up),
		DAEMON_TEST(test_what_a_program_leaves_holds_nobody_up),
		DAEMON_TEST(test_a_guests_limit_is_kept),
		DAEMON_TEST(test_refusals_fill_no_log),
		DAEMON_TEST(test_a_driver_that_fails_is_told),
		DAEMON_TEST(test_a_renderer_that_dies_early_is_told),
		DAEMON_TEST(test_guests_come_and_go),
		DAEMON_TEST(test_a_program_can_be_ended),
		DAEMON_TEST(test_wrong_orders_are_answered),
		DAEMON_TEST(test_shares_are_set),
		DAEMON_TEST(test_a_guest_is_paused_and_killed),
		DAEMON_TEST(test_an_idle_ledger_adds_up),
		DAEMON_TEST(test_it_ends_with_the_last_holder),
		DAEMON_TEST(test_a_reload_changes_guests),
		DAEMON_TEST(test_a_reload_changes_new_renderers),
		DAEMON_TEST(test_programs_are_matched_to_guests),
		DAEMON_TEST(test_a_second_daemon_is_refused),
		DAEMON_TEST(test_a_dead_daemons_sockets_are_replaced),
		DAEMON_TEST(test_a_passed_socket_is_served_and_kept),
		DAEMON_TEST(test_a_wrong_driver_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
