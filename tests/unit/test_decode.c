/* SPDX-License-Identifier: MIT */
/* The decoder with an ops table that only takes notes: headers, objects, replies, streams. */
#include "host/decode/decode.h"

#include "host/objects/objects.h"
#include "host/objects/record.h"
#include "protocol/handle.h"
#include "protocol/sl_codec.h"
#include "protocol/sl_ids.h"
#include "protocol/sl_ops.h"
#include "protocol/sl_types.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGE_SIZE 4096u

/* Objects of the guest, as far as the encoder looks at them. */
#define GUEST_HANDLE(type, handle) ((type)(uintptr_t)(handle))

enum {
	INSTANCE_ID = 1,
	GPU_ID,
	DEVICE_ID,
	POOL_ID,
	COMMANDS_ID,
	DESCRIPTOR_POOL_ID,
	LAYOUT_ID,
	FIRST_FREE_ID,
};

struct sl_replay {
	uint32_t calls;
	VkResult result;	   /* what the ops give */
	int error;		   /* what the ops return */
	uint64_t created_handle;   /* what creating ops give */
	uint64_t destroyed_handle; /* what the last destroying op got */
	uint64_t created_id;
	uint32_t draws;
	uint32_t vertices;
	bool is_recording;
	VkDevice device;
};

struct context {
	struct sl_replay replay;
	struct sl_objects *objects;
	struct sl_decode *decode;
	struct sl_caps caps;
	uint32_t seqno;
	uint8_t reply[256];
	size_t reply_size;
	uint32_t replies;
	bool refuses_reply;
	uint16_t failed_command;
	VkResult failed_result;
	uint64_t message[MAX_MESSAGE_SIZE / 8];
};

static int create_event(struct sl_replay *replay, struct sl_vkCreateEvent *args)
{
	struct sl_object *object = args->created[0];

	replay->calls++;
	replay->device = args->device;
	replay->created_id = object->id;
	assert_int_equal(object->type, VK_OBJECT_TYPE_EVENT);
	assert_int_equal(object->handle, 0);
	assert_int_equal((uintptr_t)*args->pEvent, 0);
	assert_int_equal(object->device->id, DEVICE_ID);
	*args->pEvent = (VkEvent)(uintptr_t)replay->created_handle;
	args->ret = replay->result;
	return replay->error;
}

static int destroy_event(struct sl_replay *replay, struct sl_vkDestroyEvent *args)
{
	replay->calls++;
	replay->destroyed_handle = (uintptr_t)args->event;
	return replay->error;
}

static int set_event(struct sl_replay *replay, struct sl_vkSetEvent *args)
{
	replay->calls++;
	args->ret = replay->result;
	return replay->error;
}

static int get_event_status(struct sl_replay *replay, struct sl_vkGetEventStatus *args)
{
	replay->calls++;
	args->ret = VK_EVENT_SET;
	return replay->error;
}

static int allocate_sets(struct sl_replay *replay, struct sl_vkAllocateDescriptorSets *args)
{
	replay->calls++;
	for (uint32_t i = 0; i < args->pAllocateInfo->descriptorSetCount; i++) {
		struct sl_object *object = args->created[i];

		assert_int_equal(object->owner->id, DESCRIPTOR_POOL_ID);
		if (replay->result == VK_SUCCESS) {
			args->pDescriptorSets[i] = (VkDescriptorSet)(uintptr_t)(0x5000 + i);
		}
	}
	args->ret = replay->result;
	return replay->error;
}

static int reset_pool(struct sl_replay *replay, struct sl_vkResetDescriptorPool *args)
{
	replay->calls++;
	return 0;
}

static int destroy_device(struct sl_replay *replay, struct sl_vkDestroyDevice *args)
{
	replay->calls++;
	return 0;
}

static int begin_recording(struct sl_replay *replay, struct sl_slRecordCommandBuffer *args)
{
	assert_int_equal(((struct sl_object *)args->self)->id, COMMANDS_ID);
	assert_false(replay->is_recording);
	replay->is_recording = true;
	return replay->error;
}

