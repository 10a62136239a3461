/* SPDX-License-Identifier: MIT */
/* What a device says of itself, in full: a program must not notice where it runs. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of an output structure after sType and pNext. */
static void put_body(struct vkt *t, const char *label, const void *data, size_t size)
{
	const size_t head = offsetof(VkPhysicalDeviceFeatures2, features);

	vkt_put(t, label, (const uint8_t *)data + head, size - head);
}

static void formats(struct vkt *t)
{
	for (uint32_t format = 1; format <= VK_FORMAT_ASTC_12x12_SRGB_BLOCK; format++) {
		VkFormatProperties3 properties3 = { .sType =
							    VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3 };
		VkFormatProperties2 properties2 = { .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
						    .pNext = &properties3 };
		VkFormatProperties properties;
		char label[32];
		vkGetPhysicalDeviceFormatProperties(t->physical, (VkFormat)format, &properties);
		vkGetPhysicalDeviceFormatProperties2(t->physical, (VkFormat)format, &properties2);
		VKT_EXPECT(memcmp(&properties, &properties2.formatProperties, sizeof(properties)) ==
			   0);
		snprintf(label, sizeof(label), "format %u", format);
		vkt_put(t, label, &properties, sizeof(properties));
		put_body(t, label, &properties3, sizeof(properties3));
	}
}

static void put_image_format(struct vkt *t, const VkPhysicalDeviceImageFormatInfo2 *info)
{
	VkImageFormatProperties properties = { { 0 } };
	VkImageFormatProperties2 properties2 = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2
	};
	char label[64];

	VkResult result = vkGetPhysicalDeviceImageFormatProperties(
		t->physical, info->format, info->type, info->tiling, info->usage, info->flags,
		&properties);
	VkResult result2 =
		vkGetPhysicalDeviceImageFormatProperties2(t->physical, info, &properties2);
	VKT_EXPECT(result == result2);
	snprintf(label, sizeof(label), "format %d type %d tiling %d usage %x flags %x",
		 info->format, info->type, info->tiling, info->usage, info->flags);
	vkt_put_result(t, label, result);
	if (result == VK_SUCCESS) {
		VKT_EXPECT(memcmp(&properties, &properties2.imageFormatProperties,
				  sizeof(properties)) == 0);
		/* Without the largest allocation: memory is not the program's only. */
		properties.maxResourceSize = 0;
		vkt_put(t, label, &properties, sizeof(properties));
	}
}

static void image_formats(struct vkt *t)
{
	const VkFormat list[] = {
		VK_FORMAT_R8G8B8A8_UNORM,      VK_FORMAT_B8G8R8A8_SRGB,
		VK_FORMAT_R32G32B32A32_SFLOAT, VK_FORMAT_D32_SFLOAT_S8_UINT,
		VK_FORMAT_BC3_UNORM_BLOCK,     VK_FORMAT_R8G8B8_UNORM,
		VK_FORMAT_R64_SFLOAT,	       VK_FORMAT_G8_B8R8_2PLANE_420_UNORM
	};
	const VkImageUsageFlags usages[] = {
		VK_IMAGE_USAGE_SAMPLED_BIT,
		VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
		VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_SAMPLED_BIT,
		VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
	};
	const VkImageCreateFlags flags[] = { 0, VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT };

	for (size_t i = 0; i < VKT_COUNT(list) * 3 * 2 * VKT_COUNT(usages) * 2; i++) {
		const size_t a = i / 2, b = a / VKT_COUNT(usages), c = b / 2, d = c / 3;
		put_image_format(
			t, &(VkPhysicalDeviceImageFormatInfo2){
				   .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
				   .format = list[d],
				   .type = (VkImageType)(c % 3),
				   .tiling = (VkImageTiling)(b % 2),
				   .usage = usages[a % VKT_COUNT(usages)],
				   .flags = flags[i % 2],
			   });
	}
}

/* Output structures by name, so that a difference is easy to find. */
#define BODY(t, value) put_body((t), #value, &(value), sizeof(value))

static void features(struct vkt *t)
{
	/* vkt_open() asked for all of them and enabled what it got. */
	const struct vkt_features *have = t->features;

	BODY(t, have->core);
	BODY(t, have->v11);
	BODY(t, have->v12);
	BODY(t, have->v13);
	BODY(t, have->transform_feedback);
	BODY(t, have->dynamic_state);
	BODY(t, have->dynamic_state2);
	BODY(t, have->dynamic_state3);
	BODY(t, have->vertex_input);
	BODY(t, have->border_color);
	BODY(t, have->conditional_rendering);
	BODY(t, have->multi_draw);
	BODY(t, have->index_uint8);
	BODY(t, have->pipeline_library);
	BODY(t, have->lines);
	BODY(t, have->divisor);
	BODY(t, have->color_write);
	BODY(t, have->provoking_vertex);
	BODY(t, have->depth_clip);
	BODY(t, have->primitives_generated);
	BODY(t, have->list_restart);
	BODY(t, have->robustness);
	for (uint32_t i = 0; i < t->extension_count; i++) {
		vkt_put(t, "extension", t->extensions[i], strlen(t->extensions[i]));
	}
}

