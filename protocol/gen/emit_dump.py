# SPDX-License-Identifier: MIT
"""The dump functions: sl_dump_commands.c, sl_dump_structs.[ch] and sl_dump_names.[ch]."""

import re

from c_code import Code

from codec_names import address, context_parameter, fill
from codec_request import LOOP, value_of
from plan import IN, OUT, FixedArray, Handle, Pointer, Scalar, StructRef, make_plan
from writer import guard, write_file


def emit(model, out):
    plan = make_plan(model)
    dump = Dump(plan)
    commands = Code(0)
    for command in plan.commands:
        commands.function(f"void sl_dump_{command.name}(FILE *out,"
                          f" const struct sl_{command.name} *args)", dump.command(command))
    structs = Code(0)
    for struct in dump.structs():
        if struct.is_base and struct.is_chained:
            structs.function(dump.head(struct, "_body"), dump.struct(struct))
            structs.function(dump.head(struct), dump.with_chain(struct))
        elif struct.fields or struct.is_base:
            structs.function(dump.head(struct), dump.struct(struct))
    dump.chained(structs)
    emit_source(model, out, "sl_dump_commands.c", ("codec.h", "conditions.h", "dump.h",
                                                   "sl_codec.h", "sl_dump_names.h",
                                                   "sl_dump_structs.h"),
                "Dump: the commands.", commands)
    emit_source(model, out, "sl_dump_structs.c", ("sl_dump_structs.h", "codec.h", "conditions.h",
                                                  "dump.h", "sl_dump_names.h"),
                "Dump: the structs.", structs)
    prototypes = Code(0)
    for head in structs.heads[:-1]:
        prototypes.add(head + ";")
    emit_header(model, out, "sl_dump_structs.h", "#include <stdbool.h>\n#include <stdio.h>\n"
                "#include <vulkan/vulkan_core.h>\n", "Dump: the structs.", prototypes)
    emit_names(model, out, dump)


def emit_header(model, out, name, includes, what, code):
    body = f"""#ifndef {guard(name)}
#define {guard(name)}

{includes}
{code.text()}
#endif
"""
    write_file(model, out, name, what, body)


def emit_source(model, out, name, includes, what, code):
    while not code.lines[-1]:
        code.lines.pop()
    head = "".join(f'#include "protocol/{header}"\n' for header in includes)
    write_file(model, out, name, what, head + "\n" + code.text())


def emit_names(model, out, dump):
    prototypes, source = Code(0), Code(0)
    for name in sorted(dump.enums):
        head = f"const char *sl_name_{name}({name} value)"
        prototypes.add(head + ";")
        body = Code()
        body.add("switch ((int)value) {")
        for value_name, value in unique_values(model.enums[name]):
            body.add(f"case {value}:")
            body.add(f'\treturn "{value_name}";')
        body.add("default:")
        body.add("\treturn NULL;")
        body.add("}")
        source.function(head, body)
    for name in sorted(dump.bits):
        values = [(n, v) for n, v in unique_values(model.enums[name]) if v]
        prototypes.add(f"extern const struct sl_bit_name sl_bits_{name}[{len(values)}];")
        source.open(f"const struct sl_bit_name sl_bits_{name}[{len(values)}] =")
        for value_name, value in values:
            source.add(f'{{ 0x{value:x}, "{short_bit(value_name)}" }},')
        source.close(";")
        source.add()
    emit_header(model, out, "sl_dump_names.h", '#include "protocol/dump.h"\n', "Dump: names.",
                prototypes)
    emit_source(model, out, "sl_dump_names.c", ("sl_dump_names.h",), "Dump: names.", source)


def unique_values(enum):
    seen = set()
    for name, value in sorted(enum.values.items(), key=lambda item: item[1]):
        if value not in seen:
            seen.add(value)
            yield name, value


def short_bit(name):
    """VK_FOO_USAGE_TRANSFER_SRC_BIT stays as it is but for the prefix that all share."""
    return re.sub(r"^VK_", "", name)


