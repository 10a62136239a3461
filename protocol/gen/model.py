# SPDX-License-Identifier: MIT
"""The registries and commands.txt as one analysed model, which the emitters share.

    model = load_model(registry_path, own_path, commands_path, extensions_path)

    model.commands     name -> Command, in registry order; aliases are not keys here
    model.structs      name -> Struct (structs and unions)
    model.enums        name -> Enum (VkResult, and the bits: VkFooFlagBits)
    model.flags        name -> Flags (VkFooFlags; .bits is the Enum of its bits or None)
    model.handles      name -> Handle
    model.basetypes    name -> C type below it (VkDeviceSize -> uint64_t)
    model.extensions   name -> Extension; model.features likewise (VK_VERSION_1_0, ...)
    model.constants    name -> int (VK_UUID_SIZE)
    model.type_alias   alias -> canonical type name; model.type_name(n) resolves
    model.command_alias  alias -> canonical command name

Only what a feature or a supported ("vulkan") extension requires is in the model. A command or
struct knows its `providers`: names of the features and extensions that require it or one of its
aliases. model.extensions[x].commands / .types are the names as the extension writes them, so
aliases are among them.

commands.txt (Wire objects, model.wire: canonical name -> Wire, in order of the file; a command
that has no line is not in it):

    <wire id or ->  <name>  <guest>  <replay>  [key=value...]

and what the registry does not say about types, members and parameters, one fact a line
(model.abouts, which plan.py understands):

    about  <type, type.member or command.parameter>  <verb>  [words...]

extensions.txt (model.policies: extension name -> Policy(kind, reason)).

Every object has .place; raise GenError(place, text) for what cannot be understood.
"""

import re
from dataclasses import dataclass, field

from registry import GenError, Place, read_registry

PLATFORM_TYPES = {
    "void": 0, "char": 1, "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2,
    "int32_t": 4, "uint32_t": 4, "int64_t": 8, "uint64_t": 8, "size_t": 8, "int": 4,
    "float": 4, "double": 8,
}


@dataclass
class Member:
    """A struct member or a command parameter."""
    name: str
    type: str             # canonical type name, without const and *
    decl: str             # C declaration without semicolon: "const VkFoo *pFoo"
    const: bool           # the outermost pointee is const
    pointers: int         # pointer depth
    dims: list            # sizes of C array dimensions, ints
    bits: int             # width of a bitfield, 0: none
    lens: list            # len attribute (altlen if there is one), split at commas
    optional: list        # optional attribute as bools; [] if absent
    externsync: str
    noautovalidity: bool
    values: list          # values attribute (the sType)
    selector: str
    selection: list
    objecttype: str       # name of the member which tells the object type of this uint64_t
    stride: str
    place: Place

    def is_optional(self, level=0):
        return len(self.optional) > level and self.optional[level]


@dataclass
class Struct:
    name: str
    is_union: bool
    members: list
    returnedonly: bool
    extends: list         # canonical names of the structs whose pNext chain it may join
    allowduplicate: bool
    stype: str            # VK_STRUCTURE_TYPE_..., None if it has none
    place: Place
    aliases: list = field(default_factory=list)
    providers: list = field(default_factory=list)

    def member(self, name):
        return next((m for m in self.members if m.name == name), None)


@dataclass
class Command:
    name: str
    return_type: str
    params: list
    place: Place
    successcodes: list
    errorcodes: list
    queues: str
    cmdbufferlevel: str   # not None: a recorded command
    own: bool             # from sluice.xml
    aliases: list = field(default_factory=list)
    providers: list = field(default_factory=list)

    def param(self, name):
        return next((p for p in self.params if p.name == name), None)


@dataclass
class Enum:
    name: str
    is_bits: bool
    width: int            # 32 or 64
    values: dict          # name -> int, aliases excluded
    aliases: dict         # name -> canonical value name
    place: Place


@dataclass
class Flags:
    name: str
    width: int
    bits: str             # name of the Enum of its bits, None
    place: Place


@dataclass
class Handle:
    name: str
    parent: str           # canonical handle name or None
    objtype: str          # VK_OBJECT_TYPE_...
    dispatchable: bool
    place: Place


@dataclass
class Require:
    """One <require> block of a feature or an extension."""
    feature: str          # only together with this core version, None
    extension: str        # only together with this extension, None
    commands: list
    types: list


