/* SPDX-License-Identifier: MIT */
/* Programs ask for many formats one by one: the first question fetches the answers to all, with
 * many calls on their way at once. */
#include "guest-driver/vk/format.h"

#include <stdlib.h>

#include "guest-driver/vk/message.h"
#include "guest-driver/vk/physical_device.h"
#include "protocol/sl_entries.h"
#include "protocol/sl_enums.h"

/* Formats come in runs of consecutive values, core first, then per extension. What is missing
 * here is asked for one by one. */
static const struct {
	uint32_t first;
	uint32_t count;
} format_runs[] = {
	{ VK_FORMAT_UNDEFINED, VK_FORMAT_ASTC_12x12_SRGB_BLOCK + 1 },
	{ VK_FORMAT_PVRTC1_2BPP_UNORM_BLOCK_IMG, 8 },
	{ VK_FORMAT_ASTC_4x4_SFLOAT_BLOCK, 14 },
	{ VK_FORMAT_G8B8G8R8_422_UNORM, 34 },
	{ VK_FORMAT_G8_B8R8_2PLANE_444_UNORM, 4 },
	{ VK_FORMAT_A4R4G4B4_UNORM_PACK16, 2 },
};

#define RUN_COUNT    (sizeof(format_runs) / sizeof(format_runs[0]))
#define FORMAT_COUNT (VK_FORMAT_ASTC_12x12_SRGB_BLOCK + 1 + 8 + 14 + 34 + 4 + 2)
/* Calls on their way at once: their replies must fit into a part of the reply area. */
#define CALLS_AT_ONCE 32

struct sl_format_table {
	struct {
		VkFormatProperties properties;
		VkFormatProperties3 properties3;
	} formats[FORMAT_COUNT];
};

/* One question on its way. */
struct format_call {
	struct sl_call call;
	bool is_started;
	VkFormatProperties3 properties3;
	VkFormatProperties2 properties2;
	struct sl_vkGetPhysicalDeviceFormatProperties2 args;
};

void sl_format_table_destroy(struct sl_format_table *table)
{
	free(table);
}

/* -1: not in the table. */
static int format_index(VkFormat format)
{
	uint32_t first_index = 0;

	for (uint32_t i = 0; i < RUN_COUNT; i++) {
		uint32_t offset = (uint32_t)format - format_runs[i].first;
		if (offset < format_runs[i].count) {
			return (int)(first_index + offset);
		}
		first_index += format_runs[i].count;
	}
	return -1;
}

static VkFormat format_at(uint32_t index)
{
	uint32_t run = 0;

	while (index >= format_runs[run].count) {
		index -= format_runs[run].count;
		run++;
	}
	return (VkFormat)(format_runs[run].first + index);
}

static int start_call(struct format_call *at, struct sl_physical_device *device, VkFormat format)
{
	at->properties3 = (VkFormatProperties3){
		.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3,
	};
	at->properties2 = (VkFormatProperties2){
		.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
		.pNext = &at->properties3,
	};
	at->args = (struct sl_vkGetPhysicalDeviceFormatProperties2){
		.physicalDevice = (VkPhysicalDevice)device,
		.format = format,
		.pFormatProperties = &at->properties2,
	};
	if (!SL_MESSAGE_ENCODE(&at->call, &device->base, vkGetPhysicalDeviceFormatProperties2,
			       &at->args)) {
		return -ENOMEM;
	}
	int r = sl_call_start(&at->call, sl_reply_size_vkGetPhysicalDeviceFormatProperties2(
						 sl_call_caps(&device->base), &at->args));
	at->is_started = r == 0;
	if (r < 0) {
		sl_call_finish(&at->call);
	}
	return r;
}

static int receive_call(struct format_call *at)
{
	struct sl_reader reply;
	int r = sl_call_receive(&at->call, &reply);

	if (r == 0) {
		sl_reply_decode_vkGetPhysicalDeviceFormatProperties2(&reply, &at->args);
		r = sl_reader_failed(&reply) ? -EPIPE : 0;
	}
	SL_MESSAGE_TRACE(SL_GUEST_OBJECT(at->args.physicalDevice),
			 vkGetPhysicalDeviceFormatProperties2, &at->args);
	sl_call_finish(&at->call);
	return r;
}

