/* SPDX-License-Identifier: MIT */
/* A whole link in one process: guest threads that send, call and share memory at once, and a
 * renderer's thread that answers, with another one publishing completions. Built with
 * -fsanitize=thread. A lost wake-up is a hang, but for the guest's look at the socket every 100 ms.
 */
#include "guest-driver/link/guest_link.h"
#include "guest-driver/link/guest_link_priv.h"
#include "host/link/host_link.h"
#include "host/link/host_link_priv.h"
#include "protocol/clock.h"
#include "protocol/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define THREAD_COUNT 3
#define ROUND_COUNT  4000u

enum command {
	COMMAND_ADD = 1,    /* payload: thread, value */
	COMMAND_ASK = 2,    /* the same; reply: what that thread has added up */
	COMMAND_REGION = 3, /* region id; reply: its first word. The host lets go of it */
	COMMAND_BULK = 4,   /* thread, then a pattern */
};

struct payload {
	uint32_t thread;
	uint32_t value;
};

struct stress {
	int listener;
	struct sl_handshake_lists lists;
	struct sl_guest_link *guest;
	struct sl_host_link *host;
	_Atomic uint64_t answered;
	atomic_bool is_done;
	atomic_bool has_failed;
};

static const char *const no_extensions[] = { NULL };

static void fail(struct stress *stress, const char *what)
{
	fprintf(stderr, "%s\n", what);
	atomic_store(&stress->has_failed, true);
}

static void reply(struct stress *stress, const struct sl_message *message, const void *payload,
		  size_t size)
{
	struct sl_wire_reply_slot slot;
	uint8_t *at;

	memcpy(&slot, message->data + sizeof(struct sl_wire_header), sizeof(slot));
	if (sl_host_link_begin_reply(stress->host, &slot, size, &at) < 0) {
		fail(stress, "bad reply slot");
		return;
	}
	memcpy(at, payload, size);
	sl_host_link_commit_reply(stress->host);
}

static void serve(struct stress *stress, const struct sl_message *message, uint64_t *sums)
{
	struct sl_wire_header header;
	struct payload payload;
	const uint8_t *at = message->data + sizeof(header);
	void *data;
	size_t size;

	memcpy(&header, message->data, sizeof(header));
	if ((header.flags & SL_WIRE_REPLY) != 0) {
		at += sizeof(struct sl_wire_reply_slot);
	}
	memcpy(&payload, at, sizeof(payload));
	switch (header.command_id) {
	case COMMAND_ADD:
		sums[payload.thread] += payload.value;
		break;
	case COMMAND_ASK:
		reply(stress, message, &sums[payload.thread], sizeof(uint64_t));
		break;
	case COMMAND_REGION:
		if (sl_host_link_hold_region(stress->host, payload.value, &data, &size) < 0 ||
		    sl_host_link_forget_region(stress->host, payload.value) < 0) {
			fail(stress, "bad region");
			break;
		}
		reply(stress, message, data, sizeof(uint32_t));
		sl_host_link_release_region(stress->host, payload.value);
		break;
	case COMMAND_BULK:
		for (size_t i = sizeof(payload); i < header.size - sizeof(header); i++) {
			if (at[i] != (uint8_t)payload.value) {
				fail(stress, "bulk bytes are wrong");
				break;
			}
		}
		break;
	default:
		fail(stress, "unknown command");
		break;
	}
	atomic_fetch_add(&stress->answered, 1);
}

static void *run_host(void *data)
{
	struct stress *stress = data;
	struct sl_host_link_options options = {
		.spin_ns = 2000,
		.max_region_bytes = 64u << 20,
		.max_regions = 64,
	};
	uint64_t sums[THREAD_COUNT] = { 0 };
	struct sl_message message;
	const char *reason = "";
	char why[256];
	int fd = accept4(stress->listener, NULL, NULL, SOCK_CLOEXEC);
	int r = sl_host_link_accept_lists(fd, &options, &stress->lists, &stress->host, why,
					  sizeof(why));

	if (r < 0) {
		fail(stress, why);
		return NULL;
	}
	while ((r = sl_host_link_receive(stress->host, &message, &reason)) == 0) {
		serve(stress, &message, sums);
	}
	if (r != -EPIPE) {
		fail(stress, reason);
	}
	return NULL;
}

/* Counts queue 0 up to the number of messages that were served. */
static void *publish(void *data)
{
	struct stress *stress = data;

	while (!atomic_load(&stress->is_done)) {
		sl_host_link_publish(stress->host, 0, atomic_load(&stress->answered));
		usleep(200);
	}
	return NULL;
}

struct completion {
	const struct sl_sync_page *sync;
	uint64_t number;
};

static bool has_completed(void *data)
{
	const struct completion *completion = data;

	return atomic_load_explicit(&completion->sync->queues[0].completed, memory_order_acquire) >=
	       completion->number;
}

static int tell(struct stress *stress, uint16_t command_id, const struct payload *payload,
		const void *more, size_t more_size)
{
	struct sl_wire_header header = {
		.size = (uint32_t)(sizeof(header) + sizeof(*payload) + more_size),
		.command_id = command_id,
	};
	const struct iovec parts[] = {
		{ (void *)payload, sizeof(*payload) },
		{ (void *)more, more_size },
	};

	return sl_guest_link_send(stress->guest, &header, parts, 2);
}

