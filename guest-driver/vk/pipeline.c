/* SPDX-License-Identifier: MIT */
/* Pipelines are created without waiting, unless the application wants to know how it went. */
#include <stdlib.h>

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/message.h"
#include "guest-driver/vk/render_pass.h"
#include "guest-driver/vk/result.h"
#include "protocol/conditions.h"
#include "protocol/sl_entries.h"

#define WAITING_FLAGS                                               \
	(VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT | \
	 VK_PIPELINE_CREATE_EARLY_RETURN_ON_FAILURE_BIT)

/* How every struct that creates a pipeline begins. */
struct create_info_head {
	VkStructureType sType;
	const void *pNext;
	VkPipelineCreateFlags flags;
};

/* infos: count structs that begin like create_info_head, info_size bytes each. */
static bool must_wait(uint32_t count, const void *infos, size_t info_size)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct create_info_head *head =
			(const void *)((const uint8_t *)infos + i * info_size);
		if ((head->flags & WAITING_FLAGS) != 0 ||
		    sl_chain_find(head->pNext,
				  VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO) !=
			    NULL) {
			return true;
		}
	}
	return false;
}

/* Destroy the objects for which there is a null handle; they are of a call that has returned. */
static void drop_failed(uint32_t count, struct sl_guest_object **objects, const VkPipeline *handles)
{
	for (uint32_t i = 0; i < count; i++) {
		if (handles[i] == VK_NULL_HANDLE) {
			sl_guest_object_destroy(objects[i]);
		}
	}
}

/* Make count objects and their handles. The list is for drop_failed(), then free().
 * Returns NULL if memory is short; then all handles are null. */
static struct sl_guest_object **create_objects(VkDevice device, uint32_t count, VkPipeline *handles)
{
	struct sl_guest_object *self = SL_GUEST_OBJECT(device);
	struct sl_guest_object **objects = calloc(count, sizeof(struct sl_guest_object *));
	bool is_complete = objects != NULL;

	memset(handles, 0, count * sizeof(*handles));
	for (uint32_t i = 0; i < count && is_complete; i++) {
		objects[i] =
			sl_guest_object_create(self, VK_OBJECT_TYPE_PIPELINE, sizeof(*objects[i]));
		is_complete = objects[i] != NULL;
	}
	if (!is_complete) {
		if (objects != NULL) {
			drop_failed(count, objects, handles);
		}
		free(objects);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		handles[i] = (VkPipeline)(uintptr_t)objects[i];
	}
	return objects;
}

/* r: how sending or asking went; result: the host's, or what to make of r. */
static VkResult finish_create(uint32_t count, struct sl_guest_object **objects, VkPipeline *handles,
			      int r, VkResult result)
{
	if (r < 0) {
		memset(handles, 0, count * sizeof(*handles));
	}
	drop_failed(count, objects, handles);
	free(objects);
	return result;
}

/* Which kinds of attachments the pipeline is created for, as its render pass tells. */
static struct sl_subpass get_subpass(const VkGraphicsPipelineCreateInfo *info)
{
	const struct sl_subpass all = { .uses_color = true, .uses_depth_stencil = true };

	if (!sl_pipeline_reads_render_pass(info) || info->renderPass == VK_NULL_HANDLE) {
		return all;
	}
	const struct sl_render_pass *pass = (const void *)(uintptr_t)info->renderPass;
	return info->subpass < pass->subpass_count ? pass->subpasses[info->subpass] : all;
}

/* The infos without what is ignored for want of attachments, and may be garbage: the
 * application's own if nothing is, else a copy, which *ret_copy is to be freed for.
 * Returns NULL if memory is short. */
