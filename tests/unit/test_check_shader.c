/* SPDX-License-Identifier: MIT */
/* Shaders beside the layouts of their pipelines. */
#include "host/check/check.h"

#include "protocol/sl_checked_ops.h"
#include "tests/unit/sl_test.h"

#include "attachment_frag.h"
#include "resources_comp.h"

#include <errno.h>

#define OK		   0
#define BAD		   (-EBADMSG)
#define COUNT(array)	   (sizeof(array) / sizeof((array)[0]))
#define HANDLE(type, what) ((type)(uintptr_t)((what) + 1))
#define COMPUTE		   VK_SHADER_STAGE_COMPUTE_BIT
#define FRAGMENT	   VK_SHADER_STAGE_FRAGMENT_BIT

enum {
	FIRST_SET,
	SECOND_SET,
	LAYOUT,
	MODULE,
	OBJECT_COUNT,
};

struct world {
	struct sl_check *check;
	struct sl_object device;
	struct sl_object objects[OBJECT_COUNT]; /* the handle of each is its index and 1 */
	struct sl_object *items[OBJECT_COUNT];
	struct sl_object_list named;
	VkDescriptorSetLayoutBinding bindings[9]; /* what resources.comp uses */
	uint32_t binding_count;
};

static const VkDescriptorSetLayoutBinding good_bindings[] = {
	{ 0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, 1, COMPUTE, NULL },
	{ 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 3, VK_SHADER_STAGE_ALL, NULL },
	{ 2, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 9, COMPUTE | FRAGMENT, NULL },
	/* the second set's */
	{ 0, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, COMPUTE, NULL },
	{ 1, VK_DESCRIPTOR_TYPE_SAMPLER, 1, COMPUTE, NULL },
	{ 2, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1, COMPUTE, NULL },
	{ 3, VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, 1, COMPUTE, NULL },
	{ 4, VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, 1, COMPUTE, NULL },
	{ 9, VK_DESCRIPTOR_TYPE_MUTABLE_EXT, 1, COMPUTE, NULL },
};

static void start(struct world *w, bool is_software)
{
	static const VkPhysicalDeviceLimits limits = { .maxBoundDescriptorSets = 4 };
	const struct sl_check_options options = { .limits = &limits,
						  .is_software = is_software,
						  .is_mesa_22 = is_software };

	*w = (struct world){ .check = sl_check_create(&options), .binding_count = 9 };
	assert_non_null(w->check);
	w->device = (struct sl_object){ .type = VK_OBJECT_TYPE_DEVICE, .device = &w->device };
	w->named = (struct sl_object_list){ w->items, 0, OBJECT_COUNT };
	for (size_t i = 0; i < COUNT(good_bindings); i++) {
		w->bindings[i] = good_bindings[i];
	}
}

static void **make(struct world *w, uint32_t which, VkObjectType type)
{
	struct sl_object *object = &w->objects[which];
	void *created[] = { object };
	uint64_t handle = which + 1;

	*object = (struct sl_object){
		.handle = handle, .type = type, .owner = &w->device, .device = &w->device
	};
	assert_int_equal(sl_check_note_created(w->check, created, 1, &handle, &w->named), 0);
	w->items[w->named.count++] = object;
	return (void **)&w->items[w->named.count - 1];
}

static void make_set_layout(struct world *w, uint32_t which,
			    const VkDescriptorSetLayoutBinding *bindings, uint32_t count)
{
	const VkDescriptorSetLayoutCreateInfo info = { .bindingCount = count,
						       .pBindings = bindings };
	struct sl_vkCreateDescriptorSetLayout args = {
		.created = make(w, which, VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT),
		.pCreateInfo = &info,
	};

	assert_int_equal(sl_check_note_vkCreateDescriptorSetLayout(w->check, &args), 0);
}

