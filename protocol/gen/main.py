#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the generated C of Sluice's protocol from the Vulkan registry.

    main.py --registry vk.xml --own sluice.xml --commands commands.txt
            --extensions extensions.txt --emit WHAT --out DIR

WHAT is an emitter: the module emit_WHAT.py next to this file, whose emit(model, out) writes
files into the folder out with writer.write_file(). What the generator does not understand is an
error that names file and line.
"""

import argparse
import importlib
import os
import sys

from model import load_model
from registry import GenError


def main():
    sys.dont_write_bytecode = True
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--registry", required=True, help="vk.xml")
    parser.add_argument("--own", help="sluice.xml: our own commands in the same form")
    parser.add_argument("--commands", required=True, help="commands.txt")
    parser.add_argument("--extensions", help="extensions.txt")
    parser.add_argument("--emit", required=True, action="append",
                        help="which emitter; may be given several times")
    parser.add_argument("--out", required=True, help="folder for the generated files")
    args = parser.parse_args()
    try:
        model = load_model(args.registry, args.own, args.commands, args.extensions)
        os.makedirs(args.out, exist_ok=True)
        for what in args.emit:
            importlib.import_module(f"emit_{what}").emit(model, args.out)
    except GenError as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
