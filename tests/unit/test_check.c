/* SPDX-License-Identifier: MIT */
/* How long objects live: with a driver that only notes what it destroys, and a queue that completes
 * when it is told. */
#include "host/check/check.h"
#include "host/check/regular.h"

#include "protocol/sl_checked_ops.h"
#include "tests/unit/sl_test.h"

#include <errno.h>

enum {
	DEVICE,
	QUEUE,
	MEMORY,
	BUFFER,
	OTHER_BUFFER,
	COMMAND_POOL,
	COMMANDS,
	SET_LAYOUT,
	SET_POOL,
	SET,
	SEMAPHORE,
	OTHER_SEMAPHORE,
	LIBRARY,
	PIPELINE,
	QUERIES,
	OBJECT_COUNT,
};

struct world {
	struct sl_check *check;
	struct sl_object objects[OBJECT_COUNT];
	uint64_t completed;
	uint64_t submitted;
	bool waits_in_vain;
	uint64_t destroyed[8]; /* objects in this order */
	uint32_t destroyed_count;
};

static void destroy(void *data, VkObjectType type, uint64_t handle)
{
	struct world *w = data;

	w->destroyed[w->destroyed_count++] = handle;
}

static uint64_t get_completed(const void *queue)
{
	return ((const struct world *)queue)->completed;
}

static uint64_t get_submitted(const void *queue)
{
	return ((const struct world *)queue)->submitted;
}

static bool wait_for(void *queue, uint64_t number, uint64_t timeout_ns)
{
	struct world *w = queue;

	if (!w->waits_in_vain) {
		w->completed = number;
	}
	return !w->waits_in_vain;
}

static uint64_t handle_of(uint32_t object)
{
	return object + 100;
}

#define HANDLE(type, object) ((type)(uintptr_t)handle_of(object))

static struct sl_object_list name(struct world *w, struct sl_object **items, uint32_t count,
				  const uint32_t *objects)
{
	for (uint32_t i = 0; i < count; i++) {
		items[i] = &w->objects[objects[i]];
	}
	return (struct sl_object_list){ items, count, count };
}

/* A list of the objects that a command names. */
#define NAMED(w, ...)                         \
	name(w, (struct sl_object *[8]){ 0 }, \
	     sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), (uint32_t[]){ __VA_ARGS__ })

static void make(struct world *w, uint32_t object, uint32_t owner, VkObjectType type,
		 const struct sl_object_list *named)
{
	struct sl_object *made = &w->objects[object];
	void *created[] = { made };
	uint64_t handle = handle_of(object);

	*made = (struct sl_object){
		.handle = handle,
		.type = type,
		.owner = &w->objects[owner],
		.device = &w->objects[DEVICE],
	};
	assert_int_equal(sl_check_note_created(w->check, created, 1, &handle, named), 0);
}

static void make_buffer(struct world *w, uint32_t object)
{
	const VkBufferCreateInfo info = { .size = 64 };
	void *created[] = { &w->objects[object] };
	struct sl_vkCreateBuffer args = { .created = created, .pCreateInfo = &info };
	const struct sl_object_list named = NAMED(w, DEVICE);

	make(w, object, DEVICE, VK_OBJECT_TYPE_BUFFER, &named);
	assert_int_equal(sl_check_note_vkCreateBuffer(w->check, &args), 0);
	assert_true(w->objects[object].is_incomplete);
}

static void bind_memory(struct world *w, uint32_t object)
{
	const struct sl_object_list named = NAMED(w, DEVICE, object, MEMORY);
	struct sl_vkBindBufferMemory args = {
		.named = &named,
		.buffer = HANDLE(VkBuffer, object),
		.memory = HANDLE(VkDeviceMemory, MEMORY),
	};

	assert_int_equal(sl_check_note_vkBindBufferMemory(w->check, &args), 0);
	assert_false(w->objects[object].is_incomplete);
}

