/* SPDX-License-Identifier: MIT */
/* Transform feedback: its buffers, and the counters in others that say how far these are filled. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"

/* A software driver frees what it has bound when something else is. */
int sl_check_vkCmdBindTransformFeedbackBuffersEXT(
	struct sl_check *check, struct sl_vkCmdBindTransformFeedbackBuffersEXT *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	int r = sl_check_places(check, args->self, args->named, args->firstBinding,
				args->bindingCount, SL_CHECK_FEEDBACK_BUFFERS);

	if (r == 0 && check->is_software && commands->has_feedback) {
		return sl_check_fail(check, "within transform feedback");
	}
	for (uint32_t i = 0; r == 0 && i < args->bindingCount; i++) {
		if (args->pBuffers[i] == VK_NULL_HANDLE) {
			return sl_check_fail(check, "no buffer");
		}
		commands->feedback_buffers |= 1u << (args->firstBinding + i) % 32;
	}
	return r == 0 ? sl_check_bound(check, args->named, args->bindingCount, args->pBuffers,
				       args->pOffsets, args->pSizes)
		      : r;
}

/* Each counter, a word, is of a buffer that is bound. */
static int check_counters(struct sl_check *check, const void *self,
			  const struct sl_object_list *named, uint32_t first, uint32_t count,
			  const VkBuffer *buffers, const VkDeviceSize *offsets)
{
	const struct sl_check_commands *commands = sl_check_commands_of(self);
	int r = sl_check_places(check, self, named, first, count, SL_CHECK_FEEDBACK_BUFFERS);

	for (uint32_t i = 0; r == 0 && buffers != NULL && i < count; i++) {
		if (buffers[i] == VK_NULL_HANDLE) {
			continue;
		}
		r = sl_check_bytes_of(check, self, named, buffers[i],
				      offsets != NULL ? offsets[i] : 0, 4);
		if (r == 0 && check->is_software &&
		    (commands->feedback_buffers >> (first + i) % 32 & 1) == 0) {
			r = sl_check_fail(check, "buffer %u is not bound", first + i);
		}
	}
	return r;
}

int sl_check_vkCmdBeginTransformFeedbackEXT(struct sl_check *check,
					    struct sl_vkCmdBeginTransformFeedbackEXT *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);

	if (check->is_software && commands->has_feedback) {
		return sl_check_fail(check, "within transform feedback");
	}
	commands->has_feedback = true;
	return check_counters(check, args->self, args->named, args->firstCounterBuffer,
			      args->counterBufferCount, args->pCounterBuffers,
			      args->pCounterBufferOffsets);
}

int sl_check_vkCmdEndTransformFeedbackEXT(struct sl_check *check,
					  struct sl_vkCmdEndTransformFeedbackEXT *args)
{
	struct sl_check_commands *commands = sl_check_commands_of(args->self);

	if (check->is_software && !commands->has_feedback) {
		return sl_check_fail(check, "there is no transform feedback");
	}
	commands->has_feedback = false;
	return check_counters(check, args->self, args->named, args->firstCounterBuffer,
			      args->counterBufferCount, args->pCounterBuffers,
			      args->pCounterBufferOffsets);
}
