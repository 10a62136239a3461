/* SPDX-License-Identifier: MIT */
/* Packets of the handshake: writing, and checking what the other side wrote. */
#include "protocol/handshake.h"

#include "protocol/wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void sl_handshake_init_header(struct sl_packet_header *header, enum sl_packet_type type,
			      size_t size)
{
	*header = (struct sl_packet_header){
		.magic = SL_PACKET_MAGIC,
		.type = (uint16_t)type,
		.version = SL_WIRE_VERSION,
		.size = (uint32_t)size,
	};
}

const char *sl_handshake_check_header(const uint8_t *packet, size_t size, enum sl_packet_type type,
				      size_t min_size)
{
	struct sl_packet_header header;

	if (size < sizeof(header)) {
		return "packet is shorter than its header";
	}
	memcpy(&header, packet, sizeof(header));
	if (header.magic != SL_PACKET_MAGIC) {
		return "packet does not speak Sluice's protocol";
	}
	if (header.version != SL_WIRE_VERSION) {
		return "packet has another version of the protocol";
	}
	if (header.type != type) {
		return "packet has an unexpected type";
	}
	if (header.size != size || size < min_size) {
		return "packet has a wrong size";
	}
	if (header.reserved != 0) {
		return "packet has a reserved field that is not 0";
	}
	return NULL;
}

/* The names' bytes and count. */
static size_t measure_extensions(const char *const *extensions, uint32_t *ret_count)
{
	size_t bytes = 0;
	uint32_t count = 0;

	for (; extensions[count] != NULL; count++) {
		bytes += strlen(extensions[count]) + 1;
	}
	*ret_count = count;
	return bytes;
}

size_t sl_handshake_lists_size(const struct sl_handshake_lists *lists)
{
	uint32_t count;
	size_t size = lists->stype_count * sizeof(uint32_t) +
		      measure_extensions(lists->extensions, &count);

	assert(lists->stype_count <= SL_HANDSHAKE_MAX_STYPES && size <= SL_PACKET_MAX_SIZE / 2);
	return size;
}

void sl_handshake_write_lists(uint8_t *packet, size_t lists_offset,
			      const struct sl_handshake_lists *lists)
{
	struct sl_packet_lists fixed = { .stype_count = lists->stype_count };
	uint8_t *at = packet + lists_offset + sizeof(fixed);

	memcpy(fixed.commands, lists->commands, sizeof(fixed.commands));
	fixed.extension_bytes =
		(uint32_t)measure_extensions(lists->extensions, &fixed.extension_count);
	memcpy(packet + lists_offset, &fixed, sizeof(fixed));

	if (lists->stype_count > 0) {
		memcpy(at, lists->stypes, lists->stype_count * sizeof(uint32_t));
		at += lists->stype_count * sizeof(uint32_t);
	}
	for (uint32_t i = 0; i < fixed.extension_count; i++) {
		size_t size = strlen(lists->extensions[i]) + 1;

		memcpy(at, lists->extensions[i], size);
		at += size;
	}
}

static uint32_t load_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static const char *check_stypes(const uint8_t *stypes, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		if (load_u32(stypes + (size_t)i * 4) <= load_u32(stypes + (size_t)(i - 1) * 4)) {
			return "list of structures is not in ascending order";
		}
	}
	return NULL;
}

static const char *check_extensions(const char *names, size_t size, uint32_t count)
{
	size_t start = 0;

	for (uint32_t i = 0; i < count; i++) {
		size_t length = strnlen(names + start, size - start);

		if (length == 0 || length > SL_HANDSHAKE_MAX_NAME || length == size - start) {
			return "list of extensions has a bad name";
		}
		for (size_t k = start; k < start + length; k++) {
			char c = names[k];

			if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			      (c >= '0' && c <= '9') || c == '_')) {
				return "list of extensions has a bad name";
			}
		}
		start += length + 1;
	}
	return start == size ? NULL : "list of extensions has a wrong size";
}

const char *sl_handshake_read_lists(const uint8_t *packet, size_t size, size_t lists_offset,
				    struct sl_handshake_peer *ret_peer)
{
	struct sl_packet_lists fixed;
	const uint8_t *at = packet + lists_offset + sizeof(fixed);

	assert(size >= lists_offset + sizeof(fixed));
	memcpy(&fixed, packet + lists_offset, sizeof(fixed));
	size_t left = size - lists_offset - sizeof(fixed);
	if (fixed.reserved != 0) {
		return "packet has a reserved field that is not 0";
	}
	if (fixed.stype_count > SL_HANDSHAKE_MAX_STYPES ||
	    fixed.extension_count > SL_PACKET_MAX_SIZE ||
	    fixed.extension_bytes > SL_PACKET_MAX_SIZE ||
	    left != (size_t)fixed.stype_count * 4 + fixed.extension_bytes) {
		return "lists do not fit their packet";
	}
	*ret_peer = (struct sl_handshake_peer){
		.commands = packet + lists_offset + offsetof(struct sl_packet_lists, commands),
		.stypes = at,
		.stype_count = fixed.stype_count,
		.extensions = (const char *)at + (size_t)fixed.stype_count * 4,
		.extension_count = fixed.extension_count,
	};
	const char *why = check_stypes(ret_peer->stypes, ret_peer->stype_count);
	if (why != NULL) {
		return why;
	}
	return check_extensions(ret_peer->extensions, fixed.extension_bytes, fixed.extension_count);
}

void sl_handshake_intersect(const struct sl_handshake_lists *own,
			    const struct sl_handshake_peer *peer, struct sl_caps *ret_caps)
{
	assert(own->stype_count <= SL_CAPS_STRUCT_WORDS * 32);
	memset(ret_caps, 0, sizeof(*ret_caps));
	for (uint32_t i = 0; i < SL_CAPS_COMMAND_WORDS; i++) {
		ret_caps->commands[i] = own->commands[i] & load_u32(peer->commands + (size_t)i * 4);
	}
	/* Both are ascending. */
	for (uint32_t i = 0, k = 0; i < own->stype_count && k < peer->stype_count;) {
		uint32_t theirs = load_u32(peer->stypes + (size_t)k * 4);

		if (own->stypes[i] == theirs) {
			ret_caps->structs[i / 32] |= 1u << (i % 32);
		}
		bool is_behind = own->stypes[i] <= theirs;
		k += own->stypes[i] >= theirs;
		i += is_behind;
	}
}

bool sl_handshake_peer_has_extension(const struct sl_handshake_peer *peer, const char *name)
{
	const char *at = peer->extensions;

	for (uint32_t i = 0; i < peer->extension_count; i++) {
		if (strcmp(at, name) == 0) {
			return true;
		}
		at += strlen(at) + 1;
	}
	return false;
}

void sl_handshake_refuse(int fd, const char *text)
{
	struct sl_packet_refused refused = { 0 };

	sl_handshake_init_header(&refused.header, SL_PACKET_REFUSED, sizeof(refused));
	snprintf(refused.text, sizeof(refused.text), "%s", text);
	/* The guest may be gone already, which is all the same now. */
	(void)!send(fd, &refused, sizeof(refused), MSG_NOSIGNAL | MSG_DONTWAIT);
}