static int end_recording(struct sl_replay *replay, struct sl_slRecordCommandBuffer *args)
{
	assert_true(replay->is_recording);
	replay->is_recording = false;
	return 0;
}

static int draw(struct sl_replay *replay, struct sl_vkCmdDraw *args)
{
	assert_int_equal(((struct sl_object *)args->self)->id, COMMANDS_ID);
	assert_int_equal((uintptr_t)args->commandBuffer, 0x1000 + COMMANDS_ID);
	replay->draws++;
	replay->vertices += args->vertexCount;
	return replay->error;
}

static const struct sl_ops ops = {
	.vkCreateEvent = create_event,
	.vkDestroyEvent = destroy_event,
	.vkSetEvent = set_event,
	.vkGetEventStatus = get_event_status,
	.vkAllocateDescriptorSets = allocate_sets,
	.vkResetDescriptorPool = reset_pool,
	.vkDestroyDevice = destroy_device,
	.slRecordCommandBuffer = begin_recording,
	.slEndRecording = end_recording,
	.vkCmdDraw = draw,
};

static int begin_reply(void *data, const struct sl_wire_reply_slot *slot, size_t size,
		       uint8_t **ret_payload)
{
	struct context *context = data;

	assert_int_equal(slot->region_id, 7);
	if (context->refuses_reply || size > slot->capacity) {
		return -EBADMSG;
	}
	assert_true(size <= sizeof(context->reply));
	context->reply_size = size;
	*ret_payload = context->reply;
	return 0;
}

static void commit_reply(void *data)
{
	struct context *context = data;

	context->replies++;
}

static void command_failed(void *data, uint16_t command_id, VkResult result)
{
	struct context *context = data;

	context->failed_command = command_id;
	context->failed_result = result;
}

static struct sl_object *add(struct context *context, uint64_t id, VkObjectType type,
			     uint64_t owner_id)
{
	struct sl_object *object = NULL;

	assert_int_equal(sl_objects_add(context->objects, id, type, &object), 0);
	sl_objects_set_owner(object, sl_objects_find(context->objects, owner_id));
	object->handle = 0x1000 + id;
	return object;
}

static int set_up(void **state)
{
	struct context *context = calloc(1, sizeof(*context));

	assert_non_null(context);
	sl_command_fill_caps(&context->caps);
	sl_stype_fill_caps(&context->caps);

	const struct sl_decode_options options = {
		.ops = &ops,
		.replay = &context->replay,
		.caps = &context->caps,
		.max_objects = 1000,
		.sink = {
			.begin_reply = begin_reply,
			.commit_reply = commit_reply,
			.command_failed = command_failed,
			.data = context,
		},
	};
	assert_int_equal(sl_decode_create(&options, &context->decode), 0);
	context->objects = sl_decode_get_objects(context->decode);
	add(context, INSTANCE_ID, VK_OBJECT_TYPE_INSTANCE, 0);
	add(context, GPU_ID, VK_OBJECT_TYPE_PHYSICAL_DEVICE, INSTANCE_ID);
	add(context, DEVICE_ID, VK_OBJECT_TYPE_DEVICE, GPU_ID);
	add(context, POOL_ID, VK_OBJECT_TYPE_COMMAND_POOL, DEVICE_ID);
	add(context, COMMANDS_ID, VK_OBJECT_TYPE_COMMAND_BUFFER, POOL_ID);
	add(context, DESCRIPTOR_POOL_ID, VK_OBJECT_TYPE_DESCRIPTOR_POOL, DEVICE_ID);
	add(context, LAYOUT_ID, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, DEVICE_ID);
	context->replay.created_handle = 0x4000;
	*state = context;
	return 0;
}

static int tear_down(void **state)
{
	struct context *context = *state;

	sl_decode_destroy(context->decode);
	free(context);
	return 0;
}

/* A message being written into the context's buffer. */
struct message {
	struct sl_wire_header header;
	struct sl_writer out;
	uint8_t *start;
	uint8_t *payload;
};

