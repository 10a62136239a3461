/* SPDX-License-Identifier: MIT */
/* Buffers and images: which kinds of memory they may be bound to, and what they need of it. */
#include "host/replay/image_limits.h"
#include "host/replay/replay_priv.h"

#include <errno.h>

/* The kinds are kept for resources that differ from most: buffers that cannot be imported, images
 * that are not only the host's. */
static unsigned int usual_buffer_kinds(const struct sl_replay_device *device)
{
	return SL_MEMORY_HOST | (device->can_import ? SL_MEMORY_IMPORT : SL_MEMORY_SHADOW);
}

static unsigned int find_kinds(const struct sl_replay_device *device, uint64_t handle,
			       unsigned int usual)
{
	uintptr_t odd = (uintptr_t)sl_handle_map_find(&device->odd_kinds, handle);

	return odd != 0 ? (unsigned int)odd : usual;
}

static unsigned int buffer_kinds(const struct sl_replay_device *device, VkBuffer buffer)
{
	return find_kinds(device, (uint64_t)(uintptr_t)buffer, usual_buffer_kinds(device));
}

static unsigned int image_kinds(const struct sl_replay_device *device, VkImage image)
{
	return find_kinds(device, (uint64_t)(uintptr_t)image, SL_MEMORY_HOST);
}

static bool is_plain_import(VkExternalMemoryFeatureFlags features)
{
	return (features & VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0 &&
	       (features & VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT) == 0;
}

static bool can_import_buffer(const struct sl_replay_device *device, const VkBufferCreateInfo *info)
{
	const VkPhysicalDeviceExternalBufferInfo external = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
		.flags = info->flags,
		.usage = info->usage,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	VkExternalBufferProperties properties = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
	};

	if (!device->can_import || (info->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT) != 0) {
		return false;
	}
	device->replay->vki.GetPhysicalDeviceExternalBufferProperties(device->physical->handle,
								      &external, &properties);
	return is_plain_import(properties.externalMemoryProperties.externalMemoryFeatures);
}

/* Images of optimal tiling stay in the host's memory: nobody can make sense of them when mapped,
 * and drivers give up compression for images that may be shared. */
static bool can_import_image(const struct sl_replay_device *device, const VkImageCreateInfo *info)
{
	VkExternalMemoryFeatureFlags features;

	/* VUID-VkImageCreateInfo-pNext-01443: what may be imported starts undefined. */
	return device->can_import && info->tiling == VK_IMAGE_TILING_LINEAR &&
	       info->initialLayout == VK_IMAGE_LAYOUT_UNDEFINED &&
	       (info->flags & VK_IMAGE_CREATE_SPARSE_BINDING_BIT) == 0 &&
	       sl_image_limits_check(device, info,
				     VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
				     &features) == VK_SUCCESS &&
	       is_plain_import(features);
}

/* Make the guest's description the host's; external is chained in if the buffer can be imported.
 * Returns the kinds of memory for it. */
