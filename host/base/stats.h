/* SPDX-License-Identifier: MIT */
/* The stats page: what a context uses, written by its renderer, read by the daemon. One page per
 * context in a memfd that the daemon creates. A renderer can lie about its own context only.
 * All fields are relaxed atomics: each is right by itself, and but for the GPU time no two belong
 * together. */
#ifndef SL_HOST_BASE_STATS_H
#define SL_HOST_BASE_STATS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define SL_STATS_SIZE 4096u

/* Why something that takes long was not cut into pieces; docs/cutting.md. */
enum sl_stats_whole {
	SL_STATS_WHOLE_READS_COUNT, /* a dispatch whose shader reads NumWorkgroups */
	SL_STATS_WHOLE_MAY_WAIT,    /* whose workgroups may wait for each other */
	SL_STATS_WHOLE_SHADER,	    /* whose shader is not known, or not understood */
	SL_STATS_WHOLE_INDIRECT,    /* that takes its size from memory */
	SL_STATS_WHOLE_SCOPE,	    /* a render pass, or what is in a query or the like */
	SL_STATS_WHOLE_SECONDARY,   /* secondary command buffers of which there may be one use */
	SL_STATS_WHOLE_COMMAND,	    /* a command that is not known to stand it */
	SL_STATS_WHOLE_SUSPENDED,   /* rendering that goes on in the next command buffer */
	SL_STATS_WHOLE_STATE,	    /* too much state to repeat */
	SL_STATS_WHOLE_STREAM,	    /* no recording is kept */
	SL_STATS_WHOLE_OBJECT,	    /* the recording names objects that are gone */
	SL_STATS_WHOLE_SUBMISSION,  /* several devices, protected memory */
	SL_STATS_WHOLE_MEMORY,	    /* the host is short of it */
	SL_STATS_WHOLE_REASONS,
};

struct sl_stats {
	/* These only grow. */
	_Atomic uint64_t submissions; /* given to a host queue */
	_Atomic uint64_t completed;   /* of those */
	_Atomic uint64_t gpu_busy_ns; /* something was with the driver; but for what is there now */
	_Atomic uint64_t gpu_stamped_ns; /* of that: measured by the GPU's own timestamps */
	_Atomic uint64_t messages;
	_Atomic uint64_t message_bytes;
	_Atomic uint64_t cut_submissions; /* of submissions: those that went in pieces */
	_Atomic uint64_t pieces;	  /* of those: calls of the driver */
	_Atomic uint64_t left_whole[SL_STATS_WHOLE_REASONS];
	/* These are what is in use now. */
	_Atomic uint64_t device_memory_bytes; /* allocated by the host for the guest */
	_Atomic uint64_t shared_memory_bytes; /* guest pages bound to device memory */
	_Atomic uint64_t objects;
	_Atomic uint64_t recorded_bytes;  /* command buffers kept for being cut */
	_Atomic uint64_t last_command_id; /* wire id of the message last begun; for post-mortems */
	/* Since when something is with the driver, CLOCK_MONOTONIC; 0: nothing is. Read and written
	 * together with gpu_busy_ns, by the functions below. */
	_Atomic uint64_t gpu_busy_since_ns;
	_Atomic uint64_t gpu_busy_turn; /* odd: the two are being written */
};
static_assert(sizeof(struct sl_stats) <= SL_STATS_SIZE, "shared page");

static inline void sl_stats_add(_Atomic uint64_t *field, uint64_t value)
{
	atomic_fetch_add_explicit(field, value, memory_order_relaxed);
}

static inline void sl_stats_sub(_Atomic uint64_t *field, uint64_t value)
{
	atomic_fetch_sub_explicit(field, value, memory_order_relaxed);
}

static inline void sl_stats_set(_Atomic uint64_t *field, uint64_t value)
{
	atomic_store_explicit(field, value, memory_order_relaxed);
}

static inline uint64_t sl_stats_get(const _Atomic uint64_t *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

/* "may_wait" */
const char *sl_stats_whole_name(enum sl_stats_whole why);

/* Add to the GPU time, and say since when more is under way. One writer at a time. */
void sl_stats_set_gpu_busy(struct sl_stats *stats, uint64_t added_ns, uint64_t since_ns);

/* Since when something is with the driver, or when something completed last if more is; 0: nothing
 * is. Now, or a moment ago. */
static inline uint64_t sl_stats_get_gpu_busy_since(const struct sl_stats *stats)
{
	return sl_stats_get(&stats->gpu_busy_since_ns);
}

/* The GPU time up to now, with what is under way. A writer that is at it, or lies, is not waited
 * for: then what is under way is left out. */
uint64_t sl_stats_get_gpu_busy(const struct sl_stats *stats, uint64_t now_ns);

#endif
