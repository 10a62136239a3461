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

/* libFuzzer's interface for targets with mutations of their own. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
	__attribute__((weak));
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

struct input {
	uint8_t *data;
	size_t size;
};

struct corpus {
	struct input inputs[MAX_INPUTS];
	size_t count;
};

/* Mutators call back for mutations that know nothing: from here, with this state. */
static struct corpus corpus;
static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int load_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct input *input = &corpus.inputs[corpus.count];

	if (file == NULL || corpus.count == MAX_INPUTS) {
		fprintf(stderr, "cannot load %s\n", path);
		return -1;
	}
	input->data = malloc(MAX_INPUT_SIZE);
	if (input->data == NULL) {
		abort();
	}
	input->size = fread(input->data, 1, MAX_INPUT_SIZE, file);
	fclose(file);
	corpus.count++;
	return 0;
}

/* A directory that is not there holds nothing. */
static int load_directory(const char *path)
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
			r = load_file(file);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* One of: flip a bit, set a byte to something telling, cut, repeat a part, splice two inputs. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	static const uint8_t telling[] = { 0, 1, 2, 4, 8, 16, 64, 127, 128, 255 };
	size_t at = size > 0 ? next_random() % size : 0;
	uint64_t kind = next_random() % 8;

	if (size == 0 || kind == 7) {
		const struct input *other = &corpus.inputs[next_random() % corpus.count];
		size_t from = other->size > 0 ? next_random() % other->size : 0;
		size_t length = other->size - from;

		length = length < max_size - at ? length : max_size - at;
		memcpy(data + at, other->data + from, length);
		return at + length > size ? at + length : size;
	}
	if (kind < 2) {
		data[at] ^= (uint8_t)(1u << next_random() % 8);
	} else if (kind < 5) {
		data[at] = telling[next_random() % sizeof(telling)];
	} else if (kind == 5) {
		return at;
	} else if (size < max_size / 2) {
		memmove(data + at + (size - at), data + at, size - at);
		return size + (size - at);
	}
	return size;
}

static void run_mutations(uint64_t count)
{
	static uint8_t data[MAX_INPUT_SIZE];

	for (uint64_t i = 0; i < count; i++) {
		const struct input *input = &corpus.inputs[next_random() % corpus.count];
		size_t size = input->size;

		memcpy(data, input->data, size);
		for (uint64_t n = 1 + next_random() % 8; n > 0; n--) {
			size = LLVMFuzzerCustomMutator != NULL
				       ? LLVMFuzzerCustomMutator(data, size, MAX_INPUT_SIZE,
								 (unsigned int)next_random())
				       : LLVMFuzzerMutate(data, size, MAX_INPUT_SIZE);
		}
		LLVMFuzzerTestOneInput(data, size);
	}
}

int main(int argc, char **argv)
{
	uint64_t mutations = 0;
	int r = 0;

	for (int i = 1; i < argc && r == 0; i++) {
		if (strncmp(argv[i], "--mutations=", 12) == 0) {
			mutations = strtoull(argv[i] + 12, NULL, 10);
		} else {
			r = load_directory(argv[i]);
		}
	}
	if (r < 0 || corpus.count == 0) {
		fprintf(stderr, "usage: %s [--mutations=COUNT] CORPUS-DIRECTORY...\n", argv[0]);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < corpus.count; i++) {
		LLVMFuzzerTestOneInput(corpus.inputs[i].data, corpus.inputs[i].size);
	}
	run_mutations(mutations);
	printf("%zu inputs, %llu mutations\n", corpus.count, (unsigned long long)mutations);
	for (size_t i = 0; i < corpus.count; i++) {
		free(corpus.inputs[i].data);
	}
	return EXIT_SUCCESS;
}
