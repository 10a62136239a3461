/* SPDX-License-Identifier: MIT */
/* The log, packets with descriptors, quantities. */
#include "sl_test.h"

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/paths.h"
#include "host/base/quantity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one call of the log writes. */
static void capture(char *text, size_t size, enum sl_log_level level, const char *message)
{
	int fds[2];
	int saved = dup(STDERR_FILENO);

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	dup2(fds[1], STDERR_FILENO);
	sl_log_for("guest web", level, "%s", message);
	dup2(saved, STDERR_FILENO);
	ssize_t n = read(fds[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	close(fds[1]);
	close(saved);
}

static void test_log_says_who_and_what(void **state)
{
	char text[256];

	sl_log_init("test", SL_LOG_INFO);
	capture(text, sizeof(text), SL_LOG_ERROR, "it broke");
	assert_string_equal(text, "test: error: guest web: it broke\n");
	capture(text, sizeof(text), SL_LOG_INFO, "it works");
	assert_string_equal(text, "test: guest web: it works\n");
	capture(text, sizeof(text), SL_LOG_DEBUG, "it hums");
	assert_string_equal(text, "");
}

static void test_log_keeps_to_one_line(void **state)
{
	char text[2048];
	char message[1500];

	sl_log_init("test", SL_LOG_INFO);
	capture(text, sizeof(text), SL_LOG_INFO, "a\nsluiced: error: forged\033[31m");
	assert_string_equal(text, "test: guest web: a?sluiced: error: forged?[31m\n");
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	capture(text, sizeof(text), SL_LOG_INFO, message);
	assert_int_equal(strlen(text), 1024);
	assert_int_equal(text[1023], '\n');
}

static void test_log_leaves_lines_out(void **state)
{
	struct sl_log_rate rate = { 0 };
	char text[8192] = "";
	int ends[2];
	int saved = dup(STDERR_FILENO);

	sl_log_init("test", SL_LOG_INFO);
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	for (int i = 0; i < SL_LOG_AT_ONCE + 10; i++) {
		sl_log_rated(&rate, NULL, SL_LOG_DEBUG, "not shown");
		sl_log_rated(&rate, "who", SL_LOG_INFO, "x");
	}
	ssize_t n = read(ends[0], text, sizeof(text));
	/* As if it was long ago. */
	rate.due_ns = 0;
	sl_log_set_rate(&rate);
	sl_log(SL_LOG_INFO, "y");
	sl_log(SL_LOG_INFO, "z");
	sl_log_set_rate(NULL);
	ssize_t last = read(ends[0], text, sizeof(text) - 1);
	dup2(saved, STDERR_FILENO);
	/* What the machine was slow for may have let one more through. */
	assert_in_range(n / (ssize_t)strlen("test: who: x\n"), SL_LOG_AT_ONCE, SL_LOG_AT_ONCE + 9);
	assert_true(last > 0);
	text[last] = '\0';
	assert_non_null(strstr(text, "test: y ("));
	assert_non_null(strstr(text, " lines before this one were left out)\ntest: z\n"));
	close(ends[0]);
	close(ends[1]);
	close(saved);
	(void)state;
}

static void test_log_gives_the_journal_priorities(void **state)
{
	char path[] = "/tmp/sluice-log-XXXXXX";
	char stream[64];
	char text[256] = "";
	struct stat st;
	int saved = dup(STDERR_FILENO);
	int fd = mkstemp(path);

	assert_int_equal(fstat(fd, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fd, STDERR_FILENO);
	sl_log_init("test", SL_LOG_INFO);
	sl_log(SL_LOG_WARNING, "careful");
	dup2(saved, STDERR_FILENO);
	close(saved);
	unsetenv("JOURNAL_STREAM");
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "<4>careful\n");
	close(fd);
	unlink(path);
}

static void test_levels_have_names(void **state)
{
	enum sl_log_level level = SL_LOG_ERROR;

	assert_int_equal(sl_log_parse_level("debug", &level), 0);
	assert_int_equal(level, SL_LOG_DEBUG);
	assert_int_equal(sl_log_parse_level("verbose", &level), -EINVAL);
	assert_string_equal(sl_log_level_name(SL_LOG_WARNING), "warning");
}

static void open_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
}

static void test_descriptors_arrive(void **state)
{
	int pair[2];
	int sent[2] = { sl_fd_create_memory("a", 4096), sl_fd_create_memory("b", 8192) };
	int received[3];
	unsigned int count;
	char text[8] = "";
	struct stat st;

	open_pair(pair);
	assert_int_equal(sl_fd_send(pair[0], "hello", 6, sent, 2), 0);
	assert_int_equal(sl_fd_receive(pair[1], text, sizeof(text), received, 3, &count), 6);
	assert_string_equal(text, "hello");
	assert_int_equal(count, 2);
	assert_int_equal(received[2], -1);
	assert_int_equal(fstat(received[1], &st), 0);
	assert_int_equal(st.st_size, 8192);
	assert_int_equal(fcntl(received[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(sl_fd_receive(pair[1], text, sizeof(text), NULL, 0, NULL), -EAGAIN);
	close(pair[0]);
	assert_int_equal(sl_fd_receive(pair[1], text, sizeof(text), NULL, 0, NULL), 0);
	for (int i = 0; i < 2; i++) {
		close(sent[i]);
		close(received[i]);
	}
	close(pair[1]);
}

/* A stream that is full takes a part, and does not wait; the descriptor is sent once. */
static void test_streams_take_what_fits(void **state)
{
	static uint8_t bytes[1 << 20];
	int pair[2];
	int sent = sl_fd_create_memory("a", 4096);
	int received;
	unsigned int count;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_in_range(sl_fd_send_some(pair[0], bytes, sizeof(bytes), &sent, 1), 1,
			sizeof(bytes) - 1);
	while (sl_fd_send_some(pair[0], bytes, sizeof(bytes), NULL, 0) > 0) {
	}
	assert_int_equal(sl_fd_send_some(pair[0], bytes, 1, NULL, 0), -EAGAIN);
	assert_int_equal(sl_fd_receive(pair[1], bytes, 1, &received, 1, &count), 1);
	assert_int_equal(count, 1);
	close(received);
	assert_int_equal(sl_fd_receive(pair[1], bytes, 1, &received, 1, &count), 1);
	assert_int_equal(count, 0);
	close(pair[1]);
	assert_int_equal(sl_fd_send_some(pair[0], bytes, 1, NULL, 0), -EPIPE);
	close(pair[0]);
	close(sent);
}

static int count_open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		count += fcntl(fd, F_GETFD) >= 0;
	}
	return count;
}

static void test_too_many_descriptors_are_closed(void **state)
{
	int pair[2];
	int sent[3] = { 0, 1, 2 };
	int received[2];
	unsigned int count = 7;
	char byte;

	open_pair(pair);
	int before = count_open_fds();
	assert_int_equal(sl_fd_send(pair[0], "x", 1, sent, 3), 0);
	assert_int_equal(sl_fd_receive(pair[1], &byte, 1, received, 2, &count), -EMSGSIZE);
	assert_int_equal(count, 0);
	assert_int_equal(received[0], -1);
	assert_int_equal(count_open_fds(), before);
	assert_int_equal(sl_fd_send(pair[0], "long", 4, NULL, 0), 0);
	assert_int_equal(sl_fd_receive(pair[1], &byte, 1, NULL, 0, NULL), -EMSGSIZE);
	close(pair[0]);
	assert_int_equal(sl_fd_send(pair[1], "x", 1, NULL, 0), -EPIPE);
	close(pair[1]);
}

static void test_memory_keeps_its_size(void **state)
{
	int fd = sl_fd_create_memory("sealed", 4096);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 8192), -1);
	close(fd);
}

