/* SPDX-License-Identifier: MIT */
/* Creating a resource waits for the host at most once per create info, and so does asking for its
 * memory requirements. */
#include "guest-driver/vk/resource.h"

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/device.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/presentable.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

static struct sl_resource *from_buffer(VkBuffer handle)
{
	return (struct sl_resource *)(uintptr_t)handle;
}

static struct sl_resource *from_image(VkImage handle)
{
	return (struct sl_resource *)(uintptr_t)handle;
}

/* The encoded payload is the device's id, the create info, the new object's id: what lies between
 * the ids is the key. */
static struct sl_requirements *find_requirements(struct sl_device *device,
						 const struct sl_call *call)
{
	const uint8_t *key = call->payload + sizeof(uint64_t);
	size_t key_size = call->payload_size - 2 * sizeof(uint64_t);
	size_t size = 0;
	struct sl_requirements *known = sl_bytes_map_find(
		&device->requirements, call->header.command_id, key, key_size, &size);

	if (known != NULL) {
		return known;
	}
	return sl_bytes_map_add(&device->requirements, call->header.command_id, key, key_size, NULL,
				sizeof(struct sl_requirements));
}

static void fill_requirements(const struct sl_requirements *known, VkMemoryRequirements2 *out)
{
	out->memoryRequirements = known->memory;
	for (VkBaseOutStructure *at = out->pNext; at != NULL; at = at->pNext) {
		if (at->sType == VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS) {
			VkMemoryDedicatedRequirements *dedicated =
				(VkMemoryDedicatedRequirements *)at;
			dedicated->prefersDedicatedAllocation = known->prefers_dedicated;
			dedicated->requiresDedicatedAllocation = known->requires_dedicated;
		}
	}
}

/* An application's question for a resource's requirements. */
struct question {
	struct sl_device *device;
	const struct sl_resource *resource;
	VkMemoryRequirements2 *out;
	/* What to ask the host with: answer, which holds all that can be remembered, or out. */
	VkMemoryRequirements2 *ask;
	VkMemoryRequirements2 answer;
	VkMemoryDedicatedRequirements dedicated;
};

/* info_next: chained to the question, e.g. which plane of an image.
 * Returns true if out has been filled; else ask the host, then question_finish(). */
static bool question_init(struct question *question, struct sl_device *device,
			  const struct sl_resource *resource, const void *info_next,
			  VkMemoryRequirements2 *out)
{
	bool is_plain = info_next == NULL;

	for (const VkBaseOutStructure *at = out->pNext; at != NULL; at = at->pNext) {
		is_plain &= at->sType == VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS;
	}
	*question = (struct question){
		.device = device,
		.resource = resource,
		.out = out,
		.ask = is_plain ? &question->answer : out,
		.answer = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
			    .pNext = &question->dedicated },
		.dedicated = { .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS },
	};
	if (!is_plain || resource->requirements == NULL) {
		return false;
	}
	pthread_mutex_lock(&device->requirements_lock);
	struct sl_requirements known = *resource->requirements;
	pthread_mutex_unlock(&device->requirements_lock);
	if (known.known) {
		fill_requirements(&known, out);
	}
	return known.known;
}

/* r: how asking went. */
static void question_finish(struct question *question, int r)
{
	struct sl_requirements *remembered = question->resource->requirements;
	struct sl_requirements known = {
		.known = true,
		.created = true,
		.memory = question->answer.memoryRequirements,
		.prefers_dedicated = question->dedicated.prefersDedicatedAllocation,
		.requires_dedicated = question->dedicated.requiresDedicatedAllocation,
	};

	if (question->ask == question->out) {
		return;
	}
	fill_requirements(&known, question->out);
	if (r == 0 && remembered != NULL) {
		pthread_mutex_lock(&question->device->requirements_lock);
		*remembered = known;
		pthread_mutex_unlock(&question->device->requirements_lock);
	}
}

static VkResult create_buffer(struct sl_device *device, const VkBufferCreateInfo *info,
			      struct sl_resource *resource)
{
	VkBuffer handle = (VkBuffer)(uintptr_t)resource;
	const struct sl_vkCreateBuffer args = {
		.device = (VkDevice)device,
		.pCreateInfo = info,
		.pBuffer = &handle,
	};
	struct sl_call call;

