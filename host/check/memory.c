/* SPDX-License-Identifier: MIT */
/* Memory, and what is bound to it: buffers and images without memory are good for nothing. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "protocol/sl_dispatch.h"
#include "protocol/sl_formats.h"

#define PLANES \
	(VK_IMAGE_ASPECT_PLANE_0_BIT | VK_IMAGE_ASPECT_PLANE_1_BIT | VK_IMAGE_ASPECT_PLANE_2_BIT)

int sl_check_note_slAllocateMemory(struct sl_check *check, struct sl_slAllocateMemory *args)
{
	struct sl_check_memory *memory =
		(struct sl_check_memory *)sl_check_node_of(args->created[0]);

	(void)check;
	if (memory != NULL) {
		memory->size = args->pAllocateInfo->allocationSize;
	}
	return 0;
}

/* Without sparse memory nothing would ever be bound to it. */
int sl_check_vkCreateBuffer(struct sl_check *check, struct sl_vkCreateBuffer *args)
{
	return (args->pCreateInfo->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT) == 0 ||
			       check->limits.sparseAddressSpaceSize > 0
		       ? 0
		       : sl_check_fail(check, "the device has no sparse memory");
}

int sl_check_note_vkCreateBuffer(struct sl_check *check, struct sl_vkCreateBuffer *args)
{
	struct sl_object *object = args->created[0];
	struct sl_check_buffer *buffer = object->check;

	(void)check;
	if (buffer != NULL) {
		buffer->size = args->pCreateInfo->size;
		object->is_incomplete =
			(args->pCreateInfo->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT) == 0;
	}
	return 0;
}

/* Does it fit, and is its owner without memory so far? */
static int check_place(struct sl_check *check, const struct sl_object *object,
		       const struct sl_object_list *named, VkDeviceMemory handle,
		       VkDeviceSize offset, const VkMemoryRequirements *needs)
{
	uint32_t cursor = 0;
	const struct sl_check_memory *memory = sl_check_find(
		named, &cursor, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)(uintptr_t)handle);

	if (object == NULL || memory == NULL) {
		return sl_check_fail(check, "there is nothing to bind");
	}
	if (!object->is_incomplete) {
		return sl_check_fail(check, "the %s has its memory already",
				     sl_check_name(object->type));
	}
	if (!sl_check_bytes(offset, needs->size, memory->size)) {
		return sl_check_fail(check, "%llu bytes from %llu of a memory of %llu",
				     (unsigned long long)needs->size, (unsigned long long)offset,
				     (unsigned long long)memory->size);
	}
	if (needs->alignment > 0 && offset % needs->alignment != 0) {
		return sl_check_fail(check, "offset %llu is no multiple of %llu",
				     (unsigned long long)offset,
				     (unsigned long long)needs->alignment);
	}
	return 0;
}

static int check_buffer(struct sl_check *check, const struct sl_object *device,
			const struct sl_object_list *named, VkBuffer buffer, VkDeviceMemory memory,
			VkDeviceSize offset)
{
	VkMemoryRequirements needs;
	uint32_t cursor = 0;

	device->vkd->GetBufferMemoryRequirements((VkDevice)(uintptr_t)device->handle, buffer,
						 &needs);
	return check_place(check,
			   sl_check_find_object(named, &cursor, VK_OBJECT_TYPE_BUFFER,
						(uint64_t)(uintptr_t)buffer),
			   named, memory, offset, &needs);
}

/* plane: 0 for an image that is not disjoint. */
static int check_image(struct sl_check *check, const struct sl_object *device,
		       const struct sl_object_list *named, const VkBindImageMemoryInfo *info,
		       VkImageAspectFlags plane)
{
	const VkImagePlaneMemoryRequirementsInfo plane_info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_PLANE_MEMORY_REQUIREMENTS_INFO,
		.planeAspect = (VkImageAspectFlagBits)plane,
	};
	const VkImageMemoryRequirementsInfo2 image_info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
		.pNext = &plane_info,
		.image = info->image,
	};
	VkMemoryRequirements2 needs = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };
	VkDevice handle = (VkDevice)(uintptr_t)device->handle;
	uint32_t cursor = 0;
	const struct sl_object *object = sl_check_find_object(named, &cursor, VK_OBJECT_TYPE_IMAGE,
							      (uint64_t)(uintptr_t)info->image);
	const struct sl_check_image *image = object != NULL ? object->check : NULL;

	if (image == NULL || (plane != 0 && image->format == NULL) ||
	    (plane != 0) != ((image->flags & VK_IMAGE_CREATE_DISJOINT_BIT) != 0) ||
	    (image->bound_planes & plane) != 0) {
		return sl_check_fail(check, "the image has no such plane to bind");
	}
	if (plane != 0) {
		device->vkd->GetImageMemoryRequirements2(handle, &image_info, &needs);
	} else {
		device->vkd->GetImageMemoryRequirements(handle, info->image,
							&needs.memoryRequirements);
	}
	return check_place(check, object, named, info->memory, info->memoryOffset,
			   &needs.memoryRequirements);
}

