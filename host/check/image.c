/* SPDX-License-Identifier: MIT */
/* Images, their views and samplers: levels, layers, aspects, formats. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "protocol/sl_formats.h"

#include <string.h>

/* Drivers look up what a custom color is. */
int sl_check_vkCreateSampler(struct sl_check *check, struct sl_vkCreateSampler *args)
{
	const VkSamplerCreateInfo *info = args->pCreateInfo;
	bool is_custom = info->borderColor == VK_BORDER_COLOR_FLOAT_CUSTOM_EXT ||
			 info->borderColor == VK_BORDER_COLOR_INT_CUSTOM_EXT;

	return !is_custom || sl_check_chain_find(
				     info->pNext,
				     VK_STRUCTURE_TYPE_SAMPLER_CUSTOM_BORDER_COLOR_CREATE_INFO_EXT) !=
				       NULL
		       ? 0
		       : sl_check_fail(check, "a color that is not said");
}

/* Without sparse memory nothing would ever be bound to it. */
int sl_check_vkCreateImage(struct sl_check *check, struct sl_vkCreateImage *args)
{
	return (args->pCreateInfo->flags & VK_IMAGE_CREATE_SPARSE_BINDING_BIT) == 0 ||
			       check->limits.sparseAddressSpaceSize > 0
		       ? 0
		       : sl_check_fail(check, "the device has no sparse memory");
}

int sl_check_note_vkCreateImage(struct sl_check *check, struct sl_vkCreateImage *args)
{
	const VkImageCreateInfo *info = args->pCreateInfo;
	struct sl_object *object = args->created[0];
	const VkImageStencilUsageCreateInfo *stencil =
		sl_check_chain_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO);
	struct sl_check_image *image = object->check;

	(void)check;
	if (image != NULL) {
		image->usage = info->usage | (stencil != NULL ? stencil->stencilUsage : 0);
		image->format = sl_format_find(info->format);
		image->flags = info->flags;
		image->type = info->imageType;
		image->extent = info->extent;
		image->level_count = info->mipLevels;
		image->layer_count = info->arrayLayers;
		image->samples = info->samples;
		object->is_incomplete = (info->flags & VK_IMAGE_CREATE_SPARSE_BINDING_BIT) == 0;
	}
	return 0;
}

static uint32_t at_level(uint32_t extent, uint32_t level)
{
	uint32_t smaller = level < 32 ? extent >> level : 0;

	return smaller > 0 ? smaller : 1;
}

static const struct sl_format_plane *plane_of(const struct sl_check_image *image,
					      VkImageAspectFlags aspect)
{
	switch (aspect) {
	case VK_IMAGE_ASPECT_PLANE_1_BIT:
		return &image->format->planes[1];
	case VK_IMAGE_ASPECT_PLANE_2_BIT:
		return &image->format->planes[2];
	default:
		return &image->format->planes[0];
	}
}

bool sl_check_copies_to(const struct sl_check *check, const struct sl_check_image *image,
			VkImageAspectFlags aspect, const struct sl_check_image *to,
			VkImageAspectFlags to_aspect)
{
	const VkImageAspectFlags depth = VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
	bool has_depth = ((image->format->aspects | to->format->aspects) & depth) != 0;

	if (has_depth && check->is_software) {
		return image->format == to->format;
	}
	return plane_of(image, aspect)->block_size == plane_of(to, to_aspect)->block_size;
}

VkExtent3D sl_check_level_extent(const struct sl_check_image *image, uint32_t level,
				 VkImageAspectFlags aspect)
{
	VkExtent3D extent = {
		at_level(image->extent.width, level),
		at_level(image->extent.height, level),
		at_level(image->extent.depth, level),
	};

	if (image->format != NULL) {
		const struct sl_format_plane *plane = plane_of(image, aspect);

		extent.width = (extent.width + plane->width_divisor - 1) / plane->width_divisor;
		extent.height = (extent.height + plane->height_divisor - 1) / plane->height_divisor;
	}
	return extent;
}

static int check_aspects(struct sl_check *check, const struct sl_check_image *image,
			 VkImageAspectFlags aspects)
{
	const VkImageAspectFlags memory_planes =
		VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT | VK_IMAGE_ASPECT_MEMORY_PLANE_1_BIT_EXT |
		VK_IMAGE_ASPECT_MEMORY_PLANE_2_BIT_EXT | VK_IMAGE_ASPECT_MEMORY_PLANE_3_BIT_EXT |
		VK_IMAGE_ASPECT_METADATA_BIT;

	if (image->format != NULL && (aspects & ~(image->format->aspects | memory_planes)) != 0) {
		return sl_check_fail(check, "the image has no aspects 0x%x", aspects);
	}
	return 0;
}

int sl_check_layers(struct sl_check *check, const struct sl_check_image *image,
		    const VkImageSubresourceLayers *layers)
{
	if (layers->mipLevel >= image->level_count) {
		return sl_check_fail(check, "level %u of %u", layers->mipLevel, image->level_count);
	}
	if (!sl_check_bytes(layers->baseArrayLayer, layers->layerCount, image->layer_count)) {
		return sl_check_fail(check, "%u layers from %u of %u", layers->layerCount,
				     layers->baseArrayLayer, image->layer_count);
	}
	return check_aspects(check, image, layers->aspectMask);
}