class Dump:
    def __init__(self, plan):
        self.plan = plan
        self.enums = set()
        self.bits = set()

    def structs(self):
        """Each struct once: as it is read, else as it is filled; children before parents."""
        chosen = {}
        for (name, direction), struct in self.plan.structs.items():
            if direction == IN or (name, IN) not in self.plan.structs:
                chosen[name] = struct
        return chosen.values()

    def planned(self, struct):
        return self.plan.structs.get((struct.name, IN), struct)

    def head(self, struct, suffix=""):
        return (f"void sl_dump_{struct.name}{suffix}(FILE *out, const {struct.name} *value"
                f"{context_parameter(struct)})")

    def with_chain(self, struct):
        code = Code()
        context = ", context" if struct.direction == IN and struct.context else ""
        code.add(f"sl_dump_{struct.name}_body(out, value{context});")
        self.chain(code, struct)
        return code

    def chain(self, code, struct):
        context = fill(struct.chain_context, "value") if struct.chain_context else "NULL"
        code.add(f"sl_dump_chain(out, value->pNext, {context});")

    def struct(self, struct):
        code = Code()
        if struct.struct.is_union:
            self.union(code, struct)
            return code
        prefix = ""
        for item in struct.fields:
            self.field(code, item, "value", prefix)
            prefix = ", "
        if struct.chain is not None and struct.is_base and not struct.is_chained:
            self.chain(code, struct)
        return code

    def union(self, code, struct):
        if struct.selector == "raw":
            code.add('sl_dump_bytes(out, "", value, sizeof(*value));')
            return
        if struct.selector == "as":
            self.field(code, struct.fields[0], "value", "")
            return
        code.add("switch (context) {")
        for item in struct.fields:
            for value in item.select:
                code.add(f"case {value}:")
            code.indent += 1
            self.field(code, item, "value", "")
            code.add("break;")
            code.indent -= 1
        code.add("default:")
        code.add("\tbreak;")
        code.add("}")

    def chained(self, code):
        body = Code()
        body.add("switch (item->sType) {")
        for struct in self.structs():
            if not struct.is_chained or not struct.fields:
                continue
            context = ", context" if struct.direction == IN and struct.context else ""
            body.add(f"case {struct.struct.stype}:")
            body_of = "_body" if struct.is_base else ""
            body.add(f"\tsl_dump_{struct.name}{body_of}(out,"
                     f" (const {struct.name} *)item{context});")
            body.add("\treturn;")
        body.add("default:")
        body.add("\treturn;")
        body.add("}")
        code.function("void sl_chained_dump(FILE *out, const VkBaseInStructure *item,"
                      " const void *context)", body)

    def command(self, plan):
        code = Code()
        # Lines of several threads stay whole.
        code.add("flockfile(out);")
        code.add(f'fputs("{plan.name}(", out);')
        prefix = ""
        outputs = []
        for item in plan.fields:
            if isinstance(item.node, Pointer) and item.node.is_out:
                outputs.append(item)
                continue
            self.field(code, item, "args", prefix)
            prefix = ", "
        is_result = plan.ret is not None and plan.ret.ctype == plan.command.return_type and \
            plan.ret.kind == "enum"
        if outputs and is_result:
            # Outputs mean nothing after an error.
            code.open("if (args->ret >= 0)")
        for item in outputs:
            self.field(code, item, "args", prefix)
            prefix = ", "
        if outputs and is_result:
            code.close()
        if plan.ret is not None:
            self.value(code, plan.ret, "args->ret", '") = "', "args")
            code.add('fputs("\\n", out);')
        else:
            code.add('fputs(")\\n", out);')
        code.add("funlockfile(out);")
        return code

    def field(self, code, item, base, prefix):
        node = item.node
        value = value_of(item, base)
        label = f'"{prefix}{item.name}="'
        when = fill(item.when, base) if item.when else None
        if isinstance(node, Pointer):
            self.pointer(code, node, value, label, base, 0, when)
        elif when and isinstance(node, (Handle, Scalar)):
            if "&&" in when or "||" in when:
                when = f"({when})"
            code.add(f"bool has_{item.name} = {when};")
            self.value(code, node, f"(has_{item.name} ? {value} : 0)", label, base)
        elif when:
            code.open(f"if ({when})")
            self.value(code, node, value, label, base)
            code.close()
        else:
            self.value(code, node, value, label, base)

    def pointer(self, code, node, value, label, base, depth, when=None):
        if node.is_null:
            code.add(f"sl_dump_null(out, {label});")
            return
        if node.is_string and not when:
            code.add(f"sl_dump_string(out, {label}, {value});")
            return
        guarded = when is not None or node.nullable or depth
        if guarded:
            missing = f"{value} == NULL"
            if when:
                is_call = re.fullmatch(r"\w+\([^()]*\)", when)
                missing = f"!{when if is_call else f'({when})'} || {missing}"
            code.open(f"if ({missing})")
            code.add(f"sl_dump_null(out, {label});")
            code.middle("else")
        self.pointee(code, node, value, label, base, depth, bool(guarded))
        if guarded:
            code.close()

    def pointee(self, code, node, value, label, base, depth, in_block):
        elem = node.elem
        if not node.is_array:
            if isinstance(elem, Pointer):
                self.pointer(code, elem, "*" + value, label, base, depth + 1)
            else:
                self.value(code, elem, "*" + value, label, base, depth)
            return
        count = fill(node.length, base)
        if isinstance(elem, Scalar) and elem.csize <= 1:
            code.add(f"sl_dump_bytes(out, {label}, {value}, {count});")
            return
        index = LOOP[depth]
        item = f"{value}[{index}]"
        if node.stride:
            item = f"*(const {elem.ctype} *)sl_at_stride({value}, {index}, {base}->{node.stride})"
        self.array(code, elem, item, label, base, depth, count, in_block)

    def array(self, code, elem, item, label, base, depth, count, in_block=False):
        index = LOOP[depth]
        shown = "shown" if depth == 0 else f"shown_{index}"
        if not in_block:
            code.add("{")
            code.indent += 1
        code.add(f"size_t {shown} = sl_dump_begin_array(out, {label}, {count});")
        code.add()
        code.open(f"for (size_t {index} = 0; {index} < {shown}; {index}++)")
        separator = f'{index} == 0 ? "" : ", "'
        if isinstance(elem, Pointer):
            self.pointer(code, elem, item, separator, base, depth + 1)
        else:
            self.value(code, elem, item, separator, base, depth + 1)
        code.close()
        code.add(f"sl_dump_end_array(out, {count});")
        if not in_block:
            code.close()

    def value(self, code, node, value, label, base, depth=0):
        if isinstance(node, Handle):
            bits = value if node.typed_by else f"SL_U64({value})"
            code.add(f"sl_dump_handle(out, {label}, {bits});")
        elif isinstance(node, StructRef):
            self.struct_value(code, node, value, label, base)
        elif isinstance(node, FixedArray):
            if node.elem.csize == 1 and node.elem.ctype == "char":
                code.add(f"sl_dump_text(out, {label}, {value}, sizeof({value}));")
            elif isinstance(node.elem, Scalar) and node.elem.csize == 1:
                code.add(f"sl_dump_bytes(out, {label}, {value}, sizeof({value}));")
            elif not node.is_flat:
                code.add(f"sl_dump_bytes(out, {label}, {value}, sizeof({value}));")
            else:
                self.array(code, node.elem, f"{value}[{LOOP[depth]}]", label, base, depth,
                           node.count)
        else:
            self.scalar(code, node, value, label)

    def struct_value(self, code, node, value, label, base):
        struct = self.planned(node.plan)
        if not struct.fields and not struct.is_base:
            code.add(f"fprintf(out, \"%s{{}}\", {label});")
            return
        context = ""
        if struct.direction == IN and struct.context and node.plan.direction == IN:
            context = ", " + fill(node.context, base)
        elif struct.direction == IN and struct.context and node.plan.direction == OUT:
            raise AssertionError(f"{struct.name} is filled, but needs a context to be dumped")
        if label.startswith('"'):
            code.add(f'fputs({label[:-1]}{{", out);')
        else:
            code.add(f'fprintf(out, "%s{{", {label});')
        code.add(f"sl_dump_{struct.name}(out, {address(value)}{context});")
        code.add('fputs("}", out);')

    def scalar(self, code, node, value, label):
        if node.kind == "enum":
            self.enums.add(node.check)
            code.add(f"sl_dump_enum(out, {label}, sl_name_{node.check}({value}), {value});")
        elif node.kind == "bits":
            enum = self.plan.model.enums.get(node.check)
            if enum is None or not any(enum.values.values()):
                code.add(f"sl_dump_bits(out, {label}, {value}, NULL, 0);")
            else:
                self.bits.add(node.check)
                code.add(f"sl_dump_bits(out, {label}, {value},"
                         f" sl_bits_{node.check}, SL_ARRAY_COUNT(sl_bits_{node.check}));")
        elif node.kind == "bool":
            code.add(f"sl_dump_bool(out, {label}, {value});")
        elif node.kind in ("f32", "f64"):
            code.add(f"sl_dump_float(out, {label}, {value});")
        elif node.kind.startswith("i"):
            code.add(f"sl_dump_int(out, {label}, {value});")
        else:
            code.add(f"sl_dump_uint(out, {label}, {value});")
