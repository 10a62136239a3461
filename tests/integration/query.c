/* SPDX-License-Identifier: MIT */
/* Queries of every kind, and every way to get at their results. */
#include "cases.h"

#include "capture_vert.h"
#include "color_frag.h"
#include "double_comp.h"
#include "spread_geom.h"
#include "triangle_vert.h"

#include <stdlib.h>
#include <string.h>

static VkQueryPool create_pool(struct vkt *t, VkQueryType type, uint32_t count,
			       VkQueryPipelineStatisticFlags statistics)
{
	const VkQueryPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = type,
		.queryCount = count,
		.pipelineStatistics = statistics,
	};
	VkQueryPool pool;

	VKT_OK(vkCreateQueryPool(t->device, &info, NULL, &pool));
	VKT_OWN(t, QUERY_POOL, pool);
	return pool;
}

/* Get results into a buffer whose untouched bytes show, and record all of it. */
static void put_results(struct vkt *t, const char *label, VkQueryPool pool, uint32_t first,
			uint32_t count, size_t stride, VkQueryResultFlags flags)
{
	uint8_t data[512];

	VKT_EXPECT(count * stride <= sizeof(data));
	memset(data, 0x5c, sizeof(data));
	VkResult result = vkGetQueryPoolResults(t->device, pool, first, count, count * stride, data,
						stride, flags);
	vkt_put_result(t, label, result);
	vkt_put(t, label, data, sizeof(data));
}

static struct vkt_pipeline_spec triangle_spec(struct vkt *t, const struct vkt_target *target)
{
	return (struct vkt_pipeline_spec){
		.vert = VKT_CODE(triangle_vert),
		.frag = VKT_CODE(color_frag),
		.layout = vkt_create_layout(t, VK_NULL_HANDLE, 0),
		.render_pass = target->render_pass,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		.color_count = 1,
		.extent = target->extent,
	};
}

