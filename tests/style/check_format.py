#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clang-format changes nothing: check_format.py ROOT. Skipped without clang-format 14, since other
versions lay out differently."""

import re
import subprocess
import sys

from check_sources import list_files

SKIPPED = 77


def main():
    """Format all C files in memory; the exit status says whether all is well."""
    root = sys.argv[1]
    try:
        version = subprocess.run(['clang-format', '--version'], check=True, capture_output=True,
                                 text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        print('clang-format is not installed')
        return SKIPPED
    if not re.search(r'version 14\.', version):
        print(f'not clang-format 14 but {version}')
        return SKIPPED
    names = [name for name in list_files(root) if name.endswith(('.c', '.h'))]
    result = subprocess.run(['clang-format', '--dry-run', '-Werror', *names], cwd=root,
                            capture_output=True, text=True, check=False)
    for line in result.stderr.splitlines():
        if 'error:' in line:
            print(line)
    return 1 if result.returncode != 0 else 0


if __name__ == '__main__':
    sys.exit(main())
