/* SPDX-License-Identifier: MIT */
/* What an application leaves in members that Vulkan ignores is not looked at, where that depends on
 * objects: the attachments of a render pass, the immutable samplers of a set layout. */
#include <stdlib.h>
#include <string.h>

#include "guest-driver/vk/context.h"
#include "guest-driver/vk/object.h"
#include "protocol/reader.h"
#include "protocol/sl_codec.h"
#include "protocol/sl_entries.h"
#include "protocol/sl_ids.h"
#include "protocol/wire.h"
#include "tests/unit/fake_guest_link.h"
#include "tests/unit/sl_test.h"

/* Reading there is a crash. */
#define GARBAGE ((void *)(uintptr_t)8)

#define IMMUTABLE_BINDING 7u
#define PLAIN_BINDING	  2u

struct world {
	struct sl_context *context;
	struct sl_guest_object *object; /* the device */
	VkDevice device;
	struct sl_guest_object *sampler;
	struct sl_guest_object *view;
	VkDescriptorSetLayout set_layout;
	VkDescriptorPool pool;
	VkDescriptorSet set;
	struct sl_arena arena;
};

static struct sl_guest_object *create_object(struct sl_context *context, VkObjectType type)
{
	struct sl_guest_object *object =
		sl_guest_object_create_in(context, type, sizeof(struct sl_guest_object));

	assert_non_null(object);
	return object;
}

static void create_set(struct world *world)
{
	VkSampler immutable[2] = { (VkSampler)(uintptr_t)world->sampler,
				   (VkSampler)(uintptr_t)world->sampler };
	const VkDescriptorSetLayoutBinding bindings[] = {
		{ IMMUTABLE_BINDING, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 2,
		  VK_SHADER_STAGE_ALL, immutable },
		/* Not a sampler: ignored here, too. */
		{ 3, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_ALL, GARBAGE },
		{ PLAIN_BINDING, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 2, VK_SHADER_STAGE_ALL,
		  NULL },
	};
	const VkDescriptorSetLayoutCreateInfo layout_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = 3,
		.pBindings = bindings,
	};
	const VkDescriptorPoolSize sizes[] = {
		{ VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 4 },
		{ VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1 },
	};
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = 1,
		.poolSizeCount = 2,
		.pPoolSizes = sizes,
	};
	assert_int_equal(sl_vkCreateDescriptorSetLayout(world->device, &layout_info, NULL,
							&world->set_layout),
			 VK_SUCCESS);
	assert_int_equal(sl_vkCreateDescriptorPool(world->device, &pool_info, NULL, &world->pool),
			 VK_SUCCESS);
	const VkDescriptorSetAllocateInfo set_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = world->pool,
		.descriptorSetCount = 1,
		.pSetLayouts = &world->set_layout,
	};
	assert_int_equal(sl_vkAllocateDescriptorSets(world->device, &set_info, &world->set),
			 VK_SUCCESS);
}

static int set_up(void **state)
{
	static struct world world;
	char why[64];

	fake_link_reset();
	assert_int_equal(sl_context_create(&world.context, why, sizeof(why)), 0);
	world.object = create_object(world.context, VK_OBJECT_TYPE_DEVICE);
	world.device = (VkDevice)world.object;
	world.sampler = create_object(world.context, VK_OBJECT_TYPE_SAMPLER);
	world.view = create_object(world.context, VK_OBJECT_TYPE_IMAGE_VIEW);
	create_set(&world);
	sl_arena_init(&world.arena, SL_MAX_ARENA_SIZE);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	sl_arena_finish(&world->arena);
	sl_vkDestroyDescriptorPool(world->device, world->pool, NULL);
	sl_vkDestroyDescriptorSetLayout(world->device, world->set_layout, NULL);
	sl_guest_object_destroy(world->view);
	sl_guest_object_destroy(world->sampler);
	sl_guest_object_destroy(world->object);
	sl_context_destroy(world->context);
	return 0;
}

static uint64_t find(void *data, uint32_t object_type, uint64_t id)
{
	return id;
}

/* Decodes payload bytes, which live as long as the arena's. */
static struct sl_reader reader(struct world *world, const uint8_t *payload, size_t size)
{
	static const struct sl_resolver resolver = { .find = find, .create = find };

