#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compile a GLSL shader to SPIR-V and write it as a C header with one static array."""

import pathlib
import subprocess
import sys
import tempfile


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: embed_shader.py GLSLANG_VALIDATOR SOURCE HEADER")
    compiler, source, header = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    # Vulkan 1.0 programs may only have SPIR-V 1.0; what a newer one needs says so by itself.
    text = source.read_text()
    target = "vulkan1.3" if "// target: vulkan1.3" in text else "vulkan1.0"
    with tempfile.TemporaryDirectory() as directory:
        binary = pathlib.Path(directory) / "shader.spv"
        result = subprocess.run(
            [compiler, "-V", "--quiet", "--target-env", target, "-o", binary, source],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 0:
            sys.exit(result.stdout)
        words = memoryview(binary.read_bytes()).cast("I").tolist()
    name = source.name.replace(".", "_")
    lines = [", ".join(f"{word:#010x}" for word in words[i:i + 8])
             for i in range(0, len(words), 8)]
    header.write_text(f"/* {source.name}, compiled by embed_shader.py. */\n"
                      f"static const uint32_t {name}[] = {{\n\t"
                      + ",\n\t".join(lines) + ",\n};\n")


main()
