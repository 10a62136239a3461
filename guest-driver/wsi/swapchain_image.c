/* SPDX-License-Identifier: MIT */
/* The images of a swapchain, and the shared pages that the window system reads.
 *
 * Where the GPU can render to images of linear tiling in the guest's pages without loss, such an
 * image is the shared pages: nothing is copied. Else the image is the device's own, and presenting
 * copies it to a buffer of shared pages, on the queue. Where nobody looks (headless surfaces),
 * there are no shared pages. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-driver/vk/chain.h"
#include "guest-driver/vk/device.h"
#include "guest-driver/vk/memory.h"
#include "guest-driver/vk/physical_device.h"
#include "guest-driver/wsi/surface.h"
#include "guest-driver/wsi/swapchain.h"
#include "protocol/sl_entries.h"

/* Bytes of a row of copied pixels; the X server wants its rows to be whole words. */
static uint32_t row_size(const struct sl_swapchain *swapchain)
{
	return (swapchain->extent.width * sl_surface_pixel_size(swapchain->format) + 3) & ~3u;
}

static VkPhysicalDevice get_physical(const struct sl_swapchain *swapchain)
{
	return (VkPhysicalDevice)swapchain->device->physical_device;
}

/* A type among bits that is host visible and has the most of the other flags, or UINT32_MAX. */
static uint32_t find_memory_type(const struct sl_swapchain *swapchain, uint32_t bits,
				 VkMemoryPropertyFlags need, VkMemoryPropertyFlags avoid)
{
	const VkPhysicalDeviceMemoryProperties *memory =
		sl_physical_device_get_memory(swapchain->device->physical_device);
	uint32_t fallback = UINT32_MAX;

	for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
		VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
		if ((bits >> i & 1) == 0 || (flags & need) != need) {
			continue;
		}
		if ((flags & avoid) == 0) {
			return i;
		}
		if (fallback == UINT32_MAX) {
			fallback = i;
		}
	}
	return fallback;
}

/* True if the GPU is as good at rendering to the guest's pages as to memory of its own. */
static bool prefers_direct(const struct sl_swapchain *swapchain)
{
	const char *wanted = getenv("SLUICE_PRESENT");
	VkPhysicalDeviceProperties properties;

	if (wanted != NULL && strcmp(wanted, "copy") == 0) {
		return false;
	}
	if (wanted != NULL && strcmp(wanted, "direct") == 0) {
		return true;
	}
	/* A discrete GPU would write each blended pixel through the bus, uncompressed. */
	sl_vkGetPhysicalDeviceProperties(get_physical(swapchain), &properties);
	return properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU ||
	       properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
}

static bool can_be_linear(const struct sl_swapchain *swapchain)
{
	const VkImageCreateInfo *info = &swapchain->image_info;
	VkFormatProperties format;
	VkImageFormatProperties limits;

	/* Blending and the like must be as possible as with optimal tiling. */
	sl_vkGetPhysicalDeviceFormatProperties(get_physical(swapchain), info->format, &format);
	VkFormatFeatureFlags need = VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT |
				    VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BLEND_BIT |
				    VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT;
	if ((format.optimalTilingFeatures & need & ~format.linearTilingFeatures) != 0) {
		return false;
	}
	return sl_vkGetPhysicalDeviceImageFormatProperties(
		       get_physical(swapchain), info->format, info->imageType,
		       VK_IMAGE_TILING_LINEAR, info->usage, info->flags, &limits) == VK_SUCCESS &&
	       info->extent.width <= limits.maxExtent.width &&
	       info->extent.height <= limits.maxExtent.height &&
	       info->arrayLayers <= limits.maxArrayLayers;
}

