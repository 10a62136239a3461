/* SPDX-License-Identifier: MIT */
/* A recorded context, run without its guest: its messages go through decoder and replay to the
 * host's driver, as they did. Shared memory is there, and zero. For bug reports and fuzzing. */
#ifndef SL_HOST_RENDERER_PLAYBACK_H
#define SL_HOST_RENDERER_PLAYBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <vulkan/vulkan_core.h>

struct sl_gpu;
struct sl_playback;

struct sl_playback_options {
	struct sl_gpu *gpu;
	uint64_t max_device_memory_bytes;
	bool copy_memory;
	bool validate;
	FILE *trace; /* a line for each command; NULL: none */
};

/* Returns 0, -ENOMEM. */
int sl_playback_create(const struct sl_playback_options *options,
		       struct sl_playback **ret_playback);
/* Accepts NULL. Only once the recording has destroyed its devices: the driver may work for them. */
void sl_playback_destroy(struct sl_playback *playback);

/* Run the messages of a recording, of which the header has been taken off, up to the first that
 * fails. is_mutated: sizes and sequence numbers of headers are set right first, so that mutations
 * need no luck; and work that does not end within 2 s ends the run, with -ETIMEDOUT.
 *
 * Returns how many messages ran; *ret_result: 0, or why the next one did not. */
uint32_t sl_playback_run(struct sl_playback *playback, const uint8_t *data, size_t size,
			 bool is_mutated, int *ret_result);

/* True if an object of this type has this id. */
bool sl_playback_has(const struct sl_playback *playback, uint64_t id, VkObjectType type);

/* Why the last message failed; only after a failure. */
const char *sl_playback_get_error(const struct sl_playback *playback);

#endif
