/* SPDX-License-Identifier: MIT */
/* What the generated dump functions call. */
#include "protocol/dump.h"

#include "protocol/handle.h"
#include "protocol/sl_types.h"

#include <inttypes.h>
#include <string.h>

#define MAX_ELEMENTS 16
#define MAX_BYTES    32

void sl_dump_uint(FILE *out, const char *label, uint64_t value)
{
	fprintf(out, "%s%" PRIu64, label, value);
}

void sl_dump_int(FILE *out, const char *label, int64_t value)
{
	fprintf(out, "%s%" PRId64, label, value);
}

void sl_dump_float(FILE *out, const char *label, double value)
{
	fprintf(out, "%s%g", label, value);
}

void sl_dump_bool(FILE *out, const char *label, VkBool32 value)
{
	fprintf(out, "%s%s", label, value ? "true" : "false");
}

void sl_dump_handle(FILE *out, const char *label, uint64_t handle)
{
	fprintf(out, "%s#%" PRIx64, label, sl_handle_id(handle));
}

void sl_dump_enum(FILE *out, const char *label, const char *name, int64_t value)
{
	if (name != NULL) {
		fprintf(out, "%s%s", label, name);
	} else {
		sl_dump_int(out, label, value);
	}
}

void sl_dump_bits(FILE *out, const char *label, uint64_t bits, const struct sl_bit_name *names,
		  size_t count)
{
	const char *separator = "";

	fputs(label, out);
	for (size_t i = 0; i < count; i++) {
		if ((bits & names[i].bit) != 0) {
			fprintf(out, "%s%s", separator, names[i].name);
			separator = "|";
			bits &= ~names[i].bit;
		}
	}
	if (bits != 0) {
		fprintf(out, "%s0x%" PRIx64, separator, bits);
	} else if (*separator == '\0') {
		fputs("0", out);
	}
}

void sl_dump_string(FILE *out, const char *label, const char *string)
{
	if (string == NULL) {
		sl_dump_null(out, label);
	} else {
		fprintf(out, "%s\"%s\"", label, string);
	}
}

void sl_dump_text(FILE *out, const char *label, const char *text, size_t size)
{
	fprintf(out, "%s\"%.*s\"", label, (int)strnlen(text, size), text);
}

void sl_dump_bytes(FILE *out, const char *label, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	if (data == NULL) {
		sl_dump_null(out, label);
		return;
	}
	fprintf(out, "%s<%zu:", label, size);
	for (size_t i = 0; i < size && i < MAX_BYTES; i++) {
		fprintf(out, "%s%02x", i % 4 == 0 ? " " : "", bytes[i]);
	}
	fputs(size > MAX_BYTES ? " ...>" : ">", out);
}

void sl_dump_null(FILE *out, const char *label)
{
	fprintf(out, "%sNULL", label);
}

size_t sl_dump_begin_array(FILE *out, const char *label, size_t count)
{
	fprintf(out, "%s[", label);
	return count < MAX_ELEMENTS ? count : MAX_ELEMENTS;
}

void sl_dump_end_array(FILE *out, size_t count)
{
	if (count > MAX_ELEMENTS) {
		fprintf(out, ", ... %zu more", count - MAX_ELEMENTS);
	}
	fputs("]", out);
}

void sl_dump_chain(FILE *out, const void *next, const void *context)
{
	const VkBaseInStructure *item = next;
	const char *label = ", pNext=[";

	for (; item != NULL; item = item->pNext) {
		int index = sl_stype_index(item->sType);

		if (index < 0) {
			fprintf(out, "%s<sType %d>", label, (int)item->sType);
		} else {
			fprintf(out, "%s%s{", label, sl_stype_name((uint32_t)index));
			sl_chained_dump(out, item, context);
			fputs("}", out);
		}
		label = ", ";
	}
	if (next != NULL) {
		fputs("]", out);
	}
}
