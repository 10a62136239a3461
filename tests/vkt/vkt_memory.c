/* SPDX-License-Identifier: MIT */
/* Memory, buffers, images, views and samplers of test programs. */
#include "vkt.h"

#include <stdio.h>
#include <stdlib.h>

uint32_t vkt_find_memory_type(const struct vkt *t, uint32_t type_bits, VkMemoryPropertyFlags want,
			      VkMemoryPropertyFlags avoid)
{
	for (uint32_t i = 0; i < t->memory.memoryTypeCount; i++) {
		VkMemoryPropertyFlags flags = t->memory.memoryTypes[i].propertyFlags;
		if ((type_bits & 1u << i) != 0 && (flags & want) == want && (flags & avoid) == 0) {
			return i;
		}
	}
	return UINT32_MAX;
}

VkDeviceMemory vkt_allocate(struct vkt *t, const VkMemoryRequirements *requirements,
			    enum vkt_place place, const void *next)
{
	const VkMemoryPropertyFlags host =
		VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	const uint32_t bits = requirements->memoryTypeBits;
	VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = next,
		.allocationSize = requirements->size,
		.memoryTypeIndex = UINT32_MAX,
	};
	VkDeviceMemory memory;

	if (place == VKT_HOST) {
		info.memoryTypeIndex = vkt_find_memory_type(t, bits, host, 0);
	} else {
		info.memoryTypeIndex =
			vkt_find_memory_type(t, bits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
					     VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
		if (info.memoryTypeIndex == UINT32_MAX) {
			info.memoryTypeIndex = vkt_find_memory_type(
				t, bits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0);
		}
		if (info.memoryTypeIndex == UINT32_MAX) {
			info.memoryTypeIndex = vkt_find_memory_type(t, bits, 0, 0);
		}
	}
	VKT_EXPECT(info.memoryTypeIndex != UINT32_MAX);
	VKT_OK(vkAllocateMemory(t->device, &info, NULL, &memory));
	VKT_OWN(t, DEVICE_MEMORY, memory);
	return memory;
}

struct vkt_buffer vkt_create_buffer(struct vkt *t, VkDeviceSize size, VkBufferUsageFlags usage,
				    enum vkt_place place)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = size,
		.usage =
			usage | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	const VkMemoryAllocateFlagsInfo flags = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
	};
	struct vkt_buffer buffer = { .size = size };
	VkMemoryRequirements requirements;

	VKT_OK(vkCreateBuffer(t->device, &info, NULL, &buffer.handle));
	VKT_OWN(t, BUFFER, buffer.handle);
	vkGetBufferMemoryRequirements(t->device, buffer.handle, &requirements);
	VKT_EXPECT(requirements.size >= size);
	buffer.memory =
		vkt_allocate(t, &requirements, place,
			     usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT ? &flags : NULL);
	VKT_OK(vkBindBufferMemory(t->device, buffer.handle, buffer.memory, 0));
	if (place == VKT_HOST) {
		VKT_OK(vkMapMemory(t->device, buffer.memory, 0, VK_WHOLE_SIZE, 0, &buffer.map));
	}
	return buffer;
}

VkDeviceAddress vkt_get_address(const struct vkt *t, const struct vkt_buffer *buffer)
{
	const VkBufferDeviceAddressInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
		.buffer = buffer->handle,
	};
	VkDeviceAddress address = vkGetBufferDeviceAddress(t->device, &info);

	VKT_EXPECT(address != 0);
	return address;
}

VkImageAspectFlags vkt_format_aspect(VkFormat format)
{
	switch (format) {
	case VK_FORMAT_D16_UNORM:
	case VK_FORMAT_D32_SFLOAT:
	case VK_FORMAT_X8_D24_UNORM_PACK32:
		return VK_IMAGE_ASPECT_DEPTH_BIT;
	case VK_FORMAT_S8_UINT:
		return VK_IMAGE_ASPECT_STENCIL_BIT;
	case VK_FORMAT_D24_UNORM_S8_UINT:
	case VK_FORMAT_D32_SFLOAT_S8_UINT:
		return VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
	default:
		return VK_IMAGE_ASPECT_COLOR_BIT;
	}
}

