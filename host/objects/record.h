/* SPDX-License-Identifier: MIT */
/* A creation record: the message that created an object, and what it depends on. Enough to make
 * the object again on another renderer, GPU or machine. */
#ifndef SL_HOST_OBJECTS_RECORD_H
#define SL_HOST_OBJECTS_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct sl_record {
	uint32_t refs; /* objects that one message created share its record */
	uint16_t command_id;
	size_t payload_size; /* bytes */
	uint32_t dependency_count;
	uint64_t *dependencies; /* ids of the objects that the message names, each once */
	uint8_t *payload;	/* both lie behind the struct */
};

/* Copies payload; the caller fills in the dependencies. Has one reference.
 * Returns NULL if memory is short. */
struct sl_record *sl_record_create(uint16_t command_id, const uint8_t *payload, size_t payload_size,
				   uint32_t dependency_count);

struct sl_record *sl_record_ref(struct sl_record *record);
/* Accepts NULL. */
void sl_record_unref(struct sl_record *record);

#endif
