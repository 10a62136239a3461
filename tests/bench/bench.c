/* SPDX-License-Identifier: MIT */
/* Measures what a program pays for its Vulkan driver: one line of JSON per metric, with the median
 * of its samples. An ordinary Vulkan program; scripts/bench.sh runs it on several drivers. */
#include "tests/vkt/vkt.h"

#include "small_frag.h"
#include "small_vert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	MAX_SAMPLES = 4000
};

struct bench {
	struct vkt t;
	uint64_t samples[MAX_SAMPLES]; /* ns */
	uint32_t count;
	uint32_t turns; /* that the last median is of */
};

static void add_sample(struct bench *bench, uint64_t ns)
{
	VKT_EXPECT(bench->count < MAX_SAMPLES);
	bench->samples[bench->count++] = ns;
}

static int compare_samples(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* The median of the samples, each divided by per. */
static double take_median(struct bench *bench, double per)
{
	qsort(bench->samples, bench->count, sizeof(bench->samples[0]), compare_samples);
	double median = (double)bench->samples[bench->count / 2] / per;

	bench->turns = bench->count;
	bench->count = 0;
	return median;
}

static void print_metric(const struct bench *bench, const char *name, double value)
{
	printf("{\"metric\": \"%s\", \"value\": %.6g, \"turns\": %u}\n", name, value, bench->turns);
	fflush(stdout);
}

/* An empty submission and the wait for its fence, µs. */
static void measure_submit_wait(struct bench *bench)
{
	const VkSubmitInfo info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };
	VkFence fence = vkt_create_fence(&bench->t, 0);

	for (int i = 0; i < 2000; i++) {
		uint64_t start = vkt_now_ns();
		VKT_OK(vkQueueSubmit(bench->t.queue, 1, &info, fence));
		VKT_OK(vkWaitForFences(bench->t.device, 1, &fence, VK_TRUE, UINT64_MAX));
		add_sample(bench, vkt_now_ns() - start);
		VKT_OK(vkResetFences(bench->t.device, 1, &fence));
	}
	print_metric(bench, "submit_wait_us", take_median(bench, 1000));
}

/* The status of a fence whose work is pending, ns. */
static void measure_fence_status(struct bench *bench)
{
	enum {
		CALLS = 1000
	};
	const uint64_t value = 1;
	const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	VkSemaphore gate = vkt_create_timeline(&bench->t, 0);
	const VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &value,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &timeline,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &gate,
		.pWaitDstStageMask = &stage,
	};
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = gate,
		.value = value,
	};
	VkFence fence = vkt_create_fence(&bench->t, 0);

	VKT_OK(vkQueueSubmit(bench->t.queue, 1, &info, fence));
	for (int i = 0; i < 100; i++) {
		uint64_t start = vkt_now_ns();
		for (int k = 0; k < CALLS; k++) {
			VKT_RESULT(VK_NOT_READY, vkGetFenceStatus(bench->t.device, fence));
		}
		add_sample(bench, vkt_now_ns() - start);
	}
	VKT_OK(vkSignalSemaphore(bench->t.device, &signal));
	VKT_OK(vkWaitForFences(bench->t.device, 1, &fence, VK_TRUE, UINT64_MAX));
	print_metric(bench, "fence_status_ns", take_median(bench, CALLS));
}

/* The value of a timeline semaphore that work has signalled, ns. */
static void measure_timeline_value(struct bench *bench)
{
	enum {
		CALLS = 1000
	};
	const uint64_t value = 7;
	VkSemaphore semaphore = vkt_create_timeline(&bench->t, 0);
	const VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &value,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &timeline,
		.signalSemaphoreCount = 1,
		.pSignalSemaphores = &semaphore,
	};
	uint64_t counter = 0;

	VKT_OK(vkQueueSubmit(bench->t.queue, 1, &info, VK_NULL_HANDLE));
	VKT_OK(vkQueueWaitIdle(bench->t.queue));
	for (int i = 0; i < 100; i++) {
		uint64_t start = vkt_now_ns();
		for (int k = 0; k < CALLS; k++) {
			VKT_OK(vkGetSemaphoreCounterValue(bench->t.device, semaphore, &counter));
		}
		add_sample(bench, vkt_now_ns() - start);
	}
	print_metric(bench, "timeline_value_ns", take_median(bench, CALLS));
}

