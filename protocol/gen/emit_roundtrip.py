# SPDX-License-Identifier: MIT
"""The generated part of the round-trip test: random arguments of every command, as an application
would pass them (fill), with results as an implementation would fill them in (result).

sl_roundtrip_commands.c, sl_roundtrip_structs.[ch]
"""

import re

from c_code import Code

from codec_names import address, context_parameter, fill
from codec_parts import is_fixed
from codec_request import LOOP, value_of
from plan import (IN, OUT, FixedArray, Handle, Pointer, Scalar, StructRef, is_raw, make_plan,
                  node_has_outputs)
from writer import write_file

HEADERS = ("tests/roundtrip/sl_roundtrip_structs.h", "tests/roundtrip/roundtrip.h")


def emit(model, out):
    plan = make_plan(model)
    structs = Structs(plan)
    code = Code(0)
    for struct in plan.structs.values():
        structs.functions(code, struct)
    structs.chained(code)
    structs.lists(code)
    write_source(model, out, "sl_roundtrip_structs.c", "Round trip: random structs.",
                 structs.tables() + "\n" + "\n".join(structs.chain_tables().lines) + "\n", code)
    heads = Code(0)
    for head in code.heads:
        if not head.startswith("static") and "_chained(" not in head:
            heads.add(head + ";")
    header = f"""#ifndef SL_TESTS_ROUNDTRIP_SL_ROUNDTRIP_STRUCTS_H
#define SL_TESTS_ROUNDTRIP_SL_ROUNDTRIP_STRUCTS_H

#include "tests/roundtrip/roundtrip.h"

{heads.text()}
#endif
"""
    write_file(model, out, "sl_roundtrip_structs.h", "Round trip: random structs.", header)
    commands = Structs(plan)
    code = Code(0)
    for command in plan.commands:
        commands.command(code, command)
    command_table(plan, code)
    write_source(model, out, "sl_roundtrip_commands.c", "Round trip: random arguments.",
                 commands.tables(), code)


def write_source(model, out, name, what, tables, code):
    head = "".join(f'#include "{header}"\n' for header in HEADERS) + "\n"
    write_file(model, out, name, what, head + tables + code.text())


def command_table(plan, code):
    for command in plan.commands:
        code.add(f"ROUNDTRIP_REQUEST({command.name})")
        if command.has_reply:
            code.add(f"ROUNDTRIP_REPLY({command.name})")
    code.add()
    code.open("const struct roundtrip_command roundtrip_commands[] =")
    for command in plan.commands:
        name = command.name
        recorded = "true" if command.wire.guest == "record" else "false"
        reply = f", ROUNDTRIP_REPLY_LINE({name})" if command.has_reply else ""
        code.add(f"{{ ROUNDTRIP_LINE({name}), {recorded},"
                 f" ROUNDTRIP_REQUEST_LINE({name}){reply} }},")
    code.close(";")
    code.add("const size_t roundtrip_command_count = SL_ARRAY_COUNT(roundtrip_commands);")


