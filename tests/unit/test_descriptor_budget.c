/* SPDX-License-Identifier: MIT */
/* What a descriptor pool has left, by the rules of vkAllocateDescriptorSets. */
#include "guest-driver/vk/descriptor_budget.h"
#include "tests/unit/sl_test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct sl_descriptor_needs *
needs_of(uint32_t count, const VkDescriptorSetLayoutBinding *bindings, const void *next)
{
	const VkDescriptorSetLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.pNext = next,
		.bindingCount = count,
		.pBindings = bindings,
	};
	struct sl_descriptor_needs *needs = sl_descriptor_needs_create(&info);

	assert_non_null(needs);
	return needs;
}

static struct sl_descriptor_needs *one_type(VkDescriptorType type, uint32_t count)
{
	const VkDescriptorSetLayoutBinding binding = {
		.descriptorType = type,
		.descriptorCount = count,
	};

	return needs_of(1, &binding, NULL);
}

static void init_budget(struct sl_descriptor_budget *budget, uint32_t max_sets, uint32_t count,
			const VkDescriptorPoolSize *sizes, const void *next)
{
	const VkDescriptorPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.pNext = next,
		.maxSets = max_sets,
		.poolSizeCount = count,
		.pPoolSizes = sizes,
	};

	assert_int_equal(sl_descriptor_budget_init(budget, &info), VK_SUCCESS);
}

static void test_sets_run_out(void **state)
{
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_SAMPLER, 100 };
	struct sl_descriptor_needs *needs = one_type(VK_DESCRIPTOR_TYPE_SAMPLER, 1);
	struct sl_descriptor_budget budget;

	(void)state;
	init_budget(&budget, 2, 1, &size, NULL);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 0), VK_SUCCESS);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 0), VK_SUCCESS);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 0), VK_ERROR_OUT_OF_POOL_MEMORY);
	sl_descriptor_budget_free(&budget, needs, 0);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 0), VK_SUCCESS);
	sl_descriptor_budget_finish(&budget);
	sl_descriptor_needs_unref(needs);
}

static void test_types_run_out_and_nothing_is_taken(void **state)
{
	const VkDescriptorPoolSize sizes[] = {
		{ VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 2 },
		{ VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 3 },
		{ VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 2 }, /* both count */
	};
	const VkDescriptorSetLayoutBinding bindings[] = {
		{ .binding = 0,
		  .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
		  .descriptorCount = 2 },
		{ .binding = 1,
		  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		  .descriptorCount = 1 },
		{ .binding = 2,
		  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		  .descriptorCount = 1 },
		{ .binding = 3,
		  .descriptorType = VK_DESCRIPTOR_TYPE_SAMPLER,
		  .descriptorCount = 0 },
	};
	struct sl_descriptor_needs *both = needs_of(COUNT(bindings), bindings, NULL);
	struct sl_descriptor_needs *uniform = one_type(VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 2);
	struct sl_descriptor_needs *sampler = one_type(VK_DESCRIPTOR_TYPE_SAMPLER, 1);
	struct sl_descriptor_budget budget;

	(void)state;
	init_budget(&budget, 10, COUNT(sizes), sizes, NULL);
	assert_int_equal(sl_descriptor_budget_take(&budget, both, 0), VK_SUCCESS);
	/* One storage buffer is left, so the two uniform ones must not stay taken. */
	assert_int_equal(sl_descriptor_budget_take(&budget, both, 0), VK_ERROR_OUT_OF_POOL_MEMORY);
	assert_int_equal(sl_descriptor_budget_take(&budget, uniform, 0), VK_SUCCESS);
	assert_int_equal(sl_descriptor_budget_take(&budget, sampler, 0),
			 VK_ERROR_OUT_OF_POOL_MEMORY);
	sl_descriptor_budget_reset(&budget);
	assert_int_equal(sl_descriptor_budget_take(&budget, both, 0), VK_SUCCESS);
	sl_descriptor_budget_finish(&budget);
	sl_descriptor_needs_unref(both);
	sl_descriptor_needs_unref(uniform);
	sl_descriptor_needs_unref(sampler);
}

