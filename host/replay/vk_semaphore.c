/* SPDX-License-Identifier: MIT */
/* Semaphores: the driver's own, known to the gate. */
#include "host/replay/gate.h"
#include "host/replay/replay_priv.h"

int sl_replay_vkCreateSemaphore(struct sl_replay *replay, struct sl_vkCreateSemaphore *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	const VkSemaphoreTypeCreateInfo *type = sl_chain_find(
		args->pCreateInfo->pNext, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
	bool is_timeline = type != NULL && type->semaphoreType == VK_SEMAPHORE_TYPE_TIMELINE;

	(void)replay;
	args->ret = device->vkd.CreateSemaphore(device->handle, args->pCreateInfo, NULL,
						args->pSemaphore);
	if (args->ret == VK_SUCCESS &&
	    sl_gate_add_semaphore(device, *args->pSemaphore, is_timeline,
				  is_timeline ? type->initialValue : 0) < 0) {
		device->vkd.DestroySemaphore(device->handle, *args->pSemaphore, NULL);
		args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return 0;
}

int sl_replay_vkDestroySemaphore(struct sl_replay *replay, struct sl_vkDestroySemaphore *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	sl_gate_remove_semaphore(device, args->semaphore);
	device->vkd.DestroySemaphore(device->handle, args->semaphore, NULL);
	return 0;
}

int sl_replay_vkSignalSemaphore(struct sl_replay *replay, struct sl_vkSignalSemaphore *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	sl_replay_shadows_to_host(device);
	args->ret = sl_gate_signal_semaphore(device, args->pSignalInfo);
	return 0;
}
