/* SPDX-License-Identifier: MIT */
/* What the devices of this project's own tests have no extension for: ray tracing, sample
 * locations, and what else drivers keep in arrays as long as a limit. */
#include "host/check/check.h"
#include "host/check/regular.h"

#include "protocol/sl_checked_ops.h"
#include "tests/unit/sl_test.h"

#include <errno.h>

#define OK		 0
#define BAD		 (-EBADMSG)
#define PIPELINE(number) ((VkPipeline)(uintptr_t)(number))

struct world {
	struct sl_check *check;
	struct sl_object device;
	struct sl_object objects[4]; /* the handle of each is its index and 1 */
	struct sl_object *items[4];
	struct sl_object_list named;
};

static void start(struct world *w)
{
	static const VkPhysicalDeviceLimits limits = { .maxViewports = 4,
						       .maxBoundDescriptorSets = 4 };
	const struct sl_check_options options = {
		.limits = &limits,
		.more = { .discard_rectangles = 4,
			  .descriptor_buffers = 2,
			  .group_handle_size = 32,
			  .group_capture_size = 16,
			  .location_samples = VK_SAMPLE_COUNT_2_BIT | VK_SAMPLE_COUNT_4_BIT,
			  .location_grid = { 2, 2 } },
	};

	*w = (struct world){ .check = sl_check_create(&options) };
	assert_non_null(w->check);
	w->device = (struct sl_object){ .type = VK_OBJECT_TYPE_DEVICE, .device = &w->device };
	w->named = (struct sl_object_list){ w->items, 0, 4 };
}

static struct sl_object *make(struct world *w, VkObjectType type)
{
	struct sl_object *object = &w->objects[w->named.count];
	void *created[] = { object };
	uint64_t handle = w->named.count + 1;

	*object = (struct sl_object){
		.handle = handle, .type = type, .owner = &w->device, .device = &w->device
	};
	assert_int_equal(sl_check_note_created(w->check, created, 1, &handle, &w->named), 0);
	w->items[w->named.count++] = object;
	return object;
}

static void make_rays(struct world *w, uint32_t group_count,
		      const VkPipelineLibraryCreateInfoKHR *libraries)
{
	const VkRayTracingPipelineCreateInfoKHR info = { .groupCount = group_count,
							 .pLibraryInfo = libraries };
	void *created[] = { make(w, VK_OBJECT_TYPE_PIPELINE) };
	struct sl_vkCreateRayTracingPipelinesKHR args = {
		.created = created, .named = &w->named, .createInfoCount = 1, .pCreateInfos = &info
	};

	assert_int_equal(sl_check_note_vkCreateRayTracingPipelinesKHR(w->check, &args), 0);
}

static int get_handles(struct world *w, uint32_t pipeline, uint32_t first, uint32_t count,
		       size_t size)
{
	struct sl_vkGetRayTracingShaderGroupHandlesKHR args = {
		.named = &w->named,
		.pipeline = PIPELINE(pipeline),
		.firstGroup = first,
		.groupCount = count,
		.dataSize = size,
	};

	return sl_check_vkGetRayTracingShaderGroupHandlesKHR(w->check, &args);
}

static int get_stack_size(struct world *w, uint32_t pipeline, uint32_t group)
{
	struct sl_vkGetRayTracingShaderGroupStackSizeKHR args = { .named = &w->named,
								  .pipeline = PIPELINE(pipeline),
								  .group = group };

	return sl_check_vkGetRayTracingShaderGroupStackSizeKHR(w->check, &args);
}

static void test_groups_are_those_of_the_pipeline(void **state)
{
	const VkPipeline library = PIPELINE(1);
	const VkPipelineLibraryCreateInfoKHR libraries = { .libraryCount = 1,
							   .pLibraries = &library };
	struct world w;

	start(&w);
	make_rays(&w, 3, NULL);
	make_rays(&w, 2, &libraries);
	make(&w, VK_OBJECT_TYPE_PIPELINE); /* one for graphics */
	assert_int_equal(get_handles(&w, 1, 0, 3, 96), OK);
	assert_int_equal(get_handles(&w, 1, 1, 2, 64), OK);
	assert_int_equal(get_handles(&w, 1, 1, 3, 96), BAD);
	assert_int_equal(get_handles(&w, 1, UINT32_MAX, 2, 64), BAD);
	assert_int_equal(get_handles(&w, 2, 4, 1, 32), OK);
	assert_int_equal(get_handles(&w, 2, 5, 1, 32), BAD);
	assert_int_equal(get_handles(&w, 3, 0, 1, 32), BAD);
	/* The driver would write more than there is room for. */
	assert_int_equal(get_handles(&w, 1, 0, 3, 95), BAD);
	assert_int_equal(get_stack_size(&w, 1, 2), OK);
	assert_int_equal(get_stack_size(&w, 1, 3), BAD);
	sl_check_destroy(w.check);
}

static int create_structure(struct world *w, VkDeviceSize offset, VkDeviceSize size)
{
	const VkAccelerationStructureCreateInfoKHR info = { .buffer = (VkBuffer)(uintptr_t)1,
							    .offset = offset,
							    .size = size };
	struct sl_vkCreateAccelerationStructureKHR args = { .self = &w->device,
							    .named = &w->named,
							    .pCreateInfo = &info };

	return sl_check_vkCreateAccelerationStructureKHR(w->check, &args);
}

