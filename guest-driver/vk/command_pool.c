/* SPDX-License-Identifier: MIT */
/* Command pools, and allocating command buffers from them. */
#include "guest-driver/vk/command_pool.h"

#include <stdlib.h>

#include "guest-driver/vk/command_buffer.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

/* Some hundred commands. Larger chunks hold one large command each and are not kept. */
#define CHUNK_SIZE (32u << 10)

static struct sl_command_pool *from_handle(VkCommandPool handle)
{
	return (struct sl_command_pool *)(uintptr_t)handle;
}

struct sl_recording_chunk *sl_command_pool_take_chunk(struct sl_command_pool *pool, size_t size)
{
	struct sl_recording_chunk *chunk = pool->free_chunks;

	if (chunk != NULL && size <= chunk->capacity) {
		pool->free_chunks = chunk->next;
	} else {
		size_t capacity = CHUNK_SIZE - sizeof(*chunk);
		if (capacity < size) {
			capacity = size;
		}
		chunk = malloc(sizeof(*chunk) + capacity);
		if (chunk == NULL) {
			return NULL;
		}
		chunk->capacity = capacity;
	}
	chunk->next = NULL;
	chunk->size = 0;
	return chunk;
}

void sl_command_pool_drop_chunk(struct sl_command_pool *pool, struct sl_recording_chunk *chunk)
{
	if (chunk->capacity > CHUNK_SIZE) {
		free(chunk);
		return;
	}
	chunk->next = pool->free_chunks;
	pool->free_chunks = chunk;
}

static void free_chunks(struct sl_command_pool *pool)
{
	while (pool->free_chunks != NULL) {
		struct sl_recording_chunk *chunk = pool->free_chunks;
		pool->free_chunks = chunk->next;
		free(chunk);
	}
}

static void destroy_buffer(struct sl_command_buffer *commands)
{
	if (commands->prev != NULL) {
		commands->prev->next = commands->next;
	} else {
		commands->pool->buffers = commands->next;
	}
	if (commands->next != NULL) {
		commands->next->prev = commands->prev;
	}
	sl_command_buffer_reset(commands);
	free(commands->head);
	sl_guest_object_destroy(commands);
}

static void destroy_pool(struct sl_command_pool *pool)
{
	while (pool->buffers != NULL) {
		destroy_buffer(pool->buffers);
	}
	free_chunks(pool);
	sl_guest_object_destroy(pool);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateCommandPool(VkDevice device,
						      const VkCommandPoolCreateInfo *pCreateInfo,
						      const VkAllocationCallbacks *pAllocator,
						      VkCommandPool *pCommandPool)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_command_pool *pool =
		sl_guest_object_create(self, VK_OBJECT_TYPE_COMMAND_POOL, sizeof(*pool));

	*pCommandPool = VK_NULL_HANDLE;
	if (pool == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	VkCommandPool handle = (VkCommandPool)(uintptr_t)pool;
	const struct sl_vkCreateCommandPool args = {
		.device = device,
		.pCreateInfo = pCreateInfo,
		.pCommandPool = &handle,
	};
	SL_MESSAGE_SEND(self, vkCreateCommandPool, &args);
	*pCommandPool = handle;
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyCommandPool(VkDevice device, VkCommandPool commandPool,
						   const VkAllocationCallbacks *pAllocator)
{
	const struct sl_vkDestroyCommandPool args = {
		.device = device,
		.commandPool = commandPool,
	};

	if (commandPool != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkDestroyCommandPool, &args);
		destroy_pool(from_handle(commandPool));
	}
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkResetCommandPool(VkDevice device, VkCommandPool commandPool,
						     VkCommandPoolResetFlags flags)
{
	struct sl_command_pool *pool = from_handle(commandPool);
	const struct sl_vkResetCommandPool args = {
		.device = device,
		.commandPool = commandPool,
		.flags = flags,
	};

	SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkResetCommandPool, &args);
	for (struct sl_command_buffer *at = pool->buffers; at != NULL; at = at->next) {
		sl_command_buffer_reset(at);
	}
	if ((flags & VK_COMMAND_POOL_RESET_RELEASE_RESOURCES_BIT) != 0) {
		free_chunks(pool);
	}
	return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL sl_vkTrimCommandPool(VkDevice device, VkCommandPool commandPool,
						VkCommandPoolTrimFlags flags)
{
	const struct sl_vkTrimCommandPool args = {
		.device = device,
		.commandPool = commandPool,
		.flags = flags,
	};

	SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkTrimCommandPool, &args);
	free_chunks(from_handle(commandPool));
}

static struct sl_command_buffer *create_buffer(struct sl_command_pool *pool, bool is_primary)
{
	struct sl_command_buffer *commands = sl_guest_object_create(
		&pool->base, VK_OBJECT_TYPE_COMMAND_BUFFER, sizeof(*commands));

	if (commands == NULL) {
		return NULL;
	}
	commands->is_primary = is_primary;
	commands->pool = pool;
	commands->next = pool->buffers;
	if (pool->buffers != NULL) {
		pool->buffers->prev = commands;
	}
	pool->buffers = commands;
	return commands;
}

static VkResult create_buffers(const VkCommandBufferAllocateInfo *info, VkCommandBuffer *buffers)
{
	struct sl_command_pool *pool = from_handle(info->commandPool);
	bool is_primary = info->level == VK_COMMAND_BUFFER_LEVEL_PRIMARY;

	for (uint32_t i = 0; i < info->commandBufferCount; i++) {
		buffers[i] = (VkCommandBuffer)create_buffer(pool, is_primary);
		if (buffers[i] == NULL) {
			return VK_ERROR_OUT_OF_HOST_MEMORY;
		}
	}
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkAllocateCommandBuffers(VkDevice device, const VkCommandBufferAllocateInfo *pAllocateInfo,
			    VkCommandBuffer *pCommandBuffers)
{
	const struct sl_vkAllocateCommandBuffers args = {
		.device = device,
		.pAllocateInfo = pAllocateInfo,
		.pCommandBuffers = pCommandBuffers,
	};

	memset(pCommandBuffers, 0, pAllocateInfo->commandBufferCount * sizeof(*pCommandBuffers));
	VkResult result = create_buffers(pAllocateInfo, pCommandBuffers);
	if (result == VK_SUCCESS) {
		result = SL_VK_RESULT(
			vkAllocateCommandBuffers,
			SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkAllocateCommandBuffers, &args));
	}
	for (uint32_t i = 0; result != VK_SUCCESS && i < pAllocateInfo->commandBufferCount; i++) {
		if (pCommandBuffers[i] != NULL) {
			destroy_buffer((struct sl_command_buffer *)pCommandBuffers[i]);
			pCommandBuffers[i] = NULL;
		}
	}
	return result;
}

VKAPI_ATTR void VKAPI_CALL sl_vkFreeCommandBuffers(VkDevice device, VkCommandPool commandPool,
						   uint32_t commandBufferCount,
						   const VkCommandBuffer *pCommandBuffers)
{
	const struct sl_vkFreeCommandBuffers args = {
		.device = device,
		.commandPool = commandPool,
		.commandBufferCount = commandBufferCount,
		.pCommandBuffers = pCommandBuffers,
	};

	if (SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkFreeCommandBuffers, &args) < 0) {
		return; /* they end with the pool */
	}
	for (uint32_t i = 0; i < commandBufferCount; i++) {
		if (pCommandBuffers[i] != NULL) {
			destroy_buffer((struct sl_command_buffer *)pCommandBuffers[i]);
		}
	}
}