static void begin_at(struct message *message, const struct context *context, uint8_t *start,
		     size_t room, uint16_t command_id, bool wants_reply)
{
	*message = (struct message){
		.header = {
			.command_id = command_id,
			.flags = wants_reply ? SL_WIRE_REPLY : 0,
		},
		.start = start,
		.payload = start + sizeof(struct sl_wire_header),
	};
	if (wants_reply) {
		const struct sl_wire_reply_slot slot = { .region_id = 7, .capacity = 64 };

		memcpy(message->payload, &slot, sizeof(slot));
		message->payload += sizeof(slot);
	}
	message->out = (struct sl_writer){
		.cur = message->payload,
		.end = start + room,
		.caps = &context->caps,
	};
}

static size_t end_message(struct message *message, uint32_t seqno)
{
	while ((message->out.cur - message->start) % 8 != 0) {
		sl_writer_u32(&message->out, 0);
	}
	message->header.size = (uint32_t)(message->out.cur - message->start);
	message->header.seqno = seqno;
	memcpy(message->start, &message->header, sizeof(message->header));
	return message->header.size;
}

static void begin(struct context *context, struct message *message, uint16_t command_id,
		  bool wants_reply)
{
	begin_at(message, context, (uint8_t *)context->message, sizeof(context->message),
		 command_id, wants_reply);
}

static int run(struct context *context, struct message *message)
{
	size_t size = end_message(message, context->seqno++);

	return sl_decode_message(context->decode, (const uint8_t *)context->message, size);
}

static int run_create_event(struct context *context, uint64_t device_id, uint64_t event_id,
			    bool wants_reply)
{
	struct sl_handle device = { .id = device_id };
	struct sl_handle event = { .id = event_id };
	VkEvent handle = GUEST_HANDLE(VkEvent, &event);
	const VkEventCreateInfo info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };
	const struct sl_vkCreateEvent args = {
		.device = GUEST_HANDLE(VkDevice, &device),
		.pCreateInfo = &info,
		.pEvent = &handle,
	};
	struct message message;

	begin(context, &message, SL_COMMAND_vkCreateEvent, wants_reply);
	sl_encode_vkCreateEvent(&message.out, &args);
	return run(context, &message);
}

static int run_set_event(struct context *context, uint64_t event_id, bool wants_reply)
{
	struct sl_handle device = { .id = DEVICE_ID };
	struct sl_handle event = { .id = event_id };
	const struct sl_vkSetEvent args = {
		.device = GUEST_HANDLE(VkDevice, &device),
		.event = GUEST_HANDLE(VkEvent, &event),
	};
	struct message message;

	begin(context, &message, SL_COMMAND_vkSetEvent, wants_reply);
	sl_encode_vkSetEvent(&message.out, &args);
	return run(context, &message);
}

static int run_destroy_event(struct context *context, uint64_t event_id)
{
	struct sl_handle device = { .id = DEVICE_ID };
	struct sl_handle event = { .id = event_id };
	const struct sl_vkDestroyEvent args = {
		.device = GUEST_HANDLE(VkDevice, &device),
		.event = event_id != 0 ? GUEST_HANDLE(VkEvent, &event) : VK_NULL_HANDLE,
	};
	struct message message;

	begin(context, &message, SL_COMMAND_vkDestroyEvent, false);
	sl_encode_vkDestroyEvent(&message.out, &args);
	return run(context, &message);
}

static int run_allocate_sets(struct context *context, uint64_t first_id, uint32_t count,
			     bool wants_reply)
{
	struct sl_handle device = { .id = DEVICE_ID };
	struct sl_handle pool = { .id = DESCRIPTOR_POOL_ID };
	struct sl_handle layout = { .id = LAYOUT_ID };
	struct sl_handle sets[4];
	VkDescriptorSetLayout layouts[4];
	VkDescriptorSet handles[4];

	for (uint32_t i = 0; i < count; i++) {
		sets[i] = (struct sl_handle){ .id = first_id + i };
		handles[i] = GUEST_HANDLE(VkDescriptorSet, &sets[i]);
		layouts[i] = GUEST_HANDLE(VkDescriptorSetLayout, &layout);
	}
	const VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = GUEST_HANDLE(VkDescriptorPool, &pool),
		.descriptorSetCount = count,
		.pSetLayouts = layouts,
	};
	const struct sl_vkAllocateDescriptorSets args = {
		.device = GUEST_HANDLE(VkDevice, &device),
		.pAllocateInfo = &info,
		.pDescriptorSets = handles,
	};
	struct message message;

	begin(context, &message, SL_COMMAND_vkAllocateDescriptorSets, wants_reply);
	sl_encode_vkAllocateDescriptorSets(&message.out, &args);
	return run(context, &message);
}