/* Ask for count formats from index first on; all that was started is received. */
static int load_formats(struct sl_format_table *table, struct sl_physical_device *device,
			struct format_call *calls, uint32_t first, uint32_t count)
{
	uint32_t started = 0;
	int result = 0;

	for (; started < count && result == 0; started++) {
		result = start_call(&calls[started], device, format_at(first + started));
	}
	for (uint32_t i = 0; i < started; i++) {
		if (!calls[i].is_started) {
			continue;
		}
		int r = receive_call(&calls[i]);
		if (r < 0) {
			result = r;
			continue;
		}
		table->formats[first + i].properties = calls[i].properties2.formatProperties;
		table->formats[first + i].properties3 = calls[i].properties3;
	}
	return result;
}

static struct sl_format_table *create_table(struct sl_physical_device *device)
{
	struct sl_format_table *table = calloc(1, sizeof(*table));
	struct format_call *calls = calloc(CALLS_AT_ONCE, sizeof(*calls));
	int r = table != NULL && calls != NULL ? 0 : -ENOMEM;

	for (uint32_t first = 0; r == 0 && first < FORMAT_COUNT; first += CALLS_AT_ONCE) {
		uint32_t count = FORMAT_COUNT - first;
		r = load_formats(table, device, calls, first,
				 count < CALLS_AT_ONCE ? count : CALLS_AT_ONCE);
	}
	free(calls);
	if (r < 0) {
		sl_format_table_destroy(table);
		return NULL;
	}
	return table;
}

static const struct sl_format_table *get_table(struct sl_physical_device *device)
{
	pthread_mutex_lock(&device->lock);
	if (device->formats == NULL) {
		device->formats = create_table(device);
	}
	const struct sl_format_table *table = device->formats;
	pthread_mutex_unlock(&device->lock);
	return table;
}

/* For formats and chains that the table does not know. */
static void ask_one(VkPhysicalDevice device, VkFormat format, VkFormatProperties2 *properties)
{
	struct sl_vkGetPhysicalDeviceFormatProperties2 args = {
		.physicalDevice = device,
		.format = format,
		.pFormatProperties = properties,
	};

	if (SL_MESSAGE_ASK_CACHED(SL_GUEST_OBJECT(device), vkGetPhysicalDeviceFormatProperties2,
				  &args) < 0) {
		properties->formatProperties = (VkFormatProperties){ 0 };
	}
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceFormatProperties2(
	VkPhysicalDevice physicalDevice, VkFormat format, VkFormatProperties2 *pFormatProperties)
{
	VkBaseOutStructure *next = pFormatProperties->pNext;
	bool has_properties3 = next != NULL && next->sType == VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3;
	int index = format_index(format);

	if (!sl_knows_VkFormat(format)) {
		/* The application is newer than this driver. */
		pFormatProperties->formatProperties = (VkFormatProperties){ 0 };
		return;
	}
	if (index < 0 || (next != NULL && (!has_properties3 || next->pNext != NULL))) {
		ask_one(physicalDevice, format, pFormatProperties);
		return;
	}
	const struct sl_format_table *table =
		get_table((struct sl_physical_device *)physicalDevice);
	if (table == NULL) {
		ask_one(physicalDevice, format, pFormatProperties);
		return;
	}
	pFormatProperties->formatProperties = table->formats[index].properties;
	if (has_properties3) {
		VkFormatProperties3 *out = (VkFormatProperties3 *)next;
		const VkFormatProperties3 *known = &table->formats[index].properties3;
		out->linearTilingFeatures = known->linearTilingFeatures;
		out->optimalTilingFeatures = known->optimalTilingFeatures;
		out->bufferFeatures = known->bufferFeatures;
	}
}

VKAPI_ATTR void VKAPI_CALL sl_vkGetPhysicalDeviceFormatProperties(
	VkPhysicalDevice physicalDevice, VkFormat format, VkFormatProperties *pFormatProperties)
{
	VkFormatProperties2 properties = { .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2 };

	sl_vkGetPhysicalDeviceFormatProperties2(physicalDevice, format, &properties);
	*pFormatProperties = properties.formatProperties;
}
