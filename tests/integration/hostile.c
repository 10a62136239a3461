/* SPDX-License-Identifier: MIT */
/* A guest that breaks the protocol. It connects as the guest driver does, makes the objects that
 * its lie needs, tells one lie, and prints how the host ended the context: "lost REASON TEXT". Or
 * it takes what it can get, for some seconds: "hostile flood SECONDS" keeps the ring full of
 * questions and reads no answer, "hostile contexts SECONDS" connects again and again. */
#include "hostile.h"

#include "guest-driver/link/guest_link_priv.h"
#include "protocol/clock.h"
#include "protocol/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID(index) ((uint64_t)1 << SL_ID_INDEX_BITS | (index))
#define ID(index) ((uint64_t)1 << SL_ID_INDEX_BITS | (index))

void hostile_fail(const char *what)
{
	fprintf(stderr, "hostile: %s\n", what);
	exit(1);
}

struct message hostile_new_message(uint16_t command_id, size_t size)
{
	/* With room to make it longer. */
	struct message message = { command_id, calloc(1, size + 4096), size };

	if (message.payload == NULL) {
		hostile_fail("no memory");
	}
	return message;
}

static struct iovec vector(struct message *message)
{
	return (struct iovec){ message->payload, message->size };
}

void hostile_send(struct hostile *h, struct message message)
{
	struct iovec payload = vector(&message);
	struct sl_wire_header header = {
		.size = (uint32_t)((sizeof(header) + message.size + 7) & ~7u),
		.command_id = message.command_id,
	};

	/* A lie before may have ended the context: then this is dropped. */
	(void)sl_guest_link_send(h->link, &header, &payload, 1);
	free(message.payload);
}

void hostile_call(struct hostile *h, struct message message)
{
	struct iovec payload = vector(&message);
	struct sl_guest_reply reply;
	struct sl_wire_header header = {
		.size = (uint32_t)((sizeof(header) + message.size + 7) & ~7u),
		.command_id = message.command_id,
	};

	if (sl_guest_link_call_start(h->link, &header, &payload, 1, 65536, &reply) < 0 ||
	    sl_guest_link_call_wait(h->link, &reply) < 0) {
		hostile_fail(h->link->sync->lost_text);
	}
	sl_guest_link_call_finish(h->link, &reply);
	free(message.payload);
}

/* Bytes that no link would send. */
static void send_raw(struct hostile *h, const struct sl_wire_header *header, const void *payload,
		     size_t size)
{
	struct sl_guest_link *link = h->link;
	size_t written;

	pthread_mutex_lock(&link->send_lock);
	if (sl_ring_write(&link->ring, header, sizeof(*header), &written) < 0 ||
	    sl_ring_write(&link->ring, payload, size, &written) < 0) {
		hostile_fail("the ring is broken already");
	}
	if (sl_ring_publish(&link->ring)) {
		link->ops->ring_doorbell(link->carrier);
	}
	pthread_mutex_unlock(&link->send_lock);
}

static struct sl_wire_header raw_header(struct hostile *h, uint16_t command_id, uint32_t size)
{
	return (struct sl_wire_header){ .size = size,
					.command_id = command_id,
					.seqno = h->link->seqno };
}

static void make_instance(struct hostile *h)
{
	const VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = VK_API_VERSION_1_3,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &app,
	};
	VkInstance instance = HANDLE(h, INSTANCE, VkInstance);
	VkPhysicalDevice physical = HANDLE(h, PHYSICAL, VkPhysicalDevice);
	uint32_t count = 1;

	hostile_call(h, MESSAGE(h, vkCreateInstance, .pCreateInfo = &info, .pInstance = &instance));
	hostile_call(h, MESSAGE(h, vkEnumeratePhysicalDevices, .instance = instance,
				.pPhysicalDeviceCount = &count, .pPhysicalDevices = &physical));
}