/* Queries 0 and 2 count, 1 sees nothing, 3 is only reset. */
static VkCommandBuffer record_occlusion(struct vkt *t, const struct vkt_target *target,
					VkPipeline pipeline, VkQueryPool pool)
{
	VkCommandBuffer cmd = vkt_begin(t);

	vkCmdResetQueryPool(cmd, pool, 0, 4);
	vkt_begin_target(cmd, target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdBeginQuery(cmd, pool, 0, VK_QUERY_CONTROL_PRECISE_BIT);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndQuery(cmd, pool, 0);
	vkCmdBeginQuery(cmd, pool, 1, VK_QUERY_CONTROL_PRECISE_BIT);
	vkCmdEndQuery(cmd, pool, 1);
	vkCmdBeginQuery(cmd, pool, 2, VK_QUERY_CONTROL_PRECISE_BIT);
	vkCmdDraw(cmd, 3, 5, 0, 0);
	vkCmdEndQuery(cmd, pool, 2);
	vkCmdEndRenderPass(cmd);
	return cmd;
}

static void occlusion(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = triangle_spec(t, &target);
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkQueryPool pool = create_pool(t, VK_QUERY_TYPE_OCCLUSION, 4, 0);

	vkt_require(t->features->core.features.occlusionQueryPrecise, "occlusionQueryPrecise");
	vkt_end_and_run(t, record_occlusion(t, &target, pipeline, pool));
	put_results(t, "64 bit", pool, 0, 3, 8, VK_QUERY_RESULT_64_BIT);
	put_results(t, "32 bit", pool, 0, 3, 4, 0);
	put_results(t, "wait", pool, 0, 3, 8, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
	put_results(t, "apart", pool, 1, 2, 24, VK_QUERY_RESULT_64_BIT);
	put_results(t, "availability", pool, 0, 3, 16,
		    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
	put_results(t, "32 bit availability", pool, 0, 3, 8, VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
	put_results(t, "partial", pool, 0, 3, 8,
		    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_PARTIAL_BIT);
}

/* What is said of queries that were only reset. */
static void unavailable(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = triangle_spec(t, &target);
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkQueryPool pool = create_pool(t, VK_QUERY_TYPE_OCCLUSION, 4, 0);
	uint64_t data[2];

	vkt_require(t->features->core.features.occlusionQueryPrecise, "occlusionQueryPrecise");
	vkt_end_and_run(t, record_occlusion(t, &target, pipeline, pool));
	vkt_put_result(
		t, "not ready",
		vkGetQueryPoolResults(t->device, pool, 3, 1, 8, data, 8, VK_QUERY_RESULT_64_BIT));
	VkResult result = vkGetQueryPoolResults(t->device, pool, 3, 1, 16, data, 16,
						VK_QUERY_RESULT_64_BIT |
							VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
	vkt_put_result(t, "availability", result);
	vkt_put_u64(t, "available", data[1]);
}

static void copy_results(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = triangle_spec(t, &target);
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkQueryPool pool = create_pool(t, VK_QUERY_TYPE_OCCLUSION, 4, 0);
	struct vkt_buffer results = vkt_create_buffer(t, 512, 0, VKT_HOST);

	vkt_require(t->features->core.features.occlusionQueryPrecise, "occlusionQueryPrecise");
	memset(results.map, 0x3c, results.size);
	VkCommandBuffer cmd = record_occlusion(t, &target, pipeline, pool);
	vkCmdCopyQueryPoolResults(cmd, pool, 0, 3, results.handle, 0, 8,
				  VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
	vkCmdCopyQueryPoolResults(cmd, pool, 0, 3, results.handle, 64, 12,
				  VK_QUERY_RESULT_WAIT_BIT);
	vkCmdCopyQueryPoolResults(cmd, pool, 0, 3, results.handle, 128, 16,
				  VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT |
					  VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "results", &results);
}

static void host_reset(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = triangle_spec(t, &target);
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkQueryPool pool = create_pool(t, VK_QUERY_TYPE_OCCLUSION, 4, 0);

	vkt_require(t->features->v12.hostQueryReset, "hostQueryReset");
	vkt_end_and_run(t, record_occlusion(t, &target, pipeline, pool));
	vkResetQueryPool(t->device, pool, 1, 2);
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t value = 0;
		vkt_put_result(t, "after reset",
			       vkGetQueryPoolResults(t->device, pool, i, 1, 8, &value, 8,
						     VK_QUERY_RESULT_64_BIT));
	}
	VkCommandBuffer cmd = vkt_begin(t);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdBeginQuery(cmd, pool, 1, VK_QUERY_CONTROL_PRECISE_BIT);
	vkCmdDraw(cmd, 3, 2, 0, 0);
	vkCmdEndQuery(cmd, pool, 1);
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	put_results(t, "again", pool, 0, 2, 8, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
}

static void pipeline_statistics(struct vkt *t)
{
	const VkQueryPipelineStatisticFlags wanted =
		VK_QUERY_PIPELINE_STATISTIC_INPUT_ASSEMBLY_VERTICES_BIT |
		VK_QUERY_PIPELINE_STATISTIC_INPUT_ASSEMBLY_PRIMITIVES_BIT |
		VK_QUERY_PIPELINE_STATISTIC_VERTEX_SHADER_INVOCATIONS_BIT |
		VK_QUERY_PIPELINE_STATISTIC_GEOMETRY_SHADER_PRIMITIVES_BIT |
		VK_QUERY_PIPELINE_STATISTIC_CLIPPING_PRIMITIVES_BIT |
		VK_QUERY_PIPELINE_STATISTIC_COMPUTE_SHADER_INVOCATIONS_BIT;

	vkt_require(t->features->core.features.pipelineStatisticsQuery, "pipelineStatisticsQuery");
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = triangle_spec(t, &target);
	VkQueryPool pool = create_pool(t, VK_QUERY_TYPE_PIPELINE_STATISTICS, 2, wanted);
	struct vkt_buffer words =
		vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	VkCommandBuffer cmd = vkt_begin(t);

	spec.geom = VKT_CODE(spread_geom);
	vkCmdResetQueryPool(cmd, pool, 0, 2);
	vkCmdBeginQuery(cmd, pool, 0, 0);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 9, 4, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkCmdEndQuery(cmd, pool, 0);
	vkCmdBeginQuery(cmd, pool, 1, 0);
	vkt_bind_kernel(cmd, &kernel);
	vkCmdDispatch(cmd, 4, 1, 1);
	vkCmdEndQuery(cmd, pool, 1);
	vkt_end_and_run(t, cmd);
	put_results(t, "statistics", pool, 0, 2, 6 * 8,
		    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
	put_results(t, "with availability", pool, 0, 2, 7 * 8,
		    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
}

/* Times differ from run to run: only their order and their availability are compared. */
static void timestamps(struct vkt *t)
{
	enum {
		COUNT = 8
	};
	VkQueryPool pool = create_pool(t, VK_QUERY_TYPE_TIMESTAMP, COUNT, 0);
	struct vkt_buffer words =
		vkt_create_buffer(t, 65536, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const struct vkt_buffer *buffers[] = { &words };
	struct vkt_kernel kernel = vkt_create_kernel(t, VKT_CODE(double_comp), buffers, 1, 0, NULL);
	struct {
		uint64_t time, available;
	} results[COUNT];
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(words.map, words.size, 1);
	vkCmdResetQueryPool(cmd, pool, 0, COUNT);
	vkt_bind_kernel(cmd, &kernel);
	for (uint32_t i = 0; i < COUNT; i++) {
		if (i % 2 == 0 && (t->flags & VKT_PLAIN) == 0) {
			vkCmdWriteTimestamp2(cmd, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, pool, i);
		} else {
			vkCmdWriteTimestamp(cmd, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, i);
		}
		vkCmdDispatch(cmd, 256, 1, 1);
		vkt_barrier(cmd);
	}
	vkt_end_and_run(t, cmd);
	VKT_OK(vkGetQueryPoolResults(t->device, pool, 0, COUNT, sizeof(results), results,
				     sizeof(results[0]),
				     VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT |
					     VK_QUERY_RESULT_WITH_AVAILABILITY_BIT));
	for (int i = 0; i < COUNT; i++) {
		VKT_EXPECT(results[i].available != 0);
		VKT_EXPECT(results[i].time != 0);
		VKT_EXPECT(i == 0 || results[i].time >= results[i - 1].time);
	}
	vkt_put_buffer(t, "words", &words);
}

static void feedback_queries(struct vkt *t)
{
	vkt_require(t->features->transform_feedback.transformFeedback &&
			    t->features->primitives_generated.primitivesGeneratedQuery,
		    "transformFeedback and primitivesGeneratedQuery");
	PFN_vkCmdBindTransformFeedbackBuffersEXT bind =
		VKT_DEVICE_PROC(t, vkCmdBindTransformFeedbackBuffersEXT);
	PFN_vkCmdBeginTransformFeedbackEXT begin =
		VKT_DEVICE_PROC(t, vkCmdBeginTransformFeedbackEXT);
	PFN_vkCmdEndTransformFeedbackEXT end = VKT_DEVICE_PROC(t, vkCmdEndTransformFeedbackEXT);
	PFN_vkCmdBeginQueryIndexedEXT begin_query = VKT_DEVICE_PROC(t, vkCmdBeginQueryIndexedEXT);
	PFN_vkCmdEndQueryIndexedEXT end_query = VKT_DEVICE_PROC(t, vkCmdEndQueryIndexedEXT);
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = triangle_spec(t, &target);
	/* Room for five of the seven points. */
	struct vkt_buffer captured = vkt_create_buffer(
		t, 160, VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT, VKT_HOST);
	VkQueryPool written = create_pool(t, VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT, 1, 0);
	VkQueryPool generated = create_pool(t, VK_QUERY_TYPE_PRIMITIVES_GENERATED_EXT, 1, 0);
	const VkDeviceSize zero = 0;
	VkCommandBuffer cmd = vkt_begin(t);

	spec.vert = VKT_CODE(capture_vert);
	spec.frag = (struct vkt_code){ NULL, 0 };
	spec.topology = VK_PRIMITIVE_TOPOLOGY_POINT_LIST;
	spec.discard = true;
	memset(captured.map, 0, captured.size);
	vkCmdResetQueryPool(cmd, written, 0, 1);
	vkCmdResetQueryPool(cmd, generated, 0, 1);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	bind(cmd, 0, 1, &captured.handle, &zero, &captured.size);
	begin_query(cmd, written, 0, 0, 0);
	begin_query(cmd, generated, 0, 0, 0);
	begin(cmd, 0, 0, NULL, NULL);
	vkCmdDraw(cmd, 7, 1, 0, 0);
	end(cmd, 0, 0, NULL, NULL);
	end_query(cmd, generated, 0, 0);
	end_query(cmd, written, 0, 0);
	vkCmdEndRenderPass(cmd);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	put_results(t, "written and needed", written, 0, 1, 16,
		    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
	put_results(t, "generated", generated, 0, 1, 8,
		    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
	vkt_put_buffer(t, "captured", &captured);
}

/* WAIT on work that is not even submitted to the device yet when the wait begins. */
static void wait_for_results(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = triangle_spec(t, &target);
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkQueryPool pool = create_pool(t, VK_QUERY_TYPE_OCCLUSION, 4, 0);
	VkCommandBuffer cmd = record_occlusion(t, &target, pipeline, pool);
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &cmd,
	};

	vkt_require(t->features->core.features.occlusionQueryPrecise, "occlusionQueryPrecise");
	VKT_OK(vkEndCommandBuffer(cmd));
	VKT_OK(vkQueueSubmit(t->queue, 1, &info, VK_NULL_HANDLE));
	put_results(t, "waited", pool, 0, 3, 8, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
	VKT_OK(vkQueueWaitIdle(t->queue));
}

const struct vkt_case query_cases[] = {
	{ "occlusion", occlusion, 0 },
	{ "unavailable_queries", unavailable, 0 },
	{ "copy_query_results", copy_results, 0 },
	{ "host_query_reset", host_reset, 0 },
	{ "pipeline_statistics", pipeline_statistics, 0 },
	{ "timestamps", timestamps, 0 },
	{ "timestamps_plain", timestamps, VKT_PLAIN },
	{ "feedback_queries", feedback_queries, 0 },
	{ "wait_for_results", wait_for_results, 0 },
	{ NULL, NULL, 0 },
};
