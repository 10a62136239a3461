# SPDX-License-Identifier: MIT
"""sl_entries_*.c: the guest driver's entry points that need no hand, and sl_entries.[ch]: the
table of all entry points by name. Those whose prototypes need the headers of a window system are
declared in sl_entries_platform.h."""

from layout import assign, join
from plan import make_plan
from registry import GenError
from tables import (FAMILIES, block_needs, carried_extensions, core_minor, created_param,
                    destroyed_param, family, first_handle, has_platform_type, is_core)
from writer import guard, write_file

WHAT = "Entry points of the guest driver that only pass a command on."


def emit(model, out):
    plans = {plan.name: plan for plan in make_plan(model).commands}
    entries = [(model.commands[w.name], w) for w in model.wire.values()
               if w.guest != "none" and not model.commands[w.name].own]
    for name in FAMILIES:
        bodies = [body(model, command, wire, plans) for command, wire in entries
                  if family(model, command) == name]
        write_file(model, out, f"sl_entries_{name}.c", WHAT, includes(name) + "".join(bodies))
    write_file(model, out, "sl_entries.h", "The entry points of the guest driver.",
               header(model, entries))
    write_file(model, out, "sl_entries_platform.h",
               "The entry points of the guest driver that take a window system's types.",
               platform_header(model, entries))
    write_file(model, out, "sl_entries.c", "The entry points of the guest driver, by name.",
               table(model, entries))


def includes(name):
    call = "command_buffer" if name == "command_buffer" else "call"
    return f"""#include "protocol/sl_entries.h"

#include "guest-driver/vk/call.h"
{"" if call == "call" else f'#include "guest-driver/vk/{call}.h"' + chr(10)}#include "protocol/sl_codec.h"
#include "protocol/sl_ids.h"

#include <stddef.h>
"""


def prototype(command, end=""):
    return join(f"VKAPI_ATTR {command.return_type} VKAPI_CALL sl_{command.name}(",
                [p.decl for p in command.params], ")" + end)


def listed(command, *wanted):
    """The first of these errors that the registry lists for a command. Every command may return
    VK_ERROR_UNKNOWN."""
    return next((code for code in wanted if code in command.errorcodes), "VK_ERROR_UNKNOWN")


def lost_code(command):
    """What a command that needs an answer returns on a lost context."""
    return listed(command, "VK_ERROR_DEVICE_LOST", "VK_ERROR_INITIALIZATION_FAILED",
                  "VK_ERROR_OUT_OF_DEVICE_MEMORY", "VK_ERROR_OUT_OF_HOST_MEMORY")


def no_memory_code(command):
    return listed(command, "VK_ERROR_OUT_OF_HOST_MEMORY", "VK_ERROR_OUT_OF_DEVICE_MEMORY")


# Bodies

def body(model, command, wire, plans):
    makers = {"send": send, "call": call, "query": call, "create": create, "destroy": destroy,
              "record": record, "refuse": refuse}
    maker = makers.get(wire.guest)
    if maker is None or wire.keys.get("entry") == "hand":
        return ""
    return f"\n{prototype(command)}\n{{\n{maker(model, command, wire, plans.get(wire.name))}}}\n"


def args(plan, replaced=None, const=True):
    """The declaration of args; replaced: a parameter that args gets another value for."""
    rows = "".join(f"\t\t.{f.name} = {(replaced or {}).get(f.name, f.name)},\n"
                   for f in plan.fields)
    return (f"\t{'const ' if const else ''}struct sl_{plan.name} args = {{\n{rows}\t}};\n")


def size(plan, caps):
    if plan.fixed_size is not None:
        return f"SL_SIZE_{plan.name}"
    return f"sl_size_{plan.name}({caps}, &args)"


def trace(who):
    return f"\tFILE *trace = sl_call_trace({who});\n\n"


def dump(name):
    return f"\tif (trace != NULL) {{\n\t\tsl_dump_{name}(trace, &args);\n\t}}\n"