static struct message device_message(struct hostile *h, const void *next)
{
	static const float priority = 1.0f;
	static const char *const extensions[] = {
		VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME,
		VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME,
		VK_EXT_CONDITIONAL_RENDERING_EXTENSION_NAME,
		VK_EXT_VERTEX_INPUT_DYNAMIC_STATE_EXTENSION_NAME,
		VK_EXT_EXTENDED_DYNAMIC_STATE_2_EXTENSION_NAME,
		VK_EXT_EXTENDED_DYNAMIC_STATE_3_EXTENSION_NAME,
		VK_KHR_PIPELINE_LIBRARY_EXTENSION_NAME,
		VK_EXT_GRAPHICS_PIPELINE_LIBRARY_EXTENSION_NAME,
	};
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	const VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = next,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = COUNT(extensions),
		.ppEnabledExtensionNames = extensions,
	};
	VkDevice device = HANDLE(h, DEVICE, VkDevice);

	return MESSAGE(h, vkCreateDevice, .physicalDevice = HANDLE(h, PHYSICAL, VkPhysicalDevice),
		       .pCreateInfo = &info, .pDevice = &device);
}

static void make_device(struct hostile *h)
{
	VkQueue queue = HANDLE(h, QUEUE, VkQueue);

	make_instance(h);
	hostile_call(h, device_message(h, NULL));
	hostile_send(h, MESSAGE(h, slCreateQueue, .device = HANDLE(h, DEVICE, VkDevice),
				.pQueue = &queue));
}

static struct message buffer_message(struct hostile *h, enum object device, enum object buffer)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = 4096,
		.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer handle = HANDLE(h, buffer, VkBuffer);

	return MESSAGE(h, vkCreateBuffer, .device = HANDLE(h, device, VkDevice),
		       .pCreateInfo = &info, .pBuffer = &handle);
}

static struct message destroy_buffer_message(struct hostile *h, enum object device,
					     enum object buffer)
{
	return MESSAGE(h, vkDestroyBuffer, .device = HANDLE(h, device, VkDevice),
		       .buffer = HANDLE(h, buffer, VkBuffer));
}

void hostile_make_commands(struct hostile *h)
{
	const VkCommandPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
	};
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = HANDLE(h, POOL, VkCommandPool),
		.commandBufferCount = 1,
	};
	VkCommandPool pool = HANDLE(h, POOL, VkCommandPool);
	VkCommandBuffer cmd = HANDLE(h, CMD, VkCommandBuffer);
	VkDevice device = HANDLE(h, DEVICE, VkDevice);

	make_device(h);
	hostile_send(h, MESSAGE(h, vkCreateCommandPool, .device = device, .pCreateInfo = &pool_info,
				.pCommandPool = &pool));
	hostile_send(h, MESSAGE(h, vkAllocateCommandBuffers, .device = device,
				.pAllocateInfo = &info, .pCommandBuffers = &cmd));
}

void hostile_record_all(struct hostile *h, enum object commands, uint32_t count,
			const struct message *messages)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	uint8_t *stream = NULL;
	uint32_t end = 0;

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t size =
			(uint32_t)((sizeof(struct sl_wire_header) + messages[i].size + 7) & ~7u);
		const struct sl_wire_header header = {
			.size = size,
			.command_id = messages[i].command_id,
			.seqno = i,
		};

		stream = realloc(stream, end + size);
		if (stream == NULL) {
			hostile_fail("no memory");
		}
		memset(stream + end, 0, size);
		memcpy(stream + end, &header, sizeof(header));
		memcpy(stream + end + sizeof(header), messages[i].payload, messages[i].size);
		free(messages[i].payload);
		end += size;
	}
	hostile_send(h, MESSAGE(h, slRecordCommandBuffer,
				.commandBuffer = HANDLE(h, commands, VkCommandBuffer),
				.pBeginInfo = &begin, .streamSize = end, .pStream = stream));
	free(stream);
}

void hostile_record(struct hostile *h, enum object commands, struct message command)
{
	hostile_record_all(h, commands, 1, &command);
}

static void make_command_buffer(struct hostile *h)
{
	hostile_make_commands(h);
	hostile_send(h, buffer_message(h, DEVICE, BUFFER));
}

static struct message fill_message(struct hostile *h, enum object buffer)
{
	return MESSAGE(h, vkCmdFillBuffer, .dstBuffer = HANDLE(h, buffer, VkBuffer), .size = 64);
}

