/* SPDX-License-Identifier: MIT */
/* GPU timestamps with a driver that is the test: clocks that wrap around, and what is put around a
 * call of the driver. */
#include "host/replay/stamp.h"

#include "sl_test.h"

#include <string.h>

#include "host/replay/replay_priv.h"

enum {
	FAMILY_ALL,
	FAMILY_COPIES,
	FAMILY_NO_CLOCK,
	FAMILY_COUNT,
};

/* What the driver was asked for. */
static struct {
	uint64_t ticks[2 * SL_STAMP_SLOTS];
	VkResult create_result;
	VkResult read_result;
	uint32_t pools;	   /* that exist */
	uint32_t recorded; /* command buffers */
	uint32_t queue_resets;
	uint32_t host_resets;
	uintptr_t last_handle;
} driver;

static VKAPI_ATTR void VKAPI_CALL get_families(VkPhysicalDevice device, uint32_t *count,
					       VkQueueFamilyProperties *families)
{
	(void)device;
	*count = FAMILY_COUNT;
	if (families == NULL) {
		return;
	}
	families[FAMILY_ALL] = (VkQueueFamilyProperties){
		.queueFlags = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT,
		.timestampValidBits = 36,
	};
	families[FAMILY_COPIES] = (VkQueueFamilyProperties){
		.queueFlags = VK_QUEUE_TRANSFER_BIT,
		.timestampValidBits = 64,
	};
	families[FAMILY_NO_CLOCK] = (VkQueueFamilyProperties){
		.queueFlags = VK_QUEUE_COMPUTE_BIT,
	};
}

