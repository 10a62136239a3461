/* SPDX-License-Identifier: MIT */
/* Replays the decoded commands of one context on the host's Vulkan driver, through sl_replay_ops
 * (protocol/sl_replay_ops.h). All functions belong to the context's ring thread unless they say
 * otherwise. */
#ifndef SL_HOST_REPLAY_REPLAY_H
#define SL_HOST_REPLAY_REPLAY_H

#include "protocol/sync_page.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_arena;
struct sl_gpu;
struct sl_object;
struct sl_ops;
struct sl_quota;
struct sl_replay;
struct sl_sched_msg;
struct sl_stats;

/* What the replay needs of the context's link; as in host_link.h. */
struct sl_replay_link {
	void (*publish)(void *data, uint32_t queue_slot, uint64_t completed);	    /* any thread */
	void (*set_lost)(void *data, enum sl_lost_reason reason, const char *text); /* any thread */
	int (*hold_region)(void *data, uint32_t region_id, void **ret_data, size_t *ret_size);
	void (*release_region)(void *data, uint32_t region_id);
	int (*forget_region)(void *data, uint32_t region_id);
	/* The memory that the present message lies in, for the caller to keep and to free();
	 * *part points into the message, and then there. NULL: no memory. */
	void *(*keep_message)(void *data, const void **part);
	/* Run commands of a stream, which lies in memory of the replay's and has been run before,
	 * through other ops on another command buffer. Their first number is of no importance.
	 * Returns 0, or a negative error, e.g. because an object is gone: nothing is lost then. */
	int (*run_commands)(void *data, const struct sl_ops *ops, struct sl_object *command_buffer,
			    const uint8_t *commands, size_t size);
	void *data;
};

/* The way to the daemon's arbiter (host/sched/sched_msg.h). Any thread, one at a time. */
struct sl_replay_sched {
	void (*send)(void *data, const struct sl_sched_msg *msg);
	/* Call sl_replay_tick() at this time (CLOCK_MONOTONIC); UINT64_MAX: no more. Replaces the
	 * time set before. */
	void (*set_timer)(void *data, uint64_t time_ns);
	void *data;
};

/* What is done while others want the GPU. */
enum sl_replay_when {
	SL_REPLAY_AUTO,
	SL_REPLAY_ALWAYS, /* also alone, and wherever it can be: for tests */
	SL_REPLAY_NEVER,
};

struct sl_replay_options {
	struct sl_gpu *gpu;
	struct sl_replay_link link;
	struct sl_replay_sched sched;
	struct sl_stats *stats;
	bool copy_memory;	 /* shadow host-visible memory, also where it could be imported */
	enum sl_replay_when cut; /* long submissions: docs/cutting.md */
	/* Around submissions; automatically not of devices that are software. */
	enum sl_replay_when timestamps;
	bool validate;		/* the Khronos validation layer around the replay */
	struct sl_quota *quota; /* of device memory */
	uint32_t quota_slot;
};

/* options and what it points to must outlive the replay. Returns 0 or -ENOMEM. */
int sl_replay_create(const struct sl_replay_options *options, struct sl_replay **ret_replay);
/* Where the decoder keeps what it decodes of the present message: to be told before the first
 * message, because submissions that must wait take it with them. */
void sl_replay_set_message_arena(struct sl_replay *replay, struct sl_arena *arena);

/* A packet of the arbiter's; the time of set_timer() has come. Any thread. */
void sl_replay_handle_sched(struct sl_replay *replay, const struct sl_sched_msg *msg);
void sl_replay_tick(struct sl_replay *replay);

/* Every object must have been destroyed. Accepts NULL. */
void sl_replay_destroy(struct sl_replay *replay);

/* Why the last op failed: "" if it gave no reason. */
const char *sl_replay_get_why(const struct sl_replay *replay);

/* True once the context was lost on the host's account (device loss, host out of memory), with
 * the reason; the guest knows, and ops may return -EIO. Any thread. */
bool sl_replay_is_lost(struct sl_replay *replay, char *ret_why, size_t why_size);

#endif