/* A call whose answer only the host's driver knows, and which changes: nobody can cache it. */
static void call_host(struct bench *bench, VkPipelineCache cache)
{
	size_t size = 0;

	VKT_OK(vkGetPipelineCacheData(bench->t.device, cache, &size, NULL));
	VKT_EXPECT(size > 0);
}

static VkPipelineCache create_cache(struct bench *bench)
{
	const VkPipelineCacheCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
	};
	VkPipelineCache cache;

	VKT_OK(vkCreatePipelineCache(bench->t.device, &info, NULL, &cache));
	VKT_OWN(&bench->t, PIPELINE_CACHE, cache);
	return cache;
}

/* Calls one after the other, µs each. */
static void measure_hot_call(struct bench *bench)
{
	VkPipelineCache cache = create_cache(bench);

	for (int i = 0; i < 4000; i++) {
		uint64_t start = vkt_now_ns();
		call_host(bench, cache);
		add_sample(bench, vkt_now_ns() - start);
	}
	print_metric(bench, "hot_call_us", take_median(bench, 1000));
}

/* One call after 10 ms in which nothing happened, µs. */
static void measure_idle_call(struct bench *bench)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	VkPipelineCache cache = create_cache(bench);

	for (int i = 0; i < 100; i++) {
		nanosleep(&pause, NULL);
		uint64_t start = vkt_now_ns();
		call_host(bench, cache);
		add_sample(bench, vkt_now_ns() - start);
	}
	print_metric(bench, "idle_call_us", take_median(bench, 1000));
}

struct frame {
	struct vkt_target target;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	VkCommandBuffer cmd;
	VkFence fence;
};

static struct frame create_frame(struct bench *bench, uint32_t size)
{
	struct vkt *t = &bench->t;
	struct frame frame = {
		.target = vkt_create_target(t,
					    &(struct vkt_target_spec){
						    .width = size,
						    .height = size,
						    .colors = { VK_FORMAT_R8G8B8A8_UNORM },
					    }),
		.layout = vkt_create_layout(t, VK_NULL_HANDLE, 16),
		.cmd = vkt_allocate_command_buffer(t, VK_COMMAND_BUFFER_LEVEL_PRIMARY),
		.fence = vkt_create_fence(t, 0),
	};
	const struct vkt_pipeline_spec spec = {
		.vert = VKT_CODE(small_vert),
		.frag = VKT_CODE(small_frag),
		.layout = frame.layout,
		.render_pass = frame.target.render_pass,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.color_count = 1,
		.extent = frame.target.extent,
	};

	frame.pipeline = vkt_create_graphics(t, &spec);
	return frame;
}

/* Record, submit and wait for one frame of small triangles. */
static void run_frame(struct bench *bench, const struct frame *frame, uint32_t draws, float size)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &frame->cmd,
	};
	VkCommandBuffer cmd = frame->cmd;

	VKT_OK(vkBeginCommandBuffer(cmd, &begin));
	vkt_begin_target(cmd, &frame->target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, frame->pipeline);
	for (uint32_t i = 0; i < draws; i++) {
		const float push[4] = { (float)(i % 100) / 50.0f - 1.0f,
					(float)(i / 100 % 100) / 50.0f - 1.0f, size,
					(float)(i % 7) / 7.0f };
		vkCmdPushConstants(cmd, frame->layout, VK_SHADER_STAGE_ALL, 0, 16, push);
		vkCmdDraw(cmd, 3, 1, 0, 0);
	}
	vkCmdEndRenderPass(cmd);
	VKT_OK(vkEndCommandBuffer(cmd));
	VKT_OK(vkQueueSubmit(bench->t.queue, 1, &submit, frame->fence));
	VKT_OK(vkWaitForFences(bench->t.device, 1, &frame->fence, VK_TRUE, UINT64_MAX));
	VKT_OK(vkResetFences(bench->t.device, 1, &frame->fence));
}

