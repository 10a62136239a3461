/* SPDX-License-Identifier: MIT */
/* The life of queues, and waiting until they are idle. */
#include "guest-driver/vk/queue.h"

#include <stdlib.h>

#include "guest-driver/vk/device.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

static bool slot_is_fresh(void *data)
{
	struct sl_queue *queue = data;

	return !sl_queue_slot_has_completed(queue->base.context, queue->slot, 1);
}

static void send_queue(struct sl_queue *queue)
{
	VkQueue handle = (VkQueue)queue;
	const struct sl_slCreateQueue args = {
		.device = (VkDevice)queue->device,
		.queueFamilyIndex = queue->family,
		.queueIndex = queue->index,
		.flags = queue->flags,
		.slot = queue->slot,
		.pQueue = &handle,
	};

	SL_MESSAGE_SEND(&queue->base, slCreateQueue, &args);
	if (!slot_is_fresh(queue)) {
		/* The slot still shows what its former queue completed. */
		sl_guest_link_wait(queue->base.context->link, slot_is_fresh, queue, UINT64_MAX);
	}
}

VkResult sl_queue_create(struct sl_device *device, uint32_t family, uint32_t index,
			 VkDeviceQueueCreateFlags flags, struct sl_queue **ret_queue)
{
	struct sl_queue *queue =
		sl_guest_object_create(&device->base, VK_OBJECT_TYPE_QUEUE, sizeof(*queue));

	if (queue == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	queue->device = device;
	queue->family = family;
	queue->index = index;
	queue->flags = flags;
	if (sl_context_take_queue_slot(queue->base.context, &queue->slot) < 0) {
		sl_guest_object_destroy(queue);
		return VK_ERROR_TOO_MANY_OBJECTS;
	}
	send_queue(queue);
	*ret_queue = queue;
	return VK_SUCCESS;
}

void sl_queue_destroy(struct sl_queue *queue)
{
	if (queue == NULL) {
		return;
	}
	sl_context_drop_queue_slot(queue->base.context, queue->slot);
	sl_guest_object_destroy(queue);
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetDeviceQueue2(VkDevice device,
						const VkDeviceQueueInfo2 *pQueueInfo,
						VkQueue *pQueue)
{
	struct sl_device *self = (struct sl_device *)device;

	*pQueue = VK_NULL_HANDLE;
	for (struct sl_queue *queue = self->queues; queue != NULL; queue = queue->next) {
		if (queue->family == pQueueInfo->queueFamilyIndex &&
		    queue->index == pQueueInfo->queueIndex && queue->flags == pQueueInfo->flags) {
			*pQueue = (VkQueue)queue;
			return;
		}
	}
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetDeviceQueue(VkDevice device, uint32_t queueFamilyIndex,
					       uint32_t queueIndex, VkQueue *pQueue)
{
	const VkDeviceQueueInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
		.queueFamilyIndex = queueFamilyIndex,
		.queueIndex = queueIndex,
	};

	sl_vkGetDeviceQueue2(device, &info, pQueue);
}

static bool queue_is_idle(void *data)
{
	struct sl_queue *queue = data;
	uint64_t number = atomic_load_explicit(&queue->submitted, memory_order_relaxed);

	return sl_queue_slot_has_completed(queue->base.context, queue->slot, number);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkQueueWaitIdle(VkQueue handle)
{
	struct sl_queue *queue = (struct sl_queue *)handle;
	struct sl_context *context = queue->base.context;
	int r = sl_guest_link_wait(context->link, queue_is_idle, queue, UINT64_MAX);

	if (r == -EPIPE) {
		(void)sl_context_is_lost(context);
	}
	return SL_VK_RESULT(vkQueueWaitIdle, r);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkDeviceWaitIdle(VkDevice device)
{
	struct sl_device *self = (struct sl_device *)device;

	for (struct sl_queue *queue = self->queues; queue != NULL; queue = queue->next) {
		VkResult result = sl_vkQueueWaitIdle((VkQueue)queue);
		if (result != VK_SUCCESS) {
			return result;
		}
	}
	return sl_context_is_lost(self->base.context) ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
}
