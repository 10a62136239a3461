/* SPDX-License-Identifier: MIT */
/* Ways to draw: where vertices, instances and counts come from, and what stages they pass. */
#include "cases.h"

#include "capture_vert.h"
#include "color_frag.h"
#include "curve_tesc.h"
#include "curve_tese.h"
#include "mesh_vert.h"
#include "parameters_vert.h"
#include "spread_geom.h"
#include "triangle_vert.h"

#include <string.h>

struct vertex {
	float position[3];
	uint8_t color[4];
};

static struct vkt_pipeline_spec plain_spec(struct vkt *t, const struct vkt_target *target)
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

static void begin_draws(VkCommandBuffer cmd, const struct vkt_target *target, VkPipeline pipeline)
{
	vkt_begin_target(cmd, target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
}

static void end_draws(struct vkt *t, VkCommandBuffer cmd, const struct vkt_target *target)
{
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", target);
}

static void triangle(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = plain_spec(t, &target);
	VkCommandBuffer cmd = vkt_begin(t);

	begin_draws(cmd, &target, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 3, 1, 0, 0);
	end_draws(t, cmd, &target);
}

/* What the vertex buffers of mesh.vert look like. */
static const VkVertexInputBindingDescription mesh_bindings[] = {
	{ 0, sizeof(struct vertex), VK_VERTEX_INPUT_RATE_VERTEX },
	{ 1, 16, VK_VERTEX_INPUT_RATE_INSTANCE },
};
static const VkVertexInputAttributeDescription mesh_attributes[] = {
	{ 0, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(struct vertex, position) },
	{ 1, 0, VK_FORMAT_R8G8B8A8_UNORM, offsetof(struct vertex, color) },
	{ 2, 1, VK_FORMAT_R32G32B32A32_SFLOAT, 0 },
};
static const VkPipelineVertexInputStateCreateInfo mesh_input = {
	.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
	.vertexBindingDescriptionCount = VKT_COUNT(mesh_bindings),
	.pVertexBindingDescriptions = mesh_bindings,
	.vertexAttributeDescriptionCount = VKT_COUNT(mesh_attributes),
	.pVertexAttributeDescriptions = mesh_attributes,
};

struct mesh {
	struct vkt_target target;
	struct vkt_pipeline_spec spec;
	struct vkt_buffer vertices, instances, indices;
};

enum {
	MESH_VERTICES = 32,
	MESH_INSTANCES = 16
};

static struct mesh create_mesh(struct vkt *t)
{
	struct mesh mesh = { .target = vkt_create_plain_target(t) };

	mesh.spec = plain_spec(t, &mesh.target);
	mesh.spec.vert = VKT_CODE(mesh_vert);
	mesh.spec.vertex_input = &mesh_input;
	mesh.vertices = vkt_create_buffer(t, MESH_VERTICES * sizeof(struct vertex),
					  VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, VKT_HOST);
	mesh.instances = vkt_create_buffer(t, MESH_INSTANCES * 16,
					   VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, VKT_HOST);
	mesh.indices = vkt_create_buffer(t, 1024, VK_BUFFER_USAGE_INDEX_BUFFER_BIT, VKT_HOST);

	struct vertex *vertices = mesh.vertices.map;
	for (uint32_t i = 0; i < MESH_VERTICES; i++) {
		vertices[i].position[0] = (float)(i * 13 % 31) / 15.5f - 1.0f;
		vertices[i].position[1] = (float)(i * 7 % 29) / 14.5f - 1.0f;
		vertices[i].position[2] = 0.25f;
		vkt_fill_pattern(vertices[i].color, 4, i);
	}
	float *places = mesh.instances.map;
	for (uint32_t i = 0; i < MESH_INSTANCES; i++) {
		places[i * 4 + 0] = (float)(i % 4) * 0.5f - 0.75f;
		places[i * 4 + 1] = (float)(i / 4) * 0.5f - 0.75f;
		places[i * 4 + 2] = 0.01f * (float)i;
		places[i * 4 + 3] = 0.3f;
	}
	return mesh;
}

static void bind_mesh(VkCommandBuffer cmd, const struct mesh *mesh, VkPipeline pipeline)
{
	const VkBuffer buffers[] = { mesh->vertices.handle, mesh->instances.handle };
	const VkDeviceSize offsets[] = { 0, 0 };

	begin_draws(cmd, &mesh->target, pipeline);
	vkCmdBindVertexBuffers(cmd, 0, 2, buffers, offsets);
}

static void instanced(struct vkt *t)
{
	struct mesh mesh = create_mesh(t);
	VkCommandBuffer cmd = vkt_begin(t);

	bind_mesh(cmd, &mesh, vkt_create_graphics(t, &mesh.spec));
	vkCmdDraw(cmd, 6, 4, 0, 0);
	vkCmdDraw(cmd, 9, 7, 3, 5);
	end_draws(t, cmd, &mesh.target);
}

/* Fill the index buffer with a walk over the vertices, in elements of the given size. */
static void fill_indices(struct mesh *mesh, uint32_t element_size, uint32_t add)
{
	for (uint32_t i = 0; i < 24; i++) {
		uint32_t index = (i * 5 + 3) % 24 + add;
		memcpy((uint8_t *)mesh->indices.map + i * element_size, &index, element_size);
	}
}

static void draw_indices(struct vkt *t, struct mesh *mesh, VkPipeline pipeline, VkIndexType type)
{
	VkCommandBuffer cmd = vkt_begin(t);

	bind_mesh(cmd, mesh, pipeline);
	vkCmdBindIndexBuffer(cmd, mesh->indices.handle, 0, type);
	vkCmdDrawIndexed(cmd, 12, 5, 3, 0, 2);
	vkCmdDrawIndexed(cmd, 6, 1, 0, 7, 0);
	vkCmdDrawIndexed(cmd, 6, 1, 6, -3, 9);
	end_draws(t, cmd, &mesh->target);
}

static void indexed(struct vkt *t)
{
	struct mesh mesh = create_mesh(t);
	VkPipeline pipeline = vkt_create_graphics(t, &mesh.spec);

	fill_indices(&mesh, 2, 3);
	draw_indices(t, &mesh, pipeline, VK_INDEX_TYPE_UINT16);
	fill_indices(&mesh, 4, 4);
	draw_indices(t, &mesh, pipeline, VK_INDEX_TYPE_UINT32);
	if (t->features->index_uint8.indexTypeUint8) {
		fill_indices(&mesh, 1, 5);
		draw_indices(t, &mesh, pipeline, VK_INDEX_TYPE_UINT8_EXT);
	}
}

static struct vkt_buffer create_indirect(struct vkt *t, const void *data, size_t size)
{
	struct vkt_buffer buffer =
		vkt_create_buffer(t, size, VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT, VKT_HOST);

	memcpy(buffer.map, data, size);
	return buffer;
}

static const VkDrawIndirectCommand indirect_draws[] = {
	{ 6, 2, 0, 1 },
	{ 3, 1, 9, 6 },
	{ 9, 3, 12, 8 },
	{ 0, 0, 0, 0 },
};
static const VkDrawIndexedIndirectCommand indirect_indexed_draws[] = {
	{ 6, 1, 0, 0, 0 },
	{ 9, 2, 3, 1, 4 },
	{ 3, 1, 0, -2, 11 },
};

static void indirect(struct vkt *t)
{
	struct mesh mesh = create_mesh(t);
	struct vkt_buffer draws = create_indirect(t, indirect_draws, sizeof(indirect_draws));
	struct vkt_buffer indexed_draws =
		create_indirect(t, indirect_indexed_draws, sizeof(indirect_indexed_draws));
	VkPipeline pipeline = vkt_create_graphics(t, &mesh.spec);
	VkCommandBuffer cmd = vkt_begin(t);

	fill_indices(&mesh, 2, 3);
	bind_mesh(cmd, &mesh, pipeline);
	vkCmdDrawIndirect(cmd, draws.handle, 0, 4, sizeof(VkDrawIndirectCommand));
	end_draws(t, cmd, &mesh.target);

	cmd = vkt_begin(t);
	bind_mesh(cmd, &mesh, pipeline);
	vkCmdBindIndexBuffer(cmd, mesh.indices.handle, 0, VK_INDEX_TYPE_UINT16);
	vkCmdDrawIndexedIndirect(cmd, indexed_draws.handle, sizeof(VkDrawIndexedIndirectCommand), 2,
				 sizeof(VkDrawIndexedIndirectCommand));
	end_draws(t, cmd, &mesh.target);
}

static void indirect_count(struct vkt *t)
{
	const uint32_t counts[] = { 1, 3, 100 };
	struct mesh mesh = create_mesh(t);
	struct vkt_buffer draws = create_indirect(t, indirect_draws, sizeof(indirect_draws));
	struct vkt_buffer indexed_draws =
		create_indirect(t, indirect_indexed_draws, sizeof(indirect_indexed_draws));
	struct vkt_buffer count_buffer = create_indirect(t, counts, sizeof(counts));

	vkt_require(t->features->v12.drawIndirectCount, "drawIndirectCount");
	VkPipeline pipeline = vkt_create_graphics(t, &mesh.spec);
	fill_indices(&mesh, 2, 3);
	for (uint32_t i = 0; i < 3; i++) {
		VkCommandBuffer cmd = vkt_begin(t);
		bind_mesh(cmd, &mesh, pipeline);
		vkCmdBindIndexBuffer(cmd, mesh.indices.handle, 0, VK_INDEX_TYPE_UINT16);
		vkCmdDrawIndirectCount(cmd, draws.handle, 0, count_buffer.handle, i * 4, 3,
				       sizeof(VkDrawIndirectCommand));
		vkCmdDrawIndexedIndirectCount(cmd, indexed_draws.handle, 0, count_buffer.handle,
					      i * 4, 2, sizeof(VkDrawIndexedIndirectCommand));
		end_draws(t, cmd, &mesh.target);
	}
}

static void multi_draw(struct vkt *t)
{
	const VkMultiDrawInfoEXT draws[] = { { 0, 3 }, { 9, 6 }, { 3, 3 } };
	const VkMultiDrawIndexedInfoEXT indexed_draws[] = { { 0, 3, 0 },
							    { 6, 6, 2 },
							    { 3, 3, -1 } };
	const int32_t vertex_offset = 4;

	vkt_require(t->features->multi_draw.multiDraw, "multiDraw");
	PFN_vkCmdDrawMultiEXT draw = VKT_DEVICE_PROC(t, vkCmdDrawMultiEXT);
	PFN_vkCmdDrawMultiIndexedEXT draw_indexed = VKT_DEVICE_PROC(t, vkCmdDrawMultiIndexedEXT);
	struct mesh mesh = create_mesh(t);
	VkPipeline pipeline = vkt_create_graphics(t, &mesh.spec);
	VkCommandBuffer cmd = vkt_begin(t);

	fill_indices(&mesh, 2, 3);
	bind_mesh(cmd, &mesh, pipeline);
	draw(cmd, 3, draws, 2, 1, sizeof(draws[0]));
	vkCmdBindIndexBuffer(cmd, mesh.indices.handle, 0, VK_INDEX_TYPE_UINT16);
	draw_indexed(cmd, 3, indexed_draws, 1, 7, sizeof(indexed_draws[0]), NULL);
	draw_indexed(cmd, 2, indexed_draws, 1, 12, sizeof(indexed_draws[0]), &vertex_offset);
	/* Every other entry, by the stride. */
	draw(cmd, 2, draws, 1, 3, 2 * sizeof(draws[0]));
	end_draws(t, cmd, &mesh.target);
}

static void topologies(struct vkt *t)
{
	const VkPrimitiveTopology list[] = {
		VK_PRIMITIVE_TOPOLOGY_POINT_LIST,     VK_PRIMITIVE_TOPOLOGY_LINE_LIST,
		VK_PRIMITIVE_TOPOLOGY_LINE_STRIP,     VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
		VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_FAN,
	};
	struct mesh mesh = create_mesh(t);

	for (size_t i = 0; i < VKT_COUNT(list); i++) {
		mesh.spec.topology = list[i];
		VkPipeline pipeline = vkt_create_graphics(t, &mesh.spec);
		VkCommandBuffer cmd = vkt_begin(t);
		bind_mesh(cmd, &mesh, pipeline);
		vkCmdDraw(cmd, 10, 2, 0, 5);
		end_draws(t, cmd, &mesh.target);
	}
}

static void primitive_restart(struct vkt *t)
{
	struct mesh mesh = create_mesh(t);
	uint16_t *indices = mesh.indices.map;
	VkCommandBuffer cmd = vkt_begin(t);

	for (uint16_t i = 0; i < 24; i++) {
		indices[i] = i % 6 == 5 ? 0xffff : i;
	}
	mesh.spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
	mesh.spec.primitive_restart = true;
	bind_mesh(cmd, &mesh, vkt_create_graphics(t, &mesh.spec));
	vkCmdBindIndexBuffer(cmd, mesh.indices.handle, 0, VK_INDEX_TYPE_UINT16);
	vkCmdDrawIndexed(cmd, 24, 1, 0, 0, 0);
	end_draws(t, cmd, &mesh.target);
}

/* Instances that advance every third and not at all. */
static void instance_divisor(struct vkt *t)
{
	const VkVertexInputBindingDivisorDescriptionEXT divisors[] = { { 1, 3 } };
	const VkPipelineVertexInputDivisorStateCreateInfoEXT divisor_state = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_DIVISOR_STATE_CREATE_INFO_EXT,
		.vertexBindingDivisorCount = 1,
		.pVertexBindingDivisors = divisors,
	};
	VkPipelineVertexInputStateCreateInfo input = mesh_input;
	struct mesh mesh = create_mesh(t);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->divisor.vertexAttributeInstanceRateDivisor,
		    "vertexAttributeInstanceRateDivisor");
	input.pNext = &divisor_state;
	mesh.spec.vertex_input = &input;
	bind_mesh(cmd, &mesh, vkt_create_graphics(t, &mesh.spec));
	vkCmdDraw(cmd, 9, 12, 0, 0);
	end_draws(t, cmd, &mesh.target);
}

