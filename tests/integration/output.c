/* SPDX-License-Identifier: MIT */
/* What happens to fragments: textures, tests, blending, samples and several targets. */
#include "cases.h"

#include "color_frag.h"
#include "dual_frag.h"
#include "layer_geom.h"
#include "quad_vert.h"
#include "sample_frag.h"
#include "store_frag.h"
#include "targets_frag.h"
#include "texture_frag.h"
#include "textures_frag.h"
#include "tint_frag.h"
#include "triangle_vert.h"

#include <string.h>

/* The push constants of quad.vert and what goes with it. */
struct quad {
	float tint[4];
	float rect[4];
	float depth;
};

enum {
	QUAD_PUSH_SIZE = 36
};

static void draw_quad(VkCommandBuffer cmd, VkPipelineLayout layout, const struct quad *quad)
{
	vkCmdPushConstants(cmd, layout, VK_SHADER_STAGE_ALL, 0, QUAD_PUSH_SIZE, quad);
	vkCmdDraw(cmd, 4, 1, 0, 0);
}

static struct vkt_pipeline_spec quad_spec(const struct vkt_target *target, VkPipelineLayout layout,
					  struct vkt_code frag)
{
	return (struct vkt_pipeline_spec){
		.vert = VKT_CODE(quad_vert),
		.frag = frag,
		.layout = layout,
		.render_pass = target->render_pass,
		.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
		.color_count = target->color_count,
		.extent = target->extent,
	};
}

static void end_pass(struct vkt *t, VkCommandBuffer cmd, const struct vkt_target *target)
{
	vkCmdEndRenderPass(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_target(t, "target", target);
}

static struct vkt_image create_texture(struct vkt *t, struct vkt_image_spec spec, uint32_t seed)
{
	spec.usage = VK_IMAGE_USAGE_SAMPLED_BIT;
	struct vkt_image image = vkt_create_image(t, &spec);

	vkt_upload_pattern(t, &image, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, seed);
	return image;
}

static VkSampler create_wild_sampler(struct vkt *t, VkSamplerAddressMode mode, bool linear)
{
	const VkSamplerCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
		.magFilter = linear ? VK_FILTER_LINEAR : VK_FILTER_NEAREST,
		.minFilter = VK_FILTER_LINEAR,
		.mipmapMode = VK_SAMPLER_MIPMAP_MODE_LINEAR,
		.addressModeU = mode,
		.addressModeV = VK_SAMPLER_ADDRESS_MODE_REPEAT,
		.addressModeW = mode,
		.mipLodBias = 0.5f,
		.minLod = 0.25f,
		.maxLod = 3.0f,
		.borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE,
	};
	VkSampler sampler;

	VKT_OK(vkCreateSampler(t->device, &info, NULL, &sampler));
	VKT_OWN(t, SAMPLER, sampler);
	return sampler;
}

static void textured(struct vkt *t)
{
	const VkDescriptorType type = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
	const VkSamplerAddressMode modes[] = { VK_SAMPLER_ADDRESS_MODE_REPEAT,
					       VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT,
					       VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE,
					       VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER };
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_image texture =
		create_texture(t,
			       (struct vkt_image_spec){ .format = VK_FORMAT_R8G8B8A8_UNORM,
							.width = 32,
							.height = 16,
							.levels = 5 },
			       1);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, &type, 1, 0);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, QUAD_PUSH_SIZE);
	struct vkt_pipeline_spec spec = quad_spec(&target, layout, VKT_CODE(texture_frag));
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	for (int i = 0; i < 4; i++) {
		const float x = (float)(i % 2) - 1.0f, y = (float)(i / 2) - 1.0f;
		const struct quad quad = { { 1, 0.9f, 0.8f, 1 }, { x, y, x + 0.95f, y + 0.9f }, 0 };
		VkDescriptorSet set = vkt_create_set(t, set_layout, &type, 1);
		vkt_set_image(t, set, 0, type, texture.view,
			      VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
			      create_wild_sampler(t, modes[i], i % 2 == 0));
		vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, layout, 0, 1, &set, 0,
					NULL);
		draw_quad(cmd, layout, &quad);
	}
	end_pass(t, cmd, &target);
}