uint32_t vkt_format_size(VkFormat format)
{
	switch (format) {
	case VK_FORMAT_S8_UINT:
	case VK_FORMAT_R8_UNORM:
	case VK_FORMAT_R8_UINT:
		return 1;
	case VK_FORMAT_D16_UNORM:
	case VK_FORMAT_R16_SFLOAT:
	case VK_FORMAT_R16_UINT:
	case VK_FORMAT_R8G8_UNORM:
	case VK_FORMAT_R5G6B5_UNORM_PACK16:
		return 2;
	case VK_FORMAT_R16G16B16A16_SFLOAT:
	case VK_FORMAT_R16G16B16A16_UINT:
	case VK_FORMAT_R32G32_SFLOAT:
	case VK_FORMAT_R32G32_UINT:
		return 8;
	case VK_FORMAT_R32G32B32A32_SFLOAT:
	case VK_FORMAT_R32G32B32A32_UINT:
		return 16;
	default:
		return 4;
	}
}

VkImageSubresourceRange vkt_whole(const struct vkt_image *image)
{
	return (VkImageSubresourceRange){
		.aspectMask = image->aspect,
		.levelCount = image->levels,
		.layerCount = image->layers,
	};
}

VkImageView vkt_create_view(struct vkt *t, const struct vkt_image *image, VkImageViewType type,
			    VkFormat format, VkImageSubresourceRange range)
{
	const VkImageViewCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.image = image->handle,
		.viewType = type,
		.format = format,
		.subresourceRange = range,
	};
	VkImageView view;

	VKT_OK(vkCreateImageView(t->device, &info, NULL, &view));
	VKT_OWN(t, IMAGE_VIEW, view);
	return view;
}

static VkImageViewType whole_view_type(const struct vkt_image_spec *spec, uint32_t layers)
{
	if (spec->depth != 0) {
		return VK_IMAGE_VIEW_TYPE_3D;
	}
	if (spec->flags & VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT) {
		return layers == 6 ? VK_IMAGE_VIEW_TYPE_CUBE : VK_IMAGE_VIEW_TYPE_CUBE_ARRAY;
	}
	return layers > 1 || spec->array_view ? VK_IMAGE_VIEW_TYPE_2D_ARRAY : VK_IMAGE_VIEW_TYPE_2D;
}

struct vkt_image vkt_create_image(struct vkt *t, const struct vkt_image_spec *spec)
{
	const VkImageUsageFlags viewed = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT |
					 VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
					 VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT |
					 VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
	struct vkt_image image = {
		.format = spec->format,
		.extent = { spec->width, spec->height, spec->depth > 0 ? spec->depth : 1 },
		.layers = spec->layers > 0 ? spec->layers : 1,
		.levels = spec->levels > 0 ? spec->levels : 1,
		.aspect = vkt_format_aspect(spec->format),
	};
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = spec->flags,
		.imageType = spec->depth > 0 ? VK_IMAGE_TYPE_3D : VK_IMAGE_TYPE_2D,
		.format = spec->format,
		.extent = image.extent,
		.mipLevels = image.levels,
		.arrayLayers = image.layers,
		.samples = spec->samples != 0 ? spec->samples : VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = spec->usage | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
			 VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryRequirements requirements;

	VKT_OK(vkCreateImage(t->device, &info, NULL, &image.handle));
	VKT_OWN(t, IMAGE, image.handle);
	vkGetImageMemoryRequirements(t->device, image.handle, &requirements);
	image.memory = vkt_allocate(t, &requirements, VKT_DEVICE, NULL);
	VKT_OK(vkBindImageMemory(t->device, image.handle, image.memory, 0));
	if (spec->usage & viewed) {
		image.view = vkt_create_view(t, &image, whole_view_type(spec, image.layers),
					     spec->format, vkt_whole(&image));
	}
	return image;
}

VkSampler vkt_create_sampler(struct vkt *t, VkFilter filter, VkSamplerAddressMode address)
{
	const VkSamplerCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
		.magFilter = filter,
		.minFilter = filter,
		.mipmapMode = filter == VK_FILTER_LINEAR ? VK_SAMPLER_MIPMAP_MODE_LINEAR
							 : VK_SAMPLER_MIPMAP_MODE_NEAREST,
		.addressModeU = address,
		.addressModeV = address,
		.addressModeW = address,
		.maxLod = VK_LOD_CLAMP_NONE,
	};
	VkSampler sampler;

	VKT_OK(vkCreateSampler(t->device, &info, NULL, &sampler));
	VKT_OWN(t, SAMPLER, sampler);
	return sampler;
}

void vkt_fill_pattern(void *data, size_t size, uint32_t seed)
{
	uint32_t state = seed * 2654435761u + 12345u;
	uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		state = state * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(state >> 24);
	}
}
