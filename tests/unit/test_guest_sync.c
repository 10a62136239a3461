/* SPDX-License-Identifier: MIT */
/* Fences, timeline semaphores and queues of the guest driver, against a link without a host. */
#include <string.h>

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/device.h"
#include "guest-driver/vk/fence.h"
#include "guest-driver/vk/queue.h"
#include "protocol/sl_entries.h"
#include "protocol/sl_ids.h"
#include "tests/unit/fake_guest_link.h"
#include "tests/unit/sl_test.h"

struct world {
	struct sl_context *context;
	VkDevice device;
	struct sl_queue *queues[2];
};

static int set_up(void **state)
{
	static struct world world;
	char why[64];

	fake_link_reset();
	assert_int_equal(sl_context_create(&world.context, why, sizeof(why)), 0);
	struct sl_device *device = sl_guest_object_create_in(world.context, VK_OBJECT_TYPE_DEVICE,
							     sizeof(struct sl_device));
	world.device = (VkDevice)device;
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(sl_queue_create(device, 0, i, 0, &world.queues[i]), VK_SUCCESS);
		world.queues[i]->next = device->queues;
		device->queues = world.queues[i];
	}
	fake_link.sent = 0;
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 2; i++) {
		sl_queue_destroy(world->queues[i]);
	}
	sl_guest_object_destroy(world->device);
	sl_context_destroy(world->context);
	return 0;
}

static VkFence create_fence(struct world *world, VkFenceCreateFlags flags)
{
	const VkFenceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
		.flags = flags,
	};
	VkFence fence = VK_NULL_HANDLE;

	assert_int_equal(sl_vkCreateFence(world->device, &info, NULL, &fence), VK_SUCCESS);
	return fence;
}

static VkSemaphore create_timeline(struct world *world, uint64_t value)
{
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
		.initialValue = value,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};
	VkSemaphore semaphore = VK_NULL_HANDLE;

	assert_int_equal(sl_vkCreateSemaphore(world->device, &info, NULL, &semaphore), VK_SUCCESS);
	return semaphore;
}

static uint64_t value_of(struct world *world, VkSemaphore semaphore)
{
	uint64_t value = 0;

	sl_vkGetSemaphoreCounterValue(world->device, semaphore, &value);
	return value;
}

/* One empty batch with a fence. */
static void submit_fence(struct world *world, uint32_t queue, VkFence fence)
{
	const VkSubmitInfo submit = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };

	assert_int_equal(sl_vkQueueSubmit((VkQueue)world->queues[queue], 1, &submit, fence),
			 VK_SUCCESS);
}

static void submit_signal(struct world *world, uint32_t queue, VkSemaphore semaphore,
			  uint64_t value)
{
	const VkSemaphoreSubmitInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		.semaphore = semaphore,
		.value = value,
	};
	const VkSubmitInfo2 submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
		.signalSemaphoreInfoCount = 1,
		.pSignalSemaphoreInfos = &signal,
	};

	assert_int_equal(
		sl_vkQueueSubmit2((VkQueue)world->queues[queue], 1, &submit, VK_NULL_HANDLE),
		VK_SUCCESS);
}

static void publish(struct world *world, uint32_t queue, uint64_t number)
{
	fake_link_publish(world->queues[queue]->slot, number);
}

static void test_fence_follows_its_submission(void **state)
{
	struct world *world = *state;
	VkFence fence = create_fence(world, 0);

	submit_fence(world, 0, VK_NULL_HANDLE);
	submit_fence(world, 0, fence);
	publish(world, 0, 1);
	publish(world, 1, 9); /* another queue's numbers mean nothing */
	assert_int_equal(sl_vkGetFenceStatus(world->device, fence), VK_NOT_READY);
	publish(world, 0, 2);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fence), VK_SUCCESS);
	sl_vkResetFences(world->device, 1, &fence);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fence), VK_NOT_READY);
	sl_vkDestroyFence(world->device, fence, NULL);
	sl_vkDestroyFence(world->device, VK_NULL_HANDLE, NULL);
}

