/* SPDX-License-Identifier: MIT */
/* Commands that need a check, or that tell the guest of memory it may read. */
#include <errno.h>
#include <string.h>

#include "host/replay/replay_priv.h"

/* More than any device has. */
#define MAX_DESCRIPTOR_SIZE 4096u

/* What an application once got from vkGetPipelineCacheData() drivers load without checks: a guest
 * could have changed it. Its caches start empty. */
int sl_replay_vkCreatePipelineCache(struct sl_replay *replay, struct sl_vkCreatePipelineCache *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	VkPipelineCacheCreateInfo info = *args->pCreateInfo;

	(void)replay;
	info.initialDataSize = 0;
	info.pInitialData = NULL;
	args->ret =
		device->vkd.CreatePipelineCache(device->handle, &info, NULL, args->pPipelineCache);
	return 0;
}

/* The guest driver waits by itself: the ring thread must not. */
int sl_replay_vkGetQueryPoolResults(struct sl_replay *replay, struct sl_vkGetQueryPoolResults *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	if ((args->flags & VK_QUERY_RESULT_WAIT_BIT) != 0) {
		return sl_replay_fail(replay, "the ring thread never waits");
	}
	args->ret = device->vkd.GetQueryPoolResults(
		device->handle, args->queryPool, args->firstQuery, args->queryCount, args->dataSize,
		args->pData, args->stride, args->flags);
	return 0;
}

/* Events and timeline semaphores order the host's memory accesses too. */
int sl_replay_vkGetEventStatus(struct sl_replay *replay, struct sl_vkGetEventStatus *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	args->ret = device->vkd.GetEventStatus(device->handle, args->event);
	if (args->ret == VK_EVENT_SET) {
		sl_replay_shadows_to_guest(device);
	}
	return 0;
}

int sl_replay_vkSetEvent(struct sl_replay *replay, struct sl_vkSetEvent *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	sl_replay_shadows_to_host(device);
	args->ret = device->vkd.SetEvent(device->handle, args->event);
	return 0;
}

/* Drivers write a whole descriptor, whatever they are told of the room for it. */
int sl_replay_vkGetDescriptorEXT(struct sl_replay *replay, struct sl_vkGetDescriptorEXT *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	if (device->vkd.GetDescriptorEXT == NULL) {
		return sl_replay_fail(replay, "the device does not have this command");
	}
	uint8_t *room = sl_replay_scratch(replay, args->dataSize + MAX_DESCRIPTOR_SIZE, 1);
	if (room == NULL) {
		return -ENOMEM;
	}
	device->vkd.GetDescriptorEXT(device->handle, args->pDescriptorInfo, args->dataSize, room);
	memcpy(args->pDescriptor, room, args->dataSize);
	return 0;
}
