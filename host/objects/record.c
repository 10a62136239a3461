/* SPDX-License-Identifier: MIT */
/* Creation records, shared by the objects of one message. */
#include "host/objects/record.h"

#include <stdlib.h>
#include <string.h>

struct sl_record *sl_record_create(uint16_t command_id, const uint8_t *payload, size_t payload_size,
				   uint32_t dependency_count)
{
	size_t dependencies_size = (size_t)dependency_count * sizeof(uint64_t);
	size_t size;

	if (__builtin_add_overflow(sizeof(struct sl_record) + dependencies_size, payload_size,
				   &size)) {
		return NULL;
	}
	struct sl_record *record = malloc(size);
	if (record == NULL) {
		return NULL;
	}
	uint64_t *dependencies = (uint64_t *)(record + 1);
	*record = (struct sl_record){
		.refs = 1,
		.command_id = command_id,
		.payload_size = payload_size,
		.dependency_count = dependency_count,
		.dependencies = dependencies,
		.payload = (uint8_t *)(dependencies + dependency_count),
	};
	if (payload_size > 0) {
		memcpy(record->payload, payload, payload_size);
	}
	return record;
}

struct sl_record *sl_record_ref(struct sl_record *record)
{
	record->refs++;
	return record;
}

void sl_record_unref(struct sl_record *record)
{
	if (record != NULL && --record->refs == 0) {
		free(record);
	}
}
