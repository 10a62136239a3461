/* SPDX-License-Identifier: MIT */
/* Memory: mapping in every order, sharing, all types, many allocations. */
#include "cases.h"

#include "spin_comp.h"

#include <stdlib.h>
#include <string.h>

static VkBuffer create_bare_buffer(struct vkt *t, VkDeviceSize size, VkBufferUsageFlags usage)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = size,
		.usage =
			usage | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer buffer;

	VKT_OK(vkCreateBuffer(t->device, &info, NULL, &buffer));
	VKT_OWN(t, BUFFER, buffer);
	return buffer;
}

static VkDeviceMemory allocate_type(struct vkt *t, VkDeviceSize size, uint32_t type)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = size,
		.memoryTypeIndex = type,
	};
	VkDeviceMemory memory;

	VKT_OK(vkAllocateMemory(t->device, &info, NULL, &memory));
	VKT_OWN(t, DEVICE_MEMORY, memory);
	return memory;
}

static uint32_t host_type(struct vkt *t, uint32_t bits)
{
	return vkt_find_memory_type(
		t, bits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
		0);
}

static void copy(struct vkt *t, VkBuffer from, VkBuffer to, VkBufferCopy region)
{
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_barrier(cmd);
	vkCmdCopyBuffer(cmd, from, to, 1, &region);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
}

/* Mapped before it is bound; unmapped before use; mapped again in part; mapped throughout. */
static void map_patterns(struct vkt *t)
{
	const VkDeviceSize size = 20000;
	VkBuffer buffer = create_bare_buffer(t, size, 0);
	struct vkt_buffer result = vkt_create_buffer(t, size, 0, VKT_HOST);
	VkMemoryRequirements requirements;
	void *map;

	vkGetBufferMemoryRequirements(t->device, buffer, &requirements);
	VkDeviceMemory memory =
		allocate_type(t, requirements.size, host_type(t, requirements.memoryTypeBits));
	VKT_OK(vkMapMemory(t->device, memory, 0, VK_WHOLE_SIZE, 0, &map));
	vkt_fill_pattern(map, size, 1);
	vkUnmapMemory(t->device, memory);
	VKT_OK(vkBindBufferMemory(t->device, buffer, memory, 0));
	copy(t, buffer, result.handle, (VkBufferCopy){ 0, 0, size });
	vkt_put_buffer(t, "mapped before binding", &result);

	VKT_OK(vkMapMemory(t->device, memory, 4099, 5000, 0, &map));
	vkt_fill_pattern(map, 5000, 2);
	vkUnmapMemory(t->device, memory);
	copy(t, buffer, result.handle, (VkBufferCopy){ 0, 0, size });
	vkt_put_buffer(t, "mapped in part", &result);

	VKT_OK(vkMapMemory(t->device, memory, 0, size, 0, &map));
	for (int i = 0; i < 5; i++) {
		((uint8_t *)map)[i * 1000] = (uint8_t)(i + 100);
		copy(t, buffer, result.handle, (VkBufferCopy){ 0, 0, size });
		vkt_put(t, "mapped throughout", result.map, size);
		copy(t, result.handle, buffer, (VkBufferCopy){ 100, 9000 + i * 10u, 100 });
		vkt_put(t, "seen through the map", map, size);
	}
	/* Freeing unmaps. */
}

static void flush_and_invalidate(struct vkt *t)
{
	struct vkt_buffer buffer = vkt_create_buffer(t, 65536, 0, VKT_HOST);
	const VkMappedMemoryRange ranges[] = {
		{ VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, NULL, buffer.memory, 0, VK_WHOLE_SIZE },
		{ VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, NULL, buffer.memory, 4096, 8192 },
	};
	VkCommandBuffer cmd = vkt_begin(t);

	vkt_fill_pattern(buffer.map, buffer.size, 3);
	VKT_OK(vkFlushMappedMemoryRanges(t->device, 2, ranges));
	vkCmdFillBuffer(cmd, buffer.handle, 5000, 1000, 0xa1b2c3d4);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	VKT_OK(vkInvalidateMappedMemoryRanges(t->device, 2, ranges));
	vkt_put_buffer(t, "buffer", &buffer);
}

