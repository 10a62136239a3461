# SPDX-License-Identifier: MIT
"""sl_null_ops.c: ops of commands that all succeed and do nothing, for fuzzing the decoder.

New objects get their handles from sl_null_create(), which is written by hand.
"""

from layout import assign, join
from tables import created_param, wire_commands
from writer import write_file


def emit(model, out):
    wires = wire_commands(model)
    rows = [(w.name, w.name) for w in wires]
    rows += [(w.keys["end"], w.name) for w in wires if "end" in w.keys]
    body = '#include "tests/fuzz/null_ops.h"\n'
    body += "".join(function(model, op, command) for op, command in rows)
    table = "".join(assign(f"\t.{op}", f"{op},\n") for op, _ in rows)
    body += f"\nconst struct sl_ops sl_null_ops = {{\n{table}}};\n"
    write_file(model, out, "sl_null_ops.c", "Ops that succeed and do nothing.", body)


def function(model, op, command):
    head = join(f"static int {op}(", ["struct sl_replay *replay", f"struct sl_{command} *args"],
                ")\n")
    created = created_param(model, model.commands[command])
    create = f"\tsl_null_create(replay, args->{created.name});\n" if created else ""
    return f"\n{head}{{\n{create}\treturn 0;\n}}\n"