static void make_commands(struct world *w)
{
	const VkCommandBufferAllocateInfo info = { .commandBufferCount = 1 };
	void *created[] = { &w->objects[COMMANDS] };
	struct sl_vkAllocateCommandBuffers args = { .created = created, .pAllocateInfo = &info };
	const struct sl_object_list named = NAMED(w, DEVICE, COMMAND_POOL);

	make(w, COMMAND_POOL, DEVICE, VK_OBJECT_TYPE_COMMAND_POOL, &named);
	make(w, COMMANDS, COMMAND_POOL, VK_OBJECT_TYPE_COMMAND_BUFFER, &named);
	assert_int_equal(sl_check_note_vkAllocateCommandBuffers(w->check, &args), 0);
}

static void start(struct world *w, bool is_software)
{
	static const VkPhysicalDeviceLimits limits = { .maxBoundDescriptorSets = 4 };
	const struct sl_check_options options = {
		.host = { destroy, w, get_completed, get_submitted, wait_for },
		.limits = &limits,
		.is_software = is_software,
		.is_mesa_22 = is_software,
	};

	*w = (struct world){ .check = sl_check_create(&options) };
	assert_non_null(w->check);
	w->objects[DEVICE].type = VK_OBJECT_TYPE_DEVICE;
	w->objects[DEVICE].check = w->check;
	w->objects[DEVICE].device = &w->objects[DEVICE];
	/* The queue's data is what the functions of the host get. */
	w->objects[QUEUE] = (struct sl_object){ .type = VK_OBJECT_TYPE_QUEUE,
						.device = &w->objects[DEVICE],
						.data = w };
	w->objects[DEVICE].check = NULL; /* none of the devices is kept alive */
	const struct sl_object_list named = NAMED(w, DEVICE);

	make(w, MEMORY, DEVICE, VK_OBJECT_TYPE_DEVICE_MEMORY, &named);
	make_buffer(w, BUFFER);
	make_buffer(w, OTHER_BUFFER);
	bind_memory(w, BUFFER);
	make_commands(w);
}

static void end(struct world *w)
{
	sl_check_destroy(w->check);
}

static int record(struct world *w, const struct sl_object_list *named)
{
	const VkCommandBufferBeginInfo info = { 0 };
	struct sl_slRecordCommandBuffer args = {
		.self = &w->objects[COMMANDS],
		.named = named,
		.pBeginInfo = &info,
	};
	int r = sl_check_slRecordCommandBuffer(w->check, &args);

	return r == 0 ? sl_check_note_slEndRecording(w->check, &args) : r;
}

static int submit(struct world *w)
{
	const struct sl_object_list named = NAMED(w, QUEUE, COMMANDS);
	int r = sl_check_submission(w->check, &named);

	w->submitted++;
	return r == 0 ? sl_check_note_submitted(w->check, &w->objects[QUEUE], &named) : r;
}

static void destroy_object(struct world *w, uint32_t object)
{
	const struct sl_object_list named = NAMED(w, DEVICE, object);

	assert_int_equal(sl_check_note_destroyed(w->check, &named, w->objects[object].type,
						 handle_of(object)),
			 0);
	w->objects[object].check = NULL;
}

static void test_memory_outlives_its_buffer(void **state)
{
	struct world w;

	start(&w, false);
	destroy_object(&w, MEMORY);
	assert_int_equal(w.destroyed_count, 0);
	destroy_object(&w, BUFFER);
	assert_int_equal(w.destroyed_count, 2);
	assert_int_equal(w.destroyed[0], handle_of(BUFFER));
	assert_int_equal(w.destroyed[1], handle_of(MEMORY));
	end(&w);
}

static void make_pipeline(struct world *w, uint32_t object, VkPipelineCreateFlags flags,
			  const void *chain, const struct sl_object_list *named)
{
	const VkGraphicsPipelineCreateInfo info = { .pNext = chain, .flags = flags };
	void *created[] = { &w->objects[object] };
	struct sl_vkCreateGraphicsPipelines args = {
		.created = created, .named = named, .createInfoCount = 1, .pCreateInfos = &info
	};

	make(w, object, DEVICE, VK_OBJECT_TYPE_PIPELINE, named);
	assert_int_equal(sl_check_note_vkCreateGraphicsPipelines(w->check, &args), 0);
}