/* The host writes parts of a buffer while the device works on others. */
static void write_while_busy(struct vkt *t)
{
	enum {
		PARTS = 8,
		WORDS = 4096
	};
	const uint32_t rounds = 2000;
	struct vkt_buffer buffer = vkt_create_buffer(t, PARTS * WORDS * 4,
						     VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, VKT_HOST);
	const VkDescriptorType type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC;
	VkDescriptorSetLayout set_layout = vkt_create_set_layout(t, &type, 1, 0);
	VkDescriptorSet set = vkt_create_set(t, set_layout, &type, 1);
	VkPipelineLayout layout = vkt_create_layout(t, set_layout, 4);
	VkPipeline pipeline = vkt_create_compute(t, layout, VKT_CODE(spin_comp), NULL);
	const VkDescriptorBufferInfo info = { buffer.handle, 0, WORDS * 4 };
	const VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = set,
		.descriptorCount = 1,
		.descriptorType = type,
		.pBufferInfo = &info,
	};

	vkUpdateDescriptorSets(t->device, 1, &write, 0, NULL);
	for (uint32_t part = 0; part < PARTS; part++) {
		const uint32_t offset = part * WORDS * 4;
		VkCommandBuffer cmd = vkt_begin(t);
		const VkSubmitInfo submit = {
			.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
			.commandBufferCount = 1,
			.pCommandBuffers = &cmd,
		};
		vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
		vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 1,
					&offset);
		vkCmdPushConstants(cmd, layout, VK_SHADER_STAGE_ALL, 0, 4, &rounds);
		vkCmdDispatch(cmd, WORDS / 64, 1, 1);
		vkt_barrier(cmd);
		VKT_OK(vkEndCommandBuffer(cmd));
		/* The parts before are being worked on; this one is not submitted yet. */
		vkt_fill_pattern((uint8_t *)buffer.map + offset, WORDS * 4, part);
		VKT_OK(vkQueueSubmit(t->queue, 1, &submit, VK_NULL_HANDLE));
	}
	VKT_OK(vkQueueWaitIdle(t->queue));
	vkt_put_buffer(t, "buffer", &buffer);
}

/* Each memory type that a buffer may have, used by the device, by the host where it can. */
static void memory_types(struct vkt *t)
{
	const VkDeviceSize size = 12345 * 4;
	struct vkt_buffer result = vkt_create_buffer(t, size, 0, VKT_HOST);

	for (uint32_t type = 0; type < t->memory.memoryTypeCount; type++) {
		const VkMemoryPropertyFlags flags = t->memory.memoryTypes[type].propertyFlags;
		VkBuffer buffer = create_bare_buffer(t, size, 0);
		VkMemoryRequirements requirements;
		vkGetBufferMemoryRequirements(t->device, buffer, &requirements);
		VKT_EXPECT(t->memory.memoryTypes[type].heapIndex < t->memory.memoryHeapCount);
		if ((requirements.memoryTypeBits & 1u << type) == 0 ||
		    flags & (VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
			     VK_MEMORY_PROPERTY_PROTECTED_BIT)) {
			continue;
		}
		VkDeviceMemory memory = allocate_type(t, requirements.size, type);
		VKT_OK(vkBindBufferMemory(t->device, buffer, memory, 0));
		VkCommandBuffer cmd = vkt_begin(t);
		vkCmdFillBuffer(cmd, buffer, 0, VK_WHOLE_SIZE, 0x01000000);
		vkt_barrier(cmd);
		vkt_end_and_run(t, cmd);
		if (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
			uint32_t *map;
			VKT_OK(vkMapMemory(t->device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&map));
			VKT_EXPECT(map[0] == 0x01000000 && map[12344] == 0x01000000);
			map[77] = 0x77;
		}
		copy(t, buffer, result.handle, (VkBufferCopy){ 0, 0, size });
		const uint32_t *words = result.map;
		VKT_EXPECT(words[0] == 0x01000000 && words[12344] == 0x01000000);
		VKT_EXPECT(words[77] ==
			   (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT ? 0x77 : 0x01000000));
	}
}