	return (struct sl_reader){
		.cur = payload, .end = payload + size, .arena = &world->arena, .resolver = &resolver
	};
}

static struct sl_reader last_message(struct world *world, uint16_t command_id)
{
	assert_int_equal(fake_link.last_command_id, command_id);
	return reader(world, fake_link.last_payload, fake_link.last_payload_size);
}

static struct sl_vkUpdateDescriptorSets decode_update(struct world *world)
{
	struct sl_vkUpdateDescriptorSets args = { 0 };
	struct sl_reader in = last_message(world, SL_COMMAND_vkUpdateDescriptorSets);

	sl_decode_vkUpdateDescriptorSets(&in, &args);
	assert_null(in.why);
	return args;
}

static VkDescriptorImageInfo image_info(struct world *world, void *sampler)
{
	return (VkDescriptorImageInfo){ (VkSampler)sampler, (VkImageView)(uintptr_t)world->view,
					VK_IMAGE_LAYOUT_GENERAL };
}

static VkWriteDescriptorSet write_images(VkDescriptorSet set, uint32_t binding, uint32_t count,
					 const VkDescriptorImageInfo *infos)
{
	return (VkWriteDescriptorSet){
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = set,
		.dstBinding = binding,
		.descriptorCount = count,
		.descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
		.pImageInfo = infos,
	};
}

static void check_image(struct world *world, const VkDescriptorImageInfo *info,
			const struct sl_guest_object *sampler)
{
	assert_int_equal((uintptr_t)info->sampler, sampler != NULL ? sampler->handle.id : 0);
	assert_int_equal((uintptr_t)info->imageView, world->view->handle.id);
	assert_int_equal(info->imageLayout, VK_IMAGE_LAYOUT_GENERAL);
}

static void test_update_of_immutable_samplers(void **state)
{
	struct world *world = *state;
	VkDescriptorImageInfo immutable[2] = { image_info(world, GARBAGE),
					       image_info(world, GARBAGE) };
	VkDescriptorImageInfo plain[2] = { image_info(world, world->sampler),
					   image_info(world, world->sampler) };
	const VkWriteDescriptorSet writes[] = {
		write_images(world->set, PLAIN_BINDING, 2, plain),
		write_images(world->set, IMMUTABLE_BINDING, 2, immutable),
	};

	sl_vkUpdateDescriptorSets(world->device, 2, writes, 0, NULL);
	struct sl_vkUpdateDescriptorSets args = decode_update(world);
	assert_int_equal(args.descriptorWriteCount, 2);
	for (uint32_t i = 0; i < 2; i++) {
		check_image(world, &args.pDescriptorWrites[0].pImageInfo[i], world->sampler);
		check_image(world, &args.pDescriptorWrites[1].pImageInfo[i], NULL);
	}
	assert_ptr_equal(immutable[1].sampler, GARBAGE);
	assert_ptr_equal(writes[1].pImageInfo, immutable);
}

/* More than fits on a stack; the layout is gone already. */
static void test_large_update_without_the_layout(void **state)
{
	struct world *world = *state;
	enum {
		COUNT = 5000
	};
	VkDescriptorImageInfo *infos = calloc(COUNT, sizeof(*infos));

	for (uint32_t i = 0; i < COUNT; i++) {
		infos[i] = image_info(world, GARBAGE);
	}
	sl_vkDestroyDescriptorSetLayout(world->device, world->set_layout, NULL);
	world->set_layout = VK_NULL_HANDLE;
	const VkWriteDescriptorSet write =
		write_images(world->set, IMMUTABLE_BINDING, COUNT, infos);
	sl_vkUpdateDescriptorSets(world->device, 1, &write, 0, NULL);
	struct sl_vkUpdateDescriptorSets args = decode_update(world);
	check_image(world, &args.pDescriptorWrites[0].pImageInfo[COUNT - 1], NULL);
	free(infos);
}

