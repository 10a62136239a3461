/* SPDX-License-Identifier: MIT */
/* guest-driver/link and host/link with each other: what a well-behaved pair does. */
#include "tests/unit/link_fixture.h"

#include "protocol/clock.h"
#include "protocol/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND 17

static uint8_t *make_pattern(size_t size, unsigned int seed)
{
	uint8_t *bytes = malloc(size + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++) {
		bytes[i] = (uint8_t)(i * 31 + i / 257 + seed);
	}
	return bytes;
}

/* Receive one message and compare what is behind its header. */
static void expect_message(struct link_fixture *f, const uint8_t *payload, size_t size)
{
	struct sl_message message;
	struct sl_wire_header header;
	const char *why = NULL;

	assert_int_equal(sl_host_link_receive(f->host, &message, &why), 0);
	assert_int_equal((uintptr_t)message.data % 8, 0);
	memcpy(&header, message.data, sizeof(header));
	assert_int_equal(header.command_id, COMMAND);
	assert_int_equal(header.size, message.size);
	assert_int_equal(message.size, (sizeof(header) + size + 7) & ~(size_t)7);
	assert_memory_equal(message.data + sizeof(header), payload, size);
	for (size_t i = sizeof(header) + size; i < message.size; i++) {
		assert_int_equal(message.data[i], 0);
	}
}

static int send_payload(struct sl_guest_link *guest, const void *payload, size_t size)
{
	struct sl_wire_header header = {
		.size = (uint32_t)((sizeof(header) + size + 7) & ~(size_t)7),
		.command_id = COMMAND,
	};
	struct iovec part = { .iov_base = (void *)payload, .iov_len = size };

	return sl_guest_link_send(guest, &header, &part, 1);
}

static void test_handshake(void **state)
{
	struct link_fixture *f = *state;
	const struct sl_caps *guest_caps = sl_guest_link_get_caps(f->guest);

	assert_memory_equal(guest_caps, sl_host_link_get_caps(f->host), sizeof(*guest_caps));
	assert_true(sl_caps_has_command(guest_caps, COMMAND));
	assert_true(sl_caps_has_struct(guest_caps, 0));
	assert_true(sl_guest_link_has_extension(f->guest, "VK_KHR_synchronization2"));
	assert_false(sl_guest_link_has_extension(f->guest, "VK_KHR_timeline_semaphore"));
	assert_false(sl_guest_link_has_extension(f->guest, "VK_EXT_unknown_to_the_guest"));
	assert_string_equal(sl_host_link_get_program(f->host), "test_link");
	assert_int_equal(sl_host_link_get_guest_pid(f->host), getpid());
	assert_false(sl_guest_link_is_lost(f->guest));
	assert_false(sl_guest_link_check_lost(f->guest));
}

static void test_messages_arrive_in_order(void **state)
{
	struct link_fixture *f = *state;
	uint8_t *bytes = make_pattern(4096, 0);

	for (size_t round = 0; round < 3; round++) {
		for (size_t size = 0; size < 100; size++) {
			assert_int_equal(send_payload(f->guest, bytes + size, size), 0);
		}
		for (size_t size = 0; size < 100; size++) {
			expect_message(f, bytes + size, size);
		}
	}
	free(bytes);
}

static void test_payload_in_pieces(void **state)
{
	struct link_fixture *f = *state;
	struct sl_wire_header header = { .size = 16 + 16, .command_id = COMMAND };
	char text[] = "abcdefghi";
	struct iovec pieces[] = { { text, 3 }, { NULL, 0 }, { text + 3, 5 }, { text + 8, 1 } };

	assert_int_equal(sl_guest_link_send(f->guest, &header, pieces, 4), 0);
	expect_message(f, (const uint8_t *)"abcdefghi\0\0\0\0\0\0", 16);
	header.size = 16;
	assert_int_equal(sl_guest_link_send(f->guest, &header, NULL, 0), 0);
	expect_message(f, NULL, 0);
}

