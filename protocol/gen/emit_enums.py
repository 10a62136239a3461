# SPDX-License-Identifier: MIT
"""sl_enums.[ch]: which values and bits the registry knows."""

from c_code import Code

from plan import IN, FixedArray, Pointer, Scalar, make_plan
from writer import guard, write_file


def emit(model, out):
    enums, bits = checked_types(make_plan(model))
    header = Code(0)
    header.add(f"#ifndef {guard('sl_enums.h')}")
    header.add(f"#define {guard('sl_enums.h')}")
    header.add()
    header.add('#include "protocol/reader.h"')
    header.add()
    for line in ("<stdbool.h>", "<vulkan/vulkan_core.h>"):
        header.add(f"#include {line}")
    header.add()
    header.add("/* The bits that the registry knows. */")
    for name in bits:
        mask = 0
        width = 32
        if name in model.enums:
            width = model.enums[name].width
            for value in model.enums[name].values.values():
                mask |= value
        header.add(f"#define SL_BITS_{name} 0x{mask:x}{'ull' if width == 64 else 'u'}")
    header.add()
    header.add("/* sl_knows_X(): whether the registry has this value; a message with another one")
    header.add(" * would be refused. sl_check_X(): fails the reader if not. */")
    for name in enums:
        header.add(f"bool sl_knows_{name}({name} value);")
        header.add(f"void sl_check_{name}(struct sl_reader *in, {name} value);")
    header.add()
    header.add("#endif")
    write_file(model, out, "sl_enums.h", "The values and bits that the registry knows.",
               header.text())
    source = Code(0)
    source.add('#include "protocol/sl_enums.h"')
    source.add()
    for name in enums:
        knows_function(source, model.enums[name])
        body = Code()
        body.open(f"if (!sl_knows_{name}(value))")
        body.add(f'sl_reader_fail(in, "{name} has no such value");')
        body.close()
        source.function(f"void sl_check_{name}(struct sl_reader *in, {name} value)", body)
    source.lines.pop()
    write_file(model, out, "sl_enums.c", "The values and bits that the registry knows.",
               source.text())


def knows_function(code, enum):
    body = Code()
    body.add("switch ((int)value) {")
    values = sorted(set(enum.values.values()))
    first = None
    for i, value in enumerate(values):
        if first is None:
            first = value
        if i + 1 < len(values) and values[i + 1] == value + 1:
            continue
        body.add(f"case {first}:" if first == value else f"case {first} ... {value}:")
        first = None
    body.add("\treturn true;")
    body.add("default:")
    body.add("\treturn false;")
    body.add("}")
    code.function(f"bool sl_knows_{enum.name}({enum.name} value)", body)


def checked_types(plan):
    """Names of the enums and of the bits that requests carry, in order of the registry."""
    enums, bits = set(), set()

    def visit(node):
        if isinstance(node, (FixedArray, Pointer)):
            visit(node.elem)
        elif isinstance(node, Scalar) and node.check:
            (enums if node.kind == "enum" else bits).add(node.check)

    for command in plan.commands:
        for item in command.fields:
            visit(item.node)
    for struct in plan.structs.values():
        if struct.direction == IN:
            for item in struct.fields:
                visit(item.node)
    model = plan.model
    known = list(model.enums) + [f for f in model.flags if f not in model.enums]
    return [n for n in known if n in enums], [n for n in known if n in bits]
