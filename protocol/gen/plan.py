# SPDX-License-Identifier: MIT
"""What the wire carries of every command and struct, decided once for all emitters of the codec.

    plan = make_plan(model)
    plan.commands    CommandPlan of every command that travels, in order of their wire ids
    plan.structs     (name, IN or OUT) -> StructPlan of every struct that they reach

A struct that commands read (IN) travels in requests. A struct that commands fill (OUT) travels in
replies; of it the request carries a skeleton only: which structs are in its chain, which arrays are
there, and how many elements they have room for.

Fields hold nodes, which tell how one value travels:

    Scalar       4 or 8 bytes
    Handle       a 64-bit id
    StructRef    a struct or union by value
    FixedArray   an array inside of a struct
    Pointer      to one value, to an array, or to a string

A node is an image if its bytes on the wire are those in C memory; then it is copied as a whole.

The facts ("about" lines of commands.txt) that are understood here:

    TYPE local                  never travels: dropped from chains
    TYPE omit                   pointers to it are no parameters on either side
    TYPE null                   handles of this type are null on the other side
    TYPE context C-TYPE         whoever encodes the struct passes on `context`
    UNION as MEMBER             travels as this alternative
    X.member when EXPRESSION    read only where this holds, else null or 0 travels
    X.member always             what the registry calls ignored in places is always valid
    X.member pass EXPRESSION    the context for the structs in this member (pNext: in the chain)
    X.member len EXPRESSION     the length, or the comma-separated lengths, of the array
    X.member input              a pointer that is not const and is read all the same
    X.member null               always null on the other side
    X.member as TYPE            the pointer is to this type

In expressions, names of the members (parameters) stand for their values, `self` for the struct.
"""

import re
from dataclasses import dataclass, field

from model import PLATFORM_TYPES
from registry import GenError, Place
from tables import carried_structs, wire_commands

IN = "in"
OUT = "out"

# Nesting of structs by value, pointer and chain: what a decoder needs of the stack.
MAX_DEPTH = 16
# The first members of every struct that can be in a chain: sType, padding, pNext.
CHAIN_HEAD_SIZE = 16


def padded(size):
    return (size + 3) & ~3


@dataclass
class Scalar:
    ctype: str
    kind: str             # u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 size bool enum bits void
    csize: int
    check: str = None     # name of the enum whose values (enum) or bits (bits) are checked

    is_image = True

    @property
    def calign(self):
        return self.csize

    @property
    def wire_size(self):
        return 4 if self.csize <= 4 else 8

    min_size = wire_size

    @property
    def is_checked(self):
        return self.kind in ("bool", "enum", "bits")


@dataclass
class Handle:
    ctype: str
    object_type: str      # VK_OBJECT_TYPE_..., or None if typed_by tells
    nullable: bool
    typed_by: str = None  # C expression of the object type, with {base}
    is_null: bool = False # never travels

    csize = 8
    calign = 8
    is_image = False
    is_checked = True

    @property
    def wire_size(self):
        return 0 if self.is_null else 8

    min_size = wire_size


@dataclass
class StructRef:
    plan: "StructPlan"
    ctype: str
    context: str = None   # C expression to pass on, with {base}

    @property
    def csize(self):
        return self.plan.csize

    @property
    def calign(self):
        return self.plan.calign

    @property
    def wire_size(self):
        return self.plan.wire_size

    @property
    def min_size(self):
        return self.plan.min_size

    @property
    def is_image(self):
        return self.plan.is_image

    @property
    def is_checked(self):
        return self.plan.is_checked


@dataclass
class FixedArray:
    elem: object
    count: int            # of all dimensions together
    is_flat: bool = True  # has one dimension

    @property
    def csize(self):
        return self.elem.csize * self.count

    @property
    def calign(self):
        return self.elem.calign

    @property
    def is_image(self):
        return is_raw(self.elem) and self.csize % 4 == 0

    @property
    def wire_size(self):
        if is_raw(self.elem):
            return padded(self.csize)
        return None if self.elem.wire_size is None else self.elem.wire_size * self.count

    @property
    def min_size(self):
        return padded(self.csize) if is_raw(self.elem) else self.elem.min_size * self.count

    @property
    def is_checked(self):
        return self.elem.is_checked