struct sender {
	struct link_fixture *f;
	const uint8_t *bytes;
	const size_t *sizes;
	int count;
	int result;
};

static void *send_all(void *data)
{
	struct sender *sender = data;

	for (int i = 0; i < sender->count && sender->result == 0; i++) {
		sender->result = send_payload(sender->f->guest, sender->bytes, sender->sizes[i]);
	}
	return NULL;
}

/* Around every size that means something to either end, and several times the ring. */
static void test_large_messages(void **state)
{
	struct link_fixture *f = *state;
	const size_t sizes[] = {
		(64u << 10) - 16,
		(64u << 10) - 8,
		(128u << 10) - 24,
		(128u << 10) - 16,
		(128u << 10) - 8,
		8,
		SL_RING_DEFAULT_SIZE - 24,
		SL_RING_DEFAULT_SIZE - 16,
		SL_RING_DEFAULT_SIZE - 8,
		0,
		5 * SL_RING_DEFAULT_SIZE + 3,
		24,
		3 * SL_RING_DEFAULT_SIZE,
	};
	const int count = sizeof(sizes) / sizeof(sizes[0]);
	uint8_t *bytes = make_pattern(6 * SL_RING_DEFAULT_SIZE, 3);
	struct sender sender = { .f = f, .bytes = bytes, .sizes = sizes, .count = count };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, send_all, &sender), 0);
	for (int i = 0; i < count; i++) {
		expect_message(f, bytes, sizes[i]);
	}
	pthread_join(thread, NULL);
	assert_int_equal(sender.result, 0);
	free(bytes);
}

static void test_too_large_message_is_not_sent(void **state)
{
	struct link_fixture *f = *state;
	struct sl_wire_header header = { .size = SL_MAX_MESSAGE_SIZE + 8, .command_id = COMMAND };
	struct sl_guest_reply reply;

	assert_int_equal(sl_guest_link_send(f->guest, &header, NULL, 0), -EMSGSIZE);
	assert_int_equal(sl_guest_link_call_start(f->guest, &header, NULL, 0, 8, &reply),
			 -EMSGSIZE);
	assert_int_equal(send_payload(f->guest, "next", 4), 0);
	expect_message(f, (const uint8_t *)"next", 4);
}

static void test_stolen_messages_stay(void **state)
{
	struct link_fixture *f = *state;
	uint8_t *bytes = make_pattern(200000, 5);
	const size_t sizes[] = { 40, 200000, 40 };
	struct sender sender = { .f = f, .bytes = bytes, .sizes = sizes, .count = 3 };
	uint8_t *stolen[3];
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, send_all, &sender), 0);
	for (int i = 0; i < 3; i++) {
		expect_message(f, bytes, sizes[i]);
		stolen[i] = sl_host_link_steal_message(f->host);
		assert_non_null(stolen[i]);
	}
	pthread_join(thread, NULL);
	for (int i = 0; i < 3; i++) {
		assert_memory_equal(stolen[i] + sizeof(struct sl_wire_header), bytes, sizes[i]);
		free(stolen[i]);
	}
	free(bytes);
}

static void *send_when_idle(void *data)
{
	struct sender *sender = data;

	while (atomic_load(&link_fixture_idle_count) == 0) {
		usleep(10000);
	}
	return send_all(sender);
}

/* The host takes the time to tidy up, once, after work and a pause. */
static void test_idle_guest(void **state)
{
	struct link_fixture *f = *state;
	uint8_t *bytes = make_pattern(SL_HOST_BUSY_BYTES, 9);
	const size_t sizes[] = { SL_HOST_BUSY_BYTES, 8 };
	struct sender before = { .f = f, .bytes = bytes, .sizes = &sizes[0], .count = 1 };
	struct sender after = { .f = f, .bytes = bytes, .sizes = &sizes[1], .count = 1 };
	pthread_t threads[2];

	assert_int_equal(pthread_create(&threads[0], NULL, send_all, &before), 0);
	expect_message(f, bytes, sizes[0]);
	assert_int_equal(atomic_load(&link_fixture_idle_count), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, send_when_idle, &after), 0);
	expect_message(f, bytes, sizes[1]);
	assert_int_equal(atomic_load(&link_fixture_idle_count), 1);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	free(bytes);
}