static unsigned int prepare_buffer(const struct sl_replay_device *device, VkBufferCreateInfo *info,
				   VkExternalMemoryBufferCreateInfo *external)
{
	info->pNext =
		sl_chain_remove(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
	if (!can_import_buffer(device, info)) {
		return SL_MEMORY_HOST | SL_MEMORY_SHADOW;
	}
	*external = (VkExternalMemoryBufferCreateInfo){
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.pNext = info->pNext,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	info->pNext = external;
	return SL_MEMORY_HOST | SL_MEMORY_IMPORT;
}

/* The same for an image. Returns VK_SUCCESS, or why the driver must not see it. */
static VkResult prepare_image(const struct sl_replay_device *device, VkImageCreateInfo *info,
			      VkExternalMemoryImageCreateInfo *external, unsigned int *ret_kinds)
{
	info->pNext =
		sl_chain_remove(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
	if (!can_import_image(device, info)) {
		*ret_kinds = info->tiling == VK_IMAGE_TILING_LINEAR
				     ? SL_MEMORY_HOST | SL_MEMORY_SHADOW
				     : SL_MEMORY_HOST;
		return sl_image_limits_check(device, info, 0, NULL);
	}
	*external = (VkExternalMemoryImageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
		.pNext = info->pNext,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	info->pNext = external;
	*ret_kinds = SL_MEMORY_HOST | SL_MEMORY_IMPORT;
	return VK_SUCCESS;
}

static void translate(const struct sl_replay_device *device, unsigned int kinds,
		      VkMemoryRequirements *requirements)
{
	requirements->memoryTypeBits = sl_memory_types_to_guest(
		&device->physical->memory_types, requirements->memoryTypeBits, kinds);
}

/* Returns false if memory is short. */
static bool keep_kinds(struct sl_replay_device *device, uint64_t handle, unsigned int kinds,
		       unsigned int usual)
{
	return kinds == usual ||
	       sl_handle_map_put(&device->odd_kinds, handle, (void *)(uintptr_t)kinds) == 0;
}

int sl_replay_vkCreateBuffer(struct sl_replay *replay, struct sl_vkCreateBuffer *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	VkExternalMemoryBufferCreateInfo external;
	VkBufferCreateInfo info = *args->pCreateInfo;
	unsigned int kinds = prepare_buffer(device, &info, &external);

	(void)replay;
	args->ret = device->vkd.CreateBuffer(device->handle, &info, NULL, args->pBuffer);
	if (args->ret == VK_SUCCESS && !keep_kinds(device, (uint64_t)(uintptr_t)*args->pBuffer,
						   kinds, usual_buffer_kinds(device))) {
		device->vkd.DestroyBuffer(device->handle, *args->pBuffer, NULL);
		args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return 0;
}

int sl_replay_vkDestroyBuffer(struct sl_replay *replay, struct sl_vkDestroyBuffer *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	sl_handle_map_remove(&device->odd_kinds, (uint64_t)(uintptr_t)args->buffer);
	device->vkd.DestroyBuffer(device->handle, args->buffer, NULL);
	return 0;
}

int sl_replay_vkCreateImage(struct sl_replay *replay, struct sl_vkCreateImage *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	VkExternalMemoryImageCreateInfo external;
	VkImageCreateInfo info = *args->pCreateInfo;
	unsigned int kinds;

	(void)replay;
	args->ret = prepare_image(device, &info, &external, &kinds);
	if (args->ret != VK_SUCCESS) {
		return 0;
	}
	args->ret = device->vkd.CreateImage(device->handle, &info, NULL, args->pImage);
	if (args->ret == VK_SUCCESS &&
	    !keep_kinds(device, (uint64_t)(uintptr_t)*args->pImage, kinds, SL_MEMORY_HOST)) {
		device->vkd.DestroyImage(device->handle, *args->pImage, NULL);
		args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	return 0;
}

int sl_replay_vkDestroyImage(struct sl_replay *replay, struct sl_vkDestroyImage *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	sl_handle_map_remove(&device->odd_kinds, (uint64_t)(uintptr_t)args->image);
	device->vkd.DestroyImage(device->handle, args->image, NULL);
	return 0;
}

int sl_replay_vkGetBufferMemoryRequirements(struct sl_replay *replay,
					    struct sl_vkGetBufferMemoryRequirements *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	device->vkd.GetBufferMemoryRequirements(device->handle, args->buffer,
						args->pMemoryRequirements);
	translate(device, buffer_kinds(device, args->buffer), args->pMemoryRequirements);
	return 0;
}

int sl_replay_vkGetBufferMemoryRequirements2(struct sl_replay *replay,
					     struct sl_vkGetBufferMemoryRequirements2 *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	device->vkd.GetBufferMemoryRequirements2(device->handle, args->pInfo,
						 args->pMemoryRequirements);
	translate(device, buffer_kinds(device, args->pInfo->buffer),
		  &args->pMemoryRequirements->memoryRequirements);
	return 0;
}

int sl_replay_vkGetImageMemoryRequirements(struct sl_replay *replay,
					   struct sl_vkGetImageMemoryRequirements *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	device->vkd.GetImageMemoryRequirements(device->handle, args->image,
					       args->pMemoryRequirements);
	translate(device, image_kinds(device, args->image), args->pMemoryRequirements);
	return 0;
}

int sl_replay_vkGetImageMemoryRequirements2(struct sl_replay *replay,
					    struct sl_vkGetImageMemoryRequirements2 *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	(void)replay;
	device->vkd.GetImageMemoryRequirements2(device->handle, args->pInfo,
						args->pMemoryRequirements);
	translate(device, image_kinds(device, args->pInfo->image),
		  &args->pMemoryRequirements->memoryRequirements);
	return 0;
}

int sl_replay_vkGetDeviceBufferMemoryRequirements(
	struct sl_replay *replay, struct sl_vkGetDeviceBufferMemoryRequirements *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	VkExternalMemoryBufferCreateInfo external;
	VkBufferCreateInfo buffer = *args->pInfo->pCreateInfo;
	VkDeviceBufferMemoryRequirements info = *args->pInfo;
	unsigned int kinds = prepare_buffer(device, &buffer, &external);

	if (device->vkd.GetDeviceBufferMemoryRequirements == NULL) {
		return sl_replay_fail(replay,
				      "the device has no vkGetDeviceBufferMemoryRequirements");
	}
	info.pCreateInfo = &buffer;
	device->vkd.GetDeviceBufferMemoryRequirements(device->handle, &info,
						      args->pMemoryRequirements);
	translate(device, kinds, &args->pMemoryRequirements->memoryRequirements);
	return 0;
}

int sl_replay_vkGetDeviceImageMemoryRequirements(struct sl_replay *replay,
						 struct sl_vkGetDeviceImageMemoryRequirements *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	VkExternalMemoryImageCreateInfo external;
	VkImageCreateInfo image = *args->pInfo->pCreateInfo;
	VkDeviceImageMemoryRequirements info = *args->pInfo;
	unsigned int kinds;

	if (device->vkd.GetDeviceImageMemoryRequirements == NULL) {
		return sl_replay_fail(replay,
				      "the device has no vkGetDeviceImageMemoryRequirements");
	}
	if (prepare_image(device, &image, &external, &kinds) != VK_SUCCESS) {
		return 0;
	}
	info.pCreateInfo = &image;
	device->vkd.GetDeviceImageMemoryRequirements(device->handle, &info,
						     args->pMemoryRequirements);
	translate(device, kinds, &args->pMemoryRequirements->memoryRequirements);
	return 0;
}

int sl_replay_vkGetDeviceImageSparseMemoryRequirements(
	struct sl_replay *replay, struct sl_vkGetDeviceImageSparseMemoryRequirements *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	VkExternalMemoryImageCreateInfo external;
	VkImageCreateInfo image = *args->pInfo->pCreateInfo;
	VkDeviceImageMemoryRequirements info = *args->pInfo;
	unsigned int kinds;

	if (device->vkd.GetDeviceImageSparseMemoryRequirements == NULL) {
		return sl_replay_fail(replay,
				      "the device has no vkGetDeviceImageSparseMemoryRequirements");
	}
	if (prepare_image(device, &image, &external, &kinds) != VK_SUCCESS) {
		*args->pSparseMemoryRequirementCount = 0;
		return 0;
	}
	info.pCreateInfo = &image;
	device->vkd.GetDeviceImageSparseMemoryRequirements(device->handle, &info,
							   args->pSparseMemoryRequirementCount,
							   args->pSparseMemoryRequirements);
	return 0;
}

int sl_replay_vkGetAccelerationStructureMemoryRequirementsNV(
	struct sl_replay *replay, struct sl_vkGetAccelerationStructureMemoryRequirementsNV *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	if (device->vkd.GetAccelerationStructureMemoryRequirementsNV == NULL) {
		return sl_replay_fail(replay, "the device has no VK_NV_ray_tracing");
	}
	device->vkd.GetAccelerationStructureMemoryRequirementsNV(device->handle, args->pInfo,
								 args->pMemoryRequirements);
	translate(device, SL_MEMORY_HOST, &args->pMemoryRequirements->memoryRequirements);
	return 0;
}

int sl_replay_vkGetGeneratedCommandsMemoryRequirementsNV(
	struct sl_replay *replay, struct sl_vkGetGeneratedCommandsMemoryRequirementsNV *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);

	if (device->vkd.GetGeneratedCommandsMemoryRequirementsNV == NULL) {
		return sl_replay_fail(replay, "the device has no VK_NV_device_generated_commands");
	}
	device->vkd.GetGeneratedCommandsMemoryRequirementsNV(device->handle, args->pInfo,
							     args->pMemoryRequirements);
	translate(device, SL_MEMORY_HOST, &args->pMemoryRequirements->memoryRequirements);
	return 0;
}
