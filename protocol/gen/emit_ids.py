# SPDX-License-Identifier: MIT
"""sl_ids.[ch]: the wire ids of commands."""

from layout import join
from registry import GenError
from tables import wire_commands
from writer import guard, write_file


def emit(model, out):
    for command in model.commands.values():
        if command.name not in model.wire:
            raise GenError(command.place, f"{command.name} is not in commands.txt")
    commands = wire_commands(model)
    emit_header(model, out, commands)
    emit_source(model, out, commands)


def emit_header(model, out, commands):
    ids = "".join(f"\tSL_COMMAND_{w.name} = {w.id},\n" for w in commands)
    body = f"""#ifndef {guard("sl_ids.h")}
#define {guard("sl_ids.h")}

#include "protocol/caps.h"

#include <stdbool.h>
#include <stdint.h>

/* Ids are never changed or given again; gaps are commands of other versions. */
enum sl_command {{
{ids}}};

/* One past the highest id. */
#define SL_COMMAND_COUNT {commands[-1].id + 1}

struct sl_command_info {{
	const char *name; /* NULL: this build has no such command */
	bool is_recorded; /* belongs into the stream of a command buffer, and nowhere else */
	bool is_optional; /* cannot change a result: left out where the other end lacks it */
}};

/* NULL for an id that this build does not have. */
const struct sl_command_info *sl_command_get_info(uint16_t command_id);

/* "unknown command" for an id that this build does not have. */
const char *sl_command_name(uint16_t command_id);

/* Set the bits of the commands that this build has. */
void sl_command_fill_caps(struct sl_caps *caps);

#endif
"""
    write_file(model, out, "sl_ids.h", "The wire ids of commands.", body)


def emit_source(model, out, commands):
    rows = "".join(
        join(f"\t[SL_COMMAND_{w.name}] = {{ ",
             [f'"{w.name}"', "true" if w.guest == "record" else "false",
              "true" if w.keys.get("missing") == "ignore" else "false"], " },\n")
        for w in commands)
    body = f"""#include "protocol/sl_ids.h"

#include <stddef.h>

static const struct sl_command_info infos[SL_COMMAND_COUNT] = {{
{rows}}};
static_assert(SL_COMMAND_COUNT <= SL_CAPS_COMMAND_WORDS * 32, "sl_caps has a bit for every command");

const struct sl_command_info *sl_command_get_info(uint16_t command_id)
{{
	if (command_id >= SL_COMMAND_COUNT || infos[command_id].name == NULL) {{
		return NULL;
	}}
	return &infos[command_id];
}}

const char *sl_command_name(uint16_t command_id)
{{
	const struct sl_command_info *info = sl_command_get_info(command_id);

	return info != NULL ? info->name : "unknown command";
}}

void sl_command_fill_caps(struct sl_caps *caps)
{{
	for (uint32_t id = 0; id < SL_COMMAND_COUNT; id++) {{
		if (infos[id].name != NULL) {{
			caps->commands[id / 32] |= 1u << (id % 32);
		}}
	}}
}}
"""
    body = body.replace("#include <stddef.h>", "#include <assert.h>\n#include <stddef.h>")
    write_file(model, out, "sl_ids.c", "The wire ids of commands.", body)
