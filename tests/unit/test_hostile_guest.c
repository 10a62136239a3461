/* SPDX-License-Identifier: MIT */
/* host/link against a guest that lies: in its hello, in its packets, in its ring. */
#include "tests/unit/link_fixture.h"

#include "host/base/fd.h"
#include "protocol/limits.h"
#include "protocol/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* One field of an otherwise correct hello. */
struct spoilt_field {
	size_t offset;
	uint32_t value;
};

#define HELLO(field) offsetof(struct sl_packet_hello, field)

static void test_correct_hello(void **state)
{
	struct link_fixture *f = *state;
	struct raw_guest raw;

	raw_guest_connect(&raw, f);
	/* Nothing that a terminal would obey. */
	assert_string_equal(sl_host_link_get_program(f->host), "raw_guest_[31m");
	assert_int_equal(sl_host_link_get_guest_pid(f->host), 42);
	raw_guest_finish(&raw);
}

static void test_spoilt_hellos(void **state)
{
	struct link_fixture *f = *state;
	const struct spoilt_field fields[] = {
		{ HELLO(header.magic), 0 },
		{ HELLO(header.type), SL_PACKET_WELCOME | SL_WIRE_VERSION << 16 },
		{ HELLO(header.type), SL_PACKET_HELLO | (SL_WIRE_VERSION + 1) << 16 },
		{ HELLO(header.size), 0 },
		{ HELLO(header.size), UINT32_MAX },
		{ HELLO(header.reserved), 1 },
		{ HELLO(ring_size), 0 },
		{ HELLO(ring_size), SL_RING_MIN_SIZE / 2 },
		{ HELLO(ring_size), SL_RING_MIN_SIZE + 4096 },
		{ HELLO(ring_size), SL_RING_MIN_SIZE * 2 }, /* more than the memfd has */
		{ HELLO(ring_size), SL_RING_MAX_SIZE * 2 },
		{ HELLO(ring_size), 1u << 31 },
		{ HELLO(reply_size), 0 },
		{ HELLO(reply_size), SL_REPLY_AREA_SIZE * 2 },
		{ HELLO(sync_size), 4096 },
		{ HELLO(sync_size), UINT32_MAX },
		{ HELLO(lists.stype_count), 0 },
		{ HELLO(lists.stype_count), UINT32_MAX },
		{ HELLO(lists.extension_count), 0 },
		{ HELLO(lists.extension_count), UINT32_MAX },
		{ HELLO(lists.extension_bytes), 1 },
		{ HELLO(lists.extension_bytes), UINT32_MAX },
		{ HELLO(lists.reserved), 1 },
		{ sizeof(struct sl_packet_hello), UINT32_MAX }, /* the first sType */
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct raw_guest raw;

		raw_guest_init(&raw);
		memcpy(raw.hello + fields[i].offset, &fields[i].value, 4);
		raw_guest_greet(&raw, f, SL_HELLO_FD_COUNT);
		assert_int_equal(f->host_result, -EPROTO);
		assert_null(f->host);
		raw_guest_finish(&raw);
	}
}

static void test_other_version_is_explained(void **state)
{
	struct link_fixture *f = *state;
	struct raw_guest raw;

	raw_guest_init(&raw);
	((struct sl_packet_header *)raw.hello)->version = 9;
	/* Whatever else that version may have changed. */
	raw.hello_size = sizeof(struct sl_packet_header);
	raw_guest_greet(&raw, f, 0);
	assert_int_equal(f->host_result, -EPROTO);
	raw_guest_finish(&raw);

	raw_guest_init(&raw);
	((struct sl_packet_header *)raw.hello)->version = 9;
	raw_guest_greet(&raw, f, SL_HELLO_FD_COUNT);
	assert_non_null(strstr(raw.refusal, "version 9"));
	raw_guest_finish(&raw);
}