static void make_layout(struct world *w, uint32_t set_count)
{
	const VkDescriptorSetLayout sets[] = { HANDLE(VkDescriptorSetLayout, FIRST_SET),
					       HANDLE(VkDescriptorSetLayout, SECOND_SET) };
	const VkPipelineLayoutCreateInfo info = { .setLayoutCount = set_count,
						  .pSetLayouts = sets };
	struct sl_vkCreatePipelineLayout args = {
		.named = &w->named,
		.created = make(w, LAYOUT, VK_OBJECT_TYPE_PIPELINE_LAYOUT),
		.pCreateInfo = &info,
	};

	assert_int_equal(sl_check_note_vkCreatePipelineLayout(w->check, &args), 0);
}

static void make_layouts(struct world *w, uint32_t set_count)
{
	make_set_layout(w, FIRST_SET, w->bindings, 3);
	make_set_layout(w, SECOND_SET, w->bindings + 3, w->binding_count - 3);
	make_layout(w, set_count);
}

static int make_module(struct world *w, const uint32_t *code, size_t size)
{
	const VkShaderModuleCreateInfo info = { .codeSize = size, .pCode = code };
	struct sl_vkCreateShaderModule args = {
		.created = make(w, MODULE, VK_OBJECT_TYPE_SHADER_MODULE),
		.pCreateInfo = &info,
	};

	return sl_check_note_vkCreateShaderModule(w->check, &args);
}

/* Ends the world. */
static int make_pipeline(struct world *w, const VkPipelineShaderStageCreateInfo *stage,
			 VkPipelineLayout layout)
{
	const VkComputePipelineCreateInfo info = { .stage = *stage, .layout = layout };
	struct sl_vkCreateComputePipelines args = { .named = &w->named,
						    .createInfoCount = 1,
						    .pCreateInfos = &info };
	int r = sl_check_vkCreateComputePipelines(w->check, &args);

	sl_check_destroy(w->check);
	return r;
}

static const VkPipelineShaderStageCreateInfo compute_stage = {
	.stage = COMPUTE,
	.module = HANDLE(VkShaderModule, MODULE),
	.pName = "main",
};

/* A pipeline of resources.comp and the world's bindings. */
static int try_bindings(struct world *w)
{
	make_layouts(w, 2);
	assert_int_equal(make_module(w, resources_comp, sizeof(resources_comp)), OK);
	return make_pipeline(w, &compute_stage, HANDLE(VkPipelineLayout, LAYOUT));
}

static void test_all_are_there(void **state)
{
	struct world w;

	(void)state;
	start(&w, true);
	assert_int_equal(try_bindings(&w), OK);
	start(&w, false);
	assert_int_equal(try_bindings(&w), OK);
}

static void test_what_is_missing(void **state)
{
	struct world w;

	(void)state;
	for (int is_software = 0; is_software < 2; is_software++) {
		start(&w, is_software); /* a set */
		make_layouts(&w, 1);
		assert_int_equal(make_module(&w, resources_comp, sizeof(resources_comp)), OK);
		assert_int_equal(
			make_pipeline(&w, &compute_stage, HANDLE(VkPipelineLayout, LAYOUT)), BAD);
		start(&w, is_software); /* the layout */
		assert_int_equal(make_module(&w, resources_comp, sizeof(resources_comp)), OK);
		assert_int_equal(make_pipeline(&w, &compute_stage, VK_NULL_HANDLE), BAD);
		start(&w, is_software); /* the last binding */
		w.binding_count = 8;
		assert_int_equal(try_bindings(&w), BAD);
		start(&w, is_software); /* a binding among others */
		w.bindings[5].binding = 7;
		assert_int_equal(try_bindings(&w), BAD);
		start(&w, is_software); /* its descriptors */
		w.bindings[5].descriptorCount = 0;
		assert_int_equal(try_bindings(&w), BAD);
	}
}

/* Drivers of hardware find descriptors by their place alone. */
static void test_what_is_different(void **state)
{
	struct world w;

	(void)state;
	for (int is_software = 0; is_software < 2; is_software++) {
		int expected = is_software ? BAD : OK;

		for (uint32_t i = 0; i < 8; i++) {
			start(&w, is_software);
			w.bindings[i].descriptorType = VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT;
			assert_int_equal(try_bindings(&w), expected);
		}
		start(&w, is_software);
		w.bindings[4].stageFlags = FRAGMENT;
		assert_int_equal(try_bindings(&w), expected);
		start(&w, is_software);
		w.bindings[2].descriptorCount = 7;
		assert_int_equal(try_bindings(&w), expected);
	}
}

