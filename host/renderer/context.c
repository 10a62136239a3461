/* SPDX-License-Identifier: MIT */
/* Receive, decode, replay; count; say why it ended. */
#include "host/renderer/context.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/stats.h"
#include "host/decode/decode.h"
#include "host/gpu/gpu.h"
#include "host/link/host_link.h"
#include "host/renderer/arbiter_link.h"
#include "host/renderer/recording.h"
#include "host/replay/replay.h"
#include "protocol/limits.h"
#include "protocol/sl_ids.h"
#include "protocol/sl_checked_ops.h"
#include "protocol/sl_types.h"

struct context {
	const struct sl_renderer_assign *assign;
	struct sl_renderer_report *report;
	struct sl_gpu *gpu;
	struct sl_stats *stats;
	struct sl_quota *quota;
	struct sl_host_link *link;
	struct sl_replay *replay;
	struct sl_decode *decode;
	struct sl_arbiter_link *arbiter;
	int record_fd;		   /* -1: not recorded, or the file could not be written */
	struct sl_message message; /* the present one */
	bool has_failed;	   /* a command that the guest believes to have succeeded */
};

static void end(struct context *context, enum sl_renderer_end end, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void end(struct context *context, enum sl_renderer_end end, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(context->report->text, sizeof(context->report->text), format, args);
	va_end(args);
	context->report->end = end;
}

/* The replay's and the decoder's ends of the link. */

static void publish(void *data, uint32_t queue_slot, uint64_t completed)
{
	const struct context *context = data;

	sl_host_link_publish(context->link, queue_slot, completed);
}

static void set_lost(void *data, enum sl_lost_reason reason, const char *text)
{
	const struct context *context = data;

	sl_host_link_set_lost(context->link, reason, text);
}

static void set_ended(void *data, const char *why)
{
	set_lost(data, SL_LOST_KILLED, why);
}

static int hold_region(void *data, uint32_t region_id, void **ret_data, size_t *ret_size)
{
	const struct context *context = data;

	return sl_host_link_hold_region(context->link, region_id, ret_data, ret_size);
}

static void release_region(void *data, uint32_t region_id)
{
	const struct context *context = data;

	sl_host_link_release_region(context->link, region_id);
}

static int forget_region(void *data, uint32_t region_id)
{
	const struct context *context = data;

	return sl_host_link_forget_region(context->link, region_id);
}

static void *keep_message(void *data, const void **part)
{
	struct context *context = data;
	size_t offset = (size_t)((const uint8_t *)*part - context->message.data);
	uint8_t *message = sl_host_link_steal_message(context->link);

	if (message != NULL) {
		*part = message + offset;
	}
	return message;
}

static int run_commands(void *data, const struct sl_ops *ops, struct sl_object *command_buffer,
			const uint8_t *commands, size_t size)
{
	const struct context *context = data;

	return sl_decode_rerun(context->decode, ops, command_buffer, commands, size);
}

static int begin_reply(void *data, const struct sl_wire_reply_slot *slot, size_t size,
		       uint8_t **ret_payload)
{
	const struct context *context = data;

	return sl_host_link_begin_reply(context->link, slot, size, ret_payload);
}

static void commit_reply(void *data)
{
	const struct context *context = data;

	sl_host_link_commit_reply(context->link);
}

static void command_failed(void *data, uint16_t command_id, VkResult result)
{
	struct context *context = data;

	context->has_failed = true;
	end(context, SL_RENDERER_END_DEVICE, "%s failed (%d)", sl_command_name(command_id), result);
	sl_host_link_set_lost(context->link, SL_LOST_DEVICE, context->report->text);
}

/* What the driver has freed goes back to the host. */
static void trim_heap(void)
{
	malloc_trim(0);
}

static int accept_link(struct context *context, int fd)
{
	const char *extensions[SL_EXTENSION_COUNT + 1] = { NULL };
	const struct sl_host_link_options options = {
		.spin_ns = context->assign->spin_ns,
		.idle = trim_heap,
		.max_region_bytes = context->assign->max_region_bytes,
		.max_regions = context->assign->max_regions,
		.extensions = extensions,
	};
	char why[SL_RENDERER_TEXT_SIZE] = "";
	char who[128];

	/* Until the guest has told its program's name. */
	snprintf(who, sizeof(who), "guest %s, context %llu, process %u",
		 context->assign->guest_name, (unsigned long long)context->assign->context_id,
		 context->assign->guest_pid);
	sl_log_set_who(who);
	for (uint32_t i = 0; i < SL_EXTENSION_COUNT; i++) {
		extensions[i] = sl_extension_list[i].name;
	}
	int r = sl_host_link_accept(fd, &options, &context->link, why, sizeof(why));
	if (r < 0) {
		end(context, r == -EPIPE ? SL_RENDERER_END_CLOSED : SL_RENDERER_END_REFUSED, "%s",
		    why);
	}
	return r;
}

/* Who this renderer works for, in every line of its log from now on. */
static void name_guest(struct context *context)
{
	const struct sl_renderer_assign *assign = context->assign;
	char who[256];

	snprintf(context->report->program, sizeof(context->report->program), "%s",
		 sl_host_link_get_program(context->link));
	snprintf(who, sizeof(who), "guest %s, context %llu, %s[%u]", assign->guest_name,
		 (unsigned long long)assign->context_id, context->report->program,
		 assign->guest_pid);
	sl_log_set_who(who);
}

static bool must_copy(const struct context *context)
{
	return context->assign->memory == SL_RENDERER_MEMORY_COPY;
}

static int create_replay(struct context *context)
{
	const struct sl_replay_options options = {
		.gpu = context->gpu,
		.link = {
			.publish = publish,
			.set_lost = set_lost,
			.hold_region = hold_region,
			.release_region = release_region,
			.forget_region = forget_region,
			.keep_message = keep_message,
			.run_commands = run_commands,
			.data = context,
		},
		.sched = {
			.send = sl_arbiter_link_send,
			.set_timer = sl_arbiter_link_set_timer,
			.data = context->arbiter,
		},
		.stats = context->stats,
		.copy_memory = must_copy(context),
		.cut = (enum sl_replay_when)context->assign->cut,
		.timestamps = (enum sl_replay_when)context->assign->timestamps,
		.validate = (context->assign->flags & SL_RENDERER_VALIDATE) != 0,
		.quota = context->quota,
		.quota_slot = context->assign->quota_slot,
	};

	return sl_replay_create(&options, &context->replay);
}

static int create_decode(struct context *context)
{
	uint32_t max_objects = context->assign->max_objects;
	const struct sl_decode_options options = {
		.ops = &sl_checked_ops,
		.replay = context->replay,
		.caps = sl_host_link_get_caps(context->link),
		.sink = {
			.begin_reply = begin_reply,
			.commit_reply = commit_reply,
			.command_failed = command_failed,
			.data = context,
		},
		.max_objects = max_objects < SL_MAX_OBJECTS ? max_objects : SL_MAX_OBJECTS,
		.trace = (context->assign->flags & SL_RENDERER_TRACE) != 0 ? stderr : NULL,
	};

	return sl_decode_create(&options, &context->decode);
}

/* The replay may have told the guest already; then that is the reason. */
static bool end_by_loss(struct context *context)
{
	char why[SL_RENDERER_TEXT_SIZE];

	if (!sl_replay_is_lost(context->replay, why, sizeof(why))) {
		return false;
	}
	end(context, SL_RENDERER_END_DEVICE, "%s", why);
	return true;
}

/* A message could not be run. */
static void end_by_decode(struct context *context, int r)
{
	const char *replay_why = sl_replay_get_why(context->replay);
	const char *error = sl_decode_get_error(context->decode);

	if (r == -EBADMSG) {
		end(context, SL_RENDERER_END_PROTOCOL, "%s%s%s%s", error,
		    replay_why[0] != '\0' ? " (" : "", replay_why,
		    replay_why[0] != '\0' ? ")" : "");
		sl_host_link_set_lost(context->link, SL_LOST_PROTOCOL, context->report->text);
	} else if (!end_by_loss(context)) {
		end(context, SL_RENDERER_END_SYSTEM, "%s: %s", error, strerror(-r));
		sl_host_link_set_lost(context->link, SL_LOST_RENDERER, context->report->text);
	}
}

static void end_by_link(struct context *context, int r, const char *why)
{
	if (r == -EPIPE) {
		(void)end_by_loss(context);
	} else if (r == -EBADMSG) {
		end(context, SL_RENDERER_END_PROTOCOL, "ring: %s", why);
		sl_host_link_set_lost(context->link, SL_LOST_PROTOCOL, context->report->text);
	} else {
		end(context, SL_RENDERER_END_SYSTEM, "ring: %s", strerror(-r));
		sl_host_link_set_lost(context->link, SL_LOST_RENDERER, context->report->text);
	}
}

static uint16_t command_of(const struct sl_message *message)
{
	struct sl_wire_header header;

	/* The link gives away no message without its header. */
	memcpy(&header, message->data, sizeof(header));
	return header.command_id;
}

/* Before it runs, so that the file has the message that ends the renderer. */
static void record(struct context *context, const void *data, size_t size)
{
	int r = context->record_fd >= 0 ? sl_fd_write_all(context->record_fd, data, size) : 0;

	if (r < 0) {
		sl_log(SL_LOG_WARNING, "the recording ends here: %s", strerror(-r));
		context->record_fd = -1;
	}
}

static void record_header(struct context *context)
{
	const struct sl_recording_header header = {
		.magic = SL_RECORDING_MAGIC,
		.version = SL_RECORDING_VERSION,
		.wire_version = SL_WIRE_VERSION,
	};

	record(context, &header, sizeof(header));
}

static void run(struct context *context)
{
	struct sl_stats *stats = context->stats;
	uint64_t messages = 0;
	uint64_t bytes = 0;

	while (!context->has_failed) {
		const char *why = "";
		int r = sl_host_link_receive(context->link, &context->message, &why);

		if (r < 0) {
			end_by_link(context, r, why);
			return;
		}
		/* Only this thread writes these. */
		bytes += context->message.size;
		sl_stats_set(&stats->messages, ++messages);
		sl_stats_set(&stats->message_bytes, bytes);
		/* Before, so that the daemon can tell at which command a renderer died. */
		sl_stats_set(&stats->last_command_id, command_of(&context->message));
		record(context, context->message.data, context->message.size);
		r = sl_decode_message(context->decode, context->message.data,
				      context->message.size);
		sl_stats_set(&stats->objects, sl_decode_get_object_count(context->decode));
		if (r < 0) {
			end_by_decode(context, r);
			return;
		}
	}
}

/* How much was cut, and what was not. */
static void log_cuts(const struct sl_stats *stats)
{
	char whole[16 * SL_STATS_WHOLE_REASONS] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < SL_STATS_WHOLE_REASONS; i++) {
		used += (size_t)snprintf(whole + used, sizeof(whole) - used, " %u",
					 (unsigned int)sl_stats_get(&stats->left_whole[i]));
	}
	sl_log(SL_LOG_DEBUG, "%llu of %llu submissions in %llu pieces; left whole, by reason:%s",
	       (unsigned long long)sl_stats_get(&stats->cut_submissions),
	       (unsigned long long)sl_stats_get(&stats->submissions),
	       (unsigned long long)sl_stats_get(&stats->pieces), whole);
}

