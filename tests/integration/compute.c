/* SPDX-License-Identifier: MIT */
/* Compute shaders: arithmetic, atomics, constants and the ways to dispatch. */
#include "cases.h"

#include "address_comp.h"
#include "double_comp.h"
#include "make_args_comp.h"
#include "mark_comp.h"
#include "push_comp.h"
#include "reduce_comp.h"
#include "robust_comp.h"
#include "saxpy_comp.h"
#include "scan_comp.h"
#include "specialize_comp.h"
#include "subgroup_comp.h"
#include "wide_comp.h"

#include <string.h>

struct saxpy_push {
	float a;
	uint32_t count; /* of vec4 */
};

static void fill_floats(float *floats, size_t count, uint32_t seed)
{
	for (size_t i = 0; i < count; i++) {
		seed = seed * 1664525u + 1013904223u;
		floats[i] = (float)(seed >> 8) * 0.001f - 4000.0f;
	}
}

static void dispatch_saxpy(VkCommandBuffer cmd, const struct vkt_kernel *kernel, float a,
			   uint32_t count)
{
	const struct saxpy_push push = { a, count };

	vkt_bind_kernel(cmd, kernel);
	vkCmdPushConstants(cmd, kernel->layout, VK_SHADER_STAGE_ALL, 0, sizeof(push), &push);
	vkCmdDispatch(cmd, (count + 255) / 256, 1, 1);
	vkt_barrier(cmd);
}

/* 64 MiB in host-visible memory, read and written in place. */
static void saxpy(struct vkt *t)
{
	const VkDeviceSize size = 64u << 20;
	struct vkt_buffer x =
		vkt_create_buffer(t, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	struct vkt_buffer y =
		vkt_create_buffer(t, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &x, &y };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(saxpy_comp), buffers, 2,
						     sizeof(struct saxpy_push), NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	fill_floats(x.map, size / sizeof(float), 1);
	fill_floats(y.map, size / sizeof(float), 2);
	dispatch_saxpy(cmd, &kernel, 1.75f, (uint32_t)(size / 16));
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "y", &y);
}

/* The same through device memory: copied in, computed on twice, copied out. */
static void saxpy_device(struct vkt *t)
{
	const VkDeviceSize size = 1u << 20;
	const VkBufferCopy whole = { .size = size };
	struct vkt_buffer staging = vkt_create_buffer(t, size, 0, VKT_HOST);
	struct vkt_buffer x =
		vkt_create_buffer(t, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_DEVICE);
	struct vkt_buffer y =
		vkt_create_buffer(t, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_DEVICE);
	const struct vkt_buffer *buffers[] = { &x, &y };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(saxpy_comp), buffers, 2,
						     sizeof(struct saxpy_push), NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	fill_floats(staging.map, size / sizeof(float), 3);
	vkCmdCopyBuffer(cmd, staging.handle, x.handle, 1, &whole);
	vkCmdCopyBuffer(cmd, staging.handle, y.handle, 1, &whole);
	vkt_barrier(cmd);
	dispatch_saxpy(cmd, &kernel, 0.5f, (uint32_t)(size / 16));
	dispatch_saxpy(cmd, &kernel, -3.0f, (uint32_t)(size / 32));
	vkCmdCopyBuffer(cmd, y.handle, staging.handle, 1, &whole);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "y", &staging);
}