/* Write a vkCmdDraw of a stream. Returns its size. */
static size_t write_draw(const struct context *context, uint8_t *at, uint32_t seqno)
{
	const struct sl_vkCmdDraw args = { .vertexCount = 3, .instanceCount = 1 };
	struct message message;

	begin_at(&message, context, at, 256, SL_COMMAND_vkCmdDraw, false);
	sl_encode_vkCmdDraw(&message.out, &args);
	return end_message(&message, seqno);
}

static int run_record(struct context *context, const uint8_t *stream, size_t size)
{
	struct sl_handle commands = { .id = COMMANDS_ID };
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	const struct sl_slRecordCommandBuffer args = {
		.commandBuffer = GUEST_HANDLE(VkCommandBuffer, &commands),
		.pBeginInfo = &info,
		.streamSize = size,
		.pStream = stream,
	};
	struct message message;

	begin(context, &message, SL_COMMAND_slRecordCommandBuffer, false);
	sl_encode_slRecordCommandBuffer(&message.out, &args);
	return run(context, &message);
}

static void assert_error(const struct context *context, const char *text)
{
	assert_string_equal(sl_decode_get_error(context->decode), text);
}

static void test_create_registers_and_keeps_record(void **state)
{
	struct context *context = *state;

	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	assert_int_equal(context->replay.created_id, FIRST_FREE_ID);
	assert_int_equal((uintptr_t)context->replay.device, 0x1000 + DEVICE_ID);
	assert_int_equal(context->replies, 0);

	struct sl_object *event = sl_objects_find(context->objects, FIRST_FREE_ID);
	assert_non_null(event);
	assert_int_equal(event->handle, 0x4000);
	assert_int_equal(event->owner->id, DEVICE_ID);
	assert_int_equal(event->record->command_id, SL_COMMAND_vkCreateEvent);
	assert_int_equal(event->record->dependency_count, 1);
	assert_int_equal(event->record->dependencies[0], DEVICE_ID);
}

static void test_failed_create_without_reply_stays(void **state)
{
	struct context *context = *state;

	context->replay.result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	assert_int_equal(context->failed_command, 0);
	assert_int_equal(sl_objects_find(context->objects, FIRST_FREE_ID)->handle, 0);

	/* Destroying it is fine, and the driver does not hear of it. */
	context->replay.destroyed_handle = 1;
	assert_int_equal(run_destroy_event(context, FIRST_FREE_ID), 0);
	assert_int_equal(context->replay.destroyed_handle, 0);
	assert_null(sl_objects_find(context->objects, FIRST_FREE_ID));

	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	assert_int_equal(run_set_event(context, FIRST_FREE_ID, false), -EBADMSG);
	assert_error(context, "vkSetEvent: no live object of this type has this id");
}

static void test_failed_create_with_reply_is_removed(void **state)
{
	struct context *context = *state;

	context->replay.result = VK_ERROR_OUT_OF_HOST_MEMORY;
	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, true), 0);
	assert_int_equal(context->replies, 1);
	assert_null(sl_objects_find(context->objects, FIRST_FREE_ID));

	int32_t result = 0;
	memcpy(&result, context->reply, 4);
	assert_int_equal(result, VK_ERROR_OUT_OF_HOST_MEMORY);
}

static void test_lost_device_is_reported(void **state)
{
	struct context *context = *state;

	context->replay.result = VK_ERROR_DEVICE_LOST;
	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, true), 0);
	assert_int_equal(context->failed_command, SL_COMMAND_vkCreateEvent);
	assert_int_equal(context->failed_result, VK_ERROR_DEVICE_LOST);
}

