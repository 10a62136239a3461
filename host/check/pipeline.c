/* SPDX-License-Identifier: MIT */
/* Pipelines: their shaders, and libraries that they are linked from. */
#include "host/check/check_priv.h"
#include "protocol/conditions.h"

#define PART_VERTEX_INPUT    VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT
#define PART_PRE_RASTER	     VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT
#define PART_FRAGMENT_SHADER VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT

#define GRAPHICS_STAGES ((VkShaderStageFlags)VK_SHADER_STAGE_ALL_GRAPHICS)
#define TESSELLATION_STAGES                                             \
	((VkShaderStageFlags)VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT | \
	 VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT)

static VkShaderStageFlags stages_of(const VkGraphicsPipelineCreateInfo *info)
{
	VkShaderStageFlags stages = 0;

	for (uint32_t i = 0; info->pStages != NULL && i < info->stageCount; i++) {
		stages |= (VkShaderStageFlags)info->pStages[i].stage;
	}
	return stages;
}

/* lavapipe takes for granted that there are vertices, and both stages of tessellation. linked: the
 * parts that libraries bring along. */
static int check_stage_set(struct sl_check *check, const VkGraphicsPipelineCreateInfo *info,
			   VkGraphicsPipelineLibraryFlagsEXT linked)
{
	const VkGraphicsPipelineLibraryFlagsEXT needed = PART_PRE_RASTER | PART_VERTEX_INPUT;
	VkGraphicsPipelineLibraryFlagsEXT own = sl_pipeline_parts(info);
	VkShaderStageFlags stages = stages_of(info);
	VkShaderStageFlags tessellation = stages & TESSELLATION_STAGES;

	if (!check->is_mesa_22) {
		return 0;
	}
	if ((stages & ~GRAPHICS_STAGES) != 0) {
		return sl_check_fail(check, "shaders of stages 0x%x", stages);
	}
	if (tessellation != 0 && tessellation != TESSELLATION_STAGES) {
		return sl_check_fail(check, "half of tessellation");
	}
	if ((own & PART_PRE_RASTER) != 0 &&
	    (stages & (VkShaderStageFlags)VK_SHADER_STAGE_VERTEX_BIT) == 0) {
		return sl_check_fail(check, "no vertex shader");
	}
	return (info->flags & VK_PIPELINE_CREATE_LIBRARY_BIT_KHR) != 0 ||
			       ((own | linked) & needed) == needed
		       ? 0
		       : sl_check_fail(check, "only parts 0x%x of a pipeline", own | linked);
}

/* Of libraries within libraries: one for each part that a pipeline has is more than enough. */
#define MAX_DEPTH 8u

/* ret_linked: the parts that they have. A software driver adds up what parts have that are there
 * twice. */
static int check_libraries(struct sl_check *check, const struct sl_object_list *named,
			   const VkGraphicsPipelineCreateInfo *info,
			   VkGraphicsPipelineLibraryFlagsEXT *ret_linked)
{
	const VkPipelineLibraryCreateInfoKHR *libraries = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
	VkGraphicsPipelineLibraryFlagsEXT own = sl_pipeline_parts(info);
	uint32_t cursor = 0;

	*ret_linked = 0;
	for (uint32_t i = 0; libraries != NULL && i < libraries->libraryCount; i++) {
		const struct sl_check_pipeline *library =
			sl_check_find(named, &cursor, VK_OBJECT_TYPE_PIPELINE,
				      (uint64_t)(uintptr_t)libraries->pLibraries[i]);

		if (library == NULL || !library->is_library ||
		    library->point != VK_PIPELINE_BIND_POINT_GRAPHICS) {
			return sl_check_fail(check, "not a library of graphics");
		}
		if (library->depth >= MAX_DEPTH) {
			return sl_check_fail(check, "libraries within libraries nest too deep");
		}
		if (check->is_software && ((own | *ret_linked) & library->parts) != 0) {
			return sl_check_fail(check, "parts 0x%x are there already",
					     (own | *ret_linked) & library->parts);
		}
		*ret_linked |= library->parts;
	}
	return 0;
}