@dataclass
class Extension:
    """An extension or a core version ("feature": kind is "core")."""
    name: str
    kind: str             # instance, device, core
    number: str
    requires: list        # names of extensions
    requires_core: str    # "1.1" or None
    platform: str
    provisional: bool
    promoted_to: str
    spec_version: int     # 0 for core
    blocks: list          # of Require
    place: Place

    @property
    def commands(self):
        return unique(name for block in self.blocks for name in block.commands)

    @property
    def types(self):
        return unique(name for block in self.blocks for name in block.types)


@dataclass
class Wire:
    """A command's line in commands.txt."""
    name: str
    id: int               # 0: never on the wire
    guest: str
    replay: str
    keys: dict
    place: Place


@dataclass
class About:
    """An "about" line of commands.txt."""
    owner: str            # a type or a command
    member: str           # None: about the owner itself
    verb: str
    text: str             # what follows the verb
    place: Place


@dataclass
class Policy:
    kind: str             # guest, hidden
    reason: str
    place: Place


def unique(items):
    return list(dict.fromkeys(items))


class Model:
    """See the module's text."""

    def __init__(self):
        self.commands = {}
        self.structs = {}
        self.enums = {}
        self.flags = {}
        self.handles = {}
        self.basetypes = {}
        self.constants = {}
        self.extensions = {}
        self.features = {}
        self.type_alias = {}
        self.command_alias = {}
        self.foreign = {}     # types of other headers (xcb_window_t): name -> Place
        self.funcpointers = {}
        self.wire = {}
        self.abouts = []
        self.policies = {}
        self.platforms = {}   # name -> the macro that uncovers its part of vulkan.h
        self.inputs = []      # paths, for the first line of what is generated

    def type_name(self, name):
        return self.type_alias.get(name, name)

    def command_name(self, name):
        return self.command_alias.get(name, name)

    def extended_by(self, name):
        """The structs that may be in the pNext chain of a struct, in registry order."""
        return self._extended_by.get(name, [])

    def index_chains(self):
        self._extended_by = {}
        for struct in self.structs.values():
            for base in struct.extends:
                self._extended_by.setdefault(base, []).append(struct)

    def enum_value(self, name):
        """The number of any enum value by its name, or None."""
        return self._values.get(name)

    def index_values(self):
        self._values = {}
        for enum in self.enums.values():
            self._values.update(enum.values)
            for alias, target in enum.aliases.items():
                self._values[alias] = enum.values.get(target)


def split_list(text):
    return text.split(",") if text else []


