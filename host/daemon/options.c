/* SPDX-License-Identifier: MIT */
/* The daemon's command line. Flags that are configuration go through the same keys as the file;
 * they are read again for each reload, so that they keep the last word. */
#include "host/daemon/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/quantity.h"
#include "host/daemon/config.h"
#include "host/daemon/driver.h"

enum {
	OPTION_NO_CONFIG = 0x100,
	OPTION_CONTROL,
	OPTION_RENDERER,
	OPTION_NO_OPENGL,
	OPTION_POOL,
	OPTION_MEMORY_MODE,
	OPTION_CUT,
	OPTION_TIMESTAMPS,
	OPTION_SPIN_US,
	OPTION_SANDBOX,
	OPTION_VALIDATE,
	OPTION_TRACE,
	OPTION_RECORD,
	OPTION_ALLOW_USER,
	OPTION_ALLOW_GROUP,
	OPTION_MAX_PROGRAMS,
	OPTION_MAX_PROGRAMS_GUEST,
	OPTION_MAX_REGIONS,
	OPTION_MAX_SHARED_MEMORY,
	OPTION_MAX_OBJECTS,
	OPTION_MEMORY,
	OPTION_POLICY,
	OPTION_SLICE,
	OPTION_RUN_LIMIT,
	OPTION_METRICS,
	OPTION_HOLD,
	OPTION_READY,
};

static const struct argp_option argp_options[] = {
	{ "config", 'c', "FILE", 0,
	  "Read this file (default: " SL_CONFIG_DEFAULT_FILE
	  " if it is there). Flags have the last "
	  "word",
	  1 },
	{ "no-config", OPTION_NO_CONFIG, NULL, 0, "Read no file, also not the default one", 1 },
	{ "socket", 's', "PATH", 0,
	  "Where the default guest's programs connect (default: $XDG_RUNTIME_DIR/sluice/guest.sock, "
	  "without that variable /run/sluice/guest.sock)",
	  1 },
	{ "control", OPTION_CONTROL, "PATH", 0,
	  "Where sluicectl connects (default: control.sock in the same directory)", 1 },
	{ "allow-user", OPTION_ALLOW_USER, "USER", 0,
	  "Who may connect, by name or number; may be given again (default: root and the user who "
	  "starts the daemon)",
	  1 },
	{ "allow-group", OPTION_ALLOW_GROUP, "GROUP", 0, "The same for a group's members", 1 },
	{ NULL, 0, NULL, 0, "Rendering:", 2 },
	{ "driver", 'd', "FILE.json", 0,
	  "The host's Vulkan driver: its manifest, or several with ':' between them (default: "
	  "$VK_DRIVER_FILES; without that variable the best that is installed, a GPU before "
	  "software)",
	  2 },
	{ "memory-mode", OPTION_MEMORY_MODE, "HOW", 0,
	  "How host-visible memory reaches the driver: import (shared, nothing is copied), copy, or "
	  "auto (import where the driver can; the default)",
	  2 },
	{ "sandbox", OPTION_SANDBOX, "MODE", 0,
	  "What keeps renderers apart from the host: auto (all that the kernel gives; the default), "
	  "required (or no guest is served) or off",
	  2 },
	{ "cut", OPTION_CUT, "WHEN", 0,
	  "Cut long work into pieces: auto (while others want the GPU; the default), never, or, for "
	  "tests, always",
	  2 },
	{ "timestamps", OPTION_TIMESTAMPS, "WHEN", 0,
	  "Measure GPU time by the GPU's timestamps: auto (while others want the GPU, if it is not "
	  "software; the default), never, or, for tests, always",
	  2 },
	{ "validate", OPTION_VALIDATE, NULL, 0,
	  "Run the Khronos validation layer around what the guests do", 2 },
	{ "record", OPTION_RECORD, "DIRECTORY", 0,
	  "Write the commands of each program to a file there, for sluice-replay", 2 },
	{ "trace", OPTION_TRACE, NULL, 0, "Write every command of every guest to the log", 2 },
	{ "no-opengl", OPTION_NO_OPENGL, NULL, 0,
	  "No OpenGL for virtual machines that have no driver of Sluice's", 2 },
	{ "pool", OPTION_POOL, "N", 0, "Renderers kept ready for new programs (default: 2)", 2 },
	{ "spin-us", OPTION_SPIN_US, "N", 0,
	  "How long a renderer polls for the next command before it sleeps (default: 50)", 2 },
	{ "renderer", OPTION_RENDERER, "PATH", 0,
	  "The renderer program (default: the one that came with the daemon)", 2 },
	{ NULL, 0, NULL, 0, "Limits (SIZE: bytes, or a number and K, M, G or T):", 3 },
	{ "max-programs", OPTION_MAX_PROGRAMS, "N", 0, "Programs at a time (default: 256)", 3 },
	{ "max-guest-programs", OPTION_MAX_PROGRAMS_GUEST, "N", 0,
	  "Programs of one guest at a time (default: 64)", 3 },
	{ "max-regions", OPTION_MAX_REGIONS, "N", 0,
	  "Shared memory regions of one program (default: 65536)", 3 },
	{ "max-shared-memory", OPTION_MAX_SHARED_MEMORY, "SIZE", 0,
	  "Memory that one program shares with the host (default: all)", 3 },
	{ "max-objects", OPTION_MAX_OBJECTS, "N", 0, "Vulkan objects of one program", 3 },
	{ "memory", OPTION_MEMORY, "SIZE", 0,
	  "Device memory of all programs of a guest together (default: all)", 3 },
	{ NULL, 0, NULL, 0, "Sharing the GPU (sluicectl sets what each guest may have):", 3 },
	{ "policy", OPTION_POLICY, "NAME", 0,
	  "best-effort (by weight; the default), equal (weights do not count), or fixed (a guest's "
	  "part is the most it gets)",
	  3 },
	{ "slice", OPTION_SLICE, "TIME", 0,
	  "How long a guest keeps the GPU while others wait, 0.5ms to 30ms (default: 2ms)", 3 },
	{ "run-limit", OPTION_RUN_LIMIT, "TIME", 0,
	  "A program whose work keeps the GPU from others for so much longer is ended, 10ms to 1h "
	  "(default: 10s)",
	  3 },
	{ NULL, 0, NULL, 0, "Running:", 4 },
	{ "log-level", 'l', "LEVEL", 0, "error, warning, info (the default) or debug", 4 },
	{ "metrics", OPTION_METRICS, "WHERE", 0,
	  "Serve Prometheus metrics over HTTP there: 127.0.0.1:PORT, [::1]:PORT, or a socket's path",
	  4 },
	{ "hold", OPTION_HOLD, "PID", 0,
	  "End when this process has ended; may be given again: when the last has. For scripts",
	  4 },
	{ "ready-fd", OPTION_READY, "FD", 0,
	  "Write the default guest's socket and a newline there once programs can connect, then "
	  "close it: for scripts",
	  4 },
	{ 0 },
};