static VKAPI_ATTR VkResult VKAPI_CALL create_queries(VkDevice device,
						     const VkQueryPoolCreateInfo *info,
						     const VkAllocationCallbacks *allocator,
						     VkQueryPool *ret_pool)
{
	(void)device;
	(void)allocator;
	assert_int_equal(info->queryType, VK_QUERY_TYPE_TIMESTAMP);
	assert_int_equal(info->queryCount, 2 * SL_STAMP_SLOTS);
	if (driver.create_result == VK_SUCCESS) {
		*ret_pool = (VkQueryPool)++driver.last_handle;
		driver.pools++;
	}
	return driver.create_result;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_pool(VkDevice device,
						  const VkCommandPoolCreateInfo *info,
						  const VkAllocationCallbacks *allocator,
						  VkCommandPool *ret_pool)
{
	(void)device;
	(void)info;
	(void)allocator;
	*ret_pool = (VkCommandPool)++driver.last_handle;
	driver.pools++;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_queries(VkDevice device, VkQueryPool pool,
						  const VkAllocationCallbacks *allocator)
{
	(void)device;
	(void)allocator;
	driver.pools -= pool != VK_NULL_HANDLE;
}

static VKAPI_ATTR void VKAPI_CALL destroy_pool(VkDevice device, VkCommandPool pool,
					       const VkAllocationCallbacks *allocator)
{
	(void)device;
	(void)allocator;
	driver.pools -= pool != VK_NULL_HANDLE;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_commands(VkDevice device,
							const VkCommandBufferAllocateInfo *info,
							VkCommandBuffer *commands)
{
	(void)device;
	for (uint32_t i = 0; i < info->commandBufferCount; i++) {
		commands[i] = (VkCommandBuffer)++driver.last_handle;
	}
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL begin_commands(VkCommandBuffer commands,
						     const VkCommandBufferBeginInfo *info)
{
	(void)commands;
	/* A slot's are submitted many times. */
	assert_int_equal(info->flags, 0);
	driver.recorded++;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL end_commands(VkCommandBuffer commands)
{
	(void)commands;
	return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL reset_on_queue(VkCommandBuffer commands, VkQueryPool pool,
						 uint32_t first, uint32_t count)
{
	(void)commands;
	(void)pool;
	assert_int_equal(first % 2, 0);
	assert_int_equal(count, 2);
	driver.queue_resets++;
}

static VKAPI_ATTR void VKAPI_CALL reset_by_host(VkDevice device, VkQueryPool pool, uint32_t first,
						uint32_t count)
{
	(void)device;
	(void)pool;
	assert_int_equal(first % 2, 0);
	assert_int_equal(count, 2);
	driver.host_resets++;
}

static VKAPI_ATTR void VKAPI_CALL write_stamp(VkCommandBuffer commands,
					      VkPipelineStageFlagBits stage, VkQueryPool pool,
					      uint32_t query)
{
	(void)commands;
	(void)pool;
	assert_int_equal(stage, query % 2 == 0 ? VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT
					       : VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT);
}

static VKAPI_ATTR VkResult VKAPI_CALL get_results(VkDevice device, VkQueryPool pool, uint32_t first,
						  uint32_t count, size_t size, void *data,
						  VkDeviceSize stride, VkQueryResultFlags flags)
{
	(void)device;
	(void)pool;
	assert_int_equal(flags, VK_QUERY_RESULT_64_BIT);
	assert_int_equal(count * stride, size);
	memcpy(data, &driver.ticks[first], size);
	return driver.read_result;
}

struct world {
	struct sl_replay replay;
	struct sl_gpu_device gpu;
	struct sl_replay_physical_device physical;
	struct sl_replay_device device;
	struct sl_stamps stamps;
};

static void start(struct world *world, uint32_t family, bool resets_queries)
{
	memset(&driver, 0, sizeof(driver));
	*world = (struct world){ 0 };
	world->replay.vki.GetPhysicalDeviceQueueFamilyProperties = get_families;
	world->gpu.properties.limits.timestampPeriod = 2.5f;
	world->physical.gpu = &world->gpu;
	world->device = (struct sl_replay_device){
		.replay = &world->replay,
		.physical = &world->physical,
		.resets_queries = resets_queries,
		.vkd = {
			.CreateQueryPool = create_queries,
			.DestroyQueryPool = destroy_queries,
			.GetQueryPoolResults = get_results,
			.ResetQueryPool = reset_by_host,
			.CreateCommandPool = create_pool,
			.DestroyCommandPool = destroy_pool,
			.AllocateCommandBuffers = allocate_commands,
			.BeginCommandBuffer = begin_commands,
			.EndCommandBuffer = end_commands,
			.CmdResetQueryPool = reset_on_queue,
			.CmdWriteTimestamp = write_stamp,
		},
	};
	sl_stamps_init(&world->stamps, &world->device, family);
}

static void stop(struct world *world)
{
	sl_stamps_finish(&world->stamps);
	assert_int_equal(driver.pools, 0);
}

static VkCommandBuffer guests(uintptr_t number)
{
	return (VkCommandBuffer)(1000 + number);
}

/* A call with one command buffer of the guest's. */
static struct sl_stamp_call small_call(void)
{
	static VkCommandBuffer commands;
	static VkSubmitInfo info;

	commands = guests(1);
	info = (VkSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};
	return (struct sl_stamp_call){ .batches = &info, .count = 1 };
}

static void test_ticks_become_nanoseconds(void **state)
{
	struct sl_stamp_clock clock;

	sl_stamp_clock_init(&clock, 64, 2.5);
	assert_int_equal(sl_stamp_clock_take(&clock, 1000, 3000), 5000);
	assert_int_equal(sl_stamp_clock_take(&clock, 3000, 3001), 2);
	(void)state;
}

static void test_a_clock_wraps_around(void **state)
{
	struct sl_stamp_clock clock;
	const uint64_t end = 1ull << 36;

	sl_stamp_clock_init(&clock, 36, 1);
	assert_int_equal(sl_stamp_clock_take(&clock, end - 300, end - 100), 200);
	/* The front is reached before the call before has ended, and the end is beyond the wrap. */
	assert_int_equal(sl_stamp_clock_take(&clock, end - 150, 50), 150);
	assert_int_equal(sl_stamp_clock_take(&clock, 60, 80), 20);
	sl_stamp_clock_init(&clock, 64, 1);
	assert_int_equal(sl_stamp_clock_take(&clock, UINT64_MAX - 9, 10), 20);
	(void)state;
}

static void test_no_time_counts_twice(void **state)
{
	struct sl_stamp_clock clock;

	sl_stamp_clock_init(&clock, 64, 1);
	assert_int_equal(sl_stamp_clock_take(&clock, 100, 200), 100);
	assert_int_equal(sl_stamp_clock_take(&clock, 110, 300), 100);
	assert_int_equal(sl_stamp_clock_take(&clock, 120, 300), 0);
	/* A clock that goes back tells nothing. */
	assert_int_equal(sl_stamp_clock_take(&clock, 400, 390), 0);
	assert_int_equal(sl_stamp_clock_take(&clock, 300, 301), 1);
	(void)state;
}

/* After half a turn of the clock it cannot be told what was first; and need not. */
static void test_a_rest_may_be_long(void **state)
{
	struct sl_stamp_clock clock;

	sl_stamp_clock_init(&clock, 16, 1);
	assert_int_equal(sl_stamp_clock_take(&clock, 1000, 2000), 1000);
	sl_stamp_clock_rest(&clock);
	assert_int_equal(sl_stamp_clock_take(&clock, 50000, 50100), 100);
	(void)state;
}

static void test_a_call_is_wrapped(void **state)
{
	struct world world;
	struct sl_stamp_call call = small_call();
	uint64_t time_ns;

	start(&world, FAMILY_ALL, false);
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), 0);
	const VkSubmitInfo *infos = call.batches;

	assert_int_equal(call.count, 1);
	assert_int_equal(infos[0].commandBufferCount, 3);
	assert_ptr_equal(infos[0].pCommandBuffers[0], world.stamps.fronts[0]);
	assert_ptr_equal(infos[0].pCommandBuffers[1], guests(1));
	assert_ptr_equal(infos[0].pCommandBuffers[2], world.stamps.backs[0]);
	driver.ticks[0] = 100;
	driver.ticks[1] = 300;
	assert_true(sl_stamps_read(&world.stamps, 0, &time_ns));
	assert_int_equal(time_ns, 500);
	/* What was recorded for a slot serves again. */
	for (uint32_t i = 1; i <= SL_STAMP_SLOTS; i++) {
		call = small_call();
		assert_int_equal(sl_stamps_wrap(&world.stamps, &call), i % SL_STAMP_SLOTS);
		assert_true(sl_stamps_read(&world.stamps, i % SL_STAMP_SLOTS, &time_ns));
	}
	assert_int_equal(driver.recorded, 2 * SL_STAMP_SLOTS);
	assert_int_equal(driver.queue_resets, SL_STAMP_SLOTS);
	assert_int_equal(driver.host_resets, 0);
	stop(&world);
	(void)state;
}

/* Timestamps go into the first and the last batch, with their waits and signals; the guest's own
 * infos stay as they are. */
static void test_batches_keep_their_order(void **state)
{
	struct world world;
	const VkSemaphore semaphores[] = { (VkSemaphore)7, (VkSemaphore)8 };
	const VkCommandBuffer commands[] = { guests(1), guests(2), guests(3) };
	const VkSubmitInfo batches[] = {
		{ .waitSemaphoreCount = 1, .pWaitSemaphores = &semaphores[0] },
		{ .commandBufferCount = 2, .pCommandBuffers = commands },
		{ .commandBufferCount = 1,
		  .pCommandBuffers = &commands[2],
		  .signalSemaphoreCount = 1,
		  .pSignalSemaphores = &semaphores[1] },
	};
	struct sl_stamp_call call = { .batches = batches, .count = 3 };

	start(&world, FAMILY_ALL, false);
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), 0);
	const VkSubmitInfo *infos = call.batches;

	assert_int_equal(call.count, 3);
	assert_int_equal(infos[0].commandBufferCount, 1);
	assert_ptr_equal(infos[0].pCommandBuffers[0], world.stamps.fronts[0]);
	assert_ptr_equal(infos[0].pWaitSemaphores, &semaphores[0]);
	assert_memory_equal(&infos[1], &batches[1], sizeof(batches[1]));
	assert_int_equal(infos[2].commandBufferCount, 2);
	assert_ptr_equal(infos[2].pCommandBuffers[0], guests(3));
	assert_ptr_equal(infos[2].pCommandBuffers[1], world.stamps.backs[0]);
	assert_ptr_equal(infos[2].pSignalSemaphores, &semaphores[1]);
	assert_int_equal(batches[0].commandBufferCount, 0);
	stop(&world);
	(void)state;
}

static void test_second_kind_of_batches(void **state)
{
	struct world world;
	const VkCommandBufferSubmitInfo commands[] = { { .commandBuffer = guests(1) },
						       { .commandBuffer = guests(2) } };
	const VkSubmitInfo2 batches[] = {
		{ .commandBufferInfoCount = 1, .pCommandBufferInfos = commands },
		{ .commandBufferInfoCount = 1, .pCommandBufferInfos = &commands[1] },
	};
	struct sl_stamp_call call = { .batches = batches, .count = 2, .is_submit2 = true };

	start(&world, FAMILY_ALL, false);
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), 0);
	const VkSubmitInfo2 *infos = call.batches;

	assert_int_equal(infos[0].commandBufferInfoCount, 2);
	assert_ptr_equal(infos[0].pCommandBufferInfos[0].commandBuffer, world.stamps.fronts[0]);
	assert_ptr_equal(infos[0].pCommandBufferInfos[1].commandBuffer, guests(1));
	assert_int_equal(infos[1].commandBufferInfoCount, 2);
	assert_ptr_equal(infos[1].pCommandBufferInfos[0].commandBuffer, guests(2));
	assert_ptr_equal(infos[1].pCommandBufferInfos[1].commandBuffer, world.stamps.backs[0]);
	call = (struct sl_stamp_call){ .batches = batches, .count = 1, .is_submit2 = true };
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), 1);
	assert_int_equal(((const VkSubmitInfo2 *)call.batches)->commandBufferInfoCount, 3);
	stop(&world);
	(void)state;
}

