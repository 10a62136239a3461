/* SPDX-License-Identifier: MIT */
/* An ordinary Vulkan program that renders an animation and writes its frames as PNG files. */
#include <getopt.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vkt/vkt.h"

#include "waves_frag.h"
#include "waves_vert.h"

#define CUBES_PER_SIDE 40

struct arguments {
	const char *directory; /* NULL: write nothing */
	uint32_t frame_count;
	uint32_t width;
	uint32_t height;
};

struct scene {
	struct vkt_target target;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	struct vkt_buffer pixels;
};

struct push {
	float time;
	float aspect;
	int32_t side;
};

static struct scene create_scene(struct vkt *t, const struct arguments *arguments)
{
	static const VkPipelineDepthStencilStateCreateInfo depth = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthTestEnable = VK_TRUE,
		.depthWriteEnable = VK_TRUE,
		.depthCompareOp = VK_COMPARE_OP_LESS,
	};
	const struct vkt_target_spec target = {
		.width = arguments->width,
		.height = arguments->height,
		.colors = { VK_FORMAT_R8G8B8A8_SRGB },
		.depth = VK_FORMAT_D32_SFLOAT,
		.samples = VK_SAMPLE_COUNT_4_BIT,
	};
	struct scene scene = { .target = vkt_create_target(t, &target) };

	scene.layout = vkt_create_layout(t, VK_NULL_HANDLE, sizeof(struct push));
	const struct vkt_pipeline_spec pipeline = {
		.vert = VKT_CODE(waves_vert),
		.frag = VKT_CODE(waves_frag),
		.layout = scene.layout,
		.render_pass = scene.target.render_pass,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.samples = VK_SAMPLE_COUNT_4_BIT,
		.depth = &depth,
		.color_count = 1,
		.extent = scene.target.extent,
	};
	scene.pipeline = vkt_create_graphics(t, &pipeline);
	scene.pixels = vkt_create_buffer(t, (VkDeviceSize)arguments->width * arguments->height * 4,
					 VK_BUFFER_USAGE_TRANSFER_DST_BIT, VKT_HOST);
	return scene;
}

static void render(struct vkt *t, const struct scene *scene, VkCommandBuffer cmd, float time)
{
	const VkExtent2D extent = scene->target.extent;
	const struct push push = {
		.time = time,
		.aspect = (float)extent.width / (float)extent.height,
		.side = CUBES_PER_SIDE,
	};
	const VkBufferImageCopy copy = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { extent.width, extent.height, 1 },
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	VKT_OK(vkBeginCommandBuffer(cmd, &begin));
	vkt_begin_target(cmd, &scene->target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, scene->pipeline);
	vkCmdPushConstants(cmd, scene->layout, VK_SHADER_STAGE_ALL, 0, sizeof(push), &push);
	vkCmdDraw(cmd, 36, CUBES_PER_SIDE * CUBES_PER_SIDE, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_barrier(cmd);
	vkCmdCopyImageToBuffer(cmd, scene->target.colors[0].handle,
			       VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, scene->pixels.handle, 1,
			       &copy);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
}

static void write_picture(const struct arguments *arguments, uint32_t frame, const void *pixels)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = arguments->width,
		.height = arguments->height,
		.format = PNG_FORMAT_RGBA,
	};
	char path[4096];

	snprintf(path, sizeof(path), "%s/frame-%03u.png", arguments->directory, frame);
	if (!png_image_write_to_file(&image, path, 0, pixels, 0, NULL)) {
		fprintf(stderr, "waves: %s: %s\n", path, image.message);
		exit(EXIT_FAILURE);
	}
}

static int print_usage(FILE *out)
{
	fprintf(out,
		"usage: waves [--frames N] [--size WIDTHxHEIGHT] [--out DIRECTORY]\n"
		"Render N frames (default: 60) of an animation on the first Vulkan device and\n"
		"write them to DIRECTORY as PNG files; without --out only render.\n");
	return out == stderr ? 2 : 0;
}

/* Returns -1, or the exit status. */
static int parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "frames", required_argument, NULL, 'f' },
		{ "size", required_argument, NULL, 's' },
		{ "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			arguments->frame_count = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 's':
			if (sscanf(optarg, "%ux%u", &arguments->width, &arguments->height) != 2 ||
			    arguments->width == 0 || arguments->width > 8192 ||
			    arguments->height == 0 || arguments->height > 8192) {
				fprintf(stderr, "waves: '%s' is no size like 960x540\n", optarg);
				return 2;
			}
			break;
		case 'o':
			arguments->directory = optarg;
			break;
		case 'h':
			return print_usage(stdout);
		default:
			return print_usage(stderr);
		}
	}
	return optind == argc ? -1 : print_usage(stderr);
}

int main(int argc, char **argv)
{
	const struct vkt_options options = { .flags = VKT_PLAIN };
	struct arguments arguments = { .frame_count = 60, .width = 960, .height = 540 };
	uint64_t render_ns = 0;
	struct vkt t;
	int status = parse(argc, argv, &arguments);

	if (status >= 0) {
		return status;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	vkt_open(&t, &options);
	printf("waves: %u frames of %ux%u on %s\n", arguments.frame_count, arguments.width,
	       arguments.height, t.properties.deviceName);
	struct scene scene = create_scene(&t, &arguments);
	VkCommandBuffer cmd = vkt_allocate_command_buffer(&t, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	for (uint32_t frame = 0; frame < arguments.frame_count; frame++) {
		uint64_t start_ns = vkt_now_ns();

		render(&t, &scene, cmd, (float)frame / (float)arguments.frame_count);
		render_ns += vkt_now_ns() - start_ns;
		if (arguments.directory != NULL) {
			write_picture(&arguments, frame, scene.pixels.map);
		}
	}
	if (arguments.frame_count > 0) {
		printf("waves: %.2f ms per frame\n",
		       (double)render_ns / 1e6 / (double)arguments.frame_count);
	}
	return vkt_close(&t) ? EXIT_SUCCESS : EXIT_FAILURE;
}
