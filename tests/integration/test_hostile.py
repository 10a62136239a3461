#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guests that break the protocol: each loses its own context, with one line in the log that names
the program, the command and the reason; the daemon and a program beside it go on."""

import array
import fcntl
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import host
import run_cases

HOSTILE = host.BUILD / "tests/integration/hostile"
LOST_PROTOCOL = "2"
# Lies about a command: the log names it. The others are about the ring.
COMMANDS = {
    "flags": "vkCreateBuffer", "unknown-command": "65535", "command-zero": "0",
    "truncated": "vkCreateBuffer", "oversized": "vkCreateBuffer", "dead-id": "vkDestroyBuffer",
    "unknown-id": "vkDestroyBuffer", "wrong-type": "vkDestroyBuffer",
    "wrong-parent": "vkCreateBuffer", "id-twice": "vkCreateBuffer", "id-zero": "vkCreateBuffer",
    "id-huge": "vkCreateBuffer", "record-outside": "vkCmdFillBuffer",
    "other-inside": "vkDestroyBuffer", "stream-id": "vkCmdFillBuffer",
    "stream-truncated": "vkCmdFillBuffer", "count": "vkCmdCopyBuffer",
    "count-within-caps": "vkCmdCopyBuffer", "chain": "vkCreateDevice",
    "chain-unknown": "vkCreateDevice", "enum": "vkCreateBuffer",
    "reply-region": "vkGetPhysicalDeviceProperties", "reply-offset": "vkGetPhysicalDeviceProperties",
    "reply-overflow": "vkGetPhysicalDeviceProperties", "region-unknown": "slAllocateMemory",
    "region-small": "slAllocateMemory", "before-instance": "vkCreateBuffer",
}


class Neighbour:
    """A program beside the hostile ones, run again and again by a thread."""

    def __init__(self, daemon, native):
        self.daemon, self.native = daemon, native
        self.problems, self.runs = [], 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        with tempfile.TemporaryDirectory() as directory:
            while not self.stopping.is_set():
                problem = run_cases.run_case("chain", self.native, self.daemon.environment(), [],
                                             pathlib.Path(directory))[0]
                self.runs += 1
                self.problems += [problem] if problem else []

    def stop(self):
        """None, or what went wrong."""
        self.stopping.set()
        self.thread.join()
        if self.problems:
            return f"{len(self.problems)} of {self.runs} runs failed, the first:\n{self.problems[0]}"
        return None if self.runs else "it never ran"


def lines_about(log, pid):
    """The warnings and errors that name the program."""
    return [line for line in log.splitlines()
            if f"hostile[{pid}]" in line and re.search(r": (warning|error): ", line)]


def tell(daemon, lie):
    """Returns what is wrong with how the host takes it, or None."""
    start = daemon.log_size()
    program = subprocess.Popen([HOSTILE, lie], env=daemon.environment(), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    output = program.communicate(timeout=30)[0]
    found = re.fullmatch(r"lost (\d) (.+)\n", output)
    if program.returncode != 0 or not found:
        return f"status {program.returncode}: {output}\n{daemon.log(start)}"
    host.wait_for(lambda: all(entry["pid"] != program.pid for entry in daemon.programs()), 10)
    lines = lines_about(daemon.log(start), program.pid)
    problems = []
    if found[1] != LOST_PROTOCOL:
        problems.append(f"the guest was told reason {found[1]}: {found[2]}")
    if len(lines) != 1:
        problems.append(f"{len(lines)} lines in the log, not one")
    # Lies about objects are named after their command: vkCmdFillBuffer:beyond.
    command = COMMANDS.get(lie, lie.split(":")[0] if ":" in lie else "ring")
    if lines and not re.search(rf"\b{command}\b", lines[0]):
        problems.append(f"the log does not name {command}")
    if not daemon.is_running():
        problems.append("the daemon has ended")
    return "\n".join(problems + [daemon.log(start)]) if problems else None


def packet(kind, size, version=1, magic=0x43554c53):
    return struct.pack("<IHHII", magic, kind, version, size, 0).ljust(size, b"\0")


def memfd(size, seal=True):
    fd = os.memfd_create("hostile", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    if seal:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return fd


def greet(daemon, data, fds):
    """Send one packet; returns what came back: the text of a refusal, "" for an end, or None."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(10)
        connection.connect(str(daemon.socket))
        if data is not None:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            connection.sendmsg([data], rights)
        else:
            return ""
        answer = connection.recv(65536)
        if not answer:
            return ""
        kind = struct.unpack_from("<H", answer, 4)[0]
        return answer[16:].split(b"\0")[0].decode() if kind == 3 else None


def hello(ring_size=1 << 20, reply_size=1 << 20, sync_size=8192, stypes=0, extensions=0,
          names=b"", command_words=b"\0" * 256):
    body = struct.pack("<IIII48s", ring_size, reply_size, sync_size, 1, b"greeter")
    body += command_words + struct.pack("<IIII", stypes, extensions, len(names), 0) + names
    return packet(1, 16 + len(body))[:16] + body


def test_greetings(tap, daemon, native):
    """First packets that are no hello, or lie."""
    sizes = (4096 + (1 << 20), 1 << 20, 8192)

    def good_fds():
        return [memfd(size) for size in sizes]

    greetings = {
        "nothing": (None, []),
        "an empty packet": (b"", []),
        "garbage": (b"GET / HTTP/1.1\r\n\r\n", []),
        "another magic": (packet(1, 352, magic=0x12345678), good_fds()),
        "another version": (packet(1, 352, version=99), good_fds()),
        "another type": (packet(2, 352), good_fds()),
        "a short hello": (hello()[:100], good_fds()),
        "no descriptors": (hello(), []),
        "too few descriptors": (hello(), good_fds()[:2]),
        "too many descriptors": (hello(), good_fds() * 4),
        "memory that can shrink": (hello(), [memfd(size, seal=False) for size in sizes]),
        "memory too small": (hello(), [memfd(4096) for _ in sizes]),
        "no memory at all": (hello(), [os.open("/dev/null", os.O_RDWR) for _ in sizes]),
        "a ring of 3 bytes": (hello(ring_size=3), good_fds()),
        "a huge ring": (hello(ring_size=1 << 31), good_fds()),
        "counts past the end": (hello(stypes=5000, extensions=5000), good_fds()),
        "names without an end": (hello(extensions=2, names=b"VK_A" * 8), good_fds()),
    }
    for name, (data, fds) in greetings.items():
        start = daemon.log_size()
        try:
            answer = greet(daemon, data, fds)
            problem = "the host took it" if answer is None else None
        except (OSError, socket.timeout) as error:
            problem = None if isinstance(error, (ConnectionResetError, BrokenPipeError)) else \
                repr(error)
        for fd in set(fds):
            os.close(fd)
        if not daemon.wait_until_idle():
            problem = "the connection is still listed"
        tap.point(f"greeting: {name}", problem and problem + "\n" + daemon.log(start))
    with tempfile.TemporaryDirectory() as directory:
        tap.point("the next program works", run_cases.run_case(
            "triangle", native, daemon.environment(), [], pathlib.Path(directory))[0])


def main():
    tap = host.Tap()
    native = run_cases.Native()
    lies = subprocess.run([HOSTILE, "--list"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.split()
    with host.Host(name="hostile") as daemon:
        neighbour = Neighbour(daemon, native)
        for lie in lies:
            tap.point(f"lie: {lie}", tell(daemon, lie))
        tap.point("the program beside them", neighbour.stop())
        test_greetings(tap, daemon, native)
        tap.point("the daemon ends", None if daemon.stop() == 0 else daemon.log())
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
