/* SPDX-License-Identifier: MIT */
/* What the parts of the server share: server.c (packets, work), table.c (resources, contexts, the
 * guest's memory). */
#ifndef SL_HOST_VIRGL_SERVER_PRIV_H
#define SL_HOST_VIRGL_SERVER_PRIV_H

#include "host/virgl/server.h"

#include <sys/queue.h>

#define SL_VIRGL_BUCKETS 1024u

enum sl_virgl_kind {
	SL_VIRGL_A_RESOURCE,
	SL_VIRGL_A_CONTEXT,
};

struct sl_virgl_object {
	LIST_ENTRY(sl_virgl_object) link;
	enum sl_virgl_kind kind;
	uint32_t id;
	bool has_failed; /* the renderer does not have it */
	/* A resource's. */
	struct iovec *runs; /* its pages; NULL: none */
	uint32_t run_count;
	uint64_t page_bytes;
	uint64_t charged; /* bytes of the quota */
};

/* A file of guest memory. */
struct sl_virgl_mapping {
	uint8_t *data;
	uint64_t size;
};

struct sl_virgl_table {
	LIST_HEAD(, sl_virgl_object) objects[SL_VIRGL_BUCKETS];
	uint32_t counts[2]; /* of each kind */
	struct sl_virgl_mapping memories[SL_VIRGL_MAX_MEMORIES];
	uint32_t memory_count;
};

struct sl_virgl_waiting_fence {
	STAILQ_ENTRY(sl_virgl_waiting_fence) link;
	uint64_t number;
	uint64_t piece; /* after how many pieces it is reached */
};

struct sl_virgl_picture {
	uint8_t *pixels; /* NULL: none */
	size_t size;
	uint32_t stride;
};

struct sl_virgl_server {
	struct sl_virgl_server_options options;
	struct sl_virgl_table table;
	struct sl_virgl_picture screens[SL_VIRGL_MAX_SCREENS];
	uint8_t message[SL_VIRGL_MAX_PACKET]; /* as it came: packets one behind the other */
	size_t message_size;
	size_t message_at; /* where the next packet begins; message_size: there is none */
	bool has_packet;
	union {
		struct sl_virgl_header header;
		struct sl_virgl_create create;
		struct sl_virgl_resource resource;
		struct sl_virgl_backing backing;
		struct sl_virgl_context context;
		struct sl_virgl_attach attach;
		struct sl_virgl_transfer transfer;
		struct sl_virgl_submit submit;
		struct sl_virgl_fence fence;
		struct sl_virgl_screen screen;
		struct sl_virgl_read read;
	} packet;
	uint8_t *payload; /* of the packet; heap or NULL */
	int fd;		  /* that came with it; -1: none */
	uint32_t at;	  /* words of a submission that have been run */
	uint64_t piece_count;
	uint64_t completed_count;
	STAILQ_HEAD(, sl_virgl_waiting_fence) fences; /* in their order */
	uint32_t fence_count;
	uint64_t last_fence;
	uint32_t complaint_count;
};

void sl_virgl_table_init(struct sl_virgl_table *table);
void sl_virgl_table_finish(struct sl_virgl_table *table);
/* NULL: there is none. */
struct sl_virgl_object *sl_virgl_table_find(struct sl_virgl_table *table, enum sl_virgl_kind kind,
					    uint32_t id);
/* Map a file of guest memory; the caller keeps fd. Returns 0, -EBADMSG or -errno. */
int sl_virgl_table_add_memory(struct sl_virgl_table *table, int fd);
/* What is mapped from it cannot be cut off. */
bool sl_virgl_memory_is_sealed(int fd);

int sl_virgl_server_send(struct sl_virgl_server *server, const void *packet, size_t size);
/* Say in the log what of the guest's did not work; not for ever. */
void sl_virgl_server_complain(struct sl_virgl_server *server, const char *what, int error);

/* The packets about objects. Each returns 0, -EBADMSG or -errno. */
int sl_virgl_run_create(struct sl_virgl_server *server);
int sl_virgl_run_destroy(struct sl_virgl_server *server);
int sl_virgl_run_backing(struct sl_virgl_server *server);
int sl_virgl_run_no_backing(struct sl_virgl_server *server);
int sl_virgl_run_context(struct sl_virgl_server *server);
int sl_virgl_run_context_end(struct sl_virgl_server *server);
int sl_virgl_run_attach(struct sl_virgl_server *server);

#endif