/* A software driver does not copy what it links. Returns how many objects have been destroyed once
 * the library was. */
static uint32_t destroy_library(bool is_software)
{
	struct world w;

	start(&w, is_software);
	const VkPipeline library = HANDLE(VkPipeline, LIBRARY);
	const VkPipelineLibraryCreateInfoKHR libraries = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
		.libraryCount = 1,
		.pLibraries = &library,
	};
	const struct sl_object_list alone = NAMED(&w, DEVICE);
	const struct sl_object_list named = NAMED(&w, DEVICE, LIBRARY);

	make_pipeline(&w, LIBRARY, VK_PIPELINE_CREATE_LIBRARY_BIT_KHR, NULL, &alone);
	make_pipeline(&w, PIPELINE, 0, &libraries, &named);
	destroy_object(&w, LIBRARY);
	uint32_t count = w.destroyed_count;

	destroy_object(&w, PIPELINE);
	assert_int_equal(w.destroyed_count, 2);
	end(&w);
	return count;
}

static void test_library_outlives_what_is_linked(void **state)
{
	assert_int_equal(destroy_library(true), 0);
	assert_int_equal(destroy_library(false), 1);
}

/* What they keep alive goes down a step for each. */
static void test_libraries_nest_a_few_times(void **state)
{
	struct world w;

	start(&w, false);
	for (uint32_t depth = 0; depth < 10; depth++) {
		const uint32_t from = depth % 2 == 0 ? PIPELINE : LIBRARY;
		const uint32_t to = depth % 2 == 0 ? LIBRARY : PIPELINE;
		const VkPipeline library = HANDLE(VkPipeline, from);
		const VkPipelineLibraryCreateInfoKHR libraries = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
			.libraryCount = depth > 0 ? 1 : 0,
			.pLibraries = &library,
		};
		const VkGraphicsPipelineCreateInfo info = {
			.pNext = &libraries,
			.flags = VK_PIPELINE_CREATE_LIBRARY_BIT_KHR,
		};
		const struct sl_object_list named = NAMED(&w, DEVICE, from);
		struct sl_vkCreateGraphicsPipelines args = { .named = &named,
							     .createInfoCount = 1,
							     .pCreateInfos = &info };

		assert_int_equal(sl_check_vkCreateGraphicsPipelines(w.check, &args),
				 depth < 9 ? 0 : -EBADMSG);
		make_pipeline(&w, to, VK_PIPELINE_CREATE_LIBRARY_BIT_KHR, &libraries, &named);
	}
	end(&w);
}

static void test_pending_submission_delays_destruction(void **state)
{
	struct world w;

	start(&w, false);
	const struct sl_object_list named = NAMED(&w, BUFFER);

	assert_int_equal(record(&w, &named), 0);
	assert_int_equal(submit(&w), 0);
	destroy_object(&w, BUFFER);
	assert_int_equal(w.destroyed_count, 0);
	/* What the submission does not name is not held up. */
	destroy_object(&w, OTHER_BUFFER);
	assert_int_equal(w.destroyed_count, 1);
	w.completed = 1;
	destroy_object(&w, MEMORY);
	assert_int_equal(w.destroyed_count, 3);
	assert_int_equal(w.destroyed[1], handle_of(BUFFER));
	end(&w);
}

static int submit_semaphore(struct world *w, uint32_t semaphore)
{
	const struct sl_object_list named = NAMED(w, QUEUE, semaphore);
	int r = sl_check_submission(w->check, &named);

	w->submitted++;
	return r == 0 ? sl_check_note_submitted(w->check, &w->objects[QUEUE], &named) : r;
}

