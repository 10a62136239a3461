/* SPDX-License-Identifier: MIT */
/* Shader modules and pipelines: no code reaches the driver's compiler unchecked. */
#include "host/replay/replay_priv.h"

#include <errno.h>

#include "host/replay/gate.h"
#include "host/replay/pipeline_states.h"
#include "host/replay/spirv_repair.h"

/* Pipelines that a software driver may keep after they were destroyed. */
#define MAX_BURIED 8

/* Declare what the code uses undeclared. Returns 0 or -ENOMEM. */
static int repair_code(struct sl_replay *replay, VkShaderModuleCreateInfo *info)
{
	uint32_t capabilities[SL_SPIRV_MAX_UNDECLARED];
	size_t word_count = info->codeSize / sizeof(uint32_t);
	size_t count = sl_spirv_find_undeclared(info->pCode, word_count, capabilities);

	if (count == 0) {
		return 0;
	}
	uint32_t *code = sl_replay_scratch(replay, word_count + 2 * count, sizeof(*code));
	if (code == NULL) {
		return -ENOMEM;
	}
	word_count = sl_spirv_declare(info->pCode, word_count, capabilities, count, code);
	info->pCode = code;
	info->codeSize = word_count * sizeof(*code);
	return 0;
}

/* info: in the message's memory; gets the code that the driver may see. Returns 0 or -errno. */
static int check_code(struct sl_replay *replay, const VkShaderModuleCreateInfo *info)
{
	char why[SL_REPLAY_WHY_SIZE];

	if (replay->spirv == NULL && sl_spirv_create(&replay->spirv) < 0) {
		return -ENOMEM;
	}
	int r = repair_code(replay, (VkShaderModuleCreateInfo *)info);
	if (r < 0) {
		return r;
	}
	r = sl_spirv_check(replay->spirv, info->pCode, info->codeSize, why, sizeof(why));
	return r == -EBADMSG ? sl_replay_fail(replay, "%s", why) : r;
}

/* A stage may bring its code along. */
static int check_stages(struct sl_replay *replay, const VkPipelineShaderStageCreateInfo *stages,
			uint32_t count)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && stages != NULL && i < count; i++) {
		const VkShaderModuleCreateInfo *info =
			sl_chain_find(stages[i].pNext, VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);

		r = info != NULL ? check_code(replay, info) : 0;
	}
	return r;
}

int sl_replay_vkCreateShaderModule(struct sl_replay *replay, struct sl_vkCreateShaderModule *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	int r = check_code(replay, args->pCreateInfo);

	if (r == 0) {
		args->ret = device->vkd.CreateShaderModule(device->handle, args->pCreateInfo, NULL,
							   args->pShaderModule);
		if (args->ret == VK_SUCCESS) {
			sl_recording_note_shader(device, *args->pShaderModule, args->pCreateInfo);
		}
	}
	return r;
}

/* Without rasterization a pipeline's multisample state means nothing, and does not travel. The
 * validation layer of 1.3.239 misses it in a pipeline that has no fragment shader. */
int sl_replay_vkCreateGraphicsPipelines(struct sl_replay *replay,
					struct sl_vkCreateGraphicsPipelines *args)
{
	static const VkPipelineMultisampleStateCreateInfo one_sample = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
		.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
	};
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	/* In the message's memory. */
	VkGraphicsPipelineCreateInfo *infos = (VkGraphicsPipelineCreateInfo *)args->pCreateInfos;

	for (uint32_t i = 0; i < args->createInfoCount; i++) {
		const VkPipelineRasterizationStateCreateInfo *rasterization =
			infos[i].pRasterizationState;
		int r = check_stages(replay, infos[i].pStages, infos[i].stageCount);

		if (r < 0) {
			return r;
		}
		if (infos[i].pMultisampleState == NULL && rasterization != NULL &&
		    rasterization->rasterizerDiscardEnable) {
			infos[i].pMultisampleState = &one_sample;
		}
		if (device->is_mesa_22) {
			sl_pipeline_states_complete(&infos[i]);
		}
	}
	args->ret = device->vkd.CreateGraphicsPipelines(device->handle, args->pipelineCache,
							args->createInfoCount, infos, NULL,
							args->pPipelines);
	return 0;
}

