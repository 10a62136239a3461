/* SPDX-License-Identifier: MIT */
/* Command buffers of the guest driver: what a recording's message holds. */
#include <stdlib.h>
#include <string.h>

#include "guest-driver/vk/command_buffer.h"
#include "guest-driver/vk/context.h"
#include "protocol/sl_codec.h"
#include "protocol/sl_entries.h"
#include "protocol/sl_ids.h"
#include "tests/unit/fake_guest_link.h"
#include "tests/unit/sl_test.h"

#define DRAW_COUNT 20000u /* some chunks */

struct world {
	struct sl_context *context;
	struct sl_guest_object *device;
	VkCommandPool pool;
	VkCommandBuffer commands;
};

static const VkCommandBufferBeginInfo begin_info = {
	.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	/* Ignored by primary command buffers, so an application may leave anything there. */
	.pInheritanceInfo = (const void *)(uintptr_t)8,
};

static VkCommandBuffer allocate(struct world *world, VkCommandBufferLevel level)
{
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = world->pool,
		.level = level,
		.commandBufferCount = 1,
	};
	VkCommandBuffer commands = NULL;

	assert_int_equal(sl_vkAllocateCommandBuffers((VkDevice)world->device, &info, &commands),
			 VK_SUCCESS);
	return commands;
}

static int set_up(void **state)
{
	static struct world world;
	const VkCommandPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
	};
	char why[64];

	fake_link_reset();
	assert_int_equal(sl_context_create(&world.context, why, sizeof(why)), 0);
	world.device = sl_guest_object_create_in(world.context, VK_OBJECT_TYPE_DEVICE,
						 sizeof(struct sl_guest_object));
	assert_int_equal(sl_vkCreateCommandPool((VkDevice)world.device, &info, NULL, &world.pool),
			 VK_SUCCESS);
	world.commands = allocate(&world, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	fake_link.sent = 0;
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	sl_vkDestroyCommandPool((VkDevice)world->device, world->pool, NULL);
	sl_guest_object_destroy(world->device);
	sl_context_destroy(world->context);
	return 0;
}

static uint64_t find(void *data, uint32_t object_type, uint64_t id)
{
	(void)data;
	(void)object_type;
	return id;
}

/* What the host decodes of the last message; its memory is in arena. */
static struct sl_slRecordCommandBuffer decode(struct sl_arena *arena)
{
	const struct sl_resolver resolver = { .find = find };
	struct sl_reader in = {
		.cur = fake_link.last_payload,
		.end = fake_link.last_payload + fake_link.last_payload_size,
		.arena = arena,
		.resolver = &resolver,
	};
	struct sl_slRecordCommandBuffer args = { 0 };

	assert_int_equal(fake_link.last_command_id, SL_COMMAND_slRecordCommandBuffer);
	sl_decode_slRecordCommandBuffer(&in, &args);
	assert_null(in.why);
	assert_ptr_equal(in.cur, in.end);
	return args;
}

/* Checks the headers of a stream; returns how many commands it has. */
static uint32_t count_commands(const struct sl_slRecordCommandBuffer *args, uint16_t command_id)
{
	const uint8_t *at = args->pStream;
	size_t left = args->streamSize;
	uint32_t count = 0;

	while (left > 0) {
		struct sl_wire_header header;
		assert_true(left >= sizeof(header));
		memcpy(&header, at, sizeof(header));
		assert_int_equal(header.command_id, command_id);
		assert_int_equal(header.seqno, count);
		assert_int_equal(header.size % 8, 0);
		assert_true(header.size <= left);
		at += header.size;
		left -= header.size;
		count++;
	}
	return count;
}

static void test_nothing_travels_before_the_end(void **state)
{
	struct world *world = *state;
	struct sl_arena arena;

	sl_arena_init(&arena, SL_MAX_ARENA_SIZE);
	assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
	for (uint32_t i = 0; i < DRAW_COUNT; i++) {
		sl_vkCmdDraw(world->commands, i, 1, 0, 0);
	}
	assert_int_equal(fake_link.sent, 0);
	assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_SUCCESS);
	assert_int_equal(fake_link.sent, 1);
	struct sl_slRecordCommandBuffer args = decode(&arena);
	assert_int_equal(args.pBeginInfo->flags, begin_info.flags);
	assert_null(args.pBeginInfo->pInheritanceInfo);
	assert_int_equal(count_commands(&args, SL_COMMAND_vkCmdDraw), DRAW_COUNT);
	sl_arena_finish(&arena);
}

static void test_large_commands(void **state)
{
	struct world *world = *state;
	struct sl_guest_object *buffer = sl_guest_object_create(
		world->device, VK_OBJECT_TYPE_BUFFER, sizeof(struct sl_guest_object));
	uint8_t *data = calloc(1, 65536);
	struct sl_arena arena;

	sl_arena_init(&arena, SL_MAX_ARENA_SIZE);
	assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
	for (uint32_t i = 0; i < 70; i++) {
		sl_vkCmdUpdateBuffer(world->commands, (VkBuffer)(uintptr_t)buffer, 0, 65536, data);
	}
	assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_SUCCESS);
	struct sl_slRecordCommandBuffer args = decode(&arena);
	assert_int_equal(count_commands(&args, SL_COMMAND_vkCmdUpdateBuffer), 70);
	sl_arena_finish(&arena);
	free(data);
	sl_guest_object_destroy(buffer);
}

static void test_empty_and_again(void **state)
{
	struct world *world = *state;
	struct sl_arena arena;

	sl_arena_init(&arena, SL_MAX_ARENA_SIZE);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
		for (uint32_t k = 0; k < i; k++) {
			sl_vkCmdDraw(world->commands, 3, 1, 0, 0);
		}
		assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_SUCCESS);
		struct sl_slRecordCommandBuffer args = decode(&arena);
		assert_int_equal(count_commands(&args, SL_COMMAND_vkCmdDraw), i);
	}
	sl_arena_finish(&arena);
}