static void test_fence_created_signalled(void **state)
{
	struct world *world = *state;
	VkFence fence = create_fence(world, VK_FENCE_CREATE_SIGNALED_BIT);

	assert_int_equal(sl_vkGetFenceStatus(world->device, fence), VK_SUCCESS);
	assert_int_equal(sl_vkWaitForFences(world->device, 1, &fence, VK_TRUE, 0), VK_SUCCESS);
	sl_vkDestroyFence(world->device, fence, NULL);
}

static void test_fence_without_batches_follows_what_was_submitted(void **state)
{
	struct world *world = *state;
	VkFence fences[2] = { create_fence(world, 0), create_fence(world, 0) };
	VkQueue queue = (VkQueue)world->queues[0];

	assert_int_equal(sl_vkQueueSubmit(queue, 0, NULL, fences[0]), VK_SUCCESS);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fences[0]), VK_SUCCESS);
	submit_fence(world, 0, VK_NULL_HANDLE);
	assert_int_equal(sl_vkQueueSubmit(queue, 0, NULL, fences[1]), VK_SUCCESS);
	assert_int_equal(fake_link.sent, 1);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fences[1]), VK_NOT_READY);
	publish(world, 0, 1);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fences[1]), VK_SUCCESS);
	sl_vkDestroyFence(world->device, fences[0], NULL);
	sl_vkDestroyFence(world->device, fences[1], NULL);
}

static void complete_next(struct fake_link *fake)
{
	/* The second queue first. */
	struct sl_sync_queue *queues = fake->sync.queues;
	uint32_t slot = atomic_load(&queues[1].completed) == 0 ? 1 : 0;

	atomic_store(&queues[slot].completed, 1);
}

static void test_wait_for_any_and_all(void **state)
{
	struct world *world = *state;
	VkFence fences[2] = { create_fence(world, 0), create_fence(world, 0) };

	submit_fence(world, 0, fences[0]);
	submit_fence(world, 1, fences[1]);
	assert_int_equal(sl_vkWaitForFences(world->device, 2, fences, VK_FALSE, 0), VK_TIMEOUT);
	fake_link.step = complete_next;
	assert_int_equal(sl_vkWaitForFences(world->device, 2, fences, VK_FALSE, UINT64_MAX),
			 VK_SUCCESS);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fences[0]), VK_NOT_READY);
	assert_int_equal(sl_vkWaitForFences(world->device, 2, fences, VK_TRUE, 0), VK_TIMEOUT);
	assert_int_equal(sl_vkWaitForFences(world->device, 2, fences, VK_TRUE, UINT64_MAX),
			 VK_SUCCESS);
	sl_vkDestroyFence(world->device, fences[0], NULL);
	sl_vkDestroyFence(world->device, fences[1], NULL);
}

static void test_deadlines(void **state)
{
	(void)state;
	assert_int_equal(sl_fence_deadline(0), 0);
	assert_true(sl_fence_deadline(UINT64_MAX) == UINT64_MAX);
	assert_true(sl_fence_deadline(UINT64_MAX - 1) == UINT64_MAX);
	assert_true(sl_fence_deadline((uint64_t)INT64_MAX + 1) > (uint64_t)INT64_MAX);
	assert_true(sl_fence_deadline(1000) > 1000);
}

static void test_timeline_value_is_the_highest_completed(void **state)
{
	struct world *world = *state;
	VkSemaphore semaphore = create_timeline(world, 5);

	assert_int_equal(value_of(world, semaphore), 5);
	submit_signal(world, 0, semaphore, 7);
	submit_signal(world, 1, semaphore, 6);
	assert_int_equal(value_of(world, semaphore), 5);
	publish(world, 1, 1);
	assert_int_equal(value_of(world, semaphore), 6);
	publish(world, 0, 1);
	assert_int_equal(value_of(world, semaphore), 7);
	sl_vkDestroySemaphore(world->device, semaphore, NULL);
}

