/* SPDX-License-Identifier: MIT */
/* Command buffers: the recording comes as one message, and decode runs its commands between the
 * two functions here. */
#include "host/replay/replay_priv.h"

/* The guest believes that recording succeeded. */
static int expect(struct sl_replay *replay, VkResult result, const char *command)
{
	return result >= 0 ? 0 : sl_replay_lose(replay, "%s failed (%d)", command, result);
}

int sl_replay_slRecordCommandBuffer(struct sl_replay *replay, struct sl_slRecordCommandBuffer *args)
{
	const struct sl_object *object = args->self;

	return expect(replay,
		      object->vkd->BeginCommandBuffer(args->commandBuffer, args->pBeginInfo),
		      "vkBeginCommandBuffer");
}

int sl_replay_slEndRecording(struct sl_replay *replay, struct sl_slRecordCommandBuffer *args)
{
	const struct sl_object *object = args->self;

	return expect(replay, object->vkd->EndCommandBuffer(args->commandBuffer),
		      "vkEndCommandBuffer");
}
