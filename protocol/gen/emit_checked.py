# SPDX-License-Identifier: MIT
"""sl_checked_ops.[ch]: the replay of each command behind its checks (host/check).

The keys check and note of commands.txt say which; what destroys an object, and what makes some, is
known without them.
"""

from layout import assign, join
from registry import GenError
from tables import created_param, destroyed_param, first_handle, wire_commands
from writer import write_file

HAND = "hand"


def emit(model, out):
    wires = wire_commands(model)
    write_file(model, out, "sl_checked_ops.h", "The replay of each command behind its checks.",
               header(model, wires))
    write_file(model, out, "sl_checked_ops.c", "The replay of each command behind its checks.",
               code(model, wires))


def belongs_to_device(model, wire):
    return first_handle(model, model.commands[wire.name]) in (
        "VkDevice", "VkQueue", "VkCommandBuffer")


def destroyed_handle(model, wire):
    """The parameter of a command that destroys one object of a device."""
    command = model.commands[wire.name]
    param = destroyed_param(model, command, wire)
    if param is None or param.pointers or param is command.params[0] or \
            not belongs_to_device(model, wire):
        return None
    return param


def noted_handles(model, wire):
    """The parameter that receives the objects of a device which a command makes."""
    param = created_param(model, model.commands[wire.name])
    if param is None or not belongs_to_device(model, wire) or param.type in ("VkQueue", "VkDevice"):
        return None
    return param


def hand_checks(wires):
    """(function, command) of what is written by hand in host/check."""
    found = []
    for wire in wires:
        if HAND in checks_of(wire):
            found.append((f"sl_check_{wire.name}", wire.name))
        if "note" in wire.keys:
            found.append((f"sl_check_note_{wire.keys.get('end', wire.name)}", wire.name))
    return found


def checks_of(wire):
    """The value of check: "hand", or calls like "range:buffer,offset,size", apart by ;"""
    return [text for text in wire.keys.get("check", "").split(";") if text]


def header(model, wires):
    hands = "".join(join(f"int {function}(",
                         ["struct sl_check *check", f"struct sl_{command} *args"], ");\n")
                    for function, command in hand_checks(wires))
    return f"""#ifndef SL_PROTOCOL_CHECKED_OPS_H
#define SL_PROTOCOL_CHECKED_OPS_H

#include "protocol/sl_ops.h"

struct sl_check;
struct sl_object;

extern const struct sl_ops sl_checked_ops;

/* Destroy an object of a device with the driver, by its type. */
void sl_checked_destroy(struct sl_replay *replay, struct sl_object *device, VkObjectType type,
			uint64_t handle);

/* By hand, before a command and after it.
 * They return 0, -EBADMSG (sl_check_get_why() says why) or -ENOMEM. */
{hands}
#endif
"""


def code(model, wires):
    texts, rows = "", ""
    for wire in wires:
        text = function(model, wire)
        texts += text
        name = f"checked_{wire.name}" if text else f"sl_replay_{wire.name}"
        rows += assign(f"\t.{wire.name}", f"{name},\n")
    for wire in wires:
        if "end" in wire.keys:
            name = f"sl_replay_{wire.keys['end']}"
            if "note" in wire.keys:
                texts += end_function(wire)
                name = f"checked_{wire.keys['end']}"
            rows += assign(f"\t.{wire.keys['end']}", f"{name},\n")
    return f"""#include "protocol/sl_checked_ops.h"

#include "host/check/check.h"
#include "host/check/regular.h"
#include "host/replay/replay_priv.h"
#include "protocol/sl_replay_ops.h"

#include <errno.h>

/* Returns r. The replay has reasons of its own. */
static int refuse(struct sl_replay *replay, const struct sl_check *check, int r)
{{
	const char *why = sl_check_get_why(check);

	return r < 0 && why[0] != '\\0' ? sl_replay_fail(replay, "%s", why) : r;
}}
{texts}{destroy_function(model, wires)}
const struct sl_ops sl_checked_ops = {{
{rows}}};
"""


