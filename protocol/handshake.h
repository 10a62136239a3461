/* SPDX-License-Identifier: MIT */
/* Packets beside the ring: the handshake, and the regions that a guest shares later. On the
 * socket link each is one packet of a SOCK_SEQPACKET socket. docs/wire-format.md is normative.
 *
 *	guest → host	HELLO	 with descriptors: ring, reply area, sync page
 *	host → guest	WELCOME	 with the doorbell's descriptor, or REFUSED
 *	guest → host	REGION	 with the region's descriptor
 *	guest → host	RELEASE	 a region that no message of the ring mentions any more
 *
 * Where the guest is a virtual machine, its vgpu is at the other end of the socket. The guest's
 * memory lies in a few large files, so what is shared is a list of pages in them:
 *
 *	vgpu → host	MEMORY	 with files of guest memory; before whatever mentions them
 *	host → vgpu	RELEASED a region's pages are no longer mapped */
#ifndef SL_PROTOCOL_HANDSHAKE_H
#define SL_PROTOCOL_HANDSHAKE_H

#include "protocol/caps.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_PACKET_MAGIC		0x43554c53u /* "SLUC" */
#define SL_PACKET_MAX_SIZE	(64u << 10)
#define SL_HELLO_FD_COUNT	3
#define SL_HELLO_PROGRAM_SIZE	48u
#define SL_REFUSED_TEXT_SIZE	240u
#define SL_HANDSHAKE_MAX_STYPES 8192u
#define SL_HANDSHAKE_MAX_NAME	255u /* VK_MAX_EXTENSION_NAME_SIZE without its NUL */

/* Regions 0 (none) and 1 exist from the start. */
#define SL_REGION_REPLY 1u
#define SL_REGION_FIRST 2u

enum sl_packet_type {
	SL_PACKET_HELLO = 1,
	SL_PACKET_WELCOME = 2,
	SL_PACKET_REFUSED = 3,
	SL_PACKET_REGION = 4,
	SL_PACKET_RELEASE = 5,
	SL_PACKET_MEMORY = 6,
	SL_PACKET_RELEASED = 7,
};

/* This and struct sl_packet_refused are the same in every version. */
struct sl_packet_header {
	uint32_t magic;
	uint16_t type;	  /* enum sl_packet_type */
	uint16_t version; /* SL_WIRE_VERSION of the sender */
	uint32_t size;	  /* bytes, this header included */
	uint32_t reserved;
};
static_assert(sizeof(struct sl_packet_header) == 16, "packet");

struct sl_packet_refused {
	struct sl_packet_header header;
	char text[SL_REFUSED_TEXT_SIZE]; /* one line for a person, NUL-terminated */
};
static_assert(sizeof(struct sl_packet_refused) == 256, "packet");

/* What a side can speak. Behind the packet's fixed part follow stype_count u32 (VkStructureType,
 * ascending), then extension_count NUL-terminated names of extension_bytes bytes in all. */
struct sl_packet_lists {
	uint32_t commands[SL_CAPS_COMMAND_WORDS]; /* bit: wire id */
	uint32_t stype_count;
	uint32_t extension_count;
	uint32_t extension_bytes;
	uint32_t reserved;
};
static_assert(sizeof(struct sl_packet_lists) == 272, "packet");

struct sl_packet_hello {
	struct sl_packet_header header;
	uint32_t ring_size;  /* of the data; the memory is sl_ring_memory_size() bytes */
	uint32_t reply_size; /* SL_REPLY_AREA_SIZE */
	uint32_t sync_size;  /* SL_SYNC_PAGE_SIZE */
	uint32_t pid;	     /* for logs */
	char program[SL_HELLO_PROGRAM_SIZE]; /* for logs, NUL-terminated */
	struct sl_packet_lists lists;
};
static_assert(sizeof(struct sl_packet_hello) == 352, "packet");

