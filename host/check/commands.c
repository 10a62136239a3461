/* SPDX-License-Identifier: MIT */
/* Command buffers: what their recordings name, and when they may change. */
#include "host/check/check_priv.h"

#include <errno.h>
#include <stdlib.h>

static struct sl_check_commands *commands_of(const void *object)
{
	return ((const struct sl_object *)object)->check;
}

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
		struct sl_check_commands *commands = commands_of(args->created[i]);

		if (commands != NULL) {
			commands->is_primary =
				args->pAllocateInfo->level == VK_COMMAND_BUFFER_LEVEL_PRIMARY;
		}
	}
	return 0;
}

int sl_check_slRecordCommandBuffer(struct sl_check *check, struct sl_slRecordCommandBuffer *args)
{
	struct sl_check_commands *commands = commands_of(args->self);
	VkCommandBufferUsageFlags flags = args->pBeginInfo->flags;
	bool is_continued = !commands->is_primary &&
			    (flags & VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT) != 0;
	int r = sl_check_settle(check, &commands->node);

	if (r == 0) {
		sl_check_commands_reset(check, commands);
		commands->is_simultaneous =
			(flags & VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT) != 0;
		commands->pass_kind = is_continued ? SL_CHECK_CONTINUED : SL_CHECK_NO_PASS;
	}
	return r;
}

int sl_check_note_slEndRecording(struct sl_check *check, struct sl_slRecordCommandBuffer *args)
{
	struct sl_check_commands *commands = commands_of(args->self);
	const struct sl_object_list *named = args->named;

	if (commands->pass_kind != SL_CHECK_NO_PASS && commands->pass_kind != SL_CHECK_CONTINUED) {
		return sl_check_fail(check, "inside of a render pass");
	}
	if (named->count > commands->named_capacity) {
		struct sl_check_node **larger =
			reallocarray(commands->named, named->count, sizeof(*larger));

		if (larger == NULL) {
			return -ENOMEM;
		}
		commands->named = larger;
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
	struct sl_check_commands *commands = commands_of(args->self);
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

/* Commands that execute themselves, or ones that others of theirs execute, would not end. */
int sl_check_vkCmdExecuteCommands(struct sl_check *check, struct sl_vkCmdExecuteCommands *args)
{
	uint32_t cursor = 0;

	if (!commands_of(args->self)->is_primary) {
		return sl_check_fail(check, "in a secondary command buffer");
	}
	for (uint32_t i = 0; i < args->commandBufferCount; i++) {
		const struct sl_check_commands *commands =
			sl_check_find(args->named, &cursor, VK_OBJECT_TYPE_COMMAND_BUFFER,
				      (uint64_t)(uintptr_t)args->pCommandBuffers[i]);

		if (commands == NULL || commands->is_primary || !commands->is_executable) {
			return sl_check_fail(check,
					     "not a secondary command buffer that is recorded");
		}
	}
	return 0;
}

int sl_check_vkQueueSubmit(struct sl_check *check, struct sl_vkQueueSubmit *args)
{
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