static void geometry(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = plain_spec(t, &target);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->core.features.geometryShader, "geometryShader");
	spec.geom = VKT_CODE(spread_geom);
	begin_draws(cmd, &target, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 3, 1, 0, 0);
	end_draws(t, cmd, &target);
}

static void tessellation(struct vkt *t)
{
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = plain_spec(t, &target);

	vkt_require(t->features->core.features.tessellationShader &&
			    t->features->core.features.fillModeNonSolid,
		    "tessellationShader");
	spec.tesc = VKT_CODE(curve_tesc);
	spec.tese = VKT_CODE(curve_tese);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST;
	spec.patch_points = 3;
	for (int i = 0; i < 2; i++) {
		spec.polygon = i == 0 ? VK_POLYGON_MODE_FILL : VK_POLYGON_MODE_LINE;
		VkPipeline pipeline = vkt_create_graphics(t, &spec);
		VkCommandBuffer cmd = vkt_begin(t);
		begin_draws(cmd, &target, pipeline);
		vkCmdDraw(cmd, 3, 1, 0, 0);
		end_draws(t, cmd, &target);
	}
}

/* Capture, pause, resume; then draw as often as was captured. */
static void transform_feedback(struct vkt *t)
{
	vkt_require(t->features->transform_feedback.transformFeedback, "transformFeedback");
	PFN_vkCmdBindTransformFeedbackBuffersEXT bind =
		VKT_DEVICE_PROC(t, vkCmdBindTransformFeedbackBuffersEXT);
	PFN_vkCmdBeginTransformFeedbackEXT begin =
		VKT_DEVICE_PROC(t, vkCmdBeginTransformFeedbackEXT);
	PFN_vkCmdEndTransformFeedbackEXT end = VKT_DEVICE_PROC(t, vkCmdEndTransformFeedbackEXT);
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = plain_spec(t, &target);
	struct vkt_buffer captured = vkt_create_buffer(
		t, 4096, VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT, VKT_HOST);
	struct vkt_buffer counter = vkt_create_buffer(
		t, 16, VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_COUNTER_BUFFER_BIT_EXT, VKT_HOST);
	const VkDeviceSize zero = 0;
	VkCommandBuffer cmd = vkt_begin(t);

	spec.vert = VKT_CODE(capture_vert);
	spec.frag = (struct vkt_code){ NULL, 0 };
	spec.topology = VK_PRIMITIVE_TOPOLOGY_POINT_LIST;
	spec.discard = true;
	memset(captured.map, 0, captured.size);
	memset(counter.map, 0, counter.size);
	begin_draws(cmd, &target, vkt_create_graphics(t, &spec));
	bind(cmd, 0, 1, &captured.handle, &zero, &captured.size);
	begin(cmd, 0, 0, NULL, NULL);
	vkCmdDraw(cmd, 7, 2, 1, 3);
	end(cmd, 0, 1, &counter.handle, &zero);
	vkCmdEndRenderPass(cmd);
	vkt_barrier(cmd);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	begin(cmd, 0, 1, &counter.handle, &zero);
	vkCmdDraw(cmd, 5, 1, 50, 0);
	end(cmd, 0, 1, &counter.handle, &zero);
	vkCmdEndRenderPass(cmd);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "captured", &captured);
	vkt_put_buffer(t, "counter", &counter);
}

