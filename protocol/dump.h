/* SPDX-License-Identifier: MIT */
/* What the generated dump functions call. label is what comes before the value: "name=" or
 * ", name=". Handles are the guest's. */
#ifndef SL_PROTOCOL_DUMP_H
#define SL_PROTOCOL_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <vulkan/vulkan_core.h>

struct sl_bit_name {
	uint64_t bit;
	const char *name;
};

void sl_dump_uint(FILE *out, const char *label, uint64_t value);
void sl_dump_int(FILE *out, const char *label, int64_t value);
void sl_dump_float(FILE *out, const char *label, double value);
void sl_dump_bool(FILE *out, const char *label, VkBool32 value);
void sl_dump_handle(FILE *out, const char *label, uint64_t handle);
/* name: of the value, NULL if it has none. */
void sl_dump_enum(FILE *out, const char *label, const char *name, int64_t value);
void sl_dump_bits(FILE *out, const char *label, uint64_t bits, const struct sl_bit_name *names,
		  size_t count);
/* NULL is shown as such. */
void sl_dump_string(FILE *out, const char *label, const char *string);
/* A string in an array of size bytes, which may lack the NUL. */
void sl_dump_text(FILE *out, const char *label, const char *text, size_t size);
void sl_dump_bytes(FILE *out, const char *label, const void *data, size_t size);
void sl_dump_null(FILE *out, const char *label);

/* The opening bracket; returns how many of the count elements are to be shown. */
size_t sl_dump_begin_array(FILE *out, const char *label, size_t count);
void sl_dump_end_array(FILE *out, size_t count);

/* The structs of a chain that have a codec, if there are any: ", pNext=[...]". */
void sl_dump_chain(FILE *out, const void *next, const void *context);
/* Generated: the members of one struct of a chain, after the opening brace. */
void sl_chained_dump(FILE *out, const VkBaseInStructure *item, const void *context);

#endif