def prototype(name, command):
    return join(f"static int checked_{name}(",
                ["struct sl_replay *replay", f"struct sl_{command} *args"], ")")


def function(model, wire):
    """Empty if the command needs no check."""
    destroyed = destroyed_handle(model, wire)
    created = noted_handles(model, wire)
    checks = checks_of(wire)
    has_note = "note" in wire.keys and "end" not in wire.keys
    if not (destroyed or created or checks or has_note):
        return ""
    if not belongs_to_device(model, wire):
        raise GenError(wire.place, f"{wire.name} is not a command of a device")
    text = f"\n{prototype(wire.name, wire.name)}\n{{\n"
    text += "\tstruct sl_check *check = sl_check_of(args->self);\n"
    steps = [check_call(model, wire, check) for check in checks]
    if destroyed:
        steps.append(("sl_check_note_destroyed", [
            "check", "args->named", model.handles[destroyed.type].objtype,
            f"(uint64_t)(uintptr_t)args->{destroyed.name}"]))
    else:
        steps.append((f"sl_replay_{wire.name}", ["replay", "args"]))
    if created:
        steps.append(created_call(model, wire, created))
    if has_note:
        steps.append((f"sl_check_note_{wire.name}", ["check", "args"]))
    return text + run(steps) + "}\n"


def check_call(model, wire, check):
    if check == HAND:
        return (f"sl_check_{wire.name}", ["check", "args"])
    kind, colon, words = check.partition(":")
    command = model.commands[wire.name]
    if (colon != "") != (words != ""):
        raise GenError(wire.place, f"expected: check=KIND:ARGUMENT,...")
    args = [f"args->{word}" if command.param(word) else word for word in words.split(",") if word]
    return (f"sl_check_{kind}", ["check", "args->self", "args->named", *args])


def created_call(model, wire, created):
    command = model.commands[wire.name]
    count = f"args->{created.lens[0]}" if created.lens else "1"
    args = ["check", "args->created", count, f"(const uint64_t *)(const void *)args->{created.name}",
            "args->named"]
    if command.return_type == "VkResult" and not created.lens:
        # Of a single object that failed the driver may have left anything in its place.
        args[2] = "args->ret >= 0"
    return ("sl_check_note_created", args)


def run(steps):
    text = ""
    for i, (name, args) in enumerate(steps):
        if i == 0:
            text += join(f"\tint r = {name}(", args, ");\n")
        else:
            text += "\tif (r == 0) {\n" + join(f"\t\tr = {name}(", args, ");\n") + "\t}\n"
        text += "\n" if i == 0 else ""
    return text + "\treturn refuse(replay, check, r);\n" if len(steps) > 1 or \
        "replay" not in steps[0][1] else text + "\treturn r;\n"


def end_function(wire):
    end = wire.keys["end"]
    return f"""
{prototype(end, wire.name)}
{{
	struct sl_check *check = sl_check_of(args->self);
	int r = sl_replay_{end}(replay, args);

	if (r == 0) {{
		r = sl_check_note_{end}(check, args);
	}}
	return refuse(replay, check, r);
}}
"""


def destroy_function(model, wires):
    cases = ""
    for wire in wires:
        param = destroyed_handle(model, wire)
        if param is None:
            continue
        first = model.commands[wire.name].params[0]
        cases += f"""	case {model.handles[param.type].objtype}: {{
		struct sl_{wire.name} args = {{
			.self = device,
			.{first.name} = ({first.type})(uintptr_t)device->handle,
			.{param.name} = ({param.type})(uintptr_t)handle,
		}};

		sl_replay_{wire.name}(replay, &args);
		break;
	}}
"""
    return f"""
void sl_checked_destroy(struct sl_replay *replay, struct sl_object *device, VkObjectType type,
			uint64_t handle)
{{
	switch (type) {{
{cases}	default:
		break;
	}}
}}
"""
