/* SPDX-License-Identifier: MIT */
/* Opening and closing a link: shared memory, handshake, what both sides have in common. */
#include "guest-driver/link/guest_link_priv.h"
#include "protocol/clock.h"
#include "protocol/limits.h"
#include "protocol/sl_types.h"
#include "protocol/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* See docs/wire-format.md, "Latency": longer than a renderer takes to wake up. */
#define SPIN_DEFAULT_US 50u
#define SPIN_MAX_US	10000u

static uint64_t read_spin_ns(void)
{
	const char *text = getenv("SLUICE_SPIN_US");
	unsigned long spin_us = SPIN_DEFAULT_US;

	if (text != NULL && text[0] != '\0') {
		char *end;
		unsigned long value = strtoul(text, &end, 10);

		if (*end == '\0' && value <= SPIN_MAX_US) {
			spin_us = value;
		}
	}
	return spin_us * 1000ull;
}

/* The memory that the hello shares. Returns 0 or -errno; shares not made are -1. */
static int alloc_shared(struct sl_guest_link *link, int shares[SL_HELLO_FD_COUNT])
{
	void *reply_area = NULL;
	void *sync = NULL;

	link->ring_size = SL_RING_DEFAULT_SIZE;
	int r = link->ops->alloc(link->carrier, "sluice-ring", sl_ring_memory_size(link->ring_size),
				 &link->ring_memory, &shares[0]);
	if (r == 0) {
		r = link->ops->alloc(link->carrier, "sluice-reply", SL_REPLY_AREA_SIZE, &reply_area,
				     &shares[1]);
	}
	if (r == 0) {
		link->reply_area = reply_area;
		r = link->ops->alloc(link->carrier, "sluice-sync", SL_SYNC_PAGE_SIZE, &sync,
				     &shares[2]);
	}
	if (r == 0) {
		link->sync = sync;
		sl_ring_init(&link->ring, link->ring_memory, link->ring_size);
		if (link->ops->shares_cpus) {
			sl_ring_share_cpus(&link->ring, true);
		}
	}
	return r;
}

static void free_memory(struct sl_guest_link *link, void *data, size_t size, int share)
{
	if (data != NULL) {
		link->ops->free(link->carrier, data, size, share);
	}
}

static void free_shared(struct sl_guest_link *link, const int shares[SL_HELLO_FD_COUNT])
{
	free_memory(link, link->ring_memory, sl_ring_memory_size(link->ring_size), shares[0]);
	free_memory(link, link->reply_area, SL_REPLY_AREA_SIZE, shares[1]);
	free_memory(link, link->sync, SL_SYNC_PAGE_SIZE, shares[2]);
	link->ring_memory = NULL;
	link->reply_area = NULL;
	link->sync = NULL;
}

