/* SPDX-License-Identifier: MIT */
/* The replay on a real Vulkan driver (lavapipe in CI), driven through its ops without a guest. */
#include "host/sched/sched_msg.h"
#include "host/replay/replay_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "host/replay/clear.h"

#define REGION_ID   7
#define REGION_SIZE 8192

static struct sl_gpu *gpu;

struct fixture {
	struct sl_replay *replay;
	struct sl_stats stats;
	struct sl_quota quota;
	struct sl_arena message_arena;
	struct sl_object instance;
	struct sl_object physical;
	struct sl_object device;
	struct sl_object queue;
	void *region;
	int holds;
	pthread_mutex_t lock; /* guards completed */
	pthread_cond_t changed;
	uint64_t completed;
	bool is_lost;
};

static void publish(void *data, uint32_t queue_slot, uint64_t completed)
{
	struct fixture *fixture = data;

	assert_int_equal(queue_slot, 3);
	pthread_mutex_lock(&fixture->lock);
	fixture->completed = completed;
	pthread_cond_signal(&fixture->changed);
	pthread_mutex_unlock(&fixture->lock);
}

static void set_lost(void *data, enum sl_lost_reason reason, const char *text)
{
	struct fixture *fixture = data;

	(void)reason;
	print_message("lost: %s\n", text);
	fixture->is_lost = true;
}

static int hold_region(void *data, uint32_t region_id, void **ret_data, size_t *ret_size)
{
	struct fixture *fixture = data;

	if (region_id != REGION_ID) {
		return -1;
	}
	fixture->holds++;
	*ret_data = fixture->region;
	*ret_size = REGION_SIZE;
	return 0;
}

static void release_region(void *data, uint32_t region_id)
{
	struct fixture *fixture = data;

	assert_int_equal(region_id, REGION_ID);
	fixture->holds--;
}

static int forget_region(void *data, uint32_t region_id)
{
	(void)data;
	return region_id == REGION_ID ? 0 : -1;
}

static void create_instance(struct fixture *fixture)
{
	const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
	void *created[] = { &fixture->instance };
	VkInstance handle = VK_NULL_HANDLE;
	struct sl_vkCreateInstance args = { .created = created,
					    .pCreateInfo = &info,
					    .pInstance = &handle };

	assert_int_equal(sl_replay_vkCreateInstance(fixture->replay, &args), 0);
	assert_int_equal(args.ret, VK_SUCCESS);

	void *created_devices[] = { &fixture->physical };
	VkPhysicalDevice device = VK_NULL_HANDLE;
	uint32_t count = 1;
	struct sl_vkEnumeratePhysicalDevices list = { .self = &fixture->instance,
						      .created = created_devices,
						      .instance = handle,
						      .pPhysicalDeviceCount = &count,
						      .pPhysicalDevices = &device };

	assert_int_equal(sl_replay_vkEnumeratePhysicalDevices(fixture->replay, &list), 0);
	assert_int_equal(count, 1);
	fixture->physical.handle = (uint64_t)(uintptr_t)device;
	fixture->physical.vki = fixture->instance.vki;
}

static void create_device(struct fixture *fixture)
{
	static const float priority = 1.0f;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
	};
	void *created[] = { &fixture->device };
	VkDevice handle = VK_NULL_HANDLE;
	struct sl_vkCreateDevice args = {
		.self = &fixture->physical,
		.created = created,
		.physicalDevice = (VkPhysicalDevice)(uintptr_t)fixture->physical.handle,
		.pCreateInfo = &info,
		.pDevice = &handle,
	};

	assert_int_equal(sl_replay_vkCreateDevice(fixture->replay, &args), 0);
	assert_int_equal(args.ret, VK_SUCCESS);
	fixture->device.handle = (uint64_t)(uintptr_t)handle;
}

static int create_queue(struct fixture *fixture, uint32_t family, uint32_t index, uint32_t slot)
{
	void *created[] = { &fixture->queue };
	VkQueue handle = VK_NULL_HANDLE;
	struct sl_slCreateQueue args = {
		.self = &fixture->device,
		.created = created,
		.queueFamilyIndex = family,
		.queueIndex = index,
		.slot = slot,
		.pQueue = &handle,
	};
	int r = sl_replay_slCreateQueue(fixture->replay, &args);

	fixture->queue.handle = (uint64_t)(uintptr_t)handle;
	fixture->queue.vkd = fixture->device.vkd;
	return r;
}

