/* SPDX-License-Identifier: MIT */
/* Commands of extensions that lavapipe lacks, and what it takes amiss, whose arguments the replay
 * itself looks at; the driver is the test, and trusts what it is given. */
#include "host/replay/replay_priv.h"

#include "protocol/sl_checked_ops.h"
#include "protocol/sl_replay_ops.h"
#include "sl_test.h"

#include <errno.h>
#include <string.h>

#define EXECUTABLES	2u
#define DESCRIPTOR_SIZE 256u /* what the driver writes, whatever it is told */

static struct sl_replay replay;
static struct sl_replay_physical_device physical;
static struct sl_replay_device device;
static struct sl_object object;
static uint32_t calls; /* that got past the checks */

static VKAPI_ATTR VkResult VKAPI_CALL get_executables(VkDevice handle,
						      const VkPipelineInfoKHR *info,
						      uint32_t *count,
						      VkPipelineExecutablePropertiesKHR *properties)
{
	(void)handle;
	assert_null(properties);
	/* An executable for each, so that the number is that of this pipeline. */
	*count = (uint32_t)(uintptr_t)info->pipeline;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_statistics(VkDevice handle,
						     const VkPipelineExecutableInfoKHR *info,
						     uint32_t *count,
						     VkPipelineExecutableStatisticKHR *statistics)
{
	calls++;
	return VK_INCOMPLETE;
}

static VKAPI_ATTR VkResult VKAPI_CALL
get_representations(VkDevice handle, const VkPipelineExecutableInfoKHR *info, uint32_t *count,
		    VkPipelineExecutableInternalRepresentationKHR *representations)
{
	calls++;
	return VK_INCOMPLETE;
}

static VKAPI_ATTR void VKAPI_CALL get_descriptor(VkDevice handle,
						 const VkDescriptorGetInfoEXT *info, size_t size,
						 void *descriptor)
{
	calls++;
	memset(descriptor, 0xab, DESCRIPTOR_SIZE);
}

static int setup(void **state)
{
	calls = 0;
	sl_arena_init(&replay.scratch, SL_MAX_ARENA_SIZE);
	device = (struct sl_replay_device){ .replay = &replay, .physical = &physical };
	device.vkd.GetPipelineExecutablePropertiesKHR = get_executables;
	device.vkd.GetPipelineExecutableStatisticsKHR = get_statistics;
	device.vkd.GetPipelineExecutableInternalRepresentationsKHR = get_representations;
	device.vkd.GetDescriptorEXT = get_descriptor;
	object = (struct sl_object){ .data = &device };
	return 0;
}

static int teardown(void **state)
{
	sl_arena_finish(&replay.scratch);
	return 0;
}

/* Of a pipeline of EXECUTABLES. Returns both commands' result, which is the same. */
static int ask(uint32_t index)
{
	const VkPipelineExecutableInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
		.pipeline = (VkPipeline)(uintptr_t)EXECUTABLES,
		.executableIndex = index,
	};
	uint32_t count = 0;
	struct sl_vkGetPipelineExecutableStatisticsKHR statistics = { .self = &object,
								      .pExecutableInfo = &info,
								      .pStatisticCount = &count };
	struct sl_vkGetPipelineExecutableInternalRepresentationsKHR representations = {
		.self = &object, .pExecutableInfo = &info, .pInternalRepresentationCount = &count
	};
	int r = sl_replay_vkGetPipelineExecutableStatisticsKHR(&replay, &statistics);

	assert_int_equal(sl_replay_vkGetPipelineExecutableInternalRepresentationsKHR(
				 &replay, &representations),
			 r);
	if (r == 0) {
		assert_int_equal(statistics.ret, VK_INCOMPLETE);
		assert_int_equal(representations.ret, VK_INCOMPLETE);
	}
	return r;
}

static void test_executables_are_the_pipelines(void **state)
{
	assert_int_equal(ask(0), 0);
	assert_int_equal(ask(EXECUTABLES - 1), 0);
	assert_int_equal(calls, 4);
	assert_int_equal(ask(EXECUTABLES), -EBADMSG);
	assert_string_equal(replay.why, "executable 2 of a pipeline of 2");
	assert_int_equal(ask(UINT32_MAX), -EBADMSG);
	assert_int_equal(calls, 4);
}

/* The guest chooses the size of its reply, the driver that of its descriptor. */
static void test_descriptors_stay_within_the_reply(void **state)
{
	static const size_t sizes[] = { 0, 1, 64, DESCRIPTOR_SIZE, 2 * DESCRIPTOR_SIZE };
	const VkDescriptorGetInfoEXT info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_GET_INFO_EXT,
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t reply[2 * DESCRIPTOR_SIZE + 64];
		struct sl_vkGetDescriptorEXT args = {
			.self = &object,
			.pDescriptorInfo = &info,
			.dataSize = sizes[i],
			.pDescriptor = reply,
		};

		memset(reply, 0x11, sizeof(reply));
		assert_int_equal(sl_replay_vkGetDescriptorEXT(&replay, &args), 0);
		for (size_t at = 0; at < sizeof(reply); at++) {
			uint8_t written = at < DESCRIPTOR_SIZE ? 0xab : 0;

			assert_int_equal(reply[at], at < sizes[i] ? written : 0x11);
		}
	}
	assert_int_equal(calls, sizeof(sizes) / sizeof(sizes[0]));
}

/* A guest may send what its device was not made with. */
static struct sl_vkCmdCopyQueryPoolResults copies[4]; /* that the driver is told to make */

