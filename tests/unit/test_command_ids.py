#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails if a wire id of protocol/commands.txt was changed, removed or given again.

    test_command_ids.py COMMANDS FROZEN

FROZEN holds every id that was ever given. A new command's id is appended to both files.
"""

import sys


def read_ids(path):
    """(id, name) of each line that gives an id, in order."""
    with open(path, encoding="utf-8") as file:
        lines = [line.split("#")[0].split() for line in file]
    return [(int(words[0]), words[1]) for words in lines if words and words[0].isdigit()]


def compare(commands, frozen):
    """What is wrong, one line each."""
    names = dict(commands)
    known = dict(frozen)
    if len(names) != len(commands) or len(known) != len(frozen):
        yield "an id is listed twice"
    if len(set(names.values())) != len(commands):
        yield "a command is listed twice"
    for number, name in frozen:
        if names.get(number) != name:
            yield f"id {number} was {name} and is now {names.get(number, 'nobody')}"
    for number, name in commands:
        if number not in known:
            yield f"id {number} is new: append '{number} {name}' to commands.frozen"
    if frozen != sorted(frozen):
        yield "commands.frozen is not in order"


def main():
    problems = list(compare(read_ids(sys.argv[1]), read_ids(sys.argv[2])))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