static void draw_parameters(struct vkt *t)
{
	const VkDrawIndirectCommand list[] = { { 3, 8, 0, 0 }, { 4, 3, 5, 1 }, { 3, 2, 9, 6 } };
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = plain_spec(t, &target);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->v11.shaderDrawParameters, "shaderDrawParameters");
	struct vkt_buffer draws = create_indirect(t, list, sizeof(list));
	spec.vert = VKT_CODE(parameters_vert);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
	begin_draws(cmd, &target, vkt_create_graphics(t, &spec));
	vkCmdDrawIndirect(cmd, draws.handle, 0, 3, sizeof(list[0]));
	vkCmdDraw(cmd, 4, 1, 2, 7);
	end_draws(t, cmd, &target);
}

/* One command buffer, pending several times at once. */
static void simultaneous_use(struct vkt *t)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
	};
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_pipeline_spec spec = plain_spec(t, &target);
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_allocate_command_buffer(t, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
	VkFence fence = vkt_create_fence(t, 0);
	const VkCommandBuffer twice[] = { cmd, cmd };
	const VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 2,
		.pCommandBuffers = twice,
	};
	const VkSubmitInfo submits[] = { submit, submit, submit };

	VKT_OK(vkBeginCommandBuffer(cmd, &begin));
	begin_draws(cmd, &target, pipeline);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdEndRenderPass(cmd);
	VKT_OK(vkEndCommandBuffer(cmd));
	for (int i = 0; i < 10; i++) {
		VKT_OK(vkQueueSubmit(t->queue, 3, submits, i == 9 ? fence : VK_NULL_HANDLE));
	}
	VKT_OK(vkWaitForFences(t->device, 1, &fence, VK_TRUE, UINT64_MAX));
	vkt_put_target(t, "target", &target);
	/* And again once it is no longer pending. */
	vkt_run(t, cmd);
	vkt_put_target(t, "target", &target);
}

