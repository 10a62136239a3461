/* SPDX-License-Identifier: MIT */
/* Lies that are well-formed messages about what a command buffer is in the middle of: queries,
 * transform feedback, render passes that it continues; and about numbers of things. */
#include "hostile.h"

#include "triangle_vert.h"

#define QUERY_COUNT 4u

static struct message pool_message(struct hostile *h, VkQueryType type, uint32_t count)
{
	const VkQueryPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = type,
		.queryCount = count,
	};
	VkQueryPool pool = HANDLE(h, QUERIES, VkQueryPool);

	return MESSAGE(h, vkCreateQueryPool, .device = device(h), .pCreateInfo = &info,
		       .pQueryPool = &pool);
}

static void make_queries(struct hostile *h, VkQueryType type)
{
	hostile_make_world(h);
	hostile_send(h, pool_message(h, type, QUERY_COUNT));
}

static struct message begin_query(struct hostile *h, uint32_t query)
{
	return MESSAGE(h, vkCmdBeginQuery, .queryPool = HANDLE(h, QUERIES, VkQueryPool),
		       .query = query);
}

static struct message end_query(struct hostile *h, uint32_t query)
{
	return MESSAGE(h, vkCmdEndQuery, .queryPool = HANDLE(h, QUERIES, VkQueryPool),
		       .query = query);
}

/* A driver that adds up sizes in 32 bits would have room for none. */
static void lie_query_count(struct hostile *h)
{
	hostile_make_world(h);
	hostile_send(h, pool_message(h, VK_QUERY_TYPE_OCCLUSION, 1u << 29));
}

static void lie_query_open(struct hostile *h)
{
	make_queries(h, VK_QUERY_TYPE_OCCLUSION);
	hostile_record(h, CMD, begin_query(h, 0));
}

static void lie_query_not_begun(struct hostile *h)
{
	make_queries(h, VK_QUERY_TYPE_OCCLUSION);
	hostile_record(h, CMD, end_query(h, 0));
}

static void lie_query_twice(struct hostile *h)
{
	make_queries(h, VK_QUERY_TYPE_OCCLUSION);
	const struct message messages[] = {
		begin_query(h, 0),
		begin_query(h, 0),
		end_query(h, 0),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

/* A driver would go on to count in what is not there any more. */
static void lie_query_reset(struct hostile *h)
{
	make_queries(h, VK_QUERY_TYPE_OCCLUSION);
	const struct message messages[] = {
		begin_query(h, 1),
		MESSAGE(h, vkCmdResetQueryPool, .queryPool = HANDLE(h, QUERIES, VkQueryPool),
			.queryCount = QUERY_COUNT),
		end_query(h, 1),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

static void lie_query_stream(struct hostile *h)
{
	make_queries(h, VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT);
	const struct message messages[] = {
		MESSAGE(h, vkCmdBeginQueryIndexedEXT, .queryPool = HANDLE(h, QUERIES, VkQueryPool),
			.index = 1u << 28),
		MESSAGE(h, vkCmdEndQueryIndexedEXT, .queryPool = HANDLE(h, QUERIES, VkQueryPool),
			.index = 1u << 28),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

static void lie_query_timestamp(struct hostile *h)
{
	make_queries(h, VK_QUERY_TYPE_OCCLUSION);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdWriteTimestamp,
			       .pipelineStage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
			       .queryPool = HANDLE(h, QUERIES, VkQueryPool)));
}

/* --- Transform feedback --- */

static void make_feedback_buffer(struct hostile *h)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = HOSTILE_BUFFER_SIZE,
		.usage = VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT |
			 VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_COUNTER_BUFFER_BIT_EXT,
	};
	VkBuffer buffer = HANDLE(h, SECOND, VkBuffer);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateBuffer, .device = device(h), .pCreateInfo = &info,
				.pBuffer = &buffer));
	hostile_send(h,
		     MESSAGE(h, vkBindBufferMemory, .device = device(h), .buffer = buffer,
			     .memory = HANDLE(h, MEMORY, VkDeviceMemory), .memoryOffset = 16384));
}

static struct message bind_feedback(struct hostile *h)
{
	const VkBuffer buffer = HANDLE(h, SECOND, VkBuffer);
	const VkDeviceSize offset = 0;

	return MESSAGE(h, vkCmdBindTransformFeedbackBuffersEXT, .bindingCount = 1,
		       .pBuffers = &buffer, .pOffsets = &offset);
}

static struct message begin_feedback(struct hostile *h, VkDeviceSize offset)
{
	const VkBuffer buffer = HANDLE(h, SECOND, VkBuffer);

	return MESSAGE(h, vkCmdBeginTransformFeedbackEXT, .counterBufferCount = 1,
		       .pCounterBuffers = &buffer, .pCounterBufferOffsets = &offset);
}