static void test_hello_of_a_wrong_size(void **state)
{
	struct link_fixture *f = *state;
	const size_t sizes[] = { 1, 15, 16, sizeof(struct sl_packet_hello) - 1,
				 sizeof(struct sl_packet_hello) };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint32_t honest = 0; honest < 2; honest++) {
			struct raw_guest raw;

			raw_guest_init(&raw);
			raw.hello_size = sizes[i];
			if (honest != 0) {
				((struct sl_packet_header *)raw.hello)->size = (uint32_t)sizes[i];
			}
			raw_guest_greet(&raw, f, SL_HELLO_FD_COUNT);
			assert_int_equal(f->host_result, -EPROTO);
			raw_guest_finish(&raw);
		}
	}
}

static void test_wrong_number_of_descriptors(void **state)
{
	struct link_fixture *f = *state;

	for (int count = 0; count <= SL_FD_MAX_SENT; count++) {
		struct raw_guest raw;

		if (count == SL_HELLO_FD_COUNT) {
			continue;
		}
		raw_guest_init(&raw);
		raw_guest_greet(&raw, f, count);
		assert_int_equal(f->host_result, -EPROTO);
		raw_guest_finish(&raw);
	}
}

/* Replace one descriptor of the hello. */
static void expect_bad_share(struct link_fixture *f, int index, int fd)
{
	struct raw_guest raw;

	assert_true(fd >= 0);
	raw_guest_init(&raw);
	close(raw.shares[index]);
	raw.shares[index] = fd;
	raw_guest_greet(&raw, f, SL_HELLO_FD_COUNT);
	assert_int_equal(f->host_result, -EPROTO);
	assert_null(f->host);
	raw_guest_finish(&raw);
}