static VKAPI_ATTR void VKAPI_CALL copy_results(VkCommandBuffer commands, VkQueryPool pool,
					       uint32_t first, uint32_t count, VkBuffer buffer,
					       VkDeviceSize offset, VkDeviceSize stride,
					       VkQueryResultFlags flags)
{
	copies[calls++] = (struct sl_vkCmdCopyQueryPoolResults){
		.firstQuery = first,
		.queryCount = count,
		.dstOffset = offset,
		.stride = stride,
	};
}

/* Results of count queries from 2, each of two values and whether they are there, 96 bytes apart;
 * of a driver of this type. */
static void copy_queries(uint32_t count, VkPhysicalDeviceType type)
{
	const VkPhysicalDeviceLimits limits = { 0 };
	const struct sl_check_options options = { .limits = &limits };
	const VkQueryPoolCreateInfo info = {
		.queryType = VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT,
		.queryCount = 8,
	};
	const struct sl_gpu_device gpu = { .properties.deviceType = type };
	const uint64_t handle = 7;
	struct sl_object pool = {
		.handle = handle,
		.type = VK_OBJECT_TYPE_QUERY_POOL,
		.owner = &object,
	};
	struct sl_object commands = { .device = &object, .vkd = &device.vkd };
	struct sl_object *items[] = { &pool };
	const struct sl_object_list named = { items, 1, 1 }, none = { 0 };
	void *created[] = { &pool };
	struct sl_vkCreateQueryPool create = { .created = created, .pCreateInfo = &info };
	struct sl_vkCmdCopyQueryPoolResults args = {
		.self = &commands,
		.named = &named,
		.queryPool = (VkQueryPool)(uintptr_t)handle,
		.firstQuery = 2,
		.queryCount = count,
		.dstOffset = 16,
		.stride = 96,
		.flags = VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT,
	};
	struct sl_check *check = sl_check_create(&options);

	physical.gpu = &gpu;
	device.vkd.CmdCopyQueryPoolResults = copy_results;
	assert_int_equal(sl_check_note_created(check, created, 1, &handle, &none), 0);
	assert_int_equal(sl_check_note_vkCreateQueryPool(check, &create), 0);
	calls = 0;
	assert_int_equal(sl_replay_vkCmdCopyQueryPoolResults(&replay, &args), 0);
	sl_check_destroy(check);
}

static void test_last_result_has_no_stride(void **state)
{
	copy_queries(3, VK_PHYSICAL_DEVICE_TYPE_CPU);
	assert_int_equal(calls, 2);
	assert_int_equal(copies[0].firstQuery, 4);
	assert_int_equal(copies[0].queryCount, 1);
	assert_int_equal(copies[0].dstOffset, 16 + 2 * 96);
	assert_int_equal(copies[0].stride, 24);
	assert_int_equal(copies[1].firstQuery, 2);
	assert_int_equal(copies[1].queryCount, 2);
	assert_int_equal(copies[1].dstOffset, 16);
	assert_int_equal(copies[1].stride, 96);
	copy_queries(1, VK_PHYSICAL_DEVICE_TYPE_CPU);
	assert_int_equal(calls, 1);
	assert_int_equal(copies[0].stride, 24);
	copy_queries(3, VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU);
	assert_int_equal(calls, 1);
	assert_int_equal(copies[0].queryCount, 3);
	assert_int_equal(copies[0].stride, 96);
	copy_queries(0, VK_PHYSICAL_DEVICE_TYPE_CPU);
	assert_int_equal(calls, 0);
}

static VKAPI_ATTR void VKAPI_CALL clear_attachments(VkCommandBuffer commands, uint32_t count,
						    const VkClearAttachment *attachments,
						    uint32_t rect_count, const VkClearRect *rects)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_true(attachments[i].aspectMask != VK_IMAGE_ASPECT_COLOR_BIT ||
			    attachments[i].colorAttachment != VK_ATTACHMENT_UNUSED);
	}
	calls += count;
}

static void test_unused_attachments_are_not_cleared(void **state)
{
	const VkClearAttachment clears[] = {
		{ VK_IMAGE_ASPECT_COLOR_BIT, VK_ATTACHMENT_UNUSED, { { { 0 } } } },
		{ VK_IMAGE_ASPECT_COLOR_BIT, 1, { { { 0 } } } },
		{ VK_IMAGE_ASPECT_DEPTH_BIT, VK_ATTACHMENT_UNUSED, { { { 0 } } } },
		{ VK_IMAGE_ASPECT_COLOR_BIT, VK_ATTACHMENT_UNUSED, { { { 0 } } } },
		{ VK_IMAGE_ASPECT_COLOR_BIT, 2, { { { 0 } } } },
	};
	struct sl_object commands = { .device = &object, .vkd = &device.vkd };
	struct sl_vkCmdClearAttachments args = {
		.self = &commands,
		.attachmentCount = 5,
		.pAttachments = clears,
	};

	device.vkd.CmdClearAttachments = clear_attachments;
	assert_int_equal(sl_replay_vkCmdClearAttachments(&replay, &args), 0);
	assert_int_equal(calls, 3);
	args.attachmentCount = 1;
	assert_int_equal(sl_replay_vkCmdClearAttachments(&replay, &args), 0);
	assert_int_equal(calls, 3);
}

static void test_commands_that_are_not_there(void **state)
{
	struct sl_vkGetDescriptorEXT args = { .self = &object };

	memset(&device.vkd, 0, sizeof(device.vkd));
	assert_int_equal(ask(0), -EBADMSG);
	assert_int_equal(sl_replay_vkGetDescriptorEXT(&replay, &args), -EBADMSG);
	assert_string_equal(replay.why, "the device does not have this command");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_executables_are_the_pipelines, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_descriptors_stay_within_the_reply, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_last_result_has_no_stride, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unused_attachments_are_not_cleared, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_commands_that_are_not_there, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
