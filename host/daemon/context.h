/* SPDX-License-Identifier: MIT */
/* One program of a guest: from its connection to the end of its renderer. */
#ifndef SL_HOST_DAEMON_CONTEXT_H
#define SL_HOST_DAEMON_CONTEXT_H

#include "host/base/renderer_msg.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

struct sl_arbiter_context;
struct sl_guest;
struct sl_pool_request;
struct sl_stats;
struct sl_worker;

struct sl_context {
	TAILQ_ENTRY(sl_context) link; /* sl_guest.contexts */
	struct sl_guest *guest;
	uint64_t id;
	struct ucred peer;
	bool is_gl; /* the OpenGL of a virtual machine: its process is a sluice-virgl */
	char program[SL_RENDERER_NAME_SIZE]; /* the peer's name as the kernel knows it */
	uint64_t start_ns;		     /* CLOCK_MONOTONIC */
	int fd; /* the connection; -1: given up. Once a renderer has it, only to see its end */
	sd_event_source *hangup;
	struct sl_pool_request *request; /* NULL: none is waiting */
	struct sl_worker *worker;	 /* NULL: waiting for one */
	struct sl_stats *stats;
	int quota_slot;			       /* -1: none */
	struct sl_arbiter_context *arbitrated; /* NULL: without a renderer */
	sd_event_source *kill_timer;
	uint32_t end;	      /* enum sl_renderer_end, once reported */
	uint64_t lingered_us; /* since the program hung up */
	bool is_in_the_way;   /* others waited for the GPU when it was looked at last */
	bool has_report;
	bool is_killed;
};

/* Take a connected program on. Consumes fd. What goes wrong is logged and told to the program. */
void sl_context_start(struct sl_guest *guest, int fd, const struct ucred *peer);

/* The same for a virtual machine's device that asks for OpenGL. */
void sl_context_start_gl(struct sl_guest *guest, int fd, const struct ucred *peer);

/* End the program's context; the program sees VK_ERROR_DEVICE_LOST. why is logged. */
void sl_context_kill(struct sl_context *context, const char *why);

/* data is a context which kept the GPU for too long: it is ended, and the next has its turn. */
void sl_context_overran(void *data);

/* At once, with its renderer. */
void sl_context_destroy(struct sl_context *context);

#endif
