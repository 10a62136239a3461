/* SPDX-License-Identifier: MIT */
/* Looks through a compute shader for what forbids running its workgroups in several dispatches:
 * reading how many there are, or waiting for another workgroup. */
#ifndef SL_HOST_REPLAY_SPIRV_SCAN_H
#define SL_HOST_REPLAY_SPIRV_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum sl_spirv_verdict {
	SL_SPIRV_DIVISIBLE,
	SL_SPIRV_READS_COUNT, /* NumWorkgroups: it would see the range's */
	/* A loop may go on until memory that other workgroups write changes: those may be in a
	 * range that comes later. */
	SL_SPIRV_MAY_WAIT,
	SL_SPIRV_UNREADABLE, /* not understood, or no memory to look at it */
};

/* All functions of the module count, whichever entry point will be used. word_count: of the whole
 * module. Errs on the safe side: what is divisible is so for certain, as long as the shader has no
 * data races. */
enum sl_spirv_verdict sl_spirv_scan(const uint32_t *words, size_t word_count);

#endif
