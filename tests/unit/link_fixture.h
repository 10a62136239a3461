/* SPDX-License-Identifier: MIT */
/* Both ends of a link in one process, and a guest that does everything by hand. */
#ifndef SL_TESTS_UNIT_LINK_FIXTURE_H
#define SL_TESTS_UNIT_LINK_FIXTURE_H

#include "guest-driver/link/guest_link.h"
#include "host/link/host_link.h"
#include "protocol/handshake.h"
#include "protocol/ring.h"

#include "tests/unit/sl_test.h"

#define FIXTURE_MAX_REGIONS	 8u
#define FIXTURE_MAX_REGION_BYTES (16u << 20)

struct link_fixture {
	char directory[64];
	char path[80]; /* of the listening socket; also in SLUICE_SOCKET */
	int listener;
	int fd_count; /* of the process, before anything was opened */
	struct sl_host_link_options options;
	struct sl_guest_link *guest; /* NULL: not connected */
	struct sl_host_link *host;
	int host_result; /* of sl_host_link_accept() */
	char host_why[256];
};

/* How often the host end was told, since set-up, that its guest is idle. */
extern atomic_uint link_fixture_idle_count;

/* cmocka set-up and tear-down: *state is the fixture; tear-down checks that no descriptor is left.
 */
int link_fixture_set_up(void **state);
int link_fixture_set_up_connected(void **state);
int link_fixture_tear_down(void **state);

int link_fixture_count_fds(void);
/* Connect fixture->guest with fixture->host. Returns what sl_guest_link_open() did. */
int link_fixture_connect(struct link_fixture *f, char *ret_why, size_t why_size);

/* A guest without a driver, free to lie. */
struct raw_guest {
	int socket;
	int shares[SL_HELLO_FD_COUNT];
	void *memory[SL_HELLO_FD_COUNT]; /* ring, reply area, sync page */
	struct sl_ring ring;
	uint8_t *hello; /* a correct one, to be spoilt */
	size_t hello_size;
	uint32_t seqno;
	char refusal[SL_REFUSED_TEXT_SIZE]; /* the host's words, empty: none */
};

void raw_guest_init(struct raw_guest *raw);
void raw_guest_finish(struct raw_guest *raw);
/* Send hello with fd_count of the shares; host accepts or refuses (fixture->host_result). */
void raw_guest_greet(struct raw_guest *raw, struct link_fixture *f, int fd_count);
/* init and greet; the host must accept. */
void raw_guest_connect(struct raw_guest *raw, struct link_fixture *f);
/* Whole bytes into the ring, visible to the host. */
void raw_guest_write(struct raw_guest *raw, const void *data, size_t size);
void raw_guest_send_packet(struct raw_guest *raw, const void *packet, size_t size, int fd);
/* A memfd of size bytes with seals. */
int raw_guest_create_memory(size_t size, unsigned int seals);

#endif
