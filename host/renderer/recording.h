/* SPDX-License-Identifier: MIT */
/* A file with all messages of a context, as they left the ring: the header, then one message after
 * the other, each of the size that its own header tells. What the guest wrote into shared memory is
 * not in it. */
#ifndef SL_HOST_RENDERER_RECORDING_H
#define SL_HOST_RENDERER_RECORDING_H

#include <assert.h>
#include <stdint.h>

#define SL_RECORDING_MAGIC   0x4345524543494c53u /* "SLICEREC" */
#define SL_RECORDING_VERSION 1u

struct sl_recording_header {
	uint64_t magic;
	uint32_t version;
	uint32_t wire_version; /* SL_WIRE_VERSION of who recorded it */
};
static_assert(sizeof(struct sl_recording_header) == 16, "file");

#endif
