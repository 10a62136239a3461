/* SPDX-License-Identifier: MIT */
/* A program that keeps the GPU busy as it is told: vulkan_load KEY=NUMBER…
 *
 *	rounds     work of one job (default: 1000)
 *	groups     workgroups of one job (default: 64)
 *	depth      jobs under way at a time (default: 2)
 *	period_us  a new job begins so often, and no sooner than the one before has ended
 *	           (default: 0)
 *	jobs       how many (default: until standard input ends)
 *	hold       1: the first job waits for a semaphore that is signalled once a line was read
 *	whole      1: the jobs' dispatches cannot be cut
 *	samples    1: say of each job when it was submitted, and how long it took
 *
 * Prints "working" once the first job has ended (with hold: is submitted), and what it did at the
 * end, as JSON: jobs, their time altogether, and from the submission of each to its end. */
#include "tests/vkt/vkt.h"

#include "spin_comp.h"
#include "spin_whole_comp.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_DEPTH = 16,
	MAX_SAMPLES = 1 << 20,
};

struct options {
	uint64_t rounds;
	uint64_t groups;
	uint64_t depth;
	uint64_t period_us;
	uint64_t jobs;
	uint64_t hold;
	uint64_t whole;
	uint64_t samples;
};

struct sample {
	uint64_t begin_ns; /* CLOCK_MONOTONIC */
	uint64_t took_ns;
};

struct load {
	struct vkt t;
	struct options options;
	VkCommandBuffer cmds[MAX_DEPTH];
	VkFence fences[MAX_DEPTH];
	uint64_t begin_ns[MAX_DEPTH]; /* of the job whose fence it is */
	VkSemaphore timeline;
	struct sample *samples;
	uint64_t done;
};

static void parse(struct options *options, int argc, char **argv)
{
	const struct {
		const char *name;
		uint64_t *value;
	} keys[] = {
		{ "rounds", &options->rounds },	  { "groups", &options->groups },
		{ "depth", &options->depth },	  { "period_us", &options->period_us },
		{ "jobs", &options->jobs },	  { "hold", &options->hold },
		{ "samples", &options->samples }, { "whole", &options->whole },
	};

	for (int i = 1; i < argc; i++) {
		size_t length = strcspn(argv[i], "=");
		size_t k = 0;

		while (k < VKT_COUNT(keys) && (strlen(keys[k].name) != length ||
					       strncmp(keys[k].name, argv[i], length) != 0)) {
			k++;
		}
		if (k == VKT_COUNT(keys) || argv[i][length] == '\0') {
			fprintf(stderr, "vulkan_load: what is '%s'?\n", argv[i]);
			exit(2);
		}
		*keys[k].value = strtoull(argv[i] + length + 1, NULL, 10);
	}
}

static void prepare(struct load *load)
{
	struct vkt *t = &load->t;
	uint32_t rounds = (uint32_t)load->options.rounds;
	struct vkt_buffer words = vkt_create_buffer(t, load->options.groups * 256,
						    VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_DEVICE);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel =
		load->options.whole != 0
			? vkt_create_kernel(t, VKT_CODE(spin_whole_comp), buffers, 1, 4, NULL)
			: vkt_create_kernel(t, VKT_CODE(spin_comp), buffers, 1, 4, NULL);

	for (uint64_t i = 0; i < load->options.depth; i++) {
		load->cmds[i] = vkt_begin(t);
		vkt_bind_kernel(load->cmds[i], &kernel);
		vkCmdPushConstants(load->cmds[i], kernel.layout, VK_SHADER_STAGE_ALL, 0, 4,
				   &rounds);
		vkCmdDispatch(load->cmds[i], (uint32_t)load->options.groups, 1, 1);
		vkt_barrier(load->cmds[i]);
		VKT_OK(vkEndCommandBuffer(load->cmds[i]));
		load->fences[i] = vkt_create_fence(t, 0);
	}
	load->timeline = vkt_create_timeline(t, 0);
}

static void submit(struct load *load, uint64_t number)
{
	static const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	static const uint64_t one = 1;
	uint64_t slot = number % load->options.depth;
	bool is_held = load->options.hold != 0 && number == 0;
	const VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &one,
	};
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = is_held ? &values : NULL,
		.waitSemaphoreCount = is_held,
		.pWaitSemaphores = &load->timeline,
		.pWaitDstStageMask = &all,
		.commandBufferCount = 1,
		.pCommandBuffers = &load->cmds[slot],
	};

	load->begin_ns[slot] = vkt_now_ns();
	VKT_OK(vkQueueSubmit(load->t.queue, 1, &info, load->fences[slot]));
}