static void test_ownership_is_handed_over(void **state)
{
	int fd = dup(STDERR_FILENO);
	int stolen;

	{
		SL_AUTO_CLOSE int owned = fd;
		SL_AUTO_FREE char *text = strdup("x");

		stolen = sl_steal_fd(&owned);
		char *kept = sl_steal_ptr(text);
		assert_null(text);
		free(kept);
	}
	assert_true(fcntl(stolen, F_GETFD) >= 0);
	{
		SL_AUTO_CLOSE int owned = stolen;
		(void)owned;
	}
	assert_int_equal(fcntl(stolen, F_GETFD), -1);
}

static void test_sizes_are_parsed(void **state)
{
	uint64_t bytes = 0;

	assert_int_equal(sl_quantity_parse_bytes("4096", &bytes), 0);
	assert_true(bytes == 4096);
	assert_int_equal(sl_quantity_parse_bytes("3g", &bytes), 0);
	assert_true(bytes == UINT64_C(3) << 30);
	assert_int_equal(sl_quantity_parse_bytes("16777216T", &bytes), -ERANGE);
	assert_int_equal(sl_quantity_parse_bytes("99999999999999999999", &bytes), -ERANGE);
	assert_int_equal(sl_quantity_parse_bytes("", &bytes), -EINVAL);
	assert_int_equal(sl_quantity_parse_bytes("-1", &bytes), -EINVAL);
	assert_int_equal(sl_quantity_parse_bytes("1 G", &bytes), -EINVAL);
	assert_int_equal(sl_quantity_parse_bytes("1GB", &bytes), -EINVAL);
}