class Structs:
    def __init__(self, plan):
        self.plan = plan
        self.model = plan.model
        self.enums = {}
        # Members of structs that are lengths of arrays which commands fill.
        self.far_counts = {}
        for command in plan.commands:
            types = {f.name: f.node.elem.ctype for f in command.fields
                     if isinstance(f.node, Pointer) and isinstance(f.node.elem, StructRef)}
            for item in command.fields:
                node = item.node
                match = isinstance(node, Pointer) and node.is_array and \
                    re.fullmatch(r"\{base\}->(\w+)->(\w+)", node.length)
                if match:
                    self.far_counts[types[match.group(1)], match.group(2)] = node

    def tables(self):
        code = Code(0)
        for name, values in self.enums.items():
            code.open(f"static const int values_{name}[] =")
            for i in range(0, len(values), 8):
                code.add(", ".join(str(v) for v in values[i:i + 8]) + ",")
            code.close(";")
            code.add()
        return "\n".join(code.lines) + ("\n" if code.lines else "")

    # Random values

    def scalar(self, node, checked=True):
        if node.kind == "enum":
            values = sorted(set(self.model.enums[node.check].values.values()))
            self.enums[node.check] = values
            return f"rt_pick(rt, values_{node.check}, {len(values)})"
        if node.kind == "bits":
            return f"rt_bits(rt, SL_BITS_{node.check})" if checked else "rt_u32(rt)"
        if node.kind == "bool":
            return "rt_u32(rt) & 1"
        if node.kind in ("f32", "f64"):
            return "rt_f32(rt)"
        return "rt_u64(rt)" if node.wire_size == 8 else \
            "rt_u32(rt)" if node.csize == 4 else f"({node.ctype})rt_u32(rt)"

    def count_names(self, fields):
        """Names of the members that lengths depend on."""
        names = {}
        for item in fields:
            node = item.node
            while isinstance(node, Pointer):
                if node.length:
                    for name in re.findall(r"\{base\}->(\w+)", node.length):
                        names[name] = node
                node = node.elem
        return names

    def count(self, item, length):
        """A length, so that what depends on it is a whole number."""
        divisor = re.search(r"/ (\d+)$", length.length)
        if isinstance(item.node, Scalar) and item.node.kind in ("enum", "bits"):
            return self.scalar(item.node)
        return f"rt_count(rt) * {divisor.group(1)}" if divisor and "+" not in length.length \
            else "rt_count(rt)"

    # Values to be read

    def value(self, code, node, value, base, depth):
        """Fill one value."""
        if isinstance(node, Handle):
            if node.is_null:
                code.add(f"{value} = VK_NULL_HANDLE;")
            elif node.typed_by:
                code.add(f"{value} = SL_U64(rt_handle(rt, {fill(node.typed_by, base)}, false));")
            else:
                nullable = "true" if node.nullable else "false"
                code.add(f"{value} = rt_handle(rt, {node.object_type}, {nullable});")
        elif isinstance(node, StructRef):
            context = ""
            if node.plan.direction == IN and node.plan.context:
                context = ", " + fill(node.context, base)
            verb = "fill" if node.plan.direction == IN else "skeleton"
            code.add(f"rt_{verb}_{node.plan.name}(rt, {address(value)}{context});")
        elif isinstance(node, FixedArray):
            if is_raw(node.elem) and not node.elem.is_checked:
                code.add(f"rt_bytes(rt, {value}, sizeof({value}));")
                return
            index = LOOP[depth]
            code.open(f"for (size_t {index} = 0; {index} < {node.count}; {index}++)")
            self.value(code, node.elem, f"{value}[{index}]", base, depth + 1)
            code.close()
        elif isinstance(node, Pointer):
            self.pointer(code, node, value, "item", base, depth)
        else:
            code.add(f"{value} = {self.scalar(node)};")

    def pointer(self, code, node, value, name, base, depth):
        if node.is_null:
            code.add(f"{value} = NULL;")
            return
        if node.is_string:
            if node.nullable:
                code.add(f"{value} = rt_optional(rt) ? rt_string(rt) : NULL;")
            else:
                code.add(f"{value} = rt_string(rt);")
            return
        if node.nullable:
            code.add(f"{value} = NULL;")
            code.open("if (rt_optional(rt))")
        else:
            code.add("{")
            code.indent += 1
        elem = node.elem
        count = fill(node.length, base) if node.is_array else "1"
        if isinstance(elem, Pointer):
            code.add(f"const {pointed_type(elem)} **{name} = rt_alloc(rt, {count},"
                     f" sizeof(*{name}));")
        else:
            ctype = "uint8_t" if elem.ctype == "void" else elem.ctype
            code.add(f"{ctype} *{name} = rt_alloc(rt, {count}, sizeof(*{name}));")
        code.add(f"{value} = {'(void *)' if node.cast else ''}{name};")
        self.elements(code, node, name, base, depth, count)
        code.close()

    def elements(self, code, node, name, base, depth, count):
        elem = node.elem
        if node.is_out and not isinstance(elem, (StructRef, Handle)):
            return
        if not node.is_array:
            self.value(code, elem, "*" + name, base, depth + 1)
        elif is_raw(elem) and not elem.is_checked:
            size = "" if isinstance(elem, Scalar) and elem.csize <= 1 else f" * sizeof(*{name})"
            count = f"({count})" if size and " " in count else count
            code.add(f"rt_bytes(rt, {name}, {count}{size});")
        else:
            index = LOOP[depth]
            code.open(f"for (size_t {index} = 0; {index} < {count}; {index}++)")
            self.value(code, elem, f"{name}[{index}]", base, depth + 1)
            code.close()

    # Functions of structs

    def functions(self, code, struct):
        head = f"(struct rt *rt, {struct.name} *value{context_parameter(struct)})"
        if struct.direction == IN:
            code.function(f"void rt_fill_{struct.name}{head}", self.fill_body(struct))
            if struct.is_chained and self.garbled(struct):
                self.garble_function(code, struct)
        else:
            code.function(f"void rt_skeleton_{struct.name}{head}", self.skeleton_body(struct))
        if struct.direction == OUT or struct.has_outputs:
            const = "const " if struct.direction == IN else ""
            code.function(f"void rt_result_{struct.name}(struct rt *rt, {const}{struct.name}"
                          " *value)", self.result_body(struct))

    def fill_body(self, struct):
        code = Code()
        if struct.struct.is_union:
            self.fill_union(code, struct)
            return code
        if struct.is_image and not struct.is_checked:
            code.add("rt_bytes(rt, value, sizeof(*value));")
            return code
        if struct.is_base and struct.struct.stype:
            code.add(f"value->sType = {struct.struct.stype};")
            code.add("value->pNext = NULL;")
        counts = self.count_names(struct.fields)
        counts.update({member: node for (name, member), node in self.far_counts.items()
                       if name == struct.name})
        pointers = []
        for item in struct.fields:
            value = f"value->{item.name}"
            if isinstance(item.node, Pointer):
                pointers.append(item)
                code.add(f"{value} = NULL;")
            elif item.name in counts:
                code.add(f"{value} = {self.count(item, counts[item.name])};")
            else:
                self.value(code, item.node, value, "value", 0)
        # What comes later may decide whether what comes before is read.
        for item in reversed(pointers):
            self.pointer(code, item.node, value_of(item, "value"), item.name, "value", 0)
        if struct.chain and struct.is_base:
            context = fill(struct.chain_context, "value") if struct.chain_context else "NULL"
            code.add(f"value->pNext = rt_chain(rt, SL_CHAIN(chain_{struct.name}), {context},"
                     " rt_fill_chained);")
            code.add(f"rt_garble_chain(value->pNext, {context});")
        if not struct.is_chained:
            self.garble(code, struct)
        return code

    def garbled(self, struct):
        return [f for f in struct.fields if f.when]

    def garble(self, code, struct):
        """Put garbage into what is ignored."""
        for item in self.garbled(struct):
            code.open(f"if (!({fill(item.when, 'value')}))")
            if isinstance(item.node, (Pointer, Handle)):
                code.add(f"value->{item.name} = RT_GARBAGE;")
            else:
                code.add(f"memset(&value->{item.name}, 0x7f, sizeof(value->{item.name}));")
            code.close()

    def garble_function(self, code, struct):
        body = Code()
        self.garble(body, struct)
        code.function(f"static void garble_{struct.name}({struct.name} *value"
                      f"{context_parameter(struct)})", body)

    def fill_union(self, code, struct):
        if struct.selector == "raw":
            code.add("rt_bytes(rt, value, sizeof(*value));")
            return
        code.add("memset(value, 0, sizeof(*value));")
        if struct.selector == "as":
            item = struct.fields[0]
            self.value(code, item.node, f"value->{item.name}", "value", 0)
            return
        code.add("switch (context) {")
        for item in struct.fields:
            for value in item.select:
                code.add(f"case {value}:")
            code.indent += 1
            self.value(code, item.node, f"value->{item.name}", "value", 0)
            code.add("break;")
            code.indent -= 1
        code.add("default:")
        code.add("\tbreak;")
        code.add("}")

    def skeleton_body(self, struct):
        code = Code()
        if struct.is_base and struct.struct.stype:
            code.add(f"value->sType = {struct.struct.stype};")
            chain = f"rt_chain(rt, SL_CHAIN(chain_{struct.name}), NULL, rt_skeleton_chained)" \
                if struct.chain else "NULL"
            code.add(f"value->pNext = {chain};")
        for item in struct.fields:
            node = item.node
            value = f"value->{item.name}"
            if item.is_count_of:
                code.add(f"{value} = rt_count(rt);")
            elif isinstance(node, (Pointer, StructRef)) and not is_fixed(node):
                self.value(code, node, value, "value", 0)
        return code

    # Results

    def result_body(self, struct):
        code = Code()
        if struct.is_image:
            code.add("rt_bytes(rt, value, sizeof(*value));")
            return code
        if struct.chain and struct.is_base:
            code.add("rt_result_chain(rt, value->pNext);")
        fields = struct.fields if struct.direction == OUT else \
            [f for f in struct.fields if node_has_outputs(f.node)]
        for item in fields:
            self.result(code, item, value_of(item, "value"), "value")
        return code

    def result(self, code, item, value, base):
        node = item.node
        if item.is_count_of and not isinstance(node, Pointer):
            self.result_count(code, item, value, base)
        elif isinstance(node, Pointer):
            self.result_pointer(code, item, value, base)
        elif isinstance(node, StructRef):
            code.add(f"rt_result_{node.plan.name}(rt, {address(value)});")
        elif isinstance(node, FixedArray) and not is_raw(node.elem):
            code.open(f"for (size_t i = 0; i < {node.count}; i++)")
            code.add(f"rt_result_{node.elem.plan.name}(rt, &{value}[i]);")
            code.close()
        elif isinstance(node, FixedArray):
            code.add(f"rt_bytes(rt, {value}, sizeof({value}));")
        else:
            code.add(f"{value} = {self.scalar(node, False)};")

    def result_count(self, code, item, value, base):
        arrays = " || ".join(f"{base}->{name} != NULL" for name in item.is_count_of)
        most = "UINT32_MAX"
        code.add(f"{value} = rt_upto(rt, {arrays} ? {value} : {most});")

    def result_pointer(self, code, item, value, base):
        node = item.node
        elem = node.elem
        if item.is_count_of and node.is_out:
            self.result_count(code, item, "*" + value, base)
            return
        when = fill(item.when, base) if item.when else None
        guarded = node.nullable
        if guarded:
            code.open(f"if ({f'({when}) && ' if when else ''}{value} != NULL)")
        count = fill(node.length, base) if node.is_array else "1"
        if isinstance(elem, Scalar) and elem.csize <= 1:
            code.add(f"rt_bytes(rt, {value}, {count});")
        elif not node.is_array:
            self.result_value(code, elem, "*" + value)
        else:
            code.open(f"for (size_t i = 0; i < {count}; i++)")
            self.result_value(code, elem, f"{value}[i]")
            code.close()
        if guarded:
            code.close()

    def result_value(self, code, elem, value):
        if isinstance(elem, Handle):
            code.open("if (!rt_chance(rt))")
            code.add(f"{value} = VK_NULL_HANDLE;")
            code.close()
        elif isinstance(elem, StructRef):
            code.add(f"rt_result_{elem.plan.name}(rt, {address(value)});")
        else:
            code.add(f"{value} = {self.scalar(elem, False)};")

    # Chains

    def lists(self, code):
        chained = {}
        for struct in self.plan.structs.values():
            if struct.is_chained:
                chained[struct.struct.stype] = struct
        code.open("const VkStructureType roundtrip_chained[] =")
        for stype in chained:
            code.add(f"{stype},")
        code.close(";")
        code.add("const size_t roundtrip_chained_count = SL_ARRAY_COUNT(roundtrip_chained);")

    def chain_tables(self):
        code = Code(0)
        done = set()
        for struct in self.plan.structs.values():
            if struct.chain and struct.is_base and struct.name not in done:
                done.add(struct.name)
                code.open(f"static const VkStructureType chain_{struct.name}[] =")
                for item in struct.chain:
                    code.add(f"{item.struct.stype},")
                code.close(";")
                code.add()
        return code

    def chained(self, code):
        self.switch(code, "fill", IN, "VkBaseOutStructure *item, const void *context")
        self.switch(code, "skeleton", OUT, "VkBaseOutStructure *item, const void *context")
        self.switch(code, "result", None, "const VkBaseOutStructure *item")
        body = Code()
        body.add("switch (item->sType) {")
        for struct in self.plan.structs.values():
            if struct.direction == IN and struct.is_chained and self.garbled(struct):
                context = ", context" if struct.context else ""
                body.add(f"case {struct.struct.stype}:")
                body.add(f"\tgarble_{struct.name}(({struct.name} *)item{context});")
                body.add("\treturn;")
        body.add("default:")
        body.add("\treturn;")
        body.add("}")
        code.function("void rt_garble_chained(VkBaseOutStructure *item, const void *context)",
                      body)

    def switch(self, code, verb, direction, parameters):
        body = Code()
        body.add("switch (item->sType) {")
        for struct in self.plan.structs.values():
            if not struct.is_chained or direction and struct.direction != direction:
                continue
            if verb == "result" and struct.direction == IN and not struct.has_outputs:
                continue
            context = ", context" if verb == "fill" and struct.context else ""
            body.add(f"case {struct.struct.stype}:")
            const = "const " if verb == "result" and struct.direction == IN else ""
            item = "(uintptr_t)item" if verb == "result" and not const else "item"
            value = f"({const}{struct.name} *){item}"
            if verb != "result" and struct.is_base:
                # The function would begin a chain of its own.
                body.add("{")
                body.indent += 1
                body.add("VkBaseOutStructure *next = item->pNext;")
                body.add()
                body.add(f"rt_{verb}_{struct.name}(rt, {value}{context});")
                body.add("item->pNext = next;")
                body.add("return;")
                body.close()
                continue
            if verb == "result" and struct.is_base:
                raise AssertionError(f"{struct.name}: results in chains of its own")
            body.indent += 1
            body.add(f"rt_{verb}_{struct.name}(rt, {value}{context});")
            body.add("return;")
            body.indent -= 1
        body.add("default:")
        body.add("\treturn;")
        body.add("}")
        code.function(f"void rt_{verb}_chained(struct rt *rt, {parameters})", body)

    # Commands

    def command(self, code, plan):
        name = plan.name
        body = Code()
        body.add(f"struct sl_{name} *args = data;")
        body.add()
        counts = self.count_names(plan.fields)
        for item in plan.fields:
            node = item.node
            value = value_of(item, "args")
            if isinstance(node, Pointer) and node.stride:
                body.add(f"args->{node.stride} = sizeof({node.elem.ctype});")
        strides = {f.node.stride for f in plan.fields if isinstance(f.node, Pointer)}
        for item in plan.fields:
            node = item.node
            value = value_of(item, "args")
            if item.name in strides:
                continue
            if isinstance(node, Pointer) and node.is_out and item.is_count_of:
                ctype = node.elem.ctype
                body.add(f"{value} = rt_alloc(rt, 1, sizeof({ctype}));")
                body.add(f"*{value} = rt_count(rt);")
            elif item.name in counts and isinstance(node, Scalar):
                body.add(f"{value} = {self.count(item, counts[item.name])};")
            else:
                if isinstance(node, Pointer) and node.cast:
                    value = f"args->{item.name}"
                self.value_named(body, item, value)
        code.function(f"static void fill_{name}(struct rt *rt, void *data)", body)
        if plan.has_reply:
            self.command_result(code, plan)

    def value_named(self, code, item, value):
        if isinstance(item.node, Pointer):
            self.pointer(code, item.node, value, item.name, "args", 0)
        else:
            self.value(code, item.node, value, "args", 0)

    def command_result(self, code, plan):
        body = Code()
        body.add(f"struct sl_{plan.name} *args = data;")
        body.add()
        if plan.ret is not None:
            if plan.ret.kind == "enum":
                body.add("args->ret = VK_SUCCESS;")
            else:
                body.add(f"args->ret = {self.scalar(plan.ret, False)};")
        for item in plan.fields:
            if item.is_output:
                self.result(body, item, value_of(item, "args"), "args")
        code.function(f"static void result_{plan.name}(struct rt *rt, void *data)", body)


def pointed_type(node):
    return "char" if node.is_string else node.elem.ctype
