/* SPDX-License-Identifier: MIT */
/* Shared by the files of host/gpu. */
#ifndef SL_HOST_GPU_GPU_PRIV_H
#define SL_HOST_GPU_GPU_PRIV_H

#include "host/gpu/gpu.h"
#include "host/gpu/validation.h"

#define SL_GPU_MAX_DEVICES 16

struct sl_gpu {
	void *library; /* libvulkan.so.1 */
	PFN_vkGetInstanceProcAddr get_proc;
	uint32_t api_version; /* of the loader */
	VkExtensionProperties *extensions;
	uint32_t extension_count;
	struct sl_gpu_instance instance; /* keeps the drivers loaded */
	struct sl_gpu_device devices[SL_GPU_MAX_DEVICES];
	uint32_t device_count;
	struct sl_validation validation;
};

/* A function of an instance, cast to its type. */
#define SL_GPU_PROC(gpu, instance, name) \
	((PFN_##name)(void (*)(void))(gpu)->get_proc((instance), #name))

/* Fill device->importable and import_alignment by importing a page of shared memory as each type.
 * A driver that fails leaves importable at 0. */
void sl_gpu_probe_import(struct sl_gpu *gpu, VkPhysicalDevice handle, struct sl_gpu_device *device);

#endif
