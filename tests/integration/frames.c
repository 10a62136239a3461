/* SPDX-License-Identifier: MIT */
/* A program that draws frame after frame and looks at each: vulkan_frames PERIOD_US
 *
 * Says "working HASH" once it has drawn the first frame, with the hash of its pixels. Then, for
 * each line of standard input, what it did since the last one, as JSON: frames, how many of them
 * were not like the first, and how long they took. It ends with its input. */
#include "tests/vkt/vkt.h"

#include "color_frag.h"
#include "triangle_vert.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE	    128u
#define BYTES	    (SIZE * SIZE * 4)
#define MAX_SAMPLES 65536u

struct frames {
	struct vkt t;
	VkCommandBuffer cmd;
	struct vkt_buffer pixels;
	uint8_t first[BYTES];
	uint64_t samples_ns[MAX_SAMPLES];
	uint64_t count;
	uint64_t wrong;
};

static void prepare(struct frames *frames)
{
	struct vkt *t = &frames->t;
	const struct vkt_target_spec target_spec = { .width = SIZE,
						     .height = SIZE,
						     .colors = { VK_FORMAT_R8G8B8A8_UNORM } };
	struct vkt_target target = vkt_create_target(t, &target_spec);
	const struct vkt_pipeline_spec spec = {
		.vert = VKT_CODE(triangle_vert),
		.frag = VKT_CODE(color_frag),
		.layout = vkt_create_layout(t, VK_NULL_HANDLE, 0),
		.render_pass = target.render_pass,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.color_count = 1,
		.extent = target.extent,
	};
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { SIZE, SIZE, 1 },
	};

	frames->pixels = vkt_create_buffer(t, BYTES, VK_BUFFER_USAGE_TRANSFER_DST_BIT, VKT_HOST);
	frames->cmd = vkt_begin(t);
	vkt_begin_target(frames->cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(frames->cmd, VK_PIPELINE_BIND_POINT_GRAPHICS,
			  vkt_create_graphics(t, &spec));
	vkCmdDraw(frames->cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(frames->cmd);
	vkt_barrier(frames->cmd);
	vkCmdCopyImageToBuffer(frames->cmd, target.colors[0].handle,
			       VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, frames->pixels.handle, 1,
			       &region);
	vkt_barrier(frames->cmd);
}

static uint64_t hash(const uint8_t *data, size_t size)
{
	uint64_t value = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++) {
		value = (value ^ data[i]) * 0x100000001b3;
	}
	return value;
}

static void draw(struct frames *frames)
{
	memset(frames->pixels.map, 0, BYTES);
	uint64_t begin_ns = vkt_now_ns();

	vkt_run(&frames->t, frames->cmd);
	frames->samples_ns[frames->count++ % MAX_SAMPLES] = vkt_now_ns() - begin_ns;
	frames->wrong += memcmp(frames->pixels.map, frames->first, BYTES) != 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *first = a;
	const uint64_t *second = b;

	return *first < *second ? -1 : *first > *second;
}

static void report(struct frames *frames)
{
	uint64_t count = frames->count < MAX_SAMPLES ? frames->count : MAX_SAMPLES;
	uint64_t *samples = frames->samples_ns;

	qsort(samples, count, sizeof(*samples), compare);
	printf("{\"frames\": %llu, \"wrong\": %llu, \"p50_ns\": %llu, \"p99_ns\": %llu, "
	       "\"max_ns\": %llu}\n",
	       (unsigned long long)frames->count, (unsigned long long)frames->wrong,
	       (unsigned long long)(count > 0 ? samples[count / 2] : 0),
	       (unsigned long long)(count > 0 ? samples[count * 99 / 100] : 0),
	       (unsigned long long)(count > 0 ? samples[count - 1] : 0));
	fflush(stdout);
	frames->count = 0;
	frames->wrong = 0;
}

/* Draw until the time of the next frame comes with a line in the input. False: the input ends. */
static bool run(struct frames *frames, uint64_t period_ns)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec pause = { .tv_nsec = (long)period_ns };
	char line[64];

	do {
		draw(frames);
		nanosleep(&pause, NULL);
	} while (poll(&input, 1, 0) == 0);
	return fgets(line, sizeof(line), stdin) != NULL;
}

int main(int argc, char **argv)
{
	uint64_t period_ns = argc > 1 ? strtoull(argv[1], NULL, 10) * 1000 : 0;
	struct frames *frames = calloc(1, sizeof(*frames));

	VKT_EXPECT(frames != NULL);
	/* A line is read when poll() says so: none may wait in a buffer. */
	setvbuf(stdin, NULL, _IONBF, 0);
	vkt_open(&frames->t, &(struct vkt_options){ 0 });
	prepare(frames);
	vkt_end_and_run(&frames->t, frames->cmd);
	memcpy(frames->first, frames->pixels.map, BYTES);
	printf("working %016llx\n", (unsigned long long)hash(frames->first, BYTES));
	fflush(stdout);
	while (run(frames, period_ns)) {
		report(frames);
	}
	bool is_clean = vkt_close(&frames->t);
	free(frames);
	return is_clean ? 0 : 1;
}