static void describe_images(struct sl_swapchain *swapchain, const VkSwapchainCreateInfoKHR *info)
{
	const VkImageFormatListCreateInfo *formats =
		sl_chain_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO);
	VkImageCreateInfo *image = &swapchain->image_info;

	*image = (VkImageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		/* Images of the application's may share their memory. */
		.flags = VK_IMAGE_CREATE_ALIAS_BIT,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = info->imageFormat,
		.extent = { info->imageExtent.width, info->imageExtent.height, 1 },
		.mipLevels = 1,
		.arrayLayers = info->imageArrayLayers,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = info->imageUsage,
		.sharingMode = info->imageSharingMode,
		.queueFamilyIndexCount = info->queueFamilyIndexCount,
		.pQueueFamilyIndices = info->pQueueFamilyIndices,
	};
	if ((info->flags & VK_SWAPCHAIN_CREATE_MUTABLE_FORMAT_BIT_KHR) != 0) {
		image->flags |=
			VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT | VK_IMAGE_CREATE_EXTENDED_USAGE_BIT;
	}
	if (formats != NULL) {
		swapchain->format_list = *formats;
		swapchain->format_list.pNext = NULL;
		image->pNext = &swapchain->format_list;
	}
	if (!swapchain->surface->ops->is_seen) {
		return;
	}
	swapchain->is_direct = prefers_direct(swapchain) && can_be_linear(swapchain);
	if (swapchain->is_direct) {
		image->tiling = VK_IMAGE_TILING_LINEAR;
	} else {
		image->usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
	}
}

/* Memory of the wanted kind, bound by the caller. ret_fd: see sl_memory_allocate(). */
static VkResult allocate(struct sl_swapchain *swapchain, const VkMemoryRequirements *needs,
			 bool is_shared, VkDeviceMemory *ret_memory, int *ret_fd)
{
	VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
	uint32_t type = is_shared ? find_memory_type(swapchain, needs->memoryTypeBits, visible, 0)
				  : find_memory_type(swapchain, needs->memoryTypeBits, 0, visible);
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = needs->size,
		.memoryTypeIndex = type,
	};

	if (type == UINT32_MAX) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	return sl_memory_allocate(swapchain->device, &info, ret_memory, ret_fd);
}

static VkDeviceMemory *get_memory(struct sl_swapchain *swapchain,
				  const struct sl_swapchain_image *image)
{
	return &swapchain->presentable.memories[image - swapchain->images];
}

static VkResult create_image(struct sl_swapchain *swapchain, struct sl_swapchain_image *image)
{
	VkDevice device = (VkDevice)swapchain->device;
	VkDeviceMemory *memory = get_memory(swapchain, image);
	VkMemoryRequirements needs;
	VkResult result = sl_vkCreateImage(device, &swapchain->image_info, NULL, &image->handle);

	if (result != VK_SUCCESS) {
		return result;
	}
	sl_vkGetImageMemoryRequirements(device, image->handle, &needs);
	result = allocate(swapchain, &needs, swapchain->is_direct, memory,
			  swapchain->is_direct ? &image->fd : NULL);
	if (result != VK_SUCCESS) {
		return result;
	}
	return sl_vkBindImageMemory(device, image->handle, *memory, 0);
}

static VkResult create_buffer(struct sl_swapchain *swapchain, struct sl_swapchain_image *image)
{
	VkDevice device = (VkDevice)swapchain->device;
	VkMemoryRequirements needs;
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = (VkDeviceSize)row_size(swapchain) * swapchain->extent.height,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkResult result = sl_vkCreateBuffer(device, &info, NULL, &image->buffer);

	if (result != VK_SUCCESS) {
		return result;
	}
	sl_vkGetBufferMemoryRequirements(device, image->buffer, &needs);
	result = allocate(swapchain, &needs, true, &image->buffer_memory, &image->fd);
	if (result != VK_SUCCESS) {
		return result;
	}
	return sl_vkBindBufferMemory(device, image->buffer, image->buffer_memory, 0);
}

/* Where the pages that the GPU writes cannot be given to the window system, ordinary ones are,
 * and the present thread copies. */