static void send_sched(void *data, const struct sl_sched_msg *msg)
{
	/* The GPU was granted before anybody asked; who asks for it is not heard. */
	(void)data;
	(void)msg;
}

static void set_timer(void *data, uint64_t time_ns)
{
	(void)data;
	(void)time_ns;
}

static void grant_gpu(struct fixture *fixture)
{
	const struct sl_sched_msg grant = { .type = SL_SCHED_MSG_GRANT, .grant = 1 };

	sl_replay_handle_sched(fixture->replay, &grant);
}

static void revoke_gpu(struct fixture *fixture)
{
	const struct sl_sched_msg revoke = { .type = SL_SCHED_MSG_REVOKE, .grant = 1 };

	sl_replay_handle_sched(fixture->replay, &revoke);
}

static void setup_replay(void **state, bool copy_memory)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	pthread_mutex_init(&fixture->lock, NULL);
	pthread_cond_init(&fixture->changed, NULL);
	fixture->region =
		mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(fixture->region != MAP_FAILED);
	fixture->quota.limit = 64u << 20;
	fixture->quota.slot_end = 1;
	const struct sl_replay_options options = {
		.gpu = gpu,
		.link = { publish, set_lost, hold_region, release_region, forget_region, NULL, NULL,
			  fixture },
		.sched = { send_sched, set_timer, NULL },
		.stats = &fixture->stats,
		.copy_memory = copy_memory,
		.validate = getenv("SLUICE_VALIDATE") != NULL,
		.quota = &fixture->quota,
	};

	assert_int_equal(sl_replay_create(&options, &fixture->replay), 0);
	sl_arena_init(&fixture->message_arena, 1 << 20);
	sl_replay_set_message_arena(fixture->replay, &fixture->message_arena);
	grant_gpu(fixture);
	create_instance(fixture);
	create_device(fixture);
	assert_int_equal(create_queue(fixture, 0, 0, 3), 0);
	*state = fixture;
}

static int setup_import(void **state)
{
	setup_replay(state, false);
	return 0;
}

static int setup_copy(void **state)
{
	setup_replay(state, true);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	struct sl_vkDestroyDevice device = { .self = &fixture->device };
	struct sl_vkDestroyInstance instance = { .self = &fixture->instance };

	assert_int_equal(sl_replay_vkDestroyDevice(fixture->replay, &device), 0);
	assert_int_equal(sl_replay_vkDestroyInstance(fixture->replay, &instance), 0);
	assert_int_equal(fixture->replay->gate.client.in_flight, 0);
	sl_replay_destroy(fixture->replay);
	assert_int_equal(fixture->holds, 0);
	assert_int_equal(sl_stats_get(&fixture->stats.device_memory_bytes), 0);
	assert_int_equal(sl_stats_get(&fixture->stats.shared_memory_bytes), 0);
	assert_false(fixture->is_lost);
	assert_int_equal(sl_gpu_get_validation_errors(gpu), 0);
	munmap(fixture->region, REGION_SIZE);
	pthread_cond_destroy(&fixture->changed);
	pthread_mutex_destroy(&fixture->lock);
	free(fixture);
	return 0;
}

static VkDevice device_of(const struct fixture *fixture)
{
	return (VkDevice)(uintptr_t)fixture->device.handle;
}

static const struct sl_memory_types *types_of(const struct fixture *fixture)
{
	const struct sl_replay_physical_device *physical = fixture->physical.data;

	return &physical->memory_types;
}

static uint32_t find_type(const struct fixture *fixture, enum sl_memory_kind kind)
{
	const struct sl_memory_types *types = types_of(fixture);

	for (uint32_t i = 0; i < types->guest.memoryTypeCount; i++) {
		if (types->types[i].kind == kind) {
			return i;
		}
	}
	fail_msg("the device has no such memory");
	return 0;
}