static void test_id_in_use_is_refused(void **state)
{
	struct context *context = *state;

	assert_int_equal(run_create_event(context, DEVICE_ID, LAYOUT_ID, false), -EBADMSG);
	assert_error(context, "vkCreateEvent: the id of a new object is in use");
	assert_int_equal(context->replay.calls, 0);
}

static void test_dead_id_is_refused(void **state)
{
	struct context *context = *state;

	assert_int_equal(
		run_create_event(context, 1 << SL_ID_INDEX_BITS | DEVICE_ID, FIRST_FREE_ID, false),
		-EBADMSG);
	assert_int_equal(context->replay.calls, 0);
}

static void test_wrong_type_is_refused(void **state)
{
	struct context *context = *state;

	assert_int_equal(run_create_event(context, POOL_ID, FIRST_FREE_ID, false), -EBADMSG);
	assert_int_equal(context->replay.calls, 0);
}

static void test_destroy_removes(void **state)
{
	struct context *context = *state;

	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	assert_int_equal(run_destroy_event(context, FIRST_FREE_ID), 0);
	assert_int_equal(context->replay.destroyed_handle, 0x4000);
	assert_null(sl_objects_find(context->objects, FIRST_FREE_ID));
	/* Null may be destroyed; a dead object may not. */
	assert_int_equal(run_destroy_event(context, 0), 0);
	assert_int_equal(run_destroy_event(context, FIRST_FREE_ID), -EBADMSG);
}

static void test_destroy_device_removes_what_it_owns(void **state)
{
	struct context *context = *state;
	struct sl_handle device = { .id = DEVICE_ID };
	const struct sl_vkDestroyDevice args = { .device = GUEST_HANDLE(VkDevice, &device) };
	struct message message;

	begin(context, &message, SL_COMMAND_vkDestroyDevice, false);
	sl_encode_vkDestroyDevice(&message.out, &args);
	assert_int_equal(run(context, &message), 0);
	assert_int_equal(context->replay.calls, 1);
	assert_null(sl_objects_find(context->objects, COMMANDS_ID));
	assert_int_equal(sl_objects_get_count(context->objects), 2);
}

static void test_sets_belong_to_their_pool(void **state)
{
	struct context *context = *state;
	struct sl_handle device = { .id = DEVICE_ID };
	struct sl_handle pool = { .id = DESCRIPTOR_POOL_ID };

	assert_int_equal(run_allocate_sets(context, FIRST_FREE_ID, 3, false), 0);
	struct sl_object *set = sl_objects_find(context->objects, FIRST_FREE_ID + 2);
	assert_int_equal(set->handle, 0x5002);
	assert_int_equal(set->record->refs, 3);

	const struct sl_vkResetDescriptorPool args = {
		.device = GUEST_HANDLE(VkDevice, &device),
		.descriptorPool = GUEST_HANDLE(VkDescriptorPool, &pool),
	};
	struct message message;

	begin(context, &message, SL_COMMAND_vkResetDescriptorPool, false);
	sl_encode_vkResetDescriptorPool(&message.out, &args);
	assert_int_equal(run(context, &message), 0);
	assert_null(sl_objects_find(context->objects, FIRST_FREE_ID));
	assert_non_null(sl_objects_find(context->objects, DESCRIPTOR_POOL_ID));
}

static void test_several_failed_are_removed(void **state)
{
	struct context *context = *state;

	context->replay.result = VK_ERROR_FRAGMENTED_POOL;
	assert_int_equal(run_allocate_sets(context, FIRST_FREE_ID, 3, true), 0);
	assert_null(sl_objects_find(context->objects, FIRST_FREE_ID));
	assert_null(sl_objects_find(context->objects, FIRST_FREE_ID + 2));
}

static void test_reply_holds_the_result(void **state)
{
	struct context *context = *state;
	struct sl_handle device = { .id = DEVICE_ID };
	struct sl_handle event = { .id = FIRST_FREE_ID };
	struct sl_vkGetEventStatus args = {
		.device = GUEST_HANDLE(VkDevice, &device),
		.event = GUEST_HANDLE(VkEvent, &event),
	};
	struct message message;

	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	begin(context, &message, SL_COMMAND_vkGetEventStatus, true);
	sl_encode_vkGetEventStatus(&message.out, &args);
	assert_int_equal(run(context, &message), 0);
	assert_int_equal(context->replies, 1);

	struct sl_reader in = {
		.cur = context->reply,
		.end = context->reply + context->reply_size,
	};
	sl_reply_decode_vkGetEventStatus(&in, &args);
	assert_false(sl_reader_failed(&in));
	assert_int_equal(args.ret, VK_EVENT_SET);
}