static void test_template_with_immutable_samplers(void **state)
{
	struct world *world = *state;
	VkDescriptorImageInfo data[2] = { image_info(world, GARBAGE), image_info(world, GARBAGE) };
	const VkDescriptorUpdateTemplateEntry entry = {
		.dstBinding = IMMUTABLE_BINDING,
		.descriptorCount = 2,
		.descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
		.stride = sizeof(data[0]),
	};
	const VkDescriptorUpdateTemplateCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO,
		.descriptorUpdateEntryCount = 1,
		.pDescriptorUpdateEntries = &entry,
		.descriptorSetLayout = world->set_layout,
	};
	VkDescriptorUpdateTemplate template;

	assert_int_equal(sl_vkCreateDescriptorUpdateTemplate(world->device, &info, NULL, &template),
			 VK_SUCCESS);
	sl_vkUpdateDescriptorSetWithTemplate(world->device, world->set, template, data);
	struct sl_vkUpdateDescriptorSets args = decode_update(world);
	check_image(world, &args.pDescriptorWrites[0].pImageInfo[1], NULL);
	assert_ptr_equal(data[1].sampler, GARBAGE);
	sl_vkDestroyDescriptorUpdateTemplate(world->device, template, NULL);
}

static VkPipelineLayout create_pipeline_layout(struct world *world)
{
	/* Set 0 is left open, as pipeline libraries may. */
	const VkDescriptorSetLayout sets[] = { VK_NULL_HANDLE, world->set_layout };
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 2,
		.pSetLayouts = sets,
	};
	VkPipelineLayout layout = VK_NULL_HANDLE;

	assert_int_equal(sl_vkCreatePipelineLayout(world->device, &info, NULL, &layout),
			 VK_SUCCESS);
	assert_int_equal(fake_link.last_command_id, SL_COMMAND_vkCreatePipelineLayout);
	return layout;
}

/* The first command of the last recording. */
static struct sl_vkCmdPushDescriptorSetKHR decode_push(struct world *world)
{
	struct sl_slRecordCommandBuffer recording = { 0 };
	struct sl_vkCmdPushDescriptorSetKHR args = { 0 };
	struct sl_reader in = last_message(world, SL_COMMAND_slRecordCommandBuffer);
	struct sl_wire_header header;

	sl_decode_slRecordCommandBuffer(&in, &recording);
	assert_null(in.why);
	memcpy(&header, recording.pStream, sizeof(header));
	assert_int_equal(header.command_id, SL_COMMAND_vkCmdPushDescriptorSetKHR);
	in = reader(world, (const uint8_t *)recording.pStream + sizeof(header),
		    header.size - sizeof(header));
	sl_decode_vkCmdPushDescriptorSetKHR(&in, &args);
	assert_null(in.why);
	return args;
}

static void test_push_of_immutable_samplers(void **state)
{
	struct world *world = *state;
	VkDescriptorImageInfo immutable = image_info(world, GARBAGE);
	VkDescriptorImageInfo plain = image_info(world, world->sampler);
	const VkWriteDescriptorSet writes[] = {
		write_images((VkDescriptorSet)GARBAGE, IMMUTABLE_BINDING, 1, &immutable),
		write_images((VkDescriptorSet)GARBAGE, PLAIN_BINDING, 1, &plain),
	};
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
	};
	VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandBufferCount = 1,
	};
	VkPipelineLayout layout = create_pipeline_layout(world);
	VkCommandBuffer commands;

	assert_int_equal(sl_vkCreateCommandPool(world->device, &pool_info, NULL, &info.commandPool),
			 VK_SUCCESS);
	assert_int_equal(sl_vkAllocateCommandBuffers(world->device, &info, &commands), VK_SUCCESS);
	assert_int_equal(sl_vkBeginCommandBuffer(commands, &begin), VK_SUCCESS);
	/* The pipeline layout remembers what the set layout said. */
	sl_vkDestroyDescriptorSetLayout(world->device, world->set_layout, NULL);
	world->set_layout = VK_NULL_HANDLE;
	sl_vkCmdPushDescriptorSetKHR(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 1, 2,
				     writes);
	assert_int_equal(sl_vkEndCommandBuffer(commands), VK_SUCCESS);
	struct sl_vkCmdPushDescriptorSetKHR args = decode_push(world);
	check_image(world, &args.pDescriptorWrites[0].pImageInfo[0], NULL);
	check_image(world, &args.pDescriptorWrites[1].pImageInfo[0], world->sampler);
	assert_ptr_equal(immutable.sampler, GARBAGE);
	sl_vkDestroyCommandPool(world->device, info.commandPool, NULL);
	sl_vkDestroyPipelineLayout(world->device, layout, NULL);
}