/* Receive one message that wants a reply, and give it. */
static void answer(struct link_fixture *f, const void *payload, size_t size)
{
	struct sl_message message;
	struct sl_wire_header header;
	struct sl_wire_reply_slot slot;
	const char *why = NULL;
	uint8_t *at;

	assert_int_equal(sl_host_link_receive(f->host, &message, &why), 0);
	memcpy(&header, message.data, sizeof(header));
	assert_int_equal(header.flags, SL_WIRE_REPLY);
	memcpy(&slot, message.data + sizeof(header), sizeof(slot));
	assert_int_equal(sl_host_link_begin_reply(f->host, &slot, (size_t)slot.capacity + 1, &at),
			 -EBADMSG);
	assert_int_equal(sl_host_link_begin_reply(f->host, &slot, size, &at), 0);
	memcpy(at, payload, size);
	sl_host_link_commit_reply(f->host);
}

static void start_call(struct link_fixture *f, size_t capacity, struct sl_guest_reply *ret_reply)
{
	struct sl_wire_header header = { .size = 24, .command_id = COMMAND };
	char question[] = "question";
	struct iovec part = { question, 8 };

	assert_int_equal(sl_guest_link_call_start(f->guest, &header, &part, 1, capacity, ret_reply),
			 0);
	assert_int_equal(header.size, 40);
}

static void test_replies_of_all_sizes(void **state)
{
	struct link_fixture *f = *state;
	const size_t sizes[] = { 0,	1,	   8,	       4088,	 4089,
				 60000, 768 << 10, 1000 << 10, 2u << 20, 5u << 20 };
	uint8_t *bytes = make_pattern(5u << 20, 9);
	struct sl_guest_reply reply;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			start_call(f, sizes[i], &reply);
			answer(f, bytes, sizes[i]);
			assert_int_equal(sl_guest_link_call_wait(f->guest, &reply), 0);
			assert_int_equal(reply.size, sizes[i]);
			assert_int_equal((uintptr_t)reply.payload % 8, 0);
			assert_memory_equal(reply.payload, bytes, sizes[i]);
			sl_guest_link_call_finish(f->guest, &reply);
		}
	}
	free(bytes);
}

static void test_reply_may_be_smaller_than_its_slot(void **state)
{
	struct link_fixture *f = *state;
	struct sl_guest_reply reply;

	start_call(f, 100, &reply);
	answer(f, "xy", 2);
	assert_int_equal(sl_guest_link_call_wait(f->guest, &reply), 0);
	assert_int_equal(reply.size, 2);
	sl_guest_link_call_finish(f->guest, &reply);
}

/* More calls on their way than there are small slots: they go elsewhere, and none overlap. */
static void test_many_calls_at_once(void **state)
{
	struct link_fixture *f = *state;
	static struct sl_guest_reply replies[250];

	for (uint32_t i = 0; i < 250; i++) {
		start_call(f, 16, &replies[i]);
	}
	for (uint32_t i = 0; i < 250; i++) {
		answer(f, &i, sizeof(i));
	}
	for (uint32_t i = 0; i < 250; i++) {
		uint32_t value;

		assert_int_equal(sl_guest_link_call_wait(f->guest, &replies[i]), 0);
		memcpy(&value, replies[i].payload, sizeof(value));
		assert_int_equal(value, i);
	}
	for (uint32_t i = 0; i < 250; i++) {
		sl_guest_link_call_finish(f->guest, &replies[i]);
	}
	/* All is free again. */
	start_call(f, 760 << 10, &replies[0]);
	assert_null(replies[0].region.data);
	answer(f, "", 0);
	assert_int_equal(sl_guest_link_call_wait(f->guest, &replies[0]), 0);
	sl_guest_link_call_finish(f->guest, &replies[0]);
}

