/* SPDX-License-Identifier: MIT */
/* SLUICE_TRACE: one whole line for each command, whatever other threads do. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/object.h"
#include "protocol/sl_entries.h"
#include "tests/unit/fake_guest_link.h"
#include "tests/unit/sl_test.h"

#define THREAD_COUNT 4u
#define DRAW_COUNT   200u
#define DRAW_SIZE    32u /* header and four words */

struct recorder {
	VkCommandPool pool;
	VkCommandBuffer commands;
	pthread_t thread;
};

struct world {
	struct sl_context *context;
	struct sl_guest_object *device;
	struct recorder recorders[THREAD_COUNT];
};

static int set_up(void **state)
{
	static struct world world;
	const VkCommandPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
	};
	char why[64];

	fake_link_reset();
	assert_int_equal(sl_context_create(&world.context, why, sizeof(why)), 0);
	world.device = sl_guest_object_create_in(world.context, VK_OBJECT_TYPE_DEVICE,
						 sizeof(*world.device));
	for (uint32_t i = 0; i < THREAD_COUNT; i++) {
		struct recorder *recorder = &world.recorders[i];
		VkCommandBufferAllocateInfo allocate_info = {
			.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
			.commandBufferCount = 1,
		};
		assert_int_equal(sl_vkCreateCommandPool((VkDevice)world.device, &info, NULL,
							&recorder->pool),
				 VK_SUCCESS);
		allocate_info.commandPool = recorder->pool;
		assert_int_equal(sl_vkAllocateCommandBuffers((VkDevice)world.device, &allocate_info,
							     &recorder->commands),
				 VK_SUCCESS);
	}
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	for (uint32_t i = 0; i < THREAD_COUNT; i++) {
		sl_vkDestroyCommandPool((VkDevice)world->device, world->recorders[i].pool, NULL);
	}
	sl_guest_object_destroy(world->device);
	sl_context_destroy(world->context);
	return 0;
}

static void *record(void *data)
{
	struct recorder *recorder = data;

	for (uint32_t i = 0; i < DRAW_COUNT; i++) {
		sl_vkCmdDraw(recorder->commands, 3, 1, i, 0);
	}
	return NULL;
}

static void begin_and_record(struct world *world)
{
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	for (uint32_t i = 0; i < THREAD_COUNT; i++) {
		assert_int_equal(sl_vkBeginCommandBuffer(world->recorders[i].commands, &info),
				 VK_SUCCESS);
	}
	for (uint32_t i = 0; i < THREAD_COUNT; i++) {
		assert_int_equal(pthread_create(&world->recorders[i].thread, NULL, record,
						&world->recorders[i]),
				 0);
	}
	for (uint32_t i = 0; i < THREAD_COUNT; i++) {
		assert_int_equal(pthread_join(world->recorders[i].thread, NULL), 0);
	}
	for (uint32_t i = 0; i < THREAD_COUNT; i++) {
		assert_int_equal(sl_vkEndCommandBuffer(world->recorders[i].commands), VK_SUCCESS);
	}
}

/* What the recordings write to stderr, as one string for free(). */
static char *trace(struct world *world)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	int saved = dup(STDERR_FILENO);

	assert_true(fd >= 0 && saved >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	world->context->trace = true;
	begin_and_record(world);
	world->context->trace = false;
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	off_t size = lseek(fd, 0, SEEK_END);
	assert_true(size > 0);
	char *text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)size, 0), size);
	close(fd);
	return text;
}

static void test_lines_are_whole(void **state)
{
	struct world *world = *state;
	char *text = trace(world);
	uint32_t draws = 0, recordings = 0;
	uint64_t id, size, first;
	char rest[64];
	char *next = NULL;

	for (char *line = strtok_r(text, "\n", &next); line != NULL;
	     line = strtok_r(NULL, "\n", &next)) {
		if (sscanf(line,
			   "vkCmdDraw(commandBuffer=#%" SCNx64 ", vertexCount=3, instanceCount=1, "
			   "firstVertex=%" SCNu64 ", firstInstance=0%63s",
			   &id, &first, rest) == 3) {
			assert_string_equal(rest, ")");
			draws++;
			continue;
		}
		/* After its commands, with the bytes that they took. */
		assert_int_equal(
			sscanf(line,
			       "slRecordCommandBuffer(commandBuffer=#%" SCNx64
			       ", pBeginInfo={flags=COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT, "
			       "pInheritanceInfo=NULL}, streamSize=%" SCNu64 ", %63s",
			       &id, &size, rest),
			3);
		assert_int_equal(id,
				 ((struct sl_guest_object *)world->recorders[recordings].commands)
					 ->handle.id);
		assert_int_equal(size, DRAW_COUNT * DRAW_SIZE);
		assert_int_equal(draws, THREAD_COUNT * DRAW_COUNT);
		recordings++;
	}
	assert_int_equal(recordings, THREAD_COUNT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines_are_whole, set_up, tear_down),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_link_reset();
	return failed;
}