def begin(plan):
    """The condition that a call could not begin."""
    return join("\tif (!sl_call_begin(",
                ["&call", "self", f"SL_COMMAND_{plan.name}", size(plan, "sl_call_caps(self)")],
                ")) {\n")


def self_object(command):
    return f"\tstruct sl_guest_object *self = SL_GUEST_OBJECT({command.params[0].name});\n"


def send(_model, command, _wire, plan):
    if command.return_type not in ("void", "VkResult"):
        raise GenError(command.place, f"{plan.name} returns something: it cannot be sent only")
    failed, done = "\t\treturn;\n", ""
    if command.return_type == "VkResult":
        failed = f"\t\treturn {no_memory_code(command)};\n"
        done = "\treturn VK_SUCCESS;\n"
        if "VK_ERROR_DEVICE_LOST" in command.errorcodes:
            done = assign("\tbool is_lost", "sl_guest_link_is_lost(self->context->link);\n")
            done += "\n\treturn is_lost ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;\n"
    return (args(plan) + self_object(command) + "\tstruct sl_call call;\n"
            + trace("self") + dump(plan.name) + begin(plan) + failed + "\t}\n"
            + f"\tsl_encode_{plan.name}(&call.out, &args);\n\tsl_call_send(&call);\n" + done)


def call(_model, command, wire, plan):
    if not plan.has_reply:
        raise GenError(command.place, f"{plan.name} has nothing to answer: it cannot be a call")
    result = command.return_type
    wait = "sl_call_cached" if wire.guest == "query" else "sl_call_wait"
    lost = ""
    if result == "VkResult":
        lost = ("\tif (sl_reader_failed(&reply)) {\n"
                f"\t\targs.ret = {lost_code(command)};\n\t}}\n")
    # A failed reader yields zeros: that is what the application gets of a lost context.
    return (args(plan, const=False) + self_object(command)
            + "\tstruct sl_reader reply = { 0 };\n\tstruct sl_call call;\n"
            + trace("self")
            + join(f"\tsize_t capacity = sl_reply_size_{plan.name}(",
                   ["sl_call_caps(self)", "&args"], ");\n")
            + begin(plan)
            + "\t\tsl_reader_fail(&reply, \"no memory\");\n"
            + f"\t\tsl_reply_decode_{plan.name}(&reply, &args);\n"
            + (f"\t\treturn {no_memory_code(command)};\n" if result == "VkResult" else
               "\t\treturn;\n" if result == "void" else "\t\treturn args.ret;\n")
            + f"\t}}\n\tsl_encode_{plan.name}(&call.out, &args);\n"
            + f"\tif ({wait}(&call, capacity, &reply) < 0) {{\n"
            + "\t\tsl_reader_fail(&reply, \"no reply\");\n\t}\n"
            + f"\tsl_reply_decode_{plan.name}(&reply, &args);\n" + lost
            + dump(plan.name) + "\tsl_call_finish(&call);\n"
            + ("" if result == "void" else "\treturn args.ret;\n"))


def create(model, command, _wire, plan):
    made = created_param(model, command)
    if made is None or made.lens or command.return_type != "VkResult":
        raise GenError(command.place, f"{plan.name} does not make one handle")
    objtype = model.handles[made.type].objtype
    failed = no_memory_code(command)
    return (self_object(command)
            + "\tstruct sl_guest_object *object =\n"
            + join("\t\tsl_guest_object_create(", ["self", objtype, "sizeof(*object)"], ");\n")
            + f"\n\tif (object == NULL) {{\n\t\treturn {failed};\n\t}}\n"
            + f"\t{made.type} handle = ({made.type})(uintptr_t)object;\n"
            + args(plan, {made.name: "&handle"}) + "\tstruct sl_call call;\n"
            + trace("self") + dump(plan.name) + begin(plan)
            + "\t\tsl_guest_object_destroy(object);\n"
            + f"\t\treturn {failed};\n\t}}\n"
            + f"\tsl_encode_{plan.name}(&call.out, &args);\n\tsl_call_send(&call);\n"
            + f"\t*{made.name} = handle;\n\treturn VK_SUCCESS;\n")


