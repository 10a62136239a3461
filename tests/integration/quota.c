/* SPDX-License-Identifier: MIT */
/* Two devices of one guest whose quota is known: vulkan_quota MIB. Allocates through both until
 * there is no more, and asks the budget on the way. */
#include "tests/vkt/vkt.h"

#include <stdio.h>
#include <stdlib.h>

#define PIECE_SIZE (8ull << 20)

/* What the guest may still allocate, as VK_EXT_memory_budget tells; all heaps say the same. */
static VkDeviceSize get_left(const struct vkt *t)
{
	VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT,
	};
	VkPhysicalDeviceMemoryProperties2 memory = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
		.pNext = &budget,
	};

	vkGetPhysicalDeviceMemoryProperties2(t->physical, &memory);
	return budget.heapBudget[0] - budget.heapUsage[0];
}

static VkResult allocate(struct vkt *t, VkDeviceMemory *ret_memory)
{
	/* What the host can see would be the guest's own pages. */
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = PIECE_SIZE,
		.memoryTypeIndex =
			vkt_find_memory_type(t, UINT32_MAX, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
					     VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT),
	};
	VkResult result = vkAllocateMemory(t->device, &info, NULL, ret_memory);

	if (result == VK_SUCCESS) {
		VKT_OWN(t, DEVICE_MEMORY, *ret_memory);
	}
	return result;
}

int main(int argc, char **argv)
{
	VkDeviceSize quota = argc == 2 ? strtoull(argv[1], NULL, 10) << 20 : 0;
	struct vkt programs[2] = { 0 };
	VkDeviceMemory memories[2] = { VK_NULL_HANDLE };
	VkDeviceSize used = 0;
	VkResult result = VK_SUCCESS;

	vkt_open(&programs[0], &(struct vkt_options){ 0 });
	vkt_open(&programs[1], &(struct vkt_options){ 0 });
	bool has_budget = vkt_has_extension(&programs[0], "VK_EXT_memory_budget");

	for (int i = 0; result == VK_SUCCESS; i++) {
		VKT_EXPECT(used <= quota);
		VKT_EXPECT(!has_budget || get_left(&programs[i % 2]) == quota - used);
		VkDeviceMemory memory = VK_NULL_HANDLE;

		result = allocate(&programs[i % 2], &memory);
		if (result == VK_SUCCESS) {
			memories[i % 2] = memory;
			used += PIECE_SIZE;
		}
	}
	VKT_RESULT(VK_ERROR_OUT_OF_DEVICE_MEMORY, result);
	VKT_EXPECT(used == quota);
	/* What one frees, the other may have. */
	vkt_disown(&programs[1], (uint64_t)memories[1]);
	vkFreeMemory(programs[1].device, memories[1], NULL);
	get_left(&programs[1]); /* answered after the memory is free */
	VKT_OK(allocate(&programs[0], &memories[0]));
	return vkt_close(&programs[1]) && vkt_close(&programs[0]) ? 0 : 1;
}