static void test_variable_count(void **state)
{
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, 10 };
	const VkDescriptorSetLayoutBinding binding = {
		.descriptorType = VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE,
		.descriptorCount = 1000,
	};
	const VkDescriptorBindingFlags flags = VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT;
	const VkDescriptorSetLayoutBindingFlagsCreateInfo flags_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO,
		.bindingCount = 1,
		.pBindingFlags = &flags,
	};
	struct sl_descriptor_needs *needs = needs_of(1, &binding, &flags_info);
	struct sl_descriptor_budget budget;

	(void)state;
	init_budget(&budget, 10, 1, &size, NULL);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 7), VK_SUCCESS);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 4), VK_ERROR_OUT_OF_POOL_MEMORY);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 3), VK_SUCCESS);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 0), VK_SUCCESS);
	sl_descriptor_budget_free(&budget, needs, 7);
	assert_int_equal(sl_descriptor_budget_take(&budget, needs, 7), VK_SUCCESS);
	sl_descriptor_budget_finish(&budget);
	sl_descriptor_needs_unref(needs);
}

static void test_inline_uniform_blocks(void **state)
{
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 256 };
	const VkDescriptorPoolInlineUniformBlockCreateInfo blocks = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO,
		.maxInlineUniformBlockBindings = 2,
	};
	struct sl_descriptor_needs *small = one_type(VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 16);
	struct sl_descriptor_needs *large = one_type(VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 200);
	struct sl_descriptor_budget budget;

	(void)state;
	init_budget(&budget, 10, 1, &size, &blocks);
	assert_int_equal(sl_descriptor_budget_take(&budget, large, 0), VK_SUCCESS);
	assert_int_equal(sl_descriptor_budget_take(&budget, large, 0), VK_ERROR_OUT_OF_POOL_MEMORY);
	assert_int_equal(sl_descriptor_budget_take(&budget, small, 0), VK_SUCCESS);
	assert_int_equal(sl_descriptor_budget_take(&budget, small, 0), VK_ERROR_OUT_OF_POOL_MEMORY);
	sl_descriptor_budget_finish(&budget);
	sl_descriptor_needs_unref(small);
	sl_descriptor_needs_unref(large);
}

static void test_fragmentation_rule(void **state)
{
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 100 };
	struct sl_descriptor_needs *one = one_type(VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1);
	struct sl_descriptor_needs *same = one_type(VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1);
	struct sl_descriptor_needs *two = one_type(VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 2);
	struct sl_descriptor_budget budget;

	(void)state;
	init_budget(&budget, 100, 1, &size, NULL);
	sl_descriptor_budget_take(&budget, one, 0);
	sl_descriptor_budget_take(&budget, same, 0);
	sl_descriptor_budget_free(&budget, one, 0);
	assert_true(sl_descriptor_budget_cannot_fragment(&budget)); /* freed, but all alike */
	sl_descriptor_budget_take(&budget, two, 0);
	assert_false(sl_descriptor_budget_cannot_fragment(&budget));
	sl_descriptor_budget_reset(&budget);
	sl_descriptor_budget_take(&budget, one, 0);
	sl_descriptor_budget_take(&budget, two, 0);
	assert_true(sl_descriptor_budget_cannot_fragment(&budget)); /* different, but none freed */
	sl_descriptor_budget_free(&budget, one, 0);
	assert_false(sl_descriptor_budget_cannot_fragment(&budget));
	sl_descriptor_budget_finish(&budget);
	sl_descriptor_needs_unref(one);
	sl_descriptor_needs_unref(same);
	sl_descriptor_needs_unref(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_run_out),
		cmocka_unit_test(test_types_run_out_and_nothing_is_taken),
		cmocka_unit_test(test_variable_count),
		cmocka_unit_test(test_inline_uniform_blocks),
		cmocka_unit_test(test_fragmentation_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