static void make_semaphores(struct world *w)
{
	const struct sl_object_list named = NAMED(w, DEVICE);

	make(w, SEMAPHORE, DEVICE, VK_OBJECT_TYPE_SEMAPHORE, &named);
	make(w, OTHER_SEMAPHORE, DEVICE, VK_OBJECT_TYPE_SEMAPHORE, &named);
}

/* That a submission has signalled does not mean that the driver has let go of it. */
static void test_semaphore_outlives_its_submission(void **state)
{
	struct world w;

	start(&w, false);
	make_semaphores(&w);
	assert_int_equal(submit_semaphore(&w, SEMAPHORE), 0);
	w.completed = 1;
	destroy_object(&w, SEMAPHORE);
	assert_int_equal(w.destroyed_count, 0);
	/* The next one has been submitted, … */
	assert_int_equal(submit_semaphore(&w, OTHER_SEMAPHORE), 0);
	assert_int_equal(w.destroyed_count, 0);
	/* … and is destroyed while it is pending. */
	destroy_object(&w, OTHER_SEMAPHORE);
	assert_int_equal(w.destroyed_count, 0);
	w.completed = 2;
	destroy_object(&w, OTHER_BUFFER);
	assert_int_equal(w.destroyed_count, 2);
	assert_int_equal(w.destroyed[0], handle_of(SEMAPHORE));
	assert_int_equal(w.destroyed[1], handle_of(OTHER_BUFFER));
	/* Nothing is at work when the device goes. */
	end(&w);
	assert_int_equal(w.destroyed_count, 3);
	assert_int_equal(w.destroyed[2], handle_of(OTHER_SEMAPHORE));
}

/* Nobody waits for what no submission has seen. */
static void test_idle_semaphore_goes_at_once(void **state)
{
	struct world w;

	start(&w, false);
	make_semaphores(&w);
	assert_int_equal(submit_semaphore(&w, SEMAPHORE), 0);
	destroy_object(&w, OTHER_SEMAPHORE);
	assert_int_equal(w.destroyed_count, 1);
	w.completed = 1;
	end(&w);
}

static void test_destroyed_object_invalidates_recording(void **state)
{
	struct world w;

	start(&w, false);
	const struct sl_object_list named = NAMED(&w, BUFFER);

	assert_int_equal(submit(&w), -EBADMSG);
	assert_int_equal(record(&w, &named), 0);
	destroy_object(&w, OTHER_BUFFER);
	assert_int_equal(submit(&w), 0);
	w.completed = w.submitted;
	destroy_object(&w, BUFFER);
	/* Nothing of it is kept for a recording that cannot run. */
	assert_int_equal(w.destroyed_count, 2);
	assert_int_equal(submit(&w), -EBADMSG);
	const struct sl_object_list other = NAMED(&w, COMMAND_POOL);

	assert_int_equal(record(&w, &other), 0);
	assert_int_equal(submit(&w), 0);
	w.completed = w.submitted;
	end(&w);
}

static void test_recording_waits_for_its_submission(void **state)
{
	struct world w;

	start(&w, false);
	const struct sl_object_list named = NAMED(&w, BUFFER);

	assert_int_equal(record(&w, &named), 0);
	assert_int_equal(submit(&w), 0);
	assert_int_equal(record(&w, &named), 0);
	assert_int_equal(w.completed, 1);
	assert_int_equal(submit(&w), 0);
	w.waits_in_vain = true;
	assert_int_equal(record(&w, &named), -EBADMSG);
	end(&w);
}

