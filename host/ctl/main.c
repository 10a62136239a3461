/* SPDX-License-Identifier: MIT */
/* sluicectl: asks a running sluiced who uses how much, and gives it orders. */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fd.h"
#include "host/base/quantity.h"
#include "host/ctl/client.h"
#include "host/ctl/show.h"
#include "host/ctl/top.h"

#define MAX_USERS    32
#define MAX_OPERANDS 16

enum {
	OPTION_JSON = 0x100,
	OPTION_SOCKET,
	OPTION_USER,
	OPTION_KEEP_EXISTING,
	OPTION_ONCE,
	OPTION_INTERVAL,
};

struct arguments {
	const char *control; /* NULL: the default path */
	bool is_json;
	const char *command;
	const char *operands[MAX_OPERANDS];
	size_t operand_count;
	const char *socket;
	const char *users[MAX_USERS];
	size_t user_count;
	bool keep_existing;
	bool is_once;
	uint64_t interval_ns;
};

static const struct command {
	const char *name;
	const char *operands; /* names of what must follow */
	size_t operand_min;
	size_t operand_max; /* those beyond min are KEY=VALUE, but for policy's */
	const char *key;    /* of the first operand in the request */
	void (*show)(const json_t *answer);
} commands[] = {
	{ "status", "", 0, 0, NULL, sl_show_status },
	{ "list", "", 0, 0, NULL, sl_show_guests },
	{ "programs", "", 0, 0, NULL, sl_show_programs },
	{ "top", "", 0, 0, NULL, NULL },
	{ "ledger", "", 0, 0, NULL, sl_show_ledger },
	{ "set", "GUEST KEY=VALUE...", 2, MAX_OPERANDS, "name", NULL },
	{ "pause", "GUEST", 1, 1, "name", NULL },
	{ "resume", "GUEST", 1, 1, "name", NULL },
	{ "kill", "GUEST|CONTEXT", 1, 1, "target", NULL },
	{ "policy", "[NAME]", 0, 1, "policy", sl_show_policy },
	{ "add-guest", "NAME [KEY=VALUE...]", 1, MAX_OPERANDS, "name", sl_show_socket },
	{ "remove-guest", "NAME", 1, 1, "name", NULL },
	{ "end-program", "CONTEXT", 1, 1, "context", NULL },
	{ "hold", "PID", 1, 1, "pid", NULL },
	{ NULL },
};

static const struct argp_option argp_options[] = {
	{ "control", 'c', "PATH", 0,
	  "The daemon's control socket (default: $XDG_RUNTIME_DIR/sluice/control.sock if it is "
	  "there, else /run/sluice/control.sock)",
	  1 },
	{ "json", OPTION_JSON, NULL, 0, "Print the daemon's answer as it is", 1 },
	{ NULL, 0, NULL, 0, "For top:", 2 },
	{ "once", OPTION_ONCE, NULL, 0, "Print one interval and end", 2 },
	{ "interval", OPTION_INTERVAL, "TIME", 0, "From one look to the next (default: 1s)", 2 },
	{ NULL, 0, NULL, 0, "For add-guest:", 3 },
	{ "socket", OPTION_SOCKET, "PATH", 0,
	  "Where its programs connect (default: NAME.sock beside the default guest's socket)", 2 },
	{ "user", OPTION_USER, "USER", 0, "Who may connect; may be given again", 2 },
	{ "keep-existing", OPTION_KEEP_EXISTING, NULL, 0,
	  "It is no error if there is a guest of this name", 3 },
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
	} else if (arguments->operand_count < MAX_OPERANDS) {
		arguments->operands[arguments->operand_count++] = argument;
	} else {
		argp_error(state, "'%s' is too much", argument);
	}
}

static bool takes_settings(const struct command *command)
{
	return command->operand_max == MAX_OPERANDS;
}