static int allocate(struct fixture *fixture, enum sl_memory_kind kind, VkDeviceSize size,
		    uint32_t region_id, struct sl_slAllocateMemory *ret_args,
		    VkDeviceMemory *ret_memory)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = size,
		.memoryTypeIndex = find_type(fixture, kind),
	};

	*ret_args = (struct sl_slAllocateMemory){
		.self = &fixture->device,
		.pAllocateInfo = &info,
		.regionId = region_id,
		.pMemory = ret_memory,
	};
	int r = sl_replay_slAllocateMemory(fixture->replay, ret_args);

	ret_args->pAllocateInfo = NULL;
	return r;
}

static void free_memory(struct fixture *fixture, VkDeviceMemory memory)
{
	struct sl_vkFreeMemory args = { .self = &fixture->device, .memory = memory };

	assert_int_equal(sl_replay_vkFreeMemory(fixture->replay, &args), 0);
}

static VkBuffer create_buffer(struct fixture *fixture, VkDeviceSize size,
			      VkMemoryRequirements *ret_needs)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = size,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer buffer = VK_NULL_HANDLE;
	struct sl_vkCreateBuffer args = { .self = &fixture->device,
					  .pCreateInfo = &info,
					  .pBuffer = &buffer };

	assert_int_equal(sl_replay_vkCreateBuffer(fixture->replay, &args), 0);
	assert_int_equal(args.ret, VK_SUCCESS);
	struct sl_vkGetBufferMemoryRequirements needs = { .self = &fixture->device,
							  .buffer = buffer,
							  .pMemoryRequirements = ret_needs };

	assert_int_equal(sl_replay_vkGetBufferMemoryRequirements(fixture->replay, &needs), 0);
	return buffer;
}

static void destroy_buffer(struct fixture *fixture, VkBuffer buffer)
{
	struct sl_vkDestroyBuffer args = { .self = &fixture->device, .buffer = buffer };

	assert_int_equal(sl_replay_vkDestroyBuffer(fixture->replay, &args), 0);
}

static void submit(struct fixture *fixture, const VkSubmitInfo *info)
{
	struct sl_vkQueueSubmit args = { .self = &fixture->queue,
					 .submitCount = info != NULL ? 1 : 0,
					 .pSubmits = info };

	assert_int_equal(sl_replay_vkQueueSubmit(fixture->replay, &args), 0);
}

static void wait_until(struct fixture *fixture, uint64_t number)
{
	pthread_mutex_lock(&fixture->lock);
	while (fixture->completed < number) {
		pthread_cond_wait(&fixture->changed, &fixture->lock);
	}
	pthread_mutex_unlock(&fixture->lock);
}

/* Fill a buffer in guest-visible memory on the GPU. */
static void fill(struct fixture *fixture, VkBuffer buffer, uint32_t value, uint64_t number)
{
	const struct sl_vk_device_table *vkd = fixture->device.vkd;
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	VkCommandBufferAllocateInfo allocate_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandBufferCount = 1,
	};
	VkCommandBuffer commands;

	assert_int_equal(vkd->CreateCommandPool(device_of(fixture), &pool_info, NULL,
						&allocate_info.commandPool),
			 VK_SUCCESS);
	assert_int_equal(vkd->AllocateCommandBuffers(device_of(fixture), &allocate_info, &commands),
			 VK_SUCCESS);
	vkd->BeginCommandBuffer(commands, &begin);
	vkd->CmdFillBuffer(commands, buffer, 0, VK_WHOLE_SIZE, value);
	vkd->EndCommandBuffer(commands);
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
	};

	submit(fixture, &info);
	wait_until(fixture, number);
	vkd->DestroyCommandPool(device_of(fixture), allocate_info.commandPool, NULL);
}

static void check_visible_memory(struct fixture *fixture, enum sl_memory_kind kind)
{
	const struct sl_vk_device_table *vkd = fixture->device.vkd;
	struct sl_slAllocateMemory args;
	VkDeviceMemory memory;
	VkMemoryRequirements needs;
	VkBuffer buffer = create_buffer(fixture, REGION_SIZE, &needs);
	uint32_t *words = fixture->region;

	assert_true((needs.memoryTypeBits >> find_type(fixture, kind) & 1) != 0);
	assert_int_equal(allocate(fixture, kind, REGION_SIZE, REGION_ID, &args, &memory), 0);
	assert_int_equal(args.ret, VK_SUCCESS);
	assert_int_equal(vkd->BindBufferMemory(device_of(fixture), buffer, memory, 0), VK_SUCCESS);
	words[5] = 42;
	fill(fixture, buffer, 0x01020304, 1);
	for (unsigned int i = 0; i < REGION_SIZE / 4; i++) {
		assert_int_equal(words[i], 0x01020304);
	}
	fill(fixture, buffer, 0x01ff0304, 2);
	assert_int_equal(words[REGION_SIZE / 4 - 1], 0x01ff0304);
	destroy_buffer(fixture, buffer);
	free_memory(fixture, memory);
}