static void test_queues_that_only_copy_are_reset_by_the_host(void **state)
{
	struct world world;
	struct sl_stamp_call call = small_call();

	start(&world, FAMILY_COPIES, true);
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), 0);
	assert_int_equal(driver.queue_resets, 0);
	assert_int_equal(driver.host_resets, 1);
	stop(&world);
	/* Nobody can reset them. */
	start(&world, FAMILY_COPIES, false);
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), SL_STAMP_NONE);
	stop(&world);
	(void)state;
}

static void test_what_is_not_measured_stays_as_it_is(void **state)
{
	const VkSubmitInfo nothing = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };
	struct sl_stamp_call empty = { .batches = &nothing, .count = 1 };
	struct sl_stamp_call call = small_call();
	const void *batches = call.batches;
	struct world world;

	start(&world, FAMILY_NO_CLOCK, true);
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), SL_STAMP_NONE);
	assert_ptr_equal(call.batches, batches);
	stop(&world);
	start(&world, FAMILY_ALL, false);
	assert_int_equal(sl_stamps_wrap(&world.stamps, &empty), SL_STAMP_NONE);
	assert_ptr_equal(empty.batches, &nothing);
	for (uint32_t i = 0; i < SL_STAMP_SLOTS; i++) {
		call = small_call();
		assert_int_equal(sl_stamps_wrap(&world.stamps, &call), i);
	}
	call = small_call();
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), SL_STAMP_NONE);
	stop(&world);
	(void)state;
}