@dataclass
class Pointer:
    elem: object
    length: str           # C expression with {base}, None: one element, "" : NUL-terminated
    nullable: bool        # a word tells whether it is there
    is_out: bool          # the implementation writes to what it points to
    count_by: str = None  # OUT: name of the pointer parameter or member that holds the length
    stride: str = None    # name of the parameter with the distance of elements in bytes
    cast: str = None      # C type of the elements where it is not that of the prototype
    is_null: bool = False # never travels

    csize = 8
    calign = 8
    is_image = False
    is_checked = True

    @property
    def wire_size(self):
        return 0 if self.is_null else None

    @property
    def min_size(self):
        if self.is_null:
            return 0
        if self.nullable:
            return 4
        if self.length == "":
            return 8
        return 0 if self.is_out or self.length is not None else self.elem.min_size

    @property
    def is_string(self):
        return self.length == ""

    @property
    def is_array(self):
        return bool(self.length)


def is_raw(node):
    """True if an array of such nodes is copied as bytes."""
    if isinstance(node, Scalar):
        return True
    return isinstance(node, (StructRef, FixedArray)) and node.is_image


@dataclass
class Field:
    name: str
    node: object
    when: str             # C expression with {base}, None: always
    decl: str             # C declaration of the member or parameter
    place: Place
    offset: int = 0       # bytes in C memory; structs only
    is_count_of: list = field(default_factory=list)  # OUT arrays whose length it holds
    select: list = field(default_factory=list)       # union members: values that select it
    is_output: bool = False                          # commands: filled by the implementation


@dataclass
class StructPlan:
    name: str
    direction: str
    struct: object        # model.Struct
    fields: list          # without sType and pNext
    chain: list           # of StructPlan, by sType; None: it has no pNext
    context: str          # C type of the context, None
    chain_context: str    # C expression with {base} which chained structs get, None
    depth: int            # of nesting below it, chain included
    csize: int
    calign: int
    selector: str = None  # unions: how the alternative is chosen: "raw", "as", "select"
    is_chained: bool = False   # it can be in a chain
    is_base: bool = False      # it begins a chain (parameter or member)
    has_outputs: bool = False  # IN: something below it is written by the implementation

    @property
    def is_image(self):
        if self.struct.is_union:
            return self.selector == "raw"
        if self.struct.stype:
            return False
        return body_is_image(self) and self.csize == sum(f.node.csize for f in self.fields)

    @property
    def is_checked(self):
        if self.struct.is_union:
            return self.selector != "raw"
        return any(f.node.is_checked for f in self.fields)

    @property
    def wire_size(self):
        """Bytes on the wire, chain excluded, where they are always the same; else None."""
        if self.struct.is_union:
            if self.selector == "raw":
                return self.csize
            return self.fields[0].node.wire_size if self.selector == "as" else None
        if self.chain is not None:
            return None
        return self.body_size

    @property
    def body_size(self):
        """Bytes of the fields on the wire where they are always the same; else None."""
        sizes = [f.node.wire_size for f in self.fields]
        return None if None in sizes else sum(sizes)

    @property
    def min_size(self):
        if self.struct.is_union:
            return self.wire_size or 0
        return (4 if self.chain is not None else 0) + sum(f.node.min_size for f in self.fields)


def body_is_image(plan):
    """True if the fields lie in memory as on the wire, without padding between them."""
    at = plan.fields[0].offset if plan.fields else 0
    for item in plan.fields:
        node = item.node
        if (item.when or not node.is_image or item.offset != at or
                node.wire_size != node.csize):
            return False
        at += node.csize
    return True