static void test_imported_memory_is_the_guests(void **state)
{
	check_visible_memory(*state, SL_MEMORY_IMPORT);
}

static void test_shadowed_memory_follows(void **state)
{
	check_visible_memory(*state, SL_MEMORY_SHADOW);
}

static void test_shadow_beside_imports_follows(void **state)
{
	struct fixture *fixture = *state;
	struct sl_slAllocateMemory args;
	VkDeviceMemory memory;

	assert_int_equal(allocate(fixture, SL_MEMORY_SHADOW, 5000, REGION_ID, &args, &memory), 0);
	assert_int_equal(args.ret, VK_SUCCESS);
	assert_int_equal(fixture->holds, 1);
	assert_int_equal(sl_stats_get(&fixture->stats.device_memory_bytes), 5000);
	free_memory(fixture, memory);
}

static void test_memory_of_the_host_is_zero(void **state)
{
	struct fixture *fixture = *state;
	const struct sl_vk_device_table *vkd = fixture->device.vkd;

	for (unsigned int round = 0; round < 4; round++) {
		struct sl_slAllocateMemory args;
		VkDeviceMemory memory;
		uint8_t *data = NULL;

		assert_int_equal(allocate(fixture, SL_MEMORY_HOST, 6000, 0, &args, &memory), 0);
		assert_int_equal(args.ret, VK_SUCCESS);
		assert_int_equal(vkd->MapMemory(device_of(fixture), memory, 0, VK_WHOLE_SIZE, 0,
						(void **)&data),
				 VK_SUCCESS);
		for (unsigned int i = 0; i < 6000; i++) {
			assert_int_equal(data[i], 0);
		}
		memset(data, 0xaa, 6000);
		vkd->UnmapMemory(device_of(fixture), memory);
		free_memory(fixture, memory);
	}
}

/* A device whose memory the GPU clears. */
static struct sl_replay_device *start_clearing(struct fixture *fixture)
{
	struct sl_replay_device *device = fixture->device.data;
	const struct sl_clear_plan plan = { .is_needed = true };

	assert_int_equal(sl_clear_create(device, &plan, &device->clear), VK_SUCCESS);
	return device;
}

static uint64_t clear_new(struct sl_replay_device *device, VkDeviceSize size,
			  VkDeviceMemory *ret_memory)
{
	VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = size,
	};
	uint64_t number;

	assert_int_equal(sl_clear_allocate(device->clear, &info, ret_memory, &number), VK_SUCCESS);
	assert_true(info.allocationSize >= size);
	return number;
}

static void free_cleared(struct sl_replay_device *device, VkDeviceMemory memory, uint64_t number)
{
	sl_clear_stop(device->clear, number);
	device->vkd.FreeMemory(device->handle, memory, NULL);
}

/* All of it is zero, until now. */
static void check_and_soil(struct sl_replay_device *device, VkDeviceMemory memory, size_t size)
{
	uint8_t *data = NULL;

	assert_int_equal(
		device->vkd.MapMemory(device->handle, memory, 0, VK_WHOLE_SIZE, 0, (void **)&data),
		VK_SUCCESS);
	for (size_t i = 0; i < size; i++) {
		assert_int_equal(data[i], 0);
	}
	memset(data, 0xaa, size);
	device->vkd.UnmapMemory(device->handle, memory);
}

static void test_gpu_clears_memory(void **state)
{
	struct fixture *fixture = *state;
	struct sl_replay_device *device = start_clearing(fixture);

	for (unsigned int round = 0; round < 4; round++) {
		VkDeviceMemory memory;
		uint64_t number = clear_new(device, 6001, &memory);

		assert_int_equal(number, round + 1);
		submit(fixture, NULL);
		wait_until(fixture, round + 1);
		check_and_soil(device, memory, 6001);
		free_cleared(device, memory, number);
	}
	/* It is not the guest's submission, but time of its account. */
	assert_int_equal(sl_stats_get(&fixture->stats.submissions), 4);
	assert_int_equal(sl_stats_get(&fixture->stats.completed), 4);
	assert_true(sl_stats_get(&fixture->stats.gpu_busy_ns) > 0);
}