/* --- The lies. Each returns after it is told. --- */

static void lie_head_too_far(struct hostile *h)
{
	make_instance(h);
	atomic_store(&h->link->ring.shared->head,
		     atomic_load(&h->link->ring.shared->head) + 3 * h->link->ring_size);
	h->link->ops->ring_doorbell(h->link->carrier);
}

static void lie_head_backwards(struct hostile *h)
{
	make_instance(h);
	atomic_store(&h->link->ring.shared->head, atomic_load(&h->link->ring.shared->head) - 64);
	h->link->ops->ring_doorbell(h->link->carrier);
}

static void lie_size(struct hostile *h, uint32_t size)
{
	struct sl_wire_header header = raw_header(h, SL_COMMAND_vkCreateBuffer, size);

	send_raw(h, &header, (uint64_t[8]){ 0 }, 64);
}

static void lie_size_zero(struct hostile *h)
{
	lie_size(h, 0);
}

static void lie_size_small(struct hostile *h)
{
	lie_size(h, 8);
}

static void lie_size_odd(struct hostile *h)
{
	lie_size(h, 37);
}

static void lie_size_huge(struct hostile *h)
{
	lie_size(h, 0xfffffff8u);
}

static void lie_seqno(struct hostile *h)
{
	struct sl_wire_header header = raw_header(h, SL_COMMAND_vkCreateBuffer, 80);

	header.seqno += 5;
	send_raw(h, &header, (uint64_t[8]){ 0 }, 64);
}

static void lie_flags(struct hostile *h)
{
	struct sl_wire_header header = raw_header(h, SL_COMMAND_vkCreateBuffer, 80);

	header.flags = 0x80;
	send_raw(h, &header, (uint64_t[8]){ 0 }, 64);
}

static void lie_unknown_command(struct hostile *h)
{
	make_device(h);
	hostile_send(h, hostile_new_message(65535, 64));
}

static void lie_command_zero(struct hostile *h)
{
	make_device(h);
	hostile_send(h, hostile_new_message(0, 64));
}

static void lie_truncated(struct hostile *h)
{
	make_device(h);
	struct message message = buffer_message(h, DEVICE, BUFFER);
	message.size -= 16;
	hostile_send(h, message);
}

static void lie_oversized(struct hostile *h)
{
	make_device(h);
	struct message message = buffer_message(h, DEVICE, BUFFER);
	message.size += 64;
	hostile_send(h, message);
}

static void lie_dead_id(struct hostile *h)
{
	make_device(h);
	hostile_send(h, buffer_message(h, DEVICE, BUFFER));
	hostile_send(h, destroy_buffer_message(h, DEVICE, BUFFER));
	hostile_send(h, destroy_buffer_message(h, DEVICE, BUFFER));
}

static void lie_unknown_id(struct hostile *h)
{
	make_device(h);
	hostile_send(h, destroy_buffer_message(h, DEVICE, OTHER));
}

static void lie_wrong_type(struct hostile *h)
{
	make_device(h);
	hostile_send(h, destroy_buffer_message(h, DEVICE, QUEUE));
}

static void lie_wrong_parent(struct hostile *h)
{
	make_device(h);
	hostile_send(h, buffer_message(h, PHYSICAL, BUFFER));
}

static void lie_id_twice(struct hostile *h)
{
	make_device(h);
	hostile_send(h, buffer_message(h, DEVICE, BUFFER));
	hostile_send(h, buffer_message(h, DEVICE, BUFFER));
}

static void lie_id_zero(struct hostile *h)
{
	make_device(h);
	h->objects[BUFFER].id = 0;
	hostile_send(h, buffer_message(h, DEVICE, BUFFER));
}

static void lie_id_huge(struct hostile *h)
{
	make_device(h);
	h->objects[BUFFER].id = UINT64_MAX;
	hostile_send(h, buffer_message(h, DEVICE, BUFFER));
}

static void lie_record_outside(struct hostile *h)
{
	make_command_buffer(h);
	hostile_send(h, fill_message(h, BUFFER));
}

