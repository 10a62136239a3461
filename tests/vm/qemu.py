# SPDX-License-Identifier: MIT
"""QEMU's monitor, and the processes around it."""

import json
import socket
import subprocess


def children(pid, name):
    """Ids of a process's children with that name."""
    output = subprocess.run(["pgrep", "-P", str(pid), name], stdout=subprocess.PIPE, text=True,
                            check=False).stdout
    return [int(word) for word in output.split()]


def qmp(path, *commands, timeout=60):
    """Give QEMU orders: (command, arguments) each. Returns what the last one returned. OSError
    if QEMU has ended, or does not answer in time."""
    answer = {}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        lines = connection.makefile("rw")
        lines.readline()
        for name, arguments in (("qmp_capabilities", {}), *commands):
            lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            lines.flush()
            answer = {}
            while "return" not in answer:
                answer = json.loads(lines.readline() or '{"return": null}')
    return answer["return"]