static void test_structures_lie_in_their_buffer(void **state)
{
	const VkBufferCreateInfo info = { .size = 1024 };
	struct world w;

	start(&w);
	void *created[] = { make(&w, VK_OBJECT_TYPE_BUFFER) };
	struct sl_vkCreateBuffer args = { .created = created, .pCreateInfo = &info };

	assert_int_equal(sl_check_note_vkCreateBuffer(w.check, &args), 0);
	assert_int_equal(create_structure(&w, 256, 768), OK);
	assert_int_equal(create_structure(&w, 256, 769), BAD);
	assert_int_equal(create_structure(&w, UINT64_MAX - 255, 512), BAD);
	sl_check_destroy(w.check);
}

static int set_locations(struct world *w, uint32_t samples, uint32_t width, uint32_t height,
			 uint32_t count)
{
	const VkSampleLocationsInfoEXT info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLE_LOCATIONS_INFO_EXT,
		.sampleLocationsPerPixel = samples,
		.sampleLocationGridSize = { width, height },
		.sampleLocationsCount = count,
	};
	const VkImageMemoryBarrier barrier = { .pNext = &info };
	struct sl_vkCmdSetSampleLocationsEXT args = { .pSampleLocationsInfo = &info };
	struct sl_vkCmdPipelineBarrier barrier_args = { .named = &w->named,
							.imageMemoryBarrierCount = 1,
							.pImageMemoryBarriers = &barrier };
	int r = sl_check_vkCmdSetSampleLocationsEXT(w->check, &args);

	assert_int_equal(sl_check_vkCmdPipelineBarrier(w->check, &barrier_args), r);
	return r;
}

static void test_sample_locations_are_the_grids(void **state)
{
	struct world w;

	start(&w);
	assert_int_equal(set_locations(&w, 4, 2, 2, 16), OK);
	assert_int_equal(set_locations(&w, 2, 1, 2, 4), OK);
	assert_int_equal(set_locations(&w, 0, 0, 0, 0), OK);
	assert_int_equal(set_locations(&w, 4, 2, 2, 17), BAD);
	assert_int_equal(set_locations(&w, 4, 2, 2, 15), BAD);
	assert_int_equal(set_locations(&w, 4, 4, 1, 16), BAD);
	assert_int_equal(set_locations(&w, 8, 1, 1, 8), BAD);
	assert_int_equal(set_locations(&w, 6, 1, 1, 6), BAD);
	assert_int_equal(set_locations(&w, 4, 1u << 31, 2, 0), BAD);
	sl_check_destroy(w.check);
}

static void test_places_end_at_the_limit(void **state)
{
	const enum sl_check_limit limits[] = { SL_CHECK_VIEWPORTS, SL_CHECK_DISCARD_RECTANGLES };
	struct world w;

	start(&w);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(sl_check_places(w.check, NULL, NULL, 1, 3, limits[i]), OK);
		assert_int_equal(sl_check_places(w.check, NULL, NULL, 2, 3, limits[i]), BAD);
		assert_int_equal(sl_check_places(w.check, NULL, NULL, UINT32_MAX, 2, limits[i]),
				 BAD);
	}
	/* A device without the extension. */
	assert_int_equal(sl_check_places(w.check, NULL, NULL, 0, 1, SL_CHECK_FEEDBACK_BUFFERS),
			 BAD);
	sl_check_destroy(w.check);
}

static int set_offsets(struct world *w, uint32_t first, uint32_t index)
{
	const uint32_t indices[] = { 0, index };
	struct sl_vkCmdSetDescriptorBufferOffsetsEXT args = { .firstSet = first,
							      .setCount = 2,
							      .pBufferIndices = indices };

	return sl_check_vkCmdSetDescriptorBufferOffsetsEXT(w->check, &args);
}

static int create_layout(struct world *w, uint32_t number, uint32_t count)
{
	const VkDescriptorSetLayoutBinding binding = { .binding = number,
						       .descriptorCount = count };
	const VkDescriptorSetLayoutCreateInfo info = { .bindingCount = 1, .pBindings = &binding };
	struct sl_vkCreateDescriptorSetLayout args = { .pCreateInfo = &info };

	return sl_check_vkCreateDescriptorSetLayout(w->check, &args);
}

static void test_descriptors_have_places(void **state)
{
	struct world w;

	start(&w);
	assert_int_equal(set_offsets(&w, 2, 1), OK);
	assert_int_equal(set_offsets(&w, 3, 1), BAD);
	assert_int_equal(set_offsets(&w, 0, 2), BAD);
	assert_int_equal(create_layout(&w, 65535, 1000), OK);
	assert_int_equal(create_layout(&w, 65536, 1), BAD);
	assert_int_equal(create_layout(&w, UINT32_MAX, 1), BAD);
	assert_int_equal(create_layout(&w, 0, UINT32_MAX), BAD);
	sl_check_destroy(w.check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups_are_those_of_the_pipeline),
		cmocka_unit_test(test_structures_lie_in_their_buffer),
		cmocka_unit_test(test_sample_locations_are_the_grids),
		cmocka_unit_test(test_places_end_at_the_limit),
		cmocka_unit_test(test_descriptors_have_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
