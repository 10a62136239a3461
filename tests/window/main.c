/* SPDX-License-Identifier: MIT */
/* Runs one window test by name in one window system. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tests/window/cases.h"

static const struct window_case *const lists[] = { picture_cases, life_cases, sync_cases };

static int print_usage(FILE *out)
{
	fprintf(out,
		"usage: vulkan_windows [--validate] x11|xlib|wayland|headless NAME\n"
		"       vulkan_windows --list\n"
		"Run the test NAME with windows of one window system; status 77: the device or\n"
		"the window system lacks what it needs.\n");
	return out == stderr ? 2 : 0;
}

static void print_names(void)
{
	for (size_t i = 0; i < VKT_COUNT(lists); i++) {
		for (const struct window_case *entry = lists[i]; entry->name != NULL; entry++) {
			printf("%s\n", entry->name);
		}
	}
}

static const struct window_case *find_case(const char *name)
{
	for (size_t i = 0; i < VKT_COUNT(lists); i++) {
		for (const struct window_case *entry = lists[i]; entry->name != NULL; entry++) {
			if (strcmp(entry->name, name) == 0) {
				return entry;
			}
		}
	}
	return NULL;
}

static int run_case(const struct window_case *found, const struct window_system *system,
		    bool validate)
{
	const struct vkt_options options = { .flags = VKT_WINDOWS, .validate = validate };
	struct vkt t;

	if (!system->open()) {
		fprintf(stderr, "skipped: no server for %s\n", system->name);
		return 77;
	}
	vkt_open(&t, &options);
	vkt_require_extension(&t, "VK_KHR_swapchain");
	found->run(&t, system);
	bool is_clean = vkt_close(&t);
	system->close();
	return is_clean ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "list", no_argument, NULL, 'l' },
		{ "validate", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	bool validate = false;
	int option;

	while ((option = getopt_long(argc, argv, "hlv", long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
			return print_usage(stdout);
		case 'l':
			print_names();
			return 0;
		case 'v':
			validate = true;
			break;
		default:
			return print_usage(stderr);
		}
	}
	const struct window_system *system =
		optind < argc ? window_system_find(argv[optind]) : NULL;
	const struct window_case *found = optind + 1 < argc ? find_case(argv[optind + 1]) : NULL;
	if (system == NULL || found == NULL || optind + 2 != argc) {
		return print_usage(stderr);
	}
	return run_case(found, system, validate);
}