static const VkGraphicsPipelineCreateInfo *
clean_infos(uint32_t count, const VkGraphicsPipelineCreateInfo *infos, void **ret_copy)
{
	VkGraphicsPipelineCreateInfo *copy = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct sl_subpass subpass = get_subpass(&infos[i]);
		if ((subpass.uses_color || infos[i].pColorBlendState == NULL) &&
		    (subpass.uses_depth_stencil || infos[i].pDepthStencilState == NULL)) {
			continue;
		}
		if (copy == NULL) {
			copy = malloc(count * sizeof(*copy));
			if (copy == NULL) {
				return NULL;
			}
			memcpy(copy, infos, count * sizeof(*copy));
		}
		if (!subpass.uses_color) {
			copy[i].pColorBlendState = NULL;
		}
		if (!subpass.uses_depth_stencil) {
			copy[i].pDepthStencilState = NULL;
		}
	}
	*ret_copy = copy;
	return copy != NULL ? copy : infos;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateGraphicsPipelines(
	VkDevice device, VkPipelineCache pipelineCache, uint32_t createInfoCount,
	const VkGraphicsPipelineCreateInfo *pCreateInfos, const VkAllocationCallbacks *pAllocator,
	VkPipeline *pPipelines)
{
	void *copy = NULL;
	struct sl_guest_object **objects = create_objects(device, createInfoCount, pPipelines);
	struct sl_vkCreateGraphicsPipelines args = {
		.device = device,
		.pipelineCache = pipelineCache,
		.createInfoCount = createInfoCount,
		.pCreateInfos = clean_infos(createInfoCount, pCreateInfos, &copy),
		.pPipelines = pPipelines,
	};

	if (objects == NULL) {
		free(copy);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	if (args.pCreateInfos == NULL) {
		return finish_create(createInfoCount, objects, pPipelines, -ENOMEM,
				     VK_ERROR_OUT_OF_HOST_MEMORY);
	}
	bool waits = must_wait(createInfoCount, pCreateInfos, sizeof(*pCreateInfos));
	int r = waits ? SL_MESSAGE_ASK(SL_GUEST_OBJECT(device), vkCreateGraphicsPipelines, &args)
		      : SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkCreateGraphicsPipelines, &args);
	free(copy);
	VkResult result = r < 0 ? SL_VK_RESULT(vkCreateGraphicsPipelines, r) : args.ret;
	return finish_create(createInfoCount, objects, pPipelines, r, result);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateComputePipelines(
	VkDevice device, VkPipelineCache pipelineCache, uint32_t createInfoCount,
	const VkComputePipelineCreateInfo *pCreateInfos, const VkAllocationCallbacks *pAllocator,
	VkPipeline *pPipelines)
{
	struct sl_guest_object **objects = create_objects(device, createInfoCount, pPipelines);
	struct sl_vkCreateComputePipelines args = {
		.device = device,
		.pipelineCache = pipelineCache,
		.createInfoCount = createInfoCount,
		.pCreateInfos = pCreateInfos,
		.pPipelines = pPipelines,
	};

	if (objects == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	bool waits = must_wait(createInfoCount, pCreateInfos, sizeof(*pCreateInfos));
	int r = waits ? SL_MESSAGE_ASK(SL_GUEST_OBJECT(device), vkCreateComputePipelines, &args)
		      : SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkCreateComputePipelines, &args);
	VkResult result = r < 0 ? SL_VK_RESULT(vkCreateComputePipelines, r) : args.ret;
	return finish_create(createInfoCount, objects, pPipelines, r, result);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateRayTracingPipelinesNV(
	VkDevice device, VkPipelineCache pipelineCache, uint32_t createInfoCount,
	const VkRayTracingPipelineCreateInfoNV *pCreateInfos,
	const VkAllocationCallbacks *pAllocator, VkPipeline *pPipelines)
{
	struct sl_guest_object **objects = create_objects(device, createInfoCount, pPipelines);
	struct sl_vkCreateRayTracingPipelinesNV args = {
		.device = device,
		.pipelineCache = pipelineCache,
		.createInfoCount = createInfoCount,
		.pCreateInfos = pCreateInfos,
		.pPipelines = pPipelines,
	};

	if (objects == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	bool waits = must_wait(createInfoCount, pCreateInfos, sizeof(*pCreateInfos));
	int r = waits ? SL_MESSAGE_ASK(SL_GUEST_OBJECT(device), vkCreateRayTracingPipelinesNV,
				       &args)
		      : SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkCreateRayTracingPipelinesNV,
					&args);
	VkResult result = r < 0 ? SL_VK_RESULT(vkCreateRayTracingPipelinesNV, r) : args.ret;
	return finish_create(createInfoCount, objects, pPipelines, r, result);
}

/* The operation is done when this returns, if only in the order of the ring: see deferred.c. */
VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateRayTracingPipelinesKHR(
	VkDevice device, VkDeferredOperationKHR deferredOperation, VkPipelineCache pipelineCache,
	uint32_t createInfoCount, const VkRayTracingPipelineCreateInfoKHR *pCreateInfos,
	const VkAllocationCallbacks *pAllocator, VkPipeline *pPipelines)
{
	struct sl_guest_object **objects = create_objects(device, createInfoCount, pPipelines);
	struct sl_vkCreateRayTracingPipelinesKHR args = {
		.device = device,
		.pipelineCache = pipelineCache,
		.createInfoCount = createInfoCount,
		.pCreateInfos = pCreateInfos,
		.pPipelines = pPipelines,
	};

	if (objects == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	bool waits = must_wait(createInfoCount, pCreateInfos, sizeof(*pCreateInfos));
	int r = waits ? SL_MESSAGE_ASK(SL_GUEST_OBJECT(device), vkCreateRayTracingPipelinesKHR,
				       &args)
		      : SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkCreateRayTracingPipelinesKHR,
					&args);
	VkResult result = r < 0 ? SL_VK_RESULT(vkCreateRayTracingPipelinesKHR, r) : args.ret;
	result = finish_create(createInfoCount, objects, pPipelines, r, result);
	bool was_deferred = deferredOperation != VK_NULL_HANDLE && result == VK_SUCCESS;
	return was_deferred ? VK_OPERATION_NOT_DEFERRED_KHR : result;
}