static VkSampler create_compare_sampler(struct vkt *t)
{
	const VkSamplerCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
		.magFilter = VK_FILTER_LINEAR,
		.minFilter = VK_FILTER_LINEAR,
		.compareEnable = VK_TRUE,
		.compareOp = VK_COMPARE_OP_LESS,
	};
	VkSampler sampler;

	VKT_OK(vkCreateSampler(t->device, &info, NULL, &sampler));
	VKT_OWN(t, SAMPLER, sampler);
	return sampler;
}

/* A cube map, an array, a 3D image and a depth comparison. */
static void texture_kinds(struct vkt *t)
{
	const VkDescriptorType type = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
	const VkDescriptorType types[] = { type, type, type, type };
	const VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
	const struct vkt_image_spec specs[] = {
		{ .format = format,
		  .width = 16,
		  .height = 16,
		  .layers = 6,
		  .flags = VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT },
		{ .format = format, .width = 8, .height = 16, .layers = 3 },
		{ .format = format, .width = 8, .height = 8, .depth = 8, .levels = 2 },
		{ .format = VK_FORMAT_D16_UNORM, .width = 16, .height = 16 },
	};
	struct vkt_target target = vkt_create_plain_target(t);
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, types, 4, 0);
	VkDescriptorSet set = vkt_create_set(t, set_layout, types, 4);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, QUAD_PUSH_SIZE);
	struct vkt_pipeline_spec spec = quad_spec(&target, layout, VKT_CODE(textures_frag));
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_begin(t);

	for (uint32_t i = 0; i < 4; i++) {
		struct vkt_image image = create_texture(t, specs[i], i + 10);
		VkSampler sampler =
			i == 3 ? create_compare_sampler(t)
			       : vkt_create_sampler(t, VK_FILTER_LINEAR,
						    VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE);
		vkt_set_image(t, set, i, type, image.view, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
			      sampler);
	}
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, layout, 0, 1, &set, 0, NULL);
	for (int i = 0; i < 3; i++) {
		const float y = (float)i * 0.66f - 1.0f;
		const struct quad quad = { { (float)i * 2.0f - 2.0f, (float)i, (float)i * 0.3f, 1 },
					   { -1, y, 1, y + 0.66f },
					   0 };
		draw_quad(cmd, layout, &quad);
	}
	end_pass(t, cmd, &target);
}

static VkFormat find_depth_format(struct vkt *t, bool stencil)
{
	const VkFormat list[] = { VK_FORMAT_D32_SFLOAT_S8_UINT, VK_FORMAT_D24_UNORM_S8_UINT,
				  VK_FORMAT_D32_SFLOAT, VK_FORMAT_D16_UNORM };

	for (size_t i = 0; i < (stencil ? 2 : 4); i++) {
		VkFormatProperties properties;
		vkGetPhysicalDeviceFormatProperties(t->physical, list[i], &properties);
		if (properties.optimalTilingFeatures &
		    VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT) {
			return list[i];
		}
	}
	vkt_require(false, "a depth format");
	return VK_FORMAT_UNDEFINED;
}

static struct vkt_target create_depth_target(struct vkt *t, VkFormat depth,
					     VkSampleCountFlagBits samples)
{
	return vkt_create_target(t, &(struct vkt_target_spec){
					    .width = 64,
					    .height = 64,
					    .colors = { VK_FORMAT_R8G8B8A8_UNORM },
					    .depth = depth,
					    .samples = samples,
				    });
}

static const struct quad overlapping[] = {
	{ { 1, 0, 0, 1 }, { -0.9f, -0.9f, 0.3f, 0.3f }, 0.5f },
	{ { 0, 1, 0, 1 }, { -0.4f, -0.4f, 0.8f, 0.6f }, 0.3f },
	{ { 0, 0, 1, 1 }, { -0.7f, 0.0f, 0.9f, 0.9f }, 0.7f },
	{ { 1, 1, 0, 1 }, { 0.0f, -0.8f, 0.5f, 0.8f }, 0.5f },
};

