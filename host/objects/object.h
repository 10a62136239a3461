/* SPDX-License-Identifier: MIT */
/* A host object, found by its wire id. */
#ifndef SL_HOST_OBJECTS_OBJECT_H
#define SL_HOST_OBJECTS_OBJECT_H

#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_vk_device_table;
struct sl_vk_instance_table;

/* The message that created an object, and what it depends on: enough to make it again on another
 * renderer, GPU or machine. */
struct sl_record {
	uint16_t command_id;
	uint32_t payload_size;
	uint32_t dependency_count;
	uint64_t *dependencies; /* ids, behind the payload in the same allocation */
	uint8_t payload[];
};

struct sl_object {
	uint64_t id;
	uint64_t handle; /* the host driver's; 0: its creation failed, any use is an error */
	VkObjectType type;
	struct sl_object *owner;  /* pool, else device, else instance; NULL: the instance */
	struct sl_object *device; /* the VkDevice it belongs to; NULL: instance level */
	const struct sl_vk_device_table *vkd;	/* of device; NULL: instance level */
	const struct sl_vk_instance_table *vki; /* of the instance */
	void *data; /* replay's own, e.g. struct sl_replay_queue; freed by replay */
	struct sl_record *record;
};

#endif