static void test_many_signals_in_flight(void **state)
{
	struct world *world = *state;
	VkSemaphore semaphore = create_timeline(world, 0);

	for (uint64_t i = 1; i <= 100; i++) {
		submit_signal(world, 0, semaphore, i * 10);
	}
	for (uint64_t i = 1; i <= 100; i++) {
		publish(world, 0, i);
		assert_int_equal(value_of(world, semaphore), i * 10);
	}
	sl_vkDestroySemaphore(world->device, semaphore, NULL);
}

static void test_application_signals(void **state)
{
	struct world *world = *state;
	VkSemaphore semaphore = create_timeline(world, 0);
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = semaphore,
		.value = 3,
	};

	fake_link.sent = 0;
	assert_int_equal(sl_vkSignalSemaphore(world->device, &signal), VK_SUCCESS);
	assert_int_equal(fake_link.sent, 1);
	assert_int_equal(fake_link.last_command_id, SL_COMMAND_vkSignalSemaphore);
	assert_int_equal(fake_link.wakes, 1);
	assert_int_equal(value_of(world, semaphore), 3);
	sl_vkDestroySemaphore(world->device, semaphore, NULL);
}

static void test_wait_for_semaphores(void **state)
{
	struct world *world = *state;
	VkSemaphore semaphores[2] = { create_timeline(world, 0), create_timeline(world, 0) };
	const uint64_t values[2] = { 4, 8 };
	VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.flags = VK_SEMAPHORE_WAIT_ANY_BIT,
		.semaphoreCount = 2,
		.pSemaphores = semaphores,
		.pValues = values,
	};

	submit_signal(world, 0, semaphores[0], 4);
	submit_signal(world, 1, semaphores[1], 9);
	assert_int_equal(sl_vkWaitSemaphores(world->device, &wait, 0), VK_TIMEOUT);
	fake_link.step = complete_next;
	assert_int_equal(sl_vkWaitSemaphores(world->device, &wait, UINT64_MAX), VK_SUCCESS);
	assert_int_equal(value_of(world, semaphores[0]), 0);
	wait.flags = 0;
	assert_int_equal(sl_vkWaitSemaphores(world->device, &wait, UINT64_MAX), VK_SUCCESS);
	assert_int_equal(value_of(world, semaphores[0]), 4);
	sl_vkDestroySemaphore(world->device, semaphores[0], NULL);
	sl_vkDestroySemaphore(world->device, semaphores[1], NULL);
}

/* The application may wait for the first batch's signal before it lets the second one run. */
static void test_message_ends_after_timeline_signal(void **state)
{
	struct world *world = *state;
	VkSemaphore semaphore = create_timeline(world, 0);
	VkFence fence = create_fence(world, 0);
	const uint64_t value = 1;
	const VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &value,
	};
	const VkSubmitInfo submits[4] = {
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO },
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		  .pNext = &values,
		  .signalSemaphoreCount = 1,
		  .pSignalSemaphores = &semaphore },
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO },
		{ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO },
	};

	fake_link.sent = 0;
	assert_int_equal(sl_vkQueueSubmit((VkQueue)world->queues[0], 4, submits, fence),
			 VK_SUCCESS);
	assert_int_equal(fake_link.sent, 2);
	publish(world, 0, 1);
	assert_int_equal(value_of(world, semaphore), 1);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fence), VK_NOT_READY);
	publish(world, 0, 2);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fence), VK_SUCCESS);
	sl_vkDestroyFence(world->device, fence, NULL);
	sl_vkDestroySemaphore(world->device, semaphore, NULL);
}