/* Flags that set one key of the configuration. */
static const struct {
	int option;
	const char *key;
	const char *value; /* NULL: the flag's argument */
} option_keys[] = {
	{ 's', "socket" },
	{ OPTION_CONTROL, "control" },
	{ 'd', "driver" },
	{ OPTION_RENDERER, "renderer" },
	{ OPTION_NO_OPENGL, "opengl", "false" },
	{ OPTION_POOL, "pool" },
	{ OPTION_MEMORY_MODE, "memory_mode" },
	{ OPTION_MEMORY, "memory" },
	{ OPTION_POLICY, "policy" },
	{ OPTION_SLICE, "slice" },
	{ OPTION_RUN_LIMIT, "run_limit" },
	{ OPTION_METRICS, "metrics" },
	{ OPTION_SPIN_US, "spin_us" },
	{ OPTION_CUT, "cut" },
	{ OPTION_TIMESTAMPS, "timestamps" },
	{ OPTION_SANDBOX, "sandbox" },
	{ OPTION_VALIDATE, "validate", "true" },
	{ OPTION_TRACE, "trace", "true" },
	{ OPTION_RECORD, "record" },
	{ 'l', "log_level" },
	{ OPTION_ALLOW_USER, "allow_users" },
	{ OPTION_ALLOW_GROUP, "allow_groups" },
	{ OPTION_MAX_PROGRAMS, "max_programs" },
	{ OPTION_MAX_PROGRAMS_GUEST, "limits.programs" },
	{ OPTION_MAX_REGIONS, "limits.regions" },
	{ OPTION_MAX_SHARED_MEMORY, "limits.shared_memory" },
	{ OPTION_MAX_OBJECTS, "limits.objects" },
};

struct parse {
	struct sl_options *options;
	struct sl_config *config; /* NULL: only check, and look for file */
	const char *file;	  /* --config */
	bool is_without_file;	  /* --no-config */
	char *why;		  /* SL_CONFIG_WHY_SIZE */
};

static int parse_number(struct argp_state *state, const char *argument, const char *what)
{
	uint64_t number;

	if (sl_quantity_parse_number(argument, INT_MAX, &number) < 0) {
		argp_error(state, "'%s' is not the number of a %s", argument, what);
		return -1;
	}
	return (int)number;
}

static void parse_hold(struct sl_options *options, struct argp_state *state, const char *argument)
{
	if (options->held_count == SL_OPTIONS_MAX_HELD) {
		argp_error(state, "--hold more than %d times", SL_OPTIONS_MAX_HELD);
		return;
	}
	options->held[options->held_count++] = parse_number(state, argument, "process");
}

