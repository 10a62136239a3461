/* SPDX-License-Identifier: MIT */
/* Runs one test of the list by name and writes its results to a file. */
#include "cases.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct vkt_case *const lists[] = {
	compute_cases,	 descriptor_cases, draw_cases,	     output_cases,   pass_cases,
	state_cases,	 transfer_cases,   image_copy_cases, fence_cases,    semaphore_cases,
	query_cases,	 memory_cases,	   object_cases,     property_cases, thread_cases,
	extension_cases, process_cases,
};

static void print_names(void)
{
	for (size_t i = 0; i < VKT_COUNT(lists); i++) {
		for (const struct vkt_case *entry = lists[i]; entry->name != NULL; entry++) {
			printf("%s\n", entry->name);
		}
	}
}

static const struct vkt_case *find_case(const char *name)
{
	for (size_t i = 0; i < VKT_COUNT(lists); i++) {
		for (const struct vkt_case *entry = lists[i]; entry->name != NULL; entry++) {
			if (strcmp(entry->name, name) == 0) {
				return entry;
			}
		}
	}
	return NULL;
}

static int print_usage(FILE *out)
{
	fprintf(out, "usage: vulkan_cases [--validate] [--out FILE] [--again] NAME\n"
		     "       vulkan_cases --list\n"
		     "Run the test NAME on the first Vulkan device; status 77: the device lacks\n"
		     "what it needs. --out writes its results to FILE; --validate runs it with\n"
		     "the Khronos validation layer and fails if that has something to say.\n"
		     "--again says \"done\" then, and runs it once more on the same device for\n"
		     "each line of standard input.\n");
	return out == stderr ? 2 : 0;
}

static void run_again(struct vkt *t, const struct vkt_case *found)
{
	char line[16];

	do {
		vkt_destroy_owned(t);
		vkt_free_commands(t);
		puts("done");
		fflush(stdout);
		if (fgets(line, sizeof(line), stdin) == NULL) {
			return;
		}
		found->run(t);
	} while (true);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "again", no_argument, NULL, 'a' },	{ "help", no_argument, NULL, 'h' },
		{ "list", no_argument, NULL, 'l' },	{ "out", required_argument, NULL, 'o' },
		{ "validate", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	struct vkt_options options = { 0 };
	bool again = false;
	struct vkt t;
	int option;

	while ((option = getopt_long(argc, argv, "ahlo:v", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			again = true;
			break;
		case 'h':
			return print_usage(stdout);
		case 'l':
			print_names();
			return 0;
		case 'o':
			options.result_path = optarg;
			break;
		case 'v':
			options.validate = true;
			break;
		default:
			return print_usage(stderr);
		}
	}
	if (optind + 1 != argc) {
		return print_usage(stderr);
	}
	const struct vkt_case *found = find_case(argv[optind]);
	if (found == NULL) {
		fprintf(stderr, "no test is called %s; --list prints the names\n", argv[optind]);
		return 2;
	}
	options.flags = found->flags;
	vkt_open(&t, &options);
	found->run(&t);
	if (again) {
		run_again(&t, found);
	}
	return vkt_close(&t) ? 0 : 1;
}
