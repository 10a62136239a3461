/* SPDX-License-Identifier: MIT */
/* The message header, as it lies in a ring. docs/wire-format.md is the normative text. */
#ifndef SL_PROTOCOL_WIRE_H
#define SL_PROTOCOL_WIRE_H

#include <assert.h>
#include <stdint.h>

/* Raised when a guest and a host of different versions could misread each other. Commands,
 * structs and extensions that only one side has do not raise it: the handshake intersects them. */
#define SL_WIRE_VERSION 1u

enum sl_wire_flags {
	/* The guest waits: struct sl_wire_reply_slot follows the header. */
	SL_WIRE_REPLY = 1u << 0,
};
#define SL_WIRE_FLAGS_KNOWN SL_WIRE_REPLY

/* Every message starts on an 8-byte boundary of the stream. */
struct sl_wire_header {
	uint32_t size;	     /* bytes, this header included; a multiple of 8 */
	uint16_t command_id; /* from protocol/commands.txt; 0 is no command */
	uint16_t flags;	     /* enum sl_wire_flags */
	uint32_t seqno; /* counts messages of the ring, or commands of a command buffer's stream */
	uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct sl_wire_header) == 16, "wire struct");

/* Where the host puts the reply. The slot lies in a shared region that the guest registered. */
struct sl_wire_reply_slot {
	uint32_t region_id; /* SL_REGION_REPLY or a region of the guest's */
	uint32_t offset;    /* bytes into the region, a multiple of 64 */
	uint32_t capacity;  /* bytes of payload that fit behind struct sl_reply_header */
	uint32_t reserved;  /* 0 */
};
static_assert(sizeof(struct sl_wire_reply_slot) == 16, "wire struct");

#endif
