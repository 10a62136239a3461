/* SPDX-License-Identifier: MIT */
/* Every command, with random arguments: what is encoded, decoded and encoded again is the same,
 * sizes are predicted, and damaged messages fail or decode within limits. Runs under the address
 * and undefined-behaviour sanitizers. */
#include "tests/roundtrip/roundtrip.h"

#include "protocol/sl_ids.h"
#include "protocol/sl_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define RANDOM_ROUNDS 12
#define ARENA_LIMIT   (1u << 20)
/* All damages of a message are tried up to this size; of longer ones a part. */
#define THOROUGH_SIZE 4096

static struct rt rt;
static struct sl_arena arena;
static struct sl_caps caps;

/* One message in memory of just its size. */
struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes bytes_create(size_t size)
{
	struct bytes bytes = { malloc(size > 0 ? size : 1), size };

	assert_non_null(bytes.data);
	return bytes;
}

static void *args_create(const struct roundtrip_command *command)
{
	void *args = calloc(1, command->args_size);

	assert_non_null(args);
	return args;
}

static struct sl_reader reader_of(const uint8_t *data, size_t size, struct sl_resolver *resolver)
{
	sl_arena_reset(&arena);
	return (struct sl_reader){ .cur = data,
				   .end = data + size,
				   .arena = &arena,
				   .resolver = rt_get_resolver(&rt, resolver) };
}

static struct bytes encode(const struct roundtrip_command *command, const void *args)
{
	struct bytes bytes = bytes_create(command->size(&caps, args));
	struct sl_writer out = { bytes.data, bytes.data + bytes.size, &caps };

	assert_int_equal(bytes.size % 4, 0);
	command->encode(&out, args);
	assert_ptr_equal(out.cur, out.end);
	return bytes;
}

static struct bytes encode_reply(const struct roundtrip_command *command, const void *args)
{
	struct bytes bytes = bytes_create(command->reply_size(&caps, args));
	struct sl_writer out = { bytes.data, bytes.data + bytes.size, &caps };

	command->reply_encode(&out, args);
	assert_ptr_equal(out.cur, out.end);
	return bytes;
}

/* Record commands do not carry their command buffer, which comes at the same place in all. */
static void copy_command_buffer(const struct roundtrip_command *command, void *to, const void *from)
{
	const size_t offset = offsetof(struct sl_vkCmdDraw, commandBuffer);

	if (command->is_recorded) {
		memcpy((uint8_t *)to + offset, (const uint8_t *)from + offset,
		       sizeof(VkCommandBuffer));
	}
}

static void assert_same_bytes(struct bytes a, struct bytes b)
{
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.data, b.data, a.size);
}

static char *dump(const struct roundtrip_command *command, const void *args)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	command->dump(out, args);
	fclose(out);
	return text;
}

static void assert_same_dump(const struct roundtrip_command *command, const void *a, const void *b)
{
	char *dump_a = dump(command, a);
	char *dump_b = dump(command, b);
	size_t same = 0;

	while (dump_a[same] != '\0' && dump_a[same] == dump_b[same]) {
		same++;
	}
	if (dump_a[same] != dump_b[same]) {
		size_t from = same > 80 ? same - 80 : 0;

		fail_msg("...%.200s\nis now\n...%.200s", dump_a + from, dump_b + from);
	}
	free(dump_a);
	free(dump_b);
}

/* Whether it decodes; then what was decoded must be sound enough to be encoded. */
static bool try_decode(const struct roundtrip_command *command, const uint8_t *data, size_t size)
{
	struct sl_resolver resolver;
	struct sl_reader in = reader_of(data, size, &resolver);
	void *args = args_create(command);

	command->decode(&in, args);
	bool is_good = !sl_reader_failed(&in);
	if (is_good) {
		struct bytes again = encode(command, args);
		free(again.data);
	}
	free(args);
	return is_good;
}

static void truncate_request(const struct roundtrip_command *command, struct bytes bytes)
{
	size_t step = bytes.size > THOROUGH_SIZE ? 4 * (bytes.size / THOROUGH_SIZE + 1) : 1;

	for (size_t size = 0; size < bytes.size; size += step) {
		struct bytes part = bytes_create(size);

		memcpy(part.data, bytes.data, size);
		assert_false(try_decode(command, part.data, size));
		free(part.data);
	}
}

/* Call try() with each word of data changed in several ways. */
static void corrupt(struct bytes bytes, void (*try)(const void *data, struct bytes bytes),
		    const void *data)
{
	size_t step = bytes.size > THOROUGH_SIZE ? 4 * (bytes.size / THOROUGH_SIZE + 1) : 4;

	for (size_t at = 0; at + 4 <= bytes.size; at += step) {
		uint32_t word = sl_get_u32(bytes.data + at);
		const uint32_t values[] = { 0,	      1,	word + 1,    word - 1,
					    word ^ 2, 1u << 24, 0x7fffffffu, UINT32_MAX };

		for (size_t i = 0; i < SL_ARRAY_COUNT(values); i++) {
			if (values[i] != word) {
				sl_put_u32(bytes.data + at, values[i]);
				try(data, bytes);
			}
		}
		sl_put_u32(bytes.data + at, word);
	}
}

static void try_request(const void *data, struct bytes bytes)
{
	try_decode(data, bytes.data, bytes.size);
}

