/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target without libFuzzer: every file of its corpus as it is, then a fixed number of
 * deterministic mutations of them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

#define MAX_INPUTS     1024u
#define MAX_INPUT_SIZE 65536u

struct input {
	uint8_t *data;
	size_t size;
};

struct corpus {
	struct input inputs[MAX_INPUTS];
	size_t count;
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int load_file(struct corpus *corpus, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct input *input = &corpus->inputs[corpus->count];

	if (file == NULL || corpus->count == MAX_INPUTS) {
		fprintf(stderr, "cannot load %s\n", path);
		return -1;
	}
	input->data = malloc(MAX_INPUT_SIZE);
	if (input->data == NULL) {
		abort();
	}
	input->size = fread(input->data, 1, MAX_INPUT_SIZE, file);
	fclose(file);
	corpus->count++;
	return 0;
}

/* A directory that is not there holds nothing. */
static int load_directory(struct corpus *corpus, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, alphasort);
	int r = 0;

	if (count < 0) {
		return errno == ENOENT ? 0 : -1;
	}
	for (int i = 0; i < count; i++) {
		char file[4096];

		if (entries[i]->d_name[0] != '.' && r == 0) {
			snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
			r = load_file(corpus, file);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* One of: flip a bit, set a byte to something telling, cut, repeat a part, splice two inputs. */
static size_t mutate(const struct corpus *corpus, uint64_t *random, uint8_t *data, size_t size)
{
	static const uint8_t telling[] = { 0, 1, 2, 4, 8, 16, 64, 127, 128, 255 };
	size_t at = size > 0 ? next_random(random) % size : 0;
	uint64_t kind = next_random(random) % 8;

	if (size == 0 || kind == 7) {
		const struct input *other = &corpus->inputs[next_random(random) % corpus->count];
		size_t from = other->size > 0 ? next_random(random) % other->size : 0;
		size_t length = other->size - from;

		length = length < MAX_INPUT_SIZE - at ? length : MAX_INPUT_SIZE - at;
		memcpy(data + at, other->data + from, length);
		return at + length > size ? at + length : size;
	}
	if (kind < 2) {
		data[at] ^= (uint8_t)(1u << next_random(random) % 8);
	} else if (kind < 5) {
		data[at] = telling[next_random(random) % sizeof(telling)];
	} else if (kind == 5) {
		return at;
	} else if (size < MAX_INPUT_SIZE / 2) {
		memmove(data + at + (size - at), data + at, size - at);
		return size + (size - at);
	}
	return size;
}

static void run_mutations(const struct corpus *corpus, uint64_t count)
{
	static uint8_t data[MAX_INPUT_SIZE];
	uint64_t random = 0x9e3779b97f4a7c15;

	for (uint64_t i = 0; i < count; i++) {
		const struct input *input = &corpus->inputs[next_random(&random) % corpus->count];
		size_t size = input->size;

		memcpy(data, input->data, size);
		for (uint64_t n = 1 + next_random(&random) % 8; n > 0; n--) {
			size = mutate(corpus, &random, data, size);
		}
		LLVMFuzzerTestOneInput(data, size);
	}
}

int main(int argc, char **argv)
{
	static struct corpus corpus;
	uint64_t mutations = 0;
	int r = 0;

	for (int i = 1; i < argc && r == 0; i++) {
		if (strncmp(argv[i], "--mutations=", 12) == 0) {
			mutations = strtoull(argv[i] + 12, NULL, 10);
		} else {
			r = load_directory(&corpus, argv[i]);
		}
	}
	if (r < 0 || corpus.count == 0) {
		fprintf(stderr, "usage: %s [--mutations=COUNT] CORPUS-DIRECTORY...\n", argv[0]);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < corpus.count; i++) {
		LLVMFuzzerTestOneInput(corpus.inputs[i].data, corpus.inputs[i].size);
	}
	run_mutations(&corpus, mutations);
	printf("%zu inputs, %llu mutations\n", corpus.count, (unsigned long long)mutations);
	for (size_t i = 0; i < corpus.count; i++) {
		free(corpus.inputs[i].data);
	}
	return EXIT_SUCCESS;
}