/* More commands than fit the rings of any driver that sends them somewhere. */
static void huge_command_buffer(struct vkt *t)
{
	const VkDynamicState scissor_state = VK_DYNAMIC_STATE_SCISSOR;
	struct mesh mesh = create_mesh(t);
	VkCommandBuffer cmd = vkt_begin(t);

	mesh.spec.dynamic = &scissor_state;
	mesh.spec.dynamic_count = 1;
	bind_mesh(cmd, &mesh, vkt_create_graphics(t, &mesh.spec));
	for (uint32_t i = 0; i < 60000; i++) {
		const VkRect2D scissor = { { (int32_t)(i % 60), (int32_t)(i / 60 % 60) },
					   { 30, 30 } };
		vkCmdSetScissor(cmd, 0, 1, &scissor);
		if (i % 100 == 0) {
			vkCmdDraw(cmd, 9, 1, i / 100 % 20, i / 100 % 16);
		}
	}
	end_draws(t, cmd, &mesh.target);
}

const struct vkt_case draw_cases[] = {
	{ "triangle", triangle, VKT_PLAIN },
	{ "instanced", instanced, VKT_PLAIN },
	{ "indexed", indexed, 0 },
	{ "indirect", indirect, 0 },
	{ "indirect_count", indirect_count, 0 },
	{ "multi_draw", multi_draw, 0 },
	{ "topologies", topologies, VKT_PLAIN },
	{ "primitive_restart", primitive_restart, VKT_PLAIN },
	{ "instance_divisor", instance_divisor, 0 },
	{ "geometry", geometry, 0 },
	{ "tessellation", tessellation, 0 },
	{ "transform_feedback", transform_feedback, 0 },
	{ "draw_parameters", draw_parameters, 0 },
	{ "simultaneous_use", simultaneous_use, VKT_PLAIN },
	{ "huge_command_buffer", huge_command_buffer, VKT_PLAIN },
	{ NULL, NULL, 0 },
};