/* Subpasses: 0 uses nothing (though it names unused attachments), 1 a colour attachment, 2 a
 * depth attachment, 3 both. */
#define SUBPASS_COUNT 4u

static VkRenderPass create_render_pass(struct world *world)
{
	const VkAttachmentReference unused = { VK_ATTACHMENT_UNUSED, 0 };
	const VkAttachmentReference color = { 0, VK_IMAGE_LAYOUT_GENERAL };
	const VkAttachmentReference depth = { 1, VK_IMAGE_LAYOUT_GENERAL };
	const VkSubpassDescription subpasses[SUBPASS_COUNT] = {
		{ .colorAttachmentCount = 1,
		  .pColorAttachments = &unused,
		  .pDepthStencilAttachment = &unused },
		{ .colorAttachmentCount = 1, .pColorAttachments = &color },
		{ .pDepthStencilAttachment = &depth },
		{ .colorAttachmentCount = 1,
		  .pColorAttachments = &color,
		  .pDepthStencilAttachment = &depth },
	};
	const VkAttachmentDescription attachments[2] = {
		{ .format = VK_FORMAT_R8G8B8A8_UNORM, .samples = VK_SAMPLE_COUNT_1_BIT },
		{ .format = VK_FORMAT_D16_UNORM, .samples = VK_SAMPLE_COUNT_1_BIT },
	};
	const VkRenderPassCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
		.attachmentCount = 2,
		.pAttachments = attachments,
		.subpassCount = SUBPASS_COUNT,
		.pSubpasses = subpasses,
	};
	VkRenderPass pass = VK_NULL_HANDLE;

	assert_int_equal(sl_vkCreateRenderPass(world->device, &info, NULL, &pass), VK_SUCCESS);
	assert_int_equal(fake_link.last_command_id, SL_COMMAND_vkCreateRenderPass);
	return pass;
}

static VkRenderPass create_render_pass2(struct world *world)
{
#define REFERENCE(index)                                                                           \
	{                                                                                          \
		VK_STRUCTURE_TYPE_ATTACHMENT_REFERENCE_2, NULL, index, VK_IMAGE_LAYOUT_GENERAL, 0, \
	}
	const VkAttachmentReference2 unused = REFERENCE(VK_ATTACHMENT_UNUSED);
	const VkAttachmentReference2 color = REFERENCE(0);
	const VkAttachmentReference2 depth = REFERENCE(1);
	const VkStructureType type = VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_2;
	const VkSubpassDescription2 subpasses[SUBPASS_COUNT] = {
		{ .sType = type,
		  .colorAttachmentCount = 1,
		  .pColorAttachments = &unused,
		  .pDepthStencilAttachment = &unused },
		{ .sType = type, .colorAttachmentCount = 1, .pColorAttachments = &color },
		{ .sType = type, .pDepthStencilAttachment = &depth },
		{ .sType = type,
		  .colorAttachmentCount = 1,
		  .pColorAttachments = &color,
		  .pDepthStencilAttachment = &depth },
	};
	const VkAttachmentDescription2 attachments[2] = {
		{ .sType = VK_STRUCTURE_TYPE_ATTACHMENT_DESCRIPTION_2,
		  .format = VK_FORMAT_R8G8B8A8_UNORM,
		  .samples = VK_SAMPLE_COUNT_1_BIT },
		{ .sType = VK_STRUCTURE_TYPE_ATTACHMENT_DESCRIPTION_2,
		  .format = VK_FORMAT_D16_UNORM,
		  .samples = VK_SAMPLE_COUNT_1_BIT },
	};
	const VkRenderPassCreateInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO_2,
		.attachmentCount = 2,
		.pAttachments = attachments,
		.subpassCount = SUBPASS_COUNT,
		.pSubpasses = subpasses,
	};
	VkRenderPass pass = VK_NULL_HANDLE;

	assert_int_equal(sl_vkCreateRenderPass2(world->device, &info, NULL, &pass), VK_SUCCESS);
	assert_int_equal(fake_link.last_command_id, SL_COMMAND_vkCreateRenderPass2);
	return pass;
}

