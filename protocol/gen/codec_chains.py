# SPDX-License-Identifier: MIT
"""The functions of codec.h that handle one struct of a pNext chain, whatever its type."""

from c_code import Code

from codec_parts import span_size
from codec_reply import out_wire_size
from plan import IN, OUT, Pointer, Scalar, body_is_image, has_skeleton


def chain_functions(plan, places, file):
    """Add them to a file of the codec."""
    emitter = Chains(plan, places, file)
    for function in (emitter.sizeof, emitter.request_size, emitter.request_encode,
                     emitter.request_decode, emitter.skeleton_size, emitter.skeleton_encode,
                     emitter.skeleton_decode, emitter.reply_size, emitter.reply_encode,
                     emitter.reply_decode):
        function()


def is_plain(struct):
    """True if the body is copied as a whole, and needs no check but for bools."""
    return bool(struct.fields) and body_is_image(struct) and all(
        is_bool(f) or not f.node.is_checked for f in struct.fields)


def is_bool(item):
    return isinstance(item.node, Scalar) and item.node.kind == "bool"


def is_bools(struct):
    return all(is_bool(f) for f in struct.fields)


class Chains:
    def __init__(self, plan, places, file):
        self.plan = plan
        self.places = places
        self.file = file
        self.read = plan.chained(IN)
        self.filled = plan.chained(OUT)
        # Structs that requests hold although they are read: pointers in them are written to.
        self.replied = sorted(
            [s for s in self.read if s.has_outputs] + self.filled,
            key=lambda s: plan.model.enum_value(s.struct.stype))

    def switch(self, head, groups, default):
        """groups: [(structs, [lines])]"""
        code = Code()
        code.add("switch (item->sType) {")
        for structs, lines in groups:
            for struct in structs:
                code.add(f"case {struct.struct.stype}:")
            code.indent += 1
            for line in lines:
                code.add(line)
            code.indent -= 1
        code.add("default:")
        code.add(f"\t{default}")
        code.add("}")
        self.file.code.function(head, code)

    def grouped(self, structs, lines_of):
        """Structs for which the same has to be done share their lines."""
        groups = {}
        for struct in structs:
            lines = lines_of(struct)
            if lines is not None:
                groups.setdefault(tuple(lines), []).append(struct)
        return [(found, list(lines)) for lines, found in groups.items()]

    def function(self, verb, struct, skip_body=False):
        body = "_body" if struct.is_base and not skip_body else ""
        return self.places.function(verb, struct) + body

    def sizeof(self):
        names = {}
        for struct in self.read + self.filled:
            names.setdefault(struct.struct.stype, struct.name)
        code = Code()
        code.add("switch (type) {")
        for stype, name in names.items():
            code.add(f"case {stype}:")
            code.add(f"\treturn sizeof({name});")
        code.add("default:")
        code.add("\treturn sizeof(VkBaseOutStructure);")
        code.add("}")
        self.file.code.function("size_t sl_chained_sizeof(VkStructureType type)", code)

    def assert_plain(self, struct):
        first, last = struct.fields[0], struct.fields[-1]
        self.file.spans.add((struct.name, first.name, last.name, span_size(struct.fields)))

    # Requests

    def context(self, struct):
        return ", context" if struct.context else ""

    def request_size(self):
        def lines(struct):
            if struct.body_size is not None:
                return [f"return {struct.body_size};"]
            return [f"return {self.function('size', struct)}(caps,"
                    f" (const {struct.name} *)item{self.context(struct)});"]

        self.switch("size_t sl_chained_size(const struct sl_caps *caps,"
                    " const VkBaseInStructure *item, const void *context)",
                    self.grouped(self.read, lines), "return 0;")

    def request_encode(self):
        def lines(struct):
            if not struct.fields:
                return ["return;"]
            if is_plain(struct):
                return [f"sl_writer_bytes(out, item + 1, {struct.body_size});", "return;"]
            return [f"{self.function('encode', struct)}(out,"
                    f" (const {struct.name} *)item{self.context(struct)});", "return;"]

        self.switch("void sl_chained_encode(struct sl_writer *out, const VkBaseInStructure *item,"
                    " const void *context)", self.grouped(self.read, lines), "return;")

    def request_decode(self):
        def lines(struct):
            if not struct.fields:
                return ["return;"]
            if is_plain(struct):
                self.assert_plain(struct)
                found = [f"sl_reader_bytes(in, item + 1, {struct.body_size});"]
                if is_bools(struct):
                    found.append(f"sl_fix_bools((VkBool32 *)(item + 1), {len(struct.fields)});")
                elif any(is_bool(f) for f in struct.fields):
                    return self.decode_call(struct)
                return found + ["return;"]
            return self.decode_call(struct)

        self.switch("void sl_chained_decode(struct sl_reader *in, VkBaseOutStructure *item)",
                    self.grouped(self.read, lines), "return;")

    def decode_call(self, struct):
        return [f"{self.function('decode', struct)}(in, ({struct.name} *)item);", "return;"]

    # Skeletons

    def skeleton(self, struct):
        return any(f.is_count_of or has_skeleton(f.node) for f in struct.fields)

    def skeleton_size(self):
        def lines(struct):
            if not self.skeleton(struct):
                return None
            return [f"return {self.function('skeleton_size', struct, True)}(caps,"
                    f" (const {struct.name} *)item);"]

        self.switch("size_t sl_chained_skeleton_size(const struct sl_caps *caps,"
                    " const VkBaseInStructure *item)", self.grouped(self.filled, lines),
                    "return 0;")

    def skeleton_encode(self):
        self.skeleton_verb("encode", "out", "const ", "void sl_chained_skeleton_encode("
                           "struct sl_writer *out, const VkBaseInStructure *item)")

    def skeleton_decode(self):
        self.skeleton_verb("decode", "in", "", "void sl_chained_skeleton_decode("
                           "struct sl_reader *in, VkBaseOutStructure *item)")

    def skeleton_verb(self, verb, first, const, head):
        def lines(struct):
            if not self.skeleton(struct):
                return None
            return [f"{self.function('skeleton_' + verb, struct, True)}({first},"
                    f" ({const}{struct.name} *)item);", "return;"]

        self.switch(head, self.grouped(self.filled, lines), "return;")

    # Replies

    def is_plain_reply(self, struct):
        return struct.direction == OUT and bool(struct.fields) and body_is_image(struct)

    def reply_function(self, verb, struct):
        both = struct.is_base and (struct.direction == OUT or
                                   any(c.has_outputs for c in struct.chain))
        return self.places.function("reply_" + verb, struct) + ("_body" if both else "")

    def reply_size(self):
        def lines(struct):
            size = out_wire_size(struct)
            if size is None and struct.direction == OUT:
                size = struct.body_size
            if size is not None:
                return [f"return {size};"]
            return [f"return {self.reply_function('size', struct)}(caps,"
                    f" (const {struct.name} *)item);"]

        self.switch("size_t sl_chained_reply_size(const struct sl_caps *caps,"
                    " const VkBaseInStructure *item)", self.grouped(self.replied, lines),
                    "return 0;")

    def reply_encode(self):
        def lines(struct):
            if not struct.fields:
                return ["return;"]
            if self.is_plain_reply(struct):
                return [f"sl_writer_bytes(out, item + 1, {struct.body_size});", "return;"]
            return [f"{self.reply_function('encode', struct)}(out,"
                    f" (const {struct.name} *)item);", "return;"]

        self.switch("void sl_chained_reply_encode(struct sl_writer *out,"
                    " const VkBaseInStructure *item)", self.grouped(self.replied, lines),
                    "return;")

    def reply_decode(self):
        def lines(struct):
            if not struct.fields:
                return ["return;"]
            if self.is_plain_reply(struct):
                self.assert_plain(struct)
                return [f"sl_reader_bytes(in, item + 1, {struct.body_size});", "return;"]
            const = "const " if struct.direction == IN else ""
            return [f"{self.reply_function('decode', struct)}(in,"
                    f" ({const}{struct.name} *)item);", "return;"]

        self.switch("void sl_chained_reply_decode(struct sl_reader *in, VkBaseOutStructure *item)",
                    self.grouped(self.replied, lines), "return;")


def needs_functions(struct):
    """False if the functions above do all that a chained struct needs."""
    if struct.is_base or not struct.is_chained:
        return True
    if struct.direction == IN:
        return not is_plain(struct) or any(is_bool(f) for f in struct.fields) and \
            not is_bools(struct)
    return not body_is_image(struct) or any(isinstance(f.node, Pointer) for f in struct.fields)
