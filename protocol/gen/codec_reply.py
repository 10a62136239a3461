# SPDX-License-Identifier: MIT
"""Functions for what replies carry: results, filled parameters, and what the implementation writes
through pointers in structs that are otherwise read."""

from c_code import Code

from codec_names import address, element, fill
from codec_parts import (Run, add_sum, elements_size, get, offset, product, put, split_runs,
                         split_spans, span_size)
from codec_request import value_of
from plan import IN, FixedArray, Handle, Pointer, Scalar, StructRef, is_raw, node_has_outputs
from registry import GenError

VERBS = {"size": "reply_size", "encode": "reply_encode", "decode": "reply_decode"}


class Reply:
    """Emits one function at a time, like Request."""

    def __init__(self, places, spans):
        self.places = places
        self.spans = spans

    # Fields of structs that are filled

    def size_fields(self, code, fields, base):
        """Adds the lines for fields; returns the part that is constant."""
        constant = 0
        for item in fields:
            node = item.node
            if node.wire_size is not None:
                constant += node.wire_size
            elif isinstance(node, Pointer):
                self.size_pointer(code, item, value_of(item, base), base)
            else:
                self.call(code, "size", node.plan, f"{base}->{item.name}")
        return constant

    def call(self, code, verb, plan, value):
        function = self.places.function(VERBS[verb], plan)
        if verb == "size":
            if out_wire_size(plan) is not None:
                code.add(f"size += {out_wire_size(plan)};")
            else:
                code.add(f"size += {function}(caps, {address(value)});")
        else:
            code.add(f"{function}({'out' if verb == 'encode' else 'in'}, {address(value)});")

    def size_pointer(self, code, item, value, base):
        node = item.node
        elem = node.elem
        if node.nullable:
            code.open(f"if ({self.present(item, value, base)})")
        if isinstance(elem, Handle):
            code.add(f"size += {product(node, base, 4) if node.is_array else 4};")
        elif is_raw(elem):
            size = fill(elements_size(value, node), base)
            if not node.is_array:
                size = str(elem.wire_size)
            plain = not node.is_array or elem.csize % 4 == 0 and elem.csize
            code.add(f"size += {size};" if plain else f"size += sl_writer_bytes_size({size});")
        elif out_wire_size(elem.plan) is not None:
            size = out_wire_size(elem.plan)
            code.add(f"size += {product(node, base, size) if node.is_array else size};")
        else:
            self.loop(code, node, base, lambda index: self.call(
                code, "size", elem.plan, element(value, node, index)))
        if node.nullable:
            code.close()

    def present(self, item, value, base):
        when = fill(item.when, base) if item.when else None
        return f"{when} && {value} != NULL" if when else f"{value} != NULL"

    def loop(self, code, node, base, body):
        if not node.is_array:
            body(None)
            return
        code.open(f"for (size_t i = 0; i < {fill(node.length, base)}; i++)")
        body("i")
        code.close()

    def encode_fields(self, code, fields, base, struct):
        run = Run(code, self.spans)
        for part in split_runs(fields):
            if isinstance(part, list):
                self.run(code, run, part, base, struct, "encode")
            else:
                self.field(code, part, base, "encode")

    def decode_fields(self, code, fields, base, struct):
        run = Run(code, self.spans)
        for part in split_runs(fields, lambda item: bool(item.is_count_of)):
            if isinstance(part, list):
                self.run(code, run, part, base, struct, "decode")
            elif part.is_count_of:
                self.decode_count(code, part, f"{base}->{part.name}", part.node, base)
            else:
                self.field(code, part, base, "decode")

    def run(self, code, run, fields, base, struct, verb):
        size = sum(item.node.wire_size for item in fields)
        if verb == "encode":
            call = f"sl_writer_reserve(out, {size})"
            if len(fields) == 1:
                put(code, fields[0].node, call, f"{base}->{fields[0].name}")
                return
            run.begin("uint8_t", call)
        else:
            begin_decode(code, run, size)
        at = 0
        for part in split_spans(fields):
            if isinstance(part, list):
                size = span_size(part)
                self.spans.add((struct.name, part[0].name, part[-1].name, size))
                ends = (offset(at), f"&{base}->{part[0].name}")
                code.add(f"memcpy({', '.join(ends if verb == 'encode' else ends[::-1])}, {size});")
                at += size
                continue
            value = f"{base}->{part.name}"
            if verb == "encode":
                put(code, part.node, offset(at), value)
            else:
                get(code, part.node, offset(at), value, base)
            at += part.node.wire_size

    def decode_count(self, code, item, value, node, base):
        arrays = " || ".join(f"{base}->{name} != NULL" for name in item.is_count_of)
        if len(item.is_count_of) > 1:
            arrays = f"({arrays})"
        bits = 64 if node.wire_size == 8 else 32
        code.add(f"{value} = sl_reader_count{bits}(in, {arrays} ? {value} : UINT{bits}_MAX);")

    def field(self, code, item, base, verb):
        node = item.node
        value = value_of(item, base)
        if isinstance(node, Pointer):
            self.pointer(code, item, value, base, verb)
        elif isinstance(node, FixedArray):
            code.open(f"for (size_t i = 0; i < {node.count}; i++)")
            self.call(code, verb, node.elem.plan, f"{value}[i]")
            code.close()
        elif isinstance(node, StructRef):
            self.call(code, verb, node.plan, value)
        else:
            raise GenError(item.place, f"{item.name}: cannot return this")

    def pointer(self, code, item, value, base, verb):
        node = item.node
        elem = node.elem
        if node.nullable:
            code.open(f"if ({self.present(item, value, base)})")
        if isinstance(elem, Handle):
            self.loop(code, node, base, lambda index: self.handle(
                code, element(value, node, index), verb))
        elif is_raw(elem):
            call = "sl_writer_bytes(out" if verb == "encode" else "sl_reader_bytes(in"
            code.add(f"{call}, {value}, {fill(elements_size(value, node), base)});")
        else:
            self.loop(code, node, base, lambda index: self.call(
                code, verb, elem.plan, element(value, node, index)))
        if node.nullable:
            code.close()

    def handle(self, code, value, verb):
        """Whether the object was created; the guest knows the handle already."""
        if verb == "encode":
            code.add(f"sl_writer_u32(out, {value} != VK_NULL_HANDLE);")
            return
        code.open("if (sl_reader_u32(in) == 0)")
        code.add(f"{value} = VK_NULL_HANDLE;")
        code.close()

    # Functions of structs

    def head(self, verb, struct, body=False):
        result, first, const = {
            "size": ("size_t", "const struct sl_caps *caps", "const "),
            "encode": ("void", "struct sl_writer *out", "const "),
            "decode": ("void", "struct sl_reader *in",
                       "const " if struct.direction == IN else "")}[verb]
        name = self.places.function(VERBS[verb], struct) + ("_body" if body else "")
        return (f"{self.places.linkage(struct)}{result} {name}({first},"
                f" {const}{struct.name} *value)")

    def chain_list(self, struct):
        if struct.direction == IN:
            return f"SL_CHAIN(outputs_{struct.name})"
        return f"SL_CHAIN(chain_{struct.name})" if struct.chain else "NULL, 0"

    def has_chain(self, struct):
        if struct.chain is None or not struct.is_base:
            return False
        return struct.direction != IN or any(c.has_outputs for c in struct.chain)

    def struct_functions(self, struct, code):
        if struct.direction == IN and not struct.has_outputs:
            return
        if struct.is_image:
            return
        if struct.struct.is_union:
            raise GenError(struct.struct.place, f"cannot return the union {struct.name}")
        if struct.direction == IN and struct.context:
            raise GenError(struct.struct.place, f"{struct.name} has outputs and a context")
        fields = self.reply_fields(struct)
        for verb in ("size", "encode", "decode"):
            if verb == "size" and out_wire_size(struct) is not None:
                continue
            self.struct_function(struct, code, verb, fields)

    def reply_fields(self, struct):
        if struct.direction != IN:
            return struct.fields
        return [f for f in struct.fields if node_has_outputs(f.node)]

    def struct_function(self, struct, code, verb, fields):
        both = struct.is_base and struct.is_chained
        chain = None
        if self.has_chain(struct):
            first = {"size": "caps", "encode": "out", "decode": "in"}[verb]
            chain = f"sl_chain_{VERBS[verb]}({first}, value->pNext, {self.chain_list(struct)})"
        if both and chain and fields:
            code.function(self.head(verb, struct, True),
                          self.body(struct, verb, fields, None))
            own = f"{self.places.function(VERBS[verb], struct)}_body"
            body = Code()
            if verb == "size":
                body.add(f"return {own}(caps, value) + {chain};")
            else:
                body.add(f"{chain};")
                body.add(f"{own}({'out' if verb == 'encode' else 'in'}, value);")
            code.function(self.head(verb, struct), body)
            return
        code.function(self.head(verb, struct), self.body(struct, verb, fields, chain))

    def body(self, struct, verb, fields, chain):
        code = Code()
        if verb == "size":
            inner = code.inner()
            constant = self.size_fields(inner, fields, "value")
            add_sum(code, constant, [chain] if chain else [], inner.lines)
            return code
        if chain:
            code.add(f"{chain};")
        if verb == "encode":
            self.encode_fields(code, fields, "value", struct)
        else:
            self.decode_fields(code, fields, "value", struct)
        return code

    # Commands

    def outputs(self, plan):
        return [f for f in plan.fields if f.is_output]

    def is_value(self, item):
        """True for a parameter that points to one scalar."""
        node = item.node
        return node.is_out and isinstance(node.elem, Scalar) and not node.is_array and \
            not node.nullable

    def command_size(self, plan):
        code = Code()
        inner = code.inner()
        constant = plan.ret.wire_size if plan.ret is not None else 0
        for item in self.outputs(plan):
            node = item.node
            if self.is_value(item):
                constant += node.elem.wire_size
            elif node.is_out and isinstance(node.elem, Handle) and not node.is_array and \
                    not node.nullable:
                constant += 4
            else:
                self.size_pointer(inner, item, value_of(item, "args"), "args")
        add_sum(code, constant, (), inner.lines)
        return code

    def command_encode(self, plan):
        code = Code()
        if plan.ret is not None:
            put(code, plan.ret, f"sl_writer_reserve(out, {plan.ret.wire_size})", "args->ret")
        for item in self.outputs(plan):
            if self.is_value(item):
                elem = item.node.elem
                put(code, elem, f"sl_writer_reserve(out, {elem.wire_size})", f"*args->{item.name}")
            else:
                self.pointer(code, item, value_of(item, "args"), "args", "encode")
        return code

    def command_decode(self, plan):
        code = Code()
        if plan.ret is not None:
            self.decode_value(code, plan.ret, "args->ret")
        for item in self.outputs(plan):
            value = f"*args->{item.name}"
            if item.is_count_of and item.node.is_out:
                self.decode_count(code, item, value, item.node.elem, "args")
            elif self.is_value(item):
                self.decode_value(code, item.node.elem, value)
            else:
                self.pointer(code, item, value_of(item, "args"), "args", "decode")
        return code

    def decode_value(self, code, node, value):
        wide = node.wire_size == 8
        if node.kind in ("f32", "f64"):
            code.add(f"sl_reader_bytes(in, {address(value)}, {node.csize});")
            return
        cast = f"({node.ctype})" if node.check == node.ctype and not wide else ""
        code.add(f"{value} = {cast}sl_reader_{'u64' if wide else 'u32'}(in);")


def begin_decode(code, run, size):
    run.begin("const uint8_t", f"sl_reader_take(in, {size})")
    code.open("if (at == NULL)")
    code.add("return;")
    code.close()


def out_wire_size(plan):
    """Bytes of a struct in a reply if they are always the same, else None."""
    if plan.is_image:
        return plan.csize
    if plan.direction == IN or plan.chain is not None and plan.is_base:
        return None
    return plan.body_size
