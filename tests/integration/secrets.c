/* SPDX-License-Identifier: MIT */
/* Looks for what others have left in memory: allocates device memory of every type, as buffers and
 * as images, reads it before anything was written, then fills it with a pattern and leaves.
 * Prints how many bytes were not zero. Natively that may be any number. */
#include "tests/vkt/vkt.h"

#include <stdio.h>
#include <string.h>

enum {
	BUFFER_SIZE = 8 << 20,
	IMAGE_SIZE = 1024
};

static uint64_t count_bytes(const struct vkt_buffer *buffer)
{
	const uint8_t *bytes = buffer->map;
	uint64_t count = 0;

	for (VkDeviceSize i = 0; i < buffer->size; i++) {
		count += bytes[i] != 0;
	}
	return count;
}

static VkDeviceMemory allocate(struct vkt *t, VkDeviceSize size, uint32_t type)
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

static uint64_t look_into_buffer(struct vkt *t, uint32_t type, struct vkt_buffer *seen)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = BUFFER_SIZE,
		.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;
	VkBuffer buffer;

	VKT_OK(vkCreateBuffer(t->device, &info, NULL, &buffer));
	VKT_OWN(t, BUFFER, buffer);
	vkGetBufferMemoryRequirements(t->device, buffer, &requirements);
	if ((requirements.memoryTypeBits & 1u << type) == 0) {
		return 0;
	}
	VKT_OK(vkBindBufferMemory(t->device, buffer, allocate(t, requirements.size, type), 0));
	memset(seen->map, 0xff, seen->size);
	VkCommandBuffer cmd = vkt_begin(t);
	vkCmdCopyBuffer(cmd, buffer, seen->handle, 1, &(VkBufferCopy){ .size = BUFFER_SIZE });
	vkt_barrier(cmd);
	vkCmdFillBuffer(cmd, buffer, 0, VK_WHOLE_SIZE, 0x5ec4e75e);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	return count_bytes(seen);
}

static uint64_t look_into_image(struct vkt *t, struct vkt_buffer *seen)
{
	const VkClearColorValue secret = { .float32 = { 0.3f, 0.4f, 0.5f, 0.6f } };
	const VkBufferImageCopy region = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { IMAGE_SIZE, IMAGE_SIZE, 1 },
	};
	struct vkt_image image =
		vkt_create_image(t, &(struct vkt_image_spec){ .format = VK_FORMAT_R8G8B8A8_UNORM,
							      .width = IMAGE_SIZE,
							      .height = IMAGE_SIZE });
	const VkImageSubresourceRange range = vkt_whole(&image);
	VkCommandBuffer cmd = vkt_begin(t);

	memset(seen->map, 0, seen->size);
	vkt_transition(cmd, &image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
	vkCmdCopyImageToBuffer(cmd, image.handle, VK_IMAGE_LAYOUT_GENERAL, seen->handle, 1,
			       &region);
	vkt_barrier(cmd);
	vkCmdClearColorImage(cmd, image.handle, VK_IMAGE_LAYOUT_GENERAL, &secret, 1, &range);
	vkt_barrier(cmd);
	vkt_end_and_run(t, cmd);
	return count_bytes(seen);
}

int main(void)
{
	const struct vkt_options options = { .flags = VKT_PLAIN };
	uint64_t count = 0;
	struct vkt t;

	vkt_open(&t, &options);
	struct vkt_buffer seen = vkt_create_buffer(&t, BUFFER_SIZE, 0, VKT_HOST);
	count += count_bytes(&seen);
	for (int round = 0; round < 3; round++) {
		for (uint32_t type = 0; type < t.memory.memoryTypeCount; type++) {
			count += look_into_buffer(&t, type, &seen);
		}
		count += look_into_image(&t, &seen);
		/* What is freed may come back in the next round. */
		vkt_destroy_owned(&t);
		seen = vkt_create_buffer(&t, BUFFER_SIZE, 0, VKT_HOST);
	}
	printf("%llu\n", (unsigned long long)count);
	vkt_close(&t);
	return 0;
}