static void lie_other_inside(struct hostile *h)
{
	make_command_buffer(h);
	hostile_record(h, CMD, destroy_buffer_message(h, DEVICE, BUFFER));
}

static void lie_stream_id(struct hostile *h)
{
	make_command_buffer(h);
	hostile_record(h, CMD, fill_message(h, OTHER));
}

static void lie_stream_truncated(struct hostile *h)
{
	make_command_buffer(h);
	struct message message = fill_message(h, BUFFER);
	message.size -= 8;
	hostile_record(h, CMD, message);
}

/* The u32 of the payload that has a value, made into another. */
static void replace_word(struct message *message, uint32_t from, uint32_t to)
{
	for (size_t at = 0; at + 4 <= message->size; at += 4) {
		if (memcmp(message->payload + at, &from, 4) == 0) {
			memcpy(message->payload + at, &to, 4);
			return;
		}
	}
	hostile_fail("the word to replace is not there");
}

static void lie_count(struct hostile *h)
{
	VkBufferCopy regions[11] = { { 0, 0, 4 } };

	make_command_buffer(h);
	struct message message =
		MESSAGE(h, vkCmdCopyBuffer, .srcBuffer = HANDLE(h, BUFFER, VkBuffer),
			.dstBuffer = HANDLE(h, BUFFER, VkBuffer), .regionCount = COUNT(regions),
			.pRegions = regions);
	replace_word(&message, COUNT(regions), 0xffffffff);
	hostile_record(h, CMD, message);
}

static void lie_count_within_caps(struct hostile *h)
{
	VkBufferCopy regions[11] = { { 0, 0, 4 } };

	make_command_buffer(h);
	struct message message =
		MESSAGE(h, vkCmdCopyBuffer, .srcBuffer = HANDLE(h, BUFFER, VkBuffer),
			.dstBuffer = HANDLE(h, BUFFER, VkBuffer), .regionCount = COUNT(regions),
			.pRegions = regions);
	replace_word(&message, COUNT(regions), 1000000);
	hostile_record(h, CMD, message);
}

static void lie_chain(struct hostile *h)
{
	VkPhysicalDeviceVulkan12Features features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
	};

	make_instance(h);
	struct message message = device_message(h, &features);
	/* A structure that exists, but not there. */
	replace_word(&message, features.sType, VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
	hostile_send(h, message);
}

static void lie_chain_unknown(struct hostile *h)
{
	VkPhysicalDeviceVulkan12Features features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
	};

	make_instance(h);
	struct message message = device_message(h, &features);
	replace_word(&message, features.sType, 0x7ffffff0);
	hostile_send(h, message);
}

static void lie_enum(struct hostile *h)
{
	make_device(h);
	struct message message = buffer_message(h, DEVICE, BUFFER);
	replace_word(&message, VK_BUFFER_USAGE_TRANSFER_DST_BIT, 0x80000000u);
	hostile_send(h, message);
}

/* A reply is asked for at a place that is not the guest's to give. */
static void lie_reply_slot(struct hostile *h, struct sl_wire_reply_slot slot)
{
	VkPhysicalDeviceProperties properties = { 0 };
	uint8_t payload[256] = { 0 };

	make_instance(h);
	struct message message = MESSAGE(h, vkGetPhysicalDeviceProperties,
					 .physicalDevice = HANDLE(h, PHYSICAL, VkPhysicalDevice),
					 .pProperties = &properties);
	memcpy(payload, &slot, sizeof(slot));
	memcpy(payload + sizeof(slot), message.payload, message.size);
	const size_t size = (sizeof(slot) + message.size + 7) & ~(size_t)7;
	struct sl_wire_header header =
		raw_header(h, SL_COMMAND_vkGetPhysicalDeviceProperties, (uint32_t)(16 + size));
	header.flags = SL_WIRE_REPLY;
	free(message.payload);
	send_raw(h, &header, payload, size);
}

static void lie_reply_region(struct hostile *h)
{
	lie_reply_slot(h, (struct sl_wire_reply_slot){ 999, 0, 4096, 0 });
}

static void lie_reply_offset(struct hostile *h)
{
	lie_reply_slot(h, (struct sl_wire_reply_slot){ 1, SL_REPLY_AREA_SIZE - 64, 65536, 0 });
}

