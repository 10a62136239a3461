/* SPDX-License-Identifier: MIT */
/* A sluiced of the test's own, with mock renderers, and programs that connect to it. */
#ifndef SL_TESTS_DAEMON_DAEMON_FIXTURE_H
#define SL_TESTS_DAEMON_DAEMON_FIXTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct daemon_fixture {
	char dir[32];
	char guest[64];	  /* the default guest's socket */
	char control[64]; /* the control socket */
	char driver[64];  /* its manifest */
	char config[64];  /* a file to write to; made by the test */
	pid_t pid;
	int passed_fd; /* a socket to hand over as the service manager does; -1: none */
	int log_fd;    /* what the daemon has written, from its beginning */
};

/* Make the directory; the daemon is started by fixture_start(). cmocka's setup and teardown. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* driver: "works", "fails", "dies"; see mock_renderer.c. arguments: more flags, NULL-terminated.
 * Waits until the daemon is ready. Returns false if it ended instead. */
bool fixture_start(struct daemon_fixture *fixture, const char *driver,
		   const char *const *arguments);
/* Waits for the daemon's end; returns its exit status. */
int fixture_wait(struct daemon_fixture *fixture);

/* Everything the daemon has logged so far; to be freed. */
char *fixture_read_log(const struct daemon_fixture *fixture);
/* Wait until the log holds the text. */
void fixture_await_log(const struct daemon_fixture *fixture, const char *text);

/* Connect as a program of the guest that listens at path. */
int program_connect(const char *path);
/* Send a word; true if the mock renderer echoes it. */
bool program_say(int fd, const char *word);
/* The text of the refusal that the daemon sent; empty if it sent something else. */
void program_read_refusal(int fd, char *ret_text, size_t size);

/* Ask the control socket; request is JSON text. The answer is to be released. */
json_t *control_ask(const struct daemon_fixture *fixture, const char *request);
/* The guest's entry in the answer of list; to be released. */
json_t *control_get_guest(const struct daemon_fixture *fixture, const char *name);
/* Wait until a number of a guest's entry has this value. */
void control_await(const struct daemon_fixture *fixture, const char *guest, const char *key,
		   json_int_t value);

#endif
