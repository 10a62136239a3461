# SPDX-License-Identifier: MIT
"""sl_replay_auto_*.c: the commands whose replay is one call of the host driver, and
sl_replay_ops.[ch]: the ops table, which names the hand-written ones too."""

from layout import assign, join
from registry import GenError
from tables import FAMILIES, family, first_handle, wire_commands
from writer import write_file

INSTANCE_HANDLES = ("VkInstance", "VkPhysicalDevice")


def emit(model, out):
    wires = wire_commands(model)
    for name in FAMILIES:
        texts = [function(model, model.commands[w.name], w) for w in wires
                 if w.replay == "auto" and family(model, model.commands[w.name]) == name]
        write_file(model, out, f"sl_replay_auto_{name}.c",
                   "Hands commands over to the host's driver.",
                   includes() + "".join(texts))
    write_file(model, out, "sl_replay_ops.h", "The replay of each command.", header(wires))
    write_file(model, out, "sl_replay_ops.c", "The replay of each command.", table(wires))


def includes():
    return """#include "protocol/sl_replay_ops.h"

#include "host/objects/object.h"
#include "host/replay/replay_priv.h"
#include "protocol/sl_dispatch.h"

#include <stddef.h>
"""


def ops(wires):
    """(op, command) in the order of struct sl_ops."""
    return [(w.name, w.name) for w in wires] + \
        [(w.keys["end"], w.name) for w in wires if "end" in w.keys]


def prototype(op, command, end=""):
    return join(f"int sl_replay_{op}(",
                ["struct sl_replay *replay", f"struct sl_{command} *args"], ")" + end)


def header(wires):
    body = "".join(prototype(*op, ";\n") for op in ops(wires))
    return f"""#ifndef SL_PROTOCOL_REPLAY_OPS_H
#define SL_PROTOCOL_REPLAY_OPS_H

#include "protocol/sl_ops.h"

extern const struct sl_ops sl_replay_ops;

{body}
#endif
"""


def table(wires):
    rows = "".join(assign(f"\t.{op}", f"sl_replay_{op},\n") for op, _ in ops(wires))
    return f"""#include "protocol/sl_replay_ops.h"

const struct sl_ops sl_replay_ops = {{
{rows}}};
"""


def function(model, command, wire):
    handle = first_handle(model, command)
    if handle is None or command.own:
        raise GenError(wire.place, f"{command.name} has no driver function to be replayed with")
    table_name = "vki" if handle in INSTANCE_HANDLES else "vkd"
    call = f"self->{table_name}->{command.name.removeprefix('vk')}"
    args = ["NULL" if p.type == "VkAllocationCallbacks" else f"args->{p.name}"
            for p in command.params]
    result = "" if command.return_type == "void" else "args->ret = "
    missing = "return 0;" if wire.keys.get("missing") == "ignore" else \
        "return sl_replay_fail(replay, \"the device does not have this command\");"
    return f"""
{prototype(command.name, command.name)}
{{
	const struct sl_object *self = args->self;

	if ({call} == NULL) {{
		{missing}
	}}
{join(f"	{result}{call}(", args, ");")}
	return 0;
}}
"""
