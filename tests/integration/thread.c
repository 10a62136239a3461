/* SPDX-License-Identifier: MIT */
/* Several threads, devices and instances in one process. */
#include "cases.h"

#include "color_frag.h"
#include "double_comp.h"
#include "triangle_vert.h"

#include <pthread.h>
#include <string.h>

enum {
	THREADS = 4,
	ROUNDS = 100
};

struct worker {
	struct vkt *t;
	pthread_mutex_t *queue_lock;
	VkCommandPool pool; /* its own */
	struct vkt_buffer words;
	struct vkt_kernel kernel;
};

static VkCommandBuffer record(struct worker *worker, VkCommandBuffer cmd)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	VKT_OK(vkBeginCommandBuffer(cmd, &begin));
	vkt_bind_kernel(cmd, &worker->kernel);
	for (int i = 0; i < 20; i++) {
		vkCmdDispatch(cmd, 1, 1, 1);
		vkt_barrier(cmd);
	}
	VKT_OK(vkEndCommandBuffer(cmd));
	return cmd;
}

/* Record, submit and wait, with nothing shared but the device and the queue. */
static void *work_in_thread(void *data)
{
	struct worker *worker = data;
	const VkFenceCreateInfo fence_info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	const VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = worker->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	VkDevice device = worker->t->device;
	VkCommandBuffer cmd;
	VkFence fence;

	VKT_OK(vkCreateFence(device, &fence_info, NULL, &fence));
	VKT_OK(vkAllocateCommandBuffers(device, &allocate, &cmd));
	for (int i = 0; i < ROUNDS; i++) {
		const VkSubmitInfo submit = {
			.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
			.commandBufferCount = 1,
			.pCommandBuffers = &cmd,
		};
		record(worker, cmd);
		pthread_mutex_lock(worker->queue_lock);
		VkResult result = vkQueueSubmit(worker->t->queue, 1, &submit, fence);
		pthread_mutex_unlock(worker->queue_lock);
		VKT_EXPECT(result == VK_SUCCESS);
		VKT_OK(vkWaitForFences(device, 1, &fence, VK_TRUE, UINT64_MAX));
		VKT_OK(vkResetFences(device, 1, &fence));
	}
	vkDestroyFence(device, fence, NULL);
	return NULL;
}

static void init_worker(struct vkt *t, struct worker *worker, pthread_mutex_t *lock, uint32_t seed)
{
	const VkCommandPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = t->family,
	};

	*worker = (struct worker){
		.t = t,
		.queue_lock = lock,
		.words = vkt_create_buffer(t, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST),
	};
	const struct vkt_buffer *buffers[] = { &worker->words };
	worker->kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	VKT_OK(vkCreateCommandPool(t->device, &info, NULL, &worker->pool));
	VKT_OWN(t, COMMAND_POOL, worker->pool);
	vkt_fill_pattern(worker->words.map, worker->words.size, seed);
}

static void run_workers(void *(*run)(void *), struct worker *workers, uint32_t count)
{
	pthread_t threads[THREADS];

	for (uint32_t i = 0; i < count; i++) {
		VKT_EXPECT(pthread_create(&threads[i], NULL, run, &workers[i]) == 0);
	}
	for (uint32_t i = 0; i < count; i++) {
		VKT_EXPECT(pthread_join(threads[i], NULL) == 0);
	}
}

static void threads_submit(struct vkt *t)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct worker workers[THREADS];

	for (uint32_t i = 0; i < THREADS; i++) {
		init_worker(t, &workers[i], &lock, i);
	}
	run_workers(work_in_thread, workers, THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		vkt_put_buffer(t, "words", &workers[i].words);
	}
}

static void *create_in_thread(void *data)
{
	struct worker *worker = data;
	VkDevice device = worker->t->device;
	const VkBufferCreateInfo buffer_info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = 4096,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	const VkEventCreateInfo event_info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };

	for (int i = 0; i < 200; i++) {
		VkMemoryAllocateInfo allocate = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		};
		VkMemoryRequirements requirements;
		VkBuffer buffer;
		VkDeviceMemory memory;
		VkEvent event;
		VKT_OK(vkCreateBuffer(device, &buffer_info, NULL, &buffer));
		VKT_OK(vkCreateEvent(device, &event_info, NULL, &event));
		vkGetBufferMemoryRequirements(device, buffer, &requirements);
		allocate.allocationSize = requirements.size;
		allocate.memoryTypeIndex = vkt_find_memory_type(
			worker->t, requirements.memoryTypeBits,
			i % 2 == 0 ? VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT : 0, 0);
		VKT_OK(vkAllocateMemory(device, &allocate, NULL, &memory));
		VKT_OK(vkBindBufferMemory(device, buffer, memory, 0));
		VKT_OK(vkSetEvent(device, event));
		VKT_RESULT(VK_EVENT_SET, vkGetEventStatus(device, event));
		vkDestroyEvent(device, event, NULL);
		vkDestroyBuffer(device, buffer, NULL);
		vkFreeMemory(device, memory, NULL);
	}
	return NULL;
}

