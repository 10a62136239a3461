# SPDX-License-Identifier: MIT
"""sl_args.h: the parameters of every command that travels, as a struct."""

from plan import make_plan
from writer import guard, write_file


def emit(model, out):
    structs = "\n".join(args_struct(command) for command in make_plan(model).commands)
    body = f"""#ifndef {guard("sl_args.h")}
#define {guard("sl_args.h")}

#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_object_list;

/* The parameters of each command, as in the prototype but for the allocator, and its result.
 * self, created and named are the host's: the object of the first parameter, the objects that
 * the command creates, and those that it names, in the order of its bytes; the guest leaves
 * them NULL. */

{structs}
#endif
"""
    write_file(model, out, "sl_args.h", "The parameters of every command that travels.", body)


def args_struct(plan):
    lines = [f"struct sl_{plan.name} {{", "\tvoid *self;", "\tvoid **created;",
             "\tconst struct sl_object_list *named;"]
    lines += [f"\t{args_member(item)};" for item in plan.fields]
    if plan.ret is not None:
        lines.append(f"\t{plan.ret.ctype} ret;")
    lines.append("};")
    return "\n".join(lines) + "\n"


def args_member(item):
    """The declaration of a parameter as a member: arrays are pointers, as they are in C."""
    head, bracket, dims = item.decl.partition("[")
    if not bracket:
        return head
    if "[" in dims:
        raise AssertionError("parameters with several dimensions have no plan")
    kind, _, name = head.rpartition(" ")
    return f"{kind} *{name}"