static VkResult share_copy(struct sl_swapchain_image *image)
{
	image->fd = memfd_create("sluice-window", MFD_CLOEXEC);
	if (image->fd < 0 || ftruncate(image->fd, (off_t)image->size) < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	void *data = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_SHARED, image->fd, 0);
	if (data == MAP_FAILED) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	image->shared_copy = data;
	image->fd_offset = 0;
	return VK_SUCCESS;
}

static VkResult describe_pixels(struct sl_swapchain *swapchain, struct sl_swapchain_image *image)
{
	VkDevice device = (VkDevice)swapchain->device;
	const VkImageSubresource subresource = { .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT };
	VkSubresourceLayout layout = { .rowPitch = row_size(swapchain) };
	VkDeviceMemory memory = image->buffer_memory;
	void *data = NULL;

	if (swapchain->is_direct) {
		memory = *get_memory(swapchain, image);
		sl_vkGetImageSubresourceLayout(device, image->handle, &subresource, &layout);
	}
	VkResult result = sl_vkMapMemory(device, memory, 0, VK_WHOLE_SIZE, 0, &data);
	if (result != VK_SUCCESS) {
		return result;
	}
	image->pixels = (const uint8_t *)data + layout.offset;
	image->fd_offset = (size_t)layout.offset;
	image->stride = (uint32_t)layout.rowPitch;
	image->size = (size_t)layout.rowPitch * swapchain->extent.height;
	return image->fd >= 0 ? VK_SUCCESS : share_copy(image);
}

static VkResult create_one(struct sl_swapchain *swapchain, struct sl_swapchain_image *image)
{
	VkResult result = create_image(swapchain, image);

	if (result != VK_SUCCESS || !swapchain->surface->ops->is_seen) {
		return result;
	}
	if (!swapchain->is_direct) {
		result = create_buffer(swapchain, image);
	}
	return result == VK_SUCCESS ? describe_pixels(swapchain, image) : result;
}

/* The first image may show that the driver does not want linear images in the guest's pages. */
static bool must_copy(struct sl_swapchain *swapchain)
{
	VkDevice device = (VkDevice)swapchain->device;
	VkMemoryRequirements needs = { 0 };
	VkImage image = VK_NULL_HANDLE;

	if (sl_vkCreateImage(device, &swapchain->image_info, NULL, &image) == VK_SUCCESS) {
		sl_vkGetImageMemoryRequirements(device, image, &needs);
		sl_vkDestroyImage(device, image, NULL);
	}
	return find_memory_type(swapchain, needs.memoryTypeBits,
				VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, 0) == UINT32_MAX;
}

VkResult sl_swapchain_create_images(struct sl_swapchain *swapchain,
				    const VkSwapchainCreateInfoKHR *info)
{
	VkSurfaceCapabilitiesKHR caps = { 0 };
	uint32_t count = info->minImageCount;
	VkResult result = swapchain->surface->ops->get_capabilities(swapchain->surface, &caps);

	if (result != VK_SUCCESS) {
		return result;
	}
	count = count < caps.minImageCount ? caps.minImageCount : count;
	if (count > SL_MAX_SWAPCHAIN_IMAGES) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	describe_images(swapchain, info);
	if (swapchain->is_direct && must_copy(swapchain)) {
		swapchain->is_direct = false;
		swapchain->image_info.tiling = VK_IMAGE_TILING_OPTIMAL;
		swapchain->image_info.usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
	}
	swapchain->presentable.tiling = swapchain->image_info.tiling;
	swapchain->presentable.usage = swapchain->image_info.usage;
	swapchain->presentable.flags = swapchain->image_info.flags;
	for (uint32_t i = 0; i < count && result == VK_SUCCESS; i++) {
		swapchain->images[i].fd = -1;
		swapchain->image_count++;
		result = create_one(swapchain, &swapchain->images[i]);
	}
	/* These were the application's. */
	swapchain->image_info.pNext = NULL;
	swapchain->image_info.pQueueFamilyIndices = NULL;
	return result;
}

