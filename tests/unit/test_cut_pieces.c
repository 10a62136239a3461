/* SPDX-License-Identifier: MIT */
/* From the streams of command buffers to the pieces of a submission: where they are cut, what is
 * recorded into which command buffer, what each piece waits for and signals. The driver and the
 * decoder are the test. */
#include "tests/unit/sl_test.h"

#include "host/replay/cut_priv.h"
#include "host/replay/queue.h"
#include "protocol/sl_ids.h"
#include "protocol/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS	     1000000ull
#define MAX_COMMANDS 48
#define MAX_LOG	     2048

enum {
	FIRST_BUFFER = 100, /* handles of the guest's command buffers */
	FIRST_OWN = 1000,   /* of Sluice's own */
	PIPELINE = 50,
	TIMELINE = 70,
};

struct command {
	struct sl_wire_header header;
	uint32_t words[4];
};

/* A command buffer of the guest's. */
struct buffer {
	struct sl_recording recording;
	struct command commands[MAX_COMMANDS];
};

/* What was recorded: a command of a stream, or a range. */
struct logged {
	uintptr_t buffer;
	const struct command *command; /* NULL: vkCmdDispatchBase */
	struct sl_cut_range range;
};

struct world {
	struct sl_stats stats;
	struct sl_replay replay;
	struct sl_replay_device device;
	struct sl_replay_queue queue;
	struct sl_cut_cost *pipeline;
	struct buffer buffers[3];
	VkCommandBuffer handles[3];
	VkSemaphore wait;
	VkSemaphore signals[2];
	VkPipelineStageFlags stage;
	uint64_t signal_values[2];
	uint64_t wait_value;
	VkTimelineSemaphoreSubmitInfo values;
	VkSubmitInfo info;
};

