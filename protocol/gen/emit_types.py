# SPDX-License-Identifier: MIT
"""sl_types.[ch]: the structs that chains may hold, and the extensions."""

from registry import GenError
from tables import (block_is_carried, carried_extensions, carried_structs, core_minor, is_core,
                    is_hidden)
from writer import guard, write_file

STYPE_BASE = 1000000000


def emit(model, out):
    structs = carried_structs(model)
    extensions = carried_extensions(model)
    for extension in extensions:
        check_extension(model, extension)
    emit_header(model, out, structs, extensions)
    emit_source(model, out, structs, extensions)


def check_extension(model, extension):
    for name in extension.requires:
        if is_hidden(model, name):
            raise GenError(extension.place,
                           f"{extension.name} requires {name}, which extensions.txt hides")
    for name in carried_names(model, extension):
        wire = model.wire[name]
        # A command may be left out alone, with a reason of its own; the extension stays.
        if wire.guest == "none" and wire.keys.get("reason") in (None, "extension"):
            raise GenError(wire.place, f"{name} is not supported but {extension.name} is offered")


def carried_names(model, extension):
    """Canonical names of the commands that an extension needs."""
    return list(dict.fromkeys(
        model.command_name(name) for block in extension.blocks
        if block_is_carried(model, block) for name in block.commands))


def emit_header(model, out, structs, extensions):
    body = f"""#ifndef {guard("sl_types.h")}
#define {guard("sl_types.h")}

#include "protocol/caps.h"

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

#define SL_STYPE_COUNT	   {len(structs)}
#define SL_EXTENSION_COUNT {len(extensions)}
#define SL_EXTENSION_WORDS {(len(extensions) + 31) // 32}

/* The structs with an sType that have a codec, sorted. */
extern const VkStructureType sl_stype_list[SL_STYPE_COUNT];

/* Index into sl_stype_list[], -1 for a struct that has no codec. */
int sl_stype_index(VkStructureType stype);

/* By index: the struct's name and its size in bytes. */
const char *sl_stype_name(uint32_t index);
uint32_t sl_stype_size(uint32_t index);

/* Set the bits of all structs that have a codec. */
void sl_stype_fill_caps(struct sl_caps *caps);

struct sl_extension {{
	const char *name;
	uint32_t spec_version;
	bool is_device;		/* else of the instance */
	bool is_guest;		/* the guest driver has it, whatever the host has */
	uint8_t promoted_minor; /* the core version 1.x that includes it; 0: none */
	uint16_t command_count;
	uint16_t struct_count;
	const uint16_t *commands; /* wire ids of its commands, but those that never travel */
	const uint16_t *structs;  /* its structs, as indexes into sl_stype_list[] */
}};

/* All that may be offered to a guest, sorted by name. */
extern const struct sl_extension sl_extension_list[SL_EXTENSION_COUNT];

/* Index into sl_extension_list[]; -1 for an unknown or hidden extension. */
int sl_extension_index(const char *name);

/* True if both ends have every command and every struct of the extension. */
bool sl_extension_is_carried(uint32_t index, const struct sl_caps *caps);

struct sl_extension_set {{
	uint32_t words[SL_EXTENSION_WORDS]; /* bit: index into sl_extension_list[] */
}};

static inline void sl_extension_set_add(struct sl_extension_set *set, uint32_t index)
{{
	set->words[index / 32] |= 1u << (index % 32);
}}

static inline bool sl_extension_set_has(const struct sl_extension_set *set, uint32_t index)
{{
	return (set->words[index / 32] >> (index % 32) & 1) != 0;
}}

#endif
"""
    write_file(model, out, "sl_types.h", "The structs of pNext chains, and the extensions.", body)


