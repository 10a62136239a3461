/* SPDX-License-Identifier: MIT */
/* What draws and dispatches need: pipelines that are bound where they can be used, indices, control
 * points of patches. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"

/* Is the block of a binding there, which the bound set of that number may have? */
static bool has_block(const struct sl_check_bound *bound, uint32_t number, uint32_t place)
{
	const struct sl_check_set *set = bound->sets[number];

	return set != NULL && place < set->layout->binding_count && place < 64 &&
	       (set->blocks >> place & 1) != 0;
}

/* lavapipe of Mesa 22 copies all inline uniform blocks of a stage, used or not, once constants were
 * pushed for it or one of the blocks was bound. */
static int check_blocks(struct sl_check *check, const struct sl_check_commands *commands,
			VkPipelineBindPoint point)
{
	const struct sl_check_bound *bound = &commands->bound[point];
	const struct sl_check_pipeline_layout *layout = bound->layout;
	VkShaderStageFlags copied = commands->pushed, missing = 0;

	if (!check->is_mesa_22 || layout == NULL || !layout->has_blocks) {
		return 0;
	}
	for (uint32_t i = 0; i < layout->set_count && i < SL_CHECK_MAX_BOUND; i++) {
		const struct sl_check_layout *set = layout->sets[i];

		for (uint32_t k = 0; set != NULL && k < set->binding_count; k++) {
			const struct sl_check_binding *binding = &set->bindings[k];

			if (binding->type != VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK ||
			    binding->count == 0) {
				continue;
			}
			if (has_block(bound, i, k)) {
				copied |= binding->stages;
			} else {
				missing |= binding->stages;
			}
		}
	}
	copied &= point == VK_PIPELINE_BIND_POINT_COMPUTE
			  ? (VkShaderStageFlags)VK_SHADER_STAGE_COMPUTE_BIT
			  : (VkShaderStageFlags)VK_SHADER_STAGE_ALL_GRAPHICS;
	return (copied & missing) == 0
		       ? 0
		       : sl_check_fail(check, "an inline uniform block of stages 0x%x is not bound",
				       missing);
}

int sl_check_vkCmdPushConstants(struct sl_check *check, struct sl_vkCmdPushConstants *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);

	commands->pushed |= args->stageFlags;
	return sl_check_places(check, args->self, args->named, args->offset, args->size,
			       SL_CHECK_PUSH_CONSTANT_BYTES);
}

int sl_check_vkCmdBindPipeline(struct sl_check *check, struct sl_vkCmdBindPipeline *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	uint32_t cursor = 0;
	const struct sl_check_pipeline *pipeline = sl_check_find(
		args->named, &cursor, VK_OBJECT_TYPE_PIPELINE, (uint64_t)(uintptr_t)args->pipeline);

	if (pipeline == NULL || pipeline->is_library ||
	    pipeline->point != args->pipelineBindPoint) {
		return sl_check_fail(check, "a pipeline of another kind");
	}
	if (args->pipelineBindPoint == VK_PIPELINE_BIND_POINT_GRAPHICS) {
		commands->has_graphics = true;
		commands->bound[0].layout = pipeline->layout;
		commands->tessellates = pipeline->tessellates;
		commands->has_points |= pipeline->has_points;
		if (pipeline->has_topology) {
			commands->has_patches = pipeline->has_patches;
		}
	} else if (args->pipelineBindPoint == VK_PIPELINE_BIND_POINT_COMPUTE) {
		commands->has_compute = true;
		commands->bound[1].layout = pipeline->layout;
	}
	return 0;
}

int sl_check_vkCmdBindIndexBuffer(struct sl_check *check, struct sl_vkCmdBindIndexBuffer *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);

	if (args->indexType == VK_INDEX_TYPE_NONE_KHR) {
		return sl_check_fail(check, "indices of no type");
	}
	commands->has_indices = true;
	return sl_check_bytes_of(check, args->self, args->named, args->buffer, args->offset,
				 VK_WHOLE_SIZE);
}

int sl_check_vkCmdSetPrimitiveTopology(struct sl_check *check,
				       struct sl_vkCmdSetPrimitiveTopology *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);

	(void)check;
	commands->has_patches = args->primitiveTopology == VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;
	return 0;
}

int sl_check_vkCmdSetPatchControlPointsEXT(struct sl_check *check,
					   struct sl_vkCmdSetPatchControlPointsEXT *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	int r = sl_check_positive(check, args->self, args->named, args->patchControlPoints);

	commands->has_points = true;
	return r == 0 ? sl_check_places(check, args->self, args->named, 0, args->patchControlPoints,
					SL_CHECK_PATCH_POINTS)
		      : r;
}

int sl_check_draw(struct sl_check *check, const void *self, const struct sl_object_list *named)
{
	const struct sl_check_commands *commands = sl_check_commands_of(self);

	(void)named;
	if (!commands->has_graphics) {
		return sl_check_fail(check, "no pipeline is bound");
	}
	if (commands->pass_kind == SL_CHECK_NO_PASS) {
		return sl_check_fail(check, "outside of a render pass");
	}
	/* A software driver divides by their number. */
	if (check->is_software && (commands->tessellates || commands->has_patches) &&
	    !commands->has_points) {
		return sl_check_fail(check, "patches of an unknown number of control points");
	}
	return check_blocks(check, commands, VK_PIPELINE_BIND_POINT_GRAPHICS);
}

int sl_check_draw_indexed(struct sl_check *check, const void *self,
			  const struct sl_object_list *named)
{
	const struct sl_check_commands *commands = sl_check_commands_of(self);

	return commands->has_indices ? sl_check_draw(check, self, named)
				     : sl_check_fail(check, "no index buffer is bound");
}

int sl_check_dispatch(struct sl_check *check, const void *self, const struct sl_object_list *named)
{
	const struct sl_check_commands *commands = sl_check_commands_of(self);

	(void)named;
	return commands->has_compute ? check_blocks(check, commands, VK_PIPELINE_BIND_POINT_COMPUTE)
				     : sl_check_fail(check, "no pipeline is bound");
}