static void test_idle(void **state)
{
	struct world *world = *state;

	assert_int_equal(sl_vkDeviceWaitIdle(world->device), VK_SUCCESS);
	submit_fence(world, 0, VK_NULL_HANDLE);
	fake_link.step = complete_next;
	assert_int_equal(sl_vkQueueWaitIdle((VkQueue)world->queues[1]), VK_SUCCESS);
	assert_int_equal(sl_vkDeviceWaitIdle(world->device), VK_SUCCESS);
	assert_int_equal(atomic_load(&fake_link.sync.queues[world->queues[0]->slot].completed), 1);
}

static void lose(struct fake_link *fake)
{
	(void)fake;
	fake_link_lose();
}

static void test_loss_ends_every_wait(void **state)
{
	struct world *world = *state;
	VkSemaphore semaphore = create_timeline(world, 0);
	VkFence fence = create_fence(world, 0);
	uint64_t value = 1;
	const VkSemaphoreWaitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &semaphore,
		.pValues = &value,
	};
	const VkSubmitInfo submit = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };
	VkQueue queue = (VkQueue)world->queues[0];

	submit_fence(world, 0, fence);
	fake_link.step = lose;
	assert_int_equal(sl_vkWaitForFences(world->device, 1, &fence, VK_TRUE, UINT64_MAX),
			 VK_ERROR_DEVICE_LOST);
	assert_int_equal(sl_vkGetFenceStatus(world->device, fence), VK_ERROR_DEVICE_LOST);
	assert_int_equal(sl_vkWaitSemaphores(world->device, &wait, UINT64_MAX),
			 VK_ERROR_DEVICE_LOST);
	assert_int_equal(sl_vkGetSemaphoreCounterValue(world->device, semaphore, &value),
			 VK_ERROR_DEVICE_LOST);
	assert_int_equal(sl_vkQueueSubmit(queue, 1, &submit, VK_NULL_HANDLE), VK_ERROR_DEVICE_LOST);
	assert_int_equal(sl_vkQueueWaitIdle(queue), VK_ERROR_DEVICE_LOST);
	assert_int_equal(sl_vkDeviceWaitIdle(world->device), VK_ERROR_DEVICE_LOST);
	sl_vkDestroyFence(world->device, fence, NULL);
	sl_vkDestroySemaphore(world->device, semaphore, NULL);
}

static void test_private_data_ends_with_the_object(void **state)
{
	struct world *world = *state;
	const VkPrivateDataSlotCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO,
	};
	VkPrivateDataSlot slot = VK_NULL_HANDLE;
	uint64_t data = 0;

	assert_int_equal(sl_vkCreatePrivateDataSlot(world->device, &info, NULL, &slot), VK_SUCCESS);
	for (uint64_t i = 1; i <= 200; i++) {
		uint64_t fence = (uint64_t)(uintptr_t)create_fence(world, 0);
		sl_vkGetPrivateData(world->device, VK_OBJECT_TYPE_FENCE, fence, slot, &data);
		assert_int_equal(data, 0);
		sl_vkSetPrivateData(world->device, VK_OBJECT_TYPE_FENCE, fence, slot, i);
		sl_vkGetPrivateData(world->device, VK_OBJECT_TYPE_FENCE, fence, slot, &data);
		assert_int_equal(data, i);
		sl_vkDestroyFence(world->device, (VkFence)(uintptr_t)fence, NULL);
	}
	sl_vkDestroyPrivateDataSlot(world->device, slot, NULL);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_fence_follows_its_submission),
		TEST(test_fence_created_signalled),
		TEST(test_fence_without_batches_follows_what_was_submitted),
		TEST(test_wait_for_any_and_all),
		TEST(test_deadlines),
		TEST(test_timeline_value_is_the_highest_completed),
		TEST(test_many_signals_in_flight),
		TEST(test_application_signals),
		TEST(test_wait_for_semaphores),
		TEST(test_message_ends_after_timeline_signal),
		TEST(test_idle),
		TEST(test_loss_ends_every_wait),
		TEST(test_private_data_ends_with_the_object),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_link_reset();
	return failed;
}
