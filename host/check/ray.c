/* SPDX-License-Identifier: MIT */
/* Ray tracing: shaders and groups of pipelines, and acceleration structures in their buffers. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"

int sl_check_vkCreateRayTracingPipelinesKHR(struct sl_check *check,
					    struct sl_vkCreateRayTracingPipelinesKHR *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkRayTracingPipelineCreateInfoKHR *info = &args->pCreateInfos[i];

		r = sl_check_stages(check, args->named, info->pStages, info->stageCount,
				    info->layout);
	}
	return r;
}

int sl_check_vkCreateRayTracingPipelinesNV(struct sl_check *check,
					   struct sl_vkCreateRayTracingPipelinesNV *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkRayTracingPipelineCreateInfoNV *info = &args->pCreateInfos[i];

		r = sl_check_stages(check, args->named, info->pStages, info->stageCount,
				    info->layout);
	}
	return r;
}

/* Groups of libraries follow the pipeline's own. */
static uint32_t count_groups(const struct sl_object_list *named, uint32_t own_count,
			     const VkPipelineLibraryCreateInfoKHR *libraries)
{
	uint64_t count = own_count;

	for (uint32_t i = 0; libraries != NULL && i < libraries->libraryCount; i++) {
		uint32_t cursor = 0;
		const struct sl_check_pipeline *library =
			sl_check_find(named, &cursor, VK_OBJECT_TYPE_PIPELINE,
				      (uint64_t)(uintptr_t)libraries->pLibraries[i]);

		count += library != NULL ? library->group_count : 0;
	}
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static int note_groups(struct sl_object *object, const struct sl_object_list *named,
		       uint32_t own_count, const VkPipelineLibraryCreateInfoKHR *libraries)
{
	struct sl_check_pipeline *pipeline = object->check;

	if (pipeline != NULL) {
		pipeline->group_count = count_groups(named, own_count, libraries);
	}
	return 0;
}

int sl_check_note_vkCreateRayTracingPipelinesKHR(struct sl_check *check,
						 struct sl_vkCreateRayTracingPipelinesKHR *args)
{
	int r = 0;

	(void)check;
	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkRayTracingPipelineCreateInfoKHR *info = &args->pCreateInfos[i];

		r = sl_check_note_pipeline(args->created[i], args->named,
					   VK_PIPELINE_BIND_POINT_RAY_TRACING_KHR, info->flags,
					   info->layout, VK_NULL_HANDLE);
		r = r == 0 ? note_groups(args->created[i], args->named, info->groupCount,
					 info->pLibraryInfo)
			   : r;
	}
	return r;
}

int sl_check_note_vkCreateRayTracingPipelinesNV(struct sl_check *check,
						struct sl_vkCreateRayTracingPipelinesNV *args)
{
	int r = 0;

	(void)check;
	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkRayTracingPipelineCreateInfoNV *info = &args->pCreateInfos[i];

		r = sl_check_note_pipeline(args->created[i], args->named,
					   VK_PIPELINE_BIND_POINT_RAY_TRACING_KHR, info->flags,
					   info->layout, VK_NULL_HANDLE);
		r = r == 0 ? note_groups(args->created[i], args->named, info->groupCount, NULL) : r;
	}
	return r;
}

/* Drivers write a handle for each group, whatever they are told of the room for them. */
static int check_handles(struct sl_check *check, const struct sl_object_list *named,
			 VkPipeline handle, uint32_t first, uint32_t count, size_t room,
			 uint32_t handle_size)
{
	uint32_t cursor = 0;
	const struct sl_check_pipeline *pipeline =
		sl_check_find(named, &cursor, VK_OBJECT_TYPE_PIPELINE, (uint64_t)(uintptr_t)handle);
	uint32_t group_count = pipeline != NULL ? pipeline->group_count : 0;

	if (!sl_check_bytes(first, count, group_count)) {
		return sl_check_fail(check, "%u groups from %u of a pipeline of %u", count, first,
				     group_count);
	}
	return (uint64_t)count * handle_size <= room
		       ? 0
		       : sl_check_fail(check, "the handles of %u groups are longer than %zu bytes",
				       count, room);
}

int sl_check_vkGetRayTracingShaderGroupHandlesKHR(
	struct sl_check *check, struct sl_vkGetRayTracingShaderGroupHandlesKHR *args)
{
	return check_handles(check, args->named, args->pipeline, args->firstGroup, args->groupCount,
			     args->dataSize, check->more.group_handle_size);
}

int sl_check_vkGetRayTracingCaptureReplayShaderGroupHandlesKHR(
	struct sl_check *check, struct sl_vkGetRayTracingCaptureReplayShaderGroupHandlesKHR *args)
{
	return check_handles(check, args->named, args->pipeline, args->firstGroup, args->groupCount,
			     args->dataSize, check->more.group_capture_size);
}

int sl_check_vkGetRayTracingShaderGroupStackSizeKHR(
	struct sl_check *check, struct sl_vkGetRayTracingShaderGroupStackSizeKHR *args)
{
	return check_handles(check, args->named, args->pipeline, args->group, 1, 0, 0);
}

int sl_check_vkCreateAccelerationStructureKHR(struct sl_check *check,
					      struct sl_vkCreateAccelerationStructureKHR *args)
{
	const VkAccelerationStructureCreateInfoKHR *info = args->pCreateInfo;

	return sl_check_bytes_of(check, args->self, args->named, info->buffer, info->offset,
				 info->size);
}

int sl_check_vkCreateMicromapEXT(struct sl_check *check, struct sl_vkCreateMicromapEXT *args)
{
	const VkMicromapCreateInfoEXT *info = args->pCreateInfo;

	return sl_check_bytes_of(check, args->self, args->named, info->buffer, info->offset,
				 info->size);
}