static void test_numbers_are_parsed(void **state)
{
	uint64_t number = 0;

	assert_int_equal(sl_quantity_parse_number("7", 7, &number), 0);
	assert_true(number == 7);
	assert_int_equal(sl_quantity_parse_number("8", 7, &number), -ERANGE);
	assert_int_equal(sl_quantity_parse_number("0x7", 7, &number), -EINVAL);
	assert_int_equal(sl_quantity_parse_number(" 7", 7, &number), -EINVAL);
}

static void test_quantities_are_readable(void **state)
{
	char text[SL_QUANTITY_SIZE];

	assert_string_equal(sl_quantity_format_bytes(0, text), "0 B");
	assert_string_equal(sl_quantity_format_bytes(1536, text), "1.5 KiB");
	assert_string_equal(sl_quantity_format_bytes(UINT64_C(300) << 20, text), "300 MiB");
	assert_string_equal(sl_quantity_format_time(0, text), "0 s");
	assert_string_equal(sl_quantity_format_time(35000, text), "35 us");
	assert_string_equal(sl_quantity_format_time(1250000, text), "1.25 ms");
	assert_string_equal(sl_quantity_format_time(12300000000, text), "12.30 s");
}

static void test_default_sockets(void **state)
{
	char path[64];

	setenv("XDG_RUNTIME_DIR", "/run/user/3", 1);
	assert_int_equal(sl_paths_default_socket("a.sock", path, sizeof(path)), 0);
	assert_string_equal(path, "/run/user/3/sluice/a.sock");
	assert_int_equal(sl_paths_default_socket("a.sock", path, 10), -ENAMETOOLONG);
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(sl_paths_default_socket("a.sock", path, sizeof(path)), 0);
	assert_string_equal(path, "/run/sluice/a.sock");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_says_who_and_what),
		cmocka_unit_test(test_log_keeps_to_one_line),
		cmocka_unit_test(test_log_leaves_lines_out),
		cmocka_unit_test(test_log_gives_the_journal_priorities),
		cmocka_unit_test(test_levels_have_names),
		cmocka_unit_test(test_descriptors_arrive),
		cmocka_unit_test(test_streams_take_what_fits),
		cmocka_unit_test(test_too_many_descriptors_are_closed),
		cmocka_unit_test(test_memory_keeps_its_size),
		cmocka_unit_test(test_ownership_is_handed_over),
		cmocka_unit_test(test_sizes_are_parsed),
		cmocka_unit_test(test_numbers_are_parsed),
		cmocka_unit_test(test_quantities_are_readable),
		cmocka_unit_test(test_default_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
