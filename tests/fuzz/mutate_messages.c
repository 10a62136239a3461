/* SPDX-License-Identifier: MIT */
/* libFuzzer's mutations for inputs that are messages: whole messages move, go, come twice or become
 * another command; words become ids, structure types and sizes that the input already has. */
#include "protocol/sl_ids.h"
#include "protocol/sl_types.h"
#include "protocol/wire.h"
#include "tests/fuzz/fuzz.h"

#define MAX_MESSAGES 512u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

struct messages {
	size_t offsets[MAX_MESSAGES + 1]; /* the last is the end */
	size_t count;
};

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void find_messages(const uint8_t *data, size_t size, struct messages *ret_messages)
{
	struct sl_wire_header header;
	size_t at = 0;

	ret_messages->count = 0;
	while (at + sizeof(header) <= size && ret_messages->count < MAX_MESSAGES) {
		memcpy(&header, data + at, sizeof(header));
		ret_messages->offsets[ret_messages->count++] = at;
		if (header.size < sizeof(header) || header.size > size - at) {
			at = size;
			break;
		}
		at += header.size;
	}
	ret_messages->offsets[ret_messages->count] = at;
}

/* Remove the bytes from..end, and put a copy of them at another message's place first if twice. */
static size_t move_message(uint8_t *data, size_t size, size_t max_size, const struct messages *all,
			   size_t index, size_t place, bool twice)
{
	static uint8_t copy[1 << 16];
	size_t from = all->offsets[index];
	size_t length = all->offsets[index + 1] - from;
	size_t to = all->offsets[place];

	if (length > sizeof(copy) || size + length > max_size) {
		return size;
	}
	memcpy(copy, data + from, length);
	memmove(data + to + length, data + to, size - to);
	memcpy(data + to, copy, length);
	size += length;
	if (!twice) {
		from += to <= from ? length : 0;
		memmove(data + from, data + from + length, size - from - length);
		size -= length;
	}
	return size;
}

/* A word of one message becomes a word of another one: mostly ids, which have eight bytes. */
static void copy_words(uint8_t *data, size_t begin, size_t end, size_t size, uint32_t *random)
{
	size_t width = next_random(random) % 4 == 0 ? 4 : 8;

	if (end - begin > sizeof(struct sl_wire_header) + width && size > width) {
		size_t room = (end - begin - sizeof(struct sl_wire_header) - width) / 4 + 1;
		size_t to = begin + sizeof(struct sl_wire_header) + next_random(random) % room * 4;
		size_t from = next_random(random) % ((size - width) / 4 + 1) * 4;

		memmove(data + to, data + from, width);
	}
}

static void set_word(uint8_t *data, size_t begin, size_t end, uint32_t *random)
{
	static const uint32_t telling[] = { 0, 1, 2, 0x7fffffff, 0xffffffff, 0x10000, 64, 4096 };
	const size_t first = begin + sizeof(struct sl_wire_header);
	uint32_t value = next_random(random) % 2 == 0
				 ? telling[next_random(random) % 8]
				 : (uint32_t)sl_stype_list[next_random(random) % SL_STYPE_COUNT];

	if (end - first >= sizeof(value) && end > first) {
		memcpy(data + first + next_random(random) % ((end - first) / 4) * 4, &value,
		       sizeof(value));
	}
}

static void set_command(uint8_t *message, uint32_t *random)
{
	struct sl_wire_header header;

	memcpy(&header, message, sizeof(header));
	header.command_id = (uint16_t)(next_random(random) % SL_COMMAND_COUNT);
	memcpy(message, &header, sizeof(header));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	static struct messages all;
	uint32_t random = seed * 2654435761u | 1;

	find_messages(data, size, &all);
	if (all.count == 0 || next_random(&random) % 8 == 0) {
		return LLVMFuzzerMutate(data, size, max_size);
	}
	size_t index = next_random(&random) % all.count;
	size_t place = next_random(&random) % all.count;
	size_t begin = all.offsets[index];
	size_t end = all.offsets[index + 1];
	switch (next_random(&random) % 8) {
	case 0:
		return move_message(data, size, max_size, &all, index, place, true);
	case 1:
		return move_message(data, size, max_size, &all, index, place, false);
	case 2:
		memmove(data + begin, data + end, size - end);
		return size - (end - begin);
	case 3:
		set_command(data + begin, &random);
		return size;
	case 4:
	case 5:
		set_word(data, begin, end, &random);
		return size;
	default:
		copy_words(data, begin, end, size, &random);
		return size;
	}
}
