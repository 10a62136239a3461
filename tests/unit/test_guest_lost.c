/* SPDX-License-Identifier: MIT */
/* On a lost context entries return errors that the registry lists for their command, and no
 * others: VK_ERROR_DEVICE_LOST is not everywhere among them. */
#include <stdlib.h>

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/descriptor.h"
#include "guest-driver/vk/device.h"
#include "guest-driver/vk/physical_device.h"
#include "protocol/sl_entries.h"
#include "tests/unit/fake_guest_link.h"
#include "tests/unit/sl_test.h"

struct world {
	struct sl_context *context;
	struct sl_physical_device *physical;
	struct sl_device *object;
	VkDevice device;
	struct sl_guest_object *other; /* stands for what a command is about */
};

static int set_up(void **state)
{
	static struct world world;
	char why[64];

	fake_link_reset();
	assert_int_equal(sl_context_create(&world.context, why, sizeof(why)), 0);
	world.physical = sl_guest_object_create_in(world.context, VK_OBJECT_TYPE_PHYSICAL_DEVICE,
						   sizeof(*world.physical));
	world.object = sl_guest_object_create_in(world.context, VK_OBJECT_TYPE_DEVICE,
						 sizeof(*world.object));
	world.object->physical_device = world.physical;
	pthread_mutex_init(&world.physical->lock, NULL);
	pthread_mutex_init(&world.object->requirements_lock, NULL);
	sl_bytes_map_init(&world.object->requirements);
	world.device = (VkDevice)world.object;
	world.other = sl_guest_object_create_in(world.context, VK_OBJECT_TYPE_UNKNOWN,
						sizeof(*world.other));
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	sl_guest_object_destroy(world->other);
	sl_bytes_map_finish(&world->object->requirements);
	pthread_mutex_destroy(&world->object->requirements_lock);
	pthread_mutex_destroy(&world->physical->lock);
	sl_guest_object_destroy(world->object);
	sl_guest_object_destroy(world->physical);
	sl_context_destroy(world->context);
	return 0;
}

static void test_generated_calls(void **state)
{
	struct world *world = *state;
	VkImageDrmFormatModifierPropertiesEXT modifier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_PROPERTIES_EXT,
	};
	size_t size = 0;
	uint32_t count = 0;

	fake_link_lose();
	assert_int_equal(sl_vkGetEventStatus(world->device, (VkEvent)(uintptr_t)world->other),
			 VK_ERROR_DEVICE_LOST);
	assert_int_equal(sl_vkGetPipelineCacheData(world->device,
						   (VkPipelineCache)(uintptr_t)world->other, &size,
						   NULL),
			 VK_ERROR_OUT_OF_DEVICE_MEMORY);
	assert_int_equal(sl_vkGetImageDrmFormatModifierPropertiesEXT(
				 world->device, (VkImage)(uintptr_t)world->other, &modifier),
			 VK_ERROR_OUT_OF_HOST_MEMORY);
	assert_int_equal(
		sl_vkGetFramebufferTilePropertiesQCOM(
			world->device, (VkFramebuffer)(uintptr_t)world->other, &count, NULL),
		VK_ERROR_UNKNOWN);
}

static void test_images_and_memory(void **state)
{
	struct world *world = *state;
	VkPhysicalDevice physical = (VkPhysicalDevice)world->physical;
	const VkImageCreateInfo image_info = { .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO };
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = 4096,
	};
	VkImageFormatProperties properties;
	VkImage image = (VkImage)(uintptr_t)1;
	VkDeviceMemory memory = (VkDeviceMemory)(uintptr_t)1;

	fake_link_lose();
	/* Both where the host must be asked for the types, and where they are known. */
	assert_int_equal(sl_vkAllocateMemory(world->device, &info, NULL, &memory),
			 VK_ERROR_OUT_OF_DEVICE_MEMORY);
	world->physical->memory.memoryTypeCount = 1;
	world->physical->has_memory = true;
	assert_int_equal(sl_vkAllocateMemory(world->device, &info, NULL, &memory),
			 VK_ERROR_OUT_OF_DEVICE_MEMORY);
	assert_null(memory);
	assert_int_equal(sl_vkCreateImage(world->device, &image_info, NULL, &image),
			 VK_ERROR_OUT_OF_DEVICE_MEMORY);
	assert_null(image);
	assert_int_equal(sl_vkGetPhysicalDeviceImageFormatProperties(
				 physical, VK_FORMAT_R8_UNORM, VK_IMAGE_TYPE_2D,
				 VK_IMAGE_TILING_OPTIMAL, VK_IMAGE_USAGE_SAMPLED_BIT, 0,
				 &properties),
			 VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

static void test_pipeline_that_waits(void **state)
{
	struct world *world = *state;
	const VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.flags = VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT,
		.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
			   .pName = "main" },
	};
	VkPipeline pipeline = (VkPipeline)(uintptr_t)1;

	fake_link_lose();
	assert_int_equal(sl_vkCreateComputePipelines(world->device, VK_NULL_HANDLE, 1, &info, NULL,
						     &pipeline),
			 VK_ERROR_OUT_OF_DEVICE_MEMORY);
	assert_null(pipeline);
}

/* What is done in the guest is done all the same. */
static void test_semaphore_is_signalled(void **state)
{
	struct world *world = *state;
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};
	VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.value = 7,
	};
	uint64_t value = 0;

	assert_int_equal(sl_vkCreateSemaphore(world->device, &info, NULL, &signal.semaphore),
			 VK_SUCCESS);
	fake_link_lose();
	assert_int_equal(sl_vkSignalSemaphore(world->device, &signal), VK_SUCCESS);
	assert_int_equal(sl_vkGetSemaphoreCounterValue(world->device, signal.semaphore, &value),
			 VK_ERROR_DEVICE_LOST);
	assert_int_equal(value, 7);
	sl_vkDestroySemaphore(world->device, signal.semaphore, NULL);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_generated_calls),
		TEST(test_images_and_memory),
		TEST(test_pipeline_that_waits),
		TEST(test_semaphore_is_signalled),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_link_reset();
	return failed;
}