@dataclass
class CommandPlan:
    name: str
    command: object       # model.Command
    wire: object          # model.Wire
    fields: list          # parameters, pAllocator excluded
    travels: list         # the fields that requests carry, in order
    ret: object           # Scalar, None for void

    @property
    def has_reply(self):
        return self.ret is not None or any(f.is_output for f in self.fields)

    @property
    def fixed_size(self):
        """Payload bytes of the request where they are always the same, else None."""
        sizes = [request_size(f) for f in self.travels]
        return None if None in sizes else sum(sizes)


def request_size(item):
    """Bytes which a parameter takes in the request if they are always the same, else None."""
    node = item.node
    if isinstance(node, Pointer) and node.is_out:
        if item.is_count_of:
            return node.elem.wire_size
        return out_request_size(node)
    if isinstance(node, Pointer) and not node.nullable and (node.length or "").isdigit():
        return padded(int(node.length) * node.elem.csize)
    if isinstance(node, Pointer) and not node.nullable and node.length is None:
        return node.elem.wire_size
    return node.wire_size


def out_request_size(node):
    if has_skeleton(node.elem) or is_handle(node.elem) and (node.is_array or node.nullable):
        return None
    return (4 if node.nullable else 0) + (8 if is_handle(node.elem) else 0)


def is_handle(node):
    return isinstance(node, Handle)


def has_skeleton(node):
    """True if the request carries something of an OUT node."""
    if isinstance(node, StructRef):
        return node.plan.chain is not None or any(has_skeleton(f.node) for f in node.plan.fields)
    if isinstance(node, FixedArray):
        return has_skeleton(node.elem)
    return isinstance(node, Pointer)