static void test_regions_are_shared(void **state)
{
	struct link_fixture *f = *state;
	struct sl_region region;
	void *data;
	size_t size;

	assert_int_equal(sl_guest_link_create_region(f->guest, 5000, &region), 0);
	assert_int_equal(region.size, 8192);
	assert_int_equal((uintptr_t)region.data % 4096, 0);
	memcpy(region.data, "guest", 6);
	assert_int_equal(sl_host_link_hold_region(f->host, region.id, &data, &size), 0);
	assert_int_equal(size, 8192);
	assert_string_equal(data, "guest");
	strcpy(data, "host");
	assert_string_equal(region.data, "host");

	/* Held twice, let go by the guest: valid until both have released it. */
	assert_int_equal(sl_host_link_hold_region(f->host, region.id, &data, &size), 0);
	uint32_t id = region.id;
	sl_guest_link_destroy_region(f->guest, &region);
	assert_null(region.data);
	assert_int_equal(sl_host_link_forget_region(f->host, id), 0);
	assert_int_equal(sl_host_link_forget_region(f->host, id), -ENOENT);
	sl_host_link_release_region(f->host, id);
	assert_string_equal(data, "host");
	assert_int_equal(sl_host_link_hold_region(f->host, id, &data, &size), -ENOENT);
	sl_host_link_release_region(f->host, id);
	assert_int_equal(sl_host_link_forget_region(f->host, id), -ENOENT);
	sl_guest_link_destroy_region(f->guest, &region);
}

static void test_unknown_regions(void **state)
{
	struct link_fixture *f = *state;
	void *data;
	size_t size;

	assert_int_equal(sl_host_link_hold_region(f->host, 0, &data, &size), -ENOENT);
	assert_int_equal(sl_host_link_hold_region(f->host, SL_REGION_REPLY, &data, &size), -ENOENT);
	assert_int_equal(sl_host_link_hold_region(f->host, 77, &data, &size), -ENOENT);
	assert_int_equal(sl_host_link_forget_region(f->host, SL_REGION_REPLY), -ENOENT);
	assert_int_equal(sl_host_link_forget_region(f->host, 77), -ENOENT);
}

static void test_guest_keeps_to_the_limits(void **state)
{
	struct link_fixture *f = *state;
	struct sl_region regions[FIXTURE_MAX_REGIONS];
	struct sl_region one_more;

	assert_int_equal(
		sl_guest_link_create_region(f->guest, FIXTURE_MAX_REGION_BYTES + 1, &one_more),
		-ENOMEM);
	assert_int_equal(sl_guest_link_create_region(f->guest, SIZE_MAX, &one_more), -ENOMEM);
	assert_int_equal(sl_guest_link_create_region(f->guest, 0, &one_more), -ENOMEM);
	for (uint32_t i = 0; i < FIXTURE_MAX_REGIONS; i++) {
		assert_int_equal(sl_guest_link_create_region(f->guest, 4096, &regions[i]), 0);
	}
	assert_int_equal(sl_guest_link_create_region(f->guest, 4096, &one_more), -ENOMEM);
	sl_guest_link_destroy_region(f->guest, &regions[3]);
	assert_int_equal(sl_guest_link_create_region(f->guest, 4096, &one_more), 0);
	/* The rest goes with the link. */
}

static bool is_true(void *data)
{
	return *(volatile bool *)data;
}

static void test_waiting(void **state)
{
	struct link_fixture *f = *state;
	bool ready = false;
	uint64_t start_ns = sl_clock_now_ns();

	assert_int_equal(sl_guest_link_wait(f->guest, is_true, &ready, 0), -ETIMEDOUT);
	assert_int_equal(sl_guest_link_wait(f->guest, is_true, &ready, start_ns), -ETIMEDOUT);
	assert_int_equal(sl_guest_link_wait(f->guest, is_true, &ready, start_ns + 2000000),
			 -ETIMEDOUT);
	assert_true(sl_clock_now_ns() >= start_ns + 2000000);
	ready = true;
	assert_int_equal(sl_guest_link_wait(f->guest, is_true, &ready, 0), 0);
	assert_int_equal(sl_guest_link_wait(f->guest, is_true, &ready, UINT64_MAX), 0);
}

