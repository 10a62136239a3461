/* SPDX-License-Identifier: MIT */
/* A host object, found by its wire id. */
#ifndef SL_HOST_OBJECTS_OBJECT_H
#define SL_HOST_OBJECTS_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_record;
struct sl_vk_device_table;
struct sl_vk_instance_table;

struct sl_object {
	uint64_t id;
	uint64_t handle; /* the host driver's; 0: its creation failed, any use is an error */
	VkObjectType type;
	bool is_incomplete;	  /* a buffer or image without memory: recordings may not name it */
	uint64_t mark;		  /* the decoder's: the message that named the object last */
	struct sl_object *owner;  /* pool, else device, else instance; NULL: the instance */
	struct sl_object *device; /* its VkDevice, itself for a VkDevice; NULL: instance level */
	const struct sl_vk_device_table *vkd;	/* of device; NULL: instance level */
	const struct sl_vk_instance_table *vki; /* of the instance */
	void *data;		  /* replay's own, e.g. struct sl_replay_queue; freed by replay */
	void *check;		  /* the checks' own (host/check), freed by them; NULL: none */
	struct sl_record *record; /* the message that created it; NULL: not kept */
	/* The table's own: what this object owns, newest first. */
	struct sl_object *first_owned;
	struct sl_object *next_owned; /* of the same owner */
	struct sl_object *prev_owned;
};

struct sl_object_list {
	struct sl_object **items;
	uint32_t count;
	uint32_t capacity;
};

#endif
