/* SPDX-License-Identifier: MIT */
/* The link's shared memory with a hostile peer that writes to it while it is read. The input is the
 * peer's script, of steps of eight bytes: what to do, two numbers, a value. A thread runs it; this
 * one receives messages, answers and publishes, as a renderer does, or writes messages, as a
 * guest does whose host lies. */
#include "host/base/fd.h"
#include "host/link/host_link.h"
#include "protocol/limits.h"
#include "protocol/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/link_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_STEPS    512
#define MAX_WRITES   4096
#define REGION_BYTES 8192u

enum step_kind {
	STEP_RING_WORD,	 /* any word of the ring's head */
	STEP_RING_BYTES, /* what lies in the ring */
	STEP_MESSAGE,	 /* one that is as it should be */
	STEP_ADVANCE,	 /* the producer's index, by any amount */
	STEP_SYNC_WORD,
	STEP_REPLY_WORD,
	STEP_PACKET,
	STEP_WAIT,
	STEP_KIND_COUNT,
};

struct step {
	uint8_t kind;
	uint8_t count;
	uint16_t at;
	uint32_t value;
};

struct peer {
	struct fuzz_input in;
	struct raw_guest *guest;
	int doorbell;
	uint32_t next_region;
};

static void set_word(void *memory, size_t size, uint16_t at, uint32_t value)
{
	_Atomic uint32_t *words = memory;

	atomic_store_explicit(&words[at % (size / sizeof(uint32_t))], value, memory_order_relaxed);
}

static void ring_doorbell(const struct peer *peer)
{
	const uint64_t one = 1;

	if (peer->doorbell >= 0 && write(peer->doorbell, &one, sizeof(one)) < 0) {
		return; /* full: it rings anyway */
	}
}

/* Its payload tells the receiver what to do. */
static void send_message(struct peer *peer, const struct step *step)
{
	struct {
		struct sl_wire_header header;
		struct step payload[32];
	} message = { .header = { .seqno = peer->guest->seqno++ } };
	size_t written;

	message.header.size = sizeof(message.header) + 8u * (step->count % 32u);
	for (uint32_t i = 0; i < 32; i++) {
		message.payload[i] = *step;
		message.payload[i].value += i;
	}
	if (sl_ring_write(&peer->guest->ring, &message, message.header.size, &written) == 0 &&
	    written == message.header.size) {
		sl_ring_publish(&peer->guest->ring);
	}
	ring_doorbell(peer);
}

/* A region, small enough to be had or too large, or a packet that is none. */
static void send_packet(struct peer *peer, const struct step *step)
{
	struct sl_packet_region packet = {
		.region_id = (step->count & 1) != 0 ? peer->next_region : step->at,
		.size = (step->count & 2) != 0 ? REGION_BYTES : step->value,
	};
	int fd = (step->count & 4) != 0 ? -1 : memfd_create("fuzz", MFD_ALLOW_SEALING);

	sl_handshake_init_header(&packet.header,
				 (step->count & 8) != 0 ? SL_PACKET_RELEASE : SL_PACKET_REGION,
				 sizeof(packet));
	peer->next_region += step->count & 1;
	if (fd >= 0 && (ftruncate(fd, REGION_BYTES) < 0 ||
			fcntl(fd, F_ADD_SEALS, (step->count & 16) != 0 ? 0 : F_SEAL_SHRINK) < 0)) {
		abort();
	}
	/* The other end may have closed the socket. */
	sl_fd_send(peer->guest->socket, &packet,
		   (step->count & 32) != 0 ? step->at % sizeof(packet) : sizeof(packet), &fd,
		   fd >= 0 ? 1 : 0);
	sl_fd_close(fd);
}

static void run_step(struct peer *peer, const struct step *step)
{
	struct raw_guest *guest = peer->guest;
	uint8_t *data = (uint8_t *)guest->memory[0] + SL_RING_DATA_OFFSET;
	struct sl_ring_shared *shared = guest->memory[0];

	switch (step->kind % STEP_KIND_COUNT) {
	case STEP_RING_WORD:
		set_word(guest->memory[0], sizeof(*shared), step->at, step->value);
		ring_doorbell(peer);
		break;
	case STEP_RING_BYTES:
		memset(data + step->at % (SL_RING_MIN_SIZE - 256), (int)step->value, step->count);
		break;
	case STEP_MESSAGE:
		send_message(peer, step);
		break;
	case STEP_ADVANCE:
		atomic_fetch_add(&shared->head, step->value % (SL_RING_MIN_SIZE * 2));
		ring_doorbell(peer);
		break;
	case STEP_SYNC_WORD:
		set_word(guest->memory[2], SL_SYNC_PAGE_SIZE, step->at, step->value);
		break;
	case STEP_REPLY_WORD:
		set_word(guest->memory[1], SL_REPLY_AREA_SIZE, step->at, step->value);
		break;
	case STEP_PACKET:
		send_packet(peer, step);
		break;
	default:
		for (uint32_t i = 0; i < step->count; i++) {
			sched_yield();
		}
	}
}