	if (!SL_MESSAGE_ENCODE(&call, &device->base, vkCreateBuffer, &args)) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	SL_MESSAGE_TRACE(&device->base, vkCreateBuffer, &args);
	resource->requirements = find_requirements(device, &call);
	sl_call_send(&call);
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateBuffer(VkDevice handle,
						 const VkBufferCreateInfo *pCreateInfo,
						 const VkAllocationCallbacks *pAllocator,
						 VkBuffer *pBuffer)
{
	struct sl_device *device = (struct sl_device *)handle;
	struct sl_resource *buffer =
		sl_guest_object_create(&device->base, VK_OBJECT_TYPE_BUFFER, sizeof(*buffer));

	*pBuffer = VK_NULL_HANDLE;
	if (buffer == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkResult result = create_buffer(device, pCreateInfo, buffer);
	if (result != VK_SUCCESS) {
		sl_guest_object_destroy(buffer);
		return result;
	}
	*pBuffer = (VkBuffer)(uintptr_t)buffer;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyBuffer(VkDevice device, VkBuffer buffer,
					      const VkAllocationCallbacks *pAllocator)
{
	const struct sl_vkDestroyBuffer args = { .device = device, .buffer = buffer };

	if (buffer != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkDestroyBuffer, &args);
		sl_guest_object_destroy(from_buffer(buffer));
	}
}

VKAPI_ATTR void VKAPI_CALL
sl_vkGetBufferMemoryRequirements2(VkDevice handle, const VkBufferMemoryRequirementsInfo2 *pInfo,
				  VkMemoryRequirements2 *pMemoryRequirements)
{
	struct sl_device *device = (struct sl_device *)handle;
	struct question question;

	if (question_init(&question, device, from_buffer(pInfo->buffer), pInfo->pNext,
			  pMemoryRequirements)) {
		return;
	}
	struct sl_vkGetBufferMemoryRequirements2 args = {
		.device = handle,
		.pInfo = pInfo,
		.pMemoryRequirements = question.ask,
	};
	int r = SL_MESSAGE_ASK(&device->base, vkGetBufferMemoryRequirements2, &args);
	question_finish(&question, r);
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetBufferMemoryRequirements(
	VkDevice device, VkBuffer buffer, VkMemoryRequirements *pMemoryRequirements)
{
	const VkBufferMemoryRequirementsInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2,
		.buffer = buffer,
	};
	VkMemoryRequirements2 answer = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };

	sl_vkGetBufferMemoryRequirements2(device, &info, &answer);
	*pMemoryRequirements = answer.memoryRequirements;
}

/* Images of odd formats and sizes are refused by drivers, so the first with each create info waits
 * for the result. */
static VkResult create_image(struct sl_device *device, const VkImageCreateInfo *info,
			     struct sl_resource *resource)
{
	VkImage handle = (VkImage)(uintptr_t)resource;
	struct sl_vkCreateImage args = {
		.device = (VkDevice)device,
		.pCreateInfo = info,
		.pImage = &handle,
	};
	bool created = false;
	struct sl_call call;

