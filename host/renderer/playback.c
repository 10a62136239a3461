/* SPDX-License-Identifier: MIT */
/* A decoder and a replay between nobody and the driver. */
#include "host/renderer/playback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "host/base/quota.h"
#include "host/base/stats.h"
#include "host/decode/decode.h"
#include "host/objects/object.h"
#include "host/objects/objects.h"
#include "host/replay/replay.h"
#include "host/sched/sched_msg.h"
#include "protocol/limits.h"
#include "protocol/sl_ids.h"
#include "protocol/sl_checked_ops.h"
#include "protocol/sl_types.h"
#include "protocol/wire.h"

/* The recording does not tell regions' sizes; pages exist once they are written. */
#define REGION_SIZE    (256u << 20)
#define MAX_REPLY_SIZE (16u << 20)
#define PAUSE_NS       UINT64_C(100000)
#define MAX_WAIT_NS    UINT64_C(2000000000)

struct region {
	struct region *next;
	uint32_t id;
	void *data;
};

struct sl_playback {
	struct sl_stats stats;
	struct sl_quota quota;
	struct sl_caps caps;
	struct sl_replay *replay;
	struct sl_decode *decode;
	struct region *regions;
	uint8_t *reply;
	uint8_t *message; /* of SL_MAX_MESSAGE_SIZE at most */
	uint32_t seqno;
};

static void publish(void *data, uint32_t queue_slot, uint64_t completed)
{
	/* Nobody waits. */
}

static void set_lost(void *data, enum sl_lost_reason reason, const char *text)
{
	/* The result of the message tells. */
}

static int hold_region(void *data, uint32_t region_id, void **ret_data, size_t *ret_size)
{
	struct sl_playback *playback = data;
	struct region *region = playback->regions;

	while (region != NULL && region->id != region_id) {
		region = region->next;
	}
	if (region == NULL) {
		region = calloc(1, sizeof(*region));
		if (region == NULL) {
			return -ENOMEM;
		}
		region->id = region_id;
		region->data = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (region->data == MAP_FAILED) {
			free(region);
			return -ENOMEM;
		}
		region->next = playback->regions;
		playback->regions = region;
	}
	*ret_data = region->data;
	*ret_size = REGION_SIZE;
	return 0;
}

static void release_region(void *data, uint32_t region_id)
{
	/* They stay to the end. */
}

static int forget_region(void *data, uint32_t region_id)
{
	return 0;
}

static void send_sched(void *data, const struct sl_sched_msg *msg)
{
	/* The GPU was granted before anybody asked, and is never revoked. */
}

static void set_timer(void *data, uint64_t time_ns)
{
	/* Nothing is due without an arbiter. */
}

static int begin_reply(void *data, const struct sl_wire_reply_slot *slot, size_t size,
		       uint8_t **ret_payload)
{
	struct sl_playback *playback = data;

	*ret_payload = playback->reply;
	return size <= MAX_REPLY_SIZE ? 0 : -EBADMSG;
}

static void commit_reply(void *data)
{
	/* Nobody reads it. */
}

static void command_failed(void *data, uint16_t command_id, VkResult result)
{
	/* The guest would have been told; the next messages show what comes of it. */
}

static int create_decode(struct sl_playback *playback, FILE *trace)
{
	const struct sl_decode_options options = {
		.ops = &sl_checked_ops,
		.replay = playback->replay,
		.caps = &playback->caps,
		.sink = {
			.begin_reply = begin_reply,
			.commit_reply = commit_reply,
			.command_failed = command_failed,
			.data = playback,
		},
		.max_objects = SL_MAX_OBJECTS,
		.trace = trace,
	};
	const struct sl_sched_msg grant = { .type = SL_SCHED_MSG_GRANT, .grant = 1 };
	int r = sl_decode_create(&options, &playback->decode);

	if (r < 0) {
		return r;
	}
	sl_replay_set_message_arena(playback->replay, sl_decode_get_arena(playback->decode));
	sl_replay_handle_sched(playback->replay, &grant);
	return 0;
}

int sl_playback_create(const struct sl_playback_options *options, struct sl_playback **ret_playback)
{
	struct sl_playback *playback = calloc(1, sizeof(*playback));

	if (playback == NULL) {
		return -ENOMEM;
	}
	const struct sl_replay_options replay_options = {
		.gpu = options->gpu,
		.link = {
			.publish = publish,
			.set_lost = set_lost,
			.hold_region = hold_region,
			.release_region = release_region,
			.forget_region = forget_region,
			.data = playback,
		},
		.sched = { send_sched, set_timer, NULL },
		.stats = &playback->stats,
		.copy_memory = options->copy_memory,
		.cut = SL_REPLAY_NEVER,
		.validate = options->validate,
		.quota = &playback->quota,
	};
	playback->quota.limit = options->max_device_memory_bytes;
	playback->quota.slot_end = 1;
	sl_command_fill_caps(&playback->caps);
	sl_stype_fill_caps(&playback->caps);
	playback->reply = malloc(MAX_REPLY_SIZE);
	int r = playback->reply == NULL ? -ENOMEM
					: sl_replay_create(&replay_options, &playback->replay);
	if (r == 0) {
		r = create_decode(playback, options->trace);
	}
	if (r < 0) {
		sl_playback_destroy(playback);
		return r;
	}
	*ret_playback = playback;
	return 0;
}