static error_t parse_option(int option, char *argument, struct argp_state *state)
{
	struct parse *parse = state->input;

	switch (option) {
	case 'c':
		parse->file = argument;
		parse->is_without_file = false;
		return 0;
	case OPTION_NO_CONFIG:
		parse->file = NULL;
		parse->is_without_file = true;
		return 0;
	case OPTION_HOLD:
		parse_hold(parse->options, state, argument);
		return 0;
	case OPTION_READY:
		parse->options->ready_fd = parse_number(state, argument, "file descriptor");
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", argument);
		return EINVAL;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(option_keys) / sizeof(option_keys[0]); i++) {
		const char *value = option_keys[i].value != NULL ? option_keys[i].value : argument;

		if (option_keys[i].option != option) {
			continue;
		}
		if (parse->config != NULL &&
		    sl_config_set(parse->config, option_keys[i].key, value, parse->why) < 0) {
			return EINVAL;
		}
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const char *argp_program_version = "sluiced " SL_VERSION;

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.doc = "Share this machine's GPU with guests: accepts their programs' connections and gives "
	       "each a renderer process of its own.\v"
	       "The keys of the configuration file are in sluiced.conf(5). SIGHUP reads the file "
	       "again, SIGTERM ends the daemon and all guests' contexts. To run one program as a "
	       "guest without any set-up, see sluice-run(1).",
};

void sl_options_parse(struct sl_options *ret_options, int argc, char **argv)
{
	struct parse parse = { .options = ret_options };

	*ret_options = (struct sl_options){ .argc = argc, .argv = argv, .ready_fd = -1 };
	argp_parse(&argp, argc, argv, 0, NULL, &parse);
}

/* A program of the daemon's: beside it, in its folder of the build tree, or where it is installed.
 * Returns 0 or -ENOENT. */
static int find_program(const char *name, const char *folder, char *path, size_t size)
{
	const char *const places[] = { ".", folder };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%.*s/%s/%s", (int)(slash - self), self, places[i], name);
		if (access(path, X_OK) == 0) {
			return 0;
		}
	}
	snprintf(path, size, "%s/%s", SL_LIBEXEC_DIR, name);
	if (access(path, X_OK) == 0) {
		return 0;
	}
	path[0] = '\0';
	return -ENOENT;
}

static int check(struct sl_config *config, char *ret_why)
{
	int r = sl_config_complete(config, ret_why);

	if (r < 0) {
		return r;
	}
	if (config->renderer[0] == '\0') {
		r = find_program("sluice-renderer", "../renderer", config->renderer,
				 sizeof(config->renderer));
		if (r < 0) {
			snprintf(ret_why, SL_CONFIG_WHY_SIZE,
				 "no sluice-renderer beside this program or in %s (flag "
				 "--renderer)",
				 SL_LIBEXEC_DIR);
			return r;
		}
	} else if (access(config->renderer, X_OK) < 0) {
		r = -errno;
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "renderer %s: %s", config->renderer,
			 strerror(-r));
		return r;
	}
	/* Without it virtual machines do without. */
	if (config->opengl) {
		(void)find_program("sluice-virgl", "../virgl", config->virgl,
				   sizeof(config->virgl));
	}
	if (config->driver[0] != '\0') {
		return sl_driver_check(config->driver, ret_why, SL_CONFIG_WHY_SIZE);
	}
	return 0;
}

int sl_options_configure(const struct sl_options *options, struct sl_config **ret_config,
			 char *ret_why)
{
	struct sl_options checked = { 0 }; /* what is no configuration was taken before */
	struct parse parse = { .options = &checked, .why = ret_why };
	SL_AUTO_FREE struct sl_config *config = malloc(sizeof(*config));
	int r;

	if (config == NULL) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "out of memory");
		return -ENOMEM;
	}
	r = sl_config_init(config, ret_why);
	if (r < 0) {
		return r;
	}
	/* Once for the file's name, then again over what the file says. */
	argp_parse(&argp, options->argc, options->argv, ARGP_NO_EXIT, NULL, &parse);
	if (parse.file == NULL && !parse.is_without_file &&
	    access(SL_CONFIG_DEFAULT_FILE, F_OK) == 0) {
		parse.file = SL_CONFIG_DEFAULT_FILE;
	}
	if (parse.file != NULL) {
		r = sl_config_load(config, parse.file, ret_why);
		if (r < 0) {
			return r;
		}
	}
	parse.config = config;
	checked.held_count = 0;
	ret_why[0] = '\0';
	r = -argp_parse(&argp, options->argc, options->argv, ARGP_NO_EXIT, NULL, &parse);
	if (r < 0) {
		return r;
	}
	r = check(config, ret_why);
	if (r < 0) {
		return r;
	}
	*ret_config = sl_steal_ptr(config);
	return 0;
}