/* Stages that do not belong to the part of a pipeline that is made are nothing, but a software
 * driver compiles those of parts that are linked. */
static int check_stages(struct sl_check *check, const struct sl_object_list *named,
			const VkGraphicsPipelineCreateInfo *info,
			VkGraphicsPipelineLibraryFlagsEXT linked)
{
	VkGraphicsPipelineLibraryFlagsEXT own = sl_pipeline_parts(info);
	int r = 0;

	if (sl_pipeline_reads_layout(info) && info->layout == VK_NULL_HANDLE) {
		return sl_check_fail(check, "no layout");
	}
	for (uint32_t i = 0; r == 0 && info->pStages != NULL && i < info->stageCount; i++) {
		VkGraphicsPipelineLibraryFlagsEXT needed =
			info->pStages[i].stage == VK_SHADER_STAGE_FRAGMENT_BIT
				? PART_FRAGMENT_SHADER
				: PART_PRE_RASTER;

		if ((own & needed) != 0) {
			r = sl_check_stages(check, named, &info->pStages[i], 1, info->layout);
		} else if (check->is_software && (linked & needed) != 0) {
			r = sl_check_fail(check, "a shader of stage 0x%x, which libraries have",
					  info->pStages[i].stage);
		}
	}
	return r;
}

int sl_check_vkCreateGraphicsPipelines(struct sl_check *check,
				       struct sl_vkCreateGraphicsPipelines *args)
{
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkGraphicsPipelineCreateInfo *info = &args->pCreateInfos[i];
		uint64_t handle = (uint64_t)(uintptr_t)info->renderPass;
		const struct sl_check_node *node =
			handle != 0 ? sl_check_find(args->named, &cursor,
						    VK_OBJECT_TYPE_RENDER_PASS, handle)
				    : NULL;
		const struct sl_check_pass *pass = node != NULL ? node->extra : NULL;
		VkGraphicsPipelineLibraryFlagsEXT linked;

		r = check_libraries(check, args->named, info, &linked);
		r = r == 0 ? check_stage_set(check, info, linked) : r;
		r = r == 0 ? check_stages(check, args->named, info, linked) : r;
		r = r == 0 ? sl_check_states(check, info) : r;
		if (r == 0 && pass != NULL && info->subpass >= pass->subpass_count) {
			r = sl_check_fail(check, "subpass %u of %u", info->subpass,
					  pass->subpass_count);
		}
	}
	return r;
}

int sl_check_vkCreateComputePipelines(struct sl_check *check,
				      struct sl_vkCreateComputePipelines *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkComputePipelineCreateInfo *info = &args->pCreateInfos[i];

		/* Extensions of others have more. */
		if (check->is_software && info->stage.stage != VK_SHADER_STAGE_COMPUTE_BIT) {
			return sl_check_fail(check, "a shader of stage 0x%x", info->stage.stage);
		}
		r = sl_check_stages(check, args->named, &info->stage, 1, info->layout);
	}
	return r;
}

int sl_check_note_pipeline(struct sl_object *object, const struct sl_object_list *named,
			   VkPipelineBindPoint point, VkPipelineCreateFlags flags,
			   VkPipelineLayout layout, VkRenderPass pass)
{
	struct sl_check_pipeline *pipeline = object->check;
	const uint64_t handles[] = { (uint64_t)(uintptr_t)layout, (uint64_t)(uintptr_t)pass };
	const VkObjectType types[] = { VK_OBJECT_TYPE_PIPELINE_LAYOUT, VK_OBJECT_TYPE_RENDER_PASS };
	uint32_t cursor = 0;
	int r = 0;

	if (pipeline == NULL) {
		return 0;
	}
	pipeline->point = point;
	pipeline->is_library = (flags & VK_PIPELINE_CREATE_LIBRARY_BIT_KHR) != 0;
	for (uint32_t i = 0; r == 0 && pipeline->node.need_count < 2 && i < 2; i++) {
		struct sl_check_node *need =
			handles[i] != 0 ? sl_check_find(named, &cursor, types[i], handles[i])
					: NULL;

		r = need != NULL ? sl_check_add_need(&pipeline->node, need) : 0;
		if (r == 0 && need != NULL && types[i] == VK_OBJECT_TYPE_PIPELINE_LAYOUT) {
			pipeline->layout = need->extra;
		}
	}
	return r;
}

