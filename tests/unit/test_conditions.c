/* SPDX-License-Identifier: MIT */
/* protocol/conditions: which members of a graphics pipeline's description are read. */
#include "protocol/conditions.h"

#include "tests/unit/sl_test.h"

#define GARBAGE ((const void *)(uintptr_t)0xdead0001)

static VkPipelineRasterizationStateCreateInfo rasterization;
static VkPipelineShaderStageCreateInfo stages[3];
static VkDynamicState dynamic_states[2];
static VkPipelineDynamicStateCreateInfo dynamic;

/* A complete pipeline with a vertex and a fragment shader. */
static VkGraphicsPipelineCreateInfo complete(void)
{
	rasterization = (VkPipelineRasterizationStateCreateInfo){ 0 };
	dynamic = (VkPipelineDynamicStateCreateInfo){ .pDynamicStates = dynamic_states };
	stages[0] = (VkPipelineShaderStageCreateInfo){ .stage = VK_SHADER_STAGE_VERTEX_BIT };
	stages[1] = (VkPipelineShaderStageCreateInfo){ .stage = VK_SHADER_STAGE_FRAGMENT_BIT };
	return (VkGraphicsPipelineCreateInfo){ .stageCount = 2,
					       .pStages = stages,
					       .pRasterizationState = &rasterization,
					       .pDynamicState = &dynamic };
}

static void test_complete_pipeline_reads_all_but_tessellation(void **state)
{
	VkGraphicsPipelineCreateInfo info = complete();

	assert_true(sl_pipeline_reads_stages(&info));
	assert_true(sl_pipeline_reads_vertex_input(&info));
	assert_true(sl_pipeline_reads_input_assembly(&info));
	assert_false(sl_pipeline_reads_tessellation(&info));
	assert_true(sl_pipeline_reads_viewport(&info));
	assert_true(sl_pipeline_reads_rasterization(&info));
	assert_true(sl_pipeline_reads_multisample(&info));
	assert_true(sl_pipeline_reads_depth_stencil(&info));
	assert_true(sl_pipeline_reads_color_blend(&info));
	assert_true(sl_pipeline_reads_layout(&info));
	assert_true(sl_pipeline_reads_render_pass(&info));
	assert_true(sl_pipeline_reads_viewports(&info));
	assert_true(sl_pipeline_reads_scissors(&info));
}

static void test_discarded_rasterization_leaves_out_what_follows(void **state)
{
	VkGraphicsPipelineCreateInfo info = complete();

	rasterization.rasterizerDiscardEnable = VK_TRUE;
	assert_false(sl_pipeline_reads_viewport(&info));
	assert_false(sl_pipeline_reads_multisample(&info));
	assert_false(sl_pipeline_reads_depth_stencil(&info));
	assert_false(sl_pipeline_reads_color_blend(&info));

	dynamic_states[0] = VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE;
	dynamic.dynamicStateCount = 1;
	assert_true(sl_pipeline_reads_viewport(&info));
	assert_true(sl_pipeline_reads_color_blend(&info));
}

static void test_dynamic_states_replace_members(void **state)
{
	VkGraphicsPipelineCreateInfo info = complete();

	dynamic_states[0] = VK_DYNAMIC_STATE_VIEWPORT_WITH_COUNT;
	dynamic_states[1] = VK_DYNAMIC_STATE_VERTEX_INPUT_EXT;
	dynamic.dynamicStateCount = 2;
	assert_false(sl_pipeline_reads_viewports(&info));
	assert_true(sl_pipeline_reads_scissors(&info));
	assert_false(sl_pipeline_reads_vertex_input(&info));
	assert_true(sl_pipeline_reads_input_assembly(&info));
}

static void test_tessellation_needs_both_stages(void **state)
{
	VkGraphicsPipelineCreateInfo info = complete();

	stages[1].stage = VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT;
	assert_false(sl_pipeline_reads_tessellation(&info));
	stages[2].stage = VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT;
	info.stageCount = 3;
	assert_true(sl_pipeline_reads_tessellation(&info));
}

static void test_mesh_shaders_have_no_vertex_input(void **state)
{
	VkGraphicsPipelineCreateInfo info = complete();

	stages[0].stage = VK_SHADER_STAGE_MESH_BIT_EXT;
	assert_false(sl_pipeline_reads_vertex_input(&info));
	assert_false(sl_pipeline_reads_input_assembly(&info));
}