int sl_check_levels(struct sl_check *check, const struct sl_check_image *image,
		    const VkImageSubresourceRange *range)
{
	if (!sl_check_part(range->baseMipLevel, range->levelCount, image->level_count)) {
		return sl_check_fail(check, "%u levels from %u of %u", range->levelCount,
				     range->baseMipLevel, image->level_count);
	}
	if (!sl_check_part(range->baseArrayLayer, range->layerCount, image->layer_count)) {
		return sl_check_fail(check, "%u layers from %u of %u", range->layerCount,
				     range->baseArrayLayer, image->layer_count);
	}
	return 0;
}

int sl_check_subresources(struct sl_check *check, const struct sl_check_image *image,
			  const VkImageSubresourceRange *range)
{
	int r = sl_check_levels(check, image, range);

	/* Drivers count up to the last one, which would be the one before the first. */
	if (r == 0 && (range->levelCount == 0 || range->layerCount == 0)) {
		return sl_check_fail(check, "no levels, or no layers");
	}
	return r == 0 ? check_aspects(check, image, range->aspectMask) : r;
}

static int check_subresource(struct sl_check *check, const struct sl_object_list *named,
			     VkImage handle, const VkImageSubresource *subresource)
{
	uint32_t cursor = 0;
	const struct sl_check_image *image =
		sl_check_find(named, &cursor, VK_OBJECT_TYPE_IMAGE, (uint64_t)(uintptr_t)handle);
	const VkImageSubresourceLayers layers = {
		.aspectMask = subresource->aspectMask,
		.mipLevel = subresource->mipLevel,
		.baseArrayLayer = subresource->arrayLayer,
		.layerCount = 1,
	};

	return image != NULL ? sl_check_layers(check, image, &layers) : 0;
}

int sl_check_vkGetImageSubresourceLayout(struct sl_check *check,
					 struct sl_vkGetImageSubresourceLayout *args)
{
	return check_subresource(check, args->named, args->image, args->pSubresource);
}

int sl_check_vkGetImageSubresourceLayout2EXT(struct sl_check *check,
					     struct sl_vkGetImageSubresourceLayout2EXT *args)
{
	return check_subresource(check, args->named, args->image,
				 &args->pSubresource->imageSubresource);
}

/* May a view of this type be made of the image? ret_has_slices: its layers are slices. */
static bool has_view_type(const struct sl_check_image *image, VkImageViewType type,
			  bool *ret_has_slices)
{
	*ret_has_slices = false;
	switch (type) {
	case VK_IMAGE_VIEW_TYPE_1D:
	case VK_IMAGE_VIEW_TYPE_1D_ARRAY:
		return image->type == VK_IMAGE_TYPE_1D;
	case VK_IMAGE_VIEW_TYPE_3D:
		return image->type == VK_IMAGE_TYPE_3D;
	case VK_IMAGE_VIEW_TYPE_CUBE:
	case VK_IMAGE_VIEW_TYPE_CUBE_ARRAY:
		return image->type == VK_IMAGE_TYPE_2D &&
		       (image->flags & VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT) != 0;
	default:
		*ret_has_slices = image->type == VK_IMAGE_TYPE_3D;
		return image->type == VK_IMAGE_TYPE_2D ||
		       (image->type == VK_IMAGE_TYPE_3D &&
			(image->flags & (VK_IMAGE_CREATE_2D_ARRAY_COMPATIBLE_BIT |
					 VK_IMAGE_CREATE_2D_VIEW_COMPATIBLE_BIT_EXT)) != 0);
	}
}

static bool has_view_count(VkImageViewType type, uint32_t count)
{
	switch (type) {
	case VK_IMAGE_VIEW_TYPE_1D_ARRAY:
	case VK_IMAGE_VIEW_TYPE_2D_ARRAY:
		return count > 0;
	case VK_IMAGE_VIEW_TYPE_CUBE:
		return count == 6;
	case VK_IMAGE_VIEW_TYPE_CUBE_ARRAY:
		return count > 0 && count % 6 == 0;
	default:
		return count == 1;
	}
}

static bool has_same_blocks(const struct sl_format *a, const struct sl_format *b)
{
	return memcmp(a->block_extent, b->block_extent, sizeof(a->block_extent)) == 0;
}

bool sl_check_is_texel(const struct sl_format *format)
{
	return format->block_extent[0] == 1 && format->block_extent[1] == 1 &&
	       format->block_extent[2] == 1;
}

/* Texels of another size would lie elsewhere, and beyond the image's memory. Blocks may be seen as
 * texels, but no texels as blocks. */
