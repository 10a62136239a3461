#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""House rules that a program can check: check_sources.py CHECK ROOT.

Each check reads the files that git tracks (all source files where there is no git) and prints one
line per violation: FILE:LINE: what is wrong.
"""

import os
import re
import subprocess
import sys

MAX_FILE_LINES = 1000
MAX_FUNCTION_LINES = 60
SOURCE_SUFFIXES = ('.c', '.h', '.py', '.sh')

# Who may include whom; a folder may always include itself. What is generated lies in protocol/,
# or beside the folder's own files.
INCLUDES = {
    'protocol': set(),
    'guest-driver/link': {'protocol'},
    'guest-driver/vk': {'guest-driver/link', 'protocol'},
    'guest-driver/gl': {'guest-driver/link', 'protocol'},
    'guest-driver/wsi': {'guest-driver/vk', 'guest-driver/link', 'protocol'},
    'host/base': set(),
    'host/objects': {'host/base'},
    'host/sched': {'host/base'},
    'host/gpu': {'host/base'},
    'host/sandbox': {'host/base'},
    'host/link': {'host/base', 'protocol'},
    'host/decode': {'host/objects', 'host/base', 'protocol'},
    'host/check': {'host/objects', 'host/base', 'protocol'},
    'host/replay': {'host/check', 'host/objects', 'host/sched', 'host/gpu', 'host/base', 'shaders',
                    'protocol'},
    'host/virgl': {'host/sched', 'host/sandbox', 'host/base'},
    'host/renderer': {'host/link', 'host/decode', 'host/replay', 'host/objects', 'host/sched',
                      'host/gpu', 'host/sandbox', 'host/base', 'protocol'},
    'host/vgpu': {'host/link', 'host/virgl', 'host/sched', 'host/sandbox', 'host/base',
                  'protocol'},
    'host/daemon': {'host/sched', 'host/sandbox', 'host/base'},
    'host/ctl': {'host/base'},
    'shaders': set(),
}
# Single headers beyond the table, each with its reason.
ALLOWED_HEADERS = {
    # The daemon refuses programs in the words of the handshake; it reads none of them.
    ('host/daemon', 'protocol/handshake.h'),
    # It names the command at which a renderer died.
    ('host/daemon', 'protocol/sl_ids.h'),
}


def list_files(root):
    """All files of the project, relative to root."""
    try:
        listed = subprocess.run(['git', '-C', root, 'ls-files', '-z'], check=True,
                                capture_output=True).stdout.decode().split('\0')
        names = [name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
    if not names:
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders
                          if not name.startswith('.') and
                          not os.path.exists(os.path.join(folder, name, 'build.ninja'))]
            names += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return sorted(name for name in names if os.path.isfile(os.path.join(root, name)))


def read_lines(root, name):
    """The lines of a file, without their newlines."""
    with open(os.path.join(root, name), encoding='utf-8') as file:
        return file.read().split('\n')


def folder_of(name):
    """The row of the include table that a path belongs to; None if there is none."""
    return max((folder for folder in INCLUDES if name.startswith(folder + '/')), key=len,
               default=None)


def check_includes(root, names):
    """Calls go right: folders include only what the table allows."""
    for name in names:
        own = folder_of(name)
        if own is None or not name.endswith(('.c', '.h')):
            continue
        for number, line in enumerate(read_lines(root, name), 1):
            match = re.match(r'#include "([^"]+)"', line)
            if not match:
                continue
            header = match.group(1)
            other = folder_of(header)
            if other is None:
                yield f'{name}:{number}: "{header}" is not given from the root of the tree'
            elif (other != own and other not in INCLUDES[own] and
                  (own, header) not in ALLOWED_HEADERS):
                yield f'{name}:{number}: {own} may not include {other} ("{header}")'


def check_own_header_first(root, names):
    """x.c includes x.h (or x_priv.h, which includes it) before anything else."""
    known = set(names)
    for name in names:
        header = name[:-2] + '.h'
        if not name.endswith('.c') or header not in known:
            continue
        for number, line in enumerate(read_lines(root, name), 1):
            if line.startswith('#include'):
                # Tests may name a header of their own folder without it.
                own = {header, f'{name[:-2]}_priv.h', os.path.basename(header)}
                if line not in {f'#include "{path}"' for path in own}:
                    yield f'{name}:{number}: "{header}" does not come first'
                break


def check_guards(root, names):
    """Header guards are named after the path, guest-driver/vk/a.h: SL_GUEST_DRIVER_VK_A_H."""
    for name in names:
        if not name.endswith('.h'):
            continue
        short = name[len('host/'):] if name.startswith('host/') else name
        wanted = {'SL_' + re.sub(r'[^A-Z0-9]', '_', path.upper()) for path in (name, short)}
        guard = next((line.split()[1] for line in read_lines(root, name)
                      if line.startswith('#ifndef ')), None)
        if guard not in wanted:
            yield f'{name}:1: the guard is {guard}, not one of {", ".join(sorted(wanted))}'


def check_opening(root, names):
    """Files open with the SPDX line and what the file is for."""
    for name in names:
        if not name.endswith(SOURCE_SUFFIXES):
            continue
        lines = read_lines(root, name)
        if name.endswith(('.c', '.h')):
            if lines[0] != '/* SPDX-License-Identifier: MIT */':
                yield f'{name}:1: no SPDX line'
            elif len(lines) < 2 or not lines[1].startswith('/* '):
                yield f'{name}:2: no comment that says what the file is for'
        elif lines != [''] and '# SPDX-License-Identifier: MIT' not in lines[:3]:
            yield f'{name}:1: no SPDX line'


def find_functions(lines):
    """(first line, last line) of each function's body: braces in the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == '{' and number > 1 and not lines[number - 2].endswith(('=', ';')):
            start = number
        elif line.startswith('}') and start is not None:
            yield start, number
            start = None


def count_flat_lines(lines):
    """Lines within switches and tables, which may be as long as they like."""
    flat = 0
    indent = None
    for line in lines:
        stripped = line.lstrip('\t')
        depth = len(line) - len(stripped)
        if indent is None:
            is_table = re.search(r'\] = \{$', line) and 'const' in line
            if stripped.startswith('switch (') or is_table:
                indent = depth
        elif depth == indent and stripped.startswith('}'):
            indent = None
        else:
            flat += 1
    return flat


def check_length(root, names):
    """Files stay under 1000 lines, functions under 60, lines under 100 columns."""
    for name in names:
        if not name.endswith(SOURCE_SUFFIXES):
            continue
        lines = read_lines(root, name)
        if len(lines) - 1 > MAX_FILE_LINES:
            yield f'{name}:1: {len(lines) - 1} lines, more than {MAX_FILE_LINES}'
        if not name.endswith(('.c', '.h')):
            continue
        for first, last in find_functions(lines):
            length = last - first - 1 - count_flat_lines(lines[first:last - 1])
            if length > MAX_FUNCTION_LINES:
                yield f'{name}:{first}: a function of {length} lines, more than ' \
                      f'{MAX_FUNCTION_LINES}'


def check_braces(root, names):
    """Every if, else and loop body has braces."""
    opening = re.compile(r'\t+((\} )?else if|if|for|while) \(')
    for name in names:
        if not name.endswith(('.c', '.h')):
            continue
        lines = read_lines(root, name)
        for number, line in enumerate(lines, 1):
            if re.fullmatch(r'\t+(\} )?else', line):
                yield f'{name}:{number}: else without braces'
            if not opening.match(line) or line.rstrip().endswith(('{', '\\')):
                continue
            text, end = line, number
            while text.count('(') > text.count(')') and end < len(lines):
                text += lines[end]
                end += 1
            if text.rstrip().endswith(')'):
                yield f'{name}:{number}: a body without braces'


def check_words(root, names):
    """No TODO without an issue."""
    for name in names:
        if not name.endswith(SOURCE_SUFFIXES) or name.startswith('tests/style/'):
            continue
        for number, line in enumerate(read_lines(root, name), 1):
            if re.search(r'\b(TODO|FIXME|XXX)\b(?!\(#\d+\))', line):
                yield f'{name}:{number}: a TODO needs its issue: TODO(#12)'


# Assertions in code that a guest's bytes come by, by file: what was looked at, and found to depend
# on this project's own code only. A new one belongs here once nothing a guest sends can fail it.
ASSERTS = {
    'host/base/fd.c': 1,             # descriptors that callers pass: constants
    'host/decode/decode.c': 1,       # a stream that was run before
    'host/link/host_link.c': 2,      # a reply that was begun; slots that the replay checked
    'host/link/host_region.c': 1,    # a region that the replay holds
    'host/sched/sched.c': 7,         # the daemon's own state; packets are checked before
    'host/sched/sched_client.c': 2,  # flights that the gate counted
    'host/vgpu/pci_config.c': 3,     # the layout of the device, and sizes that its caller cut
    'host/vgpu/virgl_queue.c': 1,    # sizes of packets: constants
    'host/vgpu/virtio_pci.c': 1,     # options of the device
    'host/vgpu/virtqueue.c': 1,      # chains that were taken and not returned
    'protocol/arena.c': 1,           # limits that are constants
    'protocol/handshake.c': 3,       # lists of this build; packets whose size was checked
    'protocol/ring.c': 1,            # a size that the handshake checked
    'protocol/writer.h': 1,          # messages of this side
}


# The same for what ends the process.
ENDERS = {
    'host/daemon/priority.c': 1,       # a child that only tries
    'host/daemon/worker.c': 4,         # a child that does not become a renderer
    'host/renderer/arbiter_link.c': 1, # the daemon's order
    'host/renderer/main.c': 1,         # the end of main(), past other threads
    'host/renderer/replay_main.c': 1,  # the same
    'host/sandbox/entry.c': 1,         # --help
    'host/sandbox/namespaces.c': 2,    # a child that only tries, or got no namespaces
    'host/sandbox/sandbox.c': 1,       # a signal's handler
    'host/vgpu/main.c': 1,             # the end of a child
    'host/virgl/main.c': 1,            # the end of main(), past other threads
}
ENDER = re.compile(r'\b(abort|_?exit|_Exit|quick_exit|raise|errx?|verrx?|error|__builtin_trap|'
                   r'__builtin_unreachable|__assert_fail)\(')


def read_code(root, name):
    """The file without its comments and strings."""
    text = '\n'.join(read_lines(root, name))
    return re.sub(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', '', text, flags=re.DOTALL)


def check_asserts(root, names):
    """Each assert() that a guest could come by, and whatever else ends a process, has been looked
    at."""
    for name in names:
        if not name.endswith(('.c', '.h')):
            continue
        code = read_code(root, name)
        asserts = len(re.findall(r'(?<!_)\bassert\(', code))
        enders = len(ENDER.findall(code))
        if name.startswith(('host/', 'protocol/')) and asserts != ASSERTS.get(name, 0):
            yield f'{name}:1: {asserts} assertions, not the {ASSERTS.get(name, 0)} of {__file__}'
        if (name.startswith(('host/', 'protocol/', 'guest-driver/', 'shaders/')) and
                enders != ENDERS.get(name, 0)):
            yield (f'{name}:1: {enders} calls that end a process, not the {ENDERS.get(name, 0)} of '
                   f'{__file__}')


def check_whitespace(root, names):
    """Lines end without blanks, files with one newline; C is indented with tabs."""
    for name in names:
        if not name.endswith(SOURCE_SUFFIXES + ('.md', '.txt', '.build', '.xml')):
            continue
        lines = read_lines(root, name)
        if lines != [''] and (lines[-1] != '' or (len(lines) > 1 and lines[-2] == '')):
            yield f'{name}:{len(lines)}: does not end with exactly one newline'
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                yield f'{name}:{number}: blanks at the end of the line'
            if name.endswith(('.c', '.h')) and line.startswith('        '):
                yield f'{name}:{number}: indented with spaces'


CHECKS = {
    'includes': check_includes,
    'own-header-first': check_own_header_first,
    'guards': check_guards,
    'opening': check_opening,
    'length': check_length,
    'braces': check_braces,
    'words': check_words,
    'asserts': check_asserts,
    'whitespace': check_whitespace,
}


def main():
    """Run one check; the exit status says whether all is well."""
    check, root = sys.argv[1:3]
    names = list_files(root)
    violations = list(CHECKS[check](root, names))
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == '__main__':
    sys.exit(main())