int sl_replay_vkCreateComputePipelines(struct sl_replay *replay,
				       struct sl_vkCreateComputePipelines *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	/* In the message's memory. */
	VkComputePipelineCreateInfo *infos = (VkComputePipelineCreateInfo *)args->pCreateInfos;

	for (uint32_t i = 0; i < args->createInfoCount; i++) {
		int r = check_stages(replay, &infos[i].stage, 1);

		if (r < 0) {
			return r;
		}
	}
	sl_recording_prepare_compute(device, infos, args->createInfoCount);
	args->ret = device->vkd.CreateComputePipelines(device->handle, args->pipelineCache,
						       args->createInfoCount, infos, NULL,
						       args->pPipelines);
	if (args->ret >= 0) {
		sl_recording_note_compute(device, infos, args->createInfoCount, args->pPipelines);
	}
	return 0;
}

int sl_replay_vkCreateRayTracingPipelinesKHR(struct sl_replay *replay,
					     struct sl_vkCreateRayTracingPipelinesKHR *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	if (device->vkd.CreateRayTracingPipelinesKHR == NULL) {
		return sl_replay_fail(replay, "the device has no VK_KHR_ray_tracing_pipeline");
	}
	for (uint32_t i = 0; i < args->createInfoCount; i++) {
		int r = check_stages(replay, args->pCreateInfos[i].pStages,
				     args->pCreateInfos[i].stageCount);

		if (r < 0) {
			return r;
		}
	}
	args->ret = device->vkd.CreateRayTracingPipelinesKHR(
		device->handle, args->deferredOperation, args->pipelineCache, args->createInfoCount,
		args->pCreateInfos, NULL, args->pPipelines);
	return 0;
}

int sl_replay_vkCreateRayTracingPipelinesNV(struct sl_replay *replay,
					    struct sl_vkCreateRayTracingPipelinesNV *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	if (device->vkd.CreateRayTracingPipelinesNV == NULL) {
		return sl_replay_fail(replay, "the device has no VK_NV_ray_tracing");
	}
	for (uint32_t i = 0; i < args->createInfoCount; i++) {
		int r = check_stages(replay, args->pCreateInfos[i].pStages,
				     args->pCreateInfos[i].stageCount);

		if (r < 0) {
			return r;
		}
	}
	args->ret = device->vkd.CreateRayTracingPipelinesNV(
		device->handle, args->pipelineCache, args->createInfoCount, args->pCreateInfos,
		NULL, args->pPipelines);
	return 0;
}

/* Drivers look up what the index says. Returns 0 or -EBADMSG. */
static int check_executable(struct sl_replay *replay, const struct sl_replay_device *device,
			    const VkPipelineExecutableInfoKHR *info)
{
	const VkPipelineInfoKHR pipeline = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR,
		.pipeline = info->pipeline,
	};
	uint32_t count = 0;

	if (device->vkd.GetPipelineExecutablePropertiesKHR == NULL) {
		return sl_replay_fail(replay, "the device does not have this command");
	}
	device->vkd.GetPipelineExecutablePropertiesKHR(device->handle, &pipeline, &count, NULL);
	return info->executableIndex < count
		       ? 0
		       : sl_replay_fail(replay, "executable %u of a pipeline of %u",
					info->executableIndex, count);
}

int sl_replay_vkGetPipelineExecutableStatisticsKHR(
	struct sl_replay *replay, struct sl_vkGetPipelineExecutableStatisticsKHR *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	int r = check_executable(replay, device, args->pExecutableInfo);

	if (r == 0) {
		args->ret = device->vkd.GetPipelineExecutableStatisticsKHR(
			device->handle, args->pExecutableInfo, args->pStatisticCount,
			args->pStatistics);
	}
	return r;
}

int sl_replay_vkGetPipelineExecutableInternalRepresentationsKHR(
	struct sl_replay *replay, struct sl_vkGetPipelineExecutableInternalRepresentationsKHR *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	int r = check_executable(replay, device, args->pExecutableInfo);

	if (r == 0) {
		args->ret = device->vkd.GetPipelineExecutableInternalRepresentationsKHR(
			device->handle, args->pExecutableInfo, args->pInternalRepresentationCount,
			args->pInternalRepresentations);
	}
	return r;
}

/* lavapipe keeps what was destroyed until its queue's next submission, some 400 KiB each
 * (Mesa 22.3, measured). Programs that wait for an idle device make one there; a guest waits by
 * itself, and one that submits nothing would have pipelines pile up. */
void sl_replay_bury_pipeline(struct sl_replay_device *device)
{
	const struct sl_replay_queue_request *request = device->queue_requests;
	VkQueue queue;

	if (!sl_replay_is_software(device) || ++device->buried_count < MAX_BURIED ||
	    device->queue_request_count == 0 || request->flags != 0) {
		return;
	}
	device->buried_count = 0;
	device->vkd.GetDeviceQueue(device->handle, request->family, 0, &queue);
	/* Whatever fails here fails again where the guest is told. */
	(void)sl_gate_submit_nothing(device, queue);
}