static struct message end_feedback(struct hostile *h, VkDeviceSize offset)
{
	const VkBuffer buffer = HANDLE(h, SECOND, VkBuffer);

	return MESSAGE(h, vkCmdEndTransformFeedbackEXT, .counterBufferCount = 1,
		       .pCounterBuffers = &buffer, .pCounterBufferOffsets = &offset);
}

static void lie_counter_begin(struct hostile *h)
{
	make_feedback_buffer(h);
	const struct message messages[] = {
		bind_feedback(h),
		begin_feedback(h, HOSTILE_BUFFER_SIZE),
		end_feedback(h, 0),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

static void lie_counter_end(struct hostile *h)
{
	make_feedback_buffer(h);
	const struct message messages[] = {
		bind_feedback(h),
		begin_feedback(h, 0),
		end_feedback(h, HOSTILE_BUFFER_SIZE - 3),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

static void lie_feedback_bind(struct hostile *h)
{
	make_feedback_buffer(h);
	const struct message messages[] = {
		bind_feedback(h),
		begin_feedback(h, 0),
		bind_feedback(h),
		end_feedback(h, 0),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

static void lie_feedback_unbound(struct hostile *h)
{
	make_feedback_buffer(h);
	const struct message messages[] = {
		begin_feedback(h, 0),
		end_feedback(h, 0),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

static void lie_feedback_open(struct hostile *h)
{
	make_feedback_buffer(h);
	const struct message messages[] = {
		bind_feedback(h),
		begin_feedback(h, 0),
	};

	hostile_record_all(h, CMD, COUNT(messages), messages);
}

/* --- State --- */

/* A driver would go on looking at the buffer. */
static void lie_condition_open(struct hostile *h)
{
	const VkConditionalRenderingBeginInfoEXT info = {
		.sType = VK_STRUCTURE_TYPE_CONDITIONAL_RENDERING_BEGIN_INFO_EXT,
		.buffer = HANDLE(h, BUFFER, VkBuffer),
	};

	hostile_make_world(h);
	hostile_record(
		h, CMD,
		MESSAGE(h, vkCmdBeginConditionalRenderingEXT, .pConditionalRenderingBegin = &info));
}

static void lie_border_color(struct hostile *h)
{
	const VkSamplerCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
		.addressModeU = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER,
		.borderColor = VK_BORDER_COLOR_FLOAT_CUSTOM_EXT,
	};
	VkSampler sampler = HANDLE(h, SECOND, VkSampler);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateSampler, .device = device(h), .pCreateInfo = &info,
				.pSampler = &sampler));
}

/* An attribute of a binding that is not described. */
static void lie_vertex_input(struct hostile *h)
{
	const VkVertexInputAttributeDescription2EXT attribute = {
		.sType = VK_STRUCTURE_TYPE_VERTEX_INPUT_ATTRIBUTE_DESCRIPTION_2_EXT,
		.binding = 1,
		.format = VK_FORMAT_R32_SFLOAT,
	};

	hostile_make_world(h);
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdSetVertexInputEXT, .vertexAttributeDescriptionCount = 1,
			       .pVertexAttributeDescriptions = &attribute));
}

static void lie_patch_points(struct hostile *h)
{
	hostile_make_world(h);
	hostile_record(h, CMD, MESSAGE(h, vkCmdSetPatchControlPointsEXT, .patchControlPoints = 0));
}

static void make_secondary(struct hostile *h)
{
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = HANDLE(h, POOL, VkCommandPool),
		.level = VK_COMMAND_BUFFER_LEVEL_SECONDARY,
		.commandBufferCount = 1,
	};
	VkCommandBuffer commands = HANDLE(h, SECOND, VkCommandBuffer);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkAllocateCommandBuffers, .device = device(h),
				.pAllocateInfo = &info, .pCommandBuffers = &commands));
}

static void lie_no_inheritance(struct hostile *h)
{
	make_secondary(h);
	hostile_record_all(h, SECOND, 0, NULL);
}

static void lie_inherited_subpass(struct hostile *h)
{
	const VkSubpassDescription subpass = { 0 };
	const VkRenderPassCreateInfo pass_info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
		.subpassCount = 1,
		.pSubpasses = &subpass,
	};
	VkRenderPass pass = HANDLE(h, PASS, VkRenderPass);
	const VkCommandBufferInheritanceInfo inheritance = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
		.renderPass = pass,
		.subpass = 1000,
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT,
		.pInheritanceInfo = &inheritance,
	};

	make_secondary(h);
	hostile_send(h, MESSAGE(h, vkCreateRenderPass, .device = device(h),
				.pCreateInfo = &pass_info, .pRenderPass = &pass));
	hostile_send(h, MESSAGE(h, slRecordCommandBuffer,
				.commandBuffer = HANDLE(h, SECOND, VkCommandBuffer),
				.pBeginInfo = &begin));
}

