/* SPDX-License-Identifier: MIT */
/* Packets to a sluice-virgl: what follows at once goes together, and nothing is lost where it does
 * not read. */
#include "host/base/fd.h"
#include "host/vgpu/virgl_queue.h"
#include "host/virgl/virgl_msg.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
	sd_event *event;
	struct sl_virgl_queue *queue;
	int process; /* the other end */
	uint32_t ended;
	uint8_t bytes[SL_VIRGL_MAX_PACKET];
	int fd; /* of the last message; -1: none */
};

static void on_packet(void *data, const uint8_t *bytes, size_t size, int *fd)
{
}

static void on_ended(void *data)
{
	struct fixture *f = data;

	f->ended++;
	sl_virgl_queue_destroy(f->queue);
	f->queue = NULL;
}

static const struct sl_virgl_queue_ops ops = { .packet = on_packet, .ended = on_ended };

static void run(struct fixture *f)
{
	for (int i = 0; i < 64 && sd_event_run(f->event, 0) > 0; i++) {
	}
}

static void init(struct fixture *f)
{
	int fds[2];

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	f->process = fds[0];
	assert_int_equal(sl_virgl_queue_create(f->event, fds[1], &ops, f, &f->queue), 0);
}

static void finish(struct fixture *f)
{
	sl_virgl_queue_destroy(f->queue);
	sd_event_unref(f->event);
	sl_fd_close(f->process);
	sl_fd_close(f->fd);
}

static void send_number(struct fixture *f, uint64_t number, int fd)
{
	struct sl_virgl_fence packet = { .header.type = SL_VIRGL_FENCE, .number = number };

	assert_int_equal(sl_virgl_queue_send(f->queue, &packet, sizeof(packet), NULL, 0, fd), 0);
}

/* The next message's size; 0: there is none. */
static size_t next(struct fixture *f)
{
	unsigned int fd_count;

	sl_fd_close(sl_steal_fd(&f->fd));
	ssize_t size = sl_fd_receive(f->process, f->bytes, sizeof(f->bytes), &f->fd, 1, &fd_count);
	return size > 0 ? (size_t)size : 0;
}

static uint64_t number_at(const struct fixture *f, size_t index)
{
	struct sl_virgl_fence packet;

	memcpy(&packet, f->bytes + index * sizeof(packet), sizeof(packet));
	return packet.number;
}

static void test_a_burst_is_one_message(void **state)
{
	struct fixture f;

	init(&f);
	for (uint64_t i = 1; i <= 3; i++) {
		send_number(&f, i, -1);
	}
	assert_int_equal(next(&f), 0);
	sl_virgl_queue_flush(f.queue);
	assert_int_equal(next(&f), 3 * sizeof(struct sl_virgl_fence));
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(number_at(&f, i), i + 1);
	}
	/* Where nobody says that it has ended, the event loop does. */
	send_number(&f, 4, -1);
	run(&f);
	assert_int_equal(next(&f), sizeof(struct sl_virgl_fence));
	assert_int_equal(next(&f), 0);
	finish(&f);
}

static void test_a_descriptor_comes_alone(void **state)
{
	static uint8_t payload[SL_VIRGL_MAX_INLINE + 4];
	const struct sl_virgl_submit submit = { .header = { SL_VIRGL_SUBMIT, sizeof(payload) } };
	int fd = sl_fd_create_memory("any", 4096);
	struct fixture f;

	init(&f);
	send_number(&f, 1, -1);
	send_number(&f, 2, fd);
	send_number(&f, 3, -1);
	assert_int_equal(
		sl_virgl_queue_send(f.queue, &submit, sizeof(submit), payload, sizeof(payload), -1),
		0);
	send_number(&f, 4, -1);
	send_number(&f, 5, -1);
	sl_virgl_queue_flush(f.queue);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(next(&f), sizeof(struct sl_virgl_fence));
		assert_int_equal(number_at(&f, 0), i);
		assert_int_equal(f.fd >= 0, i == 2);
	}
	assert_int_equal(next(&f), sizeof(submit));
	assert_true(f.fd >= 0);
	assert_int_equal(lseek(f.fd, 0, SEEK_END), sizeof(payload));
	assert_int_equal(next(&f), 2 * sizeof(struct sl_virgl_fence));
	close(fd);
	finish(&f);
}

static void test_nothing_is_lost_where_nobody_reads(void **state)
{
	const uint64_t count = 20000;
	uint64_t expected = 1;
	size_t size;
	struct fixture f;

	init(&f);
	for (uint64_t i = 1; i <= count; i++) {
		send_number(&f, i, -1);
	}
	for (int idle = 0; idle < 2; idle++) {
		run(&f);
		while ((size = next(&f)) > 0) {
			for (size_t i = 0; i < size / sizeof(struct sl_virgl_fence); i++) {
				assert_int_equal(number_at(&f, i), expected++);
			}
			run(&f);
		}
	}
	assert_int_equal(expected, count + 1);
	assert_int_equal(f.ended, 0);
	/* That the other end has gone is told from the event loop, once. */
	sl_fd_close(sl_steal_fd(&f.process));
	send_number(&f, count + 1, -1);
	sl_virgl_queue_flush(f.queue);
	assert_int_equal(f.ended, 0);
	run(&f);
	assert_int_equal(f.ended, 1);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_is_one_message),
		cmocka_unit_test(test_a_descriptor_comes_alone),
		cmocka_unit_test(test_nothing_is_lost_where_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
