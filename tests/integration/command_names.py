#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The names of all commands of a Vulkan registry as C strings: command_names.py VK.XML HEADER."""

import pathlib
import sys
import xml.etree.ElementTree

registry, header = sys.argv[1:]
names = set()
for command in xml.etree.ElementTree.parse(registry).iterfind("commands/command"):
    names.add(command.get("name") or command.findtext("proto/name"))
pathlib.Path(header).write_text("".join(f'"{name}",\n' for name in sorted(names)))