static void test_inheritance_of_secondary(void **state)
{
	struct world *world = *state;
	VkCommandBuffer secondary = allocate(world, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
	const VkCommandBufferInheritanceInfo inheritance = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
		.occlusionQueryEnable = VK_TRUE,
	};
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.pInheritanceInfo = &inheritance,
	};
	struct sl_arena arena;

	sl_arena_init(&arena, SL_MAX_ARENA_SIZE);
	assert_int_equal(sl_vkBeginCommandBuffer(secondary, &info), VK_SUCCESS);
	assert_int_equal(sl_vkEndCommandBuffer(secondary), VK_SUCCESS);
	struct sl_slRecordCommandBuffer args = decode(&arena);
	assert_int_equal(args.pBeginInfo->pInheritanceInfo->occlusionQueryEnable, VK_TRUE);
	sl_arena_finish(&arena);
}

static void test_error_is_told_at_the_end(void **state)
{
	struct world *world = *state;

	assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
	sl_vkCmdDraw(world->commands, 3, 1, 0, 0);
	sl_command_buffer_fail((struct sl_command_buffer *)world->commands,
			       VK_ERROR_OUT_OF_HOST_MEMORY);
	sl_vkCmdDraw(world->commands, 3, 1, 0, 0);
	assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_ERROR_OUT_OF_HOST_MEMORY);
	assert_int_equal(fake_link.sent, 0);
	assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
	assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_SUCCESS);
}

/* What is not recording records nothing, and crashes neither. */
static void test_commands_outside_of_recording(void **state)
{
	struct world *world = *state;

	sl_vkCmdDraw(world->commands, 3, 1, 0, 0);
	assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
	assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_SUCCESS);
	sl_vkCmdDraw(world->commands, 3, 1, 0, 0);
	assert_int_equal(fake_link.sent, 1);
	assert_int_equal(sl_vkResetCommandBuffer(world->commands, 0), VK_SUCCESS);
	assert_int_equal(fake_link.sent, 1);
}

/* vkEndCommandBuffer cannot tell of a lost device; submitting the command buffer will. */
static void test_loss_is_not_told_at_the_end(void **state)
{
	struct world *world = *state;

	assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
	sl_vkCmdDraw(world->commands, 3, 1, 0, 0);
	fake_link_lose();
	assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_SUCCESS);
	assert_int_equal(fake_link.sent, 0);
}

static void lack(uint16_t command_id)
{
	fake_link.caps.commands[command_id / 32] &= ~(1u << (command_id % 32));
}

/* A host without debug utils: labels and names cannot change a result. */
static void test_labels_that_the_host_lacks(void **state)
{
	struct world *world = *state;
	const VkDebugUtilsLabelEXT label = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
		.pLabelName = "label",
	};
	const VkDebugUtilsObjectNameInfoEXT name = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
		.objectType = VK_OBJECT_TYPE_DEVICE,
		.objectHandle = (uintptr_t)world->device,
		.pObjectName = "name",
	};
	struct sl_arena arena;

	lack(SL_COMMAND_vkCmdBeginDebugUtilsLabelEXT);
	lack(SL_COMMAND_vkCmdEndDebugUtilsLabelEXT);
	lack(SL_COMMAND_vkQueueBeginDebugUtilsLabelEXT);
	lack(SL_COMMAND_vkSetDebugUtilsObjectNameEXT);
	sl_vkQueueBeginDebugUtilsLabelEXT((VkQueue)world->device, &label);
	assert_int_equal(sl_vkSetDebugUtilsObjectNameEXT((VkDevice)world->device, &name),
			 VK_SUCCESS);
	assert_int_equal(fake_link.sent, 0);

	sl_arena_init(&arena, SL_MAX_ARENA_SIZE);
	assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
	sl_vkCmdBeginDebugUtilsLabelEXT(world->commands, &label);
	sl_vkCmdDraw(world->commands, 3, 1, 0, 0);
	sl_vkCmdEndDebugUtilsLabelEXT(world->commands);
	assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_SUCCESS);
	struct sl_slRecordCommandBuffer args = decode(&arena);
	assert_int_equal(count_commands(&args, SL_COMMAND_vkCmdDraw), 1);
	sl_arena_finish(&arena);
}

/* Anything else must not be left out in silence. */
static void test_commands_that_the_host_lacks(void **state)
{
	struct world *world = *state;
	const VkEventCreateInfo info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };
	VkEvent event = VK_NULL_HANDLE;

	lack(SL_COMMAND_vkCmdDraw);
	lack(SL_COMMAND_vkCreateEvent);
	assert_int_equal(sl_vkBeginCommandBuffer(world->commands, &begin_info), VK_SUCCESS);
	sl_vkCmdDraw(world->commands, 3, 1, 0, 0);
	assert_int_equal(sl_vkEndCommandBuffer(world->commands), VK_ERROR_OUT_OF_HOST_MEMORY);
	assert_int_equal(sl_vkCreateEvent((VkDevice)world->device, &info, NULL, &event),
			 VK_ERROR_OUT_OF_HOST_MEMORY);
	assert_int_equal(fake_link.sent, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_travels_before_the_end),
		TEST(test_large_commands),
		TEST(test_empty_and_again),
		TEST(test_inheritance_of_secondary),
		TEST(test_error_is_told_at_the_end),
		TEST(test_commands_outside_of_recording),
		TEST(test_loss_is_not_told_at_the_end),
		TEST(test_labels_that_the_host_lacks),
		TEST(test_commands_that_the_host_lacks),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_link_reset();
	return failed;
}
