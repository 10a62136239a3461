# SPDX-License-Identifier: MIT
"""What the table emitters share: which extensions, commands and structs Sluice carries, in order.

Extensions are numbered by name and structs by sType, so that the tables can be searched.
"""

from registry import GenError

CORE_PREFIX = "VK_VERSION_"


def is_hidden(model, name):
    policy = model.policies.get(name)
    return policy is not None and policy.kind == "hidden"


def is_core(name):
    return name.startswith(CORE_PREFIX)


def core_minor(name):
    """VK_VERSION_1_2 -> 2."""
    return int(name.rsplit("_", maxsplit=1)[1])


def carried_extensions(model):
    """The extensions that may be offered, sorted by name."""
    found = [e for e in model.extensions.values() if not is_hidden(model, e.name)]
    return sorted(found, key=lambda e: e.name)


def block_needs(block):
    """What else must be enabled for a <require> block: a list of alternatives, each a list of
    extensions of which all are needed. "A+B,C" is [[A, B], [C]]."""
    return [part.split("+") for part in block.extension.split(",")] if block.extension else [[]]


def block_is_carried(model, block):
    """False for a <require> block that is only for those who also have a hidden extension."""
    return any(not any(is_hidden(model, name) for name in names) for names in block_needs(block))


def carried_structs(model):
    """The structs that may be in a pNext chain or begin one, sorted by sType."""
    local = {about.owner for about in model.abouts if about.verb == "local"}
    found = [s for s in model.structs.values() if s.stype and s.name not in local
             and any(not is_hidden(model, p) for p in s.providers)]
    for struct in found:
        if model.enum_value(struct.stype) is None:
            raise GenError(struct.place, f"{struct.name}: unknown value {struct.stype}")
    return sorted(found, key=lambda s: model.enum_value(s.stype))


def wire_commands(model):
    """The commands that travel, in order of their ids."""
    found = [w for w in model.wire.values() if w.id]
    return sorted(found, key=lambda w: w.id)


def first_handle(model, command):
    """The type of the dispatchable first parameter, or None."""
    first = command.params[0] if command.params else None
    handle = model.handles.get(first.type) if first is not None else None
    return first.type if handle is not None and handle.dispatchable and not first.pointers else None


def has_platform_type(model, command):
    """True where the prototype is in no header that every system has."""
    return all(not is_core(p) and p in model.extensions and model.extensions[p].platform
               for p in command.providers)


def params_of_type(command, name):
    return [p for p in command.params if p.type == name]


def created_param(model, command):
    """The parameter that receives the handles which a command makes, or None."""
    found = [p for p in command.params
             if p.type in model.handles and p.pointers == 1 and not p.const]
    if len(found) > 1:
        raise GenError(command.place, f"{command.name} makes handles of two kinds")
    return found[0] if found else None


def owner_type(model, command):
    """The handle type that owns what a command makes, or None for nobody."""
    return model.handles[created_param(model, command).type].parent


def key_param(command, wire, key):
    """The parameter that a key of commands.txt names, or None without the key."""
    name = wire.keys.get(key)
    if name is None:
        return None
    param = command.param(name)
    if param is None:
        raise GenError(wire.place, f"{wire.name} has no parameter {name}")
    return param


def destroyed_param(model, command, wire):
    """The parameter whose objects a command destroys, or None."""
    param = key_param(command, wire, "destroys")
    if param is None and wire.guest == "destroy":
        param = [p for p in command.params if p.type in model.handles][-1]
    if param is not None and len(params_of_type(command, param.type)) > 1:
        # The decoder removes the named objects of that type.
        raise GenError(wire.place, f"{wire.name} destroys one of two {param.type} parameters")
    return param


def family(model, command):
    """The file that a command's generated code goes to: instance, device, queue or
    command_buffer."""
    handle = first_handle(model, command)
    if handle in (None, "VkInstance", "VkPhysicalDevice"):
        return "instance"
    return {"VkQueue": "queue", "VkCommandBuffer": "command_buffer"}.get(handle, "device")


FAMILIES = ("instance", "device", "queue", "command_buffer")