static void depth(struct vkt *t)
{
	const VkCompareOp ops[] = { VK_COMPARE_OP_LESS, VK_COMPARE_OP_GREATER_OR_EQUAL,
				    VK_COMPARE_OP_NOT_EQUAL };
	struct vkt_target target =
		create_depth_target(t, VK_FORMAT_D16_UNORM, VK_SAMPLE_COUNT_1_BIT);
	VkPipelineLayout layout = vkt_create_layout(t, VK_NULL_HANDLE, QUAD_PUSH_SIZE);

	for (size_t i = 0; i < VKT_COUNT(ops); i++) {
		const VkPipelineDepthStencilStateCreateInfo state = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
			.depthTestEnable = VK_TRUE,
			.depthWriteEnable = i != 2,
			.depthCompareOp = ops[i],
		};
		struct vkt_pipeline_spec spec = quad_spec(&target, layout, VKT_CODE(tint_frag));
		spec.depth = &state;
		VkPipeline pipeline = vkt_create_graphics(t, &spec);
		VkCommandBuffer cmd = vkt_begin(t);
		vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
		vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
		for (size_t k = 0; k < VKT_COUNT(overlapping); k++) {
			draw_quad(cmd, layout, &overlapping[k]);
		}
		end_pass(t, cmd, &target);
		vkt_put_image(t, "depth", &target.depth,
			      VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL);
	}
}

static void stencil(struct vkt *t)
{
	const VkStencilOpState counting = { VK_STENCIL_OP_KEEP,
					    VK_STENCIL_OP_INCREMENT_AND_CLAMP,
					    VK_STENCIL_OP_INVERT,
					    VK_COMPARE_OP_ALWAYS,
					    0xff,
					    0xff,
					    0 };
	const VkStencilOpState testing = { VK_STENCIL_OP_ZERO,
					   VK_STENCIL_OP_REPLACE,
					   VK_STENCIL_OP_KEEP,
					   VK_COMPARE_OP_LESS,
					   0x0f,
					   0xf0,
					   1 };
	struct vkt_target target =
		create_depth_target(t, find_depth_format(t, true), VK_SAMPLE_COUNT_1_BIT);
	VkPipelineLayout layout = vkt_create_layout(t, VK_NULL_HANDLE, QUAD_PUSH_SIZE);
	struct vkt_pipeline_spec spec = quad_spec(&target, layout, VKT_CODE(tint_frag));
	VkPipelineDepthStencilStateCreateInfo state = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthTestEnable = VK_TRUE,
		.depthWriteEnable = VK_TRUE,
		.depthCompareOp = VK_COMPARE_OP_LESS,
		.stencilTestEnable = VK_TRUE,
	};
	VkPipeline pipelines[2];
	VkCommandBuffer cmd = vkt_begin(t);

	spec.depth = &state;
	state.front = state.back = counting;
	pipelines[0] = vkt_create_graphics(t, &spec);
	state.front = state.back = testing;
	state.depthTestEnable = VK_FALSE;
	pipelines[1] = vkt_create_graphics(t, &spec);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines[0]);
	for (size_t k = 0; k < VKT_COUNT(overlapping); k++) {
		draw_quad(cmd, layout, &overlapping[k]);
	}
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines[1]);
	draw_quad(cmd, layout, &(struct quad){ { 1, 1, 1, 1 }, { -1, -0.5f, 1, 0.5f }, 0 });
	end_pass(t, cmd, &target);
	vkt_put_image(t, "depth", &target.depth, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL);
}

static void blending(struct vkt *t)
{
	const VkColorComponentFlags all = VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT |
					  VK_COLOR_COMPONENT_B_BIT | VK_COLOR_COMPONENT_A_BIT;
	const VkPipelineColorBlendAttachmentState states[] = {
		{ VK_TRUE, VK_BLEND_FACTOR_SRC_ALPHA, VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA,
		  VK_BLEND_OP_ADD, VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ZERO, VK_BLEND_OP_ADD,
		  all },
		{ VK_TRUE, VK_BLEND_FACTOR_CONSTANT_COLOR, VK_BLEND_FACTOR_ONE,
		  VK_BLEND_OP_REVERSE_SUBTRACT, VK_BLEND_FACTOR_CONSTANT_ALPHA, VK_BLEND_FACTOR_ONE,
		  VK_BLEND_OP_MAX, all },
		{ VK_TRUE, VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE, VK_BLEND_OP_MIN,
		  VK_BLEND_FACTOR_ONE, VK_BLEND_FACTOR_ONE, VK_BLEND_OP_MIN,
		  VK_COLOR_COMPONENT_G_BIT | VK_COLOR_COMPONENT_A_BIT },
		{ VK_TRUE, VK_BLEND_FACTOR_SRC1_COLOR, VK_BLEND_FACTOR_ONE_MINUS_SRC1_ALPHA,
		  VK_BLEND_OP_ADD, VK_BLEND_FACTOR_SRC1_ALPHA, VK_BLEND_FACTOR_DST_ALPHA,
		  VK_BLEND_OP_ADD, all },
	};
	struct vkt_target target = vkt_create_plain_target(t);
	VkPipelineLayout layout = vkt_create_layout(t, VK_NULL_HANDLE, QUAD_PUSH_SIZE);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->core.features.dualSrcBlend, "dualSrcBlend");
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	for (size_t i = 0; i < VKT_COUNT(states); i++) {
		struct vkt_pipeline_spec spec = quad_spec(
			&target, layout, i == 3 ? VKT_CODE(dual_frag) : VKT_CODE(tint_frag));
		spec.blend = &states[i];
		memcpy(spec.blend_constants, (float[]){ 0.5f, 0.25f, 0.75f, 0.4f }, 16);
		vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS,
				  vkt_create_graphics(t, &spec));
		for (size_t k = 0; k < VKT_COUNT(overlapping); k++) {
			struct quad quad = overlapping[(k + i) % 4];
			quad.tint[3] = 0.3f + 0.1f * (float)i;
			quad.rect[0] += 0.1f * (float)i;
			draw_quad(cmd, layout, &quad);
		}
	}
	end_pass(t, cmd, &target);
}

