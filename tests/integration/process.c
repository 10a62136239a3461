/* SPDX-License-Identifier: MIT */
/* What a process may do around its use of Vulkan: come back to it, fork, change its limits. */
#include "cases.h"

#include "color_frag.h"
#include "triangle_vert.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void draw_triangle(struct vkt *t)
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
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", &target);
}

/* Instances one after the other, with a device and without, while another one lives. */
static void many_instances(struct vkt *t)
{
	const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
	const struct vkt_options options = { .flags = t->flags };

	for (int i = 0; i < 5; i++) {
		VkInstance instance;
		uint32_t count = 0;
		struct vkt other;
		VKT_OK(vkCreateInstance(&info, NULL, &instance));
		VKT_OK(vkEnumeratePhysicalDevices(instance, &count, NULL));
		vkDestroyInstance(instance, NULL);
		vkt_put_u64(t, "devices", count);
		vkt_open(&other, &options);
		VKT_EXPECT(vkt_close(&other));
	}
	draw_triangle(t);
}

/* A child that does nothing with Vulkan, and one that starts afresh; the parent goes on. */
static void fork_children(struct vkt *t)
{
	const struct vkt_options options = { .flags = t->flags };
	int status;

	draw_triangle(t);
	vkt_flush(t);
	pid_t child = fork();
	if (child == 0) {
		_exit(7);
	}
	VKT_EXPECT(child > 0 && waitpid(child, &status, 0) == child);
	VKT_EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	draw_triangle(t);
	vkt_flush(t);
	child = fork();
	if (child == 0) {
		/* In a program of its own, as after fork() nothing else is certain to work. */
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	VKT_EXPECT(child > 0 && waitpid(child, &status, 0) == child);
	VKT_EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	draw_triangle(t);

	struct vkt other;
	vkt_open(&other, &options);
	draw_triangle(&other);
	VKT_EXPECT(vkt_close(&other));
}

const struct vkt_case process_cases[] = {
	{ "many_instances", many_instances, VKT_PLAIN },
	{ "fork_children", fork_children, VKT_PLAIN },
	{ NULL, NULL, 0 },
};