static void properties(struct vkt *t)
{
	VkPhysicalDeviceTransformFeedbackPropertiesEXT feedback = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_PROPERTIES_EXT,
	};
	VkPhysicalDeviceDepthStencilResolveProperties resolve = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_STENCIL_RESOLVE_PROPERTIES,
		.pNext = &feedback,
	};
	VkPhysicalDeviceSubgroupProperties subgroup = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
		.pNext = &resolve,
	};
	VkPhysicalDeviceFloatControlsProperties floats = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES,
		.pNext = &subgroup,
	};
	VkPhysicalDevicePushDescriptorPropertiesKHR push = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PUSH_DESCRIPTOR_PROPERTIES_KHR,
		.pNext = &floats,
	};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &push,
	};

	vkGetPhysicalDeviceProperties2(t->physical, &all);
	vkt_put(t, "name", all.properties.deviceName, strlen(all.properties.deviceName));
	vkt_put_u64(t, "type", all.properties.deviceType);
	vkt_put_u64(t, "vendor", all.properties.vendorID);
	vkt_put_u64(t, "device", all.properties.deviceID);
	/* A device may be newer than what is between it and the program. */
	vkt_put_u64(t, "version",
		    all.properties.apiVersion < VK_HEADER_VERSION_COMPLETE
			    ? all.properties.apiVersion
			    : VK_HEADER_VERSION_COMPLETE);
	vkt_put(t, "cache", all.properties.pipelineCacheUUID, VK_UUID_SIZE);
	vkt_put(t, "limits", &all.properties.limits, sizeof(all.properties.limits));
	BODY(t, feedback);
	BODY(t, resolve);
	BODY(t, subgroup);
	BODY(t, floats);
	BODY(t, push);
}

/* The core properties of Vulkan 1.1 to 1.3, without what tells drivers and devices apart. */
static void core_properties(struct vkt *t)
{
	VkPhysicalDeviceVulkan13Properties v13 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES,
	};
	VkPhysicalDeviceVulkan12Properties v12 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
		.pNext = &v13,
	};
	VkPhysicalDeviceVulkan11Properties v11 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
		.pNext = &v12,
	};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &v11,
	};

	vkGetPhysicalDeviceProperties2(t->physical, &all);
	v11.maxMemoryAllocationSize = 0;
	v13.maxBufferSize = 0;
	/* What lies behind the end of a string is not defined. */
	memset(v12.driverName + strlen(v12.driverName), 0,
	       sizeof(v12.driverName) - strlen(v12.driverName));
	memset(v12.driverInfo + strlen(v12.driverInfo), 0,
	       sizeof(v12.driverInfo) - strlen(v12.driverInfo));
	BODY(t, v11);
	BODY(t, v12);
	BODY(t, v13);
}

static void queue_families(struct vkt *t)
{
	VkQueueFamilyProperties list[8];
	uint32_t count = 0, granted = 1;

	vkGetPhysicalDeviceQueueFamilyProperties(t->physical, &count, NULL);
	vkt_put_u64(t, "families", count);
	VKT_EXPECT(count >= 1 && count <= VKT_COUNT(list));
	vkGetPhysicalDeviceQueueFamilyProperties(t->physical, &count, list);
	vkt_put(t, "families", list, count * sizeof(list[0]));
	vkGetPhysicalDeviceQueueFamilyProperties(t->physical, &granted, list);
	vkt_put_u64(t, "granted", granted);
}

/* The two-call idiom, with too little room. */
static void enumeration(struct vkt *t)
{
	VkExtensionProperties list[2];
	uint32_t count = 2, devices = 0;
	VkPhysicalDevice device;

	vkt_put_result(t, "two",
		       vkEnumerateDeviceExtensionProperties(t->physical, NULL, &count, list));
	vkt_put_u64(t, "given", count);
	count = 0;
	VKT_OK(vkEnumeratePhysicalDevices(t->instance, &devices, NULL));
	vkt_put_result(t, "none", vkEnumeratePhysicalDevices(t->instance, &count, &device));
	vkt_put_u64(t, "given", count);
	VKT_OK(vkEnumeratePhysicalDevices(t->instance, &devices, &device));
	VKT_EXPECT(device == t->physical);

	uint32_t groups = 1;
	VkPhysicalDeviceGroupProperties group = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES,
	};
	vkt_put_result(t, "groups", vkEnumeratePhysicalDeviceGroups(t->instance, &groups, &group));
	VKT_EXPECT(groups == 1 && group.physicalDeviceCount == 1);
	VKT_EXPECT(group.physicalDevices[0] == t->physical);
}

static void sparse_formats(struct vkt *t)
{
	VkSparseImageFormatProperties list[4];
	uint32_t count = 4;

	vkGetPhysicalDeviceSparseImageFormatProperties(
		t->physical, VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_TYPE_2D, VK_SAMPLE_COUNT_1_BIT,
		VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_TILING_OPTIMAL, &count, list);
	vkt_put_u64(t, "sparse formats", count);
}

const struct vkt_case property_cases[] = {
	{ "formats", formats, 0 },
	{ "image_formats", image_formats, 0 },
	{ "features", features, 0 },
	{ "properties", properties, 0 },
	{ "core_properties", core_properties, 0 },
	{ "queue_families", queue_families, 0 },
	{ "enumeration", enumeration, 0 },
	{ "sparse_formats", sparse_formats, VKT_PLAIN },
	{ NULL, NULL, 0 },
};