static void multiple_targets(struct vkt *t)
{
	struct vkt_target target = vkt_create_target(
		t, &(struct vkt_target_spec){
			   .width = 40,
			   .height = 24,
			   .colors = { VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R16G16B16A16_SFLOAT,
				       VK_FORMAT_R32G32B32A32_UINT },
		   });
	VkPipelineLayout layout = vkt_create_layout(t, VK_NULL_HANDLE, QUAD_PUSH_SIZE);
	struct vkt_pipeline_spec spec = quad_spec(&target, layout, VKT_CODE(targets_frag));
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	draw_quad(cmd, layout, &overlapping[0]);
	draw_quad(cmd, layout, &overlapping[2]);
	end_pass(t, cmd, &target);
}

static void msaa_resolve(struct vkt *t)
{
	struct vkt_target target =
		create_depth_target(t, VK_FORMAT_D16_UNORM, VK_SAMPLE_COUNT_4_BIT);
	VkPipelineLayout layout = vkt_create_layout(t, VK_NULL_HANDLE, QUAD_PUSH_SIZE);
	const VkPipelineDepthStencilStateCreateInfo state = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthTestEnable = VK_TRUE,
		.depthWriteEnable = VK_TRUE,
		.depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL,
	};
	struct vkt_pipeline_spec spec = quad_spec(&target, layout, VKT_CODE(tint_frag));
	spec.depth = &state;
	spec.samples = VK_SAMPLE_COUNT_4_BIT;
	VkPipeline quads = vkt_create_graphics(t, &spec);
	spec.vert = VKT_CODE(triangle_vert);
	spec.frag = VKT_CODE(color_frag);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	VkPipeline triangles = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, triangles);
	vkCmdDraw(cmd, 3, 1, 0, 0);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, quads);
	draw_quad(cmd, layout, &overlapping[1]);
	draw_quad(cmd, layout, &overlapping[2]);
	end_pass(t, cmd, &target);
}

static void sample_shading(struct vkt *t)
{
	struct vkt_target target =
		create_depth_target(t, VK_FORMAT_UNDEFINED, VK_SAMPLE_COUNT_4_BIT);
	struct vkt_pipeline_spec spec =
		quad_spec(&target, vkt_create_layout(t, VK_NULL_HANDLE, 0), VKT_CODE(sample_frag));
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->core.features.sampleRateShading, "sampleRateShading");
	spec.vert = VKT_CODE(triangle_vert);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	spec.samples = VK_SAMPLE_COUNT_4_BIT;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 3, 1, 0, 0);
	end_pass(t, cmd, &target);
}