static struct {
	struct logged log[MAX_LOG];
	uint32_t count;
	uintptr_t last_buffer;
	uint16_t fails_at; /* id of a command that names an object which is gone; 0: none */
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL create_pool(VkDevice device,
						  const VkCommandPoolCreateInfo *info,
						  const VkAllocationCallbacks *allocator,
						  VkCommandPool *ret_pool)
{
	(void)device;
	(void)allocator;
	assert_int_equal(info->queueFamilyIndex, 2);
	*ret_pool = (VkCommandPool)1;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_pool(VkDevice device, VkCommandPool pool,
					       const VkAllocationCallbacks *allocator)
{
	(void)device;
	(void)pool;
	(void)allocator;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_buffers(VkDevice device,
						       const VkCommandBufferAllocateInfo *info,
						       VkCommandBuffer *ret_buffer)
{
	(void)device;
	assert_int_equal(info->commandBufferCount, 1);
	*ret_buffer = (VkCommandBuffer)++driver.last_buffer;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL begin_buffer(VkCommandBuffer buffer,
						   const VkCommandBufferBeginInfo *info)
{
	(void)buffer;
	(void)info;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL end_buffer(VkCommandBuffer buffer)
{
	(void)buffer;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL dispatch_base(VkCommandBuffer buffer, uint32_t base_x,
						uint32_t base_y, uint32_t base_z, uint32_t x,
						uint32_t y, uint32_t z)
{
	assert_true(driver.count < MAX_LOG);
	driver.log[driver.count++] = (struct logged){
		.buffer = (uintptr_t)buffer,
		.range = { { base_x, base_y, base_z }, { x, y, z } },
	};
}

/* The decoder, as far as the plan looks into commands; else what is to be recorded. */
static void look(const struct sl_ops *ops, struct sl_object *object, const struct command *command)
{
	VkCommandBuffer secondary = (VkCommandBuffer)(uintptr_t)command->words[0];
	const VkRenderingInfo rendering = { .flags = command->words[0] };
	struct sl_vkCmdBindPipeline bind = {
		.self = object,
		.pipelineBindPoint = (VkPipelineBindPoint)command->words[0],
		.pipeline = (VkPipeline)(uintptr_t)command->words[1],
	};
	struct sl_vkCmdBeginRendering begin = { .self = object, .pRenderingInfo = &rendering };
	struct sl_vkCmdExecuteCommands execute = { .self = object,
						   .commandBufferCount = 1,
						   .pCommandBuffers = &secondary };

	if (command->header.command_id == SL_COMMAND_vkCmdBindPipeline) {
		ops->vkCmdBindPipeline(NULL, &bind);
	} else if (command->header.command_id == SL_COMMAND_vkCmdBeginRendering) {
		ops->vkCmdBeginRendering(NULL, &begin);
	} else if (command->header.command_id == SL_COMMAND_vkCmdExecuteCommands) {
		ops->vkCmdExecuteCommands(NULL, &execute);
	} else {
		fail();
	}
}

static int run_commands(void *data, const struct sl_ops *ops, struct sl_object *object,
			const uint8_t *commands, size_t size)
{
	const struct command *command = (const struct command *)commands;

	(void)data;
	for (size_t at = 0; at < size; at += sizeof(*command), command++) {
		if (ops != &sl_replay_ops) {
			look(ops, object, command);
			continue;
		}
		if (command->header.command_id == driver.fails_at) {
			return -EBADMSG;
		}
		assert_true(driver.count < MAX_LOG);
		driver.log[driver.count++] =
			(struct logged){ .buffer = object->handle, .command = command };
	}
	return 0;
}

static void start(struct world *world)
{
	*world = (struct world){ 0 };
	memset(&driver, 0, sizeof(driver));
	driver.last_buffer = FIRST_OWN;
	world->replay.options.stats = &world->stats;
	world->replay.options.link.run_commands = run_commands;
	sl_arena_init(&world->replay.scratch, 1 << 24);
	pthread_mutex_init(&world->replay.gate.lock, NULL);
	world->device.replay = &world->replay;
	world->device.vkd = (struct sl_vk_device_table){
		.CreateCommandPool = create_pool,
		.DestroyCommandPool = destroy_pool,
		.AllocateCommandBuffers = allocate_buffers,
		.BeginCommandBuffer = begin_buffer,
		.EndCommandBuffer = end_buffer,
		.CmdDispatchBase = dispatch_base,
	};
	sl_cutter_init(&world->device.cutter);
	/* A transfer takes 1 ms; so do beginning a scope and each draw in it. */
	world->device.cutter.work.unit_ps = 1000 * MS;
	world->device.cutter.scope.unit_ps = 1000 * MS;
	world->pipeline = sl_cut_cost_create(SL_SPIRV_DIVISIBLE);
	assert_non_null(world->pipeline);
	sl_handle_map_put(&world->device.pipelines, PIPELINE, world->pipeline);
	world->queue.device = &world->device;
	world->queue.family = 2;
	world->queue.timeline = (VkSemaphore)TIMELINE;
	for (uint32_t i = 0; i < 3; i++) {
		struct buffer *buffer = &world->buffers[i];

		world->handles[i] = (VkCommandBuffer)(uintptr_t)(FIRST_BUFFER + i);
		buffer->recording.cost = sl_cut_cost_create(SL_SPIRV_UNREADABLE);
		buffer->recording.stream = (const uint8_t *)buffer->commands;
		sl_handle_map_put(&world->device.recorded, FIRST_BUFFER + i, &buffer->recording);
	}
}

static void stop(struct world *world)
{
	sl_cutter_finish(&world->device);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(world->buffers[i].recording.cost->refs, 1);
		sl_cut_cost_unref(world->buffers[i].recording.cost);
	}
	assert_int_equal(world->pipeline->refs, 1);
	sl_cut_cost_unref(world->pipeline);
	assert_int_equal(world->device.cutter.work.refs, 1);
	assert_int_equal(world->device.cutter.scope.refs, 1);
	sl_handle_map_finish(&world->device.recorded);
	sl_handle_map_finish(&world->device.pipelines);
	sl_arena_finish(&world->replay.scratch);
	pthread_mutex_destroy(&world->replay.gate.lock);
}

static void add(struct world *world, int buffer, uint16_t id, uint32_t a, uint32_t b, uint32_t c)
{
	struct sl_recording *recording = &world->buffers[buffer].recording;
	size_t at = recording->stream_size / sizeof(struct command);

	assert_true(at < MAX_COMMANDS);
	world->buffers[buffer].commands[at] = (struct command){
		.header = { .size = sizeof(struct command), .command_id = id },
		.words = { a, b, c },
	};
	recording->stream_size += sizeof(struct command);
}

static void add_copies(struct world *world, int buffer, int count)
{
	for (int i = 0; i < count; i++) {
		add(world, buffer, SL_COMMAND_vkCmdCopyBuffer, (uint32_t)i, 0, 0);
	}
}

static void bind_pipeline(struct world *world, int buffer)
{
	add(world, buffer, SL_COMMAND_vkCmdBindPipeline, VK_PIPELINE_BIND_POINT_COMPUTE, PIPELINE,
	    0);
}

/* One batch of command buffers, which waits for a semaphore, signals another one to 5, and its
 * queue's number. */
static struct sl_submission make_submission(struct world *world, uint32_t count)
{
	world->wait = (VkSemaphore)71;
	world->wait_value = 3;
	world->signals[0] = (VkSemaphore)72;
	world->signals[1] = world->queue.timeline;
	world->signal_values[0] = 5;
	world->signal_values[1] = sl_cut_value(9, 0);
	world->values = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &world->wait_value,
		.signalSemaphoreValueCount = 2,
		.pSignalSemaphoreValues = world->signal_values,
	};
	world->info = (VkSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &world->values,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &world->wait,
		.pWaitDstStageMask = &world->stage,
		.commandBufferCount = count,
		.pCommandBuffers = world->handles,
		.signalSemaphoreCount = 2,
		.pSignalSemaphores = world->signals,
	};
	return (struct sl_submission){
		.queue = &world->queue,
		.kind = SL_SUBMISSION_SUBMIT,
		.number = 9,
		.batch_count = 1,
		.batches = &world->info,
	};
}

static struct sl_cut *cut(struct world *world, uint32_t count, uint64_t target_ns)
{
	const struct sl_submission submission = make_submission(world, count);
	struct sl_cut *cut = sl_cut_create(&submission, target_ns);

	assert_non_null(cut);
	return cut;
}

/* Each piece by itself. */
static struct sl_cut_part take(struct sl_cut *cut)
{
	struct sl_cut_part part;

	sl_cut_take(cut, true, 0, &part);
	return part;
}

static void finish(struct sl_cut *cut)
{
	while (!sl_cut_is_taken(cut)) {
		take(cut);
	}
	sl_cut_complete(cut, 0, cut->piece_count, 0);
}

static const VkSubmitInfo *batch_of(const struct sl_cut_part *part)
{
	assert_non_null(part->batches);
	return (const VkSubmitInfo *)part->batches + part->first_batch;
}

/* What was recorded into a command buffer is this. */
static void assert_recorded(VkCommandBuffer buffer, const struct command *const *commands,
			    uint32_t count)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < driver.count; i++) {
		if (driver.log[i].buffer == (uintptr_t)buffer) {
			assert_true(at < count);
			assert_ptr_equal(driver.log[i].command, commands[at++]);
		}
	}
	assert_int_equal(at, count);
}

static uint64_t count_whole(const struct world *world, enum sl_stats_whole why)
{
	return sl_stats_get(&world->stats.left_whole[why]);
}

/* The guest's own command buffer goes to the driver. */
static void assert_left_whole(struct world *world, enum sl_stats_whole why)
{
	struct sl_cut *whole = cut(world, 1, 2 * MS);
	struct sl_cut_part part = take(whole);

	assert_null(part.batches);
	assert_true(sl_cut_is_taken(whole));
	assert_int_equal(part.value, sl_cut_value(9, 0));
	assert_int_equal(count_whole(world, why), 1);
	finish(whole);
}

static void test_pieces_are_as_long_as_asked(void **state)
{
	struct world world;

	start(&world);
	add_copies(&world, 0, 5);
	struct sl_cut *pieces = cut(&world, 1, 2 * MS);

	assert_int_equal(pieces->piece_count, 3);
	for (int i = 0; i < 3; i++) {
		struct sl_cut_part part = take(pieces);
		const struct command *at = &world.buffers[0].commands[2 * i];

		assert_int_equal(part.batch_count, 1);
		assert_int_equal(batch_of(&part)->commandBufferCount, 1);
		assert_recorded(batch_of(&part)->pCommandBuffers[0],
				(const struct command *[]){ at, at + 1 }, i < 2 ? 2 : 1);
	}
	finish(pieces);
	/* As many at once as fit. */
	pieces = cut(&world, 1, 2 * MS);
	struct sl_cut_part part;

	sl_cut_take(pieces, true, 4 * MS, &part);
	assert_int_equal(part.end_piece, 2);
	assert_int_equal(part.batch_count, 2);
	finish(pieces);
	stop(&world);
	(void)state;
}

static void test_what_fits_is_left_as_it_is(void **state)
{
	struct world world;

	start(&world);
	add_copies(&world, 0, 8);
	struct sl_cut *whole = cut(&world, 1, 4 * MS); /* it would be two pieces */
	struct sl_cut_part part = take(whole);

	assert_null(part.batches);
	assert_int_equal(driver.count, 0);
	finish(whole);
	add_copies(&world, 0, 1);
	struct sl_cut *pieces = cut(&world, 1, 4 * MS);
	assert_int_equal(pieces->piece_count, 3);
	assert_non_null(take(pieces).batches);
	finish(pieces);
	stop(&world);
	(void)state;
}

/* The first piece waits, the last one signals; the queue's timeline counts them in between. */
static void test_waits_and_signals_are_at_the_ends(void **state)
{
	struct world world;

	start(&world);
	add_copies(&world, 0, 3);
	struct sl_cut *pieces = cut(&world, 1, MS);

	assert_int_equal(pieces->piece_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		struct sl_cut_part part = take(pieces);
		const VkSubmitInfo *info = batch_of(&part);
		const VkTimelineSemaphoreSubmitInfo *values = info->pNext;
		uint64_t value = i < 2 ? sl_cut_value(8, i + 1) : sl_cut_value(9, 0);

		assert_int_equal(part.value, value);
		assert_int_equal(info->waitSemaphoreCount, i == 0 ? 1 : 0);
		if (i == 0) {
			assert_ptr_equal(info->pWaitSemaphores[0], world.wait);
			assert_int_equal(values->pWaitSemaphoreValues[0], 3);
		}
		assert_int_equal(info->signalSemaphoreCount, i < 2 ? 1 : 2);
		assert_ptr_equal(info->pSignalSemaphores[info->signalSemaphoreCount - 1],
				 world.queue.timeline);
		assert_int_equal(values->pSignalSemaphoreValues[info->signalSemaphoreCount - 1],
				 value);
		if (i == 2) {
			assert_ptr_equal(info->pSignalSemaphores[0], world.signals[0]);
			assert_int_equal(values->pSignalSemaphoreValues[0], 5);
		}
	}
	finish(pieces);
	stop(&world);
	(void)state;
}

static void test_each_piece_begins_with_the_state(void **state)
{
	struct world world;
	const struct command *all = world.buffers[0].commands;

	start(&world);
	add(&world, 0, SL_COMMAND_vkCmdSetLineWidth, 1, 0, 0);
	add(&world, 0, SL_COMMAND_vkCmdSetViewport, 0, 1, 5);
	add(&world, 0, SL_COMMAND_vkCmdCopyBuffer, 0, 0, 0);
	add(&world, 0, SL_COMMAND_vkCmdPipelineBarrier, 0, 0, 0); /* once only */
	add(&world, 0, SL_COMMAND_vkCmdSetLineWidth, 2, 0, 0);	  /* instead of the first */
	add(&world, 0, SL_COMMAND_vkCmdCopyBuffer, 1, 0, 0);
	add(&world, 0, SL_COMMAND_vkCmdSetViewport, 0, 1, 6);
	add(&world, 0, SL_COMMAND_vkCmdCopyBuffer, 2, 0, 0);
	struct sl_cut *pieces = cut(&world, 1, MS);

	assert_int_equal(pieces->piece_count, 3);
	struct sl_cut_part first = take(pieces);
	struct sl_cut_part second = take(pieces);
	struct sl_cut_part third = take(pieces);

	assert_recorded(batch_of(&first)->pCommandBuffers[0],
			(const struct command *[]){ &all[0], &all[1], &all[2], &all[3], &all[4] },
			5);
	assert_recorded(batch_of(&second)->pCommandBuffers[0],
			(const struct command *[]){ &all[1], &all[4], &all[5], &all[6] }, 4);
	assert_recorded(batch_of(&third)->pCommandBuffers[0],
			(const struct command *[]){ &all[4], &all[6], &all[7] }, 3);
	finish(pieces);
	stop(&world);
	(void)state;
}

/* A second command buffer begins without the state of the first. */
static void test_state_ends_with_its_command_buffer(void **state)
{
	struct world world;

	start(&world);
	add(&world, 0, SL_COMMAND_vkCmdSetLineWidth, 1, 0, 0);
	add_copies(&world, 0, 1);
	add_copies(&world, 1, 2);
	struct sl_cut *pieces = cut(&world, 2, MS);

	assert_int_equal(pieces->piece_count, 3);
	struct sl_cut_part part = take(pieces);

	/* It fits into a piece: itself. */
	assert_ptr_equal(batch_of(&part)->pCommandBuffers[0], world.handles[0]);
	part = take(pieces);
	assert_recorded(batch_of(&part)->pCommandBuffers[0],
			(const struct command *[]){ &world.buffers[1].commands[0] }, 1);
	part = take(pieces);
	assert_recorded(batch_of(&part)->pCommandBuffers[0],
			(const struct command *[]){ &world.buffers[1].commands[1] }, 1);
	finish(pieces);
	stop(&world);
	(void)state;
}

static void test_a_dispatch_becomes_ranges(void **state)
{
	struct world world;
	uint32_t groups = 0;

	start(&world);
	bind_pipeline(&world, 0);
	add(&world, 0, SL_COMMAND_vkCmdDispatch, 10, 10, 1);
	world.pipeline->unit_ps = 1000 * MS / 10; /* 10 ms altogether */
	struct sl_cut *pieces = cut(&world, 1, 2 * MS);

	assert_int_equal(pieces->piece_count, 5);
	for (int i = 0; i < 5; i++) {
		struct sl_cut_part part = take(pieces);
		const VkSubmitInfo *info = batch_of(&part);
		VkCommandBuffer range = info->pCommandBuffers[info->commandBufferCount - 1];
		const struct logged *logged = driver.log;

		while (logged->buffer != (uintptr_t)range) {
			logged++;
		}
		/* The pipeline, then workgroups. */
		assert_ptr_equal(logged[0].command, &world.buffers[0].commands[0]);
		assert_null(logged[1].command);
		assert_int_equal(logged[1].range.base[1] * 10, groups);
		groups += (uint32_t)sl_cut_range_get_groups(&logged[1].range);
	}
	assert_int_equal(groups, 100);
	finish(pieces);
	stop(&world);
	(void)state;
}

/* Of an unknown pipeline the first range goes alone, and tells how many may follow at once. */
static void test_the_first_range_teaches(void **state)
{
	struct world world;
	struct sl_cut_part part;

	start(&world);
	bind_pipeline(&world, 0);
	add(&world, 0, SL_COMMAND_vkCmdDispatch, 640, 1, 1);
	struct sl_cut *pieces = cut(&world, 1, MS);

	assert_int_equal(pieces->piece_count, 64);
	sl_cut_take(pieces, true, MS, &part);
	assert_int_equal(part.end_piece, 1);
	sl_cut_complete(pieces, 0, 1, 100000); /* 0.1 ms for 10 workgroups */
	assert_int_equal(world.pipeline->unit_ps, 10000000);
	sl_cut_take(pieces, true, MS, &part);
	assert_int_equal(part.end_piece, 11);
	/* It took twice as long: half of that is believed. */
	sl_cut_complete(pieces, 1, 11, 2 * MS);
	assert_int_equal(world.pipeline->unit_ps, 15000000);
	while (!sl_cut_is_taken(pieces)) {
		take(pieces);
	}
	sl_cut_complete(pieces, 11, 64, 0);
	stop(&world);
	(void)state;
}

static void test_dispatches_that_stay_whole(void **state)
{
	static const struct {
		enum sl_spirv_verdict verdict;
		enum sl_stats_whole why;
	} cases[] = {
		{ SL_SPIRV_READS_COUNT, SL_STATS_WHOLE_READS_COUNT },
		{ SL_SPIRV_MAY_WAIT, SL_STATS_WHOLE_MAY_WAIT },
		{ SL_SPIRV_UNREADABLE, SL_STATS_WHOLE_SHADER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world;

		start(&world);
		world.pipeline->verdict = cases[i].verdict;
		world.pipeline->unit_ps = 1000 * MS;
		bind_pipeline(&world, 0);
		add(&world, 0, SL_COMMAND_vkCmdDispatch, 100, 1, 1);
		assert_left_whole(&world, cases[i].why);
		stop(&world);
	}
	(void)state;
}

/* Queries, conditional rendering and render passes are cut around, not into. */
static void test_scopes_are_cut_around(void **state)
{
	static const uint16_t scopes[][2] = {
		{ SL_COMMAND_vkCmdBeginQuery, SL_COMMAND_vkCmdEndQuery },
		{ SL_COMMAND_vkCmdBeginConditionalRenderingEXT,
		  SL_COMMAND_vkCmdEndConditionalRenderingEXT },
		{ SL_COMMAND_vkCmdBeginRenderPass, SL_COMMAND_vkCmdEndRenderPass },
		{ SL_COMMAND_vkCmdBeginRendering, SL_COMMAND_vkCmdEndRendering },
	};

	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		struct world world;
		const struct command *all = world.buffers[0].commands;

		start(&world);
		add_copies(&world, 0, 1);
		add(&world, 0, scopes[i][0], 0, 0, 0);
		add_copies(&world, 0, 4);
		add(&world, 0, scopes[i][1], 0, 0, 0);
		add_copies(&world, 0, 1);
		struct sl_cut *pieces = cut(&world, 1, 2 * MS);

		assert_int_equal(pieces->piece_count, 3);
		assert_int_equal(count_whole(&world, SL_STATS_WHOLE_SCOPE), 1);
		take(pieces);
		struct sl_cut_part part = take(pieces);

		assert_recorded(batch_of(&part)->pCommandBuffers[0],
				(const struct command *[]){ &all[1], &all[2], &all[3], &all[4],
							    &all[5], &all[6] },
				6);
		finish(pieces);
		stop(&world);
	}
	(void)state;
}

/* A query around a render pass is one scope; a long dispatch in it is not divided. */
static void test_scopes_may_be_nested(void **state)
{
	struct world world;

	start(&world);
	world.pipeline->unit_ps = 1000 * MS;
	bind_pipeline(&world, 0);
	add(&world, 0, SL_COMMAND_vkCmdBeginQuery, 0, 0, 0);
	add(&world, 0, SL_COMMAND_vkCmdBeginRenderPass, 0, 0, 0);
	add(&world, 0, SL_COMMAND_vkCmdDraw, 0, 0, 0);
	add(&world, 0, SL_COMMAND_vkCmdEndRenderPass, 0, 0, 0);
	add(&world, 0, SL_COMMAND_vkCmdDispatch, 100, 1, 1);
	add(&world, 0, SL_COMMAND_vkCmdEndQuery, 0, 0, 0);
	struct sl_cut *whole = cut(&world, 1, MS);

	assert_null(take(whole).batches);
	/* The scope, and the dispatch. */
	assert_int_equal(count_whole(&world, SL_STATS_WHOLE_SCOPE), 2);
	finish(whole);
	stop(&world);
	(void)state;
}

static void test_what_is_not_understood_stays_whole(void **state)
{
	struct world world;

	start(&world);
	add_copies(&world, 0, 5);
	add(&world, 0, SL_COMMAND_vkCmdSetDeviceMask, 1, 0, 0);
	assert_left_whole(&world, SL_STATS_WHOLE_COMMAND);
	stop(&world);
	/* A scope that does not end, and the end of none. */
	start(&world);
	add(&world, 0, SL_COMMAND_vkCmdBeginQuery, 0, 0, 0);
	add_copies(&world, 0, 5);
	assert_left_whole(&world, SL_STATS_WHOLE_COMMAND);
	stop(&world);
	start(&world);
	add_copies(&world, 0, 5);
	add(&world, 0, SL_COMMAND_vkCmdEndQuery, 0, 0, 0);
	assert_left_whole(&world, SL_STATS_WHOLE_COMMAND);
	stop(&world);
	start(&world);
	add_copies(&world, 0, 5);
	add(&world, 0, SL_COMMAND_vkCmdBeginRendering, VK_RENDERING_SUSPENDING_BIT, 0, 0);
	add(&world, 0, SL_COMMAND_vkCmdEndRendering, 0, 0, 0);
	assert_left_whole(&world, SL_STATS_WHOLE_SUSPENDED);
	stop(&world);
	(void)state;
}

/* Beside a command buffer that stays whole, another one is cut all the same. */
static void test_one_refused_does_not_keep_the_other(void **state)
{
	struct world world;

	start(&world);
	add_copies(&world, 0, 2);
	add(&world, 0, SL_COMMAND_vkCmdSetDeviceMask, 1, 0, 0);
	add_copies(&world, 1, 3);
	world.buffers[0].recording.cost->unit_ps = 2000 * MS;
	struct sl_cut *pieces = cut(&world, 2, MS);

	assert_int_equal(count_whole(&world, SL_STATS_WHOLE_COMMAND), 1);
	assert_int_equal(pieces->piece_count, 4);
	struct sl_cut_part part = take(pieces);

	assert_ptr_equal(batch_of(&part)->pCommandBuffers[0], world.handles[0]);
	finish(pieces);
	stop(&world);
	(void)state;
}

static void test_secondary_command_buffers(void **state)
{
	struct world world;

	/* Executed once more it would be lost to the first. */
	start(&world);
	add_copies(&world, 0, 2);
	add(&world, 0, SL_COMMAND_vkCmdExecuteCommands, FIRST_BUFFER + 2, 0, 0);
	add_copies(&world, 0, 2);
	assert_left_whole(&world, SL_STATS_WHOLE_SECONDARY);
	stop(&world);

	start(&world);
	const struct command *all = world.buffers[0].commands;

	world.buffers[2].recording.is_simultaneous = true;
	add_copies(&world, 0, 2);
	add(&world, 0, SL_COMMAND_vkCmdExecuteCommands, FIRST_BUFFER + 2, 0, 0);
	add_copies(&world, 0, 2);
	struct sl_cut *pieces = cut(&world, 1, 2 * MS);

	assert_int_equal(pieces->piece_count, 3);
	take(pieces);
	struct sl_cut_part part = take(pieces);

	assert_recorded(batch_of(&part)->pCommandBuffers[0],
			(const struct command *[]){ &all[2], &all[3] }, 2);
	finish(pieces);
	stop(&world);
	(void)state;
}

/* A command buffer that is submitted again, while its pieces are under way, gets other ones; those
 * that have completed are used again. */
static void test_each_submission_has_its_own_pieces(void **state)
{
	struct world world;

	start(&world);
	add_copies(&world, 0, 3);
	struct sl_cut *first = cut(&world, 1, MS);
	struct sl_cut_part part = take(first);
	VkCommandBuffer under_way = batch_of(&part)->pCommandBuffers[0];
	struct sl_cut *second = cut(&world, 1, MS);

	for (int i = 0; i < 3; i++) {
		part = take(second);
		assert_ptr_not_equal(batch_of(&part)->pCommandBuffers[0], under_way);
	}
	assert_int_equal(driver.last_buffer, FIRST_OWN + 6);
	finish(first);
	finish(second);
	finish(cut(&world, 1, MS));
	assert_int_equal(driver.last_buffer, FIRST_OWN + 6);
	stop(&world);
	(void)state;
}

/* What the guest destroyed since it recorded keeps the submission whole; nothing is lost. */
static void test_objects_that_are_gone(void **state)
{
	struct world world;

	start(&world);
	add_copies(&world, 0, 4);
	add(&world, 0, SL_COMMAND_vkCmdFillBuffer, 0, 0, 0);
	driver.fails_at = SL_COMMAND_vkCmdFillBuffer;
	assert_left_whole(&world, SL_STATS_WHOLE_OBJECT);
	assert_int_equal(driver.last_buffer, FIRST_OWN + 3);
	driver.fails_at = 0;
	finish(cut(&world, 1, MS));
	assert_int_equal(driver.last_buffer, FIRST_OWN + 5);
	stop(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_as_long_as_asked),
		cmocka_unit_test(test_what_fits_is_left_as_it_is),
		cmocka_unit_test(test_waits_and_signals_are_at_the_ends),
		cmocka_unit_test(test_each_piece_begins_with_the_state),
		cmocka_unit_test(test_state_ends_with_its_command_buffer),
		cmocka_unit_test(test_a_dispatch_becomes_ranges),
		cmocka_unit_test(test_the_first_range_teaches),
		cmocka_unit_test(test_dispatches_that_stay_whole),
		cmocka_unit_test(test_scopes_are_cut_around),
		cmocka_unit_test(test_scopes_may_be_nested),
		cmocka_unit_test(test_what_is_not_understood_stays_whole),
		cmocka_unit_test(test_one_refused_does_not_keep_the_other),
		cmocka_unit_test(test_secondary_command_buffers),
		cmocka_unit_test(test_each_submission_has_its_own_pieces),
		cmocka_unit_test(test_objects_that_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