/* Large memory is cleared piece by piece. */
static void test_large_memory_is_cleared_in_pieces(void **state)
{
	struct fixture *fixture = *state;
	struct sl_replay_device *device = start_clearing(fixture);
	const size_t size = (130u << 20) + 4;

	for (uint64_t round = 1; round <= 2; round++) {
		VkDeviceMemory memory;
		uint64_t number = clear_new(device, size, &memory);

		assert_int_equal(number, 3 * round);
		submit(fixture, NULL);
		wait_until(fixture, round);
		check_and_soil(device, memory, size);
		free_cleared(device, memory, number);
	}
}

/* Without the GPU nothing is cleared, and a submission that depends on it waits as well; memory may
 * be freed all the same, at once. */
static void test_clears_wait_for_the_gpu(void **state)
{
	struct fixture *fixture = *state;
	struct sl_replay_device *device = start_clearing(fixture);
	struct sl_replay_queue *queue = fixture->queue.data;
	VkDeviceMemory memories[2];
	uint64_t numbers[2];

	revoke_gpu(fixture);
	numbers[0] = clear_new(device, 6000, &memories[0]);
	numbers[1] = clear_new(device, 6000, &memories[1]);
	submit(fixture, NULL);
	assert_int_equal(sl_stats_get(&fixture->stats.gpu_busy_ns), 0);
	assert_true(sl_gate_is_waiting(fixture->replay, queue));
	free_cleared(device, memories[0], numbers[0]);
	assert_int_equal(sl_stats_get(&fixture->stats.submissions), 0);
	grant_gpu(fixture);
	wait_until(fixture, 1);
	check_and_soil(device, memories[1], 6000);
	free_cleared(device, memories[1], numbers[1]);
}

/* A guest that does not wait for its work leaves no work behind: else the GPU would be thought busy
 * for ever. teardown() looks. */
static void test_work_ends_with_its_device(void **state)
{
	submit(*state, NULL);
	submit(*state, NULL);
}

/* What is parked when the device goes is not cleared, and nobody waits for it. */
static void test_parked_clears_end_with_the_device(void **state)
{
	struct fixture *fixture = *state;
	struct sl_replay_device *device = start_clearing(fixture);
	VkDeviceMemory memory;

	revoke_gpu(fixture);
	uint64_t number = clear_new(device, 6000, &memory);

	free_cleared(device, memory, number);
	assert_false(TAILQ_EMPTY(&fixture->replay->gate.waiting));
	sl_clear_destroy(device->clear);
	device->clear = NULL;
	assert_true(TAILQ_EMPTY(&fixture->replay->gate.waiting));
}

static void test_submissions_are_numbered(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < 600; i++) {
		submit(fixture, NULL);
	}
	wait_until(fixture, 600);
	assert_int_equal(sl_stats_get(&fixture->stats.submissions), 600);
	assert_int_equal(sl_stats_get(&fixture->stats.completed), 600);
}

/* The semaphores that a batch signals already, with and without values, stay. */
static void test_signals_of_a_batch_stay(void **state)
{
	struct fixture *fixture = *state;
	const struct sl_vk_device_table *vkd = fixture->device.vkd;
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo timeline_info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};
	const VkSemaphoreCreateInfo binary_info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
	};
	VkSemaphore semaphores[2];
	uint64_t values[2] = { 9, 0 };
	uint64_t value = 0;

	vkd->CreateSemaphore(device_of(fixture), &timeline_info, NULL, &semaphores[0]);
	vkd->CreateSemaphore(device_of(fixture), &binary_info, NULL, &semaphores[1]);
	VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 2,
		.pSignalSemaphoreValues = values,
	};
	const VkSubmitInfo both = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &timeline,
		.signalSemaphoreCount = 2,
		.pSignalSemaphores = semaphores,
	};
	static const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkSubmitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &semaphores[1],
		.pWaitDstStageMask = &all,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &semaphores[1],
	};

	submit(fixture, &both);
	submit(fixture, &wait);
	wait_until(fixture, 2);
	vkd->GetSemaphoreCounterValue(device_of(fixture), semaphores[0], &value);
	assert_int_equal(value, 9);
	vkd->DestroySemaphore(device_of(fixture), semaphores[0], NULL);
	vkd->DestroySemaphore(device_of(fixture), semaphores[1], NULL);
}

