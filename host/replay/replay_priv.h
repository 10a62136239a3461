/* SPDX-License-Identifier: MIT */
/* What the files of host/replay share. Ring thread only, unless a field says otherwise. */
#ifndef SL_HOST_REPLAY_REPLAY_PRIV_H
#define SL_HOST_REPLAY_REPLAY_PRIV_H

#include "host/base/quota.h"
#include "host/base/stats.h"
#include "host/check/check.h"
#include "host/gpu/gpu.h"
#include "host/gpu/memory_types.h"
#include "host/objects/object.h"
#include "host/replay/cut.h"
#include "host/replay/gate.h"
#include "host/replay/handle_map.h"
#include "host/replay/replay.h"
#include "host/replay/shadow.h"
#include "host/replay/spirv.h"
#include "protocol/arena.h"
#include "protocol/limits.h"
#include "protocol/sl_args.h"
#include "protocol/sl_dispatch.h"
#include "protocol/sl_replay_ops.h"

#include <pthread.h>
#include <stdatomic.h>

#define SL_REPLAY_WHY_SIZE 256

/* One of the guest's physical devices; sl_object.data of its objects. */
struct sl_replay_physical_device {
	VkPhysicalDevice handle;
	const struct sl_gpu_device *gpu;
	struct sl_memory_types memory_types;
	uint64_t
		heap_used[VK_MAX_MEMORY_HEAPS]; /* bytes that the host allocated for this context */
};

struct sl_replay {
	struct sl_replay_options options;
	struct sl_gpu_instance instance;
	struct sl_vk_instance_table vki; /* of instance */
	struct sl_replay_physical_device *physical_devices;
	uint32_t physical_device_count;
	uint32_t device_count;
	uint64_t queue_slots[(SL_MAX_QUEUES + 63) / 64]; /* bit: in use */
	struct sl_arena scratch;			 /* of the current op */
	struct sl_arena *message_arena;			 /* the decoder's */
	struct sl_gate gate;
	struct sl_spirv *spirv; /* NULL: not needed so far */
	char why[SL_REPLAY_WHY_SIZE];
	pthread_mutex_t lost_lock;	   /* guards lost_why */
	char lost_why[SL_REPLAY_WHY_SIZE]; /* any thread; "": not lost */
};

struct sl_replay_queue_request {
	uint32_t family;
	uint32_t count;
	VkDeviceQueueCreateFlags flags;
};

struct sl_replay_clear;

/* sl_object.data of a VkDevice. */
struct sl_replay_device {
	struct sl_replay *replay;
	struct sl_replay_physical_device *physical;
	VkDevice handle;
	struct sl_object *object;
	bool can_import;     /* guest pages as memory */
	bool resets_queries; /* the host may reset queries itself */
	bool is_mesa_22;     /* lavapipe, of Mesa 22 or before */
	struct sl_vk_device_table vkd;
	struct sl_replay_queue_request *queue_requests; /* what the guest may get */
	uint32_t queue_request_count;
	struct sl_replay_queue *queues;	 /* all, newest first */
	struct sl_handle_map memories;	 /* VkDeviceMemory → struct sl_replay_memory */
	struct sl_handle_map semaphores; /* VkSemaphore → the gate's; guarded by sl_gate.lock */
	struct sl_handle_map odd_kinds;	 /* resources whose kinds are not the usual ones */
	struct sl_handle_map recorded;	 /* VkCommandBuffer → struct sl_recording */
	struct sl_handle_map shaders; /* VkShaderModule → struct sl_cut_cost, with its verdict */
	struct sl_handle_map pipelines; /* VkPipeline → struct sl_cut_cost; compute */
	struct sl_recordings recordings;
	struct sl_cutter cutter;
	uint32_t buried_count;		  /* sl_replay_bury_pipeline() */
	struct sl_replay_clear *clear;	  /* NULL: every memory type is cleared by mapping it */
	pthread_mutex_t shadow_lock;	  /* guards shadows */
	struct sl_replay_memory *shadows; /* any thread */
	atomic_uint shadow_count;	  /* any thread: a hint */
};

/* Why the context ends: the guest's fault. Returns -EBADMSG. */
int sl_replay_fail(struct sl_replay *replay, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The context is lost on the host's account; the guest is told. Any thread. Returns -EIO. */
int sl_replay_lose(struct sl_replay *replay, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* count * size zeroed bytes that live until the next call of sl_replay_scratch_reset(); NULL: no
 * memory. */
void *sl_replay_scratch(struct sl_replay *replay, size_t count, size_t size);
void sl_replay_scratch_reset(struct sl_replay *replay);

/* The first struct of a chain with this sType, or NULL. */
void *sl_chain_find(const void *chain, VkStructureType type);
/* The chain without the structs of this sType; changes pNext pointers of what stays. */
void *sl_chain_remove(const void *chain, VkStructureType type);

static inline struct sl_replay_physical_device *sl_replay_physical_device_of(void *self)
{
	return ((struct sl_object *)self)->data;
}

static inline struct sl_replay_device *sl_replay_device_of(void *self)
{
	return ((struct sl_object *)self)->data;
}

/* A driver whose threads on the processor do what a GPU does. */
static inline bool sl_replay_is_software(const struct sl_replay_device *device)
{
	return device->physical->gpu->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

/* Turn off the features that Sluice cannot carry, in a VkPhysicalDeviceFeatures2 chain. */
void sl_features_mask(void *chain);

/* Memory of a device that its guest did not free. */
void sl_replay_device_free_memories(struct sl_replay_device *device);

/* Copy what the guest changed in shadowed memory to the host, or back. Any thread. */
void sl_replay_shadows_to_host(struct sl_replay_device *device);
void sl_replay_shadows_to_guest(struct sl_replay_device *device);

/* A pipeline was destroyed: make sure that the driver really does so. */
void sl_replay_bury_pipeline(struct sl_replay_device *device);

/* End the waiter of every queue of the device, whose work must have completed.
 * Returns 0, or -EIO if work does not end: then the device cannot be destroyed. */
int sl_replay_device_stop_queues(struct sl_replay_device *device);

#endif