/* A reply, and how to make the arguments that it is for. */
struct reply_case {
	const struct roundtrip_command *command;
	uint64_t seed;
	enum rt_mode mode;
};

static bool try_decode_reply(const struct reply_case *reply, const uint8_t *data, size_t size)
{
	struct sl_resolver resolver;
	void *args = args_create(reply->command);

	rt_reset(&rt, reply->seed, reply->mode);
	reply->command->fill(&rt, args);
	struct sl_reader in = reader_of(data, size, &resolver);
	reply->command->reply_decode(&in, args);
	bool is_good = !sl_reader_failed(&in);
	free(args);
	return is_good;
}

static void try_reply(const void *data, struct bytes bytes)
{
	try_decode_reply(data, bytes.data, bytes.size);
}

static void damage_reply(const struct reply_case *reply, struct bytes bytes)
{
	size_t step = bytes.size > THOROUGH_SIZE ? 4 * (bytes.size / THOROUGH_SIZE + 1) : 1;

	for (size_t size = 0; size < bytes.size; size += step) {
		struct bytes part = bytes_create(size);

		memcpy(part.data, bytes.data, size);
		assert_false(try_decode_reply(reply, part.data, size));
		free(part.data);
	}
	corrupt(bytes, try_reply, reply);
}

/* guest: the application's arguments; host: what was decoded of them. */
static void check_reply(const struct roundtrip_command *command, void *guest, void *host,
			uint64_t seed, enum rt_mode mode)
{
	size_t capacity = command->reply_size(&caps, guest);

	command->result(&rt, host);
	struct bytes bytes = encode_reply(command, host);
	assert_true(bytes.size <= capacity);

	struct sl_resolver resolver;
	struct sl_reader in = { .cur = bytes.data,
				.end = bytes.data + bytes.size,
				.arena = &arena,
				.resolver = rt_get_resolver(&rt, &resolver) };
	command->reply_decode(&in, guest);
	assert_null(in.why);
	assert_ptr_equal(in.cur, in.end);
	struct bytes again = encode_reply(command, guest);
	assert_same_bytes(bytes, again);
	if (mode != RT_DIRTY) {
		assert_same_dump(command, guest, host);
	}
	damage_reply(&(struct reply_case){ command, seed, mode }, bytes);
	free(bytes.data);
	free(again.data);
}

static void check_round(const struct roundtrip_command *command, uint64_t seed, enum rt_mode mode)
{
	void *guest = args_create(command);
	void *host = args_create(command);
	struct sl_resolver resolver;

	rt_reset(&rt, seed, mode);
	command->fill(&rt, guest);
	struct bytes bytes = encode(command, guest);

	struct sl_reader in = reader_of(bytes.data, bytes.size, &resolver);
	copy_command_buffer(command, host, guest);
	command->decode(&in, host);
	assert_null(in.why);
	assert_ptr_equal(in.cur, in.end);
	struct bytes again = encode(command, host);
	assert_same_bytes(bytes, again);
	free(again.data);

	/* The reply first: to damage the request is to reuse the arena that host points to. */
	if (command->result != NULL) {
		check_reply(command, guest, host, seed, mode);
	} else if (mode != RT_DIRTY) {
		assert_same_dump(command, guest, host);
	}
	truncate_request(command, bytes);
	corrupt(bytes, try_request, command);
	free(bytes.data);
	free(guest);
	free(host);
}

static void test_command(void **state)
{
	const struct roundtrip_command *command = *state;

	check_round(command, 1, RT_MINIMAL);
	check_round(command, 2, RT_FULL);
	for (uint64_t i = 0; i < RANDOM_ROUNDS; i++) {
		check_round(command, 3 + i, RT_RANDOM);
		check_round(command, 100 + i, RT_DIRTY);
	}
}

static void test_every_chained_struct_was_tried(void **state)
{
	for (size_t i = 0; i < roundtrip_chained_count; i++) {
		int index = sl_stype_index(roundtrip_chained[i]);

		assert_true(index >= 0);
		if ((rt.seen[index / 32] >> (index % 32) & 1) == 0) {
			fail_msg("%s was in no chain", sl_stype_name((uint32_t)index));
		}
	}
}

/* An argument is a pattern for the commands to be tested. */
int main(int argc, char **argv)
{
	struct CMUnitTest *tests = calloc(roundtrip_command_count + 1, sizeof(*tests));

	assert(tests != NULL);
	for (size_t i = 0; i < roundtrip_command_count; i++) {
		/* cmocka does not change the state that it is given. */
		tests[i] = (struct CMUnitTest){
			.name = roundtrip_commands[i].name,
			.test_func = test_command,
			.initial_state = (void *)(uintptr_t)&roundtrip_commands[i],
		};
	}
	tests[roundtrip_command_count] =
		(struct CMUnitTest)cmocka_unit_test(test_every_chained_struct_was_tried);

	if (argc > 1) {
		cmocka_set_test_filter(argv[1]);
	}
	rt_init(&rt);
	sl_arena_init(&arena, ARENA_LIMIT);
	sl_command_fill_caps(&caps);
	sl_stype_fill_caps(&caps);
	int failed = _cmocka_run_group_tests("roundtrip", tests, roundtrip_command_count + 1, NULL,
					     NULL);
	sl_arena_finish(&arena);
	rt_finish(&rt);
	free(tests);
	return failed;
}
