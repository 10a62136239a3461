# SPDX-License-Identifier: MIT
"""Reads a registry (vk.xml, sluice.xml) into nodes that know the line they came from.

Nothing is interpreted here; model.py does that.
"""

from xml.parsers import expat


class GenError(Exception):
    """What the generator does not understand. Always names the file and line to look at."""

    def __init__(self, place, message):
        super().__init__(f"{place}: {message}")


class Place:
    """Where something was written; str() gives file:line."""

    __slots__ = ("file", "line")

    def __init__(self, file, line):
        self.file = file
        self.line = line

    def __str__(self):
        return f"{self.file}:{self.line}"


class Node:
    """An XML element: its texts and children stay in document order in `parts`."""

    __slots__ = ("tag", "attrib", "parts", "place")

    def __init__(self, tag, attrib, place):
        self.tag = tag
        self.attrib = attrib
        self.parts = []
        self.place = place

    def get(self, key, default=None):
        return self.attrib.get(key, default)

    def children(self, tag=None):
        return [p for p in self.parts if isinstance(p, Node) and tag in (None, p.tag)]

    def child(self, tag):
        found = self.children(tag)
        return found[0] if found else None

    def text(self, skip=()):
        """All text below this node, without that of the tags in skip."""
        return "".join(
            part if isinstance(part, str) else "" if part.tag in skip else part.text(skip)
            for part in self.parts)


def read_registry(path):
    """The root node of an XML file, without what is for other APIs than Vulkan (newer registries
    describe Vulkan SC as well); GenError if it is not well-formed."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    root = Node("", {}, Place(path, 1))
    stack = [root]

    def start(tag, attrib):
        node = Node(tag, attrib, Place(path, parser.CurrentLineNumber))
        stack[-1].parts.append(node)
        stack.append(node)

    def end(_tag):
        node = stack.pop()
        if "vulkan" not in node.get("api", "vulkan").split(","):
            stack[-1].parts.remove(node)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda text: stack[-1].parts.append(text)
    try:
        with open(path, "rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise GenError(Place(path, error.lineno), expat.errors.messages[error.code]) from error
    return root.children()[0]