/* Returns 0 or -ENOMEM. */
static int note_bound(struct sl_object *object, const struct sl_object_list *named,
		      VkDeviceMemory memory)
{
	uint32_t cursor = 0;

	return sl_check_add_need(object->check,
				 sl_check_find(named, &cursor, VK_OBJECT_TYPE_DEVICE_MEMORY,
					       (uint64_t)(uintptr_t)memory));
}

static int note_buffer(const struct sl_object_list *named, VkBuffer buffer, VkDeviceMemory memory)
{
	uint32_t cursor = 0;
	struct sl_object *object = sl_check_find_object(named, &cursor, VK_OBJECT_TYPE_BUFFER,
							(uint64_t)(uintptr_t)buffer);

	object->is_incomplete = false;
	return note_bound(object, named, memory);
}

static int note_image(const struct sl_object_list *named, VkImage handle, VkDeviceMemory memory,
		      VkImageAspectFlags plane)
{
	uint32_t cursor = 0;
	struct sl_object *object = sl_check_find_object(named, &cursor, VK_OBJECT_TYPE_IMAGE,
							(uint64_t)(uintptr_t)handle);
	struct sl_check_image *image = object->check;

	image->bound_planes |= plane;
	object->is_incomplete =
		plane != 0 && image->bound_planes != (image->format->aspects & PLANES);
	return note_bound(object, named, memory);
}

int sl_check_vkBindBufferMemory(struct sl_check *check, struct sl_vkBindBufferMemory *args)
{
	return check_buffer(check, args->self, args->named, args->buffer, args->memory,
			    args->memoryOffset);
}

int sl_check_note_vkBindBufferMemory(struct sl_check *check, struct sl_vkBindBufferMemory *args)
{
	(void)check;
	return args->ret == VK_SUCCESS ? note_buffer(args->named, args->buffer, args->memory) : 0;
}

int sl_check_vkBindBufferMemory2(struct sl_check *check, struct sl_vkBindBufferMemory2 *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->bindInfoCount; i++) {
		const VkBindBufferMemoryInfo *info = &args->pBindInfos[i];

		r = check_buffer(check, args->self, args->named, info->buffer, info->memory,
				 info->memoryOffset);
	}
	return r;
}

int sl_check_note_vkBindBufferMemory2(struct sl_check *check, struct sl_vkBindBufferMemory2 *args)
{
	int r = 0;

	(void)check;
	for (uint32_t i = 0; r == 0 && args->ret == VK_SUCCESS && i < args->bindInfoCount; i++) {
		r = note_buffer(args->named, args->pBindInfos[i].buffer,
				args->pBindInfos[i].memory);
	}
	return r;
}

int sl_check_vkBindImageMemory(struct sl_check *check, struct sl_vkBindImageMemory *args)
{
	const VkBindImageMemoryInfo info = {
		.image = args->image,
		.memory = args->memory,
		.memoryOffset = args->memoryOffset,
	};

	return check_image(check, args->self, args->named, &info, 0);
}

int sl_check_note_vkBindImageMemory(struct sl_check *check, struct sl_vkBindImageMemory *args)
{
	(void)check;
	return args->ret == VK_SUCCESS ? note_image(args->named, args->image, args->memory, 0) : 0;
}

static VkImageAspectFlags plane_of(const VkBindImageMemoryInfo *info)
{
	const VkBindImagePlaneMemoryInfo *plane =
		sl_check_chain_find(info->pNext, VK_STRUCTURE_TYPE_BIND_IMAGE_PLANE_MEMORY_INFO);

	return plane != NULL ? plane->planeAspect : 0;
}

int sl_check_vkBindImageMemory2(struct sl_check *check, struct sl_vkBindImageMemory2 *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->bindInfoCount; i++) {
		r = check_image(check, args->self, args->named, &args->pBindInfos[i],
				plane_of(&args->pBindInfos[i]));
	}
	return r;
}

int sl_check_note_vkBindImageMemory2(struct sl_check *check, struct sl_vkBindImageMemory2 *args)
{
	int r = 0;

	(void)check;
	for (uint32_t i = 0; r == 0 && args->ret == VK_SUCCESS && i < args->bindInfoCount; i++) {
		const VkBindImageMemoryInfo *info = &args->pBindInfos[i];

		r = note_image(args->named, info->image, info->memory, plane_of(info));
	}
	return r;
}