static void test_entry_point(void **state)
{
	VkPipelineShaderStageCreateInfo stage = compute_stage;
	struct world w;

	(void)state;
	start(&w, true);
	make_layouts(&w, 2);
	assert_int_equal(make_module(&w, resources_comp, sizeof(resources_comp)), OK);
	stage.pName = "mai";
	assert_int_equal(make_pipeline(&w, &stage, HANDLE(VkPipelineLayout, LAYOUT)), BAD);
	start(&w, true);
	make_layouts(&w, 2);
	assert_int_equal(make_module(&w, attachment_frag, sizeof(attachment_frag)), OK);
	assert_int_equal(make_pipeline(&w, &compute_stage, HANDLE(VkPipelineLayout, LAYOUT)), BAD);
}

static void test_code_that_comes_along(void **state)
{
	const VkShaderModuleCreateInfo code = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = sizeof(resources_comp),
		.pCode = resources_comp,
	};
	const VkPipelineShaderStageCreateInfo stage = { .pNext = &code,
							.stage = COMPUTE,
							.pName = "main" };
	struct world w;

	(void)state;
	start(&w, true);
	make_layouts(&w, 2);
	assert_int_equal(make_pipeline(&w, &stage, HANDLE(VkPipelineLayout, LAYOUT)), OK);
	start(&w, true);
	make_layouts(&w, 1);
	assert_int_equal(make_pipeline(&w, &stage, HANDLE(VkPipelineLayout, LAYOUT)), BAD);
}

/* With a fragment shader whose descriptors the layout lacks. */
static int make_part(VkGraphicsPipelineLibraryFlagsEXT flags)
{
	const VkPipelineShaderStageCreateInfo stage = {
		.stage = FRAGMENT,
		.module = HANDLE(VkShaderModule, MODULE),
		.pName = "main",
	};
	const VkGraphicsPipelineLibraryCreateInfoEXT part = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_LIBRARY_CREATE_INFO_EXT,
		.flags = flags,
	};
	const VkGraphicsPipelineCreateInfo info = {
		.pNext = flags != 0 ? &part : NULL,
		.flags = flags != 0 ? VK_PIPELINE_CREATE_LIBRARY_BIT_KHR : 0,
		.stageCount = 1,
		.pStages = &stage,
		.layout = HANDLE(VkPipelineLayout, LAYOUT),
	};
	struct world w;
	struct sl_vkCreateGraphicsPipelines args = { .named = &w.named,
						     .createInfoCount = 1,
						     .pCreateInfos = &info };

	start(&w, true);
	make_layouts(&w, 2);
	assert_int_equal(make_module(&w, attachment_frag, sizeof(attachment_frag)), OK);
	int r = sl_check_vkCreateGraphicsPipelines(w.check, &args);
	sl_check_destroy(w.check);
	return r;
}

/* The stages of other parts are not looked at, here or by drivers; those of a part must be there.
 */
static void test_parts_of_pipelines(void **state)
{
	(void)state;
	assert_int_equal(make_part(0), BAD);
	assert_int_equal(make_part(VK_GRAPHICS_PIPELINE_LIBRARY_FRAGMENT_SHADER_BIT_EXT), BAD);
	assert_int_equal(make_part(VK_GRAPHICS_PIPELINE_LIBRARY_PRE_RASTERIZATION_SHADERS_BIT_EXT),
			 BAD);
	assert_int_equal(make_part(VK_GRAPHICS_PIPELINE_LIBRARY_VERTEX_INPUT_INTERFACE_BIT_EXT),
			 OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_are_there),
		cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_what_is_different),
		cmocka_unit_test(test_entry_point),
		cmocka_unit_test(test_code_that_comes_along),
		cmocka_unit_test(test_parts_of_pipelines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