static int ask(struct stress *stress, uint16_t command_id, const struct payload *payload,
	       size_t capacity, void *ret_reply, size_t size)
{
	struct sl_wire_header header = {
		.size = sizeof(header) + sizeof(*payload),
		.command_id = command_id,
	};
	const struct iovec part = { (void *)payload, sizeof(*payload) };
	struct sl_guest_reply answer;
	int r = sl_guest_link_call_start(stress->guest, &header, &part, 1, capacity, &answer);

	if (r < 0) {
		return r;
	}
	r = sl_guest_link_call_wait(stress->guest, &answer);
	if (r == 0 && answer.size != size) {
		r = -EPROTO;
	}
	if (r == 0) {
		memcpy(ret_reply, answer.payload, size);
	}
	sl_guest_link_call_finish(stress->guest, &answer);
	return r;
}

static int use_region(struct stress *stress, uint32_t thread, uint32_t value)
{
	struct sl_region region;
	uint32_t seen = 0;
	int r = sl_guest_link_create_region(stress->guest, 8192, &region);

	if (r < 0) {
		return r;
	}
	memcpy(region.data, &value, sizeof(value));
	const struct payload payload = { .thread = thread, .value = region.id };
	r = ask(stress, COMMAND_REGION, &payload, 4, &seen, sizeof(seen));
	sl_guest_link_destroy_region(stress->guest, &region);
	return r == 0 && seen != value ? -EPROTO : r;
}

static int send_bulk(struct stress *stress, uint32_t thread, uint32_t value)
{
	const struct payload payload = { .thread = thread, .value = value };
	size_t size = 8 * (size_t)(1 + value * 2654435761u % 150000);
	uint8_t *bytes = malloc(size);

	if (bytes == NULL) {
		return -ENOMEM;
	}
	memset(bytes, (int)(value & 0xff), size);
	int r = tell(stress, COMMAND_BULK, &payload, bytes, size);
	free(bytes);
	return r;
}

static int run_round(struct stress *stress, uint32_t thread, uint32_t i, uint64_t *sum)
{
	const struct payload payload = { .thread = thread, .value = i };
	/* Sometimes more than the reply area holds. */
	size_t capacity = i % 97 == 0 ? 2u << 20 : i % 5 * 4000 + 8;
	uint64_t seen = 0;
	int r = tell(stress, COMMAND_ADD, &payload, NULL, 0);

	*sum += i;
	if (r == 0 && i % 3 == 0) {
		r = ask(stress, COMMAND_ASK, &payload, capacity, &seen, sizeof(seen));
		if (r == 0 && seen != *sum) {
			r = -EPROTO;
		}
	}
	if (r == 0 && i % 50 == thread) {
		r = use_region(stress, thread, i);
	}
	if (r == 0 && i % 80 == thread) {
		r = send_bulk(stress, thread, i);
	}
	if (r == 0 && i % 40 == thread) {
		struct completion completion = {
			.sync = sl_guest_link_get_sync(stress->guest),
			.number = atomic_load(&stress->answered),
		};

		r = sl_guest_link_wait(stress->guest, has_completed, &completion, UINT64_MAX);
	}
	return r;
}

struct worker {
	struct stress *stress;
	uint32_t thread;
};

static void *work(void *data)
{
	const struct worker *worker = data;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ROUND_COUNT; i++) {
		int r = run_round(worker->stress, worker->thread, i, &sum);

		if (r < 0) {
			fail(worker->stress, strerror(-r));
			break;
		}
	}
	return NULL;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0) {
		perror("listen");
		exit(1);
	}
	return fd;
}

int main(void)
{
	char directory[] = "/tmp/sluice-stress-XXXXXX";
	char path[64];
	struct stress stress = { .lists = { .extensions = no_extensions } };
	struct worker workers[THREAD_COUNT];
	pthread_t threads[THREAD_COUNT];
	pthread_t host;
	pthread_t publisher;
	char why[256] = "";

	if (mkdtemp(directory) == NULL) {
		return 1;
	}
	snprintf(path, sizeof(path), "%s/guest.sock", directory);
	stress.listener = listen_at(path);
	setenv("SLUICE_SOCKET", path, 1);
	setenv("SLUICE_SPIN_US", "2", 1);
	pthread_create(&host, NULL, run_host, &stress);
	int r = sl_guest_link_open_carrier(&sl_guest_carrier_socket, &stress.lists, &stress.guest,
					   why, sizeof(why));
	unlink(path);
	rmdir(directory);
	if (r < 0) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}

	for (uint32_t i = 0; i < THREAD_COUNT; i++) {
		workers[i] = (struct worker){ .stress = &stress, .thread = i };
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	/* The first reply means that stress.host is there. */
	while (atomic_load(&stress.answered) == 0 && !atomic_load(&stress.has_failed)) {
		sl_clock_relax();
	}
	pthread_create(&publisher, NULL, publish, &stress);
	for (uint32_t i = 0; i < THREAD_COUNT; i++) {
		pthread_join(threads[i], NULL);
	}
	atomic_store(&stress.is_done, true);
	pthread_join(publisher, NULL);
	sl_guest_link_close(stress.guest);
	pthread_join(host, NULL);
	sl_host_link_destroy(stress.host);
	close(stress.listener);
	printf("%llu messages\n", (unsigned long long)atomic_load(&stress.answered));
	return atomic_load(&stress.has_failed) ? 1 : 0;
}
