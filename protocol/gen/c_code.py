# SPDX-License-Identifier: MIT
"""Builds lines of C in house style: tabs, 100 columns, braces around every body."""

import re

WIDTH = 100
TAB = 8


def columns(line):
    return sum(TAB if c == "\t" else 1 for c in line)


def wrap(line, indent, shift):
    """Break a long line where a comma or an operator ends a part of it. shift: tabs that will be
    put in front of all lines."""
    result = []
    extra = 0
    while columns("\t" * (indent + extra + shift) + line) > WIDTH:
        room = WIDTH - TAB * (indent + extra + shift)
        cut = break_at(line, room)
        if cut is None:
            break
        result.append("\t" * (indent + extra) + line[:cut].rstrip())
        line = line[cut:].lstrip()
        extra = 1
    return result + ["\t" * (indent + extra) + line]


def break_at(line, room):
    """Where to break a line so that its first part fits, or None."""
    for pattern, after in ((r", ", True), (r" = ", True), (r" \|\| | && ", True),
                           (r" \? | : | \* ", False), (r"(?<=\w)\((?=\w)", True)):
        ends = [m.end() if after else m.start() + 1 for m in re.finditer(pattern, line)]
        # Never inside of a string.
        ends = [end for end in ends if end - 1 <= room and line[:end].count('"') % 2 == 0]
        if ends:
            return ends[-1]
    return None


class Code:
    """Lines of a file, or of a function's body (shift 1)."""

    def __init__(self, shift=1):
        self.lines = []
        self.indent = 0
        self.shift = shift
        self.heads = []   # of the functions

    def add(self, line=""):
        self.lines += wrap(line, self.indent, self.shift) if line else [""]

    def open(self, line):
        """A line whose block follows."""
        self.add(line + " {")
        self.indent += 1

    def middle(self, line):
        """Ends one block and begins the next: } else {"""
        self.indent -= 1
        self.add("} " + line + " {")
        self.indent += 1

    def close(self, after=""):
        self.indent -= 1
        self.add("}" + after)

    def inner(self):
        """Code that will be appended to this one, at the present indent."""
        return Code(self.shift + self.indent)

    def append(self, code):
        self.lines += ["\t" * self.indent + line if line else line for line in code.lines]

    def function(self, head, body):
        """A function: its head, then the lines of body (a Code)."""
        self.heads.append(head)
        self.add(head)
        self.open("")
        self.lines[-1] = "{"
        self.append(body)
        self.close()
        self.add()

    def text(self):
        return "\n".join(self.lines) + "\n"
