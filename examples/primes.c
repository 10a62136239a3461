/* SPDX-License-Identifier: MIT */
/* An ordinary Vulkan program that finds prime numbers on the GPU and checks each of them. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vkt/vkt.h"

#include "primes_comp.h"

#define GROUP_SIZE 64
#define FIRST	   3u /* what is even, and 1, is not asked about */

struct arguments {
	uint32_t rounds;
	uint32_t bits; /* numbers below 2^bits */
};

struct push {
	uint32_t first;
	uint32_t word_count;
};

/* Bit i of the sieve: is FIRST + 2 * i prime? To be freed. */
static uint32_t *sieve(uint32_t word_count)
{
	uint32_t *words = malloc(word_count * sizeof(*words));
	uint64_t count = (uint64_t)word_count * 32;
	uint64_t end = FIRST + 2 * count;

	VKT_EXPECT(words != NULL);
	memset(words, 0xff, word_count * sizeof(*words));
	for (uint64_t n = FIRST; n * n < end; n += 2) {
		for (uint64_t multiple = n * n; multiple < end; multiple += 2 * n) {
			uint64_t i = (multiple - FIRST) / 2;

			words[i / 32] &= ~(1u << (i % 32));
		}
	}
	return words;
}

static uint32_t count_bits(const uint32_t *words, uint32_t word_count)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < word_count; i++) {
		count += (uint32_t)__builtin_popcount(words[i]);
	}
	return count;
}

/* One search on the GPU; returns how many primes it says there are. */
static uint32_t search(struct vkt *t, const struct vkt_kernel *kernel, VkCommandBuffer cmd,
		       const struct vkt_buffer *count, uint32_t word_count)
{
	const struct push push = { .first = FIRST, .word_count = word_count };
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	VKT_OK(vkBeginCommandBuffer(cmd, &begin));
	vkCmdFillBuffer(cmd, count->handle, 0, sizeof(uint32_t), 0);
	vkt_barrier(cmd);
	vkt_bind_kernel(cmd, kernel);
	vkCmdPushConstants(cmd, kernel->layout, VK_SHADER_STAGE_ALL, 0, sizeof(push), &push);
	vkCmdDispatch(cmd, (word_count + GROUP_SIZE - 1) / GROUP_SIZE, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	return *(const uint32_t *)count->map;
}

static int print_usage(FILE *out)
{
	fprintf(out,
		"usage: primes [--rounds N] [--bits N]\n"
		"Find the primes below 2^bits (10 to 26; default: 20) on the first Vulkan device,\n"
		"N times (default: 8), and check them against a sieve.\n");
	return out == stderr ? 2 : 0;
}

/* Returns -1, or the exit status. */
static int parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "bits", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			arguments->rounds = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'b':
			arguments->bits = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'h':
			return print_usage(stdout);
		default:
			return print_usage(stderr);
		}
	}
	if (optind != argc || arguments->bits < 10 || arguments->bits > 26) {
		return print_usage(stderr);
	}
	return -1;
}

int main(int argc, char **argv)
{
	const struct vkt_options options = { .flags = VKT_PLAIN };
	struct arguments arguments = { .rounds = 8, .bits = 20 };
	uint64_t search_ns = 0;
	uint32_t found = 0;
	struct vkt t;
	int status = parse(argc, argv, &arguments);

	if (status >= 0) {
		return status;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	uint32_t word_count = (1u << arguments.bits) / 64;
	uint32_t *expected = sieve(word_count);
	uint32_t expected_count = count_bits(expected, word_count);
	vkt_open(&t, &options);
	printf("primes: below 2^%u, %u rounds on %s\n", arguments.bits, arguments.rounds,
	       t.properties.deviceName);
	struct vkt_buffer words = vkt_create_buffer(&t, word_count * sizeof(uint32_t),
						    VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	struct vkt_buffer count = vkt_create_buffer(
		&t, sizeof(uint32_t),
		VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT, VKT_HOST);
	const struct vkt_buffer *const buffers[] = { &words, &count };
	struct vkt_kernel kernel =
		vkt_create_kernel(&t, VKT_CODE(primes_comp), buffers, 2, sizeof(struct push), NULL);
	VkCommandBuffer cmd = vkt_allocate_command_buffer(&t, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	for (uint32_t round = 0; round < arguments.rounds; round++) {
		uint64_t start_ns = vkt_now_ns();

		memset(words.map, 0, word_count * sizeof(uint32_t));
		found = search(&t, &kernel, cmd, &count, word_count);
		search_ns += vkt_now_ns() - start_ns;
		VKT_EXPECT(found == expected_count);
		VKT_EXPECT(memcmp(words.map, expected, word_count * sizeof(uint32_t)) == 0);
	}
	/* Counting 2, and not 2^bits + 1, which the last bit of the last word stands for. */
	found = found + 1 - (expected[word_count - 1] >> 31);
	free(expected);
	printf("primes: %u found, and each of them is right; %.2f ms per round\n", found,
	       arguments.rounds > 0 ? (double)search_ns / 1e6 / (double)arguments.rounds : 0.0);
	return vkt_close(&t) ? EXIT_SUCCESS : EXIT_FAILURE;
}
