/* SPDX-License-Identifier: MIT */
/* protocol/handshake: lists survive the way, bad ones are refused, both ends agree. */
#include "protocol/handshake.h"
#include "protocol/wire.h"

#include "tests/unit/sl_test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTS offsetof(struct sl_packet_welcome, lists)

static const uint32_t own_stypes[] = { 1, 5, 6, 1000000001, 1000000059 };
static const char *const own_extensions[] = { "VK_A_one", "VK_B_two", "VK_C_three", NULL };
static const struct sl_handshake_lists own = {
	.commands = { 0xff, 0, 0x80000001 },
	.stypes = own_stypes,
	.stype_count = 5,
	.extensions = own_extensions,
};

static uint8_t *make_packet(const struct sl_handshake_lists *lists, size_t *ret_size)
{
	size_t size = sizeof(struct sl_packet_welcome) + sl_handshake_lists_size(lists);
	uint8_t *packet = calloc(1, size);

	assert_non_null(packet);
	sl_handshake_init_header((struct sl_packet_header *)packet, SL_PACKET_WELCOME, size);
	sl_handshake_write_lists(packet, LISTS, lists);
	*ret_size = size;
	return packet;
}

static void test_lists_survive(void **state)
{
	struct sl_handshake_peer peer;
	struct sl_caps caps;
	size_t size;
	uint8_t *packet = make_packet(&own, &size);

	assert_null(sl_handshake_check_header(packet, size, SL_PACKET_WELCOME,
					      sizeof(struct sl_packet_welcome)));
	assert_null(sl_handshake_read_lists(packet, size, LISTS, &peer));
	assert_int_equal(peer.stype_count, 5);
	assert_int_equal(peer.extension_count, 3);
	assert_true(sl_handshake_peer_has_extension(&peer, "VK_A_one"));
	assert_true(sl_handshake_peer_has_extension(&peer, "VK_C_three"));
	assert_false(sl_handshake_peer_has_extension(&peer, "VK_C_thre"));
	assert_false(sl_handshake_peer_has_extension(&peer, ""));
	sl_handshake_intersect(&own, &peer, &caps);
	assert_memory_equal(caps.commands, own.commands, sizeof(own.commands));
	assert_int_equal(caps.structs[0], 0x1f);
	free(packet);
}

static void test_empty_lists(void **state)
{
	const char *const none[] = { NULL };
	const struct sl_handshake_lists empty = { .extensions = none };
	struct sl_handshake_peer peer;
	struct sl_caps caps;
	size_t size;
	uint8_t *packet = make_packet(&empty, &size);

	assert_int_equal(size, sizeof(struct sl_packet_welcome));
	assert_null(sl_handshake_read_lists(packet, size, LISTS, &peer));
	sl_handshake_intersect(&own, &peer, &caps);
	assert_int_equal(caps.commands[0], 0);
	assert_int_equal(caps.structs[0], 0);
	free(packet);
}

static void test_intersection_indexes_our_own_list(void **state)
{
	const uint32_t stypes[] = { 0, 5, 7, 1000000000, 1000000059, 1000000060 };
	const struct sl_handshake_lists other = {
		.commands = { 0x0f, 0xff, 0x80000000 },
		.stypes = stypes,
		.stype_count = 6,
		.extensions = own_extensions,
	};
	struct sl_handshake_peer peer;
	struct sl_caps caps;
	size_t size;

	uint8_t *packet = make_packet(&other, &size);
	assert_null(sl_handshake_read_lists(packet, size, LISTS, &peer));
	sl_handshake_intersect(&own, &peer, &caps);
	assert_int_equal(caps.commands[0], 0x0f);
	assert_int_equal(caps.commands[1], 0);
	assert_int_equal(caps.commands[2], 0x80000000);
	assert_int_equal(caps.structs[0], 1u << 1 | 1u << 4);
	free(packet);

	packet = make_packet(&own, &size);
	assert_null(sl_handshake_read_lists(packet, size, LISTS, &peer));
	sl_handshake_intersect(&other, &peer, &caps);
	assert_int_equal(caps.structs[0], 1u << 1 | 1u << 4);
	free(packet);
}