static void make_set(struct world *w)
{
	const VkDescriptorSetLayoutBinding binding = {
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.descriptorCount = 2,
	};
	const VkDescriptorSetLayoutCreateInfo layout_info = { .bindingCount = 1,
							      .pBindings = &binding };
	const VkDescriptorSetLayout layout = HANDLE(VkDescriptorSetLayout, SET_LAYOUT);
	const VkDescriptorSetAllocateInfo info = { .descriptorSetCount = 1,
						   .pSetLayouts = &layout };
	const struct sl_object_list named = NAMED(w, DEVICE);
	const struct sl_object_list of_set = NAMED(w, DEVICE, SET_POOL, SET_LAYOUT);
	void *created[] = { &w->objects[SET_LAYOUT] };
	struct sl_vkCreateDescriptorSetLayout layout_args = { .created = created,
							      .pCreateInfo = &layout_info };
	void *created_set[] = { &w->objects[SET] };
	struct sl_vkAllocateDescriptorSets args = {
		.created = created_set,
		.named = &of_set,
		.pAllocateInfo = &info,
	};

	make(w, SET_LAYOUT, DEVICE, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, &named);
	assert_int_equal(sl_check_note_vkCreateDescriptorSetLayout(w->check, &layout_args), 0);
	make(w, SET_POOL, DEVICE, VK_OBJECT_TYPE_DESCRIPTOR_POOL, &named);
	assert_int_equal(sl_check_vkAllocateDescriptorSets(w->check, &args), 0);
	make(w, SET, SET_POOL, VK_OBJECT_TYPE_DESCRIPTOR_SET, &of_set);
	assert_int_equal(sl_check_note_vkAllocateDescriptorSets(w->check, &args), 0);
}

static int describe(struct world *w, uint32_t element, uint32_t object)
{
	const VkDescriptorBufferInfo info = { HANDLE(VkBuffer, object), 0, VK_WHOLE_SIZE };
	const VkWriteDescriptorSet write = {
		.dstSet = HANDLE(VkDescriptorSet, SET),
		.dstArrayElement = element,
		.descriptorCount = 1,
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.pBufferInfo = &info,
	};
	const struct sl_object_list named = NAMED(w, DEVICE, SET, object);
	struct sl_vkUpdateDescriptorSets args = {
		.named = &named,
		.descriptorWriteCount = 1,
		.pDescriptorWrites = &write,
	};
	int r = sl_check_vkUpdateDescriptorSets(w->check, &args);

	return r == 0 ? sl_check_note_vkUpdateDescriptorSets(w->check, &args) : r;
}

static void test_stale_descriptors_of_a_software_driver(void **state)
{
	struct world w;

	start(&w, true);
	make_set(&w);
	bind_memory(&w, OTHER_BUFFER);
	assert_int_equal(describe(&w, 0, BUFFER), 0);
	assert_int_equal(describe(&w, 1, BUFFER), 0);
	assert_int_equal(describe(&w, 2, BUFFER), -EBADMSG);
	destroy_object(&w, BUFFER);
	assert_int_equal(w.destroyed_count, 0);
	/* A set with a stale descriptor may be used. */
	const struct sl_object_list named = NAMED(&w, SET);

	assert_int_equal(record(&w, &named), 0);
	assert_int_equal(submit(&w), 0);
	w.completed = w.submitted;
	assert_int_equal(describe(&w, 0, OTHER_BUFFER), 0);
	assert_int_equal(w.destroyed_count, 0);
	assert_int_equal(describe(&w, 1, OTHER_BUFFER), 0);
	assert_int_equal(w.destroyed_count, 1);
	assert_int_equal(w.destroyed[0], handle_of(BUFFER));
	/* With its pool the set lets go of the rest. */
	destroy_object(&w, OTHER_BUFFER);
	destroy_object(&w, SET_POOL);
	assert_int_equal(w.destroyed_count, 3);
	end(&w);
}

static void test_stale_descriptors_of_a_gpu(void **state)
{
	struct world w;

	start(&w, false);
	make_set(&w);
	assert_int_equal(describe(&w, 0, BUFFER), 0);
	destroy_object(&w, BUFFER);
	assert_int_equal(w.destroyed_count, 1);
	end(&w);
}