struct sl_packet_welcome {
	struct sl_packet_header header;
	uint64_t max_region_bytes; /* all regions together */
	uint32_t max_regions;
	uint32_t reserved;
	struct sl_packet_lists lists;
};
static_assert(sizeof(struct sl_packet_welcome) == 304, "packet");

struct sl_packet_region {
	struct sl_packet_header header;
	uint32_t region_id; /* SL_REGION_FIRST or more; never used before in this context */
	uint32_t reserved;
	uint64_t size; /* a multiple of 4096; 0 in RELEASE */
};
static_assert(sizeof(struct sl_packet_region) == 32, "packet");

/* At most this many files of guest memory in a context. */
#define SL_MEMORY_MAX_COUNT 8u

/* The first one is the connection's first packet; its last descriptor is an eventfd, written
 * where sleeping guest threads are to be woken. After it, the descriptors of HELLO and REGION are
 * page lists. */
struct sl_packet_memory {
	struct sl_packet_header header;
	uint32_t memory_count; /* descriptors, the eventfd not counted; numbered on from the last */
	uint32_t reserved;
};
static_assert(sizeof(struct sl_packet_memory) == 24, "packet");

/* A page list, in a memfd: the runs that make up what is shared, in order. */
struct sl_page_list {
	uint32_t run_count; /* at most SL_MAX_PAGE_RUNS */
	uint32_t reserved;
	/* struct sl_page_run follow */
};
static_assert(sizeof(struct sl_page_list) == 8, "page list");

struct sl_page_run {
	uint64_t offset; /* into the file; a multiple of 4096, as is size */
	uint64_t size;
	uint32_t memory; /* number of the file */
	uint32_t reserved;
};
static_assert(sizeof(struct sl_page_run) == 24, "page list");

/* What this side can speak. */
struct sl_handshake_lists {
	uint32_t commands[SL_CAPS_COMMAND_WORDS];
	const uint32_t *stypes; /* ascending; its indices are those of sl_caps.structs */
	uint32_t stype_count;
	const char *const *extensions; /* NULL-terminated */
};

/* What the other side can speak: points into its packet. */
struct sl_handshake_peer {
	const uint8_t *commands;
	const uint8_t *stypes;
	uint32_t stype_count;
	const char *extensions; /* one after the other, each with its NUL */
	uint32_t extension_count;
};

/* The commands and structures that this build was generated with; no extensions yet. */
void sl_handshake_init_lists(struct sl_handshake_lists *ret_lists);

/* Bytes behind the fixed part of a packet, at most SL_PACKET_MAX_SIZE / 2. */
size_t sl_handshake_lists_size(const struct sl_handshake_lists *lists);
/* Fill in a packet's header and lists; packet is zeroed, of lists_offset + sizeof(struct
 * sl_packet_lists) + sl_handshake_lists_size() bytes. */
void sl_handshake_write_lists(uint8_t *packet, size_t lists_offset,
			      const struct sl_handshake_lists *lists);
/* Check and find the lists of a received packet of size bytes (private memory).
 * Returns NULL, else what is wrong with it (static text). */
const char *sl_handshake_read_lists(const uint8_t *packet, size_t size, size_t lists_offset,
				    struct sl_handshake_peer *ret_peer);
/* Returns NULL, else what is wrong with the header (static text). */
const char *sl_handshake_check_header(const uint8_t *packet, size_t size, enum sl_packet_type type,
				      size_t min_size);
void sl_handshake_init_header(struct sl_packet_header *header, enum sl_packet_type type,
			      size_t size);

/* What both sides have; structs: bits index own->stypes. */
void sl_handshake_intersect(const struct sl_handshake_lists *own,
			    const struct sl_handshake_peer *peer, struct sl_caps *ret_caps);
bool sl_handshake_peer_has_extension(const struct sl_handshake_peer *peer, const char *name);

/* Tell the guest on a connected socket why it is not served. What cannot be sent is dropped.
 * Does not close fd. */
void sl_handshake_refuse(int fd, const char *text);

#endif
