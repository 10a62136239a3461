/* SPDX-License-Identifier: MIT */
/* The objects that one message names and makes, found while it is decoded. */
#ifndef SL_HOST_DECODE_SCOPE_H
#define SL_HOST_DECODE_SCOPE_H

#include "host/objects/object.h"
#include "protocol/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_objects;
struct sl_record;

/* Stands for an object that could not be made, in a message that destroys it. */
#define SL_SCOPE_FAILED UINT64_MAX

struct sl_scope {
	struct sl_resolver resolver;
	struct sl_objects *objects;
	uint64_t mark;		  /* of the present message; another for each, in both scopes */
	struct sl_object *self;	  /* the first object the message names, NULL: none */
	bool keeps_used;	  /* fill in used */
	bool is_stream;		  /* of recorded commands */
	struct sl_object *device; /* whose objects may be named; NULL: not known yet */
	bool has_failed;	  /* SL_SCOPE_FAILED was given */
	VkObjectType failed_type; /* objects of this type may have failed; UNKNOWN: none may */
	int error;		  /* 0, -ENOMEM, or -EBADMSG with why */
	const char *why;
	struct sl_object_list used;  /* each object once */
	struct sl_object_list named; /* of the present command, in the order of its bytes */
	struct sl_object_list created;
};

void sl_scope_init(struct sl_scope *scope, struct sl_objects *objects);
void sl_scope_finish(struct sl_scope *scope);

/* Start the next message. */
void sl_scope_reset(struct sl_scope *scope);

/* The created objects belong to the first object of owner_type that the message names, or to
 * nobody. owner_type: VK_OBJECT_TYPE_UNKNOWN for nobody. Returns false if none is named. */
bool sl_scope_adopt(struct sl_scope *scope, VkObjectType owner_type);

/* Give the created objects the host's handles, of which there are as many; those without one
 * failed. They share one record of the message. removes_failed: the guest is told, and will not
 * use their ids. Returns 0 or -ENOMEM. */
int sl_scope_settle(struct sl_scope *scope, const uint64_t *handles, bool removes_failed,
		    uint16_t command_id, const uint8_t *payload, size_t payload_size);

/* All named objects of that type leave the table, with what they own. */
void sl_scope_remove(struct sl_scope *scope, VkObjectType type);
/* What the named objects of that type own leaves the table. */
void sl_scope_remove_owned(struct sl_scope *scope, VkObjectType type);

#endif