static bool has_completed(void *data)
{
	const struct sl_sync_page *sync = data;

	return atomic_load_explicit(&sync->queues[5].completed, memory_order_acquire) >= 7;
}

static void *publish(void *data)
{
	struct link_fixture *f = data;
	struct sl_sync_page *sync = (struct sl_sync_page *)sl_guest_link_get_sync(f->guest);

	while (atomic_load(&sync->sleepers) == 0) {
		sl_clock_relax();
	}
	sl_host_link_publish(f->host, 5, 6);
	sl_host_link_publish(f->host, 4, 100);
	sl_host_link_publish(f->host, 5, 7);
	return NULL;
}

static void test_completions_wake(void **state)
{
	struct link_fixture *f = *state;
	uint64_t start_ns = sl_clock_now_ns();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, publish, f), 0);
	assert_int_equal(sl_guest_link_wait(f->guest, has_completed,
					    (void *)sl_guest_link_get_sync(f->guest), UINT64_MAX),
			 0);
	pthread_join(thread, NULL);
	assert_true(sl_clock_now_ns() - start_ns < 5 * SL_NS_PER_S);
}

static void *set_lost(void *data)
{
	struct link_fixture *f = data;
	struct sl_sync_page *sync = (struct sl_sync_page *)sl_guest_link_get_sync(f->guest);

	while (atomic_load(&sync->sleepers) == 0) {
		sl_clock_relax();
	}
	sl_host_link_set_lost(f->host, SL_LOST_PROTOCOL, "the reason");
	sl_host_link_set_lost(f->host, SL_LOST_DEVICE, "another");
	return NULL;
}

static void test_lost_context(void **state)
{
	struct link_fixture *f = *state;
	struct sl_guest_reply reply;
	struct sl_region region;
	pthread_t thread;

	start_call(f, 8, &reply);
	assert_int_equal(pthread_create(&thread, NULL, set_lost, f), 0);
	assert_int_equal(sl_guest_link_call_wait(f->guest, &reply), -EPIPE);
	pthread_join(thread, NULL);
	sl_guest_link_call_finish(f->guest, &reply);
	const struct sl_sync_page *sync = sl_guest_link_get_sync(f->guest);
	assert_int_equal(atomic_load(&sync->lost), SL_LOST_PROTOCOL);
	assert_string_equal(sync->lost_text, "the reason");
	assert_true(sl_guest_link_is_lost(f->guest));
	assert_true(sl_guest_link_check_lost(f->guest));

	struct sl_wire_header header = { .size = 16, .command_id = COMMAND };
	assert_int_equal(sl_guest_link_call_start(f->guest, &header, NULL, 0, 8, &reply), -EPIPE);
	assert_int_equal(send_payload(f->guest, "", 0), -EPIPE);
	assert_int_equal(sl_guest_link_create_region(f->guest, 4096, &region), -EPIPE);
}

static void *destroy_host(void *data)
{
	struct link_fixture *f = data;
	struct sl_sync_page *sync = (struct sl_sync_page *)sl_guest_link_get_sync(f->guest);

	while (atomic_load(&sync->sleepers) == 0) {
		sl_clock_relax();
	}
	sl_host_link_destroy(f->host);
	f->host = NULL;
	return NULL;
}