static void lie_reply_overflow(struct hostile *h)
{
	lie_reply_slot(h, (struct sl_wire_reply_slot){ 1, 0xffffffc0u, 0xffffffffu, 0 });
}

static struct message allocate_message(struct hostile *h, VkDeviceSize size, uint32_t region_id)
{
	const VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.allocationSize = size,
		/* On lavapipe the first host-visible type. */
		.memoryTypeIndex = 1,
	};
	VkDeviceMemory memory = HANDLE(h, MEMORY, VkDeviceMemory);

	return MESSAGE(h, slAllocateMemory, .device = HANDLE(h, DEVICE, VkDevice),
		       .pAllocateInfo = &info, .regionId = region_id, .pMemory = &memory);
}

static void lie_region_unknown(struct hostile *h)
{
	make_device(h);
	hostile_send(h, allocate_message(h, 4096, 777));
}

static void lie_region_small(struct hostile *h)
{
	struct sl_region region;

	make_device(h);
	if (sl_guest_link_create_region(h->link, 4096, &region) < 0) {
		hostile_fail("no region");
	}
	hostile_send(h, allocate_message(h, 1u << 20, region.id));
}

static void lie_before_instance(struct hostile *h)
{
	hostile_send(h, buffer_message(h, DEVICE, BUFFER));
}

static const struct lie lies[] = {
	{ "head-too-far", lie_head_too_far },
	{ "head-backwards", lie_head_backwards },
	{ "size-zero", lie_size_zero },
	{ "size-small", lie_size_small },
	{ "size-odd", lie_size_odd },
	{ "size-huge", lie_size_huge },
	{ "seqno", lie_seqno },
	{ "flags", lie_flags },
	{ "unknown-command", lie_unknown_command },
	{ "command-zero", lie_command_zero },
	{ "truncated", lie_truncated },
	{ "oversized", lie_oversized },
	{ "dead-id", lie_dead_id },
	{ "unknown-id", lie_unknown_id },
	{ "wrong-type", lie_wrong_type },
	{ "wrong-parent", lie_wrong_parent },
	{ "id-twice", lie_id_twice },
	{ "id-zero", lie_id_zero },
	{ "id-huge", lie_id_huge },
	{ "record-outside", lie_record_outside },
	{ "other-inside", lie_other_inside },
	{ "stream-id", lie_stream_id },
	{ "stream-truncated", lie_stream_truncated },
	{ "count", lie_count },
	{ "count-within-caps", lie_count_within_caps },
	{ "chain", lie_chain },
	{ "chain-unknown", lie_chain_unknown },
	{ "enum", lie_enum },
	{ "reply-region", lie_reply_region },
	{ "reply-offset", lie_reply_offset },
	{ "reply-overflow", lie_reply_overflow },
	{ "region-unknown", lie_region_unknown },
	{ "region-small", lie_region_small },
	{ "before-instance", lie_before_instance },
	{ NULL, NULL },
};

/* --- Those that only take too much. Each prints how often it did what it does. --- */

/* One question, without its sequence number. Returns its size. */
static size_t question(struct hostile *h, uint8_t *bytes, size_t capacity)
{
	VkPhysicalDeviceProperties properties = { 0 };
	const struct sl_wire_reply_slot slot = { SL_REGION_REPLY, SL_REPLY_AREA_SIZE / 2, 8192, 0 };
	struct message message = MESSAGE(h, vkGetPhysicalDeviceProperties,
					 .physicalDevice = HANDLE(h, PHYSICAL, VkPhysicalDevice),
					 .pProperties = &properties);
	struct sl_wire_header header = {
		.size = (uint32_t)((sizeof(header) + sizeof(slot) + message.size + 7) & ~7u),
		.command_id = SL_COMMAND_vkGetPhysicalDeviceProperties,
		.flags = SL_WIRE_REPLY,
	};

	if (header.size > capacity) {
		hostile_fail("a question is larger than expected");
	}
	memset(bytes, 0, header.size);
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), &slot, sizeof(slot));
	memcpy(bytes + sizeof(header) + sizeof(slot), message.payload, message.size);
	free(message.payload);
	return header.size;
}