class Builder:
    """Fills a Model from the nodes of one registry after the other."""

    def __init__(self):
        self.model = Model()
        self.type_nodes = {}      # name -> Node, all of them, required or not
        self.command_nodes = {}
        self.enum_nodes = {}
        self.seen_types = set()
        self.own_commands = set()

    def add_registry(self, root, own):
        for platforms in root.children("platforms"):
            for node in platforms.children("platform"):
                self.model.platforms[node.get("name")] = node.get("protect")
        for types in root.children("types"):
            for node in types.children("type"):
                self.index_type(node)
        for enums in root.children("enums"):
            self.index_enums(enums)
        for commands in root.children("commands"):
            for node in commands.children("command"):
                self.index_command(node, own)
        features = root.children("feature")
        extensions = [node for block in root.children("extensions")
                      for node in block.children("extension")
                      if "vulkan" in split_list(node.get("supported"))]
        for node in features:
            self.add_extension(node, "core")
        # In registry order; ratified extension numbers give the enum offsets.
        for node in extensions:
            self.add_extension(node, node.get("type"))
        return features, extensions

    def index_type(self, node):
        name = node.get("name")
        if name is None:
            child = node.child("name")
            proto = node.child("proto")
            if child is None and proto is not None:
                child = proto.child("name")
            if child is None:
                return
            name = child.text()
        if name in self.type_nodes and node.get("category") != "define":
            raise GenError(node.place, f"type {name} is defined twice")
        self.type_nodes[name] = node
        if node.get("alias"):
            self.model.type_alias[name] = node.get("alias")

    def index_enums(self, node):
        name = node.get("name")
        if node.get("type") in ("enum", "bitmask"):
            self.enum_nodes[name] = node
            return
        for value in node.children("enum"):
            if value.get("alias"):
                continue
            self.model.constants[value.get("name")] = parse_constant(value)
        for value in node.children("enum"):
            if value.get("alias") in self.model.constants:
                self.model.constants[value.get("name")] = \
                    self.model.constants[value.get("alias")]

    def index_command(self, node, own):
        alias = node.get("alias")
        if alias:
            self.model.command_alias[node.get("name")] = alias
            return
        name = node.child("proto").child("name").text()
        if name in self.command_nodes:
            raise GenError(node.place, f"command {name} is defined twice")
        self.command_nodes[name] = node
        if own:
            self.own_commands.add(name)

    def add_extension(self, node, kind):
        blocks = []
        spec_version = 0
        for require in node.children("require"):
            blocks.append(Require(
                require.get("feature"), require.get("extension"),
                [c.get("name") for c in require.children("command")],
                [t.get("name") for t in require.children("type")]))
            for value in require.children("enum"):
                if value.get("name").endswith("_SPEC_VERSION") and value.get("value"):
                    spec_version = int(value.get("value"), 0)
        extension = Extension(
            name=node.get("name"), kind=kind, number=node.get("number"),
            requires=split_list(node.get("requires")), requires_core=node.get("requiresCore"),
            platform=node.get("platform"), provisional=node.get("provisional") == "true",
            promoted_to=node.get("promotedto"), spec_version=spec_version, blocks=blocks,
            place=node.place)
        table = self.model.features if kind == "core" else self.model.extensions
        table[extension.name] = extension

    def extend_enums(self, nodes):
        """The values that features and extensions add to enums."""
        for node in nodes:
            for require in node.children("require"):
                for value in require.children("enum"):
                    if value.get("extends"):
                        self.extend_enum(value, node.get("number"))

    def extend_enum(self, value, number):
        name = self.model.type_name(value.get("extends"))
        if name not in self.enum_nodes:
            raise GenError(value.place, f"{value.get('name')} extends unknown enum {name}")
        enum = self.enum(name)
        if value.get("alias"):
            enum.aliases[value.get("name")] = value.get("alias")
            return
        if value.get("offset") is not None:
            number = int(value.get("extnumber") or number)
            result = 1000000000 + (number - 1) * 1000 + int(value.get("offset"))
            if value.get("dir") == "-":
                result = -result
        else:
            result = parse_value(value)
        known = enum.values.setdefault(value.get("name"), result)
        if known != result:
            raise GenError(value.place, f"{value.get('name')} has two values")

    def enum(self, name):
        """The Enum of that name, made when first asked for."""
        found = self.model.enums.get(name)
        if found is not None:
            return found
        node = self.enum_nodes.get(name)
        if node is None:
            # The type exists, its list of values does not: an enum without values (yet).
            type_node = self.type_nodes[name]
            found = Enum(name, "FlagBits" in name, 32, {}, {}, type_node.place)
        else:
            found = Enum(name, node.get("type") == "bitmask", int(node.get("bitwidth") or 32),
                         {}, {}, node.place)
            for value in node.children("enum"):
                if value.get("alias"):
                    found.aliases[value.get("name")] = value.get("alias")
                else:
                    found.values[value.get("name")] = parse_value(value)
        self.model.enums[name] = found
        return found

    def require(self, extension):
        """Bring what an extension or feature requires into the model."""
        for name in extension.types:
            self.require_type(name, extension.place, extension.name)
        for name in extension.commands:
            self.require_command(name, extension)

    def require_command(self, name, extension):
        canonical = self.model.command_name(name)
        node = self.command_nodes.get(canonical)
        if node is None:
            raise GenError(extension.place, f"{extension.name} requires unknown command {name}")
        command = self.model.commands.get(canonical)
        if command is None:
            command = self.build_command(canonical, node)
            self.model.commands[canonical] = command
        if extension.name not in command.providers:
            command.providers.append(extension.name)
        if name != canonical and name not in command.aliases:
            command.aliases.append(name)

    def build_command(self, name, node):
        proto = node.child("proto")
        return_type = self.model.type_name(proto.child("type").text())
        self.require_type(return_type, node.place)
        params = [self.build_member(p) for p in node.children("param")]
        return Command(
            name=name, return_type=return_type, params=params, place=node.place,
            successcodes=split_list(node.get("successcodes")),
            errorcodes=split_list(node.get("errorcodes")), queues=node.get("queues"),
            cmdbufferlevel=node.get("cmdbufferlevel"), own=name in self.own_commands)

    def require_type(self, name, place, provider=None):
        canonical = self.model.type_name(name)
        if canonical in PLATFORM_TYPES:
            return
        node = self.type_nodes.get(canonical)
        if node is None:
            raise GenError(place, f"unknown type {name}")
        if canonical not in self.seen_types:
            self.seen_types.add(canonical)
            self.build_type(canonical, node)
        struct = self.model.structs.get(canonical)
        if struct is not None:
            if provider and provider not in struct.providers:
                struct.providers.append(provider)
            if name != canonical and name not in struct.aliases:
                struct.aliases.append(name)

    def build_type(self, name, node):
        category = node.get("category")
        model = self.model
        if category in ("struct", "union"):
            self.build_struct(name, node, category == "union")
        elif category == "enum":
            self.enum(name)
        elif category == "bitmask":
            base = node.child("type").text()
            bits = node.get("requires") or node.get("bitvalues")
            if bits:
                bits = model.type_name(bits)
                self.require_type(bits, node.place)
            if base not in ("VkFlags", "VkFlags64"):
                raise GenError(node.place, f"{name}: flags of type {base}")
            model.flags[name] = Flags(name, 64 if base == "VkFlags64" else 32, bits, node.place)
        elif category == "handle":
            kind = node.child("type").text()
            parent = node.get("parent")
            model.handles[name] = Handle(
                name, model.type_name(parent) if parent else None, node.get("objtypeenum"),
                kind == "VK_DEFINE_HANDLE", node.place)
        elif category == "basetype":
            base = node.child("type")
            text = node.text()
            if base is not None and "*" not in text and text.startswith("typedef"):
                model.basetypes[name] = base.text()
            else:
                model.foreign[name] = node.place
        elif category == "funcpointer":
            model.funcpointers[name] = node.place
        elif category is None:
            model.foreign[name] = node.place
        elif category not in ("define", "include"):
            raise GenError(node.place, f"{name}: type of unknown category {category}")

    def build_struct(self, name, node, is_union):
        members = [self.build_member(m) for m in node.children("member")]
        if not members:
            raise GenError(node.place, f"{name} has no members")
        stype = members[0].values[0] if members[0].name == "sType" and members[0].values else None
        self.model.structs[name] = Struct(
            name=name, is_union=is_union, members=members,
            returnedonly=node.get("returnedonly") == "true",
            extends=[self.model.type_name(n) for n in split_list(node.get("structextends"))],
            allowduplicate=node.get("allowduplicate") == "true", stype=stype, place=node.place)

    def build_member(self, node):
        name_node = node.child("name")
        type_node = node.child("type")
        if name_node is None or type_node is None:
            raise GenError(node.place, "a member without name or type")
        name = name_node.text()
        self.require_type(type_node.text(), node.place)
        text = " ".join(node.text(skip=("comment",)).split())
        match = re.fullmatch(
            r"(const )?(?:struct )?(\w+) ?((?:\*|const|\s)*)" + re.escape(name) +
            r" ?((?:\[\w+\])*)(?::(\d+))?", text)
        if match is None or match.group(2) != type_node.text():
            raise GenError(node.place, f"cannot understand the declaration '{text}'")
        stars = match.group(3).replace(" ", "")
        lens = split_list(node.get("altlen") or node.get("len"))
        return Member(
            name=name, type=self.model.type_name(type_node.text()),
            decl=declaration(match, name), const=match.group(1) is not None,
            pointers=stars.count("*"),
            dims=[self.dimension(d, node) for d in re.findall(r"\[(\w+)\]", match.group(4))],
            bits=int(match.group(5) or 0), lens=lens,
            optional=[o == "true" for o in split_list(node.get("optional"))],
            externsync=node.get("externsync"),
            noautovalidity=node.get("noautovalidity") == "true",
            values=split_list(node.get("values")), selector=node.get("selector"),
            selection=split_list(node.get("selection")), objecttype=node.get("objecttype"),
            stride=node.get("stride"), place=node.place)

    def dimension(self, text, node):
        if text.isdigit():
            return int(text)
        if text not in self.model.constants:
            raise GenError(node.place, f"unknown array size {text}")
        return self.model.constants[text]


