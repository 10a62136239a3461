# SPDX-License-Identifier: MIT
"""The parts that requests and replies share: runs of fixed-size fields."""

from plan import FixedArray, Handle, Scalar, StructRef, is_raw

# From this many members on, members that lie in memory as on the wire are copied together. With
# fewer the compiler merges the single stores as well.
SPAN_MEMBERS = 5

PUT = {"u8": "u32", "u16": "u32", "u32": "u32", "i8": "u32", "i16": "u32", "i32": "u32",
       "enum": "u32", "u64": "u64", "i64": "u64", "size": "u64", "f32": "f32", "f64": "f64",
       "bool": "bool"}


def scalar_verb(node):
    if node.kind == "bits":
        return "u64" if node.csize == 8 else "u32"
    return PUT[node.kind]


def is_fixed(node):
    """True if a field of this kind can be part of a run."""
    if isinstance(node, Handle):
        return not node.is_null
    if isinstance(node, StructRef):
        return node.is_image or node.plan.selector == "as" and is_fixed(node.plan.fields[0].node)
    if isinstance(node, FixedArray):
        return is_raw(node.elem)
    return isinstance(node, Scalar)


def split_runs(fields, is_single=lambda item: False):
    """Lists of neighbouring fields of fixed size, and single fields that are not."""
    run = []
    for item in fields:
        if is_fixed(item.node) and not is_single(item):
            run.append(item)
            continue
        if run:
            yield run
            run = []
        yield item
    if run:
        yield run


def split_spans(run):
    """Lists of members that are copied together, and single fields."""
    span = []
    for item in run + [None]:
        fits = item is not None and not item.when and item.offset and item.node.is_image and \
            item.node.wire_size == item.node.csize
        if fits and (not span or item.offset == span[-1].offset + span[-1].node.csize):
            span.append(item)
            continue
        if len(span) >= SPAN_MEMBERS:
            yield span
        else:
            yield from span
        span = [item] if fits else []
        if item is not None and not fits:
            yield item


def span_size(span):
    return sum(item.node.csize for item in span)


def offset(at):
    return f"at + {at}" if at else "at"


def put(code, node, at, value):
    """Store one fixed-size value at `at`."""
    if isinstance(node, Handle):
        bits = value if node.typed_by else f"SL_U64({value})"
        code.add(f"sl_put_handle({at}, {bits});")
    elif isinstance(node, StructRef):
        if node.plan.selector == "as":
            item = node.plan.fields[0]
            put(code, item.node, at, f"{value}.{item.name}")
        else:
            code.add(f"memcpy({at}, &{value}, {node.csize});")
    elif isinstance(node, FixedArray):
        verb = "memcpy" if node.csize % 4 == 0 else "sl_put_bytes"
        code.add(f"{verb}({at}, {value}, {node.csize});")
    else:
        code.add(f"sl_put_{scalar_verb(node)}({at}, {value});")


def get(code, node, at, value, base):
    """Load one fixed-size value from `at`."""
    if isinstance(node, Handle):
        kind = node.typed_by.replace("{base}", base) if node.typed_by else node.object_type
        found = f"sl_reader_find(in, {kind}, sl_get_u64({at}), {bool_text(node.nullable)})"
        code.add(f"{value} = {found};" if node.typed_by else f"{value} = SL_HANDLE({found});")
    elif isinstance(node, StructRef):
        if node.plan.selector == "as":
            item = node.plan.fields[0]
            get(code, item.node, at, f"{value}.{item.name}", base)
        else:
            code.add(f"memcpy(&{value}, {at}, {node.csize});")
    elif isinstance(node, FixedArray):
        code.add(f"memcpy({value}, {at}, {node.csize});")
    else:
        cast = f"({node.ctype})" if node.check == node.ctype and node.csize == 4 else ""
        code.add(f"{value} = {cast}sl_get_{scalar_verb(node)}({at});")


def bool_text(value):
    return "true" if value else "false"


def elements_size(pointer, node):
    """The bytes of the elements of an array of plain data, as a C expression."""
    elem = node.elem
    if not node.is_array:
        return f"sizeof(*{pointer})"
    length = term(node.length)
    if elem.csize == 1 or isinstance(elem, Scalar) and elem.kind == "void":
        return node.length
    return f"{length} * sizeof(*{pointer})"


def term(expression):
    """An expression as an operand of *."""
    return f"({expression})" if " " in expression or expression[0] == "*" else expression


def add_sum(code, constant, terms, lines):
    """The rest of a size function: a constant, terms (C), and lines that add to size."""
    terms = list(terms)
    # One statement that adds is a term as well.
    if lines and lines[0].startswith("size += ") and lines[-1].endswith(";") and \
            not any(line.endswith(";") for line in lines[:-1]):
        terms.append(" ".join(line.strip() for line in lines).removeprefix("size += ")[:-1])
        lines = []
    if not lines and len(terms) < 2:
        if constant or not terms:
            terms.insert(0, str(constant))
        code.add(f"return {' + '.join(terms)};")
        return
    code.add(f"size_t size = {constant};")
    code.add()
    for term_text in terms:
        code.add(f"size += {term_text};")
    code.lines += lines
    code.add("return size;")


def product(node, base, size):
    """The bytes of an array's elements of a constant size, as a C expression."""
    return f"(size_t){term(node.length.replace('{base}', base))} * {size}"


class Run:
    """Encodes or decodes runs; the variable `at` is declared with the first one."""

    def __init__(self, code, spans):
        self.code = code
        self.spans = spans   # (struct name, span): collects what has to be asserted
        self.is_declared = False

    def begin(self, kind, call):
        if self.is_declared:
            self.code.add(f"at = {call};")
        else:
            self.code.add(f"{kind} *at = {call};")
            self.code.add()
        self.is_declared = True
