/* SPDX-License-Identifier: MIT */
/* A link without a host: what the guest driver sends is counted, the test plays the host. */
#ifndef SL_TESTS_UNIT_FAKE_GUEST_LINK_H
#define SL_TESTS_UNIT_FAKE_GUEST_LINK_H

#include "guest-driver/link/guest_link.h"

struct fake_link {
	struct sl_sync_page sync;
	struct sl_caps caps; /* everything */
	uint32_t sent;	     /* messages */
	uint16_t last_command_id;
	uint8_t *last_payload; /* of the last message; freed by the next reset */
	size_t last_payload_size;
	uint32_t wakes;
	/* Called by sl_guest_link_wait() each time before it looks again; NULL: nothing happens any
	 * more, so a wait ends with its deadline, and one without a deadline fails the test. */
	void (*step)(struct fake_link *fake);
	uint64_t last_deadline_ns;
};

/* The link that sl_guest_link_open() opens. */
extern struct fake_link fake_link;

/* Before each test, and once after the last. */
void fake_link_reset(void);

/* What the host would do. */
void fake_link_publish(uint32_t slot, uint64_t number);
void fake_link_lose(void);

#endif
