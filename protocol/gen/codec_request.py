# SPDX-License-Identifier: MIT
"""Functions for what requests carry: parameters and structs that are read, and the skeletons of
those that are filled."""

from c_code import Code

from codec_names import address, context_parameter, element, fill
from codec_parts import (Run, add_sum, bool_text, elements_size, get, is_fixed, offset, product,
                         put, split_runs, split_spans, span_size)
from plan import (OUT, FixedArray, Handle, Pointer, Scalar, StructRef, has_skeleton, is_raw,
                  padded)
from registry import GenError

LOOP = "ijk"


class Request:
    """Emits one function at a time; places tells what the functions of structs are called."""

    def __init__(self, places, spans):
        self.places = places
        self.spans = spans     # set of (struct, first, last, size) to be asserted

    # Sizes

    def size_body(self, fields, base, terms=()):
        """The body of a size function: terms (C) and the fields."""
        code = Code()
        inner = code.inner()
        constant = 0
        for item in fields:
            constant += self.size_field(inner, item, base)
        add_sum(code, constant, terms, inner.lines)
        return code

    def size_field(self, code, item, base):
        """Add the lines for a field's size; returns the part that is constant."""
        node = item.node
        value = value_of(item, base)
        if node.wire_size is not None:
            return node.wire_size
        if isinstance(node, Pointer):
            return self.size_pointer(code, node, value, base, 0, item)
        self.no_condition(item)
        self.size_value(code, node, value, base, 0)
        return 0

    def size_pointer(self, code, node, value, base, depth, item):
        if node.is_null:
            return 0
        constant = 4 if node.nullable else 0
        inner = Code(code.shift + code.indent + (1 if node.nullable else 0))
        added = 0
        if node.is_out and isinstance(node.elem, Handle) and not node.is_array and \
                not node.nullable:
            added = 8
        elif node.is_out:
            self.skeleton_size_elements(inner, node, value, base, depth)
        elif node.is_string:
            inner.add(f"size += sl_writer_string_size({value});")
        elif node.stride:
            inner.add(f"size += {product(node, base, node.elem.wire_size)};")
        elif is_raw(node.elem):
            size = fill(elements_size(value, node), base)
            if not node.is_array and not node.nullable:
                added = node.elem.wire_size
            elif node.is_array and node.length.isdigit() and not node.nullable:
                added = padded(int(node.length) * node.elem.csize)
            elif not node.is_array:
                inner.add(f"size += {node.elem.wire_size};")
            elif node.elem.csize % 4 == 0 and node.elem.csize:
                inner.add(f"size += {size};")
            else:
                inner.add(f"size += sl_writer_bytes_size({size});")
        else:
            added = self.size_elements(inner, node, value, base, depth)
        if not inner.lines:
            return constant + added
        if node.nullable:
            code.open(f"if ({self.present(node, value, base, item)})")
            code.append(inner)
            code.close()
        else:
            code.append(inner)
        return constant + added

    def size_elements(self, code, node, value, base, depth):
        elem = node.elem
        if elem.wire_size is not None:
            if node.is_array:
                code.add(f"size += {product(node, base, elem.wire_size)};")
                return 0
            if not node.nullable:
                return elem.wire_size
            code.add(f"size += {elem.wire_size};")
            return 0
        if not node.is_array:
            self.size_value(code, elem, "*" + value, base, depth)
            return 0
        index = LOOP[depth]
        code.open(f"for (size_t {index} = 0; {index} < {fill(node.length, base)}; {index}++)")
        self.size_value(code, elem, f"{value}[{index}]", base, depth + 1)
        code.close()
        return 0

    def size_value(self, code, node, value, base, depth):
        if isinstance(node, Pointer):
            constant = self.size_pointer(code, node, value, base, depth, None)
            if constant:
                code.add(f"size += {constant};")
        elif isinstance(node, StructRef):
            function = self.places.function("size", node.plan)
            code.add(f"size += {function}(caps, {address(value)}{self.pass_on(node, base)});")
        elif isinstance(node, FixedArray):
            index = LOOP[depth]
            code.open(f"for (size_t {index} = 0; {index} < {node.count}; {index}++)")
            self.size_value(code, node.elem, f"{value}[{index}]", base, depth + 1)
            code.close()
        else:
            raise AssertionError(f"{value}: {node} has a constant size")

    def skeleton_size_elements(self, code, node, value, base, depth):
        elem = node.elem
        if isinstance(elem, Handle):
            code.add(f"size += {product(node, base, 8) if node.is_array else 8};")
        elif has_skeleton(elem):
            self.loop(code, node, base, depth, lambda index: code.add(
                f"size += {self.places.function('skeleton_size', elem.plan)}(caps,"
                f" {address(element(value, node, index))});"))

    # Encoding

    def present(self, node, value, base, item):
        when = fill(item.when, base) if item is not None and item.when else None
        if when and ("||" in when or "?" in when):
            when = f"({when})"
        return f"{when} && {value} != NULL" if when else f"{value} != NULL"

    def pass_on(self, node, base):
        if node.plan.context is None or node.plan.direction == OUT:
            return ""
        return ", " + fill(node.context, base)

    def no_condition(self, item):
        if item.when:
            raise GenError(item.place, f"{item.name}: 'when' is for scalars, handles, pointers and"
                           " arrays of plain data")

    def encode_fields(self, code, fields, base, struct=None):
        run = Run(code, self.spans)
        for part in split_runs(fields):
            if isinstance(part, list):
                self.encode_run(code, run, part, base, struct)
            else:
                self.encode_field(code, part, base)

    def encode_run(self, code, run, fields, base, struct):
        size = sum(item.node.wire_size for item in fields)
        reserve = f"sl_writer_reserve(out, {size})"
        if len(fields) == 1:
            self.put_field(code, fields[0], reserve, base)
            return
        run.begin("uint8_t", reserve)
        at = 0
        for part in split_spans(fields):
            if isinstance(part, list):
                size = span_size(part)
                self.spans.add((struct.name, part[0].name, part[-1].name, size))
                code.add(f"memcpy({offset(at)}, &{base}->{part[0].name}, {size});")
                at += size
            else:
                self.put_field(code, part, offset(at), base)
                at += part.node.wire_size

    def put_field(self, code, item, at, base):
        value = value_of(item, base)
        if not item.when:
            put(code, item.node, at, value)
            return
        when = fill(item.when, base)
        if isinstance(item.node, (Scalar, Handle)):
            zero = "VK_NULL_HANDLE" if isinstance(item.node, Handle) else "0"
            if "||" in when or "&&" in when or "?" in when:
                when = f"({when})"
            self.put_when(code, item.node, at, f"{when} ? {value} : {zero}")
            return
        # The place is needed twice.
        if at.startswith("sl_writer_reserve"):
            raise GenError(item.place, f"{item.name}: 'when' of a lone array is not supported")
        code.open(f"if ({when})")
        put(code, item.node, at, value)
        code.middle("else")
        code.add(f"memset({at}, 0, {item.node.wire_size});")
        code.close()

    def put_when(self, code, node, at, value):
        if isinstance(node, Handle) and node.typed_by:
            raise AssertionError("a conditional handle of any type")
        put(code, node, at, value)

    def encode_field(self, code, item, base):
        node = item.node
        value = value_of(item, base)
        if isinstance(node, Pointer):
            self.encode_pointer(code, node, value, base, 0, item)
        else:
            self.no_condition(item)
            self.encode_value(code, node, value, base, 0)

    def encode_pointer(self, code, node, value, base, depth, item):
        if node.is_null:
            return
        if node.nullable:
            code.open(f"if (sl_writer_present(out, {self.present(node, value, base, item)}))")
        if node.is_out:
            self.skeleton_encode_elements(code, node, value, base, depth)
        elif node.is_string:
            code.add(f"sl_writer_string(out, {value});")
        elif node.stride:
            self.encode_strided(code, node, value, base, depth)
        elif is_raw(node.elem):
            code.add(f"sl_writer_bytes(out, {value}, {fill(elements_size(value, node), base)});")
        else:
            self.loop(code, node, base, depth, lambda index: self.encode_value(
                code, node.elem, element(value, node, index), base, depth + 1))
        if node.nullable:
            if code.lines[-1].endswith("{"):
                code.lines.pop()
                code.indent -= 1
                code.add(f"sl_writer_present(out, {self.present(node, value, base, item)});")
            else:
                code.close()

    def loop(self, code, node, base, depth, body):
        """body(index) for each element, or once."""
        if not node.is_array:
            body(None)
            return
        index = LOOP[depth]
        code.open(f"for (size_t {index} = 0; {index} < {fill(node.length, base)}; {index}++)")
        body(index)
        code.close()

    def encode_strided(self, code, node, value, base, depth):
        size = node.elem.wire_size
        if not node.elem.is_image:
            raise AssertionError("strided arrays hold plain data")
        self.loop(code, node, base, depth, lambda index: code.add(
            f"memcpy(sl_writer_reserve(out, {size}), sl_at_stride({value}, {index},"
            f" {base}->{node.stride}), {size});"))

    def encode_value(self, code, node, value, base, depth):
        if isinstance(node, Pointer):
            self.encode_pointer(code, node, value, base, depth, None)
        elif isinstance(node, Handle):
            if not node.is_null:
                code.add(f"sl_writer_handle(out, SL_U64({value}));")
        elif isinstance(node, StructRef) and not is_fixed(node):
            function = self.places.function("encode", node.plan)
            code.add(f"{function}(out, {address(value)}{self.pass_on(node, base)});")
        elif isinstance(node, FixedArray) and not is_fixed(node):
            index = LOOP[depth]
            code.open(f"for (size_t {index} = 0; {index} < {node.count}; {index}++)")
            self.encode_value(code, node.elem, f"{value}[{index}]", base, depth + 1)
            code.close()
        else:
            put(code, node, f"sl_writer_reserve(out, {node.wire_size})", value)

    def skeleton_encode_elements(self, code, node, value, base, depth):
        elem = node.elem
        if isinstance(elem, Handle):
            self.loop(code, node, base, depth, lambda index: code.add(
                f"sl_writer_handle(out, SL_U64({element(value, node, index)}));"))
        elif has_skeleton(elem):
            self.loop(code, node, base, depth, lambda index: code.add(
                f"{self.places.function('skeleton_encode', elem.plan)}(out,"
                f" {address(element(value, node, index))});"))

    # Decoding

    def decode_fields(self, code, fields, base, struct=None):
        run = Run(code, self.spans)
        for part in split_runs(fields):
            if isinstance(part, list):
                self.decode_run(code, run, part, base, struct)
            else:
                self.decode_field(code, part, base, struct)

    def decode_run(self, code, run, fields, base, struct):
        size = sum(item.node.wire_size for item in fields)
        run.begin("const uint8_t", f"sl_reader_take(in, {size})")
        code.open("if (at == NULL)")
        code.add("return;")
        code.close()
        at = 0
        checks = code.inner()
        for part in split_spans(fields):
            if isinstance(part, list):
                size = span_size(part)
                self.spans.add((struct.name, part[0].name, part[-1].name, size))
                code.add(f"memcpy(&{base}->{part[0].name}, {offset(at)}, {size});")
                self.check_span(checks, part, base)
                at += size
            else:
                value = f"{base}->{part.name}"
                get(code, part.node, offset(at), value, base)
                self.check(checks, part.node, value, part)
                at += part.node.wire_size
        code.append(checks)

    def check_span(self, code, span, base):
        bools = []
        for item in span + [None]:
            if item is not None and isinstance(item.node, Scalar) and item.node.kind == "bool":
                bools.append(item)
                continue
            if bools:
                code.add(f"sl_fix_bools(&{base}->{bools[0].name}, {len(bools)});")
                bools = []
            if item is not None:
                self.check(code, item.node, f"{base}->{item.name}", item)

    def check(self, code, node, value, item=None, is_copied=False):
        """Check a value that has been decoded. is_copied: as plain data, with others."""
        if isinstance(node, Scalar):
            if node.kind == "enum":
                self.zero_is_known(node, item)
                code.add(f"sl_check_{node.check}(in, {value});")
            elif node.kind == "bits":
                code.add(f"sl_check_bits(in, {value}, SL_BITS_{node.check});")
            elif node.kind == "bool" and is_copied:
                code.add(f"{value} = {value} != 0;")
        elif isinstance(node, StructRef):
            if node.is_image and node.is_checked:
                code.add(f"{self.places.function('check', node.plan)}(in, {address(value)});")
            elif node.plan.selector == "as":
                field = node.plan.fields[0]
                self.check(code, field.node, f"{value}.{field.name}", item)
        elif isinstance(node, FixedArray) and node.is_checked and is_raw(node.elem):
            index = LOOP[2]
            code.open(f"for (size_t {index} = 0; {index} < {node.count}; {index}++)")
            self.check(code, node.elem, f"{value}[{index}]", item, True)
            code.close()

    def zero_is_known(self, node, item):
        if item is not None and item.when and \
                0 not in self.places.plan.model.enums[node.check].values.values():
            raise GenError(item.place, f"{item.name}: 'when' of an enum without a value 0")

    def decode_field(self, code, item, base, struct):
        node = item.node
        value = value_of(item, base)
        if isinstance(node, Pointer):
            if node.cast:
                # The decoder makes the struct itself; any pointer converts to the prototype's.
                value = f"{base}->{item.name}"
            self.decode_pointer(code, node, value, item.name, base, 0, struct is None)
        elif isinstance(node, Handle):
            code.add(f"{value} = VK_NULL_HANDLE;")
        else:
            self.decode_value(code, node, value, item.name, base, 0)

    def decode_pointer(self, code, node, value, name, base, depth, in_args):
        if node.is_null:
            return
        if node.nullable:
            # Structs are zeroed memory of the arena already; parameters are not.
            if in_args:
                code.add(f"{value} = NULL;")
            code.open("if (sl_reader_present(in))")
        if node.is_string:
            code.add(f"{value} = sl_reader_string(in);")
        elif node.is_out:
            self.skeleton_decode_elements(code, node, value, name, base, depth)
        else:
            self.decode_elements(code, node, value, name, base, depth)
        if node.nullable:
            code.close()

    def decode_elements(self, code, node, value, name, base, depth):
        elem = node.elem
        count = fill(node.length, base) if node.is_array else "1"
        raw = is_raw(elem)
        # What needs no more alignment than the message has is used where it lies.
        if raw and not elem.is_checked and elem.calign <= 4:
            size = 1 if elem.csize <= 1 else f"sizeof(*{value})"
            code.add(f"{value} = sl_reader_borrow(in, {count}, {size});")
            return
        if raw and not elem.is_checked:
            code.add(f"{value} = sl_reader_copy(in, {count}, sizeof(*{value}));")
            return
        if raw:
            call = f"sl_reader_copy(in, {count}, sizeof(*{name}))"
        elif node.is_array:
            call = f"sl_reader_array(in, {count}, {elem.min_size}, sizeof(*{name}))"
        else:
            call = f"sl_reader_alloc(in, 1, sizeof(*{name}))"
        self.local(code, node, value, name, call)
        self.loop(code, node, base, depth, lambda index: (
            self.check(code, elem, element(name, node, index), None, True) if raw else
            self.decode_value(code, elem, element(name, node, index), "item", base, depth + 1)))

    def local(self, code, node, value, name, call):
        """Memory for the elements in a local variable, which is not const; then the member."""
        code.add(f"{element_type(node.elem)}{name} = {call};")
        code.open(f"if ({name} == NULL)")
        code.add("return;")
        code.close()
        cast = "(void *)" if node.cast else ""
        code.add(f"{value} = {cast}{name};")

    def decode_value(self, code, node, value, name, base, depth):
        if isinstance(node, Pointer):
            self.decode_pointer(code, node, value, name, base, depth, False)
        elif isinstance(node, Handle):
            code.add(f"{value} = SL_HANDLE(sl_reader_handle(in, {node.object_type},"
                     f" {bool_text(node.nullable)}));")
        elif isinstance(node, StructRef):
            plan = node.plan
            selector = ""
            if plan.selector == "select":
                selector = self.pass_on(node, base)
            function = self.places.function("decode", plan)
            code.add(f"{function}(in, {address(value)}{selector});")
        elif isinstance(node, FixedArray):
            index = LOOP[depth]
            code.open(f"for (size_t {index} = 0; {index} < {node.count}; {index}++)")
            self.decode_value(code, node.elem, f"{value}[{index}]", name, base, depth + 1)
            code.close()
        else:
            raise AssertionError(f"{value}: {node} is part of a run")

    def skeleton_decode_elements(self, code, node, value, name, base, depth):
        elem = node.elem
        count = fill(node.length, base) if node.is_array else "1"
        if isinstance(elem, Handle):
            self.local(code, node, value, name,
                       f"sl_reader_array(in, {count}, 8, sizeof(*{name}))")
            self.loop(code, node, base, depth, lambda index: code.add(
                f"{element(name, node, index)} ="
                f" SL_HANDLE(sl_reader_new_handle(in, {elem.object_type}));"))
        elif has_skeleton(elem):
            call = f"sl_reader_array(in, {count}, {skeleton_min_size(elem)}, sizeof(*{name}))" \
                if node.is_array else f"sl_reader_alloc(in, 1, sizeof(*{name}))"
            self.local(code, node, value, name, call)
            self.loop(code, node, base, depth, lambda index: code.add(
                f"{self.places.function('skeleton_decode', elem.plan)}(in,"
                f" {address(element(name, node, index))});"))
        elif isinstance(elem, Scalar) and elem.kind == "void":
            code.add(f"{value} = sl_reader_output(in, {count}, 1);")
        else:
            code.add(f"{value} = sl_reader_output(in, {count}, sizeof(*{value}));")

    # Functions of structs

    def struct_functions(self, struct, code):
        """Add all functions of a struct to code."""
        if struct.direction == OUT:
            self.skeleton_functions(struct, code)
            return
        if struct.struct.is_union:
            self.union_functions(struct, code)
            return
        if struct.is_image:
            if struct.is_checked:
                self.check_function(struct, code)
            return
        both = struct.is_base and struct.is_chained
        if struct.wire_size is None:
            self.size_functions(struct, code, both)
        self.encode_functions(struct, code, both)
        self.decode_functions(struct, code, both)

    def head(self, verb, struct, result, first, const="const ", context=True, body=False):
        name = self.places.function(verb, struct) + ("_body" if body else "")
        parameter = context_parameter(struct) if context else ""
        return (f"{self.places.linkage(struct)}{result} {name}({first},"
                f" {const}{struct.name} *value{parameter})")

    def chain(self, struct, value="value"):
        """The arguments of chain functions: next, list."""
        return f"SL_CHAIN(chain_{struct.name})" if struct.chain else "NULL, 0"

    def size_functions(self, struct, code, both):
        first = "const struct sl_caps *caps"
        fixed = struct.body_size
        if struct.chain is None or not struct.is_base:
            if fixed is None:
                code.function(self.head("size", struct, "size_t", first),
                              self.size_body(struct.fields, "value"))
            return
        chain = f"sl_chain_size(caps, value->pNext, {self.chain(struct)}," \
            f" {self.chain_context(struct)})"
        body = Code()
        if fixed is not None:
            body.add(f"return {fixed} + {chain};")
        elif both:
            code.function(self.head("size", struct, "size_t", first, body=True),
                          self.size_body(struct.fields, "value"))
            context = ", context" if struct.context else ""
            own = f"{self.places.function('size', struct)}_body(caps, value{context})"
            body.add(f"return {own} + {chain};")
        else:
            body = self.size_body(struct.fields, "value", [chain])
        code.function(self.head("size", struct, "size_t", first), body)

    def chain_context(self, struct):
        return fill(struct.chain_context, "value") if struct.chain_context else "NULL"

    def encode_functions(self, struct, code, both):
        first = "struct sl_writer *out"
        inner = Code()
        self.encode_fields(inner, struct.fields, "value", struct)
        if both:
            code.function(self.head("encode", struct, "void", first, body=True), inner)
            inner = Code()
            context = ", context" if struct.context else ""
            inner.add(f"{self.places.function('encode', struct)}_body(out, value{context});")
        body = Code()
        if struct.chain is not None and struct.is_base:
            body.add(f"sl_chain_encode(out, value->pNext, {self.chain(struct)},"
                     f" {self.chain_context(struct)});")
        body.lines += inner.lines
        code.function(self.head("encode", struct, "void", first), body)

    def decode_functions(self, struct, code, both):
        first = "struct sl_reader *in"
        inner = Code()
        self.decode_fields(inner, struct.fields, "value", struct)
        if both:
            code.function(self.head("decode", struct, "void", first, "", False, True), inner)
            inner = Code()
            inner.add(f"{self.places.function('decode', struct)}_body(in, value);")
        body = Code()
        if struct.chain is not None and struct.is_base:
            body.add(f"value->sType = {struct.struct.stype};")
            body.add(f"sl_chain_decode(in, value, {self.chain(struct)});")
        body.lines += inner.lines
        code.function(self.head("decode", struct, "void", first, "", False), body)

    def check_function(self, struct, code):
        body = Code()
        bools = []
        for item in struct.fields + [None]:
            if item is not None and isinstance(item.node, Scalar) and item.node.kind == "bool":
                bools.append(item)
                continue
            if len(bools) == 1:
                body.add(f"value->{bools[0].name} = value->{bools[0].name} != 0;")
            elif bools:
                body.add(f"sl_fix_bools(&value->{bools[0].name}, {len(bools)});")
            bools = []
            if item is not None:
                self.check(body, item.node, f"value->{item.name}", item, True)
        code.function(self.head("check", struct, "void", "struct sl_reader *in", "", False), body)

    def union_functions(self, struct, code):
        if struct.selector != "select":
            return
        for verb, result, first, const in (
                ("size", "size_t", "const struct sl_caps *caps", "const "),
                ("encode", "void", "struct sl_writer *out", "const "),
                ("decode", "void", "struct sl_reader *in", "")):
            body = Code()
            if verb == "size":
                body.add("size_t size = 0;")
                body.add()
            body.add("switch (context) {")
            for item in struct.fields:
                for value in item.select:
                    body.add(f"case {value}:")
                body.indent += 1
                self.union_member(body, verb, item)
                body.add("break;")
                body.indent -= 1
            body.add("default:")
            body.add("\tbreak;")
            body.add("}")
            if verb == "size":
                body.add("return size;")
            code.function(self.head(verb, struct, result, first, const), body)

    def union_member(self, code, verb, item):
        node = item.node
        value = f"value->{item.name}"
        if verb == "size":
            constant = self.size_field(code, item, "value")
            if constant:
                code.add(f"size += {constant};")
        elif verb == "encode":
            if is_fixed(node):
                put(code, node, f"sl_writer_reserve(out, {node.wire_size})", value)
            else:
                self.encode_field(code, item, "value")
        elif is_fixed(node) and isinstance(node, Scalar):
            code.add(f"{value} = sl_reader_{'u64' if node.wire_size == 8 else 'u32'}(in);")
            self.check(code, node, value)
        elif isinstance(node, Pointer):
            code.add("{")
            code.indent += 1
            self.decode_pointer(code, node, value, item.name, "value", 0, False)
            code.close()
        else:
            self.decode_value(code, node, value, item.name, "value", 0)

    # Skeletons

    def skeleton_functions(self, struct, code):
        both = struct.is_base and struct.is_chained
        fields = [f for f in struct.fields if f.is_count_of or has_skeleton(f.node)]
        has_chain = struct.chain is not None and struct.is_base
        if not has_chain and not fields:
            return
        if both and fields:
            raise GenError(struct.struct.place, f"{struct.name} begins chains, joins chains and"
                           " has arrays that are filled")
        chain = self.chain(struct)
        terms = [f"sl_chain_skeleton_size(caps, value->pNext, {chain})"] if has_chain else []
        size = self.skeleton_size(fields, terms)
        encode = Code()
        decode = Code()
        if has_chain:
            encode.add(f"sl_chain_skeleton_encode(out, value->pNext, {chain});")
            decode.add(f"value->sType = {struct.struct.stype};")
            decode.add(f"sl_chain_skeleton_decode(in, value, {chain});")
        for item in fields:
            self.skeleton_encode_field(encode, item, "value")
            self.skeleton_decode_field(decode, item, "value")
        code.function(self.head("skeleton_size", struct, "size_t", "const struct sl_caps *caps"),
                      size)
        code.function(self.head("skeleton_encode", struct, "void", "struct sl_writer *out"),
                      encode)
        code.function(self.head("skeleton_decode", struct, "void", "struct sl_reader *in", ""),
                      decode)

    def skeleton_size(self, fields, terms):
        code = Code()
        constant = 0
        inner = code.inner()
        for item in fields:
            if item.is_count_of:
                constant += item.node.wire_size
            elif isinstance(item.node, Pointer):
                constant += self.size_pointer(inner, item.node, f"value->{item.name}", "value", 0,
                                              item)
            else:
                function = self.places.function("skeleton_size", item.node.plan)
                inner.add(f"size += {function}(caps, &value->{item.name});")
        add_sum(code, constant, terms, inner.lines)
        return code

    def skeleton_encode_field(self, code, item, base):
        node = item.node
        value = value_of(item, base)
        if item.is_count_of:
            self.encode_count(code, item, value, base)
        elif isinstance(node, Pointer):
            self.encode_pointer(code, node, value, base, 0, item)
        else:
            function = self.places.function("skeleton_encode", node.plan)
            code.add(f"{function}(out, &{value});")

    def encode_count(self, code, item, value, base):
        """The room for results: nothing where no array is there to hold them."""
        arrays = " || ".join(f"{base}->{name} != NULL" for name in item.is_count_of)
        if len(item.is_count_of) > 1:
            arrays = f"({arrays})"
        wide = isinstance(item.node, Scalar) and item.node.wire_size == 8 or \
            isinstance(item.node, Pointer) and item.node.elem.wire_size == 8
        code.add(f"sl_writer_{'u64' if wide else 'u32'}(out, {arrays} ? {value} : 0);")

    def skeleton_decode_field(self, code, item, base):
        node = item.node
        value = value_of(item, base)
        if item.is_count_of:
            code.add(f"{value} = sl_reader_{'u64' if node.wire_size == 8 else 'u32'}(in);")
        elif isinstance(node, Pointer):
            self.decode_pointer(code, node, value, item.name, base, 0, False)
        else:
            code.add(f"{self.places.function('skeleton_decode', node.plan)}(in, &{value});")

    # Commands

    def is_count(self, item):
        """True for a parameter that holds the room for results, and then their number."""
        node = item.node
        return isinstance(node, Pointer) and node.is_out and bool(item.is_count_of)

    def command_size(self, plan):
        code = Code()
        if plan.fixed_size is not None:
            code.add(f"return SL_SIZE_{plan.name};")
            return code
        inner = code.inner()
        constant = 0
        for item in plan.travels:
            if self.is_count(item):
                constant += item.node.elem.wire_size
            else:
                constant += self.size_field(inner, item, "args")
        if not inner.lines:
            raise AssertionError(f"{plan.name} has a fixed size")
        add_sum(code, constant, (), inner.lines)
        return code

    def command_encode(self, plan):
        code = Code()
        run = Run(code, self.spans)
        for part in split_runs(plan.travels):
            if isinstance(part, list):
                self.encode_run(code, run, part, "args", None)
            elif self.is_count(part):
                self.encode_count(code, part, f"*args->{part.name}", "args")
            else:
                self.encode_field(code, part, "args")
        return code

    def command_decode(self, plan):
        code = Code()
        run = Run(code, self.spans)
        for part in split_runs(plan.travels):
            if isinstance(part, list):
                self.decode_run(code, run, part, "args", None)
            elif self.is_count(part):
                self.decode_count(code, part)
            else:
                self.decode_field(code, part, "args", None)
        for item in plan.fields:
            if isinstance(item.node, Pointer) and item.node.stride:
                code.add(f"args->{item.node.stride} = sizeof(*args->{item.name});")
        return code

    def decode_count(self, code, item):
        value = f"args->{item.name}"
        wide = item.node.elem.wire_size == 8
        code.add(f"{value} = sl_reader_alloc(in, 1, sizeof(*{value}));")
        code.open(f"if ({value} == NULL)")
        code.add("return;")
        code.close()
        code.add(f"*{value} = sl_reader_{'u64' if wide else 'u32'}(in);")


def value_of(item, base):
    """The C expression of a member or parameter."""
    value = f"{base}->{item.name}"
    cast = item.node.cast if isinstance(item.node, Pointer) else None
    return f"(({cast} *){value})" if cast else value


def element_type(node):
    """How a local pointer to elements is declared: "VkFoo *", "const char **"."""
    if isinstance(node, Pointer):
        if node.is_string:
            return "const char **"
        return f"const {node.elem.ctype} **"
    ctype = "uint8_t" if node.ctype == "void" else node.ctype
    return f"{ctype} *"


def skeleton_min_size(node):
    plan = node.plan
    size = 4 if plan.chain is not None else 0
    for item in plan.fields:
        if item.is_count_of:
            size += item.node.wire_size
        elif isinstance(item.node, Pointer):
            size += 4 if item.node.nullable else 0
        elif has_skeleton(item.node):
            size += skeleton_min_size(item.node)
    return size
