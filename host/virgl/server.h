/* SPDX-License-Identifier: MIT */
/* The packets of a vgpu, one after the other: checked, then turned into calls of an OpenGL
 * renderer. One thread only.
 *
 * Whatever the guest put into a packet may be nonsense, which costs the resource or context that it
 * is about. Ids that the vgpu cannot have sent end the connection. */
#ifndef SL_HOST_VIRGL_SERVER_H
#define SL_HOST_VIRGL_SERVER_H

#include "host/virgl/virgl_msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct sl_quota;
struct sl_stats;
struct sl_virgl_server;

/* What replays. Ids exist, and are of the kind that is wanted; all other arguments are the guest's.
 * Functions return 0 or -errno. */
struct sl_virgl_ops {
	int (*create_resource)(void *data, const struct sl_virgl_create *create);
	/* It has no pages any more. */
	void (*destroy_resource)(void *data, uint32_t resource_id);
	/* runs stays where it is until detach_pages(). The guest writes to the pages at any time.
	 */
	int (*attach_pages)(void *data, uint32_t resource_id, struct iovec *runs, uint32_t count);
	void (*detach_pages)(void *data, uint32_t resource_id);
	int (*create_context)(void *data, uint32_t context_id, const char *name);
	void (*destroy_context)(void *data, uint32_t context_id);
	void (*attach)(void *data, uint32_t context_id, uint32_t resource_id);
	void (*detach)(void *data, uint32_t context_id, uint32_t resource_id);
	/* context_id 0: none. The resource has pages. */
	int (*transfer)(void *data, const struct sl_virgl_transfer *transfer);
	/* words: private, may be changed. */
	int (*submit)(void *data, uint32_t context_id, uint32_t *words, uint32_t count);
	/* Its picture as a DMA-BUF, which ret_exported tells about. Returns the descriptor, or
	 * -errno. */
	int (*export_resource)(void *data, uint32_t resource_id,
			       struct sl_virgl_exported *ret_exported);
	/* Rows of 4 bytes a pixel, stride bytes apart, fit into size bytes at pixels. */
	int (*read)(void *data, const struct sl_virgl_read *read, uint32_t stride, void *pixels,
		    size_t size);
};

struct sl_virgl_server_options {
	int socket; /* the vgpu's; lent. Not non-blocking */
	const struct sl_virgl_ops *ops;
	void *data;
	struct sl_quota *quota; /* lent, as is stats */
	uint32_t quota_slot;
	struct sl_stats *stats;
};

/* Bytes of a packet to sluice-virgl without its payload. 0: there is no such packet. */
size_t sl_virgl_server_get_size(uint32_t type);

/* Returns 0 or -ENOMEM. */
int sl_virgl_server_create(const struct sl_virgl_server_options *options,
			   struct sl_virgl_server **ret_server);
/* Does not call the renderer. Accepts NULL. */
void sl_virgl_server_destroy(struct sl_virgl_server *server);

/* The message that came last has packets yet to be taken. */
bool sl_virgl_server_has_more(const struct sl_virgl_server *server);
/* Take the next packet in place of the last one, which has been run: of the last message, or if it
 * has no more, from the socket, which must be readable then. Returns 0, -EPIPE (the vgpu has gone),
 * -EBADMSG, or -errno. */
int sl_virgl_server_receive(struct sl_virgl_server *server);
/* A packet has been received and not been run to its end. */
bool sl_virgl_server_has_packet(const struct sl_virgl_server *server);
/* The packet is work for the GPU, and may only be run with it. */
bool sl_virgl_server_needs_gpu(const struct sl_virgl_server *server);
/* The packet is a FENCE. */
bool sl_virgl_server_is_fence(const struct sl_virgl_server *server);
/* Run the packet, of a submission so much that it draws max_draws times (at least 1) at most.
 * *ret_draws: how often it did. Returns 0, -EBADMSG, or -errno if the vgpu cannot be answered. */
int sl_virgl_server_run(struct sl_virgl_server *server, uint32_t max_draws, uint32_t *ret_draws);

/* How many pieces of work, counted from the first, have been completed: fences are reached.
 * Returns 0 or -errno. */
int sl_virgl_server_complete(struct sl_virgl_server *server, uint64_t count);
/* Pieces that have been run. */
uint64_t sl_virgl_server_get_piece_count(const struct sl_virgl_server *server);

#endif