static void log_end(const struct context *context)
{
	const struct sl_renderer_report *report = context->report;

	switch (report->end) {
	case SL_RENDERER_END_CLOSED:
		sl_log(SL_LOG_DEBUG, "the context was closed");
		break;
	case SL_RENDERER_END_REFUSED:
		sl_log(SL_LOG_WARNING, "refused: %s", report->text);
		break;
	case SL_RENDERER_END_PROTOCOL:
		sl_log(SL_LOG_ERROR, "the guest broke the protocol: %s", report->text);
		break;
	default:
		sl_log(SL_LOG_ERROR, "the context was ended: %s", report->text);
		break;
	}
	log_cuts(context->stats);
	sl_gpu_log_validation(context->gpu);
}

/* Everything between the link and the ring's first message. */
static int prepare(struct context *context, int control_fd)
{
	int r = sl_arbiter_link_create(control_fd, &context->arbiter);

	if (r == 0) {
		r = create_replay(context);
	}
	if (r == 0) {
		r = create_decode(context);
	}
	if (r < 0) {
		return r;
	}
	sl_replay_set_message_arena(context->replay, sl_decode_get_arena(context->decode));
	return sl_arbiter_link_start(context->arbiter, context->replay, set_ended, context);
}

void sl_context_serve(struct sl_gpu *gpu, const struct sl_renderer_assign *assign, int control_fd,
		      int fd, const struct sl_context_pages *pages,
		      struct sl_renderer_report *ret_report)
{
	struct context context = {
		.assign = assign,
		.report = ret_report,
		.gpu = gpu,
		.stats = pages->stats,
		.quota = pages->quota,
		.record_fd = pages->record_fd,
	};

	*ret_report = (struct sl_renderer_report){ .type = SL_RENDERER_REPORT };
	if (accept_link(&context, fd) == 0) {
		name_guest(&context);
		int r = prepare(&context, control_fd);

		if (r == 0) {
			record_header(&context);
			run(&context);
		} else {
			end(&context, SL_RENDERER_END_SYSTEM, "%s", strerror(-r));
			sl_host_link_set_lost(context.link, SL_LOST_RENDERER, "out of memory");
		}
	}
	log_end(&context);
}