static void check_arguments(const struct arguments *arguments, struct argp_state *state)
{
	const struct command *command;

	if (arguments->command == NULL) {
		argp_error(state, "which command? (see sluicectl --help)");
		return;
	}
	command = find_command(arguments->command);
	if (command == NULL) {
		return;
	}
	if (arguments->operand_count < command->operand_min ||
	    arguments->operand_count > command->operand_max) {
		argp_error(state, command->operand_max == 0 ? "%s stands alone" : "%s needs %s",
			   command->name, command->operands);
	}
	for (size_t i = 1; i < arguments->operand_count && takes_settings(command); i++) {
		const char *equals = strchr(arguments->operands[i], '=');

		if (equals == NULL || equals == arguments->operands[i]) {
			argp_error(state, "'%s' is not KEY=VALUE, like weight=3",
				   arguments->operands[i]);
		}
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
	case OPTION_ONCE:
		arguments->is_once = true;
		return 0;
	case OPTION_INTERVAL:
		if (sl_quantity_parse_time(argument, &arguments->interval_ns) < 0 ||
		    arguments->interval_ns < 10000000 || arguments->interval_ns > 3600000000000) {
			argp_error(state, "'%s' is not a time from 10ms to 3600s", argument);
		}
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
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = "Ask a running sluiced, and give it orders.\v"
	       "status: the daemon and the device it renders on.\n"
	       "list: the guests, what they may have and what they use.\n"
	       "programs: what runs now.\n"
	       "top: who has the GPU, again and again.\n"
	       "ledger: what the GPU did with its time, and for whom.\n"
	       "set GUEST KEY=VALUE...: weight=1..10000, cap=0.5%..100%|none, "
	       "class=realtime|normal|background, deadline=60fps|16.7ms|none, "
	       "slice=0.5ms..30ms|default, memory=512M|none.\n"
	       "pause GUEST, resume GUEST: its programs wait meanwhile.\n"
	       "kill GUEST|CONTEXT: the programs see VK_ERROR_DEVICE_LOST.\n"
	       "policy [best-effort|equal|fixed]: show it, or change it.\n"
	       "add-guest NAME [KEY=VALUE...], remove-guest NAME.\n"
	       "end-program CONTEXT: the same as kill.\n"
	       "hold PID: the daemon ends when the last process that holds it has ended.\n"
	       "What is set lasts until the configuration is read again, and a guest that was added "
	       "until the daemon ends.",
};

static json_t *make_request(const struct arguments *arguments, const struct command *command)
{
	/* Programs are a part of the guests' list. */
	const char *name = command->show == sl_show_programs ? "list" : command->name;
	json_t *request = json_pack("{s:s}", "command", name);

	const char *first = arguments->operand_count > 0 ? arguments->operands[0] : NULL;
	bool is_number = command->key != NULL &&
			 (strcmp(command->key, "context") == 0 || strcmp(command->key, "pid") == 0);

	if (first != NULL) {
		json_object_set_new(request, command->key,
				    is_number ? json_integer(strtoll(first, NULL, 10))
					      : json_string(first));
	}
	for (size_t i = 1; i < arguments->operand_count; i++) {
		const char *equals = strchr(arguments->operands[i], '=');
		SL_AUTO_FREE char *key =
			strndup(arguments->operands[i], (size_t)(equals - arguments->operands[i]));

		json_object_set_new(request, key, json_string(equals + 1));
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

int main(int argc, char **argv)
{
	struct arguments arguments = { .interval_ns = 1000000000 };
	int status = EXIT_FAILURE;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	const struct command *command = find_command(arguments.command);
	SL_AUTO_CLOSE int fd = sl_client_connect(arguments.control);
	if (fd < 0) {
		return EXIT_FAILURE;
	}
	if (strcmp(command->name, "top") == 0) {
		return sl_top_run(fd, arguments.interval_ns, arguments.is_once, arguments.is_json);
	}
	json_t *request = make_request(&arguments, command);
	json_t *answer = sl_client_ask(fd, request);
	json_decref(request);
	if (answer == NULL) {
		return EXIT_FAILURE;
	}
	if (arguments.is_json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
	}
	if (sl_client_check(answer)) {
		if (!arguments.is_json && command->show != NULL) {
			command->show(answer);
		}
		status = EXIT_SUCCESS;
	}
	json_decref(answer);
	return status;
}
