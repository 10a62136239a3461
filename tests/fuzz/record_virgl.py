#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Record what programs make a vgpu send to sluice-virgl, as seeds for the target virgl_stream.

Usage: SLUICE_BUILD_DIR=build tests/fuzz/record_virgl.py OUT NAME PROGRAM [ARGUMENT…]

Runs PROGRAM with Mesa's virpipe driver and tests/bench/virgl_bridge.c, and writes OUT/NAME: its packets
up to a size that can be mutated, without those that the target makes itself. What the program's
memory holds is not recorded."""

import array
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import host  # noqa: E402

MAX_SIZE = 24 << 10
# Bytes of each packet without its payload (virgl_msg.h), of those that inputs have.
SIZES = {2: 56, 3: 16, 4: 16, 5: 16, 6: 80, 7: 80, 8: 16, 9: 16, 10: 64, 11: 16, 14: 40}
OTHERS = {1: 8, 12: 16, 13: 24}
SUBMIT, SUBMIT_SIZE = 11, 16
# virgl's command that pads a submission to where its transfers end: most of a short recording.
END_TRANSFERS = 44


def packets(message, payload):
    """The packets of a message; payload: the content of its descriptor."""
    while message:
        kind, size = struct.unpack_from("<2I", message)
        fixed = SIZES.get(kind) or OTHERS[kind]
        inline = 0 if payload is not None else size
        if kind in SIZES:
            yield message[:fixed] + (payload if payload is not None else
                                     message[fixed:fixed + inline])
        message = message[fixed + inline:]


def without_padding(packet):
    """A submission whose padding is gone."""
    if struct.unpack_from("<I", packet)[0] != SUBMIT:
        return packet
    at, commands = SUBMIT_SIZE, b""
    while at < len(packet):
        word = struct.unpack_from("<I", packet, at)[0]
        end = at + 4 + 4 * (word >> 16)
        commands += (struct.pack("<I", word & 0xffff) if word & 0xff == END_TRANSFERS else
                     packet[at:end])
        at = end
    return struct.pack("<2I", SUBMIT, len(commands)) + packet[8:SUBMIT_SIZE] + commands


class Tap:
    """Stands at the daemon's socket for OpenGL, passes on what comes, and keeps it."""

    def __init__(self, path, daemon):
        self.daemon, self.recording, self.is_full = daemon, b"", False
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        vgpu, _ = self.listener.accept()
        process = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process.connect(f"{self.daemon.socket}.gl")
        threading.Thread(target=self.copy, args=(process, vgpu, False), daemon=True).start()
        self.copy(vgpu, process, True)

    def copy(self, source, sink, is_kept):
        while True:
            message, fds, _, _ = socket.recv_fds(source, 1 << 16, 1)
            if not message:
                sink.close()
                return
            if is_kept:
                self.keep(message, fds)
            sink.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                      array.array("i", fds))] if fds else [])
            for fd in fds:
                os.close(fd)

    def keep(self, message, fds):
        kind, size = struct.unpack_from("<2I", message)
        payload = os.pread(fds[0], size, 0) if fds and kind == SUBMIT else None
        for packet in map(without_padding, packets(message, payload)):
            self.is_full = self.is_full or len(self.recording) + len(packet) > MAX_SIZE
            if not self.is_full:
                self.recording += packet


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    out, name, command = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as text, host.Host(name="record-virgl") as daemon:
        tap = Tap(pathlib.Path(text) / "gl", daemon)
        subprocess.run(command, check=True, timeout=60,
                       env=dict(os.environ, GALLIUM_DRIVER="virpipe", LIBGL_ALWAYS_SOFTWARE="1",
                                LD_PRELOAD=host.BUILD / "tests/bench/libvirgl_bridge.so",
                                SLUICE_BRIDGE=pathlib.Path(text) / "gl"))
    (out / name).write_bytes(tap.recording)
    print(f"{name}: {len(tap.recording)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
