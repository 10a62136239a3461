/* SPDX-License-Identifier: MIT */
/* The life of a context. */
#include "guest-driver/vk/context.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest-driver/vk/messenger.h"
#include "protocol/sl_ids.h"

static bool env_is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0;
}

int sl_context_create(struct sl_context **ret_context, char *ret_why, size_t why_size)
{
	struct sl_context *context = calloc(1, sizeof(*context));

	if (context == NULL) {
		snprintf(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	int r = sl_guest_link_open(&context->link, ret_why, why_size);
	if (r < 0) {
		free(context);
		return r;
	}
	context->caps = sl_guest_link_get_caps(context->link);
	context->sync = sl_guest_link_get_sync(context->link);
	context->trace = env_is_set("SLUICE_TRACE");
	sl_id_allocator_init(&context->ids);
	sl_bytes_map_init(&context->replies);
	pthread_mutex_init(&context->lock, NULL);
	*ret_context = context;
	return 0;
}

void sl_context_destroy(struct sl_context *context)
{
	if (context == NULL) {
		return;
	}
	sl_guest_link_close(context->link);
	sl_messenger_destroy_all(context);
	sl_bytes_map_finish(&context->replies);
	sl_id_allocator_finish(&context->ids);
	pthread_mutex_destroy(&context->lock);
	free(context);
}

int sl_context_take_queue_slot(struct sl_context *context, uint32_t *ret_slot)
{
	int r = -ENOSPC;

	pthread_mutex_lock(&context->lock);
	/* Round robin: a slot rests as long as possible before it is used again. */
	for (uint32_t i = 0; i < SL_MAX_QUEUES; i++) {
		uint32_t slot = (context->next_queue_slot + i) % SL_MAX_QUEUES;
		uint64_t bit = UINT64_C(1) << slot % 64;
		if ((context->queue_slots[slot / 64] & bit) == 0) {
			context->queue_slots[slot / 64] |= bit;
			context->next_queue_slot = slot + 1;
			*ret_slot = slot;
			r = 0;
			break;
		}
	}
	pthread_mutex_unlock(&context->lock);
	return r;
}

void sl_context_drop_queue_slot(struct sl_context *context, uint32_t slot)
{
	pthread_mutex_lock(&context->lock);
	context->queue_slots[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	pthread_mutex_unlock(&context->lock);
}

void sl_context_report_missing(struct sl_context *context, uint16_t command_id)
{
	char text[128];

	if (sl_command_get_info(command_id)->is_optional ||
	    atomic_exchange(&context->missing_reported, true)) {
		return;
	}
	snprintf(text, sizeof(text), "sluice: the host's version of Sluice has no %s",
		 sl_command_name(command_id));
	fprintf(stderr, "%s\n", text);
	sl_messenger_report_error(context, "sluice-missing-command", text);
}

static const char *lost_reason_name(uint32_t reason)
{
	switch (reason) {
	case SL_LOST_DEVICE:
		return "the host's device was lost";
	case SL_LOST_PROTOCOL:
		return "the host refused a command";
	case SL_LOST_RENDERER:
		return "the renderer ended";
	case SL_LOST_LIMIT:
		return "a limit was exceeded";
	case SL_LOST_KILLED:
		return "the context was ended by the host";
	default:
		return "the connection to the host broke";
	}
}

static void report_loss(struct sl_context *context)
{
	/* pairs with the host's release when it sets lost, after it has written lost_text */
	uint32_t reason = atomic_load_explicit(&context->sync->lost, memory_order_acquire);
	char detail[sizeof(context->sync->lost_text)] = "";
	char text[768];

	if (reason != SL_LOST_NOT) {
		memcpy(detail, context->sync->lost_text, sizeof(detail));
		detail[sizeof(detail) - 1] = '\0';
	}
	snprintf(text, sizeof(text), "sluice: device lost: %s%s%s", lost_reason_name(reason),
		 detail[0] != '\0' ? ": " : "", detail);
	fprintf(stderr, "%s\n", text);
	sl_messenger_report_error(context, "sluice-device-lost", text);
}

static void report_loss_once(struct sl_context *context)
{
	if (!atomic_exchange(&context->loss_reported, true)) {
		report_loss(context);
	}
}

bool sl_context_is_lost(struct sl_context *context)
{
	if (!sl_guest_link_is_lost(context->link)) {
		return false;
	}
	report_loss_once(context);
	return true;
}

bool sl_context_check_lost(struct sl_context *context)
{
	if (!sl_guest_link_check_lost(context->link)) {
		return false;
	}
	report_loss_once(context);
	return true;
}