/* --- Pipelines --- */

static void make_module(struct hostile *h, const uint32_t *code, size_t size)
{
	const VkShaderModuleCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = size,
		.pCode = code,
	};
	const VkPushConstantRange range = { VK_SHADER_STAGE_COMPUTE_BIT, 0, 16 };
	const VkPipelineLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &range,
	};
	VkShaderModule module = HANDLE(h, SECOND, VkShaderModule);
	VkPipelineLayout layout = HANDLE(h, LAYOUT, VkPipelineLayout);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateShaderModule, .device = device(h), .pCreateInfo = &info,
				.pShaderModule = &module));
	hostile_send(h, MESSAGE(h, vkCreatePipelineLayout, .device = device(h),
				.pCreateInfo = &layout_info, .pPipelineLayout = &layout));
}

static void create_graphics(struct hostile *h, enum object object, const void *next,
			    VkShaderStageFlagBits stage, const void *input_next,
			    VkDynamicState dynamic_state)
{
	const VkPipelineShaderStageCreateInfo stage_info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
		.stage = stage,
		.module = HANDLE(h, SECOND, VkShaderModule),
		.pName = "main",
	};
	const VkPipelineVertexInputStateCreateInfo input = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
		.pNext = input_next,
	};
	const VkPipelineInputAssemblyStateCreateInfo assembly = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
	};
	const VkPipelineRasterizationStateCreateInfo rasterization = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
		.rasterizerDiscardEnable = VK_TRUE,
	};
	const VkPipelineDynamicStateCreateInfo dynamic = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
		.dynamicStateCount = 1,
		.pDynamicStates = &dynamic_state,
	};
	const VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = next,
		.stageCount = 1,
		.pStages = &stage_info,
		.pVertexInputState = &input,
		.pInputAssemblyState = &assembly,
		.pRasterizationState = &rasterization,
		.pDynamicState = &dynamic,
		.layout = HANDLE(h, LAYOUT, VkPipelineLayout),
	};
	VkPipeline pipeline = HANDLE(h, object, VkPipeline);

	hostile_send(h,
		     MESSAGE(h, vkCreateGraphicsPipelines, .device = device(h),
			     .createInfoCount = 1, .pCreateInfos = &info, .pPipelines = &pipeline));
}

/* A binding's divisor far behind those of the device. */
static void lie_divisor(struct hostile *h)
{
	const VkVertexInputBindingDivisorDescriptionEXT divisor = { 1u << 20, 1 };
	const VkPipelineVertexInputDivisorStateCreateInfoEXT divisors = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_DIVISOR_STATE_CREATE_INFO_EXT,
		.vertexBindingDivisorCount = 1,
		.pVertexBindingDivisors = &divisor,
	};

	make_module(h, triangle_vert, sizeof(triangle_vert));
	create_graphics(h, VIEW, NULL, VK_SHADER_STAGE_VERTEX_BIT, &divisors,
			VK_DYNAMIC_STATE_VIEWPORT);
}

static void lie_dynamic_state(struct hostile *h)
{
	make_module(h, triangle_vert, sizeof(triangle_vert));
	create_graphics(h, VIEW, NULL, VK_SHADER_STAGE_VERTEX_BIT, NULL,
			VK_DYNAMIC_STATE_RAY_TRACING_PIPELINE_STACK_SIZE_KHR);
}

static void lie_no_vertices(struct hostile *h)
{
	make_module(h, triangle_vert, sizeof(triangle_vert));
	create_graphics(h, VIEW, NULL, VK_SHADER_STAGE_FRAGMENT_BIT, NULL,
			VK_DYNAMIC_STATE_VIEWPORT);
}

static void lie_tessellation(struct hostile *h)
{
	make_module(h, triangle_vert, sizeof(triangle_vert));
	create_graphics(h, VIEW, NULL, VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, NULL,
			VK_DYNAMIC_STATE_VIEWPORT);
}

/* A pipeline that is no library. */
static void lie_library(struct hostile *h)
{
	const VkPipeline library = HANDLE(h, IMAGE, VkPipeline);
	const VkPipelineLibraryCreateInfoKHR libraries = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LIBRARY_CREATE_INFO_KHR,
		.libraryCount = 1,
		.pLibraries = &library,
	};

	make_module(h, triangle_vert, sizeof(triangle_vert));
	create_graphics(h, IMAGE, NULL, VK_SHADER_STAGE_VERTEX_BIT, NULL,
			VK_DYNAMIC_STATE_VIEWPORT);
	create_graphics(h, VIEW, &libraries, VK_SHADER_STAGE_VERTEX_BIT, NULL,
			VK_DYNAMIC_STATE_VIEWPORT);
}