static void fragment_stores(struct vkt *t)
{
	const VkDescriptorType types[] = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
					   VK_DESCRIPTOR_TYPE_STORAGE_IMAGE };
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_buffer counts =
		vkt_create_buffer(t, 16, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	struct vkt_image marks = vkt_create_image(
		t, &(struct vkt_image_spec){ .format = VK_FORMAT_R32_UINT,
					     .width = 64,
					     .height = 64,
					     .usage = VK_IMAGE_USAGE_STORAGE_BIT });
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, types, 2, 0);
	VkDescriptorSet set = vkt_create_set(t, set_layout, types, 2);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 0);
	struct vkt_pipeline_spec spec = quad_spec(&target, layout, VKT_CODE(store_frag));
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->core.features.fragmentStoresAndAtomics,
		    "fragmentStoresAndAtomics");
	spec.vert = VKT_CODE(triangle_vert);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	memset(counts.map, 0, counts.size);
	vkt_upload_pattern(t, &marks, VK_IMAGE_LAYOUT_GENERAL, 3);
	vkt_set_buffer(t, set, 0, types[0], &counts);
	vkt_set_image(t, set, 1, types[1], marks.view, VK_IMAGE_LAYOUT_GENERAL, VK_NULL_HANDLE);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, layout, 0, 1, &set, 0, NULL);
	vkCmdDraw(cmd, 3, 3, 0, 0);
	end_pass(t, cmd, &target);
	vkt_put_buffer(t, "counts", &counts);
	vkt_put_image(t, "marks", &marks, VK_IMAGE_LAYOUT_GENERAL);
}

static void layered(struct vkt *t)
{
	struct vkt_target target =
		vkt_create_target(t, &(struct vkt_target_spec){
					     .width = 64,
					     .height = 16,
					     .colors = { VK_FORMAT_R8G8B8A8_UNORM },
					     .layers = 4,
				     });
	struct vkt_pipeline_spec spec =
		quad_spec(&target, vkt_create_layout(t, VK_NULL_HANDLE, 0), VKT_CODE(color_frag));
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_require(t->features->core.features.geometryShader, "geometryShader");
	spec.vert = VKT_CODE(triangle_vert);
	spec.geom = VKT_CODE(layer_geom);
	spec.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, vkt_create_graphics(t, &spec));
	vkCmdDraw(cmd, 3, 1, 0, 0);
	end_pass(t, cmd, &target);
}

static void conditional_rendering(struct vkt *t)
{
	vkt_require(t->features->conditional_rendering.conditionalRendering,
		    "conditionalRendering");
	PFN_vkCmdBeginConditionalRenderingEXT begin =
		VKT_DEVICE_PROC(t, vkCmdBeginConditionalRenderingEXT);
	PFN_vkCmdEndConditionalRenderingEXT end =
		VKT_DEVICE_PROC(t, vkCmdEndConditionalRenderingEXT);
	struct vkt_target target = vkt_create_plain_target(t);
	struct vkt_buffer conditions =
		vkt_create_buffer(t, 16, VK_BUFFER_USAGE_CONDITIONAL_RENDERING_BIT_EXT, VKT_HOST);
	VkPipelineLayout layout = vkt_create_layout(t, VK_NULL_HANDLE, QUAD_PUSH_SIZE);
	struct vkt_pipeline_spec spec = quad_spec(&target, layout, VKT_CODE(tint_frag));
	VkPipeline pipeline = vkt_create_graphics(t, &spec);
	VkCommandBuffer cmd = vkt_begin(t);

	memcpy(conditions.map, (uint32_t[]){ 0, 1, 0, 7 }, 16);
	vkt_begin_target(cmd, &target, VK_SUBPASS_CONTENTS_INLINE);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
	for (uint32_t i = 0; i < 4; i++) {
		const VkConditionalRenderingBeginInfoEXT info = {
			.sType = VK_STRUCTURE_TYPE_CONDITIONAL_RENDERING_BEGIN_INFO_EXT,
			.buffer = conditions.handle,
			.offset = i * 4,
			.flags = i >= 2 ? VK_CONDITIONAL_RENDERING_INVERTED_BIT_EXT : 0,
		};
		begin(cmd, &info);
		draw_quad(cmd, layout, &overlapping[i]);
		end(cmd);
	}
	end_pass(t, cmd, &target);
}

const struct vkt_case output_cases[] = {
	{ "textured", textured, VKT_PLAIN },
	{ "texture_kinds", texture_kinds, VKT_PLAIN },
	{ "depth", depth, VKT_PLAIN },
	{ "stencil", stencil, VKT_PLAIN },
	{ "blending", blending, 0 },
	{ "multiple_targets", multiple_targets, VKT_PLAIN },
	{ "msaa_resolve", msaa_resolve, VKT_PLAIN },
	{ "sample_shading", sample_shading, 0 },
	{ "fragment_stores", fragment_stores, 0 },
	{ "layered", layered, 0 },
	{ "conditional_rendering", conditional_rendering, 0 },
	{ NULL, NULL, 0 },
};