static void open_link(struct hostile *h)
{
	char why[256];

	if (sl_guest_link_open(&h->link, why, sizeof(why)) < 0) {
		hostile_fail(why);
	}
	h->caps = sl_guest_link_get_caps(h->link);
	for (uint32_t k = 0; k < OBJECT_COUNT; k++) {
		h->objects[k].id = ID(k + 1);
	}
}

/* It ends in the middle of a message, with the ring full. */
static void flood(struct hostile *h, uint64_t end_ns)
{
	uint8_t bytes[256];
	struct sl_wire_header header;
	uint64_t count = 0;

	open_link(h);
	make_instance(h);
	const size_t size = question(h, bytes, sizeof(bytes));
	struct sl_ring *ring = &h->link->ring;
	size_t left = 0;

	memcpy(&header, bytes, sizeof(header));
	while (sl_clock_now_ns() < end_ns && !sl_guest_link_check_lost(h->link)) {
		size_t written = 0;

		if (left == 0) {
			header.seqno = h->link->seqno++;
			memcpy(bytes, &header, sizeof(header));
			left = size;
			count++;
		}
		if (sl_ring_write(ring, bytes + size - left, left, &written) < 0) {
			hostile_fail("the ring is broken");
		}
		left -= written;
		if (sl_ring_publish(ring)) {
			h->link->ops->ring_doorbell(h->link->carrier);
		}
	}
	if (sl_guest_link_check_lost(h->link)) {
		hostile_fail(h->link->sync->lost_text);
	}
	printf("%llu\n", (unsigned long long)count);
}

static void open_contexts(struct hostile *h, uint64_t end_ns)
{
	uint64_t count = 0;

	while (sl_clock_now_ns() < end_ns) {
		open_link(h);
		make_instance(h);
		sl_guest_link_close(h->link);
		count++;
	}
	printf("%llu\n", (unsigned long long)count);
}

static bool is_lost(void *data)
{
	struct hostile *h = data;

	return sl_guest_link_check_lost(h->link);
}

static const struct lie *const lists[] = { lies,
					   hostile_object_lies,
					   hostile_descriptor_lies,
					   hostile_shader_lies,
					   hostile_command_lies,
					   hostile_draw_lies };

static const struct lie *find_lie(const char *name)
{
	for (size_t i = 0; i < COUNT(lists); i++) {
		for (const struct lie *at = lists[i]; at->name != NULL; at++) {
			if (strcmp(name, at->name) == 0) {
				return at;
			}
		}
	}
	return NULL;
}

static int tell(const struct lie *lie)
{
	struct hostile h = { 0 };

	open_link(&h);
	lie->tell(&h);
	int r = sl_guest_link_wait(h.link, is_lost, &h, sl_clock_now_ns() + 10 * SL_NS_PER_S);
	if (r == -ETIMEDOUT) {
		hostile_fail("the context goes on");
	}
	printf("lost %u %.*s\n", atomic_load(&h.link->sync->lost), SL_SYNC_TEXT_SIZE - 1,
	       h.link->sync->lost_text);
	sl_guest_link_close(h.link);
	return 0;
}

static void list_lies(void)
{
	for (size_t i = 0; i < COUNT(lists); i++) {
		for (const struct lie *at = lists[i]; at->name != NULL; at++) {
			printf("%s\n", at->name);
		}
	}
}

int main(int argc, char **argv)
{
	const struct lie *lie = argc == 2 ? find_lie(argv[1]) : NULL;
	struct hostile h = { 0 };

	if (argc == 3 && strcmp(argv[1], "flood") == 0) {
		flood(&h, sl_clock_now_ns() + strtoull(argv[2], NULL, 10) * SL_NS_PER_S);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "contexts") == 0) {
		open_contexts(&h, sl_clock_now_ns() + strtoull(argv[2], NULL, 10) * SL_NS_PER_S);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		list_lies();
		return 0;
	}
	if (lie != NULL) {
		return tell(lie);
	}
	fprintf(stderr, "usage: hostile --list | LIE | flood SECONDS | contexts SECONDS\n");
	return 2;
}