static void test_refused_slot_ends_the_context(void **state)
{
	struct context *context = *state;

	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	context->refuses_reply = true;
	assert_int_equal(run_set_event(context, FIRST_FREE_ID, true), -EBADMSG);
	assert_error(context, "vkSetEvent: the reply has no place in its slot");
}

static void test_silent_failure_is_reported(void **state)
{
	struct context *context = *state;

	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	context->replay.result = VK_ERROR_OUT_OF_HOST_MEMORY;
	assert_int_equal(run_set_event(context, FIRST_FREE_ID, true), 0);
	assert_int_equal(context->failed_command, 0);
	assert_int_equal(run_set_event(context, FIRST_FREE_ID, false), 0);
	assert_int_equal(context->failed_command, SL_COMMAND_vkSetEvent);
	assert_int_equal(context->failed_result, VK_ERROR_OUT_OF_HOST_MEMORY);
}

static void test_op_error_ends_the_context(void **state)
{
	struct context *context = *state;

	context->replay.error = -EIO;
	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), -EIO);
	assert_error(context, "vkCreateEvent: cannot be replayed");
}

static void test_stream_runs_on_its_command_buffer(void **state)
{
	struct context *context = *state;
	uint8_t stream[256];
	size_t size = write_draw(context, stream, 0);

	size += write_draw(context, stream + size, 1);
	assert_int_equal(run_record(context, stream, size), 0);
	assert_int_equal(context->replay.draws, 2);
	assert_int_equal(context->replay.vertices, 6);
	assert_false(context->replay.is_recording);
	assert_int_equal(run_record(context, stream, 0), 0);
	assert_int_equal(sl_decode_get_last_command(context->decode),
			 SL_COMMAND_slRecordCommandBuffer);

	/* The same stream again, without a message. */
	struct sl_object *commands = sl_objects_find(context->objects, COMMANDS_ID);
	assert_int_equal(sl_decode_stream(context->decode, commands, stream, size), 0);
	assert_int_equal(context->replay.draws, 4);
}

static void test_stream_counts_its_commands(void **state)
{
	struct context *context = *state;
	uint8_t stream[256];
	size_t size = write_draw(context, stream, 0);

	size += write_draw(context, stream + size, 2);
	assert_int_equal(run_record(context, stream, size), -EBADMSG);
	assert_int_equal(context->replay.draws, 1);
	assert_error(context, "vkCmdDraw: bad header in a recording");
}

static void test_truncated_stream_is_refused(void **state)
{
	struct context *context = *state;
	uint8_t stream[256];
	size_t size = write_draw(context, stream, 0);

	assert_int_equal(run_record(context, stream, size - 8), -EBADMSG);
	assert_int_equal(context->replay.draws, 0);
}

static void test_only_recorded_commands_in_streams(void **state)
{
	struct context *context = *state;
	uint8_t stream[256];
	size_t size = write_draw(context, stream, 0);
	struct sl_wire_header header;

	memcpy(&header, stream, sizeof(header));
	header.command_id = SL_COMMAND_vkSetEvent;
	memcpy(stream, &header, sizeof(header));
	assert_int_equal(run_record(context, stream, size), -EBADMSG);
	assert_error(context, "vkSetEvent: cannot be recorded");
}

static void test_no_recorded_commands_outside(void **state)
{
	struct context *context = *state;
	const struct sl_vkCmdDraw args = { .vertexCount = 3 };
	struct message message;

	begin(context, &message, SL_COMMAND_vkCmdDraw, false);
	sl_encode_vkCmdDraw(&message.out, &args);
	assert_int_equal(run(context, &message), -EBADMSG);
	assert_error(context, "vkCmdDraw: not a command of this context");
}