def destroy(model, command, wire, plan):
    gone = destroyed_param(model, command, wire)
    if gone.pointers or command.return_type != "void":
        raise GenError(command.place, f"{plan.name} does not destroy one object")
    # Without memory for the message the object stays, on both sides.
    return (args(plan) + self_object(command) + "\tstruct sl_call call;\n"
            + trace("self") + f"\tif ({gone.name} == VK_NULL_HANDLE) {{\n\t\treturn;\n\t}}\n"
            + dump(plan.name) + begin(plan) + "\t\treturn;\n\t}\n"
            + f"\tsl_encode_{plan.name}(&call.out, &args);\n\tsl_call_send(&call);\n"
            + f"\tsl_guest_object_destroy(SL_GUEST_OBJECT({gone.name}));\n")


def record(_model, command, _wire, plan):
    if command.return_type != "void":
        raise GenError(command.place, f"{plan.name} returns something: it cannot be recorded")
    commands = command.params[0].name
    started = join("\tif (!sl_command_buffer_begin_command(",
                   [commands, f"SL_COMMAND_{plan.name}",
                    size(plan, f"sl_command_buffer_caps({commands})"), "&out"], ")) {\n")
    return (args(plan) + "\tstruct sl_writer out;\n"
            + trace(f"SL_GUEST_OBJECT({commands})") + dump(plan.name) + started
            + f"\t\treturn;\n\t}}\n\tsl_encode_{plan.name}(&out, &args);\n")


def refuse(_model, command, _wire, _plan):
    if command.return_type != "VkResult":
        raise GenError(command.place, f"{command.name} cannot be refused: it has no VkResult")
    return "\treturn VK_ERROR_FEATURE_NOT_PRESENT;\n"


# The table

def platform_header(model, entries):
    commands = [command for command, _ in entries if has_platform_type(model, command)]
    macros = dict.fromkeys(model.platforms[model.extensions[name].platform]
                           for command in commands for name in command.providers)
    name = guard("sl_entries_platform.h")
    return (f"#ifndef {name}\n#define {name}\n\n"
            + "".join(f"#ifndef {macro}\n#define {macro}\n#endif\n" for macro in macros)
            + "#include <vulkan/vulkan.h>\n\n"
            + "".join(prototype(command, ";\n") for command in commands) + "\n#endif\n")


def header(model, entries):
    prototypes = "".join(prototype(command, ";\n") for command, _ in entries
                         if not has_platform_type(model, command))
    lost = "".join(f"\tSL_LOST_{command.name} = {lost_code(command)},\n"
                   for command, wire in entries
                   if command.return_type == "VkResult" and wire.guest in ("hand", "local"))
    return f"""#ifndef {guard("sl_entries.h")}
#define {guard("sl_entries.h")}

#include "protocol/sl_types.h"

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

enum sl_entry_level {{
	SL_ENTRY_GLOBAL,	  /* no dispatchable parameter */
	SL_ENTRY_INSTANCE,	  /* dispatched by an instance */
	SL_ENTRY_PHYSICAL_DEVICE, /* dispatched by a physical device */
	SL_ENTRY_DEVICE,	  /* dispatched by a device, a queue or a command buffer */
}};

struct sl_entry {{
	const char *name;
	PFN_vkVoidFunction function;
	uint8_t level;	    /* enum sl_entry_level */
	uint8_t core_minor; /* the core version 1.x that has this name; UINT8_MAX: none */
	uint8_t gate_count;
	uint16_t first_gate; /* the extensions that have this name */
}};

/* An entry point by its name or one of its aliases; NULL if this driver has none. */
const struct sl_entry *sl_entry_find(const char *name);

/* True if an application that uses Vulkan 1.api_minor and the enabled extensions may call it.
 * What is dispatched by an instance or a physical device may be called without the device
 * extension that it comes from: that can be enabled only later. */
bool sl_entry_is_enabled(const struct sl_entry *entry, uint32_t api_minor,
			 const struct sl_extension_set *enabled);

/* What a command written by hand returns on a lost context if it needs an answer: an error that
 * the registry lists for it, VK_ERROR_DEVICE_LOST where it may. */
enum sl_entry_lost {{
{lost}}};

{prototypes}
#endif
"""


