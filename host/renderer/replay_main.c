/* SPDX-License-Identifier: MIT */
/* sluice-replay: runs what sluiced --record wrote, for bug reports. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/gpu/gpu.h"
#include "host/renderer/playback.h"
#include "host/renderer/recording.h"
#include "protocol/wire.h"

struct arguments {
	const char *path;
	bool trace;
	bool validate;
	bool copy_memory;
};

static const struct argp_option options[] = {
	{ "trace", 't', NULL, 0, "Print every command before it runs", 0 },
	{ "validate", 'v', NULL, 0, "Run the Khronos validation layer around it", 0 },
	{ "copy", 'c', NULL, 0, "Copy host-visible memory instead of importing it", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 't':
		arguments->trace = true;
		return 0;
	case 'v':
		arguments->validate = true;
		return 0;
	case 'c':
		arguments->copy_memory = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->path != NULL) {
			argp_error(state, "more than one file");
		}
		arguments->path = text;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "FILE",
	.doc = "Run the commands of a context again that sluiced --record=DIRECTORY wrote down, on the "
	       "Vulkan driver that VK_DRIVER_FILES names, without the guest and without a sandbox. "
	       "The exit status is 0 if all of them ran.\v"
	       "What the guest's program wrote into memory that it shares with the host is not "
	       "recorded: it reads as zero. Do not run recordings of guests that you do not trust as "
	       "a user who has something to lose.",
};

/* Returns the file's bytes, to be freed; NULL after saying why. */
static uint8_t *load(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	uint8_t *data = NULL;
	size_t size = 0;
	size_t room = 0;

	while (file != NULL && !feof(file) && !ferror(file)) {
		if (size == room) {
			room = room == 0 ? 1 << 20 : room * 2;
			uint8_t *grown = realloc(data, room);

			if (grown == NULL) {
				break;
			}
			data = grown;
		}
		size += fread(data + size, 1, room - size, file);
	}
	if (file == NULL || !feof(file)) {
		fprintf(stderr, "sluice-replay: %s: %s\n", path, strerror(errno));
		free(data);
		data = NULL;
	}
	if (file != NULL) {
		fclose(file);
	}
	*ret_size = size;
	return data;
}

static bool check_header(const uint8_t *data, size_t size)
{
	struct sl_recording_header header = { 0 };

	if (size >= sizeof(header)) {
		memcpy(&header, data, sizeof(header));
	}
	return header.magic == SL_RECORDING_MAGIC && header.version == SL_RECORDING_VERSION &&
	       header.wire_version == SL_WIRE_VERSION;
}

static int run(const struct arguments *arguments, const uint8_t *data, size_t size)
{
	struct sl_playback_options playback_options = {
		.max_device_memory_bytes = UINT64_MAX,
		.copy_memory = arguments->copy_memory,
		.validate = arguments->validate,
		.trace = arguments->trace ? stdout : NULL,
	};
	struct sl_playback *playback = NULL;
	char why[256] = "";
	int result = 0;
	int r = sl_gpu_open(&playback_options.gpu, why, sizeof(why));

	if (r == 0) {
		r = sl_playback_create(&playback_options, &playback);
	}
	if (r < 0) {
		fprintf(stderr, "sluice-replay: %s\n", why[0] != '\0' ? why : strerror(-r));
		return EXIT_FAILURE;
	}
	uint32_t count = sl_playback_run(playback, data, size, false, &result);
	printf("%u messages ran\n", count);
	if (result < 0) {
		printf("the next one failed: %s (%s)\n", sl_playback_get_error(playback),
		       strerror(-result));
	}
	sl_gpu_log_validation(playback_options.gpu);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	size_t size;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	sl_log_init("sluice-replay", SL_LOG_INFO);
	/* The last line before a crash is the one that matters. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	uint8_t *data = load(arguments.path, &size);
	if (data == NULL) {
		return EXIT_FAILURE;
	}
	if (!check_header(data, size)) {
		fprintf(stderr, "sluice-replay: %s is no recording of this version\n",
			arguments.path);
		free(data);
		return EXIT_FAILURE;
	}
	int r = run(&arguments, data + sizeof(struct sl_recording_header),
		    size - sizeof(struct sl_recording_header));
	free(data);
	fflush(stdout);
	/* What the guest left running ends with the process. */
	_exit(r);
}