static void *run_script(void *data)
{
	struct peer *peer = data;
	struct step step;

	for (int i = 0; i < MAX_STEPS && peer->in.size > 0; i++) {
		fuzz_take(&peer->in, &step, sizeof(step));
		run_step(peer, &step);
	}
	/* The other end goes on until it sees this. */
	shutdown(peer->guest->socket, SHUT_RDWR);
	return NULL;
}

/* What a renderer does for its messages; which, the guest says. */
static void answer(struct sl_host_link *link, const struct step *step)
{
	struct sl_wire_reply_slot slot = {
		.region_id = step->count % 8u,
		.offset = (step->value & 0xffff) * 64u,
		.capacity = step->at,
	};
	uint8_t *payload = NULL;
	void *region = NULL;
	size_t size = 0;

	switch (step->kind % 4) {
	case 0:
		if (sl_host_link_begin_reply(link, &slot, step->at / 2u, &payload) == 0) {
			memset(payload, 0x5a, step->at / 2u);
			sl_host_link_commit_reply(link);
		}
		break;
	case 1:
		if (sl_host_link_hold_region(link, slot.region_id, &region, &size) == 0) {
			memset(region, 0xa5, size);
			sl_host_link_release_region(link, slot.region_id);
		}
		break;
	case 2:
		sl_host_link_forget_region(link, slot.region_id);
		break;
	default:
		sl_host_link_publish(link, step->count % SL_MAX_QUEUES, step->value);
	}
}

static void receive_messages(struct sl_host_link *link)
{
	struct sl_message message;
	struct sl_wire_header header;
	struct step step;
	const char *why = "";
	int r;

	while ((r = sl_host_link_receive(link, &message, &why)) == 0) {
		memcpy(&header, message.data, sizeof(header));
		if (header.size != message.size || message.size > SL_MAX_MESSAGE_SIZE) {
			abort(); /* the header was looked at twice */
		}
		for (size_t at = sizeof(header); at + sizeof(step) <= message.size;
		     at += sizeof(step)) {
			memcpy(&step, message.data + at, sizeof(step));
			answer(link, &step);
		}
	}
	if (r == -EBADMSG) {
		sl_host_link_set_lost(link, SL_LOST_PROTOCOL, why);
	}
}

/* The other end: the consumer's index is any number at any time. */
static void write_messages(struct sl_ring *ring)
{
	uint8_t bytes[512];
	size_t written;

	memset(bytes, 0x77, sizeof(bytes));
	for (int i = 0; i < MAX_WRITES; i++) {
		int r = sl_ring_write(ring, bytes, (size_t)i % sizeof(bytes), &written);

		if (r < 0) {
			return;
		}
		if (written > (size_t)i % sizeof(bytes)) {
			abort(); /* more than was given */
		}
		sl_ring_publish(ring);
		sl_ring_has_space_or_arm(ring);
	}
}

static struct sl_host_link *connect_link(struct raw_guest *guest, int *ret_doorbell)
{
	const char *const extensions[] = { "VK_KHR_synchronization2", NULL };
	const struct sl_host_link_options options = {
		.max_region_bytes = REGION_BYTES * 4,
		.max_regions = 4,
		.extensions = extensions,
	};
	struct sl_host_link *link = NULL;
	static uint8_t welcome[SL_PACKET_MAX_SIZE];
	char why[256];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		abort();
	}
	guest->socket = fds[0];
	if (sl_fd_send(fds[0], guest->hello, guest->hello_size, guest->shares, SL_HELLO_FD_COUNT) <
		    0 ||
	    sl_host_link_accept(fds[1], &options, &link, why, sizeof(why)) < 0 ||
	    sl_fd_receive(fds[0], welcome, sizeof(welcome), ret_doorbell, 1, NULL) <= 0) {
		abort(); /* an honest hello */
	}
	return link;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer peer = { .in = { data, size }, .doorbell = -1, .next_region = 2 };
	bool is_producer = (fuzz_u8(&peer.in) & 1) != 0;
	struct sl_host_link *link = NULL;
	struct raw_guest guest;
	pthread_t thread;

	raw_guest_init(&guest);
	peer.guest = &guest;
	if (!is_producer) {
		link = connect_link(&guest, &peer.doorbell);
	}
	struct sl_ring ring = guest.ring; /* in the same memory as the peer's */
	if (pthread_create(&thread, NULL, run_script, &peer) != 0) {
		abort();
	}
	if (is_producer) {
		write_messages(&ring);
	} else {
		receive_messages(link);
	}
	pthread_join(thread, NULL);
	sl_host_link_destroy(link);
	sl_fd_close(peer.doorbell);
	raw_guest_finish(&guest);
	return 0;
}