/* A renderer that is killed says nothing. */
static void test_dead_host_ends_a_call(void **state)
{
	struct link_fixture *f = *state;
	uint64_t start_ns = sl_clock_now_ns();
	struct sl_guest_reply reply;
	pthread_t thread;

	start_call(f, 8, &reply);
	assert_int_equal(pthread_create(&thread, NULL, destroy_host, f), 0);
	assert_int_equal(sl_guest_link_call_wait(f->guest, &reply), -EPIPE);
	pthread_join(thread, NULL);
	sl_guest_link_call_finish(f->guest, &reply);
	assert_true(sl_clock_now_ns() - start_ns < 5 * SL_NS_PER_S);
	assert_int_equal(atomic_load(&sl_guest_link_get_sync(f->guest)->lost), SL_LOST_RENDERER);
}

static void test_dead_host_ends_a_send(void **state)
{
	struct link_fixture *f = *state;
	uint8_t *bytes = make_pattern(2 * SL_RING_DEFAULT_SIZE, 0);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, destroy_host, f), 0);
	assert_int_equal(send_payload(f->guest, bytes, 2 * SL_RING_DEFAULT_SIZE), -EPIPE);
	pthread_join(thread, NULL);
	assert_int_equal(send_payload(f->guest, bytes, 8), -EPIPE);
	free(bytes);
}

/* An application that only ever asks for a fence's status. */
static void test_dead_host_is_noticed_by_polling(void **state)
{
	struct link_fixture *f = *state;
	uint64_t start_ns = sl_clock_now_ns();
	bool ready = false;

	sl_host_link_destroy(f->host);
	f->host = NULL;
	while (sl_guest_link_wait(f->guest, is_true, &ready, 0) == -ETIMEDOUT) {
		assert_true(sl_clock_now_ns() - start_ns < 5 * SL_NS_PER_S);
	}
	assert_true(sl_guest_link_is_lost(f->guest));
}

static void test_host_reads_what_was_left_behind(void **state)
{
	struct link_fixture *f = *state;
	struct sl_message message;
	const char *why = NULL;

	assert_int_equal(send_payload(f->guest, "last", 4), 0);
	sl_guest_link_close(f->guest);
	f->guest = NULL;
	expect_message(f, (const uint8_t *)"last", 4);
	assert_int_equal(sl_host_link_receive(f->host, &message, &why), -EPIPE);
	assert_non_null(why);
	assert_int_equal(sl_host_link_receive(f->host, &message, &why), -EPIPE);
}

/* The child must not disturb the parent's link, nor hang. Returns what went wrong. */
static int use_link_after_fork(struct link_fixture *f, struct sl_region *region)
{
	struct sl_wire_header header = { .size = 16, .command_id = COMMAND };
	struct sl_guest_reply reply;
	bool ready = false;

	if (!sl_guest_link_is_lost(f->guest) || !sl_guest_link_check_lost(f->guest)) {
		return 1;
	}
	if (send_payload(f->guest, "child", 5) != -EPIPE) {
		return 2;
	}
	if (sl_guest_link_call_start(f->guest, &header, NULL, 0, 8, &reply) != -EPIPE) {
		return 3;
	}
	if (sl_guest_link_wait(f->guest, is_true, &ready, UINT64_MAX) != -EPIPE) {
		return 4;
	}
	sl_guest_link_destroy_region(f->guest, region);
	sl_guest_link_close(f->guest);
	return 0;
}

static void test_fork(void **state)
{
	struct link_fixture *f = *state;
	struct sl_region region;
	int status = -1;

	assert_int_equal(sl_guest_link_create_region(f->guest, 4096, &region), 0);
	strcpy(region.data, "mine");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(use_link_after_fork(f, &region));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(sl_guest_link_is_lost(f->guest));
	assert_string_equal(region.data, "mine");
	assert_int_equal(send_payload(f->guest, "parent", 6), 0);
	expect_message(f, (const uint8_t *)"parent", 6);
}