/* Returns the packet (free() it), or NULL. */
static struct sl_packet_hello *make_hello(const struct sl_guest_link *link,
					  const struct sl_handshake_lists *own, size_t *ret_size)
{
	size_t size = sizeof(struct sl_packet_hello) + sl_handshake_lists_size(own);
	struct sl_packet_hello *hello = calloc(1, size);

	if (hello == NULL) {
		return NULL;
	}
	sl_handshake_init_header(&hello->header, SL_PACKET_HELLO, size);
	hello->ring_size = link->ring_size;
	hello->reply_size = SL_REPLY_AREA_SIZE;
	hello->sync_size = SL_SYNC_PAGE_SIZE;
	hello->pid = (uint32_t)getpid();
	snprintf(hello->program, sizeof(hello->program), "%s", program_invocation_short_name);
	sl_handshake_write_lists((uint8_t *)hello, offsetof(struct sl_packet_hello, lists), own);
	*ret_size = size;
	return hello;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The extensions of both lists, sorted. Returns 0 or -ENOMEM. */
static int keep_extensions(struct sl_guest_link *link, const struct sl_handshake_lists *own,
			   const struct sl_handshake_peer *peer)
{
	size_t own_count = 0;
	size_t bytes = 0;

	for (; own->extensions[own_count] != NULL; own_count++) {
		bytes += strlen(own->extensions[own_count]) + 1;
	}
	link->extensions = calloc(own_count + 1, sizeof(*link->extensions));
	link->extension_names = malloc(bytes + 1);
	if (link->extensions == NULL || link->extension_names == NULL) {
		return -ENOMEM;
	}
	char *at = link->extension_names;
	for (size_t i = 0; i < own_count; i++) {
		if (sl_handshake_peer_has_extension(peer, own->extensions[i])) {
			link->extensions[link->extension_count++] = at;
			at = stpcpy(at, own->extensions[i]) + 1;
		}
	}
	qsort(link->extensions, link->extension_count, sizeof(*link->extensions), compare_names);
	return 0;
}

bool sl_guest_link_has_extension(const struct sl_guest_link *link, const char *name)
{
	return bsearch(&name, link->extensions, link->extension_count, sizeof(*link->extensions),
		       compare_names) != NULL;
}

/* Returns 0 or -errno with ret_why filled in. */
static int accept_welcome(struct sl_guest_link *link, const struct sl_handshake_lists *own,
			  const uint8_t *packet, size_t size, char *ret_why, size_t why_size)
{
	struct sl_packet_refused refused;
	struct sl_packet_welcome welcome;
	struct sl_handshake_peer peer;

	/* A refusal reads the same in every version. */
	if (size == sizeof(refused)) {
		memcpy(&refused, packet, sizeof(refused));
		if (refused.header.magic == SL_PACKET_MAGIC &&
		    refused.header.type == SL_PACKET_REFUSED) {
			refused.text[sizeof(refused.text) - 1] = '\0';
			snprintf(ret_why, why_size, "the host refused: %s", refused.text);
			return -EACCES;
		}
	}
	const char *why =
		sl_handshake_check_header(packet, size, SL_PACKET_WELCOME, sizeof(welcome));
	if (why == NULL) {
		why = sl_handshake_read_lists(packet, size,
					      offsetof(struct sl_packet_welcome, lists), &peer);
	}
	if (why != NULL) {
		snprintf(ret_why, why_size, "the host's answer is unusable: %s", why);
		return -EPROTO;
	}
	memcpy(&welcome, packet, sizeof(welcome));
	link->max_regions = welcome.max_regions;
	link->max_region_bytes = welcome.max_region_bytes;
	sl_handshake_intersect(own, &peer, &link->caps);
	if (keep_extensions(link, own, &peer) < 0) {
		snprintf(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

/* Returns 0 or -errno with ret_why filled in. */
static int shake_hands(struct sl_guest_link *link, const struct sl_handshake_lists *own,
		       char *ret_why, size_t why_size)
{
	int shares[SL_HELLO_FD_COUNT] = { -1, -1, -1 };
	size_t hello_size = 0;
	int r = alloc_shared(link, shares);
	struct sl_packet_hello *hello = r == 0 ? make_hello(link, own, &hello_size) : NULL;
	uint8_t *packet = malloc(SL_PACKET_MAX_SIZE);

	if (hello == NULL || packet == NULL) {
		r = r < 0 ? r : -ENOMEM;
		snprintf(ret_why, why_size, "cannot make the memory to share with the host: %s",
			 strerror(-r));
		free_shared(link, shares);
	} else {
		ssize_t size = link->ops->greet(link->carrier, hello, hello_size, shares, packet,
						SL_PACKET_MAX_SIZE, ret_why, why_size);
		r = size < 0 ? (int)size
			     : accept_welcome(link, own, packet, (size_t)size, ret_why, why_size);
	}
	free(hello);
	free(packet);
	return r;
}

int sl_guest_link_open(struct sl_guest_link **ret_link, char *ret_why, size_t why_size)
{
	const char *names[SL_EXTENSION_COUNT + 1];
	struct sl_handshake_lists own;

	for (uint32_t i = 0; i < SL_EXTENSION_COUNT; i++) {
		names[i] = sl_extension_list[i].name;
	}
	names[SL_EXTENSION_COUNT] = NULL;
	sl_handshake_init_lists(&own);
	own.extensions = names;
	/* A socket that is named is meant. Else a virtual machine's device comes first. */
	const char *named = secure_getenv("SLUICE_SOCKET");
	char virtio_why[256] = "";
	int r = -ENODEV;
	if (named == NULL || named[0] == '\0') {
		r = sl_guest_link_open_carrier(&sl_guest_carrier_virtio, &own, ret_link, virtio_why,
					       sizeof(virtio_why));
	}
	if (r != -ENODEV) {
		snprintf(ret_why, why_size, "%s", virtio_why);
		return r;
	}
	r = sl_guest_link_open_carrier(&sl_guest_carrier_socket, &own, ret_link, ret_why, why_size);
	size_t length = strlen(ret_why);
	if (r < 0 && virtio_why[0] != '\0') {
		snprintf(ret_why + length, why_size - length, "; %s", virtio_why);
	}
	return r;
}

static void init_locks(struct sl_guest_link *link)
{
	pthread_mutex_init(&link->send_lock, NULL);
	pthread_mutex_init(&link->reply_lock, NULL);
	pthread_mutex_init(&link->region_lock, NULL);
	pthread_mutex_init(&link->lost_lock, NULL);
}

int sl_guest_link_open_carrier(const struct sl_guest_carrier_ops *ops,
			       const struct sl_handshake_lists *own,
			       struct sl_guest_link **ret_link, char *ret_why, size_t why_size)
{
	struct sl_guest_link *link = aligned_alloc(_Alignof(struct sl_guest_link), sizeof(*link));

	if (link == NULL) {
		snprintf(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	*link = (struct sl_guest_link){
		.ops = ops,
		.spin_ns = read_spin_ns(),
		.next_region_id = SL_REGION_FIRST,
		.hangup_checked = sl_clock_now_ns(),
	};
	init_locks(link);
	int r = ops->open(&link->carrier, ret_why, why_size);
	if (r == 0) {
		r = shake_hands(link, own, ret_why, why_size);
	}
	if (r == 0) {
		r = sl_guest_link_watch_fork(link);
		if (r < 0) {
			snprintf(ret_why, why_size, "cannot watch for fork(): %s", strerror(-r));
		}
	}
	if (r < 0) {
		sl_guest_link_close(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

void sl_guest_link_close(struct sl_guest_link *link)
{
	if (link == NULL) {
		return;
	}
	sl_guest_link_unwatch_fork(link);
	while (link->regions != NULL) {
		struct sl_region_node *node = link->regions;

		link->regions = node->next;
		free_memory(link, node->data, node->size, -1);
		free(node);
	}
	free_shared(link, (const int[SL_HELLO_FD_COUNT]){ -1, -1, -1 });
	if (link->carrier != NULL) {
		link->ops->close(link->carrier);
	}
	free(link->extensions);
	free(link->extension_names);
	free(link);
}