static void threads_create(struct vkt *t)
{
	struct worker workers[THREADS];

	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .t = t };
	}
	run_workers(create_in_thread, workers, THREADS);
}

static void *record_in_thread(void *data)
{
	struct worker *worker = data;
	const VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = worker->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	VkCommandBuffer cmd;

	VKT_OK(vkAllocateCommandBuffers(worker->t->device, &allocate, &cmd));
	for (int i = 0; i < ROUNDS; i++) {
		record(worker, cmd);
	}
	return cmd;
}

/* Threads record at the same time; one thread submits everything. */
static void threads_record(struct vkt *t)
{
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	VkCommandBuffer cmds[THREADS];
	VkFence fence = vkt_create_fence(t, 0);
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = THREADS,
		.pCommandBuffers = cmds,
	};

	for (uint32_t i = 0; i < THREADS; i++) {
		init_worker(t, &workers[i], NULL, i + 10);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		VKT_EXPECT(pthread_create(&threads[i], NULL, record_in_thread, &workers[i]) == 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		VKT_EXPECT(pthread_join(threads[i], (void **)&cmds[i]) == 0);
	}
	VKT_OK(vkQueueSubmit(t->queue, 1, &submit, fence));
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
	for (uint32_t i = 0; i < THREADS; i++) {
		vkt_put_buffer(t, "words", &workers[i].words);
	}
}

static void draw_triangle(struct vkt *t, struct vkt *results)
{
	struct vkt_target target = vkt_create_plain_target(t);
	const struct vkt_pipeline_spec spec = {
		.vert = VKT_CODE(triangle_vert),
		.frag = VKT_CODE(color_frag),
		.layout = vkt_create_layout(t, VK_NULL_HANDLE, 0),
		.render_pass = target.render_pass,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.color_count = 1,
		.extent = target.extent,
	};
	VkCommandBuffer cmd = vkt_begin(t);
	struct vkt_buffer pixels = vkt_create_buffer(t, 64 * 64 * 4, 0, VKT_HOST);
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { 64, 64, 1 },
	};

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkCmdCopyImageToBuffer(cmd, target.colors[0].handle, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
			       pixels.handle, 1, &region);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(results, "triangle", &pixels);
}

/* A second device of the same instance, used by turns with the first. */
static void two_devices(struct vkt *t)
{
	static const float priority = 1.0f;
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = t->family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
	};
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.queueFamilyIndex = t->family,
	};
	struct vkt second = *t;

	second.undo = NULL;
	second.undo_count = second.undo_capacity = 0;
	VKT_OK(vkCreateDevice(t->physical, &info, NULL, &second.device));
	vkGetDeviceQueue(second.device, t->family, 0, &second.queue);
	VKT_OK(vkCreateCommandPool(second.device, &pool_info, NULL, &second.pool));
	VKT_OWN(&second, COMMAND_POOL, second.pool);
	draw_triangle(t, t);
	draw_triangle(&second, t);
	draw_triangle(t, t);
	vkt_destroy_owned(&second);
	vkDestroyDevice(second.device, NULL);
	draw_triangle(t, t);
}

static void *draw_in_thread(void *data)
{
	struct vkt *t = data;

	for (int i = 0; i < 10; i++) {
		draw_triangle(t, t);
	}
	return NULL;
}

/* Two instances with a device each, used by two threads at the same time. */
static void two_instances(struct vkt *t)
{
	const struct vkt_options options = { .flags = t->flags };
	struct vkt second;
	pthread_t thread;

	vkt_open(&second, &options);
	VKT_EXPECT(pthread_create(&thread, NULL, draw_in_thread, &second) == 0);
	draw_in_thread(t);
	VKT_EXPECT(pthread_join(thread, NULL) == 0);
	draw_triangle(&second, t);
	VKT_EXPECT(vkt_close(&second));
	draw_triangle(t, t);
}

const struct vkt_case thread_cases[] = {
	{ "threads_submit", threads_submit, VKT_PLAIN },
	{ "threads_create", threads_create, VKT_PLAIN },
	{ "threads_record", threads_record, VKT_PLAIN },
	{ "two_devices", two_devices, VKT_PLAIN },
	{ "two_instances", two_instances, VKT_PLAIN },
	{ NULL, NULL, 0 },
};
