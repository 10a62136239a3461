/* SPDX-License-Identifier: MIT */
/* Packets between the daemon's arbiter and a renderer, on the renderer's control socket
 * (host/base/renderer_msg.h), once it has its context.
 *
 *	renderer → daemon   REQUEST  there is work for the GPU
 *	daemon → renderer   GRANT    the GPU is yours for time_ns of wall time (0: until revoked)
 *	daemon → renderer   REVOKE   give it back as soon as what runs has ended
 *	renderer → daemon   ENDING   what runs is the last of the grant, and ends in some time_ns
 *	daemon → renderer   GRANT    with AHEAD: the GPU is yours next; have a piece ready
 *	renderer → daemon   RETURN   it is given back, after time_ns of GPU time
 *
 * Grants are numbered; a REVOKE, ENDING or RETURN of another grant than the present one is ignored.
 */
#ifndef SL_HOST_SCHED_SCHED_MSG_H
#define SL_HOST_SCHED_SCHED_MSG_H

#include <assert.h>
#include <stdint.h>

/* Beyond the types of renderer_msg.h. */
enum sl_sched_msg_type {
	SL_SCHED_MSG_REQUEST = 0x100,
	SL_SCHED_MSG_GRANT = 0x101,
	SL_SCHED_MSG_REVOKE = 0x102,
	SL_SCHED_MSG_RETURN = 0x103,
	SL_SCHED_MSG_ENDING = 0x104,
};

enum sl_sched_msg_flags {
	SL_SCHED_MSG_WANTS_MORE = 1u << 0, /* RETURN: and there is more work, as by a REQUEST */
	/* GRANT: one piece may be with the driver already, behind the present holder's last. The
	 * same number comes again once that has given the GPU back. */
	SL_SCHED_MSG_AHEAD = 1u << 1,
};

struct sl_sched_msg {
	uint32_t type;
	uint32_t flags;
	uint64_t grant;	   /* all but REQUEST: its number, from 1 */
	uint64_t time_ns;  /* GRANT: slice; RETURN: GPU time used; ENDING: how long it will take */
	uint64_t piece_ns; /* GRANT: how long a piece of work should be; 0 if time_ns is */
	/* RETURN, CLOCK_MONOTONIC: when the first work of the grant began and its last ended; 0:
	 * there was none. Only for the measure of what a hand-over costs. */
	uint64_t begin_ns;
	uint64_t end_ns;
};
static_assert(sizeof(struct sl_sched_msg) == 48, "packet");

#endif