static void reduction(struct vkt *t)
{
	const uint32_t start[7] = { 0, UINT32_MAX, 0, 0, 0, UINT32_MAX, 0 };
	struct vkt_buffer words =
		vkt_create_buffer(t, 1u << 20, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	struct vkt_buffer result =
		vkt_create_buffer(t, sizeof(start), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words, &result };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(reduce_comp), buffers, 2, 0, NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(words.map, words.size, 4);
	memcpy(result.map, start, sizeof(start));
	vkt_bind_kernel(cmd, &kernel);
	vkCmdDispatch(cmd, (uint32_t)(words.size / 4 / 128), 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	VKT_EXPECT(((uint32_t *)result.map)[6] == words.size / 4);
	vkt_put_buffer(t, "result", &result);
}

static void prefix_sum(struct vkt *t)
{
	struct vkt_buffer words =
		vkt_create_buffer(t, 65536, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(scan_comp), buffers, 1, 0, NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(words.map, words.size, 5);
	vkt_bind_kernel(cmd, &kernel);
	vkCmdDispatch(cmd, 64, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "words", &words);
}

static void specialization(struct vkt *t)
{
	const struct {
		uint32_t group, factor;
		int32_t offset;
		float scale;
		VkBool32 invert;
	} values[] = { { 4, 3, -7, 1.5f, VK_FALSE }, { 16, 1000003, 12, 0.25f, VK_TRUE } };
	const VkSpecializationMapEntry entries[] = {
		{ 0, 0, 4 }, { 1, 4, 4 }, { 2, 8, 4 }, { 3, 12, 4 }, { 4, 16, 4 }
	};
	struct vkt_buffer words =
		vkt_create_buffer(t, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };

	for (size_t i = 0; i < VKT_COUNT(values); i++) {
		const VkSpecializationInfo info = { VKT_COUNT(entries), entries, sizeof(values[i]),
						    &values[i] };
		struct vkt_kernel kernel =
			vkt_create_kernel(t, VKT_CODE(specialize_comp), buffers, 1, 0, &info);
		VkCommandBuffer cmd = vkt_begin(t);
		vkt_bind_kernel(cmd, &kernel);
		vkCmdDispatch(cmd, 64 / values[i].group, 1, 1);
		vkt_barrier(cmd);
		vkt_end_and_run(t, cmd);
		vkt_put_buffer(t, "words", &words);
	}
}

static void push_constants(struct vkt *t)
{
	struct vkt_buffer slots =
		vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &slots };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(push_comp), buffers, 1, 24, NULL);
	VkCommandBuffer cmd = vkt_begin(t);
	const uint32_t start[6] = { 1, 2, 3, 4, 0, 5 };

	vkt_bind_kernel(cmd, &kernel);
	vkCmdPushConstants(cmd, kernel.layout, VK_SHADER_STAGE_ALL, 0, sizeof(start), start);
	for (uint32_t slot = 0; slot < 64; slot++) {
		/* Parts of the range change, the rest stays. */
		vkCmdPushConstants(cmd, kernel.layout, VK_SHADER_STAGE_ALL, 16, 4, &slot);
		if (slot % 3 == 0) {
			vkCmdPushConstants(cmd, kernel.layout, VK_SHADER_STAGE_ALL, 4, 4, &slot);
		}
		vkCmdDispatch(cmd, 1, 1, 1);
	}
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "slots", &slots);
}

static struct vkt_buffer create_marks(struct vkt *t)
{
	struct vkt_buffer marks = vkt_create_buffer(t, 4 + 16 * 16 * 16 * 8 * 4,
						    VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);

	memset(marks.map, 0, marks.size);
	return marks;
}

static void indirect_dispatch(struct vkt *t)
{
	struct vkt_buffer marks = create_marks(t);
	struct vkt_buffer args = vkt_create_buffer(
		t, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT,
		VKT_DEVICE);
	const struct vkt_buffer *mark_buffers[] = { &marks };
	const struct vkt_buffer *arg_buffers[] = { &args };
	struct vkt_kernel mark =
		vkt_create_kernel(t, VKT_CODE(mark_comp), mark_buffers, 1, 0, NULL);
	struct vkt_kernel make =
		vkt_create_kernel(t, VKT_CODE(make_args_comp), arg_buffers, 1, 0, NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_bind_kernel(cmd, &make);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkt_barrier(cmd);
	vkt_bind_kernel(cmd, &mark);
	vkCmdDispatchIndirect(cmd, args.handle, 4);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	VKT_EXPECT(*(uint32_t *)marks.map == 3 * 2 * 4 * 8);
	vkt_put_buffer(t, "marks", &marks);
}

static void dispatch_base(struct vkt *t)
{
	struct vkt_buffer marks = create_marks(t);
	const struct vkt_buffer *buffers[] = { &marks };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(mark_comp), buffers, 1, 0, NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_bind_kernel(cmd, &kernel);
	vkCmdDispatchBase(cmd, 2, 3, 4, 5, 6, 7);
	vkCmdDispatchBase(cmd, 0, 0, 0, 1, 1, 1);
	vkCmdDispatch(cmd, 0, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "marks", &marks);
}

static void buffer_device_address(struct vkt *t)
{
	enum {
		NODES = 100,
		STRIDE = 16
	};
	struct {
		VkDeviceAddress first, result;
		uint32_t count;
	} push;
	const VkBufferUsageFlags usage =
		VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;

	vkt_require(t->features->v12.bufferDeviceAddress, "bufferDeviceAddress");
	struct vkt_buffer nodes = vkt_create_buffer(t, NODES * STRIDE, usage, VKT_HOST);
	struct vkt_buffer result = vkt_create_buffer(t, NODES * 4, usage, VKT_HOST);
	struct vkt_kernel kernel =
		vkt_create_kernel(t, VKT_CODE(address_comp), NULL, 0, sizeof(push), NULL);
	VkDeviceAddress base = vkt_get_address(t, &nodes);
	VkCommandBuffer cmd = vkt_begin(t);

	for (uint32_t i = 0; i < NODES; i++) {
		uint8_t *node = (uint8_t *)nodes.map + i * STRIDE;
		VkDeviceAddress next = base + (i * 37 + 11) % NODES * STRIDE;
		memcpy(node, &next, sizeof(next));
		memcpy(node + 8, &(uint32_t[]){ i * i, 0 }, 8);
	}
	push.first = base;
	push.result = vkt_get_address(t, &result);
	push.count = NODES;
	vkt_bind_kernel(cmd, &kernel);
	vkCmdPushConstants(cmd, kernel.layout, VK_SHADER_STAGE_ALL, 0, sizeof(push), &push);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "values", &result);
	for (uint32_t i = 0; i < NODES; i++) {
		vkt_put(t, "visited", (uint8_t *)nodes.map + i * STRIDE + 12, 4);
	}
}

