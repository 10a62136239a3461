/* SPDX-License-Identifier: MIT */
/* What a guest program puts into EXECBUFFER of a virtio-gpu device that offers Sluice's capset.
 * The vgpu carries packets (handshake.h) between the program and its renderer: what is a
 * descriptor on the socket link is a resource of the device here. docs/wire-format.md is
 * normative. */
#ifndef SL_PROTOCOL_VIRTIO_H
#define SL_PROTOCOL_VIRTIO_H

#include "protocol/handshake.h"

#include <assert.h>
#include <stdint.h>

/* Within 0x10..0x1e: the guest's kernel cannot tell larger ones apart. */
#define SL_VIRTIO_CAPSET_ID	 0x10u
#define SL_VIRTIO_CAPSET_VERSION 1u

struct sl_virtio_capset {
	uint32_t version;	/* SL_VIRTIO_CAPSET_VERSION */
	uint32_t wire_version;	/* SL_WIRE_VERSION */
	uint32_t resource_flag; /* for RESOURCE_CREATE: memory of the guest's only */
	uint32_t max_submit_size;
};
static_assert(sizeof(struct sl_virtio_capset) == 16, "capset");

#define SL_VIRTIO_RESOURCE_FLAG (1u << 31)
#define SL_VIRTIO_MAGIC		0x31434c53u /* "SLC1": tells a context's first submission */

enum sl_virtio_op {
	/* A HELLO packet follows; resources: ring, reply area, sync page. The answer is written to
	 * the reply area: struct sl_virtio_greeting. The submission's fence is a hint for it. */
	SL_VIRTIO_HELLO = 1,
	/* A REGION packet (resource 0: its memory) or a RELEASE packet follows. */
	SL_VIRTIO_PACKET = 2,
	/* The renderer may be asleep. */
	SL_VIRTIO_DOORBELL = 3,
	/* The submission's fence is a hint that the sync page's wake_seq is no longer value. */
	SL_VIRTIO_WAIT = 4,
};

struct sl_virtio_submit {
	uint32_t magic;
	uint32_t op; /* enum sl_virtio_op */
	uint32_t resource_ids[SL_HELLO_FD_COUNT];
	uint32_t value;
	uint32_t packet_size; /* bytes that follow */
	uint32_t reserved;
};
static_assert(sizeof(struct sl_virtio_submit) == 32, "submission");

/* At the start of the reply area, until the greeting is over. */
struct sl_virtio_greeting {
	_Atomic uint32_t size; /* of the packet; 0: not yet; written last */
	uint32_t reserved;
	/* WELCOME or REFUSED follows */
};
static_assert(sizeof(struct sl_virtio_greeting) == 8, "shared struct");

#endif