static bool has_view_format(const struct sl_check_image *image, const VkImageViewCreateInfo *info)
{
	const struct sl_format *format = sl_format_find(info->format);

	if (image->format == NULL || format == NULL) {
		return image->format == format;
	}
	if (format == image->format) {
		return true;
	}
	return (image->flags & VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT) != 0 &&
	       (sl_check_is_texel(format) || has_same_blocks(format, image->format)) &&
	       format->planes[0].block_size ==
		       plane_of(image, info->subresourceRange.aspectMask)->block_size;
}

static uint32_t resolve(uint32_t first, uint32_t count, uint32_t end)
{
	return count == VK_REMAINING_MIP_LEVELS ? end - first : count;
}

static const struct sl_object *find_image(const VkImageViewCreateInfo *info,
					  const struct sl_object_list *named)
{
	uint32_t cursor = 0;

	return sl_check_find_object(named, &cursor, VK_OBJECT_TYPE_IMAGE,
				    (uint64_t)(uintptr_t)info->image);
}

/* The image as its view sees it: the slices of a level as layers. Returns the number. */
static uint32_t layers_of(const struct sl_check_image *image, const VkImageViewCreateInfo *info,
			  bool has_slices)
{
	return has_slices ? at_level(image->extent.depth, info->subresourceRange.baseMipLevel)
			  : image->layer_count;
}

int sl_check_vkCreateImageView(struct sl_check *check, struct sl_vkCreateImageView *args)
{
	const VkImageViewCreateInfo *info = args->pCreateInfo;
	const VkImageSubresourceRange *range = &info->subresourceRange;
	const struct sl_object *object = find_image(info, args->named);
	bool has_slices;

	if (object == NULL || object->check == NULL || object->is_incomplete) {
		return sl_check_fail(check, "a view of an image without memory");
	}
	struct sl_check_image image = *(const struct sl_check_image *)object->check;

	if (!has_view_type(&image, info->viewType, &has_slices)) {
		return sl_check_fail(check, "a view of type %d of an image of type %d",
				     info->viewType, image.type);
	}
	image.layer_count = layers_of(&image, info, has_slices);
	int r = sl_check_subresources(check, &image, range);

	if (r < 0) {
		return r;
	}
	if (!has_view_count(info->viewType,
			    resolve(range->baseArrayLayer, range->layerCount, image.layer_count))) {
		return sl_check_fail(check, "a view of type %d with %u layers", info->viewType,
				     range->layerCount);
	}
	return has_view_format(&image, info)
		       ? 0
		       : sl_check_fail(check, "a view with a format of another size");
}

/* Of the first level, in texels of the view: it may have one for each block of the image. */
static VkExtent2D extent_of(const struct sl_check_image *image, const VkImageViewCreateInfo *info)
{
	const VkImageSubresourceRange *range = &info->subresourceRange;
	const struct sl_format *format = sl_format_find(info->format);
	const VkExtent3D texels =
		sl_check_level_extent(image, range->baseMipLevel, range->aspectMask);

	if (image->format == NULL || format == NULL ||
	    format->block_extent[0] == image->format->block_extent[0]) {
		return (VkExtent2D){ texels.width, texels.height };
	}
	const struct sl_check_blocks blocks = sl_check_to_blocks(image->format, texels);

	return (VkExtent2D){ (uint32_t)blocks.size[0], (uint32_t)blocks.size[1] };
}

int sl_check_note_vkCreateImageView(struct sl_check *check, struct sl_vkCreateImageView *args)
{
	const VkImageViewCreateInfo *info = args->pCreateInfo;
	const VkImageSubresourceRange *range = &info->subresourceRange;
	const VkImageViewUsageCreateInfo *usage =
		sl_check_chain_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_VIEW_USAGE_CREATE_INFO);
	const struct sl_check_image *image = find_image(info, args->named)->check;
	struct sl_check_view *view = (struct sl_check_view *)sl_check_node_of(args->created[0]);
	bool has_slices;

	(void)check;
	if (view != NULL) {
		has_view_type(image, info->viewType, &has_slices);
		view->format = info->format;
		view->samples = image->samples;
		view->usage = image->usage & (usage != NULL ? usage->usage : UINT32_MAX);
		view->extent = extent_of(image, info);
		view->layer_count = resolve(range->baseArrayLayer, range->layerCount,
					    layers_of(image, info, has_slices));
	}
	return 0;
}

int sl_check_vkCreateBufferView(struct sl_check *check, struct sl_vkCreateBufferView *args)
{
	const VkBufferViewCreateInfo *info = args->pCreateInfo;
	uint32_t cursor = 0;
	const struct sl_object *object = sl_check_find_object(
		args->named, &cursor, VK_OBJECT_TYPE_BUFFER, (uint64_t)(uintptr_t)info->buffer);

	if (object == NULL || object->check == NULL || object->is_incomplete) {
		return sl_check_fail(check, "a view of a buffer without memory");
	}
	const struct sl_check_buffer *buffer = object->check;

	return sl_check_range(info->offset, info->range, buffer->size)
		       ? 0
		       : sl_check_fail(check, "beyond its buffer's %llu bytes",
				       (unsigned long long)buffer->size);
}
