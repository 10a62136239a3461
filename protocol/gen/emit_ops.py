# SPDX-License-Identifier: MIT
"""sl_ops.h: what decode calls and replay fills in."""

from layout import join
from tables import wire_commands
from writer import guard, write_file


def emit(model, out):
    rows = "".join(row(w.name, w.name) for w in wire_commands(model))
    ends = "".join(f"\t/* After the last command of {w.name}'s stream. */\n"
                   + row(w.keys["end"], w.name)
                   for w in wire_commands(model) if "end" in w.keys)
    body = f"""#ifndef {guard("sl_ops.h")}
#define {guard("sl_ops.h")}

#include "protocol/sl_args.h"

struct sl_replay;

/* One function per command. The driver's result goes to args->ret.
 *
 * Returns 0; -EBADMSG if no well-behaved guest would have sent this; or another negative errno.
 * Anything but 0 ends the context. */
struct sl_ops {{
{rows}{ends}}};

#endif
"""
    write_file(model, out, "sl_ops.h", "The commands that the decoder asks the replay to run.",
               body)


def row(op, command):
    return join(f"\tint (*{op})(",
                ["struct sl_replay *replay", f"struct sl_{command} *args"], ");\n")
