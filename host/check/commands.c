/* SPDX-License-Identifier: MIT */
/* Command buffers: what their recordings name, and when they may change. */
#include "host/check/check_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A pipeline layout may end before the commands that were recorded with it are executed. */
static bool is_used(const struct sl_check_node *node)
{
	return node->type == VK_OBJECT_TYPE_PIPELINE_LAYOUT;
}

void sl_check_commands_reset(struct sl_check *check, struct sl_check_commands *commands)
{
	for (uint32_t i = 0; i < commands->named_count; i++) {
		if (is_used(commands->named[i])) {
			sl_check_unuse(check, commands->named[i]);
		} else {
			sl_check_unref(commands->named[i]);
		}
	}
	free(commands->query_ranges);
	commands->query_ranges = NULL;
	commands->query_range_count = 0;
	commands->named_count = 0;
	commands->secondary_count = 0;
	commands->is_executable = false;
	commands->valid_epoch = 0;
}

int sl_check_note_vkAllocateCommandBuffers(struct sl_check *check,
					   struct sl_vkAllocateCommandBuffers *args)
{
	(void)check;
	for (uint32_t i = 0; i < args->pAllocateInfo->commandBufferCount; i++) {
		struct sl_check_commands *commands = sl_check_commands_of(args->created[i]);

		if (commands != NULL) {
			commands->is_primary =
				args->pAllocateInfo->level == VK_COMMAND_BUFFER_LEVEL_PRIMARY;
		}
	}
	return 0;
}

/* Drivers look up what a secondary command buffer inherits. */
static int check_inheritance(struct sl_check *check, const struct sl_object_list *named,
			     const VkCommandBufferInheritanceInfo *info)
{
	uint32_t cursor = 0;

	if (info == NULL) {
		return sl_check_fail(check, "a secondary command buffer that inherits nothing");
	}
	const VkCommandBufferInheritanceRenderingInfo *rendering = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_RENDERING_INFO);
	const struct sl_check_node *node =
		info->renderPass != VK_NULL_HANDLE
			? sl_check_find(named, &cursor, VK_OBJECT_TYPE_RENDER_PASS,
					(uint64_t)(uintptr_t)info->renderPass)
			: NULL;
	const struct sl_check_pass *pass = node != NULL ? node->extra : NULL;

	if (pass != NULL && info->subpass >= pass->subpass_count) {
		return sl_check_fail(check, "subpass %u of %u", info->subpass, pass->subpass_count);
	}
	return rendering == NULL ||
			       rendering->colorAttachmentCount <= check->limits.maxColorAttachments
		       ? 0
		       : sl_check_fail(check, "%u color attachments",
				       rendering->colorAttachmentCount);
}

int sl_check_slRecordCommandBuffer(struct sl_check *check, struct sl_slRecordCommandBuffer *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	VkCommandBufferUsageFlags flags = args->pBeginInfo->flags;
	bool is_continued = !commands->is_primary &&
			    (flags & VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT) != 0;
	int r = commands->is_primary
			? 0
			: check_inheritance(check, args->named, args->pBeginInfo->pInheritanceInfo);

	r = r == 0 ? sl_check_settle(check, &commands->node) : r;
	if (r == 0) {
		sl_check_commands_reset(check, commands);
		commands->is_simultaneous =
			(flags & VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT) != 0;
		commands->has_graphics = false;
		commands->has_compute = false;
		commands->has_indices = false;
		/* A software driver goes on with what it drew before, if that is not set. */
		commands->has_patches = !commands->is_primary;
		commands->tessellates = false;
		commands->has_points = false;
		memset(commands->bound, 0, sizeof(commands->bound));
		commands->pushed = commands->is_primary ? 0 : VK_SHADER_STAGE_ALL;
		commands->has_condition = false;
		commands->has_feedback = false;
		commands->feedback_buffers = 0;
		commands->active_query_count = 0;
		commands->pass_kind = is_continued ? SL_CHECK_CONTINUED : SL_CHECK_NO_PASS;
		commands->cleared = (struct sl_check_surface){ 0 };
	}
	return r;
}

