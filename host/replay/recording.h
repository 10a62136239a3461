/* SPDX-License-Identifier: MIT */
/* What cutting needs to know of the guest's objects: the streams of its primary command buffers,
 * and which pipelines may run in ranges of workgroups. Ring thread only, but for costs. */
#ifndef SL_HOST_REPLAY_RECORDING_H
#define SL_HOST_REPLAY_RECORDING_H

#include "host/replay/spirv_scan.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <vulkan/vulkan_core.h>

struct sl_replay_device;

/* Streams of a context that are kept: beyond this, command buffers are left whole. */
#define SL_RECORDINGS_MAX_BYTES (256ull << 20)

/* What a unit of some kind of work takes: moving average. A unit is a workgroup of a pipeline, a
 * draw, a command, or a whole command buffer. */
struct sl_cut_cost {
	atomic_uint refs;
	_Atomic uint64_t unit_ps;      /* picoseconds, 0: not known; written under sl_gate.lock */
	enum sl_spirv_verdict verdict; /* of a pipeline */
};

struct sl_recording {
	LIST_ENTRY(sl_recording) link; /* sl_recordings.all */
	VkCommandPool pool;
	VkCommandBuffer handle;
	void *message; /* that the stream lies in, freed with free(); NULL: none is kept */
	const uint8_t *stream;
	size_t stream_size;
	bool is_simultaneous;
	struct sl_cut_cost *cost; /* of the whole */
};

/* sl_replay_device.recordings. */
struct sl_recordings {
	LIST_HEAD(, sl_recording) all;
	uint64_t bytes;
};

/* Returns NULL if memory is short. Has one reference. */
struct sl_cut_cost *sl_cut_cost_create(enum sl_spirv_verdict verdict);
void sl_cut_cost_unref(struct sl_cut_cost *cost);

/* The command buffer's last recording, or NULL. */
struct sl_recording *sl_recording_find(const struct sl_replay_device *device,
				       VkCommandBuffer handle);

/* The driver has made a shader module. */
void sl_recording_note_shader(struct sl_replay_device *device, VkShaderModule shader,
			      const VkShaderModuleCreateInfo *info);
/* Compute pipelines before they are made: those that allow it may run in ranges; and after. */
void sl_recording_prepare_compute(const struct sl_replay_device *device,
				  VkComputePipelineCreateInfo *infos, uint32_t count);
void sl_recording_note_compute(struct sl_replay_device *device,
			       const VkComputePipelineCreateInfo *infos, uint32_t count,
			       const VkPipeline *pipelines);

/* Those of a device that the guest did not destroy itself, of every kind. */
void sl_recordings_forget(struct sl_replay_device *device);

#endif