/* One pipeline for each subpass; the states that it ignores are garbage. */
static void check_pipelines(struct world *world, VkRenderPass pass)
{
	const VkPipelineDepthStencilStateCreateInfo depth = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
	};
	const VkPipelineColorBlendStateCreateInfo blend = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
	};
	const VkPipelineRasterizationStateCreateInfo rasterization = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
	};
	VkGraphicsPipelineCreateInfo infos[SUBPASS_COUNT];
	VkPipeline pipelines[SUBPASS_COUNT];

	for (uint32_t i = 0; i < SUBPASS_COUNT; i++) {
		infos[i] = (VkGraphicsPipelineCreateInfo){
			.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
			.pRasterizationState = &rasterization,
			.pDepthStencilState = (i & 2) != 0 ? &depth : GARBAGE,
			.pColorBlendState = (i & 1) != 0 ? &blend : GARBAGE,
			.renderPass = pass,
			.subpass = i,
		};
	}
	assert_int_equal(sl_vkCreateGraphicsPipelines(world->device, VK_NULL_HANDLE, SUBPASS_COUNT,
						      infos, NULL, pipelines),
			 VK_SUCCESS);
	struct sl_vkCreateGraphicsPipelines args = { 0 };
	struct sl_reader in = last_message(world, SL_COMMAND_vkCreateGraphicsPipelines);
	sl_decode_vkCreateGraphicsPipelines(&in, &args);
	assert_null(in.why);
	for (uint32_t i = 0; i < SUBPASS_COUNT; i++) {
		assert_int_equal(args.pCreateInfos[i].pDepthStencilState != NULL, (i & 2) != 0);
		assert_int_equal(args.pCreateInfos[i].pColorBlendState != NULL, (i & 1) != 0);
		assert_int_equal(args.pCreateInfos[i].subpass, i);
		sl_vkDestroyPipeline(world->device, pipelines[i], NULL);
	}
	assert_ptr_equal(infos[0].pDepthStencilState, GARBAGE);
	assert_ptr_equal(infos[0].pColorBlendState, GARBAGE);
}

static void test_pipelines_of_a_render_pass(void **state)
{
	struct world *world = *state;
	VkRenderPass pass = create_render_pass(world);

	check_pipelines(world, pass);
	sl_vkDestroyRenderPass(world->device, pass, NULL);
	assert_int_equal(fake_link.last_command_id, SL_COMMAND_vkDestroyRenderPass);
}

static void test_pipelines_of_a_render_pass2(void **state)
{
	struct world *world = *state;
	VkRenderPass pass = create_render_pass2(world);

	check_pipelines(world, pass);
	sl_vkDestroyRenderPass(world->device, pass, NULL);
}

/* A library of the vertex input alone has no render pass, whatever is written there. */
static void test_library_without_render_pass(void **state)
{
	struct world *world = *state;
	const VkGraphicsPipelineLibraryCreateInfoEXT parts = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
		.flags = VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT,
	};
	const VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = &parts,
		.flags = VK_PIPELINE_CREATE_LIBRARY_BIT_KHR,
		.pDepthStencilState = GARBAGE,
		.pColorBlendState = GARBAGE,
		.renderPass = (VkRenderPass)GARBAGE,
		.subpass = 70000,
	};
	VkPipeline pipeline = VK_NULL_HANDLE;

	assert_int_equal(sl_vkCreateGraphicsPipelines(world->device, VK_NULL_HANDLE, 1, &info, NULL,
						      &pipeline),
			 VK_SUCCESS);
	sl_vkDestroyPipeline(world->device, pipeline, NULL);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_update_of_immutable_samplers),
		TEST(test_large_update_without_the_layout),
		TEST(test_template_with_immutable_samplers),
		TEST(test_push_of_immutable_samplers),
		TEST(test_pipelines_of_a_render_pass),
		TEST(test_pipelines_of_a_render_pass2),
		TEST(test_library_without_render_pass),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_link_reset();
	return failed;
}