/* Many buffers and images in one allocation; two that share the same bytes. */
static void suballocation(struct vkt *t)
{
	enum {
		COUNT = 16
	};
	VkBuffer buffers[COUNT];
	VkMemoryRequirements requirements;
	VkBindBufferMemoryInfo binds[COUNT];
	struct vkt_buffer result = vkt_create_buffer(t, COUNT * 4096, 0, VKT_HOST);

	for (int i = 0; i < COUNT; i++) {
		buffers[i] = create_bare_buffer(t, 3000, 0);
	}
	vkGetBufferMemoryRequirements(t->device, buffers[0], &requirements);
	const VkDeviceSize stride = (requirements.size + requirements.alignment - 1) /
				    requirements.alignment * requirements.alignment;
	VkDeviceMemory memory =
		allocate_type(t, stride * COUNT, host_type(t, requirements.memoryTypeBits));
	uint8_t *map;
	VKT_OK(vkMapMemory(t->device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&map));
	for (uint32_t i = 0; i < COUNT; i++) {
		/* The last lies where the first lies. */
		binds[i] = (VkBindBufferMemoryInfo){
			.sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO,
			.buffer = buffers[i],
			.memory = memory,
			.memoryOffset = i + 1 < COUNT ? i * stride : 0,
		};
	}
	VKT_OK(vkBindBufferMemory2(t->device, COUNT, binds));

	VkCommandBuffer cmd = vkt_begin(t);
	for (uint32_t i = 0; i + 1 < COUNT; i++) {
		vkt_fill_pattern(map + i * stride, 3000, i);
		vkCmdFillBuffer(cmd, buffers[i], i * 4, 64, 0x1000 + i);
	}
	vkt_barrier(cmd);
	for (uint32_t i = 0; i < COUNT; i++) {
		vkCmdCopyBuffer(cmd, buffers[i], result.handle, 1,
				&(VkBufferCopy){ 0, i * 4096, 3000 });
	}
	vkt_barrier(cmd);
	memset(result.map, 0, result.size);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "buffers", &result);
}

/* A linear image that the host reads and writes in place. */
static void linear_image(struct vkt *t)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = VK_FORMAT_R8G8B8A8_UNORM,
		.extent = { 37, 21, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_LINEAR,
		.usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
		.initialLayout = VK_IMAGE_LAYOUT_PREINITIALIZED,
	};
	const VkImageSubresource subresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0 };
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = info.extent,
	};
	struct vkt_image image = { .format = info.format,
				   .extent = info.extent,
				   .layers = 1,
				   .levels = 1,
				   .aspect = VK_IMAGE_ASPECT_COLOR_BIT };
	struct vkt_buffer result = vkt_create_buffer(t, 37 * 21 * 4, 0, VKT_HOST);
	VkMemoryRequirements requirements;
	VkSubresourceLayout layout;
	uint8_t *map;

	VKT_OK(vkCreateImage(t->device, &info, NULL, &image.handle));
	VKT_OWN(t, IMAGE, image.handle);
	vkGetImageSubresourceLayout(t->device, image.handle, &subresource, &layout);
	vkt_put(t, "layout", &layout, sizeof(layout));
	vkGetImageMemoryRequirements(t->device, image.handle, &requirements);
	image.memory =
		allocate_type(t, requirements.size, host_type(t, requirements.memoryTypeBits));
	VKT_OK(vkBindImageMemory(t->device, image.handle, image.memory, 0));
	VKT_OK(vkMapMemory(t->device, image.memory, 0, VK_WHOLE_SIZE, 0, (void **)&map));
	for (uint32_t y = 0; y < 21; y++) {
		vkt_fill_pattern(map + layout.offset + y * layout.rowPitch, 37 * 4, y);
	}
	VkCommandBuffer cmd = vkt_begin(t);
	vkt_transition(cmd, &image, VK_IMAGE_LAYOUT_PREINITIALIZED, VK_IMAGE_LAYOUT_GENERAL);
	vkCmdCopyImageToBuffer(cmd, image.handle, VK_IMAGE_LAYOUT_GENERAL, result.handle, 1,
			       &region);
	vkt_barrier(cmd);
	const VkClearColorValue color = { .float32 = { 1, 0.5f, 0.25f, 0 } };
	const VkImageSubresourceRange range = vkt_whole(&image);
	vkCmdClearColorImage(cmd, image.handle, VK_IMAGE_LAYOUT_GENERAL, &color, 1, &range);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "read by the device", &result);
	for (uint32_t y = 0; y < 21; y++) {
		vkt_put(t, "read by the host", map + layout.offset + y * layout.rowPitch, 37 * 4);
	}
}

