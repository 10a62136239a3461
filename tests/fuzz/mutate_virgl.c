/* SPDX-License-Identifier: MIT */
/* Mutations for inputs that are packets to a sluice-virgl: whole packets and whole commands of a
 * submission go, come twice, become others; words become what an input has elsewhere, or something
 * telling. Sizes are made right afterwards, mostly. */
#include "host/virgl/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/virgl_packets.h"

#define MAX_PARTS     1024u
#define COMMAND_COUNT 56u /* virgl's, and some that there are not */
#define OBJECT_COUNT  12u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* Parts of an input, or of a submission. */
struct parts {
	size_t offsets[MAX_PARTS + 1]; /* the last is the end */
	size_t count;
};

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

size_t fuzz_virgl_size(uint32_t type)
{
	switch (type) {
	case SL_VIRGL_MEMORY:
	case SL_VIRGL_SCREEN:
	case SL_VIRGL_FENCE:
		return 0;
	default:
		return sl_virgl_server_get_size(type);
	}
}

size_t fuzz_virgl_end(const uint8_t *data, size_t size, size_t at)
{
	struct sl_virgl_header header;

	if (size - at < sizeof(header)) {
		return size;
	}
	memcpy(&header, data + at, sizeof(header));
	size_t fixed = fuzz_virgl_size(header.type);
	if (fixed == 0 || fixed > size - at || header.payload > size - at - fixed) {
		return size;
	}
	return at + fixed + header.payload;
}

static uint32_t word_at(const uint8_t *data, size_t at)
{
	uint32_t word;

	memcpy(&word, data + at, sizeof(word));
	return word;
}

static void set_word(uint8_t *data, size_t at, uint32_t word)
{
	memcpy(data + at, &word, sizeof(word));
}

static void find_packets(const uint8_t *data, size_t size, struct parts *ret_parts)
{
	size_t at = 0;

	ret_parts->count = 0;
	while (at < size && ret_parts->count < MAX_PARTS) {
		ret_parts->offsets[ret_parts->count++] = at;
		at = fuzz_virgl_end(data, size, at);
	}
	ret_parts->offsets[ret_parts->count] = at;
}

/* The commands of a submission, which lies at begin..end without its fixed part. */
static void find_commands(const uint8_t *data, size_t begin, size_t end, struct parts *ret_parts)
{
	size_t at = begin;

	ret_parts->count = 0;
	while (end - at >= 4 && ret_parts->count < MAX_PARTS) {
		size_t length = 4 + (size_t)(word_at(data, at) >> 16) * 4;

		ret_parts->offsets[ret_parts->count++] = at;
		at = length < end - at ? at + length : end;
	}
	ret_parts->offsets[ret_parts->count] = at;
}

static size_t cut(uint8_t *data, size_t size, size_t begin, size_t end)
{
	memmove(data + begin, data + end, size - end);
	return size - (end - begin);
}

/* Puts a copy of from..end before to. */
static size_t copy(uint8_t *data, size_t size, size_t max_size, size_t from, size_t end, size_t to)
{
	static uint8_t part[1 << 16];
	size_t length = end - from;

	if (length > sizeof(part) || length > max_size - size) {
		return size;
	}
	memcpy(part, data + from, length);
	memmove(data + to + length, data + to, size - to);
	memcpy(data + to, part, length);
	return size + length;
}

/* A word of begin..end becomes another one. */
static void change_word(uint8_t *data, size_t size, size_t begin, size_t end, uint32_t *random)
{
	static const uint32_t telling[] = { 0,		1,	    2,	     0x7fffffff, 0xffffffff,
					    0x10000,	0x80000000, 0xffff,  64,	 4096,
					    0x3f800000, 0x7f800000, 0x1fffe, 33,	 255 };
	size_t count = (end - begin) / 4;

	if (count == 0 || size < 4) {
		return;
	}
	size_t at = begin + next_random(random) % count * 4;
	uint32_t word = word_at(data, at);

	switch (next_random(random) % 6) {
	case 0:
		word ^= 1u << next_random(random) % 32;
		break;
	case 1:
		word += next_random(random) % 16 - 8;
		break;
	case 2: /* an id, a format, a size that the input has */
	case 3:
		word = word_at(data, next_random(random) % (size / 4) * 4);
		break;
	default:
		word = telling[next_random(random) % (sizeof(telling) / sizeof(telling[0]))];
		break;
	}
	set_word(data, at, word);
}

/* The first word: command, object, length. */
static void change_command(uint8_t *data, size_t at, uint32_t *random)
{
	uint32_t word = word_at(data, at);

	switch (next_random(random) % 4) {
	case 0:
	case 1:
		word = (word & ~0xffu) | next_random(random) % COMMAND_COUNT;
		break;
	case 2:
		word = (word & ~0xff00u) | next_random(random) % OBJECT_COUNT << 8;
		break;
	default:
		word = (word & 0xffffu) | next_random(random) % 64 << 16;
		break;
	}
	set_word(data, at, word);
}

/* Returns the input's new size; that of the submission is the caller's to set right. */
static size_t change_submission(uint8_t *data, size_t size, size_t max_size, size_t begin,
				size_t end, uint32_t *random)
{
	static struct parts commands;

	find_commands(data, begin, end, &commands);
	if (commands.count == 0) {
		return size;
	}
	size_t index = next_random(random) % commands.count;
	size_t place = next_random(random) % commands.count;
	size_t from = commands.offsets[index];
	size_t to = commands.offsets[index + 1];

	switch (next_random(random) % 8) {
	case 0:
		return cut(data, size, from, to);
	case 1:
	case 2:
		return copy(data, size, max_size, from, to, commands.offsets[place]);
	case 3:
		change_command(data, from, random);
		return size;
	default:
		change_word(data, size, from + 4 < to ? from + 4 : from, to, random);
		return size;
	}
}

static size_t change_packet(uint8_t *data, size_t size, size_t max_size,
			    const struct parts *packets, size_t index, uint32_t *random)
{
	size_t begin = packets->offsets[index];
	size_t end = packets->offsets[index + 1];
	size_t fixed = size - begin >= 4 ? fuzz_virgl_size(word_at(data, begin)) : 0;

	if (fixed == 0 || end - begin < fixed) {
		return LLVMFuzzerMutate(data, size, max_size);
	}
	if (word_at(data, begin) != SL_VIRGL_SUBMIT || next_random(random) % 8 == 0) {
		/* Not the type: what is behind would be lost. */
		change_word(data, size, begin + sizeof(struct sl_virgl_header), end, random);
		return size;
	}
	size_t now = change_submission(data, size, max_size, begin + fixed, end, random);

	set_word(data, begin + 4, (uint32_t)(end - begin - fixed + now - size));
	return now;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	static struct parts packets;
	uint32_t random = seed * 2654435761u | 1;

	find_packets(data, size, &packets);
	if (packets.count == 0 || next_random(&random) % 64 == 0) {
		return LLVMFuzzerMutate(data, size, max_size);
	}
	size_t index = next_random(&random) % packets.count;
	size_t place = next_random(&random) % packets.count;

	switch (next_random(&random) % 16) {
	case 0:
		return cut(data, size, packets.offsets[index], packets.offsets[index + 1]);
	case 1:
		return copy(data, size, max_size, packets.offsets[index],
			    packets.offsets[index + 1], packets.offsets[place]);
	default:
		return change_packet(data, size, max_size, &packets, index, &random);
	}
}