static void test_a_driver_may_fail(void **state)
{
	struct world world;
	struct sl_stamp_call call = small_call();
	uint64_t time_ns;

	start(&world, FAMILY_ALL, false);
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), 0);
	driver.read_result = VK_NOT_READY;
	assert_false(sl_stamps_read(&world.stamps, 0, &time_ns));
	driver.read_result = VK_ERROR_DEVICE_LOST;
	call = small_call();
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), 1);
	assert_false(sl_stamps_read(&world.stamps, 1, &time_ns));
	stop(&world);

	start(&world, FAMILY_ALL, false);
	driver.create_result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
	call = small_call();
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), SL_STAMP_NONE);
	/* It is not asked again and again. */
	driver.create_result = VK_SUCCESS;
	assert_int_equal(sl_stamps_wrap(&world.stamps, &call), SL_STAMP_NONE);
	stop(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks_become_nanoseconds),
		cmocka_unit_test(test_a_clock_wraps_around),
		cmocka_unit_test(test_no_time_counts_twice),
		cmocka_unit_test(test_a_rest_may_be_long),
		cmocka_unit_test(test_a_call_is_wrapped),
		cmocka_unit_test(test_batches_keep_their_order),
		cmocka_unit_test(test_second_kind_of_batches),
		cmocka_unit_test(test_queues_that_only_copy_are_reset_by_the_host),
		cmocka_unit_test(test_what_is_not_measured_stays_as_it_is),
		cmocka_unit_test(test_a_driver_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
