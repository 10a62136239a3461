# SPDX-License-Identifier: MIT
"""Breaks generated lines as clang-format would: tabs of 8, 100 columns."""

COLUMNS = 100
TAB = 8


def width(text):
    return len(text.rstrip("\n").expandtabs(TAB))


def indentation(columns):
    return "\t" * (columns // TAB) + " " * (columns % TAB)


def join(start, items, end):
    """start, then items separated by commas, then end: continued below the first item, or on
    new lines one tab deeper where that is needed or, in function bodies, takes fewer lines.
    start begins with its tabs."""
    line = start + ", ".join(items) + end
    if width(line) <= COLUMNS or not items:
        return line
    parts = [item + "," for item in items[:-1]] + [items[-1] + end]
    aligned = fill(start, parts, width(start))
    if all(width(text) <= COLUMNS for text in aligned) and not start.startswith("\t"):
        return "\n".join(aligned)
    column = (len(start) - len(start.lstrip("\t")) + 1) * TAB
    column += 4 if start.lstrip("\t").startswith("if (") else 0
    deeper = [start] + fill(indentation(column), parts, column)
    fits = all(width(text) <= COLUMNS for text in aligned)
    return "\n".join(aligned if fits and len(aligned) <= len(deeper) else deeper)


def fill(first, parts, column):
    """Lines of at most COLUMNS with as many parts in each as fit; the first begins with first."""
    lines = [first + parts[0]]
    for part in parts[1:]:
        if width(lines[-1]) + 1 + width(part) <= COLUMNS:
            lines[-1] += " " + part
        else:
            lines.append(indentation(column) + part)
    return lines


def assign(left, right):
    """left = right, broken after the = if need be. left begins with its tabs."""
    line = f"{left} = {right}"
    if width(line) <= COLUMNS:
        return line
    depth = len(left) - len(left.lstrip("\t")) + 1
    return f"{left} =\n{indentation(depth * TAB)}{right}"
