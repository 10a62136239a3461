#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each header compiles alone: check_headers.py ROOT BUILD_DIR COMPILER…"""

import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from check_sources import list_files

FLAGS = ['-std=gnu17', '-D_GNU_SOURCE', '-DVK_NO_PROTOTYPES', '-Wall', '-Wextra', '-Werror',
         '-Wno-unused-parameter', '-Wno-missing-field-initializers', '-fsyntax-only']


def find_include_flags(build_dir):
    """The directories of other packages' headers, from what the build passes to the compiler."""
    flags = set()
    with open(os.path.join(build_dir, 'compile_commands.json'), encoding='utf-8') as file:
        for entry in json.load(file):
            for word in shlex.split(entry['command']):
                if word.startswith('-I/'):
                    flags.add(word)
    return sorted(flags)


def compile_header(compiler, root, build_dir, name):
    """The compiler's complaints; empty if there are none."""
    # Twice: a missing guard shows too.
    text = f'#include "{name}"\n#include "{name}"\n'
    return subprocess.run([*compiler, *FLAGS, '-I', root, '-I', build_dir, '-x', 'c', '-'],
                          input=text, capture_output=True, text=True, check=False).stderr


def main():
    """Compile all headers; the exit status says whether all is well."""
    root, build_dir, *compiler = sys.argv[1:]
    compiler += find_include_flags(build_dir)
    names = [name for name in list_files(root) if name.endswith('.h')]
    names += [f'protocol/{name}' for name in sorted(os.listdir(os.path.join(build_dir, 'protocol')))
              if name.endswith('.h')]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = pool.map(lambda name: compile_header(compiler, root, build_dir, name), names)
    failed = 0
    for name, complaint in zip(names, complaints):
        if complaint:
            failed += 1
            print(f'{name} does not compile alone:\n{complaint}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