def level(model, command):
    return {None: "SL_ENTRY_GLOBAL", "VkInstance": "SL_ENTRY_INSTANCE",
            "VkPhysicalDevice": "SL_ENTRY_PHYSICAL_DEVICE"}.get(
                first_handle(model, command), "SL_ENTRY_DEVICE")


def gates(model, extensions):
    """name -> the extensions that have it, as pairs: the extension, and what else it needs."""
    result = {}
    index_of = {e.name: i for i, e in enumerate(extensions)}
    for extension in extensions:
        for block in extension.blocks:
            for names in block_needs(block):
                if block.commands and len(names) > 1:
                    raise GenError(extension.place, f"{extension.name}: commands that need {names}")
                if all(name in index_of for name in names):
                    pair = (index_of[extension.name], *(index_of[name] for name in names))
                    for name in block.commands:
                        result.setdefault(name, []).append(pair)
    return result


def core_minors(model):
    """name -> the first core version that has it."""
    result = {}
    for feature in model.features.values():
        for name in feature.commands:
            if is_core(feature.name):
                result.setdefault(name, core_minor(feature.name))
    return result


def table(model, entries):
    extensions = carried_extensions(model)
    minors = core_minors(model)
    gates_of = gates(model, extensions)
    pairs, rows = [], []
    for command, _ in entries:
        for name in [command.name, *command.aliases]:
            if name in minors or name in gates_of:
                rows.append((name, command))
    lines = []
    for name, command in sorted(rows, key=lambda row: row[0]):
        mine = list(dict.fromkeys(gates_of.get(name, [])))
        minor = minors.get(name, "UINT8_MAX")
        items = [f'"{name}"', f"(PFN_vkVoidFunction)sl_{command.name}", level(model, command),
                 str(minor), str(len(mine)), str(len(pairs) if mine else 0)]
        lines.append(join("\t{ ", items, " },\n"))
        pairs += mine
    gate_rows = "".join(f"\t{{ {p[0]}, {p[1] if len(p) > 1 else 'ALONE'} }},\n" for p in pairs)
    return f"""#include "protocol/sl_entries.h"

#include <stddef.h>
#include <string.h>

#include "protocol/sl_entries_platform.h"

#define ALONE UINT16_MAX

/* Both extensions, as indexes into sl_extension_list[], must be enabled. */
struct gate {{
	uint16_t extension;
	uint16_t other; /* ALONE: no other one */
}};

static const struct gate gates[] = {{
{gate_rows}}};

/* Sorted by name. */
static const struct sl_entry entries[] = {{
{"".join(lines)}}};

const struct sl_entry *sl_entry_find(const char *name)
{{
	size_t first = 0;
	size_t end = sizeof(entries) / sizeof(entries[0]);

	while (first < end) {{
		size_t middle = (first + end) / 2;
		int order = strcmp(name, entries[middle].name);

		if (order == 0) {{
			return &entries[middle];
		}}
		if (order < 0) {{
			end = middle;
		}} else {{
			first = middle + 1;
		}}
	}}
	return NULL;
}}

static bool is_open(const struct sl_entry *entry, uint16_t extension,
		    const struct sl_extension_set *enabled)
{{
	if (extension == ALONE || sl_extension_set_has(enabled, extension)) {{
		return true;
	}}
	return entry->level != SL_ENTRY_DEVICE && sl_extension_list[extension].is_device;
}}

bool sl_entry_is_enabled(const struct sl_entry *entry, uint32_t api_minor,
			 const struct sl_extension_set *enabled)
{{
	if (entry->core_minor != UINT8_MAX && entry->core_minor <= api_minor) {{
		return true;
	}}
	for (uint32_t i = 0; i < entry->gate_count; i++) {{
		const struct gate *gate = &gates[entry->first_gate + i];

		if (is_open(entry, gate->extension, enabled) &&
		    is_open(entry, gate->other, enabled)) {{
			return true;
		}}
	}}
	return false;
}}
"""