def declaration(match, name):
    stars = match.group(3).replace(" ", "").replace("const", "const ")
    tag = "struct " if f"struct {match.group(2)}" in match.string else ""
    return (f"{match.group(1) or ''}{tag}{match.group(2)} {stars.strip()}"
            f"{' ' if stars.endswith(' ') else ''}{name}{match.group(4)}"
            f"{':' + match.group(5) if match.group(5) else ''}")


def parse_value(node):
    if node.get("bitpos") is not None:
        return 1 << int(node.get("bitpos"))
    if node.get("value") is None:
        raise GenError(node.place, f"{node.get('name')} has no value")
    return int(node.get("value"), 0)


def parse_constant(node):
    text = node.get("value").strip("()").rstrip("fF")
    match = re.fullmatch(r"(~?)(\d+)(U|ULL)?(?:-(\d+))?", text)
    if match is None:
        return None   # a float or a string: no size depends on it
    value = int(match.group(2))
    if match.group(1):
        value = ~value & (0xffffffffffffffff if match.group(3) == "ULL" else 0xffffffff)
    return value - int(match.group(4) or 0)


GUEST_KINDS = ("send", "call", "query", "create", "destroy", "record", "hand",
               "local", "refuse", "none")
REPLAY_KINDS = ("auto", "hand", "-")