static void subgroups(struct vkt *t)
{
	struct vkt_buffer words =
		vkt_create_buffer(t, 64 * 64 * 16, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel =
		vkt_create_kernel(t, VKT_CODE(subgroup_comp), buffers, 1, 0, NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(words.map, words.size, 6);
	vkt_bind_kernel(cmd, &kernel);
	vkCmdDispatch(cmd, 64, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "words", &words);
}

static void number_types(struct vkt *t)
{
	const VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;

	vkt_require(t->features->core.features.shaderFloat64 &&
			    t->features->core.features.shaderInt64 && t->features->v12.shaderInt8 &&
			    t->features->v12.storageBuffer8BitAccess &&
			    t->features->v11.storageBuffer16BitAccess &&
			    t->features->v12.shaderBufferInt64Atomics,
		    "8, 16 and 64 bit types");
	struct vkt_buffer bytes = vkt_create_buffer(t, 1024, usage, VKT_HOST);
	struct vkt_buffer halves = vkt_create_buffer(t, 2048, usage, VKT_HOST);
	struct vkt_buffer longs = vkt_create_buffer(t, 8192 + 8, usage, VKT_HOST);
	struct vkt_buffer doubles = vkt_create_buffer(t, 8192, usage, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &bytes, &halves, &longs, &doubles };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(wide_comp), buffers, 4, 0, NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(bytes.map, bytes.size, 7);
	vkt_fill_pattern(halves.map, halves.size, 8);
	memset(longs.map, 0, longs.size);
	vkt_bind_kernel(cmd, &kernel);
	vkCmdDispatch(cmd, 32, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	for (size_t i = 0; i < VKT_COUNT(buffers); i++) {
		vkt_put_buffer(t, "numbers", buffers[i]);
	}
}

/* With robustBufferAccess2 what lies beyond the end of a buffer reads as zero. */
static void robust_access(struct vkt *t)
{
	const uint32_t stride = 32;

	vkt_require(t->features->robustness.robustBufferAccess2, "robustBufferAccess2");
	struct vkt_buffer words =
		vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	struct vkt_buffer result =
		vkt_create_buffer(t, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words, &result };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(robust_comp), buffers, 2, 4, NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	memset(words.map, 0xff, words.size);
	vkt_bind_kernel(cmd, &kernel);
	vkCmdPushConstants(cmd, kernel.layout, VK_SHADER_STAGE_ALL, 0, 4, &stride);
	vkCmdDispatch(cmd, 1, 1, 1);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "result", &result);
}

/* Thousands of dispatches that depend on each other, in one command buffer and in many. */
static void chain(struct vkt *t)
{
	struct vkt_buffer words =
		vkt_create_buffer(t, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);

	vkt_fill_pattern(words.map, words.size, 9);
	for (int i = 0; i < 20; i++) {
		VkCommandBuffer cmd = vkt_begin(t);
		for (int k = 0; k < 100; k++) {
			vkt_bind_kernel(cmd, &kernel);
			vkCmdDispatch(cmd, 1, 1, 1);
			vkt_barrier(cmd);
		}
		vkt_end_and_run(t, cmd);
		vkt_put_buffer(t, "words", &words);
	}
}

const struct vkt_case compute_cases[] = {
	{ "saxpy", saxpy, 0 },
	{ "saxpy_device", saxpy_device, VKT_PLAIN },
	{ "reduction", reduction, VKT_PLAIN },
	{ "prefix_sum", prefix_sum, VKT_PLAIN },
	{ "specialization", specialization, VKT_PLAIN },
	{ "push_constants", push_constants, VKT_PLAIN },
	{ "indirect_dispatch", indirect_dispatch, VKT_PLAIN },
	{ "dispatch_base", dispatch_base, 0 },
	{ "buffer_device_address", buffer_device_address, 0 },
	{ "subgroups", subgroups, 0 },
	{ "number_types", number_types, 0 },
	{ "robust_access", robust_access, 0 },
	{ "chain", chain, 0 },
	{ NULL, NULL, 0 },
};