static void test_library_reads_its_parts_only(void **state)
{
	VkGraphicsPipelineLibraryCreateInfoEXT parts = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
		.flags = VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT,
	};
	VkGraphicsPipelineCreateInfo info = { .pNext = &parts,
					      .flags = VK_PIPELINE_CREATE_LIBRARY_BIT_KHR,
					      .stageCount = 7,
					      .pStages = GARBAGE,
					      .pRasterizationState = GARBAGE };

	assert_true(sl_pipeline_reads_vertex_input(&info));
	assert_false(sl_pipeline_reads_stages(&info));
	assert_false(sl_pipeline_reads_rasterization(&info));
	assert_false(sl_pipeline_reads_layout(&info));
	assert_false(sl_pipeline_reads_color_blend(&info));

	parts.flags = VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_OUTPUT_INTERFACE_BIT_EXT;
	assert_false(sl_pipeline_reads_vertex_input(&info));
	assert_true(sl_pipeline_reads_multisample(&info));
	assert_true(sl_pipeline_reads_color_blend(&info));
	assert_true(sl_pipeline_reads_render_pass(&info));
}

static void test_linking_libraries_reads_nothing_itself(void **state)
{
	VkPipelineLibraryCreateInfoKHR libraries = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
		.libraryCount = 1,
	};
	VkGraphicsPipelineCreateInfo info = { .pNext = &libraries, .pStages = GARBAGE };

	assert_false(sl_pipeline_reads_stages(&info));
	assert_false(sl_pipeline_reads_render_pass(&info));
	libraries.libraryCount = 0;
	assert_true(sl_pipeline_reads_stages(&info));
}

static void test_dynamic_rendering_tells_its_attachments(void **state)
{
	VkPipelineRenderingCreateInfo rendering = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
		.colorAttachmentCount = 1,
	};
	VkGraphicsPipelineCreateInfo info = complete();

	info.pNext = &rendering;
	assert_true(sl_pipeline_reads_formats(&info));
	assert_true(sl_pipeline_reads_color_blend(&info));
	assert_false(sl_pipeline_reads_depth_stencil(&info));
	rendering.colorAttachmentCount = 0;
	rendering.stencilAttachmentFormat = VK_FORMAT_S8_UINT;
	assert_false(sl_pipeline_reads_color_blend(&info));
	assert_true(sl_pipeline_reads_depth_stencil(&info));

	/* With a render pass these formats are ignored. */
	info.renderPass = (VkRenderPass)(uintptr_t)1;
	assert_false(sl_pipeline_reads_formats(&info));
	assert_true(sl_pipeline_reads_color_blend(&info));
}

static void test_base_pipeline(void **state)
{
	assert_true(sl_pipeline_has_base(VK_PIPELINE_CREATE_DERIVATIVE_BIT, -1));
	assert_false(sl_pipeline_has_base(VK_PIPELINE_CREATE_DERIVATIVE_BIT, 0));
	assert_false(sl_pipeline_has_base(VK_PIPELINE_CREATE_ALLOW_DERIVATIVES_BIT, -1));
}

static void test_descriptors(void **state)
{
	assert_true(sl_descriptor_has_sampler(VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER));
	assert_false(sl_descriptor_has_sampler(VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE));
	assert_true(sl_descriptor_has_image_info(VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT));
	assert_false(sl_descriptor_has_image_info(VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER));
	assert_true(sl_descriptor_has_texel_buffer_view(VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER));
	assert_true(sl_descriptor_has_buffer_info(VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC));
	assert_false(sl_descriptor_has_buffer_info(VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete_pipeline_reads_all_but_tessellation),
		cmocka_unit_test(test_discarded_rasterization_leaves_out_what_follows),
		cmocka_unit_test(test_dynamic_states_replace_members),
		cmocka_unit_test(test_tessellation_needs_both_stages),
		cmocka_unit_test(test_mesh_shaders_have_no_vertex_input),
		cmocka_unit_test(test_library_reads_its_parts_only),
		cmocka_unit_test(test_linking_libraries_reads_nothing_itself),
		cmocka_unit_test(test_dynamic_rendering_tells_its_attachments),
		cmocka_unit_test(test_base_pipeline),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