static void test_unknown_command_is_refused(void **state)
{
	struct context *context = *state;
	struct message message;

	begin(context, &message, 0xfff0, false);
	assert_int_equal(run(context, &message), -EBADMSG);
	assert_error(context, "command 65520: not a command of this context");
}

static void test_command_outside_the_handshake_is_refused(void **state)
{
	struct context *context = *state;

	context->caps.commands[SL_COMMAND_vkCreateEvent / 32] &=
		~(1u << (SL_COMMAND_vkCreateEvent % 32));
	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), -EBADMSG);
}

static void test_bad_headers_are_refused(void **state)
{
	static const struct sl_wire_header headers[] = {
		{ .size = 8, .command_id = SL_COMMAND_vkSetEvent },
		{ .size = 20, .command_id = SL_COMMAND_vkSetEvent },
		{ .size = 40, .command_id = SL_COMMAND_vkSetEvent },
		{ .size = 32, .command_id = SL_COMMAND_vkSetEvent, .flags = 2 },
		{ .size = 32, .command_id = SL_COMMAND_vkSetEvent, .reserved = 1 },
		{ .size = 32, .command_id = SL_COMMAND_vkSetEvent, .seqno = 1 },
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct context *context = *state;
		uint8_t bytes[32] = { 0 };

		memcpy(bytes, &headers[i], sizeof(headers[i]));
		assert_int_equal(sl_decode_message(context->decode, bytes, sizeof(bytes)),
				 -EBADMSG);
		assert_int_equal(context->replay.calls, 0);
	}
}

static void test_every_truncation_is_refused(void **state)
{
	struct context *context = *state;
	struct sl_wire_header header;

	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	memcpy(&header, context->message, sizeof(header));
	for (header.size -= 8; header.size >= sizeof(header); header.size -= 8) {
		header.seqno = context->seqno++;
		memcpy(context->message, &header, sizeof(header));
		assert_int_equal(sl_decode_message(context->decode,
						   (const uint8_t *)context->message, header.size),
				 -EBADMSG);
		assert_int_equal(context->replay.calls, 1);
	}
}

static void test_surplus_bytes_are_refused(void **state)
{
	struct context *context = *state;
	struct sl_handle device = { .id = DEVICE_ID };
	struct sl_handle event = { .id = FIRST_FREE_ID };
	const struct sl_vkSetEvent args = {
		.device = GUEST_HANDLE(VkDevice, &device),
		.event = GUEST_HANDLE(VkEvent, &event),
	};
	struct message message;

	assert_int_equal(run_create_event(context, DEVICE_ID, FIRST_FREE_ID, false), 0);
	begin(context, &message, SL_COMMAND_vkSetEvent, false);
	sl_encode_vkSetEvent(&message.out, &args);
	sl_writer_u64(&message.out, 0);
	assert_int_equal(run(context, &message), -EBADMSG);
	assert_error(context, "vkSetEvent: message is longer than its command");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_registers_and_keeps_record),
		TEST(test_failed_create_without_reply_stays),
		TEST(test_failed_create_with_reply_is_removed),
		TEST(test_lost_device_is_reported),
		TEST(test_id_in_use_is_refused),
		TEST(test_dead_id_is_refused),
		TEST(test_wrong_type_is_refused),
		TEST(test_destroy_removes),
		TEST(test_destroy_device_removes_what_it_owns),
		TEST(test_sets_belong_to_their_pool),
		TEST(test_several_failed_are_removed),
		TEST(test_reply_holds_the_result),
		TEST(test_refused_slot_ends_the_context),
		TEST(test_silent_failure_is_reported),
		TEST(test_op_error_ends_the_context),
		TEST(test_stream_runs_on_its_command_buffer),
		TEST(test_stream_counts_its_commands),
		TEST(test_truncated_stream_is_refused),
		TEST(test_only_recorded_commands_in_streams),
		TEST(test_no_recorded_commands_outside),
		TEST(test_unknown_command_is_refused),
		TEST(test_command_outside_the_handshake_is_refused),
		TEST(test_bad_headers_are_refused),
		TEST(test_every_truncation_is_refused),
		TEST(test_surplus_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