/* What draws must know of the parts that info states. */
static void note_parts(struct sl_check_pipeline *pipeline, const VkGraphicsPipelineCreateInfo *info)
{
	const VkPipelineInputAssemblyStateCreateInfo *assembly = info->pInputAssemblyState;

	pipeline->parts = sl_pipeline_parts(info);
	if ((pipeline->parts & PART_VERTEX_INPUT) != 0) {
		pipeline->has_topology =
			!sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY);
		pipeline->has_patches = pipeline->has_topology && assembly != NULL &&
					assembly->topology == VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;
	}
	pipeline->tessellates = sl_pipeline_reads_tessellation(info);
	pipeline->has_points =
		pipeline->tessellates &&
		!sl_pipeline_is_dynamic(info, VK_DYNAMIC_STATE_PATCH_CONTROL_POINTS_EXT);
}

/* A software driver goes on using what their descriptions were. */
static int note_libraries(struct sl_check *check, struct sl_check_pipeline *pipeline,
			  const struct sl_object_list *named,
			  const VkGraphicsPipelineCreateInfo *info)
{
	const VkPipelineLibraryCreateInfoKHR *libraries = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR);
	uint32_t count = libraries != NULL ? libraries->libraryCount : 0;
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++) {
		struct sl_check_pipeline *library =
			sl_check_find(named, &cursor, VK_OBJECT_TYPE_PIPELINE,
				      (uint64_t)(uintptr_t)libraries->pLibraries[i]);

		if (pipeline->depth <= library->depth) {
			pipeline->depth = library->depth + 1;
		}
		if (pipeline->layout == NULL && check->is_software) {
			pipeline->layout = library->layout;
		}
		pipeline->parts |= library->parts;
		pipeline->has_topology |= library->has_topology;
		pipeline->has_patches |= library->has_patches;
		pipeline->tessellates |= library->tessellates;
		pipeline->has_points |= library->has_points;
		if (check->is_software) {
			r = sl_check_add_need(&pipeline->node, &library->node);
		}
	}
	return r;
}

int sl_check_note_vkCreateGraphicsPipelines(struct sl_check *check,
					    struct sl_vkCreateGraphicsPipelines *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkGraphicsPipelineCreateInfo *info = &args->pCreateInfos[i];
		struct sl_check_pipeline *pipeline =
			(struct sl_check_pipeline *)sl_check_node_of(args->created[i]);

		if (pipeline == NULL) {
			continue;
		}
		r = sl_check_note_pipeline(args->created[i], args->named,
					   VK_PIPELINE_BIND_POINT_GRAPHICS, info->flags,
					   info->layout, info->renderPass);
		note_parts(pipeline, info);
		r = r == 0 ? note_libraries(check, pipeline, args->named, info) : r;
	}
	return r;
}

int sl_check_note_vkCreateComputePipelines(struct sl_check *check,
					   struct sl_vkCreateComputePipelines *args)
{
	int r = 0;

	(void)check;
	for (uint32_t i = 0; r == 0 && i < args->createInfoCount; i++) {
		const VkComputePipelineCreateInfo *info = &args->pCreateInfos[i];

		r = sl_check_note_pipeline(args->created[i], args->named,
					   VK_PIPELINE_BIND_POINT_COMPUTE, info->flags,
					   info->layout, VK_NULL_HANDLE);
	}
	return r;
}