int sl_check_note_slEndRecording(struct sl_check *check, struct sl_slRecordCommandBuffer *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	const struct sl_object_list *named = args->named;

	if (commands->pass_kind != SL_CHECK_NO_PASS && commands->pass_kind != SL_CHECK_CONTINUED) {
		return sl_check_fail(check, "inside of a render pass");
	}
	/* A software driver would go on with them in whatever it executes next. */
	if (check->is_software && (commands->active_query_count > 0 || commands->has_feedback ||
				   commands->has_condition)) {
		return sl_check_fail(check, "a query, transform feedback or condition without its "
					    "end");
	}
	if (named->count > commands->named_capacity) {
		struct sl_check_node **larger =
			reallocarray(commands->named, named->count, sizeof(*larger));

		if (larger == NULL) {
			return -ENOMEM;
		}
		commands->named = larger;
		commands->node.extra = larger;
		commands->named_capacity = named->count;
	}
	for (uint32_t i = 0; i < named->count; i++) {
		struct sl_check_node *node = sl_check_node_of(named->items[i]);

		if (node == NULL) {
			continue;
		}
		commands->named[commands->named_count++] = node;
		commands->secondary_count += node->type == VK_OBJECT_TYPE_COMMAND_BUFFER ? 1 : 0;
		if (is_used(node)) {
			sl_check_use(node);
		} else {
			sl_check_ref(node);
		}
	}
	commands->is_executable = true;
	commands->valid_epoch = check->epoch;
	return 0;
}

int sl_check_vkResetCommandBuffer(struct sl_check *check, struct sl_vkResetCommandBuffer *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	int r = sl_check_settle(check, &commands->node);

	if (r == 0) {
		sl_check_commands_reset(check, commands);
	}
	return r;
}

int sl_check_vkResetCommandPool(struct sl_check *check, struct sl_vkResetCommandPool *args)
{
	uint32_t cursor = 0;
	struct sl_check_node *pool =
		sl_check_find(args->named, &cursor, VK_OBJECT_TYPE_COMMAND_POOL,
			      (uint64_t)(uintptr_t)args->commandPool);
	struct sl_check_node *child;
	int r = 0;

	LIST_FOREACH(child, &pool->children, pool_link)
	{
		r = r == 0 ? sl_check_settle(check, child) : r;
		if (r == 0) {
			sl_check_commands_reset(check, (struct sl_check_commands *)child);
		}
	}
	return r;
}

int sl_check_vkFreeCommandBuffers(struct sl_check *check, struct sl_vkFreeCommandBuffers *args)
{
	uint32_t cursor = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->commandBufferCount; i++) {
		uint64_t handle = (uint64_t)(uintptr_t)args->pCommandBuffers[i];

		if (handle != 0) {
			r = sl_check_drop(check, sl_check_find_object(args->named, &cursor,
								      VK_OBJECT_TYPE_COMMAND_BUFFER,
								      handle));
		}
	}
	return r;
}

/* To first + count if that is more; sums that overflow are more than anything has. */
static void raise_to(uint32_t *value, uint32_t first, uint32_t count)
{
	uint32_t end;

	if (__builtin_add_overflow(first, count, &end)) {
		end = UINT32_MAX;
	}
	*value = end > *value ? end : *value;
}

static bool has_surface(const struct sl_check_surface *surface, const struct sl_check_surface *part)
{
	return part->extent.width <= surface->extent.width &&
	       part->extent.height <= surface->extent.height &&
	       part->layer_count <= surface->layer_count &&
	       part->color_count <= surface->color_count;
}

/* Commands that execute themselves, or ones that others of theirs execute, would not end. */
int sl_check_vkCmdExecuteCommands(struct sl_check *check, struct sl_vkCmdExecuteCommands *args)
{
	struct sl_check_commands *self = sl_check_commands_of(args->self);
	uint32_t cursor = 0;

	if (!self->is_primary) {
		return sl_check_fail(check, "in a secondary command buffer");
	}
	/* Which these would have to leave alone: lavapipe has no inherited queries. */
	if (check->is_mesa_22 && (self->active_query_count > 0 || self->has_feedback)) {
		return sl_check_fail(check, "within a query or transform feedback");
	}
	for (uint32_t i = 0; i < args->commandBufferCount; i++) {
		const struct sl_check_commands *commands =
			sl_check_find(args->named, &cursor, VK_OBJECT_TYPE_COMMAND_BUFFER,
				      (uint64_t)(uintptr_t)args->pCommandBuffers[i]);

		if (commands == NULL || commands->is_primary || !commands->is_executable) {
			return sl_check_fail(check,
					     "not a secondary command buffer that is recorded");
		}
		if ((commands->pass_kind == SL_CHECK_CONTINUED) !=
		    (self->pass_kind != SL_CHECK_NO_PASS)) {
			return sl_check_fail(check, "inside of a render pass, or outside of one");
		}
		if (!has_surface(&self->surface, &commands->cleared)) {
			return sl_check_fail(check, "clears more than the render pass has");
		}
		/* What they leave behind is undefined; a software driver goes on with it. */
		self->has_patches |= commands->has_patches;
		self->tessellates |= commands->tessellates;
		self->has_points |= commands->has_points;
		self->pushed |= commands->pushed;
	}
	return 0;
}