/* A child that lives on does not keep the host from noticing that the parent has gone. */
static void test_fork_does_not_hide_the_parents_end(void **state)
{
	struct link_fixture *f = *state;
	struct sl_message message;
	const char *why = NULL;
	int pipe_fds[2];
	char byte;

	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pipe_fds[1]);
		_exit(read(pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(pipe_fds[0]);
	sl_guest_link_close(f->guest);
	f->guest = NULL;
	assert_int_equal(sl_host_link_receive(f->host, &message, &why), -EPIPE);
	close(pipe_fds[1]);
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_nobody_listens(void **state)
{
	struct link_fixture *f = *state;
	struct sl_guest_link *guest = NULL;
	char why[512];
	char path[200];

	snprintf(path, sizeof(path), "%s/nothing", f->directory);
	setenv("SLUICE_SOCKET", path, 1);
	assert_int_equal(sl_guest_link_open(&guest, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "No such file"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	setenv("SLUICE_SOCKET", path, 1);
	assert_int_equal(sl_guest_link_open(&guest, why, sizeof(why)), -ENAMETOOLONG);

	unsetenv("SLUICE_SOCKET");
	setenv("XDG_RUNTIME_DIR", f->directory, 1);
	int r = sl_guest_link_open(&guest, why, sizeof(why));
	if (r == 0) { /* this machine runs the daemon */
		sl_guest_link_close(guest);
	} else {
		assert_non_null(strstr(why, "/run/sluice/guest.sock"));
		assert_non_null(strstr(why, f->directory));
		assert_non_null(strstr(why, "SLUICE_SOCKET"));
	}
	unsetenv("XDG_RUNTIME_DIR");
	assert_null(guest);
}

/* The daemon refuses without having read anything, and closes. */
static void *refuse(void *data)
{
	struct link_fixture *f = data;
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);

	sl_handshake_refuse(fd, "too many guests");
	close(fd);
	return NULL;
}

static void *hang_up(void *data)
{
	struct link_fixture *f = data;

	close(accept4(f->listener, NULL, NULL, SOCK_CLOEXEC));
	return NULL;
}

static void test_refusals(void **state)
{
	struct link_fixture *f = *state;
	struct sl_guest_link *guest = NULL;
	char why[512];
	pthread_t thread;

	for (int i = 0; i < 50; i++) {
		assert_int_equal(pthread_create(&thread, NULL, refuse, f), 0);
		assert_int_equal(sl_guest_link_open(&guest, why, sizeof(why)), -EACCES);
		assert_string_equal(why, "the host refused: too many guests");
		pthread_join(thread, NULL);
	}
	assert_int_equal(pthread_create(&thread, NULL, hang_up, f), 0);
	assert_true(sl_guest_link_open(&guest, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, f->path));
	pthread_join(thread, NULL);
	assert_null(guest);
}

#define CONNECTED(test) \
	cmocka_unit_test_setup_teardown(test, link_fixture_set_up_connected, link_fixture_tear_down)
#define ALONE(test) \
	cmocka_unit_test_setup_teardown(test, link_fixture_set_up, link_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONNECTED(test_handshake),
		CONNECTED(test_messages_arrive_in_order),
		CONNECTED(test_payload_in_pieces),
		CONNECTED(test_large_messages),
		CONNECTED(test_too_large_message_is_not_sent),
		CONNECTED(test_stolen_messages_stay),
		CONNECTED(test_idle_guest),
		CONNECTED(test_replies_of_all_sizes),
		CONNECTED(test_reply_may_be_smaller_than_its_slot),
		CONNECTED(test_many_calls_at_once),
		CONNECTED(test_regions_are_shared),
		CONNECTED(test_unknown_regions),
		CONNECTED(test_guest_keeps_to_the_limits),
		CONNECTED(test_waiting),
		CONNECTED(test_completions_wake),
		CONNECTED(test_lost_context),
		CONNECTED(test_dead_host_ends_a_call),
		CONNECTED(test_dead_host_ends_a_send),
		CONNECTED(test_dead_host_is_noticed_by_polling),
		CONNECTED(test_host_reads_what_was_left_behind),
		CONNECTED(test_fork),
		CONNECTED(test_fork_does_not_hide_the_parents_end),
		ALONE(test_nobody_listens),
		ALONE(test_refusals),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