static void test_bad_headers(void **state)
{
	const struct sl_packet_header good = {
		.magic = SL_PACKET_MAGIC,
		.type = SL_PACKET_REGION,
		.version = SL_WIRE_VERSION,
		.size = sizeof(struct sl_packet_header),
	};
	struct sl_packet_header bad[6];

	assert_null(sl_handshake_check_header((const uint8_t *)&good, sizeof(good),
					      SL_PACKET_REGION, sizeof(good)));
	for (int i = 0; i < 6; i++) {
		bad[i] = good;
	}
	bad[0].magic++;
	bad[1].type = SL_PACKET_HELLO;
	bad[2].version++;
	bad[3].size++;
	bad[4].size = 0;
	bad[5].reserved = 1;
	for (int i = 0; i < 6; i++) {
		assert_non_null(sl_handshake_check_header((const uint8_t *)&bad[i], sizeof(good),
							  SL_PACKET_REGION, sizeof(good)));
	}
	assert_non_null(sl_handshake_check_header((const uint8_t *)&good, sizeof(good) - 1,
						  SL_PACKET_REGION, 0));
	assert_non_null(sl_handshake_check_header((const uint8_t *)&good, sizeof(good),
						  SL_PACKET_REGION, sizeof(good) + 1));
}

/* Change one u32 of the lists and expect a refusal. */
static void expect_refused(size_t offset, uint32_t value)
{
	struct sl_handshake_peer peer;
	size_t size;
	uint8_t *packet = make_packet(&own, &size);

	memcpy(packet + offset, &value, sizeof(value));
	assert_non_null(sl_handshake_read_lists(packet, size, LISTS, &peer));
	free(packet);
}

static void test_bad_counts(void **state)
{
	const uint32_t values[] = { 0, 4, 6, 1u << 30, UINT32_MAX };
	const size_t counts[] = {
		LISTS + offsetof(struct sl_packet_lists, stype_count),
		LISTS + offsetof(struct sl_packet_lists, extension_count),
		LISTS + offsetof(struct sl_packet_lists, extension_bytes),
	};

	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 5; k++) {
			expect_refused(counts[i], values[k]);
		}
	}
	expect_refused(LISTS + offsetof(struct sl_packet_lists, reserved), 1);
}

static void test_bad_lists(void **state)
{
	size_t stypes = sizeof(struct sl_packet_welcome);
	size_t names = stypes + sizeof(own_stypes);
	struct sl_handshake_peer peer;
	size_t size;

	expect_refused(stypes, 5);	   /* twice */
	expect_refused(stypes + 4, 7);	   /* out of order */
	expect_refused(names, 0x20305f56); /* a blank */
	expect_refused(names, 0x0a305f56); /* a newline */
	expect_refused(names, 0);	   /* an empty name */
	for (size_t cut = 1; cut < 40; cut++) {
		uint8_t *packet = make_packet(&own, &size);
		uint8_t *shorter = malloc(size - cut);

		assert_non_null(shorter);
		memcpy(shorter, packet, size - cut);
		assert_non_null(sl_handshake_read_lists(shorter, size - cut, LISTS, &peer));
		free(shorter);
		free(packet);
	}
	/* The last name has no end. */
	uint8_t *packet = make_packet(&own, &size);
	packet[size - 1] = 'x';
	assert_non_null(sl_handshake_read_lists(packet, size, LISTS, &peer));
	free(packet);
}

static void test_refusal(void **state)
{
	struct sl_packet_refused refused;
	char text[1000];
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	sl_handshake_refuse(fds[0], text);
	assert_int_equal(recv(fds[1], &refused, sizeof(refused), MSG_DONTWAIT), sizeof(refused));
	assert_null(sl_handshake_check_header((const uint8_t *)&refused, sizeof(refused),
					      SL_PACKET_REFUSED, sizeof(refused)));
	assert_int_equal(strlen(refused.text), SL_REFUSED_TEXT_SIZE - 1);
	/* A guest that is gone raises no signal. */
	close(fds[1]);
	sl_handshake_refuse(fds[0], text);
	close(fds[0]);
}

/* What this build can speak goes into one packet, and into the caps. */
static void test_generated_lists(void **state)
{
	const char *const none[] = { NULL };
	struct sl_handshake_lists lists;
	struct sl_handshake_peer peer;
	size_t size;

	sl_handshake_init_lists(&lists);
	lists.extensions = none;
	assert_true(lists.stype_count > 0 && lists.stype_count <= SL_CAPS_STRUCT_WORDS * 32);
	assert_true(sl_handshake_lists_size(&lists) > 0);
	uint8_t *packet = make_packet(&lists, &size);
	assert_null(sl_handshake_read_lists(packet, size, LISTS, &peer));
	free(packet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_survive),
		cmocka_unit_test(test_empty_lists),
		cmocka_unit_test(test_intersection_indexes_our_own_list),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_bad_counts),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_generated_lists),
	};

	return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