/* Clears write where they are told, whatever the area of the render pass is. */
int sl_check_vkCmdClearAttachments(struct sl_check *check, struct sl_vkCmdClearAttachments *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	struct sl_check_surface part = { 0 };

	if (commands->pass_kind == SL_CHECK_NO_PASS) {
		return sl_check_fail(check, "outside of a render pass");
	}
	for (uint32_t i = 0; i < args->attachmentCount; i++) {
		const VkClearAttachment *clear = &args->pAttachments[i];

		if (clear->aspectMask == 0) {
			return sl_check_fail(check, "clears no aspect");
		}
		if ((clear->aspectMask & VK_IMAGE_ASPECT_COLOR_BIT) != 0 &&
		    clear->colorAttachment != VK_ATTACHMENT_UNUSED) {
			raise_to(&part.color_count, clear->colorAttachment, 1);
		}
	}
	for (uint32_t i = 0; i < args->rectCount; i++) {
		const VkClearRect *rect = &args->pRects[i];

		if (rect->rect.offset.x < 0 || rect->rect.offset.y < 0) {
			return sl_check_fail(check, "before the attachments");
		}
		if (rect->layerCount == 0) {
			return sl_check_fail(check, "no layers");
		}
		raise_to(&part.extent.width, (uint32_t)rect->rect.offset.x,
			 rect->rect.extent.width);
		raise_to(&part.extent.height, (uint32_t)rect->rect.offset.y,
			 rect->rect.extent.height);
		raise_to(&part.layer_count, rect->baseArrayLayer, rect->layerCount);
	}
	if (commands->pass_kind == SL_CHECK_CONTINUED) {
		raise_to(&commands->cleared.color_count, part.color_count, 0);
		raise_to(&commands->cleared.extent.width, part.extent.width, 0);
		raise_to(&commands->cleared.extent.height, part.extent.height, 0);
		raise_to(&commands->cleared.layer_count, part.layer_count, 0);
		return 0;
	}
	return has_surface(&commands->surface, &part)
		       ? 0
		       : sl_check_fail(check, "clears more than the render pass has");
}

/* Drivers look up the device of each semaphore and command buffer. */
static bool has_devices(const VkSubmitInfo *batch)
{
	const VkDeviceGroupSubmitInfo *group =
		sl_check_chain_find(batch->pNext, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);

	return group == NULL || (group->waitSemaphoreCount == batch->waitSemaphoreCount &&
				 group->commandBufferCount == batch->commandBufferCount &&
				 group->signalSemaphoreCount == batch->signalSemaphoreCount);
}

int sl_check_vkQueueSubmit(struct sl_check *check, struct sl_vkQueueSubmit *args)
{
	for (uint32_t i = 0; i < args->submitCount; i++) {
		if (!has_devices(&args->pSubmits[i])) {
			return sl_check_fail(check,
					     "devices of other semaphores or command buffers");
		}
	}
	return sl_check_submission(check, args->named);
}

int sl_check_note_vkQueueSubmit(struct sl_check *check, struct sl_vkQueueSubmit *args)
{
	return sl_check_note_submitted(check, args->self, args->named);
}

int sl_check_vkQueueSubmit2(struct sl_check *check, struct sl_vkQueueSubmit2 *args)
{
	return sl_check_submission(check, args->named);
}

int sl_check_note_vkQueueSubmit2(struct sl_check *check, struct sl_vkQueueSubmit2 *args)
{
	return sl_check_note_submitted(check, args->self, args->named);
}

int sl_check_note_vkQueueBindSparse(struct sl_check *check, struct sl_vkQueueBindSparse *args)
{
	return sl_check_note_submitted(check, args->self, args->named);
}
