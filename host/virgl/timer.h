/* SPDX-License-Identifier: MIT */
/* When the GPU was done with each piece of work, by OpenGL's timestamps: that a fence has been
 * passed is noticed later. Pieces are numbered from 1. One thread only. */
#ifndef SL_HOST_VIRGL_TIMER_H
#define SL_HOST_VIRGL_TIMER_H

#include "host/virgl/egl.h"

#include <stdbool.h>
#include <stdint.h>

/* Beyond so many pieces under way some have no time. */
#define SL_VIRGL_TIMER_PIECES 64u

struct sl_virgl_timestamp {
	uint64_t piece;	    /* 0: none */
	EGLContext context; /* queries belong to one */
	uint32_t query;
};

struct sl_virgl_timer {
	const struct sl_virgl_egl *egl;
	bool is_there;	   /* the driver has timestamps */
	int64_t offset_ns; /* of CLOCK_MONOTONIC, from the GPU's clock */
	uint64_t set_ns;   /* when that was looked at; 0: never */
	struct sl_virgl_timestamp stamps[SL_VIRGL_TIMER_PIECES];
};

/* A context is current. egl is lent. */
void sl_virgl_timer_init(struct sl_virgl_timer *timer, const struct sl_virgl_egl *egl);

/* The piece ends here, in the current context. */
void sl_virgl_timer_mark(struct sl_virgl_timer *timer, uint64_t piece);
/* The context is about to be destroyed. */
void sl_virgl_timer_forget(struct sl_virgl_timer *timer, EGLContext context);

/* Once the piece is complete: when it was (CLOCK_MONOTONIC, at most now_ns); 0: nobody knows. To be
 * asked once. */
uint64_t sl_virgl_timer_take(struct sl_virgl_timer *timer, uint64_t piece, uint64_t now_ns);

#endif