class Planner:
    """Makes the plan; see make_plan()."""

    def __init__(self, model):
        self.model = model
        self.structs = {}
        self.busy = []
        self.carried = {s.name for s in carried_structs(model)}
        self.facts = {}
        self.used = set()
        for about in model.abouts:
            key = (model.type_name(about.owner), about.member, about.verb)
            if key in self.facts:
                raise GenError(about.place, f"the same fact as at {self.facts[key].place}")
            self.facts[key] = about

    def fact(self, owner, member, verb):
        about = self.facts.get((owner, member, verb))
        if about is None:
            return None
        self.used.add((owner, member, verb))
        return about

    def fact_text(self, owner, member, verb):
        about = self.fact(owner, member, verb)
        return about.text if about else None

    def check_facts(self):
        """A fact about something that is not there is a mistake, unless this registry is too
        old or too new to have it."""
        for key, about in self.facts.items():
            owner = key[0]
            known = owner in self.model.structs or owner in self.model.commands or \
                owner in self.model.handles
            # carried_structs() and codec_names.py use these two.
            if key not in self.used and about.verb not in ("local", "family") and \
                    (known or about.verb not in VERBS):
                raise GenError(about.place, f"this fact about {about.owner} is never used")

    # Expressions

    def expression(self, text, members, place):
        """Turn names of members into C with {base}; pointers to counts are followed."""
        by_name = {m.name: m for m in members}

        def replace(match):
            word = match.group(0)
            if word == "self":
                return "{base}"
            member = by_name.get(word)
            if member is None:
                return word
            follows = text[match.end():].lstrip()
            value = "{base}->" + word
            if member.pointers and member.type in PLATFORM_TYPES and \
                    not follows.startswith(("->", "[", "!=", "==")):
                return "*" + value
            return value

        if "{" in text or "}" in text:
            raise GenError(place, f"cannot understand the expression '{text}'")
        return re.sub(r"(?<![\w>.])[A-Za-z_]\w*", replace, text)

    # Nodes

    def scalar(self, name, place):
        model = self.model
        if name in model.enums:
            enum = model.enums[name]
            return Scalar(name, "bits" if enum.is_bits else "enum", enum.width // 8, name)
        if name in model.flags:
            flags = model.flags[name]
            return Scalar(name, "bits", flags.width // 8, flags.bits or name)
        base = model.basetypes.get(name, name)
        if name == "VkBool32":
            return Scalar(name, "bool", 4)
        if base not in PLATFORM_TYPES:
            raise GenError(place, f"no codec for type {name}")
        size = PLATFORM_TYPES[base]
        kinds = {"size_t": "size", "float": "f32", "double": "f64", "char": "u8", "int": "i32",
                 "void": "void"}
        kind = kinds.get(base) or base.replace("uint", "u").replace("int", "i").replace("_t", "")
        return Scalar(name, kind, size)

    def value_node(self, owner, member, members, direction):
        """The node of the type of a member, without its pointers and dimensions."""
        model = self.model
        name = model.type_name(self.fact_text(owner, member.name, "as") or member.type)
        if name in model.handles:
            is_null = self.fact(name, None, "null") is not None
            nullable = member.is_optional(member.pointers) or member.noautovalidity or \
                self.fact(owner, member.name, "when") is not None
            return Handle(name, model.handles[name].objtype, nullable, is_null=is_null)
        if member.objecttype and direction == IN:
            return self.typed_handle(member, members)
        if name in model.structs:
            plan = self.struct(name, direction, member.place)
            plan.is_base = True
            context = self.fact_text(owner, member.name, "pass")
            if plan.context and context is None and direction == IN and not member.selector:
                raise GenError(member.place, f"{owner}.{member.name}: the fact 'pass' is missing:"
                               f" {name} needs a context")
            if context is not None:
                context = self.expression(context, members, member.place)
            return StructRef(plan, name, context)
        return self.scalar(name, member.place)

    def typed_handle(self, member, members):
        by = next((m for m in members if m.name == member.objecttype), None)
        if by is None or member.type != "uint64_t":
            raise GenError(member.place, f"{member.name}: cannot understand objecttype")
        if self.model.handles and by.type != next(
                e.name for e in self.model.enums.values()
                if any(h.objtype in e.values for h in self.model.handles.values())):
            raise GenError(member.place, f"{member.name}: {by.type} is not the type of objects")
        if members.index(by) > members.index(member):
            raise GenError(member.place, f"{member.name} comes before {by.name}, its type")
        return Handle(member.type, None, True, "{base}->" + by.name)

    def node(self, owner, member, members, direction):
        self.require_fact(owner, member, direction)
        if self.fact(owner, member.name, "null"):
            return Pointer(Scalar("void", "void", 0), None, True, False, is_null=True)
        if direction == IN and member.pointers and not member.const and \
                not self.fact(owner, member.name, "input"):
            direction = OUT
        elem = self.value_node(owner, member, members, direction)
        if member.bits:
            raise GenError(member.place, f"{owner}.{member.name}: a bitfield outside of an image")
        if member.pointers == 0 or isinstance(elem, Handle) and member.dims:
            count = 1
            for dim in member.dims:
                count *= dim
            return FixedArray(elem, count, len(member.dims) == 1) if member.dims else elem
        return self.pointer(owner, member, members, direction, elem)

    def require_fact(self, owner, member, direction):
        """What the registry calls ignored in places needs a fact that says when."""
        if not member.noautovalidity or direction == OUT or self.fact(owner, member.name, "when") \
                or self.fact(owner, member.name, "always"):
            return
        model = self.model
        is_plain = member.type not in model.handles and member.type not in model.enums and \
            member.type not in model.flags
        if member.pointers == 0 and is_plain:
            return
        raise GenError(member.place, f"{owner}.{member.name} is not always valid: commands.txt"
                       " needs 'about' it 'when EXPRESSION' or 'always'")

    def lengths(self, owner, member, members):
        """C expressions of the lengths, outermost first; [] if it points to one value."""
        text = self.fact_text(owner, member.name, "len")
        parts = [p.strip() for p in text.split(",")] if text is not None else member.lens
        names = {m.name for m in members}
        result = []
        for part in parts:
            if part == "null-terminated":
                result.append("")
            elif part == "1":
                result.append(None)
            else:
                words = re.findall(r"(?<![\w>.])[A-Za-z_]\w*", part)
                unknown = [w for w in words if w not in names and w not in self.model.constants
                           and w != "i"]
                if unknown or re.search(r"[^\w\s+*/()>.\[\]-]", part):
                    raise GenError(member.place,
                                   f"{owner}.{member.name}: cannot understand the length '{part}'")
                result.append(self.expression(part, members, member.place))
        return result

    def pointer(self, owner, member, members, direction, elem):
        lengths = self.lengths(owner, member, members)
        is_out = direction == OUT or \
            not member.const and self.fact(owner, member.name, "input") is None
        if isinstance(elem, Scalar) and elem.kind == "void" and len(lengths) != 1:
            raise GenError(member.place, f"{owner}.{member.name}: void pointer without a length")
        if member.pointers > 2 or len(lengths) > member.pointers or member.dims:
            raise GenError(member.place,
                           f"{owner}.{member.name}: cannot understand '{member.decl}'")
        lengths += [None] * (member.pointers - len(lengths))
        if is_out and (member.pointers > 1 or "" in lengths):
            raise GenError(member.place, f"{owner}.{member.name}: cannot return '{member.decl}'")
        node = elem
        for level in reversed(range(member.pointers)):
            if lengths[level] == "" and elem.ctype != "char":
                raise GenError(member.place, f"{owner}.{member.name}: a string of {elem.ctype}")
            if lengths[level] is None and getattr(elem, "ctype", "") == "char":
                raise GenError(member.place, f"{owner}.{member.name}: a string without length")
            nullable = member.is_optional(level) or level == 0 and (
                member.noautovalidity or self.fact(owner, member.name, "when") is not None)
            node = Pointer(node, lengths[level], nullable, is_out)
        if is_out and node.length:
            name = node.length.removeprefix("*{base}->")
            if name != node.length and name.isidentifier():
                node.count_by = name
        node.stride = member.stride
        as_type = self.fact_text(owner, member.name, "as")
        if as_type:
            node.cast = as_type
        return node

    # Structs

    def struct(self, name, direction, place):
        plan = self.structs.get((name, direction))
        if plan is not None:
            return plan
        if name in self.busy:
            raise GenError(place, f"{name} contains itself: " + " > ".join(self.busy))
        self.busy.append(name)
        struct = self.model.structs[name]
        plan = StructPlan(
            name=name, direction=direction, struct=struct, fields=[], chain=None, context=None,
            chain_context=None, depth=0, csize=0, calign=1)
        context = self.fact_text(name, None, "context")
        if direction == IN:
            plan.context = context
        if struct.is_union:
            self.plan_union(plan)
        else:
            self.plan_members(plan)
        self.busy.pop()
        if plan.depth > MAX_DEPTH:
            raise GenError(struct.place, f"{name} is nested more than {MAX_DEPTH} structs deep")
        self.structs[name, direction] = plan
        return plan

    def plan_members(self, plan):
        struct = plan.struct
        members = struct.members
        at = 0
        bits_left = 0
        if any(m.bits for m in members):
            self.plan_bitfields(plan)
            return
        for member in members:
            if member.name == "sType" and struct.stype:
                at = 8
                continue
            if member.name == "pNext":
                at = CHAIN_HEAD_SIZE
                plan.calign = 8
                self.plan_chain(plan, member)
                continue
            node = self.node(plan.name, member, members, plan.direction)
            if member.selector:
                self.select(plan, node, member)
            if plan.direction == OUT and holds_handle(node):
                raise GenError(member.place, f"{member.name}: cannot return handles in a struct")
            at = (at + node.calign - 1) // node.calign * node.calign
            plan.fields.append(Field(
                member.name, node, self.when(plan.name, member, members), member.decl,
                member.place, at))
            at += node.csize
            plan.calign = max(plan.calign, node.calign)
            plan.depth = max(plan.depth, node_depth(node))
            plan.has_outputs |= plan.direction == IN and node_has_outputs(node)
        plan.csize = (at + plan.calign - 1) // plan.calign * plan.calign
        self.link_counts(plan.fields)

    def plan_bitfields(self, plan):
        """Structs with bitfields travel as the words that these lie in."""
        bits = 0
        for member in plan.struct.members:
            if member.bits:
                if self.c_size(member) != 4:
                    raise GenError(member.place, f"bitfield {member.name} of {member.type}")
                if bits == 0:
                    plan.fields.append(Field(member.name, Scalar("uint32_t", "u32", 4), None,
                                             member.decl, member.place, plan.csize))
                    plan.csize += 4
                bits += member.bits
                if bits > 32:
                    raise GenError(member.place,
                                   f"bitfield {member.name} crosses a 32-bit word")
                bits %= 32
                continue
            if bits:
                break
            node = self.node(plan.name, member, plan.struct.members, plan.direction)
            if plan.csize % node.calign or not node.is_image:
                raise GenError(member.place, f"{member.name} next to bitfields is no plain data")
            plan.fields.append(Field(member.name, node, None, member.decl, member.place,
                                     plan.csize))
            plan.csize += node.csize
            plan.calign = max(plan.calign, node.calign)
        plan.calign = max(plan.calign, 4)
        if bits or plan.csize % plan.calign:
            raise GenError(plan.struct.place, f"the bitfields of {plan.name} leave bits unused")

    def c_size(self, member):
        return self.scalar(member.type, member.place).csize

    def when(self, owner, member, members):
        text = self.fact_text(owner, member.name, "when")
        return None if text is None else self.expression(text, members, member.place)

    def plan_chain(self, plan, member):
        plan.chain = []
        model = self.model
        found = [s for s in model.extended_by(plan.name)
                 if s.name in self.carried]
        text = self.fact_text(plan.name, "pNext", "pass")
        if text is not None:
            plan.chain_context = self.expression(text, plan.struct.members, member.place)
        for struct in sorted(found, key=lambda s: model.enum_value(s.stype)):
            chained = self.struct(struct.name, plan.direction, struct.place)
            chained.is_chained = True
            if chained.context and text is None:
                raise GenError(plan.struct.place, f"{plan.name}.pNext: the fact 'pass' is missing:"
                               f" {struct.name} needs a context")
            plan.chain.append(chained)
            plan.depth = max(plan.depth, chained.depth + 1)
            plan.has_outputs |= chained.has_outputs

    def plan_union(self, plan):
        struct = plan.struct
        members = struct.members
        name = self.fact_text(plan.name, None, "as")
        selections = [m for m in members if m.selection]
        pointers = [m for m in members if m.pointers]
        sizes = []
        for member in members:
            if member.pointers:
                sizes.append((8, 8))
            else:
                node = self.node(plan.name, member, members, plan.direction)
                sizes.append((node.csize, node.calign))
        plan.calign = max(a for _, a in sizes)
        size = max(s for s, _ in sizes)
        plan.csize = (size + plan.calign - 1) // plan.calign * plan.calign
        if name is not None:
            member = struct.member(name)
            if member is None:
                raise GenError(struct.place, f"{plan.name} has no member {name}")
            plan.selector = "as"
            members = [member]
        elif selections and (pointers or plan.direction == IN):
            plan.selector = "select"
            members = selections
        elif not pointers:
            plan.selector = "raw"
        else:
            raise GenError(struct.place, f"which member of {plan.name} counts?")
        for member in members:
            node = self.node(plan.name, member, struct.members, plan.direction)
            if plan.selector == "raw" and (not node.is_image or node.is_checked and
                                           not isinstance(node, Scalar)):
                raise GenError(member.place, f"{member.name}: only plain data can be in a union"
                               " whose members nothing selects")
            plan.fields.append(Field(member.name, node, None, member.decl, member.place,
                                     select=member.selection))
            plan.depth = max(plan.depth, node_depth(node))

    def select(self, plan, node, member):
        if not isinstance(node, StructRef) or not node.plan.struct.is_union:
            raise GenError(member.place, f"{member.name} has a selector, but is no union")
        if node.plan.selector == "select":
            node.context = "{base}->" + member.selector
            selector = plan.struct.member(member.selector)
            if selector is None:
                raise GenError(member.place, f"no member {member.selector}")
            if node.plan.context not in (None, selector.type):
                raise GenError(member.place, f"{member.name}: selectors of different types")
            node.plan.context = selector.type

    def link_counts(self, fields):
        """Tell the fields that hold the lengths of arrays which are filled."""
        by_name = {f.name: f for f in fields}
        for item in fields:
            node = item.node
            if isinstance(node, Pointer) and node.is_out and node.length:
                name = node.count_by or node.length.removeprefix("{base}->")
                if name in by_name:
                    by_name[name].is_count_of.append(item.name)

    # Commands

    def command(self, wire):
        model = self.model
        command = model.commands[wire.name]
        fields = []
        for param in command.params:
            if param.pointers and self.fact(param.type, None, "omit"):
                continue
            fields.append(self.param(wire, command, param))
        self.link_counts(fields)
        # Recorded commands do not carry their command buffer; strides are set by the decoder.
        strides = {f.node.stride for f in fields if isinstance(f.node, Pointer)}
        travels = [f for f in fields[1 if wire.guest == "record" else 0:]
                   if f.name not in strides]
        ret = None
        if command.return_type != "void":
            ret = self.scalar(command.return_type, command.place)
        return CommandPlan(wire.name, command, wire, fields, travels, ret)

    def param(self, wire, command, param):
        params = command.params
        direction = OUT if param.pointers == 1 and not param.const and \
            not self.fact(command.name, param.name, "input") else IN
        if param.dims:
            # An array parameter is a pointer in C.
            node = self.node(command.name, param, params, IN)
            if not is_raw(node.elem) or not node.is_flat:
                raise GenError(param.place, f"{param.name}: an array parameter of no plain data")
            node = Pointer(node.elem, str(node.count), False, False)
        else:
            node = self.node(command.name, param, params, direction)
        item = Field(param.name, node, self.when(command.name, param, params), param.decl,
                     param.place)
        item.is_output = direction == OUT or node_has_outputs(node)
        return item


VERBS = ("local", "omit", "null", "context", "as", "when", "always", "pass", "len", "input",
         "family")


def holds_handle(node):
    return isinstance(node, Handle) or \
        isinstance(node, (FixedArray, Pointer)) and holds_handle(node.elem)


def node_depth(node):
    if isinstance(node, StructRef):
        return node.plan.depth + 1
    return node_depth(node.elem) if isinstance(node, (FixedArray, Pointer)) else 0


def node_has_outputs(node):
    """True if something below an IN node is written by the implementation."""
    if isinstance(node, Pointer):
        return node.is_out or node_has_outputs(node.elem)
    if isinstance(node, FixedArray):
        return node_has_outputs(node.elem)
    return isinstance(node, StructRef) and node.plan.has_outputs


@dataclass
class Plan:
    model: object
    commands: list
    structs: dict

    def chained(self, direction):
        """The structs that can be in a chain, by sType."""
        found = [p for p in self.structs.values() if p.direction == direction and p.is_chained]
        return sorted(found, key=lambda p: self.model.enum_value(p.struct.stype))


def make_plan(model):
    planner = Planner(model)
    commands = [planner.command(wire) for wire in wire_commands(model)]
    planner.check_facts()
    return Plan(model, commands, planner.structs)
