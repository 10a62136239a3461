/* SPDX-License-Identifier: MIT */
/* A guest that sends anything: messages through the decoder and the replay to a Vulkan driver
 * (lavapipe). An input is a recording, without its header; sizes and sequence numbers need not be
 * right. */
#include "host/gpu/gpu.h"
#include "host/renderer/playback.h"
#include "host/renderer/recording.h"
#include "protocol/sl_ids.h"
#include "protocol/wire.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_INPUT_SIZE 65536u
/* What libFuzzer exits with after a timeout, which it then takes it for. */
#define TIMEOUT_STATUS 70

static struct sl_gpu *open_gpu(void)
{
	struct sl_gpu *gpu = NULL;
	char why[256] = "";

	if (sl_gpu_open(&gpu, why, sizeof(why)) < 0) {
		fprintf(stderr, "%s\n", why);
		exit(77);
	}
	return gpu;
}

/* Shaders may loop for ever. Their threads, and all that they use, end with the process. */
static void run(struct sl_playback *playback, const uint8_t *data, size_t size)
{
	int result = 0;

	sl_playback_run(playback, data, size, true, &result);
	if (result == -ETIMEDOUT) {
		_exit(TIMEOUT_STATUS);
	}
}

/* What the input did not destroy: any of its words may be the id of a device or an instance. */
static void destroy_rest(struct sl_playback *playback, const uint8_t *data, size_t size,
			 uint16_t command_id)
{
	struct {
		struct sl_wire_header header;
		uint64_t id;
	} message = { .header = { .size = sizeof(message), .command_id = command_id } };

	for (size_t at = 0; at + sizeof(message.id) <= size; at += 4) {
		memcpy(&message.id, data + at, sizeof(message.id));
		if (sl_playback_has(playback, message.id,
				    command_id == SL_COMMAND_vkDestroyDevice
					    ? VK_OBJECT_TYPE_DEVICE
					    : VK_OBJECT_TYPE_INSTANCE)) {
			run(playback, (const uint8_t *)&message, sizeof(message));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_playback_options options = {
		.max_device_memory_bytes = 64u << 20,
	};
	struct sl_playback *playback = NULL;
	uint64_t magic = 0;

	if (options.gpu == NULL) {
		options.gpu = open_gpu();
	}
	if (size > MAX_INPUT_SIZE || sl_playback_create(&options, &playback) < 0) {
		return 0;
	}
	if (size >= sizeof(struct sl_recording_header)) {
		memcpy(&magic, data, sizeof(magic));
	}
	if (magic == SL_RECORDING_MAGIC) {
		data += sizeof(struct sl_recording_header);
		size -= sizeof(struct sl_recording_header);
	}
	run(playback, data, size);
	destroy_rest(playback, data, size, SL_COMMAND_vkDestroyDevice);
	destroy_rest(playback, data, size, SL_COMMAND_vkDestroyInstance);
	sl_playback_destroy(playback);
	return 0;
}