static double measure_frames(struct bench *bench, uint32_t draws, uint32_t target_size, float size,
			     int count)
{
	struct frame frame = create_frame(bench, target_size);

	for (int i = -3; i < count; i++) {
		uint64_t start = vkt_now_ns();
		run_frame(bench, &frame, draws, size);
		/* The first frames compile and fill caches. */
		if (i >= 0) {
			add_sample(bench, vkt_now_ns() - start);
		}
	}
	return take_median(bench, 1000000);
}

/* A frame of 10,000 draws that cover next to nothing, ms. */
static void measure_draws(struct bench *bench)
{
	print_metric(bench, "draws_ms", measure_frames(bench, 10000, 64, 0.01f, 60));
}

/* A frame of about a millisecond, ms. */
static void measure_light_frame(struct bench *bench)
{
	print_metric(bench, "light_frame_ms", measure_frames(bench, 150, 256, 0.5f, 300));
}

/* Write through a map, copy by the device, read through a map: GiB of each per second. */
static void measure_bandwidth(struct bench *bench)
{
	const VkDeviceSize size = 64u << 20;
	struct vkt_buffer from = vkt_create_buffer(&bench->t, size, 0, VKT_HOST);
	struct vkt_buffer to = vkt_create_buffer(&bench->t, size, 0, VKT_HOST);
	uint8_t *data = malloc(size);
	VkCommandBuffer cmd = vkt_begin(&bench->t);

	VKT_EXPECT(data != NULL);
	vkt_fill_pattern(data, size, 1);
	vkCmdCopyBuffer(cmd, from.handle, to.handle, 1, &(VkBufferCopy){ .size = size });
	vkt_barrier(cmd);
	VKT_OK(vkEndCommandBuffer(cmd));
	for (int i = -1; i < 15; i++) {
		uint64_t start = vkt_now_ns();
		memcpy(from.map, data, size);
		vkt_run(&bench->t, cmd);
		memcpy(data, to.map, size);
		if (i >= 0) {
			add_sample(bench, vkt_now_ns() - start);
		}
	}
	free(data);
	print_metric(bench, "bandwidth_gib_s",
		     (double)size / (1u << 30) / (take_median(bench, 1) * 1e-9));
}

/* What the program's own CPU does: GiB of ordinary memory copied twice per second, to compare the
 * bandwidth with where the CPU itself is emulated. */
static void measure_memcpy(struct bench *bench)
{
	const size_t size = 64u << 20;
	uint8_t *data = malloc(size);
	uint8_t *other = malloc(size);

	VKT_EXPECT(data != NULL && other != NULL);
	vkt_fill_pattern(data, size, 1);
	for (int i = -1; i < 15; i++) {
		uint64_t start = vkt_now_ns();
		memcpy(other, data, size);
		memcpy(data, other, size);
		if (i >= 0) {
			add_sample(bench, vkt_now_ns() - start);
		}
	}
	VKT_EXPECT(memcmp(data, other, size) == 0);
	free(other);
	free(data);
	print_metric(bench, "memcpy_gib_s",
		     (double)size / (1u << 30) / (take_median(bench, 1) * 1e-9));
}

static const struct {
	const char *name;
	void (*measure)(struct bench *bench);
} metrics[] = {
	{ "submit_wait", measure_submit_wait },
	{ "fence_status", measure_fence_status },
	{ "timeline_value", measure_timeline_value },
	{ "hot_call", measure_hot_call },
	{ "idle_call", measure_idle_call },
	{ "draws", measure_draws },
	{ "light_frame", measure_light_frame },
	{ "bandwidth", measure_bandwidth },
	{ "memcpy", measure_memcpy },
};

int main(int argc, char **argv)
{
	static struct bench bench = { .turns = 1 };
	const struct vkt_options options = { .flags = VKT_OLDER };
	uint64_t start = vkt_now_ns();

	vkt_open(&bench.t, &options);
	print_metric(&bench, "startup_ms", (double)(vkt_now_ns() - start) * 1e-6);
	fprintf(stderr, "%s\n", bench.t.properties.deviceName);
	for (size_t i = 0; i < VKT_COUNT(metrics); i++) {
		bool wanted = argc == 1;
		for (int k = 1; k < argc; k++) {
			wanted = wanted || strcmp(argv[k], metrics[i].name) == 0;
		}
		if (wanted) {
			metrics[i].measure(&bench);
		}
	}
	vkt_close(&bench.t);
	return 0;
}
