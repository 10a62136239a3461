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

/* Where a query was never begun, and its availability is asked for, lavapipe clears a whole stride
 * (Mesa 22.3): that of the last one may be longer than what is left of the buffer. */
int sl_replay_vkCmdCopyQueryPoolResults(struct sl_replay *replay,
					struct sl_vkCmdCopyQueryPoolResults *args)
{
	const struct sl_object *self = args->self;
	const struct sl_vk_device_table *vkd = self->vkd;
	uint32_t count = args->queryCount;

	(void)replay;
	if (count > 0 && sl_replay_is_software(sl_replay_device_of(self->device))) {
		count--;
		vkd->CmdCopyQueryPoolResults(
			args->commandBuffer, args->queryPool, args->firstQuery + count, 1,
			args->dstBuffer, args->dstOffset + count * args->stride,
			sl_check_get_result_size(args->named, args->queryPool, args->flags),
			args->flags);
	}
	if (count > 0) {
		vkd->CmdCopyQueryPoolResults(args->commandBuffer, args->queryPool, args->firstQuery,
					     count, args->dstBuffer, args->dstOffset, args->stride,
					     args->flags);
	}
	return 0;
}

static bool is_used(const VkClearAttachment *clear)
{
	return clear->aspectMask != VK_IMAGE_ASPECT_COLOR_BIT ||
	       clear->colorAttachment != VK_ATTACHMENT_UNUSED;
}

/* Clearing what is not used has no effect. lavapipe looks for it all the same (Mesa 22.3), far
 * behind the attachments that there are: it gets those in between. */
int sl_replay_vkCmdClearAttachments(struct sl_replay *replay, struct sl_vkCmdClearAttachments *args)
{
	const struct sl_object *self = args->self;
	uint32_t first = 0;

	(void)replay;
	for (uint32_t i = 0; i <= args->attachmentCount; i++) {
		if (i < args->attachmentCount && is_used(&args->pAttachments[i])) {
			continue;
		}
		if (i > first) {
			self->vkd->CmdClearAttachments(args->commandBuffer, i - first,
						       args->pAttachments + first, args->rectCount,
						       args->pRects);
		}
		first = i + 1;
	}
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