void sl_swapchain_destroy_images(struct sl_swapchain *swapchain)
{
	VkDevice device = (VkDevice)swapchain->device;

	for (uint32_t i = 0; i < swapchain->image_count; i++) {
		struct sl_swapchain_image *image = &swapchain->images[i];
		if (image->shared_copy != NULL) {
			munmap(image->shared_copy, image->size);
		}
		if (image->fd >= 0) {
			close(image->fd);
		}
		sl_vkDestroyCommandPool(device, image->copy_pool, NULL);
		sl_vkDestroyBuffer(device, image->buffer, NULL);
		sl_vkFreeMemory(device, image->buffer_memory, NULL);
		sl_vkDestroyImage(device, image->handle, NULL);
		sl_vkFreeMemory(device, *get_memory(swapchain, image), NULL);
	}
	swapchain->image_count = 0;
}

static void record_transition(VkCommandBuffer commands, VkImage image, bool is_before)
{
	const VkImageMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
		.srcAccessMask = is_before ? VK_ACCESS_MEMORY_WRITE_BIT : 0,
		.dstAccessMask = is_before ? VK_ACCESS_TRANSFER_READ_BIT : 0,
		.oldLayout = is_before ? VK_IMAGE_LAYOUT_PRESENT_SRC_KHR
				       : VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
		.newLayout = is_before ? VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL
				       : VK_IMAGE_LAYOUT_PRESENT_SRC_KHR,
		.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
		.image = image,
		.subresourceRange = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 },
	};
	const VkMemoryBarrier to_host = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_HOST_READ_BIT,
	};

	sl_vkCmdPipelineBarrier(
		commands,
		is_before ? VK_PIPELINE_STAGE_ALL_COMMANDS_BIT : VK_PIPELINE_STAGE_TRANSFER_BIT,
		is_before ? VK_PIPELINE_STAGE_TRANSFER_BIT
			  : VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
		0, is_before ? 0 : 1, &to_host, 0, NULL, 1, &barrier);
}

static VkResult record_copy(struct sl_swapchain *swapchain, struct sl_swapchain_image *image)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	const VkBufferImageCopy region = {
		.bufferRowLength = row_size(swapchain) / sl_surface_pixel_size(swapchain->format),
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = swapchain->image_info.extent,
	};
	VkResult result = sl_vkBeginCommandBuffer(image->copy, &begin);

	if (result != VK_SUCCESS) {
		return result;
	}
	record_transition(image->copy, image->handle, true);
	sl_vkCmdCopyImageToBuffer(image->copy, image->handle, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
				  image->buffer, 1, &region);
	record_transition(image->copy, image->handle, false);
	return sl_vkEndCommandBuffer(image->copy);
}

VkResult sl_swapchain_get_copy(struct sl_swapchain *swapchain, struct sl_swapchain_image *image,
			       uint32_t family, VkCommandBuffer *ret_commands)
{
	VkDevice device = (VkDevice)swapchain->device;
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.queueFamilyIndex = family,
	};

	if (image->copy == VK_NULL_HANDLE || image->copy_family != family) {
		/* The application acquired the image, so its last copy has completed. */
		sl_vkDestroyCommandPool(device, image->copy_pool, NULL);
		image->copy = VK_NULL_HANDLE;
		VkResult result = sl_vkCreateCommandPool(device, &pool, NULL, &image->copy_pool);
		if (result != VK_SUCCESS) {
			return result;
		}
		const VkCommandBufferAllocateInfo info = {
			.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
			.commandPool = image->copy_pool,
			.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
			.commandBufferCount = 1,
		};
		result = sl_vkAllocateCommandBuffers(device, &info, &image->copy);
		if (result == VK_SUCCESS) {
			result = record_copy(swapchain, image);
		}
		if (result != VK_SUCCESS) {
			image->copy = VK_NULL_HANDLE;
			return result;
		}
		image->copy_family = family;
	}
	*ret_commands = image->copy;
	return VK_SUCCESS;
}