/* As many as programs make that do not pool their memory. */
static void many_allocations(struct vkt *t)
{
	enum {
		COUNT = 1500
	};
	VkBuffer *buffers = calloc(COUNT, sizeof(*buffers));
	struct vkt_buffer result = vkt_create_buffer(t, COUNT * 64, 0, VKT_HOST);
	VkCommandBuffer cmd = vkt_begin(t);

	VKT_EXPECT(buffers != NULL);
	for (uint32_t i = 0; i < COUNT; i++) {
		VkMemoryRequirements requirements;
		uint8_t *map;
		buffers[i] = create_bare_buffer(t, 64 + i % 5 * 1000, 0);
		vkGetBufferMemoryRequirements(t->device, buffers[i], &requirements);
		VkDeviceMemory memory = allocate_type(t, requirements.size,
						      host_type(t, requirements.memoryTypeBits));
		VKT_OK(vkBindBufferMemory(t->device, buffers[i], memory, 0));
		VKT_OK(vkMapMemory(t->device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&map));
		vkt_fill_pattern(map, 64, i);
		vkCmdCopyBuffer(cmd, buffers[i], result.handle, 1,
				&(VkBufferCopy){ 0, i * 64, 64 });
	}
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	vkt_put_buffer(t, "buffers", &result);
	free(buffers);
}

/* Allocate, use and free, over and over: nothing may pile up or come back dirty. */
static void allocate_and_free(struct vkt *t)
{
	struct vkt_buffer result = vkt_create_buffer(t, 4096, 0, VKT_HOST);
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = 1u << 20,
		.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};

	for (uint32_t i = 0; i < 200; i++) {
		VkMemoryRequirements requirements;
		VkMemoryAllocateInfo allocate = {
			.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		};
		VkBuffer buffer;
		VkDeviceMemory memory;
		VKT_OK(vkCreateBuffer(t->device, &info, NULL, &buffer));
		vkGetBufferMemoryRequirements(t->device, buffer, &requirements);
		allocate.allocationSize = requirements.size;
		allocate.memoryTypeIndex =
			i % 2 == 0 ? host_type(t, requirements.memoryTypeBits)
				   : vkt_find_memory_type(t, requirements.memoryTypeBits,
							  VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0);
		VKT_OK(vkAllocateMemory(t->device, &allocate, NULL, &memory));
		VKT_OK(vkBindBufferMemory(t->device, buffer, memory, 0));
		VkCommandBuffer cmd = vkt_begin(t);
		vkCmdFillBuffer(cmd, buffer, 0, VK_WHOLE_SIZE, i * 0x01010101);
		vkt_barrier(cmd);
		vkCmdCopyBuffer(cmd, buffer, result.handle, 1,
				&(VkBufferCopy){ info.size - 16, i % 64 * 64, 16 });
		vkt_barrier(cmd);
		vkt_end_and_run(t, cmd);
		vkDestroyBuffer(t->device, buffer, NULL);
		vkFreeMemory(t->device, memory, NULL);
	}
	for (uint32_t i = 0; i < 64; i++) {
		vkt_put(t, "last", (uint8_t *)result.map + i * 64, 16);
	}
}