static void make_queries(struct world *w)
{
	const VkQueryPoolCreateInfo info = { .queryType = VK_QUERY_TYPE_TIMESTAMP,
					     .queryCount = 8 };
	void *created[] = { &w->objects[QUERIES] };
	struct sl_vkCreateQueryPool args = { .created = created, .pCreateInfo = &info };
	const struct sl_object_list named = NAMED(w, DEVICE);

	make(w, QUERIES, DEVICE, VK_OBJECT_TYPE_QUERY_POOL, &named);
	assert_int_equal(sl_check_note_vkCreateQueryPool(w->check, &args), 0);
}

/* Record timestamps 2 and 4. */
static void record_timestamps(struct world *w)
{
	const VkCommandBufferBeginInfo info = { 0 };
	const struct sl_object_list named = NAMED(w, QUERIES);
	struct sl_slRecordCommandBuffer args = {
		.self = &w->objects[COMMANDS],
		.named = &named,
		.pBeginInfo = &info,
	};

	assert_int_equal(sl_check_slRecordCommandBuffer(w->check, &args), 0);
	assert_int_equal(
		sl_check_timestamp(w->check, args.self, &named, HANDLE(VkQueryPool, QUERIES), 4),
		0);
	assert_int_equal(
		sl_check_timestamp(w->check, args.self, &named, HANDLE(VkQueryPool, QUERIES), 2),
		0);
	assert_int_equal(sl_check_note_slEndRecording(w->check, &args), 0);
}

static int reset_queries(struct world *w, uint32_t first, uint32_t count)
{
	const struct sl_object_list named = NAMED(w, DEVICE, QUERIES);
	struct sl_vkResetQueryPool args = {
		.self = &w->objects[DEVICE],
		.named = &named,
		.queryPool = HANDLE(VkQueryPool, QUERIES),
		.firstQuery = first,
		.queryCount = count,
	};

	return sl_check_vkResetQueryPool(w->check, &args);
}

static void test_reset_waits_for_queries_in_use(void **state)
{
	struct world w;

	start(&w, true);
	make_queries(&w);
	record_timestamps(&w);
	assert_int_equal(reset_queries(&w, 0, 8), 0);
	assert_int_equal(submit(&w), 0);
	w.waits_in_vain = true;
	assert_int_equal(reset_queries(&w, 0, 2), 0);
	assert_int_equal(reset_queries(&w, 5, 3), 0);
	assert_int_equal(reset_queries(&w, 2, 1), -EBADMSG);
	assert_int_equal(reset_queries(&w, 4, 4), -EBADMSG);
	w.waits_in_vain = false;
	assert_int_equal(w.completed, 0);
	assert_int_equal(reset_queries(&w, 2, 1), 0);
	assert_int_equal(w.completed, 1);
	assert_int_equal(reset_queries(&w, 7, 2), -EBADMSG);
	end(&w);
}

/* GPUs write to memory, which stays. */
static void test_reset_on_a_gpu(void **state)
{
	struct world w;

	start(&w, false);
	make_queries(&w);
	record_timestamps(&w);
	assert_int_equal(submit(&w), 0);
	w.waits_in_vain = true;
	assert_int_equal(reset_queries(&w, 0, 8), 0);
	w.waits_in_vain = false;
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_outlives_its_buffer),
		cmocka_unit_test(test_library_outlives_what_is_linked),
		cmocka_unit_test(test_libraries_nest_a_few_times),
		cmocka_unit_test(test_pending_submission_delays_destruction),
		cmocka_unit_test(test_semaphore_outlives_its_submission),
		cmocka_unit_test(test_idle_semaphore_goes_at_once),
		cmocka_unit_test(test_destroyed_object_invalidates_recording),
		cmocka_unit_test(test_recording_waits_for_its_submission),
		cmocka_unit_test(test_stale_descriptors_of_a_software_driver),
		cmocka_unit_test(test_stale_descriptors_of_a_gpu),
		cmocka_unit_test(test_reset_waits_for_queries_in_use),
		cmocka_unit_test(test_reset_on_a_gpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
