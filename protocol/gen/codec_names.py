# SPDX-License-Identifier: MIT
"""Where each struct's functions live, and what they are called there.

A struct that only one file uses has static functions in that file; one that several files use has
functions with the prefix sl_ in the shared file.
"""

from plan import IN, FixedArray, Handle, Pointer, StructRef
from registry import GenError

SHARED = "structs"
CHAINS = "chains"


def struct_refs(node):
    """The structs that a node holds or points to, directly."""
    if isinstance(node, StructRef):
        return [node.plan]
    if isinstance(node, (FixedArray, Pointer)):
        return struct_refs(node.elem)
    return []


def children(plan):
    return [child for item in plan.fields for child in struct_refs(item.node)]


def families(plan):
    """family -> commands, families in order of their first command."""
    model = plan.model
    family_of = {model.type_name(a.owner): a.text for a in model.abouts if a.verb == "family"}
    result = {}
    for command in plan.commands:
        name = family_of.get(command.name) or family_of.get(subject(command))
        if name is None:
            raise GenError(command.wire.place, f"{command.name}: no 'about' line tells the family"
                           f" of {subject(command)}")
        result.setdefault(name, []).append(command)
    return result


def subject(command):
    """The handle type which a command is about: what it creates, else the first that is not
    dispatchable, else the first."""
    if command.wire.guest == "record":
        return command.fields[0].node.ctype
    handles = [f.node for f in command.fields if isinstance(f.node, Handle)]
    made = [f.node.elem for f in command.fields if f.is_output and isinstance(f.node, Pointer)
            and isinstance(f.node.elem, Handle)]
    special = [h for h in handles[1:] if not h.is_null]
    found = made or special or handles
    return found[0].ctype if found else None


class Places:
    """Which file each struct's functions are in."""

    def __init__(self, plan):
        self.plan = plan
        users = {}

        def use(struct, place):
            users.setdefault((struct.name, struct.direction), set()).add(place)

        for family, commands in families(plan).items():
            for command in commands:
                for item in command.fields:
                    for struct in struct_refs(item.node):
                        use(struct, family)
        self.place = {}
        # Parents were planned after their children.
        for key, struct in reversed(plan.structs.items()):
            if struct.is_chained:
                use(struct, CHAINS)
            places = users.get(key, set())
            if not places:
                continue
            self.place[key] = places.copy().pop() if len(places) == 1 else SHARED
            for child in children(struct):
                use(child, self.place[key])

    def in_file(self, place):
        """The structs whose functions are in a file, children before parents."""
        return [s for key, s in self.plan.structs.items() if self.place.get(key) == place]

    def prefix(self, struct):
        return "sl_" if self.place[struct.name, struct.direction] == SHARED else ""

    def linkage(self, struct):
        return "" if self.prefix(struct) else "static "

    def function(self, verb, struct):
        return f"{self.prefix(struct)}{verb}_{struct.name}"


def context_parameter(struct):
    if struct.direction != IN or struct.context is None:
        return ""
    space = "" if struct.context.endswith("*") else " "
    return f", {struct.context}{space}context"


def fill(expression, base):
    return expression.replace("{base}", base)


def address(value):
    """&value, without &*."""
    return value[1:] if value.startswith("*") else "&" + value


def element(pointer, node, index):
    """An element of an array, or the one value that is pointed to."""
    return f"{pointer}[{index}]" if node.is_array else "*" + pointer