static bool same_requirements(const VkMemoryRequirements *a, const VkMemoryRequirements *b)
{
	return a->size == b->size && a->alignment == b->alignment &&
	       a->memoryTypeBits == b->memoryTypeBits;
}

/* The ways to ask for requirements agree. */
static void requirements(struct vkt *t)
{
	const VkBufferCreateInfo buffer_info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = 5000,
		.usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT,
	};
	const VkDeviceBufferMemoryRequirements buffer_ask = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS,
		.pCreateInfo = &buffer_info,
	};
	VkMemoryDedicatedRequirements dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
	};
	VkMemoryRequirements2 first = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
		.pNext = &dedicated,
	};
	VkMemoryRequirements2 second = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };
	VkMemoryRequirements third;
	VkBuffer buffer;

	VKT_OK(vkCreateBuffer(t->device, &buffer_info, NULL, &buffer));
	VKT_OWN(t, BUFFER, buffer);
	const VkBufferMemoryRequirementsInfo2 ask = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2,
		.buffer = buffer,
	};
	vkGetBufferMemoryRequirements2(t->device, &ask, &first);
	vkGetDeviceBufferMemoryRequirements(t->device, &buffer_ask, &second);
	vkGetBufferMemoryRequirements(t->device, buffer, &third);
	VKT_EXPECT(same_requirements(&first.memoryRequirements, &third));
	VKT_EXPECT(same_requirements(&second.memoryRequirements, &third));
	VKT_EXPECT(third.size >= 5000 && third.memoryTypeBits != 0);
	VKT_EXPECT((third.alignment & (third.alignment - 1)) == 0);
	VKT_EXPECT(third.memoryTypeBits >> t->memory.memoryTypeCount == 0);
	vkt_put_u64(t, "dedicated", dedicated.requiresDedicatedAllocation);
}

static void dedicated_allocation(struct vkt *t)
{
	VkBuffer buffer = create_bare_buffer(t, 9999, 0);
	const VkMemoryDedicatedAllocateInfo dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
		.buffer = buffer,
	};
	struct vkt_buffer result = vkt_create_buffer(t, 9999, 0, VKT_HOST);
	VkMemoryRequirements need;

	vkGetBufferMemoryRequirements(t->device, buffer, &need);
	VkDeviceMemory memory = vkt_allocate(t, &need, VKT_DEVICE, &dedicated);
	VKT_OK(vkBindBufferMemory(t->device, buffer, memory, 0));
	VkCommandBuffer cmd = vkt_begin(t);
	vkCmdFillBuffer(cmd, buffer, 0, 9996, 0x5a5a1234);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	copy(t, buffer, result.handle, (VkBufferCopy){ 0, 0, 9996 });
	vkt_put(t, "filled", result.map, 9996);
}

const struct vkt_case memory_cases[] = {
	{ "map_patterns", map_patterns, VKT_PLAIN },
	{ "flush_and_invalidate", flush_and_invalidate, VKT_PLAIN },
	{ "write_while_busy", write_while_busy, VKT_PLAIN },
	{ "memory_types", memory_types, VKT_PLAIN },
	{ "suballocation", suballocation, 0 },
	{ "linear_image", linear_image, VKT_PLAIN },
	{ "many_allocations", many_allocations, VKT_PLAIN },
	{ "allocate_and_free", allocate_and_free, VKT_PLAIN },
	{ "memory_requirements", requirements, 0 },
	{ "dedicated_allocation", dedicated_allocation, 0 },
	{ NULL, NULL, 0 },
};