	if (!SL_MESSAGE_ENCODE(&call, &device->base, vkCreateImage, &args)) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	resource->requirements = find_requirements(device, &call);
	if (resource->requirements != NULL) {
		pthread_mutex_lock(&device->requirements_lock);
		created = resource->requirements->created;
		pthread_mutex_unlock(&device->requirements_lock);
	}
	if (created) {
		SL_MESSAGE_TRACE(&device->base, vkCreateImage, &args);
		sl_call_send(&call);
		return VK_SUCCESS;
	}
	int r = SL_MESSAGE_REPLY(&call, &device->base, vkCreateImage, &args, sl_call_wait);
	if (r < 0) {
		return SL_VK_RESULT(vkCreateImage, r);
	}
	if (args.ret == VK_SUCCESS && resource->requirements != NULL) {
		pthread_mutex_lock(&device->requirements_lock);
		resource->requirements->created = true;
		pthread_mutex_unlock(&device->requirements_lock);
	}
	return args.ret;
}

/* Of the same pixels as a swapchain's image. */
static VkImageCreateInfo describe_alias(const VkImageCreateInfo *info, VkSwapchainKHR swapchain)
{
	const struct sl_presentable *presentable = sl_presentable_from_handle(swapchain);
	VkImageCreateInfo alias = *info;

	alias.tiling = presentable->tiling;
	alias.usage = presentable->usage;
	alias.flags = presentable->flags;
	return alias;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateImage(VkDevice handle,
						const VkImageCreateInfo *pCreateInfo,
						const VkAllocationCallbacks *pAllocator,
						VkImage *pImage)
{
	struct sl_device *device = (struct sl_device *)handle;
	struct sl_resource *image =
		sl_guest_object_create(&device->base, VK_OBJECT_TYPE_IMAGE, sizeof(*image));

	*pImage = VK_NULL_HANDLE;
	if (image == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	const VkImageCreateInfo *info = pCreateInfo;
	VkImageCreateInfo alias;
	const VkImageSwapchainCreateInfoKHR *swapchain = sl_chain_find(
		pCreateInfo->pNext, VK_STRUCTURE_TYPE_IMAGE_SWAPCHAIN_CREATE_INFO_KHR);
	if (swapchain != NULL && swapchain->swapchain != VK_NULL_HANDLE) {
		alias = describe_alias(pCreateInfo, swapchain->swapchain);
		info = &alias;
	}
	VkResult result = create_image(device, info, image);
	if (result != VK_SUCCESS) {
		sl_guest_object_destroy(image);
		return result;
	}
	*pImage = (VkImage)(uintptr_t)image;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyImage(VkDevice device, VkImage image,
					     const VkAllocationCallbacks *pAllocator)
{
	const struct sl_vkDestroyImage args = { .device = device, .image = image };

	if (image != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkDestroyImage, &args);
		sl_guest_object_destroy(from_image(image));
	}
}

VKAPI_ATTR void VKAPI_CALL
sl_vkGetImageMemoryRequirements2(VkDevice handle, const VkImageMemoryRequirementsInfo2 *pInfo,
				 VkMemoryRequirements2 *pMemoryRequirements)
{
	struct sl_device *device = (struct sl_device *)handle;
	struct question question;

	if (question_init(&question, device, from_image(pInfo->image), pInfo->pNext,
			  pMemoryRequirements)) {
		return;
	}
	struct sl_vkGetImageMemoryRequirements2 args = {
		.device = handle,
		.pInfo = pInfo,
		.pMemoryRequirements = question.ask,
	};
	int r = SL_MESSAGE_ASK(&device->base, vkGetImageMemoryRequirements2, &args);
	question_finish(&question, r);
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetImageMemoryRequirements(
	VkDevice device, VkImage image, VkMemoryRequirements *pMemoryRequirements)
{
	const VkImageMemoryRequirementsInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
		.image = image,
	};
	VkMemoryRequirements2 answer = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };

	sl_vkGetImageMemoryRequirements2(device, &info, &answer);
	*pMemoryRequirements = answer.memoryRequirements;
}

static VkResult send_binds(VkDevice device, uint32_t count, const VkBindImageMemoryInfo *infos)
{
	const struct sl_vkBindImageMemory2 args = {
		.device = device,
		.bindInfoCount = count,
		.pBindInfos = infos,
	};

	if (count == 0) {
		return VK_SUCCESS;
	}
	return SL_VK_RESULT(vkBindImageMemory2,
			    SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkBindImageMemory2, &args));
}

/* To the host a swapchain is its memory. Its images go one by one; the others together, because
 * the planes of an image must be bound by one command. */
VKAPI_ATTR VkResult VKAPI_CALL sl_vkBindImageMemory2(VkDevice device, uint32_t bindInfoCount,
						     const VkBindImageMemoryInfo *pBindInfos)
{
	VkResult result = VK_SUCCESS;
	uint32_t first = 0;

	for (uint32_t i = 0; i < bindInfoCount && result == VK_SUCCESS; i++) {
		VkBindImageMemoryInfo info = pBindInfos[i];
		const VkBindImageMemorySwapchainInfoKHR *swapchain = sl_chain_find(
			info.pNext, VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_SWAPCHAIN_INFO_KHR);
		if (swapchain == NULL || swapchain->swapchain == VK_NULL_HANDLE) {
			continue;
		}
		result = send_binds(device, i - first, &pBindInfos[first]);
		info.memory = sl_presentable_from_handle(swapchain->swapchain)
				      ->memories[swapchain->imageIndex];
		info.memoryOffset = 0;
		if (result == VK_SUCCESS) {
			result = send_binds(device, 1, &info);
		}
		first = i + 1;
	}
	return result == VK_SUCCESS ? send_binds(device, bindInfoCount - first, &pBindInfos[first])
				    : result;
}