void sl_playback_destroy(struct sl_playback *playback)
{
	if (playback == NULL) {
		return;
	}
	sl_decode_destroy(playback->decode);
	sl_replay_destroy(playback->replay);
	while (playback->regions != NULL) {
		struct region *region = playback->regions;

		playback->regions = region->next;
		munmap(region->data, REGION_SIZE);
		free(region);
	}
	free(playback->reply);
	free(playback->message);
	free(playback);
}

/* The next message, aligned, in playback->message. Returns its size in the file; 0: there is no
 * more; or -ENOMEM, -EBADMSG. */
static int64_t take_message(struct sl_playback *playback, const uint8_t *data, size_t size,
			    bool fix_headers)
{
	struct sl_wire_header header;

	if (size == 0) {
		return 0;
	}
	if (size < sizeof(header)) {
		return -EBADMSG;
	}
	memcpy(&header, data, sizeof(header));
	if (fix_headers && (header.size > size || header.size < sizeof(header))) {
		header.size = (uint32_t)size;
	}
	if (header.size > size || header.size < sizeof(header) ||
	    header.size > SL_MAX_MESSAGE_SIZE) {
		return -EBADMSG;
	}
	const uint32_t taken = header.size;
	if (fix_headers) {
		header.size &= ~7u;
		header.seqno = playback->seqno;
		header.flags &= SL_WIRE_FLAGS_KNOWN;
		header.reserved = 0;
	}
	uint8_t *message = realloc(playback->message, header.size);
	if (message == NULL) {
		return -ENOMEM;
	}
	playback->message = message;
	memcpy(message, data, header.size);
	memcpy(message, &header, sizeof(header));
	return taken;
}

/* The guest waited where it had to before it went on; when, the recording does not tell. So all
 * work ends before the next command that is not a submission too. That includes the guest's own
 * signals, whose values may be above those of submissions that it had waited for: a timeline
 * that was made to go backwards hangs drivers. What waits for a signal to come is parked, and not
 * among what has been submitted; what waits for anything else is given up on after a while: false.
 */
static bool wait_for_gpu(const struct sl_playback *playback, uint16_t command_id)
{
	static const uint16_t work_ids[] = { SL_COMMAND_vkQueueSubmit, SL_COMMAND_vkQueueSubmit2,
					     SL_COMMAND_vkQueueBindSparse };
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	for (size_t i = 0; i < sizeof(work_ids) / sizeof(work_ids[0]); i++) {
		if (command_id == work_ids[i]) {
			return true;
		}
	}
	for (uint64_t waited_ns = 0; waited_ns < MAX_WAIT_NS; waited_ns += PAUSE_NS) {
		if (sl_stats_get(&playback->stats.completed) >=
		    sl_stats_get(&playback->stats.submissions)) {
			return true;
		}
		nanosleep(&pause, NULL);
	}
	return false;
}

uint32_t sl_playback_run(struct sl_playback *playback, const uint8_t *data, size_t size,
			 bool is_mutated, int *ret_result)
{
	uint32_t count = 0;
	size_t at = 0;
	int r = 0;

	while (r == 0) {
		struct sl_wire_header header;
		int64_t taken = take_message(playback, data + at, size - at, is_mutated);

		if (taken <= 0) {
			r = (int)taken;
			break;
		}
		memcpy(&header, playback->message, sizeof(header));
		if (!wait_for_gpu(playback, header.command_id) && is_mutated) {
			r = -ETIMEDOUT;
			break;
		}
		r = sl_decode_message(playback->decode, playback->message, header.size);
		at += (size_t)taken;
		playback->seqno++; /* a message that failed has had its number */
		count += r == 0 ? 1 : 0;
	}
	*ret_result = r;
	return count;
}

bool sl_playback_has(const struct sl_playback *playback, uint64_t id, VkObjectType type)
{
	const struct sl_object *object =
		sl_objects_find(sl_decode_get_objects(playback->decode), id);

	return object != NULL && object->type == type;
}

const char *sl_playback_get_error(const struct sl_playback *playback)
{
	const char *why = sl_replay_get_why(playback->replay);

	why = why[0] != '\0' ? why : sl_decode_get_error(playback->decode);
	return why[0] != '\0' ? why : "the recording is cut off, or damaged";
}