static void say_working(void)
{
	puts("working");
	fflush(stdout);
}

static void finish_job(struct load *load, uint64_t number)
{
	uint64_t slot = number % load->options.depth;

	VKT_OK(vkWaitForFences(load->t.device, 1, &load->fences[slot], VK_TRUE, UINT64_MAX));
	VKT_OK(vkResetFences(load->t.device, 1, &load->fences[slot]));
	load->samples[load->done++ % MAX_SAMPLES] = (struct sample){
		.begin_ns = load->begin_ns[slot],
		.took_ns = vkt_now_ns() - load->begin_ns[slot],
	};
	if (number == 0 && load->options.hold == 0) {
		say_working();
	}
}

/* What the operator of the test does while the job waits lies between the two. */
static void let_go(struct load *load)
{
	const VkSemaphoreSignalInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = load->timeline,
		.value = 1,
	};

	say_working();
	(void)getchar();
	VKT_OK(vkSignalSemaphore(load->t.device, &signal));
}

static bool goes_on(const struct load *load, uint64_t number)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	if (load->options.jobs != 0) {
		return number < load->options.jobs;
	}
	return poll(&input, 1, 0) == 0;
}

static void wait_until(uint64_t time_ns)
{
	const struct timespec time = { .tv_sec = (time_t)(time_ns / 1000000000),
				       .tv_nsec = (long)(time_ns % 1000000000) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static void run(struct load *load)
{
	uint64_t period_ns = load->options.period_us * 1000;
	uint64_t due_ns = vkt_now_ns();
	uint64_t number = 0;

	for (; goes_on(load, number); number++) {
		if (number >= load->options.depth) {
			finish_job(load, number - load->options.depth);
		}
		if (period_ns != 0) {
			wait_until(due_ns);
			/* Frames that were missed are not made up for. */
			due_ns += ((vkt_now_ns() - due_ns) / period_ns + 1) * period_ns;
		}
		submit(load, number);
		if (number == 0 && load->options.hold != 0) {
			let_go(load);
		}
	}
	for (uint64_t i = load->done; i < number; i++) {
		finish_job(load, i);
	}
}

static int compare(const void *a, const void *b)
{
	const struct sample *first = a;
	const struct sample *second = b;

	return first->took_ns < second->took_ns ? -1 : first->took_ns > second->took_ns;
}

static void print_samples(const struct sample *samples, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		printf("%s[%llu, %llu]", i > 0 ? ", " : "", (unsigned long long)samples[i].begin_ns,
		       (unsigned long long)samples[i].took_ns);
	}
}

static unsigned long long percentile(const struct sample *samples, uint64_t count, uint64_t percent)
{
	uint64_t index = count * percent / 100;

	return count > 0 ? samples[index < count ? index : count - 1].took_ns : 0;
}

static void report(struct load *load, uint64_t elapsed_ns)
{
	uint64_t count = load->done < MAX_SAMPLES ? load->done : MAX_SAMPLES;
	struct sample *samples = load->samples;

	printf("{\"jobs\": %llu, \"time_ns\": %llu, ", (unsigned long long)load->done,
	       (unsigned long long)elapsed_ns);
	if (load->options.samples != 0) {
		printf("\"samples\": [");
		print_samples(samples, count);
		printf("], ");
	}
	qsort(samples, count, sizeof(*samples), compare);
	printf("\"p50_ns\": %llu, \"p99_ns\": %llu, \"max_ns\": %llu}\n",
	       percentile(samples, count, 50), percentile(samples, count, 99),
	       percentile(samples, count, 100));
}

int main(int argc, char **argv)
{
	struct load load = { .options = { .rounds = 1000, .groups = 64, .depth = 2 } };

	parse(&load.options, argc, argv);
	if (load.options.depth < 1 || load.options.depth > MAX_DEPTH) {
		fprintf(stderr, "vulkan_load: depth is from 1 to %d\n", MAX_DEPTH);
		return 2;
	}
	load.samples = calloc(MAX_SAMPLES, sizeof(*load.samples));
	VKT_EXPECT(load.samples != NULL);
	vkt_open(&load.t, &(struct vkt_options){ 0 });
	prepare(&load);
	uint64_t start_ns = vkt_now_ns();

	run(&load);
	report(&load, vkt_now_ns() - start_ns);
	free(load.samples);
	return vkt_close(&load.t) ? 0 : 1;
}