static void lie_compute_stage(struct hostile *h)
{
	const VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = VK_SHADER_STAGE_VERTEX_BIT,
			.module = HANDLE(h, SECOND, VkShaderModule),
			.pName = "main",
		},
		.layout = HANDLE(h, LAYOUT, VkPipelineLayout),
	};
	VkPipeline pipeline = HANDLE(h, VIEW, VkPipeline);

	make_module(h, triangle_vert, sizeof(triangle_vert));
	hostile_send(h,
		     MESSAGE(h, vkCreateComputePipelines, .device = device(h), .createInfoCount = 1,
			     .pCreateInfos = &info, .pPipelines = &pipeline));
}

/* --- Submissions --- */

/* A device for none of the semaphores, while drivers look up one for each. */
static void lie_submit_devices(struct hostile *h)
{
	static const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	const VkSemaphoreCreateInfo semaphore_info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
	};
	const VkDeviceGroupSubmitInfo group = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO,
	};
	VkSemaphore semaphore = HANDLE(h, SECOND, VkSemaphore);
	const VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &group,
		.waitSemaphoreCount = 1,
		.pWaitSemaphores = &semaphore,
		.pWaitDstStageMask = &stage,
	};

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateSemaphore, .device = device(h),
				.pCreateInfo = &semaphore_info, .pSemaphore = &semaphore));
	hostile_send(h, MESSAGE(h, vkQueueSubmit, .queue = HANDLE(h, QUEUE, VkQueue),
				.submitCount = 1, .pSubmits = &info));
}

/* --- Memory that is not there --- */

static void lie_sparse_buffer(struct hostile *h)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT,
		.size = HOSTILE_BUFFER_SIZE,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer buffer = HANDLE(h, SECOND, VkBuffer);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateBuffer, .device = device(h), .pCreateInfo = &info,
				.pBuffer = &buffer));
	hostile_record(h, CMD, MESSAGE(h, vkCmdFillBuffer, .dstBuffer = buffer, .size = 64));
}

static void lie_sparse_image(struct hostile *h)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 16, 16, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	const VkClearColorValue color = { .float32 = { 0 } };
	const VkImageSubresourceRange range = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 };
	VkImage image = HANDLE(h, SECOND, VkImage);

	hostile_make_world(h);
	hostile_send(h, MESSAGE(h, vkCreateImage, .device = device(h), .pCreateInfo = &info,
				.pImage = &image));
	hostile_record(h, CMD,
		       MESSAGE(h, vkCmdClearColorImage, .image = image,
			       .imageLayout = VK_IMAGE_LAYOUT_GENERAL, .pColor = &color,
			       .rangeCount = 1, .pRanges = &range));
}

const struct lie hostile_command_lies[] = {
	{ "vkCreateQueryPool:count", lie_query_count },
	{ "slRecordCommandBuffer:query", lie_query_open },
	{ "vkCmdEndQuery:not-begun", lie_query_not_begun },
	{ "vkCmdBeginQuery:twice", lie_query_twice },
	{ "vkCmdResetQueryPool:active", lie_query_reset },
	{ "vkCmdBeginQueryIndexedEXT:stream", lie_query_stream },
	{ "vkCmdWriteTimestamp:type", lie_query_timestamp },
	{ "vkCmdBeginTransformFeedbackEXT:beyond", lie_counter_begin },
	{ "vkCmdBeginTransformFeedbackEXT:unbound", lie_feedback_unbound },
	{ "vkCmdEndTransformFeedbackEXT:beyond", lie_counter_end },
	{ "vkCmdBindTransformFeedbackBuffersEXT:active", lie_feedback_bind },
	{ "slRecordCommandBuffer:feedback", lie_feedback_open },
	{ "slRecordCommandBuffer:condition", lie_condition_open },
	{ "vkCreateSampler:border", lie_border_color },
	{ "vkCmdSetVertexInputEXT:binding", lie_vertex_input },
	{ "vkCmdSetPatchControlPointsEXT:none", lie_patch_points },
	{ "slRecordCommandBuffer:no-inheritance", lie_no_inheritance },
	{ "slRecordCommandBuffer:subpass", lie_inherited_subpass },
	{ "vkCreateGraphicsPipelines:divisor", lie_divisor },
	{ "vkCreateGraphicsPipelines:dynamic", lie_dynamic_state },
	{ "vkCreateGraphicsPipelines:no-vertices", lie_no_vertices },
	{ "vkCreateGraphicsPipelines:tessellation", lie_tessellation },
	{ "vkCreateGraphicsPipelines:library", lie_library },
	{ "vkCreateComputePipelines:stage", lie_compute_stage },
	{ "vkQueueSubmit:devices", lie_submit_devices },
	{ "vkCreateBuffer:sparse", lie_sparse_buffer },
	{ "vkCreateImage:sparse", lie_sparse_image },
	{ NULL, NULL },
};
