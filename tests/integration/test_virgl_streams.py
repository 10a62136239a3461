#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile OpenGL: a virtual machine's device that passes on nonsense, to sluice-virgl in its sandbox with
virglrenderer and a driver behind it. What programs sent works; what was made of it may end the process,
and nothing else: the next one starts, and a Vulkan program beside it goes on."""

import array
import fcntl
import os
import pathlib
import random
import socket
import struct
import sys

import host
import run_cases
from test_hostile import Neighbour

CORPUS = pathlib.Path(__file__).resolve().parents[1] / "fuzz/corpus/virgl_stream"
# Packets (virgl_msg.h): bytes without their payload.
SIZES = {2: 56, 3: 16, 4: 16, 5: 16, 6: 80, 7: 80, 8: 16, 9: 16, 10: 64, 11: 16, 14: 40}
MEMORY, BACKING, SUBMIT, FENCE, REACHED, WELCOME = 1, 4, 11, 12, 33, 32
MEMORY_SIZE = 16 << 20
TELLING = (0, 1, 2, 64, 4096, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x3f800000)
MUTATIONS = 4


def packets(data):
    while data:
        kind, payload = struct.unpack_from("<2I", data)
        size = SIZES[kind] + payload
        yield bytearray(data[:size])
        data = data[size:]


def mutate(stream, chance):
    """The packets with some words of submissions changed."""
    for packet in stream:
        if struct.unpack_from("<I", packet)[0] == SUBMIT:
            words = (len(packet) - SIZES[SUBMIT]) // 4
            for _ in range(chance.randrange(1, 12)):
                at = SIZES[SUBMIT] + 4 * chance.randrange(words)
                word = struct.unpack_from("<I", packet, at)[0]
                struct.pack_into("<I", packet, at, chance.choice(
                    (*TELLING, word ^ 1 << chance.randrange(32), (word & ~0xff) |
                     chance.randrange(56))))
        yield packet


def settle_backing(packet):
    """All pages are at the beginning of the guest's memory."""
    count = (len(packet) - SIZES[BACKING]) // 16
    for i in range(count):
        at = SIZES[BACKING] + 16 * i
        size = struct.unpack_from("<I", packet, at + 8)[0]
        struct.pack_into("<QII", packet, at, 0, min(max(size, 1), MEMORY_SIZE), 0)
    return packet


class Device:
    """A vgpu's end of the connection."""

    def __init__(self, daemon):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        self.socket.connect(f"{daemon.socket}.gl")
        answer = self.socket.recv(1 << 16)
        self.is_welcome = len(answer) > 8 and struct.unpack_from("<I", answer)[0] == WELCOME

    def send_memory(self):
        fd = os.memfd_create("ram", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, MEMORY_SIZE)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        self.socket.sendmsg([struct.pack("<2I", MEMORY, 0)],
                            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)

    def play(self, stream):
        """Returns whether the process is there when all is done."""
        try:
            self.send_memory()
            for packet in stream:
                kind = struct.unpack_from("<I", packet)[0]
                self.socket.send(settle_backing(packet) if kind == BACKING else packet)
            self.socket.send(struct.pack("<2IQ", FENCE, 0, 1))
            while True:
                answer = self.socket.recv(1 << 16)
                if not answer:
                    return False
                if struct.unpack_from("<I", answer)[0] == REACHED:
                    return True
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            return False
        finally:
            self.socket.close()


def test_recording(tap, daemon, path):
    start = daemon.log_size()
    device = Device(daemon)
    is_there = device.play(packets(path.read_bytes()))
    log = daemon.log(start)
    problem = None if device.is_welcome and is_there else f"it has ended:\n{log}"
    if not problem and ("refused the system call" in log or "of the guest has failed" in log):
        problem = log
    tap.point(f"{path.name}: as it was recorded", problem)


def test_mutations(tap, daemon, path):
    chance = random.Random(path.name)
    ended = 0
    problem = None
    for i in range(MUTATIONS):
        device = Device(daemon)
        if not device.is_welcome:
            problem = problem or f"mutation {i}: there is no process"
        ended += 0 if device.play(mutate(packets(path.read_bytes()), chance)) else 1
        if not daemon.is_running():
            problem = problem or f"mutation {i}: the daemon has ended"
            break
    print(f"# {path.name}: {ended} of {MUTATIONS} mutations ended their process")
    tap.point(f"{path.name}: mutations", problem and f"{problem}\n{daemon.log()}")


def main():
    tap = host.Tap()
    if host.skips_virgl():
        return 0
    native = run_cases.Native()
    with host.Host(name="virgl-streams", env={"LIBGL_ALWAYS_SOFTWARE": "1"}) as daemon:
        if daemon.skips_opengl():
            return 0
        neighbour = Neighbour(daemon, native)
        try:
            for path in sorted(CORPUS.iterdir()):
                test_recording(tap, daemon, path)
                test_mutations(tap, daemon, path)
        finally:
            problem = neighbour.stop()
        tap.point("a Vulkan program beside them goes on", problem)
        tap.point("no process is left", None if daemon.wait_until_idle(20) else
                  f"{daemon.programs()}")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