static void test_bad_descriptors(void **state)
{
	struct link_fixture *f = *state;

	for (int i = 0; i < SL_HELLO_FD_COUNT; i++) {
		expect_bad_share(f, i, raw_guest_create_memory(4u << 20, 0)); /* may shrink */
		expect_bad_share(f, i, raw_guest_create_memory(4u << 20, F_SEAL_GROW));
		expect_bad_share(f, i, raw_guest_create_memory(4096, F_SEAL_SHRINK)); /* short */
		expect_bad_share(f, i, raw_guest_create_memory(0, F_SEAL_SHRINK));
		expect_bad_share(f, i,
				 raw_guest_create_memory(4u << 20, F_SEAL_SHRINK | F_SEAL_WRITE));
		expect_bad_share(f, i, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
		expect_bad_share(f, i, open("/dev/zero", O_RDWR | O_CLOEXEC));
		expect_bad_share(f, i, eventfd(0, EFD_CLOEXEC));
		expect_bad_share(f, i, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	}
}

static void test_huge_pages(void **state)
{
	struct link_fixture *f = *state;
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (fd < 0) {
		return; /* this kernel has none */
	}
	assert_int_equal(ftruncate(fd, 4 << 20), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	expect_bad_share(f, 0, fd);
	assert_non_null(strstr(f->host_why, "ordinary pages"));
}

static void test_guest_leaves_before_its_hello(void **state)
{
	struct link_fixture *f = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	close(fds[0]);
	assert_int_equal(sl_host_link_accept(fds[1], &f->options, &f->host, f->host_why,
					     sizeof(f->host_why)),
			 -EPIPE);
	assert_null(f->host);
}

static void expect_receive(struct link_fixture *f, int result)
{
	struct sl_message message = { 0 };
	const char *why = NULL;

	assert_int_equal(sl_host_link_receive(f->host, &message, &why), result);
	if (result < 0) {
		assert_non_null(why);
		assert_null(message.data);
	}
}

static void disconnect(struct raw_guest *raw, struct link_fixture *f)
{
	sl_host_link_destroy(f->host);
	f->host = NULL;
	raw_guest_finish(raw);
}

static void test_bad_message_sizes(void **state)
{
	struct link_fixture *f = *state;
	const uint32_t sizes[] = { 0,
				   1,
				   8,
				   15,
				   17,
				   20,
				   28,
				   SL_MAX_MESSAGE_SIZE + 8,
				   1u << 31,
				   UINT32_MAX,
				   UINT32_MAX - 7 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sl_wire_header messages[2] = {
			{ .size = 16, .command_id = 1, .seqno = 0 },
			{ .size = sizes[i], .command_id = 1, .seqno = 1 },
		};
		struct raw_guest raw;

		raw_guest_connect(&raw, f);
		raw_guest_write(&raw, messages, sizeof(messages));
		expect_receive(f, 0);
		expect_receive(f, -EBADMSG);
		disconnect(&raw, f);
	}
}

static void test_out_of_sequence(void **state)
{
	struct link_fixture *f = *state;
	const uint32_t seqnos[] = { 1, UINT32_MAX };

	for (size_t i = 0; i < 2; i++) {
		const struct sl_wire_header message = { .size = 16, .seqno = seqnos[i] };
		struct raw_guest raw;

		raw_guest_connect(&raw, f);
		raw_guest_write(&raw, &message, sizeof(message));
		expect_receive(f, -EBADMSG);
		disconnect(&raw, f);
	}
}

static void test_hostile_head(void **state)
{
	struct link_fixture *f = *state;
	const uint32_t heads[] = { SL_RING_MIN_SIZE + 16, SL_RING_MIN_SIZE + 17, 8, UINT32_MAX };

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const struct sl_wire_header message = { .size = 16 };
		struct raw_guest raw;

		raw_guest_connect(&raw, f);
		raw_guest_write(&raw, &message, sizeof(message));
		expect_receive(f, 0);
		atomic_store(&raw.ring.shared->head, heads[i]);
		/* The first is possible: the ring is full. But what lies there is no message. */
		expect_receive(f, -EBADMSG);
		expect_receive(f, -EBADMSG);
		disconnect(&raw, f);
	}
}

static void test_guest_leaves_in_the_middle_of_a_message(void **state)
{
	struct link_fixture *f = *state;
	const uint32_t sizes[] = { 64, 100000, SL_MAX_MESSAGE_SIZE };

	for (size_t i = 0; i < 3; i++) {
		const struct sl_wire_header message = { .size = sizes[i], .command_id = 1 };
		struct raw_guest raw;

		for (size_t has = 8; has <= 16; has += 8) {
			raw_guest_connect(&raw, f);
			raw_guest_write(&raw, &message, has);
			sl_fd_close(raw.socket);
			raw.socket = -1;
			expect_receive(f, -EPIPE);
			disconnect(&raw, f);
		}
	}
}

static void test_bad_reply_slots(void **state)
{
	struct link_fixture *f = *state;
	const struct sl_wire_reply_slot good = { .region_id = SL_REGION_REPLY, .capacity = 8 };
	struct sl_wire_reply_slot bad[9];
	struct raw_guest raw;
	uint8_t *payload;

	raw_guest_connect(&raw, f);
	for (int i = 0; i < 9; i++) {
		bad[i] = good;
	}
	bad[0].region_id = 0;
	bad[1].region_id = 2;
	bad[2].offset = 32;
	bad[3].offset = SL_REPLY_AREA_SIZE;
	bad[4].offset = UINT32_MAX - 63;
	bad[5].capacity = SL_REPLY_AREA_SIZE - 7;
	bad[6].capacity = UINT32_MAX;
	bad[7].capacity = 7;
	bad[8].reserved = 1;
	for (int i = 0; i < 9; i++) {
		assert_int_equal(sl_host_link_begin_reply(f->host, &bad[i], 8, &payload), -EBADMSG);
	}
	assert_int_equal(sl_host_link_begin_reply(f->host, &good, 8, &payload), 0);
	sl_host_link_commit_reply(f->host);
	assert_int_equal(((struct sl_reply_header *)raw.memory[1])->size, 8);

	struct sl_wire_reply_slot last = good;
	last.offset = SL_REPLY_AREA_SIZE - 64;
	last.capacity = 64 - sizeof(struct sl_reply_header);
	assert_int_equal(sl_host_link_begin_reply(f->host, &last, 56, &payload), 0);
	memset(payload, 1, 56);
	/* A reply that is begun but not committed is dropped by the next. */
	assert_int_equal(sl_host_link_begin_reply(f->host, &good, 8, &payload), 0);
	raw_guest_finish(&raw);
}

static struct sl_packet_region make_region(uint32_t region_id, uint64_t size)
{
	struct sl_packet_region packet = { .region_id = region_id, .size = size };

	sl_handshake_init_header(&packet.header, SL_PACKET_REGION, sizeof(packet));
	return packet;
}

/* Send a packet to an idle host: the context ends. Takes fd. */
static void expect_bad_packet(struct link_fixture *f, const void *packet, size_t size, int fd)
{
	struct raw_guest raw;
	void *data;
	size_t region_size;

	raw_guest_connect(&raw, f);
	raw_guest_send_packet(&raw, packet, size, fd);
	expect_receive(f, -EBADMSG);
	expect_receive(f, -EBADMSG);
	assert_int_equal(sl_host_link_hold_region(f->host, 2, &data, &region_size), -ENOENT);
	disconnect(&raw, f);
	sl_fd_close(fd);
}

static void test_bad_packets(void **state)
{
	struct link_fixture *f = *state;
	const struct sl_packet_region good = make_region(2, 8192);
	struct sl_packet_region bad[12];

	for (int i = 0; i < 12; i++) {
		bad[i] = good;
	}
	bad[0].header.magic = 0;
	bad[1].header.type = SL_PACKET_HELLO;
	bad[2].header.type = SL_PACKET_RELEASE; /* of an unknown region */
	bad[3].header.version++;
	bad[4].header.size--;
	bad[5].header.reserved = 1;
	bad[6].region_id = 0;
	bad[7].region_id = SL_REGION_REPLY;
	bad[8].reserved = 1;
	bad[9].size = 0;
	bad[10].size = 8192 + 4096; /* more than the memfd has */
	bad[11].size = 100;
	for (int i = 0; i < 12; i++) {
		expect_bad_packet(f, &bad[i], sizeof(bad[i]),
				  raw_guest_create_memory(8192, F_SEAL_SHRINK));
	}
	bad[9].size = UINT64_MAX;
	bad[10].size = UINT64_MAX - 4095;
	bad[11].size = 4 * (uint64_t)FIXTURE_MAX_REGION_BYTES;
	for (int i = 9; i < 12; i++) {
		expect_bad_packet(f, &bad[i], sizeof(bad[i]),
				  raw_guest_create_memory(8192, F_SEAL_SHRINK));
	}
	expect_bad_packet(f, &good, sizeof(good), raw_guest_create_memory(8192, 0));
	expect_bad_packet(f, &good, sizeof(good), -1);
	expect_bad_packet(f, &good, sizeof(good), open("/dev/zero", O_RDWR | O_CLOEXEC));
	expect_bad_packet(f, &good, sizeof(good) - 1, raw_guest_create_memory(8192, F_SEAL_SHRINK));
	expect_bad_packet(f, &good, 1, -1);
}

static void test_region_packets_twice(void **state)
{
	struct link_fixture *f = *state;
	const struct sl_packet_region packet = make_region(2, 4096);
	int fd = raw_guest_create_memory(4096, F_SEAL_SHRINK);
	struct raw_guest raw;
	void *data;
	size_t size;

	raw_guest_connect(&raw, f);
	raw_guest_send_packet(&raw, &packet, sizeof(packet), fd);
	assert_int_equal(sl_host_link_hold_region(f->host, 2, &data, &size), 0);
	/* Forgotten, but held: the id is still taken. */
	assert_int_equal(sl_host_link_forget_region(f->host, 2), 0);
	raw_guest_send_packet(&raw, &packet, sizeof(packet), fd);
	expect_receive(f, -EBADMSG);
	sl_host_link_release_region(f->host, 2);
	disconnect(&raw, f);
	close(fd);
}

static void test_releases_that_say_too_much(void **state)
{
	struct link_fixture *f = *state;
	const struct sl_packet_region packet = make_region(2, 4096);
	int fd = raw_guest_create_memory(4096, F_SEAL_SHRINK);

	for (int i = 0; i < 4; i++) {
		struct sl_packet_region release = { .region_id = 2 };
		struct raw_guest raw;

		sl_handshake_init_header(&release.header, SL_PACKET_RELEASE, sizeof(release));
		release.size = i == 1 ? 4096 : 0;
		release.reserved = i == 2;
		raw_guest_connect(&raw, f);
		raw_guest_send_packet(&raw, &packet, sizeof(packet), fd);
		raw_guest_send_packet(&raw, &release, sizeof(release), i == 3 ? fd : -1);
		sl_fd_close(raw.socket);
		raw.socket = -1;
		expect_receive(f, i == 0 ? -EPIPE : -EBADMSG);
		disconnect(&raw, f);
	}
	close(fd);
}

/* Two descriptors where one is due; none of them may stay open (the fixture counts). */
static void test_packet_with_too_many_descriptors(void **state)
{
	struct link_fixture *f = *state;
	const struct sl_packet_region packet = make_region(2, 4096);
	int fd = raw_guest_create_memory(4096, F_SEAL_SHRINK);
	const int fds[2] = { fd, fd };
	struct raw_guest raw;

	raw_guest_connect(&raw, f);
	assert_int_equal(sl_fd_send(raw.socket, &packet, sizeof(packet), fds, 2), 0);
	expect_receive(f, -EBADMSG);
	disconnect(&raw, f);
	close(fd);
}

static void test_region_limits(void **state)
{
	struct link_fixture *f = *state;
	int fd = raw_guest_create_memory(FIXTURE_MAX_REGION_BYTES, F_SEAL_SHRINK);
	struct raw_guest raw;
	void *data;
	size_t size;

	/* Number: packets may run ahead up to twice the limit, but not be held. */
	raw_guest_connect(&raw, f);
	for (uint32_t i = 0; i < FIXTURE_MAX_REGIONS + 1; i++) {
		const struct sl_packet_region packet = make_region(2 + i, 4096);

		raw_guest_send_packet(&raw, &packet, sizeof(packet), fd);
		assert_int_equal(sl_host_link_hold_region(f->host, 2 + i, &data, &size),
				 i < FIXTURE_MAX_REGIONS ? 0 : -ENOMEM);
	}
	sl_host_link_release_region(f->host, 2);
	assert_int_equal(sl_host_link_forget_region(f->host, 2), 0);
	assert_int_equal(sl_host_link_hold_region(f->host, 2 + FIXTURE_MAX_REGIONS, &data, &size),
			 0);
	for (uint32_t i = FIXTURE_MAX_REGIONS + 1; i < 2 * FIXTURE_MAX_REGIONS + 2; i++) {
		const struct sl_packet_region packet = make_region(2 + i, 4096);

		raw_guest_send_packet(&raw, &packet, sizeof(packet), fd);
	}
	expect_receive(f, -EBADMSG);
	disconnect(&raw, f);

	/* Bytes. */
	const struct sl_packet_region all = make_region(2, FIXTURE_MAX_REGION_BYTES);
	const struct sl_packet_region more = make_region(3, 4096);
	raw_guest_connect(&raw, f);
	raw_guest_send_packet(&raw, &all, sizeof(all), fd);
	raw_guest_send_packet(&raw, &more, sizeof(more), fd);
	assert_int_equal(sl_host_link_hold_region(f->host, 2, &data, &size), 0);
	assert_int_equal(sl_host_link_hold_region(f->host, 3, &data, &size), -ENOMEM);
	disconnect(&raw, f);
	close(fd);
}

#define TEST(test) \
	cmocka_unit_test_setup_teardown(test, link_fixture_set_up, link_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_correct_hello),
		TEST(test_spoilt_hellos),
		TEST(test_other_version_is_explained),
		TEST(test_hello_of_a_wrong_size),
		TEST(test_wrong_number_of_descriptors),
		TEST(test_bad_descriptors),
		TEST(test_huge_pages),
		TEST(test_guest_leaves_before_its_hello),
		TEST(test_bad_message_sizes),
		TEST(test_out_of_sequence),
		TEST(test_hostile_head),
		TEST(test_guest_leaves_in_the_middle_of_a_message),
		TEST(test_bad_reply_slots),
		TEST(test_bad_packets),
		TEST(test_region_packets_twice),
		TEST(test_releases_that_say_too_much),
		TEST(test_packet_with_too_many_descriptors),
		TEST(test_region_limits),
	};

	return cmocka_run_group_tests_name("hostile_guest", tests, NULL, NULL);
}
