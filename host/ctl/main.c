/* SPDX-License-Identifier: MIT */
/* sluicectl: asks a running sluiced who uses how much, and gives it orders. */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/paths.h"
#include "host/ctl/show.h"

#define MAX_USERS 32

enum {
	OPTION_JSON = 0x100,
	OPTION_SOCKET,
	OPTION_USER,
	OPTION_KEEP_EXISTING,
};

struct arguments {
	const char *control; /* NULL: the default path */
	bool is_json;
	const char *command;
	const char *operand; /* NULL: none given */
	const char *socket;
	const char *users[MAX_USERS];
	size_t user_count;
	bool keep_existing;
};

static const struct command {
	const char *name;
	const char *operand; /* name of what must follow; NULL: nothing may */
	const char *key;     /* of the operand in the request */
	void (*show)(const json_t *answer);
} commands[] = {
	{ "status", NULL, NULL, sl_show_status },
	{ "list", NULL, NULL, sl_show_guests },
	{ "programs", NULL, NULL, sl_show_programs },
	{ "add-guest", "NAME", "name", sl_show_socket },
	{ "remove-guest", "NAME", "name", NULL },
	{ "end-program", "CONTEXT", "context", NULL },
	{ "hold", "PID", "pid", NULL },
	{ NULL, NULL, NULL, NULL },
};

static const struct argp_option argp_options[] = {
	{ "control", 'c', "PATH", 0,
	  "The daemon's control socket (default: $XDG_RUNTIME_DIR/sluice/control.sock if it is "
	  "there, else /run/sluice/control.sock)",
	  1 },
	{ "json", OPTION_JSON, NULL, 0, "Print the daemon's answer as it is", 1 },
	{ NULL, 0, NULL, 0, "For add-guest:", 2 },
	{ "socket", OPTION_SOCKET, "PATH", 0,
	  "Where its programs connect (default: NAME.sock beside the default guest's socket)", 2 },
	{ "user", OPTION_USER, "USER", 0, "Who may connect; may be given again", 2 },
	{ "keep-existing", OPTION_KEEP_EXISTING, NULL, 0,
	  "It is no error if there is a guest of this name", 2 },
	{ 0 },
};

const char *argp_program_version = "sluicectl " SL_VERSION;

static const struct command *find_command(const char *name)
{
	for (const struct command *command = commands; command->name != NULL; command++) {
		if (strcmp(command->name, name) == 0) {
			return command;
		}
	}
	return NULL;
}

static void take_argument(struct arguments *arguments, const char *argument,
			  struct argp_state *state)
{
	if (arguments->command == NULL) {
		arguments->command = argument;
		if (find_command(argument) == NULL) {
			argp_error(state, "there is no command '%s'", argument);
		}
	} else if (arguments->operand == NULL) {
		arguments->operand = argument;
	} else {
		argp_error(state, "'%s' is too much", argument);
	}
}

static void check_arguments(const struct arguments *arguments, struct argp_state *state)
{
	const struct command *command;

	if (arguments->command == NULL) {
		argp_error(state, "which command? (status, list, programs, add-guest, "
				  "remove-guest, end-program, hold)");
		return;
	}
	command = find_command(arguments->command);
	if (command != NULL && (command->operand != NULL) != (arguments->operand != NULL)) {
		argp_error(state, command->operand != NULL ? "%s needs a %s" : "%s stands alone",
			   command->name, command->operand);
	}
}

static error_t parse_option(int option, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (option) {
	case 'c':
		arguments->control = argument;
		return 0;
	case OPTION_JSON:
		arguments->is_json = true;
		return 0;
	case OPTION_SOCKET:
		arguments->socket = argument;
		return 0;
	case OPTION_USER:
		if (arguments->user_count == MAX_USERS) {
			argp_error(state, "more than %d users", MAX_USERS);
			return EINVAL;
		}
		arguments->users[arguments->user_count++] = argument;
		return 0;
	case OPTION_KEEP_EXISTING:
		arguments->keep_existing = true;
		return 0;
	case ARGP_KEY_ARG:
		take_argument(arguments, argument, state);
		return 0;
	case ARGP_KEY_END:
		check_arguments(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.args_doc =
		"status\nlist\nprograms\nadd-guest NAME\nremove-guest NAME\nend-program CONTEXT\nhold PID",
	.doc = "Ask a running sluiced, and give it orders.\v"
	       "status: the daemon and the device it renders on.  list: the guests and what they "
	       "use.  programs: what runs now.  add-guest, remove-guest: until the daemon ends; "
	       "the configuration file stays as it is.  end-program: the program sees "
	       "VK_ERROR_DEVICE_LOST.  hold: the daemon ends when the last process that holds it has "
	       "ended.",
};

/* The user's own daemon before the system's. */
static int find_control(char path[static sizeof(((struct sockaddr_un *)0)->sun_path)], size_t size)
{
	int r = sl_paths_default_socket("control.sock", path, size);

	if (r == 0 && access(path, F_OK) < 0 && access("/run/sluice/control.sock", F_OK) == 0) {
		snprintf(path, size, "/run/sluice/control.sock");
	}
	return r;
}

/* Returns a connected socket, or -1 after saying what is wrong. */
static int connect_control(const char *given)
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

static json_t *make_request(const struct arguments *arguments, const struct command *command)
{
	/* Programs are a part of the guests' list. */
	const char *name = command->show == sl_show_programs ? "list" : command->name;
	json_t *request = json_pack("{s:s}", "command", name);

	if (command->key != NULL && strcmp(command->key, "name") != 0) {
		json_object_set_new(request, command->key,
				    json_integer(strtoll(arguments->operand, NULL, 10)));
	} else if (command->key != NULL) {
		json_object_set_new(request, command->key, json_string(arguments->operand));
	}
	if (arguments->socket != NULL) {
		json_object_set_new(request, "socket", json_string(arguments->socket));
	}
	if (arguments->keep_existing) {
		json_object_set_new(request, "keep_existing", json_true());
	}
	if (arguments->user_count > 0) {
		json_t *users = json_array();

		for (size_t i = 0; i < arguments->user_count; i++) {
			json_array_append_new(users, json_string(arguments->users[i]));
		}
		json_object_set_new(request, "users", users);
	}
	return request;
}

/* Returns the daemon's answer, or NULL after saying what is wrong. */
static json_t *ask(int fd, json_t *request)
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

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status = EXIT_FAILURE;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	const struct command *command = find_command(arguments.command);
	SL_AUTO_CLOSE int fd = connect_control(arguments.control);
	if (fd < 0) {
		return EXIT_FAILURE;
	}
	json_t *request = make_request(&arguments, command);
	json_t *answer = ask(fd, request);
	json_decref(request);
	if (answer == NULL) {
		return EXIT_FAILURE;
	}
	if (arguments.is_json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
	}
	if (!json_is_true(json_object_get(answer, "ok"))) {
		const char *text = json_string_value(json_object_get(answer, "error"));

		fprintf(stderr, "sluicectl: %s\n", text != NULL ? text : "the daemon refused");
	} else {
		if (!arguments.is_json && command->show != NULL) {
			command->show(answer);
		}
		status = EXIT_SUCCESS;
	}
	json_decref(answer);
	return status;
}