def stype_blocks(model, structs):
    """The sTypes of core, then of each extension number: [(slots)] with index + 1 or 0."""
    blocks = {}
    for index, struct in enumerate(structs):
        value = model.enum_value(struct.stype)
        number, offset = (0, value) if value < STYPE_BASE else \
            ((value - STYPE_BASE) // 1000 + 1, value % 1000)
        slots = blocks.setdefault(number, [])
        slots.extend([0] * (offset + 1 - len(slots)))
        slots[offset] = index + 1
    return [blocks.get(number, []) for number in range(max(blocks) + 1)]


def number_rows(numbers):
    """Lines of a flat table of numbers, 16 in each."""
    return "".join("\t" + ", ".join(str(n) for n in numbers[i:i + 16]) + ",\n"
                   for i in range(0, len(numbers), 16))


def extension_lists(model, structs, extensions):
    """The two flat tables which the extensions point into, and each extension's parts."""
    index_of = {struct.name: i for i, struct in enumerate(structs)}
    commands, types, parts = [], [], []
    for extension in extensions:
        ids = [model.wire[n].id for n in carried_names(model, extension) if model.wire[n].id]
        indexes = list(dict.fromkeys(
            index_of[model.type_name(n)] for block in extension.blocks
            if block_is_carried(model, block) for n in block.types
            if model.type_name(n) in index_of))
        parts.append((len(commands), len(ids), len(types), len(indexes)))
        commands += ids
        types += indexes
    return commands, types, parts


def promoted_minor(model, extension):
    """The core version that an extension, or what it was promoted to, became a part of."""
    name = extension.promoted_to
    while name in model.extensions:
        name = model.extensions[name].promoted_to
    return core_minor(name) if name and is_core(name) else 0


def emit_source(model, out, structs, extensions):
    blocks = stype_blocks(model, structs)
    firsts, slots = [], []
    for block in blocks:
        firsts.append(len(slots))
        slots += block
    firsts.append(len(slots))
    commands, types, parts = extension_lists(model, structs, extensions)
    extension_rows = "".join(
        f'\t{{ "{e.name}", {e.spec_version}, {bool_text(e.kind == "device")}, '
        f'{bool_text(e.name in model.policies)}, {promoted_minor(model, e)}, {p[1]}, {p[3]}, '
        f'&commands[{p[0]}], &structs[{p[2]}] }},\n'
        for e, p in zip(extensions, parts))
    body = f"""#include "protocol/sl_types.h"

#include <assert.h>
#include <string.h>

const VkStructureType sl_stype_list[SL_STYPE_COUNT] = {{
{"".join(f"	{s.stype},{chr(10)}" for s in structs)}}};
static_assert(SL_STYPE_COUNT <= SL_CAPS_STRUCT_WORDS * 32, "sl_caps has a bit for every struct");

static const struct {{
	const char *name;
	uint32_t size;
}} stype_infos[SL_STYPE_COUNT] = {{
{"".join(f'	{{ "{s.name}", sizeof({s.name}) }},{chr(10)}' for s in structs)}}};

/* sTypes are 0 to 999 in Vulkan 1.0, then 1000000000 + (number - 1) * 1000 + offset for the
 * extension of that number. This is where each of these blocks begins in stype_slots[]. */
static const uint16_t stype_blocks[] = {{
{number_rows(firsts)}}};

/* Index into sl_stype_list[], plus 1; 0: no struct. */
static const uint16_t stype_slots[] = {{
{number_rows(slots)}}};

static const uint16_t commands[] = {{
{number_rows(commands + [0])}}};

static const uint16_t structs[] = {{
{number_rows(types + [0])}}};

const struct sl_extension sl_extension_list[SL_EXTENSION_COUNT] = {{
{extension_rows}}};

int sl_stype_index(VkStructureType stype)
{{
	uint32_t value = (uint32_t)stype;
	uint32_t block = 0;

	if (value >= {STYPE_BASE}) {{
		block = (value - {STYPE_BASE}) / 1000 + 1;
		value %= 1000;
	}}
	if (block >= {len(blocks)} || value >= (uint32_t)(stype_blocks[block + 1] - stype_blocks[block])) {{
		return -1;
	}}
	return (int)stype_slots[stype_blocks[block] + value] - 1;
}}

const char *sl_stype_name(uint32_t index)
{{
	return stype_infos[index].name;
}}

uint32_t sl_stype_size(uint32_t index)
{{
	return stype_infos[index].size;
}}

void sl_stype_fill_caps(struct sl_caps *caps)
{{
	for (uint32_t index = 0; index < SL_STYPE_COUNT; index++) {{
		caps->structs[index / 32] |= 1u << (index % 32);
	}}
}}

int sl_extension_index(const char *name)
{{
	uint32_t first = 0;
	uint32_t end = SL_EXTENSION_COUNT;

	while (first < end) {{
		uint32_t middle = (first + end) / 2;
		int order = strcmp(name, sl_extension_list[middle].name);

		if (order == 0) {{
			return (int)middle;
		}}
		if (order < 0) {{
			end = middle;
		}} else {{
			first = middle + 1;
		}}
	}}
	return -1;
}}

bool sl_extension_is_carried(uint32_t index, const struct sl_caps *caps)
{{
	const struct sl_extension *extension = &sl_extension_list[index];

	for (uint32_t i = 0; i < extension->command_count; i++) {{
		if (!sl_caps_has_command(caps, extension->commands[i])) {{
			return false;
		}}
	}}
	for (uint32_t i = 0; i < extension->struct_count; i++) {{
		if (!sl_caps_has_struct(caps, extension->structs[i])) {{
			return false;
		}}
	}}
	return true;
}}
"""
    write_file(model, out, "sl_types.c", "The structs of pNext chains, and the extensions.", body)


def bool_text(value):
    return "true" if value else "false"