def read_lines(path):
    """The words of each line that has any, with its place; # starts a comment."""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split("#")[0].split()
            if words:
                yield words, Place(path, number)


def read_keys(words, place):
    keys = {}
    for i, word in enumerate(words):
        key, equals, value = word.partition("=")
        if key in keys:
            raise GenError(place, f"key {key} twice")
        if key == "reason":
            keys[key] = " ".join([value, *words[i + 1:]])
            break
        keys[key] = value if equals else ""
    return keys


def read_commands(model, path):
    ids = {}
    for words, place in read_lines(path):
        if words[0] == "about":
            if len(words) < 3:
                raise GenError(place, "expected: about NAME[.MEMBER] VERB [WORDS...]")
            owner, _, member = words[1].partition(".")
            model.abouts.append(
                About(owner, member or None, words[2], " ".join(words[3:]), place))
            continue
        if len(words) < 4:
            raise GenError(place, "expected: ID NAME GUEST REPLAY [KEY=VALUE...]")
        number, name, guest, replay = words[:4]
        if number != "-" and not (number.isdigit() and 0 < int(number) < 65536):
            raise GenError(place, f"wire id {number} is neither '-' nor 1..65535")
        wire_id = 0 if number == "-" else int(number)
        if guest not in GUEST_KINDS:
            raise GenError(place, f"unknown guest kind {guest}")
        if replay not in REPLAY_KINDS:
            raise GenError(place, f"unknown replay kind {replay}")
        if (wire_id == 0) != (guest in ("local", "refuse", "none")):
            raise GenError(place, f"{name}: guest kind {guest} with wire id {number}")
        if name in model.wire:
            raise GenError(place, f"{name} is listed twice")
        if wire_id and wire_id in ids:
            raise GenError(place, f"wire id {wire_id} is {ids[wire_id]}'s")
        if model.command_name(name) not in model.commands:
            if wire_id:
                # Ids are never reused, so the line of a command that this registry does not
                # have (older or newer) stays.
                ids[wire_id] = name
            continue
        if name not in model.commands:
            raise GenError(place, f"{name} is an alias of {model.command_name(name)}: list that")
        ids[wire_id] = name
        model.wire[name] = Wire(name, wire_id, guest, replay, read_keys(words[4:], place), place)


def read_policies(model, path):
    for words, place in read_lines(path):
        if len(words) < 2 or words[1] not in ("guest", "hidden"):
            raise GenError(place, "expected: EXTENSION guest|hidden REASON")
        if words[0] in model.policies:
            raise GenError(place, f"{words[0]} is listed twice")
        model.policies[words[0]] = Policy(words[1], " ".join(words[2:]), place)


def load_model(registry_path, own_path=None, commands_path=None, extensions_path=None):
    builder = Builder()
    model = builder.model
    nodes = []
    for path, own in ((registry_path, False), (own_path, True)):
        if path:
            features, extensions = builder.add_registry(read_registry(path), own)
            nodes += features + extensions
            model.inputs.append(path)
    builder.extend_enums(nodes)
    for extension in [*model.features.values(), *model.extensions.values()]:
        builder.require(extension)
    # Aliases of aliases, and chains to structs that nothing requires.
    for struct in model.structs.values():
        struct.extends = unique(model.type_name(n) for n in struct.extends
                                if model.type_name(n) in model.structs)
    model.index_chains()
    model.index_values()
    if commands_path:
        read_commands(model, commands_path)
        model.inputs.append(commands_path)
    if extensions_path:
        read_policies(model, extensions_path)
        model.inputs.append(extensions_path)
    return model