/* Sluice's own signal has a device too, if the others of the batch have any. */
static void test_signal_of_a_device_group(void **state)
{
	struct fixture *fixture = *state;
	VkDeviceGroupSubmitInfo group = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &group,
	};

	submit(fixture, &info);
	wait_until(fixture, 1);
	assert_int_equal(group.signalSemaphoreCount, 1);
	assert_non_null(group.pSignalSemaphoreDeviceIndices);
}

static void test_bad_arguments_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct sl_slAllocateMemory args;
	VkDeviceMemory memory;

	assert_int_equal(create_queue(fixture, 0, 1, 4), -EBADMSG);
	assert_int_equal(create_queue(fixture, 99, 0, 4), -EBADMSG);
	assert_int_equal(create_queue(fixture, 0, 0, 3), -EBADMSG);
	assert_int_equal(create_queue(fixture, 0, 0, SL_MAX_QUEUES), -EBADMSG);
	assert_int_equal(allocate(fixture, SL_MEMORY_HOST, 100, REGION_ID, &args, &memory),
			 -EBADMSG);
	assert_int_equal(allocate(fixture, SL_MEMORY_IMPORT, 100, 0, &args, &memory), -EBADMSG);
	assert_int_equal(allocate(fixture, SL_MEMORY_IMPORT, 100, 99, &args, &memory), -EBADMSG);
	assert_int_equal(
		allocate(fixture, SL_MEMORY_IMPORT, REGION_SIZE + 1, REGION_ID, &args, &memory),
		-EBADMSG);
	assert_int_equal(allocate(fixture, SL_MEMORY_IMPORT, UINT64_MAX, REGION_ID, &args, &memory),
			 -EBADMSG);
}

static void test_limit_of_device_memory(void **state)
{
	struct fixture *fixture = *state;
	struct sl_slAllocateMemory args;
	VkDeviceMemory memory;
	VkDeviceMemory other;

	assert_int_equal(allocate(fixture, SL_MEMORY_HOST, 60u << 20, 0, &args, &memory), 0);
	assert_int_equal(args.ret, VK_SUCCESS);
	assert_int_equal(allocate(fixture, SL_MEMORY_HOST, 5u << 20, 0, &args, &other), 0);
	assert_int_equal(args.ret, VK_ERROR_OUT_OF_DEVICE_MEMORY);
	assert_int_equal(allocate(fixture, SL_MEMORY_HOST, UINT64_MAX, 0, &args, &other), 0);
	assert_int_equal(args.ret, VK_ERROR_OUT_OF_DEVICE_MEMORY);
	free_memory(fixture, memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_imported_memory_is_the_guests, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_shadowed_memory_follows, setup_copy, teardown),
		cmocka_unit_test_setup_teardown(test_shadow_beside_imports_follows, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_memory_of_the_host_is_zero, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_gpu_clears_memory, setup_import, teardown),
		cmocka_unit_test_setup_teardown(test_large_memory_is_cleared_in_pieces,
						setup_import, teardown),
		cmocka_unit_test_setup_teardown(test_clears_wait_for_the_gpu, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_parked_clears_end_with_the_device,
						setup_import, teardown),
		cmocka_unit_test_setup_teardown(test_work_ends_with_its_device, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_submissions_are_numbered, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_signals_of_a_batch_stay, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_signal_of_a_device_group, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_bad_arguments_are_refused, setup_import,
						teardown),
		cmocka_unit_test_setup_teardown(test_limit_of_device_memory, setup_import,
						teardown),
	};
	char why[256];

	if (sl_gpu_open(&gpu, why, sizeof(why)) < 0) {
		printf("skipped: %s\n", why);
		return 77;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	sl_gpu_log_validation(gpu);
	sl_gpu_close(gpu);
	return failed;
}
